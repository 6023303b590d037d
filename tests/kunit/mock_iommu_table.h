/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the mock IOMMU share: mock_iommu.c has IOMMUs, devices and
 * domains, mock_iommu_table.c the page table of a domain and its IOTLB,
 * mock_iommu_pgtable.c page tables of the tree, mock_iommu_shapes.c shapes.
 */
#ifndef _TESTS_KUNIT_MOCK_IOMMU_TABLE_H
#define _TESTS_KUNIT_MOCK_IOMMU_TABLE_H

#include <linux/atomic.h>
#include <linux/bitfield.h>
#include <linux/fwnode.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/xarray.h>

#include "../../drivers/iommu/iommu-priv.h"
#include "mock_iommu.h"

#define MAX_REGIONS	7

struct mock_iommu {
	struct iommu_device iommu;
	struct fwnode_handle fwnode;
	struct kunit *test;
	struct mock_iommu_shape shape;
	struct mock_iommu_region regions[MAX_REGIONS + 1];
	atomic_t countdowns[MOCK_IOMMU_NR_CALLS];
	atomic_t nr_errors;
	atomic_t nr_domains;
	atomic_t nr_attached;
	bool has_kept_pages;
};

struct io_pgtable_ops;

struct mock_domain {
	struct iommu_domain domain;
	struct iommu_domain_ops ops;
	/* NULL: the mock's own */
	struct io_pgtable_ops *pgtable;
	struct mock_iommu *iommu;
	struct xarray pages;
	struct mock_iommu_counts counts;
	/* Tables in use, given back but not flushed, and flushed */
	struct list_head used;
	struct list_head given;
	struct list_head flushed;
};

/* What hangs on a device while it is behind the IOMMU */
struct mock_endpoint {
	struct mock_iommu *iommu;
	struct iommu_domain *domain;
};

extern struct iommu_domain mock_identity_domain;

static inline struct mock_domain *to_mock(struct iommu_domain *domain)
{
	return container_of(domain, struct mock_domain, domain);
}

/* The domain that translates for @dev now; NULL: none does. */
static inline struct mock_domain *mock_domain_of(struct device *dev)
{
	struct mock_endpoint *endpoint = dev_iommu_priv_get(dev);
	struct iommu_domain *domain = endpoint ? endpoint->domain : NULL;

	return domain && domain != &mock_identity_domain ? to_mock(domain) : NULL;
}

/* Counts down to the call that has to fail; 0: none has to. */
static inline bool mock_has_to_fail(struct mock_iommu *iommu,
				    enum mock_iommu_call call)
{
	return atomic_dec_if_positive(&iommu->countdowns[call]) == 0;
}

/*
 * The book that a domain keeps of its pages, in KiB: an entry is at the number of
 * the first of them. Marks: unmapped, and not yet forgotten; to be forgotten when
 * the IOMMU is waited for; mapped, and the IOMMU not yet told.
 */
#define PAGE_BITS	10
#define STALE		XA_MARK_0
#define ORDERED		XA_MARK_1
#define UNTOLD		XA_MARK_2

/* Fields of an entry */
#define ENTRY_PROT	GENMASK(5, 0)
#define ENTRY_STALE	BIT(6)
#define ENTRY_FIRST	BIT(7)	/* of what one call mapped */
#define ENTRY_ORDER	GENMASK(13, 8)
#define ENTRY_PFN_SHIFT	16

static inline void *make_entry(phys_addr_t phys, size_t size, int prot)
{
	return xa_mk_value((unsigned long)(phys >> PAGE_BITS)
			   << ENTRY_PFN_SHIFT |
			   FIELD_PREP(ENTRY_ORDER, __ffs(size)) |
			   (prot & ENTRY_PROT));
}

static inline bool is_stale(void *entry)
{
	return xa_to_value(entry) & ENTRY_STALE;
}

static inline size_t entry_size(void *entry)
{
	return BIT(FIELD_GET(ENTRY_ORDER, xa_to_value(entry)));
}

static inline phys_addr_t entry_phys(void *entry)
{
	return (phys_addr_t)(xa_to_value(entry) >> ENTRY_PFN_SHIFT) <<
	       PAGE_BITS;
}

/* The entry of the page that holds @iova; @start: its first address */
static inline void *find_entry(struct mock_domain *mock, unsigned long iova,
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

/* What is mapped at @iova */
static inline void *find_live(struct mock_domain *mock, unsigned long iova,
			      unsigned long *start)
{
	void *entry = find_entry(mock, iova, start);

	return entry && !is_stale(entry) ? entry : NULL;
}

/* A page of the page table, which we hold as well to see when it is freed */
struct mock_table {
	struct list_head node;
	struct page *page;
};

static inline bool is_freed(struct mock_table *table)
{
	return page_count(table->page) == 1;
}

void mock_error(struct mock_iommu *iommu, const char *what, unsigned long iova);
void mock_table_init(struct mock_domain *mock);
void mock_table_destroy(struct mock_domain *mock);
int mock_table_map_pages(struct iommu_domain *domain, unsigned long iova,
			 phys_addr_t phys, size_t size, size_t count, int prot,
			 gfp_t gfp, size_t *mapped);
size_t mock_table_unmap_pages(struct iommu_domain *domain, unsigned long iova,
			      size_t size, size_t count,
			      struct iommu_iotlb_gather *gather);
void mock_table_sync(struct iommu_domain *domain,
		     struct iommu_iotlb_gather *gather);
void mock_table_flush_all(struct iommu_domain *domain);
int mock_table_sync_map(struct iommu_domain *domain, unsigned long iova,
			size_t size);
phys_addr_t mock_table_iova_to_phys(struct iommu_domain *domain,
				    dma_addr_t iova);

/* mock_iommu_tlb.c */
void mock_table_forget(struct mock_domain *mock, unsigned long first,
		       unsigned long last);
void mock_table_order(struct mock_domain *mock, unsigned long first,
		      unsigned long last);

/* mock_iommu_pgtable.c */
bool mock_pgtable_create(struct mock_domain *mock);
void mock_pgtable_destroy(struct mock_domain *mock);
int mock_pgtable_map(struct mock_domain *mock, unsigned long iova,
		     phys_addr_t phys, size_t size, size_t count, int prot,
		     gfp_t gfp, size_t *mapped);
size_t mock_pgtable_unmap(struct mock_domain *mock, unsigned long iova,
			  size_t size, size_t count,
			  struct iommu_iotlb_gather *gather);
phys_addr_t mock_pgtable_phys(struct mock_domain *mock, unsigned long iova);

/* mock_iommu_shapes.c */
struct mock_iommu_shape mock_iommu_lay_over(struct kunit *test,
					    const struct mock_iommu_shape *wish);

#endif /* _TESTS_KUNIT_MOCK_IOMMU_TABLE_H */
