// SPDX-License-Identifier: GPL-2.0-only
/*
 * The default set of bounce buffers: its size, and its first pool.
 *
 * An architecture asks for it once the memory is known (swiotlb_init()), or
 * later, when it finds out that it is needed (swiotlb_init_late()).  How large
 * the first pool is, is decided in this order:
 *
 *   swiotlb=SLOTS           what the command line says
 *   swiotlb_adjust_size()   what the architecture says; if all devices have to
 *                           bounce, at least what follows
 *   otherwise               by need: a set that can grow starts with 1 MiB for
 *                           each GiB of RAM (16 if all devices have to bounce)
 *                           or for each CPU, whichever is more, from 4 MiB to
 *                           64 MiB; one that can't, with 64 MiB
 *
 * If there is not that much memory, half of it is tried, down to 1 MiB.  A set
 * that grows does so up to an eighth of the RAM, or to twice its first pool.
 *
 * Its slots are shared out to as many areas as there can be CPUs, or as the command
 * line says, as long as each of them has 256 KiB.
 *
 * Locks: none here, but for showing it: everything happens before there are
 * other users, or in an initcall.
 */
#define pr_fmt(fmt) "software IO TLB: " fmt

#include <linux/cpumask.h>
#include <linux/init.h>
#include <linux/kstrtox.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "swiotlb.h"

#define EXPECTED	"[slots][,areas][,force|noforce]"
#define MIN_SIZE	((size_t)SZ_1M)
#define MAX_AREAS	65536UL
#define MAX_SLOTS	(SIZE_MAX >> (IO_TLB_SHIFT + 1))

static struct swiotlb_options options;
static size_t adjusted_size;
static bool may_show;

static void set_init_work(struct swiotlb_set *set)
{
	INIT_DELAYED_WORK(&set->work, swiotlb_work);
	set->info.figures = swiotlb_info_figures;
}

/**
 * swiotlb_set_init - set up a set that has no pool yet
 * @set: all zero, but for what its name and users are
 * @name: its name
 *
 * Context: any.
 */
void swiotlb_set_init(struct swiotlb_set *set, const char *name)
{
	set->name = name;
	spin_lock_init(&set->lock);
	INIT_LIST_HEAD(&set->pools);
	INIT_LIST_HEAD(&set->transients);
	INIT_LIST_HEAD(&set->ended);
	set->info.name = name;
	set->info.kind = "bounce";
	set_init_work(set);
}

/*
 * The number that @text begins with, which is cut off; 0: there is none; U64_MAX: it
 * is none that makes sense.
 */
static u64 parse_number(const char **text)
{
	bool is_hex = !strncasecmp(*text, "0x", 2);
	size_t len = is_hex ? 2 + strspn(*text + 2, "0123456789abcdefABCDEF") :
			      strspn(*text, "0123456789");
	char digits[24] = "";
	u64 number;

	if (!len)
		return 0;
	if (len < sizeof(digits))
		memcpy(digits, *text, len);
	*text += len;
	return kstrtoull(digits, 0, &number) ? U64_MAX : number;
}

static bool parse_word(const char *word, struct swiotlb_options *found)
{
	bool is_force = !strcmp(word, "force");

	if (!is_force && strcmp(word, "noforce"))
		return false;
	found->is_forced = is_force;
	found->is_off = !is_force;
	return true;
}

/**
 * swiotlb_parse_options - understand what follows swiotlb=
 * @text: slots, areas and a word, in that order, each of which can be missing
 * @found: what another swiotlb= said before, or all zero; what @text says counts
 *	more
 *
 * Context: any, from the earliest boot on.
 * Return: false if not all of it was understood; what was, counts.
 */
bool swiotlb_parse_options(const char *text, struct swiotlb_options *found)
{
	u64 nr_slots, nr_areas;

	nr_slots = parse_number(&text);
	if (*text == ',')
		text++;
	nr_areas = parse_number(&text);
	if (*text == ',')
		text++;
	if (nr_slots && nr_slots <= MAX_SLOTS)
		found->nr_slots = ALIGN(nr_slots, IO_TLB_SEGSIZE);
	if (nr_areas && nr_areas <= MAX_AREAS)
		found->nr_areas = roundup_pow_of_two(nr_areas);
	return (!*text || parse_word(text, found)) &&
	       nr_slots <= MAX_SLOTS && nr_areas <= MAX_AREAS;
}

static int __init parse_swiotlb(char *arg)
{
	if (!arg || !swiotlb_parse_options(arg, &options))
		pr_err("swiotlb=%s is not understood, or only in part: expected "
		       EXPECTED "\n", arg ?: "");
	swiotlb_nr_areas = options.nr_areas;
	/* An error would be reported a second time. */
	return 0;
}
early_param("swiotlb", parse_swiotlb);

/**
 * swiotlb_size_or_default - how large the first pool may become
 *
 * Context: any.
 * Return: bytes: what the command line or the architecture says, or 64 MiB.
 */
unsigned long swiotlb_size_or_default(void)
{
	if (options.nr_slots)
		return options.nr_slots << IO_TLB_SHIFT;
	return adjusted_size ?: IO_TLB_DEFAULT_SIZE;
}

/**
 * swiotlb_adjust_size - what an architecture thinks the first pool should have
 * @size: in bytes
 *
 * The first call counts, and the command line counts more.
 *
 * Context: early boot, before swiotlb_init().
 */
void __init swiotlb_adjust_size(unsigned long size)
{
	if (!adjusted_size)
		adjusted_size = ALIGN(size, IO_TLB_SEGSIZE << IO_TLB_SHIFT);
}

/*
 * Is there memory for more when it is needed?  Where all has to be decrypted
 * before, a mapping that can't wait gets none but from an atomic pool; and without
 * a zone of low memory, what is had later may be out of reach.
 */
static bool can_start_small(bool is_forced)
{
	if (is_forced)
		return IS_ENABLED(CONFIG_DMA_COHERENT_POOL) ||
		       !IS_ENABLED(CONFIG_ARCH_HAS_MEM_ENCRYPT);
	return IS_ENABLED(CONFIG_ZONE_DMA) || IS_ENABLED(CONFIG_ZONE_DMA32) ||
	       !IS_ENABLED(CONFIG_64BIT);
}

/**
 * swiotlb_first_size - how large a set's first pool is to be: see at the top
 * @ram: of the machine, in bytes
 * @is_forced: all devices have to bounce
 * @can_grow: the set can
 *
 * Context: any, from the earliest boot on.
 * Return: bytes.
 */
size_t swiotlb_first_size(u64 ram, bool is_forced, bool can_grow)
{
	u64 size = max_t(u64, ram >> (is_forced ? 6 : 10),
			 (u64)num_possible_cpus() * SZ_1M);

	if (options.nr_slots)
		return swiotlb_size_or_default();
	if (can_grow && can_start_small(is_forced))
		size = ALIGN(clamp(size, SZ_4M, IO_TLB_DEFAULT_SIZE),
			     IO_TLB_SEGSIZE << IO_TLB_SHIFT);
	else
		size = IO_TLB_DEFAULT_SIZE;
	/* An architecture may think of those only that can't reach it all. */
	if (adjusted_size)
		size = is_forced ? max(adjusted_size, size) : adjusted_size;
	return size;
}

/*
 * What a callback makes contiguous for devices, it does so for each 256 KiB
 * alone: no mapping may cross them, so each of them is an area.
 */
static unsigned int wanted_areas(size_t size, bool is_remapped)
{
	return is_remapped ? (size >> IO_TLB_SHIFT) / IO_TLB_SEGSIZE :
			     swiotlb_wanted_areas();
}

static void set_limit(u64 ram)
{
	size_t size = swiotlb_default.mem.size;

	swiotlb_default.limit = max_t(u64, min_t(u64, ram / 8, SIZE_MAX / 2),
				      2 * (u64)size);
}

/* An address that is a multiple of a word's bytes wastes no bit of the word. */
static void * __init alloc_boot_memory(size_t size, unsigned int flags)
{
	return flags & SWIOTLB_ANY ?
	       memblock_alloc(size, SWIOTLB_WORD_BYTES) :
	       memblock_alloc_low(size, SWIOTLB_WORD_BYTES);
}

/* Half as much if it can't be had, down to a minimum; 0: not even that. */
static size_t __init alloc_first(size_t size, unsigned int flags,
				 int (*remap)(void *tlb, unsigned long nslabs),
				 void **tlb)
{
	size_t wanted = size;

	for (;;) {
		*tlb = alloc_boot_memory(size, flags);
		if (*tlb && (!remap || !remap(*tlb, size >> IO_TLB_SHIFT)))
			break;
		if (*tlb)
			memblock_free(*tlb, size);
		if (size / 2 < MIN_SIZE)
			return 0;
		size = ALIGN(size / 2, IO_TLB_SEGSIZE << IO_TLB_SHIFT);
	}
	if (size < wanted)
		pr_warn("%zu KiB in place of %zu KiB: there is no more memory\n",
			size / SZ_1K, wanted / SZ_1K);
	return size;
}

/**
 * swiotlb_init_remap - make the default set in early boot
 * @addressing_limit: the machine has memory that not all devices reach
 * @flags: SWIOTLB_*
 * @remap: makes memory of so many slots contiguous for devices, or returns an
 *	error; NULL: that is not needed.  A set with it does not grow.
 *
 * Context: early boot, while there is memblock.
 */
void __init swiotlb_init_remap(bool addressing_limit, unsigned int flags,
			       int (*remap)(void *tlb, unsigned long nslabs))
{
	bool is_forced = options.is_forced || (flags & SWIOTLB_FORCE);
	struct swiotlb_set *set = &swiotlb_default;
	phys_addr_t start;
	size_t size, meta_size;
	unsigned int nr_areas;
	void *tlb, *meta;

	if (options.is_off || (!addressing_limit && !is_forced))
		return;
	set_init_work(set);
	set->info.users = is_forced ? "all devices" :
				      "devices that do not reach all memory";
	set->mem.force_bounce = is_forced;
	set->can_grow = IS_ENABLED(CONFIG_SWIOTLB_DYNAMIC) && !remap;
	set->is_remapped = remap;

	size = swiotlb_first_size(memblock_phys_mem_size(), is_forced,
				  set->can_grow);
	size = alloc_first(size, flags, remap, &tlb);
	if (!size) {
		pr_warn("no memory for bounce buffers\n");
		return;
	}
	start = virt_to_phys(tlb);
	nr_areas = wanted_areas(size, remap);
	meta_size = swiotlb_pool_meta_size(start, size, nr_areas);
	meta = memblock_alloc(meta_size, SMP_CACHE_BYTES);
	if (!meta) {
		pr_warn("no memory to describe %zu KiB of bounce buffers\n",
			size / SZ_1K);
		memblock_free(tlb, size);
		return;
	}
	swiotlb_set_add(set, swiotlb_pool_init(meta, start, size, nr_areas,
					       SWIOTLB_FROM_MEMBLOCK));
	set_limit(memblock_phys_mem_size());
	if (flags & SWIOTLB_VERBOSE)
		swiotlb_print_info();
}

/**
 * swiotlb_init - make the default set in early boot
 * @addressing_limit: the machine has memory that not all devices reach
 * @flags: SWIOTLB_*
 *
 * Context: early boot, while there is memblock.
 */
void __init swiotlb_init(bool addressing_limit, unsigned int flags)
{
	swiotlb_init_remap(addressing_limit, flags, NULL);
}

static struct io_tlb_pool *make_late(size_t size, gfp_t gfp,
				     int (*remap)(void *tlb,
						  unsigned long nslabs))
{
	unsigned int order = get_order(size);
	struct io_tlb_pool *pool = NULL;
	struct page *page;

	page = alloc_pages(gfp | __GFP_ZERO | __GFP_NOWARN, order);
	if (!page)
		return NULL;
	if (!remap || !remap(page_address(page), size >> IO_TLB_SHIFT))
		pool = swiotlb_pool_create(page_to_phys(page),
					   PAGE_SIZE << order,
					   wanted_areas(PAGE_SIZE << order, remap),
					   SWIOTLB_FROM_PAGES, GFP_KERNEL);
	if (!pool)
		__free_pages(page, order);
	return pool;
}

/* From when on the set can be shown; it may have been ended before. */
static void show_default(void)
{
	static bool is_shown;

	if (!may_show || is_shown || !swiotlb_default.mem.size)
		return;
	is_shown = true;
	swiotlb_set_show(&swiotlb_default);
}

/**
 * swiotlb_init_late - make the default set when the page allocator is there
 * @size: of the first pool, in bytes; less if there is not that much
 * @gfp_mask: where to have it from
 * @remap: as for swiotlb_init_remap()
 *
 * Context: process context, may sleep.
 * Return: 0, also if there is a set already or the command line forbids one;
 * -ENOMEM; an error of decryption.
 */
int swiotlb_init_late(size_t size, gfp_t gfp_mask,
		      int (*remap)(void *tlb, unsigned long nslabs))
{
	struct swiotlb_set *set = &swiotlb_default;
	struct io_tlb_pool *pool = NULL;
	int err;

	if (set->mem.size || options.is_off)
		return 0;
	set->info.users = "devices that do not reach all memory";
	set_init_work(set);
	set->mem.force_bounce = options.is_forced;
	set->can_grow = IS_ENABLED(CONFIG_SWIOTLB_DYNAMIC) && !remap;
	set->is_remapped = remap;

	size = min_t(size_t, roundup_pow_of_two(max(size, MIN_SIZE)),
		     PAGE_SIZE << MAX_PAGE_ORDER);
	for (; size >= MIN_SIZE && !pool; size /= 2)
		pool = make_late(size, gfp_mask, remap);
	if (!pool) {
		pr_warn("no memory for bounce buffers\n");
		return -ENOMEM;
	}
	err = swiotlb_pool_decrypt(pool) ?: swiotlb_set_add(set, pool);
	if (err) {
		swiotlb_pool_destroy(pool);
		return err;
	}
	set_limit((u64)totalram_pages() << PAGE_SHIFT);
	swiotlb_print_info();
	show_default();
	return 0;
}

/* The pool that the default set begins with; nobody else changes it now. */
static struct io_tlb_pool *first_pool(void)
{
	struct swiotlb_set *set = &swiotlb_default;

	return set->mem.size ? swiotlb_set_find(set, set->mem.start) : NULL;
}

/**
 * swiotlb_update_mem_attributes - decrypt the first pool
 *
 * If that fails there are no bounce buffers.
 *
 * Context: boot, before there are devices, when memory can be decrypted.
 */
void __init swiotlb_update_mem_attributes(void)
{
	struct io_tlb_pool *pool = first_pool();

	if (pool && swiotlb_pool_decrypt(pool))
		swiotlb_set_remove(&swiotlb_default, pool);
}

/**
 * swiotlb_print_info - one line about the default set
 *
 * Context: any.
 */
void swiotlb_print_info(void)
{
	const struct swiotlb_set *set = &swiotlb_default;
	phys_addr_t last = set->mem.start + set->mem.size - 1;

	if (!set->mem.size)
		pr_info("no bounce buffers\n");
	else if (set->can_grow)
		pr_info("mapped [mem %pa-%pa] (%zu KiB, grows to %zu KiB)\n",
			&set->mem.start, &last, set->mem.size / SZ_1K,
			set->limit / SZ_1K);
	else
		pr_info("mapped [mem %pa-%pa] (%zu KiB)\n",
			&set->mem.start, &last, set->mem.size / SZ_1K);
}

/**
 * swiotlb_exit - give the default set back, since an IOMMU does its job
 *
 * Does nothing if all devices have to bounce.
 *
 * Context: boot, before a device has bounced; may sleep.
 */
void __init swiotlb_exit(void)
{
	if (!swiotlb_default.mem.size || swiotlb_default.mem.force_bounce)
		return;
	pr_info("not needed, %zu KiB are given back\n",
		swiotlb_default.size / SZ_1K);
	swiotlb_set_destroy(&swiotlb_default);
}

/**
 * swiotlb_dev_init - a device begins its life
 * @dev: the device
 *
 * Context: any.
 */
void swiotlb_dev_init(struct device *dev)
{
	dev->dma_io_tlb_mem = &swiotlb_default.mem;
#ifdef CONFIG_SWIOTLB_DYNAMIC
	dev->dma_uses_io_tlb = false;
#endif
}

/**
 * is_swiotlb_allocated - is there a default set?
 *
 * Context: any.
 * Return: true if so.
 */
bool is_swiotlb_allocated(void)
{
	return swiotlb_default.mem.size;
}

/**
 * default_swiotlb_base - where the default set is
 *
 * The caller relies on it being there, and nowhere else: it grows no more.
 *
 * Context: any.
 * Return: physical address of the first pool.
 */
phys_addr_t default_swiotlb_base(void)
{
	WRITE_ONCE(swiotlb_default.can_grow, false);
	return swiotlb_default.mem.start;
}

/**
 * default_swiotlb_limit - what a device has to reach to use the default set
 *
 * Pools that are added lie where the device they are added for reaches.
 *
 * Context: any.
 * Return: the first pool's last physical address.
 */
phys_addr_t default_swiotlb_limit(void)
{
	return swiotlb_default.mem.start + swiotlb_default.mem.size - 1;
}

/* An architecture that ends the set has done so by now. */
static int __init swiotlb_show_default(void)
{
	may_show = true;
	show_default();
	return 0;
}
device_initcall(swiotlb_show_default);
