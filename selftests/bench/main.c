// SPDX-License-Identifier: GPL-2.0-only
/*
 * Module nf_alg_bench: measures while it is loaded; /proc/nf_alg_bench has the figures, one line for each series, in 1/10 ns. Open
 * files of the loading process say in which namespaces (enum bench_lane).
 */
#include <linux/module.h>
#include <linux/netfilter_ipv4.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/sort.h>
#include <linux/vmalloc.h>
#include <net/netfilter/nf_conntrack.h>

#include "bench.h"

static int nets[BENCH_LANES] = { -1, -1, -1, -1, -1 };
static int nets_n;
module_param_array(nets, int, &nets_n, 0);
MODULE_PARM_DESC(nets, "file descriptors of namespaces: plain, plain again, with an empty hook, one tenant, many tenants");

static int esp_net = -1;
module_param(esp_net, int, 0);
MODULE_PARM_DESC(esp_net, "file descriptor of a namespace that translates the sources of clients");

static unsigned int rounds = 200;
module_param(rounds, uint, 0);
MODULE_PARM_DESC(rounds, "values of each series");

static char *only = "";
module_param(only, charp, 0);
MODULE_PARM_DESC(only, "measurements to be made: how their names begin, or with $ a whole name");

struct net *bench_net[BENCH_LANES];

static LIST_HEAD(all_series);
static char complaint[160];
static u64 ticks_run, ns_run;	/* the same span twice */

/* ---- results ---- */

struct bench_series *bench_series_new(const char *name, const char *who, u32 max)
{
	struct bench_series *s = vzalloc(struct_size(s, ticks, max));

	if (!s)
		return NULL;
	s->name = name;
	s->who = who;
	s->max = max;
	list_add_tail(&s->node, &all_series);
	return s;
}

void bench_series_add(struct bench_series *s, u64 ticks, u32 divisor)
{
	if (s->n < s->max)
		s->ticks[s->n++] = min_t(u64, div_u64(ticks * 16, divisor), U32_MAX);
}

static int compare(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

u64 bench_middle(u64 *v, u32 n)
{
	u64 sum = 0;
	u32 i;

	sort(v, n, sizeof(*v), compare, NULL);
	for (i = n / 4; i < n - n / 4; i++)
		sum += v[i];
	return sum;
}

void bench_series_batch(struct bench_series *s, u64 *took, u64 *empty, u32 n)
{
	u64 cost = bench_middle(took, n), none = bench_middle(empty, n);

	bench_series_add(s, cost > none ? cost - none : 0, n - n / 4 * 2);
}

void bench_complain(const char *fmt, ...)
{
	va_list args;

	if (complaint[0])
		return;
	va_start(args, fmt);
	vscnprintf(complaint, sizeof(complaint), fmt, args);
	va_end(args);
}

bool bench_failed(void)
{
	return complaint[0];
}

bool bench_wanted(const char *name)
{
	size_t len = strlen(only);

	if (len && only[len - 1] == '$')
		return strlen(name) == len - 1 && !strncmp(only, name, len - 1);
	return !strncmp(only, name, len);
}

static int results_show(struct seq_file *m, void *v)
{
	const struct bench_series *s;
	u32 i;

	if (complaint[0])
		seq_printf(m, "complaint\t%s\n", complaint);
	list_for_each_entry(s, &all_series, node) {
		seq_printf(m, "series\t%s\t%s\t", s->name, s->who);
		for (i = 0; i < s->n; i++)
			seq_printf(m, "%llu ", div64_u64(s->ticks[i] * (ns_run * 10 / 16), ticks_run));
		seq_putc(m, '\n');
	}
	return 0;
}

static void free_series(void)
{
	struct bench_series *s, *next;

	list_for_each_entry_safe(s, next, &all_series, node)
		vfree(s);
}

/* ---- module ---- */

static int measure_esp(void)
{
	struct net *net = get_net_ns_by_fd(esp_net);
	int err;

	if (IS_ERR(net))
		return PTR_ERR(net);
	err = bench_esp(net, rounds);
	put_net(net);
	return err;
}


static unsigned int empty_hook(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	return NF_ACCEPT;
}

static const struct nf_hook_ops empty_ops = {
	.hook = empty_hook,
	.pf = NFPROTO_IPV4,
	.hooknum = NF_INET_PRE_ROUTING,
	.priority = NF_IP_PRI_NAT_DST - 1,
};

static void put_nets(void)
{
	int i;

	for (i = 0; i < BENCH_LANES && bench_net[i]; i++) {
		nf_ct_netns_put(bench_net[i], NFPROTO_IPV4);
		put_net(bench_net[i]);
	}
}

static int get_nets(void)
{
	struct net *net;
	int i, err;

	for (i = 0; i < BENCH_LANES; i++) {
		net = get_net_ns_by_fd(nets[i]);
		if (IS_ERR(net))
			return PTR_ERR(net);
		err = nf_ct_netns_get(net, NFPROTO_IPV4);
		if (err) {
			put_net(net);
			return err;
		}
		bench_net[i] = net;
	}
	return 0;
}

static int __init bench_init(void)
{
	u64 ticks, ns;
	int err;

	err = get_nets();
	if (err)
		goto fail;
	err = nf_register_net_hook(bench_net[BENCH_EMPTY], &empty_ops);
	if (err)
		goto fail;
	ticks = bench_ticks();
	ns = ktime_get_ns();
	err = bench_control(rounds) ?: bench_sip(rounds) ?: bench_pptp(rounds) ?: bench_path(rounds) ?: measure_esp();
	ticks_run = bench_ticks() - ticks;
	ns_run = ktime_get_ns() - ns;
	nf_unregister_net_hook(bench_net[BENCH_EMPTY], &empty_ops);
	rcu_barrier();
	if (!err && !proc_create_single("nf_alg_bench", 0400, NULL, results_show))
		err = -ENOMEM;
	if (err)
		goto fail;
	put_nets();
	return 0;

fail:
	put_nets();
	free_series();
	return err;
}

static void __exit bench_exit(void)
{
	remove_proc_entry("nf_alg_bench", NULL);
	free_series();
}

module_init(bench_init);
module_exit(bench_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Application layer gateways: measurements");
MODULE_VERSION("0.1.0");
