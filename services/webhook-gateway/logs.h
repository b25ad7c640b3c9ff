/* logs - the pipeline's logs by their place in links.def. */
#ifndef SERVICES_WEBHOOK_GATEWAY_LOGS_H
#define SERVICES_WEBHOOK_GATEWAY_LOGS_H

enum logs {
	LOGS_CHAIN,
	LOGS_BOOK,
	LOGS_MATCH,
	LOGS_TASK,
	LOGS_SLASH,
	LOGS_COUNT,
};

/* "chain" and so on, as in links.def. Static. */
const char *logs_name(enum logs log);

/* LOGS_COUNT if there is no log @name. */
enum logs logs_find(const char *name);

#endif /* SERVICES_WEBHOOK_GATEWAY_LOGS_H */
