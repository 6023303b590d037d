// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of flush queues with several CPUs, and of long ones.
 *
 * One invalidation serves the queues of all CPUs. To count them, two CPUs take
 * turns with interrupts off, so that no timer flushes meanwhile.
 */

#include <kunit/test.h>
#include <linux/cpu.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/kthread.h>
#include <linux/sizes.h>
#include <linux/vmalloc.h>

#include "mock_iommu.h"

/* As long as a CPU's queue */
#define LENGTH		256
#define NR_TURNS	4

/* Two CPUs that unmap in turn */
struct turns {
	struct device *dev;
	dma_addr_t addrs[NR_TURNS][LENGTH];
	atomic_t nr_ready;
	atomic_t turn;
	unsigned long nr_flushes[NR_TURNS];
	struct completion done[2];
};

struct one {
	struct turns *turns;
	unsigned int parity;
};

static void take_turn(struct turns *turns, unsigned int turn)
{
	for (unsigned int i = 0; i < LENGTH; i++)
		dma_unmap_single(turns->dev, turns->addrs[turn][i], SZ_4K,
				 DMA_TO_DEVICE);
	turns->nr_flushes[turn] = mock_iommu_counts(turns->dev).nr_flushes;
}

static int take_turns(void *data)
{
	struct one *one = data;
	struct turns *turns = one->turns;
	unsigned long flags;
	int turn;

	/* Both run before either keeps its CPU for itself. */
	atomic_inc(&turns->nr_ready);
	while (atomic_read(&turns->nr_ready) < 2)
		schedule_timeout_uninterruptible(1);
	local_irq_save(flags);
	for (turn = one->parity; turn < NR_TURNS; turn += 2) {
		while (atomic_read_acquire(&turns->turn) != turn)
			cpu_relax();
		take_turn(turns, turn);
		atomic_set_release(&turns->turn, turn + 1);
	}
	/* Until the other is done, too: its turn may be the last. */
	while (atomic_read(&turns->turn) < NR_TURNS)
		cpu_relax();
	local_irq_restore(flags);
	complete(&turns->done[one->parity]);
	return 0;
}

static bool is_flushed(void *data)
{
	return !mock_iommu_nr_stale(data);
}

/*
 * Each turn fills the queue of its CPU. The first flush is in the third turn, and
 * it serves the other CPU, whose queue is full then, as well.
 */
static void queue_shared_flush_test(struct kunit *test)
{
	struct device *dev = mock_iommu_simple_device(test,
			&(struct mock_iommu_shape) {
				.domain_type = IOMMU_DOMAIN_DMA_FQ,
			});
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	struct task_struct *tasks[2];
	struct turns *turns;
	struct one ones[2];

	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs");
	turns = kunit_kzalloc(test, sizeof(*turns), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, turns);
	turns->dev = dev;
	for (unsigned int turn = 0; turn < NR_TURNS; turn++)
		for (unsigned int i = 0; i < LENGTH; i++) {
			dma_addr_t addr = dma_map_single(dev, buffer, SZ_4K,
							 DMA_TO_DEVICE);

			KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev, addr));
			turns->addrs[turn][i] = addr;
		}
	for (unsigned int i = 0; i < 2; i++) {
		init_completion(&turns->done[i]);
		ones[i] = (struct one){ .turns = turns, .parity = i };
		tasks[i] = kthread_create(take_turns, &ones[i],
					  "dma-kunit-turns%u", i);
		KUNIT_ASSERT_FALSE(test, IS_ERR(tasks[i]));
		kthread_bind(tasks[i], i);
	}
	for (unsigned int i = 0; i < 2; i++)
		wake_up_process(tasks[i]);
	for (unsigned int i = 0; i < 2; i++)
		wait_for_completion(&turns->done[i]);

	KUNIT_EXPECT_EQ(test, turns->nr_flushes[0], 0);
	KUNIT_EXPECT_EQ(test, turns->nr_flushes[1], 0);
	KUNIT_EXPECT_EQ(test, turns->nr_flushes[2], 1);
	KUNIT_EXPECT_EQ(test, turns->nr_flushes[3], 1);
	KUNIT_EXPECT_TRUE(test, dma_kunit_wait_until(is_flushed, dev));
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), 0);
}

/* The one long queue runs over, and nothing of it is lost. */
#define NR_MANY		40000

static void queue_long_test(struct kunit *test)
{
	struct device *dev = mock_iommu_simple_device(test,
			&(struct mock_iommu_shape) {
				.domain_type = IOMMU_DOMAIN_DMA_FQ,
				.shadows_on_flush = true,
				.aperture_start = SZ_1M,
				.aperture_last = SZ_1M + NR_MANY * SZ_4K - 1,
			});
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	dma_addr_t *addrs = vmalloc_array(NR_MANY + 1, sizeof(*addrs));

	KUNIT_ASSERT_NOT_NULL(test, addrs);
	for (unsigned int round = 0; round < 2; round++) {
		unsigned int nr = mock_iommu_exhaust(test, dev, buffer, SZ_4K,
						     addrs, NR_MANY + 1);

		KUNIT_EXPECT_EQ(test, nr, NR_MANY);
		mock_iommu_unmap_all(dev, addrs, nr, SZ_4K);
		KUNIT_EXPECT_LE(test, mock_iommu_nr_stale(dev), 32768);
	}
	KUNIT_EXPECT_TRUE(test, dma_kunit_wait_until(is_flushed, dev));
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), 0);
	vfree(addrs);
}

static struct kunit_case iommu_queue_cases[] = {
	MOCK_IOMMU_CASE(queue_shared_flush_test),
	KUNIT_CASE(queue_long_test),
	{}
};

static struct kunit_suite iommu_queue_suite = {
	.name = "iommu_queue",
	.test_cases = iommu_queue_cases,
};

kunit_test_suite(iommu_queue_suite);

MODULE_DESCRIPTION("KUnit tests of flush queues of several CPUs");
MODULE_LICENSE("GPL");
