/** An issuer that stands for many: one for each value of the claim in its braces, as `tid` in `https://login.example/{tid}/v2.0`. */
export type IssuerTemplate = { readonly claim: string | undefined };

const placeholder = /\{([\w-]+)\}/;
/** What a tenant may be in a URL: nothing that could end a part of it or begin another. */
const tenantCharacters = /^[\w.-]{1,128}$/;

/** Undefined for an issuer that is compared as it is. */
export function readTemplate(issuer: string): IssuerTemplate | undefined {
  return /[{}]/.test(issuer) ? { claim: placeholder.exec(issuer)?.[1] } : undefined;
}

/** What is wrong with a template, for whoever wrote it. */
export function templateFault(issuer: string): string | undefined {
  const [before, , after, ...more] = issuer.split(placeholder);
  if (after === undefined || more.length > 0) return "a template names one claim in braces, as {tid}";
  if (/[{}]/.test(before ?? "") || /[{}]/.test(after)) return "a template has no other braces than those of its claim";
  // Without something before it, any text at all would be the issuer.
  return before === "" ? "a template begins with what all its issuers share" : undefined;
}

/** The tenant that an `iss` stands for under a template, or undefined if it is none of its issuers. */
export function tenantOfIssuer(template: string): (iss: string) => string | undefined {
  const [before = "", , after = ""] = template.split(placeholder);
  return (iss) => {
    if (iss.length <= before.length + after.length || !iss.startsWith(before) || !iss.endsWith(after)) return undefined;
    const tenant = iss.slice(before.length, iss.length - after.length);
    return tenantCharacters.test(tenant) ? tenant : undefined;
  };
}
