// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit test of the region allocator with many users at a time: threads, and a
 * timer in hard-irq context.
 *
 * Each owner of a piece sets a bit for each of its pages, and clears it before
 * it gives the piece back: a bit that is set already, or cleared already, is a
 * page with two owners.
 */

#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/log2.h>
#include <linux/prandom.h>

#include "../../kernel/dma/region.h"

#define NR_STORM_THREADS	4
#define NR_STORM_SLOTS		24
#define NR_WANTED		20000
#define NR_WANTED_IN_IRQ	200
#define STORM_PAGES		512
#define STORM_BASE		0x80005UL
#define STORM_TICK_NS		(300 * NSEC_PER_USEC)

struct storm_owner;

struct piece {
	unsigned long index;
	unsigned long nr_pages;
};

struct storm {
	struct dma_region *region;
	/* A bit per page, set and cleared by the page's owner */
	DECLARE_BITMAP(owned, STORM_PAGES);
	struct hrtimer timer;
	struct storm_owner *timer_owner;
	atomic_long_t nr_served;
	atomic_long_t nr_served_in_irq;
	atomic_long_t nr_errors;
	bool is_over;
};

struct storm_owner {
	struct storm *storm;
	struct rnd_state rnd;
	struct completion is_done;
	struct piece slots[NR_STORM_SLOTS];
};

static void storm_take(struct storm_owner *owner, struct piece *slot)
{
	struct storm *storm = owner->storm;
	unsigned long nr_pages = 1 + prandom_u32_state(&owner->rnd) % 33;
	unsigned long i;
	long index;

	index = dma_region_take(storm->region, nr_pages,
				roundup_pow_of_two(nr_pages), ULONG_MAX);
	if (index < 0)
		return;
	*slot = (struct piece){ index, nr_pages };
	for (i = 0; i < nr_pages; i++) {
		if (test_and_set_bit(index + i, storm->owned))
			atomic_long_inc(&storm->nr_errors);
	}
	atomic_long_inc(in_hardirq() ? &storm->nr_served_in_irq :
				       &storm->nr_served);
}

static void storm_give(struct storm_owner *owner, struct piece *slot)
{
	struct storm *storm = owner->storm;
	unsigned long i;

	for (i = 0; i < slot->nr_pages; i++) {
		if (!test_and_clear_bit(slot->index + i, storm->owned))
			atomic_long_inc(&storm->nr_errors);
	}
	dma_region_give(storm->region, slot->index, slot->nr_pages);
	slot->nr_pages = 0;
}

static void storm_step(struct storm_owner *owner)
{
	struct piece *slot = &owner->slots[prandom_u32_state(&owner->rnd) %
					   NR_STORM_SLOTS];

	if (slot->nr_pages)
		storm_give(owner, slot);
	else
		storm_take(owner, slot);
}

static void storm_give_all(struct storm_owner *owner)
{
	unsigned int i;

	for (i = 0; i < NR_STORM_SLOTS; i++) {
		if (owner->slots[i].nr_pages)
			storm_give(owner, &owner->slots[i]);
	}
}

static int storm_thread(void *data)
{
	struct storm_owner *owner = data;

	while (!READ_ONCE(owner->storm->is_over)) {
		storm_step(owner);
		cond_resched();
	}
	storm_give_all(owner);
	complete(&owner->is_done);
	return 0;
}

static enum hrtimer_restart storm_tick(struct hrtimer *timer)
{
	struct storm *storm = container_of(timer, struct storm, timer);
	unsigned int i;

	for (i = 0; i < 4; i++)
		storm_step(storm->timer_owner);
	hrtimer_forward_now(timer, ns_to_ktime(STORM_TICK_NS));
	return HRTIMER_RESTART;
}

/* Until there has been enough of it, or a minute has passed */
static void storm_run(struct kunit *test, struct storm *storm,
		      struct storm_owner *owners)
{
	unsigned long deadline = jiffies + 60 * HZ;
	unsigned int i, nr_threads = 0;

	for (i = 0; i < NR_STORM_THREADS; i++) {
		struct task_struct *task = kthread_run(storm_thread, &owners[i],
						       "dma-storm/%u", i);

		if (IS_ERR(task))
			break;
		nr_threads++;
	}
	hrtimer_start(&storm->timer, ns_to_ktime(STORM_TICK_NS), HRTIMER_MODE_REL);

	while (time_before(jiffies, deadline) &&
	       (atomic_long_read(&storm->nr_served) < NR_WANTED ||
		atomic_long_read(&storm->nr_served_in_irq) < NR_WANTED_IN_IRQ))
		msleep(20);

	WRITE_ONCE(storm->is_over, true);
	for (i = 0; i < nr_threads; i++)
		wait_for_completion(&owners[i].is_done);
	hrtimer_cancel(&storm->timer);
	storm_give_all(storm->timer_owner);
	KUNIT_EXPECT_EQ(test, nr_threads, NR_STORM_THREADS);
}

static void check_storm(struct kunit *test, struct storm *storm)
{
	struct dma_region_figures figures;

	dma_region_get_figures(storm->region, &figures);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&storm->nr_errors), 0);
	KUNIT_EXPECT_GE(test, atomic_long_read(&storm->nr_served), NR_WANTED);
	KUNIT_EXPECT_GE(test, atomic_long_read(&storm->nr_served_in_irq),
			NR_WANTED_IN_IRQ);
	KUNIT_EXPECT_EQ(test, figures.nr_served,
			atomic_long_read(&storm->nr_served) +
			atomic_long_read(&storm->nr_served_in_irq));
	KUNIT_EXPECT_GT(test, figures.nr_refused, 0);
	KUNIT_EXPECT_EQ(test, figures.nr_used, 0);
	KUNIT_EXPECT_EQ(test, figures.nr_largest, STORM_PAGES);
	KUNIT_EXPECT_TRUE(test, bitmap_empty(storm->owned, STORM_PAGES));
}

static void region_storm_test(struct kunit *test)
{
	struct storm *storm = kunit_kzalloc(test, sizeof(*storm), GFP_KERNEL);
	struct storm_owner *owners;
	unsigned int i;

	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		kunit_skip(test, "no hard-irq users on PREEMPT_RT");

	KUNIT_ASSERT_NOT_NULL(test, storm);
	owners = kunit_kcalloc(test, NR_STORM_THREADS + 1, sizeof(*owners),
			       GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, owners);
	for (i = 0; i <= NR_STORM_THREADS; i++) {
		owners[i].storm = storm;
		prandom_seed_state(&owners[i].rnd, i);
		init_completion(&owners[i].is_done);
	}
	storm->timer_owner = &owners[NR_STORM_THREADS];
	hrtimer_init(&storm->timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	storm->timer.function = storm_tick;
	storm->region = dma_region_create(STORM_PAGES, STORM_BASE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, storm->region);

	storm_run(test, storm, owners);

	check_storm(test, storm);
	dma_region_destroy(storm->region);
}

static struct kunit_case dma_region_storm_cases[] = {
	KUNIT_CASE_SLOW(region_storm_test),
	{}
};

static struct kunit_suite dma_region_storm_suite = {
	.name = "dma_region_storm",
	.test_cases = dma_region_storm_cases,
};

kunit_test_suite(dma_region_storm_suite);

MODULE_DESCRIPTION("KUnit test of the DMA region allocator with many users");
MODULE_LICENSE("GPL");
