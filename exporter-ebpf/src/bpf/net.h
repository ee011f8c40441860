/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets: what the kernel knows of one, and the record of connect.
 */
#ifndef SAKER_NET_H
#define SAKER_NET_H

#include "file.h"

static inline_always u16 from_network(u16 port)
{
	return __builtin_bswap16(port);
}

static inline_always void fill_addresses(struct rec_socket *to, struct sock *sk)
{
	to->local_port = peek(sk, __sk_common.skc_num);
	to->remote_port = from_network(peek(sk, __sk_common.skc_dport));
	if (to->family == AF_INET) {
		read_kernel(to->local_addr, 4, &sk->__sk_common.skc_rcv_saddr);
		read_kernel(to->remote_addr, 4, &sk->__sk_common.skc_daddr);
	} else {
		read_kernel(to->local_addr, 16, &sk->__sk_common.skc_v6_rcv_saddr);
		read_kernel(to->remote_addr, 16, &sk->__sk_common.skc_v6_daddr);
	}
}

/* The socket that an open file is; NULL if it is none. */
static inline_always struct sock *sock_of(struct file *file)
{
	struct inode *inode = peek(file, f_inode);
	struct socket *socket;

	if ((peek(inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	socket = peek(file, private_data);
	return peek(socket, sk);
}

/* Leaves `to` as it is, zero, when the file is no socket. */
static inline_always void fill_socket(struct rec_socket *to, struct file *file)
{
	struct inode *inode = peek(file, f_inode);
	struct sock *sk = sock_of(file);
	struct net *net;

	if (!sk)
		return;
	net = peek(sk, __sk_common.skc_net.net);
	to->ino = peek(inode, i_ino);
	to->net_ns = peek(net, ns.inum);
	to->family = peek(sk, __sk_common.skc_family);
	to->sock_type = peek(sk, sk_type);
	to->protocol = peek(sk, sk_protocol);
	to->state = peek(sk, __sk_common.skc_state);
	if (to->family == AF_INET || to->family == AF_INET6)
		fill_addresses(to, sk);
}

/* Appends the address, and sends the record. */
static inline_always void finish_connect(struct buffer *buffer, struct file *file, u64 addr, u32 addr_bytes)
{
	struct rec_connect *connect = (struct rec_connect *)buffer;
	u64 at = sizeof(*connect);

	connect->socket = (struct rec_socket){};
	if (file)
		fill_socket(&connect->socket, file);
	at = append_user(buffer, at, &connect->addr, addr, addr_bytes, SOCKADDR_BYTES_MAX);
	submit(KIND_CONNECT, buffer, at);
}

/* connect(fd, addr, length) */
static inline_always void collect_connect(struct buffer *buffer, const struct call *call)
{
	struct rec_connect *connect = (struct rec_connect *)buffer;

	fill_call_header(&connect->header, &connect->call, KIND_CONNECT, call);
	connect->fd = call->arguments[0];
	finish_connect(buffer, file_of(call->task, connect->fd), call->arguments[1], call->arguments[2]);
}

#endif
