package certbot

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"path"
)

const (
	maxFileSize = 1 << 20 // of one file that certbot keeps
	maxChain    = 10      // certificates in a file
)

// untar returns the contents of an archive's regular files by their cleaned path. An empty archive
// has none.
func untar(archive []byte) (map[string][]byte, error) {
	files := make(map[string][]byte)
	if len(archive) == 0 {
		return files, nil
	}
	for reader := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		if header.Typeflag != tar.TypeReg || header.Size > maxFileSize {
			continue
		}
		if files[path.Clean(header.Name)], err = io.ReadAll(reader); err != nil {
			return nil, err
		}
	}
}

// parseChain reads PEM certificates, the leaf first, up to the first block that is no certificate.
func parseChain(text []byte) []*x509.Certificate {
	var chain []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil && len(chain) < maxChain; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return chain
		}
		chain = append(chain, certificate)
	}
	return chain
}
