// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations of a device that must not do DMA.
 *
 * ACPI gives them to a device whose coherence is not declared on an
 * architecture that needs to know: no mask is good enough, and every mapping
 * fails.
 */
#include <linux/dma-map-ops.h>

static dma_addr_t refuse_page(struct device *dev, struct page *page,
			      unsigned long offset, size_t size,
			      enum dma_data_direction dir, unsigned long attrs)
{
	return DMA_MAPPING_ERROR;
}

static int refuse_sg(struct device *dev, struct scatterlist *sgl, int nents,
		     enum dma_data_direction dir, unsigned long attrs)
{
	return -EINVAL;
}

static int refuse_mmap(struct device *dev, struct vm_area_struct *vma,
		       void *cpu_addr, dma_addr_t dma_addr, size_t size,
		       unsigned long attrs)
{
	return -ENXIO;
}

static int refuse_mask(struct device *dev, u64 mask)
{
	return 0;
}

/* Nothing was ever mapped, so whoever unmaps has a bug. */
static void refuse_unmap_page(struct device *dev, dma_addr_t addr, size_t size,
			      enum dma_data_direction dir, unsigned long attrs)
{
	dev_WARN_ONCE(dev, 1, "unmapping %pad: this device maps nothing\n",
		      &addr);
}

static void refuse_unmap_sg(struct device *dev, struct scatterlist *sgl,
			    int nents, enum dma_data_direction dir,
			    unsigned long attrs)
{
	dev_WARN_ONCE(dev, 1, "unmapping %d entries: this device maps nothing\n",
		      nents);
}

const struct dma_map_ops dma_dummy_ops = {
	.map_page	= refuse_page,
	.unmap_page	= refuse_unmap_page,
	.map_sg		= refuse_sg,
	.unmap_sg	= refuse_unmap_sg,
	.mmap		= refuse_mmap,
	.dma_supported	= refuse_mask,
};
