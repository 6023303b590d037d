/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the layer tells about itself: pools as they appear, and debugfs.
 */
#ifndef _KERNEL_DMA_STAT_H
#define _KERNEL_DMA_STAT_H

#include <linux/list.h>
#include <linux/types.h>

struct seq_file;

/**
 * struct dma_pool_figures - how a pool fares
 * @size: bytes in all
 * @used: bytes that someone holds
 * @peak: the most that was ever handed out, in bytes
 * @largest: largest free piece in bytes
 * @idle: bytes that are ready and free, and so missed elsewhere; 0 for fixed memory
 * @served: how often a piece was taken from it
 * @refused: how often there was none
 * @nr_users: devices bound to it
 */
struct dma_pool_figures {
	size_t		size;
	size_t		used;
	size_t		peak;
	size_t		largest;
	size_t		idle;
	unsigned long	served;
	unsigned long	refused;
	unsigned int	nr_users;
};

/**
 * struct dma_pool_info - a pool, as people see it
 * @list: (s) all pools
 * @name: its own name
 * @kind: the backend it feeds
 * @users: who may use it, in words
 * @base: physical address; 0 where it is scattered
 * @size: bytes at boot
 * @figures: fills in the figures; called under (s), must not sleep
 *
 * (s): the lock of the list of pools.
 */
struct dma_pool_info {
	struct list_head	list;
	const char		*name;
	const char		*kind;
	const char		*users;
	phys_addr_t		base;
	size_t			size;
	void			(*figures)(struct dma_pool_info *pool,
					   struct dma_pool_figures *figures);
};

void dma_stat_add_pool(struct dma_pool_info *pool);
void dma_stat_remove_pool(struct dma_pool_info *pool);
void dma_stat_add_lost(size_t size);
long dma_stat_lost(void);
void dma_stat_show_pools(struct seq_file *seq);

#endif /* _KERNEL_DMA_STAT_H */
