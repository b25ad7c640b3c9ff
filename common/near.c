/* Optimal string alignment, after Damerau and Levenshtein. */
#include "common/near.h"

#include <string.h>

enum { LONGEST = 63 };

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned near_distance(const char *a, const char *b)
{
	unsigned rows[LONGEST + 1][LONGEST + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n > LONGEST || m > LONGEST)
		return LONGEST;
	for (unsigned i = 0; i <= n; i++)
		rows[i][0] = i;
	for (unsigned k = 0; k <= m; k++)
		rows[0][k] = k;
	for (unsigned i = 1; i <= n; i++)
		for (unsigned k = 1; k <= m; k++) {
			unsigned other = a[i - 1] != b[k - 1];
			unsigned d = least(rows[i - 1][k], rows[i][k - 1]) + 1;

			d = least(d, rows[i - 1][k - 1] + other);
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] &&
			    a[i - 2] == b[k - 1])
				d = least(d, rows[i - 2][k - 2] + 1);
			rows[i][k] = d;
		}
	return rows[n][m];
}

bool near_enough(const char *name, const char *meant)
{
	return near_distance(name, meant) <= strlen(meant) / 3;
}
