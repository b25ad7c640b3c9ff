/* The tables behind err.h, made from err.def. */
#include "common/err.h"

#include <stddef.h>

static const struct {
	const char *name, *text;
	enum err_class class;
} rows[] = {
#define ERR(n, c, t) [ERR_##n] = {#n, t, ERR_CLASS_##c},
#include "common/err.def"
};

static int known(enum err e)
{
	return (unsigned)e < sizeof rows / sizeof rows[0];
}

const char *err_name(enum err e)
{
	return known(e) ? rows[e].name : "UNKNOWN";
}

const char *err_text(enum err e)
{
	return known(e) ? rows[e].text : "unknown error";
}

enum err_class err_class(enum err e)
{
	return known(e) ? rows[e].class : ERR_CLASS_STOP;
}
