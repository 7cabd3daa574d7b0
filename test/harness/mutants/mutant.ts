/** One mistake that the house must not make, written into its source, and the story that tells. */
export type Mutant = {
  readonly name: string;
  /** Relative to the checkout. */
  readonly file: string;
  /** Each text stands once in the file; white space counts as one. */
  readonly changes: readonly { readonly from: string; readonly to: string }[];
  readonly caughtBy: { readonly file: string; readonly test: string };
};
