// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who holds which slots, figures, refusals, debugfs.
 *
 * What a device bounces is counted in its struct dev_dma (device.h), and its slots
 * name that: so what a driver has left behind is told, and for how long.
 *
 * /sys/kernel/debug/dma/bounce	who bounces how much
 * /sys/kernel/debug/swiotlb/	how full the default set is, or was; with a
 *				directory for each restricted pool
 *
 * Locks: swiotlb_sets_mutex: the list of sets, and walking their slots; taken before
 * those of swiotlb.h and of a struct dev_dma.
 */
#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/iommu-dma.h>
#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/ratelimit.h>
#include <linux/rculist.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "swiotlb.h"

DEFINE_MUTEX(swiotlb_sets_mutex);	/* protects sets */
static LIST_HEAD(sets);
static struct dentry *top_dir;

/* Who holds slots, and for how many jiffies the oldest. */
struct oldest {
	const struct dev_dma	*owner;
	unsigned long		age;
};

static void walk_pools(struct swiotlb_set *set,
		       void (*call)(struct io_tlb_pool *pool, void *data),
		       void *data)
{
	struct io_tlb_pool *pool;

	rcu_read_lock();
	list_for_each_entry_rcu(pool, &set->pools, list)
		call(pool, data);
	list_for_each_entry_rcu(pool, &set->transients, list)
		call(pool, data);
	rcu_read_unlock();
}

static void find_oldest_in(struct io_tlb_pool *pool, void *data)
{
	struct oldest *oldest = data;

	for (unsigned int i = 0; i < pool->nr_areas; i++) {
		struct swiotlb_area *area = &pool->areas[i];
		struct swiotlb_slot *slots = &pool->slots[area->first];
		unsigned long flags, nr;

		spin_lock_irqsave(&area->lock, flags);
		for_each_set_bit(nr, area->used, area->nr_slots) {
			/* What describes it was written before its size. */
			if (!smp_load_acquire(&slots[nr].size) ||
			    slots[nr].owner != oldest->owner)
				continue;
			oldest->age = max_t(unsigned long, oldest->age,
					    (u32)jiffies - slots[nr].since);
		}
		spin_unlock_irqrestore(&area->lock, flags);
	}
}

/* How many seconds the oldest mapping of a device is held */
static unsigned long oldest_of(const struct dev_dma *owner)
{
	struct oldest oldest = { .owner = owner };
	struct swiotlb_set *set;

	lockdep_assert_held(&swiotlb_sets_mutex);

	/* It is in use before it is shown. */
	walk_pools(&swiotlb_default, find_oldest_in, &oldest);
	list_for_each_entry(set, &sets, list)
		if (set != &swiotlb_default)
			walk_pools(set, find_oldest_in, &oldest);
	return oldest.age / HZ;
}

/**
 * swiotlb_driver_gone - a device has lost its driver
 * @dev: the device
 *
 * The next one starts anew; what this one has left behind is told once.
 *
 * Context: process context, may sleep.
 */
void swiotlb_driver_gone(struct device *dev)
{
	struct dev_dma *dma = dma_device_find(dev);
	long nr = dma ? dma_device_unbound(dma) : 0;

	if (!nr)
		return;
	mutex_lock(&swiotlb_sets_mutex);
	dev_warn(dev, "swiotlb: driver %s is gone and has not unmapped %ld KiB of bounce buffers, the oldest for %lu s\n",
		 dma->driver, nr * (long)IO_TLB_SIZE / SZ_1K, oldest_of(dma));
	mutex_unlock(&swiotlb_sets_mutex);
}

struct sums {
	unsigned long nr_used, served;
	unsigned int largest;
};

static void reset_areas(struct io_tlb_pool *pool, void *unused)
{
	for (unsigned int i = 0; i < pool->nr_areas; i++) {
		struct swiotlb_area *area = &pool->areas[i];

		spin_lock_irq(&area->lock);
		area->low = area->nr_free;
		spin_unlock_irq(&area->lock);
	}
}

/**
 * swiotlb_set_reset_peak - start again to look for the peak
 * @set: the set
 *
 * Context: process context.
 */
void swiotlb_set_reset_peak(struct swiotlb_set *set)
{
	spin_lock_irq(&set->lock);
	set->peak = 0;
	spin_unlock_irq(&set->lock);
	walk_pools(set, reset_areas, NULL);
	swiotlb_set_note_peak(set);
}

static void add_figures(struct io_tlb_pool *pool, void *data)
{
	struct sums *sums = data;

	sums->nr_used += swiotlb_pool_nr_used(pool);
	for (unsigned int i = 0; i < pool->nr_areas; i++) {
		sums->served += READ_ONCE(pool->areas[i].served);
		sums->largest = max(sums->largest,
				    swiotlb_area_largest(&pool->areas[i]));
	}
}

/**
 * swiotlb_set_figures - how a set fares
 * @set: the set
 * @figures: filled in
 *
 * What pools have served that are gone is not counted any more.
 *
 * Context: any, irq-safe.
 */
void swiotlb_set_figures(struct swiotlb_set *set,
			 struct dma_pool_figures *figures)
{
	struct sums sums = {};

	walk_pools(set, add_figures, &sums);
	figures->size = READ_ONCE(set->size);
	figures->used = sums.nr_used * IO_TLB_SIZE;
	figures->peak = READ_ONCE(set->peak) * IO_TLB_SIZE;
	figures->largest = (size_t)sums.largest * IO_TLB_SIZE;
	figures->served = sums.served;
	figures->refused = atomic_long_read(&set->nr_refused);
	figures->nr_users = atomic_read(&set->nr_users);
}

/**
 * swiotlb_info_figures - how a set fares
 * @info: of the set
 * @figures: filled in
 *
 * Context: any, irq-safe.
 */
void swiotlb_info_figures(struct dma_pool_info *info,
			  struct dma_pool_figures *figures)
{
	swiotlb_set_figures(container_of(info, struct swiotlb_set, info),
			    figures);
}

/* What does not fit even if nothing is in use? */
static const char *reason(struct swiotlb_set *set, struct device *dev,
			  const struct swiotlb_need *need,
			  const struct dma_pool_figures *figures)
{
	size_t size = (size_t)need->nr * IO_TLB_SIZE;
	bool is_large = true, is_reached = false;
	struct io_tlb_pool *pool;
	dma_addr_t dma_start;

	rcu_read_lock();
	list_for_each_entry_rcu(pool, &set->pools, list) {
		if (!use_dma_iommu(dev) && !set->is_remapped &&
		    !swiotlb_pool_reaches(pool, dev, &dma_start))
			continue;
		is_reached = true;
		if (size <= min_t(size_t, swiotlb_pool_size(pool),
				  IO_TLB_SIZE << pool->area_shift))
			is_large = false;
	}
	rcu_read_unlock();
	if (!is_reached)
		return "no pool in reach";
	if (is_large || need->size > need->boundary)
		return "too large";
	return figures->size - figures->used >= size ? "fragmented" : "full";
}

/**
 * swiotlb_report_refusal - a mapping is refused: count it, and say why
 * @set: the set; NULL: the device has none
 * @dev: the device
 * @need: what there was no room for
 * @attrs: with DMA_ATTR_NO_WARN it is only counted
 *
 * Context: any, irq-safe.
 */
void swiotlb_report_refusal(struct swiotlb_set *set, struct device *dev,
			    const struct swiotlb_need *need,
			    unsigned long attrs)
{
	static DEFINE_RATELIMIT_STATE(limit, DEFAULT_RATELIMIT_INTERVAL,
				      DEFAULT_RATELIMIT_BURST);
	struct dma_pool_figures figures = {};

	if (set)
		atomic_long_inc(&set->nr_refused);
	if ((attrs & DMA_ATTR_NO_WARN) || !__ratelimit(&limit))
		return;
	if (!set || !set->mem.size) {
		dev_warn(dev, "swiotlb: %zu bytes refused: %s\n", need->size,
			 (set ? set->why_denied : NULL) ?: "no bounce buffers");
		return;
	}
	swiotlb_set_note_peak(set);
	swiotlb_set_figures(set, &figures);
	dev_warn(dev, "swiotlb: %zu bytes refused: %s: '%s' has %zu KiB, used %zu KiB, peak %zu KiB, largest free piece %zu KiB\n",
		 need->size, reason(set, dev, need, &figures), set->name,
		 figures.size / SZ_1K, figures.used / SZ_1K,
		 figures.peak / SZ_1K, figures.largest / SZ_1K);
}

static void show_bounced(struct seq_file *seq, struct dev_dma *dma)
{
	struct dma_bounced bounced = dma_device_bounced(dma);

	if (!bounced.mappings && !bounced.nr_held)
		return;
	seq_printf(seq, "%-32s %-16s %15llu %12llu %10ld", dma->name,
		   dma->driver, bounced.bytes, bounced.mappings,
		   bounced.nr_held);
	if (bounced.nr_held)
		seq_printf(seq, " %8lu", oldest_of(dma));
	else
		seq_printf(seq, " %8s", "-");
	seq_printf(seq, "%s\n", dma->has_driver ? "" : " gone");
}

static int bounce_show(struct seq_file *seq, void *unused)
{
	struct dev_dma *dma = NULL;

	seq_printf(seq, "%-32s %-16s %15s %12s %10s %8s\n", "device", "driver",
		   "bytes", "mappings", "slots held", "oldest/s");
	mutex_lock(&swiotlb_sets_mutex);
	while ((dma = dma_device_next(dma)))
		show_bounced(seq, dma);
	mutex_unlock(&swiotlb_sets_mutex);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(bounce);

static int used_get(void *data, u64 *value)
{
	*value = swiotlb_set_nr_used(data);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(used_fops, used_get, NULL, "%llu\n");

static int nslabs_get(void *data, u64 *value)
{
	struct swiotlb_set *set = data;

	*value = READ_ONCE(set->size) >> IO_TLB_SHIFT;
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(nslabs_fops, nslabs_get, NULL, "%llu\n");

static int hiwater_get(void *data, u64 *value)
{
	struct swiotlb_set *set = data;

	swiotlb_set_note_peak(set);
	*value = READ_ONCE(set->peak);
	return 0;
}

static int hiwater_set(void *data, u64 value)
{
	if (value)
		return -EINVAL;
	swiotlb_set_reset_peak(data);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(hiwater_fops, hiwater_get, hiwater_set, "%llu\n");

static int transient_get(void *data, u64 *value)
{
	struct swiotlb_set *set = data;

	*value = atomic_long_read(&set->nr_transient);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(transient_fops, transient_get, NULL, "%llu\n");

static void make_files(struct swiotlb_set *set)
{
	struct dentry *dir = top_dir;

	lockdep_assert_held(&swiotlb_sets_mutex);

	if (!top_dir)
		return;
	if (set != &swiotlb_default) {
		dir = debugfs_create_dir(set->name, top_dir);
		set->dir = dir;
	}
	debugfs_create_file("io_tlb_nslabs", 0400, dir, set, &nslabs_fops);
	debugfs_create_file("io_tlb_used", 0400, dir, set, &used_fops);
	debugfs_create_file("io_tlb_used_hiwater", 0600, dir, set,
			    &hiwater_fops);
	if (IS_ENABLED(CONFIG_SWIOTLB_DYNAMIC))
		debugfs_create_file("io_tlb_transient_nslabs", 0400, dir, set,
				    &transient_fops);
}

/**
 * swiotlb_set_show - make a set known
 * @set: the set, with its first pool
 *
 * Context: process context, may sleep.
 */
void swiotlb_set_show(struct swiotlb_set *set)
{
	mutex_lock(&swiotlb_sets_mutex);
	list_add_tail(&set->list, &sets);
	make_files(set);
	mutex_unlock(&swiotlb_sets_mutex);
	dma_stat_add_pool(&set->info);
}

/**
 * swiotlb_set_hide - forget a set
 * @set: known by swiotlb_set_show()
 *
 * Context: process context, may sleep.
 */
void swiotlb_set_hide(struct swiotlb_set *set)
{
	dma_stat_remove_pool(&set->info);
	mutex_lock(&swiotlb_sets_mutex);
	debugfs_remove_recursive(set->dir);
	set->dir = NULL;
	list_del(&set->list);
	mutex_unlock(&swiotlb_sets_mutex);
}

/* Restricted pools may have come before. */
static int __init swiotlb_make_files(void)
{
	struct swiotlb_set *set;
	struct dentry *dir;

	/* An error pointer without debugfs, which dput() does not take. */
	if (!IS_ENABLED(CONFIG_DEBUG_FS))
		return 0;
	dir = debugfs_lookup("dma", NULL);
	debugfs_create_file("bounce", 0400, dir, NULL, &bounce_fops);
	dput(dir);
	mutex_lock(&swiotlb_sets_mutex);
	top_dir = debugfs_create_dir("swiotlb", NULL);
	list_for_each_entry(set, &sets, list)
		make_files(set);
	mutex_unlock(&swiotlb_sets_mutex);
	return 0;
}
late_initcall_sync(swiotlb_make_files);
