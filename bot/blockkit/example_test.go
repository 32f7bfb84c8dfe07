package blockkit_test

import (
	"fmt"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
)

// Text from people is escaped first and cut after, so nothing in it becomes a mention, and no
// entity is cut in half.
func ExampleTruncate() {
	typed := "<!channel> Merche & Biche"
	fmt.Println(blockkit.Escape(typed))
	fmt.Println(blockkit.Truncate(blockkit.Escape(typed), 31))
	// Output:
	// &lt;!channel&gt; Merche &amp; Biche
	// &lt;!channel&gt; Merche &amp; …
}

// Fit keeps a message within Slack's limits and says where the rest is.
func ExampleFit() {
	blocks := []slack.Block{blockkit.Header("Onboarding of merche-biche")}
	for i := range 60 {
		blocks = append(blocks, blockkit.Section(fmt.Sprintf("Step %d", i+1)))
	}
	more := blockkit.Context("The other steps are in the thread.")
	fitting, over := blockkit.Fit(blocks, blockkit.InMessage, more)
	fmt.Println(len(fitting), over)
	fmt.Println(blockkit.Weight(fitting...) <= blockkit.MaxMessageWeight)
	// Output:
	// 50 true
	// true
}
