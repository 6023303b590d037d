// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of how much is done, and kept, for little: addresses that CPUs
 * hoard, flushes for an address below 4 GiB, orders of pages that there are none
 * of, calls for a list of neighbours.
 */

#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>

#include "../../drivers/iommu/dma/domain.h"
#include "files.h"
#include "iommu_space.h"
#include "mock_iommu.h"
#ifdef CONFIG_PCI
#include "mock_pci.h"
#endif

/* Addresses that are free, and taken as far as the tree knows */

#define MAX_RANGES	1500

struct hoard {
	struct dma_space *space;
	unsigned long nr;
	unsigned int nr_ranges;
	unsigned long starts[MAX_RANGES];
};

/* Take so many ranges, and give them back. */
static struct hoard *make_hoard(struct kunit *test, unsigned long nr,
				unsigned int nr_ranges)
{
	struct hoard *hoard = kunit_kzalloc(test, sizeof(*hoard), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, hoard);
	hoard->space = new_space(test, 1);
	hoard->nr = nr;
	hoard->nr_ranges = nr_ranges;
	/* All by one CPU */
	migrate_disable();
	for (unsigned int i = 0; i < nr_ranges; i++)
		hoard->starts[i] = dma_space_get(hoard->space, nr, ULONG_MAX - 1);
	for (unsigned int i = 0; i < nr_ranges; i++)
		dma_space_put(hoard->space, hoard->starts[i], nr);
	migrate_enable();
	return hoard;
}

/* How many are not in the tree; those that are stay reserved. */
static unsigned int nr_hoarded(struct hoard *hoard)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < hoard->nr_ranges; i++) {
		unsigned long start = hoard->starts[i];

		nr += dma_space_reserve(hoard->space, start,
					start + hoard->nr - 1) == -EBUSY;
	}
	return nr;
}

/* Whatever their size, there are no more than some MiB of them. */
static void hoard_bytes_test(struct kunit *test)
{
	for (unsigned long nr = 1; nr <= DMA_SPACE_LARGEST; nr *= 2) {
		struct hoard *hoard = make_hoard(test, nr, MAX_RANGES);
		u64 bytes = (u64)nr_hoarded(hoard) * nr << SHIFT;

		KUNIT_EXPECT_LE_MSG(test, bytes, SZ_32M * num_online_cpus(),
				    "ranges of %lu granules", nr);
		KUNIT_EXPECT_GE_MSG(test, bytes, min_t(u64, 60 * nr, 1024) << SHIFT,
				    "ranges of %lu granules", nr);
	}
}

/* What nobody takes from a depot goes back in time. */
static void hoard_idle_test(struct kunit *test)
{
	unsigned long idle = dma_space_idle;
	struct hoard *hoard;
	unsigned int nr;

	dma_space_idle = 1;
	hoard = make_hoard(test, 1, MAX_RANGES);
	for (unsigned int i = 0; i < 100; i++) {
		nr = nr_hoarded(hoard);
		if (nr <= 126)
			break;
		schedule_timeout_uninterruptible(HZ / 20);
	}
	KUNIT_EXPECT_LE(test, nr, 126);
	/* What the CPU has at hand stays. */
	KUNIT_EXPECT_GE(test, nr, 30);
	dma_space_idle = idle;
}

/* No mapping reads a cache line that is written when a cache runs empty. */
static void hoard_lines_test(struct kunit *test)
{
#define LINE(member)	(offsetof(struct iommu_dma_cookie, member) / \
			 SMP_CACHE_BYTES)
	static const size_t read[] = {
		LINE(domain), LINE(last), LINE(second_size), LINE(flush),
		LINE(shadow), LINE(space.shift), LINE(space.caches),
	};
	static const size_t written[] = {
		LINE(space.lock), LINE(space.ranges), LINE(space.depots),
		LINE(setup),
	};

	if (!IS_ENABLED(CONFIG_SMP))
		kunit_skip(test, "one CPU has no use for it");
	for (unsigned int i = 0; i < ARRAY_SIZE(read); i++)
		for (unsigned int j = 0; j < ARRAY_SIZE(written); j++)
			KUNIT_EXPECT_NE_MSG(test, read[i], written[j],
					    "read %u, written %u", i, j);
}

/* Addresses below 4 GiB */

#ifdef CONFIG_PCI
#define NR_LOW		16

/*
 * All short addresses are in use but one, which waits for a flush each time. That
 * is no reason to flush each time: there are enough long ones.
 */
static void low_effort_test(struct kunit *test)
{
	struct mock_pci *fake = mock_pci_device(test, "dma-kunit-pci");
	struct mock_iommu *iommu = mock_iommu_create(test,
			&(struct mock_iommu_shape) {
				.aperture_start = SZ_4G - NR_LOW * SZ_4K,
				.aperture_last = SZ_4G + SZ_1M - 1,
				.domain_type = IOMMU_DOMAIN_DMA_FQ,
			});
	struct device *dev = &fake->pdev.dev;
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	dma_addr_t addrs[NR_LOW];
	unsigned long flags, nr_flushes, nr_high = 0;

	KUNIT_ASSERT_EQ(test, 0, mock_iommu_join(iommu, dev));
	mock_iommu_watch(test, dev);
	for (unsigned int i = 0; i < NR_LOW; i++) {
		addrs[i] = dma_map_single(dev, buffer, SZ_4K, DMA_TO_DEVICE);
		KUNIT_ASSERT_LT(test, addrs[i], SZ_4G);
	}
	local_irq_save(flags);
	nr_flushes = mock_iommu_counts(dev).nr_flushes;
	for (unsigned int i = 0; i < 100; i++) {
		dma_unmap_single(dev, addrs[i % NR_LOW], SZ_4K, DMA_TO_DEVICE);
		addrs[i % NR_LOW] = dma_map_single(dev, buffer, SZ_4K,
						   DMA_TO_DEVICE);
		nr_high += addrs[i % NR_LOW] >= SZ_4G;
	}
	nr_flushes = mock_iommu_counts(dev).nr_flushes - nr_flushes;
	local_irq_restore(flags);
	KUNIT_EXPECT_GE(test, nr_flushes, 1);
	KUNIT_EXPECT_LE(test, nr_flushes, 2);
	KUNIT_EXPECT_GE(test, nr_high, 90);
	mock_iommu_unmap_all(dev, addrs, NR_LOW, SZ_4K);
}
#else
static void low_effort_test(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_PCI");
}
#endif

/* Orders of pages */

static const char * const no_pages[][2] = {
	{ "fail_page_alloc/probability", "100" },
	{ "fail_page_alloc/interval", "1" },
	{ "fail_page_alloc/min-order", "1" },
	{ "fail_page_alloc/verbose", "0" },
	{ "fail_page_alloc/ignore-gfp-wait", "N" },
	{ "fail_page_alloc/ignore-gfp-highmem", "N" },
	{ "fail_page_alloc/task-filter", "Y" },
	{ "fail_page_alloc/times", "1000000" },
};

static const char * const pages_again[][2] = {
	{ "fail_page_alloc/probability", "0" },
	{ "fail_page_alloc/task-filter", "N" },
	{ "fail_page_alloc/ignore-gfp-wait", "Y" },
	{ "fail_page_alloc/ignore-gfp-highmem", "Y" },
	{ "fail_page_alloc/verbose", "2" },
	{ "fail_page_alloc/times", "1" },
};

/* An order that there is none of is asked for once, not for each piece. */
static void orders_effort_test(struct kunit *test)
{
#ifdef CONFIG_FAIL_PAGE_ALLOC
	struct device *dev = mock_iommu_simple_device(test,
			&(struct mock_iommu_shape){});
	struct dma_kunit_files files;
	struct sg_table *sgt;
	long left = 0;
	char text[32];

	dma_kunit_files_open(test, &files);
	for (unsigned int i = 0; i < ARRAY_SIZE(no_pages); i++)
		KUNIT_EXPECT_GT(test, dma_kunit_file_write(&files,
							   no_pages[i][0],
							   no_pages[i][1]), 0);
	current->make_it_fail = 1;
	sgt = dma_alloc_noncontiguous(dev, SZ_8M, DMA_TO_DEVICE, GFP_KERNEL, 0);
	current->make_it_fail = 0;
	KUNIT_EXPECT_GT(test, dma_kunit_file_read(&files,
						  "fail_page_alloc/times",
						  text, sizeof(text)), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(pages_again); i++)
		KUNIT_EXPECT_GT(test, dma_kunit_file_write(&files,
							   pages_again[i][0],
							   pages_again[i][1]),
				0);
	dma_kunit_files_close(&files);

	KUNIT_ASSERT_NOT_NULL(test, sgt);
	KUNIT_EXPECT_EQ(test, kstrtol(strim(text), 10, &left), 0);
	/* 64 KiB, 2 MiB, and what else takes pages meanwhile */
	KUNIT_EXPECT_LT(test, left, 1000000);
	KUNIT_EXPECT_GE(test, left, 1000000 - 40);
	dma_free_noncontiguous(dev, SZ_8M, sgt, DMA_TO_DEVICE);
#else
	kunit_skip(test, "needs CONFIG_FAIL_PAGE_ALLOC");
#endif
}

/* Lists */

/* Neighbours are mapped and unmapped by one call, whatever cuts them. */
static void neighbours_effort_test(struct kunit *test)
{
	struct device *dev = mock_iommu_simple_device(test,
			&(struct mock_iommu_shape){
				.page_sizes = SZ_4K | SZ_2M,
				.domain_type = IOMMU_DOMAIN_DMA_FQ,
			});
	u8 *buffer = mock_iommu_buffer(test, SZ_128K);
	struct mock_iommu_counts before, after;
	struct scatterlist sg[32];

	sg_init_table(sg, ARRAY_SIZE(sg));
	for (unsigned int i = 0; i < ARRAY_SIZE(sg); i++)
		sg_set_buf(&sg[i], buffer + i * SZ_4K, SZ_4K);
	for (unsigned int max_seg = SZ_4K; max_seg <= SZ_64K; max_seg *= 4) {
		dma_set_max_seg_size(dev, max_seg);
		before = mock_iommu_counts(dev);
		KUNIT_ASSERT_EQ(test, SZ_128K / max_seg,
				dma_map_sg(dev, sg, ARRAY_SIZE(sg),
					   DMA_TO_DEVICE));
		dma_unmap_sg(dev, sg, ARRAY_SIZE(sg), DMA_TO_DEVICE);
		after = mock_iommu_counts(dev);
		KUNIT_EXPECT_EQ(test, after.nr_map_calls - before.nr_map_calls,
				1);
		KUNIT_EXPECT_EQ(test,
				after.nr_unmap_calls - before.nr_unmap_calls,
				1);
	}
}

static struct kunit_case iommu_effort_cases[] = {
	KUNIT_CASE(hoard_bytes_test),
	KUNIT_CASE(hoard_idle_test),
	KUNIT_CASE(hoard_lines_test),
	MOCK_IOMMU_CASE(low_effort_test),
	KUNIT_CASE(orders_effort_test),
	KUNIT_CASE(neighbours_effort_test),
	{}
};

static struct kunit_suite iommu_effort_suite = {
	.name = "iommu_effort",
	.test_cases = iommu_effort_cases,
};

kunit_test_suite(iommu_effort_suite);

MODULE_DESCRIPTION("KUnit tests of what mappings cost that are not usual");
MODULE_LICENSE("GPL");
