/** Which pages may connect: only those that this server itself served. */
import type { IncomingMessage } from "node:http";

/** True for the addresses that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

/**
 * Why a request is refused, or null when it may come in. A browser names the page's origin, which must be the address
 * it connects to; and while we listen on loopback only, that address must be a loopback one too (DNS rebinding).
 * Programs that are no browser name no origin: the token is what keeps them from moving anything.
 */
export function refusalOf(request: IncomingMessage, listeningHost: string): string | null {
  const { host, origin } = request.headers;
  if (host === undefined) return "The request names no host.";
  const name = hostname(`http://${host}`);
  if (isLoopback(listeningHost) && (name === null || !isLoopback(name))) {
    return `This console listens on this machine only and does not answer for "${host.slice(0, 80)}".`;
  }
  if (origin !== undefined && URL.canParse(origin) && new URL(origin).host === host) return null;
  return origin === undefined ? null : `Pages from ${origin.slice(0, 80)} may not connect to this console.`;
}

/** Host without port and brackets. */
function hostname(url: string): string | null {
  return URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, "") : null;
}
