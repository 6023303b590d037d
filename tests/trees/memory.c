// SPDX-License-Identifier: GPL-2.0
/*
 * What a device tree's devices get: how much memory there is, and where a piece
 * of it lies.
 *
 * A place is the name of a node of reserved memory; "cma" for a default area that
 * no node declares; "ram" for any other memory.
 */
#define pr_fmt(fmt) "trees: " fmt

#include <linux/cma.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/fs.h>
#include <linux/init_syscalls.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/of.h>
#include <linux/of_reserved_mem.h>
#include <linux/slab.h>

#include "trees.h"

static bool lies_in(phys_addr_t phys, size_t size, phys_addr_t base, phys_addr_t length)
{
	return phys >= base && phys - base < length && size <= length - (phys - base);
}

/* The node that has all of a piece, with a reference; or NULL. */
static struct device_node *node_of(phys_addr_t phys, size_t size)
{
	struct device_node *parent = of_find_node_by_path("/reserved-memory");
	struct device_node *child;
	struct reserved_mem *rmem;

	for_each_available_child_of_node(parent, child) {
		rmem = of_reserved_mem_lookup(child);
		if (rmem && lies_in(phys, size, rmem->base, rmem->size))
			break;
	}
	of_node_put(parent);
	return child;
}

/**
 * tree_phys() - what a device finds at an address
 * @dev: the device
 * @dma_addr: the device's address
 *
 * Context: process.
 * Return: the physical address; 0 when an IOMMU has nothing mapped there.
 */
phys_addr_t tree_phys(struct device *dev, dma_addr_t dma_addr)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	if (domain && domain->type != IOMMU_DOMAIN_IDENTITY)
		return iommu_iova_to_phys(domain, dma_addr);
	return dma_to_phys(dev, dma_addr);
}

/**
 * tree_place() - where a piece of memory lies
 * @phys: where it begins
 * @size: its length in bytes
 * @name: set to the place, PLACE_LEN bytes at most
 *
 * Context: process.
 */
void tree_place(phys_addr_t phys, size_t size, char *name)
{
	struct device_node *np = node_of(phys, size);
	struct cma *cma = dev_get_cma_area(NULL);

	if (np)
		snprintf(name, PLACE_LEN, "%pOFn", np);
	else if (cma && lies_in(phys, size, cma_get_base(cma), cma_get_size(cma)))
		snprintf(name, PLACE_LEN, "cma");
	else
		snprintf(name, PLACE_LEN, "ram");
	of_node_put(np);
}

/* KiB of a line of /proc/vmallocinfo, when it maps memory of a node. */
static unsigned long __init mapped_by(char *line)
{
	unsigned long long phys;
	unsigned long size;
	struct device_node *np;
	char *at = strstr(line, " phys=");

	if (!at || sscanf(at, " phys=%llx", &phys) != 1 || sscanf(line, "%*s %lu", &size) != 1)
		return 0;
	np = node_of(phys, 1);
	of_node_put(np);
	/* Each mapping is followed by a page that stays free. */
	return np ? (size - PAGE_SIZE) >> 10 : 0;
}

static unsigned long __init mapped_kib(char *text)
{
	unsigned long sum = 0;
	char *line;

	while ((line = strsep(&text, "\n")))
		sum += mapped_by(line);
	return sum;
}

/* A file of /proc as a string, which the caller frees; or NULL. */
static char * __init read_proc(const char *path)
{
	const size_t size = SZ_256K;
	char *text = kvzalloc(size, GFP_KERNEL);
	struct file *file;
	loff_t pos = 0;

	/* There is no user space that has mounted it. */
	init_mkdir("/proc", 0555);
	init_mount("proc", "/proc", "proc", 0, NULL);
	file = filp_open(path, O_RDONLY, 0);
	if (!text || IS_ERR(file)) {
		kvfree(text);
		return NULL;
	}
	while (pos < size - 1 && kernel_read(file, text + pos, size - 1 - pos, &pos) > 0)
		;
	filp_close(file, NULL);
	return text;
}

/**
 * tree_tell_memory() - print how much memory there is
 *
 * And how much of reserved memory the kernel has mapped again, before any device
 * was bound to it.
 *
 * Context: process, while the kernel boots.
 */
void __init tree_tell_memory(void)
{
	char *text = read_proc("/proc/vmallocinfo");

	pr_info("memory: total: %lu KiB\n", totalram_pages() << (PAGE_SHIFT - 10));
	pr_info("memory: cma: %lu KiB\n", totalcma_pages << (PAGE_SHIFT - 10));
	if (text)
		pr_info("memory: mapped: %lu KiB\n", mapped_kib(text));
	kvfree(text);
}
