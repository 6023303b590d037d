// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of IOMMUs whose driver does only a part of what one call asks for,
 * and of mappings that can't be ended.
 *
 * map_pages() and unmap_pages() say how much they did, and that may be one page,
 * or what is left of one of their tables. Whatever that is, the device has to see
 * all of a mapping, and nothing of it afterwards. If the IOMMU does not let go of
 * a mapping, its addresses are not to be given to anybody else.
 */

#include <kunit/test.h>
#include <linux/dma-iova.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "files.h"
#include "log.h"
#include "mock_iommu.h"

/* Kinds of drivers */
struct kind {
	const char *what;
	struct mock_iommu_shape shape;
};

static const struct kind kinds[] = {
	{ "as it is", {} },
	{ "as it is, lazy", { .domain_type = IOMMU_DOMAIN_DMA_FQ } },
	{ "one page a call", { .pages_per_call = 1 } },
	{ "three pages a call", { .pages_per_call = 3 } },
	{ "one page a call, lazy", {
		.pages_per_call = 1, .domain_type = IOMMU_DOMAIN_DMA_FQ } },
	{ "five pages of one size", {
		.pages_per_call = 5, .page_sizes = SZ_4K } },
};

static void kind_to_desc(const struct kind *kind, char *desc)
{
	strscpy(desc, kind->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(kind, kinds, kind_to_desc);
MOCK_IOMMU_PARAM(kind)

static struct mock_iommu *make_iommu(struct kunit *test)
{
	const struct kind *kind = mock_iommu_param(test);

	return mock_iommu_create(test, &kind->shape);
}

/* The same, with small pages alone: for tests that let the nth of them fail */
static struct mock_iommu *make_small_iommu(struct kunit *test)
{
	const struct kind *kind = mock_iommu_param(test);
	struct mock_iommu_shape shape = kind->shape;

	shape.page_sizes = SZ_4K;
	return mock_iommu_create(test, &shape);
}

static struct device *make_device(struct kunit *test, struct mock_iommu *iommu)
{
	return mock_iommu_device(test, iommu, "dev",
				 &(struct dma_kunit_shape){});
}

static void check_gone(struct kunit *test, struct device *dev)
{
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), 0);
}

/* All of a mapping */

static void partial_single_test(struct kunit *test)
{
	struct device *dev = make_device(test, make_iommu(test));
	u8 *buffer = mock_iommu_buffer(test, SZ_1M);

	mock_iommu_fill(buffer, SZ_1M, 1);
	for (size_t size = SZ_4K; size <= SZ_1M; size = size * 2 + SZ_4K) {
		dma_addr_t dma_addr = dma_map_single(dev, buffer + 8, size - 8,
						     DMA_TO_DEVICE);

		KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
		KUNIT_EXPECT_TRUE_MSG(test, mock_iommu_sees(dev, dma_addr,
							    buffer + 8,
							    size - 8),
				      "%zu bytes", size);
		dma_unmap_single(dev, dma_addr, size - 8, DMA_TO_DEVICE);
		check_gone(test, dev);
	}
}

/* Thirty pieces, some of which have to lie across the end of a table */
static void partial_list_test(struct kunit *test)
{
	struct device *dev = make_device(test, make_iommu(test));
	const unsigned int size = SZ_64K + SZ_32K;
	struct scatterlist sg[30], *segment;
	u8 *buffers[30];
	int i, nr;

	sg_init_table(sg, ARRAY_SIZE(sg));
	for (i = 0; i < ARRAY_SIZE(sg); i++) {
		/* With a page between, so that none is another's neighbour */
		buffers[i] = mock_iommu_buffer(test, size + SZ_4K);
		mock_iommu_fill(buffers[i], size, i);
		sg_set_buf(&sg[i], buffers[i], size);
	}
	for (unsigned int round = 0; round < 3; round++) {
		size_t done = 0;

		nr = dma_map_sg(dev, sg, ARRAY_SIZE(sg), DMA_TO_DEVICE);
		KUNIT_ASSERT_GT(test, nr, 0);
		for_each_sg(sg, segment, nr, i) {
			for (size_t at = 0; at < sg_dma_len(segment);
			     at += SZ_4K, done += SZ_4K)
				KUNIT_EXPECT_EQ(test,
						mock_iommu_phys(dev, sg_dma_address(segment) + at),
						virt_to_phys(buffers[done / size] +
							     done % size));
		}
		KUNIT_EXPECT_EQ(test, done, size * ARRAY_SIZE(sg));
		dma_unmap_sg(dev, sg, ARRAY_SIZE(sg), DMA_TO_DEVICE);
		check_gone(test, dev);
	}
}

static void partial_alloc_test(struct kunit *test)
{
	struct device *dev = make_device(test, make_iommu(test));
	struct sg_table *sgt;
	dma_addr_t dma_addr;
	u8 *cpu_addr;

	for (size_t size = SZ_4K; size <= SZ_4M; size *= 4) {
		cpu_addr = dma_alloc_coherent(dev, size + SZ_4K, &dma_addr,
					      GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
		mock_iommu_fill(cpu_addr, size + SZ_4K, 3);
		KUNIT_EXPECT_TRUE(test, mock_iommu_sees(dev, dma_addr, cpu_addr,
							size + SZ_4K));
		dma_free_coherent(dev, size + SZ_4K, cpu_addr, dma_addr);
		check_gone(test, dev);

		sgt = dma_alloc_noncontiguous(dev, size, DMA_TO_DEVICE,
					      GFP_KERNEL, 0);
		KUNIT_ASSERT_NOT_NULL(test, sgt);
		cpu_addr = dma_vmap_noncontiguous(dev, size, sgt);
		KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
		mock_iommu_fill(cpu_addr, size, 4);
		KUNIT_EXPECT_TRUE(test,
				  mock_iommu_sees(dev, sg_dma_address(sgt->sgl),
						  cpu_addr, size));
		dma_vunmap_noncontiguous(dev, cpu_addr);
		dma_free_noncontiguous(dev, size, sgt, DMA_TO_DEVICE);
		check_gone(test, dev);
	}
}

static void partial_resource_test(struct kunit *test)
{
	struct device *dev = make_device(test, make_iommu(test));
	phys_addr_t phys = mock_iommu_registers(test) + SZ_4K;
	dma_addr_t dma_addr = dma_map_resource(dev, phys, SZ_4M,
					       DMA_BIDIRECTIONAL, 0);

	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	for (size_t at = 0; at < SZ_4M; at += SZ_4K)
		KUNIT_EXPECT_EQ(test, mock_iommu_phys(dev, dma_addr + at),
				phys + at);
	dma_unmap_resource(dev, dma_addr, SZ_4M, DMA_BIDIRECTIONAL, 0);
	check_gone(test, dev);
}

#ifdef MOCK_IOMMU_IS_REWRITTEN
static void partial_link_test(struct kunit *test)
{
	struct device *dev = make_device(test, make_iommu(test));
	u8 *buffer = mock_iommu_buffer(test, SZ_1M);
	phys_addr_t phys = virt_to_phys(buffer);
	struct dma_iova_state state;

	mock_iommu_fill(buffer, SZ_1M, 7);
	KUNIT_ASSERT_TRUE(test, dma_iova_try_alloc(dev, &state, phys, 2 * SZ_1M));
	KUNIT_ASSERT_EQ(test, 0, dma_iova_link(dev, &state, phys, 0, SZ_1M,
					       DMA_TO_DEVICE, 0));
	KUNIT_ASSERT_EQ(test, 0, dma_iova_link(dev, &state, phys, SZ_1M, SZ_1M,
					       DMA_TO_DEVICE, 0));
	KUNIT_ASSERT_EQ(test, 0, dma_iova_sync(dev, &state, 0, 2 * SZ_1M));
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(dev, state.addr, buffer, SZ_1M));
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(dev, state.addr + SZ_1M, buffer,
						SZ_1M));
	dma_iova_unlink(dev, &state, SZ_1M, SZ_1M, DMA_TO_DEVICE, 0);
	KUNIT_EXPECT_FALSE(test, mock_iommu_sees(dev, state.addr + 2 * SZ_1M - 1,
						 buffer, 1));
	dma_iova_destroy(dev, &state, SZ_1M, DMA_TO_DEVICE, 0);
	check_gone(test, dev);
}
#else
static void partial_link_test(struct kunit *test)
{
	kunit_skip(test, "the tree's own code does not know it");
}
#endif

/* Any page may fail: nothing is mapped then, and the addresses are free. */
static void partial_fails_test(struct kunit *test)
{
	struct mock_iommu *iommu = make_small_iommu(test);
	struct device *dev = make_device(test, iommu);
	u8 *buffer = mock_iommu_buffer(test, SZ_128K);
	struct scatterlist sg[2];
	dma_addr_t dma_addr;
	bool is_beyond;

	sg_init_table(sg, ARRAY_SIZE(sg));
	sg_set_buf(&sg[0], buffer, SZ_32K);
	sg_set_buf(&sg[1], buffer + SZ_64K, SZ_32K);
	for (unsigned int nth = 1; nth <= 16; nth++) {
		mock_iommu_fail_nth(iommu, MOCK_IOMMU_MAP, nth);
		KUNIT_EXPECT_EQ(test, 0, dma_map_sg(dev, sg, ARRAY_SIZE(sg),
						    DMA_TO_DEVICE));
		check_gone(test, dev);
		mock_iommu_fail_nth(iommu, MOCK_IOMMU_MAP, nth);
		dma_addr = dma_map_single(dev, buffer + SZ_4K, SZ_64K - SZ_4K,
					  DMA_TO_DEVICE);
		is_beyond = mock_iommu_fail_nth(iommu, MOCK_IOMMU_MAP, 0);
		KUNIT_EXPECT_EQ(test, dma_mapping_error(dev, dma_addr) != 0,
				!is_beyond);
		if (!dma_mapping_error(dev, dma_addr))
			dma_unmap_single(dev, dma_addr, SZ_64K - SZ_4K,
					 DMA_TO_DEVICE);
		check_gone(test, dev);
	}
}

/* A driver that does nothing, and reports no error, has not mapped anything. */
static void partial_nothing_test(struct kunit *test)
{
	struct device *dev = mock_iommu_simple_device(test,
			&(struct mock_iommu_shape){ .maps_nothing = true });
	u8 *buffer = mock_iommu_buffer(test, SZ_128K);
	struct scatterlist sg;
	dma_addr_t dma_addr;

	sg_init_one(&sg, buffer, SZ_8K);
	for (size_t size = SZ_4K; size <= SZ_128K; size *= 2) {
		dma_kunit_expect_warn_begin();
		dma_addr = dma_map_single(dev, buffer, size, DMA_TO_DEVICE);
		KUNIT_EXPECT_EQ(test, dma_addr, DMA_MAPPING_ERROR);
		KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
	}
	dma_kunit_expect_warn_begin();
	KUNIT_EXPECT_EQ(test, 0, dma_map_sg(dev, &sg, 1, DMA_TO_DEVICE));
	KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
}

static struct kunit_case iommu_partial_cases[] = {
	MOCK_IOMMU_CASE_PARAM(partial_single_test, kind),
	MOCK_IOMMU_CASE_PARAM(partial_list_test, kind),
	MOCK_IOMMU_CASE_PARAM(partial_alloc_test, kind),
	MOCK_IOMMU_CASE_PARAM(partial_resource_test, kind),
	MOCK_IOMMU_CASE_PARAM(partial_link_test, kind),
	MOCK_IOMMU_CASE_PARAM(partial_fails_test, kind),
	MOCK_IOMMU_CASE_TYPICAL(partial_nothing_test),
	{}
};

static struct kunit_suite iommu_partial_suite = {
	.name = "iommu_partial",
	.test_cases = iommu_partial_cases,
};

/* Mappings that can't be ended */

#define BASE		SZ_1M
#define NR_PAGES	16

static const struct kind lost_kinds[] = {
	{ "strict", { .aperture_start = BASE,
		      .aperture_last = BASE + NR_PAGES * SZ_4K - 1 } },
	{ "lazy", { .aperture_start = BASE,
		    .aperture_last = BASE + NR_PAGES * SZ_4K - 1,
		    .domain_type = IOMMU_DOMAIN_DMA_FQ } },
};

KUNIT_ARRAY_PARAM(lost, lost_kinds, kind_to_desc);
MOCK_IOMMU_PARAM(lost)

/* How many pages can be mapped now; none of them is at @lost. */
static unsigned int nr_left(struct kunit *test, struct device *dev, void *page,
			    dma_addr_t lost)
{
	dma_addr_t addrs[NR_PAGES + 1];
	unsigned int nr = mock_iommu_exhaust(test, dev, page, SZ_4K, addrs,
					     ARRAY_SIZE(addrs));

	for (unsigned int i = 0; i < nr; i++)
		KUNIT_EXPECT_NE(test, addrs[i], lost);
	mock_iommu_unmap_all(dev, addrs, nr, SZ_4K);
	return nr;
}

/* For the end of the test: what the IOMMU kept goes. */
static void let_go(struct kunit *test, struct mock_iommu *iommu,
		   struct device *dev, dma_addr_t dma_addr, size_t size)
{
	mock_iommu_fail_nth(iommu, MOCK_IOMMU_UNMAP, 0);
	KUNIT_EXPECT_EQ(test, size, iommu_unmap(iommu_get_dma_domain(dev),
						dma_addr, size));
}

/* A domain that lost something is in the list that people read, and no other. */
static void check_listed(struct kunit *test, struct device *dev, size_t size)
{
	int group = iommu_group_id(dev->iommu_group);
	struct dma_kunit_files files;
	char text[512], line[32];

	if (!IS_ENABLED(CONFIG_DEBUG_FS))
		return;
	dma_kunit_files_open(test, &files);
	KUNIT_EXPECT_GT(test, dma_kunit_file_read(&files, "dma/iommu_lost", text,
						  sizeof(text)), 0);
	if (size)
		snprintf(line, sizeof(line), "\n%5d %10zu\n", group, size);
	else
		snprintf(line, sizeof(line), "\n%5d ", group);
	KUNIT_EXPECT_EQ_MSG(test, !strstr(text, line), !size, "%s in %s", line,
			    text);
	dma_kunit_files_close(&files);
}

static void lost_single_test(struct kunit *test)
{
	struct mock_iommu *iommu = make_iommu(test);
	struct device *dev = make_device(test, iommu);
	u8 *buffer = mock_iommu_buffer(test, SZ_8K);
	dma_addr_t dma_addr;
	char named[64];

	KUNIT_EXPECT_EQ(test, nr_left(test, dev, buffer, 0), NR_PAGES);
	dma_addr = dma_map_single(dev, buffer, SZ_4K, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	mock_iommu_fail_nth(iommu, MOCK_IOMMU_UNMAP, 1);
	dma_kunit_expect_warn_begin();
	dma_kunit_log_mark();
	dma_unmap_single(dev, dma_addr, SZ_4K, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("are not given back"), 1);
	snprintf(named, sizeof(named), "%s: 4096 of 4096 bytes", dev_name(dev));
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count(named), 1);
	KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
	mock_iommu_fail_nth(iommu, MOCK_IOMMU_UNMAP, 0);
	check_listed(test, dev, SZ_4K);
	for (unsigned int i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, nr_left(test, dev, buffer, dma_addr),
				NR_PAGES - 1);
	let_go(test, iommu, dev, dma_addr, SZ_4K);
}

/* Half of a mapping */
static void lost_part_test(struct kunit *test)
{
	struct mock_iommu *iommu = make_small_iommu(test);
	struct device *dev = make_device(test, iommu);
	u8 *buffer = mock_iommu_buffer(test, SZ_32K);
	struct scatterlist sg[2];
	dma_addr_t dma_addr;

	sg_init_table(sg, 2);
	sg_set_buf(&sg[0], buffer, SZ_8K);
	sg_set_buf(&sg[1], buffer + SZ_16K, SZ_8K);
	KUNIT_ASSERT_GT(test, dma_map_sg(dev, sg, 2, DMA_TO_DEVICE), 0);
	dma_addr = sg_dma_address(sg);
	mock_iommu_fail_nth(iommu, MOCK_IOMMU_UNMAP, 3);
	dma_kunit_expect_warn_begin();
	dma_unmap_sg(dev, sg, 2, DMA_TO_DEVICE);
	KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
	mock_iommu_fail_nth(iommu, MOCK_IOMMU_UNMAP, 0);
	/* What was unmapped is forgotten, addresses or not. */
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_stale(dev), 0);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), 2);
	check_listed(test, dev, SZ_16K);
	KUNIT_EXPECT_EQ(test, nr_left(test, dev, buffer, dma_addr),
			NR_PAGES - 4);
	let_go(test, iommu, dev, dma_addr + SZ_8K, SZ_8K);
}

/* Unmapped twice: no two mappings get that address, whatever the driver says. */
static void lost_twice_test(struct kunit *test)
{
	struct mock_iommu *iommu = make_iommu(test);
	struct device *dev = make_device(test, iommu);
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	dma_addr_t dma_addr;

	for (unsigned int i = 0; i < 3; i++) {
		dma_addr = dma_map_single(dev, buffer, SZ_4K, DMA_TO_DEVICE);
		KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
		dma_unmap_single(dev, dma_addr, SZ_4K, DMA_TO_DEVICE);
		dma_kunit_expect_warn_begin();
		dma_unmap_single(dev, dma_addr, SZ_4K, DMA_TO_DEVICE);
		KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
		KUNIT_EXPECT_EQ(test, mock_iommu_take_errors(iommu), 0);
		/* The mock tells of an address that is given out twice. */
		KUNIT_EXPECT_EQ(test, nr_left(test, dev, buffer, 0), NR_PAGES);
		KUNIT_EXPECT_EQ(test, mock_iommu_take_errors(iommu), 0);
	}
	check_listed(test, dev, 0);
}

/* With a hole between its segments as well */
static void lost_list_twice_test(struct kunit *test)
{
	static const unsigned long boundaries[] = { ULONG_MAX, SZ_16K - 1 };
	struct mock_iommu *iommu = make_iommu(test);
	struct device *dev = make_device(test, iommu);
	u8 *buffer = mock_iommu_buffer(test, SZ_32K);
	struct scatterlist sg[2];

	sg_init_table(sg, 2);
	sg_set_buf(&sg[0], buffer, SZ_8K + SZ_4K);
	sg_set_buf(&sg[1], buffer + SZ_16K, SZ_8K + SZ_4K);
	for (unsigned int i = 0; i < ARRAY_SIZE(boundaries); i++) {
		dma_set_seg_boundary(dev, boundaries[i]);
		KUNIT_ASSERT_EQ(test, i + 1, dma_map_sg(dev, sg, 2, DMA_TO_DEVICE));
		dma_unmap_sg(dev, sg, 2, DMA_TO_DEVICE);
		dma_kunit_expect_warn_begin();
		dma_unmap_sg(dev, sg, 2, DMA_TO_DEVICE);
		KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
		KUNIT_EXPECT_EQ(test, mock_iommu_take_errors(iommu), 0);
		KUNIT_EXPECT_EQ(test, nr_left(test, dev, buffer, 0), NR_PAGES);
		KUNIT_EXPECT_EQ(test, mock_iommu_take_errors(iommu), 0);
		check_listed(test, dev, 0);
	}
}

/* Memory of the layer's own is not freed while a device may write to it. */
static void lost_memory_test(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu_create(test,
					&(struct mock_iommu_shape){});
	struct device *dev = make_device(test, iommu);
	struct sg_table *sgt;
	dma_addr_t dma_addr;
	struct page *page;

	sgt = dma_alloc_noncontiguous(dev, SZ_16K, DMA_BIDIRECTIONAL,
				      GFP_KERNEL, 0);
	KUNIT_ASSERT_NOT_NULL(test, sgt);
	dma_addr = sg_dma_address(sgt->sgl);
	page = sg_page(sgt->sgl);
	get_page(page);
	mock_iommu_fail_nth(iommu, MOCK_IOMMU_UNMAP, 1);
	dma_kunit_expect_warn_begin();
	dma_free_noncontiguous(dev, SZ_16K, sgt, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
	KUNIT_EXPECT_EQ(test, page_count(page), 2);
	put_page(page);
	let_go(test, iommu, dev, dma_addr, SZ_16K);
}

static struct kunit_case iommu_lost_cases[] = {
	MOCK_IOMMU_CASE_PARAM(lost_single_test, lost),
	MOCK_IOMMU_CASE_PARAM(lost_part_test, lost),
	MOCK_IOMMU_CASE_PARAM(lost_twice_test, lost),
	MOCK_IOMMU_CASE_PARAM(lost_list_twice_test, lost),
	MOCK_IOMMU_CASE(lost_memory_test),
	{}
};

static struct kunit_suite iommu_lost_suite = {
	.name = "iommu_lost",
	.test_cases = iommu_lost_cases,
};

kunit_test_suites(&iommu_partial_suite, &iommu_lost_suite);

MODULE_DESCRIPTION("KUnit tests of IOMMUs that do only a part of a call");
MODULE_LICENSE("GPL");
