package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/golwan/golwan/lwan"
)

// Config is what a user of the module sets. The zero value works.
type Config struct {
	File     string        // where counts survive a restart; "": nowhere
	Every    time.Duration // pause between two savings: 1 min
	MaxNames int           // names that are counted; further ones are refused with 409: 1000
}

// Visits counts visits by name: POST /{name} counts one, GET / lists all.
var Visits = lwan.Module[Config]{Name: "visits", Open: open}

// visits is one mount of the module.
type visits struct {
	config Config

	mu     sync.Mutex
	counts map[string]int
	dirty  bool // counts differ from the file
}

// open runs before the server listens: what is wrong here keeps it from starting.
func open(s *lwan.Scope, c Config) error {
	if c.Every < 0 || c.MaxNames < 0 {
		return errors.New("negative Every or MaxNames")
	}
	v := &visits{config: c, counts: map[string]int{}}
	v.config.Every = cmp.Or(c.Every, time.Minute)
	v.config.MaxNames = cmp.Or(c.MaxNames, 1000)
	s.Handle("POST /{name}", v.count)
	s.Handle("GET /{$}", v.list)
	if c.File == "" {
		return nil
	}
	if err := v.load(); err != nil {
		return fmt.Errorf("load Config.File: %w", err)
	}
	s.Go(v.keepSaving)
	s.OnClose(v.save) // after the last request
	return nil
}

func (v *visits) count(req *lwan.Request, resp *lwan.Response) lwan.Status {
	name := req.Param("name")
	v.mu.Lock() // held for a moment, and by nobody who waits: a loop can afford that
	defer v.mu.Unlock()
	if v.counts[name] == 0 && len(v.counts) >= v.config.MaxNames {
		return resp.Error(lwan.StatusConflict, "no more names are counted")
	}
	v.counts[name]++
	v.dirty = true
	return resp.JSON(200, v.counts[name])
}

func (v *visits) list(req *lwan.Request, resp *lwan.Response) lwan.Status {
	v.mu.Lock()
	defer v.mu.Unlock()
	return resp.JSON(200, v.counts)
}

// keepSaving is the module's background work. The server stops if it fails.
func (v *visits) keepSaving(ctx context.Context) error {
	ticker := time.NewTicker(v.config.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if err := v.save(); err != nil {
				return err
			}
		}
	}
}

func (v *visits) load() error {
	b, err := os.ReadFile(v.config.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the first start
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, &v.counts); err != nil {
		return err
	}
	if v.counts == nil {
		return errors.New("the file holds null, not an object")
	}
	return nil
}

// save replaces the file at once, so that a crash leaves the old one or the new one.
func (v *visits) save() error {
	b, err := v.changed()
	if b == nil || err != nil {
		return err
	}
	err = os.WriteFile(v.config.File+".new", b, 0o644)
	if err == nil {
		err = os.Rename(v.config.File+".new", v.config.File)
	}
	if err != nil {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.dirty = true // the last saving tries again
	}
	return err
}

// changed is what the file must hold, nil if it does.
func (v *visits) changed() ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.dirty {
		return nil, nil
	}
	v.dirty = false
	return json.Marshal(v.counts)
}
