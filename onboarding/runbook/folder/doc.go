// Package folder observes the deploy folders of domains in the platform's repository and plans
// what is to be committed there: a copy of the template, the values of a domain, and the site of
// an Org.
package folder
