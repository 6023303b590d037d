/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dma-debug: checks how drivers use the API.  This is what observe.h and the
 * entry points call; what its parts share stands in debug/store.h.
 *
 *   debug.c		what is checked at each call
 *   debug/store.c	entries, and how the one of a call is found
 *   debug/pool.c	where entries come from
 *   debug/stack.c	who made a mapping
 *   debug/max.c		how large a mapping may be
 *   debug/report.c	how a mistake is told
 *   debug/fs.c		parameters and debugfs
 *   debug/rehearse.c	a coherent device, treated as if it were not
 *
 * observe.h tells of each call.  Everything is off until the store is there, and
 * stays off with dma_debug=off: a call costs a jump that is not taken then.
 */
#ifndef _KERNEL_DMA_DEBUG_H
#define _KERNEL_DMA_DEBUG_H

#include <linux/dma-mapping.h>
#include <linux/jump_label.h>
#include <linux/types.h>

struct dma_rehearsal;

DECLARE_STATIC_KEY_FALSE(dma_debug_key);
DECLARE_STATIC_KEY_FALSE(dma_rehearse_key);

/* Is dma-debug there and on? */
static __always_inline bool dma_debug_is_on(void)
{
	return IS_ENABLED(CONFIG_DMA_API_DEBUG) &&
	       static_branch_unlikely(&dma_debug_key);
}

/* Is any device to be treated as if it were not coherent, or was one lately? */
static __always_inline bool dma_debug_is_rehearsing(void)
{
	return IS_ENABLED(CONFIG_DMA_API_DEBUG) &&
	       static_branch_unlikely(&dma_rehearse_key);
}

/* debug.c: what observe.h tells.  Only called while dma_debug_is_on(). */
void dma_debug_map_page(struct device *dev, struct page *page, size_t offset,
			size_t size, enum dma_data_direction dir,
			dma_addr_t dma_addr, unsigned long attrs);
void dma_debug_unmap_page(struct device *dev, dma_addr_t dma_addr, size_t size,
			  enum dma_data_direction dir);
void dma_debug_map_sg(struct device *dev, struct scatterlist *sgl, int nents,
		      int mapped, enum dma_data_direction dir,
		      unsigned long attrs);
void dma_debug_unmap_sg(struct device *dev, struct scatterlist *sgl, int nents,
			enum dma_data_direction dir);
void dma_debug_map_resource(struct device *dev, phys_addr_t phys, size_t size,
			    enum dma_data_direction dir, dma_addr_t dma_addr);
void dma_debug_unmap_resource(struct device *dev, dma_addr_t dma_addr,
			      size_t size, enum dma_data_direction dir);
void dma_debug_sync_single(struct device *dev, dma_addr_t dma_addr, size_t size,
			   enum dma_data_direction dir, bool for_cpu);
void dma_debug_sync_sg(struct device *dev, struct scatterlist *sgl, int nents,
		       enum dma_data_direction dir, bool for_cpu);
void dma_debug_alloc(struct device *dev, size_t size, void *cpu_addr,
		     dma_addr_t dma_addr, unsigned long attrs);
void dma_debug_free(struct device *dev, size_t size, void *cpu_addr,
		    dma_addr_t dma_addr);
void dma_debug_alloc_pages(struct device *dev, struct page *page, size_t size,
			   enum dma_data_direction dir, dma_addr_t dma_addr);
void dma_debug_free_pages(struct device *dev, struct page *page, size_t size,
			  enum dma_data_direction dir, dma_addr_t dma_addr);
void dma_debug_alloc_sgt(struct device *dev, struct scatterlist *sgl, int nents,
			 int mapped, enum dma_data_direction dir);
void dma_debug_free_sgt(struct device *dev, struct scatterlist *sgl, int nents,
			enum dma_data_direction dir);

/* debug/max.c: the same */
void dma_debug_set_mask(struct device *dev);

/* debug_rehearse*.c: for the entry points */
struct dma_rehearsal *dma_rehearse_begin(struct device *dev,
					 struct page **page, size_t *offset,
					 size_t size,
					 enum dma_data_direction dir,
					 unsigned long attrs);
void dma_rehearse_publish(struct dma_rehearsal *rehearsal, dma_addr_t dma_addr,
			  unsigned long attrs);
struct dma_rehearsal *dma_rehearse_take(struct device *dev, dma_addr_t dma_addr,
					size_t size);
void dma_rehearse_end(struct dma_rehearsal *rehearsal, unsigned long attrs);
bool dma_rehearse_has(struct device *dev, dma_addr_t dma_addr);
void dma_rehearse_sync(struct device *dev, dma_addr_t dma_addr, size_t size,
		       bool for_cpu);

struct dma_rehearsal *dma_rehearse_begin_sg(struct device *dev,
					    struct scatterlist *sgl, int nents,
					    enum dma_data_direction dir,
					    unsigned long attrs);
void dma_rehearse_publish_sg(struct dma_rehearsal *chain,
			     struct scatterlist *sgl, int nents, int mapped,
			     unsigned long attrs);
struct dma_rehearsal *dma_rehearse_take_sg(struct device *dev,
					   struct scatterlist *sgl, int nents);
void dma_rehearse_end_sg(struct dma_rehearsal *chain, unsigned long attrs);
void dma_rehearse_sync_sg(struct device *dev, struct scatterlist *sgl,
			  int nents, bool for_cpu);

/* The same, for debug.c: memory that is mapped for as long as it lives */
void dma_rehearse_note(struct device *dev, phys_addr_t phys, size_t size,
		       enum dma_data_direction dir, dma_addr_t dma_addr);
void dma_rehearse_drop_note(struct device *dev, dma_addr_t dma_addr,
			    size_t size);
void dma_rehearse_note_sg(struct device *dev, struct scatterlist *sgl, int nents,
			  enum dma_data_direction dir);
void dma_rehearse_drop_sg(struct device *dev, struct scatterlist *sgl,
			  int nents);
void dma_rehearse_note_consistent(struct device *dev, u64 cpu_addr, size_t size,
				  dma_addr_t dma_addr);
void dma_rehearse_drop_consistent(struct device *dev, u64 cpu_addr, size_t size,
				  dma_addr_t dma_addr);

#endif /* _KERNEL_DMA_DEBUG_H */
