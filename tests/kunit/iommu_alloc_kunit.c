// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of consistent memory behind an IOMMU.
 *
 * Such memory is scattered pages as a rule, in one row for the CPU by a kernel
 * mapping, and in one row for the device by the IOMMU. So both views are
 * compared, from the first byte to the last.
 */

#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/vmstat.h>

#include "../../kernel/dma/ledger.h"
#include "log.h"
#include "mock_iommu.h"

struct way {
	const char *what;
	bool is_noncoherent;
	gfp_t gfp;
	unsigned long attrs;
	size_t max_size;
	unsigned long page_sizes;
};

static const struct way ways[] = {
	{ "coherent", false, GFP_KERNEL, 0, SZ_4M },
	{ "coherent, atomic", false, GFP_ATOMIC, 0, SZ_1M },
	{ "coherent, contiguous", false, GFP_KERNEL, DMA_ATTR_FORCE_CONTIGUOUS,
	  SZ_1M },
	{ "coherent, single pages", false, GFP_KERNEL,
	  DMA_ATTR_ALLOC_SINGLE_PAGES, SZ_1M },
	{ "non-coherent", true, GFP_KERNEL, 0, SZ_4M },
	/* What an atomic pool of the smallest size has in one piece */
	{ "non-coherent, atomic", true, GFP_ATOMIC, 0, SZ_64K },
	{ "non-coherent, contiguous", true, GFP_KERNEL,
	  DMA_ATTR_FORCE_CONTIGUOUS, SZ_1M },
	{ "write-combined", true, GFP_KERNEL, DMA_ATTR_WRITE_COMBINE, SZ_1M },
	{ "pages of 4 KiB only", false, GFP_KERNEL, 0, SZ_1M, SZ_4K },
};

static void way_to_desc(const struct way *way, char *desc)
{
	strscpy(desc, way->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(way, ways, way_to_desc);
MOCK_IOMMU_PARAM(way)

static struct device *device_of(struct kunit *test, const struct way *way)
{
	return mock_iommu_device(test,
			mock_iommu_create(test, &(struct mock_iommu_shape) {
				.page_sizes = way->page_sizes,
				.granule = MOCK_IOMMU_ANY,
			}), "dev", &(struct dma_kunit_shape) {
				.is_noncoherent = way->is_noncoherent,
			});
}

static struct device *plain_device(struct kunit *test)
{
	return device_of(test, &ways[0]);
}

static void check_gone(struct kunit *test, struct device *dev)
{
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), 0);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_stale(dev), 0);
	KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), 0);
}

/* Both see the same, to the last byte, and both may write. */
static void check_views(struct kunit *test, struct device *dev, u8 *cpu_addr,
			dma_addr_t dma_addr, size_t size)
{
	int prot = IOMMU_READ | IOMMU_WRITE;

	if (dev_is_dma_coherent(dev))
		prot |= IOMMU_CACHE;
	KUNIT_EXPECT_EQ(test, mock_iommu_prot(dev, dma_addr), prot);
	KUNIT_EXPECT_EQ(test, mock_iommu_prot(dev, dma_addr + size - 1), prot);
	mock_iommu_fill(cpu_addr, size, 5);
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(dev, dma_addr, cpu_addr, size));
	for (size_t at = 0; at < size; at += PAGE_SIZE - 1) {
		KUNIT_EXPECT_TRUE(test, mock_iommu_write(dev, dma_addr + at,
							 "\xee", 1));
		KUNIT_EXPECT_EQ(test, cpu_addr[at], 0xee);
	}
}

static void alloc_sizes_test(struct kunit *test)
{
	const struct way *way = mock_iommu_param(test);
	struct device *dev = device_of(test, way);
	size_t granule = mock_iommu_granule(test);

	for (size_t size = 1; size <= way->max_size; size = size * 2 + 100) {
		u64 align = roundup_pow_of_two(PAGE_ALIGN(size));
		dma_addr_t dma_addr;
		u8 *cpu_addr;

		cpu_addr = dma_alloc_attrs(dev, size, &dma_addr, way->gfp,
					   way->attrs);
		KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
		KUNIT_EXPECT_NULL(test, memchr_inv(cpu_addr, 0,
						   PAGE_ALIGN(size)));
		KUNIT_EXPECT_TRUE_MSG(test, IS_ALIGNED(dma_addr, align),
				      "%zu bytes at %pad", size, &dma_addr);
		check_views(test, dev, cpu_addr, dma_addr, PAGE_ALIGN(size));
		/* Nothing but the buffer */
		KUNIT_EXPECT_EQ(test, mock_iommu_prot(dev, dma_addr - 1), -1);
		KUNIT_EXPECT_EQ(test, mock_iommu_prot(dev, dma_addr +
						      ALIGN(PAGE_ALIGN(size),
							    granule)), -1);
		dma_free_attrs(dev, size, cpu_addr, dma_addr, way->attrs);
		check_gone(test, dev);
	}
}

/* Several at a time: none overlaps another, here or there. */
static void alloc_many_test(struct kunit *test)
{
	const struct way *way = mock_iommu_param(test);
	struct device *dev = device_of(test, way);
	dma_addr_t dma_addr[12];
	u8 *cpu_addr[12];

	for (unsigned int i = 0; i < ARRAY_SIZE(cpu_addr); i++) {
		cpu_addr[i] = dma_alloc_attrs(dev, SZ_8K, &dma_addr[i],
					      way->gfp, way->attrs);
		KUNIT_ASSERT_NOT_NULL(test, cpu_addr[i]);
		mock_iommu_fill(cpu_addr[i], SZ_8K, i);
	}
	KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), ARRAY_SIZE(cpu_addr));
	for (unsigned int i = 0; i < ARRAY_SIZE(cpu_addr); i++) {
		KUNIT_EXPECT_TRUE(test, mock_iommu_is_filled(cpu_addr[i], SZ_8K,
							     i));
		KUNIT_EXPECT_TRUE(test, mock_iommu_sees(dev, dma_addr[i],
							cpu_addr[i], SZ_8K));
		dma_free_attrs(dev, SZ_8K, cpu_addr[i], dma_addr[i],
			       way->attrs);
	}
	check_gone(test, dev);
}

static void alloc_contiguous_test(struct kunit *test)
{
	struct device *dev = plain_device(test);
	phys_addr_t phys;
	dma_addr_t dma_addr;
	void *cpu_addr;

	cpu_addr = dma_alloc_attrs(dev, SZ_256K, &dma_addr, GFP_KERNEL,
				   DMA_ATTR_FORCE_CONTIGUOUS);
	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	phys = mock_iommu_phys(dev, dma_addr);
	for (size_t at = 0; at < SZ_256K; at += SZ_4K)
		KUNIT_EXPECT_EQ(test, mock_iommu_phys(dev, dma_addr + at),
				phys + at);
	dma_free_attrs(dev, SZ_256K, cpu_addr, dma_addr,
		       DMA_ATTR_FORCE_CONTIGUOUS);
	check_gone(test, dev);
}

/* Memory that only the device uses */
static void alloc_no_mapping_test(struct kunit *test)
{
	const struct way *way = mock_iommu_param(test);
	struct device *dev = device_of(test, way);
	unsigned long attrs = way->attrs | DMA_ATTR_NO_KERNEL_MAPPING;
	dma_addr_t dma_addr;
	u8 word[8] = {};
	void *cookie;

	for (size_t size = SZ_4K; size <= min(way->max_size, SZ_256K);
	     size *= 4) {
		cookie = dma_alloc_attrs(dev, size, &dma_addr, way->gfp, attrs);
		KUNIT_ASSERT_NOT_NULL(test, cookie);
		for (size_t at = 0; at < size; at += SZ_4K) {
			KUNIT_EXPECT_TRUE(test, mock_iommu_read(dev,
								dma_addr + at,
								word, 8));
			KUNIT_EXPECT_NULL(test, memchr_inv(word, 0, 8));
		}
		KUNIT_EXPECT_TRUE(test, mock_iommu_write(dev,
							 dma_addr + size - 3,
							 "end", 3));
		dma_free_attrs(dev, size, cookie, dma_addr, attrs);
		check_gone(test, dev);
	}
}

/* Other kinds of memory */

static void alloc_pages_test(struct kunit *test)
{
	const struct way *way = mock_iommu_param(test);
	struct device *dev = device_of(test, way);
	dma_addr_t dma_addr;
	struct page *page;

	for (size_t size = SZ_4K; size <= SZ_64K; size += SZ_4K * 5) {
		page = dma_alloc_pages(dev, size, &dma_addr, DMA_BIDIRECTIONAL,
				       way->gfp);
		KUNIT_ASSERT_NOT_NULL(test, page);
		KUNIT_EXPECT_NULL(test, memchr_inv(page_address(page), 0,
						   size));
		check_views(test, dev, page_address(page), dma_addr, size);
		dma_free_pages(dev, size, page, dma_addr, DMA_BIDIRECTIONAL);
		check_gone(test, dev);
	}
}

static void alloc_noncontiguous_test(struct kunit *test)
{
	const struct way *way = mock_iommu_param(test);
	/* Zeroed like everything else; the tree's own code has to be asked. */
	gfp_t gfp = GFP_KERNEL | (mock_iommu_is_stock() ? __GFP_ZERO : 0);
	struct device *dev = device_of(test, way);
	struct sg_table *sgt;
	dma_addr_t dma_addr;
	u8 *cpu_addr;

	for (size_t size = 1; size <= SZ_1M; size = size * 5 + 1000) {
		sgt = dma_alloc_noncontiguous(dev, size, DMA_BIDIRECTIONAL,
					      gfp, 0);
		KUNIT_ASSERT_NOT_NULL(test, sgt);
		KUNIT_EXPECT_EQ(test, sgt->nents, 1);
		dma_addr = sg_dma_address(sgt->sgl);
		KUNIT_EXPECT_GE(test, sg_dma_len(sgt->sgl), size);

		cpu_addr = dma_vmap_noncontiguous(dev, size, sgt);
		KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
		dma_sync_sgtable_for_cpu(dev, sgt, DMA_BIDIRECTIONAL);
		KUNIT_EXPECT_NULL(test, memchr_inv(cpu_addr, 0, size));
		check_views(test, dev, cpu_addr, dma_addr, size);
		dma_sync_sgtable_for_device(dev, sgt, DMA_BIDIRECTIONAL);
		dma_vunmap_noncontiguous(dev, cpu_addr);
		dma_free_noncontiguous(dev, size, sgt, DMA_BIDIRECTIONAL);
		check_gone(test, dev);
	}
}

/* Small ones lie side by side: who goes takes nothing from the others. */
static void alloc_noncontiguous_peers_test(struct kunit *test)
{
	struct device *dev = plain_device(test);
	struct sg_table *tables[4];

	for (unsigned int i = 0; i < ARRAY_SIZE(tables); i++) {
		tables[i] = dma_alloc_noncontiguous(dev, 1, DMA_BIDIRECTIONAL,
						    GFP_KERNEL, 0);
		KUNIT_ASSERT_NOT_NULL(test, tables[i]);
	}
	for (unsigned int i = ARRAY_SIZE(tables); i--;) {
		dma_free_noncontiguous(dev, 1, tables[i], DMA_BIDIRECTIONAL);
		for (unsigned int j = 0; j < i; j++) {
			dma_addr_t dma_addr = sg_dma_address(tables[j]->sgl);

			KUNIT_EXPECT_GT(test, mock_iommu_prot(dev, dma_addr), 0);
		}
	}
	check_gone(test, dev);
}

/* Where the IOMMU's pages are larger than the CPU's, any size will do. */
static void alloc_large_granule_test(struct kunit *test)
{
	struct device *dev = mock_iommu_simple_device(test,
			&(struct mock_iommu_shape) {
				.page_sizes = SZ_64K,
			});
	struct sg_table *sgt;

	for (size_t size = 1; size <= SZ_1M; size = size * 5 + 1000) {
		sgt = dma_alloc_noncontiguous(dev, size, DMA_BIDIRECTIONAL,
					      GFP_KERNEL, 0);
		KUNIT_ASSERT_NOT_NULL_MSG(test, sgt, "%zu bytes", size);
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev),
				DIV_ROUND_UP(size, SZ_64K));
		KUNIT_EXPECT_EQ(test, sg_dma_len(sgt->sgl),
				ALIGN(size, SZ_64K));
		dma_free_noncontiguous(dev, size, sgt, DMA_BIDIRECTIONAL);
		check_gone(test, dev);
	}
}

/* What can't be is refused, and what is beyond an int is not cut short. */
static void alloc_silly_size_test(struct kunit *test)
{
	static const u64 sizes[] = { 0, SZ_4G * SZ_4K + SZ_4K, S64_MAX };
	struct device *dev = plain_device(test);
	dma_addr_t dma_addr;

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		if (sizes[i] > SIZE_MAX)
			continue;
		dma_kunit_log_mark();
		KUNIT_EXPECT_NULL(test, dma_alloc_noncontiguous(dev, sizes[i],
								DMA_TO_DEVICE,
								GFP_KERNEL, 0));
		KUNIT_EXPECT_EQ(test, dma_kunit_log_count("DMA memory for"), 1);
		KUNIT_EXPECT_NULL(test, dma_alloc_attrs(dev, sizes[i],
							&dma_addr, GFP_KERNEL,
							DMA_ATTR_NO_KERNEL_MAPPING));
		check_gone(test, dev);
	}
}

/* At least what the direction asks for */
static void alloc_noncontiguous_one_way_test(struct kunit *test)
{
	struct device *dev = plain_device(test);
	struct sg_table *sgt;

	sgt = dma_alloc_noncontiguous(dev, SZ_64K, DMA_FROM_DEVICE, GFP_KERNEL,
				      DMA_ATTR_ALLOC_SINGLE_PAGES);
	KUNIT_ASSERT_NOT_NULL(test, sgt);
	KUNIT_EXPECT_EQ(test, mock_iommu_prot(dev, sg_dma_address(sgt->sgl)) &
			      ~IOMMU_READ, IOMMU_WRITE | IOMMU_CACHE);
	dma_free_noncontiguous(dev, SZ_64K, sgt, DMA_FROM_DEVICE);
	check_gone(test, dev);
}

/* Limits */

static void alloc_exhaust_test(struct kunit *test)
{
	struct device *dev = mock_iommu_simple_device(test,
			&(struct mock_iommu_shape) {
				.aperture_start = SZ_1M,
				.aperture_last = SZ_1M + SZ_128K - 1,
			});
	dma_addr_t dma_addrs[9], more;
	void *cpu_addrs[9];
	unsigned int nr;

	for (unsigned int round = 0; round < 3; round++) {
		for (nr = 0; nr < ARRAY_SIZE(cpu_addrs); nr++) {
			cpu_addrs[nr] = dma_alloc_attrs(dev, SZ_16K,
							&dma_addrs[nr],
							GFP_KERNEL,
							DMA_ATTR_NO_WARN);
			if (!cpu_addrs[nr])
				break;
		}
		KUNIT_EXPECT_EQ(test, nr, SZ_128K / SZ_16K);
		KUNIT_EXPECT_NULL(test, dma_alloc_attrs(dev, SZ_4K, &more,
							GFP_ATOMIC,
							DMA_ATTR_NO_WARN));
		KUNIT_EXPECT_NULL(test, dma_alloc_noncontiguous(dev, SZ_4K,
								DMA_TO_DEVICE,
								GFP_KERNEL, 0));
		while (nr--)
			dma_free_coherent(dev, SZ_16K, cpu_addrs[nr],
					  dma_addrs[nr]);
		check_gone(test, dev);
	}
}

/* The nth page can't be mapped. */
static void alloc_map_fails_test(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu_create(test,
			&(struct mock_iommu_shape) {
				.aperture_start = SZ_1M,
				.aperture_last = SZ_1M + SZ_128K - 1,
				.page_sizes = SZ_4K,
			});
	struct device *dev = mock_iommu_device(test, iommu, "dev",
					       &(struct dma_kunit_shape){});
	struct sg_table *sgt;
	dma_addr_t dma_addr;
	void *cpu_addr;

	for (unsigned int nth = 1; nth <= 16; nth++) {
		mock_iommu_fail_nth(iommu, MOCK_IOMMU_MAP, nth);
		cpu_addr = dma_alloc_attrs(dev, SZ_64K, &dma_addr,
					   nth % 2 ? GFP_KERNEL : GFP_ATOMIC,
					   DMA_ATTR_NO_WARN);
		KUNIT_EXPECT_NULL(test, cpu_addr);
		check_gone(test, dev);
		mock_iommu_fail_nth(iommu, MOCK_IOMMU_MAP, nth);
		sgt = dma_alloc_noncontiguous(dev, SZ_64K, DMA_TO_DEVICE,
					      GFP_KERNEL, 0);
		KUNIT_EXPECT_NULL(test, sgt);
		check_gone(test, dev);
	}
	mock_iommu_fail_nth(iommu, MOCK_IOMMU_MAP, 17);
	cpu_addr = dma_alloc_coherent(dev, SZ_64K, &dma_addr, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	KUNIT_EXPECT_TRUE(test, mock_iommu_fail_nth(iommu, MOCK_IOMMU_MAP, 0));
	dma_free_coherent(dev, SZ_64K, cpu_addr, dma_addr);
	check_gone(test, dev);
}

static void alloc_managed_test(struct kunit *test)
{
	struct device *dev = plain_device(test);
	dma_addr_t dma_addr;
	u8 *cpu_addr = dmam_alloc_coherent(dev, SZ_32K, &dma_addr, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	check_views(test, dev, cpu_addr, dma_addr, SZ_32K);
	dmam_free_coherent(dev, SZ_32K, cpu_addr, dma_addr);
	check_gone(test, dev);
}

/* Wrong frees */

static void alloc_wrong_free_test(struct kunit *test)
{
	static const struct {
		size_t cpu_offset;
		size_t dma_offset;
	} wrongs[] = {
		{ 0, SZ_1G }, { 0, SZ_4K }, { SZ_8K, SZ_8K }, { SZ_4K, 0 },
	};
	struct device *dev = plain_device(test);
	dma_addr_t dma_addr;
	u8 *cpu_addr = dma_alloc_coherent(dev, SZ_16K, &dma_addr, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	for (unsigned int i = 0; i < ARRAY_SIZE(wrongs); i++) {
		dma_kunit_expect_warn_begin();
		dma_kunit_log_mark();
		dma_free_coherent(dev, SZ_8K, cpu_addr + wrongs[i].cpu_offset,
				  dma_addr + wrongs[i].dma_offset);
		KUNIT_EXPECT_EQ(test, dma_kunit_log_count("nothing is freed"),
				1);
		KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
		KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), 1);
		check_views(test, dev, cpu_addr, dma_addr, SZ_16K);
	}
	dma_free_coherent(dev, SZ_16K, cpu_addr, dma_addr);
	check_gone(test, dev);
}

/* The buffer goes as what it is, whatever the caller thinks it is. */
static void alloc_wrong_size_test(struct kunit *test)
{
	static const size_t sizes[] = { 1, SZ_4K, SZ_64K, SZ_1M };
	struct device *dev = plain_device(test);

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		dma_addr_t dma_addr;
		void *cpu_addr = dma_alloc_coherent(dev, SZ_16K, &dma_addr,
						    GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
		dma_kunit_expect_warn_begin();
		dma_free_coherent(dev, sizes[i], cpu_addr, dma_addr);
		KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
		check_gone(test, dev);
	}
}

/* Where a free may not sleep */

struct held {
	struct device *dev;
	void *cpu_addr;
	dma_addr_t dma_addr;
};

static void free_held(void *data)
{
	struct held *held = data;

	dma_free_coherent(held->dev, SZ_16K, held->cpu_addr, held->dma_addr);
}

/* The device must not reach it any more, wherever it is freed. */
static void alloc_free_in_hardirq_test(struct kunit *test)
{
	struct held held = { .dev = plain_device(test) };

	held.cpu_addr = dma_alloc_coherent(held.dev, SZ_16K, &held.dma_addr,
					   GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, held.cpu_addr);
	dma_kunit_allow_warn(true);
	KUNIT_EXPECT_TRUE(test, dma_kunit_in_hardirq(free_held, &held));
	dma_kunit_allow_warn(false);
	check_gone(test, held.dev);
}

/* Each allocation fails in turn. */

struct failing {
	const char *what;
	bool is_noncoherent;
	size_t size;
	gfp_t gfp;
	unsigned long attrs;
	bool is_noncontiguous;
};

static const struct failing failings[] = {
	{ "page", false, SZ_4K, GFP_KERNEL },
	{ "64 KiB", false, SZ_64K, GFP_KERNEL },
	{ "64 KiB, single pages", false, SZ_64K, GFP_KERNEL,
	  DMA_ATTR_ALLOC_SINGLE_PAGES },
	{ "64 KiB, atomic", false, SZ_64K, GFP_ATOMIC },
	{ "64 KiB, contiguous", false, SZ_64K, GFP_KERNEL,
	  DMA_ATTR_FORCE_CONTIGUOUS },
	{ "64 KiB, no mapping", false, SZ_64K, GFP_KERNEL,
	  DMA_ATTR_NO_KERNEL_MAPPING },
	{ "non-coherent 64 KiB", true, SZ_64K, GFP_KERNEL },
	{ "non-coherent, contiguous", true, SZ_64K, GFP_KERNEL,
	  DMA_ATTR_FORCE_CONTIGUOUS },
	{ "non-coherent, atomic", true, SZ_8K, GFP_ATOMIC },
	{ "noncontiguous", false, SZ_64K, GFP_KERNEL,
	  .is_noncontiguous = true },
};

static void failing_to_desc(const struct failing *failing, char *desc)
{
	strscpy(desc, failing->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(failing, failings, failing_to_desc);
MOCK_IOMMU_PARAM_TYPICAL(failing)

static bool try_noncontiguous(struct device *dev,
			      const struct failing *failing, unsigned int nth,
			      bool *is_beyond)
{
	struct sg_table *sgt;

	dma_kunit_fail_sleeping(true);
	dma_kunit_fail_nth(nth);
	sgt = dma_alloc_noncontiguous(dev, failing->size, DMA_TO_DEVICE,
				      failing->gfp, 0);
	*is_beyond = dma_kunit_fail_nth(0);
	dma_kunit_fail_sleeping(false);
	if (sgt)
		dma_free_noncontiguous(dev, failing->size, sgt, DMA_TO_DEVICE);
	return sgt;
}

static bool try_alloc(struct device *dev, const struct failing *failing,
		      unsigned int nth, bool *is_beyond)
{
	dma_addr_t dma_addr;
	void *cpu_addr;

	if (failing->is_noncontiguous)
		return try_noncontiguous(dev, failing, nth, is_beyond);
	dma_kunit_fail_sleeping(true);
	dma_kunit_fail_nth(nth);
	cpu_addr = dma_alloc_attrs(dev, failing->size, &dma_addr, failing->gfp,
				   failing->attrs | DMA_ATTR_NO_WARN);
	*is_beyond = dma_kunit_fail_nth(0);
	dma_kunit_fail_sleeping(false);
	if (cpu_addr)
		dma_free_attrs(dev, failing->size, cpu_addr, dma_addr,
			       failing->attrs);
	return cpu_addr;
}

static void alloc_fail_nth_test(struct kunit *test)
{
	const struct failing *failing = mock_iommu_param(test);
	struct device *dev = device_of(test, &(struct way) {
		.is_noncoherent = failing->is_noncoherent,
	});
	unsigned int nth, nr_failed = 0;
	bool is_beyond = false;

	if (!dma_kunit_fail_sleeping(false))
		kunit_skip(test, "needs FAILSLAB, FAIL_PAGE_ALLOC, FAULT_INJECTION_DEBUG_FS");
	for (nth = 1; nth < 500 && !is_beyond; nth++) {
		/* Some failures have a way around them. */
		if (!try_alloc(dev, failing, nth, &is_beyond))
			nr_failed++;
		KUNIT_ASSERT_EQ(test, mock_iommu_nr_mapped(dev), 0);
		KUNIT_ASSERT_EQ(test, dma_ledger_count(dev), 0);
	}
	kunit_info(test, "%u of %u failures were felt", nr_failed, nth - 1);
	KUNIT_EXPECT_TRUE(test, is_beyond);
	KUNIT_EXPECT_GE(test, nr_failed, 1);
	check_gone(test, dev);
}

/* What 100 failures could leave behind is 100 MiB. */
static void alloc_fail_keeps_memory_test(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu_create(test,
					&(struct mock_iommu_shape){});
	struct device *dev = mock_iommu_device(test, iommu, "dev",
					       &(struct dma_kunit_shape){});
	long before = global_zone_page_state(NR_FREE_PAGES), after;
	dma_addr_t dma_addr;

	for (unsigned int i = 0; i < 100; i++) {
		mock_iommu_fail_nth(iommu, MOCK_IOMMU_MAP, 1);
		KUNIT_EXPECT_NULL(test, dma_alloc_attrs(dev, SZ_1M, &dma_addr,
							i % 2 ? GFP_KERNEL :
								GFP_NOWAIT,
							DMA_ATTR_NO_WARN));
	}
	after = global_zone_page_state(NR_FREE_PAGES);
	KUNIT_EXPECT_LT(test, before - after, SZ_16M >> PAGE_SHIFT);
	mock_iommu_fail_nth(iommu, MOCK_IOMMU_MAP, 0);
}

/* Those that run once try what the IOMMU is not asked for. */
static struct kunit_case iommu_alloc_cases[] = {
	MOCK_IOMMU_CASE_PARAM(alloc_sizes_test, way),
	MOCK_IOMMU_CASE_PARAM(alloc_many_test, way),
	MOCK_IOMMU_CASE(alloc_contiguous_test),
	MOCK_IOMMU_CASE_PARAM(alloc_no_mapping_test, way),
	MOCK_IOMMU_CASE_PARAM(alloc_pages_test, way),
	MOCK_IOMMU_CASE_PARAM(alloc_noncontiguous_test, way),
	MOCK_IOMMU_CASE(alloc_large_granule_test),
	KUNIT_CASE(alloc_silly_size_test),
	MOCK_IOMMU_CASE(alloc_noncontiguous_one_way_test),
	MOCK_IOMMU_CASE(alloc_noncontiguous_peers_test),
	MOCK_IOMMU_CASE(alloc_exhaust_test),
	MOCK_IOMMU_CASE(alloc_map_fails_test),
	MOCK_IOMMU_CASE(alloc_managed_test),
	KUNIT_CASE(alloc_wrong_free_test),
	KUNIT_CASE(alloc_wrong_size_test),
	MOCK_IOMMU_CASE(alloc_free_in_hardirq_test),
	MOCK_IOMMU_CASE_PARAM_TYPICAL(alloc_fail_nth_test, failing),
	MOCK_IOMMU_CASE(alloc_fail_keeps_memory_test),
	{}
};

static struct kunit_suite iommu_alloc_suite = {
	.name = "iommu_alloc",
	.test_cases = iommu_alloc_cases,
};

kunit_test_suite(iommu_alloc_suite);

MODULE_DESCRIPTION("KUnit tests of consistent memory behind an IOMMU");
MODULE_LICENSE("GPL");
