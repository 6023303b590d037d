// SPDX-License-Identifier: GPL-2.0-only
/*
 * Backend: physically contiguous pages from the page allocator.
 *
 * A request gets just the pages it asks for: where the allocator's power of
 * two is larger, the rest goes back at once.
 *
 * The page allocator knows zones, not masks.  The first try is optimistic;
 * a page that lies too high goes back, and the next zone down is tried.
 *
 * Locks: split_mutex while a piece is cut; the ledger's nests inside.
 */
#include <linux/device.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/mutex.h>

#include "backend.h"
#include "ledger.h"
#include "pages.h"
#include "prepare.h"

/* Cut the tail off 2^order pages. */
static void keep_pages(struct page *page, unsigned int order,
		       unsigned long nr_pages)
{
	if (nr_pages == 1UL << order)
		return;
	split_page(page, order);
	for (unsigned long nr = nr_pages; nr < 1UL << order; nr++)
		__free_page(page + nr);
}

/* The next zone down, or 0 if there is none. */
static gfp_t lower_zone(gfp_t zone)
{
	if (!zone && IS_ENABLED(CONFIG_ZONE_DMA32))
		return GFP_DMA32;
	if (zone != GFP_DMA && IS_ENABLED(CONFIG_ZONE_DMA))
		return GFP_DMA;
	return 0;
}

/**
 * dma_pages_take - take just the pages that a request asks for
 * @req: the request; of at most MAX_PAGE_ORDER
 * @record: gets phys, and a bit if the pages are zeroed
 *
 * Context: may sleep if req->gfp allows.
 * Return: 0 or -ENOMEM.
 */
int dma_pages_take(const struct dma_request *req,
		   struct dma_allocation *record)
{
	gfp_t zone = req->route == DMA_ROUTE_DIRECT ?
		     dma_limits_zone(&req->limits) : 0;
	unsigned int order = get_order(req->size);
	gfp_t gfp = req->gfp | __GFP_NOWARN;

	/* What is cut off, or changes by decryption, is not zeroed here. */
	gfp &= ~__GFP_ZERO;
	if (is_power_of_2(dma_request_nr_pages(req)) &&
	    !req->limits.unencrypted)
		gfp |= __GFP_ZERO;

	do {
		struct page *page = alloc_pages_node(dev_to_node(req->dev),
						     gfp | zone, order);

		if (page && dma_request_reaches(req, page_to_phys(page),
						req->size)) {
			keep_pages(page, order, dma_request_nr_pages(req));
			record->phys = page_to_phys(page);
			if (gfp & __GFP_ZERO)
				record->done |= DMA_DONE_ZEROED;
			return 0;
		}
		/* The allocator has looked in the lower zones already. */
		if (!page)
			break;
		__free_pages(page, order);
		zone = lower_zone(zone);
	} while (zone);

	return -ENOMEM;
}

/* Were they cut, or is it the power of two that the allocator gave? */
static bool is_split(const struct dma_allocation *record)
{
	return (record->done & DMA_DONE_SPLIT) ||
	       !is_power_of_2(record->size >> PAGE_SHIFT);
}

/**
 * dma_pages_give - give them back
 * @record: its phys and size say which
 *
 * A page that somebody else holds goes when that ends.
 *
 * Context: any.
 */
void dma_pages_give(struct dma_allocation *record)
{
	unsigned long nr_pages = record->size >> PAGE_SHIFT;
	struct page *page = dma_record_page(record);

	if (!is_split(record)) {
		__free_pages(page, ilog2(nr_pages));
		return;
	}
	while (nr_pages--)
		__free_page(page++);
}

/**
 * dma_pages_share - let others hold single pages of a buffer
 * @copy: of the record of a live buffer
 *
 * The allocator counts users of a whole piece.  Only who maps it into user space
 * needs a count for each page, so it is cut then and not before.
 *
 * Context: process context, may sleep.
 */
void dma_pages_share(const struct dma_allocation *copy)
{
	static DEFINE_MUTEX(split_mutex);

	if (!is_power_of_2(copy->size >> PAGE_SHIFT))
		return;
	/* The bit alone does not tell that it is done: who comes second waits. */
	mutex_lock(&split_mutex);
	if (dma_ledger_note(copy, DMA_DONE_SPLIT))
		split_page(dma_record_page(copy),
			   ilog2(copy->size >> PAGE_SHIFT));
	mutex_unlock(&split_mutex);
}

static void pages_explain(const struct dma_request *req, struct seq_buf *text)
{
	seq_buf_printf(text, "none free of order %d that can be reached",
		       get_order(req->size));
}

const struct dma_backend dma_page_backend = {
	.name		= "pages",
	.gives_pages	= true,
	.bars		= DMA_IS_HUGE,
	.declines	= dma_memory_cannot_prepare,
	.alloc		= dma_pages_take,
	.free		= dma_pages_give,
	.explain	= pages_explain,
};
