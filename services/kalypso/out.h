/* out - what a command has to say: aligned text for people, or one JSON
 * document.
 *
 * A command says each thing once, with the key that scripts know it by and the
 * label that people read; which of them is shown depends on --json. A NULL key
 * is left out of the document, a NULL label out of the text. Nothing appears
 * before cli_out_flush(), so what goes wrong half-way can still be said in the
 * same document, as its member "error".
 *
 *	cli_put_id(out, "market_id", "Market", 1);	Market   1
 *	cli_begin_list(out, "quotes", "no quotes");	GENERATOR  PRICE
 *	cli_begin(out, NULL);				0xabcd…    1.25 KUSD
 *	cli_put_address(out, "generator", "Generator", …
 *
 * The document is written like the gateway's answers: amounts (in units), ids
 * and whatever else has 64 bits or more are decimal strings; times are RFC
 *3339, hashes and bytes 0x text. Text from strangers is made harmless here.
 *Labels and keys are constants. */
#ifndef SERVICES_KALYPSO_OUT_H
#define SERVICES_KALYPSO_OUT_H

#include <jansson.h>
#include <stdbool.h>

#include "common/buf.h"
#include "common/types.h"
#include "common/u256.h"

struct cli_out;

/* An ERC-20 as people know it. */
struct cli_token {
	struct address address;
	unsigned decimals;
	char symbol[64]; /* harmless; "" until it is known */
};

/* Memory for a command: zeroed; the process ends if there is none. */
void *cli_alloc(size_t size);

struct cli_out *cli_out_new(bool json);
void cli_out_free(struct cli_out **out);
bool cli_out_is_json(const struct cli_out *out);

/* Write everything to stdout. False: it can't be written. */
bool cli_out_flush(struct cli_out *out);

/* ---- values ------------------------------------------------------------- */

void cli_put_text(struct cli_out *out, const char *key, const char *label,
		  const char *text);
/* A count, below 2^53. */
void cli_put_number(struct cli_out *out, const char *key, const char *label,
		    uint64_t v);
void cli_put_id(struct cli_out *out, const char *key, const char *label,
		uint64_t v);
void cli_put_bool(struct cli_out *out, const char *key, const char *label,
		  bool v);
void cli_put_address(struct cli_out *out, const char *key, const char *label,
		     const struct address *a);
void cli_put_hash(struct cli_out *out, const char *key, const char *label,
		  const struct hash32 *h);
void cli_put_bytes(struct cli_out *out, const char *key, const char *label,
		   struct bytes b);
void cli_put_amount(struct cli_out *out, const char *key, const char *label,
		    const struct u256 *v, const struct cli_token *token);

/* "60 s"; a number in the document. */
void cli_put_seconds(struct cli_out *out, const char *key, const char *label,
		     uint64_t seconds);

/* People also see how far away it is from @now. 0 is null, and "-". */
void cli_put_time(struct cli_out *out, const char *key, const char *label,
		  uint64_t time, uint64_t now);

/* Into the document only; takes @v, of which NULL becomes null. */
void cli_put_json(struct cli_out *out, const char *key, json_t *v);

/* A sentence, or several lines, for people only. */
void cli_say(struct cli_out *out, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* "1.25 KUSD", as cli_put_amount() shows it, appended to @text. */
void cli_put_amount_text(struct buf *text, const struct u256 *v,
			 const struct cli_token *token);

/* ---- structure ---------------------------------------------------------- */

/* A record inside of the current one, for people lines of their own; or the
 * next row of a list, without a key. */
void cli_begin(struct cli_out *out, const char *key);

/* A list: a table for people, or the line @none if it stays empty. The values
 * of every row have the same labels. @none NULL: nothing is shown. */
void cli_begin_list(struct cli_out *out, const char *key, const char *none);

/* End the innermost of the two. */
void cli_end(struct cli_out *out);

/* The document gets "error": {"exit", "name", "message"}. @name may be NULL. */
void cli_put_error(struct cli_out *out, int exit_status, const char *name,
		   const char *message);

#endif /* SERVICES_KALYPSO_OUT_H */
