package stage

import (
	"context"
	"crypto/sha256"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"slices"
	"strings"
)

// maxSite is how many bytes of a site's page are shown.
const maxSite = 1 << 20

// domains are the folders of the sites in the remote repository.
func (s *Stage) domains(ctx context.Context) ([]string, error) {
	const folder = "deployments/@domains/"
	out, err := run(ctx, "git", "-C", s.Repo.Origin, "ls-tree", "--name-only", "main", folder)
	if err != nil {
		return nil, err
	}
	var all []string
	for name := range strings.FieldsSeq(out) {
		all = append(all, strings.TrimPrefix(name, folder))
	}
	return all, nil
}

// newDomains are those that were added since the world started.
func (s *Stage) newDomains(ctx context.Context) ([]string, error) {
	all, err := s.domains(ctx)
	return slices.DeleteFunc(all, func(d string) bool { return slices.Contains(s.before.domains, d) }), err
}

// visit asks for an address as a visitor's browser would, but follows no redirect.
func (s *Stage) visit(ctx context.Context, url string) (*http.Response, []byte, error) {
	client, err := s.Client()
	if err != nil {
		return nil, nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxSite))
	return response, body, err
}

// showSites shows what a visitor gets from every new site: its answers, its certificate, its page.
func (s *Stage) showSites(ctx context.Context) (template.HTML, error) {
	domains, err := s.newDomains(ctx)
	if err != nil {
		return "", err
	}
	if len(domains) == 0 {
		return "<p>No site yet. It begins with the step “Deploy config”.</p>", nil
	}
	var out strings.Builder
	for _, domain := range domains {
		fmt.Fprintf(&out, "<h3>%s</h3><ul>", esc(domain))
		page, certificate := "", ""
		for _, at := range []string{"http://", "https://", "https://www."} {
			url := at + domain + "/"
			response, body, err := s.visit(ctx, url)
			if err != nil {
				fmt.Fprintf(&out, "<li>%s: no answer</li>", esc(url))
				continue
			}
			fmt.Fprintf(&out, "<li>%s: %s %s</li>", esc(url), esc(response.Status),
				esc(response.Header.Get("Location")))
			if response.TLS != nil && page == "" {
				leaf := response.TLS.PeerCertificates[0]
				certificate = fmt.Sprintf("for %s\nby %s\nfrom %s\nuntil %s", strings.Join(leaf.DNSNames, ", "),
					leaf.Issuer.CommonName, leaf.NotBefore.Format("2006-01-02 15:04"),
					leaf.NotAfter.Format("2006-01-02 15:04"))
				page = fmt.Sprintf("/site/%s/?%.6x", domain, sha256.Sum256(body))
			}
		}
		out.WriteString("</ul>")
		if page == "" {
			out.WriteString("<p>No certificate yet.</p>")
			continue
		}
		fmt.Fprintf(&out, `<h3>Certificate</h3><pre>%s</pre>`+
			`<h3>Page</h3><iframe sandbox title="The site %s" src="%s"></iframe>`,
			esc(certificate), esc(domain), esc(page))
	}
	return template.HTML(out.String()), nil
}

// serveSite serves a page of a new site to the frame: /site/DOMAIN/PATH.
func (s *Stage) serveSite(rw http.ResponseWriter, r *http.Request) {
	domain, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/site/"), "/")
	known, err := s.newDomains(r.Context())
	if err != nil || !slices.Contains(known, domain) {
		http.NotFound(rw, r)
		return
	}
	response, body, err := s.visit(r.Context(), "https://"+domain+"/"+path)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadGateway)
		return
	}
	rw.Header().Set("Content-Type", response.Header.Get("Content-Type"))
	rw.Header().Set("Content-Security-Policy", "sandbox; default-src 'unsafe-inline' 'self'")
	rw.WriteHeader(response.StatusCode)
	_, _ = rw.Write(body) // The browser may be gone.
}
