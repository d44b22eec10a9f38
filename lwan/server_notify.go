package lwan

import (
	"net"
	"os"
)

// tellManager tells a service manager how the process does, as sd_notify(3) has it; NOTIFY_SOCKET
// names its socket. That a manager does not listen is only logged: the server can serve without it.
func (s *Server) tellManager(state string) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return
	}
	if err := notifyManager(path, state); err != nil {
		s.life.core.log.Warn("lwan: cannot tell the service manager", "state", state, "err", err)
	}
}

func notifyManager(path, state string) error {
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Write([]byte(state))
	return err
}
