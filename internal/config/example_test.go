package config_test

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.yaml.in/yaml/v4"

	"github.com/atlilith/onboardbot/internal/config"
	"github.com/atlilith/onboardbot/internal/secret"
)

const example = "../../config.example.yaml"

// commented is a default in the example: a # right before a key, an element of a list, or an
// indented key. Prose has one space.
var commented = regexp.MustCompile(`(?m)^( *)#((?:  )*(?:- )?[a-z_0-9]+:)`)

// suggested is how to set what has no default, and continued the further lines of one.
var (
	suggested = regexp.MustCompile(`(?m)^( *)# e\.g\. ([a-z_0-9]+:)`)
	continued = regexp.MustCompile(`(?m)^( +)#(   )`)
)

func setSecrets(t *testing.T) {
	t.Helper()
	for name, value := range map[string]string{"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1",
		"DATABASE_URL":              "postgres://onboardbot@localhost/onboardbot",
		"PLATFORM_DATABASE_URL":     "postgres://onboarder@localhost/platform",
		"ISOLATION_DATABASE_URL":    "postgres://auditor@localhost/platform",
		"PLATFORM_APP_DATABASE_URL": "postgres://platform_app@localhost/platform"} {
		t.Setenv(name, value)
	}
}

// TestExampleShowsTheDefaults loads the example as it stands, and again with every default taken
// at its word.
func TestExampleShowsTheDefaults(t *testing.T) {
	setSecrets(t)
	without, err := config.Load(example, config.Everything...)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, uncommented(t), 0o600); err != nil {
		t.Fatal(err)
	}
	with, err := config.Load(path, config.Everything...)
	if err != nil {
		t.Fatal(err)
	}
	same := cmp.Comparer(func(a, b secret.String) bool { return a.Reveal() == b.Reveal() })
	if diff := cmp.Diff(without, with, same, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-the code's defaults +the example's)\n%s", diff)
	}
}

// TestExampleIsComplete looks for every key of the configuration in the example, and for nothing
// else in it.
func TestExampleIsComplete(t *testing.T) {
	t.Parallel()
	var content yaml.Node
	whole := continued.ReplaceAll(suggested.ReplaceAll(uncommented(t), []byte("$1$2")), []byte("$1$2"))
	if err := yaml.Load(whole, &content); err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	named(content.Content[0], "", there)
	for _, key := range keys(reflect.TypeFor[config.Config](), "") {
		pattern := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(key), `\*`, `[^.]+`) + "$")
		if !slices.ContainsFunc(slices.Collect(maps.Keys(there)), pattern.MatchString) {
			t.Errorf("%s is not in config.example.yaml", key)
		}
	}
}

// uncommented is the example with every default uncommented.
func uncommented(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	return commented.ReplaceAll(text, []byte("$1$2"))
}

// named collects the paths of all keys of a document; the elements of a list are one.
func named(node *yaml.Node, path string, into map[string]bool) {
	switch node.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			// Names that people choose may hold dots, such as public.notes.
			key := strings.TrimPrefix(path+"."+strings.ReplaceAll(node.Content[i].Value, ".", "_"), ".")
			into[key] = true
			named(node.Content[i+1], key, into)
		}
	case yaml.SequenceNode:
		for _, element := range node.Content {
			named(element, path+".*", into)
		}
	}
}

// keys are the paths of all keys of a type; what stands in a list or below names that people
// choose is *.
func keys(kind reflect.Type, path string) []string {
	var all []string
	switch {
	case kind.Kind() == reflect.Slice && kind.Elem().Kind() == reflect.Struct, kind.Kind() == reflect.Map &&
		kind.Elem().Kind() == reflect.Struct:
		return keys(kind.Elem(), path+".*")
	case kind.Kind() != reflect.Struct || kind == reflect.TypeFor[secret.String]():
		return nil
	}
	for i := range kind.NumField() {
		field := kind.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		switch {
		case name == "-" || !field.IsExported():
		case options == "inline":
			all = append(all, keys(field.Type, path)...)
		default:
			key := strings.TrimPrefix(path+"."+name, ".")
			all = append(append(all, key), keys(field.Type, key)...)
		}
	}
	return all
}
