// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of drivers/iommu/dma/space.c: which I/O addresses are taken.
 *
 * Random use and many users at a time are in iommu_space_random_kunit.c.
 */

#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/prandom.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include "iommu_space.h"
#include "log.h"
#include "mock.h"

static const unsigned long sizes[] = {
	1, 2, 3, 4, 5, 7, 8, 15, 31, 33, 64, 100, 128, 200, 256, 257, 511, 512,
	513, 700, 1023, 1024, 1025, 2047, 2048,
};

/* Alignment, and the bounds */

static void space_align_test(struct kunit *test)
{
	struct dma_space *space = new_space(test, 5);
	unsigned long starts[ARRAY_SIZE(sizes)];

	for (unsigned int round = 0; round < 3; round++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
			starts[i] = get_hard(space, sizes[i],
					     4 * NR_GRANULES - 2);
			KUNIT_ASSERT_NE(test, starts[i], 0);
			KUNIT_EXPECT_TRUE_MSG(test,
					      IS_ALIGNED(starts[i],
							 roundup_pow_of_two(sizes[i])),
					      "%lu granules at %#lx", sizes[i],
					      starts[i]);
			KUNIT_EXPECT_LE(test, starts[i] + sizes[i] - 1,
					4 * NR_GRANULES - 2);
		}
		for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++)
			for (unsigned int j = 0; j < i; j++)
				KUNIT_EXPECT_TRUE(test,
						  starts[i] + taken_by(sizes[i]) <= starts[j] ||
						  starts[j] + taken_by(sizes[j]) <= starts[i]);
		for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++)
			dma_space_put(space, starts[i], sizes[i]);
	}
	check_all_free(test, space, 5, ULONG_MAX - 1);
}

/* From the top down, whatever the reach */
static void space_top_test(struct kunit *test)
{
	struct dma_space *space = new_space(test, 1);
	unsigned long last = ULONG_MAX - 1;

	for (; last; last >>= 3) {
		unsigned long start = dma_space_get(space, 1, last);

		KUNIT_EXPECT_EQ(test, start, last);
	}
	KUNIT_EXPECT_EQ(test, dma_space_get(space, 1, 0), 0);
	KUNIT_EXPECT_EQ(test, dma_space_first(space), 1);
}

/* The lowest @last that does, and the one below it: fresh, and from a cache */
static void check_last(struct kunit *test, struct dma_space *space,
		       unsigned long nr)
{
	unsigned long align = roundup_pow_of_two(nr);
	unsigned long enough = align + taken_by(nr) - 1, low, high;

	KUNIT_EXPECT_EQ(test, dma_space_get(space, nr, enough - 1), 0);
	low = dma_space_get(space, nr, enough);
	KUNIT_EXPECT_EQ(test, low, align);
	high = dma_space_get(space, nr, NR_GRANULES);
	KUNIT_EXPECT_GT(test, high, enough);

	/* The one on top is kept, but out of reach. */
	dma_space_put(space, high, nr);
	KUNIT_EXPECT_EQ(test, dma_space_get(space, nr, enough), 0);
	dma_space_put(space, low, nr);
	high = dma_space_get(space, nr, NR_GRANULES);
	KUNIT_EXPECT_NE(test, high, 0);
	dma_space_put(space, high, nr);
	KUNIT_EXPECT_EQ(test, dma_space_get(space, nr, enough - 1), 0);
	KUNIT_EXPECT_EQ(test, dma_space_get(space, nr, enough), align);
	dma_space_put(space, align, nr);
}

static void space_last_test(struct kunit *test)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct dma_space *space = new_space(test, 1);

		migrate_disable();
		check_last(test, space, sizes[i]);
		migrate_enable();
		check_all_free(test, space, 1, NR_GRANULES);
	}
}

/* Of many that are kept, just one is in reach: it is found. */
static void space_last_in_cache_test(struct kunit *test)
{
	struct dma_space *space = new_space(test, 1);
	unsigned long starts[40], start;

	migrate_disable();
	for (unsigned int i = 0; i < ARRAY_SIZE(starts); i++)
		starts[i] = dma_space_get(space, 1, i + 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(starts); i++)
		dma_space_put(space, starts[i], 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(starts); i++) {
		start = dma_space_get(space, 1, i + 1);
		KUNIT_EXPECT_EQ(test, start, i + 1);
	}
	KUNIT_EXPECT_EQ(test, dma_space_get(space, 1, ARRAY_SIZE(starts)), 0);
	migrate_enable();
	for (unsigned int i = 0; i < ARRAY_SIZE(starts); i++)
		dma_space_put(space, starts[i], 1);
	check_all_free(test, space, 1, NR_GRANULES);
}

/* Reserving */

/* Take granules one by one until there is none; returns how many. */
static unsigned long take_all(struct kunit *test, struct dma_space *space,
			      unsigned long last, unsigned long *taken)
{
	unsigned long start, nr = 0;

	while ((start = get_hard(space, 1, last))) {
		KUNIT_ASSERT_LE(test, start, last);
		KUNIT_ASSERT_FALSE_MSG(test, test_bit(start, taken),
				       "%#lx is handed out twice", start);
		__set_bit(start, taken);
		nr++;
	}
	return nr;
}

static void give_all(struct dma_space *space, unsigned long last,
		     unsigned long *taken)
{
	unsigned long start;

	for_each_set_bit(start, taken, last + 1)
		dma_space_put(space, start, 1);
	bitmap_zero(taken, last + 1);
}

static void space_reserve_test(struct kunit *test)
{
	struct dma_space *space = new_space(test, 10);
	unsigned long *taken = new_bitmap(test);

	KUNIT_EXPECT_EQ(test, 0, dma_space_reserve(space, 100, 199));
	/* Again, beside, across, within, around; single ones; below the first */
	KUNIT_EXPECT_EQ(test, 0, dma_space_reserve(space, 100, 199));
	KUNIT_EXPECT_EQ(test, 0, dma_space_reserve(space, 200, 200));
	KUNIT_EXPECT_EQ(test, 0, dma_space_reserve(space, 150, 249));
	KUNIT_EXPECT_EQ(test, 0, dma_space_reserve(space, 120, 130));
	KUNIT_EXPECT_EQ(test, 0, dma_space_reserve(space, 300, 309));
	KUNIT_EXPECT_EQ(test, 0, dma_space_reserve(space, 320, 320));
	KUNIT_EXPECT_EQ(test, 0, dma_space_reserve(space, 290, 329));
	KUNIT_EXPECT_EQ(test, 0, dma_space_reserve(space, 0, 19));
	KUNIT_EXPECT_EQ(test, 0, dma_space_reserve(space, 500, ULONG_MAX));
	KUNIT_EXPECT_EQ(test, 0, dma_space_reserve(space, 600, ULONG_MAX));
	KUNIT_EXPECT_EQ(test, dma_space_first(space), 10);

	for (unsigned int round = 0; round < 2; round++) {
		KUNIT_EXPECT_EQ(test, take_all(test, space, NR_GRANULES - 1,
					       taken),
				80 + 40 + 170);
		KUNIT_EXPECT_EQ(test, find_first_bit(taken, NR_GRANULES), 20);
		KUNIT_EXPECT_EQ(test, find_next_bit(taken, NR_GRANULES, 100),
				250);
		KUNIT_EXPECT_EQ(test, find_next_bit(taken, NR_GRANULES, 290),
				330);
		KUNIT_EXPECT_EQ(test, find_last_bit(taken, NR_GRANULES), 499);
		give_all(space, NR_GRANULES - 1, taken);
	}
}

/* What is in use stays so; what is around it is reserved. */
static void space_reserve_busy_test(struct kunit *test)
{
	struct dma_space *space = new_space(test, 1);
	unsigned long *taken = new_bitmap(test);

	KUNIT_ASSERT_EQ(test, 0, dma_space_claim(space, 50, 59));
	KUNIT_EXPECT_EQ(test, -EBUSY, dma_space_reserve(space, 55, 56));
	KUNIT_EXPECT_EQ(test, -EBUSY, dma_space_reserve(space, 40, 50));
	KUNIT_EXPECT_EQ(test, -EBUSY, dma_space_reserve(space, 59, 69));
	KUNIT_EXPECT_EQ(test, -EBUSY, dma_space_reserve(space, 30, 79));
	KUNIT_EXPECT_EQ(test, take_all(test, space, 99, taken), 29 + 20);
	give_all(space, 99, taken);
	dma_space_unclaim(space, 50);
	KUNIT_EXPECT_EQ(test, take_all(test, space, 99, taken), 29 + 20 + 10);
	KUNIT_EXPECT_TRUE(test, test_bit(50, taken));
	KUNIT_EXPECT_FALSE(test, test_bit(49, taken));
	KUNIT_EXPECT_FALSE(test, test_bit(60, taken));
	give_all(space, 99, taken);
}

/* What is only kept is in use until it is drained. */
static void space_reserve_cached_test(struct kunit *test)
{
	struct dma_space *space = new_space(test, 1);
	unsigned long start = dma_space_get(space, 4, 100);

	dma_space_put(space, start, 4);
	KUNIT_EXPECT_EQ(test, -EBUSY, dma_space_reserve(space, start, start));
	dma_space_drain(space);
	KUNIT_EXPECT_EQ(test, 0, dma_space_reserve(space, start, start));
	KUNIT_EXPECT_EQ(test, dma_space_get(space, 4, start + 3), start - 4);
	dma_space_put(space, start - 4, 4);
}

/* Claiming */

static void space_claim_test(struct kunit *test)
{
	struct dma_space *space = new_space(test, 8);
	unsigned long start;

	KUNIT_EXPECT_EQ(test, 0, dma_space_claim(space, 100, 199));
	KUNIT_EXPECT_EQ(test, -EBUSY, dma_space_claim(space, 100, 199));
	KUNIT_EXPECT_EQ(test, -EBUSY, dma_space_claim(space, 199, 199));
	KUNIT_EXPECT_EQ(test, -EBUSY, dma_space_claim(space, 90, 100));
	KUNIT_EXPECT_EQ(test, -EBUSY, dma_space_claim(space, 50, 250));
	KUNIT_EXPECT_EQ(test, 0, dma_space_claim(space, 200, 200));
	KUNIT_EXPECT_EQ(test, 0, dma_space_claim(space, 99, 99));
	KUNIT_EXPECT_EQ(test, -EBUSY, dma_space_claim(space, 7, 8));
	KUNIT_EXPECT_EQ(test, -EBUSY, dma_space_claim(space, 0, 0));
	KUNIT_EXPECT_EQ(test, -EBUSY, dma_space_claim(space, ULONG_MAX,
						      ULONG_MAX));
	KUNIT_EXPECT_EQ(test, 0, dma_space_claim(space, ULONG_MAX - 1,
						 ULONG_MAX - 1));
	KUNIT_EXPECT_EQ(test, 0, dma_space_reserve(space, 300, 310));
	KUNIT_EXPECT_EQ(test, -EBUSY, dma_space_claim(space, 310, 320));

	/* Handed out around it, not into it */
	start = dma_space_get(space, 64, 255);
	KUNIT_EXPECT_EQ(test, start, 0);
	start = dma_space_get(space, 32, 231);
	KUNIT_EXPECT_EQ(test, start, 64);
	dma_space_put(space, start, 32);

	dma_space_unclaim(space, 100);
	dma_space_unclaim(space, 200);
	dma_space_unclaim(space, 99);
	dma_space_unclaim(space, ULONG_MAX - 1);
	check_all_free(test, space, 8, 299);
}

/* What CPUs only keep is free, however much of it there is. */
static void space_claim_cached_test(struct kunit *test)
{
	struct dma_space *space = new_space(test, 1);
	unsigned long *taken = new_bitmap(test);

	KUNIT_EXPECT_EQ(test, 1000, take_all(test, space, 1000, taken));
	give_all(space, 1000, taken);
	check_all_free(test, space, 1, 1000);
	check_all_free(test, space, 17, 17);
	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		unsigned long start = dma_space_get(space, sizes[i], 5000);

		KUNIT_ASSERT_NE(test, start, 0);
		KUNIT_EXPECT_EQ(test, -EBUSY,
				dma_space_claim(space, start, start));
		dma_space_put(space, start, sizes[i]);
		check_all_free(test, space, start, start + sizes[i] - 1);
	}
}

/* Exhaustion and recovery */

static void space_exhaust_test(struct kunit *test)
{
	struct dma_space *space = new_space(test, 512);
	unsigned long *taken = new_bitmap(test);
	unsigned long last = NR_GRANULES - 1, start;

	for (unsigned int round = 0; round < 3; round++) {
		KUNIT_EXPECT_EQ(test, take_all(test, space, last, taken),
				NR_GRANULES - 512);
		KUNIT_EXPECT_EQ(test, get_hard(space, 2, last), 0);
		KUNIT_EXPECT_EQ(test, get_hard(space, LARGEST + 1, last), 0);
		/* One out, one in */
		dma_space_put(space, 4711, 1);
		KUNIT_EXPECT_EQ(test, get_hard(space, 1, last), 4711);
		give_all(space, last, taken);

		/* And in one piece: a half is all that is aligned. */
		start = get_hard(space, NR_GRANULES / 2, last);
		KUNIT_EXPECT_EQ(test, start, NR_GRANULES / 2);
		dma_space_put(space, start, NR_GRANULES / 2);
		check_all_free(test, space, 512, last);
	}
}

/* Take @nr at a time until there is none, and give it all back. */
static void take_and_give(struct kunit *test, struct dma_space *space,
			  unsigned long nr, unsigned long last,
			  unsigned long *taken)
{
	unsigned long start;

	while ((start = get_hard(space, nr, last)))
		__set_bit(start, taken);
	KUNIT_EXPECT_EQ(test, bitmap_weight(taken, last + 1),
			(last + 1) / nr - 1);
	for_each_set_bit(start, taken, last + 1)
		dma_space_put(space, start, nr);
	bitmap_zero(taken, last + 1);
}

/* Kept ranges lie in the way of larger ones, until they are drained. */
static void space_drain_test(struct kunit *test)
{
	struct dma_space *space = new_space(test, 1);
	unsigned long *taken = new_bitmap(test), last = 2 * LARGEST - 1;

	for (unsigned long nr = 1; nr < LARGEST; nr *= 2) {
		take_and_give(test, space, nr, last, taken);
		KUNIT_EXPECT_EQ(test, dma_space_get(space, LARGEST, last), 0);
		dma_space_drain(space);
		dma_space_drain(space);
		KUNIT_EXPECT_EQ(test, dma_space_get(space, LARGEST, last),
				LARGEST);
		dma_space_put(space, LARGEST, LARGEST);
		dma_space_drain(space);
	}
	KUNIT_EXPECT_PTR_EQ(test, space->depots[0].stacks, NULL);
	KUNIT_EXPECT_EQ(test, space->depots[0].nr, 0);
}

/* Magazines */

/* All from a CPU's stack, the depot and the tree, without draining anything */
static void take_undrained(struct kunit *test, struct dma_space *space,
			   unsigned long last, unsigned long *taken)
{
	unsigned long start, nr = 0;

	while ((start = dma_space_get(space, 1, last))) {
		KUNIT_EXPECT_FALSE(test, test_bit(start, taken));
		__set_bit(start, taken);
		nr++;
	}
	KUNIT_EXPECT_EQ(test, nr, last);
}

/* A CPU gives what it has too much of to the depot, and the rest to the tree. */
static void space_overflow_test(struct kunit *test)
{
	struct dma_space *space = new_space(test, 1);
	unsigned long *taken = new_bitmap(test), last = NR_GRANULES - 1;
	unsigned int nr_stacks;

	migrate_disable();
	take_undrained(test, space, last / 2, taken);
	KUNIT_EXPECT_EQ(test, space->depots[0].nr, 0);
	give_all(space, last / 2, taken);
	nr_stacks = space->depots[0].nr;
	KUNIT_EXPECT_GE(test, nr_stacks, 1);
	take_undrained(test, space, last, taken);
	KUNIT_EXPECT_EQ(test, space->depots[0].nr, 0);
	/* It has its limit, whatever comes. */
	give_all(space, last, taken);
	KUNIT_EXPECT_EQ(test, space->depots[0].nr, nr_stacks);
	take_undrained(test, space, last, taken);
	migrate_enable();
	give_all(space, last, taken);
	check_all_free(test, space, 1, last);
}

struct elsewhere {
	struct dma_space *space;
	unsigned long *taken;
	unsigned long last;
	unsigned long nr;
};

static int take_elsewhere(void *data)
{
	struct elsewhere *it = data;
	unsigned long start;

	while ((start = dma_space_get(it->space, 1, it->last))) {
		__set_bit(start, it->taken);
		it->nr++;
	}
	return 0;
}

/* Another CPU finds what is in the depot, but for what one CPU keeps. */
static void space_other_cpu_test(struct kunit *test)
{
	struct elsewhere it = {
		.space = new_space(test, 1),
		.taken = new_bitmap(test),
		.last = NR_GRANULES - 1,
	};
	unsigned int cpu;

	migrate_disable();
	KUNIT_EXPECT_EQ(test, it.last, take_all(test, it.space, it.last,
						it.taken));
	give_all(it.space, it.last, it.taken);
	cpu = cpumask_any_but(cpu_online_mask, smp_processor_id());
	migrate_enable();
	if (cpu >= nr_cpu_ids)
		kunit_skip(test, "there is no other CPU");
	KUNIT_EXPECT_EQ(test, 0, smp_call_on_cpu(cpu, take_elsewhere, &it,
						 false));
	KUNIT_EXPECT_GE(test, it.nr, it.last / 2);
	KUNIT_EXPECT_LT(test, it.nr, it.last);
	KUNIT_EXPECT_EQ(test, it.nr + take_all(test, it.space, it.last,
					       it.taken), it.last);
	give_all(it.space, it.last, it.taken);
	check_all_free(test, it.space, 1, it.last);
}

/* Wrong frees */

static void space_wrong_put_test(struct kunit *test)
{
	struct dma_space *space = new_space(test, 10);
	unsigned long start = dma_space_get(space, 600, NR_GRANULES);
	static const char text[] = "which is not taken";

	KUNIT_ASSERT_NE(test, start, 0);
	KUNIT_ASSERT_EQ(test, 0, dma_space_reserve(space, 100, 110));
	for (unsigned int i = 0; i < 6; i++) {
		const unsigned long wrongs[] = {
			start + 1, start - 1, 5000, 100, 3, ULONG_MAX,
		};

		dma_kunit_expect_warn_begin();
		dma_kunit_log_mark();
		dma_space_put(space, wrongs[i], 600);
		KUNIT_EXPECT_EQ(test, dma_kunit_log_count(text), 1);
		KUNIT_EXPECT_EQ(test, dma_kunit_expect_warn_end(), 1);
	}
	dma_space_put(space, start, 600);
	dma_kunit_expect_warn_begin();
	dma_space_put(space, start, 600);
	KUNIT_EXPECT_EQ(test, dma_kunit_expect_warn_end(), 1);

	/* Twice, where it is kept: seen at the latest when it is drained */
	start = dma_space_get(space, 1, 1000);
	dma_space_put(space, start, 1);
	dma_space_put(space, start, 1);
	dma_kunit_expect_warn_begin();
	dma_space_drain(space);
	KUNIT_EXPECT_EQ(test, dma_kunit_expect_warn_end(), 1);
	check_all_free(test, space, 111, NR_GRANULES);
	check_all_free(test, space, 10, 99);
}

/* Each allocation fails in turn. */

static void space_fail_init_test(struct kunit *test)
{
	struct dma_space *space = kunit_kzalloc(test, sizeof(*space),
						GFP_KERNEL);
	unsigned int nr_failed = 0;
	bool is_beyond = false;
	int err;

	KUNIT_ASSERT_NOT_NULL(test, space);
	if (!IS_ENABLED(CONFIG_FAILSLAB))
		kunit_skip(test, "needs FAILSLAB");
	for (unsigned int nth = 1; nth < 20 && !is_beyond; nth++) {
		dma_kunit_fail_nth(nth);
		err = dma_space_init(space, SHIFT, 1);
		is_beyond = dma_kunit_fail_nth(0);
		if (err) {
			KUNIT_EXPECT_EQ(test, err, -ENOMEM);
			nr_failed++;
		} else {
			check_all_free(test, space, 1, ULONG_MAX - 1);
			dma_space_destroy(space);
		}
	}
	KUNIT_EXPECT_TRUE(test, is_beyond);
	KUNIT_EXPECT_GE(test, nr_failed, 1);
}

static void space_fail_get_test(struct kunit *test)
{
	struct dma_space *space = new_space(test, 1);
	unsigned long start;

	if (!IS_ENABLED(CONFIG_FAILSLAB))
		kunit_skip(test, "needs FAILSLAB");
	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		dma_kunit_fail_nth(1);
		start = dma_space_get(space, sizes[i], NR_GRANULES);
		KUNIT_EXPECT_FALSE(test, dma_kunit_fail_nth(0));
		KUNIT_EXPECT_EQ(test, start, 0);
		dma_kunit_fail_nth(1);
		KUNIT_EXPECT_EQ(test, -ENOMEM, dma_space_claim(space, 5, 6));
		KUNIT_EXPECT_FALSE(test, dma_kunit_fail_nth(0));
		check_all_free(test, space, 1, NR_GRANULES);
	}
}

/* A put can't fail: what can't be kept goes to the tree. */
static void space_fail_put_test(struct kunit *test)
{
	struct dma_space *space = new_space(test, 1);
	unsigned long *taken = new_bitmap(test), last = 700;

	if (!IS_ENABLED(CONFIG_FAILSLAB))
		kunit_skip(test, "needs FAILSLAB");
	KUNIT_EXPECT_EQ(test, take_all(test, space, last, taken), last);
	for (unsigned long start = 1; start <= last; start++) {
		dma_kunit_fail_nth(start <= 10 || start % 2 ? 1 : 0);
		dma_space_put(space, start, 1);
		dma_kunit_fail_nth(0);
	}
	bitmap_zero(taken, NR_GRANULES);
	KUNIT_EXPECT_EQ(test, take_all(test, space, last, taken), last);
	give_all(space, last, taken);
	check_all_free(test, space, 1, last);
}

/* Three pieces, around and between what is reserved: each of them may fail. */
static void space_fail_reserve_test(struct kunit *test)
{
	unsigned long *taken = new_bitmap(test);
	struct dma_kunit_failing failing = {};
	int err;

	if (!IS_ENABLED(CONFIG_FAILSLAB))
		kunit_skip(test, "needs FAILSLAB");
	while (dma_kunit_failing_next(&failing, 20)) {
		struct dma_space *space = new_space(test, 1);

		KUNIT_ASSERT_EQ(test, 0, dma_space_reserve(space, 20, 29));
		KUNIT_ASSERT_EQ(test, 0, dma_space_reserve(space, 40, 49));
		dma_kunit_fail_nth(failing.nth);
		err = dma_space_reserve(space, 5, 59);
		dma_kunit_failing_stop(&failing, err);
		if (err) {
			KUNIT_EXPECT_EQ(test, err, -ENOMEM);
			KUNIT_EXPECT_EQ(test, 0, dma_space_reserve(space, 5,
								   59));
		}
		KUNIT_EXPECT_EQ(test, take_all(test, space, 99, taken),
				99 - 55);
		give_all(space, 99, taken);
	}
	KUNIT_EXPECT_TRUE(test, failing.is_beyond);
	KUNIT_EXPECT_GE(test, failing.nr_felt, 3);
}

static struct kunit_case iommu_space_cases[] = {
	KUNIT_CASE(space_align_test),
	KUNIT_CASE(space_top_test),
	KUNIT_CASE(space_last_test),
	KUNIT_CASE(space_last_in_cache_test),
	KUNIT_CASE(space_reserve_test),
	KUNIT_CASE(space_reserve_busy_test),
	KUNIT_CASE(space_reserve_cached_test),
	KUNIT_CASE(space_claim_test),
	KUNIT_CASE(space_claim_cached_test),
	KUNIT_CASE(space_exhaust_test),
	KUNIT_CASE(space_drain_test),
	KUNIT_CASE(space_overflow_test),
	KUNIT_CASE(space_other_cpu_test),
	KUNIT_CASE(space_wrong_put_test),
	KUNIT_CASE(space_fail_init_test),
	KUNIT_CASE(space_fail_get_test),
	KUNIT_CASE(space_fail_put_test),
	KUNIT_CASE(space_fail_reserve_test),
	{}
};

static struct kunit_suite iommu_space_suite = {
	.name = "iommu_space",
	.test_cases = iommu_space_cases,
};

kunit_test_suite(iommu_space_suite);

MODULE_DESCRIPTION("KUnit tests of the addresses behind an IOMMU");
MODULE_LICENSE("GPL");
