// Package soak has one test that runs as long as it is told to, and its parts: clients of all kinds
// use, misuse and flood one server whose system calls fail now and then, every byte of every answer
// is compared, and at the end nothing may be left of it all. See TestSoak.
package soak
