/*
 * doctor_update: our list in the zone of a primary DNS server (dns-update): is
 * the key as it should be, does the server take what we send, is the zone what
 * it should be.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/doctor.h"
#include "ctl/render.h"

#include <string.h>
#include <sys/stat.h>

#define NAME "dns-update"
#define LATE_S 600 /* a zone that has not been even for so long */

static void check_key(struct doctor *d, const struct doctor_daemon_facts *f)
{
	const char *path = d->conf->dns_update.key_file;
	struct stat st;

	if (!f->is_root || stat(path, &st) != 0 || !(st.st_mode & (S_IROTH | S_IWOTH)))
		return;
	doctor_addf(d, DOCTOR_FAIL, NAME, "whoever reads the key can change the zone",
		"make a new key, for the DNS server too, in a file with mode 0640", "others can read or write %s",
		path);
}

static const char *remedy(const char *state)
{
	static const struct {
		const char *state, *mend;
	} mends[] = {
		{ "key", "tsig-keygen NAME >FILE; chmod 0640 FILE; dns-update key-file; then: limetwig reload" },
		{ "unreachable", "start it; is dns-update server its address and port?" },
		{ "refused", "allow updates and transfers of the zone for the key: man limetwig.conf" },
		{ "notauth", "dns-update zone must be a zone that it is primary for" },
		{ "badtime", "chronyc tracking, here and there" },
		{ "badkey", "the same name, algorithm and secret of the key on both sides" },
		{ "badsig", "the same name, algorithm and secret of the key on both sides" },
	};

	for (size_t i = 0; i < sizeof mends / sizeof *mends; i++)
		if (strcmp(mends[i].state, state) == 0)
			return mends[i].mend;
	return "its log says more";
}

void doctor_check_update(struct doctor *d, const struct doctor_daemon_facts *f)
{
	const json_t *t = json_object_get(f->status, "dns_update");
	uint64_t good = render_number(t, "good");
	size_t before = d->count;

	if (!t)
		return;
	check_key(d, f);
	if (!render_bool(t, "up"))
		doctor_add(d, DOCTOR_FAIL, NAME, "nothing updates the zone", "it stays as it is",
			"journalctl -u limetwigd: why does publish end?");
	else if (render_bool(t, "wrong"))
		doctor_addf(d, DOCTOR_FAIL, NAME, "its zone stays as it is; what changes here is not seen there",
			remedy(doctor_text(t, "state")), "%s: %s: %s", doctor_text(t, "server"),
			doctor_text(t, "state"), doctor_text(t, "text"));
	else if (good && render_bool(t, "pending") && f->now > good + LATE_S)
		doctor_addf(d, DOCTOR_WARN, NAME, "the zone lags behind", "is the server overloaded? its log says more",
			"%s has not been up to date for %llu s", doctor_text(t, "server"),
			(unsigned long long)(f->now - good));
	if (render_number(t, "left_out"))
		doctor_addf(d, DOCTOR_WARN, NAME, "who is on these feeds only is not all in the zone",
			"serve large feeds by our own DNS server (dnsbl) or an export for rbldnsd",
			"%llu names of feeds are too many", (unsigned long long)render_number(t, "left_out"));
	if (d->count == before)
		doctor_addf(d, DOCTOR_OK, NAME, NULL, NULL, "%s has %llu names in %s%s", doctor_text(t, "server"),
			(unsigned long long)render_number(t, "names"), doctor_text(t, "zone"),
			render_bool(t, "acting") ? "" : ", test entries only: blocks do not act now");
}
