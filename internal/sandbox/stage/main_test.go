package stage_test

import (
	"os"
	"testing"

	"github.com/atlilith/onboardbot/internal/cli"
	"github.com/atlilith/onboardbot/internal/sandbox/namespace"
)

// asProduct makes this test binary run as the product, so the race detector covers it.
const asProduct = "ONBOARDBOT_AS_PRODUCT=1"

func TestMain(m *testing.M) {
	if os.Getenv("ONBOARDBOT_AS_PRODUCT") != "" {
		os.Exit(cli.Main(os.Args[1:]))
	}
	os.Exit(namespace.Main(m))
}
