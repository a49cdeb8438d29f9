/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Expectations of conntrack, to be joined with pinholes. */
#ifndef ALGCTL_EXPECT_H
#define ALGCTL_EXPECT_H

#include "backend.h"

/**
 * struct expectation - what ctnetlink adds to a pinhole
 * @to:		where the announced connection must go; with @transport, @zone and @master the key of the join
 * @master:	source of the control connection
 */
struct expectation {
	struct address to, master;
	uint8_t transport;
	uint16_t zone;
	uint32_t timeout, flags, class;
	char helper[32];
};

struct expectation_list {
	struct expectation *v;
	size_t n, room;
	int error;		/* errno when ctnetlink could not be asked */
};

void expectations_read(struct expectation_list *list);
const struct expectation *expectation_of(const struct expectation_list *list, const struct pinhole *p);
void expectation_flags(const struct expectation *e, struct words *out);

#endif /* ALGCTL_EXPECT_H */
