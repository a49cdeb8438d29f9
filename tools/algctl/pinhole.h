/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing pinholes; also for events. */
#ifndef ALGCTL_PINHOLE_H
#define ALGCTL_PINHOLE_H

#include <jansson.h>

#include "backend.h"

json_t *pinhole_json(const struct pinhole *p);
char *address_endpoint(const struct address *a);		/* caller frees */
const char *transport_name(uint8_t transport);

#endif /* ALGCTL_PINHOLE_H */
