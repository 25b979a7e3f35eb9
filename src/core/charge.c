/*
 * charge: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/charge.h"

static enum charge exempt(enum grade *grade)
{
	*grade = GRADE_EXEMPT;
	return CHARGE_NOBODY;
}

/* By who the client is; CHARGE_CLIENT: nothing speaks against it. */
static enum charge charge_origin(enum gate_origin origin, bool is_ours, bool is_armed, enum grade *grade)
{
	if (is_ours || origin == GATE_OWN || origin == GATE_LOGIN) {
		*grade = GRADE_INSIDER;
		return CHARGE_NOBODY;
	}
	if (origin == GATE_ALLOWED || origin == GATE_FORWARDER)
		return exempt(grade);
	return is_armed ? CHARGE_CLIENT : CHARGE_NOBODY;
}

enum charge charge_of_transaction(
	enum gate_origin origin, bool is_spf_proven, bool has_login, bool is_armed, enum grade *grade)
{
	enum charge c = charge_origin(origin, has_login, is_armed, grade);

	return c == CHARGE_CLIENT && origin == GATE_SHARED && !is_spf_proven ? exempt(grade) : c;
}

static enum charge charge_copy(const struct charge_facts *f)
{
	if (f->is_other_client)
		return CHARGE_NOBODY;
	if (f->was_asked)
		return f->is_named ? CHARGE_CLIENT : CHARGE_NOBODY;
	if (!f->is_orcpt)
		return CHARGE_NOBODY;
	return f->is_logged ? CHARGE_CLIENT : CHARGE_WAIT;
}

enum charge charge_of(const struct charge_facts *f, enum grade *grade)
{
	enum charge c = charge_origin(f->origin, f->has_login || f->is_local, f->is_armed, grade);

	if (c == CHARGE_CLIENT)
		c = charge_copy(f);
	if (c != CHARGE_CLIENT || f->origin != GATE_SHARED)
		return c;
	if (!f->has_identity || f->spf == CHARGE_SPF_NO)
		return exempt(grade);
	return f->spf == CHARGE_SPF_PASS ? CHARGE_CLIENT : CHARGE_ASK;
}
