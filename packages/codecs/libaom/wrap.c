// What JavaScript calls: one encoder of AV1 pictures (I420), temporal units out.
#include <string.h>
#include "aom/aom_encoder.h"
#include "aom/aomcx.h"

// libaom has functions of such names itself.
#define EXPORT(name) __attribute__((export_name("av1_" #name))) bidden_##name

typedef struct {
  aom_codec_ctx_t codec;
  aom_codec_pts_t next;
  int gop;
} Encoder;

static Encoder encoder;
static const aom_codec_cx_pkt_t *packet;

static int control(int id, int value) { return aom_codec_control(&encoder.codec, id, value); }

// quant: 0 (best) to 63. gop: distance of keyframes. One at a time: an instance of this module is one encoder.
Encoder *EXPORT(encoder_open)(int width, int height, int fps, int quant, int gop) {
  aom_codec_enc_cfg_t config;
  aom_codec_iface_t *codec = aom_codec_av1_cx();
  memset(&encoder, 0, sizeof(encoder));
  encoder.gop = gop;
  if (aom_codec_enc_config_default(codec, &config, AOM_USAGE_REALTIME)) return 0;
  config.g_w = width;
  config.g_h = height;
  config.g_threads = 1;
  config.g_timebase.num = 1;
  config.g_timebase.den = fps;
  config.g_lag_in_frames = 0;
  // The quantiser is fixed: no picture is dropped or resized to keep a rate.
  config.rc_end_usage = AOM_Q;
  config.rc_min_quantizer = config.rc_max_quantizer = quant;
  config.rc_dropframe_thresh = 0;
  config.rc_resize_mode = 0;
  config.kf_mode = AOM_KF_DISABLED;
  if (aom_codec_enc_init(&encoder.codec, codec, &config, 0)) return 0;
  int failed = control(AOME_SET_CPUUSED, 7) | control(AOME_SET_CQ_LEVEL, quant) | control(AV1E_SET_AQ_MODE, 0) |
               control(AV1E_SET_DELTAQ_MODE, 0) | control(AV1E_SET_ENABLE_CDEF, 1) | control(AV1E_SET_ENABLE_RESTORATION, 0) |
               control(AV1E_SET_ENABLE_PALETTE, 0) | control(AV1E_SET_ENABLE_GLOBAL_MOTION, 0) |
               control(AV1E_SET_ENABLE_WARPED_MOTION, 0) | control(AV1E_SET_ENABLE_OBMC, 0) | control(AV1E_SET_ROW_MT, 0);
  return failed ? 0 : &encoder;
}

// Bytes of the temporal unit, 0 when there is none, below 0 for an error.
int EXPORT(encode)(Encoder *own, unsigned char *planes, int width, int height) {
  aom_image_t image;
  if (!aom_img_wrap(&image, AOM_IMG_FMT_I420, width, height, 1, planes)) return -1;
  int half = (width + 1) / 2, chroma = half * ((height + 1) / 2);
  image.stride[0] = width;
  image.stride[1] = image.stride[2] = half;
  image.planes[0] = planes;
  image.planes[1] = planes + width * height;
  image.planes[2] = image.planes[1] + chroma;
  int flags = own->next % own->gop == 0 ? AOM_EFLAG_FORCE_KF : 0;
  if (aom_codec_encode(&own->codec, &image, own->next++, 1, flags)) return -2;
  aom_codec_iter_t iterator = NULL;
  while ((packet = aom_codec_get_cx_data(&own->codec, &iterator)) && packet->kind != AOM_CODEC_CX_FRAME_PKT) continue;
  return packet ? (int)packet->data.frame.sz : 0;
}

int EXPORT(keyframe)(void) { return (packet->data.frame.flags & AOM_FRAME_IS_KEY) != 0; }

// Copies the temporal unit.
void EXPORT(take)(unsigned char *to) { memcpy(to, packet->data.frame.buf, packet->data.frame.sz); }

void EXPORT(encoder_close)(Encoder *own) { aom_codec_destroy(&own->codec); }
