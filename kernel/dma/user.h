/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Handing buffers on: to user space, and as scatterlists.
 */
#ifndef _KERNEL_DMA_USER_H
#define _KERNEL_DMA_USER_H

#include <linux/types.h>

struct sg_table;
struct vm_area_struct;

bool dma_user_fits(struct vm_area_struct *vma, size_t size);
int dma_user_mmap_pfn(struct vm_area_struct *vma, unsigned long pfn,
		      size_t size);
int dma_user_sgtable(struct sg_table *sgt, unsigned long pfn, size_t size);

#endif /* _KERNEL_DMA_USER_H */
