// SPDX-License-Identifier: GPL-2.0
/*
 * The shapes that tests of the mock IOMMU run over: see mock_iommu.h.
 *
 * Each is a row of Documentation/core-api/dma-iommu-drivers.rst, or several
 * that are alike. What no driver does, no shape does; but a shape does the worst
 * of what its drivers do, and its IOTLB holds each page from the moment it is
 * mapped.
 *
 * KUnit gives a case one pointer as its parameter. Here it is to the one variable
 * that says which shape it is, and which parameter of the case's own: cases run
 * one after the other.
 */

#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/kconfig.h>
#include <linux/moduleparam.h>
#include <linux/sizes.h>

#include "mock_iommu.h"
#include "mock_iommu_table.h"

/* As of a SMMU whose tables are of 4, 16 and 64 KiB */
#define SIZES_4K	(SZ_4K | SZ_2M | SZ_1G)
#define SIZES_16K	(SZ_16K | SZ_32M)
#define SIZES_64K	(SZ_64K | SZ_512M)
/* As of the short descriptors of ARM, which many took over */
#define SIZES_SHORT	(SZ_4K | SZ_64K | SZ_1M | SZ_16M)

static const struct mock_iommu_shape mock_iommu_shapes[] = {
	{
		/* What all of them could be like */
		.name = "ideal",
		.aperture_last = DMA_BIT_MASK(48),
		.page_sizes = SZ_4K | SZ_64K | SZ_2M,
		.is_told = true,
		.is_typical = true,
	}, {
		.name = "smmu-v3",
		.aperture_last = DMA_BIT_MASK(48),
		.page_sizes = SIZES_4K,
		.reach = MOCK_IOMMU_TABLE,
		.forget = MOCK_IOMMU_BY_PAGE,
		.is_typical = true,
	}, {
		.name = "smmu-v3, 16 KiB",
		.aperture_last = DMA_BIT_MASK(48),
		.page_sizes = SIZES_16K,
		.reach = MOCK_IOMMU_TABLE,
		.forget = MOCK_IOMMU_BY_PAGE,
	}, {
		.name = "smmu-v3, 64 KiB",
		.aperture_last = DMA_BIT_MASK(48),
		.page_sizes = SIZES_64K,
		.reach = MOCK_IOMMU_TABLE,
		.forget = MOCK_IOMMU_BY_PAGE,
	}, {
		/* To a kernel of 4 KiB pages as 4 KiB are to one of 64 KiB */
		.name = "smmu-v3, smaller pages than the CPU's",
		.aperture_last = DMA_BIT_MASK(48),
		.page_sizes = SZ_1K | SZ_128K,
		.reach = MOCK_IOMMU_TABLE,
		.forget = MOCK_IOMMU_BY_PAGE,
	}, {
		.name = "smmu-v2",
		.aperture_last = DMA_BIT_MASK(39),
		.page_sizes = SIZES_4K,
		.reach = MOCK_IOMMU_TABLE,
		.forget = MOCK_IOMMU_UNLESS_QUEUED,
		.is_typical = true,
	}, {
		.name = "qcom",
		.aperture_last = DMA_BIT_MASK(32),
		.page_sizes = SZ_4K,
		.reach = MOCK_IOMMU_TABLE,
		.forget = MOCK_IOMMU_UNLESS_QUEUED,
		.is_strict = true,
	}, {
		/* With as many addresses as 32-bit arm uses of it */
		.name = "ipmmu",
		.aperture_last = SZ_2G - 1,
		.page_sizes = SIZES_4K,
		.reach = MOCK_IOMMU_TABLE,
		.forget = MOCK_IOMMU_AT_SYNC,
		.is_strict = true,
	}, {
		.name = "apple-dart",
		.aperture_last = DMA_BIT_MASK(32),
		.page_sizes = SZ_16K,
		.reach = MOCK_IOMMU_TABLE,
		.forget = MOCK_IOMMU_AT_SYNC,
		.is_strict = true,
		.is_told = true,
	}, {
		.name = "exynos",
		.aperture_last = U64_MAX,
		.page_sizes = SZ_4K | SZ_64K | SZ_1M,
		.reach = MOCK_IOMMU_ONE,
		.forget = MOCK_IOMMU_AT_ONCE,
		.is_strict = true,
		.counts_missing = true,
		.is_typical = true,
	}, {
		/* 4 KiB to 4 MiB, all powers of two */
		.name = "rockchip",
		.aperture_last = DMA_BIT_MASK(32),
		.page_sizes = 0x7ff000,
		.reach = MOCK_IOMMU_ONE,
		.forget = MOCK_IOMMU_AT_ONCE,
		.is_strict = true,
	}, {
		.name = "tegra-smmu",
		.aperture_last = DMA_BIT_MASK(32),
		.page_sizes = SZ_4K,
		.reach = MOCK_IOMMU_ONE,
		.forget = MOCK_IOMMU_AT_ONCE,
		.is_strict = true,
	}, {
		.name = "sun50i",
		.aperture_last = DMA_BIT_MASK(32),
		.page_sizes = SZ_4K,
		.reach = MOCK_IOMMU_ONE,
		.forget = MOCK_IOMMU_AT_SYNC,
		.is_strict = true,
		.is_told = true,
	}, {
		.name = "sprd",
		.aperture_last = SZ_256M - 1,
		.page_sizes = SZ_4K,
		.forget = MOCK_IOMMU_AT_SYNC,
		.is_strict = true,
		.is_told = true,
		.counts_missing = true,
		.has_no_zero = true,
	}, {
		.name = "mediatek",
		.aperture_last = SZ_4G - SZ_8M - 1,
		.page_sizes = SIZES_SHORT,
		.forget = MOCK_IOMMU_BY_ANY_RANGE,
		.is_strict = true,
		.is_told = true,
	}, {
		.name = "s390",
		.aperture_last = DMA_BIT_MASK(42),
		.page_sizes = SZ_4K,
		.forget = MOCK_IOMMU_BY_ANY_RANGE,
		.is_told = true,
		.counts_missing = true,
	}, {
		.name = "intel",
		.aperture_last = DMA_BIT_MASK(48),
		.page_sizes = SIZES_4K,
		.forget = MOCK_IOMMU_BY_RANGE,
		.has_tables = true,
		.is_told = true,
		.counts_missing = true,
		.hides_part = true,
	}, {
		/* All powers of two up to 1 GiB, and all addresses */
		.name = "amd",
		.aperture_last = U64_MAX,
		.page_sizes = 0x7ffff000,
		.forget = MOCK_IOMMU_BY_ANY_RANGE,
		.counts_missing = true,
		.is_typical = true,
	}, {
		.name = "virtio",
		.aperture_last = U64_MAX,
		.page_sizes = 0x7ffff000,
		.forget = MOCK_IOMMU_AT_SYNC,
		.is_told = true,
		.keeps_whole = true,
		.is_typical = true,
	}, {
		.name = "io-pgtable-arm, as of a smmu-v3",
		.aperture_last = DMA_BIT_MASK(48),
		.page_sizes = SIZES_4K,
		.forget = MOCK_IOMMU_BY_PAGE,
		.format = MOCK_IOMMU_LPAE_S1,
		.is_typical = true,
	}, {
		.name = "io-pgtable-arm, as of a smmu-v3, 64 KiB",
		.aperture_last = DMA_BIT_MASK(48),
		.page_sizes = SIZES_64K,
		.forget = MOCK_IOMMU_BY_PAGE,
		.format = MOCK_IOMMU_LPAE_S1,
	}, {
		.name = "io-pgtable-arm, as of a smmu-v2",
		.aperture_last = DMA_BIT_MASK(39),
		.page_sizes = SIZES_4K,
		.forget = MOCK_IOMMU_UNLESS_QUEUED,
		.format = MOCK_IOMMU_LPAE_S1,
	}, {
		.name = "io-pgtable-arm, stage 2, 16 KiB",
		.aperture_last = DMA_BIT_MASK(40),
		.page_sizes = SIZES_16K,
		.forget = MOCK_IOMMU_UNLESS_QUEUED,
		.format = MOCK_IOMMU_LPAE_S2,
	}, {
		.name = "io-pgtable-arm, as of an ipmmu",
		.aperture_last = DMA_BIT_MASK(32),
		.page_sizes = SIZES_4K,
		.forget = MOCK_IOMMU_AT_SYNC,
		.format = MOCK_IOMMU_LPAE_32,
		.is_strict = true,
	}, {
		.name = "io-pgtable-arm-v7s, as of a smmu-v2",
		.aperture_last = DMA_BIT_MASK(32),
		.page_sizes = SIZES_SHORT,
		.forget = MOCK_IOMMU_UNLESS_QUEUED,
		.format = MOCK_IOMMU_V7S,
	},
};

/* The parameter of the case that runs */
static struct {
	const struct mock_iommu_shape *shape;
	const void *own;
	bool is_first;
	char own_desc[KUNIT_PARAM_DESC_SIZE];
} param;

/* Without shapes as parameters, the ideal IOMMU is all that a test asks for. */
static bool has_shapes(struct kunit *test)
{
	return test->param_value == &param;
}

/* One architecture with all of them will do: a shape is none of the CPU's affair. */
static bool all_shapes = IS_ENABLED(CONFIG_ARM64);
module_param(all_shapes, bool, 0444);
MODULE_PARM_DESC(all_shapes,
		 "Run over all kinds of IOMMU, not only over typical ones");

static const struct mock_iommu_shape *
next_shape(const struct mock_iommu_shape *shape, bool is_typical)
{
	const struct mock_iommu_shape *end = mock_iommu_shapes +
					     ARRAY_SIZE(mock_iommu_shapes);

	is_typical = is_typical || !all_shapes;
	shape = shape ? shape + 1 : mock_iommu_shapes;
	while (shape < end && is_typical && !shape->is_typical)
		shape++;
	return shape < end ? shape : NULL;
}

static const void *gen_shapes(const void *prev, char *desc, bool is_typical)
{
	param.own = NULL;
	param.shape = next_shape(prev ? param.shape : NULL, is_typical);
	if (!param.shape)
		return NULL;
	strscpy(desc, param.shape->name, KUNIT_PARAM_DESC_SIZE);
	return &param;
}

/**
 * mock_iommu_gen_shapes - all shapes, for KUNIT_CASE_PARAM()
 * @prev: what was returned before; NULL: nothing
 * @desc: filled in with the shape's name
 *
 * Context: process context.
 * Return: the parameter, or NULL.
 */
const void *mock_iommu_gen_shapes(const void *prev, char *desc)
{
	return gen_shapes(prev, desc, false);
}

/**
 * mock_iommu_gen_typical - one shape of each sort, for cases that take long
 * @prev: what was returned before; NULL: nothing
 * @desc: filled in with the shape's name
 *
 * Every &enum mock_iommu_reach and every &enum mock_iommu_forget is among them,
 * both with a flush queue where there can be one, and a page table of the tree's.
 *
 * Context: process context.
 * Return: the parameter, or NULL.
 */
const void *mock_iommu_gen_typical(const void *prev, char *desc)
{
	return gen_shapes(prev, desc, true);
}

/**
 * mock_iommu_gen_each - the parameters of a case's own, with shapes
 * @prev: what was returned before; NULL: nothing
 * @desc: filled in
 * @gen: gives the case's own parameters
 * @is_typical: only with the typical shapes
 *
 * The first of them goes with all shapes. What the others add to it differs from
 * one sort of IOMMU to the next, if it differs at all: they go with the typical
 * ones, for all with all would take hours.
 *
 * Context: process context.
 * Return: the parameter, or NULL.
 */
const void *mock_iommu_gen_each(const void *prev, char *desc,
				const void *(*gen)(const void *prev, char *desc),
				bool is_typical)
{
	const struct mock_iommu_shape *shape = NULL;

	if (prev)
		shape = next_shape(param.shape, is_typical || !param.is_first);
	if (!shape) {
		param.is_first = !prev;
		param.own_desc[0] = '\0';
		param.own = gen(prev ? param.own : NULL, param.own_desc);
		if (!param.own)
			return NULL;
		shape = next_shape(NULL, is_typical || !param.is_first);
	}
	param.shape = shape;
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s; %s", param.own_desc,
		 shape->name);
	return &param;
}

/**
 * mock_iommu_param - a case's own parameter
 * @test: the test
 *
 * Context: any.
 * Return: what test->param_value would be without shapes.
 */
const void *mock_iommu_param(struct kunit *test)
{
	return has_shapes(test) ? param.own : test->param_value;
}

/**
 * mock_iommu_shape_of - the shape that a test runs with
 * @test: the test
 *
 * Context: any.
 * Return: the shape, before the test's wishes are laid over it.
 */
const struct mock_iommu_shape *mock_iommu_shape_of(struct kunit *test)
{
	return has_shapes(test) ? param.shape : mock_iommu_shapes;
}

/**
 * mock_iommu_rounds - how often a test shall do what takes long
 * @test: the test
 * @nr: how often on the ideal IOMMU
 *
 * Context: any.
 * Return: @nr there, and a quarter of that on each other shape.
 */
unsigned long mock_iommu_rounds(struct kunit *test, unsigned long nr)
{
	return mock_iommu_shape_of(test) == mock_iommu_shapes ? nr : nr / 4;
}

static bool is_configured(enum mock_iommu_format format)
{
	switch (format) {
	case MOCK_IOMMU_OWN:
		return true;
	case MOCK_IOMMU_V7S:
		return IS_ENABLED(CONFIG_IOMMU_IO_PGTABLE_ARMV7S);
	default:
		return IS_ENABLED(CONFIG_IOMMU_IO_PGTABLE_LPAE);
	}
}

/* A format has the page sizes it has; the mock's own table takes any. */
static void lay_page_sizes(struct kunit *test, struct mock_iommu_shape *shape,
			   const struct mock_iommu_shape *wish)
{
	unsigned long granule = shape->page_sizes & -shape->page_sizes;
	unsigned long wanted = wish->granule ?: SZ_4K;

	if (!wish->page_sizes) {
		if (wanted != MOCK_IOMMU_ANY && wanted != granule)
			kunit_skip(test, "needs pages of %#lx bytes, these are of %#lx",
				   wanted, granule);
		return;
	}
	if (has_shapes(test) &&
	    ((wish->page_sizes & -wish->page_sizes) != granule ||
	     (shape->format && wish->page_sizes & ~shape->page_sizes)))
		kunit_skip(test, "needs page sizes %#lx, these are %#lx",
			   wish->page_sizes, shape->page_sizes);
	shape->page_sizes = wish->page_sizes;
}

static void lay_aperture(struct kunit *test, struct mock_iommu_shape *shape,
			 const struct mock_iommu_shape *wish)
{
	if (has_shapes(test) &&
	    (wish->aperture_start > shape->aperture_last ||
	     wish->aperture_last > shape->aperture_last))
		kunit_skip(test, "needs addresses up to %pad, these end at %pad",
			   &wish->aperture_last, &shape->aperture_last);
	if (wish->aperture_start)
		shape->aperture_start = wish->aperture_start;
	if (wish->aperture_last)
		shape->aperture_last = wish->aperture_last;
}

/**
 * mock_iommu_lay_over - lay a test's wishes over the shape that it runs with
 * @test: the test; skipped if the shape can't be so
 * @wish: what the test needs; what is 0 may be anything
 *
 * Context: process context.
 * Return: the shape.
 */
struct mock_iommu_shape mock_iommu_lay_over(struct kunit *test,
					    const struct mock_iommu_shape *wish)
{
	struct mock_iommu_shape shape = *mock_iommu_shape_of(test);

	if (!is_configured(shape.format))
		kunit_skip(test, "this format is not configured");
	if (wish->domain_type == IOMMU_DOMAIN_DMA_FQ && shape.is_strict)
		kunit_skip(test, "needs a flush queue, it can't put anything off");
	if (wish->has_tables && shape.forget == MOCK_IOMMU_AT_ONCE)
		kunit_skip(test, "needs an iotlb_sync() that frees tables");
	if (wish->maps_nothing && shape.format)
		kunit_skip(test, "its page table does what it is asked for");
	if (wish->is_open && shape.format)
		kunit_skip(test, "needs an aperture that is not forced");
	lay_page_sizes(test, &shape, wish);
	lay_aperture(test, &shape, wish);
	if (wish->syncs_at_once)
		shape.forget = MOCK_IOMMU_UNLESS_QUEUED;
	shape.pages_per_call = wish->pages_per_call;
	shape.maps_nothing = wish->maps_nothing;
	shape.domain_type = wish->domain_type ?: IOMMU_DOMAIN_DMA;
	shape.regions = wish->regions;
	shape.is_open = wish->is_open;
	shape.is_strict |= wish->is_strict;
	shape.has_one_group = wish->has_one_group;
	shape.shadows_on_flush = wish->shadows_on_flush;
	shape.has_tables |= wish->has_tables;
	shape.keeps_msi = wish->keeps_msi;
	shape.attaches_late = wish->attaches_late;
	shape.narrows_to = wish->narrows_to;
	return shape;
}
