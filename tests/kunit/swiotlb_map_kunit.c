// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of kernel/dma/swiotlb.c and swiotlb/stat.c: mappings of one
 * device, what is copied and when, refusals, wrong calls, accounts.
 */

#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "../../kernel/dma/backend.h"
#include "files.h"
#include "log.h"
#include "pools.h"
#include "swiotlb_place.h"

static u8 *take_buffer(struct kunit *test, size_t size)
{
	u8 *buffer = kunit_kzalloc(test, size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buffer);
	return buffer;
}

static void fill(u8 *buffer, size_t size, u32 seed)
{
	struct rnd_state rnd;

	prandom_seed_state(&rnd, seed);
	prandom_bytes_state(&rnd, buffer, size);
}

static dma_addr_t map(struct kunit *test, struct device *dev, void *buffer,
		      size_t size, enum dma_data_direction dir)
{
	dma_addr_t dma_addr = dma_map_single(dev, buffer, size, dir);

	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	return dma_addr;
}

/* Alignment */

/* The bits of min_align_mask stay, whatever the buffer's offset. */
static void map_min_align_test(struct kunit *test)
{
	static const unsigned int masks[] = {
		0, SZ_512 - 1, SZ_2K - 1, SZ_4K - 1, SZ_16K - 1, SZ_256K - 1,
	};
	struct swiotlb_place *place = swiotlb_plain_place(test, SZ_2M);
	u8 *buffer = take_buffer(test, SZ_512K);

	fill(buffer, SZ_512K, 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(masks); i++) {
		dma_set_min_align_mask(place->dev, masks[i]);
		for (size_t at = 0; at < SZ_128K; at = at * 3 + 0x204) {
			size_t size = 1 + at * 7 % SZ_64K;
			dma_addr_t dma_addr = map(test, place->dev, buffer + at,
						  size, DMA_TO_DEVICE);

			KUNIT_EXPECT_EQ(test, dma_addr & masks[i],
					virt_to_phys(buffer + at) & masks[i]);
			KUNIT_EXPECT_EQ(test, 0,
					memcmp(swiotlb_seen(place->dev, dma_addr),
					       buffer + at, size));
			dma_unmap_single(place->dev, dma_addr, size,
					 DMA_TO_DEVICE);
		}
	}
}

/* A page or more begins at a page, less at a slot. */
static void map_page_align_test(struct kunit *test)
{
	struct swiotlb_place *place = swiotlb_place(test, SZ_1M, SZ_4K,
						    &(struct dma_kunit_shape) {});
	u8 *buffer = take_buffer(test, SZ_64K);
	dma_addr_t addrs[40];

	for (unsigned int i = 0; i < ARRAY_SIZE(addrs); i++) {
		size_t size = i & 1 ? PAGE_SIZE + i : 100;

		addrs[i] = map(test, place->dev, buffer + i, size,
			       DMA_TO_DEVICE);
		KUNIT_EXPECT_EQ(test, 0, addrs[i] &
				((i & 1 ? PAGE_SIZE : IO_TLB_SIZE) - 1));
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(addrs); i++)
		dma_unmap_single(place->dev, addrs[i],
				 i & 1 ? PAGE_SIZE + i : 100, DMA_TO_DEVICE);
}

/* Even if there is room elsewhere only */
static void map_page_align_full_test(struct kunit *test)
{
	struct swiotlb_place *place = swiotlb_plain_place(test, SZ_64K);
	phys_addr_t phys = virt_to_phys(take_buffer(test, SZ_4K));
	dma_addr_t addrs[32];

	for (unsigned int i = 0; i < ARRAY_SIZE(addrs); i++)
		addrs[i] = swiotlb_map(place->dev, phys, 100, DMA_TO_DEVICE, 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(addrs); i++)
		if (addrs[i] == place->phys + 3 * IO_TLB_SIZE ||
		    addrs[i] == place->phys + 4 * IO_TLB_SIZE) {
			swiotlb_tbl_unmap_single(place->dev, addrs[i], 100,
						 DMA_TO_DEVICE, 0);
			addrs[i] = 0;
		}
	KUNIT_EXPECT_EQ(test, swiotlb_nr_used(place), ARRAY_SIZE(addrs) - 2);
	/* Two slots in a row, in two pages */
	KUNIT_EXPECT_EQ(test, DMA_MAPPING_ERROR,
			swiotlb_map(place->dev, phys, SZ_4K, DMA_TO_DEVICE,
				    DMA_ATTR_NO_WARN));
	addrs[0] = swiotlb_map(place->dev, phys, SZ_4K - 1, DMA_TO_DEVICE, 0);
	KUNIT_EXPECT_EQ(test, addrs[0], place->phys + 3 * IO_TLB_SIZE);
	swiotlb_tbl_unmap_single(place->dev, addrs[0], SZ_4K - 1,
				 DMA_TO_DEVICE, 0);
	addrs[0] = place->phys;
	for (unsigned int i = 0; i < ARRAY_SIZE(addrs); i++)
		if (addrs[i])
			swiotlb_tbl_unmap_single(place->dev, addrs[i], 100,
						 DMA_TO_DEVICE, 0);
}

/* As an IOMMU needs it: granules of its own, before and behind the data. */
static void map_alloc_align_test(struct kunit *test)
{
	struct swiotlb_place *place = swiotlb_plain_place(test, SZ_1M);
	struct device *dev = place->dev;
	u8 *buffer = take_buffer(test, SZ_64K);

	dma_set_min_align_mask(dev, SZ_4K - 1);
	fill(buffer, SZ_64K, 1);
	for (size_t granule = SZ_4K; granule <= SZ_64K; granule *= 2) {
		for (size_t at = 0; at < SZ_16K; at += 0x834) {
			phys_addr_t phys = virt_to_phys(buffer + at), addr;
			size_t size = 1 + at % 6000, nr;

			addr = swiotlb_tbl_map_single(dev, phys, size,
						      granule - 1,
						      DMA_BIDIRECTIONAL, 0);
			KUNIT_ASSERT_NE(test, addr,
					(phys_addr_t)DMA_MAPPING_ERROR);
			KUNIT_EXPECT_EQ(test, addr & (SZ_4K - 1),
					phys & (SZ_4K - 1));
			/* No other mapping is in these granules. */
			nr = DIV_ROUND_UP((addr & (granule - 1)) + size, granule);
			KUNIT_EXPECT_EQ(test, swiotlb_nr_used(place),
					nr * granule >> IO_TLB_SHIFT);
			KUNIT_EXPECT_EQ(test, 0, memcmp(phys_to_virt(addr),
							buffer + at, size));
			swiotlb_tbl_unmap_single(dev, addr, size,
						 DMA_BIDIRECTIONAL, 0);
			KUNIT_EXPECT_EQ(test, swiotlb_nr_used(place), 0);
		}
	}
}

/* Larger than dma_max_mapping_size(), up to all there is */
static void map_large_test(struct kunit *test)
{
	struct swiotlb_place *place = swiotlb_plain_place(test, SZ_2M);
	u8 *buffer = take_buffer(test, SZ_2M);
	struct device *dev = place->dev;

	fill(buffer, SZ_2M, 5);
	for (size_t size = SZ_256K; size <= SZ_2M; size += SZ_256K - 100) {
		phys_addr_t addr = swiotlb_tbl_map_single(dev,
							  virt_to_phys(buffer),
							  size, 0,
							  DMA_BIDIRECTIONAL, 0);
		u8 *seen = phys_to_virt(addr), old = buffer[size - 1];

		KUNIT_ASSERT_NE(test, addr, (phys_addr_t)DMA_MAPPING_ERROR);
		KUNIT_EXPECT_EQ(test, 0, memcmp(seen, buffer, size));
		seen[size - 1] = ~old;
		swiotlb_tbl_unmap_single(dev, addr, size, DMA_BIDIRECTIONAL, 0);
		KUNIT_EXPECT_EQ(test, buffer[size - 1], (u8)~old);
		KUNIT_EXPECT_EQ(test, swiotlb_nr_used(place), 0);
	}
	KUNIT_EXPECT_EQ(test, dma_max_mapping_size(dev), SZ_256K);
	dma_set_min_align_mask(dev, SZ_4K - 1);
	KUNIT_EXPECT_EQ(test, dma_max_mapping_size(dev), SZ_256K - SZ_4K);
	/* An alignment that takes all of that is no reason for nothing. */
	dma_set_min_align_mask(dev, SZ_256K - 1);
	KUNIT_EXPECT_EQ(test, dma_max_mapping_size(dev), SZ_256K);
}

/* What dma_max_mapping_size() promises can be had, several times. */
static void map_max_test(struct kunit *test)
{
	struct swiotlb_place *place = swiotlb_plain_place(test, SZ_4M);
	size_t max = dma_max_mapping_size(place->dev);
	u8 *buffer = take_buffer(test, max);
	dma_addr_t addrs[8];

	/* Words have half as many bits, and areas a quarter of the slots. */
	KUNIT_EXPECT_EQ(test, max, IS_ENABLED(CONFIG_64BIT) ? SZ_512K : SZ_256K);
	for (unsigned int i = 0; i < ARRAY_SIZE(addrs); i++)
		addrs[i] = map(test, place->dev, buffer, max, DMA_TO_DEVICE);
	for (unsigned int i = 0; i < ARRAY_SIZE(addrs); i++)
		dma_unmap_single(place->dev, addrs[i], max, DMA_TO_DEVICE);
}

/* Copies */

/* Where the device writes nothing, the driver gets its own bytes back. */
static void map_no_leak_test(struct kunit *test)
{
	struct swiotlb_place *place = swiotlb_plain_place(test, SZ_64K);
	u8 *secret = take_buffer(test, SZ_64K);
	u8 *buffer = take_buffer(test, SZ_64K);
	dma_addr_t dma_addr;

	memset(secret, 0x5e, SZ_64K);
	dma_addr = map(test, place->dev, secret, SZ_64K, DMA_TO_DEVICE);
	dma_unmap_single(place->dev, dma_addr, SZ_64K, DMA_TO_DEVICE);

	for (size_t size = 100; size <= SZ_64K; size = size * 3 + 1) {
		memset(buffer, 0x11, SZ_64K);
		dma_addr = map(test, place->dev, buffer, size, DMA_FROM_DEVICE);
		memset(swiotlb_seen(place->dev, dma_addr), 0x22, size / 2);
		dma_unmap_single(place->dev, dma_addr, size, DMA_FROM_DEVICE);
		KUNIT_EXPECT_NULL(test, memchr_inv(buffer, 0x22, size / 2));
		KUNIT_EXPECT_NULL(test, memchr_inv(buffer + size / 2, 0x11,
						   SZ_64K - size / 2));
	}
}

/* A buffer that the kernel has mapped nowhere, from one page into the next */
static void map_highmem_test(struct kunit *test)
{
	struct swiotlb_place *place = swiotlb_plain_place(test, SZ_64K);
	struct page *page = alloc_pages(GFP_HIGHUSER, 1);
	size_t at = PAGE_SIZE / 2;
	dma_addr_t dma_addr;

	KUNIT_ASSERT_NOT_NULL(test, page);
	if (!PageHighMem(page)) {
		__free_pages(page, 1);
		kunit_skip(test, "the kernel has all memory mapped");
	}
	memset_page(page, 0, 0x11, PAGE_SIZE);
	memset_page(page + 1, 0, 0x22, PAGE_SIZE);
	dma_addr = swiotlb_map(place->dev, page_to_phys(page) + at, PAGE_SIZE,
			       DMA_BIDIRECTIONAL, 0);
	if (dma_addr != DMA_MAPPING_ERROR) {
		u8 *seen = swiotlb_seen(place->dev, dma_addr);

		KUNIT_EXPECT_NULL(test, memchr_inv(seen, 0x11, at));
		KUNIT_EXPECT_NULL(test, memchr_inv(seen + at, 0x22, at));
		memset(seen, 0x33, PAGE_SIZE);
		swiotlb_tbl_unmap_single(place->dev, dma_addr, PAGE_SIZE,
					 DMA_BIDIRECTIONAL, 0);
	}
	KUNIT_EXPECT_NE(test, dma_addr, DMA_MAPPING_ERROR);
	for (unsigned int i = 0; i < 2; i++) {
		u8 *cpu_addr = kmap_local_page(page + i);

		/* The half that was mapped, and the one that was not */
		KUNIT_EXPECT_NULL(test, memchr_inv(cpu_addr + (i ? 0 : at),
						   0x33, at));
		KUNIT_EXPECT_NULL(test, memchr_inv(cpu_addr + (i ? at : 0),
						   i ? 0x22 : 0x11, at));
		kunmap_local(cpu_addr);
	}
	__free_pages(page, 1);
}

/* What a new pool holds was nobody's: the device does not see old memory. */
static void map_new_pool_test(struct kunit *test)
{
	struct swiotlb_place *place = swiotlb_plain_place(test, SZ_64K);

	KUNIT_EXPECT_NULL(test, memchr_inv(place->memory, 0, SZ_64K));
}

/* A part in the middle, both ways, and nothing else */
static void map_partial_sync_test(struct kunit *test)
{
	struct swiotlb_place *place = swiotlb_plain_place(test, SZ_256K);
	struct device *dev = place->dev;
	u8 *buffer = take_buffer(test, SZ_64K), *seen;
	size_t size = 50000;
	dma_addr_t dma_addr;

	for (size_t at = 1; at < 40000; at = at * 2 + 1) {
		size_t part = at % 9000 + 1, end = at + part;

		memset(buffer, 0x11, SZ_64K);
		dma_addr = map(test, dev, buffer + 7, size, DMA_BIDIRECTIONAL);
		seen = swiotlb_seen(dev, dma_addr);
		memset(seen, 0x22, size);
		dma_sync_single_range_for_cpu(dev, dma_addr, at, part,
					      DMA_BIDIRECTIONAL);
		KUNIT_EXPECT_NULL(test, memchr_inv(buffer, 0x11, 7 + at));
		KUNIT_EXPECT_NULL(test, memchr_inv(buffer + 7 + at, 0x22, part));
		KUNIT_EXPECT_NULL(test, memchr_inv(buffer + 7 + end, 0x11,
						   size - end));
		memset(buffer, 0x33, SZ_64K);
		dma_sync_single_range_for_device(dev, dma_addr, at, part,
						 DMA_BIDIRECTIONAL);
		KUNIT_EXPECT_NULL(test, memchr_inv(seen, 0x22, at));
		KUNIT_EXPECT_NULL(test, memchr_inv(seen + at, 0x33, part));
		KUNIT_EXPECT_NULL(test, memchr_inv(seen + end, 0x22, size - end));
		dma_unmap_single_attrs(dev, dma_addr, size, DMA_BIDIRECTIONAL,
				       DMA_ATTR_SKIP_CPU_SYNC);
		KUNIT_EXPECT_NULL(test, memchr_inv(buffer, 0x33, SZ_64K));
	}
}

/* Refusals */

static void check_refusal(struct kunit *test, struct swiotlb_place *place,
			  size_t size, const char *text)
{
	phys_addr_t phys = virt_to_phys(take_buffer(test, size));
	dma_addr_t dma_addr;

	dma_kunit_log_mark();
	dma_addr = swiotlb_map(place->dev, phys, size, DMA_TO_DEVICE, 0);
	KUNIT_EXPECT_EQ(test, dma_addr, DMA_MAPPING_ERROR);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("bytes refused"), 1);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count(text), 1);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count(dev_name(place->dev)), 1);

	dma_kunit_log_mark();
	dma_addr = swiotlb_map(place->dev, phys, size, DMA_TO_DEVICE,
			       DMA_ATTR_NO_WARN);
	KUNIT_EXPECT_EQ(test, dma_addr, DMA_MAPPING_ERROR);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("bytes refused"), 0);
}

static void map_refusal_test(struct kunit *test)
{
	struct swiotlb_place *place = swiotlb_plain_place(test, SZ_256K);
	struct dma_pool_figures figures = {};
	u8 *buffer = take_buffer(test, SZ_4K);
	dma_addr_t addrs[64];

	check_refusal(test, place, SZ_256K + 1, "too large");
	for (unsigned int i = 0; i < ARRAY_SIZE(addrs); i++)
		addrs[i] = map(test, place->dev, buffer, SZ_4K, DMA_TO_DEVICE);
	check_refusal(test, place, 100,
		      "full: 'kunit' has 256 KiB, used 256 KiB, peak 256 KiB, largest free piece 0 KiB");
	for (unsigned int i = 0; i < ARRAY_SIZE(addrs); i += 2)
		dma_unmap_single(place->dev, addrs[i], SZ_4K, DMA_TO_DEVICE);
	check_refusal(test, place, SZ_8K,
		      "fragmented: 'kunit' has 256 KiB, used 128 KiB, peak 256 KiB, largest free piece 4 KiB");
	for (unsigned int i = 1; i < ARRAY_SIZE(addrs); i += 2)
		dma_unmap_single(place->dev, addrs[i], SZ_4K, DMA_TO_DEVICE);

	place->dev->bus_dma_limit = place->phys - 1;
	check_refusal(test, place, 100, "no pool in reach");
	swiotlb_set_figures(place->set, &figures);
	KUNIT_EXPECT_EQ(test, figures.refused, 8);
	KUNIT_EXPECT_EQ(test, figures.served, 64);
}

/* Wrong calls */

static void map_wrong_unmap_test(struct kunit *test)
{
	struct swiotlb_place *place = swiotlb_plain_place(test, SZ_64K);
	u8 *buffer = take_buffer(test, SZ_4K);
	phys_addr_t phys = virt_to_phys(buffer), one, other;
	struct device *dev = place->dev;

	/* Not by the DMA API, where dma-debug would warn as well */
	one = swiotlb_tbl_map_single(dev, phys, 100, 0, DMA_TO_DEVICE, 0);
	other = swiotlb_tbl_map_single(dev, phys, 100, 0, DMA_TO_DEVICE, 0);
	KUNIT_ASSERT_EQ(test, swiotlb_nr_used(place), 2);
	swiotlb_tbl_unmap_single(dev, one, 100, DMA_TO_DEVICE, 0);
	dma_kunit_expect_warn_begin();
	swiotlb_tbl_unmap_single(dev, one, 100, DMA_TO_DEVICE, 0);
	KUNIT_EXPECT_EQ(test, dma_kunit_expect_warn_end(), 1);
	KUNIT_EXPECT_EQ(test, swiotlb_nr_used(place), 1);

	/* More than is mapped is not copied. */
	memset(buffer, 0x11, SZ_4K);
	memset(phys_to_virt(other), 0x22, IO_TLB_SIZE);
	dma_kunit_expect_warn_begin();
	swiotlb_sync_single_for_cpu(dev, other, 200, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, dma_kunit_expect_warn_end(), 1);
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer, 0x22, 100));
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer + 100, 0x11, SZ_4K - 100));
	dma_kunit_expect_warn_begin();
	swiotlb_sync_single_for_cpu(dev, other + 300, 8, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, dma_kunit_expect_warn_end(), 1);
	swiotlb_tbl_unmap_single(dev, other, 100, DMA_TO_DEVICE, 0);
	KUNIT_EXPECT_EQ(test, swiotlb_nr_used(place), 0);
}

/* What is wrong at an address that is another mapping's by now frees nothing. */
static void map_stale_unmap_test(struct kunit *test)
{
	struct swiotlb_place *place = swiotlb_plain_place(test, SZ_64K);
	phys_addr_t phys = virt_to_phys(take_buffer(test, SZ_8K)), one, other;
	struct device *dev = place->dev;

	one = swiotlb_tbl_map_single(dev, phys, SZ_8K, 0, DMA_TO_DEVICE, 0);
	/* In the middle of one that is there */
	dma_kunit_expect_warn_begin();
	swiotlb_tbl_unmap_single(dev, one + SZ_4K, SZ_4K, DMA_TO_DEVICE, 0);
	KUNIT_EXPECT_EQ(test, dma_kunit_expect_warn_end(), 1);
	KUNIT_EXPECT_EQ(test, swiotlb_nr_used(place), 4);
	swiotlb_tbl_unmap_single(dev, one, SZ_8K, DMA_TO_DEVICE, 0);

	/* In the middle of one that is gone, where a smaller one begins now */
	other = swiotlb_tbl_map_single(dev, phys, 100, 0, DMA_TO_DEVICE, 0);
	KUNIT_ASSERT_EQ(test, other, one);
	dma_kunit_expect_warn_begin();
	swiotlb_tbl_unmap_single(dev, one + SZ_4K, SZ_4K, DMA_TO_DEVICE, 0);
	KUNIT_EXPECT_EQ(test, dma_kunit_expect_warn_end(), 1);
	KUNIT_EXPECT_EQ(test, swiotlb_nr_used(place), 1);
	/* Nor is it synced. */
	dma_kunit_expect_warn_begin();
	swiotlb_sync_single_for_cpu(dev, one + SZ_4K, 8, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, dma_kunit_expect_warn_end(), 1);
	if (swiotlb_nr_used(place))
		swiotlb_tbl_unmap_single(dev, other, 100, DMA_TO_DEVICE, 0);
}

/* What has no linear mapping can't be copied, and need not: it is refused. */
static void map_pool_memory_test(struct kunit *test)
{
	struct dma_coherent_pool *pool = dma_pools_pool(test, "pool", 0, SZ_64K);
	struct device *owner = dma_kunit_coherent_device(test, "owner");
	struct swiotlb_place *place = swiotlb_plain_place(test, SZ_1M);
	struct dma_pools_buffer buffer;
	struct sg_table sgt;
	int err;

	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, owner, pool));
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(owner, SZ_8K, GFP_KERNEL, &buffer));
	err = dma_get_sgtable(owner, &sgt, buffer.cpu_addr, buffer.dma_addr, SZ_8K);
	if (!err) {
		KUNIT_EXPECT_NE(test, 0, dma_map_sgtable(place->dev, &sgt,
							 DMA_TO_DEVICE,
							 DMA_ATTR_SKIP_CPU_SYNC));
		sg_free_table(&sgt);
	}
	dma_pools_free(&buffer);
	if (err)
		kunit_skip(test, "the pool has no struct pages");
}

/* Without a pool, as with swiotlb=noforce, a mapping is refused and told about. */
static void map_no_pool_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	phys_addr_t phys = virt_to_phys(take_buffer(test, SZ_4K));

	if (is_swiotlb_active(dev))
		kunit_skip(test, "this machine has bounce buffers");
	dma_kunit_log_mark();
	KUNIT_EXPECT_EQ(test, (phys_addr_t)DMA_MAPPING_ERROR,
			swiotlb_tbl_map_single(dev, phys, SZ_4K, 0,
					       DMA_TO_DEVICE, 0));
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("4096 bytes refused: no bounce buffers"),
			1);
	KUNIT_EXPECT_FALSE(test, swiotlb_find_pool(dev, phys));
	/* Of what needs no bounce buffer, as much as if there were a pool */
	KUNIT_EXPECT_EQ(test, swiotlb_max_mapping_size(dev), SZ_256K);
}

/* Consistent memory of a restricted pool */

/*
 * Where devices see only what is decrypted, the pool is that already: it is not
 * decrypted again with each buffer, nor encrypted with each free.
 */
static void map_decrypted_test(struct kunit *test)
{
	static const gfp_t gfps[] = { GFP_KERNEL, GFP_ATOMIC };
	struct swiotlb_place *place = swiotlb_plain_place(test, SZ_1M);
	struct dma_allocation *record;
	struct dma_request req;

	for (unsigned int i = 0; i < ARRAY_SIZE(gfps); i++) {
		int err;

		req = dma_request_of(place->dev, SZ_8K, gfps[i],
				     DMA_ATTR_NO_WARN);
		req.limits.unencrypted = true;
		err = dma_dispatch(&req, &record);
		KUNIT_EXPECT_EQ(test, err, 0);
		if (err)
			continue;
		KUNIT_EXPECT_STREQ(test, record->backend->name,
				   "restricted pool");
		KUNIT_EXPECT_FALSE(test, record->done & DMA_DONE_DECRYPTED);
		KUNIT_EXPECT_NULL(test, memchr_inv(record->cpu_addr, 0, SZ_8K));
		dma_free_attrs(place->dev, SZ_8K, record->cpu_addr,
			       record->dma_addr, 0);
	}
	KUNIT_EXPECT_EQ(test, swiotlb_nr_used(place), 0);
}

static void map_consistent_test(struct kunit *test)
{
	struct swiotlb_place *place = swiotlb_plain_place(test, SZ_1M);
	struct device *dev = place->dev;
	struct page *page;

	for (size_t size = PAGE_SIZE; size <= SZ_512K; size *= 3) {
		page = swiotlb_alloc(dev, PAGE_ALIGN(size));
		KUNIT_ASSERT_NOT_NULL(test, page);
		KUNIT_EXPECT_EQ(test, swiotlb_nr_used(place),
				PAGE_ALIGN(size) >> IO_TLB_SHIFT);
		/* Nothing is behind it, so this does nothing. */
		swiotlb_sync_single_for_cpu(dev, page_to_phys(page), PAGE_SIZE,
					    DMA_BIDIRECTIONAL);
		KUNIT_EXPECT_TRUE(test, swiotlb_free(dev, page,
						     PAGE_ALIGN(size)));
	}
	KUNIT_EXPECT_NULL(test, swiotlb_alloc(dev, SZ_2M));
	KUNIT_EXPECT_FALSE(test, swiotlb_free(dev, virt_to_page(test), SZ_4K));
}

/* Accounts */

static bool has_line(struct kunit *test, const char *one, const char *other)
{
	char *rest = dma_pools_debugfs(test, "dma/bounce"), *line;

	while ((line = strsep(&rest, "\n")))
		if (strstr(line, one) && strstr(line, other))
			return true;
	return false;
}

static void map_account_test(struct kunit *test)
{
	struct swiotlb_place *place = swiotlb_plain_place(test, SZ_256K);
	struct device *other = swiotlb_place_device(test, place, "other");
	u8 *buffer = take_buffer(test, SZ_64K);
	dma_addr_t addrs[5], dma_addr;
	char expected[64];

	for (unsigned int i = 0; i < ARRAY_SIZE(addrs); i++)
		addrs[i] = map(test, place->dev, buffer, 5000, DMA_TO_DEVICE);
	dma_addr = map(test, other, buffer, 100, DMA_TO_DEVICE);
	snprintf(expected, sizeof(expected), "%15u %12u %10u", 25000, 5, 15);
	KUNIT_EXPECT_TRUE(test, has_line(test, dev_name(place->dev), expected));
	snprintf(expected, sizeof(expected), "%15u %12u %10u", 100, 1, 1);
	KUNIT_EXPECT_TRUE(test, has_line(test, dev_name(other), expected));

	for (unsigned int i = 0; i < ARRAY_SIZE(addrs); i++)
		dma_unmap_single(place->dev, addrs[i], 5000, DMA_TO_DEVICE);
	dma_unmap_single(other, dma_addr, 100, DMA_TO_DEVICE);
	snprintf(expected, sizeof(expected), "%15u %12u %10u %8s", 25000, 5, 0,
		 "-");
	KUNIT_EXPECT_TRUE(test, has_line(test, dev_name(place->dev), expected));
}

/* A driver that goes without unmapping is named, and its device's account. */
static void map_leak_test(struct kunit *test)
{
	struct swiotlb_place *place = swiotlb_plain_place(test, SZ_256K);
	u8 *buffer = take_buffer(test, SZ_4K);
	struct device *dev = place->dev;
	dma_addr_t one, other;

	one = map(test, dev, buffer, SZ_4K, DMA_TO_DEVICE);
	dma_kunit_log_mark();
	swiotlb_driver_gone(dev);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("has not unmapped 4 KiB"), 1);
	KUNIT_EXPECT_TRUE(test, has_line(test, dev_name(dev), " gone"));

	/* The next driver starts anew. */
	other = map(test, dev, buffer, 100, DMA_TO_DEVICE);
	dma_unmap_single(dev, other, 100, DMA_TO_DEVICE);
	dma_kunit_log_mark();
	swiotlb_driver_gone(dev);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("has not unmapped"), 0);

	dma_unmap_single(dev, one, SZ_4K, DMA_TO_DEVICE);
	KUNIT_EXPECT_FALSE(test, has_line(test, dev_name(dev), " gone"));
}

/* The peak is what was used most, until it is reset. */
static void map_peak_test(struct kunit *test)
{
	struct swiotlb_place *place = swiotlb_plain_place(test, SZ_256K);
	u8 *buffer = take_buffer(test, SZ_64K);
	dma_addr_t one, other;

	one = map(test, place->dev, buffer, SZ_64K, DMA_TO_DEVICE);
	other = map(test, place->dev, buffer, SZ_4K, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, place->set->peak, 34);
	dma_unmap_single(place->dev, one, SZ_64K, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, place->set->peak, 34);
	swiotlb_set_reset_peak(place->set);
	KUNIT_EXPECT_EQ(test, place->set->peak, 2);
	one = map(test, place->dev, buffer, SZ_4K, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, place->set->peak, 4);
	dma_unmap_single(place->dev, one, SZ_4K, DMA_TO_DEVICE);
	dma_unmap_single(place->dev, other, SZ_4K, DMA_TO_DEVICE);
}

static void check_figure(struct kunit *test, struct dma_kunit_files *files,
			 const char *name, unsigned long expected)
{
	char path[64], text[32] = "";
	unsigned long figure;

	snprintf(path, sizeof(path), "swiotlb/kunit/%s", name);
	KUNIT_ASSERT_GT_MSG(test,
			    dma_kunit_file_read(files, path, text, sizeof(text)),
			    0, "%s", path);
	KUNIT_ASSERT_EQ(test, 0, kstrtoul(strim(text), 10, &figure));
	KUNIT_EXPECT_EQ_MSG(test, figure, expected, "%s", path);
}

/* The figures that there are for each set */
static void map_files_test(struct kunit *test)
{
	struct swiotlb_place *place = swiotlb_plain_place(test, SZ_256K);
	u8 *buffer = take_buffer(test, SZ_64K);
	const char *peak = "swiotlb/kunit/io_tlb_used_hiwater";
	struct dma_kunit_files files;
	dma_addr_t one, other;

	dma_kunit_files_open(test, &files);
	one = map(test, place->dev, buffer, SZ_64K, DMA_TO_DEVICE);
	other = map(test, place->dev, buffer, SZ_4K, DMA_TO_DEVICE);
	check_figure(test, &files, "io_tlb_nslabs", 128);
	check_figure(test, &files, "io_tlb_used", 34);
	dma_unmap_single(place->dev, one, SZ_64K, DMA_TO_DEVICE);
	check_figure(test, &files, "io_tlb_used", 2);
	check_figure(test, &files, "io_tlb_used_hiwater", 34);
	if (IS_ENABLED(CONFIG_SWIOTLB_DYNAMIC))
		check_figure(test, &files, "io_tlb_transient_nslabs", 0);

	KUNIT_EXPECT_EQ(test, dma_kunit_file_write(&files, peak, "7"), -EINVAL);
	check_figure(test, &files, "io_tlb_used_hiwater", 34);
	KUNIT_EXPECT_EQ(test, dma_kunit_file_write(&files, peak, "0"), 1);
	check_figure(test, &files, "io_tlb_used_hiwater", 2);
	dma_unmap_single(place->dev, other, SZ_4K, DMA_TO_DEVICE);
	dma_kunit_files_close(&files);
}

/* What may follow swiotlb=; of the rest, what can be understood counts. */
static void map_options_test(struct kunit *test)
{
	static const struct {
		const char *text;
		bool is_all;
		struct swiotlb_options options;
	} lines[] = {
		{ "1", true, { .nr_slots = IO_TLB_SEGSIZE } },
		{ "0x8000", true, { .nr_slots = 0x8000 } },
		{ "512,1", true, { .nr_slots = 512, .nr_areas = 1 } },
		{ "512,5", true, { .nr_slots = 512, .nr_areas = 8 } },
		{ "0,4", true, { .nr_areas = 4 } },
		{ ",4", true, { .nr_areas = 4 } },
		{ ",4,force", true, { .nr_areas = 4, .is_forced = true } },
		{ "force", true, { .is_forced = true } },
		{ ",force", true, { .is_forced = true } },
		{ ",,noforce", true, { .is_off = true } },
		{ "noforce", true, { .is_off = true } },
		{ "512,force", true, { .nr_slots = 512, .is_forced = true } },
		{ "512,,force", true, { .nr_slots = 512, .is_forced = true } },
		{ "512,2,noforce", true,
		  { .nr_slots = 512, .nr_areas = 2, .is_off = true } },
		{ "", true }, { ",", true }, { ",,", true },
		{ "512,", true, { .nr_slots = 512 } },
		{ "512,4,", true, { .nr_slots = 512, .nr_areas = 4 } },
		{ "512,0", true, { .nr_slots = 512 } },
		{ "-1" }, { "forced" }, { "force,512" }, { "force,noforce" },
		{ "64M", false, { .nr_slots = IO_TLB_SEGSIZE } },
		{ "512,1,2", false, { .nr_slots = 512, .nr_areas = 1 } },
		{ "512,4,force,force", false, { .nr_slots = 512, .nr_areas = 4 } },
		{ "18446744073709551615" },
		{ "9007199254740993,2", false, { .nr_areas = 2 } },
		{ "512,4294967297", false, { .nr_slots = 512 } },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(lines); i++) {
		const struct swiotlb_options *expected = &lines[i].options;
		struct swiotlb_options found = {};
		char text[32];

		strscpy(text, lines[i].text);
		KUNIT_EXPECT_EQ_MSG(test, lines[i].is_all,
				    swiotlb_parse_options(text, &found),
				    "swiotlb=%s", lines[i].text);
		KUNIT_EXPECT_EQ_MSG(test, found.nr_slots, expected->nr_slots,
				    "swiotlb=%s", lines[i].text);
		KUNIT_EXPECT_EQ_MSG(test, found.nr_areas, expected->nr_areas,
				    "swiotlb=%s", lines[i].text);
		KUNIT_EXPECT_EQ_MSG(test, found.is_forced, expected->is_forced,
				    "swiotlb=%s", lines[i].text);
		KUNIT_EXPECT_EQ_MSG(test, found.is_off, expected->is_off,
				    "swiotlb=%s", lines[i].text);
	}
}

/* Who gives swiotlb= twice means both. */
static void map_options_twice_test(struct kunit *test)
{
	struct swiotlb_options found = {
		.nr_slots = 512, .nr_areas = 4, .is_off = true,
	};
	char word[] = "force", slots[] = "1024";

	KUNIT_EXPECT_TRUE(test, swiotlb_parse_options(word, &found));
	KUNIT_EXPECT_TRUE(test, found.is_forced);
	KUNIT_EXPECT_FALSE(test, found.is_off);
	KUNIT_EXPECT_EQ(test, found.nr_slots, 512);
	KUNIT_EXPECT_TRUE(test, swiotlb_parse_options(slots, &found));
	KUNIT_EXPECT_TRUE(test, found.is_forced);
	KUNIT_EXPECT_EQ(test, found.nr_slots, 1024);
	KUNIT_EXPECT_EQ(test, found.nr_areas, 4);
}

static struct kunit_case swiotlb_map_cases[] = {
	KUNIT_CASE(map_options_test),
	KUNIT_CASE(map_options_twice_test),
	KUNIT_CASE(map_min_align_test),
	KUNIT_CASE(map_page_align_test),
	KUNIT_CASE(map_page_align_full_test),
	KUNIT_CASE(map_alloc_align_test),
	KUNIT_CASE(map_large_test),
	KUNIT_CASE(map_max_test),
	KUNIT_CASE(map_no_leak_test),
	KUNIT_CASE(map_highmem_test),
	KUNIT_CASE(map_new_pool_test),
	KUNIT_CASE(map_partial_sync_test),
	KUNIT_CASE(map_refusal_test),
	KUNIT_CASE(map_wrong_unmap_test),
	KUNIT_CASE(map_stale_unmap_test),
	KUNIT_CASE(map_pool_memory_test),
	KUNIT_CASE(map_no_pool_test),
	KUNIT_CASE(map_decrypted_test),
	KUNIT_CASE(map_consistent_test),
	KUNIT_CASE(map_account_test),
	KUNIT_CASE(map_leak_test),
	KUNIT_CASE(map_peak_test),
	KUNIT_CASE(map_files_test),
	{}
};

static struct kunit_suite swiotlb_map_suite = {
	.name = "dma_swiotlb_map",
	.test_cases = swiotlb_map_cases,
};

kunit_test_suite(swiotlb_map_suite);

MODULE_DESCRIPTION("KUnit tests of bounced mappings");
MODULE_LICENSE("GPL");
