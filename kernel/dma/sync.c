// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entry points for handing a live streaming mapping back and forth.
 *
 * Drivers come here through inline wrappers that return at once for a device
 * that needs none of this: see dma_dev_need_sync() in linux/dma-mapping.h.
 *
 * No locks.
 */
#include <linux/dma-map-ops.h>
#include <linux/export.h>

#include "direct.h"
#include "observe.h"
#include "route.h"

/**
 * __dma_sync_single_for_cpu - let the CPU look at a mapping
 * @dev: the device
 * @addr: the device's address; may lie inside the mapping
 * @size: in bytes
 * @dir: as at mapping
 *
 * Context: any.
 */
void __dma_sync_single_for_cpu(struct device *dev, dma_addr_t addr,
			       size_t size, enum dma_data_direction dir)
{
	if (WARN_ON_ONCE(!valid_dma_direction(dir)))
		return;
	dma_by_route(dma_stream_route(dev), sync_single_for_cpu, dev, addr,
		     size, dir);
	if (dma_debug_is_rehearsing())
		dma_rehearse_sync(dev, addr, size, true);
	dma_saw_sync_single_for_cpu(dev, addr, size, dir);
}
EXPORT_SYMBOL(__dma_sync_single_for_cpu);

/**
 * __dma_sync_single_for_device - let the device look at a mapping again
 * @dev: the device
 * @addr: the device's address; may lie inside the mapping
 * @size: in bytes
 * @dir: as at mapping
 *
 * Context: any.
 */
void __dma_sync_single_for_device(struct device *dev, dma_addr_t addr,
				  size_t size, enum dma_data_direction dir)
{
	if (WARN_ON_ONCE(!valid_dma_direction(dir)))
		return;
	if (dma_debug_is_rehearsing())
		dma_rehearse_sync(dev, addr, size, false);
	dma_by_route(dma_stream_route(dev), sync_single_for_device, dev, addr,
		     size, dir);
	dma_saw_sync_single_for_device(dev, addr, size, dir);
}
EXPORT_SYMBOL(__dma_sync_single_for_device);

/**
 * __dma_sync_sg_for_cpu - let the CPU look at a mapped list
 * @dev: the device
 * @sg: the list
 * @nelems: number of entries as at mapping
 * @dir: as at mapping
 *
 * Context: any.
 */
void __dma_sync_sg_for_cpu(struct device *dev, struct scatterlist *sg,
			   int nelems, enum dma_data_direction dir)
{
	if (WARN_ON_ONCE(!valid_dma_direction(dir)))
		return;
	dma_by_route(dma_stream_route(dev), sync_sg_for_cpu, dev, sg,
		     nelems, dir);
	if (dma_debug_is_rehearsing())
		dma_rehearse_sync_sg(dev, sg, nelems, true);
	dma_saw_sync_sg_for_cpu(dev, sg, nelems, dir);
}
EXPORT_SYMBOL(__dma_sync_sg_for_cpu);

/**
 * __dma_sync_sg_for_device - let the device look at a mapped list again
 * @dev: the device
 * @sg: the list
 * @nelems: number of entries as at mapping
 * @dir: as at mapping
 *
 * Context: any.
 */
void __dma_sync_sg_for_device(struct device *dev, struct scatterlist *sg,
			      int nelems, enum dma_data_direction dir)
{
	if (WARN_ON_ONCE(!valid_dma_direction(dir)))
		return;
	if (dma_debug_is_rehearsing())
		dma_rehearse_sync_sg(dev, sg, nelems, false);
	dma_by_route(dma_stream_route(dev), sync_sg_for_device, dev, sg,
		     nelems, dir);
	dma_saw_sync_sg_for_device(dev, sg, nelems, dir);
}
EXPORT_SYMBOL(__dma_sync_sg_for_device);

/**
 * __dma_need_sync - do the sync calls do anything for this mapping?
 * @dev: the device
 * @dma_addr: the device's address
 *
 * Context: any.
 * Return: true if so, or if it can't be told.
 */
bool __dma_need_sync(struct device *dev, dma_addr_t dma_addr)
{
	return (dma_debug_is_rehearsing() && dma_rehearse_has(dev, dma_addr)) ||
	       dma_by_route(dma_stream_route(dev), need_sync, dev, dma_addr);
}
EXPORT_SYMBOL_GPL(__dma_need_sync);
