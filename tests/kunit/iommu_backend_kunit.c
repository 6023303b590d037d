// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of who serves a device behind an IOMMU with consistent memory.
 *
 * Memory is scattered as a rule. What may not sleep, or has to be contiguous,
 * comes from the backends that serve everybody, and is mapped afterwards: the
 * ledger says who that was, and the device must see just that memory.
 */

#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "../../kernel/dma/backend.h"
#include "../../kernel/dma/ledger.h"
#include "log.h"
#include "mock_iommu.h"

struct kind {
	const char *what;
	bool is_noncoherent;
	gfp_t gfp;
	unsigned long attrs;
	size_t size;
	/* Who has to serve it; "cma": pages, where there is no such area */
	const char *backend;
};

static const struct kind kinds[] = {
	{ "coherent page", false, GFP_KERNEL, 0, SZ_4K, "iommu" },
	{ "coherent 256 KiB", false, GFP_KERNEL, 0, SZ_256K, "iommu" },
	{ "non-coherent page", true, GFP_KERNEL, 0, SZ_4K, "iommu" },
	{ "non-coherent 256 KiB", true, GFP_KERNEL, 0, SZ_256K, "iommu" },
	{ "coherent atomic page", false, GFP_ATOMIC, 0, SZ_4K, "pages" },
	{ "coherent atomic 32 KiB", false, GFP_ATOMIC, 0, SZ_32K, "pages" },
	{ "non-coherent atomic page", true, GFP_ATOMIC, 0, SZ_4K,
	  "atomic pool" },
	{ "non-coherent atomic 32 KiB", true, GFP_ATOMIC, 0, SZ_32K,
	  "atomic pool" },
	{ "non-coherent nowait", true, GFP_NOWAIT, 0, SZ_4K,
	  "atomic pool" },
	{ "coherent contiguous", false, GFP_KERNEL, DMA_ATTR_FORCE_CONTIGUOUS,
	  SZ_256K, "cma" },
	{ "non-coherent contiguous", true, GFP_KERNEL,
	  DMA_ATTR_FORCE_CONTIGUOUS, SZ_256K, "cma" },
	{ "coherent contiguous page", false, GFP_KERNEL,
	  DMA_ATTR_FORCE_CONTIGUOUS, SZ_4K, "pages" },
	{ "coherent contiguous atomic", false, GFP_ATOMIC,
	  DMA_ATTR_FORCE_CONTIGUOUS, SZ_32K, "pages" },
	{ "non-coherent contiguous atomic", true, GFP_ATOMIC,
	  DMA_ATTR_FORCE_CONTIGUOUS, SZ_32K, "atomic pool" },
};

static void kind_to_desc(const struct kind *kind, char *desc)
{
	strscpy(desc, kind->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(kind, kinds, kind_to_desc);
MOCK_IOMMU_PARAM_TYPICAL(kind)

static struct device *device_of(struct kunit *test, const struct kind *kind)
{
	return mock_iommu_device(test,
			mock_iommu_create(test, &(struct mock_iommu_shape){}),
			"dev", &(struct dma_kunit_shape) {
				.is_noncoherent = kind->is_noncoherent,
			});
}

static const char *wanted(const struct kind *kind)
{
	if (strcmp(kind->backend, "cma"))
		return kind->backend;
	return dev_get_cma_area(NULL) ? "default cma" : "pages";
}

/* The device sees what the CPU writes, and the other way round. */
static void check_views(struct kunit *test, struct device *dev, u8 *cpu_addr,
			dma_addr_t dma_addr, size_t size)
{
	KUNIT_EXPECT_NULL(test, memchr_inv(cpu_addr, 0, size));
	mock_iommu_fill(cpu_addr, size, 9);
	KUNIT_EXPECT_TRUE(test, mock_iommu_sees(dev, dma_addr, cpu_addr, size));
	KUNIT_EXPECT_TRUE(test, mock_iommu_write(dev, dma_addr + size - 3,
						 "end", 3));
	KUNIT_EXPECT_EQ(test, 0, memcmp(cpu_addr + size - 3, "end", 3));
	KUNIT_EXPECT_EQ(test, mock_iommu_prot(dev, dma_addr + size), -1);
}

static void check_kind(struct kunit *test, const struct kind *kind,
		       struct device *dev)
{
	struct dma_allocation record;
	dma_addr_t dma_addr;
	void *cpu_addr;

	cpu_addr = dma_alloc_attrs(dev, kind->size, &dma_addr, kind->gfp,
				   kind->attrs);
	KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
	KUNIT_ASSERT_TRUE(test, dma_ledger_find(dev, dma_addr, &record));
	KUNIT_EXPECT_STREQ(test, record.backend->name, wanted(kind));
	check_views(test, dev, cpu_addr, dma_addr, kind->size);
	/* In one row also for the CPU, and where the record says */
	for (size_t at = 0; at < kind->size &&
	     strcmp(record.backend->name, "iommu"); at += SZ_4K)
		KUNIT_EXPECT_EQ(test, mock_iommu_phys(dev, dma_addr + at),
				record.phys + at);
	dma_free_attrs(dev, kind->size, cpu_addr, dma_addr, kind->attrs);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), 0);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_stale(dev), 0);
	KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), 0);
}

static void backend_kind_test(struct kunit *test)
{
	const struct kind *kind = mock_iommu_param(test);
	struct device *dev = device_of(test, kind);

	for (unsigned int i = 0; i < 3; i++)
		check_kind(test, kind, dev);
}

/* The mapping fails: the memory goes back to where it came from. */
static void backend_map_fails_test(struct kunit *test)
{
	const struct kind *kind = mock_iommu_param(test);
	struct mock_iommu *iommu = mock_iommu_create(test,
			&(struct mock_iommu_shape) { .page_sizes = SZ_4K });
	struct device *dev = mock_iommu_device(test, iommu, "dev",
			&(struct dma_kunit_shape) {
				.is_noncoherent = kind->is_noncoherent,
			});
	unsigned int nr_failed = 0;
	dma_addr_t dma_addr;
	void *cpu_addr;

	/* More than an atomic pool of the smallest size could lose */
	for (unsigned int i = 0; i < 64; i++) {
		mock_iommu_fail_nth(iommu, MOCK_IOMMU_MAP,
				    1 + i % (kind->size / SZ_4K));
		cpu_addr = dma_alloc_attrs(dev, kind->size, &dma_addr,
					   kind->gfp,
					   kind->attrs | DMA_ATTR_NO_WARN);
		KUNIT_EXPECT_FALSE(test, mock_iommu_fail_nth(iommu,
							     MOCK_IOMMU_MAP,
							     0));
		/* The next one in the table may have had more luck. */
		if (cpu_addr)
			dma_free_attrs(dev, kind->size, cpu_addr, dma_addr,
				       kind->attrs);
		nr_failed += !cpu_addr;
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), 0);
		KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), 0);
	}
	KUNIT_EXPECT_EQ(test, nr_failed,
			strcmp(wanted(kind), "default cma") ? 64 : 0);
	check_kind(test, kind, dev);
}

/* In hard-irq context */

struct irq_call {
	struct device *dev;
	struct dma_allocation record;
	bool is_good;
};

static void alloc_in_hardirq(void *data)
{
	struct irq_call *call = data;
	dma_addr_t dma_addr;
	void *cpu_addr = dma_alloc_coherent(call->dev, SZ_8K, &dma_addr,
					    GFP_ATOMIC);

	if (!cpu_addr)
		return;
	mock_iommu_fill(cpu_addr, SZ_8K, 4);
	call->is_good = dma_ledger_find(call->dev, dma_addr, &call->record) &&
			mock_iommu_sees(call->dev, dma_addr, cpu_addr, SZ_8K);
	dma_free_coherent(call->dev, SZ_8K, cpu_addr, dma_addr);
}

static void backend_hardirq_test(struct kunit *test)
{
	static const struct kind kinds[] = {
		{ "coherent", false, .backend = "pages" },
		{ "non-coherent", true, .backend = "atomic pool" },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct irq_call call = {
			.dev = mock_iommu_device(test, mock_iommu_create(test,
					&(struct mock_iommu_shape){}),
				kinds[i].what, &(struct dma_kunit_shape) {
					.is_noncoherent = kinds[i].is_noncoherent,
				}),
		};

		KUNIT_EXPECT_TRUE(test, dma_kunit_in_hardirq(alloc_in_hardirq,
							     &call));
		KUNIT_ASSERT_TRUE(test, call.is_good);
		KUNIT_EXPECT_STREQ(test, call.record.backend->name,
				   wanted(&kinds[i]));
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(call.dev), 0);
	}
}

/* The device goes while a buffer is live, or right after its free */

struct live {
	struct mock_iommu *iommu;
	struct device *dev;
	dma_addr_t dma_addr;
	void *cpu_addr;
	unsigned long attrs;
};

static void make_live(struct kunit *test, struct live *live,
		      const struct kind *kind)
{
	struct dma_kunit_shape shape = {
		.is_noncoherent = kind->is_noncoherent,
	};

	live->attrs = kind->attrs;
	live->iommu = mock_iommu_create(test, &(struct mock_iommu_shape){});
	live->dev = mock_iommu_device(test, live->iommu, kind->what, &shape);
	live->cpu_addr = dma_alloc_attrs(live->dev, SZ_64K, &live->dma_addr,
					 GFP_KERNEL, kind->attrs);
	KUNIT_ASSERT_NOT_NULL(test, live->cpu_addr);
	KUNIT_ASSERT_GT(test, mock_iommu_nr_mapped(live->dev), 0);
}

static void free_live(struct live *live)
{
	dma_free_attrs(live->dev, SZ_64K, live->cpu_addr, live->dma_addr,
		       live->attrs);
}

/* What has to sleep is put off; what the device could reach is gone before. */
static const struct kind kinds_of_live[] = {
	{ "scattered", false, .attrs = DMA_ATTR_ALLOC_SINGLE_PAGES },
	{ "scattered-nc", true, .attrs = DMA_ATTR_ALLOC_SINGLE_PAGES },
	{ "one-piece", false, .attrs = DMA_ATTR_FORCE_CONTIGUOUS },
	{ "one-piece-nc", true, .attrs = DMA_ATTR_FORCE_CONTIGUOUS },
};

KUNIT_ARRAY_PARAM(kind_of_live, kinds_of_live, kind_to_desc);
MOCK_IOMMU_PARAM_TYPICAL(kind_of_live)

static void backend_free_and_leave_test(struct kunit *test)
{
	const struct kind *kind = mock_iommu_param(test);
	unsigned long flags, nr_mapped;
	struct live live;

	make_live(test, &live, kind);
	/* Memory that has to be unmapped for the CPU is put off, with a warning. */
	dma_kunit_allow_warn(true);
	local_irq_save(flags);
	free_live(&live);
	nr_mapped = mock_iommu_nr_mapped(live.dev);
	local_irq_restore(flags);
	dma_kunit_allow_warn(false);
	KUNIT_EXPECT_EQ(test, nr_mapped, 0);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_stale(live.dev), 0);
	mock_iommu_leave(live.dev);
	/* The worker has its turn; what it does, a debug kernel sees. */
	msleep(50);
	KUNIT_EXPECT_EQ(test, dma_ledger_count(live.dev), 0);
}

/* A device goes with live buffers: it reaches none of them any more. */
static void backend_delete_and_free_test(struct kunit *test)
{
	struct live live;

	make_live(test, &live, mock_iommu_param(test));
	dma_kunit_log_mark();
	/* As the driver core does before the device leaves its bus. */
	dma_device_deleted(live.dev);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(live.dev), 0);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_stale(live.dev), 0);
	KUNIT_EXPECT_EQ(test, dma_ledger_count(live.dev), 1);
	mock_iommu_leave(live.dev);
	free_live(&live);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("lost"), 0);
	KUNIT_EXPECT_EQ(test, dma_ledger_count(live.dev), 0);
}

/* What is mapped by a domain that the device has left can't be reused. */
static void backend_leave_and_free_test(struct kunit *test)
{
	const struct kind *kind = mock_iommu_param(test);
	struct live live;

	make_live(test, &live, kind);
	mock_iommu_leave(live.dev);
	dma_kunit_log_mark();
	free_live(&live);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("the device has left its IOMMU"),
			1);
	KUNIT_EXPECT_EQ(test, dma_ledger_count(live.dev), 0);
	mock_iommu_take_errors(live.iommu);
}

/* What the device may still reach is nobody else's memory. */
static void backend_unmap_fails_test(struct kunit *test)
{
	struct live live;

	make_live(test, &live, mock_iommu_param(test));
	mock_iommu_fail_nth(live.iommu, MOCK_IOMMU_UNMAP, 1);
	dma_kunit_log_mark();
	dma_kunit_expect_warn_begin();
	free_live(&live);
	KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
	KUNIT_EXPECT_EQ(test, dma_kunit_log_count("does not unmap all of them"),
			1);
	KUNIT_EXPECT_EQ(test, dma_ledger_count(live.dev), 0);
	mock_iommu_fail_nth(live.iommu, MOCK_IOMMU_UNMAP, 0);
	mock_iommu_leave(live.dev);
	mock_iommu_take_errors(live.iommu);
}

/* A driver confuses two devices: right if they share what translates. */
static void backend_free_for_other_test(struct kunit *test)
{
	struct mock_iommu_shape shapes[] = { {}, { .has_one_group = true } };

	for (unsigned int i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct mock_iommu *iommu = mock_iommu_create(test, &shapes[i]);
		struct device *dev = mock_iommu_device(test, iommu,
				i ? "a-group" : "a", &(struct dma_kunit_shape){});
		struct device *other = mock_iommu_device(test, iommu,
				i ? "b-group" : "b", &(struct dma_kunit_shape){});
		dma_addr_t dma_addr;
		void *cpu_addr;

		cpu_addr = dma_alloc_coherent(dev, SZ_64K, &dma_addr,
					      GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, cpu_addr);
		dma_kunit_log_mark();
		dma_kunit_expect_warn_begin();
		dma_free_coherent(other, SZ_64K, cpu_addr, dma_addr);
		KUNIT_EXPECT_GE(test, dma_kunit_expect_warn_end(), 1);
		KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), !i);
		KUNIT_EXPECT_EQ(test, !mock_iommu_nr_mapped(dev), i);
		if (!i)
			dma_free_coherent(dev, SZ_64K, cpu_addr, dma_addr);
	}
}

static struct kunit_case iommu_backend_cases[] = {
	MOCK_IOMMU_CASE_PARAM_TYPICAL(backend_kind_test, kind),
	MOCK_IOMMU_CASE_PARAM_TYPICAL(backend_map_fails_test, kind),
	MOCK_IOMMU_CASE_TYPICAL(backend_hardirq_test),
	MOCK_IOMMU_CASE_PARAM_TYPICAL(backend_free_and_leave_test, kind_of_live),
	MOCK_IOMMU_CASE_PARAM_TYPICAL(backend_delete_and_free_test, kind_of_live),
	MOCK_IOMMU_CASE_PARAM_TYPICAL(backend_leave_and_free_test, kind_of_live),
	MOCK_IOMMU_CASE_PARAM_TYPICAL(backend_unmap_fails_test, kind_of_live),
	MOCK_IOMMU_CASE_TYPICAL(backend_free_for_other_test),
	{}
};

static struct kunit_suite iommu_backend_suite = {
	.name = "iommu_backend",
	.test_cases = iommu_backend_cases,
};

kunit_test_suite(iommu_backend_suite);

MODULE_DESCRIPTION("KUnit tests of who serves devices behind an IOMMU");
MODULE_LICENSE("GPL");
