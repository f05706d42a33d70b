#!/bin/bash
# Builds a kernel of vectors and writes its bytes beside its folder, into <folder>.wasm.ts:
#   build-simd.sh src/bytes/crc-simd/crc.c CRC_SIMD prepare update memory_at memory_bytes
#   build-simd.sh src/video/rgb-simd/rgb.c RGB_SIMD weights convert memory_at
# CC is a C compiler for wasm32; `python3 -m ziglang cc` (pip install ziglang==0.17.1) made the files that are here.
set -euo pipefail
SOURCE=$1
CONSTANT=$2
FOLDER=$(cd "$(dirname "$SOURCE")" && pwd)
NAME=$(basename "$FOLDER")
WORK=$(mktemp -d)
CC="${CC:-python3 -m ziglang cc}"
EXPORTS=""
for name in "${@:3}"; do EXPORTS="$EXPORTS -Wl,--export=$name"; done
$CC -target wasm32-freestanding -O3 -msimd128 -nostdlib -s -Wl,--no-entry $EXPORTS -Wl,-z,stack-size=8192 -o "$WORK/kernel.wasm" "$SOURCE"
{
  echo "/** $NAME/$(basename "$SOURCE"), built by build-simd.sh. */"
  echo "export const $CONSTANT ="
  echo "  \"$(base64 -w0 "$WORK/kernel.wasm")\";"
} > "$FOLDER.wasm.ts"
rm -r "$WORK"
