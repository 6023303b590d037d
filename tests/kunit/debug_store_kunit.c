// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of dma-debug's store: finding entries, sampling for want of them,
 * and many users at a time.
 */

#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/prandom.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>

#include "debug.h"
#include "log.h"

#define NR_PAGES	64

/* Finding */

static bool is_unknown(struct device *dev, dma_addr_t dma_addr)
{
	struct dma_debug_entry found;
	struct dma_debug_call call = {
		.dev		= dev,
		.dma_addr	= dma_addr,
		.size		= 1,
	};

	return dma_debug_find(&call, &found) == DMA_DEBUG_UNKNOWN;
}

/* What other tests have leaked may be taken for a mapping that is not there. */
static dma_addr_t clean_address(struct device *dev, dma_addr_t base, u64 size)
{
	while (!is_unknown(dev, base - 1) || !is_unknown(dev, base) ||
	       !is_unknown(dev, base + size - 1) || !is_unknown(dev, base + size))
		base += SZ_1T;
	return base;
}

/* Addresses and sizes that no memory has: registers are mapped as they are. */
static void check_found(struct kunit *test, struct device *dev,
			dma_addr_t base, u64 size)
{
	struct dma_debug_entry found;
	struct dma_debug_call call = {
		.dev	= dev,
		.size	= 1,
		.dir	= DMA_FROM_DEVICE,
	};
	const u64 inside[] = { 0, 1, size / 2, size - size / 3, size - 1 };
	enum dma_debug_match match;

	base = clean_address(dev, base, size);
	dma_debug_map_resource(dev, base, size, DMA_FROM_DEVICE, base);
	debug_dma_mapping_error(dev, base);
	for (unsigned int i = 0; i < ARRAY_SIZE(inside); i++) {
		if (inside[i] >= size)
			continue;
		call.dma_addr = base + inside[i];
		match = dma_debug_find(&call, &found);
		KUNIT_EXPECT_EQ_MSG(test, match, DMA_DEBUG_EXACT,
				    "%#llx of %#llx at %#llx", inside[i], size,
				    (u64)base);
		if (match == DMA_DEBUG_EXACT)
			KUNIT_EXPECT_EQ(test, found.call.size, size);
	}
	call.dma_addr = base + size;
	KUNIT_EXPECT_EQ(test, dma_debug_find(&call, &found), DMA_DEBUG_UNKNOWN);
	call.dma_addr = base - 1;
	KUNIT_EXPECT_EQ(test, dma_debug_find(&call, &found), DMA_DEBUG_UNKNOWN);
	call.dma_addr = base + size - 1;
	call.size = 2;
	KUNIT_EXPECT_EQ(test, dma_debug_find(&call, &found), DMA_DEBUG_INEXACT);
	DEBUG_EXPECT_SILENCE(test, dma_debug_unmap_resource(dev, base, size,
							    DMA_FROM_DEVICE));
}

static void debug_find_test(struct kunit *test)
{
	static const u64 sizes[] = {
		1, 64, SZ_4K - 1, SZ_4K, SZ_4K + 1, SZ_64K, SZ_64K + 1, SZ_1M,
		SZ_16M + 1, SZ_256M, SZ_4G, SZ_64G, 3ULL * SZ_64G,
	};
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	dma_addr_t high = (dma_addr_t)(8 * SZ_1T);

	if (!IS_ENABLED(CONFIG_ARCH_DMA_ADDR_T_64BIT))
		kunit_skip(test, "addresses have 32 bits here");
	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		/* No mapping is larger than a size_t can say. */
		if (sizes[i] > SIZE_MAX)
			break;
		check_found(test, dev, high, sizes[i]);
		check_found(test, dev, high + SZ_4K - 1, sizes[i]);
		check_found(test, dev, SZ_1M - 17, sizes[i]);
	}
	KUNIT_EXPECT_EQ(test, debug_nr_entries(dev), 0);
}

/* Sampling */

static void put_all(void *data)
{
	struct dma_debug_entry *chain = data;

	while (chain) {
		struct dma_debug_entry *entry = chain;

		chain = entry->next_line;
		dma_debug_entry_put(entry);
	}
}

/* Take all entries that this CPU can get: it must not change meanwhile. */
static struct dma_debug_entry *take_all(void)
{
	unsigned long max = dma_debug_max_entries;
	struct dma_debug_entry *chain = NULL, *entry;

	dma_debug_max_entries = 0;
	while ((entry = dma_debug_entry_get())) {
		entry->next_line = chain;
		chain = entry;
	}
	dma_debug_max_entries = max;
	return chain;
}

static void debug_exhausted_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	u8 *buffer = debug_buffer(test, SZ_32K);
	dma_addr_t before, dma_addr[4];
	struct dma_debug_entry *chain;
	u32 count = dma_debug_error_count;
	unsigned long nr_untracked;

	before = debug_map(test, dev, buffer, SZ_4K, DMA_TO_DEVICE);
	dma_kunit_log_mark();
	migrate_disable();
	chain = take_all();
	KUNIT_EXPECT_EQ(test, dma_debug_sampling, DMA_DEBUG_SAMPLING);
	KUNIT_EXPECT_TRUE(test, dma_debug_is_on());

	nr_untracked = dma_debug_nr_untracked();
	for (unsigned int i = 0; i < ARRAY_SIZE(dma_addr); i++)
		dma_addr[i] = debug_map(test, dev, buffer + SZ_4K * (i + 1),
					SZ_4K, DMA_FROM_DEVICE);
	migrate_enable();
	KUNIT_EXPECT_EQ(test, debug_nr_entries(dev), 1);
	KUNIT_EXPECT_GE(test, dma_debug_nr_untracked(), nr_untracked + 4);
	/* Said once, however many there are */
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("from now on one of 16 mappings"),
			1);

	/* All again: what got no entry is no mistake, and what has one is found. */
	put_all(chain);
	dma_debug_sampling = 1;
	for (unsigned int i = 0; i < ARRAY_SIZE(dma_addr); i++) {
		dma_sync_single_for_cpu(dev, dma_addr[i] + 64, 64,
					DMA_FROM_DEVICE);
		dma_unmap_single(dev, dma_addr[i], SZ_4K, DMA_FROM_DEVICE);
	}
	dma_unmap_single(dev, before, SZ_4K, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, dma_debug_error_count, count);
	KUNIT_EXPECT_EQ(test, debug_nr_entries(dev), 0);

	DEBUG_EXPECT_MISTAKE(test, "the device has no mapping there",
			     dma_unmap_single(dev, dma_addr[0], SZ_4K,
					      DMA_FROM_DEVICE));
	before = debug_map(test, dev, buffer, SZ_4K, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, debug_nr_entries(dev), 1);
	dma_unmap_single(dev, before, SZ_4K, DMA_TO_DEVICE);
}

/* One of sixteen is checked. */
static void debug_sampling_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	u8 *buffer = debug_buffer(test, SZ_4K);
	u32 count = dma_debug_error_count;
	static dma_addr_t dma_addr[160];
	unsigned int nr, nr_bad = 0;

	dma_debug_sampling = DMA_DEBUG_SAMPLING;
	migrate_disable();
	for (unsigned int i = 0; i < ARRAY_SIZE(dma_addr); i++) {
		dma_addr[i] = dma_map_single(dev, buffer, SZ_4K, DMA_TO_DEVICE);
		nr_bad += dma_mapping_error(dev, dma_addr[i]);
	}
	migrate_enable();
	nr = debug_nr_entries(dev);
	KUNIT_EXPECT_EQ(test, nr_bad, 0);
	KUNIT_EXPECT_GE(test, nr, ARRAY_SIZE(dma_addr) / DMA_DEBUG_SAMPLING - 1);
	KUNIT_EXPECT_LE(test, nr, ARRAY_SIZE(dma_addr) / DMA_DEBUG_SAMPLING + 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(dma_addr); i++) {
		dma_sync_single_for_device(dev, dma_addr[i], SZ_4K,
					   DMA_TO_DEVICE);
		dma_unmap_single(dev, dma_addr[i], SZ_4K, DMA_TO_DEVICE);
	}
	dma_debug_sampling = 1;
	KUNIT_EXPECT_EQ(test, dma_debug_error_count, count);
	KUNIT_EXPECT_EQ(test, debug_nr_entries(dev), 0);
	DEBUG_EXPECT_MISTAKE(test, "the device has no mapping there",
			     dma_unmap_single(dev, dma_addr[0], SZ_4K,
					      DMA_TO_DEVICE));
}

/* Of a list, some entries may be tracked and others not. */
static void debug_sampling_sg_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	u8 *buffer = debug_buffer(test, SZ_64K);
	u32 count = dma_debug_error_count;
	struct scatterlist sgl[8];

	for (unsigned int round = 0; round < 20; round++) {
		sg_init_table(sgl, 8);
		for (unsigned int i = 0; i < 8; i++)
			sg_set_buf(&sgl[i], buffer + i * SZ_8K, SZ_4K);
		dma_debug_sampling = DMA_DEBUG_SAMPLING;
		KUNIT_ASSERT_EQ(test, 8, dma_map_sg(dev, sgl, 8,
						    DMA_FROM_DEVICE));
		dma_debug_sampling = 1;
		dma_sync_sg_for_cpu(dev, sgl, 8, DMA_FROM_DEVICE);
		dma_unmap_sg(dev, sgl, 8, DMA_FROM_DEVICE);
		KUNIT_EXPECT_EQ(test, debug_nr_entries(dev), 0);
	}
	KUNIT_EXPECT_EQ(test, dma_debug_error_count, count);
}

/* The pool grows by itself, and says so when it has doubled. */
static void debug_grow_test(struct kunit *test)
{
	unsigned long nr_total = dma_debug_nr_total();
	struct dma_debug_entry *chain = NULL, *entry;

	KUNIT_EXPECT_LE(test, dma_debug_nr_free(), nr_total);
	dma_kunit_log_mark();
	for (unsigned long nr = 0; nr < nr_total + SZ_1K; nr++) {
		entry = dma_debug_entry_get();
		KUNIT_ASSERT_NOT_NULL(test, entry);
		entry->next_line = chain;
		chain = entry;
	}
	KUNIT_EXPECT_GT(test, dma_debug_nr_total(), nr_total);
	KUNIT_EXPECT_EQ(test, dma_debug_min_free(), 0);
	KUNIT_EXPECT_EQ(test, dma_debug_sampling, 1);
	put_all(chain);
	KUNIT_EXPECT_GE(test, dma_debug_nr_free(), nr_total);
}

/* Many users */

struct owner {
	struct device *dev;
	struct rnd_state rnd;
	u8 *shared;
	u8 *own;
};

static u32 below(struct owner *owner, u32 bound)
{
	return prandom_u32_state(&owner->rnd) % bound;
}

/* What all read at a time, and what this one alone writes */
static bool map_some(void *data)
{
	struct owner *owner = data;
	struct device *dev = owner->dev;
	size_t size = 1 + below(owner, SZ_8K), own = SZ_4K * below(owner, 4);
	size_t offset = SZ_4K * below(owner, NR_PAGES - 2);
	dma_addr_t to, from;

	to = dma_map_single(dev, owner->shared + offset, size, DMA_TO_DEVICE);
	if (dma_mapping_error(dev, to))
		return false;
	from = dma_map_single(dev, owner->own + own, SZ_4K, DMA_FROM_DEVICE);
	if (!dma_mapping_error(dev, from)) {
		dma_sync_single_for_cpu(dev, from + 100, 200, DMA_FROM_DEVICE);
		dma_unmap_single(dev, from, SZ_4K, DMA_FROM_DEVICE);
	}
	dma_sync_single_for_device(dev, to, size, DMA_TO_DEVICE);
	dma_unmap_single(dev, to, size, DMA_TO_DEVICE);
	return true;
}

static void debug_storm_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct dma_kunit_storm storm = {
		.step = map_some,
		.nr_wanted = 20000,
		.nr_wanted_in_irq = 200,
	};
	u8 *shared = debug_buffer(test, NR_PAGES * SZ_4K);
	u32 count = dma_debug_error_count;

	for (unsigned int i = 0; i < ARRAY_SIZE(storm.owners); i++) {
		struct owner *owner = kunit_kzalloc(test, sizeof(*owner),
						    GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, owner);
		owner->dev = dev;
		owner->shared = shared;
		owner->own = debug_buffer(test, SZ_16K);
		prandom_seed_state(&owner->rnd, i);
		storm.owners[i] = owner;
	}
	dma_kunit_storm_run(test, &storm);
	KUNIT_EXPECT_EQ(test, dma_debug_error_count, count);
	KUNIT_EXPECT_EQ(test, debug_nr_entries(dev), 0);
	KUNIT_EXPECT_EQ(test, dma_debug_sampling, 1);
}

static struct kunit_case dma_debug_store_cases[] = {
	KUNIT_CASE(debug_find_test),
	KUNIT_CASE(debug_sampling_test),
	KUNIT_CASE(debug_sampling_sg_test),
	KUNIT_CASE_SLOW(debug_grow_test),
	KUNIT_CASE_SLOW(debug_exhausted_test),
	KUNIT_CASE_SLOW(debug_storm_test),
	{}
};

static struct kunit_suite dma_debug_store_suite = {
	.name = "dma_debug_store",
	.suite_init = debug_suite_init,
	.test_cases = dma_debug_store_cases,
};

kunit_test_suite(dma_debug_store_suite);

MODULE_DESCRIPTION("KUnit tests of dma-debug's store");
MODULE_LICENSE("GPL");
