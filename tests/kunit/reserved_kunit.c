// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of reserved-memory nodes: what each kind becomes, and what is
 * told about a node that can't become anything.
 *
 * The nodes are read at boot, long before a test runs. So the kernel has to be
 * booted with a device tree that has them: good ones and one for each fault,
 * and for each a child of /dma-kunit whose memory-region it is. A test binds
 * these to devices and looks at what boot has made of them. Without /dma-kunit
 * all tests are skipped.
 */

#include <kunit/test.h>
#include <linux/cma.h>
#include <linux/dma-map-ops.h>
#include <linux/mm.h>
#include <linux/of.h>
#include <linux/of_reserved_mem.h>
#include <linux/pfn.h>
#include <linux/sizes.h>

#include "../../kernel/dma/backend.h"
#include "../../kernel/dma/coherent.h"
#include "../../kernel/dma/contiguous.h"
#include "../../kernel/dma/ledger.h"
#include "mock.h"
#include "pools.h"

static int reserved_init(struct kunit *test)
{
	struct device_node *np = of_find_node_by_path("/dma-kunit");

	of_node_put(np);
	if (!np)
		kunit_skip(test, "the device tree has no /dma-kunit");
	return 0;
}

static void put_node(void *np)
{
	of_node_put(np);
}

/* The child of /dma-kunit, standing for a device */
static struct device_node *device_node(struct kunit *test, const char *name)
{
	struct device_node *parent = of_find_node_by_path("/dma-kunit");
	struct device_node *np = of_get_child_by_name(parent, name);

	of_node_put(parent);
	KUNIT_ASSERT_NOT_NULL_MSG(test, np, "/dma-kunit/%s is missing", name);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, put_node, np));
	return np;
}

/* What boot has noted of the node that the device names; NULL: nothing */
static struct reserved_mem *reserved_of(struct kunit *test, const char *name)
{
	struct device_node *np = device_node(test, name);
	struct device_node *target = of_parse_phandle(np, "memory-region", 0);
	struct reserved_mem *rmem;

	KUNIT_ASSERT_NOT_NULL(test, target);
	rmem = of_reserved_mem_lookup(target);
	of_node_put(target);
	return rmem;
}

static void release(void *dev)
{
	of_reserved_mem_device_release(dev);
}

/* Binds the region @idx of a device to @dev until the test ends */
static int bind(struct kunit *test, struct device *dev, const char *name,
		int idx)
{
	int err = of_reserved_mem_device_init_by_idx(dev, device_node(test, name),
						     idx);

	if (!err)
		err = kunit_add_action_or_reset(test, release, dev);
	return err;
}

static bool is_within(const struct dma_pools_buffer *buffer,
		      const struct reserved_mem *rmem)
{
	return buffer->phys >= rmem->base &&
	       buffer->phys + buffer->size <= rmem->base + rmem->size;
}

/* Pages that no allocator has; whole ones, also at ragged ends */
static void check_is_reserved(struct kunit *test,
			      const struct reserved_mem *rmem)
{
	unsigned long end = PFN_UP(rmem->base + rmem->size);
	unsigned long nr_free = 0;

	for (unsigned long pfn = PFN_DOWN(rmem->base); pfn < end; pfn++)
		if (pfn_valid(pfn) && !PageReserved(pfn_to_page(pfn)))
			nr_free++;
	KUNIT_EXPECT_EQ_MSG(test, nr_free, 0, "%s: pages are not reserved",
			    rmem->name);
}

/* Nodes that are right */

static void reserved_pool_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct reserved_mem *one = reserved_of(test, "two-pools");
	struct dma_pools_buffer small, large;

	KUNIT_ASSERT_NOT_NULL(test, one);
	KUNIT_ASSERT_EQ(test, 0, bind(test, dev, "two-pools", 0));
	KUNIT_ASSERT_EQ(test, 0, bind(test, dev, "two-pools", 1));
	KUNIT_EXPECT_TRUE(test, dma_has_device_pool(dev));
	check_is_reserved(test, one);

	KUNIT_EXPECT_TRUE(test, dma_pools_alloc(dev, SZ_64K, GFP_KERNEL, &small));
	KUNIT_EXPECT_TRUE(test, is_within(&small, one));
	KUNIT_EXPECT_TRUE(test, dma_pools_alloc(dev, SZ_64K, GFP_KERNEL, &large));
	KUNIT_EXPECT_STREQ(test, large.backend, "device pool");
	KUNIT_EXPECT_FALSE(test, is_within(&large, one));
	dma_pools_free(&small);
	dma_pools_free(&large);

	/* All of them at a time, as a driver's exit does */
	of_reserved_mem_device_release(dev);
	KUNIT_EXPECT_FALSE(test, dma_has_device_pool(dev));
}

static void reserved_pool_twice_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");

	KUNIT_ASSERT_EQ(test, 0, bind(test, dev, "two-pools", 0));
	KUNIT_EXPECT_EQ(test, bind(test, dev, "two-pools", 0), 0);
	of_reserved_mem_device_release(dev);
	KUNIT_EXPECT_FALSE(test, dma_has_device_pool(dev));
}

static void reserved_cma_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct reserved_mem *rmem = reserved_of(test, "cma");
	struct dma_pools_buffer buffer;

	KUNIT_ASSERT_NOT_NULL(test, rmem);
	KUNIT_ASSERT_EQ(test, 0, bind(test, dev, "cma", 0));
	KUNIT_ASSERT_NOT_NULL(test, dma_cma_area_of(dev->cma_area));
	KUNIT_EXPECT_STREQ(test, cma_get_name(dev->cma_area), rmem->name);
	KUNIT_EXPECT_EQ(test, cma_get_base(dev->cma_area), rmem->base);
	KUNIT_EXPECT_EQ(test, cma_get_size(dev->cma_area), rmem->size);

	KUNIT_EXPECT_TRUE(test, dma_pools_alloc(dev, SZ_64K, GFP_KERNEL, &buffer));
	KUNIT_EXPECT_STREQ(test, buffer.backend, "device cma");
	KUNIT_EXPECT_TRUE(test, is_within(&buffer, rmem));
	dma_pools_free(&buffer);
	of_reserved_mem_device_release(dev);
	KUNIT_EXPECT_NULL(test, dev->cma_area);
}

/* Nodes that are wrong */

struct fault {
	const char *name;
	const char *property;	/* and its value, as the line has them */
	const char *needed;
};

static const struct fault faults[] = {
	{ "both", "no-map is present", "exclude each other" },
	{ "cma-base", "reg is 0x", "a base aligned to the CMA minimum" },
	{ "cma-size", "size is 0x", "a multiple of the CMA minimum" },
	{ "mapped", "no-map is missing", "since this is RAM" },
	{ "cma-default-pool", "linux,cma-default is present", "reusable as well" },
	{ "dma-default-cma", "linux,dma-default is present",
	  "no-map, and not reusable" },
	{ "pool-base", "reg is 0x", "a page-aligned base" },
	{ "pool-size", "size is 0x", "a multiple of the page size" },
};

KUNIT_ARRAY_PARAM_DESC(fault, faults, name);

/* One line that has all: who, what, and what instead */
static unsigned int count_line(unsigned int (*count)(const char *, const char *),
			       const struct reserved_mem *rmem,
			       const struct fault *fault)
{
	char what[96];

	snprintf(what, sizeof(what), "reserved-memory node %s: %s", rmem->name,
		 fault->property);
	return count(what, fault->needed);
}

static void check_rejected(struct kunit *test, const char *name,
			   const struct fault *fault)
{
	struct device *dev = dma_kunit_coherent_device(test, name);
	struct reserved_mem *rmem = reserved_of(test, name);
	struct dma_pools_buffer buffer;

	KUNIT_ASSERT_NOT_NULL(test, rmem);
	check_is_reserved(test, rmem);
	if (dma_pools_has_boot_log())
		KUNIT_EXPECT_GE(test, count_line(dma_pools_boot_log_count, rmem,
						 fault), 1);

	dma_pools_log_mark();
	KUNIT_EXPECT_EQ(test, bind(test, dev, name, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, count_line(dma_pools_log_count, rmem, fault), 1);
	KUNIT_EXPECT_EQ(test, dma_pools_log_count(dev_name(dev), rmem->name), 1);

	/* The device has nothing of it */
	KUNIT_EXPECT_FALSE(test, dma_has_device_pool(dev));
	KUNIT_EXPECT_NULL(test, dev->cma_area);
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_8K, GFP_KERNEL, &buffer));
	KUNIT_EXPECT_FALSE(test, is_within(&buffer, rmem));
	dma_pools_free(&buffer);
}

static void reserved_fault_test(struct kunit *test)
{
	const struct fault *fault = test->param_value;

	check_rejected(test, fault->name, fault);
}

/*
 * Of two nodes that want to be the default, the one that comes later in the
 * flat tree is rejected; overlays may have turned them round. Returns the one
 * that is not.
 */
static const char *check_second(struct kunit *test, const char *one,
				const char *other, const struct fault *fault)
{
	struct device *dev = dma_kunit_coherent_device(test, "first");
	bool is_one_bad;

	is_one_bad = of_reserved_mem_device_init_by_idx(dev, device_node(test, one),
							0);
	of_reserved_mem_device_release(dev);
	check_rejected(test, is_one_bad ? one : other, fault);
	KUNIT_EXPECT_EQ(test, 0, bind(test, dev, is_one_bad ? other : one, 0));
	return is_one_bad ? other : one;
}

static void reserved_second_cma_test(struct kunit *test)
{
	static const struct fault fault = {
		.property = "linux,cma-default is present",
		.needed = "a single default",
	};
	const char *first = check_second(test, "cma-default", "cma-second", &fault);

	/* The first one is for everybody */
	KUNIT_ASSERT_NOT_NULL(test, dma_cma_default());
	KUNIT_EXPECT_STREQ(test, dma_cma_default()->info.name,
			   reserved_of(test, first)->name);
	KUNIT_EXPECT_STREQ(test, dma_cma_default()->info.kind, "default cma");
}

static void reserved_second_dma_test(struct kunit *test)
{
	static const struct fault fault = {
		.property = "linux,dma-default is present",
		.needed = "a single default",
	};
	const char *first = check_second(test, "global", "global-second", &fault);
	struct device *dev = dma_kunit_noncoherent_device(test, "dev");
	struct dma_pools_buffer buffer;

	KUNIT_EXPECT_TRUE(test, dma_pools_alloc(dev, SZ_8K, GFP_KERNEL, &buffer));
	KUNIT_EXPECT_STREQ(test, buffer.backend, "global pool");
	KUNIT_EXPECT_TRUE(test, is_within(&buffer, reserved_of(test, first)));
	dma_pools_free(&buffer);
}

/* Nothing is reserved, so nothing is noted; the lines are there all the same */
static void check_zero_size(struct kunit *test, const char *name,
			    const char *needed)
{
	struct device *dev = dma_kunit_coherent_device(test, name);
	char line[64];

	KUNIT_EXPECT_NULL(test, reserved_of(test, name));
	dma_pools_log_mark();
	KUNIT_EXPECT_EQ(test, bind(test, dev, name, 0), -EINVAL);
	snprintf(line, sizeof(line), "%s: reserved-memory node kunit-%s@",
		 dev_name(dev), name);
	KUNIT_EXPECT_EQ(test, dma_pools_log_count(line, needed), 1);

	snprintf(line, sizeof(line), "dma: reserved-memory node kunit-%s@", name);
	if (dma_pools_has_boot_log())
		KUNIT_EXPECT_EQ(test, dma_pools_boot_log_count(line, needed), 1);
}

static void reserved_zero_size_test(struct kunit *test)
{
	check_zero_size(test, "cma-zero", "the CMA minimum that is not 0");
	check_zero_size(test, "pool-zero", "the page size that is not 0");
}

/* One line for each that became something */
static void reserved_boot_line_test(struct kunit *test)
{
	if (!dma_pools_has_boot_log())
		kunit_skip(test, "the start of the log is gone");
	KUNIT_EXPECT_EQ(test, 1, dma_pools_boot_log_count("dma: device pool",
							  reserved_of(test, "two-pools")->name));
	KUNIT_EXPECT_EQ(test, 1, dma_pools_boot_log_count("dma: device cma",
							  reserved_of(test, "cma")->name));
	KUNIT_EXPECT_EQ(test, 1, dma_pools_boot_log_count("dma: default cma 'kunit-", "base"));
	KUNIT_EXPECT_EQ(test, 1, dma_pools_boot_log_count("dma: global pool 'kunit-", "base"));
}

static struct kunit_case dma_reserved_cases[] = {
	KUNIT_CASE(reserved_pool_test),
	KUNIT_CASE(reserved_pool_twice_test),
	KUNIT_CASE(reserved_cma_test),
	KUNIT_CASE_PARAM(reserved_fault_test, fault_gen_params),
	KUNIT_CASE(reserved_second_cma_test),
	KUNIT_CASE(reserved_second_dma_test),
	KUNIT_CASE(reserved_zero_size_test),
	KUNIT_CASE(reserved_boot_line_test),
	{}
};

static struct kunit_suite dma_reserved_suite = {
	.name = "dma_reserved",
	.init = reserved_init,
	.test_cases = dma_reserved_cases,
};

kunit_test_suite(dma_reserved_suite);

MODULE_DESCRIPTION("KUnit tests of reserved-memory nodes for DMA");
MODULE_LICENSE("GPL");
