// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of handing memory behind an IOMMU on: to user space by mmap(),
 * and as scatterlists, whole buffers and inner ranges of them.
 *
 * Each page of a buffer says which one it is, and user space and lists have to
 * show the right ones in the right order.
 */

#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>

#include "../../kernel/dma/backend.h"
#include "../../kernel/dma/ledger.h"
#include "mock_iommu.h"

#define NR_PAGES	8
#define SIZE		(NR_PAGES * PAGE_SIZE)

struct way {
	const char *what;
	bool is_noncoherent;
	unsigned long attrs;
	gfp_t gfp;
};

static const struct way ways[] = {
	{ "scattered", false, DMA_ATTR_ALLOC_SINGLE_PAGES, GFP_KERNEL },
	{ "contiguous", false, DMA_ATTR_FORCE_CONTIGUOUS, GFP_KERNEL },
	{ "one piece", false, 0, GFP_KERNEL },
	{ "atomic", false, 0, GFP_ATOMIC },
	{ "non-coherent, scattered", true, DMA_ATTR_ALLOC_SINGLE_PAGES,
	  GFP_KERNEL },
	{ "non-coherent, contiguous", true, DMA_ATTR_FORCE_CONTIGUOUS,
	  GFP_KERNEL },
	{ "non-coherent, atomic", true, 0, GFP_ATOMIC },
};

static void way_to_desc(const struct way *way, char *desc)
{
	strscpy(desc, way->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(way, ways, way_to_desc);
MOCK_IOMMU_PARAM_TYPICAL(way)

struct buffer {
	struct device *dev;
	void *cpu_addr;
	dma_addr_t dma_addr;
	unsigned long attrs;
};

static void free_buffer(void *data)
{
	struct buffer *buffer = data;

	dma_free_attrs(buffer->dev, SIZE, buffer->cpu_addr, buffer->dma_addr,
		       buffer->attrs);
}

static struct buffer *make_named(struct kunit *test, const struct way *way,
				 const char *name)
{
	struct buffer *buffer = kunit_kzalloc(test, sizeof(*buffer), GFP_KERNEL);
	struct mock_iommu *iommu = mock_iommu_create(test,
					&(struct mock_iommu_shape){});

	KUNIT_ASSERT_NOT_NULL(test, buffer);
	buffer->attrs = way->attrs;
	buffer->dev = mock_iommu_device(test, iommu, name,
					&(struct dma_kunit_shape) {
		.is_noncoherent = way->is_noncoherent,
	});
	buffer->cpu_addr = dma_alloc_attrs(buffer->dev, SIZE,
					   &buffer->dma_addr, way->gfp,
					   way->attrs);
	KUNIT_ASSERT_NOT_NULL(test, buffer->cpu_addr);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, free_buffer, buffer));
	for (unsigned int i = 0; i < NR_PAGES; i++)
		memset(buffer->cpu_addr + i * PAGE_SIZE, 0x10 + i, PAGE_SIZE);
	return buffer;
}

static struct buffer *make_buffer(struct kunit *test, const struct way *way)
{
	return make_named(test, way, "dev");
}

/* User space */

/* What a driver's mmap() does; @sgt: for pages, else for the buffer */
struct mapping {
	struct buffer *buffer;
	struct sg_table *sgt;
	size_t offset;
	size_t size;
	vm_flags_t flags;
};

static int mmap_as_driver(struct file *file, struct vm_area_struct *vma)
{
	struct mapping *mapping = file->private_data;
	struct buffer *buffer = mapping->buffer;

	vm_flags_set(vma, mapping->flags);
	if (mapping->sgt)
		return dma_mmap_noncontiguous(buffer->dev, vma, mapping->size,
					      mapping->sgt);
	return dma_mmap_attrs(buffer->dev, vma,
			      buffer->cpu_addr + mapping->offset,
			      buffer->dma_addr + mapping->offset,
			      mapping->size, buffer->attrs);
}

static const struct file_operations driver_fops = { .mmap = mmap_as_driver };

/* User space maps it by the driver: see dma_kunit_mmap(). */
static unsigned long mmap_by(struct kunit *test, struct mapping *mapping,
			     unsigned long pgoff, unsigned long nr_pages)
{
	return dma_kunit_mmap(test, &driver_fops, mapping, pgoff, nr_pages);
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

static void user_mmap_test(struct kunit *test)
{
	struct buffer *buffer = make_buffer(test, mock_iommu_param(test));
	struct mapping mapping = { .buffer = buffer, .size = SIZE };
	unsigned long addr;

	KUNIT_EXPECT_TRUE(test, dma_can_mmap(buffer->dev));
	addr = mmap_by(test, &mapping, 0, NR_PAGES);
	check_user(test, addr, NR_PAGES, buffer->cpu_addr, 0);
	/* Two pages, from the third on */
	addr = mmap_by(test, &mapping, 2, 2);
	check_user(test, addr, 2, buffer->cpu_addr, 2);
	dma_kunit_leave_mm();
}

/*
 * Whatever pieces were at hand, pages are pages: they can be held, and who holds
 * one has it for himself when the buffer is gone. What comes from an area of
 * fixed memory, or from CMA, which wants it back, is not to be held.
 */
static void user_hold_test(struct kunit *test)
{
	struct buffer *buffer = make_buffer(test, mock_iommu_param(test));
	struct mapping mapping = { .buffer = buffer, .size = SIZE };
	struct page *page, *others[16];
	struct dma_allocation record;
	unsigned long addr;
	bool is_pages;
	int nr;

	KUNIT_ASSERT_TRUE(test, dma_ledger_find(buffer->dev, buffer->dma_addr,
						&record));
	/* They are encrypted like all memory, whatever the device needs. */
	KUNIT_EXPECT_EQ(test, dma_record_is_unencrypted(&record),
			!strcmp(record.backend->name, "atomic pool"));
	is_pages = !strcmp(record.backend->name, "iommu") ||
		   !strcmp(record.backend->name, "pages");
	addr = mmap_by(test, &mapping, 0, NR_PAGES);
	KUNIT_ASSERT_FALSE(test, !addr || IS_ERR_VALUE(addr));
	nr = get_user_pages_fast(addr + 3 * PAGE_SIZE, 1, FOLL_WRITE, &page);
	KUNIT_EXPECT_EQ(test, nr, is_pages ? 1 : -EFAULT);
	dma_kunit_leave_mm();
	if (nr != 1)
		return;

	kunit_release_action(test, free_buffer, buffer);
	for (unsigned int i = 0; i < ARRAY_SIZE(others); i++) {
		others[i] = alloc_pages(GFP_KERNEL | __GFP_ZERO,
					get_order(SIZE));
		KUNIT_ASSERT_NOT_NULL(test, others[i]);
	}
	KUNIT_EXPECT_EQ(test, page_count(page), 1);
	KUNIT_EXPECT_EQ(test, *(u8 *)page_address(page), 0x13);
	for (unsigned int i = 0; i < ARRAY_SIZE(others); i++) {
		KUNIT_EXPECT_FALSE(test, page >= others[i] &&
				   page < others[i] + NR_PAGES);
		__free_pages(others[i], get_order(SIZE));
	}
	put_page(page);
}

static void user_mmap_refused_test(struct kunit *test)
{
	struct buffer *buffer = make_buffer(test, mock_iommu_param(test));
	struct mapping mapping = { .buffer = buffer, .size = SIZE };
	static const struct {
		unsigned long pgoff;
		unsigned long nr_pages;
	} bad[] = {
		{ 0, NR_PAGES + 1 }, { 1, NR_PAGES }, { NR_PAGES, 1 },
		{ NR_PAGES - 1, 2 }, { BIT(IS_ENABLED(CONFIG_64BIT) ? 40 : 19), 1 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ_MSG(test, -ENXIO,
				    (long)mmap_by(test, &mapping, bad[i].pgoff,
						  bad[i].nr_pages),
				    "%lu pages from %lu on", bad[i].nr_pages,
				    bad[i].pgoff);
	/* No live buffer */
	mapping.offset = SZ_1G;
	KUNIT_EXPECT_EQ(test, -ENXIO, (long)mmap_by(test, &mapping, 0, 1));
	dma_kunit_leave_mm();
}

static void user_mmap_noncontiguous_test(struct kunit *test)
{
	struct mock_iommu_shape shape = {};
	struct buffer buffer = { .dev = mock_iommu_simple_device(test, &shape) };
	struct mapping mapping = { .buffer = &buffer, .size = SIZE };
	unsigned long addr;
	u8 *cpu_addr;

	mapping.sgt = dma_alloc_noncontiguous(buffer.dev, SIZE, DMA_FROM_DEVICE,
					      GFP_KERNEL,
					      DMA_ATTR_ALLOC_SINGLE_PAGES);
	KUNIT_ASSERT_NOT_NULL(test, mapping.sgt);
	cpu_addr = dma_vmap_noncontiguous(buffer.dev, SIZE, mapping.sgt);
	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	for (unsigned int i = 0; i < NR_PAGES; i++)
		memset(cpu_addr + i * PAGE_SIZE, 0x10 + i, PAGE_SIZE);

	addr = mmap_by(test, &mapping, 0, NR_PAGES);
	check_user(test, addr, NR_PAGES, cpu_addr, 0);
	addr = mmap_by(test, &mapping, 3, 4);
	check_user(test, addr, 4, cpu_addr, 3);
	KUNIT_EXPECT_EQ(test, -ENXIO, (long)mmap_by(test, &mapping, 1,
						    NR_PAGES));
	dma_kunit_leave_mm();
	dma_vunmap_noncontiguous(buffer.dev, cpu_addr);
	dma_free_noncontiguous(buffer.dev, SIZE, mapping.sgt, DMA_FROM_DEVICE);
}

/* Scatterlists */

/* Does the list show the buffer's pages from @first on? */
static void check_table(struct kunit *test, struct sg_table *sgt,
			struct buffer *buffer, unsigned int first,
			unsigned int nr_pages)
{
	struct sg_page_iter iter;
	unsigned int i = first;

	for_each_sgtable_page(sgt, &iter, 0) {
		phys_addr_t phys = page_to_phys(sg_page_iter_page(&iter));

		KUNIT_EXPECT_EQ_MSG(test, phys,
				    mock_iommu_phys(buffer->dev,
						    buffer->dma_addr +
						    i * PAGE_SIZE),
				    "page %u", i);
		i++;
	}
	KUNIT_EXPECT_EQ(test, i - first, nr_pages);
}

static void user_sgtable_test(struct kunit *test)
{
	struct buffer *buffer = make_buffer(test, mock_iommu_param(test));
	struct sg_table sgt;

	KUNIT_ASSERT_EQ(test, 0,
			dma_get_sgtable_attrs(buffer->dev, &sgt,
					      buffer->cpu_addr,
					      buffer->dma_addr, SIZE,
					      buffer->attrs));
	check_table(test, &sgt, buffer, 0, NR_PAGES);
	sg_free_table(&sgt);

	KUNIT_ASSERT_EQ(test, 0,
			dma_get_sgtable_attrs(buffer->dev, &sgt,
					      buffer->cpu_addr,
					      buffer->dma_addr, 3 * PAGE_SIZE,
					      buffer->attrs));
	check_table(test, &sgt, buffer, 0, 3);
	sg_free_table(&sgt);
}

/* Another device imports the buffer. */
static void user_import_test(struct kunit *test)
{
	struct buffer *buffer = make_buffer(test, mock_iommu_param(test));
	struct mock_iommu *iommu = mock_iommu_create(test,
					&(struct mock_iommu_shape){});
	struct device *other = mock_iommu_device(test, iommu, "other",
						 &(struct dma_kunit_shape){});
	struct scatterlist *sg;
	struct sg_table sgt;
	unsigned int i;
	size_t done = 0;

	KUNIT_ASSERT_EQ(test, 0,
			dma_get_sgtable_attrs(buffer->dev, &sgt,
					      buffer->cpu_addr,
					      buffer->dma_addr, SIZE,
					      buffer->attrs));
	KUNIT_ASSERT_EQ(test, 0, dma_map_sgtable(other, &sgt, DMA_TO_DEVICE,
						 0));
	for_each_sgtable_dma_sg(&sgt, sg, i) {
		KUNIT_EXPECT_TRUE(test, mock_iommu_sees(other,
							sg_dma_address(sg),
							buffer->cpu_addr + done,
							sg_dma_len(sg)));
		done += sg_dma_len(sg);
	}
	KUNIT_EXPECT_EQ(test, done, SIZE);
	dma_unmap_sgtable(other, &sgt, DMA_TO_DEVICE, 0);
	sg_free_table(&sgt);
}

/*
 * Two devices see two buffers at the same address, and a driver names the wrong
 * one of them: the CPU's address tells which one it means.
 */
static void user_equal_addresses_test(struct kunit *test)
{
	struct buffer *mine = make_named(test, mock_iommu_param(test), "mine");
	struct buffer *its = make_named(test, mock_iommu_param(test), "its");
	struct sg_table sgt;

	KUNIT_ASSERT_EQ(test, mine->dma_addr, its->dma_addr);
	KUNIT_ASSERT_EQ(test, 0,
			dma_get_sgtable_attrs(mine->dev, &sgt, its->cpu_addr,
					      its->dma_addr, SIZE,
					      its->attrs));
	check_table(test, &sgt, its, 0, NR_PAGES);
	sg_free_table(&sgt);
}

/* What the tree's own code does not do right, at the end */

static void skip_on_stock(struct kunit *test, const char *why)
{
	if (mock_iommu_is_stock())
		kunit_skip(test, "stock dma-iommu.c: %s", why);
}

static void user_inner_mmap_test(struct kunit *test)
{
	struct buffer *buffer = make_buffer(test, mock_iommu_param(test));
	struct mapping mapping = {
		.buffer = buffer,
		.offset = 4 * PAGE_SIZE,
		.size = 2 * PAGE_SIZE,
	};
	unsigned long addr;

	skip_on_stock(test, "an inner range is taken for the buffer");
	addr = mmap_by(test, &mapping, 0, 2);
	check_user(test, addr, 2, buffer->cpu_addr, 4);
	mapping.offset = 5 * PAGE_SIZE;
	addr = mmap_by(test, &mapping, 1, 1);
	check_user(test, addr, 1, buffer->cpu_addr, 6);
	KUNIT_EXPECT_EQ(test, -ENXIO, (long)mmap_by(test, &mapping, 1, 2));
	/* It leaves the buffer. */
	mapping.offset = SIZE - PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, -ENXIO, (long)mmap_by(test, &mapping, 0, 1));
	dma_kunit_leave_mm();
}

static void user_inner_sgtable_test(struct kunit *test)
{
	struct buffer *buffer = make_buffer(test, mock_iommu_param(test));
	size_t offset = 3 * PAGE_SIZE;
	struct sg_table sgt;

	skip_on_stock(test, "an inner range is taken for the buffer");
	KUNIT_ASSERT_EQ(test, 0,
			dma_get_sgtable_attrs(buffer->dev, &sgt,
					      buffer->cpu_addr + offset,
					      buffer->dma_addr + offset,
					      4 * PAGE_SIZE, buffer->attrs));
	check_table(test, &sgt, buffer, 3, 4);
	sg_free_table(&sgt);
	/* It leaves the buffer. */
	KUNIT_EXPECT_NE(test, 0,
			dma_get_sgtable_attrs(buffer->dev, &sgt,
					      buffer->cpu_addr + offset,
					      buffer->dma_addr + offset,
					      6 * PAGE_SIZE, buffer->attrs));
}

/* Many drivers set VM_PFNMAP before they map: that is no reason to crash. */
static void user_mmap_pfnmap_test(struct kunit *test)
{
	struct buffer *buffer = make_buffer(test, mock_iommu_param(test));
	struct mapping mapping = {
		.buffer = buffer,
		.size = SIZE,
		.flags = VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP,
	};
	unsigned long addr;

	skip_on_stock(test, "BUG() if the driver sets VM_PFNMAP");
	addr = mmap_by(test, &mapping, 0, NR_PAGES);
	check_user(test, addr, NR_PAGES, buffer->cpu_addr, 0);
	dma_kunit_leave_mm();
}

static struct kunit_case iommu_user_cases[] = {
	MOCK_IOMMU_CASE_PARAM_TYPICAL(user_mmap_test, way),
	MOCK_IOMMU_CASE_PARAM_TYPICAL(user_hold_test, way),
	MOCK_IOMMU_CASE_PARAM_TYPICAL(user_mmap_refused_test, way),
	MOCK_IOMMU_CASE_TYPICAL(user_mmap_noncontiguous_test),
	MOCK_IOMMU_CASE_PARAM_TYPICAL(user_sgtable_test, way),
	MOCK_IOMMU_CASE_PARAM_TYPICAL(user_import_test, way),
	MOCK_IOMMU_CASE_PARAM_TYPICAL(user_equal_addresses_test, way),
	MOCK_IOMMU_CASE_PARAM_TYPICAL(user_inner_mmap_test, way),
	MOCK_IOMMU_CASE_PARAM_TYPICAL(user_inner_sgtable_test, way),
	MOCK_IOMMU_CASE_PARAM_TYPICAL(user_mmap_pfnmap_test, way),
	{}
};

static struct kunit_suite iommu_user_suite = {
	.name = "iommu_user",
	.test_cases = iommu_user_cases,
};

kunit_test_suite(iommu_user_suite);

MODULE_DESCRIPTION("KUnit tests of handing memory behind an IOMMU on");
MODULE_LICENSE("GPL");
