// SPDX-License-Identifier: GPL-2.0-only
/*
 * The CMA areas that serve DMA: which there are, which is whose, and taking pages of
 * one.
 *
 * The table is appended to by one CPU at boot and constant after.  Each area has two
 * arenas (arena.c), of plain and of prepared pages.
 */
#include <linux/cma.h>
#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/init.h>
#include <linux/sizes.h>

/* How much of an area is free, only its bitmap tells. */
#include "../../mm/cma.h"
#include "arena.h"
#include "contiguous.h"

/* One more than CMA has, so that an empty entry ends the table. */
static struct dma_cma_area areas[MAX_CMA_AREAS + 1];
static struct dma_cma_area *default_area;

/* Named by dev_get_cma_area() of linux/dma-map-ops.h. */
struct cma *dma_contiguous_default_area;

struct dma_cma_cmdline dma_cma_cmdline __initdata;

static int __init parse_cma(char *arg)
{
	struct dma_cma_cmdline cmdline = { .is_given = true };
	char *at = arg;

	if (!arg)
		goto malformed;
	cmdline.size = memparse(at, &at);
	if (at == arg)
		goto malformed;
	if (*at == '@') {
		cmdline.has_place = true;
		cmdline.base = memparse(at + 1, &at);
		/* A base alone means: exactly there. */
		cmdline.is_fixed = *at != '-';
		cmdline.end = cmdline.is_fixed ? cmdline.base + cmdline.size :
						 memparse(at + 1, &at);
	}
	if (*at || cmdline.end < cmdline.base)
		goto malformed;
	dma_cma_cmdline = cmdline;
	return 0;

malformed:
	pr_err("dma: cma=%s: expected SIZE[@BASE[-END]], such as 64M@0-1G\n",
	       arg ?: "");
	return -EINVAL;
}
early_param("cma", parse_cma);

static void area_figures(struct dma_pool_info *info,
			 struct dma_pool_figures *figures)
{
	struct dma_cma_area *area =
		container_of(info, struct dma_cma_area, info);

	figures->size = cma_get_size(area->cma);
	figures->idle = dma_arena_idle(&area->plain) +
			dma_arena_idle(&area->prepared);
	figures->used = atomic_long_read(&area->used);
	figures->peak = atomic_long_read(&area->peak);
	figures->largest = dma_cma_room(area).nr_largest << PAGE_SHIFT;
	figures->served = atomic_long_read(&area->served);
	figures->refused = atomic_long_read(&area->refused);
	figures->nr_users = atomic_read(&area->nr_users);
}

/**
 * dma_cma_order - how a buffer of an area, or an extent, is aligned
 * @size: in bytes
 *
 * Context: any.
 * Return: the order of the alignment.
 */
unsigned int dma_cma_order(size_t size)
{
	return min(get_order(size), CONFIG_CMA_ALIGNMENT);
}

/**
 * dma_contiguous_trim - give back what arenas have free of an area
 * @cma: the area
 *
 * Called by cma_alloc() before it refuses a request.
 *
 * Context: process context, may sleep.
 * Return: bytes given back.
 */
size_t dma_contiguous_trim(const struct cma *cma)
{
	return dma_arenas_trim(cma);
}

static struct page *take_extent(struct dma_arena *arena, size_t size)
{
	return cma_alloc(arena->cma, size >> PAGE_SHIFT, dma_cma_order(size),
			 true);
}

static void give_pages(struct dma_arena *arena, struct page *page, size_t size)
{
	cma_release(arena->cma, page, size >> PAGE_SHIFT);
}

static const struct dma_source cma_source = {
	.take	= take_extent,
	.give	= give_pages,
};

/**
 * dma_cma_room - what CMA has left of an area
 * @area: the area
 *
 * What the area's arenas have idle is not counted: trim them first.
 *
 * Context: any, irq-safe.
 * Return: how many pages.
 */
struct dma_cma_room dma_cma_room(const struct dma_cma_area *area)
{
	struct cma *cma = area->cma;
	struct dma_cma_room room = {};
	unsigned long start, end, flags;

	/* One that could not be activated has no lock. */
	if (!cma_get_size(cma))
		return room;
	spin_lock_irqsave(&cma->lock, flags);
	for_each_clear_bitrange(start, end, cma->bitmap, cma_bitmap_maxno(cma)) {
		unsigned long nr_pages = (end - start) << cma->order_per_bit;

		room.nr_free += nr_pages;
		room.nr_largest = max(room.nr_largest, nr_pages);
	}
	spin_unlock_irqrestore(&cma->lock, flags);
	return room;
}

static void __init init_arena(struct dma_arena *arena,
			      const struct dma_cma_area *area, bool is_prepared)
{
	arena->name = area->info.name;
	arena->source = &cma_source;
	arena->cma = area->cma;
	arena->most = clamp_t(size_t, cma_get_size(area->cma) / 32,
			      SZ_256K, SZ_4M);
	arena->is_prepared = is_prepared;
	arena->is_shared = true;
	dma_arena_init(arena);
}

/**
 * dma_cma_add - take an area into the table
 * @cma: the area
 * @kind: the backend it feeds
 * @users: who may use it, in words
 *
 * Context: boot.
 * Return: its entry; there is one for each area that CMA can have.
 */
struct dma_cma_area * __init dma_cma_add(struct cma *cma, const char *kind,
					 const char *users)
{
	struct dma_cma_area *area = areas;

	while (area->cma)
		area++;
	area->cma = cma;
	area->info = (struct dma_pool_info) {
		.name = cma_get_name(cma),
		.kind = kind,
		.users = users,
		.base = cma_get_base(cma),
		.size = cma_get_size(cma),
		.figures = area_figures,
	};
	init_arena(&area->plain, area, false);
	init_arena(&area->prepared, area, true);
	dma_stat_add_pool(&area->info);
	return area;
}

/**
 * dma_cma_area_of - the entry of a CMA area
 * @cma: the area; NULL is answered with NULL
 *
 * Context: any.
 * Return: the entry, or NULL for an area that does not serve DMA.
 */
struct dma_cma_area *dma_cma_area_of(const struct cma *cma)
{
	for (struct dma_cma_area *area = areas; cma && area->cma; area++)
		if (area->cma == cma)
			return area;
	return NULL;
}

/**
 * dma_cma_at - one area of the table
 * @nr: its number, from 0
 *
 * Context: any.
 * Return: its entry, or NULL behind the end.
 */
struct dma_cma_area *dma_cma_at(unsigned int nr)
{
	return areas[nr].cma ? &areas[nr] : NULL;
}

/**
 * dma_cma_default - the area for everybody
 *
 * Context: any.
 * Return: its entry, or NULL.
 */
struct dma_cma_area *dma_cma_default(void)
{
	return default_area;
}

/**
 * dma_cma_bind - give a device an area of its own
 * @dev: the device
 * @area: the area, in place of any that the device had; NULL ends it
 *
 * Buffers from the area before stay valid.
 *
 * Context: process context.
 * Return: 0.
 */
int dma_cma_bind(struct device *dev, struct dma_cma_area *area)
{
	struct dma_cma_area *old = dma_cma_area_of(dev->cma_area);

	if (area == old)
		return 0;
	if (area && old)
		dev_warn(dev, "device CMA area '%s' takes the place of '%s': a device uses one\n",
			 area->info.name, old->info.name);
	if (old)
		atomic_dec(&old->nr_users);
	if (area)
		atomic_inc(&area->nr_users);
	dev->cma_area = area ? area->cma : NULL;
	return 0;
}

/**
 * dma_cma_set_default - make an area the one for everybody
 * @cma: the area; the one that was it before serves those who bind it
 *
 * Context: boot.
 * Return: its entry.
 */
struct dma_cma_area * __init dma_cma_set_default(struct cma *cma)
{
	if (default_area) {
		default_area->info.kind = DMA_DEVICE_CMA;
		default_area->info.users = "devices that bind the node";
	}
	default_area = dma_cma_add(cma, DMA_DEFAULT_CMA, "all devices");
	dma_contiguous_default_area = cma;
	return default_area;
}

/**
 * dma_contiguous_early_fixup - let the architecture remap an area
 * @base: physical address
 * @size: in bytes
 *
 * Overridden where the linear mapping has to be made of pages.
 *
 * Context: boot.
 */
void __init __weak dma_contiguous_early_fixup(phys_addr_t base,
					      unsigned long size)
{
}

/**
 * dma_contiguous_early_forget - an area comes to nothing, or moves
 * @base: as it was told to dma_contiguous_early_fixup()
 *
 * Its memory is ordinary memory again.  Overridden where the other one is.
 *
 * Context: boot.
 */
void __init __weak dma_contiguous_early_forget(phys_addr_t base)
{
}
