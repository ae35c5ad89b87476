/* A library before mmc-utils: it gives the MMC ioctls (linux/mmc/ioctl.h) to the test
 * that waits at the socket MMC_SOCKET instead of the kernel. For each command it sends
 * the 72 bytes of struct mmc_ioc_cmd and what is written; it gets the error number, the
 * response and what is read. BLKGETSIZE is a command of index 255. */
#include <errno.h>
#include <linux/fs.h>
#include <linux/mmc/ioctl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int host = -1;

static int all(int out, void *p, size_t n)
{
	char *at = p;
	while (n > 0) {
		ssize_t k = out ? write(host, at, n) : read(host, at, n);
		if (k <= 0)
			return -1;
		at += k;
		n -= k;
	}
	return 0;
}

static int dial(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	if (host >= 0)
		return 0;
	strncpy(a.sun_path, getenv("MMC_SOCKET"), sizeof a.sun_path - 1);
	host = socket(AF_UNIX, SOCK_STREAM, 0);
	return connect(host, (struct sockaddr *)&a, sizeof a);
}

static int command(struct mmc_ioc_cmd *c)
{
	size_t n = (size_t)c->blksz * c->blocks;
	void *data = (void *)(uintptr_t)c->data_ptr;
	int32_t error = EIO;
	if (dial() || all(1, c, sizeof *c) || (c->write_flag && all(1, data, n)) || all(0, &error, sizeof error) ||
	    all(0, c->response, sizeof c->response) || (!c->write_flag && all(0, data, n)))
		error = EIO;
	return error;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list list;
	va_start(list, request);
	void *p = va_arg(list, void *);
	va_end(list);
	int error = ENOTTY;
	if (request == MMC_IOC_CMD) {
		error = command(p);
	} else if (request == MMC_IOC_MULTI_CMD) {
		struct mmc_ioc_multi_cmd *m = p;
		error = 0;
		for (uint64_t i = 0; i < m->num_of_cmds && !error; i++)
			error = command(&m->cmds[i]);
	} else if (request == BLKGETSIZE) {
		struct mmc_ioc_cmd c = {.opcode = 255};
		error = command(&c);
		*(unsigned long *)p = c.response[0];
	}
	errno = error;
	return error ? -1 : 0;
}
