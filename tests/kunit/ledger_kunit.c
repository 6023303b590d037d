// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the ledger of consistent allocations.
 *
 * Beside the ledger stands a model that can be understood at a glance: for
 * each page of a device's address space the record that holds it. Devices are
 * mere keys here and records have no memory; their addresses are ones that no
 * real buffer has.
 */

#include <kunit/test.h>
#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/slab.h>

#include "../../kernel/dma/backend.h"
#include "../../kernel/dma/ledger.h"
#include "mock.h"

#define NR_DEVICES	6
#define SPACE_PAGES	256
#define SPACE_BASE	0x7ab0000000000ULL

struct fixture {
	struct kunit *test;
	struct device *devices;
	struct dma_allocation *held[NR_DEVICES][SPACE_PAGES];
	unsigned long nr_records[NR_DEVICES];
	struct rnd_state rnd;
};

static u32 below(struct fixture *f, u32 bound)
{
	return prandom_u32_state(&f->rnd) % bound;
}

static dma_addr_t address_of(unsigned int page)
{
	return SPACE_BASE + ((dma_addr_t)page << PAGE_SHIFT);
}

/* They are never released. */
static void forget_devices(void *data)
{
	struct fixture *f = data;

	for (unsigned int i = 0; i < NR_DEVICES; i++)
		dma_device_forget(&f->devices[i]);
}

static struct fixture *fixture_create(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->test = test;
	f->devices = kunit_kcalloc(test, NR_DEVICES, sizeof(*f->devices),
				   GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, f->devices);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, forget_devices, f));
	prandom_seed_state(&f->rnd, 0xd3a);
	return f;
}

static struct dma_allocation *make(struct device *dev, dma_addr_t dma_addr,
				   size_t size, void *cpu_addr)
{
	struct dma_request req = {
		.dev = dev,
		.size = size,
		.gfp = GFP_ATOMIC,
	};
	struct dma_allocation *record = dma_record_new(&req);

	if (!record)
		return NULL;
	record->dma_addr = dma_addr;
	record->cpu_addr = cpu_addr;
	record->backend = &dma_page_backend;
	return record;
}

static void *cpu_addr_of(unsigned int dev, unsigned int page)
{
	return (void *)((dev + 1) * SPACE_PAGES * PAGE_SIZE + page * PAGE_SIZE);
}

static bool model_fits(struct fixture *f, unsigned int dev, unsigned int page,
		       unsigned int nr_pages)
{
	if (page + nr_pages > SPACE_PAGES)
		return false;
	for (unsigned int i = page; i < page + nr_pages; i++)
		if (f->held[dev][i])
			return false;
	return true;
}

static void model_set(struct fixture *f, unsigned int dev, unsigned int page,
		      unsigned int nr_pages, struct dma_allocation *record)
{
	for (unsigned int i = page; i < page + nr_pages; i++)
		f->held[dev][i] = record;
}

static void try_publish(struct fixture *f)
{
	unsigned int dev = below(f, NR_DEVICES), page = below(f, SPACE_PAGES);
	unsigned int nr_pages = 1 + below(f, 8);
	struct dma_allocation *record;

	if (!model_fits(f, dev, page, nr_pages))
		return;
	record = make(&f->devices[dev], address_of(page),
		      nr_pages << PAGE_SHIFT, cpu_addr_of(dev, page));
	KUNIT_ASSERT_NOT_NULL(f->test, record);
	dma_ledger_publish(record);
	model_set(f, dev, page, nr_pages, record);
	f->nr_records[dev]++;
}

static void drop(struct fixture *f, unsigned int dev,
		 struct dma_allocation *record)
{
	model_set(f, dev, (record->dma_addr - SPACE_BASE) >> PAGE_SHIFT,
		  record->size >> PAGE_SHIFT, NULL);
	f->nr_records[dev]--;
	dma_record_free(record);
}

/* Take at any page: a record only where one starts */
static void try_take(struct fixture *f)
{
	unsigned int dev = below(f, NR_DEVICES), page = below(f, SPACE_PAGES);
	struct dma_allocation *expected = f->held[dev][page], *record;
	void *cpu_addr = cpu_addr_of(dev, page);

	if (expected && expected->dma_addr != address_of(page))
		expected = NULL;
	/* With another cpu address there is no such buffer. */
	record = dma_ledger_take(&f->devices[dev], address_of(page),
				 cpu_addr + 1);
	KUNIT_ASSERT_NULL(f->test, record);
	if (below(f, 4))
		record = dma_ledger_take(&f->devices[dev], address_of(page),
					 cpu_addr);
	else
		record = dma_ledger_take_by_cpu(&f->devices[dev], cpu_addr);
	KUNIT_ASSERT_PTR_EQ(f->test, record, expected);
	if (record)
		drop(f, dev, record);
}

static void try_find(struct fixture *f)
{
	unsigned int dev = below(f, NR_DEVICES), page = below(f, SPACE_PAGES);
	dma_addr_t dma_addr = address_of(page) + below(f, PAGE_SIZE);
	struct dma_allocation *expected = f->held[dev][page], copy = {};
	const char *owner = dma_ledger_owner(&f->devices[dev], dma_addr);
	bool is_found = dma_ledger_find(&f->devices[dev], dma_addr, &copy);

	KUNIT_ASSERT_EQ(f->test, is_found, !!expected);
	KUNIT_ASSERT_EQ(f->test, !!owner, !!expected);
	if (!expected)
		return;
	KUNIT_EXPECT_STREQ(f->test, owner, "pages");
	KUNIT_EXPECT_PTR_EQ(f->test, copy.dev, &f->devices[dev]);
	KUNIT_EXPECT_EQ(f->test, copy.dma_addr, expected->dma_addr);
	KUNIT_EXPECT_EQ(f->test, copy.size, expected->size);
	KUNIT_EXPECT_PTR_EQ(f->test, copy.cpu_addr, expected->cpu_addr);
}

/* A buffer that starts at a page, by both of its addresses */
static void try_find_start(struct fixture *f)
{
	unsigned int dev = below(f, NR_DEVICES), page = below(f, SPACE_PAGES);
	struct dma_allocation *expected = f->held[dev][page], copy = {};

	if (expected && expected->dma_addr != address_of(page))
		expected = NULL;
	KUNIT_ASSERT_EQ(f->test, !!expected,
			dma_ledger_find_start(cpu_addr_of(dev, page),
					      address_of(page), &copy, NULL));
	if (expected)
		KUNIT_EXPECT_PTR_EQ(f->test, copy.dev, &f->devices[dev]);
}

/* Somebody holds the address, or nobody does. */
static void try_find_holder(struct fixture *f)
{
	unsigned int page = below(f, SPACE_PAGES);
	struct dma_allocation copy = {};
	bool is_held = false;

	for (unsigned int dev = 0; dev < NR_DEVICES; dev++)
		is_held |= !!f->held[dev][page];
	KUNIT_ASSERT_EQ(f->test, is_held,
			dma_ledger_find_holder(address_of(page) + 5, &copy,
					       NULL));
	if (is_held) {
		KUNIT_EXPECT_LE(f->test, copy.dma_addr, address_of(page));
		KUNIT_EXPECT_GT(f->test, copy.dma_addr + copy.size,
				address_of(page));
	}
}

static int index_of(struct fixture *f, struct device *dev)
{
	return dev >= f->devices && dev < f->devices + NR_DEVICES ?
	       dev - f->devices : -1;
}

/* The walk sees each record once. */
static void check_walk(struct fixture *f)
{
	static bool is_seen[NR_DEVICES][SPACE_PAGES];
	unsigned long nr_seen[NR_DEVICES] = {};
	struct dma_ledger_cursor at = {};
	struct dma_allocation copy;

	memset(is_seen, 0, sizeof(is_seen));
	while (dma_ledger_next(&at, &copy)) {
		int dev = index_of(f, copy.dev);
		unsigned int page;

		if (dev < 0)
			continue;
		page = (copy.dma_addr - SPACE_BASE) >> PAGE_SHIFT;
		KUNIT_ASSERT_FALSE(f->test, is_seen[dev][page]);
		is_seen[dev][page] = true;
		nr_seen[dev]++;
	}
	for (unsigned int dev = 0; dev < NR_DEVICES; dev++) {
		KUNIT_EXPECT_EQ(f->test, nr_seen[dev], f->nr_records[dev]);
		KUNIT_EXPECT_EQ(f->test, dma_ledger_count(&f->devices[dev]),
				f->nr_records[dev]);
	}
}

static void take_all(struct fixture *f)
{
	for (unsigned int dev = 0; dev < NR_DEVICES; dev++) {
		for (unsigned int page = 0; page < SPACE_PAGES; page++) {
			struct dma_allocation *record = f->held[dev][page];

			if (!record)
				continue;
			KUNIT_EXPECT_PTR_EQ(f->test, record,
					    dma_ledger_take(&f->devices[dev],
							    record->dma_addr,
							    record->cpu_addr));
			drop(f, dev, record);
		}
	}
}

static void ledger_random_test(struct kunit *test)
{
	struct fixture *f = fixture_create(test);
	unsigned long others = dma_ledger_count(NULL);

	for (unsigned int i = 0; i < 40000; i++) {
		/* Now it fills, now it drains. */
		bool is_filling = i / 2000 % 2;

		switch (below(f, 6)) {
		case 0:
			try_find_start(f);
			break;
		case 1:
			/* This one walks everything. */
			if (!below(f, 50))
				try_find(f);
			break;
		case 2:
			if (!below(f, 50))
				try_find_holder(f);
			break;
		case 3:
			if (is_filling)
				try_publish(f);
			else
				try_take(f);
			break;
		case 4:
			try_publish(f);
			break;
		default:
			try_take(f);
		}
		if (i % 4000 == 0)
			check_walk(f);
	}
	take_all(f);
	check_walk(f);
	KUNIT_EXPECT_EQ(test, dma_ledger_count(NULL), others);
}

/* The ends of the address space, and buffers that touch */
static void ledger_edges_test(struct kunit *test)
{
	struct fixture *f = fixture_create(test);
	struct device *dev = &f->devices[0], *other = &f->devices[1];
	dma_addr_t top = -(dma_addr_t)PAGE_SIZE;
	struct dma_allocation *first = make(dev, 0, PAGE_SIZE, (void *)1);
	struct dma_allocation *next = make(dev, PAGE_SIZE, PAGE_SIZE,
					   (void *)2);
	struct dma_allocation *last = make(dev, top, PAGE_SIZE, (void *)3);
	struct dma_allocation copy;

	KUNIT_ASSERT_TRUE(test, first && next && last);
	dma_ledger_publish(last);
	dma_ledger_publish(first);
	dma_ledger_publish(next);
	KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), 3);

	KUNIT_EXPECT_TRUE(test, dma_ledger_find(dev, 0, &copy));
	KUNIT_EXPECT_PTR_EQ(test, copy.cpu_addr, (void *)1);
	KUNIT_EXPECT_TRUE(test, dma_ledger_find(dev, PAGE_SIZE - 1, &copy));
	KUNIT_EXPECT_PTR_EQ(test, copy.cpu_addr, (void *)1);
	KUNIT_EXPECT_TRUE(test, dma_ledger_find(dev, PAGE_SIZE, &copy));
	KUNIT_EXPECT_PTR_EQ(test, copy.cpu_addr, (void *)2);
	KUNIT_EXPECT_FALSE(test, dma_ledger_find(dev, 2 * PAGE_SIZE, &copy));
	KUNIT_EXPECT_FALSE(test, dma_ledger_find(dev, top - 1, &copy));
	KUNIT_EXPECT_TRUE(test, dma_ledger_find(dev, top, &copy));
	KUNIT_EXPECT_TRUE(test, dma_ledger_find(dev, top + PAGE_SIZE - 1, &copy));
	KUNIT_EXPECT_PTR_EQ(test, copy.cpu_addr, (void *)3);
	KUNIT_EXPECT_FALSE(test, dma_ledger_find(other, 0, &copy));

	/* Another device's, or an inner address, is not taken. */
	KUNIT_EXPECT_NULL(test, dma_ledger_take(other, 0, (void *)1));
	KUNIT_EXPECT_NULL(test, dma_ledger_take(dev, 1, (void *)1));
	KUNIT_EXPECT_NULL(test, dma_ledger_take_by_cpu(other, (void *)1));
	KUNIT_EXPECT_NULL(test, dma_ledger_take_by_cpu(dev, (void *)4));
	KUNIT_EXPECT_PTR_EQ(test, first, dma_ledger_take(dev, 0, (void *)1));
	/* Not twice */
	KUNIT_EXPECT_NULL(test, dma_ledger_take(dev, 0, (void *)1));
	KUNIT_EXPECT_PTR_EQ(test, last, dma_ledger_take_by_cpu(dev, (void *)3));
	KUNIT_EXPECT_PTR_EQ(test, next, dma_ledger_take_by_cpu(dev, (void *)2));
	KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), 0);
	dma_record_free(first);
	dma_record_free(next);
	dma_record_free(last);
}

/* A device of its own RAM may see that where it sees ours as well. */
static void ledger_equal_keys_test(struct kunit *test)
{
	struct fixture *f = fixture_create(test);
	struct device *dev = &f->devices[0];
	struct dma_allocation *records[3], copy;
	struct dma_ledger_cursor at = {};
	unsigned int nr_seen = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(records); i++) {
		records[i] = make(dev, SPACE_BASE, PAGE_SIZE, cpu_addr_of(0, i));
		KUNIT_ASSERT_NOT_NULL(test, records[i]);
		dma_ledger_publish(records[i]);
	}
	while (dma_ledger_next(&at, &copy))
		nr_seen += copy.dev == dev;
	KUNIT_EXPECT_EQ(test, nr_seen, ARRAY_SIZE(records));
	KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), ARRAY_SIZE(records));
	for (unsigned int i = 0; i < ARRAY_SIZE(records); i++) {
		KUNIT_EXPECT_TRUE(test,
				  dma_ledger_find_buffer(dev, cpu_addr_of(0, i),
							 SPACE_BASE, &copy));
		KUNIT_EXPECT_PTR_EQ(test, copy.cpu_addr, cpu_addr_of(0, i));
		KUNIT_EXPECT_PTR_EQ(test, records[i],
				    dma_ledger_take(dev, SPACE_BASE,
						    cpu_addr_of(0, i)));
		dma_record_free(records[i]);
	}
}

/* Of two devices with the same address, the CPU's address tells which. */
static void ledger_find_buffer_test(struct kunit *test)
{
	struct fixture *f = fixture_create(test);
	struct device *dev = &f->devices[0], *other = &f->devices[1];
	void *mine = cpu_addr_of(0, 0), *its = cpu_addr_of(1, 0);
	struct dma_allocation *records[] = {
		make(dev, SPACE_BASE, 2 * PAGE_SIZE, mine),
		make(other, SPACE_BASE, 2 * PAGE_SIZE, its),
	};
	dma_addr_t second = SPACE_BASE + PAGE_SIZE;
	struct dma_allocation copy;

	KUNIT_ASSERT_TRUE(test, records[0] && records[1]);
	dma_ledger_publish(records[0]);
	dma_ledger_publish(records[1]);

	KUNIT_EXPECT_TRUE(test, dma_ledger_find_buffer(dev, mine, SPACE_BASE,
						       &copy));
	KUNIT_EXPECT_PTR_EQ(test, copy.dev, dev);
	KUNIT_EXPECT_TRUE(test, dma_ledger_find_buffer(dev, its, SPACE_BASE,
						       &copy));
	KUNIT_EXPECT_PTR_EQ(test, copy.dev, other);
	/* Inside of it, by both addresses or by that of the buffer */
	KUNIT_EXPECT_TRUE(test, dma_ledger_find_buffer(dev, its + PAGE_SIZE,
						       second, &copy));
	KUNIT_EXPECT_PTR_EQ(test, copy.dev, other);
	KUNIT_EXPECT_TRUE(test, dma_ledger_find_buffer(dev, its, second,
						       &copy));
	KUNIT_EXPECT_PTR_EQ(test, copy.dev, other);
	/* No such pair */
	KUNIT_EXPECT_FALSE(test, dma_ledger_find_buffer(dev, its + PAGE_SIZE,
							SPACE_BASE, &copy));
	KUNIT_EXPECT_FALSE(test, dma_ledger_find_buffer(dev, its,
							second + PAGE_SIZE,
							&copy));
	KUNIT_EXPECT_TRUE(test, dma_ledger_find_start(its, SPACE_BASE, &copy,
						      NULL));
	KUNIT_EXPECT_PTR_EQ(test, copy.dev, other);
	KUNIT_EXPECT_FALSE(test, dma_ledger_find_start(its, second, &copy,
						       NULL));

	KUNIT_EXPECT_PTR_EQ(test, records[0],
			    dma_ledger_take(dev, SPACE_BASE, mine));
	KUNIT_EXPECT_PTR_EQ(test, records[1],
			    dma_ledger_take(other, SPACE_BASE, its));
	dma_record_free(records[0]);
	dma_record_free(records[1]);
}

/* Many users at a time */

#define OWNER_SLOTS	16

struct owner {
	struct fixture *f;
	unsigned int nr;
	struct rnd_state rnd;
	struct dma_allocation *slots[OWNER_SLOTS];
	atomic_long_t *nr_errors;
};

static bool owner_publish(struct owner *owner, unsigned int slot,
			  struct device *dev, dma_addr_t dma_addr)
{
	struct dma_allocation *record = make(dev, dma_addr, PAGE_SIZE, owner);

	if (!record)
		return false;
	owner->slots[slot] = record;
	dma_ledger_publish(record);
	return true;
}

/* Each owner has addresses of its own in the spaces of all devices. */
static bool owner_step(void *data)
{
	struct owner *owner = data;
	unsigned int slot = prandom_u32_state(&owner->rnd) % OWNER_SLOTS;
	struct device *dev = &owner->f->devices[slot % NR_DEVICES];
	dma_addr_t dma_addr = address_of(owner->nr + slot * 8);
	struct dma_allocation *record = owner->slots[slot], copy;
	bool is_right;

	if (!record) {
		is_right = !dma_ledger_find_start(owner, dma_addr, &copy,
						  NULL) &&
			   !dma_ledger_take(dev, dma_addr, owner);
		if (!is_right)
			atomic_long_inc(owner->nr_errors);
		return owner_publish(owner, slot, dev, dma_addr);
	}
	is_right = dma_ledger_find_buffer(dev, owner, dma_addr + 5, &copy) &&
		   copy.cpu_addr == owner && copy.dma_addr == dma_addr &&
		   dma_ledger_take(dev, dma_addr, owner) == record;
	if (!is_right)
		atomic_long_inc(owner->nr_errors);
	owner->slots[slot] = NULL;
	dma_record_free(record);
	return true;
}

static void owner_take_all(struct kunit *test, struct owner *owner)
{
	for (unsigned int slot = 0; slot < OWNER_SLOTS; slot++) {
		struct dma_allocation *record = owner->slots[slot];

		if (!record)
			continue;
		KUNIT_EXPECT_PTR_EQ(test, record,
				    dma_ledger_take(record->dev,
						    record->dma_addr, owner));
		dma_record_free(record);
	}
}

/* The last thread does not change anything; it walks. */
static bool walker_step(struct owner *owner)
{
	struct dma_allocation copy;
	struct device *dev = &owner->f->devices[0];

	dma_ledger_find_holder(address_of(SPACE_PAGES), &copy, NULL);
	if (dma_ledger_count(dev) > (DMA_KUNIT_NR_THREADS + 1) * OWNER_SLOTS)
		atomic_long_inc(owner->nr_errors);
	return true;
}

static bool storm_step(void *data)
{
	struct owner *owner = data;

	return owner->nr == 0 ? walker_step(owner) : owner_step(owner);
}

static void ledger_storm_test(struct kunit *test)
{
	struct fixture *f = fixture_create(test);
	struct dma_kunit_storm *storm =
		dma_kunit_storm_make(test, sizeof(struct owner));

	for (unsigned int i = 0; i <= DMA_KUNIT_NR_THREADS; i++) {
		struct owner *owner = storm->owners[i];

		owner->f = f;
		owner->nr = i;
		owner->nr_errors = &storm->nr_errors;
		prandom_seed_state(&owner->rnd, i);
	}
	storm->step = storm_step;
	storm->nr_wanted = 20000;
	storm->nr_wanted_in_irq = 500;
	dma_kunit_storm_run(test, storm);

	for (unsigned int i = 0; i <= DMA_KUNIT_NR_THREADS; i++)
		owner_take_all(test, storm->owners[i]);
	for (unsigned int i = 0; i < NR_DEVICES; i++)
		KUNIT_EXPECT_EQ(test, dma_ledger_count(&f->devices[i]), 0);
}

static struct kunit_case dma_ledger_cases[] = {
	KUNIT_CASE(ledger_random_test),
	KUNIT_CASE(ledger_edges_test),
	KUNIT_CASE(ledger_equal_keys_test),
	KUNIT_CASE(ledger_find_buffer_test),
	KUNIT_CASE_SLOW(ledger_storm_test),
	{}
};

static struct kunit_suite dma_ledger_suite = {
	.name = "dma_ledger",
	.test_cases = dma_ledger_cases,
};

kunit_test_suite(dma_ledger_suite);

MODULE_DESCRIPTION("KUnit tests of the ledger of DMA allocations");
MODULE_LICENSE("GPL");
