/* A file that is written and removed: nothing else tells of every reason. */
#include "common/frame_room.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

enum { ROOM_BYTES = 1 << 20 };

/* 0, or errno. */
static int try_to_write(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int failed = fd < 0 ? errno : posix_fallocate(fd, 0, ROOM_BYTES);

	if (fd >= 0) {
		close(fd);
		unlink(path);
	}
	return failed;
}

static const char *what_to_do(int failed)
{
	switch (failed) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return "make room there: 1 MiB at least, and more for what "
		       "is to come";
	case EROFS:
		return "mount it so that it can be written; if that happened "
		       "by itself, its disk is failing: see dmesg";
	}
	return "this service's user has to be able to write there";
}

enum err frame_room(struct frame *f)
{
	char folder[FRAME_PATH_ROOM], path[FRAME_PATH_ROOM + 8];
	int failed;

	if (!f->service->keeps)
		return ERR_NONE;
	snprintf(path, sizeof path, "%s/room", frame_folder(f, folder));
	failed = try_to_write(path);
	if (failed && failed != f->unwritable)
		log_error("state.unwritable",
			  "path=%s text=\"%s: %s. Nothing is lost: it goes on "
			  "by itself then\"",
			  folder, strerror(failed), what_to_do(failed));
	if (!failed && f->unwritable)
		log_info("state.writable", "path=%s", folder);
	f->unwritable = failed;
	return failed ? ERR_NO_ROOM : ERR_NONE;
}
