/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who has called: with sudo(8) not root, but the one behind it. What he names (files, an editor) is opened and run with his
 * rights, for a role lets him change the configuration, not the box.
 */
#ifndef ALGCTL_CALLER_H
#define ALGCTL_CALLER_H

#include <stdbool.h>
#include <sys/types.h>

/**
 * struct caller - who it is
 * @name:	NULL when the environment does not tell
 * @other:	root works for somebody else
 */
struct caller {
	uid_t uid;
	gid_t gid;
	const char *name;
	bool other;
};

struct caller caller_get(void);

/* Takes the caller's rights, and gives them back; false: errno. They don't nest. */
bool caller_enter(void);
void caller_leave(void);

bool caller_become(void);	/* for good, in a child */

#endif /* ALGCTL_CALLER_H */
