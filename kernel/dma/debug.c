// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma-debug: what is checked at each call of a driver.
 *
 * A mapping gets an entry in the store when it was made.  What each later call
 * says is compared with the entry that the store finds for it.  Whatever does not
 * agree is a mistake, and is reported once: by one line that names driver, device,
 * address and size, and says what was expected; then the stack of the call, and
 * that of the one who made the mapping.
 *
 * What is wrong with the memory itself (on a stack, part of the kernel, larger
 * than the device can have mapped) needs no entry and is always looked for.
 *
 * Locks: none of its own; nothing is held while a mistake is reported.
 */
#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-sg.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include <asm/sections.h>

#include "debug.h"
#include "debug/store.h"

#define MAX_OVERLAPS	7

/*
 * Checks of the memory that a mapping is to be made of
 */

static void check_stack(struct device *dev, struct page *page, size_t offset,
			size_t size)
{
	struct vm_struct *area = task_stack_vm_area(current);
	bool is_on_stack = false;
	void *addr;

	if (area) {
		for (unsigned int i = 0; i < area->nr_pages; i++)
			is_on_stack |= page == area->pages[i];
	} else if (pfn_valid(page_to_pfn(page)) && !PageHighMem(page)) {
		addr = page_address(page) + offset;
		is_on_stack = object_is_on_stack(addr);
	}
	if (unlikely(is_on_stack))
		dma_debug_report(dev, NULL,
				 "mapping %zu bytes of the stack, %#zx into pfn %#lx: expected memory that was allocated",
				 size, offset, page_to_pfn(page));
}

static bool intersects(phys_addr_t phys, size_t size, void *start, void *end)
{
	return phys < __pa_symbol(end) && phys + size > __pa_symbol(start);
}

static void check_kernel(struct device *dev, phys_addr_t phys, size_t size)
{
	if (unlikely(intersects(phys, size, _stext, _etext) ||
		     intersects(phys, size, __start_rodata, __end_rodata)))
		dma_debug_report(dev, NULL,
				 "mapping %zu bytes at %pa of the kernel's text or constants: expected memory that was allocated",
				 size, &phys);
}

/* What a driver that says DMA_ATTR_NO_WARN tries, it can do without. */
static void check_max(struct device *dev, size_t size, unsigned long attrs)
{
	size_t max;

	if (size <= PAGE_SIZE || (attrs & DMA_ATTR_NO_WARN))
		return;
	max = dma_debug_max_size(dev);
	if (unlikely(size > max))
		dma_debug_report(dev, NULL,
				 "mapping %zu bytes in one piece: expected at most the %zu of dma_max_mapping_size()",
				 size, max);
}

/**
 * debug_dma_map_single - check what a driver passes to dma_map_single()
 * @dev: the device
 * @addr: the CPU's address
 * @len: in bytes
 *
 * Context: any.
 */
void debug_dma_map_single(struct device *dev, const void *addr,
			  unsigned long len)
{
	if (!dma_debug_is_on())
		return;
	if (unlikely(is_vmalloc_addr(addr)))
		dma_debug_report(dev, NULL,
				 "mapping %lu bytes at %#lx, which is vmalloc()ed: expected memory that is contiguous",
				 len, (unsigned long)addr);
	else if (unlikely(!virt_addr_valid(addr)))
		dma_debug_report(dev, NULL,
				 "mapping %lu bytes at %#lx: expected an address in the linear mapping",
				 len, (unsigned long)addr);
}
EXPORT_SYMBOL(debug_dma_map_single);

/*
 * Entries
 */

/*
 * May two mappings share a cache line?  Small pieces of kmalloc() may, where it
 * does not keep lines apart: devices are coherent there, or what is not whole
 * lines is bounced.  From two lines on, all its sizes are.
 */
static bool may_share_line(const struct dma_debug_call *mapping)
{
	return mapping->size < 2 * L1_CACHE_BYTES &&
	       !IS_ALIGNED(kmalloc_size_roundup(mapping->size), L1_CACHE_BYTES);
}

static void check_overlap(const struct dma_debug_call *mapping,
			  depot_stack_handle_t stack, unsigned int nr_others,
			  unsigned long attrs)
{
	struct dma_debug_entry entry = { .stack = stack };

	if (may_share_line(mapping))
		return;
	if (!(attrs & DMA_ATTR_SKIP_CPU_SYNC))
		dma_debug_report(mapping->dev, &entry,
				 "mapping %llu bytes at %pad, %s, whose first cache line is mapped already: expected one mapping at a time of what a device writes to",
				 mapping->size, &mapping->dma_addr,
				 dma_debug_dir_name(mapping->dir));
	else if (nr_others >= MAX_OVERLAPS)
		dma_debug_report(mapping->dev, &entry,
				 "mapping %llu bytes at %pad, %s: the cache line is mapped %u times already, expected at most %u",
				 mapping->size, &mapping->dma_addr,
				 dma_debug_dir_name(mapping->dir), nr_others,
				 MAX_OVERLAPS);
}

/* Give a mapping an entry, or count it as untracked. */
static void track(const struct dma_debug_call *mapping, u32 nr_mapped,
		  depot_stack_handle_t stack, unsigned long attrs)
{
	struct dma_debug_entry *entry = dma_debug_entry_get();
	unsigned int nr_others;

	if (unlikely(!entry)) {
		dma_debug_add_untracked(mapping->dev, mapping->dma_addr,
					mapping->size);
		return;
	}
	entry->call = *mapping;
	entry->call.is_coherent = dev_is_dma_coherent(mapping->dev);
	entry->stack = stack;
	entry->nr_mapped = nr_mapped;
	nr_others = dma_debug_publish(entry);
	if (unlikely(nr_others))
		check_overlap(mapping, stack, nr_others, attrs);
}

/*
 * What a device only reads may be mapped twice, and registers are not cached.
 * Consistent memory has a line if it is in the linear mapping.
 */
static bool has_line(const struct dma_debug_call *mapping, unsigned long attrs)
{
	switch (mapping->kind) {
	case DMA_DEBUG_COHERENT:
		return !(attrs & DMA_ATTR_NO_KERNEL_MAPPING) &&
		       virt_addr_valid((void *)(uintptr_t)mapping->memory);
	case DMA_DEBUG_RESOURCE:
		return false;
	default:
		return mapping->dir != DMA_TO_DEVICE;
	}
}

/*
 * What a call that ends a mapping says, compared with its entry
 */

static void check_unmap(const struct dma_debug_call *call,
			const struct dma_debug_entry *entry)
{
	const struct dma_debug_call *made = &entry->call;
	struct device *dev = call->dev;

	if (made->size != call->size)
		dma_debug_report(dev, entry,
				 "releasing %llu bytes at %pad: expected %llu, as mapped",
				 call->size, &call->dma_addr, made->size);
	if (made->kind != call->kind)
		dma_debug_report(dev, entry,
				 "releasing %llu bytes at %pad as %s: expected the function for %s, as mapped",
				 call->size, &call->dma_addr,
				 dma_debug_kind_name(call->kind),
				 dma_debug_kind_name(made->kind));
	else if (made->kind == DMA_DEBUG_SG && made->nr_ents != call->nr_ents)
		dma_debug_report(dev, entry,
				 "releasing a list of %u entries at %pad: expected %u, as passed to the mapping",
				 call->nr_ents, &call->dma_addr, made->nr_ents);
	else if ((made->kind == DMA_DEBUG_COHERENT ||
		  made->kind == DMA_DEBUG_NONCOHERENT) &&
		 made->memory != call->memory)
		dma_debug_report(dev, entry,
				 "freeing %llu bytes at %pad with CPU address %#llx: expected %#llx, as allocated",
				 call->size, &call->dma_addr, call->memory,
				 made->memory);
	if (made->dir != call->dir)
		dma_debug_report(dev, entry,
				 "releasing %llu bytes at %pad, %s: expected %s, as mapped",
				 call->size, &call->dma_addr,
				 dma_debug_dir_name(call->dir),
				 dma_debug_dir_name(made->dir));
	if (made->check == DMA_DEBUG_NOT_CHECKED)
		dma_debug_report(dev, entry,
				 "releasing %llu bytes at %pad: expected a call of dma_mapping_error() before the use of the address",
				 call->size, &call->dma_addr);
}

/*
 * The call's mapping ends.  Of a list, the first mistake is enough: @is_quiet
 * for the entries after it.  Returns whether there was one.
 */
static bool end_mapping(const struct dma_debug_call *call,
			struct dma_debug_entry *found, bool is_quiet)
{
	enum dma_debug_match match;

	found->nr_mapped = 0;
	if (unlikely(call->dma_addr == DMA_MAPPING_ERROR)) {
		if (!is_quiet)
			dma_debug_report(call->dev, NULL,
					 "releasing %llu bytes at DMA_MAPPING_ERROR, %s: expected the address of a mapping that worked",
					 call->size,
					 dma_debug_kind_name(call->kind));
		return true;
	}
	match = dma_debug_take(call, found);
	if (likely(match == DMA_DEBUG_EXACT) || match == DMA_DEBUG_UNTRACKED)
		return false;
	if (is_quiet)
		return true;
	if (match == DMA_DEBUG_INEXACT)
		check_unmap(call, found);
	else
		dma_debug_report(call->dev, NULL,
				 "releasing %llu bytes at %pad, %s: the device has no mapping there, or not any more",
				 call->size, &call->dma_addr,
				 dma_debug_kind_name(call->kind));
	return true;
}

/* The same for what is no list and has no address for the CPU. */
static void end_in_one_piece(struct device *dev, dma_addr_t dma_addr,
			     size_t size, enum dma_debug_kind kind,
			     enum dma_data_direction dir)
{
	struct dma_debug_entry found;
	struct dma_debug_call call = {
		.dev		= dev,
		.dma_addr	= dma_addr,
		.size		= size,
		.kind		= kind,
		.dir		= dir,
	};

	end_mapping(&call, &found, false);
}

/* Why a direction that is not the mapping's makes no sense */
static const char *why_not(unsigned int dir, bool for_cpu)
{
	if (for_cpu && dir == DMA_TO_DEVICE)
		return "the device only reads them: ";
	if (!for_cpu && dir == DMA_FROM_DEVICE)
		return "the device only writes them: ";
	return "";
}

/*
 * What a sync call says, compared with its entry.  The first mistake is enough.
 * Returns whether there was one.
 */
static bool check_sync(const struct dma_debug_call *call,
		       const struct dma_debug_entry *entry, bool for_cpu)
{
	const struct dma_debug_call *made = &entry->call;
	const char *whom = for_cpu ? "the CPU" : "the device";
	u64 rest = made->size - (call->dma_addr - made->dma_addr);
	struct device *dev = call->dev;

	if (call->size > rest)
		dma_debug_report(dev, entry,
				 "sync of %llu bytes at %pad for %s: expected no more than the mapping of %llu bytes at %pad holds",
				 call->size, &call->dma_addr, whom,
				 made->size, &made->dma_addr);
	else if (made->dir != call->dir && made->dir != DMA_BIDIRECTIONAL)
		dma_debug_report(dev, entry,
				 "sync of %llu bytes at %pad for %s, %s: %sexpected %s, as mapped",
				 call->size, &call->dma_addr, whom,
				 dma_debug_dir_name(call->dir),
				 why_not(made->dir, for_cpu),
				 dma_debug_dir_name(made->dir));
	else if (call->kind == DMA_DEBUG_SG && made->kind == DMA_DEBUG_SG &&
		 made->nr_ents != call->nr_ents)
		dma_debug_report(dev, entry,
				 "sync of a list of %u entries at %pad for %s: expected %u, as passed to the mapping",
				 call->nr_ents, &call->dma_addr, whom,
				 made->nr_ents);
	else
		return false;
	return true;
}

static bool sync_mapping(const struct dma_debug_call *call,
			 struct dma_debug_entry *found, bool for_cpu)
{
	enum dma_debug_match match = dma_debug_find(call, found);

	if (likely(match == DMA_DEBUG_EXACT))
		return false;
	if (match == DMA_DEBUG_UNTRACKED) {
		found->nr_mapped = 0;
		return false;
	}
	if (match == DMA_DEBUG_INEXACT)
		return check_sync(call, found, for_cpu);
	dma_debug_report(call->dev, NULL,
			 "sync of %llu bytes at %pad for %s: the device has no mapping there",
			 call->size, &call->dma_addr,
			 for_cpu ? "the CPU" : "the device");
	return true;
}

/*
 * The calls, as observe.h tells of them
 */

/**
 * dma_debug_map_page - a page was to be mapped
 * @dev: the device
 * @page: the page
 * @offset: in @page, in bytes
 * @size: in bytes
 * @dir: direction
 * @dma_addr: the device's address, or DMA_MAPPING_ERROR
 * @attrs: DMA_ATTR_*
 *
 * Context: any.
 */
void dma_debug_map_page(struct device *dev, struct page *page, size_t offset,
			size_t size, enum dma_data_direction dir,
			dma_addr_t dma_addr, unsigned long attrs)
{
	struct dma_debug_call mapping = {
		.dev		= dev,
		.dma_addr	= dma_addr,
		.memory		= page_to_phys(page) + offset,
		.size		= size,
		.kind		= DMA_DEBUG_SINGLE,
		.dir		= dir,
		.check		= DMA_DEBUG_NOT_CHECKED,
	};

	check_max(dev, size, attrs);
	check_stack(dev, page, offset, size);
	check_kernel(dev, mapping.memory, size);
	if (dma_addr == DMA_MAPPING_ERROR)
		return;
	mapping.has_line = has_line(&mapping, attrs);
	track(&mapping, 0, dma_debug_stack(), attrs);
}

/**
 * dma_debug_unmap_page - a page's mapping ends
 * @dev: the device
 * @dma_addr: the device's address
 * @size: in bytes
 * @dir: direction
 *
 * Context: any, before it is unmapped.
 */
void dma_debug_unmap_page(struct device *dev, dma_addr_t dma_addr, size_t size,
			  enum dma_data_direction dir)
{
	end_in_one_piece(dev, dma_addr, size, DMA_DEBUG_SINGLE, dir);
}

/**
 * debug_dma_mapping_error - the driver checks an address
 * @dev: the device
 * @dma_addr: the address, or DMA_MAPPING_ERROR
 *
 * Context: any.
 */
void debug_dma_mapping_error(struct device *dev, dma_addr_t dma_addr)
{
	if (dma_debug_is_on() && dma_addr != DMA_MAPPING_ERROR)
		dma_debug_note_check(dev, dma_addr);
}
EXPORT_SYMBOL(debug_dma_mapping_error);

/* The driver's list, before the layer's doing is added to it */
static void check_list(struct device *dev, struct scatterlist *sgl, int nents,
		       unsigned long attrs)
{
	unsigned int max = dma_get_max_seg_size(dev), longest = 0;
	struct scatterlist *sg;
	int left = nents;

	/* It may have fewer, which the route refuses. */
	for (sg = dma_sg_first(sgl, left); sg; sg = dma_sg_next(sg, --left)) {
		longest = max(longest, sg->length);
		check_stack(dev, sg_page(sg), sg->offset, sg->length);
		check_kernel(dev, sg_phys(sg), sg->length);
	}
	check_max(dev, longest, attrs);
	if (IS_ENABLED(CONFIG_DMA_API_DEBUG_SG) && unlikely(longest > max))
		dma_debug_report(dev, NULL,
				 "mapping a list with an entry of %u bytes: expected at most the %u of dma_set_max_seg_size()",
				 longest, max);
}

/* What the device sees of it */
static void check_boundary(struct device *dev, struct scatterlist *sgl,
			   int mapped)
{
	u64 boundary = dma_get_seg_boundary(dev);
	struct scatterlist *sg;
	int left = mapped;

	for (sg = dma_sg_first(sgl, left); sg; sg = dma_sg_next(sg, --left)) {
		u64 start = sg_dma_address(sg);
		u64 last = start + sg_dma_len(sg) - 1;

		if (likely(((start ^ last) & ~boundary) == 0))
			continue;
		dma_debug_report(dev, NULL,
				 "mapping a list with an entry at %#llx-%#llx: expected none across the boundary %#llx of dma_set_seg_boundary()",
				 start, last, boundary);
		return;
	}
}

static void track_list(struct device *dev, struct scatterlist *sgl, int nents,
		       int mapped, enum dma_data_direction dir,
		       depot_stack_handle_t stack, unsigned long attrs)
{
	struct scatterlist *sg;
	int left = mapped;

	for (sg = dma_sg_first(sgl, left); sg; sg = dma_sg_next(sg, --left)) {
		struct dma_debug_call mapping = {
			.dev		= dev,
			.dma_addr	= sg_dma_address(sg),
			.memory		= sg_phys(sg),
			.size		= sg_dma_len(sg),
			.kind		= DMA_DEBUG_SG,
			.dir		= dir,
			.nr_ents	= nents,
		};

		mapping.has_line = has_line(&mapping, attrs);
		track(&mapping, mapped, stack, attrs);
	}
}

/**
 * dma_debug_map_sg - a list was mapped
 * @dev: the device
 * @sgl: the list
 * @nents: how many entries the driver passed
 * @mapped: how many the device sees; 0 or an error if it was not mapped
 * @dir: direction
 * @attrs: DMA_ATTR_*
 *
 * Context: any.
 */
void dma_debug_map_sg(struct device *dev, struct scatterlist *sgl, int nents,
		      int mapped, enum dma_data_direction dir,
		      unsigned long attrs)
{
	check_list(dev, sgl, nents, attrs);
	if (mapped <= 0)
		return;
	if (IS_ENABLED(CONFIG_DMA_API_DEBUG_SG))
		check_boundary(dev, sgl, mapped);
	track_list(dev, sgl, nents, mapped, dir, dma_debug_stack(), attrs);
}

/**
 * dma_debug_alloc_sgt - pages were allocated and mapped as a list
 * @dev: the device
 * @sgl: the list; how it is cut is the layer's matter
 * @nents: how many entries it has
 * @mapped: how many the device sees
 * @dir: direction
 *
 * Context: any.
 */
void dma_debug_alloc_sgt(struct device *dev, struct scatterlist *sgl, int nents,
			 int mapped, enum dma_data_direction dir)
{
	track_list(dev, sgl, nents, mapped, dir, dma_debug_stack(), 0);
	if (dma_debug_is_rehearsing())
		dma_rehearse_note_sg(dev, sgl, nents, dir);
}

static struct dma_debug_call call_of_sg(struct device *dev,
					struct scatterlist *sg, int nents,
					enum dma_data_direction dir)
{
	return (struct dma_debug_call) {
		.dev		= dev,
		.dma_addr	= sg_dma_address(sg),
		.size		= sg_dma_len(sg),
		.kind		= DMA_DEBUG_SG,
		.dir		= dir,
		.nr_ents	= nents,
	};
}

/* Is an entry behind those that the device sees?  It may not know how many. */
static bool is_behind(struct scatterlist *sg, int i, u32 nr_mapped)
{
	return !sg || (nr_mapped ? i >= nr_mapped : i && !sg_dma_len(sg));
}

/**
 * dma_debug_unmap_sg - a list's mapping ends
 * @dev: the device
 * @sgl: the list
 * @nents: how many entries the driver passes
 * @dir: direction
 *
 * Context: any, before it is unmapped.
 */
void dma_debug_unmap_sg(struct device *dev, struct scatterlist *sgl, int nents,
			enum dma_data_direction dir)
{
	struct dma_debug_entry found;
	struct scatterlist *sg = sgl;
	bool has_failed = false;
	u32 nr_mapped = 0;

	for (int i = 0; i < max_t(u32, nents, nr_mapped); i++) {
		struct dma_debug_call call;

		if (is_behind(sg, i, nr_mapped))
			break;
		call = call_of_sg(dev, sg, nents, dir);
		has_failed |= end_mapping(&call, &found, has_failed);
		if (!i)
			nr_mapped = found.nr_mapped;
		sg = sg_next(sg);
	}
}

/**
 * dma_debug_free_sgt - pages that were mapped as a list are to be freed
 * @dev: the device
 * @sgl: the list
 * @nents: how many entries it has
 * @dir: direction
 *
 * Context: any, before they are freed.
 */
void dma_debug_free_sgt(struct device *dev, struct scatterlist *sgl, int nents,
			enum dma_data_direction dir)
{
	dma_debug_unmap_sg(dev, sgl, nents, dir);
	if (dma_debug_is_rehearsing())
		dma_rehearse_drop_sg(dev, sgl, nents);
}

/**
 * dma_debug_map_resource - registers of another device were mapped
 * @dev: the device
 * @phys: their physical address
 * @size: in bytes
 * @dir: direction
 * @dma_addr: the device's address
 *
 * Context: any.
 */
void dma_debug_map_resource(struct device *dev, phys_addr_t phys, size_t size,
			    enum dma_data_direction dir, dma_addr_t dma_addr)
{
	struct dma_debug_call mapping = {
		.dev		= dev,
		.dma_addr	= dma_addr,
		.memory		= phys,
		.size		= size,
		.kind		= DMA_DEBUG_RESOURCE,
		.dir		= dir,
		.check		= DMA_DEBUG_NOT_CHECKED,
	};

	track(&mapping, 0, dma_debug_stack(), 0);
}

/**
 * dma_debug_unmap_resource - such a mapping ends
 * @dev: the device
 * @dma_addr: the device's address
 * @size: in bytes
 * @dir: direction
 *
 * Context: any, before it is unmapped.
 */
void dma_debug_unmap_resource(struct device *dev, dma_addr_t dma_addr,
			      size_t size, enum dma_data_direction dir)
{
	end_in_one_piece(dev, dma_addr, size, DMA_DEBUG_RESOURCE, dir);
}

/**
 * dma_debug_sync_single - a part of a mapping is handed over
 * @dev: the device
 * @dma_addr: where the part begins
 * @size: in bytes
 * @dir: direction
 * @for_cpu: to the CPU; else to the device
 *
 * Context: any.
 */
void dma_debug_sync_single(struct device *dev, dma_addr_t dma_addr, size_t size,
			   enum dma_data_direction dir, bool for_cpu)
{
	struct dma_debug_entry found;
	struct dma_debug_call call = {
		.dev		= dev,
		.dma_addr	= dma_addr,
		.size		= size,
		.kind		= DMA_DEBUG_SINGLE,
		.dir		= dir,
	};

	sync_mapping(&call, &found, for_cpu);
}

/**
 * dma_debug_sync_sg - a list is handed over
 * @dev: the device
 * @sgl: the list
 * @nents: how many entries the driver passes
 * @dir: direction
 * @for_cpu: to the CPU; else to the device
 *
 * Context: any.
 */
void dma_debug_sync_sg(struct device *dev, struct scatterlist *sgl, int nents,
		       enum dma_data_direction dir, bool for_cpu)
{
	struct dma_debug_entry found;
	struct scatterlist *sg = sgl;
	u32 nr_mapped = 0;

	for (int i = 0; i < nents; i++) {
		struct dma_debug_call call;

		if (is_behind(sg, i, nr_mapped))
			break;
		call = call_of_sg(dev, sg, nents, dir);
		if (sync_mapping(&call, &found, for_cpu))
			return;
		if (!i)
			nr_mapped = found.nr_mapped;
		sg = sg_next(sg);
	}
}

/**
 * dma_debug_alloc - consistent memory was allocated
 * @dev: the device
 * @size: in bytes
 * @cpu_addr: the CPU's address, or what stands for it
 * @dma_addr: the device's address
 * @attrs: DMA_ATTR_*
 *
 * Context: any.
 */
void dma_debug_alloc(struct device *dev, size_t size, void *cpu_addr,
		     dma_addr_t dma_addr, unsigned long attrs)
{
	struct dma_debug_call mapping = {
		.dev		= dev,
		.dma_addr	= dma_addr,
		.memory		= (uintptr_t)cpu_addr,
		.size		= size,
		.kind		= DMA_DEBUG_COHERENT,
		.dir		= DMA_BIDIRECTIONAL,
	};

	mapping.has_line = has_line(&mapping, attrs);
	track(&mapping, 0, dma_debug_stack(), attrs);
	if (dma_debug_is_rehearsing())
		dma_rehearse_note_consistent(dev, mapping.memory, size, dma_addr);
}

/**
 * dma_debug_free - consistent memory is to be freed
 * @dev: the device
 * @size: in bytes
 * @cpu_addr: the CPU's address
 * @dma_addr: the device's address
 *
 * Context: any, before it is freed.
 */
void dma_debug_free(struct device *dev, size_t size, void *cpu_addr,
		    dma_addr_t dma_addr)
{
	struct dma_debug_entry found;
	struct dma_debug_call call = {
		.dev		= dev,
		.dma_addr	= dma_addr,
		.memory		= (uintptr_t)cpu_addr,
		.size		= size,
		.kind		= DMA_DEBUG_COHERENT,
		.dir		= DMA_BIDIRECTIONAL,
	};

	end_mapping(&call, &found, false);
	if (dma_debug_is_rehearsing())
		dma_rehearse_drop_consistent(dev, call.memory, size, dma_addr);
}

static struct dma_debug_call pages_call(struct device *dev, struct page *page,
					size_t size,
					enum dma_data_direction dir,
					dma_addr_t dma_addr)
{
	return (struct dma_debug_call) {
		.dev		= dev,
		.dma_addr	= dma_addr,
		.memory		= page_to_phys(page),
		.size		= size,
		.kind		= DMA_DEBUG_NONCOHERENT,
		.dir		= dir,
	};
}

/**
 * dma_debug_alloc_pages - cacheable pages were allocated and mapped
 * @dev: the device
 * @page: the first page
 * @size: in bytes
 * @dir: direction
 * @dma_addr: the device's address
 *
 * Context: any.
 */
void dma_debug_alloc_pages(struct device *dev, struct page *page, size_t size,
			   enum dma_data_direction dir, dma_addr_t dma_addr)
{
	struct dma_debug_call mapping = pages_call(dev, page, size, dir,
						   dma_addr);

	mapping.has_line = has_line(&mapping, 0);
	track(&mapping, 0, dma_debug_stack(), 0);
	if (dma_debug_is_rehearsing())
		dma_rehearse_note(dev, mapping.memory, size, dir, dma_addr);
}

/**
 * dma_debug_free_pages - such pages are to be freed
 * @dev: the device
 * @page: the first page
 * @size: in bytes
 * @dir: direction
 * @dma_addr: the device's address
 *
 * Context: any, before they are freed.
 */
void dma_debug_free_pages(struct device *dev, struct page *page, size_t size,
			  enum dma_data_direction dir, dma_addr_t dma_addr)
{
	struct dma_debug_call call = pages_call(dev, page, size, dir, dma_addr);
	struct dma_debug_entry found;

	end_mapping(&call, &found, false);
	if (dma_debug_is_rehearsing())
		dma_rehearse_drop_note(dev, dma_addr, size);
}

/**
 * dma_driver_leaves - a driver is about to lose a device
 * @dev: the device; what the driver core frees for the driver is freed already
 *
 * What the driver has not released by now it never will: each mapping that is
 * left over is a leak.
 *
 * Context: process context; called by the driver core, for every bus.
 */
void dma_driver_leaves(struct device *dev)
{
	struct dma_debug_entry one;
	unsigned int nr;

	if (!dma_debug_is_on())
		return;
	nr = dma_debug_forget(dev, &one);
	if (nr)
		dma_debug_report(dev, &one,
				 "the driver leaves and has not released %u mappings, one of them %llu bytes at %pad, %s, %s: expected none",
				 nr, one.call.size, &one.call.dma_addr,
				 dma_debug_kind_name(one.call.kind),
				 dma_debug_dir_name(one.call.dir));
}
