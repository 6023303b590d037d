// SPDX-License-Identifier: GPL-2.0-only
/*
 * I/O addresses that a device must never be given.
 *
 * Three sources: regions that the IOMMU's driver and the firmware name (MSI
 * doorbells, memory that stays where it is); the memory windows of the PCI
 * host bridge, where other devices would answer; and what a bridge with
 * dma-ranges does not let through.
 *
 * No locks; the caller holds cookie->setup.
 */
#include <linux/acpi_iort.h>
#include <linux/iommu.h>
#include <linux/list_sort.h>
#include <linux/of_iommu.h>
#include <linux/pci.h>

#include "../dma-iommu.h"
#include "domain.h"
#include "flush.h"

/* Reserve bytes @first to @last, to whole granules. */
static int reserve(struct iommu_dma_cookie *cookie, struct device *dev,
		   u64 first, u64 last)
{
	unsigned int shift = cookie->space.shift;
	int err;

	err = dma_space_reserve(&cookie->space, first >> shift, last >> shift);
	if (err == -EBUSY) {
		/* Some of it may only be kept for later, or wait for a flush. */
		dma_flush_all(READ_ONCE(cookie->flush));
		dma_space_drain(&cookie->space);
		err = dma_space_reserve(&cookie->space, first >> shift,
					last >> shift);
	}
	if (err == -EBUSY) {
		dev_warn(dev, "I/O addresses %#llx to %#llx are reserved, but in use by another device of its group\n",
			 first, last);
		err = 0;
	}
	return err;
}

/* The bus addresses of a bridge's window. */
static u64 first_of(const struct resource_entry *window)
{
	return window->res->start - window->offset;
}

static u64 last_of(const struct resource_entry *window)
{
	return window->res->end - window->offset;
}

static int by_start(void *unused, const struct list_head *a,
		    const struct list_head *b)
{
	u64 of_a = first_of(list_entry(a, struct resource_entry, node));
	u64 of_b = first_of(list_entry(b, struct resource_entry, node));

	return of_a < of_b ? -1 : of_a > of_b;
}

/* What lies between the windows of a bridge's dma-ranges. */
static int reserve_gaps(struct iommu_dma_cookie *cookie, struct device *dev,
			struct pci_host_bridge *bridge)
{
	const struct resource_entry *window;
	u64 free_from = 0;
	int err;

	if (list_empty(&bridge->dma_ranges))
		return 0;
	list_sort(NULL, &bridge->dma_ranges, by_start);
	list_for_each_entry(window, &bridge->dma_ranges, node) {
		u64 first = first_of(window), last = last_of(window);

		if (first < free_from) {
			dev_err(&bridge->dev, "dma-ranges: the window from %#llx overlaps the one that ends at %#llx\n",
				first, free_from - 1);
			return -EINVAL;
		}
		if (first > free_from) {
			err = reserve(cookie, dev, free_from, first - 1);
			if (err)
				return err;
		}
		if (last == U64_MAX)
			return 0;
		free_from = last + 1;
	}
	return reserve(cookie, dev, free_from, U64_MAX);
}

static int reserve_for_pci(struct iommu_dma_cookie *cookie,
			   struct pci_dev *pdev)
{
	struct pci_host_bridge *bridge = pci_find_host_bridge(pdev->bus);
	const struct resource_entry *window;
	int err = 0;

	list_for_each_entry(window, &bridge->windows, node) {
		if (resource_type(window->res) == IORESOURCE_MEM)
			err = reserve(cookie, &pdev->dev, first_of(window),
				      last_of(window));
		if (err)
			return err;
	}
	return reserve_gaps(cookie, &pdev->dev, bridge);
}

static int reserve_region(struct iommu_dma_cookie *cookie, struct device *dev,
			  const struct iommu_resv_region *region)
{
	phys_addr_t end = region->start + region->length;
	int err;

	/* Where we map doorbells is our own affair: the address is chosen then. */
	if (region->type == IOMMU_RESV_SW_MSI || !region->length)
		return 0;
	err = reserve(cookie, dev, region->start, end - 1);
	/* Doorbells that the IOMMU does not translate are where they are. */
	if (!err && region->type == IOMMU_RESV_MSI)
		err = dma_msi_map_identity(cookie, region->start, end);
	return err;
}

/**
 * dma_reserve_for - reserve what a device must not be given
 * @cookie: the domain
 * @dev: the device
 *
 * Context: may sleep; cookie->setup is held.
 * Return: 0; -EINVAL for overlapping dma-ranges of its bridge; -ENOMEM.
 */
int dma_reserve_for(struct iommu_dma_cookie *cookie, struct device *dev)
{
	struct iommu_resv_region *region;
	LIST_HEAD(regions);
	int err = 0;

	lockdep_assert_held(&cookie->setup);

	if (dev_is_pci(dev))
		err = reserve_for_pci(cookie, to_pci_dev(dev));

	iommu_get_resv_regions(dev, &regions);
	list_for_each_entry(region, &regions, list) {
		if (err)
			break;
		err = reserve_region(cookie, dev, region);
	}
	iommu_put_resv_regions(dev, &regions);
	return err;
}

/**
 * iommu_dma_get_resv_regions - regions that the firmware names for a device
 * @dev: the device
 * @list: the regions are added here
 *
 * For drivers of IOMMUs, as part of their get_resv_regions().
 *
 * Context: may sleep.
 */
void iommu_dma_get_resv_regions(struct device *dev, struct list_head *list)
{
	if (!is_of_node(dev_iommu_fwspec_get(dev)->iommu_fwnode))
		iort_iommu_get_resv_regions(dev, list);
	if (dev->of_node)
		of_iommu_get_resv_regions(dev, list);
}
EXPORT_SYMBOL(iommu_dma_get_resv_regions);
