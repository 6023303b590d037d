// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entry points about masks and sizes: what a driver tells about its device,
 * and what it can learn about the way to memory.
 *
 * No locks: a driver sets masks before it does DMA.
 */
#include <linux/dma-limits.h>
#include <linux/dma-map-ops.h>
#include <linux/export.h>
#include <linux/minmax.h>

#include "direct.h"
#include "observe.h"
#include "route.h"

/* There is a translation: 32 bits do, and are the cheapest to issue. */
static inline u64 iommu_dma_get_required_mask(struct device *dev)
{
	return DMA_BIT_MASK(32);
}

/* Entries are mapped one by one and stay so. */
static inline unsigned long dma_direct_get_merge_boundary(struct device *dev)
{
	return 0;
}

/* These can be asked about a device that has no mask yet. */
static __always_inline enum dma_route route_of(struct device *dev)
{
	return dma_route_by_mask(dev, dma_get_mask(dev));
}

/* Is the mask good enough for the device's way to memory? */
static bool is_supported(struct device *dev, u64 mask)
{
	if (use_dma_iommu(dev))
		return !dev_WARN_ONCE(dev, get_dma_ops(dev),
				      "behind an IOMMU and with ops of its own\n");
	/* Who may bypass the ops with some mask still has to suit them. */
	return get_dma_ops(dev) ? dma_ops_supported(dev, mask) :
				  dma_direct_supported(dev, mask);
}

/**
 * dma_set_mask - tell which addresses a device can issue in streaming DMA
 * @dev: the device
 * @mask: all ones up to the highest address bit
 *
 * Context: process context, before any DMA.
 * Return: 0; -EIO if the device can't do DMA with this mask.
 */
int dma_set_mask(struct device *dev, u64 mask)
{
	/* An address has no more bits than dma_addr_t. */
	mask = (dma_addr_t)mask;

	if (!dev->dma_mask || !is_supported(dev, mask)) {
		dev_dbg(dev, "DMA mask %#llx refused: %s\n", mask,
			dev->dma_mask ? "it does not reach enough memory" :
					"the device has no DMA mask");
		return -EIO;
	}
	arch_dma_set_mask(dev, mask);
	*dev->dma_mask = mask;
	dma_note_skip_sync(dev, route_of(dev) == DMA_ROUTE_OPS ?
				dma_ops_never_sync(dev) :
				dev_is_dma_coherent(dev));
	dma_saw_set_mask(dev);
	return 0;
}
EXPORT_SYMBOL(dma_set_mask);

/**
 * dma_set_coherent_mask - the same for consistent memory
 * @dev: the device
 * @mask: all ones up to the highest address bit
 *
 * Context: process context, before any DMA.
 * Return: 0; -EIO if the device can't do DMA with this mask.
 */
int dma_set_coherent_mask(struct device *dev, u64 mask)
{
	mask = (dma_addr_t)mask;

	if (!is_supported(dev, mask))
		return -EIO;
	dev->coherent_dma_mask = mask;
	return 0;
}
EXPORT_SYMBOL(dma_set_coherent_mask);

/**
 * dma_get_required_mask - the smallest mask that reaches all memory
 * @dev: the device
 *
 * Context: any.
 * Return: the mask.
 */
u64 dma_get_required_mask(struct device *dev)
{
	return dma_by_route(route_of(dev), get_required_mask, dev);
}
EXPORT_SYMBOL_GPL(dma_get_required_mask);

/**
 * dma_addressing_limited - is some memory out of the device's direct reach?
 * @dev: the device
 *
 * Context: process context.
 * Return: true if so.
 */
bool dma_addressing_limited(struct device *dev)
{
	if (!get_dma_ops(dev) && !use_dma_iommu(dev))
		return dma_limits_leave_out_ram(dev);
	return dma_last_address(dev, dma_get_mask(dev)) <
	       dma_get_required_mask(dev);
}
EXPORT_SYMBOL_GPL(dma_addressing_limited);

/**
 * dma_max_mapping_size - the largest single mapping that can work
 * @dev: the device
 *
 * Context: process context.
 * Return: bytes; SIZE_MAX for no limit.
 */
size_t dma_max_mapping_size(struct device *dev)
{
	return dma_by_route(route_of(dev), max_mapping_size, dev);
}
EXPORT_SYMBOL_GPL(dma_max_mapping_size);

/**
 * dma_opt_mapping_size - the largest mapping that is still cheap
 * @dev: the device
 *
 * Context: process context.
 * Return: bytes, at most dma_max_mapping_size().
 */
size_t dma_opt_mapping_size(struct device *dev)
{
	return min(dma_max_mapping_size(dev),
		   use_dma_iommu(dev) ? iommu_dma_opt_mapping_size() :
		   get_dma_ops(dev) ? dma_ops_opt_mapping_size(dev) : SIZE_MAX);
}
EXPORT_SYMBOL_GPL(dma_opt_mapping_size);

/**
 * dma_get_merge_boundary - where entries of a list can be merged
 * @dev: the device
 *
 * Context: any.
 * Return: the granule less one, in bytes; 0 if entries are not merged.
 */
unsigned long dma_get_merge_boundary(struct device *dev)
{
	return dma_by_route(route_of(dev), get_merge_boundary, dev);
}
EXPORT_SYMBOL_GPL(dma_get_merge_boundary);

/**
 * dma_pci_p2pdma_supported - can lists hold memory of PCI peers?
 * @dev: the device
 *
 * Context: any.
 * Return: true if so: the layer's own routes handle it, ops do not.
 */
bool dma_pci_p2pdma_supported(struct device *dev)
{
	return !get_dma_ops(dev);
}
EXPORT_SYMBOL_GPL(dma_pci_p2pdma_supported);
