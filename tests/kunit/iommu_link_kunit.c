// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of linux/dma-iova.h: I/O addresses first, memory as it comes.
 *
 * A range is compared, piece by piece, with what the device sees at its
 * addresses; what is not linked must be refused to the device, at once.
 */

#include <kunit/test.h>
#include <linux/dma-iova.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "log.h"
#include "mock_iommu.h"

#define BASE	SZ_1M

struct way {
	const char *what;
	bool is_lazy;
	unsigned long page_sizes;
};

static const struct way ways[] = {
	{ "strict" },
	{ "lazy", true },
	{ "pages of 4 KiB only", false, SZ_4K },
};

static void way_to_desc(const struct way *way, char *desc)
{
	strscpy(desc, way->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(way, ways, way_to_desc);
MOCK_IOMMU_PARAM(way)
MOCK_IOMMU_PARAM_TYPICAL(way)

/* A coherent device, with @room bytes of addresses; 0: many */
static struct device *device_of(struct kunit *test, const struct way *way,
				size_t room)
{
	return mock_iommu_simple_device(test, &(struct mock_iommu_shape) {
		.aperture_start = room ? BASE : 0,
		.aperture_last = room ? BASE + room - 1 : 0,
		.page_sizes = way->page_sizes,
		.domain_type = way->is_lazy ? IOMMU_DOMAIN_DMA_FQ : 0,
	});
}

static struct device *plain_device(struct kunit *test)
{
	return device_of(test, &ways[0], 0);
}

static bool is_flushed(void *data)
{
	return !mock_iommu_nr_stale(data);
}

static void check_gone(struct kunit *test, struct device *dev)
{
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), 0);
	KUNIT_EXPECT_TRUE(test, dma_kunit_wait_until(is_flushed, dev));
}

/* What lies where: pages in another order than in memory, cut at both ends */

struct piece {
	size_t at;
	size_t size;
};

static const struct piece pieces[] = {
	{ SZ_16K + 100, SZ_4K - 100 },
	{ SZ_32K, SZ_4K },
	{ 0, SZ_8K },
	{ SZ_8K, SZ_4K },
	{ SZ_64K, 777 },
};

#define EXTENT	SZ_128K

static size_t total_size(void)
{
	size_t size = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(pieces); i++)
		size += pieces[i].size;
	return size;
}

static bool try_range(struct device *dev, struct dma_iova_state *state,
		      u8 *buffer)
{
	return dma_iova_try_alloc(dev, state,
				  virt_to_phys(buffer + pieces[0].at),
				  total_size());
}

static void link_all(struct kunit *test, struct device *dev,
		     struct dma_iova_state *state, u8 *buffer,
		     enum dma_data_direction dir)
{
	size_t offset = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(pieces); i++) {
		KUNIT_ASSERT_EQ(test, 0,
				dma_iova_link(dev, state,
					      virt_to_phys(buffer +
							   pieces[i].at),
					      offset, pieces[i].size, dir, 0));
		offset += pieces[i].size;
	}
}

static void check_piece(struct kunit *test, struct device *dev,
			const struct dma_iova_state *state, size_t offset,
			const u8 *buffer, size_t size)
{
	KUNIT_EXPECT_TRUE_MSG(test, mock_iommu_sees(dev, state->addr + offset,
						    buffer, size),
			      "%zu bytes at %zu", size, offset);
	KUNIT_EXPECT_EQ(test, mock_iommu_phys(dev, state->addr + offset),
			virt_to_phys((void *)buffer));
}

static void check_all(struct kunit *test, struct device *dev,
		      const struct dma_iova_state *state, const u8 *buffer)
{
	size_t offset = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(pieces); i++) {
		check_piece(test, dev, state, offset, buffer + pieces[i].at,
			    pieces[i].size);
		offset += pieces[i].size;
	}
}

static void link_all_test(struct kunit *test)
{
	const struct mock_iommu_shape *shape = mock_iommu_shape_of(test);
	struct device *dev = device_of(test, mock_iommu_param(test), 0);
	u8 *buffer = mock_iommu_buffer(test, EXTENT);
	struct mock_iommu_counts before, after;
	struct dma_iova_state state;
	size_t size = total_size(), whole = PAGE_ALIGN(100 + size);

	mock_iommu_fill(buffer, EXTENT, 17);
	before = mock_iommu_counts(dev);
	KUNIT_ASSERT_TRUE(test, try_range(dev, &state, buffer));
	KUNIT_EXPECT_TRUE(test, dma_use_iova(&state));
	KUNIT_EXPECT_EQ(test, dma_iova_size(&state), size);
	KUNIT_EXPECT_EQ(test, offset_in_page(state.addr), 100);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), 0);
	link_all(test, dev, &state, buffer, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(dev, &state, 0, size));
	check_all(test, dev, &state, buffer);
	KUNIT_EXPECT_EQ(test, mock_iommu_prot(dev, state.addr - 101), -1);
	KUNIT_EXPECT_EQ(test, mock_iommu_prot(dev, state.addr - 100 + whole),
			-1);
	dma_iova_destroy(dev, &state, size, DMA_TO_DEVICE, 0);
	KUNIT_EXPECT_FALSE(test, dma_use_iova(&state));

	/* All of it is told once, at each end. */
	after = mock_iommu_counts(dev);
	if (shape->is_told) {
		KUNIT_EXPECT_EQ(test, after.nr_sync_map_calls,
				before.nr_sync_map_calls + 1);
		KUNIT_EXPECT_EQ(test, after.sync_mapped,
				before.sync_mapped + whole);
	}
	KUNIT_EXPECT_EQ(test, after.unmapped, before.unmapped + whole);
	/* Unless the driver does so where another page size begins */
	if (shape->forget != MOCK_IOMMU_BY_PAGE)
		KUNIT_EXPECT_LE(test, after.nr_syncs, before.nr_syncs + 1);
	KUNIT_EXPECT_TRUE(test, mock_iommu_is_filled(buffer, EXTENT, 17));
	check_gone(test, dev);
}

static void link_from_device_test(struct kunit *test)
{
	struct device *dev = device_of(test, mock_iommu_param(test), 0);
	u8 *buffer = mock_iommu_buffer(test, EXTENT);
	struct dma_iova_state state;
	size_t size = total_size();

	KUNIT_ASSERT_TRUE(test, try_range(dev, &state, buffer));
	link_all(test, dev, &state, buffer, DMA_FROM_DEVICE);
	KUNIT_ASSERT_EQ(test, 0, dma_iova_sync(dev, &state, 0, size));
	KUNIT_EXPECT_TRUE(test, mock_iommu_write_fill(dev, state.addr, size,
						      5));
	dma_iova_destroy(dev, &state, size, DMA_FROM_DEVICE, 0);

	/* Put together again, it is what the device wrote. */
	for (size_t i = 0, offset = 0; i < ARRAY_SIZE(pieces); i++) {
		memcpy(buffer + SZ_64K + SZ_16K + offset,
		       buffer + pieces[i].at, pieces[i].size);
		offset += pieces[i].size;
	}
	KUNIT_EXPECT_TRUE(test, mock_iommu_is_filled(buffer + SZ_64K + SZ_16K,
						     size, 5));
	check_gone(test, dev);
}

static void link_permission_test(struct kunit *test)
{
	static const struct {
		enum dma_data_direction dir;
		unsigned long attrs;
		int prot;
	} kinds[] = {
		{ DMA_TO_DEVICE, 0, IOMMU_READ },
		{ DMA_FROM_DEVICE, 0, IOMMU_WRITE },
		{ DMA_BIDIRECTIONAL, 0, IOMMU_READ | IOMMU_WRITE },
		{ DMA_TO_DEVICE, DMA_ATTR_PRIVILEGED,
		  IOMMU_READ | IOMMU_PRIV },
	};
	struct device *dev = plain_device(test);
	u8 *buffer = mock_iommu_buffer(test, SZ_16K);
	struct dma_iova_state state;

	KUNIT_ASSERT_TRUE(test, dma_iova_try_alloc(dev, &state,
						   virt_to_phys(buffer),
						   SZ_16K));
	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++) {
		KUNIT_EXPECT_EQ(test, 0,
				dma_iova_link(dev, &state,
					      virt_to_phys(buffer), i * SZ_4K,
					      SZ_4K, kinds[i].dir,
					      kinds[i].attrs));
		KUNIT_EXPECT_EQ(test, mock_iommu_prot(dev, state.addr +
						      i * SZ_4K),
				kinds[i].prot | IOMMU_CACHE);
	}
	dma_iova_destroy(dev, &state, SZ_16K, DMA_BIDIRECTIONAL, 0);
	check_gone(test, dev);
}

/* Parts come and go; what goes is out of the device's sight at once. */
static void link_again_test(struct kunit *test)
{
	struct device *dev = device_of(test, mock_iommu_param(test), 0);
	u8 *buffer = mock_iommu_buffer(test, EXTENT);
	struct dma_iova_state state;

	mock_iommu_fill(buffer, EXTENT, 17);
	KUNIT_ASSERT_TRUE(test, dma_iova_try_alloc(dev, &state,
						   virt_to_phys(buffer),
						   SZ_32K));
	/* What was linked by one call may be one page of the IOMMU's. */
	for (size_t at = 0; at < SZ_32K; at += SZ_8K)
		KUNIT_ASSERT_EQ(test, 0,
				dma_iova_link(dev, &state,
					      virt_to_phys(buffer) + at, at,
					      SZ_8K, DMA_TO_DEVICE, 0));
	KUNIT_ASSERT_EQ(test, 0, dma_iova_sync(dev, &state, 0, SZ_32K));
	for (unsigned int i = 1; i < 20; i++) {
		u8 *other = buffer + SZ_64K + (i % 8) * SZ_4K;

		dma_iova_unlink(dev, &state, SZ_8K, SZ_8K, DMA_TO_DEVICE, 0);
		KUNIT_EXPECT_EQ(test, mock_iommu_prot(dev, state.addr + SZ_8K),
				-1);
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_stale(dev), 0);
		check_piece(test, dev, &state, 0, buffer, SZ_8K);
		check_piece(test, dev, &state, SZ_16K, buffer + SZ_16K, SZ_16K);
		KUNIT_ASSERT_EQ(test, 0,
				dma_iova_link(dev, &state, virt_to_phys(other),
					      SZ_8K, SZ_8K, DMA_TO_DEVICE, 0));
		KUNIT_ASSERT_EQ(test, 0, dma_iova_sync(dev, &state, SZ_8K,
						       SZ_8K));
		check_piece(test, dev, &state, SZ_8K, other, SZ_8K);
	}
	dma_iova_destroy(dev, &state, SZ_32K, DMA_TO_DEVICE, 0);
	check_gone(test, dev);
}

/* More than one table of pages, in one call and in several */
static void link_many_pages_test(struct kunit *test)
{
	struct device *dev = device_of(test, mock_iommu_param(test), 0);
	u8 *buffer = mock_iommu_buffer(test, SZ_4M);
	size_t size = SZ_4M - SZ_4K;
	struct dma_iova_state state;

	mock_iommu_fill(buffer, SZ_4M, 17);
	for (size_t step = size; step > SZ_64K; step /= 8) {
		KUNIT_ASSERT_TRUE(test, dma_iova_try_alloc(dev, &state, 0,
							   size));
		step = ALIGN(step, SZ_4K);
		for (size_t at = 0; at < size; at += step)
			KUNIT_ASSERT_EQ(test, 0,
					dma_iova_link(dev, &state,
						      virt_to_phys(buffer +
								   SZ_4K + at),
						      at, min(step, size - at),
						      DMA_TO_DEVICE, 0));
		KUNIT_ASSERT_EQ(test, 0, dma_iova_sync(dev, &state, 0, size));
		KUNIT_EXPECT_TRUE(test, mock_iommu_sees(dev, state.addr,
							buffer + SZ_4K, size));
		dma_iova_destroy(dev, &state, size, DMA_TO_DEVICE, 0);
		check_gone(test, dev);
	}
}

/* The end */

/* More often than there are addresses: none is lost, none comes back too soon. */
static void link_destroy_test(struct kunit *test)
{
	struct device *dev = device_of(test, mock_iommu_param(test), SZ_64K);
	u8 *buffer = mock_iommu_buffer(test, SZ_32K);
	struct dma_iova_state state;

	mock_iommu_fill(buffer, SZ_32K, 3);
	for (unsigned int i = 0; i < 60; i++) {
		size_t linked = (i % 9) * SZ_4K;

		KUNIT_ASSERT_TRUE(test, dma_iova_try_alloc(dev, &state,
							   virt_to_phys(buffer),
							   SZ_32K));
		if (linked) {
			KUNIT_EXPECT_EQ(test, 0,
					dma_iova_link(dev, &state,
						      virt_to_phys(buffer), 0,
						      linked, DMA_TO_DEVICE,
						      0));
			KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(dev, &state, 0,
							       linked));
			check_piece(test, dev, &state, 0, buffer, linked);
		}
		if (!linked && i % 2)
			dma_iova_free(dev, &state);
		else
			dma_iova_destroy(dev, &state, linked, DMA_TO_DEVICE, 0);
		KUNIT_EXPECT_FALSE(test, dma_use_iova(&state));
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), 0);
	}
	check_gone(test, dev);
}

/* All of it is unlinked piece by piece, and then the range is given back. */
static void link_unlink_all_test(struct kunit *test)
{
	struct device *dev = device_of(test, mock_iommu_param(test), SZ_64K);
	u8 *buffer = mock_iommu_buffer(test, EXTENT);
	struct dma_iova_state state;

	for (unsigned int round = 0; round < 10; round++) {
		size_t offset = 0;

		KUNIT_ASSERT_TRUE(test, try_range(dev, &state, buffer));
		link_all(test, dev, &state, buffer, DMA_TO_DEVICE);
		for (unsigned int i = 0; i < ARRAY_SIZE(pieces); i++) {
			dma_iova_unlink(dev, &state, offset, pieces[i].size,
					DMA_TO_DEVICE, 0);
			offset += pieces[i].size;
			KUNIT_EXPECT_EQ(test, mock_iommu_nr_stale(dev), 0);
		}
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), 0);
		dma_iova_free(dev, &state);
	}
	check_gone(test, dev);
}

/* Who gets no range */

static void check_none(struct kunit *test, struct device *dev,
		       phys_addr_t phys, size_t size)
{
	struct dma_iova_state state = { .addr = 1, .size = 1 };

	KUNIT_EXPECT_FALSE(test, dma_iova_try_alloc(dev, &state, phys, size));
	KUNIT_EXPECT_FALSE(test, dma_use_iova(&state));
	KUNIT_EXPECT_EQ(test, dma_iova_size(&state), 0);
}

static void link_none_test(struct kunit *test)
{
	struct device *dev = plain_device(test), *identity;
	phys_addr_t phys = virt_to_phys(mock_iommu_buffer(test, SZ_4K));
	u64 *mask = dev->dma_mask;
	struct mock_iommu *iommu;

	iommu = mock_iommu_create(test, &(struct mock_iommu_shape) {
		.domain_type = IOMMU_DOMAIN_IDENTITY,
	});
	identity = mock_iommu_device(test, iommu, "identity",
				     &(struct dma_kunit_shape){});
	check_none(test, dma_kunit_coherent_device(test, "direct"), phys,
		   SZ_4K);
	check_none(test, identity, phys, SZ_4K);
	check_none(test, dev, phys, 0);
	check_none(test, dev, phys, SIZE_MAX);
	check_none(test, dev, phys + 100, SIZE_MAX - 50);
	dev->dma_mask = NULL;
	check_none(test, dev, phys, SZ_4K);
	dev->dma_mask = mask;
	/* An alignment that can't be kept */
	dma_set_min_align_mask(dev, SZ_64K - 1);
	check_none(test, dev, phys, SZ_4K);
	check_gone(test, dev);
}

/* Whose pieces may have to be copied */
static void link_none_bounced_test(struct kunit *test)
{
	struct device *dev = mock_iommu_device(test,
			mock_iommu_create(test, &(struct mock_iommu_shape){}),
			"dev", &(struct dma_kunit_shape) {
				.is_noncoherent = true,
			});

	if (!IS_ENABLED(CONFIG_SWIOTLB) ||
	    !IS_ENABLED(CONFIG_DMA_BOUNCE_UNALIGNED_KMALLOC))
		kunit_skip(test, "nothing is bounced here");
	check_none(test, dev, virt_to_phys(mock_iommu_buffer(test, SZ_4K)),
		   SZ_4K);
}

static void link_reach_test(struct kunit *test)
{
	struct device *dev = mock_iommu_device(test,
			mock_iommu_create(test, &(struct mock_iommu_shape){}),
			"dev", &(struct dma_kunit_shape) {
				.mask = DMA_BIT_MASK(24),
			});
	phys_addr_t phys = virt_to_phys(mock_iommu_buffer(test, SZ_4K));
	struct dma_iova_state state;

	KUNIT_ASSERT_TRUE(test, dma_iova_try_alloc(dev, &state, phys, SZ_1M));
	KUNIT_EXPECT_LE(test, state.addr + SZ_1M - 1, DMA_BIT_MASK(24));
	dma_iova_free(dev, &state);
	check_none(test, dev, phys, SZ_16M);
	check_gone(test, dev);
}

static void link_exhaust_test(struct kunit *test)
{
	struct device *dev = device_of(test, mock_iommu_param(test), SZ_256K);
	u8 *buffer = mock_iommu_buffer(test, SZ_64K);
	struct dma_iova_state states[5];
	unsigned int nr;

	for (unsigned int round = 0; round < 3; round++) {
		for (nr = 0; nr < ARRAY_SIZE(states); nr++) {
			if (!dma_iova_try_alloc(dev, &states[nr],
						virt_to_phys(buffer), SZ_64K))
				break;
			KUNIT_EXPECT_EQ(test, 0,
					dma_iova_link(dev, &states[nr],
						      virt_to_phys(buffer), 0,
						      SZ_64K, DMA_TO_DEVICE,
						      0));
		}
		KUNIT_ASSERT_EQ(test, nr, 4);
		KUNIT_EXPECT_FALSE(test, dma_use_iova(&states[4]));
		/* One out, one in, though it may wait for a flush */
		dma_iova_destroy(dev, &states[1], SZ_64K, DMA_TO_DEVICE, 0);
		KUNIT_EXPECT_TRUE(test, dma_iova_try_alloc(dev, &states[1],
							   virt_to_phys(buffer),
							   SZ_64K));
		KUNIT_EXPECT_EQ(test, 0, dma_iova_link(dev, &states[1],
						       virt_to_phys(buffer), 0,
						       SZ_64K, DMA_TO_DEVICE,
						       0));
		while (nr--)
			dma_iova_destroy(dev, &states[nr], SZ_64K,
					 DMA_TO_DEVICE, 0);
	}
	check_gone(test, dev);
}

/* Wrong calls */

struct wrong {
	size_t phys_offset;
	size_t offset;
	size_t size;
};

static const struct wrong wrongs[] = {
	{ 0, SZ_16K, SZ_4K },		/* behind the end */
	{ 0, 3 * SZ_4K, SZ_8K },		/* across it */
	{ 0, SZ_4K, SIZE_MAX },		/* far across it */
	{ 0, SZ_16K + SZ_4K, SZ_4K },
	{ 0, 0, 0 },			/* nothing */
	{ 100, SZ_4K + 100, 100 },	/* not at a page's beginning */
	{ 100, SZ_4K, 100 },		/* at another place in memory's page */
	{ 1, 0, SZ_4K },
};

static void link_wrong_test(struct kunit *test)
{
	struct device *dev = plain_device(test);
	u8 *buffer = mock_iommu_buffer(test, SZ_32K);
	phys_addr_t phys = virt_to_phys(buffer);
	struct dma_iova_state state;

	KUNIT_ASSERT_TRUE(test, dma_iova_try_alloc(dev, &state, phys, SZ_16K));
	for (unsigned int i = 0; i < ARRAY_SIZE(wrongs); i++) {
		dma_kunit_log_mark();
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL,
				    dma_iova_link(dev, &state,
						  phys + wrongs[i].phys_offset,
						  wrongs[i].offset,
						  wrongs[i].size,
						  DMA_TO_DEVICE, 0),
				    "wrong call %u", i);
		KUNIT_EXPECT_EQ(test, dma_kunit_log_count(dev_name(dev)), 1);
		KUNIT_EXPECT_EQ(test, dma_kunit_log_count(" I/O range"), 1);
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), 0);
	}
	/* The range is as good as before; what is wrong ends nothing. */
	KUNIT_EXPECT_EQ(test, 0, dma_iova_link(dev, &state, phys, 0, SZ_16K,
					       DMA_TO_DEVICE, 0));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(dev, &state, 0, SZ_16K));
	dma_iova_unlink(dev, &state, 3 * SZ_4K, SZ_8K, DMA_TO_DEVICE, 0);
	dma_iova_unlink(dev, &state, 100, SZ_4K, DMA_TO_DEVICE, 0);
	check_piece(test, dev, &state, 0, buffer, SZ_16K);
	dma_iova_destroy(dev, &state, SZ_16K, DMA_TO_DEVICE, 0);
	check_gone(test, dev);
}

/* Unlinking what is not linked is told. */
static void link_unlink_nothing_test(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu_create(test,
					&(struct mock_iommu_shape){});
	struct device *dev = mock_iommu_device(test, iommu, "dev",
					       &(struct dma_kunit_shape){});
	u8 *buffer = mock_iommu_buffer(test, SZ_16K);
	struct dma_iova_state state;

	KUNIT_ASSERT_TRUE(test, dma_iova_try_alloc(dev, &state,
						   virt_to_phys(buffer),
						   SZ_16K));
	KUNIT_ASSERT_EQ(test, 0, dma_iova_link(dev, &state,
					       virt_to_phys(buffer), 0, SZ_8K,
					       DMA_TO_DEVICE, 0));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(dev, &state, 0, SZ_8K));
	dma_kunit_expect_warn_begin();
	dma_iova_unlink(dev, &state, SZ_8K, SZ_8K, DMA_TO_DEVICE, 0);
	KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
	KUNIT_EXPECT_EQ(test, mock_iommu_take_errors(iommu), 0);
	check_piece(test, dev, &state, 0, buffer, SZ_8K);
	dma_iova_destroy(dev, &state, SZ_8K, DMA_TO_DEVICE, 0);
	check_gone(test, dev);
}

/* What begins where nothing is linked is not unlinked, nor given to others. */
static void link_unlink_hole_test(struct kunit *test)
{
	struct device *dev = device_of(test, &ways[2], SZ_64K);
	u8 *buffer = mock_iommu_buffer(test, SZ_8K);
	phys_addr_t phys = virt_to_phys(buffer);
	struct dma_iova_state state;
	dma_addr_t addrs[17], addr;
	unsigned int nr;

	KUNIT_ASSERT_TRUE(test, dma_iova_try_alloc(dev, &state, phys, SZ_8K));
	addr = state.addr;
	KUNIT_ASSERT_EQ(test, 0, dma_iova_link(dev, &state, phys, SZ_4K, SZ_4K,
					       DMA_TO_DEVICE, 0));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(dev, &state, SZ_4K, SZ_4K));
	dma_kunit_expect_warn_begin();
	dma_iova_unlink(dev, &state, 0, SZ_8K, DMA_TO_DEVICE, 0);
	dma_iova_free(dev, &state);
	KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
	nr = mock_iommu_exhaust(test, dev, buffer, SZ_4K, addrs,
				ARRAY_SIZE(addrs));
	KUNIT_EXPECT_EQ(test, nr, 14);
	mock_iommu_unmap_all(dev, addrs, nr, SZ_4K);
	KUNIT_EXPECT_EQ(test, SZ_4K, iommu_unmap(iommu_get_dma_domain(dev),
						 addr + SZ_4K, SZ_4K));
	check_gone(test, dev);
}

/* Failures */

/* Any page of a piece may fail: the piece is not linked, those before it are. */
static void link_fail_nth_test(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu_create(test,
			&(struct mock_iommu_shape) {
				.aperture_start = BASE,
				.aperture_last = BASE + SZ_64K - 1,
				.page_sizes = SZ_4K,
			});
	struct device *dev = mock_iommu_device(test, iommu, "dev",
					       &(struct dma_kunit_shape){});
	u8 *buffer = mock_iommu_buffer(test, SZ_32K);
	phys_addr_t phys = virt_to_phys(buffer);
	struct dma_iova_state state;

	mock_iommu_fill(buffer, SZ_32K, 3);
	for (unsigned int nth = 1; nth <= 6; nth++) {
		KUNIT_ASSERT_TRUE(test, dma_iova_try_alloc(dev, &state, phys,
							   SZ_32K));
		KUNIT_EXPECT_EQ(test, 0, dma_iova_link(dev, &state, phys, 0,
						       SZ_8K, DMA_TO_DEVICE,
						       0));
		KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(dev, &state, 0, SZ_8K));
		mock_iommu_fail_nth(iommu, MOCK_IOMMU_MAP, nth);
		KUNIT_EXPECT_EQ(test, -ENOMEM,
				dma_iova_link(dev, &state, phys + SZ_8K, SZ_8K,
					      SZ_8K * 3, DMA_TO_DEVICE, 0));
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), 2);
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_stale(dev), 0);
		check_piece(test, dev, &state, 0, buffer, SZ_8K);
		if (nth % 2) {
			dma_iova_destroy(dev, &state, SZ_8K, DMA_TO_DEVICE, 0);
			continue;
		}
		KUNIT_EXPECT_EQ(test, 0,
				dma_iova_link(dev, &state, phys + SZ_8K, SZ_8K,
					      SZ_8K * 3, DMA_TO_DEVICE, 0));
		KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(dev, &state, 0, SZ_32K));
		check_piece(test, dev, &state, 0, buffer, SZ_32K);
		mock_iommu_fail_nth(iommu, MOCK_IOMMU_SYNC_MAP, 1);
		if (mock_iommu_shape_of(test)->is_told)
			KUNIT_EXPECT_EQ(test, -ENOMEM,
					dma_iova_sync(dev, &state, 0, SZ_32K));
		dma_iova_destroy(dev, &state, SZ_32K, DMA_TO_DEVICE, 0);
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), 0);
	}
	check_gone(test, dev);
}

/* One allocation fails: the effort that follows finds an address. */
static void link_fail_alloc_test(struct kunit *test)
{
	struct device *dev = device_of(test, mock_iommu_param(test), SZ_64K);
	phys_addr_t phys = virt_to_phys(mock_iommu_buffer(test, SZ_4K));
	struct dma_iova_state state;

	if (!IS_ENABLED(CONFIG_FAILSLAB))
		kunit_skip(test, "needs FAILSLAB");
	for (unsigned int i = 0; i < 40; i++) {
		dma_kunit_fail_nth(1);
		KUNIT_ASSERT_TRUE(test, dma_iova_try_alloc(dev, &state, phys,
							   SZ_64K));
		dma_kunit_fail_nth(0);
		dma_iova_free(dev, &state);
	}
	KUNIT_ASSERT_TRUE(test, dma_iova_try_alloc(dev, &state, phys, SZ_64K));
	dma_iova_free(dev, &state);
	check_gone(test, dev);
}

/* The storm */

#define NR_PAGES	8

struct owner {
	struct device *dev;
	u8 *buffer;
	struct rnd_state rnd;
	struct dma_iova_state state;
	size_t linked;
	atomic_long_t *nr_errors;
};

static void note(struct owner *owner, bool is_good)
{
	if (!is_good)
		atomic_long_inc(owner->nr_errors);
}

/* One page of its own, wherever the range has got to */
static u8 *page_at(struct owner *owner, size_t offset)
{
	return owner->buffer + ((offset * 5) & (NR_PAGES * SZ_4K - 1));
}

static bool is_right(struct owner *owner)
{
	for (size_t offset = 0; offset < owner->linked; offset += SZ_4K)
		if (!mock_iommu_sees(owner->dev, owner->state.addr + offset,
				     page_at(owner, offset), SZ_4K))
			return false;
	return true;
}

static bool storm_step(void *data)
{
	struct owner *owner = data;
	struct dma_iova_state *state = &owner->state;

	if (!dma_use_iova(state)) {
		note(owner, dma_iova_try_alloc(owner->dev, state,
					       virt_to_phys(owner->buffer),
					       NR_PAGES * SZ_4K));
		owner->linked = 0;
		return dma_use_iova(state);
	}
	if (owner->linked < NR_PAGES * SZ_4K &&
	    prandom_u32_state(&owner->rnd) % 8) {
		note(owner, !dma_iova_link(owner->dev, state,
					   virt_to_phys(page_at(owner,
								owner->linked)),
					   owner->linked, SZ_4K, DMA_TO_DEVICE,
					   0));
		owner->linked += SZ_4K;
		return true;
	}
	note(owner, !dma_iova_sync(owner->dev, state, 0, owner->linked));
	note(owner, is_right(owner));
	dma_iova_destroy(owner->dev, state, owner->linked, DMA_TO_DEVICE, 0);
	return true;
}

static void storm_finish(void *data)
{
	struct owner *owner = data;

	if (dma_use_iova(&owner->state))
		dma_iova_destroy(owner->dev, &owner->state, owner->linked,
				 DMA_TO_DEVICE, 0);
}

static void link_storm_test(struct kunit *test)
{
	struct device *dev = device_of(test, mock_iommu_param(test), 0);
	struct dma_kunit_storm *storm =
		dma_kunit_storm_make(test, sizeof(struct owner));

	for (unsigned int i = 0; i <= DMA_KUNIT_NR_THREADS; i++) {
		struct owner *owner = storm->owners[i];

		owner->dev = dev;
		owner->nr_errors = &storm->nr_errors;
		owner->buffer = mock_iommu_buffer(test, NR_PAGES * SZ_4K);
		mock_iommu_fill(owner->buffer, NR_PAGES * SZ_4K, i * 3);
		prandom_seed_state(&owner->rnd, i + 1);
	}
	storm->step = storm_step;
	storm->finish = storm_finish;
	storm->nr_wanted = mock_iommu_rounds(test, 6000);
	storm->nr_wanted_in_irq = mock_iommu_rounds(test, 200);
	dma_kunit_storm_run(test, storm);

	check_gone(test, dev);
}

static struct kunit_case iommu_link_cases[] = {
	MOCK_IOMMU_CASE_PARAM(link_all_test, way),
	MOCK_IOMMU_CASE_PARAM(link_from_device_test, way),
	MOCK_IOMMU_CASE(link_permission_test),
	MOCK_IOMMU_CASE_PARAM(link_again_test, way),
	MOCK_IOMMU_CASE_PARAM(link_many_pages_test, way),
	MOCK_IOMMU_CASE_PARAM(link_destroy_test, way),
	MOCK_IOMMU_CASE_PARAM(link_unlink_all_test, way),
	MOCK_IOMMU_CASE(link_none_test),
	MOCK_IOMMU_CASE(link_none_bounced_test),
	MOCK_IOMMU_CASE(link_reach_test),
	MOCK_IOMMU_CASE_PARAM(link_exhaust_test, way),
	KUNIT_CASE(link_wrong_test),
	MOCK_IOMMU_CASE(link_unlink_nothing_test),
	MOCK_IOMMU_CASE(link_unlink_hole_test),
	MOCK_IOMMU_CASE(link_fail_nth_test),
	MOCK_IOMMU_CASE_PARAM(link_fail_alloc_test, way),
	MOCK_IOMMU_CASE_PARAM_TYPICAL(link_storm_test, way),
	{}
};

static struct kunit_suite iommu_link_suite = {
	.name = "iommu_link",
	.test_cases = iommu_link_cases,
};

kunit_test_suite(iommu_link_suite);

MODULE_DESCRIPTION("KUnit tests of mapping in two steps");
MODULE_LICENSE("GPL");
