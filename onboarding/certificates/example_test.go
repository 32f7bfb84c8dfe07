package certificates_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/onboarding/certificates"
)

// A certificate of 90 days has 20 days left: its renewal is late, and one reminder is due.
func ExampleConfig_Due() {
	now := time.Date(2027, time.March, 12, 9, 0, 0, 0, time.UTC)
	expiry := time.Date(2027, time.April, 1, 9, 0, 0, 0, time.UTC)
	site := certificates.SiteReport{
		Site: certificates.Site{Domain: "merche.example", Names: []string{"merche.example"}},
		Certificates: []certificates.Certificate{{
			Serial: "1f", Names: []string{"merche.example"}, NotBefore: expiry.AddDate(0, 0, -90), NotAfter: expiry,
		}},
	}
	config := certificates.Config{}.WithDefaults()

	fmt.Println(site.Line(now))
	for _, reminder := range config.Due(site, certificates.Past{}, now) {
		sentence := strings.Replace(reminder.Sentence, " and is ", "\nand is ", 1)
		fmt.Printf("%s (%s): %s\n", reminder.About, reminder.Level, sentence)
	}
	// Output:
	// merche.example: 20 days left, until 2027-04-01 09:00 UTC
	// 1/4 (notice): The certificate of merche.example is still not renewed
	// and is valid for only another 20 days, until 2027-04-01 09:00 UTC.
}
