// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of many mappings behind an IOMMU: a long random row of them
 * compared with a simple model, and threads and a hard irq at a time.
 *
 * In the storm each owner looks at its buffers through the eyes of the device
 * before it unmaps them; the mock sees if two of them ever share an address.
 */

#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/prandom.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>

#include "mock_iommu.h"

#define SEED		1991
#define NR_SLOTS	64
#define MAX_SIZE	SZ_32K

struct kind {
	const char *what;
	unsigned int domain_type;
	bool is_noncoherent;
	u64 mask;
};

static const struct kind kinds[] = {
	{ "strict", IOMMU_DOMAIN_DMA },
	{ "lazy", IOMMU_DOMAIN_DMA_FQ },
	{ "strict, non-coherent", IOMMU_DOMAIN_DMA, true },
	{ "lazy, 32 bits", IOMMU_DOMAIN_DMA_FQ, false, DMA_BIT_MASK(32) },
};

static void kind_to_desc(const struct kind *kind, char *desc)
{
	strscpy(desc, kind->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(kind, kinds, kind_to_desc);
MOCK_IOMMU_PARAM(kind)
MOCK_IOMMU_PARAM_TYPICAL(kind)

static struct device *device_of(struct kunit *test, const struct kind *kind)
{
	return mock_iommu_device(test,
			mock_iommu_create(test, &(struct mock_iommu_shape) {
				.domain_type = kind->domain_type,
			}), "dev", &(struct dma_kunit_shape) {
				.mask = kind->mask,
				.is_noncoherent = kind->is_noncoherent,
			});
}

static bool is_flushed(void *data)
{
	return !mock_iommu_nr_stale(data);
}

/* Compared with the model: live mappings, none of which overlaps another */

struct slot {
	dma_addr_t dma_addr;
	size_t offset;
	size_t size;
};

struct model {
	struct kunit *test;
	struct device *dev;
	u8 *buffer;
	struct rnd_state rnd;
	struct slot slots[NR_SLOTS];
	unsigned long mapped;
};

static dma_addr_t first_page(const struct slot *slot)
{
	return PAGE_ALIGN_DOWN(slot->dma_addr);
}

static dma_addr_t end_page(const struct slot *slot)
{
	return PAGE_ALIGN(slot->dma_addr + slot->size);
}

static void check_apart(struct model *model, const struct slot *slot)
{
	for (unsigned int i = 0; i < NR_SLOTS; i++) {
		const struct slot *other = &model->slots[i];

		if (other == slot || !other->size)
			continue;
		KUNIT_ASSERT_TRUE(model->test,
				  end_page(slot) <= first_page(other) ||
				  end_page(other) <= first_page(slot));
	}
}

static void check_slot(struct model *model, const struct slot *slot)
{
	KUNIT_ASSERT_TRUE(model->test,
			  mock_iommu_sees(model->dev, slot->dma_addr,
					  model->buffer + slot->offset,
					  slot->size));
}

static void model_map(struct model *model, struct slot *slot)
{
	slot->offset = prandom_u32_state(&model->rnd) % MAX_SIZE;
	slot->size = 1 + prandom_u32_state(&model->rnd) %
		     (prandom_u32_state(&model->rnd) % 4 ? SZ_8K : MAX_SIZE);
	slot->dma_addr = dma_map_single(model->dev,
					model->buffer + slot->offset,
					slot->size, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(model->test, dma_mapping_error(model->dev,
							  slot->dma_addr));
	check_apart(model, slot);
	check_slot(model, slot);
	model->mapped += end_page(slot) - first_page(slot);
}

static void model_unmap(struct model *model, struct slot *slot)
{
	check_slot(model, slot);
	model->mapped -= end_page(slot) - first_page(slot);
	dma_unmap_single(model->dev, slot->dma_addr, slot->size,
			 DMA_TO_DEVICE);
	KUNIT_ASSERT_EQ(model->test, -1, mock_iommu_prot(model->dev,
							 slot->dma_addr));
	slot->size = 0;
}

static u64 mapped_now(struct device *dev)
{
	struct mock_iommu_counts counts = mock_iommu_counts(dev);

	return counts.mapped - counts.unmapped;
}

static void storm_model_test(struct kunit *test)
{
	struct model *model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, model);
	model->test = test;
	model->dev = device_of(test, mock_iommu_param(test));
	model->buffer = mock_iommu_buffer(test, 2 * MAX_SIZE);
	mock_iommu_fill(model->buffer, 2 * MAX_SIZE, 1);
	kunit_info(test, "seed %u", SEED);
	prandom_seed_state(&model->rnd, SEED);

	for (unsigned long i = mock_iommu_rounds(test, 2000); i; i--) {
		struct slot *slot = &model->slots[prandom_u32_state(&model->rnd) %
						  NR_SLOTS];

		if (slot->size)
			model_unmap(model, slot);
		else
			model_map(model, slot);
		KUNIT_ASSERT_EQ(test, mapped_now(model->dev), model->mapped);
	}
	for (unsigned int i = 0; i < NR_SLOTS; i++)
		if (model->slots[i].size)
			model_unmap(model, &model->slots[i]);
	KUNIT_EXPECT_EQ(test, mapped_now(model->dev), 0);
	KUNIT_EXPECT_TRUE(test, dma_kunit_wait_until(is_flushed, model->dev));
}

/* The storm */

#define NR_BUFFERS	6
#define BUFFER_SIZE	SZ_16K

/* One that an owner has mapped, by a list if it has segments */
struct buffer {
	u8 *memory;
	u8 *cpu_addr;
	dma_addr_t dma_addr;
	size_t size;
	enum dma_data_direction dir;
	struct scatterlist sg[3];
	bool is_list;
	bool is_mapped;
};

struct owner {
	struct device *dev;
	struct rnd_state rnd;
	struct buffer buffers[NR_BUFFERS];
	atomic_long_t *nr_errors;
};

static u32 random_below(struct owner *owner, u32 end)
{
	return prandom_u32_state(&owner->rnd) % end;
}

static void note(struct owner *owner, bool is_good)
{
	if (!is_good)
		atomic_long_inc(owner->nr_errors);
}

static void map_single(struct owner *owner, struct buffer *buffer)
{
	size_t offset = random_below(owner, BUFFER_SIZE - 1);

	buffer->cpu_addr = buffer->memory + offset;
	buffer->size = 1 + random_below(owner, BUFFER_SIZE - offset);
	buffer->dir = random_below(owner, 3);
	buffer->dma_addr = dma_map_single(owner->dev, buffer->cpu_addr,
					  buffer->size, buffer->dir);
	buffer->is_mapped = !dma_mapping_error(owner->dev, buffer->dma_addr);
	note(owner, buffer->is_mapped);
}

static void unmap_single(struct owner *owner, struct buffer *buffer)
{
	u8 byte = prandom_u32_state(&owner->rnd);

	if (buffer->dir == DMA_FROM_DEVICE)
		note(owner, mock_iommu_write(owner->dev, buffer->dma_addr +
					     buffer->size - 1, &byte, 1));
	else
		note(owner, mock_iommu_sees(owner->dev, buffer->dma_addr,
					    buffer->cpu_addr, buffer->size));
	dma_unmap_single(owner->dev, buffer->dma_addr, buffer->size,
			 buffer->dir);
	if (buffer->dir == DMA_FROM_DEVICE)
		note(owner, buffer->cpu_addr[buffer->size - 1] == byte);
}

/* Three pages, the last one in part */
static void map_list(struct owner *owner, struct buffer *buffer)
{
	sg_init_table(buffer->sg, ARRAY_SIZE(buffer->sg));
	sg_set_buf(&buffer->sg[0], buffer->memory + SZ_8K, SZ_4K);
	sg_set_buf(&buffer->sg[1], buffer->memory, SZ_4K);
	sg_set_buf(&buffer->sg[2], buffer->memory + SZ_4K,
		   SZ_2K + random_below(owner, SZ_2K));
	buffer->is_mapped = dma_map_sg(owner->dev, buffer->sg,
				       ARRAY_SIZE(buffer->sg),
				       DMA_TO_DEVICE) == 1;
	note(owner, buffer->is_mapped);
}

static void unmap_list(struct owner *owner, struct buffer *buffer)
{
	dma_addr_t dma_addr = sg_dma_address(buffer->sg);

	for (unsigned int i = 0; i < ARRAY_SIZE(buffer->sg); i++) {
		note(owner, mock_iommu_sees(owner->dev, dma_addr,
					    sg_virt(&buffer->sg[i]),
					    buffer->sg[i].length));
		dma_addr += buffer->sg[i].length;
	}
	dma_unmap_sg(owner->dev, buffer->sg, ARRAY_SIZE(buffer->sg),
		     DMA_TO_DEVICE);
}

static void give(struct owner *owner, struct buffer *buffer)
{
	if (buffer->is_list)
		unmap_list(owner, buffer);
	else
		unmap_single(owner, buffer);
	buffer->is_mapped = false;
}

static bool step(void *data)
{
	struct owner *owner = data;
	struct buffer *buffer = &owner->buffers[random_below(owner,
							     NR_BUFFERS)];

	if (buffer->is_mapped) {
		give(owner, buffer);
		return true;
	}
	buffer->is_list = !random_below(owner, 4);
	if (buffer->is_list)
		map_list(owner, buffer);
	else
		map_single(owner, buffer);
	return buffer->is_mapped;
}

static void init_owner(struct kunit *test, struct owner *owner,
		       struct device *dev, atomic_long_t *nr_errors, u8 seed)
{
	owner->dev = dev;
	owner->nr_errors = nr_errors;
	prandom_seed_state(&owner->rnd, seed + 1);
	for (unsigned int i = 0; i < NR_BUFFERS; i++) {
		owner->buffers[i].memory = mock_iommu_buffer(test, BUFFER_SIZE);
		mock_iommu_fill(owner->buffers[i].memory, BUFFER_SIZE,
				seed * NR_BUFFERS + i);
	}
}

static void finish(void *data)
{
	struct owner *owner = data;

	for (unsigned int i = 0; i < NR_BUFFERS; i++)
		if (owner->buffers[i].is_mapped)
			give(owner, &owner->buffers[i]);
}

static void storm_test(struct kunit *test)
{
	struct device *dev = device_of(test, mock_iommu_param(test));
	struct dma_kunit_storm *storm =
		dma_kunit_storm_make(test, sizeof(struct owner));

	for (unsigned int i = 0; i <= DMA_KUNIT_NR_THREADS; i++)
		init_owner(test, storm->owners[i], dev, &storm->nr_errors, i);
	storm->step = step;
	storm->finish = finish;
	storm->nr_wanted = mock_iommu_rounds(test, 3000);
	storm->nr_wanted_in_irq = mock_iommu_rounds(test, 200);
	dma_kunit_storm_run(test, storm);

	KUNIT_EXPECT_EQ(test, mapped_now(dev), 0);
	KUNIT_EXPECT_TRUE(test, dma_kunit_wait_until(is_flushed, dev));
}

static struct kunit_case iommu_storm_cases[] = {
	MOCK_IOMMU_CASE_PARAM(storm_model_test, kind),
	MOCK_IOMMU_CASE_PARAM_TYPICAL(storm_test, kind),
	{}
};

static struct kunit_suite iommu_storm_suite = {
	.name = "iommu_storm",
	.test_cases = iommu_storm_cases,
};

kunit_test_suite(iommu_storm_suite);

MODULE_DESCRIPTION("KUnit tests of many mappings behind an IOMMU");
MODULE_LICENSE("GPL");
