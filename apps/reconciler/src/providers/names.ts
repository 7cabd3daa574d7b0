import { foldCase, type SubjectNames } from "@rollcall/core/domain";
import { ProviderFailure, type ProviderUser } from "./provider.ts";

/** What a user is looked up by: the id alone where there is one, for it is nobody else's. */
export type LookUp =
  | { readonly by: "id"; readonly value: string }
  | { readonly by: "userName"; readonly value: string }
  | { readonly by: "email"; readonly value: string };

/** `subjectIssuer` is the issuer whose tokens call a user by the provider's own id, where there is one. */
export function lookUpOf(names: SubjectNames, subjectIssuer?: string): LookUp {
  const { id, userName, email, token } = names;
  const isOwnToken = subjectIssuer !== undefined && token?.iss === subjectIssuer;
  const strong = id ?? (isOwnToken ? token?.sub : undefined);
  if (strong !== undefined && strong !== "") {
    // As a part of a path they lead somewhere else, however they are written (URL standard §4.4).
    if (/^\.{1,2}$/.test(strong)) throw new ProviderFailure("malformed", "the id is none that a provider gives");
    return { by: "id", value: strong };
  }
  if (userName !== undefined && userName !== "") return { by: "userName", value: userName };
  if (email !== undefined && email !== "") return { by: "email", value: email };
  throw new ProviderFailure("malformed", "there is no name that this provider looks users up by");
}

/** The one that a search by name found. One who has another name was found by a server that does not search. */
export function onlyOne(found: readonly ProviderUser[], lookUp: LookUp): ProviderUser | undefined {
  const [user, ...others] = found;
  if (user === undefined) return undefined;
  if (!found.every((one) => isCalled(one, lookUp)))
    throw new ProviderFailure("malformed", `it answered a search by ${lookUp.by} with users of another`);
  if (others.length > 0) throw new ProviderFailure("malformed", `several of its users have that ${lookUp.by}`);
  return user;
}

/** The user that was asked for by id, or a failure: whoever asks acts on it. */
export function expectId(user: ProviderUser, id: string): ProviderUser {
  if (user.id !== id) throw new ProviderFailure("malformed", "it answered with another user than was asked for");
  return user;
}

function isCalled({ id, attributes }: ProviderUser, { by, value }: LookUp): boolean {
  if (by === "id") return id === value;
  const wanted = foldCase(value);
  if (by === "userName") return foldCase(attributes.userName) === wanted;
  const emails = attributes["emails"];
  return (
    Array.isArray(emails) && emails.some((one) => typeof one?.value === "string" && foldCase(one.value) === wanted)
  );
}
