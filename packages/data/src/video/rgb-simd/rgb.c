// Planes of 8 bits, 4:2:0, as RGB: sixteen pixels at once, with the fixed point of planes.ts, so that both give the same bytes.
#include <stddef.h>
#include <stdint.h>
#include <wasm_simd128.h>

extern uint8_t __heap_base;

// Planes come from here on; JavaScript grows the memory.
uint8_t *memory_at(void) { return &__heap_base; }

// Times 65536: of light, of Cr in red, of Cb and Cr in green, of Cb in blue. `black`: what is subtracted from Y.
static int32_t scale, rv, gu, gv, bu, black;

void weights(int32_t scale_, int32_t rv_, int32_t gu_, int32_t gv_, int32_t bu_, int32_t black_) {
  scale = scale_, rv = rv_, gu = gu_, gv = gv_, bu = bu_, black = black_;
}

static uint8_t clamp(int32_t value) { return value < 0 ? 0 : value > 255 ? 255 : value; }

static void pixel(int32_t y, int32_t u, int32_t v, uint8_t *to) {
  int32_t light = (y - black) * scale;
  to[0] = clamp((light + rv * v) >> 16);
  to[1] = clamp((light - gu * u - gv * v) >> 16);
  to[2] = clamp((light + bu * u) >> 16);
}

#define TWICE_LOW(a) wasm_i32x4_shuffle(a, a, 0, 0, 1, 1)
#define TWICE_HIGH(a) wasm_i32x4_shuffle(a, a, 2, 2, 3, 3)

// Sixteen bytes of one colour: light of four times four pixels, and what eight chroma samples add to it.
static inline v128_t colour(const v128_t light[4], v128_t low, v128_t high) {
  v128_t a = wasm_i32x4_shr(wasm_i32x4_add(light[0], TWICE_LOW(low)), 16);
  v128_t b = wasm_i32x4_shr(wasm_i32x4_add(light[1], TWICE_HIGH(low)), 16);
  v128_t c = wasm_i32x4_shr(wasm_i32x4_add(light[2], TWICE_LOW(high)), 16);
  v128_t d = wasm_i32x4_shr(wasm_i32x4_add(light[3], TWICE_HIGH(high)), 16);
  return wasm_u8x16_narrow_i16x8(wasm_i16x8_narrow_i32x4(a, b), wasm_i16x8_narrow_i32x4(c, d));
}

static inline void store_interleaved(v128_t r, v128_t g, v128_t b, uint8_t *to) {
  v128_t rg = wasm_i8x16_shuffle(r, g, 0, 16, 0, 1, 17, 0, 2, 18, 0, 3, 19, 0, 4, 20, 0, 5);
  wasm_v128_store(to, wasm_i8x16_shuffle(rg, b, 0, 1, 16, 3, 4, 17, 6, 7, 18, 9, 10, 19, 12, 13, 20, 15));
  rg = wasm_i8x16_shuffle(r, g, 21, 0, 6, 22, 0, 7, 23, 0, 8, 24, 0, 9, 25, 0, 10, 26);
  wasm_v128_store(to + 16, wasm_i8x16_shuffle(rg, b, 0, 21, 2, 3, 22, 5, 6, 23, 8, 9, 24, 11, 12, 25, 14, 15));
  rg = wasm_i8x16_shuffle(r, g, 0, 11, 27, 0, 12, 28, 0, 13, 29, 0, 14, 30, 0, 15, 31, 0);
  wasm_v128_store(to + 32, wasm_i8x16_shuffle(rg, b, 26, 1, 2, 27, 4, 5, 28, 7, 8, 29, 10, 11, 30, 13, 14, 31));
}

static inline void sixteen(const uint8_t *y, const uint8_t *u, const uint8_t *v, uint8_t *to) {
  const v128_t middle = wasm_i16x8_const_splat(128);
  v128_t du = wasm_i16x8_sub(wasm_u16x8_load8x8(u), middle), dv = wasm_i16x8_sub(wasm_u16x8_load8x8(v), middle);
  v128_t cb[2] = {wasm_i32x4_extend_low_i16x8(du), wasm_i32x4_extend_high_i16x8(du)};
  v128_t cr[2] = {wasm_i32x4_extend_low_i16x8(dv), wasm_i32x4_extend_high_i16x8(dv)};
  v128_t red[2], green[2], blue[2], light[4];
  for (int i = 0; i < 2; i++) {
    red[i] = wasm_i32x4_mul(cr[i], wasm_i32x4_splat(rv));
    blue[i] = wasm_i32x4_mul(cb[i], wasm_i32x4_splat(bu));
    v128_t both = wasm_i32x4_add(wasm_i32x4_mul(cb[i], wasm_i32x4_splat(gu)), wasm_i32x4_mul(cr[i], wasm_i32x4_splat(gv)));
    green[i] = wasm_i32x4_neg(both);
    v128_t eight = wasm_i16x8_sub(wasm_u16x8_load8x8(y + 8 * i), wasm_i16x8_splat(black));
    light[2 * i] = wasm_i32x4_mul(wasm_i32x4_extend_low_i16x8(eight), wasm_i32x4_splat(scale));
    light[2 * i + 1] = wasm_i32x4_mul(wasm_i32x4_extend_high_i16x8(eight), wasm_i32x4_splat(scale));
  }
  store_interleaved(colour(light, red[0], red[1]), colour(light, green[0], green[1]), colour(light, blue[0], blue[1]), to);
}

// Y, U and V lie one after the other from memory_at() on, without gaps; RGB is put behind them. Returns where.
uint8_t *convert(int32_t width, int32_t height) {
  int32_t half = (width + 1) >> 1;
  const uint8_t *y = memory_at();
  const uint8_t *u = y + (size_t)width * height, *v = u + (size_t)half * ((height + 1) >> 1);
  uint8_t *rgb = (uint8_t *)v + (size_t)half * ((height + 1) >> 1), *to = rgb;
  for (int32_t row = 0; row < height; row++, y += width) {
    const uint8_t *cb = u + (row >> 1) * half, *cr = v + (row >> 1) * half;
    int32_t x = 0;
    for (; x + 16 <= width; x += 16, to += 48) sixteen(y + x, cb + (x >> 1), cr + (x >> 1), to);
    for (; x < width; x++, to += 3) pixel(y[x], cb[x >> 1] - 128, cr[x >> 1] - 128, to);
  }
  return rgb;
}
