import { type SyntheticEvent } from "react";
import { useLocation, useSearch } from "wouter";
import type { UserSummary } from "../api/people.ts";
import { Go } from "../parts/go.tsx";
import { SelectField, TextField, typed } from "../parts/field.tsx";
import { KeysetList } from "../parts/keyset-list.tsx";
import { Empty } from "../parts/notice.tsx";
import { Page } from "../parts/page.tsx";
import { ConnectionName } from "./connection-name.tsx";
import { UserStanding } from "./user-standing.tsx";

const fields = [
  ["userName", "userName"],
  ["sub", "sub of a token"],
  ["externalId", "externalId"],
  ["id", "user id"],
] as const;

/** The users of the directory, and whom a name, a subject or an id finds among them. */
export function UsersPage() {
  const search = new URLSearchParams(useSearch());
  const by = fields.find(([field]) => search.has(field))?.[0];
  const value = by === undefined ? undefined : (search.get(by) ?? undefined);
  const query =
    by === undefined ? {} : { [by]: value, iss: by === "sub" ? (search.get("iss") ?? undefined) : undefined };
  return (
    <Page
      title="Users"
      lead="What each identity provider says of its people, and whether the application lets them in."
    >
      <FindUser by={by ?? "userName"} value={value ?? ""} />
      <KeysetList<UserSummary>
        topic="users"
        path="/users"
        query={query}
        label="Users"
        rowKey={({ directoryUserId }) => directoryUserId}
        empty={value === undefined ? <Nobody /> : <NotFound by={by ?? ""} />}
        columns={[
          {
            head: "User",
            cell: ({ id, userName }) => (
              <Go to={`/users/${id}`} className="breaks">
                {userName}
              </Go>
            ),
          },
          { head: "Standing", cell: (user) => <UserStanding user={user} /> },
          {
            head: "externalId",
            cell: ({ externalId }) =>
              externalId === undefined ? "none" : <code className="breaks">{externalId}</code>,
          },
          { head: "Connection", cell: ({ connectionId }) => <ConnectionName id={connectionId} /> },
        ]}
      />
    </Page>
  );
}

function FindUser({ by, value }: { readonly by: string; readonly value: string }) {
  const [location, navigate] = useLocation();
  const find = (event: SyntheticEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const [field, text] = [typed(form, "by"), typed(form, "value")];
    navigate(text === "" ? location : `${location}?${new URLSearchParams({ [field]: text }).toString()}`);
  };
  return (
    <form className="find" role="search" onSubmit={find} key={by + value}>
      <SelectField label="Find by" name="by" defaultValue={by} choices={fields} />
      <TextField label="Exactly" name="value" type="search" defaultValue={value} maxLength={255} />
      <button type="submit" className="button primary">
        Find
      </button>
    </form>
  );
}

function Nobody() {
  return (
    <Empty title="Nobody is here yet">
      <p>Users come with the first sync of a connected identity provider.</p>
      <Go to="/connections">Go to the connections</Go>
    </Empty>
  );
}

function NotFound({ by }: { readonly by: string }) {
  return (
    <Empty title="Nobody has this">
      <p>
        {by === "userName" ? "Names compare without case; " : "It compares exactly; "}
        <Go to="/explain">Explain</Go> says more of a subject or a token that finds nobody.
      </p>
    </Empty>
  );
}
