/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites of bounce buffers share: a set of their own, and a device
 * all of whose mappings go through it.
 *
 * The test is the device: it looks at, and writes to, the copy.  When a test
 * ends, no slot of its set may be in use any more, or the test fails.
 */
#ifndef _TESTS_KUNIT_SWIOTLB_PLACE_H
#define _TESTS_KUNIT_SWIOTLB_PLACE_H

#include <linux/dma-direct.h>

#include "../../kernel/dma/swiotlb/swiotlb.h"
#include "mock.h"

/**
 * struct swiotlb_place - a set and a device that uses it
 * @set: made by swiotlb_reserved_create(), of @size bytes at @phys
 * @dev: the device
 * @memory: where @phys is for the CPU
 * @phys: of the set's pool
 * @size: of the pool, in bytes
 */
struct swiotlb_place {
	struct swiotlb_set	*set;
	struct device		*dev;
	void			*memory;
	phys_addr_t		phys;
	size_t			size;
};

struct swiotlb_place *swiotlb_place(struct kunit *test, size_t size,
				    size_t skew,
				    const struct dma_kunit_shape *shape);
void swiotlb_place_grows(struct swiotlb_place *place, size_t limit);
struct device *swiotlb_place_device(struct kunit *test,
				    struct swiotlb_place *place,
				    const char *name);

static inline struct swiotlb_place *swiotlb_plain_place(struct kunit *test,
							size_t size)
{
	return swiotlb_place(test, size, 0, &(struct dma_kunit_shape) {});
}

/* What the device finds at an address of a mapping */
static inline u8 *swiotlb_seen(struct device *dev, dma_addr_t dma_addr)
{
	return phys_to_virt(dma_to_phys(dev, dma_addr));
}

static inline unsigned long swiotlb_nr_used(const struct swiotlb_place *place)
{
	return swiotlb_set_nr_used(place->set);
}

#endif /* _TESTS_KUNIT_SWIOTLB_PLACE_H */
