// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the region allocator.
 *
 * Most tests run on a fixture: a region and, beside it, a model that can be
 * understood at a glance: one bit per page, set when it is taken. The model
 * checks each answer of the region: no page is handed out twice, alignment and
 * limit are kept, and nothing is refused that could be served. When a test
 * ends, all is given back, and the region has to be one hole again.
 *
 * Random numbers come from fixed seeds: a failure can be repeated.
 */

#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/slab.h>

#include "../../kernel/dma/region.h"
#include "log.h"
#include "mock.h"

#define NO_LIMIT	ULONG_MAX
/* A page frame number that is aligned to any size used here */
#define ALIGNED_BASE	0x80000UL

struct piece {
	unsigned long index;
	unsigned long nr_pages;
};

struct fixture {
	struct kunit *test;
	struct dma_region *region;
	unsigned long nr_pages;
	unsigned long align_base;
	unsigned long *taken;		/* the model: a bit per page */
	struct piece *pieces;
	unsigned long nr_pieces;
	unsigned long nr_used;
	unsigned long nr_peak;
	unsigned long nr_served;
	unsigned long nr_refused;
	struct rnd_state rnd;
};

static unsigned long natural(unsigned long nr_pages)
{
	return roundup_pow_of_two(nr_pages);
}

static u32 below(struct fixture *f, u32 bound)
{
	return prandom_u32_state(&f->rnd) % bound;
}

static void fixture_exit(void *data)
{
	struct fixture *f = data;
	struct dma_region_figures figures;

	while (f->nr_pieces) {
		struct piece *piece = &f->pieces[--f->nr_pieces];

		dma_region_give(f->region, piece->index, piece->nr_pages);
	}
	dma_region_get_figures(f->region, &figures);
	KUNIT_EXPECT_EQ(f->test, figures.nr_used, 0);
	KUNIT_EXPECT_EQ(f->test, figures.nr_largest, f->nr_pages);
	KUNIT_EXPECT_TRUE(f->test, dma_region_is_idle(f->region));
	dma_region_destroy(f->region);
}

static struct fixture *fixture_create(struct kunit *test,
				      unsigned long nr_pages,
				      unsigned long align_base)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->test = test;
	f->nr_pages = nr_pages;
	f->align_base = align_base;
	f->taken = kunit_kcalloc(test, BITS_TO_LONGS(nr_pages), sizeof(long),
				 GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, f->taken);
	f->pieces = kunit_kcalloc(test, nr_pages, sizeof(*f->pieces),
				  GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, f->pieces);
	prandom_seed_state(&f->rnd, 0xd3a);
	f->region = dma_region_create(nr_pages, align_base, GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, f->region);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, fixture_exit, f));
	return f;
}

/* Does the model have room for such a piece? */
static bool model_fits(struct fixture *f, unsigned long nr_pages,
		       unsigned long align, unsigned long last)
{
	unsigned long end = last < f->nr_pages ? last + 1 : f->nr_pages;

	if (nr_pages > end)
		return false;
	return bitmap_find_next_zero_area_off(f->taken, end, 0, nr_pages,
					      align - 1, f->align_base) < end;
}

/* Take a piece, and check the answer against the model */
static long take(struct fixture *f, unsigned long nr_pages,
		 unsigned long align, unsigned long last)
{
	long index = dma_region_take(f->region, nr_pages, align, last);

	if (index < 0) {
		KUNIT_EXPECT_EQ(f->test, index, -ENOSPC);
		KUNIT_EXPECT_FALSE_MSG(f->test,
				       model_fits(f, nr_pages, align, last),
				       "refused: %lu pages, align %lu, last %lu",
				       nr_pages, align, last);
		f->nr_refused++;
		return index;
	}

	KUNIT_ASSERT_LE(f->test, nr_pages, f->nr_pages);
	KUNIT_ASSERT_LE(f->test, index, f->nr_pages - nr_pages);
	KUNIT_EXPECT_LE(f->test, index + nr_pages - 1, last);
	KUNIT_EXPECT_EQ(f->test, (f->align_base + index) & (align - 1), 0);
	KUNIT_EXPECT_GE_MSG(f->test,
			    find_next_bit(f->taken, f->nr_pages, index),
			    index + nr_pages, "pages handed out twice");

	bitmap_set(f->taken, index, nr_pages);
	f->pieces[f->nr_pieces++] = (struct piece){ index, nr_pages };
	f->nr_used += nr_pages;
	f->nr_peak = max(f->nr_peak, f->nr_used);
	f->nr_served++;
	return index;
}

static long take_natural(struct fixture *f, unsigned long nr_pages)
{
	return take(f, nr_pages, natural(nr_pages), NO_LIMIT);
}

/* Give the n-th piece back; the last one takes its place */
static void give_nth(struct fixture *f, unsigned long n)
{
	struct piece piece = f->pieces[n];

	dma_region_give(f->region, piece.index, piece.nr_pages);
	bitmap_clear(f->taken, piece.index, piece.nr_pages);
	f->nr_used -= piece.nr_pages;
	f->pieces[n] = f->pieces[--f->nr_pieces];
}

static void give(struct fixture *f, unsigned long index)
{
	unsigned long n;

	for (n = 0; n < f->nr_pieces; n++) {
		if (f->pieces[n].index == index) {
			give_nth(f, n);
			return;
		}
	}
	KUNIT_FAIL(f->test, "no piece at %lu", index);
}

static unsigned long model_largest(struct fixture *f)
{
	unsigned long start, end, largest = 0;

	for_each_clear_bitrange(start, end, f->taken, f->nr_pages)
		largest = max(largest, end - start);
	return largest;
}

static void check_figures(struct fixture *f)
{
	struct dma_region_figures figures;

	dma_region_get_figures(f->region, &figures);
	KUNIT_EXPECT_EQ(f->test, figures.nr_pages, f->nr_pages);
	KUNIT_EXPECT_EQ(f->test, figures.nr_used, f->nr_used);
	KUNIT_EXPECT_EQ(f->test, figures.nr_peak, f->nr_peak);
	KUNIT_EXPECT_EQ(f->test, figures.nr_largest, model_largest(f));
	KUNIT_EXPECT_EQ(f->test, figures.nr_served, f->nr_served);
	KUNIT_EXPECT_EQ(f->test, figures.nr_refused, f->nr_refused);
	KUNIT_EXPECT_EQ(f->test, dma_region_is_idle(f->region), !f->nr_used);
}

/* Random operations */

struct shape {
	const char *name;
	unsigned long nr_pages;
	unsigned long align_base;
	u32 max_request;
};

static const struct shape shapes[] = {
	{ "one page", 1, 0, 2 },
	{ "40 pages, odd base", 40, 0x12345, 12 },
	{ "1000 pages from page frame 0", 1000, 0, 33 },
	{ "4096 pages, aligned", 4096, ALIGNED_BASE, 33 },
	{ "4099 pages, odd base", 4099, 0x7ffdf, 300 },
	{ "70000 pages, odd base", 70000, 0x100001, 20000 },
	{ "512 pages at the end of all addresses", 512, ULONG_MAX - 512, 33 },
};

KUNIT_ARRAY_PARAM_DESC(shape, shapes, name);

static void take_random(struct fixture *f, const struct shape *shape)
{
	unsigned long nr_pages = 1 + below(f, 1 + below(f, shape->max_request));
	unsigned long align = natural(nr_pages);
	unsigned long last = NO_LIMIT;

	switch (below(f, 16)) {
	case 0: /* stricter or looser */
		align = BIT(below(f, 13));
		break;
	case 1:
		last = below(f, f->nr_pages + 2);
		break;
	case 2:
		align = BIT(below(f, BITS_PER_LONG));
		last = below(f, f->nr_pages + 2);
		break;
	}
	take(f, nr_pages, align, last);
}

static void region_random_test(struct kunit *test)
{
	const struct shape *shape = test->param_value;
	struct fixture *f = fixture_create(test, shape->nr_pages,
					   shape->align_base);
	unsigned int step;

	for (step = 0; step < 6000; step++) {
		/* Fill and drain in turns */
		if (f->nr_pieces && below(f, 100) < (step & 1024 ? 60 : 40))
			give_nth(f, below(f, f->nr_pieces));
		else
			take_random(f, shape);
		if (!below(f, 50))
			check_figures(f);
	}
	KUNIT_EXPECT_GT(test, f->nr_served, 0);
	KUNIT_EXPECT_GT(test, f->nr_refused, 0);
}

/* Exhaustion */

static void region_exhaust_test(struct kunit *test)
{
	struct fixture *f = fixture_create(test, 1024, ALIGNED_BASE);
	unsigned long i;

	for (i = 0; i < 1024; i++)
		KUNIT_ASSERT_GE(test, take_natural(f, 1), 0);
	KUNIT_EXPECT_EQ(test, take_natural(f, 1), -ENOSPC);
	check_figures(f);

	/* Every second page: all holes are single pages */
	for (i = 0; i < 1024; i += 2)
		give(f, i);
	KUNIT_EXPECT_EQ(test, take(f, 2, 1, NO_LIMIT), -ENOSPC);
	check_figures(f);

	/* The rest: they merge into one, and the whole can be had at once */
	for (i = 1; i < 1024; i += 2)
		give(f, i);
	check_figures(f);
	KUNIT_EXPECT_EQ(test, take_natural(f, 1024), 0);
	KUNIT_EXPECT_EQ(test, take_natural(f, 1), -ENOSPC);
	give(f, 0);
	KUNIT_EXPECT_EQ(test, take_natural(f, 1024), 0);
}

/* A piece merges with a hole before it, behind it, on both sides, on none */
static void region_merge_test(struct kunit *test)
{
	static const u8 orders[][3] = {
		{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
		{ 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
	};
	unsigned long nr_pages, i, k;

	for (nr_pages = 1; nr_pages <= 4; nr_pages++) {
		for (i = 0; i < ARRAY_SIZE(orders); i++) {
			struct fixture *f = fixture_create(test, 3 * nr_pages,
							   ALIGNED_BASE);

			for (k = 0; k < 3; k++)
				take(f, nr_pages, 1, NO_LIMIT);
			KUNIT_ASSERT_EQ(test, f->nr_pieces, 3);
			for (k = 0; k < 3; k++) {
				give(f, orders[i][k] * nr_pages);
				check_figures(f);
			}
			KUNIT_EXPECT_EQ(test, 0, take(f, 3 * nr_pages, 1,
						      NO_LIMIT));
		}
	}
}

/* What a piece does not need of its power of two serves others */
static void region_tail_test(struct kunit *test)
{
	struct fixture *f = fixture_create(test, 128, ALIGNED_BASE);

	KUNIT_EXPECT_EQ(test, take_natural(f, 33), 0);
	KUNIT_EXPECT_EQ(test, take_natural(f, 16), 48);
	KUNIT_EXPECT_EQ(test, take_natural(f, 8), 40);
	KUNIT_EXPECT_EQ(test, take_natural(f, 7), 64);
	KUNIT_EXPECT_EQ(test, take_natural(f, 1), 33);
	/* The tail again, rather than the large hole behind 71 */
	give(f, 40);
	KUNIT_EXPECT_EQ(test, take_natural(f, 1), 34);
	KUNIT_EXPECT_EQ(test, take_natural(f, 5), 40);
	KUNIT_EXPECT_EQ(test, take_natural(f, 32), 96);
	check_figures(f);
}

/* Alignment */

static void region_align_test(struct kunit *test)
{
	struct fixture *f = fixture_create(test, 64, 0x21);

	/* Page frames 0x21 to 0x60: 0x40 is at index 31 */
	KUNIT_EXPECT_EQ(test, take_natural(f, 34), -ENOSPC);
	KUNIT_EXPECT_EQ(test, take_natural(f, 33), 31);
	KUNIT_EXPECT_EQ(test, take_natural(f, 16), 15);
	KUNIT_EXPECT_EQ(test, take_natural(f, 8), 7);
	KUNIT_EXPECT_EQ(test, take_natural(f, 4), 3);
	KUNIT_EXPECT_EQ(test, take_natural(f, 2), 1);
	KUNIT_EXPECT_EQ(test, take_natural(f, 1), 0);
	KUNIT_EXPECT_EQ(test, take_natural(f, 1), -ENOSPC);
	check_figures(f);
}

static void region_strict_align_test(struct kunit *test)
{
	struct fixture *f = fixture_create(test, 256, ALIGNED_BASE + 1);

	/* More than natural */
	KUNIT_EXPECT_EQ(test, take(f, 1, 64, NO_LIMIT), 63);
	KUNIT_EXPECT_EQ(test, take(f, 3, 128, NO_LIMIT), 127);
	KUNIT_EXPECT_EQ(test, take(f, 1, 256, NO_LIMIT), 255);
	KUNIT_EXPECT_EQ(test, take(f, 1, 256, NO_LIMIT), -ENOSPC);
	KUNIT_EXPECT_EQ(test, take(f, 1, BIT(BITS_PER_LONG - 1), NO_LIMIT),
			-ENOSPC);
	check_figures(f);
}

static void region_loose_align_test(struct kunit *test)
{
	struct fixture *f = fixture_create(test, 62, ALIGNED_BASE + 1);

	/* A region that holds no naturally aligned piece of 33 pages at all */
	KUNIT_EXPECT_EQ(test, take_natural(f, 33), -ENOSPC);
	KUNIT_EXPECT_EQ(test, take(f, 33, 2, NO_LIMIT), 1);
	give(f, 1);
	KUNIT_EXPECT_EQ(test, take(f, 62, 1, NO_LIMIT), 0);
	check_figures(f);
}

/* Upper limits */

static void region_last_test(struct kunit *test)
{
	struct fixture *f = fixture_create(test, 128, ALIGNED_BASE);

	KUNIT_EXPECT_EQ(test, take(f, 4, 4, 2), -ENOSPC);
	KUNIT_EXPECT_EQ(test, take(f, 4, 4, 3), 0);
	KUNIT_EXPECT_EQ(test, take(f, 1, 1, 3), -ENOSPC);
	KUNIT_EXPECT_EQ(test, take(f, 1, 1, 4), 4);
	KUNIT_EXPECT_EQ(test, take(f, 1, 1, 0), -ENOSPC);
	KUNIT_EXPECT_EQ(test, take(f, 64, 64, 126), -ENOSPC);
	KUNIT_EXPECT_EQ(test, take(f, 64, 64, 127), 64);
	check_figures(f);

	/* A piece just given back is no way round the limit */
	give(f, 64);
	KUNIT_EXPECT_EQ(test, take(f, 64, 64, 126), -ENOSPC);
}

/* The only page below the limit is the last one that is looked at */
static void region_last_behind_others_test(struct kunit *test)
{
	struct fixture *f = fixture_create(test, 512, ALIGNED_BASE);
	unsigned long i;

	while (take_natural(f, 1) >= 0)
		;
	for (i = 1; i < 512; i += 2)
		give(f, i);
	KUNIT_EXPECT_EQ(test, take(f, 1, 1, 1), 1);
	KUNIT_EXPECT_EQ(test, take(f, 1, 1, 2), -ENOSPC);
	for (i = 0; i < 512; i += 2)
		give(f, i);
	KUNIT_EXPECT_EQ(test, take(f, 1, 1, 1), 0);
}

/* Many holes are nearly large enough, and only one is */
static void region_nearly_fits_test(struct kunit *test)
{
	struct fixture *f = fixture_create(test, 32 * 128, ALIGNED_BASE);
	unsigned long i;

	for (i = 0; i < 32; i++) {
		unsigned long nr_pages = i ? 65 : 70;

		KUNIT_ASSERT_EQ(test, take(f, nr_pages, 128, NO_LIMIT),
				i * 128);
	}
	/* Fill up what lies between */
	for (i = 64; i; i /= 2) {
		while (take_natural(f, i) >= 0)
			;
	}
	for (i = 0; i < 32; i++)
		give(f, i * 128);
	KUNIT_EXPECT_EQ(test, take_natural(f, 71), -ENOSPC);
	KUNIT_EXPECT_EQ(test, take_natural(f, 70), 0);
	KUNIT_EXPECT_EQ(test, take_natural(f, 66), -ENOSPC);
	check_figures(f);
}

/* Wrong gives and requests */

static void give_wrong(struct fixture *f, unsigned long index,
		       unsigned long nr_pages)
{
	dma_kunit_expect_warn_begin();
	dma_region_give(f->region, index, nr_pages);
	KUNIT_EXPECT_EQ_MSG(f->test, dma_kunit_expect_warn_end(), 1,
			    "%lu pages at %lu", nr_pages, index);
	check_figures(f);
}

static void region_wrong_give_test(struct kunit *test)
{
	struct fixture *f = fixture_create(test, 64, ALIGNED_BASE);

	KUNIT_ASSERT_EQ(test, take_natural(f, 8), 0);
	KUNIT_ASSERT_EQ(test, take_natural(f, 1), 8);

	/* Inside a piece, in a hole, out of bounds */
	give_wrong(f, 1, 7);
	give_wrong(f, 7, 1);
	give_wrong(f, 9, 1);
	give_wrong(f, 63, 1);
	give_wrong(f, 64, 1);
	give_wrong(f, ULONG_MAX, 1);
	/* The right place, another length */
	give_wrong(f, 0, 0);
	give_wrong(f, 0, 7);
	give_wrong(f, 0, 9);
	give_wrong(f, 0, 64);
	give_wrong(f, 0, ULONG_MAX);
	give_wrong(f, 8, 2);
	/* A hole's first page, with the hole's length */
	give_wrong(f, 9, 55);

	/* Nothing was harmed */
	give(f, 0);
	give(f, 8);
	KUNIT_EXPECT_EQ(test, take_natural(f, 64), 0);
}

static void region_give_twice_test(struct kunit *test)
{
	struct fixture *f = fixture_create(test, 64, ALIGNED_BASE);

	KUNIT_ASSERT_EQ(test, take_natural(f, 4), 0);
	KUNIT_ASSERT_EQ(test, take_natural(f, 4), 4);
	KUNIT_ASSERT_EQ(test, take_natural(f, 1), 8);

	give(f, 4);
	give_wrong(f, 4, 4);
	/* It has become a hole; then part of a larger one */
	give(f, 8);
	give_wrong(f, 4, 4);
	give_wrong(f, 8, 1);
	give(f, 0);
	give_wrong(f, 0, 4);
	give_wrong(f, 4, 4);
	/* Its pages have become part of another piece */
	KUNIT_ASSERT_EQ(test, take_natural(f, 16), 0);
	give_wrong(f, 0, 4);
	give_wrong(f, 4, 4);
}

static void region_give_twice_lone_test(struct kunit *test)
{
	struct fixture *f = fixture_create(test, 8, ALIGNED_BASE);
	unsigned long i;

	/* Lone holes are marked in a way of their own, also the one at 0 */
	while (take_natural(f, 1) >= 0)
		;
	for (i = 0; i < 8; i += 2) {
		give(f, i);
		give_wrong(f, i, 1);
	}
	for (i = 0; i < 8; i += 2) {
		give_wrong(f, i, 0);
		give_wrong(f, i, 1);
		give_wrong(f, i, 2);
	}
}

static void region_bad_request_test(struct kunit *test)
{
	struct fixture *f = fixture_create(test, 64, ALIGNED_BASE);
	struct dma_region *region = f->region;

	KUNIT_EXPECT_EQ(test, dma_region_take(region, 0, 1, NO_LIMIT), -EINVAL);
	KUNIT_EXPECT_EQ(test, dma_region_take(region, 1, 0, NO_LIMIT), -EINVAL);
	KUNIT_EXPECT_EQ(test, dma_region_take(region, 3, 3, NO_LIMIT), -EINVAL);
	/* Not the region's failure */
	check_figures(f);

	/* Lengths that would be small if their upper bits were lost */
	KUNIT_ASSERT_EQ(test, take_natural(f, 1), 0);
	give(f, 0);
	KUNIT_EXPECT_EQ(test, take(f, 65, 1, NO_LIMIT), -ENOSPC);
	KUNIT_EXPECT_EQ(test, take(f, ULONG_MAX, 1, NO_LIMIT), -ENOSPC);
	KUNIT_EXPECT_EQ(test, take(f, BIT(BITS_PER_LONG / 2) + 1, 1, NO_LIMIT),
			-ENOSPC);
	check_figures(f);
}

static void region_figures_test(struct kunit *test)
{
	struct fixture *f = fixture_create(test, 100, ALIGNED_BASE);
	struct dma_region_figures figures;

	take_natural(f, 10);
	take_natural(f, 64);
	take_natural(f, 64);
	give(f, 0);

	dma_region_get_figures(f->region, &figures);
	KUNIT_EXPECT_EQ(test, figures.nr_pages, 100);
	KUNIT_EXPECT_EQ(test, figures.nr_used, 0);
	KUNIT_EXPECT_EQ(test, figures.nr_peak, 10);
	KUNIT_EXPECT_EQ(test, figures.nr_largest, 100);
	KUNIT_EXPECT_EQ(test, figures.nr_served, 1);
	KUNIT_EXPECT_EQ(test, figures.nr_refused, 2);
}

/* Capacity */

static unsigned long percent_used(struct fixture *f)
{
	return f->nr_used * 100 / f->nr_pages;
}

/* How much is handed out by the time that even one page is refused */
static void region_cycle_capacity_test(struct kunit *test)
{
	unsigned long sizes[] = { 33, 3, 5, 17 };
	struct fixture *f = fixture_create(test, 4096, ALIGNED_BASE);
	unsigned int i, nr_sizes = ARRAY_SIZE(sizes);

	for (i = 0; nr_sizes; i++) {
		unsigned long *size = &sizes[i % ARRAY_SIZE(sizes)];

		if (*size && take_natural(f, *size) < 0) {
			*size = 0;
			nr_sizes--;
		}
	}
	kunit_info(test, "%lu %% handed out in such pieces", percent_used(f));
	while (take_natural(f, 1) >= 0)
		;
	kunit_info(test, "%lu %% with single pages", percent_used(f));
	KUNIT_EXPECT_GE(test, percent_used(f), 99);
	check_figures(f);
}

/*
 * 1 to 33 pages, each power of two as often as the next. (With all lengths
 * equally often, natural alignment alone makes 2 % or more of the requests
 * impossible at 80 %, even if all pieces could be moved around for each.)
 */
static unsigned long mixed_size(struct fixture *f)
{
	u32 order = below(f, 5);

	if (!below(f, 64))
		return 32 + below(f, 2);
	return BIT(order) + below(f, BIT(order));
}

static void region_churn_capacity_test(struct kunit *test)
{
	struct fixture *f = fixture_create(test, 4096, ALIGNED_BASE);
	unsigned long nr_requests = 20000, nr_refused, i;

	for (i = 0; i < nr_requests; i++) {
		unsigned long size = mixed_size(f);

		while ((f->nr_used + size) * 100 > f->nr_pages * 80)
			give_nth(f, below(f, f->nr_pieces));
		take_natural(f, size);
	}
	nr_refused = f->nr_refused;
	kunit_info(test, "%lu of %lu requests refused at %lu %% fill",
		   nr_refused, nr_requests, percent_used(f));
	KUNIT_EXPECT_LE(test, nr_refused * 100, nr_requests);
	KUNIT_EXPECT_GE(test, percent_used(f), 75);
	check_figures(f);
}

/* Creation and destruction */

static void region_create_bad_test(struct kunit *test)
{
	struct dma_region *region;

	region = dma_region_create(0, 0, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(region), -EINVAL);
	region = dma_region_create(BIT(31), 0, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(region), -EINVAL);
	region = dma_region_create(5, ULONG_MAX - 4, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(region), -EINVAL);
}

static void region_create_huge_test(struct kunit *test)
{
	unsigned long nr_pages = BIT(31) - 1;
	struct dma_region *region;

	/* 8 bytes for each page */
	if (totalram_pages() > nr_pages / PAGE_SIZE * 8)
		kunit_skip(test, "this machine has memory for any region");
	region = dma_region_create(nr_pages, 0, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(region), -ENOMEM);
}

static void region_create_fail_nth_test(struct kunit *test)
{
	struct dma_kunit_failing failing = {};
	struct dma_region *region;

	if (!IS_ENABLED(CONFIG_FAILSLAB))
		kunit_skip(test, "needs CONFIG_FAILSLAB");

	while (dma_kunit_failing_next(&failing, 20)) {
		dma_kunit_fail_nth(failing.nth);
		region = dma_region_create(256, 0, GFP_NOWAIT);
		dma_kunit_failing_stop(&failing, IS_ERR(region));
		if (IS_ERR(region))
			KUNIT_EXPECT_EQ(test, PTR_ERR(region), -ENOMEM);
		else
			dma_region_destroy(region);
	}
	KUNIT_EXPECT_TRUE(test, failing.is_beyond);
	/* The struct, and the marks */
	KUNIT_EXPECT_GE(test, failing.nr_felt, 2);
}

static void region_create_atomic_test(struct kunit *test)
{
	struct dma_region *region;
	unsigned long flags;

	local_irq_save(flags);
	region = dma_region_create(4096, 0, GFP_ATOMIC | __GFP_NOWARN);
	local_irq_restore(flags);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, region);
	KUNIT_EXPECT_EQ(test, dma_region_take(region, 4096, 4096, NO_LIMIT), 0);
	dma_region_give(region, 0, 4096);
	dma_region_destroy(region);
}

static void region_destroy_test(struct kunit *test)
{
	struct dma_region *region = dma_region_create(8, 0, GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, region);
	dma_region_destroy(NULL);
	KUNIT_ASSERT_EQ(test, dma_region_take(region, 1, 1, NO_LIMIT), 0);

	dma_kunit_expect_warn_begin();
	dma_region_destroy(region);
	KUNIT_EXPECT_EQ(test, dma_kunit_expect_warn_end(), 1);

	/* It is still there */
	KUNIT_EXPECT_FALSE(test, dma_region_is_idle(region));
	dma_region_give(region, 0, 1);
	KUNIT_EXPECT_TRUE(test, dma_region_is_idle(region));
	dma_region_destroy(region);
}

/* Whole holes are taken until there is none; no page is taken twice. */
static void region_take_hole_test(struct kunit *test)
{
	struct dma_region *region = dma_region_create(256, 0, GFP_KERNEL);
	DECLARE_BITMAP(taken, 256) = {};
	unsigned long nr_all = 0, nr;
	long at[32];

	KUNIT_ASSERT_FALSE(test, IS_ERR(region));
	for (unsigned int i = 0; i < ARRAY_SIZE(at); i++) {
		at[i] = dma_region_take(region, 1 + i % 3, 1, ULONG_MAX);
		KUNIT_ASSERT_GE(test, at[i], 0);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(at); i++) {
		if (i % 2)
			dma_region_give(region, at[i], 1 + i % 3);
		else
			bitmap_set(taken, at[i], 1 + i % 3);
	}
	while (!bitmap_full(taken, 256)) {
		unsigned long index = dma_region_take_hole(region, &nr);

		KUNIT_ASSERT_GT(test, nr, 0);
		KUNIT_ASSERT_LE(test, index + nr, 256);
		KUNIT_ASSERT_GE(test, find_next_bit(taken, 256, index), index + nr);
		bitmap_set(taken, index, nr);
		nr_all += nr;
	}
	KUNIT_EXPECT_GT(test, nr_all, 0);
	KUNIT_EXPECT_LT(test, dma_region_take(region, 1, 1, ULONG_MAX), 0);
	/* A piece beside it can be given back, and becomes a hole by itself. */
	dma_region_give(region, at[0], 1);
	KUNIT_EXPECT_EQ(test, dma_region_take_hole(region, &nr), at[0]);
	KUNIT_EXPECT_EQ(test, nr, 1);
	dma_region_drop(region);
}

static struct kunit_case dma_region_cases[] = {
	KUNIT_CASE_PARAM(region_random_test, shape_gen_params),
	KUNIT_CASE(region_exhaust_test),
	KUNIT_CASE(region_merge_test),
	KUNIT_CASE(region_tail_test),
	KUNIT_CASE(region_align_test),
	KUNIT_CASE(region_strict_align_test),
	KUNIT_CASE(region_loose_align_test),
	KUNIT_CASE(region_last_test),
	KUNIT_CASE(region_last_behind_others_test),
	KUNIT_CASE(region_nearly_fits_test),
	KUNIT_CASE(region_wrong_give_test),
	KUNIT_CASE(region_give_twice_test),
	KUNIT_CASE(region_give_twice_lone_test),
	KUNIT_CASE(region_bad_request_test),
	KUNIT_CASE(region_figures_test),
	KUNIT_CASE(region_take_hole_test),
	KUNIT_CASE(region_cycle_capacity_test),
	KUNIT_CASE(region_churn_capacity_test),
	KUNIT_CASE(region_create_bad_test),
	KUNIT_CASE(region_create_huge_test),
	KUNIT_CASE(region_create_fail_nth_test),
	KUNIT_CASE(region_create_atomic_test),
	KUNIT_CASE(region_destroy_test),
	{}
};

static struct kunit_suite dma_region_suite = {
	.name = "dma_region",
	.test_cases = dma_region_cases,
};

kunit_test_suite(dma_region_suite);

MODULE_DESCRIPTION("KUnit tests of the DMA region allocator");
MODULE_LICENSE("GPL");
