package main

import (
	"context"
	"errors"
	"time"
)

type user struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
	Read int64  `json:"read"` // how many questions the database had answered before
}

var errNoUser = errors.New("there is no such user")

// database stands for a database at the other end of a network: a goroutine that takes some time
// for each answer.
type database struct {
	asked chan question
	delay time.Duration // until an answer comes
}

type question struct {
	id     int
	answer chan<- user // is closed without an answer if there is no such user
}

// run answers questions until ctx ends, all at the same time.
func (db *database) run(ctx context.Context) error {
	names := map[int]string{1: "Ada", 2: "Grace", 3: "Barbara"}
	for read := int64(0); ; read++ {
		select {
		case <-ctx.Done():
			return nil
		case q := <-db.asked:
			name, ok := names[q.id]
			time.AfterFunc(db.delay, func() {
				if ok {
					q.answer <- user{ID: q.id, Name: name, Read: read}
				}
				close(q.answer)
			})
		}
	}
}

// user blocks until the answer is there or ctx ends, as database/sql does. It must not run on a
// loop.
func (db *database) user(ctx context.Context, id int) (user, error) {
	answer := make(chan user, 1)
	select {
	case db.asked <- question{id, answer}:
	case <-ctx.Done():
		return user{}, ctx.Err()
	}
	select {
	case u, ok := <-answer:
		if !ok {
			return user{}, errNoUser
		}
		return u, nil
	case <-ctx.Done():
		return user{}, ctx.Err()
	}
}
