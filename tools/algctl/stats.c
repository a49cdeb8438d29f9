// SPDX-License-Identifier: GPL-2.0-or-later
/* algctl stats: what was counted, per tenant and protocol. */
#include "object.h"
#include "query.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int stats_order(const void *a, const void *b)
{
	const struct stats *x = a, *y = b;
	int order = strcmp(x->tenant, y->tenant);

	return order ? order : (int)x->protocol - (int)y->protocol;
}

static json_t *stats_json(const struct stats_list *list, bool explain)
{
	json_t *all = json_array(), *top = json_object();

	for (size_t i = 0; i < list->n; i++) {
		json_t *one = json_object(), *counters = json_object();

		for (uint32_t r = 0; r < REASONS; r++)
			if (list->v[i].count[r])
				json_object_set_new(counters, reasons[r].name,
						    json_integer((json_int_t)list->v[i].count[r]));
		json_object_set_new(one, "tenant", json_string(list->v[i].tenant));
		json_object_set_new(one, "protocol", json_string(protocol_name(list->v[i].protocol)));
		json_object_set_new(one, "counters", counters);
		json_array_append_new(all, one);
	}
	json_object_set_new(top, "stats", all);
	if (explain) {
		json_t *sentences = json_object();

		for (uint32_t r = 0; r < REASONS; r++)
			json_object_set_new(sentences, reasons[r].name, json_string(reasons[r].sentence));
		json_object_set_new(top, "explain", sentences);
	}
	return top;
}

static void print_stats(struct ctx *ctx, const struct stats_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		struct columns c = { .width = ctx->explain ? 3 : 2 };

		fprintf(ctx->out, "%stenant %s, %s\n", i ? "\n" : "", list->v[i].tenant,
			protocol_name(list->v[i].protocol));
		for (uint32_t r = 0; r < REASONS; r++) {
			if (!list->v[i].count[r])
				continue;
			words_addf(&c.cells, "  %-18s", reasons[r].name);
			words_addf(&c.cells, ctx->explain ? "%10" PRIu64 : "%12" PRIu64, list->v[i].count[r]);
			if (ctx->explain)
				words_add(&c.cells, reasons[r].sentence);
		}
		columns_print(ctx, &c);
	}
	if (!list->n)
		fputs("nothing was counted\n", ctx->out);
}

static bool stats_show(struct ctx *ctx, const struct command *command, void *object)
{
	struct stats_list list = { 0 };
	bool good = kernel_state_backend(ctx, false) && ctx->backend->ops->stats(ctx, object, &list);

	(void)command;
	if (list.n)
		qsort(list.v, list.n, sizeof(*list.v), stats_order);
	if (good && ctx->json)
		print_json(ctx, stats_json(&list, ctx->explain));
	else if (good)
		print_stats(ctx, &list);
	free(list.v);
	return good;
}

static bool stats_reset(struct ctx *ctx, const struct command *command, void *object)
{
	(void)command;
	return done(ctx, kernel_state_backend(ctx, true) && ctx->backend->ops->stats_reset(ctx, object));
}

static const struct command commands[] = {
	{ .name = "show", .help = "print counters that are not zero",
	  .params = query_params, .options = OPTION_EXPLAIN, .size = sizeof(struct query), .run = stats_show },
	{ .name = "reset", .help = "set counters to zero",
	  .params = query_params, .size = sizeof(struct query), .run = stats_reset },
	{ 0 }
};

const struct object_def stats_object = {
	.name = "stats",
	.help = "what was counted, per tenant and protocol",
	.commands = commands,
	.more = "With --explain each counter comes with a sentence that says what it means.",
};
