// SPDX-License-Identifier: GPL-2.0
/*
 * The DMA benchmark: a consistent buffer is allocated and freed, over and over.
 *
 * Before it is measured, a buffer is looked at once: it has to lie where the
 * device tree wants it, to come zeroed though its memory was dirty, and to be
 * at the device's address what it is at the CPU's. A kernel that leaves that out
 * is not fast, it's wrong.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "bench.h"

static void *buffer_alloc(struct bench *b, dma_addr_t *dma_addr)
{
	return dma_alloc_attrs(b->dev, b->row->size, dma_addr, b->row->gfp, 0);
}

static void buffer_free(struct bench *b, void *cpu_addr, dma_addr_t dma_addr)
{
	dma_free_attrs(b->dev, b->row->size, cpu_addr, dma_addr, 0);
}

static int check_place(struct bench *b, dma_addr_t dma_addr)
{
	phys_addr_t phys = bench_device_to_phys(b->dev, dma_addr);

	if (!phys)
		return bench_fail(b, "the device finds nothing at %pad", &dma_addr);
	if (!bench_place_contains(&b->place, phys, b->row->size))
		return bench_fail(b, "the buffer lies at %pa, its area is %zu bytes at %pa",
				  &phys, (size_t)b->place.size, &b->place.base);
	return 0;
}

/**
 * bench_consistent_setup() - look at a buffer once
 * @b: the row
 *
 * Twice, so that the second one may get memory that the first has left dirty.
 *
 * Context: process, may sleep.
 * Return: 0, or an error that has been said.
 */
int bench_consistent_setup(struct bench *b)
{
	int err = 0;

	for (unsigned int i = 0; i < 2 && !err; i++) {
		dma_addr_t dma_addr;
		void *cpu_addr = buffer_alloc(b, &dma_addr);

		if (!cpu_addr)
			return bench_fail(b, "a buffer of %zu bytes was refused", b->row->size);
		err = check_place(b, dma_addr);
		if (!err && memchr_inv(cpu_addr, 0, b->row->size))
			err = bench_fail(b, "the buffer does not come zeroed");
		memset(cpu_addr, 0xff, b->row->size);
		buffer_free(b, cpu_addr, dma_addr);
	}
	return err;
}

/**
 * bench_default_cma_setup() - the same for a device without an area of its own
 * @b: the row; its buffers have to be the default area's
 *
 * Context: process, may sleep.
 * Return: 0, or an error that has been said.
 */
int bench_default_cma_setup(struct bench *b)
{
	b->place = bench_default_cma();
	if (!b->place.size)
		return bench_fail(b, "no default CMA area was declared");
	return bench_consistent_setup(b);
}

static int consistent_repeat(struct bench *b, unsigned long nr)
{
	dma_addr_t dma_addr;
	void *cpu_addr;

	while (nr--) {
		cpu_addr = buffer_alloc(b, &dma_addr);
		if (!cpu_addr)
			return bench_fail(b, "a buffer of %zu bytes was refused", b->row->size);
		buffer_free(b, cpu_addr, dma_addr);
	}
	return 0;
}

#define ROW(_name, _device, _size, _gfp, _setup) {	\
	.name	= (_name),				\
	.device	= (_device),				\
	.size	= (_size),				\
	.gfp	= (_gfp),				\
	.setup	= (_setup),				\
	.repeat	= consistent_repeat, }

const struct bench_row bench_consistent_rows[] = {
	ROW("pool-alloc-4k", "pool", SZ_4K, GFP_KERNEL, bench_consistent_setup),
	ROW("cma-device-4k", "cma", SZ_4K, GFP_KERNEL, bench_consistent_setup),
	ROW("cma-device-64k", "cma", SZ_64K, GFP_KERNEL, bench_consistent_setup),
	ROW("cma-default-64k", "coherent", SZ_64K, GFP_KERNEL, bench_default_cma_setup),
	ROW("cma-default-1m", "coherent", SZ_1M, GFP_KERNEL, bench_default_cma_setup),
	ROW("noncoherent-4k", "noncoherent", SZ_4K, GFP_KERNEL, bench_consistent_setup),
	ROW("noncoherent-64k", "noncoherent", SZ_64K, GFP_KERNEL, bench_consistent_setup),
	ROW("atomic-4k", "noncoherent", SZ_4K, GFP_ATOMIC, bench_consistent_setup),
	ROW("iommu-alloc-64k", "iommu", SZ_64K, GFP_KERNEL, bench_consistent_setup),
	ROW("iommu-alloc-1m", "iommu", SZ_1M, GFP_KERNEL, bench_consistent_setup),
	{ }
};
