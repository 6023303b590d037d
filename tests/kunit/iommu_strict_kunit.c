// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of IOMMUs that invalidate while they unmap.
 *
 * Some drivers invalidate in unmap_pages() itself, unless they are told that the
 * invalidation is put off, and have nothing to do in iotlb_sync(). Where nothing
 * is put off, no device may get at what was unmapped: the mock has no stale page
 * as soon as an unmap returns.
 */

#include <kunit/test.h>
#include <linux/dma-iova.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>

#include "mock_iommu.h"

struct kind {
	const char *what;
	struct mock_iommu_shape shape;
};

static const struct kind kinds[] = {
	{ "as it is", {} },
	{ "at the end, with tables", { .has_tables = true } },
	{ "page by page", { .syncs_at_once = true } },
	{ "page by page, in parts", { .syncs_at_once = true,
				      .pages_per_call = 1 } },
	{ "one that can't put it off", { .is_strict = true } },
};

static void kind_to_desc(const struct kind *kind, char *desc)
{
	strscpy(desc, kind->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(kind, kinds, kind_to_desc);
MOCK_IOMMU_PARAM(kind)

static struct device *make_device(struct kunit *test, unsigned int type)
{
	const struct kind *kind = mock_iommu_param(test);
	struct mock_iommu_shape shape = kind->shape;

	shape.domain_type = type;
	return mock_iommu_simple_device(test, &shape);
}

static void check_forgotten(struct kunit *test, struct device *dev,
			    const char *what)
{
	KUNIT_EXPECT_EQ_MSG(test, mock_iommu_nr_stale(dev), 0, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, mock_iommu_nr_mapped(dev), 0, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, mock_iommu_nr_tables(dev), 0, "%s", what);
}

static void strict_single_test(struct kunit *test)
{
	struct device *dev = make_device(test, IOMMU_DOMAIN_DMA);
	u8 *buffer = mock_iommu_buffer(test, SZ_256K);
	dma_addr_t dma_addr;

	for (size_t size = SZ_4K; size <= SZ_256K; size *= 2) {
		dma_addr = dma_map_single(dev, buffer, size, DMA_TO_DEVICE);
		KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
		dma_unmap_single(dev, dma_addr, size, DMA_TO_DEVICE);
		check_forgotten(test, dev, "a buffer");
		dma_addr = dma_map_resource(dev, mock_iommu_registers(test),
					    size, DMA_TO_DEVICE, 0);
		KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
		dma_unmap_resource(dev, dma_addr, size, DMA_TO_DEVICE, 0);
		check_forgotten(test, dev, "registers");
	}
}

static void strict_list_test(struct kunit *test)
{
	struct device *dev = make_device(test, IOMMU_DOMAIN_DMA);
	u8 *buffer = mock_iommu_buffer(test, SZ_256K);
	struct scatterlist sg[8];

	sg_init_table(sg, ARRAY_SIZE(sg));
	for (unsigned int i = 0; i < ARRAY_SIZE(sg); i++)
		sg_set_buf(&sg[i], buffer + i * SZ_32K, SZ_4K * (i + 1) - 64);
	for (unsigned int nr = 1; nr <= ARRAY_SIZE(sg); nr++) {
		KUNIT_ASSERT_GT(test, dma_map_sg(dev, sg, nr, DMA_TO_DEVICE), 0);
		dma_unmap_sg(dev, sg, nr, DMA_TO_DEVICE);
		check_forgotten(test, dev, "a list");
	}
}

static void strict_alloc_test(struct kunit *test)
{
	struct device *dev = make_device(test, IOMMU_DOMAIN_DMA);
	dma_addr_t dma_addr;
	void *cpu_addr;

	for (size_t size = SZ_4K; size <= SZ_1M; size *= 4) {
		cpu_addr = dma_alloc_coherent(dev, size, &dma_addr, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
		dma_free_coherent(dev, size, cpu_addr, dma_addr);
		check_forgotten(test, dev, "consistent memory");
	}
}

#ifdef MOCK_IOMMU_IS_REWRITTEN
/* What is unlinked may be linked again: in a lazy domain as well. */
static void check_unlink(struct kunit *test, unsigned int type)
{
	struct device *dev = make_device(test, type);
	u8 *buffer = mock_iommu_buffer(test, SZ_64K);
	phys_addr_t phys = virt_to_phys(buffer);
	struct dma_iova_state state;

	KUNIT_ASSERT_TRUE(test, dma_iova_try_alloc(dev, &state, phys, SZ_64K));
	for (size_t size = SZ_4K; size <= SZ_64K; size *= 2) {
		KUNIT_ASSERT_EQ(test, 0, dma_iova_link(dev, &state, phys, 0,
						       size, DMA_TO_DEVICE, 0));
		dma_iova_unlink(dev, &state, 0, size, DMA_TO_DEVICE, 0);
		check_forgotten(test, dev, "a link");
	}
	dma_iova_free(dev, &state);
}
#else
static void check_unlink(struct kunit *test, unsigned int type)
{
	kunit_skip(test, "the tree's own code does not know it");
}
#endif

static void strict_unlink_test(struct kunit *test)
{
	check_unlink(test, IOMMU_DOMAIN_DMA);
}

static void lazy_unlink_test(struct kunit *test)
{
	check_unlink(test, IOMMU_DOMAIN_DMA_FQ);
}

/* A mapping that is undone, too */
static void strict_fails_test(struct kunit *test)
{
	const struct kind *kind = mock_iommu_param(test);
	bool is_told = mock_iommu_shape_of(test)->is_told;
	struct mock_iommu_shape shape = kind->shape;
	struct mock_iommu *iommu;
	struct device *dev;
	u8 *buffer = mock_iommu_buffer(test, SZ_64K);
	dma_addr_t dma_addr;

	/* Small pages alone, of which the nth fails */
	shape.page_sizes = SZ_4K;
	iommu = mock_iommu_create(test, &shape);
	dev = mock_iommu_device(test, iommu, "dev",
				&(struct dma_kunit_shape){});
	for (unsigned int nth = 1; nth <= 8; nth++) {
		mock_iommu_fail_nth(iommu, MOCK_IOMMU_MAP, nth);
		dma_addr = dma_map_single(dev, buffer + SZ_4K, SZ_32K,
					  DMA_TO_DEVICE);
		KUNIT_EXPECT_EQ(test, dma_addr, DMA_MAPPING_ERROR);
		check_forgotten(test, dev, "a part");
		if (!is_told)
			continue;
		mock_iommu_fail_nth(iommu, MOCK_IOMMU_SYNC_MAP, 1);
		dma_addr = dma_map_single(dev, buffer, SZ_4K * nth,
					  DMA_TO_DEVICE);
		KUNIT_EXPECT_EQ(test, dma_addr, DMA_MAPPING_ERROR);
		check_forgotten(test, dev, "what was not told");
	}
}

static struct kunit_case iommu_strict_cases[] = {
	MOCK_IOMMU_CASE_PARAM(strict_single_test, kind),
	MOCK_IOMMU_CASE_PARAM(strict_list_test, kind),
	MOCK_IOMMU_CASE_PARAM(strict_alloc_test, kind),
	MOCK_IOMMU_CASE_PARAM(strict_unlink_test, kind),
	MOCK_IOMMU_CASE_PARAM(lazy_unlink_test, kind),
	MOCK_IOMMU_CASE_PARAM(strict_fails_test, kind),
	{}
};

static struct kunit_suite iommu_strict_suite = {
	.name = "iommu_strict",
	.test_cases = iommu_strict_cases,
};

kunit_test_suite(iommu_strict_suite);

MODULE_DESCRIPTION("KUnit tests of IOMMUs that invalidate while they unmap");
MODULE_LICENSE("GPL");
