/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The steps of a mapping, and of its end: the part that is inline because
 * every packet and every block goes through it.  What is long or rare is in
 * map.c, and so is the model.
 */
#ifndef _DRIVERS_IOMMU_DMA_MAP_H
#define _DRIVERS_IOMMU_DMA_MAP_H

#include <linux/dma-limits.h>
#include <linux/dma-map-ops.h>
#include <linux/iommu.h>
#include <linux/minmax.h>
#include <trace/events/iommu.h>

#include "domain.h"
#include "flush.h"

/**
 * struct dma_io_range - a mapping on its way to its end
 * @gather: what the IOMMU has to forget
 * @flush: where it waits for that; NULL: it does not wait
 * @missing: bytes that were not unmapped, although they should be mapped
 * @was_mapped: some of it was: the addresses are lost if anything is missing
 */
struct dma_io_range {
	struct iommu_iotlb_gather	gather;
	struct dma_flush		*flush;
	size_t				missing;
	bool				was_mapped;
};

/* map.c */
unsigned long dma_io_get_with_effort(struct iommu_dma_cookie *cookie,
				     struct device *dev, unsigned long nr,
				     unsigned long last);
int dma_io_set_rest(struct iommu_dma_cookie *cookie, dma_addr_t addr,
		    phys_addr_t phys, size_t size, int prot, gfp_t gfp,
		    size_t *done);
void dma_io_find_set(struct iommu_dma_cookie *cookie, dma_addr_t addr,
		     size_t size, size_t *done);
size_t dma_io_clear_rest(struct iommu_dma_cookie *cookie, dma_addr_t addr,
			 size_t size, size_t done, struct dma_io_range *range);
bool dma_io_clear(struct iommu_dma_cookie *cookie, struct device *dev,
		  dma_addr_t addr, size_t size);
void dma_io_tell_missing(struct device *dev, dma_addr_t addr, size_t size,
			 size_t missing);
void dma_io_lose(struct iommu_dma_cookie *cookie, struct device *dev,
		 dma_addr_t addr, size_t size, struct dma_io_range *range);
bool dma_io_undo(struct iommu_dma_cookie *cookie, struct device *dev,
		 dma_addr_t addr, size_t size, size_t done);
dma_addr_t dma_io_map(struct iommu_dma_cookie *cookie, struct device *dev,
		      phys_addr_t phys, size_t size, int prot, u64 mask);
bool dma_io_unmap(struct iommu_dma_cookie *cookie, struct device *dev,
		  dma_addr_t addr, size_t size);

/* The protection of a mapping, IOMMU_*. */
static __always_inline int dma_io_prot(struct device *dev,
				       enum dma_data_direction dir,
				       unsigned long attrs)
{
	int prot = dev_is_dma_coherent(dev) ? IOMMU_CACHE : 0;

	if (attrs & DMA_ATTR_PRIVILEGED)
		prot |= IOMMU_PRIV;
	if (dir != DMA_FROM_DEVICE)
		prot |= IOMMU_READ;
	if (dir != DMA_TO_DEVICE)
		prot |= IOMMU_WRITE;
	return prot;
}

/*
 * Get I/O addresses for @size bytes, a multiple of the granule.  Returns the
 * first, naturally aligned, or 0.
 *
 * PCI devices get addresses below 4 GiB while there are any: a wide mask does
 * not mean that all of its bits work, and short addresses make short packets.
 */
static __always_inline dma_addr_t dma_io_get(struct iommu_dma_cookie *cookie,
					     struct device *dev, size_t size,
					     u64 mask)
{
	unsigned int shift = cookie->space.shift;
	unsigned long last, start;

	/* A granule counts if all of its bytes may be used; the first never does. */
	mask = dma_last_address(dev, mask);
	if (unlikely(mask <= dma_domain_granule(cookie)))
		return 0;
	last = min(((mask + 1) >> shift) - 1, (u64)cookie->last);
	start = dma_space_get(&cookie->space, size >> shift,
			      dev->iommu->pci_32bit_workaround ?
			      min_t(unsigned long, last,
				    DMA_BIT_MASK(32) >> shift) : last);
	if (unlikely(!start))
		start = dma_io_get_with_effort(cookie, dev, size >> shift, last);
	return (dma_addr_t)start << shift;
}

/* Give I/O addresses back that nothing translates any more. */
static __always_inline void dma_io_put(struct iommu_dma_cookie *cookie,
				       dma_addr_t addr, size_t size)
{
	dma_space_put(&cookie->space, addr >> cookie->space.shift,
		      size >> cookie->space.shift);
}

/* Is there only one page size that fits into so little? */
static __always_inline bool
dma_io_has_one_size(const struct iommu_dma_cookie *cookie, size_t size)
{
	return size < cookie->second_size;
}

/*
 * Set page table entries: @addr, @phys and @size are multiples of the granule.
 * Returns 0 or a negative error; by @done, of how many bytes the entries are
 * set, which is the caller's to undo.  Before the device may use them,
 * dma_io_set_done() has to follow.
 *
 * A driver may do only a part of what one call asks for, and say so.
 */
static __always_inline int dma_io_set(struct iommu_dma_cookie *cookie,
				      dma_addr_t addr, phys_addr_t phys,
				      size_t size, int prot, gfp_t gfp,
				      size_t *done)
{
	struct iommu_domain *domain = cookie->domain;
	unsigned int shift = cookie->space.shift;
	int err = 0;

	*done = 0;
	if (likely(dma_io_has_one_size(cookie, size)))
		err = domain->ops->map_pages(domain, addr, phys, 1UL << shift,
					     size >> shift, prot, gfp, done);
	if (unlikely(!err && *done != size))
		err = dma_io_set_rest(cookie, addr, phys, size, prot, gfp,
				      done);
	if (likely(!err))
		trace_map(addr, phys, size);
	else
		dma_io_find_set(cookie, addr, size, done);
	return err;
}

/*
 * Tell the IOMMU about entries that were set.  Returns 0 or a negative error;
 * the caller clears them then.
 */
static __always_inline int dma_io_set_done(struct iommu_dma_cookie *cookie,
					   dma_addr_t addr, size_t size)
{
	struct iommu_domain *domain = cookie->domain;

	return likely(!domain->ops->iotlb_sync_map) ? 0 :
	       domain->ops->iotlb_sync_map(domain, addr, size);
}

static __always_inline void __dma_io_begin(struct dma_io_range *range,
					   struct dma_flush *flush)
{
	range->flush = flush;
	range->missing = 0;
	range->was_mapped = false;
	range->gather.start = ULONG_MAX;
	range->gather.end = 0;
	range->gather.pgsize = 0;
	/* Who reads this leaves out invalidations: it has to be true. */
	range->gather.queued = flush;
	INIT_LIST_HEAD(&range->gather.freelist);
}

/*
 * Begin to end a mapping, of one or of several parts.  This sets all of @range, so
 * a caller marks it __uninitialized: compilers may be told to zero all variables.
 */
static __always_inline void dma_io_begin(struct iommu_dma_cookie *cookie,
					 struct dma_io_range *range)
{
	__dma_io_begin(range, READ_ONCE(cookie->flush));
}

/* The same, where the IOMMU has to forget it at once. */
static __always_inline void dma_io_begin_now(struct dma_io_range *range)
{
	__dma_io_begin(range, NULL);
}

/*
 * Is the page at @addr mapped?  Drivers that are asked to unmap what is not often
 * say that they did, and some then clear a whole table of others' pages: see
 * Documentation/core-api/dma-iommu-drivers.rst.  Memory at physical address 0, if
 * there is any, is found by its last byte.
 */
static __always_inline bool dma_io_is_mapped(struct iommu_dma_cookie *cookie,
					     dma_addr_t addr)
{
	struct iommu_domain *domain = cookie->domain;

	return likely(iommu_iova_to_phys(domain, addr)) ||
	       (pfn_valid(0) &&
		iommu_iova_to_phys(domain,
				   addr + dma_domain_granule(cookie) - 1));
}

/*
 * Clear the page table entries of one part.  What the IOMMU has to forget is its
 * driver's affair: some note it for the end, some tell the IOMMU at once.
 * @is_known: that it is mapped was looked up before.
 */
static __always_inline void dma_io_clear_part(struct iommu_dma_cookie *cookie,
					      dma_addr_t addr, size_t size,
					      bool is_known,
					      struct dma_io_range *range)
{
	struct iommu_domain *domain = cookie->domain;
	unsigned int shift = cookie->space.shift;
	size_t done;

	if (unlikely(!is_known && !dma_io_is_mapped(cookie, addr))) {
		trace_unmap(addr, size, 0);
		range->missing += size;
		return;
	}
	range->was_mapped = true;
	if (likely(dma_io_has_one_size(cookie, size))) {
		done = domain->ops->unmap_pages(domain, addr, 1UL << shift,
						size >> shift, &range->gather);
		if (unlikely(done && done < size))
			done = dma_io_clear_rest(cookie, addr, size, done,
						 range);
	} else {
		done = dma_io_clear_rest(cookie, addr, size, 0, range);
	}
	trace_unmap(addr, size, done);
	if (unlikely(done < size))
		range->missing += size - done;
}

/*
 * Have cleared parts forgotten, and give the addresses of all of it back.
 * Returns false if some of it is still mapped: then it is nobody's for ever.
 */
static __always_inline bool dma_io_end(struct iommu_dma_cookie *cookie,
				       struct device *dev, dma_addr_t addr,
				       size_t size, struct dma_io_range *range)
{
	if (unlikely(range->missing)) {
		dma_io_lose(cookie, dev, addr, size, range);
		return false;
	}
	if (range->flush) {
		dma_flush_later(range->flush, addr, size,
				&range->gather.freelist);
		return true;
	}
	iommu_iotlb_sync(cookie->domain, &range->gather);
	dma_io_put(cookie, addr, size);
	return true;
}

/* End a mapping of one part; as dma_io_end(). */
static __always_inline bool dma_io_unmap_one(struct iommu_dma_cookie *cookie,
					     struct device *dev,
					     dma_addr_t addr, size_t size,
					     bool is_known)
{
	struct dma_io_range range __uninitialized;

	dma_io_begin(cookie, &range);
	dma_io_clear_part(cookie, addr, size, is_known, &range);
	return dma_io_end(cookie, dev, addr, size, &range);
}

/* Map contiguous memory.  Returns the address of @phys, or DMA_MAPPING_ERROR. */
static __always_inline dma_addr_t
dma_io_map_one(struct iommu_dma_cookie *cookie, struct device *dev,
	       phys_addr_t phys, size_t size, int prot, u64 mask)
{
	size_t offset = dma_domain_offset(cookie, phys), done;
	dma_addr_t addr;

	size = dma_domain_align(cookie, size + offset);
	if (dev_WARN_ONCE(dev, dma_get_min_align_mask(dev) >=
			       dma_domain_granule(cookie),
			  "wants addresses aligned like its memory to %#x, the IOMMU keeps %#zx\n",
			  dma_get_min_align_mask(dev),
			  dma_domain_granule(cookie) - 1))
		return DMA_MAPPING_ERROR;

	addr = dma_io_get(cookie, dev, size, mask);
	if (unlikely(!addr))
		return DMA_MAPPING_ERROR;
	if (unlikely(dma_io_set(cookie, addr, phys - offset, size, prot,
				GFP_ATOMIC, &done) ||
		     dma_io_set_done(cookie, addr, size))) {
		dma_io_undo(cookie, dev, addr, size, done);
		return DMA_MAPPING_ERROR;
	}
	return addr + offset;
}

#endif /* _DRIVERS_IOMMU_DMA_MAP_H */
