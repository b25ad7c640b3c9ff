/* doc - a JSON document being written, member by member.
 *
 * Numbers of 64 bits and more are decimal strings, addresses and hashes hex,
 * times RFC 3339, as wire_json() writes them; log numbers and counts are JSON
 * numbers. Failure is latched in the buf. */
#ifndef SERVICES_WEBHOOK_GATEWAY_DOC_H
#define SERVICES_WEBHOOK_GATEWAY_DOC_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/types.h"

struct doc {
	struct buf *out;
	bool more; /* a comma is due before what comes next */
};

/* In all of these @key is the member's name, NULL in an array or at the top. */
void doc_object(struct doc *d, const char *key);
void doc_array(struct doc *d, const char *key);
void doc_end(struct doc *d); /* of the object */
void doc_end_array(struct doc *d);

/* The name of a member whose value is written next, without a key. */
void doc_name(struct doc *d, const char *key);

void doc_null(struct doc *d, const char *key);
void doc_bool(struct doc *d, const char *key, bool v);
void doc_count(struct doc *d, const char *key, uint64_t v);	  /* a number */
void doc_id(struct doc *d, const char *key, uint64_t v);	  /* a string */
void doc_thousandths(struct doc *d, const char *key, uint64_t v); /* 0.123 */
void doc_text(struct doc *d, const char *key, const char *text);
void doc_chars(struct doc *d, const char *key, const void *text, size_t size);
void doc_time(struct doc *d, const char *key, struct unix_s t);
void doc_amount(struct doc *d, const char *key, const struct amount *a);
void doc_address(struct doc *d, const char *key, const struct address *a);
void doc_hash(struct doc *d, const char *key, const struct hash32 *h);
void doc_bytes(struct doc *d, const char *key, struct bytes b); /* as hex */
void doc_selector(struct doc *d, const char *key, const struct selector *s);
void doc_block(struct doc *d, const char *key, const struct block_ref *b);

/* @json is a JSON value already. */
void doc_raw(struct doc *d, const char *key, struct bytes json);

#endif /* SERVICES_WEBHOOK_GATEWAY_DOC_H */
