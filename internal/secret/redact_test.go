package secret_test

import (
	"testing"

	"github.com/atlilith/onboardbot/internal/secret"
)

func TestRedact(t *testing.T) {
	t.Parallel()
	secret.New("hunter2-of-the-platform")
	secret.New("hunter2-of-the-platform-of-tomorrow")
	secret.New("short")
	for text, want := range map[string]string{
		"connect with hunter2-of-the-platform now": "connect with <secret> now",
		"a short word":                                      "a short word",
		"hunter2-of-the-platform-of-tomorrow":               "<secret>",
		"remote: https://deploy:s3cr:et@git.example/x.git":  "remote: https://deploy:<secret>@git.example/x.git",
		"postgres://app:pw@/db and http://a.example:80/x":   "postgres://app:<secret>@/db and http://a.example:80/x",
		"> Authorization: Bearer abcdefgh.ijk":              "> Authorization: Bearer <secret>",
		"+ PGPASSWORD=topsecret psql":                       "+ PGPASSWORD=<secret> psql",
		"run --api-key='a b' --token=x1 done":               "run --api-key=<secret> --token=<secret> done",
		"pushed with ghp_0123456789abcdef":                  "pushed with <secret>",
		"xoxb-987654321098-abcdef and AKIAIOSFODNN7EXAMPLE": "<secret> and <secret>",
		"token: expired":                                    "token: expired",
		"nginx: configuration file test is successful":      "nginx: configuration file test is successful",
		"ssh git@git.example:x.git":                         "ssh git@git.example:x.git",
		"":                                                  "",
	} {
		if got := secret.Redact(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}
