// Package schema publishes the JSON Schema (2020-12) of a record, for readers who
// write their own tools. Handback's own programs read records with package certs,
// which is stricter; that both agree is tested.
package schema

import _ "embed"

// Record is record.schema.json.
//
//go:embed record.schema.json
var Record []byte
