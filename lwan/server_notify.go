package lwan

import (
	"net"
	"os"
)

// TellManager tells a service manager how the process does, as sd_notify(3) has it: "STATUS=text",
// say. Run tells it by itself when the server serves and when it stops. NOTIFY_SOCKET names the
// manager's socket; without it nothing happens. That a manager does not listen is only logged: the
// server can serve without it. Call it while the server serves.
func (s *Server) TellManager(state string) {
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
