// Package evidence makes records of what the engine found and did, and takes
// them to where they outlive the machine.
//
// A Book is one visit: every record is sealed into its chain at once, and stored
// now or, while the stick is away, kept in memory in the order in which it was
// made. What the store acknowledged is never written over by anything else; a
// number that may have been used is never used again.
//
// The package decides nothing: verdicts are the engine's, routes the grade's,
// and what the records add up to is certs.Summarise's word. It never touches a
// drive.
package evidence
