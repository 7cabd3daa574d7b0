/** Something that keeps a process from starting and that a person can mend; its message says how. */
export class StartError extends Error {
  override readonly name = "StartError";
}
