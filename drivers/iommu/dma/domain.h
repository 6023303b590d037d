/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a domain that serves the DMA API keeps, and how it is mapped.
 *
 * struct iommu_dma_cookie hangs on domain->iova_cookie.  It is made with the
 * domain, set up when the first device comes, and goes with the domain.
 */
#ifndef _DRIVERS_IOMMU_DMA_DOMAIN_H
#define _DRIVERS_IOMMU_DMA_DOMAIN_H

#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/iommu.h>
#include <linux/jump_label.h>
#include <linux/mutex.h>
#include <linux/pci.h>

#include "space.h"

struct dma_flush;
struct dma_shadow;

/**
 * struct iommu_dma_cookie - the DMA API's part of a domain
 * @domain: whose
 * @last: the last granule that can be translated
 * @second_size: the second smallest page size of the IOMMU, in bytes
 * @flush: where unmapped addresses wait for an invalidation; NULL: strict.
 *	Set once, while mappings come and go.
 * @shadow: pages that small buffers are copied through; NULL: none
 * @space: its addresses; ready if @is_ready
 * @can_defer: its driver takes invalidations that are put off
 * @has_searched: all that was held back has once been given back for an address
 *	below 4 GiB, which is not done again
 * @msi_pages: (s) doorbells that are mapped
 * @msi_next: (s) the next address for one, if @is_msi_only
 * @identities: (s) what is mapped at its physical address
 * @setup: protects what is marked (s), and the set-up itself
 * @is_msi_only: the domain is mapped by its owner but for the doorbells
 * @is_flush_slow: (s) an invalidation is so expensive that all CPUs share it
 * @is_ready: @space is initialized
 * @lost: bytes of addresses that are not given out again, since what was mapped
 *	there could not be unmapped as a whole
 * @link: in the list of domains that people see
 * @group_id: of the group whose domain this is
 */
struct iommu_dma_cookie {
	/* what every mapping reads, as the beginning of @space */
	struct iommu_domain	*domain;
	unsigned long		last;
	size_t			second_size;
	struct dma_flush	*flush;
	struct dma_shadow	*shadow;
	struct dma_space	space;

	bool			can_defer;
	bool			has_searched;
	struct list_head	msi_pages;
	dma_addr_t		msi_next;
	struct list_head	identities;
	struct mutex		setup;	/* protects (s) */
	bool			is_msi_only;
	bool			is_flush_slow;
	bool			is_ready;
	atomic_long_t		lost;
	struct list_head	link;
	int			group_id;
};

/* In a kernel that follows a crash, devices are attached at first use. */
DECLARE_STATIC_KEY_FALSE(dma_domain_attaches_late);

/*
 * The domain of a device whose dma_iommu is set and that has mappings already.
 * The device keeps it at hand; its default domain changes only while it has no
 * driver, and iommu_setup_dma_ops() follows.
 */
static __always_inline struct iommu_dma_cookie *
dma_domain_serving(struct device *dev)
{
	return dev->iommu->dma_cookie;
}

bool dma_domain_attach(struct iommu_dma_cookie *cookie, struct device *dev);
void dma_domain_read_geometry(struct iommu_dma_cookie *cookie);

/* A device may be without any: is it attached by now, or can be? */
static __always_inline bool dma_domain_is_attached(struct iommu_dma_cookie *cookie,
						   struct device *dev)
{
	return !static_branch_unlikely(&dma_domain_attaches_late) ||
	       dma_domain_attach(cookie, dev);
}

/* The domain of such a device; NULL if it can't be attached. */
static __always_inline struct iommu_dma_cookie *dma_domain_of(struct device *dev)
{
	struct iommu_dma_cookie *cookie = dma_domain_serving(dev);

	return likely(dma_domain_is_attached(cookie, dev)) ? cookie : NULL;
}

/* Are caches to be maintained for a mapping of this device? */
static __always_inline bool dma_dev_must_flush(struct device *dev,
					       unsigned long attrs)
{
	return !(dev_is_dma_coherent(dev) || (attrs & DMA_ATTR_SKIP_CPU_SYNC));
}

static inline size_t dma_domain_granule(const struct iommu_dma_cookie *cookie)
{
	return 1UL << cookie->space.shift;
}

static inline size_t dma_domain_offset(const struct iommu_dma_cookie *cookie,
				       phys_addr_t address)
{
	return address & (dma_domain_granule(cookie) - 1);
}

static inline size_t dma_domain_align(const struct iommu_dma_cookie *cookie,
				      size_t size)
{
	return ALIGN(size, dma_domain_granule(cookie));
}

/* Does the device see memory that it is trusted not to abuse? */
static inline bool dma_dev_is_untrusted(struct device *dev)
{
	return dev_is_pci(dev) && to_pci_dev(dev)->untrusted;
}

/* reserved.c */
int dma_reserve_for(struct iommu_dma_cookie *cookie, struct device *dev);

/* msi.c */
int dma_msi_map_identity(struct iommu_dma_cookie *cookie, phys_addr_t start,
			 phys_addr_t end);
void dma_msi_release(struct iommu_dma_cookie *cookie);

/* identity.c */
void dma_identity_release(struct iommu_dma_cookie *cookie);

/* debugfs.c */
#ifdef CONFIG_DEBUG_FS
void dma_domain_list(struct iommu_dma_cookie *cookie);
void dma_domain_unlist(struct iommu_dma_cookie *cookie);
#else
static inline void dma_domain_list(struct iommu_dma_cookie *cookie)
{
}

static inline void dma_domain_unlist(struct iommu_dma_cookie *cookie)
{
}
#endif

#ifdef CONFIG_PCI
static inline struct device *dma_find_pci_device(const char *name)
{
	return bus_find_device_by_name(&pci_bus_type, NULL, name);
}
#else
static inline struct device *dma_find_pci_device(const char *name)
{
	return NULL;
}
#endif

#endif /* _DRIVERS_IOMMU_DMA_DOMAIN_H */
