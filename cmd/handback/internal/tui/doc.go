// Package tui is the screens of the appliance: it shows the engine's View on a
// console or a serial line and sends what people want as Intents.
//
// It decides nothing and knows nothing but the View. It never touches a drive, a
// file or the network, and it has no key that leaves it. Where a question is
// asked, No is the answer that Enter, Escape, silence and a stray scan give.
//
// Every state is told by a word, a shape and a place; colours only repeat them
// (16 foreground colours of the Linux console, ECMA-48 SGR). The smallest screen
// is 80x24.
package tui
