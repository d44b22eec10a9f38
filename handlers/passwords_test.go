package handlers

import (
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// TestPasswordCosts: a hash that takes hours is refused, before anything takes them; and what a
// wrong password costs tells neither who is a user nor which hash he has.
func TestPasswordCosts(t *testing.T) {
	hash := func(cost int) string {
		h, err := bcrypt.GenerateFromPassword([]byte("x"), cost)
		if err != nil {
			t.Fatal(err)
		}
		return string(h)
	}
	cheap := hash(bcrypt.MinCost)
	dear := strings.Replace(cheap, "$04$", "$31$", 1)
	for _, c := range []BasicAuthConfig{
		{Users: map[string]string{"joe": dear}},
		{File: fileOf(t, "ann:"+cheap+"\njoe:"+dear+"\n")},
	} {
		if _, err := BasicAuth(c); err == nil || !strings.Contains(err.Error(), "cost of 31") {
			t.Errorf("it is taken: %v", err)
		}
	}

	p, err := newPasswords(BasicAuthConfig{Plain: true, Users: map[string]string{
		"cheap": cheap, "dear": hash(6), "clear": "x",
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"cheap", "dear", "clear"} {
		if !p.good(name, "x") || p.good(name, "y") || p.good("nobody", "x") {
			t.Errorf("%s: it is wrong", name)
		}
	}
	// rounds of bcrypt for a wrong password
	all := p.file.last()
	for name, hash := range map[string]string{
		"cheap": all.of["cheap"], "dear": all.of["dear"], "clear": "x", "nobody": "",
	} {
		rounds := 0
		if cost := costOf(hash); cost > 0 {
			rounds = 1 << cost
		}
		for _, cost := range all.rest(costOf(hash)) {
			if costOf(all.nobody(cost)) != cost {
				t.Errorf("%q is no hash of cost %d", all.nobody(cost), cost)
			}
			rounds += 1 << cost
		}
		if rounds != 1<<6 {
			t.Errorf("%s: %d rounds, want %d", name, rounds, 1<<6)
		}
	}
}
