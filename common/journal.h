/* journal - what a process must not forget, on its own disk.
 *
 * Numbered entries of messages, only ever appended (SQLite, write-ahead log,
 * fsync at every commit). A process's state is what its entries lead to. After
 * an error what is on disk isn't known: whoever had the journal open forgets
 * what it knows, and begins again with what it finds there.
 *
 * Where it says ERR_STORAGE below, it is ERR_NO_ROOM if all that is wrong is
 * that the disk is full or may not be written. */
#ifndef COMMON_JOURNAL_H
#define COMMON_JOURNAL_H

#include "common/store.h"

struct journal;

/* Open or make @path; its folder exists.
 * ERR_STORAGE	it can't be opened, or is damaged; why was logged */
NODISCARD enum err journal_open(struct journal **out, const char *path);
void journal_close(struct journal **journal);

/* Number of the newest entry; 0 if there is none. */
uint64_t journal_last(const struct journal *j);

/* Add an entry; it gets the number after the newest. On disk only after
 * journal_commit(). ERR_STORAGE */
NODISCARD enum err journal_put(struct journal *j, uint16_t type,
			       struct bytes body);

/* Forget entry @from and those behind it, at the next journal_commit().
 * ERR_STORAGE */
NODISCARD enum err journal_drop(struct journal *j, uint64_t from);

/* Everything put is on disk when this returns. Without anything put it costs
 * nothing. ERR_STORAGE */
NODISCARD enum err journal_commit(struct journal *j);

/* Call @fn for every entry from number @from on, in order. Returns what @fn
 * returned if it isn't ERR_NONE; ERR_STORAGE. */
NODISCARD enum err journal_read(struct journal *j, uint64_t from,
				store_entry_fn *fn, void *arg);

#endif /* COMMON_JOURNAL_H */
