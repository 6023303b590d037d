// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the mock IOMMU itself, by the public IOMMU API: that it
 * translates, and that it sees each of the mistakes it is there to see.
 */

#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/sizes.h>

#include "mock_iommu.h"

#define IOVA	0x40000000UL

/* A device, and a domain of the test's own that translates for it */
struct owned {
	struct mock_iommu *iommu;
	struct device *dev;
	struct iommu_domain *domain;
	u8 *buffer;
};

static void end_owned(void *data)
{
	struct owned *owned = data;

	iommu_detach_device(owned->domain, owned->dev);
	iommu_domain_free(owned->domain);
}

static struct owned *make_owned(struct kunit *test,
				const struct mock_iommu_shape *shape)
{
	struct owned *owned = kunit_kzalloc(test, sizeof(*owned), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, owned);
	owned->iommu = mock_iommu_create(test, shape);
	owned->dev = mock_iommu_device(test, owned->iommu, "dev",
				       &(struct dma_kunit_shape){});
	owned->buffer = mock_iommu_buffer(test, SZ_2M);
	mock_iommu_fill(owned->buffer, SZ_2M, 1);
	owned->domain = iommu_paging_domain_alloc(owned->dev);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, owned->domain);
	KUNIT_ASSERT_EQ(test, 0, iommu_attach_device(owned->domain,
						     owned->dev));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, end_owned,
							   owned));
	return owned;
}

static int map(struct owned *owned, unsigned long iova, size_t offset,
	       size_t size, int prot)
{
	return iommu_map(owned->domain, iova,
			 virt_to_phys(owned->buffer + offset), size, prot,
			 GFP_KERNEL);
}

static void mock_translates_test(struct kunit *test)
{
	struct owned *owned = make_owned(test, &(struct mock_iommu_shape){});
	struct device *dev = owned->dev;
	u8 byte = 0;

	KUNIT_ASSERT_EQ(test, 0, map(owned, IOVA, SZ_4K, SZ_8K, IOMMU_READ));
	KUNIT_ASSERT_EQ(test, 0, map(owned, IOVA + SZ_8K, 0, SZ_4K,
				     IOMMU_WRITE));
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(dev, IOVA,
						owned->buffer + SZ_4K, SZ_8K));
	KUNIT_EXPECT_FALSE(test, mock_iommu_sees(dev, IOVA, owned->buffer,
						 SZ_8K));
	KUNIT_EXPECT_EQ(test, mock_iommu_phys(dev, IOVA + 77),
			virt_to_phys(owned->buffer + SZ_4K + 77));
	/* The one may only be read, the other one only be written. */
	KUNIT_EXPECT_TRUE(test, mock_iommu_read(dev, IOVA, &byte, 1));
	KUNIT_EXPECT_FALSE(test, mock_iommu_write(dev, IOVA, &byte, 1));
	KUNIT_EXPECT_FALSE(test, mock_iommu_read(dev, IOVA + SZ_8K, &byte, 1));
	KUNIT_EXPECT_TRUE(test, mock_iommu_write(dev, IOVA + SZ_8K + 3, "\x77",
						 1));
	KUNIT_EXPECT_EQ(test, owned->buffer[3], 0x77);
	/* Nothing is before it and behind it. */
	KUNIT_EXPECT_FALSE(test, mock_iommu_read(dev, IOVA - 1, &byte, 1));
	KUNIT_EXPECT_FALSE(test, mock_iommu_write(dev, IOVA + 3 * SZ_4K, &byte,
						  1));
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), 3);
	KUNIT_EXPECT_EQ(test, 3 * SZ_4K, iommu_unmap(owned->domain, IOVA,
						     3 * SZ_4K));
	KUNIT_EXPECT_FALSE(test, mock_iommu_read(dev, IOVA, &byte, 1));
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), 0);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_stale(dev), 0);
}

static void mock_page_sizes_test(struct kunit *test)
{
	struct owned *owned = make_owned(test, &(struct mock_iommu_shape){});
	struct device *dev = owned->dev;

	KUNIT_ASSERT_TRUE(test, IS_ALIGNED(virt_to_phys(owned->buffer), SZ_2M));
	KUNIT_ASSERT_EQ(test, 0, map(owned, IOVA, 0, SZ_2M, IOMMU_READ));
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), 1);
	KUNIT_EXPECT_EQ(test, mock_iommu_page_size(dev, IOVA + SZ_1M), SZ_2M);
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(dev, IOVA, owned->buffer,
						SZ_2M));
	KUNIT_EXPECT_EQ(test, SZ_2M, iommu_unmap(owned->domain, IOVA, SZ_2M));

	/* Small, large, small */
	KUNIT_ASSERT_EQ(test, 0, map(owned, IOVA + SZ_32K, SZ_32K, SZ_128K,
				     IOMMU_READ));
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), 8 + 1 + 8);
	KUNIT_EXPECT_EQ(test, mock_iommu_page_size(dev, IOVA + SZ_64K), SZ_64K);
	KUNIT_EXPECT_EQ(test, mock_iommu_page_size(dev, IOVA + SZ_32K), SZ_4K);
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(dev, IOVA + SZ_32K,
						owned->buffer + SZ_32K,
						SZ_128K));
	KUNIT_EXPECT_EQ(test, SZ_128K, iommu_unmap(owned->domain, IOVA + SZ_32K,
						   SZ_128K));
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_stale(dev), 0);
}

static void mock_sees_mistakes_test(struct kunit *test)
{
	struct mock_iommu_shape shape = { .aperture_last = IOVA + SZ_1M - 1 };
	struct owned *owned = make_owned(test, &shape);
	struct mock_iommu *iommu = owned->iommu;

	KUNIT_ASSERT_EQ(test, 0, map(owned, IOVA, 0, SZ_4K, IOMMU_READ));
	KUNIT_EXPECT_EQ(test, mock_iommu_take_errors(iommu), 0);
	KUNIT_ASSERT_EQ(test, 0, map(owned, IOVA, 0, SZ_4K, IOMMU_READ));
	KUNIT_EXPECT_EQ(test, mock_iommu_take_errors(iommu), 1);
	KUNIT_ASSERT_EQ(test, 0, map(owned, IOVA + SZ_1M, 0, SZ_4K,
				     IOMMU_READ));
	KUNIT_EXPECT_EQ(test, mock_iommu_take_errors(iommu), 1);
	KUNIT_EXPECT_EQ(test, 0, iommu_unmap(owned->domain, IOVA + SZ_4K,
					     SZ_4K));
	KUNIT_EXPECT_EQ(test, mock_iommu_take_errors(iommu), 1);
	iommu_unmap(owned->domain, IOVA + SZ_1M, SZ_4K);
	iommu_unmap(owned->domain, IOVA, SZ_4K);
	KUNIT_EXPECT_EQ(test, mock_iommu_take_errors(iommu), 0);

	KUNIT_ASSERT_EQ(test, 0, map(owned, IOVA, 0, SZ_64K, IOMMU_READ));
	KUNIT_EXPECT_EQ(test, 0, iommu_unmap(owned->domain, IOVA, SZ_4K));
	KUNIT_EXPECT_EQ(test, mock_iommu_take_errors(iommu), 1);
	KUNIT_EXPECT_EQ(test, SZ_64K, iommu_unmap(owned->domain, IOVA, SZ_64K));
	KUNIT_EXPECT_EQ(test, mock_iommu_take_errors(iommu), 0);
}

static void mock_sees_early_reuse_test(struct kunit *test)
{
	struct owned *owned = make_owned(test, &(struct mock_iommu_shape){});
	struct iommu_iotlb_gather gather;

	iommu_iotlb_gather_init(&gather);
	gather.queued = true;
	KUNIT_ASSERT_EQ(test, 0, map(owned, IOVA, 0, SZ_8K, IOMMU_READ));
	KUNIT_EXPECT_EQ(test, SZ_8K, iommu_unmap_fast(owned->domain, IOVA,
						      SZ_8K, &gather));
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_stale(owned->dev), 2);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(owned->dev), 0);
	KUNIT_EXPECT_EQ(test, mock_iommu_prot(owned->dev, IOVA), -1);

	KUNIT_ASSERT_EQ(test, 0, map(owned, IOVA, 0, SZ_4K, IOMMU_READ));
	KUNIT_EXPECT_EQ(test, mock_iommu_take_errors(owned->iommu), 1);
	iommu_flush_iotlb_all(owned->domain);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_stale(owned->dev), 0);
	KUNIT_ASSERT_EQ(test, 0, map(owned, IOVA + SZ_4K, 0, SZ_4K,
				     IOMMU_READ));
	KUNIT_EXPECT_EQ(test, mock_iommu_take_errors(owned->iommu), 0);
	iommu_unmap(owned->domain, IOVA, SZ_8K);
}

static void mock_fails_test(struct kunit *test)
{
	struct owned *owned = make_owned(test, &(struct mock_iommu_shape){});
	struct mock_iommu *iommu = owned->iommu;

	mock_iommu_fail_nth(iommu, MOCK_IOMMU_MAP, 3);
	KUNIT_EXPECT_EQ(test, -ENOMEM, map(owned, IOVA, 0, 4 * SZ_4K,
					   IOMMU_READ));
	KUNIT_EXPECT_FALSE(test, mock_iommu_fail_nth(iommu, MOCK_IOMMU_MAP, 0));
	KUNIT_EXPECT_EQ(test, mock_iommu_counts(owned->dev).mapped, SZ_8K);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(owned->dev), 0);

	mock_iommu_fail_nth(iommu, MOCK_IOMMU_MAP, 5);
	KUNIT_EXPECT_EQ(test, 0, map(owned, IOVA, 0, 4 * SZ_4K, IOMMU_READ));
	KUNIT_EXPECT_TRUE(test, mock_iommu_fail_nth(iommu, MOCK_IOMMU_MAP, 0));
	mock_iommu_fail_nth(iommu, MOCK_IOMMU_UNMAP, 2);
	KUNIT_EXPECT_EQ(test, SZ_4K, iommu_unmap(owned->domain, IOVA,
						 4 * SZ_4K));
	mock_iommu_fail_nth(iommu, MOCK_IOMMU_UNMAP, 0);
	KUNIT_EXPECT_EQ(test, 3 * SZ_4K, iommu_unmap(owned->domain,
						     IOVA + SZ_4K, 3 * SZ_4K));

	mock_iommu_fail_nth(iommu, MOCK_IOMMU_SYNC_MAP, 1);
	KUNIT_EXPECT_EQ(test, -ENOMEM, map(owned, IOVA, 0, SZ_4K, IOMMU_READ));
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(owned->dev), 0);
}

static void mock_tables_test(struct kunit *test)
{
	struct mock_iommu_shape shape = { .has_tables = true };
	struct owned *owned = make_owned(test, &shape);
	struct iommu_iotlb_gather gather;

	/* As the strict way is */
	KUNIT_ASSERT_EQ(test, 0, map(owned, IOVA, 0, SZ_4K, IOMMU_READ));
	iommu_unmap(owned->domain, IOVA, SZ_4K);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_tables(owned->dev), 0);

	/* Freed too early: who does that is found at the next flush. */
	for (unsigned int i = 0; i < 2; i++) {
		iommu_iotlb_gather_init(&gather);
		gather.queued = true;
		KUNIT_ASSERT_EQ(test, 0, map(owned, IOVA, 0, SZ_4K,
					     IOMMU_READ));
		iommu_unmap_fast(owned->domain, IOVA, SZ_4K, &gather);
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_tables(owned->dev), 1);
		if (i)
			iommu_flush_iotlb_all(owned->domain);
		/* Frees the list, and invalidates nothing. */
		iommu_iotlb_sync(owned->domain, &gather);
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_tables(owned->dev), 0);
		iommu_flush_iotlb_all(owned->domain);
		KUNIT_EXPECT_EQ(test, mock_iommu_take_errors(owned->iommu),
				!i);
	}
}

static struct kunit_case iommu_mock_cases[] = {
	KUNIT_CASE(mock_translates_test),
	KUNIT_CASE(mock_page_sizes_test),
	KUNIT_CASE(mock_sees_mistakes_test),
	KUNIT_CASE(mock_sees_early_reuse_test),
	KUNIT_CASE(mock_fails_test),
	KUNIT_CASE(mock_tables_test),
	{}
};

static struct kunit_suite iommu_mock_suite = {
	.name = "iommu_mock",
	.test_cases = iommu_mock_cases,
};

kunit_test_suite(iommu_mock_suite);

MODULE_DESCRIPTION("KUnit tests of the mock IOMMU");
MODULE_LICENSE("GPL");
