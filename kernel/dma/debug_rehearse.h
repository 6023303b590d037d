/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the rehearsal share: see debug_rehearse.c.
 */
#ifndef _KERNEL_DMA_DEBUG_REHEARSE_H
#define _KERNEL_DMA_DEBUG_REHEARSE_H

#include <linux/dma-mapping.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/stackdepot.h>

/**
 * struct dma_rehearsal - a mapping and its shadow
 * @node: (t) in the tree of all that are published
 * @next: in a list, while it is mapped or unmapped
 * @nr_users: one for the mapping, and one for each call that uses it
 * @dev: the device
 * @dma_addr: where the device sees the shadow
 * @dir: direction
 * @page: the buffer's first page
 * @offset: of the buffer in @page
 * @size: of the buffer, in bytes
 * @nr: in a scatterlist, how many entries are left with this one
 * @stack: who made the mapping
 * @pages: the shadow's memory, whole pages
 * @shadow: the shadow, as far into its page as the buffer is into its own
 * @seen: (d) what was in the shadow at the last call
 * @lock: calls for other parts of the mapping may come at the same time
 * @cpus: (d) a bit for each byte that belongs to the CPU
 *
 * (t): tree_lock
 */
struct dma_rehearsal {
	struct rb_node		node;
	struct dma_rehearsal	*next;
	refcount_t		nr_users;
	struct device		*dev;
	dma_addr_t		dma_addr;
	enum dma_data_direction	dir;
	struct page		*page;
	size_t			offset;
	size_t			size;
	int			nr;
	depot_stack_handle_t	stack;
	void			*pages;
	u8			*shadow;
	u8			*seen;
	spinlock_t		lock;	/* protects (d) */
	unsigned long		cpus[];
};

struct dma_rehearsal *dma_rehearse_take_any(const struct device *dev, u64 start,
					    u64 end);

#endif /* _KERNEL_DMA_DEBUG_REHEARSE_H */
