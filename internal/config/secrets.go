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
func (d document) reveal(into any) []Problem {
	var problems []Problem
	walk(reflect.ValueOf(into), "", func(path string, value *secret.String) {
		resolved, err := resolve(*value)
		if err != nil {
			problems = append(problems, Problem{Line: d.line(path), Key: path, Text: err.Error()})
			return
		}
		*value = resolved
	})
	return problems
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
		if found, ok := value.Interface().(*secret.String); ok && found != nil {
			visit(strings.TrimPrefix(path, "."), found)
		} else if !value.IsNil() {
			walk(value.Elem(), path, visit)
		}
	case reflect.Struct:
		if value.CanAddr() {
			if found, ok := value.Addr().Interface().(*secret.String); ok {
				visit(strings.TrimPrefix(path, "."), found)
				return
			}
		}
		for i := range value.NumField() {
			field := value.Type().Field(i)
			name, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")
			switch {
			case !field.IsExported() || name == "-":
			case options == "inline":
				walk(value.Field(i), path, visit)
			default:
				walk(value.Field(i), path+"."+name, visit)
			}
		}
	case reflect.Slice:
		for i := range value.Len() {
			walk(value.Index(i), fmt.Sprintf("%s.%d", path, i), visit)
		}
	case reflect.Map:
		for _, key := range value.MapKeys() {
			// The values of a map have no address: a copy is walked and put back.
			element := reflect.New(value.Type().Elem()).Elem()
			element.Set(value.MapIndex(key))
			walk(element, path+"."+key.String(), visit)
			value.SetMapIndex(key, element)
		}
	}
}
