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
 * mappings that a device writes to may not share one.
 *
 * Locks: bucket->lock, one at a time, irq-safe.  An entry is in the list of its
 * line before it is in that of its address, and leaves it after that one.
 */
#include <linux/bitops.h>
#include <linux/cache.h>
#include <linux/hash.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "debug.h"
#include "debug_store.h"

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

/* The class of the CPU's last mapping: dma_mapping_error() comes soon. */
static DEFINE_PER_CPU(unsigned int, last_class);

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
	phys_addr_t phys = entry->memory;

	if (entry->kind == DMA_DEBUG_COHERENT)
		phys = virt_to_phys((void *)(uintptr_t)entry->memory);
	return (u64)phys >> L1_CACHE_SHIFT;
}

static struct bucket *bucket_of_line(u64 line)
{
	return &buckets[hash_64(line, BUCKET_BITS)];
}

/* Returns how many live mappings begin in the same cache line. */
static unsigned int add_line(struct dma_debug_entry *entry)
{
	u64 line = line_of(entry);
	struct bucket *bucket = bucket_of_line(line);
	unsigned int nr = 0;
	unsigned long flags;

	spin_lock_irqsave(&bucket->lock, flags);
	for (struct dma_debug_entry *e = bucket->lines; e; e = e->next_line)
		nr += line_of(e) == line;
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

/* An entry that was taken out of its bucket */
static void discard(struct dma_debug_entry *entry)
{
	if (entry->has_line)
		remove_line(entry);
	dma_debug_entry_put(entry);
}

/**
 * dma_debug_publish - make an entry known
 * @entry: complete; the store's from now on
 *
 * Context: any, after the mapping was made.
 * Return: how many other mappings begin in the same cache line; 0 if
 * entry->has_line is false.
 */
unsigned int dma_debug_publish(struct dma_debug_entry *entry)
{
	unsigned int class = class_of(entry->size);
	struct bucket *bucket = bucket_of(entry->dev, entry->dma_addr, class);
	unsigned int nr_others = entry->has_line ? add_line(entry) : 0;
	unsigned long flags;

	if (unlikely(!test_bit(class, &classes_used)))
		set_bit(class, &classes_used);
	this_cpu_write(last_class, class);

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
			const struct dma_debug_entry *call)
{
	if (call->kind == DMA_DEBUG_COHERENT ||
	    call->kind == DMA_DEBUG_NONCOHERENT)
		return entry->memory == call->memory;
	return true;
}

/* How well does an entry fit the call?  Of two alike, the checked one goes. */
static __always_inline unsigned int fit(const struct dma_debug_entry *entry,
					const struct dma_debug_entry *call)
{
	return (entry->size == call->size) + (entry->kind == call->kind) +
	       (entry->dir == call->dir) + (entry->nr_ents == call->nr_ents) +
	       (entry->check != DMA_DEBUG_NOT_CHECKED) +
	       fits_memory(entry, call);
}

/* Where the entry hangs that fits best and begins at the call's address. */
static __always_inline struct dma_debug_entry **
best_link(struct bucket *bucket, const struct dma_debug_entry *call,
	  unsigned int *fitsp)
{
	struct dma_debug_entry **link, **best = NULL;

	lockdep_assert_held(&bucket->lock);
	*fitsp = 0;
	for (link = &bucket->entries; *link; link = &(*link)->next) {
		unsigned int fits;

		if ((*link)->dma_addr != call->dma_addr ||
		    (*link)->dev != call->dev)
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
static unsigned int best_class(const struct dma_debug_entry *call)
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

static enum dma_debug_match take_inexact(const struct dma_debug_entry *call,
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
 * @found: gets a copy of the entry, unless it is unknown or untracked
 *
 * Context: any, while the mapping is still there: once its address is free, it
 * could be another mapping's.
 * Return: what is known of it.
 */
enum dma_debug_match dma_debug_take(const struct dma_debug_entry *call,
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
	*found = *entry;
	discard(entry);
	return unlikely(is_untracked) ? DMA_DEBUG_UNTRACKED : DMA_DEBUG_EXACT;
}

/* What a search for a mapping around an address has found so far. */
struct search {
	const struct dma_debug_entry *call;
	struct dma_debug_entry *found;
	unsigned int fits;		/* 0: nothing */
	bool has_untracked;
};

#define HOLDS_ALL	4

static unsigned int fit_around(const struct dma_debug_entry *entry,
			       const struct dma_debug_entry *call)
{
	u64 offset = call->dma_addr - entry->dma_addr;

	if (call->dma_addr < entry->dma_addr || offset >= entry->size ||
	    entry->dev != call->dev)
		return 0;
	return 1 + (call->size <= entry->size - offset) +
	       (entry->dir == call->dir || entry->dir == DMA_BIDIRECTIONAL) +
	       (entry->nr_ents == call->nr_ents);
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
	const struct dma_debug_entry *call = search->call;
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
enum dma_debug_match dma_debug_find(const struct dma_debug_entry *call,
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

static bool note_in_class(struct device *dev, dma_addr_t dma_addr,
			  unsigned int class)
{
	struct bucket *bucket = bucket_of(dev, dma_addr, class);
	struct dma_debug_entry *entry;
	unsigned long flags;

	spin_lock_irqsave(&bucket->lock, flags);
	for (entry = bucket->entries; entry; entry = entry->next)
		if (entry->dma_addr == dma_addr && entry->dev == dev &&
		    entry->check == DMA_DEBUG_NOT_CHECKED)
			break;
	if (entry)
		entry->check = DMA_DEBUG_CHECKED;
	spin_unlock_irqrestore(&bucket->lock, flags);
	return entry;
}

/**
 * dma_debug_note_check - the driver has called dma_mapping_error()
 * @dev: the device
 * @dma_addr: for this address, which need not be a mapping's
 *
 * Context: any.
 */
void dma_debug_note_check(struct device *dev, dma_addr_t dma_addr)
{
	unsigned int class, guess = this_cpu_read(last_class);

	if (likely(note_in_class(dev, dma_addr, guess)))
		return;
	for_each_set_bit(class, &classes_used, NR_CLASSES)
		if (class != guess && note_in_class(dev, dma_addr, class))
			return;
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

		if (entry->dev != dev) {
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
