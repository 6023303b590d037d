// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rehearsal: which mappings there are, by the device's address and by memory.
 *
 * A shadow is of use only while nobody else has the memory mapped: another device
 * would read poison there, and what it writes would be taken for the CPU's.  So
 * once somebody rehearses, every mapping of every device is *noted*, by the cache
 * lines that it touches: before the memory is touched or handed out, and until it
 * is unmapped.  A note is a rehearsal without a shadow.
 *
 * Two mappings go together if devices only read what they have in common.  Where
 * they don't, the later one gets no shadow, and the earlier one gives up its own:
 * see dma_rehearse_join_all() of rehearse.c.
 *
 * A mapping that there is no memory to note is counted as unknown; as long as there
 * are any, nobody gets a shadow.
 *
 * Shadows lie in memory of their own, so their addresses are disjoint, and one is
 * found by any address in it.  Notes are found by what their mapping is named by at
 * its end: device, address and size.  Of two alike, any will do.
 *
 * Locks: tree_lock, irq-safe, innermost.
 */
#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/device.h>
#include <linux/interval_tree_generic.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "../debug.h"
#include "rehearse.h"
#include "store.h"

static DEFINE_SPINLOCK(tree_lock);	/* protects the next three */
static struct rb_root shadows = RB_ROOT;
static struct rb_root notes = RB_ROOT;
static struct rb_root_cached lines = RB_ROOT_CACHED;

static atomic_t nr_unknown;

#define FIRST_LINE(it)	((it)->first_line)
#define LAST_LINE(it)	((it)->last_line)

INTERVAL_TREE_DEFINE(struct dma_rehearsal, line_node, u64, last_below,
		     FIRST_LINE, LAST_LINE, static __maybe_unused, lines)

static bool can_share(const struct dma_rehearsal *a,
		      const struct dma_rehearsal *b)
{
	return a->dir == DMA_TO_DEVICE && b->dir == DMA_TO_DEVICE;
}

/* A mapping of some of the same cache lines; of those with a shadow if wanted. */
static struct dma_rehearsal *find_other(struct dma_rehearsal *it,
					bool has_shadow)
{
	struct dma_rehearsal *other;

	lockdep_assert_held(&tree_lock);
	for (other = lines_iter_first(&lines, it->first_line, it->last_line);
	     other;
	     other = lines_iter_next(other, it->first_line, it->last_line)) {
		if (other == it || can_share(it, other))
			continue;
		if (!has_shadow ||
		    (!READ_ONCE(other->is_shared) && READ_ONCE(other->pages)))
			return other;
	}
	return NULL;
}

/**
 * dma_rehearse_enter - note which memory a mapping is of
 * @it: its phys, size and dir are set
 *
 * Context: any; of a rehearsal with a shadow, the lock is held.
 * Return: true if nobody has a cache line of it mapped who may not.
 */
bool dma_rehearse_enter(struct dma_rehearsal *it)
{
	unsigned long flags;
	bool is_alone;

	it->first_line = (u64)it->phys >> L1_CACHE_SHIFT;
	it->last_line = ((u64)it->phys + it->size - 1) >> L1_CACHE_SHIFT;
	spin_lock_irqsave(&tree_lock, flags);
	is_alone = !atomic_read(&nr_unknown) && !find_other(it, false);
	lines_insert(it, &lines);
	spin_unlock_irqrestore(&tree_lock, flags);
	return is_alone;
}

/**
 * dma_rehearse_leave - forget it again
 * @it: entered
 *
 * Context: any.
 */
void dma_rehearse_leave(struct dma_rehearsal *it)
{
	unsigned long flags;

	spin_lock_irqsave(&tree_lock, flags);
	lines_remove(it, &lines);
	spin_unlock_irqrestore(&tree_lock, flags);
}

/**
 * dma_rehearse_other - a mapping with poison that wants the same memory
 * @it: entered, without a shadow
 *
 * Context: any.
 * Return: it, with a reference; NULL if there is none.
 */
struct dma_rehearsal *dma_rehearse_other(struct dma_rehearsal *it)
{
	struct dma_rehearsal *other;
	unsigned long flags;

	spin_lock_irqsave(&tree_lock, flags);
	other = find_other(it, true);
	if (other)
		refcount_inc(&other->nr_users);
	spin_unlock_irqrestore(&tree_lock, flags);
	return other;
}

static bool is_before(const struct dma_rehearsal *it, const struct device *dev,
		      dma_addr_t dma_addr, size_t size)
{
	if (it->dev != dev)
		return it->dev < dev;
	return it->dma_addr != dma_addr ? it->dma_addr < dma_addr :
					  it->size < size;
}

/**
 * dma_rehearse_add - a mapping has got its address
 * @it: entered, with its address
 *
 * Context: any.
 */
void dma_rehearse_add(struct dma_rehearsal *it)
{
	struct rb_root *tree = it->pages ? &shadows : &notes;
	struct rb_node **link = &tree->rb_node, *parent = NULL;
	unsigned long flags;

	spin_lock_irqsave(&tree_lock, flags);
	while (*link) {
		parent = *link;
		link = is_before(rb_entry(parent, struct dma_rehearsal, node),
				 it->dev, it->dma_addr, it->size) ?
		       &parent->rb_right : &parent->rb_left;
	}
	rb_link_node(&it->node, parent, link);
	rb_insert_color(&it->node, tree);
	spin_unlock_irqrestore(&tree_lock, flags);
}

/* The first shadow that holds any of the device's addresses @start to @end */
static struct dma_rehearsal *find_shadow(const struct device *dev, u64 start,
					 u64 end)
{
	struct dma_rehearsal *found = NULL;
	struct rb_node *node = shadows.rb_node;

	lockdep_assert_held(&tree_lock);
	while (node) {
		struct dma_rehearsal *it;

		it = rb_entry(node, struct dma_rehearsal, node);
		if (it->dev != dev ? it->dev < dev :
				     (u64)it->dma_addr + it->size <= start) {
			node = node->rb_right;
		} else {
			found = it;
			node = node->rb_left;
		}
	}
	return found && found->dev == dev && found->dma_addr < end ? found : NULL;
}

static struct dma_rehearsal *find_note(const struct device *dev,
				       dma_addr_t dma_addr, size_t size)
{
	struct rb_node *node = notes.rb_node;

	lockdep_assert_held(&tree_lock);
	while (node) {
		struct dma_rehearsal *it;

		it = rb_entry(node, struct dma_rehearsal, node);
		if (it->dev == dev && it->dma_addr == dma_addr &&
		    it->size == size)
			return it;
		node = is_before(it, dev, dma_addr, size) ? node->rb_right :
							    node->rb_left;
	}
	return NULL;
}

/**
 * dma_rehearse_get_any - look for a rehearsal with a shadow
 * @dev: the device
 * @start: of a range of its addresses
 * @end: of that range
 *
 * Context: any.
 * Return: the first one that holds any of these addresses, with a reference, or
 * NULL.
 */
struct dma_rehearsal *dma_rehearse_get_any(const struct device *dev, u64 start,
					   u64 end)
{
	struct dma_rehearsal *it;
	unsigned long flags;

	spin_lock_irqsave(&tree_lock, flags);
	it = find_shadow(dev, start, end);
	if (it)
		refcount_inc(&it->nr_users);
	spin_unlock_irqrestore(&tree_lock, flags);
	return it;
}

/**
 * dma_rehearse_take_any - take a rehearsal with a shadow out
 * @dev: the device
 * @start: of a range of its addresses
 * @end: of that range
 *
 * Context: any.
 * Return: the first one that holds any of these addresses, with the mapping's
 * reference, or NULL.
 */
struct dma_rehearsal *dma_rehearse_take_any(const struct device *dev, u64 start,
					    u64 end)
{
	struct dma_rehearsal *it;
	unsigned long flags;

	spin_lock_irqsave(&tree_lock, flags);
	it = find_shadow(dev, start, end);
	if (it)
		rb_erase(&it->node, &shadows);
	spin_unlock_irqrestore(&tree_lock, flags);
	return it;
}

/**
 * dma_rehearse_take_note - take a note out
 * @dev: the device
 * @dma_addr: of its mapping
 * @size: of its mapping, in bytes
 *
 * Context: any.
 * Return: the note, with the mapping's reference, or NULL.
 */
struct dma_rehearsal *dma_rehearse_take_note(const struct device *dev,
					     dma_addr_t dma_addr, size_t size)
{
	struct dma_rehearsal *it;
	unsigned long flags;

	spin_lock_irqsave(&tree_lock, flags);
	it = find_note(dev, dma_addr, size);
	if (it)
		rb_erase(&it->node, &notes);
	spin_unlock_irqrestore(&tree_lock, flags);
	return it;
}

/**
 * dma_rehearse_take - a mapping is to be unmapped
 * @dev: the device
 * @dma_addr: the device's address
 * @size: of the mapping, in bytes
 *
 * Context: any.
 * Return: its rehearsal, to be ended once it is unmapped; NULL if it has none.
 */
struct dma_rehearsal *dma_rehearse_take(struct device *dev, dma_addr_t dma_addr,
					size_t size)
{
	struct dma_rehearsal *it;
	unsigned long flags;

	spin_lock_irqsave(&tree_lock, flags);
	it = find_shadow(dev, dma_addr, (u64)dma_addr + 1);
	if (it && it->dma_addr == dma_addr)
		rb_erase(&it->node, &shadows);
	else
		it = NULL;
	spin_unlock_irqrestore(&tree_lock, flags);
	it = it ?: dma_rehearse_take_note(dev, dma_addr, size);
	if (!it)
		dma_rehearse_drop_unknown(1);
	return it;
}

/**
 * dma_rehearse_add_unknown - a mapping could not be noted
 *
 * Context: any.
 */
void dma_rehearse_add_unknown(void)
{
	atomic_inc(&nr_unknown);
}

/**
 * dma_rehearse_drop_unknown - mappings end that were not noted
 * @nr: how many
 *
 * Context: any.
 */
void dma_rehearse_drop_unknown(unsigned int nr)
{
	while (nr-- && atomic_add_unless(&nr_unknown, -1, 0))
		;
}

/**
 * dma_rehearse_is_noted - is there anything at an address?
 * @dev: the device
 * @dma_addr: the address
 *
 * Context: any.
 * Return: true if so.
 */
bool dma_rehearse_is_noted(const struct device *dev, dma_addr_t dma_addr)
{
	struct rb_node *node = notes.rb_node;
	unsigned long flags;
	bool is_found;

	spin_lock_irqsave(&tree_lock, flags);
	is_found = find_shadow(dev, dma_addr, (u64)dma_addr + 1);
	while (node && !is_found) {
		struct dma_rehearsal *it;

		it = rb_entry(node, struct dma_rehearsal, node);
		is_found = it->dev == dev && it->dma_addr == dma_addr;
		node = is_before(it, dev, dma_addr, 0) ? node->rb_right :
							 node->rb_left;
	}
	spin_unlock_irqrestore(&tree_lock, flags);
	return is_found;
}
