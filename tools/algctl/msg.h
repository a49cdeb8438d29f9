/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Netlink messages under construction, which remember where each attribute came from; and reading attributes. */
#ifndef ALGCTL_MSG_H
#define ALGCTL_MSG_H

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>

#include "algctl.h"

struct msg_place {
	uint32_t start, end;	/* offsets from the message's header */
	struct where at;
};

/**
 * struct msg - one request
 * @places:	attributes that came from the user, when @track
 * @full:	the buffer was too small; the message is not to be sent
 */
struct msg {
	struct nlmsghdr *header;
	size_t size;
	bool track, full;
	struct msg_place *places;
	size_t nplaces, room;
};

enum { MSG_SIZE = 65536 };

void msg_start(struct msg *m, void *buffer, size_t size, uint16_t type, uint8_t command, uint16_t flags,
	       uint32_t sequence);
void msg_put(struct msg *m, uint16_t type, const void *data, size_t size, struct where at);
void msg_put_u8(struct msg *m, uint16_t type, uint8_t value, struct where at);
void msg_put_u16(struct msg *m, uint16_t type, uint16_t value, struct where at);
void msg_put_u32(struct msg *m, uint16_t type, uint32_t value, struct where at);
void msg_put_u64(struct msg *m, uint16_t type, uint64_t value, struct where at);
void msg_put_text(struct msg *m, uint16_t type, const char *text, struct where at);

/* A nest; @at is where its keyword stands. */
struct msg_nest {
	struct nlattr *attr;
	struct where at;
};

struct msg_nest msg_nest(struct msg *m, uint16_t type, struct where at);
void msg_nest_end(struct msg *m, struct msg_nest nest);
void msg_free(struct msg *m);

/* The innermost place that has byte @offset. */
struct where msg_where(const struct msg *m, uint32_t offset);

/* Loops over attributes, as far as they are whole. */
#define attrs_each(a, attrs, size) \
	for (const struct nlattr *a = (const void *)(attrs), *end_ = (const void *)((const char *)(attrs) + (size)); \
	     mnl_attr_ok(a, (int)((const char *)end_ - (const char *)a)); a = mnl_attr_next(a))
#define attrs_each_nested(a, nest) attrs_each(a, mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest))

/* Attributes by number, the last of each; unknown ones are left out. Values of a wrong size read as 0 or "". */
void attrs_index(const struct nlattr **table, unsigned int max, const void *attrs, size_t size);
uint8_t attr_u8(const struct nlattr *a);
uint16_t attr_u16(const struct nlattr *a);
uint32_t attr_u32(const struct nlattr *a);
uint64_t attr_u64(const struct nlattr *a);
void attr_text(const struct nlattr *a, char *out, size_t size);
void attrs_of_nest(const struct nlattr **table, unsigned int max, const struct nlattr *nest);

#define msg_attrs(nlh)		((const char *)mnl_nlmsg_get_payload_offset(nlh, sizeof(struct genlmsghdr)))
#define msg_attrs_size(nlh)	(mnl_nlmsg_get_payload_len(nlh) < MNL_ALIGN(sizeof(struct genlmsghdr)) ? 0 : \
				 mnl_nlmsg_get_payload_len(nlh) - MNL_ALIGN(sizeof(struct genlmsghdr)))

/* attrs.c: the family's attributes by name */
const char *command_name(uint8_t command);
const char *attr_name(uint8_t command, unsigned int attr);	/* of a command's top level; NULL if unknown */
void msg_print(FILE *out, const struct nlmsghdr *nlh);		/* one line of text */

#endif /* ALGCTL_MSG_H */
