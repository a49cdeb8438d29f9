// SPDX-License-Identifier: GPL-2.0-or-later
#include "transport.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <sys/socket.h>

struct transport {
	struct mnl_socket *socket;
};

/* Batches are big, and so may be the heap of errors that answers one. */
static void set_buffers(int fd)
{
	int send = 1 << 20, receive = 4 << 20;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &send, sizeof(send)))
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send, sizeof(send));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive, sizeof(receive)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof(receive));
}

struct transport *transport_open(void)
{
	struct transport *t = calloc(1, sizeof(*t));
	int on = 1;

	if (!t)
		return NULL;
	t->socket = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!t->socket) {
		free(t);
		return NULL;
	}
	mnl_socket_setsockopt(t->socket, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(t->socket, NETLINK_CAP_ACK, &on, sizeof(on));
	set_buffers(mnl_socket_get_fd(t->socket));
	if (mnl_socket_bind(t->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		int bad = errno;

		transport_close(t);
		errno = bad;
		return NULL;
	}
	return t;
}

void transport_close(struct transport *t)
{
	mnl_socket_close(t->socket);
	free(t);
}

ssize_t transport_send(struct transport *t, const void *data, size_t size)
{
	return mnl_socket_sendto(t->socket, data, size);
}

ssize_t transport_receive(struct transport *t, void *data, size_t size, int wait)
{
	ssize_t n;

	do {
		n = recv(mnl_socket_get_fd(t->socket), data, size, wait ? 0 : MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	return n;
}

int transport_join(struct transport *t, uint32_t group)
{
	return mnl_socket_setsockopt(t->socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group));
}
