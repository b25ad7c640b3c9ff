/* Who owns it, and who else may open it. */
#include "common/private_file.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_BYTES = 64 * 1024 };

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

static char *read_text(FILE *f, const char *path, char *why, size_t why_room)
{
	char *text = calloc(1, MAX_BYTES + 2);
	size_t size = text ? fread(text, 1, MAX_BYTES + 1, f) : 0;
	int number = text && !ferror(f) ? 0 : errno;

	if (size > MAX_BYTES)
		number = EFBIG; /* half of it is another secret */
	while (size && isspace((unsigned char)text[size - 1]))
		text[--size] = 0;
	if (!number && size)
		return text;
	snprintf(why, why_room, "can't read %s: %s", path,
		 number ? strerror(number) : "it is empty");
	free(text);
	return NULL;
}

char *private_file_read(const char *path, char *why, size_t why_room)
{
	FILE *f = fopen(path, "r");
	char *text = NULL;

	if (!f)
		snprintf(why, why_room, "can't read %s: %s", path,
			 strerror(errno));
	else if (!private_file_check(fileno(f), path, why, why_room))
		text = read_text(f, path, why, why_room);
	if (f)
		fclose(f);
	return text;
}
