package brand

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image/jpeg"
	"slices"
)

// Picture files are lists of parts. Each function here copies the parts that make the picture and
// drops the rest: comments, the place where a photograph was taken, thumbnails, and anything that
// was appended so the file can also be read as another format.

var (
	errCut      = errors.New("it ends in the middle")
	errAnimated = errors.New("it is animated, and a logo must not be")
)

const pngSignature = "\x89PNG\r\n\x1a\n"

func isPNG(content []byte) bool { return bytes.HasPrefix(content, []byte(pngSignature)) }

// pngParts are the chunks that affect the picture:
// https://www.w3.org/TR/png-3/#4Concepts.FormatTypes.
var pngParts = []string{"IHDR", "PLTE", "IDAT", "IEND", "tRNS", "cHRM", "gAMA", "iCCP", "sBIT", "sRGB", "bKGD", "pHYs"}

// stripPNG copies the signature and pngParts.
func stripPNG(content []byte) ([]byte, error) {
	clean := []byte(pngSignature)
	for rest := content[len(pngSignature):]; ; {
		if len(rest) < 12 {
			return nil, errCut
		}
		length := uint64(binary.BigEndian.Uint32(rest)) + 12
		if length > uint64(len(rest)) {
			return nil, errCut
		}
		kind := string(rest[4:8])
		if slices.Contains(pngParts, kind) {
			clean = append(clean, rest[:length]...)
		}
		if kind == "IEND" {
			return clean, nil
		}
		rest = rest[length:]
	}
}

// Markers of JPEG, ITU-T T.81 table B.1.
const (
	jpegSOI  = 0xd8
	jpegEOI  = 0xd9
	jpegSOS  = 0xda
	jpegCOM  = 0xfe
	jpegAPP0 = 0xe0 // JFIF
	jpegAPP2 = 0xe2 // colour profile
	jpegAPPE = 0xee // Adobe's colour transform
	jpegAPPF = 0xef
)

func isJPEG(content []byte) bool { return bytes.HasPrefix(content, []byte{0xff, jpegSOI, 0xff}) }

// maxScanned is how many pixels the scans of a JPEG may have together. A progressive one goes over
// the picture once for each scan, usually ten times, and a scan of a few bytes is enough for all
// of it: a small file could take hours.
const maxScanned = 16 * MaxLogoSide * MaxLogoSide

// stripJPEG drops comments, and application segments but for those of jpegKept.
func stripJPEG(content []byte) ([]byte, error) {
	clean := []byte{0xff, jpegSOI}
	size, err := jpeg.DecodeConfig(bytes.NewReader(content))
	if err != nil {
		return nil, errors.New("its header cannot be read")
	}
	scanned := 0
	for rest := content[2:]; ; {
		for len(rest) > 1 && rest[0] == 0xff && rest[1] == 0xff {
			rest = rest[1:] // fill
		}
		if len(rest) < 2 {
			return nil, errCut
		}
		if rest[0] != 0xff {
			return nil, errors.New("a part has no marker")
		}
		marker := rest[1]
		if marker == jpegEOI {
			return append(clean, 0xff, jpegEOI), nil
		}
		if len(rest) < 4 {
			return nil, errCut
		}
		end := 2 + int(binary.BigEndian.Uint16(rest[2:]))
		if end < 4 || end > len(rest) {
			return nil, errCut
		}
		if marker == jpegSOS {
			if scanned += size.Width * size.Height; scanned > maxScanned {
				return nil, errors.New("it has too many scans; export it again")
			}
			end += scan(rest[end:])
		}
		switch {
		case marker == jpegCOM:
		case marker >= jpegAPP0 && marker <= jpegAPPF && !jpegKept(marker, rest[4:end]):
		default:
			clean = append(clean, rest[:end]...)
		}
		rest = rest[end:]
	}
}

// jpegKept reports whether an application segment affects the picture.
func jpegKept(marker byte, part []byte) bool {
	switch marker {
	case jpegAPP0:
		return bytes.HasPrefix(part, []byte("JFIF\x00")) && len(part) == 14 // without a thumbnail
	case jpegAPP2:
		return bytes.HasPrefix(part, []byte("ICC_PROFILE\x00"))
	case jpegAPPE:
		return bytes.HasPrefix(part, []byte("Adobe"))
	}
	return false
}

// scan returns the length of entropy-coded data, which ends at a marker that is neither a stuffed
// zero nor a restart.
func scan(data []byte) int {
	for i := 0; i+1 < len(data); i++ {
		if next := data[i+1]; data[i] == 0xff && next != 0 && (next < 0xd0 || next > 0xd7) {
			return i
		}
	}
	return len(data)
}

func isWebP(content []byte) bool {
	return len(content) > 16 && string(content[:4]) == "RIFF" && string(content[8:12]) == "WEBP"
}

// stripWebP copies the chunks of a still picture: RFC 9649 §2.7.
func stripWebP(content []byte) ([]byte, error) {
	size := uint64(binary.LittleEndian.Uint32(content[4:])) + 8
	if size > uint64(len(content)) || size < 12 {
		return nil, errCut
	}
	clean := []byte("RIFF\x00\x00\x00\x00WEBP")
	for rest := content[12:size]; len(rest) > 0; {
		if len(rest) < 8 {
			return nil, errCut
		}
		length := uint64(binary.LittleEndian.Uint32(rest[4:])) + 8
		length += length & 1
		kind := string(rest[:4])
		if length > uint64(len(rest)) || kind == "VP8X" && length < 18 {
			return nil, errCut
		}
		switch kind {
		case "VP8X":
			const profile, alpha = 1 << 5, 1 << 4 // the flags of what is kept
			clean = append(clean, rest[:length]...)
			clean[len(clean)-int(length)+8] &= profile | alpha
		case "VP8 ", "VP8L", "ALPH", "ICCP":
			clean = append(clean, rest[:length]...)
		case "ANIM", "ANMF":
			return nil, errAnimated
		}
		rest = rest[length:]
	}
	binary.LittleEndian.PutUint32(clean[4:], uint32(len(clean)-8))
	return clean, nil
}
