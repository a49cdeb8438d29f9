// SPDX-License-Identifier: GPL-2.0-or-later
#include "value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store.h"
#include "backend.h"

static bool name_byte(unsigned char c, bool first)
{
	return c < 0x80 && (isalnum(c) || (!first && (c == '.' || c == '_' || c == '-')));
}

bool read_name(struct setter *s, const char *what, const char *text, char out[NAME_SIZE])
{
	size_t n = strlen(text);
	bool good = n > 0;

	for (size_t i = 0; i < n; i++)
		good &= name_byte((unsigned char)text[i], !i);
	if (!good) {
		fail(s->ctx, ALGCTL_USAGE, s->at, "'%s' is no name for a %s", text, what);
		error_hint(s->ctx, "names have letters, digits, '.', '_' and '-', and begin with a letter or digit");
		return false;
	}
	if (n > NF_ALG_NAME_MAX)
		return fail(s->ctx, ALGCTL_USAGE, s->at, "the name of a %s has at most %d characters, this one has %zu",
			    what, NF_ALG_NAME_MAX, n);
	memcpy(out, text, n + 1);
	return true;
}

bool read_name_version(struct setter *s, const char *what, const char *text, char out[NAME_SIZE], uint32_t *version)
{
	const char *at = strchr(text, '@');
	char *name;
	bool good;

	*version = 0;
	if (!at || !store_in_use(s->ctx))
		return read_name(s, what, text, out);
	name = strndup(text, (size_t)(at - text));
	good = read_name(s, what, name, out) && read_number(s, "a version", at + 1, 1, INT32_MAX, version);
	free(name);
	return good;
}

bool read_reference(struct setter *s, const char *what, const char *text, char out[REF_SIZE])
{
	char name[NAME_SIZE];
	uint32_t version;

	if (!read_name_version(s, what, text, name, &version))
		return false;
	if (version)
		snprintf(out, REF_SIZE, "%s@%u", name, version);
	else
		snprintf(out, REF_SIZE, "%s", name);
	return true;
}

/* Decimal or 0x hexadecimal digits, nothing else. */
static bool digits(const char *text, uint32_t *out)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	unsigned long long value;
	char *end;

	if (!isdigit((unsigned char)*text) || (hex && !isxdigit((unsigned char)text[2])))
		return false;
	errno = 0;
	value = strtoull(text, &end, hex ? 16 : 10);
	if (*end || errno || value > UINT32_MAX)
		return false;
	*out = (uint32_t)value;
	return true;
}

bool read_number(struct setter *s, const char *what, const char *text, uint32_t min, uint32_t max, uint32_t *out)
{
	if (digits(text, out) && *out >= min && *out <= max)
		return true;
	return fail(s->ctx, ALGCTL_USAGE, s->at, "%s is a number from %u to %u, not '%s'", what, min, max, text);
}

bool read_word(struct setter *s, const char *what, const char *text, const char *const *names, size_t n, uint32_t *out)
{
	struct words expected = { 0 };
	int i = index_of(names, n, text);

	if (i >= 0) {
		*out = (uint32_t)i;
		return true;
	}
	words_add_all(&expected, names, n);
	fail(s->ctx, ALGCTL_USAGE, s->at, "'%s' is no %s", text, what);
	error_expected(s->ctx, text, &expected);
	words_free(&expected);
	return false;
}

bool read_kind(struct setter *s, const struct param *p, const char *text, enum kind *kind)
{
	uint32_t value;

	if (!read_word(s, "object", text, kind_names, p->arg, &value))
		return false;
	*kind = (enum kind)value;
	return true;
}

bool read_ports(struct setter *s, const char *text, uint16_t *min, uint16_t *max)
{
	char *first = copy(text), *last = strchr(first, '-');
	uint32_t a, b;
	bool good;

	if (last)
		*last++ = '\0';
	good = read_number(s, "a port", first, 1, 65535, &a) &&
	       read_number(s, "a port", last ? last : first, 1, 65535, &b);
	free(first);
	if (!good)
		return false;
	if (a > b)
		return fail(s->ctx, ALGCTL_USAGE, s->at, "the range %s ends before it begins", text);
	*min = (uint16_t)a;
	*max = (uint16_t)b;
	return true;
}

/* Clears the bits behind the prefix; true if there were any. */
static bool clear_rest(struct prefix *p)
{
	bool any = false;

	for (unsigned int bit = p->length; bit < 8u * p->size; bit++) {
		uint8_t mask = (uint8_t)(0x80 >> bit % 8);

		any |= p->address[bit / 8] & mask;
		p->address[bit / 8] &= (uint8_t)~mask;
	}
	return any;
}

bool read_prefix(struct setter *s, const char *text, struct prefix *out)
{
	char *address = copy(text), *slash = strchr(address, '/');
	struct words right = { 0 };
	uint32_t length;
	bool good;

	if (slash)
		*slash++ = '\0';
	memset(out, 0, sizeof(*out));
	out->at = s->at;
	if (inet_pton(AF_INET, address, out->address) == 1)
		out->size = 4;
	else if (inet_pton(AF_INET6, address, out->address) == 1)
		out->size = 16;
	free(address);
	if (!out->size)
		return fail(s->ctx, ALGCTL_USAGE, s->at, "'%s' is no IPv4 or IPv6 address or prefix", text);
	length = 8u * out->size;
	slash = strchr(text, '/');
	good = !slash || read_number(s, "a prefix length", slash + 1, 0, length, &length);
	if (!good)
		return false;
	out->length = (uint8_t)length;
	if (!clear_rest(out))
		return true;
	add_prefix(&right, out);
	fail(s->ctx, ALGCTL_USAGE, s->at, "'%s' has bits behind its prefix", text);
	error_hint(s->ctx, "did you mean '%s'?", right.v[0]);
	words_free(&right);
	return false;
}

bool read_mark(struct setter *s, const char *text, uint32_t *mark, uint32_t *mask)
{
	char *value = copy(text), *slash = strchr(value, '/');
	bool good;

	if (slash)
		*slash++ = '\0';
	*mask = UINT32_MAX;
	good = read_number(s, "a mark", value, 0, UINT32_MAX, mark) &&
	       (!slash || read_number(s, "a mark's mask", slash, 1, UINT32_MAX, mask));
	free(value);
	if (good && *mark & ~*mask)
		return fail(s->ctx, ALGCTL_USAGE, s->at, "mark %s has bits outside its mask: nothing could match",
			    text);
	return good;
}

void add_ports(struct words *out, uint16_t min, uint16_t max)
{
	if (min == max)
		words_addf(out, "%u", min);
	else
		words_addf(out, "%u-%u", min, max);
}

char *address_text(const void *address, size_t size)
{
	char text[INET6_ADDRSTRLEN] = "?";

	if (size == 4 || size == 16)
		inet_ntop(size == 4 ? AF_INET : AF_INET6, address, text, sizeof(text));
	return copy(text);
}

char *endpoint_text(const void *address, size_t size, bool has_port, uint16_t port)
{
	char *host = size ? address_text(address, size) : copy("any"), *text;

	if (!has_port && !size)
		return host;
	if (has_port)
		text = format_text(size == 16 ? "[%s]:%u" : "%s:%u", host, port);
	else
		text = copy(host);
	free(host);
	return text;
}

void add_prefix(struct words *out, const struct prefix *p)
{
	char *address = address_text(p->address, p->size);

	if (p->length == 8 * p->size)
		words_add(out, address);
	else
		words_addf(out, "%s/%u", address, p->length);
	free(address);
}

void list_live(struct ctx *ctx, enum kind kind, int protocol, struct words *out)
{
	struct objects live = { 0 };
	bool quiet = ctx->quiet;

	ctx->quiet = true;
	if (backend(ctx) && (int)kind < ctx->backend->kinds && ctx->backend->ops->list(ctx, kind, NULL, &live)) {
		objects_sort(&live);
		for (size_t i = 0; i < live.n; i++)
			if (protocol < 0 || kind != KIND_SERVICE ||
			    to_service(live.v[i])->protocol == (uint32_t)protocol)
				words_add(out, live.v[i]->name);
	}
	ctx->quiet = quiet;
	objects_free(&live);
}

void list_protocols(const struct setter *s, const struct param *p, struct words *out)
{
	(void)s;
	(void)p;
	words_add_all(out, protocol_names, PROTOCOLS);
}

void list_kinds(const struct setter *s, const struct param *p, struct words *out)
{
	(void)s;
	words_add_all(out, kind_names, p->arg);
}

void list_tenants(const struct setter *s, const struct param *p, struct words *out)
{
	(void)p;
	list_live(s->ctx, KIND_TENANT, -1, out);
}

bool read_duration(struct setter *s, const char *what, const char *text, int64_t *seconds)
{
	static const struct { char letter; int64_t seconds; } units[] = {
		{ 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 },
	};
	size_t n = strlen(text);
	char *number = copy(text);
	int64_t unit = 1;
	uint32_t value;
	bool good;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]) && n > 1; i++)
		if (text[n - 1] == units[i].letter) {
			unit = units[i].seconds;
			number[n - 1] = '\0';
			break;
		}
	good = read_number(s, what, number, 0, INT32_MAX, &value);
	if (good)
		*seconds = value * unit;
	free(number);
	return good;
}

bool read_moment(struct setter *s, const char *what, const char *text, bool end, int64_t *at)
{
	static const char *const formats[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d" };
	enum { FORMATS = sizeof(formats) / sizeof(formats[0]), DAY = 86400 };
	int64_t age;

	for (size_t i = 0; i < FORMATS && strchr(text, '-'); i++) {
		struct tm tm = { .tm_isdst = -1 };
		const char *rest = strptime(text, formats[i], &tm);

		if (!rest || *rest)
			continue;
		*at = (int64_t)mktime(&tm) + (end && i == FORMATS - 1 ? DAY - 1 : 0);
		return true;
	}
	if (strchr(text, '-'))
		return fail(s->ctx, ALGCTL_USAGE, s->at, "%s wants 2025-11-23, 2025-11-23T14:30:00 or an age as 7d, not '%s'",
			    what, text);
	if (!read_duration(s, what, text, &age))
		return false;
	*at = (int64_t)time(NULL) - age;
	return true;
}
