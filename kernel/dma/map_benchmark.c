// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver of the benchmark.  A platform or PCI device is bound to it by hand:
 *
 *	cd /sys/bus/pci/devices/0000:00:04.0
 *	echo dma_map_benchmark > driver_override
 *	echo 0000:00:04.0 > driver/unbind
 *	echo 0000:00:04.0 > ../../drivers/dma_map_benchmark/bind
 *
 * and then /sys/kernel/debug/dma_map_benchmark takes requests for it, until it
 * is unbound: see tools/testing/selftests/dma/dma_map_benchmark.c.
 *
 * There is one file, hence one device at a time.
 *
 * Locks: bench_lock (a mutex) is held for a whole run, so that one does not
 * disturb the other.  Unbinding waits for the run, since debugfs does.
 */
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/platform_device.h>
#include <linux/time64.h>
#include <linux/uaccess.h>

#include "benchmark/benchmark.h"

#define BENCH_NAME	"dma_map_benchmark"

static struct device *bench_dev;
static struct dentry *bench_file;
static DEFINE_MUTEX(bench_lock);

static long bench_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;
	struct device *dev = file->private_data;
	struct map_benchmark request;
	int err;

	if (cmd != DMA_MAP_BENCHMARK) {
		dev_err(dev, BENCH_NAME ": ioctl %#x: expected DMA_MAP_BENCHMARK (%#zx)\n",
			cmd, (size_t)DMA_MAP_BENCHMARK);
		return -EINVAL;
	}
	if (copy_from_user(&request, user, sizeof(request)))
		return -EFAULT;
	err = bench_check(dev, &request);
	if (err)
		return err;

	scoped_cond_guard(mutex_intr, return -EINTR, &bench_lock)
		err = bench_run(dev, &request, request.seconds * MSEC_PER_SEC);
	if (err)
		return err;
	return copy_to_user(user, &request, sizeof(request)) ? -EFAULT : 0;
}

static const struct file_operations bench_fops = {
	.owner		= THIS_MODULE,
	.open		= simple_open,
	.unlocked_ioctl	= bench_ioctl,
};

static int bench_bind(struct device *dev)
{
	guard(mutex)(&bench_lock);
	if (bench_dev) {
		dev_err(dev, BENCH_NAME ": %s is bound already: one device at a time\n",
			dev_name(bench_dev));
		return -EBUSY;
	}
	bench_dev = dev;
	bench_file = debugfs_create_file(BENCH_NAME, 0600, NULL, dev,
					 &bench_fops);
	return 0;
}

/* Without the lock while the file goes: who is in a run holds it. */
static void bench_unbind(void)
{
	debugfs_remove(bench_file);
	guard(mutex)(&bench_lock);
	bench_dev = NULL;
}

static int bench_platform_probe(struct platform_device *pdev)
{
	return bench_bind(&pdev->dev);
}

static void bench_platform_remove(struct platform_device *pdev)
{
	bench_unbind();
}

static struct platform_driver bench_platform_driver = {
	.driver.name	= BENCH_NAME,
	.probe		= bench_platform_probe,
	.remove		= bench_platform_remove,
};

static int bench_pci_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	return bench_bind(&pdev->dev);
}

static void bench_pci_remove(struct pci_dev *pdev)
{
	bench_unbind();
}

static struct pci_driver bench_pci_driver = {
	.name	= BENCH_NAME,
	.probe	= bench_pci_probe,
	.remove	= bench_pci_remove,
};

static int __init bench_init(void)
{
	int err = platform_driver_register(&bench_platform_driver);

	if (err)
		return err;
	err = pci_register_driver(&bench_pci_driver);
	if (err)
		platform_driver_unregister(&bench_platform_driver);
	return err;
}
device_initcall(bench_init);
