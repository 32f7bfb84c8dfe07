package render

import (
	"fmt"
	"strings"

	"github.com/atlilith/onboardbot/onboarding"
)

func BrandWords(brand *onboarding.Brand) string {
	colors := brand.Palette
	words := []string{fmt.Sprintf("%s on %s with %s and %s", colors.Text, colors.Background, colors.Primary, colors.Accent)}
	if brand.Copy != "" {
		words = append(words, fmt.Sprintf("%d characters of copy", len([]rune(brand.Copy))))
	}
	if brand.Logo != "" {
		words = append(words, "a logo")
	}
	return strings.Join(words, ", ")
}
