/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One TCP direction between two lossy networks: see stream_sim.h for what must hold. */
#include "stream_sim.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	sim_run(data, size);
	return 0;
}
