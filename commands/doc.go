// Package commands answers what operators type and press: the slash commands, the form, and the
// buttons in a run's thread. Each family of commands and buttons is a type of its own, and
// [Handlers.Register] routes to all of them.
//
// Package form reads what people enter; package render shows what the domain holds. Both are pure.
// Package access says who may use the bot and where, package home keeps the App Home current, and
// package projection posts what the bot posts by itself. States, policy and errors belong to
// package onboarding: nothing here decides who may do what.
//
// Nothing is kept in memory between two calls. A draft is a row, so any replica can answer any
// press.
package commands
