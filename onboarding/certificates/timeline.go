package certificates

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"slices"
	"time"
)

// Theme is a picture's colours.
type Theme string

// The themes.
const (
	Light Theme = "light"
	Dark  Theme = "dark"
)

type palette struct {
	ground, stripe, text, faint, grid                   color.RGBA
	past, current, renewal, attention, critical, nowBar color.RGBA
}

// The colours of states differ in lightness too, for those who do not see red and green apart.
var palettes = map[Theme]palette{
	Light: {
		ground: rgb(0xffffff), stripe: rgb(0xf4f5f7), text: rgb(0x1d1c1d), faint: rgb(0x5c5f66), grid: rgb(0xd5d8de),
		past: rgb(0xb9c0cc), current: rgb(0x2f7d5b), renewal: rgb(0x8fd3b4), attention: rgb(0xe0a100), critical: rgb(0xc2183c), nowBar: rgb(0x1264a3),
	},
	Dark: {
		ground: rgb(0x1a1d21), stripe: rgb(0x222529), text: rgb(0xf2f3f5), faint: rgb(0xa9adb5), grid: rgb(0x3a3f47),
		past: rgb(0x5a616d), current: rgb(0x3fb27f), renewal: rgb(0x1f5d44), attention: rgb(0xf2c14e), critical: rgb(0xff5c7a), nowBar: rgb(0x4ea8de),
	},
}

func rgb(hex uint32) color.RGBA {
	return color.RGBA{uint8(hex >> 16), uint8(hex >> 8), uint8(hex), 0xff}
}

// Row is one domain of a timeline.
type Row struct {
	Domain   string // in ASCII
	Severity Severity
	Past     []Certificate // which visitors no longer get
	Current  []Current     // which they get, the first to expire first
}

// Current is a certificate that visitors get, and when it ought to be renewed.
type Current struct {
	Certificate
	RenewalDue time.Time
}

// Rows are the rows of a report, with the certificates of the past by domain.
func (s *Sweeper) Rows(report Report, past map[string][]Certificate) []Row {
	var rows []Row
	for _, site := range report.Sites {
		row := Row{Domain: site.Domain, Severity: site.Severity}
		for _, old := range past[site.Domain] {
			if !slices.ContainsFunc(site.Certificates, func(c Certificate) bool { return c.Serial == old.Serial }) {
				row.Past = append(row.Past, old)
			}
		}
		for _, c := range site.Certificates {
			row.Current = append(row.Current, Current{c, s.config.Thresholds.RenewalDue(c, site.RenewBefore(c))})
		}
		rows = append(rows, row)
	}
	return rows
}

// all are the certificates of a row.
func (r Row) all() []Certificate {
	all := slices.Clone(r.Past)
	for _, c := range r.Current {
		all = append(all, c.Certificate)
	}
	return all
}

// A phone shows a picture of this width at about a third of it: text of 32 pixels reads as 11 points.
const (
	pictureWidth = 1080
	margin       = 28
	headHeight   = 140
	rowHeight    = 96
	footHeight   = 96
	barHeight    = 26
	// maxRows is how many domains have a row of their own, the most urgent.
	maxRows = 24
	// The others share what is left, as lines of a pixel or more.
	maxRest  = 800
	restLine = 8
	restHead = 64
)

// Timeline draws certificates as bars over time, the past to the left of now, as a PNG: past renewals grey, the current certificate
// green until it ought to be renewed and light green until it expires, or yellow and red as urgency has it. The first of many rows have
// names; the others are thin lines in the same order.
func Timeline(w io.Writer, rows []Row, now time.Time, theme Theme) error {
	colours, ok := palettes[theme]
	if !ok {
		return fmt.Errorf("timeline: unknown theme %q", theme)
	}
	named := rows[:min(len(rows), maxRows)]
	rest := rows[len(named):]
	bottom := headHeight + max(1, len(named))*rowHeight
	if len(rest) > 0 {
		bottom += restHead + restHeight(rest)
	}
	c, err := newCanvas(pictureWidth, bottom+footHeight, colours.ground)
	if err != nil {
		return err
	}
	span := spanOf(rows, now)
	title := "Certificates"
	if len(rows) > 1 {
		title = fmt.Sprintf("Certificates of %d domains", len(rows))
	}
	c.text(margin, 54, title, c.bold, colours.text)
	for i := 0; i < len(named); i += 2 {
		c.fill(image.Rect(0, headHeight+i*rowHeight, pictureWidth, headHeight+(i+1)*rowHeight), colours.stripe)
	}
	c.axis(span, bottom, now, colours)
	for i, row := range named {
		c.row(row, headHeight+i*rowHeight, span, now, colours)
	}
	if len(rest) > 0 {
		c.rest(rest, headHeight+len(named)*rowHeight, span, now, colours)
	}
	c.legend(bottom, colours)
	encoder := png.Encoder{CompressionLevel: png.DefaultCompression}
	return encoder.Encode(w, c.image)
}

// window is the time that a picture shows.
type window struct{ from, to time.Time }

// spanOf shows everything current and up to half as much of the past, and never less than ten minutes.
func spanOf(rows []Row, now time.Time) window {
	shown := window{now, now}
	for _, row := range rows {
		for _, c := range row.all() {
			if c.NotBefore.Before(shown.from) {
				shown.from = c.NotBefore
			}
			if c.NotAfter.After(shown.to) {
				shown.to = c.NotAfter
			}
		}
	}
	if ahead := max(shown.to.Sub(now), 5*time.Minute); now.Sub(shown.from) > 2*ahead {
		shown.from = now.Add(-2 * ahead)
	}
	if shown.to.Sub(shown.from) < 10*time.Minute {
		shown.from, shown.to = now.Add(-5*time.Minute), now.Add(5*time.Minute)
	}
	pad := shown.to.Sub(shown.from) / 40
	return window{shown.from.Add(-pad), shown.to.Add(pad)}
}

func (w window) x(t time.Time) int {
	const width = pictureWidth - 2*margin
	part := float64(t.Sub(w.from)) / float64(w.to.Sub(w.from))
	return margin + int(min(max(part, 0), 1)*width)
}

// row draws a domain with its name, and how long its certificate that expires first lasts. Several side by side share the bar.
func (c *canvas) row(row Row, top int, span window, now time.Time, colours palette) {
	bar := image.Rect(0, top+54, pictureWidth, top+54+barHeight)
	for _, old := range row.Past {
		c.fill(span.over(old, bar), colours.past)
	}
	note, noteColour := "no certificate seen", colours.critical
	for i, current := range row.Current {
		lane := image.Rect(0, bar.Min.Y+i*barHeight/len(row.Current), pictureWidth, bar.Min.Y+(i+1)*barHeight/len(row.Current)-min(i+1, len(row.Current)-1))
		c.current(current, row.Severity, lane, span, colours)
	}
	for _, renewed := range row.all() {
		c.fill(span.began(renewed, bar), colours.faint)
	}
	if len(row.Current) > 0 {
		left := row.Current[0].Left(now)
		note, noteColour = Span(left)+" left", colours.note(row.Severity)
		if left < 0 {
			note = "expired " + Span(-left) + " ago"
		}
	}
	at := span.x(now)
	c.fill(image.Rect(at-1, top+44, at+2, top+rowHeight), colours.nowBar) // below the text
	width := c.width(note, c.regular)
	c.text(pictureWidth-margin-width, top+38, note, c.regular, noteColour)
	c.text(margin, top+38, c.shorten(c.legible(row.Domain), c.bold, pictureWidth-3*margin-width), c.bold, colours.text)
}

// current draws a certificate that visitors get.
func (c *canvas) current(current Current, severity Severity, lane image.Rectangle, span window, colours palette) {
	strong, pale := colours.bar(severity)
	whole := span.over(current.Certificate, lane)
	c.fill(whole, strong)
	whole.Min.X = min(max(span.x(current.RenewalDue), whole.Min.X), whole.Max.X)
	c.fill(whole, pale)
}

// rest draws the domains that have no row of their own.
func (c *canvas) rest(rows []Row, top int, span window, now time.Time, colours palette) {
	c.text(margin, top+42, fmt.Sprintf("and %d more, less urgent", len(rows)), c.small, colours.faint)
	top += restHead
	height := restHeight(rows)
	for i, row := range rows {
		from, to := top+i*height/len(rows), top+(i+1)*height/len(rows)
		if to-from > 3 {
			to -= 2
		}
		line := image.Rect(0, from, pictureWidth, max(to, from+1))
		for _, old := range row.Past {
			c.fill(span.over(old, line), colours.past)
		}
		for _, current := range row.Current {
			c.current(current, row.Severity, line, span, colours)
		}
	}
	at := span.x(now)
	c.fill(image.Rect(at-1, top, at+2, top+height), colours.nowBar)
}

func restHeight(rows []Row) int { return min(len(rows)*restLine, maxRest) }

// over is where a certificate is valid within a bar.
func (w window) over(c Certificate, bar image.Rectangle) image.Rectangle {
	from := w.x(c.NotBefore)
	return image.Rect(from, bar.Min.Y, max(w.x(c.NotAfter), from+3), bar.Max.Y)
}

// began is the mark at a bar where a certificate became valid.
func (w window) began(c Certificate, bar image.Rectangle) image.Rectangle {
	from := w.x(c.NotBefore)
	return image.Rect(from, bar.Min.Y-4, from+3, bar.Max.Y+4)
}

// bar are the colours of a certificate until it ought to be renewed, and from then on.
func (p palette) bar(severity Severity) (strong, pale color.RGBA) {
	switch severity {
	case Critical:
		return p.critical, p.critical
	case Attention, Blind:
		return p.attention, p.attention
	}
	return p.current, p.renewal
}

// note is the colour of what is said of a certificate.
func (p palette) note(severity Severity) color.RGBA {
	switch severity {
	case Critical:
		return p.critical
	case Attention, Blind:
		return p.text
	}
	return p.faint
}

// axis draws the months, days or hours above the rows.
func (c *canvas) axis(span window, bottom int, now time.Time, colours palette) {
	nowAt := span.x(now)
	label := "now"
	labelWidth := c.width(label, c.bold)
	nowLeft := min(max(nowAt-labelWidth/2, margin), pictureWidth-margin-labelWidth)
	c.text(nowLeft, headHeight-18, label, c.bold, colours.nowBar)
	free := margin // where the next label may begin
	for _, tick := range span.ticks() {
		x := span.x(tick.at)
		c.fill(image.Rect(x, headHeight-10, x+1, bottom), colours.grid)
		width := c.width(tick.label, c.small)
		from := min(max(x-width/2, margin), pictureWidth-margin-width)
		clash := from < nowLeft+labelWidth+10 && from+width > nowLeft-10
		if from < free || clash {
			continue
		}
		c.text(from, headHeight-18, tick.label, c.small, colours.faint)
		free = from + width + 16
	}
}

func (c *canvas) legend(top int, colours palette) {
	x := margin
	for _, entry := range []struct {
		label  string
		colour color.RGBA
	}{{"past", colours.past}, {"valid", colours.current}, {"renewal due", colours.renewal}, {"attention", colours.attention}, {"urgent", colours.critical}} {
		c.fill(image.Rect(x, top+38, x+28, top+60), entry.colour)
		c.text(x+38, top+58, entry.label, c.small, colours.faint)
		x += 38 + c.width(entry.label, c.small) + 34
	}
}

type tick struct {
	at    time.Time
	label string
}

// ticks are round times within the window: months, weeks, days, hours or tens of minutes, so that there are a handful.
func (w window) ticks() []tick {
	var ticks []tick
	length := w.to.Sub(w.from)
	if length > 45*24*time.Hour {
		for at := time.Date(w.from.Year(), w.from.Month()+1, 1, 0, 0, 0, 0, time.UTC); at.Before(w.to); at = at.AddDate(0, 1, 0) {
			ticks = append(ticks, tick{at, at.Format("Jan")})
		}
		return ticks
	}
	const day = 24 * time.Hour
	for _, step := range []struct {
		every  time.Duration
		layout string
	}{{time.Minute, "15:04"}, {5 * time.Minute, "15:04"}, {15 * time.Minute, "15:04"}, {time.Hour, "15:04"}, {6 * time.Hour, "2 Jan 15h"}, {day, "2 Jan"}, {7 * day, "2 Jan"}} {
		if length/step.every > 8 {
			continue
		}
		for at := w.from.Truncate(step.every).Add(step.every); at.Before(w.to); at = at.Add(step.every) {
			ticks = append(ticks, tick{at, at.UTC().Format(step.layout)})
		}
		break
	}
	return ticks
}
