package secret_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/atlilith/onboardbot/internal/secret"
)

type config struct {
	Token secret.String `json:"token" yaml:"token"`
}

func TestNothingPrintsTheValue(t *testing.T) {
	t.Parallel()
	value := config{Token: secret.New("xoxb-1234")}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		for _, arg := range []any{value, &value, value.Token, &value.Token, []secret.String{value.Token}} {
			got := fmt.Sprintf(verb, arg)
			if strings.Contains(got, "1234") || strings.Contains(got, fmt.Sprintf("%x", "1234")) {
				t.Errorf("%s of %T prints %s", verb, arg, got)
			}
		}
	}
	encoded, err := json.Marshal(value)
	if err != nil || string(encoded) != `{"token":"\u003csecret\u003e"}` {
		t.Errorf("JSON: %s, %v", encoded, err)
	}
	encoded, err = yaml.Marshal(value)
	if err != nil || strings.TrimSpace(string(encoded)) != "token: <secret>" {
		t.Errorf("YAML: %s, %v", encoded, err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("start", "token", value.Token, "config", value)
	if strings.Contains(log.String(), "1234") || !strings.Contains(log.String(), secret.Redacted) {
		t.Errorf("slog: %s", log.String())
	}
	if got := fmt.Sprint(secret.String{}); got != "" {
		t.Errorf("an empty secret prints %q", got)
	}
}

func TestDecodeAndExpand(t *testing.T) {
	t.Setenv("SECRET_TEST_TOKEN", "abc")
	var fromYAML, fromJSON config
	if err := yaml.Unmarshal([]byte("token: x-${SECRET_TEST_TOKEN}"), &fromYAML); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(`{"token":"plain"}`), &fromJSON); err != nil {
		t.Fatal(err)
	}
	if got := fromJSON.Token.Reveal(); got != "plain" {
		t.Errorf("JSON gave %q", got)
	}
	got, err := fromYAML.Token.Expand()
	if err != nil || got.Reveal() != "x-abc" {
		t.Errorf("Expand: %q, %v", got.Reveal(), err)
	}
	_, err = secret.New("hidden-${SECRET_TEST_MISSING}").Expand()
	if !errors.Is(err, secret.ErrUnset) || strings.Contains(err.Error(), "hidden") ||
		!strings.Contains(err.Error(), "SECRET_TEST_MISSING") {
		t.Errorf("Expand of a missing variable: %v", err)
	}
}
