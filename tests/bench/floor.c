// SPDX-License-Identifier: GPL-2.0
/*
 * The DMA benchmark: what plain memset() and memcpy() cost.
 *
 * A buffer has to be zeroed before a driver gets it, and a bounced one has to be
 * copied. No allocation and no mapping that does it can cost less than that.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "bench.h"

/* A request of pool-churn-50 has 9.2 pages on average. */
#define CHURN_SIZE	(9 * SZ_4K)

/* Room for a source behind the target. */
static int floor_setup(struct bench *b)
{
	b->priv = kmalloc(2 * b->row->size, GFP_KERNEL | __GFP_ZERO);
	return b->priv ? 0 : bench_fail(b, "no memory");
}

static void floor_teardown(struct bench *b)
{
	kfree(b->priv);
}

static int memset_repeat(struct bench *b, unsigned long nr)
{
	while (nr--)
		memset(b->priv, 0, b->row->size);
	return 0;
}

static int memcpy_repeat(struct bench *b, unsigned long nr)
{
	while (nr--)
		memcpy(b->priv, b->priv + b->row->size, b->row->size);
	return 0;
}

#define ROW(_name, _size, _repeat) {	\
	.name		= (_name),	\
	.size		= (_size),	\
	.setup		= floor_setup,	\
	.repeat		= (_repeat),	\
	.teardown	= floor_teardown, }

const struct bench_row bench_floor_rows[] = {
	ROW("memset-4k", SZ_4K, memset_repeat),
	ROW("memset-churn", CHURN_SIZE, memset_repeat),
	ROW("memset-64k", SZ_64K, memset_repeat),
	ROW("memset-1m", SZ_1M, memset_repeat),
	ROW("memcpy-4k", SZ_4K, memcpy_repeat),
	ROW("memcpy-128k", SZ_128K, memcpy_repeat),
	ROW("memcpy-256k", SZ_256K, memcpy_repeat),
	{ }
};
