package probe

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// Config says how to probe.
type Config struct {
	// RootsFiles are PEM files of certification authorities to trust.
	RootsFiles []string `yaml:"roots_files"`
	// SystemRoots also trusts the machine's own authorities when RootsFiles are given. Without
	// RootsFiles they are always trusted. The environment (SSL_CERT_FILE and the like) has no say.
	SystemRoots bool `yaml:"system_roots"`
	// HTTPPort is where plain HTTP is looked for. Default 80.
	HTTPPort uint16 `yaml:"http_port"`
	// HTTPSPort is where TLS is looked for. Default 443.
	HTTPSPort uint16 `yaml:"https_port"`
	// Timeout is for one probe: the connection, the handshake and the answer together. Default
	// 10s.
	Timeout time.Duration `yaml:"timeout"`
}

// WithDefaults returns the configuration with every default filled in.
func (c Config) WithDefaults() Config {
	c.HTTPPort = cmp.Or(c.HTTPPort, 80)
	c.HTTPSPort = cmp.Or(c.HTTPSPort, 443)
	c.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	return c
}

// Validate reports every problem, each with the field's name.
func (c Config) Validate() error {
	if c.Timeout < 0 {
		return fmt.Errorf("timeout: %s is negative", c.Timeout)
	}
	_, err := c.Roots()
	return err
}

// Prober probes addresses. It is safe for concurrent use.
type Prober struct {
	roots     *x509.CertPool
	httpPort  uint16
	httpsPort uint16
	timeout   time.Duration
	dialer    net.Dialer
	verified  verifiedChains
}

// New makes a prober; it reads the roots and connects to nothing yet.
func New(config Config) (*Prober, error) {
	config = config.WithDefaults()
	if config.Timeout < 0 {
		return nil, fmt.Errorf("probe: timeout: %s is negative", config.Timeout)
	}
	roots, err := config.Roots()
	if err != nil {
		return nil, fmt.Errorf("probe: %w", err)
	}
	return &Prober{
		roots:     roots,
		httpPort:  config.HTTPPort,
		httpsPort: config.HTTPSPort,
		timeout:   config.Timeout,
	}, nil
}

// dial connects to one address within the time for one probe.
func (p *Prober) dial(ctx context.Context, name string, address netip.AddrPort) (*countingConn, error) {
	conn, err := p.dialer.DialContext(ctx, "tcp", address.String())
	if err != nil {
		return nil, dialProblem(name, address, err)
	}
	counting := &countingConn{Conn: conn}
	if deadline, ok := ctx.Deadline(); ok {
		err = conn.SetDeadline(deadline)
	}
	return counting, err
}

// countingConn knows whether the peer ever said anything. It is used by one goroutine at a time.
type countingConn struct {
	net.Conn
	read int
}

func (c *countingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.read += n
	return n, err
}
