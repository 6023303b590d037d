/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a device tree's devices get: what the files of the test share.
 *
 *	trees.c		devices, the regions that they name, the order of all
 *	memory.c	how much memory there is, and where a piece of it lies
 *	consistent.c	requests for consistent memory, and for pages
 *	streaming.c	mappings of the kernel's own buffers
 *
 * The same source is built into the kernel as it comes and into ours. So it
 * calls only what drivers call, and knows nothing of who serves a request.
 */
#ifndef TESTS_TREES_H
#define TESTS_TREES_H

#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/list.h>
#include <linux/types.h>

/**
 * struct tree_device - a test device that was probed
 * @list: in the order of probing
 * @dev: the device
 * @np: its node
 */
struct tree_device {
	struct list_head	list;
	struct device		*dev;
	struct device_node	*np;
};

/* How long the name of a place can be, with its end. */
#define PLACE_LEN	48

/* trees.c */
__printf(2, 3) void tree_tell(const struct tree_device *t, const char *fmt, ...);

/* memory.c */
void tree_tell_memory(void);
phys_addr_t tree_phys(struct device *dev, dma_addr_t dma_addr);
void tree_place(phys_addr_t phys, size_t size, char *name);

/* consistent.c */
void tree_run_consistent(const struct tree_device *t);

/* streaming.c */
void tree_run_streaming(const struct tree_device *t);

#endif /* TESTS_TREES_H */
