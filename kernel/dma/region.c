// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fixed memory cut into page-granular pieces.
 *
 * The pages of a region form a row of *pieces*: taken pieces, each just as long
 * as it was asked for, and *holes* between them. Two holes never touch: what
 * becomes a hole merges with the holes beside it.
 *
 * Which hole serves a request: almost every request is for natural alignment,
 * the smallest power of two that holds it. What a hole can do for such requests
 * is one number, its *room*: the longest naturally aligned request that fits.
 * Whatever fits at some alignment makes every shorter request fit at the same
 * place, so a hole serves a natural request if and only if its room is large
 * enough: no hole has to be tried in vain. Holes are listed by room. The best
 * fit is the hole with the least room that suffices and, among equals, the
 * shortest (of the first few): so well aligned holes are spared for those who
 * need them, and the tails behind odd-sized pieces are filled first. The piece
 * goes to the lowest place in the hole: once the hole is chosen by room, where
 * in it the piece lies makes no measurable difference. Other requests (stricter
 * or looser alignment, pages that a device numbers differently, an upper limit)
 * use the same lists, and try every hole before they are refused.
 *
 * Lists: one for each room up to NR_EXACT pages, then four per power of two; a
 * bitmap names those that are not empty.
 *
 * Bookkeeping is one struct mark (8 bytes) per page, and nothing is allocated
 * after creation. The marks of a region are all zero but for:
 *
 *	taken piece	first page: tag = MARK_TAKEN | length
 *	hole, 2+ pages	first page: tag = length, link = next hole in its list
 *			last page:  tag = length, link = previous hole
 *	hole, 1 page	tag = previous hole, link = MARK_LONE | next hole
 *
 * So both neighbours of a piece are found in O(1), and a piece given back is
 * believed only if its first page's mark says just that. With 4 KiB pages the
 * marks are 0.195 % of the region; the struct and its list heads come on top,
 * half a KiB for a region of 16 MiB.
 *
 * The piece that was given back last is *parked*: it is neither marked nor
 * merged nor listed, so that a request for the same length can have it at once.
 * Whoever wants to look at holes, or to park another piece, makes a hole of it
 * first.
 *
 * Locking: region->lock guards all that is not const after creation. It is
 * irq-safe, a leaf (nothing is called under it), and held for O(1), but for a
 * walk over holes (never over pages) that is confined to: requests that are
 * not natural or have a limit; requests of more than NR_EXACT pages that are
 * about to be refused, among the holes that are nearly large enough; and
 * dma_region_get_figures().
 */

#define pr_fmt(fmt) "dma-region: " fmt

#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/bug.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/lockdep.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>

#include "region.h"

#define NR_PAGES_MAX	((1UL << 31) - 1)

/* Flags in the top bit of a mark's words; 31 bits are left for a number */
#define MARK_TAKEN	BIT(31)
#define MARK_LONE	BIT(31)
/* No hole: one beyond the last index a region can have */
#define NO_HOLE		((u32)NR_PAGES_MAX)

#define EXACT_ORDER	6
#define NR_EXACT	BIT(EXACT_ORDER)
#define NR_CLASSES_MAX	(NR_EXACT + 4 * (31 - EXACT_ORDER))

/* Holes of one list that are compared for the shortest */
#define NR_COMPARED	4

struct mark {
	u32 tag;
	u32 link;
};

/* A hole, or what is to become one: the index of its first page, its length */
struct hole {
	u32 index;
	u32 nr_pages;
};

/**
 * struct dma_region - fixed memory cut into pieces
 * @lock: guards what is marked (l); the rest is const after creation
 * @nr_pages: size
 * @nr_classes: number of lists that a hole of this region can be in
 * @align_base: alignment is of align_base + index
 * @marks: one per page (l)
 * @parked: the piece given back last, of 0 pages if there is none (l)
 * @nr_used: pages taken (l)
 * @nr_peak: most pages taken at one time (l)
 * @nr_served: requests that got a piece (l)
 * @nr_refused: requests that did not (l)
 * @filled: which lists are not empty (l)
 * @first: first hole of each list (l)
 */
struct dma_region {
	spinlock_t lock; /* irq-safe, a leaf */
	u32 nr_pages;
	u32 nr_classes;
	unsigned long align_base;
	struct mark *marks;
	struct hole parked;
	unsigned long nr_used;
	unsigned long nr_peak;
	unsigned long nr_served;
	unsigned long nr_refused;
	DECLARE_BITMAP(filled, NR_CLASSES_MAX);
	u32 first[] __counted_by(nr_classes);
};

static unsigned int room_to_class(u32 room)
{
	unsigned int order;

	if (room <= NR_EXACT)
		return room - 1;
	order = __fls(room);
	return NR_EXACT + 4 * (order - EXACT_ORDER) + ((room >> (order - 2)) & 3);
}

/* The most room that a hole in list @class can have */
static u64 class_to_room(unsigned int class)
{
	unsigned int order;

	if (class < NR_EXACT)
		return class + 1;
	class -= NR_EXACT;
	order = EXACT_ORDER + class / 4;
	return ((u64)(class % 4 + 5) << (order - 2)) - 1;
}

/*
 * The longest naturally aligned piece within @nr_pages pages at @index.
 *
 * Cut the hole at its best aligned page. From there on any length is aligned,
 * up to the hole's end. Before it, the blocks between the hole's start and the
 * cut grow towards the cut: the one that touches it is the largest.
 */
static u32 room_of(const struct dma_region *region, u32 index, u32 nr_pages)
{
	unsigned long start = region->align_base + index;
	unsigned long last = start + nr_pages - 1;
	unsigned int order = __fls((start - 1) ^ last);
	unsigned long cut = last >> order << order;
	u32 after = last - cut + 1;
	u32 before = cut - start;

	if (!before)
		return after;
	return max_t(u32, after, BIT(__fls(before)));
}

static bool is_lone(const struct mark *mark)
{
	return mark->link & MARK_LONE;
}

static struct hole hole_at(const struct dma_region *region, u32 index)
{
	const struct mark *mark = &region->marks[index];

	return (struct hole){ index, is_lone(mark) ? 1 : mark->tag };
}

static u32 next_hole(const struct dma_region *region, u32 index)
{
	return region->marks[index].link & ~MARK_LONE;
}

static void set_next_hole(struct dma_region *region, u32 index, u32 next)
{
	struct mark *mark = &region->marks[index];

	mark->link = (mark->link & MARK_LONE) | next;
}

static void set_prev_hole(struct dma_region *region, u32 index, u32 prev)
{
	struct mark *mark = &region->marks[index];

	if (is_lone(mark))
		mark->tag = prev;
	else
		region->marks[index + mark->tag - 1].link = prev;
}

/* Mark @hole as one, and put it at the head of the list for its room */
static void add_hole(struct dma_region *region, struct hole hole)
{
	unsigned int class = room_to_class(room_of(region, hole.index,
						   hole.nr_pages));
	struct mark *mark = &region->marks[hole.index];
	u32 next = region->first[class];

	if (hole.nr_pages == 1) {
		*mark = (struct mark){ NO_HOLE, MARK_LONE | next };
	} else {
		*mark = (struct mark){ hole.nr_pages, next };
		mark[hole.nr_pages - 1] =
			(struct mark){ hole.nr_pages, NO_HOLE };
	}

	if (next != NO_HOLE)
		set_prev_hole(region, next, hole.index);
	else
		__set_bit(class, region->filled);
	region->first[class] = hole.index;
}

/* Take @hole off its list, and wipe its marks */
static void remove_hole(struct dma_region *region, struct hole hole)
{
	struct mark *mark = &region->marks[hole.index];
	struct mark *mark_last = mark + hole.nr_pages - 1;
	u32 next = mark->link & ~MARK_LONE;
	u32 prev = is_lone(mark) ? mark->tag : mark_last->link;

	*mark = (struct mark){};
	*mark_last = (struct mark){};

	if (next != NO_HOLE)
		set_prev_hole(region, next, prev);
	if (prev != NO_HOLE) {
		set_next_hole(region, prev, next);
	} else {
		unsigned int class = room_to_class(room_of(region, hole.index,
							   hole.nr_pages));

		region->first[class] = next;
		if (next == NO_HOLE)
			__clear_bit(class, region->filled);
	}
}

/* The lowest index in @hole at which @request fits, or NO_HOLE */
static u32 fit_in(struct hole hole, const struct dma_region_request *request)
{
	unsigned long pad = -(request->base + hole.index) &
			    (request->align - 1);
	unsigned long nr_pages = hole.nr_pages;

	if (hole.index > request->last)
		return NO_HOLE;
	if (nr_pages - 1 > request->last - hole.index)
		nr_pages = request->last - hole.index + 1;
	if (pad > nr_pages || request->nr_pages > nr_pages - pad)
		return NO_HOLE;
	return hole.index + pad;
}

/*
 * The shortest hole for @request out of the first list, from @class on, that
 * has any; of each list, only the first @nr_compared holes are looked at.
 * Returns where in the hole the piece is to lie, or NO_HOLE.
 */
static u32 find_from(const struct dma_region *region, unsigned int class,
		     unsigned long nr_compared, const struct dma_region_request *request,
		     struct hole *best)
{
	u32 index, found = NO_HOLE;

	for_each_set_bit_from(class, region->filled, region->nr_classes) {
		unsigned long nr_left = nr_compared;

		best->nr_pages = U32_MAX;
		for (index = region->first[class]; index != NO_HOLE && nr_left;
		     index = next_hole(region, index), nr_left--) {
			struct hole hole = hole_at(region, index);
			u32 fit;

			if (hole.nr_pages >= best->nr_pages)
				continue;
			fit = fit_in(hole, request);
			if (fit != NO_HOLE) {
				found = fit;
				*best = hole;
				/* No hole is shorter than this */
				if (hole.nr_pages == request->nr_pages)
					break;
			}
		}
		if (found != NO_HOLE)
			break;
	}
	return found;
}

/*
 * Find a hole: first with little looking, then with all that it takes, so that
 * nothing is refused that could be served.
 */
static u32 find_fit(const struct dma_region *region,
		    const struct dma_region_request *request, struct hole *hole)
{
	u32 least = request->nr_pages;
	unsigned int class;
	u32 found;

	/* Unaligned, a hole may be up to three times as long as its room */
	if (request->align < request->nr_pages ||
	    (request->base ^ region->align_base) & (request->align - 1))
		least = request->nr_pages / 3 + 1;

	class = room_to_class(least);
	found = find_from(region, class, NR_COMPARED, request, hole);
	if (found != NO_HOLE)
		return found;
	return find_from(region, class, ULONG_MAX, request, hole);
}

/* Cut @nr_pages pages at @index out of @hole, and list what is left of it */
static void carve(struct dma_region *region, struct hole hole, u32 index,
		  u32 nr_pages)
{
	u32 nr_before = index - hole.index;
	u32 nr_after = hole.nr_pages - nr_before - nr_pages;

	remove_hole(region, hole);
	if (nr_before)
		add_hole(region, (struct hole){ hole.index, nr_before });
	if (nr_after)
		add_hole(region, (struct hole){ index + nr_pages, nr_after });
}

/* The length of the taken piece that starts at @index; 0 if none does */
static u32 taken_at(const struct dma_region *region, unsigned long index)
{
	u32 tag;

	lockdep_assert_held(&region->lock);

	if (index >= region->nr_pages)
		return 0;
	tag = region->marks[index].tag;
	return tag & MARK_TAKEN ? tag & ~MARK_TAKEN : 0;
}

/* The length of the hole that ends just before @index; 0 if none does */
static u32 hole_before(const struct dma_region *region, u32 index)
{
	const struct mark *mark;

	if (!index)
		return 0;
	mark = &region->marks[index - 1];
	if (is_lone(mark))
		return 1;
	/* A tag of 0 is the last page of a taken piece */
	return mark->tag & MARK_TAKEN ? 0 : mark->tag;
}

/* Make a hole of the parked piece, merged with those that it touches */
static void unpark(struct dma_region *region)
{
	struct hole merged = region->parked;
	u32 end = merged.index + merged.nr_pages;
	u32 nr_before;

	lockdep_assert_held(&region->lock);

	if (!merged.nr_pages)
		return;
	region->parked.nr_pages = 0;

	if (end < region->nr_pages && !taken_at(region, end)) {
		struct hole after = hole_at(region, end);

		remove_hole(region, after);
		merged.nr_pages += after.nr_pages;
	}
	nr_before = hole_before(region, merged.index);
	if (nr_before) {
		merged.index -= nr_before;
		merged.nr_pages += nr_before;
		remove_hole(region, (struct hole){ merged.index, nr_before });
	}
	add_hole(region, merged);
}

/* Take the parked piece, or a new one; returns its index, or NO_HOLE */
static u32 take(struct dma_region *region, const struct dma_region_request *request)
{
	struct hole hole = region->parked;
	u32 index;

	lockdep_assert_held(&region->lock);

	if (request->nr_pages > region->nr_pages)
		return NO_HOLE;

	if (hole.nr_pages == request->nr_pages &&
	    fit_in(hole, request) != NO_HOLE) {
		region->parked.nr_pages = 0;
		index = hole.index;
	} else {
		unpark(region);
		index = find_fit(region, request, &hole);
		if (index == NO_HOLE)
			return NO_HOLE;
		carve(region, hole, index, request->nr_pages);
	}
	region->marks[index].tag = MARK_TAKEN | request->nr_pages;
	return index;
}

/**
 * dma_region_take_request - take a piece, as a device asks for it
 * @region: the region
 * @request: what is asked for
 *
 * The piece's contents are whatever the memory holds.
 *
 * Context: Any. Takes and releases an irq-safe lock.
 * Return: The index of the piece's first page; -ENOSPC if no hole serves the
 *	request (counted as refused); -EINVAL for a request that makes no sense.
 */
long dma_region_take_request(struct dma_region *region,
			     const struct dma_region_request *request)
{
	struct dma_region_request next = *request;
	unsigned long flags;
	long result = -ENOSPC;
	u32 index;

	if (!next.nr_pages || !is_power_of_2(next.align)) {
		pr_err_ratelimited("%lu pages aligned to %lu pages asked for by %ps: expected at least one page, and a power of two\n",
				   next.nr_pages, next.align,
				   __builtin_return_address(0));
		return -EINVAL;
	}

	spin_lock_irqsave(&region->lock, flags);
	index = take(region, &next);
	if (index == NO_HOLE && next.align_else && next.align_else < next.align) {
		next.align = next.align_else;
		index = take(region, &next);
	}
	if (index == NO_HOLE) {
		region->nr_refused++;
	} else {
		region->nr_served++;
		region->nr_used += next.nr_pages;
		region->nr_peak = max(region->nr_peak, region->nr_used);
		result = index;
	}
	spin_unlock_irqrestore(&region->lock, flags);
	return result;
}

/**
 * dma_region_take - take a piece
 * @region: the region
 * @nr_pages: length of the piece, in pages; only these are taken
 * @align: alignment of its first page, in pages, a power of two: natural
 *	alignment is the smallest power of two that is not less than @nr_pages
 * @last: the highest index that the piece may reach, inclusive; ULONG_MAX for
 *	no limit
 *
 * Context: Any. Takes and releases an irq-safe lock.
 * Return: As dma_region_take_request().
 */
long dma_region_take(struct dma_region *region, unsigned long nr_pages,
		     unsigned long align, unsigned long last)
{
	return dma_region_take_request(region, &(struct dma_region_request){
		.nr_pages = nr_pages,
		.base = region->align_base,
		.align = align,
		.last = last,
	});
}

/**
 * dma_region_give - give a piece back
 * @region: the region
 * @index: the index that dma_region_take() returned
 * @nr_pages: the length that was asked for, in pages
 *
 * A piece that is not taken, or not with this length, is refused with a
 * warning that states the facts; nothing changes then.
 *
 * Context: Any. Takes and releases an irq-safe lock.
 */
void dma_region_give(struct dma_region *region, unsigned long index,
		     unsigned long nr_pages)
{
	unsigned long flags;
	u32 nr_taken;

	spin_lock_irqsave(&region->lock, flags);
	nr_taken = taken_at(region, index);
	if (nr_taken && nr_taken == nr_pages) {
		unpark(region);
		region->marks[index].tag = 0;
		region->parked = (struct hole){ index, nr_taken };
		region->nr_used -= nr_taken;
		spin_unlock_irqrestore(&region->lock, flags);
		return;
	}
	spin_unlock_irqrestore(&region->lock, flags);

	WARN_ONCE(1, "dma-region: %lu pages at index %lu given back: expected a taken piece of a region of %u pages, but the piece taken at that index has %u pages (0: none is)\n",
		  nr_pages, index, region->nr_pages, nr_taken);
}

/**
 * dma_region_take_hole - take all of a hole
 * @region: the region, which has one
 * @nr_pages: set to its length, in pages
 *
 * For whoever gives the memory itself away. It is one of the holes with most room.
 *
 * Context: Any. Takes and releases an irq-safe lock.
 * Return: The index of its first page.
 */
unsigned long dma_region_take_hole(struct dma_region *region,
				   unsigned long *nr_pages)
{
	struct hole hole = {};
	unsigned long flags;
	unsigned int class;

	spin_lock_irqsave(&region->lock, flags);
	unpark(region);
	class = find_last_bit(region->filled, region->nr_classes);
	if (!WARN_ON_ONCE(class == region->nr_classes)) {
		hole = hole_at(region, region->first[class]);
		remove_hole(region, hole);
		region->marks[hole.index].tag = MARK_TAKEN | hole.nr_pages;
		region->nr_used += hole.nr_pages;
	}
	spin_unlock_irqrestore(&region->lock, flags);
	*nr_pages = hole.nr_pages;
	return hole.index;
}

/* The length of the longest hole */
static u32 longest_hole(const struct dma_region *region)
{
	unsigned int class = region->nr_classes;
	u32 index, longest = 0;

	lockdep_assert_held(&region->lock);

	/*
	 * A hole with room r has at most 3r - 1 pages: r after its best aligned
	 * page, and 2r - 1 before it. So the first few lists hold the answer.
	 */
	while (class-- && 3 * class_to_room(class) > longest + 1ULL) {
		for (index = region->first[class]; index != NO_HOLE;
		     index = next_hole(region, index))
			longest = max(longest, hole_at(region, index).nr_pages);
	}
	return longest;
}

/**
 * dma_region_get_figures - how full the region is, and how it has served
 * @region: the region
 * @figures: filled in, consistent in itself
 *
 * Walks the holes that may be the largest: for people who read figures, and
 * for reports of failure, not for a hot path.
 *
 * Context: Any. Takes and releases an irq-safe lock.
 */
void dma_region_get_figures(struct dma_region *region,
			    struct dma_region_figures *figures)
{
	unsigned long flags;

	spin_lock_irqsave(&region->lock, flags);
	unpark(region);
	*figures = (struct dma_region_figures){
		.nr_pages = region->nr_pages,
		.nr_used = region->nr_used,
		.nr_peak = region->nr_peak,
		.nr_largest = longest_hole(region),
		.nr_served = region->nr_served,
		.nr_refused = region->nr_refused,
	};
	spin_unlock_irqrestore(&region->lock, flags);
}

/**
 * dma_region_is_idle - is nothing taken?
 * @region: the region
 *
 * Context: Any. Takes and releases an irq-safe lock.
 * Return: True if no piece is taken. Unless the caller keeps others from
 *	taking, this may have changed by the time it returns.
 */
bool dma_region_is_idle(struct dma_region *region)
{
	unsigned long flags;
	bool is_idle;

	spin_lock_irqsave(&region->lock, flags);
	is_idle = !region->nr_used;
	spin_unlock_irqrestore(&region->lock, flags);
	return is_idle;
}

/*
 * The marks, all zero. kmalloc() rounds sizes above a page up to a power of
 * two: where the caller may sleep, vmalloc() saves that waste.
 */
static struct mark *alloc_marks(unsigned long nr_pages, gfp_t gfp)
{
	size_t size = array_size(nr_pages, sizeof(struct mark));

	if (size > PAGE_SIZE && gfpflags_allow_blocking(gfp))
		return __vmalloc(size, gfp);
	return kmalloc(size, gfp);
}

/**
 * dma_region_create - create a region, all of it one hole
 * @nr_pages: its size, in pages, up to 2^31 - 1
 * @align_base: the page frame number of its first page as the devices see it:
 *	alignment is of @align_base + index, since a region need not start
 *	naturally aligned
 * @gfp: for the bookkeeping, about 0.2 % of the region; zones do not matter
 *
 * Context: Sleeps if @gfp allows it.
 * Return: The region; ERR_PTR(-EINVAL) for an impossible size or base,
 *	ERR_PTR(-ENOMEM) if there is no memory for the bookkeeping.
 */
struct dma_region *dma_region_create(unsigned long nr_pages,
				     unsigned long align_base, gfp_t gfp)
{
	struct dma_region *region;
	unsigned int class, nr_classes;

	if (!nr_pages || nr_pages > NR_PAGES_MAX ||
	    align_base > ULONG_MAX - nr_pages) {
		pr_err("region of %lu pages from page frame %#lx: expected 1 to %lu pages, all below page frame %#lx\n",
		       nr_pages, align_base, NR_PAGES_MAX, ULONG_MAX);
		return ERR_PTR(-EINVAL);
	}

	gfp = (gfp & ~(GFP_ZONEMASK | __GFP_COMP)) | __GFP_ZERO | __GFP_NOWARN;
	nr_classes = room_to_class(nr_pages) + 1;
	region = kmalloc(struct_size(region, first, nr_classes), gfp);
	if (!region)
		return ERR_PTR(-ENOMEM);
	region->marks = alloc_marks(nr_pages, gfp);
	if (!region->marks) {
		kfree(region);
		return ERR_PTR(-ENOMEM);
	}

	spin_lock_init(&region->lock);
	region->nr_pages = nr_pages;
	region->nr_classes = nr_classes;
	region->align_base = align_base;
	for (class = 0; class < nr_classes; class++)
		region->first[class] = NO_HOLE;
	add_hole(region, (struct hole){ 0, nr_pages });
	return region;
}

/**
 * dma_region_drop - drop a region, whatever is taken
 * @region: the region
 *
 * Context: May sleep.
 */
void dma_region_drop(struct dma_region *region)
{
	kvfree(region->marks);
	kfree(region);
}

/**
 * dma_region_destroy - drop a region of which nothing is taken
 * @region: the region, or NULL
 *
 * A region with taken pieces is leaked, with a warning: someone will give them
 * back.
 *
 * Context: May sleep.
 */
void dma_region_destroy(struct dma_region *region)
{
	if (!region)
		return;
	if (WARN(!dma_region_is_idle(region),
		 "dma-region: region of %u pages leaked: %lu pages are still taken\n",
		 region->nr_pages, region->nr_used))
		return;
	dma_region_drop(region);
}
