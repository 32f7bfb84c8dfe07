package stage_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// pictureQuality is WebP's, of 100.
const pictureQuality = int64(60)

// picture writes what the window shows, light and dark, into the folder that PICTURES names, if it
// is set: see make pictures. A picture that would show the same but for times and numbers stays as
// it is.
func (w *window) picture(name string) {
	w.th.t.Helper()
	folder := os.Getenv("PICTURES")
	if folder == "" {
		return
	}
	now, err := w.shown()
	if err != nil {
		w.fail(err)
	}
	ledger := filepath.Join(folder, "shown.sha256")
	before, err := os.ReadFile(ledger)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.th.t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(before)), "\n")
	if slices.Contains(lines, now+"  "+name) {
		return
	}
	lines = slices.DeleteFunc(lines, func(line string) bool { return line == "" || strings.HasSuffix(line, "  "+name) })
	lines = append(lines, now+"  "+name)
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[sha256.Size*2:], b[sha256.Size*2:]) })
	// The ring around the focus would draw the eye.
	w.js(`document.head.insertAdjacentHTML('beforeend',
		'<style id="still">:focus-visible{outline:0!important}</style>')`)
	for _, scheme := range schemes {
		w.scheme(scheme)
		w.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			quality := pictureQuality
			shot, err := cdp.Call(ctx, target, page.CaptureScreenshot, page.CaptureScreenshotParams{
				Format: page.CaptureScreenshotFormatWebp, Quality: &quality,
			})
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(folder, name+"-"+scheme+".webp"), shot.Data, 0o644)
		}))
	}
	w.js(`document.querySelector('#still').remove()`)
	if err := os.WriteFile(ledger, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		w.th.t.Fatal(err)
	}
}

// varying is what differs between two runs of the test: times, durations, ids and digests.
var varying = regexp.MustCompile(`less than a second|(\d+m )?\d+ ?s\b|\b[VF][0-9A-Z]{8,}|[0-9a-f]*\d[0-9a-f]*`)

// shown is a digest of what the window shows and of how it is drawn.
func (w *window) shown() (string, error) {
	html, err := chromedp.Run(w.ctx, chromedp.Evaluate[string](`innerWidth + document.body.innerHTML`))
	if err != nil {
		return "", err
	}
	style, err := os.ReadFile("../page/page.css")
	if err != nil {
		return "", err
	}
	drawn := varying.ReplaceAllString(html, "#") + strings.TrimSpace(string(style))
	return fmt.Sprintf("%x", sha256.Sum256([]byte(drawn))), nil
}
