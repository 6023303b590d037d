// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the layer tells about itself: one line per pool when it appears, and
 * /sys/kernel/debug/dma/{pools,allocations,lost}.
 *
 * Pools register before there is a slab allocator, so the list is made of
 * what they embed.  Reading allocations walks the ledger one copy at a time
 * and holds no lock while it prints.
 *
 * Locks: pools_lock, then the lock of the pool that is asked for its figures.
 */
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/init.h>
#include <linux/jiffies.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>

#include "backend.h"
#include "ledger.h"
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

static int pools_show(struct seq_file *seq, void *unused)
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
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(pools);

/*
 * The driver may be gone and its name with it: read it as one reads memory
 * that may not be there.
 */
static void show_driver(struct seq_file *seq, const char *driver)
{
	char name[24] = "-";

	if (driver && strncpy_from_kernel_nofault(name, driver, sizeof(name)) < 0)
		strscpy(name, "(gone)");
	seq_printf(seq, " %-16s", name);
}

static int allocations_show(struct seq_file *seq, void *unused)
{
	struct dma_ledger_cursor at = {};
	struct dma_allocation copy;

	seq_printf(seq, "%-24s %-16s %10s %-15s %-18s %-18s %6s\n", "device",
		   "driver", "bytes", "backend", "dma", "phys", "age/s");
	while (dma_ledger_next(&at, &copy)) {
		seq_printf(seq, "%-24s", copy.owner->name);
		show_driver(seq, copy.driver);
		seq_printf(seq, " %10zu %-15s %#018llx %#018llx %6lu\n",
			   copy.size, copy.backend->name,
			   (unsigned long long)copy.dma_addr,
			   (unsigned long long)copy.phys,
			   (jiffies - copy.since) / HZ);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(allocations);

static int lost_show(struct seq_file *seq, void *unused)
{
	seq_printf(seq, "%ld\n", atomic_long_read(&lost_bytes));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(lost);

static int __init dma_stat_init(void)
{
	struct dentry *dir = debugfs_create_dir("dma", NULL);

	debugfs_create_file("pools", 0400, dir, NULL, &pools_fops);
	debugfs_create_file("allocations", 0400, dir, NULL, &allocations_fops);
	debugfs_create_file("lost", 0400, dir, NULL, &lost_fops);
	return 0;
}
late_initcall(dma_stat_init);
