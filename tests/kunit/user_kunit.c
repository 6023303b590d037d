// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of handing consistent memory on: to user space by mmap(), and as
 * scatterlists.
 *
 * What a mapping may cover is checked with a vma that is none but in name; and
 * then real ones are made and read from the user's side.
 */

#include <kunit/test.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>

#include "../../kernel/dma/backend.h"
#include "../../kernel/dma/ledger.h"
#include "../../kernel/dma/user.h"
#include "mock.h"
#include "pools.h"

#define NR_PAGES	8
#define SIZE		(NR_PAGES * PAGE_SIZE)

struct extent {
	unsigned long pgoff;
	unsigned long nr_pages;
	size_t size;
	bool fits;
};

static const struct extent ranges[] = {
	{ 0, 1, PAGE_SIZE, true },
	{ 0, 1, 1, true },
	{ 0, 2, PAGE_SIZE + 1, true },
	{ 0, 8, 8 * PAGE_SIZE, true },
	{ 7, 1, 8 * PAGE_SIZE, true },
	{ 3, 5, 8 * PAGE_SIZE, true },
	{ 0, 2, PAGE_SIZE, false },
	{ 1, 1, PAGE_SIZE, false },
	{ 8, 1, 8 * PAGE_SIZE, false },
	{ 7, 2, 8 * PAGE_SIZE, false },
	{ 0, 9, 8 * PAGE_SIZE, false },
	{ ULONG_MAX, 1, 8 * PAGE_SIZE, false },
	{ ULONG_MAX, 2, 8 * PAGE_SIZE, false },
	{ ULONG_MAX >> PAGE_SHIFT, 1, SZ_1G, false },
	{ 0, 1, 0, false },
};

static void user_fits_test(struct kunit *test)
{
	struct vm_area_struct *vma = kunit_kzalloc(test, sizeof(*vma),
						   GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, vma);
	for (unsigned int i = 0; i < ARRAY_SIZE(ranges); i++) {
		const struct extent *range = &ranges[i];

		vma->vm_start = SZ_1M;
		vma->vm_end = SZ_1M + (range->nr_pages << PAGE_SHIFT);
		vma->vm_pgoff = range->pgoff;
		KUNIT_EXPECT_EQ_MSG(test, dma_user_fits(vma, range->size),
				    range->fits,
				    "pages %lu+%lu of %zu bytes", range->pgoff,
				    range->nr_pages, range->size);
		if (!range->fits)
			KUNIT_EXPECT_EQ(test, -ENXIO,
					dma_user_mmap_pfn(vma, 0, range->size));
	}
}

/* A buffer that says on each page which one it is */
struct buffer {
	struct kunit *test;
	struct device *dev;
	void *cpu_addr;
	dma_addr_t dma_addr;
};

static void free_buffer(void *data)
{
	struct buffer *buffer = data;

	dma_free_coherent(buffer->dev, SIZE, buffer->cpu_addr,
			  buffer->dma_addr);
}

static struct buffer *make_buffer(struct kunit *test, bool is_noncoherent)
{
	struct buffer *buffer = kunit_kzalloc(test, sizeof(*buffer), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buffer);
	buffer->test = test;
	buffer->dev = dma_kunit_device(test, "dev", &(struct dma_kunit_shape) {
		.is_noncoherent = is_noncoherent,
	});
	buffer->cpu_addr = dma_alloc_coherent(buffer->dev, SIZE,
					      &buffer->dma_addr, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, buffer->cpu_addr);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, free_buffer, buffer));
	for (unsigned int i = 0; i < NR_PAGES; i++)
		memset(buffer->cpu_addr + i * PAGE_SIZE, 0x10 + i, PAGE_SIZE);
	return buffer;
}

/* What a driver's mmap() does; @sgt: for pages, else for the buffer */
struct mapping {
	struct buffer *buffer;
	struct sg_table *sgt;
	size_t offset;
	size_t size;
};

static int mmap_as_driver(struct file *file, struct vm_area_struct *vma)
{
	struct mapping *mapping = file->private_data;
	struct buffer *buffer = mapping->buffer;

	if (mapping->sgt)
		return dma_mmap_noncontiguous(buffer->dev, vma, mapping->size,
					      mapping->sgt);
	return dma_mmap_coherent(buffer->dev, vma,
				 buffer->cpu_addr + mapping->offset,
				 buffer->dma_addr + mapping->offset,
				 mapping->size);
}

static const struct file_operations driver_fops = { .mmap = mmap_as_driver };

/* User space maps it by the driver: see dma_kunit_mmap(). */
static unsigned long mmap_by(struct kunit *test, struct mapping *mapping,
			     unsigned long pgoff, unsigned long nr_pages)
{
	return dma_kunit_mmap(test, &driver_fops, mapping, pgoff, nr_pages);
}

static unsigned long mmap_range(struct kunit *test, struct buffer *buffer,
				size_t offset, size_t size,
				unsigned long pgoff, unsigned long nr_pages)
{
	struct mapping mapping = {
		.buffer = buffer,
		.offset = offset,
		.size = size,
	};

	return mmap_by(test, &mapping, pgoff, nr_pages);
}

/* Does user space see pages of the buffer, from @first on, and write there? */
static void check_user(struct kunit *test, unsigned long addr,
		       unsigned int nr_pages, const u8 *cpu_addr,
		       unsigned int first)
{
	KUNIT_ASSERT_FALSE_MSG(test, !addr || IS_ERR_VALUE(addr), "error %ld",
			       (long)addr);
	for (unsigned int i = 0; i < nr_pages; i++) {
		unsigned long at = addr + i * PAGE_SIZE;
		u8 byte = 0;

		KUNIT_ASSERT_EQ(test, 0, copy_from_user(&byte,
							(void __user *)at, 1));
		KUNIT_EXPECT_EQ(test, byte, 0x10 + first + i);
		byte = 0x77;
		KUNIT_ASSERT_EQ(test, 0, copy_to_user((void __user *)(at + 9),
						      &byte, 1));
		KUNIT_EXPECT_EQ(test, 0x77,
				cpu_addr[(first + i) * PAGE_SIZE + 9]);
	}
}

static void check_mmap(struct kunit *test, bool is_noncoherent)
{
	struct buffer *buffer = make_buffer(test, is_noncoherent);
	unsigned long addr;

	KUNIT_EXPECT_EQ(test, dma_can_mmap(buffer->dev),
			!is_noncoherent ||
			IS_ENABLED(CONFIG_DMA_NONCOHERENT_MMAP));
	addr = mmap_range(test, buffer, 0, SIZE, 0, NR_PAGES);
	check_user(test, addr, NR_PAGES, buffer->cpu_addr, 0);

	/* Two pages, from the third on */
	addr = mmap_range(test, buffer, 0, SIZE, 2, 2);
	check_user(test, addr, 2, buffer->cpu_addr, 2);

	/* Of an inner range of the buffer, its second page */
	addr = mmap_range(test, buffer, 4 * PAGE_SIZE, 2 * PAGE_SIZE, 1, 1);
	check_user(test, addr, 1, buffer->cpu_addr, 5);
	dma_kunit_leave_mm();
}

static void user_mmap_test(struct kunit *test)
{
	check_mmap(test, false);
}

static void user_mmap_noncoherent_test(struct kunit *test)
{
	check_mmap(test, true);
}

/* Pages of the page allocator can be held, wherever in a buffer they are. */
static void user_hold_test(struct kunit *test)
{
	static const unsigned int nr_pages[] = { 1, 3, 8 };
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct buffer buffer = { .dev = dev };

	for (unsigned int i = 0; i < ARRAY_SIZE(nr_pages); i++) {
		size_t size = nr_pages[i] * PAGE_SIZE;
		struct mapping mapping = { .buffer = &buffer, .size = size };
		struct page *page = NULL;
		unsigned long addr;

		buffer.cpu_addr = dma_alloc_coherent(dev, size, &buffer.dma_addr,
						     GFP_ATOMIC);
		KUNIT_ASSERT_NOT_NULL(test, buffer.cpu_addr);
		KUNIT_ASSERT_STREQ(test, dma_ledger_owner(dev, buffer.dma_addr),
				   "pages");
		memset(buffer.cpu_addr, 0x31, size);
		/* Twice: it is made ready for that once. */
		mmap_by(test, &mapping, 0, nr_pages[i]);
		addr = mmap_by(test, &mapping, 0, nr_pages[i]);
		KUNIT_ASSERT_FALSE(test, !addr || IS_ERR_VALUE(addr));
		KUNIT_EXPECT_EQ(test, 1,
				get_user_pages_fast(addr + size - PAGE_SIZE, 1,
						    FOLL_WRITE, &page));
		dma_kunit_leave_mm();
		dma_free_coherent(dev, size, buffer.cpu_addr, buffer.dma_addr);
		if (!page)
			continue;
		KUNIT_EXPECT_EQ(test, page_count(page), 1);
		KUNIT_EXPECT_EQ(test, *(u8 *)page_address(page), 0x31);
		put_page(page);
	}
}

/*
 * What the CPU has in its caches elsewhere can't: the kernel would read and write
 * held pages through its own, cached mapping.
 */
static void user_hold_uncached_test(struct kunit *test)
{
	struct device *dev = dma_kunit_noncoherent_device(test, "dev");
	struct buffer buffer = { .dev = dev };
	struct mapping mapping = { .buffer = &buffer, .size = PAGE_SIZE };
	struct page *page;
	unsigned long addr;
	long nr;

	dma_pools_hold_global(test);
	buffer.cpu_addr = dma_alloc_coherent(dev, PAGE_SIZE, &buffer.dma_addr,
					     GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, buffer.cpu_addr);
	if (!IS_ENABLED(CONFIG_ARCH_HAS_DMA_ALLOC))
		KUNIT_EXPECT_STREQ(test, IS_ENABLED(CONFIG_DMA_DIRECT_REMAP) ?
					 "prepared pages" : "pages",
				   dma_ledger_owner(dev, buffer.dma_addr));
	addr = mmap_by(test, &mapping, 0, 1);
	KUNIT_EXPECT_FALSE(test, !addr || IS_ERR_VALUE(addr));
	nr = get_user_pages_fast(addr, 1, FOLL_WRITE, &page);
	KUNIT_EXPECT_LT(test, nr, 0);
	if (nr > 0)
		put_page(page);
	dma_kunit_leave_mm();
	dma_free_coherent(dev, PAGE_SIZE, buffer.cpu_addr, buffer.dma_addr);
}

/* Pages that a driver has mapped itself, as if they were consistent memory */
static void user_mmap_own_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct buffer buffer = {
		.dev = dev,
		.cpu_addr = alloc_pages_exact(SIZE, GFP_KERNEL),
	};
	unsigned long addr;

	KUNIT_ASSERT_NOT_NULL(test, buffer.cpu_addr);
	buffer.dma_addr = dma_map_single(dev, buffer.cpu_addr, SIZE,
					 DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_FALSE(test, dma_mapping_error(dev, buffer.dma_addr));
	for (unsigned int i = 0; i < NR_PAGES; i++)
		memset(buffer.cpu_addr + i * PAGE_SIZE, 0x10 + i, PAGE_SIZE);
	addr = mmap_range(test, &buffer, 0, SIZE, 1, 3);
	check_user(test, addr, 3, buffer.cpu_addr, 1);
	dma_kunit_leave_mm();
	dma_unmap_single(dev, buffer.dma_addr, SIZE, DMA_BIDIRECTIONAL);
	free_pages_exact(buffer.cpu_addr, SIZE);
}

static void user_mmap_refused_test(struct kunit *test)
{
	static const struct {
		size_t offset;
		size_t size;
	} bad[] = {
		/* The range ends before the mapping does. */
		{ 0, 2 * PAGE_SIZE }, { SIZE - PAGE_SIZE, PAGE_SIZE },
		/* It leaves the buffer, or is none. */
		{ 0, SIZE + 1 }, { PAGE_SIZE, SIZE }, { 0, SIZE_MAX }, { 0, 0 },
		{ 100, PAGE_SIZE },
		/* There is no buffer. */
		{ SZ_1G, PAGE_SIZE },
	};
	struct buffer *buffer = make_buffer(test, false);

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ_MSG(test, -ENXIO,
				    (long)mmap_range(test, buffer,
						     bad[i].offset, bad[i].size,
						     1, 2),
				    "%zu bytes at %zu", bad[i].size,
				    bad[i].offset);
	dma_kunit_leave_mm();
}

static void user_mmap_pages_test(struct kunit *test)
{
	struct buffer buffer = {
		.dev = dma_kunit_coherent_device(test, "dev"),
	};
	struct mapping mapping = { .buffer = &buffer, .size = 2 * PAGE_SIZE };
	unsigned long addr, wrong;
	u8 *cpu_addr;

	mapping.sgt = dma_alloc_noncontiguous(buffer.dev, mapping.size,
					      DMA_FROM_DEVICE, GFP_KERNEL, 0);
	KUNIT_ASSERT_NOT_NULL(test, mapping.sgt);
	cpu_addr = page_address(sg_page(mapping.sgt->sgl));
	memset(cpu_addr, 0x10, PAGE_SIZE);
	memset(cpu_addr + PAGE_SIZE, 0x11, PAGE_SIZE);

	addr = mmap_by(test, &mapping, 0, 2);
	check_user(test, addr, 2, cpu_addr, 0);
	wrong = mmap_by(test, &mapping, 1, 2);
	KUNIT_EXPECT_EQ(test, -ENXIO, (long)wrong);
	dma_kunit_leave_mm();
	dma_free_noncontiguous(buffer.dev, mapping.size, mapping.sgt,
			       DMA_FROM_DEVICE);
}

/* Scatterlists */

static void check_sgtable(struct kunit *test, bool is_noncoherent)
{
	struct buffer *buffer = make_buffer(test, is_noncoherent);
	struct dma_allocation record = {};
	struct sg_table sgt;

	KUNIT_ASSERT_TRUE(test, dma_ledger_find(buffer->dev, buffer->dma_addr,
						&record));
	KUNIT_ASSERT_EQ(test, 0, dma_get_sgtable(buffer->dev, &sgt,
						 buffer->cpu_addr,
						 buffer->dma_addr, SIZE - 5));
	KUNIT_EXPECT_EQ(test, sgt.orig_nents, 1);
	KUNIT_EXPECT_EQ(test, sgt.sgl->length, SIZE);
	KUNIT_EXPECT_EQ(test, sg_phys(sgt.sgl), record.phys);
	sg_free_table(&sgt);

	KUNIT_ASSERT_EQ(test, 0,
			dma_get_sgtable(buffer->dev, &sgt,
					buffer->cpu_addr + 3 * PAGE_SIZE,
					buffer->dma_addr + 3 * PAGE_SIZE,
					2 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, sgt.sgl->length, 2 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, sg_phys(sgt.sgl), record.phys + 3 * PAGE_SIZE);
	sg_free_table(&sgt);
}

static void user_sgtable_test(struct kunit *test)
{
	check_sgtable(test, false);
}

static void user_sgtable_noncoherent_test(struct kunit *test)
{
	check_sgtable(test, true);
}

static void user_sgtable_refused_test(struct kunit *test)
{
	struct buffer *buffer = make_buffer(test, false);
	static const struct {
		size_t offset;
		size_t size;
	} bad[] = {
		{ 0, SIZE + 1 }, { 0, SIZE_MAX }, { 0, 0 }, { 7, PAGE_SIZE },
		{ PAGE_SIZE, SIZE }, { SIZE - PAGE_SIZE, PAGE_SIZE + 1 },
		{ SZ_1G, PAGE_SIZE },
	};
	struct sg_table sgt;

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ_MSG(test, -ENXIO,
				    dma_get_sgtable(buffer->dev, &sgt,
						    buffer->cpu_addr,
						    buffer->dma_addr +
						    bad[i].offset,
						    bad[i].size),
				    "%zu bytes at %zu", bad[i].size,
				    bad[i].offset);
	/* There is no such memory; one flat array can name any page. */
	if (IS_ENABLED(CONFIG_SPARSEMEM))
		KUNIT_EXPECT_EQ(test, -ENXIO,
				dma_user_sgtable(&sgt, ULONG_MAX >> PAGE_SHIFT,
						 PAGE_SIZE));
}

/* A pool outside of RAM: who exports its buffers, and who maps them then */
static void user_sgtable_bare_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "importer");
	unsigned long pfn = dma_kunit_bare_pfn(test);
	struct sg_table sgt;

	KUNIT_ASSERT_EQ(test, 0, dma_user_sgtable(&sgt, pfn, SIZE));
	KUNIT_EXPECT_EQ(test, sg_phys(sgt.sgl), PFN_PHYS(pfn));
	KUNIT_EXPECT_EQ(test, sgt.sgl->length, SIZE);
	KUNIT_EXPECT_EQ(test, 0, dma_map_sgtable(dev, &sgt, DMA_BIDIRECTIONAL,
						 DMA_ATTR_SKIP_CPU_SYNC));
	KUNIT_EXPECT_EQ(test, sg_dma_address(sgt.sgl), PFN_PHYS(pfn));
	dma_unmap_sgtable(dev, &sgt, DMA_BIDIRECTIONAL, DMA_ATTR_SKIP_CPU_SYNC);
	sg_free_table(&sgt);
}

static struct kunit_case dma_user_cases[] = {
	KUNIT_CASE(user_fits_test),
	KUNIT_CASE(user_mmap_test),
	KUNIT_CASE(user_mmap_noncoherent_test),
	KUNIT_CASE(user_hold_test),
	KUNIT_CASE(user_hold_uncached_test),
	KUNIT_CASE(user_mmap_own_test),
	KUNIT_CASE(user_mmap_refused_test),
	KUNIT_CASE(user_mmap_pages_test),
	KUNIT_CASE(user_sgtable_test),
	KUNIT_CASE(user_sgtable_noncoherent_test),
	KUNIT_CASE(user_sgtable_refused_test),
	KUNIT_CASE(user_sgtable_bare_test),
	{}
};

static struct kunit_suite dma_user_suite = {
	.name = "dma_user",
	.test_cases = dma_user_cases,
};

kunit_test_suite(dma_user_suite);

MODULE_DESCRIPTION("KUnit tests of handing consistent DMA memory on");
MODULE_LICENSE("GPL");
