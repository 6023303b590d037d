/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cache maintenance of streaming mappings, and the only callers of the
 * architecture's arch_sync_dma_*() hooks.
 *
 * The hooks work on the kernel's linear mapping.  Memory of a device or
 * global pool is not part of it and is never cached, so there is nothing to
 * do for it: these helpers pass over it instead of touching an address that
 * is not mapped.
 */
#ifndef _LINUX_DMA_CACHE_H
#define _LINUX_DMA_CACHE_H

#include <linux/dma-map-ops.h>
#include <linux/jump_label.h>
#include <linux/mm.h>
#include <linux/pfn.h>

#ifdef CONFIG_DMA_DECLARE_COHERENT
/**
 * struct dma_unmapped - memory that the linear mapping does not have
 * @link: in the list of all
 * @phys: physical address
 * @size: in bytes
 */
struct dma_unmapped {
	struct list_head	link;
	phys_addr_t		phys;
	size_t			size;
};

DECLARE_STATIC_KEY_FALSE(dma_has_unmapped_pools);
void dma_unmapped_add(struct dma_unmapped *memory);
void dma_unmapped_remove(struct dma_unmapped *memory);
bool dma_is_unmapped_pool(phys_addr_t phys);

/*
 * A pool is no memory that the page allocator has: its pages are reserved, if it
 * has any.  So for ordinary memory the list of pools need not be walked.
 */
static inline bool dma_needs_no_maintenance(phys_addr_t phys)
{
	unsigned long pfn = PHYS_PFN(phys);

	return static_branch_unlikely(&dma_has_unmapped_pools) &&
	       (!pfn_valid(pfn) || PageReserved(pfn_to_page(pfn))) &&
	       dma_is_unmapped_pool(phys);
}
#else
static inline bool dma_needs_no_maintenance(phys_addr_t phys)
{
	return false;
}
#endif

/* Hand a buffer to the device.  Call for devices that are not coherent. */
static inline void dma_cache_to_device(phys_addr_t phys, size_t size,
				       enum dma_data_direction dir)
{
	if (!dma_needs_no_maintenance(phys))
		arch_sync_dma_for_device(phys, size, dir);
}

/*
 * The device is done: forget what was read ahead, of any buffer.  Once before
 * one or many dma_cache_to_cpu().
 */
static inline void dma_cache_to_cpu_begin(void)
{
	arch_sync_dma_for_cpu_all();
}

/* Take a buffer back. */
static inline void dma_cache_to_cpu(phys_addr_t phys, size_t size,
				    enum dma_data_direction dir)
{
	if (!dma_needs_no_maintenance(phys))
		arch_sync_dma_for_cpu(phys, size, dir);
}

/* The device has written all of it: its pages need no flush before exec. */
static inline void dma_cache_mark_clean(phys_addr_t phys, size_t size,
					enum dma_data_direction dir)
{
	if (dir == DMA_FROM_DEVICE)
		arch_dma_mark_clean(phys, size);
}

#endif /* _LINUX_DMA_CACHE_H */
