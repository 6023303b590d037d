// SPDX-License-Identifier: GPL-2.0-only
/*
 * All pools of the layer, with one line in the log for each when it appears, and
 * how much memory was lost.
 *
 * Pools register before there is a slab allocator, so the list is made of what they
 * embed.
 *
 * Locks: pools_lock, then the lock of the pool that is asked for its figures.
 */
#include <linux/atomic.h>
#include <linux/printk.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>

#include "stat.h"

static DEFINE_SPINLOCK(pools_lock);	/* protects pools */
static LIST_HEAD(pools);
static atomic_long_t lost_bytes;

/**
 * dma_stat_add_pool - make a pool known, with one line in the log
 * @pool: complete but for list; stays the caller's
 *
 * Context: any, from the earliest boot on.
 */
void dma_stat_add_pool(struct dma_pool_info *pool)
{
	unsigned long flags;

	spin_lock_irqsave(&pools_lock, flags);
	list_add_tail(&pool->list, &pools);
	spin_unlock_irqrestore(&pools_lock, flags);

	pr_info("dma: %s '%s': base %pa, size %zu KiB, for %s\n", pool->kind,
		pool->name, &pool->base, pool->size / SZ_1K, pool->users);
}

/**
 * dma_stat_remove_pool - forget a pool
 * @pool: known by dma_stat_add_pool()
 *
 * Context: any.
 */
void dma_stat_remove_pool(struct dma_pool_info *pool)
{
	unsigned long flags;

	spin_lock_irqsave(&pools_lock, flags);
	list_del(&pool->list);
	spin_unlock_irqrestore(&pools_lock, flags);
}

/**
 * dma_stat_add_lost - count memory that could not be given back
 * @size: in bytes
 *
 * Context: any.
 */
void dma_stat_add_lost(size_t size)
{
	atomic_long_add(size, &lost_bytes);
}

/**
 * dma_stat_lost - how much memory could not be given back
 *
 * Context: any.
 * Return: bytes.
 */
long dma_stat_lost(void)
{
	return atomic_long_read(&lost_bytes);
}

/**
 * dma_stat_show_pools - a line for each pool
 * @seq: where to
 *
 * Context: any, irq-safe.
 */
void dma_stat_show_pools(struct seq_file *seq)
{
	struct dma_pool_info *pool;
	unsigned long flags;

	seq_printf(seq, "%-24s %-12s %-18s %9s %9s %9s %9s %9s %9s %5s %9s\n",
		   "name", "kind", "base", "KiB", "used", "peak", "largest",
		   "served", "refused", "users", "idle");
	spin_lock_irqsave(&pools_lock, flags);
	list_for_each_entry(pool, &pools, list) {
		struct dma_pool_figures figures = {};

		pool->figures(pool, &figures);
		seq_printf(seq, "%-24s %-12s %#018llx", pool->name, pool->kind,
			   (unsigned long long)pool->base);
		seq_printf(seq, " %9zu %9zu %9zu %9zu %9lu %9lu %5u %9zu\n",
			   figures.size / SZ_1K, figures.used / SZ_1K,
			   figures.peak / SZ_1K, figures.largest / SZ_1K,
			   figures.served, figures.refused, figures.nr_users,
			   figures.idle / SZ_1K);
	}
	spin_unlock_irqrestore(&pools_lock, flags);
}
