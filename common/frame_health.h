/* frame_health - how a container's engine asks a service whether it is well,
 * without a shell or curl: `matcher healthcheck`. For frame.c. */
#ifndef COMMON_FRAME_HEALTH_H
#define COMMON_FRAME_HEALTH_H

#include "common/frame.h"

/* Whether these arguments are `SERVICE healthcheck ...`. */
bool frame_health_wanted(int argc, char **argv);

/* Ask the admin port that --admin-host and --admin-port name (flag, environment
 * or file, as the service itself is told) for /readyz, or with --live for
 * /livez, and print one line with what it says. An --admin-host of 0.0.0.0 is
 * asked at 127.0.0.1. It waits at most 3 s for a sign.
 * Returns the exit status: 0 if all is well, else 1. */
int frame_health(const struct service *service, int argc, char **argv);

#endif /* COMMON_FRAME_HEALTH_H */
