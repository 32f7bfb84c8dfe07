package bot

import (
	"errors"
	"testing"
)

func TestMethodHidesSecretPaths(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/api/chat.postMessage": "chat.postMessage",
		"/upload/v1/CwABAAAAw":  "other",
		"/commands/T1/2/secret": "other",
		"/api/":                 "other",
	} {
		if got := method(path); got != want {
			t.Errorf("method(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestFrameStaysBelowSlacksLimit(t *testing.T) {
	t.Parallel()
	payload := func(n int) []byte { return []byte(`"` + string(make0(n)) + `"`) }
	empty, err := frame("e", nil)
	if err != nil || string(empty) != `{"envelope_id":"e"}` {
		t.Errorf("%s, %v", empty, err)
	}
	room := maxAckFrame - 1 - len(`{"envelope_id":"e","payload":""}`)
	if got, err := frame("e", payload(room)); err != nil || len(got) != maxAckFrame-1 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if _, err := frame("e", payload(room+1)); !errors.Is(err, ErrAckTooLarge) {
		t.Errorf("one byte more: %v", err)
	}
}

func make0(n int) []byte {
	zeros := make([]byte, n)
	for i := range zeros {
		zeros[i] = '0'
	}
	return zeros
}

func TestMatchPrefersTheExactAndTheLongest(t *testing.T) {
	t.Parallel()
	handlers := map[string]string{"approve": "exact", "approve*": "short", "approve/now/*": "long", "*": "any"}
	for id, want := range map[string]string{
		"approve":       "exact",
		"approve/x":     "short",
		"approve/now/x": "long",
		"approve/now":   "short",
		"reject":        "any",
		"":              "any",
	} {
		if got, ok := match(handlers, id); !ok || got != want {
			t.Errorf("match(%q) = %q, %v, want %q", id, got, ok, want)
		}
	}
	if _, ok := match(map[string]string{"a": ""}, "b"); ok {
		t.Error("matched nothing")
	}
}

func TestRegisteringTwicePanics(t *testing.T) {
	t.Parallel()
	for name, register := range map[string]func(*Router){
		"twice": func(r *Router) { r.Event("app_home_opened", nil); r.Event("app_home_opened", nil) },
		"empty": func(r *Router) { r.Action("", nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			register(NewRouter())
		}()
	}
}
