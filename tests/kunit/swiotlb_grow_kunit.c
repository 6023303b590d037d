// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of kernel/dma/swiotlb/grow.c and swiotlb/pool.c: more pools when
 * they are needed, fewer when they are not, finding the pool of an address in
 * the meantime, and memory that can't be had, decrypted or encrypted.
 */

#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/kmemleak.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "../../kernel/dma/pool.h"
#include "log.h"
#include "pools.h"
#include "swiotlb_place.h"

static unsigned long idle_before;

static int grow_init(struct kunit *test)
{
	idle_before = swiotlb_idle;
	swiotlb_idle = HZ / 20;
	return 0;
}

static void grow_exit(struct kunit *test)
{
	swiotlb_idle = idle_before;
}

/* A set that is full with the first mapping, and may grow */
static struct swiotlb_place *growing_place(struct kunit *test, size_t limit)
{
	struct swiotlb_place *place = swiotlb_plain_place(test, SZ_64K);

	swiotlb_place_grows(place, limit);
	return place;
}

static u8 *take_buffer(struct kunit *test, size_t size, u8 byte)
{
	u8 *buffer = kunit_kzalloc(test, size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buffer);
	memset(buffer, byte, size);
	return buffer;
}

/*
 * Not by the DMA API: the same buffer is mapped many times here, and dma-debug
 * would have something to say about it.
 */
static dma_addr_t try_map(struct device *dev, void *buffer, size_t size)
{
	return swiotlb_map(dev, virt_to_phys(buffer), size, DMA_BIDIRECTIONAL,
			   DMA_ATTR_NO_WARN);
}

static dma_addr_t map(struct kunit *test, struct device *dev, void *buffer,
		      size_t size)
{
	dma_addr_t dma_addr = try_map(dev, buffer, size);

	KUNIT_ASSERT_NE(test, dma_addr, DMA_MAPPING_ERROR);
	return dma_addr;
}

static void unmap(struct device *dev, dma_addr_t dma_addr, size_t size)
{
	swiotlb_tbl_unmap_single(dev, dma_to_phys(dev, dma_addr), size,
				 DMA_BIDIRECTIONAL, 0);
}

static unsigned int nr_pools(struct swiotlb_set *set)
{
	unsigned long flags;
	unsigned int nr;

	spin_lock_irqsave(&set->lock, flags);
	nr = list_count_nodes(&set->pools) + list_count_nodes(&set->transients);
	spin_unlock_irqrestore(&set->lock, flags);
	return nr;
}

static bool is_small_again(void *data)
{
	struct swiotlb_set *set = data;

	return READ_ONCE(set->size) == set->mem.size;
}

static bool has_grown_for_good(void *data)
{
	struct swiotlb_set *set = data;

	return READ_ONCE(set->size) >=
	       set->mem.size + SZ_1M +
	       atomic_long_read(&set->nr_transient) * IO_TLB_SIZE;
}

static void check_small_again(struct kunit *test, struct swiotlb_place *place)
{
	KUNIT_EXPECT_TRUE(test, dma_kunit_wait_until(is_small_again,
						     place->set));
	KUNIT_EXPECT_EQ(test, nr_pools(place->set), 1);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&place->set->nr_transient), 0);
	KUNIT_EXPECT_EQ(test, swiotlb_nr_used(place), 0);
}

/* The mapping that finds no room is served at once, the next ones as well. */
static void grow_at_once_test(struct kunit *test)
{
	struct swiotlb_place *place = growing_place(test, SZ_16M);
	u8 *buffer = take_buffer(test, SZ_64K, 0x11);
	struct device *dev = place->dev;
	dma_addr_t addrs[20];

	for (unsigned int i = 0; i < ARRAY_SIZE(addrs); i++) {
		buffer[i] = 0x55 + i;
		addrs[i] = map(test, dev, buffer, SZ_64K);
		KUNIT_EXPECT_EQ(test, 0, memcmp(swiotlb_seen(dev, addrs[i]),
						buffer, SZ_64K));
		KUNIT_EXPECT_NOT_NULL(test, swiotlb_find_pool(dev, addrs[i]));
	}
	KUNIT_EXPECT_GT(test, nr_pools(place->set), 1);
	KUNIT_EXPECT_EQ(test, swiotlb_nr_used(place), ARRAY_SIZE(addrs) * 32);
	KUNIT_EXPECT_TRUE(test, dma_kunit_wait_until(has_grown_for_good,
						     place->set));
	for (unsigned int i = 0; i < ARRAY_SIZE(addrs); i++) {
		memset(swiotlb_seen(dev, addrs[i]), i, SZ_64K);
		unmap(dev, addrs[i], SZ_64K);
		KUNIT_EXPECT_NULL(test, memchr_inv(buffer, i, SZ_64K));
	}
	check_small_again(test, place);
}

struct irq_call {
	struct device *dev;
	u8 *buffer;
	dma_addr_t dma_addr;
};

static void map_in_hardirq(void *data)
{
	struct irq_call *call = data;

	call->dma_addr = try_map(call->dev, call->buffer, SZ_4K);
}

static void unmap_in_hardirq(void *data)
{
	struct irq_call *call = data;

	unmap(call->dev, call->dma_addr, SZ_4K);
}

/* Where nothing sleeps, and gives its memory back where something does. */
static void grow_in_hardirq_test(struct kunit *test)
{
	struct swiotlb_place *place = growing_place(test, SZ_16M);
	u8 *buffer = take_buffer(test, SZ_64K, 0x11);
	dma_addr_t all = map(test, place->dev, buffer, SZ_64K);
	struct irq_call call = { .dev = place->dev, .buffer = buffer };

	KUNIT_EXPECT_TRUE(test, dma_kunit_in_hardirq(map_in_hardirq, &call));
	KUNIT_ASSERT_NE(test, call.dma_addr, DMA_MAPPING_ERROR);
	KUNIT_EXPECT_TRUE(test, dma_kunit_in_hardirq(unmap_in_hardirq, &call));
	unmap(place->dev, all, SZ_64K);
	check_small_again(test, place);
}

/* No further than it may, and then the log says so. */
static void grow_limit_test(struct kunit *test)
{
	struct swiotlb_place *place = growing_place(test, SZ_256K);
	u8 *buffer = take_buffer(test, SZ_64K, 0x11);
	struct device *dev = place->dev;
	dma_addr_t addrs[8], dma_addr;
	unsigned int nr = 0;

	for (;;) {
		dma_addr = try_map(dev, buffer, SZ_64K);
		if (dma_addr == DMA_MAPPING_ERROR)
			break;
		KUNIT_ASSERT_LT(test, nr, ARRAY_SIZE(addrs));
		addrs[nr++] = dma_addr;
		KUNIT_EXPECT_LE(test, READ_ONCE(place->set->size), SZ_256K);
	}
	KUNIT_EXPECT_GE(test, nr, 2);
	KUNIT_EXPECT_LE(test, nr, 4);
	while (nr--)
		unmap(dev, addrs[nr], SZ_64K);
	check_small_again(test, place);
}

/* A pool lies where the device it is for reaches, or there is none. */
static void grow_in_reach_test(struct kunit *test)
{
	struct swiotlb_place *place = growing_place(test, SZ_16M);
	u8 *buffer = take_buffer(test, SZ_64K, 0x11);
	dma_addr_t all = map(test, place->dev, buffer, SZ_64K), dma_addr;
	struct device *other = swiotlb_place_device(test, place, "other");

	/* The end of this pool, and nothing beyond */
	other->bus_dma_limit = place->phys + place->size - 1;
	dma_addr = try_map(other, buffer, SZ_4K);
	if (dma_addr != DMA_MAPPING_ERROR) {
		KUNIT_EXPECT_LE(test, dma_addr + SZ_4K - 1,
				other->bus_dma_limit);
		unmap(other, dma_addr, SZ_4K);
	}
	other->bus_dma_limit = SZ_4K;
	dma_kunit_log_mark();
	dma_addr = swiotlb_map(other, virt_to_phys(buffer), SZ_4K,
			       DMA_TO_DEVICE, 0);
	KUNIT_EXPECT_EQ(test, dma_addr, DMA_MAPPING_ERROR);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("no pool in reach"), 1);
	unmap(place->dev, all, SZ_64K);
	check_small_again(test, place);
}

/* A device with these windows is refused, and nothing is added for it. */
static void expect_no_growth(struct kunit *test, struct swiotlb_place *place,
			     const struct bus_dma_region *windows, u8 *buffer)
{
	struct device *other = swiotlb_place_device(test, place, "other");

	swiotlb_idle = 10 * HZ;
	other->dma_range_map = windows;
	KUNIT_EXPECT_EQ(test, try_map(other, buffer, SZ_4K), DMA_MAPPING_ERROR);
	flush_delayed_work(&place->set->work);
	KUNIT_EXPECT_TRUE(test, is_small_again(place->set));
	other->dma_range_map = NULL;
}

/* Where no page is behind a device's window, growing would be for nothing. */
static void grow_in_window_test(struct kunit *test)
{
	struct swiotlb_place *place = growing_place(test, SZ_16M);
	u8 *buffer = take_buffer(test, SZ_4K, 0x11);
	const struct bus_dma_region windows[] = {
		{ .cpu_start = PFN_PHYS(max_pfn), .size = SZ_1M },
		{}
	};

	expect_no_growth(test, place, windows, buffer);
}

/* Nor where there is memory between windows, and none behind them but what is full. */
static void grow_between_windows_test(struct kunit *test)
{
	struct swiotlb_place *place = growing_place(test, SZ_16M);
	u8 *buffer = take_buffer(test, SZ_64K, 0x11);
	dma_addr_t all = map(test, place->dev, buffer, SZ_64K);
	const struct bus_dma_region windows[] = {
		{ .cpu_start = 0, .dma_start = SZ_2G, .size = PAGE_SIZE },
		{ .cpu_start = place->phys, .dma_start = SZ_1G,
		  .size = place->size },
		{ .cpu_start = PFN_PHYS(max_pfn), .size = PAGE_SIZE },
		{}
	};

	expect_no_growth(test, place, windows, buffer);
	unmap(place->dev, all, SZ_64K);
	check_small_again(test, place);
}

static enum swiotlb_zone low_zone(struct device *dev, bool is_translated,
				  struct swiotlb_reach *reach)
{
	reach->first = 0;
	reach->last = PHYS_ADDR_MAX;
	return SWIOTLB_ZONE_DMA32;
}

/*
 * Low memory is for the buffers, and not for what describes them: of its zones, the
 * slab allocator complains of GFP_DMA32, whether the kernel has that one or not.
 */
static void grow_in_zone_test(struct kunit *test)
{
	struct swiotlb_place *place = growing_place(test, SZ_16M);
	u8 *buffer = take_buffer(test, SZ_64K, 0x11);
	dma_addr_t all = map(test, place->dev, buffer, SZ_64K), dma_addr;

	kunit_activate_static_stub(test, swiotlb_zone_of, low_zone);
	dma_kunit_log_mark();
	dma_addr = map(test, place->dev, buffer, SZ_4K);
	kunit_deactivate_static_stub(test, swiotlb_zone_of);
	KUNIT_EXPECT_TRUE(test, dma_kunit_wait_until(has_grown_for_good,
						     place->set));
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("Unexpected gfp"), 0);
	unmap(place->dev, dma_addr, SZ_4K);
	unmap(place->dev, all, SZ_64K);
	check_small_again(test, place);
}

static bool needs_piece(struct device *dev)
{
	return true;
}

struct atomic_use {
	struct kunit *test;
	size_t used;
};

static bool is_atomic_use(void *data)
{
	struct atomic_use *use = data;

	return dma_pools_atomic_figures(use->test).used == use->used;
}

/* Where pages would have to be decrypted, pieces of an atomic pool are at hand. */
static void grow_of_piece_test(struct kunit *test)
{
	struct swiotlb_place *place = growing_place(test, SZ_16M);
	struct device *dev = place->dev;
	struct io_tlb_pool *pool;
	struct dma_piece piece;
	struct atomic_use before = {
		.test = test,
		.used = dma_pools_atomic_figures(test).used,
	};
	dma_addr_t all, dma_addr;
	u8 *buffer, *seen;

	if (!IS_ENABLED(CONFIG_DMA_COHERENT_POOL) ||
	    !dma_piece_take(SZ_16K, PHYS_ADDR_MAX, &piece))
		kunit_skip(test, "there is no atomic pool");
	dma_piece_give(&piece, SZ_16K);

	buffer = take_buffer(test, SZ_64K, 0x11);
	all = map(test, dev, buffer, SZ_64K);
	kunit_activate_static_stub(test, swiotlb_needs_piece, needs_piece);
	dma_addr = map(test, dev, buffer, SZ_4K);
	kunit_deactivate_static_stub(test, swiotlb_needs_piece);

	pool = swiotlb_find_pool(dev, dma_to_phys(dev, dma_addr));
	KUNIT_ASSERT_NOT_NULL(test, pool);
	KUNIT_EXPECT_EQ(test, pool->source, SWIOTLB_FROM_PIECE);
	/* As the pool has it mapped, not as the linear mapping does */
	seen = swiotlb_cpu_addr(pool, dma_to_phys(dev, dma_addr));
	KUNIT_EXPECT_GE(test, dma_pools_atomic_figures(test).used,
			before.used + SZ_4K);
	KUNIT_EXPECT_NULL(test, memchr_inv(seen, 0x11, SZ_4K));
	memset(seen, 0x22, SZ_4K);
	unmap(dev, dma_addr, SZ_4K);
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer, 0x22, SZ_4K));

	unmap(dev, all, SZ_64K);
	check_small_again(test, place);
	/* The pool is gone from the set; its memory follows after a grace period. */
	KUNIT_EXPECT_TRUE(test, dma_kunit_wait_until(is_atomic_use, &before));
}

/* Allocations that fail: nothing is lost, and later there is room again. */
static void grow_fail_nth_test(struct kunit *test)
{
	struct swiotlb_place *place = growing_place(test, SZ_16M);
	u8 *buffer = take_buffer(test, SZ_64K, 0x11);
	struct device *dev = place->dev;
	dma_addr_t all, dma_addr;
	unsigned int nr_refused = 0;
	bool is_beyond = false;

	if (!dma_kunit_fail_sleeping(false))
		kunit_skip(test, "needs FAILSLAB, FAIL_PAGE_ALLOC, FAULT_INJECTION_DEBUG_FS");
	for (unsigned int nth = 1; nth < 100 && !is_beyond; nth++) {
		/* Idle pools are gone, and one mapping fills the first. */
		check_small_again(test, place);
		all = map(test, dev, buffer, SZ_64K);
		dma_kunit_fail_sleeping(true);
		dma_kunit_fail_nth(nth);
		dma_addr = try_map(dev, buffer, SZ_4K);
		is_beyond = dma_kunit_fail_nth(0);
		dma_kunit_fail_sleeping(false);
		if (dma_addr == DMA_MAPPING_ERROR)
			nr_refused++;
		else
			unmap(dev, dma_addr, SZ_4K);
		unmap(dev, all, SZ_64K);
	}
	KUNIT_EXPECT_TRUE(test, is_beyond);
	KUNIT_EXPECT_GE(test, nr_refused, 1);
	check_small_again(test, place);
}

static int refuse_encryption(struct io_tlb_pool *pool, bool is_encrypted)
{
	return -EIO;
}

static int refuse_to_encrypt(struct io_tlb_pool *pool, bool is_encrypted)
{
	return is_encrypted ? -EIO : 0;
}

static size_t lost_bytes(struct kunit *test)
{
	unsigned long size;

	KUNIT_ASSERT_EQ(test, 0, kstrtoul(strim(dma_pools_debugfs(test,
								  "dma/lost")),
					  10, &size));
	return size;
}

/* Memory that can't be decrypted, or encrypted again: counted, given to none */
static void grow_lost_test(struct kunit *test)
{
	struct page *page = alloc_pages(GFP_KERNEL, get_order(SZ_64K));
	size_t before = lost_bytes(test);
	struct io_tlb_pool *pool;
	struct swiotlb_set *set;

	KUNIT_ASSERT_NOT_NULL(test, page);
	kunit_activate_static_stub(test, swiotlb_pool_set_encrypted,
				   refuse_encryption);
	dma_kunit_log_mark();
	set = swiotlb_reserved_create("kunit-lost", page_to_phys(page), SZ_64K);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(set), -EIO);
	KUNIT_EXPECT_EQ(test, lost_bytes(test), before + SZ_64K);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("cannot decrypt 64 KiB"), 1);

	kunit_activate_static_stub(test, swiotlb_pool_set_encrypted,
				   refuse_to_encrypt);
	set = swiotlb_reserved_create("kunit-lost", page_to_phys(page), SZ_64K);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, set);
	KUNIT_EXPECT_EQ(test, lost_bytes(test), before + SZ_64K);
	dma_kunit_log_mark();
	swiotlb_reserved_destroy(set);
	KUNIT_EXPECT_EQ(test, lost_bytes(test), before + 2 * SZ_64K);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("cannot encrypt 64 KiB"), 1);

	/* Pages as they come and go by themselves */
	pool = swiotlb_pool_create(page_to_phys(page), SZ_64K, 1,
				   SWIOTLB_FROM_PAGES, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, pool);
	KUNIT_EXPECT_EQ(test, 0, swiotlb_pool_decrypt(pool));
	swiotlb_pool_destroy(pool);
	KUNIT_EXPECT_EQ(test, lost_bytes(test), before + 3 * SZ_64K);
	KUNIT_EXPECT_EQ(test, page_count(page), 1);
	kunit_deactivate_static_stub(test, swiotlb_pool_set_encrypted);
	__free_pages(page, get_order(SZ_64K));
}

/* A node for other page sizes than this kernel's: the pages that are in it */
static void grow_whole_pages_test(struct kunit *test)
{
	struct page *page = alloc_pages(GFP_KERNEL, 2);
	phys_addr_t phys = page_to_phys(page);
	struct swiotlb_set *set;
	struct io_tlb_pool *pool;

	KUNIT_ASSERT_NOT_NULL(test, page);
	set = swiotlb_reserved_create("kunit-odd", phys + SZ_2K,
				      3 * PAGE_SIZE);
	KUNIT_ASSERT_FALSE(test, IS_ERR(set));
	pool = list_first_entry(&set->pools, struct io_tlb_pool, list);
	KUNIT_EXPECT_EQ(test, pool->start, phys + PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, swiotlb_pool_size(pool), 2 * PAGE_SIZE);
	swiotlb_reserved_destroy(set);
	__free_pages(page, 2);
}

/* Memory that can't be a pool, or no memory to describe it */
static void grow_no_pool_test(struct kunit *test)
{
	struct page *page = alloc_pages(GFP_KERNEL, 4);
	phys_addr_t phys = page_to_phys(page);
	struct dma_kunit_failing failing = {};
	struct swiotlb_set *set;

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			PTR_ERR(swiotlb_reserved_create("kunit", phys, 0)));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			PTR_ERR(swiotlb_reserved_create("kunit", phys + 1,
							PAGE_SIZE)));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			PTR_ERR(swiotlb_reserved_create("kunit",
							PFN_PHYS(max_pfn),
							PAGE_SIZE)));
	if (!dma_kunit_fail_sleeping(false)) {
		__free_pages(page, 4);
		kunit_skip(test, "needs FAILSLAB, FAIL_PAGE_ALLOC, FAULT_INJECTION_DEBUG_FS");
	}
	/* Files in debugfs are made as far as there is memory for them. */
	while (dma_kunit_failing_next(&failing, 200)) {
		dma_kunit_fail_sleeping(true);
		dma_kunit_fail_nth(failing.nth);
		set = swiotlb_reserved_create("kunit-nth", phys, SZ_64K);
		dma_kunit_failing_stop(&failing, IS_ERR(set));
		dma_kunit_fail_sleeping(false);
		if (IS_ERR(set))
			KUNIT_EXPECT_EQ(test, PTR_ERR(set), -ENOMEM);
		else
			swiotlb_reserved_destroy(set);
	}
	KUNIT_EXPECT_TRUE(test, failing.is_beyond);
	/* The set, and the pool */
	KUNIT_EXPECT_GE(test, failing.nr_felt, 2);
	__free_pages(page, 4);
}

/* Memory that came from memblock goes back, and kmemleak knows it no more. */
static void grow_boot_memory_test(struct kunit *test)
{
	struct page *page = alloc_pages(GFP_KERNEL, get_order(SZ_64K));
	unsigned long nr_managed = totalram_pages();
	struct io_tlb_pool *pool;
	phys_addr_t start, meta;
	size_t meta_size;

	KUNIT_ASSERT_NOT_NULL(test, page);
	start = page_to_phys(page);
	meta_size = swiotlb_pool_meta_size(start, SZ_64K, 1);
	pool = alloc_pages_exact(meta_size, GFP_KERNEL | __GFP_ZERO);
	if (!pool)
		__free_pages(page, get_order(SZ_64K));
	KUNIT_ASSERT_NOT_NULL(test, pool);
	meta = virt_to_phys(pool);
	kmemleak_alloc_phys(start, SZ_64K, 0);
	kmemleak_alloc_phys(meta, meta_size, 0);
	swiotlb_pool_init(pool, start, SZ_64K, 1, SWIOTLB_FROM_MEMBLOCK);
	swiotlb_pool_destroy(pool);

	/* Whole pages; what is left of the last one stays. */
	KUNIT_EXPECT_EQ(test, totalram_pages() - nr_managed,
			(SZ_64K >> PAGE_SHIFT) + (meta_size >> PAGE_SHIFT));
	/* The same again: it would not be taken if it were known. */
	dma_kunit_log_mark();
	kmemleak_alloc_phys(start, SZ_64K, 0);
	kmemleak_alloc_phys(meta, meta_size, 0);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("Cannot insert"), 0);
	kmemleak_free_part_phys(start, SZ_64K);
	kmemleak_free_part_phys(meta, meta_size);
	/* It was counted before it was memblock's. */
	adjust_managed_page_count(page, -(long)(totalram_pages() - nr_managed));
	if (offset_in_page(meta_size))
		free_page((unsigned long)phys_to_virt(meta +
						      PAGE_ALIGN_DOWN(meta_size)));
}

#define NR_IDLE		4096
#define NR_COMPARED	256

/* What it takes to add so many pools, or to remove them, in ns */
static u64 change_pools(struct swiotlb_set *set, struct io_tlb_pool **pools,
			bool is_added)
{
	u64 start = ktime_get_ns();

	for (unsigned int i = 0; i < NR_COMPARED; i++) {
		if (is_added)
			swiotlb_set_add(set, pools[i]);
		else
			swiotlb_set_remove(set, pools[i]);
	}
	return ktime_get_ns() - start;
}

static struct io_tlb_pool **make_idle_pools(struct kunit *test)
{
	struct io_tlb_pool **pools;

	pools = kunit_kcalloc(test, NR_IDLE, sizeof(*pools), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, pools);
	for (unsigned int i = 0; i < NR_IDLE; i++) {
		/* Where no memory is: nobody looks at it. */
		pools[i] = swiotlb_pool_create(PFN_PHYS(max_pfn) + i * SZ_64K,
					       SZ_16K, 1, SWIOTLB_FROM_RESERVED,
					       GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, pools[i]);
	}
	return pools;
}

/*
 * The last pools that a set gets cost no more than its first ones, and no more
 * than its first ones to go.  The best of several runs counts: the machine may
 * have other things to do.
 */
static void grow_many_test(struct kunit *test)
{
	struct swiotlb_place *place = growing_place(test, SZ_1G);
	struct io_tlb_pool **pools = make_idle_pools(test);
	u64 first = 0, last = U64_MAX, gone = U64_MAX, took;
	struct swiotlb_set *set = place->set;

	for (unsigned int i = 0; i < NR_IDLE; i += NR_COMPARED) {
		took = change_pools(set, pools + i, true);
		first = first ?: took;
		if (i >= NR_IDLE - 4 * NR_COMPARED)
			last = min(last, took);
	}
	KUNIT_EXPECT_EQ(test, nr_pools(set), NR_IDLE + 1);
	KUNIT_EXPECT_LT(test, last, 4 * first);
	for (unsigned int i = 0; i < NR_IDLE; i += 100)
		KUNIT_EXPECT_PTR_EQ(test, pools[i],
				    swiotlb_set_find(set, pools[i]->start + SZ_8K));
	KUNIT_EXPECT_NULL(test, swiotlb_set_find(set, pools[7]->end));

	for (unsigned int i = 0; i < NR_IDLE; i += NR_COMPARED) {
		took = change_pools(set, pools + i, false);
		if (i < 4 * NR_COMPARED)
			gone = min(gone, took);
	}
	KUNIT_EXPECT_LT(test, gone, 4 * first);
	swiotlb_set_reap(set);
	check_small_again(test, place);
}

/* Who finds a lock taken goes elsewhere, and that is noted. */
static void grow_meeting_test(struct kunit *test)
{
	struct swiotlb_set *set = kunit_kzalloc(test, sizeof(*set), GFP_KERNEL);
	struct swiotlb_place *place = swiotlb_plain_place(test, SZ_1M);
	u8 *buffer = take_buffer(test, SZ_4K, 0x11);
	struct device *dev = place->dev;
	struct io_tlb_pool *pool;
	unsigned long flags;
	dma_addr_t dma_addr;
	unsigned int home;

	KUNIT_ASSERT_NOT_NULL(test, set);
	swiotlb_set_init(set, "kunit-areas");
	pool = swiotlb_pool_create(place->phys, SZ_1M, 4, SWIOTLB_FROM_RESERVED,
				   GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, pool);
	KUNIT_ASSERT_EQ(test, 0, swiotlb_set_add(set, pool));
	KUNIT_ASSERT_GE(test, pool->nr_areas, 4);
	dev->dma_io_tlb_mem = &set->mem;

	/* No peak, which would be noted under the set's lock */
	for (unsigned int i = 0; i < pool->nr_areas; i++)
		pool->areas[i].low = 0;
	local_irq_save(flags);
	home = smp_processor_id() % pool->nr_areas;
	spin_lock(&pool->areas[home].lock);
	dma_addr = try_map(dev, buffer, SZ_4K);
	spin_unlock(&pool->areas[home].lock);
	local_irq_restore(flags);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&set->nr_contended), 1);
	if (dma_addr != DMA_MAPPING_ERROR)
		unmap(dev, dma_addr, SZ_4K);
	KUNIT_EXPECT_NE(test, dma_addr, DMA_MAPPING_ERROR);
	dma_addr = map(test, dev, buffer, SZ_4K);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&set->nr_contended), 1);
	unmap(dev, dma_addr, SZ_4K);
	dev->dma_io_tlb_mem = &place->set->mem;
	swiotlb_set_destroy(set);
}

/* How large the first pool is, and to how many areas it is shared out */
static void grow_first_size_test(struct kunit *test)
{
	static const u64 rams[] = { SZ_256M, SZ_1G, 16ULL * SZ_1G, 1ULL << 40 };

	for (unsigned int i = 0; i < ARRAY_SIZE(rams); i++) {
		size_t small = swiotlb_first_size(rams[i], false, true);

		/* What can't be had later has to be there from the start. */
		KUNIT_EXPECT_EQ(test, swiotlb_first_size(rams[i], true, false),
				max(IO_TLB_DEFAULT_SIZE,
				    swiotlb_size_or_default()));
		KUNIT_EXPECT_EQ(test, swiotlb_first_size(rams[i], false, false),
				swiotlb_size_or_default());
		KUNIT_EXPECT_LE(test, small, swiotlb_size_or_default());
		KUNIT_EXPECT_LE(test, small, swiotlb_first_size(rams[i], true,
								true));
	}
	KUNIT_EXPECT_GE(test, swiotlb_wanted_areas(), num_possible_cpus());
}

/* Many users of one set that grows and shrinks all the time */

#define NR_BUFFERS	8
#define BUFFER_SIZE	SZ_32K

struct buffer {
	u8 *memory, *cpu_addr;
	dma_addr_t dma_addr;
	size_t size;
	bool is_mapped;
};

struct owner {
	struct device *dev;
	struct rnd_state rnd;
	struct buffer buffers[NR_BUFFERS];
	atomic_long_t *nr_errors;
	u8 nr;
};

static void note(struct owner *owner, bool is_good)
{
	if (!is_good)
		atomic_long_inc(owner->nr_errors);
}

static bool storm_map(struct owner *owner, struct buffer *buffer)
{
	u32 dice = prandom_u32_state(&owner->rnd);

	buffer->size = 1 + (dice >> 3) % (BUFFER_SIZE / 2);
	buffer->cpu_addr = buffer->memory + dice % (BUFFER_SIZE / 2);
	memset(buffer->memory, owner->nr, BUFFER_SIZE);
	buffer->dma_addr = try_map(owner->dev, buffer->cpu_addr, buffer->size);
	buffer->is_mapped = buffer->dma_addr != DMA_MAPPING_ERROR;
	return buffer->is_mapped;
}

static void storm_unmap(struct owner *owner, struct buffer *buffer)
{
	u8 *seen = swiotlb_seen(owner->dev, buffer->dma_addr), byte = ~owner->nr;
	size_t at = prandom_u32_state(&owner->rnd) % buffer->size;

	note(owner, swiotlb_find_pool(owner->dev, buffer->dma_addr));
	note(owner, !memchr_inv(seen, owner->nr, buffer->size));
	seen[at] = byte;
	swiotlb_sync_single_for_cpu(owner->dev, buffer->dma_addr + at, 1,
				    DMA_BIDIRECTIONAL);
	note(owner, buffer->cpu_addr[at] == byte);
	memset(seen, byte, buffer->size);
	unmap(owner->dev, buffer->dma_addr, buffer->size);
	note(owner, !memchr_inv(buffer->cpu_addr, byte, buffer->size));
	buffer->is_mapped = false;
}

static bool storm_step(void *data)
{
	struct owner *owner = data;
	struct buffer *buffer = &owner->buffers[prandom_u32_state(&owner->rnd) %
						NR_BUFFERS];

	if (!buffer->is_mapped)
		return storm_map(owner, buffer);
	storm_unmap(owner, buffer);
	return true;
}

static void grow_storm_test(struct kunit *test)
{
	struct dma_kunit_storm *storm = kunit_kzalloc(test, sizeof(*storm),
						      GFP_KERNEL);
	struct owner *owners = kunit_kcalloc(test, DMA_KUNIT_NR_THREADS + 1,
					     sizeof(*owners), GFP_KERNEL);
	struct swiotlb_place *place = growing_place(test, SZ_32M);
	struct device *other = swiotlb_place_device(test, place, "other");
	atomic_long_t nr_errors = ATOMIC_LONG_INIT(0);

	KUNIT_ASSERT_NOT_NULL(test, storm);
	KUNIT_ASSERT_NOT_NULL(test, owners);
	/* Pools go as soon as nobody looks. */
	swiotlb_idle = 1;
	for (unsigned int i = 0; i <= DMA_KUNIT_NR_THREADS; i++) {
		owners[i].dev = i & 1 ? other : place->dev;
		owners[i].nr = i + 1;
		owners[i].nr_errors = &nr_errors;
		prandom_seed_state(&owners[i].rnd, i + 1);
		for (unsigned int j = 0; j < NR_BUFFERS; j++)
			owners[i].buffers[j].memory =
				take_buffer(test, BUFFER_SIZE, 0);
		storm->owners[i] = &owners[i];
	}
	storm->step = storm_step;
	storm->nr_wanted = 6000;
	storm->nr_wanted_in_irq = 200;
	dma_kunit_storm_run(test, storm);

	for (unsigned int i = 0; i <= DMA_KUNIT_NR_THREADS; i++)
		for (unsigned int j = 0; j < NR_BUFFERS; j++)
			if (owners[i].buffers[j].is_mapped)
				storm_unmap(&owners[i], &owners[i].buffers[j]);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&nr_errors), 0);
	check_small_again(test, place);
}

static struct kunit_case swiotlb_grow_cases[] = {
	KUNIT_CASE(grow_at_once_test),
	KUNIT_CASE(grow_in_hardirq_test),
	KUNIT_CASE(grow_limit_test),
	KUNIT_CASE(grow_in_reach_test),
	KUNIT_CASE(grow_in_window_test),
	KUNIT_CASE(grow_between_windows_test),
	KUNIT_CASE(grow_of_piece_test),
	KUNIT_CASE(grow_fail_nth_test),
	KUNIT_CASE(grow_lost_test),
	KUNIT_CASE(grow_whole_pages_test),
	KUNIT_CASE(grow_no_pool_test),
	KUNIT_CASE(grow_in_zone_test),
	KUNIT_CASE(grow_boot_memory_test),
	KUNIT_CASE(grow_many_test),
	KUNIT_CASE(grow_meeting_test),
	KUNIT_CASE(grow_first_size_test),
	KUNIT_CASE(grow_storm_test),
	{}
};

static struct kunit_suite swiotlb_grow_suite = {
	.name = "dma_swiotlb_grow",
	.init = grow_init,
	.exit = grow_exit,
	.test_cases = swiotlb_grow_cases,
};

kunit_test_suite(swiotlb_grow_suite);

MODULE_DESCRIPTION("KUnit tests of bounce buffers that grow and shrink");
MODULE_LICENSE("GPL");
