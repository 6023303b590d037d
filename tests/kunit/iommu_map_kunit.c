// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of streaming mappings through an IOMMU: single buffers, pages
 * and registers.
 *
 * The test is the device: it reads and writes by the mock's page table, and
 * has to see each byte of the buffer, be refused what the direction forbids,
 * and see nothing once the buffer is unmapped.
 */

#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/swiotlb.h>

#include "log.h"
#include "mock_iommu.h"

struct way {
	const char *what;
	bool is_noncoherent;
	bool is_lazy;
	unsigned long page_sizes;
};

static const struct way ways[] = {
	{ "coherent", false },
	{ "non-coherent", true },
	{ "lazy", false, true },
	{ "pages of 4 KiB only", false, false, SZ_4K },
};

static void way_to_desc(const struct way *way, char *desc)
{
	strscpy(desc, way->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(way, ways, way_to_desc);
MOCK_IOMMU_PARAM(way)

/* A device with its IOMMU */
struct place {
	struct mock_iommu *iommu;
	struct device *dev;
	size_t granule;
	bool is_lazy;
};

static struct place make_place(struct kunit *test, const struct way *way)
{
	struct place place = {
		.iommu = mock_iommu_create(test, &(struct mock_iommu_shape) {
			.page_sizes = way->page_sizes,
			.granule = MOCK_IOMMU_ANY,
			.domain_type = way->is_lazy ? IOMMU_DOMAIN_DMA_FQ : 0,
		}),
		.granule = mock_iommu_granule(test),
		.is_lazy = way->is_lazy,
	};

	place.dev = mock_iommu_device(test, place.iommu, "dev",
				      &(struct dma_kunit_shape) {
					.is_noncoherent = way->is_noncoherent,
				      });
	return place;
}

static struct place plain_place(struct kunit *test)
{
	return make_place(test, &ways[0]);
}

static void check_gone(struct kunit *test, const struct place *place)
{
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(place->dev), 0);
	if (!place->is_lazy)
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_stale(place->dev), 0);
}

/* Sizes and offsets */

static const size_t sizes[] = { 1, 2, 63, 64, 4095, 4096, 4097, 8191, 12288 };
static const size_t offsets[] = { 0, 1, 7, 64, 2048, 4095 };

#define EXTENT	(16 * PAGE_SIZE)

static void check_reads(struct kunit *test, const struct place *place,
			u8 *buffer, size_t size)
{
	size_t offset = offset_in_page(buffer);
	dma_addr_t dma_addr, first;

	dma_addr = dma_map_single(place->dev, buffer, size, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(place->dev, dma_addr));
	first = ALIGN_DOWN(dma_addr, place->granule);
	KUNIT_EXPECT_EQ(test, dma_addr % place->granule,
			(unsigned long)buffer % place->granule);
	KUNIT_EXPECT_TRUE_MSG(test, mock_iommu_sees(place->dev, dma_addr,
						    buffer, size),
			      "%zu bytes at %zu", size, offset);
	/* Whole pages, and no more of them than needed */
	KUNIT_EXPECT_EQ(test, mock_iommu_prot(place->dev, first - 1), -1);
	KUNIT_EXPECT_EQ(test, mock_iommu_prot(place->dev,
					      ALIGN(dma_addr + size,
						    place->granule)), -1);
	dma_unmap_single(place->dev, dma_addr, size, DMA_TO_DEVICE);
	check_gone(test, place);
}

static void map_to_device_test(struct kunit *test)
{
	struct place place = make_place(test, mock_iommu_param(test));
	u8 *buffer = mock_iommu_buffer(test, EXTENT);

	mock_iommu_fill(buffer, EXTENT, 11);
	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++)
		for (unsigned int j = 0; j < ARRAY_SIZE(offsets); j++)
			check_reads(test, &place, buffer + offsets[j],
				    sizes[i]);
	KUNIT_EXPECT_TRUE(test, mock_iommu_is_filled(buffer, EXTENT, 11));
}

static void check_writes(struct kunit *test, const struct place *place,
			 u8 *extent, size_t offset, size_t size,
			 enum dma_data_direction dir)
{
	u8 *buffer = extent + offset, before, after = buffer[size];
	dma_addr_t dma_addr;

	memset(buffer, 0x5a, size);
	dma_addr = dma_map_single(place->dev, buffer, size, dir);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(place->dev, dma_addr));
	before = offset ? buffer[-1] : 0;
	KUNIT_EXPECT_TRUE(test, mock_iommu_write_fill(place->dev, dma_addr,
						      size, 33));
	dma_unmap_single(place->dev, dma_addr, size, dir);
	KUNIT_EXPECT_TRUE_MSG(test, mock_iommu_is_filled(buffer, size, 33),
			      "%zu bytes at %zu", size, offset);
	KUNIT_EXPECT_EQ(test, buffer[size], after);
	if (offset)
		KUNIT_EXPECT_EQ(test, buffer[-1], before);
	check_gone(test, place);
}

static void map_from_device_test(struct kunit *test)
{
	struct place place = make_place(test, mock_iommu_param(test));
	u8 *extent = mock_iommu_buffer(test, EXTENT);

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++)
		for (unsigned int j = 0; j < ARRAY_SIZE(offsets); j++) {
			check_writes(test, &place, extent, offsets[j], sizes[i],
				     DMA_FROM_DEVICE);
			check_writes(test, &place, extent, offsets[j], sizes[i],
				     DMA_BIDIRECTIONAL);
		}
}

/* Both ways while it is mapped, with sync calls for all and for a part */
static void map_sync_test(struct kunit *test)
{
	struct place place = make_place(test, mock_iommu_param(test));
	u8 *buffer = mock_iommu_buffer(test, SZ_16K);
	struct device *dev = place.dev;
	dma_addr_t dma_addr;

	mock_iommu_fill(buffer, SZ_16K, 1);
	dma_addr = dma_map_single(dev, buffer + 10, SZ_8K, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(dev, dma_addr, buffer + 10,
						SZ_8K));
	KUNIT_EXPECT_TRUE(test, mock_iommu_write_fill(dev, dma_addr, SZ_8K, 2));
	dma_sync_single_for_cpu(dev, dma_addr, SZ_8K, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_TRUE(test, mock_iommu_is_filled(buffer + 10, SZ_8K, 2));

	mock_iommu_fill(buffer + 10, SZ_8K, 3);
	dma_sync_single_for_device(dev, dma_addr, SZ_8K, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(dev, dma_addr, buffer + 10,
						SZ_8K));

	KUNIT_EXPECT_TRUE(test, mock_iommu_write(dev, dma_addr + 5000, "new",
						 3));
	dma_sync_single_range_for_cpu(dev, dma_addr, 4990, 64,
				      DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_EQ(test, 0, memcmp(buffer + 5010, "new", 3));
	dma_sync_single_range_for_device(dev, dma_addr, 4990, 64,
					 DMA_BIDIRECTIONAL);
	dma_unmap_single(dev, dma_addr, SZ_8K, DMA_BIDIRECTIONAL);
	check_gone(test, &place);
}

/* The offset leads beyond the page; and the caller may skip the caches. */
static void map_page_test(struct kunit *test)
{
	struct place place = make_place(test, mock_iommu_param(test));
	u8 *buffer = mock_iommu_buffer(test, EXTENT);
	struct device *dev = place.dev;
	dma_addr_t dma_addr;

	mock_iommu_fill(buffer, EXTENT, 9);
	dma_addr = dma_map_page_attrs(dev, virt_to_page(buffer), 9000, 7000,
				      DMA_TO_DEVICE, DMA_ATTR_SKIP_CPU_SYNC);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(dev, dma_addr, buffer + 9000,
						7000));
	dma_unmap_page_attrs(dev, dma_addr, 7000, DMA_TO_DEVICE,
			     DMA_ATTR_SKIP_CPU_SYNC);
	check_gone(test, &place);
}

/* Permissions */

struct permission {
	const char *what;
	enum dma_data_direction dir;
	unsigned long attrs;
	bool is_noncoherent;
	int prot;
};

static const struct permission permissions[] = {
	{ "to device", DMA_TO_DEVICE, 0, false, IOMMU_READ | IOMMU_CACHE },
	{ "from device", DMA_FROM_DEVICE, 0, false, IOMMU_WRITE | IOMMU_CACHE },
	{ "both", DMA_BIDIRECTIONAL, 0, false,
	  IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE },
	{ "privileged", DMA_TO_DEVICE, DMA_ATTR_PRIVILEGED, false,
	  IOMMU_READ | IOMMU_CACHE | IOMMU_PRIV },
	{ "non-coherent, to device", DMA_TO_DEVICE, 0, true, IOMMU_READ },
	{ "non-coherent, from device", DMA_FROM_DEVICE, 0, true, IOMMU_WRITE },
	{ "non-coherent, privileged", DMA_BIDIRECTIONAL, DMA_ATTR_PRIVILEGED,
	  true, IOMMU_READ | IOMMU_WRITE | IOMMU_PRIV },
};

static void permission_to_desc(const struct permission *permission, char *desc)
{
	strscpy(desc, permission->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(permission, permissions, permission_to_desc);
MOCK_IOMMU_PARAM(permission)

static void map_permission_test(struct kunit *test)
{
	const struct permission *permission = mock_iommu_param(test);
	struct place place = make_place(test, &(struct way) {
		.is_noncoherent = permission->is_noncoherent,
	});
	u8 *buffer = mock_iommu_buffer(test, SZ_8K);
	struct device *dev = place.dev;
	dma_addr_t dma_addr;
	u8 byte = 0;

	dma_addr = dma_map_single_attrs(dev, buffer, SZ_8K, permission->dir,
					permission->attrs);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	KUNIT_EXPECT_EQ(test, mock_iommu_prot(dev, dma_addr), permission->prot);
	KUNIT_EXPECT_EQ(test, mock_iommu_prot(dev, dma_addr + SZ_8K - 1),
			permission->prot);
	KUNIT_EXPECT_EQ(test, mock_iommu_read(dev, dma_addr, &byte, 1),
			permission->dir != DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, mock_iommu_write(dev, dma_addr, &byte, 1),
			permission->dir != DMA_TO_DEVICE);
	dma_unmap_single_attrs(dev, dma_addr, SZ_8K, permission->dir,
			       permission->attrs);
	check_gone(test, &place);
}

/* Registers of another device: never cached, and no memory */
static void map_resource_test(struct kunit *test)
{
	static const struct {
		phys_addr_t phys;
		size_t size;
	} registers[] = {
		{ 0x5000000000, SZ_4K }, { 0x5000000000, SZ_2M },
		{ 0x5000000123, 8 }, { 0x5000000ff0, 0x20 },
		{ 0x500000f000, SZ_64K + 4 },
	};
	struct place place = plain_place(test);
	struct device *dev = place.dev;

	mock_iommu_skip_narrow(test);
	for (unsigned int i = 0; i < ARRAY_SIZE(registers); i++) {
		phys_addr_t phys = registers[i].phys;
		size_t size = registers[i].size;
		dma_addr_t dma_addr;

		dma_addr = dma_map_resource(dev, phys, size, DMA_BIDIRECTIONAL,
					    0);
		KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
		KUNIT_EXPECT_EQ(test, mock_iommu_phys(dev, dma_addr), phys);
		KUNIT_EXPECT_EQ(test, mock_iommu_phys(dev, dma_addr + size - 1),
				phys + size - 1);
		KUNIT_EXPECT_EQ(test, mock_iommu_prot(dev, dma_addr),
				IOMMU_READ | IOMMU_WRITE | IOMMU_MMIO);
		dma_unmap_resource(dev, dma_addr, size, DMA_BIDIRECTIONAL, 0);
		check_gone(test, &place);
	}
}

/* What the IOMMU is asked to do */

/* Each unmapping invalidates what it unmaps, and nothing besides. */
static void map_invalidates_test(struct kunit *test)
{
	const struct mock_iommu_shape *shape = mock_iommu_shape_of(test);
	struct place place = plain_place(test);
	u8 *buffer = mock_iommu_buffer(test, SZ_128K);
	struct mock_iommu_counts before, after;
	dma_addr_t dma_addr, other;

	if (shape->forget != MOCK_IOMMU_BY_RANGE)
		kunit_skip(test, "it does not invalidate just this range");
	other = dma_map_single(place.dev, buffer, SZ_4K, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(place.dev, other));
	for (size_t size = 1; size <= SZ_128K; size = size * 3 + 7) {
		before = mock_iommu_counts(place.dev);
		dma_addr = dma_map_single(place.dev, buffer, size,
					  DMA_TO_DEVICE);
		KUNIT_ASSERT_FALSE(test, dma_mapping_error(place.dev,
							   dma_addr));
		dma_unmap_single(place.dev, dma_addr, size, DMA_TO_DEVICE);
		after = mock_iommu_counts(place.dev);
		KUNIT_EXPECT_EQ(test, after.mapped - before.mapped,
				PAGE_ALIGN(size));
		KUNIT_EXPECT_EQ(test, after.unmapped - before.unmapped,
				PAGE_ALIGN(size));
		KUNIT_EXPECT_EQ(test, after.sync_mapped - before.sync_mapped,
				PAGE_ALIGN(size));
		KUNIT_EXPECT_EQ(test, after.invalidated - before.invalidated,
				PAGE_ALIGN(size));
		KUNIT_EXPECT_EQ(test, after.nr_syncs - before.nr_syncs, 1);
		KUNIT_EXPECT_EQ(test, after.nr_flushes, before.nr_flushes);
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_stale(place.dev), 0);
	}
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(place.dev, other, buffer,
						SZ_4K));
	dma_unmap_single(place.dev, other, SZ_4K, DMA_TO_DEVICE);
}

/* A large buffer gets an address that large pages fit on. */
static void map_large_pages_test(struct kunit *test)
{
	struct place place = make_place(test, &(struct way) {
		.page_sizes = SZ_4K | SZ_64K | SZ_2M,
	});
	u8 *buffer = mock_iommu_buffer(test, SZ_4M);
	struct device *dev = place.dev;
	dma_addr_t dma_addr;

	KUNIT_ASSERT_TRUE(test, IS_ALIGNED(virt_to_phys(buffer), SZ_2M));
	dma_addr = dma_map_single(dev, buffer, SZ_4M, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	KUNIT_EXPECT_EQ(test, mock_iommu_page_size(dev, dma_addr), SZ_2M);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), 2);
	dma_unmap_single(dev, dma_addr, SZ_4M, DMA_TO_DEVICE);

	dma_addr = dma_map_single(dev, buffer, SZ_64K, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	KUNIT_EXPECT_EQ(test, mock_iommu_page_size(dev, dma_addr), SZ_64K);
	dma_unmap_single(dev, dma_addr, SZ_64K, DMA_TO_DEVICE);

	/* And those before the first large page and behind the last */
	mock_iommu_fill(buffer, SZ_4M, 1);
	dma_addr = dma_map_single(dev, buffer + 100, SZ_4M - 200, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(dev, dma_addr, buffer + 100,
						SZ_4M - 200));
	dma_unmap_single(dev, dma_addr, SZ_4M - 200, DMA_TO_DEVICE);
	check_gone(test, &place);
}

/*
 * Memory and address are never at a boundary of larger pages together: many
 * pages, and more than one table of them, which not every call crosses.
 */
static void map_many_pages_test(struct kunit *test)
{
	struct place place = make_place(test, mock_iommu_param(test));
	u8 *buffer = mock_iommu_buffer(test, SZ_4M);
	size_t size = SZ_4M - 2 * place.granule;
	struct device *dev = place.dev;
	dma_addr_t dma_addr;

	mock_iommu_fill(buffer, SZ_4M, 1);
	for (unsigned int i = 0; i < 2; i++) {
		dma_addr = dma_map_single(dev, buffer + place.granule, size,
					  DMA_TO_DEVICE);
		KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
		KUNIT_EXPECT_TRUE(test, mock_iommu_sees(dev, dma_addr,
							buffer + place.granule,
							size));
		KUNIT_EXPECT_EQ(test, mock_iommu_prot(dev, dma_addr - 1), -1);
		KUNIT_EXPECT_EQ(test, mock_iommu_prot(dev, dma_addr + size),
				-1);
		dma_unmap_single(dev, dma_addr, size, DMA_TO_DEVICE);
		check_gone(test, &place);
	}
}

/* Failures */

/* Any page, or making it known, may fail: nothing is left, not even an address. */
static void map_fail_nth_test(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu_create(test,
			&(struct mock_iommu_shape) {
				.aperture_start = SZ_1M,
				.aperture_last = SZ_1M + SZ_64K - 1,
				.page_sizes = SZ_4K,
			});
	struct device *dev = mock_iommu_device(test, iommu, "dev",
					       &(struct dma_kunit_shape){});
	u8 *buffer = mock_iommu_buffer(test, SZ_32K);
	enum mock_iommu_call call = MOCK_IOMMU_MAP;
	dma_addr_t dma_addr;

	/* More often than there are addresses */
	for (unsigned int i = 0; i < 45; i++) {
		mock_iommu_fail_nth(iommu, call, i % 9 + 1);
		dma_addr = dma_map_single(dev, buffer, SZ_32K, DMA_TO_DEVICE);
		if (i % 9 == 8) {
			KUNIT_EXPECT_TRUE(test, mock_iommu_fail_nth(iommu, call,
								    0));
			KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev,
								   dma_addr));
			dma_unmap_single(dev, dma_addr, SZ_32K, DMA_TO_DEVICE);
		} else {
			KUNIT_EXPECT_EQ(test, dma_addr, DMA_MAPPING_ERROR);
			KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), 0);
			KUNIT_EXPECT_EQ(test, mock_iommu_nr_stale(dev), 0);
		}
	}
	for (unsigned int i = 0; i < 20; i++) {
		if (mock_iommu_shape_of(test)->is_told) {
			mock_iommu_fail_nth(iommu, MOCK_IOMMU_SYNC_MAP, 1);
			dma_addr = dma_map_single(dev, buffer, SZ_32K,
						  DMA_TO_DEVICE);
			KUNIT_EXPECT_EQ(test, dma_addr, DMA_MAPPING_ERROR);
		}
		mock_iommu_fail_nth(iommu, call, 2);
		dma_addr = dma_map_resource(dev, mock_iommu_registers(test),
					    SZ_32K, DMA_TO_DEVICE, 0);
		KUNIT_EXPECT_EQ(test, dma_addr, DMA_MAPPING_ERROR);
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), 0);
	}
}

/* No address is left; and as soon as there is one, there is one. */
static void map_exhaust_test(struct kunit *test)
{
	struct device *dev = mock_iommu_simple_device(test,
			&(struct mock_iommu_shape) {
				.aperture_start = SZ_1M,
				.aperture_last = SZ_1M + SZ_256K - 1,
			});
	u8 *buffer = mock_iommu_buffer(test, SZ_512K);
	dma_addr_t addrs[65], dma_addr;
	unsigned int nr;

	dma_addr = dma_map_single_attrs(dev, buffer, SZ_512K, DMA_TO_DEVICE,
					DMA_ATTR_NO_WARN);
	KUNIT_EXPECT_EQ(test, dma_addr, DMA_MAPPING_ERROR);
	for (size_t size = SZ_16K; size <= SZ_128K; size *= 2) {
		nr = mock_iommu_exhaust(test, dev, buffer, size, addrs,
					ARRAY_SIZE(addrs));
		KUNIT_EXPECT_EQ(test, nr, SZ_256K / size);
		KUNIT_ASSERT_GE(test, nr, 1);
		/* One out, one in */
		dma_unmap_single(dev, addrs[nr / 2], size, DMA_TO_DEVICE);
		dma_addr = dma_map_single(dev, buffer, size, DMA_TO_DEVICE);
		KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
		KUNIT_EXPECT_EQ(test, dma_addr, addrs[nr / 2]);
		mock_iommu_unmap_all(dev, addrs, nr, size);
	}
}

/* The IOMMU does not unmap: that is told, and nobody crashes. */
static void map_unmap_fails_test(struct kunit *test)
{
	struct place place = make_place(test, &(struct way) {
		.page_sizes = SZ_4K,
	});
	struct device *dev = place.dev;
	u8 *buffer = mock_iommu_buffer(test, SZ_8K);
	dma_addr_t dma_addr;

	if (mock_iommu_shape_of(test)->keeps_whole)
		kunit_skip(test, "it unmaps all of it, or nothing");
	dma_addr = dma_map_single(dev, buffer, SZ_8K, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	dma_kunit_expect_warn_begin();
	mock_iommu_fail_nth(place.iommu, MOCK_IOMMU_UNMAP, 2);
	dma_unmap_single(dev, dma_addr, SZ_8K, DMA_TO_DEVICE);
	KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
	mock_iommu_fail_nth(place.iommu, MOCK_IOMMU_UNMAP, 0);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), 1);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_stale(dev), 0);
	KUNIT_EXPECT_EQ(test, SZ_4K, iommu_unmap(iommu_get_dma_domain(dev),
						 dma_addr + SZ_4K, SZ_4K));
}

/* Two devices, one buffer */
static void map_shared_test(struct kunit *test)
{
	struct place one = plain_place(test);
	struct device *two = mock_iommu_device(test, one.iommu, "two",
					       &(struct dma_kunit_shape){});
	u8 *buffer = mock_iommu_buffer(test, SZ_8K);
	dma_addr_t addrs[2];

	mock_iommu_fill(buffer, SZ_8K, 8);
	addrs[0] = dma_map_single(one.dev, buffer, SZ_8K, DMA_TO_DEVICE);
	addrs[1] = dma_map_single(two, buffer, SZ_8K, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(one.dev, addrs[0]));
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(two, addrs[1]));
	dma_unmap_single(one.dev, addrs[0], SZ_8K, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, mock_iommu_prot(one.dev, addrs[0]), -1);
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(two, addrs[1], buffer, SZ_8K));
	dma_unmap_single(two, addrs[1], SZ_8K, DMA_TO_DEVICE);
}

/* Hard-irq context */

struct irq_call {
	struct device *dev;
	u8 *buffer;
	bool is_good;
};

static void map_in_hardirq(void *data)
{
	struct irq_call *call = data;
	dma_addr_t dma_addr = dma_map_single(call->dev, call->buffer + 7, SZ_8K,
					     DMA_TO_DEVICE);

	if (dma_mapping_error(call->dev, dma_addr))
		return;
	call->is_good = mock_iommu_sees(call->dev, dma_addr, call->buffer + 7,
					SZ_8K);
	dma_sync_single_for_cpu(call->dev, dma_addr, SZ_8K, DMA_TO_DEVICE);
	dma_sync_single_for_device(call->dev, dma_addr, SZ_8K, DMA_TO_DEVICE);
	dma_unmap_single(call->dev, dma_addr, SZ_8K, DMA_TO_DEVICE);
}

static void map_in_hardirq_test(struct kunit *test)
{
	struct place place = make_place(test, mock_iommu_param(test));
	struct irq_call call = {
		.dev = place.dev,
		.buffer = mock_iommu_buffer(test, SZ_16K),
	};

	mock_iommu_fill(call.buffer, SZ_16K, 21);
	for (unsigned int i = 0; i < 10; i++) {
		call.is_good = false;
		KUNIT_EXPECT_TRUE(test, dma_kunit_in_hardirq(map_in_hardirq,
							     &call));
		KUNIT_EXPECT_TRUE(test, call.is_good);
	}
	check_gone(test, &place);
}

/* Small objects that share a cache line with others, and are bounced */
static void map_kmalloc_test(struct kunit *test)
{
	struct place place = make_place(test, &(struct way) {
		.is_noncoherent = true,
	});
	struct device *dev = place.dev;
	u8 *small = kunit_kzalloc(test, 8, GFP_KERNEL);
	dma_addr_t dma_addr;

	KUNIT_ASSERT_NOT_NULL(test, small);
	if (!dma_kmalloc_needs_bounce(dev, 8, DMA_FROM_DEVICE))
		kunit_skip(test, "kmalloc() never shares cache lines here");
	if (!is_swiotlb_active(dev))
		kunit_skip(test, "this machine has no bounce buffer");

	memset(small, 0x11, 8);
	dma_addr = dma_map_single(dev, small, 8, DMA_FROM_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	KUNIT_EXPECT_NE(test, mock_iommu_phys(dev, dma_addr),
			virt_to_phys(small));
	KUNIT_EXPECT_TRUE(test, mock_iommu_write_fill(dev, dma_addr, 8, 0x22));
	KUNIT_EXPECT_EQ(test, small[0], 0x11);
	dma_sync_single_for_cpu(dev, dma_addr, 8, DMA_FROM_DEVICE);
	KUNIT_EXPECT_TRUE(test, mock_iommu_is_filled(small, 8, 0x22));
	KUNIT_EXPECT_TRUE(test, mock_iommu_write_fill(dev, dma_addr, 8, 0x33));
	dma_unmap_single(dev, dma_addr, 8, DMA_FROM_DEVICE);
	KUNIT_EXPECT_TRUE(test, mock_iommu_is_filled(small, 8, 0x33));
	check_gone(test, &place);

	/* The device writes and reads; what it does not write stays. */
	dma_addr = dma_map_single(dev, small, 8, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(dev, dma_addr, small, 8));
	memset(small, 0x44, 8);
	dma_sync_single_for_device(dev, dma_addr, 8, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(dev, dma_addr, small, 8));
	KUNIT_EXPECT_TRUE(test, mock_iommu_write(dev, dma_addr + 2, "x", 1));
	dma_unmap_single(dev, dma_addr, 8, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_EQ(test, 0, memcmp(small, "DDxDDDDD", 8));
	check_gone(test, &place);

	/* Cleaning a line harms nobody: no bouncing. */
	dma_addr = dma_map_single(dev, small, 8, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	KUNIT_EXPECT_EQ(test, mock_iommu_phys(dev, dma_addr),
			virt_to_phys(small));
	dma_unmap_single(dev, dma_addr, 8, DMA_TO_DEVICE);
	check_gone(test, &place);
}

/* A bounced buffer whose mapping fails gives its slot back. */
static void map_kmalloc_fails_test(struct kunit *test)
{
	struct place place = make_place(test, &(struct way) {
		.is_noncoherent = true,
	});
	struct device *dev = place.dev;
	u8 *small = kunit_kzalloc(test, 8, GFP_KERNEL);
	dma_addr_t dma_addr;
	long was_used;

	KUNIT_ASSERT_NOT_NULL(test, small);
	if (!dma_kmalloc_needs_bounce(dev, 8, DMA_FROM_DEVICE) ||
	    !is_swiotlb_active(dev))
		kunit_skip(test, "nothing is bounced here");
	was_used = mock_iommu_nr_bounced(dev);
	for (unsigned int i = 0; i < 10; i++) {
		mock_iommu_fail_nth(place.iommu, MOCK_IOMMU_MAP, 1);
		dma_addr = dma_map_single(dev, small, 8, DMA_FROM_DEVICE);
		KUNIT_EXPECT_EQ(test, dma_addr, DMA_MAPPING_ERROR);
	}
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_bounced(dev), was_used);
	KUNIT_EXPECT_EQ(test, small[0], 0);
}

/* Coherent devices need no sync calls, non-coherent ones do. */
static void map_need_sync_test(struct kunit *test)
{
	struct place place = plain_place(test);
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	struct device *dev = place.dev;
	dma_addr_t dma_addr;

	KUNIT_EXPECT_EQ(test, 0, dma_set_mask(dev, DMA_BIT_MASK(64)));
	KUNIT_EXPECT_TRUE(test, mock_iommu_skips_sync(dev));
	dma_addr = dma_map_single(dev, buffer, SZ_4K, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	/* The tree's own code does not look any closer. */
	KUNIT_EXPECT_EQ(test, __dma_need_sync(dev, dma_addr),
			mock_iommu_is_stock());
	dma_unmap_single(dev, dma_addr, SZ_4K, DMA_TO_DEVICE);

	if (!dma_kunit_set_coherent(dev, false))
		return;
	KUNIT_EXPECT_EQ(test, 0, dma_set_mask(dev, DMA_BIT_MASK(64)));
	KUNIT_EXPECT_FALSE(test, mock_iommu_skips_sync(dev));
	dma_addr = dma_map_single(dev, buffer, SZ_4K, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	KUNIT_EXPECT_TRUE(test, __dma_need_sync(dev, dma_addr));
	dma_unmap_single(dev, dma_addr, SZ_4K, DMA_TO_DEVICE);
}

/* No granule is all in reach: refused, and not a granule that is not. */
static void map_tiny_mask_test(struct kunit *test)
{
	static const u64 masks[] = { 1, SZ_2K - 1, SZ_4K - 2, SZ_4K - 1 };
	struct place place = plain_place(test);
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	u64 usual = *place.dev->dma_mask;

	if (place.granule < SZ_4K)
		kunit_skip(test, "there are granules below %u", SZ_4K);
	for (unsigned int i = 0; i < ARRAY_SIZE(masks); i++) {
		*place.dev->dma_mask = masks[i];
		KUNIT_EXPECT_TRUE(test,
				  dma_mapping_error(place.dev,
						    dma_map_single(place.dev,
								   buffer, 1,
								   DMA_TO_DEVICE)));
	}
	*place.dev->dma_mask = usual;
	check_gone(test, &place);
}

static struct kunit_case iommu_map_cases[] = {
	MOCK_IOMMU_CASE_PARAM(map_to_device_test, way),
	MOCK_IOMMU_CASE_PARAM(map_from_device_test, way),
	MOCK_IOMMU_CASE_PARAM(map_sync_test, way),
	MOCK_IOMMU_CASE_PARAM(map_page_test, way),
	MOCK_IOMMU_CASE_PARAM(map_permission_test, permission),
	MOCK_IOMMU_CASE(map_resource_test),
	MOCK_IOMMU_CASE(map_tiny_mask_test),
	MOCK_IOMMU_CASE(map_invalidates_test),
	MOCK_IOMMU_CASE(map_large_pages_test),
	MOCK_IOMMU_CASE_PARAM(map_many_pages_test, way),
	MOCK_IOMMU_CASE(map_fail_nth_test),
	MOCK_IOMMU_CASE(map_exhaust_test),
	MOCK_IOMMU_CASE(map_unmap_fails_test),
	MOCK_IOMMU_CASE(map_shared_test),
	MOCK_IOMMU_CASE_PARAM(map_in_hardirq_test, way),
	MOCK_IOMMU_CASE(map_kmalloc_test),
	MOCK_IOMMU_CASE(map_kmalloc_fails_test),
	MOCK_IOMMU_CASE(map_need_sync_test),
	{}
};

static struct kunit_suite iommu_map_suite = {
	.name = "iommu_map",
	.test_cases = iommu_map_cases,
};

kunit_test_suite(iommu_map_suite);

MODULE_DESCRIPTION("KUnit tests of streaming mappings through an IOMMU");
MODULE_LICENSE("GPL");
