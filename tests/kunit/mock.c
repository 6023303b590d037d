// SPDX-License-Identifier: GPL-2.0
/*
 * What the suites share: see mock.h.
 */

#include <kunit/device.h>
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/dma-direct.h>
#include <linux/fs.h>
#include <linux/irq_work.h>
#include <linux/slab.h>

#include "../../kernel/dma/ledger.h"
#include "mock.h"

/* What hangs on a device and lives as long as its test. */
struct mock_device {
	struct kunit *test;
	struct device *dev;
	u64 mask;
	struct device_dma_parameters parms;
};

static void check_device(void *data)
{
	struct mock_device *mock = data;

	KUNIT_EXPECT_EQ_MSG(mock->test, dma_ledger_count(mock->dev), 0,
			    "%s leaves buffers behind", dev_name(mock->dev));
	put_device(mock->dev);
}

static struct bus_dma_region *copy_windows(struct kunit *test,
					   const struct bus_dma_region *windows)
{
	unsigned int nr = 1;
	void *copy;

	while (windows[nr - 1].size)
		nr++;
	copy = kmemdup_array(windows, nr, sizeof(*windows), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, copy);
	return copy;
}

/**
 * dma_kunit_device - make a device of some shape
 * @test: the test; skipped if this kernel has no such devices
 * @name: unique in the test
 * @shape: what it is to be like
 *
 * Context: process context.
 * Return: the device, which goes with the test.
 */
struct device *dma_kunit_device(struct kunit *test, const char *name,
				const struct dma_kunit_shape *shape)
{
	struct mock_device *mock = kunit_kzalloc(test, sizeof(*mock), GFP_KERNEL);
	struct device *dev;

	KUNIT_ASSERT_NOT_NULL(test, mock);
	dev = kunit_device_register(test, name);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	mock->test = test;
	mock->dev = get_device(dev);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, check_device, mock));

	mock->mask = shape->mask ?: DMA_BIT_MASK(64);
	dev->dma_mask = &mock->mask;
	dev->coherent_dma_mask = shape->coherent_mask ?: mock->mask;
	dev->bus_dma_limit = shape->bus_limit;
	dev->dma_parms = &mock->parms;
	dma_set_max_seg_size(dev, UINT_MAX);
	dma_set_seg_boundary(dev, ULONG_MAX);
	if (shape->windows)
		dev->dma_range_map = copy_windows(test, shape->windows);
	if (!dma_kunit_set_coherent(dev, !shape->is_noncoherent))
		kunit_skip(test, "all devices are coherent here");
	if (shape->ops && !IS_ENABLED(CONFIG_ARCH_HAS_DMA_OPS))
		kunit_skip(test, "no external ops here: CONFIG_ARCH_HAS_DMA_OPS is off");
	set_dma_ops(dev, shape->ops);
	return dev;
}

/* The variable behind a file that debugfs_create_bool() or _u32() made */
static void *debugfs_variable(const char *dir_name, const char *name)
{
	struct dentry *dir = debugfs_lookup(dir_name, NULL);
	struct dentry *file = dir ? debugfs_lookup(name, dir) : NULL;
	void *variable = file ? d_inode(file)->i_private : NULL;

	dput(file);
	dput(dir);
	return variable;
}

/**
 * dma_kunit_fail_sleeping - let dma_kunit_fail_nth() count all allocations
 * @is_on: those that may sleep, and single pages, too; else as by default
 *
 * Context: process context.
 * Return: False where this can't be set: without CONFIG_FAILSLAB,
 *	CONFIG_FAIL_PAGE_ALLOC and CONFIG_FAULT_INJECTION_DEBUG_FS.
 */
bool dma_kunit_fail_sleeping(bool is_on)
{
	bool *slab = debugfs_variable("failslab", "ignore-gfp-wait");
	bool *page = debugfs_variable("fail_page_alloc", "ignore-gfp-wait");
	u32 *order = debugfs_variable("fail_page_alloc", "min-order");

	if (!slab || !page || !order)
		return false;
	*slab = !is_on;
	*page = !is_on;
	*order = !is_on;
	return true;
}

/**
 * dma_kunit_wait_until - wait for what a worker does
 * @is_true: tells whether it is done
 * @data: its argument
 *
 * Context: process context, sleeps.
 * Return: true once it is done; false if it is not after ten seconds.
 */
bool dma_kunit_wait_until(bool (*is_true)(void *data), void *data)
{
	for (unsigned int i = 0; i < 1000; i++) {
		if (is_true(data))
			return true;
		msleep(10);
	}
	return false;
}

struct hardirq_call {
	struct irq_work work;
	struct completion is_done;
	void (*call)(void *data);
	void *data;
	bool was_hardirq;
};

static void call_in_hardirq(struct irq_work *work)
{
	struct hardirq_call *it = container_of(work, struct hardirq_call, work);

	it->was_hardirq = in_hardirq();
	it->call(it->data);
	complete(&it->is_done);
}

/**
 * dma_kunit_in_hardirq - call a function in hard-irq context
 * @call: the function
 * @data: its argument
 *
 * Context: process context, sleeps until it is done.
 * Return: true if it was hard-irq context.
 */
bool dma_kunit_in_hardirq(void (*call)(void *data), void *data)
{
	struct hardirq_call it = {
		.work = IRQ_WORK_INIT_HARD(call_in_hardirq),
		.call = call,
		.data = data,
	};

	init_completion(&it.is_done);
	irq_work_queue(&it.work);
	wait_for_completion(&it.is_done);
	irq_work_sync(&it.work);
	return it.was_hardirq;
}
