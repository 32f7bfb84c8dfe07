package deployconfig

import "fmt"

// FirstWord is the name of a source's first directive.
func FirstWord(src []byte) (string, error) {
	conf, err := parseNginx(src)
	if err != nil || len(conf.directives) == 0 {
		return "", err
	}
	return conf.directives[0].name(), nil
}

// ReadScript returns the variables' values. Each must be assigned once, a constant, outside
// functions and conditions.
func ReadScript(src []byte) (Script, error) {
	assigned, err := parseScript(src)
	if err != nil {
		return Script{}, fmt.Errorf("deploy.sh: %w", err)
	}
	return assigned.script(), nil
}
