// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit test of consistent memory with many users at a time: threads that may
 * sleep, and a timer in hard-irq context.
 *
 * Each owner signs its buffers at both ends, and finds its signature again
 * before it frees them; what it gets is zero at both ends.
 */

#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/prandom.h>

#include "../../kernel/dma/ledger.h"
#include "mock.h"

#define NR_BUFFERS	8

struct buffer {
	struct device *dev;
	void *cpu_addr;
	dma_addr_t dma_addr;
	size_t size;
};

struct owner {
	struct device *devices[2];
	struct rnd_state rnd;
	struct buffer buffers[NR_BUFFERS];
	atomic_long_t *nr_errors;
};

static u64 *last_word(const struct buffer *buffer)
{
	return buffer->cpu_addr + buffer->size - sizeof(u64);
}

static bool take(struct owner *owner, struct buffer *buffer, bool is_atomic)
{
	gfp_t gfp = is_atomic ? GFP_ATOMIC : GFP_KERNEL;
	u64 *first;

	buffer->dev = owner->devices[prandom_u32_state(&owner->rnd) % 2];
	buffer->size = PAGE_SIZE * (1 + prandom_u32_state(&owner->rnd) % 4);
	buffer->cpu_addr = dma_alloc_coherent(buffer->dev, buffer->size,
					      &buffer->dma_addr,
					      gfp | __GFP_NOWARN);
	first = buffer->cpu_addr;
	/* A small pool may run dry; the threads have no such excuse. */
	if (!first) {
		if (!is_atomic)
			atomic_long_inc(owner->nr_errors);
		return false;
	}
	if (*first || *last_word(buffer))
		atomic_long_inc(owner->nr_errors);
	*first = (unsigned long)buffer;
	*last_word(buffer) = ~(unsigned long)buffer;
	return true;
}

static void give(struct owner *owner, struct buffer *buffer)
{
	u64 *first = buffer->cpu_addr;

	if (*first != (unsigned long)buffer ||
	    *last_word(buffer) != ~(unsigned long)buffer ||
	    !dma_ledger_owner(buffer->dev, buffer->dma_addr))
		atomic_long_inc(owner->nr_errors);
	dma_free_coherent(buffer->dev, buffer->size, buffer->cpu_addr,
			  buffer->dma_addr);
	buffer->cpu_addr = NULL;
}

/* What was made ready for atomic use is freed in any context without delay. */
static bool step(void *data)
{
	struct owner *owner = data;
	struct buffer *buffer = &owner->buffers[prandom_u32_state(&owner->rnd) %
						NR_BUFFERS];

	if (!buffer->cpu_addr)
		return take(owner, buffer, in_hardirq());
	give(owner, buffer);
	return true;
}

static void finish(void *data)
{
	struct owner *owner = data;

	for (unsigned int i = 0; i < NR_BUFFERS; i++)
		if (owner->buffers[i].cpu_addr)
			give(owner, &owner->buffers[i]);
}

static void alloc_storm_test(struct kunit *test)
{
	struct device *coherent = dma_kunit_coherent_device(test, "coherent");
	struct device *other = dma_kunit_device(test, "other",
			&(struct dma_kunit_shape) {});
	struct dma_kunit_storm *storm =
		dma_kunit_storm_make(test, sizeof(struct owner));

	/* Where a device can be non-coherent, one of the two is. */
	if (!dma_kunit_set_coherent(other, false))
		kunit_info(test, "all devices are coherent here");
	for (unsigned int i = 0; i <= DMA_KUNIT_NR_THREADS; i++) {
		struct owner *owner = storm->owners[i];

		owner->devices[0] = coherent;
		owner->devices[1] = other;
		owner->nr_errors = &storm->nr_errors;
		prandom_seed_state(&owner->rnd, i);
	}
	storm->step = step;
	storm->finish = finish;
	storm->nr_wanted = 1000;
	storm->nr_wanted_in_irq = 200;
	dma_kunit_storm_run(test, storm);

	KUNIT_EXPECT_EQ(test, dma_ledger_count(coherent), 0);
	KUNIT_EXPECT_EQ(test, dma_ledger_count(other), 0);
}

static struct kunit_case dma_alloc_storm_cases[] = {
	KUNIT_CASE_SLOW(alloc_storm_test),
	{}
};

static struct kunit_suite dma_alloc_storm_suite = {
	.name = "dma_alloc_storm",
	.test_cases = dma_alloc_storm_cases,
};

kunit_test_suite(dma_alloc_storm_suite);

MODULE_DESCRIPTION("KUnit test of consistent DMA memory with many users");
MODULE_LICENSE("GPL");
