// SPDX-License-Identifier: GPL-2.0
/*
 * The mock IOMMU's IOTLB, and what a test finds out about it: see mock_iommu.h.
 *
 * It holds each page from when it is mapped until it is invalidated. Unmapping
 * (mock_iommu_table.c) only marks it; here it is forgotten, by whatever the
 * domain's shape does for that.
 *
 * Lock order: as in mock_iommu_table.c.
 */

#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/xarray.h>

#include "../../drivers/iommu/iommu-pages.h"
#include "mock_iommu.h"
#include "mock_iommu_table.h"

/* For how long others may use a range before they, too, have it forgotten */
#define PATIENCE_MS	2000

/* Tables */

/* An invalidation that took tables along covers them, flush or not. */
static void sync_tables(struct mock_domain *mock,
			struct iommu_iotlb_gather *gather)
{
	struct mock_table *table, *next;
	struct page *page;

	list_for_each_entry_safe(table, next, &mock->given, node) {
		list_for_each_entry(page, &gather->freelist, lru) {
			if (page != table->page)
				continue;
			list_move_tail(&table->node, &mock->flushed);
			break;
		}
	}
}

/* A flush is over: from now on, not earlier, tables may be freed. */
static void flush_tables(struct mock_domain *mock)
{
	struct mock_table *table;

	list_for_each_entry(table, &mock->given, node)
		if (is_freed(table))
			mock_error(mock->iommu, "table freed before the flush",
				   0);
	list_splice_tail_init(&mock->given, &mock->flushed);
}

/* Invalidation */

/* Forget pages with a mark, at most so large. */
static void erase_marked(struct mock_domain *mock, unsigned long first,
			 unsigned long last, xa_mark_t mark, size_t max_size)
{
	unsigned long index = first;
	void *entry;

	xa_for_each_range(&mock->pages, index, entry, first, last)
		if (xa_get_mark(&mock->pages, index, mark) &&
		    entry_size(entry) <= max_size)
			__xa_erase(&mock->pages, index);
}

static void erase_all(struct mock_domain *mock, xa_mark_t mark)
{
	unsigned long index = 0;

	while (xa_find(&mock->pages, &index, ULONG_MAX, mark))
		__xa_erase(&mock->pages, index);
}

/**
 * mock_table_forget - forget a range at once, whatever is there
 * @mock: the domain
 * @first: I/O address
 * @last: I/O address
 *
 * Context: any.
 */
void mock_table_forget(struct mock_domain *mock, unsigned long first,
		       unsigned long last)
{
	unsigned long index, flags;
	void *entry;

	xa_lock_irqsave(&mock->pages, flags);
	xa_for_each_range(&mock->pages, index, entry, first >> PAGE_BITS,
			  last >> PAGE_BITS)
		__xa_erase(&mock->pages, index);
	xa_unlock_irqrestore(&mock->pages, flags);
}

/**
 * mock_table_order - order the invalidation of a range, and don't wait for it
 * @mock: the domain
 * @first: I/O address
 * @last: I/O address
 *
 * Context: any.
 */
void mock_table_order(struct mock_domain *mock, unsigned long first,
		      unsigned long last)
{
	unsigned long index, flags;
	void *entry;

	xa_lock_irqsave(&mock->pages, flags);
	xa_for_each_range(&mock->pages, index, entry, first >> PAGE_BITS,
			  last >> PAGE_BITS)
		__xa_set_mark(&mock->pages, index, ORDERED);
	xa_unlock_irqrestore(&mock->pages, flags);
}

static void sync_range(struct mock_domain *mock,
		       struct iommu_iotlb_gather *gather, size_t max_size)
{
	if (gather->start > gather->end)
		return;
	mock->counts.invalidated += gather->end - gather->start + 1;
	erase_marked(mock, gather->start >> PAGE_BITS, gather->end >> PAGE_BITS,
		     STALE, max_size);
	sync_tables(mock, gather);
}

/**
 * mock_table_sync - invalidate what was gathered
 * @domain: the domain
 * @gather: the range, and the tables to be freed
 *
 * Context: any.
 */
void mock_table_sync(struct iommu_domain *domain,
		     struct iommu_iotlb_gather *gather)
{
	struct mock_domain *mock = to_mock(domain);
	unsigned long flags;

	xa_lock_irqsave(&mock->pages, flags);
	mock->counts.nr_syncs++;
	switch (mock->iommu->shape.forget) {
	case MOCK_IOMMU_UNLESS_QUEUED:
		erase_all(mock, ORDERED);
		break;
	case MOCK_IOMMU_AT_SYNC:
		erase_all(mock, STALE);
		sync_tables(mock, gather);
		break;
	case MOCK_IOMMU_BY_PAGE:
		sync_range(mock, gather, gather->pgsize);
		break;
	default:
		sync_range(mock, gather, SIZE_MAX);
		break;
	}
	xa_unlock_irqrestore(&mock->pages, flags);
	iommu_put_pages_list(&gather->freelist);
}

/**
 * mock_table_flush_all - invalidate everything
 * @domain: the domain
 *
 * Who can't put invalidations off need not have this: then it does what
 * mock_table_sync() does.
 *
 * Context: any.
 */
void mock_table_flush_all(struct iommu_domain *domain)
{
	struct mock_domain *mock = to_mock(domain);
	const struct mock_iommu_shape *shape = &mock->iommu->shape;
	bool only_waits = shape->is_strict &&
			  shape->forget == MOCK_IOMMU_UNLESS_QUEUED;
	unsigned long flags;

	xa_lock_irqsave(&mock->pages, flags);
	mock->counts.nr_flushes++;
	erase_all(mock, only_waits ? ORDERED : STALE);
	flush_tables(mock);
	xa_unlock_irqrestore(&mock->pages, flags);
}

/**
 * mock_table_sync_map - be told of new pages
 * @domain: the domain
 * @iova: the first
 * @size: in bytes
 *
 * Context: any.
 * Return: 0 or a negative error.
 */
int mock_table_sync_map(struct iommu_domain *domain, unsigned long iova,
			size_t size)
{
	struct mock_domain *mock = to_mock(domain);
	bool fails = mock_has_to_fail(mock->iommu, MOCK_IOMMU_SYNC_MAP);
	unsigned long index, flags;
	void *entry;

	xa_lock_irqsave(&mock->pages, flags);
	mock->counts.nr_sync_map_calls++;
	mock->counts.sync_mapped += size;
	if (!fails)
		xa_for_each_range(&mock->pages, index, entry, iova >> PAGE_BITS,
				  (iova + (size - 1)) >> PAGE_BITS)
			__xa_clear_mark(&mock->pages, index, UNTOLD);
	xa_unlock_irqrestore(&mock->pages, flags);
	return fails ? -ENOMEM : 0;
}

/* The look of a test */

/**
 * mock_iommu_is_seen - does a device find anything at an address?
 * @dev: the device
 * @dma_addr: the address
 *
 * Context: any.
 * Return: true if the IOMMU was told of it, if it has to be.
 */
bool mock_iommu_is_seen(struct device *dev, dma_addr_t dma_addr)
{
	struct mock_domain *mock = mock_domain_of(dev);
	unsigned long start;
	void *entry = find_live(mock, dma_addr, &start);

	if (!entry || xa_get_mark(&mock->pages, start >> PAGE_BITS, UNTOLD))
		return false;
	if (mock->pgtable && mock_pgtable_phys(mock, start) !=
			     entry_phys(entry))
		mock_error(mock->iommu, "IOTLB and page table differ", start);
	return true;
}

/**
 * mock_iommu_counts - what was asked of a device's domain
 * @dev: the device
 *
 * Context: any.
 * Return: the counts.
 */
struct mock_iommu_counts mock_iommu_counts(struct device *dev)
{
	struct mock_domain *mock = mock_domain_of(dev);
	struct mock_iommu_counts counts;
	unsigned long flags;

	xa_lock_irqsave(&mock->pages, flags);
	counts = mock->counts;
	xa_unlock_irqrestore(&mock->pages, flags);
	return counts;
}

/* Mapped for good, because the firmware or an MSI controller wants it. */
static bool is_permanent(struct mock_domain *mock, unsigned long iova,
			 void *entry)
{
	const struct mock_iommu_region *region = mock->iommu->regions;

	if (mock->iommu->shape.keeps_msi && xa_to_value(entry) & IOMMU_MMIO)
		return true;
	for (; region->size; region++)
		if ((region->type == IOMMU_RESV_DIRECT ||
		     region->type == IOMMU_RESV_DIRECT_RELAXABLE) &&
		    iova == entry_phys(entry) && iova >= region->start &&
		    iova - region->start < region->size)
			return true;
	return false;
}

/**
 * mock_iommu_nr_mapped - how many pages are mapped
 * @dev: in this device's domain
 *
 * Context: any.
 * Return: their number, without those that are there for good.
 */
unsigned long mock_iommu_nr_mapped(struct device *dev)
{
	struct mock_domain *mock = mock_domain_of(dev);
	unsigned long index, nr = 0;
	void *entry;

	xa_for_each(&mock->pages, index, entry)
		if (!is_stale(entry) &&
		    !is_permanent(mock, index << PAGE_BITS, entry))
			nr++;
	return nr;
}

/**
 * mock_iommu_nr_stale - how many pages were unmapped but not invalidated
 * @dev: in this device's domain
 *
 * Context: any.
 * Return: their number.
 */
unsigned long mock_iommu_nr_stale(struct device *dev)
{
	struct mock_domain *mock = mock_domain_of(dev);
	unsigned long index, nr = 0;
	void *entry;

	xa_for_each_marked(&mock->pages, index, entry, STALE)
		nr++;
	return nr;
}

static bool has_stale(struct mock_domain *mock, unsigned long first,
		      unsigned long last)
{
	unsigned long start, index = first >> PAGE_BITS;
	void *entry = find_entry(mock, first, &start);

	return (entry && is_stale(entry)) ||
	       xa_find(&mock->pages, &index, last >> PAGE_BITS, STALE);
}

/**
 * mock_iommu_check_unmapped - is a range forgotten whose unmapping is over?
 * @dev: the device; if its domain has a flush queue, there is time
 * @first: I/O address
 * @last: I/O address
 *
 * Somebody else may have got the range since, and be about to end it as well.
 *
 * Context: any.
 */
void mock_iommu_check_unmapped(struct device *dev, dma_addr_t first,
			       dma_addr_t last)
{
	struct mock_domain *mock = mock_domain_of(dev);
	unsigned int patience = PATIENCE_MS;

	if (!mock || mock->domain.type != IOMMU_DOMAIN_DMA || first > last)
		return;
	/* The test fails already: it need not take hours, too. */
	if (atomic_read(&mock->iommu->nr_errors))
		patience = 1;
	for (unsigned int i = 0; i < patience; i++) {
		if (!has_stale(mock, first, last))
			return;
		mdelay(1);
	}
	mock_error(mock->iommu, "unmapped, but not forgotten", first);
}

/**
 * mock_iommu_nr_tables - how many pages of the page table wait to be freed
 * @dev: in this device's domain
 *
 * Context: any.
 * Return: their number.
 */
unsigned long mock_iommu_nr_tables(struct device *dev)
{
	struct mock_domain *mock = mock_domain_of(dev);
	struct mock_table *table;
	unsigned long flags, nr = 0;

	xa_lock_irqsave(&mock->pages, flags);
	list_for_each_entry(table, &mock->given, node)
		nr += !is_freed(table);
	list_for_each_entry(table, &mock->flushed, node)
		nr += !is_freed(table);
	xa_unlock_irqrestore(&mock->pages, flags);
	return nr;
}

/**
 * mock_iommu_phys - which memory an address of a device is
 * @dev: the device
 * @dma_addr: the address
 *
 * Context: any.
 * Return: the physical address; PHYS_ADDR_MAX: none.
 */
phys_addr_t mock_iommu_phys(struct device *dev, dma_addr_t dma_addr)
{
	unsigned long start;
	void *entry = find_live(mock_domain_of(dev), dma_addr, &start);

	return entry ? entry_phys(entry) + (dma_addr - start) : PHYS_ADDR_MAX;
}

/**
 * mock_iommu_prot - what a device may do at an address
 * @dev: the device
 * @dma_addr: the address
 *
 * Context: any.
 * Return: IOMMU_* flags; -1: nothing is mapped there.
 */
int mock_iommu_prot(struct device *dev, dma_addr_t dma_addr)
{
	unsigned long start;
	void *entry = find_live(mock_domain_of(dev), dma_addr, &start);

	return entry ? xa_to_value(entry) & ENTRY_PROT : -1;
}

/**
 * mock_iommu_page_size - how large the page at an address is
 * @dev: the device
 * @dma_addr: the address
 *
 * Context: any.
 * Return: its size in bytes; 0: nothing is mapped there.
 */
size_t mock_iommu_page_size(struct device *dev, dma_addr_t dma_addr)
{
	unsigned long start;
	void *entry = find_live(mock_domain_of(dev), dma_addr, &start);

	return entry ? entry_size(entry) : 0;
}
