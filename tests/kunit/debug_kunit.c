// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of dma-debug's checks: each one speaks once for its mistake, and
 * is silent for right use.
 */

#include <kunit/device.h>
#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/sched/task_stack.h>
#include <linux/sizes.h>
#include <linux/vmalloc.h>

#include <asm/sections.h>

#include "debug.h"
#include "files.h"
#include "log.h"
#include "pools.h"

#define NR_ENTRIES	4

/* Right use */

static void use_single(struct kunit *test, struct device *dev, u8 *buffer,
		       enum dma_data_direction dir)
{
	dma_addr_t dma_addr = debug_map(test, dev, buffer + 64, SZ_16K, dir);

	KUNIT_EXPECT_EQ(test, debug_nr_entries(dev), 1);
	dma_sync_single_for_cpu(dev, dma_addr, SZ_16K, dir);
	dma_sync_single_for_device(dev, dma_addr, SZ_16K, dir);
	dma_sync_single_range_for_cpu(dev, dma_addr, SZ_8K + 1, 17, dir);
	dma_sync_single_range_for_device(dev, dma_addr, SZ_16K - 1, 1, dir);
	dma_unmap_single(dev, dma_addr, SZ_16K, dir);
	KUNIT_EXPECT_EQ(test, debug_nr_entries(dev), 0);
}

static void debug_single_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	u8 *buffer = debug_buffer(test, SZ_32K);

	for (int dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++)
		DEBUG_EXPECT_SILENCE(test, use_single(test, dev, buffer, dir));
}

/* Twice the same page, which a device only reads */
static void debug_twice_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	u8 *buffer = debug_buffer(test, SZ_4K);
	u32 count = dma_debug_error_count;
	dma_addr_t one, other;

	one = debug_map(test, dev, buffer, SZ_4K, DMA_TO_DEVICE);
	other = dma_map_single(dev, buffer, SZ_4K, DMA_TO_DEVICE);
	/* The one that was not checked yet is not the one that goes. */
	dma_unmap_single(dev, one, SZ_4K, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, 0, dma_mapping_error(dev, other));
	one = debug_map(test, dev, buffer, SZ_1K, DMA_TO_DEVICE);
	dma_unmap_single(dev, other, SZ_4K, DMA_TO_DEVICE);
	dma_unmap_single(dev, one, SZ_1K, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, dma_debug_error_count, count);
	KUNIT_EXPECT_EQ(test, debug_nr_entries(dev), 0);
}

static void debug_consistent_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	u32 count = dma_debug_error_count;
	struct sg_table *sgt;
	struct page *page;
	dma_addr_t dma_addr;
	void *cpu_addr;

	cpu_addr = dma_alloc_coherent(dev, SZ_8K, &dma_addr, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	KUNIT_EXPECT_EQ(test, debug_nr_entries(dev), 1);
	dma_free_coherent(dev, SZ_8K, cpu_addr, dma_addr);

	page = dma_alloc_pages(dev, SZ_8K, &dma_addr, DMA_FROM_DEVICE,
			       GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, page);
	dma_sync_single_for_cpu(dev, dma_addr, SZ_8K, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, debug_nr_entries(dev), 1);
	dma_free_pages(dev, SZ_8K, page, dma_addr, DMA_FROM_DEVICE);

	sgt = dma_alloc_noncontiguous(dev, SZ_8K, DMA_TO_DEVICE, GFP_KERNEL, 0);
	KUNIT_ASSERT_NOT_NULL(test, sgt);
	dma_sync_sgtable_for_device(dev, sgt, DMA_TO_DEVICE);
	dma_free_noncontiguous(dev, SZ_8K, sgt, DMA_TO_DEVICE);

	dma_addr = dma_map_resource(dev, SZ_1G, SZ_4K, DMA_TO_DEVICE, 0);
	KUNIT_EXPECT_EQ(test, 0, dma_mapping_error(dev, dma_addr));
	KUNIT_EXPECT_EQ(test, debug_nr_entries(dev), 1);
	dma_unmap_resource(dev, dma_addr, SZ_4K, DMA_TO_DEVICE, 0);

	KUNIT_EXPECT_EQ(test, debug_nr_entries(dev), 0);
	KUNIT_EXPECT_EQ(test, dma_debug_error_count, count);
}

/* Mistakes at the end of a mapping */

static void debug_unmap_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	u8 *buffer = debug_buffer(test, SZ_8K);
	dma_addr_t dma_addr;

	dma_addr = debug_map(test, dev, buffer, SZ_4K, DMA_TO_DEVICE);
	DEBUG_EXPECT_SILENCE(test, dma_unmap_single(dev, dma_addr, SZ_4K,
						    DMA_TO_DEVICE));
	DEBUG_EXPECT_MISTAKE(test, "_test.dev: DMA-API: releasing 4096 bytes at ",
			     dma_unmap_single(dev, dma_addr, SZ_4K,
					      DMA_TO_DEVICE));
	DEBUG_EXPECT_MISTAKE(test, "releasing 64 bytes at DMA_MAPPING_ERROR",
			     dma_unmap_single(dev, DMA_MAPPING_ERROR, 64,
					      DMA_TO_DEVICE));

	dma_addr = debug_map(test, dev, buffer, SZ_4K, DMA_TO_DEVICE);
	DEBUG_EXPECT_MISTAKE(test, ": expected 4096, as mapped",
			     dma_unmap_single(dev, dma_addr, 64,
					      DMA_TO_DEVICE));
	dma_addr = debug_map(test, dev, buffer, 64, DMA_TO_DEVICE);
	DEBUG_EXPECT_MISTAKE(test, ": expected 64, as mapped",
			     dma_unmap_single(dev, dma_addr, SZ_8K,
					      DMA_TO_DEVICE));
	dma_addr = debug_map(test, dev, buffer, SZ_4K, DMA_TO_DEVICE);
	DEBUG_EXPECT_MISTAKE(test, "as resource: expected the function for single",
			     dma_unmap_resource(dev, dma_addr, SZ_4K,
						DMA_TO_DEVICE, 0));
	dma_addr = debug_map(test, dev, buffer, SZ_4K, DMA_TO_DEVICE);
	DEBUG_EXPECT_MISTAKE(test, "DMA_FROM_DEVICE: expected DMA_TO_DEVICE, as mapped",
			     dma_unmap_single(dev, dma_addr, SZ_4K,
					      DMA_FROM_DEVICE));
	dma_addr = dma_map_single(dev, buffer, SZ_4K, DMA_TO_DEVICE);
	DEBUG_EXPECT_MISTAKE(test, "expected a call of dma_mapping_error()",
			     dma_unmap_single(dev, dma_addr, SZ_4K,
					      DMA_TO_DEVICE));
	dma_addr = dma_map_resource(dev, SZ_1G, SZ_4K, DMA_TO_DEVICE, 0);
	DEBUG_EXPECT_MISTAKE(test, "expected a call of dma_mapping_error()",
			     dma_unmap_resource(dev, dma_addr, SZ_4K,
						DMA_TO_DEVICE, 0));
	KUNIT_EXPECT_EQ(test, debug_nr_entries(dev), 0);
}

/* Another device's mapping is none. */
static void debug_other_device_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct device *other = dma_kunit_coherent_device(test, "other");
	u8 *buffer = debug_buffer(test, SZ_4K);
	dma_addr_t dma_addr = debug_map(test, dev, buffer, SZ_4K, DMA_TO_DEVICE);

	DEBUG_EXPECT_MISTAKE(test, "the device has no mapping there",
			     dma_unmap_single(other, dma_addr, SZ_4K,
					      DMA_TO_DEVICE));
	DEBUG_EXPECT_SILENCE(test, dma_unmap_single(dev, dma_addr, SZ_4K,
						    DMA_TO_DEVICE));
}

static void debug_cpu_addr_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	dma_addr_t dma_addr;
	struct page *page;
	void *cpu_addr;

	/* Told without the call, which the ledger would refuse on its own. */
	cpu_addr = dma_alloc_coherent(dev, SZ_8K, &dma_addr, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	DEBUG_EXPECT_MISTAKE(test, "with CPU address ",
			     dma_debug_free(dev, SZ_8K, cpu_addr + SZ_4K,
					    dma_addr));
	dma_debug_alloc(dev, SZ_8K, cpu_addr, dma_addr, 0);
	DEBUG_EXPECT_SILENCE(test, dma_free_coherent(dev, SZ_8K, cpu_addr,
						     dma_addr));

	page = dma_alloc_pages(dev, SZ_8K, &dma_addr, DMA_TO_DEVICE,
			       GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, page);
	DEBUG_EXPECT_MISTAKE(test, "with CPU address ",
			     dma_debug_free_pages(dev, page + 1, SZ_8K,
						  DMA_TO_DEVICE, dma_addr));
	dma_debug_alloc_pages(dev, page, SZ_8K, DMA_TO_DEVICE, dma_addr);
	DEBUG_EXPECT_SILENCE(test, dma_free_pages(dev, SZ_8K, page, dma_addr,
						  DMA_TO_DEVICE));
}

/* Mistakes in between */

static void debug_sync_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	u8 *buffer = debug_buffer(test, SZ_16K);
	dma_addr_t to, from;

	to = debug_map(test, dev, buffer, SZ_8K, DMA_TO_DEVICE);
	from = debug_map(test, dev, buffer + SZ_8K, SZ_8K, DMA_FROM_DEVICE);

	DEBUG_EXPECT_MISTAKE(test, "for the CPU: the device has no mapping there",
			     dma_sync_single_for_cpu(dev, to - SZ_8K, 64,
						     DMA_TO_DEVICE));
	DEBUG_EXPECT_MISTAKE(test, "for the device: the device has no mapping there",
			     dma_sync_single_for_device(dev, from + SZ_8K, 64,
							DMA_TO_DEVICE));
	DEBUG_EXPECT_MISTAKE(test, "no more than the mapping of 8192 bytes",
			     dma_sync_single_for_cpu(dev, from + 1, SZ_8K,
						     DMA_FROM_DEVICE));
	DEBUG_EXPECT_MISTAKE(test, "for the CPU, DMA_FROM_DEVICE: the device only reads them",
			     dma_sync_single_for_cpu(dev, to, SZ_8K,
						     DMA_FROM_DEVICE));
	DEBUG_EXPECT_MISTAKE(test, "for the device, DMA_TO_DEVICE: the device only writes them",
			     dma_sync_single_for_device(dev, from, SZ_8K,
							DMA_TO_DEVICE));
	DEBUG_EXPECT_MISTAKE(test, "for the CPU, DMA_BIDIRECTIONAL: expected DMA_FROM_DEVICE",
			     dma_sync_single_for_cpu(dev, from, 64,
						     DMA_BIDIRECTIONAL));

	dma_unmap_single(dev, to, SZ_8K, DMA_TO_DEVICE);
	DEBUG_EXPECT_SILENCE(test, dma_unmap_single(dev, from, SZ_8K,
						    DMA_FROM_DEVICE));
}

/* Lists */

static struct scatterlist *make_list(struct kunit *test, size_t size)
{
	struct scatterlist *sgl = kunit_kcalloc(test, NR_ENTRIES, sizeof(*sgl),
						GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, sgl);
	sg_init_table(sgl, NR_ENTRIES);
	for (unsigned int i = 0; i < NR_ENTRIES; i++)
		sg_set_buf(&sgl[i], debug_buffer(test, size), size);
	return sgl;
}

static void debug_sg_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct scatterlist *sgl = make_list(test, SZ_4K);
	u32 count = dma_debug_error_count;
	int dir = DMA_FROM_DEVICE;

	KUNIT_ASSERT_EQ(test, NR_ENTRIES, dma_map_sg(dev, sgl, NR_ENTRIES, dir));
	KUNIT_EXPECT_EQ(test, debug_nr_entries(dev), NR_ENTRIES);
	dma_sync_sg_for_cpu(dev, sgl, NR_ENTRIES, dir);
	dma_sync_sg_for_device(dev, sgl, NR_ENTRIES, dir);
	dma_sync_single_for_cpu(dev, sg_dma_address(&sgl[2]) + 64, 64, dir);
	dma_unmap_sg(dev, sgl, NR_ENTRIES, dir);
	KUNIT_EXPECT_EQ(test, debug_nr_entries(dev), 0);
	KUNIT_EXPECT_EQ(test, dma_debug_error_count, count);

	KUNIT_ASSERT_EQ(test, NR_ENTRIES, dma_map_sg(dev, sgl, NR_ENTRIES, dir));
	DEBUG_EXPECT_MISTAKE(test, "sync of a list of 2 entries",
			     dma_sync_sg_for_cpu(dev, sgl, 2, dir));
	DEBUG_EXPECT_MISTAKE(test, "a list of 2 entries",
			     dma_unmap_sg(dev, sgl, 2, dir));
	KUNIT_EXPECT_EQ(test, debug_nr_entries(dev), 0);

	KUNIT_ASSERT_EQ(test, NR_ENTRIES, dma_map_sg(dev, sgl, NR_ENTRIES, dir));
	DEBUG_EXPECT_MISTAKE(test, "DMA_TO_DEVICE: expected DMA_FROM_DEVICE",
			     dma_unmap_sg(dev, sgl, NR_ENTRIES, DMA_TO_DEVICE));
	DEBUG_EXPECT_MISTAKE(test, "the device has no mapping there",
			     dma_unmap_sg(dev, sgl, NR_ENTRIES, dir));
}

static void map_list(struct device *dev, struct scatterlist *sgl)
{
	if (dma_map_sg(dev, sgl, NR_ENTRIES, DMA_TO_DEVICE))
		dma_unmap_sg(dev, sgl, NR_ENTRIES, DMA_TO_DEVICE);
}

static void debug_sg_limits_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct scatterlist *sgl = make_list(test, SZ_8K);

	if (!IS_ENABLED(CONFIG_DMA_API_DEBUG_SG))
		kunit_skip(test, "CONFIG_DMA_API_DEBUG_SG is off");
	dma_set_max_seg_size(dev, SZ_8K);
	dma_set_seg_boundary(dev, SZ_8K - 1);
	DEBUG_EXPECT_SILENCE(test, map_list(dev, sgl));
	dma_set_max_seg_size(dev, SZ_4K);
	DEBUG_EXPECT_MISTAKE(test, "at most the 4096 of dma_set_max_seg_size()",
			     map_list(dev, sgl));
	dma_set_max_seg_size(dev, SZ_8K);
	dma_set_seg_boundary(dev, SZ_4K - 1);
	DEBUG_EXPECT_MISTAKE(test, "none across the boundary 0xfff",
			     map_list(dev, sgl));
}

/* Memory that is not for a device */

static void map_at(struct device *dev, phys_addr_t phys, size_t size)
{
	dma_addr_t dma_addr = dma_map_page(dev, pfn_to_page(PHYS_PFN(phys)),
					   offset_in_page(phys), size,
					   DMA_TO_DEVICE);

	if (!dma_mapping_error(dev, dma_addr))
		dma_unmap_page(dev, dma_addr, size, DMA_TO_DEVICE);
}

static struct page *page_of_stack(void)
{
	struct vm_struct *area = task_stack_vm_area(current);

	return area ? area->pages[0] : virt_to_page(task_stack_page(current));
}

static void debug_memory_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	void *scattered = vmalloc(SZ_8K);

	KUNIT_ASSERT_NOT_NULL(test, scattered);
	DEBUG_EXPECT_MISTAKE(test, "mapping 64 bytes of the stack",
			     map_at(dev, page_to_phys(page_of_stack()), 64));
	DEBUG_EXPECT_MISTAKE(test, "of the kernel's text or constants",
			     map_at(dev, __pa_symbol(_stext), 64));
	DEBUG_EXPECT_MISTAKE(test, "of the kernel's text or constants",
			     map_at(dev, __pa_symbol(__start_rodata), 64));
	DEBUG_EXPECT_MISTAKE(test, "which is vmalloc()ed",
			     debug_dma_map_single(dev, scattered, 64));
	DEBUG_EXPECT_MISTAKE(test, "at 0x10: expected an address in the linear mapping",
			     debug_dma_map_single(dev, (void *)0x10, 64));
	vfree(scattered);
}

static dma_addr_t map_for_overlap(struct kunit *test, struct device *dev,
				  u8 *buffer, unsigned long attrs)
{
	dma_addr_t dma_addr;

	dma_addr = dma_map_single_attrs(dev, buffer, SZ_4K, DMA_FROM_DEVICE,
					attrs);
	KUNIT_EXPECT_EQ(test, 0, dma_mapping_error(dev, dma_addr));
	return dma_addr;
}

static void debug_overlap_test(struct kunit *test)
{
	struct device *dev = dma_kunit_noncoherent_device(test, "dev");
	u8 *buffer = debug_buffer(test, SZ_8K);
	dma_addr_t dma_addr = 0;

	/* Next to each other */
	DEBUG_EXPECT_SILENCE(test, map_for_overlap(test, dev, buffer, 0));
	DEBUG_EXPECT_SILENCE(test, map_for_overlap(test, dev, buffer + SZ_4K, 0));
	DEBUG_EXPECT_MISTAKE(test, "whose first cache line is mapped already",
			     map_for_overlap(test, dev, buffer, 0));

	/* Two are there, eight are allowed to who does the syncs himself. */
	for (unsigned int nr = 2; nr < 7; nr++)
		DEBUG_EXPECT_SILENCE(test,
				     map_for_overlap(test, dev, buffer,
						     DMA_ATTR_SKIP_CPU_SYNC));
	DEBUG_EXPECT_MISTAKE(test, "is mapped 7 times already, expected at most 7",
			     dma_addr = map_for_overlap(test, dev, buffer,
							DMA_ATTR_SKIP_CPU_SYNC));

	for (unsigned int nr = 0; nr < 8; nr++)
		DEBUG_EXPECT_SILENCE(test,
				     dma_unmap_single(dev, dma_addr, SZ_4K,
						      DMA_FROM_DEVICE));
	dma_unmap_single(dev, dma_addr + SZ_4K, SZ_4K, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, debug_nr_entries(dev), 0);
}

/* Devices that see the CPU's caches may share what they like. */
static void debug_overlap_coherent_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct device *other = dma_kunit_coherent_device(test, "other");
	u8 *buffer = debug_buffer(test, SZ_8K);
	dma_addr_t dma_addr = 0;

	DEBUG_EXPECT_SILENCE(test, map_for_overlap(test, other, buffer, 0));
	for (unsigned int nr = 0; nr < 9; nr++)
		DEBUG_EXPECT_SILENCE(test,
				     dma_addr = map_for_overlap(test, dev, buffer,
								0));
	DEBUG_EXPECT_SILENCE(test, map_for_overlap(test, dev, buffer,
						   DMA_ATTR_SKIP_CPU_SYNC));
	for (unsigned int nr = 0; nr < 10; nr++)
		dma_unmap_single(dev, dma_addr, SZ_4K, DMA_FROM_DEVICE);
	dma_unmap_single(other, dma_addr, SZ_4K, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, debug_nr_entries(dev), 0);
}

/* One that does not see them takes the others' data out of them. */
static void debug_overlap_mixed_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct device *other = dma_kunit_noncoherent_device(test, "other");
	u8 *buffer = debug_buffer(test, SZ_8K);
	dma_addr_t one, two = 0;

	one = map_for_overlap(test, dev, buffer, 0);
	DEBUG_EXPECT_MISTAKE(test, "whose first cache line is mapped already",
			     two = map_for_overlap(test, other, buffer, 0));
	dma_unmap_single(dev, one, SZ_4K, DMA_FROM_DEVICE);
	DEBUG_EXPECT_MISTAKE(test, "whose first cache line is mapped already",
			     one = map_for_overlap(test, dev, buffer, 0));
	dma_unmap_single(other, two, SZ_4K, DMA_FROM_DEVICE);
	dma_unmap_single(dev, one, SZ_4K, DMA_FROM_DEVICE);
}

/* Small ones may share a line where kmalloc() does not keep lines apart. */
static void debug_overlap_small_test(struct kunit *test)
{
	struct device *dev = dma_kunit_noncoherent_device(test, "dev");
	u8 *buffer = debug_buffer(test, SZ_4K);
	dma_addr_t one, other;

	if (ARCH_KMALLOC_MINALIGN >= L1_CACHE_BYTES)
		kunit_skip(test, "kmalloc() never shares cache lines here");
	one = debug_map(test, dev, buffer, 8, DMA_FROM_DEVICE);
	DEBUG_EXPECT_SILENCE(test, other = debug_map(test, dev, buffer + 8, 8,
						     DMA_FROM_DEVICE));
	dma_unmap_single(dev, one, 8, DMA_FROM_DEVICE);
	dma_unmap_single(dev, other, 8, DMA_FROM_DEVICE);
}

static dma_addr_t ops_map_page(struct device *dev, struct page *page,
			       unsigned long offset, size_t size,
			       enum dma_data_direction dir, unsigned long attrs)
{
	return page_to_phys(page) + offset;
}

static size_t ops_max_size(struct device *dev)
{
	return SZ_8K;
}

static const struct dma_map_ops small_ops = {
	.map_page		= ops_map_page,
	.max_mapping_size	= ops_max_size,
};

static void map_and_unmap(struct device *dev, u8 *buffer, size_t size,
			  unsigned long attrs)
{
	dma_addr_t dma_addr = dma_map_single_attrs(dev, buffer, size,
						   DMA_TO_DEVICE, attrs);

	if (!dma_mapping_error(dev, dma_addr))
		dma_unmap_single(dev, dma_addr, size, DMA_TO_DEVICE);
}

static void debug_max_size_test(struct kunit *test)
{
	u8 *buffer = debug_buffer(test, SZ_16K);
	struct device *dev = dma_kunit_device(test, "dev",
			&(struct dma_kunit_shape) {
				.ops = &small_ops,
			});

	DEBUG_EXPECT_SILENCE(test, map_and_unmap(dev, buffer, SZ_8K, 0));
	DEBUG_EXPECT_MISTAKE(test, "at most the 8192 of dma_max_mapping_size()",
			     map_and_unmap(dev, buffer, SZ_8K + 1, 0));
	/* It is ready to hear a no. */
	DEBUG_EXPECT_SILENCE(test, map_and_unmap(dev, buffer, SZ_16K,
						 DMA_ATTR_NO_WARN));
}

/* Leaks */

static void unregister(struct kunit *test, struct device *dev)
{
	kunit_device_unregister(test, dev);
}

static void debug_leak_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "leaky");
	u8 *buffer = debug_buffer(test, SZ_8K);
	dma_addr_t dma_addr;
	u32 count;

	debug_map(test, dev, buffer + SZ_4K, 64, DMA_TO_DEVICE);
	dma_addr = debug_map(test, dev, buffer, SZ_4K, DMA_TO_DEVICE);
	debug_mistake_begin(&count);
	unregister(test, dev);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("_test.leaky: DMA-API: "),
			1);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("Mapped at:"), 1);
	if (IS_ENABLED(CONFIG_STACKDEPOT) && IS_ENABLED(CONFIG_KALLSYMS))
		KUNIT_EXPECT_GE(test, dma_kunit_log_count("debug_leak_test"), 1);
	debug_mistake_end(test, count, "has not released 2 mappings");

	/* It is told once. */
	KUNIT_EXPECT_EQ(test, debug_nr_entries(dev), 0);
	DEBUG_EXPECT_SILENCE(test, dma_unmap_single(dev, dma_addr, SZ_4K,
						    DMA_TO_DEVICE));
}

static void debug_no_leak_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "tidy");
	u8 *buffer = debug_buffer(test, SZ_4K);
	dma_addr_t dma_addr = debug_map(test, dev, buffer, 64, DMA_TO_DEVICE);

	dma_unmap_single(dev, dma_addr, 64, DMA_TO_DEVICE);
	DEBUG_EXPECT_SILENCE(test, unregister(test, dev));
}

/* Whose mistakes are printed, and how many */

static unsigned int printed(struct device *dev, const char *filter)
{
	dma_debug_set_filter(filter);
	dma_kunit_log_mark();
	dma_unmap_single(dev, 0x1000, 64, DMA_TO_DEVICE);
	return dma_kunit_log_count("DMA-API: releasing 64 bytes");
}

static void debug_filter_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct device_driver *driver = dev->driver, comma = { .name = "a,b" };
	char was[DMA_DEBUG_NAME], name[DMA_DEBUG_NAME];
	u32 count = dma_debug_error_count;

	dma_debug_get_filter(was);
	dma_kunit_expect_warn_begin();
	dma_debug_all_errors = 1;
	KUNIT_EXPECT_EQ(test, printed(dev, "other"), 0);
	KUNIT_EXPECT_EQ(test, printed(dev, "devi"), 0);
	KUNIT_EXPECT_EQ(test, printed(dev, "dev and more\n"), 1);
	dma_debug_get_filter(name);
	KUNIT_EXPECT_STREQ(test, name, "dev");
	KUNIT_EXPECT_EQ(test, printed(dev, "!dev\n"), 0);
	dma_debug_get_filter(name);
	KUNIT_EXPECT_STREQ(test, name, "!dev");
	KUNIT_EXPECT_EQ(test, printed(dev, "!other"), 1);
	KUNIT_EXPECT_EQ(test, printed(dev, "!other,dev"), 0);
	KUNIT_EXPECT_EQ(test, printed(dev, "other,,devi"), 0);
	KUNIT_EXPECT_EQ(test, printed(dev, "other,dev,"), 1);
	dev->driver = &comma;
	KUNIT_EXPECT_EQ(test, printed(dev, "a,b"), 1);
	KUNIT_EXPECT_EQ(test, printed(dev, "!other,a,b"), 0);
	dev->driver = driver;
	KUNIT_EXPECT_EQ(test, printed(dev, "!"), 1);
	KUNIT_EXPECT_EQ(test, printed(dev, "\n"), 1);
	KUNIT_EXPECT_EQ(test, printed(dev, "*"), 1);
	dma_debug_all_errors = 0;
	dma_debug_set_filter(was);
	KUNIT_EXPECT_EQ(test, dma_kunit_expect_warn_end(), 7);
	KUNIT_EXPECT_EQ(test, dma_debug_error_count, count + 13);
}

static void debug_number_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	u32 was = dma_debug_num_errors;

	dma_kunit_expect_warn_begin();
	dma_debug_num_errors = 2;
	KUNIT_EXPECT_EQ(test, printed(dev, ""), 1);
	KUNIT_EXPECT_EQ(test, printed(dev, ""), 1);
	KUNIT_EXPECT_EQ(test, printed(dev, ""), 0);
	KUNIT_EXPECT_EQ(test, dma_debug_num_errors, 0);
	dma_debug_num_errors = was;
	KUNIT_EXPECT_EQ(test, dma_kunit_expect_warn_end(), 2);
}

/* Memory of a device's own pool is seen like any other. */
static void debug_pool_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct dma_coherent_pool *pool = dma_pools_pool(test, "debug", 0, SZ_1M);
	struct dma_pools_buffer buffer;

	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, dev, pool));
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_8K, GFP_KERNEL,
						&buffer));
	KUNIT_EXPECT_STREQ(test, buffer.backend, "device pool");
	KUNIT_EXPECT_EQ(test, debug_nr_entries(dev), 1);
	DEBUG_EXPECT_MISTAKE(test, ": expected 8192, as mapped",
			     dma_debug_free(dev, SZ_4K, buffer.cpu_addr,
					    buffer.dma_addr));
	dma_debug_alloc(dev, SZ_8K, buffer.cpu_addr, buffer.dma_addr, 0);
	DEBUG_EXPECT_SILENCE(test, dma_pools_free(&buffer));
	KUNIT_EXPECT_EQ(test, debug_nr_entries(dev), 0);
}

/* The files, as user space reads and writes them */

#define TEXT_SIZE	128

static ssize_t read_file(struct dma_kunit_files *files, const char *name,
			 char *text)
{
	char path[64];

	snprintf(path, sizeof(path), "dma-api/%s", name);
	return dma_kunit_file_read(files, path, text, TEXT_SIZE);
}

static ssize_t write_file(struct dma_kunit_files *files, const char *name,
			  const char *text)
{
	char path[64];

	snprintf(path, sizeof(path), "dma-api/%s", name);
	return dma_kunit_file_write(files, path, text);
}

static void check_file(struct kunit *test, struct dma_kunit_files *files,
		       const char *name, const char *expected)
{
	char text[TEXT_SIZE] = "";
	ssize_t len = read_file(files, name, text);

	KUNIT_EXPECT_GT_MSG(test, len, 0, "%s", name);
	if (expected)
		KUNIT_EXPECT_STREQ_MSG(test, text, expected, "%s", name);
}

static void debug_files_test(struct kunit *test)
{
	static const char * const numbers[] = {
		"error_count", "num_free_entries", "min_free_entries",
		"nr_total_entries", "untracked",
	};
	struct dma_kunit_files files;
	char was[TEXT_SIZE] = "";

	dma_kunit_files_open(test, &files);
	check_file(test, &files, "disabled", "N\n");
	for (unsigned int i = 0; i < ARRAY_SIZE(numbers); i++) {
		check_file(test, &files, numbers[i], NULL);
		KUNIT_EXPECT_LT_MSG(test, write_file(&files, numbers[i], "1"), 0,
				    "%s", numbers[i]);
	}

	KUNIT_EXPECT_EQ(test, write_file(&files, "all_errors", "1\n"), 2);
	KUNIT_EXPECT_EQ(test, dma_debug_all_errors, 1);
	KUNIT_EXPECT_EQ(test, write_file(&files, "all_errors", "0\n"), 2);
	KUNIT_EXPECT_GT(test, read_file(&files, "num_errors", was), 0);
	KUNIT_EXPECT_EQ(test, write_file(&files, "num_errors", "42"), 2);
	KUNIT_EXPECT_EQ(test, dma_debug_num_errors, 42);
	KUNIT_EXPECT_GT(test, write_file(&files, "num_errors", was), 0);

	KUNIT_EXPECT_EQ(test, write_file(&files, "driver_filter", "a_driver\n"), 9);
	check_file(test, &files, "driver_filter", "a_driver\n");
	KUNIT_EXPECT_EQ(test, write_file(&files, "driver_filter", "\n"), 1);
	check_file(test, &files, "driver_filter", "\n");

	KUNIT_EXPECT_EQ(test, write_file(&files, "sampling", "5"), 1);
	check_file(test, &files, "sampling", "5\n");
	KUNIT_EXPECT_EQ(test, write_file(&files, "sampling", "0"), -EINVAL);
	KUNIT_EXPECT_EQ(test, write_file(&files, "sampling", "1"), 1);
	KUNIT_EXPECT_EQ(test, dma_debug_sampling, 1);

	KUNIT_EXPECT_EQ(test, write_file(&files, "noncoherent", "who\n"), 4);
	check_file(test, &files, "noncoherent", "who\n");
	KUNIT_EXPECT_EQ(test, write_file(&files, "noncoherent", "\n"), 1);
	check_file(test, &files, "noncoherent", "\n");
	check_file(test, &files, "rehearsals", NULL);
	dma_kunit_files_close(&files);
}

static void debug_dump_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "shown");
	u8 *buffer = debug_buffer(test, SZ_4K);
	dma_addr_t dma_addr = debug_map(test, dev, buffer, 64, DMA_TO_DEVICE);
	char line[128], *text = dma_pools_debugfs(test, "dma-api/dump");

	snprintf(line, sizeof(line), ".shown single P=%#llx D=%#llx L=0x40 ",
		 (u64)virt_to_phys(buffer), (u64)dma_addr);
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(text, line),
				  "no \"%s\" in %zu bytes, from %.80s", line,
				  strlen(text), text);

	dma_kunit_log_mark();
	debug_dma_dump_mappings(dev);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count(line), 1);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count(" P=0x"), 1);
	dma_unmap_single(dev, dma_addr, 64, DMA_TO_DEVICE);
}

static struct kunit_case dma_debug_cases[] = {
	KUNIT_CASE(debug_single_test),
	KUNIT_CASE(debug_twice_test),
	KUNIT_CASE(debug_consistent_test),
	KUNIT_CASE(debug_unmap_test),
	KUNIT_CASE(debug_other_device_test),
	KUNIT_CASE(debug_cpu_addr_test),
	KUNIT_CASE(debug_sync_test),
	KUNIT_CASE(debug_sg_test),
	KUNIT_CASE(debug_sg_limits_test),
	KUNIT_CASE(debug_memory_test),
	KUNIT_CASE(debug_overlap_test),
	KUNIT_CASE(debug_overlap_coherent_test),
	KUNIT_CASE(debug_overlap_mixed_test),
	KUNIT_CASE(debug_overlap_small_test),
	KUNIT_CASE(debug_max_size_test),
	KUNIT_CASE(debug_leak_test),
	KUNIT_CASE(debug_no_leak_test),
	KUNIT_CASE(debug_filter_test),
	KUNIT_CASE(debug_number_test),
	KUNIT_CASE(debug_pool_test),
	KUNIT_CASE(debug_files_test),
	KUNIT_CASE(debug_dump_test),
	{}
};

static struct kunit_suite dma_debug_suite = {
	.name = "dma_debug_checks",
	.suite_init = debug_suite_init,
	.test_cases = dma_debug_cases,
};

kunit_test_suite(dma_debug_suite);

MODULE_DESCRIPTION("KUnit tests of dma-debug's checks");
MODULE_LICENSE("GPL");
