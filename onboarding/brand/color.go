package brand

import (
	"fmt"
	"image/color"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Color is an opaque sRGB colour, written #rrggbb in lower case. The empty Color is none.
type Color string

// ParseColor reads three or six hexadecimal digits, with or without #, or says what is wrong with
// them as a sentence.
func ParseColor(text string) (c Color, problem string) {
	digits := strings.ToLower(strings.TrimPrefix(strings.TrimSpace(text), "#"))
	if len(digits) == 3 {
		digits = string([]byte{digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]})
	}
	if _, err := strconv.ParseUint(digits, 16, 32); err != nil || len(digits) != 6 || digits[0] == '+' {
		return "", fmt.Sprintf("%s is not a colour: give six hexadecimal digits, such as #b0124f.", shorten(text))
	}
	return Color("#" + digits), ""
}

// shorten makes what somebody typed short enough for a sentence.
func shorten(text string) string { return shortenTo(text, 30) }

// shortenTo returns the beginning of what somebody typed. It replaces characters that do not
// print, which could change how the rest of the sentence reads.
func shortenTo(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		if printable(r) {
			return r
		}
		return utf8.RuneError
	}, text)
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return text
}

var _ color.Color = Color("")

// RGBA implements [color.Color].
func (c Color) RGBA() (r, g, b, a uint32) {
	rgb := c.rgb()
	octet := func(component float64) uint32 { return uint32(component*255+0.5) * 0x101 }
	return octet(rgb[0]), octet(rgb[1]), octet(rgb[2]), 0xffff
}

// rgb are the three components from 0 to 1. What is not a colour is black.
func (c Color) rgb() [3]float64 {
	value, err := strconv.ParseUint(strings.TrimPrefix(string(c), "#"), 16, 32)
	if err != nil {
		return [3]float64{}
	}
	return [3]float64{float64(value>>16&0xff) / 255, float64(value>>8&0xff) / 255, float64(value&0xff) / 255}
}

func colorOf(rgb [3]float64) Color {
	var octets [3]int
	for i, component := range rgb {
		octets[i] = int(math.Round(255 * min(max(component, 0), 1)))
	}
	return Color(fmt.Sprintf("#%02x%02x%02x", octets[0], octets[1], octets[2]))
}

// luminance is the relative luminance of WCAG 2.2:
// https://www.w3.org/TR/WCAG22/#dfn-relative-luminance.
func (c Color) luminance() float64 {
	linear := c.rgb()
	for i, component := range linear {
		if component <= 0.04045 {
			linear[i] = component / 12.92
		} else {
			linear[i] = math.Pow((component+0.055)/1.055, 2.4)
		}
	}
	return 0.2126*linear[0] + 0.7152*linear[1] + 0.0722*linear[2]
}

// Contrast is the ratio of WCAG 2.2, from 1 to 21:
// https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio.
func Contrast(a, b Color) float64 {
	light, dark := a.luminance(), b.luminance()
	if light < dark {
		light, dark = dark, light
	}
	return (light + 0.05) / (dark + 0.05)
}

// ratio writes a contrast. It rounds down, so a contrast that is too low never reads as if it were
// enough.
func ratio(contrast float64) string {
	return strconv.FormatFloat(math.Floor(contrast*100)/100, 'f', -1, 64) + ":1"
}

// nearest is the colour of the same hue and the nearest lightness that has a contrast on a
// background. Black or white has every contrast up to 4.58, the square root of 21, so there is
// always one.
func (c Color) nearest(background Color, contrast float64) Color {
	hue, saturation, lightness := hsl(c.rgb())
	const steps = 1000
	for step := range steps + 1 {
		for _, sign := range []float64{-1, 1} {
			candidate := colorOf(fromHSL(hue, saturation, lightness+sign*float64(step)/steps))
			if Contrast(candidate, background) >= contrast {
				return candidate
			}
		}
	}
	return c
}

// hsl turns sRGB into hue in degrees, saturation and lightness:
// https://www.w3.org/TR/css-color-4/#rgb-to-hsl.
func hsl(rgb [3]float64) (hue, saturation, lightness float64) {
	r, g, b := rgb[0], rgb[1], rgb[2]
	high, low := max(r, g, b), min(r, g, b)
	chroma := high - low
	lightness = (high + low) / 2
	if chroma == 0 {
		return 0, 0, lightness
	}
	saturation = (high - lightness) / min(lightness, 1-lightness)
	switch high {
	case r:
		hue = (g - b) / chroma
	case g:
		hue = (b-r)/chroma + 2
	default:
		hue = (r-g)/chroma + 4
	}
	return math.Mod(hue*60+360, 360), saturation, lightness
}

// fromHSL turns hue, saturation and lightness into sRGB:
// https://www.w3.org/TR/css-color-4/#hsl-to-rgb. It clamps the lightness.
func fromHSL(hue, saturation, lightness float64) [3]float64 {
	lightness = min(max(lightness, 0), 1)
	component := func(n float64) float64 {
		k := math.Mod(n+hue/30, 12)
		return lightness - saturation*min(lightness, 1-lightness)*max(-1, min(k-3, 9-k, 1))
	}
	return [3]float64{component(0), component(8), component(4)}
}
