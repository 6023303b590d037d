// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pools of bounce buffers: making them, and finding the one of an address.
 *
 * A pool is described by one piece of memory (its "meta"), so that the first
 * pool can be made by the boot allocator in the same way as any other.
 *
 * The pools of a set stand in lists, for those who look for slots, and all but
 * the first one in a tree by their addresses, for those who have an address.
 * Both are read under RCU, without a lock, also while the set grows; the tree is
 * a latched one, so that its readers see it whole.  What it takes to add a pool
 * or to remove it hardly depends on how many there are, and needs no memory.  A
 * pool is destroyed only when its slots are closed, or were for one mapping, all
 * of them free, and no reader has it any more.
 *
 * A pool's memory is decrypted for the device's sake before the pool is
 * published.  Where that fails, or encrypting it again does, nobody may have
 * the memory any more: it is lost, and counted as such.
 *
 * Locks: set->lock for the lists and the tree.
 */
#include <kunit/static_stub.h>
#include <linux/io.h>
#include <linux/kmemleak.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/set_memory.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "swiotlb.h"

/* Whoever asks it finds it set up, with pools or without. */
struct swiotlb_set swiotlb_default = {
	.name		= "default",
	.lock		= __SPIN_LOCK_UNLOCKED(swiotlb_default.lock),
	.pools		= LIST_HEAD_INIT(swiotlb_default.pools),
	.transients	= LIST_HEAD_INIT(swiotlb_default.transients),
	.ended		= LIST_HEAD_INIT(swiotlb_default.ended),
	.info		= {
		.name		= "default",
		.kind		= "bounce",
	},
};

/* That a pool is to have, as swiotlb= says; 0: it does not say */
unsigned int swiotlb_nr_areas;

/**
 * swiotlb_wanted_areas - to how many areas a pool is to be shared out
 *
 * Context: any, from when it is known how many CPUs there can be.
 * Return: what the command line says, or one for each CPU.
 */
unsigned int swiotlb_wanted_areas(void)
{
	return swiotlb_nr_areas ?: num_possible_cpus();
}

/* How a pool is cut into slots and areas */
struct shape {
	phys_addr_t base;
	unsigned int nr_slots, nr_skipped, area_shift, nr_areas;
};

/* An area has as many slots as it can, or a power of two fewer. */
static struct shape shape_of(phys_addr_t start, size_t size,
			     unsigned int nr_areas)
{
	struct shape shape = {
		.base = round_down(start, SWIOTLB_WORD_BYTES),
		.area_shift = ilog2(SWIOTLB_AREA_SLOTS),
	};

	shape.nr_skipped = (start - shape.base) >> IO_TLB_SHIFT;
	shape.nr_slots = shape.nr_skipped + (size >> IO_TLB_SHIFT);
	while (shape.area_shift > ilog2(IO_TLB_SEGSIZE) &&
	       DIV_ROUND_UP(shape.nr_slots, 1U << shape.area_shift) < nr_areas)
		shape.area_shift--;
	shape.nr_areas = DIV_ROUND_UP(shape.nr_slots, 1U << shape.area_shift);
	return shape;
}

static size_t areas_size(const struct shape *shape)
{
	return struct_size_t(struct io_tlb_pool, areas, shape->nr_areas);
}

/**
 * swiotlb_pool_meta_size - how much memory describes a pool
 * @start: of the pool's memory
 * @size: of the pool's memory, in bytes
 * @nr_areas: how many areas it should have at least, if it is large enough
 *
 * Context: any.
 * Return: bytes.
 */
size_t swiotlb_pool_meta_size(phys_addr_t start, size_t size,
			      unsigned int nr_areas)
{
	struct shape shape = shape_of(start, size, nr_areas);

	return areas_size(&shape) +
	       array_size(shape.nr_slots, sizeof(struct swiotlb_slot));
}

/**
 * swiotlb_pool_init - make a pool of memory
 * @meta: swiotlb_pool_meta_size() bytes, all zero, aligned to cache lines
 * @start: of the memory: whole slots in the linear mapping
 * @size: in bytes: whole slots
 * @nr_areas: as for swiotlb_pool_meta_size()
 * @source: where the memory comes from
 *
 * Context: any, from the earliest boot on.
 * Return: the pool, which is @meta.
 */
struct io_tlb_pool *swiotlb_pool_init(void *meta, phys_addr_t start,
				      size_t size, unsigned int nr_areas,
				      enum swiotlb_source source)
{
	struct shape shape = shape_of(start, size, nr_areas);
	struct io_tlb_pool *pool = meta;

	pool->start = start;
	pool->end = start + size;
	pool->base = shape.base;
	pool->cpu_base = phys_to_virt(start) - (start - shape.base);
	pool->source = source;
	pool->idle_served = ULONG_MAX;	/* not seen idle yet */
	pool->area_shift = shape.area_shift;
	pool->nr_areas = shape.nr_areas;
	pool->meta_size = swiotlb_pool_meta_size(start, size, nr_areas);
	pool->slots = meta + areas_size(&shape);
	for (unsigned int i = 0; i < shape.nr_areas; i++) {
		unsigned int first = i << shape.area_shift;

		swiotlb_area_init(&pool->areas[i], first,
				  min(shape.nr_slots - first,
				      1U << shape.area_shift),
				  i ? 0 : shape.nr_skipped);
	}
	return pool;
}

/**
 * swiotlb_pool_create - make a pool of memory, once there is a slab allocator
 * @start: as for swiotlb_pool_init()
 * @size: as there
 * @nr_areas: as there
 * @source: as there; after an error the memory is still the caller's
 * @gfp: how to allocate what describes it
 *
 * Context: as @gfp says.
 * Return: the pool, or NULL.
 */
struct io_tlb_pool *swiotlb_pool_create(phys_addr_t start, size_t size,
					unsigned int nr_areas,
					enum swiotlb_source source, gfp_t gfp)
{
	size_t meta_size = swiotlb_pool_meta_size(start, size, nr_areas);
	void *meta;

	if (gfpflags_allow_blocking(gfp))
		meta = kvzalloc(meta_size, gfp);
	else
		meta = kzalloc(meta_size, gfp);
	return meta ? swiotlb_pool_init(meta, start, size, nr_areas, source) :
		      NULL;
}

/**
 * swiotlb_pool_set_encrypted - encrypt or decrypt all of a pool's memory
 * @pool: the pool
 * @is_encrypted: what is wanted
 *
 * Apart from the architecture's functions so that tests can let it fail.
 *
 * Context: process context, may sleep.
 * Return: 0, or a negative error.
 */
int swiotlb_pool_set_encrypted(struct io_tlb_pool *pool, bool is_encrypted)
{
	unsigned long addr = (unsigned long)swiotlb_cpu_addr(pool, pool->start);
	int nr_pages = swiotlb_pool_size(pool) >> PAGE_SHIFT;

	KUNIT_STATIC_STUB_REDIRECT(swiotlb_pool_set_encrypted, pool,
				   is_encrypted);
	return is_encrypted ? set_memory_encrypted(addr, nr_pages) :
			      set_memory_decrypted(addr, nr_pages);
}

static void lose(struct io_tlb_pool *pool, const char *what, int err)
{
	size_t size = swiotlb_pool_size(pool);

	pool->is_lost = true;
	dma_stat_add_lost(size);
	pr_err("swiotlb: cannot %s %zu KiB at %pa (error %d): they are lost\n",
	       what, size / SZ_1K, &pool->start, err);
}

/**
 * swiotlb_pool_decrypt - show a pool's memory to devices
 * @pool: a pool that nobody uses yet, of memory that is whole pages
 *
 * After a failure the memory is lost, since a part of it may be decrypted; the
 * pool has to be destroyed.
 *
 * Context: process context, may sleep.
 * Return: 0, or a negative error.
 */
int swiotlb_pool_decrypt(struct io_tlb_pool *pool)
{
	int err = swiotlb_pool_set_encrypted(pool, false);

	if (err) {
		lose(pool, "decrypt", err);
		return err;
	}
	/* What had been readable is not any more. */
	memset(swiotlb_cpu_addr(pool, pool->start), 0, swiotlb_pool_size(pool));
	pool->is_decrypted = true;
	return 0;
}

/*
 * What memblock gave, now that it is the page allocator's to have.  kmemleak knows
 * it by its physical address.
 */
static void free_boot_memory(void *start, size_t size)
{
	kmemleak_free_part_phys(virt_to_phys(start), size);
	free_reserved_area(start, start + size, -1, NULL);
}

static void free_memory(struct io_tlb_pool *pool)
{
	size_t size = swiotlb_pool_size(pool);

	switch (pool->source) {
	case SWIOTLB_FROM_MEMBLOCK:
		free_boot_memory(swiotlb_cpu_addr(pool, pool->start), size);
		break;
	case SWIOTLB_FROM_PAGES:
		__free_pages(pfn_to_page(PHYS_PFN(pool->start)),
			     get_order(size));
		break;
	case SWIOTLB_FROM_PIECE:
		if (IS_ENABLED(CONFIG_DMA_COHERENT_POOL))
			dma_piece_give(&pool->piece, size);
		break;
	case SWIOTLB_FROM_RESERVED:
		break;
	}
}

/**
 * swiotlb_pool_destroy - end a pool, and give its memory back
 * @pool: a pool that is in no set, with no slot in use
 *
 * Context: process context, may sleep.
 */
void swiotlb_pool_destroy(struct io_tlb_pool *pool)
{
	int err = 0;

	if (pool->is_decrypted)
		err = swiotlb_pool_set_encrypted(pool, true);
	if (err)
		lose(pool, "encrypt", err);
	if (!pool->is_lost)
		free_memory(pool);
	if (pool->source == SWIOTLB_FROM_MEMBLOCK)
		free_boot_memory(pool, pool->meta_size);
	else
		kvfree(pool);
}

/**
 * swiotlb_pool_nr_used - how many slots are in use
 * @pool: the pool
 *
 * Context: any; while mappings come and go, the answer is out of date.
 * Return: how many.
 */
unsigned long swiotlb_pool_nr_used(const struct io_tlb_pool *pool)
{
	unsigned long nr_free = 0;

	for (unsigned int i = 0; i < pool->nr_areas; i++)
		nr_free += READ_ONCE(pool->areas[i].nr_free);
	return (swiotlb_pool_size(pool) >> IO_TLB_SHIFT) - nr_free;
}

/**
 * swiotlb_pool_close - let no slot be taken any more, if all are free
 * @pool: the pool
 *
 * Context: any, irq-safe.
 * Return: true if it is closed now; else it is as it was.
 */
bool swiotlb_pool_close(struct io_tlb_pool *pool)
{
	for (unsigned int i = 0; i < pool->nr_areas; i++)
		swiotlb_area_close(&pool->areas[i], true);
	/* From here on slots are only given back. */
	if (!swiotlb_pool_nr_used(pool))
		return true;
	for (unsigned int i = 0; i < pool->nr_areas; i++)
		swiotlb_area_close(&pool->areas[i], false);
	return false;
}

static __always_inline bool is_before(struct latch_tree_node *a,
				      struct latch_tree_node *b)
{
	return container_of(a, struct io_tlb_pool, node)->start <
	       container_of(b, struct io_tlb_pool, node)->start;
}

/* Where is an address, as seen from a pool?  0: in it. */
static __always_inline int side_of(void *key, struct latch_tree_node *node)
{
	struct io_tlb_pool *pool = container_of(node, struct io_tlb_pool, node);
	phys_addr_t phys = *(phys_addr_t *)key;

	if (phys < pool->start)
		return -1;
	return phys >= pool->end;
}

static const struct latch_tree_ops by_address = {
	.less	= is_before,
	.comp	= side_of,
};

/**
 * swiotlb_set_find - the pool of an address
 * @set: the set
 * @phys: the address
 *
 * The pool stays as long as there is a mapping in it; who asks for an address
 * that is not mapped must not look at what comes back.
 *
 * Context: any.
 * Return: the pool; NULL if the address is in none.
 */
struct io_tlb_pool *swiotlb_set_find(struct swiotlb_set *set, phys_addr_t phys)
{
	struct latch_tree_node *node = NULL;
	struct io_tlb_pool *pool;

	rcu_read_lock();
	pool = rcu_dereference(set->first);
	if (likely(!pool || (phys >= pool->start && phys < pool->end)))
		goto out;
	node = latch_tree_find(&phys, &set->tree, &by_address);
	pool = node ? container_of(node, struct io_tlb_pool, node) : NULL;
out:
	rcu_read_unlock();
	return pool;
}

/**
 * __swiotlb_find_pool - the pool of an address that a device was given
 * @dev: the device
 * @paddr: the address
 *
 * Context: any.
 * Return: the pool; NULL if the address is in none.
 */
struct io_tlb_pool *__swiotlb_find_pool(struct device *dev, phys_addr_t paddr)
{
	struct swiotlb_set *set = swiotlb_set_of(dev);

	return set ? swiotlb_set_find(set, paddr) : NULL;
}

/* Its devices' address comes before its size, which says that there is one. */
static void __add_first(struct swiotlb_set *set, struct io_tlb_pool *pool)
{
	size_t size = swiotlb_pool_size(pool);

	lockdep_assert_held(&set->lock);

	rcu_assign_pointer(set->first, pool);
	set->mem.start = pool->start;
	set->mem.size = size;
	set->info.base = pool->start;
	set->info.size = size;
}

/**
 * swiotlb_set_add - let a set's devices use a pool
 * @set: the set
 * @pool: complete; the first one stays
 *
 * Context: any, from the earliest boot on.
 * Return: 0; -ENOSPC if the set would be larger than it may.
 */
int swiotlb_set_add(struct swiotlb_set *set, struct io_tlb_pool *pool)
{
	size_t size = swiotlb_pool_size(pool);
	unsigned long flags;
	int err = 0;

	spin_lock_irqsave(&set->lock, flags);
	pool->set = set;
	pool->is_boot = !rcu_access_pointer(set->first);
	if (!pool->is_boot && set->size + size > set->limit) {
		err = -ENOSPC;
		goto out;
	}
	if (pool->is_boot)
		__add_first(set, pool);
	else
		latch_tree_insert(&pool->node, &set->tree, &by_address);
	list_add_tail_rcu(&pool->list, pool->is_transient ? &set->transients :
							    &set->pools);
	set->size += size;
	if (pool->is_transient)
		atomic_long_add(size >> IO_TLB_SHIFT, &set->nr_transient);
out:
	spin_unlock_irqrestore(&set->lock, flags);
	return err;
}

static void __remove(struct swiotlb_set *set, struct io_tlb_pool *pool)
{
	size_t size = swiotlb_pool_size(pool);

	lockdep_assert_held(&set->lock);

	if (pool->is_boot) {
		set->mem.size = 0;
		RCU_INIT_POINTER(set->first, NULL);
	} else {
		latch_tree_erase(&pool->node, &set->tree, &by_address);
	}
	list_del_rcu(&pool->list);
	set->size -= size;
	if (pool->is_transient)
		atomic_long_sub(size >> IO_TLB_SHIFT, &set->nr_transient);
	list_add(&pool->ended, &set->ended);
}

/**
 * swiotlb_set_remove - let a set's devices not use a pool any more
 * @set: the set
 * @pool: a pool of it, with no slot in use
 *
 * Readers may have the pool until a grace period is over; swiotlb_set_reap()
 * destroys it then.
 *
 * Context: any.
 */
void swiotlb_set_remove(struct swiotlb_set *set, struct io_tlb_pool *pool)
{
	unsigned long flags;

	spin_lock_irqsave(&set->lock, flags);
	__remove(set, pool);
	spin_unlock_irqrestore(&set->lock, flags);
}

/**
 * swiotlb_set_reap - destroy the pools that were removed
 * @set: the set
 *
 * Context: process context, may sleep.
 */
void swiotlb_set_reap(struct swiotlb_set *set)
{
	struct io_tlb_pool *pool, *next;
	LIST_HEAD(ended);

	spin_lock_irq(&set->lock);
	list_splice_init(&set->ended, &ended);
	spin_unlock_irq(&set->lock);
	if (list_empty(&ended))
		return;
	synchronize_rcu();
	list_for_each_entry_safe(pool, next, &ended, ended)
		swiotlb_pool_destroy(pool);
}

/**
 * swiotlb_set_destroy - end a set with all its pools
 * @set: a set that no device uses; the memory of @set stays the caller's
 *
 * Context: process context, may sleep.
 */
void swiotlb_set_destroy(struct swiotlb_set *set)
{
	struct io_tlb_pool *pool, *next;

	WRITE_ONCE(set->can_grow, false);
	cancel_delayed_work_sync(&set->work);

	spin_lock_irq(&set->lock);
	list_for_each_entry_safe(pool, next, &set->pools, list)
		__remove(set, pool);
	list_for_each_entry_safe(pool, next, &set->transients, list)
		__remove(set, pool);
	set->mem.start = 0;
	spin_unlock_irq(&set->lock);
	swiotlb_set_reap(set);
}

/**
 * swiotlb_set_nr_used - how many slots of a set are in use
 * @set: the set
 *
 * Context: any; while mappings come and go, the answer is out of date.
 * Return: how many.
 */
unsigned long swiotlb_set_nr_used(struct swiotlb_set *set)
{
	unsigned long nr = atomic_long_read(&set->nr_used_transient);
	struct io_tlb_pool *pool;

	rcu_read_lock();
	list_for_each_entry_rcu(pool, &set->pools, list)
		nr += swiotlb_pool_nr_used(pool);
	rcu_read_unlock();
	return nr;
}

/**
 * swiotlb_set_note_peak - an area has never had fewer free slots
 * @set: the set
 *
 * The set may have a peak now as well.  One that comes when no area has its
 * own is missed, so the peak of a set with several areas is a lower limit.
 *
 * Context: any, irq-safe.
 */
void swiotlb_set_note_peak(struct swiotlb_set *set)
{
	unsigned long nr_used = swiotlb_set_nr_used(set);
	unsigned long flags;

	spin_lock_irqsave(&set->lock, flags);
	set->peak = max(set->peak, nr_used);
	spin_unlock_irqrestore(&set->lock, flags);
}

