/* store - common/store.h and common/journal.h in memory: what is acknowledged
 * stays, what is under way may be lost, and every step may be somebody's last.
 *
 * As with appendfsync always, nobody sees an entry before it is durable. */
#ifndef TESTS_SIM_STORE_H
#define TESTS_SIM_STORE_H

#include "common/store.h"

/* The server is gone for @us: what was under way was done or wasn't. 0: only
 * the connections break. */
void store_fault(uint64_t us);

/* Entries of a log, for oracles. */
uint64_t store_log_size(const char *log);
struct entry store_log_entry(const char *log, uint64_t number);

/* Entries of the journal of @folder (SERVICE.INSTANCE/FILE) that are on disk.
 */
uint64_t disk_size(const char *name);
struct entry disk_entry(const char *name, uint64_t number);

void store_forget(void);
void disk_forget(void);

#endif /* TESTS_SIM_STORE_H */
