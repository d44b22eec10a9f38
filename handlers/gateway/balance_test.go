package gateway

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// members makes some with those weights, named a, b, c ...
func members(weights ...int) (ms []*member) {
	for i, w := range weights {
		address := fmt.Sprintf("127.0.0.1:%d", 8001+i)
		ms = append(ms, &member{address: address, hash: fnv1a(address), weight: w,
			mark: mark([]byte("key"), address)})
	}
	return ms
}

// take chooses one and lets it go at once.
func choose(t testing.TB, r *roster, w *wish) *member {
	t.Helper()
	p, why := r.choose(w, 1)
	if why != chosen {
		t.Fatalf("nothing chosen: %d", why)
	}
	p.active.Add(-1)
	return p.member
}

// TestRoundRobin is the sequence that nginx documents for weights 5, 1, 1.
func TestRoundRobin(t *testing.T) {
	r := newRoster(RoundRobin, 0, members(5, 1, 1))
	var got strings.Builder
	for range 14 {
		got.WriteByte("abc"[slices.Index(r.members, choose(t, r, new(wish)))])
	}
	if got.String() != "aabacaaaabacaa" {
		t.Errorf("%s, want aabacaa twice", &got)
	}
}

// TestHashShares holds rendezvous hashing to the weights, and to what moves when one goes.
func TestHashShares(t *testing.T) {
	keys := 300_000
	if testing.Short() || underRace {
		keys = 100_000
	}
	for _, n := range []int{3, 5, 16} {
		weights := make([]int, n)
		total := 0
		for i := range weights {
			weights[i] = []int{1, 1, 2, 5}[i%4]
			total += weights[i]
		}
		r := newRoster(Hash, 0, members(weights...))
		less := newRoster(Hash, 0, slices.Delete(slices.Clone(r.members), 1, 2))
		gone := r.members[1]
		count := map[*member]int{}
		for k := range keys {
			key := "/path/" + fmt.Sprint(k)
			m := r.members[r.highest(r.members, key, 1)]
			count[m]++
			if k%20 != 0 {
				continue
			}
			if after := less.members[less.highest(less.members, key, 1)]; m != gone && after != m {
				t.Fatalf("%d members: key %s moved from %s to %s", n, key, m.address, after.address)
			}
		}
		for _, m := range r.members {
			want := float64(keys) * float64(m.weight) / float64(total)
			slack := max(0.02, 4/math.Sqrt(want)) // four standard deviations of few keys
			if got := float64(count[m]); math.Abs(got-want) > want*slack {
				t.Errorf("%d members: %s with weight %d has %.0f keys, want %.0f",
					n, m.address, m.weight, got, want)
			}
		}
	}
}

// TestHashNext shows that a key whose member cannot be used goes to the one with the next score.
func TestHashNext(t *testing.T) {
	r := newRoster(Hash, 0, members(1, 1, 1))
	for k := range 1000 {
		key := fmt.Sprint(k)
		first := choose(t, r, &wish{key: key, hashed: true})
		second := choose(t, r, &wish{key: key, hashed: true, been: []*member{first}})
		if second == first {
			t.Fatalf("key %s: %s twice", key, first.address)
		}
		first.hold(1, byHand)
		if got := choose(t, r, &wish{key: key, hashed: true}); got != second {
			t.Fatalf("key %s: %s, want %s", key, got.address, second.address)
		}
		first.lift(1, byHand)
	}
}

// TestLeastConns holds many requests, and counts where they are.
func TestLeastConns(t *testing.T) {
	r := newRoster(LeastConns, 0, members(1, 1, 2, 4))
	for range 800 {
		if _, why := r.choose(new(wish), 1); why != chosen {
			t.Fatal(why)
		}
	}
	for _, m := range r.members {
		if got := m.active.Load(); got != int64(m.weight)*100 {
			t.Errorf("weight %d: %d requests", m.weight, got)
		}
	}
	// nothing is under way: they take turns by weight, and not the first one all of them
	r = newRoster(LeastConns, 0, members(1, 1, 2, 4))
	count := map[int]int{}
	for range 800 {
		count[slices.Index(r.members, choose(t, r, new(wish)))]++
	}
	for i, want := range []int{100, 100, 200, 400} {
		if count[i] != want {
			t.Errorf("member %d was chosen %d times, want %d", i, count[i], want)
		}
	}
}

// TestHungMember: one that answers nothing gets its part of the places and then nothing.
func TestHungMember(t *testing.T) {
	ms := members(1, 1, 1, 1)
	for _, m := range ms {
		m.maxConns = 10
	}
	r := newRoster(LeastConns, 0, ms)
	for range 1000 { // the first one hangs, the others are done at once
		p, why := r.choose(new(wish), 1)
		if why != chosen {
			t.Fatal(why)
		}
		if p.member != ms[0] {
			p.active.Add(-1)
		}
	}
	if got := ms[0].active.Load(); got > 10 {
		t.Errorf("the hung member has %d requests", got)
	}
}

func TestRandom2(t *testing.T) {
	r := newRoster(Random2, 0, members(1, 1, 2, 4))
	count := map[*member]int{}
	for range 80_000 {
		count[choose(t, r, new(wish))]++
	}
	for _, m := range r.members {
		want := 10_000 * float64(m.weight)
		if got := float64(count[m]); math.Abs(got-want) > want*0.05 {
			t.Errorf("weight %d: %.0f of 80000", m.weight, got)
		}
	}
}

func TestTiersAndLimits(t *testing.T) {
	ms := members(1, 1, 1)
	ms[2].backup = true
	ms[0].maxConns, ms[1].maxConns = 1, 1
	r := newRoster(LeastConns, 0, ms)
	first, _ := r.choose(new(wish), 1)
	second, _ := r.choose(new(wish), 1)
	if first.member == second.member || first.backup || second.backup {
		t.Fatal("the usual ones are not used first")
	}
	if _, why := r.choose(new(wish), 1); why != allFull {
		t.Errorf("full: %d", why) // a backup is for what cannot be used, not for what is full
	}
	first.hold(1, byHealth)
	second.hold(1, byHealth)
	if got := choose(t, r, new(wish)); got != ms[2] {
		t.Errorf("%s in place of the backup", got.address)
	}
	ms[2].hold(1, byHand)
	if _, why := r.choose(new(wish), 1); why != noneUp {
		t.Errorf("none up: %d", why)
	}
}

func TestSlowStart(t *testing.T) {
	ms := members(10, 10)
	ms[0].hold(1, byHealth)
	ms[0].lift(1000, byHealth)
	for _, tt := range []struct {
		now  int64
		want float64
	}{{1000, 1}, {6000, 5.5}, {11_000, 10}, {20_000, 10}} {
		if got := ms[0].share(tt.now, 10_000); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("at %d its share is %v, want %v", tt.now, got, tt.want)
		}
	}
	if got := ms[1].share(1000, 10_000); got != 10 {
		t.Errorf("one that was never away has a share of %v", got)
	}
}

func TestSticky(t *testing.T) {
	r := newRoster(RoundRobin, 0, members(1, 1, 1))
	for _, m := range r.members {
		for range 5 {
			if got := choose(t, r, &wish{mark: m.mark}); got != m {
				t.Errorf("the mark of %s leads to %s", m.address, got.address)
			}
		}
	}
	stuck := r.members[1]
	if again := mark([]byte("key"), stuck.address); again != stuck.mark {
		t.Errorf("another mark with the same key: %s, %s", again, stuck.mark)
	}
	if other := mark([]byte("other"), stuck.address); other == stuck.mark {
		t.Error("the same mark with another key")
	}
	stuck.hold(1, byHealth)
	if got := choose(t, r, &wish{mark: stuck.mark}); got == stuck {
		t.Error("a mark leads to a member that is down")
	}
	before := map[*member]bool{}
	for range 3 { // a forged one is balanced as if there were none
		before[choose(t, r, &wish{mark: "0123456789abcdef"})] = true
	}
	if len(before) != 2 {
		t.Errorf("a forged mark leads to %d members of 2", len(before))
	}
}
