package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	_ "modernc.org/sqlite"
)

const schema = `
CREATE TABLE IF NOT EXISTS users (name TEXT PRIMARY KEY, hash BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS entries (
	id INTEGER PRIMARY KEY AUTOINCREMENT, author TEXT NOT NULL REFERENCES users (name),
	text TEXT NOT NULL, state TEXT NOT NULL, due DATE NOT NULL, made TIMESTAMP NOT NULL,
	event INTEGER NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS files (
	id INTEGER PRIMARY KEY AUTOINCREMENT, entry INTEGER NOT NULL REFERENCES entries (id),
	name TEXT NOT NULL, size INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS files_entry ON files (entry);`

// Entry is what somebody works on.
type Entry struct {
	ID     int64     `json:"id"`
	Author string    `json:"author"`
	Text   string    `json:"text"`
	State  string    `json:"state"` // one of states
	Due    time.Time `json:"due,omitzero"`
	Made   time.Time `json:"made"`
	Files  []File    `json:"files,omitempty"`
	Event  int64     `json:"-"` // the number of its last change: those of all entries are counted
}

// File is attached to an entry.
type File struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
	Size int64  `json:"size"`
}

var states = []string{"working", "blocked", "done"}

// store is the database. Its methods block.
type store struct{ db *sql.DB }

func openStore(file string) (*store, error) {
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=journal_mode(WAL)&_time_format=sqlite"+
		"&_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	if _, err := db.Exec(schema); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &store{db}, nil
}

const (
	selectEntries = `SELECT id, author, text, state, due, made, event, (
		SELECT json_group_array(json_object('id', id, 'name', name, 'size', size) ORDER BY id)
		FROM files WHERE entry = entries.id) FROM entries `
	nextEvent = "(SELECT coalesce(max(event), 0) + 1 FROM entries)"
)

// before is the newest entries before an ID, at most n.
func (s *store) before(ctx context.Context, id int64, n int) ([]Entry, error) {
	return s.query(ctx, "WHERE id < ? ORDER BY id DESC LIMIT ?", id, n)
}

// since is the entries that have changed behind an event, in the order of their last changes.
func (s *store) since(ctx context.Context, event int64) ([]Entry, error) {
	return s.query(ctx, "WHERE event > ? ORDER BY event", event)
}

// entry is one; sql.ErrNoRows if there is none.
func (s *store) entry(ctx context.Context, id int64) (Entry, error) {
	list, err := s.query(ctx, "WHERE id = ?", id)
	if err != nil {
		return Entry{}, err
	}
	if len(list) == 0 {
		return Entry{}, sql.ErrNoRows
	}
	return list[0], nil
}

func (s *store) query(ctx context.Context, which string, args ...any) ([]Entry, error) {
	rows, err := s.db.QueryContext(ctx, selectEntries+which, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := []Entry{}
	for rows.Next() {
		var e Entry
		var files []byte
		if err := rows.Scan(&e.ID, &e.Author, &e.Text, &e.State, &e.Due, &e.Made, &e.Event,
			&files); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(files, &e.Files); err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, rows.Err()
}

// add stores an entry with its files, whose contents keep saves under their IDs.
func (s *store) add(ctx context.Context, e *Entry, keep func(i int, id int64) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing behind Commit
	if err := tx.QueryRowContext(ctx, "INSERT INTO entries "+
		"(author, text, state, due, made, event) "+
		"VALUES (?, ?, ?, ?, ?, "+nextEvent+") RETURNING id, event",
		e.Author, e.Text, e.State, e.Due, e.Made).Scan(&e.ID, &e.Event); err != nil {
		return err
	}
	for i := range e.Files {
		f := &e.Files[i]
		if err := tx.QueryRowContext(ctx, "INSERT INTO files (entry, name, size) "+
			"VALUES (?, ?, ?) RETURNING id", e.ID, f.Name, f.Size).Scan(&f.ID); err != nil {
			return err
		}
		if err := keep(i, f.ID); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// update stores text and state of an entry.
func (s *store) update(ctx context.Context, e *Entry) error {
	return s.db.QueryRowContext(ctx, "UPDATE entries SET text = ?, state = ?, event = "+nextEvent+
		" WHERE id = ? RETURNING event", e.Text, e.State, e.ID).Scan(&e.Event)
}

// lastEvent is the number of the last change.
func (s *store) lastEvent(ctx context.Context) (event int64, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT coalesce(max(event), 0) FROM entries").Scan(&event)
	return event, err
}
