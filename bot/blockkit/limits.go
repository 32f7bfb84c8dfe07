package blockkit

// Slack's limits, in characters unless said otherwise.
const (
	// MaxText is the length of a message's text. chat.postMessage would take 40,000; chat.update
	// refuses more than this with msg_too_long
	// (https://docs.slack.dev/reference/methods/chat.update).
	MaxText = 4000

	// Blocks of each surface: https://docs.slack.dev/reference/block-kit/blocks
	MaxMessageBlocks = 50
	MaxModalBlocks   = 100
	MaxHomeBlocks    = 100
	// MaxMessageWeight bounds all blocks of a message together (msg_blocks_too_long); see
	// [Weight]. Slack documents no number: 13,297 characters of markdown passed, less with more
	// blocks, and 11,341 characters in rich text did not
	// (https://github.com/slackapi/bolt-js/issues/2509 and 2867).
	MaxMessageWeight = 12_000

	// MaxTextObject is https://docs.slack.dev/reference/block-kit/composition-objects/text-object
	MaxTextObject = 3000

	// Section, header, context and input blocks:
	// https://docs.slack.dev/reference/block-kit/blocks/section-block and its neighbours.
	MaxSectionText     = 3000
	MaxHeader          = 150
	MaxContextElements = 10
	MaxInputLabel      = 2000
	MaxInputHint       = 2000

	// MaxAlert is https://docs.slack.dev/reference/block-kit/blocks/alert-block
	MaxAlert = 200

	// MaxPlanTasks is not on Slack's page
	// (https://docs.slack.dev/reference/block-kit/blocks/plan-block); others report it.
	MaxPlanTasks = 50

	// MaxDataTableRows includes the header; Slack's newer page says 201
	// (https://docs.slack.dev/reference/block-kit/blocks/data-table-block). MaxDataTableText is
	// the characters of all cells together.
	MaxDataTableRows = 101
	MaxDataTableText = 20_000

	// Buttons and confirmation dialogs:
	// https://docs.slack.dev/reference/block-kit/block-elements/button-element and
	// https://docs.slack.dev/reference/block-kit/composition-objects/confirmation-dialog-object
	MaxButtonText    = 75
	MaxConfirmTitle  = 100
	MaxConfirmText   = 300
	MaxConfirmButton = 30

	// Options: https://docs.slack.dev/reference/block-kit/composition-objects/option-object.
	// Slack's own sources disagree about the value (150 or 75); the stricter holds here.
	MaxOptionText        = 75
	MaxOptionValue       = 75
	MaxOptionDescription = 75
	MaxSelectOptions     = 100
	MaxPlaceholder       = 150
	MaxInputLength       = 3000

	// MaxViewTitle is https://docs.slack.dev/reference/views/modal-views
	MaxViewTitle = 24
	// MaxViewBytes is the size of a view as JSON, in bytes.
	MaxViewBytes = 250_000
)
