// SPDX-License-Identifier: GPL-2.0-only
/*
 * Backend: pages behind an IOMMU, one contiguous range for the device.
 *
 * Where the page allocator has one piece of that size ready, it is taken, and
 * the dispatcher makes it what the request wants and has it mapped: no second
 * mapping for the CPU is needed then.  Otherwise the pages are scattered, and
 * drivers/iommu/dma/alloc.c does all of it.
 *
 * What may not sleep, or has to be physically contiguous, is left to the
 * backends below, whose memory the dispatcher maps in the same way.
 *
 * No locks.
 */
#include <linux/dma-map-ops.h>
#include <linux/iommu-dma.h>
#include <linux/mm.h>

#include "backend.h"
#include "pages.h"
#include "prepare.h"

/* One piece, if there is one ready. */
static bool take_piece(const struct dma_request *req,
		       struct dma_allocation *record)
{
	struct dma_request quick = *req;

	if (get_order(req->size) > MAX_PAGE_ORDER ||
	    dma_memory_cannot_prepare(req))
		return false;
	/* Larger pages than the CPU's would show the device what lies beside. */
	if (!IS_ALIGNED(req->size, iommu_dma_granule(req->dev)))
		return false;
	if (get_order(req->size))
		quick.gfp &= ~__GFP_DIRECT_RECLAIM;
	return !dma_pages_take(&quick, record);
}

static int iommu_alloc(const struct dma_request *req,
		       struct dma_allocation *record)
{
	struct iommu_dma_scatter *scatter;

	if (take_piece(req, record))
		return 0;
	scatter = iommu_dma_alloc_scatter(req->dev, req->size,
					  &record->cpu_addr, &record->dma_addr,
					  req->gfp, req->attrs);
	if (!scatter)
		return -ENOMEM;
	record->own.scatter = scatter;
	record->free_sleeps = true;
	record->done |= DMA_DONE_CPU_MAPPED | DMA_DONE_ZEROED |
			DMA_DONE_ADDRESSED | DMA_DONE_IO_MAPPED;
	return 0;
}

static void iommu_free(struct dma_allocation *record)
{
	if (record->own.scatter)
		iommu_dma_free_scatter(record->own.scatter);
	else
		dma_pages_give(record);
}

static void iommu_explain(const struct dma_request *req, struct seq_buf *text)
{
	seq_buf_puts(text, "no pages or no I/O addresses left");
}

const struct dma_backend dma_iommu_backend = {
	.name		= "iommu",
	.is_exclusive	= true,
	.gives_pages	= true,
	.needs		= DMA_BY_IOMMU | DMA_MAY_SLEEP,
	.bars		= DMA_WANTS_CONTIGUOUS,
	.alloc		= iommu_alloc,
	.free		= iommu_free,
	.explain	= iommu_explain,
};
