/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values that several objects have: reading them from text, writing them in canonical spelling. */
#ifndef ALGCTL_VALUE_H
#define ALGCTL_VALUE_H

#include "grammar.h"
#include "model.h"

/* Readers: false after reporting at the setter's place. */
bool read_name(struct setter *s, const char *what, const char *text, char out[NAME_SIZE]);
bool read_number(struct setter *s, const char *what, const char *text, uint32_t min, uint32_t max, uint32_t *out);
bool read_word(struct setter *s, const char *what, const char *text, const char *const *names, size_t n, uint32_t *out);
bool read_ports(struct setter *s, const char *text, uint16_t *min, uint16_t *max);
bool read_prefix(struct setter *s, const char *text, struct prefix *out);
bool read_mark(struct setter *s, const char *text, uint32_t *mark, uint32_t *mask);

void add_ports(struct words *out, uint16_t min, uint16_t max);
void add_prefix(struct words *out, const struct prefix *p);
char *address_text(const void *address, size_t size);	/* 4 or 16 bytes, else "?"; caller frees */
char *endpoint_text(const void *address, size_t size, bool has_port, uint16_t port);	/* caller frees */

/* Live names, for completion and for "did you mean". */
void list_live(struct ctx *ctx, enum kind kind, int protocol, struct words *out);
void list_protocols(const struct setter *s, const struct param *p, struct words *out);
void list_tenants(const struct setter *s, const struct param *p, struct words *out);

#endif /* ALGCTL_VALUE_H */
