/* Options of an easy handle, and what is read back from it. */
#include "common/curl_call.h"

static size_t on_data(char *data, size_t size, size_t count, void *arg)
{
	struct curl_call *c = arg;

	size *= count;
	c->too_large = size > c->answer_max - c->answer.size;
	if (c->too_large)
		return 0; /* ends the call */
	buf_put(&c->answer, data, size);
	return buf_failed(&c->answer) ? 0 : size;
}

bool curl_call_add_header(struct curl_call *c, const char *line)
{
	struct curl_slist *grown = curl_slist_append(c->headers, line);

	if (grown)
		c->headers = grown;
	return grown;
}

static bool add_headers(struct curl_call *c, const char *const *lines,
			size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!curl_call_add_header(c, lines[i]))
			return false;
	return true;
}

static void set_options(struct curl_call *c, const struct curl_call_request *r)
{
	curl_easy_setopt(c->easy, CURLOPT_URL, r->url);
	curl_easy_setopt(c->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c->easy, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(c->easy, CURLOPT_HTTP_VERSION,
			 (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c->easy, CURLOPT_CONNECTTIMEOUT_MS,
			 (long)r->connect_ms);
	curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
	curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
	curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->error);
	if (!r->body)
		return;
	curl_easy_setopt(c->easy, CURLOPT_POST, 1L);
	curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE,
			 (curl_off_t)c->body.size);
	curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS,
			 (const char *)c->body.data);
}

bool curl_call_prepare(struct curl_call *c, const struct curl_call_request *r,
		       void *owner)
{
	static const char *const json[] = {"Content-Type: application/json",
					   "Expect:"};

	if (!c->easy)
		c->easy = curl_easy_init();
	if (r->body)
		buf_put(&c->body, r->body->data, r->body->size);
	if (!c->easy || buf_failed(&c->body) ||
	    !add_headers(c, r->headers, r->headers_count) ||
	    (r->body && !add_headers(c, json, 2)))
		return false;
	c->answer_max = r->answer_max;
	set_options(c, r);
	curl_easy_setopt(c->easy, CURLOPT_PRIVATE, owner);
	return true;
}

void *curl_call_next(CURLM *multi, CURLcode *code)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(multi, &left))) {
		void *owner = NULL;

		if (msg->msg != CURLMSG_DONE)
			continue;
		*code = msg->data.result;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &owner);
		return owner;
	}
	return NULL;
}

struct curl_call_end curl_call_end(const struct curl_call *c, CURLcode code)
{
	curl_off_t after = 0;
	long status = 0;

	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(c->easy, CURLINFO_RETRY_AFTER, &after);
	return (struct curl_call_end){
		.status = (unsigned)status,
		.retry_after_s = after > 0 ? (uint64_t)after : 0,
		.body = buf_bytes(&c->answer),
		.text = *c->error ? c->error : curl_easy_strerror(code)};
}

void curl_call_clear(struct curl_call *c)
{
	CURL *easy = c->easy;

	if (easy)
		curl_easy_reset(easy);
	c->easy = NULL;
	curl_call_free(c);
	*c = (struct curl_call){.easy = easy};
}

void curl_call_free(struct curl_call *c)
{
	if (c->easy)
		curl_easy_cleanup(c->easy);
	curl_slist_free_all(c->headers);
	buf_free(&c->body);
	buf_free(&c->answer);
}
