// SPDX-License-Identifier: GPL-2.0
/*
 * The mock IOMMU: see mock_iommu.h.
 *
 * IOMMUs, the devices behind them, and domains as the IOMMU core sees them.
 * What a domain translates is in mock_iommu_table.c.
 */

#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/fwnode.h>
#include <linux/iommu.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "../../drivers/iommu/dma-iommu.h"
#include "../../drivers/iommu/iommu-priv.h"
#ifdef MOCK_IOMMU_IS_REWRITTEN
#include "../../drivers/iommu/dma/domain.h"
#endif
#include "mock_iommu.h"
#include "mock_iommu_table.h"

/* Domains */

static int mock_attach_dev(struct iommu_domain *domain, struct device *dev)
{
	struct mock_endpoint *endpoint = dev_iommu_priv_get(dev);

	if (mock_has_to_fail(endpoint->iommu, MOCK_IOMMU_ATTACH) ||
	    atomic_read(&endpoint->iommu->countdowns[MOCK_IOMMU_ATTACH_ALL]))
		return -EBUSY;
	if (endpoint->iommu->shape.narrows_to)
		domain->geometry.aperture_end = endpoint->iommu->shape.narrows_to;
	endpoint->domain = domain;
	atomic_inc(&endpoint->iommu->nr_attached);
	return 0;
}

static bool mock_is_attach_deferred(struct device *dev)
{
	struct mock_endpoint *endpoint = dev_iommu_priv_get(dev);

	return endpoint->iommu->shape.attaches_late;
}

static void mock_domain_free(struct iommu_domain *domain)
{
	struct mock_domain *mock = to_mock(domain);

	mock_table_destroy(mock);
	atomic_dec(&mock->iommu->nr_domains);
	kfree(mock);
}

/* Without what a shape lacks, these are the operations of a domain. */
static const struct iommu_domain_ops domain_ops = {
	.attach_dev		= mock_attach_dev,
	.map_pages		= mock_table_map_pages,
	.unmap_pages		= mock_table_unmap_pages,
	.flush_iotlb_all	= mock_table_flush_all,
	.iotlb_sync_map		= mock_table_sync_map,
	.iotlb_sync		= mock_table_sync,
	.iova_to_phys		= mock_table_iova_to_phys,
	.free			= mock_domain_free,
};

static struct iommu_domain *mock_domain_alloc(struct device *dev)
{
	struct mock_endpoint *endpoint = dev_iommu_priv_get(dev);
	struct mock_iommu_shape *shape = &endpoint->iommu->shape;
	struct mock_domain *mock = kzalloc(sizeof(*mock), GFP_KERNEL);

	if (!mock)
		return NULL;
	mock->iommu = endpoint->iommu;
	mock->ops = domain_ops;
	if (!shape->is_told)
		mock->ops.iotlb_sync_map = NULL;
	if (shape->forget == MOCK_IOMMU_AT_ONCE) {
		mock->ops.iotlb_sync = NULL;
		mock->ops.flush_iotlb_all = NULL;
	}
	mock->domain.ops = &mock->ops;
	mock->domain.pgsize_bitmap = shape->page_sizes;
	mock->domain.geometry.aperture_start = shape->aperture_start;
	mock->domain.geometry.aperture_end = shape->aperture_last;
	mock->domain.geometry.force_aperture = !shape->is_open;
	if (!mock_pgtable_create(mock)) {
		kfree(mock);
		return NULL;
	}
	mock_table_init(mock);
	atomic_inc(&mock->iommu->nr_domains);
	return &mock->domain;
}

static const struct iommu_domain_ops identity_ops = {
	.attach_dev		= mock_attach_dev,
};

struct iommu_domain mock_identity_domain = {
	.type			= IOMMU_DOMAIN_IDENTITY,
	.ops			= &identity_ops,
};

/* Devices */

static bool mock_capable(struct device *dev, enum iommu_cap cap)
{
	struct mock_endpoint *endpoint = dev_iommu_priv_get(dev);

	switch (cap) {
	case IOMMU_CAP_CACHE_COHERENCY:
		return true;
	case IOMMU_CAP_DEFERRED_FLUSH:
		return !endpoint->iommu->shape.is_strict;
	default:
		return false;
	}
}

static struct iommu_device *mock_probe_device(struct device *dev)
{
	struct fwnode_handle *fwnode = dev_iommu_fwspec_get(dev)->iommu_fwnode;
	struct mock_iommu *iommu = container_of(fwnode, struct mock_iommu,
						fwnode);
	struct mock_endpoint *endpoint = kzalloc(sizeof(*endpoint), GFP_KERNEL);

	if (!endpoint)
		return ERR_PTR(-ENOMEM);
	endpoint->iommu = iommu;
	dev_iommu_priv_set(dev, endpoint);
	dev->iommu->shadow_on_flush = iommu->shape.shadows_on_flush;
	return &iommu->iommu;
}

static void mock_release_device(struct device *dev)
{
	kfree(dev_iommu_priv_get(dev));
}

static struct iommu_group *mock_device_group(struct device *dev)
{
	struct mock_endpoint *endpoint = dev_iommu_priv_get(dev);

	return endpoint->iommu->shape.has_one_group ?
	       generic_single_device_group(dev) : generic_device_group(dev);
}

static int mock_def_domain_type(struct device *dev)
{
	struct mock_endpoint *endpoint = dev_iommu_priv_get(dev);

	return endpoint->iommu->shape.domain_type;
}

static void mock_get_resv_regions(struct device *dev, struct list_head *list)
{
	struct mock_endpoint *endpoint = dev_iommu_priv_get(dev);
	const struct mock_iommu_region *region = endpoint->iommu->regions;

	for (; region->size; region++) {
		struct iommu_resv_region *entry =
			iommu_alloc_resv_region(region->start, region->size,
						IOMMU_READ | IOMMU_WRITE,
						region->type, GFP_KERNEL);

		if (entry)
			list_add_tail(&entry->list, list);
	}
	iommu_dma_get_resv_regions(dev, list);
}

static const struct iommu_ops mock_ops = {
	.capable		= mock_capable,
	.domain_alloc_paging	= mock_domain_alloc,
	.probe_device		= mock_probe_device,
	.release_device		= mock_release_device,
	.device_group		= mock_device_group,
	.is_attach_deferred	= mock_is_attach_deferred,
	.get_resv_regions	= mock_get_resv_regions,
	.def_domain_type	= mock_def_domain_type,
	.identity_domain	= &mock_identity_domain,
	.default_domain_ops	= &(const struct iommu_domain_ops) {
		.attach_dev	= mock_attach_dev,
		.map_pages	= mock_table_map_pages,
		.unmap_pages	= mock_table_unmap_pages,
		.flush_iotlb_all = mock_table_flush_all,
		.iotlb_sync_map	= mock_table_sync_map,
		.iotlb_sync	= mock_table_sync,
		.iova_to_phys	= mock_table_iova_to_phys,
		.free		= mock_domain_free,
	},
};

static void unregister_iommu(void *data)
{
	struct mock_iommu *iommu = data;

	iommu_device_unregister(&iommu->iommu);
	iommu_device_sysfs_remove(&iommu->iommu);
	KUNIT_EXPECT_EQ_MSG(iommu->test, atomic_read(&iommu->nr_domains), 0,
			    "domains outlive their devices");
	KUNIT_EXPECT_EQ_MSG(iommu->test, atomic_read(&iommu->nr_errors), 0,
			    "the IOMMU was used in a wrong way");
}

/**
 * mock_iommu_create - register an IOMMU of some shape
 * @test: the test
 * @shape: what it is to be like; laid over the shape that the test runs with
 *
 * Context: process context.
 * Return: the IOMMU, which goes with the test.
 */
struct mock_iommu *mock_iommu_create(struct kunit *test,
				     const struct mock_iommu_shape *shape)
{
	struct mock_iommu *iommu = kunit_kzalloc(test, sizeof(*iommu),
						 GFP_KERNEL);
	const struct mock_iommu_region *region;
	static atomic_t nr_made;

	KUNIT_ASSERT_NOT_NULL(test, iommu);
	iommu->test = test;
	iommu->shape = mock_iommu_lay_over(test, shape);

	for (region = shape->regions; region && region->size; region++)
		mock_iommu_reserve(test, iommu, region);

	fwnode_init(&iommu->fwnode, NULL);
	iommu->iommu.fwnode = &iommu->fwnode;
	KUNIT_ASSERT_EQ(test, 0,
			iommu_device_sysfs_add(&iommu->iommu, NULL, NULL,
					       "dma-kunit-iommu%d",
					       atomic_inc_return(&nr_made)));
	KUNIT_ASSERT_EQ(test, 0, iommu_device_register(&iommu->iommu, &mock_ops,
						       NULL));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test,
							   unregister_iommu,
							   iommu));
	return iommu;
}

/**
 * mock_iommu_reserve - reserve a region for devices that come from now on
 * @test: the test
 * @iommu: the IOMMU
 * @region: the region
 *
 * Context: process context.
 */
void mock_iommu_reserve(struct kunit *test, struct mock_iommu *iommu,
			const struct mock_iommu_region *region)
{
	unsigned int nr = 0;

	while (iommu->regions[nr].size)
		nr++;
	KUNIT_ASSERT_LT(test, nr, MAX_REGIONS);
	iommu->regions[nr] = *region;
}

/**
 * mock_iommu_join - put a device behind an IOMMU
 * @iommu: the IOMMU
 * @dev: the device
 *
 * Context: process context.
 * Return: 0, or a negative error: then the device is as it was.
 */
int mock_iommu_join(struct mock_iommu *iommu, struct device *dev)
{
	int err;

	mutex_lock(&iommu_probe_device_lock);
	err = iommu_fwspec_init(dev, &iommu->fwnode);
	mutex_unlock(&iommu_probe_device_lock);
	if (!err)
		err = iommu_probe_device(dev);
	if (err && dev->iommu)
		dev_iommu_free(dev);
	return err;
}

/**
 * mock_iommu_leave - take a device away from its IOMMU
 * @dev: the device
 *
 * Context: process context.
 */
void mock_iommu_leave(struct device *dev)
{
	iommu_group_remove_device(dev);
}

struct watch {
	struct kunit *test;
	struct device *dev;
	struct iommu_dma_cookie *cookie;
	long nr_taken;
};

/* How many ranges of addresses are taken in a device's domain; -1: unknown */
#ifdef MOCK_IOMMU_IS_REWRITTEN
static long nr_taken(struct device *dev)
{
	struct iommu_dma_cookie *cookie = dev->iommu->dma_cookie;
	struct rb_node *node;
	unsigned long flags;
	long nr = 0;

	/*
	 * Slots, doorbells and pools have addresses for as long as they want;
	 * and what is lost was told.
	 */
	if (!dev->dma_iommu || cookie->shadow ||
	    atomic_long_read(&cookie->lost) ||
	    !list_empty(&cookie->msi_pages) ||
	    !list_empty(&cookie->identities))
		return -1;
	dma_space_drain(&cookie->space);
	spin_lock_irqsave(&cookie->space.lock, flags);
	for (node = rb_first(&cookie->space.ranges); node; node = rb_next(node))
		nr++;
	spin_unlock_irqrestore(&cookie->space.lock, flags);
	return nr;
}

static struct iommu_dma_cookie *cookie_of(struct device *dev)
{
	return dev->dma_iommu ? dev->iommu->dma_cookie : NULL;
}
#else
static long nr_taken(struct device *dev)
{
	return -1;
}

static struct iommu_dma_cookie *cookie_of(struct device *dev)
{
	return NULL;
}
#endif

/* As many are taken as when the device came, once all is flushed. */
static bool is_given(void *data)
{
	struct watch *watch = data;
	long nr = nr_taken(watch->dev);

	return nr < 0 || nr == watch->nr_taken;
}

static void check_addresses(struct watch *watch)
{
	struct mock_endpoint *endpoint = dev_iommu_priv_get(watch->dev);

	/* Others have addresses, too; what can't be unmapped is lost. */
	if (watch->nr_taken < 0 || watch->cookie != cookie_of(watch->dev) ||
	    endpoint->iommu->shape.has_one_group ||
	    endpoint->iommu->has_kept_pages)
		return;
	KUNIT_EXPECT_TRUE_MSG(watch->test,
			      dma_kunit_wait_until(is_given, watch),
			      "%s has %ld ranges of addresses, and had %ld",
			      dev_name(watch->dev), nr_taken(watch->dev),
			      watch->nr_taken);
}

static void end_watch(void *data)
{
	struct watch *watch = data;
	struct mock_domain *mock = mock_domain_of(watch->dev);

	if (mock) {
		KUNIT_EXPECT_EQ_MSG(watch->test,
				    mock_iommu_nr_mapped(watch->dev), 0,
				    "%s leaves pages mapped",
				    dev_name(watch->dev));
		if (mock->domain.type == IOMMU_DOMAIN_DMA)
			KUNIT_EXPECT_EQ_MSG(watch->test,
					    mock_iommu_nr_stale(watch->dev), 0,
					    "%s leaves stale pages",
					    dev_name(watch->dev));
		check_addresses(watch);
	}
	if (watch->dev->iommu_group)
		mock_iommu_leave(watch->dev);
}

/**
 * mock_iommu_watch - let a device leave its IOMMU when the test ends
 * @test: fails if the device leaves anything mapped
 * @dev: the device
 *
 * Context: process context.
 */
void mock_iommu_watch(struct kunit *test, struct device *dev)
{
	struct watch *watch = kunit_kzalloc(test, sizeof(*watch), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, watch);
	watch->test = test;
	watch->dev = dev;
	watch->cookie = cookie_of(dev);
	watch->nr_taken = watch->cookie ? nr_taken(dev) : -1;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, end_watch,
							   watch));
}

/**
 * mock_iommu_device - make a device behind an IOMMU
 * @test: the test; fails if the device leaves anything mapped
 * @iommu: the IOMMU
 * @name: unique in the test
 * @shape: what the device is to be like
 *
 * Context: process context.
 * Return: the device, which goes with the test.
 */
struct device *mock_iommu_device(struct kunit *test, struct mock_iommu *iommu,
				 const char *name,
				 const struct dma_kunit_shape *shape)
{
	struct device *dev = dma_kunit_device(test, name, shape);

	KUNIT_ASSERT_EQ(test, 0, mock_iommu_join(iommu, dev));
	mock_iommu_watch(test, dev);
	return dev;
}

/**
 * mock_iommu_fail_nth - let a call fail
 * @iommu: the IOMMU
 * @call: which one
 * @nth: counted from 1; 0: none
 *
 * Context: any.
 * Return: true if a failure that was ordered before had not come yet.
 */
bool mock_iommu_fail_nth(struct mock_iommu *iommu, enum mock_iommu_call call,
			 unsigned int nth)
{
	iommu->has_kept_pages |= call == MOCK_IOMMU_UNMAP && nth;
	return atomic_xchg(&iommu->countdowns[call], nth) > 0;
}

/**
 * mock_iommu_take_errors - how many errors there were, which is forgotten
 * @iommu: the IOMMU
 *
 * Context: any.
 * Return: their number.
 */
unsigned int mock_iommu_take_errors(struct mock_iommu *iommu)
{
	return atomic_xchg(&iommu->nr_errors, 0);
}

/**
 * mock_iommu_nr_attached - how often a device was attached to a domain
 * @iommu: the IOMMU; all of its devices count
 *
 * Context: any.
 * Return: how often it succeeded.
 */
unsigned int mock_iommu_nr_attached(struct mock_iommu *iommu)
{
	return atomic_read(&iommu->nr_attached);
}
