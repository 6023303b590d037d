// SPDX-License-Identifier: GPL-2.0-only
/*
 * The slots of an area: which are free, and where a mapping fits.
 *
 * A mapping needs slots in a row, most often a power of two of them, and most
 * often aligned to that.  So each word of slots has a rank: the largest
 * aligned power of two of free ones in it; and for each rank a bitmap tells
 * which words have it.  The first word of the lowest rank that is high enough
 * is where a mapping goes: it fits there, and what is larger stays whole.
 * That takes the same few steps in an empty area as in one that is nearly full.
 * Mappings larger than a word begin with the first of as many words as they
 * need that are all free.
 *
 * Shelves know nothing of rows that are not aligned or lie across words.  When
 * they have nothing, the bitmap is searched for any place at all, so that an
 * area refuses only what really does not fit.
 *
 * Locks: area->lock, innermost.
 * Invariant: rank[] and by_rank[] say the same, and what used[] says.
 */
#include <linux/bitmap.h>
#include <linux/bitops.h>

#include "swiotlb.h"

/* Where in a word a row of 2^order slots can begin, if it is aligned */
static const unsigned long starts[SWIOTLB_MAX_ORDER + 1] = SWIOTLB_STARTS;

/* Of the rows of 2^order free slots in @free, those whose other half is too. */
static __always_inline unsigned long pair_up(unsigned long free,
					     unsigned int order)
{
	return free & (free >> (1U << order)) & starts[order + 1];
}

static unsigned int rank_of(unsigned long used)
{
	unsigned long free = ~used;
	unsigned int order;

	if (!used)
		return SWIOTLB_MAX_ORDER + 1;
	/* Not all are free, so the last order is never reached. */
	for (order = 0; free; order++)
		free = pair_up(free, order);
	return order;
}

/*
 * Where 2^order slots go in a word that has room for them: to the smallest row
 * that holds them and is no half of a larger one, so that what is large stays.
 */
static unsigned int place_in(unsigned long used, unsigned int order)
{
	unsigned long free = ~used, larger, tight;

	if (!used)
		return 0;
	for (unsigned int i = 0; i < order; i++)
		free = pair_up(free, i);
	for (; order < SWIOTLB_MAX_ORDER; order++) {
		larger = pair_up(free, order);
		tight = free & ~(larger | larger << (1U << order));
		if (tight)
			return __ffs(tight);
		free = larger;
	}
	return 0;
}

static void __set_rank(struct swiotlb_area *area, unsigned int word)
{
	unsigned int rank = rank_of(area->used[word]);
	unsigned int old = area->rank[word];

	lockdep_assert_held(&area->lock);

	if (rank == old)
		return;
	__clear_bit(word, &area->by_rank[old]);
	__set_bit(word, &area->by_rank[rank]);
	area->rank[word] = rank;
}

/* Turn slots that are all free into used ones, or back. */
static __always_inline void __turn(struct swiotlb_area *area,
				   unsigned int first, unsigned int nr)
{
	unsigned int word = first / SWIOTLB_WORD;
	unsigned int bit = first % SWIOTLB_WORD;

	while (nr) {
		unsigned int part = min(nr, SWIOTLB_WORD - bit);

		area->used[word] ^= GENMASK(bit + part - 1, bit);
		__set_rank(area, word);
		nr -= part;
		bit = 0;
		word++;
	}
}

/* As many words in a row that are all free. */
static int __search_words(const struct swiotlb_area *area, unsigned int nr)
{
	unsigned long rows = area->by_rank[SWIOTLB_MAX_ORDER + 1];
	unsigned int step;

	if (nr > SWIOTLB_WORD)
		return -1;
	for (unsigned int have = 1; have < nr && rows; have += step) {
		step = min(have, nr - have);
		rows &= rows >> step;
	}
	return rows ? __ffs(rows) * SWIOTLB_WORD : -1;
}

static __always_inline int __search_ranks(const struct swiotlb_area *area,
					  const struct swiotlb_need *need)
{
	unsigned int rank = need->order + 1, word;

	if (unlikely(rank > SWIOTLB_MAX_ORDER + 1)) {
		if (need->mask >= SWIOTLB_WORD)
			return -1;
		return __search_words(area, DIV_ROUND_UP(need->want + need->nr,
							 SWIOTLB_WORD));
	}
	while (!area->by_rank[rank])
		if (++rank > SWIOTLB_MAX_ORDER + 1)
			return -1;
	word = __ffs(area->by_rank[rank]);
	return word * SWIOTLB_WORD + place_in(area->used[word], need->order);
}

/* Would the data cross a boundary of the device if it lay here? */
static __always_inline bool crosses(const struct io_tlb_pool *pool,
				    const struct swiotlb_need *need,
				    unsigned int slot)
{
	dma_addr_t first = need->dma_start + need->offset +
			   (swiotlb_slot_phys(pool, slot) - pool->start);

	return (first ^ (first + need->size - 1)) & ~need->boundary;
}

static int __search_all(const struct io_tlb_pool *pool,
			struct swiotlb_area *area,
			const struct swiotlb_need *need)
{
	/* Numbers are those in memory there; of them only low bits matter. */
	unsigned long skew = (unsigned long)(pool->base >> IO_TLB_SHIFT) +
			     area->first - need->want;
	unsigned long at = 0;

	lockdep_assert_held(&area->lock);

	for (;;) {
		at = bitmap_find_next_zero_area_off(area->used, area->nr_slots,
						    at, need->nr, need->mask,
						    skew & need->mask);
		if (at >= area->nr_slots)
			return -1;
		if (!crosses(pool, need, area->first + at))
			return at;
		at++;
	}
}

/* Returns true if the area never had fewer free slots. */
static __always_inline bool __take(struct swiotlb_area *area,
				   unsigned int first, unsigned int nr)
{
	unsigned int nr_free = area->nr_free - nr;

	lockdep_assert_held(&area->lock);

	__turn(area, first, nr);
	area->served++;
	WRITE_ONCE(area->nr_free, nr_free);
	if (likely(nr_free >= area->low))
		return false;
	area->low = nr_free;
	return true;
}

/* Take slots of a locked area; a negative number if there are none. */
static __always_inline int __take_for(struct io_tlb_pool *pool,
				      struct swiotlb_area *area,
				      const struct swiotlb_need *need,
				      bool is_everywhere, bool *is_peak)
{
	int at;

	if (unlikely(area->is_closed))
		return -1;
	if (unlikely(is_everywhere)) {
		at = __search_all(pool, area, need);
	} else {
		at = __search_ranks(area, need);
		if (at >= 0) {
			at += need->want;
			if (unlikely(crosses(pool, need, area->first + at)))
				at = -1;
		}
	}
	if (likely(at >= 0))
		*is_peak = __take(area, at, need->nr);
	return at;
}

/**
 * swiotlb_area_take - take slots for a mapping
 * @pool: the pool
 * @area: of @pool
 * @need: which slots serve
 * @effort: how hard to look for them
 * @is_peak: set if the area has never had fewer free slots, else left alone
 *
 * Context: any, irq-safe.
 * Return: number of the first slot in the pool; -EBUSY with SWIOTLB_TRY if
 * another CPU is at the area; -ENOSPC.
 */
int swiotlb_area_take(struct io_tlb_pool *pool, struct swiotlb_area *area,
		      const struct swiotlb_need *need,
		      enum swiotlb_effort effort, bool *is_peak)
{
	unsigned long flags;
	int at;

	if (READ_ONCE(area->nr_free) < need->nr)
		return -ENOSPC;
	if (effort == SWIOTLB_TRY) {
		if (!spin_trylock_irqsave(&area->lock, flags))
			return -EBUSY;
		at = __take_for(pool, area, need, false, is_peak);
		spin_unlock_irqrestore(&area->lock, flags);
	} else {
		spin_lock_irqsave(&area->lock, flags);
		at = __take_for(pool, area, need,
				effort == SWIOTLB_EVERYWHERE, is_peak);
		spin_unlock_irqrestore(&area->lock, flags);
	}
	return likely(at >= 0) ? area->first + at : -ENOSPC;
}

/**
 * __swiotlb_area_give - give the slots of a mapping back
 * @area: the area, locked
 * @slot: number of the first one in the pool
 * @nr: how many
 *
 * Context: any, with the area's lock held.
 */
void __swiotlb_area_give(struct swiotlb_area *area, unsigned int slot,
			 unsigned int nr)
{
	lockdep_assert_held(&area->lock);

	__turn(area, slot - area->first, nr);
	WRITE_ONCE(area->nr_free, area->nr_free + nr);
}

/**
 * swiotlb_area_largest - the most free slots in a row
 * @area: the area
 *
 * Context: any, irq-safe.  Takes a step for each row: for reports only.
 * Return: how many.
 */
unsigned int swiotlb_area_largest(struct swiotlb_area *area)
{
	unsigned long first, end, flags;
	unsigned int largest = 0;

	spin_lock_irqsave(&area->lock, flags);
	for_each_clear_bitrange(first, end, area->used, area->nr_slots)
		largest = max_t(unsigned int, largest, end - first);
	spin_unlock_irqrestore(&area->lock, flags);
	return largest;
}

/**
 * swiotlb_area_close - let nothing be taken any more, or let it again
 * @area: the area
 * @is_closed: what is wanted
 *
 * Context: any, irq-safe.
 */
void swiotlb_area_close(struct swiotlb_area *area, bool is_closed)
{
	unsigned long flags;

	spin_lock_irqsave(&area->lock, flags);
	area->is_closed = is_closed;
	spin_unlock_irqrestore(&area->lock, flags);
}

/**
 * swiotlb_area_init - set up an area
 * @area: all zero
 * @first: number of its first slot in the pool
 * @nr_slots: how many it has
 * @nr_skipped: how many of them lie before the pool's memory
 *
 * Context: any, from the earliest boot on.
 */
void swiotlb_area_init(struct swiotlb_area *area, unsigned int first,
		       unsigned int nr_slots, unsigned int nr_skipped)
{
	unsigned long flags;

	spin_lock_init(&area->lock);
	area->first = first;
	area->nr_slots = nr_slots;
	area->nr_free = nr_slots - nr_skipped;
	area->low = area->nr_free;
	bitmap_fill(area->used, SWIOTLB_AREA_SLOTS);
	bitmap_clear(area->used, nr_skipped, area->nr_free);
	area->by_rank[0] = ~0UL;
	spin_lock_irqsave(&area->lock, flags);
	for (unsigned int word = 0; word < SWIOTLB_WORD; word++)
		__set_rank(area, word);
	spin_unlock_irqrestore(&area->lock, flags);
}
