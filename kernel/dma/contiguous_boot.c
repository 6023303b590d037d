// SPDX-License-Identifier: GPL-2.0-only
/*
 * CMA areas: where they come from at boot.
 *
 * An area is reserved while memblock still owns all memory: by a reusable
 * node of the device tree, by cma=, or by Kconfig's default.  The device
 * tree's linux,cma-default goes before Kconfig; cma=SIZE changes its size and
 * keeps its constraints (alloc-ranges, alignment), since these tell what the
 * machine's devices can reach and the command line does not.
 *
 * The table of areas is appended to by one CPU at boot and constant after.
 */
#include <linux/cma.h>
#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/init.h>
#include <linux/memblock.h>
#include <linux/of_fdt.h>
#include <linux/of_reserved_mem.h>
#include <linux/sizes.h>

#include "contiguous.h"

#define DMA_CMA_UNSET	((phys_addr_t)-1)

/* One more than CMA has, so that an empty entry ends the table. */
static struct dma_cma_area areas[MAX_CMA_AREAS + 1];
static struct dma_cma_area *default_area;
static bool is_default_from_node __initdata;

/* Named by dev_get_cma_area() of linux/dma-map-ops.h. */
struct cma *dma_contiguous_default_area;

/* cma=SIZE[@BASE[-END]] */
static phys_addr_t cmdline_size __initdata = DMA_CMA_UNSET;
static phys_addr_t cmdline_base __initdata;
static phys_addr_t cmdline_end __initdata;

static int __init parse_cma(char *arg)
{
	char *at = arg;

	if (!arg)
		goto malformed;
	cmdline_size = memparse(at, &at);
	if (at == arg)
		goto malformed;
	if (*at == '@') {
		cmdline_base = memparse(at + 1, &at);
		/* A base alone means: exactly there. */
		cmdline_end = cmdline_base + cmdline_size;
	}
	if (cmdline_base && *at == '-')
		cmdline_end = memparse(at + 1, &at);
	if (*at || cmdline_end < cmdline_base)
		goto malformed;
	return 0;

malformed:
	pr_err("dma: cma=%s: expected SIZE[@BASE[-END]], such as 64M@0-1G\n",
	       arg ?: "");
	cmdline_size = DMA_CMA_UNSET;
	cmdline_base = 0;
	cmdline_end = 0;
	return -EINVAL;
}
early_param("cma", parse_cma);

static void area_figures(struct dma_pool_info *info,
			 struct dma_pool_figures *figures)
{
	struct dma_cma_area *area =
		container_of(info, struct dma_cma_area, info);

	figures->size = cma_get_size(area->cma);
	figures->used = atomic_long_read(&area->used);
	figures->peak = atomic_long_read(&area->peak);
	figures->largest = DMA_FIGURE_UNKNOWN;
	figures->served = atomic_long_read(&area->served);
	figures->refused = atomic_long_read(&area->refused);
	figures->nr_users = atomic_read(&area->nr_users);
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
 * dma_cma_has_node_default - did the device tree name a default area?
 *
 * Context: boot.
 * Return: true if so.
 */
bool __init dma_cma_has_node_default(void)
{
	return is_default_from_node;
}

/**
 * dma_cma_bind - give a device an area of its own
 * @dev: the device
 * @area: the area; NULL ends it
 *
 * Context: process context.
 * Return: 0; -EBUSY if the device has another one.
 */
int dma_cma_bind(struct device *dev, struct dma_cma_area *area)
{
	struct dma_cma_area *old = dma_cma_area_of(dev->cma_area);

	if (area && old && area != old) {
		dev_err(dev, "device CMA area '%s': the device has '%s' already\n",
			area->info.name, old->info.name);
		return -EBUSY;
	}
	if (area == old)
		return 0;
	if (old)
		atomic_dec(&old->nr_users);
	if (area)
		atomic_inc(&area->nr_users);
	dev->cma_area = area ? area->cma : NULL;
	return 0;
}

static void __init set_default(struct cma *cma)
{
	default_area = dma_cma_add(cma, dma_default_cma.name, "all devices");
	dma_contiguous_default_area = cma;
}

/* What Kconfig wants the default area to be, in bytes. */
static phys_addr_t __init kconfig_size(void)
{
	phys_addr_t fixed = (phys_addr_t)DMA_CMA_MBYTES * SZ_1M;
	phys_addr_t share = memblock_phys_mem_size() / 100 *
			    DMA_CMA_PERCENTAGE;

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
	bool is_fixed = cmdline_base &&
			cmdline_base + cmdline_size == cmdline_end;
	bool is_by_cmdline = cmdline_size != DMA_CMA_UNSET;
	phys_addr_t size = is_by_cmdline ? cmdline_size : kconfig_size();
	struct cma *cma;

	dma_cma_reserve_nodes(limit);
	if (dma_contiguous_default_area || !size)
		return;
	if (is_by_cmdline)
		limit = min_not_zero(cmdline_end, limit);
	if (dma_contiguous_reserve_area(size, is_by_cmdline ? cmdline_base : 0,
					limit, &cma, is_fixed)) {
		pr_err("dma: default cma: no %llu MiB below %pa; see cma=\n",
		       (unsigned long long)size / SZ_1M, &limit);
		return;
	}
	set_default(cma);
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

/* Another place for an area of @size, within the node's alloc-ranges. */
static int __init reserve_in_ranges(struct reserved_mem *rmem,
				    phys_addr_t size, struct cma **cma)
{
	const __be32 *ranges, *alignment;
	int len, err = -ENOSPC;
	phys_addr_t align = 0;

	alignment = of_get_flat_dt_prop(rmem->fdt_node, "alignment", &len);
	if (alignment)
		align = dt_mem_next_cell(dt_root_addr_cells, &alignment);
	ranges = of_get_flat_dt_prop(rmem->fdt_node, "alloc-ranges", &len);
	if (!ranges)
		return cma_declare_contiguous(0, size, 0, align, 0, false,
					      rmem->name, cma);

	for (; err && len > 0; len -= 4 * (dt_root_addr_cells +
					   dt_root_size_cells)) {
		phys_addr_t base = dt_mem_next_cell(dt_root_addr_cells, &ranges);
		phys_addr_t end = base + dt_mem_next_cell(dt_root_size_cells,
							  &ranges);

		err = cma_declare_contiguous(base, size, end, align, 0, false,
					     rmem->name, cma);
	}
	return err;
}

/*
 * Make the default node's reservation as large as cma= says.  A smaller area
 * is the start of it; a larger one is looked for where the node allows.  If
 * there is no room, the node's own size has to do.
 */
static int __init resize_node(struct reserved_mem *rmem, phys_addr_t size,
			      struct cma **cma)
{
	size = ALIGN(size, CMA_MIN_ALIGNMENT_BYTES);
	if (size < rmem->size) {
		memblock_phys_free(rmem->base + size, rmem->size - size);
		rmem->size = size;
		return -ENOSPC;
	}
	if (size == rmem->size)
		return -ENOSPC;

	/* A reg says exactly where: growing would be somewhere else. */
	if (of_get_flat_dt_prop(rmem->fdt_node, "reg", NULL) ||
	    reserve_in_ranges(rmem, size, cma)) {
		pr_warn("dma: cma=%llu MiB: node %s allows no more than its %llu MiB\n",
			(unsigned long long)size / SZ_1M, rmem->name,
			(unsigned long long)rmem->size / SZ_1M);
		return -ENOSPC;
	}
	memblock_phys_free(rmem->base, rmem->size);
	rmem->base = cma_get_base(*cma);
	rmem->size = cma_get_size(*cma);
	dma_contiguous_early_fixup(rmem->base, rmem->size);
	return 0;
}

/**
 * dma_cma_add_node - make an area of a reserved-memory node
 * @rmem: the node; checked.  priv is set to the area's entry
 * @is_default: it is linux,cma-default
 *
 * Context: boot, before the page allocator.
 * Return: 0 or a negative error; the reservation stays.
 */
int __init dma_cma_add_node(struct reserved_mem *rmem, bool is_default)
{
	bool is_by_cmdline = is_default && cmdline_size != DMA_CMA_UNSET;
	struct cma *cma;
	int err = -ENOSPC;

	/* With a place of its own, cma= makes an area of its own. */
	if (is_by_cmdline && (cmdline_base || !cmdline_size)) {
		pr_info("dma: node %s is not the default CMA area, cma= is\n",
			rmem->name);
		is_default = false;
	} else if (is_by_cmdline) {
		err = resize_node(rmem, cmdline_size, &cma);
	}
	if (err)
		err = cma_init_reserved_mem(rmem->base, rmem->size, 0,
					    rmem->name, &cma);
	if (err)
		return err;

	if (is_default) {
		is_default_from_node = true;
		set_default(cma);
		rmem->priv = default_area;
	} else {
		rmem->priv = dma_cma_add(cma, dma_device_cma.name,
					 "devices that bind the node");
	}
	return 0;
}
