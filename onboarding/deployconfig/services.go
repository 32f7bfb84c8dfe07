package deployconfig

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v4"
)

// Services is what makes a services.yaml that of one domain. The service is the one mapping in the
// file that has the key domain, wherever it stands; its other keys are those next to that one.
type Services struct {
	Domain   string
	Feature  string
	Aliases  []string
	HeldBack bool // deploy_state.held_back
}

// ReadServices returns the service's values; a key that is missing reads as its zero value, except
// domain.
func ReadServices(src []byte) (Services, error) {
	service, err := parseServices(src)
	if err != nil {
		return Services{}, fmt.Errorf("services.yaml: %w", err)
	}
	return service.values, nil
}

// SetServices sets all values. A key that is missing is added after domain and those before it in
// the order domain, feature, aliases, deploy_state.
func SetServices(src []byte, want Services) ([]byte, error) {
	if err := cmp.Or(oneLine("domain", want.Domain), oneLine("feature", want.Feature)); err != nil {
		return nil, err
	}
	for _, alias := range want.Aliases {
		if err := oneLine("alias", alias); err != nil {
			return nil, err
		}
	}
	return editServices(src, func(*service) Services { return want })
}

// SetHeldBack sets deploy_state.held_back and nothing else.
func SetHeldBack(src []byte, heldBack bool) ([]byte, error) {
	return editServices(src, func(s *service) Services {
		want := s.values
		want.HeldBack = heldBack
		return want
	})
}

func editServices(src []byte, change func(*service) Services) ([]byte, error) {
	before, err := parseServices(src)
	if err != nil {
		return nil, fmt.Errorf("services.yaml: %w", err)
	}
	want := change(before)
	edits, err := before.edits(want)
	if err != nil {
		return nil, fmt.Errorf("services.yaml: %w", err)
	}
	out := splice(src, edits)
	after, err := parseServices(out)
	if err != nil {
		return nil, fmt.Errorf("services.yaml: %w: %w", errChanged, err)
	}
	if !after.values.equal(want) || !slices.EqualFunc(before.rest(), after.rest(), sameNode) {
		return nil, fmt.Errorf("services.yaml: %w", errChanged)
	}
	return out, nil
}

func (s Services) equal(t Services) bool {
	return s.Domain == t.Domain && s.Feature == t.Feature && s.HeldBack == t.HeldBack &&
		slices.Equal(s.Aliases, t.Aliases)
}

// service is the parsed file with the places of the service's values.
type service struct {
	yamlSource
	documents []*yaml.Node
	mapping   *yaml.Node
	domain    pair
	feature   pair
	aliases   pair
	state     pair // deploy_state
	heldBack  pair
	values    Services
}

func parseServices(src []byte) (*service, error) {
	source, documents, err := parseYAML(src)
	if err != nil {
		return nil, err
	}
	s := &service{yamlSource: source, documents: documents}
	var found []*yaml.Node
	for _, document := range documents {
		walk(document, func(node *yaml.Node) {
			if node.Kind == yaml.MappingNode &&
				slices.ContainsFunc(keys(node), func(key *yaml.Node) bool { return key.Value == "domain" }) {
				found = append(found, node)
			}
		})
	}
	switch len(found) {
	case 0:
		return nil, errors.New("no mapping has the key domain")
	case 1:
		s.mapping = found[0]
	default:
		return nil, fmt.Errorf("line %d: a second mapping has the key domain; the first is on line %d", found[1].Line,
			found[0].Line)
	}
	for _, want := range []struct {
		key string
		at  *pair
	}{{"domain", &s.domain}, {"feature", &s.feature}, {"aliases", &s.aliases}, {"deploy_state", &s.state}} {
		if *want.at, err = s.pair(s.mapping, want.key); err != nil {
			return nil, err
		}
	}
	if s.state.value != nil {
		if s.state.value.Kind != yaml.MappingNode {
			return nil, fmt.Errorf("line %d: deploy_state is not a mapping", s.state.key.Line)
		}
		if s.heldBack, err = s.pair(s.state.value, "held_back"); err != nil {
			return nil, err
		}
	}
	return s, s.read()
}

func (s *service) read() error {
	var err error
	if s.values.Domain, err = s.domain.text(); err != nil {
		return err
	}
	if s.values.Feature, err = s.feature.text(); err != nil {
		return err
	}
	if s.values.Aliases, err = s.aliases.list(); err != nil {
		return err
	}
	s.values.HeldBack, err = s.heldBack.boolean()
	return err
}

// edits lists what must change. New lines go after the last line of the key that comes before
// them.
func (s *service) edits(want Services) ([]edit, error) {
	var edits []edit
	add := func(more []edit, err error) error {
		edits = append(edits, more...)
		return err
	}
	previous := s.domain
	for _, scalar := range []struct {
		name string
		at   pair
		have string
		want string
	}{{"domain", s.domain, s.values.Domain, want.Domain}, {"feature", s.feature, s.values.Feature, want.Feature}} {
		switch {
		case scalar.have == scalar.want:
		case scalar.at.value == nil:
			if err := add(s.insertAfter(previous, scalar.name+": "+quoteYAML(scalar.want, 0))); err != nil {
				return nil, err
			}
			continue
		default:
			if err := add(s.setScalar(scalar.at, scalar.want)); err != nil {
				return nil, err
			}
		}
		if scalar.at.value != nil {
			previous = scalar.at
		}
	}
	if !slices.Equal(s.values.Aliases, want.Aliases) {
		change := s.setList
		if s.aliases.value == nil {
			change = func(_ pair, items []string) ([]edit, error) {
				return s.insertAfter(previous, "aliases: "+flowList(items))
			}
		}
		if err := add(change(s.aliases, want.Aliases)); err != nil {
			return nil, err
		}
	}
	if s.aliases.value != nil {
		previous = s.aliases
	}
	truth := strconv.FormatBool(want.HeldBack)
	switch {
	case s.heldBack.value != nil:
		if s.values.HeldBack == want.HeldBack {
			return edits, nil
		}
		return edits, add(s.setPlain(s.heldBack, truth))
	case s.state.value != nil:
		return edits, add(s.insertBefore(s.state.value, "held_back: "+truth))
	default:
		return edits, add(s.insertAfter(previous, "deploy_state:", "  held_back: "+truth))
	}
}

// rest is the file without the service's values, to compare what must not change.
func (s *service) rest() []*yaml.Node {
	drop := map[*yaml.Node]bool{s.domain.value: true, s.feature.value: true, s.aliases.value: true,
		s.heldBack.value: true}
	state := s.state.value
	if state != nil && (len(state.Content) == 0 || len(state.Content) <= 2 && s.heldBack.value != nil) {
		drop[s.state.value] = true
	}
	rest := make([]*yaml.Node, len(s.documents))
	for i, document := range s.documents {
		rest[i] = without(document, drop)
	}
	return rest
}
