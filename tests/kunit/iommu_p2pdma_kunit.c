// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of lists with memory of a PCI peer, behind an IOMMU.
 *
 * One device has memory behind a BAR, as pci_p2pdma_add_resource() takes it.
 * Where another one stands decides: below the same switch it gets bus
 * addresses, and the IOMMU has nothing to do with it; below another root port
 * it gets addresses that the IOMMU translates, if the host bridge is known to
 * let that through; and where it is not, the list is refused.
 *
 *	root bus --- root port 1 --- provider, near
 *	         |
 *	         --- root port 2 --- far
 *
 * Nothing reads or writes the BAR: there is no memory behind it.
 */

#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iommu-dma.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/pci-p2pdma.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/swiotlb.h>

#include "log.h"
#include "mock_iommu.h"
#include "mock_pci.h"

/* Where this machine has nothing, and where the bus sees it */
#define BAR_PHYS	(96ULL * SZ_1G)
#define BAR_SIZE	SZ_2M
#define BAR_OFFSET	(32ULL * SZ_1G)

/* A host bridge that lets peers through to each other */
#define KNOWN_DEVICE	0x2030

#define NR_ENTRIES	5

/* All that a provider needs; zeroed memory that goes with the test */
struct topology {
	struct pci_bus *root;
	struct pci_bus below[2];
	struct pci_dev ports[2];
	struct pci_dev complex;
	struct resource window;
	struct mock_pci *provider;
	struct mock_iommu *iommu;
	void *group;
};

static void end_provider(void *data)
{
	struct topology *t = data;

	devres_release_group(&t->provider->pdev.dev, t->group);
}

static void give_bar(struct kunit *test, struct topology *t)
{
	struct pci_dev *pdev = &t->provider->pdev;
	struct resource *bar = &pdev->resource[0];
	int err;

	t->window = DEFINE_RES_MEM(BAR_PHYS, BAR_SIZE);
	pci_add_resource_offset(&t->provider->bridge->windows, &t->window,
				BAR_OFFSET);
	*bar = DEFINE_RES_MEM(BAR_PHYS, BAR_SIZE);

	t->group = devres_open_group(&pdev->dev, NULL, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->group);
	err = pci_p2pdma_add_resource(pdev, 0, BAR_SIZE, 0);
	devres_close_group(&pdev->dev, t->group);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, end_provider,
							   t));
	KUNIT_ASSERT_EQ(test, err, 0);
}

static void add_port(struct kunit *test, struct topology *t, unsigned int nr)
{
	mock_pci_init_bus(test, &t->below[nr]);
	t->below[nr].number = nr + 1;
	t->below[nr].parent = t->root;
	t->below[nr].self = &t->ports[nr];
	t->ports[nr].bus = t->root;
	t->ports[nr].devfn = PCI_DEVFN(nr + 1, 0);
}

static void stand_below(struct topology *t, struct mock_pci *mock,
			unsigned int port, unsigned int slot)
{
	mock->pdev.bus = &t->below[port];
	mock->pdev.devfn = PCI_DEVFN(slot, 0);
}

static struct topology *make_topology(struct kunit *test, bool is_known)
{
	struct topology *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->provider = mock_pci_device(test, "dma-kunit-provider");
	t->root = &t->provider->bus;
	for (unsigned int i = 0; i < 2; i++)
		add_port(test, t, i);
	t->complex.vendor = PCI_VENDOR_ID_INTEL;
	t->complex.device = is_known ? KNOWN_DEVICE : 0;
	t->complex.bus = t->root;
	list_add_tail(&t->complex.bus_list, &t->root->devices);
	stand_below(t, t->provider, 0, 0);
	give_bar(test, t);
	t->iommu = mock_iommu_create(test, &(struct mock_iommu_shape){});
	return t;
}

static struct device *make_client(struct kunit *test, struct topology *t,
				  const char *name, unsigned int port)
{
	struct mock_pci *mock = mock_pci_device(test, name);
	struct device *dev = &mock->pdev.dev;

	stand_below(t, mock, port, 1);
	KUNIT_ASSERT_EQ(test, 0, mock_iommu_join(t->iommu, dev));
	mock_iommu_watch(test, dev);
	KUNIT_ASSERT_TRUE(test, use_dma_iommu(dev));
	KUNIT_EXPECT_TRUE(test, dma_pci_p2pdma_supported(dev));
	return dev;
}

/*
 * Memory, two pages of the peer in one row, memory, and the peer's again. No
 * two entries of memory are neighbours.
 */
struct list {
	struct scatterlist sg[NR_ENTRIES];
	struct sg_table table;
	u8 *memory;
};

static const bool is_peer[NR_ENTRIES] = { false, true, true, false, true };

static phys_addr_t peer_phys(unsigned int nr)
{
	return BAR_PHYS + nr * SZ_4K;
}

static void make_list(struct kunit *test, struct list *list)
{
	list->memory = mock_iommu_buffer(test, NR_ENTRIES * SZ_8K);
	mock_iommu_fill(list->memory, NR_ENTRIES * SZ_8K, 3);
	sg_init_table(list->sg, NR_ENTRIES);
	for (unsigned int i = 0; i < NR_ENTRIES; i++)
		if (is_peer[i])
			sg_set_page(&list->sg[i],
				    pfn_to_page(PHYS_PFN(peer_phys(i))), SZ_4K,
				    0);
		else
			sg_set_buf(&list->sg[i], list->memory + i * SZ_8K,
				   SZ_4K);
	list->table = (struct sg_table) {
		.sgl = list->sg,
		.nents = NR_ENTRIES,
		.orig_nents = NR_ENTRIES,
	};
}

/* The bytes of entry @nr at @addr are its memory, or the peer's by the IOMMU. */
static void check_translated(struct kunit *test, struct device *dev,
			     struct list *list, unsigned int nr,
			     dma_addr_t addr)
{
	phys_addr_t phys = mock_iommu_phys(dev, addr);

	KUNIT_EXPECT_EQ_MSG(test, phys, sg_phys(&list->sg[nr]), "entry %u", nr);
	if (!is_peer[nr])
		KUNIT_EXPECT_TRUE_MSG(test,
				      mock_iommu_sees(dev, addr,
						      sg_virt(&list->sg[nr]),
						      SZ_4K), "entry %u", nr);
}

static void sync_both(struct device *dev, struct list *list)
{
	dma_sync_sgtable_for_cpu(dev, &list->table, DMA_BIDIRECTIONAL);
	dma_sync_sgtable_for_device(dev, &list->table, DMA_BIDIRECTIONAL);
}

static void unmap_and_check(struct kunit *test, struct device *dev,
			    struct list *list)
{
	dma_unmap_sgtable(dev, &list->table, DMA_BIDIRECTIONAL, 0);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), 0);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_stale(dev), 0);
	KUNIT_EXPECT_TRUE(test, mock_iommu_is_filled(list->memory,
						     NR_ENTRIES * SZ_8K, 3));
}

/* Below the same switch: bus addresses, which the IOMMU never sees */
static void check_near(struct kunit *test, struct device *dev,
		       struct list *list)
{
	KUNIT_ASSERT_EQ(test, 0, dma_map_sgtable(dev, &list->table,
						 DMA_BIDIRECTIONAL, 0));
	KUNIT_ASSERT_EQ(test, list->table.nents, NR_ENTRIES);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), 2);
	for (unsigned int i = 0; i < NR_ENTRIES; i++) {
		dma_addr_t addr = sg_dma_address(&list->sg[i]);

		KUNIT_EXPECT_EQ(test, sg_dma_len(&list->sg[i]), SZ_4K);
		KUNIT_EXPECT_EQ(test, sg_dma_is_bus_address(&list->sg[i]),
				is_peer[i]);
		if (is_peer[i])
			KUNIT_EXPECT_EQ(test, addr, peer_phys(i) - BAR_OFFSET);
		else
			check_translated(test, dev, list, i, addr);
	}
	sync_both(dev, list);
	unmap_and_check(test, dev, list);
}

/* Below another root port: all of it in one row of the IOMMU's addresses */
static void check_far(struct kunit *test, struct device *dev, struct list *list)
{
	KUNIT_ASSERT_EQ(test, 0, dma_map_sgtable(dev, &list->table,
						 DMA_BIDIRECTIONAL, 0));
	KUNIT_ASSERT_EQ(test, list->table.nents, 1);
	KUNIT_EXPECT_FALSE(test, sg_dma_is_bus_address(list->sg));
	KUNIT_EXPECT_EQ(test, sg_dma_len(list->sg), NR_ENTRIES * SZ_4K);
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), NR_ENTRIES);
	for (unsigned int i = 0; i < NR_ENTRIES; i++)
		check_translated(test, dev, list, i,
				 sg_dma_address(list->sg) + i * SZ_4K);
	sync_both(dev, list);
	unmap_and_check(test, dev, list);
}

static void check_refused(struct kunit *test, struct device *dev,
			  struct list *list)
{
	KUNIT_EXPECT_EQ(test, -EREMOTEIO,
			dma_map_sgtable(dev, &list->table, DMA_BIDIRECTIONAL,
					0));
	KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(dev), 0);
	for (unsigned int i = 0; i < NR_ENTRIES; i++)
		KUNIT_EXPECT_FALSE(test, sg_dma_is_bus_address(&list->sg[i]));
}

static void p2pdma_near_test(struct kunit *test)
{
	struct topology *t = make_topology(test, false);
	struct device *near = make_client(test, t, "dma-kunit-near", 0);
	struct list list;

	make_list(test, &list);
	check_near(test, near, &list);
	/* A device whose caches need care does not need other addresses. */
	if (dma_kunit_set_coherent(near, false))
		check_near(test, near, &list);
}

static void p2pdma_far_test(struct kunit *test)
{
	struct topology *t = make_topology(test, true);
	struct device *far = make_client(test, t, "dma-kunit-far", 1);
	struct list list;

	make_list(test, &list);
	check_far(test, far, &list);
}

static void p2pdma_refused_test(struct kunit *test)
{
	struct topology *t = make_topology(test, false);
	struct device *far = make_client(test, t, "dma-kunit-far", 1);
	struct list list;

	if (pci_p2pdma_distance(&t->provider->pdev, far, false) >= 0)
		kunit_skip(test, "this CPU lets all peers through");
	make_list(test, &list);
	check_refused(test, far, &list);
	check_refused(test, far, &list);
}

/* Who is on no PCI bus has no peers. */
static void p2pdma_stranger_test(struct kunit *test)
{
	struct topology *t = make_topology(test, true);
	struct device *dev = mock_iommu_device(test, t->iommu, "stranger",
					       &(struct dma_kunit_shape){});
	struct list list;

	make_list(test, &list);
	check_refused(test, dev, &list);
}

/* Bus addresses alone: the IOMMU has nothing to do at all. */
static void p2pdma_bus_only_test(struct kunit *test)
{
	struct topology *t = make_topology(test, false);
	struct device *near = make_client(test, t, "dma-kunit-near", 0);
	struct mock_iommu_counts before = mock_iommu_counts(near), after;
	struct scatterlist sg[2];

	sg_init_table(sg, 2);
	for (unsigned int i = 0; i < 2; i++)
		sg_set_page(&sg[i], pfn_to_page(PHYS_PFN(peer_phys(i))), SZ_4K,
			    0);
	KUNIT_ASSERT_EQ(test, 2, dma_map_sg(near, sg, 2, DMA_TO_DEVICE));
	for (unsigned int i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, sg_dma_address(&sg[i]),
				peer_phys(i) - BAR_OFFSET);
	dma_unmap_sg(near, sg, 2, DMA_TO_DEVICE);
	after = mock_iommu_counts(near);
	KUNIT_EXPECT_EQ(test, after.nr_map_calls, before.nr_map_calls);
	KUNIT_EXPECT_EQ(test, after.nr_unmap_calls, before.nr_unmap_calls);
	KUNIT_EXPECT_EQ(test, after.nr_syncs, before.nr_syncs);
}

/* One list for one device after the other: nothing of before is left in it. */
static void p2pdma_again_test(struct kunit *test)
{
	struct topology *t = make_topology(test, true);
	struct device *near = make_client(test, t, "dma-kunit-near", 0);
	struct device *far = make_client(test, t, "dma-kunit-far", 1);
	struct list list;

	make_list(test, &list);
	check_near(test, near, &list);
	check_far(test, far, &list);
	check_near(test, near, &list);
}

/* Half of the list is mapped when the IOMMU has no memory left. */
static void p2pdma_fail_test(struct kunit *test)
{
	struct topology *t = make_topology(test, true);
	struct device *devs[2] = {
		make_client(test, t, "dma-kunit-near", 0),
		make_client(test, t, "dma-kunit-far", 1),
	};
	struct list list;

	make_list(test, &list);
	for (unsigned int i = 0; i < 2; i++) {
		mock_iommu_fail_nth(t->iommu, MOCK_IOMMU_MAP, 2);
		KUNIT_EXPECT_EQ(test, -ENOMEM,
				dma_map_sgtable(devs[i], &list.table,
						DMA_BIDIRECTIONAL, 0));
		KUNIT_EXPECT_FALSE(test, mock_iommu_fail_nth(t->iommu,
							     MOCK_IOMMU_MAP,
							     0));
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_mapped(devs[i]), 0);
		KUNIT_EXPECT_EQ(test, mock_iommu_nr_stale(devs[i]), 0);
	}
	check_near(test, devs[0], &list);
	check_far(test, devs[1], &list);
}

/*
 * A device that is not trusted: memory that has to be bounced for it is so,
 * wherever in a list it is, or the list is refused.
 */
static void p2pdma_untrusted_test(struct kunit *test)
{
	struct topology *t = make_topology(test, true);
	struct mock_pci *mock = mock_pci_device(test, "dma-kunit-untrusted");
	struct device *dev = &mock->pdev.dev;
	struct list list;

	if (!is_swiotlb_active(dev))
		kunit_skip(test, "this machine has no bounce buffer");
	mock->pdev.untrusted = true;
	stand_below(t, mock, 1, 1);
	KUNIT_ASSERT_EQ(test, 0, mock_iommu_join(t->iommu, dev));
	mock_iommu_watch(test, dev);
	/* Whole pages of its own: nothing has to be bounced. */
	make_list(test, &list);
	check_far(test, dev, &list);
	for (unsigned int i = 0; i < NR_ENTRIES; i++) {
		if (is_peer[i])
			continue;
		make_list(test, &list);
		sg_set_buf(&list.sg[i], list.memory + i * SZ_8K + 100, 200);
		dma_kunit_log_mark();
		check_refused(test, dev, &list);
		KUNIT_EXPECT_EQ(test, dma_kunit_log_count("memory of a PCI peer"),
				1);
	}
}

static struct kunit_case iommu_p2pdma_cases[] = {
	MOCK_IOMMU_CASE_TYPICAL(p2pdma_near_test),
	MOCK_IOMMU_CASE_TYPICAL(p2pdma_far_test),
	MOCK_IOMMU_CASE_TYPICAL(p2pdma_refused_test),
	MOCK_IOMMU_CASE_TYPICAL(p2pdma_stranger_test),
	MOCK_IOMMU_CASE_TYPICAL(p2pdma_bus_only_test),
	MOCK_IOMMU_CASE_TYPICAL(p2pdma_again_test),
	MOCK_IOMMU_CASE_TYPICAL(p2pdma_fail_test),
	KUNIT_CASE(p2pdma_untrusted_test),
	{}
};

static struct kunit_suite iommu_p2pdma_suite = {
	.name = "iommu_p2pdma",
	.test_cases = iommu_p2pdma_cases,
};

kunit_test_suite(iommu_p2pdma_suite);

MODULE_DESCRIPTION("KUnit tests of PCI peers' memory behind an IOMMU");
MODULE_LICENSE("GPL");
