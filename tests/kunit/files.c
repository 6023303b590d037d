// SPDX-License-Identifier: GPL-2.0
/*
 * Files in debugfs: see files.h.
 */

#include <kunit/test.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "files.h"
#include "mock.h"

/**
 * dma_kunit_files_open - before files are read or written
 * @test: the test
 * @files: what is filled in; ends with dma_kunit_files_close()
 *
 * Context: process context, sleeps.
 */
void dma_kunit_files_open(struct kunit *test, struct dma_kunit_files *files)
{
	files->mnt = dma_kunit_mount_debugfs(test);
	files->user = dma_kunit_user_page(test);
}

/**
 * dma_kunit_files_close - when no file is needed any more
 * @files: what dma_kunit_files_open() has filled in
 *
 * Context: process context, sleeps.
 */
void dma_kunit_files_close(struct dma_kunit_files *files)
{
	kern_unmount(files->mnt);
	dma_kunit_leave_mm();
}

/**
 * dma_kunit_file_read - read a file from its start
 * @files: debugfs
 * @path: from debugfs' root
 * @text: where to put it, with a 0 at the end
 * @size: of @text, in bytes; what is longer is cut, as what is longer than a page
 *
 * Context: process context, sleeps.
 * Return: how long it is, or a negative error.
 */
ssize_t dma_kunit_file_read(struct dma_kunit_files *files, const char *path,
			    char *text, size_t size)
{
	struct file *file = file_open_root_mnt(files->mnt, path, O_RDONLY, 0);
	loff_t pos = 0;
	ssize_t len;

	if (IS_ERR(file))
		return PTR_ERR(file);
	len = vfs_read(file, files->user, min_t(size_t, size - 1, PAGE_SIZE),
		       &pos);
	__fput_sync(file);
	if (len < 0)
		return len;
	if (copy_from_user(text, files->user, len))
		return -EFAULT;
	text[len] = '\0';
	return len;
}

/**
 * dma_kunit_file_write - write to a file
 * @files: debugfs
 * @path: from debugfs' root
 * @text: what to write, no longer than a page
 *
 * Context: process context, sleeps.
 * Return: how many bytes were taken, or a negative error.
 */
ssize_t dma_kunit_file_write(struct dma_kunit_files *files, const char *path,
			     const char *text)
{
	struct file *file = file_open_root_mnt(files->mnt, path, O_WRONLY, 0);
	size_t size = strlen(text);
	loff_t pos = 0;
	ssize_t len;

	if (IS_ERR(file))
		return PTR_ERR(file);
	len = size > PAGE_SIZE ? -E2BIG :
	      copy_to_user(files->user, text, size) ? -EFAULT :
	      vfs_write(file, files->user, size, &pos);
	__fput_sync(file);
	return len;
}
