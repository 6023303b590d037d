// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of streaming mappings of devices that reach memory directly.
 *
 * A device whose only window of dma-ranges is the bounce buffer itself reaches
 * nothing else, so everything it maps is copied; the tests are the device and
 * look at, and write to, the copy.
 */

#include <kunit/test.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/swiotlb.h>

#include "../../kernel/dma/direct.h"
#include "../../kernel/dma/swiotlb/swiotlb.h"
#include "log.h"
#include "mock.h"

#define WINDOW_AT	0x10000000ULL
#define NR_ENTRIES	4
#define REGISTERS	DMA_KUNIT_REGISTERS

static void *take_buffer(struct kunit *test, size_t size)
{
	void *buffer = kunit_kzalloc(test, size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buffer);
	return buffer;
}

static void set_bounce_pool(struct device *dev, struct io_tlb_mem *mem)
{
	dev->dma_io_tlb_mem = mem;
}

static struct io_tlb_mem *bounce_pool(struct device *dev)
{
	return is_swiotlb_active(dev) ? dev->dma_io_tlb_mem : NULL;
}

/* What the device finds at an address of a mapping that was bounced. */
static u8 *seen_by_device(struct device *dev, dma_addr_t dma_addr)
{
	return phys_to_virt(dma_to_phys(dev, dma_addr));
}

/* A device that reaches the bounce buffer and nothing else */
static struct device *bouncing_device(struct kunit *test, bool is_noncoherent)
{
	struct device *any = dma_kunit_coherent_device(test, "any");
	struct bus_dma_region windows[2] = {};
	struct io_tlb_mem *mem = bounce_pool(any);

	if (!mem)
		kunit_skip(test, "this machine has no bounce buffer");
	windows[0].cpu_start = mem->start;
	windows[0].dma_start = WINDOW_AT;
	windows[0].size = mem->size;
	return dma_kunit_device(test, "dev", &(struct dma_kunit_shape) {
		.mask = DMA_BIT_MASK(32),
		.windows = windows,
		.is_noncoherent = is_noncoherent,
	});
}

static void check_bounced(struct kunit *test, struct device *dev,
			  dma_addr_t dma_addr)
{
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	KUNIT_EXPECT_NOT_NULL(test, swiotlb_find_pool(dev,
						      dma_to_phys(dev, dma_addr)));
	KUNIT_EXPECT_GE(test, dma_addr, WINDOW_AT);
}

/* In place */

static void streaming_single_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	u8 *buffer = take_buffer(test, SZ_8K);

	for (int dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++) {
		dma_addr_t dma_addr = dma_map_single(dev, buffer + 100, 5000,
						     dir);

		KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
		KUNIT_EXPECT_EQ(test, dma_addr, virt_to_phys(buffer + 100));
		dma_sync_single_for_cpu(dev, dma_addr, 5000, dir);
		dma_sync_single_for_device(dev, dma_addr, 5000, dir);
		dma_unmap_single(dev, dma_addr, 5000, dir);
	}
}

static void streaming_page_test(struct kunit *test)
{
	struct device *dev = dma_kunit_noncoherent_device(test, "dev");
	struct page *page = virt_to_page(take_buffer(test, SZ_8K));

	for (int dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++) {
		dma_addr_t dma_addr = dma_map_page(dev, page, SZ_1K, SZ_2K, dir);

		KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
		KUNIT_EXPECT_EQ(test, dma_addr, page_to_phys(page) + SZ_1K);
		KUNIT_EXPECT_TRUE(test, dma_need_sync(dev, dma_addr));
		dma_sync_single_for_cpu(dev, dma_addr, SZ_2K, dir);
		dma_sync_single_range_for_device(dev, dma_addr, 100, SZ_1K, dir);
		dma_unmap_page(dev, dma_addr, SZ_2K, dir);

		dma_addr = dma_map_page_attrs(dev, page, 0, SZ_4K, dir,
					      DMA_ATTR_SKIP_CPU_SYNC);
		KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
		dma_unmap_page_attrs(dev, dma_addr, SZ_4K, dir,
				     DMA_ATTR_SKIP_CPU_SYNC);
	}
}

/* The windows decide, and the second one as well as the first. */
static void streaming_windows_test(struct kunit *test)
{
	u8 *buffer = take_buffer(test, SZ_64K);
	phys_addr_t phys = virt_to_phys(buffer);
	struct bus_dma_region windows[] = {
		{ .cpu_start = phys + SZ_32K, .dma_start = 0, .size = SZ_32K },
		{ .cpu_start = phys, .dma_start = SZ_1G, .size = SZ_32K },
		{},
	};
	struct device *dev = dma_kunit_device(test, "dev",
			&(struct dma_kunit_shape) { .windows = windows });
	dma_addr_t dma_addr = dma_map_single(dev, buffer + 10, SZ_4K,
					     DMA_TO_DEVICE);

	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	KUNIT_EXPECT_EQ(test, dma_addr, SZ_1G + 10);
	dma_unmap_single(dev, dma_addr, SZ_4K, DMA_TO_DEVICE);
	dma_addr = dma_map_single(dev, buffer + SZ_32K, SZ_32K, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	KUNIT_EXPECT_EQ(test, dma_addr, 0);
	dma_unmap_single(dev, dma_addr, SZ_32K, DMA_TO_DEVICE);
}

/* A buffer in two windows that lie apart for the device is not in place. */
static void streaming_across_windows_test(struct kunit *test)
{
	u8 *buffer = take_buffer(test, SZ_8K);
	phys_addr_t phys = virt_to_phys(buffer);
	struct bus_dma_region windows[] = {
		{ .cpu_start = phys, .dma_start = SZ_1G, .size = SZ_4K },
		{ .cpu_start = phys + SZ_4K, .dma_start = SZ_2G, .size = SZ_4K },
		{},
	};
	struct device *dev = dma_kunit_device(test, "dev",
			&(struct dma_kunit_shape) { .windows = windows });
	dma_addr_t dma_addr;

	/* So that it can't be bounced either. */
	set_bounce_pool(dev, NULL);
	dma_addr = dma_map_single_attrs(dev, buffer, SZ_8K, DMA_TO_DEVICE,
					DMA_ATTR_NO_WARN);
	KUNIT_EXPECT_TRUE(test, dma_mapping_error(dev, dma_addr));
	dma_addr = dma_map_single_attrs(dev, buffer + SZ_4K, SZ_8K,
					DMA_TO_DEVICE, DMA_ATTR_NO_WARN);
	KUNIT_EXPECT_TRUE(test, dma_mapping_error(dev, dma_addr));
	dma_addr = dma_map_single(dev, buffer, SZ_4K, DMA_TO_DEVICE);
	KUNIT_EXPECT_FALSE(test, dma_mapping_error(dev, dma_addr));
	dma_unmap_single(dev, dma_addr, SZ_4K, DMA_TO_DEVICE);
}

/* Bounced */

static void streaming_bounce_test(struct kunit *test)
{
	struct device *dev = bouncing_device(test, false);
	u8 *buffer = take_buffer(test, SZ_8K);
	dma_addr_t dma_addr;

	memset(buffer, 0x11, SZ_8K);
	dma_addr = dma_map_single(dev, buffer, SZ_8K, DMA_BIDIRECTIONAL);
	check_bounced(test, dev, dma_addr);
	KUNIT_EXPECT_NULL(test, memchr_inv(seen_by_device(dev, dma_addr), 0x11,
					   SZ_8K));
	KUNIT_EXPECT_TRUE(test, dma_direct_need_sync(dev, dma_addr));
	KUNIT_EXPECT_TRUE(test, dma_need_sync(dev, dma_addr));

	/* From the device, and a part of it only */
	memset(seen_by_device(dev, dma_addr), 0x22, SZ_8K);
	dma_sync_single_range_for_cpu(dev, dma_addr, SZ_4K, SZ_4K,
				      DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer, 0x11, SZ_4K));
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer + SZ_4K, 0x22, SZ_4K));
	/* And back to it */
	memset(buffer, 0x33, SZ_8K);
	dma_sync_single_for_device(dev, dma_addr, SZ_8K, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_NULL(test, memchr_inv(seen_by_device(dev, dma_addr), 0x33,
					   SZ_8K));

	memset(seen_by_device(dev, dma_addr), 0x44, SZ_8K);
	dma_unmap_single(dev, dma_addr, SZ_8K, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer, 0x44, SZ_8K));
}

/* What goes one way does not come back. */
static void streaming_bounce_one_way_test(struct kunit *test)
{
	struct device *dev = bouncing_device(test, false);
	u8 *buffer = take_buffer(test, SZ_4K);
	dma_addr_t dma_addr;

	memset(buffer, 0x11, SZ_4K);
	dma_addr = dma_map_single(dev, buffer, SZ_4K, DMA_TO_DEVICE);
	check_bounced(test, dev, dma_addr);
	memset(seen_by_device(dev, dma_addr), 0x22, SZ_4K);
	dma_sync_single_for_cpu(dev, dma_addr, SZ_4K, DMA_TO_DEVICE);
	dma_unmap_single(dev, dma_addr, SZ_4K, DMA_TO_DEVICE);
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer, 0x11, SZ_4K));

	dma_addr = dma_map_single(dev, buffer, SZ_4K, DMA_FROM_DEVICE);
	check_bounced(test, dev, dma_addr);
	memset(seen_by_device(dev, dma_addr), 0x33, SZ_4K);
	dma_unmap_single(dev, dma_addr, SZ_4K, DMA_FROM_DEVICE);
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer, 0x33, SZ_4K));

	/* Not even that, if the driver says so */
	dma_addr = dma_map_single(dev, buffer, SZ_4K, DMA_FROM_DEVICE);
	check_bounced(test, dev, dma_addr);
	memset(seen_by_device(dev, dma_addr), 0x44, SZ_4K);
	dma_unmap_single_attrs(dev, dma_addr, SZ_4K, DMA_FROM_DEVICE,
			       DMA_ATTR_SKIP_CPU_SYNC);
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer, 0x33, SZ_4K));
}

/* More than the bounce buffer has */
static u8 *take_too_much(struct kunit *test, struct device *dev)
{
	size_t size = bounce_pool(dev)->size + SZ_4K;

	if (size > PAGE_SIZE << MAX_PAGE_ORDER)
		kunit_skip(test, "no memory is as large as the bounce buffer");
	return take_buffer(test, size);
}

static void streaming_too_large_test(struct kunit *test)
{
	struct device *dev = bouncing_device(test, false);
	size_t size = bounce_pool(dev)->size + SZ_4K;
	size_t max = dma_max_mapping_size(dev);
	u8 *buffer = take_too_much(test, dev);
	dma_addr_t dma_addr;

	KUNIT_EXPECT_EQ(test, max, swiotlb_max_mapping_size(dev));
	KUNIT_EXPECT_GE(test, max, SZ_256K);
	KUNIT_EXPECT_EQ(test, dma_opt_mapping_size(dev), max);
	dma_addr = dma_map_single_attrs(dev, buffer, size, DMA_TO_DEVICE,
					DMA_ATTR_NO_WARN);
	KUNIT_EXPECT_TRUE(test, dma_mapping_error(dev, dma_addr));
	dma_addr = dma_map_single(dev, buffer, max, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	dma_unmap_single(dev, dma_addr, max, DMA_TO_DEVICE);
}

/* Without a bounce buffer: an error, and a warning where it is wanted */
static void streaming_refused_test(struct kunit *test)
{
	u8 *buffer = take_buffer(test, SZ_4K);
	struct device *dev = dma_kunit_device(test, "dev",
			&(struct dma_kunit_shape) {
				.mask = DMA_BIT_MASK(12),
			});
	dma_addr_t dma_addr;

	set_bounce_pool(dev, NULL);
	dma_addr = dma_map_single_attrs(dev, buffer, SZ_4K, DMA_TO_DEVICE,
					DMA_ATTR_NO_WARN);
	KUNIT_EXPECT_TRUE(test, dma_mapping_error(dev, dma_addr));

	dma_kunit_expect_warn_begin();
	dma_kunit_log_mark();
	dma_addr = dma_map_single(dev, buffer, SZ_4K, DMA_TO_DEVICE);
	KUNIT_EXPECT_TRUE(test, dma_mapping_error(dev, dma_addr));
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("last bus address 0xfff"), 1);
	KUNIT_EXPECT_EQ(test, dma_kunit_expect_warn_end(), 1);
	KUNIT_EXPECT_EQ(test, dma_max_mapping_size(dev), SIZE_MAX);
}

/* The limit of the bus counts as much as the mask. */
static void streaming_bus_limit_test(struct kunit *test)
{
	u8 *buffer = take_buffer(test, SZ_8K);
	phys_addr_t phys = virt_to_phys(buffer);
	struct device *dev = dma_kunit_device(test, "dev",
			&(struct dma_kunit_shape) {
				.bus_limit = phys + SZ_4K - 1,
			});
	dma_addr_t dma_addr;

	set_bounce_pool(dev, NULL);
	dma_addr = dma_map_single(dev, buffer, SZ_4K, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	KUNIT_EXPECT_EQ(test, dma_addr, phys);
	dma_unmap_single(dev, dma_addr, SZ_4K, DMA_TO_DEVICE);
	dma_addr = dma_map_single_attrs(dev, buffer + 1, SZ_4K, DMA_TO_DEVICE,
					DMA_ATTR_NO_WARN);
	KUNIT_EXPECT_TRUE(test, dma_mapping_error(dev, dma_addr));
}

/* Small objects that share a cache line with others */
static void streaming_kmalloc_test(struct kunit *test)
{
	struct device *dev = dma_kunit_noncoherent_device(test, "dev");
	u8 *small = take_buffer(test, 8);
	dma_addr_t dma_addr;

	if (!dma_kmalloc_needs_bounce(dev, 8, DMA_FROM_DEVICE))
		kunit_skip(test, "what kmalloc() gives needs no bouncing here");
	if (!bounce_pool(dev))
		kunit_skip(test, "this machine has no bounce buffer");

	memset(small, 0x11, 8);
	dma_addr = dma_map_single(dev, small, 8, DMA_FROM_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	KUNIT_EXPECT_NE(test, dma_addr, virt_to_phys(small));
	memset(seen_by_device(dev, dma_addr), 0x22, 8);
	dma_sync_single_for_cpu(dev, dma_addr, 8, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, small[7], 0x22);
	memset(seen_by_device(dev, dma_addr), 0x33, 8);
	dma_unmap_single(dev, dma_addr, 8, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, small[0], 0x33);

	/* Cleaning a line harms nobody. */
	dma_addr = dma_map_single(dev, small, 8, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	KUNIT_EXPECT_EQ(test, dma_addr, virt_to_phys(small));
	dma_unmap_single(dev, dma_addr, 8, DMA_TO_DEVICE);
}

/* Lists */

struct list {
	struct sg_table sgt;
	u8 *buffers[NR_ENTRIES];
};

static void free_list(void *data)
{
	sg_free_table(data);
}

static struct list *make_list(struct kunit *test, size_t size_of_last)
{
	struct list *list = take_buffer(test, sizeof(*list));
	struct scatterlist *sg;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, 0, sg_alloc_table(&list->sgt, NR_ENTRIES,
						GFP_KERNEL));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, free_list,
							   &list->sgt));
	for_each_sgtable_sg(&list->sgt, sg, i) {
		size_t size = i == NR_ENTRIES - 1 ? size_of_last : SZ_4K;

		list->buffers[i] = take_buffer(test, size);
		memset(list->buffers[i], i + 1, size);
		sg_set_buf(sg, list->buffers[i], size);
	}
	return list;
}

static void streaming_sg_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct list *list = make_list(test, SZ_16K);
	struct scatterlist *sg, *sgl = list->sgt.sgl;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, NR_ENTRIES, dma_map_sg(dev, sgl, NR_ENTRIES,
						     DMA_TO_DEVICE));
	for_each_sg(sgl, sg, NR_ENTRIES, i) {
		KUNIT_EXPECT_EQ(test, sg_dma_address(sg), sg_phys(sg));
		KUNIT_EXPECT_EQ(test, sg_dma_len(sg), sg->length);
	}
	dma_sync_sg_for_cpu(dev, sgl, NR_ENTRIES, DMA_TO_DEVICE);
	dma_sync_sg_for_device(dev, sgl, NR_ENTRIES, DMA_TO_DEVICE);
	dma_unmap_sg(dev, sgl, NR_ENTRIES, DMA_TO_DEVICE);

	KUNIT_ASSERT_EQ(test, 0, dma_map_sgtable(dev, &list->sgt,
						 DMA_FROM_DEVICE, 0));
	KUNIT_EXPECT_EQ(test, list->sgt.nents, NR_ENTRIES);
	dma_unmap_sgtable(dev, &list->sgt, DMA_FROM_DEVICE, 0);
}

static void check_entries(struct kunit *test, struct list *list, u8 first)
{
	for (unsigned int i = 0; i < NR_ENTRIES; i++)
		KUNIT_EXPECT_NULL_MSG(test, memchr_inv(list->buffers[i],
						       first + i, SZ_4K),
				      "entry %u", i);
}

static void write_entries(struct device *dev, struct list *list, u8 first)
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_dma_sg(&list->sgt, sg, i)
		memset(seen_by_device(dev, sg_dma_address(sg)), first + i,
		       sg_dma_len(sg));
}

static void check_bounce_sg(struct kunit *test, bool is_noncoherent)
{
	struct device *dev = bouncing_device(test, is_noncoherent);
	struct list *list = make_list(test, SZ_4K);
	struct scatterlist *sg;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, 0, dma_map_sgtable(dev, &list->sgt,
						 DMA_BIDIRECTIONAL, 0));
	for_each_sgtable_dma_sg(&list->sgt, sg, i) {
		check_bounced(test, dev, sg_dma_address(sg));
		KUNIT_EXPECT_EQ(test, i + 1,
				*seen_by_device(dev, sg_dma_address(sg)));
	}
	write_entries(dev, list, 0x20);
	dma_sync_sgtable_for_cpu(dev, &list->sgt, DMA_BIDIRECTIONAL);
	check_entries(test, list, 0x20);

	for (i = 0; i < NR_ENTRIES; i++)
		memset(list->buffers[i], 0x30 + i, SZ_4K);
	dma_sync_sgtable_for_device(dev, &list->sgt, DMA_BIDIRECTIONAL);
	for_each_sgtable_dma_sg(&list->sgt, sg, i)
		KUNIT_EXPECT_EQ(test, 0x30 + i,
				*seen_by_device(dev, sg_dma_address(sg)));

	write_entries(dev, list, 0x40);
	dma_unmap_sgtable(dev, &list->sgt, DMA_BIDIRECTIONAL, 0);
	check_entries(test, list, 0x40);
}

static void streaming_bounce_sg_coherent_test(struct kunit *test)
{
	check_bounce_sg(test, false);
}

static void streaming_bounce_sg_noncoherent_test(struct kunit *test)
{
	check_bounce_sg(test, true);
}

/* Entries mapped one by one; of the list's mapping only addresses are there. */
static struct list *make_addressed_list(struct kunit *test, struct device *dev)
{
	struct list *list = make_list(test, SZ_4K);
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_sg(&list->sgt, sg, i) {
		sg_dma_address(sg) = dma_map_single(dev, list->buffers[i], SZ_4K,
						    DMA_BIDIRECTIONAL);
		check_bounced(test, dev, sg_dma_address(sg));
		/* Some architectures have one length for both. */
		if (IS_ENABLED(CONFIG_NEED_SG_DMA_LENGTH))
			KUNIT_ASSERT_EQ(test, sg_dma_len(sg), 0);
	}
	return list;
}

/*
 * A driver that hands its caches to the layer fills in addresses, and no mapped
 * lengths.  Where everything is bounced, what is cleaned is what is copied.
 */
static void streaming_addressed_list_test(struct kunit *test)
{
	struct device *dev = bouncing_device(test, true);
	struct list *list = make_addressed_list(test, dev);
	struct scatterlist *sg;
	unsigned int i;

	for (i = 0; i < NR_ENTRIES; i++)
		memset(list->buffers[i], 0x30 + i, SZ_4K);
	dma_sync_sgtable_for_device(dev, &list->sgt, DMA_BIDIRECTIONAL);
	for_each_sgtable_sg(&list->sgt, sg, i) {
		u8 *seen = seen_by_device(dev, sg_dma_address(sg));

		KUNIT_EXPECT_NULL(test, memchr_inv(seen, 0x30 + i, SZ_4K));
		memset(seen, 0x40 + i, SZ_4K);
	}
	dma_sync_sgtable_for_cpu(dev, &list->sgt, DMA_BIDIRECTIONAL);
	check_entries(test, list, 0x40);
	for_each_sgtable_sg(&list->sgt, sg, i)
		dma_unmap_single(dev, sg_dma_address(sg), SZ_4K,
				 DMA_BIDIRECTIONAL);
}

static long slots_used(struct device *dev)
{
	return swiotlb_set_nr_used(swiotlb_set_of(dev));
}

static struct list *make_too_long_list(struct kunit *test, struct device *dev)
{
	size_t size = bounce_pool(dev)->size + SZ_4K;

	if (size > PAGE_SIZE << MAX_PAGE_ORDER)
		kunit_skip(test, "no memory is as large as the bounce buffer");
	return make_list(test, size);
}

/* The last entry can't be mapped: the others are given up again. */
static void streaming_sg_rollback_test(struct kunit *test)
{
	struct device *dev = bouncing_device(test, false);
	struct list *list = make_too_long_list(test, dev);
	long was_used = slots_used(dev);

	for (unsigned int i = 0; i < 20; i++) {
		KUNIT_EXPECT_EQ(test, 0, dma_map_sg_attrs(dev, list->sgt.sgl,
							  NR_ENTRIES,
							  DMA_BIDIRECTIONAL,
							  DMA_ATTR_NO_WARN));
		KUNIT_EXPECT_EQ(test, -EIO, dma_map_sgtable(dev, &list->sgt,
							    DMA_BIDIRECTIONAL,
							    DMA_ATTR_NO_WARN));
	}
	KUNIT_EXPECT_EQ(test, slots_used(dev), was_used);
	/* Nothing was transferred, so nothing has changed. */
	check_entries(test, list, 1);
}

/* The list has fewer entries than the driver says: nothing is mapped. */
static void streaming_short_list_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct list *list = make_list(test, SZ_4K);
	unsigned int nents = list->sgt.orig_nents;

	dma_kunit_log_mark();
	list->sgt.orig_nents++;
	KUNIT_EXPECT_EQ(test, -EINVAL, dma_map_sgtable(dev, &list->sgt,
						       DMA_TO_DEVICE, 0));
	KUNIT_EXPECT_EQ(test, 1, dma_kunit_log_count("of a list that has"));
	list->sgt.orig_nents = nents;
	KUNIT_EXPECT_EQ(test, 0, dma_map_sgtable(dev, &list->sgt,
						 DMA_TO_DEVICE, 0));
	dma_unmap_sgtable(dev, &list->sgt, DMA_TO_DEVICE, 0);
}

/* Registers of another device */

static void streaming_resource_test(struct kunit *test)
{
	static const struct bus_dma_region windows[] = {
		{ .cpu_start = REGISTERS, .dma_start = 0x80000000,
		  .size = SZ_64K },
		{},
	};
	struct device *dev = dma_kunit_coherent_device(test, "plain");
	dma_addr_t dma_addr;

	dma_addr = dma_map_resource(dev, REGISTERS + SZ_4K, SZ_4K, DMA_TO_DEVICE, 0);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	KUNIT_EXPECT_EQ(test, dma_addr, REGISTERS + SZ_4K);
	dma_unmap_resource(dev, dma_addr, SZ_4K, DMA_TO_DEVICE, 0);
	*dev->dma_mask = DMA_BIT_MASK(31);
	dma_addr = dma_map_resource(dev, REGISTERS + SZ_4K, SZ_4K, DMA_TO_DEVICE, 0);
	KUNIT_EXPECT_TRUE(test, dma_mapping_error(dev, dma_addr));

	dev = dma_kunit_device(test, "windows", &(struct dma_kunit_shape) {
		.windows = windows,
	});
	dma_addr = dma_map_resource(dev, REGISTERS + SZ_4K, SZ_4K, DMA_TO_DEVICE, 0);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	KUNIT_EXPECT_EQ(test, dma_addr, 0x80001000);
	dma_unmap_resource(dev, dma_addr, SZ_4K, DMA_TO_DEVICE, 0);
	/* Outside of them, on their end, and nothing at all */
	dma_addr = dma_map_resource(dev, REGISTERS + SZ_1M, SZ_4K, DMA_TO_DEVICE, 0);
	KUNIT_EXPECT_TRUE(test, dma_mapping_error(dev, dma_addr));
	dma_addr = dma_map_resource(dev, REGISTERS + SZ_64K - SZ_4K, SZ_8K, DMA_TO_DEVICE, 0);
	KUNIT_EXPECT_TRUE(test, dma_mapping_error(dev, dma_addr));
	dma_addr = dma_map_resource(dev, REGISTERS, 0, DMA_TO_DEVICE, 0);
	KUNIT_EXPECT_TRUE(test, dma_mapping_error(dev, dma_addr));
}

/* Wrong calls */

static void call_all(struct kunit *test, struct device *dev,
		     struct list *list, int dir)
{
	struct page *page = virt_to_page(list->buffers[0]);
	dma_addr_t dma_addr;

	dma_addr = dma_map_page(dev, page, 0, SZ_4K, dir);
	KUNIT_EXPECT_EQ(test, dma_addr, DMA_MAPPING_ERROR);
	KUNIT_EXPECT_EQ(test, 0, dma_map_sg(dev, list->sgt.sgl, NR_ENTRIES,
					    dir));
	KUNIT_EXPECT_EQ(test, -EINVAL, dma_map_sgtable(dev, &list->sgt, dir,
						       0));
	dma_addr = dma_map_resource(dev, SZ_1G, SZ_4K, dir, 0);
	KUNIT_EXPECT_EQ(test, dma_addr, DMA_MAPPING_ERROR);
	dma_unmap_page(dev, 0, SZ_4K, dir);
	dma_unmap_sg(dev, list->sgt.sgl, NR_ENTRIES, dir);
	dma_unmap_resource(dev, 0, SZ_4K, dir, 0);
}

static void streaming_bad_direction_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct list *list = make_list(test, SZ_4K);

	dma_kunit_expect_warn_begin();
	call_all(test, dev, list, DMA_NONE);
	__dma_sync_single_for_cpu(dev, 0, SZ_4K, DMA_NONE);
	__dma_sync_single_for_device(dev, 0, SZ_4K, DMA_NONE);
	__dma_sync_sg_for_cpu(dev, list->sgt.sgl, NR_ENTRIES, DMA_NONE);
	__dma_sync_sg_for_device(dev, list->sgt.sgl, NR_ENTRIES, DMA_NONE);
	/* One for each function */
	KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(),
			DMA_KUNIT_WARNS(10));

	dma_kunit_expect_warn_begin();
	call_all(test, dev, list, DMA_NONE + 1);
	KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), DMA_KUNIT_WARNS(6));
}

static void streaming_no_mask_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct list *list = make_list(test, SZ_4K);
	u64 *mask = dev->dma_mask;

	dma_kunit_expect_warn_begin();
	dev->dma_mask = NULL;
	call_all(test, dev, list, DMA_TO_DEVICE);
	dev->dma_mask = mask;
	KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), DMA_KUNIT_WARNS(6));
}

/* The sync calls' shortcut: taken where there is nothing to do. */
static void streaming_need_sync_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	u8 *buffer = take_buffer(test, SZ_4K);
	dma_addr_t dma_addr;

	KUNIT_EXPECT_EQ(test, 0, dma_set_mask(dev, DMA_BIT_MASK(64)));
#ifdef CONFIG_DMA_NEED_SYNC
	KUNIT_EXPECT_TRUE(test, dev->dma_skip_sync);
#endif
	dma_addr = dma_map_single(dev, buffer, SZ_4K, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	KUNIT_EXPECT_FALSE(test, __dma_need_sync(dev, dma_addr));
	dma_unmap_single(dev, dma_addr, SZ_4K, DMA_TO_DEVICE);

	if (!dma_kunit_set_coherent(dev, false))
		return;
	KUNIT_EXPECT_EQ(test, 0, dma_set_mask(dev, DMA_BIT_MASK(64)));
#ifdef CONFIG_DMA_NEED_SYNC
	KUNIT_EXPECT_FALSE(test, dev->dma_skip_sync);
#endif
	KUNIT_EXPECT_TRUE(test, __dma_need_sync(dev, 0));
}

/* A bounced mapping has something to do, and takes the shortcut away. */
static void streaming_need_sync_bounce_test(struct kunit *test)
{
	struct device *dev = bouncing_device(test, false);
	u8 *buffer = take_buffer(test, SZ_4K);
	dma_addr_t dma_addr;

	KUNIT_EXPECT_EQ(test, 0, dma_set_mask(dev, DMA_BIT_MASK(64)));
	dma_addr = dma_map_single(dev, buffer, SZ_4K, DMA_TO_DEVICE);
	check_bounced(test, dev, dma_addr);
	KUNIT_EXPECT_TRUE(test, __dma_need_sync(dev, dma_addr));
#ifdef CONFIG_DMA_NEED_SYNC
	KUNIT_EXPECT_FALSE(test, dev->dma_skip_sync);
#endif
	dma_unmap_single(dev, dma_addr, SZ_4K, DMA_TO_DEVICE);
}

static struct kunit_case dma_streaming_cases[] = {
	KUNIT_CASE(streaming_single_test),
	KUNIT_CASE(streaming_page_test),
	KUNIT_CASE(streaming_windows_test),
	KUNIT_CASE(streaming_across_windows_test),
	KUNIT_CASE(streaming_bounce_test),
	KUNIT_CASE(streaming_bounce_one_way_test),
	KUNIT_CASE(streaming_too_large_test),
	KUNIT_CASE(streaming_refused_test),
	KUNIT_CASE(streaming_bus_limit_test),
	KUNIT_CASE(streaming_kmalloc_test),
	KUNIT_CASE(streaming_sg_test),
	KUNIT_CASE(streaming_bounce_sg_coherent_test),
	KUNIT_CASE(streaming_bounce_sg_noncoherent_test),
	KUNIT_CASE(streaming_addressed_list_test),
	KUNIT_CASE(streaming_sg_rollback_test),
	KUNIT_CASE(streaming_short_list_test),
	KUNIT_CASE(streaming_resource_test),
	KUNIT_CASE(streaming_bad_direction_test),
	KUNIT_CASE(streaming_no_mask_test),
	KUNIT_CASE(streaming_need_sync_test),
	KUNIT_CASE(streaming_need_sync_bounce_test),
	{}
};

static struct kunit_suite dma_streaming_suite = {
	.name = "dma_streaming",
	.test_cases = dma_streaming_cases,
};

kunit_test_suite(dma_streaming_suite);

MODULE_DESCRIPTION("KUnit tests of streaming DMA mappings");
MODULE_LICENSE("GPL");
