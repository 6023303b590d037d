// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's log as the suites read it: see log.h.
 *
 * What is read starts at a record, not at a line that is searched for: to read
 * all of a full buffer takes an emulated machine a quarter of a second.
 *
 * Tests run one after the other, so that nothing here has a lock.
 */

#include <linux/bug.h>
#include <linux/kmsg_dump.h>
#include <linux/printk.h>
#include <linux/processor.h>
#include <linux/string.h>

#include <asm/sections.h>

#include "log.h"

static struct kmsg_dump_iter test_mark, warn_mark;

/* The next record, which is not written yet */
static void set_mark(struct kmsg_dump_iter *mark)
{
	kmsg_dump_rewind(mark);
	mark->cur_seq = mark->next_seq;
}

static unsigned int count_lines(struct kmsg_dump_iter from, const char *one,
				const char *other)
{
	static char line[1024];
	unsigned int nr = 0;
	size_t len;

	while (kmsg_dump_get_line(&from, false, line, sizeof(line) - 1, &len)) {
		line[len] = '\0';
		if (strstr(line, one) && strstr(line, other))
			nr++;
	}
	return nr;
}

/**
 * dma_kunit_log_mark - what is logged from here on is looked at
 *
 * Context: process context.
 */
void dma_kunit_log_mark(void)
{
	set_mark(&test_mark);
}

/**
 * dma_kunit_log_count - count lines of the log since dma_kunit_log_mark()
 * @text: that they hold
 *
 * Needs CONFIG_PRINTK.
 *
 * Context: process context.
 * Return: how many there are.
 */
unsigned int dma_kunit_log_count(const char *text)
{
	return count_lines(test_mark, text, "");
}

/**
 * dma_kunit_log_match - count lines of the log that hold two texts
 * @one: one text
 * @other: the other
 *
 * Context: process context.
 * Return: how many there are since dma_kunit_log_mark().
 */
unsigned int dma_kunit_log_match(const char *one, const char *other)
{
	return count_lines(test_mark, one, other);
}

/**
 * dma_kunit_has_boot_log - is the start of the log still there?
 *
 * Context: process context.
 * Return: true if so; the buffer may have been too small for all of it.
 */
bool dma_kunit_has_boot_log(void)
{
	return dma_kunit_boot_log_match("Linux version", "");
}

/**
 * dma_kunit_boot_log_match - count lines since the boot that hold two texts
 * @one: one text
 * @other: the other
 *
 * Context: process context.
 * Return: how many are left of those that were logged.
 */
unsigned int dma_kunit_boot_log_match(const char *one, const char *other)
{
	return count_lines((struct kmsg_dump_iter){}, one, other);
}

/**
 * dma_kunit_warn_again - let warnings that come once per boot come once more
 *
 * Context: process context.
 */
void dma_kunit_warn_again(void)
{
	generic_bug_clear_once();
	memset(__start_once, 0, __end_once - __start_once);
}

/**
 * dma_kunit_allow_warn - warnings may come, or need not
 * @is_begin: from here on; else up to here
 *
 * For what warns in some kernels, or for some parameters of a test, only.
 *
 * Context: any.
 */
void dma_kunit_allow_warn(bool is_begin)
{
	pr_info("dma-kunit: allow WARN %s\n", is_begin ? "begin" : "end");
}

/**
 * dma_kunit_expect_warn_begin - warnings are expected from here on
 *
 * Those that come once per boot come once more: a suite may run twice, and
 * several tests may provoke the same one.
 *
 * Context: process context.
 */
void dma_kunit_expect_warn_begin(void)
{
	dma_kunit_warn_again();
	pr_info("dma-kunit: expect WARN begin\n");
	set_mark(&warn_mark);
}

/**
 * dma_kunit_expect_warn_end - no more warnings are expected
 *
 * Needs CONFIG_PRINTK: the kernel log is where warnings are seen.
 *
 * Context: process context.
 * Return: how many warnings there were since dma_kunit_expect_warn_begin().
 */
unsigned int dma_kunit_expect_warn_end(void)
{
	unsigned int nr_warnings = count_lines(warn_mark, "WARNING: ", "");

	pr_info("dma-kunit: expect WARN end\n");
	return nr_warnings;
}
