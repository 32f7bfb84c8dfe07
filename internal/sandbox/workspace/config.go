package workspace

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Config describes a workspace before anyone acts in it.
type Config struct {
	// Team is the workspace itself.
	Team Team `yaml:"team" json:"team"`
	// Users are the people and foreign bots. The app's own bot user is added by itself.
	Users []User `yaml:"users" json:"users"`
	// Channels are the public and private channels. Direct messages appear as they are opened.
	Channels []Channel `yaml:"channels" json:"channels"`
	// UserGroups are the groups that can be mentioned as a whole.
	UserGroups []UserGroup `yaml:"user_groups" json:"user_groups"`
	// App is the one app that is installed.
	App App `yaml:"app" json:"app"`
	// Timing holds Slack's deadlines; zero fields take Slack's own values.
	Timing Timing `yaml:"timing" json:"timing"`
	// Rates holds Slack's rate limits; zero fields take Slack's own values.
	Rates Rates `yaml:"rates" json:"rates"`
	// UnsupportedBlocks are block types this workspace refuses with invalid_blocks, as an older
	// one does.
	UnsupportedBlocks []string `yaml:"unsupported_blocks" json:"unsupported_blocks"`
	// FreePlan makes the usergroups methods answer plan_upgrade_required.
	FreePlan bool `yaml:"free_plan" json:"free_plan"`
	// AcceptAckAnywhere takes an acknowledgement that arrives on another connection than its
	// envelope went out on. What Slack does is not documented; the strict reading refuses it.
	AcceptAckAnywhere bool `yaml:"accept_ack_anywhere" json:"accept_ack_anywhere"`
}

// Team names the workspace.
type Team struct {
	// ID begins with T.
	ID string `yaml:"id" json:"id"`
	// Name is what people call the workspace.
	Name string `yaml:"name" json:"name"`
	// Domain is the first label of the workspace's address.
	Domain string `yaml:"domain" json:"domain"`
}

// User is one account. See https://docs.slack.dev/reference/objects/user-object.
type User struct {
	// ID begins with U or W.
	ID string `yaml:"id" json:"id"`
	// Name is the handle, without @.
	Name string `yaml:"name" json:"name"`
	// RealName is the displayed name; Name when empty.
	RealName string `yaml:"real_name" json:"real_name"`
	// Email is only shown to apps with users:read.email.
	Email string `yaml:"email" json:"email"`
	// TeamID is another workspace's for people from outside; the workspace's own when empty.
	TeamID string `yaml:"team_id" json:"team_id"`
	// TZOffset is the offset from UTC in seconds.
	TZOffset int `yaml:"tz_offset" json:"tz_offset"`

	IsAdmin           bool `yaml:"is_admin" json:"is_admin"`
	IsBot             bool `yaml:"is_bot" json:"is_bot"`
	IsRestricted      bool `yaml:"is_restricted" json:"is_restricted"`
	IsUltraRestricted bool `yaml:"is_ultra_restricted" json:"is_ultra_restricted"`
	IsStranger        bool `yaml:"is_stranger" json:"is_stranger"`
	Deleted           bool `yaml:"deleted" json:"deleted"`
}

// Channel is a channel or, once opened, a direct message.
type Channel struct {
	// ID begins with C or G; direct messages get one with D.
	ID string `yaml:"id" json:"id"`
	// Name is without #.
	Name       string `yaml:"name" json:"name"`
	IsPrivate  bool   `yaml:"is_private" json:"is_private"`
	IsArchived bool   `yaml:"is_archived" json:"is_archived"`
	// Members are user ids, the app's bot user among them if it was invited.
	Members []string `yaml:"members" json:"members"`
	// With is the person on the other side of a direct message.
	With string `yaml:"-" json:"with,omitempty"`
}

// UserGroup is a group of people with a handle.
type UserGroup struct {
	// ID begins with S.
	ID       string   `yaml:"id" json:"id"`
	Name     string   `yaml:"name" json:"name"`
	Handle   string   `yaml:"handle" json:"handle"`
	Users    []string `yaml:"users" json:"users"`
	Disabled bool     `yaml:"disabled" json:"disabled"`
	// UpdatedBy is who changed the group last.
	UpdatedBy string `yaml:"updated_by" json:"updated_by"`
}

// App is the installed app as its manifest and tokens describe it.
type App struct {
	// ID begins with A.
	ID string `yaml:"id" json:"id"`
	// Name is the display name.
	Name string `yaml:"name" json:"name"`
	// BotUserID and BotID are the ids of the bot user (U…) and of the bot (B…).
	BotUserID string `yaml:"bot_user_id" json:"bot_user_id"`
	BotID     string `yaml:"bot_id" json:"bot_id"`
	// BotToken begins with xoxb-, AppToken with xapp-.
	BotToken string `yaml:"bot_token" json:"bot_token"`
	AppToken string `yaml:"app_token" json:"app_token"`
	// Scopes are the bot token's.
	Scopes []string `yaml:"scopes" json:"scopes"`
	// Commands are the slash commands.
	Commands []Command `yaml:"commands" json:"commands"`
	// Events are the subscribed bot events, such as app_home_opened.
	Events []string `yaml:"events" json:"events"`
	// HomeTab and MessagesTab say which tabs of the app's Home are on.
	HomeTab     bool `yaml:"home_tab" json:"home_tab"`
	MessagesTab bool `yaml:"messages_tab" json:"messages_tab"`
	// NoInteractivity turns settings.interactivity off: presses and submissions do not reach the
	// app.
	NoInteractivity bool `yaml:"no_interactivity" json:"no_interactivity"`
}

// Command is one slash command of the app.
type Command struct {
	// Name is with its slash, such as /deploy.
	Name string `yaml:"name" json:"name"`
	// Hint is what Slack shows beside the name while a person types: the usage hint.
	Hint string `yaml:"usage_hint" json:"usage_hint"`
	// ShouldEscape turns names, channels and links in the text into <@U…>, <#C…|name> and
	// <https://…>.
	ShouldEscape bool `yaml:"should_escape" json:"should_escape"`
}

// Timing holds deadlines and intervals. Zero means Slack's value.
type Timing struct {
	// Ack is how long an envelope may stay unacknowledged: 3 s.
	Ack time.Duration `yaml:"ack" json:"ack"`
	// Trigger is the life of a trigger_id: 3 s.
	Trigger time.Duration `yaml:"trigger" json:"trigger"`
	// ResponseURL is the life of a response_url: 30 min.
	ResponseURL time.Duration `yaml:"response_url" json:"response_url"`
	// Ping is the interval of WebSocket pings: 5 s. Clients give up after 30 s without one.
	Ping time.Duration `yaml:"ping" json:"ping"`
	// Refresh is the life of a connection, ended by a disconnect message: 1 h. With
	// debug_reconnects it is 6 min.
	Refresh time.Duration `yaml:"refresh" json:"refresh"`
	// Warning is how long before Refresh a warning is sent: 10 s.
	Warning time.Duration `yaml:"warning" json:"warning"`
	// Linger is how long a refreshed connection stays open for acknowledgements under way: 10 s.
	Linger time.Duration `yaml:"linger" json:"linger"`
	// Share is how long after files.completeUploadExternal the file appears: 400 ms.
	Share time.Duration `yaml:"share" json:"share"`
	// Retries are the waits before each further delivery of an unacknowledged event: 0, 1 min, 5
	// min.
	Retries []time.Duration `yaml:"retries" json:"retries"`
	// Redeliver is how long after its deadline an unacknowledged command or interaction comes
	// once more: 1 s; negative is never.
	Redeliver time.Duration `yaml:"redeliver" json:"redeliver"`
}

// Rates holds rate limits. Zero means Slack's documented number; bursts are tolerated but
// unspecified there, so that these are modest choices of this package
// (https://docs.slack.dev/apis/web-api/rate-limits).
type Rates struct {
	// Tiers are calls per minute of tiers 1 to 4: 1, 20, 50, 100. A full minute's worth may come
	// at once.
	Tiers [4]int `yaml:"tiers" json:"tiers"`
	// PostBurst is how many messages may go to one channel at once before one per second holds:
	// 10.
	PostBurst int `yaml:"post_burst" json:"post_burst"`
	// PostsPerMinute is the workspace-wide limit of chat.postMessage, "several hundred": 300.
	PostsPerMinute int `yaml:"posts_per_minute" json:"posts_per_minute"`
	// Off lifts all limits. Ordered 429s still happen.
	Off bool `yaml:"off" json:"off"`
}

func or[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// withDefaults returns a copy in which unset values are Slack's.
func (c Config) withDefaults() Config {
	or(&c.Timing.Ack, 3*time.Second)
	or(&c.Timing.Trigger, 3*time.Second)
	or(&c.Timing.ResponseURL, 30*time.Minute)
	or(&c.Timing.Ping, 5*time.Second)
	or(&c.Timing.Refresh, time.Hour)
	or(&c.Timing.Warning, 10*time.Second)
	or(&c.Timing.Linger, 10*time.Second)
	or(&c.Timing.Share, 400*time.Millisecond)
	or(&c.Timing.Redeliver, time.Second)
	if c.Timing.Retries == nil {
		c.Timing.Retries = []time.Duration{0, time.Minute, 5 * time.Minute}
	}
	or(&c.Rates.Tiers, [4]int{1, 20, 50, 100})
	or(&c.Rates.PostBurst, 10)
	or(&c.Rates.PostsPerMinute, 300)
	c.Users = slices.Clone(c.Users)
	for i := range c.Users {
		or(&c.Users[i].TeamID, c.Team.ID)
		or(&c.Users[i].RealName, c.Users[i].Name)
	}
	return c
}

var (
	idShape      = map[string]*regexp.Regexp{}
	commandShape = regexp.MustCompile(`^/[a-z0-9_-]{1,31}$`)
)

func init() {
	for _, p := range []string{"T", "[UW]", "[CG]", "S", "A", "B"} {
		idShape[p] = regexp.MustCompile("^" + p + "[A-Z0-9]{2,}$")
	}
}

// Validate reports every field that no Slack workspace could have.
func (c Config) Validate() error {
	var problems []error
	bad := func(field, format string, args ...any) {
		problems = append(problems, fmt.Errorf("%s: %s", field, fmt.Sprintf(format, args...)))
	}
	id := func(field, prefix, value string, seen map[string]bool) {
		if !idShape[prefix].MatchString(value) {
			bad(field, "%q is not an id that begins with %s", value, prefix)
		} else if seen[value] {
			bad(field, "%q is used twice", value)
		}
		seen[value] = true
	}
	seen := map[string]bool{}
	id("team.id", "T", c.Team.ID, seen)
	id("app.id", "A", c.App.ID, seen)
	id("app.bot_user_id", "[UW]", c.App.BotUserID, seen)
	id("app.bot_id", "B", c.App.BotID, seen)
	if !strings.HasPrefix(c.App.BotToken, "xoxb-") {
		bad("app.bot_token", "must begin with xoxb-")
	}
	if !strings.HasPrefix(c.App.AppToken, "xapp-") {
		bad("app.app_token", "must begin with xapp-")
	}
	for i, cmd := range c.App.Commands {
		if !commandShape.MatchString(cmd.Name) {
			bad(
				fmt.Sprintf("app.commands[%d].name", i),
				"%q is not a slash command of at most 32 characters",
				cmd.Name,
			)
		}
	}
	for i, u := range c.Users {
		id(fmt.Sprintf("users[%d].id", i), "[UW]", u.ID, seen)
		if u.Name == "" {
			bad(fmt.Sprintf("users[%d].name", i), "missing")
		}
	}
	for i, ch := range c.Channels {
		id(fmt.Sprintf("channels[%d].id", i), "[CG]", ch.ID, seen)
		for _, m := range ch.Members {
			if !seen[m] {
				bad(fmt.Sprintf("channels[%d].members", i), "no user %q", m)
			}
		}
	}
	for i, g := range c.UserGroups {
		id(fmt.Sprintf("user_groups[%d].id", i), "S", g.ID, seen)
		for _, m := range g.Users {
			if !seen[m] {
				bad(fmt.Sprintf("user_groups[%d].users", i), "no user %q", m)
			}
		}
	}
	return errors.Join(problems...)
}
