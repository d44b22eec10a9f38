package main

import (
	"database/sql"
	"errors"
	"strings"

	"golang.org/x/crypto/bcrypt"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
)

// login is what a session remembers.
type login struct{ User string }

// account is the form of both ways in.
type account struct {
	User     string `form:"user,required"`
	Password string `form:"password,required"`
}

func (a account) Validate() error {
	wrong := map[string]string{}
	if len(a.User) > 40 || strings.TrimSpace(a.User) != a.User {
		wrong["user"] = "must have at most 40 bytes, and no blanks at its ends"
	}
	if len(a.Password) < 8 || len(a.Password) > 72 { // bcrypt looks at 72
		wrong["password"] = "must have 8 to 72 bytes"
	}
	if len(wrong) > 0 {
		return &lwan.Error{Message: "the form has mistakes", Fields: wrong}
	}
	return nil
}

// named tells the access log who a request comes from.
func named(sessions *handlers.Sessions[login]) lwan.Middleware {
	return func(next lwan.Handler) lwan.Handler {
		return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			if who, ok := sessions.Get(req); ok {
				handlers.UserKey.Set(req, who.User)
			}
			return next(req, resp)
		}
	}
}

// user is who is signed in; "": nobody.
func user(req *lwan.Request) string { name, _ := handlers.UserKey.Get(req); return name }

// signedIn keeps others out.
func (b *board) signedIn(next lwan.Handler) lwan.Handler {
	return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		if user(req) == "" {
			return resp.Error(401, "sign in first")
		}
		return next(req, resp)
	}
}

func (b *board) signInPage(req *lwan.Request, resp *lwan.Response) lwan.Status {
	return b.showSignIn(resp, 200, account{}, nil)
}

// nobody is compared with where there is no such user, so that this takes as long.
var nobody, _ = bcrypt.GenerateFromPassword([]byte("nobody's password"), bcrypt.DefaultCost)

func (b *board) signIn(req *lwan.Request, resp *lwan.Response) lwan.Status {
	form, err := lwan.FormAs[account](req)
	if err != nil {
		return b.showSignIn(resp, 422, form, err)
	}
	hash := nobody
	err = b.store.db.QueryRowContext(req.Context(), "SELECT hash FROM users WHERE name = ?",
		form.User).Scan(&hash)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return resp.Fail(err)
	}
	if bcrypt.CompareHashAndPassword(hash, []byte(form.Password)) != nil || err != nil {
		return b.showSignIn(resp, 422, form, &lwan.Error{Fields: map[string]string{
			"password": "is not that of this name",
		}})
	}
	return b.enter(req, resp, form.User)
}

func (b *board) join(req *lwan.Request, resp *lwan.Response) lwan.Status {
	form, err := lwan.FormAs[account](req)
	if err != nil {
		return b.showSignIn(resp, 422, form, err)
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(form.Password), bcrypt.DefaultCost)
	if err != nil {
		return resp.Fail(err)
	}
	done, err := b.store.db.ExecContext(req.Context(),
		"INSERT INTO users (name, hash) VALUES (?, ?) ON CONFLICT DO NOTHING", form.User, hash)
	if err != nil {
		return resp.Fail(err)
	}
	if n, err := done.RowsAffected(); err != nil {
		return resp.Fail(err)
	} else if n == 0 {
		return b.showSignIn(resp, 422, form,
			&lwan.Error{Fields: map[string]string{"user": "is taken"}})
	}
	return b.enter(req, resp, form.User)
}

// enter begins a session.
func (b *board) enter(req *lwan.Request, resp *lwan.Response, name string) lwan.Status {
	if err := b.sessions.Start(req, resp, login{name}); err != nil {
		return resp.Fail(err)
	}
	return resp.Redirect(303, "/")
}

func (b *board) signOut(req *lwan.Request, resp *lwan.Response) lwan.Status {
	if err := b.sessions.End(req, resp); err != nil {
		return resp.Fail(err)
	}
	return resp.Redirect(303, "/")
}
