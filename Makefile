# make help lists the targets. Each one works by itself on a fresh machine with a Swift toolchain.

LIBTORCH := $(CURDIR)/.deps/libtorch
SYRINX := .build/release/syrinx
DEMO_FLAGS ?=
TEST_FLAGS ?=
BENCH_FLAGS ?=

# SYRINX_LIBTORCH (auto, cpu, cuda or a folder) chooses the libtorch that setup brings: see scripts/setup.
export SYRINX_LIBTORCH ?= auto
export PKG_CONFIG_PATH := $(CURDIR)/.deps/pkgconfig$(if $(PKG_CONFIG_PATH),:$(PKG_CONFIG_PATH))
export LD_LIBRARY_PATH := $(LIBTORCH)/lib$(if $(LD_LIBRARY_PATH),:$(LD_LIBRARY_PATH))
# Spinning OpenMP threads make shared cores ten times slower.
export OMP_WAIT_POLICY := passive
export GOMP_SPINCOUNT := 0

# Build and test share one set of flags, so neither compiles what the other has compiled.
SWIFT_FLAGS := -c release --explicit-target-dependency-import-check error
ifeq ($(shell uname -s),Darwin)
# macOS strips library paths from the environment of protected programs: everything there carries a run path.
SWIFT_FLAGS += -Xlinker -rpath -Xlinker $(LIBTORCH)/lib
endif

.PHONY: help setup build demo demo-seeds demo-short test parity kills bench lint format docs fuzz sanitize clean

help: ## Lists the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: ## Installs what is missing: system libraries, libtorch in .deps.
	@scripts/setup

build: setup ## Compiles the library and the command, optimised.
	swift build $(SWIFT_FLAGS)

demo: build ## Trains a small MM1 from scratch and lets it describe pictures (DEMO_FLAGS passes options on).
	$(SYRINX) demo $(DEMO_FLAGS)

demo-seeds: build ## The demo with three seeds, as Documentation/Benchmarks.md shows them.
	$(SYRINX) demo --seeds 3 $(DEMO_FLAGS)

demo-short: build ## A shortened demo that proves the whole path, in half a minute once built.
	$(SYRINX) demo --short $(DEMO_FLAGS)

test: setup ## Runs all tests, in release mode as users run the code (TEST_FLAGS passes options on).
	swift test $(SWIFT_FLAGS) --disable-testable-imports $(TEST_FLAGS)

parity: setup ## Prints how far every stage and gradient is from the reference implementations (Documentation/Parity.md).
	@SYRINX_PARITY_TABLE=1 swift test $(SWIFT_FLAGS) --disable-testable-imports --filter Parity \
		| grep '^| ' | sort -t '|' -k 2,3 -k 4,4gr | awk -F '|' '!seen[$$2, $$3]++'

kills: build ## Kills a run of the demo's recipe ten times and compares it with one left alone (minutes).
	scripts/kill-and-resume $(SYRINX) 10 mm1-demo-short --set stages.0.steps=60 --set stages.1.steps=120 --set checkpoints.interval=10

# The peers live in an environment of their own; the CPU-only torch is taken where pip finds it.
BENCH_VENV := .deps/bench-venv
$(BENCH_VENV)/ready: Benchmarks/requirements.txt
	python3 -m venv $(BENCH_VENV)
	$(BENCH_VENV)/bin/pip install --quiet torch==2.13.0+cpu || $(BENCH_VENV)/bin/pip install --quiet torch==2.13.0
	$(BENCH_VENV)/bin/pip install --quiet --requirement $<
	touch $@

bench: build $(BENCH_VENV)/ready ## Measures against PyTorch, page by class in Benchmarks (BENCH_FLAGS: --works encoder-1,prefill).
	$(BENCH_VENV)/bin/python Benchmarks/bench.py .build/release/syrinx-bench .deps/bench-data $(BENCH_FLAGS)

lint: ## Checks formatting and the tree's hygiene.
	@scripts/lint

format: ## Formats every Swift file in place.
	@scripts/format

docs: build ## Builds the reference documentation into .build/docs.
	@scripts/docs

fuzz: setup ## Feeds every parser with mutated files (FUZZ_SECONDS each, default 20): finds stay in .build/fuzz/finds.
	@scripts/fuzz

sanitize: setup ## Runs the tests under AddressSanitizer, and those without libtorch under ThreadSanitizer (half an hour).
	@scripts/sanitize

clean: ## Removes what was built; .deps stays.
	swift package clean
