// SPDX-License-Identifier: GPL-2.0-or-later
#include "caller.h"

#include <grp.h>
#include <stdlib.h>
#include <unistd.h>

#include "algctl.h"

static gid_t *own_groups;
static int nown_groups;

/* Only root's environment is believed: sudo has set it. */
struct caller caller_get(void)
{
	const char *uid = getuid() ? NULL : getenv("SUDO_UID"), *gid = uid ? getenv("SUDO_GID") : NULL;
	const char *name = uid ? getenv("SUDO_USER") : NULL;
	struct caller c = { .uid = getuid(), .gid = getgid() };

	if (uid) {
		c.uid = (uid_t)strtoul(uid, NULL, 10);
		c.gid = gid ? (gid_t)strtoul(gid, NULL, 10) : c.gid;
		c.name = name && *name ? name : NULL;
		c.other = c.uid;
	}
	return c;
}

static bool set_groups(const struct caller *c)
{
	return c->name ? !initgroups(c->name, c->gid) : !setgroups(1, &c->gid);
}

bool caller_enter(void)
{
	struct caller c = caller_get();

	if (!c.other)
		return true;
	nown_groups = getgroups(0, NULL);
	own_groups = zalloc((size_t)(nown_groups + 1) * sizeof(*own_groups));
	nown_groups = getgroups(nown_groups, own_groups);
	if (nown_groups >= 0 && set_groups(&c) && !setegid(c.gid) && !seteuid(c.uid))
		return true;
	caller_leave();
	return false;
}

/* Without root's rights it would do the rest of its work with the wrong ones. */
void caller_leave(void)
{
	struct caller c = caller_get();

	if (!c.other)
		return;
	if (seteuid(getuid()) || setegid(getgid()) || setgroups((size_t)nown_groups, own_groups))
		abort();
	free(own_groups);
	own_groups = NULL;
}

bool caller_become(void)
{
	struct caller c = caller_get();

	return !c.other || (set_groups(&c) && !setgid(c.gid) && !setuid(c.uid));
}
