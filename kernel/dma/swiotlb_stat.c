// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who holds which slots, figures, refusals, debugfs.
 *
 * A device that bounces gets an account when it does so first.  Each mapping
 * names its account in its slots, so what a device holds is not counted as it
 * maps and unmaps, but when somebody asks, by a walk over all slots.  Bytes and
 * mappings are counted for each CPU.
 *
 * An account ends with its device's driver, if that holds nothing; if it does,
 * it leaks: one line in the log says so, and the account stays to tell who it
 * was.  Devices have no hook for their own end, but one for the beginning of
 * the next one at the same address.
 *
 * /sys/kernel/debug/dma/bounce	the accounts
 * /sys/kernel/debug/swiotlb/	how full the default set is, or was; with a
 *				directory for each restricted pool
 *
 * Locks: swiotlb_sets_mutex: the list of sets, and walking their slots;
 * swiotlb_accounts_lock, irq-safe: the accounts.  Both are independent of those
 * of swiotlb.h, but for the mutex, which is taken before them.
 */
#include <linux/debugfs.h>
#include <linux/hash.h>
#include <linux/hashtable.h>
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

static DEFINE_SPINLOCK(swiotlb_accounts_lock);	/* protects the next two */
static DEFINE_HASHTABLE(by_device, 6);
static LIST_HEAD(accounts);

/* Of devices that there was no memory to make an account for */
static DEFINE_PER_CPU(struct swiotlb_counts, nobodys_counts);
static struct swiotlb_account nobody = {
	.list	= LIST_HEAD_INIT(nobody.list),
	.counts	= &nobodys_counts,
	.holder	= "(no account)",
	.driver	= "-",
};

/**
 * swiotlb_account_find - the account of a device
 * @dev: the device
 *
 * Context: any, under RCU.
 * Return: the account; NULL if it has none.
 */
struct swiotlb_account *swiotlb_account_find(struct device *dev)
{
	struct swiotlb_account *account;

	hash_for_each_possible_rcu(by_device, account, node, (unsigned long)dev)
		if (account->dev == dev)
			return account;
	return NULL;
}

static void free_account(struct swiotlb_account *account)
{
	if (account)
		free_percpu(account->counts);
	kfree(account);
}

static struct swiotlb_account *make_account(struct device *dev)
{
	gfp_t gfp = GFP_NOWAIT | __GFP_NOWARN;
	const struct device_driver *driver;
	struct swiotlb_account *account;

	account = kzalloc(sizeof(*account), gfp);
	if (!account)
		return NULL;
	account->counts = alloc_percpu_gfp(struct swiotlb_counts, gfp);
	if (!account->counts) {
		kfree(account);
		return NULL;
	}
	account->dev = dev;
	strscpy(account->holder, dev_name(dev));
	driver = READ_ONCE(dev->driver);
	strscpy(account->driver, driver ? driver->name : "-");
	return account;
}

/**
 * swiotlb_account_open - the account of a device, made if it has none
 * @dev: the device
 *
 * Context: any, under RCU.
 * Return: the account; one for all who have none, if there is no memory.
 */
struct swiotlb_account *swiotlb_account_open(struct device *dev)
{
	struct swiotlb_account *made = make_account(dev), *account;
	unsigned long flags;

	spin_lock_irqsave(&swiotlb_accounts_lock, flags);
	account = swiotlb_account_find(dev);
	if (!account && made) {
		hash_add_rcu(by_device, &made->node, (unsigned long)dev);
		list_add_tail(&made->list, &accounts);
		account = made;
		made = NULL;
	}
	spin_unlock_irqrestore(&swiotlb_accounts_lock, flags);
	free_account(made);
	return account ?: &nobody;
}

/* Whoever maps for this device from now on gets a new account. */
static struct swiotlb_account *close_account(struct device *dev)
{
	struct swiotlb_account *account;
	unsigned long flags;

	spin_lock_irqsave(&swiotlb_accounts_lock, flags);
	rcu_read_lock();
	account = swiotlb_account_find(dev);
	rcu_read_unlock();
	if (account) {
		hash_del_rcu(&account->node);
		account->is_gone = true;
	}
	spin_unlock_irqrestore(&swiotlb_accounts_lock, flags);
	return account;
}

static bool has_account(struct device *dev)
{
	bool is_known;

	rcu_read_lock();
	is_known = swiotlb_account_find(dev);
	rcu_read_unlock();
	return is_known;
}

/**
 * swiotlb_account_reuse - a device begins its life
 * @dev: the device; an earlier one at this address has ended, if there was one
 *
 * Context: any.
 */
void swiotlb_account_reuse(struct device *dev)
{
	if (unlikely(has_account(dev)))
		close_account(dev);
}

/* Call a function with each mapping's slot of a pool, under its area's lock. */
static void walk_mappings(struct io_tlb_pool *pool,
			  void (*call)(struct swiotlb_slot *slot))
{
	for (unsigned int i = 0; i < pool->nr_areas; i++) {
		struct swiotlb_area *area = &pool->areas[i];
		struct swiotlb_slot *slots = &pool->slots[area->first];
		unsigned long flags, nr;

		spin_lock_irqsave(&area->lock, flags);
		for_each_set_bit(nr, area->used, area->nr_slots)
			/* What describes it was written before its size. */
			if (smp_load_acquire(&slots[nr].size))
				call(&slots[nr]);
		spin_unlock_irqrestore(&area->lock, flags);
	}
}

static void count_mapping(struct swiotlb_slot *slot)
{
	unsigned long age = (u32)jiffies - slot->since;

	slot->account->nr_held += slot->nr;
	slot->account->oldest = max(slot->account->oldest, age);
}

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

static void count_pool(struct io_tlb_pool *pool, void *unused)
{
	walk_mappings(pool, count_mapping);
}

static void reset_held(struct swiotlb_account *account)
{
	account->nr_held = 0;
	account->oldest = 0;
}

/* Count what everybody holds. */
static void count_all(void)
{
	struct swiotlb_account *account;
	struct swiotlb_set *set;

	lockdep_assert_held(&swiotlb_sets_mutex);

	spin_lock_irq(&swiotlb_accounts_lock);
	list_for_each_entry(account, &accounts, list)
		reset_held(account);
	spin_unlock_irq(&swiotlb_accounts_lock);
	reset_held(&nobody);
	/* It is in use before it is shown. */
	walk_pools(&swiotlb_default, count_pool, NULL);
	list_for_each_entry(set, &sets, list)
		if (set != &swiotlb_default)
			walk_pools(set, count_pool, NULL);
}

/*
 * Who has found an account that is gone by now has noted his mapping, and left the
 * hash, when this returns.  Of those that go meanwhile this does not hold.
 */
static void settle_accounts(void)
{
	struct swiotlb_account *account;

	lockdep_assert_held(&swiotlb_sets_mutex);

	spin_lock_irq(&swiotlb_accounts_lock);
	list_for_each_entry(account, &accounts, list)
		account->is_settled = account->is_gone;
	spin_unlock_irq(&swiotlb_accounts_lock);
	synchronize_rcu();
}

/* Accounts of devices that are gone and hold nothing can go as well. */
static void drop_idle_accounts(void)
{
	struct swiotlb_account *account, *next;
	LIST_HEAD(dropped);

	lockdep_assert_held(&swiotlb_sets_mutex);

	spin_lock_irq(&swiotlb_accounts_lock);
	list_for_each_entry_safe(account, next, &accounts, list)
		if (account->is_settled && !account->nr_held)
			list_move(&account->list, &dropped);
	spin_unlock_irq(&swiotlb_accounts_lock);
	list_for_each_entry_safe(account, next, &dropped, list)
		free_account(account);
}

/**
 * swiotlb_accounts_collect - count what each device holds
 *
 * Accounts that nobody needs any more are dropped.
 *
 * Context: process context, may sleep; swiotlb_sets_mutex is held, and the
 * figures are good as long as it is.
 */
void swiotlb_accounts_collect(void)
{
	lockdep_assert_held(&swiotlb_sets_mutex);

	settle_accounts();
	count_all();
	drop_idle_accounts();
}

/**
 * swiotlb_driver_gone - a device has lost its driver
 * @dev: the device
 *
 * Context: process context, may sleep.
 */
void swiotlb_driver_gone(struct device *dev)
{
	struct swiotlb_account *account;

	if (!has_account(dev))
		return;
	mutex_lock(&swiotlb_sets_mutex);
	account = close_account(dev);
	settle_accounts();
	count_all();
	if (account && account->nr_held)
		dev_warn(dev, "swiotlb: driver %s is gone and has not unmapped %lu KiB of bounce buffers, the oldest for %lu s\n",
			 account->driver,
			 account->nr_held * IO_TLB_SIZE / SZ_1K,
			 account->oldest / HZ);
	drop_idle_accounts();
	mutex_unlock(&swiotlb_sets_mutex);
}

struct sums {
	unsigned long nr_used, served;
	unsigned int largest;
};

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

static struct swiotlb_counts counts_of(const struct swiotlb_account *account)
{
	struct swiotlb_counts sum = {};
	int cpu;

	for_each_possible_cpu(cpu) {
		struct swiotlb_counts *counts;

		counts = per_cpu_ptr(account->counts, cpu);
		sum.bytes += READ_ONCE(counts->bytes);
		sum.mappings += READ_ONCE(counts->mappings);
	}
	return sum;
}

static void show_account(struct seq_file *seq,
			 const struct swiotlb_account *account)
{
	struct swiotlb_counts counts = counts_of(account);

	seq_printf(seq, "%-32s %-16s %15llu %12llu %10lu", account->holder,
		   account->driver, counts.bytes, counts.mappings,
		   account->nr_held);
	if (account->nr_held)
		seq_printf(seq, " %8lu", account->oldest / HZ);
	else
		seq_printf(seq, " %8s", "-");
	seq_printf(seq, "%s\n", account->is_gone ? " gone" : "");
}

static int bounce_show(struct seq_file *seq, void *unused)
{
	struct swiotlb_account *account;

	seq_printf(seq, "%-32s %-16s %15s %12s %10s %8s\n", "device", "driver",
		   "bytes", "mappings", "slots held", "oldest/s");
	mutex_lock(&swiotlb_sets_mutex);
	swiotlb_accounts_collect();
	spin_lock_irq(&swiotlb_accounts_lock);
	list_for_each_entry(account, &accounts, list)
		show_account(seq, account);
	spin_unlock_irq(&swiotlb_accounts_lock);
	if (counts_of(&nobody).mappings)
		show_account(seq, &nobody);
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
