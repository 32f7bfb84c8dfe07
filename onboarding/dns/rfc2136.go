package dns

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	wire "github.com/miekg/dns"
)

// fudge is how many seconds the clocks of both sides may differ: RFC 8945 §10.
const fudge = 300

// RFC2136 publishes by signed dynamic updates to the primary name server of a zone.
type RFC2136 struct {
	server    string
	zones     []string
	key       string
	algorithm string
	asker     asker // holds the key in a closure: no way of printing a publisher shows it
}

var _ Publisher = (*RFC2136)(nil)

// Guarantees returns all of them: an update is one message with prerequisites (RFC 2136 §2.4, §3).
func (*RFC2136) Guarantees() Guarantees {
	return Guarantees{Automatic: true, Atomic: true, Conditional: true}
}

// NewRFC2136 makes a publisher. It reads the secret and sends nothing yet.
func NewRFC2136(config RFC2136Config) (*RFC2136, error) {
	config = config.WithDefaults()
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("dns rfc2136: %w", err)
	}
	server, err := config.address()
	if err != nil {
		return nil, fmt.Errorf("dns rfc2136: server: %w", err)
	}
	name, secret, err := config.key()
	if err != nil {
		return nil, fmt.Errorf("dns rfc2136: %w", err)
	}
	p := &RFC2136{server: server, key: config.Key, algorithm: wire.Fqdn(config.Algorithm)}
	for _, zone := range config.Zones {
		zone, _ := Name(zone) // validated above
		p.zones = append(p.zones, zone)
	}
	p.asker = asker{timeout: config.Timeout, sign: func(client *wire.Client, message *wire.Msg) {
		client.TsigSecret = map[string]string{name: secret.Reveal()}
		message.SetTsig(name, p.algorithm, fudge, time.Now().Unix())
	}}
	return p, nil
}

// Observe asks the primary, signed both ways, so an approver sees what the update is conditional
// on.
func (p *RFC2136) Observe(ctx context.Context, zone string, questions []Question) (State, error) {
	zone, err := p.mayChange(zone)
	if err != nil {
		return State{}, err
	}
	if err := checkQuestions(zone, questions); err != nil {
		return State{}, err
	}
	if err := p.Check(ctx, zone); err != nil {
		return State{}, err
	}
	server := Server{Name: p.server, Address: p.server, Answers: p.asker.askAll(ctx, p.server, zone, questions)}
	return State{Zone: zone, Servers: []Server{server}}.inZone(), nil
}

func (p *RFC2136) mayChange(zone string) (string, error) {
	zone, err := Name(zone)
	if err != nil {
		return "", err
	}
	if len(p.zones) > 0 && !slices.Contains(p.zones, zone) {
		return "", fmt.Errorf("%w: %s is not among the configured zones %s", ErrNotAuth, zone,
			strings.Join(p.zones, ", "))
	}
	return zone, nil
}

// Publish makes all changes in one signed message, whole or not at all (RFC 2136 §3). Each record
// set must still be what its change says it was before (§2.4.2, §2.4.3), or nothing happens and
// the error is [ErrDrift]. Afterwards the record sets are read back. After [ErrNoReply] and
// [ErrUnsigned] the outcome is unknown until it is observed; every other error means that nothing
// changed, but for [ErrNotStored], where the server says one thing and serves another.
func (p *RFC2136) Publish(ctx context.Context, zone string, changes []Change) error {
	zone, err := p.mayChange(zone)
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	if len(changes) == 0 {
		return nil
	}
	update, err := compose(zone, changes)
	if err != nil {
		return fmt.Errorf("publish in %s: %w", zone, err)
	}
	if _, err := p.exchange(ctx, update); err != nil {
		return fmt.Errorf("publish in %s at %s: %w", zone, p.server, err)
	}
	return p.readBack(ctx, zone, changes)
}

// sampleZone is asked for if no zone is configured. It is reserved (RFC 2606 §2).
const sampleZone = "onboardbot-check.example"

// Ready asks the primary whether it knows the key: for each zone that is configured, else for a
// zone that nobody has, which tells only whether the key can be used. Whether the key may change
// another zone is seen by the run that needs it.
func (p *RFC2136) Ready(ctx context.Context) (string, error) {
	for _, zone := range p.zones {
		if err := p.Check(ctx, zone); err != nil {
			return "", err
		}
	}
	if len(p.zones) > 0 {
		return fmt.Sprintf("%s accepts them for %s", p.server, strings.Join(p.zones, ", ")), nil
	}
	err := p.Check(ctx, sampleZone)
	if errors.Is(err, wire.ErrNoSig) { // Knot signs no refusal of a zone that it does not have
		return fmt.Sprintf("%s answers; list zones in dns.rfc2136.zones to find out whether it knows the key %s",
			p.server, p.key), nil
	}
	for _, unusable := range []error{ErrBadKey, ErrBadSig, ErrBadTime, ErrNoReply, ErrUnsigned} {
		if errors.Is(err, unusable) {
			return "", err
		}
	}
	return fmt.Sprintf("%s knows the key %s", p.server, p.key), nil
}

// Check returns nil if the primary knows the key and serves the zone. It changes nothing.
func (p *RFC2136) Check(ctx context.Context, zone string) error {
	zone, err := p.mayChange(zone)
	if err != nil {
		return err
	}
	query := new(wire.Msg)
	query.SetQuestion(wire.Fqdn(zone), wire.TypeSOA)
	query.RecursionDesired = false
	reply, err := p.exchange(ctx, query)
	if err == nil && !(reply.Authoritative && len(reply.Answer) > 0) {
		err = ErrNotAuth
	}
	if err != nil {
		return fmt.Errorf("zone %s at %s: %w", zone, p.server, err)
	}
	return nil
}

// exchange sends one signed message and returns its verified reply, or what it says went wrong.
func (p *RFC2136) exchange(ctx context.Context, message *wire.Msg) (*wire.Msg, error) {
	reply, err := p.asker.exchange(ctx, "tcp", p.server, message)
	switch {
	// The library cannot verify a NOTAUTH reply, nor need it: that nothing changed is the safe
	// thing to believe.
	case reply != nil && reply.Rcode == wire.RcodeNotAuth:
		return nil, rejection(reply)
	case err != nil && reply != nil && reply.Rcode != wire.RcodeSuccess:
		return nil, fmt.Errorf("%w (%s)", classify(err), wire.RcodeToString[reply.Rcode])
	case err != nil:
		return nil, classify(err)
	case !reply.Response || reply.Opcode != message.Opcode ||
		wire.CanonicalName(reply.IsTsig().Algorithm) != p.algorithm:
		return nil, ErrUnsigned
	}
	if err := rejection(reply); err != nil {
		return nil, fmt.Errorf("%w (%s)", err, wire.RcodeToString[reply.Rcode])
	}
	return reply, nil
}

func (p *RFC2136) readBack(ctx context.Context, zone string, changes []Change) error {
	questions := make([]Question, len(changes))
	for i, change := range changes {
		questions[i] = change.Question
	}
	state, err := p.Observe(ctx, zone, questions)
	if err != nil {
		return err
	}
	for i, answer := range state.Servers[0].Answers {
		after := changes[i].After
		if answer.Problem != "" || len(without(answer.Records, after))+len(without(after, answer.Records)) > 0 {
			return fmt.Errorf("publish in %s: %s %s: %w", zone, answer.Name, answer.Type, ErrNotStored)
		}
	}
	return nil
}

// compose writes the update: what must hold first, then all removals, then all additions, since a
// server ignores an address that is added beside an alias (RFC 2136 §3.4.2.2). Records on both
// sides of a change are in its prerequisite alone.
func compose(zone string, changes []Change) (*wire.Msg, error) {
	update := new(wire.Msg)
	update.SetUpdate(wire.Fqdn(zone))
	var removed, added []wire.RR
	for _, change := range changes {
		if !within(change.Name, zone) {
			return nil, fmt.Errorf("%w: %s", ErrNotZone, change.Name)
		}
		if !slices.Contains(writable, change.Type) {
			return nil, fmt.Errorf("%w: %s %s may not be changed", ErrRecord, change.Name, change.Type)
		}
		before, err := change.wire(change.Before)
		if err != nil {
			return nil, err
		}
		if len(before) > 0 {
			update.Used(before)
		} else {
			set := &wire.ANY{Hdr: wire.RR_Header{Name: wire.Fqdn(change.Name), Rrtype: wire.StringToType[change.Type]}}
			update.RRsetNotUsed([]wire.RR{set})
		}
		gone, err := change.wire(change.Removed())
		if err != nil {
			return nil, err
		}
		come, err := change.wire(change.Added())
		if err != nil {
			return nil, err
		}
		removed, added = append(removed, gone...), append(added, come...)
	}
	update.Remove(removed)
	update.Insert(added)
	return update, nil
}

func (c Change) wire(records []Record) ([]wire.RR, error) {
	var set []wire.RR
	for _, record := range records {
		if record.Name != c.Name || record.Type != c.Type {
			return nil, fmt.Errorf("%w: %s %s is not of the set %s %s", ErrRecord, record.Name, record.Type, c.Name,
				c.Type)
		}
		rr, err := parse(record)
		if err != nil {
			return nil, err
		}
		set = append(set, rr)
	}
	return set, nil
}
