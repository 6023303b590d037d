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

static size_t map_pages(struct owned *owned, unsigned long iova, size_t granule,
			size_t count)
{
	size_t mapped = 0;

	if (owned->domain->ops->map_pages(owned->domain, iova,
					  virt_to_phys(owned->buffer), granule,
					  count, IOMMU_READ, GFP_KERNEL,
					  &mapped))
		return 0;
	return mapped / granule;
}

static size_t unmap_pages(struct owned *owned, unsigned long iova,
			  size_t granule, size_t count,
			  struct iommu_iotlb_gather *gather)
{
	return owned->domain->ops->unmap_pages(owned->domain, iova, granule,
					       count, gather) / granule;
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

/*
 * What the shapes differ in. Those with a page table of the tree's have to do
 * what the mock does for that driver: else the mock would be wrong about it.
 */

static bool is_lpae(const struct mock_iommu_shape *shape)
{
	return shape->format && shape->format != MOCK_IOMMU_V7S;
}

/* How many of five pages, with the end of a table behind the third */
static size_t reach_of(const struct mock_iommu_shape *shape)
{
	if (shape->reach == MOCK_IOMMU_ONE)
		return 1;
	return shape->reach == MOCK_IOMMU_TABLE || is_lpae(shape) ? 3 : 5;
}

static void mock_reach_test(struct kunit *test)
{
	const struct mock_iommu_shape *shape = mock_iommu_shape_of(test);
	size_t granule = mock_iommu_granule(test), reach = reach_of(shape);
	size_t table = granule * (granule / sizeof(u64));
	struct owned *owned = make_owned(test, &(struct mock_iommu_shape) {
						.granule = MOCK_IOMMU_ANY,
					 });
	unsigned long iova = 2 * table - 3 * granule;
	struct iommu_iotlb_gather gather;
	size_t done = 0, step;

	iommu_iotlb_gather_init(&gather);
	KUNIT_EXPECT_EQ(test, map_pages(owned, iova, granule, 5), reach);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(owned->dev), reach);
	for (size_t i = reach; i < 5; i++)
		KUNIT_EXPECT_EQ(test, map_pages(owned, iova + i * granule,
						granule, 1), 1);
	KUNIT_EXPECT_EQ(test, unmap_pages(owned, iova, granule, 5, &gather),
			reach);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(owned->dev), 5 - reach);
	for (done = reach; done < 5; done += step) {
		step = unmap_pages(owned, iova + done * granule, granule,
				   5 - done, &gather);
		KUNIT_ASSERT_GE(test, step, 1);
	}
	iommu_iotlb_sync(owned->domain, &gather);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_stale(owned->dev), 0);
}

/* What is left of two pages after they were unmapped, and after the sync */
static void forget_of(enum mock_iommu_forget forget, bool is_queued,
		      unsigned int *unmapped, unsigned int *synced)
{
	*unmapped = forget == MOCK_IOMMU_AT_ONCE ? 0 : 2;
	*synced = is_queued && (forget == MOCK_IOMMU_BY_RANGE ||
				forget == MOCK_IOMMU_BY_PAGE ||
				forget == MOCK_IOMMU_UNLESS_QUEUED) ? 2 : 0;
}

static void mock_forget_test(struct kunit *test)
{
	const struct mock_iommu_shape *shape = mock_iommu_shape_of(test);
	size_t granule = mock_iommu_granule(test);
	struct owned *owned = make_owned(test, &(struct mock_iommu_shape) {
						.granule = MOCK_IOMMU_ANY,
					 });

	for (unsigned int is_queued = 0; is_queued < 2; is_queued++) {
		/* So that two pages of the smallest size it is */
		unsigned long iova = (SZ_1M << is_queued) + granule;
		struct iommu_iotlb_gather gather;
		unsigned int unmapped, synced;

		forget_of(shape->forget, is_queued, &unmapped, &synced);
		KUNIT_ASSERT_EQ(test, 0, map(owned, iova, granule, 2 * granule,
					     IOMMU_READ));
		iommu_iotlb_gather_init(&gather);
		gather.queued = is_queued;
		KUNIT_EXPECT_EQ(test, 2 * granule,
				iommu_unmap_fast(owned->domain, iova,
						 2 * granule, &gather));
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_stale(owned->dev),
				unmapped);
		iommu_iotlb_sync(owned->domain, &gather);
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_stale(owned->dev), synced);
		iommu_flush_iotlb_all(owned->domain);
		/* It has freed tables that waited for this. */
		if (is_queued && shape->has_tables)
			KUNIT_EXPECT_GE(test,
					mock_iommu_take_errors(owned->iommu), 1);
		/* Who can't defer need not flush. */
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_stale(owned->dev),
				shape->is_strict ? synced : 0);
	}
}

/* Only a page that the IOMMU was told of is seen. */
static void mock_told_test(struct kunit *test)
{
	const struct mock_iommu_shape *shape = mock_iommu_shape_of(test);
	size_t granule = mock_iommu_granule(test);
	struct owned *owned = make_owned(test, &(struct mock_iommu_shape) {
						.granule = MOCK_IOMMU_ANY,
					 });
	struct iommu_domain *domain = owned->domain;

	KUNIT_ASSERT_EQ(test, map_pages(owned, SZ_1M, granule, 1), 1);
	KUNIT_EXPECT_EQ(test, mock_iommu_sees(owned->dev, SZ_1M, owned->buffer,
					      granule), !shape->is_told);
	if (domain->ops->iotlb_sync_map)
		KUNIT_EXPECT_EQ(test, 0,
				domain->ops->iotlb_sync_map(domain, SZ_1M,
							    granule));
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(owned->dev, SZ_1M,
						owned->buffer, granule));
	KUNIT_EXPECT_EQ(test, granule, iommu_unmap(domain, SZ_1M, granule));
}

/* What one call mapped goes as a whole, or not at all. */
static void mock_whole_test(struct kunit *test)
{
	struct owned *owned = make_owned(test, &(struct mock_iommu_shape){});

	if (!mock_iommu_shape_of(test)->keeps_whole)
		kunit_skip(test, "any part can be unmapped");
	KUNIT_ASSERT_EQ(test, map_pages(owned, SZ_1M, SZ_4K, 4), 4);
	KUNIT_EXPECT_EQ(test, 0, iommu_unmap(owned->domain, SZ_1M + SZ_4K,
					     SZ_4K));
	KUNIT_EXPECT_EQ(test, mock_iommu_take_errors(owned->iommu), 1);
	KUNIT_EXPECT_EQ(test, SZ_16K, iommu_unmap(owned->domain, SZ_1M, SZ_4K));
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(owned->dev), 0);
}

/* A call of the DMA API is over, and the IOTLB has a page of it. */
static void mock_sees_unforgotten_test(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu_create(test,
					&(struct mock_iommu_shape){});
	struct device *dev = mock_iommu_device(test, iommu, "dev",
					       &(struct dma_kunit_shape){});
	struct iommu_domain *domain = iommu_get_dma_domain(dev);
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	struct iommu_iotlb_gather gather;
	dma_addr_t dma_addr;

	dma_addr = dma_map_single(dev, buffer, SZ_4K, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	iommu_iotlb_gather_init(&gather);
	gather.queued = true;
	KUNIT_EXPECT_EQ(test, SZ_4K, iommu_unmap_fast(domain, dma_addr, SZ_4K,
						      &gather));
	mock_iommu_check_unmapped(dev, dma_addr, dma_addr + SZ_4K - 1);
	KUNIT_EXPECT_EQ(test, mock_iommu_take_errors(iommu), 1);
	iommu_flush_iotlb_all(domain);
	mock_iommu_check_unmapped(dev, dma_addr, dma_addr + SZ_4K - 1);
	KUNIT_EXPECT_EQ(test, mock_iommu_take_errors(iommu), 0);
	KUNIT_EXPECT_EQ(test, 0, iommu_map(domain, dma_addr,
					   virt_to_phys(buffer), SZ_4K,
					   IOMMU_READ, GFP_KERNEL));
	dma_unmap_single(dev, dma_addr, SZ_4K, DMA_TO_DEVICE);
}

static struct kunit_case iommu_mock_cases[] = {
	MOCK_IOMMU_CASE(mock_reach_test),
	MOCK_IOMMU_CASE(mock_forget_test),
	MOCK_IOMMU_CASE(mock_told_test),
	MOCK_IOMMU_CASE(mock_whole_test),
	KUNIT_CASE_SLOW(mock_sees_unforgotten_test),
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
