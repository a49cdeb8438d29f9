// SPDX-License-Identifier: GPL-2.0-or-later
/* algctl status: what runs, what is missing, what is too small. */
#include "field.h"
#include "object.h"
#include "operation.h"

#include <stdlib.h>
#include <string.h>

struct module {
	char *name;
	bool loaded, installed;
};

const struct field status_fields[] = {
#define STATUS(label, number, member, ...) \
	{ .name = label, .attr = NF_ALG_A_STATUS_##number, FIELD_AT(status, member), __VA_ARGS__ }
	STATUS("version", VERSION, version, .kind = FIELD_TEXT),
	STATUS("generation", GENERATION, generation),
	STATUS("services", SERVICES, services),
	STATUS("policies", POLICIES, policies),
	STATUS("tenants", TENANTS, tenants),
	STATUS("sessions", SESSIONS, sessions),
	STATUS("pinholes", PINHOLES, pinholes),
	STATUS("calls", CALLS, calls),
	STATUS("registrations", REGISTRATIONS, registrations),
	STATUS("tunnels", TUNNELS, tunnels),
	STATUS("transaction", TRANSACTION, transaction),
	STATUS("tenant-size", TENANT_SIZE, tenant_size),
	STATUS(NULL, PROTOCOLS, protocols),
	STATUS(NULL, NAT, nat),
#undef STATUS
	{ 0 }
};

enum { MODULES = PROTOCOLS + 2, EXPECT_MAX_WANTED = 65536, EXPECT_MAX_LOW = 8192 };

struct health {
	struct status status;
	struct outcome drift;		/* from the store; @drift_known with one that can be read */
	bool drift_known;
	struct module module[MODULES];
	bool has_expect_max, has_count, has_max;
	unsigned long expect_max, conntracks, conntrack_max;
	struct words hints;
};

static bool read_sysctl(const char *name, unsigned long *out)
{
	char *path = format_text("/proc/sys/net/netfilter/%s", name);
	FILE *f = fopen(path, "re");
	bool good = f && fscanf(f, "%lu", out) == 1;

	if (f)
		fclose(f);
	free(path);
	return good;
}

/* Does the running kernel's list of modules have it? */
static void find_installed(struct module *modules)
{
	char release[128] = "", line[4096], *path;
	FILE *f = fopen("/proc/sys/kernel/osrelease", "re");

	if (f && fgets(release, sizeof(release), f))
		release[strcspn(release, "\n")] = '\0';
	if (f)
		fclose(f);
	path = format_text("/lib/modules/%s/modules.dep", release);
	f = fopen(path, "re");
	free(path);
	while (f && fgets(line, sizeof(line), f)) {
		for (int i = 0; i < MODULES; i++) {
			char *file = format_text("/%s.ko", modules[i].name);
			char *colon = strchr(line, ':'), *found = strstr(line, file);

			modules[i].installed |= found && colon && found < colon;
			free(file);
		}
	}
	if (f)
		fclose(f);
}

static void find_modules(struct health *h)
{
	h->module[0] = (struct module){ .name = copy("nf_alg"), .loaded = true };
	h->module[1] = (struct module){ .name = copy("nf_alg_nat"), .loaded = h->status.nat };
	for (int i = 0; i < PROTOCOLS; i++)
		h->module[i + 2] = (struct module){ .name = format_text("nf_alg_%s", protocol_names[i]),
						    .loaded = h->status.protocols & BIT(i) };
	find_installed(h->module);
}

static void find_hints(struct health *h)
{
	const struct status *s = &h->status;

	for (int i = 0; i < MODULES; i++)
		if (!h->module[i].loaded && h->module[i].installed)
			words_addf(&h->hints, "module %s is not loaded: modprobe %s", h->module[i].name,
				   h->module[i].name);
	if (!s->generation)
		words_add(&h->hints, "nothing is configured in this network namespace: algctl tenant add default");
	else if (!s->tenants)
		words_add(&h->hints, "there are no tenants, so nothing is served: algctl tenant add default");
	if (h->has_expect_max && (h->expect_max < EXPECT_MAX_LOW || s->pinholes >= h->expect_max / 4 * 3))
		words_addf(&h->hints, "nf_conntrack_expect_max is %lu, too low for many subscribers: "
			   "sysctl net.netfilter.nf_conntrack_expect_max=%d", h->expect_max, EXPECT_MAX_WANTED);
	if (h->has_count && h->has_max && h->conntrack_max && h->conntracks >= h->conntrack_max / 10 * 9)
		words_addf(&h->hints, "%lu of at most %lu connections are tracked, new ones will be dropped: "
			   "raise net.netfilter.nf_conntrack_max", h->conntracks, h->conntrack_max);
	if (s->transaction)
		words_addf(&h->hints, "netlink port %u has a configuration transaction open", s->transaction);
}

static void find_drift(struct ctx *ctx, struct health *h)
{
	bool quiet = ctx->quiet;

	ctx->quiet = true;
	h->drift_known = store_of(ctx) && identity_load(store_of(ctx)) && drift(ctx, &h->drift);
	ctx->quiet = quiet;
	if (h->drift.changes.n)
		words_addf(&h->hints, "the kernel differs from the store in %zu object%s: 'algctl restore' would",
			   h->drift.changes.n, h->drift.changes.n == 1 ? "" : "s");
}

static const char *module_state(const struct module *m)
{
	return m->loaded ? "loaded" : m->installed ? "not loaded" : "not installed";
}

static void print_status_json(struct ctx *ctx, const struct health *h)
{
	json_t *j = json_object(), *modules = json_object(), *hints = json_array();

	fields_json(status_fields, &h->status, j);
	json_object_set_new(j, "algctl", json_string(ALGCTL_VERSION));
	for (int i = 0; i < MODULES; i++)
		json_object_set_new(modules, h->module[i].name, json_string(module_state(&h->module[i])));
	json_object_set_new(j, "modules", modules);
	if (h->has_expect_max)
		json_object_set_new(j, "nf_conntrack_expect_max", json_integer((json_int_t)h->expect_max));
	if (h->has_count)
		json_object_set_new(j, "nf_conntrack_count", json_integer((json_int_t)h->conntracks));
	if (h->has_max)
		json_object_set_new(j, "nf_conntrack_max", json_integer((json_int_t)h->conntrack_max));
	for (size_t i = 0; i < h->hints.n; i++)
		json_array_append_new(hints, json_string(h->hints.v[i]));
	json_object_set_new(j, "hints", hints);
	if (h->drift_known) {
		json_t *drift = json_object();

		changes_json(drift, &h->drift.changes);
		json_object_set_new(j, "drift", drift);
	}
	print_json(ctx, j);
}

static void print_use(struct ctx *ctx, const struct status *s)
{
	const struct { const char *name; uint32_t n; } use[] = {
		{ "session", s->sessions }, { "pinhole", s->pinholes }, { "call", s->calls },
		{ "registration", s->registrations }, { "tunnel", s->tunnels },
	};

	fputs("\nin use                ", ctx->out);
	for (size_t i = 0; i < sizeof(use) / sizeof(use[0]); i++)
		fprintf(ctx->out, "%s %u %s%s", i ? "," : "", use[i].n, use[i].name, use[i].n == 1 ? "" : "s");
}

static void print_status(struct ctx *ctx, const struct health *h)
{
	static const char *const states[] = { "loaded", "not loaded", "not installed" };
	const struct status *s = &h->status;
	const uint32_t counts[KINDS] = { s->services, s->policies, s->tenants };

	fprintf(ctx->out, "nf_alg %s, algctl %s\n", s->version, ALGCTL_VERSION);
	for (size_t k = 0; k < sizeof(states) / sizeof(states[0]); k++) {
		struct words names = { 0 };
		char *list;

		for (int i = 0; i < MODULES; i++)
			if (!strcmp(module_state(&h->module[i]), states[k]))
				words_add(&names, h->module[i].name);
		list = words_join(&names, " ");
		if (*list)
			fprintf(ctx->out, "modules %-14s %s\n", states[k], list);
		free(list);
		words_free(&names);
	}
	fprintf(ctx->out, "configuration          generation %u", s->generation);
	for (int i = 0; i < KINDS; i++) {
		char *text = counted(counts[i], (enum kind)i);

		fprintf(ctx->out, "%s %s", i ? "," : ":", text);
		free(text);
	}
	print_use(ctx, s);
	if (h->has_count && h->has_max)
		fprintf(ctx->out, ", %lu of %lu connections", h->conntracks, h->conntrack_max);
	if (h->has_expect_max)
		fprintf(ctx->out, ", at most %lu expectations", h->expect_max);
	fputc('\n', ctx->out);
	for (size_t i = 0; i < h->hints.n; i++)
		fprintf(ctx->out, "! %s\n", h->hints.v[i]);
	changes_print(ctx, &h->drift.changes);
}

/* Whoever can't read the store can see the kernel's state all the same. */
static bool open_kernel(struct ctx *ctx, struct health *h)
{
	bool quiet = ctx->quiet, good;

	ctx->quiet = true;
	good = backend(ctx);
	ctx->quiet = quiet;
	if (good)
		return true;
	words_add(&h->hints, "the store can't be opened: 'algctl store status' tells why");
	ctx->backend = kernel_open(ctx);
	return ctx->backend;
}

static bool status(struct ctx *ctx, const struct command *command, void *object)
{
	struct health h = { 0 };

	(void)command;
	(void)object;
	if (!open_kernel(ctx, &h) || !ctx->backend->ops->status(ctx, &h.status))
		return false;
	find_modules(&h);
	h.has_expect_max = read_sysctl("nf_conntrack_expect_max", &h.expect_max);
	h.has_count = read_sysctl("nf_conntrack_count", &h.conntracks);
	h.has_max = read_sysctl("nf_conntrack_max", &h.conntrack_max);
	find_hints(&h);
	find_drift(ctx, &h);
	if (ctx->json)
		print_status_json(ctx, &h);
	else
		print_status(ctx, &h);
	for (int i = 0; i < MODULES; i++)
		free(h.module[i].name);
	words_free(&h.hints);
	outcome_free(&h.drift);
	return true;
}

static const struct command commands[] = {
	{ .help = "print version, modules, counts, and what should be mended",
	  .run = status },
	{ 0 }
};

const struct object_def status_object = {
	.name = "status",
	.help = "what runs, what is missing, what is too small",
	.commands = commands,
};
