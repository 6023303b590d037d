// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arenas: memory that is made ready once and cut many times.
 *
 * What consistent memory costs is to make it ready: CMA has to move pages away,
 * caches are flushed, a mapping is made, pages are decrypted. So that is done for
 * an extent of many pages at a time, and a region (region.c) cuts pieces from it.
 * An arena is the extents of one kind: from one source, and all of them prepared
 * (decrypted and uncached, where the machine needs that) or all of them plain.
 *
 * An extent that is made is as large as what its arena has in use, within limits:
 * so a burst of many buffers makes few extents, and a single one no more than it
 * asked for. A piece comes from the oldest extent that has it, so that the newer
 * ones become idle, and small buffers stay together. In a CMA area a large buffer
 * has an extent of its own, so that it leaves no hole between small ones.
 *
 * An extent that nobody uses goes back to the source within a second. One that has
 * live pieces stays, since the next small buffers fill it: if they went elsewhere,
 * they would be all over the area before long. But if nobody has touched it for
 * some seconds, the free pages of a plain one go back as well, so that a live buffer
 * does not keep what lies beside it. All that is free goes at once when somebody
 * asks the source in vain and, if plain, when the kernel is short of memory. Some of
 * it stays in arenas that serve those who may not sleep; they grow by a worker,
 * before they are empty.
 *
 * Pieces are never handed to user space as pages that can be held, only as mappings,
 * so nobody has a reference to a page that is given to another device.
 *
 * Locks: arena->lock (irq-safe); a region's nests inside. Extents are made and
 * taken apart without it. The list of arenas is written by one CPU at boot.
 */
#include <linux/cma.h>
#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/init.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/rculist.h>
#include <linux/sched/mm.h>
#include <linux/set_memory.h>
#include <linux/shrinker.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "arena.h"
#include "backend.h"
#include "prepare.h"
#include "region.h"

/* After how many jiffies an idle extent goes back. Tests shorten it. */
unsigned long dma_extent_idle = HZ;

/* After how many times that, what is free beside live pieces. */
#define PATIENCE	8

/**
 * struct dma_extent - contiguous memory that is ready
 * @link: in its arena's list
 * @arena: the arena
 * @region: which pages are taken, or were given back to the source
 * @page: the first
 * @size: in bytes
 * @cpu_base: where it is mapped, if it is prepared
 * @nr_free: pages that can be taken
 * @nr_gone: pages that were given back
 * @touched: jiffies when a piece was taken or given last
 * @is_large: made for one large buffer
 * @is_reserve: for requests that may not sleep; stays
 */
struct dma_extent {
	struct list_head	link;
	struct dma_arena	*arena;
	struct dma_region	*region;
	struct page		*page;
	size_t			size;
	void			*cpu_base;
	unsigned long		nr_free;
	unsigned long		nr_gone;
	unsigned long		touched;
	bool			is_large;
	bool			is_reserve;
};

static LIST_HEAD(arenas);
static struct workqueue_struct *queue;

static bool __is_low(const struct dma_arena *arena)
{
	lockdep_assert_held(&arena->lock);

	return arena->wanted || arena->size - arena->used < arena->reserve;
}

/* Does nobody have a piece of it? */
static bool __is_idle(const struct dma_extent *extent)
{
	lockdep_assert_held(&extent->arena->lock);

	return extent->nr_free + extent->nr_gone == extent->size >> PAGE_SHIFT;
}

static void __run_at_once(struct dma_arena *arena)
{
	lockdep_assert_held(&arena->lock);

	if (arena->is_urgent)
		return;
	arena->is_urgent = true;
	mod_delayed_work(queue ?: system_unbound_wq, &arena->work, 0);
}

/* Something may go back when it has been idle for long enough. */
static void __run_later(struct dma_arena *arena)
{
	lockdep_assert_held(&arena->lock);

	if (!arena->is_urgent && !delayed_work_pending(&arena->work))
		queue_delayed_work(queue ?: system_unbound_wq, &arena->work,
				   dma_extent_idle);
}

/* Undo make_extent() from any point of it on. */
static void destroy_extent(struct dma_extent *extent)
{
	unsigned long linear = (unsigned long)page_address(extent->page);
	struct dma_arena *arena = extent->arena;

	if (extent->cpu_base && extent->cpu_base != (void *)linear)
		dma_common_free_remap(extent->cpu_base, extent->size);
	if (arena->is_prepared &&
	    set_memory_encrypted(linear, extent->size >> PAGE_SHIFT)) {
		pr_err("dma: %s: %zu KiB lost: they cannot be encrypted again\n",
		       arena->name, extent->size / SZ_1K);
		dma_stat_add_lost(extent->size);
	} else if (extent->nr_gone != extent->size >> PAGE_SHIFT) {
		arena->source->give(arena, extent->page, extent->size);
	}
	if (!IS_ERR_OR_NULL(extent->region))
		dma_region_drop(extent->region);
	kfree(extent);
}

static bool prepare(struct dma_extent *extent)
{
	void *linear = page_address(extent->page);

	if (set_memory_decrypted((unsigned long)linear,
				 extent->size >> PAGE_SHIFT))
		return false;
	extent->cpu_base = dma_pages_make_uncached(extent->page, extent->size);
	return extent->cpu_base;
}

/* An extent of @size bytes, or of half of it, and so on, but of @least bytes. */
static struct dma_extent *make_extent(struct dma_arena *arena, size_t size,
				      size_t least)
{
	struct dma_extent *extent = kzalloc(sizeof(*extent), GFP_KERNEL);

	if (!extent)
		return NULL;
	if (arena->source->is_rounded) {
		size = PAGE_SIZE << get_order(size);
		least = PAGE_SIZE << get_order(least);
	}
	extent->arena = arena;
	extent->page = arena->source->take(arena, size);
	while (!extent->page && size > least) {
		size = max(PAGE_ALIGN(size / 2), least);
		extent->page = arena->source->take(arena, size);
	}
	if (!extent->page) {
		kfree(extent);
		return NULL;
	}
	extent->size = size;
	extent->nr_free = size >> PAGE_SHIFT;
	if (arena->is_prepared && !prepare(extent))
		goto fail;
	extent->region = dma_region_create(extent->nr_free,
					   page_to_pfn(extent->page),
					   GFP_KERNEL);
	if (IS_ERR(extent->region))
		goto fail;
	return extent;
fail:
	destroy_extent(extent);
	return NULL;
}

static void __add_extent(struct dma_arena *arena, struct dma_extent *extent)
{
	lockdep_assert_held(&arena->lock);

	list_add_tail(&extent->link, &arena->extents);
	arena->size += extent->size;
}

/* Does the highest address not say all about what its device reaches? */
static bool has_more_limits(const struct dma_request *req)
{
	return req->dev->dma_range_map || req->limits.unencrypted;
}

static bool is_large(const struct dma_arena *arena, size_t size)
{
	return arena->is_shared && size > arena->most / 4;
}

/* Does a buffer belong in an extent? A large one may waste less than a half. */
static bool suits(const struct dma_extent *extent, size_t size)
{
	return extent->is_large == is_large(extent->arena, size) &&
	       (!extent->is_large || size > extent->size / 2);
}

static bool __take_from(struct dma_extent *extent, const struct dma_need *need,
			struct dma_piece *piece)
{
	phys_addr_t base = page_to_phys(extent->page);
	struct dma_region_request request = {
		.nr_pages = need->size >> PAGE_SHIFT,
		.base = page_to_pfn(extent->page),
		.align = dma_natural_pages(need->size),
		.align_else = need->align_else,
	};
	long index;

	lockdep_assert_held(&extent->arena->lock);

	if (extent->nr_free < request.nr_pages || !suits(extent, need->size))
		return false;
	request.last = dma_pages_in_reach(base, extent->size, need->last_phys);
	if (!request.last--)
		return false;
	index = dma_region_take_request(extent->region, &request);
	if (index < 0)
		return false;
	piece->extent = extent;
	piece->index = index;
	piece->cpu_addr = extent->cpu_base + ((size_t)index << PAGE_SHIFT);
	piece->phys = base + ((phys_addr_t)index << PAGE_SHIFT);
	if (need->req && has_more_limits(need->req) &&
	    !dma_request_reaches(need->req, piece->phys, need->size)) {
		dma_region_give(extent->region, index, request.nr_pages);
		return false;
	}
	extent->nr_free -= request.nr_pages;
	extent->touched = jiffies;
	if (!extent->is_large)
		extent->arena->used_small += need->size;
	return true;
}

/* The reserve is for those who may not sleep, as bytes and in one piece. */
static bool __take(struct dma_arena *arena, const struct dma_need *need,
		   bool is_atomic, struct dma_piece *piece)
{
	size_t reserve = is_atomic ? 0 : arena->reserve;
	struct dma_extent *extent;

	lockdep_assert_held(&arena->lock);

	if (arena->size - arena->used < need->size + reserve)
		return false;
	list_for_each_entry(extent, &arena->extents, link)
		if ((is_atomic || !extent->is_reserve) &&
		    __take_from(extent, need, piece))
			return true;
	return false;
}

static void __count_served(struct dma_arena *arena, size_t size)
{
	lockdep_assert_held(&arena->lock);

	arena->used += size;
	arena->peak = max(arena->peak, arena->used);
	arena->served++;
}

/* What comes next lies where the last came from, if one came: beyond the limit? */
static bool __grows_in_reach(struct dma_arena *arena,
			     const struct dma_need *need)
{
	struct dma_extent *last;

	lockdep_assert_held(&arena->lock);

	if (list_empty(&arena->extents) || list_is_singular(&arena->extents))
		return true;
	last = list_last_entry(&arena->extents, struct dma_extent, link);
	return dma_pages_in_reach(page_to_phys(last->page), need->size,
				  need->last_phys) == need->size >> PAGE_SHIFT;
}

/**
 * dma_arena_take - take a piece of what is ready
 * @arena: the arena
 * @need: what it has to be like
 * @can_grow: whether the arena is to grow if it has no such piece; cleared if it
 *	will
 * @piece: filled with what was taken
 *
 * Context: any, irq-safe.
 * Return: true if there was one.
 */
bool dma_arena_take(struct dma_arena *arena, const struct dma_need *need,
		    bool *can_grow, struct dma_piece *piece)
{
	unsigned long flags;
	bool is_taken;

	spin_lock_irqsave(&arena->lock, flags);
	is_taken = __take(arena, need, true, piece);
	if (is_taken) {
		__count_served(arena, need->size);
	} else {
		arena->refused++;
		if (*can_grow && need->size <= PAGE_SIZE << MAX_PAGE_ORDER &&
		    __grows_in_reach(arena, need)) {
			arena->wanted = max(arena->wanted, need->size);
			*can_grow = false;
		}
	}
	if (__is_low(arena))
		__run_at_once(arena);
	spin_unlock_irqrestore(&arena->lock, flags);
	return is_taken;
}

/* CMA and vmap() do not ask what the caller may do while he waits for memory. */
static struct dma_extent *make_extent_for(struct dma_arena *arena,
					  const struct dma_need *need, size_t size)
{
	gfp_t gfp = need->req ? need->req->gfp : GFP_KERNEL;
	struct dma_extent *extent;
	unsigned int flags = 0;

	if (!(gfp & __GFP_IO))
		flags = PF_MEMALLOC_NOIO;
	else if (!(gfp & __GFP_FS))
		flags = PF_MEMALLOC_NOFS;
	flags = memalloc_flags_save(flags);
	extent = make_extent(arena, size, need->size);
	memalloc_flags_restore(flags);
	return extent;
}

/* Make an extent for a piece, and for those who come next. */
static bool alloc_extent(struct dma_arena *arena, const struct dma_need *need,
			 struct dma_piece *piece)
{
	size_t size = min(READ_ONCE(arena->used_small), arena->most);
	struct dma_extent *extent;
	unsigned long flags;
	bool is_taken;

	size = is_large(arena, need->size) ? need->size : max(size, need->size);
	extent = make_extent_for(arena, need, size);
	if (!extent)
		return false;
	extent->is_large = is_large(arena, need->size);
	spin_lock_irqsave(&arena->lock, flags);
	is_taken = __take_from(extent, need, piece);
	if (is_taken) {
		__add_extent(arena, extent);
		__count_served(arena, need->size);
		if (!arena->is_prepared)
			__run_later(arena);
	}
	spin_unlock_irqrestore(&arena->lock, flags);
	/* Where the device does not reach: the next one would lie there, too. */
	if (!is_taken)
		destroy_extent(extent);
	return is_taken;
}

/**
 * dma_arena_alloc - take a piece, of a new extent if need be
 * @arena: the arena
 * @need: what it has to be like
 * @piece: filled with what was taken
 *
 * The arena's reserve is left to those who may not sleep.
 *
 * Context: may sleep.
 * Return: true if there was one.
 */
bool dma_arena_alloc(struct dma_arena *arena, const struct dma_need *need,
		     struct dma_piece *piece)
{
	unsigned long flags;
	bool is_taken;

	spin_lock_irqsave(&arena->lock, flags);
	is_taken = __take(arena, need, false, piece);
	if (is_taken)
		__count_served(arena, need->size);
	spin_unlock_irqrestore(&arena->lock, flags);
	if (is_taken || alloc_extent(arena, need, piece))
		return true;
	spin_lock_irqsave(&arena->lock, flags);
	arena->refused++;
	spin_unlock_irqrestore(&arena->lock, flags);
	return false;
}

/**
 * dma_piece_give - give a piece back
 * @piece: as taken
 * @size: as taken, in bytes
 *
 * Context: any, irq-safe; can't fail.
 */
void dma_piece_give(const struct dma_piece *piece, size_t size)
{
	struct dma_extent *extent = piece->extent;
	struct dma_arena *arena = extent->arena;
	unsigned long flags;

	spin_lock_irqsave(&arena->lock, flags);
	dma_region_give(extent->region, piece->index, size >> PAGE_SHIFT);
	extent->nr_free += size >> PAGE_SHIFT;
	extent->touched = jiffies;
	arena->used -= size;
	if (!extent->is_large)
		arena->used_small -= size;
	if (!arena->is_prepared || __is_idle(extent))
		__run_later(arena);
	spin_unlock_irqrestore(&arena->lock, flags);
}

/**
 * dma_arena_find - the piece at a CPU address
 * @arena: an arena of prepared memory
 * @cpu_addr: the address of its start
 * @piece: filled with what dma_piece_give() needs
 *
 * Context: any, irq-safe.
 * Return: true if the address is in this arena.
 */
bool dma_arena_find(struct dma_arena *arena, void *cpu_addr,
		    struct dma_piece *piece)
{
	struct dma_extent *extent;
	unsigned long flags;
	bool is_found = false;

	spin_lock_irqsave(&arena->lock, flags);
	list_for_each_entry(extent, &arena->extents, link) {
		if (cpu_addr < extent->cpu_base ||
		    cpu_addr >= extent->cpu_base + extent->size)
			continue;
		piece->extent = extent;
		piece->index = (cpu_addr - extent->cpu_base) >> PAGE_SHIFT;
		is_found = true;
		break;
	}
	spin_unlock_irqrestore(&arena->lock, flags);
	return is_found;
}

/* What goes back of an extent */
enum trim {
	TRIM_IDLE,	/* all of it, if nobody uses it; or what nobody has touched */
	TRIM_FREE,	/* all that is free */
};

/* A prepared extent goes as a whole, if it can be missed. */
static bool __goes_whole(const struct dma_extent *extent)
{
	const struct dma_arena *arena = extent->arena;

	return __is_idle(extent) && !extent->is_reserve &&
	       arena->size - arena->used - extent->size >= arena->reserve;
}

/* Free pages of a plain extent go, or stay for the next small buffers. */
static bool __goes_in_part(const struct dma_extent *extent, enum trim trim)
{
	return extent->nr_free &&
	       (trim == TRIM_FREE || __is_idle(extent) ||
		time_after(jiffies,
			   extent->touched + PATIENCE * dma_extent_idle));
}

/* Give one idle extent back. Sleeps. Returns its size, or 0 if there is none. */
static size_t trim_prepared(struct dma_arena *arena)
{
	struct dma_extent *extent, *idle = NULL;
	unsigned long flags;
	size_t size;

	spin_lock_irqsave(&arena->lock, flags);
	list_for_each_entry_reverse(extent, &arena->extents, link) {
		if (!__goes_whole(extent))
			continue;
		idle = extent;
		list_del(&idle->link);
		arena->size -= idle->size;
		break;
	}
	spin_unlock_irqrestore(&arena->lock, flags);
	if (!idle)
		return 0;
	size = idle->size;
	destroy_extent(idle);
	return size;
}

/* Give one free run of pages back. Returns its size, or 0 if there is none. */
static size_t trim_plain(struct dma_arena *arena, enum trim trim)
{
	struct dma_extent *extent, *gone = NULL;
	unsigned long flags, nr_pages = 0;
	struct page *page = NULL;

	spin_lock_irqsave(&arena->lock, flags);
	list_for_each_entry_reverse(extent, &arena->extents, link) {
		if (!__goes_in_part(extent, trim))
			continue;
		page = extent->page +
		       dma_region_take_hole(extent->region, &nr_pages);
		extent->nr_free -= nr_pages;
		extent->nr_gone += nr_pages;
		arena->size -= nr_pages << PAGE_SHIFT;
		if (extent->nr_gone == extent->size >> PAGE_SHIFT) {
			gone = extent;
			list_del(&gone->link);
		}
		break;
	}
	spin_unlock_irqrestore(&arena->lock, flags);
	if (page)
		arena->source->give(arena, page, nr_pages << PAGE_SHIFT);
	if (gone)
		destroy_extent(gone);
	return nr_pages << PAGE_SHIFT;
}

static size_t trim_all(struct dma_arena *arena, enum trim trim)
{
	size_t size, sum = 0;

	do {
		size = arena->is_prepared ? trim_prepared(arena) :
					    trim_plain(arena, trim);
		sum += size;
	} while (size);
	return sum;
}

/**
 * dma_arena_trim - give back to the source all that is free
 * @arena: the arena
 *
 * Context: process context; sleeps for an arena of prepared memory.
 * Return: bytes given back.
 */
size_t dma_arena_trim(struct dma_arena *arena)
{
	return trim_all(arena, TRIM_FREE);
}

/**
 * dma_arenas_trim - give back what arenas have free of a CMA area
 * @cma: the area
 *
 * Context: process context; may sleep.
 * Return: bytes given back.
 */
size_t dma_arenas_trim(const struct cma *cma)
{
	struct dma_arena *arena;
	size_t sum = 0;

	list_for_each_entry(arena, &arenas, list)
		if (arena->cma == cma)
			sum += dma_arena_trim(arena);
	return sum;
}

/* Returns false if there is no memory, and no use in trying again soon. */
static bool add_extent(struct dma_arena *arena, size_t size, size_t least,
		       bool is_reserve)
{
	struct dma_extent *extent = make_extent(arena, size, least);
	unsigned long flags;

	if (!extent) {
		pr_warn_ratelimited("dma: %s cannot grow by %zu KiB: no memory\n",
				    arena->name, size / SZ_1K);
		return false;
	}
	extent->is_reserve = is_reserve;
	spin_lock_irqsave(&arena->lock, flags);
	__add_extent(arena, extent);
	spin_unlock_irqrestore(&arena->lock, flags);
	return true;
}

static void adjust(struct work_struct *work)
{
	struct dma_arena *arena =
		container_of(to_delayed_work(work), struct dma_arena, work);
	bool is_low, is_due;
	size_t wanted, least;
	unsigned long flags;

	/* Where too little is free, any page helps. */
	spin_lock_irqsave(&arena->lock, flags);
	is_low = __is_low(arena);
	/* What was urgent came before its time. */
	is_due = !arena->is_urgent;
	arena->is_urgent = false;
	wanted = max(arena->wanted, arena->reserve);
	least = arena->size - arena->used < arena->reserve ? PAGE_SIZE :
							     arena->wanted;
	arena->wanted = 0;
	spin_unlock_irqrestore(&arena->lock, flags);

	if (!is_low && is_due)
		trim_all(arena, TRIM_IDLE);
	if (is_low)
		is_low = add_extent(arena, wanted, least, false);

	spin_lock_irqsave(&arena->lock, flags);
	if (is_low && __is_low(arena))
		__run_at_once(arena);
	else if (!arena->is_prepared && arena->size > arena->used)
		__run_later(arena);
	spin_unlock_irqrestore(&arena->lock, flags);
}

/**
 * dma_arena_init - an arena without extents
 * @arena: with its source, limits and name set; never goes away
 *
 * Context: boot.
 */
void dma_arena_init(struct dma_arena *arena)
{
	spin_lock_init(&arena->lock);
	INIT_LIST_HEAD(&arena->extents);
	INIT_DELAYED_WORK(&arena->work, adjust);
	list_add_tail_rcu(&arena->list, &arenas);
}

/**
 * dma_arena_fill - the first extent of an arena
 * @arena: the arena
 * @size: in bytes; where there is no such piece, half of it, and so on
 *
 * Context: may sleep.
 * Return: true if there is one.
 */
bool dma_arena_fill(struct dma_arena *arena, size_t size)
{
	return add_extent(arena, size, PAGE_SIZE, true);
}

/**
 * dma_arena_first_phys - where an arena's first extent lies
 * @arena: the arena
 *
 * Context: any, irq-safe.
 * Return: its physical address; 0 if there is none.
 */
phys_addr_t dma_arena_first_phys(struct dma_arena *arena)
{
	unsigned long flags;
	phys_addr_t phys = 0;

	spin_lock_irqsave(&arena->lock, flags);
	if (!list_empty(&arena->extents))
		phys = page_to_phys(list_first_entry(&arena->extents,
						     struct dma_extent,
						     link)->page);
	spin_unlock_irqrestore(&arena->lock, flags);
	return phys;
}

/**
 * dma_arena_figures - how an arena fares
 * @arena: the arena
 * @figures: filled in, but for the number of users
 *
 * Context: any, irq-safe.
 */
void dma_arena_figures(struct dma_arena *arena,
		       struct dma_pool_figures *figures)
{
	struct dma_extent *extent;
	unsigned long flags;

	spin_lock_irqsave(&arena->lock, flags);
	figures->size = arena->size;
	figures->used = arena->used;
	figures->peak = arena->peak;
	figures->served = arena->served;
	figures->refused = arena->refused;
	figures->idle = arena->size - arena->used;
	figures->largest = 0;
	list_for_each_entry(extent, &arena->extents, link) {
		struct dma_region_figures pages;

		dma_region_get_figures(extent->region, &pages);
		figures->largest = max(figures->largest,
				       pages.nr_largest << PAGE_SHIFT);
	}
	spin_unlock_irqrestore(&arena->lock, flags);
}

/**
 * dma_record_set_piece - note in a record that a piece serves it
 * @record: gets phys, and the CPU's address if the memory is prepared
 * @req: what it serves
 * @piece: the piece
 *
 * Context: any, irq-safe.
 */
void dma_record_set_piece(struct dma_allocation *record,
			  const struct dma_request *req,
			  const struct dma_piece *piece)
{
	record->own.piece.extent = piece->extent;
	record->own.piece.index = piece->index;
	record->phys = piece->phys;
	record->done |= DMA_DONE_PIECE;
	if (!piece->extent->arena->is_prepared)
		return;
	memset(piece->cpu_addr, 0, req->size);
	record->cpu_addr = dma_request_wants_page(req) ?
			   dma_record_page(record) : piece->cpu_addr;
	record->done |= DMA_DONE_PREPARED | DMA_DONE_CPU_MAPPED |
			DMA_DONE_ZEROED;
}

/**
 * dma_record_give_piece - give back the piece that served a record
 * @record: made by dma_record_set_piece()
 *
 * Context: any, irq-safe.
 */
void dma_record_give_piece(struct dma_allocation *record)
{
	struct dma_piece piece = {
		.extent = record->own.piece.extent,
		.index = record->own.piece.index,
	};

	dma_piece_give(&piece, record->size);
}

/**
 * dma_record_arena - the arena that a record's piece is of
 * @record: made by dma_record_set_piece()
 *
 * Context: any.
 * Return: the arena.
 */
struct dma_arena *dma_record_arena(const struct dma_allocation *record)
{
	return record->own.piece.extent->arena;
}

/* Plain memory is given back at once when the kernel is short of it. */
static unsigned long count_idle(struct shrinker *shrinker,
				struct shrink_control *control)
{
	struct dma_arena *arena;
	size_t bytes = 0;

	list_for_each_entry_rcu(arena, &arenas, list, true)
		if (!arena->is_prepared)
			bytes += dma_arena_idle(arena);
	return bytes >> PAGE_SHIFT ?: SHRINK_EMPTY;
}

static unsigned long free_idle(struct shrinker *shrinker,
			       struct shrink_control *control)
{
	struct dma_arena *arena;
	size_t bytes = 0;

	list_for_each_entry_rcu(arena, &arenas, list, true)
		if (!arena->is_prepared)
			bytes += dma_arena_trim(arena);
	return bytes >> PAGE_SHIFT ?: SHRINK_STOP;
}

static int __init dma_arenas_init(void)
{
	struct shrinker *shrinker = shrinker_alloc(0, "dma-arenas");

	queue = alloc_workqueue("dma-arenas", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	if (!shrinker)
		return 0;
	shrinker->count_objects = count_idle;
	shrinker->scan_objects = free_idle;
	shrinker_register(shrinker);
	return 0;
}
core_initcall(dma_arenas_init);
