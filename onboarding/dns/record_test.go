package dns

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/internal/secret"
)

func TestNewRecord(t *testing.T) {
	long := strings.Repeat("k", 300)
	for _, test := range []struct {
		name, kind, value string
		ttl               uint32
		want              Record
		err               error
	}{
		{name: "Merche-Biche.COM.", kind: "a", ttl: 60, value: "203.0.113.10",
			want: Record{"merche-biche.com", "A", 60, "203.0.113.10"}},
		{name: "merche-biche.com", kind: "AAAA", ttl: 60, value: "2001:DB8:0:0::10",
			want: Record{"merche-biche.com", "AAAA", 60, "2001:db8::10"}},
		{name: "merche-biche.com", kind: "MX", ttl: 60, value: "10 Mail.merche-biche.com",
			want: Record{"merche-biche.com", "MX", 60, "10 mail.merche-biche.com."}},
		{name: "merche-biche.com", kind: "MX", ttl: 60, value: "0 .",
			want: Record{"merche-biche.com", "MX", 60, "0 ."}},
		{name: "www.merche-biche.com", kind: "CNAME", ttl: 60, value: "merche-biche.com.",
			want: Record{"www.merche-biche.com", "CNAME", 60, "merche-biche.com."}},
		{name: "merche-biche.com", kind: "TXT", ttl: 60, value: "v=spf1 mx -all",
			want: Record{"merche-biche.com", "TXT", 60, `"v=spf1 mx -all"`}},
		{name: "merche-biche.com", kind: "TXT", ttl: 60, value: `say "é\"; x`,
			want: Record{"merche-biche.com", "TXT", 60, `"say \"\195\169\\\"; x"`}},
		{name: "s._domainkey.merche-biche.com", kind: "TXT", ttl: 60, value: long,
			want: Record{"s._domainkey.merche-biche.com", "TXT", 60, `"` + long[:255] + `" "` + long[255:] + `"`}},
		{name: "merche-biche.com", kind: "CAA", ttl: 60, value: `0 issue "letsencrypt.org"`,
			want: Record{"merche-biche.com", "CAA", 60, `0 issue "letsencrypt.org"`}},
		{name: "bücher.example", kind: "A", ttl: 60, value: "203.0.113.10",
			want: Record{"xn--bcher-kva.example", "A", 60, "203.0.113.10"}},
		{name: "merche-biche.com", kind: "A", ttl: 60, value: "203.0.113.256", err: ErrRecord},
		{name: "merche-biche.com", kind: "A", ttl: 60, value: "203.0.113.1\nevil.com. 60 IN A 203.0.113.2",
			err: ErrRecord},
		{name: "merche-biche.com", kind: "A", ttl: 60, value: "", err: ErrRecord},
		{name: "merche-biche.com", kind: "A", ttl: 0, value: "203.0.113.10", err: ErrRecord},
		{name: "merche-biche.com", kind: "NS", ttl: 60, value: "ns.evil.com.", err: ErrRecord},
		{name: "merche-biche.com", kind: "CNAME", ttl: 60, value: `a b.com`, err: ErrRecord},
		{name: "merche biche.com", kind: "A", ttl: 60, value: "203.0.113.10", err: ErrName},
		{name: "-merche.com", kind: "A", ttl: 60, value: "203.0.113.10", err: ErrName},
		{name: "a..com", kind: "A", ttl: 60, value: "203.0.113.10", err: ErrName},
		{name: strings.Repeat("a.", 127) + "com", kind: "A", ttl: 60, value: "203.0.113.10", err: ErrName},
	} {
		t.Run(test.name+" "+test.kind+" "+test.value[:min(len(test.value), 20)], func(t *testing.T) {
			t.Parallel()
			got, err := NewRecord(test.name, test.kind, test.ttl, test.value)
			if !errors.Is(err, test.err) || (err == nil) != (test.err == nil) {
				t.Fatalf("error = %v, want %v", err, test.err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if err == nil && test.kind == "TXT" && got.Text() != test.value {
				t.Errorf("Text() = %q, want %q", got.Text(), test.value)
			}
		})
	}
}

func TestSecretIsNeverPrinted(t *testing.T) {
	t.Parallel()
	config := RFC2136Config{Server: "127.0.0.1:53", Key: "quinn-key", Secret: secret.New(tsigKey)}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	publisher, err := NewRFC2136(config)
	if err != nil {
		t.Fatal(err)
	}
	config.Secret = secret.New("not base64!")
	for _, printed := range []string{string(text), fmt.Sprintf("%v %+v %#v", config, config, config),
		fmt.Sprint(config.Validate()), fmt.Sprintf("%v %+v", publisher, *publisher)} {
		if strings.Contains(printed, tsigKey) || strings.Contains(printed, "not base64!") {
			t.Errorf("printed: %s", printed)
		}
	}
}

func TestPublisherConfigNamesEveryProblem(t *testing.T) {
	t.Parallel()
	err := RFC2136Config{Algorithm: "hmac-md5", Zones: []string{"a b"}, Timeout: -1}.Validate()
	for _, want := range []string{"server: missing", "key: ", `algorithm: "hmac-md5" is not one of`,
		"secret: give either", "zones[0]: ", "timeout: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in: %v", want, err)
		}
	}
}
