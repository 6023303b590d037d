// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of devices that are attached to their domain at first use.
 *
 * A kernel that follows a crash finds devices that may still be running. An
 * IOMMU driver then leaves the old translation in place, and a device gets its
 * domain with its first mapping, whichever call makes that. The suite turns
 * this on as such a kernel does at boot.
 */

#include <kunit/test.h>
#include <linux/dma-iova.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iommu-dma.h>
#include <linux/jump_label.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>

#include "../../drivers/iommu/dma/domain.h"
#include "mock_iommu.h"

#define BASE		SZ_1M
#define NR_ADDRS	64

/* A first use: what it got is given back before it returns. */
struct way {
	const char *what;
	bool (*use)(struct device *dev, u8 *buffer);
};

static bool use_single(struct device *dev, u8 *buffer)
{
	dma_addr_t addr = dma_map_single(dev, buffer, SZ_4K, DMA_TO_DEVICE);

	if (dma_mapping_error(dev, addr))
		return false;
	dma_unmap_single(dev, addr, SZ_4K, DMA_TO_DEVICE);
	return true;
}

static bool use_resource(struct device *dev, u8 *buffer)
{
	dma_addr_t addr = dma_map_resource(dev, SZ_64M, SZ_4K,
					   DMA_BIDIRECTIONAL, 0);

	if (dma_mapping_error(dev, addr))
		return false;
	dma_unmap_resource(dev, addr, SZ_4K, DMA_BIDIRECTIONAL, 0);
	return true;
}

static bool use_sg(struct device *dev, u8 *buffer)
{
	struct scatterlist sg[2];

	sg_init_table(sg, 2);
	sg_set_buf(&sg[0], buffer, SZ_4K);
	sg_set_buf(&sg[1], buffer + SZ_8K, SZ_4K);
	if (!dma_map_sg(dev, sg, 2, DMA_TO_DEVICE))
		return false;
	dma_unmap_sg(dev, sg, 2, DMA_TO_DEVICE);
	return true;
}

static bool use_consistent(struct device *dev, gfp_t gfp, unsigned long attrs)
{
	dma_addr_t addr;
	void *cpu_addr = dma_alloc_attrs(dev, SZ_8K, &addr, gfp, attrs);

	if (!cpu_addr)
		return false;
	dma_free_attrs(dev, SZ_8K, cpu_addr, addr, attrs);
	return true;
}

static bool use_scattered(struct device *dev, u8 *buffer)
{
	return use_consistent(dev, GFP_KERNEL, DMA_ATTR_NO_WARN);
}

static bool use_contiguous(struct device *dev, u8 *buffer)
{
	return use_consistent(dev, GFP_KERNEL, DMA_ATTR_NO_WARN |
					       DMA_ATTR_FORCE_CONTIGUOUS);
}

static bool use_atomic(struct device *dev, u8 *buffer)
{
	return use_consistent(dev, GFP_ATOMIC, DMA_ATTR_NO_WARN);
}

static bool use_pages(struct device *dev, u8 *buffer)
{
	dma_addr_t addr;
	struct page *page = dma_alloc_pages(dev, SZ_8K, &addr, DMA_TO_DEVICE,
					    GFP_KERNEL | __GFP_NOWARN);

	if (!page)
		return false;
	dma_free_pages(dev, SZ_8K, page, addr, DMA_TO_DEVICE);
	return true;
}

static bool use_noncontiguous(struct device *dev, u8 *buffer)
{
	struct sg_table *sgt = dma_alloc_noncontiguous(dev, SZ_8K,
						       DMA_TO_DEVICE,
						       GFP_KERNEL, 0);

	if (!sgt)
		return false;
	dma_free_noncontiguous(dev, SZ_8K, sgt, DMA_TO_DEVICE);
	return true;
}

static bool use_linked(struct device *dev, u8 *buffer)
{
	phys_addr_t phys = virt_to_phys(buffer);
	struct dma_iova_state state;
	int err;

	if (!dma_iova_try_alloc(dev, &state, phys, SZ_8K))
		return false;
	err = dma_iova_link(dev, &state, phys, 0, SZ_8K, DMA_TO_DEVICE, 0);
	if (!err)
		err = dma_iova_sync(dev, &state, 0, SZ_8K);
	if (err)
		dma_iova_free(dev, &state);
	else
		dma_iova_destroy(dev, &state, SZ_8K, DMA_TO_DEVICE, 0);
	return !err;
}

static bool use_identity(struct device *dev, u8 *buffer)
{
	/* Somewhere in the aperture; nothing looks at the memory. */
	phys_addr_t phys = BASE + SZ_64K;

	if (iommu_dma_map_identity(dev, phys, SZ_4K))
		return false;
	iommu_dma_unmap_identity(dev, phys, SZ_4K);
	return true;
}

static const struct way ways[] = {
	{ "map a page", use_single },
	{ "map a resource", use_resource },
	{ "map a list", use_sg },
	{ "scattered memory", use_scattered },
	{ "contiguous memory", use_contiguous },
	{ "memory without sleeping", use_atomic },
	{ "pages", use_pages },
	{ "noncontiguous memory", use_noncontiguous },
	{ "link", use_linked },
	{ "map a device pool", use_identity },
};

static void way_to_desc(const struct way *way, char *desc)
{
	strscpy(desc, way->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(way, ways, way_to_desc);
MOCK_IOMMU_PARAM_TYPICAL(way)

static struct mock_iommu *make_iommu(struct kunit *test, bool attaches_late)
{
	return mock_iommu_create(test, &(struct mock_iommu_shape) {
		.aperture_start = BASE,
		.aperture_last = BASE + NR_ADDRS * SZ_4K - 1,
		.page_sizes = SZ_4K,
		.attaches_late = attaches_late,
	});
}

/* Nobody has an address, or all could not be handed out. */
static void check_all_free(struct kunit *test, struct device *dev, u8 *buffer)
{
	dma_addr_t *addrs = kunit_kcalloc(test, NR_ADDRS + 1, sizeof(*addrs),
					  GFP_KERNEL);
	unsigned int nr;

	KUNIT_ASSERT_NOT_NULL(test, addrs);
	nr = mock_iommu_exhaust(test, dev, buffer, SZ_4K, addrs, NR_ADDRS + 1);
	KUNIT_EXPECT_EQ(test, nr, NR_ADDRS);
	mock_iommu_unmap_all(dev, addrs, nr, SZ_4K);
}

/* The first use attaches, once; no other one does. */
static void attach_once_test(struct kunit *test)
{
	const struct way *way = mock_iommu_param(test);
	struct mock_iommu *iommu = make_iommu(test, true);
	u8 *buffer = mock_iommu_buffer(test, SZ_16K);
	struct device *dev = mock_iommu_device(test, iommu, "dev",
					       &(struct dma_kunit_shape){});

	KUNIT_ASSERT_TRUE(test, use_dma_iommu(dev));
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_attached(iommu), 0);
	KUNIT_EXPECT_TRUE(test, way->use(dev, buffer));
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_attached(iommu), 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(ways); i++)
		KUNIT_EXPECT_TRUE_MSG(test, ways[i].use(dev, buffer), "%s",
				      ways[i].what);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_attached(iommu), 1);
	check_all_free(test, dev, buffer);
}

/* Who can't be attached is refused, keeps nothing, and may try again. */
static void attach_refused_test(struct kunit *test)
{
	const struct way *way = mock_iommu_param(test);
	struct mock_iommu *iommu = make_iommu(test, true);
	u8 *buffer = mock_iommu_buffer(test, SZ_16K);
	struct device *dev = mock_iommu_device(test, iommu, "dev",
					       &(struct dma_kunit_shape){});

	for (unsigned int i = 0; i < 3; i++) {
		/* Each backend that has memory may try to map it. */
		mock_iommu_fail_nth(iommu, MOCK_IOMMU_ATTACH_ALL, 1);
		KUNIT_EXPECT_FALSE(test, way->use(dev, buffer));
		mock_iommu_fail_nth(iommu, MOCK_IOMMU_ATTACH_ALL, 0);
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_attached(iommu), 0);
	}
	KUNIT_EXPECT_TRUE(test, way->use(dev, buffer));
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_attached(iommu), 1);
	check_all_free(test, dev, buffer);
}

/* Where the IOMMU's driver does not put it off, it comes with the domain. */
static void attach_at_once_test(struct kunit *test)
{
	struct mock_iommu *iommu = make_iommu(test, false);
	u8 *buffer = mock_iommu_buffer(test, SZ_16K);
	struct device *dev = mock_iommu_device(test, iommu, "dev",
					       &(struct dma_kunit_shape){});

	KUNIT_EXPECT_EQ(test, mock_iommu_nr_attached(iommu), 1);
	KUNIT_EXPECT_TRUE(test, use_single(dev, buffer));
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_attached(iommu), 1);
}

/* What the IOMMU can really translate, intel-iommu says no sooner. */
static void attach_narrows_test(struct kunit *test)
{
	struct device *dev = mock_iommu_simple_device(test,
			&(struct mock_iommu_shape) {
				.attaches_late = true,
				.narrows_to = DMA_BIT_MASK(39),
			});
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	dma_addr_t addr;

	KUNIT_ASSERT_EQ(test, 0, dma_set_mask(dev, DMA_BIT_MASK(64)));
	addr = dma_map_single(dev, buffer, SZ_4K, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, addr));
	KUNIT_EXPECT_LE(test, addr, DMA_BIT_MASK(39));
	dma_unmap_single(dev, addr, SZ_4K, DMA_TO_DEVICE);
}

static int begin_after_crash(struct kunit_suite *suite)
{
	static_branch_enable(&dma_domain_attaches_late);
	return 0;
}

static void end_after_crash(struct kunit_suite *suite)
{
	static_branch_disable(&dma_domain_attaches_late);
}

static struct kunit_case iommu_attach_cases[] = {
	MOCK_IOMMU_CASE_PARAM_TYPICAL(attach_once_test, way),
	MOCK_IOMMU_CASE_PARAM_TYPICAL(attach_refused_test, way),
	MOCK_IOMMU_CASE_TYPICAL(attach_at_once_test),
	KUNIT_CASE(attach_narrows_test),
	{}
};

static struct kunit_suite iommu_attach_suite = {
	.name = "iommu_attach",
	.suite_init = begin_after_crash,
	.suite_exit = end_after_crash,
	.test_cases = iommu_attach_cases,
};

kunit_test_suite(iommu_attach_suite);

MODULE_DESCRIPTION("KUnit tests of devices that are attached at first use");
MODULE_LICENSE("GPL");
