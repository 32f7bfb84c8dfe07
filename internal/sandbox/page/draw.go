package page

import (
	"bytes"
	"context"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace/render"
)

// screen is what the template shows: one person's view of one channel, with a thread, a modal and
// a panel beside or before it.
type screen struct {
	Team, App, User, UserName string
	// People are those that a person can act as; Guests are those of them that are no members.
	People, Guests []link
	Channels, Tabs []link
	Title          string
	Channel        string
	Messages       []message
	Thread         []message
	ThreadTS       string
	Close          string // the address without the thread
	Home           *view
	Modals         []view
	Welcome        *Welcome
	Completions    []completion
	Panel          *panel
	OpenWorld      string
	// Waiting counts what waits for anybody.
	Waiting int
}

// link is an entry of the navigation. Waiting counts what waits for a person.
type link struct {
	ID, Name, URL string
	Here          bool
	Waiting       int
}

type message struct {
	workspace.Message
	HTMLID, Author, Initial, Time, Link string
	Color                               int
	Body                                template.HTML
	Pictures, Others                    []file
	Replies                             string
	// Waits says that the message waits for the person; Waiting counts what does in its thread.
	Waits   bool
	Waiting int
}

type file struct {
	workspace.File
	// Preview is the beginning of a text.
	Preview string
}

type view struct {
	workspace.Modal
	Body template.HTML
}

type panel struct {
	Title  string
	Body   template.HTML
	Faults []fault
	Close  string
}

// fault is a button that breaks something. Said is what is broken now, or what it did last.
type fault struct {
	Fault
	Said string
}

// completion is what the message box offers while a person types a command.
type completion struct{ Text, Hint string }

// completions reads the commands and what may follow them from their usage hints: alternatives are
// separated by bars, and "…" stands for what a person has to add.
func completions(commands []workspace.Command) []completion {
	var all []completion
	for _, c := range commands {
		all = append(all, completion{c.Name, c.Hint})
		for alternative := range strings.SplitSeq(c.Hint, " | ") {
			text, open := strings.CutSuffix(alternative, "…")
			if alternative == "" || strings.HasPrefix(alternative, "[") {
				continue
			}
			one := completion{Text: c.Name + " " + text}
			if open {
				one.Hint = "…"
			}
			all = append(all, one)
		}
	}
	return all
}

// breakIt is the panel with the faults.
const breakIt = "break"

// previewSize is how many bytes of a text file are shown in a message.
const previewSize = 4 << 10

// inThread gives the template a message and whether it is shown in a thread.
func inThread(m message, thread bool) map[string]any {
	return map[string]any{"M": m, "InThread": thread}
}

// address is the query of a page, from which links to other pages are made.
type address url.Values

// with returns the address of another page: names and values by turns, an empty value removes.
func (a address) with(pairs ...string) string {
	q := url.Values{}
	for name, values := range a {
		q[name] = values
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Del(pairs[i])
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return "/?" + q.Encode()
}

func (p *page) draw(r *http.Request, s workspace.Screen) (screen, error) {
	at := address{"user": {s.User}}
	for _, name := range []string{"channel", "thread", "view", "world"} {
		if v := r.FormValue(name); v != "" {
			at[name] = []string{v}
		}
	}
	out := screen{Team: p.slack.Team.Name, App: p.slack.App.Name, User: s.User, UserName: s.Names[s.User],
		Completions: completions(p.slack.App.Commands), OpenWorld: at.with("world", "")}
	for _, u := range p.people() {
		theirs, err := p.Workspace.Look(r.Context(), u.ID, 0)
		if err != nil {
			return screen{}, err
		}
		n := waiting(theirs, "")
		out.Waiting += n
		person := link{u.ID, u.RealName, at.with("user", u.ID), u.ID == s.User, n}
		if u.IsRestricted || u.IsStranger {
			out.Guests = append(out.Guests, person)
		} else {
			out.People = append(out.People, person)
		}
	}
	name := r.FormValue("channel")
	if name == "" {
		name = p.Channel
	}
	here, known := s.Channel(name)
	if !known && len(s.Conversations) > 0 {
		here = s.Conversations[0]
	}
	home := r.FormValue("view") == "home"
	for _, c := range s.Conversations {
		title := "# " + c.Name
		if c.With != "" {
			title = p.slack.App.Name
		}
		out.Channels = append(out.Channels, link{c.ID, title, at.with("channel", c.ID, "thread", "", "view", ""),
			c.ID == here.ID && !home, waiting(s, c.ID)})
		if c.ID == here.ID {
			out.Title = title
		}
	}
	out.Channels = append(out.Channels,
		link{"home", p.slack.App.Name + " Home", at.with("view", "home", "thread", ""), home, 0})
	out.Channel = here.ID
	if home {
		out.Title, out.Home = p.slack.App.Name+" Home", &view{Body: "<p>Nothing here yet.</p>"}
		if s.Home != nil {
			drawn := drawView(*s.Home, s)
			out.Home = &drawn
		}
	} else {
		p.drawChannel(&out, here, s, at)
	}
	for _, m := range s.Modals {
		out.Modals = append(out.Modals, drawView(m, s))
	}
	p.drawWorld(r.Context(), &out, at)
	return out, nil
}

func (p *page) drawChannel(out *screen, here workspace.Conversation, s workspace.Screen, at address) {
	for _, m := range here.Root() {
		out.Messages = append(out.Messages, drawMessage(m, here, s, at))
	}
	if len(out.Messages) == 0 && here.Name == p.Channel {
		out.Welcome = p.Welcome
	}
	if ts := url.Values(at).Get("thread"); ts != "" {
		for _, m := range here.Thread(ts) {
			out.Thread = append(out.Thread, drawMessage(m, here, s, at))
		}
		if len(out.Thread) > 0 {
			out.ThreadTS, out.Close = ts, at.with("thread", "")
		}
	}
}

// drawWorld draws the tabs of the panels and the panel that is open.
func (p *page) drawWorld(ctx context.Context, out *screen, at address) {
	open := url.Values(at).Get("world")
	for _, one := range p.Panels {
		out.Tabs = append(out.Tabs,
			link{ID: one.ID, Name: one.Title, URL: at.with("world", one.ID), Here: one.ID == open})
		if one.ID != open {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, panelTimeout)
		body, err := one.Show(ctx)
		cancel()
		if err != nil {
			body = template.HTML(`<p class="hint">` + template.HTMLEscapeString(err.Error()) + `</p>`)
		}
		out.Panel = &panel{Title: one.Title, Body: body, Close: at.with("world", "")}
	}
	if len(p.Faults) == 0 {
		return
	}
	out.Tabs = append(out.Tabs,
		link{ID: breakIt, Name: "Break it", URL: at.with("world", breakIt), Here: open == breakIt})
	if open == breakIt {
		out.Panel = &panel{Title: "Break it", Close: at.with("world", "")}
		for _, one := range p.Faults {
			said := p.said(one.ID)
			if one.Now != nil {
				if now := one.Now(ctx); now != "" {
					said = "Now: " + now
				}
			}
			out.Panel.Faults = append(out.Panel.Faults, fault{one, said})
		}
	}
}

// waiting counts the messages that wait for a person, in one channel or in all.
func waiting(s workspace.Screen, channel string) int {
	n := 0
	for _, c := range s.Conversations {
		if channel != "" && c.ID != channel {
			continue
		}
		for _, m := range c.Messages {
			if waits(m, s.User) {
				n++
			}
		}
	}
	return n
}

var doneBy = regexp.MustCompile(`\bby (<|\\u003c)@\w+`)

// waits reports whether a message names a person and has a primary button. "By @bo" names somebody
// who did something already.
func waits(m workspace.Message, user string) bool {
	if !m.FromApp || m.Deleted || !bytes.Contains(m.Blocks, []byte(`"style":"primary"`)) {
		return false
	}
	blocks := doneBy.ReplaceAllString(string(m.Blocks), "")
	return strings.Contains(blocks, "@"+user) || strings.Contains(blocks, `"user_id":"`+user+`"`)
}

func drawView(m workspace.Modal, s workspace.Screen) view {
	return view{m, render.HTML(m.Blocks,
		render.Sheet{ID: m.ID, Names: s.Names, Picture: picture, State: m.State, Errors: m.Errors})}
}

func drawMessage(m workspace.Message, c workspace.Conversation, s workspace.Screen, at address) message {
	out := message{Message: m, Author: s.Names[m.User], HTMLID: "m" + m.TS, Waits: waits(m, s.User),
		Link: at.with("channel", c.ID, "thread", m.TS, "view", "")}
	for i, r := range out.Author {
		if i == 0 {
			out.Initial = string(r)
		}
		out.Color = (out.Color*31 + int(r)) % 360
	}
	seconds, _, _ := strings.Cut(m.TS, ".")
	if n, err := strconv.ParseInt(seconds, 10, 64); err == nil {
		out.Time = time.Unix(n, 0).UTC().Format("15:04")
	}
	if len(m.Blocks) > 0 {
		out.Body = render.HTML(m.Blocks,
			render.Sheet{ID: m.TS, Names: s.Names, Picture: picture, State: m.State})
	} else if m.Text != "" {
		out.Body = render.Paragraph(m.Text, s.Names)
	}
	for _, f := range m.Files {
		kind := http.DetectContentType(f.Data)
		if strings.HasPrefix(kind, "image/") {
			out.Pictures = append(out.Pictures, file{File: f})
			continue
		}
		shown := file{File: f}
		if strings.HasPrefix(kind, "text/") {
			shown.Preview = string(f.Data[:min(len(f.Data), previewSize)])
		}
		out.Others = append(out.Others, shown)
	}
	replies := 0
	for _, x := range c.Messages {
		if m.ThreadTS != "" || x.ThreadTS != m.TS {
			continue
		}
		if waits(x, s.User) {
			out.Waiting++
		}
		if !x.Ephemeral {
			replies++
		}
	}
	switch replies {
	case 0:
	case 1:
		out.Replies = "1 reply"
	default:
		out.Replies = fmt.Sprintf("%d replies", replies)
	}
	return out
}

// picture is where the page shows a Slack file from.
func picture(id, link string) string {
	if id == "" {
		_, id, _ = strings.Cut(path.Base(path.Dir(link)), "-")
	}
	return "/file/" + id
}
