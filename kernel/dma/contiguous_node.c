// SPDX-License-Identifier: GPL-2.0-only
/*
 * CMA areas of reusable reserved-memory nodes.
 *
 * For the default node, cma=SIZE changes the size and keeps the node's
 * constraints (alloc-ranges, alignment): these tell what the machine's devices
 * can reach, and the command line does not.
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

static bool has_default __initdata;

static bool __init is_default_node(int node)
{
	const char *status = of_get_flat_dt_prop(node, "status", NULL);

	return (!status || !strncmp(status, "ok", 2)) &&
	       of_flat_dt_is_compatible(node, "shared-dma-pool") &&
	       of_get_flat_dt_prop(node, "reusable", NULL) &&
	       of_get_flat_dt_prop(node, "linux,cma-default", NULL) &&
	       of_get_flat_dt_prop(node, "reg", NULL);
}

/**
 * dma_cma_node_is_to_come - will a node be the default area?
 *
 * Nodes with a reg are initialised when the tree is unflattened, which is
 * after the architecture's dma_contiguous_reserve() on some of them.
 *
 * Context: boot.
 * Return: true if so.
 */
bool __init dma_cma_node_is_to_come(void)
{
	int node, parent;

	if (!initial_boot_params)
		return false;
	parent = fdt_path_offset(initial_boot_params, "/reserved-memory");
	if (parent < 0)
		return false;
	fdt_for_each_subnode(node, initial_boot_params, parent)
		if (is_default_node(node))
			return true;
	return false;
}

/**
 * dma_cma_is_second - would this default node be a second one?
 * @rmem: a node with linux,cma-default
 *
 * Context: boot.
 * Return: true if there is a default area from another node.
 */
bool __init dma_cma_is_second(const struct reserved_mem *rmem)
{
	return has_default;
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
	    move_in_ranges(rmem, size, cma)) {
		pr_warn("dma: cma=%llu MiB: node %s allows no more than its %llu MiB\n",
			(unsigned long long)size / SZ_1M, rmem->name,
			(unsigned long long)rmem->size / SZ_1M);
		return -ENOSPC;
	}
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
	bool is_by_cmdline = is_default && dma_cma_cmdline.is_given;
	struct cma *cma;
	int err = -ENOSPC;

	/* With a place of its own, cma= makes an area of its own. */
	if (is_by_cmdline && (dma_cma_cmdline.has_place || !dma_cma_cmdline.size)) {
		pr_info("dma: node %s is not the default CMA area, cma= is\n",
			rmem->name);
		is_default = false;
	} else if (is_by_cmdline) {
		err = resize_node(rmem, dma_cma_cmdline.size, &cma);
	}
	if (err)
		err = cma_init_reserved_mem(rmem->base, rmem->size, 0,
					    rmem->name, &cma);
	if (err)
		return err;

	if (is_default) {
		has_default = true;
		rmem->priv = dma_cma_set_default(cma);
	} else {
		rmem->priv = dma_cma_add(cma, dma_device_cma.name,
					 "devices that bind the node");
	}
	return 0;
}
