package config

import (
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/atlilith/onboardbot/internal/secret"
)

// file marks a secret that stands in a file: "file:/run/secrets/bot_token". Its last line break is not part of it.
const file = "file:"

// reveal replaces every secret that names a file or an environment variable by its value, and reports those it could not.
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

// secretOrigin says where a secret's value is if it is not in the configuration itself.
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
		return secret.String{}, fmt.Errorf("the secret's file cannot be read: %w", err)
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
			// The values of a map have no address: a copy is walked and put back.
			element := reflect.New(value.Type().Elem()).Elem()
			element.Set(value.MapIndex(key))
			walk(element, join(path, key.String()), visit)
			value.SetMapIndex(key, element)
		}
	}
}
