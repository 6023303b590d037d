/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The DMA API behind an IOMMU: what kernel/dma/ calls in drivers/iommu/dma/.
 *
 * Which devices these serve is decided when a device comes to its domain, and
 * kept in dev->dma_iommu.
 */
#ifndef _LINUX_IOMMU_DMA_H
#define _LINUX_IOMMU_DMA_H

#include <linux/device.h>
#include <linux/dma-direction.h>

struct iommu_dma_scatter;
struct page;
struct scatterlist;
struct sg_table;
struct vm_area_struct;

static inline bool use_dma_iommu(struct device *dev)
{
#ifdef CONFIG_IOMMU_DMA
	return dev->dma_iommu;
#else
	return false;
#endif
}

/* Single buffers, and registers of other devices: stream.c */
dma_addr_t iommu_dma_map_page(struct device *dev, struct page *page,
			      unsigned long offset, size_t size,
			      enum dma_data_direction dir, unsigned long attrs);
void iommu_dma_unmap_page(struct device *dev, dma_addr_t dma_handle,
			  size_t size, enum dma_data_direction dir,
			  unsigned long attrs);
dma_addr_t iommu_dma_map_resource(struct device *dev, phys_addr_t phys,
				  size_t size, enum dma_data_direction dir,
				  unsigned long attrs);
void iommu_dma_unmap_resource(struct device *dev, dma_addr_t handle,
			      size_t size, enum dma_data_direction dir,
			      unsigned long attrs);
void iommu_dma_sync_single_for_cpu(struct device *dev, dma_addr_t dma_handle,
				   size_t size, enum dma_data_direction dir);
void iommu_dma_sync_single_for_device(struct device *dev,
				      dma_addr_t dma_handle, size_t size,
				      enum dma_data_direction dir);
bool iommu_dma_need_sync(struct device *dev, dma_addr_t dma_addr);
unsigned long iommu_dma_get_merge_boundary(struct device *dev);
size_t iommu_dma_opt_mapping_size(void);
size_t iommu_dma_max_mapping_size(struct device *dev);

/* What small buffers are copied through: shadow.c */
#ifdef CONFIG_IOMMU_DMA
void iommu_dma_driver_gone(struct device *dev);
#else
static inline void iommu_dma_driver_gone(struct device *dev)
{
}
#endif

/* Lists: sg.c */
int iommu_dma_map_sg(struct device *dev, struct scatterlist *sg, int nents,
		     enum dma_data_direction dir, unsigned long attrs);
void iommu_dma_unmap_sg(struct device *dev, struct scatterlist *sg, int nents,
			enum dma_data_direction dir, unsigned long attrs);
void iommu_dma_sync_sg_for_cpu(struct device *dev, struct scatterlist *sgl,
			       int nelems, enum dma_data_direction dir);
void iommu_dma_sync_sg_for_device(struct device *dev, struct scatterlist *sgl,
				  int nelems, enum dma_data_direction dir);

/* The layer's own memory: stream.c, identity.c, alloc.c */
dma_addr_t iommu_dma_map_memory(struct device *dev, phys_addr_t phys,
				size_t size, enum dma_data_direction dir,
				unsigned long attrs);
bool iommu_dma_unmap_memory(struct device *dev, dma_addr_t addr, size_t size);
int iommu_dma_map_identity(struct device *dev, phys_addr_t phys, size_t size);
bool iommu_dma_has_identity(struct device *dev, phys_addr_t phys, size_t size);
void iommu_dma_unmap_identity(struct device *dev, phys_addr_t phys,
			      size_t size);
size_t iommu_dma_granule(struct device *dev);
struct iommu_dma_scatter *
iommu_dma_alloc_scatter(struct device *dev, size_t size, void **cpu_addr,
			dma_addr_t *dma_addr, gfp_t gfp, unsigned long attrs);
void iommu_dma_free_scatter(struct iommu_dma_scatter *scatter);
int iommu_dma_scatter_sgtable(struct iommu_dma_scatter *scatter,
			      struct sg_table *sgt, size_t offset, size_t size);
int iommu_dma_scatter_mmap(struct iommu_dma_scatter *scatter,
			   struct vm_area_struct *vma, size_t offset);

/* Scattered pages that drivers handle themselves: alloc.c */
struct sg_table *iommu_dma_alloc_noncontiguous(struct device *dev, size_t size,
					       enum dma_data_direction dir,
					       gfp_t gfp, unsigned long attrs);
void iommu_dma_free_noncontiguous(struct device *dev, size_t size,
				  struct sg_table *sgt,
				  enum dma_data_direction dir);
void *iommu_dma_vmap_noncontiguous(struct device *dev, size_t size,
				   struct sg_table *sgt);
int iommu_dma_mmap_noncontiguous(struct device *dev, struct vm_area_struct *vma,
				 size_t size, struct sg_table *sgt);

#endif /* _LINUX_IOMMU_DMA_H */
