// SPDX-License-Identifier: GPL-2.0-only
/*
 * Backend: atomic pools, for requests that may not sleep.
 *
 * Making a page uncached or decrypted means to sleep, so some are kept ready.
 * There is a pool for each memory zone of the machine that has memory of its
 * own: normal, DMA32, DMA.  A request goes to the most general pool that its
 * device reaches, so that scarce low memory is left to those who need it.
 *
 * A pool is made of chunks, each of them pages prepared at once and cut by a
 * region.  It starts with coherent_pool= bytes (default: 128 KiB per GiB of
 * RAM), or with as much of that as one chunk can have.  When less than that is free,
 * a worker adds chunks until it is; when a burst outruns it, the next chunk has to be
 * large enough for what was refused: a smaller one would not serve it, and so many
 * of them would come.  Chunks added later that have been idle for half a minute go
 * away again, as long as enough stays free without them.
 *
 * Locks: pool->lock (irq-safe) protects the list of chunks and the figures;
 * region locks nest inside.  Chunks are made and freed by the worker alone,
 * without the lock.
 */
#include <linux/cma.h>
#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/init.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/set_memory.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "pool.h"
#include "region.h"
#include "prepare.h"
#include "stat.h"

/* After how many jiffies a spare chunk goes.  Tests shorten it. */
unsigned long dma_chunk_idle = 30 * HZ;

/* The largest that is asked for.  Tests lower it, as if memory were in fragments. */
unsigned int dma_chunk_order = MAX_PAGE_ORDER;

/**
 * struct dma_chunk - pages that are ready for atomic requests
 * @link: in the pool's list
 * @region: which of them are taken
 * @page: the first
 * @size: in bytes
 * @cpu_base: where they are mapped, uncached if the architecture needs that
 * @idle_since: jiffies when it was last seen with something taken
 */
struct dma_chunk {
	struct list_head	link;
	struct dma_region	*region;
	struct page		*page;
	size_t			size;
	void			*cpu_base;
	unsigned long		idle_since;
};

/**
 * struct dma_zone_pool - the pool of one zone
 * @info: as people see it
 * @zone: GFP_DMA, GFP_DMA32 or 0
 * @zone_type: the zone its pages have to be in
 * @lock: protects all that follows
 * @chunks: the first one is never given back
 * @size: bytes in all chunks
 * @used: bytes handed out
 * @peak: the most that was handed out
 * @wanted: the largest request refused since the last growth, in bytes
 * @served: requests served
 * @refused: requests refused
 * @work: grows and shrinks the pool
 */
struct dma_zone_pool {
	struct dma_pool_info	info;
	gfp_t			zone;
	enum zone_type		zone_type;
	spinlock_t		lock;	/* protects all that follows */
	struct list_head	chunks;
	size_t			size;
	size_t			used;
	size_t			peak;
	size_t			wanted;
	unsigned long		served;
	unsigned long		refused;
	struct delayed_work	work;
};

/* From the most general to the scarcest. */
static struct dma_zone_pool zone_pools[3];
static unsigned int nr_zone_pools __ro_after_init;

/* What each pool has at first, and is to have free */
static size_t initial_size __ro_after_init;

static int __init parse_coherent_pool(char *arg)
{
	char *end = arg;

	if (arg)
		initial_size = memparse(arg, &end);
	if (!arg || end == arg || *end) {
		pr_err("dma: coherent_pool=%s: expected a size such as 1M\n",
		       arg ?: "");
		initial_size = 0;
		return -EINVAL;
	}
	return 0;
}
early_param("coherent_pool", parse_coherent_pool);

static struct page *take_pages(struct dma_zone_pool *pool, size_t size)
{
	struct cma *cma = dev_get_cma_area(NULL);
	unsigned int order = get_order(size);
	struct page *page = NULL;

	/* Pages that CMA would lend to others cost nothing extra. */
	if (cma)
		page = cma_alloc(cma, 1UL << order, order, true);
	if (page && page_zonenum(page) > pool->zone_type) {
		cma_release(cma, page, 1UL << order);
		page = NULL;
	}
	return page ?: alloc_pages(GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY |
				   pool->zone, order);
}

static void give_pages(struct page *page, size_t size)
{
	struct cma *cma = dev_get_cma_area(NULL);

	if (!cma || !cma_release(cma, page, size >> PAGE_SHIFT))
		__free_pages(page, get_order(size));
}

/* Undo make_chunk() from any point of it on. */
static void free_chunk(struct dma_chunk *chunk)
{
	unsigned long linear = (unsigned long)page_address(chunk->page);

	if (chunk->cpu_base && chunk->cpu_base != (void *)linear)
		dma_common_free_remap(chunk->cpu_base, chunk->size);
	if (set_memory_encrypted(linear, chunk->size >> PAGE_SHIFT)) {
		pr_err("dma: atomic pool: %zu KiB lost: they cannot be encrypted again\n",
		       chunk->size / SZ_1K);
		dma_stat_add_lost(chunk->size);
	} else {
		give_pages(chunk->page, chunk->size);
	}
	if (!IS_ERR_OR_NULL(chunk->region))
		dma_region_destroy(chunk->region);
	kfree(chunk);
}

/* A chunk of @size bytes, or of half of it, and so on, but of @least bytes. */
static struct dma_chunk *make_chunk(struct dma_zone_pool *pool, size_t size,
				    size_t least)
{
	struct dma_chunk *chunk = kzalloc(sizeof(*chunk), GFP_KERNEL);

	if (!chunk)
		return NULL;
	size = min(PAGE_SIZE << get_order(size), PAGE_SIZE << dma_chunk_order);
	for (; size >= least && !chunk->page; size /= 2) {
		chunk->page = take_pages(pool, size);
		chunk->size = size;
	}
	if (!chunk->page) {
		kfree(chunk);
		return NULL;
	}

	if (set_memory_decrypted((unsigned long)page_address(chunk->page),
				 chunk->size >> PAGE_SHIFT))
		goto fail;
	chunk->cpu_base = dma_pages_make_uncached(chunk->page, chunk->size);
	if (!chunk->cpu_base)
		goto fail;
	chunk->region = dma_region_create(chunk->size >> PAGE_SHIFT,
					  page_to_pfn(chunk->page), GFP_KERNEL);
	if (IS_ERR(chunk->region))
		goto fail;
	chunk->idle_since = jiffies;
	return chunk;
fail:
	free_chunk(chunk);
	return NULL;
}

static bool __has_little(struct dma_zone_pool *pool)
{
	lockdep_assert_held(&pool->lock);

	return pool->size - pool->used < initial_size;
}

static bool __is_low(struct dma_zone_pool *pool)
{
	return __has_little(pool) || pool->wanted;
}

/* A chunk that is not needed any more, taken out of the list. */
static struct dma_chunk *__take_idle_chunk(struct dma_zone_pool *pool)
{
	struct dma_chunk *chunk, *next;

	lockdep_assert_held(&pool->lock);

	list_for_each_entry_safe(chunk, next, &pool->chunks, link) {
		size_t left = pool->size - pool->used - chunk->size;

		if (!dma_region_is_idle(chunk->region)) {
			chunk->idle_since = jiffies;
			continue;
		}
		if (list_is_first(&chunk->link, &pool->chunks) ||
		    time_before(jiffies, chunk->idle_since + dma_chunk_idle) ||
		    left < initial_size)
			continue;
		list_del(&chunk->link);
		pool->size -= chunk->size;
		return chunk;
	}
	return NULL;
}

/* Returns false if there is no memory, and no use in trying again soon. */
static bool add_chunk(struct dma_zone_pool *pool, size_t size, size_t least)
{
	struct dma_chunk *chunk = make_chunk(pool, size, least);
	unsigned long flags;

	if (!chunk) {
		pr_warn_ratelimited("dma: atomic pool '%s' cannot grow by %zu KiB: no memory\n",
				    pool->info.name, size / SZ_1K);
		return false;
	}
	spin_lock_irqsave(&pool->lock, flags);
	list_add_tail(&chunk->link, &pool->chunks);
	pool->size += chunk->size;
	spin_unlock_irqrestore(&pool->lock, flags);
	return true;
}

static void adjust(struct work_struct *work)
{
	struct dma_zone_pool *pool =
		container_of(to_delayed_work(work), struct dma_zone_pool, work);
	struct dma_chunk *idle;
	size_t wanted, least;
	unsigned long flags;
	bool is_grown;

	/* Where too little is free, any page helps. */
	spin_lock_irqsave(&pool->lock, flags);
	wanted = max(pool->wanted, initial_size);
	least = __has_little(pool) ? PAGE_SIZE : pool->wanted;
	is_grown = __is_low(pool);
	pool->wanted = 0;
	idle = is_grown ? NULL : __take_idle_chunk(pool);
	spin_unlock_irqrestore(&pool->lock, flags);

	if (is_grown)
		is_grown = add_chunk(pool, wanted, least);
	if (idle)
		free_chunk(idle);

	/* As long as there is more than the first chunk, look again. */
	spin_lock_irqsave(&pool->lock, flags);
	if (idle || (is_grown && __is_low(pool)))
		mod_delayed_work(system_wq, &pool->work, 0);
	else if (!list_is_singular(&pool->chunks) && !list_empty(&pool->chunks))
		schedule_delayed_work(&pool->work, dma_chunk_idle);
	spin_unlock_irqrestore(&pool->lock, flags);
}

static bool __take_piece(struct dma_zone_pool *pool, size_t size,
			 phys_addr_t last_phys, struct dma_piece *piece)
{
	struct dma_chunk *chunk;

	lockdep_assert_held(&pool->lock);

	list_for_each_entry(chunk, &pool->chunks, link) {
		unsigned long nr = dma_pages_in_reach(page_to_phys(chunk->page),
						      chunk->size, last_phys);
		long index;

		if (!nr)
			continue;
		index = dma_region_take(chunk->region, size >> PAGE_SHIFT,
					dma_natural_pages(size), nr - 1);
		if (index < 0)
			continue;
		*piece = (struct dma_piece) {
			.pool = pool,
			.chunk = chunk,
			.index = index,
			.cpu_addr = chunk->cpu_base + (index << PAGE_SHIFT),
			.phys = page_to_phys(chunk->page + index),
		};
		return true;
	}
	return false;
}

/* What comes next lies where the last came from, if one came: beyond the limit? */
static bool __grows_in_reach(struct dma_zone_pool *pool, size_t size,
			     phys_addr_t last_phys)
{
	struct dma_chunk *last = list_last_entry(&pool->chunks, struct dma_chunk,
						 link);

	lockdep_assert_held(&pool->lock);

	return list_is_singular(&pool->chunks) ||
	       dma_pages_in_reach(page_to_phys(last->page), size, last_phys) ==
	       size >> PAGE_SHIFT;
}

/* @wanted: whether a pool has to grow if it has no piece; cleared if this one does. */
static bool take_from(struct dma_zone_pool *pool, size_t size, bool *wanted,
		      phys_addr_t last_phys, struct dma_piece *piece)
{
	unsigned long flags;
	bool is_taken;

	spin_lock_irqsave(&pool->lock, flags);
	is_taken = __take_piece(pool, size, last_phys, piece);
	if (is_taken) {
		pool->used += size;
		pool->peak = max(pool->peak, pool->used);
		pool->served++;
	} else {
		pool->refused++;
		if (*wanted && size <= PAGE_SIZE << MAX_PAGE_ORDER &&
		    __grows_in_reach(pool, size, last_phys)) {
			pool->wanted = max(pool->wanted, size);
			*wanted = false;
		}
	}
	if (__is_low(pool))
		mod_delayed_work(system_wq, &pool->work, 0);
	spin_unlock_irqrestore(&pool->lock, flags);
	return is_taken;
}

/* Is there a point in asking this pool, or in letting it grow? */
static bool is_in_reach(const struct dma_zone_pool *pool, phys_addr_t last_phys)
{
	return last_phys >= PAGE_SIZE - 1 &&
	       pool->info.base <= last_phys - (PAGE_SIZE - 1);
}

/**
 * dma_piece_take - take ready memory without sleeping
 * @size: in bytes, a multiple of PAGE_SIZE
 * @last_phys: highest physical address that serves, inclusive
 * @piece: filled with what was taken
 *
 * Context: any, irq-safe.
 * Return: true if there was some.
 */
bool dma_piece_take(size_t size, phys_addr_t last_phys, struct dma_piece *piece)
{
	/* The most general pool that can grow for it does, the scarce ones do not. */
	bool wanted = true;

	for (unsigned int i = 0; i < nr_zone_pools; i++) {
		if (!is_in_reach(&zone_pools[i], last_phys))
			continue;
		if (take_from(&zone_pools[i], size, &wanted, last_phys, piece))
			return true;
	}
	return false;
}

/**
 * dma_piece_give - give ready memory back
 * @piece: as taken
 * @size: as taken, in bytes
 *
 * Context: any, irq-safe; can't fail.
 */
void dma_piece_give(const struct dma_piece *piece, size_t size)
{
	struct dma_zone_pool *pool = piece->pool;
	unsigned long flags;

	spin_lock_irqsave(&pool->lock, flags);
	dma_region_give(piece->chunk->region, piece->index, size >> PAGE_SHIFT);
	piece->chunk->idle_since = jiffies;
	pool->used -= size;
	spin_unlock_irqrestore(&pool->lock, flags);
}

static bool __find_in(struct dma_zone_pool *pool, void *cpu_addr,
		      struct dma_piece *piece)
{
	struct dma_chunk *chunk;

	lockdep_assert_held(&pool->lock);

	list_for_each_entry(chunk, &pool->chunks, link) {
		if (cpu_addr < chunk->cpu_base ||
		    cpu_addr >= chunk->cpu_base + chunk->size)
			continue;
		piece->pool = pool;
		piece->chunk = chunk;
		piece->index = (cpu_addr - chunk->cpu_base) >> PAGE_SHIFT;
		return true;
	}
	return false;
}

/**
 * dma_piece_find - the piece at a CPU address
 * @cpu_addr: the address of its start
 * @piece: filled with what dma_piece_give() needs
 *
 * Context: any, irq-safe.
 * Return: true if the address is in an atomic pool.
 */
bool dma_piece_find(void *cpu_addr, struct dma_piece *piece)
{
	bool is_found = false;

	for (unsigned int i = 0; i < nr_zone_pools && !is_found; i++) {
		unsigned long flags;

		spin_lock_irqsave(&zone_pools[i].lock, flags);
		is_found = __find_in(&zone_pools[i], cpu_addr, piece);
		spin_unlock_irqrestore(&zone_pools[i].lock, flags);
	}
	return is_found;
}

static const char *atomic_pool_decline(const struct dma_request *req)
{
	bool needs_work = req->limits.unencrypted ||
			  (!req->limits.coherent && !req->wants_pages &&
			   IS_ENABLED(CONFIG_DMA_DIRECT_REMAP));

	if (dma_request_can_sleep(req))
		return "the request may sleep";
	if (!needs_work)
		return "pages need no preparation";
	if (req->route == DMA_ROUTE_OPS)
		return "external ops map pages alone";
	/* A page that the caller treats as cached must not be a remapped one. */
	if (dma_request_wants_page(req) && IS_ENABLED(CONFIG_DMA_DIRECT_REMAP))
		return "the caller wants cacheable pages";
	return nr_zone_pools ? NULL : "there is none";
}

static int atomic_pool_alloc(const struct dma_request *req,
			     struct dma_allocation *record)
{
	struct dma_piece piece;

	if (!dma_piece_take(req->size, req->limits.last_phys, &piece))
		return -ENOMEM;
	if (!dma_request_reaches(req, piece.phys, req->size)) {
		dma_piece_give(&piece, req->size);
		return -ENOMEM;
	}
	record->own.atomic.chunk = piece.chunk;
	record->own.atomic.index = piece.index;
	record->own.atomic.pool = piece.pool - zone_pools;
	record->phys = piece.phys;
	record->cpu_addr = dma_request_wants_page(req) ?
			   pfn_to_page(PHYS_PFN(piece.phys)) : piece.cpu_addr;
	memset(piece.cpu_addr, 0, req->size);
	record->done |= DMA_DONE_CPU_MAPPED | DMA_DONE_ZEROED;
	return 0;
}

static void atomic_pool_free(struct dma_allocation *record)
{
	struct dma_piece piece = {
		.pool = &zone_pools[record->own.atomic.pool],
		.chunk = record->own.atomic.chunk,
		.index = record->own.atomic.index,
	};

	dma_piece_give(&piece, record->size);
}

static void atomic_pool_explain(const struct dma_request *req,
				struct seq_buf *text)
{
	const char *between = "";

	for (unsigned int i = 0; i < nr_zone_pools; i++) {
		struct dma_pool_info *info = &zone_pools[i].info;
		struct dma_pool_figures figures;

		info->figures(info, &figures);
		seq_buf_printf(text, "%s'%s' free %zu KiB, largest %zu KiB%s",
			       between, info->name,
			       (figures.size - figures.used) / SZ_1K,
			       figures.largest / SZ_1K,
			       is_in_reach(&zone_pools[i],
					   req->limits.last_phys) ?
			       ", growing (a larger coherent_pool= helps)" :
			       ", beyond the device's reach");
		between = ", ";
	}
}

const struct dma_backend dma_atomic_pool = {
	.name		= "atomic pool",
	.is_unencrypted	= true,
	.declines	= atomic_pool_decline,
	.alloc		= atomic_pool_alloc,
	.free		= atomic_pool_free,
	.explain	= atomic_pool_explain,
};

static void zone_pool_figures(struct dma_pool_info *info,
			      struct dma_pool_figures *figures)
{
	struct dma_zone_pool *pool =
		container_of(info, struct dma_zone_pool, info);
	struct dma_chunk *chunk;
	unsigned long flags;

	spin_lock_irqsave(&pool->lock, flags);
	*figures = (struct dma_pool_figures) {
		.size = pool->size,
		.used = pool->used,
		.peak = pool->peak,
		.served = pool->served,
		.refused = pool->refused,
	};
	list_for_each_entry(chunk, &pool->chunks, link) {
		struct dma_region_figures pages;

		dma_region_get_figures(chunk->region, &pages);
		figures->largest = max(figures->largest,
				       pages.nr_largest << PAGE_SHIFT);
	}
	spin_unlock_irqrestore(&pool->lock, flags);
}

static bool __init has_memory(enum zone_type type)
{
	pg_data_t *pgdat;

	for_each_online_pgdat(pgdat)
		if (managed_zone(&pgdat->node_zones[type]))
			return true;
	return false;
}

static void __init add_pool(const char *name, enum zone_type type, gfp_t zone)
{
	struct dma_zone_pool *pool = &zone_pools[nr_zone_pools];
	struct dma_chunk *chunk;

	if (!has_memory(type))
		return;
	spin_lock_init(&pool->lock);
	INIT_LIST_HEAD(&pool->chunks);
	INIT_DELAYED_WORK(&pool->work, adjust);
	pool->zone = zone;
	pool->zone_type = type;
	pool->info = (struct dma_pool_info) {
		.name = name,
		.kind = dma_atomic_pool.name,
		.users = "requests that may not sleep",
		.figures = zone_pool_figures,
	};

	chunk = make_chunk(pool, initial_size, PAGE_SIZE);
	if (!chunk) {
		pr_err("dma: atomic pool '%s': no %zu KiB for it; atomic requests will fail\n",
		       name, initial_size / SZ_1K);
		return;
	}
	list_add(&chunk->link, &pool->chunks);
	pool->size = chunk->size;
	pool->info.size = chunk->size;
	pool->info.base = page_to_phys(chunk->page);
	nr_zone_pools++;
	dma_stat_add_pool(&pool->info);
}

static int __init dma_atomic_pools_init(void)
{
	u64 most = (u64)totalram_pages() << PAGE_SHIFT >> 3;

	/* 128 KiB for each GiB of RAM, at least one, at most what pages give */
	if (!initial_size)
		initial_size = min(max(totalram_pages() / (SZ_1G / SZ_128K)
				       << PAGE_SHIFT, SZ_128K),
				   PAGE_SIZE << MAX_PAGE_ORDER);
	if (initial_size > most) {
		pr_warn("dma: coherent_pool=%zuK: expected no more than an eighth of the memory, %lluK, which is taken\n",
			initial_size / SZ_1K, most / SZ_1K);
		initial_size = most;
	}
	initial_size = PAGE_ALIGN(initial_size);

	add_pool("normal", ZONE_NORMAL, 0);
	dma_zone_pools_add_low(add_pool);
	return 0;
}
postcore_initcall(dma_atomic_pools_init);
