// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who made a mapping, for dma-debug.
 *
 * Stacks lie in the stack depot, each of them once.  Most mappings are made again
 * and again by the same few callers, so each CPU remembers some stacks and their
 * handles: comparing four words is cheaper than the depot's search.
 *
 * No locks; interrupts are off while a CPU's own stacks are used.
 */
#include <linux/gfp.h>
#include <linux/hash.h>
#include <linux/irqflags.h>
#include <linux/percpu.h>
#include <linux/stackdepot.h>
#include <linux/string.h>

#include "store.h"

#define SLOT_BITS	3

struct known_stack {
	unsigned long frames[DMA_DEBUG_FRAMES];
	depot_stack_handle_t handle;		/* 0: none */
};

static DEFINE_PER_CPU(struct known_stack, known_stacks[BIT(SLOT_BITS)]);

static unsigned int slot_of(const unsigned long *frames)
{
	return hash_long(frames[0] + 3 * frames[1] + 5 * frames[2] +
			 7 * frames[3], SLOT_BITS);
}

static bool is_same(const unsigned long *one, const unsigned long *other)
{
	return one[0] == other[0] && one[1] == other[1] &&
	       one[2] == other[2] && one[3] == other[3];
}

static_assert(DMA_DEBUG_FRAMES == 4);

static depot_stack_handle_t look_up(const unsigned long *frames,
				    unsigned int slot)
{
	depot_stack_handle_t handle = 0;
	struct known_stack *known;
	unsigned long flags;

	local_irq_save(flags);
	known = this_cpu_ptr(&known_stacks[slot]);
	if (is_same(known->frames, frames))
		handle = known->handle;
	local_irq_restore(flags);
	return handle;
}

static void remember(const unsigned long *frames, unsigned int slot,
		     depot_stack_handle_t handle)
{
	struct known_stack *known;
	unsigned long flags;

	local_irq_save(flags);
	known = this_cpu_ptr(&known_stacks[slot]);
	memcpy(known->frames, frames, sizeof(known->frames));
	known->handle = handle;
	local_irq_restore(flags);
}

/**
 * dma_debug_keep_stack - keep a stack
 * @frames: DMA_DEBUG_FRAMES of them, 0 behind the last
 * @nr: how many there are
 *
 * Context: any.
 * Return: its handle; 0 if there is no memory for it.
 */
depot_stack_handle_t dma_debug_keep_stack(unsigned long *frames,
					  unsigned int nr)
{
	unsigned int slot = slot_of(frames);
	depot_stack_handle_t handle = look_up(frames, slot);
	depot_flags_t flags = 0;

	if (likely(handle))
		return handle;
	/* There, not even GFP_NOWAIT is for every context. */
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		flags = STACK_DEPOT_FLAG_CAN_ALLOC;
	handle = stack_depot_save_flags(frames, nr, GFP_NOWAIT | __GFP_NOWARN,
					flags);
	if (handle)
		remember(frames, slot, handle);
	return handle;
}
