/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fixed memory cut into page-granular pieces.
 *
 * A region hands out page indices, never addresses: it does not know where its
 * memory lies nor how it is mapped, and it never touches that memory. The pools
 * above it (device, global, atomic) turn an index into phys, dma_addr and
 * cpu_addr.
 *
 * All counts and indices are in pages. An index is relative to the region's
 * first page. Every function but create and destroy may be called in any
 * context, hard-irq included.
 */
#ifndef _KERNEL_DMA_REGION_H
#define _KERNEL_DMA_REGION_H

#include <linux/gfp_types.h>
#include <linux/types.h>

struct dma_region;

/**
 * struct dma_region_figures - how full a region is, and how it has served
 * @nr_pages: size of the region, in pages
 * @nr_used: pages taken now
 * @nr_peak: most pages ever taken at one time
 * @nr_largest: the largest free piece now, in pages, aligned or not
 * @nr_served: requests that got a piece, since creation
 * @nr_refused: requests for which no piece was left (-ENOSPC), since creation
 */
struct dma_region_figures {
	unsigned long nr_pages;
	unsigned long nr_used;
	unsigned long nr_peak;
	unsigned long nr_largest;
	unsigned long nr_served;
	unsigned long nr_refused;
};

/**
 * struct dma_region_request - what is asked for
 * @nr_pages: length of the piece, in pages; only these are taken
 * @base: the number that the region's first page has for whoever asks: a device
 *	may see it elsewhere than the CPU does.  Alignment is of @base + index
 * @align: alignment, in pages, a power of two
 * @align_else: a looser one that serves if there is no such place; 0: none does
 * @last: the highest index that the piece may reach, inclusive; ULONG_MAX for
 *	no limit
 */
struct dma_region_request {
	unsigned long nr_pages;
	unsigned long base;
	unsigned long align;
	unsigned long align_else;
	unsigned long last;
};

struct dma_region *dma_region_create(unsigned long nr_pages,
				     unsigned long align_base, gfp_t gfp);
void dma_region_destroy(struct dma_region *region);
void dma_region_drop(struct dma_region *region);

long dma_region_take_request(struct dma_region *region,
			     const struct dma_region_request *request);
long dma_region_take(struct dma_region *region, unsigned long nr_pages,
		     unsigned long align, unsigned long last);
void dma_region_give(struct dma_region *region, unsigned long index,
		     unsigned long nr_pages);
unsigned long dma_region_take_hole(struct dma_region *region,
				   unsigned long *nr_pages);

void dma_region_get_figures(struct dma_region *region,
			    struct dma_region_figures *figures);
bool dma_region_is_idle(struct dma_region *region);

#endif /* _KERNEL_DMA_REGION_H */
