package certificates

// Diagnosis is why a certificate is not being renewed, as far as it can be seen.
type Diagnosis struct {
	// Reasons are sentences about what prevents a renewal, the likeliest first.
	Reasons []string `json:"reasons"`
	// Timer is the state of what starts certbot, as KEY=VALUE.
	Timer []string `json:"timer"`
	// Log are the last lines of certbot's log that report a problem.
	Log []string `json:"log"`
	// Refused says that the authority's rate limits allow no attempt now. It is empty if they do.
	Refused string `json:"refused,omitempty"`
}
