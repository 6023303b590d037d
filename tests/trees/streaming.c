// SPDX-License-Identifier: GPL-2.0
/*
 * What a device tree's devices get: mappings of the kernel's own buffers.
 *
 * An answer is "direct" when the device finds the buffer itself at its address,
 * "by" and a place when it finds a copy there, or "refused"; with "wrong data"
 * behind it when the copy is not one.
 */
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/of.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "trees.h"

#define PATTERN		0x5a
#define ANSWER		0xc3
#define NR_USERS	9
#define NR_ENTRIES	4

static void __init tell_mapping(const struct tree_device *t, const char *what, size_t size,
				phys_addr_t found, phys_addr_t own, bool intact)
{
	char place[PLACE_LEN];

	if (found == own) {
		tree_tell(t, "%s %zu: direct", what, size);
		return;
	}
	tree_place(found, 1, place);
	tree_tell(t, "%s %zu: by %s%s", what, size, place, intact ? "" : ", wrong data");
}

static void __init run_to_device(const struct tree_device *t, void *buf, size_t size)
{
	phys_addr_t own = virt_to_phys(buf), found;
	dma_addr_t dma_addr;
	bool intact;

	memset(buf, PATTERN, size);
	dma_addr = dma_map_single(t->dev, buf, size, DMA_TO_DEVICE);
	if (dma_mapping_error(t->dev, dma_addr)) {
		tree_tell(t, "to %zu: refused", size);
		return;
	}
	found = tree_phys(t->dev, dma_addr);
	intact = found == own || !memchr_inv(phys_to_virt(found), PATTERN, size);
	tell_mapping(t, "to", size, found, own, intact);
	dma_unmap_single(t->dev, dma_addr, size, DMA_TO_DEVICE);
}

/* Where a copy is made, the device's part is played by writing to it. */
static void __init run_from_device(const struct tree_device *t, void *buf, size_t size)
{
	phys_addr_t own = virt_to_phys(buf), found;
	dma_addr_t dma_addr;
	bool intact;

	memset(buf, 0, size);
	dma_addr = dma_map_single(t->dev, buf, size, DMA_FROM_DEVICE);
	if (dma_mapping_error(t->dev, dma_addr)) {
		tree_tell(t, "from %zu: refused", size);
		return;
	}
	found = tree_phys(t->dev, dma_addr);
	if (found != own)
		memset(phys_to_virt(found), ANSWER, size);
	dma_unmap_single(t->dev, dma_addr, size, DMA_FROM_DEVICE);
	intact = found == own || !memchr_inv(buf, ANSWER, size);
	tell_mapping(t, "from", size, found, own, intact);
}

static void __init run_single(const struct tree_device *t, size_t size)
{
	void *buf = kmalloc(size, GFP_KERNEL);

	if (!buf)
		return;
	run_to_device(t, buf, size);
	run_from_device(t, buf, size);
	kfree(buf);
}

static int __init fill_list(struct scatterlist *sgl, void **pages)
{
	sg_init_table(sgl, NR_ENTRIES);
	for (int i = 0; i < NR_ENTRIES; i++) {
		pages[i] = (void *)__get_free_page(GFP_KERNEL);
		if (!pages[i])
			return -ENOMEM;
		sg_set_buf(&sgl[i], pages[i], PAGE_SIZE);
	}
	return 0;
}

static void __init run_list(const struct tree_device *t)
{
	struct scatterlist sgl[NR_ENTRIES];
	void *pages[NR_ENTRIES] = { };
	int nr;

	if (!fill_list(sgl, pages)) {
		nr = dma_map_sg(t->dev, sgl, NR_ENTRIES, DMA_BIDIRECTIONAL);
		tree_tell(t, "list: %s", nr ? "served" : "refused");
		if (nr)
			dma_unmap_sg(t->dev, sgl, NR_ENTRIES, DMA_BIDIRECTIONAL);
	}
	for (int i = 0; i < NR_ENTRIES; i++)
		free_page((unsigned long)pages[i]);
}

/* Fences keep real users of one buffer apart; and who skips syncs does his own. */
static void __init run_users(const struct tree_device *t, const char *what, unsigned int nr,
			     unsigned long attrs)
{
	void *buf = (void *)__get_free_page(GFP_KERNEL);
	dma_addr_t dma_addr[NR_USERS];
	unsigned int got = 0;

	if (!buf)
		return;
	while (got < nr) {
		dma_addr[got] = dma_map_single_attrs(t->dev, buf, PAGE_SIZE, DMA_FROM_DEVICE,
						     attrs);
		if (dma_mapping_error(t->dev, dma_addr[got]))
			break;
		got++;
	}
	tree_tell(t, "%s: %u of %u", what, got, nr);
	while (got--)
		dma_unmap_single_attrs(t->dev, dma_addr[got], PAGE_SIZE, DMA_FROM_DEVICE, attrs);
	free_page((unsigned long)buf);
}

/**
 * tree_run_streaming() - map buffers of the kernel's own
 * @t: the device
 *
 * Context: process, while the kernel boots.
 */
void __init tree_run_streaming(const struct tree_device *t)
{
	run_single(t, SZ_2K);
	run_single(t, SZ_64K);
	run_list(t);
	if (of_property_read_bool(t->np, "dma-trees,twice")) {
		run_users(t, "two users", 2, 0);
		run_users(t, "nine users", NR_USERS, DMA_ATTR_SKIP_CPU_SYNC);
	}
}
