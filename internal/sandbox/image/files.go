package main

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/atlilith/onboardbot/internal/sandbox/testbed"
)

// configure writes the configuration for the container: each secret in a file, and ssh with the
// account's own configuration.
func configure(bed *testbed.Testbed, dir string) error {
	text, err := os.ReadFile(bed.ConfigFile)
	if err != nil {
		return err
	}
	var config map[string]any
	if err := yaml.Load(text, &config); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, "secrets"), 0o750); err != nil {
		return err
	}
	section := func(name string) map[string]any { return config[name].(map[string]any) }
	var problems []error
	keep := func(name, content string) string {
		problems = append(problems, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o640))
		return etc + "/" + name
	}
	copied := func(name, source string) string {
		content, err := os.ReadFile(source)
		problems = append(problems, err)
		return keep(name, string(content))
	}
	socket := strings.NewReplacer(url.QueryEscape(filepath.Join(bed.Dir, "pg")), url.QueryEscape(pg))
	for _, s := range []struct{ section, key, file string }{
		{"slack", "bot_token", "slack_bot_token"}, {"slack", "app_token", "slack_app_token"},
		{"database", "url", "database_url"},
		{"platform", "database_url", "platform_database_url"},
		{"platform", "app_database_url", "platform_app_database_url"},
		{"isolation", "database_url", "isolation_database_url"},
	} {
		value := socket.Replace(section(s.section)[s.key].(string))
		section(s.section)[s.key] = "file:" + keep("secrets/"+s.file, value)
	}
	section("dns")["rfc2136"].(map[string]any)["secret_file"] = copied("secrets/tsig", bed.World.DNS.Key.SecretFile)
	section("probe")["roots_files"] = []string{copied("roots.pem", bed.Roots)}
	for _, host := range section("hosts") {
		delete(host.(map[string]any), "ssh_config")
		delete(host.(map[string]any), "control_dir")
	}
	if text, err = yaml.Dump(config); err != nil {
		return err
	}
	keep("config.yaml", string(text))
	return errors.Join(problems...)
}

// copyKeys writes the folder that is mounted as ~/.ssh.
func copyKeys(bed *testbed.Testbed, dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	config, err := os.ReadFile(bed.SSH.Config)
	if err != nil {
		return err
	}
	inside := strings.NewReplacer(bed.SSH.Client, "~/.ssh/id_ed25519", bed.SSH.KnownHosts, "~/.ssh/known_hosts")
	if err := os.WriteFile(filepath.Join(dir, "config"), []byte(inside.Replace(string(config))), 0o600); err != nil {
		return err
	}
	for name, source := range map[string]string{"id_ed25519": bed.SSH.Client, "known_hosts": bed.SSH.KnownHosts} {
		content, err := os.ReadFile(source)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}
