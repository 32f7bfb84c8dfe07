package hosts_test

import (
	"fmt"

	"github.com/atlilith/onboardbot/onboarding/hosts"
)

// Arguments are data. Whatever people typed into one, the shell of the host reads it as that
// argument.
func ExampleCommand_String() {
	command := hosts.Command{
		Argv: []string{"./run", "deploy:merche; rm -rf ~", "it's $HOME"},
		Dir:  "~/Code",
		Env:  map[string]string{"LC_ALL": "C"},
	}
	fmt.Println(command)
	// Output:
	// cd ~/Code && LC_ALL=C ./run 'deploy:merche; rm -rf ~' 'it'"'"'s $HOME'
}
