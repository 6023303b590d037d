// SPDX-License-Identifier: GPL-2.0-only
/*
 * CMA areas of reusable reserved-memory nodes.
 *
 * For the default node, cma=SIZE changes the size and keeps the node's
 * constraints (alloc-ranges, alignment) as long as they leave room for it: these
 * tell what the machine's devices can reach, and the command line does not.  If
 * there is no room, and if cma= names a place or no size at all, the area is made
 * without the node.  Its memory is the kernel's then, unless a device names it
 * in memory-region: for that one, it is a device CMA area.
 *
 * No locks: boot, one CPU, memblock owns all memory.
 */
#include <linux/cma.h>
#include <linux/dma-map-ops.h>
#include <linux/init.h>
#include <linux/libfdt.h>
#include <linux/memblock.h>
#include <linux/of_fdt.h>
#include <linux/of_reserved_mem.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "contiguous.h"
#include "reserved.h"

static bool has_default __initdata;

static bool __init is_available(int node)
{
	const char *status = of_get_flat_dt_prop(node, "status", NULL);

	return !status || !strncmp(status, "ok", 2);
}

/* Will a node with a reg be the default area, of @size at least? */
static bool __init is_default_node(int node, phys_addr_t size)
{
	struct reserved_mem rmem = { .fdt_node = node };
	const __be32 *reg;
	int len;

	if (!is_available(node) ||
	    !of_flat_dt_is_compatible(node, "shared-dma-pool") ||
	    !dma_node_has(&rmem, "reusable") ||
	    !dma_node_has(&rmem, "linux,cma-default"))
		return false;
	reg = of_get_flat_dt_prop(node, "reg", &len);
	if (!reg || len < (dt_root_addr_cells + dt_root_size_cells) * 4)
		return false;
	rmem.base = dt_mem_next_cell(dt_root_addr_cells, &reg);
	rmem.size = dt_mem_next_cell(dt_root_size_cells, &reg);
	return rmem.size >= size && dma_node_is_area(&rmem);
}

/**
 * dma_cma_node_is_to_come - will a node be the default area?
 * @size: that it has to have at least, in bytes
 *
 * Nodes with a reg are initialised when the tree is unflattened, which is
 * after the architecture's dma_contiguous_reserve() on some of them.
 *
 * Context: boot.
 * Return: true if so.
 */
bool __init dma_cma_node_is_to_come(phys_addr_t size)
{
	int node, parent;

	if (!initial_boot_params)
		return false;
	parent = fdt_path_offset(initial_boot_params, "/reserved-memory");
	if (parent < 0)
		return false;
	fdt_for_each_subnode(node, initial_boot_params, parent)
		if (is_default_node(node, size))
			return true;
	return false;
}

/**
 * dma_cma_is_second - would a default node be a second one?
 *
 * Context: boot.
 * Return: true if there is a default area from another node.
 */
bool __init dma_cma_is_second(void)
{
	return has_default;
}

static int __init names_phandle(unsigned long node, const char *uname,
				int depth, void *phandle)
{
	const __be32 *names;
	int len;

	names = of_get_flat_dt_prop(node, "memory-region", &len);
	for (; names && len >= (int)sizeof(*names); len -= sizeof(*names))
		if (be32_to_cpup(names++) == *(u32 *)phandle)
			return true;
	return false;
}

/* Does a device name the node? */
static bool __init is_named(const struct reserved_mem *rmem)
{
	u32 phandle = fdt_get_phandle(initial_boot_params, rmem->fdt_node);

	return phandle && of_scan_flat_dt(names_phandle, &phandle);
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

/* The old place counts as room; nobody else takes it in between. */
static int __init move_in_ranges(struct reserved_mem *rmem, phys_addr_t size,
				 struct cma **cma)
{
	int err;

	memblock_phys_free(rmem->base, rmem->size);
	err = reserve_in_ranges(rmem, size, cma);
	if (err)
		memblock_reserve(rmem->base, rmem->size);
	return err;
}

/* The command line wants less: what is behind it goes back. */
static void __init shrink(struct reserved_mem *rmem, phys_addr_t size)
{
	memblock_phys_free(rmem->base + size, rmem->size - size);
	rmem->size = size;
}

/* It wants more, which has to be another place. */
static int __init grow(struct reserved_mem *rmem, phys_addr_t size,
		       struct cma **cma)
{
	/* A reg says exactly where: growing would be somewhere else. */
	int err = dma_node_has(rmem, "reg") ? -ENOSPC :
					      move_in_ranges(rmem, size, cma);

	if (err) {
		pr_warn("dma: cma=%lluM: node %s has room for no more than its %llu MiB: the default area is made elsewhere\n",
			(unsigned long long)size / SZ_1M, rmem->name,
			(unsigned long long)rmem->size / SZ_1M);
		return err;
	}
	rmem->base = cma_get_base(*cma);
	rmem->size = cma_get_size(*cma);
	dma_contiguous_early_fixup(rmem->base, rmem->size);
	return 0;
}

/* Does the node say where its memory has to lie? */
static bool __init has_place(const struct reserved_mem *rmem)
{
	return dma_node_has(rmem, "reg") || dma_node_has(rmem, "alloc-ranges");
}

/*
 * Make the default node what cma= says.  One that may lie anywhere has nothing to
 * keep: without it the area lies where most devices reach.  Sets *@cma where that has made the area
 * already; an error if the node is not the default any more.
 */
static int __init heed_cmdline(struct reserved_mem *rmem, struct cma **cma)
{
	const struct dma_cma_cmdline *cmdline = &dma_cma_cmdline;
	phys_addr_t size = ALIGN(cmdline->size, CMA_MIN_ALIGNMENT_BYTES);

	if (!cmdline->is_given)
		return 0;
	if (cmdline->has_place || !has_place(rmem) || !size ||
	    dma_contiguous_default_area) {
		pr_info("dma: node %s is not the default CMA area, cma= is\n",
			rmem->name);
		return -EEXIST;
	}
	if (size > rmem->size)
		return grow(rmem, size, cma);
	if (size < rmem->size)
		shrink(rmem, size);
	return 0;
}

/**
 * dma_cma_add_node - make an area of a reserved-memory node
 * @rmem: the node; checked.  priv is set to the area's entry
 * @is_default: it is linux,cma-default
 *
 * Context: boot, before the page allocator.
 * Return: 0; -EEXIST if cma= has taken the place of a node that no device names;
 * or another negative error.  The reservation stays.
 */
int __init dma_cma_add_node(struct reserved_mem *rmem, bool is_default)
{
	struct cma *cma = NULL;
	int err;

	if (is_default && heed_cmdline(rmem, &cma)) {
		if (!is_named(rmem))
			return -EEXIST;
		is_default = false;
	}
	if (!cma) {
		err = cma_init_reserved_mem(rmem->base, rmem->size, 0,
					    rmem->name, &cma);
		if (err)
			return err == -EEXIST ? -EINVAL : err;
	}

	if (is_default) {
		has_default = true;
		rmem->priv = dma_cma_set_default(cma);
	} else {
		rmem->priv = dma_cma_add(cma, dma_device_cma.name,
					 "devices that bind the node");
	}
	return 0;
}
