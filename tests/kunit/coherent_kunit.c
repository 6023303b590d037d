// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of device pools: who is served from which pool, what a full pool
 * does, how buffers and pools end, and what a device's limits leave of a pool.
 *
 * The pools are made of spare memory, see pools.h. What a driver does with a
 * buffer is tested in coherent_use_kunit.c, the global pool in
 * coherent_global_kunit.c.
 */

#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include "../../kernel/dma/backend.h"
#include "../../kernel/dma/coherent.h"
#include "../../kernel/dma/ledger.h"
#include "log.h"
#include "mock.h"
#include "pools.h"

#define NAME	"device pool"

static bool is_within(const struct dma_pools_buffer *buffer, phys_addr_t base,
		      size_t size)
{
	return buffer->phys >= base &&
	       buffer->phys + PAGE_ALIGN(buffer->size) <= base + size;
}

static bool is_from_pool(const struct dma_pools_buffer *buffer)
{
	return buffer->backend && !strcmp(buffer->backend, NAME);
}

static bool can_alloc(struct device *dev, size_t size)
{
	struct dma_pools_buffer buffer;
	bool is_served = dma_pools_alloc(dev, size, GFP_KERNEL | __GFP_NOWARN,
					 &buffer);

	if (is_served)
		dma_pools_free(&buffer);
	return is_served;
}

/* Several pools and devices */

static void pool_order_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct dma_coherent_pool *small = dma_pools_pool(test, "small", 0,
							 SZ_16K);
	struct dma_coherent_pool *large = dma_pools_pool(test, "large", SZ_1M,
							 SZ_64K);
	phys_addr_t in_small = dma_pools_spare(test, 0, SZ_16K);
	phys_addr_t in_large = dma_pools_spare(test, SZ_1M, SZ_64K);
	struct dma_pools_buffer buffers[6];

	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, dev, small));
	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, dev, large));

	/* The first one, as long as it has room */
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_8K, GFP_KERNEL, &buffers[0]));
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_32K, GFP_KERNEL, &buffers[1]));
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_8K, GFP_KERNEL, &buffers[2]));
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_8K, GFP_KERNEL, &buffers[3]));
	KUNIT_EXPECT_TRUE(test, is_within(&buffers[0], in_small, SZ_16K));
	KUNIT_EXPECT_TRUE(test, is_within(&buffers[1], in_large, SZ_64K));
	KUNIT_EXPECT_TRUE(test, is_within(&buffers[2], in_small, SZ_16K));
	KUNIT_EXPECT_TRUE(test, is_within(&buffers[3], in_large, SZ_64K));

	/* And again once it has */
	dma_pools_free(&buffers[2]);
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_4K, GFP_KERNEL, &buffers[4]));
	KUNIT_EXPECT_TRUE(test, is_within(&buffers[4], in_small, SZ_16K));

	/* A buffer never lies in two pools */
	KUNIT_EXPECT_FALSE(test, can_alloc(dev, SZ_64K + SZ_4K));
	dma_pools_free_all(buffers, 2);
	dma_pools_free_all(buffers + 3, 2);
	KUNIT_EXPECT_TRUE(test, can_alloc(dev, SZ_64K));
}

static void pool_shared_test(struct kunit *test)
{
	struct device *one = dma_kunit_coherent_device(test, "one");
	struct device *other = dma_kunit_coherent_device(test, "other");
	struct dma_coherent_pool *pool = dma_pools_pool(test, "shared", 0,
							SZ_64K);
	struct dma_pools_buffer buffers[16], last;
	struct dma_pool_figures figures;
	unsigned int nr;

	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, one, pool));
	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, other, pool));
	KUNIT_ASSERT_TRUE(test, dma_pools_figures(test, "shared", NAME, &figures));
	KUNIT_EXPECT_EQ(test, figures.nr_users, 2);

	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(other, SZ_4K, GFP_KERNEL, &last));
	nr = dma_pools_fill(one, SZ_4K, GFP_KERNEL, NAME, buffers, 16);
	KUNIT_EXPECT_EQ(test, nr, SZ_64K / PAGE_SIZE - 1);
	KUNIT_EXPECT_FALSE(test, can_alloc(other, SZ_4K));
	for (unsigned int i = 0; i < nr; i++)
		KUNIT_EXPECT_NE(test, buffers[i].phys, last.phys);

	dma_pools_free_all(buffers, nr);
	KUNIT_EXPECT_TRUE(test, can_alloc(other, SZ_32K));
	dma_pools_free(&last);
}

/* Binding */

static void pool_bind_twice_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct dma_coherent_pool *pool = dma_pools_pool(test, "once", 0, SZ_64K);
	struct dma_pool_figures figures;

	KUNIT_EXPECT_FALSE(test, dma_has_device_pool(dev));
	dma_coherent_pool_unbind(dev, pool);
	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, dev, pool));

	/* Twice is once */
	KUNIT_EXPECT_EQ(test, dma_coherent_pool_bind(dev, pool), 0);
	KUNIT_ASSERT_TRUE(test, dma_pools_figures(test, "once", NAME, &figures));
	KUNIT_EXPECT_EQ(test, figures.nr_users, 1);

	/* So one end of it is the end */
	dma_coherent_pool_unbind(dev, pool);
	KUNIT_EXPECT_FALSE(test, dma_has_device_pool(dev));
	KUNIT_ASSERT_TRUE(test, dma_pools_figures(test, "once", NAME, &figures));
	KUNIT_EXPECT_EQ(test, figures.nr_users, 0);
	dma_coherent_pool_unbind(dev, pool);
	KUNIT_EXPECT_EQ(test, 0, dma_coherent_pool_bind(dev, pool));
}

static void pool_unbind_live_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct dma_coherent_pool *pool = dma_pools_pool(test, "left", 0, SZ_64K);
	struct dma_pools_buffer live, later;
	struct dma_pool_figures figures;

	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, dev, pool));
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_16K, GFP_KERNEL, &live));
	KUNIT_EXPECT_TRUE(test, is_from_pool(&live));
	dma_coherent_pool_unbind(dev, pool);

	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_16K, GFP_KERNEL, &later));
	KUNIT_EXPECT_FALSE(test, is_from_pool(&later));
	memset(live.cpu_addr, 0x5a, SZ_16K);
	KUNIT_EXPECT_TRUE(test, dma_pools_is_filled(&live, 0x5a));
	KUNIT_EXPECT_TRUE(test, dma_pools_is_filled(&later, 0));

	dma_pools_free(&live);
	dma_pools_free(&later);
	KUNIT_ASSERT_TRUE(test, dma_pools_figures(test, "left", NAME, &figures));
	KUNIT_EXPECT_EQ(test, figures.used, 0);
	KUNIT_EXPECT_EQ(test, figures.largest, SZ_64K);
}

static void pool_create_bad_test(struct kunit *test)
{
	phys_addr_t phys = dma_pools_spare(test, 0, SZ_64K);
	struct dma_coherent_pool *pool;
	struct page *page;

	dma_kunit_log_mark();
	pool = dma_coherent_pool_create("bad", phys, 0, NAME, "nobody");
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(pool), -EINVAL);
	pool = dma_coherent_pool_create("bad", phys + 16, SZ_4K, NAME, "nobody");
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(pool), -EINVAL);
	pool = dma_coherent_pool_create("bad", phys, SZ_4K + 16, NAME, "nobody");
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(pool), -EINVAL);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_match("'bad'", "expected multiples of"),
			3);

	/* Memory that the kernel uses */
	page = alloc_page(GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, page);
	dma_kunit_expect_warn_begin();
	pool = dma_coherent_pool_create("bad", page_to_phys(page), PAGE_SIZE,
					NAME, "nobody");
	KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(pool), -ENOMEM);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_match("'bad'", "cannot map"), 1);
	__free_page(page);
}

/* Memory that a driver declares */

static void pool_declare_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	phys_addr_t phys = dma_pools_spare(test, 0, SZ_128K);
	struct dma_pools_buffer buffers[3];

	KUNIT_ASSERT_EQ(test, 0, dma_declare_coherent_memory(dev, phys, 0x10000,
							     SZ_16K));
	KUNIT_ASSERT_EQ(test, 0, dma_declare_coherent_memory(dev, phys + SZ_64K,
							     0x40000, SZ_64K));

	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_8K, GFP_KERNEL, &buffers[0]));
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_8K, GFP_KERNEL, &buffers[1]));
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_8K, GFP_KERNEL, &buffers[2]));
	for (unsigned int i = 0; i < 2; i++) {
		KUNIT_EXPECT_TRUE(test, is_within(&buffers[i], phys, SZ_16K));
		KUNIT_EXPECT_EQ(test, buffers[i].dma_addr,
				0x10000 + (buffers[i].phys - phys));
	}
	KUNIT_EXPECT_TRUE(test, is_within(&buffers[2], phys + SZ_64K, SZ_64K));
	KUNIT_EXPECT_EQ(test, buffers[2].dma_addr,
			0x40000 + (buffers[2].phys - phys - SZ_64K));
	dma_pools_free_all(buffers, 3);

	dma_release_coherent_memory(dev);
	KUNIT_EXPECT_FALSE(test, dma_has_device_pool(dev));
	dma_release_coherent_memory(dev);
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_8K, GFP_KERNEL, &buffers[0]));
	KUNIT_EXPECT_FALSE(test, is_from_pool(&buffers[0]));
	dma_pools_free(&buffers[0]);

	KUNIT_EXPECT_EQ(test, -EINVAL,
			dma_declare_coherent_memory(dev, phys + 1, 0, SZ_16K));
	KUNIT_EXPECT_FALSE(test, dma_has_device_pool(dev));
}

/* A pool that was bound stays when what was declared goes */
static void pool_declare_and_bind_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct dma_coherent_pool *pool = dma_pools_pool(test, "bound", SZ_1M,
							SZ_64K);
	phys_addr_t phys = dma_pools_spare(test, 0, SZ_64K);
	struct dma_pools_buffer buffer;

	KUNIT_ASSERT_EQ(test, 0, dma_declare_coherent_memory(dev, phys, 0, SZ_64K));
	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, dev, pool));
	dma_release_coherent_memory(dev);

	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_4K, GFP_KERNEL, &buffer));
	KUNIT_EXPECT_TRUE(test, is_within(&buffer, dma_pools_spare(test, SZ_1M, SZ_64K),
					  SZ_64K));
	dma_pools_free(&buffer);
}

/* This pool stays for ever: it has memory that no other test uses */
static void pool_release_live_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	phys_addr_t phys = dma_pools_spare(test, DMA_SPARE_SIZE - SZ_16K, SZ_16K);
	struct dma_pools_buffer live;

	KUNIT_ASSERT_EQ(test, 0, dma_declare_coherent_memory(dev, phys, phys,
							     SZ_16K));
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_8K, GFP_KERNEL, &live));

	dma_kunit_log_mark();
	dma_release_coherent_memory(dev);
	KUNIT_EXPECT_FALSE(test, dma_has_device_pool(dev));
	KUNIT_EXPECT_EQ(test, dma_kunit_log_match("'declared' given up",
						  "in use: it stays mapped"), 1);
	memset(live.cpu_addr, 0x5a, SZ_8K);
	KUNIT_EXPECT_TRUE(test, dma_pools_is_filled(&live, 0x5a));
	dma_pools_free(&live);
	KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), 0);
}

/* Capacity */

static void pool_exhaust_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct dma_coherent_pool *pool = dma_pools_pool(test, "full", 0, SZ_64K);
	struct dma_pool_figures figures;
	struct dma_pools_buffer buffers[17], refused;

	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, dev, pool));
	KUNIT_ASSERT_EQ(test, dma_pools_fill(dev, SZ_4K, GFP_KERNEL, NAME,
					     buffers, 17), 16);

	/* It is exclusive: nobody else is even asked */
	KUNIT_EXPECT_TRUE(test, dma_pools_is_refused(dev, SZ_4K, GFP_KERNEL,
						     "'full' free 0 KiB, largest 0 KiB"));
	KUNIT_EXPECT_EQ(test, dma_kunit_log_match(dev_name(dev), "pages: "), 0);
	KUNIT_EXPECT_FALSE(test, dma_pools_alloc(dev, SZ_4K, GFP_ATOMIC | __GFP_NOWARN,
						 &refused));
	KUNIT_EXPECT_NULL(test, refused.cpu_addr);
	KUNIT_EXPECT_EQ(test, refused.dma_addr, 0);

	/* Single pages are free: one fits, two do not */
	for (unsigned int i = 0; i < 16; i += 2)
		dma_pools_free(&buffers[i]);
	KUNIT_EXPECT_FALSE(test, can_alloc(dev, SZ_8K));
	KUNIT_EXPECT_TRUE(test, can_alloc(dev, SZ_4K));

	dma_pools_free_all(buffers, 16);
	KUNIT_EXPECT_TRUE(test, can_alloc(dev, SZ_64K));
	KUNIT_ASSERT_TRUE(test, dma_pools_figures(test, "full", NAME, &figures));
	KUNIT_EXPECT_EQ(test, figures.used, 0);
	KUNIT_EXPECT_EQ(test, figures.peak, SZ_64K);
	KUNIT_EXPECT_EQ(test, figures.largest, SZ_64K);
	KUNIT_EXPECT_EQ(test, figures.served, 18);
}

static void pool_align_and_zero_test(struct kunit *test)
{
	static const unsigned int sizes[] = { 1, 2, 3, 5, 8, 17, 33, 64, 100 };
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct dma_coherent_pool *pool = dma_pools_pool(test, "dirty", 0,
							DMA_SPARE_ALIGN);
	struct dma_pools_buffer buffers[ARRAY_SIZE(sizes)];

	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, dev, pool));
	/* Twice: the second time finds what the first one has left */
	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
			size_t size = sizes[i] * PAGE_SIZE - round * 100;
			u64 align = PAGE_SIZE << get_order(size);

			KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, size, GFP_KERNEL,
								&buffers[i]));
			KUNIT_EXPECT_TRUE(test, dma_pools_is_filled(&buffers[i], 0));
			KUNIT_EXPECT_EQ(test, buffers[i].phys & (align - 1), 0);
			KUNIT_EXPECT_EQ(test, buffers[i].dma_addr & (align - 1), 0);
			memset(buffers[i].cpu_addr, 0xa5, PAGE_ALIGN(size));
		}
		dma_pools_free_all(buffers, ARRAY_SIZE(sizes));
	}
}

/* What is served at the second try was not refused */
static void pool_own_align_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct dma_coherent_pool *pool = dma_pools_pool(test, "odd", SZ_4K,
							SZ_128K + SZ_64K - SZ_4K);
	struct dma_pool_figures figures;
	struct dma_pools_buffer buffer;

	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, dev, pool));
	/* Aligned, where that costs no piece of this size */
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_64K, GFP_KERNEL, &buffer));
	KUNIT_EXPECT_EQ(test, buffer.phys & (SZ_64K - 1), 0);
	dma_pools_free(&buffer);

	/* The whole pool is as aligned as it can be */
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_128K + SZ_64K - SZ_4K,
						GFP_KERNEL, &buffer));
	dma_pools_free(&buffer);
	KUNIT_ASSERT_TRUE(test, dma_pools_figures(test, "odd", NAME, &figures));
	KUNIT_EXPECT_EQ(test, figures.served, 2);
	KUNIT_EXPECT_EQ(test, figures.refused, 0);
}

#define NR_PACKED	64

struct packed {
	const char *name;
	size_t offset;	/* of the pool's start behind a multiple of 2 MiB */
	size_t size;
	size_t piece;
	unsigned int nr;
};

/* As many pieces as the pool holds when it is cut from its start */
static const struct packed packed[] = {
	{ "four quarters", 0x48000, SZ_1M, SZ_256K, 4 },
	{ "sixteenths", 0x48000, SZ_1M, SZ_64K, 16 },
	{ "two halves", SZ_4K, SZ_128K, SZ_64K, 2 },
	{ "all of it", SZ_4K, SZ_128K, SZ_128K, 1 },
	{ "no power of two", 0x48000, SZ_1M, 5 * SZ_4K, 32 },
};

KUNIT_ARRAY_PARAM_DESC(packed, packed, name);

/* A pool whose start is not aligned to what it is cut into */
static void pool_packed_test(struct kunit *test)
{
	const struct packed *packed = test->param_value;
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct dma_coherent_pool *pool = dma_pools_pool(test, "packed",
							packed->offset,
							packed->size);
	struct dma_pools_buffer *buffers =
		kunit_kcalloc(test, NR_PACKED, sizeof(*buffers), GFP_KERNEL);
	unsigned int nr;

	KUNIT_ASSERT_NOT_NULL(test, buffers);
	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, dev, pool));
	nr = dma_pools_fill(dev, packed->piece, GFP_KERNEL, NAME, buffers,
			    NR_PACKED);
	KUNIT_EXPECT_GE(test, nr, packed->nr);
	dma_pools_free_all(buffers, nr);
}

/* Aligned for the device, which sees the pool elsewhere than the CPU does */
static void pool_device_align_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	phys_addr_t phys = dma_pools_spare(test, 0x8000, SZ_1M);
	struct dma_pools_buffer buffers[15];
	unsigned int nr;

	KUNIT_ASSERT_EQ(test, 0, dma_declare_coherent_memory(dev, phys, SZ_256M,
							     SZ_1M - SZ_64K));
	nr = dma_pools_fill(dev, SZ_64K, GFP_KERNEL, NAME, buffers,
			    ARRAY_SIZE(buffers));
	KUNIT_EXPECT_EQ(test, nr, ARRAY_SIZE(buffers));
	for (unsigned int i = 0; i < nr; i++)
		KUNIT_EXPECT_EQ(test, buffers[i].dma_addr % SZ_64K, 0);
	dma_pools_free_all(buffers, nr);
	dma_release_coherent_memory(dev);
}

/* Where there is no natural place any more, the pool's own alignment serves. */
static void pool_align_else_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	/* 28 KiB up to the first multiple of 32 KiB, and 64 KiB from there */
	struct dma_coherent_pool *pool = dma_pools_pool(test, "else", SZ_4K,
							23 * SZ_4K);
	struct dma_pools_buffer pages[23], large;
	unsigned int nr;

	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, dev, pool));
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_32K, GFP_KERNEL, &large));
	KUNIT_EXPECT_EQ(test, large.phys % SZ_32K, 0);
	dma_pools_free(&large);

	nr = dma_pools_fill(dev, SZ_4K, GFP_KERNEL, NAME, pages,
			    ARRAY_SIZE(pages));
	KUNIT_EXPECT_EQ(test, nr, ARRAY_SIZE(pages));
	/* The last page of either natural place stays. */
	for (unsigned int i = 0; i < nr; i++)
		if ((pages[i].phys + SZ_4K) % SZ_32K ||
		    pages[i].phys < dma_pools_spare(test, SZ_32K, 1))
			dma_pools_free(&pages[i]);
	KUNIT_EXPECT_TRUE(test, dma_pools_alloc(dev, SZ_32K, GFP_KERNEL, &large));
	KUNIT_EXPECT_NE(test, large.phys % SZ_32K, 0);
	dma_pools_free(&large);
	dma_pools_free_all(pages, nr);
}

/* Limits */

struct limit {
	const char *name;
	unsigned int bits;
	bool is_of_bus;
};

static const struct limit limits[] = {
	{ "24-bit mask", 24, false },
	{ "32-bit mask", 32, false },
	{ "39-bit mask", 39, false },
	{ "24-bit bus", 24, true },
	{ "32-bit bus", 32, true },
	{ "39-bit bus", 39, true },
};

KUNIT_ARRAY_PARAM_DESC(limit, limits, name);

static struct device *limited_device(struct kunit *test)
{
	const struct limit *limit = test->param_value;
	u64 mask = DMA_BIT_MASK(limit->bits);

	return dma_kunit_device(test, "dev", &(struct dma_kunit_shape){
		.mask = limit->is_of_bus ? DMA_BIT_MASK(64) : mask,
		.bus_limit = limit->is_of_bus ? mask : 0,
	});
}

/*
 * A pool across the last address that the device can issue: what is in reach
 * goes first, and what is not serves at last, with one line.
 */
static void pool_limit_test(struct kunit *test)
{
	const struct limit *limit = test->param_value;
	struct device *dev = limited_device(test);
	phys_addr_t phys = dma_pools_spare(test, 0, SZ_64K);
	u64 last = DMA_BIT_MASK(limit->bits);
	struct dma_pools_buffer buffers[16];
	unsigned int nr;

	dma_kunit_log_mark();
	KUNIT_ASSERT_EQ(test, 0,
			dma_declare_coherent_memory(dev, phys, last + 1 - SZ_32K,
						    SZ_64K));
	nr = dma_pools_fill(dev, SZ_4K, GFP_KERNEL, NAME, buffers,
			    SZ_32K / SZ_4K);
	KUNIT_EXPECT_EQ(test, nr, SZ_32K / SZ_4K);
	for (unsigned int i = 0; i < nr; i++)
		KUNIT_EXPECT_LE(test, buffers[i].dma_addr + SZ_4K - 1, last);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_match(dev_name(dev), "reach"), 0);
	nr += dma_pools_fill(dev, SZ_4K, GFP_KERNEL, NAME, buffers + nr, 8);
	KUNIT_EXPECT_EQ(test, nr, SZ_64K / SZ_4K);
	KUNIT_EXPECT_GT(test, buffers[nr - 1].dma_addr, last);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_match(dev_name(dev), "set its mask"), 1);
	dma_pools_free_all(buffers, nr);
	dma_release_coherent_memory(dev);

	/* One behind it, as a board may give it to a driver without a mask */
	dma_kunit_log_mark();
	KUNIT_ASSERT_EQ(test, 0, dma_declare_coherent_memory(dev, phys, last + 1,
							     SZ_64K));
	KUNIT_EXPECT_TRUE(test, dma_pools_alloc(dev, SZ_4K, GFP_KERNEL, buffers));
	KUNIT_EXPECT_GT(test, buffers[0].dma_addr, last);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_match(dev_name(dev), "set its mask"), 1);
	dma_pools_free(buffers);
	dma_release_coherent_memory(dev);
}

/* dma-ranges */

static void pool_window_test(struct kunit *test)
{
	phys_addr_t phys = dma_pools_spare(test, 0, SZ_1M);
	const struct bus_dma_region windows[] = {
		{ .cpu_start = phys, .dma_start = 0x30000000, .size = SZ_1M },
		{}
	};
	struct device *dev = dma_kunit_device(test, "dev",
		&(struct dma_kunit_shape){ .mask = DMA_BIT_MASK(32),
					   .windows = windows });
	struct dma_coherent_pool *in = dma_pools_pool(test, "in", SZ_64K, SZ_64K);
	struct dma_coherent_pool *out = dma_pools_pool(test, "out", SZ_1M, SZ_64K);
	struct dma_pools_buffer buffer;

	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, dev, in));
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_8K, GFP_KERNEL, &buffer));
	KUNIT_EXPECT_TRUE(test, is_within(&buffer, phys + SZ_64K, SZ_64K));
	KUNIT_EXPECT_EQ(test, buffer.dma_addr, 0x30000000 + (buffer.phys - phys));
	dma_pools_free(&buffer);

	dma_kunit_log_mark();
	KUNIT_EXPECT_EQ(test, dma_pools_bind(test, dev, out), -ERANGE);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_match("'out'",
						  "outside of the device's dma-ranges"), 1);
}

/* Of 64 KiB the first half lies in the window: it serves, with a line. */
static void check_half(struct kunit *test, struct device *dev,
		       struct dma_coherent_pool *pool, dma_addr_t start)
{
	struct dma_pools_buffer buffer;

	dma_kunit_log_mark();
	KUNIT_ASSERT_EQ(test, 0, dma_coherent_pool_bind(dev, pool));
	KUNIT_EXPECT_EQ(test, 1, dma_kunit_log_match(dev_name(dev),
						     "only 32 of its 64 KiB"));
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_32K, GFP_KERNEL, &buffer));
	KUNIT_EXPECT_EQ(test, buffer.dma_addr, start);
	KUNIT_EXPECT_TRUE(test, dma_pools_is_refused(dev, SZ_4K, GFP_KERNEL,
						     "32 KiB of it in dma-ranges"));
	dma_pools_free(&buffer);
	dma_coherent_pool_unbind(dev, pool);
}

/* A window that ends within the pool, and two that meet there */
static void pool_window_end_test(struct kunit *test)
{
	phys_addr_t phys = dma_pools_spare(test, 0, SZ_64K);
	const struct bus_dma_region windows[] = {
		{ .cpu_start = phys, .dma_start = 0x30000000, .size = SZ_32K },
		{ .cpu_start = phys + SZ_32K, .dma_start = 0x50000000,
		  .size = SZ_32K },
		{}
	};
	struct device *dev = dma_kunit_device(test, "dev",
		&(struct dma_kunit_shape){ .windows = windows });
	struct dma_coherent_pool *across = dma_pools_pool(test, "across", 0, SZ_64K);
	struct dma_coherent_pool *behind = dma_pools_pool(test, "behind", SZ_32K,
							  SZ_64K);
	struct dma_coherent_pool *second = dma_pools_pool(test, "second", SZ_32K,
							  SZ_32K);
	struct dma_pools_buffer buffer;

	check_half(test, dev, across, 0x30000000);
	check_half(test, dev, behind, 0x50000000);
	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, dev, second));
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_32K, GFP_KERNEL, &buffer));
	KUNIT_EXPECT_EQ(test, buffer.dma_addr, 0x50000000);
	dma_pools_free(&buffer);
}

/* Without memory for the record, nothing is taken */
static void pool_fail_nth_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct dma_coherent_pool *pool = dma_pools_pool(test, "nth", 0, SZ_64K);
	unsigned int nth, nr_failed = 0;
	struct dma_pool_figures figures;
	bool was_pending = false;

	if (!IS_ENABLED(CONFIG_FAILSLAB))
		kunit_skip(test, "needs CONFIG_FAILSLAB");
	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, dev, pool));

	for (nth = 1; nth < 20 && !was_pending; nth++) {
		struct dma_pools_buffer buffer;
		bool is_served;

		dma_kunit_fail_nth(nth);
		is_served = dma_pools_alloc(dev, SZ_4K, GFP_ATOMIC, &buffer);
		was_pending = dma_kunit_fail_nth(0);
		if (is_served)
			dma_pools_free(&buffer);
		else
			nr_failed++;
	}
	KUNIT_EXPECT_TRUE(test, was_pending);
	KUNIT_EXPECT_GE(test, nr_failed, 1);
	KUNIT_ASSERT_TRUE(test, dma_pools_figures(test, "nth", NAME, &figures));
	KUNIT_EXPECT_EQ(test, figures.used, 0);
}

/* Two devices, two pools, many users */
static void pool_storm_test(struct kunit *test)
{
	struct device *devs[] = {
		dma_kunit_coherent_device(test, "one"),
		dma_kunit_coherent_device(test, "other"),
	};
	struct dma_coherent_pool *small = dma_pools_pool(test, "small", 0, SZ_128K);
	struct dma_coherent_pool *large = dma_pools_pool(test, "large", SZ_1M,
							 SZ_1M);
	struct dma_pool_figures figures;

	for (unsigned int i = 0; i < 2; i++) {
		KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, devs[i], small));
		KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, devs[i], large));
	}
	dma_pools_run_storm(test, &(struct dma_pools_storm){
		.devs = devs,
		.nr_devs = 2,
		.max_pages = 12,
		.backend = NAME,
		.nr_wanted = 5000,
		.nr_wanted_in_irq = 200,
	});
	KUNIT_ASSERT_TRUE(test, dma_pools_figures(test, "small", NAME, &figures));
	KUNIT_EXPECT_EQ(test, figures.used, 0);
	KUNIT_EXPECT_EQ(test, figures.largest, SZ_128K);
	KUNIT_ASSERT_TRUE(test, dma_pools_figures(test, "large", NAME, &figures));
	KUNIT_EXPECT_EQ(test, figures.used, 0);
	KUNIT_EXPECT_GT(test, figures.served, 0);
	KUNIT_EXPECT_EQ(test, figures.largest, SZ_1M);
}

static struct kunit_case dma_coherent_cases[] = {
	KUNIT_CASE(pool_order_test),
	KUNIT_CASE(pool_shared_test),
	KUNIT_CASE(pool_bind_twice_test),
	KUNIT_CASE(pool_unbind_live_test),
	KUNIT_CASE(pool_create_bad_test),
	KUNIT_CASE(pool_declare_test),
	KUNIT_CASE(pool_declare_and_bind_test),
	KUNIT_CASE(pool_release_live_test),
	KUNIT_CASE(pool_exhaust_test),
	KUNIT_CASE(pool_align_and_zero_test),
	KUNIT_CASE(pool_own_align_test),
	KUNIT_CASE_PARAM(pool_packed_test, packed_gen_params),
	KUNIT_CASE(pool_device_align_test),
	KUNIT_CASE(pool_align_else_test),
	KUNIT_CASE_PARAM(pool_limit_test, limit_gen_params),
	KUNIT_CASE(pool_window_test),
	KUNIT_CASE(pool_window_end_test),
	KUNIT_CASE(pool_fail_nth_test),
	KUNIT_CASE_SLOW(pool_storm_test),
	{}
};

static struct kunit_suite dma_coherent_suite = {
	.name = "dma_coherent",
	.test_cases = dma_coherent_cases,
};

kunit_test_suite(dma_coherent_suite);

MODULE_DESCRIPTION("KUnit tests of device pools");
MODULE_LICENSE("GPL");
