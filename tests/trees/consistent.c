// SPDX-License-Identifier: GPL-2.0
/*
 * What a device tree's devices get: consistent memory, and pages.
 *
 * An answer is the place of the buffer, or "refused"; with a word behind it when
 * the buffer is not what was promised: not zeroed, not aligned to its size, or
 * not kept what was written. In a pool whose base is not aligned, natural
 * alignment can't be had by all buffers, so only that to pages is asked for.
 */
#include <linux/cma.h>
#include <linux/dma-map-ops.h>
#include <linux/init.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/of.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "trees.h"

#define MAX_BURST	4096

struct buffer {
	void *cpu_addr;
	dma_addr_t dma_addr;
};

static const u32 default_sizes[] __initconst = { SZ_4K, SZ_64K, SZ_1M };

static const char * __init fault_of(struct buffer *b, size_t size)
{
	if (!PAGE_ALIGNED(b->dma_addr))
		return ", not aligned";
	if (memchr_inv(b->cpu_addr, 0, size))
		return ", not zeroed";
	memset(b->cpu_addr, 0xa5, size);
	if (memchr_inv(b->cpu_addr, 0xa5, size))
		return ", not kept";
	return "";
}

static void __init tell_buffer(const struct tree_device *t, const char *what, size_t size,
			       struct buffer *b)
{
	char place[PLACE_LEN];

	if (!b->cpu_addr) {
		tree_tell(t, "%s %zu: refused", what, size);
		return;
	}
	tree_place(tree_phys(t->dev, b->dma_addr), PAGE_SIZE, place);
	tree_tell(t, "%s %zu: %s%s", what, size, place, fault_of(b, size));
}

static void __init run_alloc(const struct tree_device *t, const char *what, size_t size, gfp_t gfp)
{
	struct buffer b;

	b.cpu_addr = dma_alloc_coherent(t->dev, size, &b.dma_addr, gfp | __GFP_NOWARN);
	tell_buffer(t, what, size, &b);
	if (b.cpu_addr)
		dma_free_coherent(t->dev, size, b.cpu_addr, b.dma_addr);
}

static void __init run_sizes(const struct tree_device *t)
{
	u32 size;

	if (!of_property_present(t->np, "dma-trees,sizes"))
		for (int i = 0; i < ARRAY_SIZE(default_sizes); i++)
			run_alloc(t, "alloc", default_sizes[i], GFP_KERNEL);
	for (int i = 0; !of_property_read_u32_index(t->np, "dma-trees,sizes", i, &size); i++)
		run_alloc(t, "alloc", size, GFP_KERNEL);
}

/* Interrupts stay on: some kernels warn when they are off at the free. */
static void __init run_atomic(const struct tree_device *t)
{
	run_alloc(t, "atomic", SZ_4K, GFP_ATOMIC);
}

static unsigned int __init take_burst(const struct tree_device *t, struct buffer *bufs,
				      size_t size, unsigned int nr)
{
	unsigned int got = 0;

	for (unsigned int i = 0; i < nr; i++) {
		bufs[got].cpu_addr = dma_alloc_coherent(t->dev, size, &bufs[got].dma_addr,
							GFP_KERNEL | __GFP_NOWARN);
		if (bufs[got].cpu_addr)
			got++;
	}
	return got;
}

/* How many of @nr are served while the others are held, and where the last lies. */
static void __init run_burst(const struct tree_device *t, size_t size, unsigned int nr)
{
	struct buffer *bufs = kcalloc(nr, sizeof(*bufs), GFP_KERNEL);
	char place[PLACE_LEN] = "nowhere";
	unsigned int got;

	if (!bufs)
		return;
	got = take_burst(t, bufs, size, nr);
	if (got)
		tree_place(tree_phys(t->dev, bufs[got - 1].dma_addr), PAGE_SIZE, place);
	tree_tell(t, "burst %u x %zu: %u, %s", nr, size, got, place);
	while (got--)
		dma_free_coherent(t->dev, size, bufs[got].cpu_addr, bufs[got].dma_addr);
	kfree(bufs);
}

static void __init run_bursts(const struct tree_device *t)
{
	u32 size, nr;

	for (int i = 0; !of_property_read_u32_index(t->np, "dma-trees,burst", i, &size); i += 2)
		if (!of_property_read_u32_index(t->np, "dma-trees,burst", i + 1, &nr))
			run_burst(t, size, min_t(u32, nr, MAX_BURST));
}

/*
 * Whoever takes memory from an area directly (a heap for video buffers does)
 * gets what is free there, whatever the device has had and given back just
 * before.
 */
static void __init run_area(const struct tree_device *t)
{
	struct cma *cma = dev_get_cma_area(t->dev);
	struct page *page;
	u32 size;

	for (int i = 0; !of_property_read_u32_index(t->np, "dma-trees,area", i, &size); i++) {
		page = cma ? cma_alloc(cma, size >> PAGE_SHIFT, 0, true) : NULL;
		tree_tell(t, "area %u: %s", size, page ? "served" : "refused");
		if (page)
			cma_release(cma, page, size >> PAGE_SHIFT);
	}
}

/* What an exporter of a buffer does with it, and what mmap() does. */
static void __init run_export(const struct tree_device *t)
{
	struct sg_table sgt;
	struct buffer b;
	int err;

	b.cpu_addr = dma_alloc_coherent(t->dev, SZ_64K, &b.dma_addr, GFP_KERNEL | __GFP_NOWARN);
	if (!b.cpu_addr)
		return;
	err = dma_get_sgtable(t->dev, &sgt, b.cpu_addr, b.dma_addr, SZ_64K);
	tree_tell(t, "sgtable %u: %d", SZ_64K, err);
	if (!err)
		sg_free_table(&sgt);
	tree_tell(t, "mmap: %s", dma_can_mmap(t->dev) ? "possible" : "impossible");
	dma_free_coherent(t->dev, SZ_64K, b.cpu_addr, b.dma_addr);
}

static void __init run_pages(const struct tree_device *t)
{
	struct buffer b = { };
	struct page *page;

	page = dma_alloc_pages(t->dev, SZ_64K, &b.dma_addr, DMA_BIDIRECTIONAL,
			       GFP_KERNEL | __GFP_NOWARN);
	if (page)
		b.cpu_addr = page_address(page);
	tell_buffer(t, "pages", SZ_64K, &b);
	if (page)
		dma_free_pages(t->dev, SZ_64K, page, b.dma_addr, DMA_BIDIRECTIONAL);
}

/**
 * tree_run_consistent() - ask for consistent memory and for pages
 * @t: the device
 *
 * Context: process, while the kernel boots.
 */
void __init tree_run_consistent(const struct tree_device *t)
{
	run_sizes(t);
	run_atomic(t);
	run_bursts(t);
	run_area(t);
	run_export(t);
	run_pages(t);
}
