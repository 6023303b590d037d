// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of CMA areas: whom they serve, with how much and where, what
 * happens when one is full, and their figures.
 *
 * A device's own area is one of the device tree's, if it has any, else the
 * default area, which can be bound like any other.
 */

#include <kunit/test.h>
#include <linux/cma.h>
#include <linux/delay.h>
#include <linux/dma-map-ops.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "../../kernel/dma/arena.h"
#include "../../kernel/dma/backend.h"
#include "../../kernel/dma/contiguous.h"
#include "../../kernel/dma/ledger.h"
#include "log.h"
#include "mock.h"
#include "pools.h"

#define OWN		"device cma"
#define DEFAULT		"default cma"

/* An area for devices, not the default one if there is another */
static struct dma_cma_area *own_area(struct kunit *test)
{
	struct dma_cma_area *area = dma_cma_default();

	for (unsigned int nr = 0; dma_cma_at(nr); nr++)
		if (!strcmp(dma_cma_at(nr)->info.kind, OWN))
			area = dma_cma_at(nr);
	if (!area)
		kunit_skip(test, "no CMA area: boot with cma=");
	return area;
}

static struct dma_cma_area *default_area(struct kunit *test)
{
	if (!dma_cma_default())
		kunit_skip(test, "no default CMA area: boot with cma=");
	return dma_cma_default();
}

static void unbind(void *dev)
{
	dma_cma_bind(dev, NULL);
}

/* A coherent device with an area of its own */
static struct device *device_with_area(struct kunit *test, const char *name,
				       struct dma_cma_area *area)
{
	struct device *dev = dma_kunit_coherent_device(test, name);

	KUNIT_ASSERT_EQ(test, 0, dma_cma_bind(dev, area));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, unbind, dev));
	return dev;
}

static bool is_in_area(const struct dma_pools_buffer *buffer,
		       struct dma_cma_area *area)
{
	phys_addr_t base = cma_get_base(area->cma);

	return buffer->phys >= base &&
	       buffer->phys + PAGE_ALIGN(buffer->size) <=
		       base + cma_get_size(area->cma);
}

static const char *reason(const struct dma_backend *backend,
			  struct device *dev, size_t size, gfp_t gfp)
{
	struct dma_request req = dma_request_of(dev, size, gfp, 0);

	return dma_backend_declines(backend, &req);
}

/* What an area gives */

static void check_area(struct kunit *test, struct device *dev,
		       struct dma_cma_area *area, const char *backend)
{
	static const unsigned int sizes[] = { 2, 3, 5, 16, 33, 256, 300 };
	long used = atomic_long_read(&area->used);
	long served = atomic_long_read(&area->served);

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t size = sizes[i] * PAGE_SIZE;
		unsigned int order = min(get_order(size), CONFIG_CMA_ALIGNMENT);
		struct dma_pools_buffer buffer;

		KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, size - 1, GFP_KERNEL,
							&buffer));
		KUNIT_EXPECT_STREQ(test, buffer.backend, backend);
		KUNIT_EXPECT_TRUE(test, is_in_area(&buffer, area));
		KUNIT_EXPECT_EQ(test, buffer.phys & ((PAGE_SIZE << order) - 1), 0);
		KUNIT_EXPECT_EQ(test, buffer.dma_addr, buffer.phys);
		KUNIT_EXPECT_TRUE(test, dma_pools_is_filled(&buffer, 0));
		/* Just the pages that were asked for */
		KUNIT_EXPECT_EQ(test, atomic_long_read(&area->used), used + size);
		KUNIT_EXPECT_GE(test, atomic_long_read(&area->peak), used + size);
		memset(buffer.cpu_addr, 0xa5, size);
		dma_pools_free(&buffer);
		KUNIT_EXPECT_EQ(test, atomic_long_read(&area->used), used);
	}
	KUNIT_EXPECT_EQ(test, atomic_long_read(&area->served),
			served + ARRAY_SIZE(sizes));
}

static void cma_own_test(struct kunit *test)
{
	struct dma_cma_area *area = own_area(test);
	struct device *dev = device_with_area(test, "dev", area);
	struct dma_pools_buffer buffer;

	check_area(test, dev, area, OWN);
	/* Even a single page: the area is the device's */
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, PAGE_SIZE, GFP_KERNEL, &buffer));
	KUNIT_EXPECT_STREQ(test, buffer.backend, OWN);
	dma_pools_free(&buffer);
}

static void cma_default_test(struct kunit *test)
{
	struct dma_cma_area *area = default_area(test);
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct dma_pools_buffer buffer;

	check_area(test, dev, area, DEFAULT);
	/* A single page comes from elsewhere */
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, PAGE_SIZE, GFP_KERNEL, &buffer));
	KUNIT_EXPECT_STREQ(test, buffer.backend, "pages");
	dma_pools_free(&buffer);
}

/* Memory of an area, made uncached */
static void cma_noncoherent_test(struct kunit *test)
{
	struct dma_cma_area *area = own_area(test);
	struct device *dev = dma_kunit_noncoherent_device(test, "dev");
	long used = atomic_long_read(&area->used);
	struct dma_pools_buffer buffer;

	dma_pools_hold_global(test);
	KUNIT_ASSERT_EQ(test, 0, dma_cma_bind(dev, area));
	KUNIT_EXPECT_TRUE(test, dma_pools_alloc(dev, 3 * PAGE_SIZE, GFP_KERNEL,
						&buffer));
	KUNIT_EXPECT_STREQ(test, buffer.backend,
			   IS_ENABLED(CONFIG_ARCH_HAS_DMA_ALLOC) ? "arch" : OWN);
	KUNIT_EXPECT_TRUE(test, is_vmalloc_addr(buffer.cpu_addr) ||
			  IS_ENABLED(CONFIG_ARCH_HAS_DMA_ALLOC));
	KUNIT_EXPECT_TRUE(test, dma_pools_is_filled(&buffer, 0));
	KUNIT_EXPECT_EQ(test, atomic_long_read(&area->used), used + 3 * PAGE_SIZE);
	dma_pools_free(&buffer);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&area->used), used);
	dma_cma_bind(dev, NULL);
}

/* The tail behind a buffer that is no power of two serves others */
static void cma_tail_test(struct kunit *test)
{
	struct dma_cma_area *area = own_area(test);
	struct device *dev = device_with_area(test, "dev", area);
	unsigned int nr_all = cma_get_size(area->cma) >> PAGE_SHIFT;
	struct dma_pools_buffer *buffers =
		kunit_kcalloc(test, nr_all, sizeof(*buffers), GFP_KERNEL);
	unsigned int nr_five, nr_two;

	KUNIT_ASSERT_NOT_NULL(test, buffers);
	nr_five = dma_pools_fill(dev, 5 * PAGE_SIZE, GFP_KERNEL, OWN, buffers,
				 nr_all);
	nr_two = dma_pools_fill(dev, 2 * PAGE_SIZE, GFP_KERNEL, OWN,
				buffers + nr_five, nr_all - nr_five);
	kunit_info(test, "%u pages: %u times 5 and %u times 2", nr_all, nr_five,
		   nr_two);
	/* 5 pages at each multiple of 8, and 2 pages behind most of them */
	KUNIT_EXPECT_GT(test, nr_five, nr_all / 8 / 2);
	KUNIT_EXPECT_GT(test, nr_two, nr_five / 2);
	dma_pools_free_all(buffers, nr_five + nr_two);
}

/* Large buffers that fill the area: natural alignment would leave holes */
static void cma_packed_test(struct kunit *test)
{
	struct dma_cma_area *area = own_area(test);
	struct device *dev = device_with_area(test, "dev", area);
	size_t eighth = cma_get_size(area->cma) / 8;
	const size_t sizes[] = { eighth, 3 * eighth, 4 * eighth };
	struct dma_pools_buffer buffers[ARRAY_SIZE(sizes)];
	unsigned int nr = 0;

	if (strcmp(area->info.kind, OWN))
		kunit_skip(test, "others have buffers in the area");
	if (!IS_ALIGNED(eighth, PAGE_SIZE << CONFIG_CMA_ALIGNMENT))
		kunit_skip(test, "the area is too small");
	while (nr < ARRAY_SIZE(sizes) &&
	       dma_pools_alloc(dev, sizes[nr], GFP_KERNEL, &buffers[nr])) {
		KUNIT_EXPECT_STREQ(test, buffers[nr].backend, OWN);
		nr++;
	}
	KUNIT_EXPECT_EQ(test, nr, ARRAY_SIZE(sizes));
	dma_pools_free_all(buffers, nr);
}

/* A full area is no failure: there are pages */
static void cma_exhaust_test(struct kunit *test)
{
	struct dma_cma_area *area = own_area(test);
	struct device *dev = device_with_area(test, "dev", area);
	size_t size = SZ_256K;
	unsigned int nr_max = cma_get_size(area->cma) / size + 1;
	struct dma_pools_buffer *buffers =
		kunit_kcalloc(test, nr_max, sizeof(*buffers), GFP_KERNEL);
	long used = atomic_long_read(&area->used);
	long refused = atomic_long_read(&area->refused);
	struct dma_pools_buffer other;
	unsigned int nr;

	KUNIT_ASSERT_NOT_NULL(test, buffers);
	nr = dma_pools_fill(dev, size, GFP_KERNEL, OWN, buffers, nr_max);
	KUNIT_EXPECT_GT(test, nr, 0);
	KUNIT_ASSERT_LT(test, nr, nr_max);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&area->used), used + nr * size);
	KUNIT_EXPECT_GT(test, atomic_long_read(&area->refused), refused);

	KUNIT_EXPECT_TRUE(test, dma_pools_alloc(dev, size, GFP_KERNEL, &other));
	KUNIT_EXPECT_STREQ(test, other.backend, "pages");
	KUNIT_EXPECT_FALSE(test, is_in_area(&other, area));
	dma_pools_free(&other);

	dma_pools_free_all(buffers, nr);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&area->used), used);
	KUNIT_EXPECT_TRUE(test, dma_pools_alloc(dev, size, GFP_KERNEL, &other));
	KUNIT_EXPECT_STREQ(test, other.backend, OWN);
	dma_pools_free(&other);
}

/* All of it used up, and pages can't do it either: one line says so */
static void cma_refusal_test(struct kunit *test)
{
	struct dma_cma_area *area = own_area(test);
	struct device *dev = device_with_area(test, "dev", area);
	size_t size = cma_get_size(area->cma) + SZ_4M;

	KUNIT_EXPECT_TRUE(test, dma_pools_is_refused(dev, size, GFP_KERNEL,
						     "KiB, largest "));
}

/* Pages of an area that can't be moved */

struct busy_page {
	struct delayed_work work;
	unsigned long pfn;
};

static void let_go(struct work_struct *work)
{
	struct busy_page *busy = container_of(to_delayed_work(work),
					      struct busy_page, work);

	free_contig_range(busy->pfn, 1);
}

/* CMA says no to all that this page is in, although nobody has taken it. */
static struct dma_cma_area *hold_page(struct kunit *test, struct busy_page *busy)
{
	struct dma_cma_area *area = own_area(test);

	dma_arenas_trim(area->cma);
	if (dma_cma_room(area).nr_free << PAGE_SHIFT !=
	    cma_get_size(area->cma))
		kunit_skip(test, "others have buffers in the area");
	if (get_order(cma_get_size(area->cma)) <= MAX_PAGE_ORDER)
		kunit_skip(test, "the page allocator has pieces of this size");
	busy->pfn = PHYS_PFN(cma_get_base(area->cma)) + 7;
	KUNIT_ASSERT_EQ(test, 0, alloc_contig_range(busy->pfn, busy->pfn + 1,
						    MIGRATE_CMA, GFP_KERNEL));
	return area;
}

/* Busy for a moment: the request is served a little later. */
static void cma_busy_test(struct kunit *test)
{
	struct busy_page busy;
	struct dma_cma_area *area = hold_page(test, &busy);
	struct device *dev = device_with_area(test, "dev", area);
	long waited = atomic_long_read(&area->waited);
	struct dma_pools_buffer buffer;

	INIT_DELAYED_WORK_ONSTACK(&busy.work, let_go);
	dma_kunit_log_mark();
	schedule_delayed_work(&busy.work, HZ / 10);
	KUNIT_EXPECT_TRUE(test, dma_pools_alloc(dev, cma_get_size(area->cma),
						GFP_KERNEL, &buffer));
	flush_delayed_work(&busy.work);
	destroy_delayed_work_on_stack(&busy.work);
	KUNIT_EXPECT_STREQ(test, buffer.backend, "busy cma");
	KUNIT_EXPECT_EQ(test, atomic_long_read(&area->waited), waited + 1);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("no DMA memory"), 0);
	dma_pools_free(&buffer);
}

/* Who says that he does not want to wait does not, nor does fragmented memory help. */
static void cma_busy_decline_test(struct kunit *test)
{
	struct dma_cma_area *area = own_area(test);
	struct device *dev = device_with_area(test, "dev", area);
	size_t most = dma_cma_room(area).nr_largest << PAGE_SHIFT;

	KUNIT_EXPECT_NULL(test, reason(&dma_busy_cma, dev, most, GFP_KERNEL));
	KUNIT_EXPECT_STREQ(test, "the caller does not want to wait",
			   reason(&dma_busy_cma, dev, most,
				  GFP_KERNEL | __GFP_NORETRY));
	KUNIT_EXPECT_STREQ(test, "the area has no such run of pages",
			   reason(&dma_busy_cma, dev, most + PAGE_SIZE,
				  GFP_KERNEL));
}

/* Busy for ever: one line, after a bounded time. */
static void cma_busy_for_ever_test(struct kunit *test)
{
	struct busy_page busy;
	struct dma_cma_area *area = hold_page(test, &busy);
	struct device *dev = device_with_area(test, "dev", area);
	unsigned long start = jiffies;

	KUNIT_EXPECT_TRUE(test, dma_pools_is_refused(dev, cma_get_size(area->cma),
						     GFP_KERNEL,
						     "were busy for 500 ms"));
	KUNIT_EXPECT_GE(test, jiffies - start, HZ / 2);
	KUNIT_EXPECT_LE(test, jiffies - start, 10 * HZ);
	free_contig_range(busy.pfn, 1);
}

/* Who is not served */

static void cma_decline_test(struct kunit *test)
{
	struct dma_cma_area *area = own_area(test);
	struct device *dev = device_with_area(test, "dev", area);
	struct device *none = dma_kunit_coherent_device(test, "none");
	struct dma_pools_buffer buffer;

	KUNIT_EXPECT_NULL(test, reason(&dma_device_cma, dev, SZ_8K, GFP_KERNEL));
	KUNIT_EXPECT_STREQ(test, reason(&dma_device_cma, dev, SZ_8K, GFP_ATOMIC),
			   "the request may not sleep");
	KUNIT_EXPECT_STREQ(test, reason(&dma_device_cma, none, SZ_8K, GFP_KERNEL),
			   "no device CMA area is bound");
	if (dma_cma_default()) {
		KUNIT_EXPECT_NULL(test, reason(&dma_default_cma, none, SZ_8K, GFP_KERNEL));
		KUNIT_EXPECT_STREQ(test, reason(&dma_default_cma, dev, SZ_8K, GFP_KERNEL),
				   "the device has a CMA area of its own");
		KUNIT_EXPECT_STREQ(test, reason(&dma_default_cma, none, SZ_4K, GFP_KERNEL),
				   "a single page");
		KUNIT_EXPECT_STREQ(test, reason(&dma_default_cma, none, SZ_8K, GFP_ATOMIC),
				   "the request may not sleep");
	}
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_8K, GFP_ATOMIC, &buffer));
	KUNIT_EXPECT_STREQ(test, buffer.backend, "pages");
	dma_pools_free(&buffer);
}

/* An area outside of the device's window, or behind its mask */
static void cma_reach_test(struct kunit *test)
{
	struct dma_cma_area *area = own_area(test);
	phys_addr_t base = cma_get_base(area->cma);
	const struct bus_dma_region windows[] = {
		{ .cpu_start = 0, .dma_start = 0, .size = base },
		{}
	};
	struct device *windowed = dma_kunit_device(test, "windowed",
		&(struct dma_kunit_shape){ .windows = windows });
	struct device *masked = dma_kunit_device(test, "masked",
		&(struct dma_kunit_shape){ .mask = rounddown_pow_of_two(base) - 1 });
	struct device *devs[] = { windowed, masked };
	struct dma_pools_buffer buffer;

	for (unsigned int i = 0; i < ARRAY_SIZE(devs); i++) {
		KUNIT_ASSERT_EQ(test, 0, dma_cma_bind(devs[i], area));
		KUNIT_EXPECT_STREQ(test, reason(&dma_device_cma, devs[i], SZ_8K,
						GFP_KERNEL),
				   "out of the device's reach");
		if (dma_pools_alloc(devs[i], SZ_8K, GFP_KERNEL | __GFP_NOWARN,
				    &buffer)) {
			KUNIT_EXPECT_STREQ(test, buffer.backend, "pages");
			KUNIT_EXPECT_LT(test, buffer.phys, base);
			dma_pools_free(&buffer);
		}
		dma_cma_bind(devs[i], NULL);
	}
}

/* A window that ends within the area: what lies behind it is not handed out */
static void cma_partial_reach_test(struct kunit *test)
{
	struct dma_cma_area *area = own_area(test);
	unsigned long size = cma_get_size(area->cma);
	const struct bus_dma_region windows[] = {
		{ .cpu_start = cma_get_base(area->cma), .dma_start = 0x1000000,
		  .size = size / 2 },
		{}
	};
	struct device *dev = dma_kunit_device(test, "dev",
		&(struct dma_kunit_shape){ .windows = windows });
	unsigned int nr, nr_max = size / SZ_64K + 1;
	struct dma_pools_buffer *buffers =
		kunit_kcalloc(test, nr_max, sizeof(*buffers), GFP_KERNEL);
	long used = atomic_long_read(&area->used);
	long served = atomic_long_read(&area->served);
	long refused = atomic_long_read(&area->refused);

	KUNIT_ASSERT_NOT_NULL(test, buffers);
	KUNIT_ASSERT_EQ(test, 0, dma_cma_bind(dev, area));
	nr = dma_pools_fill(dev, SZ_64K, GFP_KERNEL, OWN, buffers, nr_max);
	for (unsigned int i = 0; i < nr; i++)
		KUNIT_EXPECT_LE(test, buffers[i].dma_addr + SZ_64K,
				0x1000000 + size / 2);
	KUNIT_EXPECT_GT(test, nr, 0);
	KUNIT_EXPECT_LE(test, nr, size / 2 / SZ_64K);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&area->served), served + nr);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&area->refused), refused + 1);
	dma_pools_free_all(buffers, nr);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&area->used), used);
	dma_cma_bind(dev, NULL);
}

/* Binding */

static void cma_bind_test(struct kunit *test)
{
	struct dma_cma_area *area = own_area(test);
	struct dma_cma_area *other = dma_cma_at(area == dma_cma_at(0) ? 1 : 0);
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	int nr_users = atomic_read(&area->nr_users);
	struct dma_pools_buffer live;

	KUNIT_ASSERT_EQ(test, 0, dma_cma_bind(dev, area));
	KUNIT_EXPECT_PTR_EQ(test, dev->cma_area, area->cma);
	KUNIT_EXPECT_PTR_EQ(test, dma_cma_area_of(dev->cma_area), area);
	KUNIT_EXPECT_EQ(test, 0, dma_cma_bind(dev, area));
	KUNIT_EXPECT_EQ(test, atomic_read(&area->nr_users), nr_users + 1);
	if (other) {
		/* The last one bound is the one that is used. */
		dma_kunit_log_mark();
		KUNIT_EXPECT_EQ(test, 0, dma_cma_bind(dev, other));
		KUNIT_EXPECT_EQ(test, 1, dma_kunit_log_match(dev_name(dev),
							     "takes the place of"));
		KUNIT_EXPECT_PTR_EQ(test, dev->cma_area, other->cma);
		KUNIT_EXPECT_EQ(test, atomic_read(&area->nr_users), nr_users);
		KUNIT_EXPECT_EQ(test, 0, dma_cma_bind(dev, area));
	}

	/* Buffers outlive the binding */
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_16K, GFP_KERNEL, &live));
	KUNIT_EXPECT_EQ(test, 0, dma_cma_bind(dev, NULL));
	KUNIT_EXPECT_EQ(test, 0, dma_cma_bind(dev, NULL));
	KUNIT_EXPECT_EQ(test, atomic_read(&area->nr_users), nr_users);
	KUNIT_EXPECT_NULL(test, dev->cma_area);
	memset(live.cpu_addr, 0x5a, SZ_16K);
	KUNIT_EXPECT_TRUE(test, dma_pools_is_filled(&live, 0x5a));
	dma_pools_free(&live);
	KUNIT_EXPECT_NULL(test, dma_cma_area_of(NULL));
}

/* Figures, as people read them */
static void cma_figures_test(struct kunit *test)
{
	struct dma_cma_area *area = own_area(test);
	struct device *dev = device_with_area(test, "dev", area);
	struct dma_pool_figures figures;
	struct dma_pools_buffer buffer;

	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_64K, GFP_KERNEL, &buffer));
	KUNIT_EXPECT_TRUE(test, dma_pools_figures(test, area->info.name,
						  area->info.kind, &figures));
	KUNIT_EXPECT_EQ(test, figures.size, cma_get_size(area->cma));
	KUNIT_EXPECT_EQ(test, figures.used, atomic_long_read(&area->used));
	KUNIT_EXPECT_GE(test, figures.peak, SZ_64K);
	KUNIT_EXPECT_EQ(test, figures.largest,
			dma_cma_room(area).nr_largest << PAGE_SHIFT);
	KUNIT_EXPECT_EQ(test, figures.served, atomic_long_read(&area->served));
	KUNIT_EXPECT_EQ(test, figures.refused, atomic_long_read(&area->refused));
	KUNIT_EXPECT_EQ(test, figures.nr_users, atomic_read(&area->nr_users));
	dma_pools_free(&buffer);
}

/* The old names */

static void cma_bridge_test(struct kunit *test)
{
	struct dma_cma_area *area = own_area(test);
	struct device *dev = device_with_area(test, "dev", area);
	long used = atomic_long_read(&area->used);
	struct page *page;

	page = dma_alloc_from_contiguous(dev, 5, 3, true);
	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_EQ(test, page_to_pfn(page) % 8, 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&area->used), used + 5 * PAGE_SIZE);
	KUNIT_EXPECT_FALSE(test, dma_release_from_contiguous(dev, ZERO_PAGE(0), 1));
	KUNIT_EXPECT_TRUE(test, dma_release_from_contiguous(dev, page, 5));
	KUNIT_EXPECT_EQ(test, atomic_long_read(&area->used), used);
}

static struct kunit_case dma_cma_cases[] = {
	KUNIT_CASE(cma_own_test),
	KUNIT_CASE(cma_default_test),
	KUNIT_CASE(cma_noncoherent_test),
	KUNIT_CASE_SLOW(cma_tail_test),
	KUNIT_CASE(cma_packed_test),
	KUNIT_CASE(cma_exhaust_test),
	KUNIT_CASE(cma_refusal_test),
	KUNIT_CASE(cma_busy_test),
	KUNIT_CASE(cma_busy_decline_test),
	KUNIT_CASE(cma_busy_for_ever_test),
	KUNIT_CASE(cma_decline_test),
	KUNIT_CASE(cma_reach_test),
	KUNIT_CASE(cma_partial_reach_test),
	KUNIT_CASE(cma_bind_test),
	KUNIT_CASE(cma_figures_test),
	KUNIT_CASE(cma_bridge_test),
	{}
};

static struct kunit_suite dma_cma_suite = {
	.name = "dma_cma",
	.test_cases = dma_cma_cases,
};

kunit_test_suite(dma_cma_suite);

MODULE_DESCRIPTION("KUnit tests of CMA areas for DMA");
MODULE_LICENSE("GPL");
