// SPDX-License-Identifier: GPL-2.0-only
/*
 * How dma-debug tells: of a mistake, and of all that is mapped.
 *
 * A mistake is counted, whoever made it.  It is printed, as a warning with a
 * stack, if it is one of the first num_errors ones, or all_errors is set, and if
 * the driver passes driver_filter.
 *
 * Locks: report_lock, alone.
 */
#include <linux/ctype.h>
#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/spinlock.h>
#include <linux/stackdepot.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "../debug.h"
#include "store.h"

static DEFINE_SPINLOCK(report_lock);	/* protects what follows */
static char filter[DMA_DEBUG_NAME];	/* "": all drivers */

u32 dma_debug_error_count;
u32 dma_debug_all_errors;
u32 dma_debug_num_errors = 1;

/**
 * dma_debug_kind_name - a kind of mapping in words
 * @kind: enum dma_debug_kind
 *
 * Context: any.
 * Return: a static string.
 */
const char *dma_debug_kind_name(unsigned int kind)
{
	static const char * const names[] = {
		[DMA_DEBUG_SINGLE]	= "single",
		[DMA_DEBUG_SG]		= "scatter-gather",
		[DMA_DEBUG_COHERENT]	= "coherent",
		[DMA_DEBUG_RESOURCE]	= "resource",
		[DMA_DEBUG_NONCOHERENT]	= "noncoherent",
	};

	return kind < ARRAY_SIZE(names) ? names[kind] : "unknown";
}

/**
 * dma_debug_dir_name - a direction in words
 * @dir: enum dma_data_direction
 *
 * Context: any.
 * Return: a static string.
 */
const char *dma_debug_dir_name(unsigned int dir)
{
	static const char * const names[] = {
		[DMA_BIDIRECTIONAL]	= "DMA_BIDIRECTIONAL",
		[DMA_TO_DEVICE]		= "DMA_TO_DEVICE",
		[DMA_FROM_DEVICE]	= "DMA_FROM_DEVICE",
		[DMA_NONE]		= "DMA_NONE",
	};

	return dir < ARRAY_SIZE(names) ? names[dir] : "no direction";
}

/**
 * dma_debug_set_filter - print mistakes of some drivers only, or of all others
 * @name: names with a comma between two, up to the first blank; with ! in front,
 *	all other drivers' mistakes are printed; if there is no name, or it does not
 *	begin with a letter or a digit, all drivers'
 *
 * Context: any.
 */
void dma_debug_set_filter(const char *name)
{
	size_t length = isalnum(name[*name == '!']) ? strcspn(name, " \t\n") : 0;
	unsigned long flags;

	length = min(length, sizeof(filter) - 1);
	spin_lock_irqsave(&report_lock, flags);
	memcpy(filter, name, length);
	filter[length] = '\0';
	spin_unlock_irqrestore(&report_lock, flags);
}

/**
 * dma_debug_get_filter - whose mistakes are printed
 * @name: gets the driver's name, of at most DMA_DEBUG_NAME bytes with the 0 at
 *	its end; empty for all drivers
 *
 * Context: any.
 */
void dma_debug_get_filter(char *name)
{
	unsigned long flags;

	spin_lock_irqsave(&report_lock, flags);
	strscpy(name, filter, DMA_DEBUG_NAME);
	spin_unlock_irqrestore(&report_lock, flags);
}

/* Whether a list has the driver, whose name may have a comma itself. */
static bool names_driver(const char *list, const struct device_driver *driver)
{
	size_t length = driver ? strlen(driver->name) : 0;

	while (length && list) {
		if (!strncmp(list, driver->name, length) &&
		    (!list[length] || list[length] == ','))
			return true;
		list = strchr(list, ',');
		if (list)
			list++;
	}
	return false;
}

static bool passes_filter(const struct device *dev)
{
	bool all_but = filter[0] == '!';

	lockdep_assert_held(&report_lock);
	return !filter[0] ||
	       names_driver(filter + all_but, READ_ONCE(dev->driver)) != all_but;
}

/* Count a mistake.  Returns whether to print it. */
static bool count_mistake(const struct device *dev)
{
	unsigned long flags;
	bool may_print;

	spin_lock_irqsave(&report_lock, flags);
	dma_debug_error_count++;
	may_print = passes_filter(dev) &&
		    (dma_debug_all_errors || dma_debug_num_errors);
	if (may_print && !dma_debug_all_errors)
		dma_debug_num_errors--;
	spin_unlock_irqrestore(&report_lock, flags);
	return may_print;
}

/**
 * dma_debug_report - report a mistake: count it, and say it if that is wanted
 * @dev: the device, alive
 * @entry: copy of the mapping's entry; NULL if there is none
 * @fmt: what happened and what was expected, without a newline
 *
 * Context: any, no lock held.
 */
void dma_debug_report(struct device *dev, const struct dma_debug_entry *entry,
		      const char *fmt, ...)
{
	struct va_format vaf = { .fmt = fmt };
	va_list args;

	if (!count_mistake(dev))
		return;
	va_start(args, fmt);
	vaf.va = &args;
	WARN(1, "%s %s: DMA-API: %pV\n", dev_driver_string(dev), dev_name(dev),
	     &vaf);
	va_end(args);
	if (IS_ENABLED(CONFIG_STACKDEPOT) && entry && entry->stack) {
		pr_warn("Mapped at:\n");
		stack_depot_print(entry->stack);
	}
}

/* Of a device or driver that may be gone */
static void read_name(char *name, const char *const *from)
{
	const char *text = NULL;

	if (copy_from_kernel_nofault(&text, from, sizeof(text)) || !text ||
	    strncpy_from_kernel_nofault(name, text, DMA_DEBUG_NAME) < 0)
		strscpy(name, "(gone)", DMA_DEBUG_NAME);
}

/**
 * dma_debug_line - describe an entry in one line
 * @entry: copy of it
 * @line: for the line, without a newline
 * @size: of @line
 *
 * Its device may be gone, if no driver was ever bound to it and somebody mapped
 * memory for it: it is read as one reads memory that may not be there.
 *
 * Context: any.
 */
void dma_debug_line(const struct dma_debug_entry *entry, char *line,
		    size_t size)
{
	const struct dma_debug_call *call = &entry->call;
	const struct device *dev = call->dev;
	const struct device_driver *driver = NULL;
	char driver_name[DMA_DEBUG_NAME] = "-";
	char dev_name[DMA_DEBUG_NAME];
	const char *init_name = NULL;

	copy_from_kernel_nofault(&init_name, &dev->init_name, sizeof(init_name));
	read_name(dev_name, init_name ? &dev->init_name : &dev->kobj.name);
	if (!copy_from_kernel_nofault(&driver, &dev->driver, sizeof(driver)) &&
	    driver)
		read_name(driver_name, &driver->name);
	snprintf(line, size, "%s %s %s P=%#llx D=%#llx L=%#llx %s%s",
		 driver_name, dev_name, dma_debug_kind_name(call->kind),
		 call->memory, (u64)call->dma_addr, call->size,
		 dma_debug_dir_name(call->dir),
		 call->check == DMA_DEBUG_NOT_CHECKED ? " not checked" : "");
}

/**
 * debug_dma_dump_mappings - print what is mapped
 * @dev: for this device; NULL for all
 *
 * Context: any.
 */
void debug_dma_dump_mappings(struct device *dev)
{
	unsigned int bucket = 0, nr = 0;
	struct dma_debug_entry entry;
	char line[256];

	if (!dma_debug_is_on())
		return;
	while (dma_debug_next(&bucket, &nr, &entry)) {
		if (dev && entry.call.dev != dev)
			continue;
		dma_debug_line(&entry, line, sizeof(line));
		pr_info("%s\n", line);
	}
}

/**
 * dma_debug_add_bus - look for leaks on a bus
 * @bus: the bus
 *
 * They are looked for on every bus, so there is nothing to do; callers need not
 * know that.
 *
 * Context: process context, at boot.
 */
void dma_debug_add_bus(const struct bus_type *bus)
{
}
