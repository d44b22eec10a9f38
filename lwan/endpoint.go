package lwan

// where is the endpoint's address as it is written, or its default.
func (e Endpoint) where() string {
	switch {
	case e.Listener != nil:
		return e.Listener.Addr().String()
	case e.Addr == "":
		return ":8080"
	}
	return e.Addr
}

// refusal is what a connection over Server.MaxConns or MaxConnsPerAddr gets.
const refusal = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
