// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of what is particular to PCI devices behind an IOMMU: addresses
 * below 4 GiB come first, the host bridge's windows are not handed out, and an
 * untrusted device never sees more of the memory than it was given.
 */

#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/iommu-dma.h>
#include <linux/ioport.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/swiotlb.h>

#include "mock_iommu.h"
#include "mock_pci.h"

#define SECRET		0x5e
#define MAX_ADDRS	256

static void join(struct kunit *test, struct mock_iommu *iommu,
		 struct mock_pci *fake)
{
	struct device *dev = &fake->pdev.dev;

	KUNIT_ASSERT_EQ(test, 0, mock_iommu_join(iommu, dev));
	mock_iommu_watch(test, dev);
	KUNIT_ASSERT_TRUE(test, use_dma_iommu(dev));
}

/* Addresses */

struct taken {
	unsigned int nr;
	dma_addr_t addrs[MAX_ADDRS];
};

static struct taken *take_all(struct kunit *test, struct device *dev)
{
	struct taken *taken = kunit_kzalloc(test, sizeof(*taken), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, taken);
	taken->nr = mock_iommu_exhaust(test, dev,
				       mock_iommu_buffer(test, PAGE_SIZE),
				       PAGE_SIZE, taken->addrs, MAX_ADDRS);
	return taken;
}

/* How many of the addresses are in a range */
static unsigned int nr_within(const struct taken *taken, dma_addr_t start,
			      size_t size)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < taken->nr; i++)
		if (taken->addrs[i] >= start && taken->addrs[i] - start < size)
			nr++;
	return nr;
}

/* As long as there is one, an address below 4 GiB; then any */
static void pci_low_first_test(struct kunit *test)
{
	struct mock_pci *fake = mock_pci_device(test, "dma-kunit-pci");
	struct mock_iommu *iommu = mock_iommu_create(test,
			&(struct mock_iommu_shape) {
				.aperture_start = SZ_4G - SZ_64K,
				.aperture_last = SZ_4G + SZ_128K - 1,
			});
	struct device *dev = &fake->pdev.dev;
	struct taken *taken;

	join(test, iommu, fake);
	taken = take_all(test, dev);
	KUNIT_EXPECT_EQ(test, taken->nr, 48);
	for (unsigned int i = 0; i < taken->nr; i++) {
		bool is_low = taken->addrs[i] < SZ_4G;

		KUNIT_EXPECT_EQ_MSG(test, is_low, i < 16, "address %u: %pad", i,
				    &taken->addrs[i]);
	}
	mock_iommu_unmap_all(dev, taken->addrs, taken->nr, PAGE_SIZE);
}

/* What the bridge takes for itself never reaches the IOMMU. */
static void pci_windows_test(struct kunit *test)
{
	static struct resource windows[] = {
		DEFINE_RES_MEM(SZ_1M + SZ_64K, SZ_64K),
		/* Seen by the bus 1 GiB lower than by the CPU */
		DEFINE_RES_MEM(SZ_1G + SZ_1M + SZ_128K + SZ_64K, SZ_32K),
		DEFINE_RES_IO(SZ_1M, SZ_64K),
	};
	struct mock_pci *fake = mock_pci_device(test, "dma-kunit-pci");
	struct mock_iommu *iommu = mock_iommu_create(test,
			&(struct mock_iommu_shape) {
				.aperture_start = SZ_1M,
				.aperture_last = SZ_1M + SZ_256K - 1,
			});
	struct device *dev = &fake->pdev.dev;
	struct taken *taken;

	pci_add_resource(&fake->bridge->windows, &windows[0]);
	pci_add_resource_offset(&fake->bridge->windows, &windows[1], SZ_1G);
	pci_add_resource(&fake->bridge->windows, &windows[2]);
	join(test, iommu, fake);
	taken = take_all(test, dev);
	KUNIT_EXPECT_EQ(test, taken->nr, 64 - 16 - 8);
	KUNIT_EXPECT_EQ(test, nr_within(taken, SZ_1M + SZ_64K, SZ_64K), 0);
	KUNIT_EXPECT_EQ(test, nr_within(taken, SZ_1M + SZ_128K + SZ_64K,
					SZ_32K), 0);
	mock_iommu_unmap_all(dev, taken->addrs, taken->nr, PAGE_SIZE);
}

/* With dma-ranges, only what they let through. */
static void pci_ranges_test(struct kunit *test)
{
	static struct resource ranges[] = {
		DEFINE_RES_MEM(SZ_1M + SZ_128K, SZ_32K),
		DEFINE_RES_MEM(SZ_1M + SZ_32K, SZ_16K),
	};
	struct mock_pci *fake = mock_pci_device(test, "dma-kunit-pci");
	struct mock_iommu *iommu = mock_iommu_create(test,
			&(struct mock_iommu_shape) {
				.aperture_start = SZ_1M,
				.aperture_last = SZ_1M + SZ_256K - 1,
			});
	/* The tree's own code loses the first page of each. */
	unsigned int nr_lost = mock_iommu_is_stock();
	struct device *dev = &fake->pdev.dev;
	struct taken *taken;

	/* In any order */
	pci_add_resource(&fake->bridge->dma_ranges, &ranges[0]);
	pci_add_resource(&fake->bridge->dma_ranges, &ranges[1]);
	join(test, iommu, fake);
	taken = take_all(test, dev);
	KUNIT_EXPECT_EQ(test, taken->nr, 8 + 4 - 2 * nr_lost);
	KUNIT_EXPECT_EQ(test, nr_within(taken, SZ_1M + SZ_128K, SZ_32K),
			8 - nr_lost);
	KUNIT_EXPECT_EQ(test, nr_within(taken, SZ_1M + SZ_32K, SZ_16K),
			4 - nr_lost);
	mock_iommu_unmap_all(dev, taken->addrs, taken->nr, PAGE_SIZE);
}

/* Untrusted devices */

/* Buffers in the middle of memory that is none of the device's business */
struct untrusted {
	struct mock_iommu *iommu;
	struct device *dev;
	u8 *memory;
	long was_bounced;
};

#define EXTENT	SZ_64K

static struct untrusted make_untrusted(struct kunit *test)
{
	struct mock_pci *fake = mock_pci_device(test, "dma-kunit-pci");
	struct untrusted it = {
		.iommu = mock_iommu_create(test, &(struct mock_iommu_shape){}),
		.dev = &fake->pdev.dev,
		.memory = mock_iommu_buffer(test, EXTENT),
	};

	if (!is_swiotlb_active(it.dev))
		kunit_skip(test, "this machine has no bounce buffer");
	fake->pdev.untrusted = true;
	join(test, it.iommu, fake);
	memset(it.memory, SECRET, EXTENT);
	it.was_bounced = mock_iommu_nr_bounced(it.dev);
	return it;
}

static void check_gone(struct kunit *test, const struct untrusted *it)
{
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(it->dev), 0);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_stale(it->dev), 0);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_bounced(it->dev), it->was_bounced);
}

/* Zeroes only, from @first up to @end */
static bool sees_nothing(struct device *dev, dma_addr_t first, dma_addr_t end)
{
	u8 chunk[64];

	while (first < end) {
		size_t step = min_t(u64, end - first, sizeof(chunk));

		if (!mock_iommu_read(dev, first, chunk, step) ||
		    memchr_inv(chunk, 0, step))
			return false;
		first += step;
	}
	return true;
}

static const size_t sizes[] = { 1, 100, 2048, 4095, 5000, 8191 };
static const size_t offsets[] = { 1, 64, 1000, 2048, 4090 };

static void check_hides(struct kunit *test, const struct untrusted *it,
			size_t offset, size_t size)
{
	u8 *buffer = it->memory + SZ_4K + offset;
	dma_addr_t dma_addr;

	mock_iommu_fill(buffer, size, 9);
	dma_addr = dma_map_single(it->dev, buffer, size, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(it->dev, dma_addr));
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(it->dev, dma_addr, buffer,
						size));
	KUNIT_EXPECT_TRUE_MSG(test, sees_nothing(it->dev,
						 PAGE_ALIGN_DOWN(dma_addr),
						 dma_addr),
			      "before %zu bytes at %zu", size, offset);
	KUNIT_EXPECT_TRUE_MSG(test, sees_nothing(it->dev, dma_addr + size,
						 PAGE_ALIGN(dma_addr + size)),
			      "behind %zu bytes at %zu", size, offset);
	dma_unmap_single(it->dev, dma_addr, size, DMA_TO_DEVICE);
	memset(buffer, SECRET, size);
	check_gone(test, it);
}

static void pci_untrusted_hides_test(struct kunit *test)
{
	struct untrusted it = make_untrusted(test);

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++)
		for (unsigned int j = 0; j < ARRAY_SIZE(offsets); j++)
			check_hides(test, &it, offsets[j], sizes[i]);
}

/* What the device writes beside the buffer goes nowhere. */
static void check_guards(struct kunit *test, const struct untrusted *it,
			 size_t offset, size_t size)
{
	static const u8 marks[64] = { [0 ... 63] = 0xbd };
	u8 *buffer = it->memory + SZ_4K + offset;
	dma_addr_t dma_addr, at;

	dma_addr = dma_map_single(it->dev, buffer, size, DMA_FROM_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(it->dev, dma_addr));
	for (at = PAGE_ALIGN_DOWN(dma_addr); at < PAGE_ALIGN(dma_addr + size);
	     at += sizeof(marks))
		KUNIT_ASSERT_TRUE(test, mock_iommu_write(it->dev, at, marks,
							 sizeof(marks)));
	KUNIT_EXPECT_NULL(test, memchr_inv(it->memory, SECRET, EXTENT));
	dma_sync_single_for_cpu(it->dev, dma_addr, size, DMA_FROM_DEVICE);
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer, 0xbd, size));
	KUNIT_EXPECT_TRUE(test, mock_iommu_write_fill(it->dev, dma_addr, size,
						      4));
	dma_unmap_single(it->dev, dma_addr, size, DMA_FROM_DEVICE);
	KUNIT_EXPECT_TRUE(test, mock_iommu_is_filled(buffer, size, 4));
	memset(buffer, SECRET, size);
	KUNIT_EXPECT_NULL(test, memchr_inv(it->memory, SECRET, EXTENT));
	check_gone(test, it);
}

static void pci_untrusted_guards_test(struct kunit *test)
{
	struct untrusted it = make_untrusted(test);

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++)
		for (unsigned int j = 0; j < ARRAY_SIZE(offsets); j++)
			check_guards(test, &it, offsets[j], sizes[i]);
}

/* Whole pages hold nothing else, so the device may have them as they are. */
static void pci_untrusted_pages_test(struct kunit *test)
{
	struct untrusted it = make_untrusted(test);
	dma_addr_t dma_addr;

	dma_addr = dma_map_single(it.dev, it.memory, SZ_8K, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(it.dev, dma_addr));
	KUNIT_EXPECT_EQ(test, mock_iommu_phys(it.dev, dma_addr),
			virt_to_phys(it.memory));
	dma_unmap_single(it.dev, dma_addr, SZ_8K, DMA_TO_DEVICE);
	check_gone(test, &it);
}

static void pci_untrusted_sync_test(struct kunit *test)
{
	struct untrusted it = make_untrusted(test);
	u8 *buffer = it.memory + 100;
	dma_addr_t dma_addr;

	mock_iommu_fill(buffer, 5000, 1);
	dma_addr = dma_map_single(it.dev, buffer, 5000, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(it.dev, dma_addr));
	KUNIT_EXPECT_TRUE(test, dma_need_sync(it.dev, dma_addr));
	mock_iommu_fill(buffer, 5000, 2);
	KUNIT_EXPECT_FALSE(test, mock_iommu_sees(it.dev, dma_addr, buffer,
						 5000));
	dma_sync_single_for_device(it.dev, dma_addr, 5000, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(it.dev, dma_addr, buffer,
						5000));
	KUNIT_EXPECT_TRUE(test, mock_iommu_write(it.dev, dma_addr + 4500,
						 "part", 4));
	dma_sync_single_range_for_cpu(it.dev, dma_addr, 4500, 4,
				      DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_EQ(test, 0, memcmp(buffer + 4500, "part", 4));
	dma_unmap_single(it.dev, dma_addr, 5000, DMA_BIDIRECTIONAL);
	check_gone(test, &it);
}

static void pci_untrusted_list_test(struct kunit *test)
{
	struct untrusted it = make_untrusted(test);
	struct scatterlist sg[3], *segment;
	u8 *buffers[3];
	unsigned int i;
	int nr;

	sg_init_table(sg, ARRAY_SIZE(sg));
	for (i = 0; i < ARRAY_SIZE(sg); i++) {
		buffers[i] = it.memory + i * SZ_16K + i * 100;
		mock_iommu_fill(buffers[i], SZ_4K, i);
		sg_set_buf(&sg[i], buffers[i], SZ_4K);
	}
	nr = dma_map_sg(it.dev, sg, ARRAY_SIZE(sg), DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_EQ(test, nr, ARRAY_SIZE(sg));
	for_each_sg(sg, segment, nr, i) {
		dma_addr_t at = sg_dma_address(segment);

		KUNIT_EXPECT_TRUE(test, mock_iommu_sees(it.dev, at, buffers[i],
							SZ_4K));
		KUNIT_EXPECT_TRUE(test, sees_nothing(it.dev,
						     PAGE_ALIGN_DOWN(at), at));
		KUNIT_EXPECT_TRUE(test, sees_nothing(it.dev, at + SZ_4K,
						     PAGE_ALIGN(at + SZ_4K)));
		KUNIT_EXPECT_TRUE(test, mock_iommu_write_fill(it.dev, at, SZ_4K,
							      40 + i));
	}
	dma_sync_sg_for_cpu(it.dev, sg, ARRAY_SIZE(sg), DMA_BIDIRECTIONAL);
	for (i = 0; i < ARRAY_SIZE(sg); i++)
		KUNIT_EXPECT_TRUE(test, mock_iommu_is_filled(buffers[i], SZ_4K,
							     40 + i));
	dma_sync_sg_for_device(it.dev, sg, ARRAY_SIZE(sg), DMA_BIDIRECTIONAL);
	dma_unmap_sg(it.dev, sg, ARRAY_SIZE(sg), DMA_BIDIRECTIONAL);
	check_gone(test, &it);
}

/* More than can be relied on, and a mapping that fails */
static void pci_untrusted_refused_test(struct kunit *test)
{
	struct untrusted it = make_untrusted(test);
	u8 *large = mock_iommu_buffer(test, SZ_512K);
	struct scatterlist sg[3];
	dma_addr_t dma_addr;

	/* Refused or not: nothing is left of it. */
	dma_addr = dma_map_single_attrs(it.dev, large + 1, SZ_512K - 1,
					DMA_TO_DEVICE, DMA_ATTR_NO_WARN);
	if (!dma_mapping_error(it.dev, dma_addr)) {
		KUNIT_EXPECT_TRUE(test, mock_iommu_sees(it.dev, dma_addr,
							large + 1,
							SZ_512K - 1));
		dma_unmap_single(it.dev, dma_addr, SZ_512K - 1, DMA_TO_DEVICE);
	}
	check_gone(test, &it);

	sg_init_table(sg, ARRAY_SIZE(sg));
	for (unsigned int i = 0; i < ARRAY_SIZE(sg); i++)
		sg_set_buf(&sg[i], it.memory + i * SZ_16K + 100, 200);
	for (unsigned int nth = 1; nth <= ARRAY_SIZE(sg); nth++) {
		mock_iommu_fail_nth(it.iommu, MOCK_IOMMU_MAP, nth);
		KUNIT_EXPECT_EQ(test, 0, dma_map_sg(it.dev, sg, ARRAY_SIZE(sg),
						    DMA_TO_DEVICE));
		check_gone(test, &it);
		mock_iommu_fail_nth(it.iommu, MOCK_IOMMU_MAP, 1);
		dma_addr = dma_map_single(it.dev, it.memory + 9, 300,
					  DMA_TO_DEVICE);
		KUNIT_EXPECT_EQ(test, dma_addr, DMA_MAPPING_ERROR);
		check_gone(test, &it);
	}
	KUNIT_EXPECT_NULL(test, memchr_inv(it.memory, SECRET, EXTENT));
}

/* Consistent memory is the device's alone. */
static void pci_untrusted_alloc_test(struct kunit *test)
{
	struct untrusted it = make_untrusted(test);
	dma_addr_t dma_addr;
	u8 *cpu_addr = dma_alloc_coherent(it.dev, SZ_16K, &dma_addr,
					  GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	KUNIT_EXPECT_TRUE(test, sees_nothing(it.dev, dma_addr,
					     dma_addr + SZ_16K));
	mock_iommu_fill(cpu_addr, SZ_16K, 6);
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(it.dev, dma_addr, cpu_addr,
						SZ_16K));
	dma_free_coherent(it.dev, SZ_16K, cpu_addr, dma_addr);
	check_gone(test, &it);
}

/* It may not be let through untranslated. */
static void pci_untrusted_identity_test(struct kunit *test)
{
	struct mock_pci *fake = mock_pci_device(test, "dma-kunit-pci");
	struct mock_iommu *iommu = mock_iommu_create(test,
			&(struct mock_iommu_shape) {
				.domain_type = IOMMU_DOMAIN_IDENTITY,
			});

	fake->pdev.untrusted = true;
	KUNIT_EXPECT_NE(test, 0, mock_iommu_join(iommu, &fake->pdev.dev));
}

static struct kunit_case iommu_pci_cases[] = {
	MOCK_IOMMU_CASE_TYPICAL(pci_low_first_test),
	MOCK_IOMMU_CASE_TYPICAL(pci_windows_test),
	MOCK_IOMMU_CASE_TYPICAL(pci_ranges_test),
	MOCK_IOMMU_CASE_TYPICAL(pci_untrusted_hides_test),
	MOCK_IOMMU_CASE_TYPICAL(pci_untrusted_guards_test),
	MOCK_IOMMU_CASE_TYPICAL(pci_untrusted_pages_test),
	MOCK_IOMMU_CASE_TYPICAL(pci_untrusted_sync_test),
	MOCK_IOMMU_CASE_TYPICAL(pci_untrusted_list_test),
	MOCK_IOMMU_CASE_TYPICAL(pci_untrusted_refused_test),
	MOCK_IOMMU_CASE_TYPICAL(pci_untrusted_alloc_test),
	MOCK_IOMMU_CASE_TYPICAL(pci_untrusted_identity_test),
	{}
};

static struct kunit_suite iommu_pci_suite = {
	.name = "iommu_pci",
	.test_cases = iommu_pci_cases,
};

kunit_test_suite(iommu_pci_suite);

MODULE_DESCRIPTION("KUnit tests of PCI devices behind an IOMMU");
MODULE_LICENSE("GPL");
