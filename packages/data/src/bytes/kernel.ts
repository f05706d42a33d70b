/** Code for vectors that comes within a source file (build-simd.sh), compiled at once: it is small. */

/** @returns what it exports; null where the platform has no vectors in WebAssembly. */
export function createKernel(base64: string): WebAssembly.Exports | null {
  try {
    const code = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    return new WebAssembly.Instance(new WebAssembly.Module(code)).exports;
  } catch {
    return null;
  }
}
