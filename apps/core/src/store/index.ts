export { converge } from "./converge.ts";
export { type Bearer, createCredentials, type Credentials, type NewCredential, type Purpose } from "./credentials.ts";
export { type Database, openDatabase } from "./database.ts";
export type { GroupDirectory, Sender, UserDirectory, Written } from "./directory-store.ts";
export { assertDurable } from "./durability.ts";
export { failClosed } from "./fail-closed.ts";
export {
  type FeedHead,
  feedName,
  feedTenants,
  type LogEntry,
  oldestAcceptedAfter,
  readChanges,
  readHead,
  readSnapshot,
  trimFeed,
} from "./feed-log.ts";
export { createGroupDirectory } from "./group-directory.ts";
export {
  laneCount,
  lanesWaiting,
  markApplied,
  markDead,
  markFailed,
  takeEvents,
  takeLane,
  tenantsWaiting,
  type WaitingEvent,
} from "./inbox.ts";
export { migrate, schemaDrift } from "./migrate.ts";
export { type Leadership, tryLead } from "./leadership.ts";
export { subscribe, type Subscription } from "./notifications.ts";
export { beginTerm, type Digest, Fenced, feedsPending, publishFeed } from "./publish.ts";
export { sql } from "./sql.ts";
export { isTransient } from "./transient.ts";
export { createUserDirectory } from "./user-directory.ts";
export { isReady } from "./health.ts";
export {
  type ConnectionPatch,
  createConnection,
  findConnection,
  listConnections,
  type NewConnection,
  updateConnection,
} from "./admin-connections.ts";
export { type Act, type RevocationOutcome, suspendUser, unsuspendUser } from "./admin-denials.ts";
export { readUserHistory, type UserEvent, type UserHistory } from "./admin-user-history.ts";
export { findUsers, type UserQuery, type UserSummary } from "./admin-users.ts";
export { type CredentialInfo, issueAudited, listCredentials, revokeCredential } from "./credential-list.ts";
export { readSubjectFacts, tenantsKnowing } from "./explain-facts.ts";
export { type Lag, readLag, type StageLag } from "./lag.ts";
export { type GatewayReceipt, type GatewayState, listGateways, recordReceipt } from "./receipts.ts";
export { type ResolvedSubject, resolveSubject } from "./resolve-subject.ts";
export {
  enqueueResync,
  readResync,
  type ResyncPace,
  type ResyncProgress,
  type ResyncRun,
  type ResyncScope,
  startResync,
} from "./resync.ts";
export {
  createTenant,
  findTenant,
  type Keyset,
  type KeysetRequest,
  listTenants,
  type Tenant,
  tenantsOfIssuer,
} from "./tenants.ts";
export {
  type Alert,
  type DeadLetter,
  listAlerts,
  listDeadLetters,
  listRevocations,
  type Revocation,
} from "./trouble.ts";
export { denySubject, liftDenial, type RevocationTarget, revokeTokens } from "./subject-revocations.ts";
