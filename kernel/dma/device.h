/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the layer knows of one device.
 */
#ifndef _KERNEL_DMA_DEVICE_H
#define _KERNEL_DMA_DEVICE_H

#include <linux/device.h>
#include <linux/gfp_types.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>

struct dma_allocation;

/**
 * struct dma_bounced - what a device does with bounce buffers
 * @bytes: bounced for its driver
 * @mappings: how many mappings these were
 * @nr_held: slots held now
 * @nr_lost: of these, left behind by drivers that are gone
 */
struct dma_bounced {
	u64		bytes;
	u64		mappings;
	unsigned long	nr_held;
	unsigned long	nr_lost;
};

#define DMA_DRIVER_NAME		24

/**
 * struct dev_dma - what the layer knows of one device
 * @link: (d) in the list of all
 * @nr_users: the device, each record and bounced mapping, whoever walks the list
 * @spare: a record to use next; exchanged without the lock
 * @lock: irq-safe
 * @dev: (l) the device; NULL once it is released
 * @live: (l) its live allocations, by the CPU's address
 * @nr_live: (l) how many these are
 * @live_bytes: (l) how large they are
 * @bounced: (l) its bounce buffers
 * @driver: (l) name of the driver that was bound last
 * @has_driver: (l) it is bound
 * @name: the device's
 *
 * (d): the lock of the list, in device.c. (l): @lock, which nests inside of it.
 */
struct dev_dma {
	struct list_head	link;
	refcount_t		nr_users;
	struct dma_allocation	*spare;
	spinlock_t		lock;	/* irq-safe */
	struct device		*dev;
	struct rb_root		live;
	unsigned long		nr_live;
	size_t			live_bytes;
	struct dma_bounced	bounced;
	char			driver[DMA_DRIVER_NAME];
	bool			has_driver;
	char			name[];
};

/* The device's, or NULL if it has none yet. */
static inline struct dev_dma *dma_device_find(struct device *dev)
{
	/* Pairs with dma_device_make(). */
	return smp_load_acquire(&dev->dma);
}

struct dev_dma *dma_device_make(struct device *dev, gfp_t gfp);
void dma_device_put(struct dev_dma *dma);
struct dev_dma *dma_device_next(struct dev_dma *dma);
struct dma_bounced dma_device_bounced(struct dev_dma *dma);

/* The device's; made now if it has none. NULL if there is no memory for it. */
static inline struct dev_dma *dma_device_of(struct device *dev, gfp_t gfp)
{
	return dma_device_find(dev) ?: dma_device_make(dev, gfp);
}

/* A mapping of @size bytes takes @nr slots.  NULL: no bus has configured the device. */
static inline void dma_device_note_bounce(struct dev_dma *dma, size_t size,
					  unsigned int nr)
{
	unsigned long flags;

	if (unlikely(!dma))
		return;
	refcount_inc(&dma->nr_users);
	spin_lock_irqsave(&dma->lock, flags);
	dma->bounced.bytes += size;
	dma->bounced.mappings++;
	dma->bounced.nr_held += nr;
	spin_unlock_irqrestore(&dma->lock, flags);
}

/* It gives them back. */
static inline void dma_device_end_bounce(struct dev_dma *dma, unsigned int nr)
{
	unsigned long flags;

	if (unlikely(!dma))
		return;
	spin_lock_irqsave(&dma->lock, flags);
	dma->bounced.nr_held -= nr;
	dma->bounced.nr_lost = min(dma->bounced.nr_lost, dma->bounced.nr_held);
	spin_unlock_irqrestore(&dma->lock, flags);
	dma_device_put(dma);
}

#endif /* _KERNEL_DMA_DEVICE_H */
