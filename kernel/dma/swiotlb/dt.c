// SPDX-License-Identifier: GPL-2.0-only
/*
 * Restricted pools: reserved-memory nodes "restricted-dma-pool".
 *
 * A device that binds such a node reaches, or is let to reach, nothing else:
 * all that it maps is bounced through the pool, and its consistent memory comes
 * from there as well (restricted.c).  Several devices may bind one node.
 *
 * The pool is made when the first device binds it, and stays.  It does not
 * grow: a firewall may know its limits.
 *
 * Whoever asks for confinement must not run without: where the pool can't be
 * made, the device gets a set without any buffers, so that all its mappings and
 * allocations are refused until the device tree, or what else was wrong, is
 * corrected.
 *
 * Locks: pools_mutex serialises making a pool on first use; inside it those of
 * swiotlb_pool_decrypt() and swiotlb_set_show().
 */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/of_fdt.h>
#include <linux/of_reserved_mem.h>
#include <linux/slab.h>

#include "../reserved.h"
#include "swiotlb.h"

static DEFINE_MUTEX(pools_mutex);

/* A set that never has any buffers */
static struct swiotlb_set denied = {
	.mem = {
		.force_bounce	= true,
		.for_alloc	= true,
	},
	.name = "nothing",
	.lock = __SPIN_LOCK_UNLOCKED(denied.lock),
	.pools = LIST_HEAD_INIT(denied.pools),
	.transients = LIST_HEAD_INIT(denied.transients),
	.ended = LIST_HEAD_INIT(denied.ended),
	.why_denied = "its restricted-dma-pool could not be set up",
};

/* Can the kernel get at all of it as at any other memory? */
static bool is_linear(phys_addr_t start, size_t size)
{
	phys_addr_t last = start + size - 1;

	return pfn_valid(PHYS_PFN(start)) && pfn_valid(PHYS_PFN(last)) &&
	       !PageHighMem(pfn_to_page(PHYS_PFN(start))) &&
	       !PageHighMem(pfn_to_page(PHYS_PFN(last)));
}

/**
 * swiotlb_reserved_create - a set of memory that is used for nothing else
 * @name: stays the caller's, and has to last
 * @start: of the memory
 * @size: in bytes; of it whole pages are used
 *
 * Context: process context, may sleep.
 * Return: the set, with all that its devices need; -EINVAL if there is no page
 * of the linear mapping in the memory; -ENOMEM; an error of decryption, after
 * which the memory is lost.
 */
struct swiotlb_set *swiotlb_reserved_create(const char *name, phys_addr_t start,
					    size_t size)
{
	phys_addr_t first = PAGE_ALIGN(start);
	phys_addr_t end = (start + size) & PAGE_MASK;
	struct swiotlb_set *set;
	struct io_tlb_pool *pool;
	int err = -ENOMEM;

	if (first >= end || !is_linear(first, end - first))
		return ERR_PTR(-EINVAL);
	set = kzalloc(sizeof(*set), GFP_KERNEL);
	pool = swiotlb_pool_create(first, end - first, 1, SWIOTLB_FROM_RESERVED,
				   GFP_KERNEL);
	if (!set || !pool)
		goto fail;
	swiotlb_set_init(set, name);
	set->mem.force_bounce = true;
	set->mem.for_alloc = true;
	set->info.users = "devices that bind the node";
	err = swiotlb_pool_decrypt(pool) ?: swiotlb_set_add(set, pool);
	if (err)
		goto fail;
	swiotlb_set_show(set);
	return set;
fail:
	if (pool)
		swiotlb_pool_destroy(pool);
	kfree(set);
	return ERR_PTR(err);
}

/**
 * swiotlb_reserved_destroy - end what swiotlb_reserved_create() has made
 * @set: the set; no device uses it any more
 *
 * Context: process context, may sleep.
 */
void swiotlb_reserved_destroy(struct swiotlb_set *set)
{
	swiotlb_set_hide(set);
	swiotlb_set_destroy(set);
	kfree(set);
}

/**
 * swiotlb_deny - let a device have no DMA at all
 * @dev: the device
 * @name: of the reserved-memory node that it was to be confined to
 *
 * Context: process context.
 */
void swiotlb_deny(struct device *dev, const char *name)
{
	dev_err(dev, "reserved-memory node %s: there is no restricted pool, so all DMA of this device is refused\n",
		name);
	dev->dma_io_tlb_mem = &denied.mem;
}

static const struct dma_node_fault fault_place = {
	"reg", DMA_NODE_BASE, "memory that the kernel's image is not in",
	.fate = DMA_NODE_HAD_NONE };
static const struct dma_node_fault fault_range = {
	"reg", DMA_NODE_BASE, "a page or more that the kernel has mapped",
	DMA_NODE_PAGE };
static const struct dma_node_fault fault_memory = {
	"size", DMA_NODE_SIZE,
	"memory for its bookkeeping, and memory that can be decrypted" };

/* The properties that say the opposite */
static const struct dma_node_fault faults[] = {
	{ "reusable", DMA_NODE_IS_PRESENT, "a restricted-dma-pool without it" },
	{ "linux,cma-default", DMA_NODE_IS_PRESENT,
	  "a restricted-dma-pool without it" },
	{ "linux,dma-default", DMA_NODE_IS_PRESENT,
	  "a restricted-dma-pool without it" },
	{ "no-map", DMA_NODE_IS_PRESENT, "a restricted-dma-pool without it" },
};

static int denied_device_init(struct reserved_mem *rmem, struct device *dev)
{
	dma_node_complain(dev, rmem->name, rmem->base, rmem->size, rmem->priv);
	swiotlb_deny(dev, rmem->name);
	return -EINVAL;
}

static const struct reserved_mem_ops denied_ops = {
	.device_init	= denied_device_init,
};

/**
 * swiotlb_denies - are these the operations of a node that came to nothing?
 * @ops: a node's
 *
 * Context: any.
 * Return: true if so.
 */
bool swiotlb_denies(const struct reserved_mem_ops *ops)
{
	return ops == &denied_ops;
}

static int restricted_device_init(struct reserved_mem *rmem, struct device *dev)
{
	struct swiotlb_set *set;

	mutex_lock(&pools_mutex);
	set = rmem->priv;
	if (!set) {
		set = swiotlb_reserved_create(rmem->name, rmem->base,
					      rmem->size);
		if (!IS_ERR(set))
			rmem->priv = set;
	}
	mutex_unlock(&pools_mutex);
	if (IS_ERR(set)) {
		dma_node_complain(dev, rmem->name, rmem->base, rmem->size,
				  PTR_ERR(set) == -EINVAL ? &fault_range :
							    &fault_memory);
		swiotlb_deny(dev, rmem->name);
		return PTR_ERR(set);
	}
	atomic_inc(&set->nr_users);
	dev->dma_io_tlb_mem = &set->mem;
	return 0;
}

static void restricted_device_release(struct reserved_mem *rmem,
				      struct device *dev)
{
	struct swiotlb_set *set = rmem->priv;

	atomic_dec(&set->nr_users);
	dev->dma_io_tlb_mem = &swiotlb_default.mem;
}

static const struct reserved_mem_ops restricted_ops = {
	.device_init	= restricted_device_init,
	.device_release	= restricted_device_release,
};

static int __init restricted_setup(struct reserved_mem *rmem)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(faults); i++)
		if (dma_node_has(rmem, faults[i].property))
			return dma_node_reject(rmem, &faults[i], &denied_ops);
	if (dma_node_is_in_kernel(rmem->base, rmem->size))
		return dma_node_reject(rmem, &fault_place, &denied_ops);
	rmem->ops = &restricted_ops;
	return 0;
}

RESERVEDMEM_OF_DECLARE(restricted, "restricted-dma-pool", restricted_setup);
