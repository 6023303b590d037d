// SPDX-License-Identifier: GPL-2.0-only
/*
 * Backend: device pools.
 *
 * A pool is fixed memory that the kernel does not map by itself: a
 * reserved-memory node with no-map, or a device's own RAM.  It is mapped once,
 * write-combined, and cut into pieces with a region.  The global pool is one
 * of them: see coherent_global.c.
 *
 * A device may have several device pools, tried in the order in which they
 * were bound; a pool may serve several devices.  Who has a device pool gets
 * consistent memory from there and from nowhere else.  Behind an IOMMU the
 * whole pool is mapped once, when it is bound, so that allocations never go
 * there.
 *
 * Boards give pools to devices whose mask nobody sets, or sets too late.  So the
 * mask decides what is tried first; what lies beyond it serves at last, with a
 * line in the log.
 *
 * A pool lives as long as it is bound or a piece of it is taken: a device
 * that goes away with live buffers leaves them valid.
 *
 * Locks: bindings_mutex protects the lists of bindings while they change;
 * allocations walk them under RCU.  A region has its own lock.
 */
#include <linux/device.h>
#include <linux/dma-cache.h>
#include <linux/dma-map-ops.h>
#include <linux/io.h>
#include <linux/mutex.h>
#include <linux/pfn.h>
#include <linux/rculist.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "backend.h"
#include "coherent.h"
#include "region.h"
#include "stat.h"

/**
 * struct dma_binding - a device's right to a pool
 * @link: (b) in the device's list
 * @rcu: for freeing
 * @pool: the pool
 * @device_addr: where the device sees it, unless @is_translated
 * @size: how much of it the device sees, from its start, in bytes
 * @is_translated: the device sees it where dma-ranges says
 * @is_io_mapped: @device_addr is a mapping in the device's IOMMU
 * @is_owner: the pool was made for this binding and goes with it
 * @has_warned: that the device's mask does not reach what it got
 */
struct dma_binding {
	struct list_head		link;
	struct rcu_head			rcu;
	struct dma_coherent_pool	*pool;
	dma_addr_t			device_addr;
	size_t				size;
	bool				is_translated;
	bool				is_io_mapped;
	bool				is_owner;
	bool				has_warned;
};

static DEFINE_MUTEX(bindings_mutex);

static void pool_figures(struct dma_pool_info *info,
			 struct dma_pool_figures *figures)
{
	struct dma_coherent_pool *pool =
		container_of(info, struct dma_coherent_pool, info);
	struct dma_region_figures pages;

	dma_region_get_figures(pool->region, &pages);
	figures->size = pages.nr_pages << PAGE_SHIFT;
	figures->used = pages.nr_used << PAGE_SHIFT;
	figures->peak = pages.nr_peak << PAGE_SHIFT;
	figures->largest = pages.nr_largest << PAGE_SHIFT;
	figures->served = pages.nr_served;
	figures->refused = pages.nr_refused;
	figures->nr_users = atomic_read(&pool->nr_users);
}

/**
 * dma_coherent_pool_create - map fixed memory and make a pool of it
 * @name: for people; stays the caller's
 * @phys: physical address, page-aligned
 * @size: in bytes, a multiple of PAGE_SIZE, not 0
 * @kind: the backend it feeds
 * @users: who may use it, in words
 *
 * Context: process context, may sleep.
 * Return: the pool, or ERR_PTR(-EINVAL, -ENOMEM).
 */
struct dma_coherent_pool *dma_coherent_pool_create(const char *name,
						   phys_addr_t phys,
						   size_t size,
						   const char *kind,
						   const char *users)
{
	struct dma_coherent_pool *pool;

	if (!size || !PAGE_ALIGNED(phys) || !PAGE_ALIGNED(size)) {
		pr_err("dma: %s '%s': base %pa, size %#zx: expected multiples of %#lx, not 0\n",
		       kind, name, &phys, size, PAGE_SIZE);
		return ERR_PTR(-EINVAL);
	}

	pool = kzalloc(sizeof(*pool), GFP_KERNEL);
	if (!pool)
		return ERR_PTR(-ENOMEM);
	pool->phys = phys;
	pool->size = size;
	pool->memory.phys = phys;
	pool->memory.size = size;
	pool->region = dma_region_create(size >> PAGE_SHIFT, PHYS_PFN(phys),
					 GFP_KERNEL);
	if (IS_ERR(pool->region))
		goto out_free;

	pool->cpu_base = memremap(phys, size, MEMREMAP_WC);
	if (!pool->cpu_base) {
		pr_err("dma: %s '%s': cannot map %zu KiB at %pa\n", kind, name,
		       size / SZ_1K, &phys);
		goto out_region;
	}

	pool->info = (struct dma_pool_info) {
		.name = name,
		.kind = kind,
		.users = users,
		.base = phys,
		.size = size,
		.figures = pool_figures,
	};
	dma_unmapped_add(&pool->memory);
	dma_stat_add_pool(&pool->info);
	return pool;

out_region:
	dma_region_destroy(pool->region);
out_free:
	kfree(pool);
	return ERR_PTR(-ENOMEM);
}

/**
 * dma_coherent_pool_destroy - unmap and forget a pool
 * @pool: bound to nobody
 *
 * Where pieces are still taken, the pool stays for ever, and one line says so.
 *
 * Context: process context, may sleep.
 */
void dma_coherent_pool_destroy(struct dma_coherent_pool *pool)
{
	struct dma_region_figures pages;

	dma_region_get_figures(pool->region, &pages);
	if (pages.nr_used) {
		pr_err("dma: %s '%s' given up with %lu pages in use: it stays mapped\n",
		       pool->info.kind, pool->info.name, pages.nr_used);
		dma_stat_add_lost(pages.nr_used << PAGE_SHIFT);
		return;
	}
	dma_stat_remove_pool(&pool->info);
	dma_unmapped_remove(&pool->memory);

	memunmap(pool->cpu_base);
	dma_region_destroy(pool->region);
	kfree(pool);
}

static struct dma_binding *__find_binding(struct dev_dma *dma,
					  struct dma_coherent_pool *pool)
{
	struct dma_binding *binding;

	lockdep_assert_held(&bindings_mutex);

	list_for_each_entry(binding, &dma->pools, link)
		if (binding->pool == pool)
			return binding;
	return NULL;
}

static void unmap_from_iommu(struct device *dev,
			     const struct dma_binding *binding)
{
	if (IS_ENABLED(CONFIG_IOMMU_DMA))
		iommu_dma_unmap_identity(dev, binding->pool->phys,
					 binding->pool->size);
}

/* Append a binding like @proto to the device's list. */
static int bind(struct device *dev, const struct dma_binding *proto)
{
	struct dma_binding *binding = kmemdup(proto, sizeof(*proto), GFP_KERNEL);
	struct dev_dma *dma = dma_device_of(dev, GFP_KERNEL);
	int err = 0;

	if (!binding || !dma) {
		kfree(binding);
		return -ENOMEM;
	}
	mutex_lock(&bindings_mutex);
	if (__find_binding(dma, proto->pool)) {
		err = -EBUSY;
	} else {
		atomic_inc(&proto->pool->nr_users);
		list_add_tail_rcu(&no_free_ptr(binding)->link, &dma->pools);
	}
	mutex_unlock(&bindings_mutex);
	kfree(binding);
	return err;
}

/* How much of a pool, from its start, lies in one window of dma-ranges? */
static size_t size_in_window(struct device *dev,
			     const struct dma_coherent_pool *pool)
{
	dma_addr_t first = phys_to_dma(dev, pool->phys);
	dma_addr_t last = phys_to_dma(dev, pool->phys + (pool->size - 1));
	const struct bus_dma_region *window = dev->dma_range_map;

	if (first == DMA_MAPPING_ERROR)
		return 0;
	if (!window || last - first == pool->size - 1)
		return pool->size;
	while (pool->phys < window->cpu_start ||
	       pool->phys - window->cpu_start >= window->size)
		window++;
	return min_t(u64, pool->size,
		     window->size - (pool->phys - window->cpu_start)) & PAGE_MASK;
}

/* Was it bound when the device reached memory in another way? */
static bool is_stale(struct device *dev, const struct dma_binding *binding)
{
	if (!IS_ENABLED(CONFIG_IOMMU_DMA) || binding->is_owner)
		return false;
	if (!use_dma_iommu(dev) || !binding->is_io_mapped)
		return use_dma_iommu(dev) != binding->is_io_mapped;
	return !iommu_dma_has_identity(dev, binding->pool->phys,
				       binding->pool->size);
}

/*
 * A driver may leave its pool bound when it goes.  From then on the device may
 * get another domain, which knows nothing of the pool.
 */
static bool is_bound(struct device *dev, struct dma_coherent_pool *pool)
{
	struct dev_dma *dma = dma_device_find(dev);
	struct dma_binding *binding;
	bool is_good;

	if (!dma)
		return false;
	mutex_lock(&bindings_mutex);
	binding = __find_binding(dma, pool);
	is_good = binding && !is_stale(dev, binding);
	mutex_unlock(&bindings_mutex);
	if (binding && !is_good)
		dma_coherent_pool_unbind(dev, pool);
	return is_good;
}

static const char *why_not_mapped(int err)
{
	switch (err) {
	case -EINVAL:
		return "base and size have to be multiples of the IOMMU's page";
	case -ERANGE:
		return "the IOMMU does not translate these addresses";
	case -EBUSY:
		return "some of these addresses are in use or reserved";
	default:
		return "no memory for it";
	}
}

/* Let a device behind an IOMMU see all of a pool where it is. */
static int bind_behind_iommu(struct device *dev, struct dma_coherent_pool *pool)
{
	struct dma_binding proto = {
		.pool = pool,
		.device_addr = pool->phys,
		.size = pool->size,
		.is_io_mapped = true,
	};
	int err = -ENODEV;

	if (IS_ENABLED(CONFIG_IOMMU_DMA))
		err = iommu_dma_map_identity(dev, pool->phys, pool->size);
	if (err) {
		dev_err(dev, "device pool '%s' at %pa, %zu KiB, cannot be mapped by the IOMMU: %s (error %d)\n",
			pool->info.name, &pool->phys, pool->size / SZ_1K,
			why_not_mapped(err), err);
		return err;
	}
	err = bind(dev, &proto);
	if (err)
		unmap_from_iommu(dev, &proto);
	return err;
}

/**
 * dma_coherent_pool_bind - let a device use a pool
 * @dev: the device
 * @pool: the pool; tried after those bound before
 *
 * The device sees the pool where its dma-ranges say; behind an IOMMU it is
 * mapped at its physical address.
 *
 * Where a window of dma-ranges ends inside the pool, the device uses what is
 * before.
 *
 * Context: process context, may sleep.
 * Return: 0, also if it is bound already; -ERANGE if the device has no address
 * for its start; what iommu_dma_map_identity() says; -ENOMEM.
 */
int dma_coherent_pool_bind(struct device *dev, struct dma_coherent_pool *pool)
{
	size_t size;

	if (is_bound(dev, pool))
		return 0;
	if (use_dma_iommu(dev))
		return bind_behind_iommu(dev, pool);

	size = size_in_window(dev, pool);
	if (!size) {
		dev_err(dev, "device pool '%s' at %pa, %zu KiB, is outside of the device's dma-ranges: correct them, or move the pool\n",
			pool->info.name, &pool->phys, pool->size / SZ_1K);
		return -ERANGE;
	}
	if (size < pool->size)
		dev_warn(dev, "device pool '%s' at %pa: only %zu of its %zu KiB lie in one window of the device's dma-ranges, and are used: correct them, or move the pool\n",
			 pool->info.name, &pool->phys, size / SZ_1K,
			 pool->size / SZ_1K);
	return bind(dev, &(struct dma_binding) {
		.pool = pool,
		.size = size,
		.is_translated = true,
	});
}

/* Take the first binding out that is to @pool or, for NULL, that owns its pool. */
static struct dma_binding *take_binding(struct device *dev,
					struct dma_coherent_pool *pool)
{
	struct dma_binding *binding, *found = NULL;
	struct dev_dma *dma = dma_device_find(dev);

	if (!dma)
		return NULL;
	mutex_lock(&bindings_mutex);
	list_for_each_entry(binding, &dma->pools, link) {
		if (pool ? binding->pool == pool : binding->is_owner) {
			found = binding;
			list_del_rcu(&found->link);
			atomic_dec(&found->pool->nr_users);
			break;
		}
	}
	mutex_unlock(&bindings_mutex);
	return found;
}

/**
 * dma_coherent_pool_unbind - end a device's use of a pool
 * @dev: the device
 * @pool: the pool
 *
 * Live buffers stay the CPU's, and their free finds its way.
 *
 * Context: process context, may sleep.
 */
void dma_coherent_pool_unbind(struct device *dev,
			      struct dma_coherent_pool *pool)
{
	struct dma_binding *binding = take_binding(dev, pool);

	if (!binding)
		return;
	if (binding->is_io_mapped)
		unmap_from_iommu(dev, binding);
	kfree_rcu(binding, rcu);
}

/*
 * A pool whose start is not naturally aligned, as the device sees it, loses a
 * piece where both ends stick out.  How many pages are to be aligned so that it
 * serves as many requests of one size as if it were cut from its start?
 */
static unsigned long best_alignment(unsigned long nr_pages, unsigned long base,
				    unsigned long natural)
{
	unsigned long nr_skipped = -base & (natural - 1);
	unsigned long nr_pieces = nr_pages / natural;

	if (nr_skipped < nr_pages && nr_pages - nr_skipped >= natural &&
	    (nr_pages - nr_skipped) / natural >= nr_pieces)
		return natural;
	return base ? min(natural, base & -base) : natural;
}

/**
 * dma_view_take - take a piece of a pool
 * @view: the pool, as the device sees it
 * @last: the last page that may be used, from the pool's start
 * @req: what is asked for
 * @record: filled in, but for the device's address
 *
 * Context: any, irq-safe.
 * Return: 0, or -ENOSPC.
 */
int dma_view_take(const struct dma_view *view, unsigned long last,
		  const struct dma_request *req, struct dma_allocation *record)
{
	struct dma_coherent_pool *pool = view->pool;
	unsigned long natural = dma_natural_pages(req->size);
	unsigned long base = view->base >> PAGE_SHIFT;
	long index;

	index = dma_region_take_request(pool->region, &(struct dma_region_request){
		.nr_pages = dma_request_nr_pages(req),
		.base = base,
		.align = best_alignment(view->size >> PAGE_SHIFT, base, natural),
		.align_else = base & -base,
		.last = last,
	});
	if (index < 0)
		return index;
	record->own.fixed.pool = pool;
	record->own.fixed.index = index;
	record->phys = pool->phys + ((phys_addr_t)index << PAGE_SHIFT);
	record->cpu_addr = pool->cpu_base + ((size_t)index << PAGE_SHIFT);
	record->done |= DMA_DONE_CPU_MAPPED;
	return 0;
}

/**
 * dma_view_last_in_reach - the last page that address limits allow
 * @view: the pool, as the device sees it
 * @limits: the device's
 *
 * Context: any.
 * Return: the page, from the pool's start; -ENOSPC if nothing is in reach.
 */
long dma_view_last_in_reach(const struct dma_view *view,
			    const struct dma_limits *limits)
{
	/* Boards declare pools for devices whose mask nobody sets. */
	u64 last_dma = limits->last_dma ?: U64_MAX;
	u64 span = view->size - 1;

	if (view->base > last_dma)
		return -ENOSPC;
	span = min(span, last_dma - view->base);
	if (span + 1 < PAGE_SIZE)
		return -ENOSPC;
	return ((span + 1) >> PAGE_SHIFT) - 1;
}

static struct dma_view view_of(struct device *dev,
			       const struct dma_binding *binding)
{
	return (struct dma_view){
		.pool = binding->pool,
		.base = binding->is_translated ?
			phys_to_dma(dev, binding->pool->phys) :
			binding->device_addr,
		.size = binding->size,
	};
}

static void warn_beyond(struct device *dev, struct dma_binding *binding,
			const struct dma_request *req, dma_addr_t dma_addr)
{
	if (READ_ONCE(binding->has_warned))
		return;
	WRITE_ONCE(binding->has_warned, true);
	dev_warn(dev, "device pool '%s': %zu bytes at %pad lie beyond the device's reach (%#llx): set its mask before it allocates, or move the pool\n",
		 binding->pool->info.name, req->size, &dma_addr,
		 req->limits.last_dma);
}

/* Take a piece that the device reaches or, with @is_beyond, any. */
static int take_bound(struct dma_binding *binding, bool is_beyond,
		      const struct dma_request *req,
		      struct dma_allocation *record)
{
	struct dma_view view = view_of(req->dev, binding);
	long last = dma_view_last_in_reach(&view, &req->limits);

	if (is_beyond) {
		if (last == dma_view_last(&view))
			return -ENOSPC;
		last = dma_view_last(&view);
	}
	if (last < 0 || dma_view_take(&view, last, req, record))
		return -ENOSPC;
	record->dma_addr = view.base + (record->phys - view.pool->phys);
	record->done |= DMA_DONE_ADDRESSED;
	if (is_beyond)
		warn_beyond(req->dev, binding, req, record->dma_addr);
	return 0;
}

static int take_from_any(bool is_beyond, const struct dma_request *req,
			 struct dma_allocation *record)
{
	struct dma_binding *binding;

	list_for_each_entry_rcu(binding, &record->owner->pools, link)
		if (!take_bound(binding, is_beyond, req, record))
			return 0;
	return -ENOSPC;
}

static int device_pool_alloc(const struct dma_request *req,
			     struct dma_allocation *record)
{
	int err;

	rcu_read_lock();
	err = take_from_any(false, req, record);
	if (err)
		err = take_from_any(true, req, record);
	rcu_read_unlock();
	return err;
}

/**
 * dma_coherent_pool_explain - say why a pool refused
 * @pool: the pool
 * @text: where to say it
 *
 * Context: any, irq-safe.
 */
void dma_coherent_pool_explain(const struct dma_coherent_pool *pool,
			       struct seq_buf *text)
{
	struct dma_region_figures pages;

	dma_region_get_figures(pool->region, &pages);
	seq_buf_printf(text, "'%s' free %lu KiB, largest %lu KiB",
		       pool->info.name,
		       (pages.nr_pages - pages.nr_used) << (PAGE_SHIFT - 10),
		       pages.nr_largest << (PAGE_SHIFT - 10));
}

static void device_pool_explain(const struct dma_request *req,
				struct seq_buf *text)
{
	struct dev_dma *dma = dma_device_find(req->dev);
	struct dma_binding *binding;
	const char *between = "";

	rcu_read_lock();
	list_for_each_entry_rcu(binding, &dma->pools, link) {
		seq_buf_puts(text, between);
		dma_coherent_pool_explain(binding->pool, text);
		if (binding->size < binding->pool->size)
			seq_buf_printf(text, ", %zu KiB of it in dma-ranges",
				       binding->size / SZ_1K);
		between = ", ";
	}
	rcu_read_unlock();
}

/**
 * dma_coherent_pool_free - give a piece back to its pool
 * @record: made by dma_view_take()
 *
 * Context: any, irq-safe.
 */
void dma_coherent_pool_free(struct dma_allocation *record)
{
	dma_region_give(record->own.fixed.pool->region, record->own.fixed.index,
			record->size >> PAGE_SHIFT);
}

const struct dma_backend dma_device_pool = {
	.name		= "device pool",
	.is_exclusive	= true,
	.is_unmapped	= true,
	.is_unencrypted	= true,
	.needs		= DMA_HAS_POOL,
	.bars		= DMA_WANTS_PAGES,
	.alloc		= device_pool_alloc,
	.free		= dma_coherent_pool_free,
	.explain	= device_pool_explain,
};

/**
 * dma_declare_coherent_memory - give a device memory of its own
 * @dev: the device
 * @phys_addr: where the CPU sees it, page-aligned
 * @device_addr: where the device sees it
 * @size: in bytes, a multiple of PAGE_SIZE
 *
 * From then on all consistent memory of @dev comes from there.  May be called
 * for several pieces of memory; they are used in that order.
 *
 * Context: process context, may sleep.
 * Return: 0 or a negative error, with a line in the log.
 */
int dma_declare_coherent_memory(struct device *dev, phys_addr_t phys_addr,
				dma_addr_t device_addr, size_t size)
{
	struct dma_coherent_pool *pool;
	int err;

	pool = dma_coherent_pool_create("declared", phys_addr, size,
					dma_device_pool.name,
					"the device that declared it");
	if (IS_ERR(pool))
		return PTR_ERR(pool);
	err = bind(dev, &(struct dma_binding) {
		.pool = pool,
		.device_addr = device_addr,
		.size = size,
		.is_owner = true,
	});
	if (err)
		dma_coherent_pool_destroy(pool);
	return err;
}

/**
 * dma_release_coherent_memory - take back what was declared for a device
 * @dev: the device
 *
 * Context: process context, may sleep.
 */
void dma_release_coherent_memory(struct device *dev)
{
	struct dma_binding *binding;

	while ((binding = take_binding(dev, NULL))) {
		struct dma_coherent_pool *pool = binding->pool;

		kfree_rcu(binding, rcu);
		/* Nobody may be taking a piece while the pool is looked at. */
		synchronize_rcu();
		dma_coherent_pool_destroy(pool);
	}
}
