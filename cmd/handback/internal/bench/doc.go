// Package bench is one machine's way over the bench: intake, inspection, plan,
// consent, erasure, TPM, grade, papers. It is the engine behind the screens
// (package wire) and behind a visit without a person: both send the same Intents
// to the same Engine.
//
// The package decides what comes next and nothing else: package wipe gives the
// verdict on a drive, certs what a visit's records add up to, grade the route,
// exit the code. Nothing is erased before STARTED is on the stick, and the
// machine is not switched off while a record waits in memory.
package bench
