package dns

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	wire "github.com/miekg/dns"
)

const (
	// udpSize is what fits the usual path without fragments: https://www.dnsflagday.net/2020/.
	udpSize = 1232
	// maxRecords bounds what one answer may hold before it is thought hostile.
	maxRecords = 200
)

// Problem says why a name server gave no usable answer; the empty Problem is a good answer.
type Problem string

// What can be wrong with one server's answer.
const (
	Refused   Problem = "refused"   // it will not answer for this zone
	Failed    Problem = "failed"    // SERVFAIL and the like
	Timeout   Problem = "timeout"   // nothing came, or no way there
	Lame      Problem = "lame"      // it answers, but not with authority
	Delegated Problem = "delegated" // it refers to the servers of a zone below
	Malformed Problem = "malformed" // not an answer to what was asked
	Unsigned  Problem = "unsigned"  // not signed with the key, or not verifiably
)

// Sentence is the problem in words for people, to follow a server's name.
func (p Problem) Sentence() string {
	switch p {
	case "":
		return "answers"
	case Refused:
		return "refuses to answer for this domain"
	case Failed:
		return "reports a failure of its own"
	case Timeout:
		return "does not answer"
	case Lame:
		return "is listed as a name server of this domain but does not serve it"
	case Delegated:
		return "says that the name is delegated to other name servers: only their zone can have the record, so " +
			"remove the delegation or publish it there"
	case Malformed:
		return "answers another question than the one asked"
	case Unsigned:
		return "does not sign its answer with the key, so the answer cannot be trusted"
	}
	return string(p)
}

// Question names one record set.
type Question struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// asker sends one question to one server and believes nothing that does not belong to it.
type asker struct {
	timeout time.Duration
	sign    func(*wire.Client, *wire.Msg) // signs with the zone's key; does nothing for public questions
}

// ask returns the reply with its rcode NOERROR or NXDOMAIN, or a problem.
func (a asker) ask(ctx context.Context, server string, q Question, recurse bool) (*wire.Msg, Problem) {
	query := new(wire.Msg)
	query.SetQuestion(wire.Fqdn(q.Name), wire.StringToType[q.Type])
	query.RecursionDesired = recurse
	query.SetEdns0(udpSize, false)
	reply, err := a.exchange(ctx, "udp", server, query)
	if err == nil && reply.Truncated || errors.Is(err, wire.ErrBuf) {
		reply, err = a.exchange(ctx, "tcp", server, query)
	}
	if err != nil {
		var timeout net.Error
		var network *net.OpError
		if errors.As(err, &timeout) && timeout.Timeout() || errors.As(err, &network) || ctx.Err() != nil {
			return nil, Timeout
		}
		if unverified(err) {
			return nil, Unsigned
		}
		return nil, Malformed
	}
	return reply, judge(query, reply)
}

// exchange may return a reply beside an error: one that was understood but whose signature is
// missing or wrong.
func (a asker) exchange(ctx context.Context, network, server string, query *wire.Msg) (*wire.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	client := &wire.Client{Net: network, Timeout: a.timeout, UDPSize: udpSize}
	query = query.Copy()
	query.Id = wire.Id()
	a.sign(client, query)
	signed := query.IsTsig() != nil // the library takes the record off the query
	reply, _, err := client.ExchangeContext(ctx, query, server)
	if err == nil && signed && reply.IsTsig() == nil {
		err = wire.ErrNoSig
	}
	return reply, err
}

func judge(query, reply *wire.Msg) Problem {
	switch {
	case !reply.Response || reply.Opcode != wire.OpcodeQuery || reply.Truncated:
		return Malformed
	case reply.Rcode == wire.RcodeRefused || reply.Rcode == wire.RcodeNotAuth:
		return Refused
	case reply.Rcode != wire.RcodeSuccess && reply.Rcode != wire.RcodeNameError:
		return Failed
	case len(reply.Question) != 1 || !sameQuestion(query.Question[0], reply.Question[0]):
		return Malformed
	case len(reply.Answer) > maxRecords || len(reply.Ns) > maxRecords:
		return Malformed
	}
	return ""
}

func sameQuestion(a, b wire.Question) bool {
	return strings.EqualFold(a.Name, b.Name) && a.Qtype == b.Qtype && a.Qclass == b.Qclass
}

// unsigned leaves a public question as it is.
func unsigned(*wire.Client, *wire.Msg) {}
