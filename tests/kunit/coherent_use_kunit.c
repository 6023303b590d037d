// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of what a driver does with memory of a device pool: free it, in
 * wrong ways as well, sync it, map it again, hand it to user space or on as a
 * scatterlist; and of the pages that a device with a pool gets elsewhere.
 *
 * This memory is not in the linear mapping, and may have no struct pages: what
 * can't be done has to be refused.
 */

#include <kunit/test.h>
#include <linux/dma-cache.h>
#include <linux/dma-map-ops.h>
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>

#include "../../kernel/dma/backend.h"
#include "../../kernel/dma/coherent.h"
#include "../../kernel/dma/ledger.h"
#include "log.h"
#include "mock.h"
#include "pools.h"

#define NAME		"device pool"
#define POOL_SIZE	SZ_64K

struct use {
	struct device *dev;
	struct dma_coherent_pool *pool;
	struct dma_pools_buffer buffer;
};

static void free_buffer(void *buffer)
{
	dma_pools_free(buffer);
}

/* A device with a pool and four pages of it */
static struct use *use_create(struct kunit *test, bool is_noncoherent)
{
	struct use *use = kunit_kzalloc(test, sizeof(*use), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, use);
	use->dev = is_noncoherent ? dma_kunit_noncoherent_device(test, "dev") :
				    dma_kunit_coherent_device(test, "dev");
	use->pool = dma_pools_pool(test, "use", 0, POOL_SIZE);
	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, use->dev, use->pool));
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(use->dev, SZ_16K, GFP_KERNEL,
						&use->buffer));
	KUNIT_ASSERT_STREQ(test, use->buffer.backend, NAME);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, free_buffer,
							   &use->buffer));
	return use;
}

static size_t used_bytes(struct kunit *test)
{
	struct dma_pool_figures figures = {};

	KUNIT_EXPECT_TRUE(test, dma_pools_figures(test, "use", NAME, &figures));
	return figures.used;
}

/* Wrong frees */

static void free_wrong(struct kunit *test, struct use *use, struct device *dev,
		       void *cpu_addr, dma_addr_t dma_addr)
{
	dma_kunit_log_mark();
	dma_kunit_expect_warn_begin();
	dma_free_coherent(dev, SZ_16K, cpu_addr, dma_addr);
	KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_match(dev_name(dev),
						  "nothing is freed"), 1);
	KUNIT_EXPECT_EQ(test, used_bytes(test), SZ_16K);
	KUNIT_EXPECT_EQ(test, dma_ledger_count(use->dev), 1);
}

static void use_wrong_free_test(struct kunit *test)
{
	struct use *use = use_create(test, false);
	struct device *other = dma_kunit_coherent_device(test, "other");
	struct dma_pools_buffer *buffer = &use->buffer;

	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, other, use->pool));

	/* Not an address of any buffer; inside of one */
	free_wrong(test, use, use->dev, buffer->cpu_addr,
		   buffer->dma_addr + POOL_SIZE);
	free_wrong(test, use, use->dev, buffer->cpu_addr + SZ_4K,
		   buffer->dma_addr + SZ_4K);
	/* The CPU's address is right, the device's is not */
	free_wrong(test, use, use->dev, buffer->cpu_addr,
		   buffer->dma_addr + SZ_4K);
	/* Somebody else's, of the same pool, and not its start */
	free_wrong(test, use, other, buffer->cpu_addr + SZ_4K,
		   buffer->dma_addr + SZ_4K);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_match(dev_name(other), "holds 16384 bytes"),
			1);
}

/* The device's address tells which memory it is: it goes, with a warning. */
static void use_free_other_cpu_test(struct kunit *test)
{
	struct use *use = use_create(test, false);

	use->buffer.cpu_addr += SZ_4K;
	dma_kunit_log_mark();
	dma_kunit_expect_warn_begin();
	dma_pools_free(&use->buffer);
	KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_match(dev_name(use->dev),
						  "that were given as cpu"), 1);
	KUNIT_EXPECT_EQ(test, used_bytes(test), 0);
}

static void use_free_twice_test(struct kunit *test)
{
	struct use *use = use_create(test, false);
	struct dma_pools_buffer again = use->buffer;

	dma_pools_free(&use->buffer);
	dma_kunit_log_mark();
	dma_kunit_expect_warn_begin();
	dma_pools_free(&again);
	KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_match("no live DMA buffer is there",
						  "nothing is freed"), 1);
	KUNIT_EXPECT_EQ(test, used_bytes(test), 0);
}

/* The record knows better: all of it goes */
static void use_free_other_size_test(struct kunit *test)
{
	static const size_t sizes[] = { SZ_4K, SZ_16K + 1, 0 };
	struct use *use = use_create(test, false);

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		if (i)
			KUNIT_ASSERT_TRUE(test, dma_pools_alloc(use->dev, SZ_16K,
								GFP_KERNEL,
								&use->buffer));
		use->buffer.size = sizes[i];
		dma_kunit_log_mark();
		dma_kunit_expect_warn_begin();
		dma_pools_free(&use->buffer);
		KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
		KUNIT_EXPECT_EQ(test, dma_kunit_log_match("allocated were 16384",
							  "all of it is freed"), 1);
		KUNIT_EXPECT_EQ(test, used_bytes(test), 0);
	}
}

/* Cacheable pages: a pool has none */

static void use_pages_test(struct kunit *test)
{
	struct use *use = use_create(test, false);
	struct sg_table *sgt;
	struct page *page;
	dma_addr_t dma_addr;

	page = dma_alloc_pages(use->dev, SZ_16K, &dma_addr, DMA_BIDIRECTIONAL,
			       GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_STRNEQ(test, dma_ledger_owner(use->dev, dma_addr), NAME);
	KUNIT_EXPECT_NULL(test, memchr_inv(page_address(page), 0, SZ_16K));
	KUNIT_EXPECT_PTR_EQ(test, page, virt_to_page(page_address(page)));
	dma_sync_single_for_device(use->dev, dma_addr, SZ_16K, DMA_BIDIRECTIONAL);
	dma_free_pages(use->dev, SZ_16K, page, dma_addr, DMA_BIDIRECTIONAL);

	sgt = dma_alloc_noncontiguous(use->dev, SZ_16K, DMA_TO_DEVICE,
				      GFP_KERNEL, 0);
	KUNIT_ASSERT_NOT_NULL(test, sgt);
	KUNIT_EXPECT_STRNEQ(test, dma_ledger_owner(use->dev, sg_dma_address(sgt->sgl)),
			    NAME);
	dma_free_noncontiguous(use->dev, SZ_16K, sgt, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, used_bytes(test), SZ_16K);
}

/* Streaming calls on memory of a pool: nothing to do for caches, no oops */

static void sync_all_ways(struct use *use)
{
	static const enum dma_data_direction dirs[] = {
		DMA_TO_DEVICE, DMA_FROM_DEVICE, DMA_BIDIRECTIONAL
	};
	dma_addr_t dma_addr = use->buffer.dma_addr;

	for (unsigned int i = 0; i < ARRAY_SIZE(dirs); i++) {
		dma_sync_single_for_device(use->dev, dma_addr, SZ_16K, dirs[i]);
		dma_sync_single_for_cpu(use->dev, dma_addr, SZ_16K, dirs[i]);
		dma_sync_single_range_for_device(use->dev, dma_addr, 100, 28,
						 dirs[i]);
		dma_sync_single_range_for_cpu(use->dev, dma_addr, 100, 28,
					      dirs[i]);
	}
}

static void map_again(struct kunit *test, struct use *use)
{
	phys_addr_t phys = use->buffer.phys;
	dma_addr_t dma_addr;

	/* As another device's memory would be mapped */
	dma_addr = dma_map_resource(use->dev, phys, SZ_4K, DMA_FROM_DEVICE, 0);
	KUNIT_EXPECT_FALSE(test, dma_mapping_error(use->dev, dma_addr));
	dma_unmap_resource(use->dev, dma_addr, SZ_4K, DMA_FROM_DEVICE, 0);

	if (!pfn_valid(PHYS_PFN(phys)))
		return;
	dma_addr = dma_map_page(use->dev, pfn_to_page(PHYS_PFN(phys)), 0, SZ_16K,
				DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_FALSE(test, dma_mapping_error(use->dev, dma_addr));
	KUNIT_EXPECT_EQ(test, dma_addr, use->buffer.dma_addr);
	dma_sync_single_for_cpu(use->dev, dma_addr, SZ_16K, DMA_BIDIRECTIONAL);
	dma_sync_single_for_device(use->dev, dma_addr, SZ_16K, DMA_BIDIRECTIONAL);
	dma_unmap_page(use->dev, dma_addr, SZ_16K, DMA_BIDIRECTIONAL);
}

static void map_list(struct kunit *test, struct use *use)
{
	struct sg_table sgt;

	if (dma_get_sgtable(use->dev, &sgt, use->buffer.cpu_addr,
			    use->buffer.dma_addr, SZ_16K))
		return;
	KUNIT_EXPECT_EQ(test, 0, dma_map_sgtable(use->dev, &sgt, DMA_BIDIRECTIONAL, 0));
	KUNIT_EXPECT_EQ(test, sg_dma_address(sgt.sgl), use->buffer.dma_addr);
	dma_sync_sgtable_for_cpu(use->dev, &sgt, DMA_BIDIRECTIONAL);
	dma_sync_sgtable_for_device(use->dev, &sgt, DMA_BIDIRECTIONAL);
	dma_unmap_sgtable(use->dev, &sgt, DMA_BIDIRECTIONAL, 0);
	sg_free_table(&sgt);
}

static void stream(struct kunit *test, bool is_noncoherent)
{
	struct use *use = use_create(test, is_noncoherent);

	memset(use->buffer.cpu_addr, 0x5a, SZ_16K);
	sync_all_ways(use);
	map_again(test, use);
	map_list(test, use);
	KUNIT_EXPECT_TRUE(test, dma_pools_is_filled(&use->buffer, 0x5a));
}

static void use_stream_test(struct kunit *test)
{
	stream(test, false);
}

static void use_stream_noncoherent_test(struct kunit *test)
{
	stream(test, true);
}

/* A scatterlist of it */

static int get_sgtable(struct use *use, size_t offset, size_t size,
		       struct sg_table *sgt)
{
	return dma_get_sgtable(use->dev, sgt, use->buffer.cpu_addr + offset,
			       use->buffer.dma_addr + offset, size);
}

static void use_sgtable_test(struct kunit *test)
{
	struct use *use = use_create(test, false);
	struct sg_table sgt;
	int err;

	err = get_sgtable(use, SZ_4K, SZ_8K, &sgt);
	if (pfn_valid(PHYS_PFN(use->buffer.phys))) {
		KUNIT_ASSERT_EQ(test, err, 0);
		KUNIT_EXPECT_EQ(test, sgt.nents, 1);
		KUNIT_EXPECT_EQ(test, sg_phys(sgt.sgl), use->buffer.phys + SZ_4K);
		KUNIT_EXPECT_EQ(test, sgt.sgl->length, SZ_8K);
		sg_free_table(&sgt);
	} else {
		KUNIT_EXPECT_EQ(test, err, -ENXIO);
	}

	/* Not whole pages of the buffer, or nobody's */
	KUNIT_EXPECT_EQ(test, get_sgtable(use, 0, SZ_16K + 1, &sgt), -ENXIO);
	KUNIT_EXPECT_EQ(test, get_sgtable(use, SZ_4K, SZ_16K, &sgt), -ENXIO);
	KUNIT_EXPECT_EQ(test, get_sgtable(use, 16, SZ_4K, &sgt), -ENXIO);
	KUNIT_EXPECT_EQ(test, get_sgtable(use, 0, 0, &sgt), -ENXIO);
	KUNIT_EXPECT_EQ(test, get_sgtable(use, SZ_16K, SZ_4K, &sgt), -ENXIO);
	KUNIT_EXPECT_EQ(test, get_sgtable(use, POOL_SIZE, SZ_4K, &sgt), -ENXIO);
}

/* In user space: a file whose mmap() is the driver's */

struct mapping {
	struct use *use;
	size_t offset;
	size_t size;
	int result;
};

static int mapping_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct mapping *mapping = file->private_data;
	struct dma_pools_buffer *buffer = &mapping->use->buffer;

	mapping->result = dma_mmap_coherent(buffer->dev, vma,
					    buffer->cpu_addr + mapping->offset,
					    buffer->dma_addr + mapping->offset,
					    mapping->size);
	return mapping->result;
}

static const struct file_operations mapping_fops = {
	.mmap = mapping_mmap,
};

/* Maps @nr_pages pages from page @pgoff on; returns where, or 0 */
static unsigned long map_to_user(struct kunit *test, struct mapping *mapping,
				 unsigned long pgoff, unsigned long nr_pages)
{
	unsigned long addr;

	mapping->result = 1;
	addr = dma_kunit_mmap(test, &mapping_fops, mapping, pgoff, nr_pages);
	KUNIT_ASSERT_NE(test, mapping->result, 1);
	return IS_ERR_VALUE(addr) ? 0 : addr;
}

static void fill_pages(struct dma_pools_buffer *buffer)
{
	for (size_t i = 0; i < buffer->size; i++)
		((u8 *)buffer->cpu_addr)[i] = i / PAGE_SIZE + 1;
}

static void use_mmap_test(struct kunit *test)
{
	struct mapping *mapping = kunit_kzalloc(test, sizeof(*mapping),
						GFP_KERNEL);
	unsigned long addr;
	u8 byte = 0;

	KUNIT_ASSERT_NOT_NULL(test, mapping);
	mapping->use = use_create(test, false);
	KUNIT_EXPECT_TRUE(test, dma_can_mmap(mapping->use->dev));
	fill_pages(&mapping->use->buffer);

	/* All of it: user space writes, the kernel reads */
	mapping->size = SZ_16K;
	addr = map_to_user(test, mapping, 0, 4);
	KUNIT_ASSERT_EQ(test, mapping->result, 0);
	KUNIT_ASSERT_NE(test, addr, 0);
	KUNIT_EXPECT_EQ(test, 0, get_user(byte, (u8 __user *)addr + SZ_8K));
	KUNIT_EXPECT_EQ(test, byte, 3);
	KUNIT_EXPECT_EQ(test, 0, put_user((u8)0x77, (u8 __user *)addr + SZ_8K + 5));
	KUNIT_EXPECT_EQ(test, ((u8 *)mapping->use->buffer.cpu_addr)[SZ_8K + 5], 0x77);

	/* A page of it; the second half; a page of that */
	addr = map_to_user(test, mapping, 3, 1);
	KUNIT_ASSERT_NE(test, addr, 0);
	KUNIT_EXPECT_EQ(test, 0, get_user(byte, (u8 __user *)addr));
	KUNIT_EXPECT_EQ(test, byte, 4);
	mapping->offset = SZ_8K;
	mapping->size = SZ_8K;
	addr = map_to_user(test, mapping, 1, 1);
	KUNIT_ASSERT_NE(test, addr, 0);
	KUNIT_EXPECT_EQ(test, 0, get_user(byte, (u8 __user *)addr));
	KUNIT_EXPECT_EQ(test, byte, 4);
	dma_kunit_leave_mm();
}

static void use_mmap_bounds_test(struct kunit *test)
{
	struct mapping *mapping = kunit_kzalloc(test, sizeof(*mapping),
						GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, mapping);
	mapping->use = use_create(test, false);
	mapping->size = SZ_16K;
	map_to_user(test, mapping, 0, 5);
	KUNIT_EXPECT_EQ(test, mapping->result, -ENXIO);
	map_to_user(test, mapping, 3, 2);
	KUNIT_EXPECT_EQ(test, mapping->result, -ENXIO);
	map_to_user(test, mapping, 4, 1);
	KUNIT_EXPECT_EQ(test, mapping->result, -ENXIO);
	map_to_user(test, mapping, (ULONG_MAX >> PAGE_SHIFT) - 1, 1);
	KUNIT_EXPECT_EQ(test, mapping->result, -ENXIO);

	/* The driver names a range that is not its buffer */
	mapping->size = SZ_16K + 1;
	map_to_user(test, mapping, 0, 1);
	KUNIT_EXPECT_EQ(test, mapping->result, -ENXIO);
	mapping->size = SZ_4K;
	mapping->offset = SZ_16K;
	map_to_user(test, mapping, 0, 1);
	KUNIT_EXPECT_EQ(test, mapping->result, -ENXIO);
	dma_kunit_leave_mm();
}

/* Pools cost nothing for memory that is in none of them, however many they are. */

#define NR_POOLS	256

/* The least that the question of each mapping takes a number of times, in ns */
static u64 time_of_questions(struct kunit *test, phys_addr_t phys)
{
	u64 least = U64_MAX;

	for (unsigned int i = 0; i < 200; i++) {
		u64 start = ktime_get_ns();
		unsigned int nr_pools = 0;

		for (unsigned int j = 0; j < 20; j++)
			nr_pools += dma_needs_no_maintenance(phys);
		least = min(least, ktime_get_ns() - start);
		KUNIT_ASSERT_EQ(test, nr_pools, 0);
	}
	return least;
}

/* The least that mapping and unmapping a cache line takes, in ns */
static u64 time_of_mapping(struct kunit *test, struct device *dev, void *line)
{
	u64 least = U64_MAX;

	for (unsigned int i = 0; i < 200; i++) {
		u64 start = ktime_get_ns();
		dma_addr_t dma_addr = dma_map_single(dev, line, 64,
						     DMA_BIDIRECTIONAL);

		KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
		dma_unmap_single(dev, dma_addr, 64, DMA_BIDIRECTIONAL);
		least = min(least, ktime_get_ns() - start);
	}
	return least;
}

static void make_pools(struct kunit *test)
{
	for (unsigned int i = 1; i < NR_POOLS; i++)
		dma_pools_pool(test, "many", i * SZ_4K, SZ_4K);
}

static void use_many_pools_test(struct kunit *test)
{
	void *line = kunit_kzalloc(test, SZ_4K, GFP_KERNEL);
	u64 without, with;

	KUNIT_ASSERT_NOT_NULL(test, line);
	dma_pools_pool(test, "one", 0, SZ_4K);
	without = time_of_questions(test, virt_to_phys(line));
	make_pools(test);
	with = time_of_questions(test, virt_to_phys(line));
	kunit_info(test, "one pool: %llu ns, %u pools: %llu ns", without,
		   NR_POOLS, with);
	KUNIT_EXPECT_LT(test, with, 2 * without);
}

/* And whole mappings, where only a walk at several places would show. */
static void use_many_pools_mapping_test(struct kunit *test)
{
	struct device *dev = dma_kunit_noncoherent_device(test, "dev");
	void *line = kunit_kzalloc(test, SZ_4K, GFP_KERNEL);
	u64 without, with;

	KUNIT_ASSERT_NOT_NULL(test, line);
	dma_pools_pool(test, "one", 0, SZ_4K);
	without = time_of_mapping(test, dev, line);
	make_pools(test);
	with = time_of_mapping(test, dev, line);
	kunit_info(test, "one pool: %llu ns, %u pools: %llu ns", without,
		   NR_POOLS, with);
	KUNIT_EXPECT_LT(test, with, 3 * without);
}

static struct kunit_case dma_coherent_use_cases[] = {
	KUNIT_CASE(use_wrong_free_test),
	KUNIT_CASE(use_free_other_cpu_test),
	KUNIT_CASE(use_free_twice_test),
	KUNIT_CASE(use_free_other_size_test),
	KUNIT_CASE(use_pages_test),
	KUNIT_CASE(use_stream_test),
	KUNIT_CASE(use_stream_noncoherent_test),
	KUNIT_CASE(use_sgtable_test),
	KUNIT_CASE(use_mmap_test),
	KUNIT_CASE(use_mmap_bounds_test),
	KUNIT_CASE_SLOW(use_many_pools_test),
	KUNIT_CASE_SLOW(use_many_pools_mapping_test),
	{}
};

static struct kunit_suite dma_coherent_use_suite = {
	.name = "dma_coherent_use",
	.test_cases = dma_coherent_use_cases,
};

kunit_test_suite(dma_coherent_use_suite);

MODULE_DESCRIPTION("KUnit tests of the use of device pools");
MODULE_LICENSE("GPL");
