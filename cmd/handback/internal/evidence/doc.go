// Package evidence makes records of what the engine found and did, and takes
// them to where they outlive the machine.
//
// A Book is one visit: every record is sealed into its chain at once, and stored
// now or, while the stick is away, kept in memory in the order in which it was
// made. What the store acknowledged is never written over by anything else; a
// number that may have been used is never used again.
//
// Where the stick is away, another one of the same hub takes the whole visit under the
// names that it has; the first gets what it lacks when it is back. A stick that never
// comes back in the same start of the machine does not know that, and a later start
// from it would go on with the visit as with one that was cut off: two ends of one
// visit, both signed, which whoever has both sticks will see. Copies in memory outlive
// this program, so that its end loses nothing while every stick is out.
//
// The package decides nothing: verdicts are the engine's, routes the grade's,
// and what the records add up to is certs.Summarise's word. It never touches a
// drive.
package evidence
