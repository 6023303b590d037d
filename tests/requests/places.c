// SPDX-License-Identifier: GPL-2.0
/*
 * Where memory lies, and what a device reaches.
 *
 * Everything here comes from the device tree, from the device's masks and bus,
 * and from the page tables of CPU and IOMMU: it is what the layer's answers are
 * measured with, so it asks the layer nothing.
 *
 * Words: a *limit* is the highest bus address that a device can issue; a device
 * *reaches* memory when every byte of it has a bus address within that limit.
 */
#include <linux/cma.h>
#include <linux/dma-direct.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/of.h>
#include <linux/of_reserved_mem.h>

#include "requests.h"

/**
 * place_of_global_pool() - the pool that the device tree declares for all
 *
 * Context: process.
 * Return: where it lies; of size 0 when there is none.
 */
struct place place_of_global_pool(void)
{
	struct place place = {};
	struct reserved_mem *rmem;
	struct device_node *np;

	for_each_compatible_node(np, NULL, "shared-dma-pool") {
		if (!of_property_read_bool(np, "linux,dma-default") ||
		    !of_device_is_available(np))
			continue;
		rmem = of_reserved_mem_lookup(np);
		if (rmem) {
			place.base = rmem->base;
			place.size = rmem->size;
		}
		of_node_put(np);
		break;
	}
	return place;
}

/**
 * place_of_default_cma() - the CMA area for devices that have none of their own
 *
 * Context: any.
 * Return: where it lies; of size 0 when there is none.
 */
struct place place_of_default_cma(void)
{
	struct place place = {};
	struct cma *cma = dev_get_cma_area(NULL);

	if (cma) {
		place.base = cma_get_base(cma);
		place.size = cma_get_size(cma);
	}
	return place;
}

static int take_registers(struct resource *res, void *arg)
{
	struct place *place = arg;

	if (!res->start || !PAGE_ALIGNED(res->start) || resource_size(res) < PAGE_SIZE ||
	    pfn_valid(PHYS_PFN(res->start)))
		return 0;
	place->base = res->start;
	place->size = PAGE_SIZE;
	return 1;
}

/**
 * place_of_registers() - a page of some device's registers
 *
 * It is mapped for the test devices and never touched, so any will do.
 *
 * Context: process.
 * Return: where it lies; of size 0 when there is none.
 */
struct place place_of_registers(void)
{
	struct place place = {};

	walk_iomem_res_desc(IORES_DESC_NONE, IORESOURCE_MEM, 0, -1, &place, take_registers);
	return place;
}

/**
 * place_contains() - does a place hold all of a buffer
 * @place: the place
 * @phys: where the buffer lies
 * @size: of the buffer, bytes
 *
 * Context: any.
 * Return: true if it does.
 */
bool place_contains(const struct place *place, phys_addr_t phys, size_t size)
{
	return size <= place->size && phys >= place->base &&
	       phys - place->base <= place->size - size;
}

/**
 * is_translated() - does an IOMMU translate what the device issues
 * @dev: the device
 *
 * Context: process.
 * Return: true if its addresses are those of an IOMMU domain of the DMA API.
 */
bool is_translated(struct device *dev)
{
	return has_dma_domain(dev);
}

/**
 * consistent_limit() - highest bus address for consistent buffers
 * @dev: the device
 *
 * Context: any.
 * Return: the address, inclusive.
 */
u64 consistent_limit(struct device *dev)
{
	return min_not_zero(dev->coherent_dma_mask, dev->bus_dma_limit);
}

/**
 * streaming_limit() - highest bus address for mapped buffers
 * @dev: the device
 *
 * Context: any.
 * Return: the address, inclusive.
 */
u64 streaming_limit(struct device *dev)
{
	return min_not_zero(*dev->dma_mask, dev->bus_dma_limit);
}

/**
 * bus_address() - where a device without an IOMMU finds physical memory
 * @dev: the device
 * @phys: the memory
 * @size: bytes, not 0
 * @limit: highest bus address that may be used
 * @dma_addr: set to the bus address; may be NULL
 *
 * Context: any.
 * Return: true if one window of the bus holds all of it, within @limit.
 */
bool bus_address(struct device *dev, phys_addr_t phys, size_t size, u64 limit,
		 dma_addr_t *dma_addr)
{
	const struct bus_dma_region *window = dev->dma_range_map;
	u64 addr = phys;

	if (window) {
		while (window->size) {
			struct place place = { window->cpu_start, window->size };

			if (place_contains(&place, phys, size))
				break;
			window++;
		}
		if (!window->size)
			return false;
		addr = window->dma_start + (phys - window->cpu_start);
	}
	if (dma_addr)
		*dma_addr = addr;
	return addr + size - 1 <= limit;
}

/**
 * can_reach() - does a device without an IOMMU reach all of a place
 * @dev: the device
 * @place: the place
 * @limit: highest bus address that may be used
 *
 * Context: any.
 * Return: true if it does; false also for a place of size 0.
 */
bool can_reach(struct device *dev, const struct place *place, u64 limit)
{
	return place->size && bus_address(dev, place->base, place->size, limit, NULL);
}

/**
 * can_reach_pages() - can the page allocator be made to give a page in reach
 * @dev: the device, without an IOMMU
 * @limit: highest bus address that may be used
 *
 * The page allocator knows zones and nothing finer, so the question is whether
 * the device reaches all of the lowest one.
 *
 * Context: any.
 * Return: true if it can.
 */
bool can_reach_pages(struct device *dev, u64 limit)
{
	phys_addr_t last = PFN_PHYS(max_pfn) - 1;
	struct place zone = { .base = PFN_PHYS(min_low_pfn) };

	if (IS_ENABLED(CONFIG_ZONE_DMA))
		last = min_t(u64, last, zone_dma_limit);
	else if (IS_ENABLED(CONFIG_ZONE_DMA32))
		last = min_t(u64, last, DMA_BIT_MASK(32));
	zone.size = last - zone.base + 1;
	return can_reach(dev, &zone, limit);
}

/**
 * can_reach_bounce_buffers() - can a buffer out of reach be copied to one in reach
 * @dev: the device, without an IOMMU
 *
 * Context: any.
 * Return: true if its bounce buffers exist and are in reach.
 */
bool can_reach_bounce_buffers(struct device *dev)
{
#ifdef CONFIG_SWIOTLB
	const struct io_tlb_mem *mem = dev->dma_io_tlb_mem;
	struct place place = {};

	if (!mem || !mem->size)
		return false;
	place.base = mem->start;
	place.size = mem->size;
	return can_reach(dev, &place, streaming_limit(dev));
#else
	return false;
#endif
}

/**
 * device_to_phys() - the memory that a device touches at an address
 * @dev: the device
 * @dma_addr: what it issues
 *
 * This is the device's way to memory: through the page tables of its IOMMU or
 * through the windows of its bus.
 *
 * Context: any.
 * Return: the physical address, or ~0 if the device would find nothing there.
 */
phys_addr_t device_to_phys(struct device *dev, dma_addr_t dma_addr)
{
	const struct bus_dma_region *window = dev->dma_range_map;

	if (is_translated(dev)) {
		struct iommu_domain *domain = iommu_get_domain_for_dev(dev);
		phys_addr_t phys = iommu_iova_to_phys(domain, dma_addr);

		return phys ?: ~(phys_addr_t)0;
	}
	if (!window)
		return dma_addr;
	for (; window->size; window++) {
		if (dma_addr >= window->dma_start &&
		    dma_addr - window->dma_start < window->size)
			return window->cpu_start + (dma_addr - window->dma_start);
	}
	return ~(phys_addr_t)0;
}

/**
 * cpu_to_phys() - the memory that the CPU touches at an address
 * @cpu_addr: address in the linear map or in a kernel mapping
 *
 * Context: any.
 * Return: the physical address.
 */
phys_addr_t cpu_to_phys(const void *cpu_addr)
{
	if (is_vmalloc_addr(cpu_addr))
		return PFN_PHYS(vmalloc_to_pfn(cpu_addr)) + offset_in_page(cpu_addr);
	return virt_to_phys((void *)cpu_addr);
}

/**
 * natural_alignment() - what a buffer's DMA address has to be a multiple of
 * @size: bytes
 *
 * Context: any.
 * Return: the smallest power-of-two number of pages that holds it, in bytes.
 */
size_t natural_alignment(size_t size)
{
	return PAGE_SIZE << get_order(size);
}
