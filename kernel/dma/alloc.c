// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dispatcher of consistent allocations.
 *
 * A request walks the table below from top to bottom and is served by the
 * first backend that does not decline and has memory.  The order is the
 * policy; there is no other place where it is written down.
 *
 * The record is made before the memory, so that publishing it can't fail.
 * Every step notes its bit in the record, and dma_undo() walks the bits
 * backwards: the same function for a failure half-way and for a free.  It
 * never asks where memory came from, since the record knows.
 *
 * Memory that can't be brought back to an ordinary state (it could not be
 * encrypted again) is leaked, counted and named, never handed out.
 *
 * Locks: none of its own; backends and ledger have theirs.  Freeing is
 * allowed in any context: what has to sleep for it is put off to a worker.
 */
#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/hardirq.h>
#include <linux/iommu-dma.h>
#include <linux/jiffies.h>
#include <linux/llist.h>
#include <linux/log2.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "backend.h"
#include "coherent.h"
#include "contiguous.h"
#include "direct.h"
#include "ledger.h"
#include "prepare.h"
#include "stat.h"

static const struct dma_backend * const dma_backends[] = {
	/* Exclusive: the device has memory of its own, or one way only. */
	DMA_BACKEND_IF(DMA_DECLARE_COHERENT, dma_device_pool),
	DMA_BACKEND_IF(DMA_RESTRICTED_POOL, dma_restricted_pool),
	DMA_BACKEND_IF(IOMMU_DMA, dma_iommu_backend),
	/* Memory that is uncached already. */
	DMA_BACKEND_IF(DMA_DECLARE_COHERENT, dma_global_pool),
	/* The only other way, where the architecture has one of its own. */
	DMA_BACKEND_IF(ARCH_HAS_DMA_ALLOC, dma_arch_backend),
	DMA_BACKEND_IF(DMA_COHERENT_POOL, dma_atomic_pool),
	/* Pages, made into what the request wants. */
	DMA_BACKEND_IF(DMA_CMA, dma_device_cma),
	DMA_BACKEND_IF(DMA_NUMA_CMA, dma_node_cma),
	DMA_BACKEND_IF(DMA_CMA, dma_default_cma),
	DMA_BACKEND_IF(DMA_COHERENT_POOL, dma_prepared_pages),
	&dma_page_backend,
	/* It costs time, so it comes last. */
	DMA_BACKEND_IF(DMA_CMA, dma_busy_cma),
};

/**
 * dma_backend_at - one row of the table
 * @nr: its number, from 0
 *
 * Context: any.
 * Return: the backend; NULL behind the end.  Rows whose backend is not built
 * are left out.
 */
const struct dma_backend *dma_backend_at(unsigned int nr)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(dma_backends); i++)
		if (dma_backends[i] && !nr--)
			return dma_backends[i];
	return NULL;
}

/**
 * dma_request_of - what a driver asks for, with what its device can do
 * @dev: the device
 * @size: in bytes
 * @gfp: its flags; zone modifiers are dropped, the device's limits say more
 * @attrs: DMA_ATTR_*
 *
 * Context: any.
 * Return: the request, for consistent memory.
 */
struct dma_request dma_request_of(struct device *dev, size_t size, gfp_t gfp,
				  unsigned long attrs)
{
	enum dma_route route = dma_coherent_route(dev);

	if (gfp & __GFP_NOWARN)
		attrs |= DMA_ATTR_NO_WARN;
	return (struct dma_request) {
		.dev		= dev,
		.size		= size,
		.gfp		= gfp & ~(__GFP_DMA | __GFP_DMA32 | __GFP_HIGHMEM),
		.attrs		= attrs,
		.dir		= DMA_BIDIRECTIONAL,
		.route		= route,
		.limits		= dma_request_limits(dev, route),
		.wants_pages	= false,
	};
}

#define FACT(bit, so, not_so)	\
	[const_ilog2(bit)] = { so, not_so }

/* Why a backend does not serve a request of which something is so, or is not so */
static const struct {
	const char	*so;
	const char	*not_so;
} fact_texts[DMA_NR_FACTS] = {
	FACT(DMA_HAS_POOL, "the device has pools of its own",
	     "no device pool is bound"),
	FACT(DMA_BY_IOMMU, "device is behind an IOMMU",
	     "device is not behind an IOMMU"),
	FACT(DMA_IS_DIRECT, "device reaches memory directly",
	     "device does not reach memory directly"),
	FACT(DMA_IS_COHERENT, "device is coherent", "device is not coherent"),
	FACT(DMA_HAS_AREA, "the device has a CMA area of its own",
	     "no device CMA area is bound"),
	FACT(DMA_IS_SINGLE, "a single page", "more than a page"),
	FACT(DMA_IS_HUGE, "larger than the page allocator's largest piece",
	     "not larger than the page allocator's largest piece"),
	FACT(DMA_MAY_SLEEP, "the request may sleep",
	     "the request may not sleep"),
	FACT(DMA_WANTS_PAGES, "the caller wants cacheable pages",
	     "the caller wants coherent memory"),
	FACT(DMA_WANTS_CONTIGUOUS, "the caller wants contiguous memory",
	     "scattered pages will do"),
	FACT(DMA_NEEDS_WORK, "pages need preparation",
	     "pages need no preparation"),
};

static unsigned int fact(bool is_so, unsigned int bit)
{
	return is_so ? bit : 0;
}

static unsigned int facts_of(const struct dma_request *req)
{
	bool is_contiguous = req->attrs & DMA_ATTR_FORCE_CONTIGUOUS;

	return fact(dma_has_device_pool(req->dev), DMA_HAS_POOL) |
	       fact(req->route == DMA_ROUTE_IOMMU, DMA_BY_IOMMU) |
	       fact(req->route == DMA_ROUTE_DIRECT, DMA_IS_DIRECT) |
	       fact(req->limits.coherent, DMA_IS_COHERENT) |
	       fact(dma_has_own_area(req->dev), DMA_HAS_AREA) |
	       fact(req->size <= PAGE_SIZE, DMA_IS_SINGLE) |
	       fact(req->size > PAGE_SIZE << MAX_PAGE_ORDER, DMA_IS_HUGE) |
	       fact(dma_request_can_sleep(req), DMA_MAY_SLEEP) |
	       fact(req->wants_pages, DMA_WANTS_PAGES) |
	       fact(req->wants_pages || is_contiguous, DMA_WANTS_CONTIGUOUS) |
	       fact(dma_request_needs_work(req), DMA_NEEDS_WORK);
}

/* Which of the facts keep a backend from serving */
static unsigned int wrong_facts(const struct dma_backend *backend,
				unsigned int facts)
{
	return (backend->needs & ~facts) | (backend->bars & facts);
}

/**
 * dma_backend_declines - why a backend does not serve a request
 * @backend: the backend
 * @req: the request
 *
 * Context: any.
 * Return: the reason, a static string; NULL if it does.
 */
const char *dma_backend_declines(const struct dma_backend *backend,
				 const struct dma_request *req)
{
	unsigned int facts = facts_of(req);
	unsigned int wrong = wrong_facts(backend, facts);

	if (!wrong)
		return backend->declines ? backend->declines(req) : NULL;
	wrong = __ffs(wrong);
	return facts & BIT(wrong) ? fact_texts[wrong].so :
				    fact_texts[wrong].not_so;
}

/* Memory reaches a device behind an IOMMU or ops by a mapping. */
static int map_for_device(const struct dma_request *req,
			  struct dma_allocation *record)
{
	u16 bit = DMA_DONE_IO_MAPPED;

	if (IS_ENABLED(CONFIG_IOMMU_DMA) && req->route == DMA_ROUTE_IOMMU) {
		record->dma_addr = iommu_dma_map_memory(req->dev, record->phys,
							record->size, req->dir,
							req->attrs);
	} else {
		record->dma_addr = dma_ops_map_page(req->dev,
						    dma_record_page(record), 0,
						    record->size, req->dir,
						    DMA_ATTR_SKIP_CPU_SYNC);
		record->attrs = req->dir;
		bit = DMA_DONE_OPS_MAPPED;
	}
	if (record->dma_addr == DMA_MAPPING_ERROR)
		return -ENOMEM;
	record->done |= bit;
	return 0;
}

/* Memory that is not fit for anybody is counted and named, and never reused. */
static void lose(struct dma_allocation *record, const char *why)
{
	if (record->done & DMA_DONE_LOST)
		return;
	pr_err("dma: %s: %zu bytes at %pa from %s lost: %s\n",
	       record->owner->name, record->size, &record->phys,
	       record->backend->name, why);
	dma_stat_add_lost(record->size);
	record->done |= DMA_DONE_LOST;
}

/* Is @dev behind the same translation as when the buffer was mapped? */
static bool can_unmap(const struct dma_allocation *record, struct device *dev)
{
	if (record->done & DMA_DONE_OPS_MAPPED)
		return get_dma_ops(dev);
	return use_dma_iommu(dev) && dev->iommu_group == record->group;
}

/*
 * Undo what needs the device, while there is one.  Never sleeps, so that nothing of
 * this is ever put off.
 */
static void detach(struct dma_allocation *record)
{
	enum dma_data_direction dir = record->attrs;

	if (!(record->done & (DMA_DONE_IO_MAPPED | DMA_DONE_OPS_MAPPED)))
		return;
	if (!can_unmap(record, record->dev))
		lose(record, "the device has left its IOMMU, where they are mapped");
	else if (record->done & DMA_DONE_OPS_MAPPED)
		dma_ops_unmap_page(record->dev, record->dma_addr, record->size,
				   dir, DMA_ATTR_SKIP_CPU_SYNC);
	else if (IS_ENABLED(CONFIG_IOMMU_DMA) &&
		 !iommu_dma_unmap_memory(record->dev, record->dma_addr,
					 record->size))
		lose(record, "the IOMMU does not unmap all of them");
	record->done &= ~(DMA_DONE_IO_MAPPED | DMA_DONE_OPS_MAPPED);
	record->done |= DMA_DONE_DETACHED;
}

/* The lock of the records is held, under which ops are not to be called. */
static void detach_from_iommu(struct dma_allocation *record)
{
	if (record->done & DMA_DONE_IO_MAPPED)
		detach(record);
}

/**
 * dma_device_deleted - a device leaves its bus, and with that its IOMMU
 * @dev: the device, without a driver
 *
 * Buffers that somebody holds still are unmapped for the device while its domain
 * is there.  They stay the CPU's until they are freed.
 *
 * Context: process context.  Interrupts are off while a buffer is unmapped.
 */
void dma_device_deleted(struct device *dev)
{
	dma_ledger_visit(dev, detach_from_iommu);
}

/* Whatever the backend has left to do. */
static int finish(const struct dma_request *req, struct dma_allocation *record)
{
	int err;

	if (!(record->done & DMA_DONE_CPU_MAPPED)) {
		err = dma_memory_prepare(req, record);
		if (err)
			return err;
	}
	if (!(record->done & DMA_DONE_ZEROED)) {
		memset(record->cpu_addr, 0, record->size);
		record->done |= DMA_DONE_ZEROED;
	}
	if (!(record->done & DMA_DONE_ADDRESSED)) {
		if (req->route == DMA_ROUTE_DIRECT) {
			record->dma_addr = dma_limits_address(req->dev,
							      &req->limits,
							      record->phys);
		} else {
			err = map_for_device(req, record);
			if (err)
				return err;
		}
		record->done |= DMA_DONE_ADDRESSED;
	}
	return 0;
}

/* Walk the bits backwards.  The record is as new after that, or lost. */
static void undo(struct dma_allocation *record)
{
	detach(record);
	if (!dma_memory_restore(record))
		lose(record, "they cannot be encrypted again");
	if ((record->done & DMA_DONE_TAKEN) && !(record->done & DMA_DONE_LOST))
		record->backend->free(record);
	record->done &= DMA_DONE_LOST;
}

/* Lost memory is never reused; who looks for it in a dump finds it here. */
static LLIST_HEAD(lost_records);

/**
 * dma_undo - take back everything that was done for an allocation
 * @record: not in the ledger (any more); freed here
 *
 * Context: any that the record's bits and backend allow; can't fail.
 */
void dma_undo(struct dma_allocation *record)
{
	undo(record);
	if (record->done & DMA_DONE_LOST)
		llist_add(&record->deferred, &lost_records);
	else
		dma_record_free(record);
}

static int serve(const struct dma_request *req, struct dma_allocation *record,
		 const struct dma_backend *backend)
{
	int err;

	record->backend = backend;
	record->own = (union dma_backend_data){};
	record->done = 0;
	err = backend->alloc(req, record);
	if (err)
		return err;
	record->done |= DMA_DONE_TAKEN;

	err = finish(req, record);
	if (err)
		undo(record);
	return err;
}

/* "name: why" for each backend tried, or for all if none was. */
static void report_refusal(const struct dma_request *req, unsigned long tried)
{
	static DEFINE_RATELIMIT_STATE(limit, 5 * HZ, 10);
	const char *between = "";
	char buffer[512];
	struct seq_buf text;

	if ((req->attrs & DMA_ATTR_NO_WARN) || !__ratelimit(&limit))
		return;

	seq_buf_init(&text, buffer, sizeof(buffer));
	for (unsigned int i = 0; i < ARRAY_SIZE(dma_backends); i++) {
		const struct dma_backend *backend = dma_backends[i];

		if (!backend || (tried && !(tried & BIT(i))))
			continue;
		seq_buf_printf(&text, "%s%s: ", between, backend->name);
		if (!tried)
			seq_buf_puts(&text, dma_backend_declines(backend, req) ?:
					    "available by now");
		else if (backend->explain)
			backend->explain(req, &text);
		else
			seq_buf_puts(&text, "refused");
		between = "; ";
	}
	dev_warn(req->dev,
		 "no DMA memory for %zu bytes, gfp %pGg, up to %#llx: %s\n",
		 req->size, &req->gfp, req->limits.last_dma,
		 seq_buf_str(&text));
}

/**
 * dma_dispatch - serve a request
 * @req: the request; its size is rounded up to pages here
 * @recordp: set to the record, which is in the ledger: cpu_addr and dma_addr
 *	are what the driver gets
 *
 * Context: may sleep if req->gfp allows, else any.
 * Return: 0; -EINVAL for a silly size; -ENOMEM.  Says why in one line.
 */
int dma_dispatch(struct dma_request *req, struct dma_allocation **recordp)
{
	struct dma_allocation *record;
	unsigned long tried = 0;
	unsigned int facts;

	if (!req->size || req->size > SSIZE_MAX) {
		dev_err_ratelimited(req->dev,
				    "cannot allocate %zu bytes of DMA memory: expected 1 to %zu\n",
				    req->size, (size_t)SSIZE_MAX);
		return -EINVAL;
	}
	req->size = PAGE_ALIGN(req->size);

	record = dma_record_new(req);
	if (!record) {
		if (!(req->attrs & DMA_ATTR_NO_WARN))
			dev_warn_ratelimited(req->dev,
					     "no memory for the record of a DMA buffer\n");
		return -ENOMEM;
	}

	facts = facts_of(req);
	for (unsigned int i = 0; i < ARRAY_SIZE(dma_backends); i++) {
		const struct dma_backend *backend = dma_backends[i];

		if (!backend || wrong_facts(backend, facts) ||
		    (backend->declines && backend->declines(req)))
			continue;
		tried |= BIT(i);
		if (!serve(req, record, backend)) {
			dma_ledger_publish(record);
			*recordp = record;
			return 0;
		}
		if (backend->is_exclusive)
			break;
	}

	dma_record_free(record);
	report_refusal(req, tried);
	return -ENOMEM;
}

static LLIST_HEAD(deferred_frees);

static void undo_deferred(struct work_struct *work)
{
	struct llist_node *all = llist_del_all(&deferred_frees);
	struct dma_allocation *record, *next;

	llist_for_each_entry_safe(record, next, all, deferred) {
		struct device *dev = record->backend->uses_device ?
				     record->dev : NULL;

		dma_undo(record);
		put_device(dev);
	}
}

static DECLARE_WORK(deferred_work, undo_deferred);

/*
 * Where sleeping is certainly not allowed.  A kernel without a count of disabled
 * preemption can't tell a spinlock; there the caller sees what sleeping does.
 */
static bool must_not_sleep(void)
{
	return irqs_disabled() || in_atomic() || rcu_preempt_depth();
}

/* Would taking back the memory, which the device has no more, have to sleep? */
static bool would_sleep(const struct dma_allocation *record)
{
	return record->free_sleeps ||
	       (record->done & (DMA_DONE_REMAPPED | DMA_DONE_DECRYPTED |
				DMA_DONE_UNCACHED));
}

/**
 * dma_release - take back an allocation in any context
 * @record: not in the ledger any more; freed here or a little later
 *
 * What needs the device is done before this returns.
 *
 * Context: any; what has to sleep is put off to a worker where it can't.
 */
void dma_release(struct dma_allocation *record)
{
	detach(record);
	if (!would_sleep(record) || !must_not_sleep()) {
		dma_undo(record);
		return;
	}
	dev_WARN_ONCE(record->dev, irqs_disabled(),
		      "freeing a buffer from %s with interrupts disabled: put off\n",
		      record->backend->name);
	if (record->backend->uses_device)
		get_device(record->dev);
	llist_add(&record->deferred, &deferred_frees);
	schedule_work(&deferred_work);
}

static void warn_size(struct device *dev, const struct dma_allocation *record,
		      size_t size)
{
	dev_WARN_ONCE(dev, PAGE_ALIGN(size) != record->size,
		      "freeing %zu bytes at %pad, allocated were %zu: all of it is freed\n",
		      size, &record->dma_addr, record->size);
}

/*
 * A driver may have confused two of its devices: take the record of another
 * device if address, CPU address and size are all just what is freed.  The one it
 * names is there, the other one may be gone: so that one has to undo it.
 */
static struct dma_allocation *take_of_other(struct device *dev, size_t size,
					    void *cpu_addr, dma_addr_t dma_addr)
{
	struct dma_allocation copy, *record;
	char holder[DMA_HOLDER_NAME];

	if (!dma_ledger_find_start(cpu_addr, dma_addr, &copy, holder) ||
	    copy.size != PAGE_ALIGN(size) ||
	    (!dma_record_is_direct(&copy) && !can_unmap(&copy, dev)))
		return NULL;
	record = dma_ledger_take_copied(&copy);
	if (!record)
		return NULL;
	dev_err_ratelimited(dev,
			    "freeing %zu bytes at %pad that were allocated for %s\n",
			    size, &dma_addr, holder);
	WARN_ONCE(1, "a DMA buffer is freed for another device\n");
	record->dev = dev;
	return record;
}

/*
 * A driver may have lost the CPU's address.  Where that says nothing that the
 * device's address does not, and no other buffer can have come to that address
 * since, the buffer is known all the same.
 */
static struct dma_allocation *take_by_dma(struct device *dev, size_t size,
					  void *cpu_addr, dma_addr_t dma_addr)
{
	struct dma_allocation copy;

	if (!dma_ledger_find(dev, dma_addr, &copy) ||
	    copy.dma_addr != dma_addr || copy.size != PAGE_ALIGN(size) ||
	    !dma_record_is_direct(&copy) ||
	    (copy.done & DMA_DONE_REMAPPED) || copy.backend->uses_device)
		return NULL;
	dev_WARN_ONCE(dev, 1,
		      "freeing %zu bytes at %pad, cpu %p, that were given as cpu %p\n",
		      size, &dma_addr, cpu_addr, copy.cpu_addr);
	return dma_ledger_take(dev, dma_addr, copy.cpu_addr);
}

/* Say all there is to know about a wrong free. */
static void report_unknown_free(struct device *dev, size_t size, void *cpu_addr,
				dma_addr_t dma_addr)
{
	struct dma_allocation copy;
	char holder[DMA_HOLDER_NAME];

	if (!dma_ledger_find_holder(dma_addr, &copy, holder))
		dev_err_ratelimited(dev,
				    "freeing %zu bytes at %pad, cpu %p: no live DMA buffer is there; nothing is freed\n",
				    size, &dma_addr, cpu_addr);
	else
		dev_err_ratelimited(dev,
				    "freeing %zu bytes at %pad, cpu %p: %s holds %zu bytes at %pad, cpu %p; nothing is freed\n",
				    size, &dma_addr, cpu_addr, holder,
				    copy.size, &copy.dma_addr, copy.cpu_addr);
	WARN_ONCE(1, "free of an unknown DMA buffer\n");
}

/**
 * dma_free_unknown - free what neither ledger nor ops know by both addresses
 * @dev: the device that the driver named
 * @size: as it said
 * @cpu_addr: as it said
 * @dma_addr: as it said
 *
 * A mistake, told in any case.
 *
 * Context: any; what has to sleep is put off to a worker where it can't.
 */
void dma_free_unknown(struct device *dev, size_t size, void *cpu_addr,
		      dma_addr_t dma_addr)
{
	struct dma_allocation *record;

	record = take_by_dma(dev, size, cpu_addr, dma_addr);
	if (record)
		dma_release(record);
	else
		report_unknown_free(dev, size, cpu_addr, dma_addr);
}

/**
 * dma_dispatch_free - free a consistent buffer
 * @dev: whose buffer
 * @size: as at allocation
 * @cpu_addr: as returned by it
 * @dma_addr: as returned by it
 *
 * Context: any; what has to sleep is put off to a worker where it can't.
 * Return: false if the ledger does not know this buffer; nothing is changed.
 */
bool dma_dispatch_free(struct device *dev, size_t size, void *cpu_addr,
		       dma_addr_t dma_addr)
{
	struct dma_allocation *record;

	record = dma_ledger_take(dev, dma_addr, cpu_addr);
	/* What ops allocate is in no tree: that is no mistake. */
	if (!record && !get_dma_ops(dev))
		record = take_of_other(dev, size, cpu_addr, dma_addr);
	if (!record)
		return false;

	warn_size(dev, record, size);
	dma_release(record);
	return true;
}
