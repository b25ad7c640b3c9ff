/* A list under a mutex that is never held for long. */
#include "services/webhook-gateway/queue.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct queue {
	pthread_mutex_t mutex;
	struct queued *first, **end;
	size_t count, bytes;
};

enum err queue_new(struct queue **out)
{
	struct queue *q = calloc(1, sizeof *q);

	if (!q)
		return ERR_NO_MEMORY;
	pthread_mutex_init(&q->mutex, NULL);
	q->end = &q->first;
	*out = q;
	return ERR_NONE;
}

void queue_free(struct queue **queue)
{
	struct queue *q = *queue;

	if (!q)
		return;
	while (q->first) {
		struct queued *item = q->first;

		q->first = item->next;
		free(item);
	}
	pthread_mutex_destroy(&q->mutex);
	free(q);
	*queue = NULL;
}

static struct queued *copy(enum logs log, const struct entry *entry)
{
	struct queued *item = malloc(sizeof *item + entry->body.size);
	uint8_t *body = (uint8_t *)(item + 1);

	if (!item)
		return NULL;
	*item = (struct queued){.log = log, .entry = *entry};
	item->entry.body.data = body;
	if (entry->body.size)
		memcpy(body, entry->body.data, entry->body.size);
	return item;
}

enum err queue_put(struct queue *q, enum logs log, const struct entry *entry,
		   bool *was_empty)
{
	struct queued *item = copy(log, entry);
	bool full;

	if (!item)
		return ERR_NO_MEMORY;
	pthread_mutex_lock(&q->mutex);
	full = q->count >= QUEUE_ENTRIES_MAX || q->bytes >= QUEUE_BYTES_MAX;
	*was_empty = !q->count;
	if (!full) {
		*q->end = item;
		q->end = &item->next;
		q->count++;
		q->bytes += entry->body.size;
	}
	pthread_mutex_unlock(&q->mutex);
	if (full)
		free(item);
	return full ? ERR_FULL : ERR_NONE;
}

struct queued *queue_take(struct queue *q, size_t entries_max, size_t bytes_max,
			  bool *more)
{
	struct queued *list, **last = &list;
	size_t entries = 0, bytes = 0;

	pthread_mutex_lock(&q->mutex);
	list = q->first;
	while (*last && entries < entries_max && bytes < bytes_max) {
		entries++;
		bytes += (*last)->entry.body.size;
		last = &(*last)->next;
	}
	q->first = *last;
	*last = NULL;
	if (!q->first)
		q->end = &q->first;
	q->count -= entries;
	q->bytes -= bytes;
	*more = q->first;
	pthread_mutex_unlock(&q->mutex);
	return list;
}

size_t queue_count(struct queue *q)
{
	size_t count;

	pthread_mutex_lock(&q->mutex);
	count = q->count;
	pthread_mutex_unlock(&q->mutex);
	return count;
}
