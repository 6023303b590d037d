/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the layer knows of one device.
 */
#ifndef _KERNEL_DMA_DEVICE_H
#define _KERNEL_DMA_DEVICE_H

#include <linux/device.h>
#include <linux/gfp_types.h>
#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>

struct dma_allocation;

/**
 * struct dma_bounced - what a device does with bounce buffers
 * @bytes: bounced for its driver
 * @mappings: how many mappings these were
 * @nr_held: slots held; of one CPU alone it says nothing
 */
struct dma_bounced {
	u64	bytes;
	u64	mappings;
	long	nr_held;
};

#define DMA_DRIVER_NAME		24

/**
 * struct dev_dma - what the layer knows of one device
 * @link: (d) in the list of all
 * @nr_users: the device, each record, whoever walks the list
 * @spare: a record to use next; exchanged without the lock
 * @lock: irq-safe
 * @dev: (l) the device; NULL once it is released
 * @live: (l) its live allocations, by the CPU's address
 * @nr_live: (l) how many these are
 * @live_bytes: (l) how large they are
 * @pools: (b) its device pools, in the order in which they are tried
 * @bounced: its bounce buffers, for each CPU; NULL until it needs one
 * @bounced_before: (l) of these, what drivers did that are gone
 * @driver: (l) name of the driver that was bound last
 * @has_driver: (l) it is bound
 * @name: the device's
 *
 * (d): the lock of the list, in device.c. (l): @lock, which nests inside of it.
 * (b): changed under a mutex of coherent.c, read under RCU.
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
	struct list_head	pools;
	struct dma_bounced __percpu *bounced;
	struct dma_bounced	bounced_before;
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
bool dma_device_can_bounce(struct dev_dma *dma);
struct dma_bounced dma_device_bounced(struct dev_dma *dma);
long dma_device_unbound(struct dev_dma *dma);

/* The device's; made now if it has none. NULL if there is no memory for it. */
static inline struct dev_dma *dma_device_of(struct device *dev, gfp_t gfp)
{
	return dma_device_find(dev) ?: dma_device_make(dev, gfp);
}

/*
 * A mapping of @size bytes takes @nr slots.  Not counted for a device that no bus has
 * configured, and without memory for it.  Returns who is to be told when it ends.
 */
static inline struct dev_dma *dma_device_note_bounce(struct device *dev,
						     size_t size, unsigned int nr)
{
	struct dev_dma *dma = dma_device_find(dev);

	if (unlikely(!dma || (!READ_ONCE(dma->bounced) &&
			      !dma_device_can_bounce(dma))))
		return NULL;
	this_cpu_add(dma->bounced->bytes, size);
	this_cpu_inc(dma->bounced->mappings);
	this_cpu_add(dma->bounced->nr_held, nr);
	return dma;
}

/* It gives them back; on another CPU, perhaps. */
static inline void dma_device_end_bounce(struct dev_dma *dma, unsigned int nr)
{
	if (likely(dma))
		this_cpu_sub(dma->bounced->nr_held, nr);
}

#endif /* _KERNEL_DMA_DEVICE_H */
