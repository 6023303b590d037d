// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rehearsal: mappings that have no shadow are noted, and who rehearses is chosen.
 *
 * A shadow is of use only while nobody else has the memory mapped, so all that is
 * mapped is noted, from the first choice on: see rehearse_find.c.
 *
 * Locks: first_choice, a mutex, alone.
 */
#include <linux/cleanup.h>
#include <linux/dma-map-ops.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "../debug.h"
#include "rehearse.h"
#include "store.h"

static DEFINE_MUTEX(first_choice);	/* only one sees that nobody rehearses */

/**
 * dma_rehearse_note - note a mapping that is there
 * @dev: the device
 * @phys: of the memory
 * @size: in bytes
 * @dir: direction
 * @dma_addr: the device's address
 *
 * Context: any.
 */
void dma_rehearse_note(struct device *dev, phys_addr_t phys, size_t size,
		       enum dma_data_direction dir, dma_addr_t dma_addr)
{
	struct dma_rehearsal *it = dma_rehearse_make_note(dev, phys, size, dir);

	if (!it) {
		dma_rehearse_add_unknown();
		return;
	}
	dma_rehearse_enter(it);
	dma_rehearse_join_all(it);
	it->dma_addr = dma_addr;
	dma_rehearse_add(it);
}

/**
 * dma_rehearse_drop_note - a mapping ends that dma_rehearse_note() was told of
 * @dev: the device
 * @dma_addr: the device's address
 * @size: in bytes
 *
 * Context: any.
 */
void dma_rehearse_drop_note(struct device *dev, dma_addr_t dma_addr, size_t size)
{
	struct dma_rehearsal *it = dma_rehearse_take_note(dev, dma_addr, size);

	if (!it) {
		dma_rehearse_drop_unknown(1);
		return;
	}
	dma_rehearse_leave(it);
	dma_rehearse_put(it);
}

/* Its pages, if it has any that a driver could map as well; else 0 */
static phys_addr_t consistent_page(u64 cpu_addr)
{
	void *addr = (void *)(uintptr_t)cpu_addr;

	if (virt_addr_valid(addr))
		return virt_to_phys(addr);
	if (is_vmalloc_addr(addr) && (IS_ENABLED(CONFIG_FLATMEM) ||
				      IS_ENABLED(CONFIG_SPARSEMEM_VMEMMAP)))
		return PFN_PHYS(vmalloc_to_pfn(addr));
	return 0;
}

/**
 * dma_rehearse_note_consistent - note consistent memory, page by page
 * @dev: the device
 * @cpu_addr: the CPU's address, or what stands for it
 * @size: in bytes
 * @dma_addr: the device's address
 *
 * It is handed on to other devices, too.
 *
 * Context: any.
 */
void dma_rehearse_note_consistent(struct device *dev, u64 cpu_addr, size_t size,
				  dma_addr_t dma_addr)
{
	for (size_t at = 0; at < size; at += PAGE_SIZE) {
		phys_addr_t phys = consistent_page(cpu_addr + at);

		if (phys)
			dma_rehearse_note(dev, phys, PAGE_SIZE, DMA_BIDIRECTIONAL,
					  dma_addr + at);
	}
}

/**
 * dma_rehearse_drop_consistent - consistent memory is freed
 * @dev: the device
 * @cpu_addr: the CPU's address, or what stands for it
 * @size: in bytes
 * @dma_addr: the device's address
 *
 * Context: any.
 */
void dma_rehearse_drop_consistent(struct device *dev, u64 cpu_addr, size_t size,
				  dma_addr_t dma_addr)
{
	for (size_t at = 0; at < size; at += PAGE_SIZE)
		if (consistent_page(cpu_addr + at))
			dma_rehearse_drop_note(dev, dma_addr + at, PAGE_SIZE);
}

/* What a mapping holds whose entries were merged is not known any more. */
static void note_entry(const struct dma_debug_call *call, u32 nr_mapped)
{
	if (dma_rehearse_is_noted(call->dev, call->dma_addr) ||
	    call->kind == DMA_DEBUG_RESOURCE)
		return;
	if (call->kind == DMA_DEBUG_COHERENT)
		dma_rehearse_note_consistent(call->dev, call->memory, call->size,
					     call->dma_addr);
	else if (call->kind == DMA_DEBUG_SG && nr_mapped < call->nr_ents)
		dma_rehearse_add_unknown();
	else
		dma_rehearse_note(call->dev, call->memory, call->size, call->dir,
				  call->dma_addr);
}

/**
 * dma_rehearse_note_all - note what was mapped before anybody rehearsed
 *
 * From here on new mappings are noted as they are made; one that is made just now
 * may be missed.
 *
 * Context: process context, may sleep.
 */
void dma_rehearse_note_all(void)
{
	unsigned int bucket = 0, nr = 0;
	struct dma_debug_entry entry;

	while (dma_debug_next(&bucket, &nr, &entry))
		note_entry(&entry.call, entry.nr_mapped);
}

/* Mappings are noted before the first one has a shadow. */
static void begin_to_note(void)
{
	guard(mutex)(&first_choice);
	if (dma_debug_is_rehearsing())
		return;
	static_branch_enable(&dma_rehearse_key);
	dma_rehearse_note_all();
}

/**
 * dma_rehearse_choose - choose who rehearses from now on
 * @name: of a driver or a device, up to the first blank; empty for none
 *
 * Mappings that are there stay as they are.  Once somebody was chosen, all
 * devices' calls ask who is, until the machine is booted again: nobody can tell
 * when the last one has left that saw the answer of before.
 *
 * Context: process context, may sleep.
 */
void dma_rehearse_choose(const char *name)
{
	if (strcspn(name, " \t\n") && dma_debug_is_on())
		begin_to_note();
	dma_rehearse_set_chosen(name);
}
