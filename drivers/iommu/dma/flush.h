/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Addresses that wait for an invalidation before they are used again.
 */
#ifndef _DRIVERS_IOMMU_DMA_FLUSH_H
#define _DRIVERS_IOMMU_DMA_FLUSH_H

#include <linux/list.h>
#include <linux/types.h>

struct dma_flush;
struct iommu_dma_cookie;

struct dma_flush *dma_flush_create(struct iommu_dma_cookie *cookie,
				   bool is_shared);
void dma_flush_destroy(struct dma_flush *flush);
void dma_flush_later(struct dma_flush *flush, dma_addr_t addr, size_t size,
		     struct list_head *tables);
void dma_flush_all(struct dma_flush *flush);

#endif /* _DRIVERS_IOMMU_DMA_FLUSH_H */
