# A small front to meson. `sudo make demo` and `sudo make check` do all their
# own set-up on a fresh Debian 12.
# SPDX-License-Identifier: ISC
BUILD = build
DESTDIR =
FUZZ_TIME = 60
FUZZ_TARGETS =
KILLS = 100
RATE = 60
FAULT_POINTS = 10000
FAULT_SEED = 0
FAULT_KINDS = random,parent,turn,error,alloc,disk,read-only,clock
FAULT_SHARE = 1
MESON_OPTIONS =
PYTHON = /usr/bin/python3

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

# modules are found by folder: a new file changes its folder, and meson looks again
$(BUILD)/build.ninja: $(wildcard src/* tests/unit tests/fuzz)
	@command -v meson >/dev/null || { echo "The build needs packages: tools/install-packages.sh build run"; exit 1; }
	meson setup $(if $(wildcard $@),--reconfigure) $(BUILD) $(MESON_OPTIONS)
	@touch $@

demo:
	tools/install-packages.sh build run demo
	$(MAKE) -s $(BUILD)/build.ninja
	ninja -C $(BUILD) limetwigd limetwig
	@$(MAKE) -s give-back
	$(PYTHON) tests/e2e/demo.py --build $(BUILD)

check:
	@python3 tools/run-checks.py

# all numbers, beside other programs, into bench/RESULTS.md; BENCH_SHORT=1: to try it
bench: all
	tools/install-packages.sh bench
	$(PYTHON) bench/run.py --build $(BUILD)

# every role killed at FAULT_POINTS random moments and at each of its system calls, each write and allocation failing, bad disks,
# wrong clocks (tests/faults/run.py; FAULT_SEED repeats a run); then kill -9 under the load of a real Postfix
faults: all
	$(PYTHON) tests/faults/run.py --build $(BUILD) --points $(FAULT_POINTS) --seed $(FAULT_SEED) --kinds $(FAULT_KINDS) \
		--share $(FAULT_SHARE)
	$(PYTHON) tests/e2e/faults.py --build $(BUILD) --kills $(KILLS) --rate $(RATE)

# seconds of the processor for each target, or for those named; goes on where it was stopped
fuzz:
	$(PYTHON) tools/fuzz.py --time $(FUZZ_TIME) $(FUZZ_TARGETS)

# what the tests run of src/base and src/core, and where they run least
coverage:
	@test -e build-clang/build.ninja || CC=clang meson setup build-clang -Dcoverage=true
	meson setup --reconfigure build-clang -Dcoverage=true
	ninja -C build-clang
	tools/coverage.py build-clang --files 25

lint: all
	tools/run-lint.sh $(BUILD)

# the Debian package, in build-deb/
deb:
	tools/make-deb.sh

# what is installed and no more: the tests take most of a build
install: $(BUILD)/build.ninja
	ninja -C $(BUILD) limetwigd limetwig
	@$(MAKE) -s give-back
	meson install -C $(BUILD) --no-rebuild $(if $(DESTDIR),--destdir $(DESTDIR))
	DESTDIR=$(DESTDIR) tools/install-host.sh install

# run `limetwig uninstall` first: it takes limetwig out of Postfix and the firewall
uninstall:
	DESTDIR=$(DESTDIR) ninja -C $(BUILD) uninstall
	DESTDIR=$(DESTDIR) tools/install-host.sh uninstall

clean:
	rm -rf build build-asan build-clang build-fuzz

# under sudo the build stays the user's
give-back:
	@test -z "$$SUDO_UID" || chown -R "$$SUDO_UID:$$SUDO_GID" $(BUILD)

.PHONY: all demo check bench faults fuzz coverage lint deb install uninstall clean give-back
