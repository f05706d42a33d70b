/**
 * Einstein summation, worked out in products of matrices: "bhid,bhjd->bhij". A letter twice in one operand takes the diagonal,
 * "..." stands for further dimensions that broadcast.
 */
import { BiddenError } from "@bidden/runtime";
import { sizeOf } from "../graph/dtype.ts";
import { badShape, showShape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { expand, reshape, sum } from "./core.ts";
import { gather } from "./indexing.ts";
import { transpose } from "./layout.ts";
import { matmul } from "./matmul.ts";

/** A tensor whose dimensions have names, each once. */
type Named = { readonly tensor: Tensor; readonly letters: readonly string[] };

export function einsum(equation: string, ...operands: readonly Tensor[]): Tensor {
  const [left, right] = equation.replaceAll(" ", "").split("->");
  const terms = (left ?? "").split(",");
  if (right === undefined || terms.length !== operands.length) {
    throw new BiddenError(
      "bad-argument",
      `einsum "${equation}": expected "terms->result" with ${operands.length} terms separated by commas.`,
    );
  }
  const named = operands.map((tensor, i) =>
    diagonal(equation, tensor, letterList(equation, terms[i] as string, tensor)),
  );
  checkSizes(equation, named);
  const dots = named
    .flatMap(({ letters }) => letters.filter((l) => l.startsWith(".")))
    .sort()
    .reverse();
  const result = right.includes("...")
    ? [...new Set(dots)].concat(right.replace("...", "").split(""))
    : right.split("");
  const [first, ...rest] = named;
  const product = rest.reduce<Named>((a, b, i) => {
    const later = new Set([...result, ...rest.slice(i + 1).flatMap(({ letters }) => letters)]);
    return contract(dropAbsent(a, b, later), dropAbsent(b, a, later), later);
  }, first as Named);
  const kept = product.letters.filter((letter) => result.includes(letter));
  const summed = sum(
    product.tensor,
    product.letters.flatMap((letter, i) => (result.includes(letter) ? [] : [i])),
  );
  if (kept.length !== result.length) {
    throw new BiddenError("bad-argument", `einsum "${equation}": the result has a letter that no term has.`);
  }
  return transpose(
    summed,
    result.map((letter) => kept.indexOf(letter)),
  );
}

/** The names of an operand's dimensions; those under "..." are called ".0", ".1" from the right. */
function letterList(equation: string, term: string, tensor: Tensor): string[] {
  const plain = term.replace("...", "").split("");
  const hidden = tensor.rank - plain.length;
  if (hidden < 0 || (hidden > 0 && !term.includes("..."))) {
    throw badShape(`einsum "${equation}"`, `a dimension for every letter of "${term}"`, tensor.shape);
  }
  const dots = Array.from({ length: hidden }, (_, i) => `.${hidden - 1 - i}`);
  const at = term.indexOf("...");
  return at < 0 ? plain : [...plain.slice(0, at), ...dots, ...plain.slice(at)];
}

/** Takes the diagonal of dimensions with the same name. */
function diagonal(equation: string, tensor: Tensor, letters: readonly string[]): Named {
  const twice = letters.findIndex((letter, i) => letters.indexOf(letter) < i);
  if (twice < 0) return { tensor, letters };
  const other = letters.indexOf(letters[twice] as string);
  const dim = tensor.shape[other] as number;
  if (tensor.shape[twice] !== dim) throw badShape(`einsum "${equation}"`, "equal lengths for one letter", tensor.shape);
  const order = letters.map((_, i) => i).filter((i) => i !== other && i !== twice);
  const last = transpose(tensor, [other, twice, ...order]);
  const flat = reshape(last, [dim * dim, ...order.map((i) => tensor.shape[i] as number)]);
  const picks = tensor.graph.constant(
    Array.from({ length: dim }, (_, i) => i * (dim + 1)),
    "int64",
  );
  const rest = [letters[other] as string, ...order.map((i) => letters[i] as string)];
  return diagonal(equation, gather(flat, picks, 0), rest);
}

function checkSizes(equation: string, named: readonly Named[]): void {
  const sizes = new Map<string, number>();
  for (const { tensor, letters } of named) {
    letters.forEach((letter, i) => {
      const dim = tensor.shape[i] as number;
      const known = sizes.get(letter) ?? dim;
      if (known !== dim && !(letter.startsWith(".") && (known === 1 || dim === 1))) {
        throw badShape(
          `einsum "${equation}"`,
          `one length for "${letter}", not ${showShape([known, dim])}`,
          ...named.map((n) => n.tensor.shape),
        );
      }
      sizes.set(letter, Math.max(known, dim));
    });
  }
}

/** Sums out the names that nobody else needs. */
function dropAbsent(a: Named, b: Named, later: ReadonlySet<string>): Named {
  const needed = (letter: string): boolean => b.letters.includes(letter) || later.has(letter);
  const axes = a.letters.flatMap((letter, i) => (needed(letter) ? [] : [i]));
  return { tensor: sum(a.tensor, axes), letters: a.letters.filter(needed) };
}

/** Multiplies two operands as [batch, m, k] and [batch, k, n], where k are the shared names that are not needed later. */
function contract(a: Named, b: Named, later: ReadonlySet<string>): Named {
  const shared = a.letters.filter((letter) => b.letters.includes(letter));
  const batch = shared.filter((letter) => later.has(letter));
  const inner = shared.filter((letter) => !later.has(letter));
  const rows = a.letters.filter((letter) => !shared.includes(letter));
  const columns = b.letters.filter((letter) => !shared.includes(letter));
  const dims = (letters: readonly string[]): number[] =>
    letters.map((letter) => Math.max(dimOf(a, letter), dimOf(b, letter)));
  const arranged = (x: Named, groups: readonly (readonly string[])[]): Tensor => {
    const order = groups.flat();
    const turned = transpose(
      x.tensor,
      order.map((letter) => x.letters.indexOf(letter)),
    );
    const wide = expand(turned, dims(order));
    return reshape(
      wide,
      groups.map((group) => sizeOf(dims(group))),
    );
  };
  const product = matmul(arranged(a, [batch, rows, inner]), arranged(b, [batch, inner, columns]));
  const letters = [...batch, ...rows, ...columns];
  return { tensor: reshape(product, dims(letters)), letters };
}

function dimOf(x: Named, letter: string): number {
  const at = x.letters.indexOf(letter);
  return at < 0 ? 0 : (x.tensor.shape[at] as number);
}
