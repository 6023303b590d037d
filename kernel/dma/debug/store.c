// SPDX-License-Identifier: GPL-2.0-only
/*
 * The store of dma-debug: the entries of live mappings, and how the one that a
 * call means is found.
 *
 * A hash table over device and address.  An entry lies in the bucket of its
 * *granule*, a piece of the address space that is as large as the entry or
 * larger: mappings of up to 4 KiB are one *class* and have granules of 4 KiB,
 * those of up to 64 KiB are the next one, and so on by the factor 16.  So
 * whoever knows address and size looks into one bucket; and whoever has an
 * address in the middle of a mapping looks into two buckets for each class,
 * since an entry reaches into the granule after its own at most.
 *
 * Several entries may have the same device and address: a page can be mapped
 * twice.  A call takes the one that it fits best.
 *
 * What could not get an entry is *untracked*.  Its bucket counts it, and a call
 * that finds no entry which it fits exactly is believed as long as that count is
 * not 0.  So a lack of entries costs errors that are missed, and never makes one
 * up.
 *
 * A bucket also heads a list of the entries whose first cache line hashes to it:
 * mappings that a device writes to may not share one, unless all who map it see the
 * CPU's caches.
 *
 * Locks: bucket->lock, one at a time, irq-safe.  An entry is in the list of its
 * line before it is in that of its address, and leaves it after that one.
 */
#include <linux/bitops.h>
#include <linux/cache.h>
#include <linux/hash.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "../debug.h"
#include "store.h"

/* Off until it is set up. */
DEFINE_STATIC_KEY_FALSE(dma_debug_key);

#define BUCKET_BITS	14
#define NR_BUCKETS	BIT(BUCKET_BITS)

#define FIRST_SHIFT	12	/* granules of class 0: 4 KiB */
#define CLASS_SHIFT	4
#define NR_CLASSES	8

/* All that a call can fit in: see fit(). */
#define FITS_ALL	6

struct bucket {
	spinlock_t lock;		/* protects all of it */
	unsigned int nr_untracked;
	struct dma_debug_entry *entries;
	struct dma_debug_entry *lines;
};

static struct bucket *buckets __ro_after_init;

/* The classes that any mapping was of: the others need no search. */
static unsigned long classes_used;

/*
 * The last mapping that was made on a CPU, and by whom: dma_mapping_error() comes
 * soon.  Interrupts are off while it is used.
 */
struct last_mapping {
	struct dma_debug_entry *entry;
	struct task_struct *task;
	unsigned int context;
};

static DEFINE_PER_CPU(struct last_mapping, last_mapping);

static __always_inline unsigned int class_of(u64 size)
{
	unsigned int bits = size ? fls64(size - 1) : 0;

	if (bits <= FIRST_SHIFT)
		return 0;
	return min((bits - FIRST_SHIFT + CLASS_SHIFT - 1) / CLASS_SHIFT,
		   NR_CLASSES - 1U);
}

static __always_inline u64 granule_of(dma_addr_t dma_addr, unsigned int class)
{
	return (u64)dma_addr >> (FIRST_SHIFT + CLASS_SHIFT * class);
}

static __always_inline struct bucket *
bucket_at(const struct device *dev, u64 granule, unsigned int class)
{
	u64 key = (granule * NR_CLASSES + class) ^ ((uintptr_t)dev >> 6);

	return &buckets[hash_64(key, BUCKET_BITS)];
}

static __always_inline struct bucket *
bucket_of(const struct device *dev, dma_addr_t dma_addr, unsigned int class)
{
	return bucket_at(dev, granule_of(dma_addr, class), class);
}

static u64 line_of(const struct dma_debug_entry *entry)
{
	phys_addr_t phys = entry->call.memory;

	if (entry->call.kind == DMA_DEBUG_COHERENT)
		phys = virt_to_phys((void *)(uintptr_t)entry->call.memory);
	return (u64)phys >> L1_CACHE_SHIFT;
}

static struct bucket *bucket_of_line(u64 line)
{
	return &buckets[hash_64(line, BUCKET_BITS)];
}

/* Returns how many live mappings begin in the same cache line, and must not. */
static unsigned int add_line(struct dma_debug_entry *entry)
{
	u64 line = line_of(entry);
	struct bucket *bucket = bucket_of_line(line);
	unsigned int nr = 0;
	unsigned long flags;

	spin_lock_irqsave(&bucket->lock, flags);
	for (struct dma_debug_entry *e = bucket->lines; e; e = e->next_line)
		nr += line_of(e) == line &&
		      !(e->call.is_coherent && entry->call.is_coherent);
	entry->next_line = bucket->lines;
	bucket->lines = entry;
	spin_unlock_irqrestore(&bucket->lock, flags);
	return nr;
}

static void remove_line(struct dma_debug_entry *entry)
{
	struct bucket *bucket = bucket_of_line(line_of(entry));
	struct dma_debug_entry **link = &bucket->lines;
	unsigned long flags;

	spin_lock_irqsave(&bucket->lock, flags);
	while (*link != entry)
		link = &(*link)->next_line;
	*link = entry->next_line;
	spin_unlock_irqrestore(&bucket->lock, flags);
}

/* Of two alike the same task may make one, and an interrupt in it the other. */
static unsigned int context_now(void)
{
	return preempt_count() & (NMI_MASK | HARDIRQ_MASK | SOFTIRQ_MASK);
}

static void note_last(struct dma_debug_entry *entry)
{
	struct last_mapping *last;
	unsigned long flags;

	local_irq_save(flags);
	last = this_cpu_ptr(&last_mapping);
	last->entry = entry;
	last->task = current;
	last->context = context_now();
	local_irq_restore(flags);
}

/* An entry that was taken out of its bucket */
static void discard(struct dma_debug_entry *entry)
{
	if (entry->call.has_line)
		remove_line(entry);
	dma_debug_entry_put(entry);
}

/**
 * dma_debug_publish - make an entry known
 * @entry: complete; the store's from now on
 *
 * Context: any, after the mapping was made.
 * Return: how many other mappings begin in the same cache line that must not; 0
 * if entry->call.has_line is false.
 */
unsigned int dma_debug_publish(struct dma_debug_entry *entry)
{
	const struct dma_debug_call *call = &entry->call;
	unsigned int class = class_of(call->size);
	struct bucket *bucket = bucket_of(call->dev, call->dma_addr, class);
	unsigned int nr_others = call->has_line ? add_line(entry) : 0;
	unsigned long flags;

	if (unlikely(!test_bit(class, &classes_used)))
		set_bit(class, &classes_used);
	if (call->check == DMA_DEBUG_NOT_CHECKED)
		note_last(entry);

	spin_lock_irqsave(&bucket->lock, flags);
	entry->next = bucket->entries;
	bucket->entries = entry;
	spin_unlock_irqrestore(&bucket->lock, flags);
	return nr_others;
}

/**
 * dma_debug_add_untracked - note that there is a mapping without an entry
 * @dev: the device
 * @dma_addr: where it sees it
 * @size: in bytes
 *
 * Context: any, after the mapping was made.
 */
void dma_debug_add_untracked(struct device *dev, dma_addr_t dma_addr,
			     size_t size)
{
	unsigned int class = class_of(size);
	struct bucket *bucket = bucket_of(dev, dma_addr, class);
	unsigned long flags;

	set_bit(class, &classes_used);
	spin_lock_irqsave(&bucket->lock, flags);
	bucket->nr_untracked++;
	spin_unlock_irqrestore(&bucket->lock, flags);
}

/* Streaming calls say nothing about the memory. */
static bool fits_memory(const struct dma_debug_entry *entry,
			const struct dma_debug_call *call)
{
	if (call->kind == DMA_DEBUG_COHERENT ||
	    call->kind == DMA_DEBUG_NONCOHERENT)
		return entry->call.memory == call->memory;
	return true;
}

/* How well does an entry fit the call?  Of two alike, the checked one goes. */
static __always_inline unsigned int fit(const struct dma_debug_entry *entry,
					const struct dma_debug_call *call)
{
	const struct dma_debug_call *made = &entry->call;

	return (made->size == call->size) + (made->kind == call->kind) +
	       (made->dir == call->dir) + (made->nr_ents == call->nr_ents) +
	       (READ_ONCE(made->check) != DMA_DEBUG_NOT_CHECKED) +
	       fits_memory(entry, call);
}

/* Where the entry hangs that fits best and begins at the call's address. */
static __always_inline struct dma_debug_entry **
best_link(struct bucket *bucket, const struct dma_debug_call *call,
	  unsigned int *fitsp)
{
	struct dma_debug_entry **link, **best = NULL;

	lockdep_assert_held(&bucket->lock);
	*fitsp = 0;
	for (link = &bucket->entries; *link; link = &(*link)->next) {
		unsigned int fits;

		if ((*link)->call.dma_addr != call->dma_addr ||
		    (*link)->call.dev != call->dev)
			continue;
		fits = fit(*link, call);
		if (best && fits <= *fitsp)
			continue;
		best = link;
		*fitsp = fits;
		if (fits == FITS_ALL)
			break;
	}
	return best;
}

static struct dma_debug_entry *unlink(struct dma_debug_entry **link)
{
	struct dma_debug_entry *entry = *link;

	*link = entry->next;
	return entry;
}

/* The class in whose bucket the best of all entries at this address lies. */
static unsigned int best_class(const struct dma_debug_call *call)
{
	unsigned int class, fits, best = NR_CLASSES, best_fits = 0;
	unsigned long flags;

	for_each_set_bit(class, &classes_used, NR_CLASSES) {
		struct bucket *bucket = bucket_of(call->dev, call->dma_addr,
						  class);

		spin_lock_irqsave(&bucket->lock, flags);
		if (best_link(bucket, call, &fits) &&
		    (best == NR_CLASSES || fits > best_fits)) {
			best = class;
			best_fits = fits;
		}
		spin_unlock_irqrestore(&bucket->lock, flags);
	}
	return best;
}

static enum dma_debug_match take_inexact(const struct dma_debug_call *call,
					 struct dma_debug_entry *found)
{
	struct dma_debug_entry **link, *entry = NULL;
	unsigned int class = best_class(call);
	struct bucket *bucket;
	unsigned long flags;
	unsigned int fits;

	if (class == NR_CLASSES)
		return DMA_DEBUG_UNKNOWN;
	bucket = bucket_of(call->dev, call->dma_addr, class);
	spin_lock_irqsave(&bucket->lock, flags);
	link = best_link(bucket, call, &fits);
	if (link)
		entry = unlink(link);
	spin_unlock_irqrestore(&bucket->lock, flags);
	if (!entry)
		return DMA_DEBUG_UNKNOWN;
	*found = *entry;
	discard(entry);
	return fits == FITS_ALL ? DMA_DEBUG_EXACT : DMA_DEBUG_INEXACT;
}

/**
 * dma_debug_take - take the entry out that a call ends
 * @call: what the call says: dev, dma_addr, size, kind, dir, nr_ents, and memory
 *	if it is consistent
 * @found: gets a copy of the entry if it fits inexactly; only its nr_mapped if it
 *	fits exactly
 *
 * Context: any, while the mapping is still there: once its address is free, it
 * could be another mapping's.
 * Return: what is known of it.
 */
enum dma_debug_match dma_debug_take(const struct dma_debug_call *call,
				    struct dma_debug_entry *found)
{
	struct bucket *bucket = bucket_of(call->dev, call->dma_addr,
					  class_of(call->size));
	struct dma_debug_entry **link, *entry = NULL;
	bool is_untracked = false;
	unsigned long flags;
	unsigned int fits;

	spin_lock_irqsave(&bucket->lock, flags);
	link = best_link(bucket, call, &fits);
	if (likely(link && (fits == FITS_ALL || bucket->nr_untracked))) {
		/* It may be this one or one without an entry: believe the call. */
		is_untracked = fits != FITS_ALL;
		entry = unlink(link);
	} else if (bucket->nr_untracked) {
		bucket->nr_untracked--;
		is_untracked = true;
	}
	spin_unlock_irqrestore(&bucket->lock, flags);

	if (unlikely(!entry))
		return is_untracked ? DMA_DEBUG_UNTRACKED :
				      take_inexact(call, found);
	found->nr_mapped = entry->nr_mapped;
	discard(entry);
	return unlikely(is_untracked) ? DMA_DEBUG_UNTRACKED : DMA_DEBUG_EXACT;
}

/* What a search for a mapping around an address has found so far. */
struct search {
	const struct dma_debug_call *call;
	struct dma_debug_entry *found;
	unsigned int fits;		/* 0: nothing */
	bool has_untracked;
};

#define HOLDS_ALL	4

static unsigned int fit_around(const struct dma_debug_entry *entry,
			       const struct dma_debug_call *call)
{
	const struct dma_debug_call *made = &entry->call;
	u64 offset = call->dma_addr - made->dma_addr;

	if (call->dma_addr < made->dma_addr || offset >= made->size ||
	    made->dev != call->dev)
		return 0;
	return 1 + (call->size <= made->size - offset) +
	       (made->dir == call->dir || made->dir == DMA_BIDIRECTIONAL) +
	       (made->nr_ents == call->nr_ents);
}

/* Returns whether the search can end. */
static bool search_bucket(struct search *search, struct bucket *bucket)
{
	unsigned long flags;

	spin_lock_irqsave(&bucket->lock, flags);
	for (struct dma_debug_entry *e = bucket->entries; e; e = e->next) {
		unsigned int fits = fit_around(e, search->call);

		if (fits <= search->fits)
			continue;
		search->fits = fits;
		*search->found = *e;
	}
	search->has_untracked |= bucket->nr_untracked;
	spin_unlock_irqrestore(&bucket->lock, flags);
	return search->fits == HOLDS_ALL;
}

static bool search_class(struct search *search, unsigned int class)
{
	const struct dma_debug_call *call = search->call;
	u64 granule = granule_of(call->dma_addr, class);

	return search_bucket(search, bucket_at(call->dev, granule, class)) ||
	       search_bucket(search, bucket_at(call->dev, granule - 1, class));
}

/**
 * dma_debug_find - look for the mapping that a call is about
 * @call: what the call says: dev, dma_addr, which may lie inside, size, dir,
 *	nr_ents
 * @found: gets a copy of its entry, unless it is unknown or untracked
 *
 * Context: any.
 * Return: what is known of it.
 */
enum dma_debug_match dma_debug_find(const struct dma_debug_call *call,
				    struct dma_debug_entry *found)
{
	struct search search = { .call = call, .found = found };
	unsigned int class = class_of(call->size);

	/* Most calls are about a mapping as large as it is, or about. */
	if (search_class(&search, class))
		return DMA_DEBUG_EXACT;
	for_each_set_bit(class, &classes_used, NR_CLASSES)
		if (search_class(&search, class))
			return DMA_DEBUG_EXACT;
	if (search.has_untracked)
		return DMA_DEBUG_UNTRACKED;
	return search.fits ? DMA_DEBUG_INEXACT : DMA_DEBUG_UNKNOWN;
}

static bool is_unchecked(const struct dma_debug_entry *entry,
			 const struct device *dev, dma_addr_t dma_addr)
{
	const struct dma_debug_call *call = &entry->call;

	return READ_ONCE(call->dma_addr) == dma_addr &&
	       READ_ONCE(call->dev) == dev &&
	       READ_ONCE(call->check) == DMA_DEBUG_NOT_CHECKED;
}

/*
 * Was it the caller who made the CPU's last mapping, and is it this one?  The
 * entry may be another mapping's by now, but only if the caller's own is gone:
 * then a check is noted that nobody made, which costs a mistake that is missed.
 */
static bool note_in_last(const struct device *dev, dma_addr_t dma_addr)
{
	struct last_mapping *last;
	unsigned long flags;
	bool is_noted;

	local_irq_save(flags);
	last = this_cpu_ptr(&last_mapping);
	is_noted = last->task == current && last->context == context_now() &&
		   is_unchecked(last->entry, dev, dma_addr);
	if (is_noted)
		WRITE_ONCE(last->entry->call.check, DMA_DEBUG_CHECKED);
	local_irq_restore(flags);
	return is_noted;
}

static void note_in_class(struct device *dev, dma_addr_t dma_addr,
			  unsigned int class)
{
	struct bucket *bucket = bucket_of(dev, dma_addr, class);
	unsigned long flags;

	spin_lock_irqsave(&bucket->lock, flags);
	for (struct dma_debug_entry *e = bucket->entries; e; e = e->next)
		if (is_unchecked(e, dev, dma_addr))
			WRITE_ONCE(e->call.check, DMA_DEBUG_CHECKED);
	spin_unlock_irqrestore(&bucket->lock, flags);
}

/**
 * dma_debug_note_check - the driver has called dma_mapping_error()
 * @dev: the device
 * @dma_addr: for this address, which need not be a mapping's
 *
 * Where it can't be told which of several mappings is meant, it is all of them:
 * none must be blamed for a check that was made.
 *
 * Context: any.
 */
void dma_debug_note_check(struct device *dev, dma_addr_t dma_addr)
{
	unsigned int class;

	if (likely(note_in_last(dev, dma_addr)))
		return;
	for_each_set_bit(class, &classes_used, NR_CLASSES)
		note_in_class(dev, dma_addr, class);
}

/* Move a bucket's entries of a device to a list.  Returns their number. */
static unsigned int cut_out(struct bucket *bucket, const struct device *dev,
			    struct dma_debug_entry **list)
{
	struct dma_debug_entry **link = &bucket->entries;
	unsigned int nr = 0;

	lockdep_assert_held(&bucket->lock);
	while (*link) {
		struct dma_debug_entry *entry = *link;

		if (entry->call.dev != dev) {
			link = &entry->next;
			continue;
		}
		*link = entry->next;
		entry->next = *list;
		*list = entry;
		nr++;
	}
	/* Should the driver unmap them after all, nothing is said again. */
	bucket->nr_untracked += nr;
	return nr;
}

/**
 * dma_debug_forget - drop all entries of a device
 * @dev: the device
 * @one: gets a copy of one of them, if there is any
 *
 * Context: any.
 * Return: how many there were.
 */
unsigned int dma_debug_forget(struct device *dev, struct dma_debug_entry *one)
{
	struct dma_debug_entry *list = NULL;
	unsigned int nr = 0;

	for (unsigned int i = 0; i < NR_BUCKETS; i++) {
		struct bucket *bucket = &buckets[i];
		unsigned long flags;

		if (!READ_ONCE(bucket->entries))
			continue;
		spin_lock_irqsave(&bucket->lock, flags);
		nr += cut_out(bucket, dev, &list);
		spin_unlock_irqrestore(&bucket->lock, flags);
	}
	while (list) {
		struct dma_debug_entry *entry = list;

		list = entry->next;
		*one = *entry;
		discard(entry);
	}
	return nr;
}

/**
 * dma_debug_next - walk all entries
 * @bucket: where it stands; 0 at first
 * @nr: of the entry in that bucket; 0 at first
 * @copy: gets a copy of the entry
 *
 * What changes meanwhile may be missed, or come twice.
 *
 * Context: any.
 * Return: false at the end.
 */
bool dma_debug_next(unsigned int *bucket, unsigned int *nr,
		    struct dma_debug_entry *copy)
{
	for (; buckets && *bucket < NR_BUCKETS; ++*bucket, *nr = 0) {
		struct bucket *b = &buckets[*bucket];
		struct dma_debug_entry *entry;
		unsigned int skip = *nr;
		unsigned long flags;

		if (!READ_ONCE(b->entries))
			continue;
		spin_lock_irqsave(&b->lock, flags);
		for (entry = b->entries; entry && skip; entry = entry->next)
			skip--;
		if (entry)
			*copy = *entry;
		spin_unlock_irqrestore(&b->lock, flags);
		if (entry) {
			++*nr;
			return true;
		}
	}
	return false;
}

/**
 * dma_debug_store_init - make the store
 *
 * Context: process context, at boot.
 * Return: 0 or -ENOMEM.
 */
int __init dma_debug_store_init(void)
{
	buckets = kvcalloc(NR_BUCKETS, sizeof(*buckets), GFP_KERNEL);
	if (!buckets)
		return -ENOMEM;
	for (unsigned int i = 0; i < NR_BUCKETS; i++)
		spin_lock_init(&buckets[i].lock);
	return 0;
}
