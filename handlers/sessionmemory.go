package handlers

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// NewMemorySessions is a SessionStore in the memory of this process, for at most max sessions, of
// which the one that was not used for longest goes first: 100,000 if max is 0. They end with the
// process, so a restart signs everybody out.
func NewMemorySessions(max int) SessionStore {
	if max <= 0 {
		max = defaultMemorySessions
	}
	return &memorySessions{max: max, byName: map[string]*list.Element{}}
}

const defaultMemorySessions = 100_000

// memorySessions is a map, and a list in the order of the last use.
type memorySessions struct {
	max int

	mu     sync.Mutex // guards the fields below
	byName map[string]*list.Element
	order  list.List // of *memorySession, the last used first
}

type memorySession struct {
	name  string
	data  []byte
	until time.Time
}

func (m *memorySessions) Load(_ context.Context, name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.byName[name]
	if !ok {
		return nil, nil
	}
	s := e.Value.(*memorySession)
	if time.Now().After(s.until) {
		m.drop(e)
		return nil, nil
	}
	m.order.MoveToFront(e)
	return s.data, nil
}

func (m *memorySessions) Save(_ context.Context, name string, data []byte, until time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.byName[name]; ok {
		m.drop(e)
	}
	m.byName[name] = m.order.PushFront(&memorySession{name, data, until})
	for len(m.byName) > m.max {
		m.drop(m.order.Back())
	}
	return nil
}

func (m *memorySessions) Update(_ context.Context, name string, data []byte, until time.Time) (
	there bool, err error,
) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.byName[name]
	if !ok {
		return false, nil
	}
	s := e.Value.(*memorySession)
	if time.Now().After(s.until) {
		m.drop(e)
		return false, nil
	}
	s.data, s.until = data, until
	m.order.MoveToFront(e)
	return true, nil
}

func (m *memorySessions) Delete(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.byName[name]; ok {
		m.drop(e)
	}
	return nil
}

func (m *memorySessions) drop(e *list.Element) {
	delete(m.byName, m.order.Remove(e).(*memorySession).name)
}
