package deployconfig_test

import (
	"testing"

	"github.com/atlilith/onboardbot/onboarding/deployconfig"
)

// Where nginx would not serve the file of a challenge, certbot itself has to make the test.
func TestServesFile(t *testing.T) {
	t.Parallel()
	const (
		names = "server_name a.example www.a.example;"
		plain = "listen 80; " + names + " root /www; index index.html;"
	)
	for conf, want := range map[string]bool{
		"server { " + plain + " }": true,
		"server { " + plain + " location / { try_files $uri $uri/ =404; } }":                             true,
		"server { " + plain + " location ~ \\.php$ { fastcgi_pass unix:/x; } }":                          true,
		"server { " + plain + " location ~* \\.(js|css)$ { expires 1d; } location = / { return 404; } }": true,
		"server { listen 80; " + names + " location / { root /www; } }":                                  true,
		"server { " + plain + " location ^~ /.well-known/ { } location ~ /\\. { deny all; } }":           true,
		"http { server { " + plain + " } }":                                                              true,

		"server { " + plain + " location ~ /\\. { deny all; } }": false,
		// Go has no (?!, so it cannot tell.
		"server { " + plain + " location ~ /\\.(?!well-known) { deny all; } }":                       false,
		"server { " + plain + " location ^~ /.well-known/acme-challenge/ { root /other; } }":         false,
		"server { " + plain + " location ^~ /.well-known/acme-challenge/ { alias /www/; } }":         false,
		"server { " + plain + " location /.well-known/ { return 403; } }":                            false,
		"server { " + plain + " location / { proxy_pass http://127.0.0.1:8080; } }":                  false,
		"server { " + plain + " location / { location /.well-known/ { deny all; } } }":               false,
		"server { " + plain + " location / { try_files /index.html =404; } }":                        false,
		"server { " + plain + " auth_basic x; auth_basic_user_file /x; }":                            false,
		"server { " + plain + " include snippets/hardening.conf; }":                                  false,
		"server { " + plain + " if ($host = www.a.example) { return 301 http://a.example/; } }":      false,
		"server { " + plain + " rewrite ^/(.*)$ /app/$1; }":                                          false,
		"server { listen 80; " + names + " root /other; }":                                           false,
		"server { listen 80; " + names + " }":                                                        false,
		"server { listen 80; server_name a.example; root /www; }":                                    false,
		"server { " + plain + " } server { listen 80; server_name b.example; return 301 http://c; }": false,
		"server {": false,

		"server { server_name a.example; root /www; } server { server_name www.a.example; " +
			"return 301 $scheme://a.example$request_uri; }": true,
		"server { server_name a.example; root /www; } server { server_name www.a.example; " +
			"return 301 https://a.example$request_uri; }": false,
		"server { server_name a.example; root /www; } server { server_name www.a.example; " +
			"return 301 http://a.example/; }": false,
		"server { server_name a.example; root /www; } server { server_name www.a.example; auth_basic x; " +
			"return 301 http://a.example$request_uri; }": false,
	} {
		got := deployconfig.ServesFile([]byte(conf), []string{"a.example", "www.a.example"},
			"/.well-known/acme-challenge/token", "/www")
		if got != want {
			t.Errorf("%s: %v", conf, got)
		}
	}
}
