// SPDX-License-Identifier: GPL-2.0-only
/*
 * Backends: pages that are prepared, for requests that may not sleep and for those
 * that need not.
 *
 * Making a page uncached or decrypted means to sleep, so some are kept ready: an
 * arena (arena.c) for each memory zone of the machine that has memory of its own:
 * normal, DMA32, DMA.  A request goes to the most general one that its device
 * reaches, so that scarce low memory is left to those who need it.
 *
 *   atomic pool      requests that may not sleep: what is ready, all of it
 *   prepared pages   requests that may: what is ready beyond the reserve, or
 *                    what is made for them
 *
 * The reserve is coherent_pool= bytes (default: 128 KiB per GiB of RAM), or as much
 * of that as one extent can have.
 *
 * Locks: those of the arenas.  The table of zones is constant after boot.
 */
#include <linux/cma.h>
#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/pfn.h>
#include <linux/sizes.h>

#include "arena.h"
#include "backend.h"
#include "pool.h"
#include "prepare.h"
#include "stat.h"

/* The largest that is asked for.  Tests lower it, as if there were less memory. */
int dma_extent_order = MAX_PAGE_ORDER;

/**
 * struct dma_zone_pool - the prepared memory of one zone
 * @info: as people see it
 * @arena: its extents
 * @zone: GFP_DMA, GFP_DMA32 or 0
 * @zone_type: the zone its pages have to be in
 * @first_phys: where that zone begins
 */
struct dma_zone_pool {
	struct dma_pool_info	info;
	struct dma_arena	arena;
	gfp_t			zone;
	enum zone_type		zone_type;
	phys_addr_t		first_phys;
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

static struct page *take_from_area(struct dma_zone_pool *pool,
				   unsigned int order)
{
	struct cma *cma = pool->arena.cma;
	struct page *page;

	page = cma ? cma_alloc(cma, 1UL << order, order, true) : NULL;
	if (page && page_zonenum(page) > pool->zone_type) {
		cma_release(cma, page, 1UL << order);
		return NULL;
	}
	return page;
}

static struct page *take_pages(struct dma_arena *arena, size_t size)
{
	struct dma_zone_pool *pool =
		container_of(arena, struct dma_zone_pool, arena);
	int order = get_order(size);
	struct page *page = NULL;

	if (order > dma_extent_order)
		return NULL;
	/*
	 * What stays is taken from CMA, which would lend it to others only; what
	 * comes and goes, the page allocator has at less cost.
	 */
	if (!READ_ONCE(arena->size))
		page = take_from_area(pool, order);
	if (!page)
		page = alloc_pages(GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY |
				   pool->zone, order);
	return page ?: take_from_area(pool, order);
}

static void give_pages(struct dma_arena *arena, struct page *page, size_t size)
{
	if (!arena->cma ||
	    !cma_release(arena->cma, page, size >> PAGE_SHIFT))
		__free_pages(page, get_order(size));
}

static const struct dma_source zone_source = {
	.is_rounded	= true,
	.take		= take_pages,
	.give		= give_pages,
};

/* Is there a point in letting this pool grow? */
static bool is_in_reach(const struct dma_zone_pool *pool, phys_addr_t last_phys)
{
	return last_phys >= PAGE_SIZE - 1 &&
	       pool->first_phys <= last_phys - (PAGE_SIZE - 1);
}

/* Ready memory of the first pool that has it. */
static bool take(const struct dma_need *need, struct dma_piece *piece)
{
	/* The most general pool that can grow for it does, the scarce ones do not. */
	bool has_grown = false;

	for (unsigned int i = 0; i < nr_zone_pools; i++) {
		bool can_grow = !has_grown && is_in_reach(&zone_pools[i],
							  need->last_phys);
		bool may_grow = can_grow;

		if (dma_arena_take(&zone_pools[i].arena, need, &may_grow, piece))
			return true;
		has_grown |= can_grow && !may_grow;
	}
	return false;
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
	return take(&(struct dma_need){ .size = size, .last_phys = last_phys },
		    piece);
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
	for (unsigned int i = 0; i < nr_zone_pools; i++)
		if (dma_arena_find(&zone_pools[i].arena, cpu_addr, piece))
			return true;
	return false;
}

static const char *decline(const struct dma_request *req)
{
	return dma_prepared_decline(req) ?:
	       (nr_zone_pools ? NULL : "there is none");
}

static struct dma_need need_of(const struct dma_request *req)
{
	return (struct dma_need){
		.size = req->size,
		.last_phys = req->limits.last_phys,
		.req = req,
	};
}

static int atomic_pool_alloc(const struct dma_request *req,
			     struct dma_allocation *record)
{
	struct dma_need need = need_of(req);
	struct dma_piece piece;

	if (!take(&need, &piece))
		return -ENOMEM;
	dma_record_set_piece(record, req, &piece);
	return 0;
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
	.needs		= DMA_NEEDS_WORK,
	.bars		= DMA_MAY_SLEEP,
	.declines	= decline,
	.alloc		= atomic_pool_alloc,
	.free		= dma_record_give_piece,
	.explain	= atomic_pool_explain,
};

static int prepared_alloc(const struct dma_request *req,
			  struct dma_allocation *record)
{
	struct dma_need need = need_of(req);
	struct dma_piece piece;

	for (unsigned int i = 0; i < nr_zone_pools; i++) {
		if (!is_in_reach(&zone_pools[i], need.last_phys) ||
		    !dma_arena_alloc(&zone_pools[i].arena, &need, &piece))
			continue;
		dma_record_set_piece(record, req, &piece);
		return 0;
	}
	return -ENOMEM;
}

const struct dma_backend dma_prepared_pages = {
	.name		= "prepared pages",
	.is_unencrypted	= true,
	.needs		= DMA_MAY_SLEEP | DMA_NEEDS_WORK,
	.bars		= DMA_BY_IOMMU | DMA_IS_HUGE,
	.declines	= decline,
	.alloc		= prepared_alloc,
	.free		= dma_record_give_piece,
};

static void zone_pool_figures(struct dma_pool_info *info,
			      struct dma_pool_figures *figures)
{
	dma_arena_figures(&container_of(info, struct dma_zone_pool, info)->arena,
			  figures);
}

/* Where a zone begins on any node; PHYS_ADDR_MAX if no node has memory of it. */
static phys_addr_t __init first_of_zone(enum zone_type type)
{
	phys_addr_t first = PHYS_ADDR_MAX;
	pg_data_t *pgdat;

	for_each_online_pgdat(pgdat) {
		struct zone *zone = &pgdat->node_zones[type];

		if (managed_zone(zone))
			first = min(first, PFN_PHYS(zone->zone_start_pfn));
	}
	return first;
}

static void __init add_pool(const char *name, enum zone_type type, gfp_t zone)
{
	struct dma_zone_pool *pool = &zone_pools[nr_zone_pools];
	struct dma_pool_figures figures;

	pool->first_phys = first_of_zone(type);
	if (pool->first_phys == PHYS_ADDR_MAX)
		return;
	pool->zone = zone;
	pool->zone_type = type;
	pool->arena.name = name;
	pool->arena.source = &zone_source;
	pool->arena.cma = dev_get_cma_area(NULL);
	pool->arena.is_prepared = true;
	pool->arena.most = DMA_PREPARED_MOST;
	dma_arena_init(&pool->arena);
	/* It stays in the list of arenas, and grows when it is asked. */
	if (!dma_arena_fill(&pool->arena, initial_size))
		pr_err("dma: atomic pool '%s': no %zu KiB for it; atomic requests may fail\n",
		       name, initial_size / SZ_1K);
	pool->arena.reserve = initial_size;
	dma_arena_figures(&pool->arena, &figures);
	pool->info = (struct dma_pool_info) {
		.name = name,
		.kind = dma_atomic_pool.name,
		.users = "requests that may not sleep",
		.base = dma_arena_first_phys(&pool->arena),
		.size = figures.size,
		.figures = zone_pool_figures,
	};
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
