// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entry points for streaming mappings, as drivers call them.
 *
 * Each of them checks what the driver passed, asks for the route once, calls
 * what serves that route, and tells tracing, debugging and KMSAN.  There is
 * no policy here, no record and no allocation: direct calls only, and for a
 * coherent device that reaches the page not much more than an addition.
 *
 * No locks.
 */
#include <linux/dma-map-ops.h>
#include <linux/export.h>

#define CREATE_TRACE_POINTS
#include "observe.h"

#include "direct.h"
#include "fault.h"
#include "route.h"
#include "swiotlb/swiotlb.h"

#if defined(CONFIG_ARCH_HAS_SYNC_DMA_FOR_DEVICE) || \
	defined(CONFIG_ARCH_HAS_SYNC_DMA_FOR_CPU) || \
	defined(CONFIG_ARCH_HAS_SYNC_DMA_FOR_CPU_ALL)
/* Are devices coherent of which the firmware says nothing? */
bool dma_default_coherent = IS_ENABLED(CONFIG_ARCH_DMA_DEFAULT_COHERENT);
#endif

/* A mistake that the API can answer with an error instead of an oops. */
static __always_inline bool is_bad_call(struct device *dev,
					enum dma_data_direction dir)
{
	return WARN_ON_ONCE(!valid_dma_direction(dir)) ||
	       WARN_ON_ONCE(!dev->dma_mask);
}

static __always_inline dma_addr_t map_page(struct device *dev,
					   struct page *page, size_t offset,
					   size_t size,
					   enum dma_data_direction dir,
					   unsigned long attrs)
{
	enum dma_route route = dma_stream_route(dev);

	if (arch_dma_map_page_direct(dev, page_to_phys(page) + offset + size))
		route = DMA_ROUTE_DIRECT;
	return dma_by_route(route, map_page, dev, page, offset, size, dir,
			    attrs);
}

/* A device that rehearses gets another page; of others it is noted. */
static noinline dma_addr_t map_page_rehearsed(struct device *dev,
					      struct page *page, size_t offset,
					      size_t size,
					      enum dma_data_direction dir,
					      unsigned long attrs)
{
	struct dma_rehearsal *rehearsal;
	dma_addr_t addr;

	rehearsal = dma_rehearse_begin(dev, &page, &offset, size, dir, attrs);
	addr = map_page(dev, page, offset, size, dir, attrs);
	if (rehearsal)
		dma_rehearse_publish(rehearsal, addr, attrs);
	return addr;
}

/**
 * dma_map_page_attrs - map a part of memory for a device
 * @dev: the device
 * @page: the page it starts in
 * @offset: in @page, in bytes
 * @size: in bytes
 * @dir: direction
 * @attrs: DMA_ATTR_*
 *
 * Context: any.
 * Return: the device's address; check it with dma_mapping_error().
 */
dma_addr_t dma_map_page_attrs(struct device *dev, struct page *page,
			      size_t offset, size_t size,
			      enum dma_data_direction dir, unsigned long attrs)
{
	dma_addr_t addr;

	if (is_bad_call(dev, dir) || dma_should_fail_map(dev, size, attrs))
		return DMA_MAPPING_ERROR;

	if (dma_debug_is_rehearsing())
		addr = map_page_rehearsed(dev, page, offset, size, dir, attrs);
	else
		addr = map_page(dev, page, offset, size, dir, attrs);
	dma_saw_map_page(dev, page, offset, size, dir, addr, attrs);
	return addr;
}
EXPORT_SYMBOL(dma_map_page_attrs);

static __always_inline void unmap_page(struct device *dev, dma_addr_t addr,
				       size_t size,
				       enum dma_data_direction dir,
				       unsigned long attrs)
{
	enum dma_route route = dma_stream_route(dev);

	if (arch_dma_unmap_page_direct(dev, addr + size))
		route = DMA_ROUTE_DIRECT;
	dma_by_route(route, unmap_page, dev, addr, size, dir, attrs);
}

static noinline void unmap_page_rehearsed(struct device *dev, dma_addr_t addr,
					  size_t size,
					  enum dma_data_direction dir,
					  unsigned long attrs)
{
	struct dma_rehearsal *rehearsal = dma_rehearse_take(dev, addr, size);

	unmap_page(dev, addr, size, dir, attrs);
	if (rehearsal)
		dma_rehearse_end(rehearsal, attrs);
}

/**
 * dma_unmap_page_attrs - end such a mapping
 * @dev: the device
 * @addr: the device's address
 * @size: as at mapping, in bytes
 * @dir: as at mapping
 * @attrs: DMA_ATTR_*
 *
 * Context: any.
 */
void dma_unmap_page_attrs(struct device *dev, dma_addr_t addr, size_t size,
			  enum dma_data_direction dir, unsigned long attrs)
{
	if (is_bad_call(dev, dir))
		return;

	dma_saw_unmap_page(dev, addr, size, dir, attrs);
	if (dma_debug_is_rehearsing())
		unmap_page_rehearsed(dev, addr, size, dir, attrs);
	else
		unmap_page(dev, addr, size, dir, attrs);
}
EXPORT_SYMBOL(dma_unmap_page_attrs);

/* The errors that dma_map_sgtable() promises; anything else is a bug below. */
static bool is_promised_error(int err)
{
	return err == -EINVAL || err == -ENOMEM || err == -EIO ||
	       err == -EREMOTEIO;
}

static __always_inline int map_list(struct device *dev, struct scatterlist *sgl,
				    int nents, enum dma_data_direction dir,
				    unsigned long attrs)
{
	enum dma_route route = dma_stream_route(dev);

	if (arch_dma_map_sg_direct(dev, sgl, nents))
		route = DMA_ROUTE_DIRECT;
	return dma_by_route(route, map_sg, dev, sgl, nents, dir, attrs);
}

static noinline int map_list_rehearsed(struct device *dev,
				       struct scatterlist *sgl, int nents,
				       enum dma_data_direction dir,
				       unsigned long attrs)
{
	struct dma_rehearsal *chain;
	int mapped;

	chain = dma_rehearse_begin_sg(dev, sgl, nents, dir, attrs);
	mapped = map_list(dev, sgl, nents, dir, attrs);
	if (chain)
		dma_rehearse_publish_sg(chain, sgl, nents, mapped, attrs);
	return mapped;
}

/* Map a list.  Returns the number of mapped entries or a negative error. */
static int map_sg(struct device *dev, struct scatterlist *sgl, int nents,
		  enum dma_data_direction dir, unsigned long attrs)
{
	int mapped;

	if (is_bad_call(dev, dir))
		return -EINVAL;
	if (dma_should_fail_map_sg(dev, sgl, nents, attrs))
		return -ENOMEM;

	if (dma_debug_is_rehearsing())
		mapped = map_list_rehearsed(dev, sgl, nents, dir, attrs);
	else
		mapped = map_list(dev, sgl, nents, dir, attrs);
	dma_saw_map_sg(dev, sgl, nents, mapped, dir, attrs);
	if (mapped > 0 || is_promised_error(mapped))
		return mapped;
	dev_WARN_ONCE(dev, 1, "mapping a list by route %s ended with %d\n",
		      dma_route_name(dma_stream_route(dev)), mapped);
	return -EIO;
}

/**
 * dma_map_sg_attrs - map a scatterlist for a device
 * @dev: the device
 * @sg: the list
 * @nents: number of entries
 * @dir: direction
 * @attrs: DMA_ATTR_*
 *
 * Context: any.
 * Return: number of entries for the device, at most @nents; 0 on failure.
 */
unsigned int dma_map_sg_attrs(struct device *dev, struct scatterlist *sg,
			      int nents, enum dma_data_direction dir,
			      unsigned long attrs)
{
	return max(map_sg(dev, sg, nents, dir, attrs), 0);
}
EXPORT_SYMBOL(dma_map_sg_attrs);

/**
 * dma_map_sgtable - map a table for a device
 * @dev: the device
 * @sgt: the table; its nents is set
 * @dir: direction
 * @attrs: DMA_ATTR_*
 *
 * Context: any.
 * Return: 0; -EINVAL for a wrong argument or an entry that can't be mapped;
 * -ENOMEM where trying again later may help; -EIO for an unknown reason;
 * -EREMOTEIO for memory of a PCI peer that is out of reach.
 */
int dma_map_sgtable(struct device *dev, struct sg_table *sgt,
		    enum dma_data_direction dir, unsigned long attrs)
{
	int mapped = map_sg(dev, sgt->sgl, sgt->orig_nents, dir, attrs);

	if (mapped < 0)
		return mapped;
	sgt->nents = mapped;
	return 0;
}
EXPORT_SYMBOL_GPL(dma_map_sgtable);

static __always_inline void unmap_list(struct device *dev,
				       struct scatterlist *sgl, int nents,
				       enum dma_data_direction dir,
				       unsigned long attrs)
{
	enum dma_route route = dma_stream_route(dev);

	if (arch_dma_unmap_sg_direct(dev, sgl, nents))
		route = DMA_ROUTE_DIRECT;
	dma_by_route(route, unmap_sg, dev, sgl, nents, dir, attrs);
}

static noinline void unmap_list_rehearsed(struct device *dev,
					  struct scatterlist *sgl, int nents,
					  enum dma_data_direction dir,
					  unsigned long attrs)
{
	struct dma_rehearsal *chain = dma_rehearse_take_sg(dev, sgl, nents);

	unmap_list(dev, sgl, nents, dir, attrs);
	dma_rehearse_end_sg(chain, attrs);
}

/**
 * dma_unmap_sg_attrs - end the mapping of a list
 * @dev: the device
 * @sg: the list
 * @nents: number of entries as at mapping, not what mapping returned
 * @dir: as at mapping
 * @attrs: DMA_ATTR_*
 *
 * Context: any.
 */
void dma_unmap_sg_attrs(struct device *dev, struct scatterlist *sg, int nents,
			enum dma_data_direction dir, unsigned long attrs)
{
	if (is_bad_call(dev, dir))
		return;

	dma_saw_unmap_sg(dev, sg, nents, dir, attrs);
	if (dma_debug_is_rehearsing())
		unmap_list_rehearsed(dev, sg, nents, dir, attrs);
	else
		unmap_list(dev, sg, nents, dir, attrs);
}
EXPORT_SYMBOL(dma_unmap_sg_attrs);

/**
 * dma_map_resource - map another device's registers for a device
 * @dev: the device that will access them
 * @phys_addr: physical address of the registers, which are not RAM
 * @size: in bytes
 * @dir: direction
 * @attrs: DMA_ATTR_*
 *
 * Context: any.
 * Return: the device's address; check it with dma_mapping_error().
 */
dma_addr_t dma_map_resource(struct device *dev, phys_addr_t phys_addr,
			    size_t size, enum dma_data_direction dir,
			    unsigned long attrs)
{
	dma_addr_t addr;

	if (is_bad_call(dev, dir) || dma_should_fail_map(dev, size, attrs))
		return DMA_MAPPING_ERROR;

	addr = dma_by_route(dma_stream_route(dev), map_resource, dev,
			    phys_addr, size, dir, attrs);
	dma_saw_map_resource(dev, phys_addr, size, dir, addr, attrs);
	return addr;
}
EXPORT_SYMBOL(dma_map_resource);

/**
 * dma_unmap_resource - end such a mapping
 * @dev: the device
 * @addr: the device's address
 * @size: in bytes
 * @dir: as at mapping
 * @attrs: DMA_ATTR_*
 *
 * Context: any.
 */
void dma_unmap_resource(struct device *dev, dma_addr_t addr, size_t size,
			enum dma_data_direction dir, unsigned long attrs)
{
	if (is_bad_call(dev, dir))
		return;

	dma_saw_unmap_resource(dev, addr, size, dir, attrs);
	dma_by_route(dma_stream_route(dev), unmap_resource, dev, addr, size,
		     dir, attrs);
}
EXPORT_SYMBOL(dma_unmap_resource);

/**
 * dma_driver_gone - a device has lost its driver
 * @dev: the device; dev->driver is NULL
 *
 * Context: process context; called by the driver core.
 */
void dma_driver_gone(struct device *dev)
{
	swiotlb_driver_gone(dev);
	iommu_dma_driver_gone(dev);
}
