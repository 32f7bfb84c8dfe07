package sweep

import (
	"context"
	"fmt"

	"github.com/atlilith/onboardbot/onboarding/certificates"
)

// Run sweeps an inventory once, prints the report, and returns the exit status. With an error
// nothing was checked.
func Run(ctx context.Context, s *Sweeper, inventory certificates.Inventory,
	print func(certificates.Report) error) (int, error) {
	sites, err := inventory.Sites(ctx)
	if err != nil {
		return certificates.ExitUnchecked, fmt.Errorf("certificates to watch: %w", err)
	}
	report, err := s.Sweep(ctx, sites)
	if err != nil {
		return certificates.ExitUnchecked, err
	}
	if err := print(report); err != nil {
		return certificates.ExitUnchecked, fmt.Errorf("print the report: %w", err)
	}
	return report.ExitStatus(), nil
}
