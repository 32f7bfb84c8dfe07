package isolation_test

import (
	"os"
	"testing"

	"github.com/atlilith/onboardbot/onboarding/isolation"
)

func TestShow(t *testing.T) {
	s := newSchema(t, base(t, "v3"), os.Getenv("SHOW"))
	code, err := isolation.Run(t.Context(), s.cfg, os.Stdout, "json", "")
	t.Log(code, err)
}
