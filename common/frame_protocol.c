/* Every log that we have to do with, by links.def and the messages. */
#include "common/frame_protocol.h"

#include <inttypes.h>
#include <string.h>

#include "common/log.h"
#include "common/protocol.h"
#include "msg.h"

static const struct {
	const char *log, *writer;
} links[] = {
#define LINK(name, number, writer, meaning) {#name, writer},
#include "protocol/messages/links.def"
};

static void tell(struct frame *f, const char *log, const char *writer,
		 const struct store_protocol *theirs)
{
	bool own = strcmp(writer, f->service->name) == 0;

	if (f->newer == log)
		return;
	f->newer = log;
	log_error("protocol.newer",
		  "log=%s writer=%s writer_version=%s writer_protocol=%" PRIu64
		  " version=%s protocol=%u text=\"%s\"",
		  log, writer, theirs->version, theirs->number,
		  protocol_version, (unsigned)protocol_ours,
		  own ? "a newer version of this service wrote to its log: "
			"run that again; or, to go back for good, give every "
			"service another --name, and the logs are derived "
			"from the chain again"
		      : "the writer of this log is newer, and says what this "
			"version can't read: upgrade this service, too. It "
			"waits, and then goes on where it was");
}

enum err frame_protocol(struct frame *f)
{
	const char *name = f->service->name;
	struct store_protocol theirs;
	uint64_t last;
	enum err e = ERR_NONE;

	for (size_t i = 0; f->store && i < sizeof links / sizeof links[0];
	     i++) {
		if (strcmp(links[i].writer, name) != 0 &&
		    !msg_passes(links[i].writer, name))
			continue;
		e = store_protocol(f->store, links[i].log, &theirs);
		if (!e && theirs.number > protocol_ours)
			e = store_last(f->store, links[i].log, &last);
		else if (!e)
			continue;
		if (e)
			return e;
		if (last) { /* else what it wrote is gone */
			tell(f, links[i].log, links[i].writer, &theirs);
			return ERR_NEWER;
		}
	}
	f->newer = NULL;
	return ERR_NONE;
}
