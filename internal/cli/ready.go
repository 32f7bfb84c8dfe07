package cli

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/internal/config"
)

// readyTimeout bounds the request to /readyz, which itself gives up after 2 s.
const readyTimeout = 5 * time.Second

func askReady(ctx context.Context, out io.Writer, args []string) int {
	flags := flag.NewFlagSet("ready", flag.ContinueOnError)
	settings, code, ok := parse(flags, args, config.Process)
	if !ok {
		return code
	}
	if settings.HTTP.Listen == config.Off {
		fmt.Fprintln(os.Stderr, "onboardbot ready: http.listen is off, so the bot answers no such request")
		return Usage
	}
	answer, err := ready(ctx, settings.HTTP.Listen)
	if err != nil {
		fmt.Fprintln(os.Stderr, "onboardbot ready:", err)
		return Failed
	}
	fmt.Fprintln(out, answer)
	return OK
}

// ready asks the bot that listens at an address. Where that means all addresses of this machine,
// it asks localhost.
func ready(ctx context.Context, listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet,
		"http://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return "", err
	}
	// This transport ignores the proxy settings of the environment.
	direct := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := direct.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<10))
	answer := strings.TrimSpace(string(body))
	switch {
	case err != nil:
		return "", err
	case response.StatusCode != http.StatusOK:
		return "", fmt.Errorf("not ready: %s", answer)
	}
	return answer, nil
}
