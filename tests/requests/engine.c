// SPDX-License-Identifier: GPL-2.0
/*
 * Copies between consistent buffers by a real DMA engine.
 *
 * Any memcpy channel of the dmaengine framework serves. Buffers come from every
 * source that the board's test devices have: device pool, global pool, device
 * CMA area, default CMA area. Each is copied to each, itself included, and the
 * bytes are compared. The engine sits on the same bus as the test devices, so the
 * addresses that they were given are good for it too; that is checked first.
 *
 * A non-coherent device gets memory from a CMA area only when the global pool
 * has nothing left: the pool is filled for as long as these buffers are taken.
 *
 * The device tree says whether the board has an engine (dma-requests,engine), so
 * that one that doesn't come up is a failure.
 */
#include <linux/completion.h>
#include <linux/dma-map-ops.h>
#include <linux/dmaengine.h>
#include <linux/of.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "requests.h"

#define COPY_SIZE	SZ_64K
#define COPY_TIMEOUT	msecs_to_jiffies(5000)
#define MAX_SOURCES	4

/* Two buffers of one backend: where data comes from and where it goes. */
struct source {
	const char *backend;
	const struct test_device *t;
	void *cpu_addr[2];
	dma_addr_t dma_addr[2];
};

static const struct request buffer_request = { .size = COPY_SIZE };

static bool is_engine_expected(void)
{
	struct device_node *np = of_find_node_with_property(NULL, "dma-requests,engine");

	of_node_put(np);
	return np;
}

/* The engine is on the bus without windows and without an IOMMU. */
static bool shares_bus(const struct test_device *t)
{
	return !t->mask_error && !t->bind_error && !is_translated(t->dev) &&
	       !t->dev->dma_range_map && !t->restricted.size && !dev_is_dma_coherent(t->dev);
}

static const struct test_device *find_device(struct run *run, bool has_pool, bool has_cma)
{
	const struct test_device *t;

	list_for_each_entry(t, run->devices, list)
		if (shares_bus(t) && !!t->nr_pools == has_pool && !!t->cma.size == has_cma)
			return t;
	return NULL;
}

static void free_source(struct source *s)
{
	for (int i = 0; i < 2; i++)
		if (s->cpu_addr[i])
			consistent_free(s->t, &buffer_request, s->cpu_addr[i], s->dma_addr[i]);
	*s = (struct source){};
}

/* Two buffers, from the backend that the policy asks for at this moment. */
static bool fill_source(struct run *run, const struct test_device *t, struct dma_chan *chan,
			struct source *s)
{
	u64 limit = consistent_limit(chan->device->dev);
	struct row *row = table_add(run, t->name, "buffers for the engine");
	struct expectation e;

	if (!row)
		return false;
	expect_consistent(run, t, &buffer_request, &e);
	s->t = t;
	s->backend = e.backend;
	for (int i = 0; i < 2; i++) {
		const char *owner;

		s->cpu_addr[i] = consistent_alloc(t, &buffer_request, 0, &s->dma_addr[i]);
		owner = s->cpu_addr[i] ? request_backend(t, s->dma_addr[i]) : "nobody";
		row->backend = owner;
		row->cpu_addr = s->cpu_addr[i];
		row->dma_addr = s->dma_addr[i];
		row->has_addresses = s->cpu_addr[i];
		if (!owner || !e.backend || strcmp(owner, e.backend)) {
			table_fail(run, row, "served by %s, expected %s", owner ?: "nobody",
				   e.backend ?: "a refusal");
			return false;
		}
		if (s->dma_addr[i] + COPY_SIZE - 1 > limit) {
			table_fail(run, row, "out of the engine's reach, %#llx", limit);
			return false;
		}
	}
	table_pass(run, row);
	return true;
}

static void copy_done(void *arg)
{
	complete(arg);
}

static int copy(struct dma_chan *chan, dma_addr_t dst, dma_addr_t src)
{
	DECLARE_COMPLETION_ONSTACK(done);
	struct dma_async_tx_descriptor *tx;
	dma_cookie_t cookie;

	tx = dmaengine_prep_dma_memcpy(chan, dst, src, COPY_SIZE,
				       DMA_PREP_INTERRUPT | DMA_CTRL_ACK);
	if (!tx)
		return -EIO;
	tx->callback = copy_done;
	tx->callback_param = &done;
	cookie = dmaengine_submit(tx);
	if (dma_submit_error(cookie))
		return cookie;
	dma_async_issue_pending(chan);
	if (!wait_for_completion_timeout(&done, COPY_TIMEOUT)) {
		/* The completion goes out of scope: nobody may signal it later. */
		dmaengine_terminate_sync(chan);
		return -ETIMEDOUT;
	}
	return dma_async_is_tx_complete(chan, cookie, NULL, NULL) == DMA_COMPLETE ? 0 : -EIO;
}

static u32 pattern(u32 seed, size_t word)
{
	return seed + word * 0x9e3779b1;
}

static void fill(u32 *words, u32 seed)
{
	for (size_t i = 0; i < COPY_SIZE / sizeof(*words); i++)
		WRITE_ONCE(words[i], pattern(seed, i));
}

static size_t first_difference(const u32 *words, u32 seed)
{
	for (size_t i = 0; i < COPY_SIZE / sizeof(*words); i++)
		if (READ_ONCE(words[i]) != pattern(seed, i))
			return i * sizeof(*words);
	return COPY_SIZE;
}

static void run_copy(struct run *run, struct dma_chan *chan, const struct source *from,
		     const struct source *to)
{
	static u32 seed = 1;
	struct row *row;
	size_t bad;
	int err;

	row = table_add(run, dma_chan_name(chan), "dmaengine copy %s->%s", from->backend,
			to->backend);
	if (!row)
		return;
	row->backend = to->backend;
	row->cpu_addr = to->cpu_addr[1];
	row->dma_addr = to->dma_addr[1];
	row->has_addresses = true;

	seed += 2;
	fill(from->cpu_addr[0], seed);
	fill(to->cpu_addr[1], ~seed);
	err = copy(chan, to->dma_addr[1], from->dma_addr[0]);
	if (err)
		return table_fail(run, row, "the engine's answer: error %pe", ERR_PTR(err));
	bad = first_difference(to->cpu_addr[1], seed);
	if (bad < COPY_SIZE)
		return table_fail(run, row, "wrong data at byte %zu of the target", bad);
	bad = first_difference(from->cpu_addr[0], seed);
	if (bad < COPY_SIZE)
		return table_fail(run, row, "the source changed at byte %zu", bad);
	table_pass(run, row);
}

static bool alloc_source(struct run *run, const struct test_device *t, struct dma_chan *chan,
			 struct source *s)
{
	struct row *row;

	if (!t) {
		row = table_add(run, "-", "buffers for the engine");
		if (row)
			table_fail(run, row, "a kind of device is missing or was not set up");
		return false;
	}
	if (fill_source(run, t, chan, s))
		return true;
	free_source(s);
	return false;
}

/* Take buffers of every kind: device pool, global pool, device CMA, default CMA. */
static unsigned int alloc_sources(struct run *run, struct dma_chan *chan, struct source *sources)
{
	const struct test_device *pool = find_device(run, true, false);
	const struct test_device *cma = find_device(run, false, true);
	const struct test_device *plain = find_device(run, false, false);
	unsigned int nr = 0;
	LIST_HEAD(held);

	nr += alloc_source(run, pool, chan, &sources[nr]);
	nr += alloc_source(run, plain, chan, &sources[nr]);
	if (plain && uses_global_pool(plain) && global_pool_fill(run, plain, &held)) {
		struct row *row = table_add(run, plain->name, "fill the global pool");

		if (row)
			table_fail(run, row, "no memory to note what is held");
	} else {
		nr += alloc_source(run, cma, chan, &sources[nr]);
		nr += alloc_source(run, plain, chan, &sources[nr]);
	}
	if (plain)
		global_pool_drain(run, plain, &held);
	return nr;
}

static void run_copies(struct run *run, struct dma_chan *chan)
{
	struct source sources[MAX_SOURCES] = {};
	unsigned int nr = alloc_sources(run, chan, sources);

	for (unsigned int i = 0; i < nr * nr; i++)
		run_copy(run, chan, &sources[i / nr], &sources[i % nr]);
	for (unsigned int i = 0; i < nr; i++)
		free_source(&sources[i]);
}

/**
 * run_engine() - let a DMA engine copy between buffers of all sources
 * @run: the run
 *
 * Context: process, may sleep.
 */
void run_engine(struct run *run)
{
	struct dma_chan *chan;
	dma_cap_mask_t mask;
	struct row *row;

	if (!is_engine_expected())
		return;
	dma_cap_zero(mask);
	dma_cap_set(DMA_MEMCPY, mask);
	chan = dma_request_chan_by_mask(&mask);
	if (IS_ERR(chan)) {
		row = table_add(run, "-", "dmaengine channel");
		if (row)
			table_fail(run, row, "no memcpy channel: error %pe, expected one", chan);
		return;
	}
	run_copies(run, chan);
	dma_release_channel(chan);
}
