/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the benchmark share: see run.c.
 */
#ifndef _KERNEL_DMA_BENCHMARK_H
#define _KERNEL_DMA_BENCHMARK_H

#include <linux/completion.h>
#include <linux/dma-mapping.h>
#include <linux/map_benchmark.h>
#include <linux/prandom.h>

/**
 * struct bench_stats - times, as sums from which mean and deviation follow
 * @nr: how many
 * @sum: of all, in ns
 * @square_hi: upper half of the sum of their squares
 * @square_lo: lower half
 */
struct bench_stats {
	u64 nr;
	u64 sum;
	u64 square_hi;
	u64 square_lo;
};

void bench_stats_add(struct bench_stats *stats, u64 ns);
void bench_stats_merge(struct bench_stats *stats,
		       const struct bench_stats *other);
u64 bench_stats_mean(const struct bench_stats *stats);
u64 bench_stats_deviation(const struct bench_stats *stats);

/* A consistent buffer of a churn; without @cpu_addr it is none. */
struct bench_buffer {
	void *cpu_addr;
	dma_addr_t dma_addr;
	size_t size;
};

/**
 * struct bench_worker - one thread, and what it works on
 * @dev: the device
 * @request: what is wanted
 * @mode: how it is done
 * @task: the thread
 * @is_prepared: it has what it needs, or an error
 * @may_start: all have
 * @err: of preparing
 * @map: times of maps or allocations
 * @unmap: times of unmaps or frees
 * @nr_failed: maps or allocations that were refused
 * @dma_addr: of the mapping or the buffer
 * @cpu_addr: of the memory that is mapped, or of the consistent buffer
 * @sgt: the list
 * @buffers: what lives in a churn
 * @chosen: which of them comes next
 * @random: what chooses
 */
struct bench_worker {
	struct device *dev;
	const struct map_benchmark *request;
	const struct bench_mode *mode;
	struct task_struct *task;
	struct completion is_prepared;
	bool may_start;
	int err;
	struct bench_stats map;
	struct bench_stats unmap;
	u64 nr_failed;

	dma_addr_t dma_addr;
	void *cpu_addr;
	struct sg_table sgt;
	struct bench_buffer *buffers;
	struct bench_buffer *chosen;
	struct rnd_state random;
};

/**
 * struct bench_mode - one thing to measure
 * @name: for messages
 * @has_nents: it needs a number of entries
 * @may_fail: a refusal is a result; else it ends the run
 * @prepare: get what it needs, called by the thread itself before all start; 0 or a
 *	negative error; may be NULL
 * @choose: before each round, not measured; may be NULL
 * @map: the first half of a round; false if it failed
 * @unmap: the second half; false if there was nothing to do
 * @clean: give back all that is left, whatever @prepare got; may be NULL
 */
struct bench_mode {
	const char *name;
	bool has_nents;
	bool may_fail;
	int (*prepare)(struct bench_worker *worker);
	void (*choose)(struct bench_worker *worker);
	bool (*map)(struct bench_worker *worker);
	bool (*unmap)(struct bench_worker *worker);
	void (*clean)(struct bench_worker *worker);
};

const struct bench_mode *bench_mode_of(unsigned int mode);
struct page *bench_get_pages(struct bench_worker *worker, unsigned int order);

int bench_check(struct device *dev, const struct map_benchmark *request);
int bench_run(struct device *dev, struct map_benchmark *request,
	      unsigned int msecs);

#endif /* _KERNEL_DMA_BENCHMARK_H */
