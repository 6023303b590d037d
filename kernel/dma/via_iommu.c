// SPDX-License-Identifier: GPL-2.0-only
/*
 * Backend: pages behind an IOMMU, one contiguous range for the device.
 *
 * drivers/iommu/dma-iommu.c allocates, maps and zeroes; it takes care of
 * coherence and of requests that may not sleep, and has its own locks.
 */
#include <linux/dma-map-ops.h>
#include <linux/iommu-dma.h>

#include "backend.h"

static const char *iommu_decline(const struct dma_request *req)
{
	if (req->route != DMA_ROUTE_IOMMU)
		return "device is not behind an IOMMU";
	if (req->wants_pages)
		return "the caller wants contiguous cacheable pages";
	return NULL;
}

static int iommu_alloc(const struct dma_request *req,
		       struct dma_allocation *record)
{
	record->cpu_addr = iommu_dma_alloc(req->dev, req->size,
					   &record->dma_addr,
					   req->gfp | __GFP_NOWARN,
					   req->attrs);
	if (!record->cpu_addr)
		return -ENOMEM;
	record->done |= DMA_DONE_CPU_MAPPED | DMA_DONE_ZEROED |
			DMA_DONE_ADDRESSED;
	return 0;
}

static void iommu_free(struct dma_allocation *record)
{
	iommu_dma_free(record->dev, record->size, record->cpu_addr,
		       record->dma_addr, record->attrs);
}

static void iommu_explain(const struct dma_request *req, struct seq_buf *text)
{
	seq_buf_puts(text, "no pages or no I/O addresses left");
}

const struct dma_backend dma_iommu_backend = {
	.name		= "iommu",
	.is_exclusive	= true,
	.free_sleeps	= true,
	.declines	= iommu_decline,
	.alloc		= iommu_alloc,
	.free		= iommu_free,
	.explain	= iommu_explain,
};
