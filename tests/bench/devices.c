// SPDX-License-Identifier: GPL-2.0
/*
 * The DMA benchmark: the devices that requests are made for.
 *
 * They are no hardware. A node of the device tree that is compatible with
 * "dma-bench,device" says how a device reaches memory, in the words that any
 * device has for that: dma-coherent, iommus, memory-region. Rows find a device by
 * the name of its node.
 */
#include <linux/init.h>
#include <linux/iommu.h>
#include <linux/mod_devicetable.h>
#include <linux/of.h>
#include <linux/of_platform.h>
#include <linux/of_reserved_mem.h>
#include <linux/platform_device.h>

#include "bench.h"

#define COMPATIBLE	"dma-bench,device"

static struct bench_place place_of(struct device_node *np)
{
	struct reserved_mem *rmem = np ? of_reserved_mem_lookup(np) : NULL;

	if (!rmem)
		return (struct bench_place){ };
	return (struct bench_place){ .base = rmem->base, .size = rmem->size };
}

/* A region that the node names has to be there. The core binds restricted ones. */
static int bind_region(struct device *dev)
{
	struct device_node *np = of_parse_phandle(dev->of_node, "memory-region", 0);
	int err = 0;

	if (of_property_present(dev->of_node, "memory-region") && !place_of(np).size)
		err = -ENODEV;
	else if (np && !of_device_is_compatible(np, "restricted-dma-pool"))
		err = of_reserved_mem_device_init(dev);
	of_node_put(np);
	return err;
}

static int bench_probe(struct platform_device *pdev)
{
	int err = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));

	if (!err)
		err = bind_region(&pdev->dev);
	if (err)
		return dev_err_probe(&pdev->dev, err, "bench: can't be set up\n");
	return 0;
}

static const struct of_device_id bench_of_match[] = {
	{ .compatible = COMPATIBLE },
	{ }
};

static struct platform_driver bench_driver = {
	.driver = {
		.name			= "dma-bench",
		.of_match_table		= bench_of_match,
		.suppress_bind_attrs	= true,
	},
	.probe = bench_probe,
};
builtin_platform_driver(bench_driver);

/**
 * bench_device() - find a device
 * @name: of its node
 * @place: set to the memory that the node gives it, if any
 *
 * Context: process, may sleep.
 * Return: the device, with a reference that is kept for good; NULL when it is
 * not there, or was not probed.
 */
struct device *bench_device(const char *name, struct bench_place *place)
{
	struct device_node *np, *region;
	struct platform_device *pdev;

	for_each_compatible_node(np, NULL, COMPATIBLE)
		if (of_node_name_eq(np, name))
			break;
	pdev = np ? of_find_device_by_node(np) : NULL;
	of_node_put(np);
	if (!pdev || !device_is_bound(&pdev->dev))
		return NULL;
	region = of_parse_phandle(pdev->dev.of_node, "memory-region", 0);
	*place = place_of(region);
	of_node_put(region);
	return &pdev->dev;
}

/**
 * bench_default_cma() - where the default CMA area has been declared
 *
 * Context: process.
 * Return: the place; of no size when there is none.
 */
struct bench_place bench_default_cma(void)
{
	struct device_node *np = of_find_node_with_property(NULL, "linux,cma-default");
	struct bench_place place = place_of(np);

	of_node_put(np);
	return place;
}

/**
 * bench_place_contains() - does memory lie in a place?
 * @place: the place; one of no size contains everything
 * @phys: where the memory begins
 * @size: its length in bytes
 *
 * Context: any.
 * Return: true when it lies there as a whole, or no place is given.
 */
bool bench_place_contains(const struct bench_place *place, phys_addr_t phys, size_t size)
{
	return !place->size || (phys >= place->base &&
				phys - place->base + size <= place->size);
}

/**
 * bench_device_to_phys() - what a device finds at an address
 * @dev: the device
 * @dma_addr: the device's address
 *
 * No bus of ours moves addresses: without an IOMMU both are the same.
 *
 * Context: any.
 * Return: the physical address; 0 when nothing is mapped there.
 */
phys_addr_t bench_device_to_phys(struct device *dev, dma_addr_t dma_addr)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	return domain ? iommu_iova_to_phys(domain, dma_addr) : dma_addr;
}
