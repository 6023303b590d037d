// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of dma-debug's rehearsal: a coherent device that behaves as if it
 * were not, so that missing sync calls show.
 */

#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>

#include "../../kernel/dma/debug/rehearse.h"
#include "../../kernel/dma/user.h"
#include "debug.h"

#define SIZE	5000U
#define POISON	0xd5

static void choose_none(void *unused)
{
	dma_rehearse_choose("");
}

/* A device that rehearses, until the test ends */
static struct device *rehearsing_device(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "rehearsing");

	/* Of devices of one test, the first one's driver may bind them all. */
	dma_rehearse_choose(dev_name(dev));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, choose_none,
							   NULL));
	return dev;
}

static bool is_filled(const u8 *bytes, u8 byte, size_t size)
{
	return !memchr_inv(bytes, byte, size);
}

static unsigned long nr_live(void)
{
	struct dma_rehearsal_figures figures;

	dma_rehearse_figures(&figures);
	return figures.nr_live;
}

/* Right use moves the data, and nothing else does. */
static void rehearse_right_test(struct kunit *test)
{
	struct device *dev = rehearsing_device(test);
	u8 *buffer = debug_buffer(test, SZ_16K) + 100, *seen;
	u32 count = dma_debug_error_count;
	dma_addr_t dma_addr;

	memset(buffer, 0x11, SIZE);
	dma_addr = debug_map(test, dev, buffer, SIZE, DMA_BIDIRECTIONAL);
	seen = debug_seen(dev, dma_addr);
	KUNIT_EXPECT_NE(test, dma_addr, virt_to_phys(buffer));
	KUNIT_EXPECT_EQ(test, offset_in_page(dma_addr), offset_in_page(buffer));
	KUNIT_EXPECT_TRUE(test, dma_need_sync(dev, dma_addr));
	KUNIT_EXPECT_TRUE(test, is_filled(seen, 0x11, SIZE));
	KUNIT_EXPECT_TRUE(test, is_filled(buffer, POISON, SIZE));

	memset(seen, 0x22, SIZE);
	dma_sync_single_for_cpu(dev, dma_addr, SIZE, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_TRUE(test, is_filled(buffer, 0x22, SIZE));
	memset(buffer, 0x33, SIZE);
	KUNIT_EXPECT_TRUE(test, is_filled(seen, 0x22, SIZE));
	dma_sync_single_for_device(dev, dma_addr, SIZE, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_TRUE(test, is_filled(seen, 0x33, SIZE));
	memset(seen, 0x44, SIZE - 1);
	dma_unmap_single(dev, dma_addr, SIZE, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_TRUE(test, is_filled(buffer, 0x44, SIZE - 1));
	KUNIT_EXPECT_EQ(test, buffer[SIZE - 1], 0x33);
	KUNIT_EXPECT_EQ(test, nr_live(), 0);
	KUNIT_EXPECT_EQ(test, dma_debug_error_count, count);
}

/* Sending, the usual way: write, sync, and again */
static void rehearse_send_test(struct kunit *test)
{
	struct device *dev = rehearsing_device(test);
	u8 *buffer = debug_buffer(test, SZ_8K), *seen;
	u32 count = dma_debug_error_count;
	dma_addr_t dma_addr;

	memset(buffer, 0x11, SIZE);
	dma_addr = debug_map(test, dev, buffer, SIZE, DMA_TO_DEVICE);
	seen = debug_seen(dev, dma_addr);
	KUNIT_EXPECT_TRUE(test, is_filled(buffer, 0x11, SIZE));
	memset(buffer, 0x22, SIZE);
	KUNIT_EXPECT_TRUE(test, is_filled(seen, 0x11, SIZE));
	dma_sync_single_for_device(dev, dma_addr, SIZE, DMA_TO_DEVICE);
	KUNIT_EXPECT_TRUE(test, is_filled(seen, 0x22, SIZE));
	dma_sync_single_for_cpu(dev, dma_addr, SIZE, DMA_TO_DEVICE);
	memset(buffer, 0x33, SIZE);
	dma_unmap_single(dev, dma_addr, SIZE, DMA_TO_DEVICE);
	KUNIT_EXPECT_TRUE(test, is_filled(buffer, 0x33, SIZE));
	KUNIT_EXPECT_EQ(test, dma_debug_error_count, count);
}

/* The CPU looks too early; and gives back what it has not looked at. */
static void rehearse_no_sync_for_cpu_test(struct kunit *test)
{
	struct device *dev = rehearsing_device(test);
	u8 *buffer = debug_buffer(test, SZ_8K);
	dma_addr_t dma_addr;

	dma_addr = debug_map(test, dev, buffer, SIZE, DMA_FROM_DEVICE);
	memset(debug_seen(dev, dma_addr), 0x11, SIZE);
	KUNIT_EXPECT_TRUE(test, is_filled(buffer, POISON, SIZE));
	DEBUG_EXPECT_MISTAKE(test, "byte 0 of the 5000",
			     dma_sync_single_for_device(dev, dma_addr, SIZE,
							DMA_FROM_DEVICE));
	/* Where the device has written nothing, nobody missed anything. */
	DEBUG_EXPECT_SILENCE(test,
			     dma_sync_single_for_device(dev, dma_addr, SIZE,
							DMA_FROM_DEVICE));
	DEBUG_EXPECT_SILENCE(test,
			     dma_unmap_single(dev, dma_addr, SIZE,
					      DMA_FROM_DEVICE));
	KUNIT_EXPECT_TRUE(test, is_filled(buffer, 0x11, SIZE));
}

/* The CPU writes, and the device sees what was there before. */
static void rehearse_no_sync_for_device_test(struct kunit *test)
{
	struct device *dev = rehearsing_device(test);
	u8 *buffer = debug_buffer(test, SZ_8K);
	dma_addr_t dma_addr;

	dma_addr = debug_map(test, dev, buffer, SIZE, DMA_TO_DEVICE);
	buffer[4999] = 0x11;
	KUNIT_EXPECT_EQ(test, debug_seen(dev, dma_addr)[4999], 0);
	DEBUG_EXPECT_MISTAKE(test, "byte 4999 of the 5000",
			     dma_unmap_single(dev, dma_addr, SIZE,
					      DMA_TO_DEVICE));
	KUNIT_EXPECT_EQ(test, buffer[4999], 0x11);

	dma_addr = debug_map(test, dev, buffer, SIZE, DMA_BIDIRECTIONAL);
	dma_sync_single_for_cpu(dev, dma_addr, SIZE, DMA_BIDIRECTIONAL);
	buffer[7] = 0x22;
	DEBUG_EXPECT_MISTAKE(test, "byte 7 of the 5000",
			     dma_unmap_single(dev, dma_addr, SIZE,
					      DMA_BIDIRECTIONAL));
	KUNIT_EXPECT_EQ(test, buffer[7], 0);
}

/* The CPU writes to what the device writes to. */
static void rehearse_cpu_write_test(struct kunit *test)
{
	struct device *dev = rehearsing_device(test);
	u8 *buffer = debug_buffer(test, SZ_8K);
	dma_addr_t dma_addr;

	dma_addr = debug_map(test, dev, buffer, SIZE, DMA_FROM_DEVICE);
	buffer[4097] = 0x11;
	DEBUG_EXPECT_MISTAKE(test, "byte 4097 of the 5000",
			     dma_unmap_single(dev, dma_addr, SIZE,
					      DMA_FROM_DEVICE));
	KUNIT_EXPECT_EQ(test, buffer[4097], 0);

	dma_addr = debug_map(test, dev, buffer, SIZE, DMA_FROM_DEVICE);
	buffer[10] = 0x11;
	DEBUG_EXPECT_SILENCE(test,
			     dma_sync_single_for_cpu(dev, dma_addr + 11, 1000,
						     DMA_FROM_DEVICE));
	DEBUG_EXPECT_MISTAKE(test, "byte 10 of the 5000",
			     dma_sync_single_for_cpu(dev, dma_addr, 64,
						     DMA_FROM_DEVICE));
	DEBUG_EXPECT_SILENCE(test,
			     dma_unmap_single(dev, dma_addr, SIZE,
					      DMA_FROM_DEVICE));
}

/* A sync moves the bytes that it names. */
static void rehearse_partial_test(struct kunit *test)
{
	struct device *dev = rehearsing_device(test);
	u8 *buffer = debug_buffer(test, SZ_8K);
	dma_addr_t dma_addr;

	dma_addr = debug_map(test, dev, buffer, SIZE, DMA_FROM_DEVICE);
	memset(debug_seen(dev, dma_addr), 0x11, SIZE);
	dma_sync_single_range_for_cpu(dev, dma_addr, 4000, 200, DMA_FROM_DEVICE);
	KUNIT_EXPECT_TRUE(test, is_filled(buffer, POISON, 4000));
	KUNIT_EXPECT_TRUE(test, is_filled(buffer + 4000, 0x11, 200));
	KUNIT_EXPECT_TRUE(test, is_filled(buffer + 4200, POISON, 800));
	/* Who has looked at a part of what goes back knows what he does. */
	DEBUG_EXPECT_SILENCE(test,
			     dma_sync_single_range_for_device(dev, dma_addr,
							      3999, 201,
							      DMA_FROM_DEVICE));
	DEBUG_EXPECT_MISTAKE(test, "byte 1000 of the 5000",
			     dma_sync_single_range_for_device(dev, dma_addr,
							      1000, 100,
							      DMA_FROM_DEVICE));
	KUNIT_EXPECT_TRUE(test, is_filled(buffer + 4000, POISON, 200));
	DEBUG_EXPECT_SILENCE(test,
			     dma_unmap_single(dev, dma_addr, SIZE,
					      DMA_FROM_DEVICE));
	KUNIT_EXPECT_TRUE(test, is_filled(buffer, 0x11, SIZE));
}

/* Who does the syncs himself has all of it until then. */
static void rehearse_skip_sync_test(struct kunit *test)
{
	struct device *dev = rehearsing_device(test);
	u8 *buffer = debug_buffer(test, SZ_8K), *seen;
	u32 count = dma_debug_error_count;
	dma_addr_t dma_addr;

	memset(buffer, 0x11, SIZE);
	dma_addr = dma_map_single_attrs(dev, buffer, SIZE, DMA_FROM_DEVICE,
					DMA_ATTR_SKIP_CPU_SYNC);
	KUNIT_ASSERT_EQ(test, 0, dma_mapping_error(dev, dma_addr));
	seen = debug_seen(dev, dma_addr);
	KUNIT_EXPECT_TRUE(test, is_filled(buffer, 0x11, SIZE));
	KUNIT_EXPECT_TRUE(test, is_filled(seen, POISON, SIZE));
	dma_sync_single_for_device(dev, dma_addr, 1000, DMA_FROM_DEVICE);
	KUNIT_EXPECT_TRUE(test, is_filled(seen, 0x11, 1000));
	memset(seen, 0x22, 1000);
	buffer[1000] = 0x33;
	dma_sync_single_for_cpu(dev, dma_addr, 1000, DMA_FROM_DEVICE);
	KUNIT_EXPECT_TRUE(test, is_filled(buffer, 0x22, 1000));
	dma_unmap_single_attrs(dev, dma_addr, SIZE, DMA_FROM_DEVICE,
			       DMA_ATTR_SKIP_CPU_SYNC);
	KUNIT_EXPECT_TRUE(test, is_filled(buffer, 0x22, 1000));
	KUNIT_EXPECT_EQ(test, buffer[1000], 0x33);
	KUNIT_EXPECT_EQ(test, dma_debug_error_count, count);
}

/* What the device must not write */
static void rehearse_device_write_test(struct kunit *test)
{
	struct device *dev = rehearsing_device(test);
	u8 *buffer = debug_buffer(test, SZ_8K) + 64;
	dma_addr_t dma_addr;

	dma_addr = debug_map(test, dev, buffer, SIZE, DMA_TO_DEVICE);
	debug_seen(dev, dma_addr)[77] = 0x11;
	DEBUG_EXPECT_MISTAKE(test, "the device wrote to the 5000 bytes",
			     dma_unmap_single(dev, dma_addr, SIZE,
					      DMA_TO_DEVICE));
	KUNIT_EXPECT_EQ(test, buffer[77], 0);

	for (int at = -1; at <= (int)SIZE; at += SIZE + 1) {
		dma_addr = debug_map(test, dev, buffer, SIZE, DMA_FROM_DEVICE);
		debug_seen(dev, dma_addr)[at] = 0x11;
		DEBUG_EXPECT_MISTAKE(test, "the device wrote beside the 5000 bytes",
				     dma_unmap_single(dev, dma_addr, SIZE,
						      DMA_FROM_DEVICE));
		KUNIT_EXPECT_EQ(test, buffer[at], 0);
	}
}

#define NR_ENTRIES	4

static void rehearse_sg_test(struct kunit *test)
{
	struct device *dev = rehearsing_device(test);
	u8 *buffer = debug_buffer(test, SZ_64K);
	struct scatterlist sgl[NR_ENTRIES];
	dma_addr_t third;

	sg_init_table(sgl, NR_ENTRIES);
	for (unsigned int i = 0; i < NR_ENTRIES; i++)
		sg_set_buf(&sgl[i], buffer + i * SZ_16K + i, SIZE + i);
	KUNIT_ASSERT_EQ(test, NR_ENTRIES, dma_map_sg(dev, sgl, NR_ENTRIES,
						     DMA_FROM_DEVICE));
	for (unsigned int i = 0; i < NR_ENTRIES; i++) {
		KUNIT_EXPECT_PTR_EQ(test, sg_virt(&sgl[i]),
				    (void *)(buffer + i * SZ_16K + i));
		KUNIT_EXPECT_NE(test, sg_dma_address(&sgl[i]), sg_phys(&sgl[i]));
		KUNIT_EXPECT_EQ(test, sg_dma_len(&sgl[i]), SIZE + i);
		memset(debug_seen(dev, sg_dma_address(&sgl[i])), i + 1, SIZE + i);
		KUNIT_EXPECT_TRUE(test, is_filled(sg_virt(&sgl[i]), POISON,
						  SIZE + i));
	}
	third = sg_dma_address(&sgl[2]);
	dma_sync_sg_for_cpu(dev, sgl, NR_ENTRIES, DMA_FROM_DEVICE);
	for (unsigned int i = 0; i < NR_ENTRIES; i++)
		KUNIT_EXPECT_TRUE(test, is_filled(sg_virt(&sgl[i]), i + 1,
						  SIZE + i));
	dma_sync_sg_for_device(dev, sgl, NR_ENTRIES, DMA_FROM_DEVICE);
	*(u8 *)sg_virt(&sgl[2]) = 0x11;
	debug_seen(dev, third)[1] = 0x22;
	DEBUG_EXPECT_MISTAKE(test, "byte 0 of the 5002",
			     dma_unmap_sg(dev, sgl, NR_ENTRIES,
					  DMA_FROM_DEVICE));
	KUNIT_EXPECT_EQ(test, ((u8 *)sg_virt(&sgl[2]))[1], 0x22);
	KUNIT_EXPECT_EQ(test, nr_live(), 0);
}

/* A list that is shorter than the driver says is refused, and left as it was. */
static void rehearse_short_sg_test(struct kunit *test)
{
	struct device *dev = rehearsing_device(test);
	u8 *buffer = debug_buffer(test, SZ_8K);
	struct scatterlist sgl[2];

	sg_init_table(sgl, 2);
	sg_set_buf(&sgl[0], buffer, SZ_4K);
	sg_set_buf(&sgl[1], buffer + SZ_4K, SZ_4K);
	memset(buffer, 0x11, SZ_8K);
	KUNIT_EXPECT_EQ(test, 0, dma_map_sg(dev, sgl, 3, DMA_FROM_DEVICE));
	KUNIT_EXPECT_PTR_EQ(test, sg_virt(&sgl[1]), (void *)(buffer + SZ_4K));
	KUNIT_EXPECT_TRUE(test, is_filled(buffer, 0x11, SZ_8K));
	KUNIT_EXPECT_EQ(test, nr_live(), 0);
	KUNIT_EXPECT_EQ(test, debug_nr_entries(dev), 0);
}

/* Nobody else rehearses, and mappings from before stay what they are. */
static void rehearse_others_test(struct kunit *test)
{
	struct device *other = dma_kunit_coherent_device(test, "other");
	struct device *early = dma_kunit_coherent_device(test, "early");
	u8 *buffer = debug_buffer(test, SZ_8K);
	u32 count = dma_debug_error_count;
	dma_addr_t dma_addr, before;
	char name[DMA_DEBUG_NAME], line[DMA_DEBUG_NAME];

	before = debug_map(test, early, buffer, SZ_4K, DMA_TO_DEVICE);
	rehearsing_device(test);
	dma_rehearse_choose("\n");
	dma_rehearse_chosen(name);
	KUNIT_EXPECT_STREQ(test, name, "");
	snprintf(line, sizeof(line), "%s and more", dev_name(early));
	dma_rehearse_choose(line);
	dma_rehearse_chosen(name);
	KUNIT_EXPECT_STREQ(test, name, dev_name(early));

	dma_addr = debug_map(test, other, buffer, SZ_4K, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, dma_addr, virt_to_phys(buffer));
	dma_sync_single_for_device(other, dma_addr, SZ_4K, DMA_TO_DEVICE);
	dma_unmap_single(other, dma_addr, SZ_4K, DMA_TO_DEVICE);
	dma_sync_single_for_device(early, before, SZ_4K, DMA_TO_DEVICE);
	dma_unmap_single(early, before, SZ_4K, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, dma_debug_error_count, count);

	/* And what began goes to its end, whoever is chosen then. */
	before = debug_map(test, early, buffer, SZ_4K, DMA_FROM_DEVICE);
	KUNIT_EXPECT_NE(test, before, virt_to_phys(buffer));
	dma_rehearse_choose("");
	memset(debug_seen(early, before), 0x11, SZ_4K);
	dma_unmap_single(early, before, SZ_4K, DMA_FROM_DEVICE);
	KUNIT_EXPECT_TRUE(test, is_filled(buffer, 0x11, SZ_4K));
	KUNIT_EXPECT_EQ(test, nr_live(), 0);
}

/* A mapping that fails leaves the buffer as it was. */
static void rehearse_refused_test(struct kunit *test)
{
	struct device *dev = rehearsing_device(test);
	u8 *buffer = debug_buffer(test, SZ_8K);
	dma_addr_t dma_addr;

	dma_kunit_no_bounce(dev);
	dev->bus_dma_limit = 0xfff;
	memset(buffer, 0x11, SIZE);
	dma_addr = dma_map_single_attrs(dev, buffer, SIZE, DMA_FROM_DEVICE,
					DMA_ATTR_NO_WARN);
	KUNIT_EXPECT_NE(test, 0, dma_mapping_error(dev, dma_addr));
	KUNIT_EXPECT_TRUE(test, is_filled(buffer, 0x11, SIZE));
	KUNIT_EXPECT_EQ(test, nr_live(), 0);
}

static unsigned long nr_shared(void)
{
	struct dma_rehearsal_figures figures;

	dma_rehearse_figures(&figures);
	return figures.nr_shared;
}

/*
 * Two devices share a buffer, and the one that rehearses comes second: what the
 * other one reads and writes is not touched, and nobody is accused.
 */
static void rehearse_shared_test(struct kunit *test)
{
	struct device *other = dma_kunit_coherent_device(test, "other");
	struct device *dev = rehearsing_device(test);
	u8 *buffer = debug_buffer(test, SZ_8K);
	u32 count = dma_debug_error_count;
	unsigned long before = nr_shared();
	dma_addr_t one, two;

	memset(buffer, 0x11, SIZE);
	one = debug_map(test, other, buffer, SIZE, DMA_BIDIRECTIONAL);
	/* The last byte of the one is the first of the other. */
	two = debug_map(test, dev, buffer + SIZE - 1, 100, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, two, virt_to_phys(buffer + SIZE - 1));
	KUNIT_EXPECT_EQ(test, nr_shared(), before + 1);
	KUNIT_EXPECT_TRUE(test, is_filled(debug_seen(other, one), 0x11, SIZE));
	debug_seen(other, one)[SIZE - 1] = 0x22;
	dma_unmap_single(dev, two, 100, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, buffer[SIZE - 1], 0x22);
	dma_unmap_single(other, one, SIZE, DMA_BIDIRECTIONAL);

	/* With itself, too; and when the other one is gone, it has a shadow. */
	one = debug_map(test, dev, buffer, SIZE, DMA_FROM_DEVICE);
	KUNIT_EXPECT_NE(test, one, virt_to_phys(buffer));
	KUNIT_EXPECT_EQ(test, nr_shared(), before + 1);
	dma_unmap_single(dev, one, SIZE, DMA_FROM_DEVICE);

	/* What both only read they may share. */
	one = debug_map(test, other, buffer, SIZE, DMA_TO_DEVICE);
	two = debug_map(test, dev, buffer, SIZE, DMA_TO_DEVICE);
	KUNIT_EXPECT_NE(test, two, virt_to_phys(buffer));
	dma_unmap_single(dev, two, SIZE, DMA_TO_DEVICE);
	dma_unmap_single(other, one, SIZE, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, nr_shared(), before + 1);
	KUNIT_EXPECT_EQ(test, nr_live(), 0);
	KUNIT_EXPECT_EQ(test, dma_debug_error_count, count);
}

/* What the rehearsing device mapped first is given back to all who come. */
static void rehearse_joined_test(struct kunit *test)
{
	struct device *other = dma_kunit_coherent_device(test, "other");
	struct device *dev = rehearsing_device(test);
	u8 *buffer = debug_buffer(test, SZ_8K);
	u32 count = dma_debug_error_count;
	unsigned long before = nr_shared();
	dma_addr_t one, two;

	memset(buffer, 0x11, SIZE);
	one = debug_map(test, dev, buffer, SIZE, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_TRUE(test, is_filled(buffer, POISON, SIZE));
	debug_seen(dev, one)[7] = 0x22;
	two = debug_map(test, other, buffer, SIZE, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_EQ(test, nr_shared(), before + 1);
	KUNIT_EXPECT_TRUE(test, is_filled(buffer, 0x11, 7));
	KUNIT_EXPECT_EQ(test, buffer[7], 0x22);
	KUNIT_EXPECT_TRUE(test, is_filled(buffer + 8, 0x11, SIZE - 8));

	/* Each device's own bytes are what it has written, whoever syncs. */
	memset(debug_seen(other, two) + 1000, 0x33, 1000);
	memset(debug_seen(dev, one) + 3000, 0x44, 1000);
	dma_sync_single_for_cpu(dev, one, SIZE, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_TRUE(test, is_filled(buffer + 1000, 0x33, 1000));
	KUNIT_EXPECT_TRUE(test, is_filled(buffer + 3000, 0x44, 1000));
	dma_sync_single_for_device(dev, one, SIZE, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_TRUE(test, is_filled(debug_seen(dev, one) + 1000, 0x33,
					  1000));
	KUNIT_EXPECT_TRUE(test, is_filled(buffer + 1000, 0x33, 1000));
	memset(debug_seen(other, two), 0x55, 100);
	memset(debug_seen(dev, one) + 100, 0x66, 100);
	dma_unmap_single(dev, one, SIZE, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_TRUE(test, is_filled(buffer, 0x55, 100));
	KUNIT_EXPECT_TRUE(test, is_filled(buffer + 100, 0x66, 100));
	dma_unmap_single(other, two, SIZE, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_EQ(test, nr_live(), 0);
	KUNIT_EXPECT_EQ(test, dma_debug_error_count, count);
}

/* Others' mappings that were there before anybody was chosen count as well. */
static void rehearse_shared_before_test(struct kunit *test)
{
	struct device *other = dma_kunit_coherent_device(test, "other");
	u8 *buffer = debug_buffer(test, SZ_16K);
	struct scatterlist sgl[2];
	struct device *dev;
	dma_addr_t one;

	sg_init_table(sgl, 2);
	sg_set_buf(&sgl[0], buffer, SZ_4K);
	sg_set_buf(&sgl[1], buffer + SZ_8K, SZ_4K);
	KUNIT_ASSERT_EQ(test, 2, dma_map_sg(other, sgl, 2, DMA_FROM_DEVICE));
	dev = rehearsing_device(test);
	one = debug_map(test, dev, buffer + SZ_8K, SZ_8K, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, one, virt_to_phys(buffer + SZ_8K));
	dma_unmap_single(dev, one, SZ_8K, DMA_FROM_DEVICE);
	dma_unmap_sg(other, sgl, 2, DMA_FROM_DEVICE);

	/* One that nobody has noted: others may have chosen before this test. */
	dma_debug_map_page(other, virt_to_page(buffer), 0, SZ_4K,
			   DMA_FROM_DEVICE, virt_to_phys(buffer), 0);
	debug_dma_mapping_error(other, virt_to_phys(buffer));
	dma_rehearse_note_all();
	one = debug_map(test, dev, buffer, SZ_8K, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, one, virt_to_phys(buffer));
	dma_unmap_single(dev, one, SZ_8K, DMA_FROM_DEVICE);
	dma_unmap_single(other, virt_to_phys(buffer), SZ_4K, DMA_FROM_DEVICE);
	one = debug_map(test, dev, buffer, SZ_8K, DMA_FROM_DEVICE);
	KUNIT_EXPECT_NE(test, one, virt_to_phys(buffer));
	dma_unmap_single(dev, one, SZ_8K, DMA_FROM_DEVICE);

	one = debug_map(test, dev, buffer + SZ_8K, SZ_8K, DMA_FROM_DEVICE);
	KUNIT_EXPECT_NE(test, one, virt_to_phys(buffer + SZ_8K));
	dma_unmap_single(dev, one, SZ_8K, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, nr_live(), 0);
}

/* So does memory that is consistent, and handed on to the other device. */
static void rehearse_shared_consistent_test(struct kunit *test)
{
	struct device *other = dma_kunit_coherent_device(test, "other");
	struct device *dev = rehearsing_device(test);
	dma_addr_t dma_addr, one;
	struct page *page;
	void *cpu_addr;

	cpu_addr = dma_alloc_coherent(other, SZ_16K, &dma_addr, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	page = is_vmalloc_addr(cpu_addr) ? vmalloc_to_page(cpu_addr + SZ_8K) :
					   virt_to_page(cpu_addr + SZ_8K);
	one = dma_map_page(dev, page, 0, SZ_4K, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_EQ(test, 0, dma_mapping_error(dev, one));
	KUNIT_EXPECT_EQ(test, one, page_to_phys(page));
	dma_unmap_page(dev, one, SZ_4K, DMA_BIDIRECTIONAL);
	dma_free_coherent(other, SZ_16K, cpu_addr, dma_addr);

	page = dma_alloc_pages(other, SZ_8K, &dma_addr, DMA_FROM_DEVICE,
			       GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, page);
	one = dma_map_page(dev, page, 0, SZ_4K, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, 0, dma_mapping_error(dev, one));
	KUNIT_EXPECT_EQ(test, one, page_to_phys(page));
	dma_unmap_page(dev, one, SZ_4K, DMA_FROM_DEVICE);
	dma_free_pages(other, SZ_8K, page, dma_addr, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, nr_live(), 0);
}

/* Who needs no copy at the end does not keep the poison. */
static void rehearse_skip_unmap_test(struct kunit *test)
{
	struct device *dev = rehearsing_device(test);
	u8 *buffer = debug_buffer(test, SZ_8K);
	dma_addr_t dma_addr;

	memset(buffer, 0x11, SIZE);
	dma_addr = debug_map(test, dev, buffer, SIZE, DMA_FROM_DEVICE);
	memset(debug_seen(dev, dma_addr), 0x22, 1000);
	dma_sync_single_for_cpu(dev, dma_addr, 100, DMA_FROM_DEVICE);
	memset(buffer, 0x33, 50);
	DEBUG_EXPECT_SILENCE(test,
			     dma_unmap_single_attrs(dev, dma_addr, SIZE,
						    DMA_FROM_DEVICE,
						    DMA_ATTR_SKIP_CPU_SYNC));
	/* The CPU's own, what the device wrote, and what it did not */
	KUNIT_EXPECT_TRUE(test, is_filled(buffer, 0x33, 50));
	KUNIT_EXPECT_TRUE(test, is_filled(buffer + 50, 0x22, 950));
	KUNIT_EXPECT_TRUE(test, is_filled(buffer + 1000, 0x11, SIZE - 1000));
}

struct writer {
	u8 *buffer;
	bool is_called;
};

/* Stands for a CPU that writes to what is being sent, while it is mapped. */
static dma_addr_t write_and_refuse(struct device *dev, struct page *page,
				   unsigned long offset, size_t size,
				   enum dma_data_direction dir,
				   unsigned long attrs)
{
	struct writer *writer = dev_get_drvdata(dev);

	writer->is_called = true;
	writer->buffer[77] = 0x99;
	return DMA_MAPPING_ERROR;
}

static const struct dma_map_ops refusing_ops = {
	.map_page = write_and_refuse,
};

/* A map that fails takes back what it did to the buffer, and no more. */
static void rehearse_failed_send_test(struct kunit *test)
{
	struct device *dev = dma_kunit_device(test, "rehearsing",
			&(struct dma_kunit_shape) {
				.ops = &refusing_ops,
			});
	u8 *buffer = debug_buffer(test, SZ_8K);
	struct writer writer = { .buffer = buffer };

	dev_set_drvdata(dev, &writer);
	dma_rehearse_choose("rehearsing");
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, choose_none,
							   NULL));
	for (int dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++) {
		memset(buffer, 0x11, SIZE);
		writer.is_called = false;
		KUNIT_EXPECT_EQ(test, DMA_MAPPING_ERROR,
				dma_map_single(dev, buffer, SIZE, dir));
		KUNIT_EXPECT_TRUE(test, writer.is_called);
		KUNIT_EXPECT_EQ(test, buffer[77], 0x99);
		KUNIT_EXPECT_TRUE(test, is_filled(buffer + 78, 0x11, SIZE - 78));
	}
	KUNIT_EXPECT_EQ(test, nr_live(), 0);
}

/* Without memory for a shadow, a mapping is made as usual, and counted. */
static void rehearse_no_memory_test(struct kunit *test)
{
	struct device *dev = rehearsing_device(test);
	u8 *buffer = debug_buffer(test, SZ_8K);
	struct dma_rehearsal_figures before, after;
	dma_addr_t dma_addr;
	bool has_failed;

	if (!IS_ENABLED(CONFIG_FAILSLAB))
		kunit_skip(test, "CONFIG_FAILSLAB is off");
	dma_rehearse_figures(&before);
	dma_kunit_fail_nth(1);
	dma_addr = dma_map_single(dev, buffer, SIZE, DMA_TO_DEVICE);
	has_failed = !dma_kunit_fail_nth(0);
	KUNIT_ASSERT_EQ(test, 0, dma_mapping_error(dev, dma_addr));
	dma_rehearse_figures(&after);
	KUNIT_EXPECT_TRUE(test, has_failed);
	KUNIT_EXPECT_EQ(test, after.nr_refused, before.nr_refused + 1);
	KUNIT_EXPECT_EQ(test, dma_addr, virt_to_phys(buffer));
	DEBUG_EXPECT_SILENCE(test, dma_unmap_single(dev, dma_addr, SIZE,
						    DMA_TO_DEVICE));
}

/* While one device rehearses, others map what has no struct pages. */
static void rehearse_bare_list_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "importer");
	unsigned long pfn = dma_kunit_bare_pfn(test);
	struct sg_table sgt;

	rehearsing_device(test);
	KUNIT_ASSERT_EQ(test, 0, dma_user_sgtable(&sgt, pfn, SZ_64K));
	DEBUG_EXPECT_SILENCE(test,
			     KUNIT_EXPECT_EQ(test, 0,
					     dma_map_sgtable(dev, &sgt,
							     DMA_BIDIRECTIONAL,
							     DMA_ATTR_SKIP_CPU_SYNC)));
	KUNIT_EXPECT_EQ(test, sg_dma_address(sgt.sgl), PFN_PHYS(pfn));
	dma_unmap_sgtable(dev, &sgt, DMA_BIDIRECTIONAL, DMA_ATTR_SKIP_CPU_SYNC);
	KUNIT_EXPECT_EQ(test, nr_live(), 0);
	sg_free_table(&sgt);
}

static struct kunit_case dma_debug_rehearse_cases[] = {
	KUNIT_CASE(rehearse_right_test),
	KUNIT_CASE(rehearse_send_test),
	KUNIT_CASE(rehearse_no_sync_for_cpu_test),
	KUNIT_CASE(rehearse_no_sync_for_device_test),
	KUNIT_CASE(rehearse_cpu_write_test),
	KUNIT_CASE(rehearse_partial_test),
	KUNIT_CASE(rehearse_skip_sync_test),
	KUNIT_CASE(rehearse_device_write_test),
	KUNIT_CASE(rehearse_sg_test),
	KUNIT_CASE(rehearse_short_sg_test),
	KUNIT_CASE(rehearse_others_test),
	KUNIT_CASE(rehearse_refused_test),
	KUNIT_CASE(rehearse_shared_test),
	KUNIT_CASE(rehearse_joined_test),
	KUNIT_CASE(rehearse_shared_before_test),
	KUNIT_CASE(rehearse_shared_consistent_test),
	KUNIT_CASE(rehearse_skip_unmap_test),
	KUNIT_CASE(rehearse_failed_send_test),
	KUNIT_CASE(rehearse_no_memory_test),
	KUNIT_CASE(rehearse_bare_list_test),
	{}
};

static struct kunit_suite dma_debug_rehearse_suite = {
	.name = "dma_debug_rehearse",
	.suite_init = debug_suite_init,
	.test_cases = dma_debug_rehearse_cases,
};

kunit_test_suite(dma_debug_rehearse_suite);

MODULE_DESCRIPTION("KUnit tests of dma-debug's rehearsal of a device without coherence");
MODULE_LICENSE("GPL");
