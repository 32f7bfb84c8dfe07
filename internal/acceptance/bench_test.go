package acceptance

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/internal/sandbox"
	"github.com/atlilith/onboardbot/internal/sandbox/testbed"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// rounds is how many onboardings by the product the benchmark measures.
const rounds = 7

// BenchmarkOnboarding measures the whole onboarding of a Person with one domain by the product,
// with all inputs typed after the command and every approval given at once, and the same
// onboarding by a shell script with the runbook's commands. They alternate in the same sandbox,
// with certbot as Debian ships it. The benchmark reports the ratio of the medians. Each onboarding
// adds a site that nginx loads and certbot reads from then on, so the script goes first and last:
// both meet the same number of sites on average.
func BenchmarkOnboarding(b *testing.B) {
	for b.Loop() {
		zones := make([]string, 2*rounds+1)
		for i := range zones {
			zones[i] = fmt.Sprintf("site-%d.example", i)
		}
		set, bot := openBench(b, sandbox.Config{Zones: zones})
		script := filepath.Join(set.Dir, "runbook.sh")
		if err := os.WriteFile(script, []byte(sandbox.Runbook), 0o755); err != nil {
			b.Fatal(err)
		}
		hand := func(ctx context.Context, name, domain string) error {
			cmd := exec.CommandContext(ctx, script, name, domain, name+"@example.com", "By Hand")
			cmd.Env = append(os.Environ(), set.Environment()...)
			out, err := cmd.CombinedOutput()
			if err != nil {
				return fmt.Errorf("%w: %s", err, out)
			}
			return nil
		}
		product := func(ctx context.Context, name, domain string) error {
			root, err := set.AskInLine(ctx, testbed.Ana,
				testbed.Inputs{Slug: name, Name: "By Bot", Email: name + "@example.com", Domains: []string{domain}})
			if err != nil {
				return err
			}
			return set.Finish(ctx, testbed.Bo, root)
		}
		var byHand, byBot []time.Duration
		for i, zone := range zones {
			if i%2 == 0 {
				byHand = append(byHand, took(b, hand, fmt.Sprintf("hand-%d", i), zone))
			} else {
				byBot = append(byBot, took(b, product, fmt.Sprintf("bot-%d", i), zone))
			}
		}
		if err := bot.Stop(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(median(byHand).Seconds(), "s/by-hand")
		b.ReportMetric(median(byBot).Seconds(), "s/by-bot")
		b.ReportMetric(median(byBot).Seconds()/median(byHand).Seconds(), "ratio")
		b.Logf("by hand %v, by bot %v", byHand, byBot)
	}
}

// BenchmarkSixteenAtOnce begins 16 onboardings of one domain at once, with every approval given at once,
// and measures until all are live. They wait for each other's certbot, of which one runs at a time on a
// VPS: as Debian ships it, and with the nginx-ctl that docs/install.md advises.
func BenchmarkSixteenAtOnce(b *testing.B) {
	b.Run("certbot=default", func(b *testing.B) { sixteenAtOnce(b, false) })
	b.Run("certbot=nginx-ctl", func(b *testing.B) { sixteenAtOnce(b, true) })
}

func sixteenAtOnce(b *testing.B, quick bool) {
	const runs = 16
	for b.Loop() {
		zones := make([]string, runs)
		for i := range zones {
			zones[i] = fmt.Sprintf("many-%d.example", i)
		}
		set, bot := openBench(b, sandbox.Config{Zones: zones, Quick: quick})
		began := time.Now()
		failed := make(chan error, runs)
		roots := make([]workspace.Message, runs)
		for i, zone := range zones {
			go func() {
				root, err := set.AskInLine(b.Context(), testbed.Ana, testbed.Inputs{Slug: fmt.Sprintf("many-%d", i),
					Name: "Many", Email: fmt.Sprintf("many-%d@example.com", i), Domains: []string{zone}})
				roots[i] = root
				if err == nil {
					err = set.Finish(b.Context(), testbed.Bo, root)
				}
				failed <- err
			}()
		}
		for range runs {
			if err := <-failed; err != nil {
				b.Error(err)
			}
		}
		b.ReportMetric(time.Since(began).Seconds(), "s/16-runs")
		screen, err := set.Person(testbed.Bo).Screen(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		posts := 0
		for _, root := range roots {
			for _, message := range testbed.Thread(screen, root) {
				if !message.Ephemeral { // the answer to a press that came twice
					posts++
				}
			}
		}
		b.ReportMetric(float64(posts)/runs, "posts/run")
		if err := bot.Stop(); err != nil {
			b.Fatal(err)
		}
	}
}

// openBench starts a testbed in a world, which ends with the benchmark, and the product.
func openBench(b *testing.B, world sandbox.Config) (*testbed.Testbed, *testbed.Bot) {
	b.Helper()
	set := openBed(b, testbed.Config{World: world})
	executable, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	bot, err := set.Start([]string{executable}, asProduct)
	if err != nil {
		b.Fatal(err)
	}
	if err := set.Connected(b.Context(), bot, 0); err != nil {
		b.Fatal(err)
	}
	return set, bot
}

func took(b *testing.B, play func(ctx context.Context, name, domain string) error, name, domain string) time.Duration {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 2*time.Minute)
	defer cancel()
	began := time.Now()
	if err := play(ctx, name, domain); err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
}

func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}
