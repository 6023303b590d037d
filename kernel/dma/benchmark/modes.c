// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the benchmark can measure.
 *
 * Each mode works on what belongs to one thread, so there are no locks.  What
 * it needs besides the calls that are measured is taken before and given back
 * after, and clean() copes with a prepare() that failed half way.
 */
#include <kunit/static_stub.h>
#include <linux/array_size.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "benchmark.h"

/* Too large a request is to be refused, not to set off the OOM killer. */
#define GFP_BENCH	(GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN)

static size_t granule_of(const struct bench_worker *worker)
{
	return (size_t)worker->request->granule << PAGE_SHIFT;
}

static unsigned int order_of(const struct bench_worker *worker)
{
	return get_order(granule_of(worker));
}

/**
 * bench_get_pages - memory for streaming, near the thread
 * @worker: whose
 * @order: 2^order pages
 *
 * From the node that is wanted; if it is any, from the one where the thread is.
 * Not static so that tests can see who calls it.
 *
 * Context: process context, may sleep: the thread itself.
 * Return: the first page, or NULL.
 */
struct page *bench_get_pages(struct bench_worker *worker, unsigned int order)
{
	KUNIT_STATIC_STUB_REDIRECT(bench_get_pages, worker, order);
	return alloc_pages_node(worker->request->node, GFP_BENCH, order);
}

static void *get_memory(struct bench_worker *worker)
{
	struct page *page = bench_get_pages(worker, order_of(worker));

	return page ? page_address(page) : NULL;
}

static void put_memory(struct bench_worker *worker, void *memory)
{
	free_pages((unsigned long)memory, order_of(worker));
}

/* What the CPU has just written lies in its caches, as it does in a driver. */
static void write_memory(struct bench_worker *worker, void *memory)
{
	if (worker->request->dma_dir != DMA_MAP_FROM_DEVICE)
		memset(memory, (u8)worker->map.nr, granule_of(worker));
}

/* A buffer */

static int single_prepare(struct bench_worker *worker)
{
	worker->cpu_addr = get_memory(worker);
	return worker->cpu_addr ? 0 : -ENOMEM;
}

static void single_choose(struct bench_worker *worker)
{
	write_memory(worker, worker->cpu_addr);
}

static bool single_map(struct bench_worker *worker)
{
	worker->dma_addr = dma_map_single(worker->dev, worker->cpu_addr,
					  granule_of(worker),
					  worker->request->dma_dir);
	return !dma_mapping_error(worker->dev, worker->dma_addr);
}

static bool single_unmap(struct bench_worker *worker)
{
	dma_unmap_single(worker->dev, worker->dma_addr, granule_of(worker),
			 worker->request->dma_dir);
	return true;
}

static void single_clean(struct bench_worker *worker)
{
	if (worker->cpu_addr)
		put_memory(worker, worker->cpu_addr);
}

/* A scatterlist; an entry without a page has got no memory. */

static int sg_prepare(struct bench_worker *worker)
{
	struct scatterlist *sg;
	void *memory;
	int i;

	if (sg_alloc_table(&worker->sgt, worker->request->nents, GFP_BENCH))
		return -ENOMEM;
	for_each_sgtable_sg(&worker->sgt, sg, i) {
		memory = get_memory(worker);
		if (!memory)
			return -ENOMEM;
		sg_set_buf(sg, memory, granule_of(worker));
	}
	return 0;
}

static void sg_choose(struct bench_worker *worker)
{
	struct scatterlist *sg;
	int i;

	for_each_sgtable_sg(&worker->sgt, sg, i)
		write_memory(worker, sg_virt(sg));
}

static bool sg_map(struct bench_worker *worker)
{
	return !dma_map_sgtable(worker->dev, &worker->sgt,
				worker->request->dma_dir, 0);
}

static bool sg_unmap(struct bench_worker *worker)
{
	dma_unmap_sgtable(worker->dev, &worker->sgt, worker->request->dma_dir,
			  0);
	return true;
}

static void sg_clean(struct bench_worker *worker)
{
	struct scatterlist *sg;
	int i;

	if (!worker->sgt.sgl)
		return;
	for_each_sgtable_sg(&worker->sgt, sg, i)
		if (sg_page(sg))
			put_memory(worker, sg_virt(sg));
	sg_free_table(&worker->sgt);
}

/* A consistent buffer */

static bool alloc_map(struct bench_worker *worker)
{
	worker->cpu_addr = dma_alloc_coherent(worker->dev, granule_of(worker),
					      &worker->dma_addr,
					      GFP_BENCH);
	return worker->cpu_addr;
}

static bool alloc_unmap(struct bench_worker *worker)
{
	dma_free_coherent(worker->dev, granule_of(worker), worker->cpu_addr,
			  worker->dma_addr);
	return true;
}

/*
 * Churn: of nents places for buffers, the chosen one, which is empty, gets one of
 * random size; then a random place is chosen, and loses its buffer if it has one.
 */

static int churn_prepare(struct bench_worker *worker)
{
	worker->buffers = kvcalloc(worker->request->nents,
				   sizeof(*worker->buffers), GFP_KERNEL);
	if (!worker->buffers)
		return -ENOMEM;
	worker->chosen = worker->buffers;
	prandom_seed_state(&worker->random, get_random_u64());
	return 0;
}

static bool churn_map(struct bench_worker *worker)
{
	struct bench_buffer *buffer = worker->chosen;
	u32 random = prandom_u32_state(&worker->random);

	buffer->size = (1 + random % worker->request->granule) << PAGE_SHIFT;
	buffer->cpu_addr = dma_alloc_coherent(worker->dev, buffer->size,
					      &buffer->dma_addr,
					      GFP_BENCH);
	return buffer->cpu_addr;
}

static bool churn_free(struct bench_worker *worker,
		       struct bench_buffer *buffer)
{
	if (!buffer->cpu_addr)
		return false;
	dma_free_coherent(worker->dev, buffer->size, buffer->cpu_addr,
			  buffer->dma_addr);
	buffer->cpu_addr = NULL;
	return true;
}

static bool churn_unmap(struct bench_worker *worker)
{
	u32 random = prandom_u32_state(&worker->random);

	worker->chosen = &worker->buffers[random % worker->request->nents];
	return churn_free(worker, worker->chosen);
}

static void churn_clean(struct bench_worker *worker)
{
	unsigned int i;

	if (!worker->buffers)
		return;
	for (i = 0; i < worker->request->nents; i++)
		churn_free(worker, &worker->buffers[i]);
	kvfree(worker->buffers);
}

static const struct bench_mode modes[] = {
	[DMA_MAP_MODE_SINGLE] = {
		.name = "single",
		.prepare = single_prepare,
		.choose = single_choose,
		.map = single_map,
		.unmap = single_unmap,
		.clean = single_clean,
	},
	[DMA_MAP_MODE_SG] = {
		.name = "scatterlist",
		.has_nents = true,
		.prepare = sg_prepare,
		.choose = sg_choose,
		.map = sg_map,
		.unmap = sg_unmap,
		.clean = sg_clean,
	},
	[DMA_MAP_MODE_ALLOC] = {
		.name = "alloc",
		.map = alloc_map,
		.unmap = alloc_unmap,
	},
	[DMA_MAP_MODE_CHURN] = {
		.name = "churn",
		.has_nents = true,
		.may_fail = true,
		.prepare = churn_prepare,
		.map = churn_map,
		.unmap = churn_unmap,
		.clean = churn_clean,
	},
};

/**
 * bench_mode_of - the mode of a number
 * @mode: DMA_MAP_MODE_*
 *
 * Context: any.
 * Return: the mode, or NULL if there is none.
 */
const struct bench_mode *bench_mode_of(unsigned int mode)
{
	return mode < ARRAY_SIZE(modes) ? &modes[mode] : NULL;
}
