import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type SyntheticEvent, useEffect } from "react";
import { useLocation, useSearch } from "wouter";
import type { Problem } from "./api/problem.ts";
import { request, withQuery } from "./api/request.ts";
import { type LoginMethods, sessionQuery } from "./api/session.ts";
import { TextField } from "./parts/field.tsx";
import { ProblemNotice } from "./parts/notice.tsx";
import { Wordmark } from "./parts/wordmark.tsx";

/** The way in: at the house's identity provider where one is configured, and with an admin token. */
export function LoginPage() {
  const [location] = useLocation();
  const search = useSearch();
  const place = `/console${location}${search === "" ? "" : `?${search}`}`;
  const methods = useQuery({
    queryKey: ["login-methods"],
    queryFn: () => request<LoginMethods>("GET", "/v1/admin/login/methods"),
  });
  useEffect(() => {
    document.title = "Log in · Rollcall";
  }, []);
  const oidc = methods.data?.oidc;
  return (
    <main className="alone">
      <div className="login">
        <Wordmark />
        <h1>Log in</h1>
        {oidc !== undefined && oidc !== null && (
          <>
            <a className="button primary wide" href={withQuery("/v1/admin/login/start", { to: place })}>
              Continue with {oidc.name}
            </a>
            <p className="divider">or</p>
          </>
        )}
        <TokenForm />
      </div>
    </main>
  );
}

function TokenForm() {
  const client = useQueryClient();
  const login = useMutation<unknown, Problem, string>({
    mutationFn: (token) => request("POST", "/v1/admin/login/token", { token }),
    onSuccess: () => client.invalidateQueries({ queryKey: sessionQuery.queryKey }),
  });
  const submit = (event: SyntheticEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const token = new FormData(event.currentTarget).get("token");
    if (typeof token === "string") login.mutate(token.trim());
  };
  return (
    <form className="form" onSubmit={submit}>
      <TextField
        label="Admin token"
        name="token"
        type="password"
        required
        autoComplete="off"
        hint={
          <>
            The first start printed one as <code>ADMIN_TOKEN</code>. It is exchanged for a session and kept nowhere in
            the browser.
          </>
        }
        problem={login.error?.code === "login_failed" ? "This is no live admin token." : undefined}
      />
      {login.error !== null && login.error.code !== "login_failed" && <ProblemNotice error={login.error} />}
      <button type="submit" className="button primary wide" disabled={login.isPending}>
        Log in
      </button>
    </form>
  );
}
