// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of who chooses shadow mode: iommu.shadow= for all devices, and
 * /sys/kernel/debug/dma/shadow for one.
 *
 * What can't be done has to say so in one line that names the culprit, and to
 * leave everything as it was.
 */

#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/init.h>
#include <linux/platform_device.h>
#include <linux/sizes.h>

#include "iommu_shadow.h"
#include "log.h"
#include "pools.h"

#define DEVICE	"dma-kunit-switched"

/* The switch of one device */

static void remove_device(void *pdev)
{
	platform_device_unregister(pdev);
}

/* A device that debugfs finds; no driver is looked for its name */
static struct device *bus_device(struct kunit *test)
{
	struct platform_device *pdev =
		platform_device_register_simple(DEVICE, PLATFORM_DEVID_NONE,
						NULL, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pdev);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, remove_device,
							   pdev));
	dma_kunit_set_coherent(&pdev->dev, true);
	return &pdev->dev;
}

static struct device *switched_device(struct kunit *test,
				      unsigned int domain_type)
{
	struct mock_iommu *iommu = mock_iommu_create(test,
			&(struct mock_iommu_shape) {
				.domain_type = domain_type,
			});
	struct device *dev = bus_device(test);

	KUNIT_ASSERT_EQ(test, 0, mock_iommu_join(iommu, dev));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, leave, dev));
	return dev;
}

/* Write @text; what comes back must be @wanted, and all of it for 0. */
static void write_switch(struct kunit *test, const char *text, int wanted)
{
	ssize_t ret = dma_pools_debugfs_write(test, "dma/shadow", text);

	KUNIT_EXPECT_EQ_MSG(test, ret, wanted ?: strlen(text), "'%s'", text);
}

static void switch_test(struct kunit *test)
{
	struct device *dev = switched_device(test, 0);
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);

	check_mapped(test, dev, buffer, 64, 0);
	write_switch(test, DEVICE " 1", 0);
	check_shadowed(test, dev, buffer, 64);
	write_switch(test, DEVICE " 1\n", 0);
	check_shadowed(test, dev, buffer, 64);
	write_switch(test, DEVICE " 0\n", 0);
	check_mapped(test, dev, buffer, 64, 0);
	write_switch(test, "  " DEVICE "   1 \t", 0);
	check_shadowed(test, dev, buffer, 64);
	write_switch(test, DEVICE " 0", 0);
	check_gone(test, dev);
	dma_kunit_leave_mm();
}

/* What comes of what is no order: one line that shows it */
static void switch_bad_text_test(struct kunit *test)
{
	static const char * const bad[] = {
		DEVICE,
		DEVICE " 2",
		DEVICE " -1",
		DEVICE " on",
		DEVICE " 1 1",
		DEVICE " 1x",
		"1",
		" ",
	};
	struct device *dev = switched_device(test, 0);
	u8 *buffer = mock_iommu_buffer(test, SZ_4K);
	char expected[80];

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		dma_kunit_log_mark();
		write_switch(test, bad[i], -EINVAL);
		snprintf(expected, sizeof(expected),
			 "dma: shadow: '%s': expected \"DEVICE 0\"",
			 i == ARRAY_SIZE(bad) - 1 ? "" : bad[i]);
		KUNIT_EXPECT_EQ_MSG(test, dma_kunit_log_count(expected), 1,
				    "'%s'", bad[i]);
		KUNIT_EXPECT_EQ(test, dma_kunit_log_count("dma: shadow:"), 1);
	}
	check_mapped(test, dev, buffer, 64, 0);
	dma_kunit_leave_mm();
}

/* Longer than any device's name is, with an order at its end */
static void switch_long_text_test(struct kunit *test)
{
	char *text = kunit_kzalloc(test, SZ_1K, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, text);
	memset(text, 'x', 200);
	strscpy(text + 200, " 1", 4);
	dma_kunit_log_mark();
	write_switch(test, text, -EINVAL);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("dma: shadow: 202 characters: expected"),
			1);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("dma: shadow:"), 1);
	dma_kunit_leave_mm();
}

static void switch_nobody_test(struct kunit *test)
{
	dma_kunit_log_mark();
	write_switch(test, "dma-kunit-nobody 1", -ENODEV);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("dma: shadow: dma-kunit-nobody: no such"),
			1);
	dma_kunit_leave_mm();
}

/* The device is there, but its small buffers can't be copied. */
static void check_impossible(struct kunit *test, int err, const char *why)
{
	char expected[120];

	snprintf(expected, sizeof(expected),
		 DEVICE ": no shadow pages for it: %s", why);
	dma_kunit_log_mark();
	write_switch(test, DEVICE " 1", err);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count(expected), 1);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("shadow"), 1);
}

static void switch_direct_test(struct kunit *test)
{
	bus_device(test);
	check_impossible(test, -ENODEV, "its DMA goes through no IOMMU");
	dma_kunit_leave_mm();
}

static void switch_lazy_test(struct kunit *test)
{
	struct device *dev = switched_device(test, IOMMU_DOMAIN_DMA_FQ);

	check_impossible(test, -EOPNOTSUPP, "its IOMMU domain is lazy");
	KUNIT_EXPECT_NULL(test, shadow_of(dev));
	/* Off it is already. */
	write_switch(test, DEVICE " 0", 0);
	dma_kunit_leave_mm();
}

/* No address is left that slots could have. */
static void switch_no_room_test(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu_create(test,
			&(struct mock_iommu_shape) {
				.aperture_start = SZ_1M,
				.aperture_last = SZ_1M + SZ_64K - 1,
			});
	struct device *dev = bus_device(test);

	KUNIT_ASSERT_EQ(test, 0, mock_iommu_join(iommu, dev));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, leave, dev));
	check_impossible(test, -ENOMEM, "no memory");
	KUNIT_EXPECT_NULL(test, shadow_of(dev));
	check_mapped(test, dev, mock_iommu_buffer(test, SZ_4K), 64, 0);
	dma_kunit_leave_mm();
}

static struct kunit_case iommu_shadow_switch_cases[] = {
	MOCK_IOMMU_CASE_TYPICAL(switch_test),
	MOCK_IOMMU_CASE_TYPICAL(switch_bad_text_test),
	MOCK_IOMMU_CASE_TYPICAL(switch_long_text_test),
	MOCK_IOMMU_CASE_TYPICAL(switch_nobody_test),
	MOCK_IOMMU_CASE_TYPICAL(switch_direct_test),
	MOCK_IOMMU_CASE_TYPICAL(switch_lazy_test),
	MOCK_IOMMU_CASE_TYPICAL(switch_no_room_test),
	{}
};

static struct kunit_suite iommu_shadow_switch_suite = {
	.name = "iommu_shadow_switch",
	.init = keep_slots,
	.exit = unkeep_slots,
	.test_cases = iommu_shadow_switch_cases,
};

kunit_test_suite(iommu_shadow_switch_suite);

/* The command line */

/* Parse "iommu.shadow=@value" as at boot */
static void __init give_option(const char *value)
{
	char line[64];

	snprintf(line, sizeof(line), "iommu.shadow=%s", value);
	parse_early_options(line);
}

/* The largest buffer that a new device has copied; 0: it has none copied */
static size_t __init limit_of_new(struct kunit *test)
{
	struct device *dev = plain_device(test);

	return shadow_of(dev) ? window_of(dev)->limit : 0;
}

static void __init restore_option(void)
{
	give_option(IS_ENABLED(CONFIG_DMA_IOMMU_SHADOW_DEFAULT) ? "1" : "0");
}

static void __init option_test(struct kunit *test)
{
	static const struct {
		const char *value;
		size_t limit;
	} good[] = {
		{ "1", PAGE_SIZE },
		{ "64", 64 },
		{ "256", 256 },
		{ "2K", SZ_2K },
		{ "64K", SZ_64K },
		{ "0", 0 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(good); i++) {
		dma_kunit_log_mark();
		give_option(good[i].value);
		KUNIT_EXPECT_EQ_MSG(test, limit_of_new(test), good[i].limit,
				    "iommu.shadow=%s", good[i].value);
		KUNIT_EXPECT_EQ(test, dma_kunit_log_count("iommu.shadow="), 0);
	}
	restore_option();
}

/* One line that names it and what was expected; and nothing changes. */
static void __init option_bad_test(struct kunit *test)
{
	static const char * const bad[] = {
		"", "x", "2", "63", "65537", "128K", "-1", "1x", "64 K",
		"0x",
	};
	char expected[80];

	give_option("512");
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		bool is_quoted = strchr(bad[i], ' ');
		char value[32];

		snprintf(value, sizeof(value), is_quoted ? "\"%s\"" : "%s",
			 bad[i]);
		snprintf(expected, sizeof(expected),
			 "iommu.shadow=%s: expected 0, 1 or a size", bad[i]);
		dma_kunit_log_mark();
		give_option(value);
		KUNIT_EXPECT_EQ_MSG(test, dma_kunit_log_count(expected), 1,
				    "'%s'", bad[i]);
		KUNIT_EXPECT_EQ_MSG(test, limit_of_new(test), 512, "'%s'",
				    bad[i]);
	}
	restore_option();
}

static struct kunit_case iommu_shadow_option_cases[] __refdata = {
	KUNIT_CASE(option_test),
	KUNIT_CASE(option_bad_test),
	{}
};

static struct kunit_suite iommu_shadow_option_suite __refdata = {
	.name = "iommu_shadow_option",
	.test_cases = iommu_shadow_option_cases,
};

kunit_test_init_section_suites(&iommu_shadow_option_suite);

MODULE_DESCRIPTION("KUnit tests of who chooses shadow mode");
MODULE_LICENSE("GPL");
