package commands

import (
	"sync"
	"time"

	"github.com/atlilith/onboardbot/bot"
)

// repeatWindow is how long a private sentence is not repeated to the same person in the same
// place: people press a button several times until its message changes.
const repeatWindow = 10 * time.Second

// notices are the private sentences that this process told lately.
type notices struct {
	mu    sync.Mutex
	until map[notice]time.Time
}

type notice struct {
	to   bot.Recipient
	text string
}

// begin reports whether somebody is to be told a sentence. They are not if they were told lately.
func (n *notices) begin(to bot.Recipient, text string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	for told, until := range n.until {
		if now.After(until) {
			delete(n.until, told)
		}
	}
	if _, lately := n.until[notice{to, text}]; lately {
		return false
	}
	if n.until == nil {
		n.until = map[notice]time.Time{}
	}
	n.until[notice{to, text}] = now.Add(repeatWindow)
	return true
}

// forget makes the next call of begin return true, since the sentence did not arrive.
func (n *notices) forget(to bot.Recipient, text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.until, notice{to, text})
}
