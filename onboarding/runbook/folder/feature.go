package folder

import (
	"fmt"
	"strings"

	"github.com/atlilith/onboardbot/onboarding"
)

// genericWord is the word that the platform uses for everyone; a slug may begin with it without
// owning it.
const genericWord = "provider"

// CheckFeature refuses a feature that is named after the Provider or their Org, by the whole slug
// or, as in merche-site, by its first word: a feature serves every Provider.
func CheckFeature(feature string, request onboarding.Request) error {
	for _, slug := range []string{request.Slug, request.Org.Slug} {
		if slug == "" {
			continue
		}
		first, _, _ := strings.Cut(slug, "-")
		whole := strings.Contains("-"+feature+"-", "-"+slug+"-")
		if whole || first != genericWord && strings.HasPrefix(feature, first+"-") {
			return fmt.Errorf("the feature %s is named after %s; features are provider-generic", feature, slug)
		}
	}
	return nil
}
