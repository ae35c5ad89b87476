package conformance

// Sheet is what is met, what is not, and what isn't claimed.
var Sheet = []Part{nist, ieee, adisa, r2, ico, wasteTransfer, weee, other}

var nist = Part{"NIST SP 800-88 Rev. 2, 4.6: the certificate of sanitization",
	"The erasure certificate. Appendix C has a sample with the same fields.",
	[]Line{
		{Clause: "4.6", Asks: "Manufacturer", State: Met, How: "The machine's, as its SMBIOS names it. A drive answers with one model text, which begins with its maker where the maker put it there.",
			Fields: []string{"facts.machine.maker", "facts.drives.model"}, Says: []string{"Dell Inc.", "Samsung SSD 970 EVO Plus 500GB"}},
		{Clause: "4.6", Asks: "Model", State: Met, How: "Of the machine and of each drive, as they answered before anything was changed.",
			Fields: []string{"facts.machine.model", "facts.drives.model"}, Says: []string{"Latitude 5400", "Samsung SSD 970 EVO Plus 500GB"}},
		{Clause: "4.6", Asks: "Serial number", State: Met, How: "Of the machine and of each drive, with the raw bytes in hex, the WWN or EUI, and the machine's UUID and TPM endorsement key, so that one paper can't stand for another device.",
			Fields: []string{"facts.machine.serial", "facts.machine.uuid", "facts.ek_hash", "facts.drives.serial", "facts.drives.raw_serial", "facts.drives.wwn"},
			Says:   []string{"5CG0123ABC", "4c4c4544-0043-4710-8030-b5c04f4e3733", "S4EVNX0M1234500", "eui.0025385b01410c10"}},
		{Clause: "4.6", Asks: "Property number of the organisation", State: Met, How: "The asset tag as scanned or typed, not verified against the machine's own. A device without one gets an intake number, and the paper says so.",
			Fields: []string{"intake.tag", "intake.generated", "facts.machine.asset_tag"}, Says: []string{"DEP-0047132"}},
		{Clause: "4.6", Asks: "Media type", State: Met, How: "With the bus that it was reached over.",
			Fields: []string{"facts.drives.media", "facts.drives.bus"}, Says: []string{"SSD", "nvme"}},
		{Clause: "4.6", Asks: "Media source: the user or computer that it came from", State: Met, How: "The computer, and how it was handed in. A former user is never named.",
			Fields: []string{"facts.machine.serial", "intake.source"}, Says: []string{"locker"}},
		{Clause: "4.6", Asks: "Categorisation before sanitisation (optional)", State: Met, How: "As entered at intake; a visit above OFFICIAL stops there.",
			Fields: []string{"intake.classification", "intake.dial"}, Says: []string{"OFFICIAL"}},
		{Clause: "4.6", Asks: "Operational or damaged", State: Met, How: "By the drive's own health report and errors; unknown where it gives none.",
			Fields: []string{"facts.drives.damaged", "facts.drives.health"}, Tests: []string{"cmd/handback/internal/evidence TestFacts"}},
		{Clause: "4.6", Asks: "Sanitisation method: Clear, Purge or Destroy", State: Met, How: "The level that was reached, beside the one that was wanted. Destroy is done elsewhere: a drive that was removed is recorded with its seal.",
			Fields: []string{"finished.level", "consent.want", "removed.seal", "removed.reference"}, Says: []string{"Clear"}},
		{Clause: "4.6", Asks: "Technique", State: Met, How: "By name and standard, with the raw command and the drive's final status; what was tried besides stands there too.",
			Fields: []string{"finished.technique", "finished.standard", "finished.commands.frame", "finished.commands.status", "finished.attempts"}, Says: []string{"NVMe Format, user data", "IEEE 2883-2022, Clear: Format NVM, user data erase"}},
		{Clause: "4.6", Asks: "Tool and version", State: Met, How: "Name, version and the hash of the booted image, by the tool's own word.",
			Fields: []string{"facts.tool.name", "facts.tool.version", "facts.tool.image"}, Says: []string{"Handback 0.1.0", "fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9"}},
		{Clause: "4.6", Asks: "Verification method and result", State: Met, How: "With the number of blocks, the seed that drew them, what a sample would have found, and a grade of the evidence.",
			Fields: []string{"finished.verification.method", "finished.verification.result", "finished.verification.seed", "finished.evidence"}, Says: []string{"pre-sampled blocks and read-back", "device-claimed with canaries"}},
		{Clause: "4.6", Asks: "Validation decision", State: Met, How: "Accepted, rejected or awaiting, and by whom. An unattended visit is always awaiting.",
			Fields: []string{"validated.decision", "validated.by"}, Says: []string{"ACCEPTED by sup02, supervisor"}},
		{Clause: "4.6", Asks: "For each person: name, title, date, location, contact", State: Met, How: "Operator ID and role always; name and title where the owner's settings say that they stand on papers. Date and place are the record's, the contact is the letterhead's.",
			Fields: []string{"intake.operator", "intake.role", "intake.name", "intake.title", "validated.name", "validated.title", "at.wall", "intake.place", "intake.letterhead.contact"}, Says: []string{"op17", "Casnewydd / Newport"}},
		{Clause: "4.6", Asks: "For each person: signature", State: Owner, How: "The seal is the stick's, not a person's: operators are not authenticated. The paper has a ruled line for each person who needs to sign in ink."},
		{Clause: "4.5.1", Asks: "Verification: completion status, errors, health of the device", State: Met, How: "A command's final status, errors and bad ranges are on record, health before, and what the drive remapped meanwhile. An error makes the verdict Failed.",
			Fields: []string{"finished.commands.status", "finished.commands.error", "finished.bad_ranges", "facts.drives.health", "finished.after.remapped", "finished.after.pending"},
			Tests:  []string{"cmd/handback/internal/evidence TestFinishedNeverBetter", "wipe/job TestOverwriteFaults", "wipe/technique TestATABadSectors"}},
		{Clause: "4.5.2", Asks: "Validation is an accept or reject decision", State: Met, How: "A record of its own, after the verdict. The software prepares it and never makes it.",
			Fields: []string{"validated.decision", "validated.why"}, Tests: []string{"cmd/handback/internal/bench TestUnattended"}},
		{Clause: "4.5.2", Asks: "Reject where the people are not qualified or the tool is not approved", State: Owner, How: "Training, appointment and approval are the owner's. Every paper says 'tool independently evaluated: no'."},
		{Clause: "4.5.2", Asks: "Reject where the technique is wrong for the media or its scope too narrow", State: Met, How: "The plan offers only techniques that fit what the drive says of itself; what a technique did not reach (over-provisioned cells, RPMB) stands on the paper. The decision stays the validator's.",
			Fields: []string{"finished.not_shown", "facts.looked_for_others", "facts.not_handled"}, Tests: []string{"wipe/plan TestLadderOfEachMedium", "wipe/plan TestShortfallsOfFirmware"}, Says: []string{"over-provisioned cells; replay protected memory (RPMB)"}},
		{Clause: "3.1.1", Asks: "One pass of overwriting suffices; it never reaches over-provisioned flash", State: Met, How: "One pass is the default. Every overwrite is Clear at most, and the paper says what it did not reach.",
			Fields: []string{"finished.level", "finished.not_shown"}, Tests: []string{"wipe/plan TestLadder", "wipe/plan TestShortfalls"}},
		{Clause: "3.2", Asks: "Cryptographic erase: strong keys, a validated module, no plaintext before, all copies of the key", State: NotClaimed,
			How: "A drive does not tell how it made its key, nor whether its module is validated. The key that is destroyed is the drive's own; the destruction of BitLocker's or another host's key is never called Purge."},
		{Clause: "3.1.1, 4", Asks: "A sanitisation programme: policy, roles, training, records kept", State: Owner, How: "Records and papers are made to be kept: by whom, where and how long is the owner's retention schedule."},
		{Clause: "none found", Asks: "TPM, firmware settings, stored networks, eSIM profiles", State: NotClaimed, How: "They stand on the paper as platform residue, with what was not looked at. No conformance to NIST is claimed for them.",
			Fields: []string{"tpm.result", "facts.residue", "facts.not_checked"}},
	}}

var ieee = Part{"IEEE 2883-2022",
	"Clear and Purge commands of each interface.",
	[]Line{
		{Clause: "whole", Asks: "The commands and options of each technique", State: NotClaimed, How: "Each technique names the clause of the interface's own standard in the source, and its level follows public works that quote IEEE 2883. Nobody has audited the commands against its text.",
			Fields: []string{"finished.standard"}},
	}}

var adisa = Part{"ADISA ICT Asset Recovery Standard 8.0",
	"A scheme for companies, approved by the ICO. Software can't be certified under it: these are the clauses that rest on records.",
	[]Line{
		{Clause: "3.3.58", Asks: "Make, model, serial number and proof of sanitisation of each item", State: Met, How: "On the erasure certificate, sealed, a row for each drive.",
			Fields: []string{"facts.machine.maker", "facts.machine.model", "facts.machine.serial", "finished.verdict", "finished.level"}, Tests: []string{"certs/html TestSealed"}},
		{Clause: "3.3.59", Asks: "Custody", State: Owner, How: "Seals, handovers and two people at each are the owner's. The records take the seal at intake and the transfer and receipt that the hub signs.",
			Fields: []string{"intake.seal", "transferred.seal", "received.seal"}},
		{Clause: "3.3.60", Asks: "Certificates", State: Met, How: "Each visit ends with sealed papers that CERTIFIED lists by their SHA-256, failures too; a correction supersedes and names the old paper.",
			Fields: []string{"certified.papers.name", "certified.papers.sha256", "corrected.was"}, Tests: []string{"certs/html TestSealed"}},
		{Clause: "DIAL", Asks: "The controller's DIAL rating (1 to 3) on file", State: Met, How: "Taken at intake and printed. The rating itself is the controller's.",
			Fields: []string{"intake.dial"}, Says: []string{"DIAL 2"}},
		{Clause: "whole", Asks: "Certification", State: NotClaimed, How: "Handback is not certified, nor does its use certify anybody."},
	}}

var r2 = Part{"R2v3: data sanitisation",
	"",
	[]Line{
		{Clause: "sampling", Asks: "An independent, competent person samples at least 5 % and shows with commercial recovery software that nothing comes back; tool, version and result are logged", State: Owner,
			How:    "Handback's own read-back does not comply with it and does not say so. What the person finds can be recorded as the visit's validation.",
			Fields: []string{"validated.decision", "validated.by", "validated.why"}},
		{Clause: "grades", Asks: "Functional (F) and cosmetic (C) categories", State: Met, How: "Assigned by a policy that stands on the paper with its rule and inputs. A person answers the bench questions and grades the case.",
			Fields: []string{"graded.function", "graded.condition", "graded.rule", "graded.inputs", "graded.policy.sha256"}, Says: []string{"F4", "C4"}},
		{Clause: "whole", Asks: "Certification", State: NotClaimed, How: "Certification is a company's."},
	}}

var ico = Part{"ICO: accountability when equipment is disposed of",
	"",
	[]Line{
		{Clause: "certificates", Asks: "Destruction certificates", State: Met, How: "For what is erased here. A drive that goes to be destroyed is recorded with seal and reference, and its certificate comes from whoever destroys it.",
			Fields: []string{"removed.seal", "removed.reference"}, Tests: []string{"certs/paper TestRemoved"}},
		{Clause: "log", Asks: "A log of all equipment that was sent on", State: Met, How: "Each transfer and receipt is a signed record of the visit.",
			Fields: []string{"transferred.to.name", "transferred.by", "received.by", "received.declared"}, Tests: []string{"certs/sign TestContinueByHub"}, Says: []string{"Ailgylchu Gwent Cyf.", "received whole, seal unbroken"}},
		{Clause: "audit", Asks: "Audit checks of the processor", State: Owner, How: "handback-verify gives an auditor the means; going there is the owner's."},
	}}

var wasteTransfer = Part{"Waste (England and Wales) Regulations 2011, reg. 35: the waste transfer note",
	"The disposal certificate of a device that is recycled carries the note's fields. Those that nobody has given are ruled lines to be filled in by hand.",
	[]Line{
		{Clause: "reg. 35", Asks: "List of Wastes code and description", State: Met, How: "Proposed by the software: a person confirms the code.",
			Fields: []string{"graded.disposition.waste.low", "graded.disposition.waste.description"}, Says: []string{"16 02 13*"}},
		{Clause: "reg. 35", Asks: "Quantity; loose or in containers, and of what kind", State: Met, How: "Grams, and whether they are estimated.",
			Fields: []string{"graded.disposition.waste.grams", "graded.disposition.waste.estimated", "graded.disposition.waste.containers"}, Says: []string{"loose"}},
		{Clause: "reg. 35", Asks: "Time and place of the transfer", State: Met, How: "Of the TRANSFERRED record.",
			Fields: []string{"at.wall", "transferred.place"}, Says: []string{"Logistics hub, Unit 4"}},
		{Clause: "reg. 35", Asks: "SIC code of the transferor; names and addresses of both parties; status, permit or carrier number", State: Met, How: "As the owner's settings or the hub's clerk give them.",
			Fields: []string{"transferred.from.sic", "transferred.from.name", "transferred.from.address", "transferred.to.name", "transferred.to.address", "transferred.to.role", "transferred.to.permit", "transferred.carrier.carrier"},
			Says:   []string{"84.11", "1 Example Street", "EPR/AB1234CD", "CBDU654321"}},
		{Clause: "reg. 35", Asks: "Signatures of both parties", State: Owner, How: "In ink on the printed paper, or by the hub's and the receiver's own procedure."},
		{Clause: "reg. 35", Asks: "Statement that the waste hierarchy was applied", State: Met, How: "With the reason why no better route was open.",
			Fields: []string{"graded.disposition.hierarchy", "graded.better"}, Says: []string{"waste hierarchy"}},
		{Clause: "reg. 35", Asks: "Kept for two years (hazardous consignment notes for three)", State: Owner, How: "Retention is the owner's."},
	}}

var weee = Part{"WEEE Regulations 2013, Sch. 9 para 3: the test record of used equipment",
	"A duty when used equipment is shipped abroad, a good record always. It does not replace the evidence of electrical safety that a donation needs.",
	[]Line{
		{Clause: "para 3", Asks: "Item and type number", State: Met, How: "Kind, maker, model and serial of the machine.",
			Fields: []string{"facts.machine.kind", "facts.machine.model", "facts.machine.serial"}, Says: []string{"laptop"}},
		{Clause: "para 3", Asks: "Year of production", State: Owner, How: "No field of the machine says it reliably: the paper has a ruled line for it."},
		{Clause: "para 3", Asks: "Company responsible for the evidence, with its address", State: Met, How: "The letterhead, where the owner's settings give one.",
			Fields: []string{"intake.letterhead.organisation", "intake.letterhead.address"}, Says: []string{"1 Example Street"}},
		{Clause: "para 3", Asks: "Tests that were performed, and their results", State: Met, How: "Each question with its answer, by whom, and whether a person or the machine answered; 'not tested' is a result.",
			Fields: []string{"tested.ask", "tested.answer", "tested.result", "tested.kind", "tested.who"}, Says: []string{"Do all keys work?"}},
		{Clause: "para 3", Asks: "Date of the tests", State: Met, How: "The time of each record, which is the machine's claim.",
			Fields: []string{"at.wall", "at.source"}, Says: []string{"24 November 2026"}},
		{Clause: "EEE or WEEE", Asks: "Whether the item is waste", State: Met, How: "The state that follows from the route stands on the paper. The decision in law is the owner's.",
			Fields: []string{"graded.disposition.status"}, Says: []string{"WEEE"}},
	}}

var other = Part{"What else is not claimed",
	"",
	[]Line{
		{Clause: "BS 8887-220, -240", Asks: "Remanufactured, reconditioned", State: NotClaimed, How: "A device is a 'remanufacture candidate': the work and its warranty come later."},
		{Clause: "BS EN 50614", Asks: "Preparing for re-use of waste equipment", State: NotClaimed, How: "Its stages are not followed as such."},
		{Clause: "Digital waste tracking", Asks: "The receiver's report", State: NotClaimed, How: "The duty is the receiver's. The fields of a waste item are there for the receiver to copy.",
			Fields: []string{"graded.disposition.waste.low", "graded.disposition.waste.hazardous", "graded.disposition.waste.grams"}},
		{Clause: "Zero to landfill", Asks: "Nothing went to landfill", State: Met, How: "Said only on CLOSED papers, and only as the receiver declared it.",
			Fields: []string{"received.outcomes.kind", "received.outcomes.grams"}, Tests: []string{"certs TestSummariseLater"}, Says: []string{"Zero to landfill, as the receiver declared"}},
		{Clause: "WCAG 2.2 AA", Asks: "Papers that everybody can read", State: Met, How: "Each paper has an HTML twin, which tests check as far as a program can; axe-core 4.10.3 found nothing. No user of assistive technology has tried it. The PDF is not tagged.",
			Tests: []string{"certs/html TestStructure", "certs/html TestContrast", "certs/html TestTwinSaysWhatThePDFSays"}},
		{Clause: "HMG IS5", Asks: "Baseline and enhanced overwriting", State: NotClaimed, How: "The standard is withdrawn. Its two patterns are offered by name, as legacy."},
	}}
