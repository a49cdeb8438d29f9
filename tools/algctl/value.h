/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values that several objects have: reading them from text, writing them in canonical spelling. */
#ifndef ALGCTL_VALUE_H
#define ALGCTL_VALUE_H

#include "grammar.h"
#include "model.h"

/* Readers: false after reporting at the setter's place. */
bool read_name(struct setter *s, const char *what, const char *text, char out[NAME_SIZE]);
/* With a store NAME@VERSION as well; version 0: none given. */
bool read_name_version(struct setter *s, const char *what, const char *text, char out[NAME_SIZE], uint32_t *version);
bool read_reference(struct setter *s, const char *what, const char *text, char out[REF_SIZE]);
bool read_number(struct setter *s, const char *what, const char *text, uint32_t min, uint32_t max, uint32_t *out);
bool read_word(struct setter *s, const char *what, const char *text, const char *const *names, size_t n, uint32_t *out);
bool read_kind(struct setter *s, const struct param *p, const char *text, enum kind *kind);	/* of .arg kinds */
bool read_ports(struct setter *s, const char *text, uint16_t *min, uint16_t *max);
bool read_prefix(struct setter *s, const char *text, struct prefix *out);
bool read_mark(struct setter *s, const char *text, uint32_t *mark, uint32_t *mask);

/* 30d, 12h, 5m, 10s or seconds */
bool read_duration(struct setter *s, const char *what, const char *text, int64_t *seconds);

/* Local date, date and time, or an age. @end: a date means the end of that day. */
bool read_moment(struct setter *s, const char *what, const char *text, bool end, int64_t *at);

void add_ports(struct words *out, uint16_t min, uint16_t max);
void add_prefix(struct words *out, const struct prefix *p);
char *address_text(const void *address, size_t size);	/* 4 or 16 bytes, else "?"; caller frees */
char *endpoint_text(const void *address, size_t size, bool has_port, uint16_t port);	/* caller frees */

/* Live names, for completion and for "did you mean". */
void list_live(struct ctx *ctx, enum kind kind, int protocol, struct words *out);
void list_protocols(const struct setter *s, const struct param *p, struct words *out);
void list_kinds(const struct setter *s, const struct param *p, struct words *out);	/* of .arg kinds */
void list_tenants(const struct setter *s, const struct param *p, struct words *out);

#endif /* ALGCTL_VALUE_H */
