// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which addresses a domain translates, and devices that are attached late.
 *
 * In a kernel that follows a crash, devices stay attached to what the old kernel had
 * until they are used; and their domain's geometry is not known before.
 *
 * No locks.
 */
#include <linux/crash_dump.h>
#include <linux/init.h>
#include <linux/iommu.h>

#include "../dma-iommu.h"
#include "domain.h"

DEFINE_STATIC_KEY_FALSE(dma_domain_attaches_late);

/*
 * A granule counts if all of its bytes can be translated.  The last one of all
 * addresses never does: DMA_MAPPING_ERROR is in it, and behind it is no address to
 * end at.
 */
static unsigned long last_granule(const struct iommu_domain *domain,
				  unsigned int shift)
{
	u64 last = domain->geometry.force_aperture ?
		   (((u64)domain->geometry.aperture_end + 1) >> shift) - 1 :
		   U64_MAX;

	return min_t(u64, last, min_t(u64, ULONG_MAX,
				      DMA_MAPPING_ERROR >> shift) - 1);
}

static size_t second_size(unsigned long sizes)
{
	sizes &= sizes - 1;
	return sizes ? sizes & -sizes : SIZE_MAX;
}

/**
 * dma_domain_read_geometry - what a domain can translate, as far as it is known
 * @cookie: the domain
 *
 * Context: any.
 */
void dma_domain_read_geometry(struct iommu_dma_cookie *cookie)
{
	struct iommu_domain *domain = cookie->domain;

	WRITE_ONCE(cookie->last, last_granule(domain, cookie->space.shift));
	WRITE_ONCE(cookie->second_size, second_size(domain->pgsize_bitmap));
}

/**
 * dma_domain_attach - attach a device to its domain, if it is not yet
 * @cookie: the domain
 * @dev: the device, in a kernel that follows a crash
 *
 * Before, intel-iommu does not know how wide the addresses are that the IOMMU of
 * this device translates.
 *
 * Context: any.
 * Return: false if it can't be attached.
 */
bool dma_domain_attach(struct iommu_dma_cookie *cookie, struct device *dev)
{
	if (iommu_deferred_attach(dev, cookie->domain))
		return false;
	dma_domain_read_geometry(cookie);
	return true;
}

static int __init attach_late_after_crash(void)
{
	if (is_kdump_kernel())
		static_branch_enable(&dma_domain_attaches_late);
	return 0;
}
arch_initcall(attach_late_after_crash);
