# Each target installs what it needs on a Debian machine with Go.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: demo test lint bench build install

# Play a whole onboarding by two operators, on real parts, in this terminal.
demo: install build
	go run ./internal/sandbox/demo -bot ./onboardbot

# Everything, with the race detector.
test: install lint
	go test -race -timeout 20m ./...

lint:
	@test -z "$$(gofmt -l .)" || { gofmt -l . ; echo "not gofmt-ed" >&2; exit 1; }
	go vet ./...
	go run $(STATICCHECK) ./...

# The ratios that the README quotes, each measured against its baseline in the same run.
bench: install
	go test -run '^$$' -bench . -benchtime 1x ./...

build:
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o onboardbot .

install:
	@internal/sandbox/install
