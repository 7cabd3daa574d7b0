export { type Lag, type LagPoint, readLag, readLagHistory, type StageLag } from "./lag.ts";
export { type BurnCount, burnCounts, tenantsHeard } from "./lag-burn.ts";
export { type Folded, foldLag, trimLag } from "./lag-fold.ts";
export { noConnectionId } from "./lag-samples.ts";
export { readStanding } from "./lag-standing.ts";
export { readObjectives, setObjective, type StageObjective } from "./objectives.ts";
export { type Overview, readOverview } from "./overview.ts";
export { countPeople, type HeardConnection, notePulses, readHeard } from "./overview-pulse.ts";
export { type HouseStatus, readHouseStatus } from "./overview-house.ts";
export {
  countRefusals,
  minuteOf,
  recordRefusals,
  type RefusalBatch,
  type RefusalCount,
  refusalsKeptPerMinute,
  tenantsRefusing,
  type ToldRefusal,
  trimRefusals,
  unreported,
} from "./refusals.ts";
export {
  findHashedSubject,
  findRefusals,
  type KeptRefusal,
  listRefusals,
  type RefusalCursor,
  refusalCursor,
  type RefusalSummary,
  summarizeRefusals,
} from "./refusals-told.ts";
export { type NamedSubjects, compareSubjects, readCompared, readPiece, readTied } from "./compare.ts";
export { compareGroupPiece } from "./compare-groups.ts";
export { readGroupsWithin, readMemberPiece } from "./compare-members.ts";
export { findGhosts, findOrphans } from "./compare-strangers.ts";
export { compareUsers } from "./compare-users.ts";
export { sieveUsers } from "./compare-users-sieve.ts";
export { type DriftSchedule, scheduleCompares, trimResyncs } from "./drift-schedule.ts";
export {
  type Drift,
  type KeptDifference,
  listDifferences,
  listDrift,
  readDrift,
  readDriftSubjects,
} from "./drift-rows.ts";
export {
  applyResync,
  cancelResync,
  listResyncs,
  readResync,
  type ResyncCursor,
  type ResyncHeals,
  type ResyncRun,
  type ResyncScope,
  startResync,
} from "./resync-runs.ts";
export {
  followEvents,
  recordStep,
  releaseResync,
  type ResyncLine,
  type ResyncStep,
  type TakenResync,
  takeResync,
} from "./resync-steps.ts";
export { openAlert, openAlertLevels, type NewAlert, remindOfAlerts, resolveAlerts, tenantsToRemind } from "./alerts.ts";
export { acknowledgeAlert, type Alert, findAlert, listAlerts } from "./alerts-list.ts";
export {
  cancelPull,
  findPull,
  listPulls,
  type NewPull,
  type Pull,
  type PullDuty,
  pullDuties,
  type PullFindings,
  releasePull,
  startPull,
  startScheduledPull,
} from "./pull-runs.ts";
export {
  canariesDue,
  type CanaryDuty,
  type CanaryRound,
  type CanarySight,
  type CanaryStanding,
  endCanary,
  listCanaries,
  markCanary,
  seeCanary,
  setCanary,
  takeCanary,
} from "./canary.ts";
export {
  failOutdated,
  failPull,
  type HeldPull,
  holdPull,
  movePull,
  PullLost,
  releaseHeld,
  takePull,
} from "./pull-lease.ts";
export {
  beginGroups,
  beginListing,
  clearPull,
  keepGroups,
  keepUsers,
  type ListedGroup,
  type ListedSubject,
  ListedTwice,
} from "./pull-staging.ts";
export { compareListed, compareMissing, readListingFacts } from "./pull-comparison.ts";
export { compareListedGroups, compareMissingGroups, type GroupDelta, readGroupDelta } from "./pull-groups.ts";
export { type ComparedPull, endComparison } from "./pull-decisions.ts";
export {
  finishPull,
  listPullDifferences,
  type PullDifference,
  settleDifference,
  type WaitingDifference,
  waitingDifferences,
} from "./pull-differences.ts";
