// SPDX-License-Identifier: GPL-2.0-or-later
#include "algctl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const directories[] = { "/run/netns", "/var/run/netns" };

static int netns_open(const char *name)
{
	int fd = -1;

	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]) && fd < 0; i++) {
		char *path = format_text("%s/%s", directories[i], name);

		fd = open(path, O_RDONLY | O_CLOEXEC);
		free(path);
	}
	return fd;
}

void netns_list(struct words *out)
{
	DIR *d = opendir(directories[0]);
	struct dirent *e;

	if (!d)
		d = opendir(directories[1]);
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			words_add(out, e->d_name);
	if (d)
		closedir(d);
	words_sort(out);
}

bool netns_enter(struct ctx *ctx, const char *name)
{
	struct words known = { 0 };
	int fd, bad;

	if (!*name || strchr(name, '/'))
		return fail(ctx, ALGCTL_USAGE, NOWHERE, "'%s' is no name of a network namespace", name);
	fd = netns_open(name);
	if (fd < 0) {
		bad = errno;
		if (bad != ENOENT)
			return fail_errno(ctx, bad, NOWHERE, "network namespace '%s': %s", name, strerror(bad));
		netns_list(&known);
		fail(ctx, ALGCTL_USAGE, NOWHERE, "there is no network namespace '%s'", name);
		error_expected(ctx, name, &known);
		words_free(&known);
		return false;
	}
	bad = setns(fd, CLONE_NEWNET) ? errno : 0;
	close(fd);
	if (!bad)
		return true;
	fail_errno(ctx, bad, NOWHERE, "network namespace '%s': %s", name, strerror(bad));
	if (bad == EPERM)
		error_hint(ctx, "entering a namespace needs root: use sudo");
	return false;
}
