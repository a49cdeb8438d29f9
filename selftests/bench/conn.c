// SPDX-License-Identifier: GPL-2.0-only
#include <linux/tcp.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_nat.h>

#include "conn.h"

/* ---- packets of a connection ---- */

/* @translated: as it leaves the box. An acknowledgement counts what arrived: edits included. */
static struct sk_buff *conn_skb(const struct conn *c, enum ip_conntrack_dir dir, bool translated, bool syn,
				const char *data, u32 len)
{
	u32 outside = c->kind->plain ? SUBSCRIBER : PUBLIC;
	struct bench_packet p = {
		.net = c->net, .l4proto = c->kind->l4proto, .syn = syn, .ack = !syn || dir, .data = data, .len = len,
		.seq = c->next[dir], .ack_seq = c->next[!dir] + c->grown[!dir],
	};

	if (dir == IP_CT_DIR_ORIGINAL) {
		p.src = translated ? outside : SUBSCRIBER;
		p.dst = SERVER;
		p.sport = c->sport;
		p.dport = c->kind->port;
	} else {
		p.src = SERVER;
		p.dst = translated ? SUBSCRIBER : outside;
		p.sport = c->kind->port;
		p.dport = c->sport;
	}
	return bench_skb(&p);
}

/* Runs a packet past conntrack on its way in. Return: the packet as it would leave, not yet past the last hook. */
static struct sk_buff *conn_arrive(struct conn *c, enum ip_conntrack_dir dir, bool syn)
{
	struct sk_buff *in = conn_skb(c, dir, false, syn, NULL, 0), *out = conn_skb(c, dir, true, syn, NULL, 0);
	enum ip_conntrack_info ctinfo;
	struct nf_conn *ct;

	if (!in || !out)
		goto fail;
	if (!bench_hook(in, c->net, NF_INET_PRE_ROUTING)) {
		in = NULL;
		goto fail;
	}
	ct = nf_ct_get(in, &ctinfo);
	if (!ct || nf_ct_is_template(ct))
		goto fail;
	nf_ct_set(out, ct, ctinfo);
	in->_nfct = 0;	/* @out has the reference now */
	kfree_skb(in);
	return out;

fail:
	kfree_skb(in);
	kfree_skb(out);
	return NULL;
}

static bool conn_leave(struct conn *c, struct sk_buff *skb)
{
	bool passed = skb && bench_hook(skb, c->net, NF_INET_POST_ROUTING);

	if (passed)
		consume_skb(skb);
	else
		bench_complain("%s: a packet was dropped by %s", c->name, c->who);
	return passed;
}

/* ---- a connection's life ---- */

static bool conn_translate(struct nf_conn *ct)
{
	struct nf_nat_range2 src = { .flags = NF_NAT_RANGE_MAP_IPS }, dst = src;

	src.min_addr.ip = src.max_addr.ip = htonl(PUBLIC);
	dst.min_addr.ip = dst.max_addr.ip = htonl(SERVER);
	return nf_nat_setup_info(ct, &src, NF_NAT_MANIP_SRC) == NF_ACCEPT &&
	       nf_nat_setup_info(ct, &dst, NF_NAT_MANIP_DST) == NF_ACCEPT;
}

bool conn_has_helper(const struct conn_kind *kind, bool ours)
{
	bool has;

	rcu_read_lock();
	has = __nf_conntrack_helper_find(ours ? kind->ours : kind->kernel, NFPROTO_IPV4, kind->l4proto);
	rcu_read_unlock();
	return has;
}

/* What "ct helper set" of nftables does. The assignment hook has done it already where our policy is at work. */
static bool conn_helper(struct conn *c, struct nf_conn *ct)
{
	const char *name = c->ours ? c->kind->ours : c->kind->kernel;
	struct nf_conntrack_helper *helper;

	if (!c->ours) {
		helper = __nf_conntrack_helper_find(name, NFPROTO_IPV4, c->kind->l4proto);
		c->help = helper ? nf_ct_helper_ext_add(ct, GFP_ATOMIC) : NULL;
		if (!c->help)
			return false;
		memset(c->help->data, 0, sizeof(c->help->data));
		rcu_assign_pointer(c->help->helper, helper);
		set_bit(IPS_HELPER_BIT, &ct->status);
	}
	c->help = nfct_help(ct);
	helper = c->help ? rcu_dereference(c->help->helper) : NULL;
	return helper && !strcmp(helper->name, name);
}

static bool conn_first(struct conn *c)
{
	struct sk_buff *skb = conn_arrive(c, IP_CT_DIR_ORIGINAL, true);
	enum ip_conntrack_info ctinfo;
	struct nf_conn *ct;

	if (!skb)
		return false;
	ct = nf_ct_get(skb, &ctinfo);
	if (!conn_helper(c, ct)) {
		bench_complain("%s: no helper of %s", c->name, c->who);
		kfree_skb(skb);
		return false;
	}
	if (!c->kind->plain && !conn_translate(ct)) {
		kfree_skb(skb);
		return false;
	}
	c->help = nfct_help(ct);	/* extensions may have moved */
	nf_conntrack_get(&ct->ct_general);
	c->ct = ct;
	return conn_leave(c, skb);
}

static bool conn_answered(struct conn *c)
{
	c->next[IP_CT_DIR_ORIGINAL]++;
	if (!conn_leave(c, conn_arrive(c, IP_CT_DIR_REPLY, true)))
		return false;
	c->next[IP_CT_DIR_REPLY]++;
	return conn_leave(c, conn_arrive(c, IP_CT_DIR_ORIGINAL, false));
}

bool conn_open(struct conn *c, const struct conn_kind *kind, const char *name, bool ours)
{
	static u16 sport = 32768;
	bool fine;

	*c = (struct conn){ .kind = kind, .name = name, .who = ours ? "ours" : "the kernel", .ours = ours,
			    .net = bench_net[ours ? BENCH_ONE : BENCH_PLAIN], .sport = kind->sport ?: sport++ };
	c->next[IP_CT_DIR_ORIGINAL] = 1000;
	c->next[IP_CT_DIR_REPLY] = 700000;
	local_bh_disable();
	rcu_read_lock();
	fine = conn_first(c) && (kind->unanswered || conn_answered(c));
	rcu_read_unlock();
	local_bh_enable();
	if (!fine)
		bench_complain("%s: no connection for %s", name, c->who);
	return fine;
}

void conn_close(struct conn *c)
{
	if (!c->ct)
		return;
	nf_ct_delete(c->ct, 0, 0);
	nf_ct_put(c->ct);
	c->ct = NULL;
}

unsigned int conn_pinholes(const struct conn *c)
{
	unsigned int n = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(c->help->expecting); i++)
		n += c->help->expecting[i];
	return n;
}

/* ---- messages ---- */

/* Return: a packet of the established connection. */
static struct sk_buff *conn_message(struct conn *c, enum ip_conntrack_dir dir, const char *data, u32 len)
{
	struct sk_buff *skb = conn_skb(c, dir, true, false, data, len);

	if (!skb)
		return NULL;
	nf_ct_set(skb, c->ct, dir ? IP_CT_ESTABLISHED_REPLY : IP_CT_ESTABLISHED);
	nf_conntrack_get(&c->ct->ct_general);
	return skb;
}

bool conn_say(struct conn *c, enum ip_conntrack_dir dir, const char *data, u32 len)
{
	struct sk_buff *skb = conn_message(c, dir, data, len);

	if (!skb)
		return false;
	c->next[dir] += len;
	return conn_leave(c, skb);
}

/* Return: ticks, 0 if the packet is gone. */
static u64 time_help(struct conn *c, struct sk_buff *skb, enum ip_conntrack_info ctinfo)
{
	const struct nf_conntrack_helper *helper = rcu_dereference(c->help->helper);
	u64 start, end;
	int verdict;

	start = bench_ticks();
	verdict = helper->help(skb, sizeof(struct iphdr), c->ct, ctinfo);
	end = bench_ticks();
	return verdict == NF_ACCEPT ? end - start : 0;
}

static u64 time_first(struct conn *c, struct sk_buff *skb)
{
	u64 ticks;

	clear_bit(IPS_CONFIRMED_BIT, &c->ct->status);
	ticks = time_help(c, skb, IP_CT_NEW);
	set_bit(IPS_CONFIRMED_BIT, &c->ct->status);
	return ticks;
}

static u64 time_whole(struct conn *c, struct sk_buff *skb)
{
	u64 start, end;

	start = bench_ticks();
	if (!bench_hook(skb, c->net, NF_INET_POST_ROUTING))
		return 0;
	if (skb->ip_summed == CHECKSUM_PARTIAL)
		skb_checksum_help(skb);
	end = bench_ticks();
	return end - start;
}

u64 conn_timed(struct conn *c, enum ip_conntrack_dir dir, const char *data, u32 len, enum conn_time time,
	       void (*look)(const struct conn *c, const struct sk_buff *skb))
{
	struct sk_buff *skb = conn_message(c, dir, data, len);
	u32 before;
	u64 ticks;

	if (!skb)
		return 0;
	before = skb->len;
	switch (time) {
	case CONN_HELP:
		ticks = time_help(c, skb, dir ? IP_CT_ESTABLISHED_REPLY : IP_CT_ESTABLISHED);
		break;
	case CONN_FIRST:
		ticks = time_first(c, skb);
		break;
	default:
		ticks = time_whole(c, skb);
	}
	if (!ticks) {
		bench_complain("%s: a message was dropped by %s", c->name, c->who);
		if (time != CONN_WHOLE)
			kfree_skb(skb);
		return 0;
	}
	c->grown[dir] += skb->len - before;
	c->next[dir] += len;
	if (look)
		look(c, skb);
	kfree_skb(skb);
	return ticks;
}
