/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Make a call of the DMA interface fail, from a test in the kernel.
 *
 * A driver's test arms its device and one call, runs what it wants to test, and
 * disarms.  Doing so for the first call, the second one and so on, until a run
 * did not reach the call that should have failed, visits each error path once:
 *
 *	for (nth = 1; ; nth++) {
 *		dma_fault_arm(dev, DMA_FAULT_ALL, nth);
 *		err = my_driver_start(dev);
 *		if (dma_fault_disarm())
 *			break;			// has fewer calls than nth
 *		...				// err has to be an error
 *	}
 *
 * People have /sys/kernel/debug/fail_dma and the boot parameter fail_dma=.
 */
#ifndef _LINUX_DMA_FAULT_H
#define _LINUX_DMA_FAULT_H

#include <linux/bits.h>
#include <linux/errno.h>

struct device;

/* Kinds of calls */
#define DMA_FAULT_MAP	BIT(0)	/* a page, a list, registers */
#define DMA_FAULT_ALLOC	BIT(1)	/* consistent memory, pages, noncontiguous */
#define DMA_FAULT_ALL	(DMA_FAULT_MAP | DMA_FAULT_ALLOC)

#ifdef CONFIG_FAIL_DMA
int dma_fault_arm(struct device *dev, unsigned int kinds, unsigned int nth);
unsigned int dma_fault_disarm(void);
#else
static inline int dma_fault_arm(struct device *dev, unsigned int kinds,
				unsigned int nth)
{
	return -EOPNOTSUPP;
}

static inline unsigned int dma_fault_disarm(void)
{
	return 0;
}
#endif

#endif /* _LINUX_DMA_FAULT_H */
