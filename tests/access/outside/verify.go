// Verifies a log as an outsider would: with golang.org/x/mod/sumdb alone.
//
// It reads a case from standard input, says what it accepted, or refuses with exit code 1.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type event struct {
	Body  []byte
	Proof string
}

type input struct {
	Key         string
	Old         string
	Checkpoint  string
	Consistency [][]byte
	Events      []event
}

type tree struct {
	size int64
	root tlog.Hash
}

func main() {
	var given input
	must(json.NewDecoder(os.Stdin).Decode(&given))
	verifier, err := note.NewVerifier(given.Key)
	must(err)
	known := note.VerifierList(verifier)
	last := opened(given.Checkpoint, known)
	old := opened(given.Old, known)
	must(tlog.CheckTree(hashes(given.Consistency), last.size, last.root, old.size, old.root))
	for _, each := range given.Events {
		index, path, checkpoint := parts(each.Proof)
		signed := opened(checkpoint, known)
		must(tlog.CheckRecord(path, signed.size, signed.root, index, tlog.RecordHash(each.Body)))
	}
	fmt.Printf("accepted %d events, %d continues %d\n", len(given.Events), last.size, old.size)
}

// opened returns the tree of a checkpoint whose signature is verified.
func opened(text string, known note.Verifiers) tree {
	signed, err := note.Open([]byte(text), known)
	must(err)
	lines := strings.Split(signed.Text, "\n")
	if len(lines) != 4 {
		must(fmt.Errorf("a checkpoint has three lines"))
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	root, err := tlog.ParseHash(lines[2])
	must(err)
	return tree{size, root}
}

// parts returns the index, the path and the checkpoint of a proof file (c2sp.org/tlog-proof@v1).
func parts(text string) (int64, tlog.RecordProof, string) {
	head, checkpoint, found := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if !found || lines[0] != "c2sp.org/tlog-proof@v1" {
		must(fmt.Errorf("this is no proof"))
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	must(err)
	var path tlog.RecordProof
	for _, line := range lines[2:] {
		hash, err := tlog.ParseHash(line)
		must(err)
		path = append(path, hash)
	}
	return index, path, checkpoint
}

func hashes(raw [][]byte) tlog.TreeProof {
	var found tlog.TreeProof
	for _, each := range raw {
		var hash tlog.Hash
		if copy(hash[:], each) != tlog.HashSize || len(each) != tlog.HashSize {
			must(fmt.Errorf("a hash has %d bytes", tlog.HashSize))
		}
		found = append(found, hash)
	}
	return found
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
}
