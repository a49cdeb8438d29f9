/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A table of SPIs for tests of alg/proto/esp_bind: looks at all there are. */
#ifndef SELFTESTS_ESP_FIND_H
#define SELFTESTS_ESP_FIND_H

#include "alg/proto/esp_bind.h"

static inline struct alg_esp_sa *esp_find(struct alg_esp_group *g, enum alg_esp_dir dir, u32 spi)
{
	for (struct alg_link *p = g->pairs.next; p != &g->pairs; p = p->next) {
		struct alg_esp_pair *pair = alg_esp_entry(p, struct alg_esp_pair, list);

		for (struct alg_link *l = pair->sas.next; l != &pair->sas; l = l->next) {
			struct alg_esp_sa *sa = alg_esp_entry(l, struct alg_esp_sa, list);

			if (sa->dir == dir && sa->spi == spi)
				return sa;
		}
	}
	return NULL;
}

#endif /* SELFTESTS_ESP_FIND_H */
