export * from "./application-event.ts";
export * from "./connection.ts";
export * from "./converge.ts";
export * from "./dialect-profiles.ts";
export * from "./dialect-rules.ts";
export * from "./directory-error.ts";
export * from "./directory.ts";
export * from "./event.ts";
export * from "./extension-schema.ts";
export * from "./filter.ts";
export * from "./identifier.ts";
export * from "./just-in-time.ts";
export * from "./provisioning-choice.ts";
export * from "./request-kind.ts";
export * from "./revocation.ts";
export * from "./schema-definition.ts";
export * from "./subject.ts";
export * from "./explain-causes.ts";
export * from "./explain.ts";
export type {
  DenialFact,
  EventFact,
  ExplainQuestion,
  GatewayFact,
  IdentityFact,
  ProvisioningFact,
  RevocationFact,
  SignatureVerdict,
  SubjectFacts,
  TokenFacts,
} from "./explain-facts.ts";
export * from "./resolution.ts";
