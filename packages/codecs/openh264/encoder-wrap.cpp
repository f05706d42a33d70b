// What JavaScript calls: one encoder of H.264 pictures (I420), access units (Annex B) out.
#include <string.h>
#include "wels/codec_api.h"

static SFrameBSInfo info;

extern "C" {
// quant: 0 (best) to 51. gop: distance of IDR pictures.
ISVCEncoder* h264_encoder_open(int width, int height, int fps, int quant, int gop) {
  ISVCEncoder* encoder = 0;
  if (WelsCreateSVCEncoder(&encoder)) return 0;
  int quiet = 0;
  encoder->SetOption(ENCODER_OPTION_TRACE_LEVEL, &quiet);
  SEncParamExt param;
  encoder->GetDefaultParams(&param);
  param.iUsageType = CAMERA_VIDEO_REAL_TIME;
  param.iPicWidth = width;
  param.iPicHeight = height;
  param.fMaxFrameRate = (float)fps;
  // The quantiser is fixed: no picture is dropped or blurred to keep a rate.
  param.iRCMode = RC_OFF_MODE;
  param.bEnableFrameSkip = false;
  param.iMinQp = quant;
  param.iMaxQp = quant;
  param.uiIntraPeriod = gop;
  param.iNumRefFrame = 1;
  param.iEntropyCodingModeFlag = 1;
  param.eSpsPpsIdStrategy = CONSTANT_ID;
  param.iComplexityMode = MEDIUM_COMPLEXITY;
  param.iMultipleThreadIdc = 1;
  param.bEnableSceneChangeDetect = false;
  param.bEnableBackgroundDetection = false;
  param.bEnableAdaptiveQuant = false;
  param.bEnableDenoise = false;
  SSpatialLayerConfig& layer = param.sSpatialLayers[0];
  layer.iVideoWidth = width;
  layer.iVideoHeight = height;
  layer.fFrameRate = (float)fps;
  layer.uiProfileIdc = PRO_HIGH;
  layer.iDLayerQp = quant;
  layer.sSliceArgument.uiSliceMode = SM_SINGLE_SLICE;
  // BT.601, narrow range, as LeRobot's readers assume.
  layer.bVideoSignalTypePresent = true;
  layer.uiVideoFormat = VF_UNDEF;
  layer.bFullRange = false;
  layer.bColorDescriptionPresent = false;
  if (encoder->InitializeExt(&param)) { WelsDestroySVCEncoder(encoder); return 0; }
  return encoder;
}
// Bytes of the access unit, 0 when there is none, below 0 for an error.
int h264_encode(ISVCEncoder* encoder, unsigned char* planes, int width, int height) {
  SSourcePicture picture;
  memset(&picture, 0, sizeof(picture));
  picture.iColorFormat = videoFormatI420;
  picture.iPicWidth = width;
  picture.iPicHeight = height;
  picture.iStride[0] = width;
  picture.iStride[1] = picture.iStride[2] = (width + 1) / 2;
  int chroma = picture.iStride[1] * ((height + 1) / 2);
  picture.pData[0] = planes;
  picture.pData[1] = planes + width * height;
  picture.pData[2] = picture.pData[1] + chroma;
  memset(&info, 0, sizeof(info));
  if (encoder->EncodeFrame(&picture, &info)) return -1;
  return info.eFrameType == videoFrameTypeSkip ? 0 : info.iFrameSizeInBytes;
}
int h264_keyframe() { return info.eFrameType == videoFrameTypeIDR; }
// Copies the access unit.
void h264_take(unsigned char* to) {
  for (int i = 0; i < info.iLayerNum; i++) {
    SLayerBSInfo& layer = info.sLayerInfo[i];
    int length = 0;
    for (int n = 0; n < layer.iNalCount; n++) length += layer.pNalLengthInByte[n];
    memcpy(to, layer.pBsBuf, length);
    to += length;
  }
}
void h264_encoder_close(ISVCEncoder* encoder) { encoder->Uninitialize(); WelsDestroySVCEncoder(encoder); }
}
