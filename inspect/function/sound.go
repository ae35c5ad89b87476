package function

import (
	"encoding/binary"
	"math"
	"regexp"
	"slices"
	"strings"
)

// Speaker of the two that a sound output has.
type Speaker int

const (
	LeftSpeaker Speaker = iota
	RightSpeaker
	Speakers // how many there are
)

// String names its tone, and where it is heard.
func (s Speaker) String() string {
	switch s {
	case LeftSpeaker:
		return "the low tone, on the left"
	case RightSpeaker:
		return "the high tone, on the right"
	}
	return "no tone"
}

// The tones: such as small speakers play well, a fifth apart, and without a click at
// their ends, which would pass for a rattle.
const (
	soundRate   = 48000 // frames in a second, of two channels of 16 bits each
	soundFrame  = 4     // bytes
	toneFrames  = soundRate * 3 / 2
	toneLow     = 600.0 // Hz
	toneHigh    = 900.0
	toneLevel   = 0.5 // of full scale
	fadeFrames  = soundRate / 50
	chunkFrames = soundRate / 20
)

// tone of a speaker; the other one is silent.
func (s Speaker) tone() []byte {
	b := make([]byte, toneFrames*soundFrame)
	hz := toneLow
	if s == RightSpeaker {
		hz = toneHigh
	}
	for i := range toneFrames {
		fade := min(1, float64(i)/fadeFrames, float64(toneFrames-1-i)/fadeFrames)
		v := int16(math.Sin(2*math.Pi*hz*float64(i)/soundRate) * toneLevel * fade * math.MaxInt16)
		binary.LittleEndian.PutUint16(b[i*soundFrame+int(s)*2:], uint16(v))
	}
	return b
}

// output of a sound card that plays. What records has another letter at its end.
var output = regexp.MustCompile(`^pcmC(\d+)D(\d+)p$`)

// outputs among the names of the folder /sys/class/sound.
func outputs(names []string) (list []string) {
	for _, n := range names {
		if output.MatchString(n) {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return list
}

// ofDisplay: the output is a display's, which plays only where one with speakers is
// connected.
func ofDisplay(name string) bool {
	return strings.Contains(name, "HDMI") || strings.Contains(name, "DisplayPort") || strings.Contains(name, "DP ")
}

// The kernel mutes every output when its driver starts. loud are the controls that are
// to be switched on and turned up; nothing that leads from a microphone or another
// source to a speaker is among them.
var loud = []string{"Master", "Speaker", "Headphone", "Front", "PCM", "Bass Speaker", "Digital"}

// loudness is what a control of a mixer is set to: 1 a switch, a share of its range
// else. ok is false for one that is left alone.
func loudness(name string) (share float64, ok bool) {
	for _, l := range loud {
		switch name {
		case l + " Playback Switch":
			return 1, true
		case l + " Playback Volume":
			return 0.85, true
		}
	}
	return 0, false
}

// Layouts of the kernel's structures on a 64-bit machine (include/uapi/sound/asound.h):
// their sizes stand in the numbers of the ioctls, too.
const (
	pcmInfoSize     = 288
	hwParamsSize    = 608
	elemListSize    = 80
	elemInfoSize    = 272
	elemValueSize   = 1224
	elemIDSize      = 64
	pcmInfo         = 0x81204101 // SNDRV_PCM_IOCTL_INFO
	pcmHWParams     = 0xc2604111 // SNDRV_PCM_IOCTL_HW_PARAMS
	pcmPrepare      = 0x4140     // SNDRV_PCM_IOCTL_PREPARE
	pcmDrain        = 0x4144     // SNDRV_PCM_IOCTL_DRAIN
	pcmDrop         = 0x4143     // SNDRV_PCM_IOCTL_DROP
	pcmWriteFrames  = 0x40184150 // SNDRV_PCM_IOCTL_WRITEI_FRAMES
	controlElemList = 0xc0505510 // SNDRV_CTL_IOCTL_ELEM_LIST
	controlElemInfo = 0xc1105511 // SNDRV_CTL_IOCTL_ELEM_INFO
	controlElemSet  = 0xc4c85513 // SNDRV_CTL_IOCTL_ELEM_WRITE
)

// hardwareParameters asks for two channels of 16 bits, one frame after the other, and
// leaves the rest to the driver (struct snd_pcm_hw_params: flags, three masks and five
// in reserve of 32 bytes, twelve intervals of 12, and what the kernel answers).
func hardwareParameters() []byte {
	const (
		masks, intervals, requested, info = 4, 4 + 8*32, 512, 520
		access, format, subformat         = 0, 1, 2
		channels, rate, periodTime        = 2, 3, 4
	)
	b := make([]byte, hwParamsSize)
	order := binary.NativeEndian
	for i := range 3 * 32 {
		b[masks+i] = 0xff
	}
	for i := range 12 {
		order.PutUint32(b[intervals+12*i+4:], math.MaxUint32)
	}
	only := func(mask, bit int) {
		clear(b[masks+32*mask : masks+32*mask+32])
		order.PutUint32(b[masks+32*mask:], 1<<bit)
	}
	only(access, 3)    // SNDRV_PCM_ACCESS_RW_INTERLEAVED
	only(format, 2)    // SNDRV_PCM_FORMAT_S16_LE
	only(subformat, 0) // SNDRV_PCM_SUBFORMAT_STD
	between := func(interval int, low, high uint32) {
		order.PutUint32(b[intervals+12*interval:], low)
		order.PutUint32(b[intervals+12*interval+4:], high)
	}
	between(channels, 2, 2)
	between(rate, soundRate, soundRate)
	between(periodTime, 20_000, math.MaxUint32) // us: the driver takes the shortest, and each is an interrupt
	order.PutUint32(b[requested:], math.MaxUint32)
	order.PutUint32(b[info:], math.MaxUint32)
	return b
}

// text of a field of fixed length.
func text(b []byte) string {
	s, _, _ := strings.Cut(string(b), "\x00")
	return strings.TrimSpace(s)
}

// Kinds of a control (SNDRV_CTL_ELEM_TYPE_) that are set here.
const (
	elemBoolean = 1
	elemInteger = 2
)

// What may be done with it (SNDRV_CTL_ELEM_ACCESS_).
const (
	elemWritable = 1 << 1
	elemInactive = 1 << 8
)

// setting of a control by what the kernel says of it: struct snd_ctl_elem_info holds its
// id, type, access, count and owner, then the range. ok is false where nothing is to be
// set.
func setting(about []byte) (value []byte, ok bool) {
	order := binary.NativeEndian
	share, ours := loudness(text(about[16 : 16+44]))
	kind, count := order.Uint32(about[elemIDSize:]), order.Uint32(about[elemIDSize+8:])
	access := order.Uint32(about[elemIDSize+4:])
	if !ours || count == 0 || count > 128 || access&elemWritable == 0 || access&elemInactive != 0 {
		return nil, false
	}
	low, high := int64(0), int64(1)
	switch kind {
	case elemBoolean:
	case elemInteger:
		low, high = int64(order.Uint64(about[80:])), int64(order.Uint64(about[88:]))
	default:
		return nil, false
	}
	if high < low {
		return nil, false
	}
	value = make([]byte, elemValueSize)
	copy(value, about[:elemIDSize])
	for i := range count {
		order.PutUint64(value[72+8*i:], uint64(low+int64(share*float64(high-low))))
	}
	return value, true
}
