// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the entries of dma-debug come from.
 *
 * Each CPU has a few free entries of its own, and goes to the common list only
 * for a batch: a mapping takes and gives an entry without a shared lock.  Where
 * the common list is empty it grows by a page, without sleeping, up to a limit.
 *
 * Where there is neither an entry nor a page, dma-debug does not give up: it
 * drops to *sampling*.  From then on one of DMA_DEBUG_SAMPLING mappings gets an
 * entry, as long as there are any.  The others are *untracked*: the store only
 * counts them, so that their unmapping is no surprise.  It stays so until a person
 * writes 1 to dma-api/sampling, which makes it try anew.
 *
 * Figures: the entries that CPUs keep count as free; the minimum is taken from
 * the common list alone, when a CPU comes for a batch.
 *
 * Locks: common_lock, alone; interrupts are off while a CPU's own list is used.
 * The lock is raw, since it is taken with interrupts off on PREEMPT_RT, too.
 */
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/spinlock.h>

#include "../debug.h"
#include "store.h"

#define BATCH		32
#define PER_PAGE	(PAGE_SIZE / sizeof(struct dma_debug_entry))

struct own_list {
	struct dma_debug_entry *first;
	unsigned int nr;
	unsigned int nr_asked;
	unsigned long nr_untracked;
};

static DEFINE_PER_CPU(struct own_list, own_lists);

static DEFINE_RAW_SPINLOCK(common_lock);	/* protects what follows */
static struct dma_debug_entry *common;
static unsigned long nr_common;
static unsigned long min_common = ULONG_MAX;
static unsigned long nr_total;
static unsigned long nr_initial;

/* One of so many mappings gets an entry; 1: each of them. */
unsigned int dma_debug_sampling __read_mostly = 1;

/* How far the pool may grow.  Tests change it. */
unsigned long dma_debug_max_entries __read_mostly;

static void add_page(struct dma_debug_entry *entries)
{
	unsigned long flags, total;
	bool has_grown;

	for (unsigned int i = 0; i < PER_PAGE - 1; i++)
		entries[i].next = &entries[i + 1];

	raw_spin_lock_irqsave(&common_lock, flags);
	entries[PER_PAGE - 1].next = common;
	common = entries;
	nr_common += PER_PAGE;
	total = nr_total + PER_PAGE;
	WRITE_ONCE(nr_total, total);
	has_grown = nr_initial && total % nr_initial < PER_PAGE;
	raw_spin_unlock_irqrestore(&common_lock, flags);

	/* It is time for a larger dma_debug_entries=, or a driver leaks. */
	if (has_grown)
		pr_info("DMA-API: dma-debug has grown to %lu entries, %lu were allocated at boot\n",
			total, nr_initial);
}

static bool grow(gfp_t gfp)
{
	void *page;

	if (READ_ONCE(nr_total) + PER_PAGE > dma_debug_max_entries)
		return false;
	page = (void *)__get_free_page(gfp | __GFP_ZERO | __GFP_NOWARN);
	if (!page)
		return false;
	add_page(page);
	return true;
}

/* Move up to @nr entries from @from to @to.  Returns how many there were. */
static unsigned int move_entries(struct dma_debug_entry **to,
				 struct dma_debug_entry **from, unsigned int nr)
{
	unsigned int moved = 0;

	while (moved < nr && *from) {
		struct dma_debug_entry *entry = *from;

		*from = entry->next;
		entry->next = *to;
		*to = entry;
		moved++;
	}
	return moved;
}

static void fetch_batch(struct own_list *own)
{
	unsigned int moved;

	lockdep_assert_irqs_disabled();
	raw_spin_lock(&common_lock);
	moved = move_entries(&own->first, &common, BATCH);
	nr_common -= moved;
	min_common = min(min_common, nr_common);
	raw_spin_unlock(&common_lock);
	own->nr += moved;
}

static void return_batch(struct own_list *own)
{
	unsigned int moved;

	lockdep_assert_irqs_disabled();
	raw_spin_lock(&common_lock);
	moved = move_entries(&common, &own->first, BATCH);
	nr_common += moved;
	raw_spin_unlock(&common_lock);
	own->nr -= moved;
}

static __always_inline struct dma_debug_entry *pop(void)
{
	struct dma_debug_entry *entry = NULL;
	struct own_list *own;
	unsigned long flags;

	local_irq_save(flags);
	own = this_cpu_ptr(&own_lists);
	if (!own->first)
		fetch_batch(own);
	if (own->first) {
		entry = own->first;
		own->first = entry->next;
		own->nr--;
	}
	local_irq_restore(flags);
	return entry;
}

/* Is it this mapping's turn? */
static bool is_sampled(unsigned int one_of)
{
	return this_cpu_inc_return(own_lists.nr_asked) % one_of == 0;
}

static void start_sampling(void)
{
	if (cmpxchg(&dma_debug_sampling, 1, DMA_DEBUG_SAMPLING) != 1)
		return;
	pr_warn("DMA-API: no more entries for dma-debug after %lu: from now on one of %d mappings is checked; write 1 to dma-api/sampling to check all again\n",
		READ_ONCE(nr_total), DMA_DEBUG_SAMPLING);
}

/**
 * dma_debug_entry_get - take a free entry
 *
 * Context: any.
 * Return: the entry, with stale contents; NULL if this mapping goes untracked.
 */
struct dma_debug_entry *dma_debug_entry_get(void)
{
	unsigned int one_of = READ_ONCE(dma_debug_sampling);
	struct dma_debug_entry *entry;

	if (unlikely(one_of > 1)) {
		entry = is_sampled(one_of) ? pop() : NULL;
	} else {
		do {
			entry = pop();
		} while (!entry && grow(GFP_NOWAIT));
		if (unlikely(!entry))
			start_sampling();
	}
	if (unlikely(!entry))
		this_cpu_inc(own_lists.nr_untracked);
	return entry;
}

/**
 * dma_debug_entry_put - give an entry back
 * @entry: in no list
 *
 * Context: any.
 */
void dma_debug_entry_put(struct dma_debug_entry *entry)
{
	struct own_list *own;
	unsigned long flags;

	local_irq_save(flags);
	own = this_cpu_ptr(&own_lists);
	entry->next = own->first;
	own->first = entry;
	if (++own->nr >= 2 * BATCH)
		return_batch(own);
	local_irq_restore(flags);
}

/**
 * dma_debug_nr_free - how many entries are free
 *
 * Context: any.
 * Return: their number; about, while mappings are made.
 */
unsigned long dma_debug_nr_free(void)
{
	unsigned long nr = READ_ONCE(nr_common);
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		nr += READ_ONCE(per_cpu(own_lists.nr, cpu));
	return nr;
}

/**
 * dma_debug_nr_untracked - how many mappings got no entry, since boot
 *
 * Context: any.
 * Return: their number.
 */
unsigned long dma_debug_nr_untracked(void)
{
	unsigned long nr = 0;
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		nr += READ_ONCE(per_cpu(own_lists.nr_untracked, cpu));
	return nr;
}

/**
 * dma_debug_min_free - how many entries were free at least
 *
 * Context: any.
 * Return: the smallest number of entries that the common list ever had.
 */
unsigned long dma_debug_min_free(void)
{
	return min(READ_ONCE(min_common), READ_ONCE(nr_total));
}

/**
 * dma_debug_nr_total - how many entries there are, free and used
 *
 * Context: any.
 * Return: their number.
 */
unsigned long dma_debug_nr_total(void)
{
	return READ_ONCE(nr_total);
}

/**
 * dma_debug_pool_init - allocate the first entries
 * @nr_wanted: how many there are to be, at least
 *
 * Context: process context, at boot.
 * Return: 0; -ENOMEM if there is not a single one.
 */
int __init dma_debug_pool_init(unsigned long nr_wanted)
{
	/* A leak may cost up to a sixteenth of all memory. */
	dma_debug_max_entries = totalram_pages() / 16 * PER_PAGE;
	while (nr_total < nr_wanted && grow(GFP_KERNEL))
		;
	if (!nr_total)
		return -ENOMEM;
	if (nr_total < nr_wanted)
		pr_warn("DMA-API: dma-debug has %lu entries, %lu were wanted\n",
			nr_total, nr_wanted);
	nr_initial = nr_total;
	return 0;
}
