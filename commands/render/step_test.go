package render

import (
	"testing"
)

func TestDomainName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"merche-biche.com": "merche-biche.com", "xn--bcher-kva.example": "xn--bcher-kva.example (bücher.example)",
		"xn--99999.example": "xn--99999.example",
	} {
		if got := DomainName(name); got != want {
			t.Errorf("%s reads %s, want %s", name, got, want)
		}
	}
}
