package stage_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/chromedp/chromedp"

	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// fillsEveryInput lets Cleo try each kind of input that the form has, and reads in the workspace
// what was entered.
func fillsEveryInput(th *theater) {
	th.t.Helper()
	cleo := th.window("user=U0CLEO", wide, high)
	cleo.sees("#messages", "Live")
	cleo.js(`document.querySelector('#write').focus()`)
	cleo.do(chromedp.KeyEvent("/onboard second-try\r"))
	cleo.sees("dialog[open]", "Operating mode")

	// An external select asks the bot while a person types.
	cleo.choose("Person joins existing Org")
	cleo.fill("The Org they join", "lilith")
	cleo.waitFor(`document.querySelector('dialog datalist option')?.value.includes('Lilith')`)
	cleo.js(`{const i = document.querySelector('dialog input[list]'); i.value = i.list.options[0].value
		i.dispatchEvent(new Event('change', {bubbles: true}))}`)
	cleo.entered("Atelier Lilith")

	cleo.js(`{const s = document.querySelector('dialog select')
		s.value = [...s.options].find(o => o.value === 'No mail').value
		s.dispatchEvent(new Event('change', {bubbles: true}))}`)
	cleo.entered("No mail")

	// Other fields appear, and a file goes in.
	cleo.choose("Person + owns Org")
	cleo.sees("dialog[open]", "Logo")
	logo := filepath.Join(th.Dir, "logo.svg")
	svg := `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path fill="#123456" d="M0 0h9v9z"/></svg>`
	if err := os.WriteFile(logo, []byte(svg), 0o644); err != nil {
		th.t.Fatal(err)
	}
	cleo.do(chromedp.SetUploadFiles(chromedp.CSS(`dialog input[type=file]`), []string{logo}))
	cleo.entered("logo.svg")
	cleo.sees("dialog[open]", "logo.svg")
	cleo.accessible()

	// Esc closes the form, and the focus is where she was.
	cleo.do(chromedp.KeyEvent("\u001b"))
	cleo.waitFor(`!document.querySelector('dialog[open]')`)
	if screen, err := th.Slack.Look(th.t.Context(), workspace.Cleo, 0); err != nil || len(screen.Modals) > 0 {
		th.t.Errorf("the form is still open in the workspace: %v", err)
	}
}

// entered waits until the state of the person's form has a text.
func (w *window) entered(text string) {
	w.th.t.Helper()
	person := w.th.Person(workspace.Cleo)
	ctx, cancel := w.within()
	defer cancel()
	_, err := person.WaitFor(ctx, func(s workspace.Screen) bool {
		top, open := s.Top()
		return open && strings.Contains(string(top.State), text)
	})
	if err != nil {
		w.fail(fmt.Errorf("%q was not entered: %w", text, err))
	}
}
