// SPDX-License-Identifier: GPL-2.0-only
/*
 * Old names of CMA areas, for files that are not rewritten yet.
 *
 * Each function is marked with the file that needs it and goes when that file
 * does; after the last of them this file goes.
 *
 * No locks.
 */
#include <linux/dma-map-ops.h>
#include <linux/mm.h>

#include "backend.h"
#include "contiguous.h"

static const struct dma_backend * const area_backends[] = {
	DMA_BACKEND_IF(DMA_CMA, dma_device_cma),
	DMA_BACKEND_IF(DMA_NUMA_CMA, dma_node_cma),
	DMA_BACKEND_IF(DMA_CMA, dma_default_cma),
};

/**
 * dma_alloc_contiguous - pages from a CMA area
 * @dev: the device
 * @size: in bytes
 * @gfp: GFP flags
 *
 * Needed by drivers/iommu/dma-iommu.c.
 *
 * Context: may sleep if @gfp allows.
 * Return: the first page, or NULL: take some from the page allocator then.
 */
struct page *dma_alloc_contiguous(struct device *dev, size_t size, gfp_t gfp)
{
	struct dma_request req = dma_request_of(dev, PAGE_ALIGN(size), gfp, 0);
	struct dma_allocation record = {};

	req.wants_pages = true;
	for (unsigned int i = 0; i < ARRAY_SIZE(area_backends); i++) {
		const struct dma_backend *backend = area_backends[i];

		if (backend && !backend->declines(&req) &&
		    !backend->alloc(&req, &record))
			return dma_record_page(&record);
	}
	return NULL;
}

/**
 * dma_free_contiguous - give pages back to their area, or to all
 * @dev: the device
 * @page: the first page
 * @size: in bytes
 *
 * Needed by drivers/iommu/dma-iommu.c.
 *
 * Context: any.
 */
void dma_free_contiguous(struct device *dev, struct page *page, size_t size)
{
	if (!dma_cma_release(page, PAGE_ALIGN(size)))
		__free_pages(page, get_order(size));
}
