/** Case folding as Rollcall's directory does it; the two are held together by a test over all of Unicode. */
export function foldCase(value: string): string {
  let folded = value;
  for (;;) {
    const next = folded.normalize("NFKC").toLowerCase().replaceAll("ς", "σ").normalize("NFKC");
    if (next === folded) return folded;
    folded = next;
  }
}
