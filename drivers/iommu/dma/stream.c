// SPDX-License-Identifier: GPL-2.0-only
/*
 * Streaming through an IOMMU: single buffers, and registers of other devices.
 *
 * A buffer is handed to the device in one of three ways, tried in this order:
 *
 *   bounced   copied into a bounce buffer, which is mapped: where pages that
 *             an untrusted device could see hold something else as well, and
 *             where a cache line of a non-coherent device's buffer does
 *   shadowed  copied into a page that is mapped already (shadow.c)
 *   mapped    as it is
 *
 * What was done is told by the device's address alone: an address in the
 * shadow window, or one that translates into a bounce buffer.  The page tables
 * are only asked where the answer can be a bounce buffer, or where caches
 * have to be maintained.
 *
 * No locks.
 */
#include <linux/dma-cache.h>
#include <linux/iommu-dma.h>
#include <linux/iommu.h>
#include <linux/scatterlist.h>
#include <linux/swiotlb.h>

#include <trace/events/swiotlb.h>

#include "bounce.h"
#include "domain.h"
#include "map.h"
#include "shadow.h"

/* What a device must not see of a bounce buffer's pages. */
static void zero_padding(const struct iommu_dma_cookie *cookie,
			 phys_addr_t phys, size_t size)
{
	size_t before = dma_domain_offset(cookie, phys);
	size_t behind = dma_domain_align(cookie, before + size) - before - size;
	void *start = phys_to_virt(phys);

	memset(start - before, 0, before);
	memset(start + size, 0, behind);
}

/* Copy a buffer into a bounce buffer.  Returns where that is. */
static phys_addr_t copy_out(struct iommu_dma_cookie *cookie, struct device *dev,
			    phys_addr_t phys, size_t size,
			    enum dma_data_direction dir, unsigned long attrs)
{
	phys_addr_t copy;

	if (unlikely(!is_swiotlb_active(dev))) {
		dev_warn_once(dev, "needs a bounce buffer for %zu bytes, and there is none: see swiotlb= in the kernel's parameters\n",
			      size);
		return (phys_addr_t)DMA_MAPPING_ERROR;
	}
	trace_swiotlb_bounced(dev, phys, size);
	copy = swiotlb_tbl_map_single(dev, phys, size,
				      dma_domain_granule(cookie) - 1, dir,
				      attrs);
	if (copy != (phys_addr_t)DMA_MAPPING_ERROR &&
	    dma_dev_is_untrusted(dev))
		zero_padding(cookie, copy, size);
	return copy;
}

static __always_inline dma_addr_t map(struct iommu_dma_cookie *cookie,
				      struct device *dev, phys_addr_t phys,
				      size_t size, enum dma_data_direction dir,
				      unsigned long attrs)
{
	int prot = dma_io_prot(dev, dir, attrs);

	if (dma_dev_must_flush(dev, attrs))
		dma_cache_to_device(phys, size, dir);
	return dma_io_map_one(cookie, dev, phys, size, prot, *dev->dma_mask);
}

static noinline dma_addr_t map_bounced(struct iommu_dma_cookie *cookie,
				       struct device *dev, phys_addr_t phys,
				       size_t size, enum dma_data_direction dir,
				       unsigned long attrs)
{
	dma_addr_t addr;

	phys = copy_out(cookie, dev, phys, size, dir, attrs);
	if (phys == (phys_addr_t)DMA_MAPPING_ERROR)
		return DMA_MAPPING_ERROR;
	addr = map(cookie, dev, phys, size, dir, attrs);
	if (addr == DMA_MAPPING_ERROR)
		swiotlb_tbl_unmap_single(dev, phys, size, dir,
					 attrs | DMA_ATTR_SKIP_CPU_SYNC);
	return addr;
}

/* Hand a buffer itself to a device, or a bounce buffer. */
static noinline dma_addr_t map_or_bounce(struct iommu_dma_cookie *cookie,
					 struct device *dev, phys_addr_t phys,
					 size_t size,
					 enum dma_data_direction dir,
					 unsigned long attrs)
{
	if (unlikely(!size || !dma_domain_is_attached(cookie, dev)))
		return DMA_MAPPING_ERROR;
	if (unlikely(dma_must_bounce(cookie, dev, phys, size, dir)))
		return map_bounced(cookie, dev, phys, size, dir, attrs);
	return map(cookie, dev, phys, size, dir, attrs);
}

/**
 * iommu_dma_map_page - hand a buffer to a device
 * @dev: the device
 * @page: the page it starts in
 * @offset: in @page, in bytes
 * @size: in bytes
 * @dir: which way the data goes
 * @attrs: DMA_ATTR_*
 *
 * A buffer that is copied into a shadow page needs no bounce buffer: the device
 * sees as little of what is around it, and no cache line is shared.
 *
 * Context: any.
 * Return: the device's address, or DMA_MAPPING_ERROR.
 */
dma_addr_t iommu_dma_map_page(struct device *dev, struct page *page,
			      unsigned long offset, size_t size,
			      enum dma_data_direction dir, unsigned long attrs)
{
	struct iommu_dma_cookie *cookie = dma_domain_serving(dev);
	phys_addr_t phys = page_to_phys(page) + offset;

	if (dma_wants_shadow(cookie, dev, size, attrs)) {
		dma_addr_t addr = dma_shadow_map(cookie, dev, phys, size, dir);

		if (likely(addr != DMA_MAPPING_ERROR))
			return addr;
	}
	return map_or_bounce(cookie, dev, phys, size, dir, attrs);
}

/* What an address translates into; 0, with a warning, if into nothing. */
static phys_addr_t find_phys(const struct iommu_dma_cookie *cookie,
			     struct device *dev, dma_addr_t addr)
{
	phys_addr_t phys = iommu_iova_to_phys(cookie->domain, addr);

	WARN_ONCE(!phys, "%s: nothing is mapped at %pad\n", dev_name(dev),
		  &addr);
	return phys;
}

/* What has to be done for the CPU before the mapping ends, or in its course. */
static phys_addr_t to_cpu(struct iommu_dma_cookie *cookie, struct device *dev,
			  dma_addr_t addr, size_t size,
			  enum dma_data_direction dir, unsigned long attrs)
{
	phys_addr_t phys = find_phys(cookie, dev, addr);

	if (phys && dma_dev_must_flush(dev, attrs)) {
		dma_cache_to_cpu_begin();
		dma_cache_to_cpu(phys, size, dir);
	}
	return phys;
}

/* Take back what map_or_bounce() handed out. */
static noinline void unmap(struct iommu_dma_cookie *cookie, struct device *dev,
			   dma_addr_t addr, size_t size,
			   enum dma_data_direction dir, unsigned long attrs)
{
	size_t offset = dma_domain_offset(cookie, addr);
	phys_addr_t phys = 0;
	bool is_unmapped;

	if (unlikely(dma_may_have_bounced(dev) || !dev_is_dma_coherent(dev))) {
		phys = to_cpu(cookie, dev, addr, size, dir, attrs);
		if (!phys)
			return;
	}
	is_unmapped = dma_io_unmap_one(cookie, dev, addr - offset,
				       dma_domain_align(cookie, offset + size),
				       phys);
	/* Nobody else gets a bounce buffer that the device may still write to. */
	if (unlikely(phys && is_unmapped))
		swiotlb_tbl_unmap_single(dev, phys, size, dir, attrs);
	else if (unlikely(phys && !(attrs & DMA_ATTR_SKIP_CPU_SYNC)))
		swiotlb_sync_single_for_cpu(dev, phys, size, dir);
}

/**
 * iommu_dma_unmap_page - take a buffer back
 * @dev: the device
 * @dma_handle: the device's address
 * @size: as mapped, in bytes
 * @dir: as mapped
 * @attrs: DMA_ATTR_*
 *
 * Context: any.
 */
void iommu_dma_unmap_page(struct device *dev, dma_addr_t dma_handle,
			  size_t size, enum dma_data_direction dir,
			  unsigned long attrs)
{
	struct iommu_dma_cookie *cookie = dma_domain_serving(dev);

	if (dma_is_shadow(cookie, dma_handle))
		dma_shadow_unmap(cookie->shadow, dev, dma_handle, size, dir,
				 attrs);
	else
		unmap(cookie, dev, dma_handle, size, dir, attrs);
}

/**
 * iommu_dma_sync_single_for_cpu - let the CPU look at a buffer
 * @dev: the device
 * @dma_handle: the device's address; may lie inside the mapping
 * @size: in bytes
 * @dir: as mapped
 *
 * Context: any.
 */
void iommu_dma_sync_single_for_cpu(struct device *dev, dma_addr_t dma_handle,
				   size_t size, enum dma_data_direction dir)
{
	struct iommu_dma_cookie *cookie = dma_domain_serving(dev);
	phys_addr_t phys;

	if (dma_is_shadow(cookie, dma_handle)) {
		dma_shadow_to_cpu(cookie->shadow, dev, dma_handle, size, dir);
		return;
	}
	if (dev_is_dma_coherent(dev) && !dma_may_have_bounced(dev))
		return;
	phys = to_cpu(cookie, dev, dma_handle, size, dir, 0);
	if (phys)
		swiotlb_sync_single_for_cpu(dev, phys, size, dir);
}

/**
 * iommu_dma_sync_single_for_device - let the device look at a buffer again
 * @dev: the device
 * @dma_handle: the device's address; may lie inside the mapping
 * @size: in bytes
 * @dir: as mapped
 *
 * Context: any.
 */
void iommu_dma_sync_single_for_device(struct device *dev,
				      dma_addr_t dma_handle, size_t size,
				      enum dma_data_direction dir)
{
	struct iommu_dma_cookie *cookie = dma_domain_serving(dev);
	phys_addr_t phys;

	if (dma_is_shadow(cookie, dma_handle)) {
		dma_shadow_to_device(cookie->shadow, dev, dma_handle, size,
				     dir);
		return;
	}
	if (dev_is_dma_coherent(dev) && !dma_may_have_bounced(dev))
		return;
	phys = find_phys(cookie, dev, dma_handle);
	if (!phys)
		return;
	swiotlb_sync_single_for_device(dev, phys, size, dir);
	if (dma_dev_must_flush(dev, 0))
		dma_cache_to_device(phys, size, dir);
}

/**
 * iommu_dma_need_sync - do the sync calls do anything for a mapping?
 * @dev: the device
 * @dma_addr: its address
 *
 * Context: any.
 * Return: true if so, or where only the page tables could tell.
 */
bool iommu_dma_need_sync(struct device *dev, dma_addr_t dma_addr)
{
	return !dev_is_dma_coherent(dev) || dma_may_have_bounced(dev) ||
	       dma_is_shadow(dma_domain_serving(dev), dma_addr);
}

/**
 * iommu_dma_map_resource - let a device see another device's registers
 * @dev: the device
 * @phys: of the registers
 * @size: in bytes
 * @dir: direction
 * @attrs: DMA_ATTR_*
 *
 * Context: any.
 * Return: the device's address, or DMA_MAPPING_ERROR.
 */
dma_addr_t iommu_dma_map_resource(struct device *dev, phys_addr_t phys,
				  size_t size, enum dma_data_direction dir,
				  unsigned long attrs)
{
	struct iommu_dma_cookie *cookie = dma_domain_of(dev);
	int prot;

	if (unlikely(!cookie || !size))
		return DMA_MAPPING_ERROR;
	/* Registers are never cached. */
	prot = dma_io_prot(dev, dir, attrs) & ~IOMMU_CACHE;
	return dma_io_map(cookie, dev, phys, size, prot | IOMMU_MMIO,
			  *dev->dma_mask);
}

/**
 * iommu_dma_unmap_resource - end that
 * @dev: the device
 * @handle: the device's address
 * @size: as mapped, in bytes
 * @dir: as mapped
 * @attrs: DMA_ATTR_*
 *
 * Context: any.
 */
void iommu_dma_unmap_resource(struct device *dev, dma_addr_t handle,
			      size_t size, enum dma_data_direction dir,
			      unsigned long attrs)
{
	iommu_dma_unmap_memory(dev, handle, size);
}

/**
 * iommu_dma_map_memory - map memory of the layer's own for a device
 * @dev: the device
 * @phys: of contiguous memory
 * @size: in bytes
 * @dir: DMA_BIDIRECTIONAL for consistent memory
 * @attrs: DMA_ATTR_PRIVILEGED or nothing
 *
 * It stays mapped for long, so it is neither bounced nor shadowed; caches are
 * the caller's.
 *
 * Context: any.
 * Return: the device's address, or DMA_MAPPING_ERROR.
 */
dma_addr_t iommu_dma_map_memory(struct device *dev, phys_addr_t phys,
				size_t size, enum dma_data_direction dir,
				unsigned long attrs)
{
	struct iommu_dma_cookie *cookie = dma_domain_of(dev);

	if (!cookie)
		return DMA_MAPPING_ERROR;
	return dma_io_map(cookie, dev, phys, size,
			  dma_io_prot(dev, dir, attrs),
			  dev->coherent_dma_mask);
}

/**
 * iommu_dma_unmap_memory - end that
 * @dev: the device
 * @addr: the device's address
 * @size: as mapped, in bytes
 *
 * Context: any.
 * Return: false if some of it could not be unmapped, so that the device may
 * still reach the memory.
 */
bool iommu_dma_unmap_memory(struct device *dev, dma_addr_t addr, size_t size)
{
	struct iommu_dma_cookie *cookie = dma_domain_serving(dev);
	size_t offset = dma_domain_offset(cookie, addr);

	return dma_io_unmap(cookie, dev, addr - offset,
			    dma_domain_align(cookie, offset + size));
}

/**
 * iommu_dma_get_merge_boundary - where entries of a list can be merged
 * @dev: the device
 *
 * Context: any.
 * Return: the granule less one, in bytes.
 */
unsigned long iommu_dma_get_merge_boundary(struct device *dev)
{
	return dma_domain_granule(dma_domain_serving(dev)) - 1;
}

/**
 * iommu_dma_opt_mapping_size - the largest mapping that is sure to be cheap
 *
 * More than that is cheap here.  But block drivers derive the size of requests,
 * and so how far users read ahead, from it: these shall not grow by a change of
 * this layer.
 *
 * Context: any.
 * Return: bytes.
 */
size_t iommu_dma_opt_mapping_size(void)
{
	return 32 * PAGE_SIZE;
}

/**
 * iommu_dma_max_mapping_size - the largest single mapping that can work
 * @dev: the device
 *
 * Context: any.
 * Return: bytes; SIZE_MAX for no limit.
 */
size_t iommu_dma_max_mapping_size(struct device *dev)
{
	return dma_dev_is_untrusted(dev) && is_swiotlb_active(dev) ?
	       swiotlb_max_mapping_size(dev) : SIZE_MAX;
}
