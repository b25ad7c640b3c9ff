/* A chain of lists, and for each hold its place in one of them. */
#include "services/matcher/match_lapse.h"

struct list {
	uint64_t until;
	row_id first, last;
	lapse_list before, after; /* in order of time; free ones by after */
};

struct in_list {
	row_id before, after;
	lapse_list list; /* 0: in none */
};

static struct list *list_at(const struct lapse *l, lapse_list i)
{
	return pool_item(&l->lists, i - 1, sizeof(struct list));
}

static struct in_list *place_of(const struct lapse *l, row_id hold)
{
	return pool_item(&l->holds, hold, sizeof(struct in_list));
}

void lapse_open(struct lapse *l)
{
	*l = (struct lapse){.oldest = 0};
	pool_open(&l->lists, sizeof(struct list));
	pool_open(&l->holds, sizeof(struct in_list));
}

void lapse_free(struct lapse *l)
{
	pool_free(&l->lists);
	pool_free(&l->holds);
}

static void set_after(struct lapse *l, lapse_list i, lapse_list after)
{
	*(i ? &list_at(l, i)->after : &l->oldest) = after;
}

static void set_before(struct lapse *l, lapse_list i, lapse_list before)
{
	*(i ? &list_at(l, i)->before : &l->newest) = before;
}

/* A new list behind @before, 0 for the oldest of all; 0 without memory. */
static lapse_list add_list(struct lapse *l, lapse_list before, uint64_t until)
{
	lapse_list i = l->free;
	lapse_list after = before ? list_at(l, before)->after : l->oldest;

	if (i)
		l->free = list_at(l, i)->after;
	else if (pool_grow(&l->lists))
		i = l->lists.count;
	if (!i)
		return 0;
	*list_at(l, i) =
		(struct list){.until = until, .before = before, .after = after};
	set_after(l, before, i);
	set_before(l, after, i);
	return i;
}

static void drop_list(struct lapse *l, lapse_list i)
{
	struct list *list = list_at(l, i);

	set_after(l, list->before, list->after);
	set_before(l, list->after, list->before);
	list->after = l->free;
	l->free = i;
}

enum err lapse_add(struct lapse *l, row_id hold, uint64_t until)
{
	lapse_list i = l->newest;
	struct list *list;

	while (i && list_at(l, i)->until > until)
		i = list_at(l, i)->before;
	if (!i || list_at(l, i)->until != until)
		i = add_list(l, i, until);
	if (!i || !pool_reach(&l->holds, hold + 1))
		return ERR_NO_MEMORY;
	list = list_at(l, i);
	*place_of(l, hold) = (struct in_list){.before = list->last, .list = i};
	*(list->last ? &place_of(l, list->last)->after : &list->first) = hold;
	list->last = hold;
	return ERR_NONE;
}

void lapse_remove(struct lapse *l, row_id hold)
{
	struct in_list was;
	struct list *list;

	if (hold >= l->holds.count || !place_of(l, hold)->list)
		return;
	was = *place_of(l, hold);
	list = list_at(l, was.list);
	*(was.before ? &place_of(l, was.before)->after : &list->first) =
		was.after;
	*(was.after ? &place_of(l, was.after)->before : &list->last) =
		was.before;
	place_of(l, hold)->list = 0;
}

row_id lapse_first(struct lapse *l, uint64_t now)
{
	while (l->oldest && list_at(l, l->oldest)->until < now) {
		row_id hold = list_at(l, l->oldest)->first;

		if (hold)
			return hold;
		drop_list(l, l->oldest);
	}
	return 0;
}
