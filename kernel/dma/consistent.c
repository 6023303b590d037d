// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entry points for consistent memory, as drivers call them.
 *
 * Each of them checks what the driver passed, asks for the route once, lets
 * the dispatcher or the device's ops do the work, and tells tracing, debugging
 * and KMSAN.  There is no policy here: see alloc.c.
 *
 * A buffer that the ledger knows is handled by its record, whatever the route
 * is today.  One that it does not know is the ops' own, or a mistake.
 *
 * No locks.
 */
#include <linux/dma-map-ops.h>
#include <linux/export.h>
#include <linux/iommu.h>
#include <linux/iommu-dma.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "backend.h"
#include "coherent.h"
#include "fault.h"
#include "ledger.h"
#include "observe.h"
#include "pages.h"
#include "user.h"

/* Ops give a device its memory, unless it has a pool of its own. */
static bool is_for_ops(const struct dma_request *req)
{
	return req->route == DMA_ROUTE_OPS && !dma_has_device_pool(req->dev);
}

/* The GFP flags that no kind of DMA memory can have. */
static bool has_bad_gfp(struct device *dev, gfp_t gfp, gfp_t bad)
{
	return dev_WARN_ONCE(dev, gfp & bad, "GFP flags %pGg are not for DMA memory\n",
			     &gfp);
}

static bool has_no_mask(struct device *dev)
{
	/* A pool of the device's own is in its reach, whatever the mask. */
	return dev_WARN_ONCE(dev, !dev->coherent_dma_mask &&
				  !dma_has_device_pool(dev),
			     "no coherent DMA mask: the driver has to call dma_set_coherent_mask()\n");
}

/* Ask the dispatcher or the ops. */
static void *alloc(struct device *dev, size_t size, dma_addr_t *dma_handle,
		   gfp_t gfp, unsigned long attrs)
{
	struct dma_allocation *record;
	struct dma_request req;

	*dma_handle = 0;
	/* A buffer is not one folio: it may be split and mapped in parts. */
	if (has_no_mask(dev) || has_bad_gfp(dev, gfp, __GFP_COMP))
		return NULL;

	req = dma_request_of(dev, size, gfp, attrs);
	if (is_for_ops(&req))
		return dma_ops_alloc(dev, size, dma_handle, req.gfp, req.attrs);
	if (dma_dispatch(&req, &record))
		return NULL;
	*dma_handle = record->dma_addr;
	return record->cpu_addr;
}

/**
 * dma_alloc_attrs - allocate memory that device and CPU see alike
 * @dev: the device; its coherent_dma_mask has to be set
 * @size: in bytes; rounded up to pages
 * @dma_handle: set to the device's address
 * @flag: GFP flags; zone modifiers are ignored, __GFP_COMP is refused
 * @attrs: DMA_ATTR_*
 *
 * The memory is zeroed and aligned to the smallest power of two of pages that
 * holds @size (Documentation/core-api/dma-api-howto.rst).
 *
 * Context: may sleep if @flag allows, else any.
 * Return: the CPU's address, or NULL; unless DMA_ATTR_NO_WARN or __GFP_NOWARN
 * is given, one line in the log tells why.
 */
void *dma_alloc_attrs(struct device *dev, size_t size, dma_addr_t *dma_handle,
		      gfp_t flag, unsigned long attrs)
{
	void *cpu_addr;

	if (dma_should_fail_alloc(dev, size, flag, attrs)) {
		*dma_handle = 0;
		return NULL;
	}
	cpu_addr = alloc(dev, size, dma_handle, flag, attrs);
	dma_saw_alloc(dev, size, cpu_addr, *dma_handle, flag, attrs);
	return cpu_addr;
}
EXPORT_SYMBOL(dma_alloc_attrs);

/**
 * dma_free_attrs - free what dma_alloc_attrs() returned
 * @dev: the same device
 * @size: the same size, in bytes
 * @cpu_addr: what was returned; NULL is ignored
 * @dma_handle: what was stored
 * @attrs: the same attributes
 *
 * Context: any; what would have to sleep is put off where it can't.
 */
void dma_free_attrs(struct device *dev, size_t size, void *cpu_addr,
		    dma_addr_t dma_handle, unsigned long attrs)
{
	dma_saw_free(dev, size, cpu_addr, dma_handle, attrs);
	if (!cpu_addr || dma_dispatch_free(dev, size, cpu_addr, dma_handle))
		return;
	if (!dma_ops_free(dev, size, cpu_addr, dma_handle, attrs))
		dma_free_unknown(dev, size, cpu_addr, dma_handle);
}
EXPORT_SYMBOL(dma_free_attrs);

static struct page *alloc_pages_for(struct device *dev, size_t size,
				    dma_addr_t *dma_handle,
				    enum dma_data_direction dir, gfp_t gfp)
{
	gfp_t bad = __GFP_COMP | __GFP_DMA | __GFP_DMA32 | __GFP_HIGHMEM;
	struct dma_allocation *record;
	struct dma_request req;

	*dma_handle = 0;
	if (has_no_mask(dev) || has_bad_gfp(dev, gfp, bad) ||
	    WARN_ON_ONCE(!valid_dma_direction(dir)))
		return NULL;

	req = dma_request_of(dev, size, gfp, 0);
	req.wants_pages = true;
	req.dir = dir;
	if (req.route == DMA_ROUTE_OPS)
		return dma_ops_alloc_pages(dev, PAGE_ALIGN(size), dma_handle,
					   dir, gfp);
	if (dma_dispatch(&req, &record))
		return NULL;
	*dma_handle = record->dma_addr;
	return record->cpu_addr;
}

static void free_pages_of(struct device *dev, size_t size, struct page *page,
			  dma_addr_t dma_handle, enum dma_data_direction dir)
{
	if (!dma_dispatch_free(dev, size, page, dma_handle) &&
	    !dma_ops_free_pages(dev, PAGE_ALIGN(size), page, dma_handle, dir))
		dma_free_unknown(dev, size, page, dma_handle);
}

/**
 * dma_alloc_pages - allocate cacheable pages, mapped for a device
 * @dev: the device
 * @size: in bytes; rounded up to pages
 * @dma_handle: set to the device's address
 * @dir: direction; the caller uses the dma_sync_*() calls
 * @gfp: GFP flags; zone modifiers and __GFP_COMP are refused
 *
 * The pages are contiguous, zeroed, and in the kernel's linear mapping.  They
 * never come from a device pool, which has no such pages.
 *
 * Context: may sleep if @gfp allows.
 * Return: the first page, or NULL.
 */
struct page *dma_alloc_pages(struct device *dev, size_t size,
			     dma_addr_t *dma_handle,
			     enum dma_data_direction dir, gfp_t gfp)
{
	struct page *page;

	if (dma_should_fail_alloc(dev, size, gfp, 0)) {
		*dma_handle = 0;
		return NULL;
	}
	page = alloc_pages_for(dev, size, dma_handle, dir, gfp);
	dma_saw_alloc_pages(dev, size, page, *dma_handle, dir, gfp);
	return page;
}
EXPORT_SYMBOL_GPL(dma_alloc_pages);

/**
 * dma_free_pages - free what dma_alloc_pages() returned
 * @dev: the same device
 * @size: the same size, in bytes
 * @page: what was returned
 * @dma_handle: what was stored
 * @dir: the same direction
 *
 * Context: any; what would have to sleep is put off where it can't.
 */
void dma_free_pages(struct device *dev, size_t size, struct page *page,
		    dma_addr_t dma_handle, enum dma_data_direction dir)
{
	dma_saw_free_pages(dev, size, page, dma_handle, dir);
	free_pages_of(dev, size, page, dma_handle, dir);
}
EXPORT_SYMBOL_GPL(dma_free_pages);

/**
 * dma_mmap_pages - map what dma_alloc_pages() returned into user space
 * @dev: the device
 * @vma: the mapping
 * @size: in bytes
 * @page: the first page
 *
 * Context: process context, mmap_lock held for writing.
 * Return: 0 or a negative error; -ENXIO if the mapping leaves the buffer.
 */
int dma_mmap_pages(struct device *dev, struct vm_area_struct *vma, size_t size,
		   struct page *page)
{
	return dma_user_mmap_pfn(vma, page_to_pfn(page), size);
}
EXPORT_SYMBOL_GPL(dma_mmap_pages);

/* A table with room for one entry. */
static struct sg_table *make_single(gfp_t gfp)
{
	struct sg_table *sgt = kmalloc(sizeof(*sgt), gfp);

	if (sgt && sg_alloc_table(sgt, 1, gfp)) {
		kfree(sgt);
		return NULL;
	}
	return sgt;
}

static void free_single(struct sg_table *sgt)
{
	sg_free_table(sgt);
	kfree(sgt);
}

/* Contiguous pages, as the only entry of a table. */
static struct sg_table *alloc_single(struct device *dev, size_t size,
				     enum dma_data_direction dir, gfp_t gfp)
{
	struct sg_table *sgt = make_single(gfp);
	struct page *page;

	if (!sgt)
		return NULL;
	page = alloc_pages_for(dev, size, &sg_dma_address(sgt->sgl), dir, gfp);
	if (!page) {
		free_single(sgt);
		return NULL;
	}
	sg_set_page(sgt->sgl, page, PAGE_ALIGN(size), 0);
	sg_dma_len(sgt->sgl) = PAGE_ALIGN(size);
	return sgt;
}

/**
 * dma_alloc_noncontiguous - allocate pages that only the device sees in one row
 * @dev: the device
 * @size: in bytes
 * @dir: direction; the caller uses the dma_sync_*() calls
 * @gfp: GFP flags; zone modifiers and __GFP_COMP are refused
 * @attrs: DMA_ATTR_ALLOC_SINGLE_PAGES or nothing
 *
 * Context: may sleep if @gfp allows.
 * Return: a table whose first entry maps all of it, or NULL.
 */
struct sg_table *dma_alloc_noncontiguous(struct device *dev, size_t size,
					 enum dma_data_direction dir,
					 gfp_t gfp, unsigned long attrs)
{
	struct sg_table *sgt;

	if (WARN_ON_ONCE(attrs & ~DMA_ATTR_ALLOC_SINGLE_PAGES) ||
	    has_bad_gfp(dev, gfp, __GFP_COMP) ||
	    dma_should_fail_alloc(dev, size, gfp, attrs))
		return NULL;

	sgt = use_dma_iommu(dev) ?
	      iommu_dma_alloc_noncontiguous(dev, size, dir, gfp, attrs) :
	      alloc_single(dev, size, dir, gfp);
	if (sgt)
		sgt->nents = 1;
	dma_saw_alloc_sgt(dev, size, sgt, dir, gfp, attrs);
	return sgt;
}
EXPORT_SYMBOL_GPL(dma_alloc_noncontiguous);

/**
 * dma_free_noncontiguous - free what dma_alloc_noncontiguous() returned
 * @dev: the same device
 * @size: the same size, in bytes
 * @sgt: what was returned
 * @dir: the same direction
 *
 * Context: process context.
 */
void dma_free_noncontiguous(struct device *dev, size_t size,
			    struct sg_table *sgt, enum dma_data_direction dir)
{
	dma_saw_free_sgt(dev, size, sgt, dir);
	if (use_dma_iommu(dev)) {
		iommu_dma_free_noncontiguous(dev, size, sgt, dir);
		return;
	}
	free_pages_of(dev, size, sg_page(sgt->sgl), sg_dma_address(sgt->sgl),
		      dir);
	free_single(sgt);
}
EXPORT_SYMBOL_GPL(dma_free_noncontiguous);

/**
 * dma_vmap_noncontiguous - the CPU's address of such an allocation
 * @dev: the device
 * @size: in bytes
 * @sgt: the allocation
 *
 * Context: may sleep.
 * Return: the address, or NULL.
 */
void *dma_vmap_noncontiguous(struct device *dev, size_t size,
			     struct sg_table *sgt)
{
	if (use_dma_iommu(dev))
		return iommu_dma_vmap_noncontiguous(dev, size, sgt);
	return page_address(sg_page(sgt->sgl));
}
EXPORT_SYMBOL_GPL(dma_vmap_noncontiguous);

/**
 * dma_vunmap_noncontiguous - end the use of that address
 * @dev: the device
 * @vaddr: what dma_vmap_noncontiguous() returned
 *
 * Context: may sleep.
 */
void dma_vunmap_noncontiguous(struct device *dev, void *vaddr)
{
	if (use_dma_iommu(dev))
		vunmap(vaddr);
}
EXPORT_SYMBOL_GPL(dma_vunmap_noncontiguous);

/**
 * dma_mmap_noncontiguous - map such an allocation into user space
 * @dev: the device
 * @vma: the mapping
 * @size: in bytes
 * @sgt: the allocation
 *
 * Context: process context, mmap_lock held for writing.
 * Return: 0 or a negative error.
 */
int dma_mmap_noncontiguous(struct device *dev, struct vm_area_struct *vma,
			   size_t size, struct sg_table *sgt)
{
	if (use_dma_iommu(dev))
		return iommu_dma_mmap_noncontiguous(dev, vma, size, sgt);
	return dma_mmap_pages(dev, vma, size, sg_page(sgt->sgl));
}
EXPORT_SYMBOL_GPL(dma_mmap_noncontiguous);

/*
 * The record of a live buffer.  Drivers hand buffers on for a device that
 * imports them, too, and behind two IOMMUs the same address is two buffers: so
 * both addresses have to fit.  Where there is no translation the device's
 * address alone tells which memory it is.
 */
static bool find_record(struct device *dev, const void *cpu_addr,
			dma_addr_t dma_addr, struct dma_allocation *record)
{
	return dma_ledger_find_buffer(dev, cpu_addr, dma_addr, record) ||
	       (dma_ledger_find(dev, dma_addr, record) &&
		dma_record_is_direct(record));
}

/* Scattered pages have no physical address. */
static struct iommu_dma_scatter *
scatter_of(const struct dma_allocation *record)
{
	if (!IS_ENABLED(CONFIG_IOMMU_DMA) ||
	    record->backend != &dma_iommu_backend)
		return NULL;
	return record->own.scatter;
}

/* What the ledger does not know can only be the ops' own. */
static bool is_unknown_to_all(struct device *dev, dma_addr_t dma_addr)
{
	if (get_dma_ops(dev))
		return false;
	dev_err(dev, "no live DMA buffer at %pad\n", &dma_addr);
	return true;
}

/* Is a range whole pages of a live buffer?  If not, say so. */
static bool is_inside(struct device *dev, const struct dma_allocation *record,
		      dma_addr_t dma_addr, size_t size)
{
	size_t offset = dma_addr - record->dma_addr;

	/* A record holds whole pages, so rounding @size up changes nothing. */
	if (PAGE_ALIGNED(offset) && size && size <= record->size - offset)
		return true;
	dev_err(dev, "%zu bytes at %pad are not whole pages of the %zu bytes at %pad\n",
		size, &dma_addr, record->size, &record->dma_addr);
	return false;
}

/**
 * dma_get_sgtable_attrs - a scatterlist for consistent memory
 * @dev: whose memory
 * @sgt: filled in; the caller frees it by sg_free_table()
 * @cpu_addr: the CPU's address
 * @dma_addr: the device's address; may lie inside the buffer, at a page
 * @size: in bytes
 * @attrs: as at allocation
 *
 * Context: may sleep.
 * Return: 0 or a negative error; -ENXIO for memory without struct pages and
 * for an address that is no live buffer's.
 */
int dma_get_sgtable_attrs(struct device *dev, struct sg_table *sgt,
			  void *cpu_addr, dma_addr_t dma_addr, size_t size,
			  unsigned long attrs)
{
	struct dma_allocation record;
	size_t offset;

	if (!find_record(dev, cpu_addr, dma_addr, &record))
		return is_unknown_to_all(dev, dma_addr) ? -ENXIO :
		       dma_ops_get_sgtable(dev, sgt, cpu_addr, dma_addr, size,
					   attrs);
	if (!is_inside(dev, &record, dma_addr, size))
		return -ENXIO;
	offset = dma_addr - record.dma_addr;
	if (scatter_of(&record))
		return iommu_dma_scatter_sgtable(scatter_of(&record), sgt,
						 offset, size);
	return dma_user_sgtable(sgt, PHYS_PFN(record.phys + offset), size);
}
EXPORT_SYMBOL(dma_get_sgtable_attrs);

/* Scattered pages are ordinary memory, mapped page by page. */
static inline bool iommu_dma_can_mmap(struct device *dev)
{
	return true;
}

static inline bool dma_direct_can_mmap(struct device *dev)
{
	return IS_ENABLED(CONFIG_DMA_NONCOHERENT_MMAP) ||
	       dev_is_dma_coherent(dev);
}

/**
 * dma_can_mmap - can consistent memory be mapped into user space?
 * @dev: the device
 *
 * Context: any.
 * Return: true if so.
 */
bool dma_can_mmap(struct device *dev)
{
	return dma_by_route(dma_coherent_route(dev), can_mmap, dev);
}
EXPORT_SYMBOL_GPL(dma_can_mmap);

/*
 * May user space hold single pages of it?  Whoever gets at held pages by the linear
 * mapping has them cached; so not if they are uncached for a direct device.
 */
static bool gives_pages(struct device *dev, const struct dma_allocation *record)
{
	return record->backend->gives_pages &&
	       (dev_is_dma_coherent(dev) || !dma_record_is_direct(record));
}

/* Protection of user space's mapping: as the kernel's own. */
static pgprot_t user_pgprot(struct device *dev, pgprot_t prot,
			    const struct dma_allocation *record,
			    unsigned long attrs)
{
	if (record->backend->is_unmapped)
		prot = pgprot_writecombine(prot);
	else
		prot = dma_pgprot(dev, prot, attrs);
	return dma_record_is_unencrypted(record) ? pgprot_decrypted(prot) :
						   prot;
}

/*
 * Pages that the caller has of his own, and has mapped for the device: x86's sound
 * drivers have them mapped into user space as if they came from here.
 */
static bool is_callers_own(struct device *dev, void *cpu_addr,
			   dma_addr_t dma_addr)
{
	if (get_dma_ops(dev) || !virt_addr_valid(cpu_addr) ||
	    !page_count(virt_to_page(cpu_addr)))
		return false;
	return virt_to_phys(cpu_addr) ==
	       (use_dma_iommu(dev) ?
		iommu_iova_to_phys(iommu_get_domain_for_dev(dev), dma_addr) :
		dma_to_phys(dev, dma_addr));
}

/**
 * dma_mmap_attrs - map consistent memory into user space
 * @dev: whose memory
 * @vma: the mapping; vm_pgoff counts pages from the start of the range
 * @cpu_addr: the CPU's address
 * @dma_addr: the device's address; may lie inside the buffer, at a page
 * @size: of the range, in bytes
 * @attrs: as at allocation
 *
 * Context: process context, mmap_lock held for writing.
 * Return: 0 or a negative error; -ENXIO if the mapping leaves the range or
 * there is no live buffer.
 */
int dma_mmap_attrs(struct device *dev, struct vm_area_struct *vma,
		   void *cpu_addr, dma_addr_t dma_addr, size_t size,
		   unsigned long attrs)
{
	struct dma_allocation record;
	size_t offset;

	if (!find_record(dev, cpu_addr, dma_addr, &record)) {
		if (is_callers_own(dev, cpu_addr, dma_addr))
			return dma_user_mmap_kernel(dev, vma, cpu_addr, size,
						    attrs);
		return is_unknown_to_all(dev, dma_addr) ? -ENXIO :
		       dma_ops_mmap(dev, vma, cpu_addr, dma_addr, size, attrs);
	}
	if (!is_inside(dev, &record, dma_addr, size) ||
	    !dma_user_fits(vma, size))
		return -ENXIO;
	offset = dma_addr - record.dma_addr;
	vma->vm_page_prot = user_pgprot(dev, vma->vm_page_prot, &record, attrs);
	if (scatter_of(&record))
		return iommu_dma_scatter_mmap(scatter_of(&record), vma, offset);
	if (gives_pages(dev, &record)) {
		dma_pages_share(&record);
		return dma_user_mmap_pages(vma, dma_record_page(&record) +
						(offset >> PAGE_SHIFT), size);
	}
	return dma_user_mmap_pfn(vma, PHYS_PFN(record.phys + offset), size);
}
EXPORT_SYMBOL(dma_mmap_attrs);
