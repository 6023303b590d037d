// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of drivers/iommu/dma/shadow.c: small buffers that are copied
 * through pages which stay mapped. What the device sees, and who is served.
 *
 * The device sees the bytes of its buffer, and of the CPU's page around it
 * nothing; what it writes beside its buffer reaches nobody. That slots are
 * mapped already shows in what the IOMMU is asked to do: nothing.
 *
 * Slots as a whole are tested in iommu_shadow_slots_kunit.c.
 */

#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "../../drivers/iommu/dma-iommu.h"
#include "iommu_shadow.h"

KUNIT_ARRAY_PARAM(way, ways, way_to_desc);
MOCK_IOMMU_PARAM_TYPICAL(way)

#define EXTENT		(4 * PAGE_SIZE)
#define SECRET		0xc3

/* Does a byte stand anywhere in the slot, outside of the buffer? */
static bool leaks(struct kunit *test, struct device *dev, dma_addr_t dma_addr,
		  size_t size, u8 byte)
{
	size_t slot_size = figures_of(dev).slot_size;
	dma_addr_t start = ALIGN_DOWN(dma_addr, slot_size);
	size_t before = dma_addr - start, after = slot_size - before - size;
	u8 *copy = kunit_kzalloc(test, slot_size, GFP_KERNEL);
	bool is_found;

	KUNIT_ASSERT_NOT_NULL(test, copy);
	KUNIT_EXPECT_TRUE(test, mock_iommu_read(dev, start, copy, slot_size));
	is_found = memchr(copy, byte, before) ||
		   memchr(copy + before + size, byte, after);
	kunit_kfree(test, copy);
	return is_found;
}

/* What the device sees */

static const size_t sizes[] = { 1, 3, 64, 300, 2048, 4095, 4096 };
static const size_t offsets[] = { 0, 1, 64, 777, 4095 };

static void check_address(struct kunit *test, const struct place *place,
			  const u8 *buffer, dma_addr_t dma_addr, size_t size)
{
	size_t slot_size = figures_of(place->dev).slot_size;
	size_t offset = virt_to_phys((void *)buffer) & (slot_size - 1);

	KUNIT_EXPECT_TRUE(test, is_shadow(place->dev, dma_addr));
	KUNIT_EXPECT_NE(test, PHYS_PFN(mock_iommu_phys(place->dev, dma_addr)),
			PHYS_PFN(virt_to_phys((void *)buffer)));
	/* At its place in the page, if that leaves room for it */
	KUNIT_EXPECT_EQ(test, dma_addr & (slot_size - 1),
			offset + size <= slot_size ? offset : 0);
}

static void check_to_device(struct kunit *test, const struct place *place,
			    u8 *extent, size_t offset, size_t size)
{
	struct device *dev = place->dev;
	u8 *buffer = extent + offset;
	dma_addr_t dma_addr;

	memset(extent, SECRET, EXTENT);
	memset(buffer, 0x11, size);
	dma_addr = dma_map_single(dev, buffer, size, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	check_address(test, place, buffer, dma_addr, size);
	KUNIT_EXPECT_TRUE_MSG(test, mock_iommu_sees(dev, dma_addr, buffer,
						    size),
			      "%zu bytes at %zu", size, offset);
	KUNIT_EXPECT_FALSE_MSG(test, leaks(test, dev, dma_addr, size, SECRET),
			       "%zu bytes at %zu", size, offset);
	/* The CPU goes on, and the device does not notice. */
	memset(extent, SECRET, EXTENT);
	buffer[0] = 0x22;
	KUNIT_EXPECT_FALSE(test, mock_iommu_sees(dev, dma_addr, buffer, 1));
	dma_unmap_single(dev, dma_addr, size, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, buffer[0], 0x22);
	check_gone(test, dev);
}

static void shadow_to_device_test(struct kunit *test)
{
	struct place place = make_place(test, mock_iommu_param(test));
	u8 *extent = mock_iommu_buffer(test, EXTENT);

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++)
		for (unsigned int j = 0; j < ARRAY_SIZE(offsets); j++)
			if (sizes[i] <= place.limit)
				check_to_device(test, &place, extent,
						offsets[j], sizes[i]);
}

/* Whole pages that both write: each side sees at once what the other does. */
static bool is_shared(struct device *dev, const void *buffer, size_t size,
		      enum dma_data_direction dir)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	return dir == DMA_BIDIRECTIONAL &&
	       !((virt_to_phys((void *)buffer) | size) &
		 (BIT(__ffs(domain->pgsize_bitmap)) - 1));
}

static void check_shared(struct kunit *test, const struct place *place,
			 u8 *buffer, size_t size)
{
	struct device *dev = place->dev;
	dma_addr_t dma_addr;

	dma_addr = dma_map_single(dev, buffer, size, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	KUNIT_EXPECT_FALSE(test, is_shadow(dev, dma_addr));
	memset(buffer, 0x44, size);
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(dev, dma_addr, buffer, size));
	KUNIT_EXPECT_TRUE(test, mock_iommu_write_fill(dev, dma_addr, size, 5));
	KUNIT_EXPECT_TRUE(test, mock_iommu_is_filled(buffer, size, 5));
	dma_unmap_single(dev, dma_addr, size, DMA_BIDIRECTIONAL);
	check_gone(test, dev);
}

/* A driver that polls looks, and lets the device go on: nothing is lost. */
static void shadow_poll_test(struct kunit *test)
{
	struct place place = make_place(test, test->param_value);
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	struct device *dev = place.dev;
	dma_addr_t dma_addr;

	dma_addr = dma_map_single(dev, buffer + 256, 64, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	KUNIT_EXPECT_TRUE(test, is_shadow(dev, dma_addr));
	dma_sync_single_for_cpu(dev, dma_addr, 64, DMA_FROM_DEVICE);
	KUNIT_EXPECT_TRUE(test, mock_iommu_write_fill(dev, dma_addr, 64, 7));
	dma_sync_single_for_device(dev, dma_addr, 64, DMA_FROM_DEVICE);
	dma_unmap_single(dev, dma_addr, 64, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_TRUE(test, mock_iommu_is_filled(buffer + 256, 64, 7));
	check_gone(test, dev);
}

/* The device fills the slot to its ends: only the buffer gets its bytes. */
static void check_from_device(struct kunit *test, const struct place *place,
			      u8 *extent, const u8 *junk, size_t offset,
			      size_t size, enum dma_data_direction dir)
{
	size_t slot_size = figures_of(place->dev).slot_size;
	struct device *dev = place->dev;
	u8 *buffer = extent + offset;
	dma_addr_t dma_addr, start;

	if (is_shared(dev, buffer, size, dir)) {
		check_shared(test, place, buffer, size);
		return;
	}
	memset(extent, 0x5a, EXTENT);
	dma_addr = dma_map_single(dev, buffer, size, dir);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	check_address(test, place, buffer, dma_addr, size);
	start = ALIGN_DOWN(dma_addr, slot_size);
	KUNIT_EXPECT_TRUE(test, mock_iommu_write(dev, start, junk, slot_size));
	KUNIT_EXPECT_TRUE(test, mock_iommu_write_fill(dev, dma_addr, size, 33));
	KUNIT_EXPECT_NULL(test, memchr_inv(extent, 0x5a, EXTENT));
	dma_unmap_single(dev, dma_addr, size, dir);
	KUNIT_EXPECT_TRUE_MSG(test, mock_iommu_is_filled(buffer, size, 33),
			      "%zu bytes at %zu", size, offset);
	KUNIT_EXPECT_NULL(test, memchr_inv(extent, 0x5a, offset));
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer + size, 0x5a,
					   EXTENT - offset - size));
	check_gone(test, dev);
}

static void shadow_from_device_test(struct kunit *test)
{
	struct place place = make_place(test, mock_iommu_param(test));
	u8 *junk = mock_iommu_buffer(test, figures_of(place.dev).slot_size);
	u8 *extent = mock_iommu_buffer(test, EXTENT);

	mock_iommu_fill(junk, figures_of(place.dev).slot_size, 7);
	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++)
		for (unsigned int j = 0; j < ARRAY_SIZE(offsets); j++) {
			/* Those that share a cache line are bounced. */
			if (sizes[i] > place.limit ||
			    dma_kmalloc_needs_bounce(place.dev, sizes[i],
						     DMA_FROM_DEVICE))
				continue;
			check_from_device(test, &place, extent, junk,
					  offsets[j], sizes[i],
					  DMA_FROM_DEVICE);
			check_from_device(test, &place, extent, junk,
					  offsets[j], sizes[i],
					  DMA_BIDIRECTIONAL);
		}
}

/* Where the device writes nothing, the CPU's bytes stay, not somebody else's. */
static void shadow_unwritten_test(struct kunit *test)
{
	struct place place = make_place(test, mock_iommu_param(test));
	u8 *extent = mock_iommu_buffer(test, EXTENT);
	struct device *dev = place.dev;
	dma_addr_t dma_addr;

	for (unsigned int round = 0; round < 20; round++) {
		mock_iommu_fill(extent, EXTENT, round);
		dma_addr = dma_map_single(dev, extent + 512, 1024,
					  DMA_FROM_DEVICE);
		KUNIT_ASSERT_TRUE(test, is_shadow(dev, dma_addr));
		/* And so that the next one finds something else there */
		if (round % 2)
			KUNIT_EXPECT_TRUE(test, mock_iommu_write(dev, dma_addr +
								 1000, "new",
								 3));
		dma_unmap_single(dev, dma_addr, 1024, DMA_FROM_DEVICE);
		if (round % 2) {
			KUNIT_EXPECT_EQ(test, 0, memcmp(extent + 1512, "new",
							3));
			KUNIT_EXPECT_TRUE(test, mock_iommu_is_filled(extent,
								     1512,
								     round));
		} else {
			KUNIT_EXPECT_TRUE(test, mock_iommu_is_filled(extent,
								     EXTENT,
								     round));
		}
	}
	check_gone(test, dev);
}

/* The caller may leave the copying out at the end, as after an own sync call. */
static void shadow_skip_at_unmap_test(struct kunit *test)
{
	struct place place = make_place(test, mock_iommu_param(test));
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	dma_addr_t dma_addr;

	memset(buffer, 0x5a, SZ_4K);
	dma_addr = dma_map_single(place.dev, buffer, 512, DMA_FROM_DEVICE);
	KUNIT_ASSERT_TRUE(test, is_shadow(place.dev, dma_addr));
	KUNIT_EXPECT_TRUE(test, mock_iommu_write_fill(place.dev, dma_addr, 512,
						      1));
	dma_unmap_single_attrs(place.dev, dma_addr, 512, DMA_FROM_DEVICE,
			       DMA_ATTR_SKIP_CPU_SYNC);
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer, 0x5a, SZ_4K));
	check_gone(test, place.dev);
}

/* Back and forth, all of it and in parts */
static void shadow_sync_test(struct kunit *test)
{
	struct place place = make_place(test, mock_iommu_param(test));
	u8 *extent = mock_iommu_buffer(test, EXTENT), *buffer = extent + 256;
	struct device *dev = place.dev;
	dma_addr_t dma_addr;

	mock_iommu_fill(buffer, 2048, 1);
	dma_addr = dma_map_single(dev, buffer, 2048, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_TRUE(test, is_shadow(dev, dma_addr));
	KUNIT_EXPECT_TRUE(test, mock_iommu_write_fill(dev, dma_addr, 2048, 2));
	KUNIT_EXPECT_TRUE(test, mock_iommu_is_filled(buffer, 2048, 1));
	dma_sync_single_for_cpu(dev, dma_addr, 2048, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_TRUE(test, mock_iommu_is_filled(buffer, 2048, 2));

	mock_iommu_fill(buffer, 2048, 3);
	dma_sync_single_for_device(dev, dma_addr, 2048, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(dev, dma_addr, buffer, 2048));

	/* A part, and nothing besides */
	KUNIT_EXPECT_TRUE(test, mock_iommu_write_fill(dev, dma_addr, 2048, 4));
	dma_sync_single_range_for_cpu(dev, dma_addr, 512, 256,
				      DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_TRUE(test, mock_iommu_is_filled(buffer, 512, 3));
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(dev, dma_addr + 512,
						buffer + 512, 256));
	KUNIT_EXPECT_FALSE(test, mock_iommu_sees(dev, dma_addr + 768,
						 buffer + 768, 1));
	memset(buffer, 0x77, 2048);
	dma_sync_single_range_for_device(dev, dma_addr, 512, 256,
					 DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(dev, dma_addr + 512,
						buffer + 512, 256));
	KUNIT_EXPECT_FALSE(test, mock_iommu_sees(dev, dma_addr + 511,
						 buffer + 511, 1));
	KUNIT_EXPECT_FALSE(test, mock_iommu_sees(dev, dma_addr + 768,
						 buffer + 768, 1));
	dma_unmap_single(dev, dma_addr, 2048, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_EQ(test, extent[255], 0);
	KUNIT_EXPECT_EQ(test, buffer[2048], 0);
	check_gone(test, dev);
}

/* What goes to the device only is not copied back, whoever asks for it. */
static void shadow_sync_to_device_test(struct kunit *test)
{
	struct place place = plain_place(test);
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	dma_addr_t dma_addr;

	memset(buffer, 0x33, 512);
	dma_addr = dma_map_single(place.dev, buffer, 512, DMA_TO_DEVICE);
	KUNIT_ASSERT_TRUE(test, is_shadow(place.dev, dma_addr));
	memset(buffer, 0x44, 512);
	dma_sync_single_for_cpu(place.dev, dma_addr, 512, DMA_TO_DEVICE);
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer, 0x44, 512));
	dma_sync_single_for_device(place.dev, dma_addr, 512, DMA_TO_DEVICE);
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(place.dev, dma_addr, buffer,
						512));
	dma_unmap_single(place.dev, dma_addr, 512, DMA_TO_DEVICE);
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer, 0x44, 512));
	check_gone(test, place.dev);
}

/* Only a mapping with a copy needs the sync calls of a coherent device. */
static void shadow_need_sync_test(struct kunit *test)
{
	struct device *dev = plain_device(test);
	u8 *buffer = mock_iommu_buffer(test, SZ_64K);
	dma_addr_t small, large;

	KUNIT_ASSERT_EQ(test, 0, dma_set_mask(dev, DMA_BIT_MASK(64)));
	KUNIT_ASSERT_EQ(test, 0, dma_shadow_switch(dev, true));
	small = dma_map_single(dev, buffer, 64, DMA_TO_DEVICE);
	large = dma_map_single(dev, buffer, SZ_64K, DMA_TO_DEVICE);
	KUNIT_ASSERT_TRUE(test, is_shadow(dev, small));
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, large));
	KUNIT_EXPECT_TRUE(test, dma_need_sync(dev, small));
	KUNIT_EXPECT_FALSE(test, dma_need_sync(dev, large));
#ifdef CONFIG_DMA_NEED_SYNC
	KUNIT_EXPECT_FALSE(test, dev->dma_skip_sync);
#endif
	dma_unmap_single(dev, small, 64, DMA_TO_DEVICE);
	dma_unmap_single(dev, large, SZ_64K, DMA_TO_DEVICE);
	check_gone(test, dev);
}

/* What the IOMMU is asked to do */

static void shadow_no_invalidation_test(struct kunit *test)
{
	struct place place = make_place(test, mock_iommu_param(test));
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	struct mock_iommu_counts before = mock_iommu_counts(place.dev), after;
	struct dma_shadow_figures figures;
	dma_addr_t dma_addr;

	for (unsigned int i = 0; i < 300; i++) {
		dma_addr = dma_map_single(place.dev, buffer, 1024,
					  i % 2 ? DMA_FROM_DEVICE :
						  DMA_TO_DEVICE);
		KUNIT_ASSERT_TRUE(test, is_shadow(place.dev, dma_addr));
		dma_unmap_single(place.dev, dma_addr, 1024,
				 i % 2 ? DMA_FROM_DEVICE : DMA_TO_DEVICE);
	}
	after = mock_iommu_counts(place.dev);
	figures = figures_of(place.dev);
	/* One slot of each kind for each CPU that we came across */
	KUNIT_EXPECT_LE(test, figures.nr_slots, 2 * num_possible_cpus());
	KUNIT_EXPECT_EQ(test, figures.mapped, 300);
	KUNIT_EXPECT_EQ(test, after.mapped - before.mapped,
			figures.nr_slots * figures.slot_size);
	KUNIT_EXPECT_EQ(test, after.unmapped, before.unmapped);
	KUNIT_EXPECT_EQ(test, after.nr_syncs, before.nr_syncs);
	KUNIT_EXPECT_EQ(test, after.nr_flushes, before.nr_flushes);
	check_gone(test, place.dev);
}

/* Who is not served */

static void shadow_limit_test(struct kunit *test)
{
	struct place place = plain_place(test);
	u8 *buffer = mock_iommu_buffer(test, SZ_256K);
	dma_addr_t dma_addr;

	check_shadowed(test, place.dev, buffer, place.limit);
	check_shadowed(test, place.dev, buffer + 100, place.limit);
	check_mapped(test, place.dev, buffer, place.limit + 1, 0);
	check_mapped(test, place.dev, buffer, SZ_128K, 0);
	/* Who keeps it mapped, and looks after the caches himself */
	check_mapped(test, place.dev, buffer, 64, DMA_ATTR_SKIP_CPU_SYNC);
	/* Registers are no memory to be copied. */
	dma_addr = dma_map_resource(place.dev, mock_iommu_registers(test), 64,
				    DMA_BIDIRECTIONAL, 0);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(place.dev, dma_addr));
	KUNIT_EXPECT_FALSE(test, is_shadow(place.dev, dma_addr));
	KUNIT_EXPECT_EQ(test, mock_iommu_phys(place.dev, dma_addr),
			mock_iommu_registers(test));
	dma_unmap_resource(place.dev, dma_addr, 64, DMA_BIDIRECTIONAL, 0);
	check_gone(test, place.dev);
}

/* A device that wants addresses aligned like its memory gets them so. */
static void shadow_align_mask_test(struct kunit *test)
{
	struct place place = plain_place(test);
	u8 *buffer = mock_iommu_buffer(test, SZ_16K);
	size_t size = place.limit;

	dma_set_min_align_mask(place.dev, SZ_4K - 1);
	check_shadowed(test, place.dev, buffer, size);
	check_shadowed(test, place.dev, buffer + 600, 512);
	/* Its place in the page leaves no room in the slot. */
	check_mapped(test, place.dev, buffer + 600, size, 0);
	dma_set_min_align_mask(place.dev, 7);
	check_shadowed(test, place.dev, buffer + 600, size);
	check_mapped(test, place.dev, buffer + 601, size, 0);
	check_gone(test, place.dev);
}

/* Slots are below 4 GiB, and some devices do not even reach there. */
static void shadow_reach_test(struct kunit *test)
{
	struct place place = place_of(test, &(struct mock_iommu_shape) {
		.has_one_group = true,
	}, &(struct dma_kunit_shape) {
		.mask = DMA_BIT_MASK(32),
	});
	static const struct dma_kunit_shape narrow[] = {
		{ .mask = DMA_BIT_MASK(24) },
		{ .bus_limit = DMA_BIT_MASK(24) },
	};
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	struct device *dev;

	check_shadowed(test, place.dev, buffer, 512);
	for (unsigned int i = 0; i < ARRAY_SIZE(narrow); i++) {
		dev = join(test, place.iommu, i ? "bus" : "mask", &narrow[i]);
		KUNIT_EXPECT_EQ(test, 0, dma_shadow_switch(dev, true));
		check_mapped(test, dev, buffer, 512, 0);
		check_mapped(test, dev, buffer, SZ_4K, 0);
	}
	check_shadowed(test, place.dev, buffer, 512);
	check_gone(test, place.dev);
}

static void shadow_refused_test(struct kunit *test)
{
	struct device *lazy, *identity;

	lazy = join(test, mock_iommu_create(test, &(struct mock_iommu_shape) {
		.domain_type = IOMMU_DOMAIN_DMA_FQ,
	}), "lazy", &(struct dma_kunit_shape){});
	identity = join(test, mock_iommu_create(test,
						&(struct mock_iommu_shape) {
		.domain_type = IOMMU_DOMAIN_IDENTITY,
	}), "identity", &(struct dma_kunit_shape){});

	KUNIT_EXPECT_EQ(test, -ENODEV,
			dma_shadow_switch(dma_kunit_coherent_device(test,
								    "direct"),
					  true));
	KUNIT_EXPECT_EQ(test, -ENODEV, dma_shadow_switch(identity, true));
	KUNIT_EXPECT_EQ(test, -ENODEV, dma_shadow_switch(identity, false));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, dma_shadow_switch(lazy, true));
	KUNIT_EXPECT_NULL(test, shadow_of(lazy));
	check_mapped(test, lazy, mock_iommu_buffer(test, SZ_4K), 64, 0);
	KUNIT_EXPECT_EQ(test, 0, dma_shadow_switch(lazy, false));
}

/* A domain whose addresses do not hold the slots stays as it was. */
static void shadow_no_room_test(struct kunit *test)
{
	struct device *dev = join(test, mock_iommu_create(test,
			&(struct mock_iommu_shape) {
				.aperture_start = SZ_1M,
				.aperture_last = SZ_2M - 1,
			}), "dev", &(struct dma_kunit_shape){});
	u8 *buffer = mock_iommu_buffer(test, SZ_64K);

	KUNIT_EXPECT_EQ(test, -ENOMEM, dma_shadow_switch(dev, true));
	KUNIT_EXPECT_NULL(test, shadow_of(dev));
	for (unsigned int i = 0; i < 40; i++)
		check_mapped(test, dev, buffer, SZ_64K, 0);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), 0);
}

/* Devices of one group */

/* The switch is one device's: what is done for it must not touch another's. */
static void shadow_group_switch_test(struct kunit *test)
{
	struct place place = place_of(test, &(struct mock_iommu_shape) {
		.has_one_group = true,
	}, &(struct dma_kunit_shape){});
	struct device *early, *late;
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);

	if (IS_ENABLED(CONFIG_DMA_IOMMU_SHADOW_DEFAULT))
		kunit_skip(test, "all devices have shadow pages here");
	late = join(test, place.iommu, "late", &(struct dma_kunit_shape){});
	check_mapped(test, late, buffer, 512, 0);
	KUNIT_EXPECT_EQ(test, 0, dma_shadow_switch(late, true));
	check_shadowed(test, late, buffer, 512);
	KUNIT_EXPECT_EQ(test, 0, dma_shadow_switch(late, false));
	check_mapped(test, late, buffer, 512, 0);
	check_shadowed(test, place.dev, buffer, 512);

	/* And one that was there before anybody was switched */
	place.iommu = mock_iommu_create(test, &(struct mock_iommu_shape) {
		.has_one_group = true,
	});
	early = join(test, place.iommu, "early", &(struct dma_kunit_shape){});
	place.dev = join(test, place.iommu, "other",
			 &(struct dma_kunit_shape){});
	KUNIT_EXPECT_EQ(test, 0, dma_shadow_switch(place.dev, true));
	check_shadowed(test, place.dev, buffer, 512);
	check_mapped(test, early, buffer, 512, 0);
	check_gone(test, place.dev);
}

/* Slots are for those that see the CPU's caches, or for those that do not. */
static void shadow_group_coherence_test(struct kunit *test)
{
	struct place place = place_of(test, &(struct mock_iommu_shape) {
		.has_one_group = true,
	}, &(struct dma_kunit_shape){});
	struct device *other = join(test, place.iommu, "other",
				    &(struct dma_kunit_shape) {
					.is_noncoherent = true,
				    });
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);

	KUNIT_EXPECT_EQ(test, 0, dma_shadow_switch(other, true));
	check_shadowed(test, place.dev, buffer, 512);
	check_mapped(test, other, buffer, 512, 0);
	check_gone(test, place.dev);
}

/* Switching while there are mappings */

static void shadow_switch_live_test(struct kunit *test)
{
	struct device *dev = plain_device(test);
	u8 *buffer = mock_iommu_buffer(test, 3 * SZ_4K);
	dma_addr_t before, during, after;

	KUNIT_ASSERT_EQ(test, 0, dma_shadow_switch(dev, false));
	before = dma_map_single(dev, buffer, 512, DMA_FROM_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, before));
	KUNIT_ASSERT_EQ(test, 0, dma_shadow_switch(dev, true));
	KUNIT_ASSERT_EQ(test, 0, dma_shadow_switch(dev, true));
	during = dma_map_single(dev, buffer + SZ_4K, 512, DMA_FROM_DEVICE);
	KUNIT_ASSERT_TRUE(test, is_shadow(dev, during));
	KUNIT_EXPECT_FALSE(test, is_shadow(dev, before));
	KUNIT_ASSERT_EQ(test, 0, dma_shadow_switch(dev, false));
	after = dma_map_single(dev, buffer + SZ_8K, 512, DMA_FROM_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, after));
	KUNIT_EXPECT_FALSE(test, is_shadow(dev, after));

	KUNIT_EXPECT_TRUE(test, mock_iommu_write_fill(dev, before, 512, 1));
	KUNIT_EXPECT_TRUE(test, mock_iommu_write_fill(dev, during, 512, 2));
	KUNIT_EXPECT_TRUE(test, mock_iommu_write_fill(dev, after, 512, 3));
	dma_sync_single_for_cpu(dev, during, 512, DMA_FROM_DEVICE);
	KUNIT_EXPECT_TRUE(test, mock_iommu_is_filled(buffer + SZ_4K, 512, 2));
	dma_unmap_single(dev, before, 512, DMA_FROM_DEVICE);
	dma_unmap_single(dev, during, 512, DMA_FROM_DEVICE);
	dma_unmap_single(dev, after, 512, DMA_FROM_DEVICE);
	for (unsigned int i = 0; i < 3; i++)
		KUNIT_EXPECT_TRUE(test, mock_iommu_is_filled(buffer + i * SZ_4K,
							     512, i + 1));
	check_gone(test, dev);
}

/* A strict domain becomes lazy: copying saves nothing any more. */
static void shadow_becomes_lazy_test(struct kunit *test)
{
	struct place place = plain_place(test);
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	dma_addr_t dma_addr;

	if (mock_iommu_shape_of(test)->is_strict)
		kunit_skip(test, "it can't put anything off");
	dma_addr = dma_map_single(place.dev, buffer, 512, DMA_FROM_DEVICE);
	KUNIT_ASSERT_TRUE(test, is_shadow(place.dev, dma_addr));
	KUNIT_ASSERT_EQ(test, 0,
			iommu_dma_init_fq(iommu_get_dma_domain(place.dev)));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, dma_shadow_switch(place.dev, true));
	KUNIT_EXPECT_TRUE(test, mock_iommu_write_fill(place.dev, dma_addr, 512,
						      9));
	dma_unmap_single(place.dev, dma_addr, 512, DMA_FROM_DEVICE);
	KUNIT_EXPECT_TRUE(test, mock_iommu_is_filled(buffer, 512, 9));
	check_mapped(test, place.dev, buffer, 512, 0);
	KUNIT_EXPECT_EQ(test, figures_of(place.dev).nr_used, 0);
}

static struct kunit_case iommu_shadow_cases[] = {
	MOCK_IOMMU_CASE_PARAM_TYPICAL(shadow_to_device_test, way),
	MOCK_IOMMU_CASE_PARAM_TYPICAL(shadow_from_device_test, way),
	MOCK_IOMMU_CASE_PARAM_TYPICAL(shadow_poll_test, way),
	MOCK_IOMMU_CASE_PARAM_TYPICAL(shadow_unwritten_test, way),
	MOCK_IOMMU_CASE_PARAM_TYPICAL(shadow_skip_at_unmap_test, way),
	MOCK_IOMMU_CASE_PARAM_TYPICAL(shadow_sync_test, way),
	MOCK_IOMMU_CASE_TYPICAL(shadow_sync_to_device_test),
	MOCK_IOMMU_CASE_TYPICAL(shadow_need_sync_test),
	MOCK_IOMMU_CASE_PARAM_TYPICAL(shadow_no_invalidation_test, way),
	MOCK_IOMMU_CASE_TYPICAL(shadow_limit_test),
	MOCK_IOMMU_CASE_TYPICAL(shadow_align_mask_test),
	MOCK_IOMMU_CASE_TYPICAL(shadow_reach_test),
	MOCK_IOMMU_CASE_TYPICAL(shadow_refused_test),
	MOCK_IOMMU_CASE_TYPICAL(shadow_no_room_test),
	MOCK_IOMMU_CASE_TYPICAL(shadow_group_switch_test),
	MOCK_IOMMU_CASE_TYPICAL(shadow_group_coherence_test),
	MOCK_IOMMU_CASE_TYPICAL(shadow_switch_live_test),
	MOCK_IOMMU_CASE_TYPICAL(shadow_becomes_lazy_test),
	{}
};

static struct kunit_suite iommu_shadow_suite = {
	.name = "iommu_shadow",
	.init = keep_slots,
	.exit = unkeep_slots,
	.test_cases = iommu_shadow_cases,
};

kunit_test_suite(iommu_shadow_suite);

MODULE_DESCRIPTION("KUnit tests of shadow pages behind an IOMMU");
MODULE_LICENSE("GPL");
