# For people. The build itself is meson's (meson.build); tools/build lists the kinds of build, and
# tools/setup installs what a target needs.
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
ARGS ?=
FUZZ_SECONDS ?= 60
export BUILD FUZZ_SECONDS

.PHONY: help build run test test-log-kills test-publish-kills bench fuzz check install clean

help:
	@echo 'make run      set up this machine, build, and start the gateway (ARGS="--listen …")'
	@echo 'make test     set up, build with sanitizers, run all tests, print coverage'
	@echo 'make build    leave the program at $(BUILD)/modgate'
	@echo 'make bench    measure against nginx, the upstream and go; writes bench/RESULTS.md'
	@echo 'make fuzz     run each fuzz target for FUZZ_SECONDS (60)'
	@echo 'make check    format, clang-tidy, include directions, headers, banned functions'
	@echo 'make install  install under PREFIX ($(PREFIX)), below DESTDIR if set'
	@echo 'make clean    remove $(BUILD)/'

build:
	@tools/setup run
	@tools/build obj

run: build
	@exec $(BUILD)/modgate serve $(ARGS)

test:
	@tools/setup test
	@tools/run-tests

bench: build
	@tools/setup bench
	@PATH="$$(tools/get-go):$$PATH" bench/run.py $(ARGS)

test-publish-kills:
	@tools/setup test
	@tools/build test
	@PATH="$$(tools/get-go):$$PATH" MODGATE=$(abspath $(BUILD))/test/modgate MODGATE_BUILD=$(abspath $(BUILD))/test \
	  MODGATE_TEST_PUBLISH_KILLS=1000 /usr/bin/python3 -m pytest -q tests/e2e/test_publish_crash.py

test-log-kills:
	@tools/setup test
	@tools/build test
	@PATH="$$(tools/get-go):$$PATH" MODGATE=$(abspath $(BUILD))/test/modgate MODGATE_BUILD=$(abspath $(BUILD))/test \
	  MODGATE_TEST_LOG_KILLS=100 MODGATE_TEST_LOG_APPENDS=10000 \
	  /usr/bin/python3 -m pytest -q tests/e2e/test_sumdb_host_crash.py

fuzz:
	@tools/setup fuzz
	@tools/run-fuzz

check:
	@tools/setup check
	tools/check-format
	tools/check-layers
	tools/check-headers
	tools/check-banned
	tools/check-tidy

install: build
	meson configure $(BUILD)/obj -Dprefix=$(abspath $(PREFIX))
	DESTDIR=$(DESTDIR) meson install -C $(BUILD)/obj --quiet

clean:
	rm -rf $(BUILD)
