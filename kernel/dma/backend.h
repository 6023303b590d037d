/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The vocabulary of consistent allocations.
 *
 * A *request* is what a driver asked for, with everything about its device
 * that matters.  A *backend* is one place that memory can come from.  An
 * *allocation* is the record of a live buffer: who owns it and what has been
 * done to it.
 *
 * A backend knows only itself.  The dispatcher (alloc.c) walks one ordered
 * table of backends, takes the first piece of memory it is given, finishes
 * what the backend left undone, and publishes the record in the ledger.  What
 * is done is noted in the record's bits, and dma_undo() walks these bits
 * backwards, for a failure as for a free.
 */
#ifndef _KERNEL_DMA_BACKEND_H
#define _KERNEL_DMA_BACKEND_H

#include <linux/bits.h>
#include <linux/dma-limits.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/llist.h>
#include <linux/rbtree.h>
#include <linux/seq_buf.h>

#include "device.h"
#include "route.h"

struct dma_backend;
struct dma_cma_area;
struct dma_coherent_pool;
struct dma_extent;
struct iommu_dma_scatter;

/**
 * struct dma_request - one consistent allocation, on its way to a backend
 * @dev: the device
 * @size: bytes, a multiple of PAGE_SIZE
 * @gfp: the caller's flags, without zone modifiers
 * @attrs: DMA_ATTR_*
 * @dir: direction of the mapping, for cacheable pages behind an IOMMU or ops
 * @route: how the device reaches memory
 * @limits: what it can reach
 * @wants_pages: the caller wants cacheable pages (dma_alloc_pages() and kin),
 *	not memory that is coherent by itself
 */
struct dma_request {
	struct device		*dev;
	size_t			size;
	gfp_t			gfp;
	unsigned long		attrs;
	enum dma_data_direction	dir;
	enum dma_route		route;
	struct dma_limits	limits;
	bool			wants_pages;
};

/*
 * What there is to know of a request, in the order in which it is told why a
 * backend does not serve it.
 */
#define DMA_HAS_POOL		BIT(0)	/* the device has pools of its own */
#define DMA_BY_IOMMU		BIT(1)	/* the device is behind an IOMMU */
#define DMA_IS_DIRECT		BIT(2)	/* the device reaches memory directly */
#define DMA_IS_COHERENT		BIT(3)	/* the device sees the CPU's caches */
#define DMA_HAS_AREA		BIT(4)	/* the device has its own CMA area */
#define DMA_IS_SINGLE		BIT(5)	/* no more than a page */
#define DMA_IS_HUGE		BIT(6)	/* more than the page allocator has */
#define DMA_MAY_SLEEP		BIT(7)
#define DMA_WANTS_PAGES		BIT(8)	/* cacheable ones */
#define DMA_WANTS_CONTIGUOUS	BIT(9)
#define DMA_NEEDS_WORK		BIT(10)	/* pages have to be made uncached, say */
#define DMA_NR_FACTS		11

/*
 * What has been done to an allocation, in the order in which it is done.  A
 * backend whose memory comes with some of it done sets these bits itself.
 */
#define DMA_DONE_TAKEN		BIT(0)	/* memory taken from the backend */
#define DMA_DONE_DECRYPTED	BIT(1)	/* linear mapping decrypted */
#define DMA_DONE_UNCACHED	BIT(2)	/* in-place uncached alias made */
#define DMA_DONE_REMAPPED	BIT(3)	/* vmap()ed with other attributes */
#define DMA_DONE_CPU_MAPPED	BIT(4)	/* cpu_addr is right for the CPU */
#define DMA_DONE_ZEROED		BIT(5)
#define DMA_DONE_ADDRESSED	BIT(6)	/* dma_addr is right for the device */
#define DMA_DONE_IO_MAPPED	BIT(7)	/* dma_addr maps phys through an IOMMU */
#define DMA_DONE_OPS_MAPPED	BIT(8)	/* the same, by external ops */
#define DMA_DONE_LOST		BIT(9)	/* can't be given to anybody any more */
#define DMA_DONE_SPLIT		BIT(10)	/* pages, each held by itself */
#define DMA_DONE_DETACHED	BIT(11)	/* the device reaches it no more */
#define DMA_DONE_PIECE		BIT(12)	/* cut from an extent of an arena */
#define DMA_DONE_PREPARED	BIT(13)	/* which is decrypted and uncached */

/* Is the device's address a translation, now or before? */
#define DMA_DONE_TRANSLATED	\
	(DMA_DONE_IO_MAPPED | DMA_DONE_OPS_MAPPED | DMA_DONE_DETACHED)

/**
 * union dma_backend_data - what a backend keeps in a record for its free
 * @fixed: device pool and global pool: the pool, and the first page in it
 * @piece: if DMA_DONE_PIECE is set: the extent, and the first page in it
 * @area: CMA backends, if it is not: the area
 * @scatter: iommu: the scattered pages; NULL for pages in one piece
 *
 * The record's backend and its bits tell which member it is.  All of it is zero when
 * @alloc is called, and stays so for a backend that keeps nothing.
 */
union dma_backend_data {
	struct {
		struct dma_coherent_pool	*pool;
		unsigned long			index;
	} fixed;
	struct {
		struct dma_extent	*extent;
		unsigned long		index;
	} piece;
	struct dma_cma_area		*area;
	struct iommu_dma_scatter	*scatter;
};

/**
 * struct dma_allocation - the record of a live consistent buffer
 * @node: (l) place among the live ones of its owner
 * @deferred: once taken out, place in the list of deferred frees
 * @owner: what is known of the device; stays as long as the record
 * @dev: whose buffer it is; a key, not a reference
 * @dma_addr: where the device sees it
 * @size: bytes taken, a multiple of PAGE_SIZE
 * @cpu_addr: what the driver holds: the CPU's address, or the struct page
 * @phys: where it lies; 0 if it is scattered
 * @backend: who gave the memory
 * @own: what the backend keeps for its free
 * @group: the device's IOMMU group, to compare: who else could undo it
 * @driver: name of the driver at that time, for reading with care
 * @since: jiffies
 * @done: DMA_DONE_*; (l) for DMA_DONE_SPLIT
 * @attrs: DMA_ATTR_* that its free needs
 * @free_sleeps: the backend may have to sleep to take it back
 *
 * (l): the owner's lock.  All other fields are written before
 * the record is published and constant after that.
 */
struct dma_allocation {
	union {
		struct rb_node		node;
		struct llist_node	deferred;
	};
	struct dev_dma			*owner;
	struct device			*dev;
	dma_addr_t			dma_addr;
	size_t				size;
	void				*cpu_addr;
	phys_addr_t			phys;
	const struct dma_backend	*backend;
	union dma_backend_data		own;
	const void			*group;
	const char			*driver;
	unsigned long			since;
	u16				done;
	u16				attrs;
	bool				free_sleeps;
};

/**
 * struct dma_backend - a place that consistent memory comes from
 * @name: as people read it in messages, debugfs and tests
 * @is_exclusive: a device that this backend serves gets its memory here or
 *	not at all
 * @uses_device: @free needs the device
 * @is_unmapped: its memory is not in the linear mapping; user space gets it
 *	write-combined, as the kernel has it
 * @is_unencrypted: its memory is not encrypted, for whoever gets it
 * @gives_pages: from the page allocator: user space may hold single pages of
 *	it, as long as it likes
 * @needs: DMA_HAS_POOL and so on, all of which a request must have
 * @bars: none of which it may have
 * @declines: why this backend does not serve @req all the same, a static string;
 *	NULL if it does.  Any context, no side effects; optional
 * @alloc: take memory for @req: fill @record's phys and whatever else the
 *	backend's memory comes with, and set the bits for it.  Sleeps only if
 *	req->gfp allows.  Returns 0 or a negative error; takes nothing then.
 * @free: give back what @alloc took.  Can't fail.  Mappings for the device
 *	are gone by then, and it may be gone itself unless @uses_device.
 *	Sleeps only for a record that says so.
 * @explain: write why @alloc refused @req: what is free, the largest piece,
 *	the limit; optional
 */
struct dma_backend {
	const char	*name;
	bool		is_exclusive;
	bool		uses_device;
	bool		is_unmapped;
	bool		is_unencrypted;
	bool		gives_pages;
	u16		needs;
	u16		bars;
	const char	*(*declines)(const struct dma_request *req);
	int		(*alloc)(const struct dma_request *req,
				 struct dma_allocation *record);
	void		(*free)(struct dma_allocation *record);
	void		(*explain)(const struct dma_request *req,
				   struct seq_buf *text);
};

/*
 * The backends.  DMA_BACKEND_IF() yields NULL for one whose file is not
 * built, so that the table needs no conditionals.
 */
extern const struct dma_backend dma_device_pool;	/* coherent.c */
extern const struct dma_backend dma_global_pool;	/* coherent_global.c */
extern const struct dma_backend dma_restricted_pool;	/* restricted.c */
extern const struct dma_backend dma_iommu_backend;	/* via_iommu.c */
extern const struct dma_backend dma_arch_backend;	/* via_arch.c */
extern const struct dma_backend dma_atomic_pool;	/* pool.c */
extern const struct dma_backend dma_prepared_pages;	/* pool.c */
extern const struct dma_backend dma_device_cma;		/* contiguous.c */
extern const struct dma_backend dma_node_cma;		/* contiguous.c */
extern const struct dma_backend dma_default_cma;	/* contiguous.c */
extern const struct dma_backend dma_page_backend;	/* pages.c */
extern const struct dma_backend dma_busy_cma;		/* contiguous_wait.c */

#define DMA_BACKEND_IF(config, backend)	\
	(IS_ENABLED(CONFIG_##config) ? &(backend) : NULL)

/* alloc.c */
struct dma_request dma_request_of(struct device *dev, size_t size, gfp_t gfp,
				  unsigned long attrs);
const char *dma_backend_declines(const struct dma_backend *backend,
				 const struct dma_request *req);
int dma_dispatch(struct dma_request *req, struct dma_allocation **recordp);
bool dma_dispatch_free(struct device *dev, size_t size, void *cpu_addr,
		       dma_addr_t dma_addr);
void dma_undo(struct dma_allocation *record);
void dma_release(struct dma_allocation *record);
void dma_free_unknown(struct device *dev, size_t size, void *cpu_addr,
		      dma_addr_t dma_addr);
const struct dma_backend *dma_backend_at(unsigned int nr);

static inline bool dma_request_can_sleep(const struct dma_request *req)
{
	return gfpflags_allow_blocking(req->gfp);
}

static inline unsigned long dma_request_nr_pages(const struct dma_request *req)
{
	return req->size >> PAGE_SHIFT;
}

/*
 * Memory is decrypted for the device itself, and has to lie where it reaches;
 * behind an IOMMU or ops the translation takes care of both.
 */
static inline struct dma_limits dma_request_limits(struct device *dev,
						   enum dma_route route)
{
	struct dma_limits limits = dma_limits_of(dev, dev->coherent_dma_mask);

	if (route != DMA_ROUTE_DIRECT) {
		limits.unencrypted = false;
		limits.last_phys = PHYS_ADDR_MAX;
	}
	return limits;
}

static inline void dma_request_set_route(struct dma_request *req,
					 enum dma_route route)
{
	req->route = route;
	req->limits = dma_request_limits(req->dev, route);
}

/* Can the device use memory at @phys, once it is mapped for it? */
static inline bool dma_request_reaches(const struct dma_request *req,
				       phys_addr_t phys, size_t size)
{
	return req->route != DMA_ROUTE_DIRECT ||
	       dma_limits_reach(req->dev, &req->limits, phys, size);
}

/* Is the device's address that of the memory, and nobody's translation? */
static inline bool dma_record_is_direct(const struct dma_allocation *record)
{
	return !(record->done & DMA_DONE_TRANSLATED);
}

/* Do its kernel mappings, and so those of user space, have to say so? */
static inline bool dma_record_is_unencrypted(const struct dma_allocation *record)
{
	return record->backend->is_unencrypted ||
	       (record->done & (DMA_DONE_DECRYPTED | DMA_DONE_PREPARED));
}

/* The first page of memory that has pages. */
static inline struct page *dma_record_page(const struct dma_allocation *record)
{
	return pfn_to_page(PHYS_PFN(record->phys));
}

/* Natural alignment: the smallest power of two of pages that holds it. */
static inline unsigned long dma_natural_pages(size_t size)
{
	return 1UL << get_order(size);
}

#endif /* _KERNEL_DMA_BACKEND_H */
