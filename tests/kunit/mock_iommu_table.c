// SPDX-License-Identifier: GPL-2.0
/*
 * The mock IOMMU's page table and IOTLB: see mock_iommu.h.
 *
 * The page table of a domain is an XArray of values, at the number of a page's
 * first KiB: which memory, how large, which permissions, and whether it is
 * stale. Stale pages carry a mark, so that a flush finds them; so do those whose
 * invalidation was ordered, but not waited for, and those that the IOMMU was not
 * told of. Making a page stale takes no memory, since its entry only changes;
 * unmapping can't fail.
 *
 * With a page table of another format (mock_iommu_pgtable.c) the XArray is the
 * IOTLB alone: it has what is mapped there, and what is not forgotten.
 *
 * Lock order: the XArray's lock is the only one, taken with interrupts off,
 * since devices map in hard-irq context. It protects the counts and the lists
 * of tables as well.
 */

#include <kunit/test.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "../../drivers/iommu/iommu-pages.h"
#include "mock_iommu.h"
#include "mock_iommu_table.h"

#define MAX_TOLD	5

/**
 * mock_error - the IOMMU is used in a wrong way, and the test fails
 * @iommu: the IOMMU
 * @what: happened
 * @iova: where
 *
 * Context: any.
 */
void mock_error(struct mock_iommu *iommu, const char *what, unsigned long iova)
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
			mock_error(mock->iommu, "table never freed", 0);
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
		mock_error(mock->iommu, "page of a wrong size", iova);
	if (geometry->force_aperture &&
	    (iova < geometry->aperture_start ||
	     iova + (size - 1) > geometry->aperture_end))
		mock_error(mock->iommu, "mapped outside of the aperture", iova);
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
	mock_error(mock->iommu, is_stale(entry) ? "mapped before the flush" :
						  "mapped twice", start);
	__xa_erase(&mock->pages, start >> PAGE_BITS);
}

static int add_entry(struct mock_domain *mock, unsigned long iova,
		     phys_addr_t phys, size_t size, int prot, bool is_first)
{
	void *entry = make_entry(phys, size, prot);
	int err;

	check_place(mock, iova, size);
	check_free(mock, iova, size);
	if (is_first)
		entry = xa_mk_value(xa_to_value(entry) | ENTRY_FIRST);
	err = xa_err(__xa_store(&mock->pages, iova >> PAGE_BITS, entry,
				GFP_ATOMIC | __GFP_NOWARN));
	if (!err && mock->iommu->shape.is_told)
		__xa_set_mark(&mock->pages, iova >> PAGE_BITS, UNTOLD);
	return err;
}

static int map_page(struct mock_domain *mock, unsigned long iova,
		    phys_addr_t phys, size_t size, int prot, bool is_first)
{
	if (mock_has_to_fail(mock->iommu, MOCK_IOMMU_MAP))
		return -ENOMEM;
	add_table(mock);
	return add_entry(mock, iova, phys, size, prot, is_first);
}

/* How many of @count pages a call does */
static size_t reached(struct mock_domain *mock, unsigned long iova, size_t size,
		      size_t count)
{
	const struct mock_iommu_shape *shape = &mock->iommu->shape;
	size_t granule = BIT(__ffs(mock->domain.pgsize_bitmap));
	size_t per_table = granule / sizeof(u64);

	if (shape->maps_nothing)
		return 0;
	if (shape->pages_per_call)
		count = min_t(size_t, count, shape->pages_per_call);
	switch (shape->reach) {
	case MOCK_IOMMU_ONE:
		return 1;
	case MOCK_IOMMU_TABLE:
		return min(count, per_table - ((iova >> __ffs(size)) &
					       (per_table - 1)));
	default:
		return count;
	}
}

static int map_own(struct mock_domain *mock, unsigned long iova,
		   phys_addr_t phys, size_t size, size_t count, int prot,
		   size_t *mapped)
{
	size_t done = 0;
	int err = 0;

	count = reached(mock, iova, size, count);
	while (!err && done < size * count) {
		err = map_page(mock, iova + done, phys + done, size, prot,
			       !done);
		if (!err)
			done += size;
	}
	*mapped = err && mock->iommu->shape.hides_part ? 0 : done;
	mock->counts.mapped += done;
	return err;
}

/* How many of @count pages are before the one that has to fail */
static size_t until_failure(atomic_t *countdown, size_t count)
{
	int left = atomic_read(countdown);

	return left > 0 && left <= count ? left - 1 : count;
}

static void count_down(atomic_t *countdown, size_t nr)
{
	while (nr-- && atomic_dec_if_positive(countdown) > 0)
		;
}

/* Enter into the book what the page table has got. */
static int note_mapped(struct mock_domain *mock, unsigned long iova,
		       phys_addr_t phys, size_t size, int prot, size_t *mapped)
{
	unsigned long flags;
	size_t done = 0;
	int err = 0;

	xa_lock_irqsave(&mock->pages, flags);
	while (!err && done < *mapped) {
		err = add_entry(mock, iova + done, phys + done, size, prot,
				!done);
		if (!err)
			done += size;
	}
	mock->counts.mapped += done;
	xa_unlock_irqrestore(&mock->pages, flags);
	if (err)
		mock_pgtable_unmap(mock, iova + done, size,
				   (*mapped - done) / size, NULL);
	*mapped = done;
	return err;
}

static int map_in_pgtable(struct mock_domain *mock, unsigned long iova,
			  phys_addr_t phys, size_t size, size_t count, int prot,
			  gfp_t gfp, size_t *mapped)
{
	atomic_t *countdown = &mock->iommu->countdowns[MOCK_IOMMU_MAP];
	size_t nr = until_failure(countdown, count);
	int err = 0, book_err;

	if (nr)
		err = mock_pgtable_map(mock, iova, phys, size, nr, prot, gfp,
				       mapped);
	/* At the end of a table, that page is still to come. */
	if (!err && nr < count && *mapped == nr * size)
		err = -ENOMEM;
	count_down(countdown, *mapped / size + !!err);
	book_err = note_mapped(mock, iova, phys, size, prot, mapped);
	return err ?: book_err;
}

/**
 * mock_table_map_pages - map pages, as the IOMMU core asks for it
 * @domain: the domain
 * @iova: where
 * @phys: which memory
 * @size: of a page, in bytes
 * @count: how many
 * @prot: IOMMU_*
 * @gfp: for tables
 * @mapped: set to the bytes that were mapped, which may be less
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
	/* Some drivers set it, others add to it. */
	if (*mapped || !count)
		mock_error(mock->iommu, "mapped nothing, or more pages", iova);
	if (!mock->pgtable)
		err = map_own(mock, iova, phys, size, count, prot, mapped);
	xa_unlock_irqrestore(&mock->pages, flags);
	if (!mock->pgtable)
		return err;
	return map_in_pgtable(mock, iova, phys, size, count, prot, gfp, mapped);
}

static void make_stale(struct mock_domain *mock, unsigned long index,
		       void *entry)
{
	__xa_store(&mock->pages, index,
		   xa_mk_value(xa_to_value(entry) | ENTRY_STALE), GFP_ATOMIC);
	__xa_set_mark(&mock->pages, index, STALE);
}

/*
 * A page left the page table, by a call that asked for pages of @size. Smaller
 * ones hang on a table that went with them: the walk there is forgotten at once.
 */
static void drop_entry(struct mock_domain *mock, unsigned long index,
		       void *entry, size_t size, bool is_queued)
{
	enum mock_iommu_forget forget = mock->iommu->shape.forget;

	if (forget == MOCK_IOMMU_AT_ONCE ||
	    (entry_size(entry) < size && (forget == MOCK_IOMMU_BY_PAGE ||
					  forget == MOCK_IOMMU_UNLESS_QUEUED))) {
		__xa_erase(&mock->pages, index);
		return;
	}
	make_stale(mock, index, entry);
	if (forget == MOCK_IOMMU_UNLESS_QUEUED && !is_queued)
		__xa_set_mark(&mock->pages, index, ORDERED);
}

/* Unmap the page at @iova, of at most @left bytes. Returns its size, or 0. */
static size_t unmap_page(struct mock_domain *mock, unsigned long iova,
			 size_t size, size_t left,
			 struct iommu_iotlb_gather *gather)
{
	unsigned long start;
	void *entry = find_live(mock, iova, &start);

	if (has_to_keep(mock->iommu))
		return 0;
	if (!entry) {
		mock_error(mock->iommu, "unmapped what is not mapped", iova);
		return mock->iommu->shape.counts_missing ? size : 0;
	}
	if (start != iova || entry_size(entry) > left) {
		mock_error(mock->iommu, "unmapped a part of a page", iova);
		return 0;
	}
	drop_entry(mock, iova >> PAGE_BITS, entry, size, gather->queued);
	give_table(mock, gather);
	return entry_size(entry);
}

/* Is the page at @iova the first one of what a call mapped? */
static bool is_first(struct mock_domain *mock, unsigned long iova)
{
	void *entry = xa_load(&mock->pages, iova >> PAGE_BITS);

	return entry && xa_to_value(entry) & ENTRY_FIRST;
}

/* Does what was mapped with the page before @iova go on there? */
static bool goes_on(struct mock_domain *mock, unsigned long iova)
{
	void *entry = xa_load(&mock->pages, iova >> PAGE_BITS);

	return entry && !is_stale(entry) && !(xa_to_value(entry) & ENTRY_FIRST);
}

static size_t unmap_own(struct mock_domain *mock, unsigned long iova,
			size_t size, size_t count,
			struct iommu_iotlb_gather *gather)
{
	bool is_whole = mock->iommu->shape.keeps_whole;
	size_t end, done = 0, step;

	if (is_whole && !is_first(mock, iova)) {
		mock_error(mock->iommu, "split what is whole", iova);
		return 0;
	}
	end = size * reached(mock, iova, size, count);
	while (done < end || (is_whole && goes_on(mock, iova + done))) {
		step = unmap_page(mock, iova + done, size,
				  done < end ? end - done : SIZE_MAX, gather);
		if (!step)
			break;
		done += step;
		if (mock->iommu->shape.reach == MOCK_IOMMU_ONE)
			break;
	}
	return done;
}

/* All of this has left the page table, and some is forgotten already. */
static void note_unmapped(struct mock_domain *mock, unsigned long iova,
			  size_t size)
{
	unsigned long index = iova >> PAGE_BITS, flags;
	unsigned long last = (iova + (size - 1)) >> PAGE_BITS;
	void *entry;

	if (!size)
		return;
	xa_lock_irqsave(&mock->pages, flags);
	mock->counts.unmapped += size;
	xa_for_each_range(&mock->pages, index, entry, index, last)
		if (!is_stale(entry))
			make_stale(mock, index, entry);
	xa_unlock_irqrestore(&mock->pages, flags);
}

/* Unmap in the page table; it tells what to forget, unless that is queued. */
static size_t unmap_in_pgtable(struct mock_domain *mock, unsigned long iova,
			       size_t size, size_t count,
			       struct iommu_iotlb_gather *gather)
{
	atomic_t *countdown = &mock->iommu->countdowns[MOCK_IOMMU_UNMAP];
	size_t nr = until_failure(countdown, count), done = 0;

	if (nr)
		done = mock_pgtable_unmap(mock, iova, size, nr, gather);
	if (nr && !done)
		mock_error(mock->iommu, "unmapped what is not mapped", iova);
	note_unmapped(mock, iova, done);
	/* Who can't unmap a page can't do it when asked again, either. */
	for (size_t i = 0; i < done / size; i++)
		if (atomic_read(countdown) > 1)
			atomic_dec(countdown);
	return done;
}

/* What is in one row is invalidated in one go. */
static void gather_range(struct iommu_domain *domain, unsigned long iova,
			 size_t size, struct iommu_iotlb_gather *gather)
{
	if (gather->queued)
		return;
	if (iommu_iotlb_gather_is_disjoint(gather, iova, size))
		iommu_iotlb_sync(domain, gather);
	iommu_iotlb_gather_add_range(gather, iova, size);
}

/* A page is gathered with its size; no other size may be with it. */
static void gather_pages(struct iommu_domain *domain, unsigned long iova,
			 size_t pgsize, size_t size,
			 struct iommu_iotlb_gather *gather)
{
	if (gather->queued)
		return;
	iommu_iotlb_gather_add_page(domain, gather, iova, pgsize);
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
 * Return: how many bytes were unmapped, which may be less.
 */
size_t mock_table_unmap_pages(struct iommu_domain *domain, unsigned long iova,
			      size_t size, size_t count,
			      struct iommu_iotlb_gather *gather)
{
	struct mock_domain *mock = to_mock(domain);
	unsigned long flags;
	size_t done = 0;

	xa_lock_irqsave(&mock->pages, flags);
	mock->counts.nr_unmap_calls++;
	if (!count)
		mock_error(mock->iommu, "unmapped nothing", iova);
	if (!mock->pgtable) {
		done = unmap_own(mock, iova, size, count, gather);
		mock->counts.unmapped += done;
	}
	xa_unlock_irqrestore(&mock->pages, flags);
	if (mock->pgtable)
		return unmap_in_pgtable(mock, iova, size, count, gather);
	if (!done)
		return 0;

	switch (mock->iommu->shape.forget) {
	case MOCK_IOMMU_BY_RANGE:
		gather_range(domain, iova, done, gather);
		break;
	case MOCK_IOMMU_BY_PAGE:
		gather_pages(domain, iova, size, done, gather);
		break;
	case MOCK_IOMMU_BY_ANY_RANGE:
		iommu_iotlb_gather_add_range(gather, iova, done);
		break;
	default:
		break;
	}
	return done;
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
	struct mock_domain *mock = to_mock(domain);
	void *entry = find_live(mock, iova, &start);

	if (!entry && mock->iommu->shape.has_no_zero)
		return offset_in_page(iova);
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
	mock_pgtable_destroy(mock);
	xa_destroy(&mock->pages);
	drop_used_tables(mock);
	drop_tables(mock, &mock->given);
	drop_tables(mock, &mock->flushed);
}

