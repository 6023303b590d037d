// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a device reaches memory: what is too rare or too long for route.h.
 */
#include <linux/dma-direct.h>
#include <linux/dma-limits.h>

#include "route.h"

#ifdef CONFIG_DMA_OPS_BYPASS
/**
 * dma_can_bypass_ops - may this device skip its dma_map_ops?
 * @dev: the device; its ops are set
 * @mask: the mask the request is subject to
 *
 * A platform that sets dev->dma_ops_bypass says: whoever can address all of
 * memory needs no translation.
 *
 * Context: any.
 * Return: true if the platform allows it and the mask covers all of memory.
 */
bool dma_can_bypass_ops(struct device *dev, u64 mask)
{
	return dev->dma_ops_bypass &&
	       dma_last_address(dev, mask) >= dma_direct_get_required_mask(dev);
}
#endif

/**
 * dma_route_name - a route in words
 * @route: the route
 *
 * Context: any.
 * Return: a static string.
 */
const char *dma_route_name(enum dma_route route)
{
	static const char * const names[] = {
		[DMA_ROUTE_DIRECT]	= "direct",
		[DMA_ROUTE_IOMMU]	= "iommu",
		[DMA_ROUTE_OPS]		= "external ops",
	};

	return names[route];
}
