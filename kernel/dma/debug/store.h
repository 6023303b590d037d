/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of dma-debug share.
 *
 * An *entry* is the record of a live mapping, or of a live consistent buffer.  A
 * *call* is what a driver says of one, to be compared with it.
 */
#ifndef _KERNEL_DMA_DEBUG_STORE_H
#define _KERNEL_DMA_DEBUG_STORE_H

#include <linux/dma-mapping.h>
#include <linux/stackdepot.h>
#include <linux/stacktrace.h>
#include <linux/types.h>

/* A name in a file or a message is cut to this, with the 0 at its end. */
#define DMA_DEBUG_NAME	64

enum dma_debug_kind {
	DMA_DEBUG_SINGLE,
	DMA_DEBUG_SG,
	DMA_DEBUG_COHERENT,
	DMA_DEBUG_RESOURCE,
	DMA_DEBUG_NONCOHERENT,
};

/* Did the driver call dma_mapping_error()?  Who maps pages or registers has to. */
enum dma_debug_error_check {
	DMA_DEBUG_NEEDS_NO_CHECK,
	DMA_DEBUG_NOT_CHECKED,
	DMA_DEBUG_CHECKED,
};

/**
 * struct dma_debug_call - what a call of a driver says of a mapping
 * @dev: the device; it may be gone where no driver was ever bound to it
 * @dma_addr: where the device sees it
 * @memory: physical address; the CPU's address of consistent memory
 * @size: in bytes
 * @nr_ents: of a list, the number of entries that the driver passed
 * @kind: enum dma_debug_kind
 * @dir: enum dma_data_direction
 * @check: enum dma_debug_error_check; of an entry, it may change at any time
 * @has_line: it is in the bucket of its first cache line
 * @is_coherent: the device sees the CPU's caches
 */
struct dma_debug_call {
	struct device		*dev;
	dma_addr_t		dma_addr;
	u64			memory;
	u64			size;
	u32			nr_ents;
	u8			kind;
	u8			dir;
	u8			check;
	u8			has_line : 1;
	u8			is_coherent : 1;
};

/**
 * struct dma_debug_entry - the record of a live mapping
 * @next: (b) next in the bucket of its address, or in a list of free entries
 * @next_line: (b) next in the bucket of its first cache line
 * @call: what the call said that made it
 * @stack: who made it; 0 if that is not known
 * @nr_mapped: of a list, the number of entries that the device sees
 *
 * (b): the lock of that bucket.  All else but call.check is written before the
 * entry is published and constant after that.
 */
struct dma_debug_entry {
	struct dma_debug_entry	*next;
	struct dma_debug_entry	*next_line;
	struct dma_debug_call	call;
	depot_stack_handle_t	stack;
	u32			nr_mapped;
};

static_assert(sizeof(struct dma_debug_entry) <= 64);

/* stack.c */
#define DMA_DEBUG_FRAMES	4

depot_stack_handle_t dma_debug_keep_stack(unsigned long *frames,
					  unsigned int nr);

/*
 * Who calls the entry point that calls the function that this stands in.  Inline,
 * since each frame that is left out costs as much as one that is kept.
 */
#ifdef CONFIG_STACKTRACE
static __always_inline depot_stack_handle_t dma_debug_stack(void)
{
	unsigned long frames[DMA_DEBUG_FRAMES] = { };

	return dma_debug_keep_stack(frames,
				    stack_trace_save(frames, DMA_DEBUG_FRAMES,
						     2));
}
#else
static inline depot_stack_handle_t dma_debug_stack(void)
{
	return 0;
}
#endif

/* max.c */
size_t dma_debug_max_size(struct device *dev);

/* report.c */
extern u32 dma_debug_error_count;
extern u32 dma_debug_all_errors;
extern u32 dma_debug_num_errors;

const char *dma_debug_kind_name(unsigned int kind);
const char *dma_debug_dir_name(unsigned int dir);
void dma_debug_set_filter(const char *name);
void dma_debug_get_filter(char *name);
__printf(3, 4)
void dma_debug_report(struct device *dev, const struct dma_debug_entry *entry,
		      const char *fmt, ...);
void dma_debug_line(const struct dma_debug_entry *entry, char *line,
		    size_t size);

/**
 * enum dma_debug_match - what the store knows of a mapping that a call names
 * @DMA_DEBUG_UNKNOWN: nothing: there is no such mapping
 * @DMA_DEBUG_UNTRACKED: it may be one that got no entry
 * @DMA_DEBUG_INEXACT: there is one at this address, but not as the call says
 * @DMA_DEBUG_EXACT: there is one, just as the call says
 */
enum dma_debug_match {
	DMA_DEBUG_UNKNOWN,
	DMA_DEBUG_UNTRACKED,
	DMA_DEBUG_INEXACT,
	DMA_DEBUG_EXACT,
};

/* store.c */
int dma_debug_store_init(void);
unsigned int dma_debug_publish(struct dma_debug_entry *entry);
void dma_debug_add_untracked(struct device *dev, dma_addr_t dma_addr,
			     size_t size);
enum dma_debug_match dma_debug_take(const struct dma_debug_call *call,
				    struct dma_debug_entry *found);
enum dma_debug_match dma_debug_find(const struct dma_debug_call *call,
				    struct dma_debug_entry *found);
void dma_debug_note_check(struct device *dev, dma_addr_t dma_addr);
unsigned int dma_debug_forget(struct device *dev,
			      struct dma_debug_entry *one);
bool dma_debug_next(unsigned int *bucket, unsigned int *nr,
		    struct dma_debug_entry *copy);

/* pool.c */
#define DMA_DEBUG_SAMPLING	16

extern unsigned int dma_debug_sampling;
extern unsigned long dma_debug_max_entries;

int dma_debug_pool_init(unsigned long nr_wanted);
struct dma_debug_entry *dma_debug_entry_get(void);
void dma_debug_entry_put(struct dma_debug_entry *entry);
unsigned long dma_debug_nr_free(void);
unsigned long dma_debug_min_free(void);
unsigned long dma_debug_nr_untracked(void);
unsigned long dma_debug_nr_total(void);

/**
 * struct dma_rehearsal_figures - how many rehearsals there are and were
 * @nr_live: mappings that have a shadow now
 * @nr_begun: that had one, since boot
 * @nr_refused: that were made as usual, for there was no memory
 * @nr_shared: that were made as usual, or are no more than a copy since, for
 *	the memory is mapped by somebody else as well
 */
struct dma_rehearsal_figures {
	unsigned long	nr_live;
	unsigned long	nr_begun;
	unsigned long	nr_refused;
	unsigned long	nr_shared;
};

/* rehearse.c: for debugfs */
void dma_rehearse_choose(const char *name);
void dma_rehearse_chosen(char *name);
void dma_rehearse_figures(struct dma_rehearsal_figures *figures);

#endif /* _KERNEL_DMA_DEBUG_STORE_H */
