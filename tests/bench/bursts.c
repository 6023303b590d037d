// SPDX-License-Identifier: GPL-2.0
/*
 * The DMA benchmark: consistent buffers as drivers have them, many at a time.
 *
 * A driver that starts allocates its rings one after the other, and frees them
 * when it ends; so bursts are measured, per buffer, also the first one after a
 * while in which nobody wanted anything. A buffer is allocated and freed beside
 * many others that live on; and sizes change from one buffer to the next.
 */
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/minmax.h>
#include <linux/prandom.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "bench.h"

struct buffer {
	void *cpu_addr;
	dma_addr_t dma_addr;
	size_t size;
};

static int take(struct bench *b, struct buffer *buffer, size_t size)
{
	buffer->size = size;
	buffer->cpu_addr = dma_alloc_coherent(b->dev, size, &buffer->dma_addr,
					      b->row->gfp);
	return buffer->cpu_addr ? 0 :
	       bench_fail(b, "a buffer of %zu bytes was refused", size);
}

static void give(struct bench *b, struct buffer *buffer)
{
	if (buffer->cpu_addr)
		dma_free_coherent(b->dev, buffer->size, buffer->cpu_addr,
				  buffer->dma_addr);
	buffer->cpu_addr = NULL;
}

/* Room for those of a burst, and behind them for those that live. */
static int make_buffers(struct bench *b)
{
	struct buffer *buffers = vcalloc(b->row->burst + b->row->live,
					 sizeof(*buffers));
	int err = 0;

	if (!buffers)
		return bench_fail(b, "no memory");
	b->priv = buffers;
	buffers += b->row->burst;
	for (unsigned int i = 0; i < b->row->live && !err; i++)
		err = take(b, &buffers[i], b->row->size);
	return err;
}

static int burst_setup(struct bench *b)
{
	return bench_consistent_setup(b) ?: make_buffers(b);
}

static int default_cma_setup(struct bench *b)
{
	return bench_default_cma_setup(b) ?: make_buffers(b);
}

static void burst_teardown(struct bench *b)
{
	struct buffer *buffers = b->priv;

	for (unsigned int i = 0; buffers && i < b->row->burst + b->row->live; i++)
		give(b, &buffers[i]);
	vfree(buffers);
}

static int burst_repeat(struct bench *b, unsigned long nr)
{
	struct buffer *buffers = b->priv;
	int err = 0;

	while (nr && !err) {
		unsigned int nr_now = min_t(unsigned long, nr, b->row->burst);

		for (unsigned int i = 0; i < nr_now && !err; i++)
			err = take(b, &buffers[i], b->row->size);
		for (unsigned int i = 0; i < nr_now; i++)
			give(b, &buffers[i]);
		nr -= nr_now;
	}
	return err;
}

/* A ring, a table, a frame; and another ring. */
static int mixed_repeat(struct bench *b, unsigned long nr)
{
	static const size_t sizes[] = { SZ_4K, SZ_64K, SZ_16K, SZ_8K };
	struct buffer buffer = {};
	int err = 0;

	for (unsigned long i = 0; i < nr && !err; i++) {
		err = take(b, &buffer, sizes[i % ARRAY_SIZE(sizes)]);
		give(b, &buffer);
	}
	return err;
}

/* An area in use for a long time */

#define NR_SMALL	2048	/* buffers of up to 64 KiB, a quarter of them live */
#define NR_LARGE	8	/* buffers of 1 MiB */
#define NR_ROUNDS	3000

static int churn(struct bench *b, struct buffer *buffers, struct rnd_state *rnd)
{
	int err = 0;

	for (unsigned int i = 0; i < 16 && !err; i++) {
		struct buffer *buffer = &buffers[prandom_u32_state(rnd) % NR_SMALL];
		bool is_held = buffer->cpu_addr;

		give(b, buffer);
		if (!is_held && prandom_u32_state(rnd) % 3 == 0)
			err = take(b, buffer,
				   SZ_8K << prandom_u32_state(rnd) % 4);
	}
	return err;
}

static bool is_in_place(struct bench *b, const struct buffer *buffer)
{
	return bench_place_contains(&b->place,
				    bench_device_to_phys(b->dev, buffer->dma_addr),
				    buffer->size);
}

/* How many buffers of 1 MiB the area has left, of which a quarter lives on */
static int churn_share(struct bench *b, u64 *hundredths)
{
	struct buffer *small = b->priv, *large = small + NR_SMALL;
	unsigned int nr = 0;
	struct rnd_state rnd;
	int err = 0;

	prandom_seed_state(&rnd, 1);
	for (unsigned int i = 0; i < NR_ROUNDS && !err; i++) {
		err = churn(b, small, &rnd);
		give(b, &large[i % NR_LARGE]);
		if (!err && i % 2)
			err = take(b, &large[i % NR_LARGE], SZ_1M);
		msleep(20);
	}
	for (unsigned int i = 0; i < NR_LARGE; i++)
		give(b, &large[i]);
	if (err)
		return err;
	/* What is cached anywhere has time to come back. */
	ssleep(4);
	while (nr < b->row->live && !take(b, &large[nr], SZ_1M) &&
	       is_in_place(b, &large[nr]))
		nr++;
	*hundredths = nr * 100;
	return 0;
}

static int churn_setup(struct bench *b)
{
	b->priv = vcalloc(NR_SMALL + b->row->live, sizeof(struct buffer));
	return b->priv ? bench_default_cma_setup(b) : bench_fail(b, "no memory");
}

static void churn_teardown(struct bench *b)
{
	struct buffer *buffers = b->priv;

	for (unsigned int i = 0; buffers && i < NR_SMALL + b->row->live; i++)
		give(b, &buffers[i]);
	vfree(buffers);
}

#define ROW(_name, _device, _size, _burst, _setup, ...) {	\
	.name	= (_name),				\
	.device	= (_device),				\
	.size	= (_size),				\
	.gfp	= GFP_KERNEL,				\
	.burst	= (_burst),				\
	.setup	= (_setup),				\
	.repeat	= burst_repeat,				\
	.teardown = burst_teardown,			\
	__VA_ARGS__ }

#define BURST(_name, _device, _size, _burst, _setup)	\
	ROW(_name, _device, _size, _burst, _setup)

/* The first burst after four seconds, once per measurement */
#define FIRST(_name, _device, _size, _burst, _setup)	\
	ROW(_name, _device, _size, _burst, _setup, .rest = 4)

#define LIVE(_name, _device, _live)			\
	ROW(_name, _device, SZ_4K, 1, burst_setup, .live = (_live))

#define MIXED(_name, _device) {				\
	.name	= (_name),				\
	.device	= (_device),				\
	.size	= SZ_64K,				\
	.gfp	= GFP_KERNEL,				\
	.setup	= bench_consistent_setup,		\
	.repeat	= mixed_repeat, }

const struct bench_row bench_burst_rows[] = {
	BURST("burst-pages-4k", "coherent", SZ_4K, 128, burst_setup),
	LIVE("live-10-pages-4k", "coherent", 10),
	LIVE("live-1k-pages-4k", "coherent", 1000),
	LIVE("live-100k-pages-4k", "coherent", 100000),
	BURST("burst-cma-default-64k", "coherent", SZ_64K, 64, default_cma_setup),
	FIRST("first-cma-default-64k", "coherent", SZ_64K, 64, default_cma_setup),
	BURST("burst-cma-default-1m", "coherent", SZ_1M, 8, default_cma_setup),
	FIRST("first-cma-default-1m", "coherent", SZ_1M, 8, default_cma_setup),
	BURST("burst-cma-device-4k", "cma", SZ_4K, 128, burst_setup),
	FIRST("first-cma-device-4k", "cma", SZ_4K, 128, burst_setup),
	LIVE("live-2k-cma-device-4k", "cma", 2000),
	BURST("burst-cma-device-64k", "cma", SZ_64K, 64, burst_setup),
	BURST("burst-cma-device-1m", "cma", SZ_1M, 8, burst_setup),
	BURST("burst-noncoherent-4k", "noncoherent", SZ_4K, 128, burst_setup),
	FIRST("first-noncoherent-4k", "noncoherent", SZ_4K, 128, burst_setup),
	BURST("burst-noncoherent-64k", "noncoherent", SZ_64K, 64, burst_setup),
	BURST("burst-noncoherent-1m", "noncoherent", SZ_1M, 8, burst_setup),
	BURST("burst-pool-4k", "pool", SZ_4K, 128, burst_setup),
	LIVE("live-3k-pool-4k", "pool", 3000),
	MIXED("mixed-cma-device", "cma"),
	MIXED("mixed-noncoherent", "noncoherent"),
	{
		.name	= "churn-cma-default-left",
		.device	= "coherent",
		.size	= SZ_64K,
		.gfp	= GFP_KERNEL,
		.live	= 64,
		.setup	= churn_setup,
		.share	= churn_share,
		.teardown = churn_teardown,
	},
	{ }
};
