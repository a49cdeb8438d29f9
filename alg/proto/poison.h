/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Included last by parsers: what needs a terminating NUL, searches again from the start, or allocates, has no place
 * behind this line.
 */
#undef strlen
#undef strnlen
#undef strcpy
#undef strchr
#undef strstr
#undef sscanf
#undef kmalloc
#undef kzalloc
#pragma GCC poison strlen strnlen strcpy strchr strstr sscanf kmalloc kzalloc
