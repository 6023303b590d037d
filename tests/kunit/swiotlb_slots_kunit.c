// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of kernel/dma/swiotlb/slots.c: which slots a mapping gets.
 *
 * A pool is compared with a model that knows for each slot whether it is used.
 * What is handed out has to be free there, and to lie as it was asked for; and
 * what is refused must not fit anywhere.
 */

#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "swiotlb_place.h"

#define NR_HELD		2048

struct held {
	unsigned int slot, nr;
};

struct model {
	struct swiotlb_place *place;
	struct io_tlb_pool *pool;
	struct rnd_state rnd;
	u8 *is_used;
	struct held *held;
	unsigned int nr_slots, nr_skipped, nr_held, nr_used;
};

static struct model *make_model(struct kunit *test, size_t size, size_t skew)
{
	struct model *model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, model);
	model->place = swiotlb_place(test, size, skew,
				     &(struct dma_kunit_shape) {});
	model->pool = swiotlb_set_find(model->place->set, model->place->phys);
	KUNIT_ASSERT_NOT_NULL(test, model->pool);
	model->nr_skipped = (model->pool->start - model->pool->base) >>
			    IO_TLB_SHIFT;
	model->nr_slots = model->nr_skipped + (size >> IO_TLB_SHIFT);
	model->is_used = kunit_kzalloc(test, model->nr_slots, GFP_KERNEL);
	model->held = kunit_kcalloc(test, NR_HELD, sizeof(*model->held),
				    GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, model->is_used);
	KUNIT_ASSERT_NOT_NULL(test, model->held);
	prandom_seed_state(&model->rnd, 7);
	return model;
}

static struct swiotlb_need need_for(unsigned int nr, unsigned int mask,
				    unsigned int want)
{
	return (struct swiotlb_need) {
		.nr = nr,
		.mask = mask,
		.want = want,
		.order = order_base_2(max(want + nr, mask + 1)),
		.size = (size_t)nr << IO_TLB_SHIFT,
		.boundary = U64_MAX,
	};
}

static unsigned long number(const struct model *model, unsigned int slot)
{
	return swiotlb_slot_phys(model->pool, slot) >> IO_TLB_SHIFT;
}

static bool is_free(const struct model *model, unsigned int slot,
		    unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		if (slot + i < model->nr_skipped || slot + i >= model->nr_slots ||
		    model->is_used[slot + i])
			return false;
	return true;
}

static bool is_right(const struct model *model, const struct swiotlb_need *need,
		     unsigned int slot)
{
	unsigned int area = slot >> model->pool->area_shift;

	return (number(model, slot) & need->mask) == need->want &&
	       (slot + need->nr - 1) >> model->pool->area_shift == area;
}

/* Could these slots lie anywhere? */
static bool has_room(const struct model *model, const struct swiotlb_need *need)
{
	for (unsigned int slot = model->nr_skipped;
	     slot + need->nr <= model->nr_slots; slot++)
		if (is_right(model, need, slot) &&
		    is_free(model, slot, need->nr))
			return true;
	return false;
}

/* As a mapping does it, but for growth. */
static int take(struct model *model, const struct swiotlb_need *need)
{
	struct io_tlb_pool *pool = model->pool;
	int slot;

	for (int effort = SWIOTLB_TRY; effort <= SWIOTLB_EVERYWHERE; effort++)
		for (unsigned int i = 0; i < pool->nr_areas; i++) {
			slot = swiotlb_take(pool, &pool->areas[i], need,
					    effort);
			if (slot >= 0)
				return slot;
		}
	return -ENOSPC;
}

static int hold(struct kunit *test, struct model *model,
		const struct swiotlb_need *need)
{
	int slot = take(model, need);

	if (slot < 0)
		return slot;
	KUNIT_ASSERT_TRUE(test, is_free(model, slot, need->nr));
	KUNIT_ASSERT_TRUE(test, is_right(model, need, slot));
	KUNIT_ASSERT_LT(test, model->nr_held, NR_HELD);
	memset(model->is_used + slot, 1, need->nr);
	model->held[model->nr_held].slot = slot;
	model->held[model->nr_held++].nr = need->nr;
	model->nr_used += need->nr;
	return slot;
}

static void give(struct model *model, unsigned int i)
{
	struct held it = model->held[i];
	struct swiotlb_area *area;

	area = &model->pool->areas[it.slot >> model->pool->area_shift];
	spin_lock_irq(&area->lock);
	__swiotlb_area_give(area, it.slot, it.nr);
	spin_unlock_irq(&area->lock);
	memset(model->is_used + it.slot, 0, it.nr);
	model->nr_used -= it.nr;
	model->held[i] = model->held[--model->nr_held];
}

static void give_all(struct model *model)
{
	while (model->nr_held)
		give(model, model->nr_held - 1);
}

static u32 dice(struct model *model, u32 ceil)
{
	return prandom_u32_state(&model->rnd) % ceil;
}

static void check_figures(struct kunit *test, struct model *model)
{
	unsigned int row = 0, largest = 0;

	for (unsigned int i = model->nr_skipped; i < model->nr_slots; i++) {
		if (!(i & ((1U << model->pool->area_shift) - 1)))
			row = 0;
		row = model->is_used[i] ? 0 : row + 1;
		largest = max(largest, row);
	}
	KUNIT_EXPECT_EQ(test, swiotlb_pool_nr_used(model->pool), model->nr_used);
	row = 0;
	for (unsigned int i = 0; i < model->pool->nr_areas; i++)
		row = max(row, swiotlb_area_largest(&model->pool->areas[i]));
	KUNIT_EXPECT_EQ(test, row, largest);
}

static const size_t skews[] = { 0, SZ_4K, SZ_64K + SZ_4K };

static void skew_to_desc(const size_t *skew, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "memory %zu bytes off", *skew);
}

KUNIT_ARRAY_PARAM(skew, skews, skew_to_desc);

/* Any number of slots, aligned in any way, at any fill */
static void slots_random_test(struct kunit *test)
{
	const size_t *skew = test->param_value;
	struct model *model = make_model(test, SZ_1M + SZ_4K, *skew);
	unsigned int nr_refused = 0, nr_taken = 0;

	for (unsigned int step = 0; step < 6000; step++) {
		unsigned int mask = BIT(dice(model, 8)) - 1;
		struct swiotlb_need need;

		if (model->nr_held && dice(model, 100) < 45) {
			give(model, dice(model, model->nr_held));
			continue;
		}
		need = need_for(1 + dice(model, BIT(dice(model, 9))), mask,
				dice(model, mask + 1));
		if (hold(test, model, &need) >= 0) {
			nr_taken++;
			continue;
		}
		nr_refused++;
		KUNIT_ASSERT_FALSE(test, has_room(model, &need));
	}
	check_figures(test, model);
	KUNIT_EXPECT_GT(test, nr_taken, 1000);
	KUNIT_EXPECT_GT(test, nr_refused, 10);
	give_all(model);
	check_figures(test, model);
}

/* From the first slot to the last one, for each size and alignment */
static void slots_fill_test(struct kunit *test)
{
	struct model *model = make_model(test, SZ_1M, 0);

	for (unsigned int nr = 1; nr <= 512; nr *= 2) {
		struct swiotlb_need need = need_for(nr, 0, 0);

		while (hold(test, model, &need) >= 0)
			;
		KUNIT_EXPECT_GT(test, nr, 512 - model->nr_used);
		check_figures(test, model);
		give_all(model);
	}
}

/* What is half of a page goes where the other half is in use. */
static void slots_tight_test(struct kunit *test)
{
	struct model *model = make_model(test, SZ_1M, 0);
	struct swiotlb_need one = need_for(1, 0, 0), two = need_for(2, 1, 0);

	/* Only the tenth slot is in use: the ninth is free, and the first eight. */
	for (unsigned int i = 0; i < 10; i++)
		hold(test, model, &one);
	for (unsigned int i = model->nr_held; i--;)
		if (model->held[i].slot != 9)
			give(model, i);
	KUNIT_EXPECT_EQ(test, hold(test, model, &one), 8);
	KUNIT_EXPECT_EQ(test, hold(test, model, &one), 10);
	KUNIT_EXPECT_EQ(test, hold(test, model, &two), 12);
	give_all(model);

	for (unsigned int i = 0; i < 10; i++) {
		hold(test, model, &one);
		hold(test, model, &two);
	}
	/* Packed, but for what the last ones leave */
	KUNIT_EXPECT_GE(test, swiotlb_area_largest(model->pool->areas),
			512 - 32);
	give_all(model);
}

/* Slots in a row, though none of them is free by rank */
static void slots_unaligned_row_test(struct kunit *test)
{
	struct model *model = make_model(test, SZ_1M, 0);
	struct swiotlb_need one = need_for(1, 0, 0), row = need_for(100, 0, 0);
	int slot;

	while (hold(test, model, &one) >= 0)
		;
	for (unsigned int i = model->nr_held; i--;)
		if (model->held[i].slot >= 333 && model->held[i].slot < 433)
			give(model, i);
	slot = hold(test, model, &row);
	KUNIT_EXPECT_EQ(test, slot, 333);
	KUNIT_EXPECT_LT(test, hold(test, model, &one), 0);
	give_all(model);
}

/* The data does not cross a multiple of the device's boundary. */
static void slots_boundary_test(struct kunit *test)
{
	struct model *model = make_model(test, SZ_1M, 0);
	dma_addr_t start = 0x12345000;
	unsigned int nr_taken = 0;
	int slot;

	for (;;) {
		struct swiotlb_need need = need_for(10, 0, 0);
		dma_addr_t first;

		need.boundary = SZ_64K - 1;
		need.dma_start = start;
		slot = hold(test, model, &need);
		if (slot < 0)
			break;
		first = start + (slot << IO_TLB_SHIFT);
		KUNIT_EXPECT_EQ(test, first / SZ_64K,
				(first + need.size - 1) / SZ_64K);
		nr_taken++;
	}
	/* Three of ten in each 32 slots, which begin somewhere */
	KUNIT_EXPECT_GE(test, nr_taken, 45);
	give_all(model);
}

/* A pool that is closed gives nothing, and can't be closed while it is used. */
static void slots_close_test(struct kunit *test)
{
	struct model *model = make_model(test, SZ_1M, 0);
	struct swiotlb_need need = need_for(1, 0, 0);

	KUNIT_EXPECT_GE(test, hold(test, model, &need), 0);
	KUNIT_EXPECT_FALSE(test, swiotlb_pool_close(model->pool));
	KUNIT_EXPECT_GE(test, hold(test, model, &need), 0);
	give_all(model);
	KUNIT_EXPECT_TRUE(test, swiotlb_pool_close(model->pool));
	KUNIT_EXPECT_LT(test, take(model, &need), 0);
	for (unsigned int i = 0; i < model->pool->nr_areas; i++)
		swiotlb_area_close(&model->pool->areas[i], false);
	KUNIT_EXPECT_GE(test, hold(test, model, &need), 0);
	give_all(model);
}

/* Areas of a wanted number, and what they can't have fewer of */
static void slots_areas_test(struct kunit *test)
{
	static const struct {
		size_t size;
		unsigned int nr_areas, nr_slots;
	} shapes[] = {
		{ SZ_1M, 1, 512 }, { SZ_1M, 2, 256 }, { SZ_1M, 4, 128 },
		{ SZ_1M, 64, 128 }, { SZ_16M, 1, 4096 }, { SZ_16M, 8, 1024 },
	};
	struct swiotlb_place *place = swiotlb_plain_place(test, SZ_1M);

	for (unsigned int i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct io_tlb_pool *pool;
		unsigned int nr = 0;

		pool = swiotlb_pool_create(place->phys, shapes[i].size,
					   shapes[i].nr_areas,
					   SWIOTLB_FROM_RESERVED, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, pool);
		if (pool->nr_areas > 1)
			KUNIT_EXPECT_LE(test, 1U << pool->area_shift,
					shapes[i].nr_slots);
		KUNIT_EXPECT_GE(test, 1U << pool->area_shift,
				min(shapes[i].nr_slots, SWIOTLB_AREA_SLOTS));
		for (unsigned int a = 0; a < pool->nr_areas; a++) {
			KUNIT_EXPECT_EQ(test, pool->areas[a].first, nr);
			nr += pool->areas[a].nr_slots;
		}
		KUNIT_EXPECT_EQ(test, nr, shapes[i].size >> IO_TLB_SHIFT);
		KUNIT_EXPECT_EQ(test, swiotlb_pool_nr_used(pool), 0);
		swiotlb_pool_destroy(pool);
	}
}

/* An area that is nearly full is no harder to search than an empty one. */
static void slots_cheap_test(struct kunit *test)
{
	struct model *model = make_model(test, SZ_4M, 0);
	struct swiotlb_need two = need_for(2, 1, 0);
	int slot;

	while (model->nr_used < model->nr_slots * 95 / 100)
		KUNIT_ASSERT_GE(test, hold(test, model, &two), 0);
	/* Holes of one page, all over the area */
	for (unsigned int i = 0; i < 1000; i++) {
		unsigned int nr = dice(model, model->nr_held);

		slot = model->held[nr].slot;
		give(model, nr);
		nr = slot >> model->pool->area_shift;
		slot = swiotlb_take(model->pool, &model->pool->areas[nr],
				    &two, SWIOTLB_BY_RANK);
		KUNIT_ASSERT_GE(test, slot, 0);
		model->held[model->nr_held].slot = slot;
		model->held[model->nr_held++].nr = 2;
		memset(model->is_used + slot, 1, 2);
		model->nr_used += 2;
	}
	give_all(model);
}

static struct kunit_case swiotlb_slots_cases[] = {
	KUNIT_CASE_PARAM(slots_random_test, skew_gen_params),
	KUNIT_CASE(slots_fill_test),
	KUNIT_CASE(slots_tight_test),
	KUNIT_CASE(slots_unaligned_row_test),
	KUNIT_CASE(slots_boundary_test),
	KUNIT_CASE(slots_close_test),
	KUNIT_CASE(slots_areas_test),
	KUNIT_CASE(slots_cheap_test),
	{}
};

static struct kunit_suite swiotlb_slots_suite = {
	.name = "dma_swiotlb_slots",
	.test_cases = swiotlb_slots_cases,
};

kunit_test_suite(swiotlb_slots_suite);

MODULE_DESCRIPTION("KUnit tests of the slots of bounce buffers");
MODULE_LICENSE("GPL");
