// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bounce buffers that grow when they are needed, and shrink when they are not.
 *
 * A mapping that finds no slots can't wait, so a pool for it alone is made on
 * the spot, of what memory can be had without sleeping: pages, or where pages
 * would have to be decrypted, a piece of an atomic pool, which are kept ready.
 * Such a pool is transient: nothing else is looked for in it, and it goes with its
 * mapping.
 *
 * At the same time a worker is told to add a larger pool for those to come.
 * Pools are wanted for the zone of memory that a device reaches; one that
 * reaches all memory leaves what lies below 4 GiB to others.  A pool is also
 * added where CPUs meet at the locks of the areas there are.
 *
 * What has been idle for a while goes back to the page allocator: all pools
 * but the first.  To end a pool means to encrypt its memory, which sleeps, so
 * it is always the worker that does it.
 *
 * Locks: set->lock for what is wanted.  Pools are added by anybody; those that last
 * are removed by the worker alone.
 */
#include <kunit/static_stub.h>
#include <linux/cc_platform.h>
#include <linux/iommu-dma.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include "swiotlb.h"

#define MIN_SIZE	SZ_1M
#define MAX_SIZE	((size_t)PAGE_SIZE << MAX_PAGE_ORDER)
/* The least that is worth to be described */
#define MIN_TRANSIENT	max_t(size_t, PAGE_SIZE, SZ_16K)

/* After how many jiffies an idle pool goes.  Tests shorten it. */
unsigned long swiotlb_idle = 10 * HZ;

static const gfp_t zone_flags[SWIOTLB_NR_ZONES] = {
	[SWIOTLB_ZONE_NORMAL]	= 0,
	[SWIOTLB_ZONE_DMA32]	= GFP_DMA32,
	[SWIOTLB_ZONE_DMA]	= GFP_DMA,
};

/**
 * swiotlb_zone_of - the most general zone in which a device may reach memory
 * @dev: the device
 * @is_translated: it is behind an IOMMU and reaches any memory
 * @reach: filled in: how far it reaches
 *
 * Not static so that tests can name another one.
 *
 * Context: any.
 * Return: the zone.
 */
enum swiotlb_zone swiotlb_zone_of(struct device *dev, bool is_translated,
				  struct swiotlb_reach *reach)
{
	struct dma_limits limits;
	gfp_t flags;

	KUNIT_STATIC_STUB_REDIRECT(swiotlb_zone_of, dev, is_translated, reach);
	reach->first = 0;
	reach->last = PHYS_ADDR_MAX;
	if (is_translated)
		return SWIOTLB_ZONE_NORMAL;
	limits = dma_limits_of(dev, *dev->dma_mask);
	dma_limits_narrow(dev, &limits);
	reach->first = limits.first_phys;
	reach->last = limits.last_phys;
	flags = dma_limits_zone(&limits);
	if (flags == GFP_DMA)
		return SWIOTLB_ZONE_DMA;
	return flags ? SWIOTLB_ZONE_DMA32 : SWIOTLB_ZONE_NORMAL;
}

/**
 * swiotlb_needs_piece - would pages have to be decrypted for a device?
 * @dev: the device
 *
 * That can't be done where a mapping is made.
 *
 * Context: any.
 * Return: true if a pool that is made now has to be a piece of an atomic pool.
 */
bool swiotlb_needs_piece(struct device *dev)
{
	KUNIT_STATIC_STUB_REDIRECT(swiotlb_needs_piece, dev);
	return IS_ENABLED(CONFIG_ARCH_HAS_MEM_ENCRYPT) &&
	       (force_dma_unencrypted(dev) ||
		cc_platform_has(CC_ATTR_MEM_ENCRYPT));
}

static struct io_tlb_pool *make_of_piece(size_t size, phys_addr_t last_phys)
{
	struct io_tlb_pool *pool;
	struct dma_piece piece;

	if (!IS_ENABLED(CONFIG_DMA_COHERENT_POOL) ||
	    !dma_piece_take(size, last_phys, &piece))
		return NULL;
	memset(piece.cpu_addr, 0, size);
	pool = swiotlb_pool_create(piece.phys, size, 1, SWIOTLB_FROM_PIECE,
				   GFP_NOWAIT | __GFP_NOWARN);
	if (!pool) {
		dma_piece_give(&piece, size);
		return NULL;
	}
	pool->cpu_base = piece.cpu_addr - (pool->start - pool->base);
	pool->piece = piece;
	return pool;
}

static struct io_tlb_pool *make_of_pages(size_t size, unsigned int nr_areas,
					 gfp_t gfp)
{
	struct io_tlb_pool *pool;
	struct page *page;

	page = alloc_pages(gfp | __GFP_ZERO | __GFP_NOWARN, get_order(size));
	if (!page)
		return NULL;
	/* Where the buffers have to lie is nothing to what describes them. */
	pool = swiotlb_pool_create(page_to_phys(page), size, nr_areas,
				   SWIOTLB_FROM_PAGES,
				   (gfp & ~GFP_ZONEMASK) | __GFP_NOWARN);
	if (!pool)
		__free_pages(page, get_order(size));
	return pool;
}

/* A transient pool where the device reaches it, from @zone or one below. */
static struct io_tlb_pool *make_transient(struct device *dev,
					  bool is_translated, int zone,
					  size_t size)
{
	dma_addr_t dma_start;

	for (; zone < SWIOTLB_NR_ZONES; zone++) {
		struct io_tlb_pool *pool;

		pool = make_of_pages(size, 1, GFP_NOWAIT | zone_flags[zone]);
		if (!pool)
			return NULL;
		if (is_translated ||
		    swiotlb_pool_reaches(pool, dev, &dma_start))
			return pool;
		/* Without encryption, the end of a pool takes no sleep. */
		swiotlb_pool_destroy(pool);
	}
	return NULL;
}

/* The slots are taken before anybody else sees the pool. */
static int take_first(struct swiotlb_set *set, struct io_tlb_pool *pool,
		      struct device *dev, bool is_translated,
		      const struct swiotlb_need *need)
{
	struct swiotlb_need here = *need;
	int slot;

	if (!swiotlb_pool_reaches(pool, dev, &here.dma_start) && !is_translated)
		return -ENOSPC;
	pool->set = set;
	pool->is_transient = true;
	slot = swiotlb_take(pool, pool->areas, &here, SWIOTLB_EVERYWHERE);
	if (slot < 0 || swiotlb_set_add(set, pool))
		return -ENOSPC;
	atomic_long_add(need->nr, &set->nr_used_transient);
	return slot;
}

/* Tell the worker what is wanted, also by those who asked for it before. */
static void want(struct swiotlb_set *set, enum swiotlb_zone zone,
		 const struct swiotlb_reach *reach, size_t size)
{
	struct swiotlb_wanted *wanted = &set->wanted[zone];
	unsigned long flags;

	spin_lock_irqsave(&set->lock, flags);
	if (!wanted->size)
		wanted->reach = *reach;
	wanted->reach.first = max(wanted->reach.first, reach->first);
	wanted->reach.last = min(wanted->reach.last, reach->last);
	wanted->size = max(wanted->size, size);
	spin_unlock_irqrestore(&set->lock, flags);
	mod_delayed_work(system_wq, &set->work, 0);
}

/**
 * swiotlb_grow_now - make a pool for a mapping that found no slots
 * @set: the set
 * @dev: the device
 * @is_translated: it is behind an IOMMU and reaches any memory
 * @need: what it needs
 * @poolp: filled in with the pool, which stays as long as its slots are used
 *
 * The worker is told to add a larger one.
 *
 * Context: any.
 * Return: the first of the slots, which are taken; -ENOSPC if there is no
 * memory or the set may not grow any more.
 */
int swiotlb_grow_now(struct swiotlb_set *set, struct device *dev,
		     bool is_translated, const struct swiotlb_need *need,
		     struct io_tlb_pool **poolp)
{
	size_t nr_slots = max(need->nr + need->want, need->mask + 1);
	size_t size = roundup_pow_of_two(max_t(size_t, MIN_TRANSIENT,
					       nr_slots * IO_TLB_SIZE));
	struct swiotlb_reach reach;
	struct io_tlb_pool *pool;
	enum swiotlb_zone zone;
	int slot;

	if (size > MAX_SIZE)
		return -ENOSPC;
	zone = swiotlb_zone_of(dev, is_translated, &reach);
	want(set, zone, &reach, size);
	if (swiotlb_needs_piece(dev))
		pool = make_of_piece(size, reach.last);
	else
		pool = make_transient(dev, is_translated, zone, size);
	if (!pool)
		return -ENOSPC;
	slot = take_first(set, pool, dev, is_translated, need);
	if (slot < 0) {
		swiotlb_pool_destroy(pool);
		return slot;
	}
	swiotlb_set_note_peak(set);
	*poolp = pool;
	return slot;
}

/**
 * swiotlb_want - tell the worker that a set is too small
 * @set: the set
 * @dev: the device that found it so
 * @is_translated: it is behind an IOMMU and reaches any memory
 * @size: of the mapping that found no room, in bytes; 1: it found a lock taken
 *
 * Context: any.
 */
void swiotlb_want(struct swiotlb_set *set, struct device *dev,
		  bool is_translated, size_t size)
{
	struct swiotlb_reach reach;
	enum swiotlb_zone zone;

	if (!swiotlb_can_grow(set))
		return;
	zone = swiotlb_zone_of(dev, is_translated, &reach);
	want(set, zone, &reach, size);
}

/* What a zone's next pool is wanted for, only once. */
static struct swiotlb_wanted take_wanted(struct swiotlb_set *set,
					 enum swiotlb_zone zone)
{
	struct swiotlb_wanted wanted;

	spin_lock_irq(&set->lock);
	wanted = set->wanted[zone];
	set->wanted[zone].size = 0;
	spin_unlock_irq(&set->lock);
	return wanted;
}

/* The set grows by half, in powers of two, within what is possible. */
static size_t next_size(struct swiotlb_set *set, size_t wanted)
{
	size_t size = READ_ONCE(set->size), limit = set->limit;
	size_t room = limit > size ? limit - size : 0;

	size = clamp(roundup_pow_of_two(size / 2 + 1), MIN_SIZE, MAX_SIZE);
	size = max(size, roundup_pow_of_two(wanted));
	while (size > room)
		size /= 2;
	return size;
}

/* One for each CPU, as long as they are large enough for several such mappings. */
static unsigned int nr_areas_of(size_t size, size_t wanted)
{
	size_t least = max_t(size_t, 4 * roundup_pow_of_two(wanted),
			     IO_TLB_SEGSIZE * IO_TLB_SIZE);

	return clamp_t(size_t, size / least, 1, swiotlb_wanted_areas());
}

/* Smaller if need be, but not smaller than what was wanted. */
static struct io_tlb_pool *make_lasting(struct swiotlb_set *set,
					enum swiotlb_zone zone, size_t wanted)
{
	size_t least = max_t(size_t, roundup_pow_of_two(wanted), SZ_64K);
	struct io_tlb_pool *pool = NULL;

	for (size_t size = next_size(set, wanted); size >= least && !pool;
	     size /= 2)
		pool = make_of_pages(size, nr_areas_of(size, wanted),
				     GFP_KERNEL | __GFP_NORETRY |
				     zone_flags[zone]);
	return pool;
}

/* From a zone below if need be, so that it is in reach. */
static void grow(struct swiotlb_set *set, int zone,
		 const struct swiotlb_wanted *wanted)
{
	for (; zone < SWIOTLB_NR_ZONES; zone++) {
		struct io_tlb_pool *pool;

		pool = make_lasting(set, zone, wanted->size);
		if (!pool)
			return;
		if (pool->start < wanted->reach.first ||
		    pool->end - 1 > wanted->reach.last) {
			swiotlb_pool_destroy(pool);
			continue;
		}
		if (swiotlb_pool_decrypt(pool) ||
		    swiotlb_set_add(set, pool))
			swiotlb_pool_destroy(pool);
		return;
	}
}

/* Has it been idle long enough? */
static bool is_idle(struct io_tlb_pool *pool)
{
	unsigned long served = 0;

	if (swiotlb_pool_nr_used(pool)) {
		pool->idle_served = ULONG_MAX;
		return false;
	}
	for (unsigned int i = 0; i < pool->nr_areas; i++)
		served += READ_ONCE(pool->areas[i].served);
	if (pool->idle_served == served)
		return time_after_eq(jiffies, pool->idle_since + swiotlb_idle);
	pool->idle_served = served;
	pool->idle_since = jiffies;
	return false;
}

/* Each pool is looked at once: only the worker takes any of them away. */
static void shrink(struct swiotlb_set *set)
{
	struct io_tlb_pool *pool;

	rcu_read_lock();
	list_for_each_entry_rcu(pool, &set->pools, list)
		if (!pool->is_boot && is_idle(pool) && swiotlb_pool_close(pool))
			swiotlb_set_remove(set, pool);
	rcu_read_unlock();
	swiotlb_set_reap(set);
}

static unsigned int nr_areas(struct swiotlb_set *set)
{
	struct io_tlb_pool *pool;
	unsigned int nr = 0;

	rcu_read_lock();
	list_for_each_entry_rcu(pool, &set->pools, list)
		nr += pool->nr_areas;
	rcu_read_unlock();
	return nr;
}

/**
 * swiotlb_work - add the pools that are wanted, remove those that are idle
 * @work: of the set
 *
 * Context: process context, may sleep.
 */
void swiotlb_work(struct work_struct *work)
{
	struct swiotlb_set *set = container_of(to_delayed_work(work),
					       struct swiotlb_set, work);

	for (int zone = 0; zone < SWIOTLB_NR_ZONES; zone++) {
		struct swiotlb_wanted wanted = take_wanted(set, zone);

		/* Where CPUs only met at a lock, nothing is wanted but areas. */
		if (wanted.size == 1 && nr_areas(set) >= num_online_cpus())
			continue;
		if (wanted.size && swiotlb_can_grow(set))
			grow(set, zone, &wanted);
	}
	shrink(set);
	/* As long as there is more than the pool that stays, or will be. */
	if (READ_ONCE(set->size) > set->mem.size)
		queue_delayed_work(system_wq, &set->work,
				   swiotlb_idle / 2 + 1);
}
