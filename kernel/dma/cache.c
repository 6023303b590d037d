// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that the kernel's linear mapping does not have, and that is never cached:
 * device pools and the global pool.  Streaming calls pass over it.
 *
 * Locks: unmapped_mutex protects the list while it changes; it is walked under RCU.
 */
#include <linux/dma-cache.h>
#include <linux/mutex.h>
#include <linux/rculist.h>

static DEFINE_MUTEX(unmapped_mutex);
static LIST_HEAD(all_unmapped);

/* Any such memory at all: lets streaming code skip the question. */
DEFINE_STATIC_KEY_FALSE(dma_has_unmapped_pools);

/**
 * dma_unmapped_add - make such memory known
 * @memory: complete but for link; stays the caller's
 *
 * Context: process context, may sleep.
 */
void dma_unmapped_add(struct dma_unmapped *memory)
{
	mutex_lock(&unmapped_mutex);
	list_add_tail_rcu(&memory->link, &all_unmapped);
	mutex_unlock(&unmapped_mutex);
	static_branch_inc(&dma_has_unmapped_pools);
}

/**
 * dma_unmapped_remove - forget such memory
 * @memory: known by dma_unmapped_add()
 *
 * Context: process context, may sleep.  Nobody looks at it when this returns.
 */
void dma_unmapped_remove(struct dma_unmapped *memory)
{
	mutex_lock(&unmapped_mutex);
	list_del_rcu(&memory->link);
	mutex_unlock(&unmapped_mutex);
	static_branch_dec(&dma_has_unmapped_pools);
	synchronize_rcu();
}

/**
 * dma_is_unmapped_pool - is an address in such memory?
 * @phys: physical address
 *
 * Context: any.
 * Return: true if so.
 */
bool dma_is_unmapped_pool(phys_addr_t phys)
{
	struct dma_unmapped *memory;
	bool is_found = false;

	rcu_read_lock();
	list_for_each_entry_rcu(memory, &all_unmapped, link) {
		if (phys - memory->phys < memory->size && phys >= memory->phys) {
			is_found = true;
			break;
		}
	}
	rcu_read_unlock();
	return is_found;
}
