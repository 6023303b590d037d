// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of dma-debug behind an IOMMU: leaks, lists that are merged, and
 * the rehearsal, which goes through the page table like any other mapping.
 */

#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/swiotlb.h>
#include <trace/events/swiotlb.h>

#include "debug.h"
#include "mock_iommu.h"

#define NR_ENTRIES	4

static void choose_none(void *unused)
{
	dma_rehearse_choose("");
}

static struct device *iommu_device(struct kunit *test, bool is_rehearsing)
{
	struct device *dev;

	dev = mock_iommu_simple_device(test, &(struct mock_iommu_shape){});
	if (!is_rehearsing)
		return dev;
	dma_rehearse_choose(dev_name(dev));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, choose_none,
							   NULL));
	return dev;
}

static struct scatterlist *make_list(struct kunit *test)
{
	struct scatterlist *sgl = kunit_kcalloc(test, NR_ENTRIES, sizeof(*sgl),
						GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, sgl);
	sg_init_table(sgl, NR_ENTRIES);
	for (unsigned int i = 0; i < NR_ENTRIES; i++)
		sg_set_buf(&sgl[i], mock_iommu_buffer(test, SZ_4K), SZ_4K);
	return sgl;
}

/* The device sees fewer entries than the driver made. */
static void debug_merged_list_test(struct kunit *test)
{
	struct device *dev = iommu_device(test, false);
	struct scatterlist *sgl = make_list(test);
	u32 count = dma_debug_error_count;
	unsigned int nr_mapped;

	nr_mapped = dma_map_sg(dev, sgl, NR_ENTRIES, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, nr_mapped, 1);
	KUNIT_EXPECT_EQ(test, debug_nr_entries(dev), nr_mapped);
	dma_sync_sg_for_cpu(dev, sgl, NR_ENTRIES, DMA_FROM_DEVICE);
	dma_unmap_sg(dev, sgl, NR_ENTRIES, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, debug_nr_entries(dev), 0);
	KUNIT_EXPECT_EQ(test, dma_debug_error_count, count);
}

static void debug_iommu_rehearse_test(struct kunit *test)
{
	struct device *dev = iommu_device(test, true);
	u8 *buffer = mock_iommu_buffer(test, SZ_8K);
	dma_addr_t dma_addr;

	mock_iommu_fill(buffer, SZ_8K, 1);
	dma_addr = debug_map(test, dev, buffer, SZ_8K, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_NE(test, mock_iommu_phys(dev, dma_addr),
			virt_to_phys(buffer));
	KUNIT_EXPECT_TRUE(test, mock_iommu_write_fill(dev, dma_addr, SZ_8K, 2));
	KUNIT_EXPECT_FALSE(test, mock_iommu_is_filled(buffer, SZ_8K, 2));
	dma_sync_single_for_cpu(dev, dma_addr, SZ_8K, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_TRUE(test, mock_iommu_is_filled(buffer, SZ_8K, 2));
	mock_iommu_fill(buffer, SZ_8K, 3);
	KUNIT_EXPECT_FALSE(test, mock_iommu_sees(dev, dma_addr, buffer, SZ_8K));
	dma_sync_single_for_device(dev, dma_addr, SZ_8K, DMA_BIDIRECTIONAL);
	buffer[1] = 0x11;
	DEBUG_EXPECT_MISTAKE(test, "byte 1 of the 8192",
			     dma_unmap_single(dev, dma_addr, SZ_8K,
					      DMA_BIDIRECTIONAL));
	KUNIT_EXPECT_TRUE(test, mock_iommu_is_filled(buffer, SZ_8K, 3));
}

/* All of it is one entry for the device, and each of ours has a shadow. */
static void debug_iommu_rehearse_sg_test(struct kunit *test)
{
	struct device *dev = iommu_device(test, true);
	struct scatterlist *sgl = make_list(test);
	dma_addr_t dma_addr;

	KUNIT_ASSERT_EQ(test, 1, dma_map_sg(dev, sgl, NR_ENTRIES,
					    DMA_FROM_DEVICE));
	dma_addr = sg_dma_address(sgl);
	for (unsigned int i = 0; i < NR_ENTRIES; i++)
		KUNIT_EXPECT_TRUE(test,
				  mock_iommu_write_fill(dev, dma_addr + i * SZ_4K,
							SZ_4K, i));
	KUNIT_EXPECT_FALSE(test, mock_iommu_is_filled(sg_virt(&sgl[3]), SZ_4K, 3));
	dma_sync_sg_for_cpu(dev, sgl, NR_ENTRIES, DMA_FROM_DEVICE);
	for (unsigned int i = 0; i < NR_ENTRIES; i++)
		KUNIT_EXPECT_TRUE(test, mock_iommu_is_filled(sg_virt(&sgl[i]),
							     SZ_4K, i));
	KUNIT_EXPECT_TRUE(test, mock_iommu_write_fill(dev, dma_addr + SZ_8K,
						      SZ_4K, 7));
	DEBUG_EXPECT_SILENCE(test, dma_unmap_sg(dev, sgl, NR_ENTRIES,
						DMA_FROM_DEVICE));
	KUNIT_EXPECT_TRUE(test, mock_iommu_is_filled(sg_virt(&sgl[2]), SZ_4K, 7));
}

static void count_bounce(void *data, struct device *dev, dma_addr_t dev_addr,
			 size_t size)
{
	unsigned int *nr = data;

	*nr += size == 8;
}

/* Who traces bounced mappings sees those behind an IOMMU, too. */
static void debug_iommu_bounced_test(struct kunit *test)
{
	u8 *small = kunit_kzalloc(test, 8, GFP_KERNEL);
	struct device *dev = iommu_device(test, false);
	unsigned int nr = 0;
	dma_addr_t dma_addr;

	KUNIT_ASSERT_NOT_NULL(test, small);
	if (!IS_ENABLED(CONFIG_TRACEPOINTS))
		kunit_skip(test, "CONFIG_TRACEPOINTS is off");
	if (!dma_kunit_set_coherent(dev, false) ||
	    !dma_kmalloc_needs_bounce(dev, 8, DMA_FROM_DEVICE) ||
	    !is_swiotlb_active(dev))
		kunit_skip(test, "nothing is bounced here");
	KUNIT_ASSERT_EQ(test, 0, register_trace_swiotlb_bounced(count_bounce,
								&nr));
	dma_addr = debug_map(test, dev, small, 8, DMA_FROM_DEVICE);
	dma_unmap_single(dev, dma_addr, 8, DMA_FROM_DEVICE);
	unregister_trace_swiotlb_bounced(count_bounce, &nr);
	tracepoint_synchronize_unregister();
	KUNIT_EXPECT_EQ(test, nr, 1);
}

static struct kunit_case dma_debug_iommu_cases[] = {
	MOCK_IOMMU_CASE_TYPICAL(debug_merged_list_test),
	MOCK_IOMMU_CASE_TYPICAL(debug_iommu_rehearse_test),
	MOCK_IOMMU_CASE_TYPICAL(debug_iommu_rehearse_sg_test),
	MOCK_IOMMU_CASE_TYPICAL(debug_iommu_bounced_test),
	{}
};

static struct kunit_suite dma_debug_iommu_suite = {
	.name = "dma_debug_iommu",
	.suite_init = debug_suite_init,
	.test_cases = dma_debug_iommu_cases,
};

kunit_test_suite(dma_debug_iommu_suite);

MODULE_DESCRIPTION("KUnit tests of dma-debug behind an IOMMU");
MODULE_LICENSE("GPL");
