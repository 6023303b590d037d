/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Files in debugfs as user space reads and writes them: through a mount of the
 * test's own, since a test runs before anybody has mounted debugfs, and from a
 * page of user space, which is all that some files take.
 */
#ifndef _TESTS_KUNIT_FILES_H
#define _TESTS_KUNIT_FILES_H

#include <linux/types.h>

struct kunit;
struct vfsmount;

/**
 * struct dma_kunit_files - debugfs, and a page to read to and to write from
 * @mnt: the mount
 * @user: the page
 */
struct dma_kunit_files {
	struct vfsmount *mnt;
	char __user *user;
};

void dma_kunit_files_open(struct kunit *test, struct dma_kunit_files *files);
void dma_kunit_files_close(struct dma_kunit_files *files);
ssize_t dma_kunit_file_read(struct dma_kunit_files *files, const char *path,
			    char *text, size_t size);
ssize_t dma_kunit_file_write(struct dma_kunit_files *files, const char *path,
			     const char *text);

#endif /* _TESTS_KUNIT_FILES_H */
