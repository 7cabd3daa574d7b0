export { converge } from "./converge.ts";
export {
  type Bearer,
  createCredentials,
  type Credentials,
  type NewCredential,
  type Purpose,
  type StreamScope,
} from "./credentials.ts";
export { type Database, openDatabase, type Transaction } from "./database.ts";
export { foldCounts } from "./directory-counts.ts";
export { createDirectoryLists, type DirectoryLists } from "./directory-lists.ts";
export type { GroupDirectory, Sender, UserDirectory, Written } from "./directory-store.ts";
export { assertDurable } from "./durability.ts";
export { failClosed } from "./fail-closed.ts";
export { compactFeed, type Compaction } from "./compaction.ts";
export { endDenials } from "./ending-denials.ts";
export type { Digest } from "./feed-append.ts";
export { type FeedLogName, raiseEpoch, raiseEpochBehind, type Rollback } from "./feed-epoch.ts";
export type { FeedHead } from "./feed-head.ts";
export {
  type FeedNews,
  type LogEntry,
  oldestAcceptedAfter,
  readChanges,
  readFeedNews,
  readFeedSnapshot,
} from "./feed-log.ts";
export { type FeedState, readFeedState, showSubjectKey } from "./feed-state.ts";
export { feedTenants, trimFeed, trimMarks } from "./feed-trim.ts";
export { beginFeed, feedName, hashedEntry, hashSubject, houseFeedId, houseFeedName, readSubjectKey } from "./feeds.ts";
export { feedsWatched, forgetGateways, watchGateways, type WellSince } from "./gateway-watch.ts";
export { type GatewayStanding, type GatewayState, listGateways, removeGateway } from "./gateways.ts";
export { hasHouseFeed, publishHouseFeed } from "./house-feed.ts";
export { liftKey, type RevocationKey, revokeKey } from "./key-revocations.ts";
export { publishSubjects, subjectSets, trimSubjects } from "./publish-subjects.ts";
export { listRevocations, type Revocation } from "./revocation-list.ts";
export {
  keepSubjects,
  readSubjectChanges,
  readSubjectNews,
  readSubjectSnapshot,
  type SubjectChange,
} from "./subject-log.ts";
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
export { beginTerm, Fenced, feedsPending, publishFeed } from "./publish.ts";
export { readResourceNames } from "./resource-names.ts";
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
export {
  addConnectionSchema,
  listConnectionSchemas,
  readConnectionSchemas,
  type RegisteredSchema,
  removeConnectionSchema,
  replaceConnectionSchema,
} from "./connection-schemas.ts";
export { type Act, type RevocationOutcome, suspendUser, unsuspendUser } from "./admin-denials.ts";
export { readUserHistory, type UserEvent, type UserHistory } from "./admin-user-history.ts";
export { findUsers, type UserQuery, type UserSummary } from "./admin-users.ts";
export { type CredentialInfo, issueAudited, listCredentials, revokeCredential } from "./credential-list.ts";
export { readSubjectFacts, tenantsKnowing } from "./explain-facts.ts";
export { type Lag, readLag, type StageLag } from "./lag.ts";
export { hasGroup, listParkedMembers, type ParkedMember, type ParkedPage, type ParkedQuery } from "./parked-members.ts";
export {
  findProvisioners,
  type NewcomerToken,
  type Provisioned,
  provisionSubject,
  type Provisioning,
  usesOfIssuer,
} from "./provision-subject.ts";
export { type GatewayReceipt, recordReceipts } from "./receipts.ts";
export { resolveInHouse } from "./resolve-in-house.ts";
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
export { resolveToken, type TokenNames } from "./token-standing.ts";
export { type Alert, type DeadLetter, listAlerts, listDeadLetters } from "./trouble.ts";
export { denySubject, liftDenial, type RevocationTarget, revokeTokens } from "./subject-revocations.ts";
export {
  claimDeliveries,
  type Delivery,
  type Destination,
  type Failure,
  settleDelivered,
  settleFailed,
  subscriptionsDue,
} from "./deliveries.ts";
export { listDeliveries, type LoggedDelivery, type Replay, replayDeliveries } from "./delivery-log.ts";
export { tenantsTelling, trimDeliveries } from "./delivery-retention.ts";
export { sealSecret, secretPurpose } from "./sealed-secret.ts";
export { type Acknowledgement, acknowledge, readWaiting, requestVerification } from "./stream-messages.ts";
export {
  type ApplicationSubscription,
  createSubscription,
  findSubscription,
  listSubscriptions,
  removeSubscription,
  rotateWebhookSecret,
  type SubscriptionPatch,
  type SubscriptionScope,
  updateSubscription,
} from "./subscriptions.ts";
