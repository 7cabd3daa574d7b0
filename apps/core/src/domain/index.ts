export * from "./address-host.ts";
export * from "./admin-role.ts";
export * from "./alert-event.ts";
export * from "./application-event.ts";
export * from "./attribute-times.ts";
export * from "./brake.ts";
export * from "./canary.ts";
export * from "./burn-rate.ts";
export * from "./connection.ts";
export * from "./connection-silence.ts";
export * from "./converge.ts";
export * from "./dialect-profiles.ts";
export * from "./dialect-rules.ts";
export * from "./directory-error.ts";
export * from "./directory.ts";
export * from "./drift-user.ts";
export * from "./drift.ts";
export * from "./event.ts";
export * from "./extension-schema.ts";
export * from "./filter.ts";
export * from "./hysteresis.ts";
export * from "./identifier.ts";
export * from "./just-in-time.ts";
export * from "./lag-histogram.ts";
export * from "./new-name.ts";
export * from "./objective.ts";
export * from "./problem-status.ts";
export * from "./provider-kinds.ts";
export * from "./provisioning-choice.ts";
export * from "./pull-decision.ts";
export * from "./pull.ts";
export * from "./read-back-decision.ts";
export * from "./refusal-spike.ts";
export * from "./request-kind.ts";
export * from "./revocation.ts";
export * from "./said-before.ts";
export * from "./schema-definition.ts";
export * from "./source-decision.ts";
export * from "./source-event.ts";
export * from "./source-kinds.ts";
export * from "./subject.ts";
export * from "./superseded.ts";
export * from "./explain-causes.ts";
export { readRefusalLine, type RefusalLine } from "./explain-line.ts";
export { refusalCauses } from "./explain-refusal.ts";
export type { ExplainStep, GatewayTold } from "./explain-step.ts";
export * from "./explain.ts";
export type {
  ConnectionStanding,
  DenialFact,
  EventFact,
  ExplainQuestion,
  GatewayFact,
  IdentityFact,
  ProvisioningFact,
  RefusedFact,
  RevocationFact,
  SignatureVerdict,
  SubjectFacts,
  TieFact,
  TokenFacts,
} from "./explain-facts.ts";
export * from "./resolution.ts";
