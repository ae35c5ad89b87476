#include "textflag.h"

// The counter of a block stands in its last 8 bytes, the highest first; the first 8
// are zero: no offset needs them.
DATA order<>+0(SB)/8, $0x8080808080808080
DATA order<>+8(SB)/8, $0x0001020304050607
DATA order<>+16(SB)/8, $0x8080808080808080
DATA order<>+24(SB)/8, $0x0001020304050607
GLOBL order<>(SB), RODATA|NOPTR, $32

DATA first<>+0(SB)/8, $0
DATA first<>+8(SB)/8, $0
DATA first<>+16(SB)/8, $1
DATA first<>+24(SB)/8, $0
GLOBL first<>(SB), RODATA|NOPTR, $32

DATA two<>+0(SB)/8, $2
DATA two<>+8(SB)/8, $0
DATA two<>+16(SB)/8, $2
DATA two<>+24(SB)/8, $0
GLOBL two<>(SB), RODATA|NOPTR, $32

// The counters of two blocks at once, then the next two.
#define NEXT(Y) VPSHUFB Y14, Y13, Y; VPADDQ Y12, Y13, Y13

#define EACH(OP) \
	OP Y15, Y0, Y0; OP Y15, Y1, Y1; OP Y15, Y2, Y2; OP Y15, Y3, Y3; \
	OP Y15, Y4, Y4; OP Y15, Y5, Y5; OP Y15, Y6, Y6; OP Y15, Y7, Y7

#define ROUND(OP, N) VBROADCASTI128 (N*16)(AX), Y15; EACH(OP)

// func keyStream(to *byte, n int, keys *roundKeys, counter uint64)
// Sixteen blocks at a time; n is a multiple of their 256 bytes, and not 0.
TEXT ·keyStream(SB), NOSPLIT, $0-32
	MOVQ to+0(FP), DI
	MOVQ n+8(FP), CX
	MOVQ keys+16(FP), AX
	VPBROADCASTQ counter+24(FP), Y13
	VMOVDQU order<>(SB), Y14
	VMOVDQU two<>(SB), Y12
	VPADDQ first<>(SB), Y13, Y13
loop:
	NEXT(Y0)
	NEXT(Y1)
	NEXT(Y2)
	NEXT(Y3)
	NEXT(Y4)
	NEXT(Y5)
	NEXT(Y6)
	NEXT(Y7)
	ROUND(VPXOR, 0)
	ROUND(VAESENC, 1)
	ROUND(VAESENC, 2)
	ROUND(VAESENC, 3)
	ROUND(VAESENC, 4)
	ROUND(VAESENC, 5)
	ROUND(VAESENC, 6)
	ROUND(VAESENC, 7)
	ROUND(VAESENC, 8)
	ROUND(VAESENC, 9)
	ROUND(VAESENCLAST, 10)
	VMOVDQU Y0, 0(DI)
	VMOVDQU Y1, 32(DI)
	VMOVDQU Y2, 64(DI)
	VMOVDQU Y3, 96(DI)
	VMOVDQU Y4, 128(DI)
	VMOVDQU Y5, 160(DI)
	VMOVDQU Y6, 192(DI)
	VMOVDQU Y7, 224(DI)
	ADDQ $256, DI
	SUBQ $256, CX
	JG loop
	VZEROUPPER
	RET

#define EXPAND(RC, N) \
	AESKEYGENASSIST $RC, X0, X1; PSHUFD $0xff, X1, X1; \
	MOVO X0, X2; PSLLDQ $4, X2; PXOR X2, X0; PSLLDQ $4, X2; PXOR X2, X0; PSLLDQ $4, X2; PXOR X2, X0; \
	PXOR X1, X0; MOVOU X0, (N*16)(AX)

// func expandKey(keys *roundKeys)
// The first of the keys is there; each next one comes of the one before.
TEXT ·expandKey(SB), NOSPLIT, $0-8
	MOVQ keys+0(FP), AX
	MOVOU (AX), X0
	EXPAND(0x01, 1)
	EXPAND(0x02, 2)
	EXPAND(0x04, 3)
	EXPAND(0x08, 4)
	EXPAND(0x10, 5)
	EXPAND(0x20, 6)
	EXPAND(0x40, 7)
	EXPAND(0x80, 8)
	EXPAND(0x1b, 9)
	EXPAND(0x36, 10)
	RET

// func hasVAES() bool
// CPUID leaf 7, ECX bit 9.
TEXT ·hasVAES(SB), NOSPLIT, $0-1
	MOVB $0, ret+0(FP)
	XORL AX, AX
	CPUID
	CMPL AX, $7
	JL   none
	MOVL $7, AX
	XORL CX, CX
	CPUID
	SHRL $9, CX
	ANDL $1, CX
	MOVB CX, ret+0(FP)
none:
	RET
