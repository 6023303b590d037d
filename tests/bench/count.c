// SPDX-License-Identifier: GPL-2.0
/*
 * The DMA benchmark: how many instructions something takes.
 *
 * The measure is the CPU's own event INST_RETIRED, in event counter 0 of its
 * PMU. Under QEMU with -icount that is the very number of instructions that the
 * CPU has executed, to the last one. The two other clocks of the machine are no
 * match: the virtual counter advances by one for 16 instructions, and both it
 * and the cycle counter follow QEMU's virtual time, which also passes while the
 * CPU waits for an interrupt and executes nothing.
 *
 * What is measured at a time is a window: the work some thousand times, and then
 * a sleep. The sleep belongs to it since the work may have put something off to
 * a timer or a worker, which gets the CPU then; what the same sleep costs after
 * no work is subtracted. In each window fall a few timer ticks, in both kernels
 * alike: a window is so long that one tick more or less is no matter. The number
 * of repetitions is doubled until it is that long, which warms everything up.
 * The figure is the mean of several windows, and not the best or the median one:
 * work that is put off and done for many requests at once, be it rarely, counts.
 */
#define pr_fmt(fmt) "bench: " fmt

#include <linux/bitfield.h>
#include <linux/bits.h>
#include <linux/delay.h>
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/math64.h>

#include <asm/barrier.h>
#include <asm/sysreg.h>

#include "bench.h"

#define EVENT_INST_RETIRED	0x08
#define PMCR_ENABLE		BIT(0)
#define DFR0_PMU_VERSION	GENMASK(11, 8)

/* Instructions in a window, at least. A tick takes some thousand. */
#define WINDOW_LENGTH		(16 * 1000 * 1000)
#define NR_WINDOWS		7
/* Longer than the 10 ms that an IOMMU's flush queue may wait. */
#define SLEEP_MS		20

/* 32 bits: enough for the difference of two, as long as a window is short. */
static u32 count_now(void)
{
	isb();
	return read_sysreg(pmevcntr0_el0);
}

/* Twice @nr instructions, and a constant number for counting them. */
static u32 count_loop(u32 nr)
{
	u32 start = count_now();

	asm volatile("1:	subs	%w0, %w0, #1\n"
		     "	b.ne	1b\n" : "+r" (nr) : : "cc");
	return count_now() - start;
}

/* Is what the counter counts what we take it for? */
static bool is_exact(void)
{
	unsigned long flags;
	u32 few, many;

	local_irq_save(flags);
	few = count_loop(1000);
	many = count_loop(51000);
	local_irq_restore(flags);
	return many - few == 2 * 50000;
}

/**
 * bench_count_init() - start the counter
 *
 * Context: process, on the only CPU.
 * Return: 0, or -ENODEV when the machine doesn't count instructions; that has
 * been said then.
 */
int __init bench_count_init(void)
{
	if (!FIELD_GET(DFR0_PMU_VERSION, read_sysreg(id_aa64dfr0_el1)) ||
	    !(read_sysreg(pmceid0_el0) & BIT(EVENT_INST_RETIRED))) {
		pr_err("error: count: the CPU can't count instructions (QEMU's -icount is needed)\n");
		return -ENODEV;
	}
	write_sysreg(EVENT_INST_RETIRED, pmevtyper0_el0);
	write_sysreg(BIT(0), pmcntenset_el0);
	write_sysreg(read_sysreg(pmcr_el0) | PMCR_ENABLE, pmcr_el0);
	if (!is_exact()) {
		pr_err("error: count: the CPU doesn't count instructions exactly\n");
		return -ENODEV;
	}
	return 0;
}

static int count_window(struct bench *b, unsigned long nr, u32 *length)
{
	u32 start;
	int err;

	ssleep(b->row->rest);
	start = count_now();
	err = b->row->repeat(b, nr);
	msleep(SLEEP_MS);
	*length = count_now() - start;
	return err;
}

/* Double the repetitions until they make a window. */
static int find_nr(struct bench *b, unsigned long *nr)
{
	unsigned long fixed = b->row->rest ? b->row->burst : b->row->nr;
	u32 length;
	int err;

	*nr = fixed ?: 1;
	for (;;) {
		err = count_window(b, *nr, &length);
		if (err || fixed || length >= WINDOW_LENGTH)
			return err;
		*nr *= 2;
	}
}

/**
 * bench_count() - the instructions that a row takes
 * @b: the row
 * @hundredths: set to hundredths of an instruction, for one repetition
 *
 * Context: process, may sleep.
 * Return: 0, or the error of a repetition, which has been said.
 */
int bench_count(struct bench *b, u64 *hundredths)
{
	u32 busy, idle;
	unsigned long nr;
	s64 length = 0;
	int err = find_nr(b, &nr);

	for (unsigned int i = 0; i < NR_WINDOWS && !err; i++) {
		err = count_window(b, 0, &idle);
		if (!err)
			err = count_window(b, nr, &busy);
		length += (s64)busy - idle;
	}
	if (err)
		return err;
	if (length <= 0)
		return bench_fail(b, "%lu repetitions take no time", nr);
	*hundredths = div64_ul(length * 100, nr * NR_WINDOWS);
	return 0;
}
