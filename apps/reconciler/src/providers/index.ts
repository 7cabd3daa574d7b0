export { countedPages, createCount, linkedPages, type Progress } from "./listing.ts";
export { openProvider, type ProviderParts } from "./open-provider.ts";
export {
  type Provider,
  type ProviderChanges,
  ProviderFailure,
  type ProviderFailureReason,
  type ProviderGroup,
  type ProviderUser,
} from "./provider.ts";
export { providerSettings, type ProviderSettings } from "./provider-settings.ts";
