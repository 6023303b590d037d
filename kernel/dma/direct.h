/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Streaming for devices that reach memory directly: the part that is inline
 * because every packet and every block goes through it.
 *
 * All that has to be known about the device is gathered once per call in a
 * struct dma_way; a list is mapped by the same few lines as a single page.  The
 * page of a coherent device that reaches it is a matter of a few comparisons,
 * and is done with before such a struct needs a place on the stack.
 */
#ifndef _KERNEL_DMA_DIRECT_H
#define _KERNEL_DMA_DIRECT_H

#include <linux/dma-cache.h>
#include <linux/dma-direct.h>
#include <linux/dma-limits.h>
#include <linux/memremap.h>
#include <linux/swiotlb.h>

/**
 * struct dma_way - what one call has to know about a device
 * @last_dma: highest bus address the device can issue
 * @dev: the device
 * @attrs: DMA_ATTR_*
 * @dir: which way the data goes
 * @must_bounce: everything is to go through the bounce buffer
 * @must_flush: caches have to be maintained
 */
struct dma_way {
	u64			last_dma;
	struct device		*dev;
	unsigned long		attrs;
	enum dma_data_direction	dir;
	bool			must_bounce, must_flush;
};

dma_addr_t dma_direct_bounce(const struct dma_way *way, struct page *page,
			     phys_addr_t phys, size_t size);
dma_addr_t dma_direct_map_with_care(struct device *dev, struct page *page,
				    phys_addr_t phys, size_t size,
				    enum dma_data_direction dir,
				    unsigned long attrs);
void
dma_direct_unmap_with_care(struct device *dev, dma_addr_t addr, size_t size,
			   enum dma_data_direction dir, unsigned long attrs);
int dma_direct_map_sg(struct device *dev, struct scatterlist *sgl, int nents,
		      enum dma_data_direction dir, unsigned long attrs);
void
dma_direct_unmap_sg(struct device *dev, struct scatterlist *sgl, int nents,
		    enum dma_data_direction dir, unsigned long attrs);
void dma_direct_sync_sg_for_cpu(struct device *dev, struct scatterlist *sgl,
				int nents, enum dma_data_direction dir);
void dma_direct_sync_sg_for_device(struct device *dev,
				   struct scatterlist *sgl, int nents,
				   enum dma_data_direction dir);
size_t dma_direct_max_mapping_size(struct device *dev);
bool dma_direct_need_sync(struct device *dev, dma_addr_t dma_addr);

static __always_inline struct dma_way
dma_way_of(struct device *dev, enum dma_data_direction dir, unsigned long attrs)
{
	return (struct dma_way) {
		.dev		= dev,
		.last_dma	= dma_last_address(dev, *dev->dma_mask),
		.dir		= dir,
		.attrs		= attrs,
		.must_bounce	= is_swiotlb_force_bounce(dev),
		.must_flush	= !dev_is_dma_coherent(dev) &&
				  !(attrs & DMA_ATTR_SKIP_CPU_SYNC),
	};
}

/*
 * Can the device reach all of @size bytes at @phys, which it sees at @addr?
 * With windows of dma-ranges, both ends have to be in the same one.
 */
static __always_inline bool
dma_way_reaches(const struct dma_way *way, phys_addr_t phys, dma_addr_t addr,
		size_t size)
{
	dma_addr_t last = addr + size - 1;

	return last <= way->last_dma && last >= addr &&
	       (likely(!way->dev->dma_range_map) ||
		(addr != DMA_MAPPING_ERROR &&
		 phys_to_dma(way->dev, phys + size - 1) == last));
}

static __always_inline dma_addr_t dma_way_map(const struct dma_way *way,
					      struct page *page,
					      phys_addr_t phys, size_t size)
{
	dma_addr_t addr = phys_to_dma(way->dev, phys);

	if (unlikely(way->must_bounce || !dma_way_reaches(way, phys, addr, size) ||
		     dma_kmalloc_needs_bounce(way->dev, size, way->dir)))
		return dma_direct_bounce(way, page, phys, size);
	if (way->must_flush)
		dma_cache_to_device(phys, size, way->dir);
	return addr;
}

/* Hand a live mapping to the device. */
static __always_inline void dma_way_to_device(const struct dma_way *way,
					      dma_addr_t addr, size_t size)
{
	phys_addr_t phys = dma_to_phys(way->dev, addr);
	struct io_tlb_pool *pool = swiotlb_find_pool(way->dev, phys);

	if (unlikely(pool))
		__swiotlb_sync_single_for_device(way->dev, phys, size, way->dir,
						 pool);
	if (way->must_flush)
		dma_cache_to_device(phys, size, way->dir);
}

/* Once before one or many mappings are taken back. */
static __always_inline void dma_way_begin_to_cpu(const struct dma_way *way)
{
	if (way->must_flush)
		dma_cache_to_cpu_begin();
}

/*
 * Take a live mapping back.  The caches first, the bounce buffer after: it is
 * the CPU that copies it.
 */
static __always_inline void dma_way_to_cpu(const struct dma_way *way,
					   dma_addr_t addr, size_t size)
{
	phys_addr_t phys = dma_to_phys(way->dev, addr);
	struct io_tlb_pool *pool = swiotlb_find_pool(way->dev, phys);

	if (way->must_flush)
		dma_cache_to_cpu(phys, size, way->dir);
	if (unlikely(pool))
		__swiotlb_sync_single_for_cpu(way->dev, phys, size, way->dir,
					      pool);
	dma_cache_mark_clean(phys, size, way->dir);
}

/* The same, for the last time. */
static __always_inline void dma_way_unmap(const struct dma_way *way,
					  dma_addr_t addr, size_t size)
{
	phys_addr_t phys = dma_to_phys(way->dev, addr);
	struct io_tlb_pool *pool = swiotlb_find_pool(way->dev, phys);

	if (way->must_flush) {
		dma_cache_to_cpu(phys, size, way->dir);
		dma_cache_mark_clean(phys, size, way->dir);
	}
	if (unlikely(pool))
		__swiotlb_tbl_unmap_single(way->dev, phys, size, way->dir,
					   way->attrs, pool);
}

static __always_inline dma_addr_t
dma_direct_map_page(struct device *dev, struct page *page,
		    unsigned long offset, size_t size,
		    enum dma_data_direction dir, unsigned long attrs)
{
	struct dma_way way = dma_way_of(dev, dir, attrs);
	phys_addr_t start = page_to_phys(page) + offset;
	dma_addr_t addr = phys_to_dma(dev, start);

	if (likely(dev_is_dma_coherent(dev) && !way.must_bounce &&
		   dma_way_reaches(&way, start, addr, size)))
		return addr;
	return dma_direct_map_with_care(dev, page, start, size, dir, attrs);
}

static __always_inline void
dma_direct_unmap_page(struct device *dev, dma_addr_t addr, size_t size,
		      enum dma_data_direction dir, unsigned long attrs)
{
	if (unlikely(!dev_is_dma_coherent(dev) ||
		     swiotlb_may_hold(dev, dma_to_phys(dev, addr))))
		dma_direct_unmap_with_care(dev, addr, size, dir, attrs);
}

static inline void dma_direct_unmap_resource(struct device *dev,
					     dma_addr_t addr, size_t size,
					     enum dma_data_direction dir,
					     unsigned long attrs)
{
	/* Mapping them was arithmetic. */
}

static inline void
dma_direct_sync_single_for_device(struct device *dev, dma_addr_t addr,
				  size_t size, enum dma_data_direction dir)
{
	struct dma_way way = dma_way_of(dev, dir, 0);

	dma_way_to_device(&way, addr, size);
}

static inline void
dma_direct_sync_single_for_cpu(struct device *dev, dma_addr_t addr,
			       size_t size, enum dma_data_direction dir)
{
	struct dma_way way = dma_way_of(dev, dir, 0);

	dma_way_begin_to_cpu(&way);
	dma_way_to_cpu(&way, addr, size);
}

#endif /* _KERNEL_DMA_DIRECT_H */
