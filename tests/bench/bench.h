/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The DMA benchmark: what its files share.
 *
 *	bench.c		runs the rows that the command line asks for
 *	count.c		how many instructions something takes
 *	devices.c	the devices that requests are made for
 *	pool.c		rows: the device pool, its capacity and its cost
 *	consistent.c	rows: a buffer is allocated and freed
 *	bursts.c	rows: many buffers at once, or beside many others
 *	streaming.c	rows: a buffer is mapped and unmapped
 *	floor.c		rows: plain memset() and memcpy(), to compare with
 *
 * A row is one number. Each file has a table of them, ended by an empty row.
 *
 * The same source is built into the kernel as it comes and into ours. So it
 * calls only what drivers call, and knows nothing of who serves a request;
 * where the device tree says where a buffer has to lie, that is checked.
 */
#ifndef TESTS_BENCH_H
#define TESTS_BENCH_H

#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/types.h>

struct bench;

/* Physical memory from @base, @size bytes; nothing when @size is 0. */
struct bench_place {
	phys_addr_t base;
	phys_addr_t size;
};

/**
 * struct bench_row - one number
 * @name: what it is called in the output
 * @device: name of the device's node; NULL when the row needs none
 * @size: bytes of a request
 * @gfp: how consistent memory is asked for
 * @dir: which way a mapping's data goes
 * @nr: how many repetitions are measured at a time; 0: as many as it takes to
 *	measure exactly
 * @burst: buffers that are allocated before the first of them is freed
 * @live: buffers that live all the time
 * @rest: seconds in which nobody wants anything, before each measurement, which is
 *	of one burst then
 * @setup: before the first repetition; may be NULL
 * @repeat: the work, @nr times; must do nothing for 0
 * @share: in place of @repeat: a share, in hundredths of a percent
 * @teardown: after the last one, also when @setup failed; may be NULL
 */
struct bench_row {
	const char		*name;
	const char		*device;
	size_t			size;
	gfp_t			gfp;
	enum dma_data_direction	dir;
	unsigned long		nr;
	unsigned int		burst;
	unsigned int		live;
	unsigned int		rest;
	int			(*setup)(struct bench *b);
	int			(*repeat)(struct bench *b, unsigned long nr);
	int			(*share)(struct bench *b, u64 *hundredths);
	void			(*teardown)(struct bench *b);
};

/**
 * struct bench - a row while it is measured
 * @row: which
 * @dev: its device
 * @place: where its memory has to lie; of no size when that is not said
 * @priv: what @row's functions keep between them
 */
struct bench {
	const struct bench_row	*row;
	struct device		*dev;
	struct bench_place	place;
	void			*priv;
};

/* bench.c */
__printf(2, 3) int bench_fail(const struct bench *b, const char *fmt, ...);

/* count.c */
int bench_count_init(void);
int bench_count(struct bench *b, u64 *hundredths);

/* devices.c */
struct device *bench_device(const char *name, struct bench_place *place);
struct bench_place bench_default_cma(void);
bool bench_place_contains(const struct bench_place *place, phys_addr_t phys, size_t size);
phys_addr_t bench_device_to_phys(struct device *dev, dma_addr_t dma_addr);

/* consistent.c */
int bench_consistent_setup(struct bench *b);
int bench_default_cma_setup(struct bench *b);

/* the tables */
extern const struct bench_row bench_pool_rows[];
extern const struct bench_row bench_consistent_rows[];
extern const struct bench_row bench_burst_rows[];
extern const struct bench_row bench_streaming_rows[];
extern const struct bench_row bench_floor_rows[];

#endif /* TESTS_BENCH_H */
