/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the rehearsal share: see rehearse.c.
 */
#ifndef _KERNEL_DMA_DEBUG_REHEARSE_H
#define _KERNEL_DMA_DEBUG_REHEARSE_H

#include <linux/dma-mapping.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/stackdepot.h>

/**
 * struct dma_rehearsal - a mapping, and its shadow if it has one
 * @node: (t) in a tree by the device's address, once it is published
 * @line_node: (t) in the tree of all, by the cache lines that they touch
 * @first_line: the first of them
 * @last_line: the last of them
 * @last_below: (t) the last of all that are below it in that tree
 * @next: in a list, while it is mapped or unmapped
 * @nr_users: one for the mapping, and one for each call that uses it
 * @dev: the device
 * @dma_addr: where the device sees the shadow, or the buffer
 * @phys: of the buffer
 * @size: of the buffer, in bytes
 * @dir: direction
 * @nr: in a scatterlist, how many entries are left with this one
 * @stack: who made the mapping
 * @page: the buffer's first page; NULL without a shadow
 * @offset: of the buffer in @page
 * @pages: the shadow's memory, whole pages; NULL: it has none
 * @shadow: the shadow, as far into its page as the buffer is into its own
 * @seen: (d) what was in the shadow at the last call
 * @lock: calls for other parts of the mapping may come at the same time
 * @is_shared: (d) somebody else has mapped the buffer as well: no poison any more
 * @cpus: (d) a bit for each byte that belongs to the CPU
 *
 * (t): the lock of the trees, (d): @lock
 */
struct dma_rehearsal {
	struct rb_node		node;
	struct rb_node		line_node;
	u64			first_line;
	u64			last_line;
	u64			last_below;
	struct dma_rehearsal	*next;
	refcount_t		nr_users;
	struct device		*dev;
	dma_addr_t		dma_addr;
	phys_addr_t		phys;
	size_t			size;
	enum dma_data_direction	dir;
	int			nr;
	depot_stack_handle_t	stack;
	struct page		*page;
	size_t			offset;
	void			*pages;
	u8			*shadow;
	u8			*seen;
	spinlock_t		lock;	/* protects (d) */
	bool			is_shared;
	unsigned long		cpus[];
};

/* rehearse.c */
struct dma_rehearsal *dma_rehearse_make_note(struct device *dev,
					     phys_addr_t phys, size_t size,
					     enum dma_data_direction dir);
void dma_rehearse_give_up(struct dma_rehearsal *it);
void dma_rehearse_put(struct dma_rehearsal *it);
void dma_rehearse_join_all(struct dma_rehearsal *it);
void dma_rehearse_set_chosen(const char *name);

/* rehearse_find.c */
bool dma_rehearse_enter(struct dma_rehearsal *it);
void dma_rehearse_leave(struct dma_rehearsal *it);
struct dma_rehearsal *dma_rehearse_other(struct dma_rehearsal *it);
void dma_rehearse_add(struct dma_rehearsal *it);
struct dma_rehearsal *dma_rehearse_get_any(const struct device *dev, u64 start,
					   u64 end);
struct dma_rehearsal *dma_rehearse_take_any(const struct device *dev, u64 start,
					    u64 end);
struct dma_rehearsal *dma_rehearse_take_note(const struct device *dev,
					     dma_addr_t dma_addr, size_t size);
void dma_rehearse_add_unknown(void);
void dma_rehearse_drop_unknown(unsigned int nr);
bool dma_rehearse_is_noted(const struct device *dev, dma_addr_t dma_addr);

/* rehearse_note.c */
void dma_rehearse_note_all(void);

#endif /* _KERNEL_DMA_DEBUG_REHEARSE_H */
