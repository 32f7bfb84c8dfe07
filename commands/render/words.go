package render

// CertificatesCommand is the slash command for certificates, as in the app's manifest.
const CertificatesCommand = "/certificates"

// IsolationCommand is the slash command for a report on isolation, as in the app's manifest.
const IsolationCommand = "/isolation-report"

// What can follow the name of the slash command. Any other word is a slug.
const (
	WordHelp   = "help"
	WordList   = "list"
	WordStatus = "status"
	WordPlan   = "plan"
	WordCancel = "cancel"
	WordRetry  = "retry"
	WordReview = "review"
	WordLog    = "log"
	WordVerify = "verify"
	WordUndo   = "undo"
	WordFreeze = "freeze"
	WordThaw   = "thaw"
	WordAway   = "away"
)
