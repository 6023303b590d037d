/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Walking a scatterlist, inline: sg_next() is a call for each entry.
 *
 *	for (sg = dma_sg_first(sgl, left); sg; sg = dma_sg_next(sg, --left))
 *
 * where @left starts as the number of entries, and is above 0 at the end if the
 * list has fewer.
 */
#ifndef _LINUX_DMA_SG_H
#define _LINUX_DMA_SG_H

#include <linux/dev_printk.h>
#include <linux/jump_label.h>
#include <linux/memremap.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>

DECLARE_STATIC_KEY_FALSE(dma_has_bare_lists);

/*
 * A list from dma_user_sgtable() may name memory that has no struct pages, and so
 * nothing to look into.
 */
static __always_inline bool dma_page_is_bare(const struct page *page)
{
	return static_branch_unlikely(&dma_has_bare_lists) &&
	       !pfn_valid(page_to_pfn(page));
}

/* Memory of a PCI peer? */
static __always_inline bool dma_page_is_peer(const struct page *page)
{
	return !dma_page_is_bare(page) && is_pci_p2pdma_page(page);
}

/* Is it memory that the kernel can use as any other? */
static inline bool dma_page_is_ordinary(const struct page *page)
{
	return !dma_page_is_bare(page) && !is_zone_device_page(page);
}

/* The next of @left entries; NULL behind the last, or where the list ends. */
static __always_inline struct scatterlist *dma_sg_next(struct scatterlist *sg,
						       int left)
{
	if (left <= 0 || unlikely(sg_is_last(sg)))
		return NULL;
	sg++;
	return unlikely(sg_is_chain(sg)) ? sg_chain_ptr(sg) : sg;
}

/* The first of @nents entries; NULL if there is none. */
static __always_inline struct scatterlist *dma_sg_first(struct scatterlist *sgl,
							int nents)
{
	return nents > 0 ? sgl : NULL;
}

/* How many of @nents entries a list has. */
static inline int dma_sg_count(struct scatterlist *sgl, int nents)
{
	struct scatterlist *sg;
	int left = max(nents, 0);

	for (sg = dma_sg_first(sgl, left); sg; sg = dma_sg_next(sg, --left))
		;
	return max(nents, 0) - left;
}

/* After a walk: were there as many as the driver said?  -EINVAL if not. */
static __always_inline int dma_sg_check_left(struct device *dev, int nents,
					     int left)
{
	if (likely(!left))
		return 0;
	dev_err_ratelimited(dev, "mapping %d entries of a list that has %d\n",
			    nents, nents - left);
	return -EINVAL;
}

#endif /* _LINUX_DMA_SG_H */
