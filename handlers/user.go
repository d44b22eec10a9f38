package handlers

import "github.com/golwan/golwan/lwan"

// UserKey has the name of the user that BasicAuth, or middleware of a program's own, has found to
// be who it claims to be. What is keyed by a user, and conditions on one, look here.
var UserKey = lwan.NewKey[string]("user")
