package lwan

// surplus is bytes that were read too much: they are read next. It belongs to who reads.
type surplus struct {
	b     []byte            // in room, in small, or on its own
	room  *[replyPiece]byte // lent until b is taken; nil: b is elsewhere
	small []byte            // is used again: most are the content of a short answer
}

// littleSurplus is how much is worth a copy, so that no large buffer is held.
const littleSurplus = 1 << 10

// keep makes p what is read next, before what is there already. room is the lent buffer in which p
// lies, nil if there is none; it reports whether room is its own from now on.
func (s *surplus) keep(p []byte, room *[replyPiece]byte) (taken bool) {
	switch {
	case len(p) == 0:
		return false
	case len(s.b) > 0:
		s.b = append(append(make([]byte, 0, len(p)+len(s.b)), p...), s.b...)
		s.giveRoom()
		return false
	case room != nil && len(p) > littleSurplus:
		s.b, s.room = p, room
		return true
	case len(p) > littleSurplus:
		s.b = append([]byte(nil), p...)
	default:
		s.small = append(s.small[:0], p...)
		s.b = s.small
	}
	return false
}

// take copies what is there, and forgets it.
func (s *surplus) take(p []byte) (n int) {
	if len(s.b) > 0 {
		n = copy(p, s.b)
		s.skip(n)
	}
	return n
}

// skip forgets the first n bytes.
func (s *surplus) skip(n int) {
	if s.b = s.b[n:]; len(s.b) == 0 {
		s.b = nil
		s.giveRoom()
	}
}

func (s *surplus) giveRoom() {
	if s.room != nil {
		givePiece(s.room)
		s.room = nil
	}
}
