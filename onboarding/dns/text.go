package dns

import (
	"fmt"
	"strconv"
	"strings"
)

const maxString = 255 // octets in one character-string: RFC 1035 §3.3

// quoteText writes text of any length as the quoted strings of a zone file.
func quoteText(text string) string {
	var out strings.Builder
	for {
		chunk := text[:min(len(text), maxString)]
		text = text[len(chunk):]
		out.WriteByte('"')
		for _, c := range []byte(chunk) {
			switch {
			case c == '"' || c == '\\':
				out.WriteByte('\\')
				out.WriteByte(c)
			case c < ' ' || c > '~':
				fmt.Fprintf(&out, `\%03d`, c)
			default:
				out.WriteByte(c)
			}
		}
		out.WriteByte('"')
		if text == "" {
			return out.String()
		}
		out.WriteByte(' ')
	}
}

// joinText undoes the library's escapes and joins the strings of one TXT record.
func joinText(chunks []string) string {
	var out strings.Builder
	for _, chunk := range chunks {
		for i := 0; i < len(chunk); i++ {
			if chunk[i] != '\\' || i+1 == len(chunk) {
				out.WriteByte(chunk[i])
				continue
			}
			if i+3 < len(chunk) {
				if octet, err := strconv.ParseUint(chunk[i+1:i+4], 10, 8); err == nil {
					out.WriteByte(byte(octet))
					i += 3
					continue
				}
			}
			i++
			out.WriteByte(chunk[i])
		}
	}
	return out.String()
}
