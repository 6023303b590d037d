/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites of dma-debug share: mistakes that are made on purpose, and
 * what the store holds.
 *
 * A mistake is made between debug_mistake_begin() and debug_mistake_end(), which
 * checks that just one was counted and printed, and that its line holds some
 * text. Everything else a test does is checked to be no mistake, by the count of
 * errors at its start and its end.
 */
#ifndef _TESTS_KUNIT_DEBUG_H
#define _TESTS_KUNIT_DEBUG_H

#include <kunit/test.h>
#include <linux/dma-direct.h>
#include <linux/slab.h>

#include "../../kernel/dma/debug.h"
#include "../../kernel/dma/debug/store.h"
#include "log.h"
#include "mock.h"

static inline void debug_mistake_begin(u32 *count)
{
	dma_kunit_expect_warn_begin();
	dma_kunit_log_mark();
	dma_debug_all_errors = 1;
	*count = dma_debug_error_count;
}

/* Returns whether there was just one mistake, told with @text. */
static inline bool debug_mistake_end(struct kunit *test, u32 count,
				     const char *text)
{
	unsigned int nr_lines = dma_kunit_log_count(text);
	unsigned int nr_warnings = dma_kunit_expect_warn_end();
	u32 nr_errors = dma_debug_error_count - count;

	dma_debug_all_errors = 0;
	KUNIT_EXPECT_EQ_MSG(test, nr_errors, 1, "counted for \"%s\"", text);
	KUNIT_EXPECT_EQ_MSG(test, nr_warnings, 1, "printed for \"%s\"", text);
	KUNIT_EXPECT_EQ_MSG(test, nr_lines, 1, "lines with \"%s\"", text);
	return nr_errors == 1 && nr_warnings == 1 && nr_lines == 1;
}

/* @call is one mistake, and is told with @text. */
#define DEBUG_EXPECT_MISTAKE(test, text, call)				\
do {									\
	u32 _count;							\
									\
	debug_mistake_begin(&_count);					\
	call;								\
	debug_mistake_end(test, _count, text);				\
} while (0)

/* @call is none. */
#define DEBUG_EXPECT_SILENCE(test, call)				\
do {									\
	u32 _count = dma_debug_error_count;				\
									\
	call;								\
	KUNIT_EXPECT_EQ(test, dma_debug_error_count, _count);		\
} while (0)

/* How many entries the store has for a device */
static inline unsigned int debug_nr_entries(const struct device *dev)
{
	unsigned int bucket = 0, at = 0, nr = 0;
	struct dma_debug_entry entry;

	while (dma_debug_next(&bucket, &at, &entry))
		nr += entry.call.dev == dev;
	return nr;
}

/* A page, for a mapping that begins with it */
static inline u8 *debug_buffer(struct kunit *test, size_t size)
{
	void *buffer = kunit_kzalloc(test, size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buffer);
	return buffer;
}

/* A mapping whose address was checked, as a good driver does */
static inline dma_addr_t debug_map(struct kunit *test, struct device *dev,
				   void *buffer, size_t size,
				   enum dma_data_direction dir)
{
	dma_addr_t dma_addr = dma_map_single(dev, buffer, size, dir);

	KUNIT_ASSERT_EQ(test, 0, dma_mapping_error(dev, dma_addr));
	return dma_addr;
}

/* Memory as a device that is mapped directly sees it */
static inline u8 *debug_seen(struct device *dev, dma_addr_t dma_addr)
{
	return phys_to_virt(dma_to_phys(dev, dma_addr));
}

/* Without dma-debug there is nothing to test. */
static inline int debug_suite_init(struct kunit_suite *suite)
{
	if (!dma_debug_is_on())
		kunit_err(suite, "dma-debug is off\n");
	return dma_debug_is_on() ? 0 : -ENODEV;
}

#endif /* _TESTS_KUNIT_DEBUG_H */
