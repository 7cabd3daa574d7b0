/** What has to be known of an identity provider before it can be connected. */
export type Ask = {
  readonly name: string;
  readonly label: string;
  readonly hint: string;
  readonly placeholder: string;
  /** What the value must look like. */
  readonly pattern?: string;
  /** Where something usual stands until somebody says otherwise. */
  readonly usual?: string;
};

/** What is pasted at the provider, in the order in which it asks for it. */
export type Step = { readonly say: string; readonly paste?: "url" | "token" };

/** How one kind of identity provider is connected. */
export type Guide = {
  readonly kind: string;
  readonly name: string;
  /** Who should choose this one. */
  readonly for: string;
  readonly asks: readonly Ask[];
  /** The `iss` of its tokens, byte for byte. */
  readonly issuersOf: (said: Readonly<Record<string, string>>) => readonly string[];
  readonly subject: Subject;
  readonly steps: readonly Step[];
  /** What stands after the address of ingest. */
  readonly urlEnd?: string;
};

/** Which claim of a token names the user, and which attribute of the directory it equals. */
export type Subject = {
  readonly claim: string;
  readonly attribute: string;
  readonly compare: "exact" | "casefold";
  /** Why these two. */
  readonly why: string;
};

/** A host as somebody pastes it: with a scheme and a path, or without. */
export function hostOf(said: string | undefined): string {
  return (said ?? "")
    .trim()
    .replace(/^https?:\/\//i, "")
    .replace(/\/.*$/, "")
    .toLowerCase();
}

export function withoutSlash(said: string | undefined): string {
  return (said ?? "").trim().replace(/\/+$/, "");
}
