// SPDX-License-Identifier: GPL-2.0-only
/*
 * Backend: the architecture's own allocator, for devices that are not
 * coherent on architectures that make memory uncached in a way of their own
 * (arm with an MMU, parisc with PA 1.1).
 */
#include <linux/dma-map-ops.h>

#include "backend.h"

static const char *arch_decline(const struct dma_request *req)
{
	if (req->limits.coherent)
		return "device is coherent";
	if (req->wants_pages)
		return "the caller wants cacheable pages";
	if ((req->attrs & DMA_ATTR_NO_KERNEL_MAPPING) &&
	    !req->limits.unencrypted)
		return "the caller wants no kernel mapping";
	return NULL;
}

static int arch_alloc(const struct dma_request *req,
		      struct dma_allocation *record)
{
	record->cpu_addr = arch_dma_alloc(req->dev, req->size,
					  &record->dma_addr, req->gfp,
					  req->attrs);
	if (!record->cpu_addr)
		return -ENOMEM;
	record->phys = dma_to_phys(req->dev, record->dma_addr);
	record->done |= DMA_DONE_CPU_MAPPED | DMA_DONE_ZEROED |
			DMA_DONE_ADDRESSED;
	return 0;
}

static void arch_free(struct dma_allocation *record)
{
	arch_dma_free(record->dev, record->size, record->cpu_addr,
		      record->dma_addr, record->attrs);
}

const struct dma_backend dma_arch_backend = {
	.name		= "arch",
	.is_exclusive	= true,
	.free_sleeps	= true,
	.declines	= arch_decline,
	.alloc		= arch_alloc,
	.free		= arch_free,
};
