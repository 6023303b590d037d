/* SPDX-License-Identifier: GPL-2.0 */
/*
 * PCI devices that are not there.
 *
 * Each is a struct pci_dev on a root bus of its own, which the PCI core does
 * not know: the DMA API does not ask for more. A test that needs switches puts
 * the device on another bus before it joins an IOMMU.
 */
#ifndef _TESTS_KUNIT_MOCK_PCI_H
#define _TESTS_KUNIT_MOCK_PCI_H

#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/pci.h>

/**
 * struct mock_pci - such a device
 * @pdev: the device
 * @bus: its root bus
 * @bridge: of that bus
 * @parms: of @pdev
 * @mask: of @pdev
 */
struct mock_pci {
	struct pci_dev			pdev;
	struct pci_bus			bus;
	struct pci_host_bridge		*bridge;
	struct device_dma_parameters	parms;
	u64				mask;
};

struct mock_pci *mock_pci_device(struct kunit *test, const char *name);
void mock_pci_init_bus(struct kunit *test, struct pci_bus *bus);

#endif /* _TESTS_KUNIT_MOCK_PCI_H */
