// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the global pool: whom it serves, and who comes next when it
 * is full.
 *
 * There is one for the whole life of the kernel: the device tree's, or one
 * that is made here of spare memory.
 */

#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include "../../kernel/dma/backend.h"
#include "../../kernel/dma/ledger.h"
#include "log.h"
#include "mock.h"
#include "pools.h"

#define NAME		"global pool"
#define NR_MAX		256
#define OFFSET		(DMA_SPARE_SIZE - SZ_256K)

static int global_init(struct kunit *test)
{
	struct dma_pool_figures figures;
	phys_addr_t phys;

	if (dma_pools_figures(test, "", NAME, &figures))
		return 0;
	phys = dma_pools_spare(test, OFFSET, SZ_64K);
	return dma_init_global_coherent(phys, SZ_64K);
}

static struct dma_pool_figures figures_of(struct kunit *test)
{
	struct dma_pool_figures figures = {};

	KUNIT_EXPECT_TRUE(test, dma_pools_figures(test, "", NAME, &figures));
	return figures;
}

static const char *served_by(struct device *dev, size_t size, gfp_t gfp)
{
	struct dma_pools_buffer buffer;

	if (!dma_pools_alloc(dev, size, gfp, &buffer))
		return "nobody";
	dma_pools_free(&buffer);
	return buffer.backend;
}

static void global_noncoherent_test(struct kunit *test)
{
	struct device *dev = dma_kunit_noncoherent_device(test, "dev");
	struct dma_pool_figures before = figures_of(test);
	struct dma_pools_buffer buffer;

	for (unsigned int i = 0; i < 2; i++) {
		KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_16K - 100,
							i ? GFP_ATOMIC : GFP_KERNEL,
							&buffer));
		KUNIT_EXPECT_STREQ(test, buffer.backend, NAME);
		KUNIT_EXPECT_TRUE(test, dma_pools_is_filled(&buffer, 0));
		KUNIT_EXPECT_EQ(test, buffer.phys & (SZ_16K - 1), 0);
		KUNIT_EXPECT_EQ(test, buffer.dma_addr, buffer.phys);
		KUNIT_EXPECT_EQ(test, figures_of(test).used, before.used + SZ_16K);
		memset(buffer.cpu_addr, 0xa5, SZ_16K);
		dma_pools_free(&buffer);
	}
	KUNIT_EXPECT_EQ(test, figures_of(test).used, before.used);
	KUNIT_EXPECT_EQ(test, figures_of(test).served, before.served + 2);
}

static void global_coherent_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct dma_request req = dma_request_of(dev, PAGE_SIZE, GFP_KERNEL, 0);

	KUNIT_EXPECT_STREQ(test, dma_backend_declines(&dma_global_pool, &req),
			   "device is coherent");
	KUNIT_EXPECT_STRNEQ(test, served_by(dev, SZ_16K, GFP_KERNEL), NAME);
	KUNIT_EXPECT_STRNEQ(test, served_by(dev, SZ_16K, GFP_ATOMIC), NAME);
}

static void global_pages_test(struct kunit *test)
{
	struct device *dev = dma_kunit_noncoherent_device(test, "dev");
	dma_addr_t dma_addr;
	struct page *page;

	page = dma_alloc_pages(dev, SZ_16K, &dma_addr, DMA_FROM_DEVICE,
			       GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_STRNEQ(test, dma_ledger_owner(dev, dma_addr), NAME);
	dma_free_pages(dev, SZ_16K, page, dma_addr, DMA_FROM_DEVICE);
}

/*
 * Somebody else serves then: pages, remapped, or ready ones for the atomic; or an
 * architecture's own allocator, which makes pages uncached as it likes.
 */
static void global_full_test(struct kunit *test)
{
	struct device *dev = dma_kunit_noncoherent_device(test, "dev");
	struct dma_pools_buffer *buffers =
		kunit_kcalloc(test, NR_MAX, sizeof(*buffers), GFP_KERNEL);
	struct dma_pools_buffer next;
	unsigned int nr;

	KUNIT_ASSERT_NOT_NULL(test, buffers);
	nr = dma_pools_fill(dev, PAGE_SIZE, GFP_KERNEL, NAME, buffers, NR_MAX);
	KUNIT_EXPECT_GT(test, nr, 0);
	KUNIT_EXPECT_LT(test, nr, NR_MAX);
	KUNIT_EXPECT_EQ(test, figures_of(test).largest, 0);

	KUNIT_EXPECT_TRUE(test, dma_pools_alloc(dev, SZ_16K, GFP_KERNEL, &next));
	KUNIT_EXPECT_STRNEQ(test, next.backend, NAME);
	KUNIT_EXPECT_TRUE(test, dma_pools_is_filled(&next, 0));
	if (IS_ENABLED(CONFIG_ARCH_HAS_DMA_ALLOC))
		KUNIT_EXPECT_STREQ(test, next.backend, "arch");
	else
		KUNIT_EXPECT_TRUE(test, is_vmalloc_addr(next.cpu_addr));
	dma_pools_free(&next);
	KUNIT_EXPECT_STREQ(test, served_by(dev, PAGE_SIZE, GFP_ATOMIC),
			   IS_ENABLED(CONFIG_ARCH_HAS_DMA_ALLOC) ?
			   "arch" : "atomic pool");

	dma_pools_free_all(buffers, nr);
	KUNIT_EXPECT_STREQ(test, served_by(dev, SZ_16K, GFP_KERNEL), NAME);
}

static void global_reach_test(struct kunit *test)
{
	/* A window at the very start of memory */
	static const struct bus_dma_region windows[] = {
		{ .cpu_start = 0, .dma_start = SZ_1G, .size = SZ_64K },
		{}
	};
	struct device *dev = dma_kunit_device(test, "dev",
		&(struct dma_kunit_shape){ .is_noncoherent = true,
					   .windows = windows });
	struct dma_pool_figures before = figures_of(test);

	KUNIT_EXPECT_TRUE(test, dma_pools_is_refused(dev, PAGE_SIZE, GFP_KERNEL,
						     NAME ": "));
	KUNIT_EXPECT_EQ(test, figures_of(test).used, before.used);
}

static void global_second_test(struct kunit *test)
{
	phys_addr_t phys = dma_pools_spare(test, 0, SZ_64K);
	struct dma_pool_figures before = figures_of(test), figures;

	dma_kunit_log_mark();
	KUNIT_EXPECT_EQ(test, dma_init_global_coherent(phys, SZ_64K), -EBUSY);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_match("'global' refused",
						  "is the global pool already"), 1);
	KUNIT_EXPECT_EQ(test, dma_init_global_coherent(phys + 1, SZ_64K), -EINVAL);

	/* The first one is as it was, and the second is gone */
	KUNIT_EXPECT_EQ(test, figures_of(test).size, before.size);
	KUNIT_EXPECT_EQ(test, figures_of(test).served, before.served);
	KUNIT_EXPECT_EQ(test, figures_of(test).nr_users, 1);
	KUNIT_EXPECT_TRUE(test, dma_pools_figures(test, "", NAME, &figures));
}

static void global_storm_test(struct kunit *test)
{
	struct device *dev = dma_kunit_noncoherent_device(test, "dev");
	struct dma_pool_figures before = figures_of(test);

	dma_pools_run_storm(test, &(struct dma_pools_storm){
		.devs = &dev,
		.nr_devs = 1,
		.max_pages = 2,
		.nr_wanted = 3000,
		.nr_wanted_in_irq = 100,
	});
	KUNIT_EXPECT_EQ(test, figures_of(test).used, before.used);
	KUNIT_EXPECT_GT(test, figures_of(test).served, before.served + 100);
}

static struct kunit_case dma_coherent_global_cases[] = {
	KUNIT_CASE(global_noncoherent_test),
	KUNIT_CASE(global_coherent_test),
	KUNIT_CASE(global_pages_test),
	KUNIT_CASE(global_full_test),
	KUNIT_CASE(global_reach_test),
	KUNIT_CASE(global_second_test),
	KUNIT_CASE_SLOW(global_storm_test),
	{}
};

static struct kunit_suite dma_coherent_global_suite = {
	.name = "dma_coherent_global",
	.init = global_init,
	.test_cases = dma_coherent_global_cases,
};

kunit_test_suite(dma_coherent_global_suite);

MODULE_DESCRIPTION("KUnit tests of the global DMA pool");
MODULE_LICENSE("GPL");
