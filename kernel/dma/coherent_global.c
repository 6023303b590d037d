// SPDX-License-Identifier: GPL-2.0-only
/*
 * Backend: the global pool.
 *
 * One pool of fixed memory (coherent.c) that serves whoever is not coherent and
 * has no IOMMU.  Where the architecture can make pages uncached it is the first
 * place to look; where it can't, it is the only one.
 *
 * No locks of its own: the pool is set once, and stays.
 */
#include <linux/dma-map-ops.h>

#include "backend.h"
#include "coherent.h"

static struct dma_coherent_pool *global_pool;

static const char *decline(const struct dma_request *req)
{
	return READ_ONCE(global_pool) ? NULL : "there is none";
}

/*
 * Does the global pool serve a device whose mask does not reach it?  Only where
 * there is no other memory for such devices.
 */
static bool is_only_choice(struct device *dev)
{
	if (!IS_ENABLED(CONFIG_DMA_GLOBAL_POOL))
		return false;
	dev_warn_once(dev, "global pool '%s' lies beyond the device's reach and serves it all the same: set its mask before it allocates, or move the pool\n",
		      global_pool->info.name);
	return true;
}

static struct dma_view global_view(struct device *dev)
{
	struct dma_coherent_pool *pool = READ_ONCE(global_pool);

	return (struct dma_view){
		.pool = pool,
		.base = phys_to_dma(dev, pool->phys),
		.size = pool->size,
	};
}

static int alloc(const struct dma_request *req, struct dma_allocation *record)
{
	struct dma_view view = global_view(req->dev);
	long last;
	int err;

	if (view.base == DMA_MAPPING_ERROR)
		return -ENOSPC;
	last = dma_view_last_in_reach(&view, &req->limits);
	err = last < 0 ? -ENOSPC : dma_view_take(&view, last, req, record);
	/* The pool may lie across the windows of dma-ranges. */
	if (!err && !dma_limits_reach(req->dev, &req->limits, record->phys,
				      req->size)) {
		dma_coherent_pool_free(record);
		record->done = 0;
		return -ENOSPC;
	}
	if (!err || last == dma_view_last(&view) || !is_only_choice(req->dev))
		return err;
	err = dma_view_take(&view, dma_view_last(&view), req, record);
	if (err)
		return err;
	record->dma_addr = view.base + (record->phys - view.pool->phys);
	record->done |= DMA_DONE_ADDRESSED;
	return 0;
}

static void explain(const struct dma_request *req, struct seq_buf *text)
{
	struct dma_view view = global_view(req->dev);

	dma_coherent_pool_explain(view.pool, text);
	if (view.base == DMA_MAPPING_ERROR ||
	    dma_view_last_in_reach(&view, &req->limits) < 0)
		seq_buf_puts(text, ", beyond the device's reach");
}

const struct dma_backend dma_global_pool = {
	.name		= "global pool",
	.is_unmapped	= true,
	.is_unencrypted	= true,
	.needs		= DMA_IS_DIRECT,
	.bars		= DMA_IS_COHERENT | DMA_WANTS_PAGES,
	.declines	= decline,
	.alloc		= alloc,
	.free		= dma_coherent_pool_free,
	.explain	= explain,
};

/**
 * dma_global_pool_add - make a pool the global one
 * @pool: the pool
 *
 * Context: process context.
 * Return: 0, or -EBUSY if there is one already.
 */
int dma_global_pool_add(struct dma_coherent_pool *pool)
{
	if (cmpxchg(&global_pool, NULL, pool)) {
		pr_err("dma: global pool '%s' refused: '%s' is the global pool already\n",
		       pool->info.name, global_pool->info.name);
		return -EBUSY;
	}
	atomic_inc(&pool->nr_users);
	return 0;
}

/**
 * dma_init_global_coherent - make fixed memory the global pool
 * @phys_addr: physical address, page-aligned
 * @size: in bytes, a multiple of PAGE_SIZE
 *
 * For architectures that know the memory without a device tree.
 *
 * Context: process context, may sleep.
 * Return: 0 or a negative error, with a line in the log.
 */
int dma_init_global_coherent(phys_addr_t phys_addr, size_t size)
{
	struct dma_coherent_pool *pool;
	int err;

	pool = dma_coherent_pool_create("global", phys_addr, size,
					dma_global_pool.name,
					"devices that are not coherent");
	if (IS_ERR(pool))
		return PTR_ERR(pool);
	err = dma_global_pool_add(pool);
	if (err)
		dma_coherent_pool_destroy(pool);
	return err;
}
