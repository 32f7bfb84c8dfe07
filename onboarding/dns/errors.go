package dns

import (
	"errors"
	"fmt"
	"slices"

	wire "github.com/miekg/dns"
)

// What can become of an update. Each is a sentence that says what to do next.
var (
	ErrDrift = errors.New("the records are no longer what was approved: nothing was changed; a new " +
		"approval is needed")
	ErrBadSig = errors.New("the name server does not accept the signature: the secret is not the one it knows " +
		"for this key")
	ErrBadKey  = errors.New("the name server does not know the key: check its name and algorithm")
	ErrBadTime = errors.New("the name server's clock and this machine's differ by more than the signature allows: " +
		"correct the clock")
	ErrNotAuth  = errors.New("the name server is not the primary of this zone, or the key is not for it")
	ErrRefused  = errors.New("the name server refuses the update: the key may not change these records")
	ErrNotZone  = errors.New("a record is outside the zone that is updated")
	ErrRejected = errors.New("the name server rejected the update")
	ErrUnsigned = errors.New("the reply is not signed with the key, so it cannot be trusted: check whether the " +
		"update was made")
	ErrNoReply   = errors.New("the name server did not reply: check whether the update was made")
	ErrNotStored = errors.New("the name server accepted the update but does not serve the records")
)

// rejection is the error of a reply to an update, nil for success.
func rejection(reply *wire.Msg) error {
	switch reply.Rcode {
	case wire.RcodeSuccess:
		return nil
	case wire.RcodeYXDomain, wire.RcodeYXRrset, wire.RcodeNXRrset, wire.RcodeNameError:
		return ErrDrift
	case wire.RcodeRefused:
		return ErrRefused
	case wire.RcodeNotZone:
		return ErrNotZone
	case wire.RcodeNotAuth:
		if tsig := reply.IsTsig(); tsig != nil {
			switch int(tsig.Error) {
			case wire.RcodeBadSig:
				return ErrBadSig
			case wire.RcodeBadKey:
				return ErrBadKey
			case wire.RcodeBadTime:
				return ErrBadTime
			}
		}
		return ErrNotAuth
	}
	return ErrRejected
}

// classify tells a reply that cannot be believed from no reply.
func classify(err error) error {
	if unverified(err) {
		return fmt.Errorf("%w: %w", ErrUnsigned, err)
	}
	return fmt.Errorf("%w: %w", ErrNoReply, err)
}

// unverified reports whether a reply came whose signature is missing or wrong.
func unverified(err error) bool {
	return slices.ContainsFunc([]error{
		wire.ErrNoSig, wire.ErrSig, wire.ErrSecret, wire.ErrKeyAlg, wire.ErrTime, wire.ErrAuth,
	}, func(target error) bool { return errors.Is(err, target) })
}
