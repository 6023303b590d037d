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
 * This file reads the nodes, once, and decides what each becomes.  A node
 * that can't become anything keeps its memory reserved, since a device may
 * be using it already; it gets one line in the log that names the property,
 * its value and what is needed, and a driver that binds it later gets the
 * same line and an error.
 *
 * The nodes are read before there is a slab allocator; pools are made by an
 * initcall.
 *
 * Locks: pools_mutex serialises making a pool on first use.
 */
#include <linux/cma.h>
#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/init.h>
#include <linux/memblock.h>
#include <linux/mutex.h>
#include <linux/of.h>
#include <linux/of_fdt.h>
#include <linux/of_reserved_mem.h>

#include "backend.h"
#include "coherent.h"
#include "contiguous.h"

enum dma_node_value {
	DMA_NODE_IS_PRESENT,
	DMA_NODE_IS_MISSING,
	DMA_NODE_BASE,
	DMA_NODE_SIZE,
};

enum dma_node_unit {
	DMA_NODE_NO_UNIT,
	DMA_NODE_PAGE,
	DMA_NODE_CMA_MINIMUM,
};

/**
 * struct dma_node_fault - what is wrong with a node
 * @property: the property to look at
 * @value: which value of it to show
 * @needed: what is expected
 * @unit: of what the value has to be a multiple
 */
struct dma_node_fault {
	const char		*property;
	enum dma_node_value	value;
	const char		*needed;
	enum dma_node_unit	unit;
};

static const struct dma_node_fault fault_both = {
	"no-map", DMA_NODE_IS_PRESENT,
	"no-map and reusable exclude each other, keep one" };
static const struct dma_node_fault fault_no_cma = {
	"reusable", DMA_NODE_IS_PRESENT, "a kernel with CONFIG_DMA_CMA" };
static const struct dma_node_fault fault_cma_base = {
	"reg", DMA_NODE_BASE, "a base aligned to the CMA minimum",
	DMA_NODE_CMA_MINIMUM };
static const struct dma_node_fault fault_cma_size = {
	"size", DMA_NODE_SIZE,
	"a multiple of the CMA minimum that is not 0", DMA_NODE_CMA_MINIMUM };
static const struct dma_node_fault fault_cma_default = {
	"linux,cma-default", DMA_NODE_IS_PRESENT, "reusable as well" };
static const struct dma_node_fault fault_dma_default = {
	"linux,dma-default", DMA_NODE_IS_PRESENT, "no-map, and not reusable" };
static const struct dma_node_fault fault_second_cma = {
	"linux,cma-default", DMA_NODE_IS_PRESENT,
	"a single default: another node or cma= has it" };
static const struct dma_node_fault fault_second_dma = {
	"linux,dma-default", DMA_NODE_IS_PRESENT,
	"a single default: another node has it" };
static const struct dma_node_fault fault_mapped = {
	"no-map", DMA_NODE_IS_MISSING,
	"no-map (a pool) or reusable (a CMA area), since this is RAM" };
static const struct dma_node_fault fault_pool_base = {
	"reg", DMA_NODE_BASE, "a page-aligned base", DMA_NODE_PAGE };
static const struct dma_node_fault fault_pool_size = {
	"size", DMA_NODE_SIZE, "a multiple of the page size that is not 0",
	DMA_NODE_PAGE };
static const struct dma_node_fault fault_no_area = {
	"reusable", DMA_NODE_IS_PRESENT,
	"a free CMA area (see CONFIG_CMA_AREAS)" };

static bool has_dma_default __initdata;
static DEFINE_MUTEX(pools_mutex);

static void complain(struct device *dev, const char *name, phys_addr_t base,
		     phys_addr_t size, const struct dma_node_fault *fault)
{
	char value[24], unit[24] = "";

	if (fault->unit == DMA_NODE_PAGE)
		snprintf(unit, sizeof(unit), " (%#lx)", PAGE_SIZE);
	if (fault->unit == DMA_NODE_CMA_MINIMUM)
		snprintf(unit, sizeof(unit), " (%#lx)",
			 (unsigned long)CMA_MIN_ALIGNMENT_BYTES);
	switch (fault->value) {
	case DMA_NODE_IS_PRESENT:
		strscpy(value, "present");
		break;
	case DMA_NODE_IS_MISSING:
		strscpy(value, "missing");
		break;
	case DMA_NODE_BASE:
		snprintf(value, sizeof(value), "%pa", &base);
		break;
	case DMA_NODE_SIZE:
		snprintf(value, sizeof(value), "%pa", &size);
		break;
	}
	if (dev)
		dev_err(dev, "reserved-memory node %s: %s is %s, needed: %s%s\n",
			name, fault->property, value, fault->needed, unit);
	else
		pr_err("dma: reserved-memory node %s: %s is %s, needed: %s%s\n",
		       name, fault->property, value, fault->needed, unit);
}

static int rejected_device_init(struct reserved_mem *rmem, struct device *dev)
{
	complain(dev, rmem->name, rmem->base, rmem->size, rmem->priv);
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

/* The pool of a node, made when it is first asked for. */
static struct dma_coherent_pool *node_pool(struct reserved_mem *rmem,
					   bool is_global)
{
	struct dma_coherent_pool *pool;

	mutex_lock(&pools_mutex);
	pool = rmem->priv;
	if (!pool) {
		pool = is_global ?
		       dma_coherent_pool_create(rmem->name, rmem->base,
						rmem->size,
						dma_global_pool.name,
						"devices that are not coherent") :
		       dma_coherent_pool_create(rmem->name, rmem->base,
						rmem->size,
						dma_device_pool.name,
						"devices that bind the node");
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

static bool __init has_prop(struct reserved_mem *rmem, const char *name)
{
	return of_get_flat_dt_prop(rmem->fdt_node, name, NULL);
}

/* What keeps a reusable node from becoming a CMA area? */
static const struct dma_node_fault * __init
cma_fault(struct reserved_mem *rmem)
{
	if (has_prop(rmem, "no-map"))
		return &fault_both;
	if (has_prop(rmem, "linux,dma-default"))
		return &fault_dma_default;
	if (!IS_ENABLED(CONFIG_DMA_CMA))
		return &fault_no_cma;
	if (!IS_ALIGNED(rmem->base, CMA_MIN_ALIGNMENT_BYTES))
		return &fault_cma_base;
	if (!rmem->size || !IS_ALIGNED(rmem->size, CMA_MIN_ALIGNMENT_BYTES))
		return &fault_cma_size;
	if (has_prop(rmem, "linux,cma-default") && dma_cma_is_second(rmem))
		return &fault_second_cma;
	return NULL;
}

/* What keeps a node that is not reusable from becoming a pool? */
static const struct dma_node_fault * __init
pool_fault(struct reserved_mem *rmem)
{
	if (has_prop(rmem, "linux,cma-default"))
		return &fault_cma_default;
	if (!PAGE_ALIGNED(rmem->base))
		return &fault_pool_base;
	if (!rmem->size || !PAGE_ALIGNED(rmem->size))
		return &fault_pool_size;
	/* Mapping RAM a second time, with other attributes, is refused. */
	if (!has_prop(rmem, "no-map") &&
	    memblock_is_map_memory(rmem->base))
		return &fault_mapped;
	if (has_prop(rmem, "linux,dma-default") && has_dma_default)
		return &fault_second_dma;
	return NULL;
}

static const struct dma_node_fault * __init
setup_cma(struct reserved_mem *rmem)
{
	const struct dma_node_fault *fault = cma_fault(rmem);

	if (fault)
		return fault;
	if (dma_cma_add_node(rmem, has_prop(rmem, "linux,cma-default")))
		return &fault_no_area;
	rmem->ops = &cma_ops;
	return NULL;
}

static const struct dma_node_fault * __init
setup_pool(struct reserved_mem *rmem)
{
	const struct dma_node_fault *fault = pool_fault(rmem);

	if (fault)
		return fault;
	if (has_prop(rmem, "linux,dma-default"))
		has_dma_default = true;
	rmem->ops = &pool_ops;
	return NULL;
}

/*
 * Always 0: any error would make the caller hand the memory to the page
 * allocator, under a device that may be using it.
 */
static int __init dma_node_setup(struct reserved_mem *rmem)
{
	const struct dma_node_fault *fault;

	fault = has_prop(rmem, "reusable") ? setup_cma(rmem) : setup_pool(rmem);
	if (fault) {
		complain(NULL, rmem->name, rmem->base, rmem->size, fault);
		rmem->ops = &rejected_ops;
		rmem->priv = (void *)fault;
	}
	return 0;
}

RESERVEDMEM_OF_DECLARE(dma, "shared-dma-pool", dma_node_setup);

/* Nothing was reserved for a node: only its size can be at fault. */
static void complain_of_size(struct device *dev, struct device_node *np)
{
	if (of_device_is_compatible(np, "shared-dma-pool"))
		complain(dev, kbasename(np->full_name), 0, 0,
			 of_property_read_bool(np, "reusable") ?
			 &fault_cma_size : &fault_pool_size);
}

/**
 * dma_explain_absent_node - say why a device can't bind a node
 * @dev: the device that tries to
 * @np: its node
 * @idx: which of its memory-region
 *
 * Called by drivers/of/of_reserved_mem.c, which knows only that there is no
 * memory for the node.
 *
 * Context: process context, may sleep.
 */
void dma_explain_absent_node(struct device *dev, struct device_node *np,
			     int idx)
{
	struct device_node *target = of_parse_phandle(np, "memory-region", idx);

	if (target)
		complain_of_size(dev, target);
	of_node_put(target);
}

/* Make the pool of one node, and the global pool of the default node. */
static void __init make_pool(struct device_node *np)
{
	struct reserved_mem *rmem = of_reserved_mem_lookup(np);
	bool is_global = of_property_read_bool(np, "linux,dma-default");
	struct dma_coherent_pool *pool;

	if (!rmem)
		complain_of_size(NULL, np);
	if (!rmem || rmem->ops != &pool_ops)
		return;
	pool = node_pool(rmem, is_global);
	if (!IS_ERR(pool) && is_global)
		dma_global_pool_add(pool);
}

static int __init dma_make_pools(void)
{
	struct device_node *parent, *np;

	parent = of_find_node_by_path("/reserved-memory");
	if (!parent)
		return 0;
	for_each_available_child_of_node(parent, np)
		make_pool(np);
	of_node_put(parent);
	return 0;
}
core_initcall(dma_make_pools);
