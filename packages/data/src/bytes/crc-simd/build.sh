#!/bin/bash
# Builds crc.c and writes its bytes into ../crc-simd.wasm.ts.
# CC is a C compiler for wasm32; `python3 -m ziglang cc` (pip install ziglang==0.17.1) made the file that is here.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
WORK=$(mktemp -d)
CC="${CC:-python3 -m ziglang cc}"
$CC -target wasm32-freestanding -O3 -msimd128 -nostdlib -s -Wl,--no-entry -Wl,--export=prepare -Wl,--export=update \
  -Wl,--export=memory_at -Wl,--export=memory_bytes -Wl,-z,stack-size=8192 -o "$WORK/crc.wasm" "$HERE/crc.c"
{
  echo '/** crc-simd/crc.c, built by crc-simd/build.sh. */'
  echo 'export const CRC_SIMD ='
  echo "  \"$(base64 -w0 "$WORK/crc.wasm")\";"
} > "$HERE/../crc-simd.wasm.ts"
rm -r "$WORK"
