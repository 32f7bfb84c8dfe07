package bot_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/internal/secret"
)

func good() bot.Config {
	return bot.Config{BotToken: secret.New("xoxb-1"), AppToken: secret.New("xapp-1")}
}

func TestConfigDefaults(t *testing.T) {
	t.Parallel()
	got := good().WithDefaults()
	if err := got.Validate(); err != nil {
		t.Error(err)
	}
	want := bot.Config{
		BotToken:          secret.New("xoxb-1"),
		AppToken:          secret.New("xapp-1"),
		APIURL:            "https://slack.com/api/",
		Connections:       2,
		AckWithin:         2 * time.Second,
		HandlerTimeout:    30 * time.Second,
		DrainTimeout:      10 * time.Second,
		Concurrency:       64,
		CallTimeout:       10 * time.Second,
		UpdateEvery:       time.Second,
		RefusalMemory:     time.Hour,
		EnvelopeRetention: 24 * time.Hour,
		DirectoryTTL:      time.Minute,
	}
	if got != want {
		t.Error(cmp.Diff(fmt.Sprintf("%+v", want), fmt.Sprintf("%+v", got)))
	}
}

func TestConfigFromYAML(t *testing.T) {
	t.Parallel()
	var got bot.Config
	err := yaml.Unmarshal(
		[]byte(
			"bot_token: xoxb-2\napp_token: xapp-2\napi_url: http://127.0.0.1:9/api\n"+
				"connections: 4\nack_within: 1500ms\n",
		),
		&got,
	)
	if err != nil {
		t.Fatal(err)
	}
	got = got.WithDefaults()
	if got.BotToken.Reveal() != "xoxb-2" || got.APIURL != "http://127.0.0.1:9/api/" || got.Connections != 4 ||
		got.AckWithin != 1500*time.Millisecond {
		t.Errorf("%+v", got)
	}
}

func TestConfigProblemsNameTheField(t *testing.T) {
	t.Parallel()
	for field, spoil := range map[string]func(*bot.Config){
		"bot_token":          func(c *bot.Config) { c.BotToken = secret.New("xoxp-user-token") },
		"app_token":          func(c *bot.Config) { c.AppToken = secret.String{} },
		"api_url":            func(c *bot.Config) { c.APIURL = "slack.com/api" },
		"connections":        func(c *bot.Config) { c.Connections = 11 },
		"ack_within":         func(c *bot.Config) { c.AckWithin = 3 * time.Second },
		"handler_timeout":    func(c *bot.Config) { c.HandlerTimeout = time.Millisecond },
		"drain_timeout":      func(c *bot.Config) { c.DrainTimeout = -1 },
		"concurrency":        func(c *bot.Config) { c.Concurrency = -1 },
		"call_timeout":       func(c *bot.Config) { c.CallTimeout = -1 },
		"update_every":       func(c *bot.Config) { c.UpdateEvery = -1 },
		"refusal_memory":     func(c *bot.Config) { c.RefusalMemory = -1 },
		"envelope_retention": func(c *bot.Config) { c.EnvelopeRetention = time.Minute },
		"directory_ttl":      func(c *bot.Config) { c.DirectoryTTL = -1 },
	} {
		c := good().WithDefaults()
		spoil(&c)
		err := c.Validate()
		if err == nil || !strings.HasPrefix(err.Error(), field+": ") || strings.Contains(err.Error(), "user-token") ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := bot.NewWorkspace(nil, bot.Config{}); err == nil || !strings.Contains(err.Error(), "bot_token") ||
		!strings.Contains(err.Error(), "app_token") {
		t.Errorf("an empty configuration: %v", err)
	}
}
