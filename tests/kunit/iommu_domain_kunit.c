// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of setting up the DMA API behind an IOMMU: which addresses a
 * device gets, and which devices do not get any.
 *
 * Apertures are small, so that a test can take every address there is and look
 * at each of them.
 */

#include <kunit/test.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/iommu-dma.h>
#include <linux/sizes.h>

#include "log.h"
#include "mock_iommu.h"

#define MAX_ADDRS	256

/* All addresses of a device, one page each */
struct taken {
	struct device *dev;
	unsigned int nr;
	dma_addr_t addrs[MAX_ADDRS];
};

static struct taken *take_all(struct kunit *test, struct device *dev)
{
	struct taken *taken = kunit_kzalloc(test, sizeof(*taken), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, taken);
	taken->dev = dev;
	taken->nr = mock_iommu_exhaust(test, dev,
				       mock_iommu_buffer(test, PAGE_SIZE),
				       PAGE_SIZE, taken->addrs, MAX_ADDRS);
	return taken;
}

static void give_all(struct taken *taken)
{
	mock_iommu_unmap_all(taken->dev, taken->addrs, taken->nr, PAGE_SIZE);
}

static void check_between(struct kunit *test, struct taken *taken,
			  dma_addr_t first, dma_addr_t last)
{
	for (unsigned int i = 0; i < taken->nr; i++) {
		KUNIT_EXPECT_GE(test, taken->addrs[i], first);
		KUNIT_EXPECT_LE(test, taken->addrs[i] + PAGE_SIZE - 1, last);
	}
}

static void check_outside(struct kunit *test, struct taken *taken,
			  dma_addr_t start, size_t size)
{
	for (unsigned int i = 0; i < taken->nr; i++)
		KUNIT_EXPECT_TRUE_MSG(test,
				      taken->addrs[i] + PAGE_SIZE <= start ||
				      taken->addrs[i] >= start + size,
				      "%pad", &taken->addrs[i]);
}

static void check_works(struct kunit *test, struct device *dev)
{
	u8 *buffer = mock_iommu_buffer(test, SZ_8K);
	dma_addr_t dma_addr;

	mock_iommu_fill(buffer, SZ_8K, 3);
	dma_addr = dma_map_single(dev, buffer, SZ_8K, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(dev, dma_addr, buffer, SZ_8K));
	dma_unmap_single(dev, dma_addr, SZ_8K, DMA_TO_DEVICE);
}

static void check_is_direct(struct kunit *test, struct device *dev)
{
	u8 *buffer = mock_iommu_buffer(test, SZ_8K);
	dma_addr_t dma_addr;

	KUNIT_EXPECT_FALSE(test, use_dma_iommu(dev));
	dma_addr = dma_map_single(dev, buffer + 9, SZ_4K, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	KUNIT_EXPECT_EQ(test, dma_addr,
			phys_to_dma(dev, virt_to_phys(buffer + 9)));
	dma_unmap_single(dev, dma_addr, SZ_4K, DMA_TO_DEVICE);
}

static void domain_route_test(struct kunit *test)
{
	struct device *dev = mock_iommu_simple_device(test,
					&(struct mock_iommu_shape){});
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	KUNIT_EXPECT_TRUE(test, use_dma_iommu(dev));
	KUNIT_ASSERT_NOT_NULL(test, domain);
	KUNIT_EXPECT_EQ(test, domain->type, IOMMU_DOMAIN_DMA);
	check_works(test, dev);
}

static void domain_facts_test(struct kunit *test)
{
	struct device *dev = mock_iommu_simple_device(test,
					&(struct mock_iommu_shape){});

	KUNIT_EXPECT_EQ(test, dma_get_merge_boundary(dev), SZ_4K - 1);
	KUNIT_EXPECT_EQ(test, dma_max_mapping_size(dev), SIZE_MAX);
	KUNIT_EXPECT_EQ(test, dma_opt_mapping_size(dev), 32 * PAGE_SIZE);
	KUNIT_EXPECT_GE(test, dma_get_required_mask(dev), DMA_BIT_MASK(32));
	/* Memory above 4 GiB is no reason to bounce. */
	KUNIT_EXPECT_EQ(test, 0, dma_set_mask_and_coherent(dev,
							   DMA_BIT_MASK(32)));
	KUNIT_EXPECT_FALSE(test, dma_addressing_limited(dev));
	KUNIT_EXPECT_EQ(test, 0, dma_set_mask_and_coherent(dev,
							   DMA_BIT_MASK(24)));
}

/* Apertures */

struct aperture {
	const char *what;
	dma_addr_t start;
	dma_addr_t last;
	unsigned int nr_pages;
};

static const struct aperture apertures[] = {
	/* Address 0 looks like no address to many a driver. */
	{ "from 0 on", 0, SZ_256K - 1, 63 },
	{ "one page", SZ_4K, SZ_8K - 1, 1 },
	{ "low", SZ_1M, SZ_1M + SZ_256K - 1, 64 },
	{ "across 4 GiB", SZ_4G - SZ_64K, SZ_4G + SZ_64K - 1, 32 },
	{ "above 4 GiB", SZ_8G, SZ_8G + SZ_256K - 1, 64 },
	{ "odd", SZ_1M + SZ_4K, SZ_1M + 8 * SZ_4K - 1, 7 },
	{ "end of 48 bits", BIT_ULL(48) - SZ_128K, BIT_ULL(48) - 1, 32 },
};

static void aperture_to_desc(const struct aperture *aperture, char *desc)
{
	strscpy(desc, aperture->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(aperture, apertures, aperture_to_desc);
MOCK_IOMMU_PARAM_TYPICAL(aperture)

static void domain_aperture_test(struct kunit *test)
{
	const struct aperture *aperture = mock_iommu_param(test);
	struct device *dev = mock_iommu_simple_device(test,
			&(struct mock_iommu_shape) {
				.aperture_start = aperture->start,
				.aperture_last = aperture->last,
			});
	struct taken *taken;

	/* All of it, and after it was given back all of it again */
	for (unsigned int round = 0; round < 3; round++) {
		taken = take_all(test, dev);
		KUNIT_EXPECT_EQ(test, taken->nr, aperture->nr_pages);
		check_between(test, taken, max_t(u64, aperture->start, SZ_4K),
			      aperture->last);
		give_all(taken);
	}
}

/* Masks */

struct mask {
	const char *what;
	u64 mask;
	u64 bus_limit;
	u64 last;
};

static const struct mask masks[] = {
	{ "64 bits", U64_MAX, 0, DMA_BIT_MASK(48) },
	{ "40 bits", DMA_BIT_MASK(40), 0, DMA_BIT_MASK(40) },
	{ "32 bits", DMA_BIT_MASK(32), 0, DMA_BIT_MASK(32) },
	{ "30 bits", DMA_BIT_MASK(30), 0, DMA_BIT_MASK(30) },
	{ "24 bits", DMA_BIT_MASK(24), 0, DMA_BIT_MASK(24) },
	{ "16 bits", DMA_BIT_MASK(16), 0, DMA_BIT_MASK(16) },
	{ "bus of 28 bits", U64_MAX, DMA_BIT_MASK(28),
	  DMA_BIT_MASK(28) },
	{ "bus wider than mask", DMA_BIT_MASK(24), DMA_BIT_MASK(28),
	  DMA_BIT_MASK(24) },
	{ "bus in the middle of a page", DMA_BIT_MASK(32), SZ_1M + SZ_2K,
	  SZ_1M + SZ_2K },
};

static void mask_to_desc(const struct mask *mask, char *desc)
{
	strscpy(desc, mask->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(mask, masks, mask_to_desc);
MOCK_IOMMU_PARAM_TYPICAL(mask)

/* Consistent memory and mappings, of several sizes, as many as there fit */
static void domain_mask_test(struct kunit *test)
{
	static const size_t sizes[] = { SZ_4K, SZ_8K, 3 * SZ_4K, SZ_32K };
	const struct mask *mask = mock_iommu_param(test);
	/* No mask at all: what the IOMMU translates */
	u64 last = mask->last == DMA_BIT_MASK(48) ?
		   mock_iommu_shape_of(test)->aperture_last : mask->last;
	struct device *dev = mock_iommu_device(test,
			mock_iommu_create(test, &(struct mock_iommu_shape){}),
			"dev", &(struct dma_kunit_shape) {
				.mask = mask->mask,
				.bus_limit = mask->bus_limit,
			});
	u8 *buffer = mock_iommu_buffer(test, SZ_32K);
	dma_addr_t addrs[40], coherent;
	unsigned int nr = 0;
	void *cpu_addr;

	cpu_addr = dma_alloc_coherent(dev, SZ_8K, &coherent, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	KUNIT_EXPECT_LE(test, coherent + SZ_8K - 1, last);
	while (nr < ARRAY_SIZE(addrs)) {
		size_t size = sizes[nr % ARRAY_SIZE(sizes)];

		addrs[nr] = dma_map_single_attrs(dev, buffer, size,
						 DMA_TO_DEVICE,
						 DMA_ATTR_NO_WARN);
		if (dma_mapping_error(dev, addrs[nr]))
			break;
		KUNIT_EXPECT_LE(test, addrs[nr] + size - 1, last);
		nr++;
	}
	/* 16 bits are used up; there is no other excuse. */
	KUNIT_EXPECT_GE(test, nr, last > SZ_64K ? ARRAY_SIZE(addrs) : 2);
	while (nr--)
		dma_unmap_single(dev, addrs[nr], sizes[nr % ARRAY_SIZE(sizes)],
				 DMA_TO_DEVICE);
	dma_free_coherent(dev, SZ_8K, cpu_addr, coherent);
}

/* The coherent mask is a limit of its own. */
static void domain_coherent_mask_test(struct kunit *test)
{
	struct device *dev = mock_iommu_device(test,
			mock_iommu_create(test, &(struct mock_iommu_shape) {
				.aperture_start = SZ_16M - SZ_64K,
			}), "dev", &(struct dma_kunit_shape) {
				.coherent_mask = DMA_BIT_MASK(24),
			});
	dma_addr_t addrs[8], none;
	void *cpu_addrs[8];
	unsigned int nr;

	for (nr = 0; nr < ARRAY_SIZE(addrs); nr++) {
		cpu_addrs[nr] = dma_alloc_coherent(dev, SZ_8K, &addrs[nr],
						   GFP_KERNEL);
		if (!cpu_addrs[nr])
			break;
		KUNIT_EXPECT_LE(test, addrs[nr] + SZ_8K - 1, DMA_BIT_MASK(24));
	}
	KUNIT_EXPECT_EQ(test, nr, ARRAY_SIZE(addrs));
	KUNIT_EXPECT_NULL(test, dma_alloc_attrs(dev, SZ_4K, &none, GFP_KERNEL,
						DMA_ATTR_NO_WARN));
	/* Streaming mappings have room. */
	check_works(test, dev);
	while (nr--)
		dma_free_coherent(dev, SZ_8K, cpu_addrs[nr], addrs[nr]);
}

/* Nothing of the aperture is within the mask. */
static void domain_mask_below_aperture_test(struct kunit *test)
{
	struct device *dev = mock_iommu_device(test,
			mock_iommu_create(test, &(struct mock_iommu_shape) {
				.aperture_start = SZ_1G,
			}), "dev", &(struct dma_kunit_shape) {
				.mask = DMA_BIT_MASK(24),
			});
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	dma_addr_t dma_addr;

	dma_addr = dma_map_single_attrs(dev, buffer, SZ_4K, DMA_TO_DEVICE,
					DMA_ATTR_NO_WARN);
	KUNIT_EXPECT_TRUE(test, dma_mapping_error(dev, dma_addr));
	KUNIT_EXPECT_NULL(test, dma_alloc_attrs(dev, SZ_4K, &dma_addr,
						GFP_KERNEL, DMA_ATTR_NO_WARN));
	*dev->dma_mask = DMA_BIT_MASK(40);
	check_works(test, dev);
}

/* That nothing is left within a narrow mask says nothing about a wider one. */
static void domain_narrow_mask_test(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu_create(test,
			&(struct mock_iommu_shape) {
				.aperture_start = SZ_16M - SZ_64K,
				.aperture_last = SZ_4G - 1,
				.has_one_group = true,
			});
	struct device *narrow = mock_iommu_device(test, iommu, "narrow",
			&(struct dma_kunit_shape) {
				.mask = DMA_BIT_MASK(24),
			});
	struct device *wide = mock_iommu_device(test, iommu, "wide",
			&(struct dma_kunit_shape) {
				.mask = DMA_BIT_MASK(32),
			});
	struct taken *taken;

	if (mock_iommu_is_stock())
		kunit_skip(test, "stock iova.c: one failure below 4 GiB is taken for all");
	taken = take_all(test, narrow);
	KUNIT_EXPECT_EQ(test, taken->nr, 16);
	check_works(test, wide);
	give_all(taken);
}

/* Reserved regions */

struct reserved {
	const char *what;
	enum iommu_resv_type type;
	bool is_used;
	bool is_identity;
};

static const struct reserved reserveds[] = {
	{ "reserved", IOMMU_RESV_RESERVED },
	{ "hardware MSI", IOMMU_RESV_MSI },
	{ "direct", IOMMU_RESV_DIRECT, .is_identity = true },
	{ "direct, relaxable", IOMMU_RESV_DIRECT_RELAXABLE,
	  .is_identity = true },
	/* The window of doorbells is for domains that others manage. */
	{ "software MSI", IOMMU_RESV_SW_MSI, .is_used = true },
};

static void reserved_to_desc(const struct reserved *reserved, char *desc)
{
	strscpy(desc, reserved->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(reserved, reserveds, reserved_to_desc);
MOCK_IOMMU_PARAM_TYPICAL(reserved)

static void domain_reserved_test(struct kunit *test)
{
	const struct reserved *reserved = mock_iommu_param(test);
	const struct mock_iommu_region regions[] = {
		{ SZ_1M + SZ_64K, SZ_64K, reserved->type },
		/* Twice, in part */
		{ SZ_1M + SZ_64K + SZ_32K, SZ_64K, reserved->type },
		{}
	};
	struct device *dev = mock_iommu_simple_device(test,
			&(struct mock_iommu_shape) {
				.aperture_start = SZ_1M,
				.aperture_last = SZ_1M + SZ_256K - 1,
				.regions = regions,
			});
	struct taken *taken = take_all(test, dev);

	KUNIT_EXPECT_EQ(test, taken->nr, reserved->is_used ? 64 : 64 - 24);
	if (!reserved->is_used)
		check_outside(test, taken, SZ_1M + SZ_64K, SZ_64K + SZ_32K);
	give_all(taken);
	if (reserved->is_identity)
		for (dma_addr_t at = SZ_1M + SZ_64K;
		     at < SZ_1M + SZ_128K + SZ_32K; at += SZ_4K)
			KUNIT_EXPECT_EQ(test, mock_iommu_phys(dev, at), at);
	else
		KUNIT_EXPECT_EQ(test, mock_iommu_prot(dev, SZ_1M + SZ_64K), -1);
}

/* Regions that stick out of the aperture, lie beyond it, or end within a page */
static void domain_reserved_edges_test(struct kunit *test)
{
	static const struct mock_iommu_region regions[] = {
		{ SZ_1M - SZ_64K, SZ_128K, IOMMU_RESV_RESERVED },
		{ SZ_1M + SZ_128K + 100, 8, IOMMU_RESV_RESERVED },
		{ SZ_1M + SZ_256K - SZ_4K, SZ_1M, IOMMU_RESV_RESERVED },
		{ SZ_1G, SZ_1M, IOMMU_RESV_RESERVED },
		{}
	};
	struct device *dev = mock_iommu_simple_device(test,
			&(struct mock_iommu_shape) {
				.aperture_start = SZ_1M,
				.aperture_last = SZ_1M + SZ_256K - 1,
				.regions = regions,
			});
	struct taken *taken = take_all(test, dev);

	KUNIT_EXPECT_EQ(test, taken->nr, 64 - 16 - 1 - 1);
	check_between(test, taken, SZ_1M + SZ_64K, SZ_1M + SZ_256K - SZ_4K - 1);
	check_outside(test, taken, SZ_1M + SZ_128K, SZ_4K);
	give_all(taken);
}

/* dma-ranges */

/* Either way the device works; outside of the aperture it does so directly. */
static void domain_windows_test(struct kunit *test)
{
	static const struct bus_dma_region inside[] = {
		{ .cpu_start = 0, .dma_start = SZ_1M, .size = SZ_1G }, {},
	};
	static const struct bus_dma_region across[] = {
		{ .cpu_start = 0, .dma_start = 0, .size = SZ_2M }, {},
	};
	struct mock_iommu *iommu = mock_iommu_create(test,
			&(struct mock_iommu_shape) {
				.aperture_start = SZ_1M,
			});
	struct device *dev;

	dev = mock_iommu_device(test, iommu, "inside",
				&(struct dma_kunit_shape) { .windows = inside });
	KUNIT_EXPECT_TRUE(test, use_dma_iommu(dev));
	check_works(test, dev);
	dev = mock_iommu_device(test, iommu, "across",
				&(struct dma_kunit_shape) { .windows = across });
	KUNIT_EXPECT_TRUE(test, use_dma_iommu(dev));
	check_works(test, dev);
}

static void domain_windows_outside_test(struct kunit *test)
{
	const struct bus_dma_region outside[] = {
		{ .cpu_start = 0, .dma_start = BIT_ULL(36), .size = BIT_ULL(36) }, {},
	};
	struct mock_iommu *iommu = mock_iommu_create(test,
			&(struct mock_iommu_shape) {
				.aperture_last = SZ_32G - 1,
				.has_one_group = true,
			});
	struct device *dev;

	dma_kunit_log_mark();
	dev = mock_iommu_device(test, iommu, "dev",
				&(struct dma_kunit_shape) { .windows = outside });
	/* One line about its group, and one about this */
	KUNIT_EXPECT_GE(test, dma_kunit_log_count(dev_name(dev)), 2);
	check_is_direct(test, dev);

	/* It does not stand in the way of others. */
	dev = mock_iommu_device(test, iommu, "other",
				&(struct dma_kunit_shape){});
	KUNIT_EXPECT_TRUE(test, use_dma_iommu(dev));
	check_works(test, dev);
}

static void domain_windows_below_test(struct kunit *test)
{
	static const struct bus_dma_region below[] = {
		{ .cpu_start = 0, .dma_start = 0, .size = SZ_4G }, {},
	};
	struct device *dev = mock_iommu_device(test,
			mock_iommu_create(test, &(struct mock_iommu_shape) {
				.aperture_start = SZ_8G,
			}), "dev", &(struct dma_kunit_shape) {
				.windows = below,
			});

	check_is_direct(test, dev);
}

/* Groups */

/* Two devices of a group share addresses; and what one maps, both see. */
static void domain_group_test(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu_create(test,
			&(struct mock_iommu_shape) {
				.aperture_start = SZ_1M,
				.aperture_last = SZ_1M + SZ_64K - 1,
				.has_one_group = true,
			});
	struct device *one, *two;
	struct taken *taken;
	dma_addr_t dma_addr;
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);

	one = mock_iommu_device(test, iommu, "one", &(struct dma_kunit_shape){});
	mock_iommu_fill(buffer, SZ_4K, 5);
	dma_addr = dma_map_single(one, buffer, SZ_4K, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(one, dma_addr));

	/* Setting up again for the second one changes nothing for the first. */
	two = mock_iommu_device(test, iommu, "two", &(struct dma_kunit_shape){});
	KUNIT_EXPECT_PTR_EQ(test, iommu_get_domain_for_dev(one),
			    iommu_get_domain_for_dev(two));
	KUNIT_EXPECT_TRUE(test, use_dma_iommu(two));
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(one, dma_addr, buffer, SZ_4K));
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(two, dma_addr, buffer, SZ_4K));
	taken = take_all(test, two);
	KUNIT_EXPECT_EQ(test, taken->nr, 15);
	check_outside(test, taken, dma_addr, SZ_4K);
	give_all(taken);
	dma_unmap_single(one, dma_addr, SZ_4K, DMA_TO_DEVICE);
	check_works(test, two);
}

/* Two groups have nothing to do with each other. */
static void domain_apart_test(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu_create(test,
			&(struct mock_iommu_shape) {
				.aperture_start = SZ_1M,
				.aperture_last = SZ_1M + SZ_4K - 1,
			});
	struct device *devs[2] = {
		mock_iommu_device(test, iommu, "one", &(struct dma_kunit_shape){}),
		mock_iommu_device(test, iommu, "two", &(struct dma_kunit_shape){}),
	};
	dma_addr_t addrs[2];
	u8 *buffers[2];

	for (unsigned int i = 0; i < 2; i++) {
		buffers[i] = mock_iommu_buffer(test, SZ_4K);
		mock_iommu_fill(buffers[i], SZ_4K, i + 1);
		addrs[i] = dma_map_single(devs[i], buffers[i], SZ_4K,
					  DMA_TO_DEVICE);
		KUNIT_ASSERT_FALSE(test, dma_mapping_error(devs[i], addrs[i]));
	}
	KUNIT_EXPECT_EQ(test, addrs[0], addrs[1]);
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(devs[0], addrs[0], buffers[0],
						SZ_4K));
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(devs[1], addrs[0], buffers[1],
						SZ_4K));
	dma_unmap_single(devs[0], addrs[0], SZ_4K, DMA_TO_DEVICE);
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(devs[1], addrs[1], buffers[1],
						SZ_4K));
	dma_unmap_single(devs[1], addrs[1], SZ_4K, DMA_TO_DEVICE);
}

/* The second device's reserved regions are kept free from then on. */
static void domain_group_reserved_test(struct kunit *test)
{
	const struct mock_iommu_region region = {
		SZ_1M + SZ_32K, SZ_4K, IOMMU_RESV_RESERVED,
	};
	struct mock_iommu *iommu = mock_iommu_create(test,
			&(struct mock_iommu_shape) {
				.aperture_start = SZ_1M,
				.aperture_last = SZ_1M + SZ_64K - 1,
				.has_one_group = true,
			});
	struct device *one = mock_iommu_device(test, iommu, "one",
					       &(struct dma_kunit_shape){});
	struct taken *taken = take_all(test, one);

	KUNIT_EXPECT_EQ(test, taken->nr, 16);
	give_all(taken);
	mock_iommu_reserve(test, iommu, &region);
	mock_iommu_device(test, iommu, "two", &(struct dma_kunit_shape){});
	check_works(test, one);
	taken = take_all(test, one);
	/* Who keeps addresses at hand may still hand this one out. */
	KUNIT_EXPECT_GE(test, taken->nr, 14);
	give_all(taken);
}

/* A device that can't be attached reaches memory without the IOMMU. */
static void domain_attach_fails_test(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu_create(test,
			&(struct mock_iommu_shape) {
				.has_one_group = true,
			});
	struct device *one = mock_iommu_device(test, iommu, "one",
					       &(struct dma_kunit_shape){});
	struct device *two = dma_kunit_coherent_device(test, "two");

	mock_iommu_fail_nth(iommu, MOCK_IOMMU_ATTACH, 1);
	KUNIT_EXPECT_NE(test, 0, mock_iommu_join(iommu, two));
	check_is_direct(test, two);
	check_works(test, one);
	KUNIT_EXPECT_EQ(test, 0, mock_iommu_join(iommu, two));
	mock_iommu_watch(test, two);
	check_works(test, two);
}

/* Other types of domains */

static void domain_passthrough_test(struct kunit *test)
{
	struct device *dev = mock_iommu_simple_device(test,
			&(struct mock_iommu_shape) {
				.domain_type = IOMMU_DOMAIN_IDENTITY,
			});

	KUNIT_EXPECT_EQ(test, iommu_get_domain_for_dev(dev)->type,
			IOMMU_DOMAIN_IDENTITY);
	check_is_direct(test, dev);
}

static void domain_queue_test(struct kunit *test)
{
	struct mock_iommu_shape shape = { .domain_type = IOMMU_DOMAIN_DMA_FQ };
	struct mock_iommu *lazy = mock_iommu_create(test, &shape);
	struct mock_iommu *strict;
	struct device *dev;

	dev = mock_iommu_device(test, lazy, "lazy", &(struct dma_kunit_shape){});
	KUNIT_EXPECT_EQ(test, iommu_get_domain_for_dev(dev)->type,
			IOMMU_DOMAIN_DMA_FQ);
	check_works(test, dev);

	/* An IOMMU that can't put it off does not. */
	shape.is_strict = true;
	strict = mock_iommu_create(test, &shape);
	dev = mock_iommu_device(test, strict, "strict",
				&(struct dma_kunit_shape){});
	KUNIT_EXPECT_EQ(test, iommu_get_domain_for_dev(dev)->type,
			IOMMU_DOMAIN_DMA);
	check_works(test, dev);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_stale(dev), 0);
}

/* A driver takes the device over with a domain of its own, and gives it back. */
static void domain_taken_over_test(struct kunit *test)
{
	struct device *dev = mock_iommu_simple_device(test,
					&(struct mock_iommu_shape){});
	struct iommu_domain *domain = iommu_paging_domain_alloc(dev);
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, domain);
	check_works(test, dev);
	KUNIT_EXPECT_EQ(test, 0, iommu_attach_device(domain, dev));
	KUNIT_EXPECT_EQ(test, 0, iommu_map(domain, SZ_64M, virt_to_phys(buffer),
					   SZ_4K, IOMMU_READ, GFP_KERNEL));
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(dev, SZ_64M, buffer, SZ_4K));
	KUNIT_EXPECT_EQ(test, SZ_4K, iommu_unmap(domain, SZ_64M, SZ_4K));
	iommu_detach_device(domain, dev);
	iommu_domain_free(domain);
	check_works(test, dev);
}

/* Leaving and coming back */
static void domain_again_test(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu_create(test,
			&(struct mock_iommu_shape) {
				.domain_type = IOMMU_DOMAIN_DMA_FQ,
			});
	struct device *dev = mock_iommu_device(test, iommu, "dev",
					       &(struct dma_kunit_shape){});

	for (unsigned int i = 0; i < 5; i++) {
		check_works(test, dev);
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), 0);
		mock_iommu_leave(dev);
		check_is_direct(test, dev);
		KUNIT_ASSERT_EQ(test, 0, mock_iommu_join(iommu, dev));
		KUNIT_EXPECT_TRUE(test, use_dma_iommu(dev));
	}
}

/*
 * Each allocation on the way fails in turn: the device is behind the IOMMU
 * and works, or is not and works.
 */
static void domain_fail_nth_test(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu_create(test,
			&(struct mock_iommu_shape) {
				.domain_type = IOMMU_DOMAIN_DMA_FQ,
			});
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	unsigned int nth, nr_failed = 0;
	bool is_beyond = false;
	int err;

	if (mock_iommu_is_stock())
		kunit_skip(test, "stock iova.c: oops when its caches get no memory");
	if (!dma_kunit_fail_sleeping(false))
		kunit_skip(test, "needs FAILSLAB, FAIL_PAGE_ALLOC, FAULT_INJECTION_DEBUG_FS");
	for (nth = 1; nth < 500 && !is_beyond; nth++) {
		dma_kunit_fail_sleeping(true);
		dma_kunit_fail_nth(nth);
		err = mock_iommu_join(iommu, dev);
		is_beyond = dma_kunit_fail_nth(0);
		dma_kunit_fail_sleeping(false);
		if (err || !use_dma_iommu(dev)) {
			nr_failed++;
			check_is_direct(test, dev);
		} else {
			check_works(test, dev);
		}
		if (!err)
			mock_iommu_leave(dev);
	}
	kunit_info(test, "%u of %u failures were felt", nr_failed, nth - 1);
	KUNIT_EXPECT_TRUE(test, is_beyond);
	KUNIT_EXPECT_GE(test, nr_failed, 5);
	KUNIT_EXPECT_EQ(test, 0, mock_iommu_join(iommu, dev));
	mock_iommu_watch(test, dev);
	check_works(test, dev);
}

/* An IOMMU whose pages are larger than the CPU's is used or it is not. */
static void domain_coarse_test(struct kunit *test)
{
	struct device *dev;

	if (mock_iommu_is_stock())
		kunit_skip(test, "stock dma-iommu.c: BUG()");
	dev = mock_iommu_simple_device(test, &(struct mock_iommu_shape) {
						.page_sizes = SZ_64K,
				       });
	if (use_dma_iommu(dev))
		check_works(test, dev);
	else
		check_is_direct(test, dev);
}

static struct kunit_case iommu_domain_cases[] = {
	MOCK_IOMMU_CASE_TYPICAL(domain_route_test),
	MOCK_IOMMU_CASE_TYPICAL(domain_facts_test),
	MOCK_IOMMU_CASE_PARAM_TYPICAL(domain_aperture_test, aperture),
	MOCK_IOMMU_CASE_PARAM_TYPICAL(domain_mask_test, mask),
	MOCK_IOMMU_CASE_TYPICAL(domain_coherent_mask_test),
	MOCK_IOMMU_CASE_TYPICAL(domain_mask_below_aperture_test),
	MOCK_IOMMU_CASE_TYPICAL(domain_narrow_mask_test),
	MOCK_IOMMU_CASE_PARAM_TYPICAL(domain_reserved_test, reserved),
	MOCK_IOMMU_CASE_TYPICAL(domain_reserved_edges_test),
	MOCK_IOMMU_CASE_TYPICAL(domain_windows_test),
	MOCK_IOMMU_CASE_TYPICAL(domain_windows_outside_test),
	MOCK_IOMMU_CASE_TYPICAL(domain_windows_below_test),
	MOCK_IOMMU_CASE_TYPICAL(domain_group_test),
	MOCK_IOMMU_CASE_TYPICAL(domain_apart_test),
	MOCK_IOMMU_CASE_TYPICAL(domain_group_reserved_test),
	MOCK_IOMMU_CASE_TYPICAL(domain_attach_fails_test),
	MOCK_IOMMU_CASE_TYPICAL(domain_passthrough_test),
	MOCK_IOMMU_CASE_TYPICAL(domain_queue_test),
	MOCK_IOMMU_CASE_TYPICAL(domain_taken_over_test),
	MOCK_IOMMU_CASE_TYPICAL(domain_again_test),
	MOCK_IOMMU_CASE_TYPICAL(domain_fail_nth_test),
	MOCK_IOMMU_CASE_TYPICAL(domain_coarse_test),
	{}
};

static struct kunit_suite iommu_domain_suite = {
	.name = "iommu_domain",
	.test_cases = iommu_domain_cases,
};

kunit_test_suite(iommu_domain_suite);

MODULE_DESCRIPTION("KUnit tests of setting up the DMA API behind an IOMMU");
MODULE_LICENSE("GPL");
