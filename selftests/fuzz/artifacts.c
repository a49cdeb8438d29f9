// SPDX-License-Identifier: GPL-2.0-or-later
/* Linked into every fuzzer: what it finds is kept beside the program, wherever it is started, unless an argument says otherwise. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char option[] = "-artifact_prefix=";
	static char prefix[4096], *args[1024];
	const char *program = (*argv)[0], *slash = strrchr(program, '/'), *name = slash ? slash + 1 : program;
	int i, len;

	for (i = 1; i < *argc; i++)
		if (!strncmp((*argv)[i], option, sizeof(option) - 1))
			return 0;
	len = snprintf(prefix, sizeof(prefix), "%s%.*sartifacts/", option, (int)(name - program), program);
	if (len < 0 || len + strlen(name) + 2 > sizeof(prefix) || *argc > 1022)
		return 0;
	mkdir(prefix + sizeof(option) - 1, 0777);
	snprintf(prefix + len, sizeof(prefix) - len, "%s-", name);
	memcpy(args, *argv, *argc * sizeof(*args));
	args[(*argc)++] = prefix;
	*argv = args;
	return 0;
}
