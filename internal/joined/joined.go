// Package joined takes errors of [errors.Join] apart, which validation returns.
package joined

import "fmt"

// Errors returns the errors that were joined, in their order and at any depth. It returns nothing
// for nil.
func Errors(err error) []error {
	several, ok := err.(interface{ Unwrap() []error })
	if !ok {
		if err == nil {
			return nil
		}
		return []error{err}
	}
	var all []error
	for _, one := range several.Unwrap() {
		all = append(all, Errors(one)...)
	}
	return all
}

// Under returns the errors that were joined, each behind a key of the configuration and a dot.
func Under(key string, err error) []error {
	all := Errors(err)
	for i, one := range all {
		all[i] = fmt.Errorf("%s.%w", key, one)
	}
	return all
}
