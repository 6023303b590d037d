// SPDX-License-Identifier: GPL-2.0
/*
 * What a device tree's devices get: devices, and the order of all.
 *
 * dma_trees.run=1 on the command line asks for it. All is done at the end of the
 * boot by the boot's own thread, one device after the other in the order of their
 * probes, so that two boots do the same. What comes of it is printed as
 *
 *	trees: DEVICE: WHAT: ANSWER
 *
 * where DEVICE is the name of a node or "memory", and the last line is
 * "trees: done: N devices". Then the machine is powered off.
 *
 * The devices are no hardware. A node that is compatible with "dma-trees,device"
 * says how a device reaches memory in the words that any device has for that:
 * dma-coherent, iommus, memory-region, the dma-ranges of its bus. Beyond these,
 *
 *	dma-trees,mask-bits = <N>	the device's mask; 32 if it does not say
 *	dma-trees,bind = <INDEX ...>	of its regions, those to bind; all if it
 *					does not say
 *	dma-trees,sizes = <SIZE ...>	buffers to ask for, one after the other
 *	dma-trees,burst = <SIZE N ...>	and so many at once
 *	dma-trees,area = <SIZE ...>	pieces to take from its CMA area directly
 *	dma-trees,twice			one page is mapped by nine users at a time
 */
#define pr_fmt(fmt) "trees: " fmt

#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/of_reserved_mem.h>
#include <linux/platform_device.h>
#include <linux/reboot.h>

#include "trees.h"

#define COMPATIBLE	"dma-trees,device"

static bool run;
module_param(run, bool, 0);
MODULE_PARM_DESC(run, "tell what the devices get, and power off");

/* Only the boot's own thread probes, and later reads it. */
static LIST_HEAD(devices);

/**
 * tree_tell() - print an answer
 * @t: the device
 * @fmt: what was asked, and the answer
 *
 * Context: process.
 */
void tree_tell(const struct tree_device *t, const char *fmt, ...)
{
	struct va_format vaf;
	va_list args;

	va_start(args, fmt);
	vaf.fmt = fmt;
	vaf.va = &args;
	pr_info("%pOFn: %pV\n", t->np, &vaf);
	va_end(args);
}

static int trees_probe(struct platform_device *pdev)
{
	struct tree_device *t = devm_kzalloc(&pdev->dev, sizeof(*t), GFP_KERNEL);

	if (!t)
		return -ENOMEM;
	t->dev = &pdev->dev;
	t->np = pdev->dev.of_node;
	list_add_tail(&t->list, &devices);
	return 0;
}

static const struct of_device_id trees_of_match[] = {
	{ .compatible = COMPATIBLE },
	{ }
};

static struct platform_driver trees_driver = {
	.driver = {
		.name			= "dma-trees",
		.of_match_table		= trees_of_match,
		.suppress_bind_attrs	= true,
	},
	.probe = trees_probe,
};

static void __init set_mask(const struct tree_device *t)
{
	u32 bits = 32;

	of_property_read_u32(t->np, "dma-trees,mask-bits", &bits);
	tree_tell(t, "mask %u: %d", bits, dma_set_mask_and_coherent(t->dev, DMA_BIT_MASK(bits)));
}

/* What of_reserved_mem_lookup() tells drivers that pass memory on to firmware. */
static void __init look_up(const struct tree_device *t, struct device_node *np, int idx)
{
	const struct reserved_mem *rmem = of_reserved_mem_lookup(np);

	if (!rmem)
		tree_tell(t, "region %d %pOFn: none", idx, np);
	else if (of_property_present(np, "reg"))
		tree_tell(t, "region %d %pOFn: %pa, %llu KiB", idx, np, &rmem->base,
			  (u64)rmem->size >> 10);
	else
		tree_tell(t, "region %d %pOFn: %llu KiB", idx, np, (u64)rmem->size >> 10);
}

/* Drivers bind one region, some, or all of them. The core binds restricted pools. */
static bool __init shall_bind(const struct tree_device *t, struct device_node *np, int idx)
{
	u32 chosen;

	if (of_device_is_compatible(np, "restricted-dma-pool"))
		return false;
	if (!of_property_present(t->np, "dma-trees,bind"))
		return true;
	for (int i = 0; !of_property_read_u32_index(t->np, "dma-trees,bind", i, &chosen); i++)
		if (chosen == idx)
			return true;
	return false;
}

static void __init bind_regions(const struct tree_device *t)
{
	struct device_node *np;

	for (int idx = 0; (np = of_parse_phandle(t->np, "memory-region", idx)); idx++) {
		look_up(t, np, idx);
		if (shall_bind(t, np, idx))
			tree_tell(t, "bind %d %pOFn: %d", idx, np,
				  of_reserved_mem_device_init_by_idx(t->dev, t->np, idx));
		of_node_put(np);
	}
}

static void __init run_device(const struct tree_device *t)
{
	set_mask(t);
	bind_regions(t);
	tree_run_consistent(t);
	tree_run_streaming(t);
	of_reserved_mem_device_release(t->dev);
}

/* A device that was declared and not probed must not go unnoticed. */
static unsigned int __init tell_unprobed(void)
{
	const struct tree_device *t;
	struct device_node *np;
	unsigned int nr = 0;
	bool probed;

	for_each_compatible_node(np, NULL, COMPATIBLE) {
		probed = false;
		list_for_each_entry(t, &devices, list)
			probed |= t->np == np;
		if (!probed)
			pr_info("%pOFn: probe: failed\n", np);
		nr++;
	}
	return nr;
}

static int __init trees_init(void)
{
	const struct tree_device *t;
	unsigned int nr;

	if (!run)
		return 0;
	tree_tell_memory();
	platform_driver_register(&trees_driver);
	wait_for_device_probe();
	nr = tell_unprobed();
	list_for_each_entry(t, &devices, list)
		run_device(t);
	pr_info("done: %u devices\n", nr);
	kernel_power_off();
	return 0;
}
late_initcall_sync(trees_init);
