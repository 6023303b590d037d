// SPDX-License-Identifier: GPL-2.0-only
/*
 * For those who bring struct dma_map_ops of their own: what most of them
 * need alike, and the direct route's allocations to build upon.
 *
 * No locks.
 */
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/mm.h>

#include "backend.h"
#include "ledger.h"
#include "user.h"

/**
 * dma_common_get_sgtable - a table of one entry for contiguous memory
 * @dev: the device
 * @sgt: filled in
 * @cpu_addr: the CPU's address
 * @dma_addr: not used
 * @size: in bytes
 * @attrs: not used
 *
 * Context: may sleep.
 * Return: 0 or a negative error.
 */
int dma_common_get_sgtable(struct device *dev, struct sg_table *sgt,
			   void *cpu_addr, dma_addr_t dma_addr, size_t size,
			   unsigned long attrs)
{
	return dma_user_sgtable(sgt, dma_user_pfn_of(cpu_addr), size);
}

/**
 * dma_common_mmap - map contiguous consistent memory into user space
 * @dev: the device
 * @vma: the mapping
 * @cpu_addr: the CPU's address
 * @dma_addr: not used
 * @size: in bytes
 * @attrs: DMA_ATTR_*
 *
 * Context: process context, mmap_lock held for writing.
 * Return: 0 or a negative error; -ENXIO if the mapping leaves the buffer or
 * there is no MMU.
 */
int dma_common_mmap(struct device *dev, struct vm_area_struct *vma,
		    void *cpu_addr, dma_addr_t dma_addr, size_t size,
		    unsigned long attrs)
{
	if (!IS_ENABLED(CONFIG_MMU))
		return -ENXIO;
	return dma_user_mmap_kernel(dev, vma, cpu_addr, size, attrs);
}

static struct page *dispatch_pages(struct dma_request *req,
				   enum dma_data_direction dir,
				   dma_addr_t *dma_handle)
{
	struct dma_allocation *record;

	req->wants_pages = true;
	req->dir = dir;
	if (dma_dispatch(req, &record))
		return NULL;
	*dma_handle = record->dma_addr;
	return record->cpu_addr;
}

/**
 * dma_common_alloc_pages - cacheable pages, mapped by the device's ops
 * @dev: the device
 * @size: in bytes
 * @dma_handle: set to the device's address
 * @dir: direction
 * @gfp: GFP flags
 *
 * Context: may sleep if @gfp allows.
 * Return: the first page, or NULL.
 */
struct page *dma_common_alloc_pages(struct device *dev, size_t size,
				    dma_addr_t *dma_handle,
				    enum dma_data_direction dir, gfp_t gfp)
{
	struct dma_request req = dma_request_of(dev, size, gfp, 0);

	return dispatch_pages(&req, dir, dma_handle);
}

/**
 * dma_common_free_pages - free what the function above returned
 * @dev: the device
 * @size: in bytes
 * @page: what was returned
 * @dma_handle: what was stored
 * @dir: the same direction
 *
 * Context: any.
 */
void dma_common_free_pages(struct device *dev, size_t size, struct page *page,
			   dma_addr_t dma_handle, enum dma_data_direction dir)
{
	if (!dma_dispatch_free(dev, size, page, dma_handle))
		dma_free_unknown(dev, size, page, dma_handle);
}

/**
 * dma_direct_alloc - consistent memory by the direct route
 * @dev: the device
 * @size: in bytes
 * @dma_handle: set to the device's address
 * @gfp: GFP flags
 * @attrs: DMA_ATTR_*
 *
 * Context: may sleep if @gfp allows.
 * Return: the CPU's address, or NULL.
 */
void *dma_direct_alloc(struct device *dev, size_t size, dma_addr_t *dma_handle,
		       gfp_t gfp, unsigned long attrs)
{
	struct dma_request req = dma_request_of(dev, size, gfp, attrs);
	struct dma_allocation *record;

	dma_request_set_route(&req, DMA_ROUTE_DIRECT);
	if (dma_dispatch(&req, &record))
		return NULL;
	*dma_handle = record->dma_addr;
	return record->cpu_addr;
}

/**
 * dma_direct_free - free what dma_direct_alloc() returned
 * @dev: the device
 * @size: in bytes
 * @cpu_addr: what was returned
 * @dma_addr: what was stored; may be anything, as ops that give the device
 *	another address do not keep it
 * @attrs: not used
 *
 * Context: any.
 */
void dma_direct_free(struct device *dev, size_t size, void *cpu_addr,
		     dma_addr_t dma_addr, unsigned long attrs)
{
	struct dma_allocation *record;

	if (dma_dispatch_free(dev, size, cpu_addr, dma_addr))
		return;
	record = dma_ledger_take_by_cpu(dev, cpu_addr);
	if (record)
		dma_release(record);
	else
		dma_free_unknown(dev, size, cpu_addr, dma_addr);
}

/**
 * dma_direct_alloc_pages - cacheable pages by the direct route
 * @dev: the device
 * @size: in bytes
 * @dma_handle: set to the device's address
 * @dir: direction
 * @gfp: GFP flags
 *
 * Context: may sleep if @gfp allows.
 * Return: the first page, or NULL.
 */
struct page *dma_direct_alloc_pages(struct device *dev, size_t size,
				    dma_addr_t *dma_handle,
				    enum dma_data_direction dir, gfp_t gfp)
{
	struct dma_request req = dma_request_of(dev, size, gfp, 0);

	dma_request_set_route(&req, DMA_ROUTE_DIRECT);
	return dispatch_pages(&req, dir, dma_handle);
}

/**
 * dma_direct_free_pages - free what the function above returned
 * @dev: the device
 * @size: in bytes
 * @page: what was returned
 * @dma_addr: what was stored
 * @dir: the same direction
 *
 * Context: any.
 */
void dma_direct_free_pages(struct device *dev, size_t size, struct page *page,
			   dma_addr_t dma_addr, enum dma_data_direction dir)
{
	dma_common_free_pages(dev, size, page, dma_addr, dir);
}
