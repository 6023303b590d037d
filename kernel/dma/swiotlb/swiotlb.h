/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bounce buffers, as the layer sees them.
 *
 * A *set* is all the buffers that a device may use: one for everybody (the
 * default set), one for each restricted pool.  It has one *pool* to begin
 * with, which stays; the default set grows by more of them, and gives them
 * back.  A pool is contiguous memory cut into *slots* of 2 KiB.  Its slots are
 * shared out to *areas*, each with a lock of its own; a mapping lies in one
 * area.
 *
 *   swiotlb.c		map, unmap, sync, consistent memory
 *   swiotlb/slots.c	an area: which of its slots are free
 *   swiotlb/pool.c	pools: making them, those of a set, finding one
 *   swiotlb/grow.c	more of them, and fewer again
 *   swiotlb/boot.c	the default set: parameters, early and late setup
 *   swiotlb/dt.c	restricted pools
 *   swiotlb/stat.c	who holds what, figures, refusals, debugfs
 *
 * Locks, outermost first: swiotlb_sets_mutex, set->lock, area->lock; the last
 * two are irq-safe.  A map call takes no lock but that of one area at a time;
 * it reads the lists of pools under RCU.
 */
#ifndef _KERNEL_DMA_SWIOTLB_SWIOTLB_H
#define _KERNEL_DMA_SWIOTLB_SWIOTLB_H

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/device.h>
#include <linux/dma-limits.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/percpu.h>
#include <linux/rbtree_latch.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/swiotlb.h>
#include <linux/workqueue.h>

#include "../arena.h"
#include "../device.h"
#include "../pool.h"
#include "../stat.h"

/*
 * A word of slots is what an unsigned long has bits for, and an area has up to
 * as many words: 4096 slots, 8 MiB, where a long has 64 bits.  So one word of
 * summary tells which of an area's words have room.
 */
#define SWIOTLB_WORD		BITS_PER_LONG
#define SWIOTLB_AREA_SLOTS	(SWIOTLB_WORD * SWIOTLB_WORD)
#define SWIOTLB_AREA_BYTES	((size_t)SWIOTLB_AREA_SLOTS << IO_TLB_SHIFT)
#define SWIOTLB_WORD_BYTES	((phys_addr_t)SWIOTLB_WORD << IO_TLB_SHIFT)

/* For each order a word whose every 2^order-th bit is set, the first one on */
#if BITS_PER_LONG == 64
#define SWIOTLB_MAX_ORDER	6
#define SWIOTLB_STARTS		{ ~0UL, ~0UL / 0x3, ~0UL / 0xf, ~0UL / 0xff, \
				  ~0UL / 0xffff, ~0UL / 0xffffffff, 1 }
#else
#define SWIOTLB_MAX_ORDER	5
#define SWIOTLB_STARTS		{ ~0UL, ~0UL / 0x3, ~0UL / 0xf, ~0UL / 0xff, \
				  ~0UL / 0xffff, 1 }
#endif

/* Ranks of a word: 0: no slot is free; n: 2^(n-1) in a row, aligned to that. */
#define SWIOTLB_NR_RANKS	(SWIOTLB_MAX_ORDER + 2)

/**
 * struct swiotlb_area - slots under one lock
 * @lock: protects all that follows; irq-safe, innermost
 * @is_closed: the pool is going, nothing is to be taken any more
 * @first: number of its first slot in the pool, a multiple of SWIOTLB_WORD
 * @nr_slots: how many slots it has, those included that can't be used
 * @nr_free: that nobody uses; read without the lock as a hint
 * @low: the least of @nr_free since the peak was reset
 * @served: how often slots were taken
 * @by_rank: for each rank the words that have it; each word has one rank
 * @rank: of each word
 * @used: a bit for each slot; those that can't be used are set for ever
 */
struct swiotlb_area {
	spinlock_t	lock;	/* protects all that follows */
	bool		is_closed;
	unsigned int	first;
	unsigned int	nr_slots;
	unsigned int	nr_free;
	unsigned int	low;
	unsigned long	served;
	unsigned long	by_rank[SWIOTLB_NR_RANKS];
	u8		rank[SWIOTLB_WORD];
	unsigned long	used[SWIOTLB_WORD];
} ____cacheline_aligned_in_smp;

/**
 * struct swiotlb_slot - one slot; all but @first only where a mapping begins
 * @phys: of the driver's buffer; PHYS_ADDR_MAX: consistent memory, no buffer
 * @owner: whose mapping it is; NULL: a device that no bus has configured
 * @size: of the buffer, in bytes; 0: no mapping begins here
 * @offset: of the data in the mapping's first slot or behind, in bytes
 * @since: jiffies, the lower bits
 * @first: the slot of the area where the mapping begins that this one is of
 * @nr: how many slots the mapping has, padding included
 *
 * Whoever has the mapping may read it; written under the area's lock.
 */
struct swiotlb_slot {
	phys_addr_t		phys;
	struct dev_dma		*owner;
	u32			size;
	u32			offset;
	u32			since;
	u16			first;
	u16			nr;
};

/* Where a pool's memory comes from, and goes to */
enum swiotlb_source {
	SWIOTLB_FROM_MEMBLOCK,	/* stays, or is freed by swiotlb_exit() */
	SWIOTLB_FROM_PAGES,	/* the page allocator */
	SWIOTLB_FROM_PIECE,	/* an atomic pool of consistent memory */
	SWIOTLB_FROM_RESERVED,	/* a reserved-memory node: stays */
};

/**
 * struct io_tlb_pool - contiguous memory for bounced mappings
 * @start: its first address
 * @end: the one behind its last
 * @base: where slot 0 lies: @start or, if that is not aligned to a word of
 *	slots, below; so slots are aligned in memory as they are in their words
 * @cpu_base: where the CPU sees @base
 * @set: whose it is
 * @slots: all of them
 * @area_shift: an area has 2^area_shift slots, the last one may have fewer
 * @nr_areas: how many
 * @source: of the memory
 * @is_boot: it was there first, and stays
 * @is_transient: made for one mapping, goes when it is not used any more
 * @is_decrypted: the memory has to be encrypted before anybody else gets it
 * @is_lost: encrypting or decrypting the memory failed: nobody may have it
 * @meta_size: of the pool itself, in bytes
 * @node: (s) in the set's tree, unless it is the first pool
 * @list: (s) in one of the set's lists of pools
 * @ended: (s) with others that are in no list any more
 * @idle_since: (w) when it was seen idle first, in jiffies
 * @idle_served: (w) how much it had served by then
 * @piece: with SWIOTLB_FROM_PIECE, the memory
 * @areas: the areas
 *
 * (s): the set's lock, and RCU, (w): only the set's worker uses it.
 */
struct io_tlb_pool {
	phys_addr_t		start;
	phys_addr_t		end;
	phys_addr_t		base;
	void			*cpu_base;
	struct swiotlb_set	*set;
	struct swiotlb_slot	*slots;
	unsigned int		area_shift;
	unsigned int		nr_areas;
	enum swiotlb_source	source;
	bool			is_boot;
	bool			is_transient;
	bool			is_decrypted;
	bool			is_lost;
	size_t			meta_size;
	struct latch_tree_node	node;
	struct list_head	list;
	struct list_head	ended;
	unsigned long		idle_since;
	unsigned long		idle_served;
	struct dma_piece	piece;
	struct swiotlb_area	areas[];
};

/* The zones from which a set can grow, the most general one first */
enum swiotlb_zone {
	SWIOTLB_ZONE_NORMAL,
	SWIOTLB_ZONE_DMA32,
	SWIOTLB_ZONE_DMA,
	SWIOTLB_NR_ZONES,
};

/**
 * struct swiotlb_reach - memory that devices may reach, windows apart
 * @first: its first physical address
 * @last: its last one, inclusive
 */
struct swiotlb_reach {
	phys_addr_t	first;
	phys_addr_t	last;
};

/**
 * struct swiotlb_set - all the buffers that a device may use
 * @mem: what struct device points to; has to be first
 * @name: "default", or the node's
 * @why_denied: why there will never be any buffers; NULL: there are, or may be
 * @first: the pool that was there first, and stays; NULL: there are none
 * @lock: protects what is (s), and the next ones up to @wanted
 * @tree: (r) all pools but the first, by their addresses
 * @pools: (r) those that last, @first before the others: mappings go there
 * @transients: (r) those made for one mapping each
 * @ended: those that wait for the worker to be destroyed
 * @size: of all pools, in bytes
 * @peak: the most slots that were used, as seen when an area had its own peak
 * @wanted: the next pool of a zone: @size is the least it has to have, 0 if
 *	none is needed; @reach is where it has to lie
 * @nr_transient: slots of pools that are transient
 * @nr_used_transient: of these, how many are used
 * @can_grow: it may
 * @is_remapped: a callback has made its memory contiguous for devices, which see
 *	it elsewhere; who uses it looks whether they reach it
 * @limit: up to so many bytes
 * @nr_refused: mappings
 * @nr_contended: how often another area was chosen for want of a lock
 * @work: grows and shrinks it
 * @info: for the list of pools
 * @nr_users: devices bound to it, if it is a restricted pool
 * @list: (m) all sets
 * @dir: (m) its directory in debugfs
 *
 * (m): swiotlb_sets_mutex, (r): changed under @lock, read under RCU.
 */
struct swiotlb_set {
	struct io_tlb_mem	mem;
	const char		*name;
	const char		*why_denied;
	struct io_tlb_pool __rcu *first;

	spinlock_t		lock;	/* protects what follows, up to wanted */
	struct latch_tree_root	tree;
	struct list_head	pools;
	struct list_head	transients;
	struct list_head	ended;
	size_t			size;
	unsigned long		peak;
	struct swiotlb_wanted {
		size_t		size;
		struct swiotlb_reach reach;
	} wanted[SWIOTLB_NR_ZONES];

	atomic_long_t		nr_transient;
	atomic_long_t		nr_used_transient;
	bool			can_grow;
	bool			is_remapped;
	size_t			limit;
	atomic_long_t		nr_refused;
	atomic_long_t		nr_contended;
	struct delayed_work	work;
	struct dma_pool_info	info;
	atomic_t		nr_users;
	struct list_head	list;
	struct dentry		*dir;
};

/**
 * struct swiotlb_need - which slots serve a mapping
 * @nr: how many in a row
 * @mask: lower bits of the first one's number, in memory, that are fixed
 * @want: their value
 * @order: 2^order slots that are aligned to that are sure to have room for it
 * @offset: of the data behind the start of the first slot, in bytes
 * @size: of the data, in bytes
 * @boundary: the data must not cross a multiple of this, plus one
 * @dma_start: where the device sees the start of the pool that is asked
 */
struct swiotlb_need {
	unsigned int	nr;
	unsigned int	mask;
	unsigned int	want;
	unsigned int	order;
	size_t		offset;
	size_t		size;
	u64		boundary;
	dma_addr_t	dma_start;
};

/* How hard to look for slots in an area */
enum swiotlb_effort {
	SWIOTLB_TRY,		/* if its lock is free, by rank */
	SWIOTLB_BY_RANK,	/* by rank */
	SWIOTLB_EVERYWHERE,	/* each place where they could lie */
};

/**
 * struct swiotlb_options - what the command line says; 0 or false: nothing
 * @nr_slots: of the first pool
 * @nr_areas: that it has at least, if it is large enough
 * @is_forced: all devices have to bounce
 * @is_off: there are no bounce buffers
 */
struct swiotlb_options {
	unsigned long	nr_slots;
	unsigned int	nr_areas;
	bool		is_forced;
	bool		is_off;
};

extern struct swiotlb_set swiotlb_default;
extern unsigned int swiotlb_nr_areas;
extern unsigned long swiotlb_idle;

/* slots.c */
void swiotlb_area_init(struct swiotlb_area *area, unsigned int first,
		       unsigned int nr_slots, unsigned int nr_skipped);
int swiotlb_area_take(struct io_tlb_pool *pool, struct swiotlb_area *area,
		      const struct swiotlb_need *need,
		      enum swiotlb_effort effort, bool *is_peak);
void __swiotlb_area_give(struct swiotlb_area *area, unsigned int slot,
			 unsigned int nr);
unsigned int swiotlb_area_largest(struct swiotlb_area *area);
void swiotlb_area_close(struct swiotlb_area *area, bool is_closed);

/* pool.c */
size_t swiotlb_pool_meta_size(phys_addr_t start, size_t size,
			      unsigned int nr_areas);
struct io_tlb_pool *swiotlb_pool_init(void *meta, phys_addr_t start,
				      size_t size, unsigned int nr_areas,
				      enum swiotlb_source source);
struct io_tlb_pool *swiotlb_pool_create(phys_addr_t start, size_t size,
					unsigned int nr_areas,
					enum swiotlb_source source, gfp_t gfp);
int swiotlb_pool_set_encrypted(struct io_tlb_pool *pool, bool is_encrypted);
int swiotlb_pool_decrypt(struct io_tlb_pool *pool);
void swiotlb_pool_destroy(struct io_tlb_pool *pool);
bool swiotlb_pool_close(struct io_tlb_pool *pool);
unsigned long swiotlb_pool_nr_used(const struct io_tlb_pool *pool);
int swiotlb_set_add(struct swiotlb_set *set, struct io_tlb_pool *pool);
void swiotlb_set_remove(struct swiotlb_set *set, struct io_tlb_pool *pool);
void swiotlb_set_reap(struct swiotlb_set *set);
void swiotlb_info_figures(struct dma_pool_info *info,
			  struct dma_pool_figures *figures);
void swiotlb_set_destroy(struct swiotlb_set *set);
struct io_tlb_pool *swiotlb_set_find(struct swiotlb_set *set, phys_addr_t phys);
unsigned long swiotlb_set_nr_used(struct swiotlb_set *set);
void swiotlb_set_note_peak(struct swiotlb_set *set);

/* boot.c */
void swiotlb_set_init(struct swiotlb_set *set, const char *name);
bool swiotlb_parse_options(const char *text, struct swiotlb_options *found);
size_t swiotlb_first_size(u64 ram, bool is_forced, bool can_grow);

/* dt.c */
struct swiotlb_set *swiotlb_reserved_create(const char *name, phys_addr_t start,
					    size_t size);
void swiotlb_reserved_destroy(struct swiotlb_set *set);

/* stat.c */
extern struct mutex swiotlb_sets_mutex;

unsigned int swiotlb_wanted_areas(void);
void swiotlb_set_reset_peak(struct swiotlb_set *set);
void swiotlb_set_figures(struct swiotlb_set *set,
			 struct dma_pool_figures *figures);
void swiotlb_set_show(struct swiotlb_set *set);
void swiotlb_set_hide(struct swiotlb_set *set);
void swiotlb_report_refusal(struct swiotlb_set *set, struct device *dev,
			    const struct swiotlb_need *need,
			    unsigned long attrs);

#ifdef CONFIG_SWIOTLB
void swiotlb_driver_gone(struct device *dev);

static inline struct swiotlb_set *swiotlb_set_of(struct device *dev)
{
	return container_of_const(dev->dma_io_tlb_mem, struct swiotlb_set, mem);
}

/* Why a device must not do any DMA; NULL: it may. */
static inline const char *swiotlb_why_denied(struct device *dev)
{
	return dev->dma_io_tlb_mem ? swiotlb_set_of(dev)->why_denied : NULL;
}
#else
static inline const char *swiotlb_why_denied(struct device *dev)
{
	return NULL;
}

static inline void swiotlb_driver_gone(struct device *dev)
{
}
#endif

/* grow.c */
#ifdef CONFIG_SWIOTLB_DYNAMIC
int swiotlb_grow_now(struct swiotlb_set *set, struct device *dev,
		     bool is_translated, const struct swiotlb_need *need,
		     struct io_tlb_pool **poolp);
void swiotlb_want(struct swiotlb_set *set, struct device *dev,
		  bool is_translated, size_t size);
bool swiotlb_needs_piece(struct device *dev);
enum swiotlb_zone swiotlb_zone_of(struct device *dev, bool is_translated,
				  struct swiotlb_reach *reach);
void swiotlb_work(struct work_struct *work);

static inline bool swiotlb_can_grow(const struct swiotlb_set *set)
{
	return READ_ONCE(set->can_grow);
}
#else
static inline int swiotlb_grow_now(struct swiotlb_set *set, struct device *dev,
				   bool is_translated,
				   const struct swiotlb_need *need,
				   struct io_tlb_pool **poolp)
{
	return -ENOSPC;
}

static inline void swiotlb_want(struct swiotlb_set *set, struct device *dev,
				bool is_translated, size_t size)
{
}

static inline void swiotlb_work(struct work_struct *work)
{
}

static inline bool swiotlb_can_grow(const struct swiotlb_set *set)
{
	return false;
}
#endif

static inline size_t swiotlb_pool_size(const struct io_tlb_pool *pool)
{
	return pool->end - pool->start;
}

static inline phys_addr_t swiotlb_slot_phys(const struct io_tlb_pool *pool,
					    unsigned int nr)
{
	return pool->base + ((phys_addr_t)nr << IO_TLB_SHIFT);
}

static inline void *swiotlb_cpu_addr(const struct io_tlb_pool *pool,
				     phys_addr_t phys)
{
	return pool->cpu_base + (phys - pool->base);
}

/* Does the device see all of a pool?  If so, where it starts. */
static __always_inline bool swiotlb_pool_reaches(const struct io_tlb_pool *pool,
						 struct device *dev,
						 dma_addr_t *dma_start)
{
	dma_addr_t first = phys_to_dma_unencrypted(dev, pool->start);
	dma_addr_t last = first + (swiotlb_pool_size(pool) - 1);

	*dma_start = first;
	if (unlikely(dev->dma_range_map) &&
	    (first == DMA_MAPPING_ERROR ||
	     phys_to_dma_unencrypted(dev, pool->end - 1) != last))
		return false;
	return last >= first && last <= dma_last_address(dev, *dev->dma_mask);
}

/* swiotlb_area_take(), which may make a peak of the set */
static inline int swiotlb_take(struct io_tlb_pool *pool,
			       struct swiotlb_area *area,
			       const struct swiotlb_need *need,
			       enum swiotlb_effort effort)
{
	bool is_peak = false;
	int nr = swiotlb_area_take(pool, area, need, effort, &is_peak);

	if (unlikely(is_peak))
		swiotlb_set_note_peak(pool->set);
	return nr;
}

#endif /* _KERNEL_DMA_SWIOTLB_SWIOTLB_H */
