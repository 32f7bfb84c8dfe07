// Package outbox delivers messages to Slack once. A message is a row first, in the transaction of
// the change that it tells of; a River job then posts it, or updates it in place, and records the
// result.
//
// A row says that it is being sent before the call goes out. When the process dies between sending
// and recording, the next delivery finds the row and asks Slack whether the message is there
// before it posts again.
//
//	messages, err := outbox.New(pool, workspace)
//	messages.AddWorkers(workers) // for deliveries
//	go messages.Run(ctx)         // for what dead processes left
//	err = messages.Put(ctx, tx, post.Message{Key: "run/4f1c/root", Channel: "C0OPS", Text: "…"})
package outbox
