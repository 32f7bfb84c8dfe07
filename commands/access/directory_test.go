package access_test

import (
	"log/slog"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/commands/access"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
	"github.com/atlilith/onboardbot/internal/secret"
	"github.com/atlilith/onboardbot/onboarding"
)

func TestPermissions(t *testing.T) {
	t.Parallel()
	sim, err := workspace.New(workspace.Sample())
	must(t, err)
	server := httptest.NewServer(sim.Handler())
	t.Cleanup(func() {
		sim.Close()
		server.Close()
	})
	slackWorkspace, err := bot.NewWorkspace(slog.New(slog.DiscardHandler),
		bot.Config{BotToken: secret.New(workspace.SampleBotToken),
			AppToken: secret.New(workspace.SampleAppToken), APIURL: server.URL + "/api/"})
	must(t, err)
	everybody := []string{workspace.Gus, workspace.Solo, workspace.Fay, workspace.Gone, workspace.Robot, "U0NOBODY"}
	directory, err := access.NewDirectory(bot.NewDirectory(slackWorkspace), access.Config{
		Operators: append(everybody, workspace.OpsGroup), Approvers: append(everybody, workspace.Ana)})
	must(t, err)
	for _, want := range []onboarding.Permissions{
		{Operator: onboarding.Operator{ID: workspace.Ana, Name: "ana"}, Operates: true, Approves: true},
		{Operator: onboarding.Operator{ID: workspace.Bo, Name: "bo"}, Operates: true,
			Refused: "only people on the list of approvers can"},
		{Operator: onboarding.Operator{ID: workspace.Cleo, Name: "cleo"},
			Refused: "only people on the list of operators can"},
		{Operator: onboarding.Operator{ID: workspace.Gus, Name: "gus"}, Refused: "guests are not allowed to"},
		{Operator: onboarding.Operator{ID: workspace.Solo, Name: "solo"}, Refused: "guests are not allowed to"},
		{Operator: onboarding.Operator{ID: workspace.Gone, Name: "gone"},
			Refused: "deactivated accounts are not allowed to"},
		{Operator: onboarding.Operator{ID: workspace.Robot, Name: "robot"}, Refused: "apps are not allowed to"},
		{Operator: onboarding.Operator{ID: workspace.Fay}, Refused: "people of other workspaces are not allowed to"},
		{Operator: onboarding.Operator{ID: "U0NOBODY"}, Refused: "Slack does not know this account in the workspace"},
	} {
		got, err := directory.Permissions(t.Context(), want.ID)
		must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	escalates, err := access.NewDirectory(bot.NewDirectory(slackWorkspace), access.Config{
		Operators: []string{workspace.OpsGroup}, Approvers: []string{workspace.Ana},
		EscalateTo: []string{workspace.Bo}})
	must(t, err)
	want := onboarding.Permissions{Operator: onboarding.Operator{ID: workspace.Bo, Name: "bo"}, Operates: true,
		StandsIn: true}
	got, err := escalates.PermissionsNow(t.Context(), workspace.Bo)
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("somebody in escalate_to (-want +got):\n%s", diff)
	}
	server.CloseClientConnections()
	server.Close()
	if standing, err := directory.Permissions(t.Context(), "U0LATER"); err == nil || standing.Operates ||
		standing.Approves {
		t.Errorf("without Slack: %+v, %v", standing, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
