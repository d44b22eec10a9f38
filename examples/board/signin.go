package main

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"golang.org/x/crypto/bcrypt"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
)

// login is what a session remembers.
type login struct{ User string }

func userOf(l login) string { return l.User }

// user is who is signed in; "": nobody.
func user(req *lwan.Request) string { name, _ := handlers.UserKey.Get(req); return name }

// account is the form of both ways in.
type account struct {
	User     string `form:"user,required"`
	Password string `form:"password,required"`
}

func (a account) Validate() error {
	var c lwan.Checks
	c.That("user", len(a.User) <= 40 && strings.TrimSpace(a.User) == a.User,
		"must have at most 40 bytes, and no blanks at its ends")
	c.That("password", len(a.Password) >= 8 && len(a.Password) <= 72, // bcrypt looks at 72
		"must have 8 to 72 bytes")
	return c.Err()
}

func (b *board) signInPage(req *lwan.Request, resp *lwan.Response) lwan.Status {
	return resp.Render(200, signInView.With(signInPage{layout: layout{Title: "Sign in"}}))
}

// enter begins a session for who is accepted, and shows the form again to others.
func (b *board) enter(accept func(context.Context, account) error) lwan.Handler {
	return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		form, err := lwan.FormAs[account](req)
		if err == nil {
			err = accept(req.Context(), form)
		}
		if wrong := lwan.FieldErrors(err); wrong != nil {
			page := signInPage{layout{Title: "Sign in", Errors: wrong}, form.User}
			return resp.Render(422, signInView.With(page))
		}
		if err == nil {
			err = b.sessions.Start(req, resp, login{form.User})
		}
		if err != nil {
			return resp.Fail(err)
		}
		return resp.Redirect(303, "/")
	}
}

// nobody is compared with where there is no such user, so that this takes as long.
var nobody, _ = bcrypt.GenerateFromPassword([]byte("nobody's password"), bcrypt.DefaultCost)

// known accepts who knows the password of a user.
func (b *board) known(ctx context.Context, a account) error {
	hash := nobody
	err := b.store.db.QueryRowContext(ctx, "SELECT hash FROM users WHERE name = ?",
		a.User).Scan(&hash)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	same := bcrypt.CompareHashAndPassword(hash, []byte(a.Password)) == nil
	var c lwan.Checks
	c.That("password", same && err == nil, "is not that of this name")
	return c.Err()
}

// joins accepts a new user.
func (b *board) joins(ctx context.Context, a account) error {
	hash, err := bcrypt.GenerateFromPassword([]byte(a.Password), bcrypt.DefaultCost)
	if err != nil {
		return err
	}
	done, err := b.store.db.ExecContext(ctx,
		"INSERT INTO users (name, hash) VALUES (?, ?) ON CONFLICT DO NOTHING", a.User, hash)
	if err != nil {
		return err
	}
	n, err := done.RowsAffected()
	if err != nil {
		return err
	}
	var c lwan.Checks
	c.That("user", n == 1, "is taken")
	return c.Err()
}

func (b *board) signOut(req *lwan.Request, resp *lwan.Response) lwan.Status {
	if err := b.sessions.End(req, resp); err != nil {
		return resp.Fail(err)
	}
	return resp.Redirect(303, "/")
}
