// SPDX-License-Identifier: GPL-2.0
/*
 * What the suites share: see mock.h.
 */

#include <kunit/device.h>
#include <kunit/test.h>
#include <linux/anon_inodes.h>
#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/mount.h>
#include <linux/sched/mm.h>
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
	/* As the driver core does before a driver is bound. */
	dma_device_configured(dev);
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
	for (unsigned int i = 0; i < 500; i++) {
		if (is_true(data))
			return true;
		msleep(20);
	}
	return false;
}

/**
 * dma_kunit_mmap - let user space map what a driver gives
 * @test: the test; it ends with dma_kunit_leave_mm(), before the memory is freed
 * @fops: the driver's; its mmap() finds @data in the file's private_data
 * @data: for it
 * @pgoff: first page of the driver's memory
 * @nr_pages: how many
 *
 * Context: process context, sleeps.
 * Return: the address in user space, or an error in its place.
 */
unsigned long dma_kunit_mmap(struct kunit *test,
			     const struct file_operations *fops, void *data,
			     unsigned long pgoff, unsigned long nr_pages)
{
	struct file *file = anon_inode_getfile("dma-kunit", fops, data, O_RDWR);
	unsigned long addr;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	addr = kunit_vm_mmap(test, file, 0, nr_pages << PAGE_SHIFT,
			     PROT_READ | PROT_WRITE, MAP_SHARED,
			     pgoff << PAGE_SHIFT);
	fput(file);
	return addr;
}

/**
 * dma_kunit_leave_mm - end the use of user space that kunit_vm_mmap() made
 *
 * Everything in it is unmapped. A test that mapped something ends with this,
 * since KUnit alone would leak the mm.
 *
 * Context: process context, sleeps.
 */
void dma_kunit_leave_mm(void)
{
	struct mm_struct *mm = current->mm;

	if (!mm)
		return;
	kthread_unuse_mm(mm);
	mmput(mm);
}

/**
 * dma_kunit_user_page - a page of user space, to read from and to write to
 * @test: the test; it ends with dma_kunit_leave_mm()
 *
 * Context: process context, sleeps.
 * Return: the page.
 */
char __user *dma_kunit_user_page(struct kunit *test)
{
	unsigned long addr = kunit_vm_mmap(test, NULL, 0, PAGE_SIZE,
					   PROT_READ | PROT_WRITE,
					   MAP_ANONYMOUS | MAP_PRIVATE, 0);

	KUNIT_ASSERT_TRUE(test, addr && !IS_ERR_VALUE(addr));
	return (char __user *)addr;
}

/**
 * dma_kunit_mount_debugfs - debugfs, mounted for this test alone
 * @test: the test; it ends with kern_unmount()
 *
 * Context: process context, sleeps.
 * Return: the mount.
 */
struct vfsmount *dma_kunit_mount_debugfs(struct kunit *test)
{
	struct file_system_type *type = get_fs_type("debugfs");
	struct vfsmount *mnt;

	KUNIT_ASSERT_NOT_NULL(test, type);
	mnt = kern_mount(type);
	put_filesystem(type);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mnt);
	return mnt;
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

#define STORM_TICK_NS	(300 * NSEC_PER_USEC)

struct storm_thread {
	struct dma_kunit_storm *storm;
	void *owner;
	struct completion is_done;
};

struct storm_timer {
	struct dma_kunit_storm *storm;
	struct hrtimer timer;
};

static int storm_thread(void *data)
{
	struct storm_thread *thread = data;

	while (!READ_ONCE(thread->storm->is_over)) {
		if (thread->storm->step(thread->owner))
			atomic_long_inc(&thread->storm->nr_done);
		cond_resched();
	}
	complete(&thread->is_done);
	return 0;
}

static enum hrtimer_restart storm_tick(struct hrtimer *timer)
{
	struct dma_kunit_storm *storm =
		container_of(timer, struct storm_timer, timer)->storm;

	if (storm->step(storm->owners[DMA_KUNIT_NR_THREADS]))
		atomic_long_inc(&storm->nr_done_in_irq);
	hrtimer_forward_now(timer, ns_to_ktime(STORM_TICK_NS));
	return HRTIMER_RESTART;
}

static bool is_enough(struct dma_kunit_storm *storm)
{
	return atomic_long_read(&storm->nr_done) >= storm->nr_wanted &&
	       atomic_long_read(&storm->nr_done_in_irq) >=
	       storm->nr_wanted_in_irq;
}

/**
 * dma_kunit_storm_make - a storm, and who is in it
 * @test: the test, which both go with
 * @owner_size: of each owner, in bytes
 *
 * Context: process context, sleeps.
 * Return: the storm; it and its owners are zeroed.
 */
struct dma_kunit_storm *dma_kunit_storm_make(struct kunit *test,
					     size_t owner_size)
{
	struct dma_kunit_storm *storm = kunit_kzalloc(test, sizeof(*storm),
						      GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, storm);
	for (unsigned int i = 0; i <= DMA_KUNIT_NR_THREADS; i++) {
		storm->owners[i] = kunit_kzalloc(test, owner_size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, storm->owners[i]);
	}
	return storm;
}

/**
 * dma_kunit_storm_run - let threads and a hard irq do the same at a time
 * @test: fails for an error, or if there was not enough of it in a minute;
 *	skipped where timers do not run in hard-irq context
 * @storm: what they do
 *
 * Context: process context, sleeps.
 */
void dma_kunit_storm_run(struct kunit *test, struct dma_kunit_storm *storm)
{
	static struct storm_thread threads[DMA_KUNIT_NR_THREADS];
	unsigned long deadline = jiffies + 60 * HZ;
	struct storm_timer tick = { .storm = storm };
	unsigned int nr;

	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		kunit_skip(test, "no hard-irq users on PREEMPT_RT");
	for (nr = 0; nr < DMA_KUNIT_NR_THREADS; nr++) {
		struct task_struct *task;

		threads[nr].storm = storm;
		threads[nr].owner = storm->owners[nr];
		init_completion(&threads[nr].is_done);
		task = kthread_run(storm_thread, &threads[nr], "dma-storm/%u",
				   nr);
		if (IS_ERR(task))
			break;
	}
	KUNIT_EXPECT_EQ(test, nr, DMA_KUNIT_NR_THREADS);
	hrtimer_init_on_stack(&tick.timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	tick.timer.function = storm_tick;
	hrtimer_start(&tick.timer, ns_to_ktime(STORM_TICK_NS), HRTIMER_MODE_REL);

	while (time_before(jiffies, deadline) && !is_enough(storm))
		msleep(20);

	WRITE_ONCE(storm->is_over, true);
	while (nr--)
		wait_for_completion(&threads[nr].is_done);
	hrtimer_cancel(&tick.timer);
	destroy_hrtimer_on_stack(&tick.timer);
	for (nr = 0; storm->finish && nr <= DMA_KUNIT_NR_THREADS; nr++)
		storm->finish(storm->owners[nr]);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&storm->nr_errors), 0);
	KUNIT_EXPECT_GE(test, atomic_long_read(&storm->nr_done),
			storm->nr_wanted);
	KUNIT_EXPECT_GE(test, atomic_long_read(&storm->nr_done_in_irq),
			storm->nr_wanted_in_irq);
}

/**
 * dma_kunit_bare_pfn - memory that RAM leaves free, so that it has no struct pages
 * @test: the test; skipped if there is none, or if nothing can stand for it
 *
 * Context: process context.
 * Return: the first of some MiB of pages.
 */
unsigned long dma_kunit_bare_pfn(struct kunit *test)
{
	unsigned long step = SZ_256M >> PAGE_SHIFT;

	if (IS_ENABLED(CONFIG_SPARSEMEM) && !IS_ENABLED(CONFIG_SPARSEMEM_VMEMMAP))
		kunit_skip(test, "needs CONFIG_SPARSEMEM_VMEMMAP");
	for (unsigned long pfn = step; pfn < 1024 * step; pfn += step)
		if (!pfn_valid(pfn) && !pfn_valid(pfn + step / 2))
			return pfn;
	kunit_skip(test, "each address has a struct page");
	return 0;
}
