# Everything that a developer runs. It needs Python 3.11 or later, make, and PyPI.
#
#   make demo      a real capture, replayed against a sample server
#   make test      the tests; those whose real server is missing are counted as skipped
#                  (TEST_PROCESSES=0 for one after the other; TMPDIR=/dev/shm for their files
#                  in memory; PYTEST_ARGUMENTS=--durations=40)
#   make servers   mitmproxy, grpcurl and Node's gRPC for those tests (apt-get install
#                  nginx-light nodejs npm)
#   make check     format, lint, types, import rules, locks, contract, generated code
#   make fidelity  replays captures and judges each byte that arrives, beside mitmproxy's
#                  (CAPTURES=dir for others than the tests'; FIDELITY_ARGUMENTS=--verbose)
#   make bench     rates, latencies and costs beside peers and bare loops (QUICK=1 for two
#                  minutes; ROUNDS=3; BENCH_ARGUMENTS="--json --no-peers")
#   make curves    what a flow costs as queue, contents, concurrency, watchers and log grow,
#                  with pictures (CURVES_ARGUMENTS="--only queue --depth 100000")
#   make profile   where a flow's microseconds go (PROFILE_ARGUMENTS="--method POST --tls")
#   make large     the memory and time that captures of a GiB need (SIZE_MIB= for others)
#   make in-flight the memory that 500 responses of 64 MiB at once need
#                  (IN_FLIGHT_ARGUMENTS="--spool --size-mib 8")
#   make fuzz      enqueues damaged and hostile captures, of every format
#                  (FORMAT=har COUNT=1000000 PROCESSES=2 SEED=7; ENGINE=atheris FORMAT=har)
#   make chaos     kills the daemon again and again and compares the books of clients, target
#                  and event log (CHAOS_ARGUMENTS="--rounds 1000 --seed 7")
#   make drain     stops daemons at random moments and looks whether anything is in doubt
#                  (DRAIN_ARGUMENTS="--runs 500 --seed 7")
#   make watchers  1,000 watchers of whom 100 never read, and what that costs everybody
#                  (WATCHERS_ARGUMENTS="--watchers 2000 --rate 50")
#   make resumes   10,000 watchers that come back at cursors of any age, under load and retention
#                  (RESUMES_ARGUMENTS="--resumes 100000 --seed 7")
#   make soak      an hour of everything at a steady rate, and what of the daemon grows
#                  (SOAK_ARGUMENTS="--minutes 480 --seed 7")
#   make chaos-controls  puts bugs into the daemon, one after the other: chaos has to find each
#   make powercut  cuts the power of the daemon's disk under load; takes root
#                  (POWERCUT_ARGUMENTS="--cuts 200 --seed 7", "--control normal")
#   make diskfull  fills the daemon's disk under load and frees it again; takes root
#                  (DISKFULL_ARGUMENTS="--cycles 100 --seed 7")
#   make ioerrors  has each call to the disk fail (IOERRORS_ARGUMENTS="--count 1000 --seed 7")
#   make freeze-journal  packs a journal of the newest version of the schema for the tests
#   make lowest    the tests without real processes, on the lowest versions of packages that
#                  pyproject.toml allows
#   make lock      the locks of all environments in tools/locks (LOCK_ARGUMENTS=--upgrade)
#   make audit     looks for known vulnerabilities in them
#   make corrupt   damages journals in every way and judges what is served (COUNT=2000 SEED=7)
#   make format    formats the code and the .proto files
#   make proto     generates the contract's code anew
#   make clean     removes what these made, the environments too

PYTHON ?= python3
# mitmproxy 12 asks for Python 3.12.
SERVERS_PYTHON ?= $(or $(shell tools/find_python.sh 3.13 3.12),$(PYTHON))
# Seconds after which a test run that hangs, at its very end too, is killed.
TEST_TIMEOUT ?= 900
# How many tests run at once; 0: one, in pytest's own process, where a debugger works.
TEST_PROCESSES ?= 2
PYTEST_ARGUMENTS ?=
CAPTURES ?=
FIDELITY_ARGUMENTS ?=
ENGINE ?= own
FORMAT ?=
COUNT ?= 20000
PROCESSES ?= 1
SEED ?=
SIZE_MIB ?= 1024
QUICK ?=
ROUNDS ?=
BENCH_ARGUMENTS ?=
CURVES_ARGUMENTS ?=
PROFILE_ARGUMENTS ?=
IN_FLIGHT_ARGUMENTS ?=
CHAOS_ARGUMENTS ?=
DRAIN_ARGUMENTS ?=
WATCHERS_ARGUMENTS ?=
RESUMES_ARGUMENTS ?=
SOAK_ARGUMENTS ?=
LOCK_ARGUMENTS ?=

# What an environment is made of is locked, and each file's hash compared. The project itself
# is built with what is there already.
LOCKED = -m pip install --quiet --disable-pip-version-check --require-hashes --requirement
OURSELVES = -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
  --editable .

# Some tests start programs of tests and tools: their bytecode is kept, and the tests' own.
PYTEST = -m pytest --numprocesses=$(TEST_PROCESSES) --dist=worksteal

BIN := .venv/bin

.DEFAULT_GOAL := help
# What the head of this file lists.
.PHONY: help bytecode $(shell sed -n 's/^\#   make \([a-z-]*\).*/\1/p' Makefile)

help:
	@sed -n '/^#   /s/^#   //p' Makefile

demo: bytecode
	@$(BIN)/python tools/demo.py

test: bytecode .venv-proto/.stamp
	PYTHONDONTWRITEBYTECODE= timeout --kill-after=10 $(TEST_TIMEOUT) $(BIN)/python $(PYTEST) \
	  $(PYTEST_ARGUMENTS)

servers: .venv-servers/.stamp

fidelity: bytecode
	@$(BIN)/python -m tools.fidelity $(FIDELITY_ARGUMENTS) $(CAPTURES)

bench: bytecode
	@$(BIN)/python -m benchmarks.run $(if $(QUICK),--quick) $(ROUNDS:%=--rounds %) \
	  $(BENCH_ARGUMENTS)

curves: bytecode .venv/.stamp-plots
	@$(BIN)/python -m benchmarks.curves $(CURVES_ARGUMENTS)
	@$(BIN)/python -m benchmarks.pictures

pictures: .venv/.stamp-plots
	@$(BIN)/python -m benchmarks.pictures

profile: bytecode
	@$(BIN)/python -m benchmarks.profile $(PROFILE_ARGUMENTS)

large: bytecode
	@$(BIN)/python -m benchmarks.large --size-mib $(SIZE_MIB)

in-flight: bytecode
	@$(BIN)/python -m benchmarks.in_flight $(IN_FLIGHT_ARGUMENTS)

# atheris has wheels for some versions of Python only, so it has an environment of its own.
fuzz: $(if $(filter atheris,$(ENGINE)),.venv-fuzz,.venv)/.stamp
	@$(<D)/bin/python -m tools.fuzz --engine $(ENGINE) --count $(COUNT) \
	  --processes $(PROCESSES) $(if $(SEED),--seed $(SEED)) $(FORMAT:%=--format %)

chaos: bytecode
	@$(BIN)/python -m tools.chaos $(CHAOS_ARGUMENTS)

powercut: bytecode
	@$(BIN)/python -m tools.disks.powercut $(POWERCUT_ARGUMENTS)

diskfull: bytecode
	@$(BIN)/python -m tools.disks.diskfull $(DISKFULL_ARGUMENTS)

ioerrors: bytecode
	@$(BIN)/python -m tools.disks.ioerrors $(IOERRORS_ARGUMENTS)

chaos-controls: bytecode
	@$(BIN)/python -m tools.chaos.controls

drain: bytecode
	@$(BIN)/python -m tools.drain $(DRAIN_ARGUMENTS)

check: .venv/.stamp .venv-proto/.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tools.locks --check
	.venv-proto/bin/buf lint
	.venv-proto/bin/buf format --diff --exit-code
	.venv-proto/bin/python tools/gen_proto.py --check

watchers: bytecode
	@$(BIN)/python -m tools.watchers $(WATCHERS_ARGUMENTS)

resumes: bytecode
	@$(BIN)/python -m tools.watchers.resumes $(RESUMES_ARGUMENTS)

soak: bytecode
	@$(BIN)/python -m tools.soak $(SOAK_ARGUMENTS)

freeze-journal: .venv/.stamp
	@$(BIN)/python -m tests.support.frozen_journals

lowest: .venv-lowest/.stamp
	timeout --kill-after=10 $(TEST_TIMEOUT) .venv-lowest/bin/python $(PYTEST) --quiet \
	  -p no:cacheprovider --ignore=tests/system --ignore=tests/docs --ignore=tests/contract \
	  $(PYTEST_ARGUMENTS)

lock: .venv-audit/.stamp
	@PATH=$(CURDIR)/.venv-audit/bin:$$PATH python -m tools.locks $(LOCK_ARGUMENTS)

audit: .venv-audit/.stamp
	@PATH=$(CURDIR)/.venv-audit/bin:$$PATH python -m tools.locks --audit

corrupt: bytecode
	@$(BIN)/python -m tools.corrupt --count $(if $(filter file,$(origin COUNT)),2000,$(COUNT)) $(if $(SEED),--seed $(SEED))

format: .venv/.stamp .venv-proto/.stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	.venv-proto/bin/buf format --write

proto: .venv-proto/.stamp
	.venv-proto/bin/python tools/gen_proto.py

clean:
	rm -rf .venv .venv-audit .venv-fuzz .venv-lowest .venv-proto .venv-servers build dist .fuzz
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find replayd protos clients tests tools benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# What pip does for a package that it installs, and leaves out for one that it only links to:
# where Python writes no bytecode (PYTHONDONTWRITEBYTECODE), each start would compile it all.
bytecode: .venv/.stamp
	@$(BIN)/python -m compileall -q replayd protos clients

# Each environment is made anew when what it is made from changes; the stamp comes last,
# so one that was interrupted does not count.
.venv/.stamp: tools/locks/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "replayd needs Python 3.11 or later; $(PYTHON) is `$(PYTHON) --version 2>&1`." \
	         "Try: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python $(LOCKED) $<
	$(BIN)/python $(OURSELVES)
	@touch $@

.venv/.stamp-plots: tools/locks/plots.txt .venv/.stamp
	$(BIN)/python $(LOCKED) $<
	@touch $@

.venv-proto/.stamp: tools/locks/proto.txt
	$(PYTHON) -m venv .venv-proto
	.venv-proto/bin/python $(LOCKED) $<
	@touch $@

.venv-fuzz/.stamp: tools/locks/fuzz.txt pyproject.toml
	$(PYTHON) -m venv .venv-fuzz
	.venv-fuzz/bin/python $(LOCKED) $<
	.venv-fuzz/bin/python $(OURSELVES)
	@touch $@

.venv-lowest/.stamp: tools/locks/lowest.txt pyproject.toml
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python $(LOCKED) $<
	.venv-lowest/bin/python $(OURSELVES)
	@touch $@

.venv-servers/.stamp: tools/locks/servers.txt examples/node/package-lock.json
	$(SERVERS_PYTHON) -m venv .venv-servers
	.venv-servers/bin/python $(LOCKED) $<
	mkdir -p .venv-servers/node
	cp examples/node/package.json examples/node/package-lock.json .venv-servers/node
	cd .venv-servers/node && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

.venv-audit/.stamp: tools/locks/audit.txt
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/python $(LOCKED) $<
	@touch $@
