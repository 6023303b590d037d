// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fault injection: calls of the DMA interface that fail on demand.
 *
 * There are two ways to ask for a failure:
 *
 *  - A person chooses kinds of calls (map, alloc) and, maybe, patterns for
 *    the names of the device and of its driver.  Of the calls that match, the
 *    nth one fails, and besides those that the fault-injection library picks,
 *    by probability, interval, space and times.  All this is below
 *    /sys/kernel/debug/fail_dma; fail_dma= on the command line sets the
 *    library's values and chooses both kinds.
 *
 *  - A test in the kernel arms one device for one call (linux/dma-fault.h).
 *    What a person has chosen does not matter to it, and the other way round.
 *
 * A failed call has taken nothing, so there is nothing to give back.  While
 * nobody asks, the static key is off, and each call costs one no-op.
 *
 * Locks: setup_lock (a mutex) serialises whoever changes the kinds, the armed
 * device and with them the static key.  pattern_lock (raw, irqs off) protects
 * the patterns; calls come from any context.  The latter nests in neither.
 */
#define pr_fmt(fmt) "fail_dma: " fmt

#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/device/driver.h>
#include <linux/dma-sg.h>
#include <linux/export.h>
#include <linux/fault-inject.h>
#include <linux/glob.h>
#include <linux/init.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "fault.h"

DEFINE_STATIC_KEY_FALSE(dma_fault_key);

#define MAX_PATTERN	64

/* An empty pattern matches everything. */
struct pattern {
	const char *what;
	char text[MAX_PATTERN];
};

static struct pattern device_pattern = { .what = "device" };
static struct pattern driver_pattern = { .what = "driver" };
static DEFINE_RAW_SPINLOCK(pattern_lock);

/* What a person has chosen; times starts without a limit. */
static struct fault_attr fault_attr = {
	.interval = 1,
	.times = ATOMIC_INIT(-1),
	.require_end = ULONG_MAX,
	.stacktrace_depth = 32,
	.ratelimit_state = RATELIMIT_STATE_INIT_DISABLED,
	.verbose = 2,
	.dname = "fail_dma",
};

static unsigned int chosen_kinds;
static atomic_t chosen_nth;

/* What a test has armed; the count is set last and cleared first. */
static struct device *armed_dev;
static unsigned int armed_kinds;
static atomic_t armed_nth;

static atomic_t nr_injected;
static DEFINE_MUTEX(setup_lock);

/* Count down to the call that fails.  At 0 there is none to come. */
static bool is_nth(atomic_t *nth)
{
	return atomic_dec_if_positive(nth) == 0;
}

static bool is_armed_for(struct device *dev, unsigned int kind)
{
	return atomic_read_acquire(&armed_nth) &&
	       READ_ONCE(armed_dev) == dev &&
	       (READ_ONCE(armed_kinds) & kind) && is_nth(&armed_nth);
}

static bool matches(const struct pattern *pattern, const char *name)
{
	lockdep_assert_held(&pattern_lock);
	return !pattern->text[0] || glob_match(pattern->text, name);
}

static bool is_chosen(struct device *dev, unsigned int kind)
{
	const struct device_driver *driver = READ_ONCE(dev->driver);
	unsigned long flags;
	bool is_match;

	if (!(READ_ONCE(chosen_kinds) & kind))
		return false;
	raw_spin_lock_irqsave(&pattern_lock, flags);
	is_match = matches(&device_pattern, dev_name(dev)) &&
		   matches(&driver_pattern, driver ? driver->name : "");
	raw_spin_unlock_irqrestore(&pattern_lock, flags);
	return is_match;
}

/* The library tells what it does, with a stack; this says for whom. */
static void tell(struct device *dev, unsigned int kind, size_t size)
{
	if (fault_attr.verbose)
		dev_notice(dev, "fail_dma: %s of %zu bytes fails on demand\n",
			   kind == DMA_FAULT_MAP ? "a mapping" : "an allocation",
			   size);
}

/**
 * dma_fault_hits - should this call fail?
 * @dev: the device
 * @kind: DMA_FAULT_MAP or DMA_FAULT_ALLOC
 * @size: in bytes
 * @is_quiet: the caller does not want failures in the log
 *
 * To be asked once for each call, since the calls are counted.
 *
 * Context: any.
 * Return: true if so.
 */
bool dma_fault_hits(struct device *dev, unsigned int kind, size_t size,
		    bool is_quiet)
{
	int flags = is_quiet ? FAULT_NOWARN : 0;

	if (!is_armed_for(dev, kind) &&
	    !(is_chosen(dev, kind) &&
	      (is_nth(&chosen_nth) ||
	       should_fail_ex(&fault_attr, size, flags))))
		return false;
	atomic_inc(&nr_injected);
	if (!is_quiet)
		tell(dev, kind, size);
	return true;
}

/**
 * dma_fault_hits_sg - should the mapping of this list fail?
 * @dev: the device
 * @sgl: the list
 * @nents: number of entries
 * @is_quiet: the caller does not want failures in the log
 *
 * Context: any.
 * Return: true if so.
 */
bool dma_fault_hits_sg(struct device *dev, struct scatterlist *sgl, int nents,
		       bool is_quiet)
{
	struct scatterlist *sg;
	size_t size = 0;
	int left = nents;

	/* It may have fewer, which the route refuses. */
	for (sg = dma_sg_first(sgl, left); sg; sg = dma_sg_next(sg, --left))
		size += sg->length;
	return dma_fault_hits(dev, DMA_FAULT_MAP, size, is_quiet);
}

static void update_key(void)
{
	lockdep_assert_held(&setup_lock);
	if (chosen_kinds || armed_dev)
		static_branch_enable(&dma_fault_key);
	else
		static_branch_disable(&dma_fault_key);
}

/**
 * dma_fault_arm - let one call for one device fail
 * @dev: the device
 * @kinds: DMA_FAULT_* of the calls that count
 * @nth: which one from now on, counted from 1
 *
 * One device can be armed at a time, until dma_fault_disarm().
 *
 * Context: may sleep.
 * Return: 0; -EINVAL for a value out of range; -EBUSY if a device is armed.
 */
int dma_fault_arm(struct device *dev, unsigned int kinds, unsigned int nth)
{
	if (!kinds || (kinds & ~DMA_FAULT_ALL)) {
		dev_err(dev, "fail_dma: kinds %#x: expected some of %#lx\n",
			kinds, DMA_FAULT_ALL);
		return -EINVAL;
	}
	if (!nth || nth > INT_MAX) {
		dev_err(dev, "fail_dma: call %u: expected 1 to %d\n", nth,
			INT_MAX);
		return -EINVAL;
	}
	guard(mutex)(&setup_lock);
	if (armed_dev) {
		dev_err(dev, "fail_dma: %s is still armed: dma_fault_disarm() comes first\n",
			dev_name(armed_dev));
		return -EBUSY;
	}
	WRITE_ONCE(armed_dev, dev);
	WRITE_ONCE(armed_kinds, kinds);
	atomic_set_release(&armed_nth, nth);
	update_key();
	return 0;
}
EXPORT_SYMBOL_GPL(dma_fault_arm);

/**
 * dma_fault_disarm - nothing is to fail any more
 *
 * Context: may sleep.
 * Return: 0 if the call that was to fail has come, and failed; else how many
 * calls it is away.
 */
unsigned int dma_fault_disarm(void)
{
	unsigned int nr_left;

	guard(mutex)(&setup_lock);
	nr_left = atomic_xchg(&armed_nth, 0);
	WRITE_ONCE(armed_dev, NULL);
	update_key();
	return nr_left;
}
EXPORT_SYMBOL_GPL(dma_fault_disarm);

/* Files of the kinds: 0 or 1. */

static int set_kind(unsigned int kind, const char *name, u64 value)
{
	if (value > 1) {
		pr_err("%s: %llu: expected 0 or 1\n", name, value);
		return -EINVAL;
	}
	guard(mutex)(&setup_lock);
	WRITE_ONCE(chosen_kinds, value ? chosen_kinds | kind :
					 chosen_kinds & ~kind);
	update_key();
	return 0;
}

static int map_get(void *data, u64 *value)
{
	*value = !!(READ_ONCE(chosen_kinds) & DMA_FAULT_MAP);
	return 0;
}

static int map_set(void *data, u64 value)
{
	return set_kind(DMA_FAULT_MAP, "map", value);
}
DEFINE_DEBUGFS_ATTRIBUTE(map_fops, map_get, map_set, "%llu\n");

static int alloc_get(void *data, u64 *value)
{
	*value = !!(READ_ONCE(chosen_kinds) & DMA_FAULT_ALLOC);
	return 0;
}

static int alloc_set(void *data, u64 value)
{
	return set_kind(DMA_FAULT_ALLOC, "alloc", value);
}
DEFINE_DEBUGFS_ATTRIBUTE(alloc_fops, alloc_get, alloc_set, "%llu\n");

/* The file nth: how many calls the one that fails is away. */

static int nth_get(void *data, u64 *value)
{
	*value = atomic_read(&chosen_nth);
	return 0;
}

static int nth_set(void *data, u64 value)
{
	if (value > INT_MAX) {
		pr_err("nth: %llu: expected 1 to %d, or 0 for none\n", value,
		       INT_MAX);
		return -EINVAL;
	}
	atomic_set(&chosen_nth, value);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(nth_fops, nth_get, nth_set, "%llu\n");

/* The files of the patterns. */

static ssize_t pattern_read(struct file *file, char __user *to, size_t count,
			    loff_t *pos)
{
	const struct pattern *pattern = file->private_data;
	char text[MAX_PATTERN + 1];
	unsigned long flags;
	int len;

	raw_spin_lock_irqsave(&pattern_lock, flags);
	len = scnprintf(text, sizeof(text), "%s\n", pattern->text);
	raw_spin_unlock_irqrestore(&pattern_lock, flags);
	return simple_read_from_buffer(to, count, pos, text, len);
}

static bool is_short(const struct pattern *pattern, size_t len)
{
	if (len < MAX_PATTERN)
		return true;
	pr_err("%s: %zu characters: expected at most %d\n", pattern->what, len,
	       MAX_PATTERN - 1);
	return false;
}

/* Is @text a name or a pattern?  If not, say so. */
static bool is_pattern(const struct pattern *pattern, const char *text)
{
	const char *c;

	for (c = text; *c; c++) {
		if (isgraph(*c))
			continue;
		pr_err("%s: \"%*pE\": expected one name or one pattern (* ? [a-z]), or an empty line for every %s\n",
		       pattern->what, (int)strlen(text), text, pattern->what);
		return false;
	}
	return true;
}

static ssize_t pattern_write(struct file *file, const char __user *from,
			     size_t count, loff_t *pos)
{
	struct pattern *pattern = file->private_data;
	char text[MAX_PATTERN + 1], *name;
	unsigned long flags;

	/* With room for the end of a line. */
	if (count >= sizeof(text) && !is_short(pattern, count))
		return -EINVAL;
	if (copy_from_user(text, from, count))
		return -EFAULT;
	text[count] = '\0';
	name = strim(text);
	if (!is_short(pattern, strlen(name)) || !is_pattern(pattern, name))
		return -EINVAL;
	raw_spin_lock_irqsave(&pattern_lock, flags);
	strscpy(pattern->text, name);
	raw_spin_unlock_irqrestore(&pattern_lock, flags);
	return count;
}

static const struct file_operations pattern_fops = {
	.owner	= THIS_MODULE,
	.open	= simple_open,
	.read	= pattern_read,
	.write	= pattern_write,
	.llseek	= default_llseek,
};

static int __init setup_fail_dma(char *str)
{
	if (!str || !setup_fault_attr(&fault_attr, str)) {
		pr_err("fail_dma=%s: expected <interval>,<probability>,<space>,<times>\n",
		       str ?: "");
		return -EINVAL;
	}
	chosen_kinds = DMA_FAULT_ALL;
	return 0;
}
early_param("fail_dma", setup_fail_dma);

/* Before the first driver. */
static int __init fail_dma_init(void)
{
	guard(mutex)(&setup_lock);
	update_key();
	return 0;
}
core_initcall(fail_dma_init);

static int __init fail_dma_debugfs(void)
{
	struct dentry *dir = fault_create_debugfs_attr("fail_dma", NULL,
						       &fault_attr);

	if (IS_ERR(dir))
		return 0;
	debugfs_create_file("map", 0600, dir, NULL, &map_fops);
	debugfs_create_file("alloc", 0600, dir, NULL, &alloc_fops);
	debugfs_create_file("nth", 0600, dir, NULL, &nth_fops);
	debugfs_create_file("device", 0600, dir, &device_pattern,
			    &pattern_fops);
	debugfs_create_file("driver", 0600, dir, &driver_pattern,
			    &pattern_fops);
	debugfs_create_atomic_t("injected", 0400, dir, &nr_injected);
	return 0;
}
late_initcall(fail_dma_debugfs);
