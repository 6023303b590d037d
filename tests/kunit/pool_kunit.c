// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the atomic pools: pieces taken and given, what happens when a
 * pool runs low or dry, limits, and who is served from it.
 *
 * A pool is grown by a worker on the CPU that found it low. So a test that
 * wants to see a pool dry takes pieces with interrupts off, where no worker of
 * this CPU can run, and looks at what has become of it later.
 */

#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/dma-map-ops.h>
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "../../kernel/dma/backend.h"
#include "../../kernel/dma/ledger.h"
#include "../../kernel/dma/arena.h"
#include "../../kernel/dma/pool.h"
#include "log.h"
#include "mock.h"
#include "pools.h"

#define NAME		"atomic pool"
#define NR_MAX		4096
#define ANYWHERE	((phys_addr_t)-1)

static int pool_init(struct kunit *test)
{
	if (!dma_pools_atomic_figures(test).size)
		kunit_skip(test, "no memory zone has an atomic pool");
	return 0;
}

struct wait {
	struct kunit *test;
	size_t size;
};

static bool has_grown(void *data)
{
	struct wait *wait = data;

	return dma_pools_atomic_figures(wait->test).size > wait->size;
}

static bool wait_for_growth(struct kunit *test, size_t size)
{
	return dma_kunit_wait_until(has_grown, &(struct wait){ test, size });
}

/* Takes pieces with interrupts off until one is refused; returns how many */
static unsigned int drain(struct dma_piece *pieces, size_t size,
			  unsigned int nr_max)
{
	unsigned int nr = 0;
	unsigned long flags;

	local_irq_save(flags);
	while (nr < nr_max && dma_piece_take(size, ANYWHERE, &pieces[nr]))
		nr++;
	local_irq_restore(flags);
	return nr;
}

static void give_all(struct dma_piece *pieces, unsigned int nr, size_t size)
{
	while (nr--)
		dma_piece_give(&pieces[nr], size);
}

static struct dma_piece *alloc_pieces(struct kunit *test)
{
	struct dma_piece *pieces = kunit_kcalloc(test, NR_MAX, sizeof(*pieces),
						 GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pieces);
	return pieces;
}

/* Pieces */

static void pool_piece_test(struct kunit *test)
{
	static const size_t sizes[] = { SZ_4K, SZ_8K, 3 * SZ_4K, SZ_16K, 5 * SZ_4K };
	struct dma_pool_figures before = dma_pools_atomic_figures(test);
	struct dma_piece pieces[ARRAY_SIZE(sizes)], found;
	size_t used = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t align = PAGE_SIZE << get_order(sizes[i]);

		KUNIT_ASSERT_TRUE(test, dma_piece_take(sizes[i], ANYWHERE, &pieces[i]));
		used += sizes[i];
		KUNIT_EXPECT_EQ(test, dma_pools_atomic_figures(test).used, before.used + used);
		KUNIT_EXPECT_EQ(test, pieces[i].phys & (align - 1), 0);
		memset(pieces[i].cpu_addr, i + 1, sizes[i]);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		KUNIT_EXPECT_NULL(test, memchr_inv(pieces[i].cpu_addr, i + 1, sizes[i]));
		KUNIT_ASSERT_TRUE(test, dma_piece_find(pieces[i].cpu_addr, &found));
		KUNIT_EXPECT_PTR_EQ(test, found.extent, pieces[i].extent);
		KUNIT_EXPECT_EQ(test, found.index, pieces[i].index);
		dma_piece_give(&found, sizes[i]);
	}
	KUNIT_EXPECT_EQ(test, dma_pools_atomic_figures(test).used, before.used);
	KUNIT_EXPECT_EQ(test, dma_pools_atomic_figures(test).served,
			before.served + ARRAY_SIZE(sizes));
	KUNIT_EXPECT_EQ(test, dma_pools_atomic_figures(test).refused, before.refused);
}

static void pool_find_nothing_test(struct kunit *test)
{
	void *elsewhere = kunit_kmalloc(test, 16, GFP_KERNEL);
	struct dma_piece piece;

	KUNIT_EXPECT_FALSE(test, dma_piece_find(elsewhere, &piece));
	KUNIT_EXPECT_FALSE(test, dma_piece_find(NULL, &piece));
}

/* Low, dry, and again full */

static void pool_exhaust_test(struct kunit *test)
{
	struct dma_piece *pieces = alloc_pieces(test), piece;
	struct dma_pool_figures before = dma_pools_atomic_figures(test);
	unsigned int nr = drain(pieces, PAGE_SIZE, NR_MAX);

	KUNIT_EXPECT_GE(test, nr, (before.size - before.used) / PAGE_SIZE);
	KUNIT_ASSERT_LT(test, nr, NR_MAX);
	KUNIT_EXPECT_GT(test, dma_pools_atomic_figures(test).refused, before.refused);
	for (unsigned int i = 1; i < nr; i++)
		KUNIT_EXPECT_NE(test, pieces[i].phys, pieces[i - 1].phys);

	/* A worker makes room, as soon as it gets to run */
	KUNIT_EXPECT_TRUE(test, wait_for_growth(test, before.size));
	KUNIT_EXPECT_TRUE(test, dma_piece_take(PAGE_SIZE, ANYWHERE, &piece));
	dma_piece_give(&piece, PAGE_SIZE);
	give_all(pieces, nr, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, dma_pools_atomic_figures(test).used, before.used);
	KUNIT_EXPECT_GE(test, dma_pools_atomic_figures(test).peak, nr * PAGE_SIZE);
}

/* It grows when it is low, before anybody is refused */
static void pool_watermark_test(struct kunit *test)
{
	struct dma_piece *pieces = alloc_pieces(test);
	struct dma_pool_figures before = dma_pools_atomic_figures(test);
	unsigned int nr_free = (before.size - before.used) / PAGE_SIZE;
	unsigned int nr;

	KUNIT_ASSERT_LE(test, nr_free, NR_MAX);
	KUNIT_ASSERT_GE(test, nr_free, 2);
	nr = drain(pieces, PAGE_SIZE, nr_free - 1);
	KUNIT_EXPECT_EQ(test, nr, nr_free - 1);
	KUNIT_EXPECT_TRUE(test, wait_for_growth(test, before.size));
	give_all(pieces, nr, PAGE_SIZE);
	/* Where there are several, one that is dry refers to the next. */
	if (dma_pools_nr_atomic(test) == 1)
		KUNIT_EXPECT_EQ(test, dma_pools_atomic_figures(test).refused,
				before.refused);
}

/* What was too large is not too large a little later */
static void pool_burst_test(struct kunit *test)
{
	struct dma_pool_figures before = dma_pools_atomic_figures(test);
	size_t size = roundup_pow_of_two(before.largest + 1);
	struct dma_piece piece;

	if (size > PAGE_SIZE << MAX_PAGE_ORDER)
		kunit_skip(test, "a pool has a chunk of the largest size already");
	KUNIT_EXPECT_FALSE(test, dma_piece_take(size, ANYWHERE, &piece));
	KUNIT_EXPECT_TRUE(test, wait_for_growth(test, before.size));
	KUNIT_EXPECT_GE(test, dma_pools_atomic_figures(test).largest, size);
	KUNIT_ASSERT_TRUE(test, dma_piece_take(size, ANYWHERE, &piece));
	KUNIT_EXPECT_EQ(test, piece.phys & (size - 1), 0);
	dma_piece_give(&piece, size);
}

/* Nothing that the pool could grow by would serve these: it must not grow */
static void pool_hopeless_test(struct kunit *test)
{
	struct dma_pool_figures before;
	struct dma_piece piece;

	/* Let others' growth come to its end */
	msleep(100);
	before = dma_pools_atomic_figures(test);
	for (unsigned int i = 0; i < 5; i++) {
		KUNIT_EXPECT_FALSE(test, dma_piece_take(PAGE_SIZE << (MAX_PAGE_ORDER + 1),
							ANYWHERE, &piece));
		msleep(50);
	}
	KUNIT_EXPECT_EQ(test, dma_pools_atomic_figures(test).size, before.size);
}

/* Memory is in fragments: what comes does not serve the request, and is not kept. */
static void pool_fragments_test(struct kunit *test)
{
	struct dma_piece *pieces = alloc_pieces(test), piece;
	const size_t size = PAGE_SIZE << 4;
	int order = dma_extent_order;
	struct dma_pool_figures before;
	unsigned int nr;

	dma_extent_order = 2;
	nr = drain(pieces, size, NR_MAX);
	msleep(300);
	before = dma_pools_atomic_figures(test);
	for (unsigned int i = 0; i < 20; i++) {
		KUNIT_EXPECT_FALSE(test, dma_piece_take(size, ANYWHERE, &piece));
		msleep(30);
	}
	KUNIT_EXPECT_EQ(test, dma_pools_atomic_figures(test).size, before.size);
	dma_extent_order = order;
	give_all(pieces, nr, size);
}

static bool has_shrunk(void *data)
{
	struct wait *wait = data;

	return dma_pools_atomic_figures(wait->test).size < wait->size;
}

static bool wait_for_shrinking(struct kunit *test, size_t size)
{
	return dma_kunit_wait_until(has_shrunk, &(struct wait){ test, size });
}

static void pool_shrink_test(struct kunit *test)
{
	struct dma_piece *pieces = alloc_pieces(test);
	unsigned long idle = dma_extent_idle;
	unsigned int nr;
	size_t size;

	dma_extent_idle = HZ / 5;

	/* In use, it stays */
	size = dma_pools_atomic_figures(test).size;
	nr = drain(pieces, PAGE_SIZE, NR_MAX);
	KUNIT_EXPECT_TRUE(test, wait_for_growth(test, size));
	size = dma_pools_atomic_figures(test).size;
	msleep(1000);
	KUNIT_EXPECT_GE(test, dma_pools_atomic_figures(test).size, size);

	/* Idle, it goes: what was added, and not the first chunk */
	size = dma_pools_atomic_figures(test).size;
	give_all(pieces, nr, PAGE_SIZE);
	KUNIT_EXPECT_TRUE(test, wait_for_shrinking(test, size));
	msleep(2000);
	KUNIT_EXPECT_GT(test, dma_pools_atomic_figures(test).size, 0);
	KUNIT_EXPECT_TRUE(test, dma_piece_take(PAGE_SIZE, ANYWHERE, &pieces[0]));
	dma_piece_give(&pieces[0], PAGE_SIZE);
	dma_extent_idle = idle;
}

/* Requests that may sleep leave what is kept for others in one piece. */
static void pool_reserve_test(struct kunit *test)
{
	struct device *dev = dma_kunit_noncoherent_device(test, "dev");
	unsigned long idle = dma_extent_idle;
	struct dma_pools_buffer *bufs;
	unsigned int nr_bufs, nr = 0;
	struct dma_piece piece;
	size_t size;

	if (!IS_ENABLED(CONFIG_DMA_DIRECT_REMAP))
		kunit_skip(test, "nothing is prepared here");
	dma_pools_hold_global(test);
	/* What other tests have made goes, and what is kept remains. */
	dma_extent_idle = HZ / 10;
	KUNIT_ASSERT_TRUE(test, dma_piece_take(PAGE_SIZE, ANYWHERE, &piece));
	dma_piece_give(&piece, PAGE_SIZE);
	msleep(1000);
	size = rounddown_pow_of_two(dma_pools_atomic_figures(test).largest) / 2;
	nr_bufs = 4 * size / PAGE_SIZE;
	bufs = kunit_kcalloc(test, nr_bufs, sizeof(*bufs), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, bufs);
	while (nr < nr_bufs && dma_pools_alloc(dev, PAGE_SIZE, GFP_KERNEL, &bufs[nr]))
		nr++;
	KUNIT_EXPECT_EQ(test, nr, nr_bufs);
	for (unsigned int i = 0; i < nr; i += 2)
		dma_pools_free(&bufs[i]);
	msleep(500);
	if (dma_piece_take(size, ANYWHERE, &piece))
		dma_piece_give(&piece, size);
	else
		KUNIT_FAIL(test, "no %zu bytes in one piece", size);
	for (unsigned int i = 1; i < nr; i += 2)
		dma_pools_free(&bufs[i]);
	dma_extent_idle = idle;
}

/* Limits */

/* Blocks at the first address, limits at the last, and pages cut by a limit */
static void pool_pages_in_reach_test(struct kunit *test)
{
	static const struct {
		phys_addr_t base;
		size_t size;
		phys_addr_t last_phys;
		unsigned long nr;
	} cases[] = {
		{ 0, SZ_128K, PHYS_ADDR_MAX, SZ_128K / PAGE_SIZE },
		{ 0, SZ_128K, SZ_128K - 1, SZ_128K / PAGE_SIZE },
		{ 0, SZ_128K, PAGE_SIZE, 1 },
		{ 0, SZ_128K, PAGE_SIZE - 1, 1 },
		{ 0, SZ_128K, PAGE_SIZE - 2, 0 },
		{ 0, SZ_128K, 0, 0 },
		{ SZ_1M, SZ_128K, PHYS_ADDR_MAX, SZ_128K / PAGE_SIZE },
		{ SZ_1M, SZ_128K, SZ_1M + 2 * PAGE_SIZE - 2, 1 },
		{ SZ_1M, SZ_128K, SZ_1M + PAGE_SIZE - 2, 0 },
		{ SZ_1M, SZ_128K, SZ_1M - 1, 0 },
		{ -(phys_addr_t)SZ_128K, SZ_128K, PHYS_ADDR_MAX, SZ_128K / PAGE_SIZE },
		{ -(phys_addr_t)SZ_128K, SZ_128K, PHYS_ADDR_MAX - 1, SZ_128K / PAGE_SIZE - 1 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++)
		KUNIT_EXPECT_EQ_MSG(test, cases[i].nr,
				    dma_pages_in_reach(cases[i].base, cases[i].size,
						       cases[i].last_phys),
				    "case %u", i);
}

static void pool_limit_test(struct kunit *test)
{
	struct dma_piece *pieces = alloc_pieces(test), far;
	struct dma_pool_figures before;
	phys_addr_t last = 0;
	unsigned int nr = 0;

	/* A limit within the pool's memory: half of what is free */
	nr = drain(pieces, PAGE_SIZE, NR_MAX);
	for (unsigned int i = 0; i < nr; i++)
		last += pieces[i].phys / nr;
	last |= PAGE_SIZE - 1;
	give_all(pieces, nr, PAGE_SIZE);

	nr = 0;
	while (nr < NR_MAX && dma_piece_take(PAGE_SIZE, last, &pieces[nr]))
		nr++;
	KUNIT_EXPECT_GT(test, nr, 0);
	for (unsigned int i = 0; i < nr; i++)
		KUNIT_EXPECT_LE(test, pieces[i].phys + PAGE_SIZE - 1, last);
	KUNIT_EXPECT_TRUE(test, dma_piece_take(PAGE_SIZE, ANYWHERE, &far));
	dma_piece_give(&far, PAGE_SIZE);
	give_all(pieces, nr, PAGE_SIZE);

	/* Below all memory there is nothing, and asking costs nothing */
	msleep(100);
	before = dma_pools_atomic_figures(test);
	for (unsigned int i = 0; i < 5; i++) {
		KUNIT_EXPECT_FALSE(test, dma_piece_take(PAGE_SIZE, PAGE_SIZE - 1,
							&far));
		msleep(20);
	}
	KUNIT_EXPECT_EQ(test, dma_pools_atomic_figures(test).size, before.size);
}

/* What a pool grows by lies beyond the limit: it must not go on growing. */
static void pool_out_of_reach_test(struct kunit *test)
{
	struct dma_piece *pieces = alloc_pieces(test), lowest, other;
	unsigned int nr = drain(pieces, PAGE_SIZE, NR_MAX);
	phys_addr_t last = PHYS_ADDR_MAX;
	struct dma_pool_figures before;

	for (unsigned int i = 0; i < nr; i++)
		last = min(last, pieces[i].phys + PAGE_SIZE - 1);
	give_all(pieces, nr, PAGE_SIZE);
	KUNIT_ASSERT_TRUE(test, dma_piece_take(PAGE_SIZE, last, &lowest));
	msleep(100);
	before = dma_pools_atomic_figures(test);
	for (unsigned int i = 0; i < 40; i++) {
		if (dma_piece_take(PAGE_SIZE, last, &other)) {
			/* This time it lies below. */
			dma_piece_give(&other, PAGE_SIZE);
			break;
		}
		msleep(30);
	}
	KUNIT_EXPECT_LE(test, dma_pools_atomic_figures(test).size,
			2 * before.size);
	dma_piece_give(&lowest, PAGE_SIZE);
}

/* Who is served */

static void pool_device_test(struct kunit *test)
{
	struct device *dev = dma_kunit_noncoherent_device(test, "dev");
	struct dma_pool_figures before = dma_pools_atomic_figures(test);
	struct dma_pools_buffer buffer;

	dma_pools_hold_global(test);
	for (unsigned int i = 0; i < 2; i++) {
		KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_16K - 100,
							GFP_ATOMIC, &buffer));
		KUNIT_EXPECT_STREQ(test, buffer.backend, NAME);
		KUNIT_EXPECT_TRUE(test, dma_pools_is_filled(&buffer, 0));
		KUNIT_EXPECT_EQ(test, buffer.phys & (SZ_16K - 1), 0);
		KUNIT_EXPECT_EQ(test, buffer.dma_addr, buffer.phys);
		KUNIT_EXPECT_PTR_NE(test, buffer.cpu_addr, phys_to_virt(buffer.phys));
		KUNIT_EXPECT_EQ(test, dma_pools_atomic_figures(test).used,
				before.used + SZ_16K);
		memset(buffer.cpu_addr, 0xa5, SZ_16K);
		dma_pools_free(&buffer);
	}
	KUNIT_EXPECT_EQ(test, dma_pools_atomic_figures(test).used, before.used);

	/* Whoever may sleep has other memory */
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_16K, GFP_KERNEL, &buffer));
	KUNIT_EXPECT_STRNEQ(test, buffer.backend, NAME);
	dma_pools_free(&buffer);
}

static void pool_decline_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "coherent");
	struct device *other = dma_kunit_noncoherent_device(test, "other");
	struct dma_request req = dma_request_of(dev, PAGE_SIZE, GFP_ATOMIC, 0);

	KUNIT_EXPECT_STREQ(test, dma_backend_declines(&dma_atomic_pool, &req),
			   "pages need no preparation");
	req = dma_request_of(other, PAGE_SIZE, GFP_KERNEL, 0);
	KUNIT_EXPECT_STREQ(test, dma_backend_declines(&dma_atomic_pool, &req),
			   "the request may sleep");
	req = dma_request_of(other, PAGE_SIZE, GFP_ATOMIC, 0);
	KUNIT_EXPECT_NULL(test, dma_backend_declines(&dma_atomic_pool, &req));
	/* An IOMMU maps what is ready as well. */
	req.route = DMA_ROUTE_IOMMU;
	KUNIT_EXPECT_NULL(test, dma_backend_declines(&dma_atomic_pool, &req));
}

/* One line says what was free, and what helps */
static void pool_refusal_test(struct kunit *test)
{
	struct device *dev = dma_kunit_noncoherent_device(test, "dev");
	struct dma_pool_figures before;

	dma_pools_hold_global(test);
	before = dma_pools_atomic_figures(test);
	/* More than a pool can grow by: no second try is served */
	KUNIT_EXPECT_TRUE(test, dma_pools_is_refused(dev, PAGE_SIZE << (MAX_PAGE_ORDER + 1),
						     GFP_ATOMIC, "coherent_pool= helps"));
	KUNIT_EXPECT_GT(test, dma_kunit_log_match(dev_name(dev), NAME ": "), 0);
	KUNIT_EXPECT_EQ(test, dma_pools_atomic_figures(test).used, before.used);
}

static void pool_storm_test(struct kunit *test)
{
	struct device *dev = dma_kunit_noncoherent_device(test, "dev");
	struct dma_pool_figures before;

	dma_pools_hold_global(test);
	before = dma_pools_atomic_figures(test);
	dma_pools_run_storm(test, &(struct dma_pools_storm){
		.devs = &dev,
		.nr_devs = 1,
		.max_pages = 6,
		.backend = NAME,
		.nr_wanted = 3000,
		.nr_wanted_in_irq = 200,
	});
	KUNIT_EXPECT_EQ(test, dma_pools_atomic_figures(test).used, before.used);
}

static struct kunit_case dma_pool_cases[] = {
	KUNIT_CASE(pool_piece_test),
	KUNIT_CASE(pool_find_nothing_test),
	KUNIT_CASE(pool_watermark_test),
	KUNIT_CASE(pool_exhaust_test),
	KUNIT_CASE(pool_burst_test),
	KUNIT_CASE(pool_hopeless_test),
	KUNIT_CASE_SLOW(pool_fragments_test),
	KUNIT_CASE(pool_pages_in_reach_test),
	KUNIT_CASE(pool_reserve_test),
	KUNIT_CASE(pool_limit_test),
	KUNIT_CASE_SLOW(pool_out_of_reach_test),
	KUNIT_CASE(pool_device_test),
	KUNIT_CASE(pool_decline_test),
	KUNIT_CASE(pool_refusal_test),
	KUNIT_CASE_SLOW(pool_storm_test),
	KUNIT_CASE_SLOW(pool_shrink_test),
	{}
};

static struct kunit_suite dma_pool_suite = {
	.name = "dma_pool",
	.init = pool_init,
	.test_cases = dma_pool_cases,
};

kunit_test_suite(dma_pool_suite);

MODULE_DESCRIPTION("KUnit tests of the atomic DMA pools");
MODULE_LICENSE("GPL");
