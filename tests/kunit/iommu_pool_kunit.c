// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of device pools behind an IOMMU: drivers/iommu/dma/identity.c
 * and who binds through it.
 *
 * A pool is mapped where it is, once and as a whole, as long as anybody has it
 * bound. Its memory has no place in the linear mapping, so the device's view
 * is compared by addresses.
 */

#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/sizes.h>

#include "../../kernel/dma/backend.h"
#include "../../kernel/dma/coherent.h"
#include "log.h"
#include "mock_iommu.h"
#include "pools.h"

#define NAME		"device pool"
#define POOL_SIZE	SZ_64K
#define POOL_PROT	(IOMMU_READ | IOMMU_WRITE | IOMMU_NOEXEC)

static struct device *device_behind(struct kunit *test,
				    const struct mock_iommu_shape *shape)
{
	return mock_iommu_device(test, mock_iommu_create(test, shape), "dev",
				 &(struct dma_kunit_shape){});
}

/* A device for which there are just so many addresses, from the pool's on */
static struct device *device_at_pool(struct kunit *test, size_t size)
{
	phys_addr_t phys = dma_pools_spare(test, 0, POOL_SIZE);

	return device_behind(test, &(struct mock_iommu_shape) {
		.aperture_start = phys,
		.aperture_last = phys + size - 1,
	});
}

/* The same, where addresses that were unmapped wait a second for a flush */
static struct mock_iommu *slow_iommu(struct kunit *test)
{
	phys_addr_t phys = dma_pools_spare(test, 0, POOL_SIZE);

	return mock_iommu_create(test, &(struct mock_iommu_shape) {
		.aperture_start = phys,
		.aperture_last = phys + POOL_SIZE - 1,
		.domain_type = IOMMU_DOMAIN_DMA_FQ,
		.has_one_group = true,
		.shadows_on_flush = true,
	});
}

/* Does the device see each page of a pool where it is, and only that? */
static void check_seen(struct kunit *test, struct device *dev, size_t size)
{
	phys_addr_t phys = dma_pools_spare(test, 0, size);

	for (phys_addr_t at = phys; at < phys + size; at += SZ_4K) {
		KUNIT_EXPECT_EQ(test, mock_iommu_phys(dev, at + 12), at + 12);
		KUNIT_EXPECT_EQ(test, mock_iommu_prot(dev, at), POOL_PROT);
	}
	KUNIT_EXPECT_EQ(test, mock_iommu_prot(dev, phys - 1), -1);
	KUNIT_EXPECT_EQ(test, mock_iommu_prot(dev, phys + size), -1);
}

static void check_gone(struct kunit *test, struct device *dev)
{
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), 0);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_stale(dev), 0);
	KUNIT_EXPECT_FALSE(test, dma_has_device_pool(dev));
}

/* Refused with this error and one line that says why; nothing is left. */
static void check_refused(struct kunit *test, struct device *dev,
			  struct dma_coherent_pool *pool, int err,
			  const char *why)
{
	unsigned long nr_mapped = mock_iommu_nr_mapped(dev);

	dma_kunit_log_mark();
	KUNIT_EXPECT_EQ(test, err, dma_coherent_pool_bind(dev, pool));
	KUNIT_EXPECT_EQ(test, dma_kunit_log_match(dev_name(dev), ""), 1);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_match(dev_name(dev), why), 1);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), nr_mapped);
	KUNIT_EXPECT_FALSE(test, dma_has_device_pool(dev));
}

static void bind_new(struct kunit *test, struct device *dev, size_t offset,
		     size_t size)
{
	struct dma_coherent_pool *pool = dma_pools_pool(test, "new", offset,
							size);

	KUNIT_EXPECT_EQ(test, 0, dma_pools_bind(test, dev, pool));
}

/* Binding */

struct way {
	const char *what;
	bool is_noncoherent;
	unsigned int domain_type;
	unsigned long page_sizes;
};

static const struct way ways[] = {
	{ "coherent", false, IOMMU_DOMAIN_DMA },
	{ "non-coherent", true, IOMMU_DOMAIN_DMA },
	{ "lazy", false, IOMMU_DOMAIN_DMA_FQ },
	{ "pages of 4 KiB only", false, IOMMU_DOMAIN_DMA, SZ_4K },
};

static void way_to_desc(const struct way *way, char *desc)
{
	strscpy(desc, way->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(way, ways, way_to_desc);
MOCK_IOMMU_PARAM_TYPICAL(way)

static struct device *make_device(struct kunit *test, const struct way *way)
{
	return mock_iommu_device(test,
			mock_iommu_create(test, &(struct mock_iommu_shape) {
				.domain_type = way->domain_type,
				.page_sizes = way->page_sizes,
			}), "dev", &(struct dma_kunit_shape) {
				.is_noncoherent = way->is_noncoherent,
			});
}

static void pool_bind_test(struct kunit *test)
{
	struct device *dev = make_device(test, mock_iommu_param(test));
	struct dma_coherent_pool *pool = dma_pools_pool(test, "pool", 0,
							POOL_SIZE);

	for (unsigned int round = 0; round < 3; round++) {
		KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, dev, pool));
		check_seen(test, dev, POOL_SIZE);
		/* Twice is once. */
		KUNIT_EXPECT_EQ(test, 0, dma_coherent_pool_bind(dev, pool));
		dma_coherent_pool_unbind(dev, pool);
		check_gone(test, dev);
		dma_coherent_pool_unbind(dev, pool);
		check_gone(test, dev);
	}
}

/* Buffers are where the pool is, and the IOMMU is not asked for any. */
static void pool_alloc_test(struct kunit *test)
{
	struct device *dev = make_device(test, mock_iommu_param(test));
	struct dma_coherent_pool *pool = dma_pools_pool(test, "pool", 0,
							POOL_SIZE);
	phys_addr_t phys = dma_pools_spare(test, 0, POOL_SIZE);
	struct mock_iommu_counts before, after;
	struct dma_pools_buffer buffers[9];
	unsigned int nr;

	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, dev, pool));
	before = mock_iommu_counts(dev);
	nr = dma_pools_fill(dev, SZ_8K, GFP_KERNEL, NAME, buffers,
			    ARRAY_SIZE(buffers));
	KUNIT_EXPECT_EQ(test, nr, POOL_SIZE / SZ_8K);
	for (unsigned int i = 0; i < nr; i++) {
		KUNIT_EXPECT_EQ(test, buffers[i].dma_addr, buffers[i].phys);
		KUNIT_EXPECT_GE(test, buffers[i].phys, phys);
		KUNIT_EXPECT_LE(test, buffers[i].phys, phys + POOL_SIZE - SZ_8K);
		KUNIT_EXPECT_EQ(test, mock_iommu_phys(dev, buffers[i].dma_addr +
						      SZ_8K - 1),
				buffers[i].phys + SZ_8K - 1);
		KUNIT_EXPECT_TRUE(test, dma_pools_is_filled(&buffers[i], 0));
		memset(buffers[i].cpu_addr, i + 1, SZ_8K);
	}
	for (unsigned int i = 0; i < nr; i++)
		KUNIT_EXPECT_TRUE(test, dma_pools_is_filled(&buffers[i],
							    i + 1));
	/* Whoever has a pool gets nothing from elsewhere. */
	KUNIT_EXPECT_TRUE(test, dma_pools_is_refused(dev, SZ_4K, GFP_KERNEL,
						     "'pool' free 0 KiB"));
	dma_pools_free_all(buffers, nr);
	KUNIT_EXPECT_TRUE(test, dma_pools_alloc(dev, SZ_4K, GFP_ATOMIC,
						&buffers[0]));
	KUNIT_EXPECT_STREQ(test, buffers[0].backend, NAME);
	dma_pools_free(&buffers[0]);
	after = mock_iommu_counts(dev);
	KUNIT_EXPECT_EQ(test, after.nr_map_calls, before.nr_map_calls);
	KUNIT_EXPECT_EQ(test, after.nr_unmap_calls, before.nr_unmap_calls);
	dma_coherent_pool_unbind(dev, pool);
	check_gone(test, dev);
}

/* Streaming mappings of such a device are none of the pool's business. */
static void pool_beside_streaming_test(struct kunit *test)
{
	struct device *dev = device_at_pool(test, 2 * POOL_SIZE);
	struct dma_coherent_pool *pool = dma_pools_pool(test, "pool", 0,
							POOL_SIZE);
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	dma_addr_t addrs[17];
	unsigned int nr;

	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, dev, pool));
	for (unsigned int round = 0; round < 3; round++) {
		nr = mock_iommu_exhaust(test, dev, buffer, SZ_4K, addrs,
					ARRAY_SIZE(addrs));
		KUNIT_EXPECT_EQ(test, nr, POOL_SIZE / SZ_4K);
		mock_iommu_unmap_all(dev, addrs, nr, SZ_4K);
	}
	KUNIT_EXPECT_EQ(test, mock_iommu_phys(dev,
					      dma_pools_spare(test, 0, 1)),
			dma_pools_spare(test, 0, 1));
	dma_coherent_pool_unbind(dev, pool);
	check_gone(test, dev);
}

/* Live buffers stay the CPU's; their free finds its way. */
static void pool_unbind_live_test(struct kunit *test)
{
	struct device *dev = make_device(test, mock_iommu_param(test));
	struct dma_coherent_pool *pool = dma_pools_pool(test, "pool", 0,
							POOL_SIZE);
	struct dma_pools_buffer live, later;

	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, dev, pool));
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_16K, GFP_KERNEL,
						&live));
	dma_coherent_pool_unbind(dev, pool);
	check_gone(test, dev);
	memset(live.cpu_addr, 0x5a, SZ_16K);
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_16K, GFP_KERNEL,
						&later));
	KUNIT_EXPECT_STREQ(test, later.backend, "iommu");
	KUNIT_EXPECT_TRUE(test, dma_pools_is_filled(&live, 0x5a));
	dma_pools_free(&live);
	dma_pools_free(&later);
	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, dev, pool));
	check_seen(test, dev, POOL_SIZE);
}

/*
 * The device gets another domain, or none, while a pool is bound to it: drivers
 * need not unbind theirs when they go, and then the type of a group may change.
 */
static void pool_new_domain_test(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu_create(test,
					&(struct mock_iommu_shape){});
	struct device *dev = mock_iommu_device(test, iommu, "dev",
					       &(struct dma_kunit_shape){});
	struct dma_coherent_pool *pool = dma_pools_pool(test, "pool", 0,
							POOL_SIZE);

	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, dev, pool));
	mock_iommu_leave(dev);
	KUNIT_ASSERT_EQ(test, 0, mock_iommu_join(iommu, dev));
	dma_coherent_pool_unbind(dev, pool);
	check_gone(test, dev);

	/* Bound again while it is bound: mapped where the device is now. */
	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, dev, pool));
	mock_iommu_leave(dev);
	KUNIT_ASSERT_EQ(test, 0, mock_iommu_join(iommu, dev));
	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, dev, pool));
	check_seen(test, dev, POOL_SIZE);
	mock_iommu_leave(dev);
	dma_coherent_pool_unbind(dev, pool);
	KUNIT_EXPECT_FALSE(test, dma_has_device_pool(dev));

	KUNIT_ASSERT_EQ(test, 0, mock_iommu_join(iommu, dev));
	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, dev, pool));
	check_seen(test, dev, POOL_SIZE);
}

/* Several */

static void pool_group_test(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu_create(test,
			&(struct mock_iommu_shape) { .has_one_group = true });
	struct device *one = mock_iommu_device(test, iommu, "one",
					       &(struct dma_kunit_shape){});
	struct device *two = mock_iommu_device(test, iommu, "two",
					       &(struct dma_kunit_shape){});
	struct dma_coherent_pool *pool = dma_pools_pool(test, "pool", 0,
							POOL_SIZE);
	struct dma_pools_buffer of_one, of_two;
	u64 mapped = mock_iommu_counts(one).mapped;

	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, one, pool));
	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, two, pool));
	KUNIT_EXPECT_EQ(test, mock_iommu_counts(one).mapped,
			mapped + POOL_SIZE);
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(one, SZ_8K, GFP_KERNEL,
						&of_one));
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(two, SZ_8K, GFP_KERNEL,
						&of_two));
	KUNIT_EXPECT_NE(test, of_one.dma_addr, of_two.dma_addr);
	check_seen(test, two, POOL_SIZE);
	dma_pools_free(&of_one);
	dma_coherent_pool_unbind(one, pool);
	check_seen(test, two, POOL_SIZE);
	dma_pools_free(&of_two);
	dma_coherent_pool_unbind(two, pool);
	check_gone(test, two);
	KUNIT_EXPECT_EQ(test, mock_iommu_counts(one).unmapped, POOL_SIZE);
}

/* Two domains, one pool: each has its own mapping of it. */
static void pool_domains_test(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu_create(test,
					&(struct mock_iommu_shape){});
	struct device *one = mock_iommu_device(test, iommu, "one",
					       &(struct dma_kunit_shape){});
	struct device *two = mock_iommu_device(test, iommu, "two",
					       &(struct dma_kunit_shape){});
	struct dma_coherent_pool *pool = dma_pools_pool(test, "pool", 0,
							POOL_SIZE);

	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, one, pool));
	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, two, pool));
	dma_coherent_pool_unbind(one, pool);
	check_gone(test, one);
	check_seen(test, two, POOL_SIZE);
}

/* Two pools of one device, in order */
static void pool_two_test(struct kunit *test)
{
	struct device *dev = device_behind(test, &(struct mock_iommu_shape){});
	struct dma_coherent_pool *first = dma_pools_pool(test, "first", 0,
							 SZ_32K);
	struct dma_coherent_pool *second = dma_pools_pool(test, "second",
							  SZ_32K, SZ_32K);
	struct dma_pools_buffer buffers[2];

	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, dev, first));
	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, dev, second));
	check_seen(test, dev, SZ_64K);
	for (unsigned int i = 0; i < 2; i++) {
		KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_32K, GFP_KERNEL,
							&buffers[i]));
		KUNIT_EXPECT_EQ(test, buffers[i].dma_addr,
				dma_pools_spare(test, i * SZ_32K, SZ_32K));
	}
	dma_pools_free_all(buffers, 2);
	dma_coherent_pool_unbind(dev, first);
	KUNIT_EXPECT_EQ(test, mock_iommu_prot(dev, dma_pools_spare(test, 0, 1)),
			-1);
	KUNIT_EXPECT_EQ(test, mock_iommu_prot(dev, dma_pools_spare(test, SZ_32K,
								   1)),
			POOL_PROT);
}

/* Refusals */

static void pool_busy_test(struct kunit *test)
{
	struct device *dev = device_at_pool(test, POOL_SIZE);
	struct dma_coherent_pool *pool = dma_pools_pool(test, "pool", 0,
							POOL_SIZE);
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	dma_addr_t dma_addr;

	dma_addr = dma_map_single(dev, buffer, SZ_4K, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	check_refused(test, dev, pool, -EBUSY, "in use or reserved");
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(dev, dma_addr, buffer, SZ_4K));
	dma_unmap_single(dev, dma_addr, SZ_4K, DMA_TO_DEVICE);
	/* What was in use is only kept now, and that is no obstacle. */
	KUNIT_EXPECT_EQ(test, 0, dma_pools_bind(test, dev, pool));
	check_seen(test, dev, POOL_SIZE);
}

/* Use an address that goes to wait for a flush then. */
static dma_addr_t use_address(struct kunit *test, struct device *dev)
{
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	dma_addr_t dma_addr;

	dma_addr = dma_map_single(dev, buffer, SZ_4K, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	dma_unmap_single(dev, dma_addr, SZ_4K, DMA_TO_DEVICE);
	return dma_addr;
}

/* What waits for a flush is no obstacle, either. */
static void pool_after_lazy_test(struct kunit *test)
{
	struct device *dev = mock_iommu_device(test, slow_iommu(test), "dev",
					       &(struct dma_kunit_shape){});
	struct dma_coherent_pool *pool = dma_pools_pool(test, "pool", 0,
							POOL_SIZE);

	for (unsigned int i = 0; i < 5; i++) {
		use_address(test, dev);
		KUNIT_EXPECT_EQ(test, 0, dma_coherent_pool_bind(dev, pool));
		dma_coherent_pool_unbind(dev, pool);
	}
}

/* Nor is it one for what another device of the group has reserved. */
static void pool_reserve_after_lazy_test(struct kunit *test)
{
	struct mock_iommu *iommu = slow_iommu(test);
	struct device *one = mock_iommu_device(test, iommu, "one",
					       &(struct dma_kunit_shape){});
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	struct mock_iommu_region region = {
		.start = use_address(test, one),
		.size = SZ_4K,
		.type = IOMMU_RESV_RESERVED,
	};
	dma_addr_t addrs[17];
	unsigned int nr;

	mock_iommu_reserve(test, iommu, &region);
	dma_kunit_log_mark();
	mock_iommu_device(test, iommu, "two", &(struct dma_kunit_shape){});
	KUNIT_EXPECT_EQ(test, dma_kunit_log_match("in use by another", ""), 0);
	nr = mock_iommu_exhaust(test, one, buffer, SZ_4K, addrs,
				ARRAY_SIZE(addrs));
	KUNIT_EXPECT_EQ(test, nr, POOL_SIZE / SZ_4K - 1);
	for (unsigned int i = 0; i < nr; i++)
		KUNIT_EXPECT_NE(test, addrs[i], region.start);
	mock_iommu_unmap_all(one, addrs, nr, SZ_4K);
}

static void pool_reserved_test(struct kunit *test)
{
	phys_addr_t phys = dma_pools_spare(test, 0, POOL_SIZE);
	const struct mock_iommu_region regions[] = {
		{ phys + SZ_32K, SZ_4K, IOMMU_RESV_RESERVED }, {},
	};
	struct device *dev = device_behind(test, &(struct mock_iommu_shape) {
		.regions = regions,
	});

	check_refused(test, dev, dma_pools_pool(test, "pool", 0, POOL_SIZE),
		      -EBUSY, "in use or reserved");
	check_gone(test, dev);
	/* Up to it, there is nothing wrong. */
	bind_new(test, dev, 0, SZ_32K);
}

/*
 * Memory that the device uses since before the kernel ran: the domain has a
 * mapping of it, which serves the pool and stays when that goes.
 */
static void pool_direct_test(struct kunit *test)
{
	phys_addr_t phys = dma_pools_spare(test, 0, POOL_SIZE);
	const struct mock_iommu_region regions[] = {
		{ phys, POOL_SIZE, IOMMU_RESV_DIRECT_RELAXABLE }, {},
	};
	struct device *dev = device_behind(test, &(struct mock_iommu_shape) {
		.regions = regions,
	});
	struct dma_coherent_pool *pool = dma_pools_pool(test, "pool", 0,
							POOL_SIZE);
	int prot = mock_iommu_prot(dev, phys);
	struct dma_pools_buffer buffer;

	KUNIT_ASSERT_NE(test, prot, -1);
	for (unsigned int i = 0; i < 2; i++) {
		KUNIT_ASSERT_EQ(test, 0, dma_coherent_pool_bind(dev, pool));
		KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_8K, GFP_KERNEL,
							&buffer));
		KUNIT_EXPECT_EQ(test, buffer.dma_addr, buffer.phys);
		KUNIT_EXPECT_GE(test, buffer.phys, phys);
		dma_pools_free(&buffer);
		dma_coherent_pool_unbind(dev, pool);
		KUNIT_EXPECT_EQ(test, mock_iommu_prot(dev, phys), prot);
	}
}

/* A mask that nobody has set yet is no obstacle: the driver may do it later. */
static void pool_mask_test(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu_create(test,
					&(struct mock_iommu_shape){});
	struct device *dev = mock_iommu_device(test, iommu, "dev",
			&(struct dma_kunit_shape){ .mask = DMA_BIT_MASK(24) });
	struct dma_coherent_pool *pool = dma_pools_pool(test, "pool", 0,
							POOL_SIZE);
	struct dma_pools_buffer buffer;

	dma_kunit_log_mark();
	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, dev, pool));
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_8K, GFP_KERNEL, &buffer));
	KUNIT_EXPECT_EQ(test, dma_kunit_log_match(dev_name(dev), "set its mask"), 1);
	dma_pools_free(&buffer);
}

/* Pools that overlap can't be told from each other's pages. */
static void pool_overlap_test(struct kunit *test)
{
	struct device *dev = device_behind(test, &(struct mock_iommu_shape){});
	struct dma_coherent_pool *all = dma_pools_pool(test, "all", 0, SZ_64K);
	struct dma_coherent_pool *half = dma_pools_pool(test, "half", SZ_32K,
							SZ_32K);

	KUNIT_ASSERT_EQ(test, 0, dma_coherent_pool_bind(dev, all));
	dma_kunit_log_mark();
	KUNIT_EXPECT_EQ(test, -EBUSY, dma_coherent_pool_bind(dev, half));
	KUNIT_EXPECT_EQ(test, dma_kunit_log_match(dev_name(dev), "'half'"), 1);
	check_seen(test, dev, SZ_64K);
	dma_coherent_pool_unbind(dev, half);
	check_seen(test, dev, SZ_64K);
	dma_coherent_pool_unbind(dev, all);
	check_gone(test, dev);
}

struct narrow {
	const char *what;
	struct dma_kunit_shape dev;
	long first;
	long last;
};

/* The aperture's bounds are told from those of the pool. */
static const struct narrow narrows[] = {
	{ "aperture begins inside", {}, SZ_4K, SZ_1M },
	{ "aperture ends inside", {}, -SZ_1M, -SZ_4K },
	{ "aperture lies above", {}, SZ_1M, SZ_2M },
	{ "aperture lies below", {}, -SZ_2M, -SZ_1M },
};

static void narrow_to_desc(const struct narrow *narrow, char *desc)
{
	strscpy(desc, narrow->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(narrow, narrows, narrow_to_desc);
MOCK_IOMMU_PARAM_TYPICAL(narrow)

static void pool_reach_test(struct kunit *test)
{
	const struct narrow *narrow = mock_iommu_param(test);
	phys_addr_t phys = dma_pools_spare(test, 0, POOL_SIZE);
	struct mock_iommu *iommu = mock_iommu_create(test,
			&(struct mock_iommu_shape) {
				.aperture_start = phys + narrow->first,
				.aperture_last = phys + POOL_SIZE +
						 narrow->last - 1,
			});
	struct device *dev = mock_iommu_device(test, iommu, "dev",
					       &narrow->dev);

	check_refused(test, dev, dma_pools_pool(test, "pool", 0, POOL_SIZE),
		      -ERANGE, "does not translate");
	check_gone(test, dev);
}

/* Just as large as it has to be */
static void pool_exact_test(struct kunit *test)
{
	struct device *dev = device_at_pool(test, POOL_SIZE);

	bind_new(test, dev, 0, POOL_SIZE);
	check_seen(test, dev, POOL_SIZE);
}

static void pool_misaligned_test(struct kunit *test)
{
	struct device *dev = device_behind(test, &(struct mock_iommu_shape) {
		.page_sizes = SZ_64K | SZ_2M,
	});
	static const char why[] = "multiples of the IOMMU's page";

	check_refused(test, dev, dma_pools_pool(test, "small", 0, SZ_4K),
		      -EINVAL, why);
	check_refused(test, dev, dma_pools_pool(test, "odd", SZ_1M,
						SZ_64K + SZ_4K), -EINVAL, why);
	check_refused(test, dev, dma_pools_pool(test, "shifted",
						SZ_2M + SZ_4K, SZ_64K),
		      -EINVAL, why);
	check_gone(test, dev);
	bind_new(test, dev, SZ_2M + SZ_64K, SZ_128K);
}

/* Failures */

static void pool_map_fails_test(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu_create(test,
			&(struct mock_iommu_shape) { .page_sizes = SZ_4K });
	struct device *dev = mock_iommu_device(test, iommu, "dev",
					       &(struct dma_kunit_shape){});
	struct dma_coherent_pool *pool = dma_pools_pool(test, "pool", 0,
							POOL_SIZE);

	for (unsigned int nth = 1; nth <= POOL_SIZE / SZ_4K; nth++) {
		mock_iommu_fail_nth(iommu, MOCK_IOMMU_MAP, nth);
		check_refused(test, dev, pool, -ENOMEM, "no memory for it");
		check_gone(test, dev);
	}
	if (mock_iommu_shape_of(test)->is_told) {
		mock_iommu_fail_nth(iommu, MOCK_IOMMU_SYNC_MAP, 1);
		check_refused(test, dev, pool, -ENOMEM, "no memory for it");
		check_gone(test, dev);
	}
	KUNIT_EXPECT_EQ(test, 0, dma_pools_bind(test, dev, pool));
	check_seen(test, dev, POOL_SIZE);
}

static void pool_fail_nth_test(struct kunit *test)
{
	struct device *dev = device_behind(test, &(struct mock_iommu_shape){});
	struct dma_coherent_pool *pool = dma_pools_pool(test, "pool", 0,
							POOL_SIZE);
	struct dma_kunit_failing failing = {};
	int err;

	if (!dma_kunit_fail_sleeping(false))
		kunit_skip(test, "needs FAILSLAB, FAIL_PAGE_ALLOC, FAULT_INJECTION_DEBUG_FS");
	while (dma_kunit_failing_next(&failing, 30)) {
		dma_kunit_fail_sleeping(true);
		dma_kunit_fail_nth(failing.nth);
		err = dma_coherent_pool_bind(dev, pool);
		dma_kunit_failing_stop(&failing, err);
		dma_kunit_fail_sleeping(false);
		if (err) {
			KUNIT_EXPECT_EQ(test, err, -ENOMEM);
		} else {
			check_seen(test, dev, POOL_SIZE);
			dma_coherent_pool_unbind(dev, pool);
		}
		check_gone(test, dev);
	}
	KUNIT_EXPECT_TRUE(test, failing.is_beyond);
	/* The identity, its range and the binding */
	KUNIT_EXPECT_GE(test, failing.nr_felt, 3);
}

static struct kunit_case iommu_pool_cases[] = {
	MOCK_IOMMU_CASE_PARAM_TYPICAL(pool_bind_test, way),
	MOCK_IOMMU_CASE_PARAM_TYPICAL(pool_alloc_test, way),
	MOCK_IOMMU_CASE_TYPICAL(pool_beside_streaming_test),
	MOCK_IOMMU_CASE_PARAM_TYPICAL(pool_unbind_live_test, way),
	MOCK_IOMMU_CASE_TYPICAL(pool_new_domain_test),
	MOCK_IOMMU_CASE_TYPICAL(pool_group_test),
	MOCK_IOMMU_CASE_TYPICAL(pool_domains_test),
	MOCK_IOMMU_CASE_TYPICAL(pool_two_test),
	MOCK_IOMMU_CASE_TYPICAL(pool_busy_test),
	MOCK_IOMMU_CASE_TYPICAL(pool_after_lazy_test),
	MOCK_IOMMU_CASE_TYPICAL(pool_reserve_after_lazy_test),
	MOCK_IOMMU_CASE_TYPICAL(pool_reserved_test),
	MOCK_IOMMU_CASE_TYPICAL(pool_direct_test),
	MOCK_IOMMU_CASE_TYPICAL(pool_mask_test),
	MOCK_IOMMU_CASE_TYPICAL(pool_overlap_test),
	MOCK_IOMMU_CASE_PARAM_TYPICAL(pool_reach_test, narrow),
	MOCK_IOMMU_CASE_TYPICAL(pool_exact_test),
	MOCK_IOMMU_CASE_TYPICAL(pool_misaligned_test),
	MOCK_IOMMU_CASE_TYPICAL(pool_map_fails_test),
	MOCK_IOMMU_CASE_TYPICAL(pool_fail_nth_test),
	{}
};

static struct kunit_suite iommu_pool_suite = {
	.name = "iommu_pool",
	.test_cases = iommu_pool_cases,
};

kunit_test_suite(iommu_pool_suite);

MODULE_DESCRIPTION("KUnit tests of device pools behind an IOMMU");
MODULE_LICENSE("GPL");
