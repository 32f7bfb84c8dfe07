package onboarding_test

import (
	"fmt"
	"time"

	"github.com/atlilith/onboardbot/onboarding"
)

// An approval is bound to the digest of exactly what would be done: a change that does anything
// else has another digest.
func ExampleChange_Digest() {
	install := func(path string) onboarding.Change {
		return onboarding.Change{Summary: "Make the webroot", Items: []onboarding.Item{
			{Command: &onboarding.Command{Host: "vps-0", Argv: []string{"install", "-d", "-m", "0755", path}}},
		}}
	}
	for _, path := range []string{"/var/www/merche-biche.com", "/var/www/merche-biche.com/"} {
		digest, err := install(path).Digest()
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(digest.Short(), path)
	}
	// Output:
	// 50af9a533b07 /var/www/merche-biche.com
	// d912b082ca66 /var/www/merche-biche.com/
}

// Both return a sentence that people read beside the field that they filled in.
func ExampleParseDomain() {
	for _, text := range []string{" Merche-Biche.COM.", "https://www.merche.com/about", "co.uk", "mérche.example"} {
		name, problem := onboarding.ParseDomain(text)
		fmt.Printf("%q: %s%s\n", text, name, problem)
	}
	fmt.Println(onboarding.CheckSlug("Merche", nil))
	fmt.Println(onboarding.CheckSlug("admin", []string{"admin", "www"}))
	// Output:
	// " Merche-Biche.COM.": merche-biche.com
	// "https://www.merche.com/about": https://www.merche.com/about is not a bare domain: write merche.com.
	// "co.uk": co.uk is a public suffix that nobody can own: put a name in front of it.
	// "mérche.example": xn--mrche-bsa.example
	// A slug is kebab-case: lower-case letters a-z and digits, with single hyphens between them, such as merche-biche.
	// The slug admin is reserved for the platform; choose another.
}

// A policy says what an approval of each kind of step needs. What is not set has a default.
func ExamplePolicy() {
	policy := onboarding.Policy{
		ApprovalLife: 8 * time.Hour,
		RemindBefore: 9 * time.Hour,
		Rules:        map[onboarding.Kind]onboarding.Rule{"database": {Approvers: 2, Reason: true}},
	}
	policy.Defaults()
	fmt.Println(policy.Validate())
	policy.RemindBefore = time.Hour
	fmt.Println(policy.Validate())
	fmt.Printf("%+v\n%+v\n", policy.Rule("database"), policy.Rule("deploy"))
	// Output:
	// remind_before: 9h0m0s is not shorter than approval_life 8h0m0s
	// <nil>
	// {Approvers:2 Reason:true Confirm:}
	// {Approvers:1 Reason:false Confirm:}
}
