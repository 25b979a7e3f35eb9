/*
 * charge: who pays for a hit (DESIGN 3 and 6). Facts in, verdict out; what a
 * hit is worth is for core/score. The rule, first match wins:
 *
 *   a login, this host itself, an own network   nobody: insider, an alarm
 *   a client of tier never, a forwarder whose
 *   mail does not tell where it had it from     nobody: exempt
 *   a client of tier shared                     as below, but the sender identity pays, and only where
 *                                               SPF passes for it; until that is known: ask
 *   no trap any more, or not armed              nobody
 *   another client had this queue id            nobody: an older message
 *   we were asked at RCPT                       the client, if it named the trap; else an alias
 *                                               or .forward did, and nobody pays
 *   not asked, ORCPT is not the trap            nobody: came through an alias
 *   not asked, the log proves a foreign client
 *   without a login                             the client
 *   not asked, the log does not say yet         wait for it
 *
 * Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_CHARGE_H
#define CORE_CHARGE_H
#include "core/gate.h"
#include "core/grade.h"

enum charge {
	CHARGE_NOBODY = 0,
	CHARGE_CLIENT,
	CHARGE_WAIT, /* nobody, until the log tells who sent this queue id */
	CHARGE_ASK,  /* nobody, until SPF is known for the sender at this shared provider */
};

enum charge_spf { CHARGE_SPF_UNKNOWN = 0, CHARGE_SPF_PASS, CHARGE_SPF_NO };

/* Of one copy for one trap. */
struct charge_facts {
	enum gate_origin origin; /* of the client; GATE_OWN where the copy names none */
	bool has_identity;       /* shared only: there is a sender to charge */
	enum charge_spf spf;     /* shared only */
	bool is_local;           /* the copy says that it was made on this host */
	bool has_login;          /* policy server or log: authenticated, or a submission port */
	bool is_armed;           /* it is a trap of ours, armed */
	bool is_other_client;    /* what we know of this queue id is of another client */
	bool was_asked;          /* the policy server saw its recipients */
	bool is_named;           /* the trap among them */
	bool is_orcpt;           /* the copy's original recipient is the trap itself */
	bool is_logged;          /* the log proves: a foreign client without a login */
};

/* *grade: what the content says; becomes insider or exempt where that is the reason. */
enum charge charge_of(const struct charge_facts *f, enum grade *grade);

/* A hit without content (probe, unseen), by the policy server alone: only its first lines hold, and SPF is never waited for. */
enum charge charge_of_transaction(
	enum gate_origin origin, bool is_spf_proven, bool has_login, bool is_armed, enum grade *grade);

#endif /* CORE_CHARGE_H */
