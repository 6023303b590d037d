// SPDX-License-Identifier: GPL-2.0
/*
 * The DMA benchmark: runs rows and prints them.
 *
 * dma_bench.rows= on the command line says which: "all", or what their names
 * begin with. Rows that need no device (plain memset and memcpy) are run always,
 * since no other figure can be read without them. Each row prints
 *
 *	bench: NAME: NUMBER
 *
 * or, when it could not be measured, one line
 *
 *	bench: error: NAME: REASON
 *
 * and the last line is "bench: done: N rows, N errors". Then the machine is
 * powered off. Without the parameter nothing happens.
 *
 * All of that is done at the end of the boot, by the boot's own thread: there is
 * no user space, no other thread with work to do, and the order of everything is
 * the same in each run.
 */
#define pr_fmt(fmt) "bench: " fmt

#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/reboot.h>
#include <linux/string.h>

#include "bench.h"

static char *rows;
module_param(rows, charp, 0);
MODULE_PARM_DESC(rows, "which rows to measure: all, or what their names begin with");

static const struct bench_row *const tables[] __initconst = {
	bench_floor_rows,
	bench_pool_rows,
	bench_consistent_rows,
	bench_burst_rows,
	bench_streaming_rows,
};

/**
 * bench_fail() - say why a row can't be measured
 * @b: the row
 * @fmt: the reason
 *
 * Context: any.
 * Return: -EIO, for the caller to hand on.
 */
int bench_fail(const struct bench *b, const char *fmt, ...)
{
	struct va_format vaf;
	va_list args;

	va_start(args, fmt);
	vaf.fmt = fmt;
	vaf.va = &args;
	pr_err("error: %s: %pV\n", b->row->name, &vaf);
	va_end(args);
	return -EIO;
}

static bool __init is_wanted(const struct bench_row *row)
{
	return !row->device || !strcmp(rows, "all") || strstarts(row->name, rows);
}

static int __init find_device(struct bench *b)
{
	if (!b->row->device)
		return 0;
	b->dev = bench_device(b->row->device, &b->place);
	if (!b->dev)
		return bench_fail(b, "device %s was not probed", b->row->device);
	return 0;
}

static int __init measure(struct bench *b, u64 *hundredths)
{
	int err = b->row->setup ? b->row->setup(b) : 0;

	if (!err)
		err = b->row->share ? b->row->share(b, hundredths) : bench_count(b, hundredths);
	if (b->row->teardown)
		b->row->teardown(b);
	return err;
}

static int __init run_row(const struct bench_row *row)
{
	struct bench b = { .row = row };
	u64 hundredths;
	int err = find_device(&b);

	if (!err)
		err = measure(&b, &hundredths);
	if (!err)
		pr_info("%s: %llu.%02llu\n", row->name, hundredths / 100, hundredths % 100);
	return err;
}

static void __init run_tables(void)
{
	unsigned int nr_rows = 0, nr_errors = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(tables); i++) {
		for (const struct bench_row *row = tables[i]; row->name; row++) {
			if (!is_wanted(row))
				continue;
			nr_rows++;
			nr_errors += !!run_row(row);
		}
	}
	pr_info("done: %u rows, %u errors\n", nr_rows, nr_errors);
}

static int __init bench_init(void)
{
	if (!rows)
		return 0;
	wait_for_device_probe();
	if (!bench_count_init())
		run_tables();
	kernel_power_off();
	return 0;
}
late_initcall_sync(bench_init);
