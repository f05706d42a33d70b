/** A part of the page that may fail alone: whatever breaks in it, the others stay, and Stop with them. */
import { Component, type ReactNode } from "react";

type Props = { readonly name: string; readonly children: ReactNode };

export class Part extends Component<Props, { readonly failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError(): { readonly failed: boolean } {
    return { failed: true };
  }

  override render(): ReactNode {
    if (!this.state.failed) return this.props.children;
    return (
      <p className="part-failed" role="alert">
        {this.props.name} failed in this browser. Everything else goes on; reload the page to bring it back.
      </p>
    );
  }
}
