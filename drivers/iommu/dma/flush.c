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
 * One invalidation serves the queues of all CPUs: what is in a queue is
 * marked, then the IOMMU is told, then what was marked is released.
 *
 * Locks, all irq-safe: flush->lock, which makes those who mark wait for each
 * other; then queue->lock; those of the address space nest inside.
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

#define CPU_QUEUE_LENGTH	256
#define CPU_QUEUE_MS		10
#define SHARED_QUEUE_LENGTH	32768
#define SHARED_QUEUE_MS		1000

/**
 * struct dma_flush_queue - what waits on one CPU, or on all
 * @lock: irq-safe; protects all that follows
 * @nr: entries that wait
 * @nr_marked: how many of them an invalidation under way is good for
 * @tables: pages of page tables that wait
 * @marked_tables: those that the invalidation under way is good for
 * @entries: oldest first
 */
struct dma_flush_queue {
	spinlock_t		lock;	/* protects all that follows */
	unsigned int		nr;
	unsigned int		nr_marked;
	struct list_head	tables;
	struct list_head	marked_tables;
	struct dma_space_entry	entries[];
};

/**
 * struct dma_flush - the flush queue of a domain
 * @cookie: the domain
 * @lock: irq-safe; held from marking to releasing
 * @length: of each queue
 * @delay: jiffies from the first entry to the invalidation
 * @is_armed: the timer will come
 * @timer: flushes what did not fill a queue
 * @shared: the one queue; NULL: there is one for each CPU
 * @of_cpu: each CPU's
 */
struct dma_flush {
	struct iommu_dma_cookie			*cookie;
	spinlock_t				lock;	/* protects the marks */
	unsigned int				length;
	unsigned long				delay;
	atomic_t				is_armed;
	struct timer_list			timer;
	struct dma_flush_queue			*shared;
	struct dma_flush_queue * __percpu	*of_cpu;
};

/* The first @nr entries and the tables on @tables: nothing refers to them. */
static void __let_go(struct dma_flush *flush, struct dma_flush_queue *queue,
		     unsigned int nr, struct list_head *tables)
{
	lockdep_assert_held(&queue->lock);

	iommu_put_pages_list(tables);
	dma_space_put_many(&flush->cookie->space, queue->entries, nr);
	queue->nr -= nr;
	memmove(queue->entries, queue->entries + nr,
		queue->nr * sizeof(queue->entries[0]));
}

/* Make room in a full queue. */
static void __flush_queue(struct dma_flush *flush,
			  struct dma_flush_queue *queue)
{
	lockdep_assert_held(&queue->lock);

	iommu_flush_iotlb_all(flush->cookie->domain);
	list_splice_tail_init(&queue->marked_tables, &queue->tables);
	queue->nr_marked = 0;
	__let_go(flush, queue, queue->nr, &queue->tables);
}

static void __mark(struct dma_flush *flush, struct dma_flush_queue *queue)
{
	lockdep_assert_held(&flush->lock);

	spin_lock(&queue->lock);
	queue->nr_marked = queue->nr;
	list_splice_tail_init(&queue->tables, &queue->marked_tables);
	spin_unlock(&queue->lock);
}

static void __release_marked(struct dma_flush *flush,
			     struct dma_flush_queue *queue)
{
	lockdep_assert_held(&flush->lock);

	spin_lock(&queue->lock);
	__let_go(flush, queue, queue->nr_marked, &queue->marked_tables);
	queue->nr_marked = 0;
	spin_unlock(&queue->lock);
}

/**
 * dma_flush_all - release all that waits
 * @flush: the flush queue; NULL: nothing waits
 *
 * Context: any.
 */
void dma_flush_all(struct dma_flush *flush)
{
	unsigned long flags;
	unsigned int cpu;

	if (!flush)
		return;
	spin_lock_irqsave(&flush->lock, flags);
	if (flush->shared)
		__mark(flush, flush->shared);
	else
		for_each_possible_cpu(cpu)
			__mark(flush, *per_cpu_ptr(flush->of_cpu, cpu));

	iommu_flush_iotlb_all(flush->cookie->domain);

	if (flush->shared)
		__release_marked(flush, flush->shared);
	else
		for_each_possible_cpu(cpu)
			__release_marked(flush,
					 *per_cpu_ptr(flush->of_cpu, cpu));
	spin_unlock_irqrestore(&flush->lock, flags);
}

static void flush_in_time(struct timer_list *timer)
{
	struct dma_flush *flush = from_timer(flush, timer, timer);

	/* What comes from here on arms the timer again. */
	atomic_set(&flush->is_armed, 0);
	dma_flush_all(flush);
}

static __always_inline void enqueue(struct dma_flush *flush, dma_addr_t addr,
				    size_t size, struct list_head *tables)
{
	struct dma_flush_queue *queue;
	struct dma_space_entry *entry;
	unsigned long flags;

	queue = flush->shared ?: *raw_cpu_ptr(flush->of_cpu);
	spin_lock_irqsave(&queue->lock, flags);
	if (unlikely(queue->nr == flush->length))
		__flush_queue(flush, queue);
	entry = &queue->entries[queue->nr++];
	entry->addr = addr;
	entry->size = size;
	if (unlikely(!list_empty(tables)))
		list_splice_tail_init(tables, &queue->tables);
	spin_unlock_irqrestore(&queue->lock, flags);
}

/**
 * dma_flush_arm - have a flush come in time, unless one is to come already
 * @flush: the flush queue
 *
 * Context: any.
 */
void dma_flush_arm(struct dma_flush *flush)
{
	if (!atomic_read(&flush->is_armed) &&
	    !atomic_xchg(&flush->is_armed, 1))
		mod_timer(&flush->timer, jiffies + flush->delay);
}

/**
 * dma_flush_add - let unmapped addresses wait for a flush that is sure to come
 * @flush: the flush queue
 * @addr: the first address
 * @size: in bytes
 * @tables: pages of page tables to be freed then; taken from the list
 *
 * Context: any.
 */
void dma_flush_add(struct dma_flush *flush, dma_addr_t addr, size_t size,
		   struct list_head *tables)
{
	enqueue(flush, addr, size, tables);
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
	enqueue(flush, addr, size, tables);
	dma_flush_arm(flush);
}

static struct dma_flush_queue *make_queue(unsigned int length, int node)
{
	struct dma_flush_queue *queue;

	queue = kvmalloc_node(struct_size(queue, entries, length), GFP_KERNEL,
			      node);
	if (!queue)
		return NULL;
	spin_lock_init(&queue->lock);
	queue->nr = 0;
	queue->nr_marked = 0;
	INIT_LIST_HEAD(&queue->tables);
	INIT_LIST_HEAD(&queue->marked_tables);
	return queue;
}

static void destroy_queue(struct dma_flush_queue *queue)
{
	if (!queue)
		return;
	iommu_put_pages_list(&queue->tables);
	iommu_put_pages_list(&queue->marked_tables);
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
	spin_lock_init(&flush->lock);
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
