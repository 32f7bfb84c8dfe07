package main

import (
	"os"
	"testing"

	"github.com/atlilith/onboardbot/internal/sandbox/namespace"
)

// asProduct makes this test binary the product itself: the tests run it as a process of its own, with the race detector in it.
const asProduct = "ONBOARDBOT_AS_PRODUCT=1"

func TestMain(m *testing.M) {
	if os.Getenv("ONBOARDBOT_AS_PRODUCT") != "" {
		main()
		return
	}
	os.Exit(namespace.Main(m))
}
