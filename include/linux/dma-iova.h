/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mapping in two steps: get I/O addresses, then link memory into them.
 *
 * For drivers that have many pieces of memory and no scatterlist.  In short:
 *
 *	if (dma_iova_try_alloc(dev, &state, phys, size)) {
 *		for each piece:
 *			dma_iova_link(dev, &state, phys, offset, len, dir, 0);
 *		dma_iova_sync(dev, &state, 0, size);
 *		...the device works with state.addr...
 *		dma_iova_destroy(dev, &state, size, dir, 0);
 *	} else {
 *		for each piece:
 *			dma_map_page(dev, ...);
 *	}
 *
 * Names and meaning are those of later kernels.
 */
#ifndef _LINUX_DMA_IOVA_H
#define _LINUX_DMA_IOVA_H

#include <linux/device.h>
#include <linux/dma-direction.h>
#include <linux/errno.h>
#include <linux/types.h>

/**
 * struct dma_iova_state - a range of I/O addresses
 * @addr: where the device sees its first byte
 * @size: in bytes; 0: there is no range
 * @missing: bytes that were linked and could not be unlinked; drivers leave it
 *	alone
 */
struct dma_iova_state {
	dma_addr_t	addr;
	size_t		size;
	size_t		missing;
};

/**
 * dma_use_iova - is there a range?
 * @state: filled in by dma_iova_try_alloc()
 *
 * Context: any.
 * Return: true if so; false if its driver uses dma_map_page().
 */
static inline bool dma_use_iova(const struct dma_iova_state *state)
{
	return state->size;
}

/**
 * dma_iova_size - how large a range is
 * @state: the range
 *
 * Context: any.
 * Return: bytes.
 */
static inline size_t dma_iova_size(const struct dma_iova_state *state)
{
	return state->size;
}

#ifdef CONFIG_IOMMU_DMA
bool dma_iova_try_alloc(struct device *dev, struct dma_iova_state *state,
			phys_addr_t phys, size_t size);
void dma_iova_free(struct device *dev, struct dma_iova_state *state);
int dma_iova_link(struct device *dev, struct dma_iova_state *state,
		  phys_addr_t phys, size_t offset, size_t size,
		  enum dma_data_direction dir, unsigned long attrs);
int dma_iova_sync(struct device *dev, struct dma_iova_state *state,
		  size_t offset, size_t size);
void dma_iova_unlink(struct device *dev, struct dma_iova_state *state,
		     size_t offset, size_t size, enum dma_data_direction dir,
		     unsigned long attrs);
void dma_iova_destroy(struct device *dev, struct dma_iova_state *state,
		      size_t mapped_len, enum dma_data_direction dir,
		      unsigned long attrs);
#else
static inline bool dma_iova_try_alloc(struct device *dev,
				      struct dma_iova_state *state,
				      phys_addr_t phys, size_t size)
{
	*state = (struct dma_iova_state) {};
	return false;
}

static inline void dma_iova_free(struct device *dev,
				 struct dma_iova_state *state)
{
}

static inline int dma_iova_link(struct device *dev,
				struct dma_iova_state *state, phys_addr_t phys,
				size_t offset, size_t size,
				enum dma_data_direction dir,
				unsigned long attrs)
{
	return -EOPNOTSUPP;
}

static inline int dma_iova_sync(struct device *dev,
				struct dma_iova_state *state, size_t offset,
				size_t size)
{
	return -EOPNOTSUPP;
}

static inline void dma_iova_unlink(struct device *dev,
				   struct dma_iova_state *state, size_t offset,
				   size_t size, enum dma_data_direction dir,
				   unsigned long attrs)
{
}

static inline void dma_iova_destroy(struct device *dev,
				    struct dma_iova_state *state,
				    size_t mapped_len,
				    enum dma_data_direction dir,
				    unsigned long attrs)
{
}
#endif /* CONFIG_IOMMU_DMA */

#endif /* _LINUX_DMA_IOVA_H */
