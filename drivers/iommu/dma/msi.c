// SPDX-License-Identifier: GPL-2.0-only
/*
 * Message-signalled interrupts of devices behind an IOMMU.
 *
 * A device raises such an interrupt by a write to a doorbell, and that write
 * is translated like any other.  So the page of each doorbell is mapped once
 * in each domain, and what the device is told to write to is its I/O address.
 * Where the IOMMU does not translate them, they are noted at their physical
 * address, and nothing is mapped.
 *
 * Doorbells stay mapped as long as the domain lives: there are few.
 *
 * Locks: cookie->setup (sleeps) protects the list.  A page that is on it never
 * changes, and the interrupt's descriptor holds its address, so that a message
 * can be composed without a lock.
 */
#include <linux/iommu.h>
#include <linux/log2.h>
#include <linux/msi.h>
#include <linux/slab.h>

#include "domain.h"
#include "map.h"

/**
 * struct dma_msi_page - a page with a doorbell
 * @link: in cookie->msi_pages
 * @phys: its physical address
 * @addr: its I/O address
 */
struct dma_msi_page {
	struct list_head	link;
	phys_addr_t		phys;
	dma_addr_t		addr;
};

/* Doorbells of a domain that its owner maps lie page by page from its base. */
static size_t msi_page_size(const struct iommu_dma_cookie *cookie)
{
	return cookie->is_msi_only ? PAGE_SIZE : dma_domain_granule(cookie);
}

static struct dma_msi_page *__find_page(struct iommu_dma_cookie *cookie,
					phys_addr_t phys)
{
	struct dma_msi_page *page;

	lockdep_assert_held(&cookie->setup);

	list_for_each_entry(page, &cookie->msi_pages, link)
		if (page->phys == phys)
			return page;
	return NULL;
}

static struct dma_msi_page *__add_page(struct iommu_dma_cookie *cookie,
				       phys_addr_t phys, dma_addr_t addr)
{
	struct dma_msi_page *page = kmalloc(sizeof(*page), GFP_KERNEL);

	lockdep_assert_held(&cookie->setup);

	if (page) {
		page->phys = phys;
		page->addr = addr;
		list_add(&page->link, &cookie->msi_pages);
	}
	return page;
}

/**
 * dma_msi_map_identity - note doorbells that are not translated
 * @cookie: the domain
 * @start: physical address of the first byte
 * @end: of the one behind the last
 *
 * Context: may sleep; cookie->setup is held.
 * Return: 0 or -ENOMEM.
 */
int dma_msi_map_identity(struct iommu_dma_cookie *cookie, phys_addr_t start,
			 phys_addr_t end)
{
	size_t size = msi_page_size(cookie);

	for (phys_addr_t phys = ALIGN_DOWN(start, size); phys < end; phys += size)
		if (!__find_page(cookie, phys) &&
		    !__add_page(cookie, phys, phys))
			return -ENOMEM;
	return 0;
}

/**
 * dma_msi_release - forget all doorbells
 * @cookie: the domain, at its end
 *
 * Context: may sleep.
 */
void dma_msi_release(struct iommu_dma_cookie *cookie)
{
	struct dma_msi_page *page, *next;

	list_for_each_entry_safe(page, next, &cookie->msi_pages, link)
		kfree(page);
}

/* Map the page at @phys for doorbells, in the addresses there are for it. */
static struct dma_msi_page *__map_page(struct iommu_dma_cookie *cookie,
				       struct device *dev, phys_addr_t phys)
{
	size_t size = msi_page_size(cookie);
	struct dma_msi_page *page;
	dma_addr_t addr;

	addr = cookie->is_msi_only ? cookie->msi_next :
				     dma_io_get(cookie, dev, size,
						dma_get_mask(dev));
	if (!addr)
		return NULL;
	if (iommu_map(cookie->domain, addr, phys, size,
		      IOMMU_WRITE | IOMMU_NOEXEC | IOMMU_MMIO, GFP_KERNEL))
		goto put;
	page = __add_page(cookie, phys, addr);
	if (page) {
		if (cookie->is_msi_only)
			cookie->msi_next += size;
		return page;
	}
	if (!dma_io_clear(cookie, dev, addr, size))
		return NULL;
put:
	if (!cookie->is_msi_only)
		dma_io_put(cookie, addr, size);
	return NULL;
}

/**
 * iommu_dma_prepare_msi - let a device's interrupt reach its doorbell
 * @desc: the interrupt
 * @msi_addr: physical address of the doorbell
 *
 * For irqchip drivers, before iommu_dma_compose_msi_msg().
 *
 * Context: may sleep.
 * Return: 0; -ENOMEM if the doorbell can't be mapped; -ENODEV if the domain could
 * not be set up.
 */
int iommu_dma_prepare_msi(struct msi_desc *desc, phys_addr_t msi_addr)
{
	struct device *dev = msi_desc_to_dev(desc);
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);
	struct iommu_dma_cookie *cookie = domain ? domain->iova_cookie : NULL;
	struct dma_msi_page *page;
	phys_addr_t phys;

	msi_desc_set_iommu_msi_iova(desc, 0, 0);
	if (!cookie)
		return 0;
	/* The device keeps another way to memory, but not to its doorbell. */
	if (!cookie->is_msi_only && !cookie->is_ready) {
		dev_err(dev, "no interrupt: its MSI doorbell at %pa can't be mapped in an IOMMU domain that could not be set up\n",
			&msi_addr);
		return -ENODEV;
	}

	phys = ALIGN_DOWN(msi_addr, msi_page_size(cookie));
	mutex_lock(&cookie->setup);
	page = __find_page(cookie, phys) ?: __map_page(cookie, dev, phys);
	mutex_unlock(&cookie->setup);
	if (!page) {
		dev_err(dev, "the IOMMU does not take the MSI doorbell at %pa\n",
			&msi_addr);
		return -ENOMEM;
	}
	msi_desc_set_iommu_msi_iova(desc, page->addr,
				    ilog2(msi_page_size(cookie)));
	return 0;
}

/**
 * iommu_dma_compose_msi_msg - tell a device the I/O address of its doorbell
 * @desc: the interrupt, prepared
 * @msg: holds the doorbell's physical address; gets the I/O address
 *
 * Context: any.
 */
void iommu_dma_compose_msi_msg(struct msi_desc *desc, struct msi_msg *msg)
{
	unsigned int shift = desc->iommu_msi_shift;
	u64 addr;

	if (!shift)
		return;
	addr = (u64)desc->iommu_msi_iova << shift;
	addr |= msg->address_lo & GENMASK(shift - 1, 0);
	msg->address_hi = upper_32_bits(addr);
	msg->address_lo = lower_32_bits(addr);
}
