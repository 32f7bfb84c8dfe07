package deployconfig_test

import (
	"fmt"

	"github.com/atlilith/onboardbot/onboarding/deployconfig"
)

// A domain goes live by one word. Comments, quotes and the order of the keys stay as they are.
func ExampleSetHeldBack() {
	src := `# Merche's site; ask Quinn before you touch it.
domain: 'merche-biche.com'
feature: provider-site   # the same for every Provider
aliases: [www.merche-biche.com]
deploy_state:
  held_back: true  # until the certificate is there
  note: "first deploy"
`
	out, err := deployconfig.SetHeldBack([]byte(src), false)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(string(out))
	// Output:
	// # Merche's site; ask Quinn before you touch it.
	// domain: 'merche-biche.com'
	// feature: provider-site   # the same for every Provider
	// aliases: [www.merche-biche.com]
	// deploy_state:
	//   held_back: false  # until the certificate is there
	//   note: "first deploy"
}
