// SPDX-License-Identifier: GPL-2.0-or-later
/* algctl template: a policy with limits, which tenants are made from. */
#include "object.h"

#include <stdlib.h>

#include "commands.h"
#include "config.h"

static void *make(void)
{
	return object_new(KIND_TEMPLATE);
}

static void add_row(struct words *cells, const struct object *o)
{
	static const char *const shown[] = { "policy", "max-sessions", "max-pinholes", "pinhole-rate", "ports", "block" };
	struct view view = { 0 };

	object_view(o, NULL, &view);
	words_addf(cells, "%s@%u", o->name, o->version);
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		const struct item like = { .path = { shown[i] } }, *item = view_find(&view, &like);

		words_add(cells, item && item->values.n ? item->values.v[0] : "-");
	}
	view_free(&view);
}

static bool template_show(struct ctx *ctx, const struct command *command, void *object)
{
	static const char *const head[] = { "TEMPLATE", "POLICY", "SESSIONS", "PINHOLES", "RATE", "PORTS", "BLOCK" };
	static const struct object_table table = { KIND_TEMPLATE, head, sizeof(head) / sizeof(head[0]), add_row, NULL };

	(void)command;
	return object_show(ctx, &table, object);
}

static const struct command commands[] = {
	{ .name = "show", .help = "list templates",
	  .params = name_or_all_params, .make = make, .run = template_show },
	{ .name = "add", .help = "make a template",
	  .params = template_params, .flags = COMMAND_MAKES, .options = OPTION_DRY_RUN, .make = make, .run = object_add },
	{ .name = "set", .help = "change a template; what is not named stays",
	  .params = template_params, .flags = COMMAND_CHANGES, .options = OPTION_DRY_RUN, .make = make,
	  .run = object_set },
	{ .name = "del", .help = "delete a template",
	  .params = name_params, .options = OPTION_DRY_RUN, .make = make, .run = object_del },
	STORE_COMMANDS,
	{ 0 }
};

const struct object_def template_object = {
	.name = "template",
	.help = "a policy with limits, which tenants are made from; needs a store",
	.commands = commands,
	.more = "A change makes a new version; its tenants get it by 'algctl template propagate NAME'.",
};
