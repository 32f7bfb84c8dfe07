package stage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/miekg/dns"

	"github.com/atlilith/onboardbot/internal/sandbox"
	"github.com/atlilith/onboardbot/internal/sandbox/page"
	"github.com/atlilith/onboardbot/internal/sandbox/testbed"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// The addresses at which the two replicas serve health checks and metrics.
const (
	firstHTTP  = "127.0.0.1:8080"
	secondHTTP = "127.0.0.1:8081"
)

// restartDelay is what a supervisor such as systemd waits before it starts the product again.
const restartDelay = time.Second

func (s *Stage) faults() []page.Fault {
	return []page.Fault{
		{ID: "kill", Label: "kill -9 the bot", Do: s.kill,
			Expect: "It is started again after a second. It observes what the interrupted step did and continues " +
				"under the same approval; nothing is applied twice and no message is lost."},
		{ID: "replica", Label: "Start or stop a second replica", Do: s.replica, Now: s.replicas,
			Expect: "Either replica can answer a click. A run is advanced by one of them at a time; if you then kill " +
				"the bot, the other one continues."},
		{ID: "sockets", Label: "Drop the Socket Mode connections", Do: s.dropSockets,
			Expect: "The bot reconnects within a second or two. What is pressed meanwhile may show Slack's own error " +
				"and can be pressed again."},
		{ID: "storm", Label: "429 storm", Do: s.storm, Now: s.stormy,
			Expect: "Slack refuses the next three posts and three updates, for 5 s each. Messages arrive in order " +
				"and once each, and what is then older than 10 s says that it was delivered late."},
		{ID: "nameserver", Label: "Stop or start a name server", Do: s.nameServer, Now: s.silent,
			Expect: "The DNS step waits until every authoritative server answers with the new records. When the " +
				"server is back, it continues by itself within seconds."},
		{ID: "drift", Label: "Change the zone behind its back", Do: s.drift, Now: s.drifted,
			Expect: "Press it while the DNS step waits for approval, then approve: the approval lapses, the thread " +
				"shows what differs, and a new request is below. Press again to take the record away."},
	}
}

// kill kills the bot, and starts it again.
func (s *Stage) kill(context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bot.Kill()
	time.Sleep(restartDelay)
	bot, err := s.Start(s.config.Command, s.config.Environment...)
	if err != nil {
		return "", err
	}
	s.bot = bot
	return "The bot was killed and has been started again.", nil
}

// replica starts another process of the product, or stops it.
func (s *Stage) replica(context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.second != nil {
		err := s.second.Stop()
		s.second = nil
		return "The second replica was stopped.", err
	}
	config, err := os.ReadFile(s.ConfigFile)
	if err != nil {
		return "", err
	}
	second := *s.Testbed
	second.ConfigFile = filepath.Join(s.Dir, "config-2.yaml")
	other := strings.Replace(string(config), "listen: "+firstHTTP, "listen: "+secondHTTP, 1)
	if err := os.WriteFile(second.ConfigFile, []byte(other), 0o600); err != nil {
		return "", err
	}
	var bot *testbed.Bot
	if bot, err = second.Start(s.config.Command, s.config.Environment...); err != nil {
		return "", err
	}
	s.second = bot
	return "A second replica was started.", nil
}

func (s *Stage) replicas(context.Context) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.second == nil {
		return ""
	}
	return "two replicas are running."
}

func (s *Stage) dropSockets(ctx context.Context) (string, error) {
	return "All Socket Mode connections were dropped.", s.Slack.Order(ctx, workspace.Fault{Kind: workspace.FaultDrop})
}

func (s *Stage) storm(ctx context.Context) (string, error) {
	for _, method := range []string{"chat.postMessage", "chat.update"} {
		err := s.Slack.Order(ctx, workspace.Fault{Kind: workspace.FaultRateLimit, Method: method, Times: 3,
			RetryAfter: 5 * time.Second})
		if err != nil {
			return "", err
		}
	}
	return "Slack will refuse the next three posts and three updates with 429.", nil
}

// stormy says how many refusals are left.
func (s *Stage) stormy(context.Context) string {
	left := s.Slack.Pending(workspace.FaultRateLimit)
	if left == 0 {
		return ""
	}
	return fmt.Sprintf("%d of 6 refusals are left.", left)
}

// nameServer silences the second name server, or lets it answer again.
func (s *Stage) nameServer(context.Context) (string, error) {
	second := s.DNS.NameServers[1]
	if second.Silent() {
		second.Behave()
		return "The second name server answers again.", nil
	}
	second.Silence()
	return "The second name server was stopped.", nil
}

func (s *Stage) silent(context.Context) string {
	if s.DNS.NameServers[1].Silent() {
		return "the second name server answers nothing."
	}
	return ""
}

// foreign is an address that is no machine of the platform's (RFC 5737).
const foreign = "198.51.100.9"

// drift adds a record at a name that the newest run's DNS change is about, or takes it away.
func (s *Stage) drift(ctx context.Context) (string, error) {
	zone, record, there, err := s.foreignRecord(ctx)
	if err != nil {
		return "", err
	}
	if there {
		return "The foreign record was taken away.", s.DNS.Remove(ctx, zone, record)
	}
	return "www." + zone + " was given the address " + foreign + ".", s.DNS.Add(ctx, zone, record)
}

func (s *Stage) drifted(ctx context.Context) string {
	zone, _, there, err := s.foreignRecord(ctx)
	if err != nil || !there {
		return ""
	}
	return "www." + zone + " has the address " + foreign + "."
}

// foreignRecord is the record that drift adds, and whether the zone has it.
func (s *Stage) foreignRecord(ctx context.Context) (zone string, record dns.RR, there bool, err error) {
	if zone, err = s.newestDomain(ctx); err != nil {
		return "", nil, false, err
	}
	if record, err = dns.NewRR("www." + zone + ". 60 IN A " + foreign); err != nil {
		return "", nil, false, err
	}
	records, err := s.DNS.Records(zone)
	there = slices.Contains(records, strings.ReplaceAll(record.String(), "\t", " "))
	return zone, record, there, err
}

// newestDomain is the domain of the newest onboarding, or one that is free.
func (s *Stage) newestDomain(ctx context.Context) (string, error) {
	conn, err := pgx.Connect(ctx, s.BotDSN())
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	domain := sandbox.Zones[0]
	err = conn.QueryRow(ctx, `SELECT d.domain FROM onboarding.run_domains d JOIN onboarding.runs r ON r.id = d.run_id
		ORDER BY r.created_at DESC, d.domain LIMIT 1`).Scan(&domain)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return domain, err
}
