package mail

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func run(t *testing.T, argv []string) (stdout []byte, stderr string, err error) {
	t.Helper()
	var complaints strings.Builder
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stderr = &complaints
	stdout, err = cmd.Output()
	return stdout, complaints.String(), err
}

// generated generates a key as a host does, and reads it.
func generated(t *testing.T, file KeyFile) PublicKey {
	t.Helper()
	if out, complaints, err := run(t, file.Generate()); err != nil || len(out) > 0 {
		t.Fatalf("%v, printed %q and %q", err, out, complaints)
	}
	out, complaints, err := run(t, file.Read())
	if err != nil {
		t.Fatal(err, complaints)
	}
	key, exists, err := file.Parse(out)
	if err != nil || !exists {
		t.Fatal(exists, err)
	}
	return key
}

func TestKeyIsMadeOnce(t *testing.T) {
	t.Parallel()
	for _, kind := range []KeyKind{RSA, Ed25519} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "keys of", "merche-biche.com", "onboard.pem")
			file := KeyFile{Key: Key{"onboard", kind}, Path: path, Owner: "root:root"}
			out, complaints, err := run(t, file.Read())
			if key, exists, parseErr := file.Parse(out); err != nil || exists || parseErr != nil ||
				key != (PublicKey{}) {
				t.Fatal("before there is a key:", key, exists, err, parseErr, complaints)
			}
			first := generated(t, file)
			want := map[KeyKind]*regexp.Regexp{
				RSA: regexp.MustCompile(
					`^v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA[A-Za-z0-9+/]{342}IDAQAB$`),
				Ed25519: regexp.MustCompile(`^v=DKIM1; k=ed25519; p=[A-Za-z0-9+/]{43}=$`),
			}[kind]
			if !want.MatchString(first.Record()) {
				t.Errorf("record %s", first.Record())
			}
			if err := os.WriteFile(path+".new.abcdef", []byte("left by a crash"), 0o600); err != nil {
				t.Fatal(err)
			}
			if again := generated(t, file); again != first {
				t.Errorf("%v is another key than %v", again, first)
			}
			entries, err := os.ReadDir(filepath.Dir(path))
			if err != nil || len(entries) != 1 {
				t.Fatal(entries, err)
			}
			info, err := entries[0].Info()
			if err != nil || info.Mode() != 0o600 {
				t.Error(info.Mode(), err)
			}
			if info, err := os.Stat(filepath.Dir(path)); err != nil || info.Mode().Perm() != 0o711 {
				t.Error(info.Mode(), err)
			}
		})
	}
}

func TestKeyIsMadeOnceByMany(t *testing.T) {
	t.Parallel()
	file := KeyFile{Key: Key{"onboard", Ed25519}, Path: filepath.Join(t.TempDir(), "onboard.pem")}
	var group sync.WaitGroup
	for range 6 {
		group.Go(func() { _, _, _ = run(t, file.Generate()) })
	}
	group.Wait()
	first := generated(t, file)
	if again := generated(t, file); again != first {
		t.Errorf("%v is another key than %v", again, first)
	}
}

func TestKeyThatCannotBeMade(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, file := range []KeyFile{
		{Key: Key{"onboard", Ed25519}, Path: filepath.Join(dir, "owner.pem"), Owner: "nobody-of-this-name"},
		{Key: Key{"onboard", Ed25519}, Path: "/proc/onboard.pem"},
	} {
		if _, complaints, err := run(t, file.Generate()); err == nil || complaints == "" {
			t.Errorf("%s: %v %s", file.Path, err, complaints)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Error(entries, err)
	}
}

// TestKeyOfRFC8463 reads the example key of RFC 8463 appendix A and finds the record that is
// printed there.
func TestKeyOfRFC8463(t *testing.T) {
	t.Parallel()
	seed, err := base64.StdEncoding.DecodeString("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(seed))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "brisbane.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	got := generated(t, KeyFile{Key: Key{"brisbane", Ed25519}, Path: path})
	if diff := cmp.Diff(PublicKey{"brisbane", Ed25519, "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="},
		got); diff != "" {
		t.Error(diff)
	}
}

func TestKeysThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		make []string
		want string
	}{
		"short RSA": {[]string{"genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"},
			"its RSA key has 1024 bits, at least 2048 are needed (RFC 8301)"},
		"another kind": {[]string{"genpkey", "-algorithm", "ED25519"}, "it is ed25519, not rsa"},
		"elliptic curve": {[]string{"genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"},
			"it is neither RSA nor ed25519"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := KeyFile{Key: Key{"onboard", RSA}, Path: filepath.Join(t.TempDir(), "k.pem")}
			out, err := exec.Command("openssl", append(test.make, "-out", file.Path)...).CombinedOutput()
			if err != nil {
				t.Fatal(err, string(out))
			}
			out, _, err = run(t, file.Read())
			if err != nil {
				t.Fatal(err)
			}
			_, exists, err := file.Parse(out)
			if want := file.Path + ": " + ErrKey.Error() + ": " + test.want; !exists || err == nil ||
				err.Error() != want {
				t.Errorf("%v, want %s", err, want)
			}
		})
	}
	file := KeyFile{Key: Key{"onboard", RSA}, Path: filepath.Join(t.TempDir(), "k.pem")}
	if err := os.WriteFile(file.Path, []byte("-----BEGIN NOTHING-----"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, complaints, err := run(t, file.Read()); err == nil || len(out) > 0 || complaints == "" {
		t.Errorf("a file that is no key: %q %q %v", out, complaints, err)
	}
	for _, text := range []string{"", "no", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"} {
		if _, exists, err := file.Parse([]byte(text)); err == nil || !exists {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestPublishedKey(t *testing.T) {
	t.Parallel()
	key := PublicKey{"onboard", RSA, "MIIB+/=="}
	for text, want := range map[string]string{
		key.Record():                     "",
		"v=DKIM1;k=rsa;t=s;p=MIIB+/==;":  "",
		"p=MII B+/\t==":                  "",
		"v=DKIM1; p=":                    "says that its key is revoked",
		"v=DKIM1; k=rsa":                 "is not a DKIM record: it has no key (p)",
		"v=DKIM1; p=AAAA":                "has another key",
		"v=DKIM1; k=ed25519; p=MIIB+/==": "is of another kind of key (ed25519)",
		"v=DKIM2; p=MIIB+/==":            "is not a DKIM record: it does not begin with v=DKIM1",
		"p=MIIB+/==; v=DKIM1":            "is not a DKIM record: it does not begin with v=DKIM1",
		"v=DKIM1; p=MIIB+/==; p=AAAA":    "is not a DKIM record: it has p twice",
		"hello":                          `is not a DKIM record: "hello" is not of the form name=value`,
		"":                               `is not a DKIM record: "" is not of the form name=value`,
		"v=DKIM1; k=rsa; p=MIIB+/==; =; <script>=1": `is not a DKIM record: " =" is not of the form name=value`,
	} {
		if got := key.matches(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
