/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites of shadow pages share: a device whose small buffers are
 * copied, and what may be left of them.
 *
 * Slots stay mapped when a test ends, so each test compares what is mapped
 * with the slots that have memory.
 */
#ifndef _TESTS_KUNIT_IOMMU_SHADOW_H
#define _TESTS_KUNIT_IOMMU_SHADOW_H

#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/sizes.h>

#include "../../drivers/iommu/dma/shadow.h"
#include "mock_iommu.h"

/* A device with its IOMMU */
struct place {
	struct mock_iommu *iommu;
	struct device *dev;
	size_t limit;
};

static inline void leave(void *dev)
{
	mock_iommu_leave(dev);
}

/* As mock_iommu_device(), but what is mapped at the end is our own affair. */
static inline struct device *join(struct kunit *test, struct mock_iommu *iommu,
				  const char *name,
				  const struct dma_kunit_shape *shape)
{
	struct device *dev = dma_kunit_device(test, name, shape);

	KUNIT_ASSERT_EQ(test, 0, mock_iommu_join(iommu, dev));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, leave, dev));
	return dev;
}

static inline struct device *plain_device(struct kunit *test)
{
	static unsigned int nr;
	char name[16];

	snprintf(name, sizeof(name), "dev%u", nr++ % 1000);
	return join(test, mock_iommu_create(test, &(struct mock_iommu_shape){}),
		    name, &(struct dma_kunit_shape){});
}

static inline struct dma_shadow *shadow_of(struct device *dev)
{
	return dma_domain_serving(dev)->shadow;
}

static inline struct dma_shadow_figures figures_of(struct device *dev)
{
	return dma_shadow_figures(shadow_of(dev));
}

/* The first member, as the streaming calls use it */
static inline const struct dma_shadow_window *window_of(struct device *dev)
{
	return (const struct dma_shadow_window *)shadow_of(dev);
}

/* How many there can be */
static inline unsigned int nr_slots_of(struct device *dev)
{
	return window_of(dev)->size / figures_of(dev).slot_size;
}

static inline struct place place_of(struct kunit *test,
				    const struct mock_iommu_shape *iommu,
				    const struct dma_kunit_shape *dev)
{
	struct place place = { .iommu = mock_iommu_create(test, iommu) };

	place.dev = join(test, place.iommu, "dev", dev);
	KUNIT_ASSERT_EQ(test, 0, dma_shadow_switch(place.dev, true));
	KUNIT_ASSERT_NOT_NULL(test, shadow_of(place.dev));
	place.limit = window_of(place.dev)->limit;
	return place;
}

static inline struct place plain_place(struct kunit *test)
{
	return place_of(test, &(struct mock_iommu_shape){},
			&(struct dma_kunit_shape){});
}

static inline bool is_shadow(struct device *dev, dma_addr_t dma_addr)
{
	return !dma_mapping_error(dev, dma_addr) &&
	       dma_is_shadow(dma_domain_serving(dev), dma_addr);
}

/* Nothing is in use, and nothing is mapped but slots. */
static inline void check_gone(struct kunit *test, struct device *dev)
{
	struct dma_shadow_figures figures = figures_of(dev);

	KUNIT_EXPECT_EQ(test, figures.nr_used, 0);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), figures.nr_slots);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_stale(dev), 0);
}

struct way {
	const char *what;
	bool is_noncoherent;
	unsigned long page_sizes;
};

static const struct way ways[] __maybe_unused = {
	{ "coherent" },
	{ "non-coherent", true },
	{ "pages of 64 KiB", false, SZ_64K },
};

static inline void way_to_desc(const struct way *way, char *desc)
{
	strscpy(desc, way->what, KUNIT_PARAM_DESC_SIZE);
}

static inline struct place make_place(struct kunit *test, const struct way *way)
{
	return place_of(test, &(struct mock_iommu_shape) {
		.page_sizes = way->page_sizes,
	}, &(struct dma_kunit_shape) {
		.is_noncoherent = way->is_noncoherent,
	});
}

/* Who is served, and who is not */

static inline void check_mapped(struct kunit *test, struct device *dev,
				u8 *buffer, size_t size, unsigned long attrs)
{
	dma_addr_t dma_addr;

	mock_iommu_fill(buffer, size, 6);
	dma_addr = dma_map_single_attrs(dev, buffer, size, DMA_TO_DEVICE,
					attrs);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	KUNIT_EXPECT_FALSE_MSG(test, is_shadow(dev, dma_addr), "%zu bytes",
			       size);
	KUNIT_EXPECT_EQ(test, mock_iommu_phys(dev, dma_addr),
			virt_to_phys(buffer));
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(dev, dma_addr, buffer, size));
	dma_unmap_single_attrs(dev, dma_addr, size, DMA_TO_DEVICE, attrs);
}

static inline void check_shadowed(struct kunit *test, struct device *dev,
				  u8 *buffer, size_t size)
{
	dma_addr_t dma_addr;

	mock_iommu_fill(buffer, size, 6);
	dma_addr = dma_map_single(dev, buffer, size, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	KUNIT_EXPECT_TRUE_MSG(test, is_shadow(dev, dma_addr), "%zu bytes",
			      size);
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(dev, dma_addr, buffer, size));
	dma_unmap_single(dev, dma_addr, size, DMA_TO_DEVICE);
}

/* No slot is to go by itself while a test counts them. */
static inline int keep_slots(struct kunit *test)
{
	test->priv = (void *)dma_shadow_idle;
	dma_shadow_idle = 600 * HZ;
	return 0;
}

static inline void unkeep_slots(struct kunit *test)
{
	dma_shadow_idle = (unsigned long)test->priv;
}

#endif /* _TESTS_KUNIT_IOMMU_SHADOW_H */
