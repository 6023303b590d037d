// SPDX-License-Identifier: GPL-2.0-only
/*
 * Domains that serve the DMA API, from their making to their end.
 *
 * The core makes a cookie with each such domain (iommu_get_dma_cookie()), and
 * calls iommu_setup_dma_ops() for every device that comes to the domain.  The
 * first one sets the domain up: its address space, its flush queue, its shadow
 * pages; each reserves what it must not be given.  A device whose set-up
 * fails is told of in one line and keeps the way to memory it had.
 *
 * Locks: cookie->setup (sleeps).  The core holds the group's mutex around all
 * that is here.
 */
#include <linux/dma-direct.h>
#include <linux/init.h>
#include <linux/iommu.h>
#include <linux/kstrtox.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "dma-iommu.h"
#include "dma/domain.h"
#include "dma/flush.h"
#include "dma/shadow.h"

/* May PCI devices get addresses above 4 GiB before those below are used up? */
bool iommu_dma_forcedac __read_mostly;

static int __init parse_forcedac(char *arg)
{
	int err = arg ? kstrtobool(arg, &iommu_dma_forcedac) : -EINVAL;

	if (err)
		pr_err("iommu.forcedac=%s: expected 0 or 1\n", arg ?: "");
	else if (iommu_dma_forcedac)
		pr_info("iommu.forcedac: PCI devices get 64-bit addresses at once\n");
	return err;
}
early_param("iommu.forcedac", parse_forcedac);

static struct iommu_dma_cookie *make_cookie(struct iommu_domain *domain)
{
	struct iommu_dma_cookie *cookie = kzalloc(sizeof(*cookie), GFP_KERNEL);

	if (!cookie)
		return NULL;
	cookie->domain = domain;
	INIT_LIST_HEAD(&cookie->msi_pages);
	INIT_LIST_HEAD(&cookie->identities);
	INIT_LIST_HEAD(&cookie->link);
	mutex_init(&cookie->setup);
	return cookie;
}

/**
 * iommu_get_dma_cookie - let a domain serve the DMA API
 * @domain: the domain, new
 *
 * Context: may sleep.
 * Return: 0; -EEXIST if it does already; -ENOMEM.
 */
int iommu_get_dma_cookie(struct iommu_domain *domain)
{
	if (domain->iova_cookie)
		return -EEXIST;
	domain->iova_cookie = make_cookie(domain);
	return domain->iova_cookie ? 0 : -ENOMEM;
}

/**
 * iommu_get_msi_cookie - let MSI doorbells be mapped in a domain
 * @domain: a domain that its owner maps
 * @base: the first of the I/O addresses that the owner leaves for doorbells
 *
 * Context: may sleep.
 * Return: 0; -EINVAL if the domain is of another type; -EEXIST if it has a
 * cookie; -ENOMEM.
 */
int iommu_get_msi_cookie(struct iommu_domain *domain, dma_addr_t base)
{
	struct iommu_dma_cookie *cookie;

	if (domain->type != IOMMU_DOMAIN_UNMANAGED)
		return -EINVAL;
	if (domain->iova_cookie)
		return -EEXIST;
	cookie = make_cookie(domain);
	if (!cookie)
		return -ENOMEM;
	cookie->is_msi_only = true;
	cookie->msi_next = base;
	domain->iova_cookie = cookie;
	return 0;
}
EXPORT_SYMBOL(iommu_get_msi_cookie);

/**
 * iommu_put_dma_cookie - end what the two calls above began
 * @domain: the domain; no device is attached to it any more
 *
 * Its page tables go with the domain, so nothing is unmapped here.
 *
 * Context: may sleep.
 */
void iommu_put_dma_cookie(struct iommu_domain *domain)
{
	struct iommu_dma_cookie *cookie = domain->iova_cookie;

	if (!cookie)
		return;
	dma_domain_unlist(cookie);
	if (cookie->shadow)
		dma_shadow_destroy(cookie->shadow);
	if (cookie->flush)
		dma_flush_destroy(cookie->flush);
	if (cookie->is_ready)
		dma_space_destroy(&cookie->space);
	dma_identity_release(cookie);
	dma_msi_release(cookie);
	kfree(cookie);
	domain->iova_cookie = NULL;
}

/* Does the IOMMU reach what dma-ranges let through? */
static int check_windows(struct iommu_domain *domain, struct device *dev)
{
	const struct iommu_domain_geometry *geometry = &domain->geometry;
	dma_addr_t first, last;

	if (!dev->dma_range_map || !geometry->force_aperture)
		return 0;
	first = dma_range_map_min(dev->dma_range_map);
	last = dma_range_map_max(dev->dma_range_map);
	if (first <= geometry->aperture_end && last >= geometry->aperture_start)
		return 0;
	dev_warn(dev, "dma-ranges %pad to %pad: expected some of %pad to %pad, which the IOMMU translates\n",
		 &first, &last, &geometry->aperture_start,
		 &geometry->aperture_end);
	return -EFAULT;
}

static int init_space(struct iommu_dma_cookie *cookie, struct device *dev)
{
	struct iommu_domain *domain = cookie->domain;
	unsigned int shift = __ffs(domain->pgsize_bitmap);
	unsigned long first = 1;
	int err;

	if (domain->geometry.aperture_start >> shift)
		first = domain->geometry.aperture_start >> shift;
	if (cookie->is_ready) {
		if (shift == cookie->space.shift &&
		    first == dma_space_first(&cookie->space))
			return 0;
		dev_warn(dev, "its IOMMU domain begins at %#lx pages of %#lx, but for the devices before it was otherwise\n",
			 first, 1UL << shift);
		return -EFAULT;
	}
	err = dma_space_init(&cookie->space, shift, first);
	if (err)
		return err;
	dma_domain_read_geometry(cookie);
	cookie->can_defer = device_iommu_capable(dev,
						 IOMMU_CAP_DEFERRED_FLUSH);
	cookie->is_ready = true;
	cookie->group_id = iommu_group_id(dev->iommu_group);
	dma_domain_list(cookie);
	return 0;
}

static int init_flush(struct iommu_dma_cookie *cookie)
{
	struct dma_flush *flush;

	if (cookie->flush)
		return 0;
	flush = dma_flush_create(cookie, cookie->is_flush_slow);
	if (!flush)
		return -ENOMEM;
	/* Mappings come and go already when a strict domain becomes lazy. */
	smp_store_release(&cookie->flush, flush);
	return 0;
}

/**
 * iommu_dma_init_fq - let a domain's unmapped addresses wait in a flush queue
 * @domain: the domain; mappings may come and go meanwhile
 *
 * Context: may sleep.
 * Return: 0; -EOPNOTSUPP if the IOMMU's driver can't put invalidations off, or
 * the domain could not be set up; -ENOMEM.
 */
int iommu_dma_init_fq(struct iommu_domain *domain)
{
	struct iommu_dma_cookie *cookie = domain->iova_cookie;
	int err;

	mutex_lock(&cookie->setup);
	err = cookie->can_defer ? init_flush(cookie) : -EOPNOTSUPP;
	mutex_unlock(&cookie->setup);
	if (err)
		pr_warn("dma: IOMMU group %d stays strict: %s\n",
			cookie->group_id, err == -ENOMEM ?
			"no memory for a flush queue" :
			"its IOMMU can't put invalidations off");
	return err;
}

/* A domain is lazy only if its IOMMU can put invalidations off. */
static void choose_laziness(struct iommu_domain *domain, struct device *dev)
{
	if (domain->type != IOMMU_DOMAIN_DMA_FQ)
		return;
	if (device_iommu_capable(dev, IOMMU_CAP_DEFERRED_FLUSH) &&
	    !init_flush(domain->iova_cookie))
		return;
	dev_dbg(dev, "no flush queue, so its domain is strict\n");
	domain->type = IOMMU_DOMAIN_DMA;
}

static int set_up(struct iommu_domain *domain, struct device *dev)
{
	struct iommu_dma_cookie *cookie = domain->iova_cookie;
	int err;

	if (!cookie || cookie->is_msi_only)
		return -EINVAL;
	err = check_windows(domain, dev);
	if (err)
		return err;

	mutex_lock(&cookie->setup);
	err = init_space(cookie, dev);
	cookie->is_flush_slow |= dev->iommu->shadow_on_flush;
	if (!err) {
		choose_laziness(domain, dev);
		err = dma_reserve_for(cookie, dev);
	}
	if (!err)
		dma_shadow_set_up(cookie, dev);
	mutex_unlock(&cookie->setup);
	return err;
}

/**
 * iommu_setup_dma_ops - choose a device's way to memory
 * @dev: the device; it has a default domain
 *
 * Context: may sleep; the core holds the group's mutex.
 */
void iommu_setup_dma_ops(struct device *dev)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);
	int err;

	dev->iommu->pci_32bit_workaround = dev_is_pci(dev) &&
					   !iommu_dma_forcedac;

	dev->dma_iommu = iommu_is_dma_domain(domain);
	dev->iommu->dma_cookie = dev->dma_iommu ? domain->iova_cookie : NULL;
	if (!dev->dma_iommu)
		return;
	err = set_up(domain, dev);
	if (!err)
		return;
	dev->dma_iommu = false;
	dev_warn(dev, "failed to set up IOMMU domain: error %d; it keeps its direct or platform DMA\n",
		 err);
}
