package wasm

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
)

// Pack returns the module with the manifest in its section cortex.manifest,
// in place of any that it had. The manifest is checked and stored compact; the
// module must be one that [Parse] accepts.
func Pack(module, manifest []byte) ([]byte, error) {
	described, err := ParseManifest(manifest)
	if err != nil {
		return nil, err
	}
	list, err := sections(module)
	if err != nil {
		return nil, failf(InvalidModule, "%v", err).named(described.Name)
	}
	var body bytes.Buffer
	body.Write(binary.AppendUvarint(nil, uint64(len(ManifestSection))))
	body.WriteString(ManifestSection)
	if err := json.Compact(&body, manifest); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	packed := append([]byte(nil), module[:8]...)
	for _, s := range list {
		if name, _, ok := s.custom(); !ok || name != ManifestSection {
			packed = append(packed, module[s.start:s.end]...)
		}
	}
	packed = append(packed, sectionCustom)
	packed = binary.AppendUvarint(packed, uint64(body.Len()))
	packed = append(packed, body.Bytes()...)
	if _, err := Parse(described.Name, packed); err != nil {
		return nil, err
	}
	return packed, nil
}
