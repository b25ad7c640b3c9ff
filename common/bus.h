/* bus - doorbells: what was appended to a log, told at once to who follows it.
 *
 * The fast path, never the only one (docs/architecture.md, R3): frames may be
 * lost, and a reader that finds a gap reads the log. A frame is one ZeroMQ
 * message:
 *
 *	epoch 8 | number 8 | crc32c 4 | type 2 | protocol 2 | body
 *
 * big-endian; the checksum is over all but itself. Type 0 is a
 * heartbeat: its number is the newest of the log, and there is no body. A frame
 * of a newer protocol (protocol.h) is taken as one: who reads the log then
 * learns of it there.
 *
 * A service publishes on its own socket, one for each of its instances; who
 * reads its log connects to all of them. Between machines these are TCP
 * connections under CURVE: encrypted, and only those who know each other's keys
 * get one (bus_keys.h). Who isn't let in is told nothing and may try again. */
#ifndef COMMON_BUS_H
#define COMMON_BUS_H

#include "common/bus_keys.h"
#include "common/loop.h"
#include "common/store.h"

enum { BUS_HEARTBEAT_MS = 100, BUS_SILENCE_MS = 500 };

struct bus_out;
struct bus_in;

/* Where the bus is and what protects it. Texts and keys are borrowed by
 * everything that is opened with it.
 *
 * An address is a pattern, as ipc:///run/kalypso/% or
 * tcp://%s-%i.internal:7000: % stands for SERVICE.INSTANCE, %s and %i for
 * either alone. @at may also be a comma-separated list of them, where
 * SERVICE=ADDRESS is about one service, SERVICE.INSTANCE=ADDRESS about one
 * copy, and one without = about all others. */
struct bus_config {
	const char *at;	       /* where a service is reached */
	const char *bind;      /* where we publish; NULL or "": as @at says */
	const char *instances; /* comma-separated, of each service */
	struct bus_keys *keys; /* for tcp://; NULL: it is not protected */
	bool open; /* without keys it may go beyond this machine, too */
};

/* Where @service.@instance is reached; "" if @at doesn't say. */
enum { BUS_ENDPOINT_ROOM = 256 };
void bus_endpoint(char out[BUS_ENDPOINT_ROOM], const char *at,
		  const char *service, const char *instance);

/* Whether @instance of @service can publish and listen like this.
 * ERR_CONFIG	an address isn't one, is missing, or leads beyond this machine
 *		without protection; what to do has been logged */
NODISCARD enum err bus_check(const struct bus_config *config,
			     const char *service, const char *instance);

/* Bind the publishing socket of @instance of @service. ERR_CONFIG: it can't be;
 * why has been logged. */
NODISCARD enum err bus_out_open(struct bus_out **out,
				const struct bus_config *config,
				const char *service, const char *instance);
void bus_out_close(struct bus_out **out);

/* Ask from @loop on who wants to connect; NULL: nobody gets in until another
 * call. A loop must be taken away before it is freed. */
void bus_out_watch(struct bus_out *out, struct loop *loop);

/* The keys are others: close every connection and bind again. Also to be called
 * while it says false: the address isn't free yet. */
bool bus_out_renew(struct bus_out *out);

/* Tell that @entry is in the log. Never blocks; may be lost. @more: another one
 * follows at once; readers are woken by the last, and get all together. */
void bus_ring(struct bus_out *out, uint64_t epoch, const struct entry *entry,
	      bool more);

/* Tell that the log ends at @newest. */
void bus_beat(struct bus_out *out, uint64_t epoch, uint64_t newest);

/* Called for each good frame; entry->type is 0 for a heartbeat. */
typedef void bus_fn(void *arg, uint64_t epoch, const struct entry *entry);

/* Called when every frame that had arrived was handed over. */
typedef void bus_drained_fn(void *arg);

/* Connect to @service's instances. */
NODISCARD enum err bus_in_open(struct bus_in **out, struct loop *loop,
			       const struct bus_config *config,
			       const char *service, bus_fn *fn,
			       bus_drained_fn *drained, void *arg);
void bus_in_close(struct bus_in **in);

/* The keys are others: connect again. ERR_NO_MEMORY: as it was. */
NODISCARD enum err bus_in_renew(struct bus_in *in);

#endif /* COMMON_BUS_H */
