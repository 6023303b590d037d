// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scattered pages behind one contiguous range of I/O addresses.
 *
 * What makes an IOMMU worth its price for large buffers: no contiguous memory
 * is needed.  Pages are taken in the largest pieces that the page allocator
 * has ready and that the IOMMU has a page size for, and each piece is mapped
 * as a whole.
 *
 * The layer's dispatcher keeps the record; here is what only scattered pages
 * need.  A buffer of one piece is ordinary contiguous memory, which the
 * dispatcher maps and keeps like any other.
 *
 * No locks.
 */
#include <linux/dma-map-ops.h>
#include <linux/iommu-dma.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "domain.h"
#include "map.h"

/**
 * struct iommu_dma_scatter - scattered pages that a device sees in one row
 * @sgt: the pages as a table; its first entry has the device's address of all
 * @cpu_addr: where they are mapped for the CPU; NULL: nowhere
 * @mapped: bytes mapped for the device, which sg_dma_len() has no bits for
 * @nr_pages: how many
 * @pages: each of them
 */
struct iommu_dma_scatter {
	struct sg_table	sgt;
	void		*cpu_addr;
	size_t		mapped;
	unsigned int	nr_pages;
	struct page	*pages[] __counted_by(nr_pages);
};

/* Orders of pages that the IOMMU maps at once, and the least of them. */
static unsigned long useful_orders(const struct iommu_domain *domain,
				   unsigned long attrs)
{
	unsigned long orders = domain->pgsize_bitmap >> PAGE_SHIFT;

	/* Smaller sizes than the CPU's pages: any order is as good. */
	if (!orders || (domain->pgsize_bitmap & (PAGE_SIZE - 1)))
		orders |= 1;
	if (attrs & DMA_ATTR_ALLOC_SINGLE_PAGES)
		orders &= -orders;
	return orders & GENMASK(MAX_PAGE_ORDER, 0);
}

/*
 * The largest piece of at most @nr pages that is to be had; its order.  An order
 * that there is none of is taken out of @orders: the next piece would fail as well.
 */
static struct page *take_piece(struct device *dev, unsigned int nr, gfp_t gfp,
			       unsigned long *orders, unsigned int *order)
{
	unsigned int least = __ffs(*orders);
	unsigned long fitting;

	while ((fitting = *orders & GENMASK(__fls(nr), 0))) {
		gfp_t how = gfp;
		struct page *page;

		*order = __fls(fitting);
		/* A smaller piece serves as well: no effort for a large one. */
		if (*order > least)
			how |= __GFP_NORETRY | __GFP_NOWARN;
		page = alloc_pages_node(dev_to_node(dev), how, *order);
		if (page)
			return page;
		*orders &= ~BIT(*order);
	}
	return NULL;
}

static void give_pages(struct iommu_dma_scatter *scatter, unsigned int nr)
{
	while (nr--)
		__free_page(scatter->pages[nr]);
}

static int take_pages(struct iommu_dma_scatter *scatter, struct device *dev,
		      gfp_t gfp, unsigned long orders)
{
	unsigned int nr = 0, order;

	while (nr < scatter->nr_pages) {
		struct page *page = take_piece(dev, scatter->nr_pages - nr, gfp,
					       &orders, &order);

		if (!page) {
			give_pages(scatter, nr);
			return -ENOMEM;
		}
		if (order)
			split_page(page, order);
		for (unsigned int i = 0; i < 1U << order; i++)
			scatter->pages[nr++] = page++;
	}
	return 0;
}

static struct iommu_dma_scatter *make_scatter(struct device *dev, size_t size,
					      gfp_t gfp, unsigned long attrs)
{
	struct iommu_domain *domain = iommu_get_dma_domain(dev);
	struct iommu_dma_scatter *scatter;
	unsigned long nr_pages;

	/* More than there is can't be had, and need not fit into an int. */
	nr_pages = PAGE_ALIGN(size) >> PAGE_SHIFT;
	if (!size || nr_pages > totalram_pages())
		return NULL;
	/* A piece is at least one page of the IOMMU's. */
	nr_pages = dma_domain_align(domain->iova_cookie, PAGE_ALIGN(size)) >>
		   PAGE_SHIFT;
	scatter = kvzalloc(struct_size(scatter, pages, nr_pages), GFP_KERNEL);
	if (!scatter)
		return NULL;
	scatter->nr_pages = nr_pages;

	/* Any page will do, wherever it is; the IOMMU brings it into reach. */
	gfp &= ~(__GFP_DMA | __GFP_DMA32 | __GFP_COMP);
	gfp |= __GFP_HIGHMEM | __GFP_ZERO | __GFP_NOWARN;
	if (take_pages(scatter, dev, gfp, useful_orders(domain, attrs)))
		goto free;
	if (sg_alloc_table_from_pages(&scatter->sgt, scatter->pages, nr_pages,
				      0, size, GFP_KERNEL))
		goto give;
	return scatter;
give:
	give_pages(scatter, nr_pages);
free:
	kvfree(scatter);
	return NULL;
}

/* Pages that the device may still reach stay nobody else's. */
static void destroy_scatter(struct iommu_dma_scatter *scatter, bool is_unmapped)
{
	sg_free_table(&scatter->sgt);
	if (is_unmapped)
		give_pages(scatter, scatter->nr_pages);
	kvfree(scatter);
}

/* Map all pieces in one row, as far as possible: of @done bytes. */
static int map_pieces(struct iommu_dma_cookie *cookie,
		      struct iommu_dma_scatter *scatter, dma_addr_t addr,
		      int prot, size_t *done)
{
	struct scatterlist *sg;
	int i, err = 0;

	*done = 0;
	for_each_sgtable_sg(&scatter->sgt, sg, i) {
		size_t size = dma_domain_align(cookie, sg->length), part;

		err = dma_io_set(cookie, addr + *done, sg_phys(sg),
				 size, prot, GFP_KERNEL, &part);
		*done += part;
		if (err)
			return err;
	}
	return dma_io_set_done(cookie, addr, *done);
}

static void flush_caches(struct iommu_dma_scatter *scatter)
{
	struct scatterlist *sg;
	int i;

	for_each_sgtable_sg(&scatter->sgt, sg, i)
		arch_dma_prep_coherent(sg_page(sg), sg->length);
}

static struct iommu_dma_scatter *make_mapped(struct device *dev, size_t size,
					     int prot, gfp_t gfp,
					     unsigned long attrs)
{
	struct iommu_dma_cookie *cookie = dma_domain_of(dev);
	struct iommu_dma_scatter *scatter;
	bool is_unmapped = true;
	dma_addr_t addr;
	size_t done;

	if (!cookie)
		return NULL;
	scatter = make_scatter(dev, size, gfp, attrs);
	if (!scatter)
		return NULL;
	if (!(prot & IOMMU_CACHE))
		flush_caches(scatter);

	size = dma_domain_align(cookie, size);
	addr = dma_io_get(cookie, dev, size, dev->coherent_dma_mask);
	if (!addr)
		goto destroy;
	sg_dma_address(scatter->sgt.sgl) = addr;
	sg_dma_len(scatter->sgt.sgl) = size;
	scatter->mapped = size;
	if (!map_pieces(cookie, scatter, addr, prot, &done))
		return scatter;
	is_unmapped = dma_io_undo(cookie, dev, addr, size, done);
destroy:
	destroy_scatter(scatter, is_unmapped);
	return NULL;
}

static void destroy_mapped(struct device *dev,
			   struct iommu_dma_scatter *scatter)
{
	struct iommu_dma_cookie *cookie = dma_domain_serving(dev);

	destroy_scatter(scatter,
			dma_io_unmap(cookie, dev,
				     sg_dma_address(scatter->sgt.sgl),
				     scatter->mapped));
}

/**
 * iommu_dma_granule - what a device's IOMMU maps at least
 * @dev: the device, behind an IOMMU
 *
 * Context: any.
 * Return: its smallest page size, in bytes, but not less than the CPU's.
 */
size_t iommu_dma_granule(struct device *dev)
{
	return max(dma_domain_granule(dma_domain_serving(dev)), PAGE_SIZE);
}

/**
 * iommu_dma_alloc_scatter - consistent memory of scattered pages
 * @dev: the device
 * @size: in bytes
 * @cpu_addr: set to the CPU's address; with DMA_ATTR_NO_KERNEL_MAPPING to
 *	something that is not one
 * @dma_addr: set to the device's address
 * @gfp: GFP flags
 * @attrs: DMA_ATTR_*
 *
 * Context: may sleep.
 * Return: what to free it by; NULL without memory or addresses.
 */
struct iommu_dma_scatter *
iommu_dma_alloc_scatter(struct device *dev, size_t size, void **cpu_addr,
			dma_addr_t *dma_addr, gfp_t gfp, unsigned long attrs)
{
	int prot = dma_io_prot(dev, DMA_BIDIRECTIONAL, attrs);
	struct iommu_dma_scatter *scatter;

	scatter = make_mapped(dev, size, prot, gfp, attrs);
	if (!scatter)
		return NULL;
	*dma_addr = sg_dma_address(scatter->sgt.sgl);
	*cpu_addr = scatter->pages[0];
	if (attrs & DMA_ATTR_NO_KERNEL_MAPPING)
		return scatter;

	scatter->cpu_addr = dma_common_pages_remap(scatter->pages,
						   PAGE_ALIGN(size),
						   dma_pgprot(dev, PAGE_KERNEL,
							      attrs),
						   __builtin_return_address(0));
	if (!scatter->cpu_addr) {
		destroy_mapped(dev, scatter);
		return NULL;
	}
	*cpu_addr = scatter->cpu_addr;
	return scatter;
}

/**
 * iommu_dma_free_scatter - free such memory
 * @scatter: what was returned; iommu_dma_unmap_memory() has taken it from the
 *	device, which may be gone by now
 *
 * Context: may sleep.
 */
void iommu_dma_free_scatter(struct iommu_dma_scatter *scatter)
{
	if (scatter->cpu_addr)
		dma_common_free_remap(scatter->cpu_addr,
				      (size_t)scatter->nr_pages << PAGE_SHIFT);
	destroy_scatter(scatter, true);
}

/**
 * iommu_dma_scatter_sgtable - a table of a part of such memory
 * @scatter: the memory
 * @sgt: filled in; the caller frees it by sg_free_table()
 * @offset: of the part, in bytes, a multiple of PAGE_SIZE
 * @size: of the part, in bytes; inside the memory
 *
 * Context: may sleep.
 * Return: 0 or a negative error.
 */
int iommu_dma_scatter_sgtable(struct iommu_dma_scatter *scatter,
			      struct sg_table *sgt, size_t offset, size_t size)
{
	return sg_alloc_table_from_pages(sgt,
					 scatter->pages + (offset >> PAGE_SHIFT),
					 PAGE_ALIGN(size) >> PAGE_SHIFT, 0,
					 size, GFP_KERNEL);
}

/*
 * Map by page frames into what the driver said has no pages, since the page
 * tables must not be told otherwise then.
 */
static int mmap_frames(struct vm_area_struct *vma, struct page **pages)
{
	unsigned long addr = vma->vm_start;
	int err = 0;

	for (; addr < vma->vm_end && !err; addr += PAGE_SIZE)
		err = remap_pfn_range(vma, addr, page_to_pfn(*pages++),
				      PAGE_SIZE, vma->vm_page_prot);
	return err;
}

/**
 * iommu_dma_scatter_mmap - map a part of such memory into user space
 * @scatter: the memory
 * @vma: the mapping, with its final protection; it lies inside the part
 * @offset: of the part, in bytes, a multiple of PAGE_SIZE
 *
 * Whatever flags the driver has set on @vma, it is mapped or refused.
 *
 * Context: process context, mmap_lock held for writing.
 * Return: 0 or a negative error.
 */
int iommu_dma_scatter_mmap(struct iommu_dma_scatter *scatter,
			   struct vm_area_struct *vma, size_t offset)
{
	struct page **pages = scatter->pages + (offset >> PAGE_SHIFT) +
			      vma->vm_pgoff;
	unsigned long nr = vma_pages(vma);

	if (vma->vm_flags & VM_PFNMAP)
		return mmap_frames(vma, pages);
	return vm_insert_pages(vma, vma->vm_start, pages, &nr);
}

static struct iommu_dma_scatter *scatter_of(struct sg_table *sgt)
{
	return container_of(sgt, struct iommu_dma_scatter, sgt);
}

/**
 * iommu_dma_alloc_noncontiguous - pages that only the device sees in one row
 * @dev: the device
 * @size: in bytes
 * @dir: direction
 * @gfp: GFP flags
 * @attrs: DMA_ATTR_ALLOC_SINGLE_PAGES or nothing
 *
 * Context: may sleep.
 * Return: a table whose first entry maps all of it, or NULL.
 */
struct sg_table *iommu_dma_alloc_noncontiguous(struct device *dev, size_t size,
					       enum dma_data_direction dir,
					       gfp_t gfp, unsigned long attrs)
{
	struct iommu_dma_scatter *scatter;

	/* Cacheable: whoever uses it makes the sync calls. */
	scatter = make_mapped(dev, size, dma_io_prot(dev, dir, attrs), gfp,
			      attrs);
	if (scatter)
		return &scatter->sgt;
	if (!(gfp & __GFP_NOWARN))
		dev_warn_ratelimited(dev,
				     "no noncontiguous DMA memory for %zu bytes, gfp %pGg: no pages or no I/O addresses left\n",
				     size, &gfp);
	return NULL;
}

/**
 * iommu_dma_free_noncontiguous - free such pages
 * @dev: the device
 * @size: as allocated
 * @sgt: what was returned
 * @dir: as allocated
 *
 * Context: may sleep.
 */
void iommu_dma_free_noncontiguous(struct device *dev, size_t size,
				  struct sg_table *sgt,
				  enum dma_data_direction dir)
{
	destroy_mapped(dev, scatter_of(sgt));
}

/**
 * iommu_dma_vmap_noncontiguous - the CPU's address of such pages
 * @dev: the device
 * @size: in bytes
 * @sgt: what was returned
 *
 * Context: may sleep.
 * Return: the address, or NULL.
 */
void *iommu_dma_vmap_noncontiguous(struct device *dev, size_t size,
				   struct sg_table *sgt)
{
	return vmap(scatter_of(sgt)->pages, PAGE_ALIGN(size) >> PAGE_SHIFT,
		    VM_MAP, PAGE_KERNEL);
}

/**
 * iommu_dma_mmap_noncontiguous - map such pages into user space
 * @dev: the device
 * @vma: the mapping
 * @size: in bytes
 * @sgt: what was returned
 *
 * Context: process context, mmap_lock held for writing.
 * Return: 0; -ENXIO if the mapping leaves the pages; another negative error.
 */
int iommu_dma_mmap_noncontiguous(struct device *dev, struct vm_area_struct *vma,
				 size_t size, struct sg_table *sgt)
{
	unsigned long nr = PAGE_ALIGN(size) >> PAGE_SHIFT;

	if (vma->vm_pgoff >= nr || vma_pages(vma) > nr - vma->vm_pgoff)
		return -ENXIO;
	return iommu_dma_scatter_mmap(scatter_of(sgt), vma, 0);
}
