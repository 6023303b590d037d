// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of drivers/iommu/dma/space.c in random use, by one and by many.
 *
 * A space is compared with a bitmap of its granules: what is handed out must
 * be free there, in reach and aligned; and where nothing is handed out, with
 * all caches drained, the bitmap may have no place either.
 */

#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/prandom.h>
#include <linux/slab.h>

#include "iommu_space.h"
#include "mock.h"

#define SEED		1815

/* Compared with the model */

struct piece {
	unsigned long start;
	unsigned long nr;
};

struct model {
	struct kunit *test;
	struct dma_space *space;
	unsigned long *taken;
	struct rnd_state rnd;
	struct piece pieces[400];
	unsigned long nr_refused;
};

static u32 below(struct model *model, u32 end)
{
	return prandom_u32_state(&model->rnd) % end;
}

static unsigned long random_size(struct model *model)
{
	switch (below(model, 10)) {
	case 0:
		return LARGEST + 1 + below(model, 1500);
	case 1:
	case 2:
		return 1 + below(model, LARGEST);
	default:
		return 1 + below(model, 20);
	}
}

/* The lowest place that the bitmap has, as the space would have to align it */
static bool has_place(struct model *model, unsigned long nr, unsigned long last)
{
	unsigned long align = roundup_pow_of_two(nr);
	unsigned long place;

	place = bitmap_find_next_zero_area(model->taken, last + 1, 1,
					   taken_by(nr), align - 1);
	return place <= last;
}

static void model_get(struct model *model, struct piece *piece)
{
	unsigned long nr = random_size(model), end, start;
	unsigned long last = below(model, 4) ? NR_GRANULES - 1 :
			     below(model, NR_GRANULES);

	start = get_hard(model->space, nr, last);
	if (!start) {
		KUNIT_ASSERT_FALSE_MSG(model->test, has_place(model, nr, last),
				       "%lu granules up to %#lx", nr, last);
		model->nr_refused++;
		return;
	}
	end = start + taken_by(nr);
	KUNIT_ASSERT_TRUE(model->test,
			  IS_ALIGNED(start, roundup_pow_of_two(nr)));
	KUNIT_ASSERT_LE(model->test, end - 1, last);
	KUNIT_ASSERT_GE(model->test, find_next_bit(model->taken, end, start),
			end);
	bitmap_set(model->taken, start, end - start);
	*piece = (struct piece){ start, nr };
}

static void model_put(struct model *model, struct piece *piece)
{
	bitmap_clear(model->taken, piece->start, taken_by(piece->nr));
	dma_space_put(model->space, piece->start, piece->nr);
	piece->nr = 0;
}

static void space_model_test(struct kunit *test)
{
	struct model *model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, model);
	model->test = test;
	model->space = new_space(test, 1);
	model->taken = new_bitmap(test);
	kunit_info(test, "seed %u", SEED);
	prandom_seed_state(&model->rnd, SEED);

	for (unsigned int i = 0; i < 40000; i++) {
		struct piece *piece = &model->pieces[below(model,
						ARRAY_SIZE(model->pieces))];

		if (piece->nr)
			model_put(model, piece);
		else
			model_get(model, piece);
		if (!(i % 1000))
			cond_resched();
	}
	/* It was full at times, and not always. */
	KUNIT_EXPECT_GT(test, model->nr_refused, 100);
	KUNIT_EXPECT_LT(test, model->nr_refused, 20000);
	for (unsigned int i = 0; i < ARRAY_SIZE(model->pieces); i++)
		if (model->pieces[i].nr)
			model_put(model, &model->pieces[i]);
	check_all_free(test, model->space, 1, NR_GRANULES - 1);
}

/* The storm */

#define NR_HELD		8
#define STORM_LAST	2047UL

struct owner {
	struct dma_space *space;
	unsigned long *taken;
	atomic_long_t *nr_errors;
	struct rnd_state rnd;
	struct piece pieces[NR_HELD];
	bool is_claimer;
};

/* Mark it as this owner's; an error if any of it was somebody's. */
static void mark(struct owner *owner, unsigned long start, unsigned long nr)
{
	for (unsigned long i = start; i < start + nr; i++)
		if (i > STORM_LAST || test_and_set_bit(i, owner->taken))
			atomic_long_inc(owner->nr_errors);
}

static void unmark(struct owner *owner, unsigned long start, unsigned long nr)
{
	for (unsigned long i = start; i < start + nr; i++)
		if (!test_and_clear_bit(i, owner->taken))
			atomic_long_inc(owner->nr_errors);
}

static bool storm_claim(struct owner *owner)
{
	unsigned long first = 1 + prandom_u32_state(&owner->rnd) % STORM_LAST;
	unsigned long last = min(first + prandom_u32_state(&owner->rnd) % 8,
				 STORM_LAST);

	if (dma_space_claim(owner->space, first, last))
		return false;
	mark(owner, first, last - first + 1);
	unmark(owner, first, last - first + 1);
	dma_space_unclaim(owner->space, first);
	return true;
}

static void storm_put(struct owner *owner, struct piece *piece)
{
	unmark(owner, piece->start, taken_by(piece->nr));
	dma_space_put(owner->space, piece->start, piece->nr);
	piece->nr = 0;
}

static bool storm_step(void *data)
{
	struct owner *owner = data;
	u32 dice = prandom_u32_state(&owner->rnd);
	struct piece *piece = &owner->pieces[dice % NR_HELD];

	if (owner->is_claimer && !(dice >> 8 & 3))
		return storm_claim(owner);
	if (piece->nr) {
		storm_put(owner, piece);
		return true;
	}
	piece->nr = dice >> 16 & 63 ? 1 + (dice >> 16 & 31) :
				      LARGEST + 1 + (dice >> 24);
	piece->start = get_hard(owner->space, piece->nr, STORM_LAST);
	if (!piece->start) {
		piece->nr = 0;
		return false;
	}
	mark(owner, piece->start, taken_by(piece->nr));
	return true;
}

static void storm_finish(void *data)
{
	struct owner *owner = data;

	for (unsigned int i = 0; i < NR_HELD; i++)
		if (owner->pieces[i].nr)
			storm_put(owner, &owner->pieces[i]);
}

static void space_storm_test(struct kunit *test)
{
	struct dma_kunit_storm *storm =
		dma_kunit_storm_make(test, sizeof(struct owner));
	struct dma_space *space = new_space(test, 1);
	unsigned long *taken = new_bitmap(test);

	for (unsigned int i = 0; i <= DMA_KUNIT_NR_THREADS; i++) {
		struct owner *owner = storm->owners[i];

		owner->space = space;
		owner->taken = taken;
		owner->nr_errors = &storm->nr_errors;
		owner->is_claimer = !i;
		prandom_seed_state(&owner->rnd, SEED + i);
	}
	storm->step = storm_step;
	storm->finish = storm_finish;
	storm->nr_wanted = 40000;
	storm->nr_wanted_in_irq = 300;
	dma_kunit_storm_run(test, storm);

	KUNIT_EXPECT_TRUE(test, bitmap_empty(taken, NR_GRANULES));
	check_all_free(test, space, 1, ULONG_MAX - 1);
}

static struct kunit_case iommu_space_random_cases[] = {
	KUNIT_CASE(space_model_test),
	KUNIT_CASE(space_storm_test),
	{}
};

static struct kunit_suite iommu_space_random_suite = {
	.name = "iommu_space_random",
	.test_cases = iommu_space_random_cases,
};

kunit_test_suite(iommu_space_random_suite);

MODULE_DESCRIPTION("KUnit tests of I/O addresses in random use");
MODULE_LICENSE("GPL");
