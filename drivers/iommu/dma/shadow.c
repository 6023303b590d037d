// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shadow mode: small buffers are copied through pages that stay mapped.
 *
 * A strict domain maps each buffer when it is handed to the device and has the
 * IOMMU forget it afterwards.  That costs an invalidation, and maps whole
 * pages: the device sees whatever else lies in them.  For a small buffer a
 * copy is cheaper than the invalidation, and exact: the device sees the bytes
 * of its buffers and nothing else of the kernel's memory.
 *
 * A domain has a window of I/O addresses cut into slots of equal size (the
 * largest buffer to be copied).  A slot gets its memory when it is needed
 * first, and is mapped from then on, with the rights of that buffer: the device
 * reads it, or writes it, or both, and later buffers in it want the same.  What
 * has been idle for a time goes back, and all that is idle goes with a driver of
 * the domain's devices.  Slots are shared out to a few banks, so that CPUs seldom
 * meet; a slot belongs to its bank for ever.
 *
 * A buffer that the device is to fill is copied in all the same: where the device
 * writes nothing, the CPU must get its own old bytes back.  These bytes are not
 * for the device: its IOMMU refuses to read them where it can tell reads from
 * writes, and they are wiped when the mapping ends.  What else a slot keeps until
 * the next buffer is copied over it was the device's to read.
 *
 * The slot knows its buffer: what is copied between the two is in there,
 * whatever sizes and addresses a driver comes with.
 *
 * Locks: bank->lock, irq-safe, innermost.  Slots are given memory, and lose
 * it, by who has taken them out of their bank, without a lock.
 * Invariant: a slot is in at most one of: a bank's free lists (it has memory),
 * its bare list (it has none), one mapping.  It is in none when the IOMMU failed
 * to unmap it, which is for ever.
 */
#include <linux/dma-cache.h>
#include <linux/dma-copy.h>
#include <linux/iommu-dma.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/workqueue.h>

#include "map.h"
#include "shadow.h"
#include "shadow_slots.h"

/* After how many jiffies half of the idle slots go.  Tests shorten it. */
unsigned long dma_shadow_idle = 5 * HZ;

/* IOMMU_* of a slot: all slots have what the first device wanted, and their rights. */
static int slot_prot(const struct dma_shadow *shadow, enum dma_data_direction rights)
{
	int prot = READ_ONCE(shadow->prot);

	if (rights == DMA_TO_DEVICE)
		prot &= ~IOMMU_WRITE;
	else if (rights == DMA_FROM_DEVICE)
		prot &= ~IOMMU_READ;
	return prot;
}

static bool give_memory(struct dma_shadow *shadow, unsigned int nr,
			enum dma_data_direction rights)
{
	struct dma_shadow_slot *slot = &shadow->slots[nr];
	struct iommu_domain *domain = shadow->cookie->domain;
	struct page *page;

	page = alloc_pages(GFP_ATOMIC | __GFP_NOWARN | __GFP_ZERO,
			   slot_order(shadow));
	if (!page)
		return false;
	if (iommu_map(domain, slot_addr(shadow, nr), page_to_phys(page),
		      slot_size(shadow), slot_prot(shadow, rights),
		      GFP_ATOMIC)) {
		__free_pages(page, slot_order(shadow));
		return false;
	}
	slot->cpu_addr = page_address(page);
	slot->rights = rights;
	/* A device that does not see the caches must not see old memory. */
	if (!(shadow->prot & IOMMU_CACHE))
		dma_cache_to_device(page_to_phys(page), slot_size(shadow),
				    DMA_BIDIRECTIONAL);
	return true;
}

/* False if the IOMMU does not let go of it: the slot is lost then. */
static bool take_memory(struct dma_shadow *shadow, unsigned int nr)
{
	struct dma_shadow_slot *slot = &shadow->slots[nr];

	if (!dma_io_clear(shadow->cookie, NULL, slot_addr(shadow, nr),
			  slot_size(shadow)))
		return false;
	free_pages((unsigned long)slot->cpu_addr, slot_order(shadow));
	slot->cpu_addr = NULL;
	return true;
}

static __always_inline int __pop(struct dma_shadow *shadow,
				 struct dma_shadow_bank *bank,
				 unsigned int list)
{
	int nr = bank->first[list];

	lockdep_assert_held(&bank->lock);

	if (unlikely(nr == NO_SLOT))
		return nr;
	bank->first[list] = shadow->slots[nr].next;
	bank->nr[list]--;
	return nr;
}

/* A slot that has memory; NO_SLOT if there is none with these rights. */
static __always_inline int __pop_free(struct dma_shadow *shadow,
				      struct dma_shadow_bank *bank,
				      enum dma_data_direction rights)
{
	int nr = __pop(shadow, bank, rights);

	if (unlikely(bank->nr[rights] < bank->low[rights]))
		bank->low[rights] = bank->nr[rights];
	return nr;
}

static __always_inline int take_free(struct dma_shadow *shadow,
				     struct dma_shadow_bank *bank,
				     enum dma_data_direction rights)
{
	unsigned long flags;
	int nr;

	spin_lock_irqsave(&bank->lock, flags);
	nr = __pop_free(shadow, bank, rights);
	bank->mapped += nr != NO_SLOT;
	spin_unlock_irqrestore(&bank->lock, flags);
	return nr;
}

/* A slot of @bank that gets its memory now; NO_SLOT if there is none. */
static noinline int take_bare(struct dma_shadow *shadow,
			      struct dma_shadow_bank *bank,
			      enum dma_data_direction rights)
{
	unsigned long flags;
	int nr;

	spin_lock_irqsave(&bank->lock, flags);
	nr = __pop(shadow, bank, DMA_SHADOW_BARE);
	spin_unlock_irqrestore(&bank->lock, flags);
	if (nr == NO_SLOT)
		return nr;

	if (give_memory(shadow, nr, rights)) {
		mod_delayed_work(system_wq, &shadow->shrink, dma_shadow_idle);
		spin_lock_irqsave(&bank->lock, flags);
		bank->mapped++;
		bank->peak = max(bank->peak, bank_size(shadow) -
					     bank->nr[DMA_SHADOW_BARE]);
		spin_unlock_irqrestore(&bank->lock, flags);
		return nr;
	}
	spin_lock_irqsave(&bank->lock, flags);
	dma_shadow_push(shadow, bank, DMA_SHADOW_BARE, nr);
	spin_unlock_irqrestore(&bank->lock, flags);
	return NO_SLOT;
}

/* Without the lock: whoever comes between is as good as one who came before. */
static bool has_slots(const struct dma_shadow_bank *bank, unsigned int list)
{
	return READ_ONCE(bank->nr[list]);
}

/*
 * Any slot; the first bank to ask is that of this CPU.  While all are in use, no
 * mapping takes a lock of another CPU's bank to find that out.
 */
static noinline int search_slot(struct dma_shadow *shadow, unsigned int first,
				enum dma_data_direction rights)
{
	int nr = NO_SLOT;

	for (unsigned int i = 0; i < shadow->nr_banks && nr == NO_SLOT; i++) {
		struct dma_shadow_bank *bank;

		bank = &shadow->banks[(first + i) & (shadow->nr_banks - 1)];
		if (has_slots(bank, rights))
			nr = take_free(shadow, bank, rights);
		if (nr == NO_SLOT && has_slots(bank, DMA_SHADOW_BARE))
			nr = take_bare(shadow, bank, rights);
	}
	return nr;
}

static __always_inline int take_any_slot(struct dma_shadow *shadow,
					 enum dma_data_direction rights)
{
	unsigned int first = raw_smp_processor_id() & (shadow->nr_banks - 1);
	int nr = take_free(shadow, &shadow->banks[first], rights);

	return likely(nr != NO_SLOT) ? nr : search_slot(shadow, first, rights);
}

static __always_inline void give_slot(struct dma_shadow *shadow,
				      unsigned int nr)
{
	struct dma_shadow_bank *bank = bank_of(shadow, nr);
	unsigned long flags;

	spin_lock_irqsave(&bank->lock, flags);
	dma_shadow_push(shadow, bank, shadow->slots[nr].rights, nr);
	spin_unlock_irqrestore(&bank->lock, flags);
}

/* Up to @nr_idle free slots lose their memory. */
static void empty_list(struct dma_shadow *shadow, struct dma_shadow_bank *bank,
		       enum dma_data_direction rights, unsigned int nr_idle)
{
	while (nr_idle--) {
		int nr;

		spin_lock_irq(&bank->lock);
		nr = __pop_free(shadow, bank, rights);
		spin_unlock_irq(&bank->lock);
		if (nr == NO_SLOT)
			break;
		if (!take_memory(shadow, nr))
			continue;
		spin_lock_irq(&bank->lock);
		dma_shadow_push(shadow, bank, DMA_SHADOW_BARE, nr);
		spin_unlock_irq(&bank->lock);
	}
}

/* Half of what nobody needed since the last look goes back. */
static bool shrink_bank(struct dma_shadow *shadow, struct dma_shadow_bank *bank)
{
	bool has_memory;

	for (unsigned int rights = 0; rights < DMA_SHADOW_NR_RIGHTS; rights++) {
		empty_list(shadow, bank, rights,
			   DIV_ROUND_UP(READ_ONCE(bank->low[rights]), 2));
		spin_lock_irq(&bank->lock);
		bank->low[rights] = bank->nr[rights];
		spin_unlock_irq(&bank->lock);
	}
	spin_lock_irq(&bank->lock);
	has_memory = bank->nr[DMA_SHADOW_BARE] < bank_size(shadow);
	spin_unlock_irq(&bank->lock);
	return has_memory;
}

/**
 * dma_shadow_shrink - give back slots that nobody needed for a time
 * @work: of the slots of a domain
 *
 * Context: a work queue.
 */
void dma_shadow_shrink(struct work_struct *work)
{
	struct dma_shadow *shadow = container_of(to_delayed_work(work),
						 struct dma_shadow, shrink);
	bool has_memory = false;

	for (unsigned int i = 0; i < shadow->nr_banks; i++)
		has_memory |= shrink_bank(shadow, &shadow->banks[i]);
	if (has_memory)
		schedule_delayed_work(&shadow->shrink, dma_shadow_idle);
}

static void empty_lists(struct dma_shadow *shadow)
{
	for (unsigned int i = 0; shadow && i < shadow->nr_banks; i++)
		for (unsigned int rights = 0; rights < DMA_SHADOW_NR_RIGHTS;
		     rights++)
			empty_list(shadow, &shadow->banks[i], rights,
				   bank_size(shadow));
}

/**
 * iommu_dma_driver_gone - a device has lost its driver
 * @dev: the device
 *
 * What its buffers held is not for the next one: shadow pages that nobody uses
 * now are not mapped any more when this returns.  Those of other devices in its
 * group are among them, which only costs these some time.
 *
 * Context: process context, may sleep.
 */
void iommu_dma_driver_gone(struct device *dev)
{
	/*
	 * The group's type, and so the domain, stays while it is in use.  If
	 * another owns the group by now, no device of it is in that domain.
	 */
	if (!use_dma_iommu(dev) || iommu_device_use_default_domain(dev))
		return;
	if (use_dma_iommu(dev))
		empty_lists(READ_ONCE(dma_domain_serving(dev)->shadow));
	iommu_device_unuse_default_domain(dev);
}

/* Where in its slot a buffer begins: as in its page, if there is room. */
static size_t offset_for(const struct dma_shadow *shadow, phys_addr_t phys,
			 size_t size)
{
	size_t offset = phys & (slot_size(shadow) - 1);

	return offset + size <= slot_size(shadow) ? offset : 0;
}

/*
 * Slots are mapped for devices that see the CPU's caches, or for those that do
 * not, as the first device of the group wants it.
 */
static bool has_right_prot(struct dma_shadow *shadow, struct device *dev)
{
	int prot = READ_ONCE(shadow->prot), wanted;

	if (likely(prot && !(prot & IOMMU_CACHE) != dev_is_dma_coherent(dev)))
		return true;
	wanted = dma_io_prot(dev, DMA_BIDIRECTIONAL, 0);
	return !cmpxchg(&shadow->prot, 0, wanted);
}

/* Let the device see a part of a buffer, by its copy; @offset: in the slot. */
static __always_inline void copy_in(const struct dma_shadow_slot *slot,
				    struct device *dev, size_t offset,
				    size_t size, enum dma_data_direction dir)
{
	dma_copy(slot->phys + (offset - slot->offset), slot->cpu_addr + offset,
		 size, true);
	if (!dev_is_dma_coherent(dev))
		dma_cache_to_device(virt_to_phys(slot->cpu_addr) + offset, size,
				    dir);
}

static __always_inline void copy_out(const struct dma_shadow_slot *slot,
				     struct device *dev, size_t offset,
				     size_t size, enum dma_data_direction dir)
{
	if (!dev_is_dma_coherent(dev)) {
		dma_cache_to_cpu_begin();
		dma_cache_to_cpu(virt_to_phys(slot->cpu_addr) + offset, size,
				 dir);
	}
	dma_copy(slot->phys + (offset - slot->offset), slot->cpu_addr + offset,
		 size, false);
}

/*
 * What of @size bytes at @offset in a slot is in its buffer.  More than that is
 * told of, and is not the driver's to see or to change.
 */
static size_t cut_part(const struct dma_shadow_slot *slot, struct device *dev,
		       dma_addr_t addr, size_t *offset, size_t size)
{
	size_t first = *offset, end = first + size;

	WARN_ONCE(true, "%s: %zu bytes at %pad: expected some of the %u bytes that are mapped at offset %#x of that page\n",
		  dev_name(dev), size, &addr, slot->size, slot->offset);
	*offset = clamp_t(size_t, first, slot->offset,
			  slot->offset + slot->size);
	return clamp_t(size_t, end, *offset, slot->offset + slot->size) -
	       *offset;
}

/* Where a part begins in its slot; its size is made to fit. */
static __always_inline size_t
part_of(const struct dma_shadow *shadow, const struct dma_shadow_slot *slot,
	unsigned int nr, struct device *dev, dma_addr_t addr, size_t *size)
{
	size_t offset = addr - slot_addr(shadow, nr);

	if (unlikely(offset - slot->offset > slot->size ||
		     *size > slot->size - (offset - slot->offset)))
		*size = cut_part(slot, dev, addr, &offset, *size);
	return offset;
}

/*
 * Memory that both sides use at the same time, without sync calls: doorbells, page
 * tables of graphics cards, pages that are exported.  It comes in whole granules,
 * and mapping these shows the device nothing else.  Nor can what the kernel has
 * mapped elsewhere, if at all, be copied.
 */
static __always_inline bool is_shared(const struct dma_shadow *shadow,
				      phys_addr_t phys, size_t size,
				      enum dma_data_direction dir)
{
	return (dir == DMA_BIDIRECTIONAL &&
		!dma_domain_offset(shadow->cookie, phys | size)) ||
	       dma_needs_no_maintenance(phys);
}

/* Can the device use any slot for this buffer? */
static __always_inline bool suits(struct dma_shadow *shadow, struct device *dev,
				  phys_addr_t phys, size_t size, size_t offset,
				  enum dma_data_direction dir)
{
	u64 last = min_not_zero(*dev->dma_mask, dev->bus_dma_limit);

	return likely(!is_shared(shadow, phys, size, dir) &&
		      !((offset ^ phys) & dma_get_min_align_mask(dev)) &&
		      has_right_prot(shadow, dev) &&
		      shadow->last <= last);
}

/**
 * dma_shadow_map - hand a small buffer to a device, through a slot
 * @cookie: the domain, which has shadow pages
 * @dev: the device
 * @phys: of the buffer
 * @size: in bytes; no more than the window's limit
 * @dir: which way the data goes
 *
 * Context: any.
 * Return: the device's address; DMA_MAPPING_ERROR if there is no slot that suits.
 */
dma_addr_t dma_shadow_map(struct iommu_dma_cookie *cookie, struct device *dev,
			  phys_addr_t phys, size_t size,
			  enum dma_data_direction dir)
{
	struct dma_shadow *shadow = cookie->shadow;
	size_t offset = offset_for(shadow, phys, size);
	struct dma_shadow_slot *slot;
	int nr = NO_SLOT;

	if (suits(shadow, dev, phys, size, offset, dir))
		nr = take_any_slot(shadow, dir);
	if (unlikely(nr == NO_SLOT))
		return DMA_MAPPING_ERROR;

	slot = &shadow->slots[nr];
	slot->phys = phys;
	slot->offset = offset;
	slot->size = size;
	copy_in(slot, dev, offset, size, dir);
	dma_reset_need_sync(dev);
	return slot_addr(shadow, nr) + offset;
}

/* Has a buffer this slot?  If not, say so. */
static __always_inline bool is_mapped(const struct dma_shadow_slot *slot,
				      struct device *dev, dma_addr_t addr)
{
	return !WARN_ONCE(slot->phys == PHYS_ADDR_MAX,
			  "%s: shadow page at %pad, which is not mapped\n",
			  dev_name(dev), &addr);
}

/**
 * dma_shadow_to_cpu - let the CPU look at a part of a buffer
 * @shadow: the slots
 * @dev: the device
 * @addr: the device's address of the part
 * @size: in bytes
 * @dir: as at mapping
 *
 * Context: any.
 */
void dma_shadow_to_cpu(struct dma_shadow *shadow, struct device *dev,
		       dma_addr_t addr, size_t size,
		       enum dma_data_direction dir)
{
	unsigned int nr = slot_nr(shadow, addr);
	struct dma_shadow_slot *slot = &shadow->slots[nr];
	size_t offset;

	if (dir == DMA_TO_DEVICE || !is_mapped(slot, dev, addr))
		return;
	offset = part_of(shadow, slot, nr, dev, addr, &size);
	copy_out(slot, dev, offset, size, dir);
}

/**
 * dma_shadow_to_device - let the device look at a part of a buffer again
 * @shadow: the slots
 * @dev: the device
 * @addr: the device's address of the part
 * @size: in bytes
 * @dir: as at mapping, or DMA_FROM_DEVICE: a driver that polls has only looked,
 *	and what the device has written meanwhile stays
 *
 * Context: any.
 */
void dma_shadow_to_device(struct dma_shadow *shadow, struct device *dev,
			  dma_addr_t addr, size_t size,
			  enum dma_data_direction dir)
{
	unsigned int nr = slot_nr(shadow, addr);
	struct dma_shadow_slot *slot = &shadow->slots[nr];
	size_t offset;

	if (!is_mapped(slot, dev, addr))
		return;
	offset = part_of(shadow, slot, nr, dev, addr, &size);
	if (dir != DMA_FROM_DEVICE)
		copy_in(slot, dev, offset, size, dir);
	else if (!dev_is_dma_coherent(dev))
		dma_cache_to_device(virt_to_phys(slot->cpu_addr) + offset, size,
				    dir);
}

/* Some IOMMUs let a device read what it is to write. */
static __always_inline void wipe(const struct dma_shadow_slot *slot,
				 struct device *dev)
{
	memset(slot->cpu_addr + slot->offset, 0, slot->size);
	if (!dev_is_dma_coherent(dev))
		dma_cache_to_device(virt_to_phys(slot->cpu_addr) + slot->offset,
				    slot->size, DMA_BIDIRECTIONAL);
}

/**
 * dma_shadow_unmap - take a buffer back
 * @shadow: the slots
 * @dev: the device
 * @addr: what dma_shadow_map() returned
 * @size: as mapped, in bytes
 * @dir: as mapped
 * @attrs: with DMA_ATTR_SKIP_CPU_SYNC nothing is copied back
 *
 * Context: any.
 */
void dma_shadow_unmap(struct dma_shadow *shadow, struct device *dev,
		      dma_addr_t addr, size_t size,
		      enum dma_data_direction dir, unsigned long attrs)
{
	unsigned int nr = slot_nr(shadow, addr);
	struct dma_shadow_slot *slot = &shadow->slots[nr];

	if (!is_mapped(slot, dev, addr))
		return;
	/* The whole buffer comes back, whatever the driver takes its size for. */
	part_of(shadow, slot, nr, dev, addr, &size);
	if (slot->rights != DMA_TO_DEVICE && !(attrs & DMA_ATTR_SKIP_CPU_SYNC))
		copy_out(slot, dev, slot->offset, slot->size, slot->rights);
	if (slot->rights == DMA_FROM_DEVICE)
		wipe(slot, dev);
	slot->phys = PHYS_ADDR_MAX;
	give_slot(shadow, nr);
}
