/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * I/O virtual addresses: which parts of a domain's address space are taken.
 */
#ifndef _DRIVERS_IOMMU_DMA_SPACE_H
#define _DRIVERS_IOMMU_DMA_SPACE_H

#include <linux/cache.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

/*
 * Ranges of 2^0 to 2^9 granules are kept between uses: with a granule of
 * 4 KiB, all up to 2 MiB.
 */
#define DMA_SPACE_CLASSES	10
#define DMA_SPACE_LARGEST	(1UL << (DMA_SPACE_CLASSES - 1))

struct dma_space_cache;
struct dma_space_stack;

/**
 * struct dma_space_depot - stacks of free ranges of one class, for all CPUs
 * @stacks: (l) a list
 * @nr: (l) its length
 * @low: (l) the least of that since the last look for idle ones
 */
struct dma_space_depot {
	struct dma_space_stack	*stacks;
	unsigned int		nr;
	unsigned int		low;
};

/**
 * struct dma_space - the addresses of one domain
 * @shift: a granule is 2^shift bytes; all below counts in granules
 * @most: how many ranges of a class each CPU keeps
 * @caches: each CPU's free ranges, ready for use
 * @lock: irq-safe; protects what is marked (l)
 * @ranges: (l) taken ranges by address, those in caches included
 * @depots: (l) what CPUs have too much of
 * @trim: gives back what is cached in the depots
 *
 * What every mapping reads is not in the cache lines of what is written when the
 * caches do not serve one.
 */
struct dma_space {
	unsigned int			shift;
	u8				most[DMA_SPACE_CLASSES];
	struct dma_space_cache __percpu	*caches;

	/* protects (l) */
	spinlock_t			lock ____cacheline_aligned_in_smp;
	struct rb_root			ranges;
	struct dma_space_depot		depots[DMA_SPACE_CLASSES];
	struct delayed_work		trim;
};

/**
 * struct dma_space_entry - addresses that wait to be given back
 * @addr: the first
 * @size: in bytes
 */
struct dma_space_entry {
	dma_addr_t	addr;
	size_t		size;
};

extern unsigned long dma_space_idle;

int dma_space_init(struct dma_space *space, unsigned int shift,
		   unsigned long first);
void dma_space_destroy(struct dma_space *space);
unsigned long dma_space_first(struct dma_space *space);

unsigned long dma_space_get(struct dma_space *space, unsigned long nr,
			    unsigned long last);
void dma_space_put(struct dma_space *space, unsigned long start,
		   unsigned long nr);
void dma_space_put_many(struct dma_space *space,
			const struct dma_space_entry *entries,
			unsigned int nr_entries);
void dma_space_drain(struct dma_space *space);

int dma_space_reserve(struct dma_space *space, unsigned long first,
		      unsigned long last);
int dma_space_claim(struct dma_space *space, unsigned long first,
		    unsigned long last);
void dma_space_unclaim(struct dma_space *space, unsigned long first);

#endif /* _DRIVERS_IOMMU_DMA_SPACE_H */
