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
 * A buffer that is freed may stay on its shelf as a resting one: nobody's, not
 * found by any look-up, and ready to be woken for its device's next request of
 * the same kind.  rest.c says which and for how long; here they are kept apart.
 * Resting and waking leave the tree as it is: that is what makes them cheap.
 *
 * Locks: shelf->lock, innermost in the layer, irq-safe.
 */
#include <linux/device.h>
#include <linux/hash.h>
#include <linux/jiffies.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>

#include "backend.h"
#include "ledger.h"
#include "rest.h"

#define DMA_SHELF_BITS	5
#define DMA_NR_SHELVES	BIT(DMA_SHELF_BITS)

/* How many rest on a shelf: each request of its devices looks at all of them. */
#define DMA_NR_BEDS	4

/**
 * struct dma_shelf - the records of some devices
 * @lock: protects all that follows, and the records
 * @root: the records, resting ones included
 * @last: the record made live last, which is often freed first; or NULL
 * @bytes_resting: how many bytes rest
 * @bed: where one got up or lay down last, which is the likeliest again
 * @beds: the records that rest, in any place; the others are NULL
 */
struct dma_shelf {
	spinlock_t		lock;	/* protects all that follows */
	struct rb_root		root;
	struct dma_allocation	*last;
	size_t			bytes_resting;
	struct dma_allocation	**bed;
	struct dma_allocation	*beds[DMA_NR_BEDS];
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

/* @record, or the next one that is live; NULL if none of this shelf is. */
static struct dma_allocation *__live_from(struct dma_allocation *record)
{
	while (record && record->is_resting)
		record = to_record(rb_next(&record->node));
	return record;
}

/* Does @record start at @dma_addr, and is it live, and @dev's? */
static bool is_start(const struct dma_allocation *record, struct device *dev,
		     dma_addr_t dma_addr, const void *cpu_addr)
{
	return record->dma_addr == dma_addr && record->cpu_addr == cpu_addr &&
	       record->dev == dev && !record->is_resting;
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
	struct dma_allocation *record = __live_from(from);

	if (record && record->dev == dev && record->dma_addr == dma_addr)
		return record;
	record = to_record(from ? rb_prev(&from->node) :
				  rb_last(&shelf->root));
	if (record && !record->is_resting && record->dev == dev &&
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

static struct dma_allocation *__get_up(struct dma_shelf *shelf,
				       struct dma_allocation **bed)
{
	struct dma_allocation *record = *bed;

	lockdep_assert_held(&shelf->lock);

	*bed = NULL;
	shelf->bytes_resting -= record->size;
	return record;
}

/* A free bed; without one, the bed behind the one used last. */
static struct dma_allocation **__choose_bed(struct dma_shelf *shelf)
{
	lockdep_assert_held(&shelf->lock);

	for (unsigned int i = 0; i < DMA_NR_BEDS; i++)
		if (!shelf->beds[i])
			return &shelf->beds[i];
	return shelf->bed == &shelf->beds[DMA_NR_BEDS - 1] ? shelf->beds :
							     shelf->bed + 1;
}

/* Returns who has no bed then: nobody, the one that lay there, or @record. */
static struct dma_allocation *__put_to_rest(struct dma_shelf *shelf,
					    struct dma_allocation *record)
{
	struct dma_allocation **bed = shelf->bed, *other;
	size_t bytes = shelf->bytes_resting + record->size;

	if (!bed || *bed)
		bed = __choose_bed(shelf);
	other = *bed;
	if (other)
		bytes -= other->size;
	if (bytes > READ_ONCE(dma_rest_limit)) {
		__remove(shelf, record);
		return record;
	}
	if (other)
		__remove(shelf, other);

	*bed = record;
	shelf->bed = bed;
	shelf->bytes_resting = bytes;
	record->is_resting = true;
	record->is_fresh = true;
	return other;
}

/**
 * dma_ledger_retire - end the use of a buffer: let it rest, or take it out
 * @dev: whose buffer
 * @dma_addr: where it starts for the device
 * @cpu_addr: what the driver holds; has to fit as well
 * @size: in bytes, of whole pages; a buffer of another size does not rest
 *
 * What rests has to go with its device's driver, so without one nothing does.
 *
 * Context: any, irq-safe.
 * Return: NULL if it rests; a record that the caller owns now: its own, or, with
 * is_resting set, one that had to make room for it; -ENOENT if there is no such
 * live buffer.
 */
struct dma_allocation *dma_ledger_retire(struct device *dev,
					 dma_addr_t dma_addr, void *cpu_addr,
					 size_t size)
{
	struct dma_shelf *shelf = shelf_of(dev);
	struct dma_allocation *record;
	unsigned long flags;

	spin_lock_irqsave(&shelf->lock, flags);
	record = __find_start(shelf, dev, dma_addr, cpu_addr);
	if (!record) {
		record = ERR_PTR(-ENOENT);
	} else if (record->kind && record->size == size &&
		   READ_ONCE(dev->driver)) {
		record = __put_to_rest(shelf, record);
	} else {
		__remove(shelf, record);
	}
	spin_unlock_irqrestore(&shelf->lock, flags);
	return record;
}

/* What a request wants of a record that rests. */
struct dma_wish {
	struct device	*dev;
	size_t		size;
	u32		kind;
	u64		last_dma;
};

static bool serves(const struct dma_allocation *record,
		   const struct dma_wish *wish)
{
	return record && record->size == wish->size &&
	       record->dev == wish->dev && record->kind == wish->kind &&
	       record->dma_addr + (wish->size - 1) <= wish->last_dma;
}

/* The bed of a record that serves; NULL if none does. */
static struct dma_allocation **__find_sleeper(struct dma_shelf *shelf,
					      const struct dma_wish *wish)
{
	lockdep_assert_held(&shelf->lock);

	if (serves(*shelf->bed, wish))
		return shelf->bed;
	for (unsigned int i = 0; i < DMA_NR_BEDS; i++)
		if (serves(shelf->beds[i], wish))
			return &shelf->beds[i];
	return NULL;
}

/**
 * dma_ledger_wake - make a resting buffer a live one
 * @dev: for which device
 * @size: in bytes, just that
 * @kind: of the same kind, not 0
 * @last_dma: the highest address it may have for the device, inclusive
 *
 * Context: any, irq-safe.
 * Return: the record, which is published; NULL if none of them serves.
 */
struct dma_allocation *dma_ledger_wake(struct device *dev, size_t size,
				       u32 kind, u64 last_dma)
{
	struct dma_wish wish = { dev, size, kind, last_dma };
	struct dma_shelf *shelf = shelf_of(dev);
	struct dma_allocation **bed, *record = NULL;
	unsigned long flags;

	/* A guess without the lock: most devices have nothing that rests. */
	if (!READ_ONCE(shelf->bytes_resting))
		return NULL;

	spin_lock_irqsave(&shelf->lock, flags);
	bed = shelf->bytes_resting ? __find_sleeper(shelf, &wish) : NULL;
	if (bed) {
		record = __get_up(shelf, bed);
		record->is_resting = false;
		record->since = jiffies;
		shelf->bed = bed;
		shelf->last = record;
	}
	spin_unlock_irqrestore(&shelf->lock, flags);
	return record;
}

/* Take out what rests on a shelf and is due; it goes before @chain. */
static struct dma_allocation *evict_from(struct dma_shelf *shelf,
					 dma_rest_test_t is_due,
					 const void *what,
					 struct dma_allocation *chain)
{
	unsigned long flags;

	spin_lock_irqsave(&shelf->lock, flags);
	for (unsigned int i = 0; i < DMA_NR_BEDS; i++) {
		struct dma_allocation *record = shelf->beds[i];

		if (!record || !is_due(record, what))
			continue;
		__get_up(shelf, &shelf->beds[i]);
		__remove(shelf, record);
		record->next_evicted = chain;
		chain = record;
	}
	spin_unlock_irqrestore(&shelf->lock, flags);
	return chain;
}

/**
 * dma_ledger_evict - take out resting buffers
 * @is_due: shall this one go? Called with the shelf's lock held, may change
 *	what the lock protects
 * @what: passed to it
 *
 * Context: any, irq-safe.
 * Return: those that are due, linked by next_evicted; the caller owns them.
 */
struct dma_allocation *dma_ledger_evict(dma_rest_test_t is_due,
					const void *what)
{
	struct dma_allocation *chain = NULL;

	for (unsigned int i = 0; i < DMA_NR_SHELVES; i++)
		chain = evict_from(&dma_shelves[i], is_due, what, chain);
	return chain;
}

/**
 * dma_ledger_resting - how much rests?
 * @priv: what a backend noted in the records: only these; NULL for all
 *
 * Context: any, irq-safe.
 * Return: bytes.
 */
size_t dma_ledger_resting(const void *priv)
{
	size_t bytes = 0;

	for (unsigned int i = 0; i < DMA_NR_SHELVES; i++) {
		struct dma_shelf *shelf = &dma_shelves[i];
		unsigned long flags;

		spin_lock_irqsave(&shelf->lock, flags);
		for (unsigned int bed = 0; bed < DMA_NR_BEDS; bed++) {
			struct dma_allocation *record = shelf->beds[bed];

			if (record && (!priv || record->priv == priv))
				bytes += record->size;
		}
		spin_unlock_irqrestore(&shelf->lock, flags);
	}
	return bytes;
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
	while (record && record->dev == dev &&
	       (record->cpu_addr != cpu_addr || record->is_resting))
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
		record = __live_from(__find_from(at, dev,
						 dev ? dma_addr + 1 : 0));
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
