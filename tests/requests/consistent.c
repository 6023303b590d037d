// SPDX-License-Identifier: GPL-2.0
/*
 * Requests for buffers: consistent ones (dma_alloc_coherent) and cacheable ones
 * (dma_alloc_pages, dma_alloc_noncoherent), that may sleep and that may not,
 * from one page to 4 MiB.
 *
 * What is checked of each buffer: who served it, according to the layer's
 * records; that it lies where that backend's memory is declared; that its DMA
 * address is within the device's limits and naturally aligned; that the device
 * finds at each page of its address the memory that the CPU finds at the same
 * page of its own; that it comes zeroed, also when dirty memory was freed just
 * before; that it keeps what is written; that nobody owns it once it is freed.
 *
 * The device's view is compared by physical address and not by reading the
 * memory through a second mapping: a pool that is declared no-map must not be
 * mapped once more, with attributes of its own.
 */
#include <linux/delay.h>
#include <linux/dma-map-ops.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "../../kernel/dma/ledger.h"
#include "requests.h"

/* How long an atomic pool may take to grow. */
#define GROWTH_TRIES	100
#define GROWTH_WAIT_MS	20

/* Held by requests that may not sleep, with interrupts off, as a driver would. */
static DEFINE_SPINLOCK(atomic_lock);

/* A buffer that is held while others are asked for. */
struct held_buffer {
	struct list_head list;
	struct request rq;
	void *cpu_addr;
	dma_addr_t dma_addr;
};

static void *alloc_form(const struct test_device *t, const struct request *rq, gfp_t gfp,
			dma_addr_t *dma_addr)
{
	struct page *page;

	switch (rq->form) {
	case FORM_COHERENT:
		return dma_alloc_coherent(t->dev, rq->size, dma_addr, gfp);
	case FORM_PAGES:
		page = dma_alloc_pages(t->dev, rq->size, dma_addr, DMA_BIDIRECTIONAL, gfp);
		return page ? page_address(page) : NULL;
	case FORM_NONCOHERENT:
		return dma_alloc_noncoherent(t->dev, rq->size, dma_addr, DMA_BIDIRECTIONAL, gfp);
	}
	return NULL;
}

/**
 * consistent_alloc() - make a request as it is described
 * @t: the device
 * @rq: the request
 * @flags: more allocation flags
 * @dma_addr: set to the device's address
 *
 * Context: process, may sleep.
 * Return: the CPU's address, or NULL when the request is refused.
 */
void *consistent_alloc(const struct test_device *t, const struct request *rq, gfp_t flags,
		       dma_addr_t *dma_addr)
{
	unsigned long irq_flags;
	void *cpu_addr;

	if (!rq->is_atomic)
		return alloc_form(t, rq, GFP_KERNEL | flags, dma_addr);

	spin_lock_irqsave(&atomic_lock, irq_flags);
	cpu_addr = alloc_form(t, rq, GFP_ATOMIC | flags, dma_addr);
	spin_unlock_irqrestore(&atomic_lock, irq_flags);
	return cpu_addr;
}

/**
 * consistent_free() - give back what consistent_alloc() returned
 * @t: the device
 * @rq: the request
 * @cpu_addr: the CPU's address
 * @dma_addr: the device's address
 *
 * Context: process, may sleep.
 */
void consistent_free(const struct test_device *t, const struct request *rq, void *cpu_addr,
		     dma_addr_t dma_addr)
{
	switch (rq->form) {
	case FORM_COHERENT:
		return dma_free_coherent(t->dev, rq->size, cpu_addr, dma_addr);
	case FORM_PAGES:
		return dma_free_pages(t->dev, rq->size, virt_to_page(cpu_addr), dma_addr,
				      DMA_BIDIRECTIONAL);
	case FORM_NONCOHERENT:
		return dma_free_noncoherent(t->dev, rq->size, cpu_addr, dma_addr,
					    DMA_BIDIRECTIONAL);
	}
}

/**
 * request_backend() - who served a buffer, according to the layer's records
 * @t: the device
 * @dma_addr: an address in the buffer
 *
 * Context: any.
 * Return: the backend's name, or NULL when no live buffer is there.
 */
const char *request_backend(const struct test_device *t, dma_addr_t dma_addr)
{
	return dma_ledger_owner(t->dev, dma_addr);
}

static u64 pattern(u64 seed, size_t word)
{
	return seed + word * 0x9e3779b97f4a7c15ULL;
}

static void write_pattern(u64 *words, size_t size, u64 seed)
{
	for (size_t i = 0; i < size / sizeof(*words); i++)
		WRITE_ONCE(words[i], pattern(seed, i));
}

/* The offset of the first byte that is not as it should be, or @size. */
static size_t check_pattern(const u64 *words, size_t size, u64 seed)
{
	for (size_t i = 0; i < size / sizeof(*words); i++)
		if (READ_ONCE(words[i]) != pattern(seed, i))
			return i * sizeof(*words);
	return size;
}

static size_t check_zero(const u64 *words, size_t size)
{
	for (size_t i = 0; i < size / sizeof(*words); i++)
		if (READ_ONCE(words[i]))
			return i * sizeof(*words);
	return size;
}

static bool check_owner(struct run *run, struct row *row, const struct test_device *t,
			const struct request *rq, const struct expectation *e)
{
	const char *first = request_backend(t, row->dma_addr);
	const char *last = request_backend(t, row->dma_addr + rq->size - 1);

	row->backend = first;
	if (!e->backend)
		table_fail(run, row, "served by %s, expected a refusal: %s", first ?: "nobody",
			   e->why);
	else if (!first || strcmp(first, e->backend))
		table_fail(run, row, "served by %s, expected %s", first ?: "nobody", e->backend);
	else if (!last || strcmp(last, first))
		table_fail(run, row, "its last byte belongs to %s, expected %s",
			   last ?: "nobody", first);
	else
		return true;
	return false;
}

/*
 * CMA_ALIGNMENT says up to which size CMA areas keep natural alignment; from them
 * an architecture's own allocator takes all it can.
 */
static size_t expected_alignment(const struct request *rq, const struct expectation *e)
{
	size_t alignment = natural_alignment(rq->size);

	if (!strcmp(e->backend, "device cma") || !strcmp(e->backend, "default cma") ||
	    (!strcmp(e->backend, "arch") && IS_ENABLED(CONFIG_DMA_CMA)))
		return min_t(size_t, alignment, CMA_MAX_ALIGNMENT);
	return alignment;
}

static bool check_limits(struct run *run, struct row *row, const struct test_device *t,
			 const struct request *rq, const struct expectation *e)
{
	u64 limit = consistent_limit(t->dev);
	u64 last = row->dma_addr + PAGE_ALIGN(rq->size) - 1;
	size_t alignment = expected_alignment(rq, e);

	if (last > limit || last < row->dma_addr)
		table_fail(run, row, "ends at %#llx, beyond the device's limit %#llx", last, limit);
	else if (!IS_ALIGNED(row->dma_addr, alignment))
		table_fail(run, row, "DMA address is no multiple of %#zx", alignment);
	else
		return true;
	return false;
}

static bool check_views(struct run *run, struct row *row, const struct test_device *t,
			const struct request *rq, const struct expectation *e)
{
	for (size_t offset = 0; offset < rq->size; offset += PAGE_SIZE) {
		phys_addr_t cpu = cpu_to_phys(row->cpu_addr + offset);
		phys_addr_t dev = device_to_phys(t->dev, row->dma_addr + offset);

		if (cpu != dev) {
			table_fail(run, row, "at %#zx the CPU sees %pa, but the device %pa",
				   offset, &cpu, &dev);
			return false;
		}
		if (e->place.size && !place_contains(&e->place, cpu, PAGE_SIZE)) {
			table_fail(run, row, "lies at %pa, not in the %s at %pa", &cpu,
				   e->backend, &e->place.base);
			return false;
		}
	}
	return true;
}

static bool check_contents(struct run *run, struct row *row, const struct test_device *t,
			   const struct request *rq)
{
	u64 *words = (u64 *)row->cpu_addr;
	u64 seed = row->dma_addr ^ rq->size;
	size_t bad;

	bad = check_zero(words, rq->size);
	if (bad < rq->size) {
		table_fail(run, row, "not zeroed at %#zx", bad);
		return false;
	}
	write_pattern(words, rq->size, seed);
	if (rq->form != FORM_COHERENT) {
		dma_sync_single_for_device(t->dev, row->dma_addr, rq->size, DMA_BIDIRECTIONAL);
		dma_sync_single_for_cpu(t->dev, row->dma_addr, rq->size, DMA_BIDIRECTIONAL);
	}
	bad = check_pattern(words, rq->size, seed);
	if (bad < rq->size) {
		table_fail(run, row, "lost what was written at %#zx", bad);
		return false;
	}
	return true;
}

/* The buffer was freed dirty. Nobody owns it now, and the next one is zeroed. */
static bool check_next(struct run *run, struct row *row, const struct test_device *t,
		       const struct request *rq)
{
	const char *owner = request_backend(t, row->dma_addr);
	size_t bad = rq->size;
	dma_addr_t dma_addr;
	void *cpu_addr;

	if (owner) {
		table_fail(run, row, "after its free it still belongs to %s", owner);
		return false;
	}
	cpu_addr = consistent_alloc(t, rq, 0, &dma_addr);
	if (cpu_addr) {
		bad = check_zero(cpu_addr, rq->size);
		consistent_free(t, rq, cpu_addr, dma_addr);
	}
	if (!cpu_addr)
		table_fail(run, row, "served once, but refused when asked again");
	else if (bad < rq->size)
		table_fail(run, row, "the next buffer is not zeroed at %#zx", bad);
	else
		return true;
	return false;
}

/* Ask until a pool that has to grow for this has done so. */
static void *alloc_patiently(const struct test_device *t, const struct request *rq,
			     const struct expectation *e, struct row *row,
			     unsigned int *nr_refused)
{
	/* A refusal that is right, or one more, needs no further report. */
	void *cpu_addr = consistent_alloc(t, rq, e->backend ? 0 : __GFP_NOWARN, &row->dma_addr);

	*nr_refused = 0;
	while (!cpu_addr && e->may_come_late && *nr_refused < GROWTH_TRIES) {
		++*nr_refused;
		msleep(GROWTH_WAIT_MS);
		cpu_addr = consistent_alloc(t, rq, __GFP_NOWARN, &row->dma_addr);
	}
	return cpu_addr;
}

static void close_refused(struct run *run, struct row *row, const struct expectation *e)
{
	if (e->backend)
		table_fail(run, row, "refused, expected %s", e->backend);
	else
		table_pass_with(run, row, "refused as expected: %s", e->why);
}

static struct row *open_row(struct run *run, const struct test_device *t,
			    const struct request *rq)
{
	static const char * const forms[] = {
		[FORM_COHERENT] = "alloc",
		[FORM_PAGES] = "alloc_pages",
		[FORM_NONCOHERENT] = "alloc_noncoherent",
	};
	bool is_big = rq->size >= SZ_1M;

	return table_add(run, t->name, "%s%s %zu %s %s",
			 run->is_global_pool_full ? "global full: " : "", forms[rq->form],
			 is_big ? rq->size / SZ_1M : rq->size / SZ_1K, is_big ? "MiB" : "KiB",
			 rq->is_atomic ? "atomic" : "sleeping");
}

/**
 * run_request() - make one request for a buffer
 * @run: the run
 * @t: the device
 * @rq: the request
 *
 * Context: process, may sleep.
 */
void run_request(struct run *run, const struct test_device *t, const struct request *rq)
{
	struct row *row = open_row(run, t, rq);
	unsigned int nr_refused;
	struct expectation e;
	void *cpu_addr;
	bool is_good;

	if (!row)
		return;
	expect_consistent(run, t, rq, &e);
	cpu_addr = alloc_patiently(t, rq, &e, row, &nr_refused);
	if (!cpu_addr)
		return close_refused(run, row, &e);

	row->cpu_addr = cpu_addr;
	row->has_addresses = true;
	is_good = check_owner(run, row, t, rq, &e) && check_limits(run, row, t, rq, &e) &&
		  check_views(run, row, t, rq, &e) && check_contents(run, row, t, rq);
	consistent_free(t, rq, cpu_addr, row->dma_addr);
	if (is_good && check_next(run, row, t, rq)) {
		if (nr_refused)
			table_pass_with(run, row, "the pool grew first: %u tries", nr_refused + 1);
		else
			table_pass(run, row);
	}
	cond_resched();
}

/**
 * uses_global_pool() - is the global pool the first that this device gets memory from
 * @t: the device
 *
 * Context: process.
 * Return: true if it is.
 */
bool uses_global_pool(const struct test_device *t)
{
	struct place global = place_of_global_pool();

	return !t->mask_error && !t->bind_error && !t->nr_pools && !t->restricted.size &&
	       !is_translated(t->dev) && !dev_is_dma_coherent(t->dev) &&
	       can_reach(t->dev, &global, consistent_limit(t->dev));
}

/* Hold one more piece of the global pool, or say why not. */
static int hold_piece(const struct test_device *t, size_t size, struct list_head *held)
{
	struct held_buffer *buffer = kzalloc(sizeof(*buffer), GFP_KERNEL);
	struct place global = place_of_global_pool();

	if (!buffer)
		return -ENOMEM;
	buffer->rq.size = size;
	buffer->cpu_addr = consistent_alloc(t, &buffer->rq, __GFP_NOWARN, &buffer->dma_addr);
	if (buffer->cpu_addr &&
	    place_contains(&global, device_to_phys(t->dev, buffer->dma_addr), size)) {
		list_add(&buffer->list, held);
		return 0;
	}
	if (buffer->cpu_addr)
		consistent_free(t, &buffer->rq, buffer->cpu_addr, buffer->dma_addr);
	kfree(buffer);
	return -ENOSPC;
}

/**
 * global_pool_fill() - take every page of the global pool
 * @run: the run
 * @t: a device that uses the global pool
 * @held: list to hold the buffers in
 *
 * Context: process, may sleep.
 * Return: 0, or -ENOMEM; what is held by then has to be drained all the same.
 */
int global_pool_fill(struct run *run, const struct test_device *t, struct list_head *held)
{
	static const size_t sizes[] = { SZ_4M, SZ_1M, SZ_64K, PAGE_SIZE };

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		int err;

		do
			err = hold_piece(t, sizes[i], held);
		while (!err);
		if (err == -ENOMEM)
			return err;
	}
	run->is_global_pool_full = true;
	return 0;
}

/**
 * global_pool_drain() - give back what global_pool_fill() took
 * @run: the run
 * @t: the device that it was taken for
 * @held: list of the buffers
 *
 * Context: process, may sleep.
 */
void global_pool_drain(struct run *run, const struct test_device *t, struct list_head *held)
{
	struct held_buffer *buffer, *next;

	list_for_each_entry_safe(buffer, next, held, list) {
		consistent_free(t, &buffer->rq, buffer->cpu_addr, buffer->dma_addr);
		kfree(buffer);
	}
	INIT_LIST_HEAD(held);
	run->is_global_pool_full = false;
}

/* What serves a non-coherent device when the global pool has nothing left. */
static void run_global_full(struct run *run, const struct test_device *t)
{
	static const struct request requests[] = {
		{ .size = PAGE_SIZE },
		{ .size = 3 * PAGE_SIZE },
		{ .size = SZ_4M },
		{ .size = PAGE_SIZE, .is_atomic = true },
		{ .size = 3 * PAGE_SIZE, .is_atomic = true },
		{ .size = SZ_64K, .is_atomic = true },
		{ .size = SZ_4M, .is_atomic = true },
	};
	LIST_HEAD(held);

	if (global_pool_fill(run, t, &held)) {
		struct row *row = table_add(run, t->name, "fill the global pool");

		if (row)
			table_fail(run, row, "no memory to note what is held");
	} else {
		for (unsigned int i = 0; i < ARRAY_SIZE(requests); i++)
			run_request(run, t, &requests[i]);
	}
	global_pool_drain(run, t, &held);
}

/**
 * run_consistent() - make all requests for buffers for one device
 * @run: the run
 * @t: the device
 *
 * Context: process, may sleep.
 */
void run_consistent(struct run *run, const struct test_device *t)
{
	static const size_t sizes[] = { PAGE_SIZE, 3 * PAGE_SIZE, SZ_64K, SZ_1M, SZ_4M };
	static const struct request cacheable[] = {
		{ .form = FORM_PAGES, .size = PAGE_SIZE },
		{ .form = FORM_PAGES, .size = SZ_1M },
		{ .form = FORM_PAGES, .size = PAGE_SIZE, .is_atomic = true },
		{ .form = FORM_NONCOHERENT, .size = SZ_64K },
	};

	/* First, so that the rest shows that the pool has recovered. */
	if (uses_global_pool(t))
		run_global_full(run, t);
	for (unsigned int i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
		struct request rq = { .size = sizes[i / 2], .is_atomic = i % 2 };

		run_request(run, t, &rq);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(cacheable); i++)
		run_request(run, t, &cacheable[i]);
}
