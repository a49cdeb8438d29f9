// SPDX-License-Identifier: GPL-2.0-or-later
#include "meta.h"

#include <ctype.h>
#include <jansson.h>
#include <string.h>

#include "store.h"

bool needs_store(struct setter *s, const struct param *p)
{
	if (store_in_use(s->ctx))
		return true;
	fail(s->ctx, ALGCTL_USAGE, s->at, "%s needs a store", p->name);
	error_hint(s->ctx, "algctl store init makes one");
	return false;
}

/* What is no text, or ends a line, for a terminal or for YAML. */
static bool is_text(const char *c)
{
	static const char *const others[] = { "\u2028", "\u2029", "\ufffe", "\uffff" };

	if ((unsigned char)*c < ' ' || *c == 0x7f || ((unsigned char)*c == 0xc2 && (unsigned char)c[1] < 0xa0))
		return false;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (!strncmp(c, others[i], 3))
			return false;
	return true;
}

/* Valid UTF-8 on one line. */
static bool is_line(const char *text)
{
	json_t *j = json_string(text);
	bool good = j && strlen(text) < 1024;

	json_decref(j);
	for (const char *c = text; *c && good; c++)
		good = is_text(c);
	return good;
}

bool set_description(struct setter *s, const struct param *p, const char *text)
{
	struct object *o = s->object;

	if (!needs_store(s, p))
		return false;
	if (!is_line(text))
		return fail(s->ctx, ALGCTL_USAGE, s->at, "a description is one line of at most 1023 bytes of text");
	o->have_meta |= META_DESCRIPTION;
	o->description = copy(text);
	return true;
}

bool read_tag(struct setter *s, const char *text)
{
	bool good = *text && strlen(text) <= NF_ALG_NAME_MAX;

	for (const char *c = text; *c && good; c++)
		good = (unsigned char)*c < 0x80 && isalnum((unsigned char)*c);
	return good || fail(s->ctx, ALGCTL_USAGE, s->at, "'%s' is no tag: a tag has letters and digits only", text);
}

bool set_tag(struct setter *s, const struct param *p, const char *text)
{
	struct object *o = s->object;

	if (!needs_store(s, p) || !read_tag(s, text))
		return false;
	o->have_meta |= META_TAGS;
	if (!strcmp(text, "none"))
		return true;
	if (words_have(&o->tags, text))
		return fail(s->ctx, ALGCTL_USAGE, s->at, "tag '%s' is named twice", text);
	words_add(&o->tags, text);
	words_sort(&o->tags);
	return true;
}

void list_tags(const struct setter *s, const struct param *p, struct words *out)
{
	(void)s;
	(void)p;
	words_add(out, "none");
}

bool set_reusable(struct setter *s, const struct param *p, const char *text)
{
	static const char *const words[] = { "no", "yes" };
	struct object *o = s->object;
	uint32_t value;

	if (!needs_store(s, p))
		return false;
	if (s->at.line && !strcasecmp(text, "true"))
		text = "yes";
	else if (s->at.line && !strcasecmp(text, "false"))
		text = "no";
	if (!read_word(s, "answer", text, words, 2, &value))
		return false;
	o->have_meta |= META_REUSABLE;
	o->reusable = value;
	return true;
}

void list_yes_no(const struct setter *s, const struct param *p, struct words *out)
{
	(void)s;
	(void)p;
	words_add(out, "yes");
	words_add(out, "no");
}
