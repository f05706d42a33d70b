import type { ReactNode } from "react";

export function Wordmark(): ReactNode {
  return (
    <h1 className="wordmark">
      bidden
      <span aria-hidden="true" />
    </h1>
  );
}
