/* Who owns it, and who else may open it. */
#include "common/private_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum err private_file_check(int fd, const char *path, char *why,
			    size_t why_room)
{
	struct stat st;
	mode_t open_to;

	if (fstat(fd, &st)) {
		snprintf(why, why_room, "%s: %s", path, strerror(errno));
		return ERR_CONFIG;
	}
	if (!S_ISREG(st.st_mode))
		return ERR_NONE; /* a pipe is whose it was given to */
	open_to = st.st_uid == 0 ? S_IRWXO | S_IWGRP | S_IXGRP
				 : S_IRWXO | S_IRWXG;
	if (!(st.st_mode & open_to))
		return ERR_NONE;
	snprintf(why, why_room,
		 "%s: others may read or write it (mode %04o): chmod 600 %s",
		 path, st.st_mode & 07777, path);
	return ERR_CONFIG;
}
