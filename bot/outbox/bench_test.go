package outbox_test

import (
	"testing"
	"time"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// BenchmarkPut is a message from Put to the eyes of a person, one at a time.
func BenchmarkPut(b *testing.B) {
	cfg := workspace.Sample()
	cfg.Rates.Off = true
	w := newWorld(b, cfg)
	out := w.outbox(func(c *bot.Config) { c.UpdateEvery = time.Nanosecond })
	w.put(out, message("m", "0"))
	w.See("the first", saying("0"))
	b.ResetTimer()
	for i := range b.N {
		text := time.Duration(i + 1).String()
		w.put(out, message("m", text))
		w.See(text, saying(text))
	}
}
