package isolation_test

import (
	"strings"
	"testing"

	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

func TestCheckExpression(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"r.path[2]": "",
		"(SELECT d.holder FROM private.devices d WHERE d.serial = r.serial)": "",
		"pg_catalog.lower(r.name)":            "",
		"":                                    "parse SQL",
		"r.id --":                             "parse SQL",
		"r.id), (r.name":                      "is not one expression",
		"r.id) FROM public.users WHERE (true": "is not one expression",
		"r.id) UNION SELECT (r.name":          "is not one expression",
		"r.id); DROP TABLE users; SELECT (1":  "is more than one statement",
		"set_config('default_transaction_read_only', 'off', false)":     "calls set_config",
		"(SELECT pg_catalog.pg_terminate_backend(r.id))":                "calls pg_terminate_backend",
		"(SELECT id FROM public.users FOR UPDATE)":                      "does more than read",
		"(WITH d AS (DELETE FROM users RETURNING id) SELECT id FROM d)": "does more than read",
		strings.Repeat("x", 4001):                                       "is longer than 4000 bytes",
	} {
		if got := tenancy.CheckExpression(sql); got != want && (want == "" || !strings.HasPrefix(got, want)) {
			t.Errorf("%.80s: %q, want %q", sql, got, want)
		}
	}
}
