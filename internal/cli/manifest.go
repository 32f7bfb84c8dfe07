package cli

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"

	"go.yaml.in/yaml/v4"

	"github.com/atlilith/onboardbot/templates"
)

func printManifest(_ context.Context, out io.Writer, args []string) int {
	flags := flag.NewFlagSet("manifest", flag.ContinueOnError)
	name := flags.String("name", "Onboardbot", "the app's `NAME` in Slack, at most 35 characters")
	format := flags.String("format", "yaml",
		"`FORMAT` to print: yaml, with the reason of every scope beside it, or json")
	if code, ok := parseFlags(flags, args); !ok {
		return code
	}
	text, err := templates.Manifest(*name)
	switch {
	case err != nil:
	case *format == "json":
		text, err = asJSON(text)
	case *format != "yaml":
		err = fmt.Errorf("-format: %q is neither yaml nor json", *format)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "onboardbot manifest:", err)
		return Usage
	}
	if _, err := out.Write(text); err != nil {
		fmt.Fprintln(os.Stderr, "onboardbot manifest:", err)
		return Failed
	}
	return OK
}

func asJSON(text []byte) ([]byte, error) {
	var content map[string]any
	if err := yaml.Load(text, &content); err != nil {
		return nil, err
	}
	encoded, err := json.MarshalIndent(content, "", "  ")
	return append(encoded, '\n'), err
}
