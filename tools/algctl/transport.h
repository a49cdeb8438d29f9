/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Datagrams to and from a generic netlink socket. Tests put their own in place. */
#ifndef ALGCTL_TRANSPORT_H
#define ALGCTL_TRANSPORT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct transport;

/* NULL with errno set. */
struct transport *transport_open(void);
void transport_close(struct transport *t);

/* One datagram, maybe of many messages. -1 with errno set. */
ssize_t transport_send(struct transport *t, const void *data, size_t size);

/* The next datagram; EAGAIN when there is none and not to @wait for one. */
ssize_t transport_receive(struct transport *t, void *data, size_t size, int wait);
int transport_join(struct transport *t, uint32_t group);

#endif /* ALGCTL_TRANSPORT_H */
