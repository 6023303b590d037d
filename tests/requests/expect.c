// SPDX-License-Identifier: GPL-2.0
/*
 * The policy: which backend has to serve which request.
 *
 * Backends are asked in a fixed order. The first three, and arch, are exclusive: a device
 * that has one of them gets its memory there or not at all.
 *
 *	device pool	the device binds it; several are tried in order
 *	restricted pool	the device binds it
 *	iommu		an IOMMU translates for the device
 *	global pool	the device is non-coherent
 *	arch		the device is non-coherent, on 32-bit arm; without sleeping, up
 *			to the coherent_pool= that the kernel is booted with
 *	atomic pool	the device is non-coherent and the request may not sleep
 *	device cma	the device binds it; the request may sleep
 *	default cma	the device binds none; may sleep, more than a page
 *	prepared pages	the device is non-coherent, the request may sleep
 *	pages		what is left
 *	busy cma	what nobody else serves
 *
 * One that the device can't reach is passed over. Cacheable pages, which
 * dma_alloc_pages() and dma_alloc_noncoherent() ask for, are not to be had from
 * memory that has no struct page or is mapped uncached: they come from CMA areas
 * or from the page allocator, also behind an IOMMU.
 *
 * Atomic pools grow in the background, to what was refused: a request that
 * outruns them is refused at once, and has to be served when it is made again a
 * little later.
 *
 * Areas per NUMA node are not declared by the boards that this runs on.
 */
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/mm.h>

#include "requests.h"

/* What a restricted pool can give in one piece, if it has that much */
#define RESTRICTED_MAX	((size_t)SZ_8M)

static void serve(struct expectation *e, const char *backend, struct place place)
{
	e->backend = backend;
	e->place = place;
	e->why = NULL;
}

static void refuse(struct expectation *e, const char *why)
{
	e->backend = NULL;
	e->why = why;
}

/**
 * expect_mask() - what dma_set_mask_and_coherent() has to answer
 * @t: the device
 * @error: set to 0 or to the error
 *
 * Without an IOMMU a mask of less than 32 bits is only good if the device
 * reaches all of the memory that is kept for devices with small masks.
 *
 * Context: process.
 */
void expect_mask(const struct test_device *t, int *error)
{
	u64 mask = DMA_BIT_MASK(t->mask_bits);
	phys_addr_t last = min_t(u64, PFN_PHYS(max_pfn) - 1, zone_dma_limit);

	*error = 0;
	if (t->mask_bits >= 32 || is_translated(t->dev))
		return;
	if (!bus_address(t->dev, last, 1, mask, NULL))
		*error = -EIO;
}

static void expect_device_pool(const struct test_device *t, const struct request *rq,
			       struct expectation *e)
{
	bool is_in_reach = false;

	for (unsigned int i = 0; i < t->nr_pools; i++) {
		const struct place *pool = &t->pools[i];

		if (!is_translated(t->dev) &&
		    !can_reach(t->dev, pool, consistent_limit(t->dev)))
			continue;
		is_in_reach = true;
		if (natural_alignment(rq->size) <= pool->size)
			return serve(e, "device pool", *pool);
	}
	refuse(e, is_in_reach ? "larger than the device's pools" : "pools out of reach");
}

/* Uncached pages are kept ready where the page tables make them. */
static bool is_prepared(const struct test_device *t, const struct request *rq)
{
	return IS_ENABLED(CONFIG_DMA_DIRECT_REMAP) && !rq->is_atomic &&
	       rq->form == FORM_COHERENT && !is_translated(t->dev) &&
	       !dev_is_dma_coherent(t->dev);
}

static void expect_cma_or_pages(const struct test_device *t, const struct request *rq,
				struct expectation *e)
{
	u64 limit = consistent_limit(t->dev);
	bool is_anything_in_reach = is_translated(t->dev);
	struct place cma = t->cma;
	const char *name = "device cma";

	if (!cma.size && PAGE_ALIGN(rq->size) > PAGE_SIZE) {
		cma = place_of_default_cma();
		name = "default cma";
	}
	if (!rq->is_atomic && cma.size &&
	    (is_anything_in_reach || can_reach(t->dev, &cma, limit)))
		return serve(e, name, cma);
	if (is_anything_in_reach || can_reach_pages(t->dev, limit))
		return serve(e, is_prepared(t, rq) ? "prepared pages" : "pages",
			     (struct place){});
	refuse(e, "no memory in reach");
}

static void expect_noncoherent(const struct run *run, const struct test_device *t,
			       const struct request *rq, struct expectation *e)
{
	u64 limit = consistent_limit(t->dev);
	struct place global = place_of_global_pool();

	if (can_reach(t->dev, &global, limit) && !run->is_global_pool_full &&
	    natural_alignment(rq->size) <= global.size)
		return serve(e, "global pool", global);
	if (IS_ENABLED(CONFIG_ARCH_HAS_DMA_ALLOC))
		return serve(e, "arch", (struct place){});
	if (!rq->is_atomic)
		return expect_cma_or_pages(t, rq, e);
	if (!IS_ENABLED(CONFIG_DMA_COHERENT_POOL))
		return refuse(e, "no atomic pool");
	if (!can_reach_pages(t->dev, limit))
		return refuse(e, "no atomic pool in reach");
	serve(e, "atomic pool", (struct place){});
	e->may_come_late = true;
}

/* What may not sleep is one piece from those that have it ready, and mapped. */
static void expect_iommu(const struct test_device *t, const struct request *rq,
			 struct expectation *e)
{
	if (rq->size > consistent_limit(t->dev))
		return refuse(e, "more than the device has addresses");
	if (!rq->is_atomic)
		return serve(e, "iommu", (struct place){});
	if (dev_is_dma_coherent(t->dev))
		return serve(e, "pages", (struct place){});
	serve(e, "atomic pool", (struct place){});
	e->may_come_late = true;
}

/**
 * expect_consistent() - what a request for a buffer has to get
 * @run: the run, for what it holds of the global pool
 * @t: the device
 * @rq: the request
 * @e: filled
 *
 * Context: process.
 */
void expect_consistent(const struct run *run, const struct test_device *t,
		       const struct request *rq, struct expectation *e)
{
	*e = (struct expectation){};
	if (t->nr_pools && rq->form == FORM_COHERENT)
		expect_device_pool(t, rq, e);
	else if (t->restricted.size &&
		 rq->size > min(RESTRICTED_MAX, t->restricted.size))
		refuse(e, "larger than a restricted pool gives");
	else if (t->restricted.size)
		serve(e, "restricted pool", t->restricted);
	else if (rq->form != FORM_COHERENT)
		expect_cma_or_pages(t, rq, e);
	else if (is_translated(t->dev))
		expect_iommu(t, rq, e);
	else if (dev_is_dma_coherent(t->dev))
		expect_cma_or_pages(t, rq, e);
	else
		expect_noncoherent(run, t, rq, e);
}
