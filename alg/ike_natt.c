// SPDX-License-Identifier: GPL-2.0-only
/*
 * IKE moves to udp/4500 when the peers find that there is translation between them (RFC 3947, 4; RFC 7296, 2.23). Their ESP goes
 * there, too, and none comes as such any more: what was to come is not let in.
 */
#include <linux/udp.h>

#include "esp.h"

#define PAIRS_MAX	64	/* clients that are asked whether a message from outside is theirs */

static bool message_read(const struct sk_buff *skb, unsigned int protoff, struct alg_ike_msg *msg)
{
	struct {
		struct udphdr uh;
		u8 data[4 + ALG_IKE_HEADER];	/* marker (RFC 3948, 2.2) */
	} __packed buffer, *head = skb_header_pointer(skb, protoff, sizeof(buffer), &buffer);
	enum alg_ike_what what;

	if (!head)
		return false;
	/* The header alone: what is wrong with payloads, or missing, is no matter. */
	what = alg_ike_parse(head->data, sizeof(head->data), true, msg);
	return what != ALG_IKE_ESP && msg->ispi && msg->bad != ALG_IKE_BAD_VERSION;
}

/* Under the lock. */
static void session_moved(struct esp_tunnel *tunnel, struct esp_ike *ike)
{
	nf_alg_count(tunnel->account, NF_ALG_PROTOCOL_IKE, NF_ALG_REASON_NATT);
	esp_ike_end(ike);
	if (!tunnel->gone && !tunnel->bind.n_ikes)
		esp_tunnel_leave(tunnel);
}

static void client_moves(struct esp_tunnel *tunnel, const struct alg_ike_msg *msg)
{
	struct esp_ike *ike;

	if (!esp_lock_tunnel(tunnel))
		return;
	ike = esp_ike_find(tunnel, msg->ispi);
	if (ike)
		session_moved(tunnel, ike);
	esp_unlock(tunnel->group);
}

/* The peer of a responder that is reached by translation of the destination; it must know both SPIs. */
static void peer_moves(struct esp_group *group, const struct alg_ike_msg *msg)
{
	struct alg_link *link;
	u32 n = 0;

	if (!msg->rspi || !esp_lock_group(group))
		return;
	for (link = group->bind.pairs.next; link != &group->bind.pairs && n < PAIRS_MAX; link = link->next, n++) {
		struct esp_tunnel *tunnel = esp_tunnel_of(alg_esp_entry(link, struct alg_esp_pair, list));
		struct esp_ike *ike = esp_ike_find(tunnel, msg->ispi);

		if (!ike || ike->rspi != msg->rspi)
			continue;
		session_moved(tunnel, ike);
		break;
	}
	esp_unlock(group);
}

void ike_natt_begins(struct net *net, u16 zone, const struct sk_buff *skb, unsigned int protoff, const struct nf_conn *ct)
{
	const struct nf_conntrack_tuple *t = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	struct esp_tunnel *tunnel;
	struct esp_group *group;
	struct alg_ike_msg msg;

	if (t->dst.protonum != IPPROTO_UDP || t->dst.u.udp.port != htons(ALG_IKE_PORT_NATT) || nf_ct_is_confirmed(ct))
		return;
	tunnel = esp_tunnel_find(net, zone, t->src.l3num, &t->src.u3, &t->dst.u3);
	group = tunnel ? NULL : esp_group_find(net, zone, t->src.l3num, &t->src.u3, &t->dst.u3);
	if ((!tunnel && !group) || !message_read(skb, protoff, &msg))
		return;
	if (tunnel)
		client_moves(tunnel, &msg);
	else
		peer_moves(group, &msg);
}
