package cache_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/golwan/golwan/cache"
)

func Example() {
	squares := cache.New(cache.Config[int, int]{
		TTL: time.Minute,
		Create: func(_ context.Context, k int) (int, error) {
			fmt.Println("making", k)
			return k * k, nil
		},
	})
	defer squares.Close()

	for range 2 {
		ref, err := squares.Get(context.Background(), 12)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(ref.Value())
		ref.Release()
	}
	// Output:
	// making 12
	// 144
	// 144
}

// Values may own something: here an open file, which is closed when nobody reads it any more.
func Example_openFiles() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "greeting"), []byte("hello"), 0o600); err != nil {
		fmt.Println(err)
		return
	}

	files := cache.New(cache.Config[string, *os.File]{
		TTL:        2 * time.Second,
		ErrorTTL:   time.Second,
		MaxEntries: 1000,
		Create: func(_ context.Context, name string) (*os.File, error) {
			return os.Open(filepath.Join(dir, name))
		},
		Destroy: func(name string, f *os.File) {
			fmt.Println("close", name, f.Close())
		},
	})
	ref, err := files.Get(context.Background(), "greeting")
	if err != nil {
		fmt.Println(err)
		return
	}
	files.Purge(nil) // the file floats: it is still read

	var text [5]byte
	n, err := ref.Value().ReadAt(text[:], 0)
	fmt.Println(string(text[:n]), err)
	ref.Release()

	_, err = files.Get(context.Background(), "nothing")
	fmt.Println(errors.Is(err, os.ErrNotExist), errors.Is(files.Failure("nothing"), os.ErrNotExist))
	fmt.Println(files.Close())
	// Output:
	// hello <nil>
	// close greeting <nil>
	// true true
	// <nil>
}

// Peek and Failure for code that must not wait, Get on a goroutine.
func ExampleCache_Peek() {
	c := cache.New(cache.Config[string, string]{
		Create: func(_ context.Context, k string) (string, error) { return "value of " + k, nil },
	})
	defer c.Close()

	var wg sync.WaitGroup
	for range 2 {
		if ref, ok := c.Peek("a"); ok {
			fmt.Println("at once:", ref.Value())
			ref.Release()
			continue
		}
		wg.Go(func() {
			ref, err := c.Get(context.Background(), "a")
			if err != nil {
				fmt.Println(err)
				return
			}
			defer ref.Release()
			fmt.Println("after waiting:", ref.Value())
		})
		wg.Wait()
	}
	// Output:
	// after waiting: value of a
	// at once: value of a
}
