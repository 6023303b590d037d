// SPDX-License-Identifier: GPL-2.0-only
/*
 * Backend: the restricted pool of a device that may touch no other memory
 * (Documentation/devicetree/bindings/reserved-memory/dma-restricted-pool.yaml).
 *
 * The pool is a bounce pool; swiotlb.c owns it and its locks.  It is decrypted as a
 * whole when it is made, where devices need that, and stays so: a buffer that is
 * taken from it or given back changes nothing of that.
 */
#include <linux/mm.h>
#include <linux/swiotlb.h>

#include "backend.h"
#include "prepare.h"
#include "stat.h"
#include "swiotlb/swiotlb.h"

static const char *restricted_decline(const struct dma_request *req)
{
	if (!req->dev->dma_io_tlb_mem || !is_swiotlb_for_alloc(req->dev))
		return "device has no restricted pool";
	return NULL;
}

/* Why pages of the pool can't become what is wanted; NULL if they can */
static const char *cannot_prepare(const struct dma_request *req)
{
	struct dma_request rest = *req;

	rest.limits.unencrypted = false;	/* that is done */
	return dma_memory_cannot_prepare(&rest);
}

static int restricted_alloc(const struct dma_request *req,
			    struct dma_allocation *record)
{
	struct page *page = NULL;

	/* Refused, not declined: there is nowhere else for this device. */
	if (!cannot_prepare(req))
		page = swiotlb_alloc(req->dev, req->size);
	if (!page)
		return -ENOMEM;
	record->phys = page_to_phys(page);
	if (dma_limits_reach(req->dev, &req->limits, record->phys, req->size))
		return 0;
	swiotlb_free(req->dev, page, req->size);
	return -ENOMEM;
}

static void restricted_free(struct dma_allocation *record)
{
	if (swiotlb_free(record->dev, dma_record_page(record), record->size))
		return;
	pr_err("dma: %s: %zu bytes at %pa from a restricted pool lost: the device has it no more\n",
	       record->owner->name, record->size, &record->phys);
	dma_stat_add_lost(record->size);
}

static void restricted_explain(const struct dma_request *req,
			       struct seq_buf *text)
{
	seq_buf_puts(text, swiotlb_why_denied(req->dev) ?:
			   cannot_prepare(req) ?:
			   "no free run of slots in reach");
}

const struct dma_backend dma_restricted_pool = {
	.name		= "restricted pool",
	.is_exclusive	= true,
	.uses_device	= true,
	.is_unencrypted	= true,
	.needs		= DMA_IS_DIRECT,
	.declines	= restricted_decline,
	.alloc		= restricted_alloc,
	.free		= restricted_free,
	.explain	= restricted_explain,
};
