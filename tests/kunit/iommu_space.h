/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites of drivers/iommu/dma/space.c share.
 */
#ifndef _TESTS_KUNIT_IOMMU_SPACE_H
#define _TESTS_KUNIT_IOMMU_SPACE_H

#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/log2.h>

#include "../../drivers/iommu/dma/space.h"

#define SHIFT		12
#define NR_GRANULES	8192UL
#define LARGEST		DMA_SPACE_LARGEST

static inline void destroy_space(void *space)
{
	dma_space_destroy(space);
}

static inline struct dma_space *new_space(struct kunit *test,
					  unsigned long first)
{
	struct dma_space *space = kunit_kzalloc(test, sizeof(*space),
						GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, space);
	KUNIT_ASSERT_EQ(test, 0, dma_space_init(space, SHIFT, first));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, destroy_space,
							   space));
	return space;
}

/* As its users do it: again, once nothing is kept any more */
static inline unsigned long get_hard(struct dma_space *space,
				     unsigned long nr, unsigned long last)
{
	unsigned long start = dma_space_get(space, nr, last);

	if (start)
		return start;
	dma_space_drain(space);
	return dma_space_get(space, nr, last);
}

/* How many granules a request takes: those that are kept are powers of two. */
static inline unsigned long taken_by(unsigned long nr)
{
	return nr <= LARGEST ? roundup_pow_of_two(nr) : nr;
}

/* Is all of it free, now that nobody has anything? Leaves it so. */
static inline void check_all_free(struct kunit *test, struct dma_space *space,
				  unsigned long first, unsigned long last)
{
	KUNIT_EXPECT_EQ(test, 0, dma_space_claim(space, first, last));
	dma_space_unclaim(space, first);
}

static inline unsigned long *new_bitmap(struct kunit *test)
{
	unsigned long *bits = kunit_kcalloc(test, BITS_TO_LONGS(NR_GRANULES),
					    sizeof(long), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, bits);
	return bits;
}

#endif /* _TESTS_KUNIT_IOMMU_SPACE_H */
