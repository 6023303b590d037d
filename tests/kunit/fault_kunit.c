// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of fault injection: calls that fail by number and by chance, for
 * the devices and drivers that were meant and for no others, and take nothing.
 *
 * The files in debugfs are written and read as a person does it, from a page of
 * user space, so that what they refuse is seen as well.
 */

#include <kunit/device.h>
#include <kunit/test.h>
#include <linux/dma-fault.h>
#include <linux/dma-mapping.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "../../kernel/dma/ledger.h"
#include "files.h"
#include "log.h"
#include "mock.h"

/* No RAM, on any machine that runs this. */
#define REGISTERS	((phys_addr_t)0xfee00000)

struct fault_test {
	struct device *dev;
	struct device *other;
	struct dma_kunit_files files;
	void *buffer;
};

/* Entry points: each makes one call, undoes it, and tells whether it worked. */

static bool try_page(struct device *dev, void *buffer)
{
	dma_addr_t addr = dma_map_single(dev, buffer, PAGE_SIZE, DMA_TO_DEVICE);

	if (dma_mapping_error(dev, addr))
		return false;
	dma_unmap_single(dev, addr, PAGE_SIZE, DMA_TO_DEVICE);
	return true;
}

static bool try_list(struct device *dev, void *buffer)
{
	struct scatterlist sg;

	sg_init_one(&sg, buffer, PAGE_SIZE);
	if (!dma_map_sg(dev, &sg, 1, DMA_TO_DEVICE))
		return false;
	dma_unmap_sg(dev, &sg, 1, DMA_TO_DEVICE);
	return true;
}

static bool try_table(struct device *dev, void *buffer)
{
	struct sg_table sgt;
	int err;

	if (sg_alloc_table(&sgt, 1, GFP_KERNEL))
		return false;
	sg_set_buf(sgt.sgl, buffer, PAGE_SIZE);
	err = dma_map_sgtable(dev, &sgt, DMA_TO_DEVICE, 0);
	if (!err)
		dma_unmap_sgtable(dev, &sgt, DMA_TO_DEVICE, 0);
	sg_free_table(&sgt);
	return err != -ENOMEM;
}

static bool try_registers(struct device *dev, void *buffer)
{
	dma_addr_t addr = dma_map_resource(dev, REGISTERS, PAGE_SIZE,
					   DMA_TO_DEVICE, 0);

	if (dma_mapping_error(dev, addr))
		return false;
	dma_unmap_resource(dev, addr, PAGE_SIZE, DMA_TO_DEVICE, 0);
	return true;
}

static bool try_coherent(struct device *dev, void *buffer)
{
	dma_addr_t addr = 1;
	void *cpu_addr = dma_alloc_coherent(dev, PAGE_SIZE, &addr, GFP_KERNEL);

	if (!cpu_addr)
		return addr;	/* has to be 0 */
	dma_free_coherent(dev, PAGE_SIZE, cpu_addr, addr);
	return true;
}

static bool try_pages(struct device *dev, void *buffer)
{
	dma_addr_t addr = 1;
	struct page *page = dma_alloc_pages(dev, PAGE_SIZE, &addr,
					    DMA_TO_DEVICE, GFP_KERNEL);

	if (!page)
		return addr;
	dma_free_pages(dev, PAGE_SIZE, page, addr, DMA_TO_DEVICE);
	return true;
}

static bool try_noncontiguous(struct device *dev, void *buffer)
{
	struct sg_table *sgt = dma_alloc_noncontiguous(dev, PAGE_SIZE,
						       DMA_TO_DEVICE,
						       GFP_KERNEL, 0);

	if (!sgt)
		return false;
	dma_free_noncontiguous(dev, PAGE_SIZE, sgt, DMA_TO_DEVICE);
	return true;
}

struct entry {
	const char *name;
	bool (*try)(struct device *dev, void *buffer);
	unsigned int kind;
};

static const struct entry entries[] = {
	{ "dma_map_page", try_page, DMA_FAULT_MAP },
	{ "dma_map_sg", try_list, DMA_FAULT_MAP },
	{ "dma_map_sgtable", try_table, DMA_FAULT_MAP },
	{ "dma_map_resource", try_registers, DMA_FAULT_MAP },
	{ "dma_alloc_coherent", try_coherent, DMA_FAULT_ALLOC },
	{ "dma_alloc_pages", try_pages, DMA_FAULT_ALLOC },
	{ "dma_alloc_noncontiguous", try_noncontiguous, DMA_FAULT_ALLOC },
};

KUNIT_ARRAY_PARAM_DESC(entries, entries, name);

static void fault_entry_test(struct kunit *test)
{
	const struct entry *entry = test->param_value;
	struct fault_test *ft = test->priv;

	KUNIT_ASSERT_TRUE(test, entry->try(ft->dev, ft->buffer));

	KUNIT_ASSERT_EQ(test, 0, dma_fault_arm(ft->dev, entry->kind, 2));
	KUNIT_EXPECT_TRUE(test, entry->try(ft->dev, ft->buffer));
	KUNIT_EXPECT_TRUE(test, entry->try(ft->other, ft->buffer));
	KUNIT_EXPECT_FALSE(test, entry->try(ft->dev, ft->buffer));
	KUNIT_EXPECT_TRUE(test, entry->try(ft->dev, ft->buffer));
	KUNIT_EXPECT_EQ(test, 0, dma_fault_disarm());
	KUNIT_EXPECT_EQ(test, dma_ledger_count(ft->dev), 0);

	/* It is of no other kind. */
	KUNIT_ASSERT_EQ(test, 0, dma_fault_arm(ft->dev,
					       DMA_FAULT_ALL & ~entry->kind, 1));
	KUNIT_EXPECT_TRUE(test, entry->try(ft->dev, ft->buffer));
	KUNIT_EXPECT_EQ(test, 1, dma_fault_disarm());
}

/* A list that is shorter than the driver says is refused by the route. */
static void fault_short_list_test(struct kunit *test)
{
	struct fault_test *ft = test->priv;
	struct scatterlist sgl[2];

	sg_init_table(sgl, 2);
	sg_set_buf(&sgl[0], ft->buffer, 512);
	sg_set_buf(&sgl[1], ft->buffer + SZ_1K, 512);
	KUNIT_ASSERT_EQ(test, 0, dma_fault_arm(ft->dev, DMA_FAULT_MAP, 2));
	KUNIT_EXPECT_EQ(test, 0, dma_map_sg(ft->dev, sgl, 3, DMA_TO_DEVICE));
	KUNIT_EXPECT_EQ(test, 1, dma_fault_disarm());
}

/* Where nothing may sleep: the call is made in hard-irq context. */
static void map_in_irq(void *data)
{
	struct fault_test *ft = data;

	WRITE_ONCE(ft->buffer, try_page(ft->dev, ft->buffer) ? ft->buffer : NULL);
}

static void fault_hardirq_test(struct kunit *test)
{
	struct fault_test *ft = test->priv;

	KUNIT_ASSERT_EQ(test, 0, dma_fault_arm(ft->dev, DMA_FAULT_ALL, 1));
	KUNIT_EXPECT_TRUE(test, dma_kunit_in_hardirq(map_in_irq, ft));
	KUNIT_EXPECT_EQ(test, 0, dma_fault_disarm());
	KUNIT_EXPECT_NULL(test, ft->buffer);
}

static void fault_arm_refused_test(struct kunit *test)
{
	struct fault_test *ft = test->priv;

	dma_kunit_log_mark();
	KUNIT_EXPECT_EQ(test, -EINVAL, dma_fault_arm(ft->dev, 0, 1));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			dma_fault_arm(ft->dev, DMA_FAULT_ALL + 1, 1));
	KUNIT_EXPECT_EQ(test, 2, dma_kunit_log_count("expected some of 0x3"));
	KUNIT_EXPECT_EQ(test, -EINVAL, dma_fault_arm(ft->dev, DMA_FAULT_ALL, 0));
	KUNIT_EXPECT_EQ(test, 1, dma_kunit_log_count("call 0: expected 1 to"));
	KUNIT_EXPECT_EQ(test, 0, dma_fault_disarm());

	KUNIT_ASSERT_EQ(test, 0, dma_fault_arm(ft->dev, DMA_FAULT_MAP, 7));
	KUNIT_EXPECT_EQ(test, -EBUSY, dma_fault_arm(ft->other, DMA_FAULT_MAP, 1));
	KUNIT_EXPECT_EQ(test, 1, dma_kunit_log_count("is still armed"));
	KUNIT_EXPECT_EQ(test, 7, dma_fault_disarm());
}

/* What a little driver does when it starts. */
struct driver_state {
	void *ring, *area;
	dma_addr_t ring_addr, area_addr, buffer_addr;
	struct scatterlist sg[2];
};

static int driver_start(struct device *dev, void *buffer,
			struct driver_state *state)
{
	state->ring = dma_alloc_coherent(dev, SZ_4K, &state->ring_addr,
					 GFP_KERNEL);
	if (!state->ring)
		return -ENOMEM;
	state->buffer_addr = dma_map_single(dev, buffer, SZ_1K, DMA_TO_DEVICE);
	if (dma_mapping_error(dev, state->buffer_addr))
		goto free_ring;
	state->area = dma_alloc_coherent(dev, SZ_64K, &state->area_addr,
					 GFP_KERNEL);
	if (!state->area)
		goto unmap_buffer;
	sg_init_table(state->sg, 2);
	sg_set_buf(&state->sg[0], buffer + SZ_2K, 512);
	sg_set_buf(&state->sg[1], buffer + SZ_2K + SZ_1K, 512);
	if (!dma_map_sg(dev, state->sg, 2, DMA_FROM_DEVICE))
		goto free_area;
	return 0;

free_area:
	dma_free_coherent(dev, SZ_64K, state->area, state->area_addr);
unmap_buffer:
	dma_unmap_single(dev, state->buffer_addr, SZ_1K, DMA_TO_DEVICE);
free_ring:
	dma_free_coherent(dev, SZ_4K, state->ring, state->ring_addr);
	return -ENOMEM;
}

static void driver_stop(struct device *dev, struct driver_state *state)
{
	dma_unmap_sg(dev, state->sg, 2, DMA_FROM_DEVICE);
	dma_free_coherent(dev, SZ_64K, state->area, state->area_addr);
	dma_unmap_single(dev, state->buffer_addr, SZ_1K, DMA_TO_DEVICE);
	dma_free_coherent(dev, SZ_4K, state->ring, state->ring_addr);
}

static void fault_sweep_test(struct kunit *test)
{
	struct fault_test *ft = test->priv;
	struct driver_state state;
	unsigned int nth, nr_left;
	int err;

	for (nth = 1; nth < 10; nth++) {
		KUNIT_ASSERT_EQ(test, 0, dma_fault_arm(ft->dev, DMA_FAULT_ALL, nth));
		err = driver_start(ft->dev, ft->buffer, &state);
		nr_left = dma_fault_disarm();
		if (nr_left)
			break;
		KUNIT_ASSERT_EQ(test, -ENOMEM, err);
		KUNIT_EXPECT_EQ_MSG(test, dma_ledger_count(ft->dev), 0,
				    "after call %u had failed", nth);
	}
	KUNIT_EXPECT_EQ(test, nth, 5);	/* it makes four calls */
	KUNIT_EXPECT_EQ(test, nr_left, 1);
	KUNIT_ASSERT_EQ(test, 0, err);
	KUNIT_EXPECT_EQ(test, dma_ledger_count(ft->dev), 2);
	driver_stop(ft->dev, &state);
}

/* Files in debugfs */

/* Write @text.  Returns 0 or the error. */
static int put(struct kunit *test, const char *name, const char *text)
{
	struct fault_test *ft = test->priv;
	char path[64];
	ssize_t done;

	snprintf(path, sizeof(path), "fail_dma/%s", name);
	done = dma_kunit_file_write(&ft->files, path, text);
	return done == strlen(text) ? 0 : done;
}

/* The text of a file, which holds until the next call. */
static const char *get(struct kunit *test, const char *name)
{
	struct fault_test *ft = test->priv;
	static char text[128];
	char path[64];

	snprintf(path, sizeof(path), "fail_dma/%s", name);
	KUNIT_ASSERT_GE_MSG(test, dma_kunit_file_read(&ft->files, path, text,
						      sizeof(text)),
			    0, "%s", path);
	return strim(text);
}

static int get_number(struct kunit *test, const char *name)
{
	int value;

	KUNIT_ASSERT_EQ(test, 0, kstrtoint(get(test, name), 10, &value));
	return value;
}

static void use_files(struct kunit *test)
{
	struct fault_test *ft = test->priv;

	dma_kunit_files_open(test, &ft->files);

	/* A stack in the log would count as a bug. */
	KUNIT_ASSERT_EQ(test, 0, put(test, "verbose", "1"));
	KUNIT_ASSERT_EQ(test, 0, put(test, "times", "-1"));
	KUNIT_ASSERT_EQ(test, 0, put(test, "device", dev_name(ft->dev)));
}

static void fault_probability_test(struct kunit *test)
{
	struct fault_test *ft = test->priv;
	int nr_injected, i;

	use_files(test);
	nr_injected = get_number(test, "injected");
	KUNIT_ASSERT_EQ(test, 0, put(test, "probability", "100"));
	KUNIT_EXPECT_TRUE(test, try_page(ft->dev, ft->buffer));

	KUNIT_ASSERT_EQ(test, 0, put(test, "map", "1"));
	for (i = 0; i < 10; i++) {
		KUNIT_EXPECT_FALSE(test, try_page(ft->dev, ft->buffer));
		KUNIT_EXPECT_TRUE(test, try_coherent(ft->dev, ft->buffer));
		KUNIT_EXPECT_TRUE(test, try_page(ft->other, ft->buffer));
	}
	KUNIT_EXPECT_EQ(test, get_number(test, "injected"), nr_injected + 10);

	KUNIT_ASSERT_EQ(test, 0, put(test, "map", "0"));
	KUNIT_ASSERT_EQ(test, 0, put(test, "alloc", "1"));
	KUNIT_EXPECT_TRUE(test, try_page(ft->dev, ft->buffer));
	KUNIT_EXPECT_FALSE(test, try_coherent(ft->dev, ft->buffer));

	KUNIT_ASSERT_EQ(test, 0, put(test, "probability", "0"));
	for (i = 0; i < 10; i++)
		KUNIT_EXPECT_TRUE(test, try_coherent(ft->dev, ft->buffer));
	KUNIT_EXPECT_EQ(test, get_number(test, "injected"), nr_injected + 11);
	dma_kunit_leave_mm();
}

static void fault_nth_file_test(struct kunit *test)
{
	struct fault_test *ft = test->priv;

	use_files(test);
	KUNIT_ASSERT_EQ(test, 0, put(test, "map", "1"));
	KUNIT_ASSERT_EQ(test, 0, put(test, "nth", "3"));
	KUNIT_EXPECT_TRUE(test, try_page(ft->dev, ft->buffer));
	KUNIT_EXPECT_TRUE(test, try_page(ft->other, ft->buffer));
	KUNIT_EXPECT_TRUE(test, try_coherent(ft->dev, ft->buffer));
	KUNIT_EXPECT_EQ(test, get_number(test, "nth"), 2);
	KUNIT_EXPECT_TRUE(test, try_list(ft->dev, ft->buffer));
	dma_kunit_log_mark();
	KUNIT_EXPECT_FALSE(test, try_list(ft->dev, ft->buffer));
	KUNIT_EXPECT_EQ(test, 1,
			dma_kunit_log_count("fail_dma: a mapping of 4096 bytes fails on demand"));
	KUNIT_EXPECT_EQ(test, get_number(test, "nth"), 0);
	KUNIT_EXPECT_TRUE(test, try_list(ft->dev, ft->buffer));
	dma_kunit_leave_mm();
}

static void fault_patterns_test(struct kunit *test)
{
	struct fault_test *ft = test->priv;

	use_files(test);
	KUNIT_ASSERT_NOT_NULL(test, ft->dev->driver);
	KUNIT_ASSERT_EQ(test, 0, put(test, "map", "1"));
	KUNIT_ASSERT_EQ(test, 0, put(test, "probability", "100"));
	KUNIT_EXPECT_STREQ(test, get(test, "device"), dev_name(ft->dev));

	KUNIT_ASSERT_EQ(test, 0, put(test, "driver", "no-such-driver\n"));
	KUNIT_EXPECT_TRUE(test, try_page(ft->dev, ft->buffer));
	KUNIT_ASSERT_EQ(test, 0, put(test, "driver", ft->dev->driver->name));
	KUNIT_EXPECT_FALSE(test, try_page(ft->dev, ft->buffer));
	KUNIT_ASSERT_EQ(test, 0, put(test, "driver", "\n"));
	KUNIT_EXPECT_STREQ(test, get(test, "driver"), "");

	KUNIT_ASSERT_EQ(test, 0, put(test, "device", "*victim*"));
	KUNIT_EXPECT_FALSE(test, try_page(ft->dev, ft->buffer));
	KUNIT_EXPECT_TRUE(test, try_page(ft->other, ft->buffer));
	dma_kunit_leave_mm();
}

static void fault_files_refused_test(struct kunit *test)
{
	struct fault_test *ft = test->priv;
	char text[80];

	use_files(test);
	dma_kunit_log_mark();
	KUNIT_EXPECT_EQ(test, -EINVAL, put(test, "map", "2"));
	KUNIT_EXPECT_EQ(test, 1, dma_kunit_log_count("map: 2: expected 0 or 1"));
	KUNIT_EXPECT_EQ(test, -EINVAL, put(test, "alloc", "17"));
	KUNIT_EXPECT_EQ(test, 1, dma_kunit_log_count("alloc: 17: expected 0 or 1"));
	KUNIT_EXPECT_EQ(test, -EINVAL, put(test, "nth", "4294967296"));
	KUNIT_EXPECT_EQ(test, 1, dma_kunit_log_count("nth: 4294967296: expected"));
	KUNIT_EXPECT_EQ(test, -EINVAL, put(test, "driver", "two words"));
	KUNIT_EXPECT_EQ(test, 1, dma_kunit_log_count("driver: \"two words\": expected one name"));
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	KUNIT_EXPECT_EQ(test, -EINVAL, put(test, "device", text));
	KUNIT_EXPECT_EQ(test, 1, dma_kunit_log_count("device: 79 characters: expected at most 63"));
	text[64] = '\0';
	KUNIT_EXPECT_EQ(test, -EINVAL, put(test, "device", text));
	KUNIT_EXPECT_EQ(test, 1, dma_kunit_log_count("device: 64 characters: expected at most 63"));

	/* All is as it was. */
	KUNIT_EXPECT_STREQ(test, get(test, "device"), dev_name(ft->dev));
	KUNIT_EXPECT_STREQ(test, get(test, "driver"), "");
	KUNIT_EXPECT_EQ(test, get_number(test, "map"), 0);
	KUNIT_EXPECT_EQ(test, get_number(test, "alloc"), 0);
	KUNIT_EXPECT_EQ(test, get_number(test, "nth"), 0);
	dma_kunit_leave_mm();
}

/* A test may end anywhere. */
static void fault_test_exit(struct kunit *test)
{
	static const char * const numbers[] = {
		"map", "alloc", "nth", "probability"
	};
	struct fault_test *ft = test->priv;
	int i;

	dma_fault_disarm();
	if (!ft || !ft->files.mnt)
		return;
	/* Not in the thread of the test, whose user space has gone. */
	ft->files.user = dma_kunit_user_page(test);
	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		put(test, numbers[i], "0");
	put(test, "device", "\n");
	put(test, "driver", "\n");
	dma_kunit_files_close(&ft->files);
}

static int fault_test_init(struct kunit *test)
{
	struct fault_test *ft = kunit_kzalloc(test, sizeof(*ft), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ft);
	test->priv = ft;
	ft->buffer = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ft->buffer);
	ft->dev = dma_kunit_coherent_device(test, "fault-victim");
	ft->other = dma_kunit_coherent_device(test, "fault-other");
	return 0;
}

static struct kunit_case fault_test_cases[] = {
	KUNIT_CASE_PARAM(fault_entry_test, entries_gen_params),
	KUNIT_CASE(fault_short_list_test),
	KUNIT_CASE(fault_hardirq_test),
	KUNIT_CASE(fault_arm_refused_test),
	KUNIT_CASE(fault_sweep_test),
	KUNIT_CASE(fault_probability_test),
	KUNIT_CASE(fault_nth_file_test),
	KUNIT_CASE(fault_patterns_test),
	KUNIT_CASE(fault_files_refused_test),
	{}
};

static struct kunit_suite fault_test_suite = {
	.name = "dma_fault",
	.init = fault_test_init,
	.exit = fault_test_exit,
	.test_cases = fault_test_cases,
};

kunit_test_suite(fault_test_suite);
