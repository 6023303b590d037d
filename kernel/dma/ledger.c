// SPDX-License-Identifier: GPL-2.0-only
/*
 * The records of consistent allocations, and who owns which.
 *
 * Each device has its live records in a tree of its own, ordered by what the
 * driver holds of a buffer: the CPU's address, or the struct page. Every free
 * comes with it, so a free finds its record, or that there is none, by one
 * descent under a lock that no other device takes. Look-ups for another device's
 * buffer, by an inner address of the device's alone, or for a message, walk.
 *
 * Publishing and taking cannot fail: the record carries its own node and was
 * made before the memory was. Whoever takes a record owns it and is the only one
 * who may undo it, which is what makes a second free harmless.
 *
 * A record refers to its device's struct dev_dma from the time it is made, so
 * that it can name its owner even when that is gone.
 *
 * Locks: dma->lock (irq-safe), one at a time, innermost but for a device that is
 * deleted: then its IOMMU's locks nest inside.
 */
#include <linux/device.h>
#include <linux/jiffies.h>
#include <linux/rbtree.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "backend.h"
#include "device.h"
#include "ledger.h"

static_assert(sizeof(struct dma_allocation) <= 128);

/* A walk lets go of the lock after so many records. */
#define NR_WALKED	64

/**
 * dma_record_new - a record for what a request will get
 * @req: the request
 *
 * Context: may sleep if req->gfp allows.
 * Return: the record, in no tree yet; NULL without memory.
 */
struct dma_allocation *dma_record_new(const struct dma_request *req)
{
	gfp_t gfp = req->gfp & ~(__GFP_ZERO | GFP_ZONEMASK);
	struct dev_dma *dma = dma_device_of(req->dev, gfp);
	struct dma_allocation *record;

	if (!dma)
		return NULL;
	record = xchg(&dma->spare, NULL) ?:
		 kmalloc(sizeof(*record), gfp | __GFP_NOWARN);
	if (!record)
		return NULL;
	refcount_inc(&dma->nr_users);
	/* All of it: what is there is another record's, or anything. */
	RB_CLEAR_NODE(&record->node);
	record->owner = dma;
	record->dev = req->dev;
	record->dma_addr = 0;
	record->size = req->size;
	record->cpu_addr = NULL;
	record->phys = 0;
	record->backend = NULL;
	record->own = (union dma_backend_data){};
	record->group = req->dev->iommu_group;
	record->driver = req->dev->driver ? req->dev->driver->name : NULL;
	record->since = jiffies;
	record->done = 0;
	record->attrs = req->attrs;
	record->free_sleeps = false;
	return record;
}

/**
 * dma_record_free - free a record
 * @record: in no tree
 *
 * Context: any, irq-safe.
 */
void dma_record_free(struct dma_allocation *record)
{
	struct dev_dma *dma = record->owner;

	kfree(xchg(&dma->spare, record));
	dma_device_put(dma);
}

/* Is @record before, at, or after a key? */
static int compare(const struct dma_allocation *record, const void *cpu_addr,
		   dma_addr_t dma_addr)
{
	if (record->cpu_addr != cpu_addr)
		return record->cpu_addr < cpu_addr ? -1 : 1;
	return record->dma_addr < dma_addr ? -1 : record->dma_addr > dma_addr;
}

static struct dma_allocation *record_at(struct rb_node *node)
{
	return rb_entry_safe(node, struct dma_allocation, node);
}

/* The first record at or after a key, or NULL. */
static struct dma_allocation *__first_from(struct dev_dma *dma,
					   const void *cpu_addr,
					   dma_addr_t dma_addr)
{
	struct rb_node *node = dma->live.rb_node, *found = NULL;

	lockdep_assert_held(&dma->lock);

	while (node) {
		if (compare(record_at(node), cpu_addr, dma_addr) < 0) {
			node = node->rb_right;
		} else {
			found = node;
			node = node->rb_left;
		}
	}
	return record_at(found);
}

/**
 * dma_ledger_publish - make a finished allocation known
 * @record: complete; belongs to the ledger from now on
 *
 * Context: any, irq-safe. Can't fail.
 */
void dma_ledger_publish(struct dma_allocation *record)
{
	struct dev_dma *dma = record->owner;
	struct rb_node **link = &dma->live.rb_node, *parent = NULL;
	unsigned long flags;

	spin_lock_irqsave(&dma->lock, flags);
	while (*link) {
		parent = *link;
		if (compare(record_at(parent), record->cpu_addr,
			    record->dma_addr) < 0)
			link = &parent->rb_right;
		else
			link = &parent->rb_left;
	}
	rb_link_node(&record->node, parent, link);
	rb_insert_color(&record->node, &dma->live);
	dma->nr_live++;
	dma->live_bytes += record->size;
	spin_unlock_irqrestore(&dma->lock, flags);
}

static void __take(struct dma_allocation *record)
{
	struct dev_dma *dma = record->owner;

	lockdep_assert_held(&dma->lock);

	rb_erase(&record->node, &dma->live);
	dma->nr_live--;
	dma->live_bytes -= record->size;
}

/* Take the record at a CPU's address, and at @dma_addr unless that is NULL. */
static struct dma_allocation *take(struct dev_dma *dma, const void *cpu_addr,
				   const dma_addr_t *dma_addr)
{
	struct dma_allocation *record;
	unsigned long flags;

	if (!dma)
		return NULL;
	spin_lock_irqsave(&dma->lock, flags);
	record = __first_from(dma, cpu_addr, dma_addr ? *dma_addr : 0);
	if (record && (record->cpu_addr != cpu_addr ||
		       (dma_addr && record->dma_addr != *dma_addr)))
		record = NULL;
	if (record)
		__take(record);
	spin_unlock_irqrestore(&dma->lock, flags);
	return record;
}

/**
 * dma_ledger_take - take the record of a buffer out of the ledger
 * @dev: whose buffer
 * @dma_addr: where it starts for the device
 * @cpu_addr: what the driver holds; has to fit as well
 *
 * Context: any, irq-safe.
 * Return: the record, which the caller owns now, or NULL if there is none.
 */
struct dma_allocation *dma_ledger_take(struct device *dev, dma_addr_t dma_addr,
				       void *cpu_addr)
{
	return take(dma_device_find(dev), cpu_addr, &dma_addr);
}

/**
 * dma_ledger_take_by_cpu - take a record whose DMA address is not known
 * @dev: whose buffer
 * @cpu_addr: what the driver holds
 *
 * For ops that give the device another address than the direct route does, such
 * as arch/x86/kernel/amd_gart_64.c.
 *
 * Context: any, irq-safe.
 * Return: the record, which the caller owns now, or NULL.
 */
struct dma_allocation *dma_ledger_take_by_cpu(struct device *dev,
					      void *cpu_addr)
{
	return take(dma_device_find(dev), cpu_addr, NULL);
}

/**
 * dma_ledger_take_copied - take the record that a copy was made of
 * @copy: the copy; its device may be gone
 *
 * Context: any, irq-safe; walks all devices.
 * Return: the record, which the caller owns now, or NULL if it is not live.
 */
struct dma_allocation *dma_ledger_take_copied(const struct dma_allocation *copy)
{
	struct dma_allocation *record = NULL;
	struct dev_dma *dma = NULL;

	while ((dma = dma_device_next(dma))) {
		if (dma != copy->owner)
			continue;
		record = take(dma, copy->cpu_addr, &copy->dma_addr);
		dma_device_put(dma);
		break;
	}
	return record;
}

/**
 * dma_ledger_note - note in a record what was done for a live buffer
 * @copy: a copy of the record; the buffer has to be live still
 * @done: one of DMA_DONE_*
 *
 * Context: any, irq-safe.
 * Return: true if it was not noted before.
 */
bool dma_ledger_note(const struct dma_allocation *copy, u16 done)
{
	struct dev_dma *dma = copy->owner;
	struct dma_allocation *record;
	unsigned long flags;
	bool is_new;

	spin_lock_irqsave(&dma->lock, flags);
	record = __first_from(dma, copy->cpu_addr, copy->dma_addr);
	is_new = record && record->phys == copy->phys && !(record->done & done);
	if (is_new)
		record->done |= done;
	spin_unlock_irqrestore(&dma->lock, flags);
	return is_new;
}

typedef bool (*dma_ledger_match_t)(const struct dma_allocation *record,
				   const void *cpu_addr, dma_addr_t dma_addr);

/* Copy the record that starts at @cpu_addr, if there is one that fits. */
static bool copy_at(struct dev_dma *dma, dma_ledger_match_t is_it,
		    const void *cpu_addr, dma_addr_t dma_addr,
		    struct dma_allocation *copy)
{
	struct dma_allocation *record;
	unsigned long flags;

	if (!dma)
		return false;
	spin_lock_irqsave(&dma->lock, flags);
	record = __first_from(dma, cpu_addr, 0);
	while (record && record->cpu_addr == cpu_addr &&
	       !is_it(record, cpu_addr, dma_addr))
		record = record_at(rb_next(&record->node));
	if (record && record->cpu_addr != cpu_addr)
		record = NULL;
	if (record)
		*copy = *record;
	spin_unlock_irqrestore(&dma->lock, flags);
	return record;
}

/* The record that follows the one seen last, or the first one. */
static struct dma_allocation *__next_of(const struct dma_ledger_cursor *at)
{
	struct dma_allocation *record;

	if (!at->is_inside)
		return record_at(rb_first(&at->dma->live));
	record = __first_from(at->dma, at->cpu_addr, at->dma_addr);
	if (record && !compare(record, at->cpu_addr, at->dma_addr))
		record = record_at(rb_next(&record->node));
	return record;
}

static void note_seen(struct dma_ledger_cursor *at,
		      const struct dma_allocation *record)
{
	at->is_inside = true;
	at->cpu_addr = record->cpu_addr;
	at->dma_addr = record->dma_addr;
}

/* Copy the first record that fits, wherever it is. The lock is held for a few. */
static bool copy_any(struct dev_dma *dma, dma_ledger_match_t is_it,
		     const void *cpu_addr, dma_addr_t dma_addr,
		     struct dma_allocation *copy)
{
	struct dma_ledger_cursor at = { .dma = dma };
	struct dma_allocation *record;
	unsigned long flags;
	bool is_found;

	if (!dma)
		return false;
	do {
		unsigned int nr = NR_WALKED;

		spin_lock_irqsave(&dma->lock, flags);
		record = __next_of(&at);
		while (record && !is_it(record, cpu_addr, dma_addr) && --nr) {
			note_seen(&at, record);
			record = record_at(rb_next(&record->node));
		}
		is_found = record && nr;
		if (is_found)
			*copy = *record;
		spin_unlock_irqrestore(&dma->lock, flags);
	} while (record && !is_found);
	return is_found;
}

typedef bool (*dma_ledger_copy_t)(struct dev_dma *dma, dma_ledger_match_t is_it,
				  const void *cpu_addr, dma_addr_t dma_addr,
				  struct dma_allocation *copy);

static bool copy_from_all(dma_ledger_copy_t copy_from, dma_ledger_match_t is_it,
			  const void *cpu_addr, dma_addr_t dma_addr,
			  struct dma_allocation *copy, char *holder)
{
	struct dev_dma *dma = NULL;

	while ((dma = dma_device_next(dma))) {
		if (!copy_from(dma, is_it, cpu_addr, dma_addr, copy))
			continue;
		if (holder)
			strscpy(holder, dma->name, DMA_HOLDER_NAME);
		dma_device_put(dma);
		return true;
	}
	return false;
}

static bool is_holder(const struct dma_allocation *record,
		      const void *cpu_addr, dma_addr_t dma_addr)
{
	return dma_addr - record->dma_addr < record->size;
}

static bool is_start(const struct dma_allocation *record,
		     const void *cpu_addr, dma_addr_t dma_addr)
{
	return record->cpu_addr == cpu_addr && record->dma_addr == dma_addr;
}

/* The CPU's address is that of the buffer, or of the place at the other one. */
static bool is_buffer(const struct dma_allocation *record,
		      const void *cpu_addr, dma_addr_t dma_addr)
{
	size_t offset = dma_addr - record->dma_addr;

	return offset < record->size &&
	       (cpu_addr == record->cpu_addr ||
		cpu_addr == record->cpu_addr + offset);
}

/**
 * dma_ledger_find - look up the buffer that holds an address
 * @dev: whose buffer
 * @dma_addr: an address in it, not only its start
 * @copy: filled with a copy of the record, whose node means nothing
 *
 * A copy, since the record lives only until its owner frees the buffer. Walks all
 * of the device's: not for what is done often.
 *
 * Context: any, irq-safe.
 * Return: true if there is one.
 */
bool dma_ledger_find(struct device *dev, dma_addr_t dma_addr,
		     struct dma_allocation *copy)
{
	return copy_any(dma_device_find(dev), is_holder, NULL, dma_addr, copy);
}

/**
 * dma_ledger_find_holder - does any device hold a buffer at this address?
 * @dma_addr: the address
 * @copy: filled with a copy of the record
 * @holder: filled with its device's name, up to DMA_HOLDER_NAME bytes
 *
 * Walks everything: for the message about a wrong free.
 *
 * Context: any, irq-safe.
 * Return: true if one was found.
 */
bool dma_ledger_find_holder(dma_addr_t dma_addr, struct dma_allocation *copy,
			    char *holder)
{
	return copy_from_all(copy_any, is_holder, NULL, dma_addr, copy,
			     holder);
}

/**
 * dma_ledger_find_start - look up a buffer without knowing whose it is
 * @cpu_addr: what its driver holds
 * @dma_addr: where it starts for its device
 * @copy: filled with a copy of the record
 * @holder: filled with its device's name, up to DMA_HOLDER_NAME bytes
 *
 * Context: any, irq-safe; walks all devices.
 * Return: true if there is one that fits both addresses.
 */
bool dma_ledger_find_start(const void *cpu_addr, dma_addr_t dma_addr,
			   struct dma_allocation *copy, char *holder)
{
	return copy_from_all(copy_at, is_start, cpu_addr, dma_addr, copy,
			     holder);
}

/**
 * dma_ledger_find_buffer - look up the buffer that a driver hands on
 * @dev: who it says the buffer was allocated for; need not be right
 * @cpu_addr: the CPU's address of it, or of the place at @dma_addr
 * @dma_addr: an address in it, as its owner sees it
 * @copy: filled with a copy of the record
 *
 * Both addresses have to fit: behind two IOMMUs the same @dma_addr may be two
 * buffers. The usual call, with the start of @dev's own buffer, is one descent;
 * the others walk everything.
 *
 * Context: any, irq-safe.
 * Return: true if there is one.
 */
bool dma_ledger_find_buffer(struct device *dev, const void *cpu_addr,
			    dma_addr_t dma_addr, struct dma_allocation *copy)
{
	return copy_at(dma_device_find(dev), is_buffer, cpu_addr, dma_addr,
		       copy) ||
	       copy_from_all(copy_any, is_buffer, cpu_addr, dma_addr, copy,
			     NULL);
}

/**
 * dma_ledger_next - walk all records, one at a time
 * @at: where the walk stands
 * @copy: filled with a copy of the next record
 *
 * No lock is held between two calls; what comes or goes meanwhile may be seen or
 * not, and what is there all the time is seen once. The walk has to go to its end.
 *
 * Context: any, irq-safe.
 * Return: true if there was one more.
 */
bool dma_ledger_next(struct dma_ledger_cursor *at, struct dma_allocation *copy)
{
	struct dma_allocation *record;
	unsigned long flags;

	if (!at->dma)
		at->dma = dma_device_next(NULL);
	while (at->dma) {
		spin_lock_irqsave(&at->dma->lock, flags);
		record = __next_of(at);
		if (record) {
			note_seen(at, record);
			*copy = *record;
		}
		spin_unlock_irqrestore(&at->dma->lock, flags);
		if (record)
			return true;
		at->dma = dma_device_next(at->dma);
		at->is_inside = false;
	}
	return false;
}

/**
 * dma_ledger_visit - have something done for each live buffer of a device
 * @dev: the device
 * @visit: what; called under the lock of the records, with interrupts off
 *
 * Context: process context.
 */
void dma_ledger_visit(struct device *dev,
		      void (*visit)(struct dma_allocation *record))
{
	struct dma_ledger_cursor at = { .dma = dma_device_find(dev) };
	struct dma_allocation *record;

	if (!at.dma)
		return;
	do {
		spin_lock_irq(&at.dma->lock);
		record = __next_of(&at);
		if (record) {
			note_seen(&at, record);
			visit(record);
		}
		spin_unlock_irq(&at.dma->lock);
	} while (record);
}

/**
 * dma_ledger_owner - which backend serves a buffer?
 * @dev: whose buffer
 * @dma_addr: an address in it
 *
 * Context: any, irq-safe; walks all of the device's.
 * Return: the backend's name, or NULL if no live buffer holds the address.
 */
const char *dma_ledger_owner(struct device *dev, dma_addr_t dma_addr)
{
	struct dma_allocation copy;

	return dma_ledger_find(dev, dma_addr, &copy) ? copy.backend->name :
						       NULL;
}

/**
 * dma_ledger_count - how many live buffers are there?
 * @dev: whose; NULL for all
 *
 * Context: any, irq-safe.
 * Return: their number.
 */
unsigned long dma_ledger_count(struct device *dev)
{
	struct dev_dma *dma = dev ? dma_device_find(dev) : NULL;
	unsigned long nr_live = 0;

	if (dev)
		return dma ? READ_ONCE(dma->nr_live) : 0;
	while ((dma = dma_device_next(dma)))
		nr_live += READ_ONCE(dma->nr_live);
	return nr_live;
}
