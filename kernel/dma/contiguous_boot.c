// SPDX-License-Identifier: GPL-2.0-only
/*
 * CMA areas: where they come from at boot.
 *
 * An area is reserved while memblock still owns all memory: by a reusable
 * node of the device tree (contiguous_node.c), by cma=, or by Kconfig's
 * default.  The device tree goes before Kconfig.
 *
 * The table of areas is appended to by one CPU at boot and constant after.
 */
#include <linux/cma.h>
#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/init.h>
#include <linux/memblock.h>
#include <linux/pfn.h>
#include <linux/sizes.h>

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

static void __init init_arena(struct dma_arena *arena,
			      const struct dma_cma_area *area, bool is_prepared)
{
	arena->name = area->info.name;
	arena->source = &dma_cma_source;
	arena->cma = area->cma;
	arena->most = clamp_t(size_t, cma_get_size(area->cma) / 32,
			      SZ_256K, SZ_4M);
	arena->is_prepared = is_prepared;
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
		default_area->info.kind = dma_device_cma.name;
		default_area->info.users = "devices that bind the node";
	}
	default_area = dma_cma_add(cma, dma_default_cma.name, "all devices");
	dma_contiguous_default_area = cma;
	return default_area;
}

/* What Kconfig wants the default area to be, in bytes. */
static phys_addr_t __init kconfig_size(void)
{
	unsigned long nr_pages = PHYS_PFN(memblock_phys_mem_size());
	phys_addr_t fixed = (phys_addr_t)DMA_CMA_MBYTES * SZ_1M;
	phys_addr_t share = PFN_PHYS(nr_pages / 100 * DMA_CMA_PERCENTAGE);

	if (IS_ENABLED(CONFIG_CMA_SIZE_SEL_MIN))
		return min(fixed, share);
	if (IS_ENABLED(CONFIG_CMA_SIZE_SEL_MAX))
		return max(fixed, share);
	return IS_ENABLED(CONFIG_CMA_SIZE_SEL_PERCENTAGE) ? share : fixed;
}

/**
 * dma_contiguous_reserve - reserve the areas that no node asked for
 * @limit: highest physical address that DMA reaches, exclusive; 0 for none
 *
 * Called once by the architecture.
 *
 * Context: boot, before the page allocator.
 */
void __init dma_contiguous_reserve(phys_addr_t limit)
{
	const struct dma_cma_cmdline *cmdline = &dma_cma_cmdline;
	phys_addr_t size = cmdline->is_given ? cmdline->size : kconfig_size();
	struct cma *cma;

	dma_cma_reserve_nodes();
	if (dma_contiguous_default_area || !size ||
	    (!cmdline->has_place &&
	     dma_cma_node_is_to_come(cmdline->is_given ? size : 0)))
		return;
	/* Both are 0 where the command line does not say. */
	limit = min_not_zero(cmdline->end, limit);
	if (dma_contiguous_reserve_area(size, cmdline->base, limit, &cma,
					cmdline->is_fixed)) {
		pr_err("dma: default cma: no %llu MiB below %pa; see cma=\n",
		       (unsigned long long)size / SZ_1M, &limit);
		return;
	}
	dma_cma_set_default(cma);
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

/**
 * dma_contiguous_reserve_area - reserve an area
 * @size: in bytes; rounded up as CMA needs it
 * @base: lowest physical address; 0 for anywhere
 * @limit: highest physical address, exclusive; 0 for none
 * @res_cma: set to the area
 * @fixed: exactly at @base
 *
 * Context: boot, before the page allocator.
 * Return: 0 or a negative error.
 */
int __init dma_contiguous_reserve_area(phys_addr_t size, phys_addr_t base,
				       phys_addr_t limit, struct cma **res_cma,
				       bool fixed)
{
	int err = cma_declare_contiguous(base, size, limit, 0, 0, fixed,
					 "reserved", res_cma);

	if (!err)
		dma_contiguous_early_fixup(cma_get_base(*res_cma),
					   cma_get_size(*res_cma));
	return err;
}
