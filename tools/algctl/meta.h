/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parameters for what only a store keeps. */
#ifndef ALGCTL_META_H
#define ALGCTL_META_H

#include "grammar.h"
#include "value.h"

bool set_description(struct setter *s, const struct param *p, const char *text);
bool set_tag(struct setter *s, const struct param *p, const char *text);
bool set_reusable(struct setter *s, const struct param *p, const char *text);
void list_yes_no(const struct setter *s, const struct param *p, struct words *out);
void list_tags(const struct setter *s, const struct param *p, struct words *out);
bool needs_store(struct setter *s, const struct param *p);

/* A tag is a word of letters and digits. */
bool read_tag(struct setter *s, const char *text);

#define META_PARAMS \
	{ .name = "description", .metavar = "TEXT", .help = "what it is for; in the store", \
	  .kind = PARAM_VALUE, .set = set_description }, \
	{ .name = "tags", .metavar = "TAG[,TAG...]", .help = "words to find it by, 'none' for none; in the store", \
	  .kind = PARAM_VALUE, .flags = PARAM_LIST, .set = set_tag, .list = list_tags }

#endif /* ALGCTL_META_H */
