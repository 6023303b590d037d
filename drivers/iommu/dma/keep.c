// SPDX-License-Identifier: GPL-2.0-only
/*
 * Large mappings that are kept until the next invalidation, in lazy mode.
 *
 * A mapping of 256 KiB takes 64 page table entries, to be set and to be
 * cleared.  Yet contiguous buffers of that size are seldom new: a driver gets
 * one and maps it for each transfer.  In lazy mode a device may get at what it
 * had until the next invalidation in any case (flush.c).  So the entries of a
 * large mapping need not be cleared before that; and where the same memory is
 * mapped for the same access by then, the mapping is taken up again as it is.
 *
 * A kept mapping lasts no longer than what waits in the flush queue: each
 * flush begins by ending all that is kept.
 *
 * There is a fixed number of slots.  The device's address of a mapping tells
 * its slot, where the mapping is noted when it is made.  That is all that it
 * takes to keep it later; an index by physical address finds it then.  Both
 * are hashes without chains: who comes later wins, and what has lost its slot
 * ends as any mapping does.
 *
 * Locks: slot->lock, irq-safe; nothing nests inside.  The index has none, it
 * is a hint.
 * Invariants: the entries of a kept mapping are set, and its address is taken.
 * A slot of a mapping that is not kept may be out of date, and is only believed
 * by who unmaps just that address, which is noted whenever it is mapped here.
 */
#include <linux/bits.h>
#include <linux/hash.h>
#include <linux/iommu.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "../../../kernel/dma/limits.h"
#include "domain.h"
#include "flush.h"
#include "keep.h"
#include "map.h"

#define SLOT_BITS	6
#define NR_SLOTS	BIT(SLOT_BITS)

/**
 * struct dma_keep_slot - a large mapping
 * @lock: irq-safe; protects all that follows
 * @is_kept: its driver has unmapped it
 * @prot: IOMMU_*
 * @addr: the device's address, a multiple of the granule; 0: there is none
 * @phys: physical address, a multiple of the granule
 * @size: in bytes, a multiple of the granule
 */
struct dma_keep_slot {
	spinlock_t	lock;	/* protects all that follows */
	bool		is_kept;
	int		prot;
	dma_addr_t	addr;
	phys_addr_t	phys;
	size_t		size;
};

/**
 * struct dma_keep - the large mappings of a domain
 * @slots: by the device's address
 * @by_phys: numbers of slots by physical address; read and written at any time
 */
struct dma_keep {
	struct dma_keep_slot	slots[NR_SLOTS];
	u8			by_phys[NR_SLOTS];
};

static unsigned int hash_of(u64 address)
{
	return hash_64(address >> PAGE_SHIFT, SLOT_BITS);
}

/* Take a kept mapping up again.  Returns its address, or 0. */
static dma_addr_t take_up(struct dma_keep *keep, phys_addr_t phys, size_t size,
			  int prot, u64 last)
{
	struct dma_keep_slot *slot;
	dma_addr_t addr = 0;
	unsigned long flags;

	slot = &keep->slots[READ_ONCE(keep->by_phys[hash_of(phys)])];
	if (!READ_ONCE(slot->is_kept))
		return 0;
	spin_lock_irqsave(&slot->lock, flags);
	if (slot->is_kept && slot->phys == phys && slot->size == size &&
	    slot->prot == prot && slot->addr + (size - 1) <= last) {
		WRITE_ONCE(slot->is_kept, false);
		addr = slot->addr;
	}
	spin_unlock_irqrestore(&slot->lock, flags);
	return addr;
}

/* What a slot keeps is the caller's to end: its address and size, or 0. */
static dma_addr_t __take_out(struct dma_keep_slot *slot, size_t *size)
{
	lockdep_assert_held(&slot->lock);

	if (!slot->is_kept)
		return 0;
	WRITE_ONCE(slot->is_kept, false);
	*size = slot->size;
	return slot->addr;
}

/* Note a mapping that was made; the one that is kept in its slot ends. */
static void note(struct iommu_dma_cookie *cookie, dma_addr_t addr,
		 phys_addr_t phys, size_t size, int prot)
{
	struct dma_keep *keep = cookie->keep;
	struct dma_keep_slot *slot = &keep->slots[hash_of(addr)];
	dma_addr_t kept_addr;
	unsigned long flags;
	size_t kept_size;

	spin_lock_irqsave(&slot->lock, flags);
	kept_addr = __take_out(slot, &kept_size);
	slot->addr = addr;
	slot->phys = phys;
	slot->size = size;
	slot->prot = prot;
	spin_unlock_irqrestore(&slot->lock, flags);

	WRITE_ONCE(keep->by_phys[hash_of(phys)], slot - keep->slots);
	if (kept_addr)
		dma_io_unmap(cookie, kept_addr, kept_size);
}

/**
 * dma_keep_map - map a large buffer, or find that it is mapped still
 * @cookie: the domain of @dev
 * @dev: a device for which dma_keep_wants() such mappings
 * @phys: physical address
 * @size: in bytes
 * @prot: IOMMU_*
 *
 * Context: any.
 * Return: the device's address of @phys, or DMA_MAPPING_ERROR.
 */
dma_addr_t dma_keep_map(struct iommu_dma_cookie *cookie, struct device *dev,
			phys_addr_t phys, size_t size, int prot)
{
	size_t offset = dma_domain_offset(cookie, phys);
	u64 last = dma_last_address(dev, *dev->dma_mask);
	dma_addr_t addr;

	phys -= offset;
	size = dma_domain_align(cookie, size + offset);
	addr = take_up(cookie->keep, phys, size, prot, last);
	if (!addr) {
		addr = dma_io_map(cookie, dev, phys, size, prot,
				  *dev->dma_mask);
		if (addr == DMA_MAPPING_ERROR)
			return addr;
		note(cookie, addr, phys, size, prot);
	}
	return addr + offset;
}

/**
 * dma_keep_unmap - end a large mapping, by the next invalidation at the latest
 * @cookie: the domain of @dev
 * @dev: a device for which dma_keep_wants() such mappings
 * @addr: the device's address
 * @size: as mapped, in bytes
 *
 * Context: any.
 */
void dma_keep_unmap(struct iommu_dma_cookie *cookie, struct device *dev,
		    dma_addr_t addr, size_t size)
{
	size_t offset = dma_domain_offset(cookie, addr);
	bool is_known, was_kept = false;
	struct dma_keep_slot *slot;
	unsigned long flags;

	addr -= offset;
	size = dma_domain_align(cookie, size + offset);
	slot = &cookie->keep->slots[hash_of(addr)];

	spin_lock_irqsave(&slot->lock, flags);
	is_known = slot->addr == addr && slot->size == size;
	if (is_known) {
		was_kept = slot->is_kept;
		WRITE_ONCE(slot->is_kept, true);
	}
	spin_unlock_irqrestore(&slot->lock, flags);

	if (!is_known)
		dma_io_unmap(cookie, addr, size);
	else if (!dev_WARN_ONCE(dev, was_kept,
				"unmaps %zu bytes at %pad, which it has unmapped before\n",
				size, &addr))
		dma_flush_arm(cookie->flush);
}

/* As the driver's unmap would have done it; the flush comes without a timer. */
static void end_mapping(struct iommu_dma_cookie *cookie, dma_addr_t addr,
			size_t size)
{
	struct dma_io_range range __dma_io_begins;

	dma_io_begin(cookie, &range);
	dma_io_clear_part(cookie, addr, size, &range);
	dma_flush_add(range.flush, addr, size, &range.gather.freelist);
}

/**
 * dma_keep_let_go - end all that is kept, with a flush to follow at once
 * @cookie: the domain
 *
 * Context: any; interrupts are not kept off in between.
 */
void dma_keep_let_go(struct iommu_dma_cookie *cookie)
{
	/* Pairs with the release that publishes it. */
	struct dma_keep *keep = smp_load_acquire(&cookie->keep);

	for (unsigned int i = 0; keep && i < NR_SLOTS; i++) {
		struct dma_keep_slot *slot = &keep->slots[i];
		unsigned long flags;
		dma_addr_t addr;
		size_t size;

		/*
		 * Not without the lock: who keeps a mapping and finds that a
		 * flush is to come has to be seen by that flush.
		 */
		spin_lock_irqsave(&slot->lock, flags);
		addr = __take_out(slot, &size);
		if (addr)
			slot->addr = 0;
		spin_unlock_irqrestore(&slot->lock, flags);
		if (addr)
			end_mapping(cookie, addr, size);
	}
}

/**
 * dma_keep_create - make the slots of a domain
 *
 * Context: may sleep.
 * Return: the slots, all free, or NULL.
 */
struct dma_keep *dma_keep_create(void)
{
	struct dma_keep *keep = kzalloc(sizeof(*keep), GFP_KERNEL);

	for (unsigned int i = 0; keep && i < NR_SLOTS; i++)
		spin_lock_init(&keep->slots[i].lock);
	return keep;
}

/**
 * dma_keep_destroy - end the slots of a domain that nobody uses any more
 * @keep: the slots, or NULL
 *
 * What is kept ends with the domain's page tables.
 *
 * Context: may sleep.
 */
void dma_keep_destroy(struct dma_keep *keep)
{
	kfree(keep);
}
