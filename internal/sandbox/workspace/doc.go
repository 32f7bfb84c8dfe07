// Package workspace is a Slack workspace on this machine, for the tests and the demo: Slack's Web
// API and Socket Mode over real HTTP and WebSocket, as strict as the documented service, and
// people in it who type, press, fill forms and read.
//
// An app connects with an unmodified client whose API URL is the address of Handler plus "/api/".
// A test acts as a person through Person, in process or, over the HTTP of Control, from another
// process. State is in memory and outlives the app's crashes.
//
// The rules come from docs.slack.dev; where its pages and the live service disagree, the stricter
// reading holds. Nothing here may know the app under test: no command, message or step of it is
// named in this package.
package workspace
