/** Golden sets that belong to no checkpoint. */
import { octo } from "../families/octo/golden.ts";
import { images } from "./images.ts";
import { ptFiles } from "./pt-files.ts";
import type { GoldenKind } from "./set.ts";
import { tokenizers } from "./tokenizers.ts";

export const GOLDEN_KINDS: readonly GoldenKind[] = [images, tokenizers, ptFiles, octo];
