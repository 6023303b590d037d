// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the dispatcher's routing table.
 *
 * Each row of the table is asked about requests of every kind, and has to
 * serve or to give the reason that is written here; then real requests are
 * made, and the ledger has to tell that the first row that serves served.
 *
 * Requests are only shown to the rows, so a device can pretend to be behind
 * an IOMMU or to have pools that it does not have.
 */

#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/swiotlb.h>

#include "../../kernel/dma/backend.h"
#include "../../kernel/dma/contiguous.h"
#include "../../kernel/dma/ledger.h"
#include "mock.h"

#define HUGE_PAGES	(2UL << MAX_PAGE_ORDER)

/* What a request or its device is like, unless it is the plainest there is */
#define IS_ATOMIC	BIT(0)
#define IS_NONCOHERENT	BIT(1)
#define IS_UNENCRYPTED	BIT(2)
#define WANTS_PAGES	BIT(3)
#define NO_MAPPING	BIT(4)
#define BY_IOMMU	BIT(5)
#define BY_OPS		BIT(6)
#define OUT_OF_REACH	BIT(7)
#define HAS_POOL	BIT(8)
#define HAS_RESTRICTED	BIT(9)
#define HAS_CMA		BIT(10)
#define IS_SINGLE_PAGE	BIT(11)
#define IS_HUGE		BIT(12)
/* The expectation holds for architectures that remap, or for others */
#define IF_REMAP	BIT(13)
#define IF_NO_REMAP	BIT(14)

#define SERVES		NULL

static const char * const order_of_backends[] = {
	"device pool", "restricted pool", "iommu", "global pool", "arch",
	"atomic pool", "device cma", "node cma", "default cma", "prepared pages",
	"pages", "busy cma",
};

static const struct dma_backend *backend_named(const char *name)
{
	const struct dma_backend *backend;

	for (unsigned int nr = 0; (backend = dma_backend_at(nr)); nr++)
		if (!strcmp(backend->name, name))
			return backend;
	return NULL;
}

static void route_order_test(struct kunit *test)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(order_of_backends); i++) {
		const struct dma_backend *backend = dma_backend_at(nr);

		if (backend && !strcmp(backend->name, order_of_backends[i]))
			nr++;
	}
	/* All that are built, and nothing else, in this order */
	KUNIT_EXPECT_NULL(test, dma_backend_at(nr));
	KUNIT_EXPECT_NULL(test, dma_backend_at(nr + 1));
	KUNIT_EXPECT_NULL(test, dma_backend_at(UINT_MAX));
	KUNIT_EXPECT_GE(test, nr, 1);
	KUNIT_EXPECT_STREQ(test, dma_backend_at(nr - 1)->name,
			   IS_ENABLED(CONFIG_DMA_CMA) ? "busy cma" : "pages");
	KUNIT_EXPECT_EQ(test, !!backend_named("device pool"),
			IS_ENABLED(CONFIG_DMA_DECLARE_COHERENT));
	KUNIT_EXPECT_EQ(test, !!backend_named("restricted pool"),
			IS_ENABLED(CONFIG_DMA_RESTRICTED_POOL));
	KUNIT_EXPECT_EQ(test, !!backend_named("iommu"),
			IS_ENABLED(CONFIG_IOMMU_DMA));
	KUNIT_EXPECT_EQ(test, !!backend_named("atomic pool"),
			IS_ENABLED(CONFIG_DMA_COHERENT_POOL));
	KUNIT_EXPECT_EQ(test, !!backend_named("prepared pages"),
			IS_ENABLED(CONFIG_DMA_COHERENT_POOL));
	KUNIT_EXPECT_NOT_NULL(test, backend_named("pages"));
	KUNIT_EXPECT_EQ(test, !!backend_named("default cma"),
			IS_ENABLED(CONFIG_DMA_CMA));
}

static void route_name_test(struct kunit *test)
{
	KUNIT_EXPECT_STREQ(test, dma_route_name(DMA_ROUTE_DIRECT), "direct");
	KUNIT_EXPECT_STREQ(test, dma_route_name(DMA_ROUTE_IOMMU), "iommu");
	KUNIT_EXPECT_STREQ(test, dma_route_name(DMA_ROUTE_OPS),
			   "external ops");
}

/* Only these may stop the walk when they have no memory. */
static void route_exclusive_test(struct kunit *test)
{
	const struct dma_backend *backend;

	for (unsigned int nr = 0; (backend = dma_backend_at(nr)); nr++) {
		bool is_exclusive = !strcmp(backend->name, "device pool") ||
				    !strcmp(backend->name, "restricted pool") ||
				    !strcmp(backend->name, "iommu") ||
				    !strcmp(backend->name, "arch");

		KUNIT_EXPECT_EQ_MSG(test, backend->is_exclusive, is_exclusive,
				    "%s", backend->name);
	}
}

static void route_request_test(struct kunit *test)
{
	struct device *dev = dma_kunit_device(test, "dev",
			&(struct dma_kunit_shape) {
				.mask = DMA_BIT_MASK(40),
				.coherent_mask = DMA_BIT_MASK(33),
			});
	struct dma_request req = dma_request_of(dev, 12345,
			GFP_KERNEL | __GFP_DMA32 | __GFP_NOWARN,
			DMA_ATTR_WRITE_COMBINE);

	KUNIT_EXPECT_PTR_EQ(test, req.dev, dev);
	KUNIT_EXPECT_EQ(test, req.size, 12345);
	KUNIT_EXPECT_EQ(test, (__force u32)req.gfp,
			(__force u32)(GFP_KERNEL | __GFP_NOWARN));
	KUNIT_EXPECT_EQ(test, req.attrs,
			DMA_ATTR_WRITE_COMBINE | DMA_ATTR_NO_WARN);
	KUNIT_EXPECT_EQ(test, req.limits.last_dma, DMA_BIT_MASK(33));
	KUNIT_EXPECT_EQ(test, req.route, DMA_ROUTE_DIRECT);
	KUNIT_EXPECT_FALSE(test, req.wants_pages);
	KUNIT_EXPECT_TRUE(test, dma_request_can_sleep(&req));
	req.gfp = GFP_ATOMIC;
	KUNIT_EXPECT_FALSE(test, dma_request_can_sleep(&req));
	req.gfp = GFP_NOWAIT;
	KUNIT_EXPECT_FALSE(test, dma_request_can_sleep(&req));
	KUNIT_EXPECT_EQ(test, dma_natural_pages(PAGE_SIZE), 1);
	KUNIT_EXPECT_EQ(test, dma_natural_pages(5 * PAGE_SIZE), 8);
}

/* Reasons */

#define NO_POOL		"no device pool is bound"
#define WANTS_CACHE	"the caller wants cacheable pages"
#define NO_RESTRICTED	"device has no restricted pool"
#define NOT_DIRECT	"device does not reach memory directly"
#define NO_SLEEP	"the request may not sleep"
#define MAY_SLEEP	"the request may sleep"
#define IN_REACH_NOT	"out of the device's reach"
#define NO_DECRYPT	"pages cannot be decrypted without sleeping"
#define NO_REMAP	"pages cannot be remapped without sleeping"
#define NO_UNCACHED	"this architecture cannot make pages uncached"

struct reason {
	const char *backend;
	unsigned int flags;
	const char *expected;
};

static const struct reason reasons[] = {
	{ "device pool", 0, NO_POOL },
	{ "device pool", IS_NONCOHERENT | IS_ATOMIC, NO_POOL },
	{ "device pool", HAS_POOL, SERVES },
	{ "device pool", HAS_POOL | IS_ATOMIC, SERVES },
	{ "device pool", HAS_POOL | IS_NONCOHERENT, SERVES },
	{ "device pool", HAS_POOL | IS_HUGE, SERVES },
	{ "device pool", HAS_POOL | BY_IOMMU, SERVES },
	{ "device pool", HAS_POOL | BY_OPS, SERVES },
	{ "device pool", HAS_POOL | NO_MAPPING, SERVES },
	{ "device pool", HAS_POOL | WANTS_PAGES, WANTS_CACHE },

	{ "restricted pool", 0, NO_RESTRICTED },
	{ "restricted pool", HAS_RESTRICTED, SERVES },
	{ "restricted pool", HAS_RESTRICTED | WANTS_PAGES, SERVES },
	{ "restricted pool", HAS_RESTRICTED | BY_IOMMU, NOT_DIRECT },
	{ "restricted pool", HAS_RESTRICTED | BY_OPS, NOT_DIRECT },
	{ "restricted pool", HAS_RESTRICTED | IS_ATOMIC, SERVES },
	/* It refuses these rather than let them go elsewhere. */
	{ "restricted pool", HAS_RESTRICTED | IS_ATOMIC | IS_UNENCRYPTED,
	  SERVES },
	{ "restricted pool", HAS_RESTRICTED | IS_NONCOHERENT | IF_REMAP, SERVES },
	{ "restricted pool", HAS_RESTRICTED | IS_NONCOHERENT | IS_ATOMIC |
	  IF_REMAP, SERVES },

	{ "iommu", 0, "device is not behind an IOMMU" },
	{ "iommu", BY_OPS, "device is not behind an IOMMU" },
	{ "iommu", BY_IOMMU, SERVES },
	{ "iommu", BY_IOMMU | IS_NONCOHERENT, SERVES },
	{ "iommu", BY_IOMMU | IS_ATOMIC, "the request may not sleep" },
	{ "iommu", BY_IOMMU | IS_ATOMIC | IS_NONCOHERENT,
	  "the request may not sleep" },
	{ "iommu", BY_IOMMU | IS_HUGE, SERVES },
	{ "iommu", BY_IOMMU | WANTS_PAGES,
	  "the caller wants contiguous memory" },

	{ "arch", 0, "device is coherent" },
	{ "arch", IS_NONCOHERENT, SERVES },
	{ "arch", IS_NONCOHERENT | IS_ATOMIC, SERVES },
	{ "arch", IS_NONCOHERENT | WANTS_PAGES,
	  "the caller wants cacheable pages" },
	{ "arch", IS_NONCOHERENT | NO_MAPPING,
	  "the caller wants no kernel mapping" },

	{ "atomic pool", 0, MAY_SLEEP },
	{ "atomic pool", IS_NONCOHERENT, MAY_SLEEP },
	{ "atomic pool", IS_ATOMIC, "pages need no preparation" },
	{ "atomic pool", IS_ATOMIC | IS_NONCOHERENT | IF_REMAP, SERVES },
	{ "atomic pool", IS_ATOMIC | IS_UNENCRYPTED, SERVES },
	{ "atomic pool", IS_ATOMIC | IS_NONCOHERENT | BY_IOMMU | IF_REMAP,
	  SERVES },
	{ "atomic pool", IS_ATOMIC | IS_NONCOHERENT | BY_OPS | IF_REMAP,
	  "external ops map pages alone" },
	{ "atomic pool", IS_ATOMIC | IS_NONCOHERENT | WANTS_PAGES,
	  "pages need no preparation" },
	{ "atomic pool", IS_ATOMIC | IS_NONCOHERENT | NO_MAPPING | IF_REMAP,
	  WANTS_CACHE },
	{ "atomic pool", IS_ATOMIC | IS_UNENCRYPTED | WANTS_PAGES | IF_REMAP,
	  WANTS_CACHE },

	{ "device cma", 0, "no device CMA area is bound" },
	{ "device cma", HAS_CMA, SERVES },
	{ "device cma", HAS_CMA | IS_SINGLE_PAGE, SERVES },
	{ "device cma", HAS_CMA | IS_HUGE, SERVES },
	{ "device cma", HAS_CMA | WANTS_PAGES, SERVES },
	{ "device cma", HAS_CMA | IS_ATOMIC, NO_SLEEP },
	{ "device cma", HAS_CMA | OUT_OF_REACH, IN_REACH_NOT },
	{ "device cma", HAS_CMA | OUT_OF_REACH | BY_IOMMU, SERVES },
	{ "device cma", HAS_CMA | IS_NONCOHERENT | IF_REMAP, SERVES },
	{ "device cma", HAS_CMA | IS_UNENCRYPTED, SERVES },

	{ "node cma", 0, "there is none" },
	{ "node cma", IS_ATOMIC, NO_SLEEP },
	{ "node cma", IS_SINGLE_PAGE, "a single page" },

	{ "default cma", 0, SERVES },
	{ "default cma", IS_HUGE, SERVES },
	{ "default cma", WANTS_PAGES, SERVES },
	{ "default cma", WANTS_PAGES | BY_IOMMU, SERVES },
	{ "default cma", IS_SINGLE_PAGE, "a single page" },
	{ "default cma", IS_SINGLE_PAGE | IS_ATOMIC, "a single page" },
	{ "default cma", HAS_CMA, "the device has a CMA area of its own" },
	{ "default cma", IS_ATOMIC, NO_SLEEP },
	{ "default cma", OUT_OF_REACH, IN_REACH_NOT },
	{ "default cma", OUT_OF_REACH | BY_OPS, SERVES },
	{ "default cma", IS_NONCOHERENT | IF_REMAP, SERVES },
	{ "default cma", IS_NONCOHERENT | IF_NO_REMAP, NO_UNCACHED },

	{ "prepared pages", 0, "pages need no preparation" },
	{ "prepared pages", IS_NONCOHERENT | IS_ATOMIC, NO_SLEEP },
	{ "prepared pages", IS_NONCOHERENT | IF_REMAP, SERVES },
	{ "prepared pages", IS_UNENCRYPTED, SERVES },
	{ "prepared pages", IS_NONCOHERENT | WANTS_PAGES,
	  "pages need no preparation" },
	{ "prepared pages", IS_UNENCRYPTED | WANTS_PAGES | IF_REMAP, WANTS_CACHE },
	{ "prepared pages", IS_NONCOHERENT | BY_IOMMU | IF_REMAP,
	  "device is behind an IOMMU" },
	{ "prepared pages", IS_NONCOHERENT | BY_OPS | IF_REMAP,
	  "external ops map pages alone" },
	{ "prepared pages", IS_NONCOHERENT | IS_HUGE,
	  "larger than the page allocator's largest piece" },

	{ "pages", 0, SERVES },
	{ "pages", IS_SINGLE_PAGE | IS_ATOMIC, SERVES },
	{ "pages", OUT_OF_REACH, SERVES },
	{ "pages", IS_HUGE, "larger than the page allocator's largest piece" },
	{ "pages", IS_UNENCRYPTED, SERVES },
	{ "pages", IS_UNENCRYPTED | IS_ATOMIC, NO_DECRYPT },
	{ "pages", IS_NONCOHERENT | IF_REMAP, SERVES },
	{ "pages", IS_NONCOHERENT | IS_ATOMIC | IF_REMAP, NO_REMAP },
	{ "pages", IS_NONCOHERENT | IS_ATOMIC | WANTS_PAGES, SERVES },
	{ "pages", IS_NONCOHERENT | IS_ATOMIC | NO_MAPPING, SERVES },
	{ "pages", IS_NONCOHERENT | IF_NO_REMAP, NO_UNCACHED },
	{ "pages", IS_NONCOHERENT | NO_MAPPING | IF_NO_REMAP, SERVES },

	{ "busy cma", IS_ATOMIC, NO_SLEEP },
	{ "busy cma", 0, SERVES },
	{ "busy cma", HAS_CMA, SERVES },
	{ "busy cma", IS_SINGLE_PAGE, "a single page" },
	{ "busy cma", HAS_CMA | IS_SINGLE_PAGE, SERVES },
	{ "busy cma", OUT_OF_REACH, IN_REACH_NOT },
};

static void reason_to_desc(const struct reason *reason, char *desc)
{
	static const char * const words[] = {
		"atomic", "non-coherent", "unencrypted", "wants-pages",
		"no-mapping", "by-iommu", "by-ops", "out-of-reach", "has-pool",
		"has-restricted", "has-cma", "single-page", "huge",
	};
	int len = strscpy(desc, reason->backend, KUNIT_PARAM_DESC_SIZE);

	for (unsigned int i = 0; i < ARRAY_SIZE(words); i++)
		if (reason->flags & BIT(i))
			len += scnprintf(desc + len,
					 KUNIT_PARAM_DESC_SIZE - len, " %s",
					 words[i]);
	scnprintf(desc + len, KUNIT_PARAM_DESC_SIZE - len, " -> %s",
		  reason->expected ?: "serves");
}

KUNIT_ARRAY_PARAM(reason, reasons, reason_to_desc);

static struct dma_request request_of(struct device *dev, unsigned int flags)
{
	size_t nr_pages = flags & IS_SINGLE_PAGE ? 1 :
			  flags & IS_HUGE ? HUGE_PAGES : 4;
	struct dma_request req = dma_request_of(dev, nr_pages << PAGE_SHIFT,
			flags & IS_ATOMIC ? GFP_ATOMIC : GFP_KERNEL,
			flags & NO_MAPPING ? DMA_ATTR_NO_KERNEL_MAPPING : 0);

	req.route = flags & BY_IOMMU ? DMA_ROUTE_IOMMU :
		    flags & BY_OPS ? DMA_ROUTE_OPS : DMA_ROUTE_DIRECT;
	req.wants_pages = flags & WANTS_PAGES;
	req.limits.coherent = !(flags & IS_NONCOHERENT);
	req.limits.unencrypted = flags & IS_UNENCRYPTED;
	if (flags & OUT_OF_REACH)
		req.limits.last_dma = PAGE_SIZE - 1;
	return req;
}

#ifdef CONFIG_DMA_DECLARE_COHERENT
/* Nobody looks at what it is as long as nothing is allocated. */
static void pretend_pool(struct device *dev, bool has_one)
{
	static LIST_HEAD(no_pool);

	if (has_one)
		list_add(&no_pool, &dma_device_find(dev)->pools);
	else
		list_del(&no_pool);
}
#else
static void pretend_pool(struct device *dev, bool has_one) {}
#endif

#ifdef CONFIG_DMA_RESTRICTED_POOL
static struct io_tlb_mem restricted = { .for_alloc = true };

static void pretend_restricted(struct device *dev, bool is_on)
{
	static struct io_tlb_mem *own;

	if (is_on)
		own = dev->dma_io_tlb_mem;
	dev->dma_io_tlb_mem = is_on ? &restricted : own;
}
#else
static void pretend_restricted(struct device *dev, bool is_on) {}
#endif

#ifdef CONFIG_DMA_CMA
static struct cma *default_area(void)
{
	struct dma_cma_area *area = dma_cma_default();

	return area ? area->cma : NULL;
}

static void pretend_cma(struct device *dev, struct cma *area)
{
	dev->cma_area = area;
}
#else
static struct cma *default_area(void)
{
	return NULL;
}

static void pretend_cma(struct device *dev, struct cma *area) {}
#endif

static void route_reason_test(struct kunit *test)
{
	const struct reason *reason = test->param_value;
	const struct dma_backend *backend = backend_named(reason->backend);
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	struct dma_request req = request_of(dev, reason->flags);
	const char *why;

	if (!backend)
		kunit_skip(test, "%s is not built", reason->backend);
	if (reason->flags & (IS_ENABLED(CONFIG_DMA_DIRECT_REMAP) ? IF_NO_REMAP :
								   IF_REMAP))
		kunit_skip(test, "not this architecture");
	if (!default_area() && (reason->flags & HAS_CMA ||
				!strcmp(reason->backend, "default cma")))
		kunit_skip(test, "there is no default CMA area");

	if (reason->flags & HAS_POOL)
		pretend_pool(dev, true);
	if (reason->flags & HAS_RESTRICTED)
		pretend_restricted(dev, true);
	if (reason->flags & HAS_CMA)
		pretend_cma(dev, default_area());
	why = dma_backend_declines(backend, &req);
	if (reason->flags & HAS_POOL)
		pretend_pool(dev, false);
	if (reason->flags & HAS_RESTRICTED)
		pretend_restricted(dev, false);
	if (reason->flags & HAS_CMA)
		pretend_cma(dev, NULL);

	KUNIT_EXPECT_STREQ(test, why ?: "serves", reason->expected ?: "serves");
}

/* Other suites may have made a global pool, which stays until reboot. */
static bool has_global_pool(struct device *dev)
{
	const struct dma_backend *backend = backend_named("global pool");
	struct dma_request req = request_of(dev, IS_NONCOHERENT);

	return backend && !dma_backend_declines(backend, &req);
}

static void route_global_pool_test(struct kunit *test)
{
	struct {
		unsigned int flags;
		const char *expected;
	} rows[] = {
		{ 0, "device is coherent" },
		{ IS_ATOMIC | WANTS_PAGES, "device is coherent" },
		{ IS_NONCOHERENT | BY_IOMMU, NOT_DIRECT },
		{ IS_NONCOHERENT | BY_OPS, NOT_DIRECT },
		{ IS_NONCOHERENT | WANTS_PAGES, WANTS_CACHE },
		{ IS_NONCOHERENT, "serves" },
		{ IS_NONCOHERENT | IS_ATOMIC, "serves" },
		{ IS_NONCOHERENT | IS_HUGE, "serves" },
		{ IS_NONCOHERENT | NO_MAPPING, "serves" },
	};
	const struct dma_backend *backend = backend_named("global pool");
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	bool has_one = has_global_pool(dev);

	if (!backend)
		kunit_skip(test, "global pools are not built");
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		struct dma_request req = request_of(dev, rows[i].flags);
		const char *why = dma_backend_declines(backend, &req) ?: "serves";

		if (!has_one && !strcmp(rows[i].expected, "serves"))
			rows[i].expected = "there is none";
		KUNIT_EXPECT_STREQ_MSG(test, why, rows[i].expected, "flags %#x",
				       rows[i].flags);
	}
}

/* Real requests */

struct choice {
	const char *what;
	unsigned int flags;
	/* The first of these that there is; NULL: refused */
	const char *expected[3];
};

static const struct choice choices[] = {
	{ "coherent, page", IS_SINGLE_PAGE, { "pages" } },
	{ "coherent, page, atomic", IS_SINGLE_PAGE | IS_ATOMIC, { "pages" } },
	{ "coherent, pages", 0, { "default cma", "pages" } },
	{ "coherent, pages, atomic", IS_ATOMIC, { "pages" } },
	{ "coherent, huge", IS_HUGE, { "default cma" } },
	{ "coherent, huge, atomic", IS_HUGE | IS_ATOMIC, {} },
	{ "coherent, cacheable", WANTS_PAGES, { "default cma", "pages" } },
	{ "coherent, cacheable, atomic", WANTS_PAGES | IS_ATOMIC, { "pages" } },
	{ "coherent, no mapping", NO_MAPPING, { "default cma", "pages" } },
	{ "non-coherent, page", IS_NONCOHERENT | IS_SINGLE_PAGE,
	  { "global pool", "prepared pages" } },
	{ "non-coherent, page, atomic",
	  IS_NONCOHERENT | IS_SINGLE_PAGE | IS_ATOMIC,
	  { "global pool", "atomic pool" } },
	{ "non-coherent, pages", IS_NONCOHERENT,
	  { "global pool", "default cma", "prepared pages" } },
	{ "non-coherent, pages, atomic", IS_NONCOHERENT | IS_ATOMIC,
	  { "global pool", "atomic pool" } },
	{ "non-coherent, cacheable", IS_NONCOHERENT | WANTS_PAGES,
	  { "default cma", "pages" } },
	{ "non-coherent, cacheable, atomic",
	  IS_NONCOHERENT | WANTS_PAGES | IS_ATOMIC, { "pages" } },
	{ "non-coherent, no mapping, atomic",
	  IS_NONCOHERENT | NO_MAPPING | IS_ATOMIC, { "global pool", "pages" } },
	{ "own CMA area, page", HAS_CMA | IS_SINGLE_PAGE, { "device cma" } },
	{ "own CMA area, pages", HAS_CMA, { "device cma" } },
	{ "own CMA area, atomic", HAS_CMA | IS_ATOMIC, { "pages" } },
};

static void choice_to_desc(const struct choice *choice, char *desc)
{
	strscpy(desc, choice->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(choice, choices, choice_to_desc);

/* Behind the global pool an architecture's own allocator has the last word. */
static bool is_for_arch(const struct choice *choice)
{
	return IS_ENABLED(CONFIG_ARCH_HAS_DMA_ALLOC) &&
	       choice->flags & IS_NONCOHERENT &&
	       !(choice->flags & (WANTS_PAGES | NO_MAPPING));
}

static const char *first_expected(struct device *dev,
				  const struct choice *choice)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(choice->expected); i++) {
		const char *name = choice->expected[i];

		if (name && strcmp(name, "global pool") && is_for_arch(choice))
			return "arch";
		if (name && !((!strcmp(name, "default cma") &&
			       !default_area()) ||
			      (!strcmp(name, "global pool") &&
			       !has_global_pool(dev))))
			return name;
	}
	return NULL;
}

static void *take_as(const struct choice *choice, struct device *dev,
		     size_t size, dma_addr_t *dma_addr)
{
	gfp_t gfp = choice->flags & IS_ATOMIC ? GFP_ATOMIC : GFP_KERNEL;

	if (choice->flags & WANTS_PAGES)
		return dma_alloc_pages(dev, size, dma_addr, DMA_BIDIRECTIONAL,
				       gfp);
	return dma_alloc_attrs(dev, size, dma_addr, gfp,
			       choice->flags & NO_MAPPING ?
			       DMA_ATTR_NO_KERNEL_MAPPING : 0);
}

static void give_as(const struct choice *choice, struct device *dev,
		    size_t size, void *what, dma_addr_t dma_addr)
{
	if (choice->flags & WANTS_PAGES)
		dma_free_pages(dev, size, what, dma_addr, DMA_BIDIRECTIONAL);
	else
		dma_free_attrs(dev, size, what, dma_addr,
			       choice->flags & NO_MAPPING ?
			       DMA_ATTR_NO_KERNEL_MAPPING : 0);
}

static void route_choice_test(struct kunit *test)
{
	const struct choice *choice = test->param_value;
	struct device *dev = dma_kunit_device(test, "dev",
			&(struct dma_kunit_shape) {
				.is_noncoherent = choice->flags & IS_NONCOHERENT,
			});
	const char *expected = first_expected(dev, choice);
	size_t size = request_of(dev, choice->flags).size;
	dma_addr_t dma_addr;
	const char *owner;
	void *what;

	if (choice->flags & HAS_CMA && !default_area())
		kunit_skip(test, "there is no CMA area to pretend with");
	if (choice->flags & HAS_CMA)
		pretend_cma(dev, default_area());
	what = take_as(choice, dev, size, &dma_addr);
	if (choice->flags & HAS_CMA)
		pretend_cma(dev, NULL);
	owner = what ? dma_ledger_owner(dev, dma_addr) : "refused";
	KUNIT_EXPECT_STREQ(test, owner, expected ?: "refused");
	if (what)
		give_as(choice, dev, size, what, dma_addr);
}

/* A route that changes in between does not mislead the free. */
static void route_change_test(struct kunit *test)
{
	struct device *dev = dma_kunit_coherent_device(test, "dev");
	dma_addr_t small, large;
	void *page = dma_alloc_coherent(dev, PAGE_SIZE, &small, GFP_KERNEL);
	void *pages = dma_alloc_coherent(dev, SZ_64K, &large, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_NOT_NULL(test, pages);
	dev->coherent_dma_mask = DMA_BIT_MASK(12);
	pretend_pool(dev, true);
	pretend_cma(dev, default_area());
	dma_free_coherent(dev, PAGE_SIZE, page, small);
	dma_free_coherent(dev, SZ_64K, pages, large);
	pretend_pool(dev, false);
	pretend_cma(dev, NULL);
	KUNIT_EXPECT_EQ(test, dma_ledger_count(dev), 0);
}

static struct kunit_case dma_route_cases[] = {
	KUNIT_CASE(route_order_test),
	KUNIT_CASE(route_name_test),
	KUNIT_CASE(route_exclusive_test),
	KUNIT_CASE(route_request_test),
	KUNIT_CASE_PARAM(route_reason_test, reason_gen_params),
	KUNIT_CASE(route_global_pool_test),
	KUNIT_CASE_PARAM(route_choice_test, choice_gen_params),
	KUNIT_CASE(route_change_test),
	{}
};

static struct kunit_suite dma_route_suite = {
	.name = "dma_route",
	.test_cases = dma_route_cases,
};

kunit_test_suite(dma_route_suite);

MODULE_DESCRIPTION("KUnit tests of the DMA dispatcher's routing table");
MODULE_LICENSE("GPL");
