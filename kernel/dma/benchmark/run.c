// SPDX-License-Identifier: GPL-2.0-only
/*
 * A run of the benchmark: what is asked for is checked, each thread gets what
 * it works on, all start, and when the time is over they end and their times
 * are put together.
 *
 * A thread repeats the two calls of its mode, each measured for itself.  Where
 * a refusal is no result, the first one ends this thread and fails the run.
 *
 * Each thread prepares what it works on, so that its memory is near it; and none
 * starts before all have done so, so that a lack of memory ends the run at once.
 * The caller cleans up, after the last thread has ended.  No locks: the threads
 * share nothing but the device.
 */
#include <linux/build_bug.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/nodemask.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <linux/topology.h>

#include "benchmark.h"

/* The layout of programs that know nothing of modes. */
static_assert(sizeof(struct map_benchmark) == 136);
static_assert(offsetof(struct map_benchmark, threads) == 32);
static_assert(offsetof(struct map_benchmark, granule) == 56);
static_assert(offsetof(struct map_benchmark, mode) == 60);
static_assert(offsetof(struct map_benchmark, nr_done) == 72);
static_assert(offsetof(struct map_benchmark, expansion) == 88);

static bool is_within(struct device *dev, const char *what, u64 value,
		      u64 first, u64 last)
{
	if (value >= first && value <= last)
		return true;
	dev_err(dev, "dma_map_benchmark: %s %llu: expected %llu to %llu\n",
		what, value, first, last);
	return false;
}

static bool is_node(struct device *dev, int node)
{
	if (node == NUMA_NO_NODE ||
	    (node >= 0 && node < MAX_NUMNODES && node_online(node)))
		return true;
	dev_err(dev, "dma_map_benchmark: node %d: expected -1 for any, or one of %*pbl\n",
		node, nodemask_pr_args(&node_states[N_ONLINE]));
	return false;
}

/* What is reserved may get a meaning, so nobody may leave rubbish there. */
static bool is_clear(struct device *dev, const struct map_benchmark *request)
{
	if (!request->reserved &&
	    !memchr_inv(request->expansion, 0, sizeof(request->expansion)))
		return true;
	dev_err(dev, "dma_map_benchmark: reserved bytes: expected zeroes\n");
	return false;
}

/**
 * bench_check - can this be measured?
 * @dev: the device, for the message
 * @request: what is wanted
 *
 * Context: any.
 * Return: 0; -EINVAL, and a line that names the value and its limits.
 */
int bench_check(struct device *dev, const struct map_benchmark *request)
{
	const struct bench_mode *mode = bench_mode_of(request->mode);

	if (!is_within(dev, "threads", request->threads, 1,
		       DMA_MAP_MAX_THREADS) ||
	    !is_within(dev, "seconds", request->seconds, 1,
		       DMA_MAP_MAX_SECONDS) ||
	    !is_node(dev, request->node) ||
	    !is_within(dev, "dma_bits", request->dma_bits, DMA_MAP_MIN_BITS,
		       DMA_MAP_MAX_BITS) ||
	    !is_within(dev, "dma_dir", request->dma_dir, DMA_MAP_BIDIRECTIONAL,
		       DMA_MAP_FROM_DEVICE) ||
	    !is_within(dev, "dma_trans_ns", request->dma_trans_ns, 0,
		       DMA_MAP_MAX_TRANS_DELAY) ||
	    !is_within(dev, "granule", request->granule, 1,
		       DMA_MAP_MAX_GRANULE) ||
	    !is_within(dev, "mode", request->mode, 0, DMA_MAP_MODE_CHURN) ||
	    !is_within(dev, "nents", request->nents, mode->has_nents,
		       mode->has_nents ? DMA_MAP_MAX_NENTS : 0) ||
	    !is_clear(dev, request))
		return -EINVAL;
	return 0;
}

/* As long as the device would be at work; delays have limits of their own. */
static void transfer(unsigned int ns)
{
	if (ns >= NSEC_PER_MSEC)
		mdelay(ns / NSEC_PER_MSEC);
	if (ns % NSEC_PER_MSEC)
		ndelay(ns % NSEC_PER_MSEC);
}

/* One round.  Returns false if the thread has to end. */
static bool work(struct bench_worker *worker)
{
	const struct bench_mode *mode = worker->mode;
	ktime_t start;
	bool is_done;

	if (mode->choose)
		mode->choose(worker);
	start = ktime_get();
	is_done = mode->map(worker);
	if (is_done)
		bench_stats_add(&worker->map, ktime_to_ns(ktime_get() - start));
	else
		worker->nr_failed++;
	if (!is_done && !mode->may_fail)
		return false;

	transfer(worker->request->dma_trans_ns);
	start = ktime_get();
	if (mode->unmap(worker))
		bench_stats_add(&worker->unmap,
				ktime_to_ns(ktime_get() - start));
	return true;
}

static bool may_start(struct bench_worker *worker)
{
	/* pairs with start_worker(): what all have prepared is there */
	return smp_load_acquire(&worker->may_start);
}

/* Until it may start, or has to end */
static void wait_for_start(struct bench_worker *worker)
{
	set_current_state(TASK_INTERRUPTIBLE);
	while (!kthread_should_stop() && !may_start(worker)) {
		schedule();
		set_current_state(TASK_INTERRUPTIBLE);
	}
	__set_current_state(TASK_RUNNING);
}

/* A thread waits for the end, since its result is fetched by kthread_stop(). */
static int work_on(void *data)
{
	struct bench_worker *worker = data;

	if (worker->mode->prepare)
		worker->err = worker->mode->prepare(worker);
	complete(&worker->is_prepared);
	wait_for_start(worker);
	while (!kthread_should_stop() && work(worker))
		cond_resched();
	set_current_state(TASK_INTERRUPTIBLE);
	while (!kthread_should_stop()) {
		schedule();
		set_current_state(TASK_INTERRUPTIBLE);
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

/* A thread that prepares. */
static int make_worker(struct bench_worker *worker)
{
	int node = worker->request->node;
	struct task_struct *task;

	init_completion(&worker->is_prepared);
	task = kthread_create_on_node(work_on, worker, node,
				      "dma-benchmark/%s", worker->mode->name);
	if (IS_ERR(task))
		return PTR_ERR(task);
	if (node != NUMA_NO_NODE && !cpumask_empty(cpumask_of_node(node)))
		kthread_bind_mask(task, cpumask_of_node(node));
	worker->task = get_task_struct(task);
	wake_up_process(task);
	return 0;
}

static int wait_for_worker(struct bench_worker *worker)
{
	wait_for_completion(&worker->is_prepared);
	return worker->err;
}

static void start_worker(struct bench_worker *worker)
{
	/* pairs with may_start() */
	smp_store_release(&worker->may_start, true);
	wake_up_process(worker->task);
}

static void end_worker(struct bench_worker *worker)
{
	if (worker->task)
		kthread_stop_put(worker->task);
	if (worker->mode->clean)
		worker->mode->clean(worker);
}

/* All threads at once, for @msecs or until a signal. */
static int run_workers(struct bench_worker *workers, unsigned int nr,
		       unsigned int msecs)
{
	unsigned int i;
	int err;

	for (i = 0; i < nr; i++) {
		err = make_worker(&workers[i]);
		if (err)
			goto end;
	}
	for (i = 0; i < nr; i++) {
		err = wait_for_worker(&workers[i]);
		if (err)
			goto end;
	}
	for (i = 0; i < nr; i++)
		start_worker(&workers[i]);
	err = msleep_interruptible(msecs) ? -EINTR : 0;
end:
	for (i = 0; i < nr; i++)
		end_worker(&workers[i]);
	return err;
}

static int put_together(struct device *dev, const struct bench_worker *workers,
			struct map_benchmark *request)
{
	struct bench_stats map = {}, unmap = {};
	u64 nr_failed = 0;
	unsigned int i;

	for (i = 0; i < request->threads; i++) {
		bench_stats_merge(&map, &workers[i].map);
		bench_stats_merge(&unmap, &workers[i].unmap);
		nr_failed += workers[i].nr_failed;
	}
	if (!map.nr || (nr_failed && !workers->mode->may_fail)) {
		dev_err(dev, "dma_map_benchmark: mode %s, %u pages, %u entries: failed after %llu rounds\n",
			workers->mode->name, request->granule, request->nents,
			map.nr);
		return -ENOMEM;
	}
	request->avg_map_100ns = div_u64(bench_stats_mean(&map), 100);
	request->map_stddev = div_u64(bench_stats_deviation(&map), 100);
	request->avg_unmap_100ns = div_u64(bench_stats_mean(&unmap), 100);
	request->unmap_stddev = div_u64(bench_stats_deviation(&unmap), 100);
	request->nr_done = map.nr;
	request->nr_failed = nr_failed;
	return 0;
}

static int set_masks(struct device *dev, u64 mask, u64 coherent_mask)
{
	int err = dma_set_mask(dev, mask);

	return err ?: dma_set_coherent_mask(dev, coherent_mask);
}

/**
 * bench_run - measure
 * @dev: the device; its masks are changed while this runs
 * @request: what bench_check() accepted; the results are filled in
 * @msecs: for how long
 *
 * Context: process context, sleeps.
 * Return: 0; -EINTR after a signal; -ENOMEM if memory was short or a mapping
 * failed; what setting the mask returned.  Only after 0 are there results.
 */
int bench_run(struct device *dev, struct map_benchmark *request,
	      unsigned int msecs)
{
	u64 old_mask = dma_get_mask(dev), old_coherent = dev->coherent_dma_mask;
	u64 mask = DMA_BIT_MASK(request->dma_bits);
	struct bench_worker *workers;
	unsigned int i;
	int err;

	workers = kvcalloc(request->threads, sizeof(*workers), GFP_KERNEL);
	if (!workers)
		return -ENOMEM;
	for (i = 0; i < request->threads; i++) {
		workers[i].dev = dev;
		workers[i].request = request;
		workers[i].mode = bench_mode_of(request->mode);
	}

	err = set_masks(dev, mask, mask);
	if (err) {
		dev_err(dev, "dma_map_benchmark: dma_bits %u: the device can't have such a mask: %pe\n",
			request->dma_bits, ERR_PTR(err));
		goto restore;
	}
	err = run_workers(workers, request->threads, msecs);
	if (!err)
		err = put_together(dev, workers, request);
restore:
	if (set_masks(dev, old_mask, old_coherent))
		dev_warn(dev, "benchmark: the masks %#llx and %#llx that were there before are refused\n",
			 old_mask, old_coherent);
	kvfree(workers);
	return err;
}
