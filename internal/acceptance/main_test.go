// Package acceptance tests the product as a process on real parts, and measures it there. Only
// Slack is simulated.
package acceptance

import (
	"os"
	"testing"

	"github.com/atlilith/onboardbot/internal/cli"
	"github.com/atlilith/onboardbot/internal/sandbox/namespace"
)

// asProduct makes this test binary the product itself: the tests run it as a process of its own,
// with the race detector in it.
const asProduct = "ONBOARDBOT_AS_PRODUCT=1"

func TestMain(m *testing.M) {
	if os.Getenv("ONBOARDBOT_AS_PRODUCT") != "" {
		os.Exit(cli.Main(os.Args[1:]))
	}
	os.Exit(namespace.Main(m))
}
