// What JavaScript calls: one AV1 decoder on one thread; a temporal unit in, the picture it shows out.
#include <stdlib.h>
#include <string.h>
#include "dav1d/dav1d.h"

static Dav1dPicture picture;

static void keep_bytes(const uint8_t *bytes, void *cookie) {}

Dav1dContext *av1_open(unsigned pixels) {
  Dav1dSettings settings;
  Dav1dContext *context = NULL;
  dav1d_default_settings(&settings);
  settings.n_threads = 1;
  settings.max_frame_delay = 1;
  settings.frame_size_limit = pixels;
  settings.logger.callback = NULL;
  return dav1d_open(&context, &settings) ? NULL : context;
}

// 1: there is a picture; 0: none is shown; below 0: an error. The bytes must stay until the call returns.
int av1_decode(Dav1dContext *context, const uint8_t *bytes, size_t length) {
  Dav1dData data;
  int shown = 0;
  memset(&data, 0, sizeof(data));
  int result = dav1d_data_wrap(&data, bytes, length, keep_bytes, NULL);
  if (result < 0) return result;
  while (data.sz > 0) {
    size_t before = data.sz;
    result = dav1d_send_data(context, &data);
    if (result < 0 && result != DAV1D_ERR(EAGAIN)) break;
    Dav1dPicture next;
    memset(&next, 0, sizeof(next));
    int got = dav1d_get_picture(context, &next);
    if (got == 0) {
      dav1d_picture_unref(&picture);
      picture = next;
      shown = 1;
    } else if (got != DAV1D_ERR(EAGAIN)) {
      result = got;
      break;
    } else if (result < 0 && data.sz == before) {
      // Neither takes nor gives: it never will.
      break;
    }
    result = 0;
  }
  if (data.sz > 0) dav1d_data_unref(&data);
  return result < 0 ? result : shown;
}

void av1_reset(Dav1dContext *context) {
  dav1d_picture_unref(&picture);
  dav1d_flush(context);
}

int av1_width(void) { return picture.p.w; }
int av1_height(void) { return picture.p.h; }
int av1_bits(void) { return picture.p.bpc; }
// 0: no colour, 1: 4:2:0, 2: 4:2:2, 3: 4:4:4.
int av1_layout(void) { return (int)picture.p.layout; }
int av1_stride(int plane) { return (int)picture.stride[plane ? 1 : 0]; }
const void *av1_plane(int plane) { return picture.data[plane]; }
void av1_close(Dav1dContext *context) {
  dav1d_picture_unref(&picture);
  dav1d_close(&context);
}
