/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Output: JSON documents, aligned columns. */
#ifndef ALGCTL_OUTPUT_H
#define ALGCTL_OUTPUT_H

#include <jansson.h>

#include "algctl.h"

void print_json(struct ctx *ctx, json_t *document);		/* takes the reference */
void print_json_line(struct ctx *ctx, json_t *document);	/* takes the reference, one line, flushed */

/* What somebody else has written, for a terminal: without control characters. The caller frees. */
char *printable(const char *text);

/* Rows of cells; columns as wide as their widest cell. The last column is not padded. */
struct columns {
	struct words cells;
	size_t width;		/* cells in a row */
	struct words below;	/* text of whole lines for below each row, "" for none; may end early */
};

void columns_print(struct ctx *ctx, struct columns *c);	/* and frees */

#endif /* ALGCTL_OUTPUT_H */
