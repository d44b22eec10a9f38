package main

import (
	"context"
	"database/sql"
	"errors"
	"time"

	_ "modernc.org/sqlite"
)

const schema = `
CREATE TABLE IF NOT EXISTS users (name TEXT PRIMARY KEY, hash BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS entries (
	id INTEGER PRIMARY KEY AUTOINCREMENT, author TEXT NOT NULL REFERENCES users (name),
	text TEXT NOT NULL, state TEXT NOT NULL, due INTEGER NOT NULL, made INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS files (
	id INTEGER PRIMARY KEY AUTOINCREMENT, entry INTEGER NOT NULL REFERENCES entries (id),
	name TEXT NOT NULL, size INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS events (
	id INTEGER PRIMARY KEY AUTOINCREMENT, entry INTEGER NOT NULL REFERENCES entries (id));
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
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=journal_mode(WAL)"+
		"&_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	if _, err := db.Exec(schema); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &store{db}, nil
}

const columns = "SELECT id, author, text, state, due, made FROM entries "

// entries is the newest ones before an ID, at most n.
func (s *store) entries(ctx context.Context, before int64, n int) ([]Entry, error) {
	rows, err := s.db.QueryContext(ctx, columns+"WHERE id < ? ORDER BY id DESC LIMIT ?", before, n)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := []Entry{}
	for rows.Next() {
		e, err := scan(rows.Scan)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].Files, err = s.filesOf(ctx, list[i].ID); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// entry is one; sql.ErrNoRows if there is none.
func (s *store) entry(ctx context.Context, id int64) (e Entry, err error) {
	if e, err = scan(s.db.QueryRowContext(ctx, columns+"WHERE id = ?", id).Scan); err == nil {
		e.Files, err = s.filesOf(ctx, id)
	}
	return e, err
}

func scan(from func(...any) error) (e Entry, err error) {
	var due, made int64
	err = from(&e.ID, &e.Author, &e.Text, &e.State, &due, &made)
	if e.Made = time.Unix(made, 0).UTC(); due != 0 {
		e.Due = time.Unix(due, 0).UTC()
	}
	return e, err
}

func (s *store) filesOf(ctx context.Context, entry int64) (list []File, err error) {
	rows, err := s.db.QueryContext(ctx,
		"SELECT id, name, size FROM files WHERE entry = ? ORDER BY id", entry)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var f File
		if err := rows.Scan(&f.ID, &f.Name, &f.Size); err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return list, rows.Err()
}

// add stores an entry with its files, whose contents keep saves under their IDs, and the event that
// tells of it.
func (s *store) add(
	ctx context.Context, e *Entry, keep func(i int, id int64) error,
) (event int64, err error) {
	return s.write(ctx, func(tx *sql.Tx) (int64, error) {
		var due int64
		if !e.Due.IsZero() {
			due = e.Due.Unix()
		}
		err := tx.QueryRowContext(ctx, "INSERT INTO entries (author, text, state, due, made) "+
			"VALUES (?, ?, ?, ?, ?) RETURNING id",
			e.Author, e.Text, e.State, due, e.Made.Unix()).Scan(&e.ID)
		for i := range e.Files {
			f := &e.Files[i]
			if err == nil {
				err = tx.QueryRowContext(ctx, "INSERT INTO files (entry, name, size) "+
					"VALUES (?, ?, ?) RETURNING id", e.ID, f.Name, f.Size).Scan(&f.ID)
			}
			if err == nil {
				err = keep(i, f.ID)
			}
		}
		return e.ID, err
	})
}

// update changes text and state of an author's own entry.
func (s *store) update(ctx context.Context, e *Entry) (event int64, err error) {
	return s.write(ctx, func(tx *sql.Tx) (int64, error) {
		_, err := tx.ExecContext(ctx, "UPDATE entries SET text = ?, state = ? WHERE id = ?",
			e.Text, e.State, e.ID)
		return e.ID, err
	})
}

// write changes an entry, and numbers the change.
func (s *store) write(
	ctx context.Context, do func(*sql.Tx) (entry int64, err error),
) (event int64, err error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback() // does nothing behind Commit
	entry, err := do(tx)
	if err == nil {
		err = tx.QueryRowContext(ctx, "INSERT INTO events (entry) VALUES (?) RETURNING id",
			entry).Scan(&event)
	}
	if err != nil {
		return 0, err
	}
	return event, tx.Commit()
}

// since is which entries have changed behind an event, with the last event of each.
func (s *store) since(ctx context.Context, event int64) (entries, events []int64, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT entry, max(id) FROM events WHERE id > ? "+
		"GROUP BY entry ORDER BY max(id)", event)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var entry, event int64
		if err := rows.Scan(&entry, &event); err != nil {
			return nil, nil, err
		}
		entries, events = append(entries, entry), append(events, event)
	}
	return entries, events, rows.Err()
}

// lastEvent is the number of the last change.
func (s *store) lastEvent(ctx context.Context) (event int64, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT coalesce(max(id), 0) FROM events").Scan(&event)
	return event, err
}
