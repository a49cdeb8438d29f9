// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * load TENANTS POLICIES [TIMES]: replaces the namespace's configuration in one transaction and prints how long that took, from the
 * first message to the answer of the last, in ms. Tenant n has zone n and one of the policies; each policy has a rule with options.
 * The messages are written beforehand: what is measured is the kernel.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/socket.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "../../policy/uapi/linux/nf_alg.h"

#define CHUNK	(128 << 10)	/* bytes handed to the kernel at once */
#define ROOM	1024		/* more than a message takes */

struct buffer {
	uint8_t *data;
	size_t len, size;
	struct nlmsghdr *msg;	/* being written */
};

static uint16_t family = GENL_ID_CTRL;
static uint32_t seq;

static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- writing ---- */

static void *reserve(struct buffer *b, size_t len)
{
	void *p = b->data + b->len;

	memset(p, 0, NLMSG_ALIGN(len));
	b->len += NLMSG_ALIGN(len);
	return p;
}

static void begin(struct buffer *b, uint8_t cmd, uint16_t flags)
{
	struct genlmsghdr *genl;

	if (b->size - b->len < ROOM) {
		b->size = b->size * 2 + CHUNK;
		b->data = realloc(b->data, b->size);
		if (!b->data)
			die("memory");
	}
	b->msg = reserve(b, NLMSG_HDRLEN);
	b->msg->nlmsg_type = family;
	b->msg->nlmsg_flags = NLM_F_REQUEST | flags;
	b->msg->nlmsg_seq = ++seq;
	genl = reserve(b, GENL_HDRLEN);
	genl->cmd = cmd;
	genl->version = 1;
}

static void end(struct buffer *b)
{
	b->msg->nlmsg_len = b->data + b->len - (uint8_t *)b->msg;
}

static void put(struct buffer *b, uint16_t type, const void *value, size_t len)
{
	struct nlattr *nla = reserve(b, NLA_HDRLEN + len);

	nla->nla_type = type;
	nla->nla_len = NLA_HDRLEN + len;
	memcpy(nla + 1, value, len);
}

static void put_u32(struct buffer *b, uint16_t type, uint32_t value) { put(b, type, &value, sizeof(value)); }
static void put_u16(struct buffer *b, uint16_t type, uint16_t value) { put(b, type, &value, sizeof(value)); }
static void put_string(struct buffer *b, uint16_t type, const char *value) { put(b, type, value, strlen(value) + 1); }

static size_t nest(struct buffer *b, uint16_t type)
{
	size_t at = b->len;
	struct nlattr *nla = reserve(b, NLA_HDRLEN);

	nla->nla_type = type | NLA_F_NESTED;
	return at;
}

static void nest_end(struct buffer *b, size_t at)
{
	((struct nlattr *)(b->data + at))->nla_len = b->len - at;
}

/* ---- what is loaded ---- */

static void put_policy(struct buffer *b, unsigned int n)
{
	size_t rule, option;
	char name[32];

	snprintf(name, sizeof(name), "policy-%u", n);
	begin(b, NF_ALG_CMD_POLICY_SET, NLM_F_CREATE | NLM_F_EXCL);
	put_string(b, NF_ALG_A_POLICY_NAME, name);
	put_u32(b, NF_ALG_A_POLICY_VERSION, 1);
	rule = nest(b, NF_ALG_A_POLICY_RULE);
	put_u32(b, NF_ALG_A_RULE_PROTOCOL, NF_ALG_PROTOCOL_FTP);
	put_u32(b, NF_ALG_A_RULE_MODE, NF_ALG_MODE_ON);
	option = nest(b, NF_ALG_A_RULE_OPTION);
	put_u32(b, NF_ALG_A_OPTION_PINHOLE_TIMEOUT, 30 + n % 60);
	nest_end(b, option);
	nest_end(b, rule);
	end(b);
}

static void put_tenant(struct buffer *b, unsigned int n, unsigned int policies)
{
	char name[32], policy[32];
	size_t selector;

	snprintf(name, sizeof(name), "tenant-%u", n);
	snprintf(policy, sizeof(policy), "policy-%u", n % policies);
	begin(b, NF_ALG_CMD_TENANT_SET, NLM_F_CREATE | NLM_F_EXCL);
	put_string(b, NF_ALG_A_TENANT_NAME, name);
	put_string(b, NF_ALG_A_TENANT_POLICY, policy);
	selector = nest(b, NF_ALG_A_TENANT_SELECTOR);
	put_u16(b, NF_ALG_A_SELECTOR_ZONE, n);
	nest_end(b, selector);
	end(b);
}

/* ---- talking ---- */

/* Waits for the answer to message @wanted and copies it. A refusal of any message ends the program. */
static size_t answer(int fd, uint32_t wanted, void *copy, size_t size)
{
	static uint8_t buf[65536];
	const struct nlmsgerr *err;
	struct nlmsghdr *msg;
	ssize_t len;

	for (;;) {
		len = recv(fd, buf, sizeof(buf), 0);
		if (len < 0)
			die("recv");
		for (msg = (void *)buf; NLMSG_OK(msg, (size_t)len); msg = NLMSG_NEXT(msg, len)) {
			if (msg->nlmsg_type == NLMSG_ERROR) {
				err = NLMSG_DATA(msg);
				errno = -err->error;
				if (errno)
					die("refused");
			}
			if (msg->nlmsg_seq != wanted)
				continue;
			if (msg->nlmsg_len > size)
				size = 0;
			memcpy(copy, msg, size ? msg->nlmsg_len : 0);
			return size ? msg->nlmsg_len : 0;
		}
	}
}

static struct nlattr *find(uint8_t *msg, size_t len, uint16_t type)
{
	struct nlattr *nla;
	size_t off;

	for (off = NLMSG_HDRLEN + GENL_HDRLEN; off + NLA_HDRLEN <= len; off += NLA_ALIGN(nla->nla_len)) {
		nla = (struct nlattr *)(msg + off);
		if (nla->nla_type == type)
			return nla;
		if (nla->nla_len < NLA_HDRLEN)
			break;
	}
	return NULL;
}

/* Sends the one message of @b, which is freed. Return: attribute @type of the answer, NULL: it has none. */
static struct nlattr *ask(int fd, struct buffer *b, uint16_t type)
{
	static uint8_t reply[8192];

	end(b);
	if (send(fd, b->data, b->len, 0) < 0)
		die("send");
	free(b->data);
	return find(reply, answer(fd, seq, reply, sizeof(reply)), type);
}

static uint16_t find_family(int fd)
{
	struct buffer b = {};
	struct nlattr *nla;

	begin(&b, CTRL_CMD_GETFAMILY, 0);
	put_string(&b, CTRL_ATTR_FAMILY_NAME, NF_ALG_FAMILY_NAME);
	nla = ask(fd, &b, CTRL_ATTR_FAMILY_ID);
	if (nla)
		return *(uint16_t *)(nla + 1);
	errno = ENOENT;
	die("family " NF_ALG_FAMILY_NAME);
	return 0;
}

/* Whole messages, as many as a chunk holds, one system call each chunk. */
static void send_all(int fd, const struct buffer *b)
{
	const struct nlmsghdr *msg;
	size_t from = 0, to = 0;

	while (from < b->len) {
		while (to < b->len) {
			msg = (const void *)(b->data + to);
			if (to > from && to + NLMSG_ALIGN(msg->nlmsg_len) - from > CHUNK)
				break;
			to += NLMSG_ALIGN(msg->nlmsg_len);
		}
		if (send(fd, b->data + from, to - from, 0) < 0)
			die("send");
		from = to;
	}
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static double load(int fd, const struct buffer *b, uint32_t last)
{
	double start = now_ms();
	uint8_t reply[256];

	send_all(fd, b);
	answer(fd, last, reply, sizeof(reply));
	return now_ms() - start;
}

/* Refuses to believe an answer without looking: how many tenants has the namespace now? */
static void verify(int fd, unsigned int tenants)
{
	struct buffer b = {};
	struct nlattr *nla;

	begin(&b, NF_ALG_CMD_STATUS_GET, 0);
	nla = ask(fd, &b, NF_ALG_A_STATUS_TENANTS);
	if (!nla || *(uint32_t *)(nla + 1) != tenants) {
		fprintf(stderr, "load: %u tenants instead of %u\n", nla ? *(uint32_t *)(nla + 1) : 0, tenants);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	unsigned int tenants, policies, times, last, i;
	int fd, size = 4 << 20;
	struct buffer b = {};

	if (argc < 3) {
		fprintf(stderr, "usage: load TENANTS POLICIES [TIMES]\n");
		return 1;
	}
	tenants = strtoul(argv[1], NULL, 0);
	policies = strtoul(argv[2], NULL, 0);
	times = argc > 3 ? strtoul(argv[3], NULL, 0) : 1;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (fd < 0)
		die("socket");
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		die("SO_SNDBUFFORCE");
	family = find_family(fd);

	begin(&b, NF_ALG_CMD_CONFIG_BEGIN, 0);
	end(&b);
	for (i = 0; i < policies; i++)
		put_policy(&b, i);
	for (i = 0; i < tenants; i++)
		put_tenant(&b, i, policies);
	begin(&b, NF_ALG_CMD_CONFIG_COMMIT, 0);
	end(&b);
	last = seq;
	while (times--)
		printf("%.1f\n", load(fd, &b, last));
	verify(fd, tenants);
	return 0;
}
