// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mapping in two steps: addresses first, memory as it comes.
 *
 * For drivers whose buffers are no scatterlists: they get one range of I/O
 * addresses, link pieces of memory into it one behind the other, tell the
 * IOMMU once about all of them, and give everything back by one call.  A
 * device without an IOMMU gets no range, and its driver maps each piece by
 * dma_map_page() instead; so does one whose pieces have to be copied.
 *
 * No locks; a range belongs to one caller at a time.
 */
#include <linux/dma-cache.h>
#include <linux/dma-iova.h>
#include <linux/dma-map-ops.h>
#include <linux/export.h>
#include <linux/iommu-dma.h>
#include <linux/iommu.h>

#include "bounce.h"
#include "domain.h"
#include "map.h"

/**
 * dma_iova_try_alloc - get a range of I/O addresses
 * @dev: the device
 * @state: filled in
 * @phys: physical address of the first piece, for its place in a granule
 * @size: of all pieces together, in bytes
 *
 * Context: any.
 * Return: true; false if there is no range for this device now, so that its
 * driver has to use dma_map_page().  dma_use_iova() tells the same later.
 */
bool dma_iova_try_alloc(struct device *dev, struct dma_iova_state *state,
			phys_addr_t phys, size_t size)
{
	struct iommu_dma_cookie *cookie;
	size_t offset, whole;
	dma_addr_t addr;

	*state = (struct dma_iova_state) {};
	if (!use_dma_iommu(dev) || !dev->dma_mask)
		return false;
	cookie = dma_domain_of(dev);
	if (!cookie || !size || dma_may_have_bounced(dev))
		return false;
	offset = dma_domain_offset(cookie, phys);
	whole = dma_domain_align(cookie, offset + size);
	if (whole < size ||
	    dma_get_min_align_mask(dev) > dma_domain_granule(cookie) - 1)
		return false;

	addr = dma_io_get(cookie, dev, whole, *dev->dma_mask);
	if (!addr)
		return false;
	state->addr = addr + offset;
	state->size = size;
	return true;
}
EXPORT_SYMBOL_GPL(dma_iova_try_alloc);

/**
 * dma_iova_free - give back a range that nothing is linked into
 * @dev: the device
 * @state: the range; it is gone then
 *
 * Context: any.
 */
void dma_iova_free(struct device *dev, struct dma_iova_state *state)
{
	struct iommu_dma_cookie *cookie = dma_domain_serving(dev);
	size_t offset = dma_domain_offset(cookie, state->addr);
	size_t size = dma_domain_align(cookie, offset + state->size);

	if (likely(!state->missing)) {
		dma_io_put(cookie, state->addr - offset, size);
	} else {
		struct dma_io_range range __uninitialized;

		dma_io_begin_now(&range);
		range.missing = state->missing;
		range.was_mapped = true;
		dma_io_end(cookie, dev, state->addr - offset, size, &range);
	}
	state->size = 0;
}
EXPORT_SYMBOL_GPL(dma_iova_free);

/* Does a part lie in the range, and begin in a granule of its own? */
static bool is_part(const struct iommu_dma_cookie *cookie, struct device *dev,
		    const struct dma_iova_state *state, size_t offset,
		    size_t size)
{
	size_t first = dma_domain_offset(cookie, state->addr);

	if (size && offset <= state->size && size <= state->size - offset &&
	    (!offset || !dma_domain_offset(cookie, first + offset)))
		return true;
	dev_err_ratelimited(dev, "%zu bytes at %zu are no part of an I/O range of %zu bytes that begins a page\n",
			    size, offset, state->size);
	return false;
}

/*
 * End the mapping of whole granules in a range.  Their addresses may be linked
 * again at once, so nothing can be put off.
 */
static void unlink_now(struct iommu_dma_cookie *cookie, struct device *dev,
		       struct dma_iova_state *state, dma_addr_t addr,
		       size_t size)
{
	struct dma_io_range range __uninitialized;

	dma_io_begin_now(&range);
	dma_io_clear_part(cookie, addr, size, false, &range);
	iommu_iotlb_sync(cookie->domain, &range.gather);
	if (unlikely(range.missing)) {
		dma_io_tell_missing(dev, addr, size, range.missing);
		state->missing += range.missing;
	}
}

/**
 * dma_iova_link - map a piece of memory in a range
 * @dev: the device
 * @state: the range
 * @phys: physical address of the piece
 * @offset: where in the range, in bytes; 0 or the beginning of a granule
 * @size: of the piece, in bytes; all but the last end with a granule
 * @dir: which way the data goes
 * @attrs: DMA_ATTR_*
 *
 * The device may use it after dma_iova_sync().
 *
 * Context: any.
 * Return: 0; -EINVAL for a piece that does not fit in there; -ENOMEM or what
 * else the IOMMU's driver says, with nothing of the piece linked then.
 */
int dma_iova_link(struct device *dev, struct dma_iova_state *state,
		  phys_addr_t phys, size_t offset, size_t size,
		  enum dma_data_direction dir, unsigned long attrs)
{
	struct iommu_dma_cookie *cookie = dma_domain_serving(dev);
	dma_addr_t addr = state->addr + offset;
	size_t inner = dma_domain_offset(cookie, phys), done;
	int err;

	if (!is_part(cookie, dev, state, offset, size))
		return -EINVAL;
	if (inner != dma_domain_offset(cookie, addr)) {
		dev_err_ratelimited(dev, "%pa can't be linked at %pad of an I/O range: expected %#zx in the page\n",
				    &phys, &addr,
				    dma_domain_offset(cookie, addr));
		return -EINVAL;
	}
	if (dma_dev_must_flush(dev, attrs))
		dma_cache_to_device(phys, size, dir);
	err = dma_io_set(cookie, addr - inner, phys - inner,
			 dma_domain_align(cookie, inner + size),
			 dma_io_prot(dev, dir, attrs), GFP_ATOMIC, &done);
	if (unlikely(err && done))
		unlink_now(cookie, dev, state, addr - inner, done);
	return err;
}
EXPORT_SYMBOL_GPL(dma_iova_link);

/**
 * dma_iova_sync - let the device use what was linked
 * @dev: the device
 * @state: the range
 * @offset: of the part, in bytes
 * @size: of the part, in bytes
 *
 * Context: any.
 * Return: 0 or a negative error; what is linked has to be unlinked all the
 * same.
 */
int dma_iova_sync(struct device *dev, struct dma_iova_state *state,
		  size_t offset, size_t size)
{
	struct iommu_dma_cookie *cookie = dma_domain_serving(dev);
	dma_addr_t addr = state->addr + offset;
	size_t inner = dma_domain_offset(cookie, addr);

	return dma_io_set_done(cookie, addr - inner,
			       dma_domain_align(cookie, inner + size));
}
EXPORT_SYMBOL_GPL(dma_iova_sync);

/* Caches of what is linked, granule by granule: only the page tables know. */
static void to_cpu(struct iommu_dma_cookie *cookie, dma_addr_t addr,
		   size_t size, enum dma_data_direction dir)
{
	dma_cache_to_cpu_begin();
	while (size) {
		size_t part = dma_domain_granule(cookie) -
			      dma_domain_offset(cookie, addr);
		phys_addr_t phys = iommu_iova_to_phys(cookie->domain, addr);

		part = min(part, size);
		if (phys)
			dma_cache_to_cpu(phys, part, dir);
		addr += part;
		size -= part;
	}
}

/**
 * dma_iova_unlink - end the mapping of a part of a range
 * @dev: the device
 * @state: the range, which stays
 * @offset: of the part, in bytes; where a piece begins
 * @size: of the part, in bytes; where a piece ends
 * @dir: as linked
 * @attrs: DMA_ATTR_*
 *
 * Context: any.
 */
void dma_iova_unlink(struct device *dev, struct dma_iova_state *state,
		     size_t offset, size_t size, enum dma_data_direction dir,
		     unsigned long attrs)
{
	struct iommu_dma_cookie *cookie = dma_domain_serving(dev);
	dma_addr_t addr = state->addr + offset;
	size_t inner = dma_domain_offset(cookie, addr);

	if (!is_part(cookie, dev, state, offset, size))
		return;
	if (dma_dev_must_flush(dev, attrs))
		to_cpu(cookie, addr, size, dir);
	unlink_now(cookie, dev, state, addr - inner,
		   dma_domain_align(cookie, inner + size));
}
EXPORT_SYMBOL_GPL(dma_iova_unlink);

/**
 * dma_iova_destroy - end a range and all that is linked into it
 * @dev: the device
 * @state: the range; it is gone then
 * @mapped_len: how many bytes from its beginning are linked, maybe 0
 * @dir: as linked
 * @attrs: DMA_ATTR_*
 *
 * Context: any.
 */
void dma_iova_destroy(struct device *dev, struct dma_iova_state *state,
		      size_t mapped_len, enum dma_data_direction dir,
		      unsigned long attrs)
{
	struct iommu_dma_cookie *cookie = dma_domain_serving(dev);
	size_t inner = dma_domain_offset(cookie, state->addr);
	struct dma_io_range range __uninitialized;

	if (!mapped_len || !is_part(cookie, dev, state, 0, mapped_len)) {
		dma_iova_free(dev, state);
		return;
	}
	if (dma_dev_must_flush(dev, attrs))
		to_cpu(cookie, state->addr, mapped_len, dir);
	dma_io_begin(cookie, &range);
	dma_io_clear_part(cookie, state->addr - inner,
			  dma_domain_align(cookie, inner + mapped_len), false,
			  &range);
	range.missing += state->missing;
	/* The addresses are the caller's, whatever is mapped there. */
	range.was_mapped = true;
	dma_io_end(cookie, dev, state->addr - inner,
		   dma_domain_align(cookie, inner + state->size), &range);
	state->size = 0;
}
EXPORT_SYMBOL_GPL(dma_iova_destroy);
