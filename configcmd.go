package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/atlilith/onboardbot/internal/config"
	"github.com/atlilith/onboardbot/templates"
)

func configCommand(_ context.Context, out io.Writer, args []string) int {
	flags := flag.NewFlagSet("config", flag.ContinueOnError)
	path := configFlag(flags)
	if code, ok := parseFlags(flags, args); !ok {
		return code
	}
	text, problems := config.Effective(*path)
	if _, err := out.Write(text); err != nil {
		fmt.Fprintln(os.Stderr, "onboardbot config:", err)
		return exitFailed
	}
	if problems != nil {
		fmt.Fprintln(os.Stderr, problems)
		return exitUsage
	}
	return exitOK
}

func manifestCommand(_ context.Context, out io.Writer, args []string) int {
	flags := flag.NewFlagSet("manifest", flag.ContinueOnError)
	name := flags.String("name", "Onboardbot", "the app's `NAME` in Slack, at most 35 characters")
	format := flags.String("format", "yaml", "`FORMAT` to print: yaml, with the reason of every scope beside it, or json")
	if code, ok := parseFlags(flags, args); !ok {
		return code
	}
	text, err := templates.Manifest(*name)
	switch {
	case err != nil:
	case *format == "json":
		text, err = asJSON(text)
	case *format != "yaml":
		err = fmt.Errorf("-format: %q is neither yaml nor json", *format)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "onboardbot manifest:", err)
		return exitUsage
	}
	if _, err := out.Write(text); err != nil {
		fmt.Fprintln(os.Stderr, "onboardbot manifest:", err)
		return exitFailed
	}
	return exitOK
}

func asJSON(text []byte) ([]byte, error) {
	var content map[string]any
	if err := yaml.Load(text, &content); err != nil {
		return nil, err
	}
	encoded, err := json.MarshalIndent(content, "", "  ")
	return append(encoded, '\n'), err
}

// readyTimeout bounds the question whether the bot is ready, which itself gives up after 2 s.
const readyTimeout = 5 * time.Second

func readyCommand(ctx context.Context, out io.Writer, args []string) int {
	flags := flag.NewFlagSet("ready", flag.ContinueOnError)
	settings, code, ok := parse(flags, args, config.Process)
	if !ok {
		return code
	}
	if settings.HTTP.Listen == config.Off {
		fmt.Fprintln(os.Stderr, "onboardbot ready: http.listen is off, so that there is nobody to ask")
		return exitUsage
	}
	said, err := ready(ctx, settings.HTTP.Listen)
	if err != nil {
		fmt.Fprintln(os.Stderr, "onboardbot ready:", err)
		return exitFailed
	}
	fmt.Fprintln(out, said)
	return exitOK
}

// ready asks the bot that listens at an address, on this machine where that is all of its addresses.
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
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return "", err
	}
	direct := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // no proxy of the environment's
	response, err := direct.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<10))
	said := strings.TrimSpace(string(body))
	switch {
	case err != nil:
		return "", err
	case response.StatusCode != http.StatusOK:
		return "", fmt.Errorf("not ready: %s", said)
	}
	return said, nil
}
