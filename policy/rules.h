/* SPDX-License-Identifier: GPL-2.0-only */
/* What services and packets ask of policies. */
#ifndef NF_ALG_RULES_H
#define NF_ALG_RULES_H

#include "config.h"

/* One of the policies that refer to @service; it has users. Under lock. */
const struct nf_alg_policy *nf_alg_policy_user(struct nf_alg_conf *conf, const struct nf_alg_service *service);

/*
 * If @service were as @def says: a service of another protocol whose ports it would share in some policy, or NULL.
 * Under lock.
 */
const struct nf_alg_service *nf_alg_policy_overlap(struct nf_alg_conf *conf, const struct nf_alg_service *service,
						   const struct nf_alg_service_def *def);

void nf_alg_rules_init(void);

#endif /* NF_ALG_RULES_H */
