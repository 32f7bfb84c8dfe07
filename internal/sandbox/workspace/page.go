package workspace

import (
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/internal/sandbox/workspace/render"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{"dict": dict}).Parse(pageText))

// dict gives a template several values at once: names and values by turns.
func dict(pairs ...any) (map[string]any, error) {
	m := map[string]any{"InThread": false}
	for i := 0; i+1 < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict: %v is no name", pairs[i])
		}
		m[name] = pairs[i+1]
	}
	return m, nil
}

// page is what the template shows: one person's screen at one channel, with a thread, modal or
// Home tab beside or before it.
type page struct {
	Team, User, UserName string
	People               []pageLink
	Channels             []pageLink
	Title                string
	Messages             []pageMessage
	Thread               []pageMessage
	Home                 *pageView
	Modal                *pageView
	Narrow               bool
	Refresh              int
	Back                 string
}

type pageLink struct {
	Name, URL string
	Here      bool
}

type pageMessage struct {
	Message
	Author, Initial, Time, Link string
	Color                       int
	Body                        template.HTML
	Pictures                    []File
	Others                      []File
	Replies                     int
	ReplyLine                   string
}

type pageView struct {
	Modal
	Body template.HTML
}

// webPage shows the workspace as a web page.
type webPage struct{ w *Workspace }

// servePage shows a person's screen, light, for a desktop or, below 600 pixels, a phone. Query:
// user, channel (id or name), thread (ts), view=home, refresh (seconds). Buttons work; forms are
// filled through the API.
func (pg *webPage) servePage(rw http.ResponseWriter, r *http.Request) {
	user := r.FormValue("user")
	for _, u := range pg.w.cfg.Users {
		if user == "" && !u.IsBot && !u.Deleted {
			user = u.ID
		}
	}
	s, err := pg.w.Look(r.Context(), user, 0)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusNotFound)
		return
	}
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := pageTemplate.Execute(rw, pg.page(s, r)); err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
	}
}

func (pg *webPage) page(s Screen, r *http.Request) page {
	link := func(pairs ...string) string {
		q := url.Values{"user": {s.User}}
		for i := 0; i < len(pairs); i += 2 {
			q.Set(pairs[i], pairs[i+1])
		}
		return "/?" + q.Encode()
	}
	p := page{Team: pg.w.cfg.Team.Name, User: s.User, UserName: s.Names[s.User], Back: r.URL.String()}
	p.Refresh, _ = strconv.Atoi(r.FormValue("refresh")) // No number means no refresh.
	for _, u := range pg.w.cfg.Users {
		if !u.IsBot && !u.Deleted {
			p.People = append(p.People, pageLink{u.RealName, "/?user=" + u.ID, u.ID == s.User})
		}
	}
	here, ok := s.Channel(r.FormValue("channel"))
	for _, c := range s.Conversations {
		if !ok && r.FormValue("channel") == "" && (here.ID == "" || len(here.Messages) == 0) {
			here = c
		}
	}
	for _, c := range s.Conversations {
		name := "# " + c.Name
		if c.With != "" {
			name = pg.w.cfg.App.Name
		}
		p.Channels = append(
			p.Channels,
			pageLink{name, link("channel", c.ID), c.ID == here.ID && r.FormValue("view") == ""},
		)
		if c.ID == here.ID {
			p.Title = name
		}
	}
	p.Channels = append(
		p.Channels,
		pageLink{pg.w.cfg.App.Name + " (Home)", link("view", "home"), r.FormValue("view") == "home"},
	)
	if r.FormValue("view") == "home" {
		p.Title = pg.w.cfg.App.Name
		p.Home = &pageView{Modal: Modal{Title: pg.w.cfg.App.Name}, Body: "<p>Nothing here yet.</p>"}
		if s.Home != nil {
			p.Home = pg.pageView(*s.Home, s)
		}
	} else {
		for _, m := range here.Root() {
			p.Messages = append(p.Messages, pg.pageMessage(m, here, s, link))
		}
		if ts := r.FormValue("thread"); ts != "" {
			for _, m := range here.Thread(ts) {
				p.Thread = append(p.Thread, pg.pageMessage(m, here, s, link))
			}
		}
	}
	if top, open := s.Top(); open {
		p.Modal = pg.pageView(top, s)
	}
	return p
}

func (pg *webPage) pageView(m Modal, s Screen) *pageView {
	return &pageView{
		m,
		render.HTML(m.Blocks, render.Sheet{Names: s.Names, Picture: picture, State: m.State, Errors: m.Errors}),
	}
}

func (pg *webPage) pageMessage(m Message, c Conversation, s Screen, link func(...string) string) pageMessage {
	pm := pageMessage{Message: m, Author: s.Names[m.User], Link: link("channel", c.ID, "thread", m.TS)}
	for i, r := range pm.Author {
		if i == 0 {
			pm.Initial = string(r)
		}
		pm.Color = (pm.Color*31 + int(r)) % 360
	}
	seconds, _, _ := strings.Cut(m.TS, ".")
	if n, err := strconv.ParseInt(seconds, 10, 64); err == nil {
		pm.Time = time.Unix(n, 0).UTC().Format("15:04")
	}
	if len(m.Blocks) > 0 {
		pm.Body = render.HTML(m.Blocks, render.Sheet{Names: s.Names, Picture: picture, State: m.State})
	} else if m.Text != "" {
		pm.Body = render.Paragraph(m.Text, s.Names)
	}
	for _, f := range m.Files {
		if strings.HasPrefix(http.DetectContentType(f.Data), "image/") {
			pm.Pictures = append(pm.Pictures, f)
		} else {
			pm.Others = append(pm.Others, f)
		}
	}
	if m.ThreadTS == "" {
		for _, x := range c.Messages {
			if x.ThreadTS == m.TS {
				pm.Replies++
			}
		}
	}
	if pm.ReplyLine = fmt.Sprintf("%d replies", pm.Replies); pm.Replies == 1 {
		pm.ReplyLine = "1 reply"
	}
	return pm
}

// picture is where the page shows a Slack file from.
func picture(id, link string) string {
	if id == "" {
		_, id, _ = strings.Cut(path.Base(path.Dir(link)), "-")
	}
	return "/file/" + id
}

func (pg *webPage) servePicture(rw http.ResponseWriter, r *http.Request) {
	pg.w.mu.Lock()
	f := pg.w.files.byID[r.PathValue("id")]
	pg.w.mu.Unlock()
	if f == nil {
		http.NotFound(rw, r)
		return
	}
	rw.Header().Set("Content-Type", http.DetectContentType(f.data))
	rw.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = rw.Write(f.data)
}

// servePress presses a button of the page, and goes back to it.
func (pg *webPage) servePress(rw http.ResponseWriter, r *http.Request) {
	a := Action{
		Do:      DoPress,
		User:    r.FormValue("user"),
		Channel: r.FormValue("channel"),
		Message: r.FormValue("message"),
		View:    r.FormValue("view"),
		Target:  r.FormValue("target"),
	}
	if v := r.FormValue("do"); v != "" {
		a.Do = Verb(v)
	}
	if _, err := pg.w.Act(r.Context(), a); err != nil {
		http.Error(rw, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	back := r.FormValue("back")
	if !strings.HasPrefix(back, "/?") {
		back = "/"
	}
	http.Redirect(rw, r, back, http.StatusSeeOther)
}
