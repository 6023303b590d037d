/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bounce buffers: memory that devices reach, for data that they don't.
 *
 * For architectures, which set the buffers up, and for the two parts of the
 * kernel that bounce by themselves: the DMA mapping layer and Xen.  How the
 * buffers are made is in kernel/dma/swiotlb/swiotlb.h.
 */
#ifndef _LINUX_SWIOTLB_H
#define _LINUX_SWIOTLB_H

#include <linux/device.h>
#include <linux/dma-direction.h>
#include <linux/init.h>
#include <linux/limits.h>
#include <linux/types.h>

struct io_tlb_pool;
struct page;

/* How swiotlb_init() is to work */
#define SWIOTLB_VERBOSE		BIT(0)	/* one line in the log */
#define SWIOTLB_FORCE		BIT(1)	/* every device bounces, always */
#define SWIOTLB_ANY		BIT(2)	/* above 4 GiB is as good as below */

/* The unit in which a buffer is handed out, 2 KiB */
#define IO_TLB_SHIFT		11
#define IO_TLB_SIZE		BIT(IO_TLB_SHIFT)

/* Of so many units (256 KiB) the size of a boot buffer is a multiple. */
#define IO_TLB_SEGSIZE		128

/* What an architecture that knows no better gets at most, in bytes */
#define IO_TLB_DEFAULT_SIZE	(64UL << 20)

/**
 * struct io_tlb_mem - what the hot path has to know of a device's buffers
 * @start: the first address of the pool that was there first
 * @size: of that pool, in bytes; 0: there is none
 * @force_bounce: all that the device maps is bounced
 * @for_alloc: consistent memory comes from here as well
 */
struct io_tlb_mem {
	phys_addr_t	start;
	size_t		size;
	bool		force_bounce;
	bool		for_alloc;
};

unsigned long swiotlb_size_or_default(void);
void __init swiotlb_init_remap(bool addressing_limit, unsigned int flags,
			       int (*remap)(void *tlb, unsigned long nslabs));
int swiotlb_init_late(size_t size, gfp_t gfp_mask,
		      int (*remap)(void *tlb, unsigned long nslabs));
void __init swiotlb_update_mem_attributes(void);
void swiotlb_print_info(void);

phys_addr_t swiotlb_tbl_map_single(struct device *dev, phys_addr_t phys,
				   size_t size, unsigned int alloc_align_mask,
				   enum dma_data_direction dir,
				   unsigned long attrs);
dma_addr_t swiotlb_map(struct device *dev, phys_addr_t phys, size_t size,
		       enum dma_data_direction dir, unsigned long attrs);
void __swiotlb_tbl_unmap_single(struct device *dev, phys_addr_t addr,
				size_t size, enum dma_data_direction dir,
				unsigned long attrs, struct io_tlb_pool *pool);
void __swiotlb_sync_single_for_device(struct device *dev, phys_addr_t addr,
				      size_t size, enum dma_data_direction dir,
				      struct io_tlb_pool *pool);
void __swiotlb_sync_single_for_cpu(struct device *dev, phys_addr_t addr,
				   size_t size, enum dma_data_direction dir,
				   struct io_tlb_pool *pool);

#ifdef CONFIG_SWIOTLB
void swiotlb_init(bool addressing_limited, unsigned int flags);
void __init swiotlb_exit(void);
void __init swiotlb_adjust_size(unsigned long size);
void swiotlb_dev_init(struct device *dev);
size_t swiotlb_max_mapping_size(struct device *dev);
bool is_swiotlb_allocated(void);
phys_addr_t default_swiotlb_base(void);
phys_addr_t default_swiotlb_limit(void);
struct io_tlb_pool *__swiotlb_find_pool(struct device *dev, phys_addr_t paddr);

/* Are there buffers for this device? */
static inline bool is_swiotlb_active(struct device *dev)
{
	const struct io_tlb_mem *mem = dev->dma_io_tlb_mem;

	return mem && mem->size;
}

static inline bool is_swiotlb_force_bounce(struct device *dev)
{
	const struct io_tlb_mem *mem = dev->dma_io_tlb_mem;

	return mem && mem->force_bounce;
}

#ifdef CONFIG_SWIOTLB_DYNAMIC
/*
 * Most devices never bounce anything, and for them this is all there is to it.
 * The flag was set before the first address of a bounced mapping was returned;
 * who has got such an address sees it, even if it came from another CPU.
 */
static inline bool swiotlb_may_hold(struct device *dev, phys_addr_t paddr)
{
	smp_rmb();	/* pairs with note_use() in kernel/dma/swiotlb.c */
	return READ_ONCE(dev->dma_uses_io_tlb);
}
#else
/* There is a single pool, for ever. */
static inline bool swiotlb_may_hold(struct device *dev, phys_addr_t paddr)
{
	const struct io_tlb_mem *mem = dev->dma_io_tlb_mem;

	return mem && paddr - mem->start < mem->size;
}
#endif

/* The pool of a bounced mapping; NULL: the address is in no pool. */
static inline struct io_tlb_pool *swiotlb_find_pool(struct device *dev,
						    phys_addr_t paddr)
{
	return swiotlb_may_hold(dev, paddr) ? __swiotlb_find_pool(dev, paddr) :
					      NULL;
}
#else
static inline void swiotlb_init(bool addressing_limited, unsigned int flags)
{
}

static inline void swiotlb_exit(void)
{
}

static inline void swiotlb_adjust_size(unsigned long size)
{
}

static inline void swiotlb_dev_init(struct device *dev)
{
}

static inline size_t swiotlb_max_mapping_size(struct device *dev)
{
	return SIZE_MAX;
}

static inline bool is_swiotlb_allocated(void)
{
	return false;
}

static inline phys_addr_t default_swiotlb_base(void)
{
	return 0;
}

static inline phys_addr_t default_swiotlb_limit(void)
{
	return 0;
}

static inline bool swiotlb_may_hold(struct device *dev, phys_addr_t paddr)
{
	return false;
}

static inline bool is_swiotlb_active(struct device *dev)
{
	return false;
}

static inline bool is_swiotlb_force_bounce(struct device *dev)
{
	return false;
}

static inline struct io_tlb_pool *swiotlb_find_pool(struct device *dev,
						    phys_addr_t paddr)
{
	return NULL;
}
#endif /* CONFIG_SWIOTLB */

/* The same three for whoever has not looked the pool up; any address goes. */
static inline void swiotlb_tbl_unmap_single(struct device *dev,
					    phys_addr_t addr, size_t size,
					    enum dma_data_direction dir,
					    unsigned long attrs)
{
	struct io_tlb_pool *pool = swiotlb_find_pool(dev, addr);

	if (unlikely(pool))
		__swiotlb_tbl_unmap_single(dev, addr, size, dir, attrs, pool);
}

static inline void swiotlb_sync_single_for_device(struct device *dev,
						  phys_addr_t addr, size_t size,
						  enum dma_data_direction dir)
{
	struct io_tlb_pool *pool = swiotlb_find_pool(dev, addr);

	if (unlikely(pool))
		__swiotlb_sync_single_for_device(dev, addr, size, dir, pool);
}

static inline void swiotlb_sync_single_for_cpu(struct device *dev,
					       phys_addr_t addr, size_t size,
					       enum dma_data_direction dir)
{
	struct io_tlb_pool *pool = swiotlb_find_pool(dev, addr);

	if (unlikely(pool))
		__swiotlb_sync_single_for_cpu(dev, addr, size, dir, pool);
}

#ifdef CONFIG_DMA_RESTRICTED_POOL
struct page *swiotlb_alloc(struct device *dev, size_t size);
bool swiotlb_free(struct device *dev, struct page *page, size_t size);

static inline bool is_swiotlb_for_alloc(struct device *dev)
{
	const struct io_tlb_mem *mem = dev->dma_io_tlb_mem;

	return mem && mem->for_alloc;
}
#else
static inline struct page *swiotlb_alloc(struct device *dev, size_t size)
{
	return NULL;
}

static inline bool swiotlb_free(struct device *dev, struct page *page,
				size_t size)
{
	return false;
}

static inline bool is_swiotlb_for_alloc(struct device *dev)
{
	return false;
}
#endif /* CONFIG_DMA_RESTRICTED_POOL */

#endif /* _LINUX_SWIOTLB_H */
