/* heads - a node's newest blocks, told by it over a websocket.
 *
 * A thread of its own holds the connection (eth_subscribe newHeads), opens it
 * again when it is lost, and hands each header to the loop. Only a hint that
 * there is something new: heads may be lost, doubled or come late. */
#ifndef COMMON_HEADS_H
#define COMMON_HEADS_H

#include "common/evm.h"
#include "common/loop.h"

struct heads;

typedef void heads_fn(void *arg, const struct evm_header *header);

/* Subscribe at @url, ws:// or wss://. Borrows @loop.
 * ERR_CONFIG	@url is not of that form; it was logged
 * ERR_NO_MEMORY */
NODISCARD enum err heads_new(struct heads **out, struct loop *loop,
			     const char *url, heads_fn *fn, void *arg);
void heads_free(struct heads **heads);

#endif /* COMMON_HEADS_H */
