// SPDX-License-Identifier: GPL-2.0
/*
 * Many users of some devices at a time: threads, and a timer in hard-irq
 * context. Each of them takes buffers without sleeping, writes its own mark to
 * the first and the last word of every page, and finds it there when it gives
 * the buffer back, unless the memory had a second owner.
 */

#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/prandom.h>

#include "mock.h"
#include "pools.h"

#define NR_OWNERS	(DMA_KUNIT_NR_THREADS + 1)
#define NR_SLOTS	16
#define WORDS_PER_PAGE	(PAGE_SIZE / sizeof(u64))

struct pools_storm {
	struct dma_kunit_storm storm;
	const struct dma_pools_storm *wanted;
	atomic_long_t nr_dirty;
	atomic_long_t nr_overwritten;
	atomic_long_t nr_misled;
};

struct storm_owner {
	struct pools_storm *storm;
	struct rnd_state rnd;
	struct dma_pools_buffer slots[NR_SLOTS];
};

/* Writes @mark to both ends of each page; false if @old was not there */
static bool mark_pages(struct dma_pools_buffer *buffer, u64 old, u64 mark)
{
	size_t nr_words = PAGE_ALIGN(buffer->size) / sizeof(u64);
	u64 *words = buffer->cpu_addr;
	bool is_as_left = true;

	for (size_t i = 0; i < nr_words; i += WORDS_PER_PAGE) {
		u64 *first = &words[i], *last = first + WORDS_PER_PAGE - 1;

		is_as_left &= READ_ONCE(*first) == old && READ_ONCE(*last) == old;
		WRITE_ONCE(*first, mark);
		WRITE_ONCE(*last, mark);
	}
	return is_as_left;
}

static u64 mark_of(struct dma_pools_buffer *slot)
{
	return (u64)(unsigned long)slot ^ slot->dma_addr;
}

static bool storm_take(struct storm_owner *owner, struct dma_pools_buffer *slot)
{
	const struct dma_pools_storm *wanted = owner->storm->wanted;
	u32 random = prandom_u32_state(&owner->rnd);
	struct device *dev = wanted->devs[(random >> 16) % wanted->nr_devs];
	size_t size = (1 + random % wanted->max_pages) * PAGE_SIZE;

	if (!dma_pools_alloc(dev, size, GFP_ATOMIC | __GFP_NOWARN, slot))
		return false;
	if (!mark_pages(slot, 0, mark_of(slot)))
		atomic_long_inc(&owner->storm->nr_dirty);
	if (wanted->backend && strcmp(slot->backend, wanted->backend))
		atomic_long_inc(&owner->storm->nr_misled);
	return true;
}

static void storm_give(struct storm_owner *owner, struct dma_pools_buffer *slot)
{
	if (!mark_pages(slot, mark_of(slot), 0x5a5a5a5a))
		atomic_long_inc(&owner->storm->nr_overwritten);
	dma_pools_free(slot);
}

/* What counts are buffers taken */
static bool storm_step(void *data)
{
	struct storm_owner *owner = data;
	struct dma_pools_buffer *slot =
		&owner->slots[prandom_u32_state(&owner->rnd) % NR_SLOTS];

	if (!slot->cpu_addr)
		return storm_take(owner, slot);
	storm_give(owner, slot);
	return false;
}

static void give_all(struct storm_owner *owner)
{
	for (unsigned int i = 0; i < NR_SLOTS; i++) {
		if (owner->slots[i].cpu_addr)
			storm_give(owner, &owner->slots[i]);
	}
}

/**
 * dma_pools_run_storm - let many users take and give buffers at a time
 * @test: the test; failed if a buffer has two owners, is not zeroed, or comes
 *	from somewhere else, or if there are not enough in a minute
 * @wanted: what is wanted
 *
 * Context: process context, sleeps.
 */
void dma_pools_run_storm(struct kunit *test,
			 const struct dma_pools_storm *wanted)
{
	struct pools_storm *storm = kunit_kzalloc(test, sizeof(*storm),
						  GFP_KERNEL);
	struct storm_owner *owners = kunit_kcalloc(test, NR_OWNERS,
						   sizeof(*owners), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, storm);
	KUNIT_ASSERT_NOT_NULL(test, owners);
	storm->wanted = wanted;
	storm->storm.step = storm_step;
	storm->storm.nr_wanted = wanted->nr_wanted;
	storm->storm.nr_wanted_in_irq = wanted->nr_wanted_in_irq;
	for (unsigned int i = 0; i < NR_OWNERS; i++) {
		owners[i].storm = storm;
		prandom_seed_state(&owners[i].rnd, i);
		storm->storm.owners[i] = &owners[i];
	}

	dma_kunit_storm_run(test, &storm->storm);

	for (unsigned int i = 0; i < NR_OWNERS; i++)
		give_all(&owners[i]);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&storm->nr_dirty), 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&storm->nr_overwritten), 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&storm->nr_misled), 0);
}
