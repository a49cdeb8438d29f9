// SPDX-License-Identifier: GPL-2.0-only
/*
 * What messages say of where somebody is reached. A registration (RFC 3261, 10) binds an address of record, from when
 * the registrar grants it; a dialog binds its Call-ID, while its parties talk (RFC 3261, 12).
 *
 * An address of record is known by what stands in To but for an address, which translation may change between request
 * and response, together with registrar and tenant: its bindings have the same owner number.
 */
#include <linux/siphash.h>
#include <net/netns/hash.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include "sip_register.h"

#define OWNER_MAX	64	/* bindings of one address of record, or one dialog */
#define ASK		32	/* seconds that an answer is waited for (RFC 3261, 17.1.2.2) */
#define RING		200	/* the same for INVITE, from each answer on (RFC 3261, 16.6: timer C, 180 s) */
#define GRANT		3600	/* where neither side says for how long (RFC 3261, 10.2.1.1) */
#define GRANT_MAX	604800
#define PORT_LOWEST	1024

static siphash_key_t secret;

void sip_register_secret(void)
{
	get_random_bytes(&secret, sizeof(secret));
}

/* ---- owners ---- */

static u64 call_hash(const struct sip_message *m)
{
	return siphash(m->data + m->msg.call_id.off, m->msg.call_id.len, &secret) ?: 1;
}

/* Not two of a namespace's are the same. */
static u64 place(const struct nf_alg_work *w)
{
	u32 tenant = w->account ? w->account->id : 0;

	return (u64)tenant << 32 | (net_hash_mix(w->net) ^ nf_ct_zone(w->ct)->id);
}

static u64 dialog_owner(const struct sip_message *m)
{
	return siphash_2u64(call_hash(m), place(m->work), &secret);
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

/* The registrar is meant as the inside party knows it: the same in both directions. */
static u64 aor_owner(const struct sip_message *m)
{
	const struct nf_conntrack_tuple *t = &m->work->ct->tuplehash[m->inside ? m->work->dir : !m->work->dir].tuple;
	const struct alg_sip_span *to = &m->msg.to_uri;
	u64 text = siphash(m->data + to->off, lasting_part(m->data + to->off, to->len), &secret), registrar[2];

	memcpy(registrar, &t->dst.u3, sizeof(registrar));
	return siphash_4u64(text, registrar[0], registrar[1], place(m->work), &secret);
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
 * Whose address is it? Its sender's, or that by which the sender is seen; another's only if the policy says so.
 * Counts what is refused, unless @quiet. Return: the endpoint may be opened.
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
	sip_contact_key_init(&named->key, m->work, ref_transport(m, ref, named->flow), &ep,
			     anyone ? NULL : &m->receiver);
	return true;
}

/* @n: how many the owner has */
static struct sip_binding *owner_find(u64 owner, const struct net *net, const struct sip_contact_key *key, u32 *n)
{
	struct rhlist_head *pos, *list = sip_bindings(owner);
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

/*
 * The sender's own endpoint, which its messages leave by another public port than when the binding was made: its connection is
 * another one by now, and the port may be somebody else's.
 */
static bool has_moved(const struct sip_message *m, const struct sip_binding *b, const struct named *named)
{
	const struct nf_conntrack_tuple *back = &m->work->ct->tuplehash[!m->work->dir].tuple;
	const struct nf_alg_public *public = b->contact->public;

	return named->flow && public->mapped && public->public.port != ntohs(back->dst.u.all);
}

/* The owner's binding to the named endpoint, made if need be; it stays for @secs. */
static struct sip_binding *owner_bind(struct sip_message *m, u64 owner, const struct named *named, u32 secs,
				      enum sip_binding_kind kind)
{
	struct nf_alg_work *w = m->work;
	struct sip_contact *contact;
	struct sip_binding *b;
	u32 n;

	b = owner_find(owner, w->net, &named->key, &n);
	if (b && has_moved(m, b, named)) {
		sip_binding_end(b);
		b = NULL;
		n--;
	}
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
		b = sip_binding_new(m, owner, contact, kind);
		if (!b)
			return NULL;
	}
	if (!b->until || time_before(b->until, jiffies + secs * HZ))
		b->until = jiffies + secs * HZ;
	return b;
}

/* ---- REGISTER ---- */

static bool asked(const struct sip_message *m, const struct sip_binding *b)
{
	return b->asked.call == call_hash(m) && b->asked.cseq == m->msg.cseq && b->asked.ct == m->work->ct &&
	       b->net == m->work->net;
}

/* Contacts of one endpoint may differ in other parts of their URIs, and one of them comes as another one goes. */
static void ask(struct sip_message *m, struct sip_binding *b, u32 expires)
{
	b->asked.expires = asked(m, b) ? max(b->asked.expires, expires) : expires;
	b->asked.call = call_hash(m);
	b->asked.ct = m->work->ct;
	b->asked.cseq = m->msg.cseq;
}

static u32 asked_expires(const struct alg_sip_msg *msg, const struct alg_sip_contact *c)
{
	u32 expires = c && c->expires != ALG_SIP_NONE ? c->expires : msg->expires;

	return expires == ALG_SIP_NONE ? GRANT : min_t(u32, expires, GRANT_MAX);
}

static void ask_all(struct sip_message *m, u64 owner)
{
	struct rhlist_head *pos, *list = sip_bindings(owner);
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
	struct named named ALG_UNINIT;
	unsigned int i;
	u32 expires, n;

	spin_lock_bh(sip_owner_lock(owner));
	if (msg->star)
		ask_all(m, owner);
	for (i = 0; i < msg->n_contacts; i++) {
		if (!named_contact(m, i, &named, false))
			continue;
		expires = asked_expires(msg, &msg->contacts[i]);
		if (expires)
			b = owner_bind(m, owner, &named, ASK, SIP_REGISTRATION);
		else
			b = owner_find(owner, m->work->net, &named.key, &n);
		if (b)
			ask(m, b, expires);
	}
	spin_unlock_bh(sip_owner_lock(owner));
	m->keep = max_t(u32, m->keep, ASK);
}

/*
 * What the registrar says of this binding, else of all, else what was asked for (RFC 3261, 10.2.4). A phone that began anew may be
 * listed twice, with what is left of its old URI's time.
 */
static u32 granted_expires(const struct sip_message *m, const struct sip_binding *b)
{
	const struct alg_sip_msg *msg = &m->msg;
	struct alg_endpoint ep;
	bool listed = false;
	unsigned int i;
	u32 most = 0;

	if (!b->asked.expires)
		return 0;
	for (i = 0; i < msg->n_contacts; i++) {
		const struct alg_sip_contact *c = &msg->contacts[i];

		if (c->ref >= msg->n_refs || c->expires == ALG_SIP_NONE)
			continue;
		ref_endpoint(&msg->refs[c->ref], &ep);
		if (sip_same_endpoint(&ep, &b->contact->public->public) ||
		    sip_same_endpoint(&ep, &b->contact->key.target)) {
			most = max_t(u32, most, min_t(u32, c->expires, GRANT_MAX));
			listed = true;
		}
	}
	if (listed)
		return most;
	return msg->expires == ALG_SIP_NONE ? b->asked.expires : min_t(u32, msg->expires, GRANT_MAX);
}

static void grant(struct sip_message *m, struct sip_binding *b)
{
	u32 expires = granted_expires(m, b);

	b->asked.call = 0;
	if (!expires) {
		sip_binding_end(b);
		sip_conn_release(m->work);
		return;
	}
	sip_conn_set(&b->conn, m->work);
	b->until = jiffies + expires * HZ;
	sip_contact_open(m->work, !m->work->dir, b->contact, expires, 0);
	m->keep = max_t(u32, m->keep, expires);
	if (b->granted)
		return;
	nf_alg_work_count(m->work, NF_ALG_REASON_REGISTRATIONS);
	sip_binding_grant(b);
}

/* A challenge is answered by the same request (RFC 3261, 22.2); what was not granted goes by itself soon. */
static void deny(struct sip_message *m, struct sip_binding *b)
{
	b->asked.call = 0;
	if (!b->granted && m->msg.status != 401 && m->msg.status != 407)
		sip_binding_end(b);
}

static void register_response(struct sip_message *m)
{
	u64 owner = aor_owner(m);
	struct rhlist_head *pos, *list;
	struct sip_binding *b;

	if (m->msg.status < 200)
		return;
	spin_lock_bh(sip_owner_lock(owner));
	list = sip_bindings(owner);
	rhl_for_each_entry_rcu(b, pos, list, node) {
		if (!asked(m, b))
			continue;
		if (m->msg.status < 300)
			grant(m, b);
		else
			deny(m, b);
	}
	spin_unlock_bh(sip_owner_lock(owner));
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
static bool names_another(const struct sip_message *m)
{
	const struct alg_sip_msg *msg = &m->msg;
	struct alg_endpoint ep;
	unsigned int i;

	for (i = 0; i < msg->n_contacts; i++) {
		if (msg->contacts[i].ref >= msg->n_refs)
			continue;
		ref_endpoint(&msg->refs[msg->contacts[i].ref], &ep);
		if (!sip_same_endpoint(&ep, &m->sender))
			return true;
	}
	return false;
}

static void dialog_contacts(struct sip_message *m, u64 owner, u32 secs, const struct sip_call *call)
{
	struct sip_binding *b;
	struct named named ALG_UNINIT;
	unsigned int i;

	for (i = 0; i < m->msg.n_contacts; i++) {
		if (!named_contact(m, i, &named, true) || named.flow)
			continue;
		b = owner_bind(m, owner, &named, secs, call ? SIP_CALL_DIALOG : SIP_OTHER_DIALOG);
		if (!b)
			continue;
		if (call)
			b->call = call->key;
		sip_contact_open(m->work, m->work->dir, b->contact, secs, call ? call->id : 0);
	}
}

/* A response that keeps the dialog: so long from now. */
static void dialog_refresh(struct sip_message *m, struct sip_binding *b, u32 secs, u32 call)
{
	if (m->msg.kind != ALG_SIP_RESPONSE || !opens_dialog(&m->msg))
		return;
	if (time_after(jiffies + secs * HZ, b->until))
		b->until = jiffies + secs * HZ;
	sip_contact_open(m->work, m->inside ? m->work->dir : !m->work->dir, b->contact, secs, call);
}

static const struct sip_call *find_call(const struct sip_message *m)
{
	struct sip_call_key key;

	sip_call_key(m, &key);
	return sip_call_find(&key);
}

/* Can the message end a call? */
static bool may_end(const struct alg_sip_msg *msg)
{
	return msg->method == ALG_SIP_BYE ||
	       (msg->method == ALG_SIP_INVITE && msg->kind == ALG_SIP_RESPONSE && msg->status >= 300);
}

/* Is it over with this message? It may have had several dialogs, which have the caller's Contact in common. */
static bool call_is_over(const struct sip_message *m, const struct sip_call *call)
{
	return (!call || READ_ONCE(call->dead)) && may_end(&m->msg);
}

/*
 * After sip_call_message(): what an INVITE opens hangs on its call, and without a call there is nothing to be opened.
 */
void sip_dialog_message(struct sip_message *m)
{
	const struct sip_call *call;
	bool opens = opens_dialog(&m->msg), names;
	struct rhlist_head *pos, *list;
	struct sip_binding *b;
	u64 owner;
	u32 secs;

	if (m->work->mode != NF_ALG_MODE_ON || !(opens || may_end(&m->msg)))
		return;
	secs = opens ? dialog_secs(m) : 0;
	if (opens && m->msg.method != ALG_SIP_INVITE)
		m->keep = max(m->keep, secs);
	names = opens && m->inside && names_another(m);
	if (!names && !sip_dialogs_any(m->work->net))
		return;
	owner = dialog_owner(m);
	call = find_call(m);
	spin_lock_bh(sip_owner_lock(owner));
	if (names && (call || m->msg.method != ALG_SIP_INVITE))
		dialog_contacts(m, owner, secs, call);
	list = sip_bindings(owner);
	rhl_for_each_entry_rcu(b, pos, list, node) {
		if (b->net != m->work->net)
			continue;
		if (call_is_over(m, call))
			sip_binding_end(b);
		else
			dialog_refresh(m, b, secs, call ? call->id : 0);
	}
	spin_unlock_bh(sip_owner_lock(owner));
}

/* What is not granted yet can't be a registration that stood before. */
void sip_register_undo(struct sip_message *m)
{
	struct sip_binding *b;

	while (m->n_made) {
		b = m->made[--m->n_made];
		spin_lock_bh(sip_owner_lock(b->owner));
		sip_binding_end(b);
		spin_unlock_bh(sip_owner_lock(b->owner));
	}
}

/*
 * A connection outlives the pinhole that it came through: for what is left of its dialogs. By then who may come is a
 * matter of each request.
 */
bool sip_register_admits(const struct sip_message *m)
{
	const struct alg_sip_msg *msg = &m->msg;

	if (msg->kind != ALG_SIP_REQUEST || msg->to_tag.len || msg->method == ALG_SIP_ACK ||
	    msg->method == ALG_SIP_CANCEL)
		return true;
	return sip_contact_admits(m->work, &m->receiver, &m->sender);
}
