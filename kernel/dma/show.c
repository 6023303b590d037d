// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the layer tells about itself in /sys/kernel/debug/dma/: pools, allocations,
 * quarantine, lost.  Other files there are made by those whom they are about.
 *
 * Reading allocations walks the records one copy at a time and holds no lock while
 * it prints.
 */
#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/jiffies.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include "backend.h"
#include "ledger.h"
#include "stat.h"

static int pools_show(struct seq_file *seq, void *unused)
{
	dma_stat_show_pools(seq);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(pools);

/*
 * The driver may be gone and its name with it: read it as one reads memory
 * that may not be there.
 */
static void show_driver(struct seq_file *seq, const char *driver)
{
	char name[24] = "-";

	if (driver && strncpy_from_kernel_nofault(name, driver, sizeof(name)) < 0)
		strscpy(name, "(gone)");
	seq_printf(seq, " %-16s", name);
}

/* All live buffers, or only those whose device is gone. */
static void show_allocations(struct seq_file *seq, bool is_all)
{
	struct dma_ledger_cursor at = {};
	struct dma_allocation copy;

	seq_printf(seq, "%-24s %-16s %10s %-15s %-18s %-18s %6s\n", "device",
		   "driver", "bytes", "backend", "dma", "phys", "age/s");
	while (dma_ledger_next(&at, &copy)) {
		if (!is_all && READ_ONCE(copy.owner->dev))
			continue;
		seq_printf(seq, "%-24s", copy.owner->name);
		show_driver(seq, copy.driver);
		seq_printf(seq, " %10zu %-15s %#018llx %#018llx %6lu\n",
			   copy.size, copy.backend->name,
			   (unsigned long long)copy.dma_addr,
			   (unsigned long long)copy.phys,
			   (jiffies - copy.since) / HZ);
	}
}

static int allocations_show(struct seq_file *seq, void *unused)
{
	show_allocations(seq, true);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(allocations);

static int quarantine_show(struct seq_file *seq, void *unused)
{
	show_allocations(seq, false);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(quarantine);

static int lost_show(struct seq_file *seq, void *unused)
{
	seq_printf(seq, "%ld\n", dma_stat_lost());
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(lost);

static int __init dma_show_init(void)
{
	struct dentry *dir = debugfs_create_dir("dma", NULL);

	debugfs_create_file("pools", 0400, dir, NULL, &pools_fops);
	debugfs_create_file("allocations", 0400, dir, NULL, &allocations_fops);
	debugfs_create_file("quarantine", 0400, dir, NULL, &quarantine_fops);
	debugfs_create_file("lost", 0400, dir, NULL, &lost_fops);
	return 0;
}
late_initcall(dma_show_init);
