package site

import (
	"context"
	"fmt"
	"path"

	"github.com/atlilith/onboardbot/onboarding/hosts"
)

// Installation is a site as it is on its VPS.
type Installation struct {
	Webroot bool   // whether it exists
	Conf    []byte // nginx's configuration of the site, nil if there is none
	Enabled Link
}

// Link is what exists in the place of the symbolic link that enables a site.
type Link int

// What may exist there.
const (
	Absent   Link = iota
	Linked        // a symbolic link to the site's configuration
	NotALink      // something else, such as a copy
)

// Installed observes the VPS. If lock is not empty, it waits until nobody holds that lock of
// the VPS.
func (s *Site) Installed(ctx context.Context, lock string) (*Installation, error) {
	infos, err := s.Host.Inspect(ctx, lock, s.Webroot, s.Enabled, s.Conf)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Domain, err)
	}
	if conf := infos[2]; conf.Exists && !conf.Broken && conf.Content == nil {
		return nil, fmt.Errorf("%s: %s on %s is not a file", s.Domain, s.Conf, s.HostName)
	}
	return &Installation{Webroot: infos[0].Exists, Enabled: s.linkOf(infos[1]), Conf: infos[2].Content}, nil
}

func (s *Site) linkOf(info hosts.Info) Link {
	target := info.Link
	if target != "" && !path.IsAbs(target) {
		target = path.Join(path.Dir(s.Enabled), target)
	}
	switch {
	case !info.Exists:
		return Absent
	case target != "" && path.Clean(target) == s.Conf:
		return Linked
	}
	return NotALink
}
