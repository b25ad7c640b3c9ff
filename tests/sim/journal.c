/* common/journal.h on disks in memory: what isn't committed goes with its
 * process. */
#include "common/journal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/break.h"
#include "tests/sim/entries.h"
#include "tests/sim/store.h"
#include "tests/sim/world.h"

enum { DISKS = 32 };

static struct entries disks[DISKS];

struct journal {
	struct entries *disk;
	struct entries pending; /* put and not committed */
	uint64_t kept;		/* of the disk's; the others are dropped */
};

/* SERVICE.INSTANCE/FILE: what is the same in every run. */
static const char *name_of(const char *path)
{
	const char *file = strrchr(path, '/'), *folder = file;

	while (folder > path && folder[-1] != '/')
		folder--;
	return folder;
}

enum err journal_open(struct journal **out, const char *path)
{
	struct journal *j = calloc(1, sizeof *j);

	assert(j);
	j->disk = entries_named(disks, DISKS, name_of(path));
	j->kept = j->disk->count;
	*out = j;
	return ERR_NONE;
}

void journal_close(struct journal **journal)
{
	if (!*journal)
		return;
	entries_free(&(*journal)->pending);
	free(*journal);
	*journal = NULL;
}

uint64_t journal_last(const struct journal *j)
{
	return j->kept + j->pending.count;
}

enum err journal_put(struct journal *j, uint16_t type, struct bytes body)
{
	entries_add(&j->pending, type, body);
	return ERR_NONE;
}

enum err journal_drop(struct journal *j, uint64_t from)
{
	assert(!j->pending.count);
	if (from <= j->kept)
		j->kept = from - 1;
	return ERR_NONE;
}

enum err journal_commit(struct journal *j)
{
	if ((!j->pending.count && j->kept == j->disk->count) ||
	    broken == BREAK_JOURNAL)
		return ERR_NONE;
	if (process_dies())
		return ERR_STORAGE;
	while (j->disk->count > j->kept)
		free(j->disk->items[--j->disk->count].data);
	for (uint64_t i = 1; i <= j->pending.count; i++) {
		struct entry e = entries_at(&j->pending, i);

		entries_add(j->disk, e.type, e.body);
	}
	j->kept = j->disk->count;
	entries_free(&j->pending);
	return process_dies() ? ERR_STORAGE : ERR_NONE;
}

enum err journal_read(struct journal *j, uint64_t from, store_entry_fn *fn,
		      void *arg)
{
	enum err e = ERR_NONE;

	for (uint64_t n = from; n <= j->kept && !e; n++) {
		struct entry entry = entries_at(j->disk, n);

		e = fn(arg, &entry);
	}
	return e;
}

uint64_t disk_size(const char *name)
{
	return entries_named(disks, DISKS, name)->count;
}

struct entry disk_entry(const char *name, uint64_t number)
{
	return entries_at(entries_named(disks, DISKS, name), number);
}

void disk_forget(void)
{
	for (unsigned i = 0; i < DISKS; i++)
		entries_free(&disks[i]);
}
