/** What kinds of requests there are to whoever counts them. Denials take access away, and are shed last. */
export const requestKinds = ["reads", "writes", "denials"] as const;
export type RequestKind = (typeof requestKinds)[number];

/** How many requests of each kind may be made in a second. */
export type Rates = { readonly [kind in RequestKind]: number };

/** The rates that one connection has of its own. */
export type OwnRates = { readonly [kind in RequestKind]?: number };
