// SPDX-License-Identifier: GPL-2.0
/*
 * Mapping of buffers: single, page, scatterlist; and of registers.
 *
 * The driver plays the device as well: it takes the DMA address that it was
 * given through the device's IOMMU or bus to physical memory, maps that page the
 * way the device sees it (uncached for a non-coherent one), and reads or writes
 * there. So a wrong address, a missing bounce copy or a cache that was not
 * cleaned shows as wrong data, as it would with hardware.
 *
 * What is checked: the data in each direction, before and after the sync calls;
 * that each address is within the device's limits; and whether the buffer was
 * bounced exactly when it has to be: out of the device's reach, with a restricted
 * pool, or a small kmalloc() object that shares its cache lines.
 *
 * A buffer that would have to be bounced while no bounce buffer is in reach is not
 * tried: the layer answers that with a warning about the driver.
 */
#include <linux/dma-map-ops.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/swiotlb.h>
#include <linux/vmalloc.h>

#include "requests.h"

#define MAX_SEGMENTS	32

enum mapping_kind {
	MAP_SINGLE,	/* a kmalloc() object, dma_map_single() */
	MAP_PAGE,	/* dma_map_page() */
	MAP_SG,		/* MAX_SEGMENTS pieces of pages, dma_map_sgtable() */
};

/**
 * struct mapping - a buffer and its mapping
 * @name: what the request is called
 * @kind: which call maps it
 * @dir: which way the data goes
 * @size: of the buffer, bytes; for MAP_SG the sum
 * @cpu: the pieces of the buffer; once mapped also the device's segments if
 *	MAP_SG
 * @sgt: @cpu as a table
 * @dma_addr: the device's address, if not MAP_SG
 */
struct mapping {
	const char *name;
	enum mapping_kind kind;
	enum dma_data_direction dir;
	size_t size;
	struct scatterlist cpu[MAX_SEGMENTS];
	struct sg_table sgt;
	dma_addr_t dma_addr;
};

static bool to_device(const struct mapping *m)
{
	return m->dir != DMA_FROM_DEVICE;
}

static bool from_device(const struct mapping *m)
{
	return m->dir != DMA_TO_DEVICE;
}

/* A device with a small mask and no IOMMU needs the zone that is kept for it. */
static gfp_t buffer_gfp(const struct test_device *t)
{
	if (!is_translated(t->dev) && streaming_limit(t->dev) < DMA_BIT_MASK(32))
		return GFP_KERNEL | GFP_DMA;
	return GFP_KERNEL;
}

static void free_buffer(struct mapping *m)
{
	for (unsigned int i = 0; i < m->sgt.orig_nents; i++) {
		struct scatterlist *sg = &m->cpu[i];

		if (!sg_page(sg))
			continue;
		if (m->kind == MAP_SINGLE)
			kfree(sg_virt(sg));
		else
			__free_pages(sg_page(sg), get_order(sg->offset + sg->length));
	}
}

static int alloc_buffer(const struct test_device *t, struct mapping *m)
{
	unsigned int nr = m->kind == MAP_SG ? MAX_SEGMENTS : 1;
	size_t size = m->size;

	sg_init_table(m->cpu, nr);
	m->sgt = (struct sg_table){ .sgl = m->cpu, .nents = nr, .orig_nents = nr };
	if (m->kind == MAP_SINGLE) {
		void *object = kmalloc(size, buffer_gfp(t));

		if (object)
			sg_set_buf(m->cpu, object, size);
		return object ? 0 : -ENOMEM;
	}
	if (m->kind == MAP_SG)
		m->size = 0;
	for (unsigned int i = 0; i < nr; i++) {
		/* Pieces of all lengths that share no cache line with anything. */
		unsigned int offset = m->kind == MAP_SG ? SZ_256 : 0;
		struct page *page;

		if (m->kind == MAP_SG)
			size = SZ_256 * (1 + i % 15);
		page = alloc_pages(buffer_gfp(t), get_order(offset + size));
		if (!page)
			return -ENOMEM;
		sg_set_page(&m->cpu[i], page, size, offset);
		if (m->kind == MAP_SG)
			m->size += size;
	}
	return 0;
}

static u8 pattern(u8 seed, size_t pos)
{
	return seed + pos * 7 + (pos >> 8);
}

static void cpu_write(struct mapping *m, u8 seed)
{
	struct scatterlist *sg;
	size_t pos = 0;
	int i;

	for_each_sgtable_sg(&m->sgt, sg, i) {
		u8 *bytes = sg_virt(sg);

		for (unsigned int j = 0; j < sg->length; j++)
			bytes[j] = pattern(seed, pos++);
	}
}

static bool cpu_check(struct mapping *m, u8 seed, size_t *bad)
{
	struct scatterlist *sg;
	int i;

	*bad = 0;
	for_each_sgtable_sg(&m->sgt, sg, i) {
		const u8 *bytes = sg_virt(sg);

		for (unsigned int j = 0; j < sg->length; j++, ++*bad)
			if (READ_ONCE(bytes[j]) != pattern(seed, *bad))
				return false;
	}
	return true;
}

/* The device's address of byte @pos, and how many bytes follow it there. */
static bool device_address(struct mapping *m, size_t pos, dma_addr_t *dma_addr, size_t *len)
{
	struct scatterlist *sg;
	int i;

	if (m->kind != MAP_SG) {
		*dma_addr = m->dma_addr + pos;
		*len = m->size - pos;
		return pos < m->size;
	}
	for_each_sgtable_dma_sg(&m->sgt, sg, i) {
		if (pos < sg_dma_len(sg)) {
			*dma_addr = sg_dma_address(sg) + pos;
			*len = sg_dma_len(sg) - pos;
			return true;
		}
		pos -= sg_dma_len(sg);
	}
	return false;
}

static bool device_bytes(u8 *bytes, size_t len, size_t pos, u8 seed, bool is_write, size_t *bad)
{
	for (size_t i = 0; i < len; i++) {
		if (is_write) {
			WRITE_ONCE(bytes[i], pattern(seed, pos + i));
		} else if (READ_ONCE(bytes[i]) != pattern(seed, pos + i)) {
			*bad = pos + i;
			return false;
		}
	}
	return true;
}

/* Be the device: write the buffer, or check what is in it, page by page. */
static bool device_access(const struct test_device *t, struct mapping *m, u8 seed,
			  bool is_write, size_t *bad)
{
	pgprot_t prot = dev_is_dma_coherent(t->dev) ? PAGE_KERNEL :
			pgprot_dmacoherent(PAGE_KERNEL);
	bool is_good = true;
	size_t pos, len;

	for (pos = 0; pos < m->size && is_good; pos += len) {
		dma_addr_t dma_addr;
		struct page *page;
		phys_addr_t phys;
		void *view;

		*bad = pos;
		if (!device_address(m, pos, &dma_addr, &len))
			return false;
		phys = device_to_phys(t->dev, dma_addr);
		if (!pfn_valid(PHYS_PFN(phys)))
			return false;
		len = min_t(size_t, len, PAGE_SIZE - offset_in_page(phys));
		page = pfn_to_page(PHYS_PFN(phys));
		view = vmap(&page, 1, VM_MAP, prot);
		if (!view)
			return false;
		is_good = device_bytes(view + offset_in_page(phys), len, pos, seed, is_write, bad);
		vunmap(view);
	}
	return is_good;
}

static int map(const struct test_device *t, struct mapping *m)
{
	switch (m->kind) {
	case MAP_SINGLE:
		m->dma_addr = dma_map_single(t->dev, sg_virt(m->cpu), m->size, m->dir);
		return dma_mapping_error(t->dev, m->dma_addr);
	case MAP_PAGE:
		m->dma_addr = dma_map_page(t->dev, sg_page(m->cpu), m->cpu->offset, m->size,
					   m->dir);
		return dma_mapping_error(t->dev, m->dma_addr);
	case MAP_SG:
		return dma_map_sgtable(t->dev, &m->sgt, m->dir, 0);
	}
	return -EINVAL;
}

static void unmap(const struct test_device *t, struct mapping *m)
{
	switch (m->kind) {
	case MAP_SINGLE:
		return dma_unmap_single(t->dev, m->dma_addr, m->size, m->dir);
	case MAP_PAGE:
		return dma_unmap_page(t->dev, m->dma_addr, m->size, m->dir);
	case MAP_SG:
		return dma_unmap_sgtable(t->dev, &m->sgt, m->dir, 0);
	}
}

static void sync_for_cpu(const struct test_device *t, struct mapping *m)
{
	if (m->kind == MAP_SG)
		dma_sync_sgtable_for_cpu(t->dev, &m->sgt, m->dir);
	else
		dma_sync_single_for_cpu(t->dev, m->dma_addr, m->size, m->dir);
}

static void sync_for_device(const struct test_device *t, struct mapping *m)
{
	if (m->kind == MAP_SG)
		dma_sync_sgtable_for_device(t->dev, &m->sgt, m->dir);
	else
		dma_sync_single_for_device(t->dev, m->dma_addr, m->size, m->dir);
}

/* A small object may share its cache lines with others of its slab. */
static bool shares_cache_lines(const struct test_device *t, const struct mapping *m)
{
	return IS_ENABLED(CONFIG_DMA_BOUNCE_UNALIGNED_KMALLOC) && m->kind == MAP_SINGLE &&
	       from_device(m) && !dev_is_dma_coherent(t->dev) && m->size < SZ_64 &&
	       !IS_ALIGNED(kmalloc_size_roundup(m->size), dma_get_cache_alignment());
}

static bool is_in_reach(const struct test_device *t, struct mapping *m)
{
	u64 limit = streaming_limit(t->dev);
	struct scatterlist *sg;
	int i;

	if (is_translated(t->dev))
		return true;
	for_each_sgtable_sg(&m->sgt, sg, i)
		if (!bus_address(t->dev, sg_phys(sg), sg->length, limit, NULL))
			return false;
	return true;
}

static bool needs_bounce(const struct test_device *t, struct mapping *m)
{
	bool is_forced = t->restricted.size ||
			 (!is_translated(t->dev) && is_swiotlb_force_bounce(t->dev));

	return is_forced || !is_in_reach(t, m) || shares_cache_lines(t, m);
}

static bool can_be_mapped(const struct test_device *t, struct mapping *m)
{
	return is_translated(t->dev) || t->restricted.size || !needs_bounce(t, m) ||
	       can_reach_bounce_buffers(t->dev);
}

static bool was_bounced(const struct test_device *t, struct mapping *m)
{
	struct scatterlist *sg;
	size_t pos = 0, len;
	dma_addr_t dma_addr;
	int i;

	for_each_sgtable_sg(&m->sgt, sg, i) {
		if (!device_address(m, pos, &dma_addr, &len) ||
		    device_to_phys(t->dev, dma_addr) != sg_phys(sg))
			return true;
		pos += sg->length;
	}
	return false;
}

static const char *path_name(const struct test_device *t, bool is_bounced)
{
	if (is_translated(t->dev))
		return is_bounced ? "iommu bounce" : "iommu";
	return is_bounced ? "bounce" : "direct";
}

static bool check_mapping(struct run *run, struct row *row, const struct test_device *t,
			  struct mapping *m)
{
	const char *expected = path_name(t, needs_bounce(t, m));
	u64 limit = streaming_limit(t->dev);
	dma_addr_t dma_addr;
	size_t pos, len;

	row->backend = path_name(t, was_bounced(t, m));
	if (strcmp(row->backend, expected)) {
		table_fail(run, row, "went %s, expected %s", row->backend, expected);
		return false;
	}
	for (pos = 0; pos < m->size; pos += len) {
		if (!device_address(m, pos, &dma_addr, &len)) {
			table_fail(run, row, "%zu bytes mapped, expected %zu", pos, m->size);
			return false;
		}
		if (dma_addr + len - 1 > limit) {
			table_fail(run, row, "ends at %#llx, beyond the device's limit %#llx",
				   (u64)dma_addr + len - 1, limit);
			return false;
		}
	}
	return true;
}

/*
 * The life of a mapping, with four patterns: what the device gets when it is
 * mapped, what the CPU gets by a sync, what the device gets by a sync, and what
 * the CPU gets when it is unmapped. NULL, or what went wrong at byte @bad.
 */
static const char *transfer(const struct test_device *t, struct mapping *m, size_t *bad)
{
	if (to_device(m) && !device_access(t, m, 1, false, bad))
		return "the device got wrong data by the map";
	if (from_device(m) && !device_access(t, m, 2, true, bad))
		return "the device can't write";
	sync_for_cpu(t, m);
	if (from_device(m) && !cpu_check(m, 2, bad))
		return "the CPU got wrong data by the sync";
	if (to_device(m))
		cpu_write(m, 3);
	sync_for_device(t, m);
	if (to_device(m) && !device_access(t, m, 3, false, bad))
		return "the device got wrong data by the sync";
	if (from_device(m) && !device_access(t, m, 4, true, bad))
		return "the device can't write";
	return NULL;
}

static void run_mapped(struct run *run, struct row *row, const struct test_device *t,
		       struct mapping *m)
{
	const char *problem = NULL;
	size_t bad = 0, len;
	bool is_good;

	device_address(m, 0, &row->dma_addr, &len);
	row->cpu_addr = sg_virt(m->cpu);
	row->has_addresses = true;
	is_good = check_mapping(run, row, t, m);
	if (is_good)
		problem = transfer(t, m, &bad);
	unmap(t, m);
	if (!is_good)
		return;
	if (!problem && from_device(m) && !cpu_check(m, 4, &bad))
		problem = "the CPU got wrong data by the unmap";
	if (problem)
		table_fail(run, row, "%s, at byte %zu", problem, bad);
	else
		table_pass(run, row);
}

static void run_mapping(struct run *run, const struct test_device *t, struct mapping *m)
{
	int err = alloc_buffer(t, m);
	struct row *row;

	if (!err && !can_be_mapped(t, m))
		goto out_free;
	row = table_add(run, t->name, "%s", m->name);
	if (!row)
		goto out_free;
	if (err) {
		table_fail(run, row, "no memory for the buffer");
		goto out_free;
	}
	cpu_write(m, to_device(m) ? 1 : 0xa5);
	err = map(t, m);
	if (err)
		table_fail(run, row, "map: error %pe, expected %s", ERR_PTR(err),
			   path_name(t, needs_bounce(t, m)));
	else
		run_mapped(run, row, t, m);
out_free:
	free_buffer(m);
	cond_resched();
}

static void check_registers(struct run *run, struct row *row, const struct test_device *t,
			    const struct place *registers, bool is_possible, dma_addr_t expected)
{
	phys_addr_t phys = device_to_phys(t->dev, row->dma_addr);
	u64 limit = streaming_limit(t->dev);
	u64 last = row->dma_addr + registers->size - 1;

	if (!is_possible)
		table_fail(run, row, "mapped, expected a refusal: out of reach");
	else if (!is_translated(t->dev) && row->dma_addr != expected)
		table_fail(run, row, "DMA address, expected %pad", &expected);
	else if (phys != registers->base)
		table_fail(run, row, "the device finds %pa, expected %pa", &phys,
			   &registers->base);
	else if (last > limit)
		table_fail(run, row, "ends at %#llx, beyond the device's limit %#llx", last, limit);
	else
		table_pass(run, row);
}

static void run_resource(struct run *run, const struct test_device *t)
{
	struct place registers = place_of_registers();
	dma_addr_t expected = 0;
	bool is_possible;
	struct row *row;

	if (!registers.size)
		return;
	row = table_add(run, t->name, "map_resource %pa", &registers.base);
	if (!row)
		return;
	is_possible = is_translated(t->dev) ||
		      bus_address(t->dev, registers.base, registers.size,
				  streaming_limit(t->dev), &expected);
	row->dma_addr = dma_map_resource(t->dev, registers.base, registers.size,
					 DMA_BIDIRECTIONAL, 0);
	if (dma_mapping_error(t->dev, row->dma_addr)) {
		if (is_possible)
			table_fail(run, row, "refused, expected a mapping");
		else
			table_pass_with(run, row, "refused as expected: out of reach");
		return;
	}
	row->backend = path_name(t, false);
	row->has_addresses = true;
	check_registers(run, row, t, &registers, is_possible, expected);
	dma_unmap_resource(t->dev, row->dma_addr, registers.size, DMA_BIDIRECTIONAL, 0);
}

/**
 * run_streaming() - make all requests for mappings for one device
 * @run: the run
 * @t: the device
 *
 * Context: process, may sleep.
 */
void run_streaming(struct run *run, const struct test_device *t)
{
	static const struct mapping mappings[] = {
		{ "map_single 1000 B to device", MAP_SINGLE, DMA_TO_DEVICE, 1000 },
		{ "map_single 1000 B from device", MAP_SINGLE, DMA_FROM_DEVICE, 1000 },
		{ "map_single 24 B from device", MAP_SINGLE, DMA_FROM_DEVICE, 24 },
		{ "map_page 3000 B both ways", MAP_PAGE, DMA_BIDIRECTIONAL, 3000 },
		{ "map_page 64 KiB from device", MAP_PAGE, DMA_FROM_DEVICE, SZ_64K },
		{ "map_sg 32 entries to device", MAP_SG, DMA_TO_DEVICE },
		{ "map_sg 32 entries from device", MAP_SG, DMA_FROM_DEVICE },
	};
	struct mapping *m = kmalloc(sizeof(*m), GFP_KERNEL);

	if (!m) {
		struct row *row = table_add(run, t->name, "map");

		if (row)
			table_fail(run, row, "no memory for the mapping's description");
		return;
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(mappings); i++) {
		*m = mappings[i];
		run_mapping(run, t, m);
	}
	kfree(m);
	run_resource(run, t);
}
