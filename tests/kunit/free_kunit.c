// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of freeing consistent memory: wrong frees, frees where they may
 * not sleep, and every allocation in turn failing.
 *
 * A wrong free changes nothing: afterwards the right one still works.
 */

#include <kunit/device.h>
#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/vmstat.h>

#include "../../kernel/dma/arena.h"
#include "../../kernel/dma/backend.h"
#include "../../kernel/dma/contiguous.h"
#include "../../kernel/dma/ledger.h"
#include "../../kernel/dma/pool.h"
#include "log.h"
#include "mock.h"
#include "pools.h"

/* Wrong frees */

struct wrong {
	const char *what;
	size_t size;
	size_t cpu_offset;
	size_t dma_offset;
	bool is_other_device;
};

static const struct wrong wrongs[] = {
	{ "unknown address", SZ_16K, 0, SZ_1G },
	{ "inner address", SZ_16K, 0, SZ_4K },
	{ "inner address on both sides", SZ_8K, SZ_8K, SZ_8K },
	{ "another device and size", SZ_4K, 0, 0, true },
};

static void wrong_to_desc(const struct wrong *wrong, char *desc)
{
	strscpy(desc, wrong->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(wrong, wrongs, wrong_to_desc);

static void free_wrong_test(struct kunit *test)
{
	const struct wrong *wrong = test->param_value;
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct device *other = dma_kunit_coherent_device(test, "other");
	dma_addr_t dma_addr;
	void *cpu_addr = dma_alloc_coherent(dev, SZ_16K, &dma_addr, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	memset(cpu_addr, 0x77, SZ_16K);

	dma_kunit_expect_warn_begin();
	dma_kunit_log_mark();
	dma_free_coherent(wrong->is_other_device ? other : dev, wrong->size,
			  cpu_addr + wrong->cpu_offset,
			  dma_addr + wrong->dma_offset);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("nothing is freed"), 1);
	/* Who holds the address is named. */
	if (wrong->dma_offset < SZ_16K)
		KUNIT_EXPECT_EQ(test, dma_kunit_log_count("holds 16384 bytes"),
				1);
	else
		KUNIT_EXPECT_EQ(test, dma_kunit_log_count("no live DMA buffer"),
				1);
	KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);

	KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), 1);
	KUNIT_EXPECT_EQ(test, dma_ledger_count(other), 0);
	KUNIT_EXPECT_NULL(test, memchr_inv(cpu_addr, 0x77, SZ_16K));
	dma_free_coherent(dev, SZ_16K, cpu_addr, dma_addr);
	KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), 0);
}

static void take_back(struct kunit *test, struct device *dev, void *cpu_addr,
		      dma_addr_t dma_addr)
{
	dma_kunit_expect_warn_begin();
	dma_kunit_log_mark();
	dma_free_coherent(dev, SZ_16K, cpu_addr, dma_addr);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("that were given as cpu"), 1);
	KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
	KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), 0);
}

/*
 * The device's address is right and tells which memory it is: it goes, with a
 * warning.
 */
static void free_other_cpu_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	dma_addr_t dma_addr;
	u8 *cpu_addr = dma_alloc_coherent(dev, SZ_16K, &dma_addr, GFP_ATOMIC);

	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	take_back(test, dev, cpu_addr + SZ_4K, dma_addr);
	cpu_addr = dma_alloc_coherent(dev, SZ_16K, &dma_addr, GFP_ATOMIC);
	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	take_back(test, dev, (void *)8, dma_addr);
}

/* A mapping may be another one's at the same address: it stays. */
static void free_other_cpu_remapped_test(struct kunit *test)
{
	struct device *dev = dma_kunit_noncoherent_device(test, "dev");
	struct dma_allocation record;
	dma_addr_t dma_addr;
	u8 *cpu_addr;

	if (IS_ENABLED(CONFIG_DMA_POOLS_KUNIT))
		dma_pools_hold_global(test);
	cpu_addr = dma_alloc_coherent(dev, SZ_16K, &dma_addr, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	KUNIT_ASSERT_TRUE(test, dma_ledger_find(dev, dma_addr, &record));
	if (record.done & DMA_DONE_REMAPPED) {
		dma_kunit_expect_warn_begin();
		dma_kunit_log_mark();
		dma_free_coherent(dev, SZ_16K, cpu_addr + SZ_4K, dma_addr);
		KUNIT_EXPECT_EQ(test, dma_kunit_log_count("nothing is freed"),
				1);
		KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
		KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), 1);
	}
	dma_free_coherent(dev, SZ_16K, cpu_addr, dma_addr);
}

/* All but the device is right: the buffer is known, and goes. */
static void free_other_device_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct device *other = dma_kunit_coherent_device(test, "other");
	dma_addr_t dma_addr;
	void *cpu_addr = dma_alloc_coherent(dev, SZ_16K, &dma_addr, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	dma_kunit_expect_warn_begin();
	dma_kunit_log_mark();
	dma_free_coherent(other, SZ_16K, cpu_addr, dma_addr);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("that were allocated for"),
			1);
	KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
	KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), 0);
}

static void free_wrong_size_test(struct kunit *test)
{
	static const size_t sizes[] = { 1, SZ_4K, SZ_16K + 1, SZ_1M };
	struct device *dev = dma_kunit_coherent_device(test, "dev");

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		dma_addr_t dma_addr;
		void *cpu_addr;

		cpu_addr = dma_alloc_coherent(dev, SZ_16K, &dma_addr,
					      GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
		dma_kunit_expect_warn_begin();
		dma_kunit_log_mark();
		dma_free_coherent(dev, sizes[i], cpu_addr, dma_addr);
		KUNIT_EXPECT_GE(test, dma_kunit_log_count("allocated were 16384"),
				1);
		KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
		/* Nothing is left, and nothing else was freed. */
		KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), 0);
	}
	/* A size that means the same number of pages is right. */
	for (size_t size = SZ_4K + 1; size <= SZ_8K; size += 500) {
		dma_addr_t dma_addr;
		void *cpu_addr;

		cpu_addr = dma_alloc_coherent(dev, size, &dma_addr, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
		dma_free_coherent(dev, size, cpu_addr, dma_addr);
	}
}

static void free_twice_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	dma_addr_t dma_addr, pages_addr;
	void *cpu_addr = dma_alloc_coherent(dev, SZ_16K, &dma_addr, GFP_KERNEL);
	struct page *page = dma_alloc_pages(dev, SZ_8K, &pages_addr,
					    DMA_TO_DEVICE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	KUNIT_ASSERT_NOT_NULL(test, page);
	dma_free_coherent(dev, SZ_16K, cpu_addr, dma_addr);
	dma_free_pages(dev, SZ_8K, page, pages_addr, DMA_TO_DEVICE);

	dma_kunit_expect_warn_begin();
	dma_kunit_log_mark();
	dma_free_coherent(dev, SZ_16K, cpu_addr, dma_addr);
	dma_free_pages(dev, SZ_8K, page, pages_addr, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("nothing is freed"), 2);
	KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
}

/* A buffer of the one kind is freed by the call for the other, with a warning. */
static void free_mixed_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	dma_addr_t dma_addr;
	struct page *page = dma_alloc_pages(dev, SZ_8K, &dma_addr,
					    DMA_TO_DEVICE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	dma_kunit_expect_warn_begin();
	dma_free_coherent(dev, SZ_8K, page_address(page), dma_addr);
	KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
	KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), 0);
}

static void free_null_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");

	dma_kunit_log_mark();
	dma_free_coherent(dev, SZ_8K, NULL, 0);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("freed"), 0);
}

/* Where a free may not sleep */

struct held {
	struct device *dev;
	void *cpu_addr;
	dma_addr_t dma_addr;
	struct page *page;
};

static bool is_ours_alone(void *data)
{
	struct held *held = data;

	return page_count(held->page) == 1;
}

/* Let nobody have pages that are prepared already, whose free does not sleep. */
static void hold_prepared(bool is_held)
{
#ifdef CONFIG_DMA_COHERENT_POOL
	dma_extent_order = is_held ? -1 : MAX_PAGE_ORDER;
	if (is_held)
		dma_arenas_trim(dev_get_cma_area(NULL));
#endif
}

/* A buffer whose page is held, to see when the layer has let go of it. */
static void take_held(struct kunit *test, struct held *held)
{
	struct dma_allocation record;

	/* What lies behind the global pool and prepared pages is wanted. */
	if (IS_ENABLED(CONFIG_DMA_POOLS_KUNIT) &&
	    !dev_is_dma_coherent(held->dev))
		dma_pools_hold_global(test);
	hold_prepared(true);
	held->cpu_addr = dma_alloc_coherent(held->dev, PAGE_SIZE,
					    &held->dma_addr, GFP_KERNEL);
	hold_prepared(false);
	KUNIT_ASSERT_NOT_NULL(test, held->cpu_addr);
	KUNIT_ASSERT_TRUE(test, dma_ledger_find(held->dev, held->dma_addr,
						&record));
	if (record.backend->is_unmapped) {
		dma_free_coherent(held->dev, PAGE_SIZE, held->cpu_addr,
				  held->dma_addr);
		kunit_skip(test, "a global pool serves the device");
	}
	held->page = dma_record_page(&record);
	if (is_migrate_cma_page(held->page)) {
		dma_free_coherent(held->dev, PAGE_SIZE, held->cpu_addr,
				  held->dma_addr);
		kunit_skip(test, "pages of a CMA area cannot be held");
	}
	get_page(held->page);
	KUNIT_EXPECT_FALSE(test, is_ours_alone(held));
}

static void free_held(void *data)
{
	struct held *held = data;

	dma_free_coherent(held->dev, PAGE_SIZE, held->cpu_addr, held->dma_addr);
}

static void check_held_is_free(struct kunit *test, struct held *held)
{
	KUNIT_EXPECT_EQ(test, dma_ledger_count(held->dev), 0);
	KUNIT_EXPECT_TRUE(test, dma_kunit_wait_until(is_ours_alone, held));
	put_page(held->page);
}

static void free_in_irq_off_test(struct kunit *test)
{
	struct held held = {
		.dev = dma_kunit_noncoherent_device(test, "dev"),
	};
	unsigned long flags;

	take_held(test, &held);
	dma_kunit_expect_warn_begin();
	local_irq_save(flags);
	free_held(&held);
	local_irq_restore(flags);
	KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
	check_held_is_free(test, &held);
}

static void free_in_hardirq_test(struct kunit *test)
{
	struct held held = {
		.dev = dma_kunit_noncoherent_device(test, "dev"),
	};

	take_held(test, &held);
	dma_kunit_expect_warn_begin();
	KUNIT_EXPECT_TRUE(test, dma_kunit_in_hardirq(free_held, &held));
	KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
	check_held_is_free(test, &held);
}

/* Allowed, and put off without a warning */
static void free_in_softirq_test(struct kunit *test)
{
	struct held held = {
		.dev = dma_kunit_noncoherent_device(test, "dev"),
	};

	take_held(test, &held);
	local_bh_disable();
	free_held(&held);
	/* The worker may have it on another CPU: only its end is sure. */
	local_bh_enable();
	check_held_is_free(test, &held);
}

/* Nor is it a mistake under a lock, where a debug kernel tells who sleeps. */
static void free_under_lock_test(struct kunit *test)
{
	struct held held = {
		.dev = dma_kunit_noncoherent_device(test, "dev"),
	};
	static DEFINE_SPINLOCK(lock);

	if (!IS_ENABLED(CONFIG_PREEMPT_COUNT))
		kunit_skip(test, "a lock is not seen here");
	take_held(test, &held);
	dma_kunit_log_mark();
	spin_lock(&lock);
	free_held(&held);
	spin_unlock(&lock);
	check_held_is_free(test, &held);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("sleeping function called"),
			0);
}

static void free_under_rcu_test(struct kunit *test)
{
	struct held held = {
		.dev = dma_kunit_noncoherent_device(test, "dev"),
	};

	if (!IS_ENABLED(CONFIG_PREEMPT_RCU))
		kunit_skip(test, "a reader is not seen here");
	take_held(test, &held);
	dma_kunit_log_mark();
	rcu_read_lock();
	free_held(&held);
	rcu_read_unlock();
	check_held_is_free(test, &held);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("sleeping function called"),
			0);
}

/* Pages that need no work are freed at once, wherever that is. */
static void free_at_once_test(struct kunit *test)
{
	struct held held = {
		.dev = dma_kunit_coherent_device(test, "dev"),
	};
	unsigned long flags;
	bool is_free;

	take_held(test, &held);
	local_irq_save(flags);
	free_held(&held);
	is_free = is_ours_alone(&held);
	local_irq_restore(flags);
	KUNIT_EXPECT_TRUE(test, is_free);
	put_page(held.page);

	take_held(test, &held);
	KUNIT_EXPECT_TRUE(test, dma_kunit_in_hardirq(free_held, &held));
	KUNIT_EXPECT_TRUE(test, is_ours_alone(&held));
	put_page(held.page);
}

static void free_buffer(void *data)
{
	struct held *buffer = data;

	dma_free_coherent(buffer->dev, SZ_8K, buffer->cpu_addr,
			  buffer->dma_addr);
}

/* What could be had without sleeping is freed without, whoever gave it. */
static void free_atomic_test(struct kunit *test)
{
	struct held buffer = {
		.dev = dma_kunit_noncoherent_device(test, "dev"),
	};

	dma_kunit_warn_again();
	dma_kunit_log_mark();
	buffer.cpu_addr = dma_alloc_coherent(buffer.dev, SZ_8K,
					     &buffer.dma_addr, GFP_ATOMIC);
	KUNIT_ASSERT_NOT_NULL(test, buffer.cpu_addr);
	KUNIT_EXPECT_TRUE(test, dma_kunit_in_hardirq(free_buffer, &buffer));
	KUNIT_EXPECT_EQ(test, dma_ledger_count(buffer.dev), 0);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count(": put off"), 0);
}

/* Each allocation in turn fails */

struct failing {
	const char *what;
	bool is_noncoherent;
	size_t size;
	gfp_t gfp;
	bool (*try)(struct device *dev, const struct failing *failing);
};

/* Which allocation is to fail, and whether there were so many */
static unsigned int fail_nth;
static bool is_beyond;

static void start_failing(void)
{
	dma_kunit_fail_sleeping(true);
	dma_kunit_fail_nth(fail_nth);
}

static void stop_failing(void)
{
	is_beyond = dma_kunit_fail_nth(0);
	dma_kunit_fail_sleeping(false);
}

static bool try_coherent(struct device *dev, const struct failing *failing)
{
	dma_addr_t dma_addr;
	void *cpu_addr;

	start_failing();
	cpu_addr = dma_alloc_coherent(dev, failing->size, &dma_addr,
				      failing->gfp);
	stop_failing();
	if (!cpu_addr)
		return false;
	dma_free_coherent(dev, failing->size, cpu_addr, dma_addr);
	return true;
}

static bool try_pages(struct device *dev, const struct failing *failing)
{
	dma_addr_t dma_addr;
	struct page *page;

	start_failing();
	page = dma_alloc_pages(dev, failing->size, &dma_addr, DMA_TO_DEVICE,
			       failing->gfp);
	stop_failing();
	if (!page)
		return false;
	dma_free_pages(dev, failing->size, page, dma_addr, DMA_TO_DEVICE);
	return true;
}

static bool try_noncontiguous(struct device *dev,
			      const struct failing *failing)
{
	struct sg_table *sgt;

	start_failing();
	sgt = dma_alloc_noncontiguous(dev, failing->size, DMA_TO_DEVICE,
				      failing->gfp, 0);
	stop_failing();
	if (!sgt)
		return false;
	dma_free_noncontiguous(dev, failing->size, sgt, DMA_TO_DEVICE);
	return true;
}

static bool try_managed(struct device *dev, const struct failing *failing)
{
	dma_addr_t dma_addr;
	void *cpu_addr;

	start_failing();
	cpu_addr = dmam_alloc_coherent(dev, failing->size, &dma_addr,
				       failing->gfp);
	stop_failing();
	if (!cpu_addr)
		return false;
	dmam_free_coherent(dev, failing->size, cpu_addr, dma_addr);
	return true;
}

/* The buffer is there; its table may fail. */
static bool try_sgtable(struct device *dev, const struct failing *failing)
{
	dma_addr_t dma_addr;
	struct sg_table sgt;
	void *cpu_addr;
	int err;

	cpu_addr = dma_alloc_coherent(dev, failing->size, &dma_addr,
				      failing->gfp);
	if (!cpu_addr)
		return false;
	start_failing();
	err = dma_get_sgtable(dev, &sgt, cpu_addr, dma_addr, failing->size);
	stop_failing();
	if (!err)
		sg_free_table(&sgt);
	dma_free_coherent(dev, failing->size, cpu_addr, dma_addr);
	return !err;
}

static const struct failing failings[] = {
	{ "page, sleeping", false, SZ_4K, GFP_KERNEL, try_coherent },
	{ "page, atomic", false, SZ_4K, GFP_ATOMIC, try_coherent },
	{ "1 MiB, sleeping", false, SZ_1M, GFP_KERNEL, try_coherent },
	{ "1 MiB, atomic", false, SZ_1M, GFP_NOWAIT, try_coherent },
	{ "non-coherent page", true, SZ_4K, GFP_KERNEL, try_coherent },
	{ "non-coherent 64 KiB", true, SZ_64K, GFP_KERNEL, try_coherent },
	{ "non-coherent 1 MiB", true, SZ_1M, GFP_KERNEL, try_coherent },
	{ "non-coherent page, atomic", true, SZ_4K, GFP_ATOMIC, try_coherent },
	{ "cacheable page", false, SZ_4K, GFP_KERNEL, try_pages },
	{ "cacheable 64 KiB", true, SZ_64K, GFP_KERNEL, try_pages },
	{ "noncontiguous", false, SZ_64K, GFP_KERNEL, try_noncontiguous },
	{ "managed", false, SZ_64K, GFP_KERNEL, try_managed },
	{ "table", false, SZ_64K, GFP_KERNEL, try_sgtable },
};

static void failing_to_desc(const struct failing *failing, char *desc)
{
	strscpy(desc, failing->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(failing, failings, failing_to_desc);

#ifdef CONFIG_DMA_CMA
static long cma_used(void)
{
	struct dma_cma_area *area = dma_cma_default();

	return area ? atomic_long_read(&area->used) : 0;
}
#else
static long cma_used(void)
{
	return 0;
}
#endif

static void skip_if_nothing_fails(struct kunit *test)
{
	if (!dma_kunit_fail_sleeping(false))
		kunit_skip(test, "needs FAILSLAB, FAIL_PAGE_ALLOC, FAULT_INJECTION_DEBUG_FS");
}

static void free_fail_nth_test(struct kunit *test)
{
	const struct failing *failing = test->param_value;
	struct device *dev = dma_kunit_device(test, "dev",
			&(struct dma_kunit_shape) {
				.is_noncoherent = failing->is_noncoherent,
			});
	unsigned int nr_failed = 0;
	long was_used = cma_used();

	skip_if_nothing_fails(test);
	is_beyond = false;
	for (fail_nth = 1; fail_nth < 500 && !is_beyond; fail_nth++) {
		/* Some failures have a way around them. */
		if (!failing->try(dev, failing))
			nr_failed++;
		else if (is_beyond)
			break;
		KUNIT_ASSERT_EQ(test, dma_ledger_count(dev), 0);
		KUNIT_ASSERT_EQ(test, cma_used(), was_used);
	}
	kunit_info(test, "%u of %u failures were felt", nr_failed, fail_nth - 1);
	KUNIT_EXPECT_TRUE(test, is_beyond);
	KUNIT_EXPECT_GE(test, nr_failed, 1);
	KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), 0);
	KUNIT_EXPECT_EQ(test, cma_used(), was_used);
}

/* What 100 failures could leave behind is 100 MiB. */
static void free_fail_keeps_memory_test(struct kunit *test)
{
	const struct failing failing = {
		.size = SZ_1M, .gfp = GFP_NOWAIT,
	};
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	unsigned int nr_failed = 0;
	long before, after;

	skip_if_nothing_fails(test);
	before = global_zone_page_state(NR_FREE_PAGES);
	for (unsigned int i = 0; i < 100; i++) {
		fail_nth = 1 + i % 4;
		if (!try_coherent(dev, &failing))
			nr_failed++;
	}
	after = global_zone_page_state(NR_FREE_PAGES);
	KUNIT_EXPECT_GE(test, nr_failed, 25);
	KUNIT_EXPECT_LT(test, before - after, SZ_16M >> PAGE_SHIFT);
}

/* A device that ends with a live buffer: nobody gets it until somebody frees it. */
static void free_released_test(struct kunit *test)
{
	struct device *other = dma_kunit_coherent_device(test, "other");
	struct device *dev = kunit_device_register(test, "short-lived");
	unsigned long nr_before = dma_ledger_count(NULL);
	u64 mask = DMA_BIT_MASK(64);
	dma_addr_t dma_addr;
	u8 *cpu_addr;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	dev->dma_mask = &mask;
	dev->coherent_dma_mask = mask;
	dma_kunit_set_coherent(dev, true);
	cpu_addr = dma_alloc_coherent(dev, SZ_16K, &dma_addr, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	memset(cpu_addr, 0x77, SZ_16K);

	dma_kunit_log_mark();
	kunit_device_unregister(test, dev);
	KUNIT_EXPECT_EQ(test, 1,
			dma_kunit_log_count("released with 1 live buffers, 16 KiB"));
	KUNIT_EXPECT_EQ(test, dma_ledger_count(NULL), nr_before + 1);
	KUNIT_EXPECT_NULL(test, memchr_inv(cpu_addr, 0x77, SZ_16K));
	if (IS_ENABLED(CONFIG_DMA_POOLS_KUNIT))
		KUNIT_EXPECT_NOT_NULL(test, strstr(dma_pools_debugfs(test, "dma/quarantine"),
						   "short-lived"));

	dma_kunit_expect_warn_begin();
	dma_free_coherent(other, SZ_16K, cpu_addr, dma_addr);
	KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
	KUNIT_EXPECT_EQ(test, 1,
			dma_kunit_log_match("that were allocated for", "short-lived"));
	KUNIT_EXPECT_EQ(test, dma_ledger_count(NULL), nr_before);
}

static struct kunit_case dma_free_cases[] = {
	KUNIT_CASE_PARAM(free_wrong_test, wrong_gen_params),
	KUNIT_CASE(free_other_device_test),
	KUNIT_CASE(free_released_test),
	KUNIT_CASE(free_other_cpu_test),
	KUNIT_CASE(free_other_cpu_remapped_test),
	KUNIT_CASE(free_wrong_size_test),
	KUNIT_CASE(free_twice_test),
	KUNIT_CASE(free_mixed_test),
	KUNIT_CASE(free_null_test),
	KUNIT_CASE(free_in_irq_off_test),
	KUNIT_CASE(free_in_hardirq_test),
	KUNIT_CASE(free_in_softirq_test),
	KUNIT_CASE(free_under_lock_test),
	KUNIT_CASE(free_under_rcu_test),
	KUNIT_CASE(free_at_once_test),
	KUNIT_CASE(free_atomic_test),
	KUNIT_CASE_PARAM(free_fail_nth_test, failing_gen_params),
	KUNIT_CASE(free_fail_keeps_memory_test),
	{}
};

static struct kunit_suite dma_free_suite = {
	.name = "dma_free",
	.test_cases = dma_free_cases,
};

kunit_test_suite(dma_free_suite);

MODULE_DESCRIPTION("KUnit tests of freeing consistent DMA memory");
MODULE_LICENSE("GPL");
