/* crc32c - the Castagnoli checksum, RFC 3720 appendix B.4. */
#ifndef COMMON_CRC32C_H
#define COMMON_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Of @size bytes; @seed is 0, or the checksum of the bytes before them. */
uint32_t crc32c(uint32_t seed, const void *data, size_t size);

#endif /* COMMON_CRC32C_H */
