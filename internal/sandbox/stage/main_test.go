package stage_test

import (
	"fmt"
	"os"
	"os/exec"
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
	// Inside of the namespace there is no network.
	if _, err := os.Stat(axe); err != nil {
		fetch := exec.Command("make", "-C", "../../..", ".build/axe-core/package/axe.min.js")
		if out, err := fetch.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "axe-core cannot be fetched: %v: %s\n", err, out)
			os.Exit(1)
		}
	}
	os.Exit(namespace.Main(m))
}
