/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites share: devices of any shape, and failing allocations.
 *
 * A device is made by dma_kunit_device(): a device of the kunit bus, with the
 * masks, windows, coherence and ops that the test asks for.  When the test
 * ends, the ledger may not hold anything of it any more, or the test fails.
 */
#ifndef _TESTS_KUNIT_MOCK_H
#define _TESTS_KUNIT_MOCK_H

#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/fs.h>
#include <linux/sched.h>

/**
 * dma_kunit_fail_nth - let an allocation of this task fail
 * @nth: which one from now on, counted from 1; 0: none
 *
 * Only allocations that may not sleep are counted, unless
 * /sys/kernel/debug/failslab/ignore-gfp-wait says otherwise.
 *
 * Context: Process context.
 * Return: True if a failure that was ordered before had not come yet; false
 *	without CONFIG_FAILSLAB, too.
 */
static inline bool dma_kunit_fail_nth(unsigned int nth)
{
#ifdef CONFIG_FAULT_INJECTION
	bool was_pending = current->fail_nth;

	current->fail_nth = nth;
	return was_pending;
#else
	return false;
#endif
}

/**
 * struct dma_kunit_failing - each allocation on a way fails once
 * @nth: which one is to fail now
 * @nr_tries: how often it was to, and was not felt
 * @nr_felt: how many were felt
 * @was_felt: whether the last was
 * @nr_beyond: how often in a row there were fewer allocations than @nth
 * @is_beyond: whether there were
 *
 * A slab that takes pages and what watches for leaks allocate, too, now and
 * then, and do without. That shifts the count from one run to the next, and an
 * allocation would be passed over: what is not felt is tried again, and so is what
 * was too few.
 */
struct dma_kunit_failing {
	unsigned int nth;
	unsigned int nr_tries;
	unsigned int nr_felt;
	unsigned int nr_beyond;
	bool was_felt;
	bool is_beyond;
};

/**
 * dma_kunit_failing_next - go on to the next allocation
 * @failing: all zeroes before the first call
 * @end: as many can't be on the way
 *
 * Context: Process context.
 * Return: False if there is none.
 */
static inline bool dma_kunit_failing_next(struct dma_kunit_failing *failing,
					  unsigned int end)
{
	if (failing->is_beyond)
		return failing->nr_beyond < 3;
	if (!failing->nth || failing->was_felt || ++failing->nr_tries == 3) {
		failing->nth++;
		failing->nr_tries = 0;
	}
	return failing->nth < end;
}

/**
 * dma_kunit_failing_stop - let nothing fail any more
 * @failing: what dma_kunit_fail_nth() was told the @nth of
 * @was_felt: whether a failure came back from the way
 *
 * Context: Process context.
 */
static inline void dma_kunit_failing_stop(struct dma_kunit_failing *failing,
					  bool was_felt)
{
	failing->is_beyond = dma_kunit_fail_nth(0);
	failing->nr_beyond = failing->is_beyond ? failing->nr_beyond + 1 : 0;
	failing->was_felt = was_felt;
	failing->nr_felt += was_felt;
}

/* Does a device have a choice to be coherent or not? */
#if defined(CONFIG_ARCH_HAS_SYNC_DMA_FOR_DEVICE) || \
	defined(CONFIG_ARCH_HAS_SYNC_DMA_FOR_CPU) || \
	defined(CONFIG_ARCH_HAS_SYNC_DMA_FOR_CPU_ALL)
static inline bool dma_kunit_set_coherent(struct device *dev, bool is_coherent)
{
	dev->dma_coherent = is_coherent;
	return true;
}
#else
static inline bool dma_kunit_set_coherent(struct device *dev, bool is_coherent)
{
	return is_coherent;
}
#endif

#ifdef CONFIG_SWIOTLB
/* Takes a device's bounce buffers away. */
static inline void dma_kunit_no_bounce(struct device *dev)
{
	dev->dma_io_tlb_mem = NULL;
}
#else
static inline void dma_kunit_no_bounce(struct device *dev)
{
}
#endif

struct kunit;

/**
 * struct dma_kunit_shape - what a device is to be like
 * @mask: for streaming; 0: 64 bits
 * @coherent_mask: for consistent memory; 0: like @mask
 * @bus_limit: last bus address that the bus lets through; 0: none
 * @windows: its dma-ranges, copied; NULL: none
 * @ops: external ops; needs CONFIG_ARCH_HAS_DMA_OPS
 * @is_noncoherent: it does not see the CPU's caches
 */
struct dma_kunit_shape {
	u64				mask;
	u64				coherent_mask;
	u64				bus_limit;
	const struct bus_dma_region	*windows;
	const struct dma_map_ops	*ops;
	bool				is_noncoherent;
};

#define DMA_KUNIT_NR_THREADS	4

/* A physical address of 32 bits where none of our machines has RAM */
#define DMA_KUNIT_REGISTERS	0xe0000000

/**
 * struct dma_kunit_storm - threads and a hard irq that do the same thing
 * @step: what they do, again and again; tells whether to count it
 * @finish: gives back what an owner still has, once all is over; NULL: nothing
 * @owners: their argument: one for each thread, the last one for the hard irq
 * @nr_errors: what went wrong, noted by @step; the test fails for it
 * @nr_wanted: end when the threads have done so many steps that count
 * @nr_wanted_in_irq: and the hard irq so many
 * @nr_done: what the threads did
 * @nr_done_in_irq: what the hard irq did
 * @is_over: for readers that run beside
 */
struct dma_kunit_storm {
	bool		(*step)(void *owner);
	void		(*finish)(void *owner);
	void		*owners[DMA_KUNIT_NR_THREADS + 1];
	unsigned long	nr_wanted;
	unsigned long	nr_wanted_in_irq;
	atomic_long_t	nr_errors;
	atomic_long_t	nr_done;
	atomic_long_t	nr_done_in_irq;
	bool		is_over;
};

struct dma_kunit_storm *dma_kunit_storm_make(struct kunit *test,
					     size_t owner_size);
void dma_kunit_storm_run(struct kunit *test, struct dma_kunit_storm *storm);
struct device *dma_kunit_device(struct kunit *test, const char *name,
				const struct dma_kunit_shape *shape);
bool dma_kunit_fail_sleeping(bool is_on);
bool dma_kunit_wait_until(bool (*is_true)(void *data), void *data);
unsigned long dma_kunit_mmap(struct kunit *test,
			     const struct file_operations *fops, void *data,
			     unsigned long pgoff, unsigned long nr_pages);
void dma_kunit_leave_mm(void);
char __user *dma_kunit_user_page(struct kunit *test);
struct vfsmount *dma_kunit_mount_debugfs(struct kunit *test);
bool dma_kunit_in_hardirq(void (*call)(void *data), void *data);

/**
 * dma_kunit_coherent_device - a device that reaches everything and is coherent
 * @test: the test
 * @name: unique in the test
 *
 * Context: process context.
 * Return: the device.
 */
static inline struct device *dma_kunit_coherent_device(struct kunit *test,
						       const char *name)
{
	return dma_kunit_device(test, name, &(struct dma_kunit_shape){});
}

/**
 * dma_kunit_noncoherent_device - one that reaches everything and is not
 * @test: the test; skipped where all devices are coherent
 * @name: unique in the test
 *
 * Context: process context.
 * Return: the device.
 */
static inline struct device *dma_kunit_noncoherent_device(struct kunit *test,
							  const char *name)
{
	return dma_kunit_device(test, name, &(struct dma_kunit_shape){
		.is_noncoherent = true,
	});
}

unsigned long dma_kunit_bare_pfn(struct kunit *test);

#endif /* _TESTS_KUNIT_MOCK_H */
