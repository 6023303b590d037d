/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Large mappings that are kept until the next invalidation, in lazy mode.
 */
#ifndef _DRIVERS_IOMMU_DMA_KEEP_H
#define _DRIVERS_IOMMU_DMA_KEEP_H

#include <linux/sizes.h>

#include "bounce.h"
#include "domain.h"

/* A shorter mapping costs less to be made than to be found again. */
#define DMA_KEEP_LEAST	SZ_64K

struct dma_keep *dma_keep_create(void);
void dma_keep_destroy(struct dma_keep *keep);
void dma_keep_let_go(struct iommu_dma_cookie *cookie);

dma_addr_t dma_keep_map(struct iommu_dma_cookie *cookie, struct device *dev,
			phys_addr_t phys, size_t size, int prot);
void dma_keep_unmap(struct iommu_dma_cookie *cookie, struct device *dev,
		    dma_addr_t addr, size_t size);

/*
 * May a mapping be kept?  Its two ends ask the same question.  What has to be
 * done for the CPU at an unmap needs the page tables; such devices stay out.
 */
static __always_inline bool dma_keep_wants(const struct iommu_dma_cookie *cookie,
					   struct device *dev, size_t size)
{
	/* Pairs with the release that publishes it: its flush is there, too. */
	return size >= DMA_KEEP_LEAST && smp_load_acquire(&cookie->keep) &&
	       dev_is_dma_coherent(dev) && !dma_may_have_bounced(dev);
}

#endif /* _DRIVERS_IOMMU_DMA_KEEP_H */
