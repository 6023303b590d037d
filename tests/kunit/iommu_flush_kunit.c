// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of when an IOMMU's translations are invalidated: at once, or by
 * a flush queue.
 *
 * The mock keeps a page that was unmapped as a stale one until it is
 * invalidated, and takes it for an error if such an address is mapped again,
 * or a page of the page table freed. So these tests mostly use the API, and
 * wait for the flush.
 */

#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/irqflags.h>
#include <linux/ktime.h>
#include <linux/prandom.h>
#include <linux/preempt.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/vmalloc.h>

#include "../../drivers/iommu/dma-iommu.h"
#include "mock_iommu.h"

/* More than a queue of each CPU holds */
#define NR_MANY		2000

/* A device with its IOMMU */
struct place {
	struct mock_iommu *iommu;
	struct device *dev;
	u8 *buffer;
};

static struct place make_place(struct kunit *test,
			       const struct mock_iommu_shape *shape)
{
	struct place place = {
		.iommu = mock_iommu_create(test, shape),
		.buffer = mock_iommu_buffer(test, SZ_64K),
	};

	place.dev = mock_iommu_device(test, place.iommu, "dev",
				      &(struct dma_kunit_shape){});
	mock_iommu_fill(place.buffer, SZ_64K, 1);
	return place;
}

/* Strict, until the test makes it lazy */
static struct place switching_place(struct kunit *test, bool shadows_on_flush)
{
	if (mock_iommu_shape_of(test)->is_strict)
		kunit_skip(test, "it can't put anything off");
	return make_place(test, &(struct mock_iommu_shape) {
		.has_tables = true,
		.shadows_on_flush = shadows_on_flush,
	});
}

static struct place lazy_place(struct kunit *test)
{
	return make_place(test, &(struct mock_iommu_shape) {
		.domain_type = IOMMU_DOMAIN_DMA_FQ,
		.has_tables = true,
	});
}

static bool is_flushed(void *data)
{
	return !mock_iommu_nr_stale(data);
}

/* After a flush, its tables are freed. */
static bool is_settled(void *data)
{
	return is_flushed(data) && !mock_iommu_nr_tables(data);
}

static void check_settles(struct kunit *test, struct device *dev)
{
	KUNIT_EXPECT_TRUE(test, dma_kunit_wait_until(is_settled, dev));
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), 0);
}

static dma_addr_t map(struct kunit *test, struct place *place, size_t size)
{
	dma_addr_t dma_addr = dma_map_single(place->dev, place->buffer, size,
					     DMA_TO_DEVICE);

	KUNIT_ASSERT_FALSE(test, dma_mapping_error(place->dev, dma_addr));
	return dma_addr;
}

static void unmap(struct place *place, dma_addr_t dma_addr, size_t size)
{
	dma_unmap_single(place->dev, dma_addr, size, DMA_TO_DEVICE);
}

/* At once */

static void flush_strict_test(struct kunit *test)
{
	/* Without a call to invalidate, there is none to free tables after. */
	struct place place = make_place(test, &(struct mock_iommu_shape) {
		.has_tables = mock_iommu_shape_of(test)->forget !=
			      MOCK_IOMMU_AT_ONCE,
	});
	dma_addr_t dma_addr;
	void *cpu_addr;

	for (size_t size = SZ_4K; size <= SZ_64K; size += SZ_4K) {
		unmap(&place, map(test, &place, size), size);
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_stale(place.dev), 0);
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_tables(place.dev), 0);
		cpu_addr = dma_alloc_coherent(place.dev, size, &dma_addr,
					      GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
		dma_free_coherent(place.dev, size, cpu_addr, dma_addr);
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_stale(place.dev), 0);
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_tables(place.dev), 0);
	}
	KUNIT_EXPECT_EQ(test, mock_iommu_counts(place.dev).nr_flushes, 0);
}

/* By a queue */

/* Unmapping does not wait for the IOMMU; the queue is flushed after a time. */
static void flush_timer_test(struct kunit *test)
{
	struct place place = lazy_place(test);
	struct mock_iommu_counts before, after;
	dma_addr_t dma_addr;

	for (unsigned int i = 0; i < 5; i++) {
		before = mock_iommu_counts(place.dev);
		dma_addr = map(test, &place, SZ_16K);
		KUNIT_EXPECT_TRUE(test, mock_iommu_sees(place.dev, dma_addr,
							place.buffer, SZ_16K));
		unmap(&place, dma_addr, SZ_16K);
		KUNIT_EXPECT_EQ(test, mock_iommu_prot(place.dev, dma_addr), -1);
		check_settles(test, place.dev);
		after = mock_iommu_counts(place.dev);
		KUNIT_EXPECT_EQ(test, after.nr_syncs, before.nr_syncs);
		KUNIT_EXPECT_GT(test, after.nr_flushes, before.nr_flushes);
		KUNIT_EXPECT_EQ(test, after.unmapped - before.unmapped, SZ_16K);
	}
}

/* Nothing is flushed that need not be. */
static void flush_idle_test(struct kunit *test)
{
	struct place place = lazy_place(test);
	unsigned long nr_flushes;

	unmap(&place, map(test, &place, SZ_4K), SZ_4K);
	check_settles(test, place.dev);
	msleep(50);
	nr_flushes = mock_iommu_counts(place.dev).nr_flushes;
	msleep(200);
	KUNIT_EXPECT_EQ(test, mock_iommu_counts(place.dev).nr_flushes,
			nr_flushes);
}

/* Lists and consistent memory wait in the same queue. */
static void flush_kinds_test(struct kunit *test)
{
	struct place place = lazy_place(test);
	struct scatterlist sg[2];
	dma_addr_t dma_addr;
	void *cpu_addr;

	sg_init_table(sg, 2);
	sg_set_buf(&sg[0], place.buffer, SZ_8K);
	sg_set_buf(&sg[1], place.buffer + SZ_16K, SZ_8K);
	KUNIT_ASSERT_EQ(test, 1, dma_map_sg(place.dev, sg, 2, DMA_TO_DEVICE));
	dma_unmap_sg(place.dev, sg, 2, DMA_TO_DEVICE);
	dma_addr = dma_map_resource(place.dev, mock_iommu_registers(test), SZ_4K,
				    DMA_TO_DEVICE, 0);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(place.dev, dma_addr));
	dma_unmap_resource(place.dev, dma_addr, SZ_4K, DMA_TO_DEVICE, 0);
	cpu_addr = dma_alloc_coherent(place.dev, SZ_64K, &dma_addr, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	dma_free_coherent(place.dev, SZ_64K, cpu_addr, dma_addr);
	KUNIT_EXPECT_EQ(test, mock_iommu_counts(place.dev).nr_syncs, 0);
	check_settles(test, place.dev);
}

/*
 * A full queue is flushed, with no help by the timer: interrupts are off. Only
 * the unmapping is in that section, since the rest may take its time.
 */
static void flush_overflow_test(struct kunit *test)
{
	struct place place = lazy_place(test);
	dma_addr_t *addrs = kunit_kcalloc(test, NR_MANY, sizeof(*addrs),
					  GFP_KERNEL);
	unsigned long nr_flushes, nr_stale, flags;

	KUNIT_ASSERT_NOT_NULL(test, addrs);
	for (unsigned int i = 0; i < NR_MANY; i++)
		addrs[i] = map(test, &place, SZ_4K);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(place.dev), NR_MANY);

	local_irq_save(flags);
	for (unsigned int i = 0; i < NR_MANY; i++)
		unmap(&place, addrs[i], SZ_4K);
	nr_flushes = mock_iommu_counts(place.dev).nr_flushes;
	nr_stale = mock_iommu_nr_stale(place.dev);
	local_irq_restore(flags);

	KUNIT_EXPECT_GE(test, nr_flushes, 1);
	KUNIT_EXPECT_LT(test, nr_flushes, NR_MANY / 10);
	KUNIT_EXPECT_LT(test, nr_stale, NR_MANY);
	check_settles(test, place.dev);
}

/*
 * Few addresses, and each of them unmapped again and again: the mock finds out
 * if one comes back before its flush.
 */
static void flush_reuse_test(struct kunit *test)
{
	struct place place = make_place(test, &(struct mock_iommu_shape) {
		.aperture_start = SZ_1M,
		.aperture_last = SZ_1M + SZ_64K - 1,
		.domain_type = IOMMU_DOMAIN_DMA_FQ,
		.has_tables = true,
	});
	unsigned int nr_mapped = 0;
	dma_addr_t dma_addr;

	for (unsigned int i = 0; i < 1000; i++) {
		dma_addr = dma_map_single_attrs(place.dev, place.buffer, SZ_4K,
						DMA_TO_DEVICE,
						DMA_ATTR_NO_WARN);
		/* All addresses wait for the flush: wait, too. */
		if (dma_mapping_error(place.dev, dma_addr)) {
			KUNIT_ASSERT_TRUE(test,
					  dma_kunit_wait_until(is_flushed,
							       place.dev));
			continue;
		}
		KUNIT_EXPECT_TRUE(test, mock_iommu_sees(place.dev, dma_addr,
							place.buffer, SZ_4K));
		unmap(&place, dma_addr, SZ_4K);
		nr_mapped++;
	}
	KUNIT_EXPECT_GE(test, nr_mapped, 500);
	check_settles(test, place.dev);
}

/* All addresses wait in the queue: they come back. */
static void flush_exhaust_test(struct kunit *test)
{
	struct place place = make_place(test, &(struct mock_iommu_shape) {
		.aperture_start = SZ_1M,
		.aperture_last = SZ_1M + SZ_128K - 1,
		.domain_type = IOMMU_DOMAIN_DMA_FQ,
	});
	dma_addr_t addrs[33];
	unsigned int nr;

	for (unsigned int round = 0; round < 5; round++) {
		nr = mock_iommu_exhaust(test, place.dev, place.buffer, SZ_4K,
					addrs, ARRAY_SIZE(addrs));
		KUNIT_EXPECT_EQ(test, nr, 32);
		mock_iommu_unmap_all(place.dev, addrs, nr, SZ_4K);
		check_settles(test, place.dev);
		/* Flushed, and a moment later free */
		msleep(50);
	}
}

/* An IOMMU for which a flush is slow: one queue, flushed rarely */
static void flush_shadow_test(struct kunit *test)
{
	struct place place = make_place(test, &(struct mock_iommu_shape) {
		.domain_type = IOMMU_DOMAIN_DMA_FQ,
		.shadows_on_flush = true,
		.has_tables = true,
	});
	ktime_t start = ktime_get();
	unsigned long nr_flushes;
	dma_addr_t addrs[64];

	for (unsigned int i = 0; i < ARRAY_SIZE(addrs); i++)
		addrs[i] = map(test, &place, SZ_4K);
	for (unsigned int i = 0; i < ARRAY_SIZE(addrs); i++)
		unmap(&place, addrs[i], SZ_4K);
	msleep(50);
	nr_flushes = mock_iommu_counts(place.dev).nr_flushes;
	/* On a slow machine that was long enough. */
	if (ktime_ms_delta(ktime_get(), start) < 700)
		KUNIT_EXPECT_EQ(test, nr_flushes, 0);
	check_settles(test, place.dev);
	KUNIT_EXPECT_GE(test, mock_iommu_counts(place.dev).nr_flushes, 1);
}

/* Leaving with a queue that is not empty: the mock counts the tables. */
static void flush_leave_test(struct kunit *test)
{
	struct place place = lazy_place(test);

	for (unsigned int i = 0; i < 3; i++) {
		for (unsigned int j = 0; j < 100; j++)
			unmap(&place, map(test, &place, SZ_8K), SZ_8K);
		mock_iommu_leave(place.dev);
		KUNIT_ASSERT_EQ(test, 0, mock_iommu_join(place.iommu,
							 place.dev));
	}
}

/* From strict to lazy */

/* What iommu.c does when an administrator writes to a group's "type" */
static int make_lazy(struct device *dev)
{
	struct iommu_domain *domain = iommu_get_dma_domain(dev);
	int err;

	/* The mock looks at the type: as soon as there is a queue, it has to wait. */
	domain->type = IOMMU_DOMAIN_DMA_FQ;
	err = iommu_dma_init_fq(domain);
	if (err)
		domain->type = IOMMU_DOMAIN_DMA;
	return err;
}

static void flush_switch_test(struct kunit *test)
{
	struct place place = switching_place(test, false);
	dma_addr_t dma_addr = map(test, &place, SZ_8K);
	struct mock_iommu_counts before;

	unmap(&place, map(test, &place, SZ_4K), SZ_4K);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_stale(place.dev), 0);
	KUNIT_EXPECT_EQ(test, 0, make_lazy(place.dev));
	/* Twice does no harm. */
	KUNIT_EXPECT_EQ(test, 0, make_lazy(place.dev));
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(place.dev, dma_addr,
						place.buffer, SZ_8K));
	before = mock_iommu_counts(place.dev);
	unmap(&place, dma_addr, SZ_8K);
	KUNIT_EXPECT_EQ(test, mock_iommu_counts(place.dev).nr_syncs,
			before.nr_syncs);
	check_settles(test, place.dev);
	KUNIT_EXPECT_GT(test, mock_iommu_counts(place.dev).nr_flushes,
			before.nr_flushes);
}

/* No memory for the queue: strict as before */
static void flush_switch_fails_test(struct kunit *test)
{
	/* One queue is one allocation that can fail. */
	struct place place = switching_place(test, true);
	unsigned int nth, nr_failed = 0;
	bool is_beyond = false;

	if (!dma_kunit_fail_sleeping(false))
		kunit_skip(test, "needs FAILSLAB, FAIL_PAGE_ALLOC, FAULT_INJECTION_DEBUG_FS");
	for (nth = 1; nth < 50 && !is_beyond; nth++) {
		int err;

		dma_kunit_fail_sleeping(true);
		dma_kunit_fail_nth(nth);
		err = make_lazy(place.dev);
		is_beyond = dma_kunit_fail_nth(0);
		dma_kunit_fail_sleeping(false);
		if (!err)
			break;
		KUNIT_EXPECT_EQ(test, err, -ENOMEM);
		nr_failed++;
		unmap(&place, map(test, &place, SZ_4K), SZ_4K);
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_stale(place.dev), 0);
	}
	KUNIT_EXPECT_GE(test, nr_failed, 1);
	KUNIT_EXPECT_EQ(test, iommu_get_dma_domain(place.dev)->type,
			IOMMU_DOMAIN_DMA_FQ);
	unmap(&place, map(test, &place, SZ_4K), SZ_4K);
	check_settles(test, place.dev);
}

/* In full use */

#define SWITCH_AT	300

struct switching {
	struct device *dev;
	u8 *buffer;
	atomic_long_t *nr_errors;
	unsigned int nr_steps;
	bool switches;
};

static bool switching_step(void *data)
{
	struct switching *it = data;
	size_t size = SZ_4K * (1 + it->nr_steps % 3);
	dma_addr_t dma_addr;

	if (it->switches && it->nr_steps == SWITCH_AT && !in_hardirq() &&
	    make_lazy(it->dev))
		atomic_long_inc(it->nr_errors);
	it->nr_steps++;
	dma_addr = dma_map_single(it->dev, it->buffer, size, DMA_TO_DEVICE);
	if (dma_mapping_error(it->dev, dma_addr)) {
		atomic_long_inc(it->nr_errors);
		return false;
	}
	if (!mock_iommu_sees(it->dev, dma_addr, it->buffer, size))
		atomic_long_inc(it->nr_errors);
	dma_unmap_single(it->dev, dma_addr, size, DMA_TO_DEVICE);
	/* What counts comes after the switch, however late its thread got to run. */
	return iommu_get_dma_domain(it->dev)->type == IOMMU_DOMAIN_DMA_FQ;
}

static void flush_switch_in_use_test(struct kunit *test)
{
	struct place place = switching_place(test, false);
	struct dma_kunit_storm *storm =
		dma_kunit_storm_make(test, sizeof(struct switching));
	struct switching *first = storm->owners[0];

	for (unsigned int i = 0; i <= DMA_KUNIT_NR_THREADS; i++) {
		struct switching *owner = storm->owners[i];

		owner->dev = place.dev;
		owner->buffer = mock_iommu_buffer(test, SZ_16K);
		mock_iommu_fill(owner->buffer, SZ_16K, i);
		owner->nr_errors = &storm->nr_errors;
		owner->switches = !i;
	}
	storm->step = switching_step;
	storm->nr_wanted = mock_iommu_rounds(test, 4000);
	storm->nr_wanted_in_irq = mock_iommu_rounds(test, 200);
	dma_kunit_storm_run(test, storm);

	KUNIT_EXPECT_GT(test, first->nr_steps, SWITCH_AT);
	KUNIT_EXPECT_EQ(test, iommu_get_dma_domain(place.dev)->type,
			IOMMU_DOMAIN_DMA_FQ);
	KUNIT_EXPECT_GE(test, mock_iommu_counts(place.dev).nr_flushes, 1);
	check_settles(test, place.dev);
}

static struct kunit_case iommu_flush_cases[] = {
	MOCK_IOMMU_CASE(flush_strict_test),
	MOCK_IOMMU_CASE(flush_timer_test),
	MOCK_IOMMU_CASE(flush_idle_test),
	MOCK_IOMMU_CASE(flush_kinds_test),
	MOCK_IOMMU_CASE(flush_overflow_test),
	MOCK_IOMMU_CASE(flush_reuse_test),
	MOCK_IOMMU_CASE(flush_exhaust_test),
	MOCK_IOMMU_CASE_TYPICAL(flush_shadow_test),
	MOCK_IOMMU_CASE(flush_leave_test),
	MOCK_IOMMU_CASE(flush_switch_test),
	MOCK_IOMMU_CASE(flush_switch_fails_test),
	MOCK_IOMMU_CASE_TYPICAL(flush_switch_in_use_test),
	{}
};

static struct kunit_suite iommu_flush_suite = {
	.name = "iommu_flush",
	.test_cases = iommu_flush_cases,
};

kunit_test_suite(iommu_flush_suite);

MODULE_DESCRIPTION("KUnit tests of invalidating an IOMMU's translations");
MODULE_LICENSE("GPL");
