#!/bin/bash
# Builds decoder.wasm and encoder.wasm from Cisco's OpenH264 (BSD-2-Clause) at the commit below: build.sh <checkout of openh264>
# CXX is a C++ compiler for wasm32-wasi; `python3 -m ziglang c++` (pip install ziglang==0.17.1) made the files that are here.
set -euo pipefail
COMMIT=cf568c83f71a18778f9a16e344effaf40c11b752
HERE=$(cd "$(dirname "$0")" && pwd)
WORK=$(mktemp -d)
git -C "$1" archive "$COMMIT" codec | tar x -C "$WORK"
cd "$WORK"
patch -p1 < "$HERE/b-slices.patch"
CXX="${CXX:-python3 -m ziglang c++}"
FLAGS="-target wasm32-wasi -O3 -msimd128 -flto -fno-exceptions -fno-rtti -DNDEBUG -D_WASI_EMULATED_SIGNAL -Wno-everything"
COMMON="-Icodec/api -Icodec/api/wels -Icodec/common/inc"

# build_one <name> <source folders> <left out> <exports>: the includes are in $INCLUDES
build_one() {
  mkdir "objects-$1"
  for file in $(ls $2 | grep -vE "$3") "$HERE/$1-wrap.cpp" "$HERE/threads.cpp"; do
    $CXX $FLAGS $COMMON $INCLUDES -c "$file" -o "objects-$1/$(basename "$file" .cpp).o"
  done
  local exports=""
  for name in malloc free $4; do exports="$exports -Wl,--export=$name"; done
  $CXX $FLAGS -mexec-model=reactor objects-$1/*.o -s $exports -Wl,-z,stack-size=1048576 -Wl,--max-memory=536870912 -o "$HERE/$1.wasm"
}

INCLUDES="-Icodec/decoder/core/inc -Icodec/decoder/plus/inc"
build_one decoder "codec/common/src/*.cpp codec/decoder/core/src/*.cpp codec/decoder/plus/src/*.cpp" \
  "WelsThreadLib|WelsTaskThread|WelsThreadPool|WelsThread.cpp" \
  "h264_open h264_decode h264_end h264_flush h264_left h264_ready h264_stamp h264_width h264_height h264_stride h264_plane h264_close"

INCLUDES="-Icodec/encoder/core/inc -Icodec/encoder/plus/inc -Icodec/processing/interface $(ls -d codec/processing/src/*/ | sed 's/^/-I/' | tr '\n' ' ')"
build_one encoder "codec/common/src/*.cpp codec/encoder/core/src/*.cpp codec/encoder/plus/src/*.cpp codec/processing/src/*/*.cpp" \
  "WelsThreadLib|DllEntry" "h264_encoder_open h264_encode h264_keyframe h264_take h264_encoder_close"
rm -r "$WORK"
