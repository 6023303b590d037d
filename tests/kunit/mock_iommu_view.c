// SPDX-License-Identifier: GPL-2.0
/*
 * The memory as a device behind the mock IOMMU sees it, and buffers for it to
 * look at: see mock_iommu.h.
 *
 * No locks: whoever looks at a mapping keeps it until he is done.
 */

#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/unaligned.h>

/* What unmaps here is followed by a look: by whoever is called. */
#define MOCK_IOMMU_LOOKS_FOR_ITSELF
#include "mock_iommu.h"

/*
 * The memory that a device reaches at an address with some permission, and how
 * much of it lies in one row, up to @size.
 */
static void *reach(struct device *dev, dma_addr_t dma_addr, int need,
		   size_t *size)
{
	phys_addr_t phys = mock_iommu_phys(dev, dma_addr);
	int prot = mock_iommu_prot(dev, dma_addr);
	size_t page_size;

	if (!mock_iommu_is_seen(dev, dma_addr))
		return NULL;
	if (prot < 0 || (prot & need) != need || !pfn_valid(PHYS_PFN(phys)))
		return NULL;
	page_size = mock_iommu_page_size(dev, dma_addr);
	*size = min(*size, page_size - (dma_addr & (page_size - 1)));
	return phys_to_virt(phys);
}

/**
 * mock_iommu_read - read memory as a device does
 * @dev: the device
 * @dma_addr: from here
 * @buffer: where to put it
 * @size: in bytes
 *
 * Context: any.
 * Return: true if the IOMMU let all of it through.
 */
bool mock_iommu_read(struct device *dev, dma_addr_t dma_addr, void *buffer,
		     size_t size)
{
	for (size_t done = 0, step; done < size; done += step) {
		void *memory;

		step = size - done;
		memory = reach(dev, dma_addr + done, IOMMU_READ, &step);
		if (!memory)
			return false;
		memcpy(buffer + done, memory, step);
	}
	return true;
}

/**
 * mock_iommu_write - write memory as a device does
 * @dev: the device
 * @dma_addr: to here
 * @buffer: what to write
 * @size: in bytes
 *
 * Context: any.
 * Return: true if the IOMMU let all of it through.
 */
bool mock_iommu_write(struct device *dev, dma_addr_t dma_addr,
		      const void *buffer, size_t size)
{
	for (size_t done = 0, step; done < size; done += step) {
		void *memory;

		step = size - done;
		memory = reach(dev, dma_addr + done, IOMMU_WRITE, &step);
		if (!memory)
			return false;
		memcpy(memory, buffer + done, step);
	}
	return true;
}

/**
 * mock_iommu_sees - does a device read what the CPU has there?
 * @dev: the device
 * @dma_addr: from here
 * @buffer: what the CPU has
 * @size: in bytes
 *
 * Context: any.
 * Return: true if each byte is the same.
 */
bool mock_iommu_sees(struct device *dev, dma_addr_t dma_addr,
		     const void *buffer, size_t size)
{
	for (size_t done = 0, step; done < size; done += step) {
		void *memory;

		step = size - done;
		memory = reach(dev, dma_addr + done, IOMMU_READ, &step);
		if (!memory || memcmp(memory, buffer + done, step))
			return false;
	}
	return true;
}

/* From the first segment of a list that is mapped to the last */
static void find_ends(struct scatterlist *sgl, int nr, dma_addr_t *first,
		      dma_addr_t *last)
{
	struct scatterlist *sg;
	int i;

	for_each_sg(sgl, sg, nr, i) {
		if (!sg || !sg_dma_len(sg))
			return;
		*first = min(*first, sg_dma_address(sg));
		*last = max(*last, sg_dma_address(sg) + sg_dma_len(sg) - 1);
	}
}

/**
 * mock_iommu_unmap_sg - dma_unmap_sg_attrs(), and a look at what it leaves
 * @dev: the device
 * @sgl: the list
 * @nr: how many entries were mapped
 * @dir: direction
 * @attrs: DMA_ATTR_*
 *
 * Context: any.
 */
void mock_iommu_unmap_sg(struct device *dev, struct scatterlist *sgl, int nr,
			 enum dma_data_direction dir, unsigned long attrs)
{
	dma_addr_t first = DMA_MAPPING_ERROR, last = 0;

	find_ends(sgl, nr, &first, &last);
	dma_unmap_sg_attrs(dev, sgl, nr, dir, attrs);
	mock_iommu_check_unmapped(dev, first, last);
}

/* Buffers */

/**
 * mock_iommu_buffer - memory that starts at a page, zeroed
 * @test: the test
 * @size: in bytes
 *
 * Context: process context.
 * Return: the memory, which goes with the test.
 */
u8 *mock_iommu_buffer(struct kunit *test, size_t size)
{
	u8 *buffer = kunit_kzalloc(test, max_t(size_t, PAGE_SIZE,
					       roundup_pow_of_two(size)),
				   GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buffer);
	KUNIT_ASSERT_TRUE(test, PAGE_ALIGNED(buffer));
	return buffer;
}

/*
 * Eight bytes of a pattern, from @at on, a multiple of eight; as many at a time,
 * since tests spend most of their time here. No two bytes near each other, nor at
 * the same place of two pages, agree.
 */
static __le64 pattern(size_t at, u8 seed)
{
	u8 first = seed + at * 7 + (at >> 8) * 13 + (at >> 16) * 29;
	u64 all = first * 0x0101010101010101;
	u64 high = all & 0x8080808080808080;

	/* Each byte is 7 more than the one before, and carries nothing over. */
	return cpu_to_le64(((all ^ high) + 0x312a231c150e0700) ^ high);
}

static void fill_from(void *buffer, size_t at, size_t size, u8 seed)
{
	for (; size >= sizeof(__le64); size -= sizeof(__le64)) {
		put_unaligned(pattern(at, seed), (__le64 *)buffer);
		at += sizeof(__le64);
		buffer += sizeof(__le64);
	}
	if (size) {
		__le64 last = pattern(at, seed);

		memcpy(buffer, &last, size);
	}
}

/**
 * mock_iommu_fill - fill memory with a pattern
 * @buffer: the memory
 * @size: in bytes
 * @seed: which pattern
 *
 * Context: any.
 */
void mock_iommu_fill(void *buffer, size_t size, u8 seed)
{
	fill_from(buffer, 0, size, seed);
}

/**
 * mock_iommu_is_filled - does memory hold the pattern?
 * @buffer: the memory
 * @size: in bytes
 * @seed: which pattern
 *
 * Context: any.
 * Return: true if so.
 */
bool mock_iommu_is_filled(const void *buffer, size_t size, u8 seed)
{
	__le64 last;
	size_t at;

	for (at = 0; size - at >= sizeof(__le64); at += sizeof(__le64))
		if (get_unaligned((const __le64 *)(buffer + at)) !=
		    pattern(at, seed))
			return false;
	last = pattern(at, seed);
	return !memcmp(buffer + at, &last, size - at);
}

/**
 * mock_iommu_write_fill - let a device write a pattern
 * @dev: the device
 * @dma_addr: to here
 * @size: in bytes
 * @seed: which pattern
 *
 * Context: any.
 * Return: true if the IOMMU let all of it through.
 */
bool mock_iommu_write_fill(struct device *dev, dma_addr_t dma_addr, size_t size,
			   u8 seed)
{
	u8 chunk[256];

	for (size_t at = 0; at < size; at += sizeof(chunk)) {
		size_t step = min(size - at, sizeof(chunk));

		fill_from(chunk, at, step, seed);
		if (!mock_iommu_write(dev, dma_addr + at, chunk, step))
			return false;
	}
	return true;
}

/**
 * mock_iommu_exhaust - map until there is no address any more
 * @test: fails if there are more than @nr_max
 * @dev: the device
 * @buffer: what to map, again and again, for reading
 * @size: in bytes
 * @addrs: where to put the addresses
 * @nr_max: how many fit
 *
 * Context: process context.
 * Return: how many there were.
 */
unsigned int mock_iommu_exhaust(struct kunit *test, struct device *dev,
				void *buffer, size_t size, dma_addr_t *addrs,
				unsigned int nr_max)
{
	unsigned int nr;

	for (nr = 0; nr < nr_max; nr++) {
		addrs[nr] = dma_map_single_attrs(dev, buffer, size,
						 DMA_TO_DEVICE,
						 DMA_ATTR_NO_WARN);
		if (dma_mapping_error(dev, addrs[nr]))
			return nr;
	}
	KUNIT_FAIL(test, "%u mappings of %zu bytes, and still no end", nr,
		   size);
	return nr;
}

/**
 * mock_iommu_unmap_all - undo mock_iommu_exhaust()
 * @dev: the device
 * @addrs: the addresses
 * @nr: how many
 * @size: of each, in bytes
 *
 * Context: any.
 */
void mock_iommu_unmap_all(struct device *dev, const dma_addr_t *addrs,
			  unsigned int nr, size_t size)
{
	while (nr--)
		mock_iommu_unmap_single(dev, addrs[nr], size, DMA_TO_DEVICE, 0);
}
