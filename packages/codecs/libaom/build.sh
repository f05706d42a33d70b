#!/bin/bash
# Builds encoder.wasm from libaom 3.14.1 (BSD-2-Clause) at the commit below: build.sh <checkout of aom>
# CC is a C compiler for wasm32-wasi; `python3 -m ziglang cc` (pip install ziglang==0.17.1) made the file that is here.
# CC ends in " cc": its neighbours c++, ar and ranlib are needed, too.
# Needs cmake, ninja and perl.
set -euo pipefail
COMMIT=7798826675b9f090ac1fa23572d3e5b85ef48a8a
HERE=$(cd "$(dirname "$0")" && pwd)
WORK=$(mktemp -d)
git -C "$1" archive "$COMMIT" | tar x -C "$WORK"
CC="${CC:-python3 -m ziglang cc}"
# cmake wants single files.
for tool in cc c++ ar ranlib; do
  printf '#!/bin/sh\nexec %s "$@"\n' "${CC% cc} $tool" > "$WORK/wasm-$tool"
  chmod +x "$WORK/wasm-$tool"
done
FLAGS="-target wasm32-wasi -O3 -msimd128 -DNDEBUG -D_WASI_EMULATED_SIGNAL -D_WASI_EMULATED_PROCESS_CLOCKS -Wno-everything -I$HERE/include"
cmake -S "$WORK" -B "$WORK/out" -G Ninja -DCMAKE_SYSTEM_NAME=Generic -DCMAKE_SYSTEM_PROCESSOR=wasm32 \
  -DCMAKE_C_COMPILER="$WORK/wasm-cc" -DCMAKE_CXX_COMPILER="$WORK/wasm-c++" -DCMAKE_AR="$WORK/wasm-ar" -DCMAKE_RANLIB="$WORK/wasm-ranlib" \
  -DCMAKE_C_FLAGS="$FLAGS" -DCMAKE_CXX_FLAGS="$FLAGS" -DCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY -DCMAKE_BUILD_TYPE=None \
  -DAOM_TARGET_CPU=generic -DCONFIG_RUNTIME_CPU_DETECT=0 -DCONFIG_MULTITHREAD=0 -DCONFIG_OS_SUPPORT=0 -DCONFIG_AV1_DECODER=0 \
  -DCONFIG_AV1_HIGHBITDEPTH=0 -DCONFIG_REALTIME_ONLY=1 -DCONFIG_WEBM_IO=0 -DCONFIG_LIBYUV=0 \
  -DENABLE_EXAMPLES=0 -DENABLE_TESTS=0 -DENABLE_TESTDATA=0 -DENABLE_TOOLS=0 -DENABLE_DOCS=0
ninja -C "$WORK/out" aom
$CC $FLAGS -mexec-model=reactor -I"$WORK" "$HERE/wrap.c" "$WORK/out/libaom.a" -s -Wl,--export=malloc -Wl,--export=free -lwasi-emulated-process-clocks \
  -Wl,-z,stack-size=1048576 -Wl,--max-memory=536870912 -o "$HERE/encoder.wasm"
rm -r "$WORK"
