#!/bin/bash
# Builds decoder.wasm from dav1d 1.5.3 (BSD-2-Clause) at the commit below: build.sh <checkout of dav1d>
# CC is a C compiler for wasm32-wasi; `python3 -m ziglang cc` (pip install ziglang==0.17.1) made the file that is here.
set -euo pipefail
COMMIT=b546257f770768b2c88258c533da38b91a06f737
HERE=$(cd "$(dirname "$0")" && pwd)
WORK=$(mktemp -d)
git -C "$1" archive "$COMMIT" src include | tar x -C "$WORK"
cd "$WORK"
# Transforms of four rows or columns at once, symbols by vectors of probabilities: the same pictures to the byte.
patch -p1 < "$HERE/vectors.patch"
TABLES=$(grep -n "^const itx_1d_fn dav1d_tx1d_fns" src/itx_1d.c | cut -d: -f1)
CLIP="wasm_i32x4_max(wasm_i32x4_min(a, wasm_i32x4_splat(max)), wasm_i32x4_splat(min))"
sed -E -i "1,${TABLES}{s/int32_t/v128_t/g;s/^( +)(const )?int (t[0-9]|in[0-9 ])/\1\2v128_t \3/;s/^#define CLIP.*/#define CLIP(a) $CLIP/}" src/itx_1d.c
mkdir config objects
cp "$HERE/config.h" config/config.h
echo '#define DAV1D_VERSION "1.5.3"' > config/vcs_version.h
CC="${CC:-python3 -m ziglang cc}"
FLAGS="-target wasm32-wasi -O3 -msimd128 -flto -DNDEBUG -std=c11 -D_GNU_SOURCE -D_WASI_EMULATED_SIGNAL -Wno-everything"
INCLUDES="-Iconfig -I. -Iinclude -Iinclude/dav1d -Isrc"
for file in src/*.c "$HERE/wrap.c"; do
  case $file in *_tmpl.c) DEPTH="-DBITDEPTH=8" ;; *) DEPTH="" ;; esac
  $CC $FLAGS $DEPTH $INCLUDES -c "$file" -o "objects/$(basename "$file" .c).o"
done
EXPORTS=""
for name in open decode reset width height bits layout stride plane close; do EXPORTS="$EXPORTS -Wl,--export=av1_$name"; done
$CC $FLAGS -mexec-model=reactor objects/*.o -s -Wl,--export=malloc -Wl,--export=free $EXPORTS -Wl,-z,stack-size=1048576 -Wl,--max-memory=536870912 -o "$HERE/decoder.wasm"
rm -r "$WORK"
