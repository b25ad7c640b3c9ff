/* The processor's instruction where there is one, a table elsewhere. */
#include "common/crc32c.h"

#include <string.h>

enum { POLYNOMIAL_REVERSED = (int)0x82f63b78u };

static uint32_t by_table(uint32_t crc, const uint8_t *p, size_t size)
{
	static uint32_t table[256]; /* the same bytes, whoever fills it first */

	if (!table[1])
		for (uint32_t i = 256; i-- > 0;) {
			uint32_t c = i;

			for (int k = 0; k < 8; k++)
				c = c & 1 ? c >> 1 ^ (uint32_t)
							     POLYNOMIAL_REVERSED
					  : c >> 1;
			table[i] = c;
		}
	while (size--)
		crc = crc >> 8 ^ table[(crc ^ *p++) & 0xff];
	return crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t by_instruction(
	uint32_t crc, const uint8_t *p, size_t size)
{
	uint64_t wide = crc;

	for (; size >= 8; size -= 8, p += 8) {
		uint64_t v;

		memcpy(&v, p, sizeof v);
		wide = __builtin_ia32_crc32di(wide, v);
	}
	crc = (uint32_t)wide;
	while (size--)
		crc = __builtin_ia32_crc32qi(crc, *p++);
	return crc;
}
#endif

uint32_t crc32c(uint32_t seed, const void *data, size_t size)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("sse4.2"))
		return ~by_instruction(~seed, data, size);
#endif
	return ~by_table(~seed, data, size);
}
