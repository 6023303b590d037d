/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which buffers of a device behind an IOMMU are copied into a bounce buffer.
 */
#ifndef _DRIVERS_IOMMU_DMA_BOUNCE_H
#define _DRIVERS_IOMMU_DMA_BOUNCE_H

#include <linux/dma-map-ops.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>

#include "domain.h"

/*
 * A device that is not trusted must not see what else is in a buffer's pages;
 * and a buffer that shares a cache line with other data can't be kept coherent
 * by hand.
 */
static __always_inline bool
dma_must_bounce(const struct iommu_dma_cookie *cookie, struct device *dev,
		phys_addr_t phys, size_t size, enum dma_data_direction dir)
{
	if (!IS_ENABLED(CONFIG_SWIOTLB))
		return false;
	return (dma_dev_is_untrusted(dev) &&
		dma_domain_offset(cookie, phys | size)) ||
	       dma_kmalloc_needs_bounce(dev, size, dir);
}

/* Can any mapping of this device be a bounced one? */
static __always_inline bool dma_may_have_bounced(struct device *dev)
{
	if (!IS_ENABLED(CONFIG_SWIOTLB))
		return false;
	return dma_dev_is_untrusted(dev) ||
	       (IS_ENABLED(CONFIG_DMA_BOUNCE_UNALIGNED_KMALLOC) &&
		!dev_is_dma_coherent(dev));
}

/* A list may have been mapped before, and copied then. */
static inline void dma_sg_unmark_copied(struct scatterlist *sgl)
{
#ifdef CONFIG_NEED_SG_DMA_FLAGS
	sgl->dma_flags &= ~SG_DMA_SWIOTLB;
#endif
}

#endif /* _DRIVERS_IOMMU_DMA_BOUNCE_H */
