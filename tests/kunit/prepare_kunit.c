// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of making pages into what a request wants, and of kernel
 * mappings of pages.
 *
 * Requests are made by hand, so that a device can ask for decrypted memory on
 * a machine that has no encryption: there the steps are taken, and have
 * nothing to do.
 */

#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "../../kernel/dma/backend.h"
#include "../../kernel/dma/contiguous.h"
#include "../../kernel/dma/ledger.h"
#include "log.h"
#include "mock.h"

#define NR_SCATTERED	3

struct order {
	const char *what;
	bool is_noncoherent;
	bool wants_pages;
	gfp_t gfp;
	size_t size;
};

static const struct order orders[] = {
	{ "page", false, false, GFP_KERNEL, SZ_4K },
	{ "64 KiB", false, false, GFP_KERNEL, SZ_64K },
	{ "page, atomic", false, false, GFP_ATOMIC, SZ_4K },
	{ "cacheable", false, true, GFP_KERNEL, SZ_16K },
	{ "non-coherent page", true, false, GFP_KERNEL, SZ_4K },
	{ "non-coherent 64 KiB", true, false, GFP_KERNEL, SZ_64K },
};

static void order_to_desc(const struct order *order, char *desc)
{
	strscpy(desc, order->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(order, orders, order_to_desc);

static void prepare_decrypted_test(struct kunit *test)
{
	const struct order *order = test->param_value;
	struct device *dev = dma_kunit_device(test, "dev",
			&(struct dma_kunit_shape) {
				.is_noncoherent = order->is_noncoherent,
			});
	struct dma_request req = dma_request_of(dev, order->size, order->gfp,
						0);
	struct dma_allocation *record;
	void *cpu_addr;

	if (!IS_ENABLED(CONFIG_DMA_COHERENT_POOL) && order->gfp == GFP_ATOMIC)
		kunit_skip(test, "there are no atomic pools");
	req.limits.unencrypted = true;
	req.wants_pages = order->wants_pages;
	KUNIT_ASSERT_EQ(test, 0, dma_dispatch(&req, &record));
	if (record->backend->is_unmapped ||
	    (IS_ENABLED(CONFIG_ARCH_HAS_DMA_ALLOC) && order->is_noncoherent))
		kunit_info(test, "%s serves", record->backend->name);
	else if (order->gfp == GFP_ATOMIC)
		KUNIT_EXPECT_STREQ(test, record->backend->name, "atomic pool");
	else
		KUNIT_EXPECT_TRUE(test, record->done & (DMA_DONE_DECRYPTED |
							DMA_DONE_PREPARED));
	/* User space has to see it as the kernel does. */
	if (strcmp(record->backend->name, "arch"))
		KUNIT_EXPECT_TRUE(test, dma_record_is_unencrypted(record));

	cpu_addr = order->wants_pages ? page_address(record->cpu_addr) :
					record->cpu_addr;
	KUNIT_EXPECT_NULL(test, memchr_inv(cpu_addr, 0, order->size));
	memset(cpu_addr, 0xa5, order->size);
	KUNIT_EXPECT_TRUE(test, dma_dispatch_free(dev, order->size,
						  record->cpu_addr,
						  record->dma_addr));
	KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), 0);
}

/* What can't be decrypted right now is refused, and says so. */
static void prepare_decrypted_atomic_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct dma_request req = dma_request_of(dev, SZ_4K, GFP_ATOMIC,
						DMA_ATTR_NO_WARN |
						DMA_ATTR_NO_KERNEL_MAPPING);
	struct dma_allocation *record;

	if (!IS_ENABLED(CONFIG_DMA_DIRECT_REMAP))
		kunit_skip(test, "here an atomic pool has such pages");
	req.limits.unencrypted = true;
	KUNIT_EXPECT_EQ(test, -ENOMEM, dma_dispatch(&req, &record));
	KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), 0);
}

static void prepare_dispatch_bad_size_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct dma_request req = dma_request_of(dev, 0, GFP_KERNEL, 0);
	struct dma_allocation *record;

	KUNIT_EXPECT_EQ(test, -EINVAL, dma_dispatch(&req, &record));
	req.size = (size_t)SSIZE_MAX + 1;
	KUNIT_EXPECT_EQ(test, -EINVAL, dma_dispatch(&req, &record));
}

/* Kernel mappings */

static void free_page_of_test(void *page)
{
	__free_page(page);
}

static struct page *take_page(struct kunit *test, u8 byte)
{
	struct page *page = alloc_page(GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test,
							   free_page_of_test,
							   page));
	memset(page_address(page), byte, PAGE_SIZE);
	return page;
}

/* Pages that lie anywhere, seen in one row */
static void prepare_scattered_test(struct kunit *test)
{
	struct page *pages[NR_SCATTERED];
	u8 *cpu_addr;

	if (!IS_ENABLED(CONFIG_MMU))
		kunit_skip(test, "nothing is mapped without an MMU");
	/* From the last to the first, so that they are not in order already */
	for (int i = NR_SCATTERED - 1; i >= 0; i--)
		pages[i] = take_page(test, 0x10 + i);

	cpu_addr = dma_common_pages_remap(pages, NR_SCATTERED * PAGE_SIZE,
					  PAGE_KERNEL, NULL);
	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	for (int i = 0; i < NR_SCATTERED; i++)
		KUNIT_EXPECT_NULL(test, memchr_inv(cpu_addr + i * PAGE_SIZE,
						   0x10 + i, PAGE_SIZE));
	KUNIT_EXPECT_PTR_EQ(test, dma_common_find_pages(cpu_addr),
			    (struct page **)pages);
	dma_common_free_remap(cpu_addr, NR_SCATTERED * PAGE_SIZE);
	KUNIT_EXPECT_NULL(test, dma_common_find_pages(cpu_addr));
}

static void prepare_contiguous_test(struct kunit *test)
{
	struct page *page = take_page(test, 0x33);
	u8 *cpu_addr;

	if (!IS_ENABLED(CONFIG_MMU))
		kunit_skip(test, "nothing is mapped without an MMU");
	cpu_addr = dma_common_contiguous_remap(page, PAGE_SIZE, PAGE_KERNEL,
					       NULL);
	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	KUNIT_EXPECT_PTR_NE(test, cpu_addr, (u8 *)page_address(page));
	KUNIT_EXPECT_NULL(test, memchr_inv(cpu_addr, 0x33, PAGE_SIZE));
	dma_common_free_remap(cpu_addr, PAGE_SIZE);
}

/* What is no such mapping is left alone. */
static void prepare_free_wrong_test(struct kunit *test)
{
	void *other = vmalloc(PAGE_SIZE);

	KUNIT_ASSERT_NOT_NULL(test, other);
	KUNIT_EXPECT_NULL(test, dma_common_find_pages(other));
	dma_kunit_expect_warn_begin();
	dma_common_free_remap(other, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, dma_kunit_expect_warn_end(), 1);
	memset(other, 0x11, PAGE_SIZE);
	vfree(other);
}

#ifdef CONFIG_DMA_CMA
/* The old names, for those who keep no record */
static void prepare_cma_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct page *page;

	if (!dma_cma_default())
		kunit_skip(test, "there is no CMA area");
	page = dma_alloc_from_contiguous(dev, 16, 4, false);
	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED(page_to_pfn(page), 16));
	KUNIT_EXPECT_TRUE(test, dma_release_from_contiguous(dev, page, 16));
	page = take_page(test, 0);
	KUNIT_EXPECT_FALSE(test, dma_release_from_contiguous(dev, page, 1));
}
#else
static void prepare_cma_test(struct kunit *test)
{
	kunit_skip(test, "CONFIG_DMA_CMA is off");
}
#endif

static struct kunit_case dma_prepare_cases[] = {
	KUNIT_CASE_PARAM(prepare_decrypted_test, order_gen_params),
	KUNIT_CASE(prepare_decrypted_atomic_test),
	KUNIT_CASE(prepare_dispatch_bad_size_test),
	KUNIT_CASE(prepare_scattered_test),
	KUNIT_CASE(prepare_contiguous_test),
	KUNIT_CASE(prepare_free_wrong_test),
	KUNIT_CASE(prepare_cma_test),
	{}
};

static struct kunit_suite dma_prepare_suite = {
	.name = "dma_prepare",
	.test_cases = dma_prepare_cases,
};

kunit_test_suite(dma_prepare_suite);

MODULE_DESCRIPTION("KUnit tests of preparing pages for DMA");
MODULE_LICENSE("GPL");
