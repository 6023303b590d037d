// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of what debugfs shows: pools, allocations, and what was lost.
 */

#include <kunit/device.h>
#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include "../../kernel/dma/backend.h"
#include "../../kernel/dma/ledger.h"
#include "../../kernel/dma/stat.h"
#include "log.h"
#include "mock.h"
#include "pools.h"

/* The line of @text that holds @word, cut out of it; NULL: there is none */
static char *line_with(char *text, const char *word)
{
	char *line;

	while ((line = strsep(&text, "\n")))
		if (strstr(line, word))
			return line;
	return NULL;
}

static unsigned int count_lines(const char *text)
{
	unsigned int nr = 0;

	for (; *text; text++)
		nr += *text == '\n';
	return nr;
}

/* Pools */

static void fake_figures(struct dma_pool_info *info,
			 struct dma_pool_figures *figures)
{
	*figures = (struct dma_pool_figures) {
		.size = SZ_1M,
		.used = SZ_16K,
		.peak = SZ_32K,
		.largest = SZ_64K,
		.served = 123456,
		.refused = 789,
		.nr_users = 42,
		.idle = SZ_8K,
	};
}

static void remove_pool(void *info)
{
	dma_stat_remove_pool(info);
}

static void stat_pools_test(struct kunit *test)
{
	static struct dma_pool_info info;
	struct dma_pool_figures figures;
	char *text;

	info = (struct dma_pool_info) {
		.name = "stat-fake",
		.kind = "fake pool",
		.users = "the test of it",
		.base = 0x12345000,
		.size = SZ_1M,
		.figures = fake_figures,
	};
	KUNIT_EXPECT_NULL(test, strstr(dma_pools_debugfs(test, "dma/pools"),
				       "stat-fake"));

	dma_kunit_log_mark();
	dma_stat_add_pool(&info);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, remove_pool, &info));
	KUNIT_EXPECT_EQ(test, 1,
			dma_kunit_log_match("dma: fake pool 'stat-fake': base 0x",
					    "size 1024 KiB, for the test of it"));

	text = dma_pools_debugfs(test, "dma/pools");
	KUNIT_EXPECT_TRUE(test, strstarts(text, "name "));
	text = line_with(text, "stat-fake");
	KUNIT_ASSERT_NOT_NULL(test, text);
	KUNIT_EXPECT_STREQ(test, text,
			   "stat-fake                fake pool    0x0000000012345000      1024        16        32        64    123456       789    42         8");

	/* As the other suites read it */
	KUNIT_ASSERT_TRUE(test, dma_pools_figures(test, "stat-fake", "fake pool",
						  &figures));
	KUNIT_EXPECT_EQ(test, figures.used, SZ_16K);
	KUNIT_EXPECT_EQ(test, figures.largest, SZ_64K);
	KUNIT_EXPECT_EQ(test, figures.idle, SZ_8K);
	KUNIT_EXPECT_EQ(test, figures.nr_users, 42);

	kunit_release_action(test, remove_pool, &info);
	KUNIT_EXPECT_NULL(test, strstr(dma_pools_debugfs(test, "dma/pools"),
				       "stat-fake"));
}

/* A real one: every figure moves as it should */
static void stat_device_pool_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct dma_coherent_pool *pool = dma_pools_pool(test, "stat-pool", 0, SZ_64K);
	struct dma_pool_figures figures;
	struct dma_pools_buffer one, two, none;

	KUNIT_ASSERT_EQ(test, 0, dma_pools_bind(test, dev, pool));
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_32K, GFP_KERNEL, &one));
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_16K, GFP_KERNEL, &two));
	KUNIT_EXPECT_FALSE(test, dma_pools_alloc(dev, SZ_32K, GFP_KERNEL | __GFP_NOWARN,
						 &none));
	dma_pools_free(&one);

	KUNIT_ASSERT_TRUE(test, dma_pools_figures(test, "stat-pool", "device pool",
						  &figures));
	KUNIT_EXPECT_EQ(test, figures.size, SZ_64K);
	KUNIT_EXPECT_EQ(test, figures.used, SZ_16K);
	KUNIT_EXPECT_EQ(test, figures.peak, SZ_32K + SZ_16K);
	KUNIT_EXPECT_EQ(test, figures.largest, SZ_32K);
	KUNIT_EXPECT_EQ(test, figures.served, 2);
	KUNIT_EXPECT_EQ(test, figures.refused, 1);
	KUNIT_EXPECT_EQ(test, figures.nr_users, 1);
	dma_pools_free(&two);
}

/* Allocations */

static void stat_allocations_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "it");
	char wanted[128], name[DMA_HOLDER_NAME], *text, *line;
	struct dma_pools_buffer buffer;

	/* It is cut where it is too long */
	strscpy(name, dev_name(dev));
	KUNIT_EXPECT_NULL(test, strstr(dma_pools_debugfs(test, "dma/allocations"),
				       name));
	KUNIT_ASSERT_TRUE(test, dma_pools_alloc(dev, SZ_8K + 1, GFP_KERNEL, &buffer));

	text = dma_pools_debugfs(test, "dma/allocations");
	KUNIT_EXPECT_TRUE(test, strstarts(text, "device "));
	KUNIT_EXPECT_EQ(test, count_lines(text), 1 + dma_ledger_count(NULL));
	line = line_with(text, name);
	KUNIT_ASSERT_NOT_NULL(test, line);

	/* Device, driver, size, backend, both addresses; the age may be 0 or 1 */
	snprintf(wanted, sizeof(wanted), "%-16s %10d %-15s %#018llx %#018llx ",
		 dev->driver ? dev->driver->name : "-", 3 * SZ_4K, buffer.backend,
		 (u64)buffer.dma_addr, (u64)buffer.phys);
	KUNIT_EXPECT_TRUE_MSG(test, strstr(line, wanted), "%s\nhas no\n%s", line,
			      wanted);
	dma_pools_free(&buffer);
	KUNIT_EXPECT_NULL(test, strstr(dma_pools_debugfs(test, "dma/allocations"),
				       name));
}

/* Lost memory */

static unsigned long lost_bytes(struct kunit *test)
{
	char *text = dma_pools_debugfs(test, "dma/lost");
	unsigned long lost = ULONG_MAX;

	KUNIT_EXPECT_EQ(test, 0, kstrtoul(strim(text), 10, &lost));
	return lost;
}

static void stat_lost_test(struct kunit *test)
{
	unsigned long before = lost_bytes(test);

	dma_stat_add_lost(SZ_16K);
	KUNIT_EXPECT_EQ(test, lost_bytes(test), before + SZ_16K);
	dma_stat_add_lost(-SZ_16K);
	KUNIT_EXPECT_EQ(test, lost_bytes(test), before);
}

static struct kunit_case dma_stat_cases[] = {
	KUNIT_CASE(stat_pools_test),
	KUNIT_CASE(stat_device_pool_test),
	KUNIT_CASE(stat_allocations_test),
	KUNIT_CASE(stat_lost_test),
	{}
};

static struct kunit_suite dma_stat_suite = {
	.name = "dma_stat",
	.test_cases = dma_stat_cases,
};

kunit_test_suite(dma_stat_suite);

MODULE_DESCRIPTION("KUnit tests of what debugfs shows of the DMA layer");
MODULE_LICENSE("GPL");
