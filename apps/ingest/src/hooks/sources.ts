import type { SourceKind } from "@rollcall/core/domain";
import type { SourceAdapter } from "./source-adapter.ts";
import { auth0Logs } from "./sources/auth0-logs.ts";
import { auth0 } from "./sources/auth0.ts";
import { google } from "./sources/google.ts";
import { graph } from "./sources/graph.ts";
import { keycloak } from "./sources/keycloak.ts";
import { logout } from "./sources/logout.ts";
import { okta } from "./sources/okta.ts";
import { ssfPoll } from "./sources/ssf-poll.ts";
import { ssfPush } from "./sources/ssf-push.ts";
import { standardWebhook } from "./sources/standard-webhook.ts";
import { tokenRevocation } from "./sources/token-revocation.ts";
import { workos } from "./sources/workos.ts";

/** Every source there is. Adding one is a line here and a line in `domain/source-kinds.ts`. */
export const sources: Readonly<Record<SourceKind, SourceAdapter>> = {
  webhook: standardWebhook,
  okta,
  auth0,
  auth0_logs: auth0Logs,
  keycloak,
  workos,
  ssf_push: ssfPush,
  ssf_poll: ssfPoll,
  token_revocation: tokenRevocation,
  logout,
  graph,
  google,
};
