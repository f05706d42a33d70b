#!/bin/bash
# Builds decoder.wasm from Cisco's OpenH264 (BSD-2-Clause) at the commit below: build.sh <checkout of openh264>
# CXX is a C++ compiler for wasm32-wasi; `python3 -m ziglang c++` (pip install ziglang==0.17.1) made the file that is here.
set -euo pipefail
COMMIT=cf568c83f71a18778f9a16e344effaf40c11b752
HERE=$(cd "$(dirname "$0")" && pwd)
WORK=$(mktemp -d)
git -C "$1" archive "$COMMIT" codec/api codec/common codec/decoder | tar x -C "$WORK"
cd "$WORK"
patch -p1 < "$HERE/b-slices.patch"
CXX="${CXX:-python3 -m ziglang c++}"
FLAGS="-target wasm32-wasi -O3 -msimd128 -flto -fno-exceptions -fno-rtti -DNDEBUG -D_WASI_EMULATED_SIGNAL -Wno-everything"
INCLUDES="-Icodec/api -Icodec/api/wels -Icodec/common/inc -Icodec/decoder/core/inc -Icodec/decoder/plus/inc"
SOURCES=$(ls codec/common/src/*.cpp codec/decoder/core/src/*.cpp codec/decoder/plus/src/*.cpp | grep -vE "WelsThreadLib|WelsTaskThread|WelsThreadPool|WelsThread.cpp")
mkdir objects
for file in $SOURCES "$HERE/wrap.cpp" "$HERE/threads.cpp"; do
  $CXX $FLAGS $INCLUDES -c "$file" -o "objects/$(basename "$file" .cpp).o"
done
EXPORTS=""
for name in open decode end flush left ready stamp width height stride plane close; do EXPORTS="$EXPORTS -Wl,--export=h264_$name"; done
$CXX $FLAGS -mexec-model=reactor objects/*.o -s -Wl,--export=malloc -Wl,--export=free $EXPORTS -Wl,-z,stack-size=1048576 -Wl,--max-memory=536870912 -o "$HERE/decoder.wasm"
rm -r "$WORK"
