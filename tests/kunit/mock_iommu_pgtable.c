// SPDX-License-Identifier: GPL-2.0
/*
 * The page tables of drivers/iommu/io-pgtable*.c in the place of the mock's.
 *
 * The mock keeps its own book nevertheless: it is what the IOTLB holds, which
 * the page table's calls tell to forget. The device reads by the book, and what
 * it finds there has to be in the page table, too.
 *
 * No locks are held around the calls: page tables are made to be without. What
 * two callers do at a time concerns two ranges of addresses.
 */

#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/io-pgtable.h>
#include <linux/iommu.h>
#include <linux/log2.h>

#include "log.h"
#include "mock_iommu.h"
#include "mock_iommu_table.h"

static void flush_all(void *cookie)
{
	mock_table_forget(cookie, 0, ULONG_MAX);
}

/* The walk to a range changes: all on the way there is forgotten at once. */
static void flush_walk(unsigned long iova, size_t size, size_t granule,
		       void *cookie)
{
	mock_table_forget(cookie, iova, iova + (size - 1));
}

static void gather_page(struct iommu_iotlb_gather *gather, unsigned long iova,
			size_t granule, void *cookie)
{
	struct mock_domain *mock = cookie;

	iommu_iotlb_gather_add_page(&mock->domain, gather, iova, granule);
}

static void order_page(struct iommu_iotlb_gather *gather, unsigned long iova,
		       size_t granule, void *cookie)
{
	mock_table_order(cookie, iova, iova + (granule - 1));
}

static const struct iommu_flush_ops gather_ops = {
	.tlb_flush_all	= flush_all,
	.tlb_flush_walk	= flush_walk,
	.tlb_add_page	= gather_page,
};

static const struct iommu_flush_ops order_ops = {
	.tlb_flush_all	= flush_all,
	.tlb_flush_walk	= flush_walk,
	.tlb_add_page	= order_page,
};

static const struct iommu_flush_ops all_ops = {
	.tlb_flush_all	= flush_all,
	.tlb_flush_walk	= flush_walk,
};

static const struct iommu_flush_ops *ops_of(enum mock_iommu_forget forget)
{
	switch (forget) {
	case MOCK_IOMMU_BY_PAGE:
		return &gather_ops;
	case MOCK_IOMMU_UNLESS_QUEUED:
		return &order_ops;
	default:
		return &all_ops;
	}
}

static const enum io_pgtable_fmt formats[] = {
	[MOCK_IOMMU_LPAE_S1]	= ARM_64_LPAE_S1,
	[MOCK_IOMMU_LPAE_S2]	= ARM_64_LPAE_S2,
	[MOCK_IOMMU_LPAE_32]	= ARM_32_LPAE_S1,
	[MOCK_IOMMU_V7S]	= ARM_V7S,
};

/**
 * mock_pgtable_create - make the page table that a domain's shape asks for
 * @mock: the domain; its page sizes become those of the page table
 *
 * Context: process context.
 * Return: false without memory.
 */
bool mock_pgtable_create(struct mock_domain *mock)
{
	const struct mock_iommu_shape *shape = &mock->iommu->shape;
	/* Tables are coherent: no DMA API is needed to write them. */
	struct io_pgtable_cfg cfg = {
		.pgsize_bitmap	= shape->page_sizes,
		.ias		= ilog2(mock_iommu_shape_of(mock->iommu->test)
					->aperture_last) + 1,
		.oas		= 48,
		.coherent_walk	= true,
		.tlb		= ops_of(shape->forget),
		.iommu_dev	= mock->iommu->iommu.dev,
	};

	if (!IS_ENABLED(CONFIG_IOMMU_IO_PGTABLE) || !shape->format)
		return true;
	if (shape->format == MOCK_IOMMU_LPAE_32)
		cfg.oas = 40;
	if (shape->format == MOCK_IOMMU_V7S)
		cfg.oas = 32;
	/* The second of io-pgtable-arm-v7s makes its slab's name known twice. */
	dma_kunit_allow_warn(true);
	mock->pgtable = alloc_io_pgtable_ops(formats[shape->format], &cfg,
					     mock);
	dma_kunit_allow_warn(false);
	mock->domain.pgsize_bitmap = cfg.pgsize_bitmap;
	return mock->pgtable;
}

/**
 * mock_pgtable_destroy - end it
 * @mock: the domain
 *
 * Context: process context.
 */
void mock_pgtable_destroy(struct mock_domain *mock)
{
	if (IS_ENABLED(CONFIG_IOMMU_IO_PGTABLE))
		free_io_pgtable_ops(mock->pgtable);
}

/**
 * mock_pgtable_map - map pages
 * @mock: the domain
 * @iova: where
 * @phys: which memory
 * @size: of a page, in bytes
 * @count: how many
 * @prot: IOMMU_*
 * @gfp: for tables
 * @mapped: grows by the bytes that were mapped
 *
 * Context: may sleep if @gfp allows.
 * Return: 0 or a negative error.
 */
int mock_pgtable_map(struct mock_domain *mock, unsigned long iova,
		     phys_addr_t phys, size_t size, size_t count, int prot,
		     gfp_t gfp, size_t *mapped)
{
	return mock->pgtable->map_pages(mock->pgtable, iova, phys, size, count,
					prot, gfp, mapped);
}

/**
 * mock_pgtable_unmap - unmap pages
 * @mock: the domain
 * @iova: where
 * @size: of a page, in bytes
 * @count: how many
 * @gather: what is to be invalidated
 *
 * Context: any.
 * Return: how many bytes were unmapped.
 */
size_t mock_pgtable_unmap(struct mock_domain *mock, unsigned long iova,
			  size_t size, size_t count,
			  struct iommu_iotlb_gather *gather)
{
	return mock->pgtable->unmap_pages(mock->pgtable, iova, size, count,
					  gather);
}

/**
 * mock_pgtable_phys - which memory an address is
 * @mock: the domain
 * @iova: the address
 *
 * Context: any.
 * Return: the physical address; 0: none.
 */
phys_addr_t mock_pgtable_phys(struct mock_domain *mock, unsigned long iova)
{
	return mock->pgtable->iova_to_phys(mock->pgtable, iova);
}
