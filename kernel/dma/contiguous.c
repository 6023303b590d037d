// SPDX-License-Identifier: GPL-2.0-only
/*
 * Backends: CMA areas.
 *
 * CMA lends its pages to movable allocations until DMA wants them, so taking
 * some may have to move others: only requests that may sleep come here.
 *
 *   device cma    the area that the device's reusable reserved-memory node is
 *   node cma      areas near the device's NUMA node (numa_cma=, cma_pernuma=)
 *   default cma   one for everybody: linux,cma-default, cma= or Kconfig
 *
 * Moving pages is dear, so it is done for an extent at a time, which two arenas
 * (arena.c) of each area cut: one of plain pages, one of prepared ones.
 *
 * A single page comes from the page allocator rather than from a shared area.
 * When an area is full the next backend is tried, and plain pages at last.
 *
 * Locks: none of its own but the arenas'; figures are atomics.  The areas are reserved at
 * boot by one CPU and never go away: see contiguous_boot.c.
 */
#include <linux/cma.h>
#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include "arena.h"
#include "backend.h"
#include "contiguous.h"
#include "prepare.h"

/**
 * dma_cma_area_decline - why an area can't serve a request
 * @area: the area, whoever it belongs to
 * @req: the request
 *
 * Context: any.
 * Return: NULL if it can, else the reason.
 */
const char *dma_cma_area_decline(const struct dma_cma_area *area,
				 const struct dma_request *req)
{
	phys_addr_t base = cma_get_base(area->cma);

	/* The kernel could not make use of its pages, and has taken them. */
	if (!cma_get_size(area->cma))
		return "the area could not be activated";
	if (!dma_request_reaches(req, base, PAGE_SIZE))
		return "out of the device's reach";
	if (PageHighMem(pfn_to_page(PHYS_PFN(base))) &&
	    (req->wants_pages || req->limits.unencrypted))
		return "the area is in high memory";
	return dma_memory_cannot_prepare(req);
}

/*
 * The arena that serves a request.  NULL: it gets pages of its own, which others
 * may hold, or that can't be prepared by the extent.
 */
static struct dma_arena *arena_for(struct dma_cma_area *area,
				   const struct dma_request *req)
{
	if (req->wants_pages)
		return NULL;
	/* Behind an IOMMU memory is encrypted like all other. */
	if (!IS_ENABLED(CONFIG_DMA_COHERENT_POOL) ||
	    req->route == DMA_ROUTE_IOMMU || dma_prepared_decline(req))
		return &area->plain;
	return PageHighMem(pfn_to_page(PHYS_PFN(cma_get_base(area->cma)))) ?
	       NULL : &area->prepared;
}

static bool take_piece(struct dma_arena *arena, const struct dma_request *req,
		       struct dma_allocation *record)
{
	/*
	 * An area is made for the buffers of one board, and has to hold them all:
	 * beyond CONFIG_CMA_ALIGNMENT natural alignment is good to have, no more.
	 */
	struct dma_need need = {
		.size = req->size,
		.last_phys = req->limits.last_phys,
		.align_else = 1UL << dma_cma_order(req->size),
		.req = req,
	};
	struct dma_piece piece;

	if (!dma_arena_alloc(arena, &need, &piece))
		return false;
	dma_record_set_piece(record, req, &piece);
	return true;
}

/* What the device does not reach goes back at once. */
static bool take_pages(struct dma_cma_area *area, const struct dma_request *req,
		       struct dma_allocation *record)
{
	unsigned long nr_pages = dma_request_nr_pages(req);
	struct page *page;

	page = cma_alloc(area->cma, nr_pages, dma_cma_order(req->size), true);
	if (!page)
		return false;
	if (!dma_request_reaches(req, page_to_phys(page), req->size)) {
		cma_release(area->cma, page, nr_pages);
		return false;
	}
	record->own.area = area;
	record->phys = page_to_phys(page);
	return true;
}

static void count_served(struct dma_cma_area *area, size_t size)
{
	long used = atomic_long_add_return(size, &area->used);
	long peak = atomic_long_read(&area->peak);

	while (used > peak &&
	       !atomic_long_try_cmpxchg(&area->peak, &peak, used))
		;
	atomic_long_inc(&area->served);
}

/**
 * dma_cma_area_try - serve a request from one area; a refusal is not counted
 * @area: the area; dma_request_reaches() its start
 * @req: the request, which may sleep
 * @record: gets phys
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int dma_cma_area_try(struct dma_cma_area *area, const struct dma_request *req,
		     struct dma_allocation *record)
{
	struct dma_arena *arena = arena_for(area, req);

	if (arena ? !take_piece(arena, req, record) :
		    !take_pages(area, req, record))
		return -ENOMEM;
	count_served(area, req->size);
	return 0;
}

/**
 * dma_cma_area_alloc - serve a request from one area
 * @area: the area; dma_request_reaches() its start
 * @req: the request, which may sleep
 * @record: gets phys
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int dma_cma_area_alloc(struct dma_cma_area *area,
		       const struct dma_request *req,
		       struct dma_allocation *record)
{
	int err = dma_cma_area_try(area, req, record);

	if (err)
		atomic_long_inc(&area->refused);
	return err;
}

/* The area that a record's memory is of. */
static struct dma_cma_area *area_of(const struct dma_allocation *record)
{
	struct dma_arena *arena;

	if (!(record->done & DMA_DONE_PIECE))
		return record->own.area;
	arena = dma_record_arena(record);
	return arena->is_prepared ?
	       container_of(arena, struct dma_cma_area, prepared) :
	       container_of(arena, struct dma_cma_area, plain);
}

/**
 * dma_cma_area_free - give a buffer back to its area
 * @record: made by dma_cma_area_alloc()
 *
 * Context: any.
 */
void dma_cma_area_free(struct dma_allocation *record)
{
	struct dma_cma_area *area = area_of(record);

	if (record->done & DMA_DONE_PIECE)
		dma_record_give_piece(record);
	else
		cma_release(area->cma, dma_record_page(record),
			    record->size >> PAGE_SHIFT);
	atomic_long_sub(record->size, &area->used);
}

/**
 * dma_cma_area_explain - say why an area refused
 * @area: the area
 * @text: where to say it
 *
 * Context: any.
 */
void dma_cma_area_explain(const struct dma_cma_area *area, struct seq_buf *text)
{
	struct dma_cma_room room = dma_cma_room(area);

	seq_buf_printf(text, "'%s' free %lu KiB, largest %lu KiB%s",
		       area->info.name, room.nr_free << (PAGE_SHIFT - 10),
		       room.nr_largest << (PAGE_SHIFT - 10),
		       atomic_long_read(&area->used) ? "" : ", none used here");
}

static const char *device_cma_decline(const struct dma_request *req)
{
	struct dma_cma_area *area = dma_cma_area_of(req->dev->cma_area);

	return area ? dma_cma_area_decline(area, req) :
		      "the device's area is not for DMA";
}

static int device_cma_alloc(const struct dma_request *req,
			    struct dma_allocation *record)
{
	return dma_cma_area_alloc(dma_cma_area_of(req->dev->cma_area), req, record);
}

static void device_cma_explain(const struct dma_request *req,
			       struct seq_buf *text)
{
	dma_cma_area_explain(dma_cma_area_of(req->dev->cma_area), text);
}

const struct dma_backend dma_device_cma = {
	.name		= DMA_DEVICE_CMA,
	.needs		= DMA_HAS_AREA | DMA_MAY_SLEEP,
	.declines	= device_cma_decline,
	.alloc		= device_cma_alloc,
	.free		= dma_cma_area_free,
	.explain	= device_cma_explain,
};

static const char *default_cma_decline(const struct dma_request *req)
{
	return dma_cma_default() ?
	       dma_cma_area_decline(dma_cma_default(), req) : "there is none";
}

static int default_cma_alloc(const struct dma_request *req,
			     struct dma_allocation *record)
{
	return dma_cma_area_alloc(dma_cma_default(), req, record);
}

static void default_cma_explain(const struct dma_request *req,
				struct seq_buf *text)
{
	dma_cma_area_explain(dma_cma_default(), text);
}

const struct dma_backend dma_default_cma = {
	.name		= DMA_DEFAULT_CMA,
	.needs		= DMA_MAY_SLEEP,
	.bars		= DMA_HAS_AREA | DMA_IS_SINGLE,
	.declines	= default_cma_decline,
	.alloc		= default_cma_alloc,
	.free		= dma_cma_area_free,
	.explain	= default_cma_explain,
};

/**
 * dma_alloc_from_contiguous - pages from the CMA area of a device
 * @dev: the device; NULL for the default area
 * @count: number of pages
 * @align: order of the alignment; cut to CONFIG_CMA_ALIGNMENT
 * @no_warn: do not report a failure
 *
 * Needed by arch/arm/mm/dma-mapping.c.
 *
 * Context: may sleep.
 * Return: the first page, or NULL.
 */
struct page *dma_alloc_from_contiguous(struct device *dev, size_t count,
				       unsigned int align, bool no_warn)
{
	struct cma *cma = dev_get_cma_area(dev);
	struct dma_cma_area *area = dma_cma_area_of(cma);
	struct page *page;

	if (!cma)
		return NULL;
	page = cma_alloc(cma, count,
			 min_t(unsigned int, align, CONFIG_CMA_ALIGNMENT),
			 no_warn);
	if (area && page)
		count_served(area, count << PAGE_SHIFT);
	else if (area)
		atomic_long_inc(&area->refused);
	return page;
}

/**
 * dma_release_from_contiguous - give back what the function above took
 * @dev: the device it was taken for
 * @pages: the first page
 * @count: number of pages
 *
 * Needed by arch/arm/mm/dma-mapping.c.
 *
 * Context: any.
 * Return: false if the pages are not from that area.
 */
bool dma_release_from_contiguous(struct device *dev, struct page *pages,
				 int count)
{
	struct cma *cma = dev_get_cma_area(dev);
	struct dma_cma_area *area = dma_cma_area_of(cma);

	if (!cma || !cma_release(cma, pages, count))
		return false;
	if (area)
		atomic_long_sub((long)count << PAGE_SHIFT, &area->used);
	return true;
}
