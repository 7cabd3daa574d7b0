/** One mistake that the house must not make, written into its source, and the story that tells. */
export type Mutant = {
  readonly name: string;
  /** Relative to the checkout. */
  readonly file: string;
  /** Each text stands once in the file; white space counts as one. */
  readonly changes: readonly { readonly from: string; readonly to: string }[];
  /** A story by its name alone; a test beside the code by its path, as it begins with `apps/`. */
  readonly caughtBy: { readonly file: string; readonly test: string };
};

/** Where the test is that is to tell, relative to the checkout. */
export function testFileOf({ caughtBy: { file } }: Pick<Mutant, "caughtBy">): string {
  return file.startsWith("apps/") ? `${file}.test.ts` : `test/story/${file}.test.ts`;
}
