/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Prepared pages of each memory zone, for requests that may not sleep and others.
 */
#ifndef _KERNEL_DMA_POOL_H
#define _KERNEL_DMA_POOL_H

#include <linux/gfp.h>
#include <linux/mmzone.h>
#include <linux/sizes.h>
#include <linux/types.h>

struct dma_piece;

/* The largest extent of prepared memory that is made for several pieces */
#define DMA_PREPARED_MOST	SZ_256K

extern int dma_extent_order;

bool dma_piece_take(size_t size, phys_addr_t last_phys,
		    struct dma_piece *piece);
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
