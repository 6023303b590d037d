/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CMA areas that serve DMA.
 */
#ifndef _KERNEL_DMA_CONTIGUOUS_H
#define _KERNEL_DMA_CONTIGUOUS_H

#include <linux/atomic.h>
#include <linux/init.h>
#include <linux/types.h>

#include "arena.h"
#include "backend.h"
#include "stat.h"

struct cma;
struct device;
struct reserved_mem;

/**
 * struct dma_cma_area - a CMA area and how it fares under DMA
 * @info: as people see it
 * @cma: the area; NULL marks the end of the table
 * @plain: extents of pages as they are
 * @prepared: extents that are decrypted and uncached
 * @used: bytes that DMA holds now
 * @peak: the most it ever held, in bytes
 * @served: requests served
 * @refused: requests refused
 * @waited: requests served after a while, because pages were busy
 * @nr_users: devices bound to it
 */
struct dma_cma_area {
	struct dma_pool_info	info;
	struct cma		*cma;
	struct dma_arena	plain;
	struct dma_arena	prepared;
	atomic_long_t		used;
	atomic_long_t		peak;
	atomic_long_t		served;
	atomic_long_t		refused;
	atomic_long_t		waited;
	atomic_t		nr_users;
};

/**
 * struct dma_cma_room - what CMA has left of an area
 * @nr_free: pages that nobody has taken
 * @nr_largest: pages in the largest run of these
 */
struct dma_cma_room {
	unsigned long	nr_free;
	unsigned long	nr_largest;
};

/* contiguous.c: what every backend made of areas does alike */
const char *dma_cma_area_decline(const struct dma_cma_area *area,
				 const struct dma_request *req);
int dma_cma_area_try(struct dma_cma_area *area, const struct dma_request *req,
		     struct dma_allocation *record);
int dma_cma_area_alloc(struct dma_cma_area *area,
		       const struct dma_request *req,
		       struct dma_allocation *record);
void dma_cma_area_free(struct dma_allocation *record);
void dma_cma_area_explain(const struct dma_cma_area *area,
			  struct seq_buf *text);

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

/* The kinds of areas, as people read them */
#define DMA_DEVICE_CMA		"device cma"
#define DMA_NODE_CMA		"node cma"
#define DMA_DEFAULT_CMA		"default cma"

/* contiguous_area.c */
unsigned int dma_cma_order(size_t size);
struct dma_cma_room dma_cma_room(const struct dma_cma_area *area);
extern struct dma_cma_cmdline dma_cma_cmdline;
struct dma_cma_area *dma_cma_area_of(const struct cma *cma);
struct dma_cma_area *dma_cma_at(unsigned int nr);
struct dma_cma_area *dma_cma_default(void);
struct dma_cma_area *dma_cma_set_default(struct cma *cma);
struct dma_cma_area *dma_cma_add(struct cma *cma, const char *kind,
				 const char *users);

/* Is a CMA area bound to the device? */
static inline bool dma_has_own_area(struct device *dev)
{
#ifdef CONFIG_DMA_CMA
	return unlikely(dev->cma_area) && dma_cma_area_of(dev->cma_area);
#else
	return false;
#endif
}

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
