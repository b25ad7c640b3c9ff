/* cast - who takes part: the services, their options and keys. */
#ifndef TESTS_SIM_CAST_H
#define TESTS_SIM_CAST_H

enum {
	CAST_DEPTH = 80,      /* blocks that services can undo */
	CAST_LIFETIME_S = 10, /* of a match */
};

/* Keys and addresses into market_world, the environment and a file in
 * @folder. */
void cast_make(const char *folder);

/* Start every service, some of them twice; their state folders are in
 * @folder. */
void cast_start(const char *folder);

#endif /* TESTS_SIM_CAST_H */
