// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reserved-memory nodes: what is wrong with one, and telling it.
 *
 * A node that can't become anything gets one line in the log that names the property,
 * its value and what is needed.  Its memory stays reserved if it has a reg, since a
 * firmware or a device may know these addresses.
 *
 * No locks.
 */
#include <linux/cma.h>
#include <linux/device.h>
#include <linux/init.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/of_fdt.h>
#include <linux/of_reserved_mem.h>

#include <asm/sections.h>

#include "reserved.h"

static const struct dma_node_fault fault_pool_size = {
	"size", DMA_NODE_SIZE, "a page or more", DMA_NODE_PAGE };
static const struct dma_node_fault fault_cma_size = {
	"size", DMA_NODE_SIZE,
	"a multiple of the CMA minimum that is not 0", DMA_NODE_CMA_MINIMUM };
static const struct dma_node_fault fault_both = {
	"no-map", DMA_NODE_IS_PRESENT,
	"no-map and reusable exclude each other, keep one" };
static const struct dma_node_fault fault_no_cma = {
	"reusable", DMA_NODE_IS_PRESENT, "a kernel with CONFIG_DMA_CMA" };
static const struct dma_node_fault fault_cma_base = {
	"reg", DMA_NODE_BASE, "a base aligned to the CMA minimum",
	DMA_NODE_CMA_MINIMUM };
static const struct dma_node_fault fault_cma_place = {
	"reg", DMA_NODE_BASE, "memory that is RAM, and all of it" };
static const struct dma_node_fault fault_mapped = {
	"no-map", DMA_NODE_IS_MISSING,
	"no-map (a pool) or reusable (a CMA area), since this is RAM" };
static const struct dma_node_fault fault_not_reserved = {
	"reg", DMA_NODE_BASE,
	"memory that is free: the kernel or something else is there",
	.fate = DMA_NODE_HAD_NONE };

static void describe(char *text, size_t len, const char *name, phys_addr_t base,
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
	snprintf(text, len, "reserved-memory node %s: %s is %s, needed: %s%s",
		 name, fault->property, value, fault->needed, unit);
}

/**
 * dma_node_complain - say what is wrong with a node
 * @dev: the device that binds it; NULL at boot
 * @name: the node's
 * @base: where it lies
 * @size: in bytes
 * @fault: what is wrong
 *
 * Context: any.
 */
void dma_node_complain(struct device *dev, const char *name, phys_addr_t base,
		       phys_addr_t size, const struct dma_node_fault *fault)
{
	char text[224];

	describe(text, sizeof(text), name, base, size, fault);
	if (dev)
		dev_err(dev, "%s\n", text);
	else
		pr_err("dma: %s\n", text);
}

/**
 * dma_node_warn - something is wrong with a node that serves all the same
 * @rmem: the node
 * @fault: what is wrong
 *
 * Context: any.
 */
void dma_node_warn(const struct reserved_mem *rmem,
		   const struct dma_node_fault *fault)
{
	char text[224];

	describe(text, sizeof(text), rmem->name, rmem->base, rmem->size, fault);
	pr_warn("dma: %s\n", text);
}

/**
 * dma_node_has - does a node have a property?
 * @rmem: the node
 * @property: its name
 *
 * Context: boot, as long as there is the flat tree.
 * Return: true if so.
 */
bool __init dma_node_has(const struct reserved_mem *rmem, const char *property)
{
	return of_get_flat_dt_prop(rmem->fdt_node, property, NULL);
}

/**
 * dma_node_is_in_kernel - does a range meet the kernel's own image?
 * @base: of the range
 * @size: in bytes
 *
 * Reserving a range that is reserved already is no error, so nobody has noticed.
 *
 * Context: boot.
 * Return: true if so.
 */
bool __init dma_node_is_in_kernel(phys_addr_t base, phys_addr_t size)
{
	return base < __pa_symbol(_end) && base + size > __pa_symbol(_text);
}

/**
 * dma_node_keeps_memory - does a node that comes to nothing keep its memory?
 * @fault: why it does
 * @has_reg: it says where it lies
 * @is_reusable: the kernel has had the use of the memory all along
 * @is_nomap: but not if it is this as well
 *
 * A reg may be known to a firmware or a device.
 *
 * Context: any.
 * Return: true if so.
 */
bool dma_node_keeps_memory(const struct dma_node_fault *fault, bool has_reg,
			   bool is_reusable, bool is_nomap)
{
	return fault->fate == DMA_NODE_KEPT && has_reg &&
	       (is_nomap || !is_reusable);
}

/**
 * dma_node_reject - a node comes to nothing
 * @rmem: the node
 * @fault: why; kept
 * @ops: what a driver that binds it meets; they find @fault in rmem->priv
 *
 * Context: boot, before the page allocator.
 * Return: what the node's initialiser has to return.  Any error but -ENOENT
 * gives the memory back.
 */
int __init dma_node_reject(struct reserved_mem *rmem,
			   const struct dma_node_fault *fault,
			   const struct reserved_mem_ops *ops)
{
	/* Who wrote cma= wants it so. */
	if (fault->fate != DMA_NODE_GIVEN_BACK)
		dma_node_complain(NULL, rmem->name, rmem->base, rmem->size,
				  fault);
	rmem->ops = ops;
	rmem->priv = (void *)fault;
	if (fault->fate == DMA_NODE_HAD_NONE ||
	    dma_node_keeps_memory(fault, dma_node_has(rmem, "reg"),
				  dma_node_has(rmem, "reusable"),
				  dma_node_has(rmem, "no-map")))
		return -ENOENT;
	/* The caller maps again what is not mapped, but does not free it. */
	if (dma_node_has(rmem, "no-map"))
		memblock_phys_free(rmem->base, rmem->size);
	return -EINVAL;
}

/* RAM that the linear mapping has, or will have */
static bool __init meets_mapped_ram(phys_addr_t base, phys_addr_t size)
{
	struct memblock_region *ram;

	for_each_mem_region(ram)
		if (!memblock_is_nomap(ram) && base < ram->base + ram->size &&
		    base + size > ram->base)
			return true;
	return false;
}

/**
 * dma_node_cma_fault - what keeps a reusable node from becoming a CMA area?
 * @rmem: the node; only its flat node, base and size are looked at
 *
 * Context: boot, as long as there is the flat tree.
 * Return: it; NULL if nothing does.
 */
const struct dma_node_fault * __init
dma_node_cma_fault(struct reserved_mem *rmem)
{
	if (dma_node_has(rmem, "no-map"))
		return &fault_both;
	if (!IS_ENABLED(CONFIG_DMA_CMA))
		return &fault_no_cma;
	/* Before all that gives the memory back. */
	if (dma_node_is_in_kernel(rmem->base, rmem->size))
		return &fault_not_reserved;
	if (!IS_ALIGNED(rmem->base, CMA_MIN_ALIGNMENT_BYTES))
		return &fault_cma_base;
	if (!rmem->size || !IS_ALIGNED(rmem->size, CMA_MIN_ALIGNMENT_BYTES))
		return &fault_cma_size;
	if (!memblock_is_region_memory(rmem->base, rmem->size))
		return &fault_cma_place;
	return NULL;
}

/**
 * dma_node_pool_fault - what keeps a node from becoming a device pool?
 * @rmem: the node, which is not reusable
 *
 * Context: boot, as long as there is the flat tree.
 * Return: it; NULL if nothing does.
 */
const struct dma_node_fault * __init
dma_node_pool_fault(struct reserved_mem *rmem)
{
	if (PAGE_ALIGN(rmem->base) + PAGE_SIZE > rmem->base + rmem->size)
		return &fault_pool_size;
	/* Mapping RAM a second time, with other attributes, is refused. */
	if (meets_mapped_ram(rmem->base, rmem->size))
		return dma_node_has(rmem, "no-map") ? &fault_not_reserved :
						      &fault_mapped;
	return NULL;
}

/**
 * dma_node_is_area - can a reusable node become a CMA area?
 * @rmem: the node; only its flat node, base and size are looked at
 *
 * Context: boot, as long as there is the flat tree.
 * Return: true if so.
 */
bool __init dma_node_is_area(struct reserved_mem *rmem)
{
	return !dma_node_cma_fault(rmem);
}

/**
 * dma_node_size_fault - what is wrong with a node of a bad size
 * @is_reusable: it is to be a CMA area
 *
 * Context: any.
 * Return: it.
 */
const struct dma_node_fault *dma_node_size_fault(bool is_reusable)
{
	return is_reusable ? &fault_cma_size : &fault_pool_size;
}
