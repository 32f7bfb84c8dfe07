package site

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

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

// Installed observes the VPS.
func (s *Site) Installed(ctx context.Context) (*Installation, error) {
	infos, err := s.Host.Inspect(ctx, s.Webroot, s.Enabled, s.Conf)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Domain, err)
	}
	if conf := infos[2]; conf.Exists && !conf.Broken && conf.Content == nil {
		return nil, fmt.Errorf("%s: %s on %s is not a file", s.Domain, s.Conf, s.HostName)
	}
	return &Installation{Webroot: infos[0].Exists, Enabled: s.linkOf(infos[1]), Conf: infos[2].Content}, nil
}

// digestsScript prints the SHA-256 of files in a folder, those that exist: FOLDER. Their names
// come on standard input, each with a NUL.
const digestsScript = `cd -- "$1" 2>/dev/null || exit 0; xargs -0 -r sha256sum -z -- 2>/dev/null; exit 0`

// OtherFile returns the first of some files, by their path in the webroot, that is not there with
// this content, empty if all are.
func (s *Site) OtherFile(ctx context.Context, files map[string][]byte) (string, error) {
	names := slices.Sorted(maps.Keys(files))
	if len(names) == 0 {
		return "", nil
	}
	out, err := s.Host.Output(ctx, hosts.Command{Argv: []string{"sh", "-c", digestsScript, "onboardbot", s.Webroot},
		Stdin: []byte(strings.Join(names, "\x00") + "\x00")})
	if err != nil {
		return "", fmt.Errorf("%s: files of the webroot: %w", s.Domain, err)
	}
	there := map[string]string{}
	for line := range strings.SplitSeq(string(out), "\x00") {
		if digest, name, found := strings.Cut(line, "  "); found {
			there[name] = digest
		}
	}
	for _, name := range names {
		if sum := sha256.Sum256(files[name]); there[name] != hex.EncodeToString(sum[:]) {
			return name, nil
		}
	}
	return "", nil
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
