package html

// style of every twin. A rule that sets a colour sets its background too, so that
// their contrast can be computed; nothing is said by colour alone. Lengths are
// relative, columns fold where they don't fit: a page of 320 CSS pixels scrolls one
// way only (WCAG 2.2, 1.4.10).
const style = `*{box-sizing:border-box}
html{scroll-padding-top:4rem}
body{margin:0 auto;max-width:64rem;padding:0 1rem 2rem;font:1rem/1.5 "Noto Sans","Segoe UI","Helvetica Neue",Arial,sans-serif;color:#111820;background:#fff;overflow-wrap:anywhere}
body.alarm{border:.4rem solid #8c141c}
body.practice::before{content:"PRACTICE";position:fixed;inset:0;z-index:3;pointer-events:none;display:grid;place-items:center;font:bold 8rem sans-serif;opacity:.08;transform:rotate(-45deg);overflow-wrap:normal}
p{margin:.4rem 0}
.skip{position:absolute;left:-100rem;padding:.5rem 1rem;color:#fff;background:#102a52}
.skip:focus{left:0;top:0;z-index:2}
a{color:#102a52;background:#fff;display:inline-block;padding:.25rem 0}
:focus-visible{outline:.2rem solid #111820;outline-offset:.15rem;box-shadow:0 0 0 .15rem #fff}
main:focus{outline:none}
.banner{margin:0 -1rem;padding:.5rem 1rem;text-align:center;color:#fff;background:#111820}
.letterhead{display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 2rem;margin:1rem 0;padding-bottom:.75rem;border-bottom:.2rem solid #102a52}
.letterhead p{margin:0;color:#5c6670;background:#fff}
.letterhead .organisation{font-size:1.3rem;font-weight:bold;color:#102a52;background:#fff}
.letterhead .code{font-size:1.1rem;color:#102a52;background:#fff}
h1{margin:1.25rem 0 .25rem;font-size:1.9rem;line-height:1.25}
h2{margin:2rem 0 .75rem;padding-bottom:.25rem;font-size:1.2rem;border-bottom:.1rem solid #102a52;color:#102a52;background:#fff}
.under{margin:0 0 1rem;color:#5c6670;background:#fff}
.verdict{display:flex;gap:1.25rem;align-items:center;padding:1rem 1.25rem;border:.2rem solid #111820}
.verdict.good{color:#111820;background:#fff}
.verdict.bad{color:#fff;background:#111820}
.verdict .word{font-size:1.6rem;font-weight:bold;line-height:1.2}
.badge{padding:0 .5rem;border:.15rem solid;font-size:.7em;vertical-align:.15em;white-space:nowrap}
.symbol{flex:none;width:1.1em;height:1.1em;margin-right:.4em;vertical-align:-.2em;fill:none;stroke-width:11;stroke-linecap:round;stroke-linejoin:round}
.symbol rect{fill:#111820}
.symbol path{stroke:#fff}
.verdict>.symbol{width:4rem;height:4rem;margin:0}
.tally{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;margin:.4rem 0;padding:0;list-style:none}
.verdict.good>.symbol rect{fill:#102a52}
.bad .symbol rect{fill:#fff}
.bad .symbol path{stroke:#111820}
.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:0 2rem}
dl{margin:0}
dl div{display:flex;flex-wrap:wrap;gap:0 .75rem;padding:.2rem 0}
dt{flex:0 0 10rem;color:#5c6670;background:#fff}
dd{flex:1 1 12rem;margin:0}
.strong{font-weight:bold}
.code{font-family:"Noto Sans Mono",Consolas,"DejaVu Sans Mono",monospace;font-size:.92em}
.drive{margin:0 0 1.25rem;border:.1rem solid #5c6670}
.drive .columns{padding:.25rem 1rem}
h3{display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 1rem;margin:0 0 .25rem;padding:.5rem 1rem;font-size:1rem}
h3.sub{padding:.5rem 0 0}
h3.good{color:#111820;background:#f0f2f5}
h3.bad{color:#fff;background:#111820}
table{width:100%;margin:.5rem 0 1rem;border-collapse:collapse}
caption{padding:.25rem 0;text-align:left;color:#5c6670;background:#fff}
th,td{padding:.3rem .75rem .3rem 0;text-align:left;vertical-align:top;border-bottom:.05rem solid #5c6670}
tbody th.plain{font-weight:normal}
.byhand{display:inline-block;min-width:16rem;border-bottom:.1rem solid #111820;font-size:.8em;font-weight:normal;color:#5c6670;background:#fff}
td .byhand{min-width:8rem}
.logo{display:block;max-width:18.75rem;max-height:6.25rem;margin-bottom:.5rem}
.seal{display:flex;flex-wrap:wrap;gap:1rem 2rem}
.seal div{flex:1 1 20rem}
.qr{flex:none;width:10rem;height:10rem}
footer{margin-top:2rem;padding-top:.5rem;border-top:.05rem solid #5c6670;font-size:.9rem;color:#5c6670;background:#fff}
@media (min-width:40rem){.banner{position:sticky;top:0;z-index:1}}
@media (min-width:40rem){
th,td{overflow-wrap:break-word}
th.code,td.code{overflow-wrap:anywhere}
}
@media (max-width:39.99rem){
table,caption,tbody,tr,tbody th,td{display:block}
thead{position:absolute;left:-100rem}
tr{padding:.4rem 0;border-bottom:.05rem solid #5c6670}
tbody th,td{padding:.1rem 0;border:0}
tbody th.plain{font-weight:bold}
td::before{content:attr(data-head) ": ";color:#5c6670;background:#fff}
}
@media print{
html{font-size:8.5pt}
body{max-width:none;padding:0 1rem;-webkit-print-color-adjust:exact;print-color-adjust:exact}
.skip{display:none}
.banner{position:static}
h2,h3,caption,thead{break-after:avoid}
.verdict,dl div,tr,.seal{break-inside:avoid}
}
`
