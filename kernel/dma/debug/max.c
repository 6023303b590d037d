// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma-debug: the largest mapping that a driver may ask for, in any context.
 *
 * dma_max_mapping_size() is for process context: where dma-ranges leave RAM out, it
 * walks the tree of resources, whose lock is taken with interrupts on.  Mappings are
 * made in interrupts, too.  So for such a device the answer is worked out when its
 * driver sets the mask, and kept, with what it depends on.  Where none is kept that
 * fits, nothing is checked: a mistake is missed, and none is made up.
 *
 * Locks: answers_lock, irq-safe, alone.
 */
#include <linux/device.h>
#include <linux/dma-limits.h>
#include <linux/dma-map-ops.h>
#include <linux/hash.h>
#include <linux/limits.h>
#include <linux/spinlock.h>

#include "../debug.h"
#include "../direct.h"
#include "../route.h"
#include "store.h"

#define ANSWER_BITS	8

/* What was worked out for a device; the last one with this hash. */
struct answer {
	const struct device		*dev;
	const struct bus_dma_region	*windows;
	u64				last_dma;
	size_t				max;
};

static struct answer answers[BIT(ANSWER_BITS)];
static DEFINE_SPINLOCK(answers_lock);	/* protects answers */

static struct answer question_of(struct device *dev)
{
	return (struct answer) {
		.dev		= dev,
		.windows	= dev->dma_range_map,
		.last_dma	= dma_last_address(dev, dma_get_mask(dev)),
	};
}

static struct answer *place_of(const struct device *dev)
{
	return &answers[hash_ptr(dev, ANSWER_BITS)];
}

/* As dma_max_mapping_size() answers */
static size_t largest_mapping(struct device *dev)
{
	return dma_by_route(dma_stream_route(dev), max_mapping_size, dev);
}

/* Is it for the device alone to say?  Then it takes no walk. */
static bool is_simple(struct device *dev)
{
	return !dev->dma_range_map || dma_stream_route(dev) != DMA_ROUTE_DIRECT;
}

/**
 * dma_debug_set_mask - a driver has set the mask for streaming mappings
 * @dev: the device
 *
 * Context: process context.
 */
void dma_debug_set_mask(struct device *dev)
{
	struct answer answer = question_of(dev);
	unsigned long flags;

	if (is_simple(dev))
		return;
	answer.max = largest_mapping(dev);
	spin_lock_irqsave(&answers_lock, flags);
	*place_of(dev) = answer;
	spin_unlock_irqrestore(&answers_lock, flags);
}

/**
 * dma_debug_max_size - the largest mapping that a driver may ask for
 * @dev: the device
 *
 * Context: any.
 * Return: bytes; SIZE_MAX for no limit, or if it is not known.
 */
size_t dma_debug_max_size(struct device *dev)
{
	struct answer question, *answer = place_of(dev);
	size_t max = SIZE_MAX;
	unsigned long flags;

	if (is_simple(dev))
		return largest_mapping(dev);
	question = question_of(dev);
	spin_lock_irqsave(&answers_lock, flags);
	if (answer->dev == dev && answer->windows == question.windows &&
	    answer->last_dma == question.last_dma)
		max = answer->max;
	spin_unlock_irqrestore(&answers_lock, flags);
	return max;
}
