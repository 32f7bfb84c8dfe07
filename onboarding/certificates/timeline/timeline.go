package timeline

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"time"

	"github.com/atlilith/onboardbot/internal/canvas"
	"github.com/atlilith/onboardbot/onboarding/certificates"
)

// A phone shows the picture at about a third of its width, so text of 30 pixels appears as 10
// points.
const (
	width     = 1080
	margin    = 28
	header    = 140
	rowHeight = 96
	barTop    = 54 // within a row
	barHeight = 26
	footer    = 96
	maxRows   = 24
)

// The picture has a ground of its own, so it reads the same in both of Slack's themes. The colours
// of the states differ in lightness too, for people who cannot tell red and green apart.
var (
	ground, stripe, grid                  = rgb(0xffffff), rgb(0xf4f5f7), rgb(0xd5d8de)
	strong, faint                         = rgb(0x1d1c1d), rgb(0x5c5f66)
	pastColor, validColor, dueColor       = rgb(0x8a93a3), rgb(0x2f8f63), rgb(0x8fd3b4)
	attentionColor, urgentColor, nowColor = rgb(0xe0a100), rgb(0xd6294c), rgb(0x2f86c8)
)

func rgb(hex uint32) color.RGBA {
	return color.RGBA{uint8(hex >> 16), uint8(hex >> 8), uint8(hex), 0xff}
}

// barColors are those of a certificate until its renewal is due, and from then on.
func barColors(severity certificates.Severity) (valid, due color.Color) {
	switch severity {
	case certificates.Critical:
		return urgentColor, urgentColor
	case certificates.Attention, certificates.Unchecked:
		return attentionColor, attentionColor
	}
	return validColor, dueColor
}

// picture is a timeline that is being drawn.
type picture struct {
	*canvas.Canvas
	from, to, now time.Time
}

// Draw draws the rows, the past to the left of now. Rows beyond the first 24 are only counted.
func Draw(w io.Writer, rows []Row, at time.Time) error {
	shown := rows[:min(len(rows), maxRows)]
	bottom := header + max(1, len(shown))*rowHeight
	p := &picture{Canvas: canvas.New(width, bottom+footer, ground), now: at}
	p.from, p.to = period(shown, at)
	title := fmt.Sprintf("Certificates of %d domains", len(rows))
	switch {
	case len(rows) > len(shown):
		title = fmt.Sprintf("Certificates: the %d most urgent of %d domains", len(shown), len(rows))
	case len(rows) < 2:
		title = "Certificates"
	}
	p.Write(image.Pt(margin, 54), canvas.Label{Text: title, Face: canvas.Bold(32), Ink: strong})
	for i := 0; i < len(shown); i += 2 {
		p.Fill(image.Rect(0, header+i*rowHeight, width, header+(i+1)*rowHeight), stripe)
	}
	p.axis(bottom)
	for i, row := range shown {
		p.row(row, header+i*rowHeight)
	}
	p.legend(bottom + 58)
	return png.Encode(w, p.Image)
}

// x is where a time is in the picture.
func (p *picture) x(t time.Time) int {
	part := float64(t.Sub(p.from)) / float64(p.to.Sub(p.from))
	return margin + int(min(max(part, 0), 1)*(width-2*margin))
}

// axis draws a line and a date at each sixth of the period.
func (p *picture) axis(bottom int) {
	layout := "2 Jan"
	if span := p.to.Sub(p.from); span < 24*time.Hour {
		layout = "15:04"
	} else if span < 7*24*time.Hour {
		layout = "2 Jan 15:04"
	}
	for i := range 5 {
		at := p.from.Add(time.Duration(i+1) * p.to.Sub(p.from) / 6)
		date := canvas.Label{Text: at.UTC().Format(layout), Face: canvas.Regular(26), Ink: faint}
		p.Fill(image.Rect(p.x(at), header-10, p.x(at)+1, bottom), grid)
		p.Write(image.Pt(p.x(at)-date.Width()/2, header-18), date)
	}
}

// row draws the name of a domain, how long its first certificate to expire is valid, and a bar.
// Current certificates share its height.
func (p *picture) row(row Row, top int) {
	bar := func(c certificates.Certificate, from time.Time, top, height int, ink color.Color) {
		p.Fill(image.Rect(p.x(from), top, max(p.x(c.NotAfter), p.x(from)+3), top+height), ink)
	}
	for _, c := range row.Past {
		bar(c, c.NotBefore, top+barTop, barHeight, pastColor)
	}
	note := canvas.Label{Text: row.validity(p.now), Face: canvas.Regular(30), Ink: faint}
	valid, due := barColors(row.Severity)
	for i, c := range row.Current {
		lane := barHeight / len(row.Current)
		bar(c.Certificate, c.NotBefore, top+barTop+i*lane, lane, valid)
		bar(c.Certificate, c.RenewalDue, top+barTop+i*lane, lane, due)
	}
	for _, c := range row.certificates() {
		begin := image.Rect(p.x(c.NotBefore), top+barTop-4, p.x(c.NotBefore)+3, top+barTop+barHeight+4)
		p.Fill(begin, faint)
	}
	p.Fill(image.Rect(p.x(p.now)-1, top+barTop-10, p.x(p.now)+2, top+rowHeight), nowColor)
	p.Write(image.Pt(width-margin-note.Width(), top+38), note)
	name := canvas.Label{Text: row.name(), Face: canvas.Bold(32), Ink: strong}
	name.Text = canvas.Wrap(name.Face, name.Text, width-3*margin-note.Width(), 1)[0]
	p.Write(image.Pt(margin, top+38), name)
}

func (p *picture) legend(baseline int) {
	x := margin
	for _, entry := range []struct {
		label string
		ink   color.Color
	}{
		{"past", pastColor}, {"valid", validColor}, {"renewal due", dueColor},
		{"needs attention", attentionColor}, {"urgent", urgentColor}, {"now", nowColor},
	} {
		p.Fill(image.Rect(x, baseline-20, x+28, baseline+2), entry.ink)
		label := canvas.Label{Text: entry.label, Face: canvas.Regular(26), Ink: faint}
		x = 34 + p.Write(image.Pt(x+38, baseline), label)
	}
}
