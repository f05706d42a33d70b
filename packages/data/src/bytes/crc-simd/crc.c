// CRCs of 16 stretches at once, a byte of each in the lanes of a vector: a table of 256 entries is the XOR of two of 16, and those are
// one shuffle for each of the four bytes of a CRC. The stretches are put together at the end (x^(8 n) modulo the polynomial, by table).
#include <stdint.h>
#include <wasm_simd128.h>

#define LANES 16
// Bytes of a stretch.
#define STRETCH 256

static uint8_t low[4][16], high[4][16];
static uint32_t shift[4][256];
static uint8_t input[LANES * STRETCH * 16];

uint8_t *memory_at(void) { return input; }
uint32_t memory_bytes(void) { return sizeof(input); }

static uint32_t step(uint32_t crc, uint32_t polynomial) {
  for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ polynomial : crc >> 1;
  return crc;
}

void prepare(uint32_t polynomial) {
  for (uint32_t i = 0; i < 16; i++) {
    uint32_t a = step(i, polynomial), b = step(i << 4, polynomial);
    for (int k = 0; k < 4; k++) {
      low[k][i] = a >> (8 * k);
      high[k][i] = b >> (8 * k);
    }
  }
  for (int k = 0; k < 4; k++) {
    for (uint32_t i = 0; i < 256; i++) {
      uint32_t crc = i << (8 * k);
      for (int n = 0; n < STRETCH; n++) crc = step(crc & 255, polynomial) ^ (crc >> 8);
      shift[k][i] = crc;
    }
  }
}

// Rows of two halves, interleaved: four times over, rows and columns of 16 x 16 bytes have changed places.
static void interleave(const v128_t *from, v128_t *to) {
  for (int i = 0; i < 8; i++) {
    to[2 * i] = wasm_i8x16_shuffle(from[i], from[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    to[2 * i + 1] = wasm_i8x16_shuffle(from[i], from[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  }
}

// Over `blocks` of LANES * STRETCH bytes from memory_at(); crc as it runs, not inverted.
uint32_t update(uint32_t blocks, uint32_t crc) {
  v128_t l[4], h[4];
  for (int k = 0; k < 4; k++) {
    l[k] = wasm_v128_load(low[k]);
    h[k] = wasm_v128_load(high[k]);
  }
  const v128_t nibble = wasm_i8x16_splat(15);
  for (const uint8_t *at = input; blocks > 0; blocks--, at += LANES * STRETCH) {
    v128_t s0 = wasm_u8x16_make(crc, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    v128_t s1 = wasm_u8x16_make(crc >> 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    v128_t s2 = wasm_u8x16_make(crc >> 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    v128_t s3 = wasm_u8x16_make(crc >> 24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    for (int n = 0; n < STRETCH; n += 16) {
      v128_t a[16], b[16];
      for (int lane = 0; lane < LANES; lane++) a[lane] = wasm_v128_load(at + lane * STRETCH + n);
      interleave(a, b);
      interleave(b, a);
      interleave(a, b);
      interleave(b, a);
      for (int i = 0; i < 16; i++) {
        v128_t index = wasm_v128_xor(s0, a[i]);
        v128_t x = wasm_v128_and(index, nibble), y = wasm_u8x16_shr(index, 4);
        s0 = wasm_v128_xor(s1, wasm_v128_xor(wasm_i8x16_swizzle(l[0], x), wasm_i8x16_swizzle(h[0], y)));
        s1 = wasm_v128_xor(s2, wasm_v128_xor(wasm_i8x16_swizzle(l[1], x), wasm_i8x16_swizzle(h[1], y)));
        s2 = wasm_v128_xor(s3, wasm_v128_xor(wasm_i8x16_swizzle(l[2], x), wasm_i8x16_swizzle(h[2], y)));
        s3 = wasm_v128_xor(wasm_i8x16_swizzle(l[3], x), wasm_i8x16_swizzle(h[3], y));
      }
    }
    uint8_t out[4][16];
    wasm_v128_store(out[0], s0);
    wasm_v128_store(out[1], s1);
    wasm_v128_store(out[2], s2);
    wasm_v128_store(out[3], s3);
    crc = 0;
    for (int lane = 0; lane < LANES; lane++) {
      uint32_t own = out[0][lane] | out[1][lane] << 8 | out[2][lane] << 16 | (uint32_t)out[3][lane] << 24;
      crc = own ^ shift[0][crc & 255] ^ shift[1][(crc >> 8) & 255] ^ shift[2][(crc >> 16) & 255] ^ shift[3][crc >> 24];
    }
  }
  return crc;
}
