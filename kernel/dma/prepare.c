// SPDX-License-Identifier: GPL-2.0-only
/*
 * Making pages into memory that CPU and device see alike, and back.
 *
 * Pages as the allocator gives them are encrypted, cached and full of old
 * data.  dma_memory_prepare() makes them right for one request, in an order
 * that matters:
 *
 *   decrypt   through the linear mapping, since that changes what is in them;
 *   zero      through the linear mapping, cached and thus fast;
 *   flush     so that no dirty line lands on what the device writes later;
 *   map       in place, by an uncached alias, or by vmap().
 *
 * Each step sets its bit in the record; dma_memory_restore() undoes by these
 * bits.  Together with cache.h this is the only caller of arch_* hooks.
 *
 * No locks.
 */
#include <linux/dma-cache.h>
#include <linux/dma-map-ops.h>
#include <linux/highmem.h>
#include <linux/io.h>
#include <linux/set_memory.h>

#include "prepare.h"

/* Must the kernel see these pages at another address than the linear one? */
static bool needs_remap(const struct dma_request *req)
{
	return !req->limits.coherent && IS_ENABLED(CONFIG_DMA_DIRECT_REMAP);
}

/**
 * dma_prepared_decline - why memory that is prepared already does not serve
 * @req: the request
 *
 * Such memory is decrypted and uncached, as a whole extent was made.
 *
 * Context: any.
 * Return: NULL if it serves, else the reason.
 */
const char *dma_prepared_decline(const struct dma_request *req)
{
	if (!dma_request_needs_work(req))
		return "pages need no preparation";
	if (req->route == DMA_ROUTE_OPS)
		return "external ops map pages alone";
	/* A page that the caller treats as cached must not be a remapped one. */
	if (dma_request_wants_page(req) && IS_ENABLED(CONFIG_DMA_DIRECT_REMAP))
		return "the caller wants cacheable pages";
	if (IS_ENABLED(CONFIG_ARCH_HAS_DMA_WRITE_COMBINE) &&
	    dma_request_can_sleep(req) && (req->attrs & DMA_ATTR_WRITE_COMBINE))
		return "the caller wants write-combined memory";
	return NULL;
}

/**
 * dma_memory_cannot_prepare - why pages can't become what a request wants
 * @req: the request
 *
 * Context: any.
 * Return: NULL if they can, else the reason.
 */
const char *dma_memory_cannot_prepare(const struct dma_request *req)
{
	bool is_in_place = req->limits.coherent || dma_request_wants_page(req);

	if (req->limits.unencrypted && !dma_request_can_sleep(req))
		return "pages cannot be decrypted without sleeping";
	if (is_in_place)
		return NULL;
	if (IS_ENABLED(CONFIG_ARCH_HAS_DMA_SET_UNCACHED))
		return NULL;
	if (!IS_ENABLED(CONFIG_DMA_DIRECT_REMAP))
		return "this architecture cannot make pages uncached";
	if (!dma_request_can_sleep(req))
		return "pages cannot be remapped without sleeping";
	return NULL;
}

/* Linear mapping of all pages to @encrypted.  Leaves the bit as it is. */
static int set_encrypted(phys_addr_t phys, size_t size, bool encrypted)
{
	unsigned long addr = (unsigned long)phys_to_virt(phys);
	int nr_pages = size >> PAGE_SHIFT;

	return encrypted ? set_memory_encrypted(addr, nr_pages) :
			   set_memory_decrypted(addr, nr_pages);
}

static int decrypt_pages(struct dma_allocation *record)
{
	int err;

	if (PageHighMem(dma_record_page(record)))
		return -EINVAL;

	/* On failure some of the pages may be decrypted: undo has to try. */
	record->done |= DMA_DONE_DECRYPTED;
	err = set_encrypted(record->phys, record->size, false);
	if (err)
		pr_err_ratelimited("dma: %s: cannot decrypt %zu bytes at %pa: error %d\n",
				   record->owner->name, record->size, &record->phys,
				   err);
	return err;
}

/* Zero cached pages, highmem included. */
static void zero_pages(struct page *page, size_t size)
{
	unsigned long nr_pages = size >> PAGE_SHIFT;

	if (!PageHighMem(page)) {
		memset(page_address(page), 0, size);
		return;
	}
	while (nr_pages--)
		clear_highpage(page++);
}

/* No dirty line of these pages may reach memory after this. */
static void flush_pages(struct page *page, size_t size)
{
	if (IS_ENABLED(CONFIG_ARCH_HAS_DMA_PREP_COHERENT))
		arch_dma_prep_coherent(page, size);
	else
		dma_cache_to_device(page_to_phys(page), size,
				    DMA_BIDIRECTIONAL);
}

static void *remap(const struct dma_request *req, struct page *page)
{
	pgprot_t prot = dma_pgprot(req->dev, PAGE_KERNEL, req->attrs);

	if (req->limits.unencrypted)
		prot = pgprot_decrypted(prot);
	return dma_common_contiguous_remap(page, req->size, prot,
					   __builtin_return_address(0));
}

static int make_uncached_alias(struct dma_allocation *record, void *linear)
{
	void *alias = ERR_PTR(-EOPNOTSUPP);

	if (IS_ENABLED(CONFIG_ARCH_HAS_DMA_SET_UNCACHED))
		alias = arch_dma_set_uncached(linear, record->size);
	if (IS_ERR(alias))
		return PTR_ERR(alias);
	record->cpu_addr = alias;
	record->done |= DMA_DONE_UNCACHED;
	return 0;
}

/* Give the CPU its address of prepared pages. */
static int map_for_cpu(const struct dma_request *req,
		       struct dma_allocation *record, struct page *page)
{
	if (dma_request_wants_page(req)) {
		record->cpu_addr = page;
		return 0;
	}
	if (needs_remap(req) || PageHighMem(page)) {
		record->cpu_addr = remap(req, page);
		if (!record->cpu_addr)
			return -ENOMEM;
		record->done |= DMA_DONE_REMAPPED;
		return 0;
	}
	if (!req->limits.coherent)
		return make_uncached_alias(record, page_address(page));
	record->cpu_addr = page_address(page);
	return 0;
}

/**
 * dma_memory_prepare - make pages into what a request wants
 * @req: the request; dma_memory_cannot_prepare() has no objection
 * @record: its phys and size say which pages; gets cpu_addr and done bits
 *
 * Context: may sleep if req->gfp allows.
 * Return: 0 or a negative error; what was done until then stays noted in
 * @record for dma_memory_restore().
 */
int dma_memory_prepare(const struct dma_request *req,
		       struct dma_allocation *record)
{
	struct page *page = dma_record_page(record);
	int err;

	if (req->limits.unencrypted && !record->backend->is_unencrypted) {
		err = decrypt_pages(record);
		if (err)
			return err;
	}

	if (!(record->done & DMA_DONE_ZEROED)) {
		zero_pages(page, record->size);
		record->done |= DMA_DONE_ZEROED;
	}
	if (!req->limits.coherent && !req->wants_pages)
		flush_pages(page, record->size);

	err = map_for_cpu(req, record, page);
	if (!err)
		record->done |= DMA_DONE_CPU_MAPPED;
	return err;
}

/**
 * dma_memory_restore - make prepared memory into ordinary pages again
 * @record: says what has been done
 *
 * Context: process context; may sleep if REMAPPED or DECRYPTED is set.
 * Return: true if the pages can be used by anyone again; false if they
 * could not be encrypted and must not be handed out.
 */
bool dma_memory_restore(struct dma_allocation *record)
{
	if (IS_ENABLED(CONFIG_MMU) && (record->done & DMA_DONE_REMAPPED))
		dma_common_free_remap(record->cpu_addr, record->size);
	if (IS_ENABLED(CONFIG_ARCH_HAS_DMA_CLEAR_UNCACHED) &&
	    (record->done & DMA_DONE_UNCACHED))
		arch_dma_clear_uncached(record->cpu_addr, record->size);
	if (record->done & DMA_DONE_DECRYPTED)
		return !set_encrypted(record->phys, record->size, true);
	return true;
}

/**
 * dma_pages_make_uncached - a standing uncached mapping of fresh pages
 * @page: the first of physically contiguous pages
 * @size: in bytes
 *
 * For memory that serves atomic requests later, when nothing can be mapped.
 *
 * Context: may sleep.
 * Return: the CPU's address; NULL without memory for the mapping.
 */
void *dma_pages_make_uncached(struct page *page, size_t size)
{
	flush_pages(page, size);
	if (!IS_ENABLED(CONFIG_DMA_DIRECT_REMAP))
		return page_address(page);
	return dma_common_contiguous_remap(page, size,
			pgprot_decrypted(pgprot_dmacoherent(PAGE_KERNEL)),
			__builtin_return_address(0));
}
