/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Atomic pools: memory that is ready for requests that may not sleep.
 */
#ifndef _KERNEL_DMA_POOL_H
#define _KERNEL_DMA_POOL_H

#include <linux/gfp.h>
#include <linux/mmzone.h>
#include <linux/types.h>

struct dma_chunk;
struct dma_zone_pool;

/**
 * struct dma_piece - memory taken from an atomic pool
 * @pool: the pool
 * @chunk: the chunk of it
 * @index: first page in the chunk
 * @cpu_addr: where the CPU has it mapped
 * @phys: physical address
 */
struct dma_piece {
	struct dma_zone_pool	*pool;
	struct dma_chunk	*chunk;
	unsigned long		index;
	void			*cpu_addr;
	phys_addr_t		phys;
};

extern unsigned long dma_chunk_idle;
extern unsigned int dma_chunk_order;

bool dma_piece_take(size_t size, phys_addr_t last_phys,
		    struct dma_piece *piece);
void dma_piece_give(const struct dma_piece *piece, size_t size);
bool dma_piece_find(void *cpu_addr, struct dma_piece *piece);

/**
 * dma_pages_in_reach - how many pages of a block may be used?
 * @base: physical address of the block, a multiple of PAGE_SIZE
 * @size: its size in bytes, a multiple of PAGE_SIZE
 * @last_phys: highest physical address that serves, inclusive
 *
 * Nothing here can wrap: the block may start at address 0, and the limit may be
 * the highest address, which has more pages below it than a long can count.
 *
 * Context: any.
 * Return: the number of pages from @base on that end at or below @last_phys.
 */
static inline unsigned long
dma_pages_in_reach(phys_addr_t base, size_t size, phys_addr_t last_phys)
{
	if (base > last_phys)
		return 0;
	if (last_phys - base >= size - 1)
		return size >> PAGE_SHIFT;
	return (last_phys - base + 1) >> PAGE_SHIFT;
}

/* The zones below normal memory that this kernel is built with. */
static inline void
dma_zone_pools_add_low(void (*add)(const char *name, enum zone_type type,
				   gfp_t zone))
{
#ifdef CONFIG_ZONE_DMA32
	add("dma32", ZONE_DMA32, GFP_DMA32);
#endif
#ifdef CONFIG_ZONE_DMA
	add("dma", ZONE_DMA, GFP_DMA);
#endif
}

#endif /* _KERNEL_DMA_POOL_H */
