// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that a device behind an IOMMU sees at its physical address.
 *
 * A device pool is memory that a device was given by the firmware, often since
 * something else (a remote processor, a boot loader) talks with it by the same
 * addresses.  So it is mapped at these, once and as a whole, when the pool is
 * bound.  Devices of one group share a domain, and the mapping.  Where the
 * firmware has asked for such a mapping already, because the device uses the
 * memory since before the kernel ran, the core has made it with the domain, and
 * it serves; it stays when the pool goes.
 *
 * Locks: cookie->setup (sleeps).
 * Invariant: while an identity is on the list, its addresses are claimed, or
 * reserved, and mapped.
 */
#include <linux/dma-direct.h>
#include <linux/iommu-dma.h>
#include <linux/iommu.h>
#include <linux/slab.h>

#include "domain.h"
#include "flush.h"
#include "map.h"

/**
 * struct dma_identity - memory mapped at its own address
 * @link: in cookie->identities
 * @phys: physical and I/O address
 * @size: in bytes
 * @nr_users: how many devices asked for it
 * @is_lasting: it was there before, and stays
 */
struct dma_identity {
	struct list_head	link;
	phys_addr_t		phys;
	size_t			size;
	unsigned int		nr_users;
	bool			is_lasting;
};

static struct dma_identity *__find(struct iommu_dma_cookie *cookie,
				   phys_addr_t phys, size_t size)
{
	struct dma_identity *identity;

	lockdep_assert_held(&cookie->setup);

	list_for_each_entry(identity, &cookie->identities, link)
		if (identity->phys == phys && identity->size == size)
			return identity;
	return NULL;
}

static int claim_and_map(struct iommu_dma_cookie *cookie,
			 const struct dma_identity *identity)
{
	unsigned int shift = cookie->space.shift;
	phys_addr_t last = identity->phys + identity->size - 1;
	int err;

	/* What waits for a flush is free, and has to show it. */
	dma_flush_all(READ_ONCE(cookie->flush));
	err = dma_space_claim(&cookie->space, identity->phys >> shift,
			      last >> shift);
	if (err)
		return err;
	err = iommu_map(cookie->domain, identity->phys, identity->phys,
			identity->size, IOMMU_READ | IOMMU_WRITE | IOMMU_NOEXEC,
			GFP_KERNEL);
	if (err)
		dma_space_unclaim(&cookie->space, identity->phys >> shift);
	return err;
}

static bool holds(const struct iommu_resv_region *region, phys_addr_t phys,
		  size_t size)
{
	const int prot = IOMMU_READ | IOMMU_WRITE;

	return (region->type == IOMMU_RESV_DIRECT ||
		region->type == IOMMU_RESV_DIRECT_RELAXABLE) &&
	       (region->prot & prot) == prot && phys >= region->start &&
	       phys - region->start + size <= region->length;
}

/* Has the core mapped it for this device when it made the domain? */
static bool is_mapped_by_core(struct iommu_dma_cookie *cookie,
			      struct device *dev, phys_addr_t phys, size_t size)
{
	struct iommu_resv_region *region;
	phys_addr_t last = phys + size - 1;
	bool is_held = false;
	LIST_HEAD(regions);

	iommu_get_resv_regions(dev, &regions);
	list_for_each_entry(region, &regions, list)
		is_held |= holds(region, phys, size);
	iommu_put_resv_regions(dev, &regions);
	return is_held && iommu_iova_to_phys(cookie->domain, phys) == phys &&
	       iommu_iova_to_phys(cookie->domain, last) == last;
}

static int __map(struct iommu_dma_cookie *cookie, struct device *dev,
		 phys_addr_t phys, size_t size)
{
	struct dma_identity *identity = __find(cookie, phys, size);
	int err = 0;

	if (identity) {
		identity->nr_users++;
		return 0;
	}
	identity = kmalloc(sizeof(*identity), GFP_KERNEL);
	if (!identity)
		return -ENOMEM;
	identity->phys = phys;
	identity->size = size;
	identity->nr_users = 1;
	identity->is_lasting = is_mapped_by_core(cookie, dev, phys, size);
	if (!identity->is_lasting)
		err = claim_and_map(cookie, identity);
	if (err)
		kfree(identity);
	else
		list_add(&identity->link, &cookie->identities);
	return err;
}

static bool is_translatable(const struct iommu_domain *domain,
			    phys_addr_t phys, size_t size)
{
	return !domain->geometry.force_aperture ||
	       (phys >= domain->geometry.aperture_start &&
		phys + (size - 1) <= domain->geometry.aperture_end);
}

/**
 * iommu_dma_map_identity - let a device see memory at its physical address
 * @dev: the device, behind an IOMMU
 * @phys: physical address of the memory
 * @size: in bytes; both multiples of the IOMMU's smallest page
 *
 * Context: may sleep.
 * Return: 0; -EINVAL for an alignment that the IOMMU can't map; -ERANGE if the
 * IOMMU can't translate these addresses; -EBUSY if they are in use or reserved;
 * -ENOMEM.  The device's mask is not asked: drivers set it before or after.
 */
int iommu_dma_map_identity(struct device *dev, phys_addr_t phys, size_t size)
{
	struct iommu_dma_cookie *cookie = dma_domain_of(dev);
	int err;

	if (!cookie)
		return -ENODEV;
	if (dma_domain_offset(cookie, phys | size))
		return -EINVAL;
	if (!is_translatable(cookie->domain, phys, size))
		return -ERANGE;

	mutex_lock(&cookie->setup);
	err = __map(cookie, dev, phys, size);
	mutex_unlock(&cookie->setup);
	return err;
}

/**
 * iommu_dma_has_identity - does a device see memory at its physical address?
 * @dev: the device, behind an IOMMU
 * @phys: as mapped
 * @size: as mapped, in bytes
 *
 * Context: may sleep.
 * Return: false if the device's domain is not the one that it was mapped in.
 */
bool iommu_dma_has_identity(struct device *dev, phys_addr_t phys, size_t size)
{
	struct iommu_dma_cookie *cookie = dma_domain_serving(dev);
	bool has_it;

	mutex_lock(&cookie->setup);
	has_it = __find(cookie, phys, size);
	mutex_unlock(&cookie->setup);
	return has_it;
}

/**
 * iommu_dma_unmap_identity - end that
 * @dev: the device
 * @phys: as mapped
 * @size: as mapped, in bytes
 *
 * An administrator may have given the device another domain since, or none: the
 * mapping went with the old one, and there is nothing to do.
 *
 * Context: may sleep.
 */
void iommu_dma_unmap_identity(struct device *dev, phys_addr_t phys, size_t size)
{
	struct iommu_dma_cookie *cookie;
	struct dma_identity *identity;

	if (!use_dma_iommu(dev))
		return;
	cookie = dma_domain_serving(dev);
	mutex_lock(&cookie->setup);
	identity = __find(cookie, phys, size);
	if (identity && !--identity->nr_users) {
		if (!identity->is_lasting &&
		    dma_io_clear(cookie, dev, phys, size))
			dma_space_unclaim(&cookie->space,
					  phys >> cookie->space.shift);
		list_del(&identity->link);
		kfree(identity);
	}
	mutex_unlock(&cookie->setup);
}

/**
 * dma_identity_release - forget all of them
 * @cookie: the domain, at its end
 *
 * Context: may sleep.
 */
void dma_identity_release(struct iommu_dma_cookie *cookie)
{
	struct dma_identity *identity, *next;

	list_for_each_entry_safe(identity, next, &cookie->identities, link)
		kfree(identity);
}
