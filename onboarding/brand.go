package onboarding

import "github.com/atlilith/onboardbot/onboarding/brand"

// Brand is how the sites of an Org look. The logo's content is kept apart from the request.
type Brand struct {
	Copy    string        `json:"copy,omitempty"`
	Palette brand.Palette `json:"palette"`
	// Logo is the digest of the logo's content, empty where there is none.
	Logo string `json:"logo,omitempty"`
}

// check returns a sentence about what is wrong with a brand, or nothing. Copy, palette and logo
// were checked when they were entered, each at its own field.
func (b *Brand) check(mode Mode) string {
	if mode != ModeOwner {
		return "Only a Provider who owns an Org has a brand: leave it out, or choose " + ModeOwner.String() + "."
	}
	_, problem := brand.CheckCopy(b.Copy)
	return problem
}
