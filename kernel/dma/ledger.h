/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The records of consistent allocations, and who owns which.
 */
#ifndef _KERNEL_DMA_LEDGER_H
#define _KERNEL_DMA_LEDGER_H

#include <linux/types.h>

struct dev_dma;
struct device;
struct dma_allocation;
struct dma_request;

#define DMA_HOLDER_NAME		32

/**
 * struct dma_ledger_cursor - where a walk stands; all zeroes at the start
 * @dma: the device, which stays until the walk leaves it
 * @cpu_addr: of the record seen last
 * @dma_addr: of the same
 * @is_inside: a record of @dma was seen
 */
struct dma_ledger_cursor {
	struct dev_dma	*dma;
	const void	*cpu_addr;
	dma_addr_t	dma_addr;
	bool		is_inside;
};

struct dma_allocation *dma_record_new(const struct dma_request *req);
void dma_record_free(struct dma_allocation *record);

void dma_ledger_publish(struct dma_allocation *record);
struct dma_allocation *dma_ledger_take(struct device *dev,
				       dma_addr_t dma_addr, void *cpu_addr);
struct dma_allocation *dma_ledger_take_by_cpu(struct device *dev,
					      void *cpu_addr);
struct dma_allocation *dma_ledger_take_copied(const struct dma_allocation *copy);
bool dma_ledger_note(const struct dma_allocation *copy, u16 done);
bool dma_ledger_find(struct device *dev, dma_addr_t dma_addr,
		     struct dma_allocation *copy);
bool dma_ledger_find_start(const void *cpu_addr, dma_addr_t dma_addr,
			   struct dma_allocation *copy, char *holder);
bool dma_ledger_find_buffer(struct device *dev, const void *cpu_addr,
			    dma_addr_t dma_addr, struct dma_allocation *copy);
bool dma_ledger_find_holder(dma_addr_t dma_addr, struct dma_allocation *copy,
			    char *holder);
void dma_ledger_visit(struct device *dev,
		      void (*visit)(struct dma_allocation *record));
bool dma_ledger_next(struct dma_ledger_cursor *at,
		     struct dma_allocation *copy);
const char *dma_ledger_owner(struct device *dev, dma_addr_t dma_addr);
unsigned long dma_ledger_count(struct device *dev);

#endif /* _KERNEL_DMA_LEDGER_H */
