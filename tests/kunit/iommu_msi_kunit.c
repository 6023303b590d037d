// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of message-signalled interrupts behind an IOMMU: an MSI is a
 * write to a doorbell register, which has to be mapped for the device, and the
 * message is rewritten to the address that the device knows.
 */

#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/msi.h>
#include <linux/sizes.h>

#include "../../drivers/iommu/dma-iommu.h"
#include "mock_iommu.h"

#define DOORBELL	0x8020040ULL
#define HIGH_DOORBELL	0x4f00010040ULL
#define BASE		0x8000000ULL

/* Prepare an MSI of @dev. Returns its address in the message. */
static u64 address_of(struct kunit *test, struct device *dev,
		      phys_addr_t doorbell)
{
	struct msi_desc *desc = kunit_kzalloc(test, sizeof(*desc), GFP_KERNEL);
	struct msi_msg msg = {
		.address_lo = lower_32_bits(doorbell),
		.address_hi = upper_32_bits(doorbell),
		.data = 0x5a5a,
	};

	KUNIT_ASSERT_NOT_NULL(test, desc);
	desc->dev = dev;
	KUNIT_EXPECT_EQ(test, 0, iommu_dma_prepare_msi(desc, doorbell));
	iommu_dma_compose_msi_msg(desc, &msg);
	KUNIT_EXPECT_EQ(test, msg.data, 0x5a5a);
	return (u64)msg.address_hi << 32 | msg.address_lo;
}

/* The device can ring, and that is all it can do there. */
static void check_rings(struct kunit *test, struct device *dev, u64 address,
			phys_addr_t doorbell)
{
	int prot = mock_iommu_prot(dev, address);

	KUNIT_EXPECT_EQ(test, mock_iommu_phys(dev, address), doorbell);
	KUNIT_EXPECT_NE(test, prot, -1);
	KUNIT_EXPECT_TRUE(test, prot & IOMMU_WRITE);
	KUNIT_EXPECT_TRUE(test, prot & IOMMU_MMIO);
	KUNIT_EXPECT_FALSE(test, prot & (IOMMU_READ | IOMMU_CACHE));
}

static struct mock_iommu *make_iommu(struct kunit *test)
{
	/* One of the doorbells is there. */
	mock_iommu_skip_narrow(test);
	return mock_iommu_create(test, &(struct mock_iommu_shape) {
		.keeps_msi = true,
	});
}

static struct device *plain_device(struct kunit *test)
{
	return mock_iommu_device(test, make_iommu(test), "dev",
				 &(struct dma_kunit_shape){});
}

/* Once per page, whoever asks */
static void msi_mapped_once_test(struct kunit *test)
{
	struct device *dev = plain_device(test);
	u64 first, address;

	first = address_of(test, dev, DOORBELL);
	check_rings(test, dev, first, DOORBELL);
	KUNIT_EXPECT_EQ(test, mock_iommu_counts(dev).mapped, SZ_4K);
	for (unsigned int i = 0; i < 10; i++) {
		address = address_of(test, dev, DOORBELL + i * 8);
		KUNIT_EXPECT_EQ(test, address, first + i * 8);
		check_rings(test, dev, address, DOORBELL + i * 8);
	}
	KUNIT_EXPECT_EQ(test, mock_iommu_counts(dev).mapped, SZ_4K);

	address = address_of(test, dev, HIGH_DOORBELL);
	check_rings(test, dev, address, HIGH_DOORBELL);
	check_rings(test, dev, first, DOORBELL);
	KUNIT_EXPECT_EQ(test, mock_iommu_counts(dev).mapped, SZ_8K);
}

/* The doorbell's address is not handed out for anything else. */
static void msi_keeps_address_test(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu_create(test,
			&(struct mock_iommu_shape) {
				.aperture_start = SZ_1M,
				.aperture_last = SZ_1M + SZ_64K - 1,
				.keeps_msi = true,
			});
	struct device *dev = mock_iommu_device(test, iommu, "dev",
					       &(struct dma_kunit_shape){});
	u64 address = address_of(test, dev, DOORBELL);
	dma_addr_t addrs[17];
	unsigned int nr;

	nr = mock_iommu_exhaust(test, dev, mock_iommu_buffer(test, SZ_4K),
				SZ_4K, addrs, ARRAY_SIZE(addrs));
	KUNIT_EXPECT_EQ(test, nr, 15);
	mock_iommu_unmap_all(dev, addrs, nr, SZ_4K);
	check_rings(test, dev, address, DOORBELL);
}

static void msi_mask_test(struct kunit *test)
{
	struct device *dev = mock_iommu_device(test, make_iommu(test), "dev",
					       &(struct dma_kunit_shape) {
						.mask = DMA_BIT_MASK(32),
					       });
	u64 address = address_of(test, dev, HIGH_DOORBELL);

	KUNIT_EXPECT_LE(test, address, DMA_BIT_MASK(32));
	check_rings(test, dev, address, HIGH_DOORBELL);
}

static void msi_group_test(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu_create(test,
			&(struct mock_iommu_shape) {
				.has_one_group = true,
				.keeps_msi = true,
			});
	struct device *one = mock_iommu_device(test, iommu, "one",
					       &(struct dma_kunit_shape){});
	struct device *two = mock_iommu_device(test, iommu, "two",
					       &(struct dma_kunit_shape){});

	KUNIT_EXPECT_EQ(test, address_of(test, one, DOORBELL),
			address_of(test, two, DOORBELL));
	KUNIT_EXPECT_EQ(test, mock_iommu_counts(two).mapped, SZ_4K);
}

/* The IOMMU lets MSIs through: then the address is the doorbell's own. */
static void msi_hardware_region_test(struct kunit *test)
{
	const struct mock_iommu_region regions[] = {
		{ BASE, SZ_1M, IOMMU_RESV_MSI }, {},
	};
	struct device *dev = mock_iommu_simple_device(test,
			&(struct mock_iommu_shape) {
				.regions = regions,
				.keeps_msi = true,
			});

	mock_iommu_skip_narrow(test);
	KUNIT_EXPECT_EQ(test, address_of(test, dev, DOORBELL), DOORBELL);
	KUNIT_EXPECT_EQ(test, address_of(test, dev, BASE), BASE);
	KUNIT_EXPECT_EQ(test, address_of(test, dev, BASE + SZ_1M - 4),
			BASE + SZ_1M - 4);
	KUNIT_EXPECT_EQ(test, mock_iommu_counts(dev).mapped, 0);
	/* One outside of it is mapped as usual. */
	check_rings(test, dev, address_of(test, dev, HIGH_DOORBELL),
		    HIGH_DOORBELL);
}

/* Without translation there is nothing to do. */
static void msi_untranslated_test(struct kunit *test)
{
	struct device *plain = dma_kunit_coherent_device(test, "plain");
	struct device *identity = mock_iommu_simple_device(test,
			&(struct mock_iommu_shape) {
				.domain_type = IOMMU_DOMAIN_IDENTITY,
			});

	KUNIT_EXPECT_EQ(test, address_of(test, plain, HIGH_DOORBELL),
			HIGH_DOORBELL);
	KUNIT_EXPECT_EQ(test, address_of(test, identity, HIGH_DOORBELL),
			HIGH_DOORBELL);
}

/* No memory for the page table, or no address: an error, and later it works. */
static void msi_fails_test(struct kunit *test)
{
	struct mock_iommu *iommu = make_iommu(test);
	struct device *dev = mock_iommu_device(test, iommu, "dev",
					       &(struct dma_kunit_shape){});
	struct msi_desc *desc = kunit_kzalloc(test, sizeof(*desc), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, desc);
	desc->dev = dev;
	for (unsigned int i = 0; i < 5; i++) {
		mock_iommu_fail_nth(iommu, MOCK_IOMMU_MAP, 1);
		KUNIT_EXPECT_NE(test, 0, iommu_dma_prepare_msi(desc, DOORBELL));
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), 0);
	}
	check_rings(test, dev, address_of(test, dev, DOORBELL), DOORBELL);
}

static void msi_fail_nth_test(struct kunit *test)
{
	struct mock_iommu *iommu = make_iommu(test);
	struct device *dev = mock_iommu_device(test, iommu, "dev",
					       &(struct dma_kunit_shape){});
	struct msi_desc *desc = kunit_kzalloc(test, sizeof(*desc), GFP_KERNEL);
	bool is_beyond = false;
	unsigned int nth;
	int err;

	KUNIT_ASSERT_NOT_NULL(test, desc);
	desc->dev = dev;
	/* An address that is at hand, since the search for one tries twice. */
	dma_unmap_single(dev, dma_map_single(dev, desc, sizeof(*desc),
					     DMA_TO_DEVICE),
			 sizeof(*desc), DMA_TO_DEVICE);
	if (!dma_kunit_fail_sleeping(false))
		kunit_skip(test, "needs FAILSLAB, FAIL_PAGE_ALLOC, FAULT_INJECTION_DEBUG_FS");
	for (nth = 1; nth < 50; nth++) {
		dma_kunit_fail_sleeping(true);
		dma_kunit_fail_nth(nth);
		err = iommu_dma_prepare_msi(desc, DOORBELL);
		is_beyond = dma_kunit_fail_nth(0);
		dma_kunit_fail_sleeping(false);
		if (!err)
			break;
	}
	/* At least the note of it needs memory; a search is made twice. */
	KUNIT_EXPECT_TRUE(test, nth > 1 || !is_beyond);
	KUNIT_EXPECT_EQ(test, err, 0);
	check_rings(test, dev, address_of(test, dev, DOORBELL), DOORBELL);
	KUNIT_EXPECT_EQ(test, mock_iommu_counts(dev).mapped -
			      mock_iommu_counts(dev).unmapped, SZ_4K);
}

/* A domain of a driver's own, with a window for doorbells */

struct owned {
	struct device *dev;
	struct iommu_domain *domain;
};

static void end_owned(void *data)
{
	struct owned *owned = data;

	iommu_detach_device(owned->domain, owned->dev);
	iommu_domain_free(owned->domain);
}

static struct owned *make_owned(struct kunit *test, bool has_cookie)
{
	struct owned *owned = kunit_kzalloc(test, sizeof(*owned), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, owned);
	owned->dev = plain_device(test);
	owned->domain = iommu_paging_domain_alloc(owned->dev);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, owned->domain);
	if (has_cookie)
		KUNIT_ASSERT_EQ(test, 0, iommu_get_msi_cookie(owned->domain,
							      BASE));
	KUNIT_ASSERT_EQ(test, 0, iommu_attach_device(owned->domain,
						     owned->dev));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, end_owned,
							   owned));
	return owned;
}

static void msi_window_test(struct kunit *test)
{
	struct owned *owned = make_owned(test, true);
	u64 address;

	/* One page after the other, from its base on */
	for (unsigned int i = 0; i < 5; i++) {
		phys_addr_t doorbell = HIGH_DOORBELL + i * SZ_64K;

		address = address_of(test, owned->dev, doorbell);
		KUNIT_EXPECT_EQ(test, address, BASE + i * SZ_4K + 0x40);
		check_rings(test, owned->dev, address, doorbell);
	}
	address = address_of(test, owned->dev, HIGH_DOORBELL + SZ_64K);
	KUNIT_EXPECT_EQ(test, address, BASE + SZ_4K + 0x40);
}

/* Without a window the driver looks after MSIs itself. */
static void msi_no_window_test(struct kunit *test)
{
	struct owned *owned = make_owned(test, false);

	KUNIT_EXPECT_EQ(test, address_of(test, owned->dev, DOORBELL), DOORBELL);
	KUNIT_EXPECT_EQ(test, mock_iommu_counts(owned->dev).mapped, 0);
}

static void msi_cookie_test(struct kunit *test)
{
	struct device *dev = plain_device(test);
	struct iommu_domain *domain = iommu_paging_domain_alloc(dev);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, domain);
	/* A domain of the DMA API has a cookie, and no window. */
	KUNIT_EXPECT_NE(test, 0, iommu_get_msi_cookie(iommu_get_dma_domain(dev),
						      BASE));
	KUNIT_EXPECT_EQ(test, -EEXIST,
			iommu_get_dma_cookie(iommu_get_dma_domain(dev)));

	KUNIT_EXPECT_EQ(test, 0, iommu_get_msi_cookie(domain, BASE));
	KUNIT_EXPECT_EQ(test, -EEXIST, iommu_get_msi_cookie(domain, BASE));
	KUNIT_EXPECT_EQ(test, -EEXIST, iommu_get_dma_cookie(domain));
	iommu_put_dma_cookie(domain);
	KUNIT_EXPECT_NULL(test, domain->iova_cookie);
	KUNIT_EXPECT_EQ(test, 0, iommu_get_dma_cookie(domain));
	iommu_put_dma_cookie(domain);
	KUNIT_EXPECT_NULL(test, domain->iova_cookie);
	/* None is there: nothing happens. */
	iommu_put_dma_cookie(domain);
	iommu_domain_free(domain);
}

static struct kunit_case iommu_msi_cases[] = {
	MOCK_IOMMU_CASE_TYPICAL(msi_mapped_once_test),
	MOCK_IOMMU_CASE_TYPICAL(msi_keeps_address_test),
	MOCK_IOMMU_CASE_TYPICAL(msi_mask_test),
	MOCK_IOMMU_CASE_TYPICAL(msi_group_test),
	MOCK_IOMMU_CASE_TYPICAL(msi_hardware_region_test),
	MOCK_IOMMU_CASE_TYPICAL(msi_untranslated_test),
	MOCK_IOMMU_CASE_TYPICAL(msi_fails_test),
	MOCK_IOMMU_CASE_TYPICAL(msi_fail_nth_test),
	MOCK_IOMMU_CASE_TYPICAL(msi_window_test),
	MOCK_IOMMU_CASE_TYPICAL(msi_no_window_test),
	MOCK_IOMMU_CASE_TYPICAL(msi_cookie_test),
	{}
};

static struct kunit_suite iommu_msi_suite = {
	.name = "iommu_msi",
	.test_cases = iommu_msi_cases,
};

kunit_test_suite(iommu_msi_suite);

MODULE_DESCRIPTION("KUnit tests of MSIs behind an IOMMU");
MODULE_LICENSE("GPL");
