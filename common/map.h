/* map - from keys to numbers of rows, growing without a pause.
 *
 * Linear hashing (Litwin, 1980): each insertion splits at most one bucket, so
 * no event pays for a rehash. The map holds hashes and numbers only; keys are
 * compared in the rows. Has no order that could be seen. */
#ifndef COMMON_MAP_H
#define COMMON_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct map;

/* Whether row @value has the key that @key points at. */
typedef bool map_equal(const void *arg, uint32_t value, const void *key);

/* ERR_NO_MEMORY. @arg is given to @equal. */
NODISCARD enum err map_new(struct map **out, map_equal *equal, const void *arg);
void map_free(struct map **map);

/* The value under @key, whose hash is @hash; 0 if there is none. */
uint32_t map_get(const struct map *m, uint64_t hash, const void *key);

/* Add @value (not 0) under a key that isn't there. ERR_NO_MEMORY: not added. */
NODISCARD enum err map_add(struct map *m, uint64_t hash, uint32_t value);

/* Take out @value, which is there under @hash. */
void map_remove(struct map *m, uint64_t hash, uint32_t value);

size_t map_count(const struct map *m);

/* Hashes for the usual keys. */
uint64_t map_hash_u64(uint64_t v);
uint64_t map_hash_bytes(const void *data, size_t size);

#endif /* COMMON_MAP_H */
