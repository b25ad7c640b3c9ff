/* common/admin.h without a port: nobody asks a simulated process how it is. */
#include "common/admin.h"

#include <stddef.h>

enum err admin_open(struct admin **out, const char *host, uint16_t port)
{
	(void)host;
	(void)port;
	*out = NULL;
	return ERR_NONE;
}

void admin_close(struct admin **admin)
{
	(void)admin;
}

uint16_t admin_port(const struct admin *admin)
{
	(void)admin;
	return 0;
}

void admin_beat(struct admin *admin)
{
	(void)admin;
}

void admin_set_ready(struct admin *admin, bool ready, const char *why)
{
	(void)admin;
	(void)ready;
	(void)why;
}

void admin_set_standby(struct admin *admin, const char *why)
{
	(void)admin;
	(void)why;
}
