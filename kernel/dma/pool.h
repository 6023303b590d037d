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
