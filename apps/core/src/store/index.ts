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
export { trimForgotten } from "./forgotten-keys.ts";
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
  denialsWaiting,
  laneCount,
  lanesWaiting,
  markApplied,
  markDead,
  markFailed,
  takeDenials,
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
export { addIdentity, type IdentityOutcome, removeIdentity, type TokenSubject } from "./user-identities.ts";
export { type LinkNames, type LinkOutcome, linkUser, unlinkUser } from "./user-links.ts";
export { readUserHistory, type UserEvent, type UserHistory } from "./admin-user-history.ts";
export { findUsers, type UserQuery, type UserSummary } from "./admin-users.ts";
export { type CredentialInfo, issueAudited, listCredentials, revokeCredential } from "./credential-list.ts";
export { type EmailHolder, findEmailHolders } from "./explain-emails.ts";
export { readSubjectFacts, tenantsKnowing } from "./explain-facts.ts";
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
  createTenant,
  findTenant,
  type Keyset,
  keyset,
  type KeysetRequest,
  listTenants,
  type Tenant,
  tenantsOfIssuer,
} from "./tenants.ts";
export { resolveToken, type TokenNames } from "./token-standing.ts";
export {
  type DeadLetter,
  type DeadLetterShown,
  dropDeadLetter,
  findDeadLetter,
  listDeadLetters,
  replayDeadLetter,
  type Replayed,
  settleDeadLetters,
} from "./dead-letters.ts";
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
export { sealSecret, providerSecretPurpose, secretPurpose, sourceSecretPurpose } from "./sealed-secret.ts";
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
export { type Accepted, type Acceptance, acceptSourceEvent, type EventOrigin } from "./accept-source-event.ts";
export {
  type ConfiguredSource,
  createSource,
  findSource,
  listSources,
  openSource,
  type OpenSource,
  removeSource,
  rotateSourceSecret,
  type SourcePatch,
  updateSource,
} from "./event-sources.ts";
export {
  type AnswerOrigin,
  type AnswerPace,
  beginQuestion,
  convergeAnswer,
  type ConvergedAnswer,
  type GivenAnswer,
} from "./converge-read-back.ts";
export {
  hurryChanges,
  keepMark,
  noteProviderAnswer,
  noteProviderFailure,
  type ProviderDuty,
  providerDuties,
  takeChanges,
} from "./provider-standing.ts";
export {
  type ConfiguredProvider,
  findProvider,
  keepProviderReport,
  type OpenedProvider,
  openedProvider,
  type ProviderReport,
  readProviderReport,
  removeProvider,
  requestProviderTest,
  setProvider,
} from "./providers.ts";
export { noteRefusedAnswer } from "./refused-answers.ts";
export {
  askAgain,
  askMissing,
  countKnownIds,
  listReadBacks,
  postponeReadBack,
  type ReadBack,
  readBacksDue,
  releaseReadBack,
  strikeReadBack,
  takeReadBacks,
  type WaitingReadBack,
} from "./read-backs.ts";
export {
  endUpkeep,
  hurryUpkeep,
  keepSourceState,
  type KeptSource,
  sourcesToKeep,
  takeUpkeep,
} from "./source-upkeep.ts";
export {
  listSourceEvents,
  type NotedEvent,
  type SourceEventPlace,
  tenantsWithOldSourceEvents,
  trimSourceEvents,
} from "./source-events.ts";
export { noteSourceTrouble } from "./source-trouble.ts";
export { type PolledStream, releaseStream, streamsToPoll, takeStream } from "./polled-streams.ts";
export { type AuditQuery, type AuditReader, type AuditRow, listAudit } from "./audit-list.ts";
export {
  type AdminEvent,
  type AdminEventShown,
  type EventPlace,
  type EventQuery,
  type EventState,
  findEvent,
  listEvents,
} from "./admin-events.ts";
export {
  type AdminGroup,
  type AdminGroupMember,
  type AdminGroupShown,
  findGroup,
  type GroupQuery,
  listGroupMembers,
  listGroups,
} from "./admin-groups.ts";
export { type ChangeMarks, type ChangeTopic, changeTopics, readChangeMarks } from "./admin-changes.ts";
export { type Arrivals, readArrivals } from "./connection-arrivals.ts";
export { pauseConnection, resumeConnection } from "./connection-pause.ts";
export { denyLatecomers, type Removal, removeConnection } from "./connection-removal.ts";
export type { Expectation } from "./expectation.ts";
export {
  type AdminPerson,
  type AdminSession,
  createSessions,
  type NewSession,
  sessionPurpose,
  type Sessions,
} from "./sessions.ts";
export * from "./reconciliation.ts";
