/* terminal - what needs a person in front of it: questions, passwords, a line
 * that tells how far we are. All on stderr; stdout is for the answer. */
#ifndef SERVICES_KALYPSO_TERMINAL_H
#define SERVICES_KALYPSO_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

/* Whether somebody can be asked. */
bool cli_can_ask(void);

/* Ask @question, "[y/N]" behind it. False for everything but yes. */
bool cli_ask_yes(const char *question);

/* Ask for a password without showing it, at most @room - 1 bytes. The caller
 * wipes @out. False: it can't be read, or was interrupted. */
bool cli_ask_password(char *out, size_t room, const char *question);

/* Show a line that the next one replaces; nothing if stderr is no terminal. */
void cli_progress(const char *format, ...)
	__attribute__((format(printf, 1, 2)));
void cli_progress_clear(void);

#endif /* SERVICES_KALYPSO_TERMINAL_H */
