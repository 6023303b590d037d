/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CMA areas that serve DMA.
 */
#ifndef _KERNEL_DMA_CONTIGUOUS_H
#define _KERNEL_DMA_CONTIGUOUS_H

#include <linux/atomic.h>
#include <linux/init.h>
#include <linux/types.h>

#include "backend.h"
#include "stat.h"

struct cma;
struct device;
struct reserved_mem;

/**
 * struct dma_cma_area - a CMA area and how it fares under DMA
 * @info: as people see it
 * @cma: the area; NULL marks the end of the table
 * @used: bytes that DMA holds now
 * @peak: the most it ever held, in bytes
 * @served: requests served
 * @refused: requests refused
 * @nr_users: devices bound to it
 */
struct dma_cma_area {
	struct dma_pool_info	info;
	struct cma		*cma;
	atomic_long_t		used;
	atomic_long_t		peak;
	atomic_long_t		served;
	atomic_long_t		refused;
	atomic_t		nr_users;
};

/* contiguous.c: what every backend made of areas does alike */
int dma_cma_area_alloc(struct dma_cma_area *area,
		       const struct dma_request *req,
		       struct dma_allocation *record);
void dma_cma_area_free(struct dma_allocation *record);
void dma_cma_area_explain(const struct dma_cma_area *area,
			  struct seq_buf *text);
const char *dma_cma_shared_decline(const struct dma_cma_area *area,
				   const struct dma_request *req);

/**
 * struct dma_cma_cmdline - what cma=SIZE[@BASE[-END]] says
 * @size: in bytes
 * @base: lowest physical address; 0 for anywhere
 * @end: highest physical address, exclusive; 0 for none
 * @is_given: it says anything
 * @has_place: it says where
 * @is_fixed: exactly at @base
 */
struct dma_cma_cmdline {
	phys_addr_t	size;
	phys_addr_t	base;
	phys_addr_t	end;
	bool		is_given;
	bool		has_place;
	bool		is_fixed;
};

/* contiguous_boot.c */
extern struct dma_cma_cmdline dma_cma_cmdline;
struct dma_cma_area *dma_cma_area_of(const struct cma *cma);
struct dma_cma_area *dma_cma_at(unsigned int nr);
struct dma_cma_area *dma_cma_default(void);
struct dma_cma_area *dma_cma_set_default(struct cma *cma);
struct dma_cma_area *dma_cma_add(struct cma *cma, const char *kind,
				 const char *users);

/* contiguous_node.c, and what reserved.c needs besides */
#ifdef CONFIG_DMA_CMA
int dma_cma_add_node(struct reserved_mem *rmem, bool is_default);
bool dma_cma_is_second(void);
int dma_cma_bind(struct device *dev, struct dma_cma_area *area);
#else
static inline int dma_cma_add_node(struct reserved_mem *rmem, bool is_default)
{
	return -EOPNOTSUPP;
}

static inline bool dma_cma_is_second(void)
{
	return false;
}

static inline int dma_cma_bind(struct device *dev, struct dma_cma_area *area)
{
	return -EOPNOTSUPP;
}
#endif

#if defined(CONFIG_DMA_CMA) && defined(CONFIG_OF_RESERVED_MEM)
bool dma_cma_node_is_to_come(phys_addr_t size);
#else
static inline bool dma_cma_node_is_to_come(phys_addr_t size)
{
	return false;
}
#endif

/* contiguous_numa.c */
#ifdef CONFIG_DMA_NUMA_CMA
void dma_cma_reserve_nodes(void);
#else
static inline void dma_cma_reserve_nodes(void)
{
}
#endif

/* Kconfig leaves out the half of the default size that it does not use. */
#ifdef CONFIG_CMA_SIZE_MBYTES
#define DMA_CMA_MBYTES		CONFIG_CMA_SIZE_MBYTES
#else
#define DMA_CMA_MBYTES		0
#endif

#ifdef CONFIG_CMA_SIZE_PERCENTAGE
#define DMA_CMA_PERCENTAGE	CONFIG_CMA_SIZE_PERCENTAGE
#else
#define DMA_CMA_PERCENTAGE	0
#endif

#endif /* _KERNEL_DMA_CONTIGUOUS_H */
