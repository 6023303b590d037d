// SPDX-License-Identifier: GPL-2.0-only
/*
 * Backends: device pools and the global pool.
 *
 * Both are fixed memory that the kernel does not map by itself: a
 * reserved-memory node with no-map, or a device's own RAM.  The pool maps it
 * once, write-combined, and cuts it into pieces with a region.
 *
 * A device may have several device pools, tried in the order in which they
 * were bound; a pool may serve several devices.  Who has a device pool gets
 * consistent memory from there and from nowhere else.  Behind an IOMMU the
 * whole pool is mapped once, when it is bound, so that allocations never go
 * there.  The global pool serves whoever is not coherent and has no IOMMU.
 *
 * A pool lives as long as it is bound or a piece of it is taken: a device
 * that goes away with live buffers leaves them valid.
 *
 * Locks: bindings_mutex protects the lists of bindings while they change;
 * allocations walk them under RCU.  A region has its own lock.
 */
#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/io.h>
#include <linux/jump_label.h>
#include <linux/mutex.h>
#include <linux/pfn.h>
#include <linux/rculist.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "backend.h"
#include "cache.h"
#include "coherent.h"
#include "region.h"
#include "stat.h"

/**
 * struct dma_coherent_pool - one piece of fixed memory
 * @info: as people see it; list of all pools, see pools below
 * @link: (b) all pools, for lookup by physical address
 * @region: which pages are taken
 * @phys: physical address
 * @size: in bytes
 * @cpu_base: where the kernel has it mapped
 * @nr_users: bindings, and one for the global pool
 *
 * (b): changed under bindings_mutex, read under RCU.
 */
struct dma_coherent_pool {
	struct dma_pool_info	info;
	struct list_head	link;
	struct dma_region	*region;
	phys_addr_t		phys;
	size_t			size;
	void			*cpu_base;
	atomic_t		nr_users;
};

/**
 * struct dma_binding - a device's right to a pool
 * @link: (b) in the device's list
 * @rcu: for freeing
 * @pool: the pool
 * @device_addr: where the device sees it, unless @is_translated
 * @is_translated: the device sees it where dma-ranges says
 * @is_io_mapped: @device_addr is a mapping in the device's IOMMU
 * @is_owner: the pool was made for this binding and goes with it
 */
struct dma_binding {
	struct list_head		link;
	struct rcu_head			rcu;
	struct dma_coherent_pool	*pool;
	dma_addr_t			device_addr;
	bool				is_translated;
	bool				is_io_mapped;
	bool				is_owner;
};

/* dev->dma_mem: the device's bindings.  Freed with the last of them. */
struct dma_coherent_mem {
	struct list_head	bindings;
	struct rcu_head		rcu;
};

static DEFINE_MUTEX(bindings_mutex);
static LIST_HEAD(all_pools);
static struct dma_coherent_pool *global_pool;

/* Any pool mapped at all: lets streaming code skip the question. */
DEFINE_STATIC_KEY_FALSE(dma_has_unmapped_pools);

/**
 * dma_is_unmapped_pool - does a pool of this file hold an address?
 * @phys: physical address
 *
 * Context: any.
 * Return: true if so: the linear mapping does not have it.
 */
bool dma_is_unmapped_pool(phys_addr_t phys)
{
	struct dma_coherent_pool *pool;
	bool is_found = false;

	rcu_read_lock();
	list_for_each_entry_rcu(pool, &all_pools, link) {
		if (phys - pool->phys < pool->size && phys >= pool->phys) {
			is_found = true;
			break;
		}
	}
	rcu_read_unlock();
	return is_found;
}

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
	mutex_lock(&bindings_mutex);
	list_add_tail_rcu(&pool->link, &all_pools);
	mutex_unlock(&bindings_mutex);
	static_branch_inc(&dma_has_unmapped_pools);
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
	mutex_lock(&bindings_mutex);
	list_del_rcu(&pool->link);
	mutex_unlock(&bindings_mutex);
	static_branch_dec(&dma_has_unmapped_pools);
	synchronize_rcu();

	memunmap(pool->cpu_base);
	dma_region_destroy(pool->region);
	kfree(pool);
}

static struct dma_binding *__find_binding(struct dma_coherent_mem *mem,
					  struct dma_coherent_pool *pool)
{
	struct dma_binding *binding;

	lockdep_assert_held(&bindings_mutex);

	list_for_each_entry(binding, &mem->bindings, link)
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
	struct dma_coherent_mem *mem = kmalloc(sizeof(*mem), GFP_KERNEL);
	struct dma_binding *binding = kmemdup(proto, sizeof(*proto), GFP_KERNEL);
	int err = 0;

	if (!binding || !mem) {
		kfree(binding);
		kfree(mem);
		return -ENOMEM;
	}
	INIT_LIST_HEAD(&mem->bindings);

	mutex_lock(&bindings_mutex);
	if (!dev->dma_mem) {
		/* Pairs with the address dependency of those who walk it. */
		smp_store_release(&dev->dma_mem, no_free_ptr(mem));
	}
	if (__find_binding(dev->dma_mem, proto->pool)) {
		err = -EBUSY;
	} else {
		atomic_inc(&proto->pool->nr_users);
		list_add_tail_rcu(&no_free_ptr(binding)->link,
				  &dev->dma_mem->bindings);
	}
	mutex_unlock(&bindings_mutex);
	kfree(binding);
	kfree(mem);
	return err;
}

static bool is_in_one_window(struct device *dev,
			     const struct dma_coherent_pool *pool)
{
	dma_addr_t first = phys_to_dma(dev, pool->phys);
	dma_addr_t last = phys_to_dma(dev, pool->phys + (pool->size - 1));

	return first != DMA_MAPPING_ERROR && last - first == pool->size - 1;
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
	struct dma_binding *binding = NULL;
	bool is_good;

	mutex_lock(&bindings_mutex);
	if (dev->dma_mem)
		binding = __find_binding(dev->dma_mem, pool);
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
		return "device or IOMMU do not reach these addresses";
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
 * Context: process context, may sleep.
 * Return: 0, also if it is bound already; -ERANGE if the device has no address
 * for it; what iommu_dma_map_identity() says; -ENOMEM.
 */
int dma_coherent_pool_bind(struct device *dev, struct dma_coherent_pool *pool)
{
	if (is_bound(dev, pool))
		return 0;
	if (use_dma_iommu(dev))
		return bind_behind_iommu(dev, pool);

	if (!is_in_one_window(dev, pool)) {
		dev_err(dev, "device pool '%s' at %pa, %zu KiB, is not inside one window of the device's dma-ranges\n",
			pool->info.name, &pool->phys, pool->size / SZ_1K);
		return -ERANGE;
	}
	return bind(dev, &(struct dma_binding) {
		.pool = pool,
		.is_translated = true,
	});
}

/*
 * Take the first binding out that is to @pool or, for NULL, that owns its
 * pool.  The last one takes the list with it.
 */
static struct dma_binding *take_binding(struct device *dev,
					struct dma_coherent_pool *pool)
{
	struct dma_binding *binding, *found = NULL;
	struct dma_coherent_mem *mem;

	mutex_lock(&bindings_mutex);
	mem = dev->dma_mem;
	if (!mem)
		goto out;
	list_for_each_entry(binding, &mem->bindings, link) {
		if (pool ? binding->pool == pool : binding->is_owner) {
			found = binding;
			list_del_rcu(&found->link);
			atomic_dec(&found->pool->nr_users);
			break;
		}
	}
	if (list_empty(&mem->bindings)) {
		WRITE_ONCE(dev->dma_mem, NULL);
		kfree_rcu(mem, rcu);
	}
out:
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
 * Natural alignment, if the pool has any place with it; else the alignment
 * that the pool has itself.
 */
static unsigned long best_alignment(const struct dma_coherent_pool *pool,
				    size_t size)
{
	unsigned long natural = dma_natural_pages(size);
	unsigned long base = PHYS_PFN(pool->phys);
	unsigned long first = -base & (natural - 1);
	unsigned long own = base & -base;

	if (first + (size >> PAGE_SHIFT) <= pool->size >> PAGE_SHIFT)
		return natural;
	return own ? min(natural, own) : natural;
}

/* Take a piece that ends at or below index @last. */
static int take(struct dma_coherent_pool *pool, unsigned long last,
		const struct dma_request *req, struct dma_allocation *record)
{
	long index = dma_region_take(pool->region, dma_request_nr_pages(req),
				     best_alignment(pool, req->size), last);

	if (index < 0)
		return index;
	record->own.fixed.pool = pool;
	record->own.fixed.index = index;
	record->phys = pool->phys + ((phys_addr_t)index << PAGE_SHIFT);
	record->cpu_addr = pool->cpu_base + ((size_t)index << PAGE_SHIFT);
	record->done |= DMA_DONE_CPU_MAPPED;
	return 0;
}

/*
 * The last page of a pool that a request may use, by address limits.  A
 * device that reaches nothing of it gets -ENOSPC.
 */
static long last_index(const struct dma_coherent_pool *pool, u64 device_base,
		       const struct dma_limits *limits)
{
	/* Boards declare pools for devices whose mask nobody sets. */
	u64 last_dma = limits->last_dma ?: U64_MAX;
	u64 span = pool->size - 1;

	if (device_base > last_dma)
		return -ENOSPC;
	span = min(span, last_dma - device_base);
	if (span + 1 < PAGE_SIZE)
		return -ENOSPC;
	return ((span + 1) >> PAGE_SHIFT) - 1;
}

static dma_addr_t binding_base(struct device *dev,
			       const struct dma_binding *binding)
{
	return binding->is_translated ? phys_to_dma(dev, binding->pool->phys) :
					binding->device_addr;
}

static const char *device_pool_decline(const struct dma_request *req)
{
	if (!req->dev->dma_mem)
		return "no device pool is bound";
	if (req->wants_pages)
		return "the caller wants cacheable pages";
	return NULL;
}

static int device_pool_alloc(const struct dma_request *req,
			     struct dma_allocation *record)
{
	struct dma_coherent_mem *mem;
	struct dma_binding *binding;
	int err = -ENOSPC;

	rcu_read_lock();
	mem = READ_ONCE(req->dev->dma_mem);
	if (!mem)
		goto out;
	list_for_each_entry_rcu(binding, &mem->bindings, link) {
		dma_addr_t base = binding_base(req->dev, binding);
		long last = last_index(binding->pool, base, &req->limits);

		if (last < 0 || take(binding->pool, last, req, record))
			continue;
		record->dma_addr = base + (record->phys - binding->pool->phys);
		record->done |= DMA_DONE_ADDRESSED;
		err = 0;
		break;
	}
out:
	rcu_read_unlock();
	return err;
}

static void explain_pool(const struct dma_coherent_pool *pool, bool is_in_reach,
			 struct seq_buf *text)
{
	struct dma_region_figures pages;

	dma_region_get_figures(pool->region, &pages);
	seq_buf_printf(text, "'%s' free %lu KiB, largest %lu KiB%s",
		       pool->info.name,
		       (pages.nr_pages - pages.nr_used) << (PAGE_SHIFT - 10),
		       pages.nr_largest << (PAGE_SHIFT - 10),
		       is_in_reach ? "" : ", beyond the device's reach");
}

static void device_pool_explain(const struct dma_request *req,
				struct seq_buf *text)
{
	struct dma_coherent_mem *mem;
	struct dma_binding *binding;
	const char *between = "";

	rcu_read_lock();
	mem = READ_ONCE(req->dev->dma_mem);
	if (mem) {
		list_for_each_entry_rcu(binding, &mem->bindings, link) {
			dma_addr_t base = binding_base(req->dev, binding);

			seq_buf_puts(text, between);
			explain_pool(binding->pool,
				     last_index(binding->pool, base,
						&req->limits) >= 0, text);
			between = ", ";
		}
	}
	rcu_read_unlock();
}

static void coherent_free(struct dma_allocation *record)
{
	dma_region_give(record->own.fixed.pool->region, record->own.fixed.index,
			record->size >> PAGE_SHIFT);
}

const struct dma_backend dma_device_pool = {
	.name		= "device pool",
	.is_exclusive	= true,
	.is_unmapped	= true,
	.declines	= device_pool_decline,
	.alloc		= device_pool_alloc,
	.free		= coherent_free,
	.explain	= device_pool_explain,
};

static const char *global_pool_decline(const struct dma_request *req)
{
	if (!READ_ONCE(global_pool))
		return "there is none";
	if (req->limits.coherent)
		return "device is coherent";
	if (req->route != DMA_ROUTE_DIRECT)
		return "device does not reach memory directly";
	if (req->wants_pages)
		return "the caller wants cacheable pages";
	return NULL;
}

static int global_pool_alloc(const struct dma_request *req,
			     struct dma_allocation *record)
{
	struct dma_coherent_pool *pool = READ_ONCE(global_pool);
	dma_addr_t base = phys_to_dma(req->dev, pool->phys);
	long last;
	int err;

	last = last_index(pool, base, &req->limits);
	if (base == DMA_MAPPING_ERROR || last < 0)
		return -ENOSPC;
	err = take(pool, last, req, record);
	if (err)
		return err;

	/* The pool may lie across the windows of dma-ranges. */
	if (dma_limits_reach(req->dev, &req->limits, record->phys, req->size))
		return 0;
	coherent_free(record);
	record->done = 0;
	return -ENOSPC;
}

static void global_pool_explain(const struct dma_request *req,
				struct seq_buf *text)
{
	struct dma_coherent_pool *pool = READ_ONCE(global_pool);
	dma_addr_t base = phys_to_dma(req->dev, pool->phys);

	explain_pool(pool, last_index(pool, base, &req->limits) >= 0, text);
}

const struct dma_backend dma_global_pool = {
	.name		= "global pool",
	.is_unmapped	= true,
	.declines	= global_pool_decline,
	.alloc		= global_pool_alloc,
	.free		= coherent_free,
	.explain	= global_pool_explain,
};

/**
 * dma_global_pool_add - make a pool the global one
 * @pool: the pool
 *
 * Context: process context.
 * Return: 0, or -EBUSY if there is one already.
 */
int dma_global_pool_add(struct dma_coherent_pool *pool)
{
	if (cmpxchg(&global_pool, NULL, pool)) {
		pr_err("dma: global pool '%s' refused: '%s' is the global pool already\n",
		       pool->info.name, global_pool->info.name);
		return -EBUSY;
	}
	atomic_inc(&pool->nr_users);
	return 0;
}

/**
 * dma_init_global_coherent - make fixed memory the global pool
 * @phys_addr: physical address, page-aligned
 * @size: in bytes, a multiple of PAGE_SIZE
 *
 * For architectures that know the memory without a device tree.
 *
 * Context: process context, may sleep.
 * Return: 0 or a negative error, with a line in the log.
 */
int dma_init_global_coherent(phys_addr_t phys_addr, size_t size)
{
	struct dma_coherent_pool *pool;
	int err;

	pool = dma_coherent_pool_create("global", phys_addr, size,
					dma_global_pool.name,
					"devices that are not coherent");
	if (IS_ERR(pool))
		return PTR_ERR(pool);
	err = dma_global_pool_add(pool);
	if (err)
		dma_coherent_pool_destroy(pool);
	return err;
}

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
