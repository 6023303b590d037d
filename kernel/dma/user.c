// SPDX-License-Identifier: GPL-2.0-only
/*
 * Handing buffers on: to user space by mmap(), and as scatterlists.
 *
 * The check of the range and the one-entry table stand here, once, for every
 * kind of buffer.
 *
 * No locks; the caller of mmap() holds mmap_lock for writing.
 */
#include <linux/dma-map-ops.h>
#include <linux/dma-sg.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/vmalloc.h>

#include "user.h"

/**
 * dma_user_fits - does what user space asked for lie in the buffer?
 * @vma: the mapping; vm_pgoff counts pages from the buffer's start
 * @size: of the buffer, in bytes
 *
 * Context: any.
 * Return: true if so.
 */
bool dma_user_fits(struct vm_area_struct *vma, size_t size)
{
	unsigned long nr_pages = PAGE_ALIGN(size) >> PAGE_SHIFT;

	return vma->vm_pgoff < nr_pages &&
	       vma_pages(vma) <= nr_pages - vma->vm_pgoff;
}

/**
 * dma_user_mmap_pfn - map contiguous memory into user space
 * @vma: the mapping, with its final protection
 * @pfn: of the buffer's first page
 * @size: of the buffer, in bytes
 *
 * Context: process context, may sleep.
 * Return: 0; -ENXIO if the mapping leaves the buffer; or what
 * remap_pfn_range() says.
 */
int dma_user_mmap_pfn(struct vm_area_struct *vma, unsigned long pfn,
		      size_t size)
{
	if (!dma_user_fits(vma, size))
		return -ENXIO;
	return remap_pfn_range(vma, vma->vm_start, pfn + vma->vm_pgoff,
			       vma_pages(vma) << PAGE_SHIFT,
			       vma->vm_page_prot);
}

/**
 * dma_user_pfn_of - the page behind an address of the kernel's
 * @cpu_addr: of contiguous memory, remapped or not
 *
 * Context: any.
 * Return: its page frame number.
 */
unsigned long dma_user_pfn_of(void *cpu_addr)
{
	return is_vmalloc_addr(cpu_addr) ? vmalloc_to_pfn(cpu_addr) :
					   PHYS_PFN(virt_to_phys(cpu_addr));
}

/**
 * dma_user_mmap_kernel - map contiguous memory that no record tells of
 * @dev: whose memory
 * @vma: the mapping
 * @cpu_addr: the CPU's address
 * @size: of the buffer, in bytes
 * @attrs: DMA_ATTR_*
 *
 * Context: process context, mmap_lock held for writing.
 * Return: as dma_user_mmap_pfn().
 */
int dma_user_mmap_kernel(struct device *dev, struct vm_area_struct *vma,
			 void *cpu_addr, size_t size, unsigned long attrs)
{
	vma->vm_page_prot = dma_pgprot(dev, vma->vm_page_prot, attrs);
	return dma_user_mmap_pfn(vma, dma_user_pfn_of(cpu_addr), size);
}

/* A list names memory without struct pages: mapping one has to be careful. */
DEFINE_STATIC_KEY_FALSE(dma_has_bare_lists);

/**
 * dma_user_mmap_pages - map contiguous pages into user space
 * @vma: the mapping, with its final protection
 * @page: the buffer's first page; each has a reference count of its own
 * @size: of the buffer, in bytes
 *
 * They are mapped as pages, which can be held: for O_DIRECT, say.  But if the
 * driver has said that there are none, the page tables must not tell otherwise.
 *
 * Context: process context, may sleep.
 * Return: 0; -ENXIO if the mapping leaves the buffer; or what
 * vm_insert_page() says.
 */
int dma_user_mmap_pages(struct vm_area_struct *vma, struct page *page,
			size_t size)
{
	unsigned long addr = vma->vm_start;
	int err = 0;

	if (!IS_ENABLED(CONFIG_MMU) || (vma->vm_flags & VM_PFNMAP))
		return dma_user_mmap_pfn(vma, page_to_pfn(page), size);
	if (!dma_user_fits(vma, size))
		return -ENXIO;
	page += vma->vm_pgoff;
	for (; addr < vma->vm_end && !err; addr += PAGE_SIZE)
		err = vm_insert_page(vma, addr, page++);
	return err;
}

/**
 * dma_user_sgtable - a table of one entry for contiguous memory
 * @sgt: filled in; the caller frees it by sg_free_table()
 * @pfn: of the first page
 * @size: in bytes
 *
 * Pools outside of RAM have no struct pages.  Who exports such a buffer maps
 * the list again, and needs no more of a page than its number.
 *
 * Context: may sleep.
 * Return: 0; -ENXIO if this memory can't be named by pages; -ENOMEM.
 */
int dma_user_sgtable(struct sg_table *sgt, unsigned long pfn, size_t size)
{
	unsigned long last = pfn + ((PAGE_ALIGN(size) >> PAGE_SHIFT) - 1);
	int err;

	if (!dma_user_can_name(pfn) || !dma_user_can_name(last))
		return -ENXIO;
	if (!pfn_valid(pfn) || !pfn_valid(last))
		static_branch_enable(&dma_has_bare_lists);
	err = sg_alloc_table(sgt, 1, GFP_KERNEL);
	if (!err)
		sg_set_page(sgt->sgl, pfn_to_page(pfn), PAGE_ALIGN(size), 0);
	return err;
}
