// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mapping physical memory at I/O addresses: what everything else is made of.
 *
 * A mapping is three steps: get addresses, set page table entries, tell the
 * IOMMU that they are there (most need not be told).  Its end is two: clear
 * the entries, and then either have the IOMMU forget them and give the
 * addresses back (strict), or let both wait in the flush queue (lazy).
 *
 * The driver of the IOMMU is called directly, page size by page size, so that
 * a list of many entries is told to the IOMMU once, and a small buffer costs
 * one call.  The way of a small buffer is in map.h; here is the rest.
 *
 * What the driver does in one call is up to it: all of it, up to the end of one
 * of its tables, or one page.  So it is asked until all is done.  A mapping that
 * can't be made is ended like any other, as far as it was made.  If a mapping
 * can't be ended, because the driver fails or there is less of it than its owner
 * thinks, its addresses are lost: nobody gets them again.
 *
 * No locks of its own; the page tables have the IOMMU driver's.
 * Invariant: an address goes back only when no IOMMU can translate it any
 * more.
 */
#include <linux/bits.h>
#include <linux/iommu.h>

#include "../iommu-pages.h"
#include "domain.h"
#include "flush.h"
#include "map.h"

/* Look again after all that may hide free addresses has been emptied. */
static unsigned long empty_and_get(struct iommu_dma_cookie *cookie,
				   unsigned long nr, unsigned long last)
{
	dma_flush_all(READ_ONCE(cookie->flush));
	dma_space_drain(&cookie->space);
	return dma_space_get(&cookie->space, nr, last);
}

/**
 * dma_io_get_with_effort - get I/O addresses that are not at hand
 * @cookie: the domain of @dev
 * @dev: the device
 * @nr: how many granules
 * @last: the last granule that it can have
 *
 * A PCI device that finds none below 4 GiB does not look for them any more: each
 * time would be a flush, and a search in what every CPU keeps.  That is done once
 * for all devices of a domain, whose preference lasts the longer for it.
 *
 * Context: any; takes long.
 * Return: the first granule, or 0.
 */
unsigned long dma_io_get_with_effort(struct iommu_dma_cookie *cookie,
				     struct device *dev, unsigned long nr,
				     unsigned long last)
{
	unsigned long short_last = DMA_BIT_MASK(32) >> cookie->space.shift;
	unsigned long start;

	if (dev->iommu->pci_32bit_workaround && last > short_last) {
		if (!xchg(&cookie->has_searched, true)) {
			start = empty_and_get(cookie, nr, short_last);
			if (start)
				return start;
		}
		dev->iommu->pci_32bit_workaround = false;
		dev_notice(dev, "no DMA address left below 4 GiB, using those above\n");
		start = dma_space_get(&cookie->space, nr, last);
		if (start)
			return start;
	}
	return empty_and_get(cookie, nr, last);
}

/*
 * The largest page size that fits at both addresses and into @size, and how
 * many of them to use: up to where a larger size begins to fit.
 */
static size_t fitting_size(unsigned long sizes, u64 addr, u64 phys, size_t size,
			   size_t *count)
{
	unsigned long fitting = sizes & GENMASK(__fls(size), 0);
	size_t pgsize, larger;

	if (addr | phys)
		fitting &= GENMASK(min_t(unsigned int, __ffs64(addr | phys),
					 BITS_PER_LONG - 1), 0);
	if (WARN_ON_ONCE(!fitting))
		return 0;
	pgsize = BIT(__fls(fitting));

	larger = sizes & ~GENMASK(__fls(fitting), 0);
	if (larger) {
		larger &= -larger;
		/* Both get to a boundary of the larger size at the same time? */
		if (!((addr ^ phys) & (larger - 1))) {
			size_t until = larger - (addr & (larger - 1));

			if (until + larger <= size)
				size = until;
		}
	}
	*count = size / pgsize;
	return pgsize;
}

/**
 * dma_io_set_rest - set the page table entries that one call did not
 * @cookie: the domain
 * @addr: I/O address, a multiple of the granule
 * @phys: physical address, a multiple of the granule
 * @size: in bytes, a multiple of the granule
 * @prot: IOMMU_*
 * @gfp: for page tables
 * @done: of how many bytes they are set, before and after
 *
 * Context: may sleep if @gfp allows.
 * Return: 0 or a negative error.
 */
int dma_io_set_rest(struct iommu_dma_cookie *cookie, dma_addr_t addr,
		    phys_addr_t phys, size_t size, int prot, gfp_t gfp,
		    size_t *done)
{
	struct iommu_domain *domain = cookie->domain;

	while (*done < size) {
		size_t count, pgsize, mapped = 0;
		int err;

		pgsize = fitting_size(domain->pgsize_bitmap, addr + *done,
				      phys + *done, size - *done, &count);
		if (!pgsize)
			return -EINVAL;
		err = domain->ops->map_pages(domain, addr + *done,
					     phys + *done, pgsize, count, prot,
					     gfp, &mapped);
		/* It may have done a part before it failed. */
		*done += mapped;
		if (err)
			return err;
		if (WARN_ONCE(!mapped, "%ps() maps nothing, and reports no error\n",
			      domain->ops->map_pages))
			return -EIO;
	}
	return 0;
}

/**
 * dma_io_find_set - find out how many page table entries a failure left
 * @cookie: the domain
 * @addr: I/O address, a multiple of the granule
 * @size: in bytes, a multiple of the granule
 * @done: of how many bytes they are set by the word of the driver; set to how many
 *	it really is
 *
 * Of a call that fails half-way, intel-iommu counts nothing, and takes nothing
 * back.  Who believed that would give the addresses of what is still mapped to
 * somebody else.
 *
 * Context: any.
 */
void dma_io_find_set(struct iommu_dma_cookie *cookie, dma_addr_t addr,
		     size_t size, size_t *done)
{
	while (*done < size && iommu_iova_to_phys(cookie->domain, addr + *done))
		*done += dma_domain_granule(cookie);
}

/**
 * dma_io_clear_rest - clear the page table entries that one call did not
 * @cookie: the domain
 * @addr: I/O address, a multiple of the granule
 * @size: in bytes, a multiple of the granule
 * @done: of how many bytes they are clear
 * @range: notes what the IOMMU has to forget
 *
 * Context: any.
 * Return: of how many bytes they are clear now: @size, or up to the first hole.
 */
size_t dma_io_clear_rest(struct iommu_dma_cookie *cookie, dma_addr_t addr,
			 size_t size, size_t done, struct dma_io_range *range)
{
	struct iommu_domain *domain = cookie->domain;
	size_t cleared, count, pgsize;

	while (done < size) {
		pgsize = fitting_size(domain->pgsize_bitmap, addr + done,
				      addr + done, size - done, &count);
		cleared = pgsize ? domain->ops->unmap_pages(domain, addr + done,
							    pgsize, count,
							    &range->gather) : 0;
		if (unlikely(!cleared))
			break;
		done += cleared;
	}
	return done;
}

/**
 * dma_io_tell_missing - say that something could not be unmapped
 * @dev: the device; NULL: it is a page that all devices of the domain share
 * @addr: where that was tried
 * @size: in bytes
 * @missing: how many of them
 *
 * Context: any.
 */
void dma_io_tell_missing(struct device *dev, dma_addr_t addr, size_t size,
			 size_t missing)
{
	WARN_ONCE(true, "%s: %zu of %zu bytes at %pad were not mapped, or could not be unmapped: unmapped twice, or by a wrong size? These I/O addresses are not given back\n",
		  dev ? dev_name(dev) : "shadow page", missing, size, &addr);
}

/**
 * dma_io_lose - end a mapping that could not be cleared as a whole
 * @cookie: the domain
 * @dev: the device
 * @addr: its first I/O address
 * @size: in bytes
 * @range: what the IOMMU has to forget, and how much is missing
 *
 * Either it is still mapped, or it was not mapped as its owner says: unmapped
 * before, say, so that its addresses have a new owner by now.  In no case are
 * they to be given back; and they are lost if some of it was mapped.
 *
 * Context: any.
 */
void dma_io_lose(struct iommu_dma_cookie *cookie, struct device *dev,
		 dma_addr_t addr, size_t size, struct dma_io_range *range)
{
	if (!range->was_mapped) {
		dma_io_tell_missing(dev, addr, size, range->missing);
		return;
	}
	if (range->flush) {
		/* The driver has noted nothing for an invalidation of its own. */
		iommu_flush_iotlb_all(cookie->domain);
		iommu_put_pages_list(&range->gather.freelist);
	} else {
		iommu_iotlb_sync(cookie->domain, &range->gather);
	}
	atomic_long_add(size, &cookie->lost);
	dma_io_tell_missing(dev, addr, size, range->missing);
}

/**
 * dma_io_clear - clear entries at once, and keep their addresses
 * @cookie: the domain
 * @dev: as for dma_io_tell_missing()
 * @addr: I/O address
 * @size: in bytes
 *
 * Context: any.
 * Return: true; false if some of it could not be unmapped, so that its addresses
 * must not be used again.
 */
bool dma_io_clear(struct iommu_dma_cookie *cookie, struct device *dev,
		  dma_addr_t addr, size_t size)
{
	size_t done = iommu_unmap(cookie->domain, addr, size);

	if (likely(done >= size))
		return true;
	atomic_long_add(size, &cookie->lost);
	dma_io_tell_missing(dev, addr, size, size - done);
	return false;
}

/**
 * dma_io_undo - end a mapping that was made in part
 * @cookie: the domain
 * @dev: the device
 * @addr: its first I/O address, a multiple of the granule
 * @size: of the addresses, in bytes
 * @done: of how many bytes, from the first on, the entries are set
 *
 * Context: any.
 * Return: as dma_io_unmap().
 */
bool dma_io_undo(struct iommu_dma_cookie *cookie, struct device *dev,
		 dma_addr_t addr, size_t size, size_t done)
{
	struct dma_io_range range __uninitialized;

	if (!done) {
		dma_io_put(cookie, addr, size);
		return true;
	}
	dma_io_begin(cookie, &range);
	dma_io_clear_part(cookie, addr, done, true, &range);
	return dma_io_end(cookie, dev, addr, size, &range);
}

/**
 * dma_io_unmap - end a mapping
 * @cookie: the domain
 * @dev: the device
 * @addr: I/O address, a multiple of the granule
 * @size: in bytes, as mapped
 *
 * Context: any.
 * Return: false if some of it could not be unmapped, so that the device may
 * still reach what was mapped.
 */
bool dma_io_unmap(struct iommu_dma_cookie *cookie, struct device *dev,
		  dma_addr_t addr, size_t size)
{
	return dma_io_unmap_one(cookie, dev, addr, size, false);
}

/**
 * dma_io_map - map contiguous memory
 * @cookie: the domain of @dev
 * @dev: the device
 * @phys: physical address
 * @size: in bytes
 * @prot: IOMMU_*
 * @mask: which addresses the device can issue
 *
 * Context: any.
 * Return: the device's address of @phys; DMA_MAPPING_ERROR without addresses
 * or memory for page tables, or if the device asks for an alignment beyond the
 * granule, which can't be given.
 */
dma_addr_t dma_io_map(struct iommu_dma_cookie *cookie, struct device *dev,
		      phys_addr_t phys, size_t size, int prot, u64 mask)
{
	return dma_io_map_one(cookie, dev, phys, size, prot, mask);
}
