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
 * a list of many entries is told to the IOMMU once, and a single page costs
 * one call.
 *
 * No locks of its own; the page tables have the IOMMU driver's.
 * Invariant: an address goes back only when no IOMMU can translate it any
 * more.
 */
#include <linux/bits.h>
#include <linux/dma-map-ops.h>
#include <linux/iommu.h>
#include <linux/minmax.h>
#include <trace/events/iommu.h>

#include "../iommu-pages.h"
#include "domain.h"
#include "flush.h"

/**
 * dma_io_prot - the protection of a mapping
 * @dev: the device
 * @dir: which way the data goes
 * @attrs: DMA_ATTR_*
 *
 * Context: any.
 * Return: IOMMU_*.
 */
int dma_io_prot(struct device *dev, enum dma_data_direction dir,
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

/* The last granule that a device may be given. */
static unsigned long last_granule(const struct iommu_dma_cookie *cookie,
				  struct device *dev, u64 mask)
{
	const struct iommu_domain *domain = cookie->domain;
	u64 last = min_not_zero(mask, dev->bus_dma_limit);

	if (domain->geometry.force_aperture)
		last = min_t(u64, last, domain->geometry.aperture_end);
	/* The last one counts if all of its bytes may be used. */
	if ((last + 1) & (dma_domain_granule(cookie) - 1))
		last -= min_t(u64, last, dma_domain_granule(cookie));
	return min_t(u64, last >> cookie->space.shift, ULONG_MAX - 1);
}

/* Look again after all that may hide free addresses has been emptied. */
static unsigned long get_with_effort(struct iommu_dma_cookie *cookie,
				     unsigned long nr, unsigned long last)
{
	struct dma_flush *flush = READ_ONCE(cookie->flush);

	if (flush)
		dma_flush_all(flush);
	dma_space_drain(&cookie->space);
	return dma_space_get(&cookie->space, nr, last);
}

/*
 * PCI devices get addresses below 4 GiB while there are any: a wide mask does
 * not mean that all of its bits work, and short addresses make short packets.
 * The first time that there is none ends this for the device.
 */
static unsigned long get_short(struct iommu_dma_cookie *cookie,
			       struct device *dev, unsigned long nr,
			       unsigned long last)
{
	unsigned long start, short_last = DMA_BIT_MASK(32) >> cookie->space.shift;

	if (last <= short_last || !dev->iommu->pci_32bit_workaround)
		return 0;
	start = dma_space_get(&cookie->space, nr, short_last) ?:
		get_with_effort(cookie, nr, short_last);
	if (!start) {
		dev->iommu->pci_32bit_workaround = false;
		dev_notice(dev, "no DMA address left below 4 GiB, using those above\n");
	}
	return start;
}

/**
 * dma_io_get - get I/O addresses for a device
 * @cookie: its domain
 * @dev: the device
 * @size: in bytes, a multiple of the granule
 * @mask: which addresses the device can issue
 *
 * Context: any.
 * Return: the first address, naturally aligned; 0 if there is none left.
 */
dma_addr_t dma_io_get(struct iommu_dma_cookie *cookie, struct device *dev,
		      size_t size, u64 mask)
{
	unsigned long last = last_granule(cookie, dev, mask);
	unsigned long nr = size >> cookie->space.shift;
	unsigned long start = get_short(cookie, dev, nr, last);

	if (!start)
		start = dma_space_get(&cookie->space, nr, last) ?:
			get_with_effort(cookie, nr, last);
	return (dma_addr_t)start << cookie->space.shift;
}

/**
 * dma_io_put - give I/O addresses back that nothing translates
 * @cookie: the domain
 * @addr: the first
 * @size: in bytes, as got
 *
 * Context: any.
 */
void dma_io_put(struct iommu_dma_cookie *cookie, dma_addr_t addr, size_t size)
{
	dma_space_put(&cookie->space, addr >> cookie->space.shift,
		      size >> cookie->space.shift);
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
 * dma_io_set - set page table entries
 * @domain: the domain
 * @addr: I/O address, a multiple of the granule
 * @phys: physical address, a multiple of the granule
 * @size: in bytes, a multiple of the granule
 * @prot: IOMMU_*
 * @gfp: for page tables
 *
 * dma_io_set_done() has to follow before the device may use them.
 *
 * Context: may sleep if @gfp allows.
 * Return: 0 or a negative error, with none of these entries set then.
 */
int dma_io_set(struct iommu_domain *domain, dma_addr_t addr, phys_addr_t phys,
	       size_t size, int prot, gfp_t gfp)
{
	size_t done = 0;
	int err = 0;

	while (done < size) {
		size_t count, pgsize, mapped = 0;

		pgsize = fitting_size(domain->pgsize_bitmap, addr + done,
				      phys + done, size - done, &count);
		err = pgsize ? domain->ops->map_pages(domain, addr + done,
						      phys + done, pgsize,
						      count, prot, gfp,
						      &mapped) : -EINVAL;
		/* It may have done a part before it failed. */
		done += mapped;
		if (unlikely(err))
			break;
	}
	if (unlikely(err)) {
		if (done)
			iommu_unmap(domain, addr, done);
		return err;
	}
	trace_map(addr, phys, size);
	return 0;
}

/**
 * dma_io_set_done - tell the IOMMU about entries that were set
 * @domain: the domain
 * @addr: I/O address
 * @size: in bytes
 *
 * Context: any.
 * Return: 0 or a negative error; the caller clears the entries then.
 */
int dma_io_set_done(struct iommu_domain *domain, dma_addr_t addr, size_t size)
{
	if (!domain->ops->iotlb_sync_map)
		return 0;
	return domain->ops->iotlb_sync_map(domain, addr, size);
}

/* Clear entries; returns how many bytes were mapped before the first hole. */
static size_t clear_entries(struct iommu_domain *domain, dma_addr_t addr,
			    size_t size, struct iommu_iotlb_gather *gather)
{
	size_t done = 0, cleared, count, pgsize;

	while (done < size) {
		pgsize = fitting_size(domain->pgsize_bitmap, addr + done,
				      addr + done, size - done, &count);
		cleared = pgsize ? domain->ops->unmap_pages(domain, addr + done,
							    pgsize, count,
							    gather) : 0;
		if (unlikely(!cleared))
			break;
		done += cleared;
	}
	trace_unmap(addr, size, done);
	return done;
}

/**
 * dma_io_begin - begin to end a mapping of several parts
 * @cookie: the domain
 * @range: notes what the parts leave to be done
 *
 * Context: any.
 */
void dma_io_begin(struct iommu_dma_cookie *cookie, struct dma_io_range *range)
{
	range->flush = READ_ONCE(cookie->flush);
	iommu_iotlb_gather_init(&range->gather);
	range->gather.queued = range->flush;
}

/**
 * dma_io_clear_part - clear the page table entries of one part
 * @cookie: the domain
 * @addr: I/O address
 * @size: in bytes; may be 0
 * @range: from dma_io_begin()
 *
 * Context: any.
 */
void dma_io_clear_part(struct iommu_dma_cookie *cookie, dma_addr_t addr,
		       size_t size, struct dma_io_range *range)
{
	size_t done;

	if (unlikely(!size))
		return;
	done = clear_entries(cookie->domain, addr, size, &range->gather);
	WARN_ONCE(done != size, "%zu of %zu bytes were mapped at %pad\n", done,
		  size, &addr);
}

/**
 * dma_io_end - have cleared parts forgotten, and give the addresses back
 * @cookie: the domain
 * @addr: the first address of the whole range
 * @size: of the whole range, as got, in bytes
 * @range: from dma_io_begin()
 *
 * Context: any.
 */
void dma_io_end(struct iommu_dma_cookie *cookie, dma_addr_t addr, size_t size,
		struct dma_io_range *range)
{
	if (range->flush) {
		dma_flush_later(range->flush, addr, size,
				&range->gather.freelist);
		return;
	}
	iommu_iotlb_sync(cookie->domain, &range->gather);
	dma_io_put(cookie, addr, size);
}

/**
 * dma_io_clear - clear entries at once, and keep their addresses
 * @cookie: the domain
 * @addr: I/O address
 * @size: in bytes
 *
 * Context: any.
 */
void dma_io_clear(struct iommu_dma_cookie *cookie, dma_addr_t addr, size_t size)
{
	WARN_ON(iommu_unmap(cookie->domain, addr, size) != size);
}

/**
 * dma_io_unmap - end a mapping
 * @cookie: the domain
 * @addr: I/O address, a multiple of the granule
 * @size: in bytes, as mapped
 *
 * Context: any.
 */
void dma_io_unmap(struct iommu_dma_cookie *cookie, dma_addr_t addr, size_t size)
{
	struct dma_io_range range;

	dma_io_begin(cookie, &range);
	dma_io_clear_part(cookie, addr, size, &range);
	dma_io_end(cookie, addr, size, &range);
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
	size_t offset = dma_domain_offset(cookie, phys);
	dma_addr_t addr;

	size = dma_domain_align(cookie, size + offset);
	if (dev_WARN_ONCE(dev, dma_get_min_align_mask(dev) >
			       dma_domain_granule(cookie) - 1,
			  "wants addresses aligned like its memory to %#x, the IOMMU keeps %#zx\n",
			  dma_get_min_align_mask(dev),
			  dma_domain_granule(cookie) - 1))
		return DMA_MAPPING_ERROR;

	addr = dma_io_get(cookie, dev, size, mask);
	if (unlikely(!addr))
		return DMA_MAPPING_ERROR;
	if (unlikely(dma_io_set(cookie->domain, addr, phys - offset, size, prot,
				GFP_ATOMIC))) {
		dma_io_put(cookie, addr, size);
		return DMA_MAPPING_ERROR;
	}
	if (unlikely(dma_io_set_done(cookie->domain, addr, size))) {
		dma_io_unmap(cookie, addr, size);
		return DMA_MAPPING_ERROR;
	}
	return addr + offset;
}
