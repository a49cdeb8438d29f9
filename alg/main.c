// SPDX-License-Identifier: GPL-2.0-only
/* Module nf_alg: order of start and end. */
#include <linux/module.h>

#include "nf_alg.h"

static int __init nf_alg_init(void)
{
	int err;

	err = nf_alg_session_init();
	if (err)
		return err;
	err = nf_alg_tcp_init();
	if (err)
		goto out_session;
	err = nf_alg_pinhole_init();
	if (err)
		goto out_tcp;
	err = nf_alg_policy_init();
	if (err)
		goto out_pinhole;
	return 0;

out_pinhole:
	nf_alg_pinhole_exit();
out_tcp:
	nf_alg_tcp_exit();
out_session:
	nf_alg_session_exit();
	return err;
}

static void __exit nf_alg_exit(void)
{
	nf_alg_policy_exit();
	nf_alg_pinhole_exit();
	nf_alg_tcp_exit();
	nf_alg_session_exit();
}

module_init(nf_alg_init);
module_exit(nf_alg_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Application layer gateways: policy and common parts");
MODULE_VERSION("0.1.0");
