/* nettle's, whose contexts are flat and need no library state. */
#include "common/sha256.h"

void sha256_init(struct sha256 *s)
{
	nettle_sha256_init(&s->nettle);
}

void sha256_update(struct sha256 *s, const void *data, size_t size)
{
	if (size)
		nettle_sha256_update(&s->nettle, size, data);
}

void sha256_final(struct sha256 *s, struct hash32 *out)
{
	nettle_sha256_digest(&s->nettle, sizeof out->bytes, out->bytes);
}

void sha256_of(struct hash32 *out, const void *data, size_t size)
{
	struct sha256 s;

	sha256_init(&s);
	sha256_update(&s, data, size);
	sha256_final(&s, out);
}
