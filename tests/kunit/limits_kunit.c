// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of what a device can reach: masks, bus limits, dma-ranges.
 *
 * All of it is arithmetic, so addresses here need not be memory; only where
 * RAM counts (required mask, addressing limited) the machine's is asked.
 */

#include <kunit/test.h>
#include <linux/dma-direct.h>
#include <linux/dma-limits.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/ioport.h>
#include <linux/memory.h>
#include <linux/pfn.h>
#include <linux/sizes.h>

#include "log.h"
#include "mock.h"

/*
 * What windows are measured in: the last one ends at ten of them, beyond 4 GiB
 * where physical addresses can lie there.
 */
#define UNIT	((phys_addr_t)(sizeof(phys_addr_t) > 4 ? SZ_1G : SZ_256M))

/* Where the last one starts for the device, beyond 4 GiB where that can be. */
#define FAR_BITS	(sizeof(dma_addr_t) > 4 ? 39 : 31)
#define FAR		((dma_addr_t)1 << FAR_BITS)

/* Three windows, not in order, with a hole between the last two */
static const struct bus_dma_region three_windows[] = {
	{ .cpu_start = 4 * UNIT, .dma_start = UNIT, .size = UNIT },
	{ .cpu_start = UNIT, .dma_start = 0x0, .size = UNIT },
	{ .cpu_start = 8 * UNIT, .dma_start = FAR, .size = 2 * UNIT },
	{},
};

static phys_addr_t last_ram(void)
{
	return PFN_PHYS((phys_addr_t)max_pfn) - 1;
}

struct ram {
	phys_addr_t start;
	phys_addr_t end;
};

static int note_ram(unsigned long start_pfn, unsigned long nr_pages, void *data)
{
	struct ram *ram = data;

	ram->start = min(ram->start, PFN_PHYS(start_pfn));
	ram->end = max(ram->end, PFN_PHYS(start_pfn + nr_pages));
	return 0;
}

static struct ram all_ram(void)
{
	struct ram ram = { .start = PHYS_ADDR_MAX };

	walk_system_ram_range(0, max_pfn, &ram, note_ram);
	return ram;
}

struct mask {
	unsigned int bits;
	u64 bus_limit;
	u64 last;
};

static const struct mask masks[] = {
	{ 24, 0, 0xffffff },
	{ 31, 0, 0x7fffffff },
	{ 32, 0, 0xffffffff },
	{ 39, 0, 0x7fffffffff },
	{ 64, 0, U64_MAX },
	{ 64, 0x7fffffffff, 0x7fffffffff },
	{ 39, 0xbfffffff, 0xbfffffff },
	{ 24, 0xbfffffff, 0xffffff },
};

static void mask_to_desc(const struct mask *mask, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u bits, bus limit %#llx",
		 mask->bits, mask->bus_limit);
}

KUNIT_ARRAY_PARAM(mask, masks, mask_to_desc);

static struct device *device_of(struct kunit *test, const struct mask *mask,
				const struct bus_dma_region *windows)
{
	return dma_kunit_device(test, "dev", &(struct dma_kunit_shape) {
		.mask = DMA_BIT_MASK(mask->bits),
		.bus_limit = mask->bus_limit,
		.windows = windows,
	});
}

static bool reaches(struct device *dev, phys_addr_t phys, size_t size)
{
	struct dma_limits limits = dma_limits_of(dev, dev->coherent_dma_mask);

	return dma_limits_reach(dev, &limits, phys, size);
}

static void limits_mask_test(struct kunit *test)
{
	const struct mask *mask = test->param_value;
	struct device *dev = device_of(test, mask, NULL);
	struct dma_limits limits = dma_limits_of(dev, DMA_BIT_MASK(mask->bits));
	phys_addr_t last = mask->last;

	KUNIT_EXPECT_EQ(test, limits.last_dma, mask->last);
	KUNIT_EXPECT_EQ(test, limits.first_phys, 0);
	KUNIT_EXPECT_EQ(test, limits.last_phys, last);
	KUNIT_EXPECT_TRUE(test, limits.coherent);
	KUNIT_EXPECT_EQ(test, limits.unencrypted, force_dma_unencrypted(dev));
	KUNIT_EXPECT_EQ(test, dma_limits_address(dev, &limits, 0x123456),
			0x123456);

	KUNIT_EXPECT_TRUE(test, reaches(dev, 0, 1));
	KUNIT_EXPECT_TRUE(test, reaches(dev, last & PAGE_MASK, 1));
	if (last == (phys_addr_t)U64_MAX)
		return;
	/* The last byte, and the first beyond */
	KUNIT_EXPECT_TRUE(test, reaches(dev, last, 1));
	KUNIT_EXPECT_FALSE(test, reaches(dev, last + 1, 1));
	KUNIT_EXPECT_FALSE(test, reaches(dev, last, 2));
	KUNIT_EXPECT_TRUE(test, reaches(dev, last - SZ_4K + 1, SZ_4K));
	KUNIT_EXPECT_FALSE(test, reaches(dev, last - SZ_4K + 2, SZ_4K));
	if (mask->last >= SIZE_MAX)
		return;
	KUNIT_EXPECT_TRUE(test, reaches(dev, 0, mask->last + 1));
	KUNIT_EXPECT_FALSE(test, reaches(dev, 0, mask->last + 2));
}

/* One mask for each kind of memory */
static void limits_two_masks_test(struct kunit *test)
{
	struct device *dev = dma_kunit_device(test, "dev",
			&(struct dma_kunit_shape) {
				.mask = DMA_BIT_MASK(39),
				.coherent_mask = DMA_BIT_MASK(24),
			});
	struct dma_limits limits = dma_limits_of(dev, *dev->dma_mask);

	KUNIT_EXPECT_TRUE(test, dma_limits_reach(dev, &limits, SZ_16M, SZ_4K));
	limits = dma_limits_of(dev, dev->coherent_dma_mask);
	KUNIT_EXPECT_FALSE(test, dma_limits_reach(dev, &limits, SZ_16M, SZ_4K));
}

static void limits_coherence_test(struct kunit *test)
{
	struct device *dev = dma_kunit_noncoherent_device(test, "dev");

	KUNIT_EXPECT_FALSE(test,
			   dma_limits_of(dev, DMA_BIT_MASK(64)).coherent);
}

static void limits_windows_test(struct kunit *test)
{
	struct device *dev = device_of(test, &(struct mask) { .bits = 64 },
				       three_windows);
	struct dma_limits limits = dma_limits_of(dev, U64_MAX);

	KUNIT_EXPECT_EQ(test, limits.first_phys, UNIT);
	KUNIT_EXPECT_EQ(test, limits.last_phys, 10 * UNIT - 1);
	KUNIT_EXPECT_EQ(test, dma_limits_address(dev, &limits, UNIT), 0);
	KUNIT_EXPECT_EQ(test, dma_limits_address(dev, &limits, 2 * UNIT - 1),
			UNIT - 1);
	KUNIT_EXPECT_EQ(test, dma_limits_address(dev, &limits, 4 * UNIT + 1),
			UNIT + 1);
	KUNIT_EXPECT_EQ(test, dma_limits_address(dev, &limits, 10 * UNIT - 1),
			FAR + 2 * UNIT - 1);
	KUNIT_EXPECT_EQ(test, dma_limits_address(dev, &limits, UNIT - 1),
			DMA_MAPPING_ERROR);
	KUNIT_EXPECT_EQ(test, dma_limits_address(dev, &limits, 2 * UNIT),
			DMA_MAPPING_ERROR);
	KUNIT_EXPECT_EQ(test, dma_limits_address(dev, &limits, 10 * UNIT),
			DMA_MAPPING_ERROR);
}

/* First and last byte of buffers at the edges of windows */
static void limits_window_edges_test(struct kunit *test)
{
	struct device *dev = device_of(test, &(struct mask) { .bits = 64 },
				       three_windows);

	KUNIT_EXPECT_TRUE(test, reaches(dev, UNIT, UNIT));
	KUNIT_EXPECT_FALSE(test, reaches(dev, UNIT, UNIT + 1));
	KUNIT_EXPECT_FALSE(test, reaches(dev, UNIT - SZ_4K, SZ_8K));
	KUNIT_EXPECT_FALSE(test, reaches(dev, UNIT - SZ_4K, SZ_4K));
	KUNIT_EXPECT_TRUE(test, reaches(dev, 2 * UNIT - SZ_4K, SZ_4K));
	KUNIT_EXPECT_FALSE(test, reaches(dev, 2 * UNIT - SZ_4K, SZ_4K + 1));
	KUNIT_EXPECT_FALSE(test, reaches(dev, 2 * UNIT, 1));
	KUNIT_EXPECT_TRUE(test, reaches(dev, 4 * UNIT, 1));
	KUNIT_EXPECT_TRUE(test, reaches(dev, 5 * UNIT - 1, 1));
	KUNIT_EXPECT_FALSE(test, reaches(dev, 5 * UNIT - 1, 2));
	KUNIT_EXPECT_TRUE(test, reaches(dev, 8 * UNIT, 2 * UNIT));
	KUNIT_EXPECT_FALSE(test, reaches(dev, 8 * UNIT + 1, 2 * UNIT));
	/* From one window into another, over what lies between them */
	KUNIT_EXPECT_FALSE(test, reaches(dev, UNIT, 3 * UNIT + 1));
}

/* Windows that touch for the CPU: together only if they do for the device */
static void limits_touching_windows_test(struct kunit *test)
{
	static const struct bus_dma_region apart[] = {
		{ .cpu_start = 0, .dma_start = SZ_1M, .size = SZ_64K },
		{ .cpu_start = SZ_64K, .dma_start = SZ_2M, .size = SZ_64K },
		{},
	};
	static const struct bus_dma_region together[] = {
		{ .cpu_start = 0, .dma_start = SZ_1M, .size = SZ_64K },
		{ .cpu_start = SZ_64K, .dma_start = SZ_1M + SZ_64K,
		  .size = SZ_64K },
		{},
	};
	struct device *dev = dma_kunit_device(test, "apart",
			&(struct dma_kunit_shape) { .windows = apart });

	KUNIT_EXPECT_TRUE(test, reaches(dev, SZ_64K - SZ_4K, SZ_4K));
	KUNIT_EXPECT_FALSE(test, reaches(dev, SZ_64K - SZ_4K, SZ_8K));
	KUNIT_EXPECT_TRUE(test, reaches(dev, SZ_64K, SZ_4K));
	dev = dma_kunit_device(test, "together",
			       &(struct dma_kunit_shape) { .windows = together });
	KUNIT_EXPECT_TRUE(test, reaches(dev, SZ_64K - SZ_4K, SZ_8K));
}

/* The mask counts at the device's end of a window. */
static void limits_windows_and_mask_test(struct kunit *test)
{
	struct device *dev = device_of(test, &(struct mask) { .bits = FAR_BITS },
				       three_windows);
	struct dma_limits limits = dma_limits_of(dev, FAR - 1);

	/* Where the third window starts */
	KUNIT_EXPECT_EQ(test, limits.last_phys, 5 * UNIT - 1);
	KUNIT_EXPECT_FALSE(test, reaches(dev, 8 * UNIT, 1));

	/* The second ends, and the first begins, at one unit. */
	limits = dma_limits_of(dev, UNIT - 1);
	KUNIT_EXPECT_EQ(test, limits.last_phys, 2 * UNIT - 1);
	KUNIT_EXPECT_TRUE(test, dma_limits_reach(dev, &limits,
						 2 * UNIT - SZ_4K, SZ_4K));
	KUNIT_EXPECT_FALSE(test, dma_limits_reach(dev, &limits, 4 * UNIT,
						  1));
	limits = dma_limits_of(dev, UNIT);
	KUNIT_EXPECT_EQ(test, limits.last_phys, 4 * UNIT);
	limits = dma_limits_of(dev, DMA_BIT_MASK(24));
	KUNIT_EXPECT_EQ(test, limits.last_phys, UNIT + SZ_16M - 1);

	/* The bus is one more limit of that kind. */
	dev->bus_dma_limit = DMA_BIT_MASK(24) >> 1;
	limits = dma_limits_of(dev, DMA_BIT_MASK(24));
	KUNIT_EXPECT_EQ(test, limits.last_phys, UNIT + SZ_8M - 1);
}

/* A window that starts beyond the mask does not count, low as it may lie. */
static void limits_low_window_out_of_reach_test(struct kunit *test)
{
	static const struct bus_dma_region crossed[] = {
		{ .cpu_start = UNIT, .dma_start = FAR, .size = UNIT },
		{ .cpu_start = 4 * UNIT, .dma_start = 0, .size = UNIT },
		{},
	};
	struct device *dev = device_of(test, &(struct mask) { .bits = FAR_BITS },
				       crossed);
	struct dma_limits limits = dma_limits_of(dev, FAR - 1);

	KUNIT_EXPECT_EQ(test, limits.first_phys, 4 * UNIT);
	KUNIT_EXPECT_EQ(test, limits.last_phys, 5 * UNIT - 1);
	limits = dma_limits_of(dev, U64_MAX);
	KUNIT_EXPECT_EQ(test, limits.first_phys, UNIT);
	KUNIT_EXPECT_EQ(test, limits.last_phys, 5 * UNIT - 1);
}

static void limits_nothing_in_reach_test(struct kunit *test)
{
	static const struct bus_dma_region high[] = {
		{ .cpu_start = SZ_1G, .dma_start = SZ_2G, .size = SZ_1G },
		{},
	};
	struct device *dev = device_of(test, &(struct mask) { .bits = 31 },
				       high);
	struct dma_limits limits = dma_limits_of(dev, DMA_BIT_MASK(31));

	KUNIT_EXPECT_EQ(test, limits.first_phys, PHYS_ADDR_MAX);
	KUNIT_EXPECT_EQ(test, limits.last_phys, 0);
	KUNIT_EXPECT_FALSE(test, reaches(dev, SZ_1G, 1));
	KUNIT_EXPECT_FALSE(test, reaches(dev, 0, 1));
}

/* Ends beyond the largest number there is */
static void limits_wrap_test(struct kunit *test)
{
	static const struct bus_dma_region top[] = {
		{ .cpu_start = 0, .dma_start = -(dma_addr_t)SZ_64K, .size = SZ_32K },
		{},
	};
	struct device *plain = dma_kunit_coherent_device(test, "plain");
	struct device *dev = dma_kunit_device(test, "dev",
			&(struct dma_kunit_shape) { .windows = top });

	KUNIT_EXPECT_FALSE(test, reaches(plain, PAGE_SIZE, SIZE_MAX));
	KUNIT_EXPECT_FALSE(test, reaches(plain, PHYS_ADDR_MAX - 10, 100));
	KUNIT_EXPECT_TRUE(test, reaches(dev, 0, SZ_32K));
	KUNIT_EXPECT_FALSE(test, reaches(dev, SZ_4K, SIZE_MAX));
	KUNIT_EXPECT_FALSE(test, reaches(dev, SZ_4K, SZ_32K));
	KUNIT_EXPECT_FALSE(test, reaches(dev, SZ_32K, 1));
}

static void limits_zone_test(struct kunit *test)
{
	struct dma_limits limits = { .last_phys = zone_dma_limit };

	KUNIT_EXPECT_EQ(test, (__force u32)dma_limits_zone(&limits),
			(__force u32)GFP_DMA);
	limits.last_phys = 0;
	KUNIT_EXPECT_EQ(test, (__force u32)dma_limits_zone(&limits),
			(__force u32)GFP_DMA);
	limits.last_phys = DMA_BIT_MASK(32);
	if (zone_dma_limit < DMA_BIT_MASK(32))
		KUNIT_EXPECT_EQ(test, (__force u32)dma_limits_zone(&limits),
				(__force u32)GFP_DMA32);
	/* With 32 bits there is nothing above. */
	if (sizeof(phys_addr_t) == sizeof(u32))
		return;
	limits.last_phys = PHYS_ADDR_MAX;
	KUNIT_EXPECT_EQ(test, (__force u32)dma_limits_zone(&limits), 0);
}

/* Masks as drivers set them */

static u64 smallest_mask(void)
{
	u64 last = last_ram();

	if (IS_ENABLED(CONFIG_ZONE_DMA))
		last = min(last, zone_dma_limit);
	return last;
}

static void limits_supported_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	u64 smallest = smallest_mask();

	KUNIT_EXPECT_TRUE(test, dma_direct_supported(dev, DMA_BIT_MASK(64)));
	KUNIT_EXPECT_TRUE(test, dma_direct_supported(dev, DMA_BIT_MASK(39)));
	KUNIT_EXPECT_TRUE(test, dma_direct_supported(dev, DMA_BIT_MASK(32)));
	KUNIT_EXPECT_FALSE(test, dma_direct_supported(dev, DMA_BIT_MASK(12)));
	KUNIT_EXPECT_FALSE(test, dma_direct_supported(dev, 0));
	KUNIT_EXPECT_EQ(test, dma_direct_supported(dev, DMA_BIT_MASK(24)),
			DMA_BIT_MASK(24) >= smallest);
	if (smallest <= DMA_BIT_MASK(32)) {
		KUNIT_EXPECT_TRUE(test, dma_direct_supported(dev, smallest));
		KUNIT_EXPECT_FALSE(test, dma_direct_supported(dev, smallest - 1));
	}
}

/* Windows shift the lowest zone, too. */
static void limits_supported_window_test(struct kunit *test)
{
	struct bus_dma_region windows[2] = {};
	struct device *dev;

	windows[0].cpu_start = all_ram().start & ~(u64)(SZ_16M - 1);
	windows[0].size = SZ_16M;
	dev = dma_kunit_device(test, "dev", &(struct dma_kunit_shape) {
		.windows = windows,
	});
	KUNIT_EXPECT_TRUE(test, dma_direct_supported(dev, DMA_BIT_MASK(24)));
	KUNIT_EXPECT_FALSE(test, dma_direct_supported(dev, DMA_BIT_MASK(23)));
	KUNIT_EXPECT_EQ(test, dma_direct_get_required_mask(dev),
			DMA_BIT_MASK(24));
}

static void limits_required_mask_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	u64 mask = dma_get_required_mask(dev);

	KUNIT_EXPECT_EQ(test, mask, dma_direct_get_required_mask(dev));
	KUNIT_EXPECT_EQ(test, mask & (mask + 1), 0);
	KUNIT_EXPECT_GE(test, mask, last_ram());
	KUNIT_EXPECT_LT(test, mask >> 1, last_ram());
}

static void limits_set_mask_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	u64 *own = dev->dma_mask;

	KUNIT_EXPECT_EQ(test, dma_set_mask(dev, DMA_BIT_MASK(39)), 0);
	KUNIT_EXPECT_EQ(test, *dev->dma_mask, DMA_BIT_MASK(39));
	KUNIT_EXPECT_EQ(test, dev->coherent_dma_mask, DMA_BIT_MASK(64));
	KUNIT_EXPECT_EQ(test, dma_set_coherent_mask(dev, DMA_BIT_MASK(32)), 0);
	KUNIT_EXPECT_EQ(test, dev->coherent_dma_mask, DMA_BIT_MASK(32));
	KUNIT_EXPECT_EQ(test, dma_set_mask_and_coherent(dev, DMA_BIT_MASK(40)),
			0);
	KUNIT_EXPECT_EQ(test, dev->coherent_dma_mask, DMA_BIT_MASK(40));

	/* Refused: it stays as it was. */
	KUNIT_EXPECT_EQ(test, dma_set_mask(dev, DMA_BIT_MASK(12)), -EIO);
	KUNIT_EXPECT_EQ(test, *dev->dma_mask, DMA_BIT_MASK(40));
	KUNIT_EXPECT_EQ(test, dma_set_coherent_mask(dev, DMA_BIT_MASK(12)),
			-EIO);
	KUNIT_EXPECT_EQ(test, dev->coherent_dma_mask, DMA_BIT_MASK(40));
	dev->dma_mask = NULL;
	KUNIT_EXPECT_EQ(test, dma_set_mask(dev, DMA_BIT_MASK(64)), -EIO);
	dev->dma_mask = own;
}

static void limits_addressing_limited_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");

	KUNIT_EXPECT_FALSE(test, dma_addressing_limited(dev));
	KUNIT_EXPECT_EQ(test, dma_max_mapping_size(dev), SIZE_MAX);
	KUNIT_EXPECT_EQ(test, dma_opt_mapping_size(dev), SIZE_MAX);
	KUNIT_EXPECT_EQ(test, dma_get_merge_boundary(dev), 0);
	KUNIT_EXPECT_TRUE(test, dma_pci_p2pdma_supported(dev));

	*dev->dma_mask = dma_get_required_mask(dev);
	KUNIT_EXPECT_FALSE(test, dma_addressing_limited(dev));
	*dev->dma_mask >>= 1;
	KUNIT_EXPECT_TRUE(test, dma_addressing_limited(dev));

	*dev->dma_mask = DMA_BIT_MASK(64);
	dev->bus_dma_limit = DMA_BIT_MASK(24);
	KUNIT_EXPECT_TRUE(test, dma_addressing_limited(dev));
}

/* Windows over all RAM, in one or two pieces, and with a page missing */
static void limits_all_ram_test(struct kunit *test)
{
	struct ram ram = all_ram();
	phys_addr_t middle = PAGE_ALIGN_DOWN(ram.start +
					     (ram.end - ram.start) / 2);
	struct bus_dma_region windows[3] = {
		{ .cpu_start = middle, .dma_start = middle + SZ_1G,
		  .size = ram.end - middle },
		{ .cpu_start = ram.start, .dma_start = ram.start,
		  .size = middle - ram.start },
	};
	struct bus_dma_region *own;
	struct device *dev;

	dev = dma_kunit_coherent_device(test, "none");
	KUNIT_EXPECT_TRUE(test, dma_limits_all_ram(dev));

	dev = dma_kunit_device(test, "two", &(struct dma_kunit_shape) {
		.windows = windows,
	});
	own = (struct bus_dma_region *)dev->dma_range_map;
	KUNIT_EXPECT_TRUE(test, dma_limits_all_ram(dev));
	KUNIT_EXPECT_FALSE(test, dma_addressing_limited(dev));
	own[0].size -= PAGE_SIZE;
	KUNIT_EXPECT_FALSE(test, dma_limits_all_ram(dev));
	KUNIT_EXPECT_TRUE(test, dma_addressing_limited(dev));
	own[0].size += PAGE_SIZE;
	own[1].size -= PAGE_SIZE;
	KUNIT_EXPECT_FALSE(test, dma_limits_all_ram(dev));
	own[1].size = 0;
	KUNIT_EXPECT_FALSE(test, dma_limits_all_ram(dev));

	/* All that 32 bits can address: its end is no address of that many. */
	own[0] = (struct bus_dma_region) { .size = SZ_4G };
	KUNIT_EXPECT_EQ(test, dma_limits_all_ram(dev), ram.end <= SZ_4G);
}

/* What windows hold is told to the byte, from one to the next, up to the top. */
static void limits_hold_test(struct kunit *test)
{
	phys_addr_t top = PHYS_ADDR_MAX;
	struct bus_dma_region windows[4] = {
		{ .cpu_start = SZ_64M, .size = SZ_16M },
		{ .cpu_start = SZ_64M + SZ_16M, .size = SZ_16M },
		{ .cpu_start = top - (SZ_16M - 1), .size = SZ_16M },
	};
	phys_addr_t first = SZ_64M, last = SZ_64M + SZ_32M - 1;
	struct device *dev;

	dev = dma_kunit_device(test, "dev", &(struct dma_kunit_shape) {
		.windows = windows,
	});
	KUNIT_EXPECT_TRUE(test, dma_limits_hold(dev, first, first));
	KUNIT_EXPECT_TRUE(test, dma_limits_hold(dev, first, last));
	KUNIT_EXPECT_TRUE(test, dma_limits_hold(dev, first + SZ_16M, last));
	KUNIT_EXPECT_FALSE(test, dma_limits_hold(dev, first - 1, last));
	KUNIT_EXPECT_FALSE(test, dma_limits_hold(dev, first, last + 1));
	KUNIT_EXPECT_FALSE(test, dma_limits_hold(dev, last + 1, last + 1));
	KUNIT_EXPECT_FALSE(test, dma_limits_hold(dev, 0, top));
	KUNIT_EXPECT_TRUE(test, dma_limits_hold(dev, top - (SZ_16M - 1), top));
	KUNIT_EXPECT_FALSE(test, dma_limits_hold(dev, top - SZ_16M, top));
	KUNIT_EXPECT_TRUE(test, dma_limits_hold(dev, top, top));
}

static void limits_set_offset_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");

	/* Nothing to do */
	KUNIT_EXPECT_EQ(test, dma_direct_set_offset(dev, SZ_1G, SZ_1G, SZ_1G),
			0);
	KUNIT_EXPECT_NULL(test, dev->dma_range_map);

	KUNIT_EXPECT_EQ(test, dma_direct_set_offset(dev, SZ_1G, SZ_2G, SZ_16M),
			0);
	KUNIT_ASSERT_NOT_NULL(test, dev->dma_range_map);
	KUNIT_EXPECT_EQ(test, phys_to_dma(dev, SZ_1G + 5), SZ_2G + 5UL);
	KUNIT_EXPECT_EQ(test, dma_to_phys(dev, SZ_2G + 5UL), SZ_1G + 5);
	KUNIT_EXPECT_TRUE(test, reaches(dev, SZ_1G, SZ_16M));
	KUNIT_EXPECT_FALSE(test, reaches(dev, SZ_1G, SZ_16M + 1));

	/* Not twice, and the first stays */
	dma_kunit_log_mark();
	KUNIT_EXPECT_EQ(test, dma_direct_set_offset(dev, 0, SZ_2G, SZ_1G),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("dma-ranges already"), 1);
	KUNIT_EXPECT_EQ(test, phys_to_dma(dev, SZ_1G), SZ_2G);
}

static void limits_set_offset_fails_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	int err;

	if (!dma_kunit_fail_sleeping(true))
		kunit_skip(test, "needs FAILSLAB, FAIL_PAGE_ALLOC, FAULT_INJECTION_DEBUG_FS");
	dma_kunit_fail_nth(1);
	err = dma_direct_set_offset(dev, SZ_1G, SZ_2G, SZ_16M);
	dma_kunit_fail_nth(0);
	dma_kunit_fail_sleeping(false);
	KUNIT_EXPECT_EQ(test, err, -ENOMEM);
	KUNIT_EXPECT_NULL(test, dev->dma_range_map);
}

static struct kunit_case dma_limits_cases[] = {
	KUNIT_CASE_PARAM(limits_mask_test, mask_gen_params),
	KUNIT_CASE(limits_two_masks_test),
	KUNIT_CASE(limits_coherence_test),
	KUNIT_CASE(limits_windows_test),
	KUNIT_CASE(limits_window_edges_test),
	KUNIT_CASE(limits_touching_windows_test),
	KUNIT_CASE(limits_windows_and_mask_test),
	KUNIT_CASE(limits_low_window_out_of_reach_test),
	KUNIT_CASE(limits_nothing_in_reach_test),
	KUNIT_CASE(limits_wrap_test),
	KUNIT_CASE(limits_zone_test),
	KUNIT_CASE(limits_supported_test),
	KUNIT_CASE(limits_supported_window_test),
	KUNIT_CASE(limits_required_mask_test),
	KUNIT_CASE(limits_set_mask_test),
	KUNIT_CASE(limits_addressing_limited_test),
	KUNIT_CASE(limits_all_ram_test),
	KUNIT_CASE(limits_hold_test),
	KUNIT_CASE(limits_set_offset_test),
	KUNIT_CASE(limits_set_offset_fails_test),
	{}
};

static struct kunit_suite dma_limits_suite = {
	.name = "dma_limits",
	.test_cases = dma_limits_cases,
};

kunit_test_suite(dma_limits_suite);

MODULE_DESCRIPTION("KUnit tests of what a device can reach by DMA");
MODULE_LICENSE("GPL");
