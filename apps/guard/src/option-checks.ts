import type { JSONWebKeySet } from "jose";

/** Takes one thing that is wrong with the options: `name: what to do`. */
export type Report = (problem: string) => void;

export function settleNumber(
  name: string,
  value: number | undefined,
  usual: number,
  max: number,
  report: Report,
  min = 0,
): number {
  if (value === undefined) return usual;
  if (!Number.isFinite(value) || value < min || value > max) report(`${name}: must be between ${min} and ${max}`);
  return value;
}

export function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

export function isKeySet(value: unknown): value is JSONWebKeySet {
  const keys = (value as JSONWebKeySet | null)?.keys;
  return Array.isArray(keys) && keys.length > 0 && keys.every((key) => typeof key === "object" && key !== null);
}

export function httpUrl(text: unknown): URL | undefined {
  if (typeof text !== "string" || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const isHttp = url.protocol === "https:" || url.protocol === "http:";
  return isHttp && url.username === "" && url.password === "" ? url : undefined;
}
