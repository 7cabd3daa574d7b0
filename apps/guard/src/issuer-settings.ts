import type { JSONWebKeySet } from "jose";
import { httpUrl, isKeySet, isText, type Report, settleNumber } from "./option-checks.ts";
import { type IssuerTemplate, readTemplate, templateFault } from "./issuer-template.ts";
import type { IssuerOptions, ServiceRule } from "./options.ts";
import { normalizedType } from "./claims.ts";

export type IssuerSettings = {
  readonly issuer: string;
  readonly audience: readonly string[] | "any";
  readonly keys:
    | { readonly kind: "pinned"; readonly jwks: JSONWebKeySet }
    | { readonly kind: "url"; readonly url: string }
    | { readonly kind: "discovery" };
  readonly refusedKeys: readonly string[];
  readonly algorithms: readonly string[];
  readonly types: readonly (string | undefined)[];
  readonly subjectClaim: string;
  readonly subjectCompare: "exact" | "casefold";
  readonly tenantClaim: string | undefined;
  /** The tenant of all tokens, where no claim names one. */
  readonly tenant: string | undefined;
  /** What the tenant claim may name. */
  readonly tenants: readonly string[] | "any";
  readonly subjectFormat: RegExp | undefined;
  readonly services: readonly ServiceRule[];
  readonly toleranceSec: number;
};

const algorithmsKnown = new Set([
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
]);
const algorithmsUsual = ["RS256", "ES256", "EdDSA", "PS256"];
const typesUsual = ["jwt", "at+jwt", undefined];
const toleranceSecUsual = 30;
const toleranceSecMax = 60;

export function settleIssuers(issuers: readonly IssuerOptions[], report: Report): readonly IssuerSettings[] {
  if (!Array.isArray(issuers) || issuers.length === 0) {
    report("issuers: name at least one");
    return [];
  }
  const seen = new Set<string>();
  return issuers.map((options: IssuerOptions, index) => {
    const at = `issuers[${index}]`;
    if (!isText(options.issuer)) report(`${at}.issuer: must be the iss of its tokens`);
    if (seen.has(options.issuer)) report(`${at}.issuer: ${options.issuer} is listed twice`);
    seen.add(options.issuer);
    return settleIssuer(options, (problem) => report(`${at}.${problem}`));
  });
}

function settleIssuer(options: IssuerOptions, report: Report): IssuerSettings {
  const { audience, tenant } = options;
  const template = isText(options.issuer) ? readTemplate(options.issuer) : undefined;
  checkAudience(audience, report);
  checkSubject(options, report);
  for (const name of ["subjectClaim", "tenantClaim", "tenant"] as const) {
    if (options[name] !== undefined && !isText(options[name])) report(`${name}: must be a text that is not empty`);
  }
  const types = options.types ?? typesUsual;
  if (!Array.isArray(types) || types.length === 0 || !types.every((type) => type === undefined || isText(type))) {
    report("types: must list one or more typ values");
  }
  if (template !== undefined) checkTemplate(options, template, report);

  return {
    issuer: options.issuer,
    audience:
      audience === "any" ? "any" : ((typeof audience === "string" ? [audience] : audience) as readonly string[]),
    keys: settleIssuerKeys(options, report),
    refusedKeys: settleRefusedKeys(options.refusedKeys ?? [], report),
    algorithms: settleAlgorithms(options.algorithms ?? algorithmsUsual, report),
    types: types.map((type: string | undefined) => (isText(type) ? normalizedType(type) : undefined)),
    subjectClaim: options.subjectClaim ?? "sub",
    subjectCompare: options.subjectCompare ?? "exact",
    tenantClaim: template?.claim ?? options.tenantClaim,
    tenant,
    tenants: settleTenants(options, report),
    subjectFormat: options.subjectFormat,
    services: settleServices(options.services, report),
    toleranceSec: settleNumber(
      "clockToleranceSec",
      options.clockToleranceSec,
      toleranceSecUsual,
      toleranceSecMax,
      report,
    ),
  };
}

function checkAudience(audience: IssuerOptions["audience"], report: Report): void {
  const audiences = typeof audience === "string" ? [audience] : audience;
  if (!Array.isArray(audiences) || audiences.length === 0 || !audiences.every(isText)) {
    report('audience: name one or more, or say "any"');
  } else if (Array.isArray(audience) && audience.includes("any")) {
    report('audience: "any" stands alone, not in a list');
  }
}

function checkSubject({ subjectFormat, subjectCompare }: IssuerOptions, report: Report): void {
  if (
    subjectFormat !== undefined &&
    (!(subjectFormat instanceof RegExp) || subjectFormat.global || subjectFormat.sticky)
  ) {
    report("subjectFormat: must be a RegExp without the flags g and y, which remember the last match");
  }
  if (![undefined, "exact", "casefold"].includes(subjectCompare))
    report('subjectCompare: must be "exact" or "casefold"');
}

function checkTemplate(
  { issuer, jwks, jwksUrl, tenant, tenants, tenantClaim }: IssuerOptions,
  template: IssuerTemplate,
  report: Report,
): void {
  const fault = templateFault(issuer);
  if (fault !== undefined) report(`issuer: ${fault}`);
  if (jwks === undefined && jwksUrl === undefined)
    report("jwksUrl: must be given for a template, as each of its issuers would have a discovery of its own");
  if (tenant === undefined && tenants === undefined)
    report('tenants: name those that a template may stand for, or say "any"');
  if (tenantClaim !== undefined && tenantClaim !== template.claim)
    report("tenantClaim: a template's tenant is the claim that it names");
}

function settleTenants(
  { tenant, tenants, tenantClaim, issuer }: IssuerOptions,
  report: Report,
): readonly string[] | "any" {
  if (tenants === undefined) return tenant === undefined ? "any" : [tenant];
  if (tenant !== undefined) report("tenants: give it or tenant, not both");
  else if (tenants !== "any" && (!Array.isArray(tenants) || tenants.length === 0 || !tenants.every(isText)))
    report('tenants: name one or more, or say "any"');
  else if (tenantClaim === undefined && !(isText(issuer) && readTemplate(issuer) !== undefined))
    report("tenantClaim: must name the claim that tenants are compared with");
  return tenants;
}

function settleServices(services: readonly ServiceRule[] | undefined, report: Report): readonly ServiceRule[] {
  if (services === undefined) return [];
  if (!Array.isArray(services) || !services.every(isServiceRule)) {
    report("services: each must be { claim, equals }, { claim, prefix } or { clientIds }");
    return [];
  }
  return services;
}

function isServiceRule(rule: unknown): rule is ServiceRule {
  if (typeof rule !== "object" || rule === null) return false;
  const { claim, equals, prefix, clientIds } = rule as Record<string, unknown>;
  const named = [equals, prefix, clientIds].filter((value) => value !== undefined);
  if (named.length !== 1) return false;
  if (clientIds !== undefined)
    return claim === undefined && Array.isArray(clientIds) && clientIds.length > 0 && clientIds.every(isText);
  return (
    isText(claim) && (prefix === undefined ? ["string", "number", "boolean"].includes(typeof equals) : isText(prefix))
  );
}

function settleIssuerKeys(options: IssuerOptions, report: Report): IssuerSettings["keys"] {
  if (options.jwks !== undefined) {
    if (options.jwksUrl !== undefined) report("jwks: give it or jwksUrl, not both");
    if (!isKeySet(options.jwks)) report("jwks: must be a JSON Web Key Set with one key or more");
    return { kind: "pinned", jwks: options.jwks };
  }
  if (options.jwksUrl !== undefined) {
    if (httpUrl(options.jwksUrl) === undefined) report("jwksUrl: must be an http(s) URL");
    return { kind: "url", url: options.jwksUrl };
  }
  if (httpUrl(options.issuer) === undefined) {
    report("issuer: must be an http(s) URL where keys are found by discovery; or give jwks or jwksUrl");
  }
  return { kind: "discovery" };
}

function settleRefusedKeys(keyIds: readonly string[], report: Report): readonly string[] {
  if (Array.isArray(keyIds) && keyIds.every(isText)) return keyIds;
  report("refusedKeys: must list key ids");
  return [];
}

function settleAlgorithms(algorithms: readonly string[], report: Report): readonly string[] {
  if (!Array.isArray(algorithms) || algorithms.length === 0) {
    report("algorithms: must list one or more");
    return [];
  }
  for (const algorithm of algorithms as readonly unknown[]) {
    // RFC 8725 §3.1: with a shared-secret algorithm, the issuer's public key would be the secret.
    if (!algorithmsKnown.has(String(algorithm))) report(`algorithms: ${String(algorithm)} is never allowed`);
  }
  return algorithms;
}
