package folder

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/brand"
	"github.com/atlilith/onboardbot/onboarding/hosts"
)

// brandFiles are the files of the Org's site in a domain's folder, none if the request has no
// brand. The configuration of such sites in the platform's template is the pattern, if there is
// one.
func (p *Planner) brandFiles(
	ctx context.Context, request onboarding.Request, template []hosts.File,
) ([]hosts.File, error) {
	if request.Mode != onboarding.ModeOwner || request.Brand == nil {
		return nil, nil
	}
	looks := brand.Brand{Name: request.Org.Name, Copy: request.Brand.Copy, Palette: request.Brand.Palette}
	if request.Brand.Logo != "" {
		content, err := p.assets.Get(ctx, request.Brand.Logo)
		if err != nil {
			return nil, fmt.Errorf("logo of %s: %w", request.Org.Slug, err)
		}
		logo, problem := brand.CheckLogo(ctx, "logo", content)
		if problem != "" {
			return nil, onboarding.Conflictf("Cancel the run and give another logo.",
				"The logo of %s cannot be used: %s", request.Org.Slug, problem)
		}
		looks.Logo = &logo
	}
	pattern := brand.Template()
	if own := Find(template, path.Join(brand.Folder, "config.yaml")); own != nil {
		pattern = own.Content
	}
	rendered, err := brand.Render(ctx, looks, pattern)
	if err != nil {
		return nil, fmt.Errorf("org-site of %s: %w", request.Org.Slug, err)
	}
	var files []hosts.File
	for _, name := range slices.Sorted(maps.Keys(rendered)) {
		files = append(files, hosts.File{Path: name, Mode: 0o644, Content: rendered[name]})
	}
	return files, nil
}

// withoutBrand returns a template without the files that only a brand fills in.
func withoutBrand(template []hosts.File) []hosts.File {
	return slices.DeleteFunc(slices.Clone(template), func(file hosts.File) bool {
		return strings.HasPrefix(file.Path, brand.Folder+"/")
	})
}

// overlay returns files with others added, which replace those of the same path.
func overlay(files, over []hosts.File) []hosts.File {
	all := slices.Clone(files)
	for _, file := range over {
		if i := slices.IndexFunc(all, func(f hosts.File) bool { return f.Path == file.Path }); i >= 0 {
			all[i] = file
		} else {
			all = append(all, file)
		}
	}
	return all
}
