/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The request to measure the DMA interface: an ioctl on the file
 * dma_map_benchmark in debugfs, which is there while a device is bound to the
 * driver dma_map_benchmark.  Seen by user space.
 *
 * A program that knows nothing of modes leaves zeroes there, and so asks for
 * DMA_MAP_MODE_SINGLE.
 */
#ifndef _LINUX_MAP_BENCHMARK_H
#define _LINUX_MAP_BENCHMARK_H

#include <linux/types.h>

#define DMA_MAP_BENCHMARK	_IOWR('d', 1, struct map_benchmark)

/* Limits: threads, seconds, the pause in ns, pages, list entries or buffers */
#define DMA_MAP_MAX_THREADS	1024
#define DMA_MAP_MAX_SECONDS	300
#define DMA_MAP_MAX_TRANS_DELAY	(10 * NSEC_PER_MSEC)
#define DMA_MAP_MAX_GRANULE	1024
#define DMA_MAP_MAX_NENTS	1024
#define DMA_MAP_MIN_BITS	20
#define DMA_MAP_MAX_BITS	64

/* dma_dir */
#define DMA_MAP_BIDIRECTIONAL	0
#define DMA_MAP_TO_DEVICE	1
#define DMA_MAP_FROM_DEVICE	2

/* mode */
#define DMA_MAP_MODE_SINGLE	0	/* map and unmap a buffer */
#define DMA_MAP_MODE_SG		1	/* map and unmap a scatterlist */
#define DMA_MAP_MODE_ALLOC	2	/* allocate and free a consistent buffer */
#define DMA_MAP_MODE_CHURN	3	/* so with buffers of random size and life */

/**
 * struct map_benchmark - what to measure, and what came out
 * @avg_map_100ns: out: mean time of a map or an allocation, in 100 ns
 * @map_stddev: out: its standard deviation
 * @avg_unmap_100ns: out: mean time of an unmap or a free
 * @unmap_stddev: out: its standard deviation
 * @threads: how many do so at a time
 * @seconds: how long
 * @node: NUMA node of threads and memory; -1: any
 * @dma_bits: the device's mask
 * @dma_dir: direction; not for consistent buffers
 * @dma_trans_ns: pause between map and unmap, as if the device were at work
 * @granule: pages of a buffer or of an entry; in a churn: of the largest buffer
 * @mode: DMA_MAP_MODE_*
 * @nents: entries of the list, or live buffers of each thread in a churn; else 0
 * @reserved: 0
 * @nr_done: out: how many maps or allocations were measured
 * @nr_failed: out: how many were refused, which only a churn goes on after
 * @expansion: 0
 */
struct map_benchmark {
	__u64 avg_map_100ns;
	__u64 map_stddev;
	__u64 avg_unmap_100ns;
	__u64 unmap_stddev;
	__u32 threads;
	__u32 seconds;
	__s32 node;
	__u32 dma_bits;
	__u32 dma_dir;
	__u32 dma_trans_ns;
	__u32 granule;
	__u32 mode;
	__u32 nents;
	__u32 reserved;
	__u64 nr_done;
	__u64 nr_failed;
	__u8 expansion[48];
};

#endif /* _LINUX_MAP_BENCHMARK_H */
