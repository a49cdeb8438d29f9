/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the freestanding part of the ALGs (alg/proto) asks of its host, and the only place there that knows whether it
 * is built for the kernel or for userspace.
 *
 * Need: fixed-width integers u8 u16 u32 u64 s32, bool, size_t; memcpy memmove memset memcmp; unaligned big-endian
 * access; min/max; snprintf that returns what it wrote (scnprintf); export of functions that other modules call.
 */
#ifndef NF_ALG_PROTO_ENV_H
#define NF_ALG_PROTO_ENV_H

/*
 * Of a local variable: all of it that is read was written before. Kernels that zero every variable (INIT_STACK_ALL_ZERO) need not
 * zero this one; for larger ones that would cost as much as the work.
 */
#ifdef __has_attribute
#if __has_attribute(uninitialized)
#define ALG_UNINIT __attribute__((uninitialized))
#endif
#endif
#ifndef ALG_UNINIT
#define ALG_UNINIT
#endif

#ifdef __KERNEL__

#include <linux/types.h>
#include <linux/string.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/errno.h>
#include <linux/slab.h>
#include <linux/export.h>
#include "../compat/unaligned.h"

#define ALG_EXPORT(name) EXPORT_SYMBOL_GPL(name)

/*
 * Eight bytes, an address: most kernels let the compiler use a register for what is so short. User Mode Linux is built with
 * -fno-builtin, and would call a function each time. alg_copy() calls it: for texts, whose length is not constant.
 */
#ifndef CONFIG_FORTIFY_SOURCE
#undef memcpy
#undef memset
#undef memcmp
#define memcpy(to, from, n)	__builtin_memcpy(to, from, n)
#define memset(to, byte, n)	__builtin_memset(to, byte, n)
#define memcmp(a, b, n)		__builtin_memcmp(a, b, n)
#define alg_copy(to, from, n)	(memcpy)(to, from, n)
#else
#define alg_copy(to, from, n)	memcpy(to, from, n)
#endif

static inline void *alg_env_alloc(size_t size)
{
	return kmalloc(size, GFP_ATOMIC | __GFP_NOWARN);
}

static inline void alg_env_free(void *p)
{
	kfree(p);
}

#else /* userspace: unit tests and fuzzers */

#include <stdint.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdarg.h>
#include <errno.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;

#define ALG_EXPORT(name) _Static_assert(1, #name)

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#endif
#define min_t(t, a, b) ((t)(a) < (t)(b) ? (t)(a) : (t)(b))
#define max_t(t, a, b) ((t)(a) > (t)(b) ? (t)(a) : (t)(b))

static inline u16 get_unaligned_be16(const void *p)
{
	const u8 *b = p;

	return (u16)(b[0] << 8 | b[1]);
}

static inline u32 get_unaligned_be32(const void *p)
{
	const u8 *b = p;

	return (u32)b[0] << 24 | (u32)b[1] << 16 | (u32)b[2] << 8 | b[3];
}

__attribute__((format(printf, 3, 4)))
static inline int scnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	if (n < 0 || !size)
		return 0;
	return (size_t)n < size ? n : (int)size - 1;
}

/* Tests replace these to make allocation fail. */
#ifndef alg_env_alloc
#define alg_env_alloc malloc
#define alg_env_free free
#endif

#endif /* __KERNEL__ */

/*
 * Zeroes @n bytes, a constant and some hundred at most. Without vector registers the compiler would take an instruction that
 * repeats, which costs more to begin than these few stores.
 */
static inline void alg_clear(void *p, size_t n)
{
	u8 *at = p;

	for (; n >= 32; n -= 32, at += 32)
		memset(at, 0, 32);
	memset(at, 0, n);
}

/* Sequence arithmetic modulo 2^32 (RFC 9293, 3.4). */
static inline bool alg_seq_before(u32 a, u32 b)
{
	return (s32)(a - b) < 0;
}

static inline bool alg_seq_after(u32 a, u32 b)
{
	return alg_seq_before(b, a);
}

#endif /* NF_ALG_PROTO_ENV_H */
