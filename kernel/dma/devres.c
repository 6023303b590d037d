// SPDX-License-Identifier: GPL-2.0-only
/*
 * Managed consistent memory: freed when the driver unbinds.
 *
 * No locks; devres has its own.
 */
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/export.h>
#include <linux/gfp.h>

/**
 * struct dma_managed - what a free needs
 * @size: in bytes
 * @cpu_addr: as returned; the key
 * @dma_addr: as returned
 * @attrs: DMA_ATTR_*
 */
struct dma_managed {
	size_t		size;
	void		*cpu_addr;
	dma_addr_t	dma_addr;
	unsigned long	attrs;
};

static void free_managed(struct device *dev, void *res)
{
	struct dma_managed *managed = res;

	dma_free_attrs(dev, managed->size, managed->cpu_addr,
		       managed->dma_addr, managed->attrs);
}

static int has_cpu_addr(struct device *dev, void *res, void *match_data)
{
	struct dma_managed *managed = res, *wanted = match_data;

	if (managed->cpu_addr != wanted->cpu_addr)
		return 0;
	WARN(managed->size != wanted->size ||
	     managed->dma_addr != wanted->dma_addr,
	     "%s: freeing managed memory as %zu bytes at %pad, it is %zu bytes at %pad\n",
	     dev_name(dev), wanted->size, &wanted->dma_addr, managed->size,
	     &managed->dma_addr);
	return 1;
}

/**
 * dmam_free_coherent - free managed memory before the driver unbinds
 * @dev: the device
 * @size: in bytes, as at allocation
 * @vaddr: what dmam_alloc_attrs() returned
 * @dma_handle: what it stored
 *
 * Context: as dma_free_attrs().
 */
void dmam_free_coherent(struct device *dev, size_t size, void *vaddr,
			dma_addr_t dma_handle)
{
	struct dma_managed wanted = {
		.size = size,
		.cpu_addr = vaddr,
		.dma_addr = dma_handle,
	};

	/* The record knows attributes that this call has no argument for. */
	WARN(devres_release(dev, free_managed, has_cpu_addr, &wanted),
	     "%s: %p is no managed DMA memory\n", dev_name(dev), vaddr);
}
EXPORT_SYMBOL(dmam_free_coherent);

/**
 * dmam_alloc_attrs - consistent memory that is freed with the driver
 * @dev: the device
 * @size: in bytes
 * @dma_handle: set to the device's address
 * @gfp: as for dma_alloc_attrs()
 * @attrs: DMA_ATTR_*
 *
 * Context: may sleep if @gfp allows.
 * Return: the CPU's address, or NULL.
 */
void *dmam_alloc_attrs(struct device *dev, size_t size, dma_addr_t *dma_handle,
		       gfp_t gfp, unsigned long attrs)
{
	struct dma_managed *managed;

	managed = devres_alloc(free_managed, sizeof(*managed), gfp);
	if (!managed)
		return NULL;
	managed->cpu_addr = dma_alloc_attrs(dev, size, dma_handle, gfp, attrs);
	if (!managed->cpu_addr) {
		devres_free(managed);
		return NULL;
	}
	managed->size = size;
	managed->dma_addr = *dma_handle;
	managed->attrs = attrs;
	devres_add(dev, managed);
	return managed->cpu_addr;
}
EXPORT_SYMBOL(dmam_alloc_attrs);
