// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scatterlists through an IOMMU: one range of I/O addresses for a whole list.
 *
 * The entries follow each other in the range, each rounded to whole granules,
 * and a gap is left where one would cross the device's segment boundary.  So
 * entries that fill their granules become neighbours for the device, and are
 * merged up to its largest segment.
 *
 * The list is walked twice, by the same arithmetic: once to know how long the
 * range has to be, once to map it and to write down the device's segments.
 * What the driver put into the list (page, offset, length) is never touched.
 * Physically contiguous entries are mapped by one call, and the IOMMU is told
 * of the new entries once.
 *
 * Lists whose entries have to be copied, one by one, are marked so in their
 * first entry.  Entries that are memory of a PCI peer below the same switch
 * are not mapped at all.
 *
 * No locks.
 */
#include <linux/dma-cache.h>
#include <linux/dma-sg.h>
#include <linux/iommu-dma.h>
#include <linux/iommu.h>
#include <linux/pci-p2pdma.h>
#include <linux/scatterlist.h>

#include "bounce.h"
#include "domain.h"
#include "map.h"
#include "shadow.h"

/**
 * struct dma_sg_layout - where the entries of a list lie in its range
 * @granule_mask: of the IOMMU
 * @boundary_mask: no segment of the device crosses this; 0: the list is too
 *	short for that
 * @max_seg: the device's largest segment, in bytes
 * @end: bytes of the range used up so far
 */
struct dma_sg_layout {
	size_t		granule_mask;
	size_t		boundary_mask;
	size_t		max_seg;
	size_t		end;
};

/**
 * struct dma_sg_run - physically contiguous entries that are not mapped yet
 * @phys: where they begin, a multiple of the granule
 * @at: where in the range
 * @size: in bytes
 */
struct dma_sg_run {
	phys_addr_t	phys;
	size_t		at;
	size_t		size;
};

/**
 * struct dma_sg_walk - the second walk over a list
 * @cookie: the domain
 * @layout: as far as it got
 * @run: what is to be mapped next
 * @base: I/O address of the range
 * @prot: IOMMU_*
 * @segment: the device's current segment; NULL: none yet
 * @nr_segments: how many there are
 * @segment_end: where in the range the current one ends
 */
struct dma_sg_walk {
	struct iommu_dma_cookie	*cookie;
	struct dma_sg_layout	layout;
	struct dma_sg_run	run;
	dma_addr_t		base;
	int			prot;
	struct scatterlist	*segment;
	unsigned int		nr_segments;
	size_t			segment_end;
};

static struct dma_sg_layout new_layout(const struct iommu_dma_cookie *cookie,
				       struct device *dev)
{
	return (struct dma_sg_layout) {
		.granule_mask	= dma_domain_granule(cookie) - 1,
		.max_seg	= dma_get_max_seg_size(dev),
	};
}

/*
 * Where in the range the next entry begins, by its first granule.  The range
 * is aligned to a power of two that holds it, so a place in it tells where
 * boundaries are.
 */
static __always_inline size_t
place(struct dma_sg_layout *layout, phys_addr_t phys, size_t size)
{
	size_t offset = phys & layout->granule_mask;
	size_t whole = (offset + size + layout->granule_mask) &
		       ~layout->granule_mask;
	size_t at = layout->end, left;

	if (unlikely(layout->boundary_mask)) {
		/* Bytes up to the next boundary; 0 if that is beyond size_t. */
		left = ((layout->boundary_mask - at) + 1) &
		       layout->boundary_mask;
		if (left && left < offset + size)
			at += left;
	}
	layout->end = at + whole;
	return at;
}

/* Entries that the device reaches without the IOMMU. */
static int sort_out(struct device *dev, struct pci_p2pdma_map_state *p2pdma,
		    struct scatterlist *sg)
{
	if (!IS_ENABLED(CONFIG_PCI_P2PDMA))
		return 0;
	if (!dma_page_is_peer(sg_page(sg))) {
		sg_dma_unmark_bus_address(sg);
		return 0;
	}
	switch (pci_p2pdma_map_segment(p2pdma, dev, sg)) {
	case PCI_P2PDMA_MAP_BUS_ADDR:
		return 0;	/* and sg is marked, and has its address */
	case PCI_P2PDMA_MAP_THRU_HOST_BRIDGE:
		sg_dma_unmark_bus_address(sg);
		return 0;
	default:
		return -EREMOTEIO;
	}
}

static __always_inline bool is_on_bus(struct scatterlist *sg)
{
	return IS_ENABLED(CONFIG_PCI_P2PDMA) && sg_dma_is_bus_address(sg);
}

/* The first walk: how long the range has to be; 0 or a negative error. */
static int measure(struct device *dev, struct scatterlist *sgl, int nents,
		   struct dma_sg_layout *layout)
{
	struct pci_p2pdma_map_state p2pdma = {};
	struct dma_sg_layout at = *layout;
	struct scatterlist *sg;
	int left = nents, err;

	for (sg = dma_sg_first(sgl, left); sg; sg = dma_sg_next(sg, --left)) {
		size_t before = at.end;

		err = sort_out(dev, &p2pdma, sg);
		if (unlikely(err))
			return err;
		if (is_on_bus(sg) || !sg->length)
			continue;
		place(&at, sg_phys(sg), sg->length);
		/* Where size_t is short, a list can be longer than that. */
		if (!IS_ENABLED(CONFIG_64BIT) && at.end < before)
			return -EINVAL;
	}
	layout->end = at.end;
	return dma_sg_check_left(dev, nents, left);
}

/* Map what is contiguous so far; run.at tells then up to where all is mapped. */
static __always_inline int map_run(struct dma_sg_walk *walk)
{
	size_t done;
	int err;

	if (!walk->run.size)
		return 0;
	err = dma_io_set(walk->cookie, walk->base + walk->run.at,
			 walk->run.phys, walk->run.size, walk->prot,
			 GFP_ATOMIC, &done);
	walk->run.at += done;
	walk->run.size -= done;
	return err;
}

/* Add an entry of @size bytes at @at in the range to the run, or begin one. */
static __always_inline int extend_run(struct dma_sg_walk *walk, phys_addr_t phys, size_t at)
{
	size_t offset = phys & walk->layout.granule_mask;
	struct dma_sg_run *run = &walk->run;
	int err;

	phys -= offset;
	if (run->size && run->phys + run->size == phys &&
	    run->at + run->size == at) {
		run->size = walk->layout.end - run->at;
		return 0;
	}
	err = map_run(walk);
	if (err)
		return err;
	*run = (struct dma_sg_run) {
		.phys	= phys,
		.at	= at,
		.size	= walk->layout.end - at,
	};
	return 0;
}

static __always_inline void begin_segment(struct dma_sg_walk *walk, struct scatterlist *sgl,
					  dma_addr_t addr, size_t size)
{
	walk->segment = walk->segment ? sg_next(walk->segment) : sgl;
	walk->nr_segments++;
	sg_dma_address(walk->segment) = addr;
	sg_dma_len(walk->segment) = size;
}

/* Can @size bytes at @start in the range be a part of the current segment? */
static __always_inline bool
continues_segment(const struct dma_sg_walk *walk, size_t start,
		  size_t size)
{
	const struct dma_sg_layout *layout = &walk->layout;

	return walk->segment && walk->segment_end == start &&
	       !(start & layout->granule_mask) &&
	       (!layout->boundary_mask || (start & layout->boundary_mask)) &&
	       sg_dma_len(walk->segment) + size <= layout->max_seg &&
	       !sg_dma_is_bus_address(walk->segment);
}

static __always_inline void add_to_segments(struct dma_sg_walk *walk, struct scatterlist *sgl,
					    size_t start, size_t size)
{
	if (continues_segment(walk, start, size)) {
		sg_dma_len(walk->segment) += size;
	} else {
		begin_segment(walk, sgl, walk->base + start, size);
		sg_dma_unmark_bus_address(walk->segment);
	}
	walk->segment_end = start + size;
}

static __always_inline void add_bus_segment(struct dma_sg_walk *walk, struct scatterlist *sgl,
					    struct scatterlist *sg)
{
	begin_segment(walk, sgl, sg_dma_address(sg), sg->length);
	sg_dma_mark_bus_address(walk->segment);
	walk->segment_end = 0;
}

/* The second walk.  Returns 0, or a negative error with run.at mapped. */
static __always_inline int map_all(struct dma_sg_walk *walk, struct scatterlist *sgl, int nents)
{
	struct scatterlist *sg;
	int left = nents, err;

	for (sg = dma_sg_first(sgl, left); sg; sg = dma_sg_next(sg, --left)) {
		phys_addr_t phys = sg_phys(sg);
		size_t length = sg->length, at;

		if (is_on_bus(sg)) {
			add_bus_segment(walk, sgl, sg);
			continue;
		}
		if (!length)
			continue;
		at = place(&walk->layout, phys, length);
		err = extend_run(walk, phys, at);
		if (err)
			return err;
		add_to_segments(walk, sgl,
				at + (phys & walk->layout.granule_mask),
				length);
	}
	return map_run(walk);
}

/* An entry behind the last segment says that there are no more. */
static void end_segments(struct dma_sg_walk *walk, struct scatterlist *sgl,
			 int nents)
{
	struct scatterlist *next;

	if (walk->nr_segments >= nents)
		return;
	next = walk->segment ? sg_next(walk->segment) : sgl;
	sg_dma_address(next) = DMA_MAPPING_ERROR;
	sg_dma_len(next) = 0;
}

static void forget_segments(struct scatterlist *sgl, int nents)
{
	struct scatterlist *sg;
	int left = nents;

	for (sg = dma_sg_first(sgl, left); sg; sg = dma_sg_next(sg, --left)) {
		sg_dma_unmark_bus_address(sg);
		sg_dma_address(sg) = DMA_MAPPING_ERROR;
		sg_dma_len(sg) = 0;
	}
}

static void clear(struct iommu_dma_cookie *cookie, dma_addr_t first,
		  dma_addr_t end, struct dma_io_range *range)
{
	if (first != end)
		dma_io_clear_part(cookie, first, end - first, false, range);
}

/*
 * End the mapping of what lies in the segments, up to @end.  There is a hole
 * where a boundary was kept clear of, so the range can't be cleared at once.
 */
static void clear_segments(struct iommu_dma_cookie *cookie,
			   struct scatterlist *sgl, int nents, dma_addr_t end,
			   struct dma_io_range *range)
{
	dma_addr_t first = 0, last = 0;
	struct scatterlist *sg;
	int left = nents;

	for (sg = dma_sg_first(sgl, left); sg; sg = dma_sg_next(sg, --left)) {
		dma_addr_t addr = sg_dma_address(sg), next;
		size_t offset = dma_domain_offset(cookie, addr);

		if (!sg_dma_len(sg))
			break;
		if (sg_dma_is_bus_address(sg))
			continue;
		addr -= offset;
		if (addr >= end)
			break;
		next = addr + dma_domain_align(cookie,
					       offset + sg_dma_len(sg));
		if (addr != last) {
			clear(cookie, first, last, range);
			first = addr;
		}
		last = min(next, end);
	}
	clear(cookie, first, last, range);
}

/* Of @size bytes from @base on, which hold the segments, @done are mapped. */
static noinline void undo_range(struct iommu_dma_cookie *cookie,
				struct device *dev, struct scatterlist *sgl,
				int nr_segments, dma_addr_t base, size_t size,
				size_t done)
{
	struct dma_io_range range __uninitialized;

	if (!done) {
		dma_io_put(cookie, base, size);
		return;
	}
	dma_io_begin(cookie, &range);
	clear_segments(cookie, sgl, nr_segments, base + done, &range);
	dma_io_end(cookie, dev, base, size, &range);
}

static int map_range(struct iommu_dma_cookie *cookie, struct device *dev,
		     struct scatterlist *sgl, int nents,
		     const struct dma_sg_layout *layout, int prot)
{
	struct dma_sg_walk walk = {
		.cookie	= cookie,
		.layout	= *layout,
		.prot	= prot,
	};
	size_t size = layout->end;
	int err;

	walk.layout.end = 0;
	if (size) {
		walk.base = dma_io_get(cookie, dev, size, *dev->dma_mask);
		if (!walk.base)
			return -ENOMEM;
	}
	err = map_all(&walk, sgl, nents);
	if (unlikely(err)) {
		undo_range(cookie, dev, sgl, walk.nr_segments, walk.base, size,
			   walk.run.at);
		return err;
	}
	err = size ? dma_io_set_done(cookie, walk.base, size) : 0;
	if (unlikely(err)) {
		undo_range(cookie, dev, sgl, walk.nr_segments, walk.base, size,
			   size);
		return err;
	}
	end_segments(&walk, sgl, nents);
	return walk.nr_segments;
}

static void unmap_singly(struct device *dev, struct scatterlist *sgl, int nents,
			 enum dma_data_direction dir, unsigned long attrs)
{
	struct scatterlist *sg;
	int i;

	for_each_sg(sgl, sg, nents, i)
		if (sg_dma_len(sg))
			iommu_dma_unmap_page(dev, sg_dma_address(sg),
					     sg_dma_len(sg), dir, attrs);
}

/* Entries that are handed to the device one by one, by a copy. */
static int map_singly(struct device *dev, struct scatterlist *sgl, int nents,
		      enum dma_data_direction dir, unsigned long attrs)
{
	struct scatterlist *sg;
	int i;

	for_each_sg(sgl, sg, nents, i) {
		sg_dma_unmark_bus_address(sg);
		sg_dma_address(sg) = DMA_MAPPING_ERROR;
		sg_dma_len(sg) = sg->length;
		if (!sg->length)
			continue;	/* for the driver to step over, as it did */
		sg_dma_address(sg) = iommu_dma_map_page(dev, sg_page(sg),
							sg->offset, sg->length,
							dir, attrs);
		if (sg_dma_address(sg) == DMA_MAPPING_ERROR)
			goto undo;
	}
	sg_dma_mark_swiotlb(sgl);
	return nents;
undo:
	unmap_singly(dev, sgl, i, dir, attrs | DMA_ATTR_SKIP_CPU_SYNC);
	return -ENOMEM;
}

/*
 * Is any entry one that has to be copied, or all together so few?  1 or 0; a
 * negative error for what can't be handed to the device at all: memory of a PCI
 * peer beside what has to be copied.
 */
static int must_map_singly(struct iommu_dma_cookie *cookie, struct device *dev,
			   struct scatterlist *sgl, int nents,
			   enum dma_data_direction dir, unsigned long attrs)
{
	bool may_bounce = dma_may_have_bounced(dev);
	bool must_bounce = false, has_p2pdma = false;
	struct scatterlist *sg;
	size_t size = 0;
	int left = nents;

	if (!IS_ENABLED(CONFIG_NEED_SG_DMA_FLAGS))
		return 0;	/* and nowhere to note it */
	if (likely(!may_bounce &&
		   !dma_wants_shadow(cookie, dev, sgl->length, attrs)))
		return 0;
	for (sg = dma_sg_first(sgl, left); sg; sg = dma_sg_next(sg, --left)) {
		if (!sg->length)
			continue;
		if (dma_page_is_peer(sg_page(sg)))
			has_p2pdma = true;
		else
			must_bounce |= dma_must_bounce(cookie, dev, sg_phys(sg),
						       sg->length, dir);
		size += sg->length;
		if (!may_bounce && !dma_wants_shadow(cookie, dev, size, attrs))
			return 0;
	}
	if (unlikely(must_bounce && has_p2pdma)) {
		dev_warn_ratelimited(dev, "a list with memory of a PCI peer and %zu bytes in all: expected no buffer in it that has to be bounced\n",
				     size);
		return -EREMOTEIO;
	}
	return must_bounce || (!has_p2pdma &&
			       dma_wants_shadow(cookie, dev, size, attrs));
}

static void to_device(struct scatterlist *sgl, int nents,
		      enum dma_data_direction dir)
{
	struct scatterlist *sg;
	int left = nents;

	for (sg = dma_sg_first(sgl, left); sg; sg = dma_sg_next(sg, --left))
		dma_cache_to_device(sg_phys(sg), sg->length, dir);
}

static void to_cpu(struct scatterlist *sgl, int nents,
		   enum dma_data_direction dir)
{
	struct scatterlist *sg;
	int i;

	dma_cache_to_cpu_begin();
	for_each_sg(sgl, sg, nents, i)
		dma_cache_to_cpu(sg_phys(sg), sg->length, dir);
}

static int map_list(struct iommu_dma_cookie *cookie, struct device *dev,
		    struct scatterlist *sgl, int nents,
		    enum dma_data_direction dir, unsigned long attrs)
{
	struct dma_sg_layout layout = new_layout(cookie, dev);
	int ret;

	ret = must_map_singly(cookie, dev, sgl, nents, dir, attrs);
	if (unlikely(ret))
		return ret < 0 ? ret : map_singly(dev, sgl, nents, dir, attrs);

	if (dma_dev_must_flush(dev, attrs))
		to_device(sgl, nents, dir);
	ret = measure(dev, sgl, nents, &layout);
	if (unlikely(!ret && layout.end &&
		     layout.end - 1 > dma_get_seg_boundary(dev))) {
		/* Once more, with gaps where segments would cross it. */
		layout.end = 0;
		layout.boundary_mask = dma_get_seg_boundary(dev);
		ret = measure(dev, sgl, nents, &layout);
	}
	if (!ret)
		ret = map_range(cookie, dev, sgl, nents, &layout,
				dma_io_prot(dev, dir, attrs));
	return ret ?: -EINVAL;
}

/**
 * iommu_dma_map_sg - hand a list to a device
 * @dev: the device
 * @sg: the list
 * @nents: number of entries
 * @dir: which way the data goes
 * @attrs: DMA_ATTR_*
 *
 * Context: any.
 * Return: how many entries hold the device's segments; -ENOMEM without
 * addresses or memory for page tables; -EREMOTEIO for memory of a PCI peer that
 * is out of reach; -EINVAL for any other reason.
 */
int iommu_dma_map_sg(struct device *dev, struct scatterlist *sg, int nents,
		     enum dma_data_direction dir, unsigned long attrs)
{
	struct iommu_dma_cookie *cookie = dma_domain_of(dev);
	int ret;

	if (unlikely(!cookie || nents < 1))
		return -EINVAL;
	dma_sg_unmark_copied(sg);
	ret = map_list(cookie, dev, sg, nents, dir, attrs);
	if (likely(ret > 0))
		return ret;
	forget_segments(sg, nents);
	return ret == -ENOMEM || ret == -EREMOTEIO ? ret : -EINVAL;
}

/* The range that the segments lie in: its start, and its end by @end. */
static dma_addr_t find_range(const struct iommu_dma_cookie *cookie,
			     struct scatterlist *sgl, int nents,
			     dma_addr_t *end)
{
	struct scatterlist *sg;
	dma_addr_t start = 0;
	int left = nents;

	*end = 0;
	for (sg = dma_sg_first(sgl, left); sg; sg = dma_sg_next(sg, --left)) {
		if (!sg_dma_len(sg))
			break;
		if (sg_dma_is_bus_address(sg))
			continue;
		if (!start)
			start = sg_dma_address(sg);
		*end = sg_dma_address(sg) + sg_dma_len(sg);
	}
	*end = ALIGN(*end, dma_domain_granule(cookie));
	return ALIGN_DOWN(start, dma_domain_granule(cookie));
}

/**
 * iommu_dma_unmap_sg - take a list back
 * @dev: the device
 * @sg: the list
 * @nents: number of entries as at mapping
 * @dir: as mapped
 * @attrs: DMA_ATTR_*
 *
 * Context: any.
 */
void iommu_dma_unmap_sg(struct device *dev, struct scatterlist *sg, int nents,
			enum dma_data_direction dir, unsigned long attrs)
{
	struct iommu_dma_cookie *cookie = dma_domain_serving(dev);
	struct dma_io_range range __uninitialized;
	dma_addr_t start, end;

	if (sg_dma_is_swiotlb(sg)) {
		unmap_singly(dev, sg, nents, dir, attrs);
		return;
	}
	if (dma_dev_must_flush(dev, attrs))
		to_cpu(sg, nents, dir);

	start = find_range(cookie, sg, nents, &end);
	if (!end)
		return;
	dma_io_begin(cookie, &range);
	clear_segments(cookie, sg, nents, end, &range);
	dma_io_end(cookie, dev, start, end - start, &range);
}

/**
 * iommu_dma_sync_sg_for_cpu - let the CPU look at a list
 * @dev: the device
 * @sgl: the list
 * @nelems: number of entries as at mapping
 * @dir: as mapped
 *
 * Context: any.
 */
void iommu_dma_sync_sg_for_cpu(struct device *dev, struct scatterlist *sgl,
			       int nelems, enum dma_data_direction dir)
{
	struct scatterlist *sg;
	int i;

	if (sg_dma_is_swiotlb(sgl)) {
		for_each_sg(sgl, sg, nelems, i)
			if (sg->length)
				iommu_dma_sync_single_for_cpu(dev,
							      sg_dma_address(sg),
							      sg->length, dir);
	} else if (!dev_is_dma_coherent(dev)) {
		to_cpu(sgl, nelems, dir);
	}
}

/**
 * iommu_dma_sync_sg_for_device - let the device look at a list again
 * @dev: the device
 * @sgl: the list
 * @nelems: number of entries as at mapping
 * @dir: as mapped
 *
 * Context: any.
 */
void iommu_dma_sync_sg_for_device(struct device *dev, struct scatterlist *sgl,
				  int nelems, enum dma_data_direction dir)
{
	struct scatterlist *sg;
	int i;

	if (sg_dma_is_swiotlb(sgl)) {
		for_each_sg(sgl, sg, nelems, i)
			if (sg->length)
				iommu_dma_sync_single_for_device(dev,
								 sg_dma_address(sg),
								 sg->length,
								 dir);
	} else if (!dev_is_dma_coherent(dev)) {
		to_device(sgl, nelems, dir);
	}
}
