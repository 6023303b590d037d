// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of large mappings that lazy mode keeps until the next
 * invalidation: who gets them back, who must not, and that none lasts longer.
 *
 * The mock counts what its page table is asked to do, and takes it for an error
 * if an address is mapped twice, or unmapped when it is not mapped.
 */

#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/irqflags.h>
#include <linux/prandom.h>
#include <linux/sizes.h>

#include "mock_iommu.h"

#define LARGE		SZ_256K
/* More than a domain keeps */
#define NR_MANY		200

struct place {
	struct kunit *test;
	struct mock_iommu *iommu;
	struct device *dev;
	u8 *buffer;
};

static struct place make_place(struct kunit *test, const char *name,
			       unsigned int domain_type,
			       const struct dma_kunit_shape *shape)
{
	struct place place = {
		.test = test,
		.iommu = mock_iommu_create(test, &(struct mock_iommu_shape) {
			.domain_type = domain_type,
			.has_tables = true,
			.has_one_group = true,
		}),
		.buffer = mock_iommu_buffer(test, SZ_1M),
	};

	place.dev = mock_iommu_device(test, place.iommu, name, shape);
	mock_iommu_fill(place.buffer, SZ_1M, 1);
	return place;
}

static struct place lazy_place(struct kunit *test)
{
	return make_place(test, "dev", IOMMU_DOMAIN_DMA_FQ,
			  &(struct dma_kunit_shape){});
}

static dma_addr_t map_for(struct place *place, struct device *dev,
			  size_t offset, size_t size,
			  enum dma_data_direction dir)
{
	dma_addr_t dma_addr = dma_map_single(dev, place->buffer + offset, size,
					     dir);

	KUNIT_ASSERT_FALSE(place->test, dma_mapping_error(dev, dma_addr));
	KUNIT_EXPECT_EQ(place->test, mock_iommu_phys(dev, dma_addr),
			virt_to_phys(place->buffer + offset));
	KUNIT_EXPECT_EQ(place->test,
			mock_iommu_phys(dev, dma_addr + size - 1),
			virt_to_phys(place->buffer + offset + size - 1));
	return dma_addr;
}

static dma_addr_t map(struct place *place, size_t offset, size_t size)
{
	return map_for(place, place->dev, offset, size, DMA_TO_DEVICE);
}

static void unmap(struct place *place, dma_addr_t dma_addr, size_t size)
{
	dma_unmap_single(place->dev, dma_addr, size, DMA_TO_DEVICE);
}

static bool is_settled(void *data)
{
	return !mock_iommu_nr_mapped(data) && !mock_iommu_nr_stale(data) &&
	       !mock_iommu_nr_tables(data);
}

static void check_settles(struct place *place)
{
	KUNIT_EXPECT_TRUE(place->test,
			  dma_kunit_wait_until(is_settled, place->dev));
}

/*
 * Map and unmap twice with no timer in between: was it the same mapping? What
 * is different the second time is what a test is about.
 */
struct twice {
	struct device *dev[2];
	size_t offset[2];
	size_t size[2];
	enum dma_data_direction dir[2];
};

static bool is_taken_up(struct place *place, const struct twice *twice)
{
	struct mock_iommu_counts before, after;
	dma_addr_t dma_addr[2];
	unsigned int nr_bad = 0;
	unsigned long flags;

	/* First with nothing looked at, so that it is soon done. */
	local_irq_save(flags);
	before = mock_iommu_counts(place->dev);
	for (unsigned int i = 0; i < 2; i++) {
		dma_addr[i] = dma_map_single(twice->dev[i],
					     place->buffer + twice->offset[i],
					     twice->size[i], twice->dir[i]);
		nr_bad += dma_mapping_error(twice->dev[i], dma_addr[i]) < 0;
		if (!i)
			dma_unmap_single(twice->dev[i], dma_addr[i],
					 twice->size[i], twice->dir[i]);
	}
	after = mock_iommu_counts(place->dev);
	local_irq_restore(flags);

	KUNIT_ASSERT_EQ(place->test, nr_bad, 0);
	KUNIT_EXPECT_EQ(place->test,
			mock_iommu_phys(twice->dev[1], dma_addr[1]),
			virt_to_phys(place->buffer + twice->offset[1]));
	KUNIT_EXPECT_LE(place->test, dma_addr[1] + twice->size[1] - 1,
			*twice->dev[1]->dma_mask);
	dma_unmap_single(twice->dev[1], dma_addr[1], twice->size[1],
			 twice->dir[1]);
	check_settles(place);
	KUNIT_EXPECT_EQ(place->test, after.nr_syncs, before.nr_syncs);
	if (PAGE_ALIGN_DOWN(dma_addr[0]) != PAGE_ALIGN_DOWN(dma_addr[1]))
		return false;
	KUNIT_EXPECT_EQ(place->test, after.mapped - before.mapped,
			PAGE_ALIGN(twice->offset[0] + twice->size[0]));
	KUNIT_EXPECT_EQ(place->test, after.unmapped, before.unmapped);
	return true;
}

static struct twice same_twice(struct place *place, size_t size)
{
	return (struct twice) {
		.dev	= { place->dev, place->dev },
		.size	= { size, size },
		.dir	= { DMA_TO_DEVICE, DMA_TO_DEVICE },
	};
}

/* Who gets it back */

static void keep_same_test(struct kunit *test)
{
	struct place place = lazy_place(test);
	struct twice twice = same_twice(&place, LARGE);

	KUNIT_EXPECT_TRUE(test, is_taken_up(&place, &twice));
	twice = same_twice(&place, SZ_64K);
	KUNIT_EXPECT_TRUE(test, is_taken_up(&place, &twice));
	/* Pages count: the same ones, from another byte on */
	twice.offset[0] = 0x123;
	twice.offset[1] = 0x234;
	KUNIT_EXPECT_TRUE(test, is_taken_up(&place, &twice));
	for (unsigned int i = 0; i < 2; i++)
		twice.dir[i] = DMA_BIDIRECTIONAL;
	KUNIT_EXPECT_TRUE(test, is_taken_up(&place, &twice));
}

/* The device sees what the CPU writes in between. */
static void keep_data_test(struct kunit *test)
{
	struct place place = lazy_place(test);

	for (u8 seed = 0; seed < 20; seed++) {
		dma_addr_t dma_addr;

		mock_iommu_fill(place.buffer, LARGE, seed);
		dma_addr = map(&place, 0, LARGE);
		KUNIT_EXPECT_TRUE(test, mock_iommu_sees(place.dev, dma_addr,
							place.buffer, LARGE));
		unmap(&place, dma_addr, LARGE);
	}
	check_settles(&place);
}

/* Two drivers' mappings of the same memory at a time are two mappings. */
static void keep_shared_test(struct kunit *test)
{
	struct place place = lazy_place(test);
	dma_addr_t one, other;

	for (unsigned int i = 0; i < 5; i++) {
		one = map(&place, 0, LARGE);
		other = map(&place, 0, LARGE);
		KUNIT_EXPECT_NE(test, one, other);
		unmap(&place, one, LARGE);
		KUNIT_EXPECT_TRUE(test, mock_iommu_sees(place.dev, other,
							place.buffer, LARGE));
		unmap(&place, other, LARGE);
	}
	check_settles(&place);
}

/* Who must not get it */

static void keep_other_test(struct kunit *test)
{
	struct place place = lazy_place(test);
	struct twice twice = same_twice(&place, LARGE);

	twice.offset[1] = SZ_4K;
	KUNIT_EXPECT_FALSE(test, is_taken_up(&place, &twice));
	twice = same_twice(&place, LARGE);
	twice.size[1] = LARGE - SZ_4K;
	KUNIT_EXPECT_FALSE(test, is_taken_up(&place, &twice));
	/* A byte beyond the last page */
	twice = same_twice(&place, LARGE);
	twice.offset[1] = 1;
	KUNIT_EXPECT_FALSE(test, is_taken_up(&place, &twice));
	twice = same_twice(&place, LARGE);
	twice.dir[1] = DMA_FROM_DEVICE;
	KUNIT_EXPECT_FALSE(test, is_taken_up(&place, &twice));
	twice.dir[1] = DMA_BIDIRECTIONAL;
	KUNIT_EXPECT_FALSE(test, is_taken_up(&place, &twice));
}

/* A device of the same domain that can't issue the address */
static void keep_reach_test(struct kunit *test)
{
	struct place place = lazy_place(test);
	struct device *narrow, *wide;
	struct twice twice = same_twice(&place, LARGE);

	narrow = mock_iommu_device(test, place.iommu, "narrow",
				   &(struct dma_kunit_shape) {
					.mask = DMA_BIT_MASK(31),
				   });
	wide = mock_iommu_device(test, place.iommu, "wide",
				 &(struct dma_kunit_shape) {
					.mask = DMA_BIT_MASK(40),
				 });
	KUNIT_ASSERT_PTR_EQ(test, iommu_get_dma_domain(narrow),
			    iommu_get_dma_domain(place.dev));
	twice.dev[0] = wide;
	twice.dev[1] = narrow;
	KUNIT_EXPECT_FALSE(test, is_taken_up(&place, &twice));
	twice.dev[0] = narrow;
	twice.dev[1] = wide;
	KUNIT_EXPECT_TRUE(test, is_taken_up(&place, &twice));
}

static void expect_gone(struct place *place, size_t size)
{
	dma_addr_t dma_addr = map(place, 0, size);

	unmap(place, dma_addr, size);
	KUNIT_EXPECT_EQ(place->test, mock_iommu_prot(place->dev, dma_addr), -1);
	KUNIT_EXPECT_EQ(place->test, mock_iommu_nr_mapped(place->dev), 0);
	check_settles(place);
}

/* Nothing is kept of small mappings, and in strict mode. */
static void keep_nothing_test(struct kunit *test)
{
	struct place place = lazy_place(test);

	expect_gone(&place, SZ_64K - 1);
	expect_gone(&place, SZ_4K);
	place = make_place(test, "strict", IOMMU_DOMAIN_DMA,
			   &(struct dma_kunit_shape){});
	expect_gone(&place, LARGE);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_stale(place.dev), 0);
}

/* Nor where caches have to be maintained */
static void keep_noncoherent_test(struct kunit *test)
{
	struct place place = make_place(test, "dev", IOMMU_DOMAIN_DMA_FQ,
					&(struct dma_kunit_shape) {
						.is_noncoherent = true,
					});

	expect_gone(&place, LARGE);
}

/* How long */

static void keep_timer_test(struct kunit *test)
{
	struct place place = lazy_place(test);
	struct mock_iommu_counts before, after;

	for (unsigned int i = 0; i < 3; i++) {
		before = mock_iommu_counts(place.dev);
		unmap(&place, map(&place, 0, LARGE), LARGE);
		check_settles(&place);
		after = mock_iommu_counts(place.dev);
		KUNIT_EXPECT_EQ(test, after.unmapped - before.unmapped, LARGE);
		KUNIT_EXPECT_GT(test, after.nr_flushes, before.nr_flushes);
	}
	/* And then all is quiet. */
	msleep(50);
	before = mock_iommu_counts(place.dev);
	msleep(200);
	KUNIT_EXPECT_EQ(test, mock_iommu_counts(place.dev).nr_flushes,
			before.nr_flushes);
}

/* There are only so many, with no help by the timer. */
static void keep_many_test(struct kunit *test)
{
	struct place place = lazy_place(test);
	unsigned long nr_mapped, flags;
	unsigned int nr_bad = 0;

	local_irq_save(flags);
	for (unsigned int i = 0; i < NR_MANY; i++) {
		dma_addr_t dma_addr;

		dma_addr = dma_map_single(place.dev,
					  place.buffer + i * SZ_4K, SZ_64K,
					  DMA_TO_DEVICE);
		nr_bad += dma_mapping_error(place.dev, dma_addr) ||
			  mock_iommu_phys(place.dev, dma_addr) !=
			  virt_to_phys(place.buffer + i * SZ_4K);
		dma_unmap_single(place.dev, dma_addr, SZ_64K, DMA_TO_DEVICE);
	}
	nr_mapped = mock_iommu_nr_mapped(place.dev);
	local_irq_restore(flags);

	KUNIT_EXPECT_EQ(test, nr_bad, 0);
	KUNIT_EXPECT_GE(test, nr_mapped, SZ_64K / SZ_4K);
	KUNIT_EXPECT_LE(test, nr_mapped, 64 * SZ_64K / SZ_4K);
	check_settles(&place);
}

/* Addresses that are kept are free for whoever finds no other. */
static void keep_exhaust_test(struct kunit *test)
{
	struct mock_iommu *iommu;
	struct device *dev;
	u8 *buffer = mock_iommu_buffer(test, SZ_256K);
	unsigned int nr_failed = 0;
	unsigned long flags;

	iommu = mock_iommu_create(test, &(struct mock_iommu_shape) {
		.aperture_start = SZ_1M,
		.aperture_last = SZ_1M + SZ_128K - 1,
		.domain_type = IOMMU_DOMAIN_DMA_FQ,
	});
	dev = mock_iommu_device(test, iommu, "dev",
				&(struct dma_kunit_shape){});
	local_irq_save(flags);
	for (unsigned int i = 0; i < 32; i++) {
		dma_addr_t dma_addr;

		dma_addr = dma_map_single(dev, buffer + i * SZ_4K, SZ_64K,
					  DMA_TO_DEVICE);
		if (dma_mapping_error(dev, dma_addr))
			nr_failed++;
		else
			dma_unmap_single(dev, dma_addr, SZ_64K, DMA_TO_DEVICE);
	}
	local_irq_restore(flags);
	KUNIT_EXPECT_EQ(test, nr_failed, 0);
	KUNIT_EXPECT_TRUE(test, dma_kunit_wait_until(is_settled, dev));
}

/* A device leaves while something of it is kept. */
static void keep_leave_test(struct kunit *test)
{
	struct place place = lazy_place(test);

	for (unsigned int i = 0; i < 3; i++) {
		for (unsigned int j = 0; j < 10; j++)
			unmap(&place, map(&place, j * SZ_4K, SZ_64K), SZ_64K);
		mock_iommu_leave(place.dev);
		KUNIT_ASSERT_EQ(test, 0, mock_iommu_join(place.iommu,
							 place.dev));
	}
}

/* Mistakes */

static void keep_fails_test(struct kunit *test)
{
	struct place place = lazy_place(test);
	dma_addr_t dma_addr;

	mock_iommu_fail_nth(place.iommu, MOCK_IOMMU_MAP, 3);
	dma_addr = dma_map_single(place.dev, place.buffer, LARGE,
				  DMA_TO_DEVICE);
	KUNIT_EXPECT_TRUE(test, dma_mapping_error(place.dev, dma_addr));
	check_settles(&place);
	unmap(&place, map(&place, 0, LARGE), LARGE);
	check_settles(&place);
}

static void keep_unmapped_twice_test(struct kunit *test)
{
	struct place place = lazy_place(test);
	unsigned int nr_warnings;
	dma_addr_t dma_addr;
	unsigned long flags;

	if (!IS_ENABLED(CONFIG_PRINTK))
		kunit_skip(test, "no kernel log");
	dma_kunit_expect_warn_begin();
	dma_kunit_log_mark();
	local_irq_save(flags);
	dma_addr = map(&place, 0, LARGE);
	unmap(&place, dma_addr, LARGE);
	unmap(&place, dma_addr, LARGE);
	local_irq_restore(flags);
	KUNIT_EXPECT_EQ(test, 1, dma_kunit_log_count("unmapped before"));
	nr_warnings = dma_kunit_expect_warn_end();
	KUNIT_EXPECT_GE(test, nr_warnings, 1);
	check_settles(&place);
}

/* From several CPUs and a hard irq at a time, in the same memory */

struct owner {
	struct device *dev;
	struct rnd_state rnd;
	u8 *memory;
	const u8 *shared;
	atomic_long_t *nr_errors;
};

static void note(struct owner *owner, bool is_good)
{
	if (!is_good)
		atomic_long_inc(owner->nr_errors);
}

/*
 * One of few places, so that there is something to take up. They are large pages
 * of the mock, so that a step is short enough for a hard irq.
 */
static bool step(void *data)
{
	struct owner *owner = data;
	bool is_own = prandom_u32_state(&owner->rnd) % 2;
	const u8 *cpu_addr = is_own ? owner->memory : owner->shared;
	size_t size = SZ_64K;
	dma_addr_t dma_addr;
	u8 byte;

	cpu_addr += prandom_u32_state(&owner->rnd) % 3 * SZ_64K;
	size += prandom_u32_state(&owner->rnd) % 2 * SZ_64K;
	dma_addr = dma_map_single(owner->dev, (void *)cpu_addr, size,
				  DMA_TO_DEVICE);
	if (dma_mapping_error(owner->dev, dma_addr)) {
		note(owner, false);
		return false;
	}
	if (is_own) {
		byte = prandom_u32_state(&owner->rnd);
		WRITE_ONCE(*(u8 *)(cpu_addr + size - 1), byte);
	}
	note(owner, mock_iommu_sees(owner->dev, dma_addr, cpu_addr, 16));
	note(owner, mock_iommu_sees(owner->dev, dma_addr + size - 16,
				    cpu_addr + size - 16, 16));
	dma_unmap_single(owner->dev, dma_addr, size, DMA_TO_DEVICE);
	return true;
}

static void keep_storm_test(struct kunit *test)
{
	struct dma_kunit_storm *storm =
		dma_kunit_storm_make(test, sizeof(struct owner));
	struct device *dev = mock_iommu_simple_device(test,
			&(struct mock_iommu_shape) {
				.domain_type = IOMMU_DOMAIN_DMA_FQ,
				.page_sizes = SZ_4K | SZ_64K,
			});
	u8 *shared = mock_iommu_buffer(test, SZ_256K);

	for (unsigned int i = 0; i <= DMA_KUNIT_NR_THREADS; i++) {
		struct owner *owner = storm->owners[i];

		owner->dev = dev;
		owner->nr_errors = &storm->nr_errors;
		owner->shared = shared;
		owner->memory = mock_iommu_buffer(test, SZ_256K);
		mock_iommu_fill(owner->memory, SZ_256K, i);
		prandom_seed_state(&owner->rnd, i + 1);
	}
	storm->step = step;
	storm->nr_wanted = 2000;
	storm->nr_wanted_in_irq = 100;
	dma_kunit_storm_run(test, storm);
	KUNIT_EXPECT_TRUE(test, dma_kunit_wait_until(is_settled, dev));
	KUNIT_EXPECT_EQ(test, mock_iommu_counts(dev).mapped,
			mock_iommu_counts(dev).unmapped);
}

static struct kunit_case iommu_keep_cases[] = {
	KUNIT_CASE(keep_same_test),
	KUNIT_CASE(keep_data_test),
	KUNIT_CASE(keep_shared_test),
	KUNIT_CASE(keep_other_test),
	KUNIT_CASE(keep_reach_test),
	KUNIT_CASE(keep_nothing_test),
	KUNIT_CASE(keep_noncoherent_test),
	KUNIT_CASE(keep_timer_test),
	KUNIT_CASE(keep_many_test),
	KUNIT_CASE(keep_exhaust_test),
	KUNIT_CASE(keep_leave_test),
	KUNIT_CASE(keep_fails_test),
	KUNIT_CASE(keep_unmapped_twice_test),
	KUNIT_CASE(keep_storm_test),
	{}
};

static struct kunit_suite iommu_keep_suite = {
	.name = "iommu_keep",
	.test_cases = iommu_keep_cases,
};

kunit_test_suite(iommu_keep_suite);

MODULE_DESCRIPTION("KUnit tests of large mappings kept in lazy mode");
MODULE_LICENSE("GPL");
