// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/dma/shadow: who copies, and a switch for each device.
 *
 * Reading gives a line for each domain with shadow pages.  Writing
 * "DEVICE 0" or "DEVICE 1" chooses for one device of the platform or PCI bus.
 *
 * /sys/kernel/debug/dma/iommu_lost: a line for each domain with I/O addresses that are
 * not given out again, since what was mapped there could not be unmapped.
 *
 * Locks: domains_mutex; taken with the group's mutex held, so nothing that
 * takes that is called under it.
 */
#include <linux/amba/bus.h>
#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/platform_device.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include "domain.h"
#include "shadow.h"

static DEFINE_MUTEX(domains_mutex);
static LIST_HEAD(domains);

/**
 * dma_domain_list - let people see a domain
 * @cookie: the domain, which is set up
 *
 * Context: may sleep.
 */
void dma_domain_list(struct iommu_dma_cookie *cookie)
{
	mutex_lock(&domains_mutex);
	list_add_tail(&cookie->link, &domains);
	mutex_unlock(&domains_mutex);
}

/**
 * dma_domain_unlist - end that
 * @cookie: the domain; it need not be in the list
 *
 * Context: may sleep.
 */
void dma_domain_unlist(struct iommu_dma_cookie *cookie)
{
	mutex_lock(&domains_mutex);
	list_del_init(&cookie->link);
	mutex_unlock(&domains_mutex);
}

static int shadow_show(struct seq_file *seq, void *unused)
{
	struct iommu_dma_cookie *cookie;

	seq_puts(seq, "group   slots slot-bytes  in-use    peak     mapped\n");
	mutex_lock(&domains_mutex);
	list_for_each_entry(cookie, &domains, link) {
		struct dma_shadow *shadow = READ_ONCE(cookie->shadow);
		struct dma_shadow_figures all;

		if (!shadow)
			continue;
		all = dma_shadow_figures(shadow);
		seq_printf(seq, "%5d %7u %10zu %7u %7u %10lu\n",
			   cookie->group_id, all.nr_slots, all.slot_size,
			   all.nr_used, all.peak, all.mapped);
	}
	mutex_unlock(&domains_mutex);
	return 0;
}

static int shadow_open(struct inode *inode, struct file *file)
{
	return single_open(file, shadow_show, NULL);
}

static int iommu_lost_show(struct seq_file *seq, void *unused)
{
	struct iommu_dma_cookie *cookie;

	seq_puts(seq, "group      bytes\n");
	mutex_lock(&domains_mutex);
	list_for_each_entry(cookie, &domains, link) {
		long lost = atomic_long_read(&cookie->lost);

		if (lost)
			seq_printf(seq, "%5d %10ld\n", cookie->group_id, lost);
	}
	mutex_unlock(&domains_mutex);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(iommu_lost);

static struct device *find_device(const char *name)
{
	struct device *dev = dma_find_pci_device(name);

	if (IS_ENABLED(CONFIG_ARM_AMBA) && !dev)
		dev = bus_find_device_by_name(&amba_bustype, NULL, name);
	return dev ?: bus_find_device_by_name(&platform_bus_type, NULL, name);
}

static ssize_t shadow_write(struct file *file, const char __user *from,
			    size_t size, loff_t *pos)
{
	char line[64], name[64], more;
	struct device *dev;
	int is_on, err;

	if (size >= sizeof(line)) {
		pr_err("dma: shadow: %zu characters: expected \"DEVICE 0\" or \"DEVICE 1\"\n",
		       size);
		return -EINVAL;
	}
	if (copy_from_user(line, from, size))
		return -EFAULT;
	line[size] = '\0';
	if (sscanf(line, "%63s %d %c", name, &is_on, &more) != 2 || is_on < 0 ||
	    is_on > 1) {
		pr_err("dma: shadow: '%s': expected \"DEVICE 0\" or \"DEVICE 1\"\n",
		       strim(line));
		return -EINVAL;
	}
	dev = find_device(name);
	if (!dev) {
		pr_err("dma: shadow: %s: no such PCI or platform device\n", name);
		return -ENODEV;
	}
	err = dma_shadow_switch(dev, is_on);
	if (err)
		dev_err(dev, "no shadow pages for it: %s (error %d)\n",
			err == -EOPNOTSUPP ? "its IOMMU domain is lazy" :
			err == -ENODEV ? "its DMA goes through no IOMMU" :
			err == -EBUSY ? "its DMA belongs to somebody else" :
			"no memory", err);
	put_device(dev);
	return err ?: size;
}

static const struct file_operations shadow_fops = {
	.owner		= THIS_MODULE,
	.open		= shadow_open,
	.read		= seq_read,
	.write		= shadow_write,
	.llseek		= seq_lseek,
	.release	= single_release,
};

static int __init make_file(void)
{
	struct dentry *dir = debugfs_lookup("dma", NULL);

	if (!dir)
		return 0;
	debugfs_create_file("shadow", 0600, dir, NULL, &shadow_fops);
	debugfs_create_file("iommu_lost", 0400, dir, NULL, &iommu_lost_fops);
	dput(dir);
	return 0;
}
late_initcall_sync(make_file);
