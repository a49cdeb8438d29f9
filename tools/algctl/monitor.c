// SPDX-License-Identifier: GPL-2.0-or-later
/* algctl monitor: the events of the kernel, one a line. */
#include "state.h"

#include <inttypes.h>
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

const struct field event_fields[] = {
#define EVENT(label, number, member, ...) \
	{ .name = label, .attr = NF_ALG_A_EVENT_##number, FIELD_AT(event, member), __VA_ARGS__ }
	EVENT("event", EVENT, event, .kind = FIELD_WORD, .word = event_name),
	EVENT("name", NAME, name, .kind = FIELD_TEXT, .optional = true),
	EVENT("generation", GENERATION, generation, .optional = true),
	EVENT("tenant", TENANT, tenant, .kind = FIELD_TEXT, .optional = true),
	EVENT("protocol", PROTOCOL, protocol, .kind = FIELD_WORD, .word = protocol_name, .optional = true),
	EVENT("reason", REASON, reason, .kind = FIELD_WORD, .word = reason_name, .optional = true),
#undef EVENT
	{ 0 }
};

static const char *tenant_of(const struct event *e)
{
	return *e->tenant || !e->state ? e->tenant : e->state->tenant;
}

/* NF_ALG_PROTOCOL_*, or PROTOCOLS for none. */
static uint32_t protocol_of(const struct event *e)
{
	if (has(e, NF_ALG_A_EVENT_PROTOCOL))
		return e->protocol;
	return e->state ? e->state->protocol : PROTOCOLS;
}

static bool wanted(const struct event *e, const struct query *q)
{
	if (*q->tenant && strcmp(tenant_of(e), q->tenant) && strcmp(e->name, q->tenant))
		return false;
	return !q->has_protocol || protocol_of(e) == q->protocol;
}

static json_t *event_json(const struct event *e, const char *now)
{
	json_t *j = json_object();

	json_object_set_new(j, "time", json_string(now));
	if (e->lost)
		json_object_set_new(j, "event", json_string("lost"));
	else
		fields_json(event_fields, e, j);
	if (e->state)
		json_object_set_new(j, state_defs[e->state->kind]->name, state_json(e->state));
	return j;
}

static void print_state(struct ctx *ctx, const struct state *s)
{
	char *text = state_defs[s->kind]->text(s);

	fputc(' ', ctx->out);
	if (state_defs[s->kind]->own_ids)	/* the event's name says what it is */
		fprintf(ctx->out, "%" PRIu64 " ", s->id);
	fputs(text, ctx->out);
	free(text);
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
	if (protocol_of(e) != PROTOCOLS)
		fprintf(ctx->out, " %s", protocol_name(protocol_of(e)));
	if (has(e, NF_ALG_A_EVENT_REASON))
		fprintf(ctx->out, " %s", reason_name(e->reason));
	if (e->state)
		print_state(ctx, e->state);
	if (has(e, NF_ALG_A_EVENT_GENERATION))
		fprintf(ctx->out, " generation %u", e->generation);
	if (ctx->explain && has(e, NF_ALG_A_EVENT_REASON) && e->reason < REASONS)
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
	return kernel_state_backend(ctx, false) && ctx->backend->ops->watch(ctx, seen, &w);
}

static const struct command commands[] = {
	{ .help = "print events as they happen",
	  .params = query_params, .options = OPTION_EXPLAIN | OPTION_COUNT, .size = sizeof(struct query), .run = monitor },
	{ 0 }
};

const struct object_def monitor_object = {
	.name = "monitor",
	.help = "events as they happen",
	.commands = commands,
	.more = "Changes of the configuration, pinholes opened, used, expired and closed, calls started, answered and\n"
		"ended, registrations, tunnels started and ended, and what was refused and why. With --json each line\n"
		"is one object. Runs until interrupted, or for --count events.",
};
