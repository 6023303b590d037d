/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a device can reach.
 *
 * struct dma_limits is a value: filled once where a request enters the layer
 * and passed down, so that no callback is needed to ask "may this address be
 * used".  It covers the device's mask, the limit of the bus above it, the
 * offsets of dma-ranges, cache coherence and memory encryption.
 */
#ifndef _LINUX_DMA_LIMITS_H
#define _LINUX_DMA_LIMITS_H

#include <linux/dma-direct.h>
#include <linux/minmax.h>

/**
 * struct dma_limits - what memory serves a request
 * @last_dma: highest bus address the device can issue, inclusive
 * @first_phys: lowest physical address that may be reachable
 * @last_phys: highest one, inclusive; memory between the two can still lie
 *	outside the windows of dma-ranges
 * @coherent: the device sees the CPU's caches
 * @unencrypted: the device needs memory decrypted for it
 */
struct dma_limits {
	u64		last_dma;
	phys_addr_t	first_phys;
	phys_addr_t	last_phys;
	bool		coherent;
	bool		unencrypted;
};

/* The highest bus address that @mask and the bus above the device allow. */
static inline u64 dma_last_address(struct device *dev, u64 mask)
{
	return min_not_zero(mask, dev->bus_dma_limit);
}

/* Note that sync calls have nothing to do for a device, so that they return. */
static inline void dma_note_skip_sync(struct device *dev, bool can_skip)
{
#ifdef CONFIG_DMA_NEED_SYNC
	dev->dma_skip_sync = can_skip;
#endif
}

struct dma_limits dma_limits_of(struct device *dev, u64 mask);
void dma_limits_narrow(struct device *dev, struct dma_limits *limits);
bool dma_limits_reach(struct device *dev, const struct dma_limits *limits,
		      phys_addr_t phys, size_t size);
dma_addr_t dma_limits_address(struct device *dev,
			      const struct dma_limits *limits,
			      phys_addr_t phys);
gfp_t dma_limits_zone(const struct dma_limits *limits);
bool dma_limits_hold(struct device *dev, phys_addr_t first, phys_addr_t last);
bool dma_limits_all_ram(struct device *dev);
bool dma_limits_leave_out_ram(struct device *dev);

#endif /* _LINUX_DMA_LIMITS_H */
