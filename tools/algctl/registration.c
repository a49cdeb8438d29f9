// SPDX-License-Identifier: GPL-2.0-or-later
/* algctl registration: user agents that registrars were told about. */
#include "state.h"

#include <inttypes.h>
#include <stdlib.h>

#define A(what) NF_ALG_A_REGISTRATION_##what

static const struct field registration_fields[] = {
	STATE_FIELDS(registration, NF_ALG_A_REGISTRATION),
	STATE_FIELD("aor", A(AOR), registration, aor, .kind = FIELD_TEXT),
	STATE_FIELD("transport", A(TRANSPORT), registration, transport, .kind = FIELD_WORD, .word = transport_name),
	STATE_ENDPOINT("contact", A(CONTACT_ADDRESS), A(CONTACT_PORT), registration, contact),
	STATE_ENDPOINT("public", A(PUBLIC_ADDRESS), A(PUBLIC_PORT), registration, public),
	STATE_ENDPOINT("registrar", A(REGISTRAR_ADDRESS), 0, registration, registrar),
	STATE_FIELD("age", A(AGE), registration, s.age),
	STATE_FIELD("timeout", A(TIMEOUT), registration, s.timeout),
	{ 0 }
};

#undef A

static char *registration_text(const struct state *s)
{
	const struct registration *r = (const struct registration *)s;
	char *contact = address_endpoint(&r->contact), *public = address_endpoint(&r->public);
	char *text = format_text("%s at %s as %s, %s, for %us", r->aor, contact, public, transport_name(r->transport),
				 s->timeout);

	free(contact);
	free(public);
	return text;
}

const struct state_def registration_def = {
	.name = "registration",
	.plural = "registrations",
	.size = sizeof(struct registration),
	.id_max = UINT32_MAX,
	.own_ids = true,
	.fields = registration_fields,
	.text = registration_text,
};

static void add_row(struct words *cells, const struct state *s, const void *data)
{
	const struct registration *r = (const struct registration *)s;

	(void)data;
	words_addf(cells, "%" PRIu64, s->id);
	words_add(cells, s->tenant);
	words_add(cells, protocol_name(s->protocol));
	words_add(cells, r->aor);
	words_add(cells, transport_name(r->transport));
	add_endpoint(cells, &r->contact);
	add_endpoint(cells, &r->public);
	add_endpoint(cells, &r->registrar);
	words_addf(cells, "%us", s->age);
	words_addf(cells, "%us", s->timeout);
}

static bool registration_show(struct ctx *ctx, const struct command *command, void *object)
{
	static const char *const head[] = {
		"ID", "TENANT", "PROTOCOL", "AOR", "TRANSPORT", "CONTACT", "PUBLIC", "REGISTRAR", "AGE", "LEFT"
	};
	static const struct state_table table = {
		.head = head, .width = sizeof(head) / sizeof(head[0]), .row = add_row
	};

	(void)command;
	return state_show(ctx, STATE_REGISTRATION, object, &table);
}

static bool registration_del(struct ctx *ctx, const struct command *command, void *object)
{
	(void)command;
	return state_del(ctx, STATE_REGISTRATION, object);
}

static const struct param show_params[] = {
	STATE_ID_PARAM(STATE_REGISTRATION, "the registration with that id"),
	QUERY_TENANT_PARAM("of that tenant only"),
	QUERY_PROTOCOL_PARAM("of that protocol only"),
	{ 0 }
};

static const struct param del_params[] = {
	STATE_ID_PARAM(STATE_REGISTRATION, "the registration with that id", .flags = PARAM_REQUIRED),
	QUERY_PROTOCOL_PARAM("of that protocol; needed where several have the id"),
	{ 0 }
};

static const struct command commands[] = {
	{ .name = "show", .help = "list registrations",
	  .params = show_params, .size = sizeof(struct query), .run = registration_show },
	{ .name = "del", .help = "forget a registration and close what was opened for it",
	  .params = del_params, .flags = COMMAND_MAKES, .size = sizeof(struct query), .run = registration_del },
	{ 0 }
};

const struct object_def registration_object = {
	.name = "registration",
	.help = "user agents that registrars were told about",
	.commands = commands,
	.more = "The user agent is at CONTACT, the registrar was told PUBLIC. REGISTRAR is who may send requests to it.",
};
