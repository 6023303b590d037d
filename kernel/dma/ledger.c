// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ledger: who owns which live consistent allocation.
 *
 * Records stand in a hash table by what the driver holds of the buffer: the CPU's
 * address, or the struct page.  No two live buffers have the same one, whatever
 * device they belong to, and every free comes with it.  So a free finds its
 * record, or that there is none, in one bucket; and a free with the wrong device
 * finds whose the buffer is just there.  Only look-ups by an inner address, and
 * those that make a message, walk the whole table.
 *
 * Publishing and taking cannot fail: the record carries its own node and was
 * made before the memory was.  Whoever takes a record owns it and is the only
 * one who may undo it, which is what makes a second free harmless.
 *
 * New records go in front, with a number that counts up in each bucket.  So a
 * walk that lets go of the lock knows where it was, whatever has come and gone.
 *
 * Locks: bucket->lock, innermost in the layer, irq-safe; one at a time.
 */
#include <linux/device.h>
#include <linux/hash.h>
#include <linux/list.h>
#include <linux/spinlock.h>

#include "backend.h"
#include "ledger.h"

#define DMA_LEDGER_BITS		(IS_ENABLED(CONFIG_BASE_SMALL) ? 6 : 10)
#define DMA_NR_BUCKETS		BIT(DMA_LEDGER_BITS)

/**
 * struct dma_bucket - the records of some CPU addresses
 * @lock: protects all that follows, and the records
 * @serial: of the record that came last
 * @records: the newest first
 */
struct dma_bucket {
	spinlock_t		lock;	/* protects all that follows */
	u32			serial;
	struct hlist_head	records;
};

static struct dma_bucket dma_buckets[DMA_NR_BUCKETS] = {
	[0 ... DMA_NR_BUCKETS - 1] = {
		.lock = __SPIN_LOCK_UNLOCKED(dma_buckets.lock),
	},
};

/**
 * struct dma_ledger_key - what is looked for
 * @dev: the device
 * @cpu_addr: what a driver says it holds
 * @dma_addr: an address in the buffer, as its device sees it
 */
struct dma_ledger_key {
	struct device	*dev;
	const void	*cpu_addr;
	dma_addr_t	dma_addr;
};

typedef bool (*dma_ledger_match_t)(const struct dma_allocation *record,
				   const struct dma_ledger_key *key);

static struct dma_bucket *bucket_of(const void *cpu_addr)
{
	return &dma_buckets[hash_ptr(cpu_addr, DMA_LEDGER_BITS)];
}

/**
 * dma_ledger_publish - make a finished allocation known
 * @record: complete; belongs to the ledger from now on
 *
 * Context: any, irq-safe.  Can't fail.
 */
void dma_ledger_publish(struct dma_allocation *record)
{
	struct dma_bucket *bucket = bucket_of(record->cpu_addr);
	unsigned long flags;

	spin_lock_irqsave(&bucket->lock, flags);
	/* 0 is where a walk starts.  One that sees a wrap may miss some. */
	record->serial = ++bucket->serial ?: ++bucket->serial;
	hlist_add_head(&record->node, &bucket->records);
	spin_unlock_irqrestore(&bucket->lock, flags);
}

static __always_inline struct dma_allocation *
take(const struct dma_ledger_key *key, dma_ledger_match_t is_it)
{
	struct dma_bucket *bucket = bucket_of(key->cpu_addr);
	struct dma_allocation *record;
	unsigned long flags;

	spin_lock_irqsave(&bucket->lock, flags);
	hlist_for_each_entry(record, &bucket->records, node)
		if (is_it(record, key))
			break;
	if (record)
		hlist_del(&record->node);
	spin_unlock_irqrestore(&bucket->lock, flags);
	return record;
}

static __always_inline bool is_cpu_start(const struct dma_allocation *record,
					 const struct dma_ledger_key *key)
{
	return record->cpu_addr == key->cpu_addr && record->dev == key->dev;
}

static __always_inline bool is_start(const struct dma_allocation *record,
				     const struct dma_ledger_key *key)
{
	return is_cpu_start(record, key) && record->dma_addr == key->dma_addr;
}

/**
 * dma_ledger_take - take the record of a buffer out of the ledger
 * @dev: whose buffer
 * @dma_addr: where it starts for the device
 * @cpu_addr: what the driver holds; has to fit as well
 *
 * Context: any, irq-safe.
 * Return: the record, which the caller owns now, or NULL if there is none.
 */
struct dma_allocation *dma_ledger_take(struct device *dev, dma_addr_t dma_addr,
				       void *cpu_addr)
{
	struct dma_ledger_key key = { dev, cpu_addr, dma_addr };

	return take(&key, is_start);
}

/**
 * dma_ledger_take_by_cpu - take a record whose DMA address is not known
 * @dev: whose buffer
 * @cpu_addr: what the driver holds
 *
 * For ops that give the device another address than the direct route does, such
 * as arch/x86/kernel/amd_gart_64.c.
 *
 * Context: any, irq-safe.
 * Return: the record, which the caller owns now, or NULL.
 */
struct dma_allocation *dma_ledger_take_by_cpu(struct device *dev,
					      void *cpu_addr)
{
	struct dma_ledger_key key = { dev, cpu_addr, 0 };

	return take(&key, is_cpu_start);
}

/**
 * dma_ledger_note - note in a record what was done for a live buffer
 * @copy: a copy of the record
 * @done: one of DMA_DONE_*
 *
 * Context: any, irq-safe.
 * Return: true if it was not noted before; false, too, if the buffer is gone.
 */
bool dma_ledger_note(const struct dma_allocation *copy, u16 done)
{
	struct dma_bucket *bucket = bucket_of(copy->cpu_addr);
	struct dma_allocation *record;
	unsigned long flags;
	bool is_new;

	spin_lock_irqsave(&bucket->lock, flags);
	hlist_for_each_entry(record, &bucket->records, node)
		if (record->serial == copy->serial)
			break;
	is_new = record && !(record->done & done);
	if (is_new)
		record->done |= done;
	spin_unlock_irqrestore(&bucket->lock, flags);
	return is_new;
}

/* Copy the first record of a bucket that fits and is older than @serial. */
static bool copy_from_bucket(struct dma_bucket *bucket, u32 serial,
			     dma_ledger_match_t is_it,
			     const struct dma_ledger_key *key,
			     struct dma_allocation *copy)
{
	struct dma_allocation *record;
	unsigned long flags;

	/* A guess without the lock: what is there all the time is not missed. */
	if (hlist_empty(&bucket->records))
		return false;

	spin_lock_irqsave(&bucket->lock, flags);
	hlist_for_each_entry(record, &bucket->records, node)
		if ((!serial || record->serial < serial) && is_it(record, key))
			break;
	if (record)
		*copy = *record;
	spin_unlock_irqrestore(&bucket->lock, flags);
	return record;
}

static bool copy_from_all(dma_ledger_match_t is_it,
			  const struct dma_ledger_key *key,
			  struct dma_allocation *copy)
{
	for (unsigned int i = 0; i < DMA_NR_BUCKETS; i++)
		if (copy_from_bucket(&dma_buckets[i], 0, is_it, key, copy))
			return true;
	return false;
}

static bool is_holder(const struct dma_allocation *record,
		      const struct dma_ledger_key *key)
{
	return key->dma_addr - record->dma_addr < record->size;
}

static bool is_holder_of_device(const struct dma_allocation *record,
				const struct dma_ledger_key *key)
{
	return record->dev == key->dev && is_holder(record, key);
}

/**
 * dma_ledger_find - look up the buffer that holds an address
 * @dev: whose buffer
 * @dma_addr: an address in it, not only its start
 * @copy: filled with a copy of the record, whose node means nothing
 *
 * A copy, since the record lives only until its owner frees the buffer.  Walks
 * everything: not for what is done often.
 *
 * Context: any, irq-safe.
 * Return: true if there is one.
 */
bool dma_ledger_find(struct device *dev, dma_addr_t dma_addr,
		     struct dma_allocation *copy)
{
	struct dma_ledger_key key = { dev, NULL, dma_addr };

	return copy_from_all(is_holder_of_device, &key, copy);
}

/**
 * dma_ledger_find_holder - does any device hold a buffer at this address?
 * @dma_addr: the address
 * @copy: filled with a copy of the record
 *
 * Walks everything: for the message about a wrong free.
 *
 * Context: any, irq-safe.
 * Return: true if one was found.
 */
bool dma_ledger_find_holder(dma_addr_t dma_addr, struct dma_allocation *copy)
{
	struct dma_ledger_key key = { NULL, NULL, dma_addr };

	return copy_from_all(is_holder, &key, copy);
}

static bool is_start_of_any(const struct dma_allocation *record,
			    const struct dma_ledger_key *key)
{
	return record->cpu_addr == key->cpu_addr &&
	       record->dma_addr == key->dma_addr;
}

/**
 * dma_ledger_find_start - look up a buffer without knowing whose it is
 * @cpu_addr: what its driver holds
 * @dma_addr: where it starts for its device
 * @copy: filled with a copy of the record
 *
 * Context: any, irq-safe.
 * Return: true if there is one that fits both addresses.
 */
bool dma_ledger_find_start(const void *cpu_addr, dma_addr_t dma_addr,
			   struct dma_allocation *copy)
{
	struct dma_ledger_key key = { NULL, cpu_addr, dma_addr };

	return copy_from_bucket(bucket_of(cpu_addr), 0, is_start_of_any, &key,
				copy);
}

static bool is_buffer_of_device(const struct dma_allocation *record,
				const struct dma_ledger_key *key)
{
	return record->cpu_addr == key->cpu_addr &&
	       is_holder_of_device(record, key);
}

/* The CPU's address is that of the buffer, or of the place at the other one. */
static bool is_buffer(const struct dma_allocation *record,
		      const struct dma_ledger_key *key)
{
	size_t offset = key->dma_addr - record->dma_addr;

	return offset < record->size &&
	       (key->cpu_addr == record->cpu_addr ||
		key->cpu_addr == record->cpu_addr + offset);
}

/**
 * dma_ledger_find_buffer - look up the buffer that a driver hands on
 * @dev: who it says the buffer was allocated for; need not be right
 * @cpu_addr: the CPU's address of it, or of the place at @dma_addr
 * @dma_addr: an address in it, as its owner sees it
 * @copy: filled with a copy of the record
 *
 * Both addresses have to fit: behind two IOMMUs the same @dma_addr may be two
 * buffers.  The usual call, with the start of @dev's own buffer, looks into one
 * bucket; the others walk everything.
 *
 * Context: any, irq-safe.
 * Return: true if there is one.
 */
bool dma_ledger_find_buffer(struct device *dev, const void *cpu_addr,
			    dma_addr_t dma_addr, struct dma_allocation *copy)
{
	struct dma_ledger_key key = { dev, cpu_addr, dma_addr };

	return copy_from_bucket(bucket_of(cpu_addr), 0, is_buffer_of_device,
				&key, copy) ||
	       copy_from_all(is_buffer, &key, copy);
}

static bool is_any(const struct dma_allocation *record,
		   const struct dma_ledger_key *key)
{
	return true;
}

/**
 * dma_ledger_next - walk all records, one at a time
 * @at: where the walk stands
 * @copy: filled with a copy of the next record
 *
 * No lock is held between two calls.  What is there all the time is seen once;
 * what comes or goes meanwhile may be seen or not.
 *
 * Context: any, irq-safe.
 * Return: true if there was one more.
 */
bool dma_ledger_next(struct dma_ledger_cursor *at, struct dma_allocation *copy)
{
	for (; at->bucket < DMA_NR_BUCKETS; at->bucket++, at->serial = 0) {
		if (!copy_from_bucket(&dma_buckets[at->bucket], at->serial,
				      is_any, NULL, copy))
			continue;
		at->serial = copy->serial;
		return true;
	}
	return false;
}

/**
 * dma_ledger_owner - which backend serves a buffer?
 * @dev: whose buffer
 * @dma_addr: an address in it
 *
 * Context: any, irq-safe; walks everything.
 * Return: the backend's name, or NULL if no live buffer holds the address.
 */
const char *dma_ledger_owner(struct device *dev, dma_addr_t dma_addr)
{
	struct dma_allocation copy;

	return dma_ledger_find(dev, dma_addr, &copy) ? copy.backend->name :
						       NULL;
}

/**
 * dma_ledger_count - how many live buffers are there?
 * @dev: whose; NULL for all
 *
 * Context: any, irq-safe; walks everything.
 * Return: their number.
 */
unsigned long dma_ledger_count(struct device *dev)
{
	struct dma_ledger_cursor at = {};
	struct dma_allocation copy;
	unsigned long count = 0;

	while (dma_ledger_next(&at, &copy))
		if (!dev || copy.dev == dev)
			count++;
	return count;
}
