// SPDX-License-Identifier: GPL-2.0-only
/*
 * Old names of atomic pools, for files that are not rewritten yet.
 *
 * Each function is marked with the file that needs it and goes when that file
 * does; after the last of them this file goes.
 *
 * No locks.
 */
#include <linux/dma-map-ops.h>
#include <linux/mm.h>

#include "backend.h"
#include "pool.h"

/**
 * dma_alloc_from_pool - memory from an atomic pool
 * @dev: the device
 * @size: in bytes
 * @cpu_addr: set to the CPU's address
 * @gfp: not used
 * @phys_addr_ok: NULL if the device reaches all memory
 *
 * Needed by kernel/dma/swiotlb.c.
 *
 * Context: any.
 * Return: the first page, zeroed, or NULL.
 */
struct page *dma_alloc_from_pool(struct device *dev, size_t size,
				 void **cpu_addr, gfp_t gfp,
				 bool (*phys_addr_ok)(struct device *,
						      phys_addr_t, size_t))
{
	struct dma_limits limits = dma_limits_of(dev, dev->coherent_dma_mask);
	phys_addr_t last = phys_addr_ok ? limits.last_phys : (phys_addr_t)-1;
	struct dma_piece piece;

	size = PAGE_ALIGN(size);
	if (!dma_piece_take(size, last, &piece)) {
		dev_warn_ratelimited(dev, "atomic pools have no %zu KiB, growing; see coherent_pool=\n",
				     size >> 10);
		return NULL;
	}
	if (phys_addr_ok && !phys_addr_ok(dev, piece.phys, size)) {
		dma_piece_give(&piece, size);
		return NULL;
	}
	memset(piece.cpu_addr, 0, size);
	*cpu_addr = piece.cpu_addr;
	return pfn_to_page(PHYS_PFN(piece.phys));
}

/**
 * dma_free_from_pool - give memory back to an atomic pool
 * @dev: not used
 * @start: the CPU's address
 * @size: in bytes
 *
 * Needed by kernel/dma/swiotlb.c.
 *
 * Context: any.
 * Return: false if the memory is not from such a pool.
 */
bool dma_free_from_pool(struct device *dev, void *start, size_t size)
{
	struct dma_piece piece;

	if (!dma_piece_find(start, &piece))
		return false;
	dma_piece_give(&piece, PAGE_ALIGN(size));
	return true;
}
