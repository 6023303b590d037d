// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of dma-debug where mappings may be bounced.
 */

#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include "debug.h"
#include "swiotlb_place.h"

static void map_and_unmap(struct device *dev, u8 *buffer, size_t size)
{
	dma_addr_t dma_addr = dma_map_single(dev, buffer, size, DMA_TO_DEVICE);

	if (!dma_mapping_error(dev, dma_addr))
		dma_unmap_single(dev, dma_addr, size, DMA_TO_DEVICE);
}

/* A window of dma-ranges that leaves some RAM out, so that buffers may bounce */
static const struct bus_dma_region narrow[] = {
	{ .cpu_start = 0, .dma_start = 0, .size = SZ_4K },
	{}
};

struct max_call {
	struct device *dev;
	u8 *buffer;
};

static void map_max_in_hardirq(void *data)
{
	struct max_call *call = data;

	map_and_unmap(call->dev, call->buffer, SZ_512K);
}

/*
 * What bounces may not be too large; nobody walks the resource tree for that
 * where interrupts are off, which lockdep would tell.
 */
static void debug_max_bounced_test(struct kunit *test)
{
	struct swiotlb_place *place = swiotlb_plain_place(test, SZ_1M);
	struct max_call call = {
		.dev	= swiotlb_place_device(test, place, "narrow"),
		.buffer	= debug_buffer(test, SZ_512K),
	};
	struct device *dev = call.dev;

	place->set->mem.force_bounce = false;
	dev->dma_range_map = narrow;
	KUNIT_ASSERT_EQ(test, 0, dma_set_mask(dev, DMA_BIT_MASK(64)));
	KUNIT_ASSERT_EQ(test, dma_max_mapping_size(dev), SZ_256K);
	DEBUG_EXPECT_MISTAKE(test, "mapping 524288 bytes in one piece",
			     KUNIT_EXPECT_TRUE(test,
					       dma_kunit_in_hardirq(map_max_in_hardirq,
								    &call)));
	/* Until the driver says so, the mask that was checked is not this one. */
	*dev->dma_mask = DMA_BIT_MASK(63);
	DEBUG_EXPECT_SILENCE(test, map_and_unmap(dev, call.buffer, SZ_512K));
	dev->dma_range_map = NULL;
}

static struct kunit_case dma_debug_bounce_cases[] = {
	KUNIT_CASE(debug_max_bounced_test),
	{}
};

static struct kunit_suite dma_debug_bounce_suite = {
	.name = "dma_debug_bounce",
	.suite_init = debug_suite_init,
	.test_cases = dma_debug_bounce_cases,
};

kunit_test_suite(dma_debug_bounce_suite);

MODULE_DESCRIPTION("KUnit tests of dma-debug where mappings may be bounced");
MODULE_LICENSE("GPL");
