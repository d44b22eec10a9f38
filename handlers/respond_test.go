package handlers_test

import (
	"testing"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

func TestRespond(t *testing.T) {
	const plain = "text/plain; charset=utf-8"
	for _, tt := range []struct {
		config     handlers.RespondConfig
		status     int
		ctype, got string
	}{
		{handlers.RespondConfig{}, 200, "", ""},
		{handlers.RespondConfig{Body: "ok"}, 200, plain, "ok"},
		{handlers.RespondConfig{Body: "{}", ContentType: "application/json"}, 200,
			"application/json", "{}"},
		{handlers.RespondConfig{ContentType: "text/css"}, 200, "text/css", ""},
		{handlers.RespondConfig{Status: 204}, 204, "", ""},
		{handlers.RespondConfig{Status: 418, Body: "short and stout"},
			418, plain, "short and stout"},
		{handlers.RespondConfig{Status: 410}, 410, plain, "410 Gone\n"},
		{handlers.RespondConfig{Status: 599, Body: "x"}, 599, plain, "x"},
	} {
		srv := &lwan.Server{}
		srv.Mount("/fixed", handlers.Respond.With(tt.config))
		h := lwantest.Build(t, srv)
		for _, target := range []string{"/fixed", "/fixed?x", "/fixed/", "/fixed/any/path?x"} {
			got := lwantest.Get(t, h, target)
			if got.Status != tt.status || got.Header.Get("Content-Type") != tt.ctype ||
				got.Body != tt.got {
				t.Errorf("%+v: %+v", tt.config, got)
			}
		}
	}
}

func TestRespondConfig(t *testing.T) {
	for _, tt := range []struct {
		config handlers.RespondConfig
		field  string
	}{
		{handlers.RespondConfig{Status: 199}, "RespondConfig.Status"},
		{handlers.RespondConfig{Status: 600}, "RespondConfig.Status"},
		{handlers.RespondConfig{Status: -1}, "RespondConfig.Status"},
		{handlers.RespondConfig{Status: 204, Body: "x"}, "RespondConfig.Body"},
		{handlers.RespondConfig{Status: 205, Body: "x"}, "RespondConfig.Body"},
		{handlers.RespondConfig{Status: 304, ContentType: "text/css"}, "RespondConfig.Body"},
		{handlers.RespondConfig{ContentType: "text"}, "RespondConfig.ContentType"},
		{handlers.RespondConfig{ContentType: "text/", Body: "x"}, "RespondConfig.ContentType"},
		{handlers.RespondConfig{ContentType: "text/html\r\nX: y", Body: "x"},
			"RespondConfig.ContentType"},
	} {
		mustNotStart(t, handlers.Respond.With(tt.config), "respond", tt.field)
	}
}

// Both modules work from a configuration file, by name.
func TestNamed(t *testing.T) {
	srv := &lwan.Server{}
	srv.Register(handlers.Redirect, handlers.Respond)
	srv.MountNamed("/health", "respond", func(into any) error {
		into.(*handlers.RespondConfig).Body = "ok"
		return nil
	})
	srv.MountNamed("/old", "redirect", func(into any) error {
		into.(*handlers.RedirectConfig).To = "/new/"
		return nil
	})
	h := lwantest.Build(t, srv)
	if got := lwantest.Get(t, h, "/health"); got.Body != "ok" {
		t.Errorf("%+v", got)
	}
	if got := lwantest.Get(t, h, "/old/x"); got.Header.Get("Location") != "/new/x" {
		t.Errorf("%+v", got)
	}
}
