/** Code for vectors that comes within a source file (build-simd.sh), compiled at once: it is small. */

/** Null where the platform has no vectors in WebAssembly. */
export function createKernel<Kernel>(base64: string): Kernel | null {
  try {
    const code = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    return new WebAssembly.Instance(new WebAssembly.Module(code)).exports as unknown as Kernel;
  } catch {
    return null;
  }
}
