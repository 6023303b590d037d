/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Physically contiguous pages from the page allocator, for backends.
 */
#ifndef _KERNEL_DMA_PAGES_H
#define _KERNEL_DMA_PAGES_H

struct dma_allocation;
struct dma_request;

int dma_pages_take(const struct dma_request *req,
		   struct dma_allocation *record);
void dma_pages_give(struct dma_allocation *record);
void dma_pages_share(const struct dma_allocation *copy);

#endif /* _KERNEL_DMA_PAGES_H */
