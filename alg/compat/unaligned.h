/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_ALG_COMPAT_UNALIGNED_H
#define NF_ALG_COMPAT_UNALIGNED_H

#ifdef NF_ALG_HAVE_LINUX_UNALIGNED
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

#endif /* NF_ALG_COMPAT_UNALIGNED_H */
