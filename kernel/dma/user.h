/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Handing buffers on: to user space, and as scatterlists.
 */
#ifndef _KERNEL_DMA_USER_H
#define _KERNEL_DMA_USER_H

#include <linux/mm.h>
#include <linux/types.h>

struct page;
struct sg_table;
struct vm_area_struct;

bool dma_user_fits(struct vm_area_struct *vma, size_t size);
int dma_user_mmap_pfn(struct vm_area_struct *vma, unsigned long pfn,
		      size_t size);
unsigned long dma_user_pfn_of(void *cpu_addr);
int dma_user_mmap_kernel(struct device *dev, struct vm_area_struct *vma,
			 void *cpu_addr, size_t size, unsigned long attrs);
int dma_user_mmap_pages(struct vm_area_struct *vma, struct page *page,
			size_t size);
int dma_user_sgtable(struct sg_table *sgt, unsigned long pfn, size_t size);

/*
 * Can the address of a struct page stand for memory that has none?  So it is
 * where these addresses are arithmetic.
 */
#ifdef CONFIG_SPARSEMEM
static inline bool dma_user_can_name(unsigned long pfn)
{
	return pfn_valid(pfn) || (IS_ENABLED(CONFIG_SPARSEMEM_VMEMMAP) &&
				  pfn_to_section_nr(pfn) < NR_MEM_SECTIONS);
}
#else
static inline bool dma_user_can_name(unsigned long pfn)
{
	return page_to_pfn(pfn_to_page(pfn)) == pfn;
}
#endif

#endif /* _KERNEL_DMA_USER_H */
