package main

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
	"github.com/atlilith/onboardbot/internal/sandbox/stage"
)

// pairs is how often the benchmark plays both.
const pairs = 5

// BenchmarkOnboarding plays the whole onboarding of a Person with one domain, all of it said behind the command and every approval
// given as soon as it is asked, and the same by hand as a shell script with the runbook's commands: in turn, in the same world, certbot as Debian ships it. It
// reports the ratio of the medians.
func BenchmarkOnboarding(b *testing.B) {
	for b.Loop() {
		zones := make([]string, 2*pairs)
		for i := range zones {
			zones[i] = fmt.Sprintf("site-%d.example", i)
		}
		dir, err := os.MkdirTemp("", "bench")
		if err != nil {
			b.Fatal(err)
		}
		defer os.RemoveAll(dir)
		set, err := stage.Open(b.Context(), dir, stage.Config{World: sandbox.Config{Zones: zones}})
		if err != nil {
			b.Fatal(err)
		}
		defer set.Close()
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
		script := filepath.Join(dir, "runbook.sh")
		if err := os.WriteFile(script, []byte(sandbox.Runbook), 0o755); err != nil {
			b.Fatal(err)
		}
		var byHand, byBot []time.Duration
		for i := range pairs {
			byHand = append(byHand, took(b, func(ctx context.Context) error {
				cmd := exec.CommandContext(ctx, script, fmt.Sprintf("hand-%d", i), zones[2*i], fmt.Sprintf("hand-%d@example.com", i), "By Hand")
				cmd.Env = append(os.Environ(), set.Environment()...)
				out, err := cmd.CombinedOutput()
				if err != nil {
					return fmt.Errorf("%w: %s", err, out)
				}
				return nil
			}))
			byBot = append(byBot, took(b, func(ctx context.Context) error {
				root, err := set.AskInLine(ctx, stage.Ana, stage.Inputs{Slug: fmt.Sprintf("bot-%d", i), Name: "By Bot", Email: fmt.Sprintf("bot-%d@example.com", i),
					Domains: []string{zones[2*i+1]}})
				if err != nil {
					return err
				}
				return set.Finish(ctx, stage.Bo, root)
			}))
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

func took(b *testing.B, work func(context.Context) error) time.Duration {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 2*time.Minute)
	defer cancel()
	began := time.Now()
	if err := work(ctx); err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
}

func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2]
}
