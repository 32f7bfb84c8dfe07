package cli

import (
	"context"
	"flag"
	"io"
	"log/slog"

	"github.com/atlilith/onboardbot/internal/app"
	"github.com/atlilith/onboardbot/internal/config"
)

func serve(ctx context.Context, _ io.Writer, args []string) int {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	settings, code, ok := parse(flags, args, config.Everything...)
	if !ok {
		return code
	}
	log := logger(settings.Log)
	slog.SetDefault(log)
	if err := app.Run(ctx, settings, log); err != nil {
		log.Error("the bot ended", "error", err)
		return Failed
	}
	return OK
}
