// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of arenas: how many extents a burst makes, when idle memory goes
 * back and to whom, and that one live buffer does not keep what is beside it.
 */

#include <kunit/test.h>
#include <linux/cma.h>
#include <linux/delay.h>
#include <linux/dma-map-ops.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/vmstat.h>

#include "../../kernel/dma/arena.h"
#include "../../kernel/dma/backend.h"
#include "../../kernel/dma/contiguous.h"
#include "../../mm/internal.h"
#include "mock.h"
#include "pools.h"

#define NR_BUFFERS	32

struct kind {
	const char *what;
	bool is_prepared;
};

static const struct kind kinds[] = {
	{ "plain" },
	{ "prepared", true },
};

static void kind_to_desc(const struct kind *kind, char *desc)
{
	strscpy(desc, kind->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(kind, kinds, kind_to_desc);

struct use {
	struct dma_cma_area *area;
	struct dma_arena *arena;
	struct device *dev;
	struct dma_pools_buffer buffers[NR_BUFFERS];
	unsigned int nr;
	unsigned long idle;
};

static void end_use(void *data)
{
	struct use *use = data;

	dma_pools_free_all(use->buffers, use->nr);
	dma_cma_bind(use->dev, NULL);
	dma_extent_idle = use->idle;
	cancel_delayed_work_sync(&use->arena->work);
	dma_arena_trim(use->arena);
}

/* A device with a CMA area of its own, and the arena of it that serves the device. */
static struct use *make_use(struct kunit *test, const struct kind *kind)
{
	struct use *use = kunit_kzalloc(test, sizeof(*use), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, use);
	use->area = dma_cma_default();
	for (unsigned int nr = 0; dma_cma_at(nr); nr++)
		if (!strcmp(dma_cma_at(nr)->info.kind, "device cma"))
			use->area = dma_cma_at(nr);
	if (!use->area)
		kunit_skip(test, "no CMA area: boot with cma=");
	if (kind->is_prepared && !IS_ENABLED(CONFIG_DMA_DIRECT_REMAP))
		kunit_skip(test, "nothing is prepared here");
	use->arena = kind->is_prepared ? &use->area->prepared :
					 &use->area->plain;
	if (kind->is_prepared) {
		use->dev = dma_kunit_noncoherent_device(test, "dev");
		dma_pools_hold_global(test);
	} else {
		use->dev = dma_kunit_coherent_device(test, "dev");
	}
	KUNIT_ASSERT_EQ(test, 0, dma_cma_bind(use->dev, use->area));
	use->idle = dma_extent_idle;
	dma_extent_idle = 60 * HZ;
	cancel_delayed_work_sync(&use->arena->work);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, end_use, use));
	dma_arena_trim(use->arena);
	return use;
}

static struct dma_pool_figures figures_of(struct use *use)
{
	struct dma_pool_figures figures = {};

	dma_arena_figures(use->arena, &figures);
	return figures;
}

static size_t idle_bytes(struct use *use)
{
	struct dma_pool_figures figures = figures_of(use);

	return figures.size - figures.used;
}

static void take(struct kunit *test, struct use *use, unsigned int nr,
		 size_t size)
{
	while (nr--) {
		struct dma_pools_buffer *buffer = &use->buffers[use->nr];

		KUNIT_ASSERT_TRUE(test, dma_pools_alloc(use->dev, size,
							GFP_KERNEL, buffer));
		use->nr++;
		KUNIT_EXPECT_STREQ(test, buffer->backend, "device cma");
		KUNIT_EXPECT_TRUE(test, dma_pools_is_filled(buffer, 0));
		memset(buffer->cpu_addr, 0xa5, size);
	}
}

static void give_all(struct use *use)
{
	dma_pools_free_all(use->buffers, use->nr);
	use->nr = 0;
}

static bool is_trimmed(void *data)
{
	return !idle_bytes(data);
}

/* The first buffer takes no more than it asks for; many share what is made. */
static void arena_burst_test(struct kunit *test)
{
	struct use *use = make_use(test, test->param_value);
	unsigned long nr_extents = 0;
	size_t size = 0;

	take(test, use, 1, SZ_16K);
	KUNIT_EXPECT_EQ(test, figures_of(use).size, SZ_16K);
	while (use->nr < NR_BUFFERS) {
		struct dma_pool_figures figures;

		take(test, use, 1, SZ_16K);
		figures = figures_of(use);
		nr_extents += figures.size != size;
		size = figures.size;
		KUNIT_EXPECT_LE(test, size, 2 * figures.used);
	}
	KUNIT_EXPECT_LE(test, nr_extents, 6);
	/* What comes next takes what is there. */
	size = figures_of(use).size;
	give_all(use);
	KUNIT_EXPECT_EQ(test, figures_of(use).size, size);
	take(test, use, NR_BUFFERS, SZ_16K);
	KUNIT_EXPECT_EQ(test, figures_of(use).size, size);
}

/* A second later nothing is kept that nobody uses. */
static void arena_idle_test(struct kunit *test)
{
	struct use *use = make_use(test, test->param_value);

	dma_extent_idle = HZ / 10;
	take(test, use, 8, SZ_16K);
	give_all(use);
	KUNIT_EXPECT_TRUE(test, dma_kunit_wait_until(is_trimmed, use));
	KUNIT_EXPECT_EQ(test, figures_of(use).size, 0);
}

/* One live buffer of many: plain memory beside it goes back all the same. */
static void arena_one_live_test(struct kunit *test)
{
	const struct kind *kind = test->param_value;
	struct use *use = make_use(test, kind);
	struct dma_pools_buffer kept;

	take(test, use, 16, SZ_16K);
	kept = use->buffers[11];
	use->buffers[11] = use->buffers[--use->nr];
	give_all(use);
	dma_arena_trim(use->arena);
	if (!kind->is_prepared)
		KUNIT_EXPECT_EQ(test, figures_of(use).size, SZ_16K);
	KUNIT_EXPECT_GE(test, figures_of(use).size, SZ_16K);
	KUNIT_EXPECT_TRUE(test, dma_pools_is_filled(&kept, 0xa5));
	dma_pools_free(&kept);
	dma_arena_trim(use->arena);
	KUNIT_EXPECT_EQ(test, figures_of(use).size, 0);
}

static bool is_one_buffer(void *data)
{
	return figures_of(data).size == SZ_16K;
}

/* It stays for the next small buffers, but not for long if there are none. */
static void arena_untouched_test(struct kunit *test)
{
	struct use *use = make_use(test, &kinds[0]);

	dma_extent_idle = HZ / 10;
	take(test, use, 16, SZ_16K);
	while (use->nr > 1)
		dma_pools_free(&use->buffers[--use->nr]);
	KUNIT_EXPECT_GT(test, idle_bytes(use), 0);
	KUNIT_EXPECT_TRUE(test, dma_kunit_wait_until(is_one_buffer, use));
}

/* Small buffers stay together, so that large ones fit: none lies among them. */
static void arena_apart_test(struct kunit *test)
{
	struct use *use = make_use(test, &kinds[0]);
	size_t large = use->arena->most / 2;
	phys_addr_t last = 0;

	take(test, use, 8, SZ_16K);
	for (unsigned int i = 0; i < use->nr; i++)
		last = max(last, use->buffers[i].phys);
	take(test, use, 1, large);
	for (unsigned int i = 0; i + 1 < use->nr; i += 2)
		dma_pools_free(&use->buffers[i]);
	/* What comes now fills what is free. */
	for (unsigned int i = 0; i + 1 < use->nr; i += 2) {
		KUNIT_ASSERT_TRUE(test, dma_pools_alloc(use->dev, SZ_16K,
							GFP_KERNEL,
							&use->buffers[i]));
		KUNIT_EXPECT_LE(test, use->buffers[i].phys, last);
	}
	/* The large one goes as a whole. */
	dma_pools_free(&use->buffers[--use->nr]);
	KUNIT_EXPECT_GE(test, idle_bytes(use), large);
}

/* Who takes pages of the area by other ways gets what is idle at once. */
static void arena_contiguous_test(struct kunit *test)
{
	struct use *use = make_use(test, test->param_value);
	static struct page *pages[256];
	unsigned int nr = 0;

	take(test, use, NR_BUFFERS, SZ_16K);
	give_all(use);
	KUNIT_ASSERT_GT(test, idle_bytes(use), 0);
	while (nr < ARRAY_SIZE(pages)) {
		pages[nr] = dma_alloc_from_contiguous(use->dev,
						      SZ_1M >> PAGE_SHIFT, 0,
						      true);
		if (!pages[nr])
			break;
		nr++;
	}
	/* It is asked until it has none: what was idle is among them. */
	KUNIT_EXPECT_EQ(test, idle_bytes(use), 0);
	KUNIT_EXPECT_GT(test, nr, 0);
	while (nr--)
		dma_release_from_contiguous(use->dev, pages[nr],
					    SZ_1M >> PAGE_SHIFT);
}

/* The other arena of the same area, too. */
static void arena_other_arena_test(struct kunit *test)
{
	struct use *use = make_use(test, &kinds[0]);
	struct dma_cma_area *area = use->area;
	struct dma_need need = {
		.size = cma_get_size(area->cma) / 2,
		.last_phys = PHYS_ADDR_MAX,
		.align_else = 1,
	};
	struct dma_piece piece, other;

	if (!IS_ENABLED(CONFIG_DMA_DIRECT_REMAP))
		kunit_skip(test, "nothing is prepared here");
	KUNIT_ASSERT_TRUE(test, dma_arena_alloc(&area->plain, &need, &piece));
	/* Somebody holds the first half; the second one is free. */
	if (dma_arena_alloc(&area->plain, &need, &other))
		dma_piece_give(&other, need.size);
	dma_piece_give(&piece, need.size);
	KUNIT_EXPECT_TRUE(test, dma_arena_alloc(&area->prepared, &need, &piece));
	dma_piece_give(&piece, need.size);
	dma_arena_trim(&area->prepared);
}

/* When the kernel is short of memory, movable pages may lie there again. */
static void arena_shrink_test(struct kunit *test)
{
	struct use *use = make_use(test, &kinds[0]);
	long before, after;

	take(test, use, NR_BUFFERS, SZ_64K);
	give_all(use);
	KUNIT_ASSERT_GE(test, idle_bytes(use), NR_BUFFERS * SZ_64K);
	drain_all_pages(NULL);
	before = global_zone_page_state(NR_FREE_CMA_PAGES);
	drop_slab();
	KUNIT_EXPECT_EQ(test, idle_bytes(use), 0);
	drain_all_pages(NULL);
	after = global_zone_page_state(NR_FREE_CMA_PAGES);
	KUNIT_EXPECT_GE(test, after - before,
			(long)(NR_BUFFERS * SZ_64K >> PAGE_SHIFT) / 2);
}

/* Pages that others may hold are never a piece of something. */
static void arena_not_for_pages_test(struct kunit *test)
{
	struct use *use = make_use(test, &kinds[0]);
	dma_addr_t dma_addr;
	struct page *page;

	page = dma_alloc_pages(use->dev, SZ_64K, &dma_addr, DMA_BIDIRECTIONAL,
			       GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_EQ(test, figures_of(use).size, 0);
	dma_free_pages(use->dev, SZ_64K, page, dma_addr, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_EQ(test, figures_of(use).size, 0);
}

/* A device that reaches only the lower half gets nothing of the upper one. */
static void arena_reach_test(struct kunit *test)
{
	struct use *use = make_use(test, &kinds[0]);
	phys_addr_t base = cma_get_base(use->area->cma);
	phys_addr_t last = base + cma_get_size(use->area->cma) / 2 - 1;
	struct dma_need need = {
		.size = SZ_64K,
		.last_phys = last,
	};
	static struct dma_piece pieces[64];
	unsigned int nr = 0;

	while (nr < ARRAY_SIZE(pieces) &&
	       dma_arena_alloc(use->arena, &need, &pieces[nr])) {
		KUNIT_EXPECT_LE(test, pieces[nr].phys + SZ_64K - 1, last);
		nr++;
	}
	KUNIT_EXPECT_GT(test, nr, 0);
	while (nr--)
		dma_piece_give(&pieces[nr], SZ_64K);
}

/* What the device does not reach goes back: no request leaves an extent behind. */
static void arena_out_of_reach_test(struct kunit *test)
{
	struct use *use = make_use(test, &kinds[0]);
	struct dma_need need = {
		.size = SZ_64K,
		.last_phys = cma_get_base(use->area->cma) + PAGE_SIZE - 1,
	};
	struct dma_piece piece;

	for (unsigned int i = 0; i < 20; i++)
		KUNIT_EXPECT_FALSE(test, dma_arena_alloc(use->arena, &need,
							 &piece));
	KUNIT_EXPECT_EQ(test, figures_of(use).size, 0);
}

/* Where nothing can go back, no timer runs. */
static void arena_quiet_test(struct kunit *test)
{
	struct use *use = make_use(test, test->param_value);

	dma_extent_idle = HZ / 20;
	take(test, use, 16, SZ_16K);
	while (use->nr > 1)
		dma_pools_free(&use->buffers[--use->nr]);
	msleep(1500);
	KUNIT_EXPECT_FALSE(test, delayed_work_pending(&use->arena->work));
}

static struct kunit_case dma_arena_cases[] = {
	KUNIT_CASE_PARAM(arena_burst_test, kind_gen_params),
	KUNIT_CASE_PARAM(arena_idle_test, kind_gen_params),
	KUNIT_CASE_PARAM(arena_one_live_test, kind_gen_params),
	KUNIT_CASE(arena_untouched_test),
	KUNIT_CASE(arena_apart_test),
	KUNIT_CASE_PARAM(arena_contiguous_test, kind_gen_params),
	KUNIT_CASE(arena_other_arena_test),
	KUNIT_CASE(arena_shrink_test),
	KUNIT_CASE(arena_not_for_pages_test),
	KUNIT_CASE(arena_reach_test),
	KUNIT_CASE(arena_out_of_reach_test),
	KUNIT_CASE_PARAM(arena_quiet_test, kind_gen_params),
	{}
};

static struct kunit_suite dma_arena_suite = {
	.name = "dma_arena",
	.test_cases = dma_arena_cases,
};

kunit_test_suite(dma_arena_suite);

MODULE_DESCRIPTION("KUnit tests of arenas of DMA memory");
MODULE_LICENSE("GPL");
