/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The route by external ops: struct dma_map_ops that a bus or a platform
 * brought along.  Most members are optional; here is what a missing one means.
 * The names are those of the other two routes, so that dma_by_route() can
 * choose among three direct calls.
 */
#ifndef _KERNEL_DMA_OPS_H
#define _KERNEL_DMA_OPS_H

#include <linux/dma-map-ops.h>

static inline dma_addr_t
dma_ops_map_page(struct device *dev, struct page *page, unsigned long offset,
		 size_t size, enum dma_data_direction dir, unsigned long attrs)
{
	return get_dma_ops(dev)->map_page(dev, page, offset, size, dir, attrs);
}

static inline void
dma_ops_unmap_page(struct device *dev, dma_addr_t addr, size_t size,
		   enum dma_data_direction dir, unsigned long attrs)
{
	const struct dma_map_ops *by = get_dma_ops(dev);

	if (by->unmap_page)
		by->unmap_page(dev, addr, size, dir, attrs);
}

static inline int
dma_ops_map_sg(struct device *dev, struct scatterlist *sgl, int nents,
	       enum dma_data_direction dir, unsigned long attrs)
{
	return get_dma_ops(dev)->map_sg(dev, sgl, nents, dir, attrs);
}

static inline void
dma_ops_unmap_sg(struct device *dev, struct scatterlist *sgl, int nents,
		 enum dma_data_direction dir, unsigned long attrs)
{
	const struct dma_map_ops *by = get_dma_ops(dev);

	if (by->unmap_sg)
		by->unmap_sg(dev, sgl, nents, dir, attrs);
}

static inline dma_addr_t
dma_ops_map_resource(struct device *dev, phys_addr_t phys, size_t size,
		     enum dma_data_direction dir, unsigned long attrs)
{
	const struct dma_map_ops *by = get_dma_ops(dev);

	return by->map_resource ?
	       by->map_resource(dev, phys, size, dir, attrs) :
	       DMA_MAPPING_ERROR;
}

static inline void
dma_ops_unmap_resource(struct device *dev, dma_addr_t addr, size_t size,
		       enum dma_data_direction dir, unsigned long attrs)
{
	const struct dma_map_ops *by = get_dma_ops(dev);

	if (by->unmap_resource)
		by->unmap_resource(dev, addr, size, dir, attrs);
}

static inline void
dma_ops_sync_single_for_cpu(struct device *dev, dma_addr_t addr, size_t size,
			    enum dma_data_direction dir)
{
	const struct dma_map_ops *by = get_dma_ops(dev);

	if (by->sync_single_for_cpu)
		by->sync_single_for_cpu(dev, addr, size, dir);
}

static inline void
dma_ops_sync_single_for_device(struct device *dev, dma_addr_t addr,
			       size_t size, enum dma_data_direction dir)
{
	const struct dma_map_ops *by = get_dma_ops(dev);

	if (by->sync_single_for_device)
		by->sync_single_for_device(dev, addr, size, dir);
}

static inline void
dma_ops_sync_sg_for_cpu(struct device *dev, struct scatterlist *sgl,
			int nents, enum dma_data_direction dir)
{
	const struct dma_map_ops *by = get_dma_ops(dev);

	if (by->sync_sg_for_cpu)
		by->sync_sg_for_cpu(dev, sgl, nents, dir);
}

static inline void
dma_ops_sync_sg_for_device(struct device *dev, struct scatterlist *sgl,
			   int nents, enum dma_data_direction dir)
{
	const struct dma_map_ops *by = get_dma_ops(dev);

	if (by->sync_sg_for_device)
		by->sync_sg_for_device(dev, sgl, nents, dir);
}

/* Nobody can tell, so yes. */
static inline bool dma_ops_need_sync(struct device *dev, dma_addr_t addr)
{
	return true;
}

/* Do the ops have nothing to do in any of the sync calls? */
static inline bool dma_ops_never_sync(struct device *dev)
{
	const struct dma_map_ops *by = get_dma_ops(dev);

	return !(by->sync_single_for_device || by->sync_single_for_cpu ||
		 by->sync_sg_for_device || by->sync_sg_for_cpu);
}

static inline int dma_ops_supported(struct device *dev, u64 mask)
{
	const struct dma_map_ops *by = get_dma_ops(dev);

	return by->dma_supported ? by->dma_supported(dev, mask) : 1;
}

/* There is a translation: 32 bits do, and are the cheapest to issue. */
static inline u64 dma_ops_get_required_mask(struct device *dev)
{
	const struct dma_map_ops *by = get_dma_ops(dev);

	return by->get_required_mask ? by->get_required_mask(dev) :
				       DMA_BIT_MASK(32);
}

static inline size_t dma_ops_max_mapping_size(struct device *dev)
{
	const struct dma_map_ops *by = get_dma_ops(dev);

	return by->max_mapping_size ? by->max_mapping_size(dev) : SIZE_MAX;
}

static inline size_t dma_ops_opt_mapping_size(struct device *dev)
{
	const struct dma_map_ops *by = get_dma_ops(dev);

	return by->opt_mapping_size ? by->opt_mapping_size() : SIZE_MAX;
}

static inline unsigned long dma_ops_get_merge_boundary(struct device *dev)
{
	const struct dma_map_ops *by = get_dma_ops(dev);

	return by->get_merge_boundary ? by->get_merge_boundary(dev) : 0;
}

static inline void *dma_ops_alloc(struct device *dev, size_t size,
				  dma_addr_t *dma_addr, gfp_t gfp,
				  unsigned long attrs)
{
	const struct dma_map_ops *by = get_dma_ops(dev);

	return by->alloc ? by->alloc(dev, size, dma_addr, gfp, attrs) : NULL;
}

/* Free what ops allocated.  False if they never allocate. */
static inline bool dma_ops_free(struct device *dev, size_t size,
				void *cpu_addr, dma_addr_t dma_addr,
				unsigned long attrs)
{
	const struct dma_map_ops *by = get_dma_ops(dev);

	if (!by || !by->free)
		return false;
	dev_WARN_ONCE(dev, irqs_disabled(),
		      "external ops may sleep in a free, and interrupts are disabled\n");
	by->free(dev, size, cpu_addr, dma_addr, attrs);
	return true;
}

static inline struct page *
dma_ops_alloc_pages(struct device *dev, size_t size, dma_addr_t *dma_addr,
		    enum dma_data_direction dir, gfp_t gfp)
{
	const struct dma_map_ops *by = get_dma_ops(dev);

	return by->alloc_pages_op ?
	       by->alloc_pages_op(dev, size, dma_addr, dir, gfp) : NULL;
}

/* Free pages that ops allocated.  False if they never allocate. */
static inline bool dma_ops_free_pages(struct device *dev, size_t size,
				      struct page *page, dma_addr_t dma_addr,
				      enum dma_data_direction dir)
{
	const struct dma_map_ops *by = get_dma_ops(dev);

	if (!by || !by->free_pages)
		return false;
	by->free_pages(dev, size, page, dma_addr, dir);
	return true;
}

static inline int dma_ops_get_sgtable(struct device *dev, struct sg_table *sgt,
				      void *cpu_addr, dma_addr_t dma_addr,
				      size_t size, unsigned long attrs)
{
	const struct dma_map_ops *by = get_dma_ops(dev);

	if (!by->get_sgtable)
		return -ENXIO;
	return by->get_sgtable(dev, sgt, cpu_addr, dma_addr, size, attrs);
}

static inline bool dma_ops_can_mmap(struct device *dev)
{
	return get_dma_ops(dev)->mmap;
}

static inline int dma_ops_mmap(struct device *dev, struct vm_area_struct *vma,
			       void *cpu_addr, dma_addr_t dma_addr,
			       size_t size, unsigned long attrs)
{
	const struct dma_map_ops *by = get_dma_ops(dev);

	if (!by->mmap)
		return -ENXIO;
	return by->mmap(dev, vma, cpu_addr, dma_addr, size, attrs);
}

#endif /* _KERNEL_DMA_OPS_H */
