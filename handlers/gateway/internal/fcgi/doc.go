// Package fcgi is the web server's side of FastCGI 1.0 as pure code: bytes in, bytes out.
//
// A request is appended to a buffer:
//
//	buf = fcgi.AppendBegin(buf, fcgi.Responder, false)
//	params := fcgi.AppendParam(nil, "REQUEST_METHOD", "GET")
//	buf = fcgi.AppendStream(buf, fcgi.Params, params) // any length
//	buf = fcgi.AppendRecord(buf, fcgi.Params, nil)    // its end
//	buf = fcgi.AppendRecord(buf, fcgi.Stdin, nil)
//
// and an Output reads what the application sends back. All requests have the id 1: one at a time on
// a connection, which is all that applications do.
package fcgi
