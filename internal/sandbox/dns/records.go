package dns

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Records returns the records of a zone but its SOA, sorted, as named has them: one line each.
func (s *Server) Records(zone string) ([]string, error) {
	transfer := new(dns.Msg).SetAxfr(dns.Fqdn(zone))
	transfer.SetTsig(s.Key.Name, dns.HmacSHA256, tsigFudge, time.Now().Unix())
	answers, err := (&dns.Transfer{TsigSecret: s.secrets()}).In(transfer, backend)
	if err != nil {
		return nil, fmt.Errorf("zone %s: %w", zone, err)
	}
	var lines []string
	for answer := range answers {
		if answer.Error != nil {
			return nil, fmt.Errorf("zone %s: %w", zone, answer.Error)
		}
		for _, record := range answer.RR {
			if record.Header().Rrtype != dns.TypeSOA {
				lines = append(lines, strings.ReplaceAll(record.String(), "\t", " "))
			}
		}
	}
	slices.Sort(lines)
	return lines, nil
}

// Add adds a record to a zone past every guard, as somebody with the key would. Remove takes it
// away again.
func (s *Server) Add(ctx context.Context, zone string, record dns.RR) error {
	update := new(dns.Msg).SetUpdate(dns.Fqdn(zone))
	update.Insert([]dns.RR{record})
	return s.update(ctx, update)
}

// Remove removes a record from a zone.
func (s *Server) Remove(ctx context.Context, zone string, record dns.RR) error {
	update := new(dns.Msg).SetUpdate(dns.Fqdn(zone))
	update.Remove([]dns.RR{record})
	return s.update(ctx, update)
}

func (s *Server) update(ctx context.Context, update *dns.Msg) error {
	update.SetTsig(s.Key.Name, dns.HmacSHA256, tsigFudge, time.Now().Unix())
	reply, _, err := (&dns.Client{TsigSecret: s.secrets()}).ExchangeContext(ctx, update, backend)
	if err == nil && reply.Rcode != dns.RcodeSuccess {
		err = fmt.Errorf("the server answers %s", dns.RcodeToString[reply.Rcode])
	}
	if err != nil {
		return fmt.Errorf("update of the zone %s: %w", update.Question[0].Name, err)
	}
	return nil
}

// tsigFudge is how far clocks may differ, in seconds.
const tsigFudge = 300

func (s *Server) secrets() map[string]string { return map[string]string{s.Key.Name: s.Key.Secret} }
