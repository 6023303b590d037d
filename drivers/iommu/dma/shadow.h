/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shadow mode: small buffers are copied through pages that stay mapped.
 */
#ifndef _DRIVERS_IOMMU_DMA_SHADOW_H
#define _DRIVERS_IOMMU_DMA_SHADOW_H

#include "domain.h"

/**
 * struct dma_shadow_window - where a domain's shadow pages are
 * @base: I/O address of the first
 * @size: of all that there may be, in bytes
 * @limit: the largest buffer that is copied, in bytes; a slot has this size
 *
 * The first member of struct dma_shadow, so that the streaming calls can ask
 * without a call.
 */
struct dma_shadow_window {
	dma_addr_t	base;
	size_t		size;
	size_t		limit;
};

/**
 * struct dma_shadow_figures - how the slots of a domain are used
 * @slot_size: in bytes
 * @nr_slots: slots with memory
 * @nr_used: those in use
 * @peak: the most slots with memory
 * @mapped: how many buffers were copied
 */
struct dma_shadow_figures {
	size_t		slot_size;
	unsigned int	nr_slots, nr_used, peak;
	unsigned long	mapped;
};

extern unsigned long dma_shadow_idle;

void dma_shadow_set_up(struct iommu_dma_cookie *cookie, struct device *dev);
void dma_shadow_destroy(struct dma_shadow *shadow);
int dma_shadow_switch(struct device *dev, bool is_on);
struct dma_shadow_figures dma_shadow_figures(struct dma_shadow *shadow);

dma_addr_t dma_shadow_map(struct iommu_dma_cookie *cookie, struct device *dev,
			  phys_addr_t phys, size_t size,
			  enum dma_data_direction dir);
void dma_shadow_unmap(struct dma_shadow *shadow, struct device *dev,
		      dma_addr_t addr, size_t size,
		      enum dma_data_direction dir, unsigned long attrs);
void dma_shadow_to_cpu(struct dma_shadow *shadow, struct device *dev,
		       dma_addr_t addr, size_t size,
		       enum dma_data_direction dir);
void dma_shadow_to_device(struct dma_shadow *shadow, struct device *dev,
			  dma_addr_t addr, size_t size,
			  enum dma_data_direction dir);

/* Is @addr one of the domain's shadow pages? */
static __always_inline bool
dma_is_shadow(const struct iommu_dma_cookie *cookie, dma_addr_t addr)
{
	const struct dma_shadow_window *window;

	window = (const struct dma_shadow_window *)cookie->shadow;
	return window && addr - window->base < window->size;
}

/*
 * Is a buffer of @size bytes to be copied?  Only where that saves an
 * invalidation, and not where the caller hands the buffer back and forth
 * itself, which means that it stays mapped for long, nor for privileged accesses,
 * which slots are not mapped for.  A kernel that follows a crash copies nothing.
 */
static __always_inline bool
dma_wants_shadow(const struct iommu_dma_cookie *cookie, struct device *dev,
		 size_t size, unsigned long attrs)
{
	const struct dma_shadow_window *window;

	window = (const struct dma_shadow_window *)cookie->shadow;
	return window && size - 1 < window->limit && !READ_ONCE(cookie->flush) &&
	       !(attrs & (DMA_ATTR_SKIP_CPU_SYNC | DMA_ATTR_PRIVILEGED)) &&
	       !dev->iommu->shadow_off &&
	       !static_branch_unlikely(&dma_domain_attaches_late);
}

#endif /* _DRIVERS_IOMMU_DMA_SHADOW_H */
