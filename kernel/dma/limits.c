// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a device can reach: masks, bus limits, dma-ranges, memory zones.
 *
 * Everything here is arithmetic on fields of struct device that its bus sets
 * before the driver probes; no locks, no allocations (but for
 * dma_direct_set_offset()), callable from any context.
 *
 * Invariant: an address is reachable only if its translation exists and the
 * whole buffer lies in one window of dma-ranges; the last byte counts, not
 * only the first.
 */
#include <linux/dma-direct.h>
#include <linux/dma-limits.h>
#include <linux/export.h>
#include <linux/memory.h>
#include <linux/pfn.h>
#include <linux/slab.h>

/*
 * The highest physical address of ZONE_DMA.  Architectures whose zone differs
 * from the customary 16 MiB set it before the zones are built.
 */
u64 zone_dma_limit __ro_after_init = DMA_BIT_MASK(24);

/* What lies behind a window, if it starts in reach. */
static bool is_behind(const struct bus_dma_region *window, u64 last_dma,
		      phys_addr_t *first, phys_addr_t *last)
{
	if (window->dma_start > last_dma)
		return false;
	*first = window->cpu_start;
	*last = *first + min(window->size - 1, last_dma - window->dma_start);
	return true;
}

/* The lowest and the highest address behind any window that starts in reach */
static void set_bounds(struct dma_limits *limits,
		       const struct bus_dma_region *window)
{
	phys_addr_t first, last;

	limits->first_phys = PHYS_ADDR_MAX;
	for (; window->size; window++) {
		if (!is_behind(window, limits->last_dma, &first, &last))
			continue;
		limits->first_phys = min(limits->first_phys, first);
		limits->last_phys = max(limits->last_phys, last);
	}
}

/**
 * dma_limits_of - the limits of a device for one kind of request
 * @dev: the device
 * @mask: dev->coherent_dma_mask for consistent memory, ``*dev->dma_mask`` for
 *	streaming mappings
 *
 * Context: any.
 * Return: the limits, by value.
 */
struct dma_limits dma_limits_of(struct device *dev, u64 mask)
{
	struct dma_limits limits = {
		.last_dma	= dma_last_address(dev, mask),
		.coherent	= dev_is_dma_coherent(dev),
		.unencrypted	= force_dma_unencrypted(dev),
	};

	if (dev->dma_range_map)
		set_bounds(&limits, dev->dma_range_map);
	else
		limits.last_phys = dma_to_phys(dev, limits.last_dma);
	return limits;
}

static phys_addr_t last_ram(void)
{
	return PFN_PHYS((phys_addr_t)max_pfn) - 1;
}

/**
 * dma_limits_narrow - limit a device to the window with most memory behind it
 * @dev: the device
 * @limits: its limits; what lies between the new first_phys and last_phys is in
 *	reach, without exception
 *
 * For whoever gets memory without knowing the device.
 *
 * Context: any.
 */
void dma_limits_narrow(struct device *dev, struct dma_limits *limits)
{
	const struct bus_dma_region *window = dev->dma_range_map;
	phys_addr_t first, last, size, most = 0;

	for (; window && window->size; window++) {
		if (!is_behind(window, limits->last_dma, &first, &last))
			continue;
		size = first > last_ram() ? 1 : min(last, last_ram()) - first + 1;
		if (size <= most)
			continue;
		most = size;
		limits->first_phys = first;
		limits->last_phys = last;
	}
}

/**
 * dma_limits_address - the address at which a device sees memory
 * @dev: the device, reaching memory directly
 * @limits: its limits
 * @phys: physical address
 *
 * Context: any.
 * Return: the bus address, or DMA_MAPPING_ERROR where no window of
 * dma-ranges holds @phys.
 */
dma_addr_t dma_limits_address(struct device *dev,
			      const struct dma_limits *limits, phys_addr_t phys)
{
	return limits->unencrypted ? phys_to_dma_unencrypted(dev, phys) :
				     phys_to_dma(dev, phys);
}

/**
 * dma_limits_reach - can the device reach all of a buffer?
 * @dev: the device, reaching memory directly
 * @limits: its limits
 * @phys: physical address of the buffer
 * @size: in bytes, not 0
 *
 * Context: any.
 * Return: true if first and last byte lie in one window and below the limit.
 */
bool dma_limits_reach(struct device *dev, const struct dma_limits *limits,
		      phys_addr_t phys, size_t size)
{
	dma_addr_t first = dma_limits_address(dev, limits, phys);
	dma_addr_t last = first + (size - 1);

	if (first == DMA_MAPPING_ERROR || last < first)
		return false;
	/* A narrow physical address can wrap where a wide one for the bus does not. */
	if (sizeof(phys) < sizeof(last) && size - 1 > PHYS_ADDR_MAX - phys)
		return false;
	if (dev->dma_range_map &&
	    dma_limits_address(dev, limits, phys + (size - 1)) != last)
		return false;
	return last <= limits->last_dma;
}

/**
 * dma_limits_zone - the zone in which reachable memory is likeliest
 * @limits: the limits of the request
 *
 * Optimistic: a page from a larger zone is often low enough, so the caller
 * checks what it got and steps down one zone at a time.
 *
 * Context: any.
 * Return: GFP_DMA, GFP_DMA32 or 0.
 */
gfp_t dma_limits_zone(const struct dma_limits *limits)
{
	if (limits->last_phys <= zone_dma_limit)
		return GFP_DMA;
	if (limits->last_phys <= DMA_BIT_MASK(32))
		return GFP_DMA32;
	return 0;
}

/*
 * The highest bus address that matters for memory up to @last: where the
 * windows end before that memory does, the highest window counts.
 */
static u64 bus_address_of_last(struct device *dev, phys_addr_t last,
			       bool unencrypted)
{
	dma_addr_t addr = unencrypted ? phys_to_dma_unencrypted(dev, last) :
					phys_to_dma(dev, last);

	if (dev->dma_range_map && addr == DMA_MAPPING_ERROR)
		addr = dma_range_map_max(dev->dma_range_map);
	return addr;
}

/**
 * dma_direct_get_required_mask - the smallest mask that reaches all memory
 * @dev: the device
 *
 * Context: any.
 * Return: a mask of all ones up to the highest bit of the last RAM address.
 */
u64 dma_direct_get_required_mask(struct device *dev)
{
	u64 last = bus_address_of_last(dev, last_ram(),
				       force_dma_unencrypted(dev));

	return GENMASK_ULL(fls64(last | 1) - 1, 0);
}

/**
 * dma_direct_supported - is a mask good enough for direct DMA?
 * @dev: the device
 * @mask: the mask its driver asks for
 *
 * 32 bits are always good enough: there is ZONE_DMA32, a bounce buffer or an
 * address that fits.  A smaller mask must reach the whole of the lowest zone,
 * since that is where memory for it would come from.
 *
 * Context: any.
 * Return: 1 if supported, 0 if not.
 */
int dma_direct_supported(struct device *dev, u64 mask)
{
	phys_addr_t last = last_ram();

	if (mask >= DMA_BIT_MASK(32))
		return 1;

	if (IS_ENABLED(CONFIG_ZONE_DMA))
		last = min_t(u64, last, zone_dma_limit);
	return mask >= bus_address_of_last(dev, last, true);
}

/**
 * dma_limits_hold - has the device an address for all of a range?
 * @dev: the device
 * @first: physical address of its first byte
 * @last: of its last byte
 *
 * The range may go from one window of dma-ranges to the next.
 *
 * Context: any.
 * Return: true if so, or if the device has no windows.
 */
bool dma_limits_hold(struct device *dev, phys_addr_t first, phys_addr_t last)
{
	const struct bus_dma_region *window = dev->dma_range_map;

	if (!window)
		return true;
	while (window->size) {
		phys_addr_t offset = first - window->cpu_start;

		if (first < window->cpu_start || offset >= window->size) {
			window++;
			continue;
		}
		/* Addresses may be narrower than sizes: nothing may wrap. */
		if (last - first < window->size - offset)
			return true;
		first += window->size - offset;
		window = dev->dma_range_map;
	}
	return false;
}

struct ram_walk {
	struct device *dev;
	bool is_all_mapped;
};

static int is_ram_outside_windows(unsigned long start_pfn,
				  unsigned long nr_pages, void *data)
{
	struct ram_walk *walk = data;

	walk->is_all_mapped = dma_limits_hold(walk->dev, PFN_PHYS(start_pfn),
					      PFN_PHYS(start_pfn + nr_pages) - 1);
	return !walk->is_all_mapped;
}

/**
 * dma_limits_all_ram - do the windows of dma-ranges cover all RAM?
 * @dev: the device
 *
 * Context: process context, may sleep (walks the resource tree).
 * Return: true if so, or if the device has no windows.
 */
bool dma_limits_all_ram(struct device *dev)
{
	struct ram_walk walk = { .dev = dev, .is_all_mapped = true };

	if (dev->dma_range_map)
		walk_system_ram_range(0, max_pfn, &walk, is_ram_outside_windows);
	return walk.is_all_mapped;
}

/**
 * dma_limits_leave_out_ram - is some RAM out of the device's direct reach?
 * @dev: the device
 *
 * Windows of dma-ranges can leave out RAM that any mask would reach.
 *
 * Context: process context, may sleep.
 * Return: true if so.
 */
bool dma_limits_leave_out_ram(struct device *dev)
{
	return dma_last_address(dev, dma_get_mask(dev)) <
	       dma_direct_get_required_mask(dev) || !dma_limits_all_ram(dev);
}

/**
 * dma_direct_set_offset - give a device one window with an offset
 * @dev: the device; must have no dma-ranges yet
 * @cpu_start: physical address of the window
 * @dma_start: address at which the device sees it
 * @size: of the window, in bytes
 *
 * For boards whose offset is in no device tree.
 *
 * Context: process context, may sleep.
 * Return: 0 (also for an offset of 0: nothing to do), -EINVAL if the device
 * has windows already, -ENOMEM.
 */
int dma_direct_set_offset(struct device *dev, phys_addr_t cpu_start,
			  dma_addr_t dma_start, u64 size)
{
	struct bus_dma_region *windows;

	if (dev->dma_range_map) {
		dev_err(dev, "DMA offset %pa -> %pad: the device has dma-ranges already\n",
			&cpu_start, &dma_start);
		return -EINVAL;
	}
	if ((u64)cpu_start == (u64)dma_start)
		return 0;

	/* The second, empty entry ends the list. */
	windows = kcalloc(2, sizeof(*windows), GFP_KERNEL);
	if (!windows)
		return -ENOMEM;
	*windows = (struct bus_dma_region) {
		.cpu_start = cpu_start,
		.dma_start = dma_start,
		.size = size,
	};
	dev->dma_range_map = windows;
	return 0;
}
