/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a device reaches memory.
 *
 * A device reaches memory in exactly one of three ways, and this is the only
 * place that asks which one:
 *
 *   DMA_ROUTE_DIRECT  by bus address: the CPU's physical address, shifted by
 *                     dma-ranges where the bus has an offset
 *   DMA_ROUTE_IOMMU   through the IOMMU, by drivers/iommu/dma/
 *   DMA_ROUTE_OPS     through struct dma_map_ops that a bus or a platform set
 *
 * The question is asked once per call.  A consistent buffer keeps the answer
 * in its record, so a change of the device's masks between allocation and
 * free cannot send the buffer to the wrong owner.
 */
#ifndef _KERNEL_DMA_ROUTE_H
#define _KERNEL_DMA_ROUTE_H

#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/iommu-dma.h>

#include "ops.h"

enum dma_route {
	DMA_ROUTE_DIRECT,
	DMA_ROUTE_IOMMU,
	DMA_ROUTE_OPS,
};

#ifdef CONFIG_DMA_OPS_BYPASS
bool dma_can_bypass_ops(struct device *dev, u64 mask);
#else
static inline bool dma_can_bypass_ops(struct device *dev, u64 mask)
{
	return false;
}
#endif

static __always_inline enum dma_route dma_route_by_mask(struct device *dev,
							u64 mask)
{
	if (use_dma_iommu(dev))
		return DMA_ROUTE_IOMMU;
	if (!IS_ENABLED(CONFIG_ARCH_HAS_DMA_OPS) || !get_dma_ops(dev) ||
	    dma_can_bypass_ops(dev, mask))
		return DMA_ROUTE_DIRECT;
	return DMA_ROUTE_OPS;
}

/* The route of streaming mappings. */
static __always_inline enum dma_route dma_stream_route(struct device *dev)
{
	return dma_route_by_mask(dev, *dev->dma_mask);
}

/* The route of consistent memory, which has a mask of its own. */
static __always_inline enum dma_route dma_coherent_route(struct device *dev)
{
	return dma_route_by_mask(dev, dev->coherent_dma_mask);
}

/*
 * Call the implementation of @call that serves @route.  One question, three
 * direct calls; the implementations are dma_direct_*(), iommu_dma_*() and
 * dma_ops_*(), with the same arguments.
 */
#define dma_by_route(route, call, ...)					\
({									\
	enum dma_route _route = (route);				\
									\
	_route == DMA_ROUTE_DIRECT ? dma_direct_##call(__VA_ARGS__) :	\
	IS_ENABLED(CONFIG_IOMMU_DMA) && _route == DMA_ROUTE_IOMMU ?	\
				    iommu_dma_##call(__VA_ARGS__) :	\
				    dma_ops_##call(__VA_ARGS__);	\
})

const char *dma_route_name(enum dma_route route);

#endif /* _KERNEL_DMA_ROUTE_H */
