// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mean and standard deviation of the benchmark's times.
 *
 * A time is at most 2^32 - 1 ns (4.3 s; a longer one counts as that), so a
 * square has 64 bits, and a sum of squares 128: no number of times can overflow
 * it.  The sum of the times has 64 bits, enough for 584 years of all threads
 * together.  Nothing is rounded before the end.
 *
 * No locks: each thread has its own, and they are merged when all have ended.
 */
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/math64.h>

#include "benchmark.h"

/**
 * bench_stats_add - count a time
 * @stats: the sums
 * @ns: the time
 *
 * Context: any.
 */
void bench_stats_add(struct bench_stats *stats, u64 ns)
{
	u64 square;

	ns = min(ns, U32_MAX);
	square = ns * ns;
	stats->nr++;
	stats->sum += ns;
	stats->square_lo += square;
	stats->square_hi += stats->square_lo < square;
}

/**
 * bench_stats_merge - count what another thread has counted
 * @stats: the sums
 * @other: the other's
 *
 * Context: any.
 */
void bench_stats_merge(struct bench_stats *stats,
		       const struct bench_stats *other)
{
	stats->nr += other->nr;
	stats->sum += other->sum;
	stats->square_lo += other->square_lo;
	stats->square_hi += other->square_hi +
			    (stats->square_lo < other->square_lo);
}

/**
 * bench_stats_mean - the mean
 * @stats: the sums
 *
 * Context: any.
 * Return: in ns, rounded down; 0 if there was nothing.
 */
u64 bench_stats_mean(const struct bench_stats *stats)
{
	return stats->nr ? div64_u64(stats->sum, stats->nr) : 0;
}

/* @hi * 2^64 + @lo, divided by @by.  The caller knows that it has 64 bits. */
static u64 divide(u64 hi, u64 lo, u64 by)
{
	bool carry;
	int bit;

	for (bit = 0; bit < 64; bit++) {
		carry = hi >> 63;
		hi = hi << 1 | lo >> 63;
		lo <<= 1;
		if (carry || hi >= by) {
			hi -= by;
			lo |= 1;
		}
	}
	return lo;
}

/**
 * bench_stats_deviation - the standard deviation
 * @stats: the sums
 *
 * With mean m and r = sum - nr * m, both whole, the squares of the distances
 * from m add up to the sum of squares less m * (sum + r).  That m was rounded
 * changes their mean by less than 1 ns^2.
 *
 * Context: any.
 * Return: in ns, rounded down; 0 if there was nothing.
 */
u64 bench_stats_deviation(const struct bench_stats *stats)
{
	u64 hi = stats->square_hi, lo = stats->square_lo;
	u64 mean, rest, low, high;

	if (!stats->nr)
		return 0;
	mean = div64_u64_rem(stats->sum, stats->nr, &rest);

	/* The product in two parts, since the mean has no more than 32 bits. */
	low = mean * lower_32_bits(stats->sum + rest);
	high = mean * upper_32_bits(stats->sum + rest);
	hi -= (high >> 32) + (lo < low);
	lo -= low;
	hi -= lo < high << 32;
	lo -= high << 32;
	return int_sqrt64(divide(hi, lo, stats->nr));
}
