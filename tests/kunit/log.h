/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's log as the suites read it: from a mark on, or from the boot on.
 *
 * A wrong call must warn, and the test that makes it says so: it puts the call
 * between dma_kunit_expect_warn_begin() and dma_kunit_expect_warn_end(). Both
 * print a line, so that whoever scans the log ignores what stands between; and
 * the second one counts the warnings between them, so that a warning that does
 * not come is a failure.
 */
#ifndef _TESTS_KUNIT_LOG_H
#define _TESTS_KUNIT_LOG_H

#include <linux/types.h>

void dma_kunit_log_mark(void);
unsigned int dma_kunit_log_count(const char *text);
unsigned int dma_kunit_log_match(const char *one, const char *other);
bool dma_kunit_has_boot_log(void);
unsigned int dma_kunit_boot_log_match(const char *one, const char *other);

void dma_kunit_warn_again(void);
void dma_kunit_allow_warn(bool is_begin);
void dma_kunit_expect_warn_begin(void);
unsigned int dma_kunit_expect_warn_end(void);

/*
 * Where a warning is no trap with an entry in a table, the places that an inline
 * function is built into have one "once" in common: how many come is not known.
 */
#ifdef __WARN_FLAGS
#define DMA_KUNIT_WARNS(nr)	(nr)
#else
#define DMA_KUNIT_WARNS(nr)	((nr) ? 1 : 0)
#endif

#endif
