// SPDX-License-Identifier: GPL-2.0-only
/*
 * Backend: the architecture's own allocator, for devices that are not
 * coherent on architectures that make memory uncached in a way of their own
 * (arm with an MMU, parisc with PA 1.1).
 */
#include <linux/cma.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/mmzone.h>
#include <linux/pfn.h>

#include "backend.h"

/*
 * The architecture finds its memory again by the address that the device has for
 * it: there has to be one for all that it may choose.  That is the device's CMA
 * area, where it may sleep; else what the page allocator gives without
 * __GFP_HIGHMEM, of the lowest zone if the mask has less than 32 bits.
 */
static bool has_addresses(const struct dma_request *req)
{
	struct cma *cma = dev_get_cma_area(req->dev);
	struct zone *zone;

	if (!req->dev->dma_range_map)
		return true;
	if (cma && dma_request_can_sleep(req))
		return dma_limits_hold(req->dev, cma_get_base(cma),
				       cma_get_base(cma) +
				       (cma_get_size(cma) - 1));
	for_each_populated_zone(zone) {
		phys_addr_t first = PFN_PHYS(zone->zone_start_pfn);
		phys_addr_t last = PFN_PHYS(zone_end_pfn(zone)) - 1;

		if (is_highmem(zone) ||
		    (IS_ENABLED(CONFIG_ZONE_DMA) && zone_idx(zone) > 0 &&
		     req->limits.last_dma < DMA_BIT_MASK(32)))
			continue;
		if (!dma_limits_hold(req->dev, first, last))
			return false;
	}
	return true;
}

static const char *arch_decline(const struct dma_request *req)
{
	if (!has_addresses(req))
		return "the device's windows leave out memory that it may get";
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
	if (!dma_request_reaches(req, record->phys, req->size)) {
		arch_dma_free(req->dev, req->size, record->cpu_addr,
			      record->dma_addr, req->attrs);
		record->cpu_addr = NULL;
		return -ENOMEM;
	}
	/* What has to be ready at once, arm takes from a pool as it is. */
	if (!dma_request_can_sleep(req) &&
	    !(req->attrs & DMA_ATTR_NO_KERNEL_MAPPING))
		memset(record->cpu_addr, 0, req->size);
	record->free_sleeps = dma_request_can_sleep(req);
	record->done |= DMA_DONE_CPU_MAPPED | DMA_DONE_ZEROED |
			DMA_DONE_ADDRESSED;
	return 0;
}

static void arch_free(struct dma_allocation *record)
{
	arch_dma_free(record->dev, record->size, record->cpu_addr,
		      record->dma_addr, record->attrs);
}

static void arch_explain(const struct dma_request *req, struct seq_buf *text)
{
	seq_buf_puts(text, "the architecture has none that can be reached");
}

const struct dma_backend dma_arch_backend = {
	.name		= "arch",
	.is_exclusive	= true,
	.uses_device	= true,
	.bars		= DMA_IS_COHERENT | DMA_WANTS_PAGES,
	.declines	= arch_decline,
	.alloc		= arch_alloc,
	.free		= arch_free,
	.explain	= arch_explain,
};
