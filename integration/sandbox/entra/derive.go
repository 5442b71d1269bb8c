package entra

import (
	"encoding/binary"
	"fmt"
)

// derived is the nth id of a sort that is not drawn: it leaves the generator alone, so that what a client asks for does not
// change what happens later.
func (s *Sandbox) derived(use string, n uint64) string {
	b := s.sign(use, binary.BigEndian.AppendUint64(nil, n))
	b = append(b, s.sign(use+" again", b)...)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}
