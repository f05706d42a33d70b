/** The URL of the program as one bundle, up to date. Throws where none can be made. */
export function bundled(): Promise<string>;
