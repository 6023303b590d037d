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
