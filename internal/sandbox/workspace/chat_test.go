package workspace_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

func TestUpdateAndHistory(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *workspace.Config) { c.Rates.Off = true })
	section := slack.MsgOptionBlocks(slack.NewSectionBlock(mrkdwn("block"), nil, nil))
	key := slack.MsgOptionMetadata(slack.SlackMetadata{EventType: "run", EventPayload: map[string]any{"key": "k1"}})
	ch, ts, err := r.api.PostMessage(workspace.OpsChannel, slack.MsgOptionText("first", false), section, key)
	if err != nil {
		t.Fatal(err)
	}
	read := func(all bool) slack.Message {
		t.Helper()
		h, err := r.api.GetConversationHistory(
			&slack.GetConversationHistoryParameters{ChannelID: ch, IncludeAllMetadata: all},
		)
		if err != nil || len(h.Messages) != 1 {
			t.Fatalf("%+v, %v", h, err)
		}
		return h.Messages[0]
	}
	if m := read(false); m.Metadata.EventType != "run" || m.Metadata.EventPayload != nil {
		t.Errorf("without include_all_metadata: %+v", m.Metadata)
	}
	if m := read(true); m.Metadata.EventPayload["key"] != "k1" || len(m.Blocks.BlockSet) != 1 ||
		m.Blocks.BlockSet[0].ID() == "" ||
		m.BotID != "B0BOT" {
		t.Errorf("with it: %+v", m)
	}
	update := func(options ...slack.MsgOption) error {
		_, _, _, err := r.api.UpdateMessage(ch, ts, options...)
		return err
	}
	if err := update(slack.MsgOptionText("second", false)); err != nil {
		t.Fatal(err)
	}
	if m := read(true); m.Text != "second" || len(m.Blocks.BlockSet) != 0 || m.Metadata.EventPayload["key"] != "k1" ||
		m.Edited == nil {
		t.Errorf("text alone removes blocks, keeps metadata and shows as edited: %+v", m)
	}
	if err := update(section); err != nil {
		t.Fatal(err)
	}
	if m := read(true); m.Text != "second" || len(m.Blocks.BlockSet) != 1 || m.Edited != nil {
		t.Errorf("blocks alone keep the text: %+v", m)
	}
	if err := update(slack.MsgOptionText(strings.Repeat("é", 4001), false)); err == nil ||
		err.Error() != "msg_too_long" {
		t.Error(err)
	}

	// A thread: replies hang on the parent, and only the parent is in the history.
	_, reply, err := r.api.PostMessage(ch, slack.MsgOptionTS(ts), slack.MsgOptionText("reply", false))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.api.PostMessage(ch, slack.MsgOptionTS(reply), slack.MsgOptionText("x", false)); err == nil ||
		err.Error() != "cannot_reply_to_message" {
		t.Errorf("a reply to a reply: %v", err)
	}
	if m := read(true); m.ReplyCount != 1 || m.LatestReply != reply {
		t.Errorf("parent: %+v", m)
	}
	thread, more, _, err := r.api.GetConversationReplies(
		&slack.GetConversationRepliesParameters{ChannelID: ch, Timestamp: ts},
	)
	if err != nil || more || len(thread) != 2 || thread[1].Text != "reply" || thread[1].ThreadTimestamp != ts {
		t.Errorf("thread: %+v, %v", thread, err)
	}
	page, more, next, err := r.api.GetConversationReplies(
		&slack.GetConversationRepliesParameters{ChannelID: ch, Timestamp: ts, Limit: 1},
	)
	if err != nil || !more || next == "" || len(page) != 1 {
		t.Errorf("a page: %+v %v %q %v", page, more, next, err)
	}
	link, err := r.api.GetPermalink(&slack.PermalinkParameters{Channel: ch, Ts: ts})
	if want := "https://atlilith.slack.com/archives/C0OPS/p" + strings.ReplaceAll(ts, ".", ""); err != nil ||
		link != want {
		t.Errorf("permalink %s, %v", link, err)
	}
	// A deleted parent leaves its replies.
	if _, _, err := r.api.DeleteMessage(ch, ts); err != nil {
		t.Fatal(err)
	}
	if m := read(true); m.SubType != "tombstone" {
		t.Errorf("deleted parent: %+v", m)
	}
	if err := update(slack.MsgOptionText("late", false)); err == nil || err.Error() != "message_not_found" {
		t.Error(err)
	}
}

func TestDirectMessage(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	ch, ts, err := r.api.PostMessage(workspace.Ana, slack.MsgOptionText("psst", false))
	if err != nil || !strings.HasPrefix(ch, "D") {
		t.Fatal(ch, err)
	}
	if _, _, _, err := r.api.UpdateMessage(ch, ts, slack.MsgOptionText("pst", false)); err != nil {
		t.Error(err)
	}
	opened, _, _, err := r.api.OpenConversation(&slack.OpenConversationParameters{Users: []string{workspace.Ana}})
	if err != nil || opened.ID != ch {
		t.Errorf("opened %+v, %v", opened, err)
	}
	said, err := workspace.As(r, workspace.Ana).Read(soon(t), "")
	if err != nil || len(said) != 1 || said[0].Text != "pst" {
		t.Errorf("read %+v, %v", said, err)
	}
	if said, err := workspace.As(r, workspace.Bo).Read(soon(t), ""); err == nil {
		t.Errorf("Bo reads Ana's messages: %+v", said)
	}
}

func TestEphemeral(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	ts, err := r.api.PostEphemeral(workspace.OpsChannel, workspace.Ana, slack.MsgOptionText("only you", false))
	if err != nil {
		t.Fatal(err)
	}
	ctx := soon(t)
	for user, want := range map[string]int{workspace.Ana: 1, workspace.Bo: 0} {
		if said, err := workspace.As(r, user).Read(ctx, "ops"); err != nil || len(said) != want {
			t.Errorf("%s reads %+v, %v", user, said, err)
		}
	}
	h, err := r.api.GetConversationHistory(
		&slack.GetConversationHistoryParameters{ChannelID: workspace.OpsChannel})
	if err != nil || len(h.Messages) != 0 {
		t.Errorf("history has it: %+v, %v", h, err)
	}
	if _, _, _, err := r.api.UpdateMessage(workspace.OpsChannel, ts, slack.MsgOptionText("x", false)); err == nil ||
		err.Error() != "message_not_found" {
		t.Errorf("updated: %v", err)
	}
	// In a thread without replies nobody sees it, and the app is not told.
	_, parent, err := r.api.PostMessage(workspace.OpsChannel, slack.MsgOptionText("parent", false))
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.api.PostEphemeral(workspace.OpsChannel, workspace.Ana,
		slack.MsgOptionTS(parent), slack.MsgOptionText("lost", false))
	if err != nil {
		t.Error(err)
	}
	if got := r.events(t, workspace.KindTrouble); len(got) != 1 {
		t.Errorf("troubles: %+v", got)
	}
}

func TestPeopleAndGroups(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	u, err := r.api.GetUserInfo(workspace.Fay)
	if err != nil || !u.IsStranger || u.TeamID != "T0OTHER" || u.Profile.Email != "" {
		t.Errorf("Fay: %+v, %v", u, err)
	}
	if u, err = r.api.GetUserInfo(workspace.Solo); err != nil || !u.IsRestricted || !u.IsUltraRestricted {
		t.Errorf("Solo: %+v, %v", u, err)
	}
	_, answer, _ := r.post(t, "users.info", workspace.SampleBotToken, asForm, "user=U0BO")
	if _, there := answer["user"].(map[string]any)["is_restricted"]; there {
		t.Error("a false flag is spelled out, though Slack may leave it out")
	}
	groups, err := r.api.GetUserGroups(slack.GetUserGroupsOptionIncludeUsers(true))
	if err != nil || len(groups) != 1 || !cmp.Equal(groups[0].Users, []string{workspace.Ana, workspace.Bo}) {
		t.Errorf("groups: %+v, %v", groups, err)
	}
	members, err := r.api.GetUserGroupMembers(workspace.OpsGroup)
	if err != nil || len(members) != 2 {
		t.Errorf("members: %v, %v", members, err)
	}
	auth, err := r.api.AuthTest()
	if err != nil || auth.TeamID != workspace.SampleTeam || auth.UserID != workspace.SampleBot ||
		auth.BotID != "B0BOT" {
		t.Errorf("auth.test: %+v, %v", auth, err)
	}
	info, err := r.api.GetConversationInfo(&slack.GetConversationInfoInput{ChannelID: workspace.OpsChannel})
	if err != nil || info.Name != "ops" || !info.IsMember {
		t.Errorf("conversations.info: %+v, %v", info, err)
	}
	list, _, err := r.api.GetConversations(
		&slack.GetConversationsParameters{Types: []string{"public_channel", "private_channel"}, Limit: 100},
	)
	var names []string
	for _, c := range list {
		names = append(names, c.Name)
	}
	if diff := cmp.Diff([]string{"ops", "general", "board", "archive"}, names); err != nil || diff != "" {
		t.Error(diff, err)
	}
}
