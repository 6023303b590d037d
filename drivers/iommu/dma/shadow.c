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
 * first, and is mapped from then on; what has been idle goes back.  Slots are
 * shared out to a few banks, so that CPUs seldom meet; a slot belongs to its
 * bank for ever.
 *
 * A slot keeps what an earlier buffer of the same group of devices held until
 * the next one is copied over it.  A buffer that the device is to fill is
 * copied in all the same: where the device writes nothing, the CPU must get
 * its own old bytes back, not somebody else's.
 *
 * Locks: bank->lock, irq-safe, innermost.  Slots are given memory, and lose
 * it, by who has taken them out of their bank, without a lock.
 * Invariant: a slot is in exactly one of: a bank's free stack (it has memory),
 * a bank's bare stack (it has none), one mapping.
 */
#include <linux/cpumask.h>
#include <linux/init.h>
#include <linux/iommu-dma.h>
#include <linux/iommu.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#include "../../../kernel/dma/cache.h"
#include "../../../kernel/dma/copy.h"
#include "map.h"
#include "shadow.h"

#define MAX_BANKS	8
#define MAX_SLOT_SIZE	SZ_64K
/* The most memory that a domain's slots take. */
#define MAX_BYTES	SZ_4M

/* After how many jiffies half of the idle slots go.  Tests shorten it. */
unsigned long dma_shadow_idle = 5 * HZ;

/* The largest buffer that is copied; 0: none is, unless a device is switched. */
static size_t default_limit __ro_after_init =
	IS_ENABLED(CONFIG_DMA_IOMMU_SHADOW_DEFAULT) ? PAGE_SIZE : 0;

/**
 * struct dma_shadow_slot - one slot
 * @cpu_addr: its memory; NULL: it has none
 * @phys: of the memory that it stands for; PHYS_ADDR_MAX: of none
 */
struct dma_shadow_slot {
	void		*cpu_addr;
	phys_addr_t	phys;
};

/**
 * struct dma_shadow_bank - slots that some CPUs prefer
 * @lock: irq-safe; protects all that follows
 * @nr_free: slots with memory that nobody uses
 * @nr_bare: slots without memory
 * @low: the least of @nr_free since the last look for idle ones
 * @peak: the most slots that had memory
 * @mapped: how many buffers were copied
 * @stack: numbers of slots: the free ones from its bottom up, the bare ones
 *	from its top down; those in use are in neither, so both fit
 */
struct dma_shadow_bank {
	spinlock_t	lock;	/* protects all that follows */
	unsigned int	nr_free;
	unsigned int	nr_bare;
	unsigned int	low;
	unsigned int	peak;
	unsigned long	mapped;
	u16		*stack;
} ____cacheline_aligned_in_smp;

/**
 * struct dma_shadow - the slots of a domain
 * @window: their I/O addresses
 * @cookie: the domain
 * @last: I/O address of the window's last byte
 * @prot: of all slots, since the first was needed; 0: not yet.  Whether a
 *	device is coherent is not known yet when its domain is set up.
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

static int __init parse_shadow(char *arg)
{
	char *end = arg;
	u64 size = 0;

	if (arg)
		size = memparse(arg, &end);
	if (!arg || end == arg || *end || (size > 1 && size < SZ_64) ||
	    size > MAX_SLOT_SIZE) {
		pr_err("iommu.shadow=%s: expected 0, 1 or a size from 64 to %u\n",
		       arg ?: "", MAX_SLOT_SIZE);
		return -EINVAL;
	}
	default_limit = size == 1 ? PAGE_SIZE : size;
	return 0;
}
early_param("iommu.shadow", parse_shadow);

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

static bool give_memory(struct dma_shadow *shadow, unsigned int nr)
{
	struct dma_shadow_slot *slot = &shadow->slots[nr];
	struct iommu_domain *domain = shadow->cookie->domain;
	struct page *page;

	page = alloc_pages(GFP_ATOMIC | __GFP_NOWARN | __GFP_ZERO,
			   slot_order(shadow));
	if (!page)
		return false;
	if (iommu_map(domain, slot_addr(shadow, nr), page_to_phys(page),
		      slot_size(shadow), shadow->prot, GFP_ATOMIC)) {
		__free_pages(page, slot_order(shadow));
		return false;
	}
	slot->cpu_addr = page_address(page);
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

static void __push_bare(struct dma_shadow *shadow, struct dma_shadow_bank *bank,
			unsigned int nr)
{
	lockdep_assert_held(&bank->lock);
	bank->stack[bank_size(shadow) - ++bank->nr_bare] = nr;
}

static unsigned int __pop_free(struct dma_shadow_bank *bank)
{
	lockdep_assert_held(&bank->lock);

	bank->nr_free--;
	if (unlikely(bank->nr_free < bank->low))
		bank->low = bank->nr_free;
	return bank->stack[bank->nr_free];
}

/* A slot of @bank that gets its memory now; negative if there is none. */
static noinline int take_bare(struct dma_shadow *shadow,
			      struct dma_shadow_bank *bank)
{
	unsigned long flags;
	int nr = -1;

	spin_lock_irqsave(&bank->lock, flags);
	if (bank->nr_bare)
		nr = bank->stack[bank_size(shadow) - bank->nr_bare--];
	spin_unlock_irqrestore(&bank->lock, flags);
	if (nr < 0)
		return nr;

	if (give_memory(shadow, nr)) {
		mod_delayed_work(system_wq, &shadow->shrink, dma_shadow_idle);
		spin_lock_irqsave(&bank->lock, flags);
		bank->mapped++;
		bank->peak = max(bank->peak, bank_size(shadow) - bank->nr_bare);
		spin_unlock_irqrestore(&bank->lock, flags);
		return nr;
	}
	spin_lock_irqsave(&bank->lock, flags);
	__push_bare(shadow, bank, nr);
	spin_unlock_irqrestore(&bank->lock, flags);
	return -1;
}

/* A slot that has memory; negative if there is none. */
static __always_inline int take_free(struct dma_shadow_bank *bank)
{
	unsigned long flags;
	int nr = -1;

	spin_lock_irqsave(&bank->lock, flags);
	if (likely(bank->nr_free)) {
		nr = __pop_free(bank);
		bank->mapped++;
	}
	spin_unlock_irqrestore(&bank->lock, flags);
	return nr;
}

/* Any slot; the first bank to ask is that of this CPU. */
static noinline int search_slot(struct dma_shadow *shadow, unsigned int first)
{
	int nr = -1;

	for (unsigned int i = 0; i < shadow->nr_banks && nr < 0; i++) {
		struct dma_shadow_bank *bank;

		bank = &shadow->banks[(first + i) & (shadow->nr_banks - 1)];
		nr = take_free(bank);
		if (nr < 0)
			nr = take_bare(shadow, bank);
	}
	return nr;
}

static __always_inline int take_any_slot(struct dma_shadow *shadow)
{
	unsigned int first = raw_smp_processor_id() & (shadow->nr_banks - 1);
	int nr = take_free(&shadow->banks[first]);

	return likely(nr >= 0) ? nr : search_slot(shadow, first);
}

static void give_slot(struct dma_shadow *shadow, unsigned int nr)
{
	struct dma_shadow_bank *bank = bank_of(shadow, nr);
	unsigned long flags;

	spin_lock_irqsave(&bank->lock, flags);
	bank->stack[bank->nr_free++] = nr;
	spin_unlock_irqrestore(&bank->lock, flags);
}

/* Half of what nobody needed since the last look goes back. */
static bool shrink_bank(struct dma_shadow *shadow, struct dma_shadow_bank *bank)
{
	unsigned int nr_idle, nr;
	unsigned long flags;
	bool has_memory, is_bare;

	spin_lock_irqsave(&bank->lock, flags);
	for (nr_idle = DIV_ROUND_UP(bank->low, 2); nr_idle; nr_idle--) {
		nr = __pop_free(bank);
		spin_unlock_irqrestore(&bank->lock, flags);
		is_bare = take_memory(shadow, nr);
		spin_lock_irqsave(&bank->lock, flags);
		if (is_bare)
			__push_bare(shadow, bank, nr);
		if (!bank->nr_free)
			break;
	}
	bank->low = bank->nr_free;
	has_memory = bank->nr_bare < bank_size(shadow);
	spin_unlock_irqrestore(&bank->lock, flags);
	return has_memory;
}

static void shrink(struct work_struct *work)
{
	struct dma_shadow *shadow = container_of(to_delayed_work(work),
						 struct dma_shadow, shrink);
	bool has_memory = false;

	for (unsigned int i = 0; i < shadow->nr_banks; i++)
		has_memory |= shrink_bank(shadow, &shadow->banks[i]);
	if (has_memory)
		schedule_delayed_work(&shadow->shrink, dma_shadow_idle);
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

/* Let the device see a part of a buffer, by its copy. */
static __always_inline void copy_in(const struct dma_shadow_slot *slot,
				    struct device *dev, size_t offset,
				    size_t size, enum dma_data_direction dir)
{
	dma_copy(slot->phys + offset, slot->cpu_addr + offset, size, true);
	if (!dev_is_dma_coherent(dev))
		dma_cache_to_device(virt_to_phys(slot->cpu_addr) + offset, size,
				    dir);
}

/* Can the device use any slot for this buffer? */
static __always_inline bool suits(struct dma_shadow *shadow, struct device *dev,
				  phys_addr_t phys, size_t offset)
{
	u64 last = min_not_zero(*dev->dma_mask, dev->bus_dma_limit);

	return likely(!((offset ^ phys) & dma_get_min_align_mask(dev)) &&
		      has_right_prot(shadow, dev) &&
		      shadow->last <= last);
}

/**
 * dma_shadow_map - hand a small buffer to a device, through a slot if possible
 * @cookie: the domain, which has shadow pages
 * @dev: the device
 * @phys: of the buffer
 * @size: in bytes; no more than the window's limit
 * @dir: which way the data goes
 * @attrs: DMA_ATTR_*, without DMA_ATTR_SKIP_CPU_SYNC
 *
 * Context: any.
 * Return: the device's address, or DMA_MAPPING_ERROR.
 */
dma_addr_t dma_shadow_map(struct iommu_dma_cookie *cookie, struct device *dev,
			  phys_addr_t phys, size_t size,
			  enum dma_data_direction dir, unsigned long attrs)
{
	struct dma_shadow *shadow = cookie->shadow;
	size_t offset = offset_for(shadow, phys, size);
	struct dma_shadow_slot *slot;
	int nr = -1;

	if (suits(shadow, dev, phys, offset))
		nr = take_any_slot(shadow);
	if (unlikely(nr < 0))
		return dma_stream_map(cookie, dev, phys, size, dir, attrs);

	slot = &shadow->slots[nr];
	slot->phys = phys - offset;
	copy_in(slot, dev, offset, size, dir);
	dma_reset_need_sync(dev);
	return slot_addr(shadow, nr) + offset;
}

/* Has a buffer this slot?  If not, say so. */
static __always_inline bool is_mapped(const struct dma_shadow *shadow,
				      unsigned int nr, dma_addr_t addr)
{
	return !WARN_ONCE(shadow->slots[nr].phys == PHYS_ADDR_MAX,
			  "shadow page at %pad, which is not mapped\n", &addr);
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
	size_t offset = addr - slot_addr(shadow, nr);
	struct dma_shadow_slot *slot = &shadow->slots[nr];

	if (dir == DMA_TO_DEVICE || !is_mapped(shadow, nr, addr))
		return;
	if (!dev_is_dma_coherent(dev)) {
		dma_cache_to_cpu_begin();
		dma_cache_to_cpu(virt_to_phys(slot->cpu_addr) + offset, size,
				 dir);
	}
	dma_copy(slot->phys + offset, slot->cpu_addr + offset, size, false);
}

/**
 * dma_shadow_to_device - let the device look at a part of a buffer again
 * @shadow: the slots
 * @dev: the device
 * @addr: the device's address of the part
 * @size: in bytes
 * @dir: as at mapping
 *
 * Context: any.
 */
void dma_shadow_to_device(struct dma_shadow *shadow, struct device *dev,
			  dma_addr_t addr, size_t size,
			  enum dma_data_direction dir)
{
	unsigned int nr = slot_nr(shadow, addr);
	size_t offset = addr - slot_addr(shadow, nr);
	struct dma_shadow_slot *slot = &shadow->slots[nr];

	if (!is_mapped(shadow, nr, addr))
		return;
	copy_in(slot, dev, offset, size, dir);
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

	if (dir != DMA_TO_DEVICE && !(attrs & DMA_ATTR_SKIP_CPU_SYNC))
		dma_shadow_to_cpu(shadow, dev, addr, size, dir);
	if (!is_mapped(shadow, nr, addr))
		return;
	shadow->slots[nr].phys = PHYS_ADDR_MAX;
	give_slot(shadow, nr);
}

/**
 * dma_shadow_figures - how slots are used
 * @shadow: the slots
 *
 * Context: process context.
 * Return: the figures, at about the same time.
 */
struct dma_shadow_figures dma_shadow_figures(struct dma_shadow *shadow)
{
	struct dma_shadow_figures all = { .slot_size = slot_size(shadow) };

	for (unsigned int i = 0; i < shadow->nr_banks; i++) {
		struct dma_shadow_bank *bank = &shadow->banks[i];
		unsigned int nr_filled;

		spin_lock_irq(&bank->lock);
		nr_filled = bank_size(shadow) - bank->nr_bare;
		all.nr_slots += nr_filled;
		all.nr_used += nr_filled - bank->nr_free;
		all.peak += bank->peak;
		all.mapped += bank->mapped;
		spin_unlock_irq(&bank->lock);
	}
	return all;
}

static int make_banks(struct dma_shadow *shadow)
{
	unsigned int nr_slots = shadow->nr_banks << shadow->bank_shift;

	shadow->banks = kcalloc(shadow->nr_banks, sizeof(*shadow->banks),
				GFP_KERNEL);
	shadow->slots = kvcalloc(nr_slots, sizeof(*shadow->slots), GFP_KERNEL);
	if (!shadow->banks || !shadow->slots)
		return -ENOMEM;

	for (unsigned int nr = 0; nr < nr_slots; nr++)
		shadow->slots[nr].phys = PHYS_ADDR_MAX;
	for (unsigned int i = 0; i < shadow->nr_banks; i++) {
		struct dma_shadow_bank *bank = &shadow->banks[i];
		unsigned int first = i << shadow->bank_shift;

		bank->stack = kcalloc(bank_size(shadow), sizeof(u16),
				      GFP_KERNEL);
		if (!bank->stack)
			return -ENOMEM;
		spin_lock_init(&bank->lock);
		spin_lock_irq(&bank->lock);
		/* From the last one on, so that the first is on top. */
		for (unsigned int nr = bank_size(shadow); nr--;)
			__push_bare(shadow, bank, first + nr);
		spin_unlock_irq(&bank->lock);
	}
	return 0;
}

static void free_banks(struct dma_shadow *shadow)
{
	if (shadow->banks)
		for (unsigned int i = 0; i < shadow->nr_banks; i++)
			kfree(shadow->banks[i].stack);
	kvfree(shadow->slots);
	kfree(shadow->banks);
	kfree(shadow);
}

static struct dma_shadow *make_shadow(struct iommu_dma_cookie *cookie,
				      struct device *dev, size_t limit)
{
	struct dma_shadow *shadow = kzalloc(sizeof(*shadow), GFP_KERNEL);
	size_t size;

	if (!shadow)
		return NULL;
	shadow->cookie = cookie;
	size = max3(roundup_pow_of_two(limit), (size_t)PAGE_SIZE,
		    dma_domain_granule(cookie));
	shadow->slot_shift = ilog2(size);
	shadow->nr_banks = min_t(unsigned int, MAX_BANKS,
				 roundup_pow_of_two(num_possible_cpus()));
	shadow->bank_shift = ilog2(MAX_BYTES / size / shadow->nr_banks);
	shadow->window.limit = limit;
	shadow->window.size = (size_t)shadow->nr_banks <<
			      (shadow->bank_shift + shadow->slot_shift);
	INIT_DELAYED_WORK(&shadow->shrink, shrink);
	if (make_banks(shadow))
		goto fail;
	/* Below 4 GiB, where most devices reach. */
	shadow->window.base = dma_io_get(cookie, dev, shadow->window.size,
					 DMA_BIT_MASK(32));
	if (!shadow->window.base)
		goto fail;
	shadow->last = shadow->window.base + shadow->window.size - 1;
	return shadow;
fail:
	free_banks(shadow);
	return NULL;
}

static int set_up(struct iommu_dma_cookie *cookie, struct device *dev,
		  size_t limit)
{
	struct dma_shadow *shadow;

	lockdep_assert_held(&cookie->setup);

	if (cookie->shadow)
		return 0;
	shadow = make_shadow(cookie, dev, limit);
	if (!shadow)
		return -ENOMEM;
	/* Mappings come and go already when a device is switched. */
	smp_store_release(&cookie->shadow, shadow);
	return 0;
}

/**
 * dma_shadow_set_up - give a new domain slots, if it is to have them
 * @cookie: the domain
 * @dev: its device
 *
 * Context: may sleep; cookie->setup is held.
 */
void dma_shadow_set_up(struct iommu_dma_cookie *cookie, struct device *dev)
{
	/* What is switched on for one device is not for the rest of its group. */
	dev->iommu->shadow_off = !default_limit;
	if (default_limit && !cookie->flush && set_up(cookie, dev, default_limit))
		dev_warn(dev, "no memory or no address for shadow pages: its small buffers are mapped\n");
}

/**
 * dma_shadow_switch - choose shadow mode for one device
 * @dev: the device, behind an IOMMU
 * @is_on: copy its small buffers
 *
 * Buffers that are mapped by now stay as they are.
 *
 * Context: may sleep.
 * Return: 0; -ENODEV if no IOMMU serves its DMA; -EOPNOTSUPP if its domain is
 * lazy, where a copy would save nothing; -ENOMEM.
 */
int dma_shadow_switch(struct device *dev, bool is_on)
{
	struct iommu_dma_cookie *cookie;
	int err = 0;

	if (!use_dma_iommu(dev))
		return -ENODEV;
	cookie = dma_domain_serving(dev);
	mutex_lock(&cookie->setup);
	if (is_on && cookie->flush)
		err = -EOPNOTSUPP;
	else if (is_on)
		err = set_up(cookie, dev, default_limit ?: PAGE_SIZE);
	if (!err)
		dev->iommu->shadow_off = !is_on;
	mutex_unlock(&cookie->setup);
	return err;
}

/**
 * dma_shadow_destroy - end the slots of a domain
 * @shadow: the slots; the domain has no device any more
 *
 * Context: may sleep.
 */
void dma_shadow_destroy(struct dma_shadow *shadow)
{
	unsigned int nr_slots = shadow->nr_banks << shadow->bank_shift;

	cancel_delayed_work_sync(&shadow->shrink);
	for (unsigned int nr = 0; nr < nr_slots; nr++)
		if (shadow->slots[nr].cpu_addr)
			free_pages((unsigned long)shadow->slots[nr].cpu_addr,
				   slot_order(shadow));
	free_banks(shadow);
}
