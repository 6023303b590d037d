// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ledger: who owns which live consistent allocation.
 *
 * Records are keyed by (device, dma_addr).  They stand on shelves, one rbtree
 * with one lock each; a device's records share a shelf, so that the record
 * that holds an interior address is the last one that starts at or before it.
 *
 * Publishing and taking cannot fail: the record carries its own node and was
 * made before the memory was.  Whoever takes a record owns it and is the only
 * one who may undo it, which is what makes a second free harmless.
 *
 * Locks: shelf->lock, innermost in the layer, irq-safe.
 */
#include <linux/device.h>
#include <linux/hash.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>

#include "backend.h"
#include "ledger.h"

#define DMA_SHELF_BITS	5
#define DMA_NR_SHELVES	BIT(DMA_SHELF_BITS)

/**
 * struct dma_shelf - the records of some devices
 * @lock: protects all that follows, and the records
 * @root: the records
 * @last: the record made live last, which is often freed first; or NULL
 */
struct dma_shelf {
	spinlock_t		lock;	/* protects all that follows */
	struct rb_root		root;
	struct dma_allocation	*last;
} ____cacheline_aligned_in_smp;

static struct dma_shelf dma_shelves[DMA_NR_SHELVES] = {
	[0 ... DMA_NR_SHELVES - 1] = {
		.lock = __SPIN_LOCK_UNLOCKED(dma_shelves.lock),
		.root = RB_ROOT,
	},
};

static struct dma_shelf *shelf_of(struct device *dev)
{
	return &dma_shelves[hash_32((unsigned long)dev / L1_CACHE_BYTES,
				    DMA_SHELF_BITS)];
}

static struct dma_allocation *to_record(struct rb_node *node)
{
	return rb_entry_safe(node, struct dma_allocation, node);
}

/* Does the record @a come before the key (@dev, @dma_addr)? */
static bool is_before(const struct dma_allocation *a, struct device *dev,
		      dma_addr_t dma_addr)
{
	if (a->dev != dev)
		return (unsigned long)a->dev < (unsigned long)dev;
	return a->dma_addr < dma_addr;
}

/* The first record at or behind the key (@dev, @dma_addr), or NULL. */
static struct dma_allocation *__find_from(struct dma_shelf *shelf,
					  struct device *dev,
					  dma_addr_t dma_addr)
{
	struct rb_node *at = shelf->root.rb_node;
	struct dma_allocation *found = NULL;

	lockdep_assert_held(&shelf->lock);

	while (at) {
		struct dma_allocation *record = to_record(at);

		if (is_before(record, dev, dma_addr)) {
			at = at->rb_right;
		} else {
			found = record;
			at = at->rb_left;
		}
	}
	return found;
}

/* Does @record start at @dma_addr, and is it @dev's? */
static bool is_start(const struct dma_allocation *record, struct device *dev,
		     dma_addr_t dma_addr, const void *cpu_addr)
{
	return record->dma_addr == dma_addr && record->cpu_addr == cpu_addr &&
	       record->dev == dev;
}

static noinline struct dma_allocation *
__find_start_in_tree(struct dma_shelf *shelf, struct device *dev,
		     dma_addr_t dma_addr, const void *cpu_addr)
{
	struct dma_allocation *record = __find_from(shelf, dev, dma_addr);

	/* A device of its own RAM may see that where it sees ours as well. */
	while (record && record->dev == dev && record->dma_addr == dma_addr) {
		if (is_start(record, dev, dma_addr, cpu_addr))
			return record;
		record = to_record(rb_next(&record->node));
	}
	return NULL;
}

/* The record that starts at @dma_addr and has this @cpu_addr, or NULL. */
static __always_inline struct dma_allocation *
__find_start(struct dma_shelf *shelf, struct device *dev, dma_addr_t dma_addr,
	     const void *cpu_addr)
{
	if (shelf->last && is_start(shelf->last, dev, dma_addr, cpu_addr))
		return shelf->last;
	return __find_start_in_tree(shelf, dev, dma_addr, cpu_addr);
}

static void __remove(struct dma_shelf *shelf, struct dma_allocation *record)
{
	lockdep_assert_held(&shelf->lock);

	rb_erase(&record->node, &shelf->root);
	if (shelf->last == record)
		shelf->last = NULL;
}

/* The record of @dev that holds @dma_addr, at its start or inside. */
static struct dma_allocation *__find_holding(struct dma_shelf *shelf,
					     struct device *dev,
					     dma_addr_t dma_addr)
{
	struct dma_allocation *from = __find_from(shelf, dev, dma_addr);
	struct dma_allocation *record = from;

	if (record && record->dev == dev && record->dma_addr == dma_addr)
		return record;
	record = to_record(from ? rb_prev(&from->node) :
				  rb_last(&shelf->root));
	if (record && record->dev == dev &&
	    dma_addr - record->dma_addr < record->size)
		return record;
	return NULL;
}

/**
 * dma_ledger_publish - make a finished allocation known
 * @record: complete; belongs to the ledger from now on
 *
 * Context: any, irq-safe.  Can't fail.
 */
void dma_ledger_publish(struct dma_allocation *record)
{
	struct dma_shelf *shelf = shelf_of(record->dev);
	struct rb_node **link, *parent = NULL;
	unsigned long flags;

	spin_lock_irqsave(&shelf->lock, flags);
	link = &shelf->root.rb_node;
	while (*link) {
		parent = *link;
		link = is_before(to_record(parent), record->dev,
				 record->dma_addr) ? &parent->rb_right :
						     &parent->rb_left;
	}
	rb_link_node(&record->node, parent, link);
	rb_insert_color(&record->node, &shelf->root);
	shelf->last = record;
	spin_unlock_irqrestore(&shelf->lock, flags);
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
	struct dma_shelf *shelf = shelf_of(dev);
	struct dma_allocation *record;
	unsigned long flags;

	spin_lock_irqsave(&shelf->lock, flags);
	record = __find_start(shelf, dev, dma_addr, cpu_addr);
	if (record)
		__remove(shelf, record);
	spin_unlock_irqrestore(&shelf->lock, flags);
	return record;
}

/**
 * dma_ledger_take_by_cpu - take a record whose DMA address is not known
 * @dev: whose buffer
 * @cpu_addr: what the driver holds
 *
 * Walks the device's records.  For arch/x86/kernel/amd_gart_64.c, which frees
 * without the address; goes when that file passes it.
 *
 * Context: any, irq-safe.
 * Return: the record, which the caller owns now, or NULL.
 */
struct dma_allocation *dma_ledger_take_by_cpu(struct device *dev,
					      void *cpu_addr)
{
	struct dma_shelf *shelf = shelf_of(dev);
	struct dma_allocation *record;
	unsigned long flags;

	spin_lock_irqsave(&shelf->lock, flags);
	record = __find_from(shelf, dev, 0);
	while (record && record->dev == dev && record->cpu_addr != cpu_addr)
		record = to_record(rb_next(&record->node));
	if (record && record->dev == dev)
		__remove(shelf, record);
	else
		record = NULL;
	spin_unlock_irqrestore(&shelf->lock, flags);
	return record;
}

/**
 * dma_ledger_find - look up the buffer that holds an address
 * @dev: whose buffer
 * @dma_addr: an address in it, not only its start
 * @copy: filled with a copy of the record, whose node means nothing
 *
 * A copy, since the record lives only until its owner frees the buffer.
 *
 * Context: any, irq-safe.
 * Return: true if there is one.
 */
bool dma_ledger_find(struct device *dev, dma_addr_t dma_addr,
		     struct dma_allocation *copy)
{
	struct dma_shelf *shelf = shelf_of(dev);
	struct dma_allocation *record;
	unsigned long flags;

	spin_lock_irqsave(&shelf->lock, flags);
	record = __find_holding(shelf, dev, dma_addr);
	if (record)
		*copy = *record;
	spin_unlock_irqrestore(&shelf->lock, flags);
	return record;
}

/**
 * dma_ledger_next - walk all records, one at a time
 * @dev: device of the record before, NULL at the start
 * @dma_addr: address of the record before
 * @shelf: where the walk stands; 0 at the start
 * @copy: filled with a copy of the next record
 *
 * No lock is held between two calls; records that come and go meanwhile may
 * be seen or not.
 *
 * Context: any, irq-safe.
 * Return: true if there was one more.
 */
bool dma_ledger_next(struct device *dev, dma_addr_t dma_addr,
		     unsigned int *shelf, struct dma_allocation *copy)
{
	for (; *shelf < DMA_NR_SHELVES; ++*shelf, dev = NULL) {
		struct dma_shelf *at = &dma_shelves[*shelf];
		struct dma_allocation *record;
		unsigned long flags;

		spin_lock_irqsave(&at->lock, flags);
		record = __find_from(at, dev, dev ? dma_addr + 1 : 0);
		if (record)
			*copy = *record;
		spin_unlock_irqrestore(&at->lock, flags);
		if (record)
			return true;
	}
	return false;
}

/* Is this the address of the buffer, or of what the device sees at @dma_addr? */
static bool is_its_cpu_addr(const struct dma_allocation *record,
			    const void *cpu_addr, dma_addr_t dma_addr)
{
	size_t offset = dma_addr - record->dma_addr;

	return cpu_addr == record->cpu_addr ||
	       cpu_addr == record->cpu_addr + offset;
}

/**
 * dma_ledger_find_buffer - look up a buffer without knowing whose it is
 * @cpu_addr: the CPU's address of it, or of the place at @dma_addr
 * @dma_addr: an address in it, as its owner sees it
 * @copy: filled with a copy of the record
 *
 * Walks everything: for drivers that name another device than at allocation.
 *
 * Context: any, irq-safe.
 * Return: true if there is one that fits both addresses.
 */
bool dma_ledger_find_buffer(const void *cpu_addr, dma_addr_t dma_addr,
			    struct dma_allocation *copy)
{
	struct device *dev = NULL;
	dma_addr_t last = 0;
	unsigned int shelf = 0;

	while (dma_ledger_next(dev, last, &shelf, copy)) {
		if (dma_addr - copy->dma_addr < copy->size &&
		    is_its_cpu_addr(copy, cpu_addr, dma_addr))
			return true;
		dev = copy->dev;
		last = copy->dma_addr;
	}
	return false;
}

/**
 * dma_ledger_find_holder - does any device hold a buffer at this address?
 * @dma_addr: the address
 * @copy: filled with a copy of the record
 *
 * Walks everything: for the message about a wrong free.
 *
 * Context: any, irq-safe.
 * Return: true if one was found.
 */
bool dma_ledger_find_holder(dma_addr_t dma_addr, struct dma_allocation *copy)
{
	struct device *dev = NULL;
	dma_addr_t last = 0;
	unsigned int shelf = 0;

	while (dma_ledger_next(dev, last, &shelf, copy)) {
		if (dma_addr - copy->dma_addr < copy->size)
			return true;
		dev = copy->dev;
		last = copy->dma_addr;
	}
	return false;
}

/**
 * dma_ledger_owner - which backend serves a buffer?
 * @dev: whose buffer
 * @dma_addr: an address in it
 *
 * Context: any, irq-safe.
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
 * Context: any, irq-safe; walks everything.
 * Return: their number.
 */
unsigned long dma_ledger_count(struct device *dev)
{
	struct dma_allocation copy = {};
	unsigned long count = 0;
	unsigned int shelf = 0;

	while (dma_ledger_next(copy.dev, copy.dma_addr, &shelf, &copy))
		if (!dev || copy.dev == dev)
			count++;
	return count;
}
