/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the program has done by an io_uring: each request well and badly. Opcodes are those of include/uapi/linux/io_uring.h.
 */
/* A ring with room for one request at a time. */
struct ring {
	long fd;
	u32 setup[30], *queues;
	struct request {
		u8 opcode, flags;
		u16 priority;
		int fd;
		u64 offset, address;
		u32 bytes, more;
		u64 name;
		u16 buffer, personality;
		int fd_in;
		u64 rest[2];
	} *request;
};

enum { DRAIN = 2, SKIP_SUCCESS = 64 };

/* Has it done, and gives its result; 0 for one that asks for none. */
static int by(struct ring *ring, struct request request)
{
	/* Where the ring has its parts: sq_off and cq_off, after ten numbers of settings. */
	u32 *setup = ring->setup, *tail = &ring->queues[setup[11] / 4], *done = &ring->queues[setup[20] / 4];
	struct {
		u64 name;
		int result;
		u32 flags;
	} *end = (void *)((u8 *)ring->queues + setup[25]);
	u32 wait = !(request.flags & SKIP_SUCCESS), at = *done & ring->queues[setup[22] / 4];

	*ring->request = request;
	ring->queues[setup[16] / 4] = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	CALL(io_uring_enter, ring->fd, 1, wait, wait, 0, 0);
	if (!wait)
		return 0;
	__atomic_store_n(done, *done + 1, __ATOMIC_RELEASE);
	return end[at].result;
}

#define BY(...) by(ring, (struct request){ __VA_ARGS__ })

static void names_by_ring(struct ring *ring)
{
	u64 how[3] = { 0101, 0600, 8 };

	CALL(close, BY(18, .fd = AT_FDCWD, .address = P("by the ring"), .bytes = 0600, .more = 0101));
	BY(18, .fd = AT_FDCWD, .address = NO_PLACE, .more = 0);
	BY(19, .fd = BY(28, .fd = AT_FDCWD, .address = P("by the ring too"), .offset = P(how), .bytes = 24));
	BY(28, .fd = AT_FDCWD, .address = P("/by the ring"), .offset = P(how), .bytes = 24);
	BY(19, .fd = NO_FD);
	BY(37, .fd = AT_FDCWD, .address = P("ring"), .bytes = 0750);
	BY(37, .fd = AT_FDCWD, .address = P("ring"), .bytes = 0750);
	BY(35, .fd = AT_FDCWD, .address = P("by the ring too"), .bytes = (u32)AT_FDCWD, .offset = P("ring/moved"));
	BY(35, .fd = AT_FDCWD, .address = NO_PLACE, .bytes = (u32)AT_FDCWD, .offset = P("ring/moved"), .more = 1);
	BY(38, .fd = AT_FDCWD, .address = P("the target"), .offset = P("ring/soft"));
	BY(38, .fd = AT_FDCWD, .address = P("the target"), .offset = P("ring/soft"));
	BY(39, .fd = AT_FDCWD, .address = P("ring/moved"), .bytes = (u32)AT_FDCWD, .offset = P("ring/hard"));
	BY(39, .fd = AT_FDCWD, .address = NO_PLACE, .bytes = (u32)AT_FDCWD, .offset = P("ring/hard"), .more = 0x400);
	BY(36, .fd = AT_FDCWD, .address = P("by the ring"));
	BY(36, .fd = AT_FDCWD, .address = NO_PLACE, .more = 0x200);
	/* Nobody is to hear of this one's success. */
	BY(36, .fd = AT_FDCWD, .address = P("ring/hard"), .flags = SKIP_SUCCESS);
	BY(36, .fd = AT_FDCWD, .address = P("ring/hard"), .flags = DRAIN);
}

static void sockets_by_ring(struct ring *ring)
{
	struct sockaddr_in here = localhost(7790), there = localhost(7791), other = {};
	struct iovec piece = { "a message", 9 };
	struct msghdr message = { 0, 0, &piece, 1, 0, 0, 0 };
	int server = BY(45, .fd = 2, .offset = 1, .bytes = 6), client, taken;

	BY(45, .fd = 2, .offset = 99);
	BY(56, .fd = server, .address = P(&here), .offset = 16);
	BY(56, .fd = NO_FD, .address = P(&here), .offset = 16);
	BY(57, .fd = server, .bytes = 5);
	BY(57, .fd = NO_FD, .bytes = 5);
	client = CALL(socket, 2, 1, 0);
	CALL(bind, client, P(&there), 16);
	BY(16, .fd = client, .address = P(&here), .offset = 16);
	BY(16, .fd = client, .address = P(&here), .offset = 16);
	sixteen = 16;
	taken = BY(13, .fd = server, .address = P(&other), .offset = P(&sixteen), .more = 02000000);
	BY(13, .fd = NO_FD);
	BY(26, .fd = client, .address = P("sent"), .bytes = 4);
	BY(26, .fd = NO_FD, .address = P("sent"), .bytes = 4);
	BY(27, .fd = taken, .address = P(room), .bytes = 64);
	BY(27, .fd = taken, .address = P(room), .bytes = 64, .more = 0x40);
	BY(9, .fd = client, .address = P(&message), .bytes = 1);
	BY(9, .fd = NO_FD, .address = P(&message), .bytes = 1);
	piece.base = room;
	BY(10, .fd = taken, .address = P(&message), .bytes = 1);
	BY(10, .fd = taken, .address = P(&message), .bytes = 1, .more = 0x40);
	CALL(close, taken);
	CALL(close, client);
	CALL(close, server);
}

static void content_by_ring(struct ring *ring)
{
	struct iovec pieces[2] = { { "in ", 3 }, { "pieces", 6 } };
	int fd = CALL(openat, AT_FDCWD, P("ring/content"), 0102, 0600), ends[2];

	BY(23, .fd = fd, .address = P("content"), .bytes = 7);
	BY(23, .fd = NO_FD, .address = P("content"), .bytes = 7);
	BY(2, .fd = fd, .address = P(pieces), .bytes = 2, .offset = 7);
	BY(2, .fd = NO_FD, .address = P(pieces), .bytes = 2);
	BY(22, .fd = fd, .address = P(room), .bytes = 64);
	BY(22, .fd = NO_FD, .address = P(room), .bytes = 64);
	pieces[0].base = room;
	pieces[1].base = room + 64;
	BY(1, .fd = fd, .address = P(pieces), .bytes = 2, .offset = 7);
	BY(1, .fd = NO_FD, .address = P(pieces), .bytes = 2);
	BY(62, .address = P(ends));
	BY(62, .address = P(ends), .more = 1);
	BY(30, .fd = ends[1], .offset = (u64)-1, .address = 0, .fd_in = fd, .bytes = 4);
	BY(30, .fd = ends[1], .offset = (u64)-1, .address = 0, .fd_in = NO_FD, .bytes = 4);
	CALL(close, ends[0]);
	CALL(close, ends[1]);
	CALL(close, fd);
}

/* The kernel does it, and no system call for it is made. */
static void by_ring(void)
{
	struct ring ring = {};

	ring.fd = CALL(io_uring_setup, 1, P(ring.setup));
	if (ring.fd < 0)
		return;
	ring.queues = (u32 *)map_of(ring.fd, 0);
	ring.request = (void *)map_of(ring.fd, 0x10000000);
	names_by_ring(&ring);
	sockets_by_ring(&ring);
	content_by_ring(&ring);
	CALL(close, ring.fd);
}

