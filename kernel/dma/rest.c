// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers that rest between two uses.
 *
 * Some memory is dear to make ready: a CMA area has to clear a range of its
 * movable pages, uncached memory has to be flushed and mapped, a confidential
 * guest's has to be decrypted; and many drivers allocate and free the same
 * sizes over and over.  So a freed buffer of such memory is not undone at once.
 * It rests, mapped and addressed as it is, and the next request of its device
 * with the same size and kind gets it, zeroed.
 *
 * What rests is nobody's, and must not be missed by anybody:
 *
 *   bounded    on each shelf of the ledger four buffers, and dma_rest= bytes
 *              of them (default: 1/512 of RAM); one more takes another's place
 *   brief      a clock ticks each second while anything rests; what rests for a
 *              whole tick is undone
 *   given up   at once when its backend would have to refuse someone, and
 *              under memory pressure
 *   owned      it goes with its device's driver, and with its device's pool;
 *              a device without a driver has nothing that rests
 *
 * Mappings by an IOMMU never rest: after a free the device must not reach the
 * memory any more.
 *
 * Locks: none of its own.  The ledger's shelf->lock protects what rests; what is
 * undone has been taken out before, with no lock held.  Who has to know that all
 * of it is undone waits for those who are at it.
 */
#include <linux/atomic.h>
#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/init.h>
#include <linux/iommu-dma.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/shrinker.h>
#include <linux/wait_bit.h>
#include <linux/workqueue.h>

#include "prepare.h"
#include "rest.h"
#include "swiotlb.h"

/* How many bytes may rest on a shelf; 0 turns resting off.  Tests change it. */
size_t dma_rest_limit __read_mostly;

/* The clock, in jiffies.  Tests shorten it. */
unsigned long dma_rest_tick __read_mostly = HZ;

static size_t limit_given __initdata = SIZE_MAX;

static int __init parse_dma_rest(char *arg)
{
	char *end = arg;
	size_t size = 0;

	if (arg)
		size = memparse(arg, &end);
	if (!arg || end == arg || *end) {
		pr_err("dma: dma_rest=%s: expected a size such as 1M, or 0\n",
		       arg ?: "");
		return -EINVAL;
	}
	limit_given = size;
	return 0;
}
early_param("dma_rest", parse_dma_rest);

/* How many are about to undo what they have taken out of the ledger. */
static atomic_t nr_evicting = ATOMIC_INIT(0);

/* Undo what is due.  Returns whether there was any. */
static bool evict(dma_rest_test_t is_due, const void *what)
{
	struct dma_allocation *chain, *next;
	bool is_any;

	atomic_inc(&nr_evicting);
	chain = dma_ledger_evict(is_due, what);
	is_any = chain;
	for (; chain; chain = next) {
		next = chain->next_evicted;
		dma_undo(chain);
	}
	if (atomic_dec_and_test(&nr_evicting))
		wake_up_var(&nr_evicting);
	return is_any;
}

/* The second tick that a buffer sees is its last. */
static bool is_stale(struct dma_allocation *record, const void *unused)
{
	if (!record->is_fresh)
		return true;
	record->is_fresh = false;
	return false;
}

static void tick(struct work_struct *work)
{
	evict(is_stale, NULL);
	if (dma_ledger_resting(NULL))
		schedule_delayed_work(to_delayed_work(work), dma_rest_tick);
}

DECLARE_DELAYED_WORK(dma_rest_clock, tick);

/**
 * dma_rest_note_kind - note in a record whether and for whom it may rest
 * @req: the request that it was made for
 * @record: finished, not published yet
 *
 * Context: any.
 */
void dma_rest_note_kind(const struct dma_request *req,
			struct dma_allocation *record)
{
	record->kind = 0;
	if (!(record->done & record->backend->rests_if) ||
	    (record->done & (DMA_DONE_IO_MAPPED | DMA_DONE_OPS_MAPPED)) ||
	    dma_request_wants_page(req))
		return;
	record->kind = dma_rest_kind(req->dev, req->gfp, req->attrs);
}

static bool is_of_device(struct dma_allocation *record, const void *dev)
{
	return record->dev == dev;
}

/**
 * dma_rest_drop_device - undo what rests for a device
 * @dev: its driver is gone, or other memory is bound to it now
 *
 * After that nothing of it is on its way to be undone either.
 *
 * Context: process context, may sleep.
 */
void dma_rest_drop_device(struct device *dev)
{
	evict(is_of_device, dev);
	/* The clock may be at it: nothing is undone yet that it has taken out. */
	wait_var_event(&nr_evicting, !atomic_read(&nr_evicting));
}

/**
 * dma_driver_gone - a device has lost its driver
 * @dev: the device; dev->driver is NULL, so that nothing is put to rest now
 *
 * Context: process context, may sleep; called by the driver core.
 */
void dma_driver_gone(struct device *dev)
{
	dma_rest_drop_device(dev);
	swiotlb_driver_gone(dev);
	iommu_dma_driver_gone(dev);
}

static bool is_of_backend(struct dma_allocation *record, const void *backend)
{
	return record->backend == backend;
}

/**
 * dma_rest_drop_backend - undo what rests of a backend, which has run dry
 * @backend: the backend
 *
 * Context: as for a request that @backend serves.
 * Return: true if there was anything: it is worth to ask again.
 */
bool dma_rest_drop_backend(const struct dma_backend *backend)
{
	/* Pages that rest are the page allocator's to ask for. */
	return (backend->rests_if & DMA_DONE_TAKEN) &&
	       evict(is_of_backend, backend);
}

static bool is_of_pool(struct dma_allocation *record, const void *pool)
{
	return record->priv == pool;
}

/**
 * dma_rest_drop_pool - undo what rests in a pool, which has run dry
 * @pool: what the backend notes in its records
 *
 * Context: as for a request that the pool's backend serves.
 * Return: true if there was anything: it is worth to ask again.
 */
bool dma_rest_drop_pool(const void *pool)
{
	return evict(is_of_pool, pool);
}

static bool is_any(struct dma_allocation *record, const void *unused)
{
	return true;
}

static unsigned long count_pages(struct shrinker *shrinker,
				 struct shrink_control *control)
{
	return (dma_ledger_resting(NULL) >> PAGE_SHIFT) ?: SHRINK_EMPTY;
}

/* Memory is short: what rests is worth less than whatever else could go. */
static unsigned long give_pages(struct shrinker *shrinker,
				struct shrink_control *control)
{
	unsigned long nr_pages = dma_ledger_resting(NULL) >> PAGE_SHIFT;

	evict(is_any, NULL);
	return nr_pages ?: SHRINK_STOP;
}

static int __init dma_rest_init(void)
{
	struct shrinker *shrinker = shrinker_alloc(0, "dma-rest");

	if (!shrinker)
		return -ENOMEM;
	shrinker->count_objects = count_pages;
	shrinker->scan_objects = give_pages;
	shrinker_register(shrinker);

	dma_rest_limit = limit_given != SIZE_MAX ? limit_given :
			 PFN_PHYS(totalram_pages() / 512);
	return 0;
}
core_initcall(dma_rest_init);
