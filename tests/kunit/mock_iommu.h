/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A mock IOMMU, and the memory as a device behind it sees it.
 *
 * mock_iommu_create() registers an IOMMU of some shape, mock_iommu_device()
 * puts a device of any shape behind it, in a group and a domain of its own
 * unless the shape says otherwise. From there on a test uses nothing but the
 * drivers' DMA API and the public IOMMU API.
 *
 * A domain keeps a page table: for each page what it maps, as what, and
 * with which size it was mapped. A page that was unmapped stays there as a
 * *stale* one, until an invalidation covers it: that is the IOTLB of a device
 * that has touched all of its pages. These are errors, and the test fails:
 *
 *   - mapping over a page, or outside of the aperture
 *   - mapping over a stale page: the address was handed out before its flush
 *   - unmapping a page that is not there, or a part of one
 *   - freeing a page of the page table before the flush, or never
 *   - a page that is mapped, or stale without a flush queue, at the test's end
 *   - a domain that outlives the test
 *
 * mock_iommu_read() and mock_iommu_write() are the device: they go through the
 * page table, page by page, and are refused where it has no page or no
 * permission.
 */
#ifndef _TESTS_KUNIT_MOCK_IOMMU_H
#define _TESTS_KUNIT_MOCK_IOMMU_H

#include <kunit/test.h>
#include <linux/iommu.h>
#include <linux/types.h>

#include "../../kernel/dma/swiotlb.h"
#include "mock.h"

struct mock_iommu;

/**
 * struct mock_iommu_region - a reserved region
 * @start: its first address
 * @size: in bytes; 0 ends a list of them
 * @type: what it is reserved for
 */
struct mock_iommu_region {
	phys_addr_t		start;
	size_t			size;
	enum iommu_resv_type	type;
};

/**
 * struct mock_iommu_shape - what an IOMMU is to be like
 * @aperture_start: first address that can be mapped
 * @aperture_last: last one; 0: 48 bits
 * @page_sizes: bitmap of them, from 4 KiB on; 0: 4 KiB, 64 KiB and 2 MiB
 * @domain_type: of the devices' default domain; 0: IOMMU_DOMAIN_DMA
 * @regions: reserved ones, copied; NULL: none
 * @is_open: the aperture is not forced: beyond it there is no translation
 * @is_strict: it can't put off invalidations
 * @has_one_group: all devices are in one group
 * @shadows_on_flush: a flush is slow, as of an IOMMU that is emulated
 * @has_tables: each mapping takes a page for the page table, and unmapping
 *	gives it back to be freed after the flush
 * @keeps_msi: pages of MSI doorbells stay mapped until the domain goes
 * @attaches_late: what the kernel before left running goes on until a device is
 *	used first, and only then it is attached
 * @pages_per_call: one call maps or unmaps at most so many pages and says how
 *	much it did, as drivers may; 0: all of them
 * @maps_nothing: map_pages() does nothing and reports no error
 * @stops_at_tables: nor does a call go on where a page table of 2 MiB ends
 * @syncs_at_once: unmap_pages() invalidates itself, unless that is queued; then
 *	iotlb_sync() has nothing to do
 */
struct mock_iommu_shape {
	dma_addr_t			aperture_start;
	dma_addr_t			aperture_last;
	unsigned long			page_sizes;
	unsigned int			domain_type;
	const struct mock_iommu_region	*regions;
	bool				is_open;
	bool				is_strict;
	bool				has_one_group;
	bool				shadows_on_flush;
	bool				has_tables;
	bool				keeps_msi;
	bool				attaches_late;
	unsigned int			pages_per_call;
	bool				maps_nothing;
	bool				stops_at_tables;
	bool				syncs_at_once;
};

/**
 * struct mock_iommu_counts - what was asked of a domain
 * @nr_map_calls: map_pages()
 * @nr_unmap_calls: unmap_pages()
 * @nr_sync_map_calls: iotlb_sync_map()
 * @nr_syncs: iotlb_sync()
 * @nr_flushes: flush_iotlb_all()
 * @mapped: in bytes
 * @unmapped: in bytes
 * @sync_mapped: by iotlb_sync_map(), in bytes
 * @invalidated: by iotlb_sync(), in bytes
 */
struct mock_iommu_counts {
	unsigned long	nr_map_calls;
	unsigned long	nr_unmap_calls;
	unsigned long	nr_sync_map_calls;
	unsigned long	nr_syncs;
	unsigned long	nr_flushes;
	u64		mapped;
	u64		unmapped;
	u64		sync_mapped;
	u64		invalidated;
};

/**
 * enum mock_iommu_call - what can be made to fail
 * @MOCK_IOMMU_MAP: mapping a page; those before it in the same call are mapped
 * @MOCK_IOMMU_UNMAP: unmapping a page, and all after it until that is undone
 * @MOCK_IOMMU_SYNC_MAP: iotlb_sync_map()
 * @MOCK_IOMMU_ATTACH: attaching a device to a domain
 * @MOCK_IOMMU_ATTACH_ALL: the same, and again until that is undone
 * @MOCK_IOMMU_NR_CALLS: how many there are
 */
enum mock_iommu_call {
	MOCK_IOMMU_MAP,
	MOCK_IOMMU_UNMAP,
	MOCK_IOMMU_SYNC_MAP,
	MOCK_IOMMU_ATTACH,
	MOCK_IOMMU_ATTACH_ALL,
	MOCK_IOMMU_NR_CALLS,
};

/* Is the code under test the tree's own, with its known mistakes? */
#ifdef MOCK_IOMMU_IS_REWRITTEN
#define mock_iommu_is_stock()	false
#else
#define mock_iommu_is_stock()	true
#endif

struct mock_iommu *mock_iommu_create(struct kunit *test,
				     const struct mock_iommu_shape *shape);
void mock_iommu_reserve(struct kunit *test, struct mock_iommu *iommu,
			const struct mock_iommu_region *region);
int mock_iommu_join(struct mock_iommu *iommu, struct device *dev);
void mock_iommu_leave(struct device *dev);
void mock_iommu_watch(struct kunit *test, struct device *dev);
struct device *mock_iommu_device(struct kunit *test, struct mock_iommu *iommu,
				 const char *name,
				 const struct dma_kunit_shape *shape);
bool mock_iommu_fail_nth(struct mock_iommu *iommu, enum mock_iommu_call call,
			 unsigned int nth);
unsigned int mock_iommu_take_errors(struct mock_iommu *iommu);

unsigned int mock_iommu_nr_attached(struct mock_iommu *iommu);
struct mock_iommu_counts mock_iommu_counts(struct device *dev);
unsigned long mock_iommu_nr_mapped(struct device *dev);
unsigned long mock_iommu_nr_stale(struct device *dev);
unsigned long mock_iommu_nr_tables(struct device *dev);

phys_addr_t mock_iommu_phys(struct device *dev, dma_addr_t dma_addr);
int mock_iommu_prot(struct device *dev, dma_addr_t dma_addr);
size_t mock_iommu_page_size(struct device *dev, dma_addr_t dma_addr);
bool mock_iommu_read(struct device *dev, dma_addr_t dma_addr, void *buffer,
		     size_t size);
bool mock_iommu_write(struct device *dev, dma_addr_t dma_addr,
		      const void *buffer, size_t size);
bool mock_iommu_sees(struct device *dev, dma_addr_t dma_addr,
		     const void *buffer, size_t size);

u8 *mock_iommu_buffer(struct kunit *test, size_t size);
void mock_iommu_fill(void *buffer, size_t size, u8 seed);
bool mock_iommu_is_filled(const void *buffer, size_t size, u8 seed);
bool mock_iommu_write_fill(struct device *dev, dma_addr_t dma_addr, size_t size,
			   u8 seed);
unsigned int mock_iommu_exhaust(struct kunit *test, struct device *dev,
				void *buffer, size_t size, dma_addr_t *addrs,
				unsigned int nr_max);
void mock_iommu_unmap_all(struct device *dev, const dma_addr_t *addrs,
			  unsigned int nr, size_t size);

/* How many slots of a device's bounce buffers are in use */
#ifdef CONFIG_SWIOTLB
static inline long mock_iommu_nr_bounced(struct device *dev)
{
	return dev->dma_io_tlb_mem ?
	       swiotlb_set_nr_used(swiotlb_set_of(dev)) : 0;
}
#else
static inline long mock_iommu_nr_bounced(struct device *dev)
{
	return 0;
}
#endif

/* Do drivers' sync calls return at once? Only where somebody notes it. */
#ifdef CONFIG_DMA_NEED_SYNC
static inline bool mock_iommu_skips_sync(struct device *dev)
{
	return dev->dma_skip_sync;
}
#else
static inline bool mock_iommu_skips_sync(struct device *dev)
{
	return dev_is_dma_coherent(dev);
}
#endif

/**
 * mock_iommu_simple_device - a coherent device behind an IOMMU of its own
 * @test: the test
 * @shape: of the IOMMU
 *
 * Context: process context.
 * Return: the device.
 */
static inline struct device *
mock_iommu_simple_device(struct kunit *test,
			 const struct mock_iommu_shape *shape)
{
	return mock_iommu_device(test, mock_iommu_create(test, shape), "dev",
				 &(struct dma_kunit_shape){});
}

#endif /* _TESTS_KUNIT_MOCK_IOMMU_H */
