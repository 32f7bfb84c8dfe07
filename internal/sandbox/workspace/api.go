package workspace

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// reply is a JSON object to answer with; "ok" is added.
type reply map[string]any

// apiError is a Web API error with what Slack adds to it.
type apiError struct {
	code string
	more reply
	// status and retryAfter are for what is not answered with 200.
	status     int
	retryAfter time.Duration
}

func (e *apiError) Error() string { return e.code }

func fail(code string) error { return &apiError{code: code} }

// call is one Web API call under way. The workspace's mu is held while its method runs.
type call struct {
	w      *Workspace
	r      *http.Request
	method string
	args   arguments
	// base is the address that the app reached us under.
	base string
	// channel and ts are noted for the transcript.
	channel, ts string
}

// need refuses unless the bot has one of the scopes.
func (c *call) need(scopes ...string) error {
	for _, s := range scopes {
		if slices.Contains(c.w.cfg.App.Scopes, s) {
			return nil
		}
	}
	return &apiError{
		code: "missing_scope",
		more: reply{"needed": strings.Join(scopes, ","), "provided": strings.Join(c.w.cfg.App.Scopes, ",")},
	}
}

func (c *call) required(names ...string) error {
	for _, n := range names {
		if !c.args.has(n) || c.args.str(n) == "" {
			return &apiError{code: "invalid_arguments", more: reply{"response_metadata": reply{
				"messages": []string{"[ERROR] missing required field: " + n}}}}
		}
	}
	return nil
}

// method is one Web API method.
type method struct {
	run func(*call) (reply, error)
	// scope is needed before anything is looked at; methods whose scope depends on the channel
	// check later.
	scope string
	// tier is 1 to 4; 0 is a special limit or none.
	tier int
	// json says that a JSON body is read; others take forms only.
	json bool
	// app says that the app token is wanted, not the bot's; open that no token is.
	app, open bool
}

var methods = map[string]method{}

// Registered in init since the methods refer to each other through the workspace.
func init() {
	methods = map[string]method{
		"api.test":                     {run: apiTest, tier: 4, json: true, open: true},
		"auth.test":                    {run: authTest, json: true},
		"apps.connections.open":        {run: openConnection, tier: 3, json: true, app: true},
		"blocks.validate":              {run: validateBlocks, tier: 4, json: true},
		"bots.info":                    {run: botsInfo, scope: "users:read", tier: 3},
		"chat.postMessage":             {run: postMessage, scope: "chat:write", json: true},
		"chat.postEphemeral":           {run: postEphemeral, scope: "chat:write", tier: 4, json: true},
		"chat.update":                  {run: updateMessage, scope: "chat:write", tier: 3, json: true},
		"chat.delete":                  {run: deleteMessage, scope: "chat:write", tier: 3, json: true},
		"chat.getPermalink":            {run: getPermalink},
		"conversations.history":        {run: history, tier: 3},
		"conversations.info":           {run: conversationInfo, tier: 3},
		"conversations.join":           {run: joinConversation, scope: "channels:join", tier: 3, json: true},
		"conversations.list":           {run: listConversations, tier: 2},
		"conversations.members":        {run: conversationMembers, tier: 4},
		"conversations.open":           {run: openConversation, tier: 3, json: true},
		"conversations.replies":        {run: replies, tier: 3},
		"files.completeUploadExternal": {run: completeUpload, scope: "files:write", tier: 4, json: true},
		"files.getUploadURLExternal":   {run: getUploadURL, scope: "files:write", tier: 4},
		"files.info":                   {run: fileInfo, scope: "files:read", tier: 4},
		"usergroups.list":              {run: listUserGroups, scope: "usergroups:read", tier: 2},
		"usergroups.users.list":        {run: listUserGroupUsers, scope: "usergroups:read", tier: 2},
		"users.info":                   {run: userInfo, scope: "users:read", tier: 4},
		"users.list":                   {run: listUsers, scope: "users:read", tier: 2},
		"views.open":                   {run: openView, tier: 4, json: true},
		"views.publish":                {run: publishView, tier: 4, json: true},
		"views.push":                   {run: pushView, tier: 4, json: true},
		"views.update":                 {run: updateView, tier: 4, json: true},
	}
}

// webAPI serves the methods of the Web API.
type webAPI struct{ w *Workspace }

func (api *webAPI) serveMethod(rw http.ResponseWriter, r *http.Request) {
	start := time.Now()
	c := &call{w: api.w, r: r, method: r.PathValue("method"), base: baseURL(r)}
	fault := api.w.takeFault(func(f *Fault) bool { return f.Method == c.method })
	var (
		answer reply
		err    error
	)
	if fault != nil && fault.Kind == FaultError {
		err = &apiError{code: fault.Error}
	} else if fault != nil && fault.Kind == FaultStatus {
		err = &apiError{code: fmt.Sprintf("http_%d", fault.Status), status: fault.Status}
	} else if fault != nil && fault.Kind == FaultRateLimit {
		err = &apiError{code: "ratelimited", status: http.StatusTooManyRequests, retryAfter: fault.RetryAfter}
	} else {
		if fault != nil && fault.Kind == FaultLate {
			fault.wait(c)
		}
		answer, err = api.run(c)
	}
	e := Event{Kind: KindAPI, Name: c.method, Channel: c.channel, TS: c.ts, Latency: time.Since(start)}
	if c.args != nil {
		or(&e.Channel, c.args.str("channel"))
		or(&e.User, c.args.str("user"))
	}
	if err != nil {
		e.Error = err.Error()
	}
	if fault != nil {
		e.Detail = "ordered: " + string(fault.Kind)
	}
	api.w.mu.Lock()
	api.w.record(e)
	api.w.mu.Unlock()
	if fault != nil && fault.lost() {
		fault.lose(r)
	}
	api.answer(rw, answer, err)
}

// run checks token, scope and rate, and then runs the method.
func (api *webAPI) run(c *call) (reply, error) {
	m, ok := methods[c.method]
	if !ok {
		return nil, fail("unknown_method")
	}
	args, problem := readArguments(c.r, m.json)
	if problem != "" {
		return nil, fail(problem)
	}
	c.args = args
	api.w.mu.Lock()
	defer api.w.mu.Unlock()
	if !m.open {
		if err := api.authorize(c, m); err != nil {
			return nil, err
		}
	}
	api.w.base = c.base
	if m.scope != "" {
		if err := c.need(m.scope); err != nil {
			return nil, err
		}
	}
	if err := api.w.rates.limitTier(c.method, m.tier); err != nil {
		return nil, err
	}
	return m.run(c)
}

func (api *webAPI) authorize(c *call, m method) error {
	token, inHeader := strings.CutPrefix(c.r.Header.Get("Authorization"), "Bearer ")
	if !inHeader {
		token = c.args.str("token")
	}
	app := api.w.cfg.App
	switch {
	case token == "":
		return fail("not_authed")
	case m.app && token == app.AppToken && !inHeader:
		return fail("not_authed")
	case m.app && c.r.Method != http.MethodPost:
		return fail("insecure_request")
	case token != app.AppToken && token != app.BotToken:
		return fail("invalid_auth")
	case m.app != (token == app.AppToken):
		return fail("not_allowed_token_type")
	}
	return nil
}

// answer writes a reply as Slack does: errors are 200 too, except for rate limits and outages.
func (api *webAPI) answer(rw http.ResponseWriter, answer reply, err error) {
	h := rw.Header()
	h.Set("X-OAuth-Scopes", strings.Join(api.w.cfg.App.Scopes, ","))
	h.Set("Content-Type", "application/json; charset=utf-8")
	status := http.StatusOK
	if answer == nil {
		answer = reply{}
	}
	answer["ok"] = err == nil
	var failed *apiError
	if errors.As(err, &failed) {
		answer["error"] = failed.code
		for name, v := range failed.more {
			answer[name] = v
		}
		if failed.retryAfter > 0 {
			h.Set("Retry-After", strconv.Itoa(int((failed.retryAfter+time.Second-1)/time.Second)))
		}
		if failed.status != 0 {
			status = failed.status
		}
	} else if err != nil {
		answer["error"] = "internal_error"
	}
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(answer) // The app may be gone; there is nobody to tell.
}

func baseURL(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func apiTest(c *call) (reply, error) {
	if e := c.args.str("error"); e != "" {
		return nil, fail(e)
	}
	return reply{"args": c.args}, nil
}

// authTest answers who the token is: docs.slack.dev/reference/methods/auth.test.
func authTest(c *call) (reply, error) {
	cfg := c.w.cfg
	return reply{
		"url":                   "https://" + cfg.Team.Domain + ".slack.com/",
		"team":                  cfg.Team.Name,
		"team_id":               cfg.Team.ID,
		"user":                  strings.ToLower(cfg.App.Name),
		"user_id":               cfg.App.BotUserID,
		"bot_id":                cfg.App.BotID,
		"is_enterprise_install": false,
	}, nil
}

func botsInfo(c *call) (reply, error) {
	app := c.w.cfg.App
	if id := c.args.str("bot"); id != "" && id != app.BotID {
		return nil, fail("bot_not_found")
	}
	return reply{
		"bot": reply{"id": app.BotID, "app_id": app.ID, "user_id": app.BotUserID, "name": app.Name, "deleted": false},
	}, nil
}
