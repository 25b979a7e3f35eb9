/*
 * charge: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/charge.h"

enum charge charge_of_transaction(enum gate_origin origin, bool has_login, bool is_armed, enum grade *grade)
{
	if (has_login || origin == GATE_OWN || origin == GATE_LOGIN) {
		*grade = GRADE_INSIDER;
		return CHARGE_NOBODY;
	}
	if (origin == GATE_ALLOWED) {
		*grade = GRADE_EXEMPT;
		return CHARGE_NOBODY;
	}
	return is_armed ? CHARGE_CLIENT : CHARGE_NOBODY;
}

enum charge charge_of(const struct charge_facts *f, enum grade *grade)
{
	enum charge c = charge_of_transaction(f->origin, f->has_login || f->is_local, f->is_armed, grade);

	if (c != CHARGE_CLIENT || f->is_other_client)
		return CHARGE_NOBODY;
	if (f->was_asked)
		return f->is_named ? CHARGE_CLIENT : CHARGE_NOBODY;
	if (!f->is_orcpt)
		return CHARGE_NOBODY;
	return f->is_logged ? CHARGE_CLIENT : CHARGE_WAIT;
}
