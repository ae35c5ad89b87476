package health

import (
	"handback.example/inspect"
	"handback.example/inspect/drive/mmc"
)

// JudgeMMC by what the card says of its wear (JESD84-B51 clauses 7.4.24 to 7.4.26).
func JudgeMMC(x mmc.ExtCSD) inspect.Health {
	const source = "EXT_CSD[267]"
	j := &judge{}
	h := inspect.Health{UsedPct: inspect.Unknown[int]("EXT_CSD[268]", "the card does not say how worn it is")}
	used := max(x.LifeA, x.LifeB)
	if used >= 1 && used <= 11 {
		h.UsedPct = inspect.Known(10*int(used), "EXT_CSD[268]") // up to so much
	}
	if used == 11 {
		j.wear("its estimated life is used up (EXT_CSD[268] %02xh, [269] %02xh)", x.LifeA, x.LifeB)
	}
	switch x.PreEOL {
	case 1:
	case 2:
		j.wear("80 %% of its reserved blocks are used (%s 02h)", source)
	case 3:
		j.fail("90 %% of its reserved blocks are used (%s 03h)", source)
	default:
		j.doubt("the card does not say how worn it is")
	}
	j.verdict(&h, source)
	return h
}
