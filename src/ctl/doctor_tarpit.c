/*
 * doctor_tarpit: our SMTP server for blocked hosts: are all its processes up,
 * may it take as many connections as it is configured for, and does it; has it
 * the TLS that is wanted?
 * SPDX-License-Identifier: ISC
 */
#include "ctl/doctor.h"
#include "ctl/render.h"

#include <string.h>

#define NAME "tarpit"

static void check_cap(struct doctor *d, const json_t *t)
{
	unsigned long long cap = render_number(t, "cap"), wished = render_number(t, "configured");
	bool is_conntrack = strcmp(doctor_text(t, "cap_reason"), "conntrack") == 0;

	if (cap < wished)
		doctor_addf(d, DOCTOR_WARN, NAME, "blocked hosts beyond that are refused with 421",
			is_conntrack
				? "sysctl net.netfilter.nf_conntrack_max=N, then: limetwig reload; or lower tarpit "
				  "connections"
				: "LimitNOFILE in the systemd unit, or more tarpit processes; or lower tarpit "
				  "connections",
			"takes %llu connections, not the %llu configured: %s", cap, wished,
			is_conntrack ? "a quarter of nf_conntrack_max" : "file descriptors");
	else
		doctor_addf(d, DOCTOR_OK, NAME, NULL, NULL, "%llu of %llu connections, %llu held",
			(unsigned long long)render_number(t, "connections"), cap,
			(unsigned long long)render_number(t, "held"));
}

void doctor_check_tarpit(struct doctor *d, const struct doctor_daemon_facts *f)
{
	const json_t *t = json_object_get(f->status, "tarpit");
	unsigned long long down = render_number(t, "down");

	if (!t)
		return;
	check_cap(d, t);
	if (down)
		doctor_addf(d, DOCTOR_FAIL, NAME, "the blocked hosts that the kernel gives to it wait for it",
			"journalctl -u limetwigd: why does it end?", "%llu of %llu processes are down", down,
			(unsigned long long)render_number(t, "processes"));
	if (*doctor_text(t, "tls_off")) {
		bool is_files = strcmp(doctor_text(t, "tls_off"), "files") == 0;

		doctor_addf(d, DOCTOR_WARN, NAME, "a blocked host that insists on TLS does not hear why it is refused",
			is_files ? "journalctl -u limetwigd says why; mend the file, then: limetwig reload"
				 : "journalctl -u limetwigd says why; it is tried again each minute",
			"offers no TLS: %s",
			is_files ? "tls-certificate or tls-key is no good" : "no key could be made");
	}
	if (render_bool(t, "paused"))
		doctor_add(d, DOCTOR_WARN, NAME, "takes no connections now: no descriptors or no memory left",
			"blocked hosts wait; mail is not touched",
			"it goes on by itself within a tenth of a second of there being some; look for what uses them");
}
