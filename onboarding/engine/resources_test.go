package engine

import (
	"slices"
	"testing"

	"github.com/atlilith/onboardbot/onboarding"
)

// TestResources has a change wait for each lock of its commands once, on every host.
func TestResources(t *testing.T) {
	nginx := onboarding.HostLock{Host: "vps-0", Name: "nginx"}
	var got []string
	for _, r := range resources(onboarding.Change{Items: []onboarding.Item{
		{Command: &onboarding.Command{Host: "vps-0", Lock: "nginx"}},
		{Command: &onboarding.Command{Host: "apricot", Lock: "repo", AlsoLock: nginx}},
		{Command: &onboarding.Command{Host: "apricot"}},
	}}) {
		got = append(got, r.what)
	}
	if want := []string{"the repo lock of apricot", "the nginx lock of vps-0"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
