/* err - the one error type of the system, listed in err.def. */
#ifndef COMMON_ERR_H
#define COMMON_ERR_H

#define NODISCARD __attribute__((warn_unused_result))

enum err {
#define ERR(name, class, text) ERR_##name,
#include "common/err.def"
};

/* What the frame does about an error: see err.def. */
enum err_class {
	ERR_CLASS_RETRY,
	ERR_CLASS_REJECT,
	ERR_CLASS_RELOAD,
	ERR_CLASS_STOP,
};

/* Identifier for logs and metrics, e.g. "MALFORMED". Static. */
const char *err_name(enum err e);

/* One phrase for a human, lower case, no full stop. Static; never NULL,
 * whatever @e is. */
const char *err_text(enum err e);

/* Who deals with @e. Unknown values are ERR_CLASS_STOP. */
enum err_class err_class(enum err e);

#endif /* COMMON_ERR_H */
