// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of consistent memory, from the driver's call to the memory.
 *
 * Devices reach memory directly and are coherent or not. What a buffer has to
 * be is checked for each of them: as large as asked for, aligned to its
 * natural size, zeroed although it was dirty before, seen by the CPU where
 * the ledger says it lies, and gone when it was freed.
 */

#include <kunit/device.h>
#include <kunit/test.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>

#include "../../kernel/dma/backend.h"
#include "../../kernel/dma/ledger.h"
#include "log.h"
#include "mock.h"

#define MAX_PAGES	64

struct way {
	const char *what;
	bool is_noncoherent;
	gfp_t gfp;
	size_t max_pages;
};

static const struct way ways[] = {
	{ "coherent, sleeping", false, GFP_KERNEL, MAX_PAGES },
	{ "coherent, atomic", false, GFP_ATOMIC, MAX_PAGES },
	{ "non-coherent, sleeping", true, GFP_KERNEL, MAX_PAGES },
	/* What an atomic pool of the smallest size has in one piece */
	{ "non-coherent, atomic", true, GFP_ATOMIC, 16 },
};

static void way_to_desc(const struct way *way, char *desc)
{
	strscpy(desc, way->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(way, ways, way_to_desc);

static struct device *device_of(struct kunit *test, const struct way *way)
{
	return dma_kunit_device(test, "dev", &(struct dma_kunit_shape) {
		.is_noncoherent = way->is_noncoherent,
	});
}

/* The record of a buffer of @size bytes at @dma_addr, checked. */
static struct dma_allocation check_record(struct kunit *test,
					  struct device *dev, size_t size,
					  void *cpu_addr, dma_addr_t dma_addr)
{
	size_t align = roundup_pow_of_two(PAGE_ALIGN(size));
	struct dma_allocation record = {};

	KUNIT_ASSERT_TRUE(test, dma_ledger_find(dev, dma_addr, &record));
	KUNIT_EXPECT_PTR_EQ(test, record.dev, dev);
	KUNIT_EXPECT_PTR_EQ(test, record.cpu_addr, cpu_addr);
	KUNIT_EXPECT_EQ(test, record.dma_addr, dma_addr);
	KUNIT_EXPECT_EQ(test, record.size, PAGE_ALIGN(size));
	KUNIT_EXPECT_EQ(test, dma_addr, phys_to_dma(dev, record.phys));
	KUNIT_EXPECT_TRUE_MSG(test, IS_ALIGNED(dma_addr, align),
			      "%zu bytes at %pad from %s", size, &dma_addr,
			      record.backend->name);
	KUNIT_EXPECT_STREQ(test, record.driver, dev->driver->name);
	KUNIT_EXPECT_STREQ(test, record.owner->name, dev_name(dev));
	return record;
}

static void check_memory(struct kunit *test, struct device *dev,
			 const struct dma_allocation *record)
{
	u8 *end = record->cpu_addr + record->size - 1;

	KUNIT_EXPECT_NULL(test, memchr_inv(record->cpu_addr, 0, record->size));
	/* The last byte for the CPU is the last one of the memory, too. */
	*end = 0x5a;
	if (dev_is_dma_coherent(dev))
		KUNIT_EXPECT_EQ(test, 0x5a, *((u8 *)phys_to_virt(record->phys) +
					      record->size - 1));
	memset(record->cpu_addr, 0xa5, record->size);
}

static void alloc_sizes_test(struct kunit *test)
{
	const struct way *way = test->param_value;
	struct device *dev = device_of(test, way);

	for (size_t nr_pages = 1; nr_pages <= way->max_pages; nr_pages++) {
		/* Odd sizes are rounded up; and what was dirty comes again. */
		size_t size = (nr_pages << PAGE_SHIFT) - (nr_pages % 3) * 100;
		struct dma_allocation record;
		dma_addr_t dma_addr;
		void *cpu_addr;

		cpu_addr = dma_alloc_coherent(dev, size, &dma_addr, way->gfp);
		KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
		record = check_record(test, dev, size, cpu_addr, dma_addr);
		check_memory(test, dev, &record);
		dma_free_coherent(dev, size, cpu_addr, dma_addr);
		KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), 0);
	}
}

#define NR_RECORDS	512

/* Slabs that are made from now on are full of something. */
static void dirty_free_pages(struct kunit *test)
{
	static struct page *pages[NR_RECORDS];

	for (unsigned int i = 0; i < NR_RECORDS; i++) {
		pages[i] = alloc_page(GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, pages[i]);
		memset(page_address(pages[i]), 0xa5, PAGE_SIZE);
	}
	for (unsigned int i = 0; i < NR_RECORDS; i++)
		__free_page(pages[i]);
}

/* What a backend does not keep in a record is zero, whatever was there. */
static void alloc_clean_record_test(struct kunit *test)
{
	static const union dma_backend_data nothing;
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	static dma_addr_t dma_addr[NR_RECORDS];
	static void *cpu_addr[NR_RECORDS];
	unsigned int nr_dirty = 0;

	dirty_free_pages(test);
	for (unsigned int i = 0; i < NR_RECORDS; i++) {
		struct dma_allocation record;

		cpu_addr[i] = dma_alloc_coherent(dev, PAGE_SIZE, &dma_addr[i],
						 GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, cpu_addr[i]);
		record = check_record(test, dev, PAGE_SIZE, cpu_addr[i],
				      dma_addr[i]);
		KUNIT_EXPECT_STREQ(test, record.backend->name, "pages");
		nr_dirty += !!memcmp(&record.own, &nothing, sizeof(nothing));
	}
	KUNIT_EXPECT_EQ(test, nr_dirty, 0);
	for (unsigned int i = 0; i < NR_RECORDS; i++)
		dma_free_coherent(dev, PAGE_SIZE, cpu_addr[i], dma_addr[i]);
}

/* Several at a time: none overlaps another. */
static void alloc_many_test(struct kunit *test)
{
	const struct way *way = test->param_value;
	struct device *dev = device_of(test, way);
	dma_addr_t dma_addr[16];
	u32 *cpu_addr[16];

	for (unsigned int i = 0; i < ARRAY_SIZE(cpu_addr); i++) {
		cpu_addr[i] = dma_alloc_coherent(dev, PAGE_SIZE, &dma_addr[i],
						 way->gfp);
		KUNIT_ASSERT_NOT_NULL(test, cpu_addr[i]);
		memset32(cpu_addr[i], i, PAGE_SIZE / sizeof(u32));
	}
	KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), ARRAY_SIZE(cpu_addr));
	for (unsigned int i = 0; i < ARRAY_SIZE(cpu_addr); i++) {
		for (unsigned int j = 0; j < PAGE_SIZE / sizeof(u32); j++)
			KUNIT_ASSERT_EQ(test, cpu_addr[i][j], i);
		dma_free_coherent(dev, PAGE_SIZE, cpu_addr[i], dma_addr[i]);
	}
}

static void alloc_bad_size_test(struct kunit *test)
{
	static const size_t sizes[] = {
		0, SIZE_MAX, SIZE_MAX - PAGE_SIZE, (size_t)SSIZE_MAX + 1,
		SSIZE_MAX, (size_t)SSIZE_MAX - PAGE_SIZE,
	};
	struct device *dev = dma_kunit_coherent_device(test, "dev");

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		dma_addr_t dma_addr = 1;
		void *cpu_addr;

		cpu_addr = dma_alloc_coherent(dev, sizes[i], &dma_addr,
					      GFP_KERNEL);
		KUNIT_EXPECT_NULL_MSG(test, cpu_addr, "%zu bytes", sizes[i]);
		KUNIT_EXPECT_EQ(test, dma_addr, 0);
		KUNIT_EXPECT_NULL(test, dma_alloc_pages(dev, sizes[i],
							&dma_addr,
							DMA_TO_DEVICE,
							GFP_KERNEL));
	}
}

/* No kernel mapping: what the driver gets is the page. */
static void alloc_no_mapping_test(struct kunit *test)
{
	const struct way *way = test->param_value;
	struct device *dev = device_of(test, way);
	struct dma_allocation record;
	dma_addr_t dma_addr;
	struct page *page;
	void *cookie;

	cookie = dma_alloc_attrs(dev, PAGE_SIZE, &dma_addr, way->gfp,
				 DMA_ATTR_NO_KERNEL_MAPPING);
	KUNIT_ASSERT_NOT_NULL(test, cookie);
	record = check_record(test, dev, PAGE_SIZE, cookie, dma_addr);
	page = dma_record_page(&record);
	if (!record.backend->is_unmapped) {
		KUNIT_EXPECT_PTR_EQ(test, cookie, (void *)page);
		KUNIT_EXPECT_NULL(test, memchr_inv(page_address(page), 0,
						   PAGE_SIZE));
		memset(page_address(page), 0xa5, PAGE_SIZE);
	}
	dma_free_attrs(dev, PAGE_SIZE, cookie, dma_addr,
		       DMA_ATTR_NO_KERNEL_MAPPING);
}

static void alloc_pages_test(struct kunit *test)
{
	const struct way *way = test->param_value;
	struct device *dev = device_of(test, way);
	static const size_t sizes[] = { 1, PAGE_SIZE, 3 * PAGE_SIZE + 1, SZ_64K };

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t size = sizes[i];
		struct dma_allocation record;
		dma_addr_t dma_addr;
		struct page *page;

		page = dma_alloc_pages(dev, size, &dma_addr, DMA_FROM_DEVICE,
				       way->gfp);
		KUNIT_ASSERT_NOT_NULL(test, page);
		record = check_record(test, dev, size, page, dma_addr);
		KUNIT_EXPECT_EQ(test, record.phys, page_to_phys(page));
		KUNIT_EXPECT_NULL(test, memchr_inv(page_address(page), 0,
						   PAGE_ALIGN(size)));
		memset(page_address(page), 0xa5, PAGE_ALIGN(size));
		dma_free_pages(dev, size, page, dma_addr, DMA_FROM_DEVICE);
	}
}

static void alloc_noncoherent_test(struct kunit *test)
{
	const struct way *way = test->param_value;
	struct device *dev = device_of(test, way);
	dma_addr_t dma_addr;
	void *cpu_addr;

	cpu_addr = dma_alloc_noncoherent(dev, 5 * PAGE_SIZE, &dma_addr,
					 DMA_TO_DEVICE, way->gfp);
	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	/* Ordinary, cached memory */
	KUNIT_EXPECT_TRUE(test, virt_addr_valid(cpu_addr));
	KUNIT_EXPECT_EQ(test, dma_addr,
			phys_to_dma(dev, virt_to_phys(cpu_addr)));
	KUNIT_EXPECT_NULL(test, memchr_inv(cpu_addr, 0, 5 * PAGE_SIZE));
	memset(cpu_addr, 0xa5, 5 * PAGE_SIZE);
	dma_sync_single_for_device(dev, dma_addr, 5 * PAGE_SIZE, DMA_TO_DEVICE);
	dma_free_noncoherent(dev, 5 * PAGE_SIZE, cpu_addr, dma_addr,
			     DMA_TO_DEVICE);
}

static void alloc_noncontiguous_test(struct kunit *test)
{
	const struct way *way = test->param_value;
	struct device *dev = device_of(test, way);
	size_t size = 3 * PAGE_SIZE - 5;
	struct sg_table *sgt;
	void *cpu_addr;

	sgt = dma_alloc_noncontiguous(dev, size, DMA_BIDIRECTIONAL, way->gfp, 0);
	KUNIT_ASSERT_NOT_NULL(test, sgt);
	KUNIT_EXPECT_EQ(test, sgt->nents, 1);
	KUNIT_EXPECT_EQ(test, sgt->orig_nents, 1);
	KUNIT_EXPECT_EQ(test, sg_dma_len(sgt->sgl), 3 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, sg_dma_address(sgt->sgl),
			phys_to_dma(dev, sg_phys(sgt->sgl)));

	cpu_addr = dma_vmap_noncontiguous(dev, size, sgt);
	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	KUNIT_EXPECT_NULL(test, memchr_inv(cpu_addr, 0, 3 * PAGE_SIZE));
	memset(cpu_addr, 0xa5, 3 * PAGE_SIZE);
	dma_vunmap_noncontiguous(dev, cpu_addr);
	dma_free_noncontiguous(dev, size, sgt, DMA_BIDIRECTIONAL);

	KUNIT_EXPECT_NULL(test, dma_alloc_noncontiguous(dev, 0, DMA_TO_DEVICE,
							way->gfp, 0));
	dma_kunit_expect_warn_begin();
	sgt = dma_alloc_noncontiguous(dev, size, DMA_TO_DEVICE, way->gfp,
				      DMA_ATTR_NO_KERNEL_MAPPING);
	KUNIT_EXPECT_NULL(test, sgt);
	KUNIT_EXPECT_EQ(test, dma_kunit_expect_warn_end(), 1);
}

/* Calls that are wrong in themselves */

static void alloc_no_mask_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	dma_addr_t dma_addr;

	dev->coherent_dma_mask = 0;
	dma_kunit_expect_warn_begin();
	KUNIT_EXPECT_NULL(test, dma_alloc_coherent(dev, PAGE_SIZE, &dma_addr,
						   GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, dma_alloc_pages(dev, PAGE_SIZE, &dma_addr,
						DMA_TO_DEVICE, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, dma_kunit_expect_warn_end(), 1);
}

static void alloc_bad_flags_test(struct kunit *test)
{
	static const gfp_t bad[] = {
		__GFP_COMP, __GFP_DMA, __GFP_DMA32, __GFP_HIGHMEM,
	};
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	dma_addr_t dma_addr;
	struct page *page;

	dma_kunit_expect_warn_begin();
	KUNIT_EXPECT_NULL(test, dma_alloc_coherent(dev, PAGE_SIZE, &dma_addr,
						   GFP_KERNEL | __GFP_COMP));
	KUNIT_EXPECT_NULL(test, dma_alloc_noncontiguous(dev, PAGE_SIZE,
							DMA_TO_DEVICE,
							GFP_KERNEL | __GFP_COMP,
							0));
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		page = dma_alloc_pages(dev, PAGE_SIZE, &dma_addr,
				       DMA_TO_DEVICE, GFP_KERNEL | bad[i]);
		KUNIT_EXPECT_NULL_MSG(test, page, "flag %pGg", &bad[i]);
	}
	page = dma_alloc_pages(dev, PAGE_SIZE, &dma_addr, DMA_NONE, GFP_KERNEL);
	KUNIT_EXPECT_NULL(test, page);
	/* One about flags, one about the direction: both come once per boot. */
	KUNIT_EXPECT_EQ(test, dma_kunit_expect_warn_end(), 2);
}

/* Zones are the layer's business: a driver may name one, and is not heard. */
static void alloc_zone_ignored_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	dma_addr_t dma_addr;
	void *cpu_addr;

	cpu_addr = dma_alloc_coherent(dev, PAGE_SIZE, &dma_addr,
				      GFP_KERNEL | __GFP_HIGHMEM | __GFP_ZERO);
	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	dma_free_coherent(dev, PAGE_SIZE, cpu_addr, dma_addr);
}

static void alloc_refused_line_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	const char *line = "no DMA memory for 1073741824 bytes";
	dma_addr_t dma_addr;
	unsigned int nr_lines;

	/* Silence where it was asked for */
	dma_kunit_log_mark();
	KUNIT_EXPECT_NULL(test, dma_alloc_coherent(dev, SZ_1G, &dma_addr,
						   GFP_KERNEL | __GFP_NOWARN));
	KUNIT_EXPECT_NULL(test, dma_alloc_attrs(dev, SZ_1G, &dma_addr,
						GFP_KERNEL, DMA_ATTR_NO_WARN));
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count(line), 0);

	/* One line for a request; others before it may have used them up. */
	for (unsigned int i = 0; i < 10; i++) {
		dma_kunit_log_mark();
		KUNIT_EXPECT_NULL(test, dma_alloc_coherent(dev, SZ_1G,
							   &dma_addr,
							   GFP_ATOMIC));
		nr_lines = dma_kunit_log_count(line);
		if (nr_lines)
			break;
		schedule_timeout_uninterruptible(HZ);
	}
	KUNIT_EXPECT_EQ(test, nr_lines, 1);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count(dev_name(dev)), 1);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("pages: larger than"), 1);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("GFP_ATOMIC"), 1);
}

/* What is out of reach is refused, and what a window shifts is shifted. */
static void alloc_window_test(struct kunit *test)
{
	struct device *all = dma_kunit_coherent_device(test, "all");
	/* A power of two beyond all RAM, so that both windows are as large. */
	phys_addr_t offset = 1ULL << fls64(PFN_PHYS((u64)max_pfn) - 1);
	struct bus_dma_region windows[2] = {};
	dma_addr_t near, shifted;
	struct device *dev;
	void *cpu_addr;

	cpu_addr = dma_alloc_coherent(all, PAGE_SIZE, &near, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	dma_free_coherent(all, PAGE_SIZE, cpu_addr, near);

	windows[0] = (struct bus_dma_region) { 0, offset, offset };
	dev = dma_kunit_device(test, "shifted", &(struct dma_kunit_shape) {
		.windows = windows,
	});
	cpu_addr = dma_alloc_coherent(dev, PAGE_SIZE, &shifted, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	KUNIT_EXPECT_EQ(test, shifted, virt_to_phys(cpu_addr) + offset);
	dma_free_coherent(dev, PAGE_SIZE, cpu_addr, shifted);

	/* Below its offset the device reaches nothing. */
	dev->coherent_dma_mask = offset - 1;
	KUNIT_EXPECT_NULL(test, dma_alloc_attrs(dev, PAGE_SIZE, &shifted,
						GFP_KERNEL, DMA_ATTR_NO_WARN));
	KUNIT_EXPECT_NULL(test, dma_alloc_attrs(dev, SZ_64K, &shifted,
						GFP_KERNEL, DMA_ATTR_NO_WARN));
}

#ifdef CONFIG_ARCH_HAS_DMA_ALLOC
/* A window over what the architecture gives is enough, high memory or not. */
static void alloc_arch_window_test(struct kunit *test)
{
	phys_addr_t first = PFN_PHYS(min_low_pfn);
	size_t size = (max_low_pfn - min_low_pfn) << PAGE_SHIFT;
	struct bus_dma_region windows[2] = {
		{ .cpu_start = first, .dma_start = 0, .size = size },
	};
	struct bus_dma_region *own;
	struct device *dev;
	dma_addr_t dma_addr;
	void *cpu_addr;

	if (max_pfn == max_low_pfn)
		kunit_skip(test, "there is no high memory");
	dev = dma_kunit_device(test, "dev", &(struct dma_kunit_shape) {
		.is_noncoherent = true,
		.windows = windows,
	});
	cpu_addr = dma_alloc_coherent(dev, SZ_64K, &dma_addr, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	KUNIT_EXPECT_STREQ(test, dma_ledger_owner(dev, dma_addr), "arch");
	KUNIT_EXPECT_LT(test, dma_addr, size);
	dma_free_coherent(dev, SZ_64K, cpu_addr, dma_addr);

	/* Some of it is left out: it may give just that. */
	own = (struct bus_dma_region *)dev->dma_range_map;
	own->cpu_start += PAGE_SIZE;
	own->size = PAGE_SIZE;
	KUNIT_EXPECT_NULL(test, dma_alloc_attrs(dev, SZ_64K, &dma_addr,
						GFP_KERNEL, DMA_ATTR_NO_WARN));
}
#else
static void alloc_arch_window_test(struct kunit *test)
{
	kunit_skip(test, "the architecture does not allocate itself");
}
#endif

/* Managed memory */

static void alloc_managed_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	dma_addr_t first, second;
	void *a, *b;

	KUNIT_EXPECT_NULL(test, dmam_alloc_coherent(dev, 0, &first, GFP_KERNEL));
	a = dmam_alloc_coherent(dev, SZ_8K, &first, GFP_KERNEL);
	b = dmam_alloc_attrs(dev, SZ_4K, &second, GFP_KERNEL,
			     DMA_ATTR_NO_KERNEL_MAPPING);
	KUNIT_ASSERT_NOT_NULL(test, a);
	KUNIT_ASSERT_NOT_NULL(test, b);
	KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), 2);

	dmam_free_coherent(dev, SZ_8K, a, first);
	KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), 1);
	KUNIT_EXPECT_NOT_NULL(test, dma_ledger_owner(dev, second));
	a = dmam_alloc_coherent(dev, SZ_16K, &first, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, a);

	/* The rest goes with the device. */
	kunit_device_unregister(test, dev);
	KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), 0);
}

static void alloc_managed_wrong_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	dma_addr_t dma_addr;
	void *cpu_addr = dmam_alloc_coherent(dev, SZ_8K, &dma_addr, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	dma_kunit_expect_warn_begin();
	dmam_free_coherent(dev, SZ_8K, cpu_addr + SZ_4K, dma_addr);
	KUNIT_EXPECT_EQ(test, dma_kunit_expect_warn_end(), 1);
	KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), 1);

	/* Freed as what it is, whatever the caller thinks. */
	dma_kunit_expect_warn_begin();
	dmam_free_coherent(dev, SZ_4K, cpu_addr, dma_addr);
	KUNIT_EXPECT_EQ(test, dma_kunit_expect_warn_end(), 1);
	KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), 0);
}

static struct kunit_case dma_alloc_cases[] = {
	KUNIT_CASE_PARAM(alloc_sizes_test, way_gen_params),
	KUNIT_CASE(alloc_clean_record_test),
	KUNIT_CASE_PARAM(alloc_many_test, way_gen_params),
	KUNIT_CASE(alloc_bad_size_test),
	KUNIT_CASE_PARAM(alloc_no_mapping_test, way_gen_params),
	KUNIT_CASE_PARAM(alloc_pages_test, way_gen_params),
	KUNIT_CASE_PARAM(alloc_noncoherent_test, way_gen_params),
	KUNIT_CASE_PARAM(alloc_noncontiguous_test, way_gen_params),
	KUNIT_CASE(alloc_no_mask_test),
	KUNIT_CASE(alloc_bad_flags_test),
	KUNIT_CASE(alloc_zone_ignored_test),
	KUNIT_CASE(alloc_refused_line_test),
	KUNIT_CASE(alloc_window_test),
	KUNIT_CASE(alloc_arch_window_test),
	KUNIT_CASE(alloc_managed_test),
	KUNIT_CASE(alloc_managed_wrong_test),
	{}
};

static struct kunit_suite dma_alloc_suite = {
	.name = "dma_alloc",
	.test_cases = dma_alloc_cases,
};

kunit_test_suite(dma_alloc_suite);

MODULE_DESCRIPTION("KUnit tests of consistent DMA memory");
MODULE_LICENSE("GPL");
