// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the route by external ops: struct dma_map_ops that a bus or a
 * platform brought along.
 *
 * Ops that do little more than to note that they were called: each entry
 * point has to end in the right one, with the right arguments. Then ops with
 * nothing but what is mandatory: each missing member has to mean what it
 * should, and never an oops.
 */

#include <kunit/test.h>
#include <linux/anon_inodes.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../../kernel/dma/backend.h"
#include "../../kernel/dma/ledger.h"
#include "../../kernel/dma/route.h"
#include "log.h"
#include "mock.h"

#define OFFSET		0x10000000000ULL
#define NR_ENTRIES	2
#define REGISTERS	DMA_KUNIT_REGISTERS

/* The last call, and what map_sg is to answer */
static struct {
	const char *name;
	struct device *dev;
	u64 addr;
	size_t size;
	int sg_result;
} seen;

static void note(struct device *dev, const char *name, u64 addr, size_t size)
{
	seen.dev = dev;
	seen.name = name;
	seen.addr = addr;
	seen.size = size;
}

static void *mock_alloc(struct device *dev, size_t size, dma_addr_t *dma_addr,
			gfp_t gfp, unsigned long attrs)
{
	void *cpu_addr = alloc_pages_exact(size, gfp);

	note(dev, "alloc", 0, size);
	if (cpu_addr)
		*dma_addr = virt_to_phys(cpu_addr) + OFFSET;
	return cpu_addr;
}

static void mock_free(struct device *dev, size_t size, void *cpu_addr,
		      dma_addr_t dma_addr, unsigned long attrs)
{
	note(dev, "free", dma_addr, size);
	free_pages_exact(cpu_addr, size);
}

static dma_addr_t mock_map_page(struct device *dev, struct page *page,
				unsigned long offset, size_t size,
				enum dma_data_direction dir,
				unsigned long attrs)
{
	note(dev, "map_page", page_to_phys(page) + offset, size);
	return page_to_phys(page) + offset + OFFSET;
}

static dma_addr_t mock_map_no_page(struct device *dev, struct page *page,
				   unsigned long offset, size_t size,
				   enum dma_data_direction dir,
				   unsigned long attrs)
{
	note(dev, "map_page", page_to_phys(page) + offset, size);
	return DMA_MAPPING_ERROR;
}

static void mock_unmap_page(struct device *dev, dma_addr_t dma_addr,
			    size_t size, enum dma_data_direction dir,
			    unsigned long attrs)
{
	note(dev, "unmap_page", dma_addr, size);
}

static int mock_map_sg(struct device *dev, struct scatterlist *sgl, int nents,
		       enum dma_data_direction dir, unsigned long attrs)
{
	struct scatterlist *sg;
	int i;

	note(dev, "map_sg", 0, nents);
	if (seen.sg_result <= 0)
		return seen.sg_result;
	for_each_sg(sgl, sg, nents, i) {
		sg_dma_address(sg) = sg_phys(sg) + OFFSET;
		sg_dma_len(sg) = sg->length;
	}
	return nents;
}

static void mock_unmap_sg(struct device *dev, struct scatterlist *sgl,
			  int nents, enum dma_data_direction dir,
			  unsigned long attrs)
{
	note(dev, "unmap_sg", 0, nents);
}

static dma_addr_t mock_map_resource(struct device *dev, phys_addr_t phys,
				    size_t size, enum dma_data_direction dir,
				    unsigned long attrs)
{
	note(dev, "map_resource", phys, size);
	return phys + OFFSET;
}

static void mock_unmap_resource(struct device *dev, dma_addr_t dma_addr,
				size_t size, enum dma_data_direction dir,
				unsigned long attrs)
{
	note(dev, "unmap_resource", dma_addr, size);
}

#define MOCK_SYNC(what, where_type, size_type)				\
static void mock_sync_##what(struct device *dev, where_type where,	\
			     size_type size, enum dma_data_direction dir) \
{									\
	note(dev, #what, 0, size);					\
}

MOCK_SYNC(single_for_cpu, dma_addr_t, size_t)
MOCK_SYNC(single_for_device, dma_addr_t, size_t)
MOCK_SYNC(sg_for_cpu, struct scatterlist *, int)
MOCK_SYNC(sg_for_device, struct scatterlist *, int)

static int mock_mmap(struct device *dev, struct vm_area_struct *vma,
		     void *cpu_addr, dma_addr_t dma_addr, size_t size,
		     unsigned long attrs)
{
	note(dev, "mmap", dma_addr, size);
	return 0;
}

static int mock_get_sgtable(struct device *dev, struct sg_table *sgt,
			    void *cpu_addr, dma_addr_t dma_addr, size_t size,
			    unsigned long attrs)
{
	note(dev, "get_sgtable", dma_addr, size);
	return 0;
}

static int mock_supported(struct device *dev, u64 mask)
{
	return mask >= DMA_BIT_MASK(20);
}

static u64 mock_required_mask(struct device *dev)
{
	return DMA_BIT_MASK(41);
}

static size_t mock_max_size(struct device *dev)
{
	return SZ_64K;
}

static size_t mock_opt_size(void)
{
	return SZ_16K;
}

static unsigned long mock_boundary(struct device *dev)
{
	return SZ_4K - 1;
}

static const struct dma_map_ops full_ops = {
	.alloc			= mock_alloc,
	.free			= mock_free,
	.alloc_pages_op		= dma_common_alloc_pages,
	.free_pages		= dma_common_free_pages,
	.mmap			= mock_mmap,
	.get_sgtable		= mock_get_sgtable,
	.map_page		= mock_map_page,
	.unmap_page		= mock_unmap_page,
	.map_sg			= mock_map_sg,
	.unmap_sg		= mock_unmap_sg,
	.map_resource		= mock_map_resource,
	.unmap_resource		= mock_unmap_resource,
	.sync_single_for_cpu	= mock_sync_single_for_cpu,
	.sync_single_for_device	= mock_sync_single_for_device,
	.sync_sg_for_cpu	= mock_sync_sg_for_cpu,
	.sync_sg_for_device	= mock_sync_sg_for_device,
	.dma_supported		= mock_supported,
	.get_required_mask	= mock_required_mask,
	.max_mapping_size	= mock_max_size,
	.opt_mapping_size	= mock_opt_size,
	.get_merge_boundary	= mock_boundary,
};

static const struct dma_map_ops bare_ops = {
	.map_page		= mock_map_page,
	.map_sg			= mock_map_sg,
};

static const struct dma_map_ops failing_ops = {
	.alloc_pages_op		= dma_common_alloc_pages,
	.free_pages		= dma_common_free_pages,
	.map_page		= mock_map_no_page,
	.map_sg			= mock_map_sg,
};

static struct device *device_with(struct kunit *test,
				  const struct dma_map_ops *ops)
{
	seen.name = "";
	seen.sg_result = 1;
	return dma_kunit_device(test, "dev", &(struct dma_kunit_shape) {
		.ops = ops,
	});
}

static void check_seen(struct kunit *test, struct device *dev,
		       const char *name, u64 addr, size_t size)
{
	KUNIT_EXPECT_STREQ(test, seen.name, name);
	KUNIT_EXPECT_PTR_EQ(test, seen.dev, dev);
	KUNIT_EXPECT_EQ_MSG(test, seen.addr, addr, "%s", name);
	KUNIT_EXPECT_EQ_MSG(test, seen.size, size, "%s", name);
	seen.name = "";
}

static void *take_buffer(struct kunit *test)
{
	void *buffer = kunit_kzalloc(test, SZ_8K, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buffer);
	return buffer;
}

static void init_list(struct kunit *test, struct scatterlist *sgl)
{
	sg_init_table(sgl, NR_ENTRIES);
	for (unsigned int i = 0; i < NR_ENTRIES; i++)
		sg_set_buf(&sgl[i], take_buffer(test), SZ_4K);
}

static void ops_single_test(struct kunit *test)
{
	struct device *dev = device_with(test, &full_ops);
	void *buffer = take_buffer(test);
	phys_addr_t phys = virt_to_phys(buffer);
	dma_addr_t dma_addr;

	KUNIT_EXPECT_EQ(test, dma_stream_route(dev), DMA_ROUTE_OPS);
	KUNIT_EXPECT_EQ(test, dma_coherent_route(dev), DMA_ROUTE_OPS);
	dma_addr = dma_map_single(dev, buffer + 5, 100, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	KUNIT_EXPECT_EQ(test, dma_addr, phys + 5 + OFFSET);
	check_seen(test, dev, "map_page", phys + 5, 100);
	dma_sync_single_for_cpu(dev, dma_addr, 100, DMA_TO_DEVICE);
	check_seen(test, dev, "single_for_cpu", 0, 100);
	dma_sync_single_for_device(dev, dma_addr, 100, DMA_TO_DEVICE);
	check_seen(test, dev, "single_for_device", 0, 100);
	KUNIT_EXPECT_TRUE(test, __dma_need_sync(dev, dma_addr));
	dma_unmap_single(dev, dma_addr, 100, DMA_TO_DEVICE);
	check_seen(test, dev, "unmap_page", dma_addr, 100);

	dma_addr = dma_map_resource(dev, REGISTERS, SZ_4K, DMA_TO_DEVICE, 0);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	check_seen(test, dev, "map_resource", REGISTERS, SZ_4K);
	dma_unmap_resource(dev, dma_addr, SZ_4K, DMA_TO_DEVICE, 0);
	check_seen(test, dev, "unmap_resource", REGISTERS + OFFSET, SZ_4K);
}

static void ops_sg_test(struct kunit *test)
{
	struct device *dev = device_with(test, &full_ops);
	struct scatterlist sgl[NR_ENTRIES];

	init_list(test, sgl);
	KUNIT_ASSERT_EQ(test, NR_ENTRIES, dma_map_sg(dev, sgl, NR_ENTRIES,
						     DMA_TO_DEVICE));
	check_seen(test, dev, "map_sg", 0, NR_ENTRIES);
	dma_sync_sg_for_cpu(dev, sgl, NR_ENTRIES, DMA_TO_DEVICE);
	check_seen(test, dev, "sg_for_cpu", 0, NR_ENTRIES);
	dma_sync_sg_for_device(dev, sgl, NR_ENTRIES, DMA_TO_DEVICE);
	check_seen(test, dev, "sg_for_device", 0, NR_ENTRIES);
	dma_unmap_sg(dev, sgl, NR_ENTRIES, DMA_TO_DEVICE);
	check_seen(test, dev, "unmap_sg", 0, NR_ENTRIES);
}

/* Errors that drivers are promised are passed on; others are a bug. */
static void ops_sg_errors_test(struct kunit *test)
{
	static const int promised[] = { -EINVAL, -ENOMEM, -EIO, -EREMOTEIO };
	static const int wrong[] = { 0, -ENODEV };
	struct device *dev = device_with(test, &full_ops);
	struct scatterlist sgl[NR_ENTRIES];
	struct sg_table sgt = { .sgl = sgl, .orig_nents = NR_ENTRIES };

	init_list(test, sgl);
	for (unsigned int i = 0; i < ARRAY_SIZE(promised); i++) {
		seen.sg_result = promised[i];
		KUNIT_EXPECT_EQ(test, promised[i],
				dma_map_sgtable(dev, &sgt, DMA_TO_DEVICE, 0));
		KUNIT_EXPECT_EQ(test, 0, dma_map_sg(dev, sgl, NR_ENTRIES,
						    DMA_TO_DEVICE));
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
		seen.sg_result = wrong[i];
		dma_kunit_expect_warn_begin();
		KUNIT_EXPECT_EQ(test, -EIO, dma_map_sgtable(dev, &sgt,
							    DMA_TO_DEVICE, 0));
		KUNIT_EXPECT_EQ(test, dma_kunit_expect_warn_end(), 1);
	}
}

static void ops_alloc_test(struct kunit *test)
{
	struct device *dev = device_with(test, &full_ops);
	struct vm_area_struct *vma = kunit_kzalloc(test, sizeof(*vma),
						   GFP_KERNEL);
	struct sg_table sgt;
	dma_addr_t dma_addr;
	void *cpu_addr;

	KUNIT_ASSERT_NOT_NULL(test, vma);
	cpu_addr = dma_alloc_coherent(dev, SZ_8K, &dma_addr,
				      GFP_KERNEL | __GFP_HIGHMEM);
	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	check_seen(test, dev, "alloc", 0, SZ_8K);
	KUNIT_EXPECT_EQ(test, dma_addr, virt_to_phys(cpu_addr) + OFFSET);
	/* The ledger is for what the layer itself gives. */
	KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), 0);

	KUNIT_EXPECT_TRUE(test, dma_can_mmap(dev));
	KUNIT_EXPECT_EQ(test, 0, dma_mmap_coherent(dev, vma, cpu_addr, dma_addr,
						   SZ_8K));
	check_seen(test, dev, "mmap", dma_addr, SZ_8K);
	KUNIT_EXPECT_EQ(test, 0, dma_get_sgtable(dev, &sgt, cpu_addr, dma_addr,
						 SZ_8K));
	check_seen(test, dev, "get_sgtable", dma_addr, SZ_8K);
	dma_free_coherent(dev, SZ_8K, cpu_addr, dma_addr);
	check_seen(test, dev, "free", dma_addr, SZ_8K);
}

/* Ops may sleep in a free, so interrupts had better be enabled. */
static void ops_free_in_irq_off_test(struct kunit *test)
{
	struct device *dev = device_with(test, &full_ops);
	unsigned long flags;
	dma_addr_t dma_addr;
	void *cpu_addr = dma_alloc_coherent(dev, SZ_8K, &dma_addr, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	dma_kunit_expect_warn_begin();
	local_irq_save(flags);
	dma_free_coherent(dev, SZ_8K, cpu_addr, dma_addr);
	local_irq_restore(flags);
	KUNIT_EXPECT_EQ(test, dma_kunit_expect_warn_end(), 1);
	check_seen(test, dev, "free", dma_addr, SZ_8K);
}

/* Pages are the layer's, their mapping is the ops'. */
static void ops_pages_test(struct kunit *test)
{
	struct device *dev = device_with(test, &full_ops);
	dma_addr_t dma_addr;
	struct page *page = dma_alloc_pages(dev, SZ_8K - 5, &dma_addr,
					    DMA_TO_DEVICE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	check_seen(test, dev, "map_page", page_to_phys(page), SZ_8K);
	KUNIT_EXPECT_EQ(test, dma_addr, page_to_phys(page) + OFFSET);
	KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), 1);
	dma_free_pages(dev, SZ_8K - 5, page, dma_addr, DMA_TO_DEVICE);
	check_seen(test, dev, "unmap_page", dma_addr, SZ_8K);
	KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), 0);

	dev->dma_ops = &failing_ops;
	page = dma_alloc_pages(dev, SZ_8K, &dma_addr, DMA_TO_DEVICE,
			       GFP_KERNEL | __GFP_NOWARN);
	KUNIT_EXPECT_NULL(test, page);
	check_seen(test, dev, "map_page", seen.addr, SZ_8K);
	KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), 0);
	dev->dma_ops = NULL;
}

static void ops_masks_test(struct kunit *test)
{
	struct device *dev = device_with(test, &full_ops);

	KUNIT_EXPECT_EQ(test, 0, dma_set_mask(dev, DMA_BIT_MASK(20)));
	KUNIT_EXPECT_EQ(test, -EIO, dma_set_mask(dev, DMA_BIT_MASK(19)));
	KUNIT_EXPECT_EQ(test, -EIO, dma_set_coherent_mask(dev,
							  DMA_BIT_MASK(19)));
	KUNIT_EXPECT_FALSE(test, dev->dma_skip_sync);
	KUNIT_EXPECT_EQ(test, dma_get_required_mask(dev), DMA_BIT_MASK(41));
	KUNIT_EXPECT_TRUE(test, dma_addressing_limited(dev));
	KUNIT_EXPECT_EQ(test, 0, dma_set_mask(dev, DMA_BIT_MASK(41)));
	KUNIT_EXPECT_FALSE(test, dma_addressing_limited(dev));
	KUNIT_EXPECT_EQ(test, dma_max_mapping_size(dev), SZ_64K);
	KUNIT_EXPECT_EQ(test, dma_opt_mapping_size(dev), SZ_16K);
	KUNIT_EXPECT_EQ(test, dma_get_merge_boundary(dev), SZ_4K - 1);
	KUNIT_EXPECT_FALSE(test, dma_pci_p2pdma_supported(dev));
}

static void ops_bare_streaming_test(struct kunit *test)
{
	struct device *dev = device_with(test, &bare_ops);
	struct scatterlist sgl[NR_ENTRIES];
	dma_addr_t dma_addr;

	init_list(test, sgl);
	dma_addr = dma_map_single(dev, sg_virt(sgl), 100, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, dma_addr));
	dma_sync_single_for_cpu(dev, dma_addr, 100, DMA_TO_DEVICE);
	dma_sync_single_for_device(dev, dma_addr, 100, DMA_TO_DEVICE);
	dma_unmap_single(dev, dma_addr, 100, DMA_TO_DEVICE);
	KUNIT_ASSERT_EQ(test, NR_ENTRIES, dma_map_sg(dev, sgl, NR_ENTRIES,
						     DMA_TO_DEVICE));
	dma_sync_sg_for_cpu(dev, sgl, NR_ENTRIES, DMA_TO_DEVICE);
	dma_sync_sg_for_device(dev, sgl, NR_ENTRIES, DMA_TO_DEVICE);
	dma_unmap_sg(dev, sgl, NR_ENTRIES, DMA_TO_DEVICE);
	dma_addr = dma_map_resource(dev, REGISTERS, SZ_4K, DMA_TO_DEVICE, 0);
	KUNIT_EXPECT_TRUE(test, dma_mapping_error(dev, dma_addr));
	check_seen(test, dev, "map_sg", 0, NR_ENTRIES);

	KUNIT_EXPECT_EQ(test, 0, dma_set_mask(dev, DMA_BIT_MASK(12)));
	KUNIT_EXPECT_TRUE(test, dev->dma_skip_sync);
	KUNIT_EXPECT_EQ(test, dma_get_required_mask(dev), DMA_BIT_MASK(32));
	KUNIT_EXPECT_EQ(test, dma_max_mapping_size(dev), SIZE_MAX);
	KUNIT_EXPECT_EQ(test, dma_opt_mapping_size(dev), SIZE_MAX);
	KUNIT_EXPECT_EQ(test, dma_get_merge_boundary(dev), 0);
}

static void ops_bare_alloc_test(struct kunit *test)
{
	struct device *dev = device_with(test, &bare_ops);
	void *buffer = take_buffer(test);
	struct vm_area_struct *vma;
	struct sg_table sgt;
	dma_addr_t dma_addr;

	vma = kunit_kzalloc(test, sizeof(*vma), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vma);
	KUNIT_EXPECT_NULL(test, dma_alloc_coherent(dev, SZ_8K, &dma_addr,
						   GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, dma_alloc_pages(dev, SZ_8K, &dma_addr,
						DMA_TO_DEVICE, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, dma_alloc_noncontiguous(dev, SZ_8K,
							DMA_TO_DEVICE,
							GFP_KERNEL, 0));
	KUNIT_EXPECT_FALSE(test, dma_can_mmap(dev));
	KUNIT_EXPECT_EQ(test, -ENXIO, dma_mmap_coherent(dev, vma, buffer, 0,
							SZ_8K));
	KUNIT_EXPECT_EQ(test, -ENXIO, dma_get_sgtable(dev, &sgt, buffer, 0,
						      SZ_8K));
	/* They never gave anything, so there is nothing to free. */
	dma_kunit_expect_warn_begin();
	dma_kunit_log_mark();
	dma_free_coherent(dev, SZ_8K, buffer, SZ_1G);
	dma_free_pages(dev, SZ_8K, virt_to_page(buffer), SZ_1G, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("nothing is freed"), 2);
	KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
	KUNIT_EXPECT_STREQ(test, seen.name, "");
}

/* What a device had before it got ops is still freed as it was made. */
static void ops_appear_test(struct kunit *test)
{
	struct device *dev = device_with(test, NULL);
	dma_addr_t dma_addr;
	void *cpu_addr = dma_alloc_coherent(dev, SZ_8K, &dma_addr, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	dev->dma_ops = &full_ops;
	dma_free_coherent(dev, SZ_8K, cpu_addr, dma_addr);
	dev->dma_ops = NULL;
	KUNIT_EXPECT_STREQ(test, seen.name, "");
	KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), 0);
}

/* The ops of a device that must not do DMA */
static void ops_dummy_test(struct kunit *test)
{
	struct device *dev = device_with(test, &dma_dummy_ops);
	struct scatterlist sgl[NR_ENTRIES];
	struct sg_table sgt = { .sgl = sgl, .orig_nents = NR_ENTRIES };
	dma_addr_t dma_addr;

	init_list(test, sgl);
	KUNIT_EXPECT_EQ(test, -EIO, dma_set_mask(dev, DMA_BIT_MASK(64)));
	dma_addr = dma_map_single(dev, sg_virt(sgl), 100, DMA_TO_DEVICE);
	KUNIT_EXPECT_TRUE(test, dma_mapping_error(dev, dma_addr));
	KUNIT_EXPECT_EQ(test, 0, dma_map_sg(dev, sgl, NR_ENTRIES,
					    DMA_TO_DEVICE));
	KUNIT_EXPECT_EQ(test, -EINVAL, dma_map_sgtable(dev, &sgt, DMA_TO_DEVICE,
						       0));
	KUNIT_EXPECT_NULL(test, dma_alloc_coherent(dev, SZ_8K, &dma_addr,
						   GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, -ENXIO, dma_mmap_coherent(dev, NULL, sgl, 0,
							SZ_8K));

	dma_kunit_expect_warn_begin();
	dma_unmap_page(dev, 0, SZ_4K, DMA_TO_DEVICE);
	KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
	dma_kunit_expect_warn_begin();
	dma_unmap_sg(dev, sgl, NR_ENTRIES, DMA_TO_DEVICE);
	KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
}

/* What ops that build upon the direct route call */
static void ops_direct_test(struct kunit *test)
{
	struct device *dev = device_with(test, &full_ops);
	dma_addr_t dma_addr;
	struct page *page;
	void *cpu_addr;

	cpu_addr = dma_direct_alloc(dev, SZ_8K, &dma_addr, GFP_KERNEL, 0);
	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	KUNIT_EXPECT_EQ(test, dma_addr, virt_to_phys(cpu_addr));
	dma_direct_free(dev, SZ_8K, cpu_addr, dma_addr, 0);

	/* Found by the CPU's address where the other one is not known */
	cpu_addr = dma_direct_alloc(dev, SZ_8K, &dma_addr, GFP_KERNEL, 0);
	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	dma_direct_free(dev, SZ_8K, cpu_addr, dma_addr + 1, 0);
	KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), 0);
	dma_kunit_expect_warn_begin();
	dma_direct_free(dev, SZ_8K, cpu_addr, dma_addr, 0);
	KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);

	page = dma_direct_alloc_pages(dev, SZ_8K, &dma_addr, DMA_TO_DEVICE,
				      GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_EQ(test, dma_addr, page_to_phys(page));
	dma_direct_free_pages(dev, SZ_8K, page, dma_addr, DMA_TO_DEVICE);
	dma_kunit_expect_warn_begin();
	dma_direct_free_pages(dev, SZ_8K, page, dma_addr, DMA_TO_DEVICE);
	KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);

	KUNIT_EXPECT_NULL(test, dma_direct_alloc(dev, 0, &dma_addr, GFP_KERNEL,
						 0));
	KUNIT_EXPECT_NULL(test, dma_direct_alloc_pages(dev, 0, &dma_addr,
						       DMA_TO_DEVICE,
						       GFP_KERNEL));
	KUNIT_EXPECT_STREQ(test, seen.name, "");
}

/* The ops' translation reaches all memory; the direct route what the device does. */
static void ops_reach_test(struct kunit *test)
{
	struct device *dev = device_with(test, &full_ops);
	struct dma_request req;

	dev->coherent_dma_mask = SZ_1G - 1;
	req = dma_request_of(dev, SZ_4K, GFP_ATOMIC, 0);
	KUNIT_EXPECT_EQ(test, req.route, DMA_ROUTE_OPS);
	KUNIT_EXPECT_EQ(test, req.limits.last_phys, PHYS_ADDR_MAX);
	dma_request_set_route(&req, DMA_ROUTE_DIRECT);
	KUNIT_EXPECT_EQ(test, req.limits.last_phys, SZ_1G - 1);
}

/* What ops use for memory that is contiguous, remapped or not */

struct common {
	struct device *dev;
	void *cpu_addr;
	dma_addr_t dma_addr;
};

static int mmap_as_ops(struct file *file, struct vm_area_struct *vma)
{
	struct common *common = file->private_data;

	return dma_common_mmap(common->dev, vma, common->cpu_addr,
			       common->dma_addr, SZ_8K, 0);
}

static const struct file_operations ops_fops = { .mmap = mmap_as_ops };

static void check_common(struct kunit *test, bool is_noncoherent)
{
	struct common common = {
		.dev = dma_kunit_device(test, "dev", &(struct dma_kunit_shape) {
			.is_noncoherent = is_noncoherent,
		}),
	};
	struct sg_table sgt;
	struct file *file;
	unsigned long addr;
	u8 byte = 0;

	common.cpu_addr = dma_direct_alloc(common.dev, SZ_8K, &common.dma_addr,
					   GFP_KERNEL, 0);
	KUNIT_ASSERT_NOT_NULL(test, common.cpu_addr);
	KUNIT_EXPECT_EQ(test, 0, dma_common_get_sgtable(common.dev, &sgt,
							common.cpu_addr,
							common.dma_addr,
							SZ_8K, 0));
	KUNIT_EXPECT_EQ(test, sg_phys(sgt.sgl), common.dma_addr);
	sg_free_table(&sgt);

	file = anon_inode_getfile("dma-kunit", &ops_fops, &common, O_RDWR);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	memset(common.cpu_addr + SZ_4K, 0x5a, SZ_4K);
	addr = kunit_vm_mmap(test, file, 0, SZ_4K, PROT_READ, MAP_SHARED,
			     SZ_4K);
	KUNIT_EXPECT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_EXPECT_EQ(test, 0, copy_from_user(&byte, (void __user *)addr, 1));
	KUNIT_EXPECT_EQ(test, byte, 0x5a);
	addr = kunit_vm_mmap(test, file, 0, SZ_16K, PROT_READ, MAP_SHARED, 0);
	KUNIT_EXPECT_EQ(test, (long)addr, -ENXIO);
	fput(file);
	dma_kunit_leave_mm();
	dma_direct_free(common.dev, SZ_8K, common.cpu_addr, common.dma_addr, 0);
}

static void ops_common_test(struct kunit *test)
{
	check_common(test, false);
}

static void ops_common_noncoherent_test(struct kunit *test)
{
	check_common(test, true);
}

static struct kunit_case dma_ops_cases[] = {
	KUNIT_CASE(ops_single_test),
	KUNIT_CASE(ops_sg_test),
	KUNIT_CASE(ops_sg_errors_test),
	KUNIT_CASE(ops_alloc_test),
	KUNIT_CASE(ops_free_in_irq_off_test),
	KUNIT_CASE(ops_pages_test),
	KUNIT_CASE(ops_masks_test),
	KUNIT_CASE(ops_bare_streaming_test),
	KUNIT_CASE(ops_bare_alloc_test),
	KUNIT_CASE(ops_appear_test),
	KUNIT_CASE(ops_dummy_test),
	KUNIT_CASE(ops_direct_test),
	KUNIT_CASE(ops_reach_test),
	KUNIT_CASE(ops_common_test),
	KUNIT_CASE(ops_common_noncoherent_test),
	{}
};

static struct kunit_suite dma_ops_suite = {
	.name = "dma_ops",
	.test_cases = dma_ops_cases,
};

kunit_test_suite(dma_ops_suite);

MODULE_DESCRIPTION("KUnit tests of DMA by external ops");
MODULE_LICENSE("GPL");
