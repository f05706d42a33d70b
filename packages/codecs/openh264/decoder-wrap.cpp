// What JavaScript calls: one decoder of H.264 access units (Annex B), pictures out by time stamp.
#include <string.h>
#include "wels/codec_api.h"
static unsigned char* out[3];
static SBufferInfo info;
extern "C" {
ISVCDecoder* h264_open() {
  ISVCDecoder* decoder = 0;
  if (WelsCreateDecoder(&decoder)) return 0;
  int quiet = 0;
  decoder->SetOption(DECODER_OPTION_TRACE_LEVEL, &quiet);
  SDecodingParam param;
  memset(&param, 0, sizeof(param));
  param.sVideoProperty.eVideoBsType = VIDEO_BITSTREAM_AVC;
  param.eEcActiveIdc = ERROR_CON_DISABLE;
  param.uiTargetDqLayer = 255;
  if (decoder->Initialize(&param)) { WelsDestroyDecoder(decoder); return 0; }
  return decoder;
}
int h264_decode(ISVCDecoder* decoder, const unsigned char* bytes, int length, unsigned stamp) {
  memset(&info, 0, sizeof(info));
  info.uiInBsTimeStamp = stamp;
  return decoder->DecodeFrame2(bytes, length, out, &info);
}
int h264_end(ISVCDecoder* decoder) {
  int yes = 1;
  decoder->SetOption(DECODER_OPTION_END_OF_STREAM, &yes);
  memset(&info, 0, sizeof(info));
  return decoder->DecodeFrame2(0, 0, out, &info);
}
int h264_flush(ISVCDecoder* decoder) {
  memset(&info, 0, sizeof(info));
  return decoder->FlushFrame(out, &info);
}
int h264_left(ISVCDecoder* decoder) { int n = 0; decoder->GetOption(DECODER_OPTION_NUM_OF_FRAMES_REMAINING_IN_BUFFER, &n); return n; }
int h264_ready() { return info.iBufferStatus; }
unsigned h264_stamp() { return (unsigned)info.uiOutYuvTimeStamp; }
int h264_width() { return info.UsrData.sSystemBuffer.iWidth; }
int h264_height() { return info.UsrData.sSystemBuffer.iHeight; }
int h264_stride(int plane) { return info.UsrData.sSystemBuffer.iStride[plane ? 1 : 0]; }
unsigned char* h264_plane(int plane) { return out[plane]; }
void h264_close(ISVCDecoder* decoder) { decoder->Uninitialize(); WelsDestroyDecoder(decoder); }
}
