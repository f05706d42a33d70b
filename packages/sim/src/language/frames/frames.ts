/** Sentence frames of one skill; what is held out is never trained on. Frames are only ever appended, so that ids stay. */
export type Frames = { readonly train: readonly string[]; readonly heldOut: readonly string[] };
