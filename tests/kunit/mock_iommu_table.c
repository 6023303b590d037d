// SPDX-License-Identifier: GPL-2.0
/*
 * The mock IOMMU's page table and IOTLB: see mock_iommu.h.
 *
 * The page table of a domain is an XArray of values, at the number of a page's
 * first 4 KiB: which memory, how large, which permissions, and whether it is
 * stale. Stale pages carry a mark, so that a flush finds them. Making a page
 * stale takes no memory, since its entry only changes; unmapping can't fail.
 *
 * Lock order: the XArray's lock is the only one, taken with interrupts off,
 * since devices map in hard-irq context. It protects the counts and the lists
 * of tables as well.
 */

#include <kunit/test.h>
#include <linux/bitfield.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/minmax.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "../../drivers/iommu/iommu-pages.h"
#include "mock_iommu.h"
#include "mock_iommu_table.h"

#define PAGE_BITS	12
#define STALE		XA_MARK_0
#define MAX_TOLD	5

/* Fields of an entry */
#define ENTRY_PROT	GENMASK(5, 0)
#define ENTRY_STALE	BIT(6)
#define ENTRY_ORDER	GENMASK(13, 8)
#define ENTRY_PFN_SHIFT	16

/* A page of the page table, which we hold as well to see when it is freed */
struct mock_table {
	struct list_head node;
	struct page *page;
};

static void tell_error(struct mock_iommu *iommu, const char *what,
		       unsigned long iova)
{
	if (atomic_inc_return(&iommu->nr_errors) <= MAX_TOLD)
		pr_info("mock-iommu: %s at %#lx\n", what, iova);
}

/* Who can't unmap a page can't do it when asked again, either. */
static bool has_to_keep(struct mock_iommu *iommu)
{
	atomic_t *countdown = &iommu->countdowns[MOCK_IOMMU_UNMAP];

	return atomic_dec_if_positive(countdown) == 0 &&
	       atomic_inc_return(countdown);
}

/* Entries */

static void *make_entry(phys_addr_t phys, size_t size, int prot)
{
	return xa_mk_value((unsigned long)PHYS_PFN(phys) << ENTRY_PFN_SHIFT |
			   FIELD_PREP(ENTRY_ORDER, __ffs(size)) |
			   (prot & ENTRY_PROT));
}

static bool is_stale(void *entry)
{
	return xa_to_value(entry) & ENTRY_STALE;
}

static size_t entry_size(void *entry)
{
	return BIT(FIELD_GET(ENTRY_ORDER, xa_to_value(entry)));
}

static phys_addr_t entry_phys(void *entry)
{
	return PFN_PHYS(xa_to_value(entry) >> ENTRY_PFN_SHIFT);
}

/* The entry of the page that holds @iova; @start: its first address */
static void *find_entry(struct mock_domain *mock, unsigned long iova,
			unsigned long *start)
{
	unsigned int order;

	for_each_set_bit(order, &mock->domain.pgsize_bitmap, BITS_PER_LONG) {
		unsigned long at = iova & ~(BIT(order) - 1);
		void *entry = xa_load(&mock->pages, at >> PAGE_BITS);

		if (entry && iova - at < entry_size(entry)) {
			*start = at;
			return entry;
		}
	}
	return NULL;
}

/* What the device finds at @iova */
static void *find_live(struct mock_domain *mock, unsigned long iova,
		       unsigned long *start)
{
	void *entry = find_entry(mock, iova, start);

	return entry && !is_stale(entry) ? entry : NULL;
}

/* Tables */

static void add_table(struct mock_domain *mock)
{
	struct mock_table *table;
	void *memory;

	if (!mock->iommu->shape.has_tables)
		return;
	table = kmalloc(sizeof(*table), GFP_ATOMIC);
	memory = iommu_alloc_page(GFP_ATOMIC);
	if (!table || !memory) {
		kfree(table);
		iommu_free_page(memory);
		return;
	}
	table->page = virt_to_page(memory);
	list_add_tail(&table->node, &mock->used);
}

static void give_table(struct mock_domain *mock,
		       struct iommu_iotlb_gather *gather)
{
	struct mock_table *table = list_first_entry_or_null(&mock->used,
							    struct mock_table,
							    node);

	if (!table)
		return;
	get_page(table->page);
	list_add_tail(&table->page->lru, &gather->freelist);
	list_move_tail(&table->node, gather->queued ? &mock->given :
						      &mock->flushed);
}

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

static bool is_freed(struct mock_table *table)
{
	return page_count(table->page) == 1;
}

/* A flush is over: from now on, not earlier, tables may be freed. */
static void flush_tables(struct mock_domain *mock)
{
	struct mock_table *table;

	list_for_each_entry(table, &mock->given, node)
		if (is_freed(table))
			tell_error(mock->iommu, "table freed before the flush",
				   0);
	list_splice_tail_init(&mock->given, &mock->flushed);
}

static void drop_used_tables(struct mock_domain *mock)
{
	struct mock_table *table, *next;

	list_for_each_entry_safe(table, next, &mock->used, node) {
		iommu_free_page(page_address(table->page));
		kfree(table);
	}
}

/* Those that were given back are ours alone by now, or they are lost. */
static void drop_tables(struct mock_domain *mock, struct list_head *tables)
{
	struct mock_table *table, *next;

	list_for_each_entry_safe(table, next, tables, node) {
		if (!is_freed(table))
			tell_error(mock->iommu, "table never freed", 0);
		put_page(table->page);
		kfree(table);
	}
}

/* Mapping and unmapping */

static void check_place(struct mock_domain *mock, unsigned long iova,
			size_t size)
{
	struct iommu_domain_geometry *geometry = &mock->domain.geometry;

	if (!IS_ALIGNED(iova, size) || !(mock->domain.pgsize_bitmap & size))
		tell_error(mock->iommu, "page of a wrong size", iova);
	if (geometry->force_aperture &&
	    (iova < geometry->aperture_start ||
	     iova + (size - 1) > geometry->aperture_end))
		tell_error(mock->iommu, "mapped outside of the aperture", iova);
}

/* Nothing may be where a page goes to. */
static void check_free(struct mock_domain *mock, unsigned long iova,
		       size_t size)
{
	unsigned long start, index = iova >> PAGE_BITS;
	void *entry = find_entry(mock, iova, &start);

	if (!entry) {
		entry = xa_find(&mock->pages, &index,
				(iova + (size - 1)) >> PAGE_BITS, XA_PRESENT);
		start = index << PAGE_BITS;
	}
	if (!entry)
		return;
	tell_error(mock->iommu, is_stale(entry) ? "mapped before the flush" :
						  "mapped twice", start);
	__xa_erase(&mock->pages, start >> PAGE_BITS);
}

static int map_page(struct mock_domain *mock, unsigned long iova,
		    phys_addr_t phys, size_t size, int prot)
{
	if (mock_has_to_fail(mock->iommu, MOCK_IOMMU_MAP))
		return -ENOMEM;
	check_place(mock, iova, size);
	check_free(mock, iova, size);
	add_table(mock);
	return xa_err(__xa_store(&mock->pages, iova >> PAGE_BITS,
				 make_entry(phys, size, prot),
				 GFP_ATOMIC | __GFP_NOWARN));
}

/* How many of @count pages one call does. */
static size_t pages_of_call(struct mock_domain *mock, unsigned long iova,
			    size_t size, size_t count)
{
	const struct mock_iommu_shape *shape = &mock->iommu->shape;

	if (shape->maps_nothing)
		return 0;
	if (shape->pages_per_call)
		count = min_t(size_t, count, shape->pages_per_call);
	if (shape->stops_at_tables && size < SZ_2M)
		count = min_t(size_t, count,
			      (SZ_2M - (iova & (SZ_2M - 1))) / size);
	return count;
}

/**
 * mock_table_map_pages - map pages, as the IOMMU core asks for it
 * @domain: the domain
 * @iova: where
 * @phys: which memory
 * @size: of a page, in bytes
 * @count: how many
 * @prot: IOMMU_*
 * @gfp: unused
 * @mapped: grows by the bytes that were mapped
 *
 * Context: any.
 * Return: 0 or a negative error.
 */
int mock_table_map_pages(struct iommu_domain *domain, unsigned long iova,
			 phys_addr_t phys, size_t size, size_t count, int prot,
			 gfp_t gfp, size_t *mapped)
{
	struct mock_domain *mock = to_mock(domain);
	unsigned long flags;
	int err = 0;

	xa_lock_irqsave(&mock->pages, flags);
	mock->counts.nr_map_calls++;
	count = pages_of_call(mock, iova, size, count);
	while (count--) {
		err = map_page(mock, iova + *mapped, phys + *mapped, size, prot);
		if (err)
			break;
		*mapped += size;
	}
	mock->counts.mapped += *mapped;
	xa_unlock_irqrestore(&mock->pages, flags);
	return err;
}

static void make_stale(struct mock_domain *mock, unsigned long index,
		       void *entry)
{
	__xa_store(&mock->pages, index,
		   xa_mk_value(xa_to_value(entry) | ENTRY_STALE), GFP_ATOMIC);
	__xa_set_mark(&mock->pages, index, STALE);
}

static void erase_stale(struct mock_domain *mock, unsigned long first,
			unsigned long last)
{
	unsigned long index = first;

	while (xa_find(&mock->pages, &index, last, STALE))
		__xa_erase(&mock->pages, index);
}

/* Unmap the page at @iova, of at most @size bytes. Returns its size, or 0. */
static size_t unmap_page(struct mock_domain *mock, unsigned long iova,
			 size_t size, struct iommu_iotlb_gather *gather)
{
	unsigned long start;
	void *entry = find_live(mock, iova, &start);

	if (has_to_keep(mock->iommu))
		return 0;
	if (!entry) {
		tell_error(mock->iommu, "unmapped what is not mapped", iova);
		return 0;
	}
	if (start != iova || entry_size(entry) > size) {
		tell_error(mock->iommu, "unmapped a part of a page", iova);
		return 0;
	}
	make_stale(mock, iova >> PAGE_BITS, entry);
	give_table(mock, gather);
	return entry_size(entry);
}

/* What is in one row is invalidated in one go. */
static void gather_range(struct iommu_domain *domain, unsigned long iova,
			 size_t size, struct iommu_iotlb_gather *gather)
{
	if (!size || gather->queued)
		return;
	if (iommu_iotlb_gather_is_disjoint(gather, iova, size))
		iommu_iotlb_sync(domain, gather);
	iommu_iotlb_gather_add_range(gather, iova, size);
}

/**
 * mock_table_unmap_pages - unmap pages, as the IOMMU core asks for it
 * @domain: the domain
 * @iova: where
 * @size: of a page, in bytes
 * @count: how many
 * @gather: what is to be invalidated
 *
 * Context: any.
 * Return: how many bytes were unmapped.
 */
size_t mock_table_unmap_pages(struct iommu_domain *domain, unsigned long iova,
			      size_t size, size_t count,
			      struct iommu_iotlb_gather *gather)
{
	struct mock_domain *mock = to_mock(domain);
	size_t done = 0, step;
	unsigned long flags;

	xa_lock_irqsave(&mock->pages, flags);
	mock->counts.nr_unmap_calls++;
	count = pages_of_call(mock, iova, size, count);
	while (done < size * count) {
		step = unmap_page(mock, iova + done, size * count - done,
				  gather);
		if (!step)
			break;
		done += step;
	}
	mock->counts.unmapped += done;
	if (mock->iommu->shape.syncs_at_once && done && !gather->queued)
		erase_stale(mock, iova >> PAGE_BITS,
			    (iova + done - 1) >> PAGE_BITS);
	xa_unlock_irqrestore(&mock->pages, flags);
	gather_range(domain, iova, done, gather);
	return done;
}

/* Invalidation */

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
	if (gather->start <= gather->end && !mock->iommu->shape.syncs_at_once) {
		mock->counts.invalidated += gather->end - gather->start + 1;
		erase_stale(mock, gather->start >> PAGE_BITS,
			    gather->end >> PAGE_BITS);
		sync_tables(mock, gather);
	}
	xa_unlock_irqrestore(&mock->pages, flags);
	iommu_put_pages_list(&gather->freelist);
}

/**
 * mock_table_flush_all - invalidate everything
 * @domain: the domain
 *
 * Context: any.
 */
void mock_table_flush_all(struct iommu_domain *domain)
{
	struct mock_domain *mock = to_mock(domain);
	unsigned long flags;

	xa_lock_irqsave(&mock->pages, flags);
	mock->counts.nr_flushes++;
	erase_stale(mock, 0, ULONG_MAX);
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
	unsigned long flags;

	xa_lock_irqsave(&mock->pages, flags);
	mock->counts.nr_sync_map_calls++;
	mock->counts.sync_mapped += size;
	xa_unlock_irqrestore(&mock->pages, flags);
	return mock_has_to_fail(mock->iommu, MOCK_IOMMU_SYNC_MAP) ? -ENOMEM : 0;
}

/**
 * mock_table_iova_to_phys - which memory an address is
 * @domain: the domain
 * @iova: the address
 *
 * Context: any.
 * Return: the physical address; 0: none.
 */
phys_addr_t mock_table_iova_to_phys(struct iommu_domain *domain,
				    dma_addr_t iova)
{
	unsigned long start;
	void *entry = find_live(to_mock(domain), iova, &start);

	return entry ? entry_phys(entry) + (iova - start) : 0;
}

/**
 * mock_table_init - make the page table of a domain
 * @mock: the domain
 *
 * Context: process context.
 */
void mock_table_init(struct mock_domain *mock)
{
	xa_init_flags(&mock->pages, XA_FLAGS_LOCK_IRQ);
	INIT_LIST_HEAD(&mock->used);
	INIT_LIST_HEAD(&mock->given);
	INIT_LIST_HEAD(&mock->flushed);
}

/**
 * mock_table_destroy - end the page table of a domain
 * @mock: the domain
 *
 * Context: process context.
 */
void mock_table_destroy(struct mock_domain *mock)
{
	xa_destroy(&mock->pages);
	drop_used_tables(mock);
	drop_tables(mock, &mock->given);
	drop_tables(mock, &mock->flushed);
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
