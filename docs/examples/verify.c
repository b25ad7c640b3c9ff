/* Verify one message of a webhook: its body is read from standard input.
 *
 * usage: verify SECRET WEBHOOK-ID WEBHOOK-TIMESTAMP WEBHOOK-SIGNATURE < body
 * Exits with 0 if it is genuine, 1 if not. cc verify.c -o verify -lsodium */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BODY_MAX = 4 << 20, KEY_MAX = 64, TOLERANCE_S = 300 };

static int is_recent(const char *timestamp)
{
	long long seconds = atoll(timestamp), now = (long long)time(NULL);

	return seconds > now - TOLERANCE_S && seconds < now + TOLERANCE_S;
}

/* Whether one of the signatures, "v1,BASE64 v1a,BASE64 …", is this one. */
static int is_among(const unsigned char mac[crypto_auth_hmacsha256_BYTES],
		    char *signatures)
{
	unsigned char is[crypto_auth_hmacsha256_BYTES];
	size_t size;

	for (char *s = strtok(signatures, " "); s; s = strtok(NULL, " "))
		if (strncmp(s, "v1,", 3) == 0 &&
		    sodium_base642bin(is, sizeof is, s + 3, strlen(s + 3), NULL,
				      &size, NULL,
				      sodium_base64_VARIANT_ORIGINAL) == 0 &&
		    size == sizeof is && sodium_memcmp(is, mac, size) == 0)
			return 1;
	return 0;
}

int main(int argc, char **argv)
{
	static unsigned char body[BODY_MAX];
	unsigned char key[KEY_MAX], mac[crypto_auth_hmacsha256_BYTES];
	crypto_auth_hmacsha256_state state;
	size_t key_size, size = fread(body, 1, sizeof body, stdin);

	if (argc != 5 || sodium_init() < 0 ||
	    strncmp(argv[1], "whsec_", 6) != 0 ||
	    sodium_base642bin(key, sizeof key, argv[1] + 6, strlen(argv[1] + 6),
			      NULL, &key_size, NULL,
			      sodium_base64_VARIANT_ORIGINAL) != 0)
		return 2;
	crypto_auth_hmacsha256_init(&state, key, key_size);
	crypto_auth_hmacsha256_update(&state, (unsigned char *)argv[2],
				      strlen(argv[2]));
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)".", 1);
	crypto_auth_hmacsha256_update(&state, (unsigned char *)argv[3],
				      strlen(argv[3]));
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)".", 1);
	crypto_auth_hmacsha256_update(&state, body, size);
	crypto_auth_hmacsha256_final(&state, mac);
	return is_recent(argv[3]) && is_among(mac, argv[4]) ? 0 : 1;
}
