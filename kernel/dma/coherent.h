/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pools of memory that is not part of the kernel's linear mapping.
 */
#ifndef _KERNEL_DMA_COHERENT_H
#define _KERNEL_DMA_COHERENT_H

#include <linux/atomic.h>
#include <linux/dma-cache.h>
#include <linux/device.h>
#include <linux/types.h>

#include "backend.h"
#include "device.h"
#include "stat.h"

struct dma_region;

/**
 * struct dma_coherent_pool - one piece of fixed memory
 * @info: as people see it; in the list of stat.c
 * @memory: that the linear mapping does not have it
 * @region: which pages are taken
 * @phys: physical address
 * @size: in bytes
 * @cpu_base: where the kernel has it mapped
 * @nr_users: bindings, and one for the global pool
 */
struct dma_coherent_pool {
	struct dma_pool_info	info;
	struct dma_unmapped	memory;
	struct dma_region	*region;
	phys_addr_t		phys;
	size_t			size;
	void			*cpu_base;
	atomic_t		nr_users;
};

/**
 * struct dma_view - a pool, or a part of it, as one device sees it
 * @pool: the pool
 * @base: where it starts for the device
 * @size: how much there is, in bytes
 */
struct dma_view {
	struct dma_coherent_pool	*pool;
	dma_addr_t			base;
	size_t				size;
};

/* The last page that there is for the device, from the pool's start. */
static inline unsigned long dma_view_last(const struct dma_view *view)
{
	return (view->size >> PAGE_SHIFT) - 1;
}

struct dma_coherent_pool *dma_coherent_pool_create(const char *name,
						   phys_addr_t phys,
						   size_t size,
						   const char *kind,
						   const char *users);
void dma_coherent_pool_destroy(struct dma_coherent_pool *pool);
int dma_coherent_pool_bind(struct device *dev, struct dma_coherent_pool *pool);
void dma_coherent_pool_unbind(struct device *dev,
			      struct dma_coherent_pool *pool);
int dma_view_take(const struct dma_view *view, unsigned long last,
		  const struct dma_request *req, struct dma_allocation *record);
long dma_view_last_in_reach(const struct dma_view *view,
			    const struct dma_limits *limits);
void dma_coherent_pool_free(struct dma_allocation *record);
void dma_coherent_pool_explain(const struct dma_coherent_pool *pool,
			       struct seq_buf *text);

/* coherent_global.c */
int dma_global_pool_add(struct dma_coherent_pool *pool);

#ifdef CONFIG_DMA_DECLARE_COHERENT
static inline bool dma_has_device_pool(struct device *dev)
{
	struct dev_dma *dma = dma_device_find(dev);

	return dma && !list_empty(&dma->pools);
}
#else
static inline bool dma_has_device_pool(struct device *dev)
{
	return false;
}
#endif

#endif /* _KERNEL_DMA_COHERENT_H */
