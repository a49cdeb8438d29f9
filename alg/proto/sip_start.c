// SPDX-License-Identifier: GPL-2.0-only
/* Where a SIP message starts in a stream that is not in step: SIP has no other mark than its start line. */
#include "sip.h"
#include "sip_scan.h"
#include "poison.h"

#define METHOD_MAX	32	/* longest method that a message is found by */

static bool ends_in(const u8 *line, u32 len, const char *text, u32 n)
{
	return len >= n && !memcmp(line + len - n, text, n);
}

/* Could a message start here? Of a line that has not all come the first word counts. */
static bool starts(const u8 *p, u32 len)
{
	static const char version[] = "SIP/2.0 ";
	u32 i = 0, end;

	if (!memcmp(p, version, min_t(u32, len, sizeof(version) - 1)))
		return true;
	while (i < len && i < METHOD_MAX && p[i] >= 'A' && p[i] <= 'Z')
		i++;
	if (!i || i == METHOD_MAX)
		return false;
	if (i == len)
		return true;
	if (p[i] != ' ')
		return false;
	end = alg_find_byte(p, i, len, '\n');
	return end == len || ends_in(p, end, " SIP/2.0\r", 9) || ends_in(p, end, " SIP/2.0", 8);
}

u32 alg_sip_find_start(const u8 *data, u32 len)
{
	u32 at = 0;

	while (at < len && !starts(data + at, len - at)) {
		at = alg_find_byte(data, at, len, '\n');
		at += at < len;
	}
	return at;
}
