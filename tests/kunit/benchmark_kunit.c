// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the benchmark: what it refuses, its statistics, and a short run
 * of each mode, after which nothing may be left.
 */

#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/dma-fault.h>
#include <linux/dma-mapping.h>
#include <linux/ktime.h>
#include <linux/limits.h>
#include <linux/numa.h>
#include <linux/time64.h>

#include "../../kernel/dma/ledger.h"
#include "../../kernel/dma/benchmark/benchmark.h"
#include "log.h"
#include "mock.h"

#define RUN_MSECS	50

/* What the tree's tool asks for, unless told otherwise */
static struct map_benchmark usual_request(void)
{
	return (struct map_benchmark) {
		.threads = 2,
		.seconds = 1,
		.node = NUMA_NO_NODE,
		.dma_bits = 64,
		.granule = 1,
	};
}

/* Statistics */

static void benchmark_stats_test(struct kunit *test)
{
	static const u64 times[] = { 2, 4, 4, 4, 5, 5, 7, 9 };
	struct bench_stats stats = {}, one = {}, other = {};
	int i;

	KUNIT_EXPECT_EQ(test, bench_stats_mean(&stats), 0);
	KUNIT_EXPECT_EQ(test, bench_stats_deviation(&stats), 0);

	for (i = 0; i < ARRAY_SIZE(times); i++) {
		bench_stats_add(&stats, 1000 * times[i]);
		bench_stats_add(i % 3 ? &one : &other, 1000 * times[i]);
	}
	KUNIT_EXPECT_EQ(test, stats.nr, ARRAY_SIZE(times));
	KUNIT_EXPECT_EQ(test, bench_stats_mean(&stats), 5000);
	KUNIT_EXPECT_EQ(test, bench_stats_deviation(&stats), 2000);

	bench_stats_merge(&one, &other);
	KUNIT_EXPECT_MEMEQ(test, &one, &stats, sizeof(one));
}

/* Nothing lost by rounding: the mean is 1000.999, each distance below 32. */
static void benchmark_stats_rounding_test(struct kunit *test)
{
	struct bench_stats stats = {};
	int i;

	for (i = 0; i < 999; i++)
		bench_stats_add(&stats, 1000);
	bench_stats_add(&stats, 1999);
	KUNIT_EXPECT_EQ(test, bench_stats_mean(&stats), 1000);
	KUNIT_EXPECT_EQ(test, bench_stats_deviation(&stats), 31);
}

/* The largest times there are, so many that their squares exceed 64 bits by far */
static void benchmark_stats_overflow_test(struct kunit *test)
{
	struct bench_stats stats = {}, sum = {};
	int i;

	for (i = 0; i < 100000; i++) {
		bench_stats_add(&stats, 0);
		bench_stats_add(&stats, U64_MAX);
	}
	KUNIT_EXPECT_EQ(test, stats.square_hi, 99999);
	for (i = 0; i < 1024; i++)
		bench_stats_merge(&sum, &stats);
	KUNIT_EXPECT_EQ(test, sum.nr, 1024ULL * 200000);
	KUNIT_EXPECT_EQ(test, bench_stats_mean(&sum), U32_MAX / 2);
	KUNIT_EXPECT_EQ(test, bench_stats_deviation(&sum), U32_MAX / 2);
}

/* Requests */

struct absurd {
	const char *line;
	size_t offset;
	u32 value;
};

#define ABSURD(member, number, text) {					\
	.line = "dma_map_benchmark: " text,				\
	.offset = offsetof(struct map_benchmark, member),		\
	.value = (number),						\
}

static const struct absurd absurds[] = {
	ABSURD(threads, 0, "threads 0: expected 1 to 1024"),
	ABSURD(threads, 1025, "threads 1025: expected 1 to 1024"),
	ABSURD(seconds, 0, "seconds 0: expected 1 to 300"),
	ABSURD(seconds, U32_MAX, "seconds 4294967295: expected 1 to 300"),
	ABSURD(node, 0x7fffffff, "node 2147483647: expected -1 for any, or one of 0"),
	ABSURD(node, -2, "node -2: expected -1 for any, or one of 0"),
	ABSURD(dma_bits, 19, "dma_bits 19: expected 20 to 64"),
	ABSURD(dma_bits, 65, "dma_bits 65: expected 20 to 64"),
	ABSURD(dma_dir, DMA_NONE, "dma_dir 3: expected 0 to 2"),
	ABSURD(dma_trans_ns, 10 * NSEC_PER_MSEC + 1,
	       "dma_trans_ns 10000001: expected 0 to 10000000"),
	ABSURD(granule, 0, "granule 0: expected 1 to 1024"),
	ABSURD(granule, 1025, "granule 1025: expected 1 to 1024"),
	ABSURD(mode, 4, "mode 4: expected 0 to 3"),
	ABSURD(nents, 1, "nents 1: expected 0 to 0"),
	ABSURD(reserved, 1, "reserved bytes: expected zeroes"),
	ABSURD(expansion[44], 1, "reserved bytes: expected zeroes"),
};

static void benchmark_refused_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct map_benchmark request = usual_request();
	int i;

	KUNIT_EXPECT_EQ(test, 0, bench_check(dev, &request));
	for (i = 0; i < ARRAY_SIZE(absurds); i++) {
		request = usual_request();
		*(u32 *)((char *)&request + absurds[i].offset) = absurds[i].value;
		dma_kunit_log_mark();
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL, bench_check(dev, &request),
				    "%s", absurds[i].line);
		KUNIT_EXPECT_EQ_MSG(test, 1, dma_kunit_log_count(absurds[i].line),
				    "%s", absurds[i].line);
	}

	/* A list needs a length. */
	request = usual_request();
	request.mode = DMA_MAP_MODE_SG;
	KUNIT_EXPECT_EQ(test, -EINVAL, bench_check(dev, &request));
	request.nents = DMA_MAP_MAX_NENTS + 1;
	KUNIT_EXPECT_EQ(test, -EINVAL, bench_check(dev, &request));
	request.nents = DMA_MAP_MAX_NENTS;
	KUNIT_EXPECT_EQ(test, 0, bench_check(dev, &request));
}

/* Runs */

static const struct map_benchmark runs[] = {
	{ .mode = DMA_MAP_MODE_SINGLE, .threads = 2, .granule = 1 },
	{ .mode = DMA_MAP_MODE_SINGLE, .threads = 1, .granule = 16,
	  .dma_dir = DMA_MAP_FROM_DEVICE, .dma_trans_ns = 1000000 },
	{ .mode = DMA_MAP_MODE_SG, .threads = 2, .granule = 2, .nents = 8,
	  .dma_dir = DMA_MAP_TO_DEVICE },
	{ .mode = DMA_MAP_MODE_ALLOC, .threads = 2, .granule = 4 },
	{ .mode = DMA_MAP_MODE_CHURN, .threads = 2, .granule = 8, .nents = 16 },
};

static void describe_run(const struct map_benchmark *run, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "mode %u, %u threads, granule %u",
		 run->mode, run->threads, run->granule);
}

KUNIT_ARRAY_PARAM(runs, runs, describe_run);

static void benchmark_run_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	const struct map_benchmark *run = test->param_value;
	struct map_benchmark request = *run;
	ktime_t start;

	request.seconds = 1;
	request.node = NUMA_NO_NODE;
	request.dma_bits = 48;
	KUNIT_ASSERT_EQ(test, 0, bench_check(dev, &request));
	start = ktime_get();
	KUNIT_ASSERT_EQ(test, 0, bench_run(dev, &request, RUN_MSECS));

	KUNIT_EXPECT_GT(test, request.nr_done, 0);
	KUNIT_EXPECT_EQ(test, request.nr_failed, 0);
	/* No call took longer than all of them together could. */
	KUNIT_EXPECT_LT(test, request.avg_map_100ns, 10 * USEC_PER_SEC);
	KUNIT_EXPECT_LT(test, request.avg_unmap_100ns, 10 * USEC_PER_SEC);
	/* One thread can't do more rounds than there was time for its pauses. */
	if (request.dma_trans_ns)
		KUNIT_EXPECT_LE(test, request.nr_done * request.dma_trans_ns,
				ktime_to_ns(ktime_sub(ktime_get(), start)) +
				request.dma_trans_ns);

	KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), 0);
	KUNIT_EXPECT_EQ(test, dma_get_mask(dev), DMA_BIT_MASK(64));
	KUNIT_EXPECT_EQ(test, dev->coherent_dma_mask, DMA_BIT_MASK(64));
}

static unsigned int nr_taken_here;

static struct page *take_here(struct bench_worker *worker, unsigned int order)
{
	nr_taken_here++;
	return NULL;
}

/* A thread takes its memory itself, where it runs, and not where it was made. */
static void benchmark_near_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct map_benchmark request = usual_request();

	nr_taken_here = 0;
	/* Seen by this thread alone */
	kunit_activate_static_stub(test, bench_get_pages, take_here);
	KUNIT_EXPECT_EQ(test, 0, bench_run(dev, &request, RUN_MSECS));
	request.mode = DMA_MAP_MODE_SG;
	request.nents = 4;
	KUNIT_EXPECT_EQ(test, 0, bench_run(dev, &request, RUN_MSECS));
	kunit_deactivate_static_stub(test, bench_get_pages);
	KUNIT_EXPECT_EQ(test, nr_taken_here, 0);
}

/* A refusal ends a run without a result, and the masks are as they were. */
static void benchmark_fails_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct map_benchmark request = usual_request();

	if (!IS_ENABLED(CONFIG_FAIL_DMA))
		kunit_skip(test, "CONFIG_FAIL_DMA is off");
	request.avg_map_100ns = 12345;
	dma_kunit_log_mark();
	KUNIT_ASSERT_EQ(test, 0, dma_fault_arm(dev, DMA_FAULT_MAP, 5));
	KUNIT_EXPECT_EQ(test, -ENOMEM, bench_run(dev, &request, RUN_MSECS));
	KUNIT_EXPECT_EQ(test, 0, dma_fault_disarm());
	KUNIT_EXPECT_EQ(test, 1, dma_kunit_log_count("0 entries: failed after"));
	KUNIT_EXPECT_EQ(test, request.avg_map_100ns, 12345);
	KUNIT_EXPECT_EQ(test, dma_get_mask(dev), DMA_BIT_MASK(64));

	/* In a churn it is a result. */
	request.mode = DMA_MAP_MODE_CHURN;
	request.nents = 4;
	KUNIT_ASSERT_EQ(test, 0, dma_fault_arm(dev, DMA_FAULT_ALLOC, 5));
	KUNIT_EXPECT_EQ(test, 0, bench_run(dev, &request, RUN_MSECS));
	KUNIT_EXPECT_EQ(test, 0, dma_fault_disarm());
	KUNIT_EXPECT_EQ(test, request.nr_failed, 1);
	KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), 0);
}

static struct kunit_case benchmark_test_cases[] = {
	KUNIT_CASE(benchmark_stats_test),
	KUNIT_CASE(benchmark_stats_rounding_test),
	KUNIT_CASE(benchmark_stats_overflow_test),
	KUNIT_CASE(benchmark_refused_test),
	KUNIT_CASE_PARAM(benchmark_run_test, runs_gen_params),
	KUNIT_CASE(benchmark_near_test),
	KUNIT_CASE(benchmark_fails_test),
	{}
};

static struct kunit_suite benchmark_test_suite = {
	.name = "dma_benchmark",
	.test_cases = benchmark_test_cases,
};

kunit_test_suite(benchmark_test_suite);
