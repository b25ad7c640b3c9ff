/* A list of URLs, and strict reading. */
#include "services/listener/prover.h"

#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "common/log.h"

/* ---- where -------------------------------------------------------------- */

struct prover {
	uint64_t market_id; /* 0: every market that isn't named */
	char *url;	    /* of generateProof */
	struct prover *next;
};

struct provers {
	struct prover *first;
};

static enum err complain(const char *item, const char *text)
{
	log_error("config.prover",
		  "item=\"%s\" text=\"%s; --prover takes MARKET=URL,… or one "
		  "URL for every market, http:// or https://\"",
		  item, text);
	return ERR_CONFIG;
}

static const struct prover *find(const struct provers *p, uint64_t market_id)
{
	const struct prover *q = p->first;

	while (q && q->market_id != market_id)
		q = q->next;
	return q;
}

static enum err add(struct provers *p, uint64_t market_id, const char *url)
{
	struct prover *q;
	size_t size = strlen(url);

	if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
		return complain(url, "not such a URL");
	if (find(p, market_id))
		return complain(url, "a second one for the same market");
	q = calloc(1, sizeof *q);
	if (!q)
		return ERR_NO_MEMORY;
	q->market_id = market_id;
	q->next = p->first;
	p->first = q;
	while (size && url[size - 1] == '/')
		size--;
	if (asprintf(&q->url, "%.*s/api/generateProof", (int)size, url) >= 0)
		return ERR_NONE;
	q->url = NULL;
	return ERR_NO_MEMORY;
}

static enum err read_item(struct provers *p, const char *item)
{
	uint64_t market_id = 0;
	char *end;

	if (!isdigit((unsigned char)*item))
		return add(p, 0, item);
	market_id = strtoull(item, &end, 10);
	if (!market_id || market_id == UINT64_MAX || *end != '=')
		return complain(item, "no market's number in front");
	return add(p, market_id, end + 1);
}

enum err provers_new(struct provers **out, const char *text)
{
	struct provers *p = calloc(1, sizeof *p);
	char *list = strdup(text), *rest = list, *item;
	enum err e = p && list ? ERR_NONE : ERR_NO_MEMORY;

	while (!e && (item = strsep(&rest, ",")))
		e = read_item(p, item);
	free(list);
	if (e)
		provers_free(&p);
	*out = p;
	return e;
}

void provers_free(struct provers **provers)
{
	struct provers *p = *provers;

	while (p && p->first) {
		struct prover *q = p->first;

		p->first = q->next;
		free(q->url);
		free(q);
	}
	free(p);
	*provers = NULL;
}

const char *provers_url(const struct provers *p, uint64_t market_id)
{
	const struct prover *q = find(p, market_id);

	if (!q)
		q = find(p, 0);
	return q ? q->url : NULL;
}

/* ---- the question ------------------------------------------------------- */

void prover_question(struct buf *out, struct bytes inputs)
{
	buf_put_text(out, "{\"public\":[");
	for (size_t i = 0; i < inputs.size; i++)
		buf_printf(out, i ? ",%u" : "%u", inputs.data[i]);
	buf_put_text(out, "],\"secrets\":null}");
}

/* ---- the answer --------------------------------------------------------- */

static void say(char why[PROVER_WHY_ROOM], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* What a stranger wrote is shown without what could end a value. */
static void say(char why[PROVER_WHY_ROOM], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, PROVER_WHY_ROOM, format, args);
	va_end(args);
	for (char *c = why; *c; c++)
		if (*c == '"')
			*c = '\'';
}

static bool read_array(struct buf *out, const json_t *array)
{
	size_t size = json_array_size(array);
	uint8_t *bytes = size ? buf_extend(out, size) : NULL;

	for (size_t i = 0; bytes && i < size; i++) {
		const json_t *item = json_array_get(array, i);
		json_int_t v = json_integer_value(item);

		if (!json_is_integer(item) || v < 0 || v > 255)
			return false;
		bytes[i] = (uint8_t)v;
	}
	return bytes != NULL;
}

/* BYTES of the API: numbers from 0 to 255, or a 0x string. */
static bool read_bytes(struct buf *out, const json_t *json)
{
	if (json_is_array(json))
		return read_array(out, json);
	return json_is_string(json) &&
	       !hex_decode_buf(out, json_string_value(json),
			       json_string_length(json));
}

static enum prover_verdict read_proof(struct buf *proof,
				      char why[PROVER_WHY_ROOM],
				      const json_t *root)
{
	if (!read_bytes(proof, json_object_get(root, "proof"))) {
		say(why, "HTTP status 200, but no proof in it");
		buf_clear(proof);
		return PROVER_FAILED;
	}
	if (proof->size > 0 && proof->size <= PROVER_PROOF_MAX_BYTES)
		return PROVER_PROOF;
	say(why, "a proof of %zu bytes: it may have 1 to %d", proof->size,
	    PROVER_PROOF_MAX_BYTES);
	buf_clear(proof);
	return PROVER_FAILED;
}

static const char *text_of(const json_t *root, const char *name)
{
	const char *text = json_string_value(json_object_get(root, name));

	return text ? text : "";
}

static enum prover_verdict judge(struct buf *proof, char why[PROVER_WHY_ROOM],
				 unsigned status, const json_t *root)
{
	const char *error = text_of(root, "error");

	if (status == 200)
		return read_proof(proof, why, root);
	say(why, "HTTP status %u %s: %s", status, error,
	    text_of(root, "reason"));
	return status == 422 && strcmp(error, "invalid_inputs") == 0
		       ? PROVER_UNPROVABLE
		       : PROVER_FAILED;
}

enum prover_verdict prover_read(struct buf *proof, char why[PROVER_WHY_ROOM],
				const struct http_answer *a)
{
	json_error_t where;
	json_t *root = NULL;
	enum prover_verdict verdict;

	if (a->err) {
		say(why, "%s",
		    a->err == ERR_RANGE ? "a longer answer than any proof's"
					: a->text);
		return PROVER_FAILED;
	}
	if (a->body.size <= PROVER_LOOKED_AT_BYTES)
		root = json_loadb((const char *)a->body.data, a->body.size,
				  JSON_REJECT_DUPLICATES, &where);
	if (a->status == 200 && !json_is_object(root)) {
		say(why, "HTTP status 200, but %zu bytes that are no answer",
		    a->body.size);
		verdict = PROVER_FAILED;
	} else {
		verdict = judge(proof, why, a->status, root);
	}
	json_decref(root);
	return verdict;
}
