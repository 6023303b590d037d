// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of buffers that rest between two uses: which request gets one,
 * who is not to get it, and when it has to go.
 *
 * The clock stands still unless a test is about it. A pool tells how much of it
 * is used and how much rests; at the end of a test nothing may be either.
 */

#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>

#include "../../kernel/dma/backend.h"
#include "../../kernel/dma/coherent.h"
#include "../../kernel/dma/contiguous.h"
#include "../../kernel/dma/ledger.h"
#include "../../kernel/dma/rest.h"
#include "mock.h"
#include "pools.h"

#define NAME		"device pool"
#define POOL_SIZE	SZ_256K
#define LIMIT		SZ_1M
#define NR_BEDS		4

static unsigned long usual_tick;

static int stop_clock(struct kunit *test)
{
	usual_tick = dma_rest_tick;
	cancel_delayed_work_sync(&dma_rest_clock);
	dma_rest_tick = 600 * HZ;
	return 0;
}

static void start_clock(struct kunit *test)
{
	dma_rest_tick = usual_tick;
	mod_delayed_work(system_wq, &dma_rest_clock, 0);
}

static struct device *resting_device(struct kunit *test, const char *name,
				     bool is_noncoherent)
{
	struct device *dev = dma_kunit_device(test, name,
			&(struct dma_kunit_shape) {
				.is_noncoherent = is_noncoherent,
				.may_rest = true,
			});

	dma_kunit_set_rest_limit(test, LIMIT);
	return dev;
}

struct rest {
	struct device *dev;
	struct dma_coherent_pool *pool;
};

/* A device with a pool, of which nothing is taken. */
static struct rest *rest_create(struct kunit *test)
{
	struct rest *rest = kunit_kzalloc(test, sizeof(*rest), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, rest);
	rest->dev = resting_device(test, "dev", false);
	rest->pool = dma_pools_pool(test, "rest", 0, POOL_SIZE);
	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, rest->dev, rest->pool));
	return rest;
}

static void expect_pool(struct kunit *test, size_t used, size_t resting)
{
	struct dma_pool_figures figures = {};

	KUNIT_EXPECT_TRUE(test, dma_pools_figures(test, "rest", NAME, &figures));
	KUNIT_EXPECT_EQ(test, figures.used, used);
	KUNIT_EXPECT_EQ(test, figures.resting, resting);
}

static void take(struct kunit *test, struct device *dev, size_t size, gfp_t gfp,
		 struct dma_pools_buffer *buffer)
{
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, size, gfp, buffer));
}

/* Take a buffer, write to it, free it: it rests. */
static struct dma_pools_buffer put_to_rest(struct kunit *test,
					   struct device *dev, size_t size,
					   gfp_t gfp)
{
	struct dma_pools_buffer buffer, copy;

	take(test, dev, size, gfp, &buffer);
	memset(buffer.cpu_addr, 0xa5, size);
	copy = buffer;
	dma_pools_free(&buffer);
	return copy;
}

/* Who gets it */

static void expect_woken(struct kunit *test, struct device *dev, size_t size,
			 gfp_t gfp, const char *backend)
{
	struct dma_pools_buffer first = put_to_rest(test, dev, size, gfp);
	struct dma_pools_buffer again;

	KUNIT_EXPECT_STREQ(test, first.backend, backend);
	KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), 0);
	take(test, dev, size, gfp, &again);
	KUNIT_EXPECT_PTR_EQ(test, again.cpu_addr, first.cpu_addr);
	KUNIT_EXPECT_EQ(test, again.dma_addr, first.dma_addr);
	KUNIT_EXPECT_STREQ(test, again.backend, backend);
	KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), 1);
	KUNIT_EXPECT_TRUE_MSG(test, dma_pools_is_filled(&again, 0),
			      "old data is handed out");
	dma_pools_free(&again);
}

static void rest_pool_test(struct kunit *test)
{
	struct rest *rest = rest_create(test);

	expect_woken(test, rest->dev, SZ_4K, GFP_KERNEL, NAME);
	expect_pool(test, 0, SZ_4K);
	expect_woken(test, rest->dev, 3 * SZ_4K, GFP_KERNEL, NAME);
	expect_woken(test, rest->dev, SZ_4K, GFP_ATOMIC, NAME);
	expect_pool(test, 0, 5 * SZ_4K);
	dma_rest_drop_device(rest->dev);
	expect_pool(test, 0, 0);
}

static void unbind_area(void *dev)
{
	dma_cma_bind(dev, NULL);
}

static void rest_cma_test(struct kunit *test)
{
	struct device *dev;

	if (!IS_ENABLED(CONFIG_DMA_CMA) || !dma_cma_default())
		kunit_skip(test, "no CMA area: boot with cma=");
	dev = resting_device(test, "dev", false);
	expect_woken(test, dev, SZ_64K, GFP_KERNEL, "default cma");
	KUNIT_EXPECT_EQ(test, dma_ledger_resting(dma_cma_default()), SZ_64K);

	/* With an area of its own, what came from the other one is no use. */
	KUNIT_ASSERT_EQ(test, 0, dma_cma_bind(dev, dma_cma_default()));
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, unbind_area, dev));
	KUNIT_EXPECT_EQ(test, dma_ledger_resting(dma_cma_default()), 0);
	expect_woken(test, dev, SZ_4K, GFP_KERNEL, "device cma");
	dma_rest_drop_device(dev);
}

static void rest_uncached_test(struct kunit *test)
{
	struct device *dev = resting_device(test, "dev", true);
	struct dma_pools_buffer buffer;
	bool is_dear;

	if (!IS_ENABLED(CONFIG_DMA_DIRECT_REMAP))
		kunit_skip(test, "nothing is remapped here");
	/* A global pool would serve as well. */
	take(test, dev, SZ_4K, GFP_KERNEL, &buffer);
	is_dear = !strcmp(buffer.backend, "pages");
	dma_pools_free(&buffer);
	dma_rest_drop_device(dev);
	if (is_dear)
		expect_woken(test, dev, SZ_4K, GFP_KERNEL, "pages");
	expect_woken(test, dev, SZ_4K, GFP_ATOMIC,
		     is_dear ? "atomic pool" : buffer.backend);
	dma_rest_drop_device(dev);
}

/* Who does not */

static void expect_fresh(struct kunit *test, struct device *dev, size_t size,
			 gfp_t gfp, unsigned long attrs,
			 const struct dma_pools_buffer *resting)
{
	dma_addr_t dma_addr;
	void *cpu_addr;

	cpu_addr = dma_alloc_attrs(dev, size, &dma_addr, gfp, attrs);
	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	KUNIT_EXPECT_NE(test, dma_addr, resting->dma_addr);
	dma_free_attrs(dev, size, cpu_addr, dma_addr, attrs);
}

static void rest_other_request_test(struct kunit *test)
{
	struct rest *rest = rest_create(test);
	struct device *other = resting_device(test, "other", false);
	struct dma_pools_buffer buffer;

	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, other, rest->pool));
	buffer = put_to_rest(test, rest->dev, SZ_4K, GFP_KERNEL);

	expect_fresh(test, rest->dev, SZ_8K, GFP_KERNEL, 0, &buffer);
	expect_fresh(test, rest->dev, SZ_4K, GFP_ATOMIC, 0, &buffer);
	expect_fresh(test, rest->dev, SZ_4K, GFP_KERNEL,
		     DMA_ATTR_WRITE_COMBINE, &buffer);
	expect_fresh(test, other, SZ_4K, GFP_KERNEL, 0, &buffer);
	dma_rest_drop_device(other);
	dma_rest_drop_device(rest->dev);
	expect_pool(test, 0, 0);
}

/* Not to be told of a refusal does not make it another request. */
static void rest_no_warn_test(struct kunit *test)
{
	struct rest *rest = rest_create(test);
	struct dma_pools_buffer buffer, again;
	void *cpu_addr;

	buffer = put_to_rest(test, rest->dev, SZ_4K, GFP_KERNEL);
	take(test, rest->dev, SZ_4K, GFP_KERNEL | __GFP_NOWARN, &again);
	KUNIT_EXPECT_EQ(test, again.dma_addr, buffer.dma_addr);
	dma_pools_free(&again);
	cpu_addr = dma_alloc_attrs(rest->dev, SZ_4K, &again.dma_addr,
				   GFP_KERNEL, DMA_ATTR_NO_WARN);
	KUNIT_EXPECT_PTR_EQ(test, cpu_addr, buffer.cpu_addr);
	dma_free_attrs(rest->dev, SZ_4K, cpu_addr, again.dma_addr,
		       DMA_ATTR_NO_WARN);
}

static void rest_compound_test(struct kunit *test)
{
	struct rest *rest = rest_create(test);
	dma_addr_t dma_addr;

	put_to_rest(test, rest->dev, SZ_4K, GFP_KERNEL);
	dma_kunit_expect_warn_begin();
	KUNIT_EXPECT_NULL(test, dma_alloc_coherent(rest->dev, SZ_4K, &dma_addr,
						   GFP_KERNEL | __GFP_COMP));
	KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
}

static void rest_narrow_mask_test(struct kunit *test)
{
	struct rest *rest = rest_create(test);
	struct dma_pools_buffer buffer, again;

	buffer = put_to_rest(test, rest->dev, SZ_8K, GFP_KERNEL);
	/* All but the last byte is in reach: of all that the pool has left */
	rest->dev->coherent_dma_mask = buffer.dma_addr + SZ_8K - 2;
	KUNIT_EXPECT_FALSE(test, dma_pools_alloc(rest->dev, SZ_8K,
						 GFP_KERNEL | __GFP_NOWARN,
						 &again));
	rest->dev->coherent_dma_mask++;
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(rest->dev, SZ_8K, GFP_KERNEL,
						&again));
	dma_pools_free(&again);
	rest->dev->coherent_dma_mask = DMA_BIT_MASK(64);
}

static void rest_coherence_test(struct kunit *test)
{
	struct device *dev = resting_device(test, "dev", true);
	struct dma_pools_buffer buffer, again;

	buffer = put_to_rest(test, dev, SZ_4K, GFP_KERNEL);
	dma_kunit_set_coherent(dev, true);
	take(test, dev, SZ_4K, GFP_KERNEL, &again);
	KUNIT_EXPECT_PTR_NE(test, again.cpu_addr, buffer.cpu_addr);
	dma_pools_free(&again);
	dma_rest_drop_device(dev);
}

/* What costs nothing to make does not rest, nor do pages. */
static void rest_cheap_test(struct kunit *test)
{
	struct device *dev = resting_device(test, "dev", false);
	size_t before = dma_ledger_resting(NULL);
	dma_addr_t dma_addr;
	struct page *page;
	void *cpu_addr;

	put_to_rest(test, dev, SZ_4K, GFP_KERNEL);
	page = dma_alloc_pages(dev, SZ_64K, &dma_addr, DMA_TO_DEVICE,
			       GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, page);
	dma_free_pages(dev, SZ_64K, page, dma_addr, DMA_TO_DEVICE);
	cpu_addr = dma_alloc_attrs(dev, SZ_64K, &dma_addr, GFP_KERNEL,
				   DMA_ATTR_NO_KERNEL_MAPPING);
	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	dma_free_attrs(dev, SZ_64K, cpu_addr, dma_addr,
		       DMA_ATTR_NO_KERNEL_MAPPING);
	KUNIT_EXPECT_EQ(test, dma_ledger_resting(NULL), before);
}

/* What everybody else sees of it: nothing */

static void rest_free_again_test(struct kunit *test)
{
	struct rest *rest = rest_create(test);
	struct dma_pools_buffer buffer, one, two;

	buffer = put_to_rest(test, rest->dev, SZ_4K, GFP_KERNEL);
	dma_pools_log_mark();
	dma_kunit_expect_warn_begin();
	dma_pools_free(&buffer);
	KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
	KUNIT_EXPECT_EQ(test, dma_pools_log_count("no live DMA buffer is there",
						  "nothing is freed"), 1);
	expect_pool(test, 0, SZ_4K);

	take(test, rest->dev, SZ_4K, GFP_KERNEL, &one);
	take(test, rest->dev, SZ_4K, GFP_KERNEL, &two);
	KUNIT_EXPECT_NE(test, one.dma_addr, two.dma_addr);
	dma_pools_free(&one);
	dma_pools_free(&two);
}

static void rest_lookup_test(struct kunit *test)
{
	struct rest *rest = rest_create(test);
	struct dma_pools_buffer buffer;
	struct dma_allocation copy = {};
	unsigned int shelf = 0;
	struct sg_table sgt;

	buffer = put_to_rest(test, rest->dev, SZ_8K, GFP_KERNEL);
	for (size_t offset = 0; offset < SZ_8K; offset += SZ_4K - 1) {
		dma_addr_t addr = buffer.dma_addr + offset;

		KUNIT_EXPECT_FALSE(test, dma_ledger_find(rest->dev, addr,
							 &copy));
		KUNIT_EXPECT_NULL(test, dma_ledger_owner(rest->dev, addr));
		KUNIT_EXPECT_FALSE(test, dma_ledger_find_holder(addr, &copy));
		KUNIT_EXPECT_FALSE(test, dma_ledger_find_buffer(buffer.cpu_addr,
								addr, &copy));
	}
	KUNIT_EXPECT_NULL(test, dma_ledger_take(rest->dev, buffer.dma_addr,
						buffer.cpu_addr));
	KUNIT_EXPECT_NULL(test, dma_ledger_take_by_cpu(rest->dev,
						       buffer.cpu_addr));
	memset(&copy, 0, sizeof(copy));
	while (dma_ledger_next(copy.dev, copy.dma_addr, &shelf, &copy))
		KUNIT_EXPECT_PTR_NE(test, copy.dev, rest->dev);
	KUNIT_EXPECT_NE(test, 0,
			dma_get_sgtable(rest->dev, &sgt, buffer.cpu_addr,
					buffer.dma_addr, SZ_4K));
}

/* Neighbours of a resting buffer are found as ever. */
static void rest_neighbour_test(struct kunit *test)
{
	struct rest *rest = rest_create(test);
	struct dma_pools_buffer buffers[3];
	struct dma_allocation copy;

	for (unsigned int i = 0; i < 3; i++)
		take(test, rest->dev, SZ_4K, GFP_KERNEL, &buffers[i]);
	for (unsigned int free = 0; free < 3; free++) {
		dma_addr_t was = buffers[free].dma_addr, last;

		dma_pools_free(&buffers[free]);
		for (unsigned int i = 0; i < 3; i++) {
			if (i == free)
				continue;
			last = buffers[i].dma_addr + SZ_4K - 1;
			KUNIT_EXPECT_TRUE(test, dma_ledger_find(rest->dev, last,
								&copy));
			KUNIT_EXPECT_EQ(test, copy.dma_addr,
					buffers[i].dma_addr);
		}
		KUNIT_EXPECT_FALSE(test, dma_ledger_find(rest->dev, was + 1,
							 &copy));
		KUNIT_EXPECT_EQ(test, dma_ledger_count(rest->dev), 2);
		take(test, rest->dev, SZ_4K, GFP_KERNEL, &buffers[free]);
		KUNIT_EXPECT_EQ(test, buffers[free].dma_addr, was);
	}
	dma_pools_free_all(buffers, 3);
}

static void rest_wrong_size_test(struct kunit *test)
{
	struct rest *rest = rest_create(test);
	struct dma_pools_buffer buffer;

	take(test, rest->dev, SZ_8K, GFP_KERNEL, &buffer);
	buffer.size = SZ_4K;
	dma_kunit_expect_warn_begin();
	dma_pools_free(&buffer);
	KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
	expect_pool(test, 0, 0);

	/* A size that is rounded to the same pages is not wrong. */
	take(test, rest->dev, SZ_8K, GFP_KERNEL, &buffer);
	buffer.size = SZ_4K + 1;
	dma_pools_free(&buffer);
	expect_pool(test, 0, SZ_8K);
}

/* How much */

static void rest_bounds_test(struct kunit *test)
{
	struct rest *rest = rest_create(test);
	struct dma_pools_buffer buffers[NR_BEDS + 3];

	for (unsigned int i = 0; i < ARRAY_SIZE(buffers); i++)
		take(test, rest->dev, SZ_4K, GFP_KERNEL, &buffers[i]);
	dma_pools_free_all(buffers, ARRAY_SIZE(buffers));
	expect_pool(test, 0, NR_BEDS * SZ_4K);

	/* One more takes another's place, and gets up again itself. */
	expect_woken(test, rest->dev, SZ_64K, GFP_KERNEL, NAME);
	expect_pool(test, 0, (NR_BEDS - 1) * SZ_4K + SZ_64K);
}

static void rest_limit_test(struct kunit *test)
{
	struct rest *rest = rest_create(test);

	dma_kunit_set_rest_limit(test, SZ_8K);
	put_to_rest(test, rest->dev, 3 * SZ_4K, GFP_KERNEL);
	expect_pool(test, 0, 0);
	put_to_rest(test, rest->dev, SZ_8K, GFP_KERNEL);
	expect_pool(test, 0, SZ_8K);
	put_to_rest(test, rest->dev, SZ_4K, GFP_KERNEL);
	expect_pool(test, 0, SZ_8K);
	dma_rest_drop_device(rest->dev);

	dma_kunit_set_rest_limit(test, 0);
	put_to_rest(test, rest->dev, SZ_4K, GFP_KERNEL);
	expect_pool(test, 0, 0);
}

/* How long */

static bool rests_nothing(void *pool)
{
	return !dma_ledger_resting(pool);
}

static void rest_clock_test(struct kunit *test)
{
	struct rest *rest = rest_create(test);
	unsigned long start = jiffies;

	dma_rest_tick = HZ / 10;
	put_to_rest(test, rest->dev, SZ_4K, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, dma_kunit_wait_until(rests_nothing, rest->pool));
	/* Not before it has seen a whole tick */
	KUNIT_EXPECT_GE(test, jiffies - start, HZ / 10);
	expect_pool(test, 0, 0);
	/* The clock stops, and starts again. */
	put_to_rest(test, rest->dev, SZ_4K, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, dma_kunit_wait_until(rests_nothing, rest->pool));
	cancel_delayed_work_sync(&dma_rest_clock);
	dma_rest_tick = 600 * HZ;
}

/* The whole pool rests, in pieces: who wants all of it gets it. */
static void rest_gives_way_test(struct kunit *test)
{
	struct rest *rest = rest_create(test);
	struct dma_pools_buffer buffers[NR_BEDS], whole;

	for (unsigned int i = 0; i < NR_BEDS; i++)
		take(test, rest->dev, POOL_SIZE / NR_BEDS, GFP_KERNEL,
		     &buffers[i]);
	dma_pools_free_all(buffers, NR_BEDS);
	expect_pool(test, 0, POOL_SIZE);

	take(test, rest->dev, POOL_SIZE, GFP_ATOMIC, &whole);
	expect_pool(test, POOL_SIZE, 0);
	dma_pools_free(&whole);
	dma_rest_drop_device(rest->dev);
}

static void rest_pressure_test(struct kunit *test)
{
	struct rest *rest = rest_create(test);

	put_to_rest(test, rest->dev, SZ_4K, GFP_KERNEL);
	expect_pool(test, 0, SZ_4K);
	drop_slab();
	expect_pool(test, 0, 0);
}

/* With whom it goes */

static void rest_driver_test(struct kunit *test)
{
	struct rest *rest = rest_create(test);
	struct dma_pools_buffer buffer;

	take(test, rest->dev, SZ_8K, GFP_KERNEL, &buffer);
	put_to_rest(test, rest->dev, SZ_4K, GFP_KERNEL);
	expect_pool(test, SZ_8K, SZ_4K);
	device_release_driver(rest->dev);
	expect_pool(test, SZ_8K, 0);
	/* Nothing rests for a device that has no driver. */
	dma_pools_free(&buffer);
	expect_pool(test, 0, 0);
}

static void rest_unbind_test(struct kunit *test)
{
	struct rest *rest = rest_create(test);
	struct dma_pools_buffer buffer;

	put_to_rest(test, rest->dev, SZ_4K, GFP_KERNEL);
	dma_coherent_pool_unbind(rest->dev, rest->pool);
	expect_pool(test, 0, 0);
	take(test, rest->dev, SZ_4K, GFP_KERNEL, &buffer);
	KUNIT_EXPECT_STRNEQ(test, buffer.backend, NAME);
	dma_pools_free(&buffer);
}

/* Memory that is bound later is used from then on. */
static void rest_bind_test(struct kunit *test)
{
	struct device *dev = resting_device(test, "dev", true);
	struct dma_coherent_pool *pool = dma_pools_pool(test, "rest", 0,
							POOL_SIZE);
	struct dma_pools_buffer buffer;

	put_to_rest(test, dev, SZ_4K, GFP_KERNEL);
	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, dev, pool));
	take(test, dev, SZ_4K, GFP_KERNEL, &buffer);
	KUNIT_EXPECT_STREQ(test, buffer.backend, NAME);
	dma_pools_free(&buffer);
}

static void rest_declared_test(struct kunit *test)
{
	phys_addr_t phys = dma_pools_spare(test, 0, POOL_SIZE);
	struct device *dev = resting_device(test, "dev", false);

	KUNIT_ASSERT_EQ(test, 0, dma_declare_coherent_memory(dev, phys, phys,
							     POOL_SIZE));
	expect_woken(test, dev, SZ_4K, GFP_KERNEL, NAME);
	dma_pools_log_mark();
	dma_release_coherent_memory(dev);
	KUNIT_EXPECT_EQ(test, dma_pools_log_count("given up", "in use"), 0);
}

/* Many at a time, with the clock running fast. */
static void rest_storm_test(struct kunit *test)
{
	struct rest *rest = rest_create(test);
	struct device *other = resting_device(test, "other", false);
	struct device *devs[] = { rest->dev, other };

	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, other, rest->pool));
	dma_rest_tick = 1;
	dma_pools_run_storm(test, &(struct dma_pools_storm) {
		.devs = devs,
		.nr_devs = ARRAY_SIZE(devs),
		.max_pages = 4,
		.backend = NAME,
		.nr_wanted = 2000,
		.nr_wanted_in_irq = 200,
	});
	KUNIT_EXPECT_TRUE(test, dma_kunit_wait_until(rests_nothing, rest->pool));
	expect_pool(test, 0, 0);
	cancel_delayed_work_sync(&dma_rest_clock);
	dma_rest_tick = 600 * HZ;
}

static struct kunit_case dma_rest_cases[] = {
	KUNIT_CASE(rest_pool_test),
	KUNIT_CASE(rest_cma_test),
	KUNIT_CASE(rest_uncached_test),
	KUNIT_CASE(rest_other_request_test),
	KUNIT_CASE(rest_no_warn_test),
	KUNIT_CASE(rest_compound_test),
	KUNIT_CASE(rest_narrow_mask_test),
	KUNIT_CASE(rest_coherence_test),
	KUNIT_CASE(rest_cheap_test),
	KUNIT_CASE(rest_free_again_test),
	KUNIT_CASE(rest_lookup_test),
	KUNIT_CASE(rest_neighbour_test),
	KUNIT_CASE(rest_wrong_size_test),
	KUNIT_CASE(rest_bounds_test),
	KUNIT_CASE(rest_limit_test),
	KUNIT_CASE(rest_clock_test),
	KUNIT_CASE(rest_gives_way_test),
	KUNIT_CASE(rest_pressure_test),
	KUNIT_CASE(rest_driver_test),
	KUNIT_CASE(rest_unbind_test),
	KUNIT_CASE(rest_bind_test),
	KUNIT_CASE(rest_declared_test),
	KUNIT_CASE_SLOW(rest_storm_test),
	{}
};

static struct kunit_suite dma_rest_suite = {
	.name = "dma_rest",
	.init = stop_clock,
	.exit = start_clock,
	.test_cases = dma_rest_cases,
};

kunit_test_suite(dma_rest_suite);

MODULE_DESCRIPTION("KUnit tests of DMA buffers that rest between two uses");
MODULE_LICENSE("GPL");
