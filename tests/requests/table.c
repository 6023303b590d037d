// SPDX-License-Identifier: GPL-2.0
/*
 * The table of a run: one row per request, in the order in which they were made.
 *
 * Rows are collected first and printed later: seq_file may call its show
 * function more than once for the same line, but a request is made once.
 */
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "requests.h"

/**
 * table_add() - open the row of a request
 * @run: the run
 * @device: name of the device
 * @request: what is asked for, a format
 *
 * A row that is neither passed nor failed in the end has no result; whoever
 * opens one has to close it.
 *
 * Context: process, may sleep.
 * Return: the row, or NULL without memory, which counts as a failure.
 */
struct row *table_add(struct run *run, const char *device, const char *request, ...)
{
	struct row *row = kzalloc(sizeof(*row), GFP_KERNEL);
	va_list args;

	if (!row) {
		run->nr_failed++;
		return NULL;
	}
	va_start(args, request);
	vscnprintf(row->request, sizeof(row->request), request, args);
	va_end(args);
	strscpy(row->device, device, sizeof(row->device));
	list_add_tail(&row->list, &run->rows);
	return row;
}

__printf(3, 0)
static void set_result(struct row *row, const char *verdict, const char *result, va_list args)
{
	int len = scnprintf(row->result, sizeof(row->result), "%s", verdict);

	vscnprintf(row->result + len, sizeof(row->result) - len, result, args);
}

/**
 * table_pass() - close a row: all is as it should be
 * @run: the run
 * @row: the row
 *
 * Context: process.
 */
void table_pass(struct run *run, struct row *row)
{
	strscpy(row->result, "ok", sizeof(row->result));
	run->nr_passed++;
}

/**
 * table_pass_with() - close a row: all is as it should be, and more can be said
 * @run: the run
 * @row: the row
 * @result: what to add in brackets, a format
 *
 * Context: process.
 */
void table_pass_with(struct run *run, struct row *row, const char *result, ...)
{
	va_list args;

	va_start(args, result);
	set_result(row, "ok (", result, args);
	va_end(args);
	strlcat(row->result, ")", sizeof(row->result));
	run->nr_passed++;
}

/**
 * table_fail() - close a row: something is wrong
 * @run: the run
 * @row: the row
 * @result: what is wrong, with the value and what was expected, a format
 *
 * Context: process.
 */
void table_fail(struct run *run, struct row *row, const char *result, ...)
{
	va_list args;

	va_start(args, result);
	set_result(row, "FAIL: ", result, args);
	va_end(args);
	row->is_failure = true;
	run->nr_failed++;
}

/**
 * table_free() - forget all rows of a run
 * @run: the run
 *
 * Context: process.
 */
void table_free(struct run *run)
{
	struct row *row, *next;

	list_for_each_entry_safe(row, next, &run->rows, list)
		kfree(row);
	INIT_LIST_HEAD(&run->rows);
}

static void *table_start(struct seq_file *m, loff_t *pos)
{
	struct run *run = m->private;

	return seq_list_start_head(&run->rows, *pos);
}

static void *table_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct run *run = m->private;

	return seq_list_next(v, &run->rows, pos);
}

static void table_stop(struct seq_file *m, void *v)
{
}

/*
 * The CPU addresses are printed as numbers and not as pointers, which would be
 * hashed: seeing in which mapping of the kernel a buffer lies is what they are
 * for, and this driver is for test kernels only.
 */
static void show_addresses(struct seq_file *m, const struct row *row)
{
	u64 dma_addr = row->dma_addr;

	if (row->has_addresses && row->cpu_addr)
		seq_printf(m, "%016lx  %#-14llx ", (unsigned long)row->cpu_addr, dma_addr);
	else if (row->has_addresses)
		seq_printf(m, "%-16s  %#-14llx ", "-", dma_addr);
	else
		seq_printf(m, "%-16s  %-14s ", "-", "-");
}

static void show_total(struct seq_file *m, const struct run *run)
{
	seq_printf(m, "requests: %u passed, %u failed\n", run->nr_passed, run->nr_failed);
}

static int table_show(struct seq_file *m, void *v)
{
	const struct run *run = m->private;
	const struct row *row;

	if (v == &run->rows) {
		seq_printf(m, "%-40s %-24s %-15s %-16s  %-14s %s\n", "request", "device",
			   "backend", "CPU address", "DMA address", "result");
		if (list_empty(&run->rows))
			show_total(m, run);
		return 0;
	}

	row = list_entry(v, struct row, list);
	seq_printf(m, "%-40s %-24s %-15s ", row->request, row->device, row->backend ?: "-");
	show_addresses(m, row);
	seq_printf(m, "%s\n", row->result);
	if (list_is_last(&row->list, &run->rows))
		show_total(m, run);
	return 0;
}

const struct seq_operations table_ops = {
	.start	= table_start,
	.next	= table_next,
	.stop	= table_stop,
	.show	= table_show,
};
