package runbook

import (
	"context"
	"fmt"
	"path"

	"github.com/atlilith/onboardbot/onboarding/hosts"
)

// installation is a site as it is on its VPS.
type installation struct {
	webroot bool   // whether it exists
	conf    []byte // nginx's configuration of the site, nil if there is none
	enabled link
}

// link is what exists in the place of the symbolic link that enables a site.
type link int

const (
	absent   link = iota
	linked        // a symbolic link to the site's configuration
	notALink      // something else, such as a copy
)

// installation observes the VPS. If lock is not empty, it waits until nobody holds that lock of
// the VPS.
func (s *site) installation(ctx context.Context, lock string) (*installation, error) {
	infos, err := s.host.Inspect(ctx, lock, s.webroot, s.enabled, s.conf)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.domain, err)
	}
	if conf := infos[2]; conf.Exists && !conf.Broken && conf.Content == nil {
		return nil, fmt.Errorf("%s: %s on %s is not a file", s.domain, s.conf, s.hostName)
	}
	return &installation{webroot: infos[0].Exists, enabled: s.linkOf(infos[1]), conf: infos[2].Content}, nil
}

func (s *site) linkOf(info hosts.Info) link {
	target := info.Link
	if target != "" && !path.IsAbs(target) {
		target = path.Join(path.Dir(s.enabled), target)
	}
	switch {
	case !info.Exists:
		return absent
	case target != "" && path.Clean(target) == s.conf:
		return linked
	}
	return notALink
}
