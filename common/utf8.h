/* utf8 - what is text, of bytes that somebody else wrote. */
#ifndef COMMON_UTF8_H
#define COMMON_UTF8_H

#include <stddef.h>

/* Bytes of the UTF-8 sequence at @p; 0 if there is none (RFC 3629: no overlong
 * forms, no surrogates, nothing above U+10FFFF). */
static inline size_t utf8_size(const unsigned char *p, size_t left)
{
	size_t size = *p < 0x80	  ? 1
		      : *p < 0xc2 ? 0
		      : *p < 0xe0 ? 2
		      : *p < 0xf0 ? 3
		      : *p < 0xf5 ? 4
				  : 0;

	if (size > left)
		return 0;
	for (size_t i = 1; i < size; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) ||
	    (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))
		return 0;
	return size;
}

#endif /* COMMON_UTF8_H */
