package bot_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

func TestDirectory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	directory := bot.NewDirectory(w.workspace())
	profile := func(id, name string) bot.Profile {
		return bot.Profile{Person: bot.Person{Team: workspace.SampleTeam, ID: id}, Name: name}
	}
	ana, guest, solo := profile(workspace.Ana, "ana"), profile(workspace.Gus, "gus"), profile(workspace.Solo, "solo")
	gone, robot := profile(workspace.Gone, "gone"), profile(workspace.Robot, "robot")
	ana.Admin = true
	guest.Guest = true
	solo.Guest = true
	gone.Deactivated = true
	robot.Bot = true
	for _, want := range []bot.Profile{ana, guest, solo, gone, robot} {
		for range 2 {
			got, err := directory.Person(t.Context(), want.ID)
			got.Zone = ""
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Error(diff, err)
			}
		}
	}
	w.Called("users.info", 5)
	if _, err := directory.Person(t.Context(), workspace.Fay); !errors.Is(err, bot.ErrForeignTeam) {
		t.Errorf("a person of another workspace: %v", err)
	}
	if _, err := directory.Person(t.Context(), "U0NOBODY"); !errors.Is(err, bot.ErrUnknownPerson) {
		t.Errorf("nobody: %v", err)
	}
	for range 2 {
		members, err := directory.Members(t.Context(), workspace.OpsGroup)
		if diff := cmp.Diff([]string{workspace.Ana, workspace.Bo}, members); err != nil || diff != "" {
			t.Error(diff, err)
		}
	}
	w.Called("usergroups.users.list", 1)
	if _, err := directory.Members(t.Context(), "S0NONE"); err == nil {
		t.Error("a group that is not there")
	}
}
