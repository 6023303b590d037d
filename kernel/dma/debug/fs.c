// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma-debug: its parameters, its files below /sys/kernel/debug/dma-api, and its
 * start.
 *
 * What is mapped before it starts has no entry.  dma_debug=off, or a lack of
 * memory at boot, leaves it off for good; nothing else turns it off.
 *
 * No locks.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/seq_file.h>
#include <linux/stackdepot.h>
#include <linux/uaccess.h>

#include "../debug.h"
#include "store.h"

#define DEFAULT_ENTRIES	65536

static bool is_disabled __ro_after_init;
static unsigned long nr_wanted __initdata = DEFAULT_ENTRIES;
static char noncoherent_wanted[DMA_DEBUG_NAME] __initdata;

/*
 * Parameters
 */

static int __init parse_dma_debug(char *arg)
{
	if (!arg)
		return -EINVAL;
	if (str_has_prefix(arg, "off"))
		is_disabled = true;
	else
		pr_warn("DMA-API: dma_debug=%s: expected off\n", arg);
	return 0;
}
early_param("dma_debug", parse_dma_debug);

static int __init parse_entries(char *arg)
{
	if (!arg)
		return -EINVAL;
	if (kstrtoul(arg, 0, &nr_wanted) || !nr_wanted) {
		nr_wanted = DEFAULT_ENTRIES;
		pr_warn("DMA-API: dma_debug_entries=%s: expected a number, %lu are taken\n",
			arg, nr_wanted);
	}
	return 0;
}
early_param("dma_debug_entries", parse_entries);

static int __init parse_driver(char *arg)
{
	if (!arg)
		return -EINVAL;
	dma_debug_set_filter(arg);
	return 0;
}
early_param("dma_debug_driver", parse_driver);

static int __init parse_noncoherent(char *arg)
{
	if (!arg)
		return -EINVAL;
	strscpy(noncoherent_wanted, arg);
	return 0;
}
early_param("dma_debug_noncoherent", parse_noncoherent);

static int __init dma_debug_init(void)
{
	int err = 0;

	if (!is_disabled)
		err = stack_depot_init() ?: dma_debug_pool_init(nr_wanted) ?:
		      dma_debug_store_init();
	if (is_disabled || err) {
		is_disabled = true;
		pr_warn("DMA-API: dma-debug is off%s\n",
			err ? ": no memory" : ", as asked for");
		return 0;
	}
	static_branch_enable(&dma_debug_key);
	pr_info("DMA-API: dma-debug is on, with %lu entries\n",
		dma_debug_nr_total());
	if (noncoherent_wanted[0])
		dma_rehearse_choose(noncoherent_wanted);
	return 0;
}
core_initcall(dma_debug_init);

/*
 * Files
 */

static int number_free(void *unused, u64 *nr)
{
	*nr = dma_debug_nr_free();
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(num_free_fops, number_free, NULL, "%llu\n");

static int number_min_free(void *unused, u64 *nr)
{
	*nr = dma_debug_min_free();
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(min_free_fops, number_min_free, NULL, "%llu\n");

static int number_total(void *unused, u64 *nr)
{
	*nr = dma_debug_nr_total();
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(nr_total_fops, number_total, NULL, "%llu\n");

static int number_untracked(void *unused, u64 *nr)
{
	*nr = dma_debug_nr_untracked();
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(untracked_fops, number_untracked, NULL, "%llu\n");

static int sampling_get(void *unused, u64 *one_of)
{
	*one_of = READ_ONCE(dma_debug_sampling);
	return 0;
}

static int sampling_set(void *unused, u64 one_of)
{
	if (!one_of || one_of > UINT_MAX)
		return -EINVAL;
	WRITE_ONCE(dma_debug_sampling, one_of);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(sampling_fops, sampling_get, sampling_set, "%llu\n");

/* A name from user space, of which what does not fit is cut off */
static ssize_t read_name(char *name, const char __user *from, size_t size)
{
	size_t length = min_t(size_t, size, DMA_DEBUG_NAME - 1);

	if (copy_from_user(name, from, length))
		return -EFAULT;
	name[length] = '\0';
	return size;
}

static ssize_t show_name(char *name, char __user *to, size_t size, loff_t *pos)
{
	char line[DMA_DEBUG_NAME + 1];
	int length = scnprintf(line, sizeof(line), "%s\n", name);

	return simple_read_from_buffer(to, size, pos, line, length);
}

static ssize_t filter_read(struct file *file, char __user *to, size_t size,
			   loff_t *pos)
{
	char name[DMA_DEBUG_NAME];

	dma_debug_get_filter(name);
	return show_name(name, to, size, pos);
}

static ssize_t filter_write(struct file *file, const char __user *from,
			    size_t size, loff_t *pos)
{
	char name[DMA_DEBUG_NAME];
	ssize_t err = read_name(name, from, size);

	if (err >= 0)
		dma_debug_set_filter(name);
	return err;
}

static const struct file_operations filter_fops = {
	.read	= filter_read,
	.write	= filter_write,
	.llseek	= default_llseek,
};

static ssize_t noncoherent_read(struct file *file, char __user *to, size_t size,
				loff_t *pos)
{
	char name[DMA_DEBUG_NAME];

	dma_rehearse_chosen(name);
	return show_name(name, to, size, pos);
}

static ssize_t noncoherent_write(struct file *file, const char __user *from,
				 size_t size, loff_t *pos)
{
	char name[DMA_DEBUG_NAME];
	ssize_t err = read_name(name, from, size);

	if (err >= 0)
		dma_rehearse_choose(name);
	return err;
}

static const struct file_operations noncoherent_fops = {
	.read	= noncoherent_read,
	.write	= noncoherent_write,
	.llseek	= default_llseek,
};

static int rehearsals_show(struct seq_file *seq, void *unused)
{
	struct dma_rehearsal_figures figures;

	dma_rehearse_figures(&figures);
	seq_printf(seq, "live %lu\nbegun %lu\nrefused %lu\nshared %lu\n",
		   figures.nr_live, figures.nr_begun, figures.nr_refused,
		   figures.nr_shared);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(rehearsals);

/* A walk through the store, and where it stands */
struct cursor {
	unsigned int bucket, nr;
	bool is_valid;
	struct dma_debug_entry entry;
};

static void *dump_go_on(struct cursor *cursor)
{
	cursor->is_valid = dma_debug_next(&cursor->bucket, &cursor->nr,
					  &cursor->entry);
	return cursor->is_valid ? cursor : NULL;
}

static void *dump_start(struct seq_file *seq, loff_t *pos)
{
	struct cursor *cursor = seq->private;

	if (*pos)
		return cursor->is_valid ? cursor : NULL;
	cursor->bucket = 0;
	cursor->nr = 0;
	return dump_go_on(cursor);
}

static void *dump_next(struct seq_file *seq, void *cursor, loff_t *pos)
{
	++*pos;
	return dump_go_on(cursor);
}

static void dump_stop(struct seq_file *seq, void *cursor)
{
}

static int dump_show(struct seq_file *seq, void *v)
{
	struct cursor *cursor = v;
	char line[256];

	dma_debug_line(&cursor->entry, line, sizeof(line));
	seq_printf(seq, "%s\n", line);
	return 0;
}

static const struct seq_operations dump_sops = {
	.start	= dump_start,
	.next	= dump_next,
	.stop	= dump_stop,
	.show	= dump_show,
};

static int dump_open(struct inode *inode, struct file *file)
{
	return seq_open_private(file, &dump_sops, sizeof(struct cursor));
}

static const struct file_operations dump_fops = {
	.open		= dump_open,
	.read		= seq_read,
	.llseek		= seq_lseek,
	.release	= seq_release_private,
};

static int __init dma_debug_fs_init(void)
{
	struct dentry *dir = debugfs_create_dir("dma-api", NULL);

	debugfs_create_bool("disabled", 0444, dir, &is_disabled);
	debugfs_create_u32("error_count", 0444, dir, &dma_debug_error_count);
	debugfs_create_u32("all_errors", 0644, dir, &dma_debug_all_errors);
	debugfs_create_u32("num_errors", 0644, dir, &dma_debug_num_errors);
	debugfs_create_file("driver_filter", 0644, dir, NULL, &filter_fops);
	debugfs_create_file("num_free_entries", 0444, dir, NULL, &num_free_fops);
	debugfs_create_file("min_free_entries", 0444, dir, NULL, &min_free_fops);
	debugfs_create_file("nr_total_entries", 0444, dir, NULL, &nr_total_fops);
	debugfs_create_file("untracked", 0444, dir, NULL, &untracked_fops);
	debugfs_create_file("sampling", 0644, dir, NULL, &sampling_fops);
	debugfs_create_file("dump", 0444, dir, NULL, &dump_fops);
	debugfs_create_file("noncoherent", 0644, dir, NULL, &noncoherent_fops);
	debugfs_create_file("rehearsals", 0444, dir, NULL, &rehearsals_fops);
	return 0;
}
core_initcall_sync(dma_debug_fs_init);
