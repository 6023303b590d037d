/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The DMA request test driver: what its files share.
 *
 *	requests.c	the devices, and the debugfs file that runs everything
 *	table.c		the rows of a run and how they are printed
 *	places.c	where memory lies and what a device reaches; knows nothing
 *			of the layer's decisions
 *	expect.c	the policy: which backend has to serve which request
 *	consistent.c	requests for consistent and for non-coherent buffers
 *	streaming.c	mapping of buffers and of a device's registers
 *	large.c		lists and a dma-buf of many MiB behind an IOMMU
 *	engine.c	copies between consistent buffers by a real DMA engine
 *
 * Nothing here takes the answer from the layer under test: expect.c and places.c
 * derive it from the device tree, from the device's masks and from its bus.
 */
#ifndef TESTS_REQUESTS_H
#define TESTS_REQUESTS_H

#include <linux/device.h>
#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>

#define MAX_DEVICE_POOLS	4

#ifdef CONFIG_DMA_CMA
#define CMA_MAX_ALIGNMENT	(PAGE_SIZE << CONFIG_CMA_ALIGNMENT)
#else
#define CMA_MAX_ALIGNMENT	PAGE_SIZE
#endif

/* Physical memory from @base, @size bytes; nothing when @size is 0. */
struct place {
	phys_addr_t base;
	phys_addr_t size;
};

/**
 * struct test_device - a device that requests are made for
 * @list: in the driver's list, ordered by name
 * @dev: the device
 * @name: of its device tree node, or of the device
 * @mask_bits: the width of the mask that it asks for
 * @mask_error: what dma_set_mask_and_coherent() answered
 * @bind_error: what binding its memory regions answered
 * @pools: its device pools, in the order of its memory-region property
 * @nr_pools: how many
 * @cma: its own CMA area
 * @restricted: its restricted pool
 */
struct test_device {
	struct list_head list;
	struct device *dev;
	const char *name;
	unsigned int mask_bits;
	int mask_error;
	int bind_error;
	struct place pools[MAX_DEVICE_POOLS];
	unsigned int nr_pools;
	struct place cma;
	struct place restricted;
};

/* One line of the table. */
struct row {
	struct list_head list;
	char request[48];
	char device[32];
	const char *backend;
	const void *cpu_addr;
	dma_addr_t dma_addr;
	char result[112];
	bool has_addresses;
	bool is_failure;
};

/**
 * struct run - one reading of the debugfs file
 * @rows: what happened so far
 * @devices: all test devices, struct test_device
 * @is_global_pool_full: this run holds every page of the global pool
 * @nr_passed: rows that are as they should be
 * @nr_failed: the others
 */
struct run {
	struct list_head rows;
	struct list_head *devices;
	bool is_global_pool_full;
	unsigned int nr_passed;
	unsigned int nr_failed;
};

enum request_form {
	FORM_COHERENT,		/* dma_alloc_coherent() */
	FORM_PAGES,		/* dma_alloc_pages() */
	FORM_NONCOHERENT,	/* dma_alloc_noncoherent() */
};

struct request {
	enum request_form form;
	size_t size;
	bool is_atomic;
};

/**
 * struct expectation - what a request has to get
 * @backend: name of the backend that serves it, NULL when it is to be refused
 * @place: memory that the buffer has to lie in, when that is known
 * @why: for a refusal: what makes it the right answer
 * @may_come_late: it may be refused at first, while a pool grows
 */
struct expectation {
	const char *backend;
	struct place place;
	const char *why;
	bool may_come_late;
};

/* table.c */
__printf(3, 4)
struct row *table_add(struct run *run, const char *device, const char *request, ...);
void table_pass(struct run *run, struct row *row);
__printf(3, 4) void table_pass_with(struct run *run, struct row *row, const char *result, ...);
__printf(3, 4) void table_fail(struct run *run, struct row *row, const char *result, ...);
void table_free(struct run *run);
extern const struct seq_operations table_ops;

/* places.c */
struct place place_of_global_pool(void);
struct place place_of_default_cma(void);
struct place place_of_registers(void);
bool place_contains(const struct place *place, phys_addr_t phys, size_t size);
bool is_translated(struct device *dev);
u64 consistent_limit(struct device *dev);
u64 streaming_limit(struct device *dev);
bool bus_address(struct device *dev, phys_addr_t phys, size_t size, u64 limit,
		 dma_addr_t *dma_addr);
bool can_reach(struct device *dev, const struct place *place, u64 limit);
bool can_reach_pages(struct device *dev, u64 limit);
bool can_reach_bounce_buffers(struct device *dev);
phys_addr_t device_to_phys(struct device *dev, dma_addr_t dma_addr);
phys_addr_t cpu_to_phys(const void *cpu_addr);
size_t natural_alignment(size_t size);

/* expect.c */
void expect_mask(const struct test_device *t, int *error);
void expect_consistent(const struct run *run, const struct test_device *t,
		       const struct request *rq, struct expectation *e);

/* consistent.c */
void *consistent_alloc(const struct test_device *t, const struct request *rq,
		       gfp_t flags, dma_addr_t *dma_addr);
void consistent_free(const struct test_device *t, const struct request *rq, void *cpu_addr,
		     dma_addr_t dma_addr);
const char *request_backend(const struct test_device *t, dma_addr_t dma_addr);
void run_consistent(struct run *run, const struct test_device *t);
void run_request(struct run *run, const struct test_device *t, const struct request *rq);
int global_pool_fill(struct run *run, const struct test_device *t, struct list_head *held);
void global_pool_drain(struct run *run, const struct test_device *t, struct list_head *held);
bool uses_global_pool(const struct test_device *t);

/* streaming.c */
void run_streaming(struct run *run, const struct test_device *t);

/* large.c */
void run_large(struct run *run, const struct test_device *t);

/* engine.c */
void run_engine(struct run *run);

#ifdef CONFIG_IOMMU_API
static inline bool has_dma_domain(struct device *dev)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	return domain && iommu_is_dma_domain(domain);
}

/* Does the IOMMU forget a mapping before it has ended? */
static inline bool is_strict(struct device *dev)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	return domain && domain->type == IOMMU_DOMAIN_DMA;
}
#else
static inline bool has_dma_domain(struct device *dev)
{
	return false;
}

static inline bool is_strict(struct device *dev)
{
	return false;
}
#endif

#endif /* TESTS_REQUESTS_H */
