package hosts_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/atlilith/onboardbot/onboarding/hosts"
)

// TestSparseArchive reads an archive of 16 GiB in some kilobytes: its one file is a hole (GNU tar,
// Sparse Formats, 1.0 in PAX headers).
func TestSparseArchive(t *testing.T) {
	t.Parallel()
	const size = "17179869184"
	record := func(key, value string) string { // each length has two digits
		return fmt.Sprintf("%d %s=%s\n", len(key)+len(value)+len("00 =\n"), key, value)
	}
	header := func(kind byte, name, content string) []byte {
		block := make([]byte, 512)
		copy(block, name)
		copy(block[100:], "0000644\x000000000\x000000000\x00")
		copy(block[124:], fmt.Sprintf("%011o\x00%011o\x00", len(content), 0))
		copy(block[148:], "        ")
		block[156] = kind
		copy(block[257:], "ustar\x0000")
		sum := 0
		for _, b := range block {
			sum += int(b)
		}
		copy(block[148:], fmt.Sprintf("%06o\x00 ", sum))
		return append(block, content+strings.Repeat("\x00", (512-len(content)%512)%512)...)
	}
	archive := bytes.Join([][]byte{
		header('x', "pax", record("GNU.sparse.major", "1")+record("GNU.sparse.minor", "0")+
			record("GNU.sparse.name", "bomb")+record("GNU.sparse.realsize", size)),
		header(tar.TypeReg, "bomb", "1\n"+size+"\n0\n"+strings.Repeat("\x00", 512-len(size)-5)),
		make([]byte, 1024)}, nil)
	reader := tar.NewReader(bytes.NewReader(archive))
	if entry, err := reader.Next(); err != nil || fmt.Sprint(entry.Size) != size {
		t.Fatalf("no such archive: %+v, %v", entry, err)
	}
	if files, err := hosts.ReadTar(archive); !errors.Is(err, hosts.ErrTooLong) {
		t.Errorf("%d files, %v", len(files), err)
	}
}
