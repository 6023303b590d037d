/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Buffers that rest between two uses.
 */
#ifndef _KERNEL_DMA_REST_H
#define _KERNEL_DMA_REST_H

#include <linux/bits.h>
#include <linux/dma-direct.h>
#include <linux/gfp.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "backend.h"
#include "ledger.h"

extern size_t dma_rest_limit;
extern unsigned long dma_rest_tick;

/*
 * What has to be the same in two requests for one to get the other's buffer,
 * size and device apart: the attributes and the flags that matter, both where
 * they are by themselves, and how the device reaches memory.  Compound pages are
 * never given, so a request for them is of no kind that rests.
 */
#define DMA_REST_ATTRS		(GENMASK(9, 1) & ~DMA_ATTR_NO_WARN)
#define DMA_REST_GFP		((__force u32)(__GFP_DIRECT_RECLAIM | __GFP_COMP))
#define DMA_REST_COHERENT	BIT(27)
#define DMA_REST_UNENCRYPTED	BIT(28)
#define DMA_REST_ROUTE_SHIFT	29
#define DMA_REST_ALLOWED	BIT(31)

static_assert(!(DMA_REST_GFP & (GENMASK(9, 1) | GENMASK(31, 27))));
static_assert(DMA_REST_ATTRS & DMA_ATTR_PRIVILEGED);

static __always_inline u32 dma_rest_kind(struct device *dev, gfp_t gfp,
					 unsigned long attrs)
{
	u32 kind = DMA_REST_ALLOWED | (attrs & DMA_REST_ATTRS) |
		   ((__force u32)gfp & DMA_REST_GFP);

	if (dev_is_dma_coherent(dev))
		kind |= DMA_REST_COHERENT;
	if (force_dma_unencrypted(dev))
		kind |= DMA_REST_UNENCRYPTED;
	return kind | (u32)dma_coherent_route(dev) << DMA_REST_ROUTE_SHIFT;
}

void dma_rest_note_kind(const struct dma_request *req,
			struct dma_allocation *record);

extern struct delayed_work dma_rest_clock;

/**
 * dma_rest_start_clock - let time pass for what rests
 *
 * Context: any, irq-safe; after a buffer was put to rest.
 */
static inline void dma_rest_start_clock(void)
{
	if (!delayed_work_pending(&dma_rest_clock))
		schedule_delayed_work(&dma_rest_clock, dma_rest_tick);
}

/**
 * dma_retire - let a buffer rest, or free it
 * @dev: whose buffer
 * @size: as at allocation
 * @cpu_addr: as returned by it
 * @dma_addr: as returned by it
 *
 * Context: any; what has to sleep is put off to a worker where it can't.
 * Return: false if the ledger does not know this buffer; nothing is changed.
 */
static __always_inline bool dma_retire(struct device *dev, size_t size,
				       void *cpu_addr, dma_addr_t dma_addr)
{
	struct dma_allocation *record;

	record = dma_ledger_retire(dev, dma_addr, cpu_addr, PAGE_ALIGN(size));
	if (record)
		return dma_dispatch_free(dev, size, cpu_addr, dma_addr, record);
	dma_rest_start_clock();
	return true;
}

/**
 * dma_rest_wake - serve a request by a buffer that rests
 * @dev: the device
 * @size: in bytes
 * @gfp: the request's GFP flags
 * @attrs: DMA_ATTR_*
 *
 * Context: any.
 * Return: the record of zeroed memory, which is live again; NULL if nothing that
 * rests serves.
 */
static __always_inline struct dma_allocation *
dma_rest_wake(struct device *dev, size_t size, gfp_t gfp, unsigned long attrs)
{
	/* Boards declare pools for devices whose mask nobody sets. */
	u64 last_dma = dma_last_address(dev, dev->coherent_dma_mask) ?: U64_MAX;
	struct dma_allocation *record;

	record = dma_ledger_wake(dev, PAGE_ALIGN(size),
				 dma_rest_kind(dev, gfp, attrs), last_dma);
	if (record)
		memset(record->cpu_addr, 0, record->size);
	return record;
}

void dma_rest_drop_device(struct device *dev);
bool dma_rest_drop_backend(const struct dma_backend *backend);
bool dma_rest_drop_pool(const void *pool);

#endif /* _KERNEL_DMA_REST_H */
