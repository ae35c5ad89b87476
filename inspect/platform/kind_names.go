package platform

import (
	"regexp"

	"handback.example/inspect"
)

// nameRule tells a kind of machine by how its maker calls it. A rule stands here
// only for a word that states the kind ('All-in-One'), for a family that never
// had another, or for a numbering that the maker keeps to.
type nameRule struct {
	kind  string
	maker *regexp.Regexp // nil: any
	name  *regexp.Regexp // in model, version or family
	board *regexp.Regexp // or in the board's model
	rank
}

// rank of a rule against the enclosure's type.
type rank uint8

const (
	// The name is surer than any enclosure type.
	_ rank = iota
	// Of a family of laptops: it stands against an enclosure that is no portable at
	// all, because 'Desktop' is what firmware is delivered with.
	overDesktop
	// Only where the enclosure's type says nothing: what board it is, or a family
	// whose maker fills in the enclosure.
	last
)

func words(pattern string) *regexp.Regexp { return regexp.MustCompile(`(?i)` + pattern) }

// Makers, as SMBIOS type 1 or 2 names them.
var (
	acer       = words(`^(acer|gateway|packard bell|emachines)`)
	apple      = words(`^(apple|acidanthera)`)
	asus       = words(`^asus`)
	chuwi      = words(`^chuwi`)
	dell       = words(`^(dell|alienware)`)
	fujitsu    = words(`^fujitsu`)
	gigabyte   = words(`^giga-?byte`)
	google     = words(`^google`)
	hp         = words(`^(hp\b|hewlett|compaq)`)
	intel      = words(`^intel`)
	lenovo     = words(`^(lenovo|ibm|motorola)`)
	lg         = words(`^lg\b`)
	microsoft  = words(`^microsoft`)
	msi        = words(`^(msi\b|micro-star)`)
	panasonic  = words(`^(panasonic|matsushita)`)
	samsung    = words(`^samsung`)
	shuttle    = words(`^shuttle`)
	sony       = words(`^(sony|vaio)`)
	supermicro = words(`^supermicro`)
	toshiba    = words(`^(toshiba|dynabook)`)
	// Makers that build nothing else.
	miniMakers   = words(`^(azw|beelink|bes+tar|geekom|gmktec|genmachine|hystou|qotom|trigkey|atopnuc|morefine|compulab|zotac|motherboard by zotac|seavo)\b`)
	serverMakers = words(`^(supermicro|quanta (cloud|computer)|asrockrack|tyan|inspur|sugon|wiwynn|ieit)\b`)
)

// nameRules in their order: the first that fits wins.
var nameRules = []nameRule{
	{kind: inspect.KindStickPC, name: words(`\bstick\b|\bSTK\w*\d|\bSTCK`)},

	// All-in-ones.
	{kind: inspect.KindAllInOne, name: words(`\bAIO\b|\bA-?i-?O \d|all[- ]in[- ]one|allinone`)},
	{kind: inspect.KindAllInOne, maker: apple, name: words(`^iMac`)},
	{kind: inspect.KindAllInOne, maker: hp, name: words(`\b(EliteOne|ProOne)\b|\bAiO\b|^(HP )?(ENVY |Pavilion |TouchSmart )*(1[89]|2\d|3[0-4])-[a-z]+\d|\bZ1 (Work|G\d)`)},
	{kind: inspect.KindAllInOne, maker: dell, name: words(`\b(Inspiron|XPS|Studio) One\b|^Inspiron (19|2\d)\b|^XPS 27`)},
	{kind: inspect.KindAllInOne, maker: lenovo, name: words(`IdeaCentre (B\d|C\d|A[1-9]\d\d|Horizon|Flex)|\bYoga (AIO|A940)|^F0[A-Z0-9]{2}|ThinkCentre (Edge \d+z|[AMX]\d+[a-z]?[az]\b|X1)|\bneo \d+a\b`)},
	{kind: inspect.KindAllInOne, maker: acer, name: words(`\b(Aspire|Veriton) (Z[A-Z]?-?\d|C2\d-|S24-|S32-|U[57]-|ZC-)|\bAZ\d{4}`)},
	{kind: inspect.KindAllInOne, maker: asus, name: words(`^ET\d{4}|\b(Vivo|Zen) ?AIO`)},
	{kind: inspect.KindAllInOne, maker: msi, name: words(`\bMS-A\d|\b(Modern|PRO|MAG) A[MP]\d|\bWind ?Top\b`), board: words(`\bMS-A[A-Z0-9]\d`)},
	{kind: inspect.KindAllInOne, maker: sony, name: words(`^(VPC[LJ]|SV[LJ]\d|VGC-[LJ])`)},
	{kind: inspect.KindAllInOne, maker: lg, name: words(`^\d\dV\d`)},
	{kind: inspect.KindAllInOne, maker: microsoft, name: words(`^Surface (Studio|Hub)`)},
	{kind: inspect.KindAllInOne, maker: samsung, name: words(`^(DP|DM)\d00A`)},
	{kind: inspect.KindAllInOne, maker: fujitsu, name: words(`^ESPRIMO [KX]\d`)},

	// Mini PCs.
	{kind: inspect.KindMiniPC, name: words(`\bmini ?-?pc\b|\bThin Client\b|\bNUC\d|\bZBOX\b|\bBRIX\b|\bDeskMini\b|\bLIVA\b|\bHeroBox|\bLarkBox|\bCoreBox|\bMeerkat\b|\bmeer\d\b|\bEliteMini\b`), board: words(`^(NUC\d|ZBOX|LIVA)`)},
	{kind: inspect.KindMiniPC, maker: miniMakers},
	{kind: inspect.KindMiniPC, maker: words(`^micro computer \(hk\)`), name: words(`\b(Venus|Mercury|Neptune|UM\d|HM\d|NAB\d|UN\d|AtomMan)`), rank: last},
	{kind: inspect.KindMiniPC, maker: apple, name: words(`^Mac ?mini`)},
	{kind: inspect.KindMiniPC, maker: hp, name: words(`\bDM\b|Desktop Mini|Mini Desktop|\b(Elite|Pro) Mini\b|\bZ2 Mini\b|\bPavilion Mini\b|\bStream Mini\b`)},
	{kind: inspect.KindMiniPC, maker: lenovo, name: words(`ThinkCentre (M\d+[a-z]?[nqx]|M53|M600)\b|\bTiny\b|\bneo \d+q\b|\bIdeaCentre (Q\d|Mini)`)},
	{kind: inspect.KindMiniPC, maker: dell, name: words(`\bOptiPlex (Micro|XE\d Micro|\w+ (Micro|UFF))\b`)},
	{kind: inspect.KindMiniPC, maker: asus, name: words(`\bMINI ?PC\b|\bVivoMini\b|^(PN|PB|UN|VC)\d\d|^EB\d{4}|^Eee ?Box`)},
	{kind: inspect.KindMiniPC, maker: acer, name: words(`\bRevo\b|\bVeriton N`)},
	{kind: inspect.KindMiniPC, maker: msi, name: words(`\bCubi\b|\bPRO DP\d`)},
	{kind: inspect.KindMiniPC, maker: gigabyte, name: words(`^GB-B|^M[A-Z0-9]{4,6}(AP|BP)-00`), board: words(`^M[A-Z0-9]{4,6}(AP|BP)-00`)},
	{kind: inspect.KindMiniPC, maker: shuttle, name: words(`^(NC|XS|DH|DS|DL|DA)\d`)},
	{kind: inspect.KindMiniPC, maker: fujitsu, name: words(`^ESPRIMO (Q\d|G\d)|^FUTRO`)},
	{kind: inspect.KindMiniPC, maker: google, name: words(`^(Panther|Zako|Tricky|McCloud|Guado|Rikku|Tidus|Teemo|Sion|Bleemo|Wukong|Kench|Kaisa|Noibat|Faffy|Wyvern|Duffy|Kinox|Moli|Kuldax|Lisbon|Stumpy)$`)},

	// Tablets: slates, and those whose keyboard comes off.
	{kind: inspect.KindLaptop, maker: microsoft, name: words(`^Surface Laptop (Go|SE|[1-9]|,|\d)|^Surface Laptop$`)},
	{kind: inspect.KindConvertible, maker: microsoft, name: words(`^Surface Laptop Studio`)},
	{kind: inspect.KindTablet, maker: microsoft, name: words(`^(Microsoft )?Surface`)},
	{kind: inspect.KindTablet, name: words(`\bDetachable\b|\bUltra ?Tab\b|\bIA Tablet\b`)},
	{kind: inspect.KindTablet, maker: hp, name: words(`\bx2\b|\bElitePad\b|\bPro Tablet\b|\bSlate\b|\bStream [78] Tablet`)},
	{kind: inspect.KindTablet, maker: dell, name: words(`\bVenue\b|\bRugged Tablet\b|\bLatitude (10\b|ST\b|5175|5179|5285|7200 2|7210 2|7212|7220 |7230|7275|7285|7320 D|7350 D)|^XPS 12 9250|\bLatitude 5290 2-in-1`)},
	{kind: inspect.KindTablet, maker: lenovo, name: words(`\bMiix\b|\bX1 (Tablet|Fold)|\bHelix\b|\bThinkPad (8|10)\b|\bThinkPad Tablet|\bD330-|\bDuet\b`)},
	{kind: inspect.KindTablet, maker: asus, name: words(`^(ASUS )?(Transformer (Book )?)?T(90CHI|100|101|102|103|200TA|300(?:CHI|FA|LA)|303|304|305)[A-Z]*\b|\bGZ30[12]|^TX?[23]0[01]`)},
	{kind: inspect.KindTablet, maker: acer, name: words(`\bSwitch\b|\bSW\d{1,3}-\d|\bOne S\d{4}|\bIconia\b`)},
	{kind: inspect.KindTablet, maker: panasonic, name: words(`^(CF-?(20|33|D1)|FZ-?[GMBAR]\d)`)},
	{kind: inspect.KindTablet, maker: fujitsu, name: words(`\bSTYLISTIC\b|\bARROWS ?Tab|^FARQ|^LIFEBOOK Q\d`)},
	{kind: inspect.KindTablet, maker: samsung, name: words(`\bTabPro|\bGalaxy (Tab|Book 1[02])|^(XE|XQ)\d00T`)},
	{kind: inspect.KindTablet, maker: chuwi, name: words(`^(Hi|Vi)\d|^UBook`)},
	{kind: inspect.KindTablet, maker: toshiba, name: words(`\bPORTEGE (Z[12]0T|WT)|^(WT|Encore)\d?`)},

	// Convertibles.
	{kind: inspect.KindConvertible, name: words(`\bx360\b|\b2-?(in|n)-?1\b(?: Laptop)?|\bFlip(Evo)?\b|_Flip_|\bConvertible\b`)},
	{kind: inspect.KindConvertible, maker: lenovo, name: words(`\b(ThinkPad|ThinkBook) [^|]*\bYoga\b|\bThinkPad Yoga|\bYoga (11e|\d{3}S?-|[23679]i? |C\d{3}|2 |3 |1[13]\b)|\bYG\d{3}-|\bFlex ?-?[3-9]|\bFLEX-\d\d|\bC[36]40-|\bThinkPad (X\d+|S1) Tablet|\bX(41|60|61|200|201|220|230) Tablet|\bTwist\b`)},
	{kind: inspect.KindConvertible, maker: asus, name: words(`\bTP\d{3}[A-Z]|\b(B1402|B2502|B5302|B5402|B7402)F|\bG[VX](301|302|303|601)|\bUX(36[0-3]|37[0-2]|461|463|56[1-4])[A-Z]|\bBR110\dF`)},
	{kind: inspect.KindConvertible, maker: acer, name: words(`\bSpin\b|\bSP\d{3}-\d|\b(Aspire )?R(3|5|7|13|14|15)-\d{3}T`)},
	// Dell gives a number to each model; these were sold as 2-in-1 only.
	{kind: inspect.KindConvertible, maker: dell, name: words(`^Inspiron (1[1357]-)?(3147|3148|3152|3153|3157|3158|3168|3169|3179|3185|3195|5368|5378|5379|5481|5482|5568|5578|5579|5582|7347|7348|7352|7353|7359|7368|7373|7375|7378|7386|7558|7568|7569|7573|7579|7586|7773|7778|7779|7786)\b`)},
	{kind: inspect.KindConvertible, maker: samsung, name: words(`\b360\b|^(NP)?\d{3}Q[A-Z]{2}|Notebook 9 Pen`)},
	{kind: inspect.KindConvertible, maker: fujitsu, name: words(`^LIFEBOOK (T\d|U\d{3,4}X)`)},
	{kind: inspect.KindConvertible, maker: toshiba, name: words(`\bRadius\b|\b[XR][23]0W|\bPORTEGE (M7|R400|M400)`)},
	{kind: inspect.KindConvertible, maker: panasonic, name: words(`^CF-?(18|19|C[12]|MX)`)},
	{kind: inspect.KindConvertible, maker: sony, name: words(`^SV(D|F1[1345]N)`)},
	{kind: inspect.KindConvertible, maker: lg, name: words(`^1[3-7]T\d`)},

	{kind: inspect.KindTablet, name: words(`\btablet\b`)}, // those of Lenovo whose screen turns are above
	{kind: inspect.KindLaptop, maker: lg, name: words(`^1[3-7][ZUNGB]\d`)},

	// Servers.
	{kind: inspect.KindDesktop, maker: supermicro, name: words(`^C[79]\w+`), board: words(`^C[79]\w`)}, // its boards for gaming
	{kind: inspect.KindServer, name: words(`\b(PowerEdge|PowerVault|ProLiant|PRIMERGY|ThinkServer|ThinkSystem|System x\d?|BladeCenter|Xserve|FusionServer|RH\d{4}|Altos [RTG]\d)\b`)},
	{kind: inspect.KindServer, rank: last, maker: serverMakers},
	{kind: inspect.KindServer, maker: words(`^hpe?\b`), name: words(`^(ML|DL|BL)\d`)},
	{kind: inspect.KindServer, maker: asus, name: words(`^(RS|TS|ESC)\d{3,4}`)},

	// Families of laptops, where the enclosure says something else.
	{kind: inspect.KindLaptop, rank: overDesktop, name: words(`\b(notebook|laptop|netbook|ThinkPad|ThinkBook|IdeaPad|Latitude|MacBook|EliteBook|ProBook|ZBook|Eee ?PC|Vivobook|Zenbook|LIFEBOOK|` +
		`TravelMate|Extensa|Swift|EasyNote|Satellite|Tecra|Portege|Qosmio|MateBook|MagicBook|Chromebook|Galaxy Book|Legion (5|7|Y[57])|smartbook|ESPRIMO Mobile)\b|\bGoogle_`)},
	{kind: inspect.KindLaptop, rank: overDesktop, maker: google},
	{kind: inspect.KindLaptop, rank: last, maker: dell, name: words(`\b(Inspiron|Vostro|XPS|Studio|Precision M)\b|^M[A-Z]{1,2}\d{3}\b|^M1[1478]x`)},
	{kind: inspect.KindLaptop, rank: overDesktop, maker: acer, name: words(`^(Aspire (\d{4}|[AEVSMF]\d?[-\d]|one)|AO[AD]?\d|Nitro AN|Predator (PH|G\d-|PT))`)},
	{kind: inspect.KindLaptop, rank: last, maker: acer, name: words(`^(eMachines )?[DEG]\d{3}\b`)},
	{kind: inspect.KindLaptop, rank: overDesktop, maker: hp, name: words(`103C_533[56]`)},
	{kind: inspect.KindLaptop, rank: overDesktop, maker: lenovo, name: words(`^(8[0-3]|2[01])[A-Z0-9]{2}\b`)},
	{kind: inspect.KindLaptop, rank: overDesktop, maker: msi, name: words(`\bMS-1\d`), board: words(`\bMS-[1N]\d`)},
	{kind: inspect.KindLaptop, rank: overDesktop, maker: sony, name: words(`^(VGN|VPC|SV[EFSTPZ])`)},
	{kind: inspect.KindLaptop, rank: overDesktop, maker: panasonic, name: words(`^(CF|FZ)-?\w`)},
	{kind: inspect.KindLaptop, rank: overDesktop, maker: words(`^(clevo|notebook|tuxedo|schenker)`)},
	{kind: inspect.KindLaptop, rank: overDesktop, maker: samsung, name: words(`^(NP)?[RNQPX]\d{2,3}|^\d{3}[EUVX]\d`)},
	{kind: inspect.KindLaptop, rank: last, maker: lg, name: words(`^[A-Z]{1,2}\d{3}`)},
	{kind: inspect.KindLaptop, rank: overDesktop, maker: gigabyte, name: words(`^(AORUS|AERO) ?1[3-8]`)},
	{kind: inspect.KindLaptop, rank: overDesktop, maker: intel, name: words(`^LAP[A-Z]{2}\d`)},

	// Boards that are sold for desktops, and desktops without an enclosure type.
	{kind: inspect.KindDesktop, rank: last, name: words(`\b(OptiPlex|Dimension|Precision (Tower|T\d|WorkStation)|ThinkCentre|ThinkStation|EliteDesk|ProDesk|ESPRIMO|Veriton|Workstation|Microtower|tower)\b`)},
	{kind: inspect.KindDesktop, maker: apple, name: words(`^MacPro`)},
	{kind: inspect.KindDesktop, rank: last, maker: hp, name: words(`103C_533[01]`)},
	{kind: inspect.KindDesktop, rank: last, board: words(`^(D[A-Z]?\d{3}|DQ|DH|DP|DG|DX|DZ|DB\d)|^MS-7\d|^(GA-|[A-Z]{1,2}\d{2,3}M?[A-Z]*-[A-Z0-9])|^\d{3}[A-Z]{1,3}-[A-Z]\d|^(P|M|H|B|Z|X|A)\d{2,3}[A-Z]?(M|-|\b)`)},
}

// serverCPU are processors that go into nothing but servers and the largest
// workstations, whose makers fill in the enclosure.
var serverCPU = words(`\bXeon\(R\) (Platinum|Gold|Silver|Bronze)\b|\bEPYC\b`)

// nameKind gives the kind that the names tell, and the words that told it; empty
// where they tell nothing, or where the enclosure's kind stands before them.
func nameKind(id identity, enclosure string) (word, kind string) {
	for _, r := range nameRules {
		if r.yields(enclosure) {
			continue
		}
		if word, ok := r.match(id); ok {
			return word, r.kind
		}
	}
	return "", ""
}

// yields: the enclosure knows it better than this rule, or says a finer kind of
// the same.
func (r nameRule) yields(enclosure string) bool {
	switch {
	case enclosure == "":
		return false
	case r.rank == last:
		return true
	case r.rank == overDesktop:
		return portable(enclosure)
	case r.kind == inspect.KindConvertible:
		return enclosure == inspect.KindTablet
	case r.kind == inspect.KindMiniPC:
		return enclosure == inspect.KindStickPC
	}
	return false
}

func (r nameRule) match(id identity) (word string, ok bool) {
	maker := id.maker
	if r.maker != nil && !r.maker.MatchString(maker) {
		if maker = id.boardMaker; !r.maker.MatchString(maker) {
			return "", false
		}
	}
	if r.name == nil && r.board == nil {
		return maker, true
	}
	if r.name != nil {
		if word := r.name.FindString(id.names); word != "" {
			return word, true
		}
	}
	if r.board != nil {
		if word := r.board.FindString(id.board); word != "" {
			return word, true
		}
	}
	return "", false
}
