// Package gateway passes requests on: to HTTP servers, and to FastCGI, SCGI and uwsgi applications.
// Backends form a Group, which balances, and notices which of them fail.
package gateway
