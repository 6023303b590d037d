// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel mappings of consistent memory, and the protection of any mapping of
 * it.  Only where there is an MMU.
 *
 * Such a mapping is known by VM_DMA_COHERENT; one of scattered pages keeps the
 * array of its pages, which is how its owner finds them again.
 *
 * No locks.
 */
#include <linux/dma-map-ops.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

/**
 * dma_pgprot - protection of a CPU mapping of consistent memory
 * @dev: the device
 * @prot: protection to start from
 * @attrs: DMA_ATTR_*
 *
 * Context: any.
 * Return: @prot itself for a coherent device, else with caching off.
 */
pgprot_t dma_pgprot(struct device *dev, pgprot_t prot, unsigned long attrs)
{
	if (dev_is_dma_coherent(dev))
		return prot;
	if (IS_ENABLED(CONFIG_ARCH_HAS_DMA_WRITE_COMBINE) &&
	    (attrs & DMA_ATTR_WRITE_COMBINE))
		return pgprot_writecombine(prot);
	return pgprot_dmacoherent(prot);
}

/**
 * dma_common_find_pages - the pages behind a mapping of scattered pages
 * @cpu_addr: address that dma_common_pages_remap() returned
 *
 * Context: any in which the address stays mapped.
 * Return: the array of pages, or NULL if this is not such a mapping.
 */
struct page **dma_common_find_pages(void *cpu_addr)
{
	struct vm_struct *area = find_vm_area(cpu_addr);

	if (!area || !(area->flags & VM_DMA_COHERENT))
		return NULL;
	WARN_ONCE(area->flags != VM_DMA_COHERENT,
		  "dma: mapping %p has flags %lx, expected %lx alone\n",
		  cpu_addr, area->flags, (unsigned long)VM_DMA_COHERENT);
	return area->pages;
}

/**
 * dma_common_pages_remap - map scattered pages at one kernel address
 * @pages: the pages; the mapping keeps the array
 * @size: in bytes
 * @prot: protection
 * @caller: not used any more
 *
 * Context: may sleep.
 * Return: the address, or NULL.
 */
void *dma_common_pages_remap(struct page **pages, size_t size, pgprot_t prot,
			     const void *caller)
{
	void *cpu_addr = vmap(pages, PFN_UP(size), VM_DMA_COHERENT, prot);

	if (cpu_addr)
		find_vm_area(cpu_addr)->pages = pages;
	return cpu_addr;
}

/**
 * dma_common_contiguous_remap - map contiguous pages at another address
 * @page: the first page
 * @size: in bytes
 * @prot: protection
 * @caller: not used any more
 *
 * Context: may sleep.
 * Return: the address, or NULL.
 */
void *dma_common_contiguous_remap(struct page *page, size_t size,
				  pgprot_t prot, const void *caller)
{
	unsigned long nr_pages = PFN_UP(size);
	struct page **pages;
	void *cpu_addr;

	/* vmap() wants them one by one; the array lives no longer than that. */
	pages = kvmalloc_array(nr_pages, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return NULL;
	for (unsigned long nr = 0; nr < nr_pages; nr++)
		pages[nr] = nth_page(page, nr);
	cpu_addr = vmap(pages, nr_pages, VM_DMA_COHERENT, prot);
	kvfree(pages);
	return cpu_addr;
}

/**
 * dma_common_free_remap - unmap what the two functions above mapped
 * @cpu_addr: the address
 * @size: not used any more
 *
 * Context: process context, may sleep.
 */
void dma_common_free_remap(void *cpu_addr, size_t size)
{
	struct vm_struct *area = find_vm_area(cpu_addr);

	if (WARN(!area || !(area->flags & VM_DMA_COHERENT),
		 "dma: %p is no mapping of consistent memory\n", cpu_addr))
		return;
	vunmap(cpu_addr);
}
