/* relay - records handed on to another thread, in their order, many at a time,
 * so that two cores work on two processors. */
#ifndef SERVICES_KALYPSO_RELAY_H
#define SERVICES_KALYPSO_RELAY_H

#include <stdbool.h>

#include "common/buf.h"

struct relay;

struct relay_record {
	uint64_t chain_number, block; /* where in the chain log it comes from */
	uint16_t kind, type;	      /* whose kinds they are, the user knows */
	struct bytes body;
};

typedef enum err relay_fn(void *arg, const struct relay_record *record);

/* Call @fn for each record that is put, in a thread of its own, or at once if
 * @apart is false (or there can't be a thread). After its first error it is
 * called no more. ERR_NO_MEMORY */
NODISCARD enum err relay_new(struct relay **out, relay_fn *fn, void *arg,
			     bool apart);

/* The body is copied. What fn() has returned by now, of this record or one
 * before; ERR_NO_MEMORY. */
NODISCARD enum err relay_put(struct relay *r,
			     const struct relay_record *record);

/* Wait until everything has been dealt with; what fn() returned. */
NODISCARD enum err relay_wait(struct relay *r);

void relay_free(struct relay **r);

#endif /* SERVICES_KALYPSO_RELAY_H */
