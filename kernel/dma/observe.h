/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Those who watch the API: tracepoints, dma-debug, KMSAN.
 *
 * Every entry point tells them in one line, and nothing else in the layer
 * knows that they exist.  A mapping is told after it was made, and its end
 * before it is undone: once its address is free, it could be another one's.
 *
 * A list may have fewer entries than the driver says.  Who walks it here stops
 * where it ends, and the tracepoints are told how many there are.
 */
#ifndef _KERNEL_DMA_OBSERVE_H
#define _KERNEL_DMA_OBSERVE_H

#include <linux/dma-map-ops.h>
#include <linux/dma-sg.h>
#include <linux/kmsan.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <trace/events/dma.h>

#include "debug.h"

static inline void dma_saw_set_mask(struct device *dev)
{
	if (dma_debug_is_on())
		dma_debug_set_mask(dev);
}

static __always_inline void
dma_saw_map_page(struct device *dev, struct page *page, size_t offset,
		 size_t size, enum dma_data_direction dir, dma_addr_t addr,
		 unsigned long attrs)
{
	kmsan_handle_dma(page, offset, size, dir);
	trace_dma_map_page(dev, page_to_phys(page) + offset, addr, size, dir,
			   attrs);
	if (dma_debug_is_on())
		dma_debug_map_page(dev, page, offset, size, dir, addr, attrs);
}

static __always_inline void
dma_saw_unmap_page(struct device *dev, dma_addr_t addr, size_t size,
		   enum dma_data_direction dir, unsigned long attrs)
{
	trace_dma_unmap_page(dev, addr, size, dir, attrs);
	if (dma_debug_is_on())
		dma_debug_unmap_page(dev, addr, size, dir);
}

/* @mapped is the number of mapped entries or a negative error. */
static __always_inline void
dma_saw_map_sg(struct device *dev, struct scatterlist *sgl, int nents,
	       int mapped, enum dma_data_direction dir, unsigned long attrs)
{
	if (dma_debug_is_on())
		dma_debug_map_sg(dev, sgl, nents, mapped, dir, attrs);
	if (mapped <= 0) {
		if (trace_dma_map_sg_err_enabled())
			trace_dma_map_sg_err(dev, sgl, dma_sg_count(sgl, nents),
					     mapped, dir, attrs);
		return;
	}
	kmsan_handle_dma_sg(sgl, nents, dir);
	trace_dma_map_sg(dev, sgl, nents, mapped, dir, attrs);
}

static __always_inline void
dma_saw_unmap_sg(struct device *dev, struct scatterlist *sgl, int nents,
		 enum dma_data_direction dir, unsigned long attrs)
{
	if (trace_dma_unmap_sg_enabled())
		trace_dma_unmap_sg(dev, sgl, dma_sg_count(sgl, nents), dir,
				   attrs);
	if (dma_debug_is_on())
		dma_debug_unmap_sg(dev, sgl, nents, dir);
}

static inline void
dma_saw_map_resource(struct device *dev, phys_addr_t phys, size_t size,
		     enum dma_data_direction dir, dma_addr_t addr,
		     unsigned long attrs)
{
	trace_dma_map_resource(dev, phys, addr, size, dir, attrs);
	if (dma_debug_is_on() && addr != DMA_MAPPING_ERROR)
		dma_debug_map_resource(dev, phys, size, dir, addr);
}

static inline void
dma_saw_unmap_resource(struct device *dev, dma_addr_t addr, size_t size,
		       enum dma_data_direction dir, unsigned long attrs)
{
	trace_dma_unmap_resource(dev, addr, size, dir, attrs);
	if (dma_debug_is_on())
		dma_debug_unmap_resource(dev, addr, size, dir);
}

/* One for each of the four sync calls; tracing is told of @traced in place of @size. */
#define DMA_SAW_SYNC(what, kind, where_type, size_type, traced, for_cpu)	\
static __always_inline void						\
dma_saw_sync_##what(struct device *dev, where_type where,		\
		    size_type size, enum dma_data_direction dir)	\
{									\
	if (trace_dma_sync_##what##_enabled())				\
		trace_dma_sync_##what(dev, where, traced, dir);		\
	if (dma_debug_is_on())						\
		dma_debug_sync_##kind(dev, where, size, dir, for_cpu);	\
}

DMA_SAW_SYNC(single_for_cpu, single, dma_addr_t, size_t, size, true)
DMA_SAW_SYNC(single_for_device, single, dma_addr_t, size_t, size, false)
DMA_SAW_SYNC(sg_for_cpu, sg, struct scatterlist *, int,
	     dma_sg_count(where, size), true)
DMA_SAW_SYNC(sg_for_device, sg, struct scatterlist *, int,
	     dma_sg_count(where, size), false)

/* @cpu_addr is NULL and @addr 0 after a failure. */
static inline void
dma_saw_alloc(struct device *dev, size_t size, void *cpu_addr,
	      dma_addr_t addr, gfp_t gfp, unsigned long attrs)
{
	trace_dma_alloc(dev, cpu_addr, addr, size, DMA_BIDIRECTIONAL, gfp,
			attrs);
	if (dma_debug_is_on() && cpu_addr)
		dma_debug_alloc(dev, size, cpu_addr, addr, attrs);
}

static inline void
dma_saw_free(struct device *dev, size_t size, void *cpu_addr,
	     dma_addr_t addr, unsigned long attrs)
{
	trace_dma_free(dev, cpu_addr, addr, size, DMA_BIDIRECTIONAL, attrs);
	if (dma_debug_is_on() && cpu_addr)
		dma_debug_free(dev, size, cpu_addr, addr);
}

/* @page is NULL after a failure. */
static inline void
dma_saw_alloc_pages(struct device *dev, size_t size, struct page *page,
		    dma_addr_t addr, enum dma_data_direction dir, gfp_t gfp)
{
	trace_dma_alloc_pages(dev, page ? page_to_virt(page) : NULL, addr,
			      size, dir, gfp, 0);
	if (dma_debug_is_on() && page)
		dma_debug_alloc_pages(dev, page, size, dir, addr);
}

static inline void
dma_saw_free_pages(struct device *dev, size_t size, struct page *page,
		   dma_addr_t addr, enum dma_data_direction dir)
{
	trace_dma_free_pages(dev, page_to_virt(page), addr, size, dir, 0);
	if (dma_debug_is_on())
		dma_debug_free_pages(dev, page, size, dir, addr);
}

/* @sgt is NULL after a failure. */
static inline void
dma_saw_alloc_sgt(struct device *dev, size_t size, struct sg_table *sgt,
		  enum dma_data_direction dir, gfp_t gfp, unsigned long attrs)
{
	if (!sgt) {
		trace_dma_alloc_sgt_err(dev, NULL, 0, size, dir, gfp, attrs);
		return;
	}
	trace_dma_alloc_sgt(dev, sgt, size, dir, gfp, attrs);
	if (dma_debug_is_on())
		dma_debug_alloc_sgt(dev, sgt->sgl, sgt->orig_nents, sgt->nents,
				    dir);
}

static inline void
dma_saw_free_sgt(struct device *dev, size_t size, struct sg_table *sgt,
		 enum dma_data_direction dir)
{
	trace_dma_free_sgt(dev, sgt, size, dir);
	if (dma_debug_is_on())
		dma_debug_free_sgt(dev, sgt->sgl, sgt->orig_nents, dir);
}

#endif /* _KERNEL_DMA_OBSERVE_H */
