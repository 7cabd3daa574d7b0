/** What the benches measure on its own, beside whole decisions. */
export { createRevocations } from "../revocations.ts";
export { createSubjectSet } from "../subject-set.ts";
export { createSigner } from "./feed-server.ts";
