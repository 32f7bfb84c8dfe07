package vps

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
)

//go:embed nginx.conf
var nginxConf string

//go:embed default.conf
var defaultSite string

//go:embed nginx-ctl.sh
var nginxControl string

// layOut makes the machine's files in the shape of Debian's packages.
func (v *VPS) layOut() error {
	for _, dir := range []string{
		"etc/nginx/sites-available", "etc/nginx/sites-enabled", "etc/nginx/conf.d",
		"etc/nginx/snippets", "etc/letsencrypt",
		"var/lib/nginx", "var/lib/letsencrypt", "var/log/nginx", "var/log/letsencrypt", "var/www/html", "var/tmp",
		"run/sshd", "run/lock", "home", "bin",
	} {
		if err := os.MkdirAll(v.Path(dir), 0o755); err != nil {
			return err
		}
	}
	for _, name := range []string{"mime.types", "fastcgi_params", "proxy_params"} {
		content, err := os.ReadFile(filepath.Join("/etc/nginx", name))
		if err != nil {
			return fmt.Errorf("install the package nginx: %w", err)
		}
		if err := os.WriteFile(v.Path("etc/nginx/"+name), content, 0o644); err != nil {
			return err
		}
	}
	for path, content := range map[string]string{
		"etc/nginx/nginx.conf":              nginxConf,
		"etc/nginx/sites-available/default": defaultSite,
		"var/www/html/index.html":           "<!doctype html><title>" + v.Name + "</title>\n",
	} {
		if err := os.WriteFile(v.Path(path), []byte(content), 0o644); err != nil {
			return err
		}
	}
	if err := os.WriteFile(v.Path("bin/nginx-ctl"), []byte(nginxControl), 0o755); err != nil {
		return err
	}
	if err := os.Symlink("/etc/nginx/sites-available/default", v.Path("etc/nginx/sites-enabled/default")); err != nil {
		return err
	}
	return v.writeCertbotConfig()
}

// writeCertbotConfig holds all that certbot does otherwise than on a machine on the Internet.
func (v *VPS) writeCertbotConfig() error {
	config := "server = " + v.Directory + "\nmax-log-backups = 20\n"
	if v.Quick {
		config += "nginx-ctl = " + v.Path("bin/nginx-ctl") + "\nnginx-sleep-seconds = 0\n"
	}
	return os.WriteFile(v.Path("etc/letsencrypt/cli.ini"), []byte(config), 0o644)
}
