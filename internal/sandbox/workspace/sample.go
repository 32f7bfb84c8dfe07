package workspace

// The people and places of Sample.
const (
	SampleTeam     = "T0ATLILITH"
	SampleBot      = "U0BOT"
	SampleBotToken = "xoxb-1111-2222-sample"
	SampleAppToken = "xapp-1-A0APP-3333-sample"

	Ana   = "U0ANA"   // a member
	Bo    = "U0BO"    // another member
	Cleo  = "U0CLEO"  // a third one
	Gus   = "U0GUS"   // a guest (is_restricted)
	Solo  = "U0SOLO"  // a single-channel guest (is_restricted and is_ultra_restricted)
	Fay   = "U0FAY"   // from another workspace
	Gone  = "U0GONE"  // deactivated
	Robot = "U0ROBOT" // another app's bot

	OpsChannel     = "C0OPS"
	GeneralChannel = "C0GENERAL" // the bot is not in it
	SecretChannel  = "G0SECRET"  // private, without the bot
	BoardChannel   = "G0BOARD"   // private, with the bot
	ArchiveChannel = "C0ARCHIVE"

	OpsGroup = "S0OPS"
)

// Sample is a small workspace with every kind of person and channel, for tests. Callers change
// what they need before New.
func Sample() Config {
	everyone := []string{Ana, Bo, Cleo, Gus, Fay}
	return Config{
		Team: Team{ID: SampleTeam, Name: "Atlilith", Domain: "atlilith"},
		Users: []User{
			{ID: Ana, Name: "ana", RealName: "Ana Ortiz", Email: "ana@example.com", IsAdmin: true},
			{ID: Bo, Name: "bo", RealName: "Bo Lindqvist", Email: "bo@example.com"},
			{ID: Cleo, Name: "cleo", RealName: "Cleo Park", Email: "cleo@example.com"},
			{ID: Gus, Name: "gus", RealName: "Gus Guest", IsRestricted: true},
			{ID: Solo, Name: "solo", RealName: "Solo Guest", IsRestricted: true, IsUltraRestricted: true},
			{ID: Fay, Name: "fay", RealName: "Fay Foreign", TeamID: "T0OTHER", IsStranger: true},
			{ID: Gone, Name: "gone", RealName: "Gone Away", Deleted: true},
			{ID: Robot, Name: "robot", RealName: "Robot", IsBot: true},
		},
		Channels: []Channel{
			{ID: OpsChannel, Name: "ops", Members: append([]string{SampleBot}, everyone...)},
			{ID: GeneralChannel, Name: "general", Members: everyone},
			{ID: SecretChannel, Name: "secret", IsPrivate: true, Members: []string{Ana, Bo}},
			{ID: BoardChannel, Name: "board", IsPrivate: true, Members: []string{SampleBot, Ana, Bo}},
			{ID: ArchiveChannel, Name: "archive", IsArchived: true, Members: append([]string{SampleBot}, everyone...)},
		},
		UserGroups: []UserGroup{{ID: OpsGroup, Name: "Operators", Handle: "operators", Users: []string{Ana, Bo}}},
		App: App{
			ID: "A0APP", Name: "Onboard", BotUserID: SampleBot, BotID: "B0BOT",
			BotToken: SampleBotToken, AppToken: SampleAppToken,
			Scopes: []string{"commands", "chat:write", "users:read", "usergroups:read", "channels:read", "groups:read",
				"channels:history", "groups:history", "im:history", "im:write", "files:write", "files:read"},
			Commands: []Command{{Name: "/onboard"}},
			Events:   []string{"app_home_opened"},
			HomeTab:  true, MessagesTab: true,
		},
	}
}
