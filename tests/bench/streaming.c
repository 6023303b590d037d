// SPDX-License-Identifier: GPL-2.0
/*
 * The DMA benchmark: a buffer is mapped and unmapped, over and over.
 *
 * A buffer is one piece of memory, mapped by dma_map_single(), or a scatterlist
 * of pages no two of which lie next to each other, mapped by dma_map_sg(). It
 * is the same one each time; but where it says "turns", there are many of them,
 * so that none is mapped again soon.
 *
 * Before it is measured, each buffer is mapped once and its data looked at from
 * the device's side: at the device's address lies what the CPU has written, and
 * what is written there is in the buffer once it is unmapped. All devices here
 * are coherent, so both see memory the same way.
 */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "bench.h"

#define NR_ENTRIES	32
#define NR_TURNS	128
#define BYTE_CPU	0x5a
#define BYTE_DEVICE	0xa5

/* One page of a piece that is mapped, from the device's side. */
static int check_page(struct bench *b, dma_addr_t dma_addr)
{
	phys_addr_t phys = bench_device_to_phys(b->dev, dma_addr);
	void *cpu_addr = phys_to_virt(phys);

	if (!phys || !pfn_valid(PHYS_PFN(phys)))
		return bench_fail(b, "the device finds nothing at %pad", &dma_addr);
	if (!bench_place_contains(&b->place, phys, PAGE_SIZE))
		return bench_fail(b, "the device's data lies at %pa, its area is %zu bytes at %pa",
				  &phys, (size_t)b->place.size, &b->place.base);
	if (b->row->dir == DMA_FROM_DEVICE)
		memset(cpu_addr, BYTE_DEVICE, PAGE_SIZE);
	else if (memchr_inv(cpu_addr, BYTE_CPU, PAGE_SIZE))
		return bench_fail(b, "the device finds other data at %pad", &dma_addr);
	return 0;
}

static int check_piece(struct bench *b, dma_addr_t dma_addr, size_t size)
{
	int err = 0;

	for (size_t pos = 0; pos < size && !err; pos += PAGE_SIZE)
		err = check_page(b, dma_addr + pos);
	return err;
}

static int check_data(struct bench *b, const void *cpu_addr, size_t size)
{
	if (memchr_inv(cpu_addr, b->row->dir == DMA_FROM_DEVICE ? BYTE_DEVICE : BYTE_CPU, size))
		return bench_fail(b, "the unmapped buffer holds other data");
	return 0;
}

/* One piece of memory */

static int single_map(struct bench *b, dma_addr_t *dma_addr)
{
	*dma_addr = dma_map_single(b->dev, b->priv, b->row->size, b->row->dir);
	return dma_mapping_error(b->dev, *dma_addr);
}

static void single_unmap(struct bench *b, dma_addr_t dma_addr)
{
	dma_unmap_single(b->dev, dma_addr, b->row->size, b->row->dir);
}

static int single_setup(struct bench *b)
{
	dma_addr_t dma_addr;
	int err;

	b->priv = alloc_pages_exact(b->row->size, GFP_KERNEL);
	if (!b->priv)
		return bench_fail(b, "no memory");
	memset(b->priv, BYTE_CPU, b->row->size);
	if (single_map(b, &dma_addr))
		return bench_fail(b, "a mapping of %zu bytes was refused", b->row->size);
	err = check_piece(b, dma_addr, b->row->size);
	single_unmap(b, dma_addr);
	return err ?: check_data(b, b->priv, b->row->size);
}

static int single_repeat(struct bench *b, unsigned long nr)
{
	dma_addr_t dma_addr;

	while (nr--) {
		if (single_map(b, &dma_addr))
			return bench_fail(b, "a mapping of %zu bytes was refused", b->row->size);
		single_unmap(b, dma_addr);
	}
	return 0;
}

static void single_teardown(struct bench *b)
{
	if (b->priv)
		free_pages_exact(b->priv, b->row->size);
}

/* Many such pieces */

struct turns {
	void *buffers[NR_TURNS];
	unsigned int next;
};

/* What is mapped next becomes the piece of the functions above. */
static int turns_setup(struct bench *b)
{
	struct turns *turns = kzalloc(sizeof(*turns), GFP_KERNEL);
	int err = turns ? 0 : bench_fail(b, "no memory");

	for (unsigned int i = 0; i < NR_TURNS && !err; i++) {
		err = single_setup(b);
		turns->buffers[i] = b->priv;
	}
	b->priv = turns;
	return err;
}

static int turns_repeat(struct bench *b, unsigned long nr)
{
	struct turns *turns = b->priv;
	int err = 0;

	while (nr-- && !err) {
		b->priv = turns->buffers[turns->next++ % NR_TURNS];
		err = single_repeat(b, 1);
	}
	b->priv = turns;
	return err;
}

static void turns_teardown(struct bench *b)
{
	struct turns *turns = b->priv;

	for (unsigned int i = 0; turns && i < NR_TURNS; i++) {
		b->priv = turns->buffers[i];
		single_teardown(b);
	}
	kfree(turns);
}

/* A scatterlist */

static void sg_teardown(struct bench *b)
{
	struct scatterlist *sgl = b->priv;

	for (unsigned int i = 0; sgl && i < NR_ENTRIES; i++)
		if (sg_page(&sgl[i]))
			__free_pages(sg_page(&sgl[i]), 1);
	kfree(sgl);
}

/* The first of two pages each, so that none ends where another begins. */
static int sg_fill(struct bench *b)
{
	struct scatterlist *sgl = kcalloc(NR_ENTRIES, sizeof(*sgl), GFP_KERNEL);

	b->priv = sgl;
	if (!sgl)
		return bench_fail(b, "no memory");
	sg_init_table(sgl, NR_ENTRIES);
	for (unsigned int i = 0; i < NR_ENTRIES; i++) {
		struct page *page = alloc_pages(GFP_KERNEL, 1);

		if (!page)
			return bench_fail(b, "no memory");
		memset(page_address(page), BYTE_CPU, PAGE_SIZE);
		sg_set_page(&sgl[i], page, PAGE_SIZE, 0);
	}
	return 0;
}

static int sg_check_mapped(struct bench *b, unsigned int nr_mapped)
{
	struct scatterlist *sg;
	size_t size = 0;
	int i, err = 0;

	for_each_sg(b->priv, sg, nr_mapped, i) {
		size += sg_dma_len(sg);
		err = err ?: check_piece(b, sg_dma_address(sg), sg_dma_len(sg));
	}
	if (!err && size != b->row->size)
		err = bench_fail(b, "%zu of %zu bytes are mapped", size, b->row->size);
	return err;
}

static int sg_setup(struct bench *b)
{
	struct scatterlist *sg;
	int i, nr_mapped, err = sg_fill(b);

	if (err)
		return err;
	nr_mapped = dma_map_sg(b->dev, b->priv, NR_ENTRIES, b->row->dir);
	if (!nr_mapped)
		return bench_fail(b, "a mapping of %u entries was refused", NR_ENTRIES);
	err = sg_check_mapped(b, nr_mapped);
	dma_unmap_sg(b->dev, b->priv, NR_ENTRIES, b->row->dir);
	for_each_sg(b->priv, sg, NR_ENTRIES, i)
		err = err ?: check_data(b, sg_virt(sg), sg->length);
	return err;
}

static int sg_repeat(struct bench *b, unsigned long nr)
{
	while (nr--) {
		if (!dma_map_sg(b->dev, b->priv, NR_ENTRIES, b->row->dir))
			return bench_fail(b, "a mapping of %u entries was refused", NR_ENTRIES);
		dma_unmap_sg(b->dev, b->priv, NR_ENTRIES, b->row->dir);
	}
	return 0;
}

#define ROW(_kind, _name, _device, _size, _dir) {	\
	.name		= (_name),			\
	.device		= (_device),			\
	.size		= (_size),			\
	.dir		= (_dir),			\
	.setup		= _kind ## _setup,		\
	.repeat		= _kind ## _repeat,		\
	.teardown	= _kind ## _teardown, }

#define SINGLE(...)	ROW(single, __VA_ARGS__)
#define TURNS(...)	ROW(turns, __VA_ARGS__)
#define SG(_name, _device, _dir) \
	ROW(sg, _name, _device, NR_ENTRIES * PAGE_SIZE, _dir)

const struct bench_row bench_streaming_rows[] = {
	SINGLE("direct-map-4k", "coherent", SZ_4K, DMA_TO_DEVICE),
	SG("direct-map-sg32", "coherent", DMA_TO_DEVICE),
	SINGLE("bounce-map-4k", "restricted", SZ_4K, DMA_TO_DEVICE),
	SINGLE("iommu-map-4k", "iommu", SZ_4K, DMA_TO_DEVICE),
	SINGLE("iommu-map-4k-from", "iommu", SZ_4K, DMA_FROM_DEVICE),
	SINGLE("iommu-map-256k", "iommu", SZ_256K, DMA_TO_DEVICE),
	TURNS("iommu-map-256k-turns", "iommu", SZ_256K, DMA_TO_DEVICE),
	SG("iommu-map-sg32", "iommu", DMA_TO_DEVICE),
	{ }
};
