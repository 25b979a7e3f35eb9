/*
 * test_capture_kill: capture in a process of its own, which dies by SIGKILL
 * before or after each system call in turn that others can see, while it gives
 * a message back for its riders. Around it live a Postfix, a parent, an engine,
 * and an LMTP client that brings the message again as Postfix would, for those
 * recipients who have no 250 yet. Each rider gets it once; never none.
 *
 * Where the parent dies with capture nobody can tell: two copies are possible,
 * by a death between the final dot and the note of its 250, and only there.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "capture_postfix.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define RECIPIENTS 3 /* trap, alice, bob */
#define STEPS_MAX 400
#define WAIT_MS 30000
#define SLOW 3        /* beats of 10 ms: our Postfix takes its time */
#define IDLE 20       /* beats: it has no patience with who sends nothing in the middle of a message */
#define HURRY_MS 6000 /* on a slow machine: after so long every second step, after twice that every third ... */

/* What the living capture tells the test, whenever it dies. */
static struct shared {
	long steps;   /* system calls begun, counted twice: before and after */
	long kill_at; /* the step at which it dies; 0: never */
	bool is_dotted, is_noted;
} * shared;
static bool is_child;
static pid_t child;
static int child_parent = -1, child_engine = -1; /* its ends, until it has them */

/* Not static: clang calls recv an inline function of the headers. */
void step(void);
void step(void)
{
	if (is_child && ++shared->steps == shared->kill_at)
		(void)syscall(SYS_kill, getpid(), SIGKILL);
}

/* ---- the system calls of capture: defined here, so that the libraries call these */

ssize_t send(int fd, const void *p, size_t n, int flags)
{
	bool is_dot = n >= 5 && memcmp((const char *)p + n - 5, "\r\n.\r\n", 5) == 0;
	ssize_t done;

	step();
	done = syscall(SYS_sendto, fd, p, n, flags, NULL, 0);
	if (is_child && is_dot && done == (ssize_t)n)
		shared->is_dotted = true;
	step();
	return done;
}

ssize_t recv(int fd, void *p, size_t n, int flags)
{
	ssize_t done;

	step();
	done = syscall(SYS_recvfrom, fd, p, n, flags, NULL, NULL);
	step();
	return done;
}

ssize_t __recv_chk(int fd, void *p, size_t n, size_t size, int flags)
{
	assert_true(n <= size);
	return recv(fd, p, n, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	ssize_t done;

	step();
	done = syscall(SYS_sendmsg, fd, m, flags);
	step();
	return done;
}

/* Only the notes are written so, and the size in a trace. */
ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	ssize_t done;

	step();
	done = syscall(SYS_pwrite64, fd, p, n, at);
	if (is_child && shared->is_dotted)
		shared->is_noted = true;
	step();
	return done;
}

/* A disk that is quick: what a killed process has written stays written without it. */
int fdatasync(int fd)
{
	(void)fd;
	step();
	step();
	return 0;
}

int fsync(int fd)
{
	return fdatasync(fd);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	int done;

	step();
	done = (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, 0);
	step();
	return done;
}

int shutdown(int fd, int how)
{
	int done;

	step();
	done = (int)syscall(SYS_shutdown, fd, how);
	step();
	return done;
}

/* ---- capture, as its own process */

static void live(void)
{
	is_child = true;
	parent_drops(); /* our copies of what belongs to others */
	if (postfix.fd >= 0)
		close(postfix.fd);
	host.loop = loop_new();
	host.parent = channel_new(host.loop, child_parent, ROLE_CAPTURE, ROLE_PARENT, on_capture, on_closed, NULL);
	host.link[ROLE_ENGINE] =
		channel_new(host.loop, child_engine, ROLE_CAPTURE, ROLE_ENGINE, on_capture, on_closed, NULL);
	if (!host.loop || !host.parent || !host.link[ROLE_ENGINE] || capture_ops.start(&host) != ERR_OK)
		_exit(1);
	capture_ops.serve(&host);
	if (!shared->kill_at)
		capture()->offers_ms = 0; /* the parent has told already */
	capture_ops.linked(&host, ROLE_ENGINE);
	_exit(loop_run(host.loop) == ERR_OK ? 0 : 1);
}

static void part(void)
{
	channel_free(engine);
	channel_free(parent);
	engine = parent = NULL;
}

static void bury(void)
{
	if (child > 0) {
		(void)kill(child, SIGKILL);
		assert_int_equal(waitpid(child, NULL, 0), child);
	}
	child = 0;
	part();
}

static void born(long kill_at)
{
	int e[2], p[2];

	*shared = (struct shared){ .kill_at = kill_at };
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, e), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, p), 0);
	child_engine = e[0];
	child_parent = p[0];
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		live();
	close(e[0]);
	close(p[0]);
	engine = channel_new(host.loop, e[1], ROLE_ENGINE, ROLE_CAPTURE, on_engine, on_closed, NULL);
	parent = channel_new(host.loop, p[1], ROLE_PARENT, ROLE_CAPTURE, on_parent, on_closed, NULL);
	assert_non_null(engine);
	assert_non_null(parent);
	parent_offers();
}

static bool is_dead(void)
{
	if (child > 0 && waitpid(child, NULL, WNOHANG) == child) {
		child = 0;
		part();
	}
	return child == 0;
}

/* ---- Postfix's LMTP client */

static const char *const rcpt[RECIPIENTS] = { TO_TRAP, "RCPT TO:<alice@pfx.test> ORCPT=rfc822;info@pfx.test\r\n",
	"RCPT TO:<bob@pfx.test>\r\n" };

/* One delivery to those that are left; they are ticked off as they hear 250. */
static void deliver(bool *is_left)
{
	uint64_t end = clock_mono_ms() + WAIT_MS;
	struct client *k = dial();
	char text[2048];
	size_t n = 0;
	unsigned want = 0, at = 0;
	struct slice s, line;

	n += (size_t)snprintf(text, sizeof text, "%s", LHLO XFORWARD "MAIL FROM:<s@spam.example>\r\n");
	for (int i = 0; i < RECIPIENTS; i++)
		if (is_left[i]) {
			n += (size_t)snprintf(text + n, sizeof text - n, "%s", rcpt[i]);
			want++;
		}
	(void)snprintf(text + n, sizeof text - n, "DATA\r\n" TEXT ".\r\n");
	(void)!send(k->fd, text, strlen(text), MSG_NOSIGNAL);
	for (hear(k); !k->is_eof && !is_dead() && replies(k, "") < 6 + 2 * want; hear(k)) {
		assert_true(clock_mono_ms() < end);
		assert_int_equal((int)loop_run(host.loop), ERR_OK);
	}
	s = slice_str(strstr(k->text, "354 ") ? strstr(k->text, "354 ") : "");
	(void)slice_line(&s, &line);
	for (int i = 0; i < RECIPIENTS; i++)
		if (is_left[i] && at++ < want && slice_line(&s, &line))
			is_left[i] = !slice_starts(line, SLICE_LIT("250"));
	hang_up(k);
}

/* ---- one history: the first capture dies at a step, its successors do not */

static long way_back; /* the first step at which there was a connection to Postfix */

struct outcome {
	bool was_killed;
	bool is_open; /* killed between the final dot and the note */
	unsigned copies[RIDERS];
};

static struct outcome history(long kill_at, bool has_parent_died, unsigned beats)
{
	bool is_left[RECIPIENTS] = { true, true, true };
	struct outcome o = { 0 };
	uint64_t end = clock_mono_ms() + WAIT_MS;

	clear(corpus_dir);
	postfix_gone();
	parent_drops();
	postfix_clear();
	postfix.slow = beats;
	hits = 0;
	born(kill_at);
	while (is_left[0] || is_left[1] || is_left[2]) {
		assert_true(clock_mono_ms() < end);
		deliver(is_left);
		if (is_dead()) {
			o.was_killed = true;
			if (postfix.connects && !way_back)
				way_back = kill_at;
			o.is_open = shared->is_dotted && !shared->is_noted;
			if (has_parent_died)
				parent_drops();
			born(0);
		}
		assert_int_equal((int)loop_run(host.loop), ERR_OK); /* a beat's rest */
	}
	bury();
	memcpy(o.copies, postfix.copies, sizeof o.copies);
	return o;
}

static void on_kill_beat(void *ctx)
{
	static unsigned idle;
	static size_t seen;

	on_postfix_beat(ctx);
	(void)is_dead();
	idle = postfix.is_data && postfix.n == seen ? idle + 1 : 0;
	seen = postfix.n;
	if (idle >= IDLE)
		postfix_gone();
}

static struct loop_watch *quick, *slow;

static int setup_kill(void **state)
{
	if (setup(state) != 0)
		return -1;
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return -1;
	postfix_clear();
	order = ORDER_JUNK;
	may_be_dead = true;
	quick = loop_every(host.loop, 1, on_beat, NULL);
	slow = loop_every(host.loop, 10, on_kill_beat, NULL);
	return quick && slow ? 0 : -1;
}

static int teardown_kill(void **state)
{
	bury();
	postfix_gone();
	parent_drops();
	loop_remove(quick);
	loop_remove(slow);
	(void)munmap(shared, sizeof *shared);
	return teardown(state);
}

/*
 * Each step in turn (where it is known: from the way back on), until a life is
 * over before its turn comes. Returns how many copies there were too many.
 */
static unsigned kill_everywhere(bool has_parent_died, unsigned beats)
{
	unsigned extra = 0, deaths = 0;
	uint64_t began = clock_mono_ms();
	long first = way_back ? way_back : 1, at = first;
	struct outcome o;

	do {
		o = history(at, has_parent_died, beats);
		for (int i = 0; i < RIDERS; i++) {
			if (o.copies[i] != 1 && !(o.copies[i] == 2 && has_parent_died && o.is_open))
				fail_msg("killed at step %ld: rider %d has %u copies", at, i, o.copies[i]);
			extra += o.copies[i] - 1;
		}
		deaths += o.was_killed;
		at += 1 + (long)((clock_mono_ms() - began) / HURRY_MS);
		assert_true(at < STEPS_MAX);
	} while (o.was_killed);
	print_message("# %u deaths, %u copies too many\n", deaths, extra);
	assert_true(at > first + 20);
	return extra;
}

static void test_once_wherever_it_dies(void **state)
{
	(void)state;
	assert_int_equal(kill_everywhere(false, 0), 0);
}

/* Postfix's answer to the final dot comes when the next capture is up. */
static void test_answer_comes_after_death(void **state)
{
	(void)state;
	assert_int_equal(kill_everywhere(false, SLOW), 0);
}

/* Two at most, never none, and two only between the final dot and the note. */
static void test_parent_dies_too(void **state)
{
	(void)state;
	assert_true(kill_everywhere(true, 0) <= 2 * 2 * 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_once_wherever_it_dies, setup_kill, teardown_kill),
		cmocka_unit_test_setup_teardown(test_answer_comes_after_death, setup_kill, teardown_kill),
		cmocka_unit_test_setup_teardown(test_parent_dies_too, setup_kill, teardown_kill),
	};

	return cmocka_run_group_tests_name("capture_kill", tests, NULL, NULL);
}
