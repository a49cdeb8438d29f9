// SPDX-License-Identifier: GPL-2.0-or-later
/* algctl monitor: the events of the kernel, one a line. */
#include "object.h"
#include "pinhole.h"
#include "query.h"

#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

struct watch {
	const struct query *query;
	unsigned long left;	/* events to print, 0 for no end */
};

static void now_text(char *out, size_t size)
{
	struct timeval now;
	struct tm utc;
	size_t n;

	gettimeofday(&now, NULL);
	gmtime_r(&now.tv_sec, &utc);
	n = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(out + n, size - n, ".%03dZ", (int)(now.tv_usec / 1000));
}

static const char *tenant_of(const struct event *e)
{
	return *e->tenant ? e->tenant : e->pinhole.tenant;
}

static bool wanted(const struct event *e, const struct query *q)
{
	uint32_t protocol = e->has_protocol ? e->protocol : e->pinhole.protocol;

	if (*q->tenant && strcmp(tenant_of(e), q->tenant) && strcmp(e->name, q->tenant))
		return false;
	return !q->has_protocol || ((e->has_protocol || e->has_pinhole) && protocol == q->protocol);
}

static json_t *event_json(const struct event *e, const char *now)
{
	json_t *j = json_object();

	json_object_set_new(j, "time", json_string(now));
	json_object_set_new(j, "event", json_string(e->lost ? "lost" : event_name(e->event)));
	if (*e->name)
		json_object_set_new(j, "name", json_string(e->name));
	if (e->has_generation)
		json_object_set_new(j, "generation", json_integer(e->generation));
	if (*e->tenant)
		json_object_set_new(j, "tenant", json_string(e->tenant));
	if (e->has_protocol)
		json_object_set_new(j, "protocol", json_string(protocol_name(e->protocol)));
	if (e->has_reason)
		json_object_set_new(j, "reason", json_string(reason_name(e->reason)));
	if (e->has_pinhole)
		json_object_set_new(j, "pinhole", pinhole_json(&e->pinhole));
	return j;
}

static void print_pinhole(struct ctx *ctx, const struct pinhole *p)
{
	char *peer = address_endpoint(&p->peer);
	char *public = address_endpoint(&p->public);
	char *target = address_endpoint(&p->target);

	fprintf(ctx->out, " %s %s to %s", transport_name(p->transport), peer, public);
	if (strcmp(public, target))
		fprintf(ctx->out, " for %s", target);
	free(peer);
	free(public);
	free(target);
}

static void print_event(struct ctx *ctx, const struct event *e, const char *now)
{
	const char *tenant = tenant_of(e);

	if (e->lost) {
		fprintf(ctx->out, "%s events were lost\n", now);
		return;
	}
	fprintf(ctx->out, "%s %s", now, event_name(e->event));
	if (*e->name)
		fprintf(ctx->out, " %s", e->name);
	if (*tenant)
		fprintf(ctx->out, " tenant %s", tenant);
	if (e->has_protocol || e->has_pinhole)
		fprintf(ctx->out, " %s", protocol_name(e->has_protocol ? e->protocol : e->pinhole.protocol));
	if (e->has_reason)
		fprintf(ctx->out, " %s", reason_name(e->reason));
	if (e->has_pinhole)
		print_pinhole(ctx, &e->pinhole);
	if (e->has_generation)
		fprintf(ctx->out, " generation %u", e->generation);
	if (ctx->explain && e->has_reason && e->reason < REASONS)
		fprintf(ctx->out, ": %s", reasons[e->reason].sentence);
	fputc('\n', ctx->out);
}

static bool seen(struct ctx *ctx, const struct event *e, void *data)
{
	struct watch *w = data;
	char now[40];

	if (!e->lost && !wanted(e, w->query))
		return true;
	now_text(now, sizeof(now));
	if (ctx->json)
		print_json_line(ctx, event_json(e, now));
	else
		print_event(ctx, e, now);
	fflush(ctx->out);
	if (ferror(ctx->out))
		return false;
	return !w->left || --w->left;
}

static bool monitor(struct ctx *ctx, const struct command *command, void *object)
{
	struct watch w = { .query = object };
	char *end;

	(void)command;
	if (ctx->count) {
		w.left = strtoul(ctx->count, &end, 10);
		if (*end || !w.left || *ctx->count == '-')
			return fail(ctx, ALGCTL_USAGE, NOWHERE, "--count wants a number from 1 on, not '%s'",
				    ctx->count);
	}
	return backend(ctx) && ctx->backend->ops->watch(ctx, seen, &w);
}

static const struct param params[] = {
	{ .name = "tenant", .metavar = "TENANT", .help = "of that tenant only",
	  .kind = PARAM_VALUE, .set = set_query_tenant, .list = list_tenants },
	{ .name = "protocol", .metavar = "PROTOCOL", .help = "of that protocol only",
	  .kind = PARAM_VALUE, .set = set_query_protocol, .list = list_protocols },
	{ 0 }
};

static const struct command commands[] = {
	{ .help = "print events as they happen",
	  .params = params, .options = OPTION_EXPLAIN | OPTION_COUNT, .size = sizeof(struct query), .run = monitor },
	{ 0 }
};

const struct object_def monitor_object = {
	.name = "monitor",
	.help = "events as they happen",
	.commands = commands,
	.more = "Changes of the configuration, pinholes opened, used, expired and closed, and what was refused and\n"
		"why. With --json each line is one object. Runs until interrupted, or for --count events.",
};
