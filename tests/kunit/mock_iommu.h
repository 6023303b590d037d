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
 *   - without a flush queue, a page that is still stale when the call of the
 *     DMA API that unmapped it has returned
 *   - a page that is mapped, or stale without a flush queue, or an address
 *     that is taken, at the test's end
 *   - a domain that outlives the test
 *
 * mock_iommu_read() and mock_iommu_write() are the device: they go through the
 * page table, page by page, and are refused where it has no page, or one that
 * the IOMMU was not told of though it has to be, or no permission.
 *
 * What IOMMUs have in common ends there. How much one call of a driver does,
 * when it invalidates, which page sizes and addresses there are, differs:
 * Documentation/core-api/dma-iommu-drivers.rst lists what the drivers of the
 * tree do, and mock_iommu_shapes[] has a shape for each distinct row of it,
 * some with a page table of drivers/iommu/io-pgtable*.c in the mock's place.
 * Test cases run over all of them by MOCK_IOMMU_CASE() and its relatives (over
 * typical ones where the parameter all_shapes of mock_iommu_shapes says so). A
 * test then makes its IOMMU as ever, and the shape that it asks for is laid
 * over that of the parameter; if both don't go together, it is skipped.
 */
#ifndef _TESTS_KUNIT_MOCK_IOMMU_H
#define _TESTS_KUNIT_MOCK_IOMMU_H

#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/scatterlist.h>
#include <linux/types.h>

#include "../../kernel/dma/swiotlb/swiotlb.h"
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
 * enum mock_iommu_reach - how far a call of map_pages() or unmap_pages() gets
 * @MOCK_IOMMU_ALL: it does all that is asked for
 * @MOCK_IOMMU_TABLE: it stops at the end of a table, and says success
 * @MOCK_IOMMU_ONE: it does one page
 */
enum mock_iommu_reach {
	MOCK_IOMMU_ALL,
	MOCK_IOMMU_TABLE,
	MOCK_IOMMU_ONE,
};

/**
 * enum mock_iommu_forget - what makes the IOMMU forget a page that was unmapped
 * @MOCK_IOMMU_BY_RANGE: iotlb_sync(), of the range that unmap_pages() gathered,
 *	unless it was told that this is queued
 * @MOCK_IOMMU_BY_PAGE: the same, but only pages of the size that was gathered
 * @MOCK_IOMMU_BY_ANY_RANGE: the same as by range, queued or not, with all that
 *	lies between
 * @MOCK_IOMMU_UNLESS_QUEUED: unmap_pages() itself, unless it was told that this
 *	is queued; iotlb_sync() waits for the end of that, and does nothing else
 * @MOCK_IOMMU_AT_ONCE: unmap_pages() itself; there are no other calls
 * @MOCK_IOMMU_AT_SYNC: iotlb_sync(), of all that was unmapped, gathered or not
 */
enum mock_iommu_forget {
	MOCK_IOMMU_BY_RANGE,
	MOCK_IOMMU_BY_PAGE,
	MOCK_IOMMU_BY_ANY_RANGE,
	MOCK_IOMMU_UNLESS_QUEUED,
	MOCK_IOMMU_AT_ONCE,
	MOCK_IOMMU_AT_SYNC,
};

/**
 * enum mock_iommu_format - whose page table it is
 * @MOCK_IOMMU_OWN: the mock's
 * @MOCK_IOMMU_LPAE_S1: io-pgtable-arm.c, 64 bit, stage 1
 * @MOCK_IOMMU_LPAE_S2: io-pgtable-arm.c, 64 bit, stage 2
 * @MOCK_IOMMU_LPAE_32: io-pgtable-arm.c, 32 bit, stage 1
 * @MOCK_IOMMU_V7S: io-pgtable-arm-v7s.c
 */
enum mock_iommu_format {
	MOCK_IOMMU_OWN,
	MOCK_IOMMU_LPAE_S1,
	MOCK_IOMMU_LPAE_S2,
	MOCK_IOMMU_LPAE_32,
	MOCK_IOMMU_V7S,
};

/**
 * struct mock_iommu_shape - what an IOMMU is to be like
 * @name: of a shape that tests run over
 * @aperture_start: first address that can be mapped
 * @aperture_last: last one; 0: 48 bits
 * @page_sizes: bitmap of them, from 1 KiB on; 0: 4 KiB, 64 KiB and 2 MiB
 * @granule: the smallest page size that a test counts on, in bytes; 0: 4 KiB, or
 *	that of @page_sizes; MOCK_IOMMU_ANY: whatever it is
 * @reach: how much of what is asked for a call does
 * @forget: when what was unmapped is forgotten
 * @format: whose page table
 * @domain_type: of the devices' default domain; 0: IOMMU_DOMAIN_DMA
 * @regions: reserved ones, copied; NULL: none
 * @is_open: the aperture is not forced: beyond it there is no translation
 * @is_strict: it can't put off invalidations
 * @is_told: it sees new pages only once iotlb_sync_map() covers them
 * @keeps_whole: what one call maps can't be unmapped in parts: a call that
 *	begins inside is refused, one that ends inside unmaps all of it
 * @counts_missing: unmap_pages() counts pages that are not mapped, too
 * @has_no_zero: iova_to_phys() of what is not mapped is the offset in the page
 * @hides_part: map_pages() that fails half-way leaves its pages mapped, and says
 *	that there are none
 * @pages_per_call: one call does at most so many pages; 0: as many as @reach says
 * @maps_nothing: map_pages() does nothing and reports no error
 * @syncs_at_once: the same as a @forget of MOCK_IOMMU_UNLESS_QUEUED
 * @is_typical: runs the cases that take long, too
 * @has_one_group: all devices are in one group
 * @shadows_on_flush: a flush is slow, as of an IOMMU that is emulated
 * @has_tables: each mapping takes a page for the page table, and unmapping
 *	gives it back to be freed after the flush
 * @keeps_msi: pages of MSI doorbells stay mapped until the domain goes
 * @attaches_late: what the kernel before left running goes on until a device is
 *	used first, and only then it is attached
 * @narrows_to: last address since a device was attached; 0: as before
 */
struct mock_iommu_shape {
	const char			*name;
	dma_addr_t			aperture_start;
	dma_addr_t			aperture_last;
	unsigned long			page_sizes;
	unsigned long			granule;
	enum mock_iommu_reach		reach;
	enum mock_iommu_forget		forget;
	enum mock_iommu_format		format;
	unsigned int			domain_type;
	const struct mock_iommu_region	*regions;
	bool				is_open;
	bool				is_strict;
	bool				is_told;
	bool				keeps_whole;
	bool				counts_missing;
	bool				has_no_zero;
	bool				hides_part;
	unsigned int			pages_per_call;
	bool				maps_nothing;
	bool				syncs_at_once;
	bool				is_typical;
	bool				has_one_group;
	bool				shadows_on_flush;
	bool				has_tables;
	bool				keeps_msi;
	bool				attaches_late;
	dma_addr_t			narrows_to;
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

#define MOCK_IOMMU_ANY	1

/*
 * Cases that run over all shapes; and those that take long, or that ask no more
 * of the IOMMU than others that do, over typical ones.
 */
#define MOCK_IOMMU_CASE(name) \
	KUNIT_CASE_PARAM(name, mock_iommu_gen_shapes)
#define MOCK_IOMMU_CASE_TYPICAL(name) \
	KUNIT_CASE_PARAM(name, mock_iommu_gen_typical)

/*
 * The same for cases that have parameters of their own, which come from
 * name##_gen_params(); see mock_iommu_gen_each(). In the place of
 * test->param_value such a case takes mock_iommu_param(test).
 */
#define MOCK_IOMMU_PARAM(name) \
	static const void *name##_gen_shapes(const void *prev, char *desc) \
	{ \
		return mock_iommu_gen_each(prev, desc, name##_gen_params, \
					   false); \
	}
#define MOCK_IOMMU_PARAM_TYPICAL(name) \
	static const void *name##_gen_typical(const void *prev, char *desc) \
	{ \
		return mock_iommu_gen_each(prev, desc, name##_gen_params, \
					   true); \
	}
#define MOCK_IOMMU_CASE_PARAM(case, name) \
	KUNIT_CASE_PARAM(case, name##_gen_shapes)
#define MOCK_IOMMU_CASE_PARAM_TYPICAL(case, name) \
	KUNIT_CASE_PARAM(case, name##_gen_typical)

/* mock_iommu_shapes.c */
const void *mock_iommu_gen_shapes(const void *prev, char *desc);
const void *mock_iommu_gen_typical(const void *prev, char *desc);
const void *mock_iommu_gen_each(const void *prev, char *desc,
				const void *(*gen)(const void *prev, char *desc),
				bool is_typical);
const void *mock_iommu_param(struct kunit *test);
const struct mock_iommu_shape *mock_iommu_shape_of(struct kunit *test);
unsigned long mock_iommu_rounds(struct kunit *test, unsigned long nr);

/* The smallest page size of a test's shape, in bytes */
static inline size_t mock_iommu_granule(struct kunit *test)
{
	return BIT(__ffs(mock_iommu_shape_of(test)->page_sizes));
}

/* Where no memory is, and the IOMMU maps what is there */
static inline phys_addr_t mock_iommu_registers(struct kunit *test)
{
	return mock_iommu_shape_of(test)->format == MOCK_IOMMU_V7S ?
	       0xd0000000 : 0x5000000000;
}

static inline void mock_iommu_skip_narrow(struct kunit *test)
{
	if (mock_iommu_shape_of(test)->format == MOCK_IOMMU_V7S)
		kunit_skip(test, "it can't map what is above 4 GiB");
}

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
void mock_iommu_check_unmapped(struct device *dev, dma_addr_t first,
			       dma_addr_t last);

bool mock_iommu_is_seen(struct device *dev, dma_addr_t dma_addr);
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

/*
 * The calls of the DMA API that unmap, each followed by a look at what the IOMMU
 * has not forgotten. The macros of dma-mapping.h that lead to them lead to these.
 */

static inline void mock_iommu_unmap_single(struct device *dev,
					   dma_addr_t dma_addr, size_t size,
					   enum dma_data_direction dir,
					   unsigned long attrs)
{
	dma_unmap_single_attrs(dev, dma_addr, size, dir, attrs);
	mock_iommu_check_unmapped(dev, dma_addr, dma_addr + size - 1);
}

static inline void mock_iommu_unmap_page(struct device *dev,
					 dma_addr_t dma_addr, size_t size,
					 enum dma_data_direction dir,
					 unsigned long attrs)
{
	dma_unmap_page_attrs(dev, dma_addr, size, dir, attrs);
	mock_iommu_check_unmapped(dev, dma_addr, dma_addr + size - 1);
}

static inline void mock_iommu_unmap_resource(struct device *dev,
					     dma_addr_t dma_addr, size_t size,
					     enum dma_data_direction dir,
					     unsigned long attrs)
{
	dma_unmap_resource(dev, dma_addr, size, dir, attrs);
	mock_iommu_check_unmapped(dev, dma_addr, dma_addr + size - 1);
}

static inline void mock_iommu_free(struct device *dev, size_t size,
				   void *cpu_addr, dma_addr_t dma_addr,
				   unsigned long attrs)
{
	dma_free_attrs(dev, size, cpu_addr, dma_addr, attrs);
	mock_iommu_check_unmapped(dev, dma_addr, dma_addr + size - 1);
}

void mock_iommu_unmap_sg(struct device *dev, struct scatterlist *sgl,
			 int nr, enum dma_data_direction dir,
			 unsigned long attrs);

static inline void mock_iommu_unmap_sgtable(struct device *dev,
					    struct sg_table *sgt,
					    enum dma_data_direction dir,
					    unsigned long attrs)
{
	mock_iommu_unmap_sg(dev, sgt->sgl, sgt->orig_nents, dir, attrs);
}

#ifndef MOCK_IOMMU_LOOKS_FOR_ITSELF
#define dma_unmap_single_attrs	mock_iommu_unmap_single
#define dma_unmap_page_attrs	mock_iommu_unmap_page
#define dma_unmap_resource	mock_iommu_unmap_resource
#define dma_unmap_sg_attrs	mock_iommu_unmap_sg
#define dma_free_attrs		mock_iommu_free
#define dma_unmap_sgtable	mock_iommu_unmap_sgtable
#define dma_free_coherent(dev, size, cpu_addr, dma_addr)		\
	mock_iommu_free(dev, size, cpu_addr, dma_addr, 0)
#endif

#endif /* _TESTS_KUNIT_MOCK_IOMMU_H */
