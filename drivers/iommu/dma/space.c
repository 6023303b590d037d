// SPDX-License-Identifier: GPL-2.0-only
/*
 * I/O virtual addresses: which parts of a domain's address space are taken.
 *
 * Two layers.  Below, a tree of taken ranges, each of which knows the gap in
 * front of it, and the largest gap of its subtree.  The highest gap that is
 * large enough is found in one descent; if the range does not fit in there by its
 * alignment or below the highest address asked for, the search goes on to the
 * next lower one, and so takes longer the more such gaps there are.  Above, a
 * small stack of free ranges per CPU and size class, from which nearly all
 * requests are served in a few dozen instructions; a range in a stack is still
 * taken as far as the tree knows.  A CPU with too many gives half a stack to a
 * depot, where one that has none finds it; a full depot gives back to the tree,
 * and so does one that nobody takes from, in the course of seconds.
 *
 * What a CPU keeps of a class is bounded by its number and by its bytes: of large
 * ranges a few are enough, and addresses below 4 GiB are scarce.
 *
 * Addresses are handed out from the top down, naturally aligned, and 0 never:
 * too many drivers take it for "no address".
 *
 * Nothing has to happen when a CPU goes offline: its stack has a lock, and
 * whoever finds no address left empties the stacks of all CPUs.
 *
 * Locks, both irq-safe: cache->lock, then space->lock.
 * Invariant: ranges in the tree never overlap, and there is one in front of
 * the first address and one behind the last, so every gap has two sides.
 */
#include <linux/bitops.h>
#include <linux/cpumask.h>
#include <linux/init.h>
#include <linux/log2.h>
#include <linux/percpu.h>
#include <linux/rbtree_augmented.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "space.h"

#define STACK_SIZE	126
#define HALF_STACK	(STACK_SIZE / 2)
/* As many bytes of addresses, if that is less, but two ranges. */
#define STACK_BYTES	((u64)SZ_8M)
#define STACK_LEAST	2
/*
 * Stacks of a class in its depot, for each CPU: what a flush queue gives back
 * at once has to find room, or each address of it goes through the tree.
 */
#define DEPOT_STACKS	4

/* After how many jiffies half of what a depot caches goes.  Tests shorten it. */
unsigned long dma_space_idle = HZ;

/**
 * struct dma_space_stack - free ranges of one class, the last freed on top
 * @next: in a depot
 * @nr: how many
 * @start: first granule of each
 */
struct dma_space_stack {
	struct dma_space_stack	*next;
	unsigned long		nr;
	unsigned long		start[STACK_SIZE];
};

/**
 * struct dma_space_cache - one CPU's free ranges
 * @lock: irq-safe; others take it to empty the cache
 * @stacks: of each class; NULL until something is freed
 */
struct dma_space_cache {
	spinlock_t		lock;	/* protects the stacks */
	struct dma_space_stack	*stacks[DMA_SPACE_CLASSES];
};

/**
 * struct dma_space_range - a taken range
 * @node: in the tree
 * @start: its first granule
 * @last: its last one
 * @gap: free granules in front of it
 * @max_gap: the largest gap of all ranges below it in the tree, its own too
 * @is_reserved: for good; it may be asked for once more
 */
struct dma_space_range {
	struct rb_node	node;
	unsigned long	start;
	unsigned long	last;
	unsigned long	gap;
	unsigned long	max_gap;
	bool		is_reserved;
};

static struct kmem_cache *range_cache __ro_after_init;

static inline struct dma_space_range *range_of(struct rb_node *node)
{
	return rb_entry_safe(node, struct dma_space_range, node);
}

static inline unsigned long gap_of(struct dma_space_range *range)
{
	return range->gap;
}

RB_DECLARE_CALLBACKS_MAX(static, gap_callbacks, struct dma_space_range, node,
			 unsigned long, max_gap, gap_of)

static void set_gap(struct dma_space_range *range, unsigned long gap)
{
	range->gap = gap;
	gap_callbacks_propagate(&range->node, NULL);
}

/* Link @range into the gap that ends where @next begins. */
static void __insert(struct dma_space *space, struct dma_space_range *range,
		     struct dma_space_range *next)
{
	unsigned long gap_start = next->start - next->gap;
	struct rb_node **link = &next->node.rb_left;
	struct rb_node *parent = &next->node;

	lockdep_assert_held(&space->lock);

	/* The place before @next: its left side, or right of all that is there. */
	while (*link) {
		parent = *link;
		link = &parent->rb_right;
	}
	range->gap = range->start - gap_start;
	range->max_gap = range->gap;
	rb_link_node(&range->node, parent, link);
	gap_callbacks_propagate(parent, NULL);
	rb_insert_augmented(&range->node, &space->ranges, &gap_callbacks);
	set_gap(next, next->start - range->last - 1);
}

static void __erase(struct dma_space *space, struct dma_space_range *range)
{
	struct dma_space_range *next = range_of(rb_next(&range->node));
	unsigned long freed = range->gap + (range->last - range->start + 1);

	lockdep_assert_held(&space->lock);

	/*
	 * A gap may only change while the tree is at rest: a rotation hands on
	 * what it finds, and would hide a change from the ranges above.
	 */
	rb_erase_augmented(&range->node, &space->ranges, &gap_callbacks);
	set_gap(next, next->gap + freed);
	kmem_cache_free(range_cache, range);
}

/* The range that holds @granule, or the next behind it. */
static struct dma_space_range *__find(struct dma_space *space,
				      unsigned long granule)
{
	struct rb_node *node = space->ranges.rb_node;
	struct dma_space_range *found = NULL;

	lockdep_assert_held(&space->lock);

	while (node) {
		struct dma_space_range *range = range_of(node);

		if (granule > range->last) {
			node = node->rb_right;
		} else {
			found = range;
			node = node->rb_left;
		}
	}
	return found;
}

static struct dma_space_range *new_range(unsigned long start, unsigned long last)
{
	struct dma_space_range *range;

	range = kmem_cache_alloc(range_cache, GFP_ATOMIC | __GFP_NOWARN);
	if (range) {
		range->start = start;
		range->last = last;
		range->is_reserved = false;
	}
	return range;
}

/* The highest place for @nr granules in the gap before @range, or 0. */
static unsigned long place_in_gap(const struct dma_space_range *range,
				  unsigned long nr, unsigned long align,
				  unsigned long last)
{
	unsigned long end = min(range->start - 1, last);
	unsigned long first = range->start - range->gap;
	unsigned long start;

	if (range->gap < nr || end < first || end - first < nr - 1)
		return 0;
	start = ALIGN_DOWN(end - nr + 1, align);
	return start >= first ? start : 0;
}

static inline bool has_gap(struct rb_node *node, unsigned long nr)
{
	return node && range_of(node)->max_gap >= nr;
}

/*
 * The highest gap that has a place: right sides first, and no side whose
 * gaps are all too small or too high.
 */
static struct dma_space_range *__find_gap(struct dma_space *space,
					  unsigned long nr, unsigned long align,
					 unsigned long last,
					 unsigned long *start)
{
	struct rb_node *node = space->ranges.rb_node, *child;

	lockdep_assert_held(&space->lock);

	while (node) {
		if (has_gap(node->rb_right, nr) && range_of(node)->last < last) {
			node = node->rb_right;
			continue;
		}
		for (;;) {
			*start = place_in_gap(range_of(node), nr, align, last);
			if (*start)
				return range_of(node);
			if (has_gap(node->rb_left, nr)) {
				node = node->rb_left;
				break;
			}
			/* Up to the range that this was the right side of. */
			do {
				child = node;
				node = rb_parent(node);
			} while (node && child == node->rb_left);
			if (!node)
				return NULL;
		}
	}
	return NULL;
}

/* Take @nr granules from the tree; returns the first, or 0. */
static unsigned long take_range(struct dma_space *space, unsigned long nr,
				unsigned long last)
{
	struct dma_space_range *range = new_range(0, 0), *next;
	unsigned long start = 0, flags;

	if (!range)
		return 0;
	spin_lock_irqsave(&space->lock, flags);
	next = __find_gap(space, nr, roundup_pow_of_two(nr), last, &start);
	if (next) {
		range->start = start;
		range->last = start + nr - 1;
		__insert(space, range, next);
		range = NULL;
	}
	spin_unlock_irqrestore(&space->lock, flags);
	if (range)
		kmem_cache_free(range_cache, range);
	return start;
}

/* Give back what starts at @start.  An address that nobody took is told. */
static void __give_range(struct dma_space *space, unsigned long start)
{
	struct dma_space_range *range = __find(space, start);

	if (!WARN_ONCE(range->start != start || range->is_reserved,
		       "freeing I/O address %#llx, which is not taken\n",
		       (u64)start << space->shift))
		__erase(space, range);
}

static void give_range(struct dma_space *space, unsigned long start)
{
	unsigned long flags;

	spin_lock_irqsave(&space->lock, flags);
	__give_range(space, start);
	spin_unlock_irqrestore(&space->lock, flags);
}

/* Give back at most @nr ranges of a stack. */
static void __give_some(struct dma_space *space, struct dma_space_stack *stack,
			unsigned int nr)
{
	lockdep_assert_held(&space->lock);

	while (stack->nr && nr--)
		__give_range(space, stack->start[--stack->nr]);
}

static struct dma_space_stack *__pop_depot(struct dma_space_depot *depot)
{
	struct dma_space_stack *stack = depot->stacks;

	if (stack) {
		WRITE_ONCE(depot->stacks, stack->next);
		depot->nr--;
		depot->low = min(depot->low, depot->nr);
	}
	return stack;
}

/* A stack from the depot, or NULL. */
static struct dma_space_stack *pop_depot(struct dma_space *space,
					 unsigned int class)
{
	struct dma_space_depot *depot = &space->depots[class];
	struct dma_space_stack *stack;
	unsigned long flags;

	/* Without the lock first: an empty depot is the usual case. */
	if (!READ_ONCE(depot->stacks))
		return NULL;
	spin_lock_irqsave(&space->lock, flags);
	stack = __pop_depot(depot);
	spin_unlock_irqrestore(&space->lock, flags);
	return stack;
}

/* A stack of a depot goes back to the tree; false if there is none. */
static bool give_from_depot(struct dma_space *space, unsigned int class)
{
	struct dma_space_stack *stack;
	unsigned long flags;

	spin_lock_irqsave(&space->lock, flags);
	stack = __pop_depot(&space->depots[class]);
	if (stack)
		__give_some(space, stack, stack->nr);
	spin_unlock_irqrestore(&space->lock, flags);
	kfree(stack);
	return stack;
}

/* The older half of a full stack goes to the depot, or to the tree. */
static void give_half(struct dma_space *space, unsigned int class,
		      struct dma_space_stack *full)
{
	struct dma_space_stack *half = kmalloc(sizeof(*half),
					      GFP_ATOMIC | __GFP_NOWARN);
	struct dma_space_depot *depot = &space->depots[class];
	unsigned int nr = full->nr / 2;

	spin_lock(&space->lock);
	if (half && depot->nr < DEPOT_STACKS * num_online_cpus()) {
		memcpy(half->start, full->start, nr * sizeof(long));
		half->nr = nr;
		half->next = depot->stacks;
		WRITE_ONCE(depot->stacks, half);
		depot->nr++;
		half = NULL;
	} else {
		for (unsigned int i = 0; i < nr; i++)
			__give_range(space, full->start[i]);
	}
	spin_unlock(&space->lock);
	kfree(half);
	/* Whatever the depot got, now or before: it is looked at in time. */
	schedule_delayed_work(&space->trim, dma_space_idle);

	full->nr -= nr;
	memmove(full->start, full->start + nr, full->nr * sizeof(long));
}

/* Half of what nobody took since the last look goes back. */
static bool trim_depot(struct dma_space *space, unsigned int class)
{
	struct dma_space_depot *depot = &space->depots[class];
	unsigned int nr_idle;

	spin_lock_irq(&space->lock);
	nr_idle = DIV_ROUND_UP(depot->low, 2);
	spin_unlock_irq(&space->lock);
	while (nr_idle-- && give_from_depot(space, class))
		;
	spin_lock_irq(&space->lock);
	depot->low = depot->nr;
	spin_unlock_irq(&space->lock);
	return READ_ONCE(depot->stacks);
}

static void trim(struct work_struct *work)
{
	struct dma_space *space = container_of(to_delayed_work(work),
					       struct dma_space, trim);
	bool has_any = false;

	for (unsigned int class = 0; class < DMA_SPACE_CLASSES; class++)
		has_any |= trim_depot(space, class);
	if (has_any)
		schedule_delayed_work(&space->trim, dma_space_idle);
}

/* The topmost range of a stack that ends at @last or below; 0 if none does. */
static unsigned long pop_stack(struct dma_space_stack *stack,
			       unsigned long highest)
{
	for (unsigned long i = stack->nr; i--;) {
		unsigned long start = stack->start[i];

		if (start <= highest) {
			stack->start[i] = stack->start[--stack->nr];
			return start;
		}
	}
	return 0;
}

static unsigned long get_cached(struct dma_space *space,
				unsigned int class, unsigned long highest)
{
	struct dma_space_cache *cache;
	struct dma_space_stack *stack;
	unsigned long start = 0, flags;

	cache = raw_cpu_ptr(space->caches);
	spin_lock_irqsave(&cache->lock, flags);
	stack = cache->stacks[class];
	if (unlikely(!stack || !stack->nr)) {
		stack = pop_depot(space, class);
		if (stack)
			swap(stack, cache->stacks[class]);
		kfree(stack);
		stack = cache->stacks[class];
	}
	if (stack)
		start = pop_stack(stack, highest);
	spin_unlock_irqrestore(&cache->lock, flags);
	return start;
}

/* Is a range of @nr granules one that is kept, once rounded up? */
static inline bool is_cached(unsigned long nr)
{
	return nr <= DMA_SPACE_LARGEST;
}

static inline unsigned int class_of(unsigned long nr)
{
	return order_base_2(nr);
}

/**
 * dma_space_get - take a range of addresses
 * @space: the space
 * @nr: how many granules
 * @last: the last granule that may be used, inclusive
 *
 * Context: any.
 * Return: the first granule, a multiple of the power of two that holds @nr;
 * 0 if there is no place.
 */
unsigned long dma_space_get(struct dma_space *space, unsigned long nr,
			    unsigned long last)
{
	unsigned int class;
	unsigned long start;

	if (unlikely(!is_cached(nr)))
		return take_range(space, nr, last);

	class = class_of(nr);
	nr = 1UL << class;
	if (unlikely(last < nr))
		return 0;
	start = get_cached(space, class, last - nr + 1);
	return likely(start) ? start : take_range(space, nr, last);
}

/* Keep a range in this CPU's stack; false if there is no memory for one. */
static __always_inline bool __keep(struct dma_space *space,
				   struct dma_space_cache *cache,
				   unsigned int class, unsigned long start)
{
	struct dma_space_stack *stack = cache->stacks[class];

	lockdep_assert_held(&cache->lock);

	if (unlikely(!stack)) {
		stack = kmalloc(sizeof(*stack), GFP_ATOMIC | __GFP_NOWARN);
		if (!stack)
			return false;
		stack->nr = 0;
		cache->stacks[class] = stack;
	}
	if (unlikely(stack->nr == space->most[class]))
		give_half(space, class, stack);
	stack->start[stack->nr++] = start;
	return true;
}

/**
 * dma_space_put - give a range back
 * @space: the space
 * @start: what dma_space_get() returned
 * @nr: how many granules, as then
 *
 * Context: any; can't fail.
 */
void dma_space_put(struct dma_space *space, unsigned long start,
		   unsigned long nr)
{
	struct dma_space_cache *cache;
	unsigned long flags;
	bool is_kept = false;

	if (likely(is_cached(nr))) {
		cache = raw_cpu_ptr(space->caches);
		spin_lock_irqsave(&cache->lock, flags);
		is_kept = __keep(space, cache, class_of(nr), start);
		spin_unlock_irqrestore(&cache->lock, flags);
	}
	if (unlikely(!is_kept))
		give_range(space, start);
}

/**
 * dma_space_put_many - give ranges back, all at once
 * @space: the space
 * @entries: the ranges, in bytes, as the flush queue has them
 * @nr_entries: how many
 *
 * Context: any; can't fail.
 */
void dma_space_put_many(struct dma_space *space,
			const struct dma_space_entry *entries,
			unsigned int nr_entries)
{
	struct dma_space_cache *cache = raw_cpu_ptr(space->caches);
	unsigned int shift = space->shift;
	unsigned long flags;

	spin_lock_irqsave(&cache->lock, flags);
	for (unsigned int i = 0; i < nr_entries; i++) {
		unsigned long start = entries[i].addr >> shift;
		unsigned long nr = entries[i].size >> shift;

		if (likely(is_cached(nr) &&
			   __keep(space, cache, class_of(nr), start)))
			continue;
		spin_lock(&space->lock);
		__give_range(space, start);
		spin_unlock(&space->lock);
	}
	spin_unlock_irqrestore(&cache->lock, flags);
}

/*
 * Some ranges of a stack go back to the tree: no more at a time than interrupts
 * can be off for.  They are always in one of the two, so that nobody who finds
 * neither fails for it.  False if there are no more.
 */
static bool give_from_cache(struct dma_space *space,
			    struct dma_space_cache *cache, unsigned int class)
{
	struct dma_space_stack *stack;
	unsigned long flags;
	bool has_more = false;

	spin_lock_irqsave(&cache->lock, flags);
	stack = cache->stacks[class];
	if (stack) {
		spin_lock(&space->lock);
		__give_some(space, stack, HALF_STACK);
		spin_unlock(&space->lock);
		has_more = stack->nr;
	}
	spin_unlock_irqrestore(&cache->lock, flags);
	return has_more;
}

static void empty_cache(struct dma_space *space,
			struct dma_space_cache *cache)
{
	for (unsigned int class = 0; class < DMA_SPACE_CLASSES; class++)
		while (give_from_cache(space, cache, class))
			;
}

/**
 * dma_space_drain - give all that CPUs keep back to the tree
 * @space: the space
 *
 * For when no address is left: ranges that are kept may be of the wrong class,
 * or lie in the way.
 *
 * Context: any; takes long.
 */
void dma_space_drain(struct dma_space *space)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		empty_cache(space, per_cpu_ptr(space->caches, cpu));
	for (unsigned int class = 0; class < DMA_SPACE_CLASSES; class++)
		while (give_from_depot(space, class))
			;
}

/* Put @range into what is free of [range->start, range->last]; true if all is. */
static bool __insert_if_free(struct dma_space *space,
			     struct dma_space_range *range)
{
	struct dma_space_range *next = __find(space, range->start);

	if (next->start <= range->last)
		return false;
	__insert(space, range, next);
	return true;
}

/**
 * dma_space_reserve - addresses that are never to be handed out
 * @space: the space
 * @first: the first granule
 * @last: the last one, inclusive; may lie beyond the space's end
 *
 * What is reserved already may be reserved again.
 *
 * Context: any.
 * Return: 0; -EBUSY if a part is in use by now, the rest being reserved then;
 * -ENOMEM.
 */
int dma_space_reserve(struct dma_space *space, unsigned long first,
		      unsigned long last)
{
	unsigned long flags, at = first;
	int err = 0;

	spin_lock_irqsave(&space->lock, flags);
	while (at <= last) {
		struct dma_space_range *next = __find(space, at), *range;

		if (next->start > at) {
			range = new_range(at, min(last, next->start - 1));
			if (!range) {
				err = -ENOMEM;
				break;
			}
			range->is_reserved = true;
			__insert(space, range, next);
			at = range->last + 1;
			if (at != next->start)
				break;
		}
		if (at > last || next->last == ULONG_MAX)
			break;
		if (!next->is_reserved)
			err = -EBUSY;
		at = next->last + 1;
	}
	spin_unlock_irqrestore(&space->lock, flags);
	return err;
}

/**
 * dma_space_claim - take just these addresses
 * @space: the space
 * @first: the first granule
 * @last: the last one, inclusive
 *
 * Context: process context.
 * Return: 0; -EBUSY if any of it is taken or reserved; -ENOMEM.
 */
int dma_space_claim(struct dma_space *space, unsigned long first,
		    unsigned long last)
{
	struct dma_space_range *range = new_range(first, last);
	bool is_done;

	if (!range)
		return -ENOMEM;
	/* What is only kept by some CPU is free, and has to show it. */
	dma_space_drain(space);

	spin_lock_irq(&space->lock);
	is_done = __insert_if_free(space, range);
	spin_unlock_irq(&space->lock);
	if (!is_done)
		kmem_cache_free(range_cache, range);
	return is_done ? 0 : -EBUSY;
}

/**
 * dma_space_unclaim - give claimed addresses back
 * @space: the space
 * @first: as claimed
 *
 * Context: any.
 */
void dma_space_unclaim(struct dma_space *space, unsigned long first)
{
	give_range(space, first);
}

/**
 * dma_space_first - the lowest address that a space may hand out
 * @space: the space
 *
 * Context: any.
 * Return: the granule.
 */
unsigned long dma_space_first(struct dma_space *space)
{
	unsigned long flags, first;

	spin_lock_irqsave(&space->lock, flags);
	first = range_of(rb_first(&space->ranges))->last + 1;
	spin_unlock_irqrestore(&space->lock, flags);
	return first;
}

/* The two ranges that every gap lies between. */
static int add_bounds(struct dma_space *space, unsigned long first)
{
	struct dma_space_range *low = new_range(0, first - 1);
	struct dma_space_range *high = new_range(ULONG_MAX, ULONG_MAX);

	if (!low || !high) {
		if (low)
			kmem_cache_free(range_cache, low);
		if (high)
			kmem_cache_free(range_cache, high);
		return -ENOMEM;
	}
	low->is_reserved = true;
	high->is_reserved = true;
	high->gap = ULONG_MAX;
	high->max_gap = high->gap;
	rb_link_node(&high->node, NULL, &space->ranges.rb_node);
	rb_insert_augmented(&high->node, &space->ranges, &gap_callbacks);

	spin_lock_irq(&space->lock);
	__insert(space, low, high);
	spin_unlock_irq(&space->lock);
	return 0;
}

/**
 * dma_space_init - make an empty space
 * @space: to be initialized
 * @shift: a granule is 2^shift bytes
 * @first: the lowest granule to hand out, at least 1
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int dma_space_init(struct dma_space *space, unsigned int shift,
		   unsigned long first)
{
	unsigned int cpu;
	int err;

	space->shift = shift;
	space->ranges = RB_ROOT;
	spin_lock_init(&space->lock);
	memset(space->depots, 0, sizeof(space->depots));
	INIT_DELAYED_WORK(&space->trim, trim);
	for (unsigned int class = 0; class < DMA_SPACE_CLASSES; class++)
		space->most[class] = clamp(STACK_BYTES / BIT_ULL(class + shift),
					   STACK_LEAST, STACK_SIZE);

	space->caches = alloc_percpu(struct dma_space_cache);
	if (!space->caches)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		spin_lock_init(&per_cpu_ptr(space->caches, cpu)->lock);
	err = add_bounds(space, first);
	if (err)
		free_percpu(space->caches);
	return err;
}

/**
 * dma_space_destroy - end a space that nobody uses any more
 * @space: the space
 *
 * Context: may sleep.
 */
void dma_space_destroy(struct dma_space *space)
{
	struct dma_space_range *range, *next;
	unsigned int cpu;

	dma_space_drain(space);
	cancel_delayed_work_sync(&space->trim);
	for_each_possible_cpu(cpu) {
		struct dma_space_cache *cache = per_cpu_ptr(space->caches, cpu);

		for (unsigned int class = 0; class < DMA_SPACE_CLASSES; class++)
			kfree(cache->stacks[class]);
	}
	free_percpu(space->caches);
	rbtree_postorder_for_each_entry_safe(range, next, &space->ranges, node)
		kmem_cache_free(range_cache, range);
}

static int __init make_range_cache(void)
{
	range_cache = KMEM_CACHE(dma_space_range, SLAB_PANIC);
	return 0;
}
core_initcall(make_range_cache);
