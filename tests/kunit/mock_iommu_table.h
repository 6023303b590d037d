/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the two halves of the mock IOMMU share: mock_iommu.c has IOMMUs, devices
 * and domains, mock_iommu_table.c the page table of a domain and its IOTLB.
 */
#ifndef _TESTS_KUNIT_MOCK_IOMMU_TABLE_H
#define _TESTS_KUNIT_MOCK_IOMMU_TABLE_H

#include <linux/atomic.h>
#include <linux/fwnode.h>
#include <linux/iommu.h>
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
};

struct mock_domain {
	struct iommu_domain domain;
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

#endif /* _TESTS_KUNIT_MOCK_IOMMU_TABLE_H */
