// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of what a device and its driver can do with a shadow page that is
 * not theirs to do: read what it is to write, write what it is to read, look at
 * what was there before, or copy more than there is.
 */

#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/preempt.h>
#include <linux/sizes.h>

#include "iommu_shadow.h"
#include "log.h"

static const enum dma_data_direction dirs[] = {
	DMA_TO_DEVICE, DMA_FROM_DEVICE, DMA_BIDIRECTIONAL,
};

static dma_addr_t map(struct kunit *test, struct device *dev, void *buffer,
		      size_t size, enum dma_data_direction dir)
{
	dma_addr_t dma_addr = dma_map_single(dev, buffer, size, dir);

	KUNIT_ASSERT_TRUE(test, is_shadow(dev, dma_addr));
	return dma_addr;
}

/* The device may do what the direction says, and that stays so for its slot. */
static void rights_test(struct kunit *test)
{
	struct place place = make_place(test, mock_iommu_param(test));
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	dma_addr_t addrs[ARRAY_SIZE(dirs)];
	u8 text[64];

	/* Each CPU has slots of its own. */
	migrate_disable();
	for (unsigned int round = 0; round < 4; round++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(dirs); i++)
			addrs[i] = map(test, place.dev, buffer, sizeof(text),
				       dirs[i]);
		for (unsigned int i = 0; i < ARRAY_SIZE(dirs); i++) {
			KUNIT_EXPECT_EQ(test, dirs[i] != DMA_FROM_DEVICE,
					mock_iommu_read(place.dev, addrs[i],
							text, sizeof(text)));
			KUNIT_EXPECT_EQ(test, dirs[i] != DMA_TO_DEVICE,
					mock_iommu_write(place.dev, addrs[i],
							 text, sizeof(text)));
		}
		for (unsigned int i = 0; i < ARRAY_SIZE(dirs); i++)
			dma_unmap_single(place.dev, addrs[i], sizeof(text),
					 dirs[i]);
		/* The same slots again: one of each kind is enough. */
		KUNIT_EXPECT_EQ(test, figures_of(place.dev).nr_slots,
				ARRAY_SIZE(dirs));
	}
	migrate_enable();
	check_gone(test, place.dev);
}

/*
 * An IOMMU may not know write-only pages: of what was in a buffer that the device
 * was to write nothing is left when it is unmapped.
 */
static void wiped_test(struct kunit *test)
{
	struct place place = make_place(test, mock_iommu_param(test));
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	dma_addr_t dma_addr;
	u8 *slot;

	for (unsigned int i = 0; i < 2; i++) {
		memset(buffer, 0x5e, SZ_4K);
		dma_addr = map(test, place.dev, buffer + 100, 1000,
			       DMA_FROM_DEVICE);
		slot = phys_to_virt(mock_iommu_phys(place.dev, dma_addr));
		KUNIT_EXPECT_TRUE(test, mock_iommu_write_fill(place.dev,
							      dma_addr, 64, 3));
		dma_unmap_single_attrs(place.dev, dma_addr, 1000,
				       DMA_FROM_DEVICE,
				       i ? DMA_ATTR_SKIP_CPU_SYNC : 0);
		KUNIT_EXPECT_NULL(test, memchr_inv(slot, 0, 1000));
		/* The CPU gets what the device wrote, and its own around it. */
		KUNIT_EXPECT_EQ(test, !i, mock_iommu_is_filled(buffer + 100, 64,
							       3));
		KUNIT_EXPECT_NULL(test, memchr_inv(buffer + 164, 0x5e, 900));
	}
	check_gone(test, place.dev);
}

/* With its driver, all that a device could still look at goes. */
static void driver_gone_test(struct kunit *test)
{
	struct place place = plain_place(test);
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	dma_addr_t addrs[30], live;

	live = map(test, place.dev, buffer, 64, DMA_TO_DEVICE);
	for (unsigned int i = 0; i < ARRAY_SIZE(addrs); i++)
		addrs[i] = map(test, place.dev, buffer, 64, dirs[i % 3]);
	for (unsigned int i = 0; i < ARRAY_SIZE(addrs); i++)
		dma_unmap_single(place.dev, addrs[i], 64, dirs[i % 3]);
	KUNIT_EXPECT_GE(test, mock_iommu_nr_mapped(place.dev), 31);

	dma_driver_gone(place.dev);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(place.dev), 1);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_stale(place.dev), 0);
	KUNIT_EXPECT_EQ(test, figures_of(place.dev).nr_used, 1);

	/* What is in use is so still; the rest comes back when it is needed. */
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(place.dev, live, buffer, 64));
	dma_unmap_single(place.dev, live, 64, DMA_TO_DEVICE);
	check_shadowed(test, place.dev, buffer, 64);
	dma_driver_gone(place.dev);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(place.dev), 0);
	check_gone(test, place.dev);
}

/* Slots are for unprivileged accesses. */
static void privileged_test(struct kunit *test)
{
	struct place place = plain_place(test);
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	dma_addr_t dma_addr;

	check_mapped(test, place.dev, buffer, 64, DMA_ATTR_PRIVILEGED);
	dma_addr = dma_map_single_attrs(place.dev, buffer, 64, DMA_TO_DEVICE,
					DMA_ATTR_PRIVILEGED);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(place.dev, dma_addr));
	KUNIT_EXPECT_TRUE(test, mock_iommu_prot(place.dev, dma_addr) &
				IOMMU_PRIV);
	dma_unmap_single_attrs(place.dev, dma_addr, 64, DMA_TO_DEVICE,
			       DMA_ATTR_PRIVILEGED);
}

/* Wrong sizes: 64 bytes are mapped, 2048 are talked about. */

static const char told[] = "expected some of the 64 bytes";

static void sync_too_much_test(struct kunit *test)
{
	struct place place = make_place(test, mock_iommu_param(test));
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	struct device *dev = place.dev;
	dma_addr_t dma_addr;
	char named[64];

	memset(buffer, 0x11, SZ_4K);
	dma_addr = map(test, dev, buffer + 256, 64, DMA_FROM_DEVICE);
	KUNIT_EXPECT_TRUE(test, mock_iommu_write_fill(dev, dma_addr, 2048, 5));
	dma_kunit_expect_warn_begin();
	dma_kunit_log_mark();
	dma_sync_single_for_cpu(dev, dma_addr, 2048, DMA_FROM_DEVICE);
	dma_sync_single_for_cpu(dev, dma_addr, 2048, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count(told), 1);
	snprintf(named, sizeof(named), "%s: 2048 bytes at", dev_name(dev));
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count(named), 1);
	KUNIT_EXPECT_TRUE(test, mock_iommu_is_filled(buffer + 256, 64, 5));
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer + 320, 0x11, SZ_4K - 320));

	/* Before its beginning, and far behind its end */
	dma_sync_single_for_cpu(dev, dma_addr - 200, 2048, DMA_FROM_DEVICE);
	dma_sync_single_for_cpu(dev, dma_addr + 2000, 64, DMA_FROM_DEVICE);
	dma_sync_single_for_cpu(dev, dma_addr + 60, 4, DMA_FROM_DEVICE);
	dma_kunit_expect_warn_end();
	KUNIT_EXPECT_TRUE(test, mock_iommu_is_filled(buffer + 256, 64, 5));
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer, 0x11, 256));
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer + 320, 0x11, SZ_4K - 320));
	dma_unmap_single(dev, dma_addr, 64, DMA_FROM_DEVICE);
	check_gone(test, dev);
}

static void sync_too_much_to_device_test(struct kunit *test)
{
	struct place place = plain_place(test);
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	struct device *dev = place.dev;
	dma_addr_t dma_addr;
	u8 seen[SZ_1K];

	memset(buffer, 0x5e, SZ_4K);
	dma_addr = map(test, dev, buffer + 256, 64, DMA_TO_DEVICE);
	dma_kunit_expect_warn_begin();
	dma_sync_single_for_device(dev, dma_addr, 2048, DMA_TO_DEVICE);
	dma_sync_single_for_device(dev, dma_addr - 128, 256, DMA_TO_DEVICE);
	dma_kunit_expect_warn_end();
	KUNIT_EXPECT_TRUE(test, mock_iommu_read(dev, dma_addr - 256, seen,
						sizeof(seen)));
	KUNIT_EXPECT_NULL(test, memchr_inv(seen, 0, 256));
	KUNIT_EXPECT_NULL(test, memchr_inv(seen + 256, 0x5e, 64));
	KUNIT_EXPECT_NULL(test, memchr_inv(seen + 320, 0, sizeof(seen) - 320));
	dma_unmap_single(dev, dma_addr, 64, DMA_TO_DEVICE);
	check_gone(test, dev);
}

/* At the end as well; and less than was mapped loses nothing. */
static void unmap_wrong_size_test(struct kunit *test)
{
	static const size_t sizes[] = { 1, 63, 65, 2048, SZ_4K };
	struct place place = plain_place(test);
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	struct device *dev = place.dev;
	dma_addr_t dma_addr;

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		memset(buffer, 0x11, SZ_4K);
		dma_addr = map(test, dev, buffer + 256, 64, DMA_BIDIRECTIONAL);
		KUNIT_EXPECT_TRUE(test, mock_iommu_write_fill(dev, dma_addr,
							      2048, i));
		dma_kunit_allow_warn(true);
		dma_unmap_single(dev, dma_addr, sizes[i], DMA_BIDIRECTIONAL);
		dma_kunit_allow_warn(false);
		KUNIT_EXPECT_TRUE_MSG(test, mock_iommu_is_filled(buffer + 256,
								 64, i),
				      "%zu bytes", sizes[i]);
		KUNIT_EXPECT_NULL(test, memchr_inv(buffer, 0x11, 256));
		KUNIT_EXPECT_NULL(test, memchr_inv(buffer + 320, 0x11,
						   SZ_4K - 320));
		check_gone(test, dev);
	}
}

/* A slot that the IOMMU does not let go of is no other buffer's. */
static void slot_lost_test(struct kunit *test)
{
	struct place place = plain_place(test);
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	dma_addr_t lost, dma_addr;

	lost = map(test, place.dev, buffer, 64, DMA_TO_DEVICE);
	dma_unmap_single(place.dev, lost, 64, DMA_TO_DEVICE);
	mock_iommu_fail_nth(place.iommu, MOCK_IOMMU_UNMAP, 1);
	dma_kunit_expect_warn_begin();
	dma_driver_gone(place.dev);
	KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
	mock_iommu_fail_nth(place.iommu, MOCK_IOMMU_UNMAP, 0);
	for (unsigned int i = 0; i < 10; i++) {
		dma_addr = map(test, place.dev, buffer, 64, dirs[i % 3]);
		KUNIT_EXPECT_NE(test, dma_addr, lost);
		dma_unmap_single(place.dev, dma_addr, 64, dirs[i % 3]);
	}
}

/* Whose group another owns, or is about to, can't be switched. */
static void switch_owned_test(struct kunit *test)
{
	struct device *dev = plain_device(test);

	KUNIT_ASSERT_EQ(test, 0, iommu_device_claim_dma_owner(dev, test));
	KUNIT_EXPECT_EQ(test, -EBUSY, dma_shadow_switch(dev, true));
	iommu_device_release_dma_owner(dev);
	KUNIT_EXPECT_EQ(test, 0, dma_shadow_switch(dev, true));
}

KUNIT_ARRAY_PARAM(way, ways, way_to_desc);
MOCK_IOMMU_PARAM(way)

static struct kunit_case iommu_shadow_rights_cases[] = {
	MOCK_IOMMU_CASE_PARAM(rights_test, way),
	MOCK_IOMMU_CASE_PARAM(wiped_test, way),
	MOCK_IOMMU_CASE(driver_gone_test),
	MOCK_IOMMU_CASE(privileged_test),
	MOCK_IOMMU_CASE_PARAM(sync_too_much_test, way),
	MOCK_IOMMU_CASE(sync_too_much_to_device_test),
	MOCK_IOMMU_CASE(unmap_wrong_size_test),
	MOCK_IOMMU_CASE(slot_lost_test),
	MOCK_IOMMU_CASE(switch_owned_test),
	{}
};

static struct kunit_suite iommu_shadow_rights_suite = {
	.name = "iommu_shadow_rights",
	.test_cases = iommu_shadow_rights_cases,
	.init = keep_slots,
	.exit = unkeep_slots,
};

kunit_test_suite(iommu_shadow_rights_suite);

MODULE_DESCRIPTION("KUnit tests of what can be done with a shadow page");
MODULE_LICENSE("GPL");
