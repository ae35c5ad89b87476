#!/usr/bin/env bash
# Makes the fonts of the papers from Debian's Noto (fonts-noto-core and
# fonts-noto-mono 20201225-1) with fonttools, without hints and without what a paper
# never uses. Noto reserves no font name. Every layout of a paper hangs on these files.
set -eu
cd "$(dirname "$0")"
noto=${1:-/usr/share/fonts/truetype/noto}
letters=U+20-7E,U+A1-AC,U+AE-17F,U+1A0,U+1A1,U+1AF,U+1B0,U+218-21B,U+1E00-1EFF,U+2010-2015,U+2018-201E,U+2020-2022,U+2026,U+20AC,U+2122
for font in NotoSans-Regular:sans NotoSans-Bold:bold NotoSansMono-Regular:mono; do
  pyftsubset "$noto/${font%:*}.ttf" --unicodes=$letters --no-hinting --layout-features= --no-glyph-names \
    --drop-tables+=GSUB,GPOS,GDEF,DSIG,STAT,meta,gasp --name-IDs=0,1,2,3,4,5,6,13,14 --output-file="${font#*:}.ttf"
done
