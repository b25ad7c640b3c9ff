/* From the chain log: proofs, as far as they are small, or where they are. */
#include "services/webhook-gateway/view_impl.h"

static int proof_by_request(const void *a, const void *b)
{
	const struct view_proof *x = a, *y = b;

	return compare_u64(x->request_id, y->request_id);
}

static int proof_by_age(const void *a, const void *b)
{
	const struct view_proof *x = a, *y = b;

	return compare_u64(x->seq, y->seq);
}

const struct view_shelf_kind view_proofs_kind = {
	sizeof(struct view_proof),
	2,
	{[PROOFS_BY_REQUEST] = {proof_by_request, NULL, false},
	 [PROOFS_BY_AGE] = {proof_by_age, NULL, false}}};

const struct view_proof *view_proof(const struct view *v, uint64_t request_id)
{
	struct view_proof probe;

	probe.request_id = request_id; /* the rest is large, and no key */
	return view_shelf_at(v->shelves[PROOFS], PROOFS_BY_REQUEST, &probe);
}

static enum err forget_old(struct view *v)
{
	struct view_shelf *proofs = v->shelves[PROOFS];
	struct view_proof first;

	if (view_shelf_count(proofs, PROOFS_BY_AGE) <= v->history)
		return ERR_NONE;
	first.seq = 0;
	return view_shelf_remove(
		proofs, view_shelf_find(proofs, PROOFS_BY_AGE,
					view_shelf_after(proofs, PROOFS_BY_AGE,
							 &first)));
}

enum err view_on_proof_submitted(struct view *v, struct sink *out,
				 const struct msg_proof_submitted *m)
{
	struct view_proof fresh = {.request_id = m->request_id,
				   .seq = v->number,
				   .tx = m->tx,
				   .size = (uint32_t)m->proof.size};

	(void)out;
	if (view_proof(v, m->request_id))
		return view_contradicted(v);
	if (m->proof.size && m->proof.size <= VIEW_PROOF_MAX)
		memcpy(fresh.bytes, m->proof.data, m->proof.size);
	return view_shelf_add(v->shelves[PROOFS], &fresh) ? forget_old(v)
							  : ERR_NO_MEMORY;
}
