// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of what can't be had of a domain: a flush queue where the IOMMU puts
 * nothing off, a doorbell where the domain could not be set up, and the entries of
 * an untrusted device's list by the page.
 */

#include <kunit/test.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iommu-dma.h>
#include <linux/iommu.h>
#include <linux/msi.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/swiotlb.h>

#include "../../drivers/iommu/dma-iommu.h"
#include "log.h"
#include "mock_iommu.h"
#ifdef CONFIG_PCI
#include "mock_pci.h"
#endif

#define DOORBELL	0x8020040ULL
#define SECRET		0x5e

static void setup_no_queue_test(struct kunit *test)
{
	struct device *dev = mock_iommu_simple_device(test,
			&(struct mock_iommu_shape){ .is_strict = true });
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	dma_addr_t dma_addr;

	dma_kunit_log_mark();
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			iommu_dma_init_fq(iommu_get_dma_domain(dev)));
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("stays strict"), 1);
	dma_addr = dma_map_single(dev, buffer, SZ_4K, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	dma_unmap_single(dev, dma_addr, SZ_4K, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_stale(dev), 0);
}

/* Its domain could not be set up: the device's windows are elsewhere. */
static void setup_failed_msi_test(struct kunit *test)
{
	static const struct bus_dma_region windows[] = {
		{ .cpu_start = 0, .dma_start = SZ_8G, .size = SZ_1G }, {}
	};
	struct mock_iommu *iommu = mock_iommu_create(test,
			&(struct mock_iommu_shape) {
				.aperture_start = SZ_1M,
				.aperture_last = SZ_2M - 1,
			});
	struct device *dev;
	struct msi_desc *desc = kunit_kzalloc(test, sizeof(*desc), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, desc);
	dev = mock_iommu_device(test, iommu, "dev", &(struct dma_kunit_shape) {
		.windows = windows,
	});
	KUNIT_ASSERT_FALSE(test, use_dma_iommu(dev));
	desc->dev = dev;
	dma_kunit_log_mark();
	KUNIT_EXPECT_EQ(test, -ENODEV, iommu_dma_prepare_msi(desc, DOORBELL));
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("no interrupt"), 1);
	/* And nobody makes it lazy. */
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			iommu_dma_init_fq(iommu_get_domain_for_dev(dev)));
}

#ifdef CONFIG_PCI
/* An entry that is empty does not hide those behind it. */
static void setup_untrusted_list_test(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu_create(test,
					&(struct mock_iommu_shape){});
	struct mock_pci *fake = mock_pci_device(test, "dma-kunit-pci");
	struct device *dev = &fake->pdev.dev;
	u8 *memory = mock_iommu_buffer(test, SZ_64K);
	long was_bounced = mock_iommu_nr_bounced(dev);
	u8 *seen = mock_iommu_buffer(test, SZ_4K);
	struct scatterlist sg[4], *entry;
	int i;

	if (!is_swiotlb_active(dev))
		kunit_skip(test, "this machine has no bounce buffer");
	fake->pdev.untrusted = true;
	KUNIT_ASSERT_EQ(test, 0, mock_iommu_join(iommu, dev));
	mock_iommu_watch(test, dev);

	for (unsigned int empty = 0; empty < ARRAY_SIZE(sg); empty++) {
		memset(memory, SECRET, SZ_64K);
		sg_init_table(sg, ARRAY_SIZE(sg));
		for_each_sg(sg, entry, ARRAY_SIZE(sg), i) {
			sg_set_buf(entry, memory + i * SZ_8K + 100,
				   i == empty ? 0 : 200);
			memset(sg_virt(entry), 0, entry->length);
		}
		KUNIT_ASSERT_GT(test, dma_map_sg(dev, sg, ARRAY_SIZE(sg),
						 DMA_BIDIRECTIONAL), 0);
		for_each_sg(sg, entry, ARRAY_SIZE(sg), i) {
			dma_addr_t addr = sg_dma_address(entry);

			if (!sg_dma_len(entry))
				continue;
			KUNIT_EXPECT_TRUE(test,
					  mock_iommu_read(dev,
							  ALIGN_DOWN(addr, SZ_4K),
							  seen, SZ_4K));
			KUNIT_EXPECT_NULL_MSG(test, memchr(seen, SECRET, SZ_4K),
					      "entry %d, %u is empty", i, empty);
			KUNIT_EXPECT_TRUE(test, mock_iommu_write_fill(dev, addr,
								      200, i));
		}
		dma_sync_sg_for_cpu(dev, sg, ARRAY_SIZE(sg), DMA_BIDIRECTIONAL);
		dma_sync_sg_for_device(dev, sg, ARRAY_SIZE(sg),
				       DMA_BIDIRECTIONAL);
		dma_unmap_sg(dev, sg, ARRAY_SIZE(sg), DMA_BIDIRECTIONAL);
		for_each_sg(sg, entry, ARRAY_SIZE(sg), i)
			KUNIT_EXPECT_TRUE(test,
					  mock_iommu_is_filled(sg_virt(entry),
							       entry->length,
							       i));
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), 0);
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_bounced(dev), was_bounced);
	}
}
#else
static void setup_untrusted_list_test(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_PCI");
}
#endif

static struct kunit_case iommu_setup_cases[] = {
	MOCK_IOMMU_CASE(setup_no_queue_test),
	MOCK_IOMMU_CASE(setup_untrusted_list_test),
	MOCK_IOMMU_CASE(setup_failed_msi_test),
	{}
};

static struct kunit_suite iommu_setup_suite = {
	.name = "iommu_setup",
	.test_cases = iommu_setup_cases,
};

kunit_test_suite(iommu_setup_suite);

MODULE_DESCRIPTION("KUnit tests of what a domain can't serve");
MODULE_LICENSE("GPL");
