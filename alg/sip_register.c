// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bindings: who is reached by which Contact. A registration (RFC 3261, 10) binds an address of record, from when the registrar grants
 * it; a dialog binds its Call-ID, while its parties talk (RFC 3261, 12). Both keep the public endpoint and the pinhole of a Contact.
 *
 * An address of record is known by what stands in To but for an address, which translation may change between request and response,
 * together with registrar and tenant: its bindings have the same owner number. Each owner number has a lock.
 */
#include <linux/module.h>
#include <linux/siphash.h>
#include <linux/workqueue.h>
#include <net/netns/generic.h>
#include <net/netns/hash.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include "sip_register.h"

#define LISTS		64
#define LOCKS		64
#define GC_PERIOD	HZ
#define OWNER_MAX	64	/* bindings of one address of record, or one dialog */
#define ASK		32	/* seconds that an answer is waited for (RFC 3261, 17.1.2.2) */
#define RING		200	/* the same for INVITE, from each answer on (RFC 3261, 16.6: timer C is 180 s at least) */
#define GRANT		3600	/* where neither side says for how long (RFC 3261, 10.2.1.1) */
#define GRANT_MAX	604800
#define PORT_LOWEST	1024

/*
 * struct sip_binding - an owner reached by a Contact
 * @node:	in the table, by @owner
 * @list:	in the namespace's list for its @id
 * @rcu:	how it is freed
 * @owner:	address of record or dialog
 * @net:	namespace
 * @contact:	where it is reached, with a use of it
 * @account:	the tenant's, with a reference and a registration of its quota, or NULL
 * @id:		number, growing in the namespace
 * @dialog:	not a registration
 * @granted:	the registrar said so; the dialog was answered
 * @gone:	taken down
 * @registrar:	other end of the connection
 * @since, @until: jiffies
 * @asked:	request on its way to the registrar, @call 0: none
 * @aor:	address of record
 *
 * What changes is under the owner's lock.
 */
struct sip_binding {
	struct rhlist_head node;
	struct list_head list;
	struct rcu_head rcu;
	u64 owner;
	struct net *net;
	struct sip_contact *contact;
	struct nf_alg_account *account;
	u32 id;
	bool dialog;
	bool granted;
	bool gone;
	struct alg_endpoint registrar;
	unsigned long since, until;
	struct {
		u64 call;
		const struct nf_conn *ct;
		u32 cseq;
		u32 expires;
	} asked;
	char aor[NF_ALG_CALL_NAME];
};

/**
 * struct binding_net - a namespace's bindings
 * @lock:	for the lists and @last
 * @lists:	by number modulo LISTS; numbers grow along each
 * @last:	number given last
 * @count:	bindings
 * @registrations: of these, granted registrations
 * @dialogs:	of these, dialogs
 * @net:	namespace
 * @gc:		looks after them while there are any
 */
struct binding_net {
	spinlock_t lock;
	struct list_head lists[LISTS];
	u32 last;
	atomic_t count, registrations, dialogs;
	struct net *net;
	struct delayed_work gc;
};

static const struct rhashtable_params bindings_params = {
	.head_offset = offsetof(struct sip_binding, node),
	.key_offset = offsetof(struct sip_binding, owner),
	.key_len = sizeof(u64),
	.automatic_shrinking = true,
};

static struct rhltable bindings;
static spinlock_t owner_locks[LOCKS];
static siphash_key_t secret;
static unsigned int binding_net_id;

static struct binding_net *binding_net(const struct net *net)
{
	return net_generic(net, binding_net_id);
}

static spinlock_t *owner_lock(u64 owner)
{
	return &owner_locks[owner % LOCKS];
}

/* ---- owners ---- */

static u64 call_hash(const struct sip_message *m)
{
	return siphash(m->data + m->msg.call_id.off, m->msg.call_id.len, &secret) ?: 1;
}

static u64 place_hash(const struct nf_alg_work *w)
{
	u32 tenant = w->account ? w->account->id : 0;

	return siphash_3u32(net_hash_mix(w->net), nf_ct_zone(w->ct)->id, tenant, &secret);
}

static u64 dialog_owner(const struct sip_message *m)
{
	return siphash_2u64(call_hash(m), place_hash(m->work), &secret);
}

/* The end of @text that translation leaves alone: all, or what stands before an address. */
static u32 lasting_part(const u8 *text, u32 len)
{
	u32 host = len, i;

	while (host && text[host - 1] != '@')
		host--;
	if (host < len && text[host] == '[')
		return host;
	for (i = host; i < len && (text[i] == '.' || text[i] == ':' || (text[i] >= '0' && text[i] <= '9')); i++)
		;
	return i == len ? host : len;
}

/* The registrar as the inside party knows it: the same in both directions. */
static u64 registrar_hash(const struct sip_message *m)
{
	const struct nf_conntrack_tuple *t = &m->work->ct->tuplehash[m->inside ? m->work->dir : !m->work->dir].tuple;

	return siphash(&t->dst.u3, sizeof(t->dst.u3), &secret);
}

static u64 aor_owner(const struct sip_message *m)
{
	const struct alg_sip_span *to = &m->msg.to_uri;
	u64 text = siphash(m->data + to->off, lasting_part(m->data + to->off, to->len), &secret);

	return siphash_3u64(text, registrar_hash(m), place_hash(m->work), &secret);
}

/* ---- what others see ---- */

static void binding_info(const struct sip_binding *b, struct nf_alg_registration_info *info)
{
	long left = (long)(b->until - jiffies);

	memset(info, 0, sizeof(*info));
	info->net = b->net;
	info->id = b->id;
	info->tenant = b->account ? b->account->id : 0;
	info->protocol = NF_ALG_PROTOCOL_SIP;
	strscpy(info->aor, b->aor, sizeof(info->aor));
	info->l4proto = b->contact->key.l4proto;
	info->contact = b->contact->key.target;
	info->public = b->contact->public->public;
	info->registrar = b->registrar;
	info->age = (jiffies - b->since) / HZ;
	info->timeout = left > 0 ? left / HZ : 0;
}

static void binding_event(const struct sip_binding *b, enum nf_alg_event event)
{
	struct nf_alg_registration_info info;

	if (likely(!nf_alg_event_wanted(b->net)))
		return;
	binding_info(b, &info);
	nf_alg_event_registration(&info, event);
}

/* ---- birth and death; under the owner's lock ---- */

static void binding_list(struct sip_binding *b)
{
	struct binding_net *bn = binding_net(b->net);

	spin_lock_bh(&bn->lock);
	b->id = ++bn->last ?: ++bn->last;
	list_add_tail_rcu(&b->list, &bn->lists[b->id % LISTS]);
	spin_unlock_bh(&bn->lock);
	atomic_inc(&bn->count);
	if (b->dialog)
		atomic_inc(&bn->dialogs);
	smp_mb__after_atomic();	/* the collector goes on while there are bindings, or we start it */
	if (!delayed_work_pending(&bn->gc))
		queue_delayed_work(system_power_efficient_wq, &bn->gc, GC_PERIOD);
}

static void binding_unlist(struct sip_binding *b)
{
	struct binding_net *bn = binding_net(b->net);

	spin_lock_bh(&bn->lock);
	list_del_rcu(&b->list);
	spin_unlock_bh(&bn->lock);
	atomic_dec(&bn->count);
	if (b->dialog)
		atomic_dec(&bn->dialogs);
	else if (b->granted)
		atomic_dec(&bn->registrations);
}

static void binding_end(struct sip_binding *b)
{
	if (b->gone)
		return;
	b->gone = true;
	if (b->granted && !b->dialog)
		binding_event(b, NF_ALG_EVENT_UNREGISTERED);
	rhltable_remove(&bindings, &b->node, bindings_params);
	binding_unlist(b);
	sip_contact_put(b->contact);
	if (b->account && !b->dialog)
		nf_alg_quota_registration_give(b->account);
	nf_alg_account_put(b->account);
	kfree_rcu(b, rcu);
}

/* The tenant's, with a reference; for registrations with one of its quota. Return: 0, or why not. */
static int binding_account(struct sip_binding *b, struct nf_alg_work *w)
{
	struct nf_alg_account *account = w->account;

	if (!account || !nf_alg_account_hold(account))
		return 0;
	if (!b->dialog &&
	    !nf_alg_quota_registration_take(account, nf_alg_work_option(w, NF_ALG_A_OPTION_MAX_REGISTRATIONS))) {
		nf_alg_account_put(account);
		return NF_ALG_REASON_QUOTA_REGISTRATIONS;
	}
	b->account = account;
	return 0;
}

static void copy_aor(struct sip_binding *b, const struct sip_message *m)
{
	u32 len = min_t(u32, m->msg.to_uri.len, sizeof(b->aor) - 1);

	memcpy(b->aor, m->data + m->msg.to_uri.off, len);
	b->aor[len] = '\0';
}

/* Takes over the caller's use of @contact, also when it fails. */
static struct sip_binding *binding_new(struct sip_message *m, u64 owner, struct sip_contact *contact, bool dialog)
{
	struct sip_binding *b = kzalloc(sizeof(*b), GFP_ATOMIC | __GFP_NOWARN);
	int reason = NF_ALG_REASON_NO_MEMORY;

	if (!b)
		goto out_contact;
	b->owner = owner;
	b->net = m->work->net;
	b->contact = contact;
	b->dialog = dialog;
	b->registrar = m->receiver;
	b->since = jiffies;
	copy_aor(b, m);
	reason = binding_account(b, m->work);
	if (reason)
		goto out_free;
	if (rhltable_insert_key(&bindings, &owner, &b->node, bindings_params)) {
		reason = NF_ALG_REASON_NO_MEMORY;
		goto out_account;
	}
	binding_list(b);
	if (m->n_made < ARRAY_SIZE(m->made))
		m->made[m->n_made++] = b;
	return b;

out_account:
	if (b->account && !dialog)
		nf_alg_quota_registration_give(b->account);
	nf_alg_account_put(b->account);
out_free:
	kfree(b);
out_contact:
	sip_contact_put(contact);
	nf_alg_work_refuse(m->work, reason);
	return NULL;
}

/* ---- Contacts ---- */

/**
 * struct named - a Contact's endpoint
 * @key:	in the table of contacts
 * @flow:	it is where the message came from
 */
struct named {
	struct sip_contact_key key;
	bool flow;
};

/*
 * Whose address is it? Its sender's, or that by which the sender is seen; another's only if the policy says so. Counts what is refused,
 * unless @quiet. Return: the endpoint may be opened.
 */
static bool acceptable(struct sip_message *m, struct alg_endpoint *ep, bool quiet)
{
	struct nf_alg_work *w = m->work;
	struct alg_endpoint seen;
	const struct nf_conntrack_tuple *back = &w->ct->tuplehash[!w->dir].tuple;

	nf_alg_endpoint_set(&seen, back->src.l3num, &back->dst.u3, back->dst.u.all);
	if (sip_same_endpoint(ep, &seen))	/* it knows itself by its public endpoint */
		*ep = m->sender;
	if (ep->family != m->sender.family)
		return false;
	if (memcmp(ep->addr, m->sender.addr, sizeof(ep->addr))) {
		if (!memcmp(ep->addr, seen.addr, sizeof(ep->addr)))
			return false;
		if (!nf_alg_work_option(w, NF_ALG_A_OPTION_MISMATCH_ADDRESS)) {
			if (!quiet)
				nf_alg_work_refuse(w, NF_ALG_REASON_MISMATCH_ADDRESS);
			return false;
		}
	}
	if (ep->port >= PORT_LOWEST || sip_same_endpoint(ep, &m->sender))
		return true;
	if (!quiet)
		nf_alg_work_refuse(w, NF_ALG_REASON_LOW_PORT);
	return false;
}

static void ref_endpoint(const struct alg_sip_ref *ref, struct alg_endpoint *ep)
{
	*ep = ref->ep;
	if (!ep->port)
		ep->port = ref->flags & ALG_SIP_REF_SECURE ? ALG_SIP_PORT_TLS : ALG_SIP_PORT;
}

/* The transport that a URI asks for (RFC 3263, 4.1); of the sender's own endpoint, the one that it has. */
static u8 ref_transport(const struct sip_message *m, const struct alg_sip_ref *ref, bool flow)
{
	if (flow)
		return nf_ct_protonum(m->work->ct);
	return ref->flags & (ALG_SIP_REF_TCP | ALG_SIP_REF_SECURE) ? IPPROTO_TCP : IPPROTO_UDP;
}

/* Contact number @i, if it names an endpoint that may be opened. */
static bool named_contact(struct sip_message *m, unsigned int i, struct named *named, bool quiet)
{
	const struct alg_sip_contact *c = &m->msg.contacts[i];
	bool anyone = nf_alg_work_option(m->work, NF_ALG_A_OPTION_DIRECT_SIGNALLING);
	const struct alg_sip_ref *ref;
	struct alg_endpoint ep;

	if (c->ref >= m->msg.n_refs)
		return false;
	ref = &m->msg.refs[c->ref];
	ref_endpoint(ref, &ep);
	if (!acceptable(m, &ep, quiet))
		return false;
	named->flow = sip_same_endpoint(&ep, &m->sender);
	sip_contact_key_init(&named->key, m->work, ref_transport(m, ref, named->flow), &ep, anyone ? NULL : &m->receiver);
	return true;
}

/* @n: how many the owner has */
static struct sip_binding *owner_find(u64 owner, const struct net *net, const struct sip_contact_key *key, u32 *n)
{
	struct rhlist_head *pos, *list = rhltable_lookup(&bindings, &owner, bindings_params);
	struct sip_binding *b, *found = NULL;

	*n = 0;
	rhl_for_each_entry_rcu(b, pos, list, node) {
		++*n;
		if (b->net == net && b->contact->key.l4proto == key->l4proto &&
		    sip_same_endpoint(&b->contact->key.target, &key->target))
			found = b;
	}
	return found;
}

/* Who may come changed: another pinhole. */
static void binding_move(struct sip_message *m, struct sip_binding *b, const struct named *named)
{
	struct sip_contact *contact;

	if (!memcmp(&b->contact->key, &named->key, sizeof(named->key)))
		return;
	contact = sip_contact_get(m->work, m->work->dir, &named->key, named->flow);
	if (!contact)
		return;
	sip_contact_put(b->contact);
	b->contact = contact;
}

/* The owner's binding to the named endpoint, made if need be; it stays for @secs. A registration's pinhole opens when it is granted. */
static struct sip_binding *owner_bind(struct sip_message *m, u64 owner, const struct named *named, u32 secs, bool dialog)
{
	struct nf_alg_work *w = m->work;
	struct sip_contact *contact;
	struct sip_binding *b;
	u32 n;

	b = owner_find(owner, w->net, &named->key, &n);
	if (b) {
		binding_move(m, b, named);
	} else {
		if (n >= OWNER_MAX) {
			nf_alg_work_refuse(w, NF_ALG_REASON_QUOTA_REGISTRATIONS);
			return NULL;
		}
		contact = sip_contact_get(w, w->dir, &named->key, named->flow);
		if (!contact)
			return NULL;
		b = binding_new(m, owner, contact, dialog);
		if (!b)
			return NULL;
	}
	if (!b->until || time_before(b->until, jiffies + secs * HZ))
		b->until = jiffies + secs * HZ;
	if (dialog)
		sip_contact_open(w, w->dir, b->contact, secs);
	return b;
}

/* ---- REGISTER ---- */

static void ask(struct sip_message *m, struct sip_binding *b, u32 expires)
{
	b->asked.call = call_hash(m);
	b->asked.ct = m->work->ct;
	b->asked.cseq = m->msg.cseq;
	b->asked.expires = expires;
}

static bool asked(const struct sip_message *m, const struct sip_binding *b)
{
	return b->asked.call == call_hash(m) && b->asked.cseq == m->msg.cseq && b->asked.ct == m->work->ct &&
	       b->net == m->work->net;
}

static u32 asked_expires(const struct alg_sip_msg *msg, const struct alg_sip_contact *c)
{
	u32 expires = c && c->expires != ALG_SIP_NONE ? c->expires : msg->expires;

	return expires == ALG_SIP_NONE ? GRANT : min_t(u32, expires, GRANT_MAX);
}

static void ask_all(struct sip_message *m, u64 owner)
{
	struct rhlist_head *pos, *list = rhltable_lookup(&bindings, &owner, bindings_params);
	struct sip_binding *b;

	rhl_for_each_entry_rcu(b, pos, list, node)
		if (b->net == m->work->net)
			ask(m, b, 0);
}

static void register_request(struct sip_message *m)
{
	const struct alg_sip_msg *msg = &m->msg;
	u64 owner = aor_owner(m);
	struct sip_binding *b;
	struct named named;
	unsigned int i;
	u32 expires, n;

	spin_lock_bh(owner_lock(owner));
	if (msg->star)
		ask_all(m, owner);
	for (i = 0; i < msg->n_contacts; i++) {
		if (!named_contact(m, i, &named, false))
			continue;
		expires = asked_expires(msg, &msg->contacts[i]);
		if (expires)
			b = owner_bind(m, owner, &named, ASK, false);
		else
			b = owner_find(owner, m->work->net, &named.key, &n);
		if (b)
			ask(m, b, expires);
	}
	spin_unlock_bh(owner_lock(owner));
	m->keep = max_t(u32, m->keep, ASK);
}

/* What the registrar says of this binding, else of all, else what was asked for (RFC 3261, 10.2.4). */
static u32 granted_expires(const struct sip_message *m, const struct sip_binding *b)
{
	const struct alg_sip_msg *msg = &m->msg;
	struct alg_endpoint ep;
	unsigned int i;

	if (!b->asked.expires)
		return 0;
	for (i = 0; i < msg->n_contacts; i++) {
		const struct alg_sip_contact *c = &msg->contacts[i];

		if (c->ref >= msg->n_refs || c->expires == ALG_SIP_NONE)
			continue;
		ref_endpoint(&msg->refs[c->ref], &ep);
		if (sip_same_endpoint(&ep, &b->contact->public->public) || sip_same_endpoint(&ep, &b->contact->key.target))
			return min_t(u32, c->expires, GRANT_MAX);
	}
	return msg->expires == ALG_SIP_NONE ? b->asked.expires : min_t(u32, msg->expires, GRANT_MAX);
}

static void grant(struct sip_message *m, struct sip_binding *b)
{
	u32 expires = granted_expires(m, b);

	b->asked.call = 0;
	if (!expires) {
		binding_end(b);
		return;
	}
	b->until = jiffies + expires * HZ;
	sip_contact_open(m->work, !m->work->dir, b->contact, expires);
	m->keep = max_t(u32, m->keep, expires);
	if (b->granted)
		return;
	b->granted = true;
	b->since = jiffies;
	atomic_inc(&binding_net(b->net)->registrations);
	nf_alg_work_count(m->work, NF_ALG_REASON_REGISTRATIONS);
	binding_event(b, NF_ALG_EVENT_REGISTERED);
}

/* A challenge is answered by the same request (RFC 3261, 22.2); what was not granted goes by itself soon. */
static void deny(struct sip_message *m, struct sip_binding *b)
{
	b->asked.call = 0;
	if (!b->granted && m->msg.status != 401 && m->msg.status != 407)
		binding_end(b);
}

static void register_response(struct sip_message *m)
{
	u64 owner = aor_owner(m);
	struct rhlist_head *pos, *list;
	struct sip_binding *b;

	if (m->msg.status < 200)
		return;
	spin_lock_bh(owner_lock(owner));
	list = rhltable_lookup(&bindings, &owner, bindings_params);
	rhl_for_each_entry_rcu(b, pos, list, node) {
		if (!asked(m, b))
			continue;
		if (m->msg.status < 300)
			grant(m, b);
		else
			deny(m, b);
	}
	spin_unlock_bh(owner_lock(owner));
}

int sip_register_message(struct sip_message *m)
{
	bool request = m->msg.kind == ALG_SIP_REQUEST;

	if (m->work->mode != NF_ALG_MODE_ON)	/* counted with what would be rewritten, if anything is */
		return request && m->inside && !m->work->translated ? NF_ALG_REASON_OBSERVED : 0;
	if (request && m->inside)
		register_request(m);
	else if (!request && !m->inside)
		register_response(m);
	return 0;
}

/* ---- dialogs ---- */

/* Does the message tell its receiver where further requests of the dialog go (RFC 3261, 12.1)? */
static bool opens_dialog(const struct alg_sip_msg *msg)
{
	if (msg->method != ALG_SIP_INVITE && msg->method != ALG_SIP_SUBSCRIBE && msg->method != ALG_SIP_REFER)
		return false;
	return msg->kind == ALG_SIP_REQUEST || (msg->status > 100 && msg->status < 300);
}

/* So long a dialog lives without a further message. */
static u32 dialog_secs(struct sip_message *m)
{
	if (m->msg.kind == ALG_SIP_REQUEST || m->msg.status < 200)
		return RING;
	if (m->msg.method == ALG_SIP_INVITE)
		return nf_alg_work_option(m->work, NF_ALG_A_OPTION_CALL_TIMEOUT);
	return asked_expires(&m->msg, NULL);
}

/* Only endpoints that are not the flow's need anything. */
static void dialog_contacts(struct sip_message *m, u64 owner, u32 secs)
{
	struct named named;
	unsigned int i;

	for (i = 0; i < m->msg.n_contacts; i++)
		if (named_contact(m, i, &named, true) && !named.flow)
			owner_bind(m, owner, &named, secs, true);
}

static void dialog_end(struct sip_binding *b)
{
	if (time_after(b->until, jiffies + ASK * HZ))
		b->until = jiffies + ASK * HZ;	/* for what is repeated */
}

static void dialog_step(struct sip_message *m, struct sip_binding *b, u32 secs)
{
	const struct alg_sip_msg *msg = &m->msg;
	bool response = msg->kind == ALG_SIP_RESPONSE;

	if (msg->method == ALG_SIP_BYE ||
	    (response && msg->status >= 300 && msg->method == ALG_SIP_INVITE && !b->granted)) {
		dialog_end(b);
	} else if (response && msg->status < 300 && opens_dialog(msg)) {
		b->granted |= msg->status >= 200;
		if (time_after(jiffies + secs * HZ, b->until))
			b->until = jiffies + secs * HZ;
		sip_contact_open(m->work, m->inside ? m->work->dir : !m->work->dir, b->contact, secs);
	}
}

void sip_dialog_message(struct sip_message *m)
{
	bool opens = opens_dialog(&m->msg);
	struct rhlist_head *pos, *list;
	struct sip_binding *b;
	u64 owner;
	u32 secs;

	if (m->work->mode != NF_ALG_MODE_ON)
		return;
	secs = opens ? dialog_secs(m) : 0;
	if (opens && m->msg.method != ALG_SIP_INVITE)
		m->keep = max(m->keep, secs);
	if (!(opens && m->inside) && !atomic_read(&binding_net(m->work->net)->dialogs))
		return;
	owner = dialog_owner(m);
	spin_lock_bh(owner_lock(owner));
	if (opens && m->inside)
		dialog_contacts(m, owner, secs);
	list = rhltable_lookup(&bindings, &owner, bindings_params);
	rhl_for_each_entry_rcu(b, pos, list, node)
		if (b->net == m->work->net)
			dialog_step(m, b, secs);
	spin_unlock_bh(owner_lock(owner));
}

/* What is not granted yet can't be a registration that stood before. */
void sip_register_undo(struct sip_message *m)
{
	struct sip_binding *b;

	while (m->n_made) {
		b = m->made[--m->n_made];
		spin_lock_bh(owner_lock(b->owner));
		binding_end(b);
		spin_unlock_bh(owner_lock(b->owner));
	}
}

/*
 * A connection outlives the pinhole that it came through: for what is left of its dialogs. By then who may come is a matter of each
 * request.
 */
bool sip_register_admits(const struct sip_message *m)
{
	const struct alg_sip_msg *msg = &m->msg;

	if (msg->kind != ALG_SIP_REQUEST || msg->to_tag.len || msg->method == ALG_SIP_ACK || msg->method == ALG_SIP_CANCEL)
		return true;
	return sip_contact_admits(m->work, &m->receiver, &m->sender);
}

/* ---- all of them ---- */

/* Calls @fn for every binding of the namespace, under its owner's lock. Process context. */
static void bindings_each(struct net *net, void (*fn)(struct sip_binding *b, void *arg), void *arg)
{
	struct binding_net *bn = binding_net(net);
	struct sip_binding *b;
	int i;

	for (i = 0; i < LISTS && atomic_read(&bn->count); i++) {
		rcu_read_lock();
		list_for_each_entry_rcu(b, &bn->lists[i], list) {
			spin_lock_bh(owner_lock(b->owner));
			if (!b->gone)
				fn(b, arg);
			spin_unlock_bh(owner_lock(b->owner));
		}
		rcu_read_unlock();
		cond_resched();
	}
}

/* By the configuration, under RCU. */
static bool binding_allowed(const struct sip_binding *b)
{
	const struct nf_alg_tenant *tenant;

	if (!b->account)
		return true;
	tenant = nf_alg_tenant_by_id(b->net, b->account->id);
	return tenant && nf_alg_tenant_rule(tenant, NF_ALG_PROTOCOL_SIP)->mode == NF_ALG_MODE_ON;
}

static void gc_one(struct sip_binding *b, void *arg)
{
	if (time_after(jiffies, b->until) || !binding_allowed(b))
		binding_end(b);
}

static void gc_work(struct work_struct *work)
{
	struct binding_net *bn = container_of(to_delayed_work(work), struct binding_net, gc);

	bindings_each(bn->net, gc_one, NULL);
	if (atomic_read(&bn->count))
		queue_delayed_work(system_power_efficient_wq, &bn->gc, GC_PERIOD);
}

/* Copies the registration that follows number *@id, list by list; sets *@id. false: there is none. */
static bool registration_next(struct binding_net *bn, u32 *id, struct nf_alg_registration_info *info)
{
	u32 after = *id, i;
	struct sip_binding *b;
	bool found = false;

	rcu_read_lock();
	for (i = after % LISTS; i < LISTS && !found; i++, after = 0) {
		list_for_each_entry_rcu(b, &bn->lists[i], list) {
			if (b->id <= after || b->dialog)
				continue;
			spin_lock_bh(owner_lock(b->owner));
			found = b->granted && !b->gone;
			if (found)
				binding_info(b, info);
			spin_unlock_bh(owner_lock(b->owner));
			if (!found)
				continue;
			*id = b->id;
			break;
		}
	}
	rcu_read_unlock();
	return found;
}

int sip_register_walk(struct net *net, u32 after, int (*fn)(const struct nf_alg_registration_info *info, void *arg), void *arg)
{
	struct nf_alg_registration_info info;
	int ret = 0;

	while (!ret && registration_next(binding_net(net), &after, &info)) {
		ret = fn(&info, arg);
		cond_resched();
	}
	return ret;
}

int sip_register_close(struct net *net, u32 id)
{
	struct sip_binding *b;
	int ret = -ENOENT;

	rcu_read_lock();
	list_for_each_entry_rcu(b, &binding_net(net)->lists[id % LISTS], list) {
		if (b->id != id || b->dialog)
			continue;
		spin_lock_bh(owner_lock(b->owner));
		if (!b->gone) {
			binding_end(b);
			ret = 0;
		}
		spin_unlock_bh(owner_lock(b->owner));
		break;
	}
	rcu_read_unlock();
	return ret;
}

struct closing {
	u32 tenant;
	unsigned int closed;
};

static void close_of_tenant(struct sip_binding *b, void *arg)
{
	struct closing *c = arg;

	if (c->tenant && (!b->account || b->account->id != c->tenant))
		return;
	c->closed += b->granted && !b->dialog;
	binding_end(b);
}

unsigned int sip_register_close_tenant(struct net *net, u32 tenant)
{
	struct closing c = { .tenant = tenant };

	bindings_each(net, close_of_tenant, &c);
	return c.closed;
}

u32 sip_register_count(struct net *net)
{
	return atomic_read(&binding_net(net)->registrations);
}

/* ---- module ---- */

static int __net_init binding_net_init(struct net *net)
{
	struct binding_net *bn = binding_net(net);
	int i;

	spin_lock_init(&bn->lock);
	for (i = 0; i < LISTS; i++)
		INIT_LIST_HEAD(&bn->lists[i]);
	bn->net = net;
	INIT_DELAYED_WORK(&bn->gc, gc_work);
	return 0;
}

/* The namespace has no packets any more. */
static void __net_exit binding_net_exit(struct net *net)
{
	struct binding_net *bn = binding_net(net);

	cancel_delayed_work_sync(&bn->gc);
	sip_register_close_tenant(net, 0);
	WARN_ON_ONCE(atomic_read(&bn->count));
}

static struct pernet_operations binding_net_ops = {
	.init = binding_net_init,
	.exit = binding_net_exit,
	.id = &binding_net_id,
	.size = sizeof(struct binding_net),
};

int sip_register_init(void)
{
	int err, i;

	get_random_bytes(&secret, sizeof(secret));
	for (i = 0; i < LOCKS; i++)
		spin_lock_init(&owner_locks[i]);
	err = sip_contact_init();
	if (err)
		return err;
	err = rhltable_init(&bindings, &bindings_params);
	if (err)
		goto out_contact;
	err = register_pernet_subsys(&binding_net_ops);
	if (err)
		goto out_table;
	return 0;

out_table:
	rhltable_destroy(&bindings);
out_contact:
	sip_contact_exit();
	return err;
}

void sip_register_exit(void)
{
	unregister_pernet_subsys(&binding_net_ops);
	rhltable_destroy(&bindings);
	sip_contact_exit();
}
