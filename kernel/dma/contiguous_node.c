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
#include <linux/acpi.h>
#include <linux/cma.h>
#include <linux/dma-map-ops.h>
#include <linux/init.h>
#include <linux/kmemleak.h>
#include <linux/libfdt.h>
#include <linux/memblock.h>
#include <linux/mm.h>
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
	if (!reg || !len || len % ((dt_root_addr_cells + dt_root_size_cells) * 4))
		return false;
	rmem.base = dt_mem_next_cell(dt_root_addr_cells, &reg);
	rmem.size = dt_mem_next_cell(dt_root_size_cells, &reg);
	return rmem.size >= size && dma_node_is_area(&rmem);
}

static bool __init has_cells(int node, const char *name, int nr)
{
	const __be32 *cells = of_get_flat_dt_prop(node, name, NULL);

	return cells && be32_to_cpup(cells) == nr;
}

/* Nodes with a reg are used below a parent of this form alone (reserved-memory.yaml). */
static bool __init is_parent(int node)
{
	return has_cells(node, "#address-cells", dt_root_addr_cells) &&
	       has_cells(node, "#size-cells", dt_root_size_cells) &&
	       of_get_flat_dt_prop(node, "ranges", NULL);
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

	/* arm64 does not unflatten the tree where it uses ACPI. */
	if (!initial_boot_params || !acpi_disabled)
		return false;
	parent = fdt_path_offset(initial_boot_params, "/reserved-memory");
	if (parent < 0 || !is_parent(parent))
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

/* An area is in high memory, or in low memory, as a whole. */
static phys_addr_t __init reserve_in_range(phys_addr_t size, phys_addr_t align,
					   phys_addr_t start, phys_addr_t end)
{
	phys_addr_t base = 0, high;

	/* Where there is high memory, this is set before nodes are placed. */
	if (IS_ENABLED(CONFIG_HIGHMEM) && high_memory) {
		high = __pa(high_memory - 1) + 1;
		if (start < high && high < end) {
			base = memblock_phys_alloc_range(size, align, high, end);
			end = high;
		}
	}
	return base ?: memblock_phys_alloc_range(size, align, start, end);
}

/* Another place for @size bytes, within the node's alloc-ranges; 0: there is none. */
static phys_addr_t __init reserve_in_ranges(struct reserved_mem *rmem,
					    phys_addr_t size)
{
	const __be32 *ranges, *alignment;
	phys_addr_t base = 0, align = 0;
	int len;

	alignment = of_get_flat_dt_prop(rmem->fdt_node, "alignment", &len);
	if (alignment)
		align = dt_mem_next_cell(dt_root_addr_cells, &alignment);
	align = max_t(phys_addr_t, align, CMA_MIN_ALIGNMENT_BYTES);

	ranges = of_get_flat_dt_prop(rmem->fdt_node, "alloc-ranges", &len);
	for (; !base && len > 0; len -= 4 * (dt_root_addr_cells +
					     dt_root_size_cells)) {
		phys_addr_t start = dt_mem_next_cell(dt_root_addr_cells, &ranges);
		phys_addr_t end = start + dt_mem_next_cell(dt_root_size_cells,
							   &ranges);

		base = reserve_in_range(size, align, start, end);
	}
	if (base)
		kmemleak_ignore_phys(base);
	return base;
}

/* The old place counts as room; nobody else takes it in between. */
static int __init move_in_ranges(struct reserved_mem *rmem, phys_addr_t size)
{
	phys_addr_t base;

	memblock_phys_free(rmem->base, rmem->size);
	base = reserve_in_ranges(rmem, size);
	if (!base) {
		memblock_reserve(rmem->base, rmem->size);
		return -ENOSPC;
	}
	dma_contiguous_early_forget(rmem->base);
	rmem->base = base;
	rmem->size = size;
	dma_contiguous_early_fixup(base, size);
	return 0;
}

/* The command line wants less: what is behind it goes back. */
static void __init shrink(struct reserved_mem *rmem, phys_addr_t size)
{
	memblock_phys_free(rmem->base + size, rmem->size - size);
	rmem->size = size;
	dma_contiguous_early_forget(rmem->base);
	dma_contiguous_early_fixup(rmem->base, size);
}

/*
 * It wants more, which has to be another place.  CMA itself can't look for one:
 * nodes are placed before some architectures have set high_memory, which it asks.
 */
static int __init grow(struct reserved_mem *rmem, phys_addr_t size)
{
	/* A reg says exactly where: growing would be somewhere else. */
	int err = dma_node_has(rmem, "reg") ? -ENOSPC :
					      move_in_ranges(rmem, size);

	if (err)
		pr_warn("dma: cma=%lluM: node %s has room for no more than its %llu MiB: the default area is made elsewhere\n",
			(unsigned long long)size / SZ_1M, rmem->name,
			(unsigned long long)rmem->size / SZ_1M);
	return err;
}

/* Does the node say where its memory has to lie? */
static bool __init has_place(const struct reserved_mem *rmem)
{
	return dma_node_has(rmem, "reg") || dma_node_has(rmem, "alloc-ranges");
}

/*
 * Make the default node what cma= says.  One that may lie anywhere has nothing to
 * keep: without it the area lies where most devices reach.
 * Return: an error if the node is not the default any more.
 */
static int __init heed_cmdline(struct reserved_mem *rmem)
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
		return grow(rmem, size);
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
	struct cma *cma;
	int err;

	if (is_default && heed_cmdline(rmem)) {
		if (!is_named(rmem))
			return -EEXIST;
		is_default = false;
	}
	/* Users know an area of the command line by this name, in /dev/dma_heap, say. */
	err = cma_init_reserved_mem(rmem->base, rmem->size, 0,
				    is_default && dma_cma_cmdline.is_given ?
				    "reserved" : rmem->name, &cma);
	if (err)
		return err == -EEXIST ? -EINVAL : err;

	if (is_default) {
		has_default = true;
		rmem->priv = dma_cma_set_default(cma);
	} else {
		rmem->priv = dma_cma_add(cma, DMA_DEVICE_CMA,
					 "devices that bind the node");
	}
	return 0;
}
