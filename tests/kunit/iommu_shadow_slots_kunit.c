// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of drivers/iommu/dma/shadow.c: its slots as a whole. Exhaustion,
 * memory that goes back when it is idle, lists, wrong calls, failures, and
 * many users at a time.
 *
 * What the device sees of a buffer is tested in iommu_shadow_kunit.c.
 */

#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "iommu_shadow.h"
#include "log.h"
#include "pools.h"

KUNIT_ARRAY_PARAM(way, ways, way_to_desc);
MOCK_IOMMU_PARAM_TYPICAL(way)

#define NR_FILLING	1024

/* Exhaustion */

static void shadow_exhaust_test(struct kunit *test)
{
	struct place place = plain_place(test);
	dma_addr_t *addrs = kunit_kcalloc(test, NR_FILLING + 20, sizeof(*addrs),
					  GFP_KERNEL);
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	unsigned int nr = NR_FILLING + 20, nr_shadows = 0, nr_slots;
	struct device *dev = place.dev;

	KUNIT_ASSERT_NOT_NULL(test, addrs);
	nr_slots = nr_slots_of(dev);
	KUNIT_ASSERT_LT(test, nr_slots, nr);
	mock_iommu_fill(buffer, 128, 3);
	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < nr; i++) {
			buffer[0] = i;
			buffer[1] = i >> 8;
			addrs[i] = dma_map_single(dev, buffer, 128,
						  DMA_TO_DEVICE);
			KUNIT_ASSERT_FALSE(test, dma_mapping_error(dev,
								   addrs[i]));
		}
		KUNIT_EXPECT_EQ(test, figures_of(dev).nr_used, nr_slots);
		KUNIT_EXPECT_EQ(test, figures_of(dev).nr_slots, nr_slots);
		KUNIT_EXPECT_EQ(test, figures_of(dev).peak, nr_slots);
		nr_shadows = 0;
		for (unsigned int i = 0; i < nr; i++) {
			buffer[0] = i;
			buffer[1] = i >> 8;
			if (!is_shadow(dev, addrs[i]))
				continue;
			nr_shadows++;
			KUNIT_EXPECT_TRUE(test, mock_iommu_sees(dev, addrs[i],
								buffer, 128));
		}
		KUNIT_EXPECT_EQ(test, nr_shadows, nr_slots);
		for (unsigned int i = 0; i < nr; i++)
			dma_unmap_single(dev, addrs[i], 128, DMA_TO_DEVICE);
		KUNIT_EXPECT_EQ(test, figures_of(dev).nr_used, 0);
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), nr_slots);
	}
	check_shadowed(test, dev, buffer, 128);
	check_gone(test, dev);
}

/* Idle slots go back */

struct awaited {
	struct device *dev;
	unsigned int nr_slots;
};

static bool has_so_many(void *data)
{
	struct awaited *awaited = data;

	return figures_of(awaited->dev).nr_slots == awaited->nr_slots;
}

static void shadow_idle_test(struct kunit *test)
{
	struct awaited awaited = {};
	dma_addr_t addrs[50];
	struct place place;
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);

	dma_shadow_idle = HZ / 20;
	place = plain_place(test);
	awaited.dev = place.dev;
	mock_iommu_fill(buffer, 128, 3);
	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(addrs); i++) {
			addrs[i] = dma_map_single(place.dev, buffer, 128,
						  DMA_TO_DEVICE);
			KUNIT_ASSERT_TRUE(test, is_shadow(place.dev, addrs[i]));
		}
		for (unsigned int i = 2; i < ARRAY_SIZE(addrs); i++)
			dma_unmap_single(place.dev, addrs[i], 128,
					 DMA_TO_DEVICE);
		/* Those in use stay. */
		awaited.nr_slots = 2;
		KUNIT_EXPECT_TRUE(test, dma_kunit_wait_until(has_so_many,
							     &awaited));
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(place.dev), 2);
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_stale(place.dev), 0);
		for (unsigned int i = 0; i < 2; i++) {
			KUNIT_EXPECT_TRUE(test, mock_iommu_sees(place.dev,
								addrs[i],
								buffer, 128));
			dma_unmap_single(place.dev, addrs[i], 128,
					 DMA_TO_DEVICE);
		}
		awaited.nr_slots = 0;
		KUNIT_EXPECT_TRUE(test, dma_kunit_wait_until(has_so_many,
							     &awaited));
		check_gone(test, place.dev);
		KUNIT_EXPECT_GE(test, figures_of(place.dev).peak,
				ARRAY_SIZE(addrs));
	}
	check_shadowed(test, place.dev, buffer, 128);
}

/* Figures */

static void shadow_figures_test(struct kunit *test)
{
	struct place place = plain_place(test);
	struct dma_shadow_figures figures = figures_of(place.dev);
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	char expected[100], *text;
	dma_addr_t addrs[5];

	KUNIT_EXPECT_GE(test, figures.slot_size, place.limit);
	KUNIT_EXPECT_EQ(test, figures.nr_slots, 0);
	KUNIT_EXPECT_EQ(test, figures.mapped, 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(addrs); i++) {
		addrs[i] = dma_map_single(place.dev, buffer, 64, DMA_TO_DEVICE);
		KUNIT_ASSERT_TRUE(test, is_shadow(place.dev, addrs[i]));
	}
	figures = figures_of(place.dev);
	KUNIT_EXPECT_EQ(test, figures.nr_slots, 5);
	KUNIT_EXPECT_EQ(test, figures.nr_used, 5);
	KUNIT_EXPECT_EQ(test, figures.peak, 5);
	KUNIT_EXPECT_EQ(test, figures.mapped, 5);

	snprintf(expected, sizeof(expected),
		 "\n%5d %7u %10zu %7u %7u %10lu\n",
		 iommu_group_id(place.dev->iommu_group), 5, figures.slot_size,
		 5, 5, 5UL);
	text = dma_pools_debugfs(test, "dma/shadow");
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(text, expected), "%s", text);
	for (unsigned int i = 0; i < ARRAY_SIZE(addrs); i++)
		dma_unmap_single(place.dev, addrs[i], 64, DMA_TO_DEVICE);
	check_gone(test, place.dev);
}

/* Lists */

static void need_lists(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_NEED_SG_DMA_FLAGS))
		kunit_skip(test, "lists are never copied here");
}

static void make_list(struct scatterlist *sg, unsigned int nents, u8 *buffer,
		      size_t size)
{
	sg_init_table(sg, nents);
	for (unsigned int i = 0; i < nents; i++)
		sg_set_buf(&sg[i], buffer + i * SZ_8K + 256, size);
}

/* Does the device see the list's entries, one by one? */
static void check_list(struct kunit *test, struct device *dev,
		       struct scatterlist *sg, unsigned int nents,
		       bool is_copied)
{
	for (unsigned int i = 0; i < nents; i++) {
		KUNIT_EXPECT_EQ(test, sg_dma_len(&sg[i]), sg[i].length);
		KUNIT_EXPECT_EQ(test, is_shadow(dev, sg_dma_address(&sg[i])),
				is_copied);
		KUNIT_EXPECT_TRUE(test, mock_iommu_sees(dev,
							sg_dma_address(&sg[i]),
							sg_virt(&sg[i]),
							sg[i].length));
	}
}

static void device_fills(struct kunit *test, struct device *dev,
			 struct scatterlist *sg, u8 seed)
{
	KUNIT_EXPECT_TRUE(test, mock_iommu_write_fill(dev, sg_dma_address(sg),
						      sg->length, seed));
}

static void shadow_list_test(struct kunit *test)
{
	struct place place = make_place(test, mock_iommu_param(test));
	u8 *buffer = mock_iommu_buffer(test, 4 * SZ_8K);
	size_t size = place.limit / 4;
	struct scatterlist sg[4];

	need_lists(test);
	mock_iommu_fill(buffer, 4 * SZ_8K, 1);
	make_list(sg, 4, buffer, size);
	KUNIT_ASSERT_EQ(test, 4, dma_map_sg(place.dev, sg, 4,
					    DMA_BIDIRECTIONAL));
	check_list(test, place.dev, sg, 4, true);
	KUNIT_EXPECT_EQ(test, figures_of(place.dev).nr_used, 4);
	for (unsigned int i = 0; i < 4; i++)
		device_fills(test, place.dev, &sg[i], i);
	dma_sync_sg_for_cpu(place.dev, sg, 4, DMA_BIDIRECTIONAL);
	for (unsigned int i = 0; i < 4; i++) {
		KUNIT_EXPECT_TRUE(test, mock_iommu_is_filled(sg_virt(&sg[i]),
							     size, i));
		mock_iommu_fill(sg_virt(&sg[i]), size, i + 50);
	}
	dma_sync_sg_for_device(place.dev, sg, 4, DMA_BIDIRECTIONAL);
	check_list(test, place.dev, sg, 4, true);
	for (unsigned int i = 0; i < 4; i++)
		device_fills(test, place.dev, &sg[i], i + 90);
	dma_unmap_sg(place.dev, sg, 4, DMA_BIDIRECTIONAL);
	for (unsigned int i = 0; i < 4; i++)
		KUNIT_EXPECT_TRUE(test, mock_iommu_is_filled(sg_virt(&sg[i]),
							     size, i + 90));
	check_gone(test, place.dev);
}

/* Together they are too large, though each is small: mapped as ever. */
static void shadow_long_list_test(struct kunit *test)
{
	struct place place = make_place(test, mock_iommu_param(test));
	u8 *buffer = mock_iommu_buffer(test, 4 * SZ_8K);
	size_t size = place.limit / 4 + 64;
	struct scatterlist sg[4];

	need_lists(test);
	mock_iommu_fill(buffer, 4 * SZ_8K, 1);
	make_list(sg, 4, buffer, size);
	KUNIT_ASSERT_EQ(test, 4, dma_map_sg(place.dev, sg, 4, DMA_TO_DEVICE));
	check_list(test, place.dev, sg, 4, false);
	KUNIT_EXPECT_EQ(test, figures_of(place.dev).nr_used, 0);
	dma_sync_sg_for_cpu(place.dev, sg, 4, DMA_TO_DEVICE);
	dma_sync_sg_for_device(place.dev, sg, 4, DMA_TO_DEVICE);
	dma_unmap_sg(place.dev, sg, 4, DMA_TO_DEVICE);
	check_gone(test, place.dev);
}

/* The same list, copied and not copied in turn */
static void shadow_list_again_test(struct kunit *test)
{
	struct place place = plain_place(test);
	u8 *buffer = mock_iommu_buffer(test, 2 * SZ_8K);
	struct scatterlist sg[2];

	need_lists(test);
	mock_iommu_fill(buffer, 2 * SZ_8K, 1);
	make_list(sg, 2, buffer, 1024);
	for (unsigned int round = 0; round < 4; round++) {
		bool is_on = round % 2;

		KUNIT_ASSERT_EQ(test, 0, dma_shadow_switch(place.dev, is_on));
		KUNIT_ASSERT_EQ(test, 2, dma_map_sg(place.dev, sg, 2,
						    DMA_FROM_DEVICE));
		for (unsigned int i = 0; i < 2; i++) {
			dma_addr_t dma_addr = sg_dma_address(&sg[i]);

			KUNIT_EXPECT_EQ(test, is_shadow(place.dev, dma_addr),
					is_on);
			device_fills(test, place.dev, &sg[i], round * 2 + i);
		}
		/* It ends as it began, whatever the switch says by then. */
		KUNIT_ASSERT_EQ(test, 0, dma_shadow_switch(place.dev, !is_on));
		dma_unmap_sg(place.dev, sg, 2, DMA_FROM_DEVICE);
		for (unsigned int i = 0; i < 2; i++)
			KUNIT_EXPECT_TRUE(test,
					  mock_iommu_is_filled(sg_virt(&sg[i]),
							       1024,
							       round * 2 + i));
		check_gone(test, place.dev);
	}
}

/* A list whose entries can't all be copied, or not even mapped */
static void shadow_list_fails_test(struct kunit *test)
{
	struct place place = plain_place(test);
	u8 *buffer = mock_iommu_buffer(test, 4 * SZ_8K);
	unsigned int nr = nr_slots_of(place.dev);
	dma_addr_t *addrs = kunit_kcalloc(test, nr, sizeof(*addrs), GFP_KERNEL);
	struct scatterlist sg[4];

	need_lists(test);
	KUNIT_ASSERT_NOT_NULL(test, addrs);
	make_list(sg, 4, buffer, 512);
	/* All slots but two are taken. */
	for (unsigned int i = 0; i < nr; i++) {
		addrs[i] = dma_map_single(place.dev, buffer, 64, DMA_TO_DEVICE);
		KUNIT_ASSERT_TRUE(test, is_shadow(place.dev, addrs[i]));
	}
	for (unsigned int i = 0; i < 2; i++)
		dma_unmap_single(place.dev, addrs[i], 64, DMA_TO_DEVICE);
	KUNIT_ASSERT_EQ(test, 4, dma_map_sg(place.dev, sg, 4, DMA_TO_DEVICE));
	KUNIT_EXPECT_TRUE(test, is_shadow(place.dev, sg_dma_address(&sg[1])));
	KUNIT_EXPECT_FALSE(test, is_shadow(place.dev, sg_dma_address(&sg[2])));
	for (unsigned int i = 0; i < 4; i++)
		KUNIT_EXPECT_TRUE(test, mock_iommu_sees(place.dev,
							sg_dma_address(&sg[i]),
							sg_virt(&sg[i]), 512));
	dma_unmap_sg(place.dev, sg, 4, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(place.dev), nr);

	for (unsigned int nth = 1; nth <= 2; nth++) {
		mock_iommu_fail_nth(place.iommu, MOCK_IOMMU_MAP, nth);
		KUNIT_EXPECT_EQ(test, 0, dma_map_sg_attrs(place.dev, sg, 4,
							  DMA_TO_DEVICE,
							  DMA_ATTR_NO_WARN));
		KUNIT_EXPECT_EQ(test, figures_of(place.dev).nr_used, nr - 2);
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(place.dev), nr);
	}
	for (unsigned int i = 2; i < nr; i++)
		dma_unmap_single(place.dev, addrs[i], 64, DMA_TO_DEVICE);
	check_gone(test, place.dev);
}

/* Wrong calls */

static void shadow_double_unmap_test(struct kunit *test)
{
	struct place place = plain_place(test);
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	struct device *dev = place.dev;
	dma_addr_t one, other;

	one = dma_map_single(dev, buffer, 64, DMA_TO_DEVICE);
	other = dma_map_single(dev, buffer, 64, DMA_TO_DEVICE);
	KUNIT_ASSERT_TRUE(test, is_shadow(dev, one));
	KUNIT_ASSERT_TRUE(test, is_shadow(dev, other));
	dma_unmap_single(dev, one, 64, DMA_TO_DEVICE);
	for (unsigned int i = 0; i < 3; i++) {
		dma_kunit_expect_warn_begin();
		dma_kunit_log_mark();
		dma_unmap_single(dev, one, 64, DMA_TO_DEVICE);
		KUNIT_EXPECT_EQ(test, dma_kunit_log_count("which is not mapped"),
				1);
		KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
		KUNIT_EXPECT_EQ(test, figures_of(dev).nr_used, 1);
	}
	/* No slot is given to two buffers now. */
	one = dma_map_single(dev, buffer, 64, DMA_TO_DEVICE);
	KUNIT_ASSERT_TRUE(test, is_shadow(dev, one));
	KUNIT_EXPECT_NE(test, one, other);
	KUNIT_EXPECT_EQ(test, figures_of(dev).nr_used, 2);
	dma_unmap_single(dev, one, 64, DMA_TO_DEVICE);
	dma_unmap_single(dev, other, 64, DMA_TO_DEVICE);
	check_gone(test, dev);
}

/* Slots that no buffer has: one that had one, and one that never had memory */
static void shadow_wrong_sync_test(struct kunit *test)
{
	struct place place = plain_place(test);
	const struct dma_shadow_window *window = window_of(place.dev);
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	struct device *dev = place.dev;
	dma_addr_t wrongs[2];

	wrongs[0] = dma_map_single(dev, buffer, 64, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_TRUE(test, is_shadow(dev, wrongs[0]));
	dma_unmap_single(dev, wrongs[0], 64, DMA_BIDIRECTIONAL);
	wrongs[1] = window->base + window->size - place.limit;
	memset(buffer, 0x5a, 64);
	for (unsigned int i = 0; i < ARRAY_SIZE(wrongs); i++) {
		static const char text[] = "which is not mapped";

		dma_kunit_expect_warn_begin();
		dma_kunit_log_mark();
		dma_sync_single_for_cpu(dev, wrongs[i], 64, DMA_BIDIRECTIONAL);
		KUNIT_EXPECT_EQ(test, dma_kunit_log_count(text), 1);
		dma_kunit_expect_warn_end();

		dma_kunit_expect_warn_begin();
		dma_kunit_log_mark();
		dma_sync_single_for_device(dev, wrongs[i], 64,
					   DMA_BIDIRECTIONAL);
		KUNIT_EXPECT_EQ(test, dma_kunit_log_count(text), 1);
		dma_kunit_expect_warn_end();

		dma_kunit_expect_warn_begin();
		dma_kunit_log_mark();
		dma_unmap_single(dev, wrongs[i], 64, DMA_BIDIRECTIONAL);
		KUNIT_EXPECT_EQ(test, dma_kunit_log_count(text), 1);
		dma_kunit_expect_warn_end();
	}
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer, 0x5a, 64));
	check_gone(test, dev);
}

/* Failures */

/* The last slot gets no memory, or the IOMMU does not map it. */
static void shadow_fail_last_test(struct kunit *test)
{
	struct place place = plain_place(test);
	unsigned int nr = nr_slots_of(place.dev) - 1;
	dma_addr_t *addrs = kunit_kcalloc(test, nr, sizeof(*addrs), GFP_KERNEL);
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);

	KUNIT_ASSERT_NOT_NULL(test, addrs);
	for (unsigned int i = 0; i < nr; i++) {
		addrs[i] = dma_map_single(place.dev, buffer, 64, DMA_TO_DEVICE);
		KUNIT_ASSERT_TRUE(test, is_shadow(place.dev, addrs[i]));
	}
	for (unsigned int i = 0; i < 3; i++) {
		mock_iommu_fail_nth(place.iommu, MOCK_IOMMU_MAP, 1);
		check_mapped(test, place.dev, buffer, 64, 0);
		KUNIT_EXPECT_FALSE(test, mock_iommu_fail_nth(place.iommu,
							     MOCK_IOMMU_MAP,
							     0));
		if (!dma_kunit_fail_sleeping(true))
			continue;
		dma_kunit_fail_nth(1);
		check_mapped(test, place.dev, buffer, 64, 0);
		KUNIT_EXPECT_FALSE(test, dma_kunit_fail_nth(0));
		dma_kunit_fail_sleeping(false);
	}
	KUNIT_EXPECT_EQ(test, figures_of(place.dev).nr_slots, nr);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(place.dev), nr);
	check_shadowed(test, place.dev, buffer, 64);
	for (unsigned int i = 0; i < nr; i++)
		dma_unmap_single(place.dev, addrs[i], 64, DMA_TO_DEVICE);
	check_gone(test, place.dev);
}

/* Any allocation on the way fails: there is always a way around. */
static void shadow_fail_nth_test(struct kunit *test)
{
	struct place place = plain_place(test);
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	unsigned int nr_mapped = 0, nr_failed = 0, nr_slots = 0, nr_held = 0;
	struct device *dev = place.dev;
	dma_addr_t held[20], dma_addr;
	bool is_beyond = false;

	if (!dma_kunit_fail_sleeping(false))
		kunit_skip(test, "needs FAILSLAB, FAIL_PAGE_ALLOC, FAULT_INJECTION_DEBUG_FS");
	mock_iommu_fill(buffer, 64, 1);
	for (unsigned int nth = 1; nth < 20 && !is_beyond; nth++) {
		dma_kunit_fail_sleeping(true);
		dma_kunit_fail_nth(nth);
		dma_addr = dma_map_single_attrs(dev, buffer, 64, DMA_TO_DEVICE,
						DMA_ATTR_NO_WARN);
		is_beyond = dma_kunit_fail_nth(0);
		dma_kunit_fail_sleeping(false);
		if (dma_mapping_error(dev, dma_addr)) {
			nr_failed++;
		} else {
			KUNIT_EXPECT_TRUE(test, mock_iommu_sees(dev, dma_addr,
								buffer, 64));
			/* A slot is held, so that each round needs a new one. */
			nr_mapped += !is_shadow(dev, dma_addr);
			nr_slots += is_shadow(dev, dma_addr);
			held[nr_held++] = dma_addr;
		}
	}
	kunit_info(test, "%u copied, %u mapped, %u failed", nr_slots, nr_mapped,
		   nr_failed);
	KUNIT_EXPECT_TRUE(test, is_beyond);
	KUNIT_EXPECT_EQ(test, nr_failed, 0);
	KUNIT_EXPECT_GE(test, nr_slots, 1);
	KUNIT_EXPECT_EQ(test, figures_of(dev).nr_used, nr_slots);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), nr_held);
	while (nr_held--)
		dma_unmap_single(dev, held[nr_held], 64, DMA_TO_DEVICE);
	check_gone(test, dev);
}

static void shadow_fail_switch_test(struct kunit *test)
{
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	struct dma_kunit_failing failing = {};
	int err;

	if (!dma_kunit_fail_sleeping(false))
		kunit_skip(test, "needs FAILSLAB, FAIL_PAGE_ALLOC, FAULT_INJECTION_DEBUG_FS");
	if (IS_ENABLED(CONFIG_DMA_IOMMU_SHADOW_DEFAULT))
		kunit_skip(test, "all devices have shadow pages here");
	while (dma_kunit_failing_next(&failing, 40)) {
		struct device *dev = plain_device(test);

		dma_kunit_fail_sleeping(true);
		dma_kunit_fail_nth(failing.nth);
		err = dma_shadow_switch(dev, true);
		dma_kunit_failing_stop(&failing, err);
		dma_kunit_fail_sleeping(false);
		if (err) {
			KUNIT_EXPECT_EQ(test, err, -ENOMEM);
			KUNIT_EXPECT_NULL(test, shadow_of(dev));
			check_mapped(test, dev, buffer, 64, 0);
			KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), 0);
			KUNIT_ASSERT_EQ(test, 0, dma_shadow_switch(dev, true));
		}
		check_shadowed(test, dev, buffer, 64);
		check_gone(test, dev);
	}
	KUNIT_EXPECT_TRUE(test, failing.is_beyond);
	KUNIT_EXPECT_GE(test, failing.nr_felt, 2);
}

/* Hard-irq context, and the storm */

struct irq_call {
	struct device *dev;
	u8 *buffer;
	bool is_good;
};

static void map_in_hardirq(void *data)
{
	struct irq_call *call = data;
	dma_addr_t dma_addr = dma_map_single(call->dev, call->buffer, 1024,
					     DMA_BIDIRECTIONAL);

	if (dma_mapping_error(call->dev, dma_addr))
		return;
	call->is_good = is_shadow(call->dev, dma_addr) &&
			mock_iommu_sees(call->dev, dma_addr, call->buffer,
					1024);
	dma_unmap_single(call->dev, dma_addr, 1024, DMA_BIDIRECTIONAL);
}

static void shadow_in_hardirq_test(struct kunit *test)
{
	struct place place = make_place(test, mock_iommu_param(test));
	struct irq_call call = {
		.dev = place.dev,
		.buffer = mock_iommu_buffer(test, SZ_4K),
	};

	mock_iommu_fill(call.buffer, SZ_4K, 1);
	for (unsigned int i = 0; i < 10; i++) {
		call.is_good = false;
		KUNIT_EXPECT_TRUE(test, dma_kunit_in_hardirq(map_in_hardirq,
							     &call));
		KUNIT_EXPECT_TRUE(test, call.is_good);
	}
	check_gone(test, place.dev);
}

#define NR_BUFFERS	6
#define BUFFER_SIZE	SZ_8K

struct buffer {
	u8 *memory;
	u8 *cpu_addr;
	dma_addr_t dma_addr;
	size_t size;
	enum dma_data_direction dir;
	bool is_mapped;
};

struct owner {
	struct device *dev;
	struct rnd_state rnd;
	struct buffer buffers[NR_BUFFERS];
	atomic_long_t *nr_errors;
};

static void note(struct owner *owner, bool is_good)
{
	if (!is_good)
		atomic_long_inc(owner->nr_errors);
}

/* Whole cache lines, so that a non-coherent device's are not bounced */
static void storm_map(struct owner *owner, struct buffer *buffer)
{
	u32 dice = prandom_u32_state(&owner->rnd);

	buffer->cpu_addr = buffer->memory + (dice & 31) * 64;
	buffer->size = 256 + (dice >> 8 & 255) * 20;
	buffer->dir = (dice >> 16) % 3;
	memset(buffer->memory, dice >> 24, BUFFER_SIZE);
	buffer->dma_addr = dma_map_single(owner->dev, buffer->cpu_addr,
					  buffer->size, buffer->dir);
	buffer->is_mapped = !dma_mapping_error(owner->dev, buffer->dma_addr);
	note(owner, buffer->is_mapped);
}

static void storm_unmap(struct owner *owner, struct buffer *buffer)
{
	size_t at = prandom_u32_state(&owner->rnd) % buffer->size;
	u8 byte = ~buffer->memory[0];

	if (buffer->dir != DMA_FROM_DEVICE)
		note(owner, mock_iommu_sees(owner->dev, buffer->dma_addr,
					    buffer->cpu_addr, buffer->size));
	if (buffer->dir != DMA_TO_DEVICE)
		note(owner, mock_iommu_write(owner->dev, buffer->dma_addr + at,
					     &byte, 1));
	dma_unmap_single(owner->dev, buffer->dma_addr, buffer->size,
			 buffer->dir);
	/* Just that byte is another. */
	if (buffer->dir != DMA_TO_DEVICE) {
		note(owner, buffer->cpu_addr[at] == byte);
		buffer->cpu_addr[at] = ~byte;
	}
	note(owner, !memchr_inv(buffer->memory, (u8)~byte, BUFFER_SIZE));
	buffer->is_mapped = false;
}

static bool storm_step(void *data)
{
	struct owner *owner = data;
	struct buffer *buffer = &owner->buffers[prandom_u32_state(&owner->rnd) %
						NR_BUFFERS];

	if (buffer->is_mapped)
		storm_unmap(owner, buffer);
	else
		storm_map(owner, buffer);
	return true;
}

static void init_owner(struct kunit *test, struct owner *owner,
		       struct device *dev, atomic_long_t *nr_errors, u8 seed)
{
	owner->dev = dev;
	owner->nr_errors = nr_errors;
	prandom_seed_state(&owner->rnd, seed + 1);
	for (unsigned int i = 0; i < NR_BUFFERS; i++)
		owner->buffers[i].memory = mock_iommu_buffer(test, BUFFER_SIZE);
}

static void storm_finish(void *data)
{
	struct owner *owner = data;

	for (unsigned int i = 0; i < NR_BUFFERS; i++)
		if (owner->buffers[i].is_mapped)
			storm_unmap(owner, &owner->buffers[i]);
}

static void shadow_storm_test(struct kunit *test)
{
	struct dma_kunit_storm *storm =
		dma_kunit_storm_make(test, sizeof(struct owner));
	struct awaited none;
	struct place place;

	/* Slots come and go meanwhile. */
	dma_shadow_idle = 1;
	place = make_place(test, mock_iommu_param(test));
	for (unsigned int i = 0; i <= DMA_KUNIT_NR_THREADS; i++)
		init_owner(test, storm->owners[i], place.dev,
			   &storm->nr_errors, i);
	storm->step = storm_step;
	storm->finish = storm_finish;
	storm->nr_wanted = mock_iommu_rounds(test, 6000);
	storm->nr_wanted_in_irq = mock_iommu_rounds(test, 200);
	dma_kunit_storm_run(test, storm);

	KUNIT_EXPECT_GT(test, figures_of(place.dev).mapped,
			mock_iommu_rounds(test, 1000));
	none = (struct awaited) { .dev = place.dev };
	KUNIT_EXPECT_TRUE(test, dma_kunit_wait_until(has_so_many, &none));
	KUNIT_EXPECT_EQ(test, figures_of(place.dev).nr_used, 0);
	check_gone(test, place.dev);
}

static struct kunit_case iommu_shadow_slots_cases[] = {
	MOCK_IOMMU_CASE_TYPICAL(shadow_exhaust_test),
	MOCK_IOMMU_CASE_TYPICAL(shadow_idle_test),
	MOCK_IOMMU_CASE_TYPICAL(shadow_figures_test),
	MOCK_IOMMU_CASE_PARAM_TYPICAL(shadow_list_test, way),
	MOCK_IOMMU_CASE_PARAM_TYPICAL(shadow_long_list_test, way),
	MOCK_IOMMU_CASE_TYPICAL(shadow_list_again_test),
	MOCK_IOMMU_CASE_TYPICAL(shadow_list_fails_test),
	MOCK_IOMMU_CASE_TYPICAL(shadow_double_unmap_test),
	MOCK_IOMMU_CASE_TYPICAL(shadow_wrong_sync_test),
	MOCK_IOMMU_CASE_TYPICAL(shadow_fail_last_test),
	MOCK_IOMMU_CASE_TYPICAL(shadow_fail_nth_test),
	MOCK_IOMMU_CASE_TYPICAL(shadow_fail_switch_test),
	MOCK_IOMMU_CASE_PARAM_TYPICAL(shadow_in_hardirq_test, way),
	MOCK_IOMMU_CASE_PARAM_TYPICAL(shadow_storm_test, way),
	{}
};

static struct kunit_suite iommu_shadow_slots_suite = {
	.name = "iommu_shadow_slots",
	.init = keep_slots,
	.exit = unkeep_slots,
	.test_cases = iommu_shadow_slots_cases,
};

kunit_test_suite(iommu_shadow_slots_suite);

MODULE_DESCRIPTION("KUnit tests of the slots of shadow pages");
MODULE_LICENSE("GPL");
