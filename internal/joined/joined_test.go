package joined_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/internal/joined"
)

func TestUnder(t *testing.T) {
	t.Parallel()
	one, two := errors.New("one: is wrong"), errors.New("two: is wrong")
	for _, test := range []struct {
		err  error
		want []string
	}{
		{nil, nil},
		{one, []string{"a.one: is wrong"}},
		{errors.Join(one, errors.Join(two, nil, one)),
			[]string{"a.one: is wrong", "a.two: is wrong", "a.one: is wrong"}},
		{fmt.Errorf("b.%w", one), []string{"a.b.one: is wrong"}},
	} {
		var got []string
		for _, err := range joined.Under("a", test.err) {
			if !errors.Is(err, one) && !errors.Is(err, two) {
				t.Errorf("%v wraps nothing", err)
			}
			got = append(got, err.Error())
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Error(diff)
		}
	}
}
