// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bounce buffers: map, unmap, sync.
 *
 * To map a buffer that a device can't reach, slots are taken from a pool that
 * it does reach, and the data is copied there; always, even if the device is
 * to fill the buffer: where the device writes nothing, the driver must get its
 * own old bytes back, not what somebody else's mapping left in the slots.
 * Unmapping copies back what the device has written, and gives the slots back.
 *
 * Pools are asked in turn: first the one that was there first, so that others
 * become idle and can go; in each pool first this CPU's area.  Three times at
 * most: without waiting for a lock and by rank, the same with waiting,
 * and everywhere.  If nothing is found the set grows, for this mapping at once
 * and for others in the background; see swiotlb/grow.c.
 *
 * A mapping is described where its slots begin; its other slots tell where that
 * is, so that a part of it can be synced.
 *
 * Locks: one area's at a time, and the set's where a transient pool ends.  The
 * pools are read under RCU; while it has a mapping, a pool does not go.
 */
#include <linux/dma-cache.h>
#include <linux/dma-copy.h>
#include <linux/iommu-dma.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/smp.h>

#include "swiotlb/swiotlb.h"

#define CREATE_TRACE_POINTS
#include <trace/events/swiotlb.h>

#define NO_ADDRESS	((phys_addr_t)DMA_MAPPING_ERROR)

/* After so many mappings that met at a lock it is time for another pool. */
#define NR_MEETINGS	128

/* Who maps what */
struct request {
	struct device		*dev;
	struct swiotlb_need	need;
	bool			is_translated;
};

/*
 * Which slots serve?  The bits of min_align_mask are the same in the buffer's
 * address and in that of its data; within them, the slots begin at a multiple
 * of @align_mask + 1.  A page or more begins at a page, as far as that is open.
 */
static __always_inline struct swiotlb_need
need_of(struct device *dev, phys_addr_t phys, size_t size,
	unsigned int align_mask, u64 boundary)
{
	unsigned int kept = dma_get_min_align_mask(dev);
	unsigned int unit = align_mask | (IO_TLB_SIZE - 1);
	unsigned int fixed = kept | unit;
	struct swiotlb_need need = {
		.offset		= phys & kept & unit,
		.size		= size,
		.boundary	= boundary,
	};

	if (size >= PAGE_SIZE)
		fixed |= PAGE_SIZE - 1;
	need.mask = fixed >> IO_TLB_SHIFT;
	need.want = (phys & kept & ~unit) >> IO_TLB_SHIFT;
	need.nr = ((need.offset + size + unit) & ~(size_t)unit) >> IO_TLB_SHIFT;
	need.order = order_base_2(max(need.want + need.nr, need.mask + 1));
	return need;
}

/* This CPU's area of a pool */
static __always_inline unsigned int home_of(const struct io_tlb_pool *pool)
{
	if (pool->nr_areas == 1)
		return 0;
	return raw_smp_processor_id() % pool->nr_areas;
}

static __always_inline bool reaches(struct request *req,
				    const struct io_tlb_pool *pool)
{
	return swiotlb_pool_reaches(pool, req->dev, &req->need.dma_start) ||
	       req->is_translated || pool->set->is_remapped;
}

static int search_pool(struct io_tlb_pool *pool,
		       const struct swiotlb_need *need,
		       enum swiotlb_effort effort)
{
	unsigned int home = home_of(pool);
	int slot, err = -ENOSPC;

	for (unsigned int i = 0; i < pool->nr_areas; i++) {
		unsigned int nr = home + i;

		if (nr >= pool->nr_areas)
			nr -= pool->nr_areas;
		slot = swiotlb_take(pool, &pool->areas[nr], need, effort);
		if (slot >= 0)
			return slot;
		if (slot == -EBUSY)
			err = slot;
	}
	return err;
}

/* Look everywhere, harder each time.  Fills in *@poolp. */
static noinline int search(struct swiotlb_set *set, struct request *req,
			   struct io_tlb_pool **poolp)
{
	struct io_tlb_pool *pool;
	int slot;

	for (int effort = SWIOTLB_TRY; effort <= SWIOTLB_EVERYWHERE; effort++) {
		list_for_each_entry_rcu(pool, &set->pools, list) {
			if (!reaches(req, pool))
				continue;
			slot = search_pool(pool, &req->need, effort);
			if (slot >= 0) {
				*poolp = pool;
				return slot;
			}
		}
	}
	return -ENOSPC;
}

/* Another CPU was at the area that this one goes to first. */
static noinline void note_meeting(struct swiotlb_set *set, struct request *req)
{
	if (!(atomic_long_inc_return(&set->nr_contended) % NR_MEETINGS))
		swiotlb_want(set, req->dev, req->is_translated, 1);
}

/* Slots for a mapping; under RCU.  Fills in *@poolp. */
static __always_inline int take_slots(struct swiotlb_set *set,
				      struct request *req,
				      struct io_tlb_pool **poolp)
{
	struct io_tlb_pool *pool = rcu_dereference(set->first);
	int slot = -ENOSPC;

	if (unlikely(!pool))
		return slot;
	if (likely(reaches(req, pool)))
		slot = swiotlb_take(pool, &pool->areas[home_of(pool)],
				    &req->need, SWIOTLB_TRY);
	if (unlikely(slot == -EBUSY))
		note_meeting(set, req);
	if (unlikely(slot < 0))
		slot = search(set, req, &pool);
	if (unlikely(slot < 0) && swiotlb_can_grow(set))
		slot = swiotlb_grow_now(set, req->dev, req->is_translated,
					&req->need, &pool);
	*poolp = pool;
	return slot;
}

/* Slots know what they are for from here on. */
static __always_inline void note_mapping(struct io_tlb_pool *pool,
					 unsigned int nr,
					 const struct request *req,
					 phys_addr_t phys)
{
	unsigned int first = nr & ((1U << pool->area_shift) - 1);
	struct swiotlb_slot *slot = &pool->slots[nr];

	slot->phys = phys;
	slot->owner = dma_device_note_bounce(req->dev, req->need.size,
					     req->need.nr);
	slot->offset = req->need.offset;
	slot->since = jiffies;
	slot->nr = req->need.nr;
	for (unsigned int i = 0; i < req->need.nr; i++)
		slot[i].first = first;
	/* Who walks the slots looks at those that have a size. */
	smp_store_release(&slot->size, (u32)req->need.size);
}

/* Before a device gets an address: see swiotlb_may_hold(). */
static __always_inline void note_use(struct device *dev)
{
#ifdef CONFIG_SWIOTLB_DYNAMIC
	if (unlikely(!READ_ONCE(dev->dma_uses_io_tlb)))
		WRITE_ONCE(dev->dma_uses_io_tlb, true);
	/*
	 * The flag, whoever has set it, and the set's tree with the pool are seen
	 * before the address is.
	 */
	smp_mb();	/* pairs with swiotlb_may_hold() */
#endif
}

/* The slots' address, or NO_ADDRESS with a line in the log. */
static __always_inline phys_addr_t map(struct request *req, phys_addr_t phys,
				       unsigned long attrs)
{
	struct swiotlb_set *set = swiotlb_set_of(req->dev);
	struct io_tlb_pool *pool;
	phys_addr_t addr;
	int nr = -ENOSPC;

	if (unlikely(!set || req->need.size > SWIOTLB_AREA_BYTES))
		goto refuse;
	rcu_read_lock();
	nr = take_slots(set, req, &pool);
	if (likely(nr >= 0))
		note_mapping(pool, nr, req, phys);
	rcu_read_unlock();
	if (unlikely(nr < 0))
		goto refuse;

	addr = swiotlb_slot_phys(pool, nr) + req->need.offset;
	if (phys != PHYS_ADDR_MAX)
		dma_copy(phys, swiotlb_cpu_addr(pool, addr), req->need.size,
			 true);
	note_use(req->dev);
	dma_reset_need_sync(req->dev);
	return addr;
refuse:
	swiotlb_report_refusal(set, req->dev, &req->need, attrs);
	return NO_ADDRESS;
}

/**
 * swiotlb_tbl_map_single - copy a buffer to where a device reaches it
 * @dev: the device; behind an IOMMU it reaches any pool
 * @phys: of the buffer
 * @size: in bytes, not 0
 * @alloc_align_mask: the slots begin at a multiple of this plus one, and end
 *	there; what is left before and behind the data keeps what was in it
 * @dir: which way the data goes; it is copied in any case
 * @attrs: with DMA_ATTR_NO_WARN a refusal leaves no line in the log
 *
 * Context: any.
 * Return: where the copy is, or DMA_MAPPING_ERROR.
 */
phys_addr_t swiotlb_tbl_map_single(struct device *dev, phys_addr_t phys,
				   size_t size, unsigned int alloc_align_mask,
				   enum dma_data_direction dir,
				   unsigned long attrs)
{
	struct request req = {
		.dev		= dev,
		.is_translated	= use_dma_iommu(dev),
	};

	if (WARN_ON_ONCE(!size))
		return NO_ADDRESS;
	req.need = need_of(dev, phys, size, alloc_align_mask,
			   req.is_translated ? U64_MAX :
			   dma_get_seg_boundary(dev));
	return map(&req, phys, attrs);
}

/**
 * swiotlb_map - map a buffer that a device can't reach in place
 * @dev: the device, reaching memory directly
 * @phys: of the buffer
 * @size: in bytes, not 0
 * @dir: which way the data goes
 * @attrs: DMA_ATTR_*
 *
 * Context: any.
 * Return: the device's address of the copy, or DMA_MAPPING_ERROR.
 */
dma_addr_t swiotlb_map(struct device *dev, phys_addr_t phys, size_t size,
		       enum dma_data_direction dir, unsigned long attrs)
{
	struct request req = { .dev = dev };
	phys_addr_t addr;

	trace_swiotlb_bounced(dev, phys_to_dma(dev, phys), size);
	req.need = need_of(dev, phys, size, 0, dma_get_seg_boundary(dev));
	addr = map(&req, phys, attrs);
	if (unlikely(addr == NO_ADDRESS))
		return DMA_MAPPING_ERROR;
	if (!dev_is_dma_coherent(dev) && !(attrs & DMA_ATTR_SKIP_CPU_SYNC))
		dma_cache_to_device(addr, size, dir);
	return phys_to_dma_unencrypted(dev, addr);
}

/*
 * The mapping that an address is part of; NULL, with a warning, if of none.  What
 * a slot tells that is free by now is where a mapping began that is gone; there may
 * be another one, which does not come as far.
 */
static __always_inline struct swiotlb_slot *
find_mapping(struct device *dev, const struct io_tlb_pool *pool,
	     phys_addr_t addr, unsigned int *first)
{
	unsigned int nr = (addr - pool->base) >> IO_TLB_SHIFT;
	struct swiotlb_slot *slot;

	*first = (nr >> pool->area_shift << pool->area_shift) +
		 pool->slots[nr].first;
	slot = &pool->slots[*first];
	if (likely(slot->size && nr - *first < slot->nr))
		return slot;
	WARN_ONCE(1, "%s: no bounced mapping at %pa\n", dev_name(dev), &addr);
	return NULL;
}

/* Copy a part of a mapping, one way or the other. */
static __always_inline void bounce(struct device *dev,
				   const struct io_tlb_pool *pool,
				   phys_addr_t addr, size_t size, bool is_in)
{
	const struct swiotlb_slot *slot;
	unsigned int first;
	size_t pos;

	slot = find_mapping(dev, pool, addr, &first);
	if (!slot || slot->phys == PHYS_ADDR_MAX)
		return;
	pos = addr - swiotlb_slot_phys(pool, first) - slot->offset;
	if (unlikely(pos >= slot->size || size > slot->size - pos)) {
		WARN_ONCE(1, "%s: %zu bytes at %pa, but %u are mapped at %#llx\n",
			  dev_name(dev), size, &addr, slot->size,
			  (u64)swiotlb_slot_phys(pool, first) + slot->offset);
		if (pos >= slot->size)
			return;
		size = slot->size - pos;
	}
	dma_copy(slot->phys + pos, swiotlb_cpu_addr(pool, addr), size, is_in);
}

/**
 * __swiotlb_sync_single_for_device - let the device look at a buffer again
 * @dev: the device
 * @addr: in the mapping
 * @size: in bytes; may be a part of the mapping
 * @dir: which way the data goes
 * @pool: where @addr is
 *
 * Context: any.
 */
void __swiotlb_sync_single_for_device(struct device *dev, phys_addr_t addr,
				      size_t size, enum dma_data_direction dir,
				      struct io_tlb_pool *pool)
{
	if (dir != DMA_FROM_DEVICE)
		bounce(dev, pool, addr, size, true);
}

/**
 * __swiotlb_sync_single_for_cpu - let the CPU look at a buffer
 * @dev: the device
 * @addr: in the mapping
 * @size: in bytes; may be a part of the mapping
 * @dir: which way the data goes
 * @pool: where @addr is
 *
 * Context: any.
 */
void __swiotlb_sync_single_for_cpu(struct device *dev, phys_addr_t addr,
				   size_t size, enum dma_data_direction dir,
				   struct io_tlb_pool *pool)
{
	if (dir != DMA_TO_DEVICE)
		bounce(dev, pool, addr, size, false);
}

/* A pool that was for one mapping goes with it. */
static noinline void end_transient(struct io_tlb_pool *pool, unsigned int nr)
{
	struct swiotlb_set *set = pool->set;

	atomic_long_sub(nr, &set->nr_used_transient);
	swiotlb_set_remove(set, pool);
	mod_delayed_work(system_wq, &set->work, 0);
}

/* Is it the slot where a mapping's data begins?  Nothing else is given back. */
static __always_inline bool is_begin(struct device *dev,
				     const struct io_tlb_pool *pool,
				     const struct swiotlb_slot *slot,
				     unsigned int first, phys_addr_t addr)
{
	phys_addr_t begin = swiotlb_slot_phys(pool, first) + slot->offset;

	if (likely(addr >> IO_TLB_SHIFT == begin >> IO_TLB_SHIFT))
		return true;
	WARN_ONCE(1, "%s: releasing a bounced mapping at %pa: expected %pa, where it begins\n",
		  dev_name(dev), &addr, &begin);
	return false;
}

/* Give slots back. */
static __always_inline void give_slots(struct device *dev,
				       struct io_tlb_pool *pool,
				       phys_addr_t addr)
{
	bool is_transient = pool->is_transient, is_given;
	struct dev_dma *owner = NULL;
	struct swiotlb_area *area;
	struct swiotlb_slot *slot;
	unsigned int first, nr;
	unsigned long flags;

	slot = find_mapping(dev, pool, addr, &first);
	if (unlikely(!slot || !is_begin(dev, pool, slot, first, addr)))
		return;
	area = &pool->areas[first >> pool->area_shift];
	nr = slot->nr;
	spin_lock_irqsave(&area->lock, flags);
	/* Unless somebody was quicker, which is as wrong as it is rare. */
	is_given = slot->size;
	if (likely(is_given)) {
		owner = slot->owner;
		WRITE_ONCE(slot->size, 0);
		__swiotlb_area_give(area, first, nr);
	}
	spin_unlock_irqrestore(&area->lock, flags);
	dma_device_end_bounce(owner, nr);
	if (unlikely(is_transient && is_given))
		end_transient(pool, nr);
}

/**
 * __swiotlb_tbl_unmap_single - take a bounced buffer back
 * @dev: the device
 * @addr: where the copy is
 * @size: as mapped, in bytes
 * @dir: as mapped
 * @attrs: with DMA_ATTR_SKIP_CPU_SYNC nothing is copied back
 * @pool: where @addr is
 *
 * Context: any.
 */
void __swiotlb_tbl_unmap_single(struct device *dev, phys_addr_t addr,
				size_t size, enum dma_data_direction dir,
				unsigned long attrs, struct io_tlb_pool *pool)
{
	if (dir != DMA_TO_DEVICE && !(attrs & DMA_ATTR_SKIP_CPU_SYNC))
		bounce(dev, pool, addr, size, false);
	give_slots(dev, pool, addr);
}

#ifdef CONFIG_DMA_RESTRICTED_POOL
/**
 * swiotlb_alloc - consistent memory from a restricted pool
 * @dev: the device
 * @size: in bytes, whole pages
 *
 * Context: any.
 * Return: the first page, as it was left; NULL if there is no room.
 */
struct page *swiotlb_alloc(struct device *dev, size_t size)
{
	struct request req = { .dev = dev };
	phys_addr_t addr;

	req.need = need_of(dev, 0, size, PAGE_SIZE - 1, U64_MAX);
	/* As all consistent memory: aligned to the power of two it needs. */
	req.need.mask = (1U << order_base_2(req.need.nr)) - 1;
	addr = map(&req, PHYS_ADDR_MAX, DMA_ATTR_NO_WARN);
	return addr == NO_ADDRESS ? NULL : pfn_to_page(PHYS_PFN(addr));
}

/**
 * swiotlb_free - give consistent memory back
 * @dev: the device
 * @page: as returned by swiotlb_alloc()
 * @size: not used
 *
 * Context: any.
 * Return: false if it is not from a restricted pool.
 */
bool swiotlb_free(struct device *dev, struct page *page, size_t size)
{
	phys_addr_t addr = page_to_phys(page);
	struct io_tlb_pool *pool = __swiotlb_find_pool(dev, addr);

	if (!pool)
		return false;
	give_slots(dev, pool, addr);
	return true;
}
#endif

/**
 * swiotlb_max_mapping_size - the largest mapping that can be relied on
 * @dev: the device
 *
 * Slots in a row get rare as a pool fills, so this is an eighth of an area, but
 * no less than 256 KiB where it has them; and of that, what the device's alignment
 * can cost is not for data.  What is larger is not refused as long as there are
 * slots for it.
 *
 * Context: any.
 * Return: bytes.
 */
size_t swiotlb_max_mapping_size(struct device *dev)
{
	struct swiotlb_set *set = swiotlb_set_of(dev);
	size_t kept = round_up(dma_get_min_align_mask(dev), IO_TLB_SIZE);
	/* Without a pool, buffers that need none can have a common size. */
	size_t size = IO_TLB_SEGSIZE * IO_TLB_SIZE, area_size = size;
	struct io_tlb_pool *pool;

	rcu_read_lock();
	pool = set ? rcu_dereference(set->first) : NULL;
	if (pool) {
		size = swiotlb_pool_size(pool);
		area_size = IO_TLB_SIZE << pool->area_shift;
	}
	rcu_read_unlock();
	size = min(size, area_size);
	size = min(max3(size / 8, (size_t)IO_TLB_SEGSIZE * IO_TLB_SIZE, 2 * kept),
		   size);
	return size > kept ? size - kept : 0;
}
