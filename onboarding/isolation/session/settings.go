package session

// Settings are the names of custom settings, such as app.user_id.
type Settings struct {
	// User is set by the platform after it verified who it is.
	User string `yaml:"user"`
	// Org is the workspace that a session acts in; its value is the session's to choose. Empty: the platform has none.
	Org string `yaml:"org"`
}
