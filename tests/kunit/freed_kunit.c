// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of what a free leaves behind: nothing. As soon as the free has
 * returned, the memory is there for everybody who may have it: for those who ask
 * the CMA area itself, for other devices, for other sizes; and the device does
 * not get it back by a way that is closed by now.
 */

#include <kunit/test.h>
#include <linux/cma.h>
#include <linux/dma-map-ops.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>

#include "../../kernel/dma/backend.h"
#include "../../kernel/dma/coherent.h"
#include "../../kernel/dma/contiguous.h"
#include "../../kernel/dma/ledger.h"
#include "log.h"
#include "mock.h"
#include "pools.h"

#define NAME		"device pool"
#define POOL_SIZE	SZ_256K
#define NR_BUFFERS	16

static void expect_used(struct kunit *test, size_t used)
{
	struct dma_pool_figures figures = {};

	KUNIT_EXPECT_TRUE(test, dma_pools_figures(test, "freed", NAME, &figures));
	KUNIT_EXPECT_EQ(test, figures.used, used);
}

static void take(struct kunit *test, struct device *dev, size_t size, gfp_t gfp,
		 struct dma_pools_buffer *buffer)
{
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, size, gfp, buffer));
}

/*
 * CMA areas are asked by others, too: a dma-buf heap, architectures. They do so by
 * cma_alloc().
 */
#ifdef CONFIG_DMA_CMA
static void unbind_area(void *dev)
{
	dma_cma_bind(dev, NULL);
}

/* An area is as long as some of these steps, in pages. */
#define STEP		16UL

/* About the longest run that an area has free */
static struct page *take_longest_run(struct cma *cma, unsigned long *nr_pages)
{
	for (*nr_pages = cma_get_size(cma) >> PAGE_SHIFT; *nr_pages;
	     *nr_pages -= STEP) {
		struct page *page = cma_alloc(cma, *nr_pages, 0, true);

		if (page)
			return page;
	}
	return NULL;
}

static bool is_inside(const struct dma_pools_buffer *buffer, struct page *run,
		      unsigned long nr_pages)
{
	return buffer->phys - page_to_phys(run) < nr_pages << PAGE_SHIFT;
}

/* Buffers come and go in the middle of the run: all of it is free again. */
static void check_area(struct kunit *test, struct device *dev,
		       struct dma_cma_area *area)
{
	struct dma_pools_buffer buffers[NR_BUFFERS];
	unsigned long nr_pages;
	unsigned int nr = 0;
	struct page *run;

	run = take_longest_run(area->cma, &nr_pages);
	KUNIT_ASSERT_NOT_NULL(test, run);
	cma_release(area->cma, run, nr_pages);

	do {
		take(test, dev, SZ_64K, GFP_KERNEL, &buffers[nr]);
	} while (!is_inside(&buffers[nr++], run, nr_pages) && nr < NR_BUFFERS);
	KUNIT_EXPECT_TRUE(test, is_inside(&buffers[nr - 1], run, nr_pages));
	dma_pools_free_all(buffers, nr);

	run = cma_alloc(area->cma, nr_pages, 0, true);
	KUNIT_EXPECT_NOT_NULL_MSG(test, run, "no run of %lu pages any more",
				  nr_pages);
	if (run)
		cma_release(area->cma, run, nr_pages);
}

static void freed_device_cma_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");

	if (!dma_cma_default())
		kunit_skip(test, "no CMA area: boot with cma=");
	KUNIT_ASSERT_EQ(test, 0, dma_cma_bind(dev, dma_cma_default()));
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, unbind_area, dev));
	check_area(test, dev, dma_cma_default());
}

static void freed_default_cma_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");

	if (!dma_cma_default())
		kunit_skip(test, "no CMA area: boot with cma=");
	check_area(test, dev, dma_cma_default());
}
#else
static void freed_device_cma_test(struct kunit *test)
{
	kunit_skip(test, "CONFIG_DMA_CMA is off");
}

static void freed_default_cma_test(struct kunit *test)
{
	kunit_skip(test, "CONFIG_DMA_CMA is off");
}
#endif

/* Device pools come and go while buffers are live. */

/* The device no longer sees what it got from a pool that it has lost. */
static void freed_after_unbind_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct dma_coherent_pool *pool = dma_pools_pool(test, "freed", 0,
							POOL_SIZE);
	struct dma_pools_buffer buffer, again;

	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, dev, pool));
	take(test, dev, SZ_4K, GFP_KERNEL, &buffer);
	KUNIT_ASSERT_STREQ(test, buffer.backend, NAME);
	dma_coherent_pool_unbind(dev, pool);
	dma_pools_free(&buffer);
	expect_used(test, 0);

	take(test, dev, SZ_4K, GFP_KERNEL, &again);
	KUNIT_EXPECT_STRNEQ(test, again.backend, NAME);
	dma_pools_free(&again);
}

/* Who has a pool gets memory from nowhere else, whatever it had before. */
static void freed_after_bind_test(struct kunit *test)
{
	struct device *dev = dma_kunit_noncoherent_device(test, "dev");
	struct dma_coherent_pool *pool = dma_pools_pool(test, "freed", 0,
							POOL_SIZE);
	struct dma_pools_buffer buffer, again;

	take(test, dev, SZ_4K, GFP_KERNEL, &buffer);
	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, dev, pool));
	dma_pools_free(&buffer);
	take(test, dev, SZ_4K, GFP_KERNEL, &again);
	KUNIT_EXPECT_STREQ(test, again.backend, NAME);
	dma_pools_free(&again);
}

static void freed_whole_pool_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct device *other = dma_kunit_coherent_device(test, "other");
	struct dma_coherent_pool *pool = dma_pools_pool(test, "freed", 0,
							POOL_SIZE);
	struct dma_pools_buffer buffers[4], whole;

	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, dev, pool));
	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, other, pool));
	for (unsigned int i = 0; i < ARRAY_SIZE(buffers); i++) {
		take(test, dev, POOL_SIZE / ARRAY_SIZE(buffers), GFP_KERNEL,
		     &buffers[i]);
		memset(buffers[i].cpu_addr, 0xa5, buffers[i].size);
	}
	dma_pools_free_all(buffers, ARRAY_SIZE(buffers));
	expect_used(test, 0);

	take(test, other, POOL_SIZE, GFP_ATOMIC, &whole);
	KUNIT_EXPECT_TRUE(test, dma_pools_is_filled(&whole, 0));
	dma_pools_free(&whole);
	expect_used(test, 0);
}

/* Declared memory goes as soon as its last buffer has been freed. */
static void freed_declared_test(struct kunit *test)
{
	phys_addr_t phys = dma_pools_spare(test, 0, POOL_SIZE);
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct dma_pools_buffer buffers[NR_BUFFERS];

	KUNIT_ASSERT_EQ(test, 0, dma_declare_coherent_memory(dev, phys, phys,
							     POOL_SIZE));
	for (unsigned int i = 0; i < NR_BUFFERS; i++)
		take(test, dev, SZ_4K, GFP_KERNEL, &buffers[i]);
	dma_pools_free_all(buffers, NR_BUFFERS);
	dma_kunit_log_mark();
	dma_release_coherent_memory(dev);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_match("given up", "in use"), 0);
}

/* A free that does not sleep itself undoes nobody else's buffer that would. */
static void freed_while_atomic_test(struct kunit *test)
{
	struct device *dev = dma_kunit_noncoherent_device(test, "dev");
	struct dma_pools_buffer atomic, sleepers[NR_BUFFERS];
	static DEFINE_SPINLOCK(lock);

	dma_pools_hold_global(test);
	take(test, dev, SZ_4K, GFP_ATOMIC, &atomic);
	for (unsigned int i = 0; i < NR_BUFFERS; i++)
		take(test, dev, SZ_8K, GFP_KERNEL, &sleepers[i]);
	dma_pools_free_all(sleepers, NR_BUFFERS);

	dma_kunit_log_mark();
	spin_lock(&lock);
	dma_pools_free(&atomic);
	spin_unlock(&lock);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_match("sleeping function called",
						  "invalid context"), 0);
}

static struct kunit_case dma_freed_cases[] = {
	KUNIT_CASE(freed_device_cma_test),
	KUNIT_CASE(freed_default_cma_test),
	KUNIT_CASE(freed_after_unbind_test),
	KUNIT_CASE(freed_after_bind_test),
	KUNIT_CASE(freed_whole_pool_test),
	KUNIT_CASE(freed_declared_test),
	KUNIT_CASE(freed_while_atomic_test),
	{}
};

static struct kunit_suite dma_freed_suite = {
	.name = "dma_freed",
	.test_cases = dma_freed_cases,
};

kunit_test_suite(dma_freed_suite);

MODULE_DESCRIPTION("KUnit tests of what a free of DMA memory leaves behind");
MODULE_LICENSE("GPL");
