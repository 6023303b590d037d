/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The DMA mapping layer's contract with those who are not drivers: architectures,
 * IOMMU drivers, buses, firmware code and boards.  Drivers include
 * <linux/dma-mapping.h> and nothing from here.
 *
 * In the order of who reads it:
 *
 *   1. who maps in a way of its own         struct dma_map_ops and helpers for it
 *   2. who configures devices               coherence, offsets, setup and teardown
 *   3. who sets memory aside                contiguous areas, pools of declared memory
 *   4. what an architecture provides        the arch_* hooks, and page protection
 *   5. what a mapping has to respect        small kmalloc objects, peer-to-peer memory
 *   6. who looks for bugs
 *
 * Words: phys is a CPU physical address, dma_addr what the device puts on the bus,
 * cpu_addr a kernel virtual address; sizes are in bytes, nr_ counts things.
 *
 * A function that this layer defines is described beside its definition.  Described
 * here is what others define and the layer calls: the ops and the hooks.
 */
#ifndef _LINUX_DMA_MAP_OPS_H
#define _LINUX_DMA_MAP_OPS_H

#include <linux/dma-mapping.h>
#include <linux/pgtable.h>
#include <linux/slab.h>

struct cma;
struct device_node;

/*
 * 1. Who maps in a way of its own
 *
 * For IOMMUs that the IOMMU API does not drive, for hypervisors and for the like.
 * Everything else is served directly or by the IOMMU API and has no ops.
 */

/**
 * struct dma_map_ops - a device's own route to memory
 *
 * Calls come from this layer only, which has checked the arguments: the direction is
 * valid, sizes are not 0, the device has a mask.  Unless an op says otherwise it
 * must not sleep, may be called from any context and for many buffers at once, and
 * does its own locking.  attrs are the DMA_ATTR_* flags of the call; unknown ones
 * are to be ignored.
 *
 * An op may be left out if its description says what happens then.
 *
 * @map_page: Make @size bytes from byte @offset of @page reachable. Return: the DMA
 *	address, DMA_MAPPING_ERROR if that is impossible. Not optional.
 * @unmap_page: End what @map_page has begun, for the same device, address, size and
 *	direction. Can't fail. Not optional.
 * @map_sg: Map the @nr_entries entries of @sgl, and leave address and length of each piece
 *	in the dma fields of the list, from the first entry on. Return: the number of
 *	pieces, which merging may have made smaller than @nr_entries; or -ENOMEM (no space
 *	now), -EIO (unknown, or will never work), -EINVAL (the arguments), -EREMOTEIO
 *	(peer-to-peer memory that can't be reached). On failure nothing stays mapped.
 *	Not optional.
 * @unmap_sg: End what @map_sg has begun; @nr_entries is the number it was given. Left out:
 *	nothing to undo.
 * @sync_single_for_cpu: Hand @size bytes at @dma_addr, anywhere in a mapping, to the
 *	CPU. Left out: nothing to do.
 * @sync_single_for_device: Hand them back to the device. Left out: nothing to do.
 * @sync_sg_for_cpu: Hand a whole mapped list to the CPU; @nr_entries as given to @map_sg.
 *	Left out: nothing to do.
 * @sync_sg_for_device: Hand it back to the device. Left out: nothing to do. A device
 *	whose ops have none of the four needs no sync calls at all.
 * @map_resource: Make @size bytes of another device's registers at @phys reachable;
 *	there is no struct page and no cache. Return: as @map_page. Left out: every
 *	such request fails.
 * @unmap_resource: End what @map_resource has begun. Left out: nothing to undo.
 * @alloc: Allocate @size bytes that CPU and device see alike, zeroed and aligned to
 *	the size. Sleeps if @gfp allows it; zone flags have been removed. Return: the
 *	kernel address, with @dma_addr filled in; NULL if there is no memory. Left out:
 *	every request fails.
 * @free: Free what @alloc has returned. Never called with interrupts off. Left out:
 *	nothing to undo.
 * @alloc_pages_op: Allocate @size bytes (whole pages) of cached memory and map them;
 *	the driver syncs. Sleeps if @gfp allows it. Return: the first page, with
 *	@dma_addr filled in; NULL if there is no memory. dma_common_alloc_pages() suits
 *	most. Left out: every request fails.
 * @free_pages: Free what @alloc_pages_op has returned. dma_common_free_pages() suits
 *	most. Left out: nothing to undo.
 * @mmap: Map what @alloc has returned into @vma, which may cover a part of it (its
 *	page offset counts from @cpu_addr). May sleep. Return: 0, or -ENXIO for a range
 *	outside the buffer. dma_common_mmap() suits most. Left out: -ENXIO.
 * @get_sgtable: Build a table of the pages behind what @alloc has returned. May sleep.
 *	Return: 0 with @sgt to be freed by the caller, or an error code.
 *	dma_common_get_sgtable() suits most. Left out: -ENXIO.
 * @dma_supported: Can a device with this mask work? Return: 1 for yes, 0 for no. May
 *	sleep. Left out: every mask will do.
 * @get_required_mask: The smallest mask with which nothing is out of reach. Left out:
 *	32 bits.
 * @max_mapping_size: The most bytes that one mapping can have. Left out: no limit.
 * @opt_mapping_size: The most bytes up to which mapping is at its fastest. Left out:
 *	the limit of @max_mapping_size.
 * @get_merge_boundary: The mask of the address bits that decide where @map_sg can
 *	merge: an entry that ends and a next one that begins where these bits are 0
 *	become one piece. Left out: it merges nothing.
 * @cache_sync: Called by nobody. It stays so that ops of older code compile.
 */
struct dma_map_ops {
	/* streaming */
	dma_addr_t (*map_page)(struct device *dev, struct page *page, unsigned long offset,
			       size_t size, enum dma_data_direction direction,
			       unsigned long attrs);
	void (*unmap_page)(struct device *dev, dma_addr_t dma_addr, size_t size,
			   enum dma_data_direction direction, unsigned long attrs);
	int (*map_sg)(struct device *dev, struct scatterlist *sgl, int nr_entries,
		      enum dma_data_direction direction, unsigned long attrs);
	void (*unmap_sg)(struct device *dev, struct scatterlist *sgl, int nr_entries,
			 enum dma_data_direction direction, unsigned long attrs);
	void (*sync_single_for_cpu)(struct device *dev, dma_addr_t dma_addr,
				    size_t size, enum dma_data_direction direction);
	void (*sync_single_for_device)(struct device *dev, dma_addr_t dma_addr,
				       size_t size, enum dma_data_direction direction);
	void (*sync_sg_for_cpu)(struct device *dev, struct scatterlist *sgl,
				int nr_entries, enum dma_data_direction direction);
	void (*sync_sg_for_device)(struct device *dev, struct scatterlist *sgl,
				   int nr_entries, enum dma_data_direction direction);
	dma_addr_t (*map_resource)(struct device *dev, phys_addr_t phys, size_t size,
				   enum dma_data_direction direction, unsigned long attrs);
	void (*unmap_resource)(struct device *dev, dma_addr_t dma_addr, size_t size,
			       enum dma_data_direction direction, unsigned long attrs);

	/* buffers */
	void *(*alloc)(struct device *dev,
		       size_t size, dma_addr_t *dma_addr, gfp_t gfp, unsigned long attrs);
	void (*free)(struct device *dev,
		     size_t size, void *cpu_addr, dma_addr_t dma_addr, unsigned long attrs);
	struct page *(*alloc_pages_op)(struct device *dev, size_t size, dma_addr_t *dma_addr,
				       enum dma_data_direction direction, gfp_t gfp);
	void (*free_pages)(struct device *dev, size_t size, struct page *page,
			   dma_addr_t dma_addr, enum dma_data_direction direction);
	int (*mmap)(struct device *dev, struct vm_area_struct *vma, void *cpu_addr,
		    dma_addr_t dma_addr, size_t size, unsigned long attrs);
	int (*get_sgtable)(struct device *dev, struct sg_table *sgt, void *cpu_addr,
			   dma_addr_t dma_addr, size_t size, unsigned long attrs);

	/* limits */
	int (*dma_supported)(struct device *dev, u64 mask);
	u64 (*get_required_mask)(struct device *dev);
	size_t (*max_mapping_size)(struct device *dev);
	size_t (*opt_mapping_size)(void);
	unsigned long (*get_merge_boundary)(struct device *dev);

	/* unused */
	void (*cache_sync)(struct device *dev, void *cpu_addr,
			   size_t size, enum dma_data_direction direction);
};

/* Members of struct dma_map_ops for those with nothing special to do. */
int dma_common_mmap(struct device *dev, struct vm_area_struct *vma, void *cpu_addr,
		    dma_addr_t dma_addr, size_t size, unsigned long attrs);
int dma_common_get_sgtable(struct device *dev, struct sg_table *sgt, void *cpu_addr,
			   dma_addr_t dma_addr, size_t size, unsigned long attrs);
struct page *dma_common_alloc_pages(struct device *dev, size_t size, dma_addr_t *dma_addr,
				    enum dma_data_direction dir, gfp_t gfp);
void dma_common_free_pages(struct device *dev, size_t size, struct page *page,
			   dma_addr_t dma_addr, enum dma_data_direction dir);

/* For a device that can't do DMA at all: every call fails. */
extern const struct dma_map_ops dma_dummy_ops;

#ifdef CONFIG_ARCH_HAS_DMA_OPS
#include <asm/dma-mapping.h>

/* The device's own ops, else those of the platform; NULL: neither has any. */
static inline const struct dma_map_ops *get_dma_ops(struct device *dev)
{
	return dev->dma_ops ?: get_arch_dma_ops();
}

/* NULL gives the device back to the platform. Only while nothing is mapped. */
static inline void set_dma_ops(struct device *dev, const struct dma_map_ops *ops)
{
	dev->dma_ops = ops;
}
#else
static inline const struct dma_map_ops *get_dma_ops(struct device *dev)
{
	return NULL;
}

static inline void set_dma_ops(struct device *dev, const struct dma_map_ops *ops)
{
}
#endif /* CONFIG_ARCH_HAS_DMA_OPS */

/*
 * 2. Who configures devices
 *
 * A bus or firmware code tells, before a driver binds, whether the device's accesses
 * go through the CPU caches and where it sees memory.
 */

#if defined(CONFIG_ARCH_HAS_SYNC_DMA_FOR_DEVICE) || defined(CONFIG_ARCH_HAS_SYNC_DMA_FOR_CPU) || \
	defined(CONFIG_ARCH_HAS_SYNC_DMA_FOR_CPU_ALL)
/* What a device is that firmware says nothing about. */
extern bool dma_default_coherent;

static inline bool dev_is_dma_coherent(struct device *dev)
{
	return dev->dma_coherent;
}
#else
/* Without cache maintenance there is nothing else to be. */
#define dma_default_coherent	true

static inline bool dev_is_dma_coherent(struct device *dev)
{
	return true;
}
#endif

int dma_direct_set_offset(struct device *dev, phys_addr_t cpu_start, dma_addr_t dma_start,
			  u64 size);

/*
 * 3. Who sets memory aside
 *
 * Contiguous areas: an architecture calls dma_contiguous_reserve() once, when the
 * memory is known and before the page allocator owns it; boards may add areas.
 */
#ifdef CONFIG_DMA_CMA
extern struct cma *dma_contiguous_default_area;

/* The area of the device, else the one that all share; NULL: there is none. */
static inline struct cma *dev_get_cma_area(struct device *dev)
{
	return dev && dev->cma_area ? dev->cma_area : dma_contiguous_default_area;
}

void dma_contiguous_reserve(phys_addr_t addr_limit);
int __init dma_contiguous_reserve_area(phys_addr_t size, phys_addr_t base, phys_addr_t limit,
				       struct cma **cma, bool fixed);
/* Weak, for an architecture whose mapping of the area's pages has to change. */
void dma_contiguous_early_fixup(phys_addr_t base, unsigned long size);
void dma_contiguous_early_forget(phys_addr_t base);

size_t dma_contiguous_trim(const struct cma *cma);
struct page *dma_alloc_from_contiguous(struct device *dev, size_t count, unsigned int order,
				       bool no_warn);
bool dma_release_from_contiguous(struct device *dev, struct page *pages, int count);
#else
static inline struct cma *dev_get_cma_area(struct device *dev)
{
	return NULL;
}

static inline void dma_contiguous_reserve(phys_addr_t addr_limit)
{
}

static inline int dma_contiguous_reserve_area(phys_addr_t size, phys_addr_t base,
					      phys_addr_t limit, struct cma **cma, bool fixed)
{
	return -EOPNOTSUPP;
}

static inline void dma_contiguous_early_fixup(phys_addr_t base, unsigned long size)
{
}

static inline void dma_contiguous_early_forget(phys_addr_t base)
{
}

static inline size_t dma_contiguous_trim(const struct cma *cma)
{
	return 0;
}

static inline struct page *dma_alloc_from_contiguous(struct device *dev, size_t count,
						     unsigned int order, bool no_warn)
{
	return NULL;
}

static inline bool dma_release_from_contiguous(struct device *dev, struct page *pages, int count)
{
	return false;
}
#endif /* CONFIG_DMA_CMA */

/* Pools of memory that the kernel does not use otherwise: a device's, or everybody's. */
#if defined(CONFIG_HAS_DMA) && defined(CONFIG_DMA_DECLARE_COHERENT)
int dma_declare_coherent_memory(struct device *dev, phys_addr_t phys, dma_addr_t dma_addr,
				size_t size);
void dma_release_coherent_memory(struct device *dev);
int dma_init_global_coherent(phys_addr_t phys, size_t size);
#else
static inline int dma_declare_coherent_memory(struct device *dev, phys_addr_t phys,
					      dma_addr_t dma_addr, size_t size)
{
	return -EOPNOTSUPP;
}

static inline void dma_release_coherent_memory(struct device *dev)
{
}

static inline int dma_init_global_coherent(phys_addr_t phys, size_t size)
{
	return -EOPNOTSUPP;
}
#endif /* CONFIG_HAS_DMA && CONFIG_DMA_DECLARE_COHERENT */

/*
 * Called by drivers/base: when a bus has configured a device for its driver, after the
 * device has lost that, when it leaves its bus, and after its release(). The last is
 * for whoever has a device that is never released.
 */
struct dev_dma;

#ifdef CONFIG_HAS_DMA
void dma_device_configured(struct device *dev);
void dma_driver_gone(struct device *dev);
void dma_device_deleted(struct device *dev);
void dma_device_released(struct dev_dma *dma);
void dma_device_forget(struct device *dev);
#else
static inline void dma_device_configured(struct device *dev)
{
}

static inline void dma_device_deleted(struct device *dev)
{
}

static inline void dma_device_released(struct dev_dma *dma)
{
}

static inline void dma_device_forget(struct device *dev)
{
}

static inline void dma_driver_gone(struct device *dev)
{
}
#endif

/* Called by drivers/base/dd.c before a device loses its driver. */
#ifdef CONFIG_DMA_API_DEBUG
void dma_driver_leaves(struct device *dev);
#else
static inline void dma_driver_leaves(struct device *dev)
{
}
#endif

/* kernel/dma/reserved.c knows why a reserved-memory node came to nothing. */
#if defined(CONFIG_HAS_DMA) && defined(CONFIG_OF_RESERVED_MEM)
void dma_explain_absent_node(struct device *dev, struct device_node *np, int idx);
#else
static inline void dma_explain_absent_node(struct device *dev, struct device_node *np, int idx)
{
}
#endif

/*
 * 4. What an architecture provides
 *
 * Each hook exists where its CONFIG_ARCH_HAS_... symbol is selected.  None may call
 * back into the layer.
 */

/**
 * arch_sync_dma_for_device() - make a range ready for a non-coherent device
 * @paddr: first byte (physical)
 * @size: bytes; neither end need be aligned to a cache line
 * @dir: DMA_TO_DEVICE writes the caches back; DMA_FROM_DEVICE does at least what keeps
 *	a dirty line from being evicted over the device's data, and must not lose a
 *	neighbour's; DMA_BIDIRECTIONAL does both
 *
 * Context: Any, including hard interrupts.
 */
void arch_sync_dma_for_device(phys_addr_t paddr, size_t size, enum dma_data_direction dir);

/**
 * arch_sync_dma_for_cpu() - make the CPU see what a non-coherent device has written
 * @paddr: first byte (physical)
 * @size: bytes
 * @dir: with DMA_TO_DEVICE there is nothing to see
 *
 * Context: Any, including hard interrupts.
 */
void arch_sync_dma_for_cpu(phys_addr_t paddr, size_t size, enum dma_data_direction dir);

/**
 * arch_sync_dma_for_cpu_all() - flush read-ahead buffers that belong to no address
 *
 * Called once after the ranges of an unmap or sync, rather than for each of them.
 *
 * Context: Any, including hard interrupts.
 */
void arch_sync_dma_for_cpu_all(void);

/**
 * arch_dma_mark_clean() - a device has filled this range completely
 * @paddr: first byte (physical)
 * @size: bytes
 *
 * Context: Any, including hard interrupts.
 */
void arch_dma_mark_clean(phys_addr_t paddr, size_t size);

/**
 * arch_dma_prep_coherent() - take pages out of the caches before an uncached mapping
 * @page: first page, still mapped and cached in the linear map (or highmem)
 * @size: bytes, whole pages
 *
 * Context: As the allocation that it is for; may be atomic.
 */
void arch_dma_prep_coherent(struct page *page, size_t size);

/**
 * arch_dma_set_uncached() - uncached access to memory of the linear map
 * @addr: kernel address, whole pages
 * @size: bytes, whole pages
 *
 * With CONFIG_ARCH_HAS_DMA_SET_UNCACHED: an alias, or the same address with its page
 * table entries changed in place; in the latter case arch_dma_clear_uncached() undoes it.
 *
 * Context: May sleep where page tables change.
 * Return: The address to use, or an ERR_PTR().
 */
void *arch_dma_set_uncached(void *addr, size_t size);

/**
 * arch_dma_clear_uncached() - undo arch_dma_set_uncached()
 * @addr: what arch_dma_set_uncached() has returned
 * @size: the same bytes
 *
 * With CONFIG_ARCH_HAS_DMA_CLEAR_UNCACHED; can't fail.
 *
 * Context: As arch_dma_set_uncached().
 */
void arch_dma_clear_uncached(void *addr, size_t size);

/**
 * arch_dma_alloc() - an architecture's own consistent buffers
 * @dev: a non-coherent device without an IOMMU
 * @size: bytes
 * @dma_addr: where the DMA address goes
 * @gfp: sleeps if this allows it
 * @attrs: DMA_ATTR_* flags
 *
 * With CONFIG_ARCH_HAS_DMA_ALLOC.
 *
 * Context: As @gfp says.
 * Return: The kernel address of zeroed memory, NULL if there is none.
 */
void *arch_dma_alloc(struct device *dev, size_t size,
		     dma_addr_t *dma_addr, gfp_t gfp, unsigned long attrs);

/**
 * arch_dma_free() - free what arch_dma_alloc() has returned
 * @dev: the same device
 * @size: the same bytes
 * @cpu_addr: the kernel address
 * @dma_addr: the DMA address
 * @attrs: the same flags
 *
 * Context: Not with interrupts off.
 */
void arch_dma_free(struct device *dev, size_t size,
		   void *cpu_addr, dma_addr_t dma_addr, unsigned long attrs);

/**
 * arch_dma_set_mask() - a driver has announced what its device can address
 * @dev: the device
 * @mask: the new streaming mask, already found possible
 *
 * Context: May sleep.
 */
void arch_dma_set_mask(struct device *dev, u64 mask);

/**
 * arch_dma_map_page_direct() - may this mapping skip the device's ops?
 * @dev: a device with ops
 * @addr: the physical address behind the mapping's last byte
 *
 * Context: Any.
 * Return: True to map directly.
 */
bool arch_dma_map_page_direct(struct device *dev, phys_addr_t addr);

/**
 * arch_dma_unmap_page_direct() - did it skip them?
 * @dev: a device with ops
 * @dma_addr: the DMA address behind the mapping's last byte
 *
 * Context: Any.
 * Return: What arch_dma_map_page_direct() has returned for this mapping.
 */
bool arch_dma_unmap_page_direct(struct device *dev, dma_addr_t dma_addr);

/**
 * arch_dma_map_sg_direct() - may this list skip the device's ops?
 * @dev: a device with ops
 * @sg: the list
 * @nents: its entries
 *
 * Context: Any.
 * Return: True to map all entries directly.
 */
bool arch_dma_map_sg_direct(struct device *dev, struct scatterlist *sg, int nents);

/**
 * arch_dma_unmap_sg_direct() - did it skip them?
 * @dev: a device with ops
 * @sg: the list, mapped
 * @nents: its entries, as they were given to map it
 *
 * Context: Any.
 * Return: What arch_dma_map_sg_direct() has returned for this list.
 */
bool arch_dma_unmap_sg_direct(struct device *dev, struct scatterlist *sg, int nents);

/**
 * arch_setup_dma_ops() - a bus has found out how a device does DMA
 * @dev: the device, without a driver yet; masks and ranges are set
 * @coherent: its accesses go through the CPU caches
 *
 * The hook stores @coherent in @dev, and sets ops if the platform has any for it.
 *
 * Context: May sleep.
 */
void arch_setup_dma_ops(struct device *dev, bool coherent);

/**
 * arch_teardown_dma_ops() - a device loses its driver
 * @dev: the device
 *
 * Context: May sleep.
 */
void arch_teardown_dma_ops(struct device *dev);

/*
 * What stands in for a hook that the architecture has not promised: nothing to do,
 * or no shortcut to take.
 */
static inline void dma_no_sync_hook(phys_addr_t paddr, size_t size, enum dma_data_direction dir)
{
}

static inline void dma_no_sync_all_hook(void)
{
}

static inline void dma_no_clean_hook(phys_addr_t paddr, size_t size)
{
}

static inline void dma_no_prep_hook(struct page *page, size_t size)
{
}

static inline void dma_no_mask_hook(struct device *dev, u64 mask)
{
}

static inline void dma_no_setup_hook(struct device *dev, bool coherent)
{
}

static inline void dma_no_teardown_hook(struct device *dev)
{
}

static inline bool dma_no_direct_hook(struct device *dev, u64 addr)
{
	return false;
}

static inline bool dma_no_direct_sg_hook(struct device *dev, struct scatterlist *sg, int nents)
{
	return false;
}

#ifndef CONFIG_ARCH_HAS_SYNC_DMA_FOR_DEVICE
#define arch_sync_dma_for_device	dma_no_sync_hook
#endif
#ifndef CONFIG_ARCH_HAS_SYNC_DMA_FOR_CPU
#define arch_sync_dma_for_cpu		dma_no_sync_hook
#endif
#ifndef CONFIG_ARCH_HAS_SYNC_DMA_FOR_CPU_ALL
#define arch_sync_dma_for_cpu_all	dma_no_sync_all_hook
#endif
#ifndef CONFIG_ARCH_HAS_DMA_MARK_CLEAN
#define arch_dma_mark_clean		dma_no_clean_hook
#endif
#ifndef CONFIG_ARCH_HAS_DMA_PREP_COHERENT
#define arch_dma_prep_coherent		dma_no_prep_hook
#endif
#ifndef CONFIG_ARCH_HAS_DMA_SET_MASK
#define arch_dma_set_mask		dma_no_mask_hook
#endif
#ifndef CONFIG_ARCH_HAS_SETUP_DMA_OPS
#define arch_setup_dma_ops		dma_no_setup_hook
#endif
#ifndef CONFIG_ARCH_HAS_TEARDOWN_DMA_OPS
#define arch_teardown_dma_ops		dma_no_teardown_hook
#endif
#ifndef CONFIG_ARCH_HAS_DMA_MAP_DIRECT
#define arch_dma_map_page_direct	dma_no_direct_hook
#define arch_dma_unmap_page_direct	dma_no_direct_hook
#define arch_dma_map_sg_direct		dma_no_direct_sg_hook
#define arch_dma_unmap_sg_direct	dma_no_direct_sg_hook
#endif

/*
 * Page protection of consistent memory. <asm/pgtable.h> may define pgprot_dmacoherent()
 * if uncached is not what a non-coherent device's buffers need.
 */
#ifndef pgprot_dmacoherent
#define pgprot_dmacoherent(prot)	pgprot_noncached(prot)
#endif

#ifdef CONFIG_MMU
pgprot_t dma_pgprot(struct device *dev, pgprot_t prot, unsigned long attrs);
#else
static inline pgprot_t dma_pgprot(struct device *dev, pgprot_t prot, unsigned long attrs)
{
	return prot;
}
#endif

/* Kernel mappings with such protection, for an arch_dma_alloc() that remaps; with an MMU. */
void *dma_common_contiguous_remap(struct page *page, size_t size,
				  pgprot_t prot, const void *caller);
void *dma_common_pages_remap(struct page **pages, size_t size,
			     pgprot_t prot, const void *caller);
struct page **dma_common_find_pages(void *cpu_addr);
void dma_common_free_remap(void *cpu_addr, size_t size);

/*
 * 5. What a mapping has to respect
 *
 * Small kmalloc() objects: several may share a cache line, and dropping the line after
 * a device has written to one of them would lose what the CPU has put into another.
 */

/* Nothing can be lost here, however small the object. */
static inline bool dma_kmalloc_safe(struct device *dev, enum dma_data_direction dir)
{
	return !IS_ENABLED(CONFIG_DMA_BOUNCE_UNALIGNED_KMALLOC) || dir == DMA_TO_DEVICE ||
	       dev_is_dma_coherent(dev);
}

/*
 * An object that kmalloc() has made of whole cache lines. A size of two lines or more is
 * in no doubt, whatever its bucket: what is smaller gets its bucket looked up.
 */
static inline bool dma_kmalloc_size_aligned(size_t size)
{
	return size >= 2 * ARCH_DMA_MINALIGN ||
	       IS_ALIGNED(kmalloc_size_roundup(size), dma_get_cache_alignment());
}

static inline bool dma_kmalloc_needs_bounce(struct device *dev, size_t size,
					    enum dma_data_direction dir)
{
	return !(dma_kmalloc_safe(dev, dir) || dma_kmalloc_size_aligned(size));
}

/*
 * Takes back the promise that the device's sync calls have nothing to do. The first
 * bounced mapping breaks it; the test keeps later ones from writing to a shared line.
 */
static inline void dma_reset_need_sync(struct device *dev)
{
#ifdef CONFIG_DMA_NEED_SYNC
	if (likely(!dev->dma_skip_sync))
		return;
	dev->dma_skip_sync = false;
#endif
}

/**
 * enum pci_p2pdma_map_type - how a device reaches another device's memory
 * @PCI_P2PDMA_MAP_UNKNOWN: not found out yet; never the answer to a mapping
 * @PCI_P2PDMA_MAP_NOT_SUPPORTED: not at all; the mapping fails
 * @PCI_P2PDMA_MAP_BUS_ADDR: below a common switch, with the address on the bus; no
 *	IOMMU and no offset applies, and nothing is to be mapped
 * @PCI_P2PDMA_MAP_THRU_HOST_BRIDGE: up and down again, mapped like ordinary memory
 */
enum pci_p2pdma_map_type {
	PCI_P2PDMA_MAP_UNKNOWN = 0,
	PCI_P2PDMA_MAP_NOT_SUPPORTED,
	PCI_P2PDMA_MAP_BUS_ADDR,
	PCI_P2PDMA_MAP_THRU_HOST_BRIDGE,
};

/**
 * struct pci_p2pdma_map_state - what is known from the entries before
 * @pgmap: the memory that the other two members hold for
 * @map: an enum pci_p2pdma_map_type
 * @bus_off: what to add to a physical address there, with PCI_P2PDMA_MAP_BUS_ADDR
 *
 * All 0 before the first entry of a list.
 */
struct pci_p2pdma_map_state {
	struct dev_pagemap *pgmap;
	int map;
	u64 bus_off;
};

#ifdef CONFIG_PCI_P2PDMA
enum pci_p2pdma_map_type pci_p2pdma_map_segment(struct pci_p2pdma_map_state *state,
						struct device *dev, struct scatterlist *sg);
#else
static inline enum pci_p2pdma_map_type
pci_p2pdma_map_segment(struct pci_p2pdma_map_state *state, struct device *dev,
		       struct scatterlist *sg)
{
	return PCI_P2PDMA_MAP_NOT_SUPPORTED;
}
#endif /* CONFIG_PCI_P2PDMA */

/*
 * 6. Who looks for bugs
 *
 * A bus whose devices are to be checked for mappings left over when a driver goes, and
 * an IOMMU driver that has run into a wall (NULL: the mappings of all devices).
 */
#ifdef CONFIG_DMA_API_DEBUG
void dma_debug_add_bus(const struct bus_type *bus);
void debug_dma_dump_mappings(struct device *dev);
#else
static inline void dma_debug_add_bus(const struct bus_type *bus)
{
}

static inline void debug_dma_dump_mappings(struct device *dev)
{
}
#endif /* CONFIG_DMA_API_DEBUG */

#endif /* _LINUX_DMA_MAP_OPS_H */
