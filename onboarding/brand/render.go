package brand

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/atlilith/onboardbot/templates"
)

// Folder is the folder of an Org's site files, below the folder of its domain.
const Folder = "org-site"

// Template is the configuration that is rendered if the platform has none of its own.
func Template() []byte { return templates.OrgSite() }

// Render returns the org-site files by their paths below the domain's folder. The template is a
// YAML mapping with placeholders in its strings: {name}, {copy}, {background}, {text}, {primary},
// {accent} and {logo}. If a value is nothing but a placeholder, and that is empty, its key is left
// out. Values are set in the parsed document, never in its text; the result is parsed again and
// compared.
func Render(ctx context.Context, b Brand, template []byte) (map[string][]byte, error) {
	if err := b.check(ctx); err != nil {
		return nil, err
	}
	values := map[string]string{
		"{name}": strings.TrimSpace(b.Name), "{copy}": b.Copy, "{logo}": "",
		"{background}": string(b.Palette.Background), "{text}": string(b.Palette.Text),
		"{primary}": string(b.Palette.Primary), "{accent}": string(b.Palette.Accent),
	}
	files := map[string][]byte{}
	if b.Logo != nil {
		file := path.Join("assets", b.Logo.File())
		values["{logo}"] = file
		files[path.Join(Folder, file)] = b.Logo.Content
	}
	config, err := fill(template, values)
	if err != nil {
		return nil, fmt.Errorf("brand: template: %w", err)
	}
	files[path.Join(Folder, "config.yaml")] = config
	return files, nil
}

// check refuses a brand that this package's own checks did not return.
func (b Brand) check(ctx context.Context) error {
	if err := checkName(b.Name); err != nil {
		return err
	}
	if clean, problem := tidyCopy(b.Copy); problem != "" || clean != b.Copy {
		return fmt.Errorf("brand: copy: %s", problem)
	}
	problems := b.Palette.Check()
	for _, field := range slices.Sorted(maps.Keys(problems)) {
		return fmt.Errorf("brand: %s: %s", field, problems[field])
	}
	if b.Logo != nil {
		if again, problem := CheckLogo(ctx, b.Logo.File(), b.Logo.Content); problem != "" || again.Type != b.Logo.Type {
			return fmt.Errorf("brand: logo: %s", problem)
		}
	}
	return nil
}

var placeholder = regexp.MustCompile(`\{[a-z_]+\}`)

// fill sets the values of a template.
func fill(template []byte, values map[string]string) ([]byte, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(template, &document); err != nil {
		return nil, err
	}
	if document.Kind != yaml.DocumentNode || document.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("is not a YAML mapping")
	}
	var plain any
	if err := yaml.Unmarshal(template, &plain); err != nil {
		return nil, err
	}
	want, err := expected(plain, values)
	if err != nil {
		return nil, err
	}
	set(&document, values)
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := errors.Join(encoder.Encode(&document), encoder.Close()); err != nil {
		return nil, err
	}
	var got any
	if err := yaml.Unmarshal(out.Bytes(), &got); err != nil {
		return nil, fmt.Errorf("does not read back: %w", err)
	}
	if !reflect.DeepEqual(got, want) {
		return nil, errors.New("does not read back as the values that were set")
	}
	return out.Bytes(), nil
}

// set sets the placeholders of a document. A value of several lines becomes a literal block, any
// other a string in double quotes.
func set(n *yaml.Node, values map[string]string) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" && placeholder.MatchString(n.Value) {
		n.Value, n.Style = replace(n.Value, values), yaml.DoubleQuotedStyle
		if strings.Contains(n.Value, "\n") {
			n.Style = yaml.LiteralStyle
		}
	}
	if n.Kind == yaml.MappingNode {
		for i := len(n.Content) - 2; i >= 0; i -= 2 {
			if absent(n.Content[i+1].Value, values) {
				n.Content = slices.Delete(n.Content, i, i+2)
			}
		}
		for i := 1; i < len(n.Content); i += 2 {
			set(n.Content[i], values)
		}
		return
	}
	for _, child := range n.Content {
		set(child, values)
	}
}

// absent reports whether a text is nothing but a placeholder that is empty.
func absent(text string, values map[string]string) bool {
	value, known := values[text]
	return known && value == ""
}

// replace goes over the text once, so no value is read as a placeholder.
func replace(text string, values map[string]string) string {
	return placeholder.ReplaceAllStringFunc(text, func(name string) string { return values[name] })
}

// expected returns the template's data with its placeholders replaced.
func expected(data any, values map[string]string) (any, error) {
	switch data := data.(type) {
	case string:
		for _, name := range placeholder.FindAllString(data, -1) {
			if _, known := values[name]; !known {
				return nil, fmt.Errorf("%s is not a placeholder; the placeholders are %s", name,
					strings.Join(slices.Sorted(maps.Keys(values)), ", "))
			}
		}
		return replace(data, values), nil
	case map[string]any:
		filled := map[string]any{}
		for key, value := range data {
			if text, ok := value.(string); ok && absent(text, values) {
				continue
			}
			var err error
			if filled[key], err = expected(value, values); err != nil {
				return nil, err
			}
		}
		return filled, nil
	case []any:
		filled := make([]any, len(data))
		for i, value := range data {
			var err error
			if filled[i], err = expected(value, values); err != nil {
				return nil, err
			}
		}
		return filled, nil
	}
	return data, nil
}
