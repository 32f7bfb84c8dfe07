package bot

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/internal/secret"
)

// Config says how to reach one Slack workspace. The zero value of a field with a default means
// that default.
type Config struct {
	// BotToken (xoxb-…) speaks the Web API.
	BotToken secret.String `yaml:"bot_token"`
	// AppToken (xapp-…, scope connections:write) opens Socket Mode connections.
	AppToken secret.String `yaml:"app_token"`
	// APIURL is where Web API methods live, ending in a slash. Default https://slack.com/api/.
	APIURL string `yaml:"api_url"`
	// Connections is how many Socket Mode connections are held at all times, 2 to 10 (Slack's own
	// maximum). Default 2: one may be refreshed while the other listens.
	Connections int `yaml:"connections"`
	// AckWithin is when an acknowledgement leaves at the latest, without an answer if the handler
	// is not done. Slack wants it within 3 s. Default 2s.
	AckWithin time.Duration `yaml:"ack_within"`
	// HandlerTimeout is the deadline of a handler's context, which may go on after the
	// acknowledgement; see also [LateForms]. Default 30s.
	HandlerTimeout time.Duration `yaml:"handler_timeout"`
	// DrainTimeout is how long a stopping bot waits for handlers under way. Default 10s.
	DrainTimeout time.Duration `yaml:"drain_timeout"`
	// Concurrency is how many handlers of each class (what people do, events, suggestions) run at
	// once. Default 64.
	Concurrency int `yaml:"concurrency"`
	// CallTimeout bounds one Web API call. Default 10s.
	CallTimeout time.Duration `yaml:"call_timeout"`
	// UpdateEvery is the least time between two updates of the same message. The newest state
	// waits for it, and states that it replaced are never sent. Default 1s.
	UpdateEvery time.Duration `yaml:"update_every"`
	// RefusalMemory is how long a workspace that refused a plan or a data table in a message, or
	// any block in a view, gets the fallback at once. Default 1h.
	RefusalMemory time.Duration `yaml:"refusal_memory"`
	// AcceptChanged counts decisions in messages and forms whose content is not what the bot
	// delivered last. It is for a workspace whose Slack returns other blocks with a click than in
	// its answers. Whoever holds the bot's token can then change what people approve.
	AcceptChanged bool `yaml:"accept_changed"`
	// EnvelopeRetention is how long a handled envelope is remembered. Slack's last retry of an
	// event comes after some 6 minutes. Default 24h.
	EnvelopeRetention time.Duration `yaml:"envelope_retention"`
	// DirectoryTTL is how long the answer about a person or a user group is kept. Default 1m.
	DirectoryTTL time.Duration `yaml:"directory_ttl"`
}

// WithDefaults returns the configuration with every default filled in.
func (c Config) WithDefaults() Config {
	c.APIURL = cmp.Or(c.APIURL, "https://slack.com/api/")
	if !strings.HasSuffix(c.APIURL, "/") {
		c.APIURL += "/"
	}
	c.Connections = cmp.Or(c.Connections, 2)
	c.AckWithin = cmp.Or(c.AckWithin, 2*time.Second)
	c.HandlerTimeout = cmp.Or(c.HandlerTimeout, 30*time.Second)
	c.DrainTimeout = cmp.Or(c.DrainTimeout, 10*time.Second)
	c.Concurrency = cmp.Or(c.Concurrency, 64)
	c.CallTimeout = cmp.Or(c.CallTimeout, 10*time.Second)
	c.UpdateEvery = cmp.Or(c.UpdateEvery, time.Second)
	c.RefusalMemory = cmp.Or(c.RefusalMemory, time.Hour)
	c.EnvelopeRetention = cmp.Or(c.EnvelopeRetention, 24*time.Hour)
	c.DirectoryTTL = cmp.Or(c.DirectoryTTL, time.Minute)
	return c
}

// Validate reports every problem of a configuration with defaults, each named by its field.
func (c Config) Validate() error {
	var problems []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	check(strings.HasPrefix(c.BotToken.Reveal(), "xoxb-"),
		"bot_token: %s a bot token, which starts with xoxb-", tokenProblem(c.BotToken))
	check(strings.HasPrefix(c.AppToken.Reveal(), "xapp-"),
		"app_token: %s an app-level token, which starts with xapp-", tokenProblem(c.AppToken))
	parsed, err := url.Parse(c.APIURL)
	check(err == nil && (parsed.Scheme == "https" || parsed.Scheme == "http") && parsed.Host != "",
		"api_url: %q must be an http or https URL, such as https://slack.com/api/", c.APIURL)
	check(c.Connections >= 2 && c.Connections <= maxConnections,
		"connections: %d is not between 2 and %d", c.Connections, maxConnections)
	check(c.AckWithin > 0 && c.AckWithin < 3*time.Second,
		"ack_within: %s must be above 0 and below Slack's 3s", c.AckWithin)
	check(c.HandlerTimeout >= c.AckWithin,
		"handler_timeout: %s must not be below ack_within (%s)", c.HandlerTimeout, c.AckWithin)
	check(c.DrainTimeout > 0, "drain_timeout: %s must be above 0", c.DrainTimeout)
	check(c.Concurrency > 0, "concurrency: %d must be above 0", c.Concurrency)
	check(c.CallTimeout > 0, "call_timeout: %s must be above 0", c.CallTimeout)
	check(c.UpdateEvery > 0, "update_every: %s must be above 0", c.UpdateEvery)
	check(c.RefusalMemory > 0, "refusal_memory: %s must be above 0", c.RefusalMemory)
	check(c.EnvelopeRetention >= 10*time.Minute,
		"envelope_retention: %s must be 10m or more: Slack retries events for 6 minutes", c.EnvelopeRetention)
	check(c.DirectoryTTL > 0, "directory_ttl: %s must be above 0", c.DirectoryTTL)
	return errors.Join(problems...)
}

// tokenProblem says what is wrong with a token, without the token.
func tokenProblem(token secret.String) string {
	if token.IsZero() {
		return "is missing:"
	}
	return "is not"
}
