// SPDX-License-Identifier: GPL-2.0
/*
 * The DMA request test driver: its devices, and the file that runs it.
 *
 * The devices are no hardware. Each node of the device tree that is compatible
 * with "dma-requests,test-device" says how a device reaches memory, in the words
 * that any device has for that: dma-coherent, iommus, memory-region, the
 * dma-ranges of its bus, and dma-requests,mask-bits for what a real driver would
 * know about its hardware. A board without such nodes gets a few devices that
 * differ in their mask. A PCI device, which sits behind an IOMMU where there is
 * one, is bound by hand, and has to be one of no use to anybody else:
 *
 *	echo dma-requests > /sys/bus/pci/devices/0000:00:04.0/driver_override
 *	echo 0000:00:04.0 > /sys/bus/pci/drivers_probe
 *
 * Opening /sys/kernel/debug/dma-requests/run makes all requests, one after the
 * other; reading it prints what came of them. One row per request, and last
 *
 *	requests: N passed, N failed
 *
 * The file "large" beside it makes the large mappings alone.
 *
 * A device that can't be set up is a failure of the run and not one of its
 * probe, so that it can't be missing from the table.
 *
 * Lock order: run_lock, then what the DMA layer takes. run_lock protects the
 * list of devices and keeps runs apart: each counts on having the pools alone.
 */
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/of_reserved_mem.h>
#include <linux/pci.h>
#include <linux/platform_device.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "requests.h"

#define COMPATIBLE	"dma-requests,test-device"

static DEFINE_MUTEX(run_lock);
static LIST_HEAD(test_devices);

static void note_region(struct test_device *t, struct device_node *np,
			const struct place *place)
{
	if (of_device_is_compatible(np, "restricted-dma-pool"))
		t->restricted = *place;
	else if (of_property_read_bool(np, "reusable"))
		t->cma = *place;
	else if (t->nr_pools < MAX_DEVICE_POOLS)
		t->pools[t->nr_pools++] = *place;
}

/* Bind entry @index of memory-region; -ENOENT when there is no such entry. */
static int bind_region(struct test_device *t, int index)
{
	struct device_node *np = of_parse_phandle(t->dev->of_node, "memory-region", index);
	struct reserved_mem *rmem;
	struct place place;
	int err = 0;

	if (!np)
		return -ENOENT;
	rmem = of_reserved_mem_lookup(np);
	if (!rmem) {
		err = -EINVAL;
		goto out_put;
	}
	place.base = rmem->base;
	place.size = rmem->size;
	/* The core binds restricted pools before any driver's probe. */
	if (!of_device_is_compatible(np, "restricted-dma-pool"))
		err = of_reserved_mem_device_init_by_idx(t->dev, t->dev->of_node, index);
	if (!err)
		note_region(t, np, &place);
out_put:
	of_node_put(np);
	return err;
}

static int bind_regions(struct test_device *t)
{
	int err = 0;

	for (int i = 0; t->dev->of_node && !err; i++)
		err = bind_region(t, i);
	return err == -ENOENT ? 0 : err;
}

static void add_by_name(struct test_device *t)
{
	struct test_device *other;

	guard(mutex)(&run_lock);
	list_for_each_entry(other, &test_devices, list)
		if (strcmp(t->name, other->name) < 0)
			break;
	list_add_tail(&t->list, &other->list);
}

static int add_device(struct device *dev, unsigned int mask_bits)
{
	struct test_device *t = devm_kzalloc(dev, sizeof(*t), GFP_KERNEL);

	if (!t)
		return -ENOMEM;
	t->dev = dev;
	t->mask_bits = mask_bits;
	t->name = dev->of_node ? devm_kasprintf(dev, GFP_KERNEL, "%pOFn", dev->of_node) :
				 dev_name(dev);
	if (!t->name)
		return -ENOMEM;

	t->mask_error = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(t->mask_bits));
	t->bind_error = bind_regions(t);
	dma_set_max_seg_size(dev, UINT_MAX);
	dev_set_drvdata(dev, t);
	add_by_name(t);
	return 0;
}

static void remove_device(struct device *dev)
{
	struct test_device *t = dev_get_drvdata(dev);

	scoped_guard(mutex, &run_lock)
		list_del(&t->list);
	of_reserved_mem_device_release(dev);
}

static int requests_probe(struct platform_device *pdev)
{
	const struct platform_device_id *id = platform_get_device_id(pdev);
	unsigned int mask_bits = id ? id->driver_data : 32;

	of_property_read_u32(pdev->dev.of_node, "dma-requests,mask-bits", &mask_bits);
	if (!mask_bits || mask_bits > 64)
		return dev_err_probe(&pdev->dev, -EINVAL,
				     "dma-requests,mask-bits is %u, expected 1 to 64\n",
				     mask_bits);
	return add_device(&pdev->dev, mask_bits);
}

static void requests_remove(struct platform_device *pdev)
{
	remove_device(&pdev->dev);
}

static int requests_pci_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	return add_device(&pdev->dev, 64);
}

static void requests_pci_remove(struct pci_dev *pdev)
{
	remove_device(&pdev->dev);
}

/* Did the device get its mask, or was it rightly refused one? */
static void run_mask(struct run *run, const struct test_device *t)
{
	struct row *row = table_add(run, t->name, "set mask %u bit", t->mask_bits);
	int error;

	if (!row)
		return;
	expect_mask(t, &error);
	if (t->mask_error != error)
		table_fail(run, row, "answered %pe, expected %pe", ERR_PTR(t->mask_error),
			   ERR_PTR(error));
	else if (error)
		table_pass_with(run, row, "refused: %pe as expected, no memory in reach",
				ERR_PTR(error));
	else
		table_pass(run, row);
}

static void run_binding(struct run *run, const struct test_device *t)
{
	unsigned int nr = t->nr_pools + !!t->cma.size + !!t->restricted.size;
	struct row *row;

	if (!nr && !t->bind_error)
		return;
	row = table_add(run, t->name, "bind memory-region");
	if (!row)
		return;
	if (t->bind_error)
		table_fail(run, row, "region %u: error %pe", nr, ERR_PTR(t->bind_error));
	else
		table_pass_with(run, row, "%u bound", nr);
}

static bool has_test_device(const struct device_node *np)
{
	const struct test_device *t;

	list_for_each_entry(t, &test_devices, list)
		if (t->dev->of_node == np)
			return true;
	return false;
}

/* A declared device that no driver was bound to must not go unnoticed. */
static void run_missing(struct run *run)
{
	struct device_node *np;
	struct row *row;

	for_each_compatible_node(np, NULL, COMPATIBLE) {
		if (!of_device_is_available(np) || has_test_device(np))
			continue;
		row = table_add(run, np->full_name, "probe");
		if (row)
			table_fail(run, row, "the device was declared, but not probed");
	}
	if (list_empty(&test_devices)) {
		row = table_add(run, "-", "find test devices");
		if (row)
			table_fail(run, row, "there is none");
	}
}

/* A driver whose device can't be set up makes no requests. */
static bool is_set_up(const struct test_device *t)
{
	return !t->mask_error && !t->bind_error;
}

static void run_all(struct run *run)
{
	const struct test_device *t;

	run_missing(run);
	list_for_each_entry(t, &test_devices, list) {
		run_mask(run, t);
		run_binding(run, t);
		if (!is_set_up(t))
			continue;
		run_consistent(run, t);
		run_streaming(run, t);
		run_large(run, t);
	}
	run_engine(run);
}

static void run_all_large(struct run *run)
{
	const struct test_device *t;

	list_for_each_entry(t, &test_devices, list)
		if (is_set_up(t))
			run_large(run, t);
}

static int open_run(struct file *file, void (*fill)(struct run *run))
{
	struct run *run = __seq_open_private(file, &table_ops, sizeof(*run));

	if (!run)
		return -ENOMEM;
	INIT_LIST_HEAD(&run->rows);
	guard(mutex)(&run_lock);
	run->devices = &test_devices;
	fill(run);
	return 0;
}

static int run_open(struct inode *inode, struct file *file)
{
	return open_run(file, run_all);
}

static int large_open(struct inode *inode, struct file *file)
{
	return open_run(file, run_all_large);
}

static int run_release(struct inode *inode, struct file *file)
{
	struct seq_file *m = file->private_data;

	table_free(m->private);
	return seq_release_private(inode, file);
}

static const struct file_operations run_fops = {
	.owner		= THIS_MODULE,
	.open		= run_open,
	.read		= seq_read,
	.llseek		= seq_lseek,
	.release	= run_release,
};

static const struct file_operations large_fops = {
	.owner		= THIS_MODULE,
	.open		= large_open,
	.read		= seq_read,
	.llseek		= seq_lseek,
	.release	= run_release,
};

static const struct of_device_id requests_of_match[] = {
	{ .compatible = COMPATIBLE },
	{ }
};

static const struct platform_device_id requests_ids[] = {
	{ "dma-requests-64", 64 },
	{ "dma-requests-32", 32 },
	{ "dma-requests-24", 24 },
	{ }
};

static struct platform_driver requests_driver = {
	.driver = {
		.name		= "dma-requests",
		.of_match_table	= requests_of_match,
	},
	.probe		= requests_probe,
	.remove_new	= requests_remove,
	.id_table	= requests_ids,
};

/* No table: a device is bound by its driver_override alone. */
static struct pci_driver requests_pci_driver = {
	.name	= "dma-requests",
	.probe	= requests_pci_probe,
	.remove	= requests_pci_remove,
};

static int __init add_devices(void)
{
	for (const struct platform_device_id *id = requests_ids; id->name[0]; id++) {
		struct platform_device_info info = {
			.name		= id->name,
			.id		= PLATFORM_DEVID_NONE,
			.dma_mask	= DMA_BIT_MASK(32),
		};
		struct platform_device *pdev = platform_device_register_full(&info);

		if (IS_ERR(pdev))
			return PTR_ERR(pdev);
	}
	return 0;
}

static int __init requests_init(void)
{
	struct device_node *np = of_find_compatible_node(NULL, NULL, COMPATIBLE);
	struct dentry *dir;
	int err = platform_driver_register(&requests_driver);

	of_node_put(np);
	if (!err)
		err = pci_register_driver(&requests_pci_driver);
	if (err)
		return err;
	if (!np) {
		err = add_devices();
		if (err)
			pr_err("dma-requests: no test device could be added: error %pe\n",
			       ERR_PTR(err));
	}
	dir = debugfs_create_dir("dma-requests", NULL);
	debugfs_create_file("run", 0400, dir, NULL, &run_fops);
	debugfs_create_file("large", 0400, dir, NULL, &large_fops);
	return 0;
}
late_initcall(requests_init);
