import {
  checkAgreement,
  checkPageHead,
  checkSnapshotHead,
  type FeedContent,
  letOthersRun,
  malformed,
  parseLine,
  type ReadSnapshot,
} from "./feed-content.ts";
import { hashBytes, isHashed } from "./subject-naming.ts";
import { createSubjectSet, type SubjectSet } from "./subject-set.ts";
import type { CheckpointClaims, HashedBy } from "./wire.ts";

export type SubjectChange = { readonly known: boolean; readonly hash: Buffer };

const newline = 0x0a;
const hashesPerTurn = 5_000;
/** 16 bytes are 22 letters, the last of which has two bits. */
const change = /^[+-][\w-]{21}[AQgw]$/;

/** The feed of subjects that Rollcall knows. */
export function subjectContent(subjectKey: Buffer | undefined): FeedContent<SubjectSet, SubjectChange> {
  const checkNaming = (head: Partial<HashedBy>): void => {
    if (!isHashed(head, subjectKey)) malformed("it does not say how it names subjects");
  };
  return {
    readSnapshot: (body, checkpoint) => readSnapshot(body, checkpoint, checkNaming),
    readPage: (body, checkpoint) => {
      const page = parseLine(body.toString("utf8"));
      const head = checkPageHead(page, checkpoint);
      checkNaming(head);
      const { ops } = page as { readonly ops: unknown };
      if (!Array.isArray(ops) || ops.length !== head.to - head.from) malformed("the page has a gap");
      return { head, entries: ops.map(readChange) };
    },
    apply: (held, { known, hash }) => (known ? held.add(hash) : held.remove(hash)),
  };
}

/** A hash too few or too many, or out of order, or another digest, and it is refused whole. */
async function readSnapshot(
  body: Buffer,
  checkpoint: CheckpointClaims,
  checkNaming: (head: Partial<HashedBy>) => void,
): Promise<ReadSnapshot<SubjectSet>> {
  const headEnd = body.indexOf(newline);
  if (headEnd === -1) malformed("the snapshot has no header");
  const head = checkSnapshotHead(parseLine(body.toString("utf8", 0, headEnd)), checkpoint);
  checkNaming(head);
  const hashes = body.subarray(headEnd + 1);
  if (hashes.length !== head.n * hashBytes) malformed(`the snapshot does not hold ${head.n} subjects`);
  const held = createSubjectSet(head.n);
  for (let at = 0; at < hashes.length; at += hashBytes) {
    const hash = hashes.subarray(at, at + hashBytes);
    if (at > 0 && hashes.compare(hash, 0, hashBytes, at - hashBytes, at) >= 0) malformed("a subject is out of order");
    held.add(hash);
    if ((at / hashBytes) % hashesPerTurn === hashesPerTurn - 1) await letOthersRun();
  }
  checkAgreement(held, checkpoint);
  return { head, held };
}

function readChange(text: unknown): SubjectChange {
  if (typeof text !== "string" || !change.test(text)) malformed("a change names no subject");
  return { known: text.startsWith("+"), hash: Buffer.from(text.slice(1), "base64url") };
}
