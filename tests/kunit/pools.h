/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites of pools share: memory for a pool, buffers, debugfs as a
 * person reads it, and many users of one device at a time.
 *
 * Memory of a pool must not be in the kernel's linear mapping, so a test can't
 * allocate it. The kernel has to be booted with some that it does not use, and
 * told where it is: dma_spare.base=ADDRESS dma_spare.size=BYTES. On a machine
 * with a device tree that is a reserved-memory node with no-map, elsewhere
 * memmap=SIZE$ADDRESS. Without it, the tests that need it are skipped.
 */
#ifndef _TESTS_KUNIT_POOLS_H
#define _TESTS_KUNIT_POOLS_H

#include <linux/types.h>

#include "../../kernel/dma/stat.h"

struct device;
struct dma_coherent_pool;
struct kunit;

/* How much spare memory the suites need, and how it has to be aligned */
#define DMA_SPARE_SIZE		0x400000UL
#define DMA_SPARE_ALIGN		0x200000UL

/**
 * struct dma_pools_buffer - a consistent buffer
 * @dev: whose it is
 * @size: as asked for, in bytes
 * @cpu_addr: where the CPU sees it; NULL: there is none
 * @dma_addr: where the device sees it
 * @phys: where it lies
 * @backend: who gave it
 */
struct dma_pools_buffer {
	struct device	*dev;
	size_t		size;
	void		*cpu_addr;
	dma_addr_t	dma_addr;
	phys_addr_t	phys;
	const char	*backend;
};

phys_addr_t dma_pools_spare(struct kunit *test, size_t offset, size_t size);
struct dma_coherent_pool *dma_pools_pool(struct kunit *test, const char *name,
					 size_t offset, size_t size);
int dma_pools_bind(struct kunit *test, struct device *dev,
		   struct dma_coherent_pool *pool);

bool dma_pools_alloc(struct device *dev, size_t size, gfp_t gfp,
		     struct dma_pools_buffer *buffer);
void dma_pools_free(struct dma_pools_buffer *buffer);
unsigned int dma_pools_fill(struct device *dev, size_t size, gfp_t gfp,
			    const char *backend,
			    struct dma_pools_buffer *buffers,
			    unsigned int nr_max);
void dma_pools_free_all(struct dma_pools_buffer *buffers, unsigned int nr);
bool dma_pools_is_refused(struct device *dev, size_t size, gfp_t gfp,
			  const char *text);
bool dma_pools_is_filled(const struct dma_pools_buffer *buffer, u8 byte);
void dma_pools_hold_global(struct kunit *test);

char *dma_pools_debugfs(struct kunit *test, const char *name);
ssize_t dma_pools_debugfs_write(struct kunit *test, const char *name,
				const char *text);
bool dma_pools_figures(struct kunit *test, const char *name, const char *kind,
		       struct dma_pool_figures *figures);
unsigned int dma_pools_nr_atomic(struct kunit *test);
struct dma_pool_figures dma_pools_atomic_figures(struct kunit *test);

/**
 * struct dma_pools_storm - many users of some devices at a time
 * @devs: the devices
 * @nr_devs: how many they are
 * @max_pages: the largest buffer
 * @backend: who has to serve each buffer; NULL: anyone
 * @nr_wanted: buffers that threads have to get
 * @nr_wanted_in_irq: and a timer in hard-irq context
 */
struct dma_pools_storm {
	struct device	**devs;
	unsigned int	nr_devs;
	unsigned int	max_pages;
	const char	*backend;
	unsigned long	nr_wanted;
	unsigned long	nr_wanted_in_irq;
};

void dma_pools_run_storm(struct kunit *test,
			 const struct dma_pools_storm *wanted);

#endif /* _TESTS_KUNIT_POOLS_H */
