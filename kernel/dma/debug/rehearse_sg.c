// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rehearsal of scatterlists: see rehearse.c.
 *
 * Each entry of the list, as the driver made it, has a rehearsal of its own, or a
 * note.  While the list is being mapped its entries name the shadows, and after that the
 * driver's memory again.  What the device sees may be fewer and longer entries:
 * each holds some of the driver's, in order and without gaps.
 *
 * No locks.
 */
#include <linux/dma-sg.h>
#include <linux/memremap.h>
#include <linux/scatterlist.h>

#include "../debug.h"
#include "rehearse.h"

/**
 * dma_rehearse_begin_sg - put shadows into a list that is to be mapped
 * @dev: the device
 * @sgl: the list; its entries name the shadows until it is published
 * @nents: number of entries
 * @dir: direction
 * @attrs: DMA_ATTR_*
 *
 * Context: any.
 * Return: a chain of rehearsals; NULL if there are none.
 */
struct dma_rehearsal *dma_rehearse_begin_sg(struct device *dev,
					    struct scatterlist *sgl, int nents,
					    enum dma_data_direction dir,
					    unsigned long attrs)
{
	struct dma_rehearsal *first = NULL, **link = &first;
	struct scatterlist *sg;
	int left = nents;

	for (sg = dma_sg_first(sgl, left); sg; sg = dma_sg_next(sg, --left)) {
		struct page *page = sg_page(sg);
		size_t offset = sg->offset;
		struct dma_rehearsal *it;

		it = dma_rehearse_begin(dev, &page, &offset, sg->length, dir,
					attrs);
		if (!it)
			continue;
		it->nr = left;
		sg_set_page(sg, page, sg->length, offset);
		*link = it;
		link = &it->next;
	}
	return first;
}

/* A list is mapped in order, so an entry lies behind those before it. */
struct place {
	struct scatterlist *sg;		/* as the device sees it */
	u64 offset;
};

static dma_addr_t advance(struct place *place, size_t size)
{
	dma_addr_t dma_addr;

	if (place->offset == sg_dma_len(place->sg)) {
		struct scatterlist *next = sg_next(place->sg);

		/* A list that is not what was mapped may end too early. */
		place->sg = next ?: place->sg;
		place->offset = 0;
	}
	dma_addr = sg_dma_address(place->sg) + place->offset;
	place->offset += size;
	return dma_addr;
}

/**
 * dma_rehearse_publish_sg - the list of shadows was mapped
 * @chain: begun
 * @sgl: the list; its entries name the driver's own memory again
 * @nents: number of entries
 * @mapped: how many the device sees; 0 or an error if it was not mapped
 * @attrs: DMA_ATTR_*
 *
 * Context: any.
 */
void dma_rehearse_publish_sg(struct dma_rehearsal *chain,
			     struct scatterlist *sgl, int nents, int mapped,
			     unsigned long attrs)
{
	struct place place = { .sg = sgl };
	struct scatterlist *sg;
	int left = nents;

	for (sg = dma_sg_first(sgl, left); sg; sg = dma_sg_next(sg, --left)) {
		dma_addr_t dma_addr = mapped > 0 ? advance(&place, sg->length) :
						   DMA_MAPPING_ERROR;
		struct dma_rehearsal *it = chain;

		if (!it || it->nr != left)
			continue;
		chain = it->next;
		if (it->page)
			sg_set_page(sg, it->page, sg->length, it->offset);
		dma_rehearse_publish(it, dma_addr, attrs);
	}
}

/* Where segments were merged, what is behind the last one is an old mapping's. */
static bool is_behind_last(const struct scatterlist *sg)
{
	return !sg_dma_len(sg) && sg->length;
}

static bool has_memory(struct scatterlist *sg)
{
	return sg->length && dma_page_is_ordinary(sg_page(sg));
}

/* Each entry's note, as far as there is one.  Counts the entries. */
static struct dma_rehearsal *take_notes(struct device *dev,
					struct scatterlist *sgl, int nents,
					struct dma_rehearsal *chain,
					unsigned int *nr_entries,
					unsigned int *nr_found)
{
	struct place place = { .sg = sgl };
	struct scatterlist *sg;
	int left = nents;

	for (sg = dma_sg_first(sgl, left); sg; sg = dma_sg_next(sg, --left)) {
		dma_addr_t dma_addr = advance(&place, sg->length);
		struct dma_rehearsal *it;

		if (!has_memory(sg))
			continue;
		++*nr_entries;
		it = dma_rehearse_take_note(dev, dma_addr, sg->length);
		if (!it)
			continue;
		++*nr_found;
		it->next = chain;
		chain = it;
	}
	return chain;
}

/**
 * dma_rehearse_take_sg - a list is to be unmapped
 * @dev: the device
 * @sgl: the list
 * @nents: number of entries
 *
 * Context: any.
 * Return: a chain of rehearsals, to be ended once it is unmapped.
 */
struct dma_rehearsal *dma_rehearse_take_sg(struct device *dev,
					   struct scatterlist *sgl, int nents)
{
	unsigned int nr_segments = 0, nr_entries = 0, nr_found = 0;
	struct dma_rehearsal *first = NULL, *it;
	struct scatterlist *sg;
	int left = nents;

	for (sg = dma_sg_first(sgl, left); sg; sg = dma_sg_next(sg, --left)) {
		u64 start = sg_dma_address(sg);
		u64 end = start + sg_dma_len(sg);

		if (is_behind_last(sg))
			break;
		nr_segments++;
		while (start < end) {
			it = dma_rehearse_take_any(dev, start, end);
			if (!it)
				break;
			nr_found++;
			it->next = first;
			first = it;
			start = (u64)it->dma_addr + it->size;
		}
	}
	first = take_notes(dev, sgl, nents, first, &nr_entries, &nr_found);
	/* One that was mapped before all this counts by its segments. */
	if (nr_found < nr_entries)
		dma_rehearse_drop_unknown(nr_found ? nr_entries - nr_found :
						     nr_segments);
	return first;
}

/**
 * dma_rehearse_end_sg - the list of shadows was unmapped
 * @chain: taken
 * @attrs: DMA_ATTR_*
 *
 * Context: any.
 */
void dma_rehearse_end_sg(struct dma_rehearsal *chain, unsigned long attrs)
{
	while (chain) {
		struct dma_rehearsal *it = chain;

		chain = it->next;
		dma_rehearse_end(it, attrs);
	}
}

/**
 * dma_rehearse_sync_sg - a list is handed over
 * @dev: the device
 * @sgl: the list
 * @nents: number of entries
 * @for_cpu: to the CPU; else to the device
 *
 * Context: any; for the CPU after the route's own work, for the device before.
 */
void dma_rehearse_sync_sg(struct device *dev, struct scatterlist *sgl,
			  int nents, bool for_cpu)
{
	struct scatterlist *sg;
	int left = nents;

	for (sg = dma_sg_first(sgl, left); sg; sg = dma_sg_next(sg, --left)) {
		if (is_behind_last(sg))
			break;
		dma_rehearse_sync(dev, sg_dma_address(sg), sg_dma_len(sg),
				  for_cpu);
	}
}

/**
 * dma_rehearse_note_sg - note a list that is mapped for as long as it lives
 * @dev: the device
 * @sgl: the list
 * @nents: number of entries
 * @dir: direction
 *
 * Context: any.
 */
void dma_rehearse_note_sg(struct device *dev, struct scatterlist *sgl, int nents,
			  enum dma_data_direction dir)
{
	struct place place = { .sg = sgl };
	struct scatterlist *sg;
	int left = nents;

	for (sg = dma_sg_first(sgl, left); sg; sg = dma_sg_next(sg, --left))
		dma_rehearse_note(dev, sg_phys(sg), sg->length, dir,
				  advance(&place, sg->length));
}

/**
 * dma_rehearse_drop_sg - such a list is freed
 * @dev: the device
 * @sgl: the list
 * @nents: number of entries
 *
 * Context: any.
 */
void dma_rehearse_drop_sg(struct device *dev, struct scatterlist *sgl,
			  int nents)
{
	dma_rehearse_end_sg(dma_rehearse_take_sg(dev, sgl, nents),
			    DMA_ATTR_SKIP_CPU_SYNC);
}
