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
#include <linux/of_address.h>
#include <linux/of_reserved_mem.h>
#include <linux/pfn.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>

#include "../../kernel/dma/backend.h"
#include "../../kernel/dma/coherent.h"
#include "../../kernel/dma/contiguous.h"
#include "../../kernel/dma/ledger.h"
#include "log.h"
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

/* Pages that an allocator has; whole ones, also at ragged ends */
static unsigned long count_free(phys_addr_t base, phys_addr_t size)
{
	unsigned long end = PFN_UP(base + size);
	unsigned long nr_free = 0;

	for (unsigned long pfn = PFN_DOWN(base); pfn < end; pfn++)
		if (pfn_valid(pfn) && !PageReserved(pfn_to_page(pfn)))
			nr_free++;
	return nr_free;
}

static void check_is_reserved(struct kunit *test,
			      const struct reserved_mem *rmem)
{
	KUNIT_EXPECT_EQ_MSG(test, count_free(rmem->base, rmem->size), 0,
			    "%s: pages are not reserved", rmem->name);
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
	{ "mapped", "no-map is missing", "since this is RAM" },
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
	if (dma_kunit_has_boot_log())
		KUNIT_EXPECT_GE(test, count_line(dma_kunit_boot_log_match, rmem,
						 fault), 1);

	dma_kunit_log_mark();
	KUNIT_EXPECT_EQ(test, bind(test, dev, name, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, count_line(dma_kunit_log_match, rmem, fault), 1);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_match(dev_name(dev), rmem->name), 1);

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

/* Nodes of which something is wrong, and that serve all the same */

struct odd {
	struct fault line;
	const char *backend;
	size_t size;
};

static const struct odd odds[] = {
	{ { "cma-default-pool", "linux,cma-default is present",
	    "reusable as well" }, "device pool", SZ_64K },
	{ { "dma-default-cma", "linux,dma-default is present",
	    "no-map, and not reusable" }, "device cma", SZ_4M },
	{ { "pool-base", "reg is 0x", "whole pages" }, "device pool",
	  SZ_64K - SZ_4K },
	{ { "pool-size", "reg is 0x", "whole pages" }, "device pool", SZ_64K },
};

static void odd_to_desc(const struct odd *odd, char *desc)
{
	strscpy(desc, odd->line.name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(odd, odds, odd_to_desc);

/* The node is told at boot, and serves a device that binds it */
static void check_serves(struct kunit *test, const char *name,
			 const struct odd *odd)
{
	struct device *dev = dma_kunit_coherent_device(test, name);
	struct reserved_mem *rmem = reserved_of(test, name);
	struct dma_pool_figures figures;
	struct dma_pools_buffer buffer;

	KUNIT_ASSERT_NOT_NULL(test, rmem);
	if (odd->line.property && dma_kunit_has_boot_log())
		KUNIT_EXPECT_EQ(test, 1, count_line(dma_kunit_boot_log_match,
						    rmem, &odd->line));
	KUNIT_ASSERT_EQ(test, 0, bind(test, dev, name, 0));
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_8K, GFP_KERNEL, &buffer));
	KUNIT_EXPECT_STREQ(test, buffer.backend, odd->backend);
	KUNIT_EXPECT_TRUE(test, is_within(&buffer, rmem));
	KUNIT_EXPECT_TRUE(test, PAGE_ALIGNED(buffer.phys));
	dma_pools_free(&buffer);
	KUNIT_ASSERT_TRUE(test, dma_pools_figures(test, rmem->name,
						  odd->backend, &figures));
	KUNIT_EXPECT_EQ(test, figures.size, odd->size);
}

static void reserved_odd_test(struct kunit *test)
{
	const struct odd *odd = test->param_value;

	check_serves(test, odd->line.name, odd);
}

/*
 * Of two default nodes the later one is it, as the log says, and the other is for
 * those who bind it.
 */
static void check_second(struct kunit *test, const char *first,
			 const char *second, const char *property,
			 const struct odd *odd)
{
	const struct fault line = {
		.property = property,
		.needed = "a single default",
	};

	if (dma_kunit_has_boot_log())
		KUNIT_EXPECT_EQ(test, 1, count_line(dma_kunit_boot_log_match,
						    reserved_of(test, second),
						    &line));
	check_serves(test, first, odd);
}

static void reserved_second_cma_test(struct kunit *test)
{
	static const struct odd area = { .backend = "device cma", .size = SZ_16M };
	struct dma_cma_area *all = dma_cma_default();
	bool is_turned;

	KUNIT_ASSERT_NOT_NULL(test, all);
	KUNIT_EXPECT_STREQ(test, all->info.kind, "default cma");
	is_turned = !strcmp(all->info.name, reserved_of(test, "cma-default")->name);
	if (!is_turned)
		KUNIT_EXPECT_STREQ(test, all->info.name,
				   reserved_of(test, "cma-second")->name);
	check_second(test, is_turned ? "cma-second" : "cma-default",
		     is_turned ? "cma-default" : "cma-second",
		     "linux,cma-default is present", &area);
}

static void reserved_second_dma_test(struct kunit *test)
{
	static const struct odd pool = { .backend = "device pool", .size = SZ_64K };
	struct device *dev = dma_kunit_noncoherent_device(test, "dev");
	struct dma_pools_buffer buffer;
	bool is_turned;

	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_8K, GFP_KERNEL, &buffer));
	KUNIT_EXPECT_STREQ(test, buffer.backend, "global pool");
	is_turned = is_within(&buffer, reserved_of(test, "global"));
	KUNIT_EXPECT_TRUE(test, is_turned ||
			  is_within(&buffer, reserved_of(test, "global-second")));
	dma_pools_free(&buffer);
	check_second(test, is_turned ? "global-second" : "global",
		     is_turned ? "global" : "global-second",
		     "linux,dma-default is present", &pool);
}

/* Nodes whose memory is the kernel's */

static const struct fault absences[] = {
	{ "lost", "size is 0x", "a multiple of the CMA minimum" },
	{ "in-kernel", "reg is 0x", "memory that is free" },
};

KUNIT_ARRAY_PARAM_DESC(absence, absences, name);

static void check_absent(struct kunit *test, const struct fault *absence)
{
	struct device *dev = dma_kunit_coherent_device(test, absence->name);
	char line[64];

	/* Who takes base and size from there gets none. */
	KUNIT_EXPECT_NULL(test, reserved_of(test, absence->name));
	dma_kunit_log_mark();
	KUNIT_EXPECT_EQ(test, bind(test, dev, absence->name, 0), -EINVAL);
	snprintf(line, sizeof(line), "%s: reserved-memory node kunit-%s",
		 dev_name(dev), absence->name);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_match(line, absence->property), 1);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_match(line, absence->needed), 1);

	snprintf(line, sizeof(line), "dma: reserved-memory node kunit-%s",
		 absence->name);
	if (dma_kunit_has_boot_log())
		KUNIT_EXPECT_EQ(test, 1,
				dma_kunit_boot_log_match(line, absence->needed));
}

static void reserved_absent_test(struct kunit *test)
{
	check_absent(test, test->param_value);
}

/* Reusable, and no area for this kernel: with other pages it may be one. */

static const struct fault returned[] = {
	{ "cma-base", "reg is 0x", "a base aligned to the CMA minimum" },
	{ "cma-size", "size is 0x", "a multiple of the CMA minimum" },
};

KUNIT_ARRAY_PARAM_DESC(returned, returned, name);

/* The node has said exactly which memory; an allocator has it now. */
static void check_is_freed(struct kunit *test, const char *name)
{
	struct device_node *target;
	struct resource res;

	target = of_parse_phandle(device_node(test, name), "memory-region", 0);
	KUNIT_ASSERT_NOT_NULL(test, target);
	if (!of_address_to_resource(target, 0, &res))
		KUNIT_EXPECT_EQ(test, count_free(res.start, resource_size(&res)),
				PFN_UP(res.end + 1) - PFN_DOWN(res.start));
	of_node_put(target);
}

static void reserved_returned_test(struct kunit *test)
{
	const struct fault *fault = test->param_value;

	check_absent(test, fault);
	check_is_freed(test, fault->name);
}

/* A node that is no pool: the driver that binds it is told so */
static void reserved_plain_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");

	KUNIT_EXPECT_NOT_NULL(test, reserved_of(test, "plain"));
	dma_kunit_log_mark();
	KUNIT_EXPECT_EQ(test, bind(test, dev, "plain", 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, 1, dma_kunit_log_match(dev_name(dev),
						     "compatible shared-dma-pool is missing"));
}

/* Nobody maps a pool before a device binds it: boards have many. */
static void reserved_unbound_test(struct kunit *test)
{
	struct dma_pool_figures figures;
	struct reserved_mem *rmem = reserved_of(test, "unbound");

	KUNIT_ASSERT_NOT_NULL(test, rmem);
	check_is_reserved(test, rmem);
	KUNIT_EXPECT_FALSE(test, dma_pools_figures(test, rmem->name,
						   "device pool", &figures));
	if (dma_kunit_has_boot_log())
		KUNIT_EXPECT_EQ(test, 0, dma_kunit_boot_log_match("device pool",
								  rmem->name));
}

/* Restricted pools that can't be made: their devices have no DMA at all. */

static const char * const denials[] = {
	"restricted-no-map", "restricted-lost",
};

static void denial_to_desc(const char * const *denial, char *desc)
{
	strscpy(desc, *denial, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(denial, denials, denial_to_desc);

static void reserved_denied_test(struct kunit *test)
{
	const char *name = *(const char * const *)test->param_value;
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	void *buffer = kunit_kzalloc(test, SZ_4K, GFP_KERNEL);
	struct scatterlist sg;

	if (!IS_ENABLED(CONFIG_DMA_RESTRICTED_POOL))
		kunit_skip(test, "needs CONFIG_DMA_RESTRICTED_POOL");
	KUNIT_ASSERT_NOT_NULL(test, buffer);
	dma_kunit_log_mark();
	KUNIT_EXPECT_EQ(test, bind(test, dev, name, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, 1, dma_kunit_log_match(dev_name(dev),
						     "no-map is present"));
	KUNIT_EXPECT_EQ(test, 1, dma_kunit_log_match(dev_name(dev),
						     "all DMA of this device is refused"));

	KUNIT_EXPECT_EQ(test, DMA_MAPPING_ERROR,
			dma_map_single(dev, buffer, SZ_4K, DMA_TO_DEVICE));
	KUNIT_EXPECT_EQ(test, 1, dma_kunit_log_match(dev_name(dev),
						     "refused: its restricted-dma-pool"));
	sg_init_one(&sg, buffer, SZ_4K);
	KUNIT_EXPECT_EQ(test, 0, dma_map_sg_attrs(dev, &sg, 1, DMA_TO_DEVICE,
						  DMA_ATTR_NO_WARN));
	KUNIT_EXPECT_EQ(test, DMA_MAPPING_ERROR,
			dma_map_resource(dev, DMA_KUNIT_REGISTERS, SZ_4K,
					 DMA_TO_DEVICE, 0));
	KUNIT_EXPECT_TRUE(test, dma_pools_is_refused(dev, SZ_8K, GFP_KERNEL,
						     "could not be set up"));
	KUNIT_EXPECT_TRUE(test, dma_pools_is_refused(dev, SZ_4K, GFP_ATOMIC,
						     "could not be set up"));
}

/* Nothing is reserved, so nothing is noted; the lines are there all the same */
static void check_zero_size(struct kunit *test, const char *name,
			    const char *needed)
{
	struct device *dev = dma_kunit_coherent_device(test, name);
	char line[64];

	KUNIT_EXPECT_NULL(test, reserved_of(test, name));
	dma_kunit_log_mark();
	KUNIT_EXPECT_EQ(test, bind(test, dev, name, 0), -EINVAL);
	snprintf(line, sizeof(line), "%s: reserved-memory node kunit-%s@",
		 dev_name(dev), name);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_match(line, needed), 1);

	snprintf(line, sizeof(line), "dma: reserved-memory node kunit-%s@", name);
	if (dma_kunit_has_boot_log())
		KUNIT_EXPECT_EQ(test, dma_kunit_boot_log_match(line, needed), 1);
}

static void reserved_zero_size_test(struct kunit *test)
{
	check_zero_size(test, "cma-zero", "the CMA minimum that is not 0");
	check_zero_size(test, "pool-zero", "a page or more");
}

/* One line for each that became something */
static void reserved_boot_line_test(struct kunit *test)
{
	if (!dma_kunit_has_boot_log())
		kunit_skip(test, "the start of the log is gone");
	KUNIT_EXPECT_EQ(test, 1, dma_kunit_boot_log_match("dma: device cma",
							  reserved_of(test, "cma")->name));
	/* The second takes the place of the first. */
	KUNIT_EXPECT_EQ(test, 2, dma_kunit_boot_log_match("dma: default cma 'kunit-", "base"));
	KUNIT_EXPECT_EQ(test, 1, dma_kunit_boot_log_match("dma: global pool 'kunit-", "base"));
}

static struct kunit_case dma_reserved_cases[] = {
	KUNIT_CASE(reserved_pool_test),
	KUNIT_CASE(reserved_pool_twice_test),
	KUNIT_CASE(reserved_cma_test),
	KUNIT_CASE_PARAM(reserved_fault_test, fault_gen_params),
	KUNIT_CASE_PARAM(reserved_odd_test, odd_gen_params),
	KUNIT_CASE(reserved_second_cma_test),
	KUNIT_CASE(reserved_second_dma_test),
	KUNIT_CASE(reserved_zero_size_test),
	KUNIT_CASE_PARAM(reserved_absent_test, absence_gen_params),
	KUNIT_CASE_PARAM(reserved_returned_test, returned_gen_params),
	KUNIT_CASE(reserved_plain_test),
	KUNIT_CASE(reserved_unbound_test),
	KUNIT_CASE_PARAM(reserved_denied_test, denial_gen_params),
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
