// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the layer knows of one device: struct dev_dma, which dev->dma points to.
 *
 * It is made when the device's driver is about to bind, or, for a device that no
 * bus configures, by the first allocation; streaming mappings never make one. It
 * ends when the device is released and nothing refers to it any more.
 *
 * A device that is released with live buffers leaves them in quarantine: they are
 * counted and listed under its name, and nobody gets this memory until they are
 * freed. A device that is never released, since it is static or on a stack, is
 * given up by dma_device_forget().
 *
 * Locks: devices_lock (irq-safe) protects the list of all devices. It is taken
 * when a device comes or goes, and by those who walk the list for people or after
 * a wrong call, never to allocate, free, map or unmap. dma->lock nests inside.
 */
#include <linux/dma-map-ops.h>
#include <linux/minmax.h>
#include <linux/percpu.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "device.h"

static DEFINE_SPINLOCK(devices_lock);	/* irq-safe; protects devices */
static LIST_HEAD(devices);

/**
 * dma_device_make - make what the layer keeps of a device
 * @dev: the device
 * @gfp: how to get memory for it
 *
 * Context: any that @gfp allows, irq-safe.
 * Return: it, or that of whoever was faster; NULL if there is no memory.
 */
struct dev_dma *dma_device_make(struct device *dev, gfp_t gfp)
{
	const char *name = dev_name(dev) ?: "(no name)";
	size_t len = strlen(name) + 1;
	struct dev_dma *dma, *made;
	unsigned long flags;

	gfp &= ~(GFP_ZONEMASK | __GFP_COMP);
	made = kzalloc(struct_size(made, name, len), gfp | __GFP_NOWARN);
	if (!made)
		return NULL;
	refcount_set(&made->nr_users, 1);
	spin_lock_init(&made->lock);
	made->dev = dev;
	made->live = RB_ROOT;
	INIT_LIST_HEAD(&made->pools);
	memcpy(made->name, name, len);

	spin_lock_irqsave(&devices_lock, flags);
	dma = dev->dma;
	if (!dma) {
		list_add_tail(&made->link, &devices);
		dma = made;
		/* Whoever reads it finds it complete. */
		smp_store_release(&dev->dma, no_free_ptr(made));
	}
	spin_unlock_irqrestore(&devices_lock, flags);
	kfree(made);
	return dma;
}

/**
 * dma_device_put - end one use
 * @dma: what was used; NULL is ignored
 *
 * Context: any, irq-safe.
 */
void dma_device_put(struct dev_dma *dma)
{
	unsigned long flags;

	if (!dma || !refcount_dec_and_test(&dma->nr_users))
		return;
	spin_lock_irqsave(&devices_lock, flags);
	list_del(&dma->link);
	spin_unlock_irqrestore(&devices_lock, flags);
	free_percpu(dma->bounced);
	kfree(dma->spare);
	kfree(dma);
}

/**
 * dma_device_next - walk all devices
 * @dma: where the walk stands; NULL to begin. It is put.
 *
 * Who leaves the walk before its end puts what he was given last.
 *
 * Context: any, irq-safe. What comes or goes meanwhile may be seen or not.
 * Return: the next one, which stays as long as it is not put; NULL at the end.
 */
struct dev_dma *dma_device_next(struct dev_dma *dma)
{
	struct list_head *at = dma ? &dma->link : &devices;
	struct dev_dma *next = NULL;
	unsigned long flags;

	spin_lock_irqsave(&devices_lock, flags);
	for (at = at->next; at != &devices; at = at->next) {
		next = list_entry(at, struct dev_dma, link);
		/* One that nobody uses is about to leave the list. */
		if (refcount_inc_not_zero(&next->nr_users))
			break;
		next = NULL;
	}
	spin_unlock_irqrestore(&devices_lock, flags);
	dma_device_put(dma);
	return next;
}

/**
 * dma_device_configured - a driver is about to bind to a device
 * @dev: the device, whose bus has configured it for DMA
 *
 * Context: process context, may sleep. Without memory the first allocation tries
 * again.
 */
void dma_device_configured(struct device *dev)
{
	const struct device_driver *driver = dev->driver;
	struct dev_dma *dma;

	if (!dev->dma_mask)
		return;
	dma = dma_device_of(dev, GFP_KERNEL);
	if (!dma)
		return;
	spin_lock_irq(&dma->lock);
	dma->has_driver = true;
	strscpy(dma->driver, driver ? driver->name : "-");
	spin_unlock_irq(&dma->lock);
}

/**
 * dma_device_can_bounce - make a place for what a device bounces
 * @dma: the device's; it has none
 *
 * Context: any.
 * Return: true if there is one.
 */
bool dma_device_can_bounce(struct dev_dma *dma)
{
	struct dma_bounced __percpu *made;

	made = alloc_percpu_gfp(struct dma_bounced, GFP_NOWAIT | __GFP_NOWARN);
	if (!made)
		return false;
	if (cmpxchg(&dma->bounced, NULL, made))
		free_percpu(made);
	return true;
}

/* Of all CPUs, since the device is there */
static struct dma_bounced sum_of(const struct dev_dma *dma)
{
	struct dma_bounced sum = {};
	int cpu;

	if (!READ_ONCE(dma->bounced))
		return sum;
	for_each_possible_cpu(cpu) {
		const struct dma_bounced *one = per_cpu_ptr(dma->bounced, cpu);

		sum.bytes += READ_ONCE(one->bytes);
		sum.mappings += READ_ONCE(one->mappings);
		sum.nr_held += READ_ONCE(one->nr_held);
	}
	return sum;
}

/**
 * dma_device_bounced - what a device bounces for its driver
 * @dma: the device's
 *
 * Context: any, irq-safe. While mappings come and go, it is out of date.
 * Return: the figures.
 */
struct dma_bounced dma_device_bounced(struct dev_dma *dma)
{
	struct dma_bounced bounced = sum_of(dma);
	unsigned long flags;

	spin_lock_irqsave(&dma->lock, flags);
	bounced.bytes -= dma->bounced_before.bytes;
	bounced.mappings -= dma->bounced_before.mappings;
	spin_unlock_irqrestore(&dma->lock, flags);
	return bounced;
}

/**
 * dma_device_unbound - a device has lost its driver
 * @dma: the device's
 *
 * What is bounced from now on is the next one's.
 *
 * Context: process context.
 * Return: slots that this driver, and none before it, has left behind.
 */
long dma_device_unbound(struct dev_dma *dma)
{
	struct dma_bounced now = sum_of(dma);
	long nr_left;

	spin_lock_irq(&dma->lock);
	nr_left = now.nr_held - min(now.nr_held, dma->bounced_before.nr_held);
	dma->bounced_before = now;
	dma->has_driver = false;
	spin_unlock_irq(&dma->lock);
	return nr_left;
}

/**
 * dma_device_released - a device has come to its end
 * @dma: what the layer has kept of it; NULL: nothing
 *
 * The device itself is gone by now, with all that its release() has freed.
 *
 * Context: any that a device's release() may be called in.
 */
void dma_device_released(struct dev_dma *dma)
{
	unsigned long flags, nr_live;
	size_t bytes;

	if (!dma)
		return;
	spin_lock_irqsave(&dma->lock, flags);
	dma->dev = NULL;
	nr_live = dma->nr_live;
	bytes = dma->live_bytes;
	spin_unlock_irqrestore(&dma->lock, flags);

	if (nr_live)
		pr_err("dma: %s: released with %lu live buffers, %zu KiB in all: they are not reused until they are freed\n",
		       dma->name, nr_live, bytes / SZ_1K);
	/* Slots that it holds refer to it, for ever. */
	if (!sum_of(dma).nr_held)
		dma_device_put(dma);
}

/**
 * dma_device_forget - end a device that is never released
 * @dev: the device, which does no DMA any more
 *
 * For a static device, say, or one that lives on a stack.
 *
 * Context: any that a device's release() may be called in.
 */
void dma_device_forget(struct device *dev)
{
	struct dev_dma *dma = dma_device_find(dev);

	WRITE_ONCE(dev->dma, NULL);
	dma_device_released(dma);
}
EXPORT_SYMBOL_GPL(dma_device_forget);
