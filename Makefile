# Each target installs what it needs on a Debian machine with Go.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

# Docker where its daemon answers, and podman otherwise.
CONTAINER = $(shell docker info >/dev/null 2>&1 && echo docker || echo podman)

.PHONY: demo test lint bench build install image image-test

# Play a whole onboarding by two operators, on real parts, in this terminal.
demo: install build
	go run ./internal/sandbox/demo -bot ./onboardbot

# Everything, with the race detector.
test: install lint
	go test -race -timeout 20m -p 3 ./...

lint:
	@test -z "$$(gofmt -l .)" || { gofmt -l . ; echo "not gofmt-ed" >&2; exit 1; }
	go vet ./...
	go run $(STATICCHECK) ./...

# The ratios that the README quotes, each measured against its baseline in the same run.
bench: install
	go test -run '^$$' -bench . -benchtime 1x ./...

build:
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o onboardbot .

# The container image. podman keeps the health check in Docker's format alone.
image:
	BUILDAH_FORMAT=docker $(CONTAINER) build --tag onboardbot .

# Onboard a Provider with the image in the world of the demo, as root: podman starts a container there, Docker's daemon cannot.
image-test: install
	$(MAKE) image CONTAINER=podman
	go run ./internal/sandbox/image

install:
	@internal/sandbox/install
