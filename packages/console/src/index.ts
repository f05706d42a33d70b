export { decodeFrame, encodeFrame } from "./protocol/frames.ts";
export type { Frame, HeatFrame } from "./protocol/frames.ts";
export { MAX_MESSAGE_BYTES, PROTOCOL_VERSION } from "./protocol/messages.ts";
export type {
  CameraInfo,
  CandidateInfo,
  Driver,
  GeomInfo,
  LogEntry,
  ObjectInfo,
  PageMessage,
  Phase,
  Point3,
  SceneMessage,
  ServerMessage,
  Status,
  TraceSample,
} from "./protocol/messages.ts";
export type { ViewCamera, ViewColumn, ViewDataset, ViewEpisode, ViewFindings } from "./protocol/view.ts";
export { readPageMessage } from "./protocol/validate.ts";
