// SPDX-License-Identifier: GPL-2.0-only
/*
 * Backend: CMA areas near a NUMA node.
 *
 *   numa_cma=NODE:SIZE[,NODE:SIZE...]   an area on each node named
 *   cma_pernuma=SIZE                    an area on each node that is online
 *
 * The area of the device's own node serves it; one named by numa_cma= goes
 * before one that cma_pernuma= gave to all.
 *
 * No locks: the tables are written at boot by one CPU.
 */
#include <linux/cma.h>
#include <linux/device.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/nodemask.h>
#include <linux/sizes.h>

#include "backend.h"
#include "contiguous.h"

static struct dma_cma_area *node_areas[MAX_NUMNODES];
static phys_addr_t node_sizes[MAX_NUMNODES] __initdata;
static phys_addr_t size_on_all_nodes __initdata;

static struct dma_cma_area *area_near(struct device *dev)
{
	int nid = dev_to_node(dev);

	return nid == NUMA_NO_NODE ? NULL : node_areas[nid];
}

static const char *node_cma_decline(const struct dma_request *req)
{
	struct dma_cma_area *area = area_near(req->dev);

	return area ? dma_cma_area_decline(area, req) : "there is none";
}

static int node_cma_alloc(const struct dma_request *req,
			  struct dma_allocation *record)
{
	return dma_cma_area_alloc(area_near(req->dev), req, record);
}

static void node_cma_explain(const struct dma_request *req,
			     struct seq_buf *text)
{
	dma_cma_area_explain(area_near(req->dev), text);
}

const struct dma_backend dma_node_cma = {
	.name		= DMA_NODE_CMA,
	.needs		= DMA_MAY_SLEEP,
	.bars		= DMA_HAS_AREA | DMA_IS_SINGLE,
	.declines	= node_cma_decline,
	.alloc		= node_cma_alloc,
	.free		= dma_cma_area_free,
	.explain	= node_cma_explain,
};

static int __init parse_numa_cma(char *arg)
{
	char *at = arg;

	while (at && *at) {
		int nid;

		if (!get_option(&at, &nid) || *at++ != ':' ||
		    nid < 0 || nid >= MAX_NUMNODES)
			goto malformed;
		node_sizes[nid] = memparse(at, &at);
		if (*at == ',')
			at++;
		else if (*at)
			goto malformed;
	}
	if (at)
		return 0;
malformed:
	memset(node_sizes, 0, sizeof(node_sizes));
	pr_err("dma: numa_cma=%s: expected NODE:SIZE[,NODE:SIZE...], NODE below %d\n",
	       arg ?: "", MAX_NUMNODES);
	return -EINVAL;
}
early_param("numa_cma", parse_numa_cma);

static int __init parse_cma_pernuma(char *arg)
{
	char *end = arg;

	if (arg)
		size_on_all_nodes = memparse(arg, &end);
	if (!arg || end == arg || *end) {
		pr_err("dma: cma_pernuma=%s: expected a size such as 64M\n",
		       arg ?: "");
		size_on_all_nodes = 0;
		return -EINVAL;
	}
	return 0;
}
early_param("cma_pernuma", parse_cma_pernuma);

/* Without a limit: a node lies where it lies, and reach is asked later. */
static void __init reserve_on_node(int nid, phys_addr_t size, const char *kind)
{
	char name[CMA_MAX_NAME];
	struct cma *cma;
	int err;

	snprintf(name, sizeof(name), "%s%d", kind, nid);
	err = cma_declare_contiguous_nid(0, size, 0, 0, 0, false, name,
					 &cma, nid);
	if (err) {
		pr_warn("dma: node cma: no %llu MiB on node %d: error %d\n",
			(unsigned long long)size / SZ_1M, nid, err);
		return;
	}
	node_areas[nid] = dma_cma_add(cma, DMA_NODE_CMA,
				      "devices on its node");
}

/**
 * dma_cma_reserve_nodes - reserve what numa_cma= and cma_pernuma= ask for
 *
 * Context: boot, before the page allocator.
 */
void __init dma_cma_reserve_nodes(void)
{
	for (int nid = 0; nid < MAX_NUMNODES; nid++) {
		phys_addr_t size = node_sizes[nid];
		const char *kind = "numa";

		if (size && !node_online(nid)) {
			pr_warn("dma: numa_cma=%d:...: node %d is not online\n",
				nid, nid);
			continue;
		}
		if (!size && node_online(nid)) {
			size = size_on_all_nodes;
			kind = "pernuma";
		}
		if (size)
			reserve_on_node(nid, size, kind);
	}
}
