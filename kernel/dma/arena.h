/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arenas: memory that is made ready once and cut many times.
 */
#ifndef _KERNEL_DMA_ARENA_H
#define _KERNEL_DMA_ARENA_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "stat.h"

struct cma;
struct dma_allocation;
struct dma_arena;
struct dma_extent;
struct dma_request;
struct page;

/**
 * struct dma_piece - memory cut from an extent
 * @extent: the extent
 * @index: first page in it
 * @cpu_addr: where the CPU has it mapped, if the extent is prepared
 * @phys: physical address
 */
struct dma_piece {
	struct dma_extent	*extent;
	unsigned long		index;
	void			*cpu_addr;
	phys_addr_t		phys;
};

/**
 * struct dma_source - where extents come from
 * @is_rounded: it gives powers of two of pages only
 * @take: physically contiguous pages; NULL if there are none. May sleep.
 * @give: take some or all of these back. Any context that the source allows.
 *
 * Sizes are in bytes, multiples of PAGE_SIZE.
 */
struct dma_source {
	bool		is_rounded;
	struct page	*(*take)(struct dma_arena *arena, size_t size);
	void		(*give)(struct dma_arena *arena, struct page *page,
				size_t size);
};

/**
 * struct dma_arena - extents of one kind and one source
 * @name: for messages
 * @source: where they come from
 * @cma: the area that the source takes from, if it is one
 * @most: the largest extent that is made for several pieces, in bytes
 * @reserve: free bytes that are kept for those who may not sleep
 * @is_prepared: extents are decrypted and uncached, as a whole
 * @is_shared: the source is an area that small and large buffers share: these do not
 *	lie in one extent
 * @list: in the list of all arenas
 * @work: makes extents for those who may not sleep, and gives idle memory back
 * @lock: irq-safe; protects all that follows, and the extents
 * @extents: the oldest first
 * @size: bytes in all extents, less what was given back of them
 * @used: bytes handed out
 * @used_small: of these, in extents that several share
 * @peak: the most that was handed out
 * @wanted: the largest request refused since the last growth, in bytes
 * @served: requests served
 * @refused: requests refused
 * @is_urgent: @work is to run as soon as it can
 */
struct dma_arena {
	const char		*name;
	const struct dma_source	*source;
	struct cma		*cma;
	size_t			most;
	size_t			reserve;
	bool			is_prepared;
	bool			is_shared;
	struct list_head	list;
	struct delayed_work	work;
	spinlock_t		lock;	/* irq-safe */
	struct list_head	extents;
	size_t			size;
	size_t			used;
	size_t			used_small;
	size_t			peak;
	size_t			wanted;
	unsigned long		served;
	unsigned long		refused;
	bool			is_urgent;
};

/**
 * struct dma_need - what a piece has to be like
 * @size: in bytes, a multiple of PAGE_SIZE
 * @last_phys: highest physical address that serves, inclusive
 * @align_else: alignment that does where the natural one is not to be had, in
 *	pages; 0: none does
 * @req: the request that it is for; NULL if only @last_phys counts
 */
struct dma_need {
	size_t				size;
	phys_addr_t			last_phys;
	unsigned long			align_else;
	const struct dma_request	*req;
};

extern unsigned long dma_extent_idle;

void dma_arena_init(struct dma_arena *arena);
bool dma_arena_fill(struct dma_arena *arena, size_t size);
bool dma_arena_take(struct dma_arena *arena, const struct dma_need *need,
		    bool *can_grow, struct dma_piece *piece);
bool dma_arena_alloc(struct dma_arena *arena, const struct dma_need *need,
		     struct dma_piece *piece);
void dma_piece_give(const struct dma_piece *piece, size_t size);
bool dma_arena_find(struct dma_arena *arena, void *cpu_addr,
		    struct dma_piece *piece);
size_t dma_arena_trim(struct dma_arena *arena);
size_t dma_arenas_trim(const struct cma *cma);
phys_addr_t dma_arena_first_phys(struct dma_arena *arena);
void dma_arena_figures(struct dma_arena *arena,
		       struct dma_pool_figures *figures);

/* Bytes that are ready and free; a hint without the lock. */
static inline size_t dma_arena_idle(const struct dma_arena *arena)
{
	size_t used = READ_ONCE(arena->used), size = READ_ONCE(arena->size);

	return size > used ? size - used : 0;
}

void dma_record_set_piece(struct dma_allocation *record,
			  const struct dma_request *req,
			  const struct dma_piece *piece);
void dma_record_give_piece(struct dma_allocation *record);
struct dma_arena *dma_record_arena(const struct dma_allocation *record);

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

#endif /* _KERNEL_DMA_ARENA_H */
