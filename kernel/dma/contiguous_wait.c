// SPDX-License-Identifier: GPL-2.0-only
/*
 * Backend: a CMA area whose pages are busy, for a request that nobody else serves.
 *
 * CMA refuses a request when the area is full, and as well when pages that lie in
 * it can't be moved just now, because somebody reads or writes them: then they
 * can be in a moment.  So where the area has enough free pages, and all other
 * backends have refused, the area is asked again for a while:
 *
 *   dma.cma_wait_ms=	how long, in milliseconds (default: 500; 0: not at all)
 *
 * No locks.
 */
#include <linux/cma.h>
#include <linux/delay.h>
#include <linux/dma-map-ops.h>
#include <linux/jiffies.h>
#include <linux/moduleparam.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>

#include "backend.h"
#include "contiguous.h"

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX	"dma."

#define PAUSE_MS		20

static unsigned int wait_ms = 500;
module_param_named(cma_wait_ms, wait_ms, uint, 0644);
MODULE_PARM_DESC(cma_wait_ms, "how long to ask a CMA area whose pages are busy");

static struct dma_cma_area *area_for(struct device *dev)
{
	return dma_cma_area_of(dev->cma_area) ?: dma_cma_default();
}

/* Full, or in fragments: to wait for busy pages would not help. */
static bool is_full(const struct dma_cma_area *area,
		    const struct dma_request *req)
{
	struct dma_cma_room room = dma_cma_room(area);

	return room.nr_largest < dma_request_nr_pages(req);
}

static const char *busy_decline(const struct dma_request *req)
{
	struct dma_cma_area *area = area_for(req->dev);
	const char *why;

	if (!READ_ONCE(wait_ms))
		return "dma.cma_wait_ms is 0";
	if (req->gfp & __GFP_NORETRY)
		return "the caller does not want to wait";
	if (!area)
		return "there is none";
	if (req->size <= PAGE_SIZE && !dma_has_own_area(req->dev))
		return "a single page";
	why = dma_cma_area_decline(area, req);
	if (why)
		return why;
	return is_full(area, req) ? "the area has no such run of pages" : NULL;
}

static int busy_alloc(const struct dma_request *req,
		      struct dma_allocation *record)
{
	unsigned long end = jiffies + msecs_to_jiffies(READ_ONCE(wait_ms));
	struct dma_cma_area *area = area_for(req->dev);

	do {
		msleep(PAUSE_MS);
		if (!dma_cma_area_try(area, req, record)) {
			atomic_long_inc(&area->waited);
			return 0;
		}
	} while (time_before(jiffies, end) && !is_full(area, req) &&
		 !fatal_signal_pending(current));
	return -ENOMEM;
}

static void busy_explain(const struct dma_request *req, struct seq_buf *text)
{
	struct dma_cma_area *area = area_for(req->dev);

	seq_buf_printf(text,
		       "pages of '%s' were busy for %u ms (a larger dma.cma_wait_ms= may help)",
		       area->info.name, READ_ONCE(wait_ms));
}

const struct dma_backend dma_busy_cma = {
	.name		= "busy cma",
	.needs		= DMA_MAY_SLEEP,
	.declines	= busy_decline,
	.alloc		= busy_alloc,
	.free		= dma_cma_area_free,
	.explain	= busy_explain,
};
