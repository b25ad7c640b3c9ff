/* Names of the logs, from links.def. */
#include "services/webhook-gateway/logs.h"

#include <string.h>

static const char *const names[] = {
#define LINK(name, number, writer, meaning) [(number)-1] = #name,
#include "protocol/messages/links.def"
};
_Static_assert(sizeof names / sizeof names[0] == LOGS_COUNT,
	       "every log of links.def has its place here");

const char *logs_name(enum logs log)
{
	return names[log];
}

enum logs logs_find(const char *name)
{
	enum logs log = LOGS_CHAIN;

	while (log < LOGS_COUNT && strcmp(names[log], name) != 0)
		log++;
	return log;
}
