package blockkit

// Surface is where blocks are shown.
type Surface int

// The surfaces of Block Kit.
const (
	InMessage Surface = iota
	InModal
	InHome
)

// String names the surface.
func (s Surface) String() string { return [...]string{"message", "modal", "home"}[s] }

// maxBlocks is how many blocks the surface takes.
func (s Surface) maxBlocks() int { return [...]int{MaxMessageBlocks, MaxModalBlocks, MaxHomeBlocks}[s] }
