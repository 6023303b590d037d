// SPDX-License-Identifier: GPL-2.0
/*
 * What the suites of bounce buffers share: see swiotlb_place.h.
 */

#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "swiotlb_place.h"

struct ending {
	struct kunit *test;
	struct swiotlb_place place;
	struct page *page;
	unsigned int order;
};

static void end_place(void *data)
{
	struct ending *ending = data;
	struct swiotlb_place *place = &ending->place;

	KUNIT_EXPECT_EQ_MSG(ending->test, swiotlb_nr_used(place), 0,
			    "slots are left behind");
	swiotlb_reserved_destroy(place->set);
	__free_pages(ending->page, ending->order);
	kfree(ending);
}

static void leave_place(void *data)
{
	struct device *dev = data;

	dev->dma_io_tlb_mem = &swiotlb_default.mem;
}

/**
 * swiotlb_place_device - another device for a set
 * @test: the test
 * @place: the set
 * @name: unique in the test
 *
 * Context: process context.
 * Return: the device, which goes with the test.
 */
struct device *swiotlb_place_device(struct kunit *test,
				    struct swiotlb_place *place,
				    const char *name)
{
	struct device *dev = dma_kunit_coherent_device(test, name);

	dev->dma_io_tlb_mem = &place->set->mem;
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, leave_place, dev));
	return dev;
}

/**
 * swiotlb_place - a set, and a device that uses it
 * @test: the test
 * @size: of the set's pool, in bytes
 * @skew: how far its memory is from being aligned, in bytes
 * @shape: of the device
 *
 * Context: process context.
 * Return: both, which go with the test.
 */
struct swiotlb_place *swiotlb_place(struct kunit *test, size_t size,
				    size_t skew,
				    const struct dma_kunit_shape *shape)
{
	struct ending *ending = kzalloc(sizeof(*ending), GFP_KERNEL);
	struct swiotlb_place *place;

	KUNIT_ASSERT_NOT_NULL(test, ending);
	ending->test = test;
	ending->order = get_order(size + skew);
	ending->page = alloc_pages(GFP_KERNEL, ending->order);
	if (!ending->page)
		kfree(ending);
	KUNIT_ASSERT_NOT_NULL(test, ending->page);
	place = &ending->place;
	place->size = size;
	place->memory = page_address(ending->page) + skew;
	place->phys = virt_to_phys(place->memory);
	/* What devices must not see */
	memset(place->memory, 0xee, size);
	place->set = swiotlb_reserved_create("kunit", place->phys, size);
	if (IS_ERR(place->set)) {
		__free_pages(ending->page, ending->order);
		kfree(ending);
	}
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, place->set);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, end_place, ending));

	place->dev = dma_kunit_device(test, "dev", shape);
	place->dev->dma_io_tlb_mem = &place->set->mem;
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, leave_place,
						  place->dev));
	return place;
}

/**
 * swiotlb_place_grows - let the set grow
 * @place: the set
 * @limit: up to so many bytes
 *
 * Context: process context.
 */
void swiotlb_place_grows(struct swiotlb_place *place, size_t limit)
{
	place->set->limit = limit;
	WRITE_ONCE(place->set->can_grow, true);
}
