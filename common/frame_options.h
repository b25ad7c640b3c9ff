/* frame_options - what every service is told: read, checked, and the folder
 * locked that it names. For frame.c; services have frame_folder() and
 * frame_key() of frame.h. */
#ifndef COMMON_FRAME_OPTIONS_H
#define COMMON_FRAME_OPTIONS_H

#include "common/frame.h"

/* Into f->options, f->market and the service's own. What is wrong was said on
 * stderr. After --help and --version it doesn't return.
 * ERR_CONFIG */
NODISCARD enum err frame_options_read(struct frame *f, int argc, char **argv);

/* The frame's options alone, into @out, and those of @more: what else a file
 * names is left alone. As frame_options_read() otherwise. ERR_CONFIG */
NODISCARD enum err frame_options_read_few(struct frame_options *out,
					  const char *name, const char *summary,
					  struct conf_table more, int argc,
					  char **argv);

/* Open the log, and look at the frame's options and the market's. What is wrong
 * was said. ERR_CONFIG */
NODISCARD enum err frame_options_check(struct frame *f);

/* Make the instance's folder if it isn't there, and lock it: one process per
 * instance, and the lock goes when the process does. What is wrong was logged.
 * ERR_CONFIG */
NODISCARD enum err frame_lock_folder(struct frame *f);

#endif /* COMMON_FRAME_OPTIONS_H */
