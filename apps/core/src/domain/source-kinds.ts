/** One setting of a source, as an admin gives it. */
export type SourceSetting = {
  readonly meaning: string;
  readonly required: boolean;
  /** The values it may have; any text where left out. */
  readonly choices?: readonly string[];
  /** A URL that we ask, and that must not lead inside. */
  readonly asked?: boolean;
};

export type SourceDescription = {
  readonly title: string;
  /** `made` secrets are ours, shown once, and go to the sender; `given` ones are the sender's; `none` is for those who sign with published keys. */
  readonly secret: "made" | "given" | "none";
  /** Its sender sends only while a subscription at its provider is renewed, which we do. */
  readonly renewed?: true;
  /** We ask its sender, which is given no address of ours. */
  readonly polled?: true;
  readonly settings: Readonly<Record<string, SourceSetting>>;
};

const issuerSetting = {
  meaning: "who signs what is sent, exactly as in `iss`; its keys are found from there",
  required: true,
  asked: true,
} as const;
const jwksUriSetting = {
  meaning: "where the issuer's keys are; where left out its own configuration says it",
  required: false,
  asked: true,
} as const;
const subSetting = {
  meaning: "whether the sub of an iss_sub is what tokens carry (token), or the issuer's own id of the user (id)",
  required: false,
  choices: ["token", "id"],
} as const;
const streamSettings = {
  issuer: issuerSetting,
  audience: { meaning: "whom its tokens are for, exactly as in `aud`", required: true },
  jwksUri: jwksUriSetting,
  sub: subSetting,
} as const;

/** Which sources there are, and what an admin says of each. */
const described = {
  webhook: {
    title: "Standard Webhooks: HR systems and whatever is home-made",
    secret: "made",
    settings: {},
  },
  okta: {
    title: "Okta event hooks",
    secret: "made",
    settings: {
      applicationId: {
        meaning: "the id (0oa…) of the application at Okta that stands for yours: whoever it is taken from is denied",
        required: false,
      },
    },
  },
  auth0: {
    title: "Auth0 event streams",
    secret: "made",
    settings: {
      connection: {
        meaning: "the name of the Auth0 connection whose users are yours; all users where left out",
        required: false,
      },
    },
  },
  auth0_logs: { title: "Auth0 log streams", secret: "made", settings: {} },
  keycloak: {
    title: "Keycloak with p2-inc/keycloak-events",
    secret: "made",
    settings: {
      verification: {
        meaning:
          "how the webhook says who it is: hmac (X-Keycloak-Signature), jwt (a token of the realm, which p2 calls bearer) or bearer (the secret itself)",
        required: true,
        choices: ["hmac", "jwt", "bearer"],
      },
      audience: { meaning: "with jwt, whom its tokens are for; this source's URL where left out", required: false },
      realm: {
        meaning: "the realm whose users are yours, where the webhook sends those of several",
        required: false,
      },
    },
  },
  workos: {
    title: "WorkOS Directory Sync",
    secret: "given",
    settings: {
      directory: { meaning: "the id (directory_…) of the directory whose users are yours", required: true },
      deletions: {
        meaning: "what dsync.user.deleted does: WorkOS also deletes whoever only becomes inactive, unless told not to",
        required: false,
        choices: ["deleted", "disabled"],
      },
    },
  },
  ssf_push: {
    title: "Shared Signals: a transmitter that pushes (CAEP, RISC, SCIM events)",
    secret: "made",
    settings: {
      ...streamSettings,
      authorization: {
        meaning: "required where the transmitter must send the secret as a bearer too; else it may be left out",
        required: false,
        choices: ["optional", "required"],
      },
    },
  },
  ssf_poll: {
    title: "Shared Signals: a transmitter that is polled",
    secret: "given",
    polled: true,
    settings: {
      ...streamSettings,
      endpoint: { meaning: "where the stream is polled", required: true, asked: true },
    },
  },
  token_revocation: {
    title: "Global Token Revocation",
    secret: "none",
    settings: { issuer: issuerSetting, jwksUri: jwksUriSetting, sub: subSetting },
  },
  logout: {
    title: "OpenID Connect back-channel logout",
    secret: "none",
    settings: {
      issuer: issuerSetting,
      audience: { meaning: "the client id that logout tokens are for", required: true },
      jwksUri: jwksUriSetting,
      ends: {
        meaning:
          "session where access tokens have a sid; subject where they have none, so that all of a user's are ended",
        required: false,
        choices: ["session", "subject"],
      },
    },
  },
  graph: { title: "Microsoft Graph change notifications of users", secret: "made", renewed: true, settings: {} },
  google: { title: "Google Directory push notifications of users", secret: "made", renewed: true, settings: {} },
} as const satisfies Readonly<Record<string, SourceDescription>>;

export type SourceKind = keyof typeof described;

export const sourceKinds: Readonly<Record<SourceKind, SourceDescription>> = described;

export const sourceKindNames = Object.keys(sourceKinds) as readonly SourceKind[];

/** What every source may be told beside its own settings. */
export const commonSourceSettings = {
  idAttribute: {
    meaning:
      "externalId where the directory keeps the provider's own ids as externalId; none where it does not know them",
    required: false,
    choices: ["externalId", "none"],
  },
  lifts: {
    meaning:
      "own where whom SCIM has shut out only SCIM lets in again, for that the account lives says nothing of the application; all where this source has the last word",
    required: false,
    choices: ["own", "all"],
  },
} as const satisfies Readonly<Record<string, SourceSetting>>;

/**
 * Whether a provider's own id is what the directory keeps as `externalId` (the default, `externalId`) or
 * the directory does not know it (`none`), so that users are told by userName and e-mail.
 */
export type IdAttribute = "externalId" | "none";
