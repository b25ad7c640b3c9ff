/* A broadcast with libwebsockets and nothing else: what the gateway's fan-out
 * is compared with. usage: bare EVENTS CLIENTS AT-ONCE
 *
 * Says its port. Once so many clients have each said something and been
 * answered, all of them get what is in the file EVENTS (each event behind its
 * size, u32), as fast as it goes: AT-ONCE events in a row, or fewer if the
 * connection takes no more, then it is another's turn. */
#include <libwebsockets.h>
#include <stdbool.h>

#include "tests/bench/gateway/shared.h"

enum { FILES_OWN = 96 }; /* descriptors that aren't connections */

struct event {
	uint8_t *text; /* with LWS_PRE bytes before it */
	size_t size;
};

struct session {
	bool heard, answered;
	size_t next;
};

static struct event *events;
static size_t events_count, clients, heard;
static unsigned at_once;

static void read_events(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint32_t size;
	size_t room = 0;

	if (!f)
		die(path);
	while (fread(&size, sizeof size, 1, f) == 1) {
		struct event *e;

		if (events_count == room) {
			room = room ? 2 * room : 1024;
			events = realloc(events, room * sizeof events[0]);
		}
		if (!events)
			die("events");
		e = &events[events_count++];
		e->size = size;
		e->text = malloc(LWS_PRE + size);
		if (!e->text || fread(e->text + LWS_PRE, size, 1, f) != 1)
			die(path);
		e->text += LWS_PRE;
	}
	fclose(f);
}

static int write_text(struct lws *wsi, uint8_t *text, size_t size)
{
	return lws_write(wsi, text, size, LWS_WRITE_TEXT) < 0 ? -1 : 0;
}

static int on_writable(struct lws *wsi, struct session *s)
{
	static uint8_t answer[LWS_PRE + 32] = "";
	static const char text[] = "{\"op\":\"subscribed\"}";

	if (s->heard && !s->answered) {
		s->answered = true;
		memcpy(answer + LWS_PRE, text, sizeof text - 1);
		if (write_text(wsi, answer + LWS_PRE, sizeof text - 1))
			return -1;
	} else if (heard == clients) {
		for (unsigned i = 0; i < at_once && s->next < events_count;
		     i++) {
			const struct event *e = &events[s->next++];

			if (write_text(wsi, e->text, e->size))
				return -1;
			if (lws_send_pipe_choked(wsi))
				break;
		}
	}
	if (heard == clients && s->next < events_count)
		lws_callback_on_writable(wsi);
	return 0;
}

static int on_what_happens(struct lws *wsi, enum lws_callback_reasons reason,
			   void *session, void *in, size_t len)
{
	struct session *s = session;

	(void)in;
	(void)len;
	switch ((int)reason) {
	case LWS_CALLBACK_RECEIVE:
		heard += !s->heard;
		s->heard = true;
		if (heard == clients)
			lws_callback_on_writable_all_protocol(
				lws_get_context(wsi), lws_get_protocol(wsi));
		lws_callback_on_writable(wsi);
		return 0;
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return on_writable(wsi, s);
	default:
		return 0;
	}
}

int main(int argc, char **argv)
{
	static const struct lws_protocols protocols[] = {
		{.name = "bare",
		 .callback = on_what_happens,
		 .per_session_data_size = sizeof(struct session)},
		{.name = NULL}};
	struct lws_context_creation_info info = {
		.iface = "127.0.0.1",
		.protocols = protocols,
		.options = LWS_SERVER_OPTION_DISABLE_IPV6 |
			   LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND,
		.gid = -1,
		.uid = -1,
		.vhost_name = "bare"};
	struct lws_context *context;

	if (argc != 4) {
		fprintf(stderr, "usage: bare EVENTS CLIENTS AT-ONCE\n");
		return 2;
	}
	begin_program();
	read_events(argv[1]);
	clients = parse_count(argv[2], 100000);
	at_once = (unsigned)parse_count(argv[3], 1000000);
	allow_files(clients + FILES_OWN);
	lws_set_log_level(LLL_ERR | LLL_WARN, NULL);
	context = lws_create_context(&info);
	if (!context)
		die("libwebsockets");
	printf("%d\n", lws_get_vhost_listen_port(
			       lws_get_vhost_by_name(context, "bare")));
	while (lws_service(context, 0) >= 0)
		;
	return 1;
}
