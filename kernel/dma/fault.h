/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Should this call fail, because somebody asked for it?
 *
 * Every entry point that can fail asks in one line, before it takes anything,
 * and nothing else in the layer knows of it.  See fault.c.
 */
#ifndef _KERNEL_DMA_FAULT_H
#define _KERNEL_DMA_FAULT_H

#include <linux/dma-fault.h>
#include <linux/dma-mapping.h>
#include <linux/gfp_types.h>
#include <linux/jump_label.h>

struct scatterlist;

#ifdef CONFIG_FAIL_DMA
DECLARE_STATIC_KEY_FALSE(dma_fault_key);

bool dma_fault_hits(struct device *dev, unsigned int kind, size_t size,
		    bool is_quiet);
bool dma_fault_hits_sg(struct device *dev, struct scatterlist *sgl, int nents,
		       bool is_quiet);

static __always_inline bool dma_has_faults(void)
{
	return static_branch_unlikely(&dma_fault_key);
}
#else
static inline bool dma_fault_hits(struct device *dev, unsigned int kind,
				  size_t size, bool is_quiet)
{
	return false;
}

static inline bool dma_fault_hits_sg(struct device *dev,
				     struct scatterlist *sgl, int nents,
				     bool is_quiet)
{
	return false;
}

static __always_inline bool dma_has_faults(void)
{
	return false;
}
#endif

static __always_inline bool dma_should_fail_map(struct device *dev, size_t size,
						unsigned long attrs)
{
	return dma_has_faults() &&
	       dma_fault_hits(dev, DMA_FAULT_MAP, size,
			      attrs & DMA_ATTR_NO_WARN);
}

static __always_inline bool dma_should_fail_map_sg(struct device *dev,
						   struct scatterlist *sgl,
						   int nents,
						   unsigned long attrs)
{
	return dma_has_faults() &&
	       dma_fault_hits_sg(dev, sgl, nents, attrs & DMA_ATTR_NO_WARN);
}

static __always_inline bool dma_should_fail_alloc(struct device *dev,
						  size_t size, gfp_t gfp,
						  unsigned long attrs)
{
	return dma_has_faults() &&
	       dma_fault_hits(dev, DMA_FAULT_ALLOC, size,
			      (gfp & __GFP_NOWARN) ||
			      (attrs & DMA_ATTR_NO_WARN));
}

#endif /* _KERNEL_DMA_FAULT_H */
