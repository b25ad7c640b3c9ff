/* bus - doorbells: what was appended to a log, told at once to who follows it.
 *
 * The fast path, never the only one (docs/architecture.md, R3): frames may be
 * lost, and a reader that finds a gap reads the log. A frame is one ZeroMQ
 * message:
 *
 *	epoch 8 | number 8 | crc32c 4 | type 2 | 0 2 | body
 *
 * big-endian; the checksum is over epoch, number, type and body. Type 0 is a
 * heartbeat: number is the newest of the log, there is no body.
 *
 * A service publishes on its own socket, one for each of its instances; who
 * reads its log connects to all of them. */
#ifndef COMMON_BUS_H
#define COMMON_BUS_H

#include "common/loop.h"
#include "common/store.h"

enum { BUS_HEARTBEAT_MS = 100, BUS_SILENCE_MS = 500 };

struct bus_out;
struct bus_in;

/* Where instance @instance of @service publishes, by the pattern @at, whose %
 * stands for SERVICE.INSTANCE: "ipc:///run/kalypso/%". */
enum { BUS_ENDPOINT_ROOM = 256 };
void bus_endpoint(char out[BUS_ENDPOINT_ROOM], const char *at,
		  const char *service, const char *instance);

/* Bind a publishing socket. ERR_CONFIG: it can't be; why has been logged. */
NODISCARD enum err bus_out_open(struct bus_out **out, const char *endpoint);
void bus_out_close(struct bus_out **out);

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

/* Connect to @service's instances, a comma-separated list. */
NODISCARD enum err bus_in_open(struct bus_in **out, struct loop *loop,
			       const char *at, const char *service,
			       const char *instances, bus_fn *fn,
			       bus_drained_fn *drained, void *arg);
void bus_in_close(struct bus_in **in);

#endif /* COMMON_BUS_H */
