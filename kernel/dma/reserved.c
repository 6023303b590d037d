// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reserved-memory nodes "shared-dma-pool" of the device tree.
 *
 * Documentation/devicetree/bindings/reserved-memory/dma-pool.yaml:
 *
 *   no-map              a device pool, and with linux,dma-default the global
 *                       pool (coherent.c)
 *   reusable            a CMA area, and with linux,cma-default the default
 *                       one (contiguous.c)
 *
 * This file reads the nodes, once, and decides what each becomes.  A node that
 * can't become anything gets one line in the log that names the property, its
 * value and what is needed, and a driver that binds it later gets the same line
 * and an error.  Its memory stays reserved if it has a reg, since a firmware or
 * a device may know these addresses; what the kernel has placed itself goes
 * back.  Memory that is the kernel's is no reserved memory any more: from the
 * first initcall on, of_reserved_mem_lookup() does not find such a node.
 *
 * The nodes are read before there is a slab allocator.  The global pool is made
 * by an initcall; any other pool is mapped when the first device binds it, since
 * many boards have more of them than they use.
 *
 * Locks: pools_mutex serialises making a pool on first use.  The list of absent
 * nodes is written by the initcall and constant after.
 */
#include <linux/cma.h>
#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/init.h>
#include <linux/list.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/of.h>
#include <linux/of_fdt.h>
#include <linux/of_reserved_mem.h>
#include <linux/slab.h>

#include <asm/sections.h>

#include "backend.h"
#include "coherent.h"
#include "contiguous.h"
#include "reserved.h"

static const struct dma_node_fault fault_cma_default = {
	"linux,cma-default", DMA_NODE_IS_PRESENT,
	"reusable as well; it is a device pool" };
static const struct dma_node_fault fault_dma_default = {
	"linux,dma-default", DMA_NODE_IS_PRESENT,
	"no-map, and not reusable; it is a CMA area" };
static const struct dma_node_fault fault_second_cma = {
	"linux,cma-default", DMA_NODE_IS_PRESENT,
	"a single default: another node was it, and is a device CMA area now" };
static const struct dma_node_fault fault_second_dma = {
	"linux,dma-default", DMA_NODE_IS_PRESENT,
	"a single default: another node was it, and is a device pool now" };
static const struct dma_node_fault fault_by_cmdline = {
	"linux,cma-default", DMA_NODE_IS_PRESENT,
	"no cma= on the command line, which has taken the node's place",
	.fate = DMA_NODE_GIVEN_BACK };
static const struct dma_node_fault fault_whole_pages = {
	"reg", DMA_NODE_BASE,
	"whole pages; only those within it are used", DMA_NODE_PAGE };
static const struct dma_node_fault fault_no_area = {
	"reusable", DMA_NODE_IS_PRESENT,
	"a free CMA area (see CONFIG_CMA_AREAS)" };
static const struct dma_node_fault fault_no_room = {
	"size", DMA_NODE_SIZE, "as much free memory within its alloc-ranges" };
static const struct dma_node_fault fault_no_pool = {
	"compatible shared-dma-pool", DMA_NODE_IS_MISSING,
	"it, for a driver that binds the node" };

/**
 * struct absent_node - a node whose memory is the kernel's
 * @link: in absent_nodes
 * @name: the node's
 * @base: where it was
 * @size: in bytes
 * @fault: why
 */
struct absent_node {
	struct list_head		link;
	const char			*name;
	phys_addr_t			base;
	phys_addr_t			size;
	const struct dma_node_fault	*fault;
};

static LIST_HEAD(absent_nodes);
/* Of the node that is the global pool; NULL: there is none */
static const char *global_name;
static DEFINE_MUTEX(pools_mutex);

static int rejected_device_init(struct reserved_mem *rmem, struct device *dev)
{
	dma_node_complain(dev, rmem->name, rmem->base, rmem->size, rmem->priv);
	return -EINVAL;
}

static const struct reserved_mem_ops rejected_ops = {
	.device_init	= rejected_device_init,
};

static int cma_device_init(struct reserved_mem *rmem, struct device *dev)
{
	return dma_cma_bind(dev, rmem->priv);
}

static void cma_device_release(struct reserved_mem *rmem, struct device *dev)
{
	dma_cma_bind(dev, NULL);
}

static const struct reserved_mem_ops cma_ops = {
	.device_init	= cma_device_init,
	.device_release	= cma_device_release,
};

/* The pool of a node, made when it is first asked for, of whole pages. */
static struct dma_coherent_pool *node_pool(struct reserved_mem *rmem,
					   bool is_global)
{
	phys_addr_t first = PAGE_ALIGN(rmem->base);
	phys_addr_t end = (rmem->base + rmem->size) & PAGE_MASK;
	const char *kind = is_global ? dma_global_pool.name :
				       dma_device_pool.name;
	const char *users = is_global ? "devices that are not coherent" :
					"devices that bind the node";
	struct dma_coherent_pool *pool;

	mutex_lock(&pools_mutex);
	pool = rmem->priv;
	if (!pool) {
		pool = dma_coherent_pool_create(rmem->name, first, end - first,
						kind, users);
		if (!IS_ERR(pool))
			rmem->priv = pool;
	}
	mutex_unlock(&pools_mutex);
	return pool;
}

static int pool_device_init(struct reserved_mem *rmem, struct device *dev)
{
	struct dma_coherent_pool *pool = node_pool(rmem, false);

	if (IS_ERR(pool)) {
		dev_err(dev, "reserved-memory node %s: no pool: error %ld\n",
			rmem->name, PTR_ERR(pool));
		return PTR_ERR(pool);
	}
	return dma_coherent_pool_bind(dev, pool);
}

static void pool_device_release(struct reserved_mem *rmem, struct device *dev)
{
	dma_coherent_pool_unbind(dev, rmem->priv);
}

static const struct reserved_mem_ops pool_ops = {
	.device_init	= pool_device_init,
	.device_release	= pool_device_release,
};

static const struct dma_node_fault * __init
setup_cma(struct reserved_mem *rmem)
{
	bool is_default = dma_node_has(rmem, "linux,cma-default");
	const struct dma_node_fault *fault = dma_node_cma_fault(rmem);
	int err;

	if (fault)
		return fault;
	if (dma_node_has(rmem, "linux,dma-default"))
		dma_node_warn(rmem, &fault_dma_default);
	if (is_default && dma_cma_is_second())
		dma_node_warn(rmem, &fault_second_cma);
	err = dma_cma_add_node(rmem, is_default);
	if (err)
		return err == -EEXIST ? &fault_by_cmdline : &fault_no_area;
	rmem->ops = &cma_ops;
	return NULL;
}

static const struct dma_node_fault * __init
setup_pool(struct reserved_mem *rmem)
{
	const struct dma_node_fault *fault = dma_node_pool_fault(rmem);

	if (fault)
		return fault;
	if (!PAGE_ALIGNED(rmem->base | rmem->size))
		dma_node_warn(rmem, &fault_whole_pages);
	if (dma_node_has(rmem, "linux,cma-default"))
		dma_node_warn(rmem, &fault_cma_default);
	rmem->ops = &pool_ops;
	if (!dma_node_has(rmem, "linux,dma-default"))
		return NULL;
	if (global_name)
		dma_node_warn(rmem, &fault_second_dma);
	global_name = rmem->name;
	return NULL;
}

static int __init dma_node_setup(struct reserved_mem *rmem)
{
	const struct dma_node_fault *fault;

	fault = dma_node_has(rmem, "reusable") ? setup_cma(rmem) :
						 setup_pool(rmem);
	if (!fault)
		return 0;
	dma_contiguous_early_forget(rmem->base);
	return dma_node_reject(rmem, fault, &rejected_ops);
}

RESERVEDMEM_OF_DECLARE(dma, "shared-dma-pool", dma_node_setup);

/* What a node that has no memory asks for; 0 if that can't be read */
static phys_addr_t wanted_size(struct device_node *np)
{
	const __be32 *size;
	int len;

	size = of_get_property(np, "size", &len);
	return size ? of_read_number(size, len / sizeof(*size)) : 0;
}

static bool is_for_dma(struct device_node *np)
{
	return of_device_is_compatible(np, "shared-dma-pool") ||
	       of_device_is_compatible(np, "restricted-dma-pool");
}

/* Nothing was reserved for a node, and nothing is known of it. */
static void complain_of_size(struct device *dev, struct device_node *np)
{
	phys_addr_t size = wanted_size(np);

	if (is_for_dma(np))
		dma_node_complain(dev, kbasename(np->full_name), 0, size,
				  size ? &fault_no_room :
				  dma_node_size_fault(of_property_read_bool(np, "reusable")));
	else
		dma_node_complain(dev, kbasename(np->full_name), 0, 0,
				  &fault_no_pool);
}

static void explain_absence(struct device *dev, struct device_node *np)
{
	struct absent_node *absent;

	list_for_each_entry(absent, &absent_nodes, link) {
		if (strcmp(absent->name, kbasename(np->full_name)))
			continue;
		dma_node_complain(dev, absent->name, absent->base, absent->size,
				  absent->fault);
		return;
	}
	if (of_reserved_mem_lookup(np))
		dma_node_complain(dev, kbasename(np->full_name), 0, 0,
				  &fault_no_pool);
	else
		complain_of_size(dev, np);
}

/**
 * dma_explain_absent_node - say why a device can't bind a node
 * @dev: the device that tries to
 * @np: its node
 * @idx: which of its memory-region
 *
 * Called by drivers/of/of_reserved_mem.c, which knows only that there is no
 * memory for the node, or nothing that could be done with it.  A device that was
 * to be confined to this memory is denied all other.
 *
 * Context: process context, may sleep.
 */
void dma_explain_absent_node(struct device *dev, struct device_node *np,
			     int idx)
{
	struct device_node *target = of_parse_phandle(np, "memory-region", idx);

	if (!target)
		return;
	explain_absence(dev, target);
	if (of_device_is_compatible(target, "restricted-dma-pool"))
		swiotlb_deny(dev, kbasename(target->full_name));
	of_node_put(target);
}

/* Nobody finds a node any more whose memory is the kernel's. */
static void __init hide(struct reserved_mem *rmem)
{
	struct absent_node *absent = kmalloc(sizeof(*absent), GFP_KERNEL);

	if (!absent)
		return;
	absent->name = rmem->name;
	absent->base = rmem->base;
	absent->size = rmem->size;
	absent->fault = rmem->priv;
	list_add_tail(&absent->link, &absent_nodes);
	rmem->name = "";
	rmem->ops = NULL;
}

static void __init make_global_pool(struct reserved_mem *rmem)
{
	struct dma_coherent_pool *pool = node_pool(rmem, true);

	if (!IS_ERR(pool))
		dma_global_pool_add(pool);
}

/* What had to wait for the slab allocator */
static void __init finish_node(struct device_node *np)
{
	struct reserved_mem *rmem = of_reserved_mem_lookup(np);

	if (!rmem && is_for_dma(np))
		complain_of_size(NULL, np);
	if (!rmem)
		return;
	if (rmem->ops == &pool_ops && rmem->name == global_name)
		make_global_pool(rmem);
	if (rmem->ops != &rejected_ops && !swiotlb_denies(rmem->ops))
		return;
	if (!dma_node_keeps_memory(rmem->priv, of_property_present(np, "reg"),
				   of_property_present(np, "reusable"),
				   of_property_present(np, "no-map")))
		hide(rmem);
}

static int __init dma_finish_nodes(void)
{
	struct device_node *parent, *np;

	parent = of_find_node_by_path("/reserved-memory");
	if (!parent)
		return 0;
	for_each_available_child_of_node(parent, np)
		finish_node(np);
	of_node_put(parent);
	return 0;
}
core_initcall(dma_finish_nodes);
