/** Fetches over HTTP as the WHATWG function does. Callers receive one; only a `main.ts` chooses which. */
export type Fetch = (input: string | URL, init?: RequestInit) => Promise<Response>
