package config

import (
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/atlilith/onboardbot/internal/secret"
)

// file is the prefix of a secret that is read from a file: "file:/run/secrets/bot_token". Line
// breaks at its end are removed.
const file = "file:"

// reveal replaces every secret that names a file or environment variables by its value, and
// records those that it cannot read.
func (r *reading) reveal() {
	walk(reflect.ValueOf(r.config), "", func(path string, value *secret.String) {
		if origin := secretOrigin(*value); origin != "" {
			r.origins[path] = origin
		}
		resolved, err := resolve(*value)
		if err != nil {
			r.secrets = append(r.secrets, Problem{Line: r.document.line(path), Key: path, Text: err.Error()})
			return
		}
		*value = resolved
	})
}

// secretOrigin names the file or variables that have a secret's value; it is empty if the
// configuration has it.
func secretOrigin(value secret.String) string {
	if path, isFile := strings.CutPrefix(value.Reveal(), file); isFile {
		return "file " + path
	}
	var names []string
	for _, name := range value.References() {
		names = append(names, "$"+name)
	}
	return strings.Join(names, ", ")
}

func resolve(value secret.String) (secret.String, error) {
	path, isFile := strings.CutPrefix(value.Reveal(), file)
	if !isFile {
		resolved, err := value.Expand()
		if err != nil {
			return secret.String{}, fmt.Errorf("%w; set it, or give the value in a file as file:/path", err)
		}
		return resolved, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return secret.String{}, fmt.Errorf("cannot read the secret's file: %w", err)
	}
	return secret.New(strings.TrimRight(string(text), "\r\n")), nil
}

// walk calls visit for every secret below a value, with its path in YAML.
func walk(value reflect.Value, path string, visit func(string, *secret.String)) {
	switch value.Kind() {
	case reflect.Pointer:
		if !value.IsNil() {
			walk(value.Elem(), path, visit)
		}
	case reflect.Struct:
		if found, ok := value.Addr().Interface().(*secret.String); ok {
			visit(path, found)
			return
		}
		for name, field := range fields(value) {
			walk(field, join(path, name), visit)
		}
	case reflect.Slice:
		for i := range value.Len() {
			walk(value.Index(i), join(path, index(i)), visit)
		}
	case reflect.Map:
		for _, key := range value.MapKeys() {
			// The values of a map are not addressable, so a copy is changed and put back.
			element := reflect.New(value.Type().Elem()).Elem()
			element.Set(value.MapIndex(key))
			walk(element, join(path, key.String()), visit)
			value.SetMapIndex(key, element)
		}
	}
}
