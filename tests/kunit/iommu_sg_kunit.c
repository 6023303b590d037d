// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of scatterlists behind an IOMMU.
 *
 * The model is simple: what the device reads, segment after segment, is what
 * the CPU has in the entries, entry after entry. No segment is longer than the
 * device allows or crosses its boundary; and what the driver wrote into the
 * list is there afterwards, whether mapping worked or not.
 */

#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "log.h"
#include "mock_iommu.h"

#define SEED		20241117
#define MAX_ENTRIES	40
#define ARENA_SIZE	SZ_1M

/* Part of the arena */
struct piece {
	size_t offset;
	unsigned int size;
};

/* A list of pieces of one large buffer, and what the driver wrote there */
struct list {
	struct kunit *test;
	struct mock_iommu *iommu;
	struct device *dev;
	u8 *arena;
	struct sg_table sgt;
	struct scatterlist *saved;
};

static struct list *make_list(struct kunit *test,
			      const struct mock_iommu_shape *iommu_shape,
			      const struct dma_kunit_shape *shape)
{
	struct list *list = kunit_kzalloc(test, sizeof(*list), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, list);
	list->test = test;
	list->iommu = mock_iommu_create(test, iommu_shape);
	list->dev = mock_iommu_device(test, list->iommu, "dev", shape);
	list->arena = mock_iommu_buffer(test, ARENA_SIZE);
	mock_iommu_fill(list->arena, ARENA_SIZE, 1);
	return list;
}

static struct list *plain_list(struct kunit *test)
{
	return make_list(test, &(struct mock_iommu_shape){},
			 &(struct dma_kunit_shape){});
}

static void free_table(void *data)
{
	struct list *list = data;

	sg_free_table(&list->sgt);
	kfree(list->saved);
}

/* Let the list be of these pieces. */
static void set_pieces(struct list *list, const struct piece *pieces,
		       unsigned int nr)
{
	struct kunit *test = list->test;
	struct scatterlist *sg;
	unsigned int i;

	if (list->saved)
		kunit_release_action(test, free_table, list);
	KUNIT_ASSERT_EQ(test, 0, sg_alloc_table(&list->sgt, nr, GFP_KERNEL));
	list->saved = kcalloc(nr, sizeof(*list->saved), GFP_KERNEL);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, free_table,
							   list));
	KUNIT_ASSERT_NOT_NULL(test, list->saved);
	for_each_sgtable_sg(&list->sgt, sg, i) {
		u8 *at = list->arena + pieces[i].offset;

		sg_set_page(sg, virt_to_page(at), pieces[i].size,
			    offset_in_page(at));
		list->saved[i] = *sg;
	}
}

/* What the driver wrote is there, bit by bit. */
static void check_unchanged(struct list *list)
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_sg(&list->sgt, sg, i) {
		KUNIT_EXPECT_EQ_MSG(list->test, sg->page_link,
				    list->saved[i].page_link, "entry %u", i);
		KUNIT_EXPECT_EQ_MSG(list->test, sg->offset,
				    list->saved[i].offset, "entry %u", i);
		KUNIT_EXPECT_EQ_MSG(list->test, sg->length,
				    list->saved[i].length, "entry %u", i);
	}
}

static void check_gone(struct list *list)
{
	KUNIT_EXPECT_EQ(list->test, mock_iommu_nr_mapped(list->dev), 0);
	KUNIT_EXPECT_EQ(list->test, mock_iommu_nr_stale(list->dev), 0);
}

static void check_limits(struct list *list, struct scatterlist *sg)
{
	u64 boundary = dma_get_seg_boundary(list->dev);
	dma_addr_t last = sg_dma_address(sg) + sg_dma_len(sg) - 1;

	KUNIT_EXPECT_LE(list->test, sg_dma_len(sg),
			dma_get_max_seg_size(list->dev));
	KUNIT_EXPECT_LE(list->test, last, *list->dev->dma_mask);
	KUNIT_EXPECT_EQ_MSG(list->test, sg_dma_address(sg) & ~boundary,
			    last & ~boundary, "%pad + %u",
			    &sg_dma_address(sg), sg_dma_len(sg));
}

/* Walks a list's entries as the CPU sees them, in steps of any size. */
struct cursor {
	struct scatterlist *sg;
	unsigned int done;
};

/* How many of @wanted bytes are in one entry from here on */
static unsigned int cursor_run(struct cursor *cursor, unsigned int wanted)
{
	while (cursor->sg && cursor->done == cursor->sg->length) {
		cursor->sg = sg_next(cursor->sg);
		cursor->done = 0;
	}
	return cursor->sg ? min(wanted, cursor->sg->length - cursor->done) : 0;
}

/* Does the device read of this segment what the CPU has in the entries? */
static bool sees_segment(struct list *list, struct scatterlist *segment,
			 struct cursor *cursor)
{
	unsigned int done = 0, run;

	while (done < sg_dma_len(segment)) {
		run = cursor_run(cursor, sg_dma_len(segment) - done);
		if (!run || !mock_iommu_sees(list->dev,
					     sg_dma_address(segment) + done,
					     sg_virt(cursor->sg) + cursor->done,
					     run))
			return false;
		done += run;
		cursor->done += run;
	}
	return true;
}

static void check_mapped(struct list *list)
{
	struct cursor cursor = { .sg = list->sgt.sgl };
	struct kunit *test = list->test;
	struct scatterlist *segment;
	unsigned int i;

	KUNIT_EXPECT_GE(test, list->sgt.nents, 1);
	KUNIT_EXPECT_LE(test, list->sgt.nents, list->sgt.orig_nents);
	for_each_sgtable_dma_sg(&list->sgt, segment, i) {
		check_limits(list, segment);
		KUNIT_ASSERT_TRUE_MSG(test, sees_segment(list, segment,
							 &cursor),
				      "segment %u of %u", i, list->sgt.nents);
	}
	/* Nothing is left over. */
	KUNIT_EXPECT_EQ(test, cursor_run(&cursor, 1), 0);
	check_unchanged(list);
}

/* Map the list, look at it, and unmap it. Returns the number of segments. */
static unsigned int check_list(struct list *list)
{
	unsigned int nr_segments;

	KUNIT_ASSERT_EQ(list->test, 0, dma_map_sgtable(list->dev, &list->sgt,
						       DMA_TO_DEVICE, 0));
	check_mapped(list);
	nr_segments = list->sgt.nents;
	dma_unmap_sgtable(list->dev, &list->sgt, DMA_TO_DEVICE, 0);
	check_gone(list);
	check_unchanged(list);
	return nr_segments;
}

/* Merging */

static const struct piece neighbours[] = {
	{ 0, SZ_4K }, { SZ_4K, SZ_4K }, { SZ_8K, SZ_4K }, { 12288, SZ_4K },
};

static const struct piece apart[] = {
	{ 0, SZ_4K }, { SZ_64K, SZ_8K }, { SZ_32K, SZ_4K }, { SZ_128K, SZ_16K },
};

static void sg_merges_test(struct kunit *test)
{
	static const struct piece ends_on_pages[] = {
		{ 100, SZ_4K - 100 }, { SZ_64K, SZ_4K }, { SZ_32K, 77 },
	};
	struct list *list = plain_list(test);

	set_pieces(list, neighbours, ARRAY_SIZE(neighbours));
	KUNIT_EXPECT_EQ(test, check_list(list), 1);
	/* Scattered pages are one segment for the device. */
	set_pieces(list, apart, ARRAY_SIZE(apart));
	KUNIT_EXPECT_EQ(test, check_list(list), 1);
	set_pieces(list, ends_on_pages, ARRAY_SIZE(ends_on_pages));
	KUNIT_EXPECT_EQ(test, check_list(list), 1);
	/* Again: what the last mapping left in the list does no harm. */
	for (unsigned int i = 0; i < 5; i++)
		KUNIT_EXPECT_EQ(test, check_list(list), 1);
}

static void sg_unaligned_test(struct kunit *test)
{
	static const struct piece pieces[] = {
		{ 10, 1 }, { SZ_4K + 4000, 200 }, { SZ_16K + 1, 4095 },
		{ SZ_32K, 5000 }, { SZ_64K + 2048, 2048 }, { SZ_128K, 12288 },
		{ SZ_256K + 512, 512 }, { SZ_256K + 1024, 512 },
	};
	struct list *list = plain_list(test);

	set_pieces(list, pieces, ARRAY_SIZE(pieces));
	/* Two of them end with a page, and the next one starts with one. */
	KUNIT_EXPECT_EQ(test, check_list(list), ARRAY_SIZE(pieces) - 2);
	for (unsigned int i = 0; i < ARRAY_SIZE(pieces); i++) {
		set_pieces(list, &pieces[i], 1);
		KUNIT_EXPECT_EQ(test, check_list(list), 1);
	}
}

/* The list has fewer entries than the driver says: nothing is mapped. */
static void sg_short_test(struct kunit *test)
{
	struct list *list = plain_list(test);

	set_pieces(list, neighbours, ARRAY_SIZE(neighbours));
	dma_kunit_log_mark();
	list->sgt.orig_nents++;
	KUNIT_EXPECT_EQ(test, -EINVAL, dma_map_sgtable(list->dev, &list->sgt,
						       DMA_TO_DEVICE, 0));
	KUNIT_EXPECT_EQ(test, 1, dma_kunit_log_count("of a list that has"));
	list->sgt.orig_nents--;
	check_gone(list);
	KUNIT_EXPECT_EQ(test, check_list(list), 1);
}

/* Offsets in a page stay. */
static void sg_offsets_test(struct kunit *test)
{
	static const struct piece pieces[] = {
		{ 77, 100 }, { SZ_8K + 1234, 100 }, { SZ_16K + 4090, 10 },
	};
	struct list *list = plain_list(test);
	struct scatterlist *sg;
	unsigned int i;

	set_pieces(list, pieces, ARRAY_SIZE(pieces));
	KUNIT_ASSERT_EQ(test, ARRAY_SIZE(pieces),
			dma_map_sg(list->dev, list->sgt.sgl,
				   ARRAY_SIZE(pieces), DMA_TO_DEVICE));
	for_each_sg(list->sgt.sgl, sg, ARRAY_SIZE(pieces), i)
		KUNIT_EXPECT_EQ(test, offset_in_page(sg_dma_address(sg)),
				offset_in_page(pieces[i].offset));
	dma_unmap_sg(list->dev, list->sgt.sgl, ARRAY_SIZE(pieces),
		     DMA_TO_DEVICE);
	check_gone(list);
}

/* Limits of segments */

struct limit {
	const char *what;
	unsigned int max_size;
	u64 boundary;
	unsigned int nr_segments;
};

/* For 16 scattered pages */
static const struct limit limits[] = {
	{ "none", UINT_MAX, ULONG_MAX, 1 },
	{ "page", SZ_4K, ULONG_MAX, 16 },
	{ "two pages", SZ_8K, ULONG_MAX, 8 },
	{ "three pages", 3 * SZ_4K, ULONG_MAX, 6 },
	{ "64 KiB", SZ_64K, ULONG_MAX, 1 },
	{ "odd", SZ_16K + 100, ULONG_MAX, 4 },
	{ "boundary of 4 GiB", UINT_MAX, DMA_BIT_MASK(32), 1 },
	{ "boundary of 64 KiB", SZ_64K, SZ_64K - 1, 1 },
	{ "boundary of 16 KiB", SZ_64K, SZ_16K - 1, 4 },
	{ "boundary of a page", SZ_64K, SZ_4K - 1, 16 },
};

static void limit_to_desc(const struct limit *limit, char *desc)
{
	strscpy(desc, limit->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(limit, limits, limit_to_desc);
MOCK_IOMMU_PARAM(limit)

static void set_limit(struct list *list, const struct limit *limit)
{
	dma_set_max_seg_size(list->dev, limit->max_size);
	dma_set_seg_boundary(list->dev, limit->boundary);
}

static void sg_limit_test(struct kunit *test)
{
	const struct limit *limit = mock_iommu_param(test);
	struct list *list = plain_list(test);
	struct piece pieces[16];

	for (unsigned int i = 0; i < ARRAY_SIZE(pieces); i++) {
		pieces[i].offset = ((i * 5) % 16) * SZ_8K;
		pieces[i].size = SZ_4K;
	}
	set_limit(list, limit);
	set_pieces(list, pieces, ARRAY_SIZE(pieces));
	KUNIT_EXPECT_EQ(test, check_list(list), limit->nr_segments);
}

/* Entries of several pages that would cross a boundary are moved behind it. */
static void sg_boundary_test(struct kunit *test)
{
	static const struct piece pieces[] = {
		{ 0, SZ_4K }, { SZ_64K, 12288 }, { SZ_128K, SZ_8K },
		{ SZ_256K, SZ_16K }, { SZ_32K + 4000, 200 },
		{ SZ_64K + SZ_16K, SZ_16K }, { SZ_512K, 12288 },
	};
	struct list *list = plain_list(test);

	for (u64 boundary = SZ_16K; boundary <= SZ_128K; boundary *= 2) {
		set_limit(list, &(struct limit) { "", SZ_16K, boundary - 1 });
		set_pieces(list, pieces, ARRAY_SIZE(pieces));
		check_list(list);
		/* From each entry on */
		for (unsigned int i = 1; i < ARRAY_SIZE(pieces); i++) {
			set_pieces(list, pieces + i, ARRAY_SIZE(pieces) - i);
			check_list(list);
		}
	}
}

/* Odd lists */

/* Refused without a trace, or mapped right */
static void check_empty(struct list *list)
{
	int err = dma_map_sgtable(list->dev, &list->sgt, DMA_TO_DEVICE, 0);

	if (err) {
		KUNIT_EXPECT_EQ(list->test, err, -EINVAL);
	} else {
		check_mapped(list);
		dma_unmap_sgtable(list->dev, &list->sgt, DMA_TO_DEVICE, 0);
	}
	check_gone(list);
	check_unchanged(list);
}

static void sg_empty_entry_test(struct kunit *test)
{
	static const struct piece pieces[] = {
		{ 0, SZ_4K }, { SZ_64K, 0 }, { SZ_32K, SZ_4K }, { SZ_8K, 0 },
	};
	struct list *list = plain_list(test);

	if (mock_iommu_is_stock())
		kunit_skip(test, "stock dma-iommu.c: it refuses, and leaves pages mapped");
	set_pieces(list, pieces, 3);
	check_empty(list);
	set_pieces(list, pieces, ARRAY_SIZE(pieces));
	check_empty(list);
	set_pieces(list, pieces + 1, 2);
	check_empty(list);
}

/* Longer than a page of entries */
static void sg_chained_test(struct kunit *test)
{
	const unsigned int nr = 2 * SG_MAX_SINGLE_ALLOC + 7;
	struct list *list = plain_list(test);
	struct piece *pieces = kunit_kcalloc(test, nr, sizeof(*pieces),
					     GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pieces);
	for (unsigned int i = 0; i < nr; i++) {
		pieces[i].offset = (i * 37 % 256) * SZ_4K + i % 5;
		pieces[i].size = i % 3 ? SZ_4K - 5 : 900;
	}
	set_pieces(list, pieces, nr);
	KUNIT_EXPECT_EQ(test, check_list(list), nr);
	for (unsigned int i = 0; i < nr; i++) {
		pieces[i].offset = (i * 37 % 256) * SZ_4K;
		pieces[i].size = SZ_4K;
	}
	set_pieces(list, pieces, nr);
	KUNIT_EXPECT_EQ(test, check_list(list), 1);
}

/*
 * So long that the page table has more than one table for it, which not every
 * IOMMU crosses in one call
 */
static void sg_long_test(struct kunit *test)
{
	static const unsigned int sizes[] = { 96 * SZ_1K, SZ_4K, 5 * SZ_4K };
	struct list *list = plain_list(test);
	struct piece *pieces;
	unsigned int nr;

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		nr = 3 * SZ_1M / sizes[i];
		pieces = kunit_kcalloc(test, nr, sizeof(*pieces), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, pieces);
		for (unsigned int j = 0; j < nr; j++) {
			pieces[j].offset = (u64)j * 37 * SZ_4K %
					   (ARENA_SIZE - sizes[i]);
			pieces[j].size = sizes[i];
		}
		set_pieces(list, pieces, nr);
		for (unsigned int round = 0; round < 2; round++)
			KUNIT_EXPECT_EQ(test, check_list(list), 1);
	}
}

/* Large pages where the memory has them */
static void sg_large_pages_test(struct kunit *test)
{
	static const struct piece pieces[] = {
		{ 0, SZ_256K }, { SZ_256K, SZ_64K }, { SZ_512K, SZ_128K },
	};
	struct list *list = make_list(test, &(struct mock_iommu_shape) {
					.page_sizes = SZ_4K | SZ_64K | SZ_2M,
				      }, &(struct dma_kunit_shape){});

	set_pieces(list, pieces, ARRAY_SIZE(pieces));
	KUNIT_ASSERT_EQ(test, 0, dma_map_sgtable(list->dev, &list->sgt,
						 DMA_TO_DEVICE, 0));
	check_mapped(list);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(list->dev), 7);
	dma_unmap_sgtable(list->dev, &list->sgt, DMA_TO_DEVICE, 0);
	check_gone(list);
}

/* Both ways, with sync calls, for each kind of device */

static void check_both_ways(struct kunit *test, bool is_noncoherent)
{
	struct list *list = make_list(test, &(struct mock_iommu_shape){},
				      &(struct dma_kunit_shape) {
					.is_noncoherent = is_noncoherent,
				      });
	struct device *dev = list->dev;
	dma_addr_t dma_addr;

	set_pieces(list, neighbours, ARRAY_SIZE(neighbours));
	KUNIT_ASSERT_EQ(test, 0, dma_map_sgtable(dev, &list->sgt,
						 DMA_BIDIRECTIONAL, 0));
	dma_addr = sg_dma_address(list->sgt.sgl);
	KUNIT_EXPECT_TRUE(test, mock_iommu_write_fill(dev, dma_addr, SZ_16K,
						      50));
	dma_sync_sgtable_for_cpu(dev, &list->sgt, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_TRUE(test, mock_iommu_is_filled(list->arena, SZ_16K, 50));
	mock_iommu_fill(list->arena, SZ_16K, 51);
	dma_sync_sgtable_for_device(dev, &list->sgt, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(dev, dma_addr, list->arena,
						SZ_16K));
	KUNIT_EXPECT_TRUE(test, mock_iommu_write_fill(dev, dma_addr, SZ_16K,
						      52));
	dma_unmap_sgtable(dev, &list->sgt, DMA_BIDIRECTIONAL, 0);
	KUNIT_EXPECT_TRUE(test, mock_iommu_is_filled(list->arena, SZ_16K, 52));
	check_gone(list);
	check_unchanged(list);
}

static void sg_sync_test(struct kunit *test)
{
	check_both_ways(test, false);
}

static void sg_sync_noncoherent_test(struct kunit *test)
{
	check_both_ways(test, true);
}

/* The device writes a pattern of its own to each segment. */
static void write_segments(struct list *list, u8 seed)
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_dma_sg(&list->sgt, sg, i)
		KUNIT_EXPECT_TRUE(list->test,
				  mock_iommu_write_fill(list->dev,
							sg_dma_address(sg),
							sg_dma_len(sg),
							seed + i));
}

static void check_entries(struct list *list, u8 seed)
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_sg(&list->sgt, sg, i)
		KUNIT_EXPECT_TRUE(list->test,
				  mock_iommu_is_filled(sg_virt(sg), sg->length,
						       seed + i));
}

static void skip_if_nothing_bounces(struct list *list)
{
	if (!dma_kmalloc_needs_bounce(list->dev, 8, DMA_FROM_DEVICE) ||
	    !is_swiotlb_active(list->dev))
		kunit_skip(list->test, "nothing is bounced here");
}

/* One small entry is enough for the list to be bounced. */
static void sg_bounce_test(struct kunit *test)
{
	static const struct piece pieces[] = {
		{ 0, SZ_4K }, { SZ_64K + 8, 8 }, { SZ_32K, SZ_4K },
	};
	struct list *list = make_list(test, &(struct mock_iommu_shape){},
				      &(struct dma_kunit_shape) {
					.is_noncoherent = true,
				      });
	struct device *dev = list->dev;
	long was_used = mock_iommu_nr_bounced(dev);

	skip_if_nothing_bounces(list);
	set_pieces(list, pieces, ARRAY_SIZE(pieces));
	for (unsigned int round = 0; round < 3; round++) {
		KUNIT_ASSERT_EQ(test, 0, dma_map_sgtable(dev, &list->sgt,
							 DMA_FROM_DEVICE, 0));
		KUNIT_EXPECT_NE(test, mock_iommu_nr_bounced(dev), was_used);
		write_segments(list, round * 10);
		if (round == 1) {
			dma_sync_sgtable_for_cpu(dev, &list->sgt,
						 DMA_FROM_DEVICE);
			check_entries(list, round * 10);
			dma_sync_sgtable_for_device(dev, &list->sgt,
						    DMA_FROM_DEVICE);
			write_segments(list, round * 10 + 5);
			dma_sync_sgtable_for_cpu(dev, &list->sgt,
						 DMA_FROM_DEVICE);
			check_entries(list, round * 10 + 5);
			write_segments(list, round * 10);
		}
		dma_unmap_sgtable(dev, &list->sgt, DMA_FROM_DEVICE, 0);
		check_entries(list, round * 10);
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_bounced(dev), was_used);
		check_gone(list);
		check_unchanged(list);
	}
}

/* A list that was bounced once is not treated so for ever. */
static void sg_bounce_once_test(struct kunit *test)
{
	static const struct piece small[] = { { 8, 8 }, { SZ_8K, SZ_4K } };
	struct list *list = make_list(test, &(struct mock_iommu_shape){},
				      &(struct dma_kunit_shape) {
					.is_noncoherent = true,
				      });
	struct device *dev = list->dev;
	long was_used = mock_iommu_nr_bounced(dev);

	skip_if_nothing_bounces(list);
	if (mock_iommu_is_stock())
		kunit_skip(test, "stock dma-iommu.c: the list stays marked as bounced");
	set_pieces(list, small, ARRAY_SIZE(small));
	KUNIT_ASSERT_EQ(test, 0, dma_map_sgtable(dev, &list->sgt,
						 DMA_FROM_DEVICE, 0));
	KUNIT_EXPECT_NE(test, mock_iommu_nr_bounced(dev), was_used);
	dma_unmap_sgtable(dev, &list->sgt, DMA_FROM_DEVICE, 0);

	/* The same list, from now on of whole pages */
	list->sgt.sgl->offset = 0;
	list->sgt.sgl->length = SZ_4K;
	list->saved[0] = *list->sgt.sgl;
	mock_iommu_fill(list->arena, ARENA_SIZE, 4);
	KUNIT_ASSERT_EQ(test, 0, dma_map_sgtable(dev, &list->sgt, DMA_TO_DEVICE,
						 0));
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_bounced(dev), was_used);
	check_mapped(list);
	dma_unmap_sgtable(dev, &list->sgt, DMA_TO_DEVICE, 0);
	check_gone(list);
	KUNIT_EXPECT_TRUE(test, mock_iommu_is_filled(list->arena, ARENA_SIZE,
						     4));
}

/* Failures */

/* The nth page can't be mapped: nothing is left, and the list is as it was. */
static void check_failing(struct list *list, enum mock_iommu_call call)
{
	struct kunit *test = list->test;
	bool is_beyond = false;
	unsigned int nth;
	int err;

	for (nth = 1; nth < 100 && !is_beyond; nth++) {
		mock_iommu_fail_nth(list->iommu, call, nth);
		err = dma_map_sgtable(list->dev, &list->sgt, DMA_TO_DEVICE, 0);
		is_beyond = mock_iommu_fail_nth(list->iommu, call, 0);
		if (is_beyond) {
			KUNIT_EXPECT_EQ(test, err, 0);
			check_mapped(list);
			dma_unmap_sgtable(list->dev, &list->sgt, DMA_TO_DEVICE,
					  0);
		} else {
			KUNIT_EXPECT_EQ(test, err, -ENOMEM);
		}
		check_unchanged(list);
		check_gone(list);
	}
	KUNIT_EXPECT_TRUE(test, is_beyond);
	KUNIT_EXPECT_GT(test, nth, 2);
	mock_iommu_fail_nth(list->iommu, call, 1);
	KUNIT_EXPECT_EQ(test, 0, dma_map_sg(list->dev, list->sgt.sgl,
					    list->sgt.orig_nents,
					    DMA_TO_DEVICE));
	check_unchanged(list);
	check_gone(list);
}

static void sg_fail_nth_test(struct kunit *test)
{
	static const struct piece pieces[] = {
		{ 100, 50 }, { SZ_64K, SZ_8K }, { SZ_32K + 4000, 200 },
		{ SZ_128K, SZ_4K }, { SZ_256K, SZ_16K },
	};
	/* So small that a lost address would be missed */
	struct list *list = make_list(test, &(struct mock_iommu_shape) {
					.aperture_start = SZ_1M,
					.aperture_last = SZ_1M + SZ_128K - 1,
				      }, &(struct dma_kunit_shape){});

	set_limit(list, &(struct limit) { "", SZ_16K, SZ_16K - 1 });
	set_pieces(list, pieces, ARRAY_SIZE(pieces));
	check_failing(list, MOCK_IOMMU_MAP);
	if (mock_iommu_shape_of(test)->is_told)
		check_failing(list, MOCK_IOMMU_SYNC_MAP);
	check_failing(list, MOCK_IOMMU_MAP);
	check_list(list);
}

/* No address for so much */
static void sg_exhaust_test(struct kunit *test)
{
	struct list *list = make_list(test, &(struct mock_iommu_shape) {
					.aperture_start = SZ_1M,
					.aperture_last = SZ_1M + SZ_32K - 1,
				      }, &(struct dma_kunit_shape){});
	static const struct piece large[] = {
		{ 0, SZ_16K }, { SZ_64K, SZ_16K }, { SZ_128K, SZ_16K },
	};

	for (unsigned int i = 0; i < 10; i++) {
		set_pieces(list, large, ARRAY_SIZE(large));
		KUNIT_EXPECT_EQ(test, -ENOMEM,
				dma_map_sgtable(list->dev, &list->sgt,
						DMA_TO_DEVICE,
						DMA_ATTR_NO_WARN));
		check_unchanged(list);
		check_gone(list);
		set_pieces(list, large, 2);
		check_list(list);
	}
}

/* Compared with the model */

static const u64 boundaries[] = {
	ULONG_MAX, DMA_BIT_MASK(32), SZ_1M - 1, SZ_64K - 1, SZ_32K - 1,
};

/* Any entry fits into a segment, or the driver would be wrong. */
static struct limit random_limit(struct rnd_state *rnd, size_t granule)
{
	u64 boundary = boundaries[prandom_u32_state(rnd) %
				  ARRAY_SIZE(boundaries)];

	if (granule > SZ_4K)
		boundary = max_t(u64, boundary, SZ_1M - 1);
	return (struct limit) {
		.max_size = prandom_u32_state(rnd) % 2 ? UINT_MAX :
			    SZ_32K + prandom_u32_state(rnd) % SZ_64K,
		.boundary = boundary,
	};
}

/*
 * Each entry in a part of the arena of its own; half of them are whole pages,
 * so that there is something to merge.
 */
static unsigned int random_pieces(struct rnd_state *rnd, struct piece *pieces)
{
	unsigned int nr = 1 + prandom_u32_state(rnd) % MAX_ENTRIES;
	size_t part = ALIGN_DOWN(ARENA_SIZE / MAX_ENTRIES, SZ_4K);

	for (unsigned int i = 0; i < nr; i++) {
		bool is_whole = prandom_u32_state(rnd) % 2;
		size_t skip = is_whole ? 0 : prandom_u32_state(rnd) % SZ_8K;
		size_t size = 1 + prandom_u32_state(rnd) % (SZ_16K - 1);

		pieces[i].offset = (i * 7 % MAX_ENTRIES) * part + skip;
		pieces[i].size = is_whole ? ALIGN(size, SZ_4K) :
				 min(size, part - skip);
	}
	return nr;
}

static void sg_random_test(struct kunit *test)
{
	struct piece *pieces = kunit_kcalloc(test, MAX_ENTRIES, sizeof(*pieces),
					     GFP_KERNEL);
	struct list *list = make_list(test, &(struct mock_iommu_shape) {
					.granule = MOCK_IOMMU_ANY,
				      }, &(struct dma_kunit_shape){});
	unsigned long nr_entries = 0, nr_segments = 0;
	size_t granule = mock_iommu_granule(test);
	struct rnd_state rnd;

	KUNIT_ASSERT_NOT_NULL(test, pieces);
	kunit_info(test, "seed %u", SEED);
	prandom_seed_state(&rnd, SEED);
	for (unsigned long i = mock_iommu_rounds(test, 300); i; i--) {
		struct limit limit = random_limit(&rnd, granule);
		unsigned int nr = random_pieces(&rnd, pieces);

		set_limit(list, &limit);
		set_pieces(list, pieces, nr);
		nr_entries += nr;
		nr_segments += check_list(list);
	}
	/* There was something to merge, and something to keep apart. */
	if (granule <= SZ_4K)
		KUNIT_EXPECT_LT(test, nr_segments, nr_entries * 9 / 10);
	KUNIT_EXPECT_GT(test, nr_segments, nr_entries / 4);
}

static struct kunit_case iommu_sg_cases[] = {
	MOCK_IOMMU_CASE(sg_merges_test),
	MOCK_IOMMU_CASE(sg_unaligned_test),
	/* The line that it looks for is rate-limited. */
	MOCK_IOMMU_CASE_TYPICAL(sg_short_test),
	MOCK_IOMMU_CASE(sg_offsets_test),
	MOCK_IOMMU_CASE_PARAM(sg_limit_test, limit),
	MOCK_IOMMU_CASE(sg_boundary_test),
	MOCK_IOMMU_CASE(sg_empty_entry_test),
	MOCK_IOMMU_CASE(sg_chained_test),
	MOCK_IOMMU_CASE(sg_long_test),
	MOCK_IOMMU_CASE(sg_large_pages_test),
	MOCK_IOMMU_CASE(sg_sync_test),
	MOCK_IOMMU_CASE(sg_sync_noncoherent_test),
	MOCK_IOMMU_CASE(sg_bounce_test),
	MOCK_IOMMU_CASE(sg_bounce_once_test),
	MOCK_IOMMU_CASE(sg_fail_nth_test),
	MOCK_IOMMU_CASE(sg_exhaust_test),
	MOCK_IOMMU_CASE_TYPICAL(sg_random_test),
	{}
};

static struct kunit_suite iommu_sg_suite = {
	.name = "iommu_sg",
	.test_cases = iommu_sg_cases,
};

kunit_test_suite(iommu_sg_suite);

MODULE_DESCRIPTION("KUnit tests of scatterlists behind an IOMMU");
MODULE_LICENSE("GPL");
