/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pools of memory that is not part of the kernel's linear mapping.
 */
#ifndef _KERNEL_DMA_COHERENT_H
#define _KERNEL_DMA_COHERENT_H

#include <linux/device.h>
#include <linux/types.h>

struct dma_coherent_pool;

struct dma_coherent_pool *dma_coherent_pool_create(const char *name,
						   phys_addr_t phys,
						   size_t size,
						   const char *kind,
						   const char *users);
void dma_coherent_pool_destroy(struct dma_coherent_pool *pool);
int dma_coherent_pool_bind(struct device *dev, struct dma_coherent_pool *pool);
void dma_coherent_pool_unbind(struct device *dev,
			      struct dma_coherent_pool *pool);
int dma_global_pool_add(struct dma_coherent_pool *pool);

#ifdef CONFIG_DMA_DECLARE_COHERENT
static inline bool dma_has_device_pool(struct device *dev)
{
	return dev->dma_mem;
}
#else
static inline bool dma_has_device_pool(struct device *dev)
{
	return false;
}
#endif

#endif /* _KERNEL_DMA_COHERENT_H */
