/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Copying between a driver's buffer and memory that stands in for it.
 */
#ifndef _LINUX_DMA_COPY_H
#define _LINUX_DMA_COPY_H

#include <linux/highmem.h>
#include <linux/io.h>
#include <linux/kmsan-checks.h>
#include <linux/mm.h>

/* With a buffer that may lie in high memory: page by page. */
static inline void dma_copy_pages(phys_addr_t phys, void *copy, size_t size,
				  bool is_in)
{
	while (size) {
		struct page *page = pfn_to_page(PHYS_PFN(phys));
		size_t offset = offset_in_page(phys);
		size_t part = min_t(size_t, size, PAGE_SIZE - offset);

		if (is_in)
			memcpy_from_page(copy, page, offset, part);
		else
			memcpy_to_page(page, offset, copy, part);
		phys += part;
		copy += part;
		size -= part;
	}
}

/* Copy a buffer at @phys into @copy, or back. */
static __always_inline void dma_copy(phys_addr_t phys, void *copy, size_t size,
				     bool is_in)
{
	void *from, *to;

	/* What a device has written is not known to be uninitialised. */
	if (!is_in)
		kmsan_unpoison_memory(copy, size);
	if (IS_ENABLED(CONFIG_HIGHMEM)) {
		dma_copy_pages(phys, copy, size, is_in);
		return;
	}
	from = is_in ? phys_to_virt(phys) : copy;
	to = is_in ? copy : phys_to_virt(phys);
	if (size == PAGE_SIZE && PAGE_ALIGNED(phys) && PAGE_ALIGNED(copy))
		copy_page(to, from);	/* the fastest way there is */
	else
		memcpy(to, from, size);
}

#endif /* _LINUX_DMA_COPY_H */
