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
 * A single page comes from the page allocator rather than from a shared area.
 * When an area is full the next backend is tried, and plain pages at last.
 *
 * Locks: none of its own; figures are atomics.  The areas are reserved at
 * boot by one CPU and never go away: see contiguous_boot.c.
 */
#include <linux/cma.h>
#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include "backend.h"
#include "contiguous.h"
#include "prepare.h"

/* Why an area can't serve a request, whoever the area belongs to. */
static const char *area_decline(const struct dma_cma_area *area,
				const struct dma_request *req)
{
	phys_addr_t base = cma_get_base(area->cma);

	if (!dma_request_can_sleep(req))
		return "the request may not sleep";
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
 * No more than CONFIG_CMA_ALIGNMENT, even where natural alignment is to be had: an
 * area is made for the buffers of one board, and has to hold them all.
 */
static struct page *take_pages(struct dma_cma_area *area, size_t size)
{
	return cma_alloc(area->cma, size >> PAGE_SHIFT,
			 min(get_order(size), CONFIG_CMA_ALIGNMENT), true);
}

/* What the device does not reach goes back at once. */
static struct page *take_reachable(struct dma_cma_area *area,
				   const struct dma_request *req)
{
	struct page *page = take_pages(area, req->size);

	if (!page || dma_request_reaches(req, page_to_phys(page), req->size))
		return page;
	cma_release(area->cma, page, dma_request_nr_pages(req));
	return NULL;
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
	struct page *page = take_reachable(area, req);

	if (!page) {
		atomic_long_inc(&area->refused);
		return -ENOMEM;
	}
	count_served(area, req->size);
	record->own.area = area;
	record->phys = page_to_phys(page);
	return 0;
}

/**
 * dma_cma_area_free - give a buffer back to its area
 * @record: made by dma_cma_area_alloc()
 *
 * Context: any.
 */
void dma_cma_area_free(struct dma_allocation *record)
{
	struct dma_cma_area *area = record->own.area;

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
	seq_buf_printf(text, "'%s' has no free run, %lu of %lu KiB are used here",
		       area->info.name, atomic_long_read(&area->used) / SZ_1K,
		       cma_get_size(area->cma) / SZ_1K);
}

static const char *device_cma_decline(const struct dma_request *req)
{
	if (!dma_cma_area_of(req->dev->cma_area))
		return "no device CMA area is bound";
	return area_decline(dma_cma_area_of(req->dev->cma_area), req);
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
	.name		= "device cma",
	.declines	= device_cma_decline,
	.alloc		= device_cma_alloc,
	.free		= dma_cma_area_free,
	.explain	= device_cma_explain,
};

/**
 * dma_cma_shared_decline - why an area for everybody does not serve a request
 * @area: the area; NULL if there is none
 * @req: the request
 *
 * Context: any.
 * Return: NULL if it does, else the reason.
 */
const char *dma_cma_shared_decline(const struct dma_cma_area *area,
				   const struct dma_request *req)
{
	if (!area)
		return "there is none";
	if (dma_cma_area_of(req->dev->cma_area))
		return "the device has a CMA area of its own";
	if (req->size <= PAGE_SIZE)
		return "a single page";
	return area_decline(area, req);
}

static const char *default_cma_decline(const struct dma_request *req)
{
	return dma_cma_shared_decline(dma_cma_default(), req);
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
	.name		= "default cma",
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
