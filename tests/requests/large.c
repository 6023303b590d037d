// SPDX-License-Identifier: GPL-2.0
/*
 * Large mappings behind an IOMMU: lists of many pieces, and a dma-buf of 64 MiB.
 *
 * A mapping that is large enough crosses what a driver of an IOMMU does in one
 * call: the end of a page table, the size of a block, the length of a queue. So
 * each page is looked up in the IOMMU's translation, the first and the last are not
 * enough: a page that is missing in the middle, or that leads elsewhere, would
 * cost data and be seen by nobody else. Once the mapping has ended, none of its
 * addresses may lead anywhere.
 *
 * The pieces are whole pages that are not neighbours by intention. A piece as
 * such has any length; what is a power of two in one case is odd in the next.
 *
 * Nothing is looked up for a device without an IOMMU: there an address is no
 * more than a sum, which streaming.c checks.
 *
 * Context of all functions: process, may sleep.
 */
#include <linux/delay.h>
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "requests.h"

/* A lazy domain lets go when its queue is flushed, within some 10 ms. */
#define UNMAP_TRIES	100
#define UNMAP_WAIT_MS	10

/**
 * struct large_case - a list to map
 * @name: what the request is called
 * @size: of all pieces together, bytes
 * @lengths: of the pieces, in turn, bytes; ends with 0
 * @is_dma_buf: the list is exported as a dma-buf, and mapped by its importer
 */
struct large_case {
	const char *name;
	size_t size;
	size_t lengths[8];
	bool is_dma_buf;
};

/**
 * struct large - a list and its mapping
 * @cpu: the pieces
 * @dma: a copy of @cpu, which is mapped
 * @buf: the dma-buf that exports @cpu, if it is one
 * @attachment: of the device to @buf
 * @addresses: the device's address of each page
 * @nr_pages: how many
 */
struct large {
	struct sg_table cpu;
	struct sg_table *dma;
	struct dma_buf *buf;
	struct dma_buf_attachment *attachment;
	dma_addr_t *addresses;
	size_t nr_pages;
};

static const struct large_case large_cases[] = {
	{ "map_sg 30 x 96 KiB", 30 * SZ_32K * 3, { SZ_32K * 3 } },
	{ "map_sg 4 MiB of single pages", SZ_4M, { PAGE_SIZE } },
	{ "map_sg 32 MiB of 2 MiB pieces", SZ_32M, { SZ_2M } },
	{ "map_sg 16 MiB of odd pieces", SZ_16M,
	  { 7 * SZ_4K, 513 * SZ_4K, 3 * SZ_4K, 61 * SZ_4K, 130 * SZ_4K } },
	{ "dma-buf 64 MiB of odd pieces", SZ_64M,
	  { 3 * SZ_4K, 37 * SZ_4K, SZ_4K, 511 * SZ_4K, 24 * SZ_4K, 129 * SZ_4K }, true },
};

/* With pages of more than 4 KiB a piece is rounded up. */
static size_t piece_length(const struct large_case *c, unsigned int i)
{
	unsigned int nr = 0;

	while (nr < ARRAY_SIZE(c->lengths) && c->lengths[nr])
		nr++;
	return PAGE_ALIGN(c->lengths[i % nr]);
}

static void free_pieces(struct sg_table *cpu)
{
	struct scatterlist *sg;
	int i;

	for_each_sgtable_sg(cpu, sg, i)
		if (sg_page(sg))
			free_pages_exact(sg_virt(sg), sg->length);
	sg_free_table(cpu);
}

static int alloc_pieces(struct sg_table *cpu, const struct large_case *c)
{
	unsigned int nr = 0;
	struct scatterlist *sg;
	size_t size;
	int i, err;

	for (size = 0; size < c->size; size += piece_length(c, nr++))
		;
	err = sg_alloc_table(cpu, nr, GFP_KERNEL);
	if (err)
		return err;
	for_each_sgtable_sg(cpu, sg, i) {
		void *piece = alloc_pages_exact(piece_length(c, i), GFP_KERNEL);

		if (!piece) {
			free_pieces(cpu);
			return -ENOMEM;
		}
		sg_set_buf(sg, piece, piece_length(c, i));
	}
	return 0;
}

static void free_copy(struct sg_table *copy)
{
	sg_free_table(copy);
	kfree(copy);
}

/* What is mapped is a copy: a dma-buf hides its pages from those who import it. */
static struct sg_table *copy_table(const struct sg_table *table)
{
	struct sg_table *copy = kmalloc(sizeof(*copy), GFP_KERNEL);
	struct scatterlist *from, *to;
	int i;

	if (!copy)
		return ERR_PTR(-ENOMEM);
	if (sg_alloc_table(copy, table->orig_nents, GFP_KERNEL)) {
		kfree(copy);
		return ERR_PTR(-ENOMEM);
	}
	to = copy->sgl;
	for_each_sgtable_sg(table, from, i) {
		sg_set_page(to, sg_page(from), from->length, from->offset);
		to = sg_next(to);
	}
	return copy;
}

static struct sg_table *map_copy(struct device *dev, const struct sg_table *table,
				 enum dma_data_direction dir)
{
	struct sg_table *copy = copy_table(table);
	int err;

	if (IS_ERR(copy))
		return copy;
	err = dma_map_sgtable(dev, copy, dir, 0);
	if (!err)
		return copy;
	free_copy(copy);
	return ERR_PTR(err);
}

static void unmap_copy(struct device *dev, struct sg_table *copy, enum dma_data_direction dir)
{
	dma_unmap_sgtable(dev, copy, dir, 0);
	free_copy(copy);
}

static struct sg_table *export_map(struct dma_buf_attachment *attachment,
				   enum dma_data_direction dir)
{
	struct large *l = attachment->dmabuf->priv;

	return map_copy(attachment->dev, &l->cpu, dir);
}

static void export_unmap(struct dma_buf_attachment *attachment, struct sg_table *copy,
			 enum dma_data_direction dir)
{
	unmap_copy(attachment->dev, copy, dir);
}

/* The pieces belong to who made the dma-buf, and outlive it. */
static void export_release(struct dma_buf *buf)
{
}

static const struct dma_buf_ops export_ops = {
	.map_dma_buf	= export_map,
	.unmap_dma_buf	= export_unmap,
	.release	= export_release,
};

static int attach_importer(const struct test_device *t, struct large *l, size_t size)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	info.ops = &export_ops;
	info.size = size;
	info.flags = O_RDWR;
	info.priv = l;
	l->buf = dma_buf_export(&info);
	if (IS_ERR(l->buf))
		return PTR_ERR(l->buf);
	l->attachment = dma_buf_attach(l->buf, t->dev);
	if (!IS_ERR(l->attachment))
		return 0;
	dma_buf_put(l->buf);
	return PTR_ERR(l->attachment);
}

static void detach_importer(struct large *l)
{
	dma_buf_detach(l->buf, l->attachment);
	dma_buf_put(l->buf);
}

static int map_large(const struct test_device *t, struct large *l, const struct large_case *c)
{
	int err = c->is_dma_buf ? attach_importer(t, l, c->size) : 0;

	if (err)
		return err;
	if (!c->is_dma_buf) {
		l->dma = map_copy(t->dev, &l->cpu, DMA_BIDIRECTIONAL);
		return PTR_ERR_OR_ZERO(l->dma);
	}
	l->dma = dma_buf_map_attachment_unlocked(l->attachment, DMA_BIDIRECTIONAL);
	if (!IS_ERR(l->dma))
		return 0;
	detach_importer(l);
	return PTR_ERR(l->dma);
}

static void unmap_large(const struct test_device *t, struct large *l)
{
	if (!l->buf)
		return unmap_copy(t->dev, l->dma, DMA_BIDIRECTIONAL);
	dma_buf_unmap_attachment_unlocked(l->attachment, l->dma, DMA_BIDIRECTIONAL);
	detach_importer(l);
}

/* Each page of the device's segments. False if these are no more, no fewer. */
static bool note_addresses(struct large *l)
{
	struct sg_dma_page_iter iter;
	size_t nr = 0;

	for_each_sgtable_dma_page(l->dma, &iter, 0) {
		if (nr == l->nr_pages)
			return false;
		l->addresses[nr++] = sg_page_iter_dma_address(&iter);
	}
	return nr == l->nr_pages;
}

/* How many pages lead elsewhere; the first of them is page @first. */
static size_t count_wrong(const struct test_device *t, struct large *l, size_t *first)
{
	struct sg_page_iter iter;
	size_t nr = 0, nr_wrong = 0;

	for_each_sgtable_page(&l->cpu, &iter, 0) {
		phys_addr_t phys = page_to_phys(sg_page_iter_page(&iter));

		if (device_to_phys(t->dev, l->addresses[nr]) != phys && !nr_wrong++)
			*first = nr;
		nr++;
	}
	return nr_wrong;
}

/* How many of the pages lead anywhere at all. */
static size_t count_mapped(const struct test_device *t, struct large *l)
{
	size_t nr_mapped = 0;

	for (size_t i = 0; i < l->nr_pages; i++)
		if (device_to_phys(t->dev, l->addresses[i]) != ~(phys_addr_t)0)
			nr_mapped++;
	return nr_mapped;
}

/* A strict domain has let go by now, a lazy one will when its queue is flushed. */
static size_t count_left(const struct test_device *t, struct large *l)
{
	unsigned int tries = is_strict(t->dev) ? 0 : UNMAP_TRIES;
	size_t nr_left = count_mapped(t, l);

	for (; nr_left && tries; tries--) {
		msleep(UNMAP_WAIT_MS);
		nr_left = count_mapped(t, l);
	}
	return nr_left;
}

static bool check_translation(struct run *run, struct row *row, const struct test_device *t,
			      struct large *l)
{
	u64 last = l->addresses[l->nr_pages - 1] + PAGE_SIZE - 1;
	size_t first = 0, nr_wrong = count_wrong(t, l, &first);
	phys_addr_t phys;

	if (nr_wrong) {
		phys = device_to_phys(t->dev, l->addresses[first]);
		table_fail(run, row, "%zu of %zu pages lead elsewhere, the first, %zu, to %pa",
			   nr_wrong, l->nr_pages, first, &phys);
	} else if (last > streaming_limit(t->dev)) {
		table_fail(run, row, "ends at %#llx, beyond the device's limit %#llx", last,
			   streaming_limit(t->dev));
	}
	return !row->is_failure;
}

static void run_large_mapped(struct run *run, struct row *row, const struct test_device *t,
			     struct large *l)
{
	bool is_good = note_addresses(l);
	size_t nr_left;

	row->backend = "iommu";
	row->dma_addr = l->addresses[0];
	row->has_addresses = true;
	if (!is_good) {
		unmap_large(t, l);
		return table_fail(run, row, "the device's segments are not %zu pages", l->nr_pages);
	}
	is_good = check_translation(run, row, t, l);
	unmap_large(t, l);
	nr_left = count_left(t, l);
	if (!is_good)
		return;
	if (nr_left)
		table_fail(run, row, "%zu of %zu pages are mapped after the end", nr_left,
			   l->nr_pages);
	else
		table_pass_with(run, row, "%zu pages", l->nr_pages);
}

static void run_case(struct run *run, const struct test_device *t, const struct large_case *c)
{
	struct row *row = table_add(run, t->name, "%s", c->name);
	struct large l = {};
	struct scatterlist *sg;
	int i, err;

	if (!row)
		return;
	if (alloc_pieces(&l.cpu, c))
		return table_fail(run, row, "no memory for the buffer");
	for_each_sgtable_sg(&l.cpu, sg, i)
		l.nr_pages += sg->length >> PAGE_SHIFT;
	l.addresses = kvcalloc(l.nr_pages, sizeof(*l.addresses), GFP_KERNEL);
	if (!l.addresses) {
		table_fail(run, row, "no memory for %zu addresses", l.nr_pages);
		goto out_free;
	}
	err = map_large(t, &l, c);
	if (err == -ENOMEM && c->size > streaming_limit(t->dev))
		table_pass_with(run, row, "refused as expected: the device has fewer addresses");
	else if (err)
		table_fail(run, row, "map: error %pe, expected iommu", ERR_PTR(err));
	else
		run_large_mapped(run, row, t, &l);
out_free:
	kvfree(l.addresses);
	free_pieces(&l.cpu);
	cond_resched();
}

/**
 * run_large() - make all large mappings for one device
 * @run: the run
 * @t: the device; nothing is done for one without an IOMMU
 *
 * Context: process, may sleep.
 */
void run_large(struct run *run, const struct test_device *t)
{
	if (!is_translated(t->dev))
		return;
	for (unsigned int i = 0; i < ARRAY_SIZE(large_cases); i++)
		run_case(run, t, &large_cases[i]);
	run_request(run, t, &(struct request){ .size = SZ_16M });
}
