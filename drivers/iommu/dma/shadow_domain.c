// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shadow mode: which domains have slots, and for which devices.
 *
 * A new strict domain gets its slots by iommu.shadow= or Kconfig; any other when
 * a device is switched by debugfs.  They stay until the domain ends.  A slot
 * takes a few bytes until it is used.  What slots are for is told in shadow.c.
 *
 * Locks: cookie->setup (sleeps) is held while slots are made; the group's type
 * can't change while a device is switched.
 */
#include <linux/cpumask.h>
#include <linux/fsl/mc.h>
#include <linux/init.h>
#include <linux/iommu-dma.h>
#include <linux/iommu.h>
#include <linux/log2.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "map.h"
#include "shadow.h"
#include "shadow_slots.h"

#define MAX_BANKS	8
#define MAX_SLOT_SIZE	SZ_64K
/* The most memory that a domain's slots take. */
#define MAX_BYTES	SZ_4M

/* The largest buffer that is copied; 0: none is, unless a device is switched. */
static size_t default_limit __ro_after_init =
	IS_ENABLED(CONFIG_DMA_IOMMU_SHADOW_DEFAULT) ? PAGE_SIZE : 0;

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
		nr_filled = bank_size(shadow) - bank->nr[DMA_SHADOW_BARE];
		all.nr_slots += nr_filled;
		all.nr_used += nr_filled;
		for (unsigned int j = 0; j < DMA_SHADOW_NR_RIGHTS; j++)
			all.nr_used -= bank->nr[j];
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

		spin_lock_init(&bank->lock);
		for (unsigned int j = 0; j < DMA_SHADOW_NR_LISTS; j++)
			bank->first[j] = NO_SLOT;
		spin_lock_irq(&bank->lock);
		/* From the last one on, so that the first is in front. */
		for (unsigned int nr = bank_size(shadow); nr--;)
			dma_shadow_push(shadow, bank, DMA_SHADOW_BARE, first + nr);
		spin_unlock_irq(&bank->lock);
	}
	return 0;
}

static void free_banks(struct dma_shadow *shadow)
{
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
	INIT_DELAYED_WORK(&shadow->shrink, dma_shadow_shrink);
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
	/*
	 * What is switched on for one device is not for the rest of its group.  Drivers
	 * of the fsl-mc bus read buffers that are mapped without a sync call, and take
	 * the page behind an address for their own.
	 */
	dev->iommu->shadow_off = !default_limit || dev_is_fsl_mc(dev);
	if (default_limit && !cookie->flush && set_up(cookie, dev, default_limit))
		dev_warn(dev, "no memory or no address for shadow pages: its small buffers are mapped\n");
}

static int switch_in_domain(struct device *dev, bool is_on)
{
	struct iommu_dma_cookie *cookie = dma_domain_serving(dev);
	int err = 0;

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
 * dma_shadow_switch - choose shadow mode for one device
 * @dev: the device, behind an IOMMU
 * @is_on: copy its small buffers
 *
 * Buffers that are mapped by now stay as they are.
 *
 * Context: may sleep.
 * Return: 0; -ENODEV if no IOMMU serves its DMA; -EBUSY if somebody else owns its
 * DMA (vfio); -EOPNOTSUPP if its domain is lazy, where a copy would save nothing;
 * -ENOMEM.
 */
int dma_shadow_switch(struct device *dev, bool is_on)
{
	int err;

	/* The group's type, and so the domain, stays while it is in use. */
	err = iommu_device_use_default_domain(dev);
	if (err)
		return err;
	err = use_dma_iommu(dev) ? switch_in_domain(dev, is_on) : -ENODEV;
	iommu_device_unuse_default_domain(dev);
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
