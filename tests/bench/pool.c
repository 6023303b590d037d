// SPDX-License-Identifier: GPL-2.0
/*
 * The DMA benchmark: a device pool with buffers of many sizes in it.
 *
 * A pool is filled in a cycle of sizes, to see how much of it can be handed out
 * at all; or kept at a certain fill while buffers come and go, to see what is
 * refused, and what a request costs.
 *
 * Coming and going: each step asks for one buffer of a random size; before that,
 * buffers picked at random are freed until the request doesn't exceed the fill.
 * When it is refused all the same, one more is freed: a kernel that wastes so much
 * that it never gets to that fill would refuse everything ever after otherwise.
 * The random numbers are the same in each run and in both kernels.
 */
#include <linux/array_size.h>
#include <linux/bits.h>
#include <linux/math.h>
#include <linux/prandom.h>
#include <linux/slab.h>

#include "bench.h"

#define SEED		6
#define NR_CHURN	8192	/* steps of which the refused ones are counted */

struct piece {
	void *cpu_addr;
	dma_addr_t dma_addr;
	unsigned long nr_pages;
};

/**
 * struct fill - what the pool holds
 * @rnd: random numbers
 * @nr_pages: of the pool
 * @nr_used: pages handed out, as they were asked for
 * @nr_pieces: buffers handed out
 * @pieces: these; no more than @nr_pages
 */
struct fill {
	struct rnd_state rnd;
	unsigned long nr_pages;
	unsigned long nr_used;
	unsigned int nr_pieces;
	struct piece pieces[];
};

static u32 below(struct fill *f, u32 end)
{
	return reciprocal_scale(prandom_u32_state(&f->rnd), end);
}

/* 1 to 33 pages, each power of two as often as the next. */
static unsigned long mixed_size(struct fill *f)
{
	u32 order = below(f, 5);

	if (!below(f, 64))
		return 32 + below(f, 2);
	return BIT(order) + below(f, BIT(order));
}

static bool take(struct bench *b, unsigned long nr_pages)
{
	struct piece piece = { .nr_pages = nr_pages };
	struct fill *f = b->priv;

	piece.cpu_addr = dma_alloc_attrs(b->dev, nr_pages * PAGE_SIZE, &piece.dma_addr,
					 GFP_KERNEL, DMA_ATTR_NO_WARN);
	if (!piece.cpu_addr)
		return false;
	f->pieces[f->nr_pieces++] = piece;
	f->nr_used += nr_pages;
	return true;
}

static void give(struct bench *b, unsigned int n)
{
	struct fill *f = b->priv;
	struct piece *piece = &f->pieces[n];

	dma_free_attrs(b->dev, piece->nr_pages * PAGE_SIZE, piece->cpu_addr,
		       piece->dma_addr, 0);
	f->nr_used -= piece->nr_pages;
	*piece = f->pieces[--f->nr_pieces];
}

/* One request at @percent of fill. True when it was served. */
static bool churn(struct bench *b, unsigned int percent)
{
	struct fill *f = b->priv;
	unsigned long nr_pages = mixed_size(f);

	while ((f->nr_used + nr_pages) * 100 > f->nr_pages * percent)
		give(b, below(f, f->nr_pieces));
	if (take(b, nr_pages))
		return true;
	if (f->nr_pieces)
		give(b, below(f, f->nr_pieces));
	return false;
}

static int check_pieces(struct bench *b)
{
	struct fill *f = b->priv;

	for (unsigned int i = 0; i < f->nr_pieces; i++)
		if (!bench_place_contains(&b->place, f->pieces[i].dma_addr,
					  f->pieces[i].nr_pages * PAGE_SIZE))
			return bench_fail(b, "a buffer lies at %pad, outside of the pool",
					  &f->pieces[i].dma_addr);
	return 0;
}

static int fill_setup(struct bench *b)
{
	unsigned long nr_pages = b->place.size / PAGE_SIZE;
	struct fill *f;

	if (!nr_pages)
		return bench_fail(b, "the device has no pool");
	f = kvzalloc(struct_size(f, pieces, nr_pages), GFP_KERNEL);
	if (!f)
		return bench_fail(b, "no memory");
	f->nr_pages = nr_pages;
	prandom_seed_state(&f->rnd, SEED);
	b->priv = f;
	return 0;
}

static void fill_teardown(struct bench *b)
{
	struct fill *f = b->priv;

	if (!f)
		return;
	while (f->nr_pieces)
		give(b, f->nr_pieces - 1);
	kvfree(f);
}

/* How much is handed out by the time that even one page is refused? */
static int cycle_share(struct bench *b, u64 *hundredths)
{
	unsigned long sizes[] = { 33, 3, 5, 17 };
	unsigned int i, nr_sizes = ARRAY_SIZE(sizes);
	struct fill *f = b->priv;

	for (i = 0; nr_sizes; i++) {
		unsigned long *nr_pages = &sizes[i % ARRAY_SIZE(sizes)];

		if (*nr_pages && !take(b, *nr_pages)) {
			*nr_pages = 0;
			nr_sizes--;
		}
	}
	while (take(b, 1))
		;
	*hundredths = f->nr_used * 10000 / f->nr_pages;
	return check_pieces(b);
}

/* How many requests are refused, once the fill is what it stays? */
static int churn_share(struct bench *b, u64 *hundredths)
{
	unsigned long nr_refused = 0;
	unsigned int i;

	for (i = 0; i < NR_CHURN / 4; i++)
		churn(b, 80);
	for (i = 0; i < NR_CHURN; i++)
		nr_refused += !churn(b, 80);
	*hundredths = nr_refused * 10000 / NR_CHURN;
	return check_pieces(b);
}

static int churn_repeat(struct bench *b, unsigned long nr)
{
	struct fill *f = b->priv;

	while (nr--)
		churn(b, 50);
	return f->nr_pieces ? 0 : bench_fail(b, "every request was refused");
}

const struct bench_row bench_pool_rows[] = {
	{
		.name		= "pool-cycle-share",
		.device		= "pool",
		.setup		= fill_setup,
		.share		= cycle_share,
		.teardown	= fill_teardown,
	},
	{
		.name		= "pool-churn-80-refused",
		.device		= "pool",
		.setup		= fill_setup,
		.share		= churn_share,
		.teardown	= fill_teardown,
	},
	{
		.name		= "pool-churn-50",
		.device		= "pool",
		.nr		= NR_CHURN,
		.setup		= fill_setup,
		.repeat		= churn_repeat,
		.teardown	= fill_teardown,
	},
	{ }
};
