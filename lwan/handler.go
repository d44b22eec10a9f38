package lwan

// Handler answers one request. Methods of your types fit: srv.Handle("GET /x", app.show). Many
// requests run at the same time on several loops, so what handlers share needs the usual care; a
// mutex must not be held across anything that waits.
type Handler func(req *Request, resp *Response) Status

// Middleware wraps a handler. It always gets a Status back, whatever happened inside: a panic comes
// back as 500 with resp.Err() set to a *PanicError.
type Middleware func(next Handler) Handler
