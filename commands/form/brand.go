package form

import (
	"fmt"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/onboarding/brand"
)

// brand asks how the Org's sites look. All of it is optional.
func (f *fields) brand(d Draft) {
	f.blocks = append(f.blocks, slack.NewDividerBlock(),
		blockkit.Section("*How the sites look*\nAll of this is optional."))
	f.typed(blockCopy, "Site copy", "Plain text.", textArea("Welcome.", d.Copy)).Optional = true
	colors := brand.DefaultPalette
	f.typed(blockPalette, "Colours", "Background, text, primary and accent, as hex. You can leave out the last ones.",
		textInput(fmt.Sprintf("%s, %s, %s, %s", colors.Background, colors.Text, colors.Primary, colors.Accent),
			d.Palette)).Optional = true
	hint := fmt.Sprintf("PNG, JPEG, WebP or SVG, at most %d MB.", brand.MaxLogoSize>>20)
	if d.Logo != "" {
		hint = "The uploaded logo is kept. Choose another file to replace it."
	}
	logo := slack.NewFileInputBlockElement(ActionInput).WithFileTypes("png", "jpg", "jpeg", "webp",
		"svg").WithMaxFiles(1)
	f.add(BlockLogo, "Logo", hint, logo).Optional = true
}
