package workspace

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	maxUpload  = 1 << 30 // bytes
	maxSnippet = 1 << 20 // bytes
	maxAlt     = 1000    // characters
)

// file is a file of the workspace. It is uploaded first, completed later, and shared later still.
type file struct {
	id, name, title, alt, user string
	declared                   int
	data                       []byte
	uploaded, completed        bool
	// shares are the ts of share messages by conversation id; empty until sharing is done.
	shares map[string]string
}

// files keeps what was uploaded, and shares it.
type files struct {
	w    *Workspace
	byID map[string]*file
}

// getUploadURL is step one of three: docs.slack.dev/reference/methods/files.getUploadURLExternal.
func getUploadURL(c *call) (reply, error) {
	if err := c.required("filename", "length"); err != nil {
		return nil, err
	}
	length := c.args.integer("length", 0)
	switch {
	case length <= 0 || length > maxUpload:
		return nil, fail("invalid_arguments")
	case utf8.RuneCountInString(c.args.str("alt_txt")) > maxAlt:
		return nil, fail("alt_txt_too_large")
	case c.args.str("snippet_type") != "" && length > maxSnippet:
		return nil, fail("snippet_too_large")
	}
	f := &file{
		id:       c.w.id("F"),
		name:     path.Base("/" + c.args.str("filename")),
		alt:      c.args.str("alt_txt"),
		declared: length,
		user:     c.w.cfg.App.BotUserID,
		shares:   map[string]string{},
	}
	c.w.files.byID[f.id] = f
	return reply{"upload_url": c.base + "/upload/v1/" + f.id, "file_id": f.id}, nil
}

// serveUpload is step two: the bytes, raw or as the first part of a multipart form.
func (fs *files) serveUpload(rw http.ResponseWriter, r *http.Request) {
	body := io.Reader(http.MaxBytesReader(rw, r.Body, maxUpload))
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "multipart/form-data" {
		form, err := r.MultipartReader()
		if err != nil {
			http.Error(rw, "bad multipart form", http.StatusBadRequest)
			return
		}
		for {
			part, err := form.NextPart()
			if err != nil {
				http.Error(rw, "no file in the form", http.StatusBadRequest)
				return
			}
			if part.FileName() != "" {
				body = part
				break
			}
		}
	}
	data, err := io.ReadAll(body)
	if err != nil {
		http.Error(rw, "upload failed", http.StatusBadRequest)
		return
	}
	fs.w.mu.Lock()
	defer fs.w.mu.Unlock()
	f := fs.byID[r.PathValue("file")]
	switch {
	case f == nil || f.completed:
		http.Error(rw, "no such upload", http.StatusNotFound)
	case len(data) != f.declared:
		http.Error(rw, "length differs from what was declared", http.StatusBadRequest)
	default:
		f.data, f.uploaded = data, true
		fmt.Fprintf(rw, "OK - %d", len(data))
	}
}

// completeUpload is step three. It answers at once; the share messages come later.
func completeUpload(c *call) (reply, error) {
	w := c.w
	var wanted []struct{ ID, Title string }
	if err := json.Unmarshal(c.args.raw("files"), &wanted); err != nil || len(wanted) == 0 {
		return nil, fail("invalid_arguments")
	}
	var all []*file
	for _, want := range wanted {
		f := w.files.byID[want.ID]
		if f == nil || !f.uploaded || f.completed {
			return nil, fail("file_not_found")
		}
		f.title = want.Title
		or(&f.title, f.name)
		all = append(all, f)
	}
	ids := c.args.split("channels")
	if one := c.args.str("channel_id"); one != "" {
		if len(ids) > 0 {
			return nil, fail("invalid_arguments")
		}
		ids = []string{one}
	} else if c.args.str("thread_ts") != "" {
		return nil, fail("invalid_arguments")
	}
	if len(ids) > 100 {
		return nil, fail("invalid_channel")
	}
	var to []*conversation
	thread := ""
	for _, id := range ids {
		cv, err := c.visible(id)
		if err != nil {
			return nil, err
		}
		if !cv.has(w.cfg.App.BotUserID) {
			return nil, fail("not_in_channel")
		}
		if thread, err = c.parent(cv); err != nil {
			return nil, err
		}
		to = append(to, cv)
	}
	m := content{}
	if text := c.args.str("initial_comment"); text != "" {
		m.text = &text
	} else if c.args.has("blocks") {
		var err error
		if m.blocks, err = w.messages.readBlocks(c.args.raw("blocks")); err != nil {
			return nil, err
		}
		w.messages.complete(m.blocks)
	}
	var done []reply
	for _, f := range all {
		f.completed = true
		done = append(done, reply{"id": f.id, "title": f.title})
	}
	if len(to) > 0 {
		w.later(w.cfg.Timing.Share, func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.files.share(all, to, thread, m)
		})
	}
	return reply{"files": done}, nil
}

// share posts files into conversations. The caller holds mu.
func (fs *files) share(all []*file, to []*conversation, thread string, c content) {
	for _, cv := range to {
		m := fs.w.messages.newMessage(c)
		m.threadTS = thread
		for _, f := range all {
			m.files = append(m.files, f.id)
			f.shares[cv.ID] = m.ts
		}
		fs.w.messages.add(cv, m)
	}
}

// fileObject shows shares and mimetype only once sharing is done, as Slack does.
func (fs *files) fileObject(f *file) reply {
	o := reply{
		"id":          f.id,
		"name":        f.name,
		"title":       f.title,
		"user":        f.user,
		"size":        len(f.data),
		"mode":        "hosted",
		"alt_txt":     f.alt,
		"is_external": false,
		"url_private": fs.w.base + "/files-pri/" + fs.w.cfg.Team.ID + "-" + f.id + "/" + url.PathEscape(f.name),
	}
	o["url_private_download"] = o["url_private"]
	if len(f.shares) > 0 || f.user != fs.w.cfg.App.BotUserID {
		o["mimetype"] = http.DetectContentType(f.data)
		if byName := mime.TypeByExtension(path.Ext(f.name)); byName != "" {
			o["mimetype"] = byName
		}
	}
	if len(f.shares) > 0 {
		shares := map[string]map[string][]reply{}
		for id, ts := range f.shares {
			kind := "public"
			if fs.w.channels.byID[id].kind() != "channels" {
				kind = "private"
			}
			if shares[kind] == nil {
				shares[kind] = map[string][]reply{}
			}
			shares[kind][id] = []reply{{"ts": ts, "channel_name": fs.w.channels.byID[id].Name}}
		}
		o["shares"] = shares
	}
	return o
}

func fileInfo(c *call) (reply, error) {
	f := c.w.files.byID[c.args.str("file")]
	if f == nil || !f.completed {
		return nil, fail("file_not_found")
	}
	return reply{"file": c.w.files.fileObject(f)}, nil
}

// serveDownload gives a file to the bot's token; anyone else is sent to the sign-in page, which
// is HTML and not an error.
func (fs *files) serveDownload(rw http.ResponseWriter, r *http.Request) {
	fs.w.mu.Lock()
	_, id, _ := strings.Cut(r.PathValue("id"), "-")
	f := fs.byID[id]
	allowed := f != nil && f.completed && r.Header.Get("Authorization") == "Bearer "+fs.w.cfg.App.BotToken &&
		slices.Contains(fs.w.cfg.App.Scopes, "files:read")
	fs.w.mu.Unlock()
	if !allowed {
		http.Redirect(rw, r, "/?redir="+url.QueryEscape(r.URL.Path), http.StatusFound)
		return
	}
	rw.Header().Set("Content-Type", http.DetectContentType(f.data))
	_, _ = rw.Write(f.data)
}

func (fs *files) serveSignIn(rw http.ResponseWriter, _ *http.Request) {
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(
		rw,
		"<!DOCTYPE html><title>Sign in to %[1]s | Slack</title><h1>Sign in to %[1]s</h1>",
		html.EscapeString(fs.w.cfg.Team.Name),
	)
}

// canShow says whether an image block may show a file: a shared image that the bot can see. The
// caller holds mu.
func (fs *files) canShow(id, link string) bool {
	if link != "" {
		u, err := url.Parse(link)
		if err != nil {
			return false
		}
		_, id, _ = strings.Cut(path.Base(path.Dir(u.Path)), "-")
	}
	f := fs.byID[id]
	return f != nil && f.completed &&
		slices.Contains([]string{".png", ".jpg", ".jpeg", ".gif"}, strings.ToLower(path.Ext(f.name)))
}
