// SPDX-License-Identifier: GPL-2.0
/*
 * PCI devices that are not there: see mock_pci.h.
 */

#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "mock.h"
#include "mock_pci.h"

/* Room for what an architecture may look at behind bus->sysdata */
#define SYSDATA_SIZE	256

static void release_pci(struct device *dev)
{
	struct mock_pci *mock = container_of(dev, struct mock_pci, pdev.dev);

	pci_free_host_bridge(mock->bridge);
	kfree(mock);
}

static void remove_pci(void *data)
{
	struct device *dev = data;

	dev->bus = NULL;
	device_unregister(dev);
}

/**
 * mock_pci_init_bus - make a bus without devices
 * @test: the test, which the bus's own data goes with
 * @bus: zeroed; becomes a root bus without a bridge
 *
 * Context: process context.
 */
void mock_pci_init_bus(struct kunit *test, struct pci_bus *bus)
{
	INIT_LIST_HEAD(&bus->devices);
	bus->sysdata = kunit_kzalloc(test, SYSDATA_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, bus->sysdata);
}

static struct mock_pci *alloc_pci(struct kunit *test)
{
	struct mock_pci *mock = kzalloc(sizeof(*mock), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, mock);
	mock->bridge = pci_alloc_host_bridge(0);
	if (!mock->bridge)
		kfree(mock);
	KUNIT_ASSERT_NOT_NULL(test, mock->bridge);
	mock->bus.bridge = &mock->bridge->dev;
	mock->bridge->bus = &mock->bus;
	mock->pdev.bus = &mock->bus;
	return mock;
}

/**
 * mock_pci_device - make a coherent PCI device that reaches everything
 * @test: the test
 * @name: of the device
 *
 * The driver core does not see its bus, since that would look for a driver;
 * everybody who asks afterwards does.
 *
 * Context: process context.
 * Return: the device, which goes with the test.
 */
struct mock_pci *mock_pci_device(struct kunit *test, const char *name)
{
	struct mock_pci *mock = alloc_pci(test);
	struct device *dev = &mock->pdev.dev;

	device_initialize(dev);
	dev->release = release_pci;
	if (dev_set_name(dev, "%s", name) || device_add(dev)) {
		put_device(dev);
		KUNIT_FAIL_AND_ABORT(test, "the device can't be added");
	}
	dev->bus = &pci_bus_type;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, remove_pci,
							   dev));
	mock_pci_init_bus(test, &mock->bus);
	mock->mask = DMA_BIT_MASK(64);
	dev->dma_mask = &mock->mask;
	dev->coherent_dma_mask = mock->mask;
	dev->dma_parms = &mock->parms;
	dma_set_max_seg_size(dev, UINT_MAX);
	dma_set_seg_boundary(dev, ULONG_MAX);
	dma_kunit_set_coherent(dev, true);
	return mock;
}
