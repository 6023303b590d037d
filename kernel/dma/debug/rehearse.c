// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma-debug: a coherent device, treated as if it were not.
 *
 * On a machine where the caches are coherent, a driver that forgets a sync call
 * works by luck.  For a device that is chosen to *rehearse*, each streaming
 * mapping goes to a copy of the buffer, the *shadow*, and the device never sees
 * the buffer itself.  Data moves between them at the calls that the API asks for,
 * and at no other time:
 *
 *   map, sync for the device	from the buffer to the shadow
 *   sync for the CPU, unmap	from the shadow to the buffer
 *
 * Each byte belongs to the device or to the CPU.  What belongs to the device,
 * and can be written by it, is poisoned in the buffer: a CPU that looks too early
 * sees POISON.  So does a device that looks at what was never handed to it, or
 * beside the mapping.  With DMA_ATTR_SKIP_CPU_SYNC nothing moves, and after such a
 * map all belongs to the CPU.
 *
 * Next to the shadow is kept what was in it at the last call.  So it can be told
 * what the CPU has written, and what the device has:
 *
 *   - the CPU wrote what belongs to the device
 *   - the CPU wrote after a sync, and gave nothing to the device: unmap loses it
 *   - the device gets back what it has written, and the CPU has not looked at it
 *   - the device wrote what it may only read, or beside the mapping
 *
 * A map that fails, or an unmap that moves nothing, still takes the poison away: what
 * is poison yet becomes what the shadow holds.  Nothing is written to a buffer that
 * the device only reads.
 *
 * Where the memory is mapped by somebody else as well, there is no shadow; and if
 * one is there already, it is *given up*: the poison is taken away, and from then on
 * only what the device has written is moved.  See debug/rehearse_find.c.
 *
 * The place is behind the entry points and above the route: to direct mapping,
 * IOMMU and bounce buffer the shadow is memory like any other.
 *
 * Locks: choice_lock alone; rehearsal->lock, and inside it that of the trees.  All
 * are irq-safe.  A reference keeps a rehearsal alive while a call uses it.
 */
#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/device.h>
#include <linux/dma-limits.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-sg.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "../debug.h"
#include "rehearse.h"
#include "store.h"
#include "../route.h"

#define POISON	0xd5
#define NOWHERE	SIZE_MAX

DEFINE_STATIC_KEY_FALSE(dma_rehearse_key);

static DEFINE_SPINLOCK(choice_lock);	/* protects chosen */
static char chosen[DMA_DEBUG_NAME];

static atomic_long_t nr_live, nr_begun, nr_refused, nr_shared;

/*
 * Who rehearses
 */

/**
 * dma_rehearse_set_chosen - set who rehearses
 * @name: of a driver or a device, up to the first blank; empty for none
 *
 * Context: any.
 */
void dma_rehearse_set_chosen(const char *name)
{
	size_t length = min(strcspn(name, " \t\n"), sizeof(chosen) - 1);
	unsigned long flags;

	spin_lock_irqsave(&choice_lock, flags);
	memcpy(chosen, name, length);
	chosen[length] = '\0';
	spin_unlock_irqrestore(&choice_lock, flags);
}

/**
 * dma_rehearse_chosen - who rehearses
 * @name: gets the name, of at most DMA_DEBUG_NAME bytes with the 0 at its end
 *
 * Context: any.
 */
void dma_rehearse_chosen(char *name)
{
	unsigned long flags;

	spin_lock_irqsave(&choice_lock, flags);
	strscpy(name, chosen, DMA_DEBUG_NAME);
	spin_unlock_irqrestore(&choice_lock, flags);
}

/* One that is not coherent has the real thing. */
static bool must_rehearse(struct device *dev)
{
	const struct device_driver *driver = READ_ONCE(dev->driver);
	char name[DMA_DEBUG_NAME];

	dma_rehearse_chosen(name);
	return name[0] && dev_is_dma_coherent(dev) &&
	       (!strcmp(dev_name(dev), name) ||
		(driver && !strcmp(driver->name, name)));
}

/**
 * dma_rehearse_figures - how many rehearsals there are and were
 * @figures: filled in
 *
 * Context: any.
 */
void dma_rehearse_figures(struct dma_rehearsal_figures *figures)
{
	figures->nr_live = atomic_long_read(&nr_live);
	figures->nr_begun = atomic_long_read(&nr_begun);
	figures->nr_refused = atomic_long_read(&nr_refused);
	figures->nr_shared = atomic_long_read(&nr_shared);
}

/*
 * Memory
 */

static size_t padded_size(const struct dma_rehearsal *it)
{
	return PAGE_ALIGN(offset_in_page(it->offset) + it->size);
}

static void drop_shadow(struct dma_rehearsal *it)
{
	free_pages_exact(it->pages, padded_size(it));
	free_pages_exact(it->seen, it->size);
	it->page = NULL;
	WRITE_ONCE(it->pages, NULL);
	atomic_long_dec(&nr_live);
}

/**
 * dma_rehearse_put - give a reference back
 * @it: the rehearsal, which may be freed
 *
 * Context: any.
 */
void dma_rehearse_put(struct dma_rehearsal *it)
{
	if (!refcount_dec_and_test(&it->nr_users))
		return;
	if (it->pages)
		drop_shadow(it);
	kfree(it);
}

static struct dma_rehearsal *make_with_bits(struct device *dev, phys_addr_t phys,
					    size_t size, size_t nr_bits,
					    enum dma_data_direction dir)
{
	struct dma_rehearsal *it;

	it = kzalloc(struct_size(it, cpus, BITS_TO_LONGS(nr_bits)),
		     GFP_NOWAIT | __GFP_NOWARN);
	if (!it)
		return NULL;
	it->dev = dev;
	it->phys = phys;
	it->size = size;
	it->dir = dir;
	refcount_set(&it->nr_users, 1);
	spin_lock_init(&it->lock);
	return it;
}

/**
 * dma_rehearse_make_note - a rehearsal without a shadow
 * @dev: the device
 * @phys: of the buffer
 * @size: in bytes
 * @dir: direction
 *
 * Context: any.
 * Return: the note, or NULL.
 */
struct dma_rehearsal *dma_rehearse_make_note(struct device *dev,
					     phys_addr_t phys, size_t size,
					     enum dma_data_direction dir)
{
	return make_with_bits(dev, phys, size, 0, dir);
}

/* Memory for the shadow has to lie where the device reaches it. */
static gfp_t zone_for(struct device *dev)
{
	struct dma_limits limits = dma_limits_of(dev, *dev->dma_mask);

	return dma_stream_route(dev) == DMA_ROUTE_DIRECT ?
	       dma_limits_zone(&limits) : 0;
}

static struct dma_rehearsal *make(struct device *dev, struct page *page,
				  size_t offset, size_t size,
				  enum dma_data_direction dir)
{
	gfp_t gfp = GFP_NOWAIT | __GFP_NOWARN;
	struct dma_rehearsal *it;

	it = make_with_bits(dev, page_to_phys(page) + offset, size, size, dir);
	if (!it)
		return NULL;
	it->page = page;
	it->offset = offset;
	it->pages = alloc_pages_exact(padded_size(it), gfp | zone_for(dev));
	it->seen = alloc_pages_exact(size, gfp);
	if (!it->pages || !it->seen) {
		if (it->pages)
			free_pages_exact(it->pages, padded_size(it));
		if (it->seen)
			free_pages_exact(it->seen, size);
		kfree(it);
		return NULL;
	}
	it->shadow = it->pages + offset_in_page(offset);
	atomic_long_inc(&nr_live);
	return it;
}

/*
 * Data: what is done to bytes @start to @end, piece by piece, since the buffer
 * may be in high memory.
 */

typedef size_t (*piece_fn)(const struct dma_rehearsal *it, u8 *cpu, size_t pos,
			   size_t size);

static size_t copy_to_shadow(const struct dma_rehearsal *it, u8 *cpu, size_t pos,
			     size_t size)
{
	memcpy(it->shadow + pos, cpu, size);
	return size;
}

static size_t copy_to_cpu(const struct dma_rehearsal *it, u8 *cpu, size_t pos,
			  size_t size)
{
	memcpy(cpu, it->shadow + pos, size);
	return size;
}

/* What the CPU has not written over is what it would see without us. */
static size_t take_poison(const struct dma_rehearsal *it, u8 *cpu, size_t pos,
			  size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (cpu[i] == POISON)
			cpu[i] = it->shadow[pos + i];
	return size;
}

/* What the device has written since the last call */
static size_t copy_written(const struct dma_rehearsal *it, u8 *cpu, size_t pos,
			   size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (it->shadow[pos + i] == it->seen[pos + i])
			continue;
		cpu[i] = it->shadow[pos + i];
		it->seen[pos + i] = cpu[i];
	}
	return size;
}

/* What the device has not written since the last call */
static size_t copy_unwritten(const struct dma_rehearsal *it, u8 *cpu, size_t pos,
			     size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (it->shadow[pos + i] != it->seen[pos + i])
			continue;
		it->shadow[pos + i] = cpu[i];
		it->seen[pos + i] = cpu[i];
	}
	return size;
}

static size_t poison(const struct dma_rehearsal *it, u8 *cpu, size_t pos,
		     size_t size)
{
	memset(cpu, POISON, size);
	return size;
}

/* How many bytes are as they have to be while they belong to the device */
static size_t untouched(const struct dma_rehearsal *it, u8 *cpu, size_t pos,
			size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		if (cpu[i] != (it->dir == DMA_TO_DEVICE ? it->seen[pos + i] :
							  POISON))
			break;
	return i;
}

/* How many bytes the CPU has not changed since they are its own */
static size_t unchanged(const struct dma_rehearsal *it, u8 *cpu, size_t pos,
			size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		if (cpu[i] != it->seen[pos + i] &&
		    it->shadow[pos + i] == it->seen[pos + i])
			break;
	return i;
}

/* Returns where @do_piece stopped, or NOWHERE if it never did. */
static size_t walk(struct dma_rehearsal *it, size_t start, size_t end,
		   piece_fn do_piece)
{
	while (start < end) {
		size_t at = it->offset + start;
		size_t size = min(end - start, PAGE_SIZE - offset_in_page(at));
		u8 *cpu = kmap_local_page(nth_page(it->page, at >> PAGE_SHIFT));
		size_t done = do_piece(it, cpu + offset_in_page(at), start, size);

		kunmap_local(cpu);
		start += done;
		if (done < size)
			return start;
	}
	return NOWHERE;
}

/* The same, for the bytes of one owner only */
static size_t walk_of(struct dma_rehearsal *it, bool of_cpu, size_t start,
		      size_t end, piece_fn do_piece)
{
	size_t at = NOWHERE;

	while (start < end && at == NOWHERE) {
		size_t first, next;

		if (of_cpu) {
			first = find_next_bit(it->cpus, end, start);
			next = find_next_zero_bit(it->cpus, end, first);
		} else {
			first = find_next_zero_bit(it->cpus, end, start);
			next = find_next_bit(it->cpus, end, first);
		}
		at = walk(it, first, next, do_piece);
		start = next;
	}
	return at;
}

static bool device_writes(const struct dma_rehearsal *it)
{
	return it->dir != DMA_TO_DEVICE;
}

/* Give bytes to the device. */
static void hand_to_device(struct dma_rehearsal *it, size_t start, size_t end)
{
	lockdep_assert_held(&it->lock);
	bitmap_clear(it->cpus, start, end - start);
	if (device_writes(it))
		walk(it, start, end, poison);
	memcpy(it->seen + start, it->shadow + start, end - start);
}

/* Where the device has written since the last call, and the CPU has not looked */
static size_t find_missed(const struct dma_rehearsal *it, size_t start,
			  size_t end)
{
	for (size_t pos = start; pos < end; pos++)
		if (it->shadow[pos] != it->seen[pos] && !test_bit(pos, it->cpus))
			return pos;
	return NOWHERE;
}

/*
 * Reports
 */

static void tell(const struct dma_rehearsal *it, size_t at, const char *what)
{
	struct dma_debug_entry entry = { .stack = it->stack };

	if (at == NOWHERE)
		return;
	dma_debug_report(it->dev, &entry,
			 "rehearsal: byte %zu of the %zu mapped at %pad, %s: %s",
			 at, it->size, &it->dma_addr,
			 dma_debug_dir_name(it->dir), what);
}

static void tell_cpu_wrote(const struct dma_rehearsal *it, size_t at)
{
	tell(it, at, device_writes(it) ?
	     "the CPU wrote to it before dma_sync_*_for_cpu() made it its own" :
	     "the CPU wrote to it, and no dma_sync_*_for_device() came after");
}

static void tell_missed(const struct dma_rehearsal *it, size_t at)
{
	tell(it, at,
	     "given back with the device's data: no dma_sync_*_for_cpu() came before");
}

/*
 * One mapping
 */

/* The device's bytes are as they were before, or as it has written them. */
static void restore(struct dma_rehearsal *it)
{
	lockdep_assert_held(&it->lock);
	if (device_writes(it))
		walk_of(it, false, 0, it->size, take_poison);
}

/**
 * dma_rehearse_give_up - somebody else maps the buffer: no more poison
 * @it: a rehearsal with a shadow
 *
 * The device goes on with the shadow; only what it writes is moved, at the calls
 * that the API asks for, and nobody is accused any more.
 *
 * Context: any.
 */
void dma_rehearse_give_up(struct dma_rehearsal *it)
{
	unsigned long flags;

	spin_lock_irqsave(&it->lock, flags);
	if (!it->is_shared) {
		restore(it);
		bitmap_fill(it->cpus, it->size);
		memcpy(it->seen, it->shadow, it->size);
		WRITE_ONCE(it->is_shared, true);
		atomic_long_inc(&nr_shared);
	}
	spin_unlock_irqrestore(&it->lock, flags);
}

/**
 * dma_rehearse_join_all - end the poison where a mapping wants the memory too
 * @it: entered, without a shadow
 *
 * Context: any.
 */
void dma_rehearse_join_all(struct dma_rehearsal *it)
{
	struct dma_rehearsal *other;

	while ((other = dma_rehearse_other(it))) {
		dma_rehearse_give_up(other);
		dma_rehearse_put(other);
	}
}

/* Fill the shadow.  Returns false if the memory is mapped already. */
static bool fill(struct dma_rehearsal *it, unsigned long attrs)
{
	unsigned long flags;
	bool is_alone;

	memset(it->pages, POISON, padded_size(it));
	spin_lock_irqsave(&it->lock, flags);
	is_alone = dma_rehearse_enter(it);
	if (!is_alone) {
		/* There is nothing to give up. */
		WRITE_ONCE(it->is_shared, true);
	} else if (attrs & DMA_ATTR_SKIP_CPU_SYNC) {
		bitmap_set(it->cpus, 0, it->size);
		memcpy(it->seen, it->shadow, it->size);
	} else {
		/* What the device does not write is as it was, after unmap. */
		walk(it, 0, it->size, copy_to_shadow);
		hand_to_device(it, 0, it->size);
	}
	spin_unlock_irqrestore(&it->lock, flags);
	return is_alone;
}

/**
 * dma_rehearse_begin - take a shadow for a mapping that is to be made
 * @dev: the device
 * @page: the buffer's first page; set to the shadow's
 * @offset: of the buffer in it, in bytes; set to the shadow's
 * @size: of the buffer, in bytes
 * @dir: direction
 * @attrs: DMA_ATTR_*
 *
 * Context: any.
 * Return: the rehearsal, to be published once the shadow is mapped; or a note, to be
 * published once the buffer is, if this device does not rehearse, there is no memory
 * for a shadow or the buffer is mapped already; NULL if nothing is to be published.
 */
struct dma_rehearsal *dma_rehearse_begin(struct device *dev,
					 struct page **page, size_t *offset,
					 size_t size,
					 enum dma_data_direction dir,
					 unsigned long attrs)
{
	struct dma_rehearsal *it = NULL;

	if (!size || !dma_page_is_ordinary(*page))
		return NULL;
	if (must_rehearse(dev)) {
		it = make(dev, *page, *offset, size, dir);
		if (!it)
			atomic_long_inc(&nr_refused);
	}
	if (it && fill(it, attrs)) {
		it->stack = dma_debug_stack();
		atomic_long_inc(&nr_begun);
		*page = virt_to_page(it->pages);
		*offset = offset_in_page(*offset);
		return it;
	}
	if (it) {
		drop_shadow(it);
		atomic_long_inc(&nr_shared);
	} else {
		it = dma_rehearse_make_note(dev, page_to_phys(*page) + *offset,
					    size, dir);
		if (!it) {
			dma_rehearse_add_unknown();
			return NULL;
		}
		dma_rehearse_enter(it);
	}
	dma_rehearse_join_all(it);
	return it;
}

static void end(struct dma_rehearsal *it)
{
	dma_rehearse_leave(it);
	dma_rehearse_put(it);
}

/* It was not mapped: the buffer is as it was. */
static void call_off(struct dma_rehearsal *it)
{
	unsigned long flags;

	if (it->pages) {
		spin_lock_irqsave(&it->lock, flags);
		restore(it);
		spin_unlock_irqrestore(&it->lock, flags);
	}
	end(it);
}

/**
 * dma_rehearse_publish - the shadow was mapped, or the buffer
 * @rehearsal: begun
 * @dma_addr: the device's address; DMA_MAPPING_ERROR if it was not mapped
 * @attrs: DMA_ATTR_*
 *
 * Context: any.
 */
void dma_rehearse_publish(struct dma_rehearsal *rehearsal, dma_addr_t dma_addr,
			  unsigned long attrs)
{
	if (dma_addr == DMA_MAPPING_ERROR) {
		call_off(rehearsal);
		return;
	}
	rehearsal->dma_addr = dma_addr;
	dma_rehearse_add(rehearsal);
}

/* Is all around the shadow as it was? */
static bool is_beside_untouched(const struct dma_rehearsal *it)
{
	size_t before = it->shadow - (u8 *)it->pages;
	size_t after = padded_size(it) - before - it->size;

	return !memchr_inv(it->pages, POISON, before) &&
	       !memchr_inv(it->shadow + it->size, POISON, after);
}

static void check_device(const struct dma_rehearsal *it)
{
	struct dma_debug_entry entry = { .stack = it->stack };

	if (!device_writes(it) && memcmp(it->shadow, it->seen, it->size))
		dma_debug_report(it->dev, &entry,
				 "rehearsal: the device wrote to the %zu bytes mapped at %pad: expected that it only reads what is DMA_TO_DEVICE",
				 it->size, &it->dma_addr);
	if (!is_beside_untouched(it))
		dma_debug_report(it->dev, &entry,
				 "rehearsal: the device wrote beside the %zu bytes mapped at %pad, on the same page: expected nothing outside of the mapping",
				 it->size, &it->dma_addr);
}

/**
 * dma_rehearse_end - the shadow was unmapped, or the buffer
 * @rehearsal: taken; freed here
 * @attrs: DMA_ATTR_*
 *
 * Context: any.
 */
void dma_rehearse_end(struct dma_rehearsal *rehearsal, unsigned long attrs)
{
	size_t written = NOWHERE, lost = NOWHERE;
	struct dma_rehearsal *it = rehearsal;
	unsigned long flags;

	if (!it->pages) {
		end(it);
		return;
	}
	check_device(it);
	spin_lock_irqsave(&it->lock, flags);
	if (it->is_shared) {
		if (device_writes(it))
			walk(it, 0, it->size, copy_written);
	} else if (attrs & DMA_ATTR_SKIP_CPU_SYNC) {
		restore(it);
	} else {
		written = walk_of(it, false, 0, it->size, untouched);
		if (device_writes(it)) {
			lost = walk_of(it, true, 0, it->size, unchanged);
			walk(it, 0, it->size, copy_to_cpu);
		}
	}
	spin_unlock_irqrestore(&it->lock, flags);
	tell_cpu_wrote(it, written);
	tell(it, lost,
	     "lost by unmap: no dma_sync_*_for_device() after the CPU's change");
	end(it);
}

/*
 * Handing over
 */

static void sync_for_cpu(struct dma_rehearsal *it, size_t start, size_t end)
{
	size_t written;
	unsigned long flags;

	spin_lock_irqsave(&it->lock, flags);
	if (it->is_shared) {
		if (device_writes(it))
			walk(it, start, end, copy_written);
		spin_unlock_irqrestore(&it->lock, flags);
		return;
	}
	written = device_writes(it) ?
		  walk_of(it, false, start, end, untouched) : NOWHERE;
	if (device_writes(it))
		walk(it, start, end, copy_to_cpu);
	bitmap_set(it->cpus, start, end - start);
	memcpy(it->seen + start, it->shadow + start, end - start);
	spin_unlock_irqrestore(&it->lock, flags);
	tell_cpu_wrote(it, written);
}

/* A driver that only sends may write and then sync for the device, no more. */
static void sync_for_device(struct dma_rehearsal *it, size_t start, size_t end)
{
	size_t written = NOWHERE, missed = NOWHERE;
	unsigned long flags;

	spin_lock_irqsave(&it->lock, flags);
	if (it->is_shared) {
		walk(it, start, end, copy_unwritten);
		spin_unlock_irqrestore(&it->lock, flags);
		return;
	}
	if (device_writes(it)) {
		written = walk_of(it, false, start, end, untouched);
		/* A driver that has looked at a part has seen what it needs. */
		if (find_next_bit(it->cpus, end, start) >= end)
			missed = find_missed(it, start, end);
		walk_of(it, true, start, end, copy_to_shadow);
	} else {
		walk(it, start, end, copy_to_shadow);
	}
	hand_to_device(it, start, end);
	spin_unlock_irqrestore(&it->lock, flags);
	tell_cpu_wrote(it, written);
	tell_missed(it, missed);
}

/**
 * dma_rehearse_sync - a part of a mapping is handed over
 * @dev: the device
 * @dma_addr: where the part begins; it may cover several entries of a list
 * @size: in bytes
 * @for_cpu: to the CPU; else to the device
 *
 * Context: any; for the CPU after the route's own work, for the device before.
 */
void dma_rehearse_sync(struct device *dev, dma_addr_t dma_addr, size_t size,
		       bool for_cpu)
{
	u64 at = dma_addr, end = at + size;
	struct dma_rehearsal *it;

	while (at < end && (it = dma_rehearse_get_any(dev, at, end))) {
		u64 base = it->dma_addr;
		size_t first = max(at, base) - base;
		size_t last = min(end, base + it->size) - base;

		if (for_cpu)
			sync_for_cpu(it, first, last);
		else
			sync_for_device(it, first, last);
		at = base + it->size;
		dma_rehearse_put(it);
	}
}

/**
 * dma_rehearse_has - is a mapping rehearsed?
 * @dev: the device
 * @dma_addr: an address in it
 *
 * Context: any.
 * Return: true if so.
 */
bool dma_rehearse_has(struct device *dev, dma_addr_t dma_addr)
{
	struct dma_rehearsal *it;

	it = dma_rehearse_get_any(dev, dma_addr, (u64)dma_addr + 1);
	if (it)
		dma_rehearse_put(it);
	return it;
}
