/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The slots of shadow mode: what shadow.c, which uses them, and
 * shadow_domain.c, which makes them, share.
 */
#ifndef _DRIVERS_IOMMU_DMA_SHADOW_SLOTS_H
#define _DRIVERS_IOMMU_DMA_SHADOW_SLOTS_H

#include <linux/mm.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "shadow.h"

/* Which of a bank's lists a slot is in: free ones by the rights of the device. */
enum dma_shadow_list {
	DMA_SHADOW_BIDIRECTIONAL = DMA_BIDIRECTIONAL,
	DMA_SHADOW_TO_DEVICE = DMA_TO_DEVICE,
	DMA_SHADOW_FROM_DEVICE = DMA_FROM_DEVICE,
	DMA_SHADOW_NR_RIGHTS,
	DMA_SHADOW_BARE = DMA_SHADOW_NR_RIGHTS,
	DMA_SHADOW_NR_LISTS,
};

#define NO_SLOT		-1

/**
 * struct dma_shadow_slot - one slot
 * @cpu_addr: its memory; NULL: it has none
 * @phys: of the buffer that it stands for; PHYS_ADDR_MAX: of none
 * @offset: where in the slot the buffer begins
 * @size: of the buffer, in bytes
 * @next: in its list; NO_SLOT: none
 * @rights: enum dma_data_direction: what the device may do, while it has memory
 */
struct dma_shadow_slot {
	void		*cpu_addr;
	phys_addr_t	phys;
	u32		offset;
	u32		size;
	int		next;
	u8		rights;
};

/**
 * struct dma_shadow_bank - slots that some CPUs prefer
 * @lock: irq-safe; protects all that follows
 * @first: of each list; NO_SLOT: it is empty
 * @nr: how many are in each list
 * @low: of a free list, the least of @nr since the last look for idle ones
 * @peak: the most slots that had memory
 * @mapped: how many buffers were copied
 */
struct dma_shadow_bank {
	spinlock_t	lock;	/* protects all that follows */
	int		first[DMA_SHADOW_NR_LISTS];
	unsigned int	nr[DMA_SHADOW_NR_LISTS];
	unsigned int	low[DMA_SHADOW_NR_RIGHTS];
	unsigned int	peak;
	unsigned long	mapped;
} ____cacheline_aligned_in_smp;

/**
 * struct dma_shadow - the slots of a domain
 * @window: their I/O addresses
 * @cookie: the domain
 * @last: I/O address of the window's last byte
 * @prot: of all slots but for their rights, since the first was needed; 0: not
 *	yet.  Whether a device is coherent is not known yet when its domain is
 *	set up.
 * @slot_shift: a slot has 2^slot_shift bytes
 * @bank_shift: a bank has 2^bank_shift slots
 * @nr_banks: a power of two
 * @banks: the banks
 * @slots: all slots, bank by bank
 * @shrink: gives back what is idle
 */
struct dma_shadow {
	struct dma_shadow_window	window;
	struct iommu_dma_cookie		*cookie;
	dma_addr_t			last;
	int				prot;
	unsigned int			slot_shift;
	unsigned int			bank_shift;
	unsigned int			nr_banks;
	struct dma_shadow_bank		*banks;
	struct dma_shadow_slot		*slots;
	struct delayed_work		shrink;
};

/* shadow.c */
void dma_shadow_shrink(struct work_struct *work);

static inline unsigned int bank_size(const struct dma_shadow *shadow)
{
	return 1U << shadow->bank_shift;
}

static inline struct dma_shadow_bank *bank_of(struct dma_shadow *shadow,
					      unsigned int nr)
{
	return &shadow->banks[nr >> shadow->bank_shift];
}

static inline dma_addr_t slot_addr(const struct dma_shadow *shadow,
				   unsigned int nr)
{
	return shadow->window.base + ((dma_addr_t)nr << shadow->slot_shift);
}

static inline unsigned int slot_nr(const struct dma_shadow *shadow,
				   dma_addr_t addr)
{
	return (addr - shadow->window.base) >> shadow->slot_shift;
}

static inline size_t slot_size(const struct dma_shadow *shadow)
{
	return 1UL << shadow->slot_shift;
}

/* A slot's memory and mapping are whole pages of both CPU and IOMMU. */
static inline unsigned int slot_order(const struct dma_shadow *shadow)
{
	return get_order(slot_size(shadow));
}

static __always_inline void dma_shadow_push(struct dma_shadow *shadow,
					    struct dma_shadow_bank *bank,
					    unsigned int list, int nr)
{
	lockdep_assert_held(&bank->lock);

	shadow->slots[nr].next = bank->first[list];
	bank->first[list] = nr;
	bank->nr[list]++;
}

#endif /* _DRIVERS_IOMMU_DMA_SHADOW_SLOTS_H */
