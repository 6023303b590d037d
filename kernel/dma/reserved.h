/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reserved-memory nodes that come to nothing: what is wrong, and telling it.
 */
#ifndef _KERNEL_DMA_RESERVED_H
#define _KERNEL_DMA_RESERVED_H

#include <linux/init.h>
#include <linux/types.h>

struct device;
struct reserved_mem;
struct reserved_mem_ops;

enum dma_node_value {
	DMA_NODE_IS_PRESENT,
	DMA_NODE_IS_MISSING,
	DMA_NODE_BASE,
	DMA_NODE_SIZE,
};

enum dma_node_unit {
	DMA_NODE_NO_UNIT,
	DMA_NODE_PAGE,
	DMA_NODE_CMA_MINIMUM,
};

/* What becomes of the memory of a node that comes to nothing */
enum dma_node_fate {
	DMA_NODE_KEPT,		/* if it has a reg and is not just reusable */
	DMA_NODE_GIVEN_BACK,	/* in any case */
	DMA_NODE_HAD_NONE,	/* nothing was reserved: it is somebody else's */
};

/**
 * struct dma_node_fault - what is wrong with a node
 * @property: the property to look at
 * @value: which value of it to show
 * @needed: what is expected
 * @unit: of what the value has to be a multiple
 * @fate: of its memory
 */
struct dma_node_fault {
	const char		*property;
	enum dma_node_value	value;
	const char		*needed;
	enum dma_node_unit	unit;
	enum dma_node_fate	fate;
};

void dma_node_complain(struct device *dev, const char *name, phys_addr_t base,
		       phys_addr_t size, const struct dma_node_fault *fault);
int dma_node_reject(struct reserved_mem *rmem,
		    const struct dma_node_fault *fault,
		    const struct reserved_mem_ops *ops);
bool dma_node_has(const struct reserved_mem *rmem, const char *property);
void dma_node_warn(const struct reserved_mem *rmem,
		   const struct dma_node_fault *fault);
const struct dma_node_fault *dma_node_cma_fault(struct reserved_mem *rmem);
const struct dma_node_fault *dma_node_pool_fault(struct reserved_mem *rmem);
const struct dma_node_fault *dma_node_size_fault(bool is_reusable);
bool dma_node_is_area(struct reserved_mem *rmem);
bool dma_node_keeps_memory(const struct dma_node_fault *fault, bool has_reg,
			   bool is_reusable, bool is_nomap);
bool dma_node_is_in_kernel(phys_addr_t base, phys_addr_t size);

/* swiotlb/dt.c */
#ifdef CONFIG_DMA_RESTRICTED_POOL
bool swiotlb_denies(const struct reserved_mem_ops *ops);
void swiotlb_deny(struct device *dev, const char *name);
#else
static inline bool swiotlb_denies(const struct reserved_mem_ops *ops)
{
	return false;
}

static inline void swiotlb_deny(struct device *dev, const char *name)
{
}
#endif

#endif /* _KERNEL_DMA_RESERVED_H */
