// SPDX-License-Identifier: GPL-2.0-only
/*
 * Streaming for devices that reach memory directly.
 *
 * The device's address of a page is its physical address, shifted by
 * dma-ranges.  A page that the device can't reach, or that shares a cache
 * line with something else, is copied through the bounce buffer.  For a device
 * that is not coherent the caches are maintained on the way.  There is no
 * record and no allocation, so that mapping can't fail for lack of memory
 * other than of bounce slots.
 *
 * No locks.
 */
#include <linux/dma-limits.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-sg.h>
#include <linux/export.h>
#include <linux/memremap.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>

#include "direct.h"
#include "swiotlb/swiotlb.h"

/**
 * dma_direct_bounce - map what can't be mapped in place
 * @way: device, direction and attributes
 * @page: first page of the buffer
 * @phys: physical address of the buffer
 * @size: in bytes
 *
 * Context: any.
 * Return: address in the bounce buffer, or DMA_MAPPING_ERROR.
 */
dma_addr_t dma_direct_bounce(const struct dma_way *way, struct page *page,
			     phys_addr_t phys, size_t size)
{
	/* An empty entry of a list: there is nothing to reach or to copy. */
	if (!size)
		return phys_to_dma(way->dev, phys);
	/* A peer's memory, or a pool's that has no linear mapping: in place or not. */
	if (dma_page_is_peer(page) || dma_needs_no_maintenance(phys))
		return DMA_MAPPING_ERROR;
	/* Whoever has to bounce and can't is told so there. */
	if (IS_ENABLED(CONFIG_SWIOTLB) &&
	    (is_swiotlb_active(way->dev) || way->must_bounce))
		return swiotlb_map(way->dev, phys, size, way->dir, way->attrs);

	if (!(way->attrs & DMA_ATTR_NO_WARN))
		dev_WARN_ONCE(way->dev, 1,
			      "%zu bytes at %pa are %s (last bus address %#llx) and there is no bounce buffer\n",
			      size, &phys,
			      dma_way_reaches(way, phys,
					      phys_to_dma(way->dev, phys), size) ?
			      "not aligned to cache lines" : "out of reach",
			      way->last_dma);
	return DMA_MAPPING_ERROR;
}

/**
 * dma_direct_map_with_care - map what may need more than an address
 * @dev: the device
 * @page: first page of the buffer
 * @phys: physical address of the buffer
 * @size: in bytes
 * @dir: which way the data goes
 * @attrs: DMA_ATTR_*
 *
 * For a device that is not coherent, and for a buffer that has to be copied.
 *
 * Context: any.
 * Return: the device's address, or DMA_MAPPING_ERROR.
 */
dma_addr_t dma_direct_map_with_care(struct device *dev, struct page *page,
				    phys_addr_t phys, size_t size,
				    enum dma_data_direction dir,
				    unsigned long attrs)
{
	struct dma_way way = dma_way_of(dev, dir, attrs);

	return dma_way_map(&way, page, phys, size);
}

/**
 * dma_direct_unmap_with_care - end a mapping of dma_direct_map_with_care()
 * @dev: the device
 * @addr: the device's address
 * @size: in bytes
 * @dir: which way the data goes
 * @attrs: DMA_ATTR_*
 *
 * Context: any.
 */
void dma_direct_unmap_with_care(struct device *dev, dma_addr_t addr,
				size_t size, enum dma_data_direction dir,
				unsigned long attrs)
{
	struct dma_way way = dma_way_of(dev, dir, attrs);

	dma_way_begin_to_cpu(&way);
	dma_way_unmap(&way, addr, size);
}

/* Memory of a PCI peer: is its bus address all that the device needs? */
static int map_peer(struct device *dev, struct scatterlist *sg,
		    struct pci_p2pdma_map_state *state)
{
	enum pci_p2pdma_map_type type = pci_p2pdma_map_segment(state, dev, sg);

	if (type == PCI_P2PDMA_MAP_BUS_ADDR)
		return true;
	return type == PCI_P2PDMA_MAP_THRU_HOST_BRIDGE ? false : -EREMOTEIO;
}

static int map_entry(const struct dma_way *way, struct scatterlist *sg,
		     struct pci_p2pdma_map_state *state)
{
	struct page *page = sg_page(sg);
	dma_addr_t addr;

	if (dma_page_is_peer(page)) {
		int is_done = map_peer(way->dev, sg, state);

		if (is_done)
			return min(is_done, 0);
	}
	addr = dma_way_map(way, page, sg_phys(sg), sg->length);
	if (addr == DMA_MAPPING_ERROR)
		return -EIO;
	sg_dma_address(sg) = addr;
	sg_dma_len(sg) = sg->length;
	return 0;
}

/**
 * dma_direct_map_sg - map the entries of a list, one by one
 * @dev: the device
 * @sgl: the list
 * @nents: number of entries
 * @dir: direction
 * @attrs: DMA_ATTR_*
 *
 * Context: any.
 * Return: @nents; -EREMOTEIO for a peer out of reach; -EINVAL if the list has
 * fewer entries; -EIO.  After an error nothing is mapped.
 */
int dma_direct_map_sg(struct device *dev, struct scatterlist *sgl, int nents,
		      enum dma_data_direction dir, unsigned long attrs)
{
	struct dma_way way = dma_way_of(dev, dir, attrs);
	struct pci_p2pdma_map_state state = {};
	struct scatterlist *sg;
	int left = nents, err = 0;

	for (sg = dma_sg_first(sgl, left); sg; sg = dma_sg_next(sg, --left)) {
		err = map_entry(&way, sg, &state);
		if (unlikely(err))
			break;
	}
	err = err ?: dma_sg_check_left(dev, nents, left);
	if (likely(!err))
		return nents;
	/* Nothing was transferred: nothing to copy back. */
	dma_direct_unmap_sg(dev, sgl, nents - left, dir,
			    attrs | DMA_ATTR_SKIP_CPU_SYNC);
	return err;
}

/**
 * dma_direct_unmap_sg - unmap what dma_direct_map_sg() mapped
 * @dev: the device
 * @sgl: the list
 * @nents: number of entries
 * @dir: direction
 * @attrs: DMA_ATTR_*
 *
 * Context: any.
 */
void dma_direct_unmap_sg(struct device *dev, struct scatterlist *sgl,
			 int nents, enum dma_data_direction dir,
			 unsigned long attrs)
{
	struct dma_way way = dma_way_of(dev, dir, attrs);
	struct scatterlist *sg;
	int left = nents;

	dma_way_begin_to_cpu(&way);
	for (sg = dma_sg_first(sgl, left); sg; sg = dma_sg_next(sg, --left)) {
		if (unlikely(sg_dma_is_bus_address(sg)))
			sg_dma_unmark_bus_address(sg);
		else
			dma_way_unmap(&way, sg_dma_address(sg), sg_dma_len(sg));
	}
}

/**
 * dma_direct_sync_sg_for_device - hand mapped entries to the device
 * @dev: the device
 * @sgl: the list
 * @nents: number of entries
 * @dir: direction
 *
 * The length is the one that the list's owner gave each entry: drivers that
 * fill in addresses themselves, to have their caches cleaned, leave the mapped
 * length at 0.
 *
 * Context: any.
 */
void dma_direct_sync_sg_for_device(struct device *dev,
				   struct scatterlist *sgl, int nents,
				   enum dma_data_direction dir)
{
	struct dma_way way = dma_way_of(dev, dir, 0);
	struct scatterlist *sg;
	int left = nents;

	for (sg = dma_sg_first(sgl, left); sg; sg = dma_sg_next(sg, --left))
		if (likely(!sg_dma_is_bus_address(sg)))
			dma_way_to_device(&way, sg_dma_address(sg), sg->length);
}

/**
 * dma_direct_sync_sg_for_cpu - take mapped entries back from the device
 * @dev: the device
 * @sgl: the list
 * @nents: number of entries
 * @dir: direction
 *
 * Goes by the owner's length, like dma_direct_sync_sg_for_device().
 *
 * Context: any.
 */
void dma_direct_sync_sg_for_cpu(struct device *dev, struct scatterlist *sgl,
				int nents, enum dma_data_direction dir)
{
	struct dma_way way = dma_way_of(dev, dir, 0);
	struct scatterlist *sg;
	int left = nents;

	dma_way_begin_to_cpu(&way);
	for (sg = dma_sg_first(sgl, left); sg; sg = dma_sg_next(sg, --left))
		if (likely(!sg_dma_is_bus_address(sg)))
			dma_way_to_cpu(&way, sg_dma_address(sg), sg->length);
}

/**
 * dma_direct_map_resource - the device's address of another device's registers
 * @dev: the device
 * @phys: physical address of the registers
 * @size: in bytes
 * @dir: not used
 * @attrs: not used
 *
 * Context: any.
 * Return: the bus address, by dma-ranges like any other; DMA_MAPPING_ERROR if
 * the device has none or can't reach it.
 */
dma_addr_t dma_direct_map_resource(struct device *dev, phys_addr_t phys,
				   size_t size, enum dma_data_direction dir,
				   unsigned long attrs)
{
	struct dma_limits limits = dma_limits_of(dev, *dev->dma_mask);
	const char *why_denied = swiotlb_why_denied(dev);

	if (why_denied) {
		dev_err_ratelimited(dev, "registers at %pa refused: %s\n", &phys,
				    why_denied);
		return DMA_MAPPING_ERROR;
	}
	/* Registers are not encrypted, whatever memory is. */
	limits.unencrypted = true;
	if (size && dma_limits_reach(dev, &limits, phys, size))
		return dma_limits_address(dev, &limits, phys);

	dev_err_once(dev, "registers at %pa, %zu bytes, are out of reach (last bus address %#llx, %s dma-ranges)\n",
		     &phys, size, limits.last_dma,
		     dev->dma_range_map ? "with" : "no");
	return DMA_MAPPING_ERROR;
}

/**
 * dma_direct_max_mapping_size - the largest single mapping that can work
 * @dev: the device
 *
 * Context: process context.
 * Return: bytes; what the bounce buffer takes if the device may need it.
 */
size_t dma_direct_max_mapping_size(struct device *dev)
{
	bool may_bounce = is_swiotlb_active(dev) &&
			  (is_swiotlb_force_bounce(dev) ||
			   dma_limits_leave_out_ram(dev));

	return may_bounce ? swiotlb_max_mapping_size(dev) : SIZE_MAX;
}

/**
 * dma_direct_need_sync - do the sync calls do anything for this mapping?
 * @dev: the device
 * @dma_addr: address of the mapping
 *
 * Context: any.
 * Return: true if so.
 */
bool dma_direct_need_sync(struct device *dev, dma_addr_t dma_addr)
{
	return !dev_is_dma_coherent(dev) ||
	       swiotlb_find_pool(dev, dma_to_phys(dev, dma_addr));
}
