package access

import (
	"fmt"
	"testing"
)

func TestConfigNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	config := Config{Command: "onboard", Channels: []string{"#ops"}, Operators: []string{"ana"}}
	config.Defaults()
	want := `command: "onboard" is not a slash command, such as /onboard
channels[0]: "#ops" is not the id of a channel, such as C0123ABCD
operators[0]: "ana" is not the id of a person (U…) or a user group (S…)
approvers: name at least one person or user group`
	if got := fmt.Sprint(config.Validate()); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
