// SPDX-License-Identifier: GPL-2.0-only
/*
 * The init of a KUnit kernel for whose architecture there is no busybox: what
 * harness/kunit/init does, without the counters of gcov. It asks kmemleak what
 * was leaked, prints the answer between two lines that harness/kunit/scan-log
 * looks for, and reboots, which ends QEMU.
 *
 * Whatever fails is told, and leaves the report away, which is a failure.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <unistd.h>

static const char *const leaks = "/sys/kernel/debug/kmemleak";

static int scan(void)
{
	int fd = open(leaks, O_WRONLY);
	int done = fd >= 0 && write(fd, "scan", 4) == 4;

	if (fd >= 0)
		close(fd);
	return done;
}

static int show(void)
{
	int fd = open(leaks, O_RDONLY);
	char text[4096];
	ssize_t got;

	if (fd < 0)
		return 0;
	while ((got = read(fd, text, sizeof(text))) > 0)
		fwrite(text, 1, (size_t)got, stdout);
	close(fd);
	return got == 0;
}

static int report(void)
{
	if (mount("sysfs", "/sys", "sysfs", 0, NULL) ||
	    mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL) || !scan())
		return 0;
	/* An object has to be five seconds old, and unreferenced in two scans. */
	sleep(6);
	if (!scan())
		return 0;
	sleep(1);
	if (!scan())
		return 0;
	puts("kmemleak-report: begin");
	if (!show())
		return 0;
	puts("kmemleak-report: end");
	return 1;
}

int main(void)
{
	if (!report())
		perror("kmemleak-report: none");
	fflush(stdout);
	sync();
	reboot(RB_AUTOBOOT);
	return 1;
}
