// SPDX-License-Identifier: GPL-2.0
/*
 * What the suites of pools share: see pools.h.
 *
 * debugfs is used through a mount of the test's own, since a test runs before
 * anybody has mounted it for user space.
 */

#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "../../kernel/dma/backend.h"
#include "../../kernel/dma/coherent.h"
#include "../../kernel/dma/ledger.h"
#include "files.h"
#include "log.h"
#include "mock.h"
#include "pools.h"

#define DEBUGFS_MAX	SZ_64K

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX	"dma_spare."

static unsigned long spare_base;
module_param_named(base, spare_base, ulong, 0400);
MODULE_PARM_DESC(base, "Physical address of memory that the kernel does not use");

static unsigned long spare_size;
module_param_named(size, spare_size, ulong, 0400);
MODULE_PARM_DESC(size, "Its size in bytes");

/**
 * dma_pools_spare - memory that the kernel does not use
 * @test: the test; skipped if there is none
 * @offset: where to start, in bytes from an address aligned to DMA_SPARE_ALIGN
 * @size: how much, in bytes; @offset + @size is at most DMA_SPARE_SIZE
 *
 * Context: process context.
 * Return: its physical address.
 */
phys_addr_t dma_pools_spare(struct kunit *test, size_t offset, size_t size)
{
	if (!spare_size)
		kunit_skip(test, "no spare memory: boot with dma_spare.base= and dma_spare.size=");
	KUNIT_ASSERT_EQ_MSG(test, spare_base % DMA_SPARE_ALIGN, 0,
			    "dma_spare.base=%#lx: expected a multiple of %#lx",
			    spare_base, DMA_SPARE_ALIGN);
	KUNIT_ASSERT_GE_MSG(test, spare_size, DMA_SPARE_SIZE,
			    "dma_spare.size=%#lx is too small", spare_size);
	KUNIT_ASSERT_LE(test, offset + size, DMA_SPARE_SIZE);
	return spare_base + offset;
}

static void destroy_pool(void *pool)
{
	dma_coherent_pool_destroy(pool);
}

/**
 * dma_pools_pool - make a device pool of spare memory
 * @test: the test, with which it goes
 * @name: its name
 * @offset: where in the spare memory it starts, in bytes
 * @size: in bytes
 *
 * Context: process context.
 * Return: the pool.
 */
struct dma_coherent_pool *dma_pools_pool(struct kunit *test, const char *name,
					 size_t offset, size_t size)
{
	phys_addr_t phys = dma_pools_spare(test, offset, size);
	struct dma_coherent_pool *pool;

	pool = dma_coherent_pool_create(name, phys, size, dma_device_pool.name,
					"a test");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pool);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, destroy_pool, pool));
	return pool;
}

struct binding {
	struct device *dev;
	struct dma_coherent_pool *pool;
};

static void unbind(void *data)
{
	struct binding *binding = data;

	dma_coherent_pool_unbind(binding->dev, binding->pool);
}

/**
 * dma_pools_bind - bind a pool until the test ends
 * @test: the test
 * @dev: the device
 * @pool: the pool; unbinding it earlier does no harm
 *
 * Context: process context.
 * Return: 0 or a negative error.
 */
int dma_pools_bind(struct kunit *test, struct device *dev,
		   struct dma_coherent_pool *pool)
{
	struct binding *binding = kunit_kzalloc(test, sizeof(*binding),
						GFP_KERNEL);
	int err;

	KUNIT_ASSERT_NOT_NULL(test, binding);
	err = dma_coherent_pool_bind(dev, pool);
	if (err)
		return err;
	*binding = (struct binding){ dev, pool };
	return kunit_add_action_or_reset(test, unbind, binding);
}

/**
 * dma_pools_alloc - a consistent buffer, and what the ledger says of it
 * @dev: the device
 * @size: in bytes
 * @gfp: GFP flags
 * @buffer: filled in
 *
 * Context: may sleep if @gfp allows, else any.
 * Return: true if there is one that the ledger knows.
 */
bool dma_pools_alloc(struct device *dev, size_t size, gfp_t gfp,
		     struct dma_pools_buffer *buffer)
{
	struct dma_allocation record;

	*buffer = (struct dma_pools_buffer){ .dev = dev, .size = size };
	buffer->cpu_addr = dma_alloc_coherent(dev, size, &buffer->dma_addr, gfp);
	if (!buffer->cpu_addr ||
	    !dma_ledger_find(dev, buffer->dma_addr, &record))
		return false;
	buffer->phys = record.phys;
	buffer->backend = record.backend->name;
	return true;
}

/**
 * dma_pools_free - free it
 * @buffer: the buffer; marked as gone
 *
 * Context: any.
 */
void dma_pools_free(struct dma_pools_buffer *buffer)
{
	if (buffer->cpu_addr)
		dma_free_coherent(buffer->dev, buffer->size, buffer->cpu_addr,
				  buffer->dma_addr);
	buffer->cpu_addr = NULL;
}

/**
 * dma_pools_fill - take buffers as long as a backend serves them
 * @dev: the device
 * @size: of each, in bytes
 * @gfp: GFP flags; refusals are not told
 * @backend: the backend's name
 * @buffers: filled in
 * @nr_max: how many there is room for
 *
 * Context: may sleep if @gfp allows, else any.
 * Return: how many were served by that backend.
 */
unsigned int dma_pools_fill(struct device *dev, size_t size, gfp_t gfp,
			    const char *backend,
			    struct dma_pools_buffer *buffers,
			    unsigned int nr_max)
{
	unsigned int nr = 0;

	while (nr < nr_max &&
	       dma_pools_alloc(dev, size, gfp | __GFP_NOWARN, &buffers[nr]) &&
	       !strcmp(buffers[nr].backend, backend))
		nr++;
	/* The one that somebody else has served */
	if (nr < nr_max)
		dma_pools_free(&buffers[nr]);
	return nr;
}

/**
 * dma_pools_free_all - free buffers
 * @buffers: the buffers
 * @nr: how many they are
 *
 * Context: any.
 */
void dma_pools_free_all(struct dma_pools_buffer *buffers, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		dma_pools_free(&buffers[i]);
}

/**
 * dma_pools_is_filled - does a buffer hold nothing else than one byte?
 * @buffer: the buffer
 * @byte: the byte
 *
 * Context: any.
 * Return: true if so, up to the end of its last page.
 */
bool dma_pools_is_filled(const struct dma_pools_buffer *buffer, u8 byte)
{
	return !memchr_inv(buffer->cpu_addr, byte, PAGE_ALIGN(buffer->size));
}

#define NR_HELD	256

static void release_global(void *data)
{
	dma_pools_free_all(data, NR_HELD);
}

/**
 * dma_pools_hold_global - keep the global pool, if there is one, from serving
 * @test: the test, with which that ends
 *
 * A test of what is behind the global pool in the table needs that. Takes its
 * single pages, up to a megabyte.
 *
 * Context: process context.
 */
void dma_pools_hold_global(struct kunit *test)
{
	struct device *dev = dma_kunit_noncoherent_device(test, "holder");
	struct dma_pools_buffer *held = kunit_kcalloc(test, NR_HELD,
						      sizeof(*held), GFP_KERNEL);
	unsigned int nr;

	KUNIT_ASSERT_NOT_NULL(test, held);
	nr = dma_pools_fill(dev, PAGE_SIZE, GFP_KERNEL, dma_global_pool.name,
			    held, NR_HELD);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, release_global, held));
	KUNIT_ASSERT_LT(test, nr, NR_HELD);
}

/**
 * dma_pools_is_refused - is a request refused, with a line that says why?
 * @dev: the device
 * @size: in bytes
 * @gfp: GFP flags
 * @text: what the line has to hold, beside the device's name
 *
 * Asks again, for some seconds, as long as the limit on the rate of such lines
 * may have swallowed it. Marks the log.
 *
 * Context: process context, sleeps.
 * Return: true if so.
 */
bool dma_pools_is_refused(struct device *dev, size_t size, gfp_t gfp,
			  const char *text)
{
	struct dma_pools_buffer buffer;

	dma_kunit_log_mark();
	for (unsigned int i = 0; i < 15; i++) {
		if (dma_pools_alloc(dev, size, gfp, &buffer)) {
			dma_pools_free(&buffer);
			return false;
		}
		if (dma_kunit_log_match(dev_name(dev), "no DMA memory for"))
			return dma_kunit_log_match(dev_name(dev), text);
		msleep(500);
	}
	return false;
}

static ssize_t read_all(struct file *file, char *text, size_t size)
{
	struct kvec vec = { .iov_base = text, .iov_len = size };
	struct iov_iter iter;
	struct kiocb kiocb;

	init_sync_kiocb(&kiocb, file);
	iov_iter_kvec(&iter, ITER_DEST, &vec, 1, size);
	return seq_read_iter(&kiocb, &iter);
}

/**
 * dma_pools_debugfs - what a file in debugfs says
 * @test: the test; failed if it can't be read
 * @name: its path from debugfs' root; made by DEFINE_SHOW_ATTRIBUTE()
 *
 * Context: process context.
 * Return: its text, up to 64 KiB, which goes with the test.
 */
char *dma_pools_debugfs(struct kunit *test, const char *name)
{
	char *text = kunit_kzalloc(test, DEBUGFS_MAX, GFP_KERNEL);
	struct vfsmount *mnt = dma_kunit_mount_debugfs(test);
	ssize_t len = -ENOENT;
	struct file *file;

	KUNIT_ASSERT_NOT_NULL(test, text);
	file = file_open_root_mnt(mnt, name, O_RDONLY, 0);
	if (!IS_ERR(file)) {
		len = read_all(file, text, DEBUGFS_MAX - 1);
		__fput_sync(file);
	}
	kern_unmount(mnt);
	KUNIT_ASSERT_GT_MSG(test, len, 0, "debugfs has no readable %s", name);
	return text;
}

/**
 * dma_pools_debugfs_write - write to a file in debugfs, as a person does
 * @test: the test; it ends with dma_kunit_leave_mm()
 * @name: its path from debugfs' root
 * @text: what to write, no longer than a page
 *
 * Context: process context.
 * Return: how many bytes were taken, or a negative error.
 */
ssize_t dma_pools_debugfs_write(struct kunit *test, const char *name,
				const char *text)
{
	struct dma_kunit_files files;
	ssize_t len;

	dma_kunit_files_open(test, &files);
	len = dma_kunit_file_write(&files, name, text);
	kern_unmount(files.mnt);
	return len;
}

static bool scan_figures(const char *line, struct dma_pool_figures *figures)
{
	size_t *kib[] = { &figures->size, &figures->used, &figures->peak,
			  &figures->largest, &figures->idle };

	line = strstr(line, " 0x");
	if (!line || sscanf(line, " %*s %zu %zu %zu %zu %lu %lu %u %zu",
			    kib[0], kib[1], kib[2], kib[3], &figures->served,
			    &figures->refused, &figures->nr_users, kib[4]) != 8)
		return false;
	for (unsigned int i = 0; i < ARRAY_SIZE(kib); i++)
		*kib[i] *= SZ_1K;
	return true;
}

/**
 * dma_pools_figures - the figures of a pool, as debugfs tells them
 * @test: the test
 * @name: the pool's name, or "" for any
 * @kind: the backend that it feeds
 * @figures: filled in, in bytes
 *
 * Context: process context.
 * Return: true if there is such a pool; the last one, if there are several.
 */
bool dma_pools_figures(struct kunit *test, const char *name, const char *kind,
		       struct dma_pool_figures *figures)
{
	char *text = dma_pools_debugfs(test, "dma/pools");
	char *rest = text, *line;
	bool is_found = false;

	while ((line = strsep(&rest, "\n"))) {
		size_t len = strlen(name);

		if (strncmp(line, name, len) || (len && line[len] != ' ') ||
		    !strstr(line, kind))
			continue;
		is_found = true;
		KUNIT_EXPECT_TRUE_MSG(test, scan_figures(line, figures), "%s",
				      line);
	}
	kunit_kfree(test, text);
	return is_found;
}

static const char * const atomic_names[] = { "normal", "dma32", "dma" };

/**
 * dma_pools_nr_atomic - how many memory zones have an atomic pool
 * @test: the test
 *
 * Context: process context.
 * Return: their number.
 */
unsigned int dma_pools_nr_atomic(struct kunit *test)
{
	struct dma_pool_figures one;
	unsigned int nr = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(atomic_names); i++)
		nr += dma_pools_figures(test, atomic_names[i], "atomic pool",
					&one);
	return nr;
}

/**
 * dma_pools_atomic_figures - the figures of all atomic pools together
 * @test: the test
 *
 * Context: process context.
 * Return: their sums, and the largest piece of any; zeroes if there is none.
 */
struct dma_pool_figures dma_pools_atomic_figures(struct kunit *test)
{
	struct dma_pool_figures all = {}, one;

	for (unsigned int i = 0; i < ARRAY_SIZE(atomic_names); i++) {
		if (!dma_pools_figures(test, atomic_names[i], "atomic pool",
				       &one))
			continue;
		all.size += one.size;
		all.used += one.used;
		all.peak += one.peak;
		all.served += one.served;
		all.refused += one.refused;
		all.largest = max(all.largest, one.largest);
	}
	return all;
}
