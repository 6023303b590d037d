/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Making pages into memory that CPU and device see alike.
 */
#ifndef _KERNEL_DMA_PREPARE_H
#define _KERNEL_DMA_PREPARE_H

#include "backend.h"

const char *dma_prepared_decline(const struct dma_request *req);
const char *dma_memory_cannot_prepare(const struct dma_request *req);
int dma_memory_prepare(const struct dma_request *req,
		       struct dma_allocation *record);
bool dma_memory_restore(struct dma_allocation *record);

void *dma_pages_make_uncached(struct page *page, size_t size);

/* Do pages have to be decrypted, or to be mapped uncached elsewhere? */
static inline bool dma_request_needs_work(const struct dma_request *req)
{
	return req->limits.unencrypted ||
	       (IS_ENABLED(CONFIG_DMA_DIRECT_REMAP) && !req->limits.coherent &&
		!req->wants_pages);
}

static inline bool dma_request_wants_page(const struct dma_request *req)
{
	return req->wants_pages || (req->attrs & DMA_ATTR_NO_KERNEL_MAPPING);
}

#endif /* _KERNEL_DMA_PREPARE_H */
