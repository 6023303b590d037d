// SPDX-License-Identifier: GPL-2.0-only
/*
 * The flush queue: unmapping without waiting for the IOMMU.
 *
 * An invalidation per unmap is what makes strict mode slow.  In lazy mode the
 * page table entries are cleared at once, and the addresses (with the pages
 * of page tables that became empty) wait here until one invalidation of the
 * whole domain serves them all: when a queue is full, or 10 ms after the
 * first came.  Until then a device may still get at what it had; that is the
 * price of lazy mode, and it is bounded by these two numbers.
 *
 * There is a queue per CPU.  Where an invalidation is very expensive (an
 * IOMMU that a hypervisor shadows), all CPUs share a longer one instead, with
 * a longer time.
 *
 * One invalidation serves the queues of all CPUs, whoever asked for it.  Each
 * has a number.  An entry notes the last one that had begun when it came, and
 * is done when a later one is complete.  The next to come to a queue releases
 * some of what is done, so that a CPU whose queue runs full finds room if
 * another has flushed meanwhile.
 *
 * Released is in batches: taken out under the queue's lock, given back without
 * it.  That bounds what is done with interrupts off, whatever the length of a
 * queue, and nobody who unmaps waits for the address space's lock here.
 *
 * Locks, both irq-safe: queue->release_lock, which makes those who find no address
 * wait for a batch on its way; in it queue->lock, and those of the address space.
 * Invariant: an address leaves its queue only after an invalidation that
 * began when it was in there.
 */
#include <linux/cpumask.h>
#include <linux/iommu.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/timer.h>
#include <linux/vmalloc.h>

#include "../iommu-pages.h"
#include "domain.h"
#include "flush.h"
#include "map.h"

/* Both are powers of two. */
#define CPU_QUEUE_LENGTH	256
#define CPU_QUEUE_MS		10
#define SHARED_QUEUE_LENGTH	32768
#define SHARED_QUEUE_MS		1000

/* Entries that are released at a time */
#define BATCH			32

/**
 * struct dma_flush_entry - addresses that wait
 * @range: these
 * @since: number of the last invalidation that had begun when they came
 */
struct dma_flush_entry {
	struct dma_space_entry	range;
	unsigned long		since;
};

/**
 * struct dma_flush_queue - what waits on one CPU, or on all
 * @release_lock: irq-safe; held while a batch is released
 * @lock: irq-safe; protects all that follows
 * @first: of the entries that wait: their place is this modulo the length
 * @end: the place behind the last
 * @tables: pages of page tables that came lately
 * @old_tables: those that came before; only these wait for an invalidation
 * @old_since: as of an entry, for @old_tables
 * @entries: a ring
 */
struct dma_flush_queue {
	spinlock_t		release_lock;	/* serializes release */
	spinlock_t		lock;		/* protects all that follows */
	unsigned int		first;
	unsigned int		end;
	struct list_head	tables;
	struct list_head	old_tables;
	unsigned long		old_since;
	struct dma_flush_entry	entries[];
};

/**
 * struct dma_flush - the flush queue of a domain
 * @cookie: the domain
 * @length: of each queue
 * @delay: jiffies from the first entry to the invalidation
 * @shared: the one queue; NULL: there is one for each CPU
 * @of_cpu: each CPU's
 * @is_armed: the timer will come
 * @nr_begun: invalidations that have begun; their numbers start at 1
 * @done: all that came before this one began is invalidated in the IOMMU
 * @timer: flushes what did not fill a queue
 */
struct dma_flush {
	struct iommu_dma_cookie			*cookie;
	unsigned int				length;
	unsigned long				delay;
	struct dma_flush_queue			*shared;
	struct dma_flush_queue * __percpu	*of_cpu;
	atomic_t				is_armed;
	atomic_long_t				nr_begun ____cacheline_aligned_in_smp;
	atomic_long_t				done;
	struct timer_list			timer;
};

/* Is an invalidation over that began after number @since had? */
static inline bool is_done(const struct dma_flush *flush, unsigned long since)
{
	/* Pairs with the release by whoever completes one. */
	return (long)(atomic_long_read_acquire(&flush->done) - since) > 0;
}

/*
 * The last invalidation that may be too old for what was unmapped by now.  One
 * that begins meanwhile finds the entries of the page tables clear, or its number
 * is seen here: the barrier pairs with atomic_long_inc_return() in invalidate().
 */
static __always_inline unsigned long __now(const struct dma_flush *flush,
					   struct dma_flush_queue *queue)
{
	lockdep_assert_held(&queue->lock);
	smp_mb__after_spinlock();
	return atomic_long_read(&flush->nr_begun);
}

/* Have the IOMMU forget all that was unmapped by now. */
static void invalidate(struct dma_flush *flush)
{
	long number = atomic_long_inc_return(&flush->nr_begun);
	long done = atomic_long_read(&flush->done);

	iommu_flush_iotlb_all(flush->cookie->domain);
	/* One that began later may be over already. */
	while (done - number < 0 &&
	       !atomic_long_try_cmpxchg_release(&flush->done, &done, number))
		;
}

static inline struct dma_flush_entry *entry_at(struct dma_flush *flush,
					       struct dma_flush_queue *queue,
					       unsigned int at)
{
	return &queue->entries[at & (flush->length - 1)];
}

static inline bool __is_full(const struct dma_flush *flush,
			     const struct dma_flush_queue *queue)
{
	return queue->end - queue->first == flush->length;
}

static inline bool __has_done(struct dma_flush *flush,
			      struct dma_flush_queue *queue)
{
	return queue->first != queue->end &&
	       is_done(flush, entry_at(flush, queue, queue->first)->since);
}

/* Pages of page tables: move to @tables what is done; the rest grows older. */
static void __take_tables(struct dma_flush *flush,
			  struct dma_flush_queue *queue,
			  struct list_head *tables)
{
	lockdep_assert_held(&queue->lock);

	if (!list_empty(&queue->old_tables)) {
		if (!is_done(flush, queue->old_since))
			return;
		list_splice_tail_init(&queue->old_tables, tables);
	}
	if (!list_empty(&queue->tables)) {
		list_splice_tail_init(&queue->tables, &queue->old_tables);
		queue->old_since = __now(flush, queue);
	}
}

/* Release a batch of what is done; true if that was a full one. */
static bool __release_batch(struct dma_flush *flush,
			    struct dma_flush_queue *queue)
{
	struct dma_space_entry done[BATCH];
	unsigned int nr = 0;
	LIST_HEAD(tables);

	lockdep_assert_held(&queue->release_lock);

	spin_lock(&queue->lock);
	__take_tables(flush, queue, &tables);
	while (nr < BATCH && __has_done(flush, queue))
		done[nr++] = entry_at(flush, queue, queue->first++)->range;
	spin_unlock(&queue->lock);

	iommu_put_pages_list(&tables);
	dma_space_put_many(&flush->cookie->space, done, nr);
	return nr == BATCH;
}

static bool release_batch(struct dma_flush *flush,
			  struct dma_flush_queue *queue)
{
	unsigned long flags;
	bool was_full;

	spin_lock_irqsave(&queue->release_lock, flags);
	was_full = __release_batch(flush, queue);
	spin_unlock_irqrestore(&queue->release_lock, flags);
	return was_full;
}

/* The same, but whoever is at it already is enough. */
static noinline void try_release_batch(struct dma_flush *flush,
				       struct dma_flush_queue *queue)
{
	unsigned long flags;

	if (!spin_trylock_irqsave(&queue->release_lock, flags))
		return;
	__release_batch(flush, queue);
	spin_unlock_irqrestore(&queue->release_lock, flags);
}

/* Release all that is done, but not what comes meanwhile. */
static void release(struct dma_flush *flush, struct dma_flush_queue *queue)
{
	unsigned int left = flush->length / BATCH;

	while (release_batch(flush, queue) && --left)
		;
}

/* Tables that came before an invalidation begins have to wait for that one. */
static void age_tables(struct dma_flush *flush, struct dma_flush_queue *queue)
{
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	if (!list_empty(&queue->tables)) {
		list_splice_tail_init(&queue->tables, &queue->old_tables);
		queue->old_since = __now(flush, queue);
	}
	spin_unlock_irqrestore(&queue->lock, flags);
}

static void act_on_queues(struct dma_flush *flush,
			  void (*act)(struct dma_flush *flush,
				      struct dma_flush_queue *queue))
{
	unsigned int cpu;

	if (flush->shared) {
		act(flush, flush->shared);
		return;
	}
	for_each_possible_cpu(cpu)
		act(flush, *per_cpu_ptr(flush->of_cpu, cpu));
}

/**
 * dma_flush_all - release all that waits
 * @flush: the flush queue; NULL: nothing waits
 *
 * Context: any.
 */
void dma_flush_all(struct dma_flush *flush)
{
	if (!flush)
		return;
	act_on_queues(flush, age_tables);
	invalidate(flush);
	act_on_queues(flush, release);
}

static void flush_in_time(struct timer_list *timer)
{
	struct dma_flush *flush = from_timer(flush, timer, timer);

	/* What comes from here on arms the timer again. */
	atomic_set(&flush->is_armed, 0);
	dma_flush_all(flush);
}

/* Make room in a full queue; @has_done: it need not be flushed for that. */
static noinline void make_room(struct dma_flush *flush,
			       struct dma_flush_queue *queue, bool has_done)
{
	if (!has_done) {
		age_tables(flush, queue);
		invalidate(flush);
	}
	release_batch(flush, queue);
}

/**
 * dma_flush_later - let unmapped addresses wait
 * @flush: the flush queue
 * @addr: the first address
 * @size: in bytes
 * @tables: pages of page tables to be freed then; taken from the list
 *
 * Context: any.
 */
void dma_flush_later(struct dma_flush *flush, dma_addr_t addr, size_t size,
		     struct list_head *tables)
{
	struct dma_flush_queue *queue;
	struct dma_flush_entry *entry;
	unsigned long flags;
	bool has_done;

	queue = flush->shared ?: *raw_cpu_ptr(flush->of_cpu);
	spin_lock_irqsave(&queue->lock, flags);
	while (unlikely(__is_full(flush, queue))) {
		has_done = __has_done(flush, queue);
		spin_unlock_irqrestore(&queue->lock, flags);
		make_room(flush, queue, has_done);
		spin_lock_irqsave(&queue->lock, flags);
	}
	entry = entry_at(flush, queue, queue->end++);
	entry->range.addr = addr;
	entry->range.size = size;
	entry->since = __now(flush, queue);
	if (unlikely(!list_empty(tables)))
		list_splice_tail_init(tables, &queue->tables);
	has_done = __has_done(flush, queue);
	spin_unlock_irqrestore(&queue->lock, flags);

	if (unlikely(has_done))
		try_release_batch(flush, queue);
	if (!atomic_read(&flush->is_armed) &&
	    !atomic_xchg(&flush->is_armed, 1))
		mod_timer(&flush->timer, jiffies + flush->delay);
}

static struct dma_flush_queue *make_queue(unsigned int length, int node)
{
	struct dma_flush_queue *queue;

	queue = kvmalloc_node(struct_size(queue, entries, length), GFP_KERNEL,
			      node);
	if (!queue)
		return NULL;
	spin_lock_init(&queue->release_lock);
	spin_lock_init(&queue->lock);
	queue->first = 0;
	queue->end = 0;
	queue->old_since = 0;
	INIT_LIST_HEAD(&queue->tables);
	INIT_LIST_HEAD(&queue->old_tables);
	return queue;
}

static void destroy_queue(struct dma_flush_queue *queue)
{
	if (!queue)
		return;
	iommu_put_pages_list(&queue->tables);
	iommu_put_pages_list(&queue->old_tables);
	kvfree(queue);
}

static int make_cpu_queues(struct dma_flush *flush)
{
	unsigned int cpu;

	flush->of_cpu = alloc_percpu(struct dma_flush_queue *);
	if (!flush->of_cpu)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		struct dma_flush_queue *queue;

		queue = make_queue(flush->length, cpu_to_node(cpu));
		if (!queue)
			return -ENOMEM;
		*per_cpu_ptr(flush->of_cpu, cpu) = queue;
	}
	return 0;
}

/**
 * dma_flush_create - make a domain's flush queue
 * @cookie: the domain
 * @is_shared: one long queue for all CPUs
 *
 * Context: may sleep.
 * Return: the flush queue, or NULL.
 */
struct dma_flush *dma_flush_create(struct iommu_dma_cookie *cookie,
				   bool is_shared)
{
	struct dma_flush *flush = kzalloc(sizeof(*flush), GFP_KERNEL);
	int err = 0;

	if (!flush)
		return NULL;
	flush->cookie = cookie;
	timer_setup(&flush->timer, flush_in_time, 0);
	if (is_shared) {
		flush->length = SHARED_QUEUE_LENGTH;
		flush->delay = msecs_to_jiffies(SHARED_QUEUE_MS);
		flush->shared = make_queue(flush->length, NUMA_NO_NODE);
		err = flush->shared ? 0 : -ENOMEM;
	} else {
		flush->length = CPU_QUEUE_LENGTH;
		flush->delay = msecs_to_jiffies(CPU_QUEUE_MS);
		err = make_cpu_queues(flush);
	}
	if (err) {
		dma_flush_destroy(flush);
		return NULL;
	}
	return flush;
}

/**
 * dma_flush_destroy - end a flush queue
 * @flush: the flush queue; its domain has no device any more
 *
 * The addresses that wait end with their space.
 *
 * Context: may sleep.
 */
void dma_flush_destroy(struct dma_flush *flush)
{
	unsigned int cpu;

	timer_shutdown_sync(&flush->timer);
	destroy_queue(flush->shared);
	if (flush->of_cpu)
		for_each_possible_cpu(cpu)
			destroy_queue(*per_cpu_ptr(flush->of_cpu, cpu));
	free_percpu(flush->of_cpu);
	kfree(flush);
}
