package cli

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/boombuler/barcode/qr"

	"github.com/atlilith/onboardbot/internal/app"
	"github.com/atlilith/onboardbot/internal/config"
	"github.com/atlilith/onboardbot/onboarding/secondfactor"
)

// memberID is the id of a person in Slack.
var memberID = regexp.MustCompile(`^[UW][A-Z0-9]{2,20}$`)

// runTOTP enrolls, unlocks or removes the authenticator app of an operator.
func runTOTP(ctx context.Context, out io.Writer, args []string) int {
	verb, args := nextWord(args)
	flags := flag.NewFlagSet("totp", flag.ContinueOnError)
	operator := flags.String("operator", "", "the Slack member `ID` of the operator, such as U0BO")
	settings, code, ok := parse(flags, args, config.Own, config.Factors)
	if !ok {
		return code
	}
	if !memberID.MatchString(*operator) {
		fmt.Fprintln(os.Stderr, "onboardbot totp: -operator is not a Slack member ID such as U0BO")
		return Usage
	}
	pool, err := app.OpenPool(ctx, settings.Database)
	if err != nil {
		fmt.Fprintln(os.Stderr, "onboardbot totp:", err)
		return Failed
	}
	defer pool.Close()
	factors, err := secondfactor.Open(pool, settings.SecondFactor)
	if err == nil {
		switch verb {
		case "enroll":
			err = enroll(ctx, out, factors, *operator)
		case "unlock":
			err = factors.Unlock(ctx, *operator)
		case "remove":
			err = factors.Remove(ctx, *operator)
		default:
			fmt.Fprintln(os.Stderr, "onboardbot totp: say enroll, unlock or remove")
			return Usage
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "onboardbot totp:", err)
		return Failed
	}
	return OK
}

func enroll(ctx context.Context, out io.Writer, factors *secondfactor.Factors, operator string) error {
	address, err := factors.Enroll(ctx, operator, "onboardbot")
	if err != nil {
		return err
	}
	code, err := qr.Encode(address, qr.M, qr.Auto)
	if err != nil {
		return err
	}
	size := code.Bounds().Dx()
	dark := func(x, y int) bool {
		if x < 0 || y < 0 || x >= size || y >= size {
			return false
		}
		r, _, _, _ := code.At(x, y).RGBA()
		return r == 0
	}
	fmt.Fprintf(out, "Let %s scan this with an authenticator app. It is shown once.\n\n%s\n%s\n", operator,
		halfBlocks(size, dark), address)
	return nil
}

// halfBlocks draws a square of dark and light modules with the quiet zone that scanners need
// (ISO/IEC 18004 §6.3.8), two rows a line, light on dark terminals.
func halfBlocks(size int, dark func(x, y int) bool) string {
	const quiet = 4
	var out strings.Builder
	for y := -quiet; y < size+quiet; y += 2 {
		for x := -quiet; x < size+quiet; x++ {
			switch top, bottom := dark(x, y), dark(x, y+1); {
			case top && bottom:
				out.WriteRune(' ')
			case top:
				out.WriteRune('▄')
			case bottom:
				out.WriteRune('▀')
			default:
				out.WriteRune('█')
			}
		}
		out.WriteByte('\n')
	}
	return out.String()
}
